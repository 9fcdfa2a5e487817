"""The named periods of filters: Today, LastMonth, ThisCalendarQuarterToDate (semantics 4, Filters)."""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta

FIRST, LAST = "0001-01-01", "9999-12-31"
WEEK, FOUR_WEEKS = 7, 28
MONTHS: Mapping[str, int] = {"Month": 1, "Quarter": 3, "Year": 12}
_NAMED = re.compile(r"(This|Last|Next)(?:Calendar|Fiscal)?(Week|Month|Quarter|Year)(ToDate)?")
STEPS: Mapping[str, int] = {"Last": -1, "This": 0, "Next": 1}

Period = tuple[date, date]
_DAYS: Mapping[str, Callable[[date], Period]] = {
    "Today": lambda day: (day, day),
    "Yesterday": lambda day: (day - timedelta(days=1), day - timedelta(days=1)),
    "NextFourWeeks": lambda day: (day + timedelta(days=1), day + timedelta(days=FOUR_WEEKS)),
}


def period(macro: str, today: str) -> tuple[str, str]:
    """First and last day, both included. Weeks begin on Sunday; the fiscal year is the calendar year here."""
    day = date.fromisoformat(today)
    if macro in _DAYS:
        start, end = _DAYS[macro](day)
        return start.isoformat(), end.isoformat()
    found = _NAMED.fullmatch(macro)
    if found is None:
        return FIRST, LAST
    start, end = _stretch(day, found[2], STEPS[found[1]])
    if found[3]:
        end = start + (day - _stretch(day, found[2], 0)[0])
    return start.isoformat(), end.isoformat()


def _stretch(day: date, unit: str, step: int) -> Period:
    if unit == "Week":
        start = day - timedelta(days=(day.weekday() + 1) % WEEK) + timedelta(days=WEEK * step)
        return start, start + timedelta(days=WEEK - 1)
    length = MONTHS[unit]
    month = day.year * 12 + (day.month - 1) // length * length + step * length
    return _first(month), _first(month + length) - timedelta(days=1)


def _first(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)
