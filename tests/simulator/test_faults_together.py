"""Any mixture of faults leaves a conversation that the protocol allows and a file that holds what was handed out.

Sections are of qbwc-protocol.md.
"""

import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qbwc_server.simulator import CompanyFile, Options, WebConnector
from qbwc_server.simulator.fault_table import AT_THE_DOOR, IN_QUICKBOOKS, ON_THE_LINE
from tests.simulator.conftest import Clock
from tests.simulator.recorder import Received, Recorder, adding, names_in, recording

NAMES = ("Ann", "Bob", "Cid", "Dot")
# Another file would be looked at in another place; these have tests of their own.
ELSEWHERE = {"copied_file", "wrong_company", "restored_backup"}
FAULTS = [name for name in (*ON_THE_LINE, *AT_THE_DOOR, *IN_QUICKBOOKS) if name not in ELSEWHERE]

# What may follow a call of the same ticket (3.1, 3.2); a call may be the last one at any time, and may come twice.
NEXT = {
    "authenticate": {"sendRequestXML", "connectionError", "closeConnection"},
    "connectionError": {"connectionError", "sendRequestXML"},
    "sendRequestXML": {"receiveResponseXML", "getLastError"},
    "receiveResponseXML": {"sendRequestXML", "getLastError", "closeConnection"},
    "getLastError": {"sendRequestXML", "closeConnection"},
    "closeConnection": set[str](),
}

armed = st.tuples(
    st.sampled_from(FAULTS),
    st.integers(1, 6),
    st.integers(1, 2),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("together")


def by_ticket(posts: list[Received]) -> dict[str, list[str]]:
    """The calls of each ticket in order; the n-th authenticate gave out the n-th ticket."""
    found: dict[str, list[str]] = {}
    tickets = iter(["ticket-one", "ticket-two", "ticket-three"] * 20)
    last = b""
    for post in posts:
        if post.method in ("serverVersion", "clientVersion"):
            continue
        ticket = next(tickets) if post.method == "authenticate" else post.value("ticket")
        if not post.whole or post.body == last:
            # Broken off, or the same bytes again.
            continue
        last = post.body
        if post.method == "authenticate":
            found[ticket] = []
        found[ticket].append(post.method)
    return found


@settings(
    max_examples=20,
    deadline=timedelta(seconds=30),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(faults=st.lists(armed, min_size=1, max_size=4))
def test_any_mixture_of_faults(place: Path, faults: list[tuple[str, int, int]]) -> None:
    clock = Clock()
    number = len(list(place.iterdir()))
    home = place / str(number)
    company = CompanyFile.create(
        home / "a.sqlite", company_name="A", timezone="America/New_York", clock=clock
    )
    options = Options(clock=clock, wait=lambda seconds: clock.advance(seconds=int(seconds)), timeout=10)
    with recording(Recorder(clock)) as recorder:
        connector = WebConnector(home, company, options)
        connector.add(recorder.qwc())
        connector.password("Example Sync", "secret")
        for name, nth, times in faults:
            company.faults.arm(name, nth=nth, times=times)
        recorder.documents = [adding(name) for name in NAMES]
        [first] = connector.update()
        handed_out = NAMES[: len(NAMES) - len(recorder.documents)]
        check_conversation(recorder, first.calls)
        check_file(recorder, company.path, handed_out)
        company.faults.clear()
        recorder.posts.clear()
        recorder.documents = [adding("Eve")]
        [second] = connector.update()
        # 3.2 #12: the next run starts anew, and the lock left behind is of the same PC.
        assert (second.ok, second.calls[0], second.calls[-1]) == (True, "serverVersion", "closeConnection")
        assert "Eve" in names_in(company.path)
        connector.close()
    company.close()


def check_conversation(recorder: Recorder, calls: list[str]) -> None:
    for ticket, methods in by_ticket(recorder.posts).items():
        for before, after in pairwise(methods):
            assert after in NEXT[before], (ticket, methods)
    assert set(recorder.methods) <= {*NEXT, "serverVersion", "clientVersion"}
    assert len(calls) <= 40


def check_file(recorder: Recorder, path: Path, handed_out: tuple[str, ...]) -> None:
    held = names_in(path)
    assert set(held) <= set(handed_out)
    answers: Any = "".join(post.value("response") for post in recorder.of("receiveResponseXML") if post.whole)
    told = re.findall(
        r'statusCode="0" statusSeverity="Info".*?<FullName>(\w+)</FullName>', answers, re.DOTALL
    )
    assert set(told) <= set(held)
