"""SOAP envelopes: what a request must look like before any library sees it, and how an answer is written.

Requests are scanned while they arrive, block by block, so that a bomb is refused before it is whole.
Answers are written in the form the protocol reference shows: default namespace, no blank, no BOM.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape

from qbwc_server.soap.methods import TARGET_NAMESPACE, Result

SOAP_NAMESPACE: Final = "http://schemas.xmlsoap.org/soap/envelope/"

# A request of the Web Connector has four levels and at most ten elements. The caps leave room for headers
# that a proxy or a tool adds, and none for a tree that would fill the memory.
MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 1_000
MAX_TAG_BYTES: Final = 64 * 1024

_BETWEEN = " "
_ENVELOPE = f"{SOAP_NAMESPACE}{_BETWEEN}Envelope"
_BODY = f"{SOAP_NAMESPACE}{_BETWEEN}Body"

# Everything XML 1.0 cannot carry, lone surrogates included (QBWC protocol 10, rule 13).
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class NotSoap(ValueError):
    """The request is no SOAP 1.1 call. `code` is the fault code; the text quotes nothing of the request."""

    def __init__(self, text: str, code: str = "Client") -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class Scan:
    """Checks one request while it is read: feed() each block, then close(). Both raise `NotSoap`.

    Afterwards the document is known to be well-formed UTF-8 without a DOCTYPE, within the caps, and an
    Envelope of SOAP 1.1 whose Body begins with an element of Intuit's namespace.
    """

    def __init__(self) -> None:
        self._parser = expat.ParserCreate("utf-8", _BETWEEN)
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._fed = 0
        self._elements = 0
        self._path: list[str] = []
        self._call: str | None = None

    def feed(self, block: bytes) -> None:
        self._fed += len(block)
        self._parse(block, last=False)
        # Text is passed on at once; only a tag, comment or instruction that does not end stays behind.
        if self._fed - self._parser.CurrentByteIndex > MAX_TAG_BYTES:
            raise NotSoap("The request holds a tag that is too long.")

    def close(self) -> None:
        self._parse(b"", last=True)
        if self._call is None:
            raise NotSoap("The SOAP body holds no call.")
        if not self._call.startswith(TARGET_NAMESPACE + _BETWEEN):
            raise NotSoap("Unknown method.")

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

    def _start(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise NotSoap("The request holds too many elements.")
        if len(self._path) >= MAX_DEPTH:
            raise NotSoap("The request is nested too deeply.")
        if not self._path:
            _check_root(name)
        elif self._call is None and self._path == [_ENVELOPE, _BODY]:
            self._call = name
        self._path.append(name)

    def _end(self, name: str) -> None:  # noqa: ARG002
        self._path.pop()


def _check_root(name: str) -> None:
    namespace, _, local = name.rpartition(_BETWEEN)
    if local != "Envelope":
        raise NotSoap("The request is not a SOAP envelope.")
    if namespace != SOAP_NAMESPACE:
        raise NotSoap("The envelope is not one of SOAP 1.1.", code="VersionMismatch")


def reply(method: str, result: Result) -> bytes:
    """The envelope that answers `method`; characters that XML cannot carry are left out of the result."""
    name = f"{method}Result"
    inner = "".join(map(_string, result)) if isinstance(result, list) else _text(result)
    return _envelope(
        f'<{method}Response xmlns="{TARGET_NAMESPACE}"><{name}>{inner}</{name}></{method}Response>'
    )


def fault(code: str, message: str) -> bytes:
    """A SOAP fault, to be sent with HTTP 500; `code` is Client, Server or VersionMismatch."""
    return _envelope(
        f"<soap:Fault>{_element('faultcode', f'soap:{code}')}{_element('faultstring', message)}</soap:Fault>"
    )


def _envelope(body: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<soap:Envelope xmlns:soap="{SOAP_NAMESPACE}"><soap:Body>{body}</soap:Body></soap:Envelope>'
    ).encode()


def _string(item: str) -> str:
    return _element("string", item)


def _element(name: str, content: str) -> str:
    return f"<{name}>{_text(content)}</{name}>"


def _text(value: str | int) -> str:
    # A carriage return would be turned into a line feed by the reader unless it is written as a reference.
    return escape(_FORBIDDEN.sub("", str(value)), {"\r": "&#13;"})
