"""The Web Connector meets a server that other people wrote: the package qbwc-kit, mounted on plain WSGI."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.simple_server import make_server

import pytest
from qbwc_kit import QBWCService, QBXMLRequest, StaticAuthenticator, build_qwc, build_wsdl, qbxml

from qbwc_server.simulator import CompanyFile, Options, UpdateResult, WebConnector
from tests.simulator.conftest import FILE, OWNER, _Quiet

GREETING = ["serverVersion", "clientVersion", "authenticate"]
EXCHANGE = ["sendRequestXML", "receiveResponseXML"]


class Task:
    """What their sessions work off: a generator that yields requests and is sent the answers."""

    name = "task"

    def __init__(self, steps: Callable[[Any], Iterator[Any]]) -> None:
        self.run = steps


class Foreign:
    """Their service behind an address, and what it found."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.found: list[Any] = []
        self.ended: list[Any] = []
        self.url = ""
        self.service = QBWCService(
            StaticAuthenticator("them", "their secret", self.tasks), on_session_end=self.ended.append
        )

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/xml; charset=utf-8")])
        if environ["REQUEST_METHOD"] == "GET":
            return [build_wsdl(self.url).encode()]
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        return [self.service.dispatch(body).encode()]

    def works_off(self, *steps: Callable[[Any], Iterator[Any]]) -> None:
        self.service.authenticator = StaticAuthenticator("them", "their secret", [Task(one) for one in steps])

    def qwc(self) -> str:
        return build_qwc(
            app_name="Theirs",
            app_id="",
            app_url=self.url,
            app_description="A service of other people",
            username="them",
            owner_id=OWNER,
            file_id=FILE,
        )


@pytest.fixture
def foreign() -> Iterator[Foreign]:
    theirs = Foreign()
    with make_server("127.0.0.1", 0, theirs, handler_class=_Quiet) as server:
        theirs.url = f"http://localhost:{server.server_port}/qbwc"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield theirs
        server.shutdown()
        thread.join()


@pytest.fixture
def update(
    tmp_path: Any, company: CompanyFile, foreign: Foreign, options: Options
) -> Callable[[], UpdateResult]:
    connector = WebConnector(tmp_path / "home", company, options)
    connector.add(foreign.qwc())
    connector.password("Theirs", "their secret")
    return lambda: connector.update()[0]


def test_a_full_session_writes_and_reads_back(
    foreign: Foreign, company: CompanyFile, update: Callable[[], UpdateResult]
) -> None:
    def steps(context: Any) -> Iterator[Any]:
        added = yield QBXMLRequest([qbxml.add("Customer", {"Name": "Zoë & Söhne"})])
        record = added.first().raise_for_status().records[0]
        foreign.found.append((context.company_file, context.qbxml_version))
        changed = yield QBXMLRequest(
            [
                qbxml.mod(
                    "Customer",
                    list_id=record["ListID"],
                    edit_sequence=record["EditSequence"],
                    fields={"Phone": "1"},
                )
            ]
        )
        foreign.found.append(changed.first().raise_for_status().records[0]["Phone"])

    foreign.works_off(steps)
    result = update()
    assert result.calls == [*GREETING, *EXCHANGE, *EXCHANGE, "closeConnection"]
    assert (result.ok, result.status, result.progress) == (True, "OK", [0, 100])
    assert foreign.found == [(company.file_name, "13.0"), "1"]
    assert company.customer("Zoë & Söhne")["Phone"] == "1"
    assert company.counts() == {
        "CompanyQuery": 1,
        "CustomerAdd": 1,
        "CustomerMod": 1,
        "HostQuery": 1,
        "PreferencesQuery": 1,
    }
    assert len(foreign.ended) == 1


def test_an_iterator_brings_every_customer_once(
    foreign: Foreign, company: CompanyFile, update: Callable[[], UpdateResult]
) -> None:
    names = [f"Customer {number:02}" for number in range(25)]
    for name in names:
        company.user_add({"Name": name})

    def steps(_: Any) -> Iterator[Any]:
        request = qbxml.query("Customer", max_returned=10, iterator="Start")
        while True:
            answer = yield QBXMLRequest([request])
            page = answer.first().raise_for_status()
            foreign.found.append([record["Name"] for record in page.records])
            if not page.has_more:
                return
            request.iterator, request.iterator_id = "Continue", page.iterator_id

    foreign.works_off(steps)
    assert update().calls.count("sendRequestXML") == 3
    assert [len(page) for page in foreign.found] == [10, 10, 5]
    assert sorted(name for page in foreign.found for name in page) == names


def test_a_negative_answer_shows_their_words_and_ends_the_run(
    foreign: Foreign, company: CompanyFile, update: Callable[[], UpdateResult]
) -> None:
    """They answer -1 when QuickBooks gives an hresult."""

    def steps(_: Any) -> Iterator[Any]:
        yield QBXMLRequest([qbxml.query("Customer")])

    foreign.works_off(steps)
    company.faults.arm("refuse_set", hresult="0x8004041C", holding="CustomerQueryRq")
    result = update()
    assert result.calls == [*GREETING, *EXCHANGE, "getLastError", "closeConnection"]
    assert (result.ok, result.progress) == (False, [-1])
    assert result.status.startswith("QuickBooks error 0x8004041C: An internal QuickBooks error")


def test_a_refused_request_retires_their_task_and_ends_with_their_error(
    foreign: Foreign, company: CompanyFile, update: Callable[[], UpdateResult]
) -> None:
    company.user_add({"Name": "Ann"})

    def steps(_: Any) -> Iterator[Any]:
        answer = yield QBXMLRequest([qbxml.add("Customer", {"Name": "ann"})])
        answer.first().raise_for_status()

    foreign.works_off(steps)
    result = update()
    assert result.calls[-3:] == ["sendRequestXML", "getLastError", "closeConnection"]
    assert (result.ok, result.progress) == (False, [99])
    assert "3100" in result.status


def test_no_work_a_wrong_password_and_a_closed_quickbooks(
    foreign: Foreign, company: CompanyFile, update: Callable[[], UpdateResult]
) -> None:
    result = update()
    assert (result.status, result.calls) == ("No data exchange required", [*GREETING, "closeConnection"])
    foreign.works_off(lambda _: iter(()))
    company.faults.arm("quickbooks_closed")
    result = update()
    assert (result.code, result.calls) == ("QBWC1013", [*GREETING, "connectionError"])
    foreign.service.authenticator = StaticAuthenticator("them", "another secret", [])
    assert update().code == "QBWC1040"


def test_their_session_survives_a_duplicate_answer_and_a_restart_of_theirs(
    foreign: Foreign, company: CompanyFile, update: Callable[[], UpdateResult]
) -> None:
    def steps(_: Any) -> Iterator[Any]:
        yield QBXMLRequest([qbxml.add("Customer", {"Name": "Ann"})])
        yield QBXMLRequest([qbxml.add("Customer", {"Name": "Bob"})])

    foreign.works_off(steps)
    company.faults.arm("duplicate_call", method="receiveResponseXML")
    result = update()
    # Their second reply counts the answer as nobody's, and goes on.
    assert company.counts()["CustomerAdd"] == 2
    assert result.calls[-1] == "closeConnection"
