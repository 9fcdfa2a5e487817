"""One kind or one record, read and decided now because somebody asked, not because its time had come."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from crm.errors import Misconfigured, Missing, Rejected
from crm.port import Gateway, Page, Record
from qbwc_server.errors import NotFound
from qbwc_server.mapping import KindMap
from qbwc_server.store import history, jobs, parties, records, search
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.job_states import JobState
from qbwc_server.store.rows import ConnectionRow, Link
from qbwc_server.sync.decide import Side
from qbwc_server.sync.deciding import (
    Scope,
    Turn,
    decide_waiting,
    one_turn,
    scopes_of_company,
    scopes_of_organisation,
)
from qbwc_server.sync.from_books import rereading
from qbwc_server.sync.from_crm import bury_missing, fields_to_read, ingest, where_to_resume

Clock = Callable[[], datetime]
# The kind of a run that somebody asked for.
RUN = "asked"


@dataclass(frozen=True)
class Pass:
    """One kind of CRM record that is to be read: which fields, and from where."""

    kind: str
    fields: tuple[str, ...]
    watermark: str | None


@dataclass(frozen=True)
class Place:
    """Where a record that was asked for is: its side, and its kind and id there."""

    side: Side
    kind: str
    id: str


@dataclass(frozen=True)
class Decided:
    """What came of a record's turn: the run that tells of it, and why it was left alone where it has no pair."""

    run_number: int
    left_alone: str = ""


# --- a kind ---


def passes(tx: Tx, organisation_id: str, kind_map: KindMap) -> list[Pass]:
    """What must be read of the CRM to know the records of a kind map: its contributors first, then the kind."""
    wanted = fields_to_read(scopes_of_organisation(tx, organisation_id))
    concerned = {kind_map.crm_kind, *(one.kind for one in kind_map.contributors)}
    return [
        Pass(kind, fields, where_to_resume(tx, organisation_id, kind, fields))
        for kind, fields in wanted.items()
        if kind in concerned
    ]


def take_in(tx: Tx, organisation_id: str, one: Pass, page: Page, seen: set[str], now: datetime) -> int:
    """Store one page of a pass; `seen` collects the ids of the pass. How many records held something new."""
    scopes = scopes_of_organisation(tx, organisation_id)
    parties.lock_connections(tx, [scope.id for scope in scopes])
    seen |= {record.id for record in page.records if not record.deleted}
    gone = bury_missing(tx, scopes, one.kind, seen, now) if page.complete else 0
    return gone + ingest(tx, scopes, one.kind, page, now, one.fields)


def read_kind(
    database: Database, gateway: Gateway, organisation_id: str, kind_map: KindMap, clock: Clock
) -> int:
    """Read what changed of a kind in the CRM, page by page; how many records held something new."""
    with database.read() as tx:
        planned = passes(tx, organisation_id, kind_map)
    return sum(_carry_out(database, gateway, organisation_id, one, clock) for one in planned)


def _carry_out(database: Database, gateway: Gateway, organisation_id: str, one: Pass, clock: Clock) -> int:
    seen: set[str] = set()
    changed = 0
    for page in gateway.changed_since(one.kind, one.fields, one.watermark):
        with database.write() as tx:
            changed += take_in(tx, organisation_id, one, page, seen, clock())
    return changed


# --- a record ---


def read_record(
    database: Database, gateway: Gateway, connection: ConnectionRow, record_id: str, clock: Clock
) -> list[Place]:
    """Find the record on either side; one of the CRM is read anew, with its contributors.

    A customer and an item of QuickBooks may have the same ListID, so one id may have several places. Raises NotFound
    when neither side knows it.
    """
    with database.read() as tx:
        [scope] = _only(scopes_of_organisation(tx, connection.organisation_id), connection.id)
        known = _stored(tx, scope, record_id)
        wanted = fields_to_read([scope])
    if any(one.side == "books" for one in known):
        return known
    kinds = [one.kind for one in known] or list(dict.fromkeys(one.crm_kind for one in scope.profile.kinds))
    for kind in kinds:
        record = _read(gateway, kind, record_id, wanted[kind])
        if record is not None and (known or not record.deleted):
            _keep(database, gateway, connection, wanted, record, clock)
            return [Place("crm", kind, record.id)]
    raise NotFound(
        f"{connection.name} knows no record {record_id}. Give the id of a CRM record of a mapped kind, or a ListID "
        "or TxnID of QuickBooks that was read; qbwc-server link list shows some."
    )


def _only(scopes: Iterable[Scope], connection_id: str) -> list[Scope]:
    return [one for one in scopes if one.id == connection_id]


def _stored(tx: Tx, scope: Scope, record_id: str) -> list[Place]:
    kinds = dict.fromkeys(end for one in scope.profile.kinds for end in one.ends())
    return [
        Place(side, kind, record_id)
        for side, kind in kinds
        if records.record(tx, scope.scope_id(side), side, kind, record_id) is not None
    ]


def links_at(tx: Tx, connection_id: str, place: Place) -> list[Link]:
    """The pairs of a record, taken apart ones too; newest first."""
    return [
        one
        for one in search.links_of_record(tx, place.id)
        if one.connection_id == connection_id
        and place.kind == (one.crm_kind if place.side == "crm" else one.books_kind)
    ]


def _read(gateway: Gateway, kind: str, record_id: str, fields: Sequence[str]) -> Record | None:
    """None where the CRM says that this can be no record of the kind."""
    try:
        return next(iter(gateway.read(kind, [record_id], fields)), None)
    except (Rejected, Missing, Misconfigured):
        return None


def _keep(
    database: Database,
    gateway: Gateway,
    connection: ConnectionRow,
    wanted: dict[str, tuple[str, ...]],
    record: Record,
    clock: Clock,
) -> None:
    with database.read() as tx:
        [scope] = _only(scopes_of_organisation(tx, connection.organisation_id), connection.id)
    more = list(_contributors(gateway, scope, wanted, record))
    with database.write() as tx:
        parties.lock_connections(tx, [scope.id])
        for one in (*more, record):
            ingest(tx, [scope], one.kind, Page((one,), None), clock(), wanted[one.kind])


def _contributors(
    gateway: Gateway, scope: Scope, wanted: dict[str, tuple[str, ...]], record: Record
) -> Iterator[Record]:
    for kind_map in scope.maps_of("crm", record.kind):
        for contributor in kind_map.contributors:
            named = record.values.get(contributor.via)
            found = _read(gateway, contributor.kind, str(named), wanted[contributor.kind]) if named else None
            if found is not None:
                yield found


def decide_record(tx: Tx, connection: ConnectionRow, place: Place, now: datetime) -> Decided:
    """Give a record its turn now, and make its jobs due now.

    One of QuickBooks is decided as it was last read, and read again with the next visit.
    """
    scopes = scopes_of_company(tx, connection.company_id, lock=True)
    [scope] = _only(scopes, connection.id)
    turn = Turn(tx, scope, history.begin_run(tx, RUN, now, company_id=scope.company.id), now)
    one_turn(turn, place.side, place.kind, place.id)
    history.end_run(tx, turn.run_number, now, f"{place.kind} {place.id}")
    _make_due(tx, connection.id, place, now)
    if place.side == "books" and place.kind in {one.kind for one in rereading.followed(scopes)}:
        rereading.remember(tx, scope.company, {place.kind: frozenset({place.id})}, now)
    return Decided(turn.run_number, _why_alone(turn, place))


def _why_alone(turn: Turn, place: Place) -> str:
    record = records.record(turn.tx, turn.scope.scope_id(place.side), place.side, place.kind, place.id)
    if record is None or links_at(turn.tx, turn.scope.id, place):
        return ""
    kind_map = turn.map_of_record(turn.scope.maps_of(place.side, place.kind), place.side, record)
    return turn.why_left_alone(kind_map, place.side, record)


def _make_due(tx: Tx, connection_id: str, place: Place, now: datetime) -> None:
    for link in links_at(tx, connection_id, place):
        for job in jobs.jobs_of_link(tx, connection_id, link.id):
            if job.state == JobState.QUEUED and job.due_at > now:
                jobs.change_job(tx, job.id, now, due_at=now)


def decide_kind(
    database: Database, connection: ConnectionRow, kind_map: KindMap, clock: Clock
) -> tuple[int, int]:
    """Decide what waits, and make the kind's queued jobs due now: (number of the run, records decided)."""
    with database.write() as tx:
        number = history.begin_run(tx, RUN, clock(), company_id=connection.company_id)
        _make_kind_due(tx, connection.id, kind_map, clock())
    decided = decide_waiting(database, connection.company_id, number, clock)
    with database.write() as tx:
        history.count_in_run(tx, number, {"decided": decided})
        history.end_run(tx, number, clock(), kind_map.name)
    return number, decided


def _make_kind_due(tx: Tx, connection_id: str, kind_map: KindMap, now: datetime) -> None:
    kinds = {"crm": kind_map.crm_kind, "books": kind_map.books_kind}
    for job in jobs.all_jobs(tx, [connection_id], states=(JobState.QUEUED,), limit=100_000):
        if job.due_at > now and job.kind == kinds[job.side]:
            jobs.change_job(tx, job.id, now, due_at=now)
