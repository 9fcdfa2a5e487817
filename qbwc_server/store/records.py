"""Records of both sides, the keys they are matched by, what still waits for a decision, and the watermarks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    column,
    delete,
    func,
    select,
    true,
    update,
)

from qbwc_server.store.columns import Canonical
from qbwc_server.store.database import Tx
from qbwc_server.store.memory import DECIDED, DECIDED_KEY, memory_of
from qbwc_server.store.rows import StoredRecord, many, one
from qbwc_server.store.tables import record_keys, records, undecided, watermarks
from qbwc_server.store.writing import insert_many, upsert

CHUNK = 400


def record(tx: Tx, scope_id: str, side: str, kind: str, record_id: str) -> StoredRecord | None:
    place, memory = (scope_id, side, kind, record_id), memory_of(tx)
    if memory is not None and place in memory.records:
        return memory.records[place]
    query = select(records).where(_of_kind(scope_id, side, kind), records.c.id == record_id)
    found = one(StoredRecord, tx.execute(query).first())
    if memory is not None:
        memory.records[place] = found
    return found


def known(tx: Tx, scope_id: str, side: str, kind: str, ids: Sequence[str]) -> dict[str, StoredRecord]:
    found: dict[str, StoredRecord] = {}
    for start in range(0, len(ids), CHUNK):
        query = select(records).where(
            _of_kind(scope_id, side, kind), records.c.id.in_(ids[start : start + CHUNK])
        )
        found |= {row.id: row for row in many(StoredRecord, tx.execute(query).all())}
    return found


def living(tx: Tx, scope_id: str, side: str, kind: str) -> list[StoredRecord]:
    query = select(records).where(_of_kind(scope_id, side, kind), ~records.c.deleted)
    return many(StoredRecord, tx.execute(query).all())


def count(tx: Tx, scope_id: str, side: str, kind: str) -> int:
    query = select(func.count()).select_from(records)
    return int(tx.execute(query.where(_of_kind(scope_id, side, kind), ~records.c.deleted)).scalar_one())


def hashes(tx: Tx, scope_id: str, side: str, kind: str, ids: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """(content hash, deleted) of those of the records that are stored."""
    found: dict[str, tuple[str, bool]] = {}
    for start in range(0, len(ids), CHUNK):
        some = list(ids[start : start + CHUNK])
        query = _each_of(some) if tx.dialect.name == "postgresql" else _HASHES.where(records.c.id.in_(some))
        place = {"scope_id": scope_id, "side": side, "kind": kind}
        found |= {row[0]: (row[1], row[2]) for row in tx.execute(query, place)}
    return found


_HASHES = select(records.c.id, records.c.content_hash, records.c.deleted).where(
    records.c.scope_id == bindparam("scope_id"),
    records.c.side == bindparam("side"),
    records.c.kind == bindparam("kind"),
)


def _each_of(ids: list[str]) -> Select[tuple[str, str, bool]]:
    """One look into the primary key for each id.

    Within the transaction of a first read the table has no statistics, and PostgreSQL would walk all records of
    the kind for each batch if it were asked with IN.
    """
    asked = func.unnest(cast(ids, ARRAY(Text))).table_valued(column("id", Text)).render_derived("asked")
    one = _HASHES.where(records.c.id == asked.c.id).limit(1).lateral()
    return select(one.c.id, one.c.content_hash, one.c.deleted).select_from(asked.join(one, true()))


def save(
    tx: Tx,
    rows: Sequence[StoredRecord],
    keys: Mapping[str, Iterable[tuple[str, str]]],
    *,
    new: Collection[str] = (),
    texts: Mapping[str, Canonical] | None = None,
) -> None:
    """Store records of one scope, side and kind; `keys` gives each id's (key type, normalised key).

    `new` are ids that are certainly not stored yet, `texts` the values of records whose text was made already.
    """
    if not rows:
        return
    first = rows[0]
    if (memory := memory_of(tx)) is not None:
        memory.forget_records((first.scope_id, first.side, first.kind), [row.id for row in rows])
    written = texts or {}
    upsert(tx, records, [row.__dict__ | {"values": written.get(row.id, row.values)} for row in rows])
    place = {"scope_id": first.scope_id, "side": first.side, "kind": first.kind}
    _forget_keys(tx, place, [row.id for row in rows if row.id not in new])
    insert_many(tx, record_keys, _entries(place, keys))


def save_keys(
    tx: Tx, rows: Sequence[StoredRecord], keys: Mapping[str, Iterable[tuple[str, str]]], types: Sequence[str]
) -> None:
    """Other keys of these types for stored records of one scope, side and kind; keys of other types stay."""
    if not rows:
        return
    first = rows[0]
    place = {"scope_id": first.scope_id, "side": first.side, "kind": first.kind}
    if (memory := memory_of(tx)) is not None:
        memory.forget_records((first.scope_id, first.side, first.kind), [])
    _forget_keys(tx, place, [row.id for row in rows], record_keys.c.key_type.in_(types))
    insert_many(tx, record_keys, _entries(place, keys))


def _entries(place: Mapping[str, str], keys: Mapping[str, Iterable[tuple[str, str]]]) -> list[dict[str, str]]:
    return [
        dict(place) | {"key_type": key_type, "key": key, "record_id": record_id}
        for record_id, pairs in keys.items()
        for key_type, key in sorted({(key_type, key[:255]) for key_type, key in pairs})
    ]


def _forget_keys(tx: Tx, place: Mapping[str, str], ids: Sequence[str], *which: ColumnElement[bool]) -> None:
    for start in range(0, len(ids), CHUNK):
        tx.execute(
            delete(record_keys).where(
                *(record_keys.c[name] == value for name, value in place.items()),
                *which,
                record_keys.c.record_id.in_(ids[start : start + CHUNK]),
            )
        )


def holders(tx: Tx, scope_id: str, side: str, kind: str, key_type: str, key: str) -> list[str]:
    """Ids of the living records of a kind that hold this key."""
    place, memory = (scope_id, side, kind, key_type, key[:255]), memory_of(tx)
    if memory is not None and place in memory.holders:
        return memory.holders[place]
    query = select(record_keys.c.record_id).where(
        record_keys.c.scope_id == scope_id,
        record_keys.c.side == side,
        record_keys.c.kind == kind,
        record_keys.c.key_type == key_type,
        record_keys.c.key == key[:255],
    )
    found = list(tx.execute(query.order_by(record_keys.c.record_id)).scalars())
    if memory is not None:
        memory.holders[place] = found
    return found


def holders_of_any(
    tx: Tx, scope_id: str, side: str, kind: str, key_type: str, keys: Sequence[str]
) -> frozenset[str]:
    """Ids of the living records of a kind that hold one of these keys, however many keys they are."""
    found: set[str] = set()
    for start in range(0, len(keys), CHUNK):
        query = select(record_keys.c.record_id).where(
            record_keys.c.scope_id == scope_id,
            record_keys.c.side == side,
            record_keys.c.kind == kind,
            record_keys.c.key_type == key_type,
            record_keys.c.key.in_(keys[start : start + CHUNK]),
        )
        found.update(tx.execute(query).scalars())
    return frozenset(found)


def keys_of_type(
    tx: Tx, scope_id: str, side: str, kind: str, key_type: str, limit: int
) -> list[tuple[str, str]]:
    """(key, record id) pairs of a type, at most `limit`: for pattern suggestions."""
    query = select(record_keys.c.key, record_keys.c.record_id).where(
        record_keys.c.scope_id == scope_id,
        record_keys.c.side == side,
        record_keys.c.kind == kind,
        record_keys.c.key_type == key_type,
    )
    return [(key, record_id) for key, record_id in tx.execute(query.limit(limit))]


def mark_undecided(
    tx: Tx, connection_id: str, side: str, kind: str, ids: Iterable[str], now: datetime
) -> None:
    ids = list(ids)
    if (memory := memory_of(tx)) is not None:
        for record_id in ids:
            memory.turns.pop((connection_id, side, kind, record_id), None)
    place = {"connection_id": connection_id, "side": side, "kind": kind}
    waiting = place | {"since": now, "parked": False, "failed": False}
    upsert(tx, undecided, [waiting | {"record_id": record_id} for record_id in ids], keep=("since",))


def next_undecided(tx: Tx, connection_ids: Sequence[str], limit: int) -> list[tuple[str, str, str, str]]:
    """(connection, side, kind, record id), CRM first so that a promoted record meets its match once."""
    if (memory := memory_of(tx)) is not None:
        memory.flush(tx)
    place = {"connection_ids": list(connection_ids), "most": limit}
    return [(row[0], row[1], row[2], row[3]) for row in tx.execute(_NEXT_UNDECIDED, place)]


_NEXT_UNDECIDED = (
    select(undecided.c.connection_id, undecided.c.side, undecided.c.kind, undecided.c.record_id)
    .where(undecided.c.connection_id.in_(bindparam("connection_ids", expanding=True)), ~undecided.c.parked)
    .order_by(undecided.c.connection_id, undecided.c.side.desc(), undecided.c.kind, undecided.c.record_id)
    .limit(bindparam("most"))
)


def park(
    tx: Tx, connection_id: str, side: str, kind: str, record_id: str, now: datetime, *, failed: bool = False
) -> None:
    """Set a record aside: it cannot be decided before the first reads are complete, or deciding it failed."""
    place = {"connection_id": connection_id, "side": side, "kind": kind, "record_id": record_id}
    row = place | {"since": now, "parked": True, "failed": failed}
    if (memory := memory_of(tx)) is not None:
        memory.turns[connection_id, side, kind, record_id] = row
    else:
        upsert(tx, undecided, [row], keep=("since",))


def release_parked(tx: Tx, connection_id: str) -> None:
    if (memory := memory_of(tx)) is not None:
        memory.flush(tx)
    where = (undecided.c.connection_id == connection_id, undecided.c.parked)
    tx.execute(update(undecided).where(*where).values(parked=False))


def decided(tx: Tx, connection_id: str, side: str, kind: str, record_id: str) -> None:
    """Take a record off the waiting list, unless its turn ended in setting it aside."""
    place, memory = (connection_id, side, kind, record_id), memory_of(tx)
    if memory is None:
        tx.execute(DECIDED, dict(zip(DECIDED_KEY, place, strict=True)))
    elif memory.turns.get(place) is None:
        memory.turns[place] = None


def is_waiting(tx: Tx, connection_id: str, side: str, kind: str, record_id: str) -> bool:
    """Whether a record still has to be decided."""
    if (memory := memory_of(tx)) is not None:
        memory.flush(tx)
    place = (
        undecided.c.connection_id == connection_id,
        undecided.c.side == side,
        undecided.c.kind == kind,
        undecided.c.record_id == record_id,
    )
    return tx.execute(select(undecided.c.since).where(*place, ~undecided.c.parked)).first() is not None


def those_waiting(tx: Tx, connection_id: str, side: str, kind: str, ids: Sequence[str]) -> list[str]:
    """Those of the records that still have to be decided."""
    if (memory := memory_of(tx)) is not None:
        memory.flush(tx)
    found: list[str] = []
    for start in range(0, len(ids), CHUNK):
        query = select(undecided.c.record_id).where(
            undecided.c.connection_id == connection_id,
            undecided.c.side == side,
            undecided.c.kind == kind,
            undecided.c.record_id.in_(ids[start : start + CHUNK]),
            ~undecided.c.parked,
        )
        found += tx.execute(query.order_by(undecided.c.record_id)).scalars()
    return found


def waiting_for_decision(tx: Tx, connection_ids: Sequence[str]) -> int:
    query = select(func.count()).select_from(undecided)
    query = query.where(undecided.c.connection_id.in_(connection_ids), ~undecided.c.parked)
    return int(tx.execute(query).scalar_one())


class Anchor(NamedTuple):
    """The record of the newest change that is known of a kind, and its version then.

    Its stamp is no later than our clock was. `replaced` is the version of before, where it was ours to replace; "0"
    where we made the record.
    """

    id: str = ""
    stamp: str = ""
    version: str = ""
    replaced: str = ""


NO_ANCHOR: Final = Anchor()


class Mark(NamedTuple):
    """A watermark: how far a kind was read, whether its first read is complete, when that was said, and its anchor."""

    value: str | None
    complete: bool
    moved_at: datetime
    anchor: Anchor = NO_ANCHOR


def all_watermarks(tx: Tx, scope_id: str, side: str) -> dict[str, Mark]:
    """Every watermark of a side, by kind."""
    rows = tx.execute(_ALL_WATERMARKS, {"scope_id": scope_id, "side": side})
    return {row[0]: Mark(row[1], bool(row[2]), row[3], Anchor(*row[4:])) for row in rows}


_ALL_WATERMARKS = select(
    *(watermarks.c.kind, watermarks.c.value),
    *(watermarks.c.complete, watermarks.c.moved_at),
    *(watermarks.c.anchor, watermarks.c.anchor_stamp),
    *(watermarks.c.anchor_version, watermarks.c.anchor_replaced),
).where(watermarks.c.scope_id == bindparam("scope_id"), watermarks.c.side == bindparam("side"))


def watermark(tx: Tx, scope_id: str, side: str, kind: str) -> tuple[str | None, bool]:
    """(how far this kind was read, whether its first read is complete)."""
    memory = memory_of(tx)
    marks = None if memory is None else memory.marks.get((scope_id, side))
    if marks is None:
        marks = all_watermarks(tx, scope_id, side)
        if memory is not None:
            memory.marks[scope_id, side] = marks
    mark = marks.get(kind)
    return (None, False) if mark is None else (mark.value, mark.complete)


def move_watermark(  # noqa: PLR0913 - a row and its key
    tx: Tx,
    scope_id: str,
    side: str,
    kind: str,
    value: str | None,
    now: datetime,
    *,
    complete: bool,
    anchor: Anchor = NO_ANCHOR,
) -> None:
    """Only in the transaction that stored the last of the work it covers."""
    if (memory := memory_of(tx)) is not None:
        memory.marks.clear()
    place = {"scope_id": scope_id, "side": side, "kind": kind}
    moved = {"value": value, "complete": complete, "moved_at": now}
    upsert(tx, watermarks, [place | moved | _columns(anchor)])


def _columns(anchor: Anchor) -> dict[str, str]:
    names = ("anchor", "anchor_stamp", "anchor_version", "anchor_replaced")
    return dict(zip(names, anchor, strict=True))


def move_anchor(tx: Tx, scope_id: str, side: str, kind: str, anchor: Anchor) -> None:
    """The newest change that is known is another one; how far was read stays."""
    if (memory := memory_of(tx)) is not None:
        memory.marks.clear()
    place = (watermarks.c.scope_id == scope_id, watermarks.c.side == side, watermarks.c.kind == kind)
    tx.execute(update(watermarks).where(*place).values(_columns(anchor)))


def _of_kind(scope_id: str, side: str, kind: str) -> ColumnElement[bool]:
    return and_(records.c.scope_id == scope_id, records.c.side == side, records.c.kind == kind)
