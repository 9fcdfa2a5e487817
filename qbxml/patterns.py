"""Records in their usual form, each kind read by one regular expression that its shape gives.

The expression takes the fields in schema order, without attributes, comments or CDATA, which is how QuickBooks
writes nearly every record. Whatever it does not match, or holds a value outside its type, is left to `records`,
which reads everything and notes it; so what matches here reads there to the same values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, Final, TypeAlias

from qbxml import leaves
from qbxml.messages import ORDER
from qbxml.tables import Element, Shape
from qbxml.walltime import WallTime

Found: TypeAlias = tuple[str | None, ...]
_Convert: TypeAlias = Callable[[str], Any]

_BLANK: Final = r"[ \t\n]*+"
_OPEN: Final = re.compile(r"<(\w+)>")
_REFERENCE: Final = re.compile(r"#(?:([0-9]{1,7})|x([0-9A-Fa-f]{1,6}))")
_NAMED: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_TEXT: Final = "[^<]*+"
_CHARACTERS: Final = ((0x9, 0xA), (0xD, 0xD), (0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))

# type -> (what a value looks like, what may follow and is dropped, how the text becomes a value); other forms of a
# type are not usual
_TYPED: Final[dict[str, tuple[str, str, _Convert]]] = {
    **{kind: (form, "", Decimal) for kind, form in leaves.FORMS.items()},
    "BOOL": ("true|false", "", {"true": True, "false": False}.__getitem__),
    "INT": ("[+-]?[0-9]{1,18}", "", int),
    "DATE": ("[0-9]{4}-[0-9]{2}-[0-9]{2}", "", date.fromisoformat),
    "DATETIME": (
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}",
        "(?:[+-][0-9]{2}:[0-9]{2})?",
        lambda text: WallTime(datetime.fromisoformat(text)),
    ),
}


class Pattern:
    """One kind of record (or of list member) as an expression with a group for each field."""

    def __init__(self, element: Element) -> None:
        text, self._fields = _Groups().aggregate(element)
        expression = re.compile(text)
        self._match, self._each = expression.match, expression.finditer

    def read(self, text: str, at: int) -> tuple[dict[str, Any], int] | None:
        """The values of the record that begins at a place and where it ends; None when it is not in its usual form."""
        found = self._match(text, at)
        if found is None:
            return None
        try:
            return _values(self._fields, found.groups()), found.end()
        except (ValueError, KeyError):  # a value outside its type or enumeration
            return None

    def every(self, block: str) -> list[Any]:
        """The values of each member of a list that holds nothing else. Raises ValueError, KeyError."""
        return [_values(self._fields, found.groups()) for found in self._each(block)]


class _Leaves:
    """A leaf that repeats."""

    def __init__(self, element: Element) -> None:
        self._each = re.compile(_leaf(element, grouped=True)).findall
        self._convert = _converter(element) or plain

    def every(self, block: str) -> list[Any]:
        return [self._convert(text) for text in self._each(block)]


@cache
def pattern_of(element: Element) -> Pattern:
    """The pattern of an aggregate."""
    return Pattern(element)


@cache
def _members_of(element: Element) -> Pattern | _Leaves:
    return _Leaves(element) if element.is_leaf else pattern_of(element)


# -- from the shape to the expression ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fields:
    """The children of one shape: those given once as (group, name, converter, fields of an aggregate), then the
    lists, whose group holds all members as written.
    """

    singles: tuple[_Single, ...]
    lists: tuple[tuple[int, _List], ...]


_Single: TypeAlias = "tuple[int, str, _Convert | None, _Fields | None]"


@dataclass(frozen=True, slots=True)
class _List:
    """Members of one kind, or aggregates of several kinds mixed."""

    shape: Shape
    kinds: dict[str, Element]

    def into(self, values: dict[str, Any], block: str) -> None:
        if len(self.kinds) > 1:
            self._mixed_into(values, block)
            return
        for name, element in self.kinds.items():
            values[name] = _members_of(element).every(block)

    def _mixed_into(self, values: dict[str, Any], block: str) -> None:
        names: list[str] = []
        for name, value in self._mixed(block):
            names.append(name)
            values.setdefault(name, []).append(value)
        told = self.shape.mixed_order(names)
        if told:
            values[ORDER] = told

    def _mixed(self, block: str) -> Iterator[tuple[str, Any]]:
        at = 0
        while opened := _OPEN.match(block, at):
            found = pattern_of(self.kinds[opened[1]]).read(block, at)
            if found is None:
                raise ValueError(f"a {opened[1]} is not in its usual form")
            yield opened[1], found[0]
            at = found[1]


class _Groups:
    """Numbers the groups of one expression while its text is put together."""

    def __init__(self) -> None:
        self._count = -1

    def aggregate(self, element: Element, *, marked: bool = False) -> tuple[str, _Fields]:
        """The expression for an aggregate, most of whose children may be absent, and how to read its groups."""
        shape = element.of
        texts: list[str] = []
        singles: list[_Single] = []
        lists: list[tuple[int, _List]] = []
        for run in _runs(shape):
            self._count += 1
            if run[0].listed:
                text = f"((?:{_any_of(run)})++)"
                lists.append((self._count, _List(shape, {one.name: one for one in run})))
            else:
                text, single = self._single(run[0], self._count)
                singles.append(single)
            texts.append(text if run[0].name in shape.required else f"(?:{text}|)")
        name = element.name
        opening = f"<({name})>" if marked else f"<{name}>"
        return f"{opening}{_BLANK}{''.join(texts)}</{name}>{_BLANK}", _Fields(tuple(singles), tuple(lists))

    def _single(self, element: Element, group: int) -> tuple[str, _Single]:
        if element.is_leaf:
            return _leaf(element, grouped=True), (group, element.name, _converter(element), None)
        text, inner = self.aggregate(element, marked=True)
        return text, (group, element.name, None, inner)


def _runs(shape: Shape) -> Iterator[list[Element]]:
    """The children in schema order, those of a mixed list together."""
    mixed = [element for element in shape.order if element.name in shape.mixed]
    for element in shape.order:
        if element.name not in shape.mixed:
            yield [element]
        elif element is mixed[0]:
            yield mixed


def _any_of(run: list[Element]) -> str:
    return "|".join(_without_groups(element) for element in run)


def _without_groups(element: Element) -> str:
    if element.is_leaf:
        return _leaf(element, grouped=False)
    body = "".join(f"(?:{_any_of(run)}){_often(run[0], element.of)}" for run in _runs(element.of))
    return f"<{element.name}>{_BLANK}{body}</{element.name}>{_BLANK}"


def _leaf(element: Element, *, grouped: bool) -> str:
    value, dropped, _ = _TYPED.get(element.type, (_TEXT, "", None))
    return f"<{element.name}>({'' if grouped else '?:'}{value}){dropped}</{element.name}>{_BLANK}"


def _often(element: Element, shape: Shape) -> str:
    if element.name in shape.required:
        return "++" if element.listed else ""
    return "*+" if element.listed else "?+"


def _converter(element: Element) -> _Convert | None:
    """None for a plain text. Raises ValueError or KeyError for what is outside the type."""
    if element.type in _TYPED:
        return _TYPED[element.type][2]
    return {choice: choice for choice in element.enum}.__getitem__ if element.enum else None


# -- from the groups to the values ------------------------------------------------------------------


def _values(fields: _Fields, found: Found) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for group, name, convert, inner in fields.singles:
        text = found[group]
        if text is None:
            continue
        if convert is not None:
            values[name] = convert(text)
        elif inner is not None:
            values[name] = _values(inner, found)
        else:
            values[name] = plain(text) if "&" in text else text
    for group, members in fields.lists:
        text = found[group]
        if text is not None:
            members.into(values, text)
    return values


def plain(text: str) -> str:
    """A text with its references resolved. Raises ValueError for one that XML does not have."""
    first, *others = text.split("&")
    pieces = [first]
    for other in others:
        name, end, rest = other.partition(";")
        if not end:
            raise ValueError(f"&{name} does not end")
        pieces += (_NAMED.get(name) or _character(name), rest)
    return "".join(pieces)


@lru_cache(maxsize=1024)
def _character(reference: str) -> str:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError(f"&{reference} is no reference of XML")
    code = int(found[1]) if found[1] else int(found[2], 16)
    if not any(first <= code <= last for first, last in _CHARACTERS):
        raise ValueError(f"&{reference}; is no character of XML")
    return chr(code)
