"""The tree of an answer while it grows: lxml reads, finished elements leave it as parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from lxml import etree

from qbxml import tables
from qbxml.messages import TEXT, Ret, SetStatus, Severity, Status
from qbxml.patterns import Pattern, pattern_of
from qbxml.records import Reader, reader_of
from qbxml.secure import UnsafeXmlError, attributes_of, pull_parser
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
_WRITTEN_SEVERITIES: Final = frozenset(_SEVERITIES.values())  # as real answers have them


class Tree:
    """The tree of one answer while it grows.

    No events per field are asked for: an element is finished when another follows it or its parent is. That
    costs one step per record instead of two per field.
    """

    def __init__(self, encoding: str | None) -> None:
        self._parser = pull_parser(encoding)
        self._root: Node | None = None
        self._set: Node | None = None
        self._answer: AnswerElement | None = None
        self._waiting = 0

    def feed(self, block: bytes) -> Iterator[Part]:
        """What has become complete with one more block."""
        self._parser.feed(block)
        for _, node in self._parser.read_events():
            if self._root is None and isinstance(node, etree._Element):
                self._root = node  # nested elements of its name are not looked at
        self._waiting += len(block)
        for part in self._take(closed=False):
            self._waiting = 0
            yield part
        if self._waiting > RECORD_BYTES:
            raise UnsafeXmlError(f"one record is longer than {RECORD_BYTES >> 20} MiB")

    def close(self) -> Iterator[Part]:
        """What is left when the document has ended."""
        self._parser.close()
        yield from self._take(closed=True)
        sets = [node for node in self._root if node.tag in MESSAGE_SETS] if self._root is not None else []
        if len(sets) != 1:
            raise UnsafeXmlError(f"it holds {len(sets)} message sets (QBXMLMsgsRs), one was expected")

    def opened(self, name: str) -> AnswerElement | None:
        """The answer of this name that has just begun; None when something stands in it already."""
        node = self._set[-1] if self._set is not None and len(self._set) else None
        fresh = node is not None and node.tag == name and not len(node) and not node.text
        return self._answer if fresh else None

    def settle(self) -> Iterator[Part]:
        """The records of the growing answer, of which the last one is known to be closed."""
        if self._set is not None and self._answer is not None:
            yield from self._answer.take(self._set[-1], closed=True)
            self._waiting = 0

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
            self._answer = AnswerElement(node)
            yield self._answer.status
        yield from self._answer.take(node, closed=complete)
        if complete:
            yield from self._answer.own()

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


class AnswerElement:
    """One answer element while it is read."""

    def __init__(self, node: Node) -> None:
        self.status = _status(node)
        known = tables.has(node.tag)
        self._shape = tables.shape(node.tag) if known else Shape(node.tag, "", (), ())
        self._reader = reader_of(node.tag) if known else Reader(self._shape)
        self._flat = any(element.is_leaf for element in self._shape.order)
        self._held = etree.Element(
            node.tag if known else "unknown"
        )  # lxml reads names that it does not write

    def pattern(self, name: str) -> Pattern | None:
        """How a record of this answer is read when it has its usual form."""
        element = None if self._flat else self._shape.by_name.get(name)
        return None if element is None else pattern_of(element)

    def take(self, node: Node, *, closed: bool) -> Iterator[Ret]:
        """The records that are finished; the answer's own fields (ListDel, TxnDel, TxnVoid) wait for `own`."""
        for child in _finished(node, closed=closed):
            if self._flat and child.tag != "ErrorRecovery":
                self._held.append(child)
            else:
                yield from self.own()
                yield self._ret(child)

    def own(self) -> Iterator[Ret]:
        """The answer's own fields, if any wait, as one record."""
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
        notes=tuple(_status_notes(node.tag, given)),
    )


def _status_notes(name: str, given: dict[str, str]) -> Iterator[str]:
    if not tables.has(name):
        yield f"{name}: not in qbXML 13.0"
    severity = given.get("statusSeverity", "")
    if severity not in _WRITTEN_SEVERITIES:
        yield f'{name}/@statusSeverity: "{severity}" is not one of Info, Warn, Error'
    for attribute in ("retCount", "iteratorRemainingCount"):
        if attribute in given and _integer(given[attribute]) is None:
            yield f'{name}/@{attribute}: "{given[attribute]}" is not a whole number'
    if "iteratorRemainingCount" in given and not given.get("iteratorID"):
        yield f"{name}/@iteratorID: missing beside iteratorRemainingCount"


def _severity_of(code: int) -> Severity:
    """By the ranges of the qbXML reference: up to 499 information, up to 999 warning."""
    return "Info" if code < 500 else "Warn" if code < 1000 else "Error"


def _integer(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 12 else None
