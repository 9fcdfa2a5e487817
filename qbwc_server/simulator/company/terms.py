"""When an invoice is due."""

from collections.abc import Mapping
from datetime import date, timedelta

from qbwc_server.simulator.company import lists, objects
from qbwc_server.simulator.company.books import Books

LAST_OF_FEBRUARY = 28


def due_date(books: Books, txn_date: str, ref: Mapping[str, str] | None) -> str:
    """The day of the transaction when there are no terms."""
    terms = objects.find(books, lists.TERMS, ref["ListID"]) if ref else None
    if terms is None:
        return txn_date
    day = date.fromisoformat(txn_date)
    if terms.kind == "StandardTerms":
        return (day + timedelta(days=int(terms.fields.get("StdDueDays", "0")))).isoformat()
    return _driven(day, terms.fields).isoformat()


def _driven(day: date, fields: Mapping[str, str]) -> date:
    """A day of the month; the month after when it is near (DueNextMonthDays)."""
    due = _in_month(day.year, day.month, int(fields["DayOfMonthDue"]))
    near = timedelta(days=int(fields.get("DueNextMonthDays", "0")))
    while due - near < day:
        due = _in_month(due.year + due.month // 12, due.month % 12 + 1, int(fields["DayOfMonthDue"]))
    return due


def _in_month(year: int, month: int, day: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    return min(
        date(year, month, min(day, LAST_OF_FEBRUARY)) + timedelta(days=max(0, day - LAST_OF_FEBRUARY)),
        following - timedelta(days=1),
    )
