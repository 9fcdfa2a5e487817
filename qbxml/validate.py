"""Judge a request against the field tables: every violation at once, each with its path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from qbxml import leaves, tables
from qbxml.errors import Rule, Violation
from qbxml.messages import ORDER, TEXT, Request
from qbxml.mixed import order_fault
from qbxml.tables import Attribute, Element, Group, Part, Shape, Version, version_of
from qbxml.text import lost_characters, spell

REQUEST_ID_LENGTH = 50  # qbXML reference: status 1060
# Leaves that name the object itself; empty, they would name nothing (status 3150), while other leaves are
# cleared so.
NEVER_EMPTY = frozenset({"ListID", "TxnID", "TxnLineID", "EditSequence", "Name", "FullName"})


def validate(request: Request, version: str = "13.0") -> tuple[Violation, ...]:
    """Everything QuickBooks Desktop (US) would refuse in a request, given the qbXML version that the company speaks.

    Empty when the request is good. Only the form is judged: names that do not exist in the company file,
    closed periods and the like are QuickBooks' to answer. Raises ValueError when `version` is no version
    number.
    """
    judge = _Judge(version, version_of(version))
    if not tables.has(request.name) or not request.name.endswith("Rq"):
        return (judge.unknown(request.name, request.name, request.values, tables.requests()),)
    return tuple(judge.request(request, tables.shape(request.name)))


@dataclass(frozen=True)
class _Judge:
    """One pass over one request for one version."""

    text: str
    version: Version

    def request(self, request: Request, shape: Shape) -> Iterator[Violation]:
        if shape.version > self.version:
            yield self._too_new(request.name, request.name, request.values, shape.since)
        yield from self._attributes(request, shape)
        yield from self._content(request.name, shape, request.values)

    # -- attributes --------------------------------------------------------------------------------

    def _attributes(self, request: Request, shape: Shape) -> Iterator[Violation]:
        given = dict(request.attributes)
        if "requestID" in given:
            text = "requestID is given as an attribute; use request_id"
            yield Violation(f"{request.name}/@requestID", given.pop("requestID"), "unknown", text)
        if request.request_id is not None:
            path = f"{request.name}/@requestID"
            yield from self._text(path, "requestID", request.request_id, REQUEST_ID_LENGTH)
        yield from self._given_attributes(request.name, shape.attributes, given)
        if given.get("iterator") in ("Continue", "Stop") and not given.get("iteratorID"):
            text = f"iterator {given['iterator']} needs the iteratorID of the answer before"
            yield Violation(f"{request.name}/@iteratorID", None, "missing", text)

    def _given_attributes(
        self, path: str, allowed: tuple[Attribute, ...], given: Mapping[str, Any]
    ) -> Iterator[Violation]:
        by_name = {attribute.name: attribute for attribute in allowed}
        for name, value in given.items():
            here = f"{path}/@{name}"
            if name not in by_name:
                yield self.unknown(here, f"attribute {name}", value, tuple(by_name))
            elif by_name[name].choices and value not in by_name[name].choices:
                yield _enum(here, name, value, by_name[name].choices)
            else:
                yield from self._text(here, name, value, None)

    # -- aggregates --------------------------------------------------------------------------------

    def _content(self, path: str, shape: Shape, values: Mapping[str, Any]) -> Iterator[Violation]:
        attributes = {key[1:]: values[key] for key in values if key.startswith("@")}
        if attributes:
            yield from self._given_attributes(path, shape.attributes, attributes)
        for name in values:
            if name not in shape.by_name and name[:1] not in "@#":
                yield self.unknown(f"{path}/{name}", name, values[name], tuple(shape.by_name))
        yield from self._order(path, shape, values)
        for part in shape.parts:
            yield from self._part(path, part, values)

    def _order(self, path: str, shape: Shape, values: Mapping[str, Any]) -> Iterator[Violation]:
        fault = order_fault(shape, values)
        if fault:
            yield Violation(f"{path}/{ORDER}", values[ORDER], "order", fault)

    def _part(self, path: str, part: Part, values: Mapping[str, Any]) -> Iterator[Violation]:
        if isinstance(part, Element):
            yield from self._element(path, part, values)
        elif part.kind == "choice":
            yield from self._choice(path, part, values)
        else:
            for inner in part.parts:
                yield from self._part(path, inner, values)

    def _choice(self, path: str, group: Group, values: Mapping[str, Any]) -> Iterator[Violation]:
        taken = [part for part in group.parts if _present(part, values)]
        if not taken:
            if group.low and not any(_may_be_absent(part) for part in group.parts):
                text = f"one of {_names(group.parts)} must be given"
                yield Violation(path, None, "missing", text)
            return
        if len(taken) > 1 and group.high == 1:
            text = f"only one of {_names(group.parts)} may be given, here are {_names(tuple(taken), values)}"
            yield Violation(path, [_first(part, values) for part in taken], "choice", text)
        for part in taken:
            yield from self._part(path, part, values)

    # -- elements ----------------------------------------------------------------------------------

    def _element(self, path: str, element: Element, values: Mapping[str, Any]) -> Iterator[Violation]:
        here = f"{path}/{element.name}"
        if element.name not in values:
            if (
                element.low
                and not element.listed
                and element.version <= self.version
                and not element.elsewhere
            ):
                yield Violation(here, None, "missing", f"{element.name} is required")
            elif element.low and element.listed and element.high != 1:
                yield Violation(here, None, "missing", f"at least one {element.name} is required")
            return
        value = values[element.name]
        if element.elsewhere:
            text = f"{element.name} is not kept by QuickBooks Desktop, United States edition (status 530)"
            yield Violation(here, value, "unknown", text)
        elif element.version > self.version:
            yield self._too_new(here, element.name, value, element.since)
        elif element.listed:
            yield from self._items(here, element, value)
        else:
            yield from self._single(here, element, value)

    def _items(self, path: str, element: Element, value: object) -> Iterator[Violation]:
        if not isinstance(value, list | tuple):
            yield Violation(path, value, "type", f"{element.name} may repeat and must be given as a list")
            return
        if element.high is not None and len(value) > max(element.high, 1) and element.high != 1:
            text = f"{element.name} is given {len(value)} times, QuickBooks allows {element.high}"
            yield Violation(path, len(value), "repeat", text)
        if len(value) < element.low and element.high != 1:
            yield Violation(path, value, "missing", f"at least one {element.name} is required")
        for number, item in enumerate(value, 1):
            yield from self._single(f"{path}[{number}]", element, item)

    def _single(self, path: str, element: Element, value: object) -> Iterator[Violation]:
        if isinstance(value, list | tuple):
            yield Violation(path, value, "repeat", f"{element.name} may be given only once")
        elif element.is_leaf:
            yield from self._leaf(path, element, value)
        elif isinstance(value, Mapping):
            yield from self._content(path, element.of, value)
        elif value == "":
            yield from self._content(path, element.of, {})
        else:
            yield Violation(path, value, "type", f"{element.name} holds other fields and must be a mapping")

    def _leaf(self, path: str, element: Element, value: object) -> Iterator[Violation]:
        if isinstance(value, Mapping) and element.attributes:
            given = {key[1:]: value[key] for key in value if key.startswith("@")}
            yield from self._given_attributes(path, element.attributes, given)
            value = value.get(TEXT, "")
        if value == "":
            yield from _emptiness(path, element)
            return
        text = leaves.fault(element.type, value)
        if text:
            yield Violation(path, value, "type", f"{element.name} {text}")
        elif element.enum and value not in element.enum:
            yield _enum(path, element.name, value, element.enum)
        elif isinstance(value, str):
            yield from self._text(path, element.name, value, element.length)
        else:
            yield from _limits(path, element, value)

    def _text(self, path: str, name: str, value: object, length: int | None) -> Iterator[Violation]:
        if not isinstance(value, str):
            yield Violation(path, value, "type", f"{name} {leaves.fault('STR', value)}")
            return
        if length is not None and len(value) > length:
            text = f"{name} has {len(value)} characters, QuickBooks allows {length}"
            yield Violation(path, value, "length", text)
        lost = lost_characters(value)
        if lost:
            text = f"{name} holds characters that QuickBooks cannot keep: {spell(lost)}"
            yield Violation(path, value, "character", text)

    # -- sentences ---------------------------------------------------------------------------------

    def unknown(self, path: str, name: str, value: object, known: tuple[str, ...]) -> Violation:
        near = get_close_matches(name.removeprefix("attribute "), known, 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        return Violation(path, value, "unknown", f"{name} does not exist here in qbXML 13.0{hint}")

    def _too_new(self, path: str, name: str, value: object, since: str) -> Violation:
        text = f"{name} needs qbXML {since}, this company speaks {self.text}"
        return Violation(path, value, "version", text, since)


def _emptiness(path: str, element: Element) -> Iterator[Violation]:
    rule: Rule = "empty"
    if element.type not in leaves.MAY_BE_EMPTY and not (element.type == "ENUM" and not element.enum):
        yield Violation(path, "", rule, f"{element.name} cannot be emptied")
    elif element.name in NEVER_EMPTY and element.low:
        yield Violation(path, "", rule, f"{element.name} must not be empty")


def _limits(path: str, element: Element, value: Any) -> Iterator[Violation]:
    if element.limits is None:
        return
    low, high = element.limits
    if (low and value < int(low)) or (high and value > int(high)):
        span = f"{low} to {high}" if high else f"at least {low}"
        yield Violation(path, value, "type", f"{element.name} must be {span}, not {value}")


def _enum(path: str, name: str, value: object, choices: tuple[str, ...]) -> Violation:
    near = get_close_matches(str(value), choices, 1, 0.5)
    shown = ", ".join(choices) if len(choices) <= 12 else f"{', '.join(choices[:12])} ..."
    hint = f"; did you mean {near[0]}?" if near else ""
    return Violation(path, value, "enum", f'{name} cannot be "{value}", only {shown}{hint}')


def _present(part: Part, values: Mapping[str, Any]) -> bool:
    if isinstance(part, Element):
        return part.name in values and values[part.name] not in ([], ())
    return any(_present(inner, values) for inner in part.parts)


def _may_be_absent(part: Part) -> bool:
    if part.low == 0:
        return True
    if isinstance(part, Element):
        return False
    check = all if part.kind == "sequence" else any
    return check(_may_be_absent(inner) for inner in part.parts)


def _flat(parts: tuple[Part, ...]) -> Iterator[Element]:
    for part in parts:
        if isinstance(part, Element):
            yield part
        else:
            yield from _flat(part.parts)


def _names(parts: tuple[Part, ...], values: Mapping[str, Any] | None = None) -> str:
    """The names of alternatives, for a sentence; only those given when values are."""
    names = [element.name for element in _flat(parts) if values is None or element.name in values]
    return ", ".join(names)


def _first(part: Part, values: Mapping[str, Any]) -> str:
    return next(element.name for element in _flat((part,)) if element.name in values)
