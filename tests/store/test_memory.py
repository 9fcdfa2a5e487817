"""What a transaction remembers is what the database would say, whatever was written meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import event

from qbwc_server.store import history, jobs, links, prefetch, records
from qbwc_server.store.database import MEMORY, Database, Queue, Tx
from qbwc_server.store.memory import memory_of, remembering
from tests.rows import JOB, LINK, NOW, RECORD, like

IDS = ("1", "2", "3")
ROLES = ("customer", "item")
FIELDS = ("Name > Name", "Phone > Phone")


@contextmanager
def forgotten(tx: Tx) -> Iterator[None]:
    """As if this transaction remembered nothing."""
    memory = tx.info.pop(MEMORY)
    try:
        yield
    finally:
        tx.info[MEMORY] = memory


def everything(tx: Tx) -> dict[str, Any]:
    """What can be looked up of links, jobs, conflicts, records, keys and decisions."""
    seen: dict[str, Any] = {}
    for one in IDS:
        link_id = f"link-{one}"
        seen[f"link {one}"] = links.link(tx, "con", link_id)
        seen[f"conflicts {one}"] = links.open_conflicts(tx, "con", link_id)
        seen[f"fields {one}"] = history.last_fields(tx, "con", link_id)
        seen[f"reason {one}"] = history.last_reason(tx, "con", one)
        seen[f"record {one}"] = records.record(tx, "org", "crm", "account", one)
        seen[f"holders {one}"] = records.holders(tx, "org", "crm", "account", "name", f"n{one}")
        seen[f"contributes {one}"] = ids(links.links_of_contributor(tx, "con", "contact", one))
        seen[f"job {one}"] = jobs.job(tx, f"job-{one}")
        for side in ("crm", "books"):
            seen[f"open {side} {one}"] = jobs.open_job(tx, "con", link_id, side)
        for role in ROLES:
            seen[f"of crm {role} {one}"] = links.link_of_crm(tx, "con", role, "account", one)
            seen[f"of books {role} {one}"] = links.link_of_books(tx, "con", role, "Customer", one)
            seen[f"former {role} {one}"] = ids(links.was_unlinked(tx, "con", role, one, one))
            seen[f"waiting {role} {one}"] = [job.id for job in jobs.waiting_for(tx, "con", role, one, one)]
    seen["made"] = jobs.count_made_since(tx, "con", "Customer", NOW - timedelta(hours=1))
    seen["mark"] = records.watermark(tx, "org", "crm", "account")
    return seen


def ids(found: Any) -> list[str]:
    return sorted(one.id for one in found)


class Hand:
    """Writes something, chosen by chance; only what the tables allow."""

    def __init__(self, tx: Tx, seed: int) -> None:
        self.tx, self.chance = tx, random.Random(seed)

    def act(self) -> None:
        acts: list[Callable[[str], None]] = [
            *(self.link, self.change, self.drop, self.job, self.move, self.conflict, self.solve, self.save),
            *(self.contribute, self.explain, self.wait, self.mark),
        ]
        chosen, one = self.chance.choice(acts), self.chance.choice(IDS)
        # Nothing hangs on a link that is not there yet: it gets an id that nobody had.
        if chosen in (self.link, self.save, self.mark) or links.find_link(self.tx, f"link-{one}"):
            chosen(one)

    def link(self, one: str) -> None:
        if links.link(self.tx, "con", f"link-{one}") is None:
            made = like(LINK, id=f"link-{one}", role=self.chance.choice(ROLES), crm_id=one, label=one)
            links.add_link(self.tx, made)

    def change(self, one: str) -> None:
        found = links.link(self.tx, "con", f"link-{one}")
        if found is not None and found.unlinked_at is None:
            values = [
                {"books_id": one},
                {"books_id": None},
                {"base_crm": {"Name": ("a", one)}},
                {"status": one},
            ]
            links.change_link(self.tx, "con", f"link-{one}", NOW, **self.chance.choice(values))

    def drop(self, one: str) -> None:
        values = self.chance.choice([{}, {"crm_id": None, "books_id": None}])
        links.change_link(self.tx, "con", f"link-{one}", NOW, unlinked_at=NOW, **values)

    def job(self, one: str) -> None:
        if jobs.job(self.tx, f"job-{one}") is None and not jobs.open_job(
            self.tx, "con", f"link-{one}", "books"
        ):
            made = like(
                JOB, id=f"job-{one}", link_id=f"link-{one}", state=self.chance.choice(["queued", "proposed"])
            )
            jobs.add_job(self.tx, made)

    def move(self, one: str) -> None:
        state = self.chance.choice(["settled", "refused", "waiting", "offered", "cancelled"])
        jobs.change_job(self.tx, f"job-{one}", NOW, state=state, sent={"seen": {"crm": one}})

    def conflict(self, one: str) -> None:
        row = {"connection_id": "con", "link_id": f"link-{one}", "field": self.chance.choice(FIELDS)}
        row |= {"crm_value": one, "books_value": None, "reason": "", "taken": None}
        links.put_conflict(self.tx, row | {"opened_at": NOW})

    def solve(self, one: str) -> None:
        links.drop_conflicts(self.tx, "con", f"link-{one}", [self.chance.choice(FIELDS)])

    def save(self, one: str) -> None:
        version = str(self.chance.random())
        keys = {one: [("name", f"n{self.chance.choice(IDS)}")]}
        records.save(self.tx, [like(RECORD, id=one, version=version)], keys)

    def contribute(self, one: str) -> None:
        whom = self.chance.choice([*IDS, None])
        links.set_contributor(self.tx, "con", f"link-{one}", "PrimaryContact", "contact", whom)

    def explain(self, one: str) -> None:
        row = {
            "connection_id": "con",
            "link_id": f"link-{one}",
            "record_id": one,
            "run_number": 1,
            "made_at": NOW,
        }
        reason = str(self.chance.random())
        history.keep_decision(
            self.tx, row | {"outcome": "same", "reason": reason, "fields": [{"field": reason}]}
        )

    def wait(self, one: str) -> None:
        needed = [(self.chance.choice(ROLES), self.chance.choice(["crm", "books"]), one)]
        jobs.wait_for(self.tx, "con", f"job-{self.chance.choice(IDS)}", needed)

    def mark(self, one: str) -> None:
        records.move_watermark(self.tx, "org", "crm", "account", one, NOW, complete=True)


def compared(tx: Tx) -> None:
    """What is remembered against what is there, where decisions are written at the end."""
    seen = everything(tx)
    memory = memory_of(tx)
    assert memory is not None
    memory.flush(tx)
    with forgotten(tx):
        assert everything(tx) == seen


@pytest.mark.parametrize("seed", range(6))
def test_what_is_remembered_is_what_the_database_says(database: Database, seed: int) -> None:
    with database.write() as tx, remembering(tx):
        hand = Hand(tx, seed)
        everything(tx)
        for _ in range(30):
            hand.act()
            compared(tx)


@pytest.mark.parametrize("seed", range(6, 9))
def test_nor_does_it_matter_what_was_fetched_ahead(database: Database, seed: int) -> None:
    with database.write() as tx:
        with remembering(tx):
            hand = Hand(tx, seed)
            for _ in range(60):
                hand.act()
        with remembering(tx):
            links_seen = prefetch.links_naming(tx, "con", "crm", IDS)
            prefetch.the_records(tx, "org", "crm", "account", IDS)
            prefetch.the_links(tx, "con", [f"link-{one}" for one in IDS])
            prefetch.holders(tx, "org", "crm", "account", "name", [f"n{one}" for one in IDS])
            prefetch.contributions(tx, "con", "contact", IDS)
            for side in ("crm", "books"):
                prefetch.waits(tx, "con", side, IDS)
            prefetch.the_jobs(tx, [f"job-{one}" for one in IDS])
            assert {one.crm_id for one in links_seen} <= set(IDS)
            compared(tx)
            hand.tx = tx
            for _ in range(20):
                hand.act()
                compared(tx)


def test_a_savepoint_that_is_rolled_back_takes_along_what_was_remembered(database: Database) -> None:
    with database.write() as tx, remembering(tx):
        links.add_link(tx, like(LINK, id="link-1", crm_id="1"))
        history.keep_decision(tx, decision("link-1", "before"))
        inside = tx.begin_nested()
        links.change_link(tx, "con", "link-1", NOW, status="Error")
        history.keep_decision(tx, decision("link-1", "inside"))
        records.park(tx, "con", "crm", "account", "1", NOW)
        inside.rollback()
        found = links.link(tx, "con", "link-1")
        assert found is not None
        assert found.status == "Queued"
        assert history.last_reason(tx, "con", "link-1") == "before"
    with database.read() as tx:
        assert [one["reason"] for one in history.decisions_about(tx, link_id="link-1")] == ["before"]


def decision(link_id: str, reason: str) -> dict[str, Any]:
    row = {"connection_id": "con", "link_id": link_id, "record_id": link_id, "run_number": 1}
    return row | {"made_at": NOW, "outcome": "same", "reason": reason, "fields": []}


def test_who_is_to_be_decided_again_during_its_own_slice_stays_on_the_list(database: Database) -> None:
    with database.write() as tx:
        records.mark_undecided(tx, "con", "crm", "account", ["1", "2", "3"], NOW)
        with remembering(tx):
            records.decided(tx, "con", "crm", "account", "1")
            records.park(tx, "con", "crm", "account", "2", NOW)
            records.decided(tx, "con", "crm", "account", "2")
            records.decided(tx, "con", "crm", "account", "3")
            records.mark_undecided(tx, "con", "crm", "account", ["1"], NOW)
        assert [one[3] for one in records.next_undecided(tx, ["con"], 9)] == ["1"]
        records.release_parked(tx, "con")
        assert [one[3] for one in records.next_undecided(tx, ["con"], 9)] == ["1", "2"]


def test_nothing_is_remembered_outside_the_block(database: Database) -> None:
    with database.write() as tx:
        with remembering(tx) as outer, remembering(tx) as inner:
            assert inner is outer
        assert memory_of(tx) is None
    with database.write() as tx:
        assert memory_of(tx) is None


def test_what_was_asked_for_is_not_asked_for_again(database: Database) -> None:
    asked: list[str] = []
    with database.write() as tx, remembering(tx):
        for one in IDS:
            links.add_link(tx, like(LINK, id=f"link-{one}", crm_id=one))
            jobs.add_job(tx, like(JOB, id=f"job-{one}", link_id=f"link-{one}"))
        everything(tx)
        event.listen(database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        everything(tx)
    assert [text for text in asked if text.startswith("SELECT")] == []


def test_writers_go_on_in_the_order_in_which_they_came() -> None:
    queue, came, order = Queue(), [Event() for _ in range(5)], list[int]()

    def write(number: int) -> None:
        came[number].set()
        with queue.turn():
            order.append(number)

    with queue.turn():
        threads = []
        for number in range(5):
            threads.append(Thread(target=write, args=[number]))
            before = queue._last
            threads[-1].start()
            came[number].wait()
            while queue._last is before:
                pass  # it stands in the queue as soon as the queue's end is another
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
