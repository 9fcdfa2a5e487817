"""A company file to ask, and a tiny SOAP service to be asked by the Web Connector.

Requests and replies are raw text from the references: nothing here goes through the codec under the simulator.
"""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from qbwc_server.simulator import CompanyFile, Options, ProcessError, WebConnector
from tests.conftest import SHARED
from tests.simulator.recorder import Recorder, recording

XSD = SHARED / "reference/qbxml/qbxmlops130.xsd"
INTUIT = "http://developer.intuit.com/"
OWNER = "{57F3B9B1-86F1-4fcc-B1EE-566DE1813D20}"
FILE = "{90A44FB5-33D9-4815-AC85-BC87A7E7D1EB}"
START = datetime(2026, 8, 1, 15, 0, 0, tzinfo=UTC)


class Clock:
    """Stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: int) -> None:
        self.now += timedelta(**span)


class Office:
    """Somebody who speaks raw qbXML to a company file; every answer is checked against Intuit's XSD when it is here."""

    def __init__(self, company: CompanyFile, clock: Clock, schema: etree.XMLSchema | None) -> None:
        self.company = company
        self.clock = clock
        self.schema = schema
        self.session = company.begin_session("Tests")

    def raw(self, document: str, session: str | None = None) -> etree._Element:
        answer = self.company.process(session or self.session, document)
        assert answer.startswith('<?xml version="1.0" ?>\n<QBXML>')
        tree = etree.fromstring(answer.encode("ascii"))
        if self.schema is not None:
            assert self.schema.validate(tree), self.schema.error_log
        return tree[0]

    def set(
        self,
        requests: str = "",
        *,
        version: str = "13.0",
        session: str | None = None,
        on_error: str = "continueOnError",
        **attributes: str,
    ) -> etree._Element:
        return self.raw(document(requests, version=version, on_error=on_error, **attributes), session)

    def ask(self, request: str, **options: Any) -> etree._Element:
        """One request, its one answer element."""
        answer = self.set(request, **options)
        assert len(answer) == 1
        return answer[0]

    def refusal(self, text: str, session: str | None = None) -> tuple[str, str]:
        """The HRESULT and message of a set that gets no answer."""
        with pytest.raises(ProcessError) as caught:
            self.company.process(session or self.session, text)
        return caught.value.hresult, caught.value.message

    def add(self, name: str, more: str = "", **options: Any) -> str:
        """A ListID."""
        rs = self.ask(
            f"<CustomerAddRq><CustomerAdd><Name>{escape(name)}</Name>{more}</CustomerAdd></CustomerAddRq>",
            **options,
        )
        assert rs.get("statusCode") == "0", rs.get("statusMessage")
        return rs.findtext("CustomerRet/ListID") or ""

    def job(self, parent_id: str, name: str) -> str:
        return self.add(name, f"<ParentRef><ListID>{parent_id}</ListID></ParentRef>")

    def ret(self, list_id: str) -> etree._Element:
        ret = self.ask(f"<CustomerQueryRq><ListID>{list_id}</ListID></CustomerQueryRq>").find("CustomerRet")
        assert ret is not None
        return ret

    def mod(self, list_id: str, changes: str, sequence: str | None = None) -> etree._Element:
        sequence = sequence or self.ret(list_id).findtext("EditSequence")
        return self.ask(
            f"<CustomerModRq><CustomerMod><ListID>{list_id}</ListID><EditSequence>{sequence}"
            f"</EditSequence>{changes}</CustomerMod></CustomerModRq>"
        )

    def names(self, query: str, **options: Any) -> list[str]:
        return [ret.findtext("FullName") or "" for ret in self.ask(query, **options).iter("CustomerRet")]


def document(
    requests: str = "", *, version: str = "13.0", on_error: str = "continueOnError", **attributes: str
) -> str:
    ids = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return (
        f'<?xml version="1.0"?><?qbxml version="{version}"?><QBXML><QBXMLMsgsRq onError="{on_error}"{ids}>'
        f"{requests}</QBXMLMsgsRq></QBXML>"
    )


@pytest.fixture(scope="session")
def schema() -> etree.XMLSchema | None:
    return etree.XMLSchema(etree.parse(str(XSD))) if XSD.is_file() else None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def company(tmp_path: Path, clock: Clock) -> Iterator[CompanyFile]:
    file = CompanyFile.create(
        tmp_path / "acme.sqlite", company_name="Acme Supplies", timezone="America/New_York", clock=clock
    )
    yield file
    file.close()


@pytest.fixture
def office(company: CompanyFile, clock: Clock, schema: etree.XMLSchema | None) -> Office:
    return Office(company, clock, schema)


# -- the service the Web Connector calls -------------------------------------------------------------------------


@dataclass
class Raw:
    """A reply that is no ordinary one."""

    body: bytes = b""
    status: str = "200 OK"
    headers: list[tuple[str, str]] = field(
        default_factory=lambda: [("Content-Type", "text/xml; charset=utf-8")]
    )


Reply = str | Raw | Callable[[dict[str, str]], "str | Raw"]


def envelope(inside: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/'
        f'envelope/"><soap:Body>{inside}</soap:Body></soap:Envelope>'
    ).encode()


def result(method: str, inside: str) -> bytes:
    return envelope(
        f'<{method}Response xmlns="{INTUIT}"><{method}Result>{inside}</{method}Result></{method}Response>'
    )


def strings(*items: str) -> str:
    """What authenticate returns."""
    return "".join(f"<string>{escape(item)}</string>" for item in items)


@dataclass
class Call:
    method: str
    parameters: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Service:
    """Answers each method with its scripted replies in turn; the last one stays. Text is what stands in the result."""

    def __init__(self) -> None:
        self.script: dict[str, list[Reply]] = {
            "serverVersion": ["1.0"],
            "clientVersion": [""],
            "authenticate": [strings("the-ticket", "")],
            "sendRequestXML": [""],
            "receiveResponseXML": ["100"],
            "getLastError": ["Nothing more to say"],
            "connectionError": ["done"],
            "closeConnection": ["OK"],
        }
        self.pages = {"/qbwc": "200 OK", "/support": "200 OK", "/fine": "200 OK"}
        self.calls: list[Call] = []
        self.url = ""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "GET":
            status = self.pages.get(environ["PATH_INFO"], "404 Not Found")
            # A redirect leads to a page that would be fine.
            where = [("Location", f"{self.url}/fine")] if status.startswith("3") else []
            start_response(status, [("Content-Type", "text/plain"), *where])
            return [b"a page"]
        call = self._received(environ)
        reply = self._reply(call)
        if isinstance(reply, str):
            reply = Raw(result(call.method, reply))
        start_response(reply.status, reply.headers)
        return [reply.body]

    def answers(self, method: str, *replies: Reply) -> None:
        self.script[method] = list(replies)

    def sends(self, *documents: str) -> None:
        """sendRequestXML hands these out, one after another, then nothing."""
        self.answers("sendRequestXML", *(escape(text) for text in documents), "")

    def received(self, method: str) -> list[dict[str, str]]:
        return [call.parameters for call in self.calls if call.method == method]

    def qwc(self, **changes: str | None) -> str:
        values: dict[str, str | None] = {
            "AppName": "Example Sync",
            "AppID": "",
            "AppURL": f"{self.url}/qbwc",
            "AppDescription": "Short text",
            "AppSupport": f"{self.url}/support",
            "UserName": "tenant42",
            "OwnerID": OWNER,
            "FileID": FILE,
            "QBType": "QBFS",
            "Style": "Document",
            **changes,
        }
        inside = "".join(
            f"<{name}>{escape(text)}</{name}>"
            for name, text in values.items()
            if text is not None and name != "Scheduler"
        )
        schedule = f"<Scheduler>{values['Scheduler']}</Scheduler>" if values.get("Scheduler") else ""
        return f'<?xml version="1.0"?><QBWCXML>{inside}{schedule}</QBWCXML>'

    def _received(self, environ: dict[str, Any]) -> Call:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        method = etree.fromstring(body)[0][0]
        headers = {
            name[5:].replace("_", "-").title(): text
            for name, text in environ.items()
            if name.startswith("HTTP_")
        }
        call = Call(
            etree.QName(method).localname,
            {etree.QName(child).localname: child.text or "" for child in method},
            {**headers, "Content-Type": environ["CONTENT_TYPE"]},
            body,
        )
        self.calls.append(call)
        return call

    def _reply(self, call: Call) -> str | Raw:
        waiting = self.script.get(call.method, [Raw(status="500 Internal Server Error")])
        reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return reply(call.parameters) if callable(reply) else reply


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def get_stderr(self) -> io.StringIO:
        return io.StringIO()


class _Server(WSGIServer):
    def handle_error(self, *_: Any) -> None:
        """A reply that the test breaks off on purpose."""


@pytest.fixture
def service() -> Iterator[Service]:
    app = Service()
    server = make_server("127.0.0.1", 0, app, server_class=_Server, handler_class=_Quiet)
    app.url = f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield app
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def waits() -> list[float]:
    """Every pause the Web Connector made; none of them takes any time."""
    return []


@pytest.fixture
def options(clock: Clock, waits: list[float]) -> Options:
    def wait(seconds: float) -> None:
        waits.append(seconds)
        clock.advance(seconds=int(seconds))

    return Options(clock=clock, wait=wait, level="VERBOSE", timeout=10)


@pytest.fixture
def connector(tmp_path: Path, company: CompanyFile, service: Service, options: Options) -> WebConnector:
    """With one application added and its password typed in."""
    connector = WebConnector(tmp_path / "home", company, options)
    connector.add(service.qwc())
    connector.password("Example Sync", "secret")
    return connector


# -- a server that only records ----------------------------------------------------------------------------------


@pytest.fixture
def recorder(clock: Clock) -> Iterator[Recorder]:
    with recording(Recorder(clock)) as running:
        yield running


@pytest.fixture
def recorded(
    tmp_path: Path, company: CompanyFile, recorder: Recorder, options: Options
) -> Iterator[WebConnector]:
    """A Web Connector with one application, which is the recorder."""
    connector = WebConnector(tmp_path / "recorded", company, options)
    connector.add(recorder.qwc())
    connector.password("Example Sync", "secret")
    yield connector
    connector.close()


@pytest.fixture
def moved(request: pytest.FixtureRequest, company: CompanyFile) -> None:
    """A rule in the position that the test is about (switched.both); tests without one are about all rules."""
    if getattr(request, "param", None):
        company.rule(*request.param)
