"""Read answers of QuickBooks in a stream, one record at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from lxml import etree

from qbxml.errors import UnreadableAnswer
from qbxml.growing import Part, Tree
from qbxml.lanes import Lanes
from qbxml.messages import Answer, Response, Ret, SetStatus, Status
from qbxml.secure import BLOCK, Prolog, UnsafeXmlError

_BLANK: Final = b"\xef\xbb\xbf \t\r\n"


def parse(source: bytes | str | BinaryIO, *, encoding: str | None = None) -> Iterator[Part]:
    """The parts of an answer in document order: one SetStatus, then each Status before its records.

    Memory stays at one record and one block, whatever the length of the answer. What real QuickBooks does
    outside its own specification is read and noted in Status.notes and Ret.notes, never refused. A repeatable
    field is always a list, a date-time without a time stays a date, an empty leaf is "".

    `encoding` is that of the bytes, whatever the document declares: a SOAP envelope has been decoded before its
    answer was written anew, and the declaration still tells what QuickBooks began with. A str needs none. Raises
    UnreadableAnswer, possibly after some records were given.
    """
    try:
        yield from _parts(_blocks(source), "utf-8" if isinstance(source, str) else encoding)
    except UnsafeXmlError as error:
        raise UnreadableAnswer(f"the answer of QuickBooks cannot be read: {error}") from error
    except etree.XMLSyntaxError as error:
        raise UnreadableAnswer(f"the answer of QuickBooks is not well-formed XML: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise UnreadableAnswer("the answer of QuickBooks is not well-formed XML: it is no UTF-8") from error


def read(source: bytes | str | BinaryIO, *, encoding: str | None = None) -> Answer:
    """A small answer as a whole, its `encoding` as for parse(). Raises UnreadableAnswer."""
    set_status = SetStatus()
    gathered: list[tuple[Status, list[Ret]]] = []
    for part in parse(source, encoding=encoding):
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
    prolog = Prolog(encoding)
    start = _until_the_root(prolog, blocks)
    tree = Tree(encoding)
    if (encoding or prolog.encoding or _guessed(start)).lower() == "utf-8":
        yield from _in_lanes(Lanes(tree), start, blocks)
    else:
        yield from tree.feed(start)
        for block in blocks:
            yield from tree.feed(block)
    yield from tree.close()


def _until_the_root(prolog: Prolog, blocks: Iterator[bytes]) -> bytes:
    """The start of the document up to a block in which the root element has begun."""
    start = b""
    while not prolog.root:
        block = next(blocks, b"")
        if not block:
            raise UnsafeXmlError("it has no root element" if start else "it is empty")
        prolog.feed(block)
        start += block
    if prolog.root != "QBXML":
        raise UnsafeXmlError(f"its root is {prolog.root}, not QBXML")
    return start


def _guessed(start: bytes) -> str:
    """A document that does not tell its encoding is UTF-8, unless it shows that it is UTF-16."""
    return "utf-8" if start[:1] == b"<" and start[1:2] != b"\0" else "utf-16"


def _in_lanes(lanes: Lanes, start: bytes, blocks: Iterator[bytes]) -> Iterator[Part]:
    yield from lanes.feed(start)
    for block in blocks:
        yield from lanes.feed(block)
    yield from lanes.feed(b"", last=True)
