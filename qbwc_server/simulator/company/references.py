"""Refs from one record to an element of a list: where each points, how it is checked, kept and shown."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qbwc_server.simulator.company import lists
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.characters import is_empty
from qbwc_server.simulator.company.lists import ACCOUNTS, ITEMS, NAMES, TERMS
from qbwc_server.simulator.company.statuses import BAD_REFERENCE, FEATURE_OFF, Refusal

# Named like a Ref, but no reference: an entry of the contact list. ParentRef has rules of its own (names.py).
NO_REFERENCES = ("AdditionalContactRef", "ParentRef")
LINE = " line"


@dataclass(frozen=True)
class Reference:
    """Where a Ref points."""

    family: str
    # The list as QuickBooks' message names it.
    label: str
    # Which of the family it may name; () = each. The first is made when a recording names one that is not there.
    kinds: tuple[str, ...] = ()


_ACCOUNT = Reference(ACCOUNTS, "Account", ("Account",))
_VENDOR = Reference(NAMES, "Vendor", ("Vendor",))
_SALES_TAX_CODE = Reference("SalesTaxCode", "Sales Tax Code", ("SalesTaxCode",))
_PAYMENT_METHOD = Reference("PaymentMethod", "Payment Method", ("PaymentMethod",))
_ITEM = Reference(ITEMS, "Item")

REFERENCES: Mapping[str, Reference] = {
    "ClassRef": Reference("Class", "Class", ("Class",)),
    "DiscountClassRef": Reference("Class", "Class", ("Class",)),
    "CustomerRef": Reference(NAMES, "Customer", ("Customer",)),
    "CustomerTypeRef": Reference("CustomerType", "Customer Type", ("CustomerType",)),
    "JobTypeRef": Reference("JobType", "Job Type", ("JobType",)),
    "TermsRef": Reference(TERMS, "Terms", ("StandardTerms", "DateDrivenTerms")),
    "SalesRepRef": Reference("SalesRep", "Sales Rep", ("SalesRep",)),
    "SalesRepEntityRef": Reference(NAMES, "Sales Rep Entity", ("Employee", "Vendor", "OtherName")),
    "SalesTaxCodeRef": _SALES_TAX_CODE,
    "CustomerSalesTaxCodeRef": _SALES_TAX_CODE,
    "ItemSalesTaxRef": Reference(ITEMS, "Item", ("ItemSalesTax", "ItemSalesTaxGroup")),
    "ItemRef": _ITEM,
    "ItemGroupRef": Reference(ITEMS, "Item", ("ItemGroup",)),
    "PaymentMethodRef": _PAYMENT_METHOD,
    "PreferredPaymentMethodRef": _PAYMENT_METHOD,
    "PriceLevelRef": Reference("PriceLevel", "Price Level", ("PriceLevel",)),
    "CurrencyRef": Reference("Currency", "Currency", ("Currency",)),
    "ShipMethodRef": Reference("ShipMethod", "Ship Method", ("ShipMethod",)),
    "CustomerMsgRef": Reference("CustomerMsg", "Customer Msg", ("CustomerMsg",)),
    "TemplateRef": Reference("Template", "Template", ("Template",)),
    "ItemInventoryRef": _ITEM,
    "VendorTypeRef": Reference("VendorType", "Vendor Type", ("VendorType",)),
    "SupervisorRef": Reference(NAMES, "Employee", ("Employee",)),
    "PrefillAccountRef": _ACCOUNT,
    "PrefVendorRef": _VENDOR,
    "TaxVendorRef": _VENDOR,
    **dict.fromkeys(
        (
            "AccountRef",
            "IncomeAccountRef",
            "ExpenseAccountRef",
            "COGSAccountRef",
            "AssetAccountRef",
            "ARAccountRef",
            "DepositToAccountRef",
            "DiscountAccountRef",
            "OverrideItemAccountRef",
        ),
        _ACCOUNT,
    ),
}


def is_reference(name: str) -> bool:
    return name.endswith("Ref") and name not in NO_REFERENCES


def checked(books: Books, values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """The tree with every Ref as {"ListID": ...}, {} for an emptied one; owner is the record as messages name it.

    Refusal 3140 for a Ref to nothing, 3250 for one to a list of a feature that is off (units of measure, sites).
    """
    return {name: _checked(books, name, value, owner) for name, value in values.items()}


def _checked(books: Books, name: str, value: Any, owner: str) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [_checked(books, name, item, owner) for item in value]
    if not isinstance(value, Mapping):
        return value
    if is_reference(name):
        return _target(books, name, value, owner)
    return checked(books, value, f"{owner.removesuffix(LINE)}{LINE}" if "Line" in name else owner)


def _target(books: Books, name: str, ref: Mapping[str, Any], owner: str) -> dict[str, str]:
    if is_empty(ref):
        return {}
    reference = REFERENCES.get(name)
    if reference is None:
        raise Refusal(FEATURE_OFF)
    target = lists.resolve(books, reference.family, ref)
    if target is None or (reference.kinds and target.kind not in reference.kinds):
        raise Refusal(BAD_REFERENCE, reference.label, lists.named(ref), owner)
    return {"ListID": target.list_id}


def shown(books: Books, values: Mapping[str, Any]) -> dict[str, Any]:
    """A kept tree with the name that each element referred to has today."""
    found = {name: _shown(books, name, value) for name, value in values.items()}
    return {name: value for name, value in found.items() if value != {}}


def _shown(books: Books, name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return [_shown(books, name, item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return _named(books, name, value) if is_reference(name) else shown(books, value)


def _named(books: Books, name: str, ref: Mapping[str, str]) -> dict[str, str]:
    if "ListID" not in ref:
        return {}
    full_name = lists.full_name(books, REFERENCES[name].family, ref["ListID"])
    return {"ListID": ref["ListID"], **({"FullName": full_name} if full_name else {})}


def held(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every reference of a kept tree as (family, ListID)."""
    for name, value in values.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, Mapping) and is_reference(name) and name in REFERENCES:
                yield REFERENCES[name].family, item.get("ListID", "")
            elif isinstance(item, Mapping):
                yield from held(item)


def repointed(values: Mapping[str, Any], family: str, old: str, new: str) -> dict[str, Any]:
    """A kept tree whose references to one element of a family name another instead."""
    return {name: _repointed(name, value, family, old, new) for name, value in values.items()}


def _repointed(name: str, value: Any, family: str, old: str, new: str) -> Any:
    if isinstance(value, list | tuple):
        return [_repointed(name, item, family, old, new) for item in value]
    if not isinstance(value, Mapping):
        return value
    if is_reference(name) and name in REFERENCES and REFERENCES[name].family == family:
        return {"ListID": new} if value.get("ListID") == old else value
    return repointed(value, family, old, new)
