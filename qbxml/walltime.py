"""The wall time of a company file: QuickBooks' DATETIMETYPE without the offset it prints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

_FORM = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:T(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:[+-]\d{1,2}:\d{1,2})?)?)?)?",
    re.ASCII,
)
_WHOLE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[+-]\d\d:\d\d)?", re.ASCII)
_SECONDS = 19  # the length of YYYY-MM-DDTHH:MM:SS

# The ends of the calendar, as a clock on the wall shows them.
_FIRST: Final = datetime.fromisoformat("0001-01-01T00:00:00")
_LAST: Final = datetime.fromisoformat("9999-12-31T23:59:59")


@dataclass(frozen=True, order=True, slots=True)
class WallTime:
    """A moment as the clock on the wall of the company's PC showed it, to the second, in no zone of its own.

    QuickBooks prints the January offset of its zone all year, so the offset of an answer is wrong for half
    of it while the wall time is right. The offset is therefore dropped here and never sent; only the
    company's IANA zone turns a wall time into an instant (qbXML semantics, section 4). Raises ValueError
    for an aware datetime.
    """

    moment: datetime

    def __post_init__(self) -> None:
        if self.moment.tzinfo is not None:
            raise ValueError("a wall time has no zone; use WallTime.from_utc with the company's zone")
        if self.moment.microsecond:
            object.__setattr__(self, "moment", self.moment.replace(microsecond=0))

    @classmethod
    def parse(cls, text: str) -> WallTime:
        """Read a DATETIMETYPE: date only (midnight), with hours, minutes, seconds, with an offset (dropped).

        Raises ValueError for everything else, also for Z and fractions of a second, which QuickBooks does
        not write.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise ValueError(f'"{text}" is not a date-time of QuickBooks (YYYY-MM-DDTHH:MM:SS)')
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        return cls(datetime.combine(date(year, month, day), time(hour, minute, second)))

    @classmethod
    def from_utc(cls, instant: datetime, zone: tzinfo) -> WallTime:
        """What the wall clock of `zone` shows at an instant. Raises ValueError for a naive datetime."""
        if instant.tzinfo is None:
            raise ValueError("an instant needs a zone; a naive datetime is not one")
        return cls(instant.astimezone(zone).replace(tzinfo=None, fold=0))

    def text(self) -> str:
        """As a request wants it: local time without an offset."""
        return self.moment.isoformat()

    def to_utc(self, zone: tzinfo) -> datetime:
        """The instant, aware in UTC.

        In the hour that autumn repeats, the first pass (daylight time) is taken: the earlier instant, so a
        watermark made from it asks again rather than skips. A time that spring left out reads as if the
        clock had not moved yet. At the ends of the calendar, where there is no such instant, the last one there is.
        """
        try:
            return self.moment.replace(tzinfo=zone).astimezone(UTC)
        except OverflowError:
            return (_LAST if self.moment.year > 1 else _FIRST).replace(tzinfo=UTC)

    def minus(self, span: timedelta) -> WallTime:
        """The wall time `span` earlier on the same clock face; changes of the clock are not counted.

        Nothing is earlier or later than the calendar's ends.
        """
        try:
            return WallTime(self.moment - span)
        except OverflowError:
            return WallTime(_FIRST if span > timedelta() else _LAST)

    def __str__(self) -> str:
        return self.text()


def read_moment(text: str) -> WallTime | date:
    """A DATETIMETYPE leaf as a value: a date alone stays a date (a filter's day runs to 23:59:59).

    Raises ValueError.
    """
    if _WHOLE.fullmatch(text):  # the form of every answer
        return WallTime(datetime.fromisoformat(text[:_SECONDS]))
    return WallTime.parse(text) if "T" in text else WallTime.parse(text).moment.date()
