"""Parts of a customer that QuickBooks derives or numbers itself: address blocks, contact list, notes, contacts."""

from collections.abc import Mapping, Sequence
from typing import Any

import qbxml
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.characters import is_empty
from qbwc_server.simulator.company.list_engine import Fields, Setter, with_value
from qbwc_server.simulator.company.statuses import BAD_ID, LONG_ADDRESS, STALE, TOO_LONG, UNKNOWN_ID, Refusal

# Entries of AdditionalContactRef that are the customer's own fields under another name, in the order of real
# answers (measured: 145 of 145 customers of the sample company).
MIRRORED: Mapping[str, str] = {
    "Main Phone": "Phone",
    "Alt. Phone": "AltPhone",
    "Fax": "Fax",
    "Main Email": "Email",
    "CC Email": "Cc",
}
# Address -> its printed form, "" where it has none.
ADDRESSES: Mapping[str, str] = {
    "BillAddress": "BillAddressBlock",
    "ShipAddress": "ShipAddressBlock",
    "VendorAddress": "VendorAddressBlock",
    "OtherNameAddress": "OtherNameAddressBlock",
    "EmployeeAddress": "",
}
# An e-mail address may be longer than the contact list can show (fields140: 1023 against 255).
CONTACT_VALUE_LENGTH = 255
BLOCK_LINES = 5
LINES = ("Addr1", "Addr2", "Addr3", "Addr4", "Addr5")
# Of the fields that entries mirror: shorter than an entry, mostly (fields140).
LENGTHS: Mapping[str, int] = {
    field.path: field.max_length
    for field in qbxml.fields("CustomerAdd")
    if field.path in MIRRORED.values() and field.max_length
}
# Contacts live in a list of their own.
CONTACTS = "Contacts"
SHOWN_DIGITS = 4


def block(address: Mapping[str, str]) -> dict[str, str]:
    """The printed form: the lines, then "City, State PostalCode", then the country; five lines at most."""
    return dict(zip(LINES, printed_lines(address)[:BLOCK_LINES], strict=False))


def printed_lines(address: Mapping[str, str]) -> list[str]:
    place = " ".join(part for part in (address.get("State"), address.get("PostalCode")) if part)
    city = ", ".join(part for part in (address.get("City"), place) if part)
    lines = [*(address.get(line) for line in LINES), city, address.get("Country")]
    return [line for line in lines if line]


def contact_list(fields: Mapping[str, Any]) -> list[dict[str, str]]:
    mirrored = [
        {"ContactName": label, "ContactValue": fields[name][:CONTACT_VALUE_LENGTH]}
        for label, name in MIRRORED.items()
        if fields.get(name)
    ]
    return [*mirrored, *fields.get("AdditionalContactRef", ())]


def with_contact_list(books: Books, fields: Fields, given: Sequence[Mapping[str, str]]) -> Fields:
    """The given list replaces the old one; an entry that mirrors a field sets that field.

    Rules "part_lists" and "contact_mirror" say otherwise.
    """
    own = {
        MIRRORED[entry["ContactName"]]: entry["ContactValue"]
        for entry in given
        if entry["ContactName"] in MIRRORED
    }
    for name, text in own.items():
        if len(text) > LENGTHS[name]:
            raise Refusal(TOO_LONG, text, name)
    other = [dict(entry) for entry in given if entry["ContactName"] not in MIRRORED]
    if books.rule("part_lists") == "added":
        names = {entry["ContactName"] for entry in other}
        old = fields.get("AdditionalContactRef", ())
        other = [*(entry for entry in old if entry["ContactName"] not in names), *other]
    mirrored = own if books.rule("contact_mirror") == "sets_field" else {}
    return with_value({**fields, **mirrored}, "AdditionalContactRef", other)


def with_address(books: Books, fields: Fields, name: str, value: Any) -> Fields:
    """An address is one unit: lines that are not given are gone (rule "address_lines").

    A printed form from a recording goes with it.
    """
    given = {} if value == "" else dict(value)
    old = fields.get(name, {}) if given and books.rule("address_lines") == "kept" else {}
    filled = {line: text for line, text in {**old, **given}.items() if text}
    if len(printed_lines(filled)) > BLOCK_LINES and books.rule("long_address") == "3205":
        raise Refusal(LONG_ADDRESS, name)
    return with_value(with_value(fields, ADDRESSES[name], ""), name, filled)


def address_setter(name: str) -> Setter:
    return lambda books, fields, value: with_address(books, fields, name, value)


def with_notes(books: Books, fields: Fields, text: str) -> Fields:
    """Notes is note 0 of the notes list (measured: 20 of 20 customers with notes)."""
    others = [note for note in fields.get("AdditionalNotesRet", ()) if note["NoteID"] != "0"]
    own = [{"NoteID": "0", "Date": books.clock.today(), "Note": text}] if text else []
    return with_value(with_value(fields, "Notes", text), "AdditionalNotesRet", [*own, *others])


def with_new_notes(books: Books, fields: Fields, given: Sequence[Mapping[str, str]]) -> Fields:
    notes = list(fields.get("AdditionalNotesRet", ()))
    following = max((int(note["NoteID"]) for note in notes), default=0) + 1
    added = [
        {"NoteID": str(number), "Date": books.clock.today(), "Note": note["Note"]}
        for number, note in enumerate(given, following)
    ]
    return with_value(fields, "AdditionalNotesRet", [*notes, *added])


def with_edited_notes(books: Books, fields: Fields, given: Sequence[Mapping[str, str]]) -> Fields:
    for edit in given:
        notes = {note["NoteID"]: note for note in fields.get("AdditionalNotesRet", ())}
        if edit["NoteID"] not in notes:
            raise Refusal(BAD_ID, edit["NoteID"], "NoteID")
        if edit["NoteID"] == "0":
            fields = with_notes(books, fields, edit["Note"])
        else:
            notes[edit["NoteID"]] = {**notes[edit["NoteID"]], "Note": edit["Note"]}
            fields = {**fields, "AdditionalNotesRet": list(notes.values())}
    return fields


def with_card(fields: Fields, given: Any) -> Fields:
    """Of a card number only the last four digits are ever shown again, the month always has two (measured)."""
    card = {} if given == "" else dict(given)
    number = card.get("CreditCardNumber", "")
    if number:
        card["CreditCardNumber"] = "x" * (len(number) - SHOWN_DIGITS) + number[-SHOWN_DIGITS:]
    if card.get("ExpirationMonth"):
        card["ExpirationMonth"] = card["ExpirationMonth"].zfill(2)
    return with_value(fields, "CreditCardInfo", card)


def with_new_contacts(books: Books, fields: Fields, given: Sequence[Mapping[str, Any]]) -> Fields:
    return with_value(fields, "ContactsRet", [_new_contact(books, contact) for contact in given])


def _new_contact(books: Books, contact: Mapping[str, Any]) -> Fields:
    now = books.clock.now()
    return {
        "ListID": books.new_list_id(CONTACTS),
        "TimeCreated": now,
        "TimeModified": now,
        "EditSequence": books.edit_sequence(),
        **{name: value for name, value in contact.items() if not is_empty(value)},
    }


def with_edited_contacts(books: Books, fields: Fields, given: Sequence[Mapping[str, Any]]) -> Fields:
    """The given set replaces the old one (rule "part_lists"); one with a ListID needs its EditSequence."""
    known = {contact["ListID"]: contact for contact in fields.get("ContactsRet", ())}
    edited = [_edited_contact(books, known, edit) for edit in given]
    if books.rule("part_lists") == "added":
        there = {contact["ListID"] for contact in edited}
        edited = [*(one for list_id, one in known.items() if list_id not in there), *edited]
    return with_value(fields, "ContactsRet", edited)


def _edited_contact(books: Books, known: Mapping[str, Fields], edit: Mapping[str, Any]) -> Fields:
    if not edit.get("ListID"):
        return _new_contact(
            books, {name: edit[name] for name in edit if name not in ("ListID", "EditSequence")}
        )
    contact = known.get(edit["ListID"])
    if contact is None:
        raise Refusal(UNKNOWN_ID, edit["ListID"])
    if contact["EditSequence"] != edit.get("EditSequence"):
        raise Refusal(STALE, edit.get("EditSequence", ""))
    changed = {
        **contact,
        **edit,
        "TimeModified": books.clock.now(),
        "EditSequence": books.edit_sequence(contact["EditSequence"]),
    }
    return {name: value for name, value in changed.items() if not is_empty(value)}
