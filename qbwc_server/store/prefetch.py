"""What many records will be asked about, read with one statement for all of them into the memory of the transaction.

Nothing here is needed for an answer to be right: what was not fetched is asked for when it is looked up.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Table,
    Text,
    bindparam,
    column,
    func,
    select,
    true,
)

from qbwc_server.store import jobs
from qbwc_server.store.database import Tx
from qbwc_server.store.memory import Memory, memory_of
from qbwc_server.store.rows import Link, LinkJob, StoredRecord
from qbwc_server.store.tables import (
    OPEN_STATES,
    conflicts,
    contributors,
    decisions,
    job_waits,
    link_jobs,
    links,
    record_keys,
    records,
)

CHUNK = 400
WANTED: Final = "wanted"


def _memory(tx: Tx) -> Memory:
    found = memory_of(tx)
    assert found is not None, "there is nothing to keep it in: see memory.remembering"
    return found


def the_records(tx: Tx, scope_id: str, side: str, kind: str, ids: Iterable[str]) -> list[StoredRecord]:
    """Records by id; those that are stored are returned."""
    known = _memory(tx).records
    asked = [one for one in dict.fromkeys(ids) if (scope_id, side, kind, one) not in known]
    rows = _rows(tx, records, {"scope_id": scope_id, "side": side, "kind": kind}, "id", asked)
    found = {row["id"]: StoredRecord(**row) for row in rows}
    for one in asked:
        known[scope_id, side, kind, one] = found.get(one)
    return list(found.values())


def links_naming(tx: Tx, connection_id: str, side: str, ids: Iterable[str]) -> list[Link]:
    """Every link that names one of the records, with all that hangs on it."""
    memory = _memory(tx)
    asked = [one for one in dict.fromkeys(ids) if (connection_id, side, one) not in memory.naming]
    name = "crm_id" if side == "crm" else "books_id"
    found: dict[str, list[Link]] = {one: [] for one in asked}
    for row in _rows(tx, links, {"connection_id": connection_id}, name, asked):
        found[row[name]].append(Link(**row))
    memory.see_naming(connection_id, side, found)
    made = [one for some in found.values() for one in some]
    below_links(tx, connection_id, [one.id for one in made])
    return made


def the_links(tx: Tx, connection_id: str, ids: Iterable[str]) -> list[Link]:
    """Links by id, with all that hangs on them."""
    memory = _memory(tx)
    asked = [one for one in dict.fromkeys(ids) if (connection_id, one) not in memory.links]
    found = [Link(**row) for row in _rows(tx, links, {"connection_id": connection_id}, "id", asked)]
    memory.see_links(found)
    below_links(tx, connection_id, [one.id for one in found])
    return found


def the_jobs(tx: Tx, ids: Sequence[str]) -> list[LinkJob]:
    """Jobs by id, in the order of their ids."""
    found = {one.id: one for one in jobs.jobs_in(tx, ids)}
    return [found[one] for one in ids if one in found]


def below_links(tx: Tx, connection_id: str, link_ids: Collection[str]) -> None:
    """Open jobs, conflicts, contributors, and what was said last, of each of these links."""
    memory, place = _memory(tx), {"connection_id": connection_id}
    asked = [one for one in dict.fromkeys(link_ids) if (connection_id, one) not in memory.open_jobs]
    if not asked:
        return
    some = [
        LinkJob(**row) for row in _rows(tx, link_jobs, place, "link_id", asked) if row["state"] in OPEN_STATES
    ]
    memory.see_open_jobs(connection_id, asked, some)
    for one in asked:
        key = connection_id, one
        memory.conflicts[key], memory.contributors[key] = {}, {}
    for row in _rows(tx, conflicts, place, "link_id", asked):
        memory.conflicts[connection_id, row["link_id"]][row["field"]] = row
    for row in _rows(tx, contributors, place, "link_id", asked):
        memory.contributors[connection_id, row["link_id"]][row["name"]] = (row["kind"], row["record_id"])
    _last_said(tx, memory, connection_id, asked)


def waits(tx: Tx, connection_id: str, side: str, ids: Iterable[str]) -> None:
    """Who waits until one of these records has a partner."""
    known = _memory(tx).waits
    asked = [one for one in dict.fromkeys(ids) if (connection_id, side, one) not in known]
    for one in asked:
        known[connection_id, side, one] = []
    for row in _rows(tx, job_waits, {"connection_id": connection_id, "side": side}, "record_id", asked):
        known[connection_id, side, row["record_id"]].append((row["role"], row["job_id"]))


def _last_said(tx: Tx, memory: Memory, connection_id: str, link_ids: Sequence[str]) -> None:
    for one in link_ids:
        memory.said_fields[connection_id, one] = []
    for some in _chunks(link_ids):
        mine = (decisions.c.connection_id == connection_id, decisions.c.link_id.in_(some))
        last = select(func.max(decisions.c.number)).where(*mine).group_by(decisions.c.link_id)
        query = select(decisions.c.link_id, decisions.c.fields).where(decisions.c.number.in_(last))
        for link_id, fields in tx.execute(query):
            memory.said_fields[connection_id, link_id] = list(fields or [])


def contributions(tx: Tx, connection_id: str, kind: str, ids: Sequence[str]) -> None:
    """To which links the records contribute, with these links."""
    memory = _memory(tx)
    asked = [one for one in dict.fromkeys(ids) if (connection_id, kind, one) not in memory.contributing]
    found = defaultdict[str, list[str]](list)
    for row in _rows(tx, contributors, {"connection_id": connection_id, "kind": kind}, "record_id", asked):
        found[row["record_id"]].append(row["link_id"])
    for one in asked:
        memory.contributing[connection_id, kind, one] = found[one]
    the_links(tx, connection_id, [one for some in found.values() for one in some])


def holders(tx: Tx, scope_id: str, side: str, kind: str, key_type: str, keys: Iterable[str]) -> list[str]:
    """Who holds these keys; the ids."""
    memory, place = _memory(tx), (scope_id, side, kind, key_type)
    asked = [one for one in dict.fromkeys(key[:255] for key in keys) if (*place, one) not in memory.holders]
    found: dict[str, list[str]] = {one: [] for one in asked}
    names = dict(zip(("scope_id", "side", "kind", "key_type"), place, strict=True))
    for row in _rows(tx, record_keys, names, "key", asked):
        found[row["key"]].append(row["record_id"])
    for key, ids in found.items():
        memory.holders[*place, key] = sorted(ids)
    return [one for ids in found.values() for one in ids]


def _rows(
    tx: Tx, table: Table, place: dict[str, str], name: str, wanted: Sequence[str]
) -> Iterable[dict[str, Any]]:
    query = _looking_up(table, tuple(place), name, tx.dialect.name)
    for some in _chunks(wanted):
        for row in tx.execute(query, {**place, WANTED: some}):
            yield dict(row._mapping)


@cache
def _looking_up(table: Table, place: tuple[str, ...], name: str, dialect: str) -> Select[Any]:
    """Made once for each question: to put the same statement together anew costs more than to ask it."""
    if dialect == "postgresql":
        return _each_of(table, place, name)
    return select(table).where(*_at(table, place), table.c[name].in_(bindparam(WANTED, expanding=True)))


def _each_of(table: Table, place: tuple[str, ...], name: str) -> Select[Any]:
    """One look into an index for each: without statistics, as in a new database, PostgreSQL would answer IN by reading
    all that is of the same owner. The offset keeps it from turning the looks into a join."""
    several: ARRAY[str] = ARRAY(Text)
    wanted = bindparam(WANTED, type_=several)
    asked = func.unnest(wanted).table_valued(column("id", Text)).render_derived("asked")
    found = select(table).where(*_at(table, place), table.c[name] == asked.c.id).offset(0).lateral()
    return select(found).select_from(asked.join(found, true()))


def _at(table: Table, place: tuple[str, ...]) -> list[ColumnElement[bool]]:
    return [table.c[one] == bindparam(one) for one in place]


def _chunks(ids: Sequence[str]) -> Iterable[list[str]]:
    for start in range(0, len(ids), CHUNK):
        yield list(ids[start : start + CHUNK])
