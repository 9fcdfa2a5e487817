"""A company file behind a local address: qbXML in by POST, the answer out, and what it is by GET."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from qbwc_server.simulator.company import CompanyFile
from qbwc_server.simulator.company.rules import RULES
from qbwc_server.simulator.errors import ProcessError, SimulatorError

HOST = "127.0.0.1"
LOCAL_NAMES = ("127.0.0.1", "localhost")
XML = ("text/xml", "application/xml")
# Names the session: its iterators live until the endpoint ends.
SESSION = "X-Session"
MOST_BYTES = 50_000_000
LOOK_SECONDS, CLIENT_SECONDS = 0.1, 30.0
KINDS = ("Customer", "Vendor", "Invoice", "ReceivePayment")


class Endpoint:
    """One company file at http://127.0.0.1:port/. One request at a time, as QuickBooks takes them.

    Raises SimulatorError when the port is taken; 0 takes a free one.
    """

    def __init__(
        self, company: CompanyFile, port: int = 0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._company = company
        self._clock = clock
        self._sessions: dict[str, str] = {}
        self.last_asked = clock()
        handler = type("Handler", (_Handler,), {"endpoint": self})
        try:
            self._server = HTTPServer((HOST, port), handler)
        except OSError as error:
            raise SimulatorError(f"Port {port} of {HOST} cannot be used: {error.strerror}.") from error
        self._server.timeout = LOOK_SECONDS

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}/"

    def run(
        self,
        *,
        idle: float | None = None,
        lasting: float | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """Answers until nobody has asked for `idle` seconds, until `lasting` seconds are over, or until stopped."""
        begun = self.last_asked = self._clock()
        while not stopped():
            now = self._clock()
            if (idle is not None and now - self.last_asked >= idle) or (
                lasting is not None and now - begun >= lasting
            ):
                return
            self._server.handle_request()

    def close(self) -> None:
        self._server.server_close()
        for session in self._sessions.values():
            self._company.end_session(session)

    # -- what it answers -------------------------------------------------------------------------------------

    def asked(self) -> None:
        self.last_asked = self._clock()

    def answer(self, session: str, document: bytes) -> tuple[int, str, str]:
        """HTTP status, media type and text; 422 with the HRESULT where QuickBooks gives no answer."""
        try:
            if session not in self._sessions:
                self._sessions[session] = self._company.begin_session(session)
            text = self._company.process(self._sessions[session], document.decode("utf-8", "replace"))
        except ProcessError as refused:
            return 422, "text/plain", f"{refused.hresult} {refused.message}\n"
        return 200, "text/xml", text

    def status(self) -> dict[str, Any]:
        company = self._company
        return {
            "company": company.name,
            "file": str(company.path),
            "edition": company.edition,
            "country": company.country,
            "timezone": company.timezone,
            "qbxml": company.highest_version,
            "records": {kind: company.count(kind) for kind in KINDS},
            "requests": company.counts(),
            "faults": company.faults.armed(),
            "rules": {
                name: company.rule(name) for name, one in RULES.items() if company.rule(name) != one.usual
            },
        }


class _Handler(BaseHTTPRequestHandler):
    endpoint: Endpoint
    timeout = CLIENT_SECONDS

    def do_GET(self) -> None:
        if self._is_local():
            self._send(200, "application/json", json.dumps(self.endpoint.status(), indent=2))

    def do_POST(self) -> None:
        """XML only: a page of the Web cannot send it to another address without asking first."""
        media = self.headers.get("Content-Type", "").partition(";")[0].strip()
        length = self.headers.get("Content-Length", "")
        if not self._is_local():
            return
        if media not in XML:
            self._send(415, "text/plain", "Send qbXML as Content-Type: text/xml.\n")
        elif not length.isdigit() or int(length) > MOST_BYTES:
            self._send(413, "text/plain", f"Send a Content-Length of at most {MOST_BYTES} bytes.\n")
        else:
            self._send(
                *self.endpoint.answer(self.headers.get(SESSION, "endpoint"), self.rfile.read(int(length)))
            )

    def _is_local(self) -> bool:
        self.endpoint.asked()
        host = self.headers.get("Host", "").partition(":")[0]
        if host not in LOCAL_NAMES:
            self._send(403, "text/plain", "Ask as 127.0.0.1.\n")
        return host in LOCAL_NAMES

    def _send(self, status: int, media: str, text: str) -> None:
        data = text.encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", f"{media}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """The answers tell all there is to tell."""
