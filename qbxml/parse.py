"""Read answers of QuickBooks in a stream, one record at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, Final, TypeAlias

from lxml import etree

from qbxml import tables
from qbxml.errors import UnreadableAnswer
from qbxml.messages import Answer, Response, Ret, SetStatus, Severity, Status
from qbxml.records import Reader, reader_of
from qbxml.secure import BLOCK, OPTIONS, Prolog, UnsafeXmlError
from qbxml.tables import Shape

Part: TypeAlias = SetStatus | Status | Ret

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

    Memory stays at one record and one block, whatever the length of the answer. What real QuickBooks does outside its
    own specification is read and noted in Ret.notes, never refused. A repeatable field is always a list, a date-time
    without a time stays a date, an empty leaf is "". Raises UnreadableAnswer, possibly after some records were given.
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
    block = file.read(BLOCK).lstrip(_BLANK)
    while block:
        yield block
        block = file.read(BLOCK)


def _parts(blocks: Iterator[bytes], encoding: str | None) -> Iterator[Part]:
    """Feed the parser and take finished elements out of its tree.

    No events are asked for: an element is finished when another follows it or its parent is. That costs one step per
    record instead of two per field.
    """
    prolog = Prolog(encoding)
    parser = etree.XMLPullParser(("start",), tag="QBXML", encoding=encoding, **OPTIONS)
    harvest = _Harvest()
    for block in blocks:
        prolog.feed(block)
        parser.feed(block)
        for _, root in parser.read_events():
            harvest.root = root if harvest.root is None else harvest.root
        yield from harvest.finished(len(block))
    if prolog.root != "QBXML":
        raise UnsafeXmlError(f"its root is {prolog.root}, not QBXML" if prolog.root else "it is empty")
    parser.close()
    yield from harvest.rest()


class _Harvest:
    """The tree of one answer while it grows."""

    def __init__(self) -> None:
        self.root: etree._Element | None = None
        self._set: etree._Element | None = None
        self._answer: _Answer | None = None
        self._waiting = 0

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
        if self._set is None:
            raise UnsafeXmlError("it holds no QBXMLMsgsRs")

    def _take(self, *, closed: bool) -> Iterator[Part]:
        if self._set is None:
            self._set = self._find_set()
            if self._set is None:
                return
            yield _set_status(self._set)
        while len(self._set):
            node = self._set[0]
            complete = closed or len(self._set) > 1
            if self._answer is None:
                self._answer = _Answer(node)
                yield self._answer.status
            yield from self._answer.take(node, complete=complete)
            if not complete:
                return
            yield from self._answer.last()
            self._answer = None
            del self._set[0]

    def _find_set(self) -> etree._Element | None:
        if self.root is None:
            return None
        return next((node for node in self.root if node.tag in MESSAGE_SETS), None)


class _Answer:
    """One answer element while it is read."""

    def __init__(self, node: etree._Element) -> None:
        self.status = _status(node)
        shape = tables.shape(node.tag) if tables.has(node.tag) else Shape(node.tag, "", (), ())
        self._reader = reader_of(node.tag) if tables.has(node.tag) else Reader(shape)
        self._flat = any(element.is_leaf for element in shape.order)
        self._held = etree.Element(node.tag)

    def take(self, node: etree._Element, *, complete: bool) -> Iterator[Ret]:
        """The records that are finished; they leave the tree."""
        keep = 0 if complete else 1
        while len(node) > keep:
            child = node[0]
            if self._flat and child.tag != "ErrorRecovery":
                self._held.append(child)
                continue
            notes: list[str] = []
            values = self._reader.child(child, notes)
            yield Ret(
                child.tag,
                values if isinstance(values, dict) else {"#text": values},
                self.status,
                tuple(notes),
            )
            del node[0]

    def last(self) -> Iterator[Ret]:
        """The answer's own fields, where it has them directly (ListDel, TxnDel, TxnVoid): one record of its name."""
        if len(self._held):
            notes: list[str] = []
            values = self._reader.values(self._held, notes)
            yield Ret(self.status.name, values, self.status, tuple(notes))


def _set_status(node: etree._Element) -> SetStatus:
    return SetStatus(_integer(node.get("messageSetStatusCode")), node.get("newMessageSetID"))


def _status(node: etree._Element) -> Status:
    code = _integer(node.get("statusCode"))
    if code is None:
        raise UnsafeXmlError(f"{node.tag} has no statusCode")
    return Status(
        name=node.tag,
        request_id=node.get("requestID"),
        code=code,
        severity=_SEVERITIES.get(node.get("statusSeverity", "").strip().lower()) or _severity_of(code),
        message=node.get("statusMessage", ""),
        ret_count=_integer(node.get("retCount")),
        iterator_id=node.get("iteratorID"),
        iterator_remaining=_integer(node.get("iteratorRemainingCount")),
    )


def _severity_of(code: int) -> Severity:
    """By the ranges of the qbXML reference: up to 499 information, up to 999 warning."""
    return "Info" if code < 500 else "Warn" if code < 1000 else "Error"


def _integer(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 12 else None
