"""What to ask QuickBooks at a visit, and storing what it answered before anything is made of it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any
from zoneinfo import ZoneInfo

import qbxml
from qbwc_server.store import history, records
from qbwc_server.store.database import Tx
from qbwc_server.store.records import Mark
from qbwc_server.store.rows import Company
from qbwc_server.sync import parts
from qbwc_server.sync.deciding import Scope
from qbwc_server.sync.from_books import anchors, asking, lists, reconciling, rereading, windows
from qbwc_server.sync.from_books.ahead import ahead
from qbwc_server.sync.from_books.pages import Page, id_of, is_old
from qbwc_server.sync.from_books.rereading import Touch, Touched
from qbwc_server.sync.from_books.state import ReadState
from qbwc_server.sync.from_books.storing import (
    Changes,
    bury,
    by_kind,
    id_name,
    keep,
    plain,
    store_records,
    touched_by,
)
from qbwc_server.sync.posted import Posted
from qbxml import Ret, SetStatus, Status, WallTime

__all__ = [
    "BATCH",
    "PAGE_SIZE",
    "SHORT",
    "ReadState",
    "apart",
    "note_asked",
    "plain",
    "plan_again",
    "plan_reads",
    "read_requests",
    "requests_left",
    "store_records",
    "take_answer",
]

# Bytes of an answer that is read as a whole before anything of it is stored: nothing can break off then, and reading
# on meanwhile would not be worth a thread.
SHORT = 64 * 1024
BATCH = 250  # records that are in memory at once, and stored with one set of statements
PAGE_SIZE = 200  # records per answer; transactions come with their lines and in smaller pages

NOT_UNDERSTOOD_SHOWN = 500


# --- planning ---


def plan_reads(tx: Tx, company: Company, scopes: Iterable[Scope], now: datetime) -> list[ReadState]:
    """One read per QuickBooks kind that any connection of this company maps, and what these need besides.

    Those are kinds whose records change mapped ones without moving their stamps, the ids that are to be read
    again because of it, and the lists that mapped fields refer to.
    """
    scopes = list(scopes)
    marks = records.all_watermarks(tx, company.id, "books")
    mapped = rereading.mapped_kinds(scopes)
    zone = ZoneInfo(company.timezone)
    started = WallTime.from_utc(now, zone).text()
    kinds = mapped | rereading.auxiliary(mapped)
    keys = [*reconciling.planned(marks, kinds, started, now)]
    again = [_again(one, rereading.remembered(marks, one)) for one in rereading.order(kinds)]
    daily = [
        replace(_planned(kind, marks, zone, started), what="list", anchor="")
        for kind in lists.due(scopes, marks, now)
    ]
    reads = [_planned(kind, marks, zone, started) for kind in sorted(kinds)]
    reads = [_with_new_parts(one, scopes, marks) for one in reads]
    return [*reads, *again, *daily, *keys]


def _with_new_parts(state: ReadState, scopes: Sequence[Scope], marks: Mapping[str, Mark]) -> ReadState:
    """Parts that are mapped only now were not kept when their whole was read: it is read as a whole once more."""
    new = _new_parts(state.kind, scopes, marks)
    if not new or state.first:
        return state
    return replace(state, since="", gone_since=state.since or state.gone_since)


def _new_parts(kind: str, scopes: Sequence[Scope], marks: Mapping[str, Mark]) -> set[str]:
    """Kinds that are read with this one, as they are parts of it, and were not yet."""
    named = {one.books_kind for scope in scopes for one in scope.profile.kinds}
    read = {name for name, mark in marks.items() if mark.complete}
    return {one for one in named - read if one != kind and parts.whole_of(one) == kind}


def _planned(kind: str, marks: Mapping[str, Mark], zone: ZoneInfo, started: str) -> ReadState:
    mark = marks.get(kind)
    since = anchors.since(mark.value if mark else None, zone)
    first = mark is None or not mark.complete
    state = ReadState(kind, since=since, started=started, first=first)
    if mark is not None and not first:
        anchor = mark.anchor
        state = replace(state, anchor=anchor.id, anchor_stamp=anchor.stamp, anchor_version=anchor.version)
        state = replace(state, anchor_replaced=anchor.replaced)
        if since and anchor.id:
            state = replace(state, since=anchors.since(min(mark.value or "", anchor.stamp), zone))
    if mark is not None and not (first or since):
        # There was none: what we made meanwhile may be gone already.
        state = replace(state, gone_since=WallTime.from_utc(mark.moved_at - timedelta(days=1), zone).text())
    return _resumed(state, mark, marks.get(_window_name(kind))) if first else state


def _resumed(state: ReadState, checkpoint: Mark | None, window: Mark | None) -> ReadState:
    """A first read goes on at its last checkpoint; a window that was tried too often is halved."""
    since = (checkpoint.value if checkpoint else None) or ""
    state = replace(state, since=since, resumed=window is not None)
    if window is None or not window.value:
        return state
    start, until, tries = json.loads(window.value)
    if start == since:
        state = replace(state, until=until, tries=tries)
    return (
        windows.halved(state) if asking.is_transaction(state.kind) and state.tries >= windows.TRIES else state
    )


def plan_again(
    tx: Tx, company: Company, scopes: Iterable[Scope], states: Sequence[ReadState]
) -> list[ReadState]:
    """The reads of a visit with those added that its own writes made necessary, such as a customer's new balance.

    Unchanged when nothing is to be read again; what failed in this visit waits for the next.
    """
    targets = {one.kind for one in rereading.followed(scopes)}
    failed = {one.kind for one in states if one.what == "again" and one.error}
    marks = records.all_watermarks(tx, company.id, "books")
    found = [
        _again(one, ids)
        for one in rereading.IN_ORDER
        if one in targets - failed and (ids := rereading.remembered(marks, one))
    ]
    fresh = {one.name for one in found}
    return [*(one for one in states if one.name not in fresh), *found]


def _again(kind: str, ids: tuple[str, ...]) -> ReadState:
    return ReadState(kind, what="again", ids=ids, done=not ids)


def _window_name(kind: str) -> str:
    return f"window {kind}"


# --- asking ---


def note_asked(tx: Tx, company: Company, states: Sequence[ReadState], now: datetime) -> list[ReadState]:
    """Keep which windows of first reads go out now, so that one that ends a visit again and again is halved."""
    asked = {one.name for one in _next(states) if _opens_window(one)}
    noted = [replace(one, tries=one.tries + 1) if one.name in asked else one for one in states]
    for one in noted:
        if one.name in asked:
            text = json.dumps([one.since, one.until, one.tries])
            records.move_watermark(tx, company.id, "books", _window_name(one.kind), text, now, complete=False)
    return noted


def _opens_window(state: ReadState) -> bool:
    return state.first and state.what == "read" and not state.iterator_id and not state.alone


def read_requests(states: Sequence[ReadState]) -> list[qbxml.Request]:
    """The queries of the reads that are not done: all first pages and deletions in one set, then page by page."""
    asked = _next(states)
    queries = [asking.query(one, PAGE_SIZE) for one in asked]
    return [*queries, *asking.deletions([one for one in asked if not one.iterator_id])]


def _next(states: Sequence[ReadState]) -> list[ReadState]:
    """The reads that are asked for next. An open iterator comes first, for it dies with its session.

    The passes over all ids come last: what is not there is gone only in the right file, which the others tell.
    """
    left = [one for one in states if not one.done]
    running = [one for one in left if one.what != "keys"] or left
    for single in ("iterator_id", "alone"):
        if found := [one for one in running if getattr(one, single)]:
            return found[:1]
    return running


def apart(states: Sequence[ReadState], refused: str) -> list[ReadState]:
    """After QuickBooks' parser refused the set that is out: each read is asked alone, so that one fails alone.

    A read that was alone already fails, with `refused` as its error.
    """
    asked = _next(states)
    changes: dict[str, Any] = {"alone": True} if len(asked) > 1 else {"done": True, "error": refused}
    names = {one.name for one in asked}
    return [replace(one, iterator_id="", **changes) if one.name in names else one for one in states]


def requests_left(states: Sequence[ReadState]) -> int:
    """How many more requests these reads will make at least; never 0 while one is due."""
    return sum(_requests_left(one) for one in states if not one.done)


def _requests_left(state: ReadState) -> int:
    size = asking.IDS if state.what == "again" else asking.page_size(state, PAGE_SIZE)
    to_come = len(state.ids) if state.what == "again" else max(state.left, state.expected)
    pages = -(-to_come // size)
    return max(1, pages) + (1 if state.until else 0)


# --- taking an answer ---


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
    at the next visit. Counted are only records of kinds that are mapped.
    """
    by_name = {one.name: one for one in states}
    ways, mapped = rereading.followed(scopes), rereading.mapped_kinds(scopes)
    desk = _Desk(tx, company, scopes, by_name, now, ways, mapped)
    pages = {str(one.request_id): Page(one, by_name) for one in read_requests(states)}
    for status, rets in list(_batches(posted)) if posted.size <= SHORT else ahead(_batches(posted)):
        page = pages.get(status.request_id or "")
        if page is not None:
            page.add(status, rets)
            desk.store(page, rets)
    after = {
        name: replace(one, news=max(one.news, desk.news.get(one.kind, one.news)))
        for name, one in by_name.items()
    }
    for page in pages.values():
        after |= {one.name: page.after(one) for one in page.states_in(after)}
    return desk.finish(after), desk.changed


@dataclass
class _Desk:
    """The storing of one answer, and what it says should be read again."""

    tx: Tx
    company: Company
    scopes: Sequence[Scope]
    states: Mapping[tuple[str, str], ReadState]
    now: datetime
    followed: frozenset[Touch]
    mapped: frozenset[str]
    changed: int = 0
    touched: Touched = field(default_factory=dict)
    # Records that should have come by themselves, and those that came when they were asked for.
    suspected: Touched = field(default_factory=dict)
    came: set[str] = field(default_factory=set)
    # Kind -> stamp, id and version of the newest record that is not as it was stored.
    news: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def store(self, page: Page, rets: Sequence[Ret]) -> None:
        if page.what == "gone":
            self._bury(page, rets)
            return
        state = self.states[page.what, page.kind]
        if state.what == "keys":
            self._compare(state, rets, first=page.seen == len(rets))
            return
        for kind, some in by_kind(rets):
            if kind not in asking.kinds_answered(page.kind):
                self._not_understood(kind, [str(one.values) for one in some])
            else:
                name = id_name(kind)
                self._not_understood(kind, [str(one.values) for one in some if not one.values.get(name)])
                values = [one.values for one in some if one.values.get(name)]
                values = [one for one in values if not is_old(state, one)]
                if state.suspects:
                    values = self._judged(state, values)
                former = bool(rereading.ways_from(kind, self.followed))
                changes = keep(self.tx, self.company, self.scopes, kind, values, self.now, former=former)
                self._note(kind, changes, state)
                if state.what == "read" and changes.rows:
                    found = max((row.modified, row.id, row.version) for row in changes.rows)
                    self.news[kind] = max(found, self.news.get(kind, found))

    def _not_understood(self, kind: str, odd: Sequence[str]) -> None:
        """What has no id, or nobody asked for, cannot be kept; it is told, and keeps nothing else from being kept."""
        for text in odd:
            shown = text[:NOT_UNDERSTOOD_SHOWN]
            history.note_action(self.tx, self.now, "QuickBooks", "not understood", kind, text=shown)

    def _judged(self, state: ReadState, values: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Without records of a file that went back in time: what we know of these is newer."""
        older = reconciling.older(self.tx, self.company, state, values)
        fresh = [one for one in values if id_of(one) not in older]
        self.came |= {id_of(one) for one in fresh}
        return fresh

    def _compare(self, state: ReadState, rets: Sequence[Ret], *, first: bool) -> None:
        values = [one.values for one in rets]
        begins = first and state.page == 1 and not state.restarted
        ids = reconciling.compare(self.tx, self.company, state.kind, values, first=begins)
        self.touched = rereading.joined(self.touched, {state.kind: ids} if ids else {})

    def _bury(self, page: Page, rets: Sequence[Ret]) -> None:
        for kind in page.deleted_kinds:
            some = [one for one in rets if one.values.get(f"{page.kind}DelType") == kind]
            if some:
                self._note(kind, bury(self.tx, self.company, self.scopes, kind, some, self.now), None)

    def _note(self, kind: str, changes: Changes, state: ReadState | None) -> None:
        self.changed += len(changes.rows) if kind in self.mapped else 0
        for way in rereading.ways_from(kind, self.followed):
            floor = self._floor(state, way.kind) if state is not None and state.first else ""
            self.touched = rereading.joined(self.touched, touched_by(way, changes, floor))

    def _floor(self, state: ReadState, target: str) -> str:
        """Of a first read, only what is newer than the target's own read can have changed it since."""
        read = self.states.get(("read", target))
        if read is not None and read.since:
            return read.since
        return WallTime.parse(state.started).minus(anchors.OVERLAP).text() if state.started else ""

    def finish(self, after: dict[tuple[str, str], ReadState]) -> list[ReadState]:
        """Remember how far the reads are, and add what is to be read again.

        Ids are asked for behind the reads of their set, so what these touched among them was read after that.
        """
        answered = {
            name: self.states[name].ids[: len(self.states[name].ids) - len(state.ids)]
            for name, state in after.items()
            if state.what == "again"
        }
        self._clear_suspects(answered)
        for (_, kind), ids in answered.items():
            rereading.forget(self.tx, self.company, kind, ids, self.now)
            self.touched = rereading.without(self.touched, kind, ids)
        rereading.remember(self.tx, self.company, self.touched, self.now)
        self._keep_marks([state for state in after.values() if state.what != "again" and not state.error])
        return self._with_ids(after)

    def _with_ids(self, after: Mapping[tuple[str, str], ReadState]) -> list[ReadState]:
        self.touched = rereading.joined(self.touched, self.suspected)
        return [
            _with_ids(one, self.touched, self.suspected, after.get(("read", one.kind)))
            for one in after.values()
        ]

    def _clear_suspects(self, answered: Mapping[tuple[str, str], Sequence[str]]) -> None:
        """When all were there after all, in the state that we know or a newer one, or deleted, it was none."""
        asked = [
            (kind, one)
            for (what, kind), ids in answered.items()
            for one in ids
            if one in self.states[what, kind].suspects
        ]
        explained = [each for each in asked if each[1] in self.came or self._is_gone(*each)]
        for kind, _ in explained:
            anchors.forget(self.tx, self.company, kind)
        if asked and explained == asked:
            reconciling.lift(self.tx, self.company, self.now)

    def _is_gone(self, kind: str, record_id: str) -> bool:
        """Deleted, or an item that was made one of another kind (it keeps its id) and came as that."""
        known = records.record(self.tx, self.company.id, "books", kind, record_id)
        items = [one.kind for one in self.states.values() if one.what == "read" and one.kind != kind]
        others = [one for one in items if one.startswith("Item")] if kind.startswith("Item") else []
        came = (records.record(self.tx, self.company.id, "books", one, record_id) for one in others)
        return (known is not None and known.deleted) or any(one and not one.deleted for one in came)

    def _keep_marks(self, states: Sequence[ReadState]) -> None:
        before = self.states
        reached = [one for one in states if not one.done and one.since != before[one.name].since]
        for state in reached:
            mark = (self.tx, self.company.id, "books", state.kind, state.since, self.now)
            records.move_watermark(*mark, complete=False)
        ended = [one for one in states if one.done and not before[one.name].done]
        marks = records.all_watermarks(self.tx, self.company.id, "books") if ended else {}
        for state in ended:
            self._end(state, marks)
        if reconciling.is_read_anew(marks):
            read = [one.kind for one in before.values() if one.what == "read"]
            reconciling.go_on(self.tx, self.company.id, read, self.now)

    def _end(self, state: ReadState, marks: Mapping[str, Mark]) -> None:
        place = (self.tx, self.company, self.scopes, state)
        if state.what == "keys":
            if state.lacking:
                reconciling.leave_alone(self.tx, self.company, state.kind, self.now)
            elif not self._is_anchor_missed(marks):
                keys = marks.get(reconciling.row_name(state.kind))
                self.changed += reconciling.finish(*place, keys, self.now)
            return
        if not self._suspects(state):
            _move_watermark(*place, marks, self.now)

    def _is_anchor_missed(self, marks: Mapping[str, Mark]) -> bool:
        """Whether a record that should have come is not explained: in a wrong file nothing is gone."""
        missed = [
            one
            for one in self.states.values()
            if one.what == "read" and one.anchor and not (one.anchor_seen or one.lacking)
        ]
        return any(
            marks[one.kind].anchor.id == one.anchor and not self._is_gone(one.kind, one.anchor)
            for one in missed
        )

    def _suspects(self, state: ReadState) -> bool:
        """Whether the anchor is missed. Then the watermark stays: what comes from a file that may be the wrong one
        must not take the anchor's place, or whoever starts the connections again would start them unguarded."""
        seen = not state.anchor or state.anchor_seen or state.lacking
        if seen or not reconciling.is_missed(self.tx, self.company, self.scopes, state, self.now):
            return False
        found = {state.kind: frozenset((state.anchor,))}
        self.suspected = rereading.joined(self.suspected, found)
        return True


def _with_ids(state: ReadState, touched: Touched, suspected: Touched, read: ReadState | None) -> ReadState:
    if state.what != "again":
        return state
    if found := suspected.get(state.kind):
        # Its deletions are asked for once more, since the same moment.
        state = replace(state, suspects=(*state.suspects, *found), since=read.since if read else "")
    more = touched.get(state.kind, frozenset()) - {*state.ids}
    if not more:
        return state
    return replace(state, ids=(*state.ids, *sorted(more)), done=bool(state.error))


def _batches(posted: Posted) -> Iterator[tuple[Status, list[Ret]]]:
    """Each status and its first records, then the others, in the order of the document."""
    for status, some in groupby(qbxml.parse(posted.open(), encoding="utf-8"), _status_of):
        if status is not None:
            rets = (part for part in some if isinstance(part, Ret))
            yield status, list(islice(rets, BATCH))
            while batch := list(islice(rets, BATCH)):
                yield status, batch


def _status_of(part: SetStatus | Status | Ret) -> Status | None:
    return part.status if isinstance(part, Ret) else part if isinstance(part, Status) else None


def _move_watermark(
    tx: Tx,
    company: Company,
    scopes: Sequence[Scope],
    state: ReadState,
    marks: Mapping[str, Mark],
    now: datetime,
) -> None:
    """From the answers, never from our clock; capped at now, so that a host clock ahead of time skips nothing.

    An empty company has no answers, so it keeps none: a PC whose clock is behind ours may stamp its first
    customer earlier than any moment that we could name.
    """
    mark = marks.get(state.kind)
    value, complete = (mark.value, mark.complete) if mark else (None, False)
    newest = max(value or "", state.newest)
    cap = anchors.clock(company, now)
    reached = min(newest, cap) if newest else None
    unguarded = mark is not None and not mark.anchor.id and bool(state.newest_id)
    if (reached, True) != (value, complete) or state.what == "list" or unguarded:
        anchor = anchors.after_read(state, mark, cap)
        place = (tx, company.id, "books", state.kind)
        records.move_watermark(*place, reached, now, complete=True, anchor=anchor)
    for kind in _new_parts(state.kind, scopes, marks):
        complete = False
        records.move_watermark(tx, company.id, "books", kind, None, now, complete=True)
    if not complete and state.what == "read":
        reconciling.begin_waiting(tx, company, state.kind, now)
        for scope in scopes:
            records.release_parked(tx, scope.id)
