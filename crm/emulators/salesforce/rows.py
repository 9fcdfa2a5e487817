"""The organisation's rows: what is committed, what an open transaction still hides, and the way back."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from .schema import Field, Schema, SObject, Value, Values

# References that nobody follows backwards: owners and authors, and fields that are none.
_NOT_FOLLOWED = ("", "User")


@dataclass(frozen=True)
class Row:
    object: str
    id: str
    values: Values
    # Set while the row is in the Recycle Bin; `purged` once it left the bin too.
    deleted_at: datetime | None = None
    purged: bool = False

    @property
    def live(self) -> bool:
        return self.deleted_at is None

    @property
    def stamp(self) -> datetime:
        return self.time("SystemModstamp")

    def time(self, name: str) -> datetime:
        value = self.values[name]
        if not isinstance(value, datetime):
            raise TypeError(f"{name} of {self.id} is not a time")
        return value


@dataclass(frozen=True)
class Change:
    """One row before and after one write. `verb` is create, update or delete."""

    verb: str
    before: Row | None
    after: Row


@dataclass
class OpenTransaction:
    """Somebody's writes that are stamped but not yet visible; `due` None waits to be told."""

    started: datetime
    changes: list[Change]
    due: datetime | None = None


@dataclass
class Rows:
    """Rows by object and id, an index over external ids and references, an undo list for the request at hand."""

    schema: Schema
    open: list[OpenTransaction] = field(default_factory=list)
    _tables: dict[str, dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))
    _index: dict[tuple[str, str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    _journal: list[Change] = field(default_factory=list)
    _made: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def next_number(self, object_name: str) -> int:
        """Numbers of new ids; never given twice, also not after an undo."""
        self._made[object_name] += 1
        return self._made[object_name]

    def find(self, row_id: str) -> Row | None:
        item = self.schema.of_id(row_id)
        return self._tables[item.name].get(row_id) if item else None

    def every(self, object_name: str) -> Iterator[Row]:
        """All rows of an object in the order of their creation, those in the bin too, purged ones not."""
        return (row for row in tuple(self._tables[object_name].values()) if not row.purged)

    def graves(self, object_name: str) -> Iterator[Row]:
        return (row for row in self._tables[object_name].values() if not row.live)

    def holding(self, item: SObject, key: Field, value: Value) -> list[Row]:
        """Live rows whose external id field has this value, or whose reference points there; oldest first."""
        ids = self._index.get((item.name, key.name, folded(key, value)), set())
        return [self._tables[item.name][row_id] for row_id in sorted(ids)]

    def pointing(self, object_name: str, field_name: str, row_id: Value) -> list[Row]:
        """Live rows of an object that refer to a row by this field."""
        item = self.schema.find(object_name)
        way = item.field(field_name) if item else None
        return self.holding(item, way, row_id) if item and way and row_id is not None else []

    def locked(self, item: SObject, row_id: str | None, values: Values) -> str | None:
        """The id of a row of an open transaction that a write of these values would have to wait for."""
        keys = [key for key in item.fields if key.unique and values.get(key.name) is not None]
        for change in (change for transaction in self.open for change in transaction.changes):
            if change.after.id == row_id or (
                change.after.object == item.name and _same_key(keys, change.after.values, values)
            ):
                return change.after.id
        return None

    def put(self, change: Change) -> None:
        self._place(change.before, change.after)
        self._journal.append(change)

    def mark(self) -> int:
        """A place in the undo list to come back to."""
        return len(self._journal)

    def undo(self, mark: int = 0) -> None:
        while len(self._journal) > mark:
            change = self._journal.pop()
            self._place(change.after, change.before)

    def commit(self) -> list[Change]:
        """Keep everything since the last commit and hand it out for counting and saving."""
        done, self._journal = self._journal, []
        return done

    def hold(self, started: datetime, due: datetime | None) -> OpenTransaction | None:
        """Take everything since the last commit out of sight again, as an open transaction."""
        changes = list(self._journal)
        self.undo()
        if not changes:
            return None
        self.open.append(OpenTransaction(started, changes, due))
        return self.open[-1]

    def release(self, transaction: OpenTransaction) -> None:
        self.open.remove(transaction)
        for change in transaction.changes:
            self.put(change)

    def release_due(self, now: datetime) -> None:
        for transaction in [held for held in self.open if held.due is not None and held.due <= now]:
            self.release(transaction)

    def load(self, rows: Iterable[Row], made: dict[str, int]) -> None:
        """Rows of an earlier run; nothing of it counts as a write."""
        for row in rows:
            self._place(None, row)
        self._made.update(made)

    def made(self) -> dict[str, int]:
        return dict(self._made)

    def clear(self) -> None:
        for table in (self._tables, self._index, self._journal, self.open):
            table.clear()

    def _place(self, before: Row | None, after: Row | None) -> None:
        if before is not None:
            self._unlist(before)
        if after is not None:
            self._tables[after.object][after.id] = after
            self._list(after)
        elif before is not None:
            del self._tables[before.object][before.id]

    def _list(self, row: Row) -> None:
        for entry in self._entries(row):
            self._index[entry].add(row.id)

    def _unlist(self, row: Row) -> None:
        for entry in self._entries(row):
            self._index[entry].discard(row.id)

    def _entries(self, row: Row) -> Iterator[tuple[str, str, str]]:
        item = self.schema.find(row.object)
        for key in item.fields if item and row.live else ():
            value = row.values.get(key.name)
            if value is not None and (key.external_id or key.reference_to not in _NOT_FOLLOWED):
                yield row.object, key.name, folded(key, value)


def folded(key: Field, value: Value) -> str:
    """How an index compares a value: without case unless the field says otherwise."""
    return str(value) if key.case_sensitive else str(value).casefold()


def _same_key(keys: list[Field], one: Values, other: Values) -> bool:
    return any(
        one.get(key.name) is not None and folded(key, one[key.name]) == folded(key, other[key.name])
        for key in keys
    )
