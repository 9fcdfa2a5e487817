"""TxnDel, TxnVoid, and the list of what was deleted (semantics 4, Deletes)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qbwc_server.simulator.company import applying, deletions, orders, postings, sales_header, transactions
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.list_engine import Fields
from qbwc_server.simulator.company.sales import existing
from qbwc_server.simulator.company.statuses import BOOKS_CLOSED
from qbwc_server.simulator.company.transactions import Txn

VOID = "VOID:"
ZERO = "0.00"
# Rule "void_quantities" -> what a void line has instead.
ZEROS: Mapping[str, Mapping[str, str]] = {
    "zero": {"Quantity": "0", "Amount": ZERO},
    "kept": {"Amount": ZERO},
}


def txn_del(call: Call) -> Reply:
    """Deletes without an EditSequence: the last writer wins. The answer has no Ret around it."""
    kind, txn_id = str(call.values["TxnDelType"]), str(call.values["TxnID"])
    return Reply((("TxnDelRs", remove(call.books, existing(call.books, kind, txn_id))),))


def remove(books: Books, txn: Txn) -> Fields:
    """What was applied to it or by it is open again, what it invoiced can be invoiced again."""
    sales_header.check_deleted(books, txn.kind, txn.txn_date)
    applying.release(books, txn)
    touched = orders.relink(books, replace(txn, lines=()))
    orders.unlink(books, txn)
    postings.unbook(books, txn)
    for order_id in touched:
        applying.touch(books, order_id)
    now = deletions.remember(books, txn.kind, txn.txn_id, txn.ref_number, txn.time_created)
    values = {"TxnDelType": txn.kind, "TxnID": txn.txn_id, "TimeDeleted": books.clock.printed(now)}
    return {**values, "RefNumber": txn.ref_number} if txn.ref_number else values


def txn_void(call: Call) -> Reply:
    kind, txn_id = str(call.values["TxnVoidType"]), str(call.values["TxnID"])
    return Reply((("TxnVoidRs", void(call.books, existing(call.books, kind, txn_id))),))


def void(books: Books, txn: Txn) -> Fields:
    """It stays, with zero amounts and a new EditSequence; two rules begin with "void_"."""
    sales_header.check_open(books, txn.kind, txn.txn_date, code=BOOKS_CLOSED)
    applying.release(books, txn)
    memo = str(txn.fields.get("Memo", ""))
    unmarked = books.rule("void_memo") == "unchanged"
    emptied = replace(
        transactions.edited(books, txn),
        total=0,
        fields={
            **txn.fields,
            "Subtotal": ZERO,
            "SalesTaxTotal": ZERO,
            "IsVoid": "true",
            "Memo": memo if memo.startswith(VOID) or unmarked else f"{VOID}{' ' if memo else ''}{memo}",
        },
        lines=tuple(_emptied(line, ZEROS[books.rule("void_quantities")]) for line in txn.lines),
    )
    for order_id in orders.relink(books, emptied):
        applying.touch(books, order_id)
    done = postings.book(books, emptied)
    values = {
        "TxnVoidType": done.kind,
        "TxnID": done.txn_id,
        "TimeCreated": books.clock.printed(done.time_created),
        "TimeModified": books.clock.printed(done.time_modified),
    }
    return {**values, "RefNumber": done.ref_number} if done.ref_number else values


def _emptied(line: Mapping[str, Any], zeros: Mapping[str, str]) -> Fields:
    if "Lines" in line:
        inner = [_emptied(one, zeros) for one in line["Lines"]]
        return {**line, "TotalAmount": ZERO, "Lines": inner}
    return {**line, **{name: zero for name, zero in zeros.items() if name in line}}


def txn_deleted_query(call: Call) -> Reply:
    return deletions.told(call, "Txn", "TxnID", "RefNumber")
