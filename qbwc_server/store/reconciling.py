"""The ids that a reconcile pass has seen in QuickBooks so far, against what is stored."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, delete, exists, func, select, update

from qbwc_server.store.database import Tx
from qbwc_server.store.memory import memory_of
from qbwc_server.store.rows import StoredRecord, many
from qbwc_server.store.tables import key_checks, links, records
from qbwc_server.store.writing import upsert

CHUNK = 400


class Stamp(NamedTuple):
    """What a stored record says of its state: its version, its wall time of change, whether it is gone."""

    version: str
    modified: str
    deleted: bool


def begin(tx: Tx, company_id: str, kind: str) -> None:
    """A pass starts: what an earlier one saw does not count."""
    tx.execute(delete(key_checks).where(*_pass(company_id, kind)))


def note_seen(tx: Tx, company_id: str, kind: str, ids: Sequence[str]) -> None:
    place = {"company_id": company_id, "kind": kind}
    upsert(tx, key_checks, [place | {"record_id": one} for one in ids])


def stamps(tx: Tx, company_id: str, kind: str, ids: Sequence[str]) -> dict[str, Stamp]:
    found: dict[str, Stamp] = {}
    query = select(records.c.id, records.c.version, records.c.modified, records.c.deleted)
    for start in range(0, len(ids), CHUNK):
        some = records.c.id.in_(ids[start : start + CHUNK])
        found |= {row[0]: Stamp(*row[1:]) for row in tx.execute(query.where(_books(company_id, kind), some))}
    return found


def unseen(tx: Tx, company_id: str, kind: str, before: datetime, limit: int) -> list[StoredRecord]:
    """Living records of a kind, stored before the pass began, whose id it did not see."""
    query = select(records).where(*_unseen(company_id, kind, before)).order_by(records.c.id).limit(limit)
    return many(StoredRecord, tx.execute(query).all())


def count_unseen(tx: Tx, company_id: str, kind: str, before: datetime) -> int:
    query = select(func.count()).select_from(records).where(*_unseen(company_id, kind, before))
    return int(tx.execute(query).scalar_one())


def _unseen(company_id: str, kind: str, before: datetime) -> tuple[ColumnElement[bool], ...]:
    seen = exists().where(*_pass(company_id, kind), key_checks.c.record_id == records.c.id)
    return _books(company_id, kind), ~records.c.deleted, records.c.seen_at < before, ~seen


def forget_bases(tx: Tx, connection_id: str, now: datetime) -> int:
    """What the sides agreed on is unknown again; how many links."""
    if (memory := memory_of(tx)) is not None:
        memory.forget_links()
    query = update(links).where(links.c.connection_id == connection_id, links.c.unlinked_at.is_(None))
    return tx.execute(query.values(base_crm=None, base_books=None, changed_at=now)).rowcount


def _pass(company_id: str, kind: str) -> tuple[ColumnElement[bool], ...]:
    return key_checks.c.company_id == company_id, key_checks.c.kind == kind


def _books(company_id: str, kind: str) -> ColumnElement[bool]:
    return and_(records.c.scope_id == company_id, records.c.side == "books", records.c.kind == kind)
