"""Read answers of QuickBooks in a stream, one record at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, Final, TypeAlias

from lxml import etree

from qbxml import tables
from qbxml.errors import UnreadableAnswer
from qbxml.messages import TEXT, Answer, Response, Ret, SetStatus, Severity, Status
from qbxml.records import Reader, reader_of
from qbxml.secure import BLOCK, Prolog, UnsafeXmlError, attributes_of, pull_parser
from qbxml.tables import Shape

Part: TypeAlias = SetStatus | Status | Ret
Node: TypeAlias = "etree._Element"

RECORD_BYTES: Final = 64 << 20  # no single record is as long; a longer one is an attack or a broken stream
MESSAGE_SETS: Final = ("QBXMLMsgsRs", "QBXMLSubscriptionMsgsRs")
_SEVERITIES: Final[dict[str, Severity]] = {
    "info": "Info",
    "warn": "Warn",
    "warning": "Warn",
    "error": "Error",
}
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"


def parse(source: bytes | str | BinaryIO) -> Iterator[Part]:
    """The parts of an answer in document order: one SetStatus, then each Status before its records.

    Memory stays at one record and one block, whatever the length of the answer. What real QuickBooks does
    outside its own specification is read and noted in Ret.notes, never refused. A repeatable field is always
    a list, a date-time without a time stays a date, an empty leaf is "". Raises UnreadableAnswer, possibly
    after some records were given.
    """
    try:
        yield from _parts(_blocks(source), "utf-8" if isinstance(source, str) else None)
    except UnsafeXmlError as error:
        raise UnreadableAnswer(f"the answer of QuickBooks cannot be read: {error}") from error
    except etree.XMLSyntaxError as error:
        raise UnreadableAnswer(f"the answer of QuickBooks is not well-formed XML: {error.msg}") from error


def read(source: bytes | str | BinaryIO) -> Answer:
    """A small answer as a whole. Raises UnreadableAnswer."""
    set_status = SetStatus()
    gathered: list[tuple[Status, list[Ret]]] = []
    for part in parse(source):
        if isinstance(part, SetStatus):
            set_status = part
        elif isinstance(part, Status):
            gathered.append((part, []))
        else:
            gathered[-1][1].append(part)
    return Answer(set_status, tuple(Response(status, tuple(rets)) for status, rets in gathered))


def _blocks(source: bytes | str | BinaryIO) -> Iterator[bytes]:
    """The document in blocks; blanks and a byte order mark before it are forgiven."""
    if isinstance(source, str):
        source = source.encode("utf-8", "surrogatepass")
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    block = file.read(BLOCK)
    while block and not block.strip(_BLANK):
        block = file.read(BLOCK)
    block = block.lstrip(_BLANK)
    while block:
        yield block
        block = file.read(BLOCK)


def _parts(blocks: Iterator[bytes], encoding: str | None) -> Iterator[Part]:
    """Feed the parser and take finished elements out of its tree.

    No events per field are asked for: an element is finished when another follows it or its parent is. That
    costs one step per record instead of two per field.
    """
    prolog, parser, harvest = Prolog(encoding), pull_parser(encoding), _Harvest()
    for block in blocks:
        prolog.feed(block)
        if prolog.root not in ("", "QBXML"):
            raise UnsafeXmlError(f"its root is {prolog.root}, not QBXML")
        parser.feed(block)
        for _, node in parser.read_events():
            harvest.begin(node)
        yield from harvest.finished(len(block))
    if not prolog.root:
        raise UnsafeXmlError("it is empty")
    parser.close()
    yield from harvest.rest()


class _Harvest:
    """The tree of one answer while it grows."""

    def __init__(self) -> None:
        self._root: Node | None = None
        self._set: Node | None = None
        self._answer: _Answer | None = None
        self._waiting = 0

    def begin(self, node: object) -> None:
        """The root has appeared; nested elements of its name are not looked at."""
        if self._root is None and isinstance(node, etree._Element):
            self._root = node

    def finished(self, grown: int) -> Iterator[Part]:
        """What has become complete with the last block of `grown` bytes."""
        self._waiting += grown
        for part in self._take(closed=False):
            self._waiting = 0
            yield part
        if self._waiting > RECORD_BYTES:
            raise UnsafeXmlError(f"one record is longer than {RECORD_BYTES >> 20} MiB")

    def rest(self) -> Iterator[Part]:
        """What is left when the document has ended."""
        yield from self._take(closed=True)
        sets = [node for node in self._root if node.tag in MESSAGE_SETS] if self._root is not None else []
        if len(sets) != 1:
            raise UnsafeXmlError(f"it holds {len(sets)} message sets (QBXMLMsgsRs), one was expected")

    def _take(self, *, closed: bool) -> Iterator[Part]:
        if self._set is None:
            self._set = self._find_set()
            if self._set is None:
                return
            yield _set_status(self._set)
        for node in _finished(self._set, closed=closed):
            yield from self._from(node, complete=True)
            self._answer = None
        for node in self._set:  # at most one is left: the answer that is still growing
            yield from self._from(node, complete=False)

    def _from(self, node: Node, *, complete: bool) -> Iterator[Part]:
        if self._answer is None:
            self._answer = _Answer(node)
            yield self._answer.status
        yield from self._answer.take(node, complete=complete)

    def _find_set(self) -> Node | None:
        if self._root is None:
            return None
        return next((node for node in self._root if node.tag in MESSAGE_SETS), None)


def _finished(parent: Node, *, closed: bool) -> Iterator[Node]:
    """Children that the parser has left behind; each leaves the tree after its turn."""
    child = next(iter(parent), None)
    while child is not None:
        follower = child.getnext()
        if follower is None and not closed:
            return
        yield child
        if child.getparent() is parent:
            parent.remove(child)
        child = follower


class _Answer:
    """One answer element while it is read."""

    def __init__(self, node: Node) -> None:
        self.status = _status(node)
        known = tables.has(node.tag)
        shape = tables.shape(node.tag) if known else Shape(node.tag, "", (), ())
        self._reader = reader_of(node.tag) if known else Reader(shape)
        self._flat = any(element.is_leaf for element in shape.order)
        self._held = etree.Element(node.tag)

    def take(self, node: Node, *, complete: bool) -> Iterator[Ret]:
        """The records that are finished; the answer's own fields (ListDel, TxnDel, TxnVoid) are one of them."""
        for child in _finished(node, closed=complete):
            if self._flat and child.tag != "ErrorRecovery":
                self._held.append(child)
            else:
                yield from self._own()
                yield self._ret(child)
        if complete:
            yield from self._own()

    def _own(self) -> Iterator[Ret]:
        if len(self._held):
            notes: list[str] = []
            yield Ret(self.status.name, self._reader.values(self._held, notes), self.status, tuple(notes))
            self._held = etree.Element(self.status.name)

    def _ret(self, node: Node) -> Ret:
        notes: list[str] = []
        values = self._reader.child(node, notes)
        values = values if isinstance(values, dict) else {TEXT: values}
        return Ret(node.tag, values, self.status, tuple(notes))


def _set_status(node: Node) -> SetStatus:
    given = attributes_of(node)
    return SetStatus(_integer(given.get("messageSetStatusCode")), given.get("newMessageSetID"))


def _status(node: Node) -> Status:
    given = attributes_of(node)
    code = _integer(given.get("statusCode"))
    if code is None:
        raise UnsafeXmlError(f"{node.tag} has no statusCode")
    return Status(
        name=node.tag,
        request_id=given.get("requestID"),
        code=code,
        severity=_SEVERITIES.get(given.get("statusSeverity", "").strip().lower()) or _severity_of(code),
        message=given.get("statusMessage", ""),
        ret_count=_integer(given.get("retCount")),
        iterator_id=given.get("iteratorID"),
        iterator_remaining=_integer(given.get("iteratorRemainingCount")),
    )


def _severity_of(code: int) -> Severity:
    """By the ranges of the qbXML reference: up to 499 information, up to 999 warning."""
    return "Info" if code < 500 else "Warn" if code < 1000 else "Error"


def _integer(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 12 else None
