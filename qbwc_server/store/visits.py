"""Tickets of Web Connector sessions, login failures, and the leases that keep a part alone in its work."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, delete, func, insert, or_, select, update

from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Ticket, many, one
from qbwc_server.store.tables import leases, login_failures, tickets
from qbwc_server.store.writing import upsert


def add_ticket(tx: Tx, ticket: Ticket) -> None:
    tx.execute(insert(tickets), ticket.__dict__)


def ticket(tx: Tx, ticket_hash: str) -> Ticket | None:
    return one(Ticket, tx.execute(select(tickets).where(tickets.c.ticket_hash == ticket_hash)).first())


def locked_ticket(tx: Tx, ticket_hash: str) -> Ticket | None:
    """The ticket, until the end of the transaction nobody else's to lock: a call that comes twice takes turns."""
    return one(Ticket, tx.execute(_LOCKED, {"ticket_hash": ticket_hash}).first())


_LOCKED = select(tickets).where(tickets.c.ticket_hash == bindparam("ticket_hash")).with_for_update()


def tickets_of_company(tx: Tx, company_id: str, states: Sequence[str]) -> list[Ticket]:
    place = {"company_id": company_id, "states": list(states)}
    return many(Ticket, tx.execute(_OF_COMPANY, place).all())


_OF_COMPANY = (
    select(tickets)
    .where(
        tickets.c.company_id == bindparam("company_id"),
        tickets.c.state.in_(bindparam("states", expanding=True)),
    )
    .order_by(tickets.c.started_at)
)


# States of a session in which its visit goes on.
UNDER_WAY = ("authed", "sent", "waiting")


def under_way(tx: Tx, company_id: str, since: datetime) -> bool:
    """Whether a visit of the company goes on and was heard of since then."""
    place = {"company_id": company_id, "states": list(UNDER_WAY), "since": since}
    return tx.execute(_UNDER_WAY, place).first() is not None


_UNDER_WAY = (
    select(tickets.c.state)
    .where(
        tickets.c.company_id == bindparam("company_id"),
        tickets.c.state.in_(bindparam("states", expanding=True)),
        tickets.c.seen_at >= bindparam("since"),
    )
    .limit(1)
)


def idle_tickets(tx: Tx, states: Sequence[str], before: datetime) -> list[Ticket]:
    query = select(tickets).where(tickets.c.state.in_(states), tickets.c.seen_at < before)
    return many(Ticket, tx.execute(query).all())


def change_ticket(tx: Tx, ticket_hash: str, **values: Any) -> None:
    tx.execute(_CHANGE, {**values, "hash_of": ticket_hash})


# Which columns are written is said by the values that come with it.
_CHANGE = update(tickets).where(tickets.c.ticket_hash == bindparam("hash_of"))


def _failures(who: ColumnElement[bool]) -> ScalarSelect[int]:
    recent = login_failures.c.at >= bindparam("since")
    return select(func.count()).select_from(login_failures).where(who, recent).scalar_subquery()


_FAILURES = select(
    _failures(login_failures.c.user_name == bindparam("user_name")),
    _failures(login_failures.c.address == bindparam("address")),
)


def note_login_failure(tx: Tx, user_name: str, address: str, now: datetime) -> None:
    tx.execute(insert(login_failures), {"user_name": user_name[:120], "address": address, "at": now})


def login_failure_count(tx: Tx, user_name: str, address: str, since: datetime) -> tuple[int, int]:
    """(failures of this user name, failures from this address) since a moment."""
    counted = tx.execute(_FAILURES, {"user_name": user_name[:120], "address": address, "since": since}).one()
    return int(counted[0]), int(counted[1])


def forget_login_failures(tx: Tx, before: datetime) -> None:
    tx.execute(delete(login_failures).where(login_failures.c.at < before))


def take_lease(tx: Tx, name: str, holder: str, now: datetime, until: datetime) -> bool:
    """True when the lease is ours now: it was free, had run out, or was ours before."""
    upsert(tx, leases, [{"name": name, "holder": "", "until": now}], keep=("holder", "until"))
    mine = update(leases).where(leases.c.name == name, or_(leases.c.holder == holder, leases.c.until <= now))
    return tx.execute(mine.values(holder=holder, until=until)).rowcount == 1


def drop_lease(tx: Tx, name: str, holder: str) -> None:
    tx.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))


def lease_until(tx: Tx, name: str) -> datetime | None:
    return tx.execute(_LEASE_UNTIL, {"lease": name}).scalar_one_or_none()


_LEASE_UNTIL = select(leases.c.until).where(leases.c.name == bindparam("lease"))
