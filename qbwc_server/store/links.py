"""Links between a CRM record and an object of the books, their contributors, conflicts and suggestions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, false, insert, or_, select, update

from qbwc_server.store.database import Tx
from qbwc_server.store.memory import memory_of
from qbwc_server.store.rows import Link, many, one
from qbwc_server.store.tables import conflicts, contributors, links, suggestions
from qbwc_server.store.writing import upsert

CHUNK = 400


def add_link(tx: Tx, link: Link) -> None:
    """Raises IntegrityError when the record is linked already: the losing writer reads and decides again."""
    tx.execute(insert(links), link.__dict__)
    if (memory := memory_of(tx)) is not None:
        memory.add_link(link)


def link(tx: Tx, connection_id: str, link_id: str) -> Link | None:
    memory = memory_of(tx)
    if memory is not None and (connection_id, link_id) in memory.links:
        return memory.links[connection_id, link_id]
    query = select(links).where(links.c.connection_id == connection_id, links.c.id == link_id)
    found = one(Link, tx.execute(query).first())
    if memory is not None:
        memory.links[connection_id, link_id] = found
    return found


def find_link(tx: Tx, link_id: str) -> Link | None:
    return one(Link, tx.execute(select(links).where(links.c.id == link_id)).first())


def link_of_crm(tx: Tx, connection_id: str, role: str, kind: str, crm_id: str) -> Link | None:
    return _living(tx, connection_id, "crm", crm_id, role=role, crm_kind=kind)


def link_of_books(tx: Tx, connection_id: str, role: str, kind: str, books_id: str) -> Link | None:
    return _living(tx, connection_id, "books", books_id, role=role, books_kind=kind)


def partner_of_crm(tx: Tx, connection_id: str, role: str, crm_id: str) -> Link | None:
    """The living link of a CRM record in a role, whatever kind it is of."""
    return _living(tx, connection_id, "crm", crm_id, role=role)


def partner_of_books(tx: Tx, connection_id: str, role: str, books_id: str) -> Link | None:
    """The living link of an object of the books in a role, whatever kind it is of."""
    return _living(tx, connection_id, "books", books_id, role=role)


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
    # An id that is not given names nobody.
    found = {
        one.id: one
        for side, record_id in (("crm", crm_id), ("books", books_id))
        if record_id
        for one in _naming(tx, connection_id, side, record_id)
        if one.unlinked_at is not None and one.role == role
    }
    return list(found.values())


def _living(tx: Tx, connection_id: str, side: str, record_id: str, **wanted: str) -> Link | None:
    found = (one for one in _naming(tx, connection_id, side, record_id) if one.unlinked_at is None)
    return next((one for one in found if all(getattr(one, name) == wanted[name] for name in wanted)), None)


def _naming(tx: Tx, connection_id: str, side: str, record_id: str) -> list[Link]:
    """Every link that names a record of a side, also those that were dropped: few, whatever its roles were."""
    memory = memory_of(tx)
    if memory is not None and (known := memory.named(connection_id, side, record_id)) is not None:
        return known
    column = links.c.crm_id if side == "crm" else links.c.books_id
    query = select(links).where(links.c.connection_id == connection_id, column == record_id)
    # Sorted here: asked for an order, SQLite would walk all links of the connection in it.
    found = sorted(many(Link, tx.execute(query).all()), key=lambda one: one.id)
    if memory is not None:
        memory.see_naming(connection_id, side, {record_id: found})
    return found


def generations(tx: Tx, connection_id: str, role: str, crm_id: str) -> int:
    """The largest generation among the links that a CRM record had in a role; 0 when it never had one."""
    named = _naming(tx, connection_id, "crm", crm_id)
    return max((one.generation for one in named if one.role == role), default=0)


def all_links(
    tx: Tx, connection_ids: Sequence[str], *, status: str | None = None, limit: int = 500
) -> list[Link]:
    query = select(links).where(links.c.connection_id.in_(connection_ids))
    if status:
        query = query.where(links.c.status == status)
    return many(Link, tx.execute(query.order_by(links.c.changed_at.desc()).limit(limit)).all())


def bound_crm_ids(tx: Tx, connection_id: str) -> dict[str, list[str]]:
    """Ids of the CRM records that are half of a whole pair, by their kind."""
    query = select(links.c.crm_kind, links.c.crm_id).where(
        links.c.connection_id == connection_id,
        links.c.unlinked_at.is_(None),
        links.c.crm_id.is_not(None),
        links.c.books_id.is_not(None),
    )
    found: dict[str, list[str]] = {}
    for kind, crm_id in tx.execute(query):
        found.setdefault(kind, []).append(crm_id)
    return found


def change_link(tx: Tx, connection_id: str, link_id: str, now: datetime, **values: Any) -> None:
    tx.execute(
        _CHANGE_LINK, {"at_connection": connection_id, "at_link": link_id, "changed_at": now, **values}
    )
    if (memory := memory_of(tx)) is not None:
        memory.change_link(connection_id, link_id, {"changed_at": now, **values})


_CHANGE_LINK = update(links).where(
    links.c.connection_id == bindparam("at_connection"), links.c.id == bindparam("at_link")
)


def set_contributor(
    tx: Tx, connection_id: str, link_id: str, name: str, kind: str, record_id: str | None
) -> None:
    memory = memory_of(tx)
    whom = (kind, record_id) if record_id is not None else None
    if memory is not None and not memory.contributes(connection_id, link_id, name, whom):
        return
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
    memory = memory_of(tx)
    if memory is not None and (connection_id, link_id) in memory.contributors:
        known = memory.contributors[connection_id, link_id]
        return {name: record_id for name, (_, record_id) in known.items()}
    query = select(contributors.c.name, contributors.c.record_id).where(
        contributors.c.connection_id == connection_id, contributors.c.link_id == link_id
    )
    return {row.name: row.record_id for row in tx.execute(query)}


def links_of_contributor(tx: Tx, connection_id: str, kind: str, record_id: str) -> list[Link]:
    """The living links to which a record contributes."""
    memory = memory_of(tx)
    ids = None if memory is None else memory.contributing.get((connection_id, kind, record_id))
    if memory is not None and ids is not None:
        found = [link(tx, connection_id, one) for one in ids]
        return [one for one in found if one is not None and one.unlinked_at is None]
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
    some = many(Link, tx.execute(query).all())
    if memory is not None:
        memory.see_links(some)
        memory.contributing[connection_id, kind, record_id] = [one.id for one in some]
    return some


def open_conflicts(tx: Tx, connection_id: str, link_id: str) -> dict[str, dict[str, Any]]:
    memory = memory_of(tx)
    if memory is not None and (connection_id, link_id) in memory.conflicts:
        return memory.conflicts[connection_id, link_id]
    query = select(conflicts).where(
        conflicts.c.connection_id == connection_id, conflicts.c.link_id == link_id
    )
    found = {row.field: dict(row._mapping) for row in tx.execute(query)}
    if memory is not None:
        memory.conflicts[connection_id, link_id] = found
    return found


def all_conflicts(tx: Tx, connection_ids: Sequence[str]) -> list[dict[str, Any]]:
    query = select(conflicts, links.c.label).join(
        links, (links.c.connection_id == conflicts.c.connection_id) & (links.c.id == conflicts.c.link_id)
    )
    query = query.where(conflicts.c.connection_id.in_(connection_ids)).order_by(conflicts.c.opened_at)
    return [dict(row._mapping) for row in tx.execute(query)]


def put_conflict(tx: Tx, row: dict[str, Any]) -> None:
    upsert(tx, conflicts, [row], keep=("opened_at",))
    if (memory := memory_of(tx)) is not None:
        memory.conflicts.pop((row["connection_id"], row["link_id"]), None)


def drop_conflicts(tx: Tx, connection_id: str, link_id: str, fields: Sequence[str]) -> None:
    """Several at once: a settled write ends the conflicts of all it wrote."""
    if (memory := memory_of(tx)) is not None:
        if not open_conflicts(tx, connection_id, link_id).keys() & set(fields):
            return
        del memory.conflicts[connection_id, link_id]
    tx.execute(
        delete(conflicts).where(
            conflicts.c.connection_id == connection_id,
            conflicts.c.link_id == link_id,
            conflicts.c.field.in_(fields),
        )
    )


def drop_conflict(tx: Tx, connection_id: str, link_id: str, field: str) -> None:
    drop_conflicts(tx, connection_id, link_id, [field])


def suggest(tx: Tx, row: dict[str, Any]) -> None:
    upsert(tx, suggestions, [row], keep=("made_at",))
    if (memory := memory_of(tx)) is not None:
        memory.suggestions[row["connection_id"]] = True


def all_suggestions(tx: Tx, connection_ids: Sequence[str]) -> list[dict[str, Any]]:
    query = select(suggestions).where(suggestions.c.connection_id.in_(connection_ids))
    return [dict(row._mapping) for row in tx.execute(query.order_by(suggestions.c.score.desc()))]


def drop_suggestions(
    tx: Tx, connection_id: str, role: str, crm_id: str | None, books_id: str | None = None
) -> list[tuple[str, str]]:
    """Neither record is to be asked about any more; the (CRM id, id in the books) pairs that somebody was asked for."""
    if not _has_suggestions(tx, connection_id):
        return []
    where = and_(suggestions.c.connection_id == connection_id, _names_either(role, crm_id, books_id))
    found = tx.execute(select(suggestions.c.crm_id, suggestions.c.books_id).where(where)).all()
    if found:
        tx.execute(delete(suggestions).where(where))
    return [(row[0], row[1]) for row in found]


def asked_with(tx: Tx, connection_id: str, role: str, side: str, record_id: str) -> list[str]:
    """Ids of the other side's records of which a person was asked whether they are this one's partner."""
    if not _has_suggestions(tx, connection_id):
        return []
    ends = (suggestions.c.crm_id, suggestions.c.books_id)
    own, other = ends if side == "crm" else ends[::-1]
    where = (suggestions.c.connection_id == connection_id, suggestions.c.role == role, own == record_id)
    return list(tx.execute(select(other).where(*where).order_by(other)).scalars())


def is_asked_about(tx: Tx, connection_id: str, role: str, crm_id: str | None, books_id: str | None) -> bool:
    """Whether a person was asked whose partner a record is."""
    if not _has_suggestions(tx, connection_id):
        return False
    where = (suggestions.c.connection_id == connection_id, _names_either(role, crm_id, books_id))
    return tx.execute(select(suggestions.c.score).where(*where).limit(1)).first() is not None


def _names_either(role: str, crm_id: str | None, books_id: str | None) -> ColumnElement[bool]:
    given = [
        column == value
        for column, value in ((suggestions.c.crm_id, crm_id), (suggestions.c.books_id, books_id))
        if value
    ]
    return and_(suggestions.c.role == role, or_(false(), *given))


def _has_suggestions(tx: Tx, connection_id: str) -> bool:
    """Whether there is any at all; asked once, where that is remembered."""
    memory = memory_of(tx)
    if memory is None:
        return True
    if connection_id not in memory.suggestions:
        query = select(suggestions.c.role).where(suggestions.c.connection_id == connection_id)
        memory.suggestions[connection_id] = tx.execute(query.limit(1)).first() is not None
    return memory.suggestions[connection_id]
