"""Queries over transactions: by TxnID or RefNumber, by filter, page by page (semantics 3 and 4)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qbwc_server.simulator.company import date_macros, lists, sales_ret, transactions, txn_filters
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.list_engine import Fields
from qbwc_server.simulator.company.objects import key
from qbwc_server.simulator.company.pages import Named, Paged
from qbwc_server.simulator.company.queries import (
    MATCHES,
    among,
    modified,
    picked,
    with_private_data,
)
from qbwc_server.simulator.company.selections import Condition, Selection
from qbwc_server.simulator.company.statuses import BAD_DATE_RANGE, BAD_STRING_RANGE, Record, Refusal
from qbwc_server.simulator.company.transactions import Txn

PAID: Mapping[str, str] = {
    "All": "1",
    "PaidOnly": "open = 0 AND coalesce(json_extract(fields, '$.IsPending'), '') <> 'true'",
    "NotPaidOnly": "open <> 0",
}
# How a transaction can be named in a query: request field -> column.
NAMED: Mapping[str, str] = {
    "TxnID": "txn_id",
    "RefNumber": "ref_key",
    "RefNumberCaseSensitive": "ref_number",
}


@dataclass(frozen=True)
class TxnQuery:
    """One query request over one kind of transaction."""

    kind: str
    ret: Callable[..., Fields]

    def answer(self, call: Call) -> Reply:
        return Paged(self._found, self._records).answer(call)

    def _records(self, call: Call, txn_ids: list[str]) -> tuple[Record, ...]:
        return tuple(
            (f"{self.kind}Ret", self._shown(call, txn)) for txn in transactions.by_ids(call.books, txn_ids)
        )

    def _shown(self, call: Call, txn: Txn) -> Fields:
        values = self.ret(
            call.books,
            txn,
            lines=call.values.get("IncludeLineItems") is True,
            links=call.values.get("IncludeLinkedTxns") is True,
        )
        owners = {str(owner).upper() for owner in call.values.get("OwnerID", ())}
        return with_private_data(call, txn.holder, sales_ret.with_private_lines(values, owners))

    def _found(self, call: Call) -> Named | Selection:
        for name, column in NAMED.items():
            if name in call.values:
                wanted = [str(value) for value in call.values[name]]
                return named(call, column, wanted, [among("kind", [self.kind])])
        conditions = [among("kind", [self.kind]), *_conditions(call.books, call.values)]
        return selection(call.books, conditions)


def named(call: Call, column: str, wanted: list[str], conditions: list[Condition]) -> Named:
    """RefNumbers need not be unique: each may name several."""
    found: list[str] = []
    missing: list[str] = []
    for text in wanted:
        value = key(text) if column == "ref_key" else text
        matching = selection(call.books, [*conditions, (f"{column} = ?", (value,))]).ids(call.books)
        found += matching
        missing += [] if matching else [text]
    return Named(list(dict.fromkeys(found)), missing)


ORDERS: Mapping[str, str] = {"created": "ORDER BY number", "TxnDate": "ORDER BY txn_date, number"}


def selection(books: Books, conditions: list[Condition]) -> Selection:
    return Selection("txn_id", "txn", conditions, ORDERS[books.rule("txn_order")])


# -- filters -----------------------------------------------------------------------------------------------------


def _conditions(books: Books, values: Mapping[str, Any]) -> Iterator[Condition]:
    window = values.get("ModifiedDateRangeFilter") or {}
    yield from modified(window.get("FromModifiedDate"), window.get("ToModifiedDate"), "time_modified")
    yield from dates(books, values.get("TxnDateRangeFilter"))
    if "EntityFilter" in values:
        yield among("entity_id", picked(books, lists.NAMES, values["EntityFilter"]))
    if "AccountFilter" in values:
        yield among("account_id", picked(books, lists.ACCOUNTS, values["AccountFilter"]))
    yield from ref_numbers(values)
    yield from txn_filters.currency(books, values)
    yield PAID[values.get("PaidStatus") or "All"], ()


def dates(books: Books, wanted: Mapping[str, Any] | None, column: str = "txn_date") -> Iterator[Condition]:
    """Both ends belong to the range. Refusal 3030 for one that ends before it begins."""
    if not wanted:
        return
    if "DateMacro" in wanted:
        low, high = date_macros.period(wanted["DateMacro"], books.clock.today())
    else:
        low, high = str(wanted.get("FromTxnDate") or ""), str(wanted.get("ToTxnDate") or "")
    if low and high and low > high:
        raise Refusal(BAD_DATE_RANGE)
    if low:
        yield f"{column} >= ?", (low,)
    if high:
        yield f"{column} <= ?", (high,)


def ref_numbers(values: Mapping[str, Any]) -> Iterator[Condition]:
    if "RefNumberFilter" in values:
        wanted = values["RefNumberFilter"]
        condition = MATCHES[wanted["MatchCriterion"]].replace("name_key", "ref_key")
        yield condition.replace("?1", "?"), (key(wanted["RefNumber"]),) * condition.count("?1")
    window = values.get("RefNumberRangeFilter") or {}
    low, high = key(window.get("FromRefNumber", "")), key(window.get("ToRefNumber", ""))
    if low and high and _numbers(low) > _numbers(high):
        raise Refusal(BAD_STRING_RANGE, "RefNumberRangeFilter")
    if low:
        yield "(length(ref_key), ref_key) >= (?, ?)", (len(low), low)
    if high:
        yield "(length(ref_key), ref_key) <= (?, ?)", (len(high), high)


def _numbers(text: str) -> tuple[int, str]:
    """A shorter number is a smaller one."""
    return len(text), text
