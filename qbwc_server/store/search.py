"""Looking things up for a person, by whatever id the person has at hand."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import and_, bindparam, func, or_, select

from qbwc_server.store import jobs
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Link, many
from qbwc_server.store.tables import connections, exchange_subjects, links, records, undecided


def links_of_record(tx: Tx, record_id: str) -> list[Link]:
    """Every link, taken apart ones too, that names a record by its CRM id, ListID or TxnID; newest first."""
    query = select(links).where(or_(links.c.crm_id == record_id, links.c.books_id == record_id))
    return many(Link, tx.execute(query.order_by(links.c.changed_at.desc())).all())


def links_like(tx: Tx, connection_ids: Sequence[str], part: str, limit: int = 500) -> list[Link]:
    """Links whose name holds a text, without regard to case."""
    pattern = "%" + part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    query = select(links).where(
        links.c.connection_id.in_(connection_ids), links.c.label.ilike(pattern, escape="\\")
    )
    return many(Link, tx.execute(query.order_by(links.c.label).limit(limit)).all())


def found_with(tx: Tx, subjects: Sequence[str]) -> list[str]:
    """All subjects of the exchanges that are about any of these: from jobs to the sets that carried them."""
    about = select(exchange_subjects.c.exchange_number).where(exchange_subjects.c.subject.in_(subjects))
    query = select(exchange_subjects.c.subject).where(exchange_subjects.c.exchange_number.in_(about))
    return sorted(set(tx.execute(query).scalars()))


def parked(tx: Tx, connection_ids: Sequence[str]) -> int:
    """Records set aside until they can be decided: a first read is not complete, or their partner is under way."""
    query = select(func.count()).select_from(undecided)
    query = query.where(undecided.c.connection_id.in_(connection_ids), undecided.c.parked)
    return int(tx.execute(query).scalar_one())


def links_without_partner(tx: Tx, connection_ids: Sequence[str]) -> list[tuple[Link, str]]:
    """Bound links one of whose records was deleted, with the side ("crm" or "books") where it is gone."""
    found: list[tuple[Link, str]] = []
    for side, column in (("crm", links.c.crm_id), ("books", links.c.books_id)):
        kind = links.c.crm_kind if side == "crm" else links.c.books_kind
        scope = connections.c.organisation_id if side == "crm" else connections.c.company_id
        gone = and_(
            records.c.scope_id == scope,
            records.c.side == side,
            records.c.kind == kind,
            records.c.id == column,
            records.c.deleted,
        )
        query = (
            select(links)
            .join(connections, connections.c.id == links.c.connection_id)
            .join(records, gone)
            .where(links.c.connection_id.in_(connection_ids), links.c.unlinked_at.is_(None))
        )
        found += [(one, side) for one in many(Link, tx.execute(query.order_by(links.c.label)).all())]
    return found


# The codes of links whose record has no partner because a person must say something first.
ASKING = ("ask", "suggest", "skip", "forgotten")


class Asked(NamedTuple):
    """What needs a person: jobs that stand still, records without a partner to be asked about, failed decisions."""

    jobs: int
    records: int
    failed: int

    @property
    def all(self) -> int:
        return self.jobs + self.records + self.failed


def needing_a_person(tx: Tx, company_id: str) -> Asked:
    stuck, asking, failed = tx.execute(_NEEDING_A_PERSON, {"company_id": company_id}).one()
    return Asked(int(stuck), int(asking), int(failed))


_OF_COMPANY = select(connections.c.id).where(connections.c.company_id == bindparam("company_id"))
_NEEDING_A_PERSON = select(
    jobs.STUCK,
    select(func.count())
    .select_from(links)
    .where(
        links.c.connection_id.in_(_OF_COMPANY),
        links.c.error_code.in_(ASKING),
        links.c.unlinked_at.is_(None),
    )
    .scalar_subquery(),
    select(func.count())
    .select_from(undecided)
    .where(undecided.c.connection_id.in_(_OF_COMPANY), undecided.c.failed)
    .scalar_subquery(),
)
