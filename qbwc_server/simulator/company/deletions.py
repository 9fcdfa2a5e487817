"""ListDel, and the list of what was deleted in the last ninety days (semantics 4, Deletes)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from qbwc_server.simulator.company import lists, objects, references
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.queries import modified
from qbwc_server.simulator.company.statuses import IN_USE, NO_MATCH, TEXTS, UNKNOWN_ID, Refusal
from qbxml import WallTime

KEPT = timedelta(days=90)
_SELECT = "SELECT kind, id, time_created, time_deleted, name FROM deleted_object"


def list_del(call: Call) -> Reply:
    """Deletes without an EditSequence: the last writer wins. The answer has no Ret around it."""
    kind, list_id = str(call.values["ListDelType"]), str(call.values["ListID"])
    found = objects.find(call.books, lists.FAMILIES.get(kind, ""), list_id)
    if found is None or found.kind != kind:
        raise Refusal(UNKNOWN_ID, list_id)
    return Reply((("ListDelRs", remove(call.books, found)),))


def remove(books: Books, element: ListObject) -> dict[str, Any]:
    """Refusal 3160 while jobs, a balance or customers that refer to it hold it."""
    reason = _held_by(books, element)
    if reason:
        raise Refusal(IN_USE, element.list_id, reason)
    now = books.clock.now()
    objects.delete(books, element)
    books.db.execute(
        "INSERT INTO deleted_object (kind, id, name, time_created, time_deleted) VALUES (?, ?, ?, ?, ?)",
        (element.kind, element.list_id, element.full_name, element.time_created, now),
    )
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
    """Names of the list elements that refer to this one."""
    mark = f'"ListID": "{element.list_id}"'
    for row in objects.select(books, "WHERE instr(fields, ?) > 0", mark):
        if (element.family, element.list_id) in references.held(row.fields):
            yield row.full_name


def list_deleted_query(call: Call) -> Reply:
    """Records older than ninety days are not there any more, whatever date is asked for."""
    rows = _deleted(call)
    records = tuple(("ListDeletedRet", row) for row in rows)
    meta_data = call.request.attributes.get("metaData", "NoMetaData")
    reply = Reply(
        () if meta_data == "MetaDataOnly" else records,
        ret_count=None if meta_data == "NoMetaData" else len(records),
    )
    return reply if rows else Reply((), NO_MATCH, TEXTS[NO_MATCH], ret_count=reply.ret_count)


def _deleted(call: Call) -> list[dict[str, Any]]:
    kinds = call.values["ListDelType"]
    window = call.values.get("DeletedDateRangeFilter") or {}
    horizon = WallTime.parse(call.books.clock.now()).minus(KEPT)
    conditions = [
        (f"kind IN ({', '.join('?' * len(kinds))})", tuple(kinds)),
        ("time_deleted >= ?", (horizon.text(),)),
        *modified(window.get("FromDeletedDate"), window.get("ToDeletedDate"), "time_deleted"),
    ]
    clause = " AND ".join(text for text, _ in conditions)
    query = f"{_SELECT} WHERE {clause} ORDER BY number"
    rows = call.books.db.execute(query, [value for _, values in conditions for value in values])
    printed = call.books.clock.printed
    return [
        {
            "ListDelType": kind,
            "ListID": list_id,
            "TimeCreated": printed(created),
            "TimeDeleted": printed(deleted),
            "FullName": full_name,
        }
        for kind, list_id, created, deleted, full_name in rows
    ]
