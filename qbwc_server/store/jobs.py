"""Link jobs and the message sets that carry them to QuickBooks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, func, insert, or_, select, update

from qbwc_server.store.database import Tx
from qbwc_server.store.rows import LinkJob, MessageSet, many, one
from qbwc_server.store.tables import OPEN_STATES, job_waits, link_jobs, links, message_sets
from qbwc_server.store.writing import insert_many

CHUNK = 400


def add_job(tx: Tx, job: LinkJob) -> None:
    """Raises IntegrityError when the link has an open job for that side already."""
    tx.execute(insert(link_jobs), job.__dict__)


def job(tx: Tx, job_id: str) -> LinkJob | None:
    return one(LinkJob, tx.execute(select(link_jobs).where(link_jobs.c.id == job_id)).first())


def open_job(tx: Tx, connection_id: str, link_id: str, side: str) -> LinkJob | None:
    query = select(link_jobs).where(
        link_jobs.c.connection_id == connection_id,
        link_jobs.c.link_id == link_id,
        link_jobs.c.side == side,
        link_jobs.c.state.in_(OPEN_STATES),
    )
    return one(LinkJob, tx.execute(query).first())


def jobs_of_link(tx: Tx, connection_id: str, link_id: str) -> list[LinkJob]:
    query = select(link_jobs).where(
        link_jobs.c.connection_id == connection_id, link_jobs.c.link_id == link_id
    )
    return many(LinkJob, tx.execute(query.order_by(link_jobs.c.created_at)).all())


def jobs_in(tx: Tx, job_ids: Sequence[str]) -> list[LinkJob]:
    return many(LinkJob, tx.execute(select(link_jobs).where(link_jobs.c.id.in_(job_ids))).all())


def due_jobs(
    tx: Tx, company_id: str, side: str, now: datetime, limit: int, connection_ids: Sequence[str]
) -> list[LinkJob]:
    """Queued jobs whose time has come, of the given connections, in the order in which they are sent."""
    query = _DUE_JOBS.limit(limit)
    place = {"company_id": company_id, "side": side, "now": now, "connection_ids": list(connection_ids)}
    return many(LinkJob, tx.execute(query, place).all())


def count_due(tx: Tx, company_id: str, side: str, now: datetime, connection_ids: Sequence[str]) -> int:
    place = {"company_id": company_id, "side": side, "now": now, "connection_ids": list(connection_ids)}
    return int(tx.execute(_COUNT_DUE, place).scalar_one())


_DUE: ColumnElement[bool] = and_(
    link_jobs.c.company_id == bindparam("company_id"),
    link_jobs.c.side == bindparam("side"),
    link_jobs.c.state == "queued",
    link_jobs.c.due_at <= bindparam("now"),
    link_jobs.c.connection_id.in_(bindparam("connection_ids", expanding=True)),
)
_COUNT_DUE = select(func.count()).select_from(link_jobs).where(_DUE)
_DUE_JOBS = (
    select(link_jobs).where(_DUE).order_by(link_jobs.c.priority, link_jobs.c.created_at, link_jobs.c.id)
)


def all_jobs(
    tx: Tx, connection_ids: Sequence[str], *, states: Sequence[str] = (), limit: int = 500
) -> list[LinkJob]:
    query = select(link_jobs).where(link_jobs.c.connection_id.in_(connection_ids))
    if states:
        query = query.where(link_jobs.c.state.in_(states))
    return many(LinkJob, tx.execute(query.order_by(link_jobs.c.changed_at.desc()).limit(limit)).all())


def count_by_state(tx: Tx) -> dict[tuple[str, str], int]:
    query = select(link_jobs.c.side, link_jobs.c.state, func.count()).group_by(
        link_jobs.c.side, link_jobs.c.state
    )
    return {(side, state): number for side, state, number in tx.execute(query)}


def count_needing_a_person(tx: Tx, company_id: str) -> int:
    """Jobs that do not go on by themselves, of either side."""
    query = select(func.count()).select_from(link_jobs)
    stuck = (
        link_jobs.c.company_id == company_id,
        # Says nothing new, but without it the index ends at the company and all that was ever written is read.
        link_jobs.c.side.in_(("books", "crm")),
        link_jobs.c.state.in_(("refused", "needs_person", "in_doubt", "blocked", "proposed")),
    )
    return int(tx.execute(query.where(*stuck)).scalar_one())


def count_made_since(tx: Tx, connection_id: str, kind: str, since: datetime, *, action: str = "add") -> int:
    """Creations of a kind, or other acts, that were not left to a person."""
    query = select(func.count()).select_from(link_jobs).where(link_jobs.c.kind == kind)
    return int(tx.execute(query.where(*_done_since(connection_id, action, since))).scalar_one())


def cents_made_since(tx: Tx, connection_id: str, since: datetime) -> int:
    """What documents come to that were made, whatever their kind, and not left to a person."""
    query = select(func.coalesce(func.sum(link_jobs.c.cents), 0))
    return int(tx.execute(query.where(*_done_since(connection_id, "add", since))).scalar_one())


def _done_since(connection_id: str, action: str, since: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        link_jobs.c.connection_id == connection_id,
        link_jobs.c.action == action,
        link_jobs.c.created_at >= since,
        link_jobs.c.state.not_in(("proposed", "cancelled")),
    )


def change_job(tx: Tx, job_id: str, now: datetime, **values: Any) -> None:
    tx.execute(update(link_jobs).where(link_jobs.c.id == job_id).values(changed_at=now, **values))


# A record that must have a partner: (role, side, id).
Needed = tuple[str, str, str]


def wait_for(tx: Tx, connection_id: str, job_id: str, needed: Sequence[Needed]) -> None:
    """A job waits for partners of these records from now on, and for no others."""
    mine = (job_waits.c.connection_id == connection_id, job_waits.c.job_id == job_id)
    tx.execute(delete(job_waits).where(*mine))
    place = {"connection_id": connection_id, "job_id": job_id}
    rows = [dict(zip(("role", "side", "record_id"), one, strict=True)) for one in dict.fromkeys(needed)]
    insert_many(tx, job_waits, [place | row for row in rows])


def waits_of(tx: Tx, connection_id: str, job_id: str) -> list[Needed]:
    """The records that a job waits for."""
    columns = (job_waits.c.role, job_waits.c.side, job_waits.c.record_id)
    query = select(*columns).where(job_waits.c.connection_id == connection_id, job_waits.c.job_id == job_id)
    return [(row[0], row[1], row[2]) for row in tx.execute(query.order_by(*columns))]


def release_waiting(tx: Tx, company_id: str, connection_id: str, now: datetime) -> None:
    """Jobs whose wait nobody will end look again for what they need when their turn comes.

    That is when a record they wait for has no link that could get its second half, or has both.
    """
    hung = select(job_waits.c.job_id).where(job_waits.c.connection_id == connection_id)
    # One question for each side, or no index answers it.
    half = or_(
        _half_of("crm", links.c.crm_id, links.c.books_id), _half_of("books", links.c.books_id, links.c.crm_id)
    )
    _release(
        tx,
        now,
        # Company and sides only lead the index to the few that wait.
        link_jobs.c.company_id == company_id,
        link_jobs.c.side.in_(("books", "crm")),
        link_jobs.c.connection_id == connection_id,
        or_(link_jobs.c.id.not_in(hung), link_jobs.c.id.in_(hung.where(~half))),
    )


def _half_of(side: str, own: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists().where(
        job_waits.c.side == side,
        links.c.connection_id == job_waits.c.connection_id,
        own == job_waits.c.record_id,
        links.c.role == job_waits.c.role,
        links.c.unlinked_at.is_(None),
        other.is_(None),
    )


def release_for(tx: Tx, connection_id: str, side: str, record_ids: Sequence[str], now: datetime) -> None:
    """Records that were not known before are here: what waits for them looks again."""
    for start in range(0, len(record_ids), CHUNK):
        some = job_waits.c.record_id.in_(record_ids[start : start + CHUNK])
        waiting = select(job_waits.c.job_id).where(
            job_waits.c.connection_id == connection_id, job_waits.c.side == side, some
        )
        found = tx.execute(waiting).scalars().all()
        if found:
            _release(tx, now, link_jobs.c.connection_id == connection_id, link_jobs.c.id.in_(found))


def _release(tx: Tx, now: datetime, *which: ColumnElement[bool]) -> None:
    released = update(link_jobs).where(*which, link_jobs.c.state.in_(("waiting", "blocked")))
    tx.execute(released.values(state="queued", due_at=now, changed_at=now))


def waiting_for(
    tx: Tx, connection_id: str, role: str, crm_id: str | None, books_id: str | None
) -> list[LinkJob]:
    """Jobs, waiting or blocked, that need a partner of either record in this role."""
    place = {"connection_id": connection_id, "role": role, "crm_id": crm_id or "", "books_id": books_id or ""}
    waiting = tx.execute(_WAITING_FOR, place).scalars().all()
    if not waiting:
        return []
    query = select(link_jobs).where(
        link_jobs.c.id.in_(waiting), link_jobs.c.state.in_(("waiting", "blocked"))
    )
    return many(LinkJob, tx.execute(query.order_by(link_jobs.c.created_at, link_jobs.c.id)).all())


def _of_record(side: str) -> ColumnElement[bool]:
    return and_(
        job_waits.c.connection_id == bindparam("connection_id"),
        job_waits.c.side == side,
        job_waits.c.record_id == bindparam(f"{side}_id"),
        job_waits.c.role == bindparam("role"),
    )


_WAITING_FOR = select(job_waits.c.job_id).where(or_(_of_record("crm"), _of_record("books")))


def add_set(tx: Tx, message_set: MessageSet) -> None:
    tx.execute(insert(message_sets), message_set.__dict__)


def message_set(tx: Tx, company_id: str, set_id: str) -> MessageSet | None:
    query = select(message_sets).where(
        message_sets.c.company_id == company_id, message_sets.c.set_id == set_id
    )
    return one(MessageSet, tx.execute(query).first())


def sets_in_state(tx: Tx, company_id: str, *states: str) -> list[MessageSet]:
    """A company's message sets in any of these states, the oldest first."""
    wanted = {"company_id": company_id, "states": list(states)}
    return many(MessageSet, tx.execute(_SETS_IN_STATE, wanted).all())


_SETS_IN_STATE = (
    select(message_sets)
    .where(
        message_sets.c.company_id == bindparam("company_id"),
        message_sets.c.state.in_(bindparam("states", expanding=True)),
    )
    .order_by(message_sets.c.offered_at)
)


def change_set(tx: Tx, company_id: str, set_id: str, **values: Any) -> None:
    where = (message_sets.c.company_id == company_id, message_sets.c.set_id == set_id)
    tx.execute(update(message_sets).where(*where).values(**values))
