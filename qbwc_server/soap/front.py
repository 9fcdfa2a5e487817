"""The HTTP side of the Web Connector's endpoint: everything that is decided before and after the SOAP library.

The Web Connector follows no redirect, unpacks no compressed reply, reads a fault only in `text/xml`, and says
"could not verify the certificate" (QBWC1048) when a plain GET is not answered with 200.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.http import parse_options_header

from qbwc_server.soap.envelope import fault, reply
from qbwc_server.soap.methods import METHODS, call
from qbwc_server.soap.port import Operations, without_values
from qbwc_server.soap.scan import NotSoap, Scan
from qbwc_server.soap.spyne_app import spyne_app
from qbwc_server.soap.wsdl import wsdl

log = logging.getLogger(__name__)

Answer: TypeAlias = tuple[str, list[tuple[str, str]], bytes]
"""Status line, headers, body."""

XML: Final = "text/xml; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"
OK: Final = "200 OK"
FAULT_STATUS: Final = "500 Internal Server Error"
BLOCK: Final = 64 * 1024
# A request that the SOAP library is to judge is held in memory and becomes a tree there.
FOR_SPYNE: Final = 4_000_000
# What is refused for its length is read and thrown away: most clients look for a reply when all is sent, and find a
# broken connection otherwise. So many times the longest body, or so many bytes when that is more; and so many seconds.
THROWN_AWAY_TIMES: Final = 4
THROWN_AWAY_BYTES: Final = 100_000_000
THROWN_AWAY_SECONDS: Final = 60.0
TROUBLE: Final = "The server had a problem of its own."

GREETING: Final = (
    b"This is the address of a QuickBooks Web Connector service. It is working.\n"
    b"There is nothing to see here: add the .qwc file to the Web Connector on the QuickBooks computer.\n"
)


class Refused(Exception):
    """The HTTP request is not one that can be answered with SOAP."""

    def __init__(self, status: str, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


class Front:
    """The WSGI application: a plain call is answered here, whatever its length; the SOAP library gets the others.

    The library costs a small call three times what all the rest does, and a long answer of QuickBooks eight times
    its own size in memory. Without `operations` everything goes to the library.
    """

    def __init__(
        self,
        soap: WSGIApplication,
        *,
        public_url: str,
        max_bytes: int,
        operations: Operations | None = None,
        folder: Path | None = None,
    ) -> None:
        self._soap = soap
        self._operations = operations
        self._folder = folder
        self._wsdl = wsdl(public_url)
        self._paths = {"", urlsplit(public_url).path.strip("/")}
        self._max_bytes = max_bytes

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, headers, body = self.answer(environ)
        start_response(status, headers)
        return [b"" if environ.get("REQUEST_METHOD") == "HEAD" else body]

    def answer(self, environ: WSGIEnvironment) -> Answer:
        """The whole reply to one request; never raises, never empty, always with its Content-Length."""
        try:
            return self._route(environ)
        except Refused as refusal:
            _note(environ, refusal.text)
            return _answer(refusal.status, PLAIN, f"{refusal.text}\n".encode(), *refusal.headers)
        except NotSoap as wrong:
            _note(environ, wrong.text)
            return _answer(FAULT_STATUS, XML, fault(wrong.code, wrong.text))
        except Exception as failure:  # noqa: BLE001 - nothing may reach the WSGI server as a bare error page
            log.error("A request could not be answered:\n%s", without_values(failure))
            return _answer(FAULT_STATUS, XML, fault("Server", TROUBLE))

    def _route(self, environ: WSGIEnvironment) -> Answer:
        if environ.get("PATH_INFO", "").strip("/") not in self._paths:
            raise Refused("404 Not Found", "There is nothing at this address.")
        method = environ.get("REQUEST_METHOD", "")
        if method not in ROUTES:
            allowed = ", ".join(ROUTES)
            raise Refused("405 Method Not Allowed", f"Only {allowed} are answered here.", ("Allow", allowed))
        return ROUTES[method](self, environ)

    def _get(self, environ: WSGIEnvironment) -> Answer:
        wanted = environ.get("QUERY_STRING", "").partition("&")[0].partition("=")[0]
        if wanted.lower() == "wsdl":
            return _answer(OK, XML, self._wsdl)
        return _answer(OK, PLAIN, GREETING)

    def _post(self, environ: WSGIEnvironment) -> Answer:
        _check_content_type(environ.get("CONTENT_TYPE", ""))
        length = _content_length(environ)
        if length > self._max_bytes:
            raise _too_long(environ, length, self._max_bytes)
        scan = Scan(self._folder)
        try:
            body = _read(environ, length, scan, None if self._operations is None else FOR_SPYNE)
            if self._operations is not None and not scan.odd:
                return _called(self._operations, scan, environ.get("REMOTE_ADDR", ""))
        finally:
            scan.free()
        if body is None:
            raise NotSoap("The call could not be understood.")
        return self._through_spyne(body, environ.get("REMOTE_ADDR", ""))

    def _through_spyne(self, body: bytes, address: str) -> Answer:
        statuses: list[str] = []

        def start(status: str, *_: object) -> Callable[[bytes], object]:
            statuses.append(status)
            return BytesIO().write

        output = b"".join(self._soap(_inner_environ(body, address), start))
        if b"Body>" not in output:
            raise RuntimeError("the SOAP library wrote an envelope without a Body")
        return _answer(statuses[-1], XML, output)


ROUTES: Final[Mapping[str, Callable[[Front, WSGIEnvironment], Answer]]] = {
    "GET": Front._get,
    "HEAD": Front._get,
    "POST": Front._post,
}


def soap_app(
    operations: Operations, *, public_url: str, max_bytes: int, folder: Path | None = None
) -> WSGIApplication:
    """The Web Connector's endpoint as one WSGI application, to be mounted at the path of `public_url`.

    `public_url` is the AppURL of the .qwc files; it only goes into the WSDL, and its path is accepted when the
    application is not mounted. `max_bytes` limits one request body: the escaped qbXML of one answer and some.
    Long answers wait in nameless files of `folder` (the system's folder for temporary files by default).
    `operations` should come through `safe_operations`; what it raises all the same becomes a SOAP fault.
    """
    spyne = spyne_app(operations, max_bytes=max_bytes)
    return Front(spyne, public_url=public_url, max_bytes=max_bytes, operations=operations, folder=folder)


def _answer(status: str, content_type: str, body: bytes, *more: tuple[str, str]) -> Answer:
    headers = [
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        # Replies hold tickets and qbXML; and a proxy that compresses them makes them unreadable.
        ("Cache-Control", "no-store, no-transform"),
    ]
    return status, [*headers, *more], body


def _note(environ: WSGIEnvironment, text: str) -> None:
    log.warning("Refused a request from %s: %s", environ.get("REMOTE_ADDR", "an unknown address"), text)


def _check_content_type(header: str) -> None:
    kind, options = parse_options_header(header)
    if kind.lower() != "text/xml":
        raise Refused("415 Unsupported Media Type", "The Content-Type must be text/xml.")
    if options.get("charset", "utf-8").lower() != "utf-8":
        raise Refused("415 Unsupported Media Type", "The charset must be utf-8.")


def _content_length(environ: WSGIEnvironment) -> int:
    header = environ.get("CONTENT_LENGTH") or ""
    if not header:
        raise Refused("411 Length Required", "A Content-Length is required.")
    if not (header.isascii() and header.isdigit() and len(header) < 20):
        raise Refused("400 Bad Request", "The Content-Length is not a number.")
    return int(header)


def _too_long(environ: WSGIEnvironment, length: int, max_bytes: int) -> Refused:
    """The refusal of a body that is longer than the setting allows, which is read first if it has an end in sight."""
    name = ""
    if length <= max(THROWN_AWAY_TIMES * max_bytes, THROWN_AWAY_BYTES):
        with suppress(Refused):  # it ends early: the log tells its length all the same
            beginning = _next_block(environ, min(BLOCK, length))
            name = _method_in(beginning)
            _throw_away(environ, length - len(beginning))
    text = f"This {name or 'request'} has {length} bytes; the setting max_body_mb allows {max_bytes}."
    return Refused("413 Content Too Large", text)


def _method_in(beginning: bytes) -> str:
    """The method that a body calls by its beginning; empty when it is none of ours."""
    scan = Scan()
    try:
        scan.feed(beginning)
    except NotSoap:
        return ""
    finally:
        scan.free()
    return scan.name if scan.name in METHODS else ""


def _throw_away(environ: WSGIEnvironment, size: int) -> None:
    """Read the rest of a body for nothing, within the time. Raises Refused when it ends early."""
    until = monotonic() + THROWN_AWAY_SECONDS
    while size and monotonic() < until:
        size -= len(_next_block(environ, min(BLOCK, size)))


def _called(operations: Operations, scan: Scan, address: str) -> Answer:
    try:
        result = call(operations, scan.name, scan.values(), address)
    except Exception as failure:  # noqa: BLE001 - the edge between our code and SOAP
        log.error("%s failed:\n%s", scan.name, without_values(failure))
        return _answer(FAULT_STATUS, XML, fault("Server", TROUBLE))
    return _answer(OK, XML, reply(scan.name, result))


def _read(environ: WSGIEnvironment, length: int, scan: Scan, keep: int | None) -> bytes | None:
    """Read the body through the scan; its bytes as well, unless they are more than `keep`: an odd one that is longer
    is not looked at to its end. Raises Refused when it ends early, NotSoap otherwise.
    """
    kept = keep is None or length <= keep
    blocks: list[bytes] = []
    missing = length
    while missing:
        block = _next_block(environ, min(BLOCK, missing))
        missing -= len(block)
        scan.feed(block)
        if kept:
            blocks.append(block)
        elif scan.odd:
            _throw_away(environ, missing)
            return None
    scan.close()
    return b"".join(blocks) if kept else None


def _next_block(environ: WSGIEnvironment, size: int) -> bytes:
    try:
        block: bytes = environ["wsgi.input"].read(size)
    except OSError:
        block = b""  # the connection broke
    if not block:
        raise Refused("400 Bad Request", "The request ended before its Content-Length.")
    return block


def _inner_environ(body: bytes, address: str) -> dict[str, Any]:
    """What spyne is told about the request: nothing that a caller could choose, except the body."""
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "CONTENT_TYPE": XML,
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": address,
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
    }
