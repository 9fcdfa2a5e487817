"""What to ask QuickBooks at a visit, and storing what it answered before anything is made of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any, Final
from zoneinfo import ZoneInfo

import qbxml
from qbwc_server.store import records
from qbwc_server.store.columns import canonical
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Company, StoredRecord
from qbwc_server.sync.deciding import Scope, match_keys
from qbwc_server.sync.from_books.ahead import ahead
from qbwc_server.sync.posted import Posted
from qbwc_server.sync.to_books import id_field
from qbxml import Ret, SetStatus, Status, WallTime

BATCH = 250  # records that are in memory at once, and stored with one set of statements
PAGE_SIZE = 200  # customers per answer; others page by 100 to 200 with lines, up to 500 without
OVERLAP = timedelta(hours=1)
CLOCK_CHANGE_OVERLAP = timedelta(hours=2)

LEFT_OUT = "QuickBooks' answer left it out."

TEXTS = {WallTime: WallTime.text}

LIST_DELETE_TYPES = {"Customer": "Customer"}


@dataclass(frozen=True)
class ReadState:
    """How far one kind has been read in this visit; kept with the ticket, never longer than the visit."""

    kind: str
    since: str = ""  # wall time the query starts from; "" reads everything
    iterator_id: str = ""
    newest: str = ""  # the largest TimeModified seen so far
    seen: int = 0
    left: int = 0
    page: int = 1
    restarted: bool = False
    done: bool = False
    error: str = ""


def plan_reads(tx: Tx, company: Company, scopes: Iterable[Scope]) -> list[ReadState]:
    """One read per QuickBooks kind that any connection of this company maps."""
    kinds = sorted({one.books_kind for scope in scopes for one in scope.profile.kinds})
    return [ReadState(kind, since=_since(tx, company, kind)) for kind in kinds]


def _since(tx: Tx, company: Company, kind: str) -> str:
    """The watermark less an overlap, as the wall time that QuickBooks expects; two hours around a clock change."""
    value, _ = records.watermark(tx, company.id, "books", kind)
    if not value:
        return ""
    seen = WallTime.parse(value)
    zone = ZoneInfo(company.timezone)
    day = timedelta(days=1)
    changing = seen.minus(day).to_utc(zone) + day != seen.to_utc(zone) or seen.minus(-day).to_utc(
        zone
    ) - day != seen.to_utc(zone)
    return seen.minus(CLOCK_CHANGE_OVERLAP if changing else OVERLAP).text()


def read_requests(states: Sequence[ReadState]) -> list[qbxml.Request]:
    """The queries of the reads that are not done: all first pages and deletions in one set, then page by page."""
    running = [state for state in states if not state.done]
    continued = [state for state in running if state.iterator_id]
    if continued:
        return [_query(continued[0])]
    return [request for state in running for request in (_query(state), *_deletions(state))]


def _query(state: ReadState) -> qbxml.Request:
    values: dict[str, Any] = {"MaxReturned": PAGE_SIZE, "ActiveStatus": "All", "OwnerID": ["0"]}
    if state.since:
        values["FromModifiedDate"] = WallTime.parse(state.since)
    iterator = {"iterator": "Continue", "iteratorID": state.iterator_id} if state.iterator_id else {}
    return qbxml.Request(
        f"{state.kind}QueryRq", values, _request_id("read", state), iterator or {"iterator": "Start"}
    )


def _deletions(state: ReadState) -> tuple[qbxml.Request, ...]:
    """Deletions since the watermark; a first read needs none, it sees what exists."""
    if not state.since or state.kind not in LIST_DELETE_TYPES:
        return ()
    values = {
        "ListDelType": [LIST_DELETE_TYPES[state.kind]],
        "DeletedDateRangeFilter": {"FromDeletedDate": WallTime.parse(state.since)},
    }
    return (qbxml.Request("ListDeletedQueryRq", values, _request_id("gone", state)),)


def _request_id(what: str, state: ReadState) -> str:
    """Another one for each page, so that a page that is posted twice is not taken for the next."""
    return f"{what}-{state.kind}-{state.page}"


def take_answer(
    tx: Tx,
    company: Company,
    scopes: Sequence[Scope],
    states: Sequence[ReadState],
    posted: Posted,
    now: datetime,
) -> tuple[list[ReadState], int]:
    """Store every record of a read's answer and say how far each read is now; (states, records changed).

    Records are taken and stored in batches, so memory does not grow with the answer. Raises
    qbxml.UnreadableAnswer, possibly after some were stored: the caller undoes them, and the read starts again
    at the next visit.
    """
    asked = {str(one.request_id): _Page() for one in read_requests(states)}
    changed = 0
    for status, rets in ahead(_batches(posted)):
        page = asked.get(status.request_id or "")
        if page is not None:
            page.add(status, rets)
            changed += _store_page(tx, company, scopes, str(status.request_id), rets, now)
    by_kind = {state.kind: state for state in states}
    for request_id, page in asked.items():
        what, kind, _ = request_id.split("-")
        by_kind[kind] = AFTER[what](by_kind[kind], page)
    for state in by_kind.values():
        if state.done and not state.error:
            _move_watermark(tx, company, scopes, state, now)
    return list(by_kind.values()), changed


@dataclass
class _Page:
    """What the answer to one request says of the read it belongs to; nothing while it was not seen."""

    status: Status | None = None
    newest: str = ""
    seen: int = 0

    def add(self, status: Status, rets: Sequence[Ret]) -> None:
        stamps = [one.values["TimeModified"].text() for one in rets if "TimeModified" in one.values]
        self.status = status
        self.newest = max([self.newest, *stamps])
        self.seen += len(rets)


def _batches(posted: Posted) -> Iterator[tuple[Status, list[Ret]]]:
    """Each status and its first records, then the others, in the order of the document."""
    for status, parts in groupby(qbxml.parse(posted.open()), _status_of):
        if status is not None:
            rets = (part for part in parts if isinstance(part, Ret))
            yield status, list(islice(rets, BATCH))
            while batch := list(islice(rets, BATCH)):
                yield status, batch


def _status_of(part: SetStatus | Status | Ret) -> Status | None:
    return part.status if isinstance(part, Ret) else part if isinstance(part, Status) else None


def _store_page(
    tx: Tx, company: Company, scopes: Sequence[Scope], request_id: str, rets: Sequence[Ret], now: datetime
) -> int:
    what, kind, _ = request_id.split("-")
    if what == "gone":
        return _bury(tx, company, scopes, kind, rets, now)
    return store_records(tx, company, scopes, kind, [one.values for one in rets], now)


def _after_deletions(state: ReadState, page: _Page) -> ReadState:
    """Without its deletions a read is not complete, so its watermark must stay."""
    if page.status is None:
        return _left_out(state)
    return replace(state, error=_said(page.status)) if page.status.code >= 1000 else state


def _left_out(state: ReadState) -> ReadState:
    """Asked again it would be left out again, and the visit would never end."""
    return replace(state, done=True, error=LEFT_OUT)


def _said(status: Status) -> str:
    return f"{status.message} ({status.code})"


def _after_page(state: ReadState, page: _Page) -> ReadState:
    status = page.status
    if status is None:
        return _left_out(state)
    if status.code >= 1000:
        if state.iterator_id and not state.restarted:
            # An iterator dies with its session; any error on Continue means: start again.
            return replace(state, iterator_id="", restarted=True, seen=0, left=0, page=state.page + 1)
        return replace(state, done=True, error=_said(status))
    left = status.iterator_remaining or 0
    return replace(
        state,
        newest=max(state.newest, page.newest),
        seen=state.seen + page.seen,
        left=left,
        page=state.page + 1,
        iterator_id=(status.iterator_id or "") if left else "",
        done=left == 0 or not status.iterator_id,
    )


AFTER: Final[Mapping[str, Callable[[ReadState, _Page], ReadState]]] = {
    "read": _after_page,
    "gone": _after_deletions,
}


def _move_watermark(
    tx: Tx, company: Company, scopes: Sequence[Scope], state: ReadState, now: datetime
) -> None:
    """From the answers, never from our clock; capped at now, so that a host clock ahead of time skips nothing.

    An empty company has no answers, so it keeps none: a PC whose clock is behind ours may stamp its first
    customer earlier than any moment that we could name.
    """
    value, complete = records.watermark(tx, company.id, "books", state.kind)
    newest = max(value or "", state.newest)
    cap = WallTime.from_utc(now, ZoneInfo(company.timezone)).text()
    reached = min(newest, cap) if newest else None
    records.move_watermark(tx, company.id, "books", state.kind, reached, now, complete=True)
    if not complete:
        for scope in scopes:
            records.release_parked(tx, scope.id)


def store_records(
    tx: Tx,
    company: Company,
    scopes: Sequence[Scope],
    kind: str,
    rets: Sequence[Mapping[str, Any]],
    now: datetime,
) -> int:
    """Keep the last state of QuickBooks objects; what is known by content is dropped. How many changed."""
    rows, texts = {}, {}
    for values in rets:
        text = canonical(values, TEXTS)
        row = _row(company.id, kind, values, text.content_hash, now)
        rows[row.id], texts[row.id] = row, text
    before = records.hashes(tx, company.id, "books", kind, list(rows))
    changed = [row for row in rows.values() if before.get(row.id) != (row.content_hash, False)]
    new = rows.keys() - before.keys()
    _save(tx, scopes, kind, changed, now, new=new, texts=texts)
    return len(changed)


def _bury(
    tx: Tx, company: Company, scopes: Sequence[Scope], kind: str, rets: Sequence[Ret], now: datetime
) -> int:
    """Deleted in QuickBooks: the record stays as a tombstone with its last values."""
    ids = [str(one.values.get("ListID") or one.values.get("TxnID")) for one in rets]
    known = records.known(tx, company.id, "books", kind, ids)
    gone = [replace(row, deleted=True, seen_at=now) for row in known.values() if not row.deleted]
    _save(tx, scopes, kind, gone, now)
    return len(gone)


def _save(
    tx: Tx, scopes: Sequence[Scope], kind: str, rows: list[StoredRecord], now: datetime, **known: Any
) -> None:
    maps = [one for scope in scopes for one in scope.maps_of("books", kind)]
    keys = {
        row.id: sorted({key for one in maps for key in match_keys(one, "books", row.values)})
        if not row.deleted
        else []
        for row in rows
    }
    records.save(tx, rows, keys, **known)
    for scope in scopes:
        records.mark_undecided(tx, scope.id, "books", kind, [row.id for row in rows], now)


def _row(
    company_id: str, kind: str, values: Mapping[str, Any], content_hash: str, now: datetime
) -> StoredRecord:
    modified = values.get("TimeModified", "")
    return StoredRecord(
        scope_id=company_id,
        side="books",
        kind=kind,
        id=str(values[id_field(kind)]),
        version=str(values.get("EditSequence", "")),
        content_hash=content_hash,
        values=dict(values),
        modified=modified.text() if isinstance(modified, WallTime) else str(modified),
        deleted=False,
        seen_at=now,
    )


def plain(value: Any) -> Any:
    """Parsed values without types of the qbXML package: wall times become their text."""
    if isinstance(value, WallTime):
        return value.text()
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
