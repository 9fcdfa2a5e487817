"""Transactions: all or nothing, writers in turn, readers never in the way."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from qbwc_server.store import history, links, parties, visits
from qbwc_server.store.database import Database
from tests.rows import COMPANY, CONNECTION, LINK, NOW, TICKET, like

ROUNDS = 25
PATIENCE = 30.0  # seconds that another thread may take


@pytest.fixture
def nodes(database_url: str) -> Iterator[tuple[Database, Database]]:
    """Two processes of one installation, as far as the database can tell."""
    pair = Database(database_url), Database(database_url)
    yield pair
    for one in pair:
        one.close()


def both(nodes: tuple[Database, Database], work: Callable[[Database], object]) -> list[object]:
    """The same work in both nodes at once; raises what either raised."""
    with ThreadPoolExecutor(2) as pool:
        return [done.result(PATIENCE) for done in [pool.submit(work, node) for node in nodes]]


def add_and_fail(database: Database) -> None:
    with database.write() as tx:
        parties.add_company(tx, COMPANY)
        raise ZeroDivisionError


def test_what_raises_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        add_and_fail(database)
    with database.read() as tx:
        assert parties.all_companies(tx) == []


def test_a_reader_sees_what_was_committed_and_does_not_wait_for_a_writer(
    nodes: tuple[Database, Database],
) -> None:
    here, there = nodes
    with here.write() as tx:
        parties.add_company(tx, COMPANY)
        with there.read() as other:
            assert parties.company(other, "shop") is None
    with there.read() as other:
        assert parties.company(other, "shop") == COMPANY


def test_two_writers_count_without_losing_one(nodes: tuple[Database, Database]) -> None:
    with nodes[0].write() as tx:
        number = history.begin_run(tx, "visit", NOW, company_id="shop")

    def count(node: Database) -> None:
        for _ in range(ROUNDS):
            with node.write() as tx:
                history.count_in_run(tx, number, {"written": 1}, 1)

    both(nodes, count)
    with nodes[0].read() as tx:
        run = history.run(tx, number)
    assert run is not None
    assert (run.counts["written"], run.errors) == (2 * ROUNDS, 2 * ROUNDS)


def test_two_nodes_that_link_one_record_cannot_both_win(nodes: tuple[Database, Database]) -> None:
    def link(node: Database) -> bool:
        try:
            with node.write() as tx:
                links.add_link(tx, like(LINK, id=f"link-{id(node)}"))
        except IntegrityError:
            return False
        return True

    assert sorted(both(nodes, link), key=str) == [False, True]


def test_of_two_holders_one_gets_the_lease(nodes: tuple[Database, Database]) -> None:
    def take(node: Database) -> bool:
        with node.write() as tx:
            return visits.take_lease(tx, "worker", str(id(node)), NOW, NOW.replace(hour=16))

    assert sorted(both(nodes, take), key=str) == [False, True]


@pytest.mark.parametrize(
    "lock",
    [
        lambda tx: parties.alone_with(tx, "shop"),
        lambda tx: visits.locked_ticket(tx, TICKET.ticket_hash),
        lambda tx: parties.lock_connections(tx, ["con"]),
    ],
    ids=["company", "ticket", "connections"],
)
def test_what_one_node_has_locked_the_other_waits_for(
    nodes: tuple[Database, Database], lock: Callable[..., object]
) -> None:
    here, there = nodes
    with here.write() as tx:
        parties.add_company(tx, COMPANY)
        parties.add_connection(tx, CONNECTION)
        visits.add_ticket(tx, TICKET)
    asks = Event()
    order: list[str] = []

    def wait_for_it() -> None:
        asks.set()
        with there.write() as tx:
            lock(tx)
            order.append("there")

    with ThreadPoolExecutor(1) as pool:
        with here.write() as tx:
            lock(tx)
            waiting = pool.submit(wait_for_it)
            assert asks.wait(PATIENCE)
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
            order.append("here")
        waiting.result(PATIENCE)
    assert order == ["here", "there"]


@pytest.mark.databases("sqlite")
def test_sqlite_writes_every_commit_to_disk_and_lets_readers_read(database: Database) -> None:
    """The design's choice (section 10): WAL, synchronous FULL; what was offered must survive a power cut."""
    with database.engine.connect() as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_writers_that_began_by_reading_queue_up_and_lose_nothing(database: Database) -> None:
    """On SQLite, without the early lock the first write would fail: the database moved on since it was read."""
    number = 0

    def read_then_count() -> None:
        with database.write() as tx:
            seen = history.run(tx, number)
            assert seen is not None
            history.count_in_run(tx, number, {"written": 1})

    with database.write() as tx:
        number = history.begin_run(tx, "visit", NOW)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(read_then_count) for _ in range(40)]:
            done.result(PATIENCE)
    with database.read() as tx:
        run = history.run(tx, number)
    assert run is not None
    assert run.counts == {"written": 40}
