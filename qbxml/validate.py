"""Judge a request against the field tables: every violation at once, each with its path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from qbxml import leaves, tables
from qbxml.errors import Violation
from qbxml.messages import ORDER, TEXT, Request
from qbxml.mixed import order_fault
from qbxml.tables import Attribute, Element, Group, Part, Shape, Version, elements, version_of
from qbxml.text import lost_characters, spell

REQUEST_ID_LENGTH = 50  # qbXML reference: status 1060
# Leaves that name the object itself: empty, they would name nothing (status 3150), while other leaves are cleared so.
NEVER_EMPTY = frozenset({"ListID", "TxnID", "TxnLineID", "EditSequence", "Name", "FullName"})
_SHOWN_CHOICES = 12

Values = Mapping[str, Any]


def validate(request: Request, version: str = "13.0") -> tuple[Violation, ...]:
    """Everything QuickBooks Desktop (US) would refuse in a request, given the qbXML version the company speaks.

    Empty when the request is good. Only the form is judged: names that do not exist in the company file, closed
    periods and the like are QuickBooks' to answer. Raises ValueError when `version` is no version number.
    """
    judge = _Judge(version, version_of(version))
    if not tables.has(request.name) or not request.name.endswith("Rq"):
        return (_unknown(request.name, request.name, request.values, tables.requests()),)
    return tuple(judge.request(request, tables.shape(request.name)))


@dataclass(frozen=True)
class _Judge:
    """One pass over one request for one version."""

    spoken: str
    version: Version

    def request(self, request: Request, shape: Shape) -> Iterator[Violation]:
        if shape.version > self.version:
            yield self._too_new(request.name, request.name, request.values, shape.since)
        yield from _request_attributes(request, shape)
        yield from self._content(request.name, shape, request.values)

    def _content(self, path: str, shape: Shape, values: Values) -> Iterator[Violation]:
        yield from _attributes(path, shape.attributes, _marked(values))
        for name in values:
            if name not in shape.by_name and name[:1] not in "@#":
                yield _unknown(f"{path}/{name}", name, values[name], tuple(shape.by_name))
        fault = order_fault(shape, values)
        if fault:
            yield Violation(f"{path}/{ORDER}", values[ORDER], "order", fault)
        yield from _colon(path, shape, values)
        for part in shape.parts:
            yield from self._part(path, part, values)

    def _part(self, path: str, part: Part, values: Values) -> Iterator[Violation]:
        if isinstance(part, Element):
            yield from self._element(path, part, values)
        elif part.kind == "choice":
            yield from self._choice(path, part, values)
        else:
            for inner in part.parts:
                yield from self._part(path, inner, values)

    def _choice(self, path: str, group: Group, values: Values) -> Iterator[Violation]:
        taken = [part for part in group.parts if _given((part,), values)]
        if not taken and not group.may_be_absent and self._any_known(group):
            yield Violation(path, None, "missing", f"one of {_names(group.parts)} must be given")
        if len(taken) > 1 and group.high == 1:
            given = _given(taken, values)
            text = f"only one of {_names(group.parts)} may be given, here are {', '.join(given)}"
            yield Violation(path, given, "choice", text)
        for part in taken:
            yield from self._part(path, part, values)

    def _any_known(self, group: Group) -> bool:
        return any(element.version <= self.version for element in elements(group.parts))

    def _element(self, path: str, element: Element, values: Values) -> Iterator[Violation]:
        here = f"{path}/{element.name}"
        if element.name not in values:
            if (
                element.low
                and not element.alternates
                and element.version <= self.version
                and not element.elsewhere
            ):
                yield Violation(here, None, "missing", f"{element.name} is required")
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
        yield from _count(path, element, len(value))
        for number, item in enumerate(value, 1):
            yield from self._single(f"{path}[{number}]", element, item)

    def _single(self, path: str, element: Element, value: object) -> Iterator[Violation]:
        if isinstance(value, list | tuple):
            yield Violation(path, value, "repeat", f"{element.name} may be given only once")
        elif element.is_leaf:
            yield from _leaf(path, element, value)
        elif value == "":
            yield from self._content(path, element.of, {})
        elif isinstance(value, Mapping):
            yield from self._content(path, element.of, value)
        else:
            yield Violation(path, value, "type", f"{element.name} holds other fields and must be a mapping")

    def _too_new(self, path: str, name: str, value: object, since: str) -> Violation:
        text = f"{name} needs qbXML {since}, this company speaks {self.spoken}"
        return Violation(path, value, "version", text, since)


# -- attributes ---------------------------------------------------------------------------------------


def _request_attributes(request: Request, shape: Shape) -> Iterator[Violation]:
    given = dict(request.attributes)
    path = f"{request.name}/@requestID"
    if "requestID" in given:
        yield Violation(path, given.pop("requestID"), "unknown", "requestID is given by request_id")
    if request.request_id is not None:
        yield from _text(path, "requestID", request.request_id, REQUEST_ID_LENGTH)
    yield from _attributes(request.name, shape.attributes, given)
    if given.get("iterator") in ("Continue", "Stop") and not given.get("iteratorID"):
        text = f"iterator {given['iterator']} needs the iteratorID of the answer before"
        yield Violation(f"{request.name}/@iteratorID", None, "missing", text)


def _marked(values: Values) -> dict[str, Any]:
    """The attributes among values."""
    return {key[1:]: values[key] for key in values if key.startswith("@")}


def _attributes(path: str, allowed: tuple[Attribute, ...], given: Values) -> Iterator[Violation]:
    by_name = {attribute.name: attribute for attribute in allowed}
    for name, value in given.items():
        here = f"{path}/@{name}"
        if name not in by_name:
            yield _unknown(here, name, value, tuple(by_name), "The attribute ")
        elif by_name[name].choices and value not in by_name[name].choices:
            yield _enum(here, name, value, by_name[name].choices)
        else:
            yield from _text(here, name, value, None)


# -- leaves -------------------------------------------------------------------------------------------


def _leaf(path: str, element: Element, value: object) -> Iterator[Violation]:
    if isinstance(value, Mapping) and element.attributes:
        yield from _attributes(path, element.attributes, _marked(value))
        if TEXT not in value:  # a macro stands for the value
            return
        value = value[TEXT]
    if value == "":
        yield from _emptiness(path, element)
        return
    fault = leaves.fault(element.type, value)
    if fault:
        yield Violation(path, value, "type", f"{element.name} {fault}")
    elif element.enum and value not in element.enum:
        yield _enum(path, element.name, value, element.enum)
    elif isinstance(value, str):
        yield from _text(path, element.name, value, element.length)
    else:
        yield from _limits(path, element, value)


def _emptiness(path: str, element: Element) -> Iterator[Violation]:
    if element.enum or element.type not in leaves.MAY_BE_EMPTY:
        yield Violation(path, "", "empty", f"{element.name} cannot be emptied")
    elif element.name in NEVER_EMPTY and element.low:
        yield Violation(path, "", "empty", f"{element.name} must not be empty")


def _text(path: str, name: str, value: object, length: int | None) -> Iterator[Violation]:
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


def _limits(path: str, element: Element, value: Any) -> Iterator[Violation]:
    if element.limits is None:
        return
    low, high = element.limits
    if (low and value < int(low)) or (high and value > int(high)):
        span = f"{low} to {high}" if high else f"at least {low}"
        yield Violation(path, value, "type", f"{element.name} must be {span}, not {value}")


def _colon(path: str, shape: Shape, values: Values) -> Iterator[Violation]:
    """A colon separates the levels of a FullName, so no name in a hierarchy may hold one (status 3090)."""
    name = values.get("Name")
    if isinstance(name, str) and ":" in name and {"Name", "ParentRef"} <= shape.by_name.keys():
        text = (
            "Name holds a colon, which separates the levels of a full name; use ParentRef for the level above"
        )
        yield Violation(f"{path}/Name", name, "character", text)


def _count(path: str, element: Element, count: int) -> Iterator[Violation]:
    if element.alternates:
        return
    if element.high is not None and count > element.high:
        text = f"{element.name} is given {count} times, QuickBooks allows {element.high}"
        yield Violation(path, count, "repeat", text)
    if count < element.low:
        yield Violation(path, count, "missing", f"at least one {element.name} is required")


# -- sentences ----------------------------------------------------------------------------------------


def _unknown(path: str, name: str, value: object, known: tuple[str, ...], before: str = "") -> Violation:
    near = get_close_matches(name, known, 3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return Violation(path, value, "unknown", f"{before}{name} does not exist here in qbXML 13.0{hint}")


def _enum(path: str, name: str, value: object, choices: tuple[str, ...]) -> Violation:
    near = get_close_matches(str(value), choices, 1, 0.5)
    shown = ", ".join(choices[:_SHOWN_CHOICES]) + (" ..." if len(choices) > _SHOWN_CHOICES else "")
    hint = f"; did you mean {near[0]}?" if near else ""
    return Violation(path, value, "enum", f'{name} cannot be "{value}", only {shown}{hint}')


def _given(parts: tuple[Part, ...] | list[Part], values: Values) -> list[str]:
    """The names below these parts that are given; an empty list is not."""
    names = (element.name for element in elements(parts))
    return [name for name in names if name in values and values[name] not in ([], ())]


def _names(parts: tuple[Part, ...]) -> str:
    """Alternatives for a sentence; what belongs together stands in parentheses."""
    return " or ".join(
        f"({', '.join(element.name for element in elements(part.parts))})"
        if isinstance(part, Group)
        else part.name
        for part in parts
    )
