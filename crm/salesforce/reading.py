"""Reading rows: queries that become records, page by page, whole."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from crm.errors import CrmError, Misconfigured, Unavailable
from crm.port import LINES, NO_VALUES, FieldInfo, Record, Value
from crm.salesforce import soql
from crm.salesforce.errors import Answer, refusal
from crm.salesforce.ids import id18
from crm.salesforce.kinds import Below
from crm.salesforce.shapes import Shape, Shapes
from crm.salesforce.transport import MOST_PARTS, Call, Part, Transport, clock_of
from crm.salesforce.values import SCALARS, Row, parse_moment

# Characters of the longest text that a query can compare.
LONGEST_SEARCHABLE = 255

# Ids in one query, and the characters that they and its columns may have together: an address may have 16,384.
IDS_AT_ONCE = 400
LONGEST_ADDRESS = 15_000
# Parts of a composite call that may be queries.
MOST_QUERIES = 5
# An id with its quotes and comma, percent-encoded.
ID_WIDTH = 28

# Addresses in answers begin at the root of the service, our paths behind the version.
_ROOT = re.compile(r"^/services/data/v[0-9.]+/")


@dataclass(frozen=True)
class Rows:
    """One page of raw rows; `more` when there may be others behind the last."""

    rows: tuple[Row, ...]
    more: bool


class Reader:
    """`page_size` is 1 to 2000 rows; `clock_age` the seconds for which an answer tells the time."""

    def __init__(self, transport: Transport, shapes: Shapes, page_size: int, clock_age: float = 0.0) -> None:
        self._clock_age = clock_age
        self._transport = transport
        self._shapes = shapes
        self._page_size = min(page_size, 2000)

    def source(self, kind: str) -> str:
        """The object's API name; raises Misconfigured for a kind without one."""
        return self._shapes.kind(kind).source

    def shape(self, kind: str, names: Sequence[str] = ()) -> Shape:
        """Raises Misconfigured naming the fields that Salesforce does not show."""
        return self._shapes.shape(kind, names)

    def types(self, kind: str, names: Sequence[str] = ()) -> Mapping[str, FieldInfo]:
        """The described fields of the record itself."""
        return self.shape(kind, names).types

    def query(self, kind: str, text: str, *, deleted: bool = False) -> tuple[Rows, datetime]:
        """The rows of a query, with those in the recycle bin if wanted, and Salesforce's clock."""
        path = "queryAll/" if deleted else "query/"
        call = Call("GET", path, f"read {self.source(kind)}", params={"q": text})
        try:
            reply = self._transport.send(call)
        except CrmError as error:
            if error.code == "INVALID_FIELD":
                self._shapes.forget(kind)
            raise
        return self.whole(kind, reply.body), clock_of(reply)

    def raw(self, text: str, doing: str) -> list[Row]:
        """The first rows of a query that is about no kind."""
        rows: list[Row] = self._transport.send(Call("GET", "query/", doing, params={"q": text})).body[
            "records"
        ]
        return rows

    def whole(self, kind: str, body: Mapping[str, Any]) -> Rows:
        """The rows of an answer, what stands below them fetched where it came in part."""
        below = self._shapes.kind(kind).below
        rows = [self._filled(row, below) for row in body["records"]] if below else body["records"]
        return Rows(tuple(rows), not body["done"])

    def _filled(self, row: Row, below: Sequence[Below]) -> Row:
        cut = [each for each in below if not (row.get(each.relationship) or {"done": True})["done"]]
        return {**row, **{each.relationship: self._rest(row[each.relationship]) for each in cut}}

    def _rest(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        records = list(answer["records"])
        while not answer["done"]:
            path = _ROOT.sub("", str(answer["nextRecordsUrl"]))
            answer = self._transport.send(Call("GET", path, "read the rest of the lines")).body
            records += answer["records"]
        return {"records": records, "done": True}

    def keyed_pages(
        self, kind: str, fields: Sequence[str], since: datetime | None, first: Answer | None = None
    ) -> Iterator[tuple[list[Record], bool]]:
        """Live records from an inclusive moment on (None: all), by stamp and id, each page with "is the last".

        Pages go on from the last row's key rather than by Salesforce's cursor: a key survives a new login, a
        restart and any pause, and rows that change meanwhile move to the end, where they are met again. `first` is
        the first page where that is there already.
        """
        where = soql.from_moment(since) if since else ""
        while True:
            page = self._answered(kind, first) if first else self._page(kind, fields, where, soql.ORDER)
            first = None
            more = page.more and bool(page.rows)
            yield self.records(kind, page, fields), not more
            if not more:
                return
            where = self._following(kind, page.rows[-1], where)

    def _following(self, kind: str, last: Row, where: str) -> str:
        following = soql.after(parse_moment(last["SystemModstamp"]), str(last["Id"]))
        if following == where:
            raise Unavailable(
                f"Salesforce gave the same {self.source(kind)} records again; it will be tried again."
            )
        return following

    # What moved below

    def touched(self, kind: str, since: datetime, asked: Sequence[Answer] | None = None) -> list[str]:
        """Ids of records below which a row changed, came or went since an inclusive moment.

        `asked` are the first answers where they are there already.
        """
        found: list[str] = []
        below = self._shapes.kind(kind).below
        if asked is None:
            queries = [self._below_since(each, soql.from_moment(since)) for each in below]
            answers = self._answers(kind, queries)
        else:
            answers = [self._content(each, f"read what changed below {self.source(kind)}") for each in asked]
        for each, answer in zip(below, answers, strict=True):
            found += self._parents(kind, each, answer)
        return list(dict.fromkeys(found))

    def _parents(self, kind: str, below: Below, answer: Mapping[str, Any]) -> Iterator[str]:
        where = ""
        while True:
            rows = answer["records"]
            yield from (str(row[below.parent]) for row in rows if row[below.parent])
            if not rows or (answer["done"] and len(rows) < self._page_size):
                return
            where = self._following(kind, rows[-1], where)
            (answer,) = self._answers(kind, [self._below_since(below, where)])

    def _below_since(self, below: Below, moved: str) -> str:
        # Where a row may stop to match, the change that made it stop must be seen too.
        where = f"({moved}) AND {below.where}" if below.lasting else moved
        columns = ["Id", "SystemModstamp", below.parent]
        return soql.select(columns, below.source, where, soql.ORDER, self._page_size)

    def _answers(self, kind: str, queries: Sequence[str]) -> list[Mapping[str, Any]]:
        doing = f"read what changed below {self.source(kind)}"
        if len(queries) != 1:
            return self._transport.read_together(queries, doing)
        return [self._transport.send(Call("GET", "queryAll/", doing, params={"q": queries[0]})).body]

    def find(self, kind: str, name: str, value: Value, fields: Sequence[str]) -> tuple[Record, ...]:
        self._refuse_unsearchable(kind, name, value)
        assert value is None or isinstance(value, SCALARS)
        equal = f"{soql.name(name)} = {soql.literal(value)}"
        found: list[Record] = []
        where = equal
        while True:
            page = self._page(kind, fields, where, "Id")
            found.extend(self.records(kind, page, fields))
            if not (page.more and page.rows):
                return tuple(found)
            where = f"{equal} AND Id > {soql.literal(found[-1].id)}"

    def _refuse_unsearchable(self, kind: str, name: str, value: Value) -> None:
        """Salesforce cannot search by long text areas, and says so as if the field did not exist."""
        of, info = self._shapes.kind(kind), self.types(kind, [name]).get(name)
        below = (
            of.lent(name)
            or name.partition(".")[0] == LINES
            or not (value is None or isinstance(value, SCALARS))
        )
        if below:
            text = f"{name} on {of.source} stands in other rows; match records by a field of their own."
            raise Misconfigured(text, fields=(name,))
        if info and info.type == "text" and info.length > LONGEST_SEARCHABLE:
            text = f"{name} on {of.source} is a long text; match records by another field."
            raise Misconfigured(text, fields=(name,))

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> tuple[Record, ...]:
        wanted = [id18(each) for each in ids]
        distinct = list(dict.fromkeys(wanted))
        found: dict[str, Record] = {}
        at_once = self._ids_at_once(kind, fields) if distinct else IDS_AT_ONCE
        for start in range(0, len(distinct), at_once):
            found.update(self._chunk(kind, distinct[start : start + at_once], fields))
        return tuple(found[each] for each in wanted)

    def _ids_at_once(self, kind: str, fields: Sequence[str]) -> int:
        columns = len(quote_plus(self.shape(kind, fields).select(fields)))
        return max(1, min(IDS_AT_ONCE, (LONGEST_ADDRESS - columns) // ID_WIDTH))

    def _chunk(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Record]:
        rows, at = self.rows(kind, ids, fields)
        absent = {each: Record(kind, each, "", at, NO_VALUES, deleted=True) for each in ids}
        # Wide rows come in small pages; the ids that were not delivered yet are asked for again.
        found = {each.id: each for each in self.records(kind, rows, fields)}
        left = [each for each in ids if each not in found]
        rest = self._chunk(kind, left, fields) if rows.more and found else {}
        return {**absent, **found, **rest}

    def rows(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> tuple[Rows, datetime]:
        """Raw rows by id, those in the recycle bin too."""
        return self.query(kind, self.rows_text(kind, ids, fields), deleted=True)

    def rows_text(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> str:
        shape = self.shape(kind, fields)
        # Only objects whose records can be merged have it; a loser names its winner.
        merged = sorted({"MasterRecordId"} & shape.types.keys())
        return shape.select(fields, soql.among(ids), more=["IsDeleted", *merged])

    def records(self, kind: str, page: Rows, fields: Sequence[str]) -> list[Record]:
        shape = self.shape(kind, fields)
        return [shape.record(row, fields) for row in page.rows]

    def _page(self, kind: str, fields: Sequence[str], where: str, order: str) -> Rows:
        page, _ = self.query(kind, self._page_text(kind, fields, where, order))
        return self._cut(page)

    def _page_text(self, kind: str, fields: Sequence[str], where: str, order: str) -> str:
        return self.shape(kind, fields).select(fields, where, order, self._page_size)

    def _cut(self, page: Rows) -> Rows:
        return Rows(page.rows, page.more or len(page.rows) >= self._page_size)

    # Asked together with others

    def is_known(self, kind: str, fields: Sequence[str]) -> bool:
        """Whether a pass over these fields can be asked for; if not, the pass itself says why."""
        try:
            self.shape(kind, fields)
        except Misconfigured:
            return False
        return True

    def deleted_part(self, kind: str, start: datetime, end: datetime) -> Part:
        asked = {"start": start.isoformat(timespec="seconds"), "end": end.isoformat(timespec="seconds")}
        return Part("GET", f"sobjects/{self.source(kind)}/deleted/?{urlencode(asked)}")

    def first_parts(self, kind: str, fields: Sequence[str], since: datetime) -> list[Part]:
        """The first page of what changed since an inclusive moment, then what changed below."""
        moved = soql.from_moment(since)
        text = self._page_text(kind, fields, moved, soql.ORDER)
        below = [self._below_since(each, moved) for each in self._shapes.kind(kind).below]
        return [
            Part("GET", f"query/?q={quote(text, safe='')}"),
            *(Part("GET", f"queryAll/?q={quote(each, safe='')}") for each in below),
        ]

    def ask(self, parts: Iterable[Part]) -> list[Answer]:
        """The answers in their order, in as few calls as the limits of a composite call allow."""
        answers: list[Answer] = []
        for some in _composites(parts):
            answers += self._transport.ask_together(some, "read what changed")
        return answers

    def deleted_body(self, kind: str, answer: Answer) -> Mapping[str, Any]:
        return self._content(answer, f"list deleted {self.source(kind)} records")

    def _answered(self, kind: str, answer: Answer) -> Rows:
        try:
            return self._cut(self.whole(kind, self._content(answer, f"read {self.source(kind)}")))
        except CrmError as error:
            if error.code == "INVALID_FIELD":
                self._shapes.forget(kind)
            raise

    def _content(self, answer: Answer, doing: str) -> Mapping[str, Any]:
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise refusal(answer, doing=doing)
        body: Mapping[str, Any] = answer.content
        return body

    def now(self) -> datetime:
        """Salesforce's clock, not ahead of it: of the last answer, or from the cheapest call of any API user."""
        seen = self._transport.clock_seen(self._clock_age)
        if seen is not None:
            return seen
        return clock_of(self._transport.send(Call("GET", "", "ask for Salesforce's time")))

    def deleted(self, kind: str, start: datetime, end: datetime) -> Mapping[str, Any]:
        """The body of /deleted for a period; Salesforce ignores its seconds."""
        source = self.source(kind)
        call = Call(
            "GET",
            f"sobjects/{source}/deleted/",
            f"list deleted {source} records",
            params={"start": start.isoformat(timespec="seconds"), "end": end.isoformat(timespec="seconds")},
        )
        body: Mapping[str, Any] = self._transport.send(call).body
        return body


def _composites(parts: Iterable[Part]) -> Iterator[list[Part]]:
    some: list[Part] = []
    queries = 0
    for part in parts:
        heavy = part.path.startswith("query")
        if len(some) == MOST_PARTS or (heavy and queries == MOST_QUERIES):
            yield some
            some, queries = [], 0
        some.append(part)
        queries += heavy
    if some:
        yield some
