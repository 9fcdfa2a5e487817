"""Rows kept in a SQLite file, so that an emulator can be stopped and started again with its records."""

import sqlite3
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from crm.emulators import exact_json

from .rows import Row
from .schema import Field, Schema, Value
from .times import parse_stamp, wire
from .values import TYPES, show

_TABLES = """
create table if not exists row (
    id text primary key, object text not null, body text not null, deleted_at text, purged integer not null
);
create table if not exists made (object text primary key, number integer not null);
"""


class StateFile:
    """Every committed row, written through. Without a path it forgets everything it is given."""

    def __init__(self, path: Path | None) -> None:
        self._database: sqlite3.Connection | None = None
        if path is not None:
            self._database = sqlite3.connect(path, check_same_thread=False)
            self._database.executescript(_TABLES)

    def load(self, schema: Schema) -> tuple[list[Row], dict[str, int]]:
        if self._database is None:
            return [], {}
        rows = self._database.execute("select object, id, body, deleted_at, purged from row order by rowid")
        made = self._database.execute("select object, number from made")
        return [_row(schema, *columns) for columns in rows], dict(made)

    def save(self, rows: Iterable[Row], made: Mapping[str, int]) -> None:
        if self._database is None:
            return
        with self._database:
            self._database.executemany(
                "insert into row values (?, ?, ?, ?, ?) on conflict (id) do update set "
                "body = excluded.body, deleted_at = excluded.deleted_at, purged = excluded.purged",
                [_columns(row) for row in rows],
            )
            self._database.executemany("insert or replace into made values (?, ?)", made.items())

    def clear(self) -> None:
        if self._database is not None:
            with self._database:
                self._database.executescript("delete from row; delete from made;")

    def close(self) -> None:
        if self._database is not None:
            self._database.close()


def _columns(row: Row) -> tuple[str, str, str, str | None, bool]:
    body = exact_json.dumps({name: show(value) for name, value in row.values.items()})
    gone = wire(row.deleted_at) if row.deleted_at else None
    return row.id, row.object, body, gone, row.purged


def _row(schema: Schema, name: str, row_id: str, body: str, gone: str | None, purged: int) -> Row:
    item = schema.find(name)
    known = {field.name: field for field in item.fields} if item else {}
    values = {key: _value(known[key], kept) for key, kept in exact_json.loads(body).items() if key in known}
    return Row(name, row_id, values, parse_stamp(gone) if gone else None, bool(purged))


def _value(field: Field, kept: object) -> Value:
    if kept is None or isinstance(kept, bool):
        return kept
    if TYPES[field.type].literal == "string":
        return str(kept)
    number = Decimal(kept) if field.type == "currency" and isinstance(kept, int) else kept
    return TYPES[field.type].accept(field, number)
