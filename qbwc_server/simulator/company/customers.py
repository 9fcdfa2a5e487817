"""Customers and jobs: what is special to them among the list elements."""

from collections.abc import Mapping
from typing import Any

from qbwc_server.simulator.company import balances, lists, objects, opening
from qbwc_server.simulator.company import customer_parts as parts
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.list_engine import Fields, ListKind, Setter
from qbwc_server.simulator.company.objects import ListObject

KIND = "Customer"
SETTERS: Mapping[str, Setter] = {
    "BillAddress": lambda _, fields, value: parts.with_address(fields, "BillAddress", value),
    "ShipAddress": lambda _, fields, value: parts.with_address(fields, "ShipAddress", value),
    "AdditionalContactRef": lambda _, fields, value: parts.with_contact_list(fields, value),
    "CreditCardInfo": lambda _, fields, value: parts.with_card(fields, value),
    "Notes": parts.with_notes,
    "AdditionalNotes": parts.with_new_notes,
    "AdditionalNotesMod": parts.with_edited_notes,
    "Contacts": parts.with_new_contacts,
    "ContactsMod": parts.with_edited_contacts,
}


def _more(books: Books, element: ListObject) -> Fields:
    fields = element.fields
    values: Fields = {
        "Balance": balances.text(element.balance),
        "TotalBalance": balances.text(element.total_balance),
        "AdditionalContactRef": parts.contact_list(fields),
        "ContactsRet": [_timed(books, contact) for contact in fields.get("ContactsRet", ())],
    }
    for address, block in parts.ADDRESSES.items():
        if address in fields:
            values[block] = fields.get(block) or parts.block(fields[address])
    return values


def _opened(books: Books, element: ListObject, given: Mapping[str, Any]) -> ListObject:
    amount = balances.cents(given.get("OpenBalance") or "0")
    if not amount:
        return element
    opening.open_balance(books, element, amount, given.get("OpenBalanceDate") or books.clock.today())
    return objects.find(books, lists.NAMES, element.list_id) or element


def _timed(books: Books, contact: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **contact,
        "TimeCreated": books.clock.printed(contact["TimeCreated"]),
        "TimeModified": books.clock.printed(contact["TimeModified"]),
    }


CUSTOMER = ListKind(
    KIND,
    lists.NAMES,
    "Customers",
    # What QuickBooks fills in itself (semantics 6; PreferredDeliveryMethod: measured, always present).
    defaults={"JobStatus": "None", "PreferredDeliveryMethod": "None"},
    setters=SETTERS,
    posted=("OpenBalance", "OpenBalanceDate"),
    added=_opened,
    more=_more,
)
