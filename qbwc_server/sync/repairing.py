"""What should never be, found and, where that is safe, put right: a table, run by `doctor`.

Safe is what only makes somebody look again: a job goes back to the queue, an id is read once more. Nothing here writes
to a side, ends a doubt, or decides.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from qbwc_server.store import consistency, history, jobs, parties, records
from qbwc_server.store.database import Tx
from qbwc_server.store.job_states import JobEvent, after
from qbwc_server.store.rows import Link, LinkJob
from qbwc_server.sync.from_books import clock_ahead, read_again
from qbxml import WallTime

LONG = timedelta(days=1)
NAMED = 5


@dataclass(frozen=True)
class Place:
    """Where is looked: an open transaction, the connections, now (UTC)."""

    tx: Tx
    connection_ids: Sequence[str]
    now: datetime


@dataclass(frozen=True)
class Found:
    """What an examination found: names for a person, and the rows that its repair takes."""

    names: Sequence[str]
    rows: Sequence[Any]


@dataclass(frozen=True)
class Examination:
    """One thing that should never be. `sentence` has {count} and {names}; `mend` is None where a person must act."""

    sentence: str
    find: Callable[[Place], Found]
    mend: Callable[[Place, Found], None] | None
    to_do: str


@dataclass(frozen=True)
class Inconsistency:
    """One finding: its sentence, what to do, and whether it can be (or was) mended by itself."""

    text: str
    to_do: str
    mendable: bool


def examine(place: Place, *, mend: bool = False) -> list[Inconsistency]:
    """Everything that should not be; with `mend` what is safe is put right in the open transaction, and noted."""
    told = []
    for one in EXAMINATIONS:
        found = one.find(place)
        if not found.rows:
            continue
        names = ", ".join(found.names[:NAMED]) + (" ..." if len(found.names) > NAMED else "")
        text = one.sentence.format(count=len(found.rows), names=names)
        told.append(Inconsistency(text, one.to_do, one.mend is not None))
        if mend and one.mend is not None:
            one.mend(place, found)
            history.note_action(place.tx, place.now, "doctor", "repaired", names, text=text)
    return told


# --- looking ---


def _of_jobs(some: Sequence[LinkJob]) -> Found:
    return Found([f"{one.kind} {one.id}" for one in some], some)


def _jobs_without_a_pair(place: Place) -> Found:
    return _of_jobs(consistency.jobs_without_a_pair(place.tx, place.connection_ids))


def _waiting_for_nothing(place: Place) -> Found:
    return _of_jobs(consistency.jobs_waiting_for_nothing(place.tx, place.connection_ids, place.now - LONG))


def _long_in_doubt(place: Place) -> Found:
    return _of_jobs(consistency.jobs_long_in(place.tx, place.connection_ids, ("in_doubt",), place.now - LONG))


def _due_too_late(place: Place) -> Found:
    return _of_jobs(consistency.jobs_due_after(place.tx, place.connection_ids, place.now + LONG))


def _never_read(place: Place) -> Found:
    some: list[Link] = consistency.links_without_record(place.tx, place.connection_ids, "books")
    return Found([one.label for one in some], some)


def _companies(place: Place) -> list[tuple[str, ZoneInfo]]:
    found = {}
    for connection_id in place.connection_ids:
        connection = parties.connection(place.tx, connection_id)
        company = parties.company(place.tx, connection.company_id) if connection else None
        if company is not None:
            found[company.id] = ZoneInfo(company.timezone)
    return sorted(found.items())


def _read_beyond_now(place: Place) -> Found:
    rows = [
        (company_id, kind, zone)
        for company_id, zone in _companies(place)
        for kind in consistency.watermarks_after(place.tx, company_id, _wall(place.now + LONG, zone))
    ]
    return Found([kind for _, kind, _ in rows], rows)


def _wall(moment: datetime, zone: ZoneInfo) -> str:
    return WallTime.from_utc(moment, zone).text()


def _wrong_clock(place: Place) -> Found:
    off = [
        (company_id, ahead)
        for company_id, _ in _companies(place)
        if (ahead := clock_ahead(records.all_watermarks(place.tx, company_id, "books")))
    ]
    return Found(
        [f"{_hours(abs(ahead))} {'ahead' if ahead > timedelta(0) else 'behind'}" for _, ahead in off], off
    )


def _hours(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{round(minutes / 60)} hours"


# --- putting right ---


def _move(place: Place, found: Found, *events: JobEvent, **values: Any) -> None:
    for job in found.rows:
        state = job.state
        for event in events:
            state = after(state, event)
        jobs.change_job(place.tx, job.id, place.now, state=state, **values)


def _cancel(place: Place, found: Found) -> None:
    _move(place, found, JobEvent.CANCEL, ended_at=place.now)


def _look_again(place: Place, found: Found) -> None:
    _move(place, found, JobEvent.RELEASE, due_at=place.now)


def _due_now(place: Place, found: Found) -> None:
    _move(place, found, due_at=place.now)


def _read_once_more(place: Place, found: Found) -> None:
    by_company: dict[str, dict[str, set[str]]] = {}
    for link in found.rows:
        connection = parties.connection(place.tx, link.connection_id)
        if connection is not None:
            kinds = by_company.setdefault(connection.company_id, {})
            kinds.setdefault(link.books_kind, set()).add(str(link.books_id))
    for company_id, kinds in by_company.items():
        company = parties.company(place.tx, company_id)
        if company is not None:
            read_again(place.tx, company, {kind: frozenset(ids) for kind, ids in kinds.items()}, place.now)


def _back_to_now(place: Place, found: Found) -> None:
    marks: Mapping[str, Any]
    for company_id, kind, zone in found.rows:
        marks = records.all_watermarks(place.tx, company_id, "books")
        complete, now = marks[kind].complete, _wall(place.now, zone)
        records.move_watermark(place.tx, company_id, "books", kind, now, place.now, complete=complete)


EXAMINATIONS: Sequence[Examination] = (
    Examination(
        "{count} link jobs belong to pairs that are no more: {names}",
        _jobs_without_a_pair,
        _cancel,
        "They are cancelled by: qbwc-server doctor --repair",
    ),
    Examination(
        "{count} link jobs wait, but for nothing that is known: {names}",
        _waiting_for_nothing,
        _look_again,
        "They look again after: qbwc-server doctor --repair",
    ),
    Examination(
        "{count} link jobs are to be tried more than a day from now, later than any pause: {names}",
        _due_too_late,
        _due_now,
        "Was this machine's clock wrong? They are due at once after: qbwc-server doctor --repair",
    ),
    Examination(
        "{count} pairs name an object of QuickBooks that was never read: {names}",
        _never_read,
        _read_once_more,
        "They are read at the next update after: qbwc-server doctor --repair",
    ),
    Examination(
        "QuickBooks was read to a time that is yet to come: {names}",
        _read_beyond_now,
        _back_to_now,
        "Was a clock wrong? Reading begins at this moment again after: qbwc-server doctor --repair",
    ),
    Examination(
        "{count} link jobs have been in doubt for more than a day: {names}",
        _long_in_doubt,
        None,
        "Update in the Web Connector; then qbwc-server job list --state in_doubt says what is known of each.",
    ),
    Examination(
        "The clock of QuickBooks' PC is {names} of this machine's",
        _wrong_clock,
        None,
        "Set the clock and the time zone of both. Until then all records are compared once a day.",
    ),
)
