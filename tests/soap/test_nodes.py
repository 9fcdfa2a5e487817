"""Several processes of one installation: any of them answers any call, and two at once do nothing twice."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import pytest

from qbwc_server.app import Installation
from qbwc_server.soap.port import Operations
from qbwc_server.soap.states import LIVE
from qbwc_server.store import parties, visits
from tests.soap.shop import (
    Caller,
    Clock,
    QuickBooks,
    add_shop,
    contents,
    exchanges_of,
    job_states,
    make_home,
    open_home,
    operations,
    promote,
)

PATIENCE = 60.0  # seconds that a call may take


@pytest.fixture
def nodes(tmp_path: Path, clock: Clock, database_url: str) -> Iterator[tuple[Installation, Installation]]:
    """Two processes with the same home and database: once SQLite, once PostgreSQL."""
    home = make_home(tmp_path / "home", database_url)
    opened = open_home(home, clock), open_home(home, clock)
    add_shop(opened[0])
    yield opened
    for one in opened:
        one.close()


class Alternating:
    """The port, each call answered by the other node than the one before."""

    def __init__(self, *nodes: Installation) -> None:
        self._turns = cycle([operations(one) for one in nodes])

    def __getattr__(self, name: str) -> object:
        return getattr(next(self._turns), name)


def alternating(*nodes: Installation) -> Operations:
    return Alternating(*nodes)  # type: ignore[return-value]


def at_once(*calls: Callable[[], object]) -> list[object]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [done.result(PATIENCE) for done in [pool.submit(call) for call in calls]]


def test_a_visit_goes_on_whichever_node_is_asked(
    nodes: tuple[Installation, Installation], books: QuickBooks, small_pages: int
) -> None:
    promote(nodes[0], "Ann", "Bob", "Zoe")
    known = 2 * small_pages + 1
    for number in range(known):
        books.company.user_add({"Name": f"Known {number}"})
    caller = Caller(alternating(*nodes))
    assert caller.visit(books) == f"S1: {known} changed in QuickBooks, 3 written to QuickBooks"
    assert caller.percents[-1] == 100
    assert job_states(nodes[1]) == ["settled"] * 3
    assert books.company.counts()["CustomerAdd"] == 3


def test_a_node_that_died_is_replaced_in_the_middle_of_a_visit(
    nodes: tuple[Installation, Installation], books: QuickBooks
) -> None:
    promote(nodes[0], "Ann")
    here, there = Caller(operations(nodes[0])), Caller(operations(nodes[1]))
    write = here.until(books, "CustomerAddRq")
    nodes[0].close()
    there.ticket = here.ticket
    there.finish(books, write)
    assert job_states(nodes[1]) == ["settled"]


def test_one_answer_posted_to_two_nodes_at_once_is_settled_once(
    nodes: tuple[Installation, Installation], books: QuickBooks
) -> None:
    promote(nodes[0], "Ann", "Bob", "Zoe")
    here = Caller(operations(nodes[0]))
    answer = books.answer(here.until(books, "CustomerAddRq"))
    there = Caller(operations(nodes[1]), ticket=here.ticket)
    first, second = at_once(lambda: here.receive(answer), lambda: there.receive(answer))
    assert first == second
    assert job_states(nodes[0]) == ["settled"] * 3
    with nodes[0].database.read() as tx:
        (counts,) = tx.exec_driver_sql("SELECT counts FROM runs").scalars()
    assert '"written to QuickBooks":3' in counts


def test_an_answer_is_not_settled_in_the_middle_of_a_decision_about_the_same_records(
    nodes: tuple[Installation, Installation], books: QuickBooks
) -> None:
    promote(nodes[0], "Ann")
    caller = Caller(operations(nodes[0]))
    answer = books.answer(caller.until(books, "CustomerAddRq"))
    with ThreadPoolExecutor(1) as pool:
        with nodes[1].database.write() as tx:
            parties.lock_connections(tx, ["con"])  # as whoever decides does
            settling = pool.submit(caller.receive, answer)
            with pytest.raises(TimeoutError):
                settling.result(0.3)
            assert job_states(nodes[0]) == ["offered"]
        assert settling.result(PATIENCE) > 0
    assert job_states(nodes[0]) == ["settled"]


def test_of_two_logins_at_once_one_session_lives(nodes: tuple[Installation, Installation]) -> None:
    callers = [Caller(operations(node)) for node in nodes for _ in range(2)]
    answers = at_once(*(caller.log_in for caller in callers))
    assert all(answer[1] == "" for answer in answers)  # type: ignore[index]
    with nodes[0].database.read() as tx:
        assert len(visits.tickets_of_company(tx, "shop", LIVE)) == 1


def test_a_request_asked_of_two_nodes_at_once_is_handed_out_once(
    nodes: tuple[Installation, Installation], books: QuickBooks
) -> None:
    promote(nodes[0], "Ann")
    here = Caller(operations(nodes[0]))
    here.receive(books.answer(here.begin(books)))
    there = Caller(operations(nodes[1]), ticket=here.ticket)
    texts = at_once(lambda: here.send(path=books.path), lambda: there.send(path=books.path))
    assert sorted("CustomerAddRq" in str(text) for text in texts) == [False, True]


def test_two_nodes_that_work_on_two_companies_do_not_meet(
    nodes: tuple[Installation, Installation], books: QuickBooks
) -> None:
    """A visit of one company changes nothing of another one."""
    caller = Caller(operations(nodes[0]))
    caller.visit(books)
    before = contents(nodes[1])
    Caller(operations(nodes[1])).log_in("wrong", "another user")
    after = contents(nodes[1])
    assert {name for name in before if before[name] != after[name]} == {"login_failures"}
    assert exchanges_of(nodes[1])[-1].company_id is None
