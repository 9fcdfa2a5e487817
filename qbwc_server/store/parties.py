"""Companies, organisations and the connections that pair them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, Text, bindparam, func, insert, select, type_coerce, update

from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Company, ConnectionRow, Organisation, many, one
from qbwc_server.store.tables import companies, connections, organisations


def add_company(tx: Tx, company: Company) -> None:
    tx.execute(insert(companies), company.__dict__)


def company(tx: Tx, company_id: str) -> Company | None:
    return one(Company, tx.execute(_COMPANY, {"wanted": company_id}).first())


_COMPANY = select(companies).where(companies.c.id == bindparam("wanted"))


def company_named(tx: Tx, name: str) -> Company | None:
    return one(Company, tx.execute(select(companies).where(companies.c.name == name)).first())


def company_of_user(tx: Tx, user_name: str) -> Company | None:
    return one(Company, tx.execute(_COMPANY_OF_USER, {"wanted": user_name}).first())


_COMPANY_OF_USER = select(companies).where(companies.c.user_name == bindparam("wanted"))


def alone_with(tx: Tx, company_id: str) -> Company | None:
    """The company, to nobody else who asks for it so until the transaction ends: two logins do not both win.

    Not a lock of its row: a call that holds a ticket writes that row, while a login takes tickets.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(company_id, 0))))
    return company(tx, company_id)


def any_password_like(tx: Tx, beginning: str) -> bool:
    """Whether the stored password of any company begins so. Reads the table: for failed logins only."""
    query = select(companies.c.id).where(companies.c.password_hash.startswith(beginning, autoescape=True))
    return tx.execute(query.limit(1)).first() is not None


def all_companies(tx: Tx) -> list[Company]:
    return many(Company, tx.execute(select(companies).order_by(companies.c.name)).all())


def change_company(tx: Tx, company_id: str, **values: Any) -> None:
    tx.execute(_CHANGE_COMPANY, {**values, "id_of": company_id})


_CHANGE_COMPANY = update(companies).where(companies.c.id == bindparam("id_of"))


def add_organisation(tx: Tx, organisation: Organisation) -> None:
    tx.execute(insert(organisations), organisation.__dict__)


def organisation(tx: Tx, organisation_id: str) -> Organisation | None:
    found = tx.execute(select(organisations).where(organisations.c.id == organisation_id)).first()
    return one(Organisation, found)


def organisation_at(tx: Tx, vendor: str, url: str) -> Organisation | None:
    query = select(organisations).where(organisations.c.vendor == vendor, organisations.c.url == url)
    return one(Organisation, tx.execute(query).first())


def all_organisations(tx: Tx) -> list[Organisation]:
    return many(Organisation, tx.execute(select(organisations).order_by(organisations.c.id)).all())


def change_organisation(tx: Tx, organisation_id: str, **values: Any) -> None:
    tx.execute(update(organisations).where(organisations.c.id == organisation_id).values(**values))


def want_poll(tx: Tx, company_id: str, now: datetime) -> None:
    """Ask the worker to poll every organisation that is connected with this company."""
    tx.execute(_WANT_POLL, {"wanted": company_id, "wanted_at": now})


_CONNECTED_WITH = select(connections.c.organisation_id).where(connections.c.company_id == bindparam("wanted"))
_WANT_POLL = (
    update(organisations)
    .where(organisations.c.id.in_(_CONNECTED_WITH))
    .values(poll_wanted_at=bindparam("wanted_at"))
)


def crm_troubles(tx: Tx, company_id: str) -> list[str]:
    """Why the organisations that are connected with this company cannot be read at present."""
    return [str(text) for text in tx.execute(_CRM_TROUBLES, {"wanted": company_id}).scalars()]


_CRM_TROUBLES = (
    select(organisations.c.poll_error)
    .where(organisations.c.id.in_(_CONNECTED_WITH), organisations.c.poll_error.is_not(None))
    .order_by(organisations.c.id)
)


def add_connection(tx: Tx, connection: ConnectionRow) -> None:
    tx.execute(insert(connections), connection.__dict__)


def connection(tx: Tx, connection_id: str) -> ConnectionRow | None:
    found = tx.execute(select(connections).where(connections.c.id == connection_id)).first()
    return one(ConnectionRow, found)


def connection_named(tx: Tx, name: str) -> ConnectionRow | None:
    return one(ConnectionRow, tx.execute(select(connections).where(connections.c.name == name)).first())


def all_connections(tx: Tx) -> list[ConnectionRow]:
    return many(ConnectionRow, tx.execute(select(connections).order_by(connections.c.name)).all())


def connections_of_company(tx: Tx, company_id: str) -> list[ConnectionRow]:
    return many(ConnectionRow, tx.execute(_CONNECTIONS_OF_COMPANY, {"wanted": company_id}).all())


_CONNECTIONS_OF_COMPANY = (
    select(connections).where(connections.c.company_id == bindparam("wanted")).order_by(connections.c.name)
)


def connections_of_organisation(tx: Tx, organisation_id: str) -> list[ConnectionRow]:
    query = select(connections).where(connections.c.organisation_id == organisation_id)
    return many(ConnectionRow, tx.execute(query.order_by(connections.c.name)).all())


def change_connection(tx: Tx, connection_id: str, **values: Any) -> None:
    tx.execute(update(connections).where(connections.c.id == connection_id).values(**values))


@dataclass(frozen=True)
class Connected:
    """A connection with its company, and what its CRM said of its fields as JSON text ("" while it was not asked)."""

    connection: ConnectionRow
    company: Company
    crm_fields: str


def connected(tx: Tx, *, lock: bool = False, **wanted: str) -> list[Connected]:
    """Connections by `company_id`, `organisation_id` or `id`, by name.

    With `lock` they are nobody else's to lock until the end of the transaction; always in the same order, so that
    two processes never wait for each other.
    """
    [(name, value)] = wanted.items()
    rows = [_connected(tuple(row)) for row in tx.execute(_connected_by(name, lock=lock), {"wanted": value})]
    return sorted(rows, key=lambda one: one.connection.name)


@cache
def _connected_by(name: str, *, lock: bool) -> Select[Any]:
    query = (
        select(connections, companies, type_coerce(organisations.c.fields, Text))
        .join_from(connections, companies, connections.c.company_id == companies.c.id)
        .join(organisations, connections.c.organisation_id == organisations.c.id)
        .where(connections.c[name] == bindparam("wanted"))
        .order_by(connections.c.id)
    )
    return query.with_for_update(of=connections) if lock else query


def _connected(row: tuple[Any, ...]) -> Connected:
    width, end = len(connections.c), len(connections.c) + len(companies.c)
    connection = dict(zip(connections.c.keys(), row[:width], strict=True))
    company_row = dict(zip(companies.c.keys(), row[width:end], strict=True))
    return Connected(ConnectionRow(**connection), Company(**company_row), row[end] or "")


def lock_connections(tx: Tx, connection_ids: Sequence[str]) -> None:
    """Only one process decides for a connection at a time (PostgreSQL; SQLite has one writer anyway)."""
    ids = connections.c.id.in_(connection_ids)
    tx.execute(select(connections.c.id).where(ids).order_by(connections.c.id).with_for_update()).all()
