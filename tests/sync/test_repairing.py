"""What should never be is found, and put right where that only makes somebody look again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from qbwc_server.store.tables import job_waits, link_jobs, links, record_keys, records, watermarks
from qbwc_server.sync.repairing import Place, examine
from tests.sync.test_books_trouble import kill, once, pair
from tests.sync.world import World


def look(world: World, *, mend: bool = False) -> list[str]:
    with world.database.write() as tx:
        found = examine(Place(tx, ["con"], world.clock()), mend=mend)
    return [one.text for one in found]


def change(world: World, statement: Any) -> None:
    with world.database.write() as tx:
        tx.execute(statement)


def queued(world: World) -> str:
    """An account whose customer is queued and was not sent yet."""
    world.sync()
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    world.deliver()
    [job] = world.jobs("queued", side="books")
    assert job.action == "add"
    return account


def test_nothing_is_found_where_all_is_well(world: World) -> None:
    pair(world)
    world.account("Waits for its turn", promoted=True)
    world.customer("Carla's Cafe")
    world.sync()
    assert look(world) == []


def test_a_job_of_a_pair_that_is_no_more_is_cancelled(world: World) -> None:
    queued(world)
    change(world, update(links).values(unlinked_at=world.clock(), status="Unlinked"))
    [text] = look(world, mend=True)
    assert text.startswith("1 link jobs belong to pairs that are no more")
    assert [one.state for one in world.jobs(side="books")] == ["cancelled"]
    assert look(world) == []


def test_a_job_that_waits_for_nothing_looks_again(world: World) -> None:
    account = queued(world)
    change(world, update(link_jobs).where(link_jobs.c.side == "books").values(state="waiting"))
    change(world, delete(job_waits))
    assert look(world) == []  # it may just have begun to wait
    world.clock.advance(days=2)
    [text] = look(world, mend=True)
    assert "wait, but for nothing" in text
    world.quiet()
    assert world.status(account) == ("Success", None)


def test_a_job_that_is_due_in_a_year_is_due_now(world: World) -> None:
    account = queued(world)
    later = world.clock() + timedelta(days=365)
    change(world, update(link_jobs).values(due_at=later))
    [text] = look(world, mend=True)
    assert "more than a day from now" in text
    world.quiet()
    assert world.status(account) == ("Success", None)


def test_an_object_that_was_never_read_is_read_at_the_next_update(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.clock.advance(hours=3)
    pair(world, "The newest change")
    world.quiet()
    change(world, delete(records).where(records.c.id == list_id))
    change(world, delete(record_keys).where(record_keys.c.record_id == list_id))
    world.quiet()
    [text] = look(world, mend=True)
    assert "never read: Ann's Bakery" in text
    world.sync()
    assert look(world) == []
    world.edit_account(account, Phone="555-0200")
    world.quiet()
    assert world.in_books(list_id)["Phone"] == "555-0200"


def test_reading_that_ran_ahead_of_time_begins_at_this_moment(world: World) -> None:
    pair(world)
    world.quiet()
    change(
        world, update(watermarks).where(watermarks.c.kind == "Customer").values(value="2031-01-01T00:00:00")
    )
    [text] = look(world, mend=True)
    assert "yet to come: Customer" in text
    assert look(world) == []
    world.customer("Carla's Cafe")
    world.quiet()
    assert "Carla's Cafe" in world.names_in_crm()


def test_a_doubt_of_a_day_is_told_and_left_alone(world: World) -> None:
    world.account("Ann's Bakery", promoted=True)
    world.poll()
    once(world, "CustomerAddRq", kill)
    world.visit()
    world.clock.advance(hours=1)
    world.company.faults.arm("refuse_session", times=-1)
    world.visit()
    world.clock.advance(days=2)
    [text] = look(world, mend=True)
    assert "in doubt for more than a day" in text
    assert [one.state for one in world.jobs(side="books")] == ["in_doubt"]


@pytest.mark.parametrize(("hours", "words"), [(-30, "30 hours behind"), (5, "5 hours ahead")])
def test_a_clock_that_is_wrong_is_told(build: Callable[..., World], hours: int, words: str) -> None:
    world = build(pc_ahead=timedelta(hours=hours))
    pair(world)
    [text] = look(world, mend=True)
    assert words in text
