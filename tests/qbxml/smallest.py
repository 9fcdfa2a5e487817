"""For any field of any request the smallest valid values that hold it, and ways to spoil them."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from qbxml import Request, WallTime, tables
from qbxml.leaves import DIGITS
from qbxml.tables import Element, Group, Part, Shape, elements
from tests.qbxml.trees import LETTERS

FIRST_DAY, FIRST_MOMENT = date(1970, 1, 1), WallTime.parse("1970-01-01T00:00:00")


def _number(kind: str) -> Callable[[Element, random.Random], Decimal]:
    whole, places = DIGITS[kind]
    digits = whole + min(places, 5)
    return lambda _, rng: Decimal(rng.randrange(10 ** rng.randint(1, digits))).scaleb(-min(places, 5))


def _text(element: Element, rng: random.Random) -> str:
    longest = min(element.length or 40, 5000)
    length = rng.choice([1, longest, rng.randint(1, longest)])
    return "".join(rng.choices(LETTERS, k=length)).replace(" ", "x")


def _integer(element: Element, rng: random.Random) -> int:
    low, high = element.limits or ("0", "")
    return rng.randint(int(low or 0), int(high or 99_999))


MAKERS: dict[str, Callable[[Element, random.Random], Any]] = {
    "STR": _text,
    "ID": lambda _, rng: "".join(rng.choices("0123456789ABCDEF-", k=rng.randint(1, 36))),
    "BOOL": lambda _, rng: rng.random() < 0.5,
    "INT": _integer,
    **{kind: _number(kind) for kind in DIGITS},
    "DATE": lambda _, rng: FIRST_DAY + timedelta(days=rng.randrange(20_000)),
    "DATETIME": lambda _, rng: FIRST_MOMENT.minus(timedelta(seconds=-rng.randrange(2_000_000_000))),
    "GUID": lambda _, rng: f"{{{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012X}}}",
    "TIMEINTERVAL": lambda _, rng: f"PT{rng.randrange(100)}H{rng.randrange(60)}M",
    "ENUM": lambda element, rng: rng.choice(element.enum),
}


def a_value(element: Element, rng: random.Random) -> Any:
    return rng.choice(element.enum) if element.enum else MAKERS[element.type](element, rng)


def smallest(shape: Shape, wanted: Sequence[str], rng: random.Random) -> dict[str, Any]:
    """What a shape requires and the field at a path below it; of each choice the first, or the one of that field."""
    values: dict[str, Any] = {
        f"@{attribute.name}": (attribute.choices or ("1",))[0]
        for attribute in shape.attributes
        if attribute.required
    }
    for part in shape.parts:
        _add(part, wanted, values, rng)
    return values


def _add(part: Part, wanted: Sequence[str], values: dict[str, Any], rng: random.Random) -> None:
    if isinstance(part, Group):
        for inner in _taken(part, wanted):
            _add(inner, wanted, values, rng)
    elif holds(part, wanted) or (part.low and not part.elsewhere):
        values[part.name] = with_field(part, wanted, rng)


def _taken(group: Group, wanted: Sequence[str]) -> Iterable[Part]:
    if not holds(group, wanted) and group.may_be_absent:
        return ()
    if group.kind == "sequence":
        return group.parts
    holding = [part for part in group.parts if holds(part, wanted)]
    return (holding or list(group.parts))[:1]


def holds(part: Part, wanted: Sequence[str]) -> bool:
    return bool(wanted) and any(element.name == wanted[0] for element in elements((part,)))


def with_field(element: Element, wanted: Sequence[str], rng: random.Random) -> Any:
    below = wanted[1:] if wanted[:1] == [element.name] else ()
    single = a_value(element, rng) if element.is_leaf else smallest(element.of, below, rng)
    return [single] * max(element.low, 1) if element.listed else single


@dataclass(frozen=True)
class Place:
    """One field of a request: the names on the way to it, the elements, and its path as violations tell it."""

    message: str
    names: tuple[str, ...]
    chain: tuple[Element, ...]
    path: str

    @property
    def element(self) -> Element:
        return self.chain[-1]

    @property
    def above(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def list_path(self) -> str:
        return self.path.removesuffix("[1]")

    @property
    def since(self) -> str:
        versions = (tables.shape(self.message).since, *(element.since for element in self.chain))
        return max(versions, key=tables.version_of) or "1.0"

    def request(self, rng: random.Random) -> Request:
        return Request(self.message, smallest(tables.shape(self.message), list(self.names), rng))

    def spoilt(self, request: Request, change: Callable[[dict[str, Any], str], None]) -> Request:
        """The request with its field changed in the mapping that holds it."""
        values = copy.deepcopy(dict(request.values))
        inside: Any = values
        for element in self.chain[:-1]:
            inside = inside[element.name]
            inside = inside[0] if element.listed else inside
        change(inside, self.element.name)
        return Request(self.message, values)


def places(message: str, *, leaves_only: bool = True) -> Iterator[Place]:
    """Every field of a request that this product keeps."""
    yield from _below(message, (), tables.shape(message), message, leaves_only)


def _below(
    message: str, chain: tuple[Element, ...], shape: Shape, path: str, leaves_only: bool
) -> Iterator[Place]:
    for element in shape.order:
        if element.elsewhere:
            continue
        longer = (*chain, element)
        here = f"{path}/{element.name}{'[1]' if element.listed else ''}"
        if element.is_leaf or not leaves_only:
            yield Place(message, tuple(one.name for one in longer), longer, here)
        if not element.is_leaf:
            yield from _below(message, longer, element.of, here, leaves_only)


def choices(shape: Shape) -> Iterator[Group]:
    """The choices of which only one part may be given, also those inside others."""
    yield from _choices(shape.parts)


def _choices(parts: Iterable[Part]) -> Iterator[Group]:
    for part in parts:
        if isinstance(part, Group):
            if part.kind == "choice" and part.high == 1:
                yield part
            yield from _choices(part.parts)


def both_sides(values: dict[str, Any], group: Group, rng: random.Random) -> dict[str, Any] | None:
    """Values with something of the first and of the last part of a choice; None when they have one name."""
    sides = [next((one for one in elements((part,)) if not one.elsewhere), None) for part in group.parts]
    named = [one for one in sides if one is not None]
    if len(named) < 2 or named[0].name == named[-1].name:
        return None
    return {**values, **{one.name: with_field(one, (), rng) for one in (named[0], named[-1])}}
