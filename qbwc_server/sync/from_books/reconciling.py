"""What stamps never tell: the slow pass over all ids of a kind, and a company file that went back in time.

Deletions are known to QuickBooks for 90 days, and whether every posting moves a stamp is not known (qbXML semantics,
section 4). So once a week the ids and stamps of each kind are compared with what is stored: what differs is read again,
what is missing is gone. And at every visit the newest change that was read must still be there, because after a
restored backup it is not, though nobody deleted it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from qbwc_server.errors import typed
from qbwc_server.store import history, links, parties, reconciling, records
from qbwc_server.store.database import Tx
from qbwc_server.store.records import Mark
from qbwc_server.store.rows import Company, ConnectionRow, StoredRecord
from qbwc_server.sync.decide import RunSize, beyond_limits
from qbwc_server.sync.deciding import Scope
from qbwc_server.sync.from_books.pages import id_of, is_lower
from qbwc_server.sync.from_books.state import ReadState
from qbwc_server.sync.from_books.storing import entomb, id_name, plain
from qbxml import WallTime

EVERY = timedelta(days=7)
# While the clock of QuickBooks' PC is behind, edits there may be older than what was read already.
EVERY_WITH_WRONG_CLOCK = timedelta(days=1)
CLOCK_OFF = timedelta(minutes=30)
CLOCK: Final = "clock"  # the row that holds how many seconds the PC's clock is ahead of ours
WENT_BACK: Final = "went back"  # the row that holds why the connections were stopped
CONFIRMED: Final = "confirmed"  # a person knows that much is missing
READ_ANEW: Final = (
    "The company file was confirmed after it had gone back in time, and is read anew. It goes on by itself when the "
    "next updates have read all of it"
)
GONE_AT_ONCE = 500
NAMED = 3


def row_name(kind: str) -> str:
    return f"keys {kind}"


def planned(
    marks: Mapping[str, Mark], kinds: Iterable[str], started: str, now: datetime
) -> Iterable[ReadState]:
    """The kinds whose ids are due, of those that were read to their end."""
    wait = EVERY_WITH_WRONG_CLOCK if clock_is_behind(marks) else EVERY
    for kind in sorted(kinds):
        read, keys = marks.get(kind), marks.get(row_name(kind))
        if read is not None and read.complete and keys is not None and _is_due(keys, now - wait):
            yield ReadState(kind, what="keys", started=started)


def _is_due(keys: Mark, latest: datetime) -> bool:
    return not keys.complete or keys.moved_at <= latest


def begin_waiting(tx: Tx, company: Company, kind: str, now: datetime) -> None:
    """A first read saw all ids just now, so the pass over them is not due before its time."""
    if row_name(kind) not in records.all_watermarks(tx, company.id, "books"):
        records.move_watermark(tx, company.id, "books", row_name(kind), None, now, complete=True)


def compare(
    tx: Tx, company: Company, kind: str, rets: Sequence[Mapping[str, Any]], *, first: bool
) -> frozenset[str]:
    """Take one page of ids; those that are not stored as they are in QuickBooks."""
    if first:
        reconciling.begin(tx, company.id, kind)
    name = id_name(kind)
    now_there = {str(one[name]): one for one in rets if one.get(name)}
    reconciling.note_seen(tx, company.id, kind, list(now_there))
    stored = reconciling.stamps(tx, company.id, kind, list(now_there))
    return frozenset(one for one, values in now_there.items() if _differs(stored.get(one), values))


def _differs(stored: reconciling.Stamp | None, values: Mapping[str, Any]) -> bool:
    if stored is None or stored.deleted:
        return True
    there = (str(values.get("EditSequence", "")), str(plain(values.get("TimeModified", ""))))
    return there != (stored.version, stored.modified)


def finish(
    tx: Tx, company: Company, scopes: Sequence[Scope], state: ReadState, mark: Mark | None, now: datetime
) -> int:
    """At the end of a pass what it did not see is gone; how many. Too much at once stops the connections instead."""
    kind, before = state.kind, WallTime.parse(state.started).to_utc(ZoneInfo(company.timezone))
    missing = reconciling.count_unseen(tx, company.id, kind, before)
    known = records.count(tx, company.id, "books", kind) if missing else 0
    agreed = mark is not None and mark.value == CONFIRMED
    why = "" if agreed or not missing else _too_many(scopes, missing, known)
    if why:
        some = reconciling.unseen(tx, company.id, kind, before, NAMED)
        stop(tx, company, scopes, f"{why}: {_names(some)}", now)
        return 0
    while some := reconciling.unseen(tx, company.id, kind, before, GONE_AT_ONCE):
        gone = [replace(one, deleted=True, seen_at=now) for one in some]
        entomb(tx, company, scopes, kind, gone, now)
        for one in some:
            history.note_action(tx, now, "QuickBooks", "gone without a word", one.id, record=_name(one))
    reconciling.begin(tx, company.id, kind)
    records.move_watermark(tx, company.id, "books", row_name(kind), None, now, complete=True)
    return missing


def leave_alone(tx: Tx, company: Company, kind: str, now: datetime) -> None:
    """An edition that lacks a kind has no ids of it: nothing is gone for that, and nobody waits for them."""
    records.move_watermark(tx, company.id, "books", row_name(kind), None, now, complete=True)


def _too_many(scopes: Sequence[Scope], missing: int, known: int) -> str:
    reasons = (beyond_limits(RunSize(missing=missing, known=known), one.profile.limits) for one in scopes)
    return next((one for one in reasons if one), "")


# --- a file that went back in time ---


def is_missed(tx: Tx, company: Company, scopes: Sequence[Scope], state: ReadState, now: datetime) -> bool:
    """The newest change that was known did not come again: the connections stop until it was asked for by its id.

    A read from before it must bring it, or its record in a newer state. Only an edit under a clock that was put back
    explains it otherwise. Deletions of the same visit are stored by now.
    """
    lost = records.record(tx, company.id, "books", state.kind, state.anchor)
    if lost is None or lost.deleted:
        return False
    stop(
        tx, company, scopes, f"{_names([lost])}; the newest change it shows is {state.newest or 'none'}", now
    )
    return True


def older(tx: Tx, company: Company, state: ReadState, values: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Those of the suspects that QuickBooks holds in an older state than we do."""
    name = id_name(state.kind)
    asked = {str(one[name]): one for one in values if str(one[name]) in state.suspects}
    stored = reconciling.stamps(tx, company.id, state.kind, list(asked))
    anchor = records.all_watermarks(tx, company.id, "books")[state.kind].anchor
    return frozenset(
        one for one, there in asked.items() if one in stored and _is_older(there, stored[one], anchor)
    )


def _is_older(there: Mapping[str, Any], stored: reconciling.Stamp, anchor: records.Anchor) -> bool:
    """Whether QuickBooks holds a state of before.

    EditSequence is the second of the edit in most files (semantics, section 4), so a PC whose clock is slow may edit
    what we just wrote and leave a lower one. A state of before our write has the one that the write replaced, or one
    below that. With the same EditSequence only a posting may be undone, or done by a slow clock: who posted tells.
    """
    sequence = str(there.get("EditSequence", ""))
    if sequence == stored.version:
        return False
    if anchor.replaced and (anchor.id, anchor.version) == (id_of(there), stored.version):
        return sequence == anchor.replaced or is_lower(sequence, anchor.replaced)
    return is_lower(sequence, stored.version) or not (sequence.isdecimal() and stored.version.isdecimal())


def lift(tx: Tx, company: Company, now: datetime) -> None:
    """The suspicion was wrong: the connections that it stopped go on."""
    marks = records.all_watermarks(tx, company.id, "books")
    _lift(tx, company.id, marks.get(WENT_BACK), now)


def _lift(tx: Tx, company_id: str, stopped: Mark | None, now: datetime) -> None:
    if stopped is None or stopped.complete:
        return
    records.move_watermark(tx, company_id, "books", WENT_BACK, None, now, complete=True)
    for one in parties.connections_of_company(tx, company_id):
        if one.stopped_reason == stopped.value:
            parties.change_connection(tx, one.id, stopped_reason=None)


def stop(tx: Tx, company: Company, scopes: Sequence[Scope], what: str, now: datetime) -> None:
    """Nothing is read into decisions nor written until a person says that this is the file to go on with."""
    running = [one for one in scopes if not one.connection.stopped_reason]
    if not running:
        return
    commands = " and ".join(f"qbwc-server connection start {typed(one.connection.name)}" for one in running)
    reason = (
        "QuickBooks no longer holds what was read from it, and names no deletion (it remembers them for 90 days): "
        f"{what}. Was the company file restored from a backup, or is a copy open? Open the right file and run: "
        f"{commands}. If this file is the right one: qbwc-server company confirm {typed(company.name)}"
    )
    for scope in running:
        parties.change_connection(tx, scope.id, stopped_reason=reason)
    records.move_watermark(tx, company.id, "books", WENT_BACK, reason, now, complete=False)
    history.note_action(tx, now, "QuickBooks", "went back in time", company.name, text=what)


def start_anew(tx: Tx, company_id: str, now: datetime) -> bool:
    """A person says that the file which went back in time is the right one; False when none did.

    Everything is read again before anything is decided: what we hold of the file is newer than the file, and would be
    taken for what both sides agree on.
    """
    marks = records.all_watermarks(tx, company_id, "books")
    stopped = marks.get(WENT_BACK)
    if stopped is None or stopped.complete:
        return False
    _read_again(tx, company_id, marks, now)
    for one in parties.connections_of_company(tx, company_id):
        if one.stopped_reason in (None, stopped.value):
            parties.change_connection(tx, one.id, stopped_reason=READ_ANEW)
    records.move_watermark(
        tx, company_id, "books", WENT_BACK, READ_ANEW, now, complete=False, anchor=records.Anchor(CONFIRMED)
    )
    return True


def start_with(connection: ConnectionRow) -> str:
    """What lets a stopped connection go on: a command, as it is typed, or the updates that it waits for."""
    if connection.stopped_reason == READ_ANEW:
        return "Run an update in the Web Connector"
    return f"qbwc-server connection start {typed(connection.name)}, when the reason is gone"


def may_start(tx: Tx, connection: ConnectionRow, now: datetime) -> bool:
    """A person starts a connection, so the right file is open again, and what was said of a wrong one is over.

    False while a confirmed file is read anew: what is decided before the end of that takes its old values for edits.
    """
    marks = records.all_watermarks(tx, connection.company_id, "books")
    if is_read_anew(marks):
        return False
    stopped, others = marks.get(WENT_BACK), parties.connections_of_company(tx, connection.company_id)
    if not any(stopped and one.stopped_reason == stopped.value for one in others if one.id != connection.id):
        _lift(tx, connection.company_id, stopped, now)
    return True


def waits(marks: Mapping[str, Mark]) -> bool:
    """Whether a file that went back in time was noticed, and no person has said anything of it yet."""
    stopped = marks.get(WENT_BACK)
    return stopped is not None and not stopped.complete


def is_read_anew(marks: Mapping[str, Mark]) -> bool:
    """Whether a person confirmed a file that went back in time, and it was not yet compared since."""
    stopped = marks.get(WENT_BACK)
    return stopped is not None and not stopped.complete and stopped.anchor.id == CONFIRMED


def go_on(tx: Tx, company_id: str, kinds: Iterable[str], now: datetime) -> None:
    """A confirmed file was read again, all of these kinds and their ids: now it is compared, without a base.

    What both sides hold alike is agreed at once; of what differs nobody knows which is newer, so it is asked. That
    takes a decision about every pair, for nothing else may happen to it.
    """
    marks = records.all_watermarks(tx, company_id, "books")
    names = {name for kind in kinds for name in (kind, row_name(kind))}
    if not is_read_anew(marks) or any(not marks[name].complete for name in names & marks.keys()):
        return
    for connection in parties.connections_of_company(tx, company_id):
        reconciling.forget_bases(tx, connection.id, now)
        for kind, ids in links.bound_crm_ids(tx, connection.id).items():
            records.mark_undecided(tx, connection.id, "crm", kind, ids, now)
    _lift(tx, company_id, marks[WENT_BACK], now)


def _read_again(tx: Tx, company_id: str, marks: Mapping[str, Mark], now: datetime) -> None:
    for kind, mark in marks.items():
        if " " in kind or kind == CLOCK:
            continue
        records.move_watermark(tx, company_id, "books", kind, None, now, complete=False)
        if mark.complete:
            records.move_watermark(tx, company_id, "books", row_name(kind), CONFIRMED, now, complete=False)


def want(tx: Tx, company_id: str, now: datetime) -> int:
    """All ids are compared at the next visit; of how many kinds."""
    kinds = [
        kind for kind in records.all_watermarks(tx, company_id, "books") if " " not in kind and kind != CLOCK
    ]
    for kind in kinds:
        records.move_watermark(tx, company_id, "books", row_name(kind), None, now, complete=False)
    return len(kinds)


def _names(some: Sequence[StoredRecord]) -> str:
    return ", ".join(f"{_name(one)} ({one.kind} {one.id}, changed {one.modified})" for one in some)


def _name(one: StoredRecord) -> str:
    return str(one.values.get("FullName") or one.values.get("RefNumber") or one.values.get("Name") or one.id)


# --- the clock of QuickBooks' PC ---


def note_clock(tx: Tx, company: Company, modified: Any, sent: datetime, now: datetime) -> None:
    """What QuickBooks changed for us between `sent` and `now` tells what time its PC believes it is."""
    if not isinstance(modified, WallTime | str) or not str(modified):
        return
    wall = modified if isinstance(modified, WallTime) else WallTime.parse(modified)
    shown = wall.to_utc(ZoneInfo(company.timezone))
    ahead = shown - min(max(shown, sent), now)
    off = round(ahead.total_seconds()) if abs(ahead) >= CLOCK_OFF else 0
    value, _ = records.watermark(tx, company.id, "books", CLOCK)
    if off != int(value or 0):
        records.move_watermark(tx, company.id, "books", CLOCK, str(off), now, complete=True)


def clock_ahead(marks: Mapping[str, Mark]) -> timedelta:
    """How much the PC's clock is ahead of ours, negative when behind; nothing below half an hour."""
    mark = marks.get(CLOCK)
    return timedelta(seconds=int(mark.value or 0)) if mark else timedelta(0)


def clock_is_behind(marks: Mapping[str, Mark]) -> bool:
    return clock_ahead(marks) < timedelta(0)
