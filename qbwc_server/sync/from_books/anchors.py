"""How far back a kind is read, and what a read must bring: the newest change that is known, read or written by us.

It is the anchor of its kind. Where it does not come in the state that is known or a newer one, the file went back in
time.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from qbwc_server.store import records
from qbwc_server.store.database import Tx
from qbwc_server.store.records import NO_ANCHOR, Anchor, Mark
from qbwc_server.store.rows import Company
from qbwc_server.sync.from_books.pages import id_of, version_of
from qbwc_server.sync.from_books.state import ReadState
from qbwc_server.sync.from_books.storing import plain
from qbxml import WallTime

OVERLAP = timedelta(hours=1)
CLOCK_CHANGE_OVERLAP = timedelta(hours=2)


def since(value: str | None, zone: ZoneInfo) -> str:
    """The watermark less an overlap, as the wall time that QuickBooks expects; two hours around a clock change."""
    if not value:
        return ""
    seen = WallTime.parse(value)
    day = timedelta(days=1)
    offsets = {
        one.moment.replace(tzinfo=zone).utcoffset() for one in (seen.minus(day), seen, seen.minus(-day))
    }
    return seen.minus(CLOCK_CHANGE_OVERLAP if len(offsets) > 1 else OVERLAP).text()


def clock(company: Company, now: datetime) -> str:
    """Wall time in the zone of the company's PC, by our clock."""
    return WallTime.from_utc(now, ZoneInfo(company.timezone)).text()


def after_read(state: ReadState, mark: Mark | None, cap: str) -> Anchor:
    """The newest change that was read, unless the one that was known is as new."""
    newest = min(state.newest, cap)
    if mark is None or not mark.anchor.id or newest > max(mark.anchor.stamp, mark.value or ""):
        return Anchor(state.newest_id, newest, state.newest_version) if state.newest_id else NO_ANCHOR
    return mark.anchor


def drop(tx: Tx, company: Company, kind: str, values: Mapping[str, Any], now: datetime) -> None:
    """What we just wrote is the newest change of its kind, though no read has brought it yet.

    Otherwise a backup of the moment before could be open, and what we wrote be gone, without anybody noticing. By a
    clock that was put back it is no newer than what was read; it only has to be among what the next read brings.
    """
    mark = records.all_watermarks(tx, company.id, "books").get(kind)
    stamp = str(plain(values.get("TimeModified") or ""))
    if mark is not None and mark.complete and stamp > since(mark.value, ZoneInfo(company.timezone)):
        anchor = Anchor(id_of(values), min(stamp, clock(company, now)), version_of(values))
        records.move_anchor(tx, company.id, "books", kind, anchor)


def weigh(tx: Tx, company: Company, kind: str) -> None:
    """A record that was missed is explained; the next change that is read or written is the anchor of its kind."""
    records.move_anchor(tx, company.id, "books", kind, NO_ANCHOR)
