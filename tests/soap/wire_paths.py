"""Two ways to reach an endpoint: its WSGI callable, or a socket. Both send exactly the headers they are given."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from http.client import HTTPResponse
from typing import Any
from urllib.parse import unquote
from wsgiref.types import WSGIApplication

Headers = Sequence[tuple[str, str]]
Answered = tuple[int, Headers, bytes]
PATIENCE = 60.0  # seconds that a reply may take; the client gives up after 100


def through_wsgi(app: WSGIApplication, method: str, path: str, headers: Headers, body: bytes) -> Answered:
    """One call of the WSGI application. Without a Content-Length header there is no CONTENT_LENGTH."""
    started: list[tuple[int, Headers]] = []

    def start_response(
        status: str, reply_headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], None]:
        started.append((int(status.split()[0]), tuple(reply_headers)))
        return lambda data: None

    answer = app(_environ(method, path, headers, body), start_response)
    try:
        data = b"".join(answer)
    finally:
        _close(answer)
    status, reply_headers = started[-1]
    return status, reply_headers, data


def _environ(method: str, path: str, headers: Headers, body: bytes) -> dict[str, Any]:
    target, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(target, "latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers:
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def _close(answer: Iterable[bytes]) -> None:
    close = getattr(answer, "close", None)
    if close:
        close()


def through_tcp(address: tuple[str, int], method: str, path: str, headers: Headers, body: bytes) -> Answered:
    """One request on a connection of its own. A reply that comes before the body is all sent counts (413)."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    with socket.create_connection(address, PATIENCE) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        with HTTPResponse(connection, method=method) as answer:
            answer.begin()
            return answer.status, tuple(answer.getheaders()), answer.read()
