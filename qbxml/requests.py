"""Read request documents as strictly as QuickBooks' own parser, for simulators and checks."""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

from lxml import etree

from qbxml import leaves, tables
from qbxml.build import ON_ERROR
from qbxml.content import match
from qbxml.errors import RefusedByParser
from qbxml.messages import ORDER, TEXT, OnError, Request, RequestSet
from qbxml.negotiate import KNOWN
from qbxml.secure import Prolog, UnsafeXmlError, attributes_of, read_tree
from qbxml.tables import Attribute, Element, Shape, Version, version_of

Node: TypeAlias = "etree._Element"

VERSION_REFUSED: Final = "0x80040423"
_VERSION = re.compile(r"""\s*version\s*=\s*(["'])(?P<version>[^"']*)\1\s*""")
_BEYOND_LATIN1 = re.compile(r"[^\x00-\xff]")
_SET_ATTRIBUTES: Final = {
    "onError": ON_ERROR,
    "responseData": ("includeAll", "includeNone"),
    "newMessageSetID": (),
    "oldMessageSetID": (),
}


def read_request(text: str | bytes) -> RequestSet:
    """A request document, read as QuickBooks reads it before it looks at any single request.

    Refused are: anything before the XML declaration, no or an unknown qbxml version, not well-formed XML, a
    character outside Latin-1 that is not written as a reference, an unknown element or attribute, a wrong
    order, a missing or repeated element, a value outside its enumeration, a field newer than the version.
    Values that are wrong only for their own request (too long, an amount of one decimal) come through as the text
    they were; `validate` tells about them, as QuickBooks answers them one by one (3040, 3070 ...). Raises
    RefusedByParser.
    """
    document = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    _look_at_characters(text)
    encoding = "utf-8" if isinstance(text, str) else None
    try:
        version = _instruction(document, encoding)
        root = read_tree(document, encoding=encoding)
    except UnsafeXmlError as error:
        raise RefusedByParser("", f"the request cannot be read: {error}") from error
    message_set = _message_set(root)
    given = attributes_of(message_set)
    numbers = version_of(version)
    return RequestSet(
        version=version,
        on_error=_on_error(given),
        new_message_set_id=given.get("newMessageSetID"),
        old_message_set_id=given.get("oldMessageSetID"),
        requests=tuple(read_one(node, numbers) for node in message_set),
        response_data=given.get("responseData", "includeAll"),
    )


def read_one(node: Node, version: Version = tables.NEWEST) -> Request:
    """One request element. Raises RefusedByParser."""
    name = str(node.tag)
    if not name.endswith("Rq") or not tables.has(name):
        raise RefusedByParser(name, f"{name} is no request of qbXML 13.0")
    shape = tables.shape(name)
    if shape.version > version:
        raise RefusedByParser(name, f"{name} needs qbXML {shape.since}, the document says {_dotted(version)}")
    _look_at_attributes(name, node, shape.attributes)
    attributes = attributes_of(node)
    request_id = attributes.pop("requestID", None)
    return Request(name, _values(name, node, shape, version), request_id, attributes)


# -- the envelope ----------------------------------------------------------------------------------


def _look_at_characters(text: str | bytes) -> None:
    if isinstance(text, bytes):
        text = _decoded(text)
    if text[:1] != "<":
        raise RefusedByParser("", "nothing, not even a space, may stand before the XML declaration")
    found = _BEYOND_LATIN1.search(text)
    if found:
        character = f"{found.group()} (U+{ord(found.group()):04X})"
        raise RefusedByParser(
            "", f"the character {character} is written raw; write it as a numeric reference"
        )


def _decoded(document: bytes) -> str:
    """Bytes for the look at characters only; what is no UTF-8 can hold nothing beyond one byte each."""
    try:
        return document.decode("utf-8")
    except UnicodeDecodeError:
        return document.decode("latin-1")


def _instruction(document: bytes, encoding: str | None) -> str:
    """The version in the qbxml instruction before the root element."""
    prolog = Prolog(encoding)
    prolog.feed(document)
    found = _VERSION.fullmatch(prolog.instructions.get("qbxml", ""))
    if found is None:
        raise RefusedByParser("", 'the instruction <?qbxml version="13.0"?> is missing before QBXML')
    version = found.group("version")
    if version not in KNOWN:
        raise RefusedByParser("", f'"{version}" is not a qbXML version from 1.0 to 13.0', VERSION_REFUSED)
    return version


def _message_set(root: Node) -> Node:
    if root.tag != "QBXML":
        raise RefusedByParser(str(root.tag), f"the root element is {root.tag}, not QBXML")
    children = [child for child in root if child.tag != "SignonMsgsRq"]
    if len(children) != 1 or children[0].tag != "QBXMLMsgsRq":
        names = ", ".join(str(child.tag) for child in children) or "nothing"
        raise RefusedByParser("QBXML", f"QBXML must hold one QBXMLMsgsRq, here is {names}")
    _no_text("QBXML/QBXMLMsgsRq", children[0])
    return children[0]


def _on_error(given: dict[str, str]) -> OnError:
    path = "QBXML/QBXMLMsgsRq"
    for name, value in given.items():
        if name not in _SET_ATTRIBUTES:
            raise RefusedByParser(path, f"QBXMLMsgsRq has no attribute {name}")
        if _SET_ATTRIBUTES[name] and value not in _SET_ATTRIBUTES[name]:
            raise RefusedByParser(
                path, f'{name} cannot be "{value}", only {" or ".join(_SET_ATTRIBUTES[name])}'
            )
    if "onError" not in given:
        raise RefusedByParser(path, "QBXMLMsgsRq needs the attribute onError")
    return "stopOnError" if given["onError"] == "stopOnError" else "continueOnError"


# -- requests --------------------------------------------------------------------------------------


def _values(path: str, node: Node, shape: Shape, version: Version) -> dict[str, Any]:
    _no_text(path, node)
    names = [str(child.tag) for child in node]
    match(path, shape, names, version)
    values: dict[str, Any] = {}
    for child in node:
        element = shape.by_name[child.tag]
        value = _value(f"{path}/{element.name}", child, element, version)
        if element.listed:
            values.setdefault(element.name, []).append(value)
        else:
            values[element.name] = value
    told = shape.mixed_order(names)
    return {**values, ORDER: told} if told else values


def _value(path: str, node: Node, element: Element, version: Version) -> Any:
    if element.is_leaf:
        return _leaf(path, node, element)
    _look_at_attributes(path, node, element.of.attributes)
    attributes = {f"@{name}": text for name, text in attributes_of(node).items()}
    return {**attributes, **_values(path, node, element.of, version)}


def _leaf(path: str, node: Node, element: Element) -> Any:
    if len(node):
        raise RefusedByParser(path, f"{element.name} holds {node[0].tag}, it may hold text only")
    _look_at_attributes(path, node, element.attributes)
    text = node.text or ""
    if element.enum and text not in element.enum:
        raise RefusedByParser(path, f'{element.name} cannot be "{text}", only {", ".join(element.enum)}')
    value = _converted(element.type, text)
    attributes = {f"@{name}": given for name, given in attributes_of(node).items()}
    return {**attributes, **({TEXT: value} if text else {})} if attributes else value


def _converted(kind: str, text: str) -> Any:
    reader = leaves.READERS.get(kind)
    if reader is None or not text or not leaves.is_in_form(kind, text):
        return text
    try:
        return reader(text)
    except ValueError:
        return text


def _look_at_attributes(path: str, node: Node, allowed: tuple[Attribute, ...]) -> None:
    by_name = {attribute.name: attribute for attribute in allowed}
    for name, value in attributes_of(node).items():
        if name not in by_name:
            raise RefusedByParser(path, f"{node.tag} has no attribute {name}")
        choices = by_name[name].choices
        if choices and value not in choices:
            raise RefusedByParser(path, f'{name} cannot be "{value}", only {", ".join(choices)}')


def _no_text(path: str, node: Node) -> None:
    texts = [node.text, *(child.tail for child in node)]
    found = next((text.strip() for text in texts if text and text.strip()), "")
    if found:
        raise RefusedByParser(path, f'"{found[:40]}" stands between elements of {node.tag}')


def _dotted(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
