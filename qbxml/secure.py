"""Reading XML from elsewhere: no DOCTYPE, no entities, no network, bounded."""

from __future__ import annotations

from typing import Final
from xml.parsers import expat

from lxml import etree

BLOCK: Final = 65_536
PROLOG: Final = 1 << 20  # comments may stand before the root element, but not without end
DEPTH: Final = 64  # far more than any message of qbXML 13.0 has


class UnsafeXmlError(ValueError):
    """A document that is not read at all, or no further; the text completes "it cannot be read: "."""


class _SeenEnough(Exception):
    """Leaves expat in the middle of a document."""


class Prolog:
    """Looks at the start of a document, block by block, until its root element: a DOCTYPE ends the reading.

    `names` are its first elements, the root and as many more as were asked for; `instructions` stand before
    the last of them. huge_tree switches libxml2's own limits on entities off, so no entity may be declared at
    all; only a real parser finds the declaration in every encoding.
    """

    def __init__(self, encoding: str | None = None, elements: int = 1) -> None:
        self.names: list[str] = []
        self.instructions: dict[str, str] = {}
        self.encoding = ""  # as declared
        self._wanted = elements
        self._read = 0
        self._parser = expat.ParserCreate(encoding)
        self._parser.StartElementHandler = self._element
        self._parser.XmlDeclHandler = self._declaration
        self._parser.ProcessingInstructionHandler = self._instruction
        self._parser.StartDoctypeDeclHandler = self._doctype

    @property
    def root(self) -> str:
        """The name of the root element, empty until it was seen."""
        return self.names[0] if self.names else ""

    def feed(self, block: bytes) -> None:
        """Look at one more block, if anything is still to be seen. Raises UnsafeXmlError."""
        if len(self.names) == self._wanted:
            return
        self._read += len(block)
        try:
            self._parser.Parse(block, False)
        except _SeenEnough:
            return
        except UnsafeXmlError:
            raise
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise UnsafeXmlError(f"it is not well-formed: {error}") from error
        if self._read > PROLOG and not self.names:
            raise UnsafeXmlError("it has no root element")

    def _element(self, name: str, _attributes: dict[str, str]) -> None:
        self.names.append(name)
        if len(self.names) == self._wanted:
            raise _SeenEnough

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.encoding = encoding or ""

    def _instruction(self, target: str, data: str) -> None:
        self.instructions[target] = data

    def _doctype(self, *_: object) -> None:
        raise UnsafeXmlError("it has a DOCTYPE, which qbXML never has")


def pull_parser(encoding: str | None) -> etree.XMLPullParser:
    """A parser to feed block by block; it reports the root element and drops comments and instructions."""
    return etree.XMLPullParser(
        ("start",),
        tag="QBXML",
        encoding=encoding,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )


def attributes_of(node: etree._Element) -> dict[str, str]:
    """The attributes of an element as plain texts."""
    return {str(name): str(text) for name, text in node.attrib.items()}


def read_tree(document: bytes, *, encoding: str | None = None) -> etree._Element:
    """The tree of a small document without comments and instructions. Raises UnsafeXmlError."""
    prolog = Prolog(encoding)
    prolog.feed(document)
    if not prolog.root:
        raise UnsafeXmlError("it has no root element")
    parser = etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,  # libxml2's own limits are right for what is read as a whole: 256 levels, 10 MB of text
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise UnsafeXmlError(f"it is not well-formed: {error.msg}") from error
