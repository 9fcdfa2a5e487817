"""Many records put straight into a database: half of them customers of QuickBooks, half accounts of the CRM.

Written in the order of the keys and without the product's own upsert, so that a million take seconds. Both sides
were read to the end, so that a visit over them is an idle one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Table
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex

from qbwc_server.store import records
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.tables import record_keys
from qbwc_server.store.tables import records as records_table
from tests.bench.customers import edit_sequence, email, list_id, modified, name_of, phone
from tests.rows import COMPANY, ORGANISATION

SEEN = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
CHUNK = 20_000
Row = tuple[Any, ...]


def fill(database: Database, count: int) -> None:
    """So many records of the company, with their keys, as if both sides had been read to the end."""
    each = max(1, count // 2)
    with _hasty(database), database.write() as tx:
        seen = records_table.c.seen_at.type.bind_processor(tx.dialect)
        moment = seen(SEEN) if seen else SEEN
        with _without_indexes(tx):
            _write(tx, records_table, _records(each, moment))
            _write(tx, record_keys, _keys(each))
        for scope, side, kind in (
            (COMPANY.id, "books", "Customer"),
            (ORGANISATION.id, "crm", "account"),
            (ORGANISATION.id, "crm", "contact"),
        ):
            newest = f"{modified(each):%Y-%m-%dT%H:%M:%S}" if side == "books" else SEEN.isoformat()
            records.move_watermark(tx, scope, side, kind, newest, SEEN, complete=True)
    _analyze(database)


def _records(each: int, moment: Any) -> Iterator[Row]:
    for number in range(each):
        stamp = modified(number).isoformat()
        place = (COMPANY.id, "books", "Customer", list_id(number), edit_sequence(number))
        yield (*place, f"{number:032x}", _customer(number, stamp), stamp, False, moment)
    for number in range(each):
        stamp = f"{modified(number).isoformat()}+00:00"
        place = (ORGANISATION.id, "crm", "account", account_id(number), stamp)
        yield (*place, f"{number:032x}", _account(number), stamp, False, moment)


def _keys(each: int) -> Iterator[Row]:
    """In the order of the primary key: side, kind, type, key."""
    for scope, side, kind, id_of in (
        (COMPANY.id, "books", "Customer", list_id),
        (ORGANISATION.id, "crm", "account", account_id),
    ):
        place = (scope, side, kind)
        for number in range(each):
            yield (*place, "id", list_id(number), id_of(number))
        for number in range(each):
            yield (*place, "name", " ".join(name_of(number).casefold().split()), id_of(number))


def account_id(number: int) -> str:
    return f"001Hs{number:010}AAA"


def _customer(number: int, stamp: str) -> str:
    """A customer's main fields as the store writes them, by hand: a million json.dumps take half a minute."""
    name = name_of(number)
    return (
        f'{{"Balance":{{"$decimal":"0.00"}},"CompanyName":"{name}","EditSequence":"{edit_sequence(number)}",'
        f'"Email":"{email(number)}","FullName":"{name}","IsActive":true,"ListID":"{list_id(number)}",'
        f'"Name":"{name}","Phone":"{phone(number)}","Sublevel":0,"TimeModified":"{stamp}"}}'
    )


def _account(number: int) -> str:
    return (
        f'{{"BillingCity":"Bayshore","Name":"{name_of(number)}","Phone":"{phone(number)}",'
        f'"QB_ListID__c":"{list_id(number)}"}}'
    )


# --- writing many rows, each database in its own quick way ---


@contextmanager
def _without_indexes(tx: Tx) -> Iterator[None]:
    """PostgreSQL sorts an index faster than it grows one; SQLite cannot give up a primary key."""
    if tx.dialect.name != "postgresql":
        yield
        return
    tables = (records_table, record_keys)
    for table in tables:
        tx.execute(DropConstraint(table.primary_key))
        for index in table.indexes:
            tx.execute(DropIndex(index))
    yield
    for table in tables:
        tx.execute(AddConstraint(table.primary_key))
        for index in table.indexes:
            tx.execute(CreateIndex(index))


def _write(tx: Tx, table: Table, rows: Iterable[Row]) -> None:
    names = [column.name for column in table.columns]
    quoted = ", ".join(f'"{name}"' for name in names)
    chunks = iter(rows)
    while chunk := list(islice(chunks, CHUNK)):
        _WRITERS[tx.dialect.name](tx, table.name, quoted, chunk)


@contextmanager
def _hasty(database: Database) -> Iterator[None]:
    """SQLite without its log, or every page would be written twice; nothing is lost that could not be filled again."""
    if database.engine.dialect.name != "sqlite":
        yield
        return
    _pragmas(database, "synchronous=OFF", "journal_mode=MEMORY", "cache_size=-200000")
    yield
    _pragmas(database, "cache_size=-2000", "journal_mode=WAL", "synchronous=FULL")


def _pragmas(database: Database, *pragmas: str) -> None:
    with database.engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        for one in pragmas:
            raw.execute(f"PRAGMA {one}")


def _copy(tx: Tx, table: str, columns: str, rows: Sequence[Row]) -> None:
    """COPY's own text format; no value here has a character that it would want escaped."""
    raw: Any = tx.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        copy.write("".join(["\t".join(map(str, row)) + "\n" for row in rows]))


def _insert(tx: Tx, table: str, columns: str, rows: Sequence[Row]) -> None:
    raw: Any = tx.connection.driver_connection
    marks = ", ".join("?" * len(rows[0]))
    raw.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


_WRITERS = {"postgresql": _copy, "sqlite": _insert}


def _analyze(database: Database) -> None:
    """What the database does by itself sooner or later: statistics, and on PostgreSQL visibility."""
    with database.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            outside = connection.execution_options(isolation_level="AUTOCOMMIT")
            outside.exec_driver_sql(f"VACUUM ANALYZE {records_table.name}")
            outside.exec_driver_sql(f"VACUUM ANALYZE {record_keys.name}")
