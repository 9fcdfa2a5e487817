"""The clock on the wall of the company's PC, and the offset QuickBooks prints beside it (semantics 4)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from qbxml import WallTime

Clock = Callable[[], datetime]
_OFFSET_IN_FILTER = re.compile(
    r"(<(?:From|To)(?:Modified|Deleted)Date>\s*)(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)([+-]\d\d:\d\d)(?=\s*<)"
)


def system_clock() -> datetime:
    return datetime.now(UTC)


class WallClock:
    """Wall times of one IANA zone. They are kept as texts without an offset, which sort like the times they tell."""

    def __init__(
        self, zone: ZoneInfo, clock: Clock, rule: Callable[[str], str] = lambda _: "january"
    ) -> None:
        """rule: how the file answers "printed_offset" and "filter_offset"."""
        self._zone = zone
        self._clock = clock
        self._rule = rule

    def off_by(self, offset: Callable[[], timedelta]) -> "WallClock":
        """The same clock, wrong by what offset says at each look."""
        return WallClock(self._zone, lambda: self._clock() + offset(), self._rule)

    def instant(self) -> datetime:
        """What this clock takes for the present: aware."""
        return self._clock()

    def epoch(self) -> int:
        return int(self._clock().timestamp())

    def now(self) -> str:
        return WallTime.from_utc(self._clock(), self._zone).text()

    def today(self) -> str:
        return self.now()[:10]

    def printed(self, wall: str) -> str:
        """With the offset that the zone has in January of that year: QuickBooks prints it all year round."""
        return wall + _offset_text(self._offset(wall, "printed_offset"))

    def read_offsets(self, document: str) -> str:
        """Dates of filters that carry an offset, as the wall time QuickBooks takes them for.

        It expects its own wrong offset back: the instant is turned into wall time with January's offset.
        """
        return _OFFSET_IN_FILTER.sub(lambda found: found[1] + self._wall_of(found[2], found[3]), document)

    def _wall_of(self, moment: str, offset: str) -> str:
        given = datetime.fromisoformat(moment + offset)
        if self._rule("filter_offset") == "season":
            return given.astimezone(self._zone).replace(tzinfo=None).isoformat()
        shift = self._january(given.year) - (given.utcoffset() or timedelta())
        return (given.replace(tzinfo=None) + shift).isoformat()

    def _offset(self, wall: str, rule: str) -> timedelta:
        if self._rule(rule) == "season":
            return datetime.fromisoformat(wall).replace(tzinfo=self._zone).utcoffset() or timedelta()
        return self._january(int(wall[:4]))

    def _january(self, year: int) -> timedelta:
        return datetime(year, 1, 1, 12, tzinfo=self._zone).utcoffset() or timedelta()


def _offset_text(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
