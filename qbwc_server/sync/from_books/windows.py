"""A large first read is cut into windows of modified dates; the end of each is a checkpoint.

QuickBooks does not answer in the order of time, so within a window nothing can be resumed. Windows are found as they
are read: one that holds too much is halved, and after each the next may be twice as long.
"""

from dataclasses import replace
from datetime import timedelta

from qbwc_server.sync.from_books.asking import FIRST_MOMENT
from qbwc_server.sync.from_books.state import ReadState
from qbxml import WallTime

WINDOW = 1000  # records that are read again at most when a visit breaks off
TRIES = 2
# Windows end no later than this before the beginning of the visit: the clock of QuickBooks' PC may be behind ours.
CLOCKS = timedelta(days=31)


def halved(state: ReadState) -> ReadState:
    """The same read with half its window, or unchanged where a window cannot be shorter."""
    since = WallTime.parse(state.since or FIRST_MOMENT).moment
    end = WallTime.parse(state.until or state.started).moment
    latest = WallTime.parse(state.started).moment - CLOCKS
    middle = (since + (end - since) / 2).replace(hour=0, minute=0, second=0, microsecond=0)
    if not since < middle <= latest:
        return state
    return replace(state, until=WallTime(middle).text(), tries=0)


def too_much(state: ReadState, left: int) -> bool:
    """Whether the first page of a window tells that it should be halved."""
    return state.first and left > WINDOW and halved(state) != state


def following(state: ReadState) -> ReadState:
    """The window after this one; the last has no end, so that no stamp of a wrong clock stays outside."""
    since, end = WallTime.parse(state.since or FIRST_MOMENT), WallTime.parse(state.until)
    until = end.moment + 2 * (end.moment - since.moment)
    last = until > WallTime.parse(state.started).moment - CLOCKS
    return replace(
        state,
        since=state.until,
        until="" if last else WallTime(until).text(),
        tries=0,
        restarted=False,
        done=False,
    )
