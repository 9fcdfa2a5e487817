"""Many writes as few calls: what each of them sends, and which of them go together. Nothing here calls anywhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crm.errors import Rejected
from crm.http import as_http_date
from crm.port import LINES, Scalar, Write
from crm.salesforce.ids import id18
from crm.salesforce.kinds import Below, Kind
from crm.salesforce.transport import Part
from crm.salesforce.values import SCALARS, body_of, lines_in, stamp_in

# Rows of one collection call.
ROWS = 200
# Parts of one composite call that may be collections or queries.
HEAVY = 5
# Parts of one composite call that are spent on single rows with a condition of their own.
GUARDED = 20

# Beside the header and a query, with the one call all of them or none are written.
MOST_LINES = ROWS * (HEAVY - 2)

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Planned:
    """A write taken apart: fields of the record itself, of its lines, and of rows that lend it a field."""

    place: int
    write: Write
    own: Body
    lines: tuple[Body, ...] = ()
    lent: tuple[tuple[Below, Scalar], ...] = ()

    @property
    def verb(self) -> tuple[str, str]:
        if self.write.id is not None:
            return "update", ""
        return ("upsert", self.write.key[0]) if self.write.key else ("create", "")

    @property
    def target(self) -> str:
        """What no other write of the same call may be about."""
        if self.write.id is not None:
            return self.write.id
        return self.write.key[1].casefold() if self.write.key else str(self.place)

    @property
    def label(self) -> str:
        """For people, and for queries: the id, or the value of the key as it was given."""
        return self.write.id or (self.write.key[1] if self.write.key else "a new record")

    @property
    def below(self) -> int:
        """Rows below the record that are written with it."""
        return len(self.lines) + len(self.lent)


def plan(place: int, write: Write, of: Kind) -> Planned:
    """Raises Rejected for what no call can carry."""
    if write.id is not None:
        write = replace(write, id=id18(write.id))
    elif LINES in write.values:
        text = f"Lines of {of.source} can be changed, not made; leave them out of what is created."
        raise Rejected(text, fields=(LINES,))
    lent = tuple(
        (below, _given(write, below)) for below in of.below if below.lends and below.name in write.values
    )
    lines = tuple(_line(each, of) for each in lines_in(write.values))
    if len(lines) > MOST_LINES:
        text = f"{write.id} has {len(lines)} lines to write, at most {MOST_LINES} go at once; split it."
        raise Rejected(text, record=write.id or "", fields=(LINES,))
    left_out = {"Id", LINES, *(below.name for below, _ in lent), *([write.key[0]] if write.key else [])}
    own = {name: value for name, value in write.values.items() if name not in left_out}
    return Planned(
        place, write, body_of(own), tuple(_line(each, of) for each in lines_in(write.values)), lent
    )


def _given(write: Write, below: Below) -> Scalar:
    value = write.values[below.name]
    if not below.writable or not (value is None or isinstance(value, SCALARS)):
        raise Rejected(f"{below.name} cannot be written; leave it out of the mapping.", fields=(below.name,))
    return value


def _line(line: Mapping[str, Scalar], of: Kind) -> Body:
    if of.lines is None:
        raise Rejected(f"{of.source} has no lines; leave them out of the mapping.", fields=(LINES,))
    line_id = line.get("Id")
    if not isinstance(line_id, str):
        raise Rejected("A line was given without its Id; lines can be changed and not made.", fields=(LINES,))
    values = {name: value for name, value in line.items() if name != "Id"}
    return row_of(of.lines.source, {**body_of(values), "Id": id18(line_id)})


def row_of(source: str, body: Body) -> Body:
    """A row as collection calls want it."""
    return {"attributes": {"type": source}, **body}


def batches(planned: Sequence[Planned]) -> Iterator[list[Planned]]:
    """What goes into one call: neighbours of the same verb, no record twice, and of records as of rows below them no
    more than a collection holds."""
    batch: list[Planned] = []
    for each in planned:
        if batch and not _fits(batch, each):
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


def _fits(batch: Sequence[Planned], another: Planned) -> bool:
    return (
        batch[0].verb == another.verb
        and len(batch) < ROWS
        and sum(each.below for each in batch) + another.below <= ROWS
        and all(each.target != another.target for each in batch)
    )


@dataclass(frozen=True)
class Step:
    """A part of a call, and whose rows it carries, in their order; `own` where they are the records themselves."""

    part: Part
    writes: tuple[Planned, ...]
    own: bool = True
    # A single row, whose answer is its own.
    single: bool = False


def updates(batch: Sequence[Planned], source: str) -> Iterator[Step]:
    """Changes of the records themselves.

    A condition can go with a single row, not with a row of a collection; a few rows are sent singly for it.
    """
    named = [each for each in batch if each.own]
    guarded = [each for each in named if each.write.if_version and (not each.below or len(batch) == 1)]
    if len(guarded) > GUARDED:
        guarded = []
    for each in guarded:
        since = as_http_date(stamp_in(each.write.if_version or ""))
        part = Part("PATCH", f"sobjects/{source}/{each.write.id}", each.own, {"If-Unmodified-Since": since})
        yield Step(part, (each,), single=True)
    rest = [each for each in named if each not in guarded]
    yield from collection(
        "PATCH", [(each, row_of(source, {**each.own, "Id": each.write.id})) for each in rest]
    )


def upserts(batch: Sequence[Planned], source: str) -> Iterator[Step]:
    rows = [(each, row_of(source, {**each.own, **dict([each.write.key or ("", "")])})) for each in batch]
    yield from collection("PATCH", rows, f"/{source}/{batch[0].verb[1]}")


def creations(batch: Sequence[Planned], source: str) -> Iterator[Step]:
    yield from collection("POST", [(each, row_of(source, each.own)) for each in batch])


def collection(
    method: str, rows: Sequence[tuple[Planned, Body]], where: str = "", *, own: bool = True
) -> Iterator[Step]:
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        body = {"allOrNone": False, "records": [row for _, row in some]}
        path = f"composite/sobjects{where}"
        yield Step(Part(method, path, body), tuple(each for each, _ in some), own)
