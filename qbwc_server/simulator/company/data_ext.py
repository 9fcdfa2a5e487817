"""Custom fields (OwnerID 0) and private data of applications: definitions and values (semantics 6)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from qbwc_server.simulator.company import lists, transactions
from qbwc_server.simulator.company.books import COMPANY, Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.list_engine import Fields
from qbwc_server.simulator.company.statuses import (
    BAD_REFERENCE,
    NAME_IN_USE,
    NO_MATCH,
    TEXTS,
    TOO_LONG,
    UNKNOWN_ID,
    UNKNOWN_OWNER,
    Refusal,
)

CUSTOM = "0"
# DataExtType -> the most characters of its values.
LENGTHS: Mapping[str, int] = {"STR255TYPE": 255, "STR1024TYPE": 1024}
# ListDataExtType -> family.
FAMILIES: Mapping[str, str] = {
    "Item": lists.ITEMS,
    "Account": lists.ACCOUNTS,
    **dict.fromkeys(("Customer", "Vendor", "Employee", "OtherName"), lists.NAMES),
}
NAMING = ("ListDataExtType", "ListObjRef", "TxnDataExtType", "TxnID", "TxnLineID", "OtherDataExtType")


@dataclass(frozen=True)
class Target:
    """Who holds a value: a key of the private data table, or one line of a transaction."""

    kind: str
    holder: str
    txn_id: str = ""
    line_id: str = ""


# -- definitions -------------------------------------------------------------------------------------------------


def define(call: Call) -> Reply:
    """A name is defined once for each owner."""
    given, books = call.body, call.books
    owner, name = str(given["OwnerID"]), str(given["DataExtName"])
    if _definition(books, owner, name):
        raise Refusal(NAME_IN_USE, name)
    values: Fields = {
        "OwnerID": owner,
        "DataExtID": str(books.take_number("DataExtID")),
        "DataExtName": name,
        "DataExtType": str(given["DataExtType"]),
        "AssignToObject": [str(one) for one in given.get("AssignToObject", ())],
        "DataExtListRequire": _flag(given.get("DataExtListRequire")),
        "DataExtTxnRequire": _flag(given.get("DataExtTxnRequire")),
        "DataExtFormatString": str(given.get("DataExtFormatString", "")),
    }
    return _written(books, values)


def redefine(call: Call) -> Reply:
    given, books = call.body, call.books
    owner, name = str(given["OwnerID"]), str(given["DataExtName"])
    values = _existing(books, owner, name)
    new_name = str(given.get("DataExtNewName") or name)
    if new_name.lower() != name.lower() and _definition(books, owner, new_name):
        raise Refusal(NAME_IN_USE, new_name)
    gone = {str(one) for one in given.get("RemoveFromObject", ())}
    assigned = [*values["AssignToObject"], *(str(one) for one in given.get("AssignToObject", ()))]
    books.db.execute(
        "DELETE FROM data_ext_def WHERE upper(owner_id) = upper(?) AND name_key = ?", (owner, name.lower())
    )
    books.db.execute(
        "UPDATE data_ext SET name = ? WHERE upper(owner_id) = upper(?) AND name = ?",
        (new_name, owner, values["DataExtName"]),
    )
    assigned = [one for one in dict.fromkeys(assigned) if one not in gone]
    return _written(books, {**values, "DataExtName": new_name, "AssignToObject": assigned})


def undefine(call: Call) -> Reply:
    """Its values go with it."""
    owner, name = str(call.values["OwnerID"]), str(call.values["DataExtName"])
    values = _existing(call.books, owner, name)
    for table, column in (("data_ext_def", "name_key"), ("data_ext", "lower(name)")):
        call.books.db.execute(
            f"DELETE FROM {table} WHERE upper(owner_id) = upper(?) AND {column} = ?",  # noqa: S608
            (owner, name.lower()),
        )
    told = {
        "OwnerID": owner,
        "DataExtName": values["DataExtName"],
        "TimeDeleted": call.books.clock.printed(call.books.clock.now()),
    }
    return Reply((("DataExtDefDelRet", told),))


def definitions(call: Call) -> Reply:
    """Of the owners named, or of the objects named; all of them when nobody is."""
    owners = {str(one).upper() for one in call.values.get("OwnerID", ())}
    wanted = {str(one) for one in call.values.get("AssignToObject", ())}
    rows = call.books.db.execute("SELECT fields FROM data_ext_def ORDER BY number").fetchall()
    found = [json.loads(row[0]) for row in rows]
    records = tuple(
        ("DataExtDefRet", one)
        for one in found
        if (not owners or one["OwnerID"].upper() in owners)
        and (not wanted or wanted & set(one["AssignToObject"]))
    )
    return Reply(records) if records else Reply((), NO_MATCH, TEXTS[NO_MATCH])


def _flag(value: Any) -> str:
    return "true" if value is True else "false"


def _written(books: Books, values: Fields) -> Reply:
    books.db.execute(
        "INSERT INTO data_ext_def VALUES (?, ?, ?, ?)",
        (
            int(values["DataExtID"]),
            values["OwnerID"],
            values["DataExtName"].lower(),
            json.dumps(values, ensure_ascii=False),
        ),
    )
    return Reply((("DataExtDefRet", values),))


def _definition(books: Books, owner: str, name: str) -> Fields | None:
    query = "SELECT fields FROM data_ext_def WHERE upper(owner_id) = upper(?) AND name_key = ?"
    text = books.one(query, owner, name.lower())
    return json.loads(text) if text else None


def _existing(books: Books, owner: str, name: str) -> Fields:
    found = _definition(books, owner, name)
    if found is None:
        raise _unknown(books, owner, name)
    return found


def _unknown(books: Books, owner: str, name: str) -> Refusal:
    """Whether an owner that nobody is has a code of its own is a rule ("unknown_owner")."""
    query = "SELECT 1 FROM data_ext_def WHERE upper(owner_id) = upper(?)"
    if books.rule("unknown_owner") == "3121" and not books.one(query, owner):
        return Refusal(UNKNOWN_OWNER, owner)
    return Refusal(UNKNOWN_ID, name)


# -- values ------------------------------------------------------------------------------------------------------


def put(call: Call) -> Reply:
    """DataExtAdd and DataExtMod: both set the value; that of a custom field is there from its definition on."""
    given, books = call.body, call.books
    owner, value = str(given["OwnerID"]), str(given["DataExtValue"])
    defined, target = _existing(books, owner, str(given["DataExtName"])), _target(books, given)
    if target.kind not in defined["AssignToObject"]:
        raise Refusal(UNKNOWN_ID, defined["DataExtName"])
    if len(value) > LENGTHS.get(defined["DataExtType"], len(value)):
        raise Refusal(TOO_LONG, value, "DataExtValue")
    entry = {
        "OwnerID": owner,
        "DataExtName": defined["DataExtName"],
        "DataExtType": defined["DataExtType"],
        "DataExtValue": value,
    }
    _set(books, target, entry, value or None)
    _touch(books, target)
    return Reply((("DataExtRet", entry),))


def remove(call: Call) -> Reply:
    given, books = call.body, call.books
    defined, target = (
        _existing(books, str(given["OwnerID"]), str(given["DataExtName"])),
        _target(books, given),
    )
    entry = {"OwnerID": str(given["OwnerID"]), "DataExtName": defined["DataExtName"]}
    _set(books, target, {**entry, "DataExtType": defined["DataExtType"]}, None)
    _touch(books, target)
    named = {name: given[name] for name in NAMING if name in given}
    time = books.clock.printed(books.clock.now())
    return Reply((("DataExtDelRet", {**entry, **named, "TimeDeleted": time}),))


def _target(books: Books, given: Mapping[str, Any]) -> Target:
    """Refusal 3140 for a list element that is not there, 3120 for a transaction."""
    if "ListObjRef" in given:
        kind, ref = str(given["ListDataExtType"]), given["ListObjRef"]
        element = lists.resolve(books, FAMILIES[kind], ref)
        if element is None:
            raise Refusal(BAD_REFERENCE, kind, lists.named(ref), "DataExt")
        return Target(kind, element.holder)
    if "TxnID" in given:
        kind, txn_id = str(given["TxnDataExtType"]), str(given["TxnID"])
        txn = transactions.find(books, txn_id)
        if txn is None or txn.kind != kind:
            raise Refusal(UNKNOWN_ID, txn_id)
        return Target(kind, txn.holder, txn_id, str(given.get("TxnLineID", "")))
    return Target(COMPANY, COMPANY)


def _touch(books: Books, target: Target) -> None:
    """Whether a value moves the time of its owner is a rule ("data_ext_times"; semantics 4)."""
    if books.rule("data_ext_times") == "stay" or target.kind == COMPANY:
        return
    family, _, record_id = target.holder.partition("/")
    now = books.clock.now()
    if family == "Txn":
        books.db.execute("UPDATE txn SET time_modified = ? WHERE txn_id = ?", (now, record_id))
    else:
        books.forget(family, record_id)
        changed = "UPDATE list_object SET time_modified = ? WHERE family = ? AND list_id = ?"
        books.db.execute(changed, (now, family, record_id))


def _set(books: Books, target: Target, entry: Mapping[str, str], value: str | None) -> None:
    if target.line_id:
        _set_on_line(books, target, entry, value)
        return
    books.set_data_ext(
        target.holder, entry["OwnerID"], entry["DataExtName"], value, entry.get("DataExtType", "STR255TYPE")
    )


def _set_on_line(books: Books, target: Target, entry: Mapping[str, str], value: str | None) -> None:
    txn = transactions.find(books, target.txn_id)
    if txn is None or all(line["TxnLineID"] != target.line_id for line in txn.flat_lines()):
        raise Refusal(UNKNOWN_ID, target.line_id)
    lines = [_with_entry(line, target.line_id, entry, value) for line in txn.lines]
    transactions.save(books, replace(txn, lines=lines))


def _with_entry(line: Mapping[str, Any], line_id: str, entry: Mapping[str, str], value: str | None) -> Fields:
    if "Lines" in line:
        return {**line, "Lines": [_with_entry(one, line_id, entry, value) for one in line["Lines"]]}
    if line["TxnLineID"] != line_id:
        return dict(line)
    same = (entry["OwnerID"], entry["DataExtName"])
    others = [one for one in line.get("DataExtRet", ()) if (one["OwnerID"], one["DataExtName"]) != same]
    return {**line, "DataExtRet": [*others, *([{**entry, "DataExtValue": value}] if value else [])]}
