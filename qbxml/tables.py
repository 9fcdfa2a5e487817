"""The field tables: what each qbXML 13.0 message and aggregate holds, in QuickBooks' order.

The data is schemas/qbxml_fields.tsv (layout in schemas/README.md). It is read once, and a message's part of
it is taken apart when that message is first used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import Literal, TypeAlias

NEWEST = (13, 0)  # the version of the tables; every later QuickBooks speaks it too

Version: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Attribute:
    """An attribute of a message or element; `choices` is empty when any text goes."""

    name: str
    required: bool
    choices: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Element:
    """One allowed child of an aggregate: a leaf with a type, or an aggregate with the name of its shape.

    `high` None means any number. `listed` is true where values hold a list: the element repeats by itself
    or stands in a choice that repeats (lines and line groups). `elsewhere` marks fields that QuickBooks
    knows and that the United States desktop product does not keep (status 530).
    """

    name: str
    type: str
    shape: str
    low: int
    high: int | None
    length: int | None
    since: str
    enum: tuple[str, ...]
    limits: tuple[str, str] | None
    elsewhere: bool
    attributes: tuple[Attribute, ...]
    listed: bool

    @property
    def is_leaf(self) -> bool:
        return not self.shape

    @property
    def alternates(self) -> bool:
        """Whether it is a list only because its choice repeats; the choice then counts, not the element."""
        return self.listed and self.high == 1

    @property
    def may_be_absent(self) -> bool:
        return self.low == 0

    @cached_property
    def of(self) -> Shape:
        """The shape of an aggregate."""
        return shape(self.shape)

    @cached_property
    def version(self) -> Version:
        return version_of(self.since)


@dataclass(frozen=True, eq=False)
class Group:
    """Several parts of an aggregate: all in order ("sequence") or one of them ("choice"), `low` to `high` times."""

    kind: Literal["choice", "sequence"]
    low: int
    high: int | None
    parts: tuple[Element | Group, ...]

    @cached_property
    def may_be_absent(self) -> bool:
        inner = (part.may_be_absent for part in self.parts)
        return self.low == 0 or (all(inner) if self.kind == "sequence" else any(inner))

    @cached_property
    def starts(self) -> frozenset[str]:
        """The names with which it can begin; the schema is deterministic, so the next name alone decides."""
        if self.kind == "choice":
            return frozenset().union(*(starts_of(part) for part in self.parts))
        names: frozenset[str] = frozenset()
        for part in self.parts:
            names |= starts_of(part)
            if not part.may_be_absent:
                break
        return names


Part: TypeAlias = Element | Group


def starts_of(part: Part) -> frozenset[str]:
    return part.starts if isinstance(part, Group) else frozenset({part.name})


@dataclass(frozen=True, eq=False)
class Shape:
    """The content of a message or aggregate."""

    name: str
    since: str
    attributes: tuple[Attribute, ...]
    parts: tuple[Part, ...]

    @cached_property
    def order(self) -> tuple[Element, ...]:
        """Every possible child, in the order QuickBooks wants them; alternatives of a choice one after another."""
        return tuple({element.name: element for element in elements(self.parts)}.values())

    @cached_property
    def by_name(self) -> dict[str, Element]:
        return {element.name: element for element in self.order}

    @cached_property
    def mixed(self) -> frozenset[str]:
        """The names in a choice that repeats, which may follow each other in any order (no shape has two such)."""
        groups = (part for part in _groups(self.parts) if part.kind == "choice" and part.high != 1)
        return frozenset(element.name for group in groups for element in elements(group.parts))

    @cached_property
    def required(self) -> frozenset[str]:
        """The names that must be there in every version, whatever is chosen."""
        return frozenset(element.name for element in _required(self.parts))

    @cached_property
    def version(self) -> Version:
        return version_of(self.since)

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each child stands in schema order."""
        return {element.name: number for number, element in enumerate(self.order)}

    def mixed_order(self, names: Iterable[str]) -> list[str]:
        """How the members of mixed lists follow each other; empty when one kind simply follows the other."""
        if not self.mixed:
            return []
        told = [name for name in names if name in self.mixed]
        return told if told != sorted(told, key=self.place.__getitem__) else []


def version_of(text: str) -> Version:
    """ "12.0" -> (12, 0); an empty text is the first version. Raises ValueError for anything else."""
    if not text:
        return (1, 0)
    major, _, minor = text.partition(".")
    return (int(major), int(minor))


def elements(parts: Iterable[Part]) -> Iterator[Element]:
    """Every element of some parts, groups opened."""
    for part in parts:
        if isinstance(part, Group):
            yield from elements(part.parts)
        else:
            yield part


def _required(parts: tuple[Part, ...]) -> Iterator[Element]:
    for part in parts:
        if isinstance(part, Group):
            yield from _required(part.parts) if part.kind == "sequence" and part.low else ()
        elif part.low and not (part.elsewhere or part.alternates or part.since):
            yield part


def _groups(parts: tuple[Part, ...]) -> Iterator[Group]:
    for part in parts:
        if isinstance(part, Group):
            yield part
            yield from _groups(part.parts)


# -- reading the table -----------------------------------------------------------------------------

_LENGTHS = {"ID": 36}  # a limit of the type itself
_SIGNS: dict[str, Literal["choice", "sequence"]] = {"(|": "choice", "(,": "sequence"}


@cache
def _blocks() -> dict[str, str]:
    text = resources.files("schemas").joinpath("qbxml_fields.tsv").read_text(encoding="ascii")
    blocks = text.rstrip("\n").split("\n\n")
    return {block[2:].split("\n", 1)[0].split("\t", 1)[0]: block for block in blocks}


@cache
def names() -> tuple[str, ...]:
    """Every message and aggregate of the tables."""
    return tuple(name for name in _blocks() if "~" not in name)


@cache
def requests() -> tuple[str, ...]:
    """Every request message."""
    return tuple(name for name in names() if name.endswith("Rq"))


def has(name: str) -> bool:
    return name in _blocks()


@cache
def shape(name: str) -> Shape:
    """The shape of a message ("CustomerAddRq") or aggregate ("CustomerAdd"). Raises KeyError."""
    heading, *rows = [line.split("\t") for line in _blocks()[name].split("\n")]
    cells = _Cells(heading)
    parts = _parts(iter(rows), repeats=False)
    return Shape(cells[1], cells[3], _attributes(cells[2].split()), parts)


@dataclass
class _Cells:
    """A row whose missing cells are empty."""

    cells: list[str] = field(default_factory=list)

    def __getitem__(self, index: int) -> str:
        return self.cells[index] if index < len(self.cells) else ""


def _parts(rows: Iterator[list[str]], *, repeats: bool) -> tuple[Part, ...]:
    """The parts up to the closing row (or the end)."""
    parts: list[Part] = []
    for row in rows:
        if row[0] == ")":
            break
        parts.append(_group(row, rows, repeats) if row[0] in _SIGNS else _element(_Cells(row), repeats))
    return tuple(parts)


def _group(row: list[str], rows: Iterator[list[str]], repeats: bool) -> Group:
    low, high = _occurs(row[2])
    return Group(_SIGNS[row[0]], low, high, _parts(rows, repeats=repeats or high != 1))


def _element(cells: _Cells, repeats: bool) -> Element:
    low, high = _occurs(cells[2])
    kind, values, marks = cells[1], cells[5], cells[6].split()
    limits = tuple(values.split("..")) if ".." in values else None
    return Element(
        name=cells[0],
        type="" if kind.startswith("@") else kind,
        shape=kind.removeprefix("@") if kind.startswith("@") else "",
        low=low,
        high=high,
        length=int(cells[3]) if cells[3] else _LENGTHS.get(kind),
        since=cells[4],
        enum=tuple(values.split("|")) if values and limits is None else (),
        limits=(limits[0], limits[1]) if limits else None,
        elsewhere="elsewhere" in marks,
        attributes=_attributes([mark for mark in marks if mark != "elsewhere"]),
        listed=repeats or high != 1,
    )


def _occurs(text: str) -> tuple[int, int | None]:
    low, _, high = text.partition("..")
    return int(low), None if (high or low) == "n" else int(high or low)


def _attributes(marks: list[str]) -> tuple[Attribute, ...]:
    pairs = (mark.partition("=") for mark in marks)
    return tuple(
        Attribute(name.rstrip("!"), name.endswith("!"), tuple(choices.split("|")) if choices else ())
        for name, _, choices in pairs
    )
