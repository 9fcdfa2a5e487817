"""The order and number of an aggregate's children, as QuickBooks' parser demands it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from qbxml.errors import RefusedByParser
from qbxml.tables import Element, Group, Part, Shape, Version, elements, starts_of


def match(path: str, shape: Shape, names: Sequence[str], version: Version) -> None:
    """Check child names, in their order, against a shape. Raises RefusedByParser at the first that does not fit."""
    for name in names:
        element = shape.by_name.get(name)
        if element is None:
            raise RefusedByParser(f"{path}/{name}", f"{name} does not exist in {shape.name}")
        if element.version > version:
            text = f"{name} needs qbXML {element.since}, the document says {version[0]}.{version[1]}"
            raise RefusedByParser(f"{path}/{name}", text)
    walk = _Walk(path, names, version, shape.place)
    for part in shape.parts:
        walk.take(part)
    walk.end()


@dataclass
class _Walk:
    """A position in the names. The schema is deterministic: the next name alone decides where to go."""

    path: str
    names: Sequence[str]
    version: Version
    place: Mapping[str, int]
    at: int = 0

    @property
    def next(self) -> str:
        return self.names[self.at] if self.at < len(self.names) else ""

    def take(self, part: Part) -> None:
        if isinstance(part, Element):
            self._element(part)
        else:
            self._group(part)

    def end(self) -> None:
        if self.next:
            self._misplaced()

    def _element(self, element: Element) -> None:
        count = 0
        while self.next == element.name and (element.high is None or count < element.high):
            self.at += 1
            count += 1
        if count < element.low and element.version <= self.version:
            self._missing((element.name,))

    def _group(self, group: Group) -> None:
        count = 0
        while (group.high is None or count < group.high) and self.next in group.starts:
            self._once(group)
            count += 1
        if count < group.low and not group.may_be_absent:
            names = (element.name for element in elements(group.parts))
            self._missing(tuple(name for name in names if name in group.starts))

    def _once(self, group: Group) -> None:
        if group.kind == "sequence":
            for part in group.parts:
                self.take(part)
        else:
            self.take(next(part for part in group.parts if self.next in starts_of(part)))

    def _missing(self, names: Sequence[str]) -> NoReturn:
        """One of these had to come here; perhaps something stands in the wrong place."""
        if self.at and self.next and self.place[self.next] < self.place[self.names[self.at - 1]]:
            self._misplaced()
        later = next((name for name in self.names[self.at :] if name in names), "")
        if later:
            text = f"{later} must stand before {self.next}: wrong order"
            raise RefusedByParser(f"{self.path}/{later}", text)
        found = f", here stands {self.next}" if self.next else ""
        where = f"{self.path}/{names[0]}" if len(names) == 1 else self.path
        raise RefusedByParser(where, f"{' or '.join(names)} is missing{found}")

    def _misplaced(self) -> NoReturn:
        where = f"after {self.names[self.at - 1]}" if self.at else "first"
        text = f"{self.next} may not stand {where}: wrong order, or given too often"
        raise RefusedByParser(f"{self.path}/{self.next}", text)
