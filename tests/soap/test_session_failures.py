"""When our own code or database fails in a call; and what is kept of every call, to be looked at."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from qbwc_server.app import Installation
from qbwc_server.soap.port import TROUBLE
from qbwc_server.store import jobs
from qbwc_server.store.database import Database
from tests.soap.shop import (
    HCP,
    Caller,
    QuickBooks,
    contents,
    exchanges_of,
    job_states,
    operations,
    promote,
    session_of,
)


class Broken(Exception):
    """As a lost database would fail, in the middle of things."""


@pytest.fixture
def failing_commits(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """While this list holds a word, no transaction of the installation can be committed."""
    words: list[str] = []
    sound = Database.write

    def write(self: Database) -> Any:
        block = sound(self)
        if words:
            tx = block.__enter__()
            return _rolled_back(block, tx)
        return block

    monkeypatch.setattr(Database, "write", write)
    yield words
    words.clear()


class _rolled_back:  # noqa: N801 - stands where a context manager function would
    def __init__(self, block: Any, tx: Any) -> None:
        self.block, self.tx = block, tx

    def __enter__(self) -> Any:
        return self.tx

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        failure = error or OperationalError("COMMIT", {}, Broken("right-password leak-marker"))
        self.block.__exit__(type(failure), failure, trace)
        raise failure


CALLS: dict[str, tuple[Callable[[Caller, QuickBooks, str], object], object]] = {
    "authenticate": (lambda caller, books, text: Caller(caller.operations).log_in(), ["", "busy"]),
    "receiveResponseXML": (lambda caller, books, text: caller.receive(books.answer(text)), -1),
    "sendRequestXML": (lambda caller, books, text: caller.send(), ""),
    "connectionError": (
        lambda caller, books, text: caller.operations.connection_error(caller.ticket, "0x80040402", ""),
        "done",
    ),
    "getLastError": (lambda caller, books, text: caller.last_error(), TROUBLE),
    "closeConnection": (lambda caller, books, text: caller.close(), TROUBLE),
}


@pytest.mark.parametrize(("call", "error_value"), CALLS.values(), ids=CALLS.keys())
def test_a_call_whose_commit_fails_changes_nothing_and_gives_its_error_value(
    installation: Installation,
    caller: Caller,
    books: QuickBooks,
    failing_commits: list[str],
    call: Callable[[Caller, QuickBooks, str], object],
    error_value: object,
) -> None:
    promote(installation, "Ann")
    text = caller.until(books, "CustomerAddRq")
    before = contents(installation), len(exchanges_of(installation))
    failing_commits.append("now")
    assert call(caller, books, text) == error_value
    failing_commits.clear()
    assert (contents(installation), len(exchanges_of(installation))) == before


def test_what_could_not_be_stored_is_settled_when_it_is_posted_again(
    installation: Installation, caller: Caller, books: QuickBooks, failing_commits: list[str]
) -> None:
    promote(installation, "Ann")
    answered = books.answer(caller.until(books, "CustomerAddRq"))
    failing_commits.append("now")
    assert caller.receive(answered) == -1
    failing_commits.clear()
    assert job_states(installation) == ["offered"]
    caller.receive(answered)
    assert job_states(installation) == ["settled"]


@pytest.mark.parametrize("method", ["receive_response_xml", "send_request_xml"])
def test_a_call_that_fails_inside_leaves_a_reason_and_an_exchange_without_secrets(
    installation: Installation, books: QuickBooks, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    caller = Caller(operations(installation))
    text = caller.begin(books) if method == "receive_response_xml" else str(caller.log_in())
    name = "take" if method == "receive_response_xml" else "hand_out"

    def fail(*given: object) -> None:
        raise Broken("right-password leak-marker")

    monkeypatch.setattr(f"qbwc_server.sync.visit.{name}", fail)
    result = caller.receive(books.answer(text)) if name == "take" else caller.send(books.hcp(), books.path)
    assert result in (-1, "")
    assert caller.last_error() == TROUBLE
    (failed,) = exchanges_of(installation, failed=True)
    assert failed.outcome == "failed inside: Broken"
    assert failed.run_number == 1
    assert "leak-marker" not in failed.request + failed.response + failed.outcome


def test_a_reason_of_our_own_trouble_is_kept_for_live_sessions_only(
    installation: Installation, caller: Caller, books: QuickBooks
) -> None:
    caller.visit(books)
    installation.sessions().note_failure("getLastError", caller.ticket, Broken("now"))
    installation.sessions().note_failure("authenticate", "", Broken("now"))
    assert session_of(installation, caller.ticket).last_error == ""


# --- what is kept ---


def test_every_call_of_a_visit_is_kept_and_found_by_run_job_and_set(
    installation: Installation, caller: Caller, books: QuickBooks
) -> None:
    promote(installation, "Ann")
    caller.visit(books)
    kept = exchanges_of(installation, run_number=1)
    methods = ["sendRequestXML", "receiveResponseXML"] * 3
    assert [one.method for one in kept] == ["authenticate", *methods, "closeConnection"]
    assert [one.outcome for one in kept[1:-1:2]] == ["read", "write", "clear"]
    assert {one.company_id for one in kept} == {"shop"}
    with installation.database.read() as tx:
        (job,) = jobs.all_jobs(tx, ["con"], states=["settled"])[:1]
    assert job.side == "books"
    assert job.set_id is not None
    of_job = exchanges_of(installation, subjects=[job.id])
    of_set = exchanges_of(installation, subjects=[job.set_id])
    assert [one.outcome for one in of_job][:1] == ["write"]
    assert {"sendRequestXML", "receiveResponseXML"} <= {one.method for one in of_set}
    assert {one.number for one in of_job} <= {one.number for one in of_set}
    assert "CustomerAddRq" in of_job[0].response
    assert "CustomerAddRs" in of_set[1].request


def test_kept_exchanges_show_what_was_said_but_no_password_and_no_whole_ticket(
    installation: Installation, caller: Caller, books: QuickBooks
) -> None:
    caller.visit(books)
    everything = "".join(one.request + one.response for one in exchanges_of(installation))
    assert "strHCPResponse" in everything
    assert "SupportedQBXMLVersion" in everything
    assert caller.ticket not in everything
    assert "right-password" not in everything


def test_calls_with_an_unknown_ticket_are_kept_too(installation: Installation, caller: Caller) -> None:
    caller.ticket = "nobody's"
    assert (caller.send(HCP), caller.receive("x"), caller.close()) == ("", -1, "OK")
    assert caller.operations.connection_error("nobody's", "", "") == "done"
    assert "not known" in caller.last_error()
    assert [one.outcome for one in exchanges_of(installation)] == ["unknown ticket"] * 5
