"""What the fields of both sides mean, written down from the mapping's documentation and by nothing of the product.

Every reader gives text, "" for nothing, so that the two sides can be laid side by side.
"""

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Values = Mapping[str, Any]
Read = Callable[[Values], str]


def _text(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return number(value)
    return str(value)


def number(value: Any) -> str:
    """0.50000, 0.5 and .5 are one number."""
    if value is None or value == "":
        return ""
    plain = Decimal(str(value)).normalize()
    return format(plain, "f") if plain else "0"


def money(value: Any) -> Decimal:
    """Half a cent is rounded up, as QuickBooks does."""
    return Decimal(str(value or 0)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def at(*path: str) -> Read:
    """A value below others: BillAddress, City."""

    def read(values: Values) -> str:
        found: Any = values
        for name in path:
            found = (found or {}).get(name)
        return _text(found)

    return read


def first(*reads: Read) -> Read:
    return lambda values: next((found for found in (read(values) for read in reads) if found), "")


def numeric(read: Read) -> Read:
    return lambda values: number(read(values))


def street(address: str) -> Read:
    def read(values: Values) -> str:
        block = values.get(address) or {}
        return "\n".join(block[f"Addr{n}"] for n in range(1, 6) if block.get(f"Addr{n}"))

    return read


def _address(crm: str, books: str) -> dict[str, tuple[Read, Read]]:
    parts = {
        part: (at(f"{crm}{part}"), at(books, part)) for part in ("City", "State", "PostalCode", "Country")
    }
    return {f"{crm}{part}": both for part, both in parts.items()} | {
        f"{crm}Street": (at(f"{crm}Street"), street(books))
    }


# Some letters that Latin-1 lacks, and those that stand for them in QuickBooks.
BEYOND_LATIN1 = str.maketrans("ŁłŹźŚś", "LlZzSs")


def in_latin1(text: str) -> str:
    return text.translate(BEYOND_LATIN1)


# CRM field (as the mapping names it) -> how it is read in the CRM, how in QuickBooks. The values of a contact stand in
# those of its account, under "PrimaryContact".
CUSTOMER: Mapping[str, tuple[Read, Read]] = {
    "Name": (at("Name"), at("Name")),
    "AccountNumber": (at("AccountNumber"), at("AccountNumber")),
    "Phone": (at("Phone"), at("Phone")),
    "Fax": (at("Fax"), at("Fax")),
    "Description": (at("Description"), at("Notes")),
    "PrimaryContact.FirstName": (at("PrimaryContact", "FirstName"), at("FirstName")),
    "PrimaryContact.LastName": (at("PrimaryContact", "LastName"), at("LastName")),
    "PrimaryContact.Title": (at("PrimaryContact", "Title"), at("JobTitle")),
    "PrimaryContact.Email": (at("PrimaryContact", "Email"), at("Email")),
    **_address("Billing", "BillAddress"),
    **_address("Shipping", "ShipAddress"),
}
SALE, BOTH_WAYS = "SalesOrPurchase", "SalesAndPurchase"
ITEM: Mapping[str, tuple[Read, Read]] = {
    "Name": (at("Name"), at("Name")),
    "IsActive": (at("IsActive"), at("IsActive")),
    "Description": (at("Description"), first(at(SALE, "Desc"), at(BOTH_WAYS, "SalesDesc"), at("SalesDesc"))),
    "StandardPrice": (
        numeric(at("StandardPrice")),
        numeric(first(at(SALE, "Price"), at(BOTH_WAYS, "SalesPrice"), at("SalesPrice"))),
    ),
}
FIELDS = {"customer": CUSTOMER, "item": ITEM}
ITEM_KINDS = ("ItemService", "ItemNonInventory", "ItemInventory")


def invoice_total(values: Values) -> Decimal:
    return money(values.get("Subtotal")) + money(values.get("SalesTaxTotal"))


# An invoice's own record in the CRM -> what QuickBooks shows.
MIRROR: Mapping[str, tuple[Read, Read]] = {
    "QB_Doc_Number__c": (at("QB_Doc_Number__c"), at("RefNumber")),
    "QB_Subtotal__c": (
        lambda v: str(money(v.get("QB_Subtotal__c"))),
        lambda v: str(money(v.get("Subtotal"))),
    ),
    "QB_Total__c": (lambda v: str(money(v.get("QB_Total__c"))), lambda v: str(invoice_total(v))),
    "QB_Paid__c": (
        lambda v: str(abs(money(v.get("QB_Paid__c")))),
        lambda v: str(abs(money(v.get("AppliedAmount")))),
    ),
    "QB_Balance__c": (
        lambda v: str(money(v.get("QB_Balance__c"))),
        lambda v: str(money(v.get("BalanceRemaining"))),
    ),
}
