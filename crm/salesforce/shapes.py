"""What Salesforce says of its objects, and with it: which columns to ask for, how rows become records."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from crm.errors import Misconfigured, Missing
from crm.port import LINES, FieldInfo, Record, Value
from crm.salesforce import soql
from crm.salesforce.errors import CODES
from crm.salesforce.kinds import KINDS, Below, Kind
from crm.salesforce.transport import MOST_PARTS, Call, Part, Transport
from crm.salesforce.values import (
    STAMPS,
    Row,
    below_of,
    field_info,
    lent_value,
    named,
    parse_moment,
    rows_of,
    version_of,
)

Types = Mapping[str, FieldInfo]

# Seconds for which an answer that was asked for ahead is as good as one that is asked for now.
YOUNG = 60.0


@dataclass(frozen=True)
class Shape:
    """One kind: what stands below its rows, the types of its fields and of its lines' fields."""

    kind: str
    of: Kind
    types: Types
    line_types: Types

    @property
    def stamps(self) -> list[str]:
        """The columns of a version that this object has."""
        return [name for name in STAMPS if name in self.types]

    def select(
        self,
        fields: Sequence[str],
        where: str = "",
        order: str = "",
        limit: int = 0,
        *,
        more: Sequence[str] = (),
    ) -> str:
        """A query that tells the version and these fields; `more` are columns that are no fields of the record."""
        own, of_lines = self.of.split(fields)
        columns = [*self.stamps, *more, *own]
        below = [_below(each, [each.lends] if each.lends else of_lines) for each in self.of.below]
        return soql.select(columns, self.of.source, where, order, limit, below)

    def record(self, row: Row, fields: Sequence[str]) -> Record:
        """A row of a query as the port's record, live or, with IsDeleted, a tombstone."""
        gone = bool(row.get("IsDeleted"))
        return Record(
            kind=self.kind,
            id=str(row["Id"]),
            version=version_of(row, self.of),
            modified=max(parse_moment(each["SystemModstamp"]) for each in [row, *rows_of(row, self.of)]),
            values={} if gone else self._values(row, fields),
            deleted=gone,
            merged_into=row.get("MasterRecordId") if gone else None,
        )

    def _values(self, row: Row, fields: Sequence[str]) -> dict[str, Value]:
        own, of_lines = self.of.split(fields)
        values: dict[str, Value] = dict(named(row, own, self.types))
        for below in self.of.below:
            if below.lends and below.name in fields:
                values[below.name] = lent_value(row, below)
            elif not below.lends and any(name.partition(".")[0] == LINES for name in fields):
                found = below_of(row, below)
                values[LINES] = [named(each, ["Id", *of_lines], self.line_types) for each in found]
        return values


def _below(below: Below, columns: Sequence[str]) -> str:
    live = " AND ".join(part for part in ("IsDeleted = false", below.where) if part)
    return soql.select([*STAMPS, *columns], below.relationship, live, below.order)


class Shapes:
    """Describes objects, and remembers what it was told until a field is asked for that was not among it.

    `objects` adds to or replaces entries of KINDS, by an API name where nothing stands below.
    """

    def __init__(self, transport: Transport, objects: Mapping[str, str | Kind]) -> None:
        self._transport = transport
        given = {kind: Kind(each) if isinstance(each, str) else each for kind, each in objects.items()}
        self._kinds = {**KINDS, **given}
        self._known: dict[str, Types] = {}
        # Described when, and not told yet.
        self._fresh: dict[str, float] = {}

    def kind(self, kind: str) -> Kind:
        """Raises Misconfigured for a kind without an object."""
        if kind not in self._kinds:
            known = ", ".join(sorted(self._kinds))
            raise Misconfigured(f"There is no Salesforce object for the kind {kind!r}; known are {known}.")
        soql.name(self._kinds[kind].source)
        return self._kinds[kind]

    def describe(self, kind: str) -> tuple[FieldInfo, ...]:
        """Fields of the record, those that rows below lend it, and those of its lines as "lines.NAME"."""
        of = self.kind(kind)
        infos = [*self._told(of.source).values()]
        for below in of.below:
            infos.append(below.info)
            lines = () if below.lends else self._told(below.source).values()
            infos += [replace(each, name=f"{LINES}.{each.name}") for each in lines]
        return tuple(infos)

    def learn(self, kinds: Sequence[str]) -> None:
        """Describe the objects of these kinds that are not known yet, with one call for all of them."""
        unknown = [source for kind in kinds if kind in self._kinds for source in self._sources(kind)]
        unknown = [one for one in dict.fromkeys(unknown) if one not in self._known]
        if len(unknown) < 2:
            return
        parts = [Part("GET", f"sobjects/{source}/describe") for source in unknown[:MOST_PARTS]]
        answers = self._transport.ask_together(parts, "describe what is synchronised")
        for source, answer in zip(unknown, answers, strict=False):
            # What could not be described is asked for again by itself, which tells why.
            if answer.status == HTTPStatus.OK:
                self._keep(source, answer.content)
                self._fresh[source] = time.monotonic()

    def _sources(self, kind: str) -> list[str]:
        of = self.kind(kind)
        return [of.source, *(below.source for below in of.below if not below.lends)]

    def shape(self, kind: str, names: Sequence[str] = ()) -> Shape:
        """Raises Misconfigured naming the fields that Salesforce does not show.

        Fields of parent records ("Account.Name") are left to Salesforce to judge.
        """
        of = self.kind(kind)
        own, of_lines = of.split(names)
        lines = self._types(of.lines.source, of_lines) if of.lines and of_lines else {}
        return Shape(kind, of, self._types(of.source, own), lines)

    def forget(self, kind: str) -> None:
        """What was remembered is no longer true."""
        of = self.kind(kind)
        for source in (of.source, *(each.source for each in of.below)):
            self._known.pop(source, None)

    def _types(self, source: str, names: Sequence[str]) -> Types:
        own = [name for name in names if "." not in name]
        if source not in self._known or any(name not in self._known[source] for name in own):
            self._asked(source)
        types = self._known[source]
        absent = [name for name in own if name not in types]
        if absent:
            text = f"Salesforce shows no field {', '.join(absent)} on {source}. {CODES['INVALID_FIELD'].cure}"
            raise Misconfigured(text, code="INVALID_FIELD", fields=absent)
        return types

    def _asked(self, source: str) -> Types:
        try:
            reply = self._transport.send(Call("GET", f"sobjects/{source}/describe", f"describe {source}"))
        except Missing as error:
            text = f"Salesforce shows no object {source}; enable its feature or grant read access to it."
            raise Misconfigured(text, code=error.code) from error
        return self._keep(source, reply.body)

    def _told(self, source: str) -> Types:
        """Asked anew, unless that was done just now."""
        described = self._fresh.pop(source, None)
        if described is not None and time.monotonic() - described < YOUNG and source in self._known:
            return self._known[source]
        return self._asked(source)

    def _keep(self, source: str, described: Mapping[str, Any]) -> Types:
        self._known[source] = {info.name: info for info in map(field_info, described["fields"])}
        return self._known[source]
