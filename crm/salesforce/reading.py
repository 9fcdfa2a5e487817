"""Reading rows: which object a kind is, what its fields are, and queries that become records."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.errors import CrmError, Misconfigured, Missing, Unavailable
from crm.port import NO_VALUES, FieldInfo, Record, Value
from crm.salesforce import soql
from crm.salesforce.errors import CODES
from crm.salesforce.ids import id18
from crm.salesforce.transport import Call, Transport, clock_of
from crm.salesforce.values import STAMPS, field_info, record

OBJECTS: Mapping[str, str] = {
    "account": "Account",
    "contact": "Contact",
    "lead": "Lead",
    "product": "Product2",
    "opportunity": "Opportunity",
    "opportunity_line": "OpportunityLineItem",
    "quote": "Quote",
    "quote_line": "QuoteLineItem",
    "order": "Order",
    "order_line": "OrderItem",
}

# Characters of the longest text that a query can compare.
LONGEST_SEARCHABLE = 255

# Ids in one query. An address may have about 16,000 characters; 200 ids take a third of that.
IDS_AT_ONCE = 200


@dataclass(frozen=True)
class Rows:
    """One page of raw rows; `more` when there may be others behind the last."""

    rows: tuple[Mapping[str, Any], ...]
    more: bool


class Reader:
    """`objects` adds to or replaces entries of OBJECTS (kind -> API name); `page_size` is 1 to 2000 rows."""

    def __init__(self, transport: Transport, objects: Mapping[str, str], page_size: int) -> None:
        self._transport = transport
        self._objects = {**OBJECTS, **objects}
        self._page_size = min(page_size, 2000)
        self._types: dict[str, Mapping[str, FieldInfo]] = {}

    def source(self, kind: str) -> str:
        """The object's API name; raises Misconfigured for a kind without one."""
        if kind not in self._objects:
            known = ", ".join(sorted(self._objects))
            raise Misconfigured(f"There is no Salesforce object for the kind {kind!r}; known are {known}.")
        return soql.name(self._objects[kind])

    def describe(self, kind: str) -> tuple[FieldInfo, ...]:
        source = self.source(kind)
        try:
            reply = self._transport.send(Call("GET", f"sobjects/{source}/describe", f"describe {source}"))
        except Missing as error:
            text = f"Salesforce shows no object {source}; enable its feature or grant read access to it."
            raise Misconfigured(text, code=error.code) from error
        infos = tuple(field_info(row) for row in reply.body["fields"])
        self._types[kind] = {info.name: info for info in infos}
        return infos

    def types(self, kind: str, names: Sequence[str] = ()) -> Mapping[str, FieldInfo]:
        """The described fields, from memory while it knows all of `names`; raises Misconfigured naming the rest.

        Fields of parent records ("Account.Name") are left to Salesforce to judge.
        """
        own = [name for name in names if "." not in name]
        if any(name not in self._types.get(kind, {}) for name in own) or kind not in self._types:
            self.describe(kind)
        types = self._types[kind]
        absent = [name for name in own if name not in types]
        if absent:
            cure = CODES["INVALID_FIELD"].cure
            text = f"Salesforce shows no field {', '.join(absent)} on {self.source(kind)}. {cure}"
            raise Misconfigured(text, code="INVALID_FIELD", fields=absent)
        return types

    def stamps(self, kind: str) -> list[str]:
        """The columns of a version that this object has."""
        types = self.types(kind)
        return [name for name in STAMPS if name in types]

    def query(self, kind: str, text: str, *, deleted: bool = False) -> tuple[Rows, datetime]:
        """The rows of a query, with those in the recycle bin if wanted, and Salesforce's clock."""
        path = "queryAll/" if deleted else "query/"
        call = Call("GET", path, f"read {self.source(kind)}", params={"q": text})
        try:
            reply = self._transport.send(call)
        except CrmError as error:
            if error.code == "INVALID_FIELD":
                # What was remembered of this object is no longer true.
                self._types.pop(kind, None)
            raise
        return Rows(tuple(reply.body["records"]), not reply.body["done"]), clock_of(reply)

    def keyed_pages(
        self, kind: str, fields: Sequence[str], since: datetime | None
    ) -> Iterator[tuple[list[Record], bool]]:
        """Live records from an inclusive moment on (None: all), by stamp and id, each page with "is the last".

        Pages go on from the last row's key rather than by Salesforce's cursor: a key survives a new login, a
        restart and any pause, and rows that change meanwhile move to the end, where they are met again.
        """
        where = soql.from_moment(since) if since else ""
        while True:
            page = self._page(kind, fields, where, soql.ORDER)
            records = self.records(kind, page, fields)
            more = page.more and bool(records)
            yield records, not more
            if not more:
                return
            following = soql.after(records[-1].modified, records[-1].id)
            if following == where:
                raise Unavailable(
                    f"Salesforce gave the same {self.source(kind)} records again; it will be tried again."
                )
            where = following

    def find(self, kind: str, name: str, value: Value, fields: Sequence[str]) -> tuple[Record, ...]:
        self._refuse_long_text(kind, name, self.types(kind, [name, *fields]))
        equal = f"{soql.name(name)} = {soql.literal(value)}"
        found: list[Record] = []
        where = equal
        while True:
            page = self._page(kind, fields, where, "Id")
            found.extend(self.records(kind, page, fields))
            if not (page.more and page.rows):
                return tuple(found)
            where = f"{equal} AND Id > {soql.literal(found[-1].id)}"

    def _refuse_long_text(self, kind: str, name: str, types: Mapping[str, FieldInfo]) -> None:
        """Salesforce cannot search by long text areas, and says so as if the field did not exist."""
        if name in types and types[name].type == "text" and types[name].length > LONGEST_SEARCHABLE:
            text = f"{name} on {self.source(kind)} is a long text; match records by another field."
            raise Misconfigured(text, fields=(name,))

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> tuple[Record, ...]:
        wanted = [id18(each) for each in ids]
        distinct = list(dict.fromkeys(wanted))
        found: dict[str, Record] = {}
        for start in range(0, len(distinct), IDS_AT_ONCE):
            found.update(self._chunk(kind, distinct[start : start + IDS_AT_ONCE], fields))
        return tuple(found[each] for each in wanted)

    def _chunk(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Record]:
        # Only objects whose records can be merged have it; a loser names its winner.
        merged = {"MasterRecordId"} & self.types(kind, fields).keys()
        columns = [*self.stamps(kind), "IsDeleted", *merged, *fields]
        text = soql.select(columns, self.source(kind), soql.among(ids))
        rows, at = self.query(kind, text, deleted=True)
        absent = {each: Record(kind, each, "", at, NO_VALUES, deleted=True) for each in ids}
        # Wide rows come in small pages; the ids that were not delivered yet are asked for again.
        found = {each.id: each for each in self.records(kind, rows, fields)}
        left = [each for each in ids if each not in found]
        rest = self._chunk(kind, left, fields) if rows.more and found else {}
        return {**absent, **found, **rest}

    def records(self, kind: str, page: Rows, fields: Sequence[str]) -> list[Record]:
        types = self.types(kind, fields)
        return [record(kind, row, fields, types) for row in page.rows]

    def _page(self, kind: str, fields: Sequence[str], where: str, order: str) -> Rows:
        self.types(kind, fields)
        text = soql.select([*self.stamps(kind), *fields], self.source(kind), where, order, self._page_size)
        page, _ = self.query(kind, text)
        return Rows(page.rows, page.more or len(page.rows) >= self._page_size)

    def now(self) -> datetime:
        """Salesforce's clock, from the cheapest call that any API user may make."""
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
