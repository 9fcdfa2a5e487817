"""Customers and jobs: what is special to them among the list elements."""

from collections.abc import Mapping
from typing import Any

from qbwc_server.simulator.company import balances, lists, objects, opening
from qbwc_server.simulator.company import customer_parts as parts
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.list_engine import Fields, ListKind, Setter
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.statuses import BAD_VALUE, Refusal

KIND = "Customer"
SETTERS: Mapping[str, Setter] = {
    "BillAddress": parts.address_setter("BillAddress"),
    "ShipAddress": parts.address_setter("ShipAddress"),
    "AdditionalContactRef": parts.with_contact_list,
    "CreditCardInfo": lambda _, fields, value: parts.with_card(fields, value),
    "Notes": parts.with_notes,
    "AdditionalNotes": parts.with_new_notes,
    "AdditionalNotesMod": parts.with_edited_notes,
    "Contacts": parts.with_new_contacts,
    "ContactsMod": parts.with_edited_contacts,
}


def _more(books: Books, element: ListObject) -> Fields:
    values: Fields = {
        **shown_parts(books, element),
        "Balance": balances.text(element.balance),
        "TotalBalance": balances.text(element.total_balance),
    }
    if books.is_on("multi_currency") and "CurrencyRef" not in element.fields:
        values["CurrencyRef"] = home_currency(books)
    return values


def shown_parts(books: Books, element: ListObject) -> Fields:
    """What every name shows besides its fields, as far as it has it."""
    fields = element.fields
    values: Fields = {
        "AdditionalContactRef": shown_contacts(fields),
        "ContactsRet": [_timed(books, contact) for contact in fields.get("ContactsRet", ())],
    }
    for address, block in parts.ADDRESSES.items():
        if block and address in fields:
            values[block] = fields.get(block) or parts.block(fields[address])
    return {name: value for name, value in values.items() if value}


def shown_contacts(fields: Mapping[str, Any]) -> list[dict[str, str]]:
    return parts.contact_list(fields)


def _check(books: Books, element: ListObject) -> None:
    """The currency of a customer that has transactions stays (semantics 6; rule "currency_change")."""
    before = objects.find(books, lists.NAMES, element.list_id)
    home = home_currency(books)["ListID"]
    currencies = {
        one.fields.get("CurrencyRef", {}).get("ListID", home) for one in (before or element, element)
    }
    if len(currencies) == 1:
        return
    used = books.one("SELECT 1 FROM txn WHERE entity_id = ? LIMIT 1", element.list_id)
    if used and books.rule("currency_change") == "refused":
        raise Refusal(BAD_VALUE, "CurrencyRef", element.full_name, CURRENCY_STAYS)


CURRENCY_STAYS = "The currency of a customer with transactions cannot be changed."


def home_currency(books: Books) -> Fields:
    found = objects.find_full_name(books, "Currency", books.settings["home_currency"])
    return {"ListID": found.list_id, "FullName": found.full_name} if found else {}


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
    check=_check,
    added=_opened,
    more=_more,
)
