"""Two calls of one company at the same moment: each waits for the other at most once, and nothing is done twice."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from contextlib import suppress

import pytest

import qbxml
from qbwc_server.store import parties
from qbwc_server.store.database import Database
from qbwc_server.sync.posted import Posted
from tests.crash.processes import eventually
from tests.sync.web_connector import APP, Connector
from tests.sync.world import PC, Killed, World

PATIENCE = 60.0  # seconds that a call may take; PostgreSQL ends a deadlock with an error after one
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)
CALLS = ("log in again", "answer", "close", "expire", "deliver")


class Meeting:
    """A set of writes is out and was executed. Every call is one that may come at this moment."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.account("Ann's Bakery", promoted=True)
        world.poll()
        world.on_document = self._die_before_a_write
        visit = Connector(world, PC, worker=False)
        text = visit.run().sent[-1]
        session = world.company.begin_session(APP, "")
        self.ticket, self.answer = visit.ticket, world.company.process(session, text)
        world.company.end_session(session)
        self.calls: dict[str, Callable[[], object]] = {
            "log in again": lambda: world.sessions.authenticate("acme", world.password, PC),
            "answer": lambda: world.sessions.receive_response_xml(
                self.ticket, Posted.of(self.answer), "", ""
            ),
            "close": lambda: world.sessions.close_connection(self.ticket),
            "expire": world.sessions.expire_idle,
            "deliver": world.deliver,
        }

    @staticmethod
    def _die_before_a_write(text: str) -> None:
        if any(one.name == "CustomerAddRq" for one in qbxml.read_request(text).requests):
            raise Killed("before QuickBooks got it")


@pytest.fixture
def meeting(world: World) -> Iterator[Meeting]:
    yield Meeting(world)
    world.on_document = lambda _: None


def until_all_wait(database: Database, calls: Sequence[Future[object]]) -> None:
    """Those that are not over. PostgreSQL tells who waits for a lock; on SQLite a writer waits at its beginning."""

    def they_wait() -> bool:
        return waiting(database) >= sum(not one.done() for one in calls)

    if database.engine.dialect.name == "postgresql":
        eventually("the call waits for a lock", they_wait, PATIENCE)
    else:
        with suppress(StillWaiting):
            calls[-1].result(0.05)


def waiting(database: Database) -> int:
    with database.read() as tx:
        return int(tx.exec_driver_sql(WAITING).scalar_one())


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(CALLS, 2)))
def test_two_calls_that_wait_for_a_decision_under_way_both_get_their_turn(
    meeting: Meeting, first: str, second: str
) -> None:
    """Whoever decides holds the connection. Two calls that took the ticket and the connection in different
    orders would wait for each other as soon as it lets go."""
    world = meeting.world
    if "expire" in (first, second):
        world.clock.advance(hours=12)
    with ThreadPoolExecutor(2) as pool:
        with world.database.write() as tx:
            parties.lock_connections(tx, ["con"])
            calls: list[Future[object]] = []
            for name in (first, second):
                calls.append(pool.submit(meeting.calls[name]))
                until_all_wait(world.database, calls)
        for call in calls:
            call.result(PATIENCE)
    world.on_document = lambda _: None
    world.quiet()
    assert world.names_in_books() == ["Ann's Bakery"]
    assert world.company.counts()["CustomerAdd"] == 1
    assert not world.jobs("queued", "offered", "in_doubt")
