"""A recording SOAP server of sockets and bytes, and a look at a company file from outside: nothing of ours is asked."""

import re
import socketserver
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

INTUIT = "http://developer.intuit.com/"
TICKETS = ("ticket-one", "ticket-two", "ticket-three")


@dataclass(frozen=True)
class Received:
    """One POST as it came: what of its body arrived, and when by the test's clock."""

    head: bytes
    body: bytes
    promised: int
    at: datetime

    @property
    def whole(self) -> bool:
        return len(self.body) == self.promised

    @property
    def method(self) -> str:
        found = re.search(rb"<soap:Body><(\w+)", self.body)
        return found[1].decode() if found else ""

    def value(self, name: str) -> str:
        found = re.search(rb"<%b>(.*?)</%b>" % (name.encode(), name.encode()), self.body, re.DOTALL)
        return unescape(found[1].decode()) if found else ""


@dataclass
class Recorder:
    """Hands out the documents one after another, says 100 when none is left, and keeps every byte."""

    clock: Callable[[], datetime]
    documents: list[str] = field(default_factory=list)
    verdict: str = ""
    connection_error: list[str] = field(default_factory=lambda: ["done"])
    posts: list[Received] = field(default_factory=list)
    port: int = 0
    arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def methods(self) -> list[str]:
        """Of the calls that arrived whole."""
        return [post.method for post in self.posts if post.whole]

    def cut_off(self) -> Received:
        """A call that broke off in the middle. Its line is gone, so its caller goes on before it is kept here."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: any(not post.whole for post in self.posts), 30)
        return next(post for post in self.posts if not post.whole)

    def of(self, method: str) -> list[Received]:
        return [post for post in self.posts if post.method == method]

    def reply(self, post: Received) -> str:
        if post.method == "authenticate":
            number = len(self.of("authenticate")) - 1
            return f"<string>{TICKETS[number % 3]}</string><string>{escape(self.verdict)}</string>"
        if post.method == "sendRequestXML":
            return escape(self.documents.pop(0)) if self.documents else ""
        if post.method == "receiveResponseXML":
            return "50" if self.documents else "100"
        if post.method == "connectionError":
            return (
                self.connection_error.pop(0) if len(self.connection_error) > 1 else self.connection_error[0]
            )
        return {"serverVersion": "1.0", "getLastError": "Nothing is left"}.get(post.method, "")

    def qwc(self, name: str = "Example Sync") -> str:
        url = f"http://localhost:{self.port}/qbwc"
        return (
            f'<?xml version="1.0"?><QBWCXML><AppName>{name}</AppName><AppID></AppID><AppURL>{url}</AppURL>'
            f"<AppDescription>Tests</AppDescription><AppSupport>{url}</AppSupport><UserName>tenant</UserName>"
            "<OwnerID>{57F3B9B1-86F1-4fcc-B1EE-566DE1813D20}</OwnerID>"
            "<FileID>{90A44FB5-33D9-4815-AC85-BC87A7E7D1EB}</FileID><QBType>QBFS</QBType></QBWCXML>"
        )


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        recorder: Recorder = self.server.recorder  # type: ignore[attr-defined]
        while line := self.rfile.readline():
            head = line
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                head += line
            promised = re.search(rb"(?i)content-length: *(\d+)", head)
            if not head.startswith(b"POST"):
                self._send(b"text/plain", b"a page")
                continue
            post = Received(
                head,
                self.rfile.read(int(promised[1] if promised else 0)),
                int(promised[1]) if promised else 0,
                recorder.clock(),
            )
            with recorder.arrived:
                recorder.posts.append(post)
                recorder.arrived.notify_all()
            if not post.whole:
                return
            inside = recorder.reply(post)
            self._send(
                b"text/xml; charset=utf-8",
                f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
                f'<s:Body><{post.method}Response xmlns="{INTUIT}"><{post.method}Result>{inside}</{post.method}Result>'
                f"</{post.method}Response></s:Body></s:Envelope>".encode(),
            )

    def _send(self, media: bytes, body: bytes) -> None:
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (media, len(body), body)
        )


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False
    block_on_close = True

    def handle_error(self, *_: Any) -> None:
        """A connection that the test breaks on purpose."""


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.recorder = recorder  # type: ignore[attr-defined]
        recorder.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            thread.join()


def adding(name: str, **attributes: str) -> str:
    """A set with one CustomerAdd; attributes are those of error recovery."""
    more = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return (
        f'<?xml version="1.0"?><?qbxml version="13.0"?><QBXML><QBXMLMsgsRq onError="continueOnError"{more}>'
        f'<CustomerAddRq requestID="8"><CustomerAdd><Name>{name}</Name></CustomerAdd></CustomerAddRq>'
        "</QBXMLMsgsRq></QBXML>"
    )


# -- the company file as bytes on a disk -------------------------------------------------------------------------


def names_in(path: Path) -> list[str]:
    """The customers that the file holds."""
    return [
        str(name)
        for (name,) in _rows(path, "SELECT full_name FROM list_object WHERE kind = 'Customer' ORDER BY 1")
    ]


def count_in(path: Path, request: str) -> int:
    """How often the file says that a request was carried out."""
    return sum(
        number for name, number in _rows(path, "SELECT name, number FROM request_count") if name == request
    )


def stored_sets_in(path: Path) -> list[str]:
    return [
        str(one) for (one,) in _rows(path, "SELECT id FROM message_set WHERE answer IS NOT NULL ORDER BY 1")
    ]


def private_data_in(path: Path) -> dict[str, str]:
    return dict(_rows(path, "SELECT name, value FROM data_ext WHERE holder = 'Company'"))


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()
