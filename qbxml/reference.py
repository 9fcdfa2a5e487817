"""The reference page of all messages (MESSAGES.md), written from the field tables.

A part that several messages share is told once under its own name; one that a single message has stands inside it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from typing import Final, TypeAlias

from qbxml import tables
from qbxml.tables import Element, Group, Part, Shape

Row: TypeAlias = tuple[str, str, str, str, str]

_INDENT: Final = "  "
_VALUES_WIDTH: Final = 100
_VERB: Final = re.compile(r"(Add|Mod|Query|Del|Void|Merge)Rq$")
_INTRODUCTION: Final = """# The messages of qbXML 13.0

Every request and answer of QuickBooks Desktop, United States edition, with its fields in the order that QuickBooks
wants. `python -m qbxml reference` writes this page from the field tables; `python -m qbxml describe NAME` shows one
message with the full path of each field.

How to read a line: the field; its type and the longest text that QuickBooks takes; how often (nothing: at most once,
`required`: once); the qbXML version that it needs, where that is newer than what it stands in; the values it may have.

| type | what it holds | in Python |
| --- | --- | --- |
| STR, ID | a text; an identity of QuickBooks | `str` |
| ENUM | one of the listed values | `str` |
| BOOL | true or false | `bool` |
| INT | a whole number | `int` |
| AMT | an amount, at most 13 digits and two decimals | `Decimal` |
| PRICE, QUAN, PERCENT | at most 10 digits and five decimals | `Decimal` |
| FLOAT | a number, as exchange rates are | `Decimal` |
| DATE | a day | `date` |
| DATETIME | a moment on the clock of the company's PC, or a day | `WallTime`, `date` |
| TIMEINTERVAL | a duration: PT1H30M | `str` |
| GUID | a GUID in braces, or 0 | `str` |
| REF | an aggregate of ListID and FullName, either of which names the object; the length is the FullName's | `dict` |
| @Name | an aggregate that is told under Name, or below if it has no name here | `dict` |

`one of` begins alternatives, of which one is given; `any of` alternatives that may follow each other in any order;
`together` fields that belong to one alternative. `(other editions)` marks what the United States edition does not keep.
"""


def page() -> str:
    """The whole page."""
    sections = (_index(), _messages("Requests", "Rq"), _messages("Answers", "Rs"), _shared())
    return "\n".join([_INTRODUCTION, *chain.from_iterable(sections), ""])


# -- what stands where --------------------------------------------------------------------------------


@cache
def _uses() -> Counter[str]:
    """How often each aggregate is used by others."""
    used = Counter(_used_by(tables.names()))
    return used + Counter(_used_by(name for name in list(used) if not name.isalnum()))


def _used_by(names: Iterable[str]) -> Iterator[str]:
    """Aggregates that these use; a second one of a name ("Name~2") is not among the names of the tables."""
    return (one.shape for name in names for one in tables.shape(name).order if not one.is_leaf)


def _is_reference(shape: Shape) -> bool:
    return [(one.name, one.type) for one in shape.order] == [("ListID", "ID"), ("FullName", "STR")]


def _is_shared(name: str) -> bool:
    return _uses()[name] > 1 and not _is_reference(tables.shape(name))


# -- sections -----------------------------------------------------------------------------------------


def _index() -> Iterator[str]:
    """Each object with its requests."""
    found: dict[str, list[str]] = {}
    for name in sorted(tables.requests()):
        subject, verb, _ = _VERB.split(name)
        found.setdefault(subject, []).append(verb)
    yield f"## Objects\n\n{len(tables.requests())} requests.\n\n| object | requests |\n| --- | --- |"
    yield from (f"| {subject} | {', '.join(verbs)} |" for subject, verbs in found.items())


def _messages(title: str, side: str) -> Iterator[str]:
    yield f"\n## {title}"
    for name in sorted(one for one in tables.names() if one.endswith(side)):
        shape = tables.shape(name)
        attributes = [
            one.name for one in shape.attributes if not one.name.startswith(("status", "requestID"))
        ]
        yield from _section(f"{name} ({shape.since or '1.0'})", attributes, shape)


def _shared() -> Iterator[str]:
    yield "\n## Shared aggregates"
    for name in sorted(filter(_is_shared, _uses())):
        shape = tables.shape(name)
        yield from _section(name, [one.name for one in shape.attributes], shape)


def _section(title: str, attributes: list[str], shape: Shape) -> Iterator[str]:
    yield f"\n### {title}\n"
    if attributes:
        yield f"Attributes: {', '.join(attributes)}.\n"
    rows = list(_rows(shape.parts, ""))
    yield f"```text\n{_aligned(rows)}\n```" if rows else "No fields."


# -- rows ---------------------------------------------------------------------------------------------


def _rows(parts: Iterable[Part], indent: str) -> Iterator[Row]:
    for part in parts:
        if isinstance(part, Group):
            yield f"{indent}{_GROUPS[part.kind, part.high == 1]}", "", _often(part.low, part.high), "", ""
            yield from _rows(part.parts, indent + _INDENT)
        else:
            yield _row(part, indent)
            if not part.is_leaf and not _is_shared(part.shape):
                yield from () if _is_reference(part.of) else _rows(part.of.parts, indent + _INDENT)


_GROUPS: Final = {
    ("choice", True): "one of",
    ("choice", False): "any of",
    ("sequence", True): "together",
    ("sequence", False): "together",
}


def _row(element: Element, indent: str) -> Row:
    values = " ".join(element.enum) or ("..".join(element.limits) if element.limits else "")
    marked = f"{values} (other editions)".strip() if element.elsewhere else values
    return f"{indent}{element.name}", _type(element), _often(element.low, element.high), element.since, marked


def _type(element: Element) -> str:
    if element.is_leaf:
        return f"{element.type} {element.length or ''}".rstrip()
    if _is_reference(element.of):
        return f"REF {element.of.by_name['FullName'].length or ''}".rstrip()
    return f"@{element.shape}" if _is_shared(element.shape) else "@"


def _often(low: int, high: int | None) -> str:
    if high == 1:
        return "required" if low else ""
    return f"{low}..{'n' if high is None else high}"


def _aligned(rows: list[Row]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(line for row in rows for line in _lines(row, widths))


def _lines(row: Row, widths: list[int]) -> Iterator[str]:
    """A row; values that do not fit go on below its name."""
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    values = row[-1]
    if len(values) <= _VALUES_WIDTH:
        yield _INDENT.join([*cells, values]).rstrip()
        return
    yield _INDENT.join(cells).rstrip()
    yield from (f"{_INDENT * 4}{line}" for line in _wrapped(values))


def _wrapped(text: str) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        if line and len(line) + len(word) >= _VALUES_WIDTH:
            yield line
            line = ""
        line = f"{line} {word}".strip()
    yield line
