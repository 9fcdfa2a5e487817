"""When automatic runs are due: a minimum gap per application, moved by what the application answers (2.5)."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from qbwc_server.simulator.connector.options import Options
from qbwc_server.simulator.connector.visit import UpdateResult


class Schedule:
    """Iterating waits for the next due application and names it; after() says what became of its run."""

    def __init__(self, intervals: Mapping[str, int], times: int, options: Options) -> None:
        """intervals in seconds by application; each of them runs `times` times, the first one at once."""
        self.intervals = dict(intervals)
        self._left = dict.fromkeys(intervals, times)
        self._options = options
        self._due: dict[str, datetime] = dict.fromkeys(intervals, options.clock())

    def __iter__(self) -> Iterator[str]:
        while waiting := [name for name, left in self._left.items() if left > 0]:
            name = min(waiting, key=lambda candidate: self._due[candidate])
            pause = (self._due[name] - self._options.clock()).total_seconds()
            if pause > 0:
                self._options.wait(pause)
            self._left[name] -= 1
            yield name

    def after(self, name: str, result: UpdateResult) -> UpdateResult:
        """authenticate [3] raises the interval, [2] sets only the next run; both count from this run."""
        if result.minimum is not None:
            self.intervals[name] = max(self.intervals[name], result.minimum)
        gap = result.postponed if result.postponed is not None else self.intervals[name]
        self._due[name] = self._options.clock() + timedelta(seconds=gap)
        return result
