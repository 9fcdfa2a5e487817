"""The lists of a company file: which kinds of element share names and IDs, and how one of them is found."""

from collections.abc import Mapping
from typing import Any

from qbwc_server.simulator.company import objects
from qbwc_server.simulator.company.books import MOST_READ, Books
from qbwc_server.simulator.company.objects import ListObject

NAMES = "Names"
ITEMS = "Items"
TERMS = "Terms"
ACCOUNTS = "Account"

ITEM_KINDS = (
    "ItemService",
    "ItemNonInventory",
    "ItemOtherCharge",
    "ItemInventory",
    "ItemInventoryAssembly",
    "ItemFixedAsset",
    "ItemDiscount",
    "ItemSubtotal",
    "ItemSalesTax",
    "ItemSalesTaxGroup",
    "ItemGroup",
    "ItemPayment",
)
# ListDelType -> family: elements of one family share names and the numbers of their ListIDs (semantics 2, 4).
FAMILIES: Mapping[str, str] = {
    **dict.fromkeys(("Customer", "Vendor", "Employee", "OtherName"), NAMES),
    **dict.fromkeys(ITEM_KINDS, ITEMS),
    **dict.fromkeys(("StandardTerms", "DateDrivenTerms"), TERMS),
    **{
        kind: kind
        for kind in (
            ACCOUNTS,
            "Class",
            "Currency",
            "CustomerMsg",
            "CustomerType",
            "JobType",
            "PaymentMethod",
            "PriceLevel",
            "SalesRep",
            "SalesTaxCode",
            "ShipMethod",
            "Template",
            "VendorType",
        )
    },
}


def insert(
    books: Books, kind: str, name: str, list_id: str = "", fields: Mapping[str, Any] | None = None
) -> ListObject:
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
        fields=fields or {},
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


def full_name(books: Books, family: str, list_id: str) -> str:
    """ "" when the element is gone."""
    known = books.names.get((family, list_id))
    if known is None:
        query = "SELECT full_name FROM list_object WHERE family = ? AND list_id = ?"
        known = str(books.one(query, family, list_id) or "")
        if books.db.in_transaction and len(books.names) < MOST_READ:
            books.names[family, list_id] = known
    return known
