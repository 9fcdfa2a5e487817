"""What a company file can have switched off: preferences, areas of a user, what its edition lacks (semantics 2, 6)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from qbwc_server.simulator.company import host, lists, references
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.characters import is_empty
from qbwc_server.simulator.company.statuses import FEATURE_OFF, NO_PERMISSION, Refusal
from qbxml import Request

READ_ONLY = "read"


@dataclass(frozen=True)
class Preference:
    """Something a company switches on or off. Off, its requests and its references are answered 3250."""

    sentence: str
    is_usual: bool = True
    # Objects that answer no requests without it.
    objects: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()


TAX_REFS = ("SalesTaxCodeRef", "ItemSalesTaxRef", "CustomerSalesTaxCodeRef", "TaxVendorRef")
PREFERENCES: Mapping[str, Preference] = {
    "multi_currency": Preference(
        "customers may have another currency", False, ("Currency",), ("CurrencyRef",)
    ),
    "sales_tax": Preference(
        "sales tax is charged", True, ("ItemSalesTax", "ItemSalesTaxGroup", "SalesTaxCode"), TAX_REFS
    ),
    "class_tracking": Preference(
        "transactions and list elements have classes", True, ("Class",), ("ClassRef", "DiscountClassRef")
    ),
    "inventory": Preference(
        "inventory is counted", True, ("ItemInventory", "ItemInventoryAssembly"), ("ItemInventoryRef",)
    ),
    "price_levels": Preference("customers have price levels", True, ("PriceLevel",), ("PriceLevelRef",)),
    "estimates": Preference("estimates are made", True, ("Estimate",)),
    "sales_orders": Preference("sales orders are made", True, ("SalesOrder",)),
    "personal_data": Preference("applications may see personal data of employees", is_usual=False),
}

FORMS = ("Invoice", "CreditMemo", "SalesReceipt", "SalesOrder", "Estimate")
# Area of the company file -> the objects in it. A user without access is answered 3260, for reading too.
AREAS: Mapping[str, tuple[str, ...]] = {
    "customers": ("Customer", "CustomerType", "JobType", "Entity"),
    "vendors": ("Vendor", "VendorType", "Entity"),
    "employees": ("Employee", "Entity"),
    "accounts": ("Account",),
    "items": (*lists.ITEM_KINDS, "Item", "PriceLevel"),
    "sales": (*FORMS, "Transaction"),
    "payments": ("ReceivePayment", "Transaction"),
}
_OBJECT = re.compile(r"(Add|Mod|Query)Rq$")
_TYPES = ("ListDelType", "ListMergeType", "TxnDelType", "TxnVoidType", "ListDataExtType", "TxnDataExtType")


def usual() -> dict[str, str]:
    """The settings of a new company file."""
    return {f"preference {name}": "on" if one.is_usual else "off" for name, one in PREFERENCES.items()}


def check(books: Books, request: Request) -> None:
    """Refusal 3250 (rule "edition_lacks") for what the edition lacks, 3250 for what is off, 3260 for a barred area."""
    named = set(_objects(request))
    if named & set(host.EDITIONS[books.settings["edition"]]):
        raise Refusal(int(books.rule("edition_lacks")))
    if any(named & set(one.objects) for name, one in PREFERENCES.items() if not books.is_on(name)):
        raise Refusal(FEATURE_OFF)
    if any(named & set(AREAS[area]) for area in books.barred()):
        raise Refusal(NO_PERMISSION)


def check_writer(books: Books) -> None:
    if books.permission() == READ_ONLY:
        raise Refusal(int(books.rule("reader_writes")))


def _objects(request: Request) -> Iterator[str]:
    """What a request is about: "Invoice" for InvoiceAddRq and for a TxnDelRq of an invoice."""
    yield _OBJECT.sub("", request.name)
    body = request.values.get(request.name.removesuffix("Rq"), request.values)
    for name in _TYPES:
        if isinstance(body, Mapping) and isinstance(body.get(name), str):
            yield str(body[name])


# -- references to what is off -----------------------------------------------------------------------------------


def without_what_is_off(books: Books, request: Request) -> tuple[Request, tuple[str, ...]]:
    """The request as it is carried out, and the names of what was left out of it (warning 530).

    Refusal 3250 for a reference of a feature that is off, units of measure and sites among them; the rule
    "feature_off" saves the rest instead.
    """
    if not request.name.endswith(("AddRq", "ModRq")):
        return request, ()
    off = {ref for name, one in PREFERENCES.items() if not books.is_on(name) for ref in one.refs}
    found = tuple(
        dict.fromkeys(name for name, ref in _refs(request.values) if _is_off(books, name, ref, off))
    )
    if not found:
        return request, ()
    if books.rule("feature_off") == "refused":
        raise Refusal(FEATURE_OFF)
    return replace(request, values=_without(request.values, frozenset(found))), found


def _is_off(books: Books, name: str, ref: Mapping[str, Any], off: set[str]) -> bool:
    """The home currency may be named where there is no other (unconfirmed)."""
    if name == "CurrencyRef" and name in off:
        found = lists.resolve(books, "Currency", ref)
        return found is None or found.full_name != books.settings["home_currency"]
    return name in off or name not in references.REFERENCES


def _refs(values: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, value in values.items():
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, Mapping):
                continue
            if references.is_reference(name):
                yield from [] if name in NAMING or is_empty(item) else [(name, item)]
            else:
                yield from _refs(item)


# Says which record a value belongs to.
NAMING = ("ListObjRef",)


def _without(values: Any, gone: frozenset[str]) -> Any:
    if isinstance(values, list):
        return [_without(item, gone) for item in values]
    if not isinstance(values, Mapping):
        return values
    return {name: _without(value, gone) for name, value in values.items() if name not in gone}
