"""Vendors, employees and other names: they share names with customers (semantics 2: 3100, 6)."""

from collections.abc import Mapping
from typing import Any

from qbwc_server.simulator.company import customer_parts as parts
from qbwc_server.simulator.company import lists
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.customers import shown_contacts, shown_parts
from qbwc_server.simulator.company.list_engine import Fields, ListKind, Setter
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.statuses import FEATURE_OFF, NO_SENSITIVE_DATA, NOT_SUPPORTED, Refusal

# Shown to applications that may see personal data only (semantics 2: 3261).
PERSONAL = ("SSN", "BirthDate", "Ethnicity", "Disabled", "DisabilityDesc", "MilitaryStatus", "USVeteran")


def _refused(code: int) -> Setter:
    def refuse(_: Books, _fields: Fields, _value: Any) -> Fields:
        raise Refusal(code)

    return refuse


def _personal(name: str) -> Setter:
    def set_personal(books: Books, fields: Fields, value: Any) -> Fields:
        if not books.is_on("personal_data"):
            raise Refusal(NO_SENSITIVE_DATA)
        return {**fields, name: value}

    return set_personal


_NOTES: Mapping[str, Setter] = {
    "Notes": parts.with_notes,
    "AdditionalNotes": parts.with_new_notes,
    "AdditionalNotesMod": parts.with_edited_notes,
    "AdditionalContactRef": parts.with_contact_list,
}


def _vendor(books: Books, element: ListObject) -> Fields:
    """Bills are not simulated, so nothing is ever owed to a vendor here."""
    return {**shown_parts(books, element), "Balance": "0.00"}


def _employee(books: Books, element: ListObject) -> Fields:
    hidden = () if books.is_on("personal_data") else PERSONAL
    return {"AdditionalContactRef": shown_contacts(element.fields), **{name: [] for name in hidden}}


def _full_name(fields: Mapping[str, Any]) -> str:
    """An employee has no name of its own, it is made of the parts."""
    return " ".join(fields[part] for part in ("FirstName", "MiddleName", "LastName") if fields.get(part))


VENDOR = ListKind(
    "Vendor",
    lists.NAMES,
    "Vendors",
    defaults={"IsVendorEligibleFor1099": "false"},
    setters={
        **_NOTES,
        "VendorAddress": parts.address_setter("VendorAddress"),
        "ShipAddress": parts.address_setter("ShipAddress"),
        "Contacts": parts.with_new_contacts,
        "ContactsMod": parts.with_edited_contacts,
        # An opening balance would be a bill.
        "OpenBalance": _refused(NOT_SUPPORTED),
    },
    posted=("OpenBalanceDate",),
    more=_vendor,
)
EMPLOYEE = ListKind(
    "Employee",
    lists.NAMES,
    "Employees",
    defaults={"EmployeeType": "Regular"},
    setters={
        **_NOTES,
        **{name: _personal(name) for name in PERSONAL},
        "EmployeeAddress": parts.address_setter("EmployeeAddress"),
        "EmployeePayrollInfo": _refused(FEATURE_OFF),
        "EmployeePayrollInfoMod": _refused(FEATURE_OFF),
    },
    more=_employee,
    named=_full_name,
)
OTHER_NAME = ListKind(
    "OtherName",
    lists.NAMES,
    "Other Names",
    setters={"OtherNameAddress": parts.address_setter("OtherNameAddress")},
    more=shown_parts,
)
NAME_KINDS = (VENDOR, EMPLOYEE, OTHER_NAME)
