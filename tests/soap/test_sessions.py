"""Sessions that overlap, break off, repeat themselves or fall silent: nothing twice, nothing lost."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from qbwc_server.app import Installation
from qbwc_server.soap.states import SessionState
from qbwc_server.store import jobs, records
from tests.soap.shop import (
    Caller,
    Clock,
    QuickBooks,
    contents,
    exchanges_of,
    job_states,
    promote,
    session_of,
)

WRITE = "CustomerAddRq"


@pytest.fixture
def write_out(installation: Installation, caller: Caller, books: QuickBooks) -> str:
    """Two new customers, handed out to `caller` in one set and not answered."""
    promote(installation, "Ann", "Bob")
    return caller.until(books, WRITE)


def set_id_of(text: str) -> str:
    return text.partition('newMessageSetID="')[2].partition('"')[0]


def doubted(installation: Installation) -> list[str]:
    with installation.database.read() as tx:
        return [one.set_id for one in jobs.sets_in_state(tx, "shop", "in_doubt")]


# --- a newer login ---


def test_a_set_is_kept_with_its_exact_bytes_before_it_leaves(
    installation: Installation, write_out: str
) -> None:
    with installation.database.read() as tx:
        kept = jobs.message_set(tx, "shop", set_id_of(write_out))
    assert kept is not None
    assert kept.request == write_out
    assert job_states(installation) == ["offered", "offered"]


def test_the_same_pc_takes_over_at_once_and_puts_the_unanswered_set_in_doubt(
    installation: Installation, caller: Caller, write_out: str
) -> None:
    old = caller.ticket
    assert caller.log_in()[1] == ""
    assert caller.ticket not in ("", old)
    assert session_of(installation, old).state == SessionState.SUPERSEDED
    assert job_states(installation) == ["in_doubt", "in_doubt"]
    assert doubted(installation) == [set_id_of(write_out)]


def test_what_quickbooks_did_is_found_by_asking_and_never_sent_again(
    installation: Installation, caller: Caller, books: QuickBooks, write_out: str
) -> None:
    books.answer(write_out)  # and the PC crashes before it can tell
    asked = caller.begin(books)
    assert set_id_of(asked) == set_id_of(write_out)
    assert WRITE not in asked
    caller.finish(books, asked)
    assert job_states(installation) == ["settled", "settled"]
    assert books.company.counts()["CustomerAdd"] == 2


def test_what_quickbooks_never_got_is_not_resent_under_its_old_id(
    installation: Installation, caller: Caller, books: QuickBooks, write_out: str
) -> None:
    """Only a new set with a new id may carry it, once it is sure that nothing was done (design 8.4)."""
    for _ in range(3):
        text = caller.begin(books)
        while text:
            assert set_id_of(text) != set_id_of(write_out) or WRITE not in text
            text = caller.go_on(books, text)
        caller.close()
    assert books.company.counts().get("CustomerAdd", 0) <= 2
    assert len(books.customers()) == len(set(books.customers()))


@pytest.mark.parametrize(
    ("minutes", "status"), [(0, "busy"), (29.9, "busy"), (30, ""), (31, "")], ids=["0", "29.9", "30", "31"]
)
def test_another_pc_is_kept_out_while_a_set_of_writes_is_young(
    installation: Installation, elsewhere: Caller, clock: Clock, write_out: str, minutes: float, status: str
) -> None:
    clock.pass_(minutes=minutes)
    assert elsewhere.log_in()[1] == status
    kept_out = status == "busy"
    assert (elsewhere.ticket == "") is kept_out
    assert job_states(installation) == ["offered" if kept_out else "in_doubt"] * 2


@pytest.mark.parametrize(("seconds", "status"), [(0, "busy"), (59, "busy"), (60, "")])
def test_another_pc_waits_a_minute_for_a_session_that_only_reads(
    caller: Caller, elsewhere: Caller, books: QuickBooks, clock: Clock, seconds: int, status: str
) -> None:
    assert "CustomerQueryRq" in caller.begin(books)
    clock.pass_(seconds=seconds)
    assert elsewhere.log_in()[1] == status


def test_another_pc_need_not_wait_for_a_session_that_has_said_all(
    caller: Caller, elsewhere: Caller, books: QuickBooks
) -> None:
    text = caller.begin(books)
    while text:
        text = caller.go_on(books, text)
    assert elsewhere.log_in()[1] == ""


def test_a_login_that_was_kept_out_disturbs_nothing(
    installation: Installation, caller: Caller, elsewhere: Caller, books: QuickBooks, write_out: str
) -> None:
    before = contents(installation)
    assert elsewhere.log_in() == ["", "busy"]
    assert contents(installation) == before
    caller.finish(books, write_out)
    assert job_states(installation) == ["settled", "settled"]


# --- late and repeated answers ---


@pytest.mark.parametrize(
    "end",
    [
        lambda caller, clock: Caller(caller.operations).log_in(),
        lambda caller, clock: caller.close(),
        lambda caller, clock: clock.pass_(hours=2),
        lambda caller, clock: caller.send(),
    ],
    ids=["superseded", "closed", "expired", "out of order"],
)
def test_a_late_answer_is_settled_whatever_ended_its_session(
    installation: Installation,
    caller: Caller,
    books: QuickBooks,
    clock: Clock,
    write_out: str,
    end: Callable[[Caller, Clock], object],
) -> None:
    answer = books.answer(write_out)
    end(caller, clock)
    assert caller.receive(answer) == -1
    assert job_states(installation) == ["settled", "settled"]
    assert doubted(installation) == []
    fresh = Caller(caller.operations)
    fresh.visit(books)
    assert books.company.counts()["CustomerAdd"] == 2


def test_a_late_answer_that_nobody_can_read_leaves_the_set_in_doubt(
    installation: Installation, caller: Caller, books: QuickBooks, write_out: str
) -> None:
    caller.close()
    for unreadable in (books.answer(write_out)[:200], "", "<html>"):
        assert caller.receive(unreadable) == -1
    assert doubted(installation) == [set_id_of(write_out)]


def test_an_answer_posted_twice_changes_nothing_the_second_time(
    installation: Installation, caller: Caller, books: QuickBooks, write_out: str
) -> None:
    answer = books.answer(write_out)
    first = caller.receive(answer)
    before = contents(installation)
    assert caller.receive(answer) == first
    assert contents(installation) == before


def test_the_last_answer_posted_twice_is_100_again(
    installation: Installation, caller: Caller, books: QuickBooks
) -> None:
    answer = books.answer(caller.begin(books))
    assert caller.receive(answer) == 100
    before = contents(installation)
    assert caller.receive(answer) == 100
    assert contents(installation) == before


def test_an_answer_posted_again_after_the_next_set_went_out_is_not_taken_for_its_answer(
    installation: Installation, caller: Caller, books: QuickBooks
) -> None:
    promote(installation, "Ann")
    read = caller.begin(books)
    answer = books.answer(read)
    caller.receive(answer)
    write = caller.send(path=books.path)
    assert WRITE in write
    before = contents(installation)
    assert 0 <= caller.receive(answer) < 100
    assert contents(installation) == before
    caller.finish(books, write)
    assert job_states(installation) == ["settled"]


def test_a_page_posted_again_is_not_taken_for_the_next_page(
    installation: Installation, caller: Caller, books: QuickBooks, small_pages: int
) -> None:
    known = 2 * small_pages + 1
    for number in range(known):
        books.company.user_add({"Name": f"Customer {number}"})
    page = books.answer(caller.begin(books))
    caller.receive(page)
    second = caller.send(path=books.path)
    assert 'iterator="Continue"' in second
    caller.receive(page)
    caller.finish(books, second)
    with installation.database.read() as tx:
        assert records.count(tx, "shop", "books", "Customer") == known


def test_the_answer_to_a_set_of_another_session_settles_nothing_here(
    installation: Installation, caller: Caller, books: QuickBooks, write_out: str
) -> None:
    foreign = books.answer(write_out).replace(set_id_of(write_out), "ANOTHERSESSIONS1")
    before = contents(installation)
    assert 0 <= caller.receive(foreign) < 100
    assert contents(installation) == before


# --- calls out of order ---


def test_a_second_request_without_an_answer_ends_the_session_and_says_why(
    installation: Installation, caller: Caller, write_out: str
) -> None:
    assert caller.send() == ""
    assert "out of order" in caller.last_error()
    assert session_of(installation, caller.ticket).state == SessionState.CLOSED
    assert doubted(installation) == [set_id_of(write_out)]


def test_a_connection_error_while_writes_are_out_puts_them_in_doubt(
    installation: Installation, caller: Caller, write_out: str
) -> None:
    assert caller.operations.connection_error(caller.ticket, "0x80040408", "") == "done"
    assert doubted(installation) == [set_id_of(write_out)]


def test_closing_while_writes_are_out_puts_them_in_doubt(
    installation: Installation, caller: Caller, write_out: str
) -> None:
    assert caller.close()
    assert job_states(installation) == ["in_doubt", "in_doubt"]


# --- silence ---


def test_a_session_that_fell_silent_is_swept_away_with_its_writes_in_doubt(
    installation: Installation, caller: Caller, clock: Clock, write_out: str
) -> None:
    sessions = installation.sessions()
    clock.pass_(minutes=60)
    assert sessions.expire_idle() == 0
    clock.pass_(seconds=1)
    assert sessions.expire_idle() == 1
    assert sessions.expire_idle() == 0
    assert session_of(installation, caller.ticket).state == SessionState.ABANDONED
    assert doubted(installation) == [set_id_of(write_out)]


def test_an_idle_ticket_is_worth_nothing_even_when_nobody_swept(
    installation: Installation, caller: Caller, books: QuickBooks, clock: Clock
) -> None:
    caller.log_in()
    clock.pass_(hours=1, seconds=1)
    assert caller.send(books.hcp(), books.path) == ""
    assert session_of(installation, caller.ticket).state == SessionState.ABANDONED
    assert caller.receive("<?xml") == -1
    assert "not known any more" in caller.last_error()


def test_every_call_keeps_a_session_alive(caller: Caller, books: QuickBooks, clock: Clock) -> None:
    """QuickBooks may take many minutes for each request: the limit is on one silence, not on the visit."""
    text = caller.begin(books)
    clock.pass_(minutes=59)
    answer = books.answer(text)
    clock.pass_(minutes=0.5)
    assert caller.receive(answer) == 100
    clock.pass_(minutes=59)
    assert caller.close().startswith("S")


def test_after_its_time_a_visit_leaves_writes_to_the_next(
    installation: Installation, caller: Caller, books: QuickBooks, clock: Clock
) -> None:
    promote(installation, "Ann")
    text = caller.begin(books)
    clock.pass_(minutes=21)
    caller.finish(books, text)
    assert job_states(installation) == ["queued"]
    assert caller.percents[-1] == 100
    Caller(caller.operations).visit(books)
    assert job_states(installation) == ["settled"]


def test_the_run_of_a_visit_ends_with_the_visit(
    installation: Installation, caller: Caller, books: QuickBooks, clock: Clock
) -> None:
    caller.visit(books)
    started = clock()
    clock.pass_(minutes=1)
    caller.begin(books)
    clock.pass_(hours=2)
    installation.sessions().expire_idle()
    with installation.database.read() as tx:
        runs = tx.exec_driver_sql("SELECT count(*) FROM runs WHERE ended_at IS NULL").scalar_one()
    assert runs == 0
    assert clock() - started > timedelta(hours=2)
    assert {one.run_number for one in exchanges_of(installation)} == {1, 2}
