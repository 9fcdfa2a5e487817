"""A company file that was restored from a backup, and what no stamp ever tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from qbwc_server.errors import Problem
from qbwc_server.store import parties, records
from qbwc_server.sync.from_books import clock_ahead, reading, start_with, want_reconcile
from qbwc_server.sync.person import By, confirm_file
from qbwc_server.sync.person import start as start_connection
from tests.sync.test_books_trouble import pair
from tests.sync.test_documents import SETTINGS
from tests.sync.world import World


@pytest.fixture
def shop(build: Callable[..., World]) -> World:
    return build(documents=True, override={"settings": SETTINGS})


def stopped(world: World) -> str:
    with world.database.read() as tx:
        connection = parties.connection(tx, "con")
    assert connection is not None
    return connection.stopped_reason or ""


def confirm(world: World) -> None:
    with world.database.write() as tx:
        company = parties.company(tx, "co")
        assert company is not None
        confirm_file(tx, By("ann", world.clock()), company)


def backup(world: World, tmp_path: Path) -> Path:
    kept = tmp_path / "backup.qbb"
    world.company.copy_to(kept)
    return kept


def compare_keys(world: World) -> None:
    with world.database.write() as tx:
        want_reconcile(tx, "co", world.clock())


def without_a_word(world: World, list_id: str) -> None:
    """A customer goes, and QuickBooks has forgotten when: more than 90 days have passed since."""
    world.delete_customer(list_id)
    world.company._books.db.execute("DELETE FROM deleted_object")


# --- QuickBooks went back ---


def test_a_restored_company_file_stops_everything_before_anything_is_written(
    world: World, tmp_path: Path
) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    kept = backup(world, tmp_path)
    world.clock.advance(hours=2)
    world.edit_customer(list_id, Phone="555-0200")
    world.sync()
    assert world.in_crm(account)["Phone"] == "555-0200"
    world.company.restore(kept)
    world.clock.advance(hours=1)
    world.edit_account(account, Fax="555-0300")
    writes = world.books_writes()
    seen = world.sync(3)
    assert "restored" in stopped(world)
    assert "is stopped" in seen.status
    assert "Ann's Bakery" in stopped(world)
    assert 'run: qbwc-server connection start "Acme"' in stopped(world)
    assert world.books_writes() == writes
    assert world.in_crm(account)["Phone"] == "555-0200"


def test_after_a_person_confirmed_it_each_difference_is_a_question_and_nothing_is_made_twice(
    world: World, tmp_path: Path
) -> None:
    _, list_id = pair(world, Phone="555-0100")
    world.quiet()
    kept = backup(world, tmp_path)
    world.clock.advance(hours=2)
    world.edit_customer(list_id, Phone="555-0200")
    world.quiet()
    world.company.restore(kept)
    world.sync()
    assert stopped(world)
    confirm(world)
    world.quiet()
    assert stopped(world) == ""
    assert [(one["crm_value"], one["books_value"]) for one in world.conflicts()] == [("555-0200", "555-0100")]
    world.take("Phone", "crm")
    world.quiet()
    assert world.in_books(list_id)["Phone"] == "555-0200"
    assert world.names_in_books() == ["Ann's Bakery"]
    assert world.names_in_crm() == ["Ann's Bakery"]


def gone_back(world: World, tmp_path: Path) -> tuple[str, str]:
    """A pair whose Phone was edited in QuickBooks after the backup that is open now; the connection is stopped."""
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    kept = backup(world, tmp_path)
    world.clock.advance(hours=2)
    world.edit_customer(list_id, Phone="555-0200")
    world.quiet()
    world.company.restore(kept)
    world.sync()
    assert "restored" in stopped(world)
    return account, list_id


def test_nothing_is_decided_before_a_confirmed_file_was_read_anew(world: World, tmp_path: Path) -> None:
    account, _ = gone_back(world, tmp_path)
    world.edit_account(account, Fax="555-0300")
    world.poll()
    confirm(world)
    world.deliver()
    assert "is read anew" in stopped(world)
    world.quiet()
    assert stopped(world) == ""
    assert [(one["crm_value"], one["books_value"]) for one in world.conflicts()] == [("555-0200", "555-0100")]


def test_a_confirmed_file_of_an_edition_without_sales_orders_goes_on_as_well(
    shop: World, tmp_path: Path
) -> None:
    lacking = {"request": "SalesOrderQueryRq", "code": 3250, "message": "Not enabled."}
    shop.company.faults.arm("answer_status", times=1000, **lacking)
    gone_back(shop, tmp_path)
    confirm(shop)
    shop.quiet()
    assert stopped(shop) == ""


def start(world: World) -> None:
    with world.database.write() as tx:
        connection = parties.connection(tx, "con")
        assert connection is not None
        start_connection(tx, By("ann", world.clock()), connection)


def test_who_starts_a_connection_too_early_does_not_make_edits_of_old_values(
    world: World, tmp_path: Path
) -> None:
    account, _ = gone_back(world, tmp_path)
    confirm(world)
    with pytest.raises(Problem, match="goes on by itself"):
        start(world)
    with world.database.read() as tx:
        waiting = parties.connection(tx, "con")
    assert waiting is not None
    assert start_with(waiting) == "Run an update in the Web Connector"
    world.quiet()
    assert stopped(world) == ""
    assert world.in_crm(account)["Phone"] == "555-0200"
    assert [(one["crm_value"], one["books_value"]) for one in world.conflicts()] == [("555-0200", "555-0100")]


def test_a_file_that_is_moved_after_the_right_one_was_opened_is_not_read_anew(
    world: World, tmp_path: Path
) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    old, right = backup(world, tmp_path), tmp_path / "right.qbb"
    world.clock.advance(hours=2)
    world.edit_customer(list_id, Phone="555-0200")
    world.quiet()
    world.company.copy_to(right)
    world.company.restore(old)
    world.sync()
    world.company.restore(right)
    start(world)
    world.quiet()
    world.edit_account(account, Phone="555-0300")
    confirm(world)
    world.quiet()
    assert world.conflicts() == []
    assert world.in_books(list_id)["Phone"] == "555-0300"


def test_a_change_that_had_not_reached_the_crm_yet_is_asked_about_as_well(
    world: World, tmp_path: Path
) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    world.edit_customer(list_id, Phone="555-0200")
    world.visit()  # read, and not delivered
    kept = backup(world, tmp_path)
    world.clock.advance(hours=2)
    world.customer("Bob's Garage")
    world.visit()
    world.company.restore(kept)
    world.clock.advance(hours=2)
    world.visit()
    assert stopped(world)
    confirm(world)
    world.quiet()
    assert [(one["crm_value"], one["books_value"]) for one in world.conflicts()] == [("555-0100", "555-0200")]
    assert world.status(account)[0] == "Error"


def test_what_was_made_since_the_backup_is_known_to_be_gone_and_is_not_made_again_by_itself(
    world: World, tmp_path: Path
) -> None:
    pair(world)
    world.quiet()
    kept = backup(world, tmp_path)
    world.clock.advance(hours=2)
    late = world.account("Bob's Garage", promoted=True)
    world.quiet()
    list_id = str(world.in_crm(late)["QB_ListID__c"])
    world.company.restore(kept)
    world.clock.advance(hours=2)
    world.customer("Carla's Cafe")  # whose ListID is the one that Bob's Garage had, but for its second
    world.sync(2)
    assert "Bob's Garage" in stopped(world)
    confirm(world)
    world.quiet()
    assert world.is_deleted(list_id)
    assert world.names_in_books() == ["Ann's Bakery", "Carla's Cafe"]
    assert world.names_in_crm() == ["Ann's Bakery", "Bob's Garage", "Carla's Cafe"]


def test_the_right_file_opened_again_goes_on_without_another_word(world: World, tmp_path: Path) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    old = backup(world, tmp_path)
    world.clock.advance(hours=2)
    world.edit_customer(list_id, Phone="555-0200")
    world.quiet()
    right = tmp_path / "right.qbb"
    world.company.copy_to(right)
    world.company.restore(old)
    world.sync()
    assert stopped(world)
    world.company.restore(right)
    world.stop_connection(None)
    world.edit_account(account, Phone="555-0300")
    world.quiet()
    assert stopped(world) == ""
    assert world.in_books(list_id)["Phone"] == "555-0300"
    assert world.conflicts() == []


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_was_put_wrong_is_no_restored_file(world: World, hours: int) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    world.pc_ahead = timedelta(hours=hours)
    world.sync(2)
    world.edit_account(account, Phone="555-0200")
    world.quiet()
    assert stopped(world) == ""
    assert world.in_books(list_id)["Phone"] == "555-0200"


def test_edits_of_a_pc_whose_clock_is_behind_are_found_all_the_same(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    world.pc_ahead = timedelta(hours=-30)
    world.edit_account(account, Fax="555-0111")
    world.quiet()
    world.edit_customer(list_id, Phone="555-0200")
    for _ in range(26):
        world.clock.advance(hours=1)
        world.sync()
    assert world.in_crm(account)["Phone"] == "555-0200"


def ahead(world: World) -> timedelta:
    with world.database.read() as tx:
        return clock_ahead(records.all_watermarks(tx, "co", "books"))


def test_an_answer_that_was_asked_for_days_later_does_not_put_the_clock_behind(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_account(account, Phone="555-0200")
    world.poll()
    world.company.faults.arm("lose_answer", holding="CustomerModRq")
    assert not world.visit().ok
    world.clock.advance(days=3)
    world.visit()
    assert world.in_books(list_id)["Phone"] == "555-0200"
    assert world.jobs(side="books")[-1].state == "settled"
    assert ahead(world) == timedelta(0)


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_change_that_was_just_made_tells_the_clock_of_its_pc(world: World, hours: int) -> None:
    world.pc_ahead = timedelta(hours=hours)
    pair(world)
    assert abs(ahead(world) - timedelta(hours=hours)) < timedelta(minutes=1)


def test_a_deleted_record_is_no_restored_file(world: World) -> None:
    _, list_id = pair(world)
    world.quiet()
    world.delete_customer(list_id)
    world.quiet()
    assert stopped(world) == ""
    assert world.is_deleted(list_id)


# --- the slow pass over all ids ---


def test_a_record_deleted_between_the_pages_of_its_read_is_no_restored_file(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE_SIZE", 3)
    newest = [world.customer(f"Number {number}") for number in range(8)][-1]
    world.sync()

    def somebody_deletes(document: str) -> None:
        if 'iterator="Continue"' in document:
            world.on_document = lambda _: None
            world.delete_customer(newest)

    world.clock.advance(minutes=5)
    world.on_document = somebody_deletes
    world.sync()
    assert stopped(world) == ""
    assert world.is_deleted(newest)


def test_a_backup_of_minutes_ago_is_noticed_as_well(world: World, tmp_path: Path) -> None:
    """The record of the newest change comes again, for an hour is read twice; but in the state before."""
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    world.edit_customer(list_id, Fax="555-0900")
    world.sync()
    kept = backup(world, tmp_path)
    world.clock.advance(minutes=10)
    world.edit_account(account, Phone="555-0200")
    world.sync()
    assert world.in_books(list_id)["Phone"] == "555-0200"
    world.sync()
    world.company.restore(kept)
    world.clock.advance(minutes=10)
    world.sync(2)
    assert "restored" in stopped(world)
    assert world.in_crm(account)["Phone"] == "555-0200"
    confirm(world)
    world.quiet()
    assert world.in_crm(account)["Phone"] == "555-0200"
    assert {one["field"] for one in world.conflicts()} == {"Phone > Phone"}


def test_in_a_restored_file_nothing_is_taken_for_gone(world: World, tmp_path: Path) -> None:
    world.customer("Ann's Bakery")
    world.quiet()
    old = backup(world, tmp_path)
    newest = world.customer("Bob's Garage")
    world.quiet()
    world.company.restore(old)
    compare_keys(world)
    world.sync(2)
    assert "no longer holds" in stopped(world)
    assert not world.is_deleted(newest)
    confirm(world)
    world.sync(3)
    assert world.is_deleted(newest)


@pytest.mark.parametrize("before", ["running", "stopped by a person"])
def test_starting_again_on_a_restored_file_with_newer_edits_stops_again(
    world: World, tmp_path: Path, before: str
) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    old = backup(world, tmp_path)
    world.clock.advance(hours=2)
    world.edit_customer(list_id, Phone="555-0200")
    world.quiet()
    if before != "running":
        world.stop_connection(before)
    world.company.restore(old)
    for name in ("Newer", "Newest"):
        world.clock.advance(hours=2)
        world.customer(name)
        world.sync()
    world.stop_connection(None)
    world.clock.advance(hours=2)
    world.sync()
    assert "no longer holds" in stopped(world)
    assert world.in_crm(account)["Phone"] == "555-0200"


def test_a_record_that_went_without_a_word_is_noticed_within_a_week(world: World) -> None:
    accounts = [world.account(f"Number {number} Corp", promoted=True) for number in range(3)]
    world.quiet()
    # Not the newest of them: where that is missing, a restored file is the better guess.
    gone = min(str(world.in_crm(one)["QB_ListID__c"]) for one in accounts)
    without_a_word(world, gone)
    world.sync()
    assert not world.is_deleted(gone)
    world.clock.advance(days=8)
    world.sync()
    assert world.is_deleted(gone)
    assert stopped(world) == ""


def test_a_pass_reads_again_what_is_not_as_it_was_read(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.clock.advance(hours=3)
    pair(world, "The newest change")
    world.quiet()
    world.pc_ahead = timedelta(days=-3)
    world.edit_customer(list_id, Phone="555-0200")
    world.pc_ahead = timedelta(0)
    world.quiet()
    assert world.in_crm(account)["Phone"] == "555-0100"
    compare_keys(world)
    world.sync(2)
    assert world.in_crm(account)["Phone"] == "555-0200"


def test_an_idle_pass_changes_nothing(world: World) -> None:
    for number in range(7):
        world.customer(f"Number {number} Corp")
    world.quiet()
    before = world.movement()
    compare_keys(world)
    seen = world.sync()
    [asked] = [one for one in seen.requests("CustomerQuery") if "IncludeRetElement" in one.values]
    assert asked.values["IncludeRetElement"] == ["ListID", "EditSequence", "TimeModified"]
    world.quiet()
    assert world.movement() == before


def test_a_file_that_lost_most_of_its_records_stops_the_connection(world: World) -> None:
    ids = [world.customer(f"Number {number} Corp") for number in range(40)]
    world.quiet()
    for one in ids[:30]:
        without_a_word(world, one)
    world.clock.advance(days=8)
    world.sync()
    assert "30 of 40" in stopped(world)
    assert not world.is_deleted(ids[0])
