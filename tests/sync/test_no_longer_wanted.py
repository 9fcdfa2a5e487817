"""A record that was queued and may not go to QuickBooks any more: nothing is made, and its people are told why."""

from __future__ import annotations

from collections.abc import Callable

from tests.sync.test_contacts import KINDS, edit, names, person, shown
from tests.sync.world import World

Build = Callable[..., World]


def test_a_contact_that_lost_its_account_while_it_was_queued_is_told_so(build: Build) -> None:
    world = build(override={"kinds": KINDS})
    account = world.account("Ann's Bakery", promoted=True, contact="Ann Baker")
    world.quiet()
    bob = person(world, account, "Bob Bread")
    world.poll()
    world.deliver()
    assert shown(world, bob) == ("Queued", None)
    edit(world, bob, AccountId=None)
    world.quiet()
    status, error = shown(world, bob)
    assert status == "Error"
    assert error
    assert names(world, "Ann's Bakery") == []
    assert world.names_in_books() == ["Ann's Bakery"]
    edit(world, bob, AccountId=account)
    world.quiet()
    assert shown(world, bob) == ("Success", None)
    assert names(world, "Ann's Bakery") == ["Bob Bread"]


def test_an_account_that_a_filter_keeps_out_since_it_was_queued_is_told_so(build: Build) -> None:
    kept = {"field": "Fax", "any_of": ["555-0100"]}
    world = build(override={"kinds": {"account": {"crm_filter": kept}}})
    world.quiet()
    account = world.account("Ann's Bakery", promoted=True, Fax="555-0100")
    world.poll()
    world.deliver()
    assert world.status(account)[0] == "Queued"
    world.edit_account(account, Fax="555-0200")
    world.quiet()
    status, error = world.status(account)
    assert status == "Error"
    assert "Fax" in error
    assert world.names_in_books() == []
    world.edit_account(account, Fax="555-0100")
    world.quiet()
    assert world.status(account) == ("Success", None)
    assert world.names_in_books() == ["Ann's Bakery"]
