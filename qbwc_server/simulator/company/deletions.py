"""ListDel, and the lists of what was deleted in the last ninety days (semantics 4, Deletes)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from qbwc_server.simulator.company import lists, objects, references, transactions
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.queries import among, modified
from qbwc_server.simulator.company.statuses import IN_USE, NO_MATCH, TEXTS, Refusal
from qbxml import WallTime

KEPT = timedelta(days=90)
_SELECT = "SELECT kind, id, time_created, time_deleted, name FROM deleted_object"


def list_del(call: Call) -> Reply:
    """Deletes without an EditSequence: the last writer wins. The answer has no Ret around it."""
    kind, list_id = str(call.values["ListDelType"]), str(call.values["ListID"])
    found = objects.find(call.books, lists.FAMILIES.get(kind, ""), list_id)
    if found is None or found.kind != kind:
        raise Refusal(int(call.books.rule("unknown_list_id")), list_id)
    return Reply((("ListDelRs", remove(call.books, found)),))


def remove(books: Books, element: ListObject) -> dict[str, Any]:
    """Refusal 3160 while jobs, a balance or customers that refer to it hold it."""
    reason = _held_by(books, element)
    if reason:
        raise Refusal(IN_USE, element.list_id, reason)
    objects.delete(books, element)
    now = remember(books, element.kind, element.list_id, element.full_name, element.time_created)
    return {
        "ListDelType": element.kind,
        "ListID": element.list_id,
        "TimeDeleted": books.clock.printed(now),
        "FullName": element.full_name,
    }


def _held_by(books: Books, element: ListObject) -> str:
    if objects.children(books, element):
        return "This list element has sub-elements and cannot be deleted."
    if element.balance or element.fields.get("SpecialAccountType"):
        return "This list element has a balance or is used in transactions and cannot be deleted."
    if next(users(books, element), None):
        return "This list element is in use and cannot be deleted."
    return ""


def users(books: Books, element: ListObject) -> Iterator[str]:
    """Names of the list elements and transactions that refer to this one."""
    mark = f'"ListID": "{element.list_id}"'
    target = (element.family, element.list_id)
    for row in objects.select(books, "WHERE instr(fields, ?) > 0", mark):
        if target in references.held(row.fields):
            yield row.full_name
    clause = "WHERE entity_id = ? OR instr(fields, ?) > 0 OR instr(lines, ?) > 0"
    for txn in transactions.select(books, clause, element.list_id, mark, mark):
        held = references.held({"CustomerRef": {"ListID": txn.entity_id}, **txn.fields, "Lines": txn.lines})
        if target in held:
            yield f"{txn.kind} {txn.ref_number}"


def remember(books: Books, kind: str, record_id: str, name: str, time_created: str) -> str:
    """Writes a deletion down; when it was."""
    now = books.clock.now()
    books.db.execute(
        "INSERT INTO deleted_object (kind, id, name, time_created, time_deleted) VALUES (?, ?, ?, ?, ?)",
        (kind, record_id, name, time_created, now),
    )
    return now


def list_deleted_query(call: Call) -> Reply:
    return told(call, "List", "ListID", "FullName")


def told(call: Call, what: str, id_field: str, name_field: str) -> Reply:
    """Records older than ninety days are not there any more, whatever date is asked for."""
    rows = [
        {
            f"{what}DelType": kind,
            id_field: record_id,
            "TimeCreated": call.books.clock.printed(created),
            "TimeDeleted": call.books.clock.printed(deleted),
            **({name_field: name} if name else {}),
        }
        for kind, record_id, created, deleted, name in _deleted(call, f"{what}DelType")
    ]
    meta_data = call.request.attributes.get("metaData", "NoMetaData")
    reply = Reply(
        () if meta_data == "MetaDataOnly" else tuple((f"{what}DeletedRet", row) for row in rows),
        ret_count=None if meta_data == "NoMetaData" else len(rows),
    )
    return reply if rows else Reply((), NO_MATCH, TEXTS[NO_MATCH], ret_count=reply.ret_count)


def _deleted(call: Call, field: str) -> list[tuple[str, ...]]:
    window = call.values.get("DeletedDateRangeFilter") or {}
    horizon = WallTime.parse(call.books.clock.now()).minus(KEPT)
    conditions = [
        among("kind", [str(kind) for kind in call.values[field]]),
        ("time_deleted >= ?", (horizon.text(),)),
        *modified(window.get("FromDeletedDate"), window.get("ToDeletedDate"), "time_deleted"),
    ]
    clause = " AND ".join(text for text, _ in conditions)
    query = f"{_SELECT} WHERE {clause} ORDER BY number"
    return call.books.db.execute(query, [value for _, values in conditions for value in values]).fetchall()
