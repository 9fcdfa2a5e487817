"""A small HTTP relay that can end a process at a named moment of a named call.

It listens on 127.0.0.1 and passes each call on to the next of its targets, in turn. Where it strikes, the caller
sees what a dead server shows: a connection that ends without an answer.
"""

import http.client
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

TIMEOUT = 60.0
# Of one connection only (RFC 9110, 7.6.1), or made anew here.
OWN_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "expect"})


class Moment(StrEnum):
    """When the process ends, seen from the call that it holds."""

    BEFORE = "before the request is forwarded"
    HALF = "with half of the request forwarded"
    STORING = "while it stores what the request brought"
    ENDING = "before it commits its last word"
    AFTER = "after it replied, before the reply is delivered"


@dataclass(frozen=True)
class Request:
    """One call as it came in."""

    verb: str
    path: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def soap_method(self) -> str:
        return self.header("SOAPAction").strip('"').rpartition("/")[2]


@dataclass(frozen=True)
class Reply:
    status: int
    reason: str
    headers: Sequence[tuple[str, str]]
    body: bytes


class Trap(Protocol):
    """Holds the call inside the process; entered before the request is forwarded, left when the process is dead."""

    def wait(self) -> None:
        """Until the call is held. Raises AssertionError when that does not happen."""


@dataclass
class Strike:
    """One death: at the first call that `aims` accepts. `kill` gets the place of the target that holds the call."""

    aims: Callable[[Request], bool]
    moment: Moment
    kill: Callable[[int], None]
    trap: AbstractContextManager[Trap] | None = None
    # Set when the process is dead; what the call was and what it had been answered by then.
    struck: threading.Event = field(default_factory=threading.Event)
    request: Request | None = None
    reply: Reply | None = None
    failure: BaseException | None = None

    @property
    def dead(self) -> bool:
        """Whether it struck, and nothing went wrong with it."""
        assert self.failure is None, self.failure
        return self.struck.is_set()


class Relay:
    """Listens between `start` and `stop`. `targets` are ports of 127.0.0.1; one that is down is passed over."""

    def __init__(self, targets: Sequence[int]) -> None:
        self.targets = list(targets)
        self.calls: list[str] = []
        self._strikes: list[Strike] = []
        self._turn = 0
        self._lock = threading.Lock()
        relay = self

        class Handler(_Handler):
            def serve(self, request: Request) -> Reply | None:
                return relay.pass_on(request)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    def start(self) -> "Relay":
        self._thread.start()
        return self

    def stop(self) -> None:
        """Harmless when it was not started."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def arm(self, strike: Strike) -> Strike:
        with self._lock:
            self._strikes.append(strike)
        return strike

    def pass_on(self, request: Request) -> Reply | None:
        """The reply for the caller, or None when the connection is to break."""
        with self._lock:
            self.calls.append(request.soap_method or f"{request.verb} {request.path}")
            strike = next((one for one in self._strikes if one.aims(request)), None)
            if strike is not None:
                self._strikes.remove(strike)
                strike.request = request
        try:
            connection, place = self._next_target()
        except ConnectionRefusedError:
            return None
        try:
            if strike is None:
                return _exchange(connection, request)
            _STRIKING[strike.moment](strike, connection, place)
            strike.struck.set()
            return None
        except (OSError, http.client.HTTPException) as broken:
            if strike is not None:
                strike.failure = broken
            return None
        except BaseException as failure:
            if strike is not None:
                strike.failure = failure
            raise
        finally:
            connection.close()

    def _next_target(self) -> tuple[http.client.HTTPConnection, int]:
        """A connection to the target whose turn it is, or to the next one that is up."""
        for _ in self.targets:
            with self._lock:
                place = self._turn % len(self.targets)
                self._turn += 1
            connection = http.client.HTTPConnection("127.0.0.1", self.targets[place], timeout=TIMEOUT)
            try:
                connection.connect()
            except ConnectionRefusedError:
                continue
            return connection, place
        raise ConnectionRefusedError


def _before(strike: Strike, _: http.client.HTTPConnection, place: int) -> None:
    strike.kill(place)


def _half(strike: Strike, connection: http.client.HTTPConnection, place: int) -> None:
    """The server says "100 Continue" when it has read the headers and is about to read the body."""
    assert strike.request is not None
    body = strike.request.body
    _send_head(connection, strike.request, Expect="100-continue")
    seen = b""
    while b"\r\n\r\n" not in seen:
        seen += connection.sock.recv(1)
    assert seen.startswith(b"HTTP/1.1 100"), seen
    connection.send(body[: len(body) // 2])
    strike.kill(place)


def _trapped(strike: Strike, connection: http.client.HTTPConnection, place: int) -> None:
    assert strike.request is not None
    assert strike.trap is not None
    with strike.trap as trap:
        _send(connection, strike.request)
        trap.wait()
        strike.kill(place)


def _after(strike: Strike, connection: http.client.HTTPConnection, place: int) -> None:
    assert strike.request is not None
    strike.reply = _exchange(connection, strike.request)
    strike.kill(place)


_STRIKING: dict[Moment, Callable[[Strike, http.client.HTTPConnection, int], None]] = {
    Moment.BEFORE: _before,
    Moment.HALF: _half,
    Moment.STORING: _trapped,
    Moment.ENDING: _trapped,
    Moment.AFTER: _after,
}


def _send_head(connection: http.client.HTTPConnection, request: Request, **more: str) -> None:
    connection.putrequest(request.verb, request.path, skip_host=True, skip_accept_encoding=True)
    kept = [(name, value) for name, value in request.headers if name.lower() not in OWN_HEADERS]
    length = [("Content-Length", str(len(request.body)))] if request.body or request.verb != "GET" else []
    for name, value in [*kept, *length, *more.items(), ("Connection", "close")]:
        connection.putheader(name, value)
    connection.endheaders()


def _send(connection: http.client.HTTPConnection, request: Request) -> None:
    _send_head(connection, request)
    if request.body:
        connection.send(request.body)


def _exchange(connection: http.client.HTTPConnection, request: Request) -> Reply:
    _send(connection, request)
    answer = connection.getresponse()
    body = answer.read()
    kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in OWN_HEADERS]
    return Reply(answer.status, answer.reason, kept, body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that was killed breaks its connections; everything else is told."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def serve(self, request: Request) -> Reply | None:
        raise NotImplementedError

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(self.command, self.path, list(self.headers.items()), self.rfile.read(length))
        reply = self.serve(request)
        if reply is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response_only(reply.status, reply.reason)
        for name, value in [*reply.headers, ("Content-Length", str(len(reply.body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
        """A test that fails shows the processes' own logs."""
