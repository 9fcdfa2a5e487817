"""Fill a company file from a recorded CustomerQueryRs answer of a real one."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import qbxml
from qbwc_server.simulator.company import balances, customers, deletions, lists, objects
from qbwc_server.simulator.company import customer_parts as parts
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.characters import stored
from qbwc_server.simulator.company.checks import types
from qbwc_server.simulator.company.customers import CUSTOMER
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.references import REFERENCES
from qbwc_server.simulator.errors import SimulatorError
from qbxml import Ret, UnreadableAnswer

# Told by columns, by the rules, or derived from other fields whenever a customer is shown.
NOT_KEPT = (
    "ListID",
    "TimeCreated",
    "TimeModified",
    "EditSequence",
    "Name",
    "FullName",
    "IsActive",
    "ParentRef",
    "Sublevel",
    "Balance",
    "TotalBalance",
    "DataExtRet",
    "AdditionalContactRef",
)


def load(books: Books, source: str | bytes) -> int:
    """Takes in every customer of an answer with its ListID, parent and times; the number of them.

    Lists that they refer to get the elements that are missing. Raises SimulatorError for an answer that cannot be
    read, a ListID or name that is taken, a parent that is neither in the file nor in the answer.
    """
    try:
        records = [
            item for item in qbxml.parse(source) if isinstance(item, Ret) and item.name == CUSTOMER.ret_name
        ]
    except UnreadableAnswer as error:
        raise SimulatorError(f"The recording cannot be read: {error}") from error
    with books.transaction():
        for values in _parents_first([stored(record.values, types(CUSTOMER.ret_name)) for record in records]):
            _take_in(books, values)
    return len(records)


def _parents_first(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(records, key=lambda values: int(values.get("Sublevel", "0")))


def _take_in(books: Books, values: Mapping[str, Any]) -> None:
    above = _parent(books, values)
    list_id, name = values["ListID"], values["Name"]
    taken = objects.find(books, lists.NAMES, list_id) or objects.find_sibling(
        books, lists.NAMES, above.list_id if above else "", name
    )
    if taken:
        raise SimulatorError(
            f"{values['FullName']} ({list_id}) cannot be loaded: {taken.full_name} "
            f"({taken.list_id}) is in this company file already."
        )
    books.reserve_list_id(lists.NAMES, list_id)
    element = CUSTOMER.space.placed(books, _element(books, values), above)
    objects.save(books, element)
    balances.carry_up(books, element, element.balance)
    for entry in values.get("DataExtRet", ()):
        books.set_data_ext(
            element.holder, entry.get("OwnerID", "0"), entry["DataExtName"], entry["DataExtValue"]
        )


def _parent(books: Books, values: Mapping[str, Any]) -> ListObject | None:
    ref = values.get("ParentRef")
    if not ref:
        return None
    found = objects.find(books, lists.NAMES, ref["ListID"])
    if found is None:
        raise SimulatorError(
            f"{values['FullName']} is a job of {ref.get('FullName', ref['ListID'])}, which is "
            "neither in this company file nor in the recording."
        )
    return found


def _element(books: Books, values: Mapping[str, Any]) -> ListObject:
    balance = balances.cents(values.get("Balance") or "0")
    kept = {name: value for name, value in values.items() if name not in NOT_KEPT}
    extra = parts.with_contact_list(books, {}, values.get("AdditionalContactRef", ()))
    card = parts.with_card({}, values.get("CreditCardInfo", ""))
    references = {name: _reference(books, name, kept[name]) for name in kept if name in REFERENCES}
    return ListObject(
        family=lists.NAMES,
        kind=customers.KIND,
        list_id=values["ListID"],
        name=values["Name"],
        is_active=values.get("IsActive") != "false",
        time_created=values["TimeCreated"],
        time_modified=values["TimeModified"],
        edit_sequence=values["EditSequence"],
        balance=balance,
        total_balance=balance,
        fields={**extra, **kept, **card, **references},
    )


def _reference(books: Books, name: str, ref: Mapping[str, str]) -> dict[str, str]:
    """The element the recording names, made when it is not there; an unused one of that name gives way."""
    target = REFERENCES[name]
    found = objects.find(books, target.family, ref["ListID"])
    if found is None:
        same_name = objects.find_full_name(books, target.family, ref["FullName"])
        if same_name and any(deletions.users(books, same_name)):
            return {"ListID": same_name.list_id}
        if same_name:
            objects.delete(books, same_name)
        found = lists.insert(
            books, same_name.kind if same_name else target.kinds[0], ref["FullName"], ref["ListID"]
        )
    elif found.full_name != ref["FullName"]:
        found = replace(found, name=ref["FullName"], full_name=ref["FullName"])
        objects.save(books, found)
    return {"ListID": found.list_id}
