"""Queries over lists: by ID or name, by filter, page by page (semantics 3 and 4)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from qbwc_server.simulator.company import balances, lists, objects
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.objects import ListObject, key
from qbwc_server.simulator.company.statuses import (
    BAD_DATE_RANGE,
    BAD_STRING_RANGE,
    NO_MATCH,
    NOT_FOUND,
    TEXTS,
    Refusal,
)
from qbxml import WallTime

# Parents before their jobs, names without case; the colon that joins levels sorts before every letter.
ORDER = "ORDER BY replace(full_name_key, ':', char(1))"
OPERATORS: Mapping[str, str] = {
    "LessThan": "<",
    "LessThanEqual": "<=",
    "Equal": "=",
    "GreaterThan": ">",
    "GreaterThanEqual": ">=",
}
MATCHES: Mapping[str, str] = {
    "StartsWith": "substr(name_key, 1, length(?1)) = ?1",
    "Contains": "instr(name_key, ?1) > 0",
    "EndsWith": "substr(name_key, -length(?1)) = ?1",
}
ACTIVE: Mapping[str, str] = {"ActiveOnly": "is_active = 1", "InactiveOnly": "is_active = 0", "All": "1"}
FILTER_REFERENCES: Mapping[str, str] = {"CurrencyFilter": "CurrencyRef", "ClassFilter": "ClassRef"}

Condition = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class ListQuery:
    """One query request over one kind of list element."""

    kind: str
    ret_name: str
    ret: Callable[[Books, ListObject], dict[str, Any]]

    def answer(self, call: Call) -> Reply:
        if call.request.attributes.get("iterator") in ("Continue", "Stop"):
            return self._further(call)
        asked = [*call.values.get("ListID", ()), *call.values.get("FullName", ())]
        found, missing = self._named(call) if asked else (self._filtered(call), [])
        if call.request.attributes.get("metaData") == "MetaDataOnly":
            return _judged(Reply(ret_count=len(found)), found, missing)
        if call.request.attributes.get("iterator") == "Start" and found:
            return self._page(call, call.session.start(call.request.name, call.values, found))
        return _judged(self._records(call, found[: call.values.get("MaxReturned")]), found, missing)

    # -- pages -----------------------------------------------------------------------------------------------

    def _further(self, call: Call) -> Reply:
        iterator_id = call.request.attributes.get("iteratorID", "")
        call.session.running(iterator_id, call.request.name, call.values)
        if call.request.attributes["iterator"] == "Stop":
            call.session.stop(iterator_id)
            return Reply()
        return self._page(call, iterator_id)

    def _page(self, call: Call, iterator_id: str) -> Reply:
        """The ID is still told with the last page, but asking on is an error then."""
        iterator = call.session.iterators[iterator_id]
        page = iterator.page(call.values.get("MaxReturned"))
        if not iterator.waiting:
            call.session.stop(iterator_id)
        return replace(
            self._records(call, page), iterator_id=iterator_id, iterator_remaining=len(iterator.waiting)
        )

    def _records(self, call: Call, list_ids: list[str]) -> Reply:
        rows = objects.by_ids(call.books, lists.FAMILIES[self.kind], list_ids)
        records = tuple((self.ret_name, self._with_private_data(call, row)) for row in rows)
        counted = call.request.attributes.get("metaData") == "MetaDataAndResponseData"
        return Reply(records, ret_count=len(records) if counted else None)

    def _with_private_data(self, call: Call, row: ListObject) -> dict[str, Any]:
        """DataExtRet comes only for the OwnerIDs that were asked for (semantics 3)."""
        values = self.ret(call.books, row)
        private = [
            entry
            for owner in call.values.get("OwnerID", ())
            for entry in call.books.data_ext(row.holder, str(owner))
        ]
        return {**values, "DataExtRet": private} if private else values

    # -- finding ---------------------------------------------------------------------------------------------

    def _named(self, call: Call) -> tuple[list[str], list[str]]:
        """IDs of what was named, and the names that nobody has; no other filter holds (semantics 3)."""
        family = lists.FAMILIES[self.kind]
        wanted = [
            *(({"ListID": list_id}, list_id) for list_id in call.values.get("ListID", ())),
            *(({"FullName": name}, name) for name in call.values.get("FullName", ())),
        ]
        rows = [(lists.resolve(call.books, family, ref), text) for ref, text in wanted]
        found = [row.list_id for row, _ in rows if row is not None and row.kind == self.kind]
        missing = [text for row, text in rows if row is None or row.kind != self.kind]
        return list(dict.fromkeys(found)), missing

    def _filtered(self, call: Call) -> list[str]:
        conditions = list(_conditions(call.books, call.values))
        clause = " AND ".join(["kind = ?", *(text for text, _ in conditions)])
        parameters = [self.kind, *(value for _, values in conditions for value in values)]
        rows = call.books.db.execute(
            f"SELECT list_id FROM list_object WHERE {clause} {ORDER}",  # noqa: S608
            parameters,
        )
        return [row[0] for row in rows]


def _judged(reply: Reply, found: list[str], missing: list[str]) -> Reply:
    """Status 1 when a filter finds nothing, 500 with what there is when something named is not there (semantics 2)."""
    if missing:
        return replace(reply, code=NOT_FOUND, message=TEXTS[NOT_FOUND].format(missing[0]))
    return reply if found else replace(reply, code=NO_MATCH, message=TEXTS[NO_MATCH])


# -- filters ---------------------------------------------------------------------------------------------------


def _conditions(books: Books, values: Mapping[str, Any]) -> Iterator[Condition]:
    yield ACTIVE[values.get("ActiveStatus") or "ActiveOnly"], ()
    yield from modified(values.get("FromModifiedDate"), values.get("ToModifiedDate"), "time_modified")
    yield from _name_filter(values.get("NameFilter"))
    yield from _name_range(values.get("NameRangeFilter"))
    if "TotalBalanceFilter" in values:
        wanted = values["TotalBalanceFilter"]
        yield f"total_balance {OPERATORS[wanted['Operator']]} ?", (balances.cents(wanted["Amount"]),)
    for name, field in FILTER_REFERENCES.items():
        if name in values:
            yield _reference_filter(books, field, values[name])


def modified(start: Any, end: Any, column: str) -> Iterator[Condition]:
    """Both ends belong to the range; a date alone means the whole day (semantics 4, Filters). Refusal 3030."""
    low, high = _moment(start, "T00:00:00"), _moment(end, "T23:59:59")
    if low and high and low > high:
        raise Refusal(BAD_DATE_RANGE)
    if low:
        yield f"{column} >= ?", (low,)
    if high:
        yield f"{column} <= ?", (high,)


def _moment(value: WallTime | date | str | None, of_a_day: str) -> str:
    if not value:
        return ""
    return value.text() if isinstance(value, WallTime) else f"{value}{of_a_day}"


def _name_filter(wanted: Mapping[str, str] | None) -> Iterator[Condition]:
    if wanted:
        text = key(wanted["Name"])
        condition = MATCHES[wanted["MatchCriterion"]]
        yield condition.replace("?1", "?"), (text,) * condition.count("?1")


def _name_range(wanted: Mapping[str, str] | None) -> Iterator[Condition]:
    if not wanted:
        return
    low, high = key(wanted.get("FromName", "")), key(wanted.get("ToName", ""))
    if low and high and low > high:
        raise Refusal(BAD_STRING_RANGE, "NameRangeFilter")
    if low:
        yield "name_key >= ?", (low,)
    if high:
        yield "name_key <= ?", (high,)


def _reference_filter(books: Books, field: str, wanted: Mapping[str, Any]) -> Condition:
    family = lists.REFERENCES[field].family
    with_children = {"ListIDWithChildren": "ListID", "FullNameWithChildren": "FullName"}
    found = [
        lists.resolve(books, family, {kind: text})
        for kind in ("ListID", "FullName")
        for text in wanted.get(kind, ())
    ]
    for name, kind in with_children.items():
        if name in wanted:
            top = lists.resolve(books, family, {kind: wanted[name]})
            found += [top, *(_below(books, top) if top else ())]
    list_ids = [row.list_id for row in found if row]
    marks = ", ".join("?" * len(list_ids))
    return f"json_extract(fields, '$.{field}.ListID') IN ({marks})", tuple(list_ids)


def _below(books: Books, element: ListObject) -> Iterator[ListObject]:
    for child in objects.children(books, element):
        yield child
        yield from _below(books, child)
