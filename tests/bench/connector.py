"""The Web Connector's side of the wire: one connection that is kept, .NET's headers, every call timed.

The clock of a call runs from its first byte sent to its last byte received; inventing requests and reading
answers lie outside. Without `Expect: 100-continue`: the interim reply costs the same everywhere and would only
bring every ratio closer to one.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from qbwc_server.soap.qwc import OWNER_ID
from tests.bench.installations import PASSWORD
from tests.rows import COMPANY, FILE_ID
from tests.soap.quickbooks_answers import answer, canned

INTUIT = "http://developer.intuit.com/"
HEAD = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope '
    'xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>'
)
TAIL = "</soap:Body></soap:Envelope>"
AGENT = "Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol 4.0.30319.42000)"
# What the Web Connector's HTTP class is believed to wait for an answer.
TIMEOUT = 100.0
SMALL = 64 * 1024
MOST_PAIRS = 20
IDENTITY = {"fileid": FILE_ID, "ownerid": OWNER_ID}
HCP = canned("hcp.xml", IDENTITY)


class Failed(Exception):
    """A call was not answered as the Web Connector needs it; the text says how."""


@dataclass(frozen=True)
class Call:
    """One call as it went over the wire."""

    method: str
    body: bytes
    seconds: float


@dataclass
class Line:
    """One HTTP connection to a server on this machine; made anew when the server closed it."""

    port: int
    _socket: socket.socket | None = None
    connects: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def post(self, method: str, body: bytes) -> tuple[bytes, float]:
        """The answer's body, and the seconds that it took. Raises Failed for anything but a 200."""
        wire = self._socket or self._connect()
        head = self._head(method, len(body))
        started = time.perf_counter()
        try:
            _send(wire, head, body)
            wire.settimeout(max(0.1, started + TIMEOUT - time.perf_counter()))
            status, answered, kept = _receive(wire)
        except OSError as broken:
            self.close()
            raise Failed(f"{method}: the connection broke ({type(broken).__name__}: {broken})") from broken
        seconds = time.perf_counter() - started
        wire.settimeout(TIMEOUT)
        if not kept:
            self.close()
        if status != 200:
            raise Failed(f"{method}: {status} {answered[:300].decode(errors='replace')}")
        return answered, seconds

    def _connect(self) -> socket.socket:
        self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connects += 1
        return self._socket

    def _head(self, method: str, length: int) -> bytes:
        lines = (
            "POST /qbwc HTTP/1.1",
            f"User-Agent: {AGENT}",
            "Content-Type: text/xml; charset=utf-8",
            f'SOAPAction: "{INTUIT}{method}"',
            f"Host: localhost:{self.port}",
            f"Content-Length: {length}",
            "Connection: Keep-Alive",
        )
        return "\r\n".join([*lines, "", ""]).encode()


def _send(wire: socket.socket, head: bytes, body: bytes) -> None:
    if len(body) <= SMALL:
        wire.sendall(head + body)
        return
    wire.sendall(head)
    with suppress(BrokenPipeError, ConnectionResetError):  # refused before its end: the answer may be there
        wire.sendall(body)


def _receive(wire: socket.socket) -> tuple[int, bytes, bool]:
    """Status, body, and whether the connection is kept."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += _more(wire)
    head, _, body = got.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    named = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "content-length" not in named:
        raise Failed(f"an answer without Content-Length: {status}")
    missing = int(named["content-length"]) - len(body)
    while missing > 0:
        block = _more(wire)
        body += block
        missing -= len(block)
    return int(status.split()[1]), body, named.get("connection", "").lower() != "close"


def _more(wire: socket.socket) -> bytes:
    block = wire.recv(SMALL)
    if not block:
        raise ConnectionResetError("the server closed it")
    return block


# --- what is said ---


def envelope(method: str, values: Mapping[str, str]) -> bytes:
    """A request; the values are escaped already."""
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return f'{HEAD}<{method} xmlns="{INTUIT}">{inner}</{method}>{TAIL}'.encode()


def texts(method: str, answered: bytes) -> list[str]:
    """The texts of an answer: one, or those of the array that authenticate gives. Raises Failed for anything else."""
    try:
        result = ElementTree.fromstring(answered).find(f".//{{{INTUIT}}}{method}Result")
    except ElementTree.ParseError as broken:
        raise Failed(f"{method}: an answer that is no XML ({broken})") from broken
    if result is None:
        raise Failed(f"{method}: no {method}Result in {answered[:300]!r}")
    return [one.text or "" for one in result] if len(result) else [result.text or ""]


@dataclass
class Connector:
    """Plays the Web Connector over a line and keeps every call with its time."""

    line: Line
    ticket: str = ""
    calls: list[Call] = field(default_factory=list)

    def call(self, method: str, **values: str) -> list[str]:
        return self.post(method, envelope(method, {name: escape(value) for name, value in values.items()}))

    def post(self, method: str, body: bytes) -> list[str]:
        answered, seconds = self.line.post(method, body)
        self.calls.append(Call(method, body, seconds))
        return texts(method, answered)

    def authenticate(self) -> None:
        """Raises Failed unless the company's own file is to be opened."""
        self.ticket, status, *_ = self.call(
            "authenticate", strUserName=COMPANY.user_name, strPassword=PASSWORD
        )
        if status:
            raise Failed(f"authenticate: {status}")

    def send(self, hcp: str = "") -> str:
        """The request that is handed out; the first one of a visit comes with what QuickBooks says of itself."""
        (request,) = self.call(
            "sendRequestXML",
            ticket=self.ticket,
            strHCPResponse=hcp,
            strCompanyFileName="C:\\Books\\Right.qbw",
            qbXMLCountry="US",
            qbXMLMajorVers="13",
            qbXMLMinorVers="0",
        )
        return request

    def receive_body(self, escaped_response: str) -> bytes:
        """A receiveResponseXML whose response is escaped already, for it may be large."""
        values = {"ticket": self.ticket, "response": escaped_response, "hresult": "", "message": ""}
        return envelope("receiveResponseXML", values)

    def receive(self, body: bytes) -> int:
        """The percentage that the server answers."""
        (percent,) = self.post("receiveResponseXML", body)
        return int(percent)

    def close(self) -> None:
        self.call("closeConnection", ticket=self.ticket)

    def get_last_error(self) -> str:
        (said,) = self.call("getLastError", ticket=self.ticket)
        return said

    def visit(
        self, answer_to: Callable[[str], str] = lambda request: answer(request, IDENTITY)
    ) -> list[Call]:
        """A whole visit as the Web Connector makes it, by default one that finds nothing new; its calls."""
        before = len(self.calls)
        self.call("serverVersion")
        self.call("clientVersion", strVersion="34.0.10010.76")
        self.authenticate()
        hcp = HCP
        for _ in range(MOST_PAIRS):
            request, hcp = self.send(hcp), ""
            percent = self.receive(self.receive_body(escape(answer_to(request))))
            if percent < 0:
                raise Failed(f"receiveResponseXML: {percent}: {self.get_last_error()}")
            if percent == 100:
                self.close()
                return self.calls[before:]
        raise Failed(f"the visit did not end after {MOST_PAIRS} requests")

    def visit_until_customers_are_asked(self) -> str:
        """The beginning of a visit; the request for customers, which is out now. Raises Failed without one."""
        self.call("serverVersion")
        self.call("clientVersion", strVersion="34.0.10010.76")
        self.authenticate()
        hcp = HCP
        for _ in range(MOST_PAIRS):
            request, hcp = self.send(hcp), ""
            if "<CustomerQueryRq" in request:
                return request
            if not request:
                raise Failed(f"nothing is asked: {self.get_last_error()}")
            self.receive(self.receive_body(escape(answer(request, IDENTITY))))
        raise Failed(f"no customers were asked for in {MOST_PAIRS} requests")


def seconds_of(calls: Iterable[Call]) -> float:
    return sum(one.seconds for one in calls)


def again(line: Line, calls: Iterable[Call]) -> float:
    """The seconds of the same bytes, posted to a server that does nothing with them."""
    return sum(line.post(one.method, one.body)[1] for one in calls)
