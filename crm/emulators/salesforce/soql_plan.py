"""A parsed query against a schema: names looked up, literals checked, rows tested, sorted and shown."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cmp_to_key

from . import soql
from .errors import SUPPORT_TEXT, ApiError
from .ids import to_18
from .rows import Row, Rows, folded
from .schema import Field, Schema, Shown, SObject, Value
from .soql import Comparison, Condition, Literal, Nested, Path, Query, refusal
from .values import TYPES, show

MOST_OFFSET = 2000
# Steps up in one field path ("Product2.Owner.Name" has two).
MOST_STEPS = 5
Test = Callable[[Row], bool]


@dataclass(frozen=True)
class Column:
    """A field of the row itself, or of the row at the end of the ways up."""

    field: Field
    ways: tuple[Field, ...] = ()


@dataclass(frozen=True)
class Below:
    """Rows of another object that point to the row: what a subquery asks for, under its relationship's name."""

    object: SObject
    link: Field
    query: Query
    columns: tuple[Column, ...]
    test: Test


@dataclass(frozen=True)
class Plan:
    object: SObject
    # Empty: COUNT().
    columns: tuple[Column | Below, ...]
    ids: tuple[str, ...]
    with_deleted: bool = False


# The first page of what a subquery found below one row.
Paged = Callable[[Plan], dict[str, object]]


class Planner:
    """Looks names up and reads rows; one per request. `paged` is for those who show subqueries."""

    def __init__(self, schema: Schema, rows: Rows, data_url: str, paged: Paged | None = None) -> None:
        self._schema = schema
        self._rows = rows
        self._data_url = data_url
        self._paged = paged
        self._grouped: dict[tuple[str, str], dict[Value, list[Row]]] = {}

    def plan(self, text: str, *, with_deleted: bool) -> Plan:
        """The columns to show and the ids that match now: a cursor is a snapshot of ids."""
        query = soql.parse(text)
        item = self._object(query)
        columns = _once(query, [self._selected(query, item, each) for each in query.fields])
        test = self._condition(query, item, query.where)
        found = self._found(query, item, self._rows.every(item.name), test, with_deleted)
        return Plan(item, columns, tuple(row.id for row in found), with_deleted)

    def _found(
        self, query: Query, item: SObject, rows: Iterable[Row], test: Test, with_deleted: bool
    ) -> list[Row]:
        matching = [row for row in rows if (with_deleted or row.live) and test(row)]
        return self._sorted(query, item, matching)[query.offset :][: query.limit]

    def record(
        self, item: SObject, columns: Sequence[Column | Below], row: Row, *, with_deleted: bool = False
    ) -> dict[str, object]:
        """One record of an answer, columns in the order they were asked for, one object per relationship."""
        shown: dict[str, object] = {"attributes": self.attributes(item, row.id)}
        for column in columns:
            if isinstance(column, Below):
                shown[column.link.children] = self._below(column, row, with_deleted)
            elif column.ways:
                self._nest(shown, column, row)
            else:
                shown[column.field.name] = show(value_of(row, column.field))
        return shown

    def _below(self, below: Below, row: Row, with_deleted: bool) -> dict[str, object] | None:
        """As the answer of a query; null where there is nothing."""
        rows = self._children(below).get(row.id, ())
        found = self._found(below.query, below.object, rows, below.test, with_deleted)
        plan = Plan(below.object, below.columns, tuple(each.id for each in found), with_deleted)
        return self._paged(plan) if found and self._paged else None

    def _children(self, below: Below) -> dict[Value, list[Row]]:
        place = (below.object.name, below.link.name)
        if place not in self._grouped:
            self._grouped[place] = {}
            for row in self._rows.every(below.object.name):
                self._grouped[place].setdefault(row.values.get(below.link.name), []).append(row)
        return self._grouped[place]

    def attributes(self, item: SObject, row_id: str) -> dict[str, object]:
        return {"type": item.name, "url": f"{self._data_url}/sobjects/{item.name}/{row_id}"}

    def _nest(self, shown: dict[str, object], column: Column, row: Row) -> None:
        holder: Row = row
        for way in column.ways:
            parent = self._parent(way, holder)
            target = self._schema.find(way.reference_to)
            if parent is None or target is None:
                shown[way.relationship] = None
                return
            about = {"attributes": self.attributes(target, parent.id)}
            nested = shown.setdefault(way.relationship, about)
            assert isinstance(nested, dict)
            shown, holder = nested, parent
        shown[column.field.name] = show(value_of(holder, column.field))

    def _parent(self, way: Field, row: Row) -> Row | None:
        parent_id = row.values.get(way.name)
        parent = self._rows.find(parent_id) if isinstance(parent_id, str) else None
        return parent if parent is not None and not parent.purged else None

    # names

    def _object(self, query: Query) -> SObject:
        item = self._schema.find(query.object.text)
        if item is None:
            sentence = (
                f"sObject type '{query.object.text}' is not supported. If you are attempting to use a custom "
                f"object, be sure to append the '__c' after the entity name. {SUPPORT_TEXT}"
            )
            raise refusal(query.text, query.object.at, "INVALID_TYPE", sentence)
        if query.offset > MOST_OFFSET:
            text = f"Maximum SOQL offset allowed is {MOST_OFFSET}"
            raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", text)
        return item

    def _selected(self, query: Query, item: SObject, asked: Path | Nested) -> Column | Below:
        return self._subquery(item, asked) if isinstance(asked, Nested) else self._column(query, item, asked)

    def _subquery(self, item: SObject, nested: Nested) -> Below:
        inner = nested.query
        found = self._schema.below(item, inner.object.text)
        if found is None:
            sentence = (
                f"Didn't understand relationship '{inner.object.text}' in FROM part of query call. If you are "
                "attempting to use a custom relationship, be sure to append the '__r' after the custom "
                f"relationship name. {SUPPORT_TEXT}"
            )
            raise refusal(inner.text, inner.object.at, "INVALID_TYPE", sentence)
        other, link = found
        columns = [self._column(inner, other, path) for path in inner.fields if isinstance(path, Path)]
        _once(inner, columns)
        self._sorted(inner, other, [])
        return Below(other, link, inner, tuple(columns), self._condition(inner, other, inner.where))

    def _column(self, query: Query, item: SObject, path: Path) -> Column:
        steps = path.text.split(".")
        if len(steps) > 1 and steps[0].lower() in (query.alias.lower(), item.name.lower()):
            steps = steps[1:]
        *before, name = steps
        if len(before) > MOST_STEPS:
            sentence = f"SOQL relationships can be at most {MOST_STEPS} steps up"
            raise refusal(query.text, path.at, "MALFORMED_QUERY", sentence)
        ways: list[Field] = []
        target: SObject | None = item
        for step in before:
            ways.append(self._way(query, target or item, path, step))
            target = self._schema.find(ways[-1].reference_to)
        field = target.field(name) if target else None
        if field is None:
            raise _no_column(query, path, name, target.name if target else item.name)
        return Column(field, tuple(ways))

    def _way(self, query: Query, item: SObject, path: Path, step: str) -> Field:
        way = item.way(step)
        if way is None:
            sentence = (
                f"Didn't understand relationship '{step}' in field path. If you are attempting to use a "
                "custom relationship, be sure to append the '__r' after the custom relationship name. "
                f"{SUPPORT_TEXT}"
            )
            raise refusal(query.text, path.at, "INVALID_FIELD", sentence)
        return way

    # conditions: two-valued logic; null is a value that equals only null

    def _condition(self, query: Query, item: SObject, condition: Condition | None) -> Test:
        if condition is None:
            return lambda _: True
        if isinstance(condition, Comparison):
            return self._comparison(query, item, condition)
        tests = [self._condition(query, item, part) for part in condition.parts]
        if condition.word == "not":
            return lambda row: not tests[0](row)
        together = all if condition.word == "and" else any
        return lambda row: together(test(row) for test in tests)

    def _comparison(self, query: Query, item: SObject, condition: Comparison) -> Test:
        column = self._column(query, item, condition.path)
        field, operator = column.field, condition.operator
        if not field.filterable:
            sentence = f"field '{field.name}' can not be filtered in a query call"
            raise refusal(query.text, condition.path.at, "INVALID_FIELD", sentence)
        for operand in condition.operands:
            _suits(query, condition, field, operand)
        wanted = [_comparable(field, _typed(field, operand)) for operand in condition.operands]
        compare = _like(wanted[0]) if operator == "like" else _OPERATORS[operator](wanted)
        return lambda row: compare(_comparable(field, self._at(row, column)))

    def _at(self, row: Row, column: Column) -> Value:
        holder: Row | None = row
        for way in column.ways:
            holder = self._parent(way, holder) if holder else None
        value = value_of(holder, column.field) if holder else None
        return None if isinstance(value, dict) else value

    # order

    def _sorted(self, query: Query, item: SObject, rows: list[Row]) -> list[Row]:
        for key in reversed(query.order):
            column = self._column(query, item, key.path)
            if not column.field.filterable:
                sentence = f"field '{column.field.name}' can not be sorted in a query call"
                raise refusal(query.text, key.path.at, "MALFORMED_QUERY", sentence)
            empty = [row for row in rows if self._at(row, column) is None]
            full = [row for row in rows if self._at(row, column) is not None]
            by_value = cmp_to_key(_compare)
            full.sort(
                key=lambda row, column=column: by_value(_comparable(column.field, self._at(row, column))),  # type: ignore[misc]
                reverse=key.descending,
            )
            rows = full + empty if key.nulls_last else empty + full
        return rows


def value_of(row: Row, field: Field) -> Shown:
    return field.derive(row.values) if field.derive else row.values.get(field.name)


def _once(query: Query, columns: Sequence[Column | Below]) -> tuple[Column | Below, ...]:
    for place, column in enumerate(columns):
        asked = query.fields[place]
        if column in columns[:place] and isinstance(asked, Path):
            sentence = f"duplicate field selected: {asked.text}"
            raise refusal(query.text, asked.at, "INVALID_FIELD", sentence)
    return tuple(columns)


def _no_column(query: Query, path: Path, name: str, object_name: str) -> ApiError:
    sentence = (
        f"No such column '{name}' on entity '{object_name}'. If you are attempting to use a custom field, be "
        f"sure to append the '__c' after the custom field name. {SUPPORT_TEXT}"
    )
    return refusal(query.text, path.at, "INVALID_FIELD", sentence)


# What a literal is called in the sentence about a wrong one, and whether it is quoted.
_LITERAL_NAMES: tuple[tuple[type | tuple[type, ...], frozenset[str]], ...] = (
    (bool, frozenset({"boolean"})),
    (datetime, frozenset({"dateTime"})),
    (date, frozenset({"date"})),
    (int, frozenset({"int", "double"})),
    (Decimal, frozenset({"double"})),
    (str, frozenset({"string"})),
)


def _suits(query: Query, condition: Comparison, field: Field, operand: Literal) -> None:
    expected = TYPES[field.type].literal
    if condition.operator == "like" and expected != "string":
        sentence = f"invalid operator on {field.type} field"
        raise refusal(query.text, condition.path.at, "INVALID_FIELD", sentence)
    if operand is None:
        return
    means = next(names for kind, names in _LITERAL_NAMES if isinstance(operand, kind))
    if expected not in means:
        quoted = "should be" if expected == "string" else "should not be"
        sentence = (
            f"value of filter criterion for field '{field.name}' must be of type {expected} and {quoted} "
            "enclosed in quotes"
        )
        raise refusal(query.text, condition.path.at, "INVALID_FIELD", sentence)


def _typed(field: Field, operand: Literal) -> Literal:
    if field.type not in ("id", "reference") or not isinstance(operand, str):
        return operand
    full = to_18(operand)
    if full is None and operand:
        raise ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {operand}")
    return full


Comparable = str | int | Decimal | bool | date | datetime | None


def _comparable(field: Field, value: Value) -> Comparable:
    """Texts compare without case, an empty text is null, ids as they are."""
    if isinstance(value, str) and field.type not in ("id", "reference"):
        return folded(field, value) or None
    return value


def _compare(one: Comparable, other: Comparable) -> int:
    assert one is not None
    assert other is not None
    return (one > other) - (one < other)  # type: ignore[operator]


def _ordered(accepts: Callable[[int], bool]) -> Callable[[list[Comparable]], Callable[[Comparable], bool]]:
    def against(wanted: list[Comparable]) -> Callable[[Comparable], bool]:
        limit = wanted[0]
        return lambda value: value is not None and limit is not None and accepts(_compare(value, limit))

    return against


_OPERATORS: Mapping[str, Callable[[list[Comparable]], Callable[[Comparable], bool]]] = {
    "=": lambda wanted: lambda value: value == wanted[0],
    "!=": lambda wanted: lambda value: value != wanted[0],
    "in": lambda wanted: frozenset(wanted).__contains__,
    "not in": lambda wanted: lambda value, known=frozenset(wanted): value not in known,  # type: ignore[misc]
    "<": _ordered(lambda sign: sign < 0),
    "<=": _ordered(lambda sign: sign <= 0),
    ">": _ordered(lambda sign: sign > 0),
    ">=": _ordered(lambda sign: sign >= 0),
}


def _like(pattern: Comparable) -> Callable[[Comparable], bool]:
    """`%` any text, `_` one character, a backslash before either takes it literally."""
    pieces = re.findall(r"\\[%_]|.", str(pattern or ""), flags=re.DOTALL)
    wild = {"%": ".*", "_": "."}
    form = re.compile("".join(wild.get(piece) or re.escape(piece[-1]) for piece in pieces), re.DOTALL)
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None
