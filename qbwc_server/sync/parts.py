"""Contacts of a customer: QuickBooks keeps them inside the customer, here each is a record of its own.

They are read with their customer and written with a CustomerMod that names all of them: whether the given set
replaces the old one is not known (qbXML semantics, section 5), so none is ever left out, with all that it holds. The
customer's EditSequence guards the set: had somebody added one meanwhile, the Mod would be refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import qbxml
from qbwc_server import mapping
from qbwc_server.mapping import EndField

KIND: Final = "Contacts"
WHOLE: Final = "Customer"
# The field of a part that names its whole, in the form of QuickBooks' own references.
REFERENCE: Final = "CustomerRef"
RETURNED: Final = "ContactsRet"
SENT: Final = "ContactsMod"
SINCE: Final = "12.0"
# Entries of a contact's own list of addresses, by the field that holds them here. The labels are those of the
# customer's list, which were seen in real answers; of contacts none was seen with any (unconfirmed).
ENTRIES: Final[Mapping[str, str]] = {
    "Email": "Main Email",
    "Phone": "Main Phone",
    "Mobile": "Mobile",
    "Fax": "Fax",
}
NAMES: Final = ("FirstName", "LastName")
LIST: Final = "AdditionalContactRef"

Values = Mapping[str, Any]


def whole_of(kind: str) -> str:
    """The kind that is asked for and written when records of a kind are meant."""
    return WHOLE if kind == KIND else kind


# --- what a contact can hold ---


@lru_cache
def vocabulary() -> tuple[EndField, ...]:
    """The fields of a contact for the mapping: its own, those of its list under their own names, its customer."""
    own = mapping.books_vocabulary(qbxml.fields(RETURNED), qbxml.fields(KIND), qbxml.fields(SENT))
    single = [one for one in own if not one.name.startswith(f"{LIST}/")]
    value = next(one for one in own if one.name == f"{LIST}/ContactValue")
    listed = [replace(value, name=name, repeatable=False, required=False) for name in ENTRIES]
    more = [
        EndField(f"{REFERENCE}/ListID", "ID", writable=True),
        EndField("Name", "STR", writable=False),
        EndField("IsPrimary", "BOOL", writable=False),
    ]
    return tuple(replace(one, since=SINCE) for one in (*single, *listed, *more))


# --- reading ---


def parts_of(customer: Values) -> list[dict[str, Any]]:
    """Each contact of a CustomerRet as a record: its name in two parts, its addresses by field, its customer."""
    primary = own_names(customer)
    return [_part(customer, one, primary) for one in customer.get(RETURNED) or () if one.get("ListID")]


def own_names(customer: Values) -> set[str]:
    """What the customer's own contact is called, folded; it stands on the customer, and among its contacts as well."""
    full = " ".join(str(customer[name]) for name in NAMES if customer.get(name))
    return {name for name in (folded(customer.get("Contact")), folded(full)) if name}


def _part(customer: Values, contact: Values, primary: set[str]) -> dict[str, Any]:
    kept = ("ListID", "TimeModified", "EditSequence", "Salutation", "JobTitle")
    first, last = names_of(contact)
    found = {one["ContactName"]: one.get("ContactValue") for one in contact.get(LIST) or ()}
    values = {name: contact[name] for name in kept if name in contact}
    values |= {name: found[label] for name, label in ENTRIES.items() if found.get(label)}
    values |= {name: part for name, part in zip(NAMES, (first, last), strict=True) if part}
    full = " ".join(part for part in (first, last) if part)
    values |= {REFERENCE: {"ListID": str(customer["ListID"])}, "Name": full}
    # Real answers list the customer's own contact among the others (measured: 145 of 146 customers).
    return values | {"IsPrimary": folded(full) in primary}


def names_of(contact: Values) -> tuple[str, str]:
    """First and last name. Real answers hold the whole name as the first one (measured: 184 of 184 contacts)."""
    if contact.get("LastName"):
        return str(contact.get("FirstName") or ""), str(contact["LastName"])
    first, _, last = " ".join(str(contact.get("FirstName") or "").split()).rpartition(" ")
    return first, last


def folded(text: object) -> str:
    return " ".join(str(text or "").casefold().split())


def made(customer: Values, contact_id: str | None, before: Sequence[str], name: str) -> dict[str, Any] | None:
    """The contact that a write was about, in the CustomerRet that answers it: by its id; a new one by being new."""
    parts = parts_of(customer)
    if contact_id is not None:
        return next((one for one in parts if one["ListID"] == contact_id), None)
    new = [one for one in parts if one["ListID"] not in before]
    return next(
        (one for one in new if folded(one["Name"]) == folded(name)), new[0] if len(new) == 1 else None
    )


# --- writing ---


def request(customer: Values, contact_id: str | None, changes: Values, request_id: str) -> qbxml.Request:
    """The CustomerMod that makes a contact or changes one, and leaves all others as they are."""
    contacts = [_as_sent(one) for one in customer.get(RETURNED) or ()]
    if contact_id is None:
        contacts.append(_changed({}, changes))
    else:
        contacts = [_changed(one, changes) if one.get("ListID") == contact_id else one for one in contacts]
    ids = {"ListID": customer["ListID"], "EditSequence": customer["EditSequence"]}
    return qbxml.Request(f"{WHOLE}ModRq", {f"{WHOLE}Mod": {**ids, SENT: contacts}}, request_id)


@lru_cache
def _sendable() -> frozenset[str]:
    return frozenset(one.path.partition("/")[0] for one in qbxml.fields(SENT))


def _as_sent(contact: Values) -> dict[str, Any]:
    return {name: value for name, value in contact.items() if name in _sendable()}


def _changed(contact: Values, changes: Values) -> dict[str, Any]:
    """The two names go together, for QuickBooks may hold both in the first, which must not be empty (field tables)."""
    plain = {name: value for name, value in changes.items() if name in _sendable() and name not in NAMES}
    made = {**contact, **plain}
    if {*NAMES} & changes.keys():
        first, last = names_of(contact)
        first, last = str(changes.get("FirstName", first) or ""), str(changes.get("LastName", last) or "")
        made["FirstName"] = first or last
        if (first and last) or made.get("LastName"):
            made["LastName"] = last if first else ""
    listed = _listed(contact.get(LIST) or (), changes)
    return {**made, LIST: listed} if listed else {name: one for name, one in made.items() if name != LIST}


def _listed(entries: Iterable[Values], changes: Values) -> list[dict[str, Any]]:
    given = {ENTRIES[name]: value for name, value in changes.items() if name in ENTRIES}
    kept = [dict(one) for one in entries if one["ContactName"] not in given]
    return [
        *kept,
        *({"ContactName": label, "ContactValue": value} for label, value in given.items() if value),
    ]
