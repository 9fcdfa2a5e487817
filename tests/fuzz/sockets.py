"""Bytes on the socket of the real server: framing that lies, cuts, dribbles and contradicts itself."""

from __future__ import annotations

import gzip
import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qbwc_server.app import system_clock
from tests.fuzz.mutations import ROOT, corpus, mutated
from tests.fuzz.readers import SECRET
from tests.soap.recording import INTUIT, REQUEST
from tests.soap.shop import PASSWORD, USER, add_shop, make_home, open_home
from tests.soap.wire_paths import through_tcp

PATIENCE: Final = 20.0
# After so many inputs the server's processes, files and connections are compared with those at the beginning.
AT_REST: Final = 50
# Ours, those of the pages beside the endpoint, and gunicorn's of bytes that are no request; 100 comes before an answer.
STATUSES: Final = {100, 200, 302, 308, 400, 404, 405, 411, 413, 414, 415, 417, 431, 500, 501}
LISTENING: Final = re.compile(rb"Listening on http://127\.0\.0\.1:(\d+)")
MARK: Final = b"smuggled-in"


@dataclass(frozen=True)
class Message:
    """What goes over one connection: pieces with pauses between, and how it ends."""

    pieces: tuple[bytes, ...]
    pause: float = 0.0
    end: str = "half"  # "half": no more comes, an answer may; "away": closed; "reset": closed with a bang
    one_answer: bool = (
        False  # its framing contradicts itself, so that nothing behind it may be taken for a request
    )


# --- what is sent ---

CALL: Final = (
    REQUEST % f'<closeConnection xmlns="{INTUIT}"><ticket>{SECRET}</ticket></closeConnection>'
).encode()
HIDDEN: Final = f"GET /qbwc?{MARK.decode()} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
LINES: Final = (
    *["POST /qbwc HTTP/1.1"] * 24, "POST /qbwc HTTP/1.0", "POST http://books.example.com/qbwc HTTP/1.1",
    "GET /qbwc HTTP/1.1",
    "GET /qbwc?wsdl HTTP/1.1", "HEAD /qbwc HTTP/1.1", "OPTIONS * HTTP/1.1", "POST /qbwc HTTP/2.0",
    "POST /qbwc HTTP/0.9",
    "POST /qbwc", "POST  /qbwc  HTTP/1.1", "post /qbwc HTTP/1.1", f"POST /qbwc?strPassword={SECRET} HTTP/1.1",
    f"POST /qbwc?{SECRET} HTTP/9.9", f"GET /{SECRET} HTTP/1.1", "POST /%00%ff%2e%2e/qbwc HTTP/1.1", "PRI * HTTP/2.0",
    f"POST /{'x' * 9000} HTTP/1.1", "POST /qbwc#a HTTP/1.1", "CONNECT a:1 HTTP/1.1", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2",
    f"GET /console/{SECRET} HTTP/1.1", "GET / HTTP/1.1", "POST /login HTTP/1.1", "GET /metrics HTTP/1.1",
)  # fmt: skip
HEADERS: Final = (
    "Expect: 100-continue", "Expect: 200-ok", "Content-Encoding: gzip", "Content-Type: text/xml; charset=utf-16",
    'Content-Type: text/xml; charset="utf-8', "Content-Type: multipart/form-data; boundary=x",
    f"Authorization: Basic {SECRET}",
    f"Authorization Basic {SECRET}", f"Cookie: session={SECRET}", f" folded {SECRET}", f"Bad Name {SECRET}: x",
    f"X: {'y' * 9000}", "Content_Length: 5", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https",
    "Connection: close", "Connection: keep-alive", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABk",
    "A: b\0c", "A: b\rc", f"X\u00e9: {SECRET}", "Host:", "Host: a, b", "Host: b", ": nameless", "Trailer: X",
    "Script-Name: /x",
    "SCRIPT_NAME: /x", "Range: bytes=0-1", "If-None-Match: *", "SOAPAction: ", f'SOAPAction: "{"z" * 3000}"',
    "Accept-Encoding: gzip, br", "Via: 1.1 a", "Max-Forwards: 0", "TE: trailers", "X-Http-Method-Override: PUT",
)  # fmt: skip
CONTRADICTING: Final = (
    "Transfer-Encoding: chunked\r\nContent-Length: {length}",
    "Content-Length: {length}\r\nTransfer-Encoding: chunked",
    "Content-Length: {length}\r\nContent-Length: 0",
    "Content-Length: 0\r\nContent-Length: {length}",
    "Content-Length: {length}, 0",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3",
    "Transfer-Encoding : chunked\r\nContent-Length: 3",
    "Transfer-Encoding:\x0bchunked\r\nContent-Length: 3",
    "Content-Length: 1\r\n 0",
    "Content-Length: +{length}",
    "Content-Length: 0x{length}",
    "Content-Length: {length}_0",
)
LYING: Final = (
    *["Content-Length: {length}"] * 4, "Content-Length: {short}", "Content-Length: {long}", "Content-Length: 0", "",
    "Content-Length: -1", "Content-Length: x", f"Content-Length: {'9' * 30}", f"Content-Length: {'9' * 5000}",
    "Content-Length: 400000000", "Content-Length: 2000000", "Content-Length: {length}\r\nContent-Length: {length}",
    "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: identity", "Transfer-Encoding: deflate", "Content-Length:",
)  # fmt: skip
SIZES: Final = ("%x", "%X", "0%x", "%x;a=b", "%x;a", f"%x;{SECRET}=\"\r\"", "%x ", " %x", "-%x", "0x%x", "%x\t;", "g%x",
                "", "%x" + "0" * 20, "00000000000000000000%x", "%x;" + "e" * 9000)  # fmt: skip


def message(chance: random.Random) -> Message:
    """The bytes of one connection, and how they are sent."""
    kind = chance.choice((_plain, _plain, _chunked, _chunked, _contradicting, _pipelined, _mangled))
    data, one_answer = kind(chance)
    count = chance.choice((1, 1, 1, 2, 5, 20))
    cuts = sorted(chance.randint(0, len(data)) for _ in range(count - 1))
    pieces = tuple(data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True))
    pause = chance.choice((0.0, 0.001, 0.01)) if count > 1 else 0.0
    return Message(pieces, pause, chance.choice(("half", "half", "half", "away", "reset")), one_answer)


def _body(chance: random.Random) -> bytes:
    return chance.choice(
        (CALL, CALL, b"", CALL[:-30], gzip.compress(CALL), CALL.decode().encode("utf-16"), CALL * 40, CALL + HIDDEN,
         mutated(chance, corpus("soap"), most=2))
    )  # fmt: skip


def _head(chance: random.Random, framing: str, line: str = "") -> bytes:
    more = [chance.choice(HEADERS) for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 120)))]
    usual = ["Host: books.example.com", "Content-Type: text/xml; charset=utf-8"]
    lines = [line or chance.choice(LINES), *usual, *more, framing]
    end = chance.choice(("\r\n",) * 12 + ("\n", "\r"))
    return end.join([*filter(None, lines), "", ""]).encode("latin-1")


def _plain(chance: random.Random) -> tuple[bytes, bool]:
    body = _body(chance)
    return _head(chance, _framing(chance.choice(LYING), body)) + body, False


def _framing(form: str, body: bytes) -> str:
    return form.format(length=len(body), short=len(body) * 2 // 3, long=len(body) + 1000)


def _chunks(chance: random.Random, body: bytes) -> bytes:
    made = b""
    while body:
        size = chance.choice((1, 7, 300, 100_000))
        piece, body = body[:size], body[size:]
        spelled = chance.choice(("%x",) * 12 + SIZES)
        head = spelled % len(piece) if "%" in spelled else spelled
        made += (
            head.encode("latin-1")
            + chance.choice((b"\r\n",) * 9 + (b"\n",))
            + piece
            + chance.choice((b"\r\n",) * 9 + (b"",))
        )
    last = (b"0\r\n\r\n",) * 4 + (
        b"",
        b"0\r\n",
        b"0\r\nX: y\r\n\r\n",
        f"0\r\n{SECRET}\r\n\r\n".encode(),
        b"00000;a\r\n\r\n",
    )
    return made + chance.choice(last)


def _chunked(chance: random.Random) -> tuple[bytes, bool]:
    form = chance.choice(
        ("Transfer-Encoding: chunked",) * 5 + ("Transfer-Encoding: Chunked", "TRANSFER-ENCODING: chunked\t")
    )
    return _head(chance, form) + _chunks(chance, _body(chance)), False


def _contradicting(chance: random.Random) -> tuple[bytes, bool]:
    """A request of two readings; one of them finds another request inside."""
    body = b"0\r\n\r\n" + HIDDEN if chance.random() < 0.7 else _chunks(chance, CALL) + HIDDEN
    head = _head(chance, _framing(chance.choice(CONTRADICTING), body), "POST /qbwc HTTP/1.1")
    return head + body, head.endswith(b"\r\n\r\n")


def _pipelined(chance: random.Random) -> tuple[bytes, bool]:
    makers = (_plain, _plain, _chunked)
    return b"".join(chance.choice(makers)(chance)[0] for _ in range(chance.choice((2, 3, 10)))), False


def _mangled(chance: random.Random) -> tuple[bytes, bool]:
    data = _plain(chance)[0]
    return mutated(chance, [data], most=3)[:300_000], False


# --- the server ---


class Server:
    """The product's own `serve` with two processes, for one company; and what it had when it was at rest."""

    def __init__(self, place: Path) -> None:
        self.home, self.log, self.temporary = (
            make_home(place / "served"),
            place / "log.txt",
            place / "temporary",
        )
        self.temporary.mkdir()
        settings = self.home / "settings.toml"
        settings.write_text(
            settings.read_text().replace("max_body_mb = 20", 'max_body_mb = 1\nlog_level = "DEBUG"')
        )
        installation = open_home(self.home, system_clock)
        add_shop(installation)
        installation.close()
        command = [
            sys.executable,
            "-m",
            "qbwc_server.cli",
            "serve",
            "--home",
            str(self.home),
            "--bind",
            "127.0.0.1:0",
        ]
        environ = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        self.address = ("127.0.0.1", self._port())
        self._read = 0
        self._calls = 0
        for _ in range(8):
            self.honest_call()
        self.pids, self.files = self._workers(), self._files()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)

    def _port(self) -> int:
        return int(_soon(lambda: found[1] if (found := LISTENING.search(self.log.read_bytes())) else None))

    def _workers(self) -> list[int]:
        master = self.process.pid
        text = Path(f"/proc/{master}/task/{master}/children").read_text()
        return sorted(map(int, text.split()))

    def _files(self) -> set[str]:
        """In the home and the folder for temporary files; what SQLite keeps beside its own comes and goes."""
        return {
            str(one)
            for folder in (self.home, self.temporary)
            for one in folder.rglob("*")
            if "sqlite" not in one.name
        }

    def _open(self) -> list[str]:
        """What the processes hold open beside what they need: sockets of clients and files without a name."""
        links = [link for pid in self.pids for link in Path(f"/proc/{pid}/fd").iterdir()]
        named = []
        for link in links:
            with suppress(FileNotFoundError):
                named.append(str(link.readlink()))
        sockets = self._clients()
        return [one for one in named if "(deleted)" in one and "wgunicorn" not in one] + sockets

    def _clients(self) -> list[str]:
        """Connections that somebody still holds, as the kernel lists them."""
        local = f":{self.address[1]:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return [row[2] for row in rows if row[1].endswith(local) and row[3] in ("01", "08")]

    # --- one input ---

    def receive(self, sent: Message) -> list[tuple[int, bytes]]:
        """Send it; the answers that came (status, the rest)."""
        with socket.create_connection(self.address, PATIENCE) as line:
            with suppress(OSError):  # the server may have had enough
                for piece in sent.pieces:
                    line.sendall(piece)
                    time.sleep(sent.pause)
                if sent.end == "half":
                    line.shutdown(socket.SHUT_WR)
            if sent.end == "reset":
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return _answers(line) if sent.end == "half" else []

    def try_one(self, sent: Message) -> None:
        answers = self.receive(sent)
        for status, rest in answers:
            assert status in STATUSES, (status, rest[:300])
            assert b"Traceback" not in rest, rest[:2000]
            assert status != 500 or b"<faultstring>" in rest, rest[:300]
        if sent.one_answer:
            assert sum(status != 100 for status, _ in answers) <= 1, answers
        self.honest_call()
        self.check_log()

    def honest_call(self) -> None:
        """The Web Connector logs in and says goodbye."""
        inner = f"<strUserName>{USER}</strUserName><strPassword>{PASSWORD}</strPassword>"
        (ticket,) = re.findall("<string>([^<]+)</string>", self._call("authenticate", inner))
        self._call("closeConnection", f"<ticket>{ticket}</ticket>")

    def _call(self, method: str, inner: str) -> str:
        body = (REQUEST % f'<{method} xmlns="{INTUIT}">{inner}</{method}>').encode()
        headers = [
            ("Host", "localhost"),
            ("Content-Type", "text/xml; charset=utf-8"),
            ("Content-Length", str(len(body))),
        ]
        status, _, reply = through_tcp(
            self.address, "POST", "/qbwc", [*headers, ("Connection", "close")], body
        )
        assert status == 200, (status, reply)
        return reply.decode()

    def check_log(self) -> None:
        """What was logged since: nothing secret, nothing of our insides."""
        with self.log.open("rb") as log:
            log.seek(self._read)
            fresh = log.read()
        self._read += len(fresh)
        for hidden in (
            SECRET.encode(),
            PASSWORD.encode(),
            b"Traceback",
            b"could not be answered",
            b"failed:",
        ):
            assert hidden not in fresh, fresh.decode("utf-8", "replace")

    def check_rest(self) -> None:
        """The same processes as at the beginning, nothing held open for clients that are gone, no file left."""
        assert _soon(lambda: not self._open() or None), self._open()
        assert self._workers() == self.pids
        assert self._files() == self.files


class Sockets:
    """Seeds to inputs of one server, which is started for the first; what it is at rest is looked at now and then."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._server: Server | None = None
        self._made = self._since = 0

    def __call__(self, seed: int) -> None:
        server = self._server or self._start()
        self._since += 1
        try:
            server.try_one(message(random.Random(f"socket {seed}")))
            if self._since % AT_REST == 0:
                server.check_rest()
        except Exception:
            self.close()
            raise

    def _start(self) -> Server:
        self._made += 1
        place = self._place / f"server-{self._made}"
        place.mkdir()
        self._server = Server(place)
        return self._server

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = None


def _soon(look: Callable[[], object]) -> object:
    """What is found within the patience, None when it never is."""
    until = time.monotonic() + PATIENCE
    while (found := look()) is None and time.monotonic() < until:
        select.select([], [], [], 0.02)
    return found


def _answers(line: socket.socket) -> list[tuple[int, bytes]]:
    """All that the server says until it closes, taken apart at its status lines."""
    data = b""
    with suppress(OSError):
        while block := line.recv(65536):
            data += block
    starts = [one.start() for one in re.finditer(rb"HTTP/1\.[01] \d{3} ", data)]
    assert not data or starts[:1] == [0], data[:300]
    ends = [*starts[1:], len(data)][: len(starts)]
    return [
        (int(data[begin + 9 : begin + 12]), data[begin:end]) for begin, end in zip(starts, ends, strict=True)
    ]
