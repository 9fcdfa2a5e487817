"""What must never happen by itself: a value overwritten unseen, a pass stopped by one record, a limit passed."""

from collections.abc import Callable, Sequence

import pytest

from crm.port import Outcome, Value, Write, Written
from qbwc_server.store import parties
from tests.sync.world import World

Build = Callable[..., World]
WITHOUT_FAX = {"kinds": {"account": {"remove": [{"crm": "Fax", "books": "Fax"}]}}}


def test_a_field_that_is_mapped_later_is_read_before_it_is_written(build: Build) -> None:
    world = build(override=WITHOUT_FAX)
    account = world.account("Ann's Bakery", promoted=True, Fax="555-0900")
    world.quiet()
    with world.database.write() as tx:
        (connection,) = parties.all_connections(tx)
        parties.change_connection(tx, connection.id, override=None)
    world.edit_customer(str(world.in_crm(account)["QB_ListID__c"]), Fax="555-0111")
    world.visit()
    world.deliver()
    assert world.in_crm(account)["Fax"] == "555-0900"
    world.quiet()
    assert world.in_crm(account)["Fax"] == "555-0900"
    assert [row["field"] for row in world.conflicts()] == ["Fax > Fax"]


def test_a_fault_in_one_delivery_leaves_the_others_their_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = world.account("First Corp", promoted=True), world.account("Second Corp", promoted=True)
    real = world.line.update

    def update(kind: str, record_id: str, values: dict[str, Value], if_version: str | None) -> Written:
        if record_id == first:
            raise RuntimeError("a fault of ours")
        return real(kind, record_id, values, if_version)

    def write_many(kind: str, writes: Sequence[Write], fields: Sequence[str]) -> tuple[Outcome, ...]:
        if first in [one.id for one in writes]:
            raise RuntimeError("a fault of ours")
        return many(kind, writes, fields)

    many = world.line.write_many
    monkeypatch.setattr(world.line, "update", update)
    monkeypatch.setattr(world.line, "write_many", write_many)
    for _ in range(3):
        world.poll()
        world.visit()
        world.deliver()
    assert (world.status(first)[0], world.status(second)[0]) == ("To be Linked", "Success")
    monkeypatch.undo()
    world.clock.advance(hours=2)
    world.quiet()
    assert world.status(first) == ("Success", None)


def test_the_limit_on_new_records_counts_over_all_turns_of_an_hour(build: Build) -> None:
    world = build(override={"limits": {"creates": 2}})
    for name in ("Alder Corp", "Birch Corp"):
        world.account(name, promoted=True)
        world.poll()
        world.visit()
    world.account("Cedar Corp", promoted=True)
    world.poll()
    world.visit()
    assert [job.error_code for job in world.jobs("proposed")] == ["approval"]
    world.clock.advance(hours=2)
    world.account("Larch Corp", promoted=True)
    world.quiet()
    assert "Larch Corp" in world.names_in_books()


def test_an_unlinked_record_gives_its_key_back(world: World) -> None:
    world.customer("Zed Corp")
    world.quiet()
    account = world.account_named("Zed Corp")
    link = world.link_of(account)
    assert link is not None
    assert world.in_crm(account)["QB_SyncKey__c"]
    world.unlink(link)
    world.quiet()
    assert world.in_crm(account)["QB_SyncKey__c"] is None


def test_a_crm_that_suddenly_shows_almost_nothing_stops_the_connection(world: World) -> None:
    accounts = [world.account(f"Number {number} Corp") for number in range(30)]
    world.poll()
    for account in accounts[:25]:
        world.delete_account(account)
    world.crm.purge_deletions()
    world.poll()
    with world.database.read() as tx:
        (connection,) = parties.all_connections(tx)
    assert "far fewer records" in str(connection.stopped_reason)
    assert world.links() == []
