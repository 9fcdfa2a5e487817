"""Reading a SOAP request while it arrives: refused early when it is no call, and taken apart when it is.

Requests come block by block, so that a bomb is refused before it is whole and a long answer of QuickBooks goes
to a file, unescaped, without ever being in memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn
from xml.parsers import expat

from qbwc_server.soap.envelope import SOAP_NAMESPACE
from qbwc_server.soap.methods import METHODS, TARGET_NAMESPACE, Method
from qbwc_server.sync.posted import Posted

# A request of the Web Connector has four levels and at most ten elements. The caps leave room for headers
# that a proxy or a tool adds, and none for a tree that would fill the memory.
MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 1_000
MAX_TAG_BYTES: Final = 64 * 1024
# All values but QuickBooks' answer together: the longest is what QuickBooks says of itself at the first request.
MAX_VALUES: Final = 4_000_000
TEXT_BLOCK: Final = 64 * 1024

_BETWEEN = " "
_ENVELOPE = f"{SOAP_NAMESPACE}{_BETWEEN}Envelope"
_BODY = f"{SOAP_NAMESPACE}{_BETWEEN}Body"
_OURS = TARGET_NAMESPACE + _BETWEEN
_NIL = f"http://www.w3.org/2001/XMLSchema-instance{_BETWEEN}nil"
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")


class NotSoap(ValueError):
    """The request is no SOAP 1.1 call. `code` is the fault code; the text quotes nothing of the request."""

    def __init__(self, text: str, code: str = "Client") -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class Scan:
    """Checks one request while it is read: feed() each block, then close(). Both raise `NotSoap`.

    Afterwards the document is known to be well-formed UTF-8 without a DOCTYPE, within the caps, and an
    Envelope of SOAP 1.1 whose Body begins with an element of Intuit's namespace. `values()` tells its call,
    unless something about it is `odd` and for the SOAP library to judge. The documents among its values are
    written to temporary files in `folder`; free() them in any case.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._parser = expat.ParserCreate("utf-8", _BETWEEN)
        self._parser.buffer_text = True
        self._parser.buffer_size = TEXT_BLOCK
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._fed = 0
        self._elements = 0
        self._path: list[str] = []
        self._body = False
        self._call: str | None = None
        self._folder = folder
        self._values: dict[str, list[str] | Posted] = {}
        self._characters = 0
        self._sink: Callable[[str], object] | None = None  # of the value that is being read
        self._document = False
        self.odd = False

    @property
    def name(self) -> str:
        """The method that is called, known or not."""
        return (self._call or "").removeprefix(_OURS)

    def feed(self, block: bytes) -> None:
        self._fed += len(block)
        if b"\0" in block:  # expat would guess that it is UTF-16, whatever it is told
            raise NotSoap("The request must be encoded in UTF-8.")
        self._parse(block, last=False)
        # Text is passed on at once; only a tag, comment or instruction that does not end stays behind.
        if self._fed - self._parser.CurrentByteIndex > MAX_TAG_BYTES:
            raise NotSoap("The request holds a tag that is too long.")

    def close(self) -> None:
        self._parse(b"", last=True)
        if self._call is None:
            raise NotSoap("The SOAP body holds no call.")
        if not self._call.startswith(_OURS):
            raise NotSoap("Unknown method.")
        method = METHODS.get(self.name)
        if method is None or not all(map(self._is_number, method.integers)):
            self._leave()

    def values(self) -> list[object]:
        """The values in the order of `Method.arguments`; None for one that is absent or empty."""
        return [self._value(name) for name in METHODS[self.name].arguments]

    def free(self) -> None:
        for value in self._values.values():
            if isinstance(value, Posted):
                value.close()

    def _leave(self) -> None:
        """The call is odd: drop what was taken from it, and take no more."""
        self.odd = True
        self._sink = None
        self.free()
        self._values.clear()

    def _value(self, name: str) -> object:
        value = self._values.get(name)
        return "".join(value) or None if isinstance(value, list) else value

    def _is_number(self, name: str) -> bool:
        value = self._value(name)
        return value is None or _WHOLE_NUMBER.fullmatch(str(value).strip()) is not None

    def _parse(self, block: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(block, last)
        except expat.ExpatError:
            raise NotSoap("The request is not well-formed XML.") from None

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:  # noqa: ARG002
        if encoding is not None and encoding.lower() != "utf-8":
            raise NotSoap("The request must be encoded in UTF-8.")

    def _doctype(self, *_: object) -> NoReturn:
        raise NotSoap("A SOAP request must not hold a DOCTYPE.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise NotSoap("The request holds too many elements.")
        if len(self._path) >= MAX_DEPTH:
            raise NotSoap("The request is nested too deeply.")
        if not self._path:
            _check_root(name)
        elif self._path == [_ENVELOPE] and name == _BODY:
            self._only_body()
        elif self._path[:2] == [_ENVELOPE, _BODY]:
            self._inside_body(name, attributes)
        self._path.append(name)

    def _only_body(self) -> None:
        """Of two bodies spyne reads the one and dispatches by the other."""
        if self._body:
            raise NotSoap("The envelope holds more than one body.")
        self._body = True

    def _inside_body(self, name: str, attributes: dict[str, str]) -> None:
        depth = len(self._path)
        if _NIL in attributes:
            self._leave()
        if depth == 2 and self._call is None:
            self._call = name
        elif depth == 3 and not self.odd:
            self._argument(name)
        else:
            self._leave()  # a second call, or elements inside a value

    def _argument(self, name: str) -> None:
        method: Method | None = METHODS.get(self.name)
        local = name.removeprefix(_OURS)
        if method is None or local not in method.arguments or local in self._values:
            self._leave()
        elif local in method.documents:
            document = self._values[local] = Posted(self._folder)
            self._sink, self._document = document.write, True
        else:
            texts: list[str] = []
            self._values[local] = texts
            self._sink, self._document = texts.append, False

    def _text(self, text: str) -> None:
        if self._sink is None:
            return
        self._sink(text)
        if not self._document:
            self._characters += len(text)
            if self._characters > MAX_VALUES:
                raise NotSoap("A value of the call is too long.")

    def _end(self, name: str) -> None:  # noqa: ARG002
        self._path.pop()
        self._sink = None


def _check_root(name: str) -> None:
    namespace, _, local = name.rpartition(_BETWEEN)
    if local != "Envelope":
        raise NotSoap("The request is not a SOAP envelope.")
    if namespace != SOAP_NAMESPACE:
        raise NotSoap("The envelope is not one of SOAP 1.1.", code="VersionMismatch")
