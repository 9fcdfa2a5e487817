"""TransactionQuery: one row for each transaction, of whatever kind (semantics 3)."""

from collections.abc import Iterator, Mapping
from typing import Any

from qbwc_server.simulator.company import lists, references, transactions, txn_filters
from qbwc_server.simulator.company.balances import text
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.list_engine import Fields
from qbwc_server.simulator.company.pages import Named, Paged
from qbwc_server.simulator.company.queries import among, modified, picked
from qbwc_server.simulator.company.sales_kinds import CREDITS, PAYMENT, SALES_KINDS
from qbwc_server.simulator.company.selections import Condition, Selection
from qbwc_server.simulator.company.statuses import NOT_SUPPORTED, Record, Refusal
from qbwc_server.simulator.company.transactions import Txn
from qbwc_server.simulator.company.txn_queries import NAMED, dates, named, ref_numbers, selection

RET = "TransactionRet"
POSTING = (PAYMENT, *(name for name, kind in SALES_KINDS.items() if kind.sign))
POSTED: Mapping[str, str] = {"Either": "1", "Posting": "", "NonPosting": "NOT "}
PAID: Mapping[str, str] = {"Either": "1", "Open": "open <> 0", "Closed": "open = 0"}


def answer(call: Call) -> Reply:
    """Refusal 1030 for one row a posting: what those rows hold is not known."""
    if call.values.get("TransactionDetailLevelFilter", "SummaryOnly") != "SummaryOnly":
        raise Refusal(NOT_SUPPORTED)
    return Paged(_found, _records).answer(call)


def _found(call: Call) -> Named | Selection:
    for name, column in NAMED.items():
        if name in call.values:
            return named(call, column, [str(value) for value in call.values[name]], [])
    return selection(call.books, list(_conditions(call.books, call.values)))


def _conditions(books: Books, values: Mapping[str, Any]) -> Iterator[Condition]:
    window = values.get("TransactionModifiedDateRangeFilter") or {}
    if "DateMacro" in window:
        yield from dates(books, window, "substr(time_modified, 1, 10)")
    else:
        yield from modified(window.get("FromModifiedDate"), window.get("ToModifiedDate"), "time_modified")
    yield from dates(books, values.get("TransactionDateRangeFilter"))
    yield from ref_numbers(values)
    yield from _entities(books, values.get("TransactionEntityFilter"))
    yield from txn_filters.conditions(books, values)
    kinds = [str(one) for one in (values.get("TransactionTypeFilter") or {}).get("TxnTypeFilter", ())]
    if kinds and "All" not in kinds:
        yield among("kind", kinds)
    posted = values.get("TransactionPostingStatusFilter") or "Either"
    condition, names = among("kind", POSTING)
    yield (POSTED["Either"], ()) if posted == "Either" else (f"{POSTED[posted]}{condition}", names)
    yield PAID[values.get("TransactionPaidStatusFilter") or "Either"], ()


def _entities(books: Books, wanted: Mapping[str, Any] | None) -> Iterator[Condition]:
    """Every transaction here is a customer's, or nobody's."""
    if not wanted:
        return
    if "EntityTypeFilter" in wanted:
        yield "entity_id <> ''" if wanted["EntityTypeFilter"] == "Customer" else "0", ()
    else:
        yield among("entity_id", picked(books, lists.NAMES, wanted))


def _records(call: Call, txn_ids: list[str]) -> tuple[Record, ...]:
    return tuple((RET, _row(call.books, txn)) for txn in transactions.by_ids(call.books, txn_ids))


def _row(books: Books, txn: Txn) -> Fields:
    refs = {"CustomerRef": txn.entity_id, "AccountRef": txn.account_id}
    shown = references.shown(books, {name: {"ListID": one} for name, one in refs.items() if one})
    if "CustomerRef" in shown:
        shown["EntityRef"] = shown.pop("CustomerRef")
    values: Fields = {
        **shown,
        "TxnType": txn.kind,
        "TxnID": txn.txn_id,
        "TimeCreated": books.clock.printed(txn.time_created),
        "TimeModified": books.clock.printed(txn.time_modified),
        "TxnDate": txn.txn_date,
        "RefNumber": txn.ref_number,
        "Amount": text(_sign(books, txn) * txn.total),
        "Memo": txn.fields.get("Memo", ""),
    }
    return {name: value for name, value in values.items() if value}


def _sign(books: Books, txn: Txn) -> int:
    """Whether credits and payments count negative is a rule ("credit_amounts")."""
    return -1 if txn.kind in CREDITS and books.rule("credit_amounts") == "negative" else 1
