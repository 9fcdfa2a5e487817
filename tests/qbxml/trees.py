"""Hypothesis strategies that make valid values of any qbXML message from the field tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from qbxml import Request, Ret, Status, WallTime, tables
from qbxml.messages import ORDER
from qbxml.tables import Attribute, Element, Group, Part, Shape, elements

# What Latin-1 can print, without the colon, which the names of hierarchical lists may not hold.
LETTERS = "".join(chr(c) for c in [*range(0x20, 0x7F), *range(0xA0, 0x100)] if chr(c) != ":")
LATIN = st.sampled_from(LETTERS) | st.sampled_from("\n\t&<>\"']")

CORE = ("Host", "Company", "Preferences", "Customer", "ListDeleted")
CORE_REQUESTS = (*(f"{name}QueryRq" for name in CORE), "CustomerAddRq", "CustomerModRq", "ListDelRq")


def decimals(whole: int, places: int) -> st.SearchStrategy[Decimal]:
    bound = 10 ** (whole + places) - 1
    return st.integers(-bound, bound).map(lambda number: Decimal(number).scaleb(-places))


def texts(element: Element) -> st.SearchStrategy[str]:
    longest = min(element.length or 40, 60)
    return st.text(LATIN, min_size=1, max_size=longest)


def numbers(element: Element) -> st.SearchStrategy[int]:
    low, high = element.limits or ("0", "")
    return st.integers(int(low or 0), int(high or 1_000_000))


def moments() -> st.SearchStrategy[Any]:
    first, last = datetime(1970, 1, 1), datetime(2038, 1, 19)  # noqa: DTZ001 - the wall clock has no zone
    return st.datetimes(first, last).map(WallTime) | st.dates(first.date(), last.date())


LEAVES: dict[str, Callable[[Element], st.SearchStrategy[Any]]] = {
    "STR": texts,
    "ID": lambda _: st.text("0123456789ABCDEF-", min_size=1, max_size=36),
    "BOOL": lambda _: st.booleans(),
    "INT": numbers,
    "AMT": lambda _: decimals(13, 2),
    "PRICE": lambda _: decimals(10, 5),
    "QUAN": lambda _: decimals(10, 5),
    "PERCENT": lambda _: decimals(10, 5),
    "FLOAT": lambda _: decimals(6, 6),
    "DATE": lambda _: st.dates(date(1901, 1, 1), date(9999, 12, 31)),
    "DATETIME": lambda _: moments(),
    "GUID": lambda _: st.just("0") | st.uuids().map(lambda guid: f"{{{guid}}}"),
    "TIMEINTERVAL": lambda _: st.integers(0, 99).map(lambda hours: f"PT{hours}H30M"),
    "ENUM": lambda element: st.sampled_from(element.enum),
}


@st.composite
def contents(draw: st.DrawFn, shape: Shape, optional: int = 6) -> dict[str, Any]:
    """Values of one shape: what is required and some of the rest."""
    names = [element.name for element in shape.order if not element.elsewhere]
    least = draw(st.integers(0, min(optional, len(names))))
    wanted = (
        draw(st.sets(st.sampled_from(names), min_size=least, max_size=max(least, optional)))
        if names
        else set()
    )
    values: dict[str, Any] = dict(draw(_attributes(shape.attributes)))
    for part in shape.parts:
        _add(draw, part, wanted, values, optional)
    return _told(draw, shape, values)


def _add(draw: st.DrawFn, part: Part, wanted: set[str], values: dict[str, Any], optional: int) -> None:
    if isinstance(part, Group):
        for inner in _taken(draw, part, wanted):
            _add(draw, inner, wanted, values, optional)
    elif not part.elsewhere and (part.name in wanted or (part.low and not part.alternates)):
        values[part.name] = draw(_value(part, optional))


def _taken(draw: st.DrawFn, group: Group, wanted: set[str]) -> Iterable[Part]:
    """The parts of a group to go into: all of a sequence, one of a choice, any of a choice that repeats."""
    if group.kind == "sequence":
        return group.parts
    named = [part for part in group.parts if wanted & {element.name for element in elements((part,))}]
    if not named and not group.may_be_absent:
        named = [draw(st.sampled_from(group.parts))]
        wanted |= {element.name for element in elements(named)}
    return named if group.high != 1 else named[:1]


def _value(element: Element, optional: int) -> st.SearchStrategy[Any]:
    single = LEAVES[element.type](element) if element.is_leaf else contents(element.of, optional // 2)
    if not element.listed:
        return single
    most = 2 if element.alternates or element.high is None else min(element.high, 2)
    return st.lists(single, min_size=max(1, element.low), max_size=max(1, most))


def _told(draw: st.DrawFn, shape: Shape, values: dict[str, Any]) -> dict[str, Any]:
    """With two kinds in a mixed list, sometimes an order of their own."""
    members = [name for name in values if name in shape.mixed for _ in values[name]]
    if len(set(members)) < 2:
        return values
    told = shape.mixed_order(draw(st.permutations(members)))
    return {**values, ORDER: told} if told else values


def _attributes(attributes: tuple[Attribute, ...]) -> st.SearchStrategy[dict[str, str]]:
    """The required attributes of an aggregate (reports have them)."""
    needed = {
        f"@{attribute.name}": st.sampled_from(attribute.choices or ("1", "2"))
        for attribute in attributes
        if attribute.required and not attribute.name.startswith("status")
    }
    return st.fixed_dictionaries(needed)


@st.composite
def requests(draw: st.DrawFn, names: tuple[str, ...] = CORE_REQUESTS) -> Request:
    name = draw(st.sampled_from(names))
    shape = tables.shape(name)
    attributes = {}
    if any(attribute.name == "iterator" for attribute in shape.attributes):
        attributes = draw(
            st.sampled_from([{}, {"iterator": "Start"}, {"iterator": "Continue", "iteratorID": "{x}"}])
        )
    request_id = draw(st.none() | st.text(LATIN, min_size=1, max_size=50))
    return Request(name, draw(contents(shape, 8)), request_id, attributes)


@st.composite
def responses(draw: st.DrawFn, names: tuple[str, ...]) -> tuple[Status, list[Ret]]:
    status = Status(
        name=draw(st.sampled_from(names)),
        request_id=draw(st.none() | st.text(LATIN, max_size=50)),
        code=draw(st.sampled_from([0, 1, 500, 530, 3100, 3200])),
        message=draw(st.text(LATIN, max_size=60)),
    )
    shape = tables.shape(status.name)
    if any(element.is_leaf for element in shape.order):
        plain = Shape(shape.name, shape.since, (), shape.parts)
        values = draw(contents(plain))
        recovered = values.pop("ErrorRecovery", None)
        rets = [Ret(status.name, values, status)] if values else []
        return status, rets + ([] if recovered is None else [Ret("ErrorRecovery", recovered, status)])
    rets = []
    for element in shape.order[:1]:
        most = 3 if element.listed else 1
        several = draw(st.lists(contents(element.of, 8), max_size=most))
        rets = [Ret(element.name, values, status) for values in several]
    return status, rets


def fullest(shape: Shape, choice: int) -> dict[str, Any]:
    """Every field of a shape, of each choice the alternative of that number (counted round and round)."""
    values: dict[str, Any] = {
        f"@{attribute.name}": (attribute.choices or ("1",))[0]
        for attribute in shape.attributes
        if attribute.required and not attribute.name.startswith("status")
    }
    for element in _chosen(shape.parts, choice):
        single = _plain(element) if element.is_leaf else fullest(element.of, choice)
        values[element.name] = [single] * max(element.low, 1) if element.listed else single
    return values


def _chosen(parts: Iterable[Part], choice: int) -> Iterable[Element]:
    for part in parts:
        if isinstance(part, Element):
            yield from () if part.elsewhere else (part,)
        elif part.kind == "choice" and part.high == 1:
            yield from _chosen((part.parts[choice % len(part.parts)],), choice)
        else:
            yield from _chosen(part.parts, choice)


_PLAIN: dict[str, Any] = {
    "BOOL": True,
    "INT": 1,
    "DATE": date(2026, 8, 1),
    "DATETIME": WallTime.parse("2026-08-01T10:00:00"),
    "GUID": "{57F3B9B1-86F1-4fcc-B1EE-566DE1813D20}",
    "TIMEINTERVAL": "PT1H",
    **dict.fromkeys(("AMT", "PRICE", "QUAN", "PERCENT", "FLOAT"), Decimal("1.5")),
}


def _plain(element: Element) -> Any:
    if element.enum:
        return element.enum[-1]
    return _PLAIN.get(element.type, "é" * min(element.length or 30, 5000))
