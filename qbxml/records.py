"""Turn one element of an answer into values, forgiving what QuickBooks does outside its specification."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeAlias

from lxml import etree

from qbxml import leaves, tables
from qbxml.messages import ORDER, TEXT
from qbxml.secure import DEPTH, UnsafeXmlError
from qbxml.tables import Element, Shape

Node: TypeAlias = "etree._Element"
Notes: TypeAlias = list[str]
_Read: TypeAlias = Callable[[Node, Notes], Any]


class Reader:
    """Reads the children of one shape. Everything that can be decided before the data comes is decided here."""

    def __init__(self, shape: Shape) -> None:
        self._known = {element.name: (_read_of(element), element.listed) for element in shape.order}
        self._shape = shape
        self._attributes = bool(shape.attributes)

    def values(self, node: Node, notes: Notes) -> dict[str, Any]:
        """The children (and attributes, where the shape has some) of a node."""
        values: dict[str, Any] = {f"@{name}": text for name, text in node.items()} if self._attributes else {}
        known = self._known
        for child in node:
            name = child.tag
            entry = known.get(name)
            if entry is None:
                _keep_unknown(values, child, notes)
            elif entry[1]:
                values.setdefault(name, []).append(entry[0](child, notes))
            elif name in values:
                notes.append(f"{path_of(child)}: given more than once, the first is kept")
            else:
                values[name] = entry[0](child, notes)
        if self._shape.mixed:
            told = self._shape.mixed_order(str(child.tag) for child in node)
            values.update({ORDER: told} if told else {})
        return values

    def child(self, node: Node, notes: Notes) -> Any:
        """One child by itself, as `values` would hold it."""
        entry = self._known.get(node.tag)
        if entry is None:
            notes.append(f"{path_of(node)}: not in qbXML 13.0")
            return _unknown(node, 0)
        return entry[0](node, notes)


@cache
def reader_of(name: str) -> Reader:
    """The reader of a message or aggregate. Raises KeyError."""
    return Reader(tables.shape(name))


def path_of(node: Node) -> str:
    """Where a node stands, from its record on: "CustomerRet/BillAddress/Addr1"."""
    names = [str(node.tag), *(str(above.tag) for above in node.iterancestors())]
    return "/".join(reversed(names[:-3] if len(names) > 3 else names))


def _read_of(element: Element) -> _Read:
    if not element.is_leaf:
        return _Aggregate(element).read
    if element.attributes:
        return _with_attributes(_leaf(element))
    return _leaf(element)


class _Aggregate:
    """An aggregate's reader, made when the first one is met."""

    def __init__(self, element: Element) -> None:
        self._shape = element.shape

    def read(self, node: Node, notes: Notes) -> dict[str, Any]:
        return reader_of(self._shape).values(node, notes)


def _leaf(element: Element) -> _Read:
    if element.type in leaves.READERS:
        return _typed(leaves.READERS[element.type], element.type == "PERCENT")
    if element.enum:
        return _listed_text(frozenset(element.enum))
    return _text


def _text(node: Node, notes: Notes) -> Any:
    text = node.text
    if text is None or len(node):
        return _unusual_leaf(node, notes)
    return text


def _unusual_leaf(node: Node, notes: Notes) -> Any:
    """An empty leaf, or one that holds elements against the specification."""
    if not len(node):
        return node.text or ""
    notes.append(f"{path_of(node)}: holds other fields, a text was expected")
    return _unknown(node, 0)


def _typed(convert: Callable[[str], Any], percent: bool) -> _Read:
    def read(node: Node, notes: Notes) -> Any:
        text = node.text
        if text is None or len(node):
            return _unusual_leaf(node, notes)
        try:
            return convert(text)
        except ValueError:
            return _repaired(node, text, convert, percent, notes)

    return read


def _repaired(node: Node, text: str, convert: Callable[[str], Any], percent: bool, notes: Notes) -> Any:
    """A value with a percent sign loses it; anything else that does not fit its type stays the text it was."""
    if percent and text.rstrip().endswith("%"):
        try:
            value = convert(text.rstrip().rstrip("%"))
        except ValueError:
            pass
        else:
            notes.append(f'{path_of(node)}: "{text}" is printed with a percent sign')
            return value
    if text.strip():
        notes.append(f'{path_of(node)}: "{text}" does not fit its type, kept as text')
    return text.strip() and text


def _listed_text(choices: frozenset[str]) -> _Read:
    def read(node: Node, notes: Notes) -> Any:
        text = node.text
        if text in choices:
            return text
        if text is None or len(node):
            return _unusual_leaf(node, notes)
        notes.append(f'{path_of(node)}: "{text}" is not one of the listed values')
        return text

    return read


def _with_attributes(plain: _Read) -> _Read:
    def read(node: Node, notes: Notes) -> Any:
        value = plain(node, notes)
        if not node.attrib:
            return value
        attributes = {f"@{name}": text for name, text in node.items()}
        return attributes if value == "" else {**attributes, TEXT: value}

    return read


_DEEPEST: Final = DEPTH - 4


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
    if depth > _DEEPEST:
        raise UnsafeXmlError(f"its elements are nested more than {DEPTH} deep")
    values: dict[str, Any] = {}
    for child in node:
        _keep(values, str(child.tag), _unknown(child, depth + 1))
    return values
