"""Links between a CRM record and an object of the books, their contributors, conflicts and suggestions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, false, func, insert, or_, select, update

from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Link, many, one
from qbwc_server.store.tables import conflicts, contributors, links, suggestions
from qbwc_server.store.writing import upsert

CHUNK = 400


def add_link(tx: Tx, link: Link) -> None:
    """Raises IntegrityError when the record is linked already: the losing writer reads and decides again."""
    tx.execute(insert(links), link.__dict__)


def link(tx: Tx, connection_id: str, link_id: str) -> Link | None:
    query = select(links).where(links.c.connection_id == connection_id, links.c.id == link_id)
    return one(Link, tx.execute(query).first())


def find_link(tx: Tx, link_id: str) -> Link | None:
    return one(Link, tx.execute(select(links).where(links.c.id == link_id)).first())


def link_of_crm(tx: Tx, connection_id: str, role: str, kind: str, crm_id: str) -> Link | None:
    query = select(links).where(
        links.c.connection_id == connection_id,
        links.c.role == role,
        links.c.crm_kind == kind,
        links.c.crm_id == crm_id,
        links.c.unlinked_at.is_(None),
    )
    return one(Link, tx.execute(query).first())


def link_of_books(tx: Tx, connection_id: str, role: str, kind: str, books_id: str) -> Link | None:
    query = select(links).where(
        links.c.connection_id == connection_id,
        links.c.role == role,
        links.c.books_kind == kind,
        links.c.books_id == books_id,
        links.c.unlinked_at.is_(None),
    )
    return one(Link, tx.execute(query).first())


def partner_of_crm(tx: Tx, connection_id: str, role: str, crm_id: str) -> Link | None:
    """The living link of a CRM record in a role, whatever kind it is of."""
    query = select(links).where(
        links.c.connection_id == connection_id,
        links.c.crm_id == crm_id,
        links.c.role == role,
        links.c.unlinked_at.is_(None),
    )
    return one(Link, tx.execute(query).first())


def partner_of_books(tx: Tx, connection_id: str, role: str, books_id: str) -> Link | None:
    """The living link of an object of the books in a role, whatever kind it is of."""
    query = select(links).where(
        links.c.connection_id == connection_id,
        links.c.books_id == books_id,
        links.c.role == role,
        links.c.unlinked_at.is_(None),
    )
    return one(Link, tx.execute(query).first())


def bound_among(tx: Tx, connection_id: str, role: str, side: str, ids: Sequence[str]) -> list[str]:
    """Those of the ids of one side that have their partner."""
    own, other = (links.c.crm_id, links.c.books_id) if side == "crm" else (links.c.books_id, links.c.crm_id)
    living = (links.c.connection_id == connection_id, links.c.role == role, links.c.unlinked_at.is_(None))
    found: list[str] = []
    for start in range(0, len(ids), CHUNK):
        some = own.in_(ids[start : start + CHUNK])
        found += tx.execute(select(own).where(*living, some, other.is_not(None))).scalars()
    return found


def was_unlinked(
    tx: Tx, connection_id: str, role: str, crm_id: str | None, books_id: str | None
) -> list[Link]:
    """Pairs of a role that a person took apart and that name one of these: not matched again by themselves.

    An item and a customer may have the same ListID: it is unique within one kind of list (qbXML semantics, section 4).
    """
    # An id that is not given names nobody; compared with None it would find every row without one.
    # The connection stands beside each id, or SQLite looks for the connection alone and reads all its links.
    given = [
        and_(links.c.connection_id == connection_id, column == value)
        for column, value in ((links.c.crm_id, crm_id), (links.c.books_id, books_id))
        if value
    ]
    query = select(links).where(links.c.unlinked_at.is_not(None), links.c.role == role, or_(false(), *given))
    return many(Link, tx.execute(query).all())


def generations(tx: Tx, connection_id: str, role: str, crm_id: str) -> int:
    """The largest generation among the links that a CRM record had in a role; 0 when it never had one."""
    query = select(func.max(links.c.generation)).where(
        links.c.connection_id == connection_id, links.c.crm_id == crm_id, links.c.role == role
    )
    return int(tx.execute(query).scalar() or 0)


def all_links(
    tx: Tx, connection_ids: Sequence[str], *, status: str | None = None, limit: int = 500
) -> list[Link]:
    query = select(links).where(links.c.connection_id.in_(connection_ids))
    if status:
        query = query.where(links.c.status == status)
    return many(Link, tx.execute(query.order_by(links.c.changed_at.desc()).limit(limit)).all())


def change_link(tx: Tx, connection_id: str, link_id: str, now: datetime, **values: Any) -> None:
    where = (links.c.connection_id == connection_id, links.c.id == link_id)
    tx.execute(update(links).where(*where).values(changed_at=now, **values))


def set_contributor(
    tx: Tx, connection_id: str, link_id: str, name: str, kind: str, record_id: str | None
) -> None:
    place = {"connection_id": connection_id, "link_id": link_id, "name": name}
    if record_id is None:
        tx.execute(
            delete(contributors).where(
                contributors.c.connection_id == connection_id,
                contributors.c.link_id == link_id,
                contributors.c.name == name,
            )
        )
        return
    upsert(tx, contributors, [place | {"kind": kind, "record_id": record_id}])


def contributors_of(tx: Tx, connection_id: str, link_id: str) -> dict[str, str]:
    """The contributing records of a link, by the name that the mapping gives each."""
    query = select(contributors.c.name, contributors.c.record_id).where(
        contributors.c.connection_id == connection_id, contributors.c.link_id == link_id
    )
    return {row.name: row.record_id for row in tx.execute(query)}


def links_of_contributor(tx: Tx, connection_id: str, kind: str, record_id: str) -> list[Link]:
    query = (
        select(links)
        .join(
            contributors,
            (contributors.c.connection_id == links.c.connection_id) & (contributors.c.link_id == links.c.id),
        )
        .where(
            contributors.c.connection_id == connection_id,
            contributors.c.kind == kind,
            contributors.c.record_id == record_id,
            links.c.unlinked_at.is_(None),
        )
    )
    return many(Link, tx.execute(query).all())


def open_conflicts(tx: Tx, connection_id: str, link_id: str) -> dict[str, dict[str, Any]]:
    query = select(conflicts).where(
        conflicts.c.connection_id == connection_id, conflicts.c.link_id == link_id
    )
    return {row.field: dict(row._mapping) for row in tx.execute(query)}


def all_conflicts(tx: Tx, connection_ids: Sequence[str]) -> list[dict[str, Any]]:
    query = select(conflicts, links.c.label).join(
        links, (links.c.connection_id == conflicts.c.connection_id) & (links.c.id == conflicts.c.link_id)
    )
    query = query.where(conflicts.c.connection_id.in_(connection_ids)).order_by(conflicts.c.opened_at)
    return [dict(row._mapping) for row in tx.execute(query)]


def put_conflict(tx: Tx, row: dict[str, Any]) -> None:
    upsert(tx, conflicts, [row], keep=("opened_at",))


def drop_conflicts(tx: Tx, connection_id: str, link_id: str, fields: Sequence[str]) -> None:
    """Several at once: a settled write ends the conflicts of all it wrote."""
    tx.execute(
        delete(conflicts).where(
            conflicts.c.connection_id == connection_id,
            conflicts.c.link_id == link_id,
            conflicts.c.field.in_(fields),
        )
    )


def drop_conflict(tx: Tx, connection_id: str, link_id: str, field: str) -> None:
    tx.execute(
        delete(conflicts).where(
            conflicts.c.connection_id == connection_id,
            conflicts.c.link_id == link_id,
            conflicts.c.field == field,
        )
    )


def suggest(tx: Tx, row: dict[str, Any]) -> None:
    upsert(tx, suggestions, [row], keep=("made_at",))


def all_suggestions(tx: Tx, connection_ids: Sequence[str]) -> list[dict[str, Any]]:
    query = select(suggestions).where(suggestions.c.connection_id.in_(connection_ids))
    return [dict(row._mapping) for row in tx.execute(query.order_by(suggestions.c.score.desc()))]


def drop_suggestions(
    tx: Tx, connection_id: str, role: str, crm_id: str | None, books_id: str | None = None
) -> list[tuple[str, str]]:
    """Neither record is to be asked about any more; the (CRM id, id in the books) pairs that somebody was asked for."""
    where = and_(suggestions.c.connection_id == connection_id, _names_either(role, crm_id, books_id))
    found = tx.execute(select(suggestions.c.crm_id, suggestions.c.books_id).where(where)).all()
    if found:
        tx.execute(delete(suggestions).where(where))
    return [(row[0], row[1]) for row in found]


def is_asked_about(tx: Tx, connection_id: str, role: str, crm_id: str | None, books_id: str | None) -> bool:
    """Whether a person was asked whose partner a record is."""
    where = (suggestions.c.connection_id == connection_id, _names_either(role, crm_id, books_id))
    return tx.execute(select(suggestions.c.score).where(*where).limit(1)).first() is not None


def _names_either(role: str, crm_id: str | None, books_id: str | None) -> ColumnElement[bool]:
    given = [
        column == value
        for column, value in ((suggestions.c.crm_id, crm_id), (suggestions.c.books_id, books_id))
        if value
    ]
    return and_(suggestions.c.role == role, or_(false(), *given))
