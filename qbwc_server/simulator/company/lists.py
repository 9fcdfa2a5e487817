"""The lists beside the customers: which exist, what refers to which, and what a new company has in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qbwc_server.simulator.company import objects
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.characters import is_empty
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.statuses import BAD_REFERENCE, Refusal

NAMES = "Names"
ITEMS = "Items"
TERMS = "Terms"

# ListDelType -> family: elements of one family share names and the numbers of their ListIDs (semantics 2, 4).
FAMILIES: Mapping[str, str] = {
    "Customer": NAMES,
    "Vendor": NAMES,
    "Employee": NAMES,
    "OtherName": NAMES,
    "ItemSalesTax": ITEMS,
    "ItemSalesTaxGroup": ITEMS,
    "StandardTerms": TERMS,
    "DateDrivenTerms": TERMS,
    "Class": "Class",
    "Currency": "Currency",
    "CustomerType": "CustomerType",
    "JobType": "JobType",
    "PaymentMethod": "PaymentMethod",
    "PriceLevel": "PriceLevel",
    "SalesRep": "SalesRep",
    "SalesTaxCode": "SalesTaxCode",
}


@dataclass(frozen=True)
class Reference:
    """Where a Ref of a customer points."""

    family: str
    # The kind made for it when a recording refers to an element that is not there.
    kind: str
    # The list as QuickBooks' message names it.
    label: str


REFERENCES: Mapping[str, Reference] = {
    "ClassRef": Reference("Class", "Class", "Class"),
    "CustomerTypeRef": Reference("CustomerType", "CustomerType", "Customer Type"),
    "TermsRef": Reference(TERMS, "StandardTerms", "Terms"),
    "SalesRepRef": Reference("SalesRep", "SalesRep", "Sales Rep"),
    "SalesTaxCodeRef": Reference("SalesTaxCode", "SalesTaxCode", "Sales Tax Code"),
    "ItemSalesTaxRef": Reference(ITEMS, "ItemSalesTax", "Item"),
    "PreferredPaymentMethodRef": Reference("PaymentMethod", "PaymentMethod", "Payment Method"),
    "JobTypeRef": Reference("JobType", "JobType", "Job Type"),
    "PriceLevelRef": Reference("PriceLevel", "PriceLevel", "Price Level"),
    "CurrencyRef": Reference("Currency", "Currency", "Currency"),
}

# A new company of the United States.
BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "StandardTerms": ("1% 10 Net 30", "2% 10 Net 30", "Due on receipt", "Net 15", "Net 30", "Net 60"),
    "SalesTaxCode": ("Tax", "Non"),
    "PaymentMethod": ("American Express", "Cash", "Check", "Discover", "MasterCard", "VISA"),
    "CustomerType": ("Commercial", "Residential"),
    "Currency": ("US Dollar",),
}


def create_built_in(books: Books) -> None:
    for kind, names in BUILT_IN.items():
        for name in names:
            insert(books, kind, name)


def insert(books: Books, kind: str, name: str, list_id: str = "") -> ListObject:
    """One plain element of a list, top level; list_id comes from a recording, "" makes a new one."""
    family = FAMILIES[kind]
    now = books.clock.now()
    if list_id:
        books.reserve_list_id(family, list_id)
    element = ListObject(
        family=family,
        kind=kind,
        list_id=list_id or books.new_list_id(family),
        name=name,
        full_name=name,
        time_created=now,
        time_modified=now,
        edit_sequence=books.edit_sequence(),
    )
    objects.save(books, element)
    return element


def resolve(books: Books, family: str, ref: Mapping[str, Any]) -> ListObject | None:
    """The element a Ref names; a ListID wins over a FullName given with it (semantics 5, Refs)."""
    if ref.get("ListID"):
        return objects.find(books, family, str(ref["ListID"]))
    return objects.find_full_name(books, family, str(ref.get("FullName", "")))


def named(ref: Mapping[str, Any]) -> str:
    """What a message quotes of a Ref."""
    return str(ref.get("ListID") or ref.get("FullName", ""))


def checked_references(books: Books, given: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """The Refs among the fields as {"ListID": ...}, {} for a cleared one; Refusal 3140 for one that exists nowhere."""
    return {
        name: _checked(books, REFERENCES[name], value, owner)
        for name, value in given.items()
        if name in REFERENCES
    }


def _checked(books: Books, reference: Reference, ref: Any, owner: str) -> dict[str, str]:
    if is_empty(ref):
        return {}
    target = resolve(books, reference.family, ref)
    if target is None:
        raise Refusal(BAD_REFERENCE, reference.label, named(ref), owner)
    return {"ListID": target.list_id}


def shown(books: Books, field: str, ref: Mapping[str, str]) -> dict[str, str]:
    """A stored reference with the name its element has today."""
    target = objects.find(books, REFERENCES[field].family, ref["ListID"])
    return {"ListID": ref["ListID"], **({"FullName": target.full_name} if target else {})}


def users(books: Books, element: ListObject) -> list[str]:
    """Names of the customers that refer to this element."""
    fields = [name for name, reference in REFERENCES.items() if reference.family == element.family]
    if not fields:
        return []
    used = " OR ".join(f"json_extract(fields, '$.{name}.ListID') = ?" for name in fields)
    rows = objects.select(
        books, f"WHERE kind = 'Customer' AND ({used}) LIMIT 3", *[element.list_id] * len(fields)
    )
    return [row.full_name for row in rows]
