"""Queries over lists: by ID or name, by filter, page by page (semantics 3 and 4)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from qbwc_server.simulator.company import balances, lists, objects
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.list_engine import ListKind
from qbwc_server.simulator.company.objects import key
from qbwc_server.simulator.company.pages import Named, Paged
from qbwc_server.simulator.company.references import REFERENCES
from qbwc_server.simulator.company.selections import Condition, Selection
from qbwc_server.simulator.company.statuses import BAD_DATE_RANGE, BAD_STRING_RANGE, Record, Refusal
from qbxml import WallTime

# Parents before their jobs, names without case; the colon that joins levels sorts before every letter.
ORDER = "ORDER BY replace(full_name_key, ':', char(1))"
ORDERS: Mapping[str, str] = {"FullName": ORDER, "created": "ORDER BY time_created, length(list_id), list_id"}
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
# Rule "name_filter" -> column.
NAMES: Mapping[str, str] = {"Name": "name_key", "FullName": "full_name_key"}
FILTER_REFERENCES: Mapping[str, str] = {"CurrencyFilter": "CurrencyRef", "ClassFilter": "ClassRef"}
# Filters that name values of a field.
FILTER_VALUES = ("AccountType", "PaymentMethodType")


@dataclass(frozen=True)
class ListQuery:
    """One query request over one kind of list element, or over several of one family."""

    kinds: tuple[ListKind, ...]

    def answer(self, call: Call) -> Reply:
        return Paged(self._found, self._records).answer(call)

    @property
    def _family(self) -> str:
        return self.kinds[0].family

    def _records(self, call: Call, list_ids: list[str]) -> tuple[Record, ...]:
        by_name = {kind.name: kind for kind in self.kinds}
        rows = objects.by_ids(call.books, self._family, list_ids)
        return tuple(
            (
                by_name[row.kind].ret_name,
                with_private_data(call, row.holder, by_name[row.kind].ret(call.books, row)),
            )
            for row in rows
        )

    def _found(self, call: Call) -> Named | Selection:
        asked = [*call.values.get("ListID", ()), *call.values.get("FullName", ())]
        return self._named(call) if asked else self._filtered(call)

    def _named(self, call: Call) -> Named:
        """IDs of what was named, and the names that nobody has; no other filter holds (semantics 3)."""
        wanted = [
            *(({"ListID": list_id}, list_id) for list_id in call.values.get("ListID", ())),
            *(({"FullName": name}, name) for name in call.values.get("FullName", ())),
        ]
        kinds = {kind.name for kind in self.kinds}
        rows = [(lists.resolve(call.books, self._family, ref), text) for ref, text in wanted]
        found = [row.list_id for row, _ in rows if row is not None and row.kind in kinds]
        missing = [text for row, text in rows if row is None or row.kind not in kinds]
        return Named(list(dict.fromkeys(found)), missing)

    def _filtered(self, call: Call) -> Selection:
        conditions = [
            among("kind", [kind.name for kind in self.kinds]),
            *_conditions(call.books, call.values),
        ]
        order = ORDERS[call.books.rule("list_order")]
        return Selection("list_id", "list_object", conditions, order)


def with_private_data(call: Call, holder: str, values: dict[str, Any]) -> dict[str, Any]:
    """DataExtRet comes only for the OwnerIDs that were asked for (semantics 3)."""
    private = [
        entry for owner in call.values.get("OwnerID", ()) for entry in call.books.data_ext(holder, str(owner))
    ]
    return {**values, "DataExtRet": private} if private else values


# -- filters ---------------------------------------------------------------------------------------------------


def _conditions(books: Books, values: Mapping[str, Any]) -> Iterator[Condition]:
    yield ACTIVE[values.get("ActiveStatus") or "ActiveOnly"], ()
    yield from modified(values.get("FromModifiedDate"), values.get("ToModifiedDate"), "time_modified")
    column = NAMES[books.rule("name_filter")]
    yield from _name_filter(values.get("NameFilter"), column)
    yield from _name_range(values.get("NameRangeFilter"), column)
    if "TotalBalanceFilter" in values:
        wanted = values["TotalBalanceFilter"]
        yield f"total_balance {OPERATORS[wanted['Operator']]} ?", (balances.cents(wanted["Amount"]),)
    for name, field in FILTER_REFERENCES.items():
        if name in values:
            yield _reference_filter(books, field, values[name])
    for name in FILTER_VALUES:
        if name in values:
            yield among(f"json_extract(fields, '$.{name}')", [str(value) for value in values[name]])
    if "ItemRef" in values:
        yield _priced_filter(books, values["ItemRef"])


def _priced_filter(books: Books, ref: Mapping[str, Any]) -> Condition:
    """Price levels that have a price for one item."""
    item = lists.resolve(books, lists.ITEMS, ref)
    return "instr(fields, ?) > 0", (f'"ItemRef": {{"ListID": "{item.list_id if item else ""}"}}',)


def among(column: str, values: Sequence[str]) -> Condition:
    return f"{column} IN ({', '.join('?' * len(values))})", tuple(values)


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


def _name_filter(wanted: Mapping[str, str] | None, column: str) -> Iterator[Condition]:
    if wanted:
        text = key(wanted["Name"])
        condition = MATCHES[wanted["MatchCriterion"]].replace("name_key", column)
        yield condition.replace("?1", "?"), (text,) * condition.count("?1")


def _name_range(wanted: Mapping[str, str] | None, column: str) -> Iterator[Condition]:
    if not wanted:
        return
    low, high = key(wanted.get("FromName", "")), key(wanted.get("ToName", ""))
    if low and high and low > high:
        raise Refusal(BAD_STRING_RANGE, "NameRangeFilter")
    if low:
        yield f"{column} >= ?", (low,)
    if high:
        yield f"{column} <= ?", (high,)


def _reference_filter(books: Books, field: str, wanted: Mapping[str, Any]) -> Condition:
    """Who names no currency has that of the company, once there are several."""
    found = picked(books, REFERENCES[field].family, wanted)
    column = f"json_extract(fields, '$.{field}.ListID')"
    home = lists.resolve(books, "Currency", {"FullName": books.settings["home_currency"]})
    if field == "CurrencyRef" and home and books.is_on("multi_currency"):
        column = f"coalesce({column}, '{home.list_id}')"
    return among(column, found)


def picked(books: Books, family: str, wanted: Mapping[str, Any]) -> list[str]:
    """The ListIDs that a filter over references names; what it names and nobody has finds nothing."""
    found = [
        lists.resolve(books, family, {kind: text})
        for kind in ("ListID", "FullName")
        for text in wanted.get(kind, ())
    ]
    for kind in ("ListID", "FullName"):
        if f"{kind}WithChildren" in wanted:
            top = lists.resolve(books, family, {kind: wanted[f"{kind}WithChildren"]})
            found += [top, *(objects.below(books, top) if top else ())]
    return [row.list_id for row in found if row]
