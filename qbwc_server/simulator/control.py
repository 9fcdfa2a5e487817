"""The control port: a small HTTP door on 127.0.0.1 through which another program arms faults and presses Update.

Every answer is JSON: {"error": "..."} with 400 for what cannot be done, 404 with the list of what there is.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from qbwc_server.simulator.company import CompanyFile
from qbwc_server.simulator.connector import WebConnector
from qbwc_server.simulator.errors import SimulatorError
from qbwc_server.simulator.fault_table import rows as fault_rows

HOST = "127.0.0.1"
LOCAL_NAMES = ("127.0.0.1", "localhost")
TRIGGER = ("times", "nth", "probability", "seed")
Given = Mapping[str, Any]


class Control:
    """What can be asked for, as functions from a JSON object to a JSON value."""

    def __init__(self, company: CompanyFile, connector: WebConnector | None = None) -> None:
        self.company = company
        self.connector = connector
        self.actions: Mapping[tuple[str, str], Callable[[Given], Any]] = {
            ("GET", "/faults"): self.faults,
            ("GET", "/armed"): self.armed,
            ("POST", "/arm"): self.arm,
            ("POST", "/clear"): self.clear,
            ("GET", "/counts"): lambda _: self.company.counts(),
            ("GET", "/applications"): self.applications,
            ("POST", "/update"): self.update,
            ("GET", "/log"): self.log,
        }

    def faults(self, _: Given) -> list[dict[str, str]]:
        keys = ("name", "sentence", "arguments", "occasion", "source")
        return [dict(zip(keys, row, strict=True)) for row in fault_rows()]

    def armed(self, _: Given) -> list[dict[str, Any]]:
        return [asdict(row) for row in self.company.faults.rows()]

    def arm(self, given: Given) -> list[dict[str, Any]]:
        """{"fault": NAME, "arguments": {...}, "nth": 1, "times": 1, "probability": 1.0, "seed": 0}"""
        unknown = given.keys() - {"fault", "arguments", *TRIGGER}
        if "fault" not in given or unknown:
            raise SimulatorError(
                f"Give fault, arguments, {', '.join(TRIGGER)}; {sorted(unknown)} is none of it."
            )
        trigger = {key: given[key] for key in TRIGGER if key in given}
        self.company.faults.arm(str(given["fault"]), **trigger, **given.get("arguments", {}))
        return self.armed(given)

    def clear(self, given: Given) -> list[dict[str, Any]]:
        self.company.faults.clear()
        return self.armed(given)

    def applications(self, _: Given) -> list[dict[str, str]]:
        keys = ("name", "last_result", "last_run")
        return [dict(zip(keys, row, strict=True)) for row in self._connector().results_text()]

    def update(self, given: Given) -> list[dict[str, Any]]:
        """{"names": [...]}; without names all applications."""
        return [asdict(result) for result in self._connector().update(given.get("names"))]

    def log(self, _: Given) -> str:
        return self._connector().log.read()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """The HTTP status and the JSON value of one request."""
        action = self.actions.get((method, path))
        if action is None:
            return 404, {
                "error": f"There is no {method} {path} here.",
                "known": [" ".join(one) for one in self.actions],
            }
        try:
            given = json.loads(body or b"{}")
            if not isinstance(given, dict):
                raise SimulatorError("The body must be a JSON object.")
            return 200, action(given)
        except (SimulatorError, ValueError, TypeError) as error:
            return 400, {"error": str(error)}

    def _connector(self) -> WebConnector:
        if self.connector is None:
            raise SimulatorError("There is no Web Connector behind this port, only a company file.")
        return self.connector


@contextmanager
def serving(control: Control, port: int = 0) -> Iterator[int]:
    """Serves in the background while the context lasts and gives the port; 0 takes a free one."""
    handler = type("Handler", (_Handler,), {"control": control})
    try:
        server = ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise SimulatorError(f"Port {port} of {HOST} cannot be used: {error.strerror}.") from error
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    control: Control

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        """A page of the Web cannot reach this door: it names another host, or cannot send JSON."""
        name = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        media = self.headers.get("Content-Type", "").partition(";")[0]
        if name not in LOCAL_NAMES or (self.command == "POST" and media != "application/json"):
            self._send(403, {"error": "Ask as 127.0.0.1, with a body of application/json."})
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._send(*self.control.answer(self.command, self.path, body))

    def _send(self, status: int, value: Any) -> None:
        data = json.dumps(value, indent=2).encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """The answers tell all there is to tell."""
