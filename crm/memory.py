"""A CRM in memory: the definition of a correct gateway, and the CRM of fast tests.

Its semantics are real: versions move with each write, a wrong version is Stale, unique keys are unique,
deletions leave tombstones, late rows are never skipped. Kinds given with fields are checked like a CRM
would; kinds without accept anything. Methods named `user_*` act as somebody working in the CRM.
"""

# ruff: noqa: A002  (`id` is the word of every CRM)

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from crm.errors import (
    CrmError,
    Duplicate,
    LimitedUntil,
    LoginFailed,
    Misconfigured,
    Missing,
    Rejected,
    Stale,
    Unavailable,
)
from crm.port import (
    LINES,
    NO_VALUES,
    Capabilities,
    Check,
    FieldInfo,
    Line,
    Outcome,
    Page,
    Pass,
    Record,
    Value,
    Values,
    Write,
    Written,
)

# What stands in the way of every further write.
STOPS = (Unavailable, LimitedUntil, LoginFailed)

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _Row:
    record: Record
    # Position in the log of changes: given when the change is made, not when it becomes visible.
    change: int


class MemoryGateway:
    """Holds everything in dictionaries.

    `clock` gives the stamps of changes; by default the first is 2026-01-01 00:00:01 UTC and each change is
    one second later. `writes` counts creates and updates made through the port, not those of users; `calls` the
    calls that carried them. A kind with lines has fields named "lines.NAME"; users give and replace whole lists of
    lines, those without an "Id" are new.
    """

    def __init__(
        self,
        fields: Mapping[str, Sequence[FieldInfo]] | None = None,
        *,
        page_size: int = 200,
        capabilities: Capabilities | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.capabilities = capabilities or Capabilities(writes_at_once=200)
        self.writes = 0
        self.calls = 0
        self._lock = threading.RLock()
        self._fields = {kind: {each.name: each for each in known} for kind, known in (fields or {}).items()}
        self._page_size = page_size
        self._clock = clock
        self._rows: dict[tuple[str, str], _Row] = {}
        self._late: list[_Row] = []
        self._changes = 0
        self._purged = 0
        self._failures: list[tuple[CrmError, bool]] = []

    # The port

    def check(self) -> Check:
        return Check(ok=True, user="memory", text="The CRM in memory is ready.")

    def describe(self, kind: str) -> tuple[FieldInfo, ...]:
        return tuple(self._fields.get(kind, {}).values())

    def prepare(self, passes: Sequence[Pass]) -> None:
        """Nothing is nearer than memory."""

    def changed_since(self, kind: str, fields: Sequence[str], watermark: str | None) -> Iterator[Page]:
        self._know(kind, fields)
        since = 0 if watermark is None else int(watermark)
        purged = watermark is not None and since < self._purged
        complete = watermark is None or purged
        # What is written but not yet visible holds the watermark back.
        reached = min([self._changes, *(row.change - 1 for row in self._late)])
        tombstones = self.capabilities.deletions and not complete
        rows = [
            row
            for row in self._of(kind)
            if (complete or row.change > since) and (tombstones or not row.record.deleted)
        ]
        records = [_cut(row.record, fields) for row in rows]
        while len(records) > self._page_size:
            yield Page(tuple(records[: self._page_size]), None)
            del records[: self._page_size]
        note = "Deletions since the last read were purged; everything was read again." if purged else ""
        yield Page(tuple(records), str(reached), complete=complete, note=note)

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> tuple[Record, ...]:
        self._know(kind, fields)
        gone = Record(kind, "", "", START, NO_VALUES, deleted=True)
        found = [(each, self._rows.get((kind, each))) for each in ids]
        return tuple(_cut(row.record, fields) if row else replace(gone, id=each) for each, row in found)

    def find(self, kind: str, field: str, value: Value, fields: Sequence[str]) -> tuple[Record, ...]:
        self._know(kind, [field, *fields])
        wanted = _folded(value)
        return tuple(
            _cut(record, fields) for record in self.rows(kind) if _folded(record.values.get(field)) == wanted
        )

    def create(self, kind: str, values: Values, key: tuple[str, str] | None) -> Written:
        self.calls += 1
        return self._create(kind, values, key)

    def update(self, kind: str, id: str, values: Values, if_version: str | None) -> Written:
        self.calls += 1
        return self._update(kind, id, values, if_version)

    def write_many(
        self, kind: str, writes: Sequence[Write], fields: Sequence[str] = ()
    ) -> tuple[Outcome, ...]:
        self._know(kind, fields)
        self.calls += -(-len(writes) // self.capabilities.writes_at_once)
        outcomes: list[Outcome] = []
        stop: CrmError | None = None
        for write in writes:
            outcomes.append(stop or self._outcome(kind, write, fields))
            stop = next((each for each in outcomes[-1:] if isinstance(each, STOPS)), None)
        return tuple(outcomes)

    def _outcome(self, kind: str, write: Write, fields: Sequence[str]) -> Outcome:
        try:
            if write.id is None:
                written = self._create(kind, write.values, write.key)
            else:
                written = self._update(kind, write.id, write.values, write.if_version)
        except CrmError as error:
            return error
        return replace(written, record=_cut(self.record(kind, written.id), fields)) if fields else written

    def _create(self, kind: str, values: Values, key: tuple[str, str] | None) -> Written:
        with self._lock:
            self._fail(after=False)
            holders = self._holders(kind, key) if key else ()
            values = {**values, **dict([key] if key else [])}
            if LINES in values:
                raise Rejected("Lines can be changed, not made; leave them out.", fields=(LINES,))
            if holders:
                written = self._store(kind, holders[0].id, values)
            else:
                self._require(kind, values)
                written = self._store(kind, f"{kind}-{self._changes + 1}", values)
            return self._answer(replace(written, created=not holders))

    def _update(self, kind: str, id: str, values: Values, if_version: str | None) -> Written:
        with self._lock:
            self._fail(after=False)
            current = self.record(kind, id)
            if if_version not in (None, current.version):
                raise Stale(f"{kind} {id} changed since it was read; read it again.", record=id)
            return self._answer(self._store(kind, id, values))

    def close(self) -> None:
        """Nothing is open."""

    # What tests look at and do

    def record(self, kind: str, id: str) -> Record:
        """The live record with all its values; raises Missing."""
        row = self._rows.get((kind, id))
        if row is None or row.record.deleted:
            raise Missing(f"There is no {kind} {id}; it may have been deleted.", record=id)
        return row.record

    def rows(self, kind: str) -> tuple[Record, ...]:
        """All live records of a kind, oldest change first."""
        return tuple(row.record for row in self._of(kind) if not row.record.deleted)

    def user_create(self, kind: str, values: Values, *, late: bool = False) -> str:
        """A new record's id. `late`: stamped now, visible after `commit_late`."""
        with self._lock:
            self._require(kind, values)
            return self._store(kind, f"{kind}-{self._changes + 1}", values, late=late, by_user=True).id

    def user_edit(self, kind: str, id: str, values: Values, *, late: bool = False) -> None:
        with self._lock:
            self.record(kind, id)
            self._store(kind, id, values, late=late, by_user=True)

    def user_delete(self, kind: str, id: str) -> None:
        with self._lock:
            version, modified = self._next()
            gone = replace(
                self.record(kind, id), version=version, modified=modified, values=NO_VALUES, deleted=True
            )
            self._rows[kind, id] = _Row(gone, self._changes)

    def user_merge(self, kind: str, loser: str, winner: str) -> None:
        """One of two records survives; what referred to the other refers to it from then on."""
        with self._lock:
            self.record(kind, winner)
            self.user_delete(kind, loser)
            row = self._rows[kind, loser]
            self._rows[kind, loser] = replace(row, record=replace(row.record, merged_into=winner))
            for one in [row.record for row in self._rows.values() if not row.record.deleted]:
                moved = {name: winner for name, value in one.values.items() if value == loser}
                if moved:
                    self._store(one.kind, one.id, moved, late=False, by_user=True)

    def commit_late(self) -> None:
        """Make late changes visible, with the stamps they got when they were made."""
        with self._lock:
            for row in self._late:
                self._rows[row.record.kind, row.record.id] = row
            self._late.clear()

    def purge_deletions(self) -> None:
        """Forget what was deleted: older watermarks then lead to a complete pass."""
        with self._lock:
            self._rows = {key: row for key, row in self._rows.items() if not row.record.deleted}
            self._purged = self._changes

    def fail_next_write(self, error: CrmError, *, after: bool = False) -> None:
        """Raise at the next create or update: before it takes effect, or after (a lost answer)."""
        self._failures.append((error, after))

    # Inside

    def _of(self, kind: str) -> list[_Row]:
        rows = [row for (of, _), row in list(self._rows.items()) if of == kind]
        return sorted(rows, key=lambda row: row.change)

    def _next(self) -> tuple[str, datetime]:
        self._changes += 1
        return str(self._changes), self._clock() if self._clock else START + timedelta(seconds=self._changes)

    def _store(
        self, kind: str, id: str, values: Values, *, late: bool = False, by_user: bool = False
    ) -> Written:
        self._judge(kind, id, values, by_user)
        old = self._rows.get((kind, id))
        held = dict(old.record.values) if old else {}
        if LINES in values:
            values = {**values, LINES: self._lines(kind, id, _lines_of(held), _lines_of(values), by_user)}
        version, modified = self._next()
        record = Record(kind, id, version, modified, {**held, **values})
        if late:
            self._late.append(_Row(record, self._changes))
        else:
            self._rows[kind, id] = _Row(record, self._changes)
        return Written(id, version, created=False)

    def _lines(
        self, kind: str, id: str, held: Sequence[Line], given: Sequence[Line], by_user: bool
    ) -> list[Line]:
        """Users give the whole list; we change fields of lines that are there."""
        if by_user:
            return [{"Id": f"{id}-line-{self._changes}-{place}", **line} for place, line in enumerate(given)]
        changes = {line.get("Id"): line for line in given}
        unknown = changes.keys() - {line["Id"] for line in held}
        if unknown:
            text = f"{kind} {id} has no line {', '.join(map(str, unknown))}; lines can be changed, not made."
            raise Rejected(text, record=id, fields=(LINES,))
        return [{**line, **changes.get(line["Id"], {})} for line in held]

    def _know(self, kind: str, names: Sequence[str]) -> None:
        known = self._fields.get(kind, {})
        allowed = {*known, *([LINES] if any(name.startswith(LINES + ".") for name in known) else [])}
        unknown = [name for name in names if kind in self._fields and name not in allowed]
        if unknown:
            text = f"{kind} has no field {', '.join(unknown)}; add it in the CRM or unmap it."
            raise Misconfigured(text, fields=unknown)

    def _holders(self, kind: str, key: tuple[str, str]) -> tuple[Record, ...]:
        name, value = key
        info = self._fields.get(kind, {}).get(name)
        if info and not (info.external_key and info.unique):
            raise Misconfigured(
                f"{name} of {kind} is not a unique external key; make it one.", fields=(name,)
            )
        return self.find(kind, name, value, ()) if self.capabilities.upsert_by_key else ()

    def _require(self, kind: str, values: Values) -> None:
        known = self._fields.get(kind, {}).values()
        absent = [each.name for each in known if each.required and values.get(each.name) in (None, "")]
        if absent:
            raise Rejected(f"A new {kind} needs {', '.join(absent)}; fill it in.", fields=absent)

    def _judge(self, kind: str, id: str, values: Values, by_user: bool) -> None:
        for name, value in _flat(values):
            self._know(kind, [name])
            info = self._fields.get(kind, {}).get(name)
            fault = info and value is not None and _fault(info, value, by_user)
            if fault:
                raise Rejected(f"{name} of {kind} {id} {fault}.", record=id, fields=(name,))
            if info and info.unique and value is not None:
                self._unique(kind, id, name, value)

    def _unique(self, kind: str, id: str, name: str, value: Value) -> None:
        others = [holder.id for holder in self.find(kind, name, value, ()) if holder.id != id]
        if others:
            text = f"{name} {value} is already held by {kind} {others[0]}; link to it or change the value."
            raise Duplicate(text, existing_id=others[0], record=id, fields=(name,))

    def _fail(self, *, after: bool) -> None:
        if self._failures and self._failures[0][1] is after:
            raise self._failures.pop(0)[0]

    def _answer(self, written: Written) -> Written:
        self.writes += 1
        self._fail(after=True)
        return written


def _cut(record: Record, fields: Sequence[str]) -> Record:
    if record.deleted:
        return record
    own: dict[str, Value] = {name: record.values.get(name) for name in fields if not _is_line(name)}
    wanted = [name.partition(".")[2] for name in fields if _is_line(name) and name != LINES]
    if any(map(_is_line, fields)):
        own[LINES] = [{name: line.get(name) for name in ["Id", *wanted]} for line in _lines_of(record.values)]
    return replace(record, values=own)


def _is_line(name: str) -> bool:
    return name == LINES or name.startswith(LINES + ".")


def _lines_of(values: Values) -> Sequence[Line]:
    lines = values.get(LINES)
    return lines if isinstance(lines, list | tuple) else ()


def _flat(values: Values) -> Iterator[tuple[str, Value]]:
    """The fields of a record and of its lines by their names in a description."""
    yield from ((name, value) for name, value in values.items() if name != LINES)
    for line in _lines_of(values):
        yield from ((f"{LINES}.{name}", value) for name, value in line.items() if name != "Id")


def _folded(value: Value) -> Value:
    return value.casefold() if isinstance(value, str) else value


def _fault(info: FieldInfo, value: Value, by_user: bool) -> str:
    if not (info.writable or by_user):
        return "cannot be written; leave it out of the mapping"
    if info.length and isinstance(value, str) and len(value) > info.length:
        return f"has {len(value)} characters, {info.length} are allowed; shorten it"
    if info.choices and value not in info.choices:
        return f"does not allow {value!r}; choose one of {', '.join(info.choices)}"
    return ""
