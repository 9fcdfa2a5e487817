"""What a read must bring: the newest change that is known, and what only looks like a file of before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qbwc_server.store import history
from tests.sync.shop import opportunity, sold
from tests.sync.test_back_in_time import backup, confirm, stopped
from tests.sync.test_books_trouble import pair
from tests.sync.test_documents import SETTINGS
from tests.sync.world import World

# How QuickBooks numbers versions: one more than before, or the second of the edit (qbXML semantics, section 4).
RULES = ("increases", "second")


@pytest.fixture
def shop(build: Callable[..., World]) -> World:
    return build(documents=True, override={"settings": SETTINGS})


def alarms(world: World) -> list[Any]:
    """Also those that the same visit took back."""
    with world.database.read() as tx:
        return [one for one in history.audit_trail(tx, 1000) if one["action"] == "went back in time"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("wrote", ["a change", "a creation"])
def test_a_backup_of_the_moment_before_our_own_last_write_is_noticed(
    world: World, tmp_path: Path, wrote: str, rule: str
) -> None:
    """No read has brought that write yet, so only its answer tells that QuickBooks held it."""
    world.company.rule("edit_sequence", rule)
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    kept = backup(world, tmp_path)
    world.clock.advance(minutes=10)
    if wrote == "a change":
        world.edit_account(account, Phone="555-0200")
    else:
        world.account("Bob's Garage", promoted=True)
    writes = world.books_writes()
    world.poll()
    world.visit()
    assert world.books_writes() > writes
    world.company.restore(kept)
    world.clock.advance(minutes=10)
    writes = world.books_writes()
    world.sync(2)
    assert "restored" in stopped(world)
    assert world.books_writes() == writes
    confirm(world)
    world.quiet()
    if wrote == "a change":
        assert [one["field"] for one in world.conflicts()] == ["Phone > Phone"]
        assert world.in_books(list_id)["Phone"] == "555-0100"


@pytest.mark.parametrize("rule", RULES)
def test_it_is_noticed_although_the_clock_was_put_back_before_our_write(
    world: World, tmp_path: Path, rule: str
) -> None:
    """The state of before has the later stamp, and perhaps the higher version."""
    world.company.rule("edit_sequence", rule)
    account, _ = pair(world, Phone="555-0100")
    world.quiet()
    kept = backup(world, tmp_path)
    world.pc_ahead = timedelta(minutes=-30)
    world.edit_account(account, Phone="555-0200")
    world.poll()
    world.visit()
    world.company.restore(kept)
    world.clock.advance(minutes=1)
    world.sync(2)
    assert "restored" in stopped(world)


def test_a_write_of_ours_that_a_later_visit_brings_is_no_restored_file(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    for number in range(3):
        world.clock.advance(minutes=10)
        world.edit_account(account, Phone=f"555-030{number}")
        world.customer(f"Number {number}")
        world.sync()
        world.clock.advance(minutes=1)
        world.edit_customer(list_id, Fax=f"555-040{number}")
    world.quiet()
    assert stopped(world) == ""


@pytest.mark.parametrize("rule", RULES)
def test_an_edit_of_what_we_wrote_under_a_clock_that_was_put_right_is_no_restored_file(
    world: World, rule: str
) -> None:
    world.company.rule("edit_sequence", rule)
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    world.pc_ahead = timedelta(minutes=20)
    world.edit_account(account, Phone="555-0200")
    world.sync(2)
    world.pc_ahead = timedelta(0)
    world.clock.advance(minutes=5)
    world.edit_customer(list_id, Fax="555-0900")
    world.quiet()
    assert stopped(world) == ""
    assert world.in_crm(account)["Fax"] == "555-0900"


@pytest.mark.parametrize("rule", RULES)
def test_an_edit_of_what_we_wrote_on_a_second_pc_with_a_slow_clock_is_no_restored_file(
    world: World, rule: str
) -> None:
    world.company.rule("edit_sequence", rule)
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    world.clock.advance(minutes=10)
    world.edit_account(account, Phone="555-0200")
    world.poll()
    world.visit()
    world.pc_ahead = timedelta(minutes=-3)
    world.clock.advance(minutes=1)
    world.edit_customer(list_id, Fax="555-0900")
    world.pc_ahead = timedelta(0)
    world.clock.advance(minutes=10)
    world.quiet()
    assert stopped(world) == ""
    assert world.in_crm(account)["Fax"] == "555-0900"


def test_what_is_found_by_its_mark_later_is_not_the_newest_change(world: World, tmp_path: Path) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    world.account("Bob's Garage", promoted=True)
    world.poll()
    world.company.faults.arm("break_after", requests=1, holding="CustomerAddRq")
    world.visit()
    world.edit_customer(list_id, Phone="555-0150")
    assert "Bob's Garage" in world.names_in_books()
    world.clock.advance(minutes=10)
    kept = backup(world, tmp_path)
    world.clock.advance(minutes=10)
    world.edit_customer(list_id, Phone="555-0200")
    world.sync()
    assert world.in_crm(account)["Phone"] == "555-0200"
    world.company.restore(kept)
    world.clock.advance(minutes=5)
    world.sync(2)
    assert "restored" in stopped(world)
    assert world.in_crm(account)["Phone"] == "555-0200"


def test_a_stamp_from_the_future_hides_no_restored_file(world: World, tmp_path: Path) -> None:
    """It comes again at every visit, and is in every backup."""
    account, _ = pair(world, Phone="555-0100")
    other = world.customer("Zoe's Zoo")
    world.quiet()
    world.pc_ahead = timedelta(hours=8)
    world.edit_customer(other, Phone="555-9999")
    world.sync()
    world.pc_ahead = timedelta(0)
    world.clock.advance(minutes=30)
    world.edit_account(account, Phone="555-0150")
    world.sync(2)
    world.clock.advance(minutes=10)
    kept = backup(world, tmp_path)
    world.clock.advance(minutes=10)
    world.edit_account(account, Phone="555-0200")
    world.sync(2)
    world.company.restore(kept)
    world.clock.advance(minutes=10)
    world.sync(2)
    assert "restored" in stopped(world)
    assert world.in_crm(account)["Phone"] == "555-0200"


def test_a_change_whose_first_read_failed_halfway_is_guarded_as_well(world: World, tmp_path: Path) -> None:
    """Its record was stored by then, so the read that ends has no news of it."""
    account, list_id = pair(world, Phone="555-0100")
    world.customer("Zoe's Zoo")
    world.quiet()
    world.clock.advance(minutes=10)
    kept = backup(world, tmp_path)
    world.clock.advance(minutes=10)
    world.edit_customer(list_id, Phone="555-0200")
    world.company.faults.arm(
        "answer_status", request="ListDeletedQueryRq", code=1000, message="Internal error."
    )
    world.sync()
    world.clock.advance(minutes=5)
    world.sync(2)
    assert world.in_crm(account)["Phone"] == "555-0200"
    world.company.restore(kept)
    world.clock.advance(minutes=5)
    world.edit_account(account, Fax="555-0999")
    writes = world.books_writes()
    world.sync(4)
    assert "restored" in stopped(world)
    assert world.books_writes() == writes
    assert world.in_crm(account)["Phone"] == "555-0200"


def test_a_customer_and_an_item_of_one_list_id_do_not_explain_each_other(shop: World, tmp_path: Path) -> None:
    """A ListID is unique within its kind of list; only an item can be made one of another kind."""
    account, _, _ = sold(shop)
    shop.quiet()
    kept = backup(shop, tmp_path)
    shop.clock.advance(minutes=10)
    shop.edit_account(account, Phone="555-0200")
    shop.poll()
    shop.visit()
    shop.company.restore(kept)
    shop.clock.advance(minutes=10)
    shop.sync(2)
    assert "restored" in stopped(shop)


def test_our_own_invoice_for_another_customer_raises_no_alarm(shop: World) -> None:
    account, work, _ = sold(shop)
    shop.quiet()
    shop.customer("Zoe's Zoo")
    shop.quiet()
    shop.clock.advance(hours=24)
    opportunity(shop, account, (work, "1", "10"))
    for _ in range(6):
        shop.clock.advance(minutes=30)
        shop.sync()
    assert alarms(shop) == []


def test_a_stamp_from_far_in_the_future_raises_no_alarm(world: World) -> None:
    _, list_id = pair(world, Phone="555-0100")
    other = world.customer("Zoe's Zoo")
    world.quiet()
    world.pc_ahead = timedelta(days=300)
    world.edit_customer(other, Phone="555-9999")
    world.pc_ahead = timedelta(0)
    world.quiet()
    for number in range(3):
        world.clock.advance(hours=5)
        world.edit_customer(list_id, Phone=f"555-010{number}")
        for _ in range(6):
            world.clock.advance(minutes=30)
            world.sync()
    assert alarms(world) == []


@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_a_posting_by_a_pc_with_a_slow_clock_stops_nothing(world: World, whose: str) -> None:
    """It moves the time of its customer, and leaves the EditSequence."""
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    world.clock.advance(minutes=10)
    if whose == "ours":
        world.edit_account(account, Phone="555-0200")
    else:
        world.edit_customer(list_id, Phone="555-0200")
    world.sync(2)
    world.pc_ahead = timedelta(minutes=-3)
    world.company.user_post(list_id, Decimal("7.00"))
    world.pc_ahead = timedelta(0)
    world.clock.advance(minutes=10)
    world.sync(4)
    assert stopped(world) == ""
    assert world.in_crm(account)["QB_Balance__c"] == Decimal("7.00")
