"""A batch run: the records of one kind that were modified in a range of days, as if somebody had promoted each.

The decisions are the ordinary ones. Only the promotion is supplied: filters, requirements, matching and safety limits
hold as always. A preview makes the same decisions in transactions that are rolled back.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from qbwc_server import mapping
from qbwc_server.errors import Problem
from qbwc_server.mapping import KindMap
from qbwc_server.store import history, jobs, records
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.job_states import JobState
from qbwc_server.store.rows import ConnectionRow, Link, LinkJob, StoredRecord
from qbwc_server.sync.decide import NAMES, RunSize, Side, beyond_limits
from qbwc_server.sync.deciding import (
    Scope,
    Turn,
    is_bound,
    link_of,
    load_scope,
    one_turn,
    scopes_of_company,
)
from qbwc_server.sync.deciding.documents import cents, other_document
from qbwc_server.sync.from_books import start_with
from qbwc_server.sync.person.by import By
from qbwc_server.sync.person.jobs import NO_RUN
from qbwc_server.sync.to_books import Refusal, draft
from qbxml import WallTime

RUN = "batch"
SLICE = 50
# What counts as one run for the limit on new records; see `deciding.turn`.
HOUR = timedelta(hours=1)
OTHER: Mapping[Side, Side] = {"crm": "books", "books": "crm"}


class Became(StrEnum):
    """What becomes of a record; each is also the name of a run's counter."""

    CREATED = "to be created"
    MATCHED = "matched"
    LINKED = "linked already"
    UNDER_WAY = "under way already"
    PROPOSED = "waiting for approval"
    UNFIT = "not fit for QuickBooks"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Span:
    """Modified at `first` or later, and before `end`, in the company's wall time; None is open."""

    first: WallTime | None = None
    end: WallTime | None = None

    def holds(self, record: StoredRecord, zone: ZoneInfo) -> bool:
        """QuickBooks stamps wall time, a CRM UTC. What has no stamp is in no range but the open one."""
        if self.first is None and self.end is None:
            return True
        seen = _stamp(record, zone)
        return bool(seen) and (not self.first or self.first.text() <= seen) and not self._over(seen)

    def _over(self, seen: str) -> bool:
        return self.end is not None and seen >= self.end.text()


@dataclass(frozen=True)
class Wanted:
    """The records of a batch run: those of `side` that belong to the kind map `kind` and were modified in `span`."""

    kind: str
    side: Side
    span: Span


@dataclass(frozen=True)
class Result:
    """What becomes of one record, and why where that is not plain."""

    record_id: str
    label: str
    became: Became
    reason: str = ""
    # What a document comes to, in cents.
    cents: int = 0


@dataclass(frozen=True)
class Report:
    """What a batch run did, or would do."""

    results: tuple[Result, ...]
    run_number: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """How many records became what, in the order of `Became`; what did not occur is left out."""
        counted = Counter(one.became for one in self.results)
        return {str(became): counted[became] for became in Became if counted[became]}

    @property
    def reasons(self) -> list[tuple[str, int, str]]:
        """(reason, how many records, the first of them) of what goes no further by itself, the most frequent first."""
        told: dict[str, list[str]] = {}
        for one in self.results:
            if one.reason:
                told.setdefault(one.reason.replace(one.record_id, "..."), []).append(one.label)
        found = [(reason, len(labels), labels[0]) for reason, labels in told.items()]
        return sorted(found, key=lambda one: -one[1])


def side_of(kind_map: KindMap, asked: Side | None = None) -> Side:
    """The side whose records a batch run of this map takes: the CRM's where it may be, else QuickBooks'.

    Raises Problem where the mode and rights create nothing from the side that was asked for.
    """
    able: list[Side] = [side for side in ("crm", "books") if kind_map.may_create(OTHER[side])]
    if asked is None and able:
        return able[0]
    if asked in able:
        return asked
    there = f"in {NAMES[OTHER[asked]]}" if asked else "on either side"
    raise Problem(
        f"The kind {kind_map.name} creates no records {there} (its mode is {kind_map.mode}). See: "
        "qbwc-server mapping kinds"
    )


def choose(tx: Tx, scope: Scope, wanted: Wanted) -> list[str]:
    """The ids of the records, the oldest change first."""
    kind_map, zone = map_named(scope, wanted.kind), ZoneInfo(scope.company.timezone)
    kind = kind_map.crm_kind if wanted.side == "crm" else kind_map.books_kind
    chosen = kind_map.crm_filter if wanted.side == "crm" else None
    found = [
        (_stamp(one, zone), one.id)
        for one in records.living(tx, scope.scope_id(wanted.side), wanted.side, kind)
        if mapping.left_out(chosen, one.values) is None and wanted.span.holds(one, zone)
    ]
    return [record_id for _, record_id in sorted(found)]


def map_named(scope: Scope, name: str) -> KindMap:
    """Raises KeyError where the profile has no such map, or it is off."""
    return {one.name: one for one in scope.profile.kinds}[name]


def _stamp(record: StoredRecord, zone: ZoneInfo) -> str:
    if record.side == "books" or not record.modified:
        return record.modified[:19]
    return WallTime.from_utc(datetime.fromisoformat(record.modified), zone).text()


# --- doing it ---


def carry_out(
    database: Database,
    connection: ConnectionRow,
    wanted: Wanted,
    by: By,
    clock: Callable[[], datetime],
    advance: Callable[[int], None] = lambda _: None,
) -> Report:
    """Decide every record of the range, slice by slice, each in its own transaction; a run row tells of it.

    The CRM's records are taken as they were last read. Raises Problem for a connection that is stopped.
    """
    with database.write() as tx:
        scope = _running(tx, connection)
        number = history.begin_run(tx, RUN, clock(), company_id=scope.company.id)
        by.note(tx, "batch run", connection.name, **_said(wanted), run=f"S{number}")
        ids = choose(tx, scope, wanted)
    results: list[Result] = []
    for start in range(0, len(ids), SLICE):
        with database.write() as tx:
            some = _decide(tx, connection, wanted, ids[start : start + SLICE], number, clock())
            history.count_in_run(tx, number, Report(some).counts)
        results += some
        advance(len(some))
    with database.write() as tx:
        history.end_run(tx, number, clock(), f"{_title(wanted)}, by {by.actor}")
    return Report(tuple(results), number)


def rehearse(
    database: Database,
    connection: ConnectionRow,
    wanted: Wanted,
    clock: Callable[[], datetime],
    advance: Callable[[int], None] = lambda _: None,
) -> Report:
    """The same decisions, each slice in a transaction that is rolled back: nobody else waits for long."""
    with database.read() as tx:
        scope = _running(tx, connection)
        ids = choose(tx, scope, wanted)
        made = jobs.count_made_since(tx, scope.id, _made_as(scope, wanted), clock() - HOUR)
        cents_made = jobs.cents_made_since(tx, scope.id, clock() - HOUR)
    results: list[Result] = []
    for start in range(0, len(ids), SLICE):
        with database.write() as tx:
            results += _decide(tx, connection, wanted, ids[start : start + SLICE], NO_RUN, clock())
            tx.rollback()
        advance(SLICE)
    return Report(tuple(_within(results, scope.profile.limits, made, cents_made)))


def _made_as(scope: Scope, wanted: Wanted) -> str:
    """What the records become on the other side."""
    kind_map = map_named(scope, wanted.kind)
    return kind_map.books_kind if wanted.side == "crm" else kind_map.crm_kind


def _within(
    results: Iterable[Result], limits: mapping.Limits, made: int, cents_made: int
) -> Iterator[Result]:
    """What a slice that was rolled back would create counts for those that follow."""
    for one in results:
        creates = one.became in (Became.CREATED, Became.UNFIT)
        amount = Decimal(cents_made + one.cents).scaleb(-2) if one.cents else 0
        if creates and beyond_limits(RunSize(creates=made + 1, amount=amount), limits):
            yield replace(one, became=Became.PROPOSED, reason="")
        else:
            made += creates
            cents_made += one.cents if creates else 0
            yield one


def _running(tx: Tx, connection: ConnectionRow) -> Scope:
    scope = load_scope(tx, connection)
    if scope.connection.stopped_reason:
        raise Problem(
            f"{connection.name} is stopped: {scope.connection.stopped_reason}. Before anything else: "
            f"{start_with(scope.connection)}"
        )
    return scope


def _said(wanted: Wanted) -> dict[str, Any]:
    span = wanted.span
    days = {"from": span.first and span.first.text(), "before": span.end and span.end.text()}
    return {"kind": wanted.kind, "side": wanted.side} | {name: day for name, day in days.items() if day}


def _title(wanted: Wanted) -> str:
    told = _said(wanted)
    days = [f"{name} {told[name][:10]}" for name in ("from", "before") if name in told]
    return " ".join([f"{wanted.kind} of {NAMES[wanted.side]}", *days])


# --- one record ---


class _AsPromoted(Turn):
    """A turn that remembers whose decision failed, so that the report can tell."""

    def __init__(self, tx: Tx, scope: Scope, run_number: int, now: datetime) -> None:
        super().__init__(tx, scope, run_number, now)
        self.failed: dict[str, str] = {}

    def note_failure(self, record_id: str, failure: Exception) -> None:
        self.failed[record_id] = f"an internal error ({type(failure).__name__}); see the log"
        super().note_failure(record_id, failure)


def _decide(
    tx: Tx, connection: ConnectionRow, wanted: Wanted, ids: Sequence[str], number: int, now: datetime
) -> tuple[Result, ...]:
    found = {one.id: one for one in scopes_of_company(tx, connection.company_id, lock=True)}
    turn = _AsPromoted(tx, found[connection.id], number, now)
    return tuple(_results(turn, wanted, ids))


def _results(turn: _AsPromoted, wanted: Wanted, ids: Sequence[str]) -> Iterator[Result]:
    kind_map = map_named(turn.scope, wanted.kind)
    kind = kind_map.crm_kind if wanted.side == "crm" else kind_map.books_kind
    known = records.known(turn.tx, turn.scope.scope_id(wanted.side), wanted.side, kind, ids)
    for one in (known[record_id] for record_id in ids if record_id in known):
        became, reason = _one(turn, kind_map, wanted.side, one)
        amount = cents(kind_map, one.values) if wanted.side == "crm" else 0
        yield Result(one.id, _label(one), became, reason, amount)


def _one(turn: _AsPromoted, kind_map: KindMap, side: Side, record: StoredRecord) -> tuple[Became, str]:
    before = link_of(turn.tx, turn.scope, kind_map, side, record.id)
    if is_bound(before):
        return Became.LINKED, ""
    asked = _open_job(turn, side, before)
    if side == "crm":
        turn.needed.add((kind_map.role, record.id))
    one_turn(turn, side, record.kind, record.id)
    if record.id in turn.failed:
        return Became.SKIPPED, turn.failed[record.id]
    link = link_of(turn.tx, turn.scope, kind_map, side, record.id)
    if is_bound(link):
        return Became.MATCHED, ""
    job = _open_job(turn, side, link)
    if link is None or job is None:
        return Became.SKIPPED, _why_alone(turn, kind_map, side, record)
    return _of_job(turn, link, job, asked)


def _why_alone(turn: Turn, kind_map: KindMap, side: Side, record: StoredRecord) -> str:
    elsewhere = other_document(turn.tx, turn.scope, kind_map, record) if side == "crm" else ""
    return elsewhere or turn.why_left_alone(kind_map, side, record)


def _open_job(turn: Turn, side: Side, link: Link | None) -> LinkJob | None:
    return jobs.open_job(turn.tx, turn.scope.id, link.id, OTHER[side]) if link else None


def _of_job(turn: Turn, link: Link, job: LinkJob, asked: LinkJob | None) -> tuple[Became, str]:
    """What the job that makes the missing partner tells."""
    if job.state == JobState.PROPOSED:
        return Became.PROPOSED, ""
    if job.state in (JobState.REFUSED, JobState.NEEDS_PERSON, JobState.BLOCKED):
        return Became.SKIPPED, f"tried before: {job.error}"
    if asked is not None:
        return Became.UNDER_WAY, ""
    refusal = draft(turn.tx, turn.scope, link, job) if job.side == "books" else None
    return (Became.UNFIT, refusal.text) if isinstance(refusal, Refusal) else (Became.CREATED, "")


def _label(record: StoredRecord) -> str:
    names = (record.values.get(name) for name in ("FullName", "Name", "RefNumber"))
    return str(next((one for one in names if one), record.id))
