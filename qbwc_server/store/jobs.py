"""Link jobs and the message sets that carry them to QuickBooks."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from qbwc_server.store.database import Tx
from qbwc_server.store.memory import Made, memory_of
from qbwc_server.store.rows import LinkJob, MessageSet, many, one
from qbwc_server.store.tables import OPEN_STATES, job_waits, link_jobs, links, message_sets
from qbwc_server.store.writing import insert_many

CHUNK = 400


def add_job(tx: Tx, job: LinkJob) -> None:
    """Raises IntegrityError when the link has an open job for that side already."""
    tx.execute(insert(link_jobs), job.__dict__)
    if (memory := memory_of(tx)) is not None:
        memory.add_job(job)


def job(tx: Tx, job_id: str) -> LinkJob | None:
    memory = memory_of(tx)
    if memory is not None and job_id in memory.jobs:
        return memory.jobs[job_id]
    found = one(LinkJob, tx.execute(select(link_jobs).where(link_jobs.c.id == job_id)).first())
    if memory is not None and found is not None:
        memory.jobs[job_id] = found
    return found


def open_job(tx: Tx, connection_id: str, link_id: str, side: str) -> LinkJob | None:
    if (memory := memory_of(tx)) is not None:
        if (connection_id, link_id) not in memory.open_jobs:
            memory.see_open_jobs(connection_id, [link_id], _open_jobs(tx, connection_id, link_id))
        job_id = memory.open_jobs[connection_id, link_id].get(side)
        return memory.jobs[job_id] if job_id else None
    found = _open_jobs(tx, connection_id, link_id)
    return next((one for one in found if one.side == side), None)


def _open_jobs(tx: Tx, connection_id: str, link_id: str) -> list[LinkJob]:
    query = select(link_jobs).where(
        link_jobs.c.connection_id == connection_id,
        link_jobs.c.link_id == link_id,
        link_jobs.c.state.in_(OPEN_STATES),
    )
    return many(LinkJob, tx.execute(query).all())


def jobs_of_link(tx: Tx, connection_id: str, link_id: str) -> list[LinkJob]:
    query = select(link_jobs).where(
        link_jobs.c.connection_id == connection_id, link_jobs.c.link_id == link_id
    )
    return many(LinkJob, tx.execute(query.order_by(link_jobs.c.created_at)).all())


def jobs_in(tx: Tx, job_ids: Sequence[str]) -> list[LinkJob]:
    memory = memory_of(tx)
    known = {} if memory is None else {one: memory.jobs[one] for one in job_ids if one in memory.jobs}
    asked = [one for one in job_ids if one not in known]
    query = select(link_jobs).where(link_jobs.c.id.in_(asked))
    found = many(LinkJob, tx.execute(query).all()) if asked else []
    if memory is not None:
        memory.jobs |= {one.id: one for one in found}
    return [*known.values(), *found]


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


# Writes to the CRM that share calls: their kind, whether the records are new, whether they would only say Queued.
Group = tuple[str, bool, bool]


class Gathered(NamedTuple):
    """Due writes to the CRM that share calls."""

    kind: str
    new: bool
    queued: bool
    number: int
    # Since when the first and the last of their links stand as they stand; of queued ones, when the jobs were made.
    since: datetime
    last: datetime

    @property
    def group(self) -> Group:
        return self.kind, self.new, self.queued


def due_in_crm(
    tx: Tx,
    company_id: str,
    now: datetime,
    connection_ids: Sequence[str],
    kind: str,
    limit: int,
    made_before: datetime,
) -> list[tuple[str, Group]]:
    """(job, its group) of due writes of a kind to the CRM, in their order; no queued ones that were made later."""
    place = {"company_id": company_id, "side": "crm", "now": now, "connection_ids": list(connection_ids)}
    rows = tx.execute(_DUE_IN_CRM, place | {"kind": kind, "made_before": made_before, "most": limit})
    return [(one, (its_kind, bool(new), bool(queued))) for one, its_kind, new, queued in rows]


def gathered_in_crm(
    tx: Tx, company_id: str, now: datetime, connection_ids: Sequence[str], made_before: datetime
) -> list[Gathered]:
    """What is due in the CRM, by what can go together; without the queued ones that were made later."""
    place = {"company_id": company_id, "side": "crm", "now": now, "connection_ids": list(connection_ids)}
    found = []
    for kind, new, queued, number, since, last, made, last_made in tx.execute(
        _GATHERED, place | {"made_before": made_before}
    ):
        between = (made, last_made) if queued else (since, last)
        found.append(Gathered(kind, bool(new), bool(queued), number, *between))
    return found


_WITH_LINKS = link_jobs.join(
    links, and_(links.c.connection_id == link_jobs.c.connection_id, links.c.id == link_jobs.c.link_id)
)
_ONLY_QUEUED = and_(links.c.status == "Queued", links.c.books_id.is_(None))
_GROUP = (link_jobs.c.kind, links.c.crm_id.is_(None).label("is_new"), _ONLY_QUEUED.label("only_queued"))
_DUE_OR_SHOWN = and_(_DUE, or_(not_(_ONLY_QUEUED), link_jobs.c.created_at < bindparam("made_before")))
_DUE_IN_CRM = (
    select(link_jobs.c.id, *_GROUP)
    .select_from(_WITH_LINKS)
    .where(_DUE_OR_SHOWN, link_jobs.c.kind == bindparam("kind"))
    .order_by(link_jobs.c.priority, link_jobs.c.created_at, link_jobs.c.id)
    .limit(bindparam("most"))
)
_GATHERED = (
    select(
        *(*_GROUP, func.count()),
        *(func.min(links.c.changed_at), func.max(links.c.changed_at)),
        *(func.min(link_jobs.c.created_at), func.max(link_jobs.c.created_at)),
    )
    .select_from(_WITH_LINKS)
    .where(_DUE_OR_SHOWN)
    .group_by(link_jobs.c.kind, "is_new", "only_queued")
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


# Jobs of a company that do not go on by themselves, of either side.
STUCK = (
    select(func.count())
    .select_from(link_jobs)
    .where(
        link_jobs.c.company_id == bindparam("company_id"),
        # Says nothing new, but without it the index ends at the company and all that was ever written is read.
        link_jobs.c.side.in_(("books", "crm")),
        link_jobs.c.state.in_(("refused", "needs_person", "in_doubt", "blocked", "proposed")),
    )
    .scalar_subquery()
)


def count_made_since(tx: Tx, connection_id: str, kind: str, since: datetime, *, action: str = "add") -> int:
    """Creations of a kind, or other acts, that were not left to a person."""
    query = select(func.count()).select_from(link_jobs).where(link_jobs.c.kind == kind)
    return _counted(tx, (connection_id, kind, action, since), query)


def cents_made_since(tx: Tx, connection_id: str, since: datetime) -> int:
    """What documents come to that were made, whatever their kind, and not left to a person."""
    return _counted(
        tx, (connection_id, "", "add", since), select(func.coalesce(func.sum(link_jobs.c.cents), 0))
    )


def _counted(tx: Tx, made: Made, query: Any) -> int:
    memory, (connection_id, _, action, since) = memory_of(tx), made
    if memory is not None and made in memory.made:
        return memory.made[made]
    number = int(tx.execute(query.where(*_done_since(connection_id, action, since))).scalar_one())
    if memory is not None:
        memory.made[made] = number
    return number


def _done_since(connection_id: str, action: str, since: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        link_jobs.c.connection_id == connection_id,
        link_jobs.c.action == action,
        link_jobs.c.created_at >= since,
        link_jobs.c.state.not_in(("proposed", "cancelled")),
    )


def change_job(tx: Tx, job_id: str, now: datetime, **values: Any) -> None:
    tx.execute(_CHANGE_JOB, {"at_job": job_id, "changed_at": now, **values})
    if (memory := memory_of(tx)) is not None:
        memory.change_job(job_id, {"changed_at": now, **values})


_CHANGE_JOB = update(link_jobs).where(link_jobs.c.id == bindparam("at_job"))


# A record that must have a partner: (role, side, id).
Needed = tuple[str, str, str]


def wait_for(tx: Tx, connection_id: str, job_id: str, needed: Sequence[Needed]) -> None:
    """A job waits for partners of these records from now on, and for no others."""
    if (memory := memory_of(tx)) is not None:
        memory.hang(connection_id, job_id, needed)
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
    waiting = tx.execute(_WAITING, {"company_id": company_id, "connection_id": connection_id}).scalars().all()
    if not waiting:
        return
    hung: dict[str, list[Needed]] = {one: [] for one in waiting}
    for start in range(0, len(waiting), CHUNK):
        some = job_waits.c.job_id.in_(waiting[start : start + CHUNK])
        for row in tx.execute(select(job_waits).where(job_waits.c.connection_id == connection_id, some)):
            hung[row.job_id].append((row.role, row.side, row.record_id))
    half = {side: _half_linked(tx, connection_id, side, hung.values()) for side in ("crm", "books")}
    free = [
        job_id
        for job_id, needed in hung.items()
        if not needed or any((role, record_id) not in half[side] for role, side, record_id in needed)
    ]
    for start in range(0, len(free), CHUNK):
        mine = link_jobs.c.connection_id == connection_id
        _release(tx, now, mine, link_jobs.c.id.in_(free[start : start + CHUNK]))


# Company and sides only lead the index to the few that wait.
_WAITING = select(link_jobs.c.id).where(
    link_jobs.c.company_id == bindparam("company_id"),
    link_jobs.c.side.in_(("books", "crm")),
    link_jobs.c.state.in_(("waiting", "blocked")),
    link_jobs.c.connection_id == bindparam("connection_id"),
)


def _half_linked(
    tx: Tx, connection_id: str, side: str, needed: Iterable[Sequence[Needed]]
) -> set[tuple[str, str]]:
    """(role, id) of the needed records of a side that have a link without its second half."""
    own, other = (links.c.crm_id, links.c.books_id) if side == "crm" else (links.c.books_id, links.c.crm_id)
    ids = sorted({record_id for some in needed for _, its_side, record_id in some if its_side == side})
    found: set[tuple[str, str]] = set()
    for start in range(0, len(ids), CHUNK):
        query = select(links.c.role, own).where(
            links.c.connection_id == connection_id,
            own.in_(ids[start : start + CHUNK]),
            links.c.unlinked_at.is_(None),
            other.is_(None),
        )
        found |= {(row[0], row[1]) for row in tx.execute(query)}
    return found


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
    if (memory := memory_of(tx)) is not None:
        memory.forget_jobs()
    released = update(link_jobs).where(*which, link_jobs.c.state.in_(("waiting", "blocked")))
    tx.execute(released.values(state="queued", due_at=now, changed_at=now))


def waiting_for(
    tx: Tx, connection_id: str, role: str, crm_id: str | None, books_id: str | None
) -> list[LinkJob]:
    """Jobs, waiting or blocked, that need a partner of either record in this role."""
    named = {"crm": crm_id, "books": books_id}
    found = {
        job_id
        for side, record_id in named.items()
        if record_id
        for its_role, job_id in _waits_for(tx, connection_id, side, record_id)
        if its_role == role
    }
    waiting = [one for one in jobs_in(tx, sorted(found)) if one.state in ("waiting", "blocked")]
    return sorted(waiting, key=lambda one: (one.created_at, one.id))


def _waits_for(tx: Tx, connection_id: str, side: str, record_id: str) -> list[tuple[str, str]]:
    """(role, job) of what waits for a partner of this record."""
    key, memory = (connection_id, side, record_id), memory_of(tx)
    if memory is not None and key in memory.waits:
        return memory.waits[key]
    place = {"connection_id": connection_id, "side": side, "record_id": record_id}
    found = [(row[0], row[1]) for row in tx.execute(_WAITS_FOR, place)]
    if memory is not None:
        memory.waits[key] = found
    return found


_WAITS_FOR = select(job_waits.c.role, job_waits.c.job_id).where(
    job_waits.c.connection_id == bindparam("connection_id"),
    job_waits.c.side == bindparam("side"),
    job_waits.c.record_id == bindparam("record_id"),
)


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
