"""The time an emulated service believes it is; every stamp, expiry and `Date` header is taken from here."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def system_time() -> datetime:
    """The machine's own time, aware, in UTC."""
    return datetime.now(UTC)


class Clock:
    """A source of time that tests may push forward instead of sleeping.

    The source must give aware datetimes; they are turned into UTC.
    """

    def __init__(self, source: Callable[[], datetime] = system_time) -> None:
        self._source = source
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Aware UTC, with microseconds as the source gives them."""
        return self._source().astimezone(UTC) + self._ahead

    def second(self) -> datetime:
        """`now` cut to whole seconds: the grain in which these services keep their stamps."""
        return self.now().replace(microsecond=0)

    def advance(self, seconds: float) -> datetime:
        """Push the time forward (or back, when negative) and tell what it is now."""
        self._ahead += timedelta(seconds=seconds)
        return self.now()
