"""The Web Connector of the sync tests: it plays one visit call by call, without HTTP, and shows what it saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import qbxml
from qbwc_server.simulator import ProcessError
from qbwc_server.soap.qwc import OWNER_ID
from qbwc_server.sync.posted import Posted
from qbwc_server.worker import tasks

if TYPE_CHECKING:
    from tests.sync.world import World

APP = "QuickBooks Sync"


class Killed(BaseException):
    """The process ended here; nothing of ours gets to tidy up."""


class KilledAfterCommit(Killed):
    """Right after a transaction was kept."""


@dataclass
class Visited:
    """What one run of the Web Connector showed: status text, progress and every document it carried."""

    status: str = ""
    ok: bool = False
    progress: list[int] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    def requests(self, name: str) -> list[qbxml.Request]:
        """Every request of a name ("CustomerAdd") that went to QuickBooks, as its own parser reads it."""
        sets = [qbxml.read_request(text) for text in self.sent]
        return [one for each in sets for one in each.requests if one.name == f"{name}Rq"]


class Connector:
    """One run of a Web Connector, in the order of the protocol (reference qbwc-protocol 2.2 to 2.10)."""

    MOST_CALLS = 400

    def __init__(self, world: World, address: str, *, worker: bool) -> None:
        self.world, self.address, self.worker = world, address, worker
        self.sessions, self.company = world.sessions, world.company
        self.seen = Visited()
        self.session = ""
        self.ticket = ""

    def run(self) -> Visited:
        try:
            self._run()
        except Killed as killed:
            self.seen.status = f"killed: {killed}"
        finally:
            if self.session:
                self.company.end_session(self.session)
        return self.seen

    def _run(self) -> None:
        self._call("server_version")
        assert self._call("client_version", "2.3.0.36") == ""
        reply = self._call("authenticate", "acme", self.world.password, self.address)
        self.ticket, verdict = reply[0], reply[1]
        if verdict in ("none", "nvu", "busy"):
            self.seen.status, self.seen.ok = verdict, verdict == "none"
            return
        hcp = self._connect(verdict)
        if hcp is not None:
            self._exchange(hcp)

    def _connect(self, path: str) -> str | None:
        """The preflight document; None when QuickBooks cannot be reached and the run ends."""
        while True:
            try:
                self.session = self.company.begin_session(APP, path)
            except ProcessError as error:
                path = self._call("connection_error", self.ticket, error.hresult, error.message)
                if path == "done":
                    self.seen.status = error.message
                    return None
                continue
            wanted = [
                qbxml.Request("HostQueryRq", {}, "0"),
                qbxml.Request("CompanyQueryRq", {"OwnerID": [OWNER_ID]}, "1"),
                qbxml.Request("PreferencesQueryRq", {}, "2"),
            ]
            return self.company.process(
                self.session, qbxml.build(wanted, version=self.company.highest_version)
            )

    def _exchange(self, hcp: str) -> None:
        while True:
            text = self._call("send_request_xml", self.ticket, hcp, self.company.file_name, "US", 13, 0)
            hcp = ""
            if text == "":
                said = self._call("get_last_error", self.ticket)
                if said != "NoOp":
                    return self._close(said, ok=False)
                self._meanwhile()
                continue
            percent = self._carry(text)
            if percent < 0:
                return self._close(self._call("get_last_error", self.ticket), ok=False)
            if percent == 100:
                return self._close("", ok=True)

    def _carry(self, text: str) -> int:
        self.seen.sent.append(text)
        self.world.on_document(text)
        answer = ("", "", "")
        try:
            answer = (self.company.process(self.session, text), "", "")
        except ProcessError as error:
            answer = ("", error.hresult, error.message)
        self.seen.answers.append(answer[0])
        percent = self._call("receive_response_xml", self.ticket, Posted.of(answer[0]), *answer[1:])
        assert isinstance(percent, int)
        assert -1 <= percent <= 100
        self.seen.progress.append(percent)
        return percent

    def _meanwhile(self) -> None:
        """NoOp means five seconds of waiting; a living worker uses them."""
        self.world.clock.advance(seconds=5)
        if self.worker:
            self.world._hold_lease()
            tasks.work_once(self.world.background)

    def _close(self, status: str, *, ok: bool) -> None:
        said = self._call("close_connection", self.ticket)
        self.seen.status, self.seen.ok = status or said, ok

    def _call(self, name: str, *arguments: Any) -> Any:
        faults = self.company.faults
        method = _SOAP_NAMES[name]
        if faults.take("kill_connector_before", method=method):
            raise Killed(f"before {method}")
        self.seen.calls.append(method)
        assert len(self.seen.calls) < self.MOST_CALLS, "the visit does not end"
        reply = getattr(self.sessions, name)(*arguments)
        if faults.take("kill_connector_after", method=method):
            raise Killed(f"after {method}")
        return reply


_SOAP_NAMES = {
    "server_version": "serverVersion",
    "client_version": "clientVersion",
    "authenticate": "authenticate",
    "send_request_xml": "sendRequestXML",
    "receive_response_xml": "receiveResponseXML",
    "get_last_error": "getLastError",
    "connection_error": "connectionError",
    "close_connection": "closeConnection",
}
