"""A company file behind a local address."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from qbwc_server.simulator import CompanyFile, SimulatorError
from qbwc_server.simulator.endpoint import Endpoint
from tests.simulator.conftest import document

XML = {"Content-Type": "text/xml"}


class Client:
    def __init__(self, endpoint: Endpoint) -> None:
        self.place = endpoint.url.removeprefix("http://").rstrip("/")

    def __call__(self, method: str, body: str = "", headers: dict[str, str] | None = None) -> tuple[int, str]:
        with closing(http.client.HTTPConnection(self.place, timeout=20)) as connection:
            connection.request(method, "/", body.encode(), headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


@pytest.fixture
def client(company: CompanyFile) -> Iterator[Client]:
    endpoint, over = Endpoint(company), threading.Event()
    thread = threading.Thread(target=endpoint.run, kwargs={"stopped": over.is_set})
    thread.start()
    yield Client(endpoint)
    over.set()
    thread.join()
    endpoint.close()


def test_a_document_is_answered(client: Client) -> None:
    status, answer = client("POST", document("<HostQueryRq/>"), XML)
    assert (status, 'statusCode="0"' in answer) == (200, True)


def test_no_answer_is_the_hresult_and_its_text(client: Client) -> None:
    # 1: the call fails with HRESULT 0x80040400 and there is no qbXML answer at all
    status, answer = client("POST", "<x", XML)
    assert (status, answer.partition(" ")[0]) == (422, "0x80040400")


def test_an_iterator_lives_on_in_its_session(client: Client, company: CompanyFile) -> None:
    # 3: an iterator lives only in the session that started it
    for name in ("A", "B"):
        company.user_add({"Name": name})
    one = "<MaxReturned>1</MaxReturned>"
    _, first = client("POST", document(f'<CustomerQueryRq iterator="Start">{one}</CustomerQueryRq>'), XML)
    key = first.partition('iteratorID="')[2].partition('"')[0]
    more = document(f'<CustomerQueryRq iterator="Continue" iteratorID="{key}">{one}</CustomerQueryRq>')
    assert 'statusCode="3391"' in client("POST", more, {**XML, "X-Session": "another"})[1]
    assert "<Name>B</Name>" in client("POST", more, XML)[1]


def test_it_says_what_it_is(client: Client, company: CompanyFile) -> None:
    company.rule("txn_order", "TxnDate")
    client("POST", document("<HostQueryRq/>"), XML)
    status, answer = client("GET")
    told = json.loads(answer)
    assert (status, told["company"], told["records"]["Customer"]) == (200, "Acme Supplies", 0)
    assert (told["rules"], told["requests"]) == ({"txn_order": "TxnDate"}, {"HostQuery": 1})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({**XML, "Host": "evil.example"}, 403),
        ({**XML, "Content-Length": "99999999999"}, 413),
    ],
)
def test_a_page_of_the_web_cannot_reach_it(client: Client, headers: dict[str, str], status: int) -> None:
    assert client("POST", document("<HostQueryRq/>"), headers)[0] == status


class Watch:
    """A clock that goes on by one second with every look."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 1
        return self.seconds


@pytest.mark.parametrize("until", [{"idle": 3}, {"lasting": 3}])
def test_it_stops_by_itself(company: CompanyFile, until: dict[str, float]) -> None:
    watch = Watch()
    with closing(Endpoint(company, clock=watch)) as endpoint:
        endpoint.run(**until)
    assert watch.seconds < 10


def test_a_port_that_is_taken_says_so(company: CompanyFile) -> None:
    with closing(Endpoint(company)) as endpoint:
        port = int(endpoint.url.rstrip("/").rpartition(":")[2])
        with pytest.raises(SimulatorError, match="cannot be used"):
            Endpoint(company, port)
