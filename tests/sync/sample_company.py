"""The sample company that QuickBooks is shipped with, as its own answer tells it.

Read with the standard library alone, so that what is expected of the product does not pass through its own codec.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from tests.conftest import SHARED

SOURCE = SHARED / "samples" / "intuit-sample-company" / "customers.xml"

# What may stand above the street of an address: the names a customer goes by, as QuickBooks prints them.
OWN_NAMES = (
    ("CompanyName",),
    ("Name",),
    ("Contact",),
    ("FirstName", "LastName"),
    ("FirstName", "MiddleName", "LastName"),
    ("Salutation", "FirstName", "LastName"),
    ("Salutation", "FirstName", "MiddleName", "LastName"),
)

# What an account or a contact shows: the field in the CRM, and where it stands in QuickBooks' answer.
ACCOUNT = {
    "Name": "Name",
    "QB_ListID__c": "ListID",
    "QB_EditSequence__c": "EditSequence",
    "Phone": "Phone",
    "Fax": "Fax",
    "AccountNumber": "AccountNumber",
    "Description": "Notes",
}
ADDRESSES = {"Billing": "BillAddress", "Shipping": "ShipAddress"}
PERSON = {
    "Salutation": "Salutation",
    "FirstName": "FirstName",
    "LastName": "LastName",
    "Title": "JobTitle",
    "Email": "Email",
}


@dataclass(frozen=True)
class Customer:
    """One customer or job of the recorded answer."""

    ret: ElementTree.Element

    @property
    def list_id(self) -> str:
        return self.text("ListID") or ""

    @property
    def name(self) -> str:
        return self.text("Name") or ""

    @property
    def full_name(self) -> str:
        return self.text("FullName") or ""

    @property
    def parent(self) -> str | None:
        return self.text("ParentRef/ListID")

    def text(self, path: str) -> str | None:
        """A value without the blanks around it; None when it is empty or absent."""
        return (self.ret.findtext(path) or "").strip() or None

    def account(self) -> dict[str, str | Decimal | None]:
        """The fields of its account, references apart."""
        fields: dict[str, str | Decimal | None] = {crm: self.text(path) for crm, path in ACCOUNT.items()}
        for crm, path in ADDRESSES.items():
            fields[f"{crm}Street"] = self.street(path)
            for part in ("City", "State", "PostalCode", "Country"):
                fields[f"{crm}{part}"] = self.text(f"{path}/{part}")
        return fields | {"QB_Balance__c": Decimal(self.text("Balance") or "")}

    def contact(self) -> dict[str, str | None] | None:
        """The fields of its contact; None where QuickBooks names nobody."""
        return {crm: self.text(path) for crm, path in PERSON.items()} if self.text("LastName") else None

    def others(self) -> list[str]:
        """Full names of its further contacts. QuickBooks lists among them whom the customer itself already names."""
        own = {self._full_name_of(self.ret), (self.text("Contact") or "")}
        known = {name.casefold() for name in own}
        listed = [self._full_name_of(one) for one in self.ret.iter("ContactsRet")]
        return [name for name in listed if name.casefold() not in known]

    @staticmethod
    def _full_name_of(element: ElementTree.Element) -> str:
        parts = ((element.findtext(name) or "").strip() for name in ("FirstName", "LastName"))
        return " ".join(part for part in parts if part)

    def names_above_street(self, address: str) -> list[str]:
        lines, own = list(self.lines(address)), self._own_names()
        below = next((place for place, line in enumerate(lines) if line not in own), len(lines))
        return lines[:below]

    def street(self, address: str) -> str | None:
        """The lines of an address below the names that this very customer goes by."""
        return "\n".join(list(self.lines(address))[len(self.names_above_street(address)) :]) or None

    def lines(self, address: str) -> Iterator[str]:
        found = (self.text(f"{address}/Addr{number}") for number in range(1, 6))
        return (line for line in found if line)

    def _own_names(self) -> set[str]:
        made = ([self.text(field) or "" for field in fields] for fields in OWN_NAMES)
        return {" ".join(parts) for parts in made if all(parts)}


@cache
def customers(path: Path = SOURCE) -> tuple[Customer, ...]:
    """Everybody in the recorded answer, in its order."""
    return tuple(map(Customer, ElementTree.parse(path).getroot().iter("CustomerRet")))
