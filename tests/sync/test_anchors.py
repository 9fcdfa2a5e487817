"""What a read must bring: the newest change that is known, and what only looks like a file of before."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.sync.test_back_in_time import backup, confirm, stopped
from tests.sync.test_books_trouble import pair
from tests.sync.world import World

# How QuickBooks numbers versions: one more than before, or the second of the edit (qbXML semantics, section 4).
RULES = ("increases", "second")


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
