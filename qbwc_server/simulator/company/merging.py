"""Two elements of a list become one (semantics 4, Merges)."""

import json
from dataclasses import replace

from qbwc_server.simulator.company import (
    balances,
    deletions,
    lists,
    objects,
    references,
    stock,
    transactions,
)
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.list_engine import Fields, ListKind
from qbwc_server.simulator.company.list_kinds import KINDS
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.statuses import (
    IN_USE,
    MULTI_USER,
    NOT_MODIFIED,
    NOT_SUPPORTED,
    STALE,
    UNKNOWN_ID,
    Refusal,
)

OWN_ACCOUNT = "QuickBooks needs this account."


def list_merge(call: Call) -> Reply:
    """Needs both EditSequences and single-user mode; the answer has no Ret around it."""
    books, name = call.books, str(call.values["ListMergeType"])
    if books.settings["file_mode"] == "MultiUser":
        raise Refusal(MULTI_USER)
    kind = KINDS.get(name)
    if kind is None:
        raise Refusal(NOT_SUPPORTED)
    source, target = (_named(books, kind, call.values[side]) for side in ("MergeFrom", "MergeTo"))
    return Reply((("ListMergeRs", merge(books, kind, source, target)),))


def _named(books: Books, kind: ListKind, ref: Fields) -> ListObject:
    element = kind.existing(books, str(ref["ListID"]))
    if ref["EditSequence"] != element.edit_sequence:
        raise Refusal(STALE, str(ref["EditSequence"]))
    return element


def merge(books: Books, kind: ListKind, source: ListObject, target: ListObject) -> Fields:
    """The source is gone, everything that named it names the target, balances and stock add up.

    The times and EditSequences of what named it stay (unconfirmed).
    """
    _check(books, kind, source, target)
    _move_below(books, kind, source, target)
    _repoint(books, source, target)
    _add_up(books, source, target)
    objects.delete(books, source)
    deleted = deletions.remember(books, source.kind, source.list_id, source.full_name, source.time_created)
    kept = _edited(books, kind.existing(books, target.list_id))
    printed = books.clock.printed
    return {
        "ListMergeType": kind.name,
        "MergedFrom": {
            "ListID": source.list_id,
            "TimeDeleted": printed(deleted),
            "FullName": source.full_name,
        },
        "MergedTo": {
            "ListID": kept.list_id,
            "TimeCreated": printed(kept.time_created),
            "TimeModified": printed(kept.time_modified),
            "EditSequence": kept.edit_sequence,
            "FullName": kept.full_name,
        },
    }


def _check(books: Books, kind: ListKind, source: ListObject, target: ListObject) -> None:
    if source.list_id == target.list_id:
        raise Refusal(UNKNOWN_ID, source.list_id)
    if "SpecialAccountType" in source.fields:
        raise Refusal(IN_USE, source.list_id, OWN_ACCOUNT)
    if any(one.list_id == source.list_id for one in objects.ancestors(books, target)):
        raise Refusal(NOT_MODIFIED, kind.list_name, target.name)


def _move_below(books: Books, kind: ListKind, source: ListObject, target: ListObject) -> None:
    """What stood under the source stands under the target; equal names there stop the merge."""
    for child in objects.children(books, source):
        kind.space.check_free(books, target, child.name, renamed=child)
        moved = kind.space.placed(books, child, target)
        objects.save(books, moved)
        kind.space.rename_below(books, moved)


# Columns that hold an ID of one family.
_COLUMNS = {
    lists.NAMES: (("txn", "entity_id"), ("posting", "entity_id")),
    lists.ACCOUNTS: (("txn", "account_id"), ("posting", "account_id"), ("application", "discount_account")),
    lists.ITEMS: (("movement", "item_id"),),
    "Class": (("application", "discount_class"),),
}


def _repoint(books: Books, source: ListObject, target: ListObject) -> None:
    mark = f'"ListID": "{source.list_id}"'
    change = (source.family, source.list_id, target.list_id)
    for row in list(objects.select(books, "WHERE instr(fields, ?) > 0", mark)):
        objects.save(books, replace(row, fields=references.repointed(row.fields, *change)))
    for txn in transactions.select(books, "WHERE instr(fields, ?) > 0 OR instr(lines, ?) > 0", mark, mark):
        lines = references.repointed({"Lines": txn.lines}, *change)["Lines"]
        _stamp(books, "txn_id = ?", txn.txn_id)
        books.db.execute(
            "UPDATE txn SET fields = ?, lines = ? WHERE txn_id = ?",
            (
                json.dumps(references.repointed(txn.fields, *change), ensure_ascii=False),
                json.dumps(lines, ensure_ascii=False),
                txn.txn_id,
            ),
        )
    if source.family == lists.NAMES:
        _stamp(books, "entity_id = ?", source.list_id)
    for table, column in _COLUMNS.get(source.family, ()):
        books.db.execute(
            f"UPDATE {table} SET {column} = ? WHERE {column} = ?",  # noqa: S608
            (target.list_id, source.list_id),
        )


def _stamp(books: Books, which: str, record_id: str) -> None:
    """Whether times and EditSequences of transactions move with a merge is a rule ("merge_times"; semantics 4)."""
    if books.rule("merge_times") == "move":
        change = "time_modified = ?, edit_sequence = max(?, edit_sequence + 1)"
        values = (books.clock.now(), books.clock.epoch(), record_id)
        books.db.execute(f"UPDATE txn SET {change} WHERE {which}", values)  # noqa: S608


def _add_up(books: Books, source: ListObject, target: ListObject) -> None:
    balances.carry_up(books, source, -source.total_balance)
    now = objects.find(books, target.family, target.list_id) or target
    raised = replace(
        now, balance=now.balance + source.balance, total_balance=now.total_balance + source.total_balance
    )
    objects.save(books, raised)
    balances.carry_up(books, raised, source.total_balance)
    held = stock.of(books, source.list_id) if source.family == lists.ITEMS else stock.Stock()
    if held != stock.Stock():
        stock.move(books, target.list_id, on_hand=held.on_hand, on_order=held.on_order, value=held.value)
        books.db.execute("DELETE FROM stock WHERE item_id = ?", (source.list_id,))


def _edited(books: Books, element: ListObject) -> ListObject:
    kept = replace(
        element,
        time_modified=books.clock.now(),
        edit_sequence=books.edit_sequence(element.edit_sequence),
    )
    objects.save(books, kept)
    return kept
