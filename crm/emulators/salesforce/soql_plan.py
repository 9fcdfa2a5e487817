"""A parsed query against a schema: names looked up, literals checked, rows tested, sorted and shown."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cmp_to_key

from . import soql
from .errors import SUPPORT_TEXT, ApiError, not_emulated
from .ids import to_18
from .rows import Row, Rows, folded
from .schema import Field, Schema, Shown, SObject, Value
from .soql import Comparison, Condition, Literal, Path, Query, refusal
from .values import TYPES, show

MOST_OFFSET = 2000
Test = Callable[[Row], bool]


@dataclass(frozen=True)
class Column:
    """A field of the row itself, or of the row that `way` points to."""

    field: Field
    way: Field | None = None


@dataclass(frozen=True)
class Plan:
    object: SObject
    # Empty: COUNT().
    columns: tuple[Column, ...]
    ids: tuple[str, ...]


class Planner:
    """Looks names up and reads rows; one per request."""

    def __init__(self, schema: Schema, rows: Rows, data_url: str) -> None:
        self._schema = schema
        self._rows = rows
        self._data_url = data_url

    def plan(self, text: str, *, with_deleted: bool) -> Plan:
        """The columns to show and the ids that match now: a cursor is a snapshot of ids."""
        query = soql.parse(text)
        item = self._object(query)
        columns = _once(query, [self._column(query, item, path) for path in query.fields])
        test = self._condition(query, item, query.where)
        found = [row for row in self._rows.every(item.name) if (with_deleted or row.live) and test(row)]
        found = self._sorted(query, item, found)[query.offset :]
        return Plan(item, columns, tuple(row.id for row in found[: query.limit]))

    def record(self, item: SObject, columns: Sequence[Column], row: Row) -> dict[str, object]:
        """One record of an answer, columns in the order they were asked for, one object per relationship."""
        shown: dict[str, object] = {"attributes": self.attributes(item, row.id)}
        for column in columns:
            if column.way is None:
                shown[column.field.name] = show(value_of(row, column.field))
            else:
                self._nest(shown, column, row)
        return shown

    def attributes(self, item: SObject, row_id: str) -> dict[str, object]:
        return {"type": item.name, "url": f"{self._data_url}/sobjects/{item.name}/{row_id}"}

    def _nest(self, shown: dict[str, object], column: Column, row: Row) -> None:
        assert column.way is not None
        parent = self._parent(column.way, row)
        target = self._schema.find(column.way.reference_to)
        if parent is None or target is None:
            shown[column.way.relationship] = None
            return
        nested = shown.setdefault(column.way.relationship, {"attributes": self.attributes(target, parent.id)})
        assert isinstance(nested, dict)
        nested[column.field.name] = show(value_of(parent, column.field))

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

    def _column(self, query: Query, item: SObject, path: Path) -> Column:
        steps = path.text.split(".")
        if len(steps) > 1 and steps[0].lower() in (query.alias.lower(), item.name.lower()):
            steps = steps[1:]
        *before, name = steps
        way = self._way(query, item, path, before) if before else None
        target = self._schema.find(way.reference_to) if way else item
        field = target.field(name) if target else None
        if field is None:
            raise _no_column(query, path, name, target.name if target else item.name)
        return Column(field, way)

    def _way(self, query: Query, item: SObject, path: Path, steps: list[str]) -> Field:
        way = item.way(steps[0])
        if way is None:
            sentence = (
                f"Didn't understand relationship '{steps[0]}' in field path. If you are attempting to use a "
                "custom relationship, be sure to append the '__r' after the custom relationship name. "
                f"{SUPPORT_TEXT}"
            )
            raise refusal(query.text, path.at, "INVALID_FIELD", sentence)
        if len(steps) > 1:
            raise not_emulated("A relationship of more than one step")
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
        holder = self._parent(column.way, row) if column.way else row
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


def _once(query: Query, columns: list[Column]) -> tuple[Column, ...]:
    for place, column in enumerate(columns):
        if column in columns[:place]:
            raise refusal(
                query.text,
                query.fields[place].at,
                "INVALID_FIELD",
                f"duplicate field selected: {query.fields[place].text}",
            )
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
