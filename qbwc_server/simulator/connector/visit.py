"""One update of one application: which call follows which answer (protocol reference 2.2 to 2.10 and 3.2).

Every step is a method that does one thing and returns the next step, or the result that ends the run.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qbwc_server.simulator.connector.interactive import Interaction
from qbwc_server.simulator.connector.line import KilledError, Line
from qbwc_server.simulator.connector.log import MASKED, QwcLog
from qbwc_server.simulator.connector.options import Options
from qbwc_server.simulator.connector.quickbooks import CompanyFileLockedError, QuickBooks
from qbwc_server.simulator.connector.registry import Application
from qbwc_server.simulator.connector.unconfirmed import Unconfirmed
from qbwc_server.simulator.connector.wire import CallFailed
from qbwc_server.simulator.errors import ProcessError, SimulatorError

NOTHING_TO_DO = "No data exchange required"
POSTPONED = "Update postponed by application"
BUSY = "Application Busy"
INVALID_USER = "The Web Connector could not log in: invalid user name or password for this application."
DONE = 100
_SOAP = "SOAPWebService"


@dataclass(frozen=True)
class UpdateResult:
    """What the user sees after one update, and what a test may ask."""

    app_name: str
    ok: bool
    # The text of the Status column.
    status: str
    # SOAP methods in the order they were called.
    calls: list[str]
    # "QBWC1012" and so on, "" when none was shown.
    code: str = ""
    # Every value of receiveResponseXML: the progress bar.
    progress: list[int] = field(default_factory=list)
    # Dialogs shown on the way: clientVersion texts, connection failures.
    messages: list[str] = field(default_factory=list)
    server_version: str = ""
    # authenticate [2] and [3], in seconds; only what an automatic run has to obey.
    postponed: int | None = None
    minimum: int | None = None


Step = Callable[[], "Step | UpdateResult"]


class Visit:
    """The state of one run; run() never raises for what an application or QuickBooks does."""

    def __init__(
        self,
        application: Application,
        password: str,
        quickbooks: QuickBooks,
        line: Line,
        log: QwcLog,
        options: Options,
        *,
        scheduled: bool = False,
    ) -> None:
        self.application = application
        self.password = password
        self.quickbooks = quickbooks
        self.line = line
        self.log = log
        self.options = options
        self.scheduled = scheduled
        self.calls: list[str] = []
        self.progress: list[int] = []
        self.messages: list[str] = []
        self.seen: dict[str, Any] = {}
        self.ticket = ""
        self.file_name = ""
        self.hcp = ""
        self.document = ""
        self.answer = ("", "", "")
        self.connection_error: ProcessError | None = None
        self.locked = False

    def run(self) -> UpdateResult:
        step: Step | UpdateResult = self.server_version
        try:
            while not isinstance(step, UpdateResult):
                step = step()
        except CallFailed as failure:
            self.log.line(f"{_SOAP}.do_{failure.method}", str(failure))
            step = self.broken_off(failure)
        except KilledError as killed:
            # QuickBooks notices that its client died; the lock in the company file stays.
            self.locked = False
            self.quickbooks.disconnect()
            step = self.ended(str(killed), ok=False)
        finally:
            self.disconnect()
            self.quickbooks.leave()
            self.line.service.close()
        return step

    # -- the calls -------------------------------------------------------------------------------------------

    def server_version(self) -> Step:
        """A failure is logged and ignored (1.5)."""
        try:
            self.seen["server_version"] = self.call("serverVersion") or ""
            self.received("serverVersion", "serverVersionRet", self.seen["server_version"])
        except CallFailed as failure:
            self.log.line(
                f"{_SOAP}.do_serverVersion",
                f"Actual error received from web service for serverVersion call: <{failure.text}>",
            )
            if self.unconfirmed.server_version_failure_ends:
                raise
        return self.client_version

    def client_version(self) -> Step | UpdateResult:
        try:
            reply = self.call("clientVersion", strVersion=self.options.version) or ""
        except CallFailed:
            if not self.unconfirmed.missing_client_version_is_skipped:
                raise
            return self.authenticate
        self.received("clientVersion", "clientVersionRet", reply)
        if not reply:
            self.log.line(
                f"{_SOAP}.do_clientVersion",
                "This application agrees with the current version of "
                "QBWebConnector. Allowing update operation.",
            )
            return self.authenticate
        kind, colon, text = reply[:1], reply[1:2], reply[2:]
        if colon != ":" or kind not in ("W", "E", "O"):
            return self.failed("QBWC1046", f"clientVersion returned {reply!r}, which is no valid answer.")
        self.messages.append(text)
        if kind == "W" and self.options.continue_on_warning:
            return self.authenticate
        needs = "The application needs Web Connector " if kind == "O" else ""
        return self.failed("QBWC1037", needs + text)

    def authenticate(self) -> Step | UpdateResult:
        user = self.application.qwc.user_name
        self.log.line(
            f"{_SOAP}.do_authenticate",
            f"Authenticating to application '{self.application.name}', username = '{user}'",
        )
        reply = [
            item or "" for item in self.call("authenticate", strUserName=user, strPassword=self.password)
        ]
        self.log.line(
            f"{_SOAP}.do_authenticate",
            "Received from authenticate() following parameters:"
            + "".join(f'<authRet[{index}]="{item}">' for index, item in enumerate(reply)),
        )
        self.ticket, verdict, postpone, minimum = [*reply, "", ""][:4]
        if self.scheduled:
            self.seen.update(postponed=self.postponed(postpone), minimum=_seconds(minimum))
        return self.admitted(verdict)

    def admitted(self, verdict: str) -> Step | UpdateResult:
        """authenticate [1]; a number in [2] wins over work to do, in an automatic run (2.5)."""
        keyword = _VERDICTS.get(verdict.lower())
        postponed = self.seen.get("postponed") is not None
        if keyword is None and not postponed:
            self.file_name = verdict
            return self.connect
        closes = keyword is not None and keyword.closes(self.unconfirmed)
        status, code, ok = (
            (POSTPONED, "", True)
            if postponed or keyword is None
            else (keyword.status, keyword.code, keyword.ok)
        )
        return self.over(status, code=code, ok=ok, closes=closes)

    def postponed(self, text: str) -> int | None:
        """authenticate [2]; whether a 0 is a number is unconfirmed (2.5)."""
        seconds = _seconds(text)
        return None if seconds == 0 and not self.unconfirmed.zero_postpones else seconds

    def connect(self) -> Step:
        try:
            self.open_connection()
        except ProcessError as error:
            self.connection_error = error
            self.messages.append(f"QBWC1013: Error connecting to QuickBooks. {error.message}")
            self.log.line(f"{_SOAP}.ConnectToQB", f"QBWC1013: {error}")
            return self.report_connection_error
        return self.prepare

    def open_connection(self) -> None:
        """Some describe a second attempt before the application is told (3.3)."""
        try:
            self.quickbooks.connect(self.file_name)
        except ProcessError:
            if not self.unconfirmed.connects_twice:
                raise
            self.quickbooks.connect(self.file_name)

    def report_connection_error(self) -> Step | UpdateResult:
        """Any reply but "done" is a company file path to try next; QuickBooks sets no limit to it (2.8)."""
        error = self.connection_error
        assert error is not None
        if self.calls.count("connectionError") == self.options.connection_attempts:
            raise SimulatorError(
                f"The application {self.application.name} never answered done to connectionError "
                f"({self.options.connection_attempts} times). The real program would go on."
            )
        reply = (
            self.call("connectionError", ticket=self.ticket, hresult=error.hresult, message=error.message)
            or ""
        )
        if reply.lower() == "done":
            return self.failed(
                "QBWC1013", error.message, closes=self.unconfirmed.closes_after_connection_error
            )
        self.file_name = reply
        return self.connect

    def prepare(self) -> Step | UpdateResult:
        """Lock, then host, company and preferences; neither failure has a call that is known to follow (3.2 #10)."""
        try:
            self.quickbooks.lock()
            self.locked = True
            self.hcp = self.quickbooks.host_company_preferences()
        except CompanyFileLockedError as error:
            return self.failed("", str(error), closes=self.unconfirmed.closes_after_lock)
        except ProcessError as error:
            return self.failed(
                "QBWC1014",
                f"Host, company or preferences query failed. {error}",
                closes=self.unconfirmed.closes_after_preflight,
            )
        return self.send_request

    def send_request(self) -> Step:
        major, _, minor = self.quickbooks.company.highest_version.partition(".")
        reply = (
            self.call(
                "sendRequestXML",
                ticket=self.ticket,
                strHCPResponse=self.hcp,
                strCompanyFileName=self.quickbooks.company.file_name,
                qbXMLCountry=self.quickbooks.company.country,
                qbXMLMajorVers=int(major),
                qbXMLMinorVers=int(minor),
            )
            or ""
        )
        self.hcp = ""
        self.log.xml(
            f"{_SOAP}.do_sendRequestXML",
            "Received from sendRequestXML() following parameter: / strRequestXML =",
            reply,
        )
        self.document = reply
        asks = reply == "" or (reply == "NoOp" and self.unconfirmed.noop_request_asks)
        return self.last_error_after_request if asks else self.process

    def process(self) -> Step:
        where = f"{_SOAP}.ProcessRequestXML"
        self.log.line(where, f"Processing request #{self.calls.count('sendRequestXML')}")
        self.log.line(
            where, f"REQUEST: received from application: size (bytes) = {len(self.document.encode('utf-8'))}"
        )
        self.log.line(where, "Sending request to QuickBooks.")
        try:
            self.answer = (self.quickbooks.process(self.document), "", "")
        except ProcessError as error:
            self.answer = ("", error.hresult, error.message)
            self.log.line(where, "Sending error message back to application:")
            self.log.line(where, f"HRESULT = {error.hresult}\nMessage: {error.message}")
        return self.receive_response

    def receive_response(self) -> Step | UpdateResult:
        response, hresult, message = self.answer
        self.log.xml(f"{_SOAP}.do_receiveResponseXML", f'wcTicket="{self.ticket}" / response =', response)
        reply = int(
            self.call(
                "receiveResponseXML", ticket=self.ticket, response=response, hresult=hresult, message=message
            )
        )
        self.progress.append(reply)
        if reply > DONE:
            return self.above_100(reply)
        if reply == DONE:
            return self.closing("")
        return self.send_request if reply >= 0 else self.last_error_after_response

    def above_100(self, reply: int) -> Step | UpdateResult:
        """Unconfirmed (2.7)."""
        if self.unconfirmed.above_100 == "continue":
            return self.send_request
        if self.unconfirmed.above_100 == "done":
            return self.closing("")
        return self.failed(
            "",
            f"receiveResponseXML returned {reply}; what the Web Connector does above 100 "
            "is not known, so never send it.",
        )

    def last_error_after_request(self) -> Step | UpdateResult:
        """NoOp = wait five seconds and ask again; only sensible here (2.9)."""
        text = self.last_error()
        if text == "NoOp" or (text.lower() == "noop" and self.unconfirmed.noop_in_any_case):
            self.options.wait(self.options.noop_seconds)
            return self.send_request
        if text == "Interactive mode":
            return Interaction(self).ask
        return self.closing(text, ok=False)

    def last_error_after_response(self) -> UpdateResult:
        return self.closing(self.last_error(), ok=False)

    def last_error(self) -> str:
        text = str(self.call("getLastError", ticket=self.ticket) or "")
        self.received("getLastError", "lastErr", text)
        return text

    # -- endings ---------------------------------------------------------------------------------------------

    def closing(self, status: str, *, code: str = "", ok: bool = True) -> UpdateResult:
        """Unlocks and leaves QuickBooks first, then closeConnection; its text is shown when nothing else is (2.10)."""
        self.disconnect()
        said = str(self.call("closeConnection", ticket=self.ticket) or "")
        self.received("closeConnection", "ccResponse", said)
        return self.ended(status or said or "Ok", code=code, ok=ok)

    def failed(self, code: str, status: str, *, closes: bool = False) -> UpdateResult:
        self.log.line(f"{_SOAP}.update", f"{code}: {status}" if code else status)
        return self.over(status, code=code, ok=False, closes=closes)

    def over(self, status: str, *, code: str = "", ok: bool = True, closes: bool) -> UpdateResult:
        return (self.closing if closes else self.ended)(status, code=code, ok=ok)

    def broken_off(self, failure: CallFailed) -> UpdateResult:
        """Nothing is known to follow an exception (1.5)."""
        closes = self.unconfirmed.closes_after_exception and bool(self.ticket)
        if not closes or failure.method == "closeConnection":
            return self.ended(str(failure), code=failure.code, ok=False)
        try:
            return self.closing(str(failure), code=failure.code, ok=False)
        except CallFailed:
            return self.ended(str(failure), code=failure.code, ok=False)

    def ended(self, status: str, *, code: str = "", ok: bool = True) -> UpdateResult:
        shown = f"{code}: {status}" if code and not status.startswith(code) else status
        return UpdateResult(
            self.application.name, ok, shown, self.calls, code, self.progress, self.messages, **self.seen
        )

    def disconnect(self) -> None:
        if self.locked:
            self.quickbooks.unlock()
            self.locked = False
            self.log.line(
                "CompanyFileLock.unsetLock",
                f"Company file has been unlocked for ownerID = <{self.application.qwc.owner_id}>",
            )
        if self.quickbooks.session:
            self.log.line(f"{_SOAP}.update", "Ending session to QuickBooks.")
            self.quickbooks.disconnect()
            self.log.line(f"{_SOAP}.DisconnectFromQB", "Session ended and connection closed")

    @property
    def unconfirmed(self) -> Unconfirmed:
        return self.options.unconfirmed

    def call(self, method: str, **values: str | int) -> Any:
        """One SOAP call, with what armed faults do to it."""
        document = self.document if method in _OF_A_SET else ""
        self.line.begin(method, document)
        self.calls.append(method)
        self.log.line(f"{_SOAP}.do_{method}", f"*** Calling {method}(){_shown(method, values)}")
        return self.line.call(method, document, values)

    def received(self, method: str, name: str, value: str) -> None:
        """name is the log's own word for the value."""
        self.log.line(
            f"{_SOAP}.do_{method}", f'Received from {method}() following parameter:<{name}="{value}">'
        )


@dataclass(frozen=True)
class _Verdict:
    status: str
    ok: bool
    code: str = ""
    # Whether closeConnection follows (2.5).
    closes: Callable[[Unconfirmed], bool] = lambda _: True


_VERDICTS = {
    "none": _Verdict(NOTHING_TO_DO, ok=True, closes=lambda switches: switches.closes_after_none),
    "nvu": _Verdict(INVALID_USER, ok=False, code="QBWC1040"),
    "busy": _Verdict(BUSY, ok=False, closes=lambda switches: switches.closes_after_busy),
}
# Calls that belong to the set that was handed out last.
_OF_A_SET = ("receiveResponseXML", "getLastError")


def _seconds(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _shown(method: str, values: dict[str, str | int]) -> str:
    """The parameters as the log names them: its own words, the password never (6.2)."""
    if method == "clientVersion":
        return f' with following parameter:<productVersion="{values["strVersion"]}">'
    if method == "authenticate":
        return f' with following parameters:<userName="{values["strUserName"]}"><password={MASKED}>'
    if "ticket" in values:
        return f' with following parameter:<wcTicket="{values["ticket"]}">'
    return "."
