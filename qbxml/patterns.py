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
_AFTER: Final = re.compile(_BLANK)
_CHARACTERS: Final = ((0x9, 0xA), (0xD, 0xD), (0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))

# type -> (what its group takes, how that becomes a value); other forms of a type are not usual
_TYPED: Final[dict[str, tuple[str, _Convert]]] = {
    **{kind: (f"({form})", Decimal) for kind, form in leaves.FORMS.items()},
    "BOOL": ("(true|false)", {"true": True, "false": False}.__getitem__),
    "INT": ("([+-]?[0-9]{1,18})", int),
    "DATE": ("([0-9]{4}-[0-9]{2}-[0-9]{2})", date.fromisoformat),
    "DATETIME": (
        "([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:[+-][0-9]{2}:[0-9]{2})?",
        lambda text: WallTime(datetime.fromisoformat(text)),
    ),
}
_TEXT: Final = "([^<]*+)"


class Pattern:
    """One kind of record (or of list member) as an expression with a group for each field."""

    def __init__(self, element: Element) -> None:
        groups = _Groups()
        body, self._fields = groups.fields(element.of)
        self._match = re.compile(f"<{element.name}>{_BLANK}{body}</{element.name}>{_BLANK}").match

    def read(self, text: str, at: int) -> tuple[dict[str, Any], int] | None:
        """The values of the record that begins at a place and where it ends; None when it is not in its usual form."""
        found = self._match(text, at)
        if found is None:
            return None
        try:
            return _values(self._fields, found.groups()), found.end()
        except (ValueError, KeyError):  # a value outside its type or enumeration
            return None


@cache
def pattern_of(element: Element) -> Pattern:
    return Pattern(element)


# -- from the shape to the expression ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fields:
    """The children of one shape: those given once as (group, name, converter, fields of an aggregate), then the
    lists, whose group holds all members as written.
    """

    singles: tuple[tuple[int, str, _Convert | None, _Fields | None], ...]
    lists: tuple[tuple[int, _List], ...]


@dataclass(frozen=True, slots=True)
class _List:
    """Members of one kind, or of several kinds mixed."""

    shape: Shape
    kinds: dict[str, Element]

    def into(self, values: dict[str, Any], block: str) -> None:
        names: list[str] = []
        for name, value in self._members(block):
            names.append(name)
            values.setdefault(name, []).append(value)
        told = self.shape.mixed_order(names)
        if told:
            values[ORDER] = told

    def _members(self, block: str) -> Iterator[tuple[str, Any]]:
        at = 0
        while opened := _OPEN.match(block, at):
            name = opened.group(1)
            value, at = _member(self.kinds[name], block, at)
            yield name, value


class _Groups:
    """Numbers the groups of one expression while its text is put together."""

    def __init__(self) -> None:
        self._count = -1

    def fields(self, shape: Shape) -> tuple[str, _Fields]:
        """The expression for the children of a shape, most of which may be absent, and how to read its groups."""
        texts: list[str] = []
        singles: list[tuple[int, str, _Convert | None, _Fields | None]] = []
        lists: list[tuple[int, _List]] = []
        for run in _runs(shape):
            self._count += 1
            if run[0].listed:
                text = f"((?:{_any_of(run)})++)"
                lists.append((self._count, _List(shape, {element.name: element for element in run})))
            else:
                (element,) = run
                group = self._count
                text, inner = self._single(element)
                singles.append((group, element.name, _converter(element), inner))
            texts.append(text if run[0].name in shape.required else f"(?:{text}|)")
        return "".join(texts), _Fields(tuple(singles), tuple(lists))

    def _single(self, element: Element) -> tuple[str, _Fields | None]:
        if element.is_leaf:
            value, _ = _TYPED.get(element.type, (_TEXT, None))
            return f"<{element.name}>{value}</{element.name}>{_BLANK}", None
        body, inner = self.fields(element.of)
        return f"<({element.name})>{_BLANK}{body}</{element.name}>{_BLANK}", inner


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
        return f"<{element.name}>[^<]*+</{element.name}>{_BLANK}"
    body = "".join(f"(?:{_any_of(run)}){_often(run[0], element.of)}" for run in _runs(element.of))
    return f"<{element.name}>{_BLANK}{body}</{element.name}>{_BLANK}"


def _often(element: Element, shape: Shape) -> str:
    if element.name in shape.required:
        return "++" if element.listed else ""
    return "*+" if element.listed else "?+"


def _converter(element: Element) -> _Convert | None:
    """None for a plain text. Raises ValueError or KeyError for what is outside the type."""
    if element.type in _TYPED:
        return _TYPED[element.type][1]
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


def _member(element: Element, block: str, at: int) -> tuple[Any, int]:
    """A member of a list and where the next begins. Raises ValueError, KeyError."""
    if not element.is_leaf:
        found = pattern_of(element).read(block, at)
        if found is None:
            raise ValueError(f"a {element.name} is not in its usual form")
        return found
    start = at + len(element.name) + 2
    end = block.index("<", start)
    text, convert = block[start:end], leaves.READERS.get(element.type) or _converter(element)
    if not leaves.is_in_form(element.type, text):
        raise ValueError(f"{text} is not the usual form of a value")
    after = _AFTER.match(block, end + len(element.name) + 3)
    return plain(text) if convert is None else convert(text), after.end() if after else len(block)


def plain(text: str) -> str:
    """A text with its references resolved. Raises ValueError for one that XML does not have."""
    first, *others = text.split("&")
    pieces = [first]
    for other in others:
        name, _, rest = other.partition(";")
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
