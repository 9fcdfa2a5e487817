"""How far back a kind is read, and what a read must bring: the newest change that is known, read or written by us.

It is the anchor of its kind. Where it does not come in the state that is known or a newer one, the file went back in
time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import qbxml
from qbwc_server.store import records
from qbwc_server.store.database import Tx
from qbwc_server.store.reconciling import stamps
from qbwc_server.store.records import NO_ANCHOR, Anchor, Mark
from qbwc_server.store.rows import Company
from qbwc_server.sync.from_books.asking import FIRST_MOMENT
from qbwc_server.sync.from_books.pages import id_of, stamp_of, version_of
from qbwc_server.sync.from_books.reconciling import waits
from qbwc_server.sync.from_books.state import ReadState
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
    # QuickBooks keeps no earlier moment, and refuses to be asked about one.
    return max(seen.minus(CLOCK_CHANGE_OVERLAP if len(offsets) > 1 else OVERLAP).text(), FIRST_MOMENT)


def clock(company: Company, now: datetime) -> str:
    """Wall time in the zone of the company's PC, by our clock."""
    return WallTime.from_utc(now, ZoneInfo(company.timezone)).text()


def after_read(state: ReadState, mark: Mark | None, cap: str) -> Anchor:
    """The newest change that a read brought, unless the one that was known is as new.

    What the overlap brings again, or a stamp of a clock that was ahead, is no news, and nothing that a file of before
    would lack.
    """
    if mark is None or not mark.anchor.id:
        return Anchor(state.newest_id, min(state.newest, cap), state.newest_version)
    newest = (state.newest, state.newest_id, state.newest_version)
    stamp, record_id, version = max(state.news, newest) if state.newest <= cap else state.news
    if min(stamp, cap) > max(mark.anchor.stamp, mark.value or ""):
        return Anchor(record_id, min(stamp, cap), version)
    return mark.anchor


class Written(NamedTuple):
    """An object as QuickBooks says that it wrote it; `replaced` is the version of before, "0" where there was none."""

    kind: str
    values: Mapping[str, Any]
    replaced: str


def newest_written(tx: Tx, company_id: str, answer: qbxml.Answer) -> list[Written]:
    """The newest object of each kind in an answer. To be asked before the answer is stored."""
    rets = [
        ret for one in answer.responses if one.status.code < 1000 for ret in one.rets if stamp_of(ret.values)
    ]
    rets.sort(key=lambda one: (stamp_of(one.values), id_of(one.values)))
    newest = {one.name.removesuffix("Ret"): one.values for one in rets}
    return [Written(kind, one, _version(tx, company_id, kind, id_of(one))) for kind, one in newest.items()]


def _version(tx: Tx, company_id: str, kind: str, record_id: str) -> str:
    known = stamps(tx, company_id, kind, [record_id]).get(record_id)
    return known.version if known else "0"


def note_written(tx: Tx, company: Company, written: Sequence[Written], now: datetime, *, asked: bool) -> None:
    """What we wrote last is the newest change of its kind, though no read has brought it yet.

    Otherwise a backup of the moment before could be open, and what we wrote be gone, without anybody noticing. By a
    clock that was put back it is no newer than what was read; it only has to be among what the next read brings. Not
    so where its answer was `asked` for later: what was read meanwhile is newer. While a file that went back in time
    waits for a person, what is missed there stays missed.
    """
    marks = records.all_watermarks(tx, company.id, "books")
    zone, latest = ZoneInfo(company.timezone), clock(company, now)
    for one in [] if waits(marks) else written:
        mark = marks.get(one.kind)
        if mark is None or not mark.complete:
            continue
        stamp = min(stamp_of(one.values), latest)
        if stamp > (max(mark.anchor.stamp, mark.value or "") if asked else since(mark.value, zone)):
            anchor = Anchor(id_of(one.values), stamp, version_of(one.values), one.replaced)
            records.move_anchor(tx, company.id, "books", one.kind, anchor)


def forget(tx: Tx, company: Company, kind: str) -> None:
    """A record that was missed is explained; the next change that is read or written is the anchor of its kind."""
    records.move_anchor(tx, company.id, "books", kind, NO_ANCHOR)
