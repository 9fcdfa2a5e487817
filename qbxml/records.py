"""Turn one element of an answer into values, forgiving what QuickBooks does outside its specification."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeAlias

from lxml import etree

from qbxml import leaves, tables
from qbxml.messages import ORDER, TEXT
from qbxml.secure import DEPTH, UnsafeXmlError, attributes_of
from qbxml.tables import Element, Shape

Node: TypeAlias = "etree._Element"
Notes: TypeAlias = list[str]
_Read: TypeAlias = Callable[[Node, Notes], Any]

_ENVELOPE: Final = 3  # QBXML, QBXMLMsgsRs and the answer stand above a record


class Reader:
    """Reads the children of one shape. Everything that can be decided before the data comes is decided here."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._required = shape.required
        first = min(
            (shape.place[name] for name in shape.mixed), default=0
        )  # mixed members stand in one place
        self._known = {
            element.name: (_read_of(element), element.listed, first if element.name in shape.mixed else place)
            for place, element in enumerate(shape.order)
        }

    def values(self, node: Node, notes: Notes) -> dict[str, Any]:
        """The children (and attributes, where the shape has some) of a node."""
        values: dict[str, Any] = {}
        known, reached = self._known, 0
        for child in node:
            name = child.tag
            entry = known.get(name)
            if entry is None:
                _keep_unknown(values, child, notes)
                continue
            if entry[2] >= reached:
                reached = entry[2]
            elif name not in values:
                notes.append(f"{path_of(child)}: not in the order of qbXML 13.0")
            if entry[1]:
                values.setdefault(name, []).append(entry[0](child, notes))
            elif name in values:
                notes.append(f"{path_of(child)}: given more than once, the first is kept")
            else:
                values[name] = entry[0](child, notes)
        if self._required and not self._required <= values.keys():
            _note_missing(node, sorted(self._required - values.keys()), notes)
        return {**values, **self._extras(node)} if self._shape.attributes or self._shape.mixed else values

    def child(self, node: Node, notes: Notes) -> Any:
        """One child by itself, as `values` would hold it."""
        entry = self._known.get(node.tag)
        if entry is not None:
            return entry[0](node, notes)
        notes.append(f"{path_of(node)}: not in qbXML 13.0 at this place")
        return reader_of(node.tag).values(node, notes) if tables.has(node.tag) else _unknown(node, 0)

    def _extras(self, node: Node) -> dict[str, Any]:
        """Attributes, and how the members of mixed lists follow each other."""
        extras: dict[str, Any] = {f"@{name}": text for name, text in attributes_of(node).items()}
        told = self._shape.mixed_order(str(child.tag) for child in node)
        return {**extras, ORDER: told} if told else extras


@cache
def reader_of(name: str) -> Reader:
    """The reader of a message or aggregate. Raises KeyError."""
    return Reader(tables.shape(name))


def path_of(node: Node) -> str:
    """Where a node stands, from its record on: "CustomerRet/BillAddress/Addr1"."""
    names = [str(node.tag), *(str(above.tag) for above in node.iterancestors())]
    return "/".join(reversed(names[:-_ENVELOPE] if len(names) > _ENVELOPE else names))


# -- leaves -------------------------------------------------------------------------------------------


def _read_of(element: Element) -> _Read:
    if not element.is_leaf:
        return _Aggregate(element.shape).read
    return _with_attributes(_leaf(element)) if element.attributes else _leaf(element)


class _Aggregate:
    """An aggregate's reader, made when the first one is met."""

    def __init__(self, shape: str) -> None:
        self._shape = shape

    def read(self, node: Node, notes: Notes) -> dict[str, Any]:
        return reader_of(self._shape).values(node, notes)


def _leaf(element: Element) -> _Read:
    if element.type in leaves.READERS:
        return _typed(element.type)
    return _enumerated(frozenset(element.enum)) if element.enum else _text


def _text(node: Node, notes: Notes) -> Any:
    text = node.text
    return _unusual(node, notes) if text is None or len(node) else text


def _typed(kind: str) -> _Read:
    convert = leaves.READERS[kind]

    def read(node: Node, notes: Notes) -> Any:
        text = node.text
        if text is None or len(node):
            return _unusual(node, notes)
        try:
            value = convert(text)
        except ValueError:
            return _repaired(node, text, convert if kind == "PERCENT" else None, notes)
        if not leaves.is_in_form(kind, text):
            notes.append(f'{path_of(node)}: "{text}" is not written as qbXML 13.0 has it')
        return value

    return read


def _enumerated(choices: frozenset[str]) -> _Read:
    def read(node: Node, notes: Notes) -> Any:
        text = node.text
        if text not in choices:
            if text is None or len(node):
                return _unusual(node, notes)
            notes.append(f'{path_of(node)}: "{text}" is not one of the listed values')
        return text

    return read


def _with_attributes(plain: _Read) -> _Read:
    def read(node: Node, notes: Notes) -> Any:
        value = plain(node, notes)
        attributes = {f"@{name}": text for name, text in attributes_of(node).items()}
        if not attributes:
            return value
        return attributes if value == "" else {**attributes, TEXT: value}

    return read


def _unusual(node: Node, notes: Notes) -> Any:
    """An empty leaf, or one that holds elements against the specification."""
    if not len(node):
        return node.text or ""
    notes.append(f"{path_of(node)}: holds other fields, a text was expected")
    return _unknown(node, 0)


def _repaired(node: Node, text: str, percent: Callable[[str], Any] | None, notes: Notes) -> Any:
    """A percentage loses its sign; anything else that does not fit its type stays the text it was."""
    bare = text.strip()
    if percent and bare.endswith("%"):
        try:
            value = percent(bare.removesuffix("%"))
        except ValueError:
            value = text
        notes.append(f'{path_of(node)}: "{bare}" is printed with a percent sign')
        return value
    if bare:
        notes.append(f'{path_of(node)}: "{bare}" does not fit its type, kept as text')
    return text if bare else ""


# -- outside the specification -------------------------------------------------------------------------


def _note_missing(node: Node, names: list[str], notes: Notes) -> None:
    notes.extend(f"{path_of(node)}/{name}: missing, qbXML 13.0 has it always" for name in names)


def _keep_unknown(values: dict[str, Any], node: Node, notes: Notes) -> None:
    notes.append(f"{path_of(node)}: not in qbXML 13.0")
    _keep(values, str(node.tag), _unknown(node, 0))


def _keep(values: dict[str, Any], name: str, value: Any) -> None:
    """Without a table only a second element of one name shows that it repeats."""
    if name not in values:
        values[name] = value
    elif isinstance(values[name], list):
        values[name].append(value)
    else:
        values[name] = [values[name], value]


def _unknown(node: Node, depth: int) -> Any:
    if not len(node):
        return node.text or ""
    if depth > DEPTH:
        raise UnsafeXmlError(f"its elements are nested more than {DEPTH} deep")
    values: dict[str, Any] = {}
    for child in node:
        _keep(values, str(child.tag), _unknown(child, depth + 1))
    return values
