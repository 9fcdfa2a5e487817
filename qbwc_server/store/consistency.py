"""Looking for rows that contradict each other; none of these questions is asked by a visit."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select

from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Link, LinkJob, many
from qbwc_server.store.tables import (
    OPEN_STATES,
    connections,
    job_waits,
    link_jobs,
    links,
    records,
    watermarks,
)

ON_THE_WAY = ("offered", "in_doubt")


def jobs_without_a_pair(tx: Tx, connection_ids: Sequence[str]) -> list[LinkJob]:
    """Open jobs, not on their way, whose link is not there or was taken apart; a status Unlinked is still told."""
    living = exists().where(
        links.c.connection_id == link_jobs.c.connection_id,
        links.c.id == link_jobs.c.link_id,
        or_(links.c.unlinked_at.is_(None), link_jobs.c.side == "crm"),
    )
    open_ones = [one for one in OPEN_STATES if one not in ON_THE_WAY]
    return _jobs(tx, connection_ids, link_jobs.c.state.in_(open_ones), ~living)


def jobs_waiting_for_nothing(tx: Tx, connection_ids: Sequence[str], since: datetime) -> list[LinkJob]:
    """Waiting or blocked for longer than that, and nothing is noted that could release them."""
    waits = exists().where(
        job_waits.c.connection_id == link_jobs.c.connection_id, job_waits.c.job_id == link_jobs.c.id
    )
    states = link_jobs.c.state.in_(("waiting", "blocked"))
    return _jobs(tx, connection_ids, states, ~waits, link_jobs.c.changed_at < since)


def jobs_long_in(
    tx: Tx, connection_ids: Sequence[str], states: Sequence[str], since: datetime
) -> list[LinkJob]:
    return _jobs(tx, connection_ids, link_jobs.c.state.in_(states), link_jobs.c.changed_at < since)


def jobs_due_after(tx: Tx, connection_ids: Sequence[str], moment: datetime) -> list[LinkJob]:
    """Queued for later than any pause between attempts: a clock of ours was put back."""
    return _jobs(tx, connection_ids, link_jobs.c.state == "queued", link_jobs.c.due_at > moment)


def _jobs(tx: Tx, connection_ids: Sequence[str], *which: ColumnElement[bool]) -> list[LinkJob]:
    query = select(link_jobs).where(link_jobs.c.connection_id.in_(connection_ids), *which)
    return many(LinkJob, tx.execute(query.order_by(link_jobs.c.created_at, link_jobs.c.id)).all())


def links_without_record(tx: Tx, connection_ids: Sequence[str], side: str) -> list[Link]:
    """Bound links to an object of one side that was never read."""
    return many(Link, tx.execute(_without_record(connection_ids, side)).all())


def _without_record(connection_ids: Sequence[str], side: str) -> Select[tuple[object, ...]]:
    scope, kind, own = (
        (connections.c.organisation_id, links.c.crm_kind, links.c.crm_id)
        if side == "crm"
        else (connections.c.company_id, links.c.books_kind, links.c.books_id)
    )
    stored = exists().where(
        and_(records.c.scope_id == scope, records.c.side == side),
        and_(records.c.kind == kind, records.c.id == own),
    )
    return (
        select(links)
        .join(connections, connections.c.id == links.c.connection_id)
        .where(
            links.c.connection_id.in_(connection_ids),
            links.c.unlinked_at.is_(None),
            own.is_not(None),
            ~stored,
        )
        .order_by(links.c.label)
    )


def watermarks_after(tx: Tx, company_id: str, wall_time: str) -> list[str]:
    """Kinds that were read, as it seems, further than this wall time."""
    query = select(watermarks.c.kind).where(
        watermarks.c.scope_id == company_id,
        watermarks.c.side == "books",
        watermarks.c.value > wall_time,
        # Kinds have one word; the other rows are notes, not times.
        ~watermarks.c.kind.contains(" "),
        watermarks.c.value.like("____-__-__T%"),
    )
    return list(tx.execute(query.order_by(watermarks.c.kind)).scalars())
