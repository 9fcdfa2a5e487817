"""Customers and jobs: CustomerAdd, CustomerMod, and how a CustomerRet is made of what is stored."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from qbwc_server.simulator.company import balances, lists, names, objects
from qbwc_server.simulator.company import customer_parts as parts
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.characters import stored
from qbwc_server.simulator.company.checks import types
from qbwc_server.simulator.company.customer_parts import Fields
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.statuses import STALE, UNKNOWN_ID, Refusal

KIND = "Customer"
RET = "CustomerRet"
# What QuickBooks fills in itself (semantics 6; PreferredDeliveryMethod: measured, always present).
DEFAULTS: Mapping[str, Any] = {"JobStatus": "None", "PreferredDeliveryMethod": "None"}
# Handled by name, place and balance; never among the stored fields.
APART = ("ListID", "EditSequence", "Name", "IsActive", "ParentRef", "OpenBalance", "OpenBalanceDate")

Setter = Callable[[Books, Fields, Any], Fields]
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


def add(call: Call) -> Reply:
    books = call.books
    given = stored(call.body, types("CustomerAdd"))
    name = names.check_name(given["Name"])
    above = names.parent(books, given.get("ParentRef"))
    names.check_free(books, above, name)
    references = lists.checked_references(books, given, KIND)
    now = books.clock.now()
    opening = balances.cents(given.get("OpenBalance") or "0")
    element = names.placed(
        ListObject(
            family=lists.NAMES,
            kind=KIND,
            list_id=books.new_list_id(lists.NAMES),
            name=name,
            is_active=given.get("IsActive") != "false",
            time_created=now,
            time_modified=now,
            edit_sequence=books.edit_sequence(),
            balance=opening,
            total_balance=opening,
            fields=_changed(books, dict(DEFAULTS), {**given, **references}),
        ),
        above,
    )
    objects.save(books, element)
    balances.carry_up(books, element, opening)
    return _reply(books, element)


def mod(call: Call) -> Reply:
    """Omitted fields stay, empty ones are cleared; a stale EditSequence gets the current record back (3200)."""
    books = call.books
    given = stored(call.body, types("CustomerMod"))
    element = existing(books, given["ListID"])
    if given["EditSequence"] != element.edit_sequence:
        raise Refusal(STALE, given["EditSequence"], records=((RET, ret(books, element)),))
    references = lists.checked_references(books, given, KIND)
    placed = _placed(books, element, given)
    edited = replace(
        placed,
        is_active=_flag(given.get("IsActive"), element.is_active),
        time_modified=books.clock.now(),
        edit_sequence=books.edit_sequence(element.edit_sequence),
        fields=_changed(books, dict(element.fields), {**given, **references}),
    )
    objects.save(books, edited)
    _moved(books, element, edited)
    return _reply(books, edited)


def existing(books: Books, list_id: str) -> ListObject:
    """Refusal 3120 when no customer has that ListID."""
    found = objects.find(books, lists.NAMES, list_id)
    if found is None or found.kind != KIND:
        raise Refusal(UNKNOWN_ID, list_id)
    return found


def ret(books: Books, element: ListObject) -> dict[str, Any]:
    """Everything about one customer, as a CustomerRet of the newest version; private data is added by queries."""
    fields = element.fields
    printed = books.clock.printed
    values: dict[str, Any] = {
        **{name: value for name, value in fields.items() if name not in lists.REFERENCES},
        **{name: lists.shown(books, name, fields[name]) for name in lists.REFERENCES if name in fields},
        "ListID": element.list_id,
        "TimeCreated": printed(element.time_created),
        "TimeModified": printed(element.time_modified),
        "EditSequence": element.edit_sequence,
        "Name": element.name,
        "FullName": element.full_name,
        "IsActive": "true" if element.is_active else "false",
        "Sublevel": str(element.sublevel),
        "Balance": balances.text(element.balance),
        "TotalBalance": balances.text(element.total_balance),
        "AdditionalContactRef": parts.contact_list(fields),
        "ContactsRet": [_timed(books, contact) for contact in fields.get("ContactsRet", ())],
    }
    for address, block in parts.ADDRESSES.items():
        if address in fields:
            values.setdefault(block, parts.block(fields[address]))
    if element.parent_id:
        values["ParentRef"] = {"ListID": element.parent_id, "FullName": element.full_name.rpartition(":")[0]}
    return values


def _reply(books: Books, element: ListObject) -> Reply:
    return Reply(((RET, ret(books, element)),))


def _changed(books: Books, fields: Fields, given: Mapping[str, Any]) -> Fields:
    for name, value in given.items():
        if name not in APART:
            setter = SETTERS.get(name)
            fields = setter(books, fields, value) if setter else parts.with_value(fields, name, value)
    return fields


def _placed(books: Books, element: ListObject, given: Mapping[str, Any]) -> ListObject:
    """The element under its new name and parent; the name must be free there (3170)."""
    name = names.check_name(given.get("Name", element.name))
    if "ParentRef" in given:
        above = names.parent(books, given["ParentRef"])
        names.check_no_circle(books, element, above, given["ParentRef"])
    else:
        above = next(objects.ancestors(books, element), None)
    if (name, above.list_id if above else "") == (element.name, element.parent_id):
        return element
    names.check_free(books, above, name, renamed=element)
    return names.placed(replace(element, name=name), above)


def _moved(books: Books, before: ListObject, after: ListObject) -> None:
    if before.parent_id != after.parent_id:
        balances.carry_up(books, before, -before.total_balance)
        balances.carry_up(books, after, after.total_balance)
    if before.full_name != after.full_name:
        names.rename_below(books, after)


def _flag(text: str | None, kept: bool) -> bool:
    return kept if not text else text == "true"


def _timed(books: Books, contact: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **contact,
        "TimeCreated": books.clock.printed(contact["TimeCreated"]),
        "TimeModified": books.clock.printed(contact["TimeModified"]),
    }
