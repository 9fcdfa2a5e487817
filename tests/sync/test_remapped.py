"""A mapping that changed: what only the old one refused goes on, and records are found by the new match keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from qbwc_server.store import parties
from qbwc_server.sync.person.by import By
from qbwc_server.sync.person.override import replace_override
from tests.sync.shop import SETTINGS, opportunity, product, status_of, the_invoice
from tests.sync.world import World

Build = Callable[..., World]


def remap(world: World, override: Mapping[str, Any]) -> None:
    with world.database.write() as tx:
        connection = parties.connection(tx, "con")
        assert connection is not None
        merged = {**(connection.override or {}), **override}
        replace_override(tx, By("Ann", world.clock()), connection, merged)


def test_a_corrected_setting_releases_what_it_stopped_and_all_that_waited(build: Build) -> None:
    shop = build(documents=True)
    account, work = shop.account("Ann"), product(shop, "Work", "10")
    sale = opportunity(shop, account, (work, "1", "10"))
    shop.quiet()
    error = status_of(shop, "product", work)[1]
    assert "income_account" in error
    assert "Correct the record" not in error
    remap(shop, {"settings": SETTINGS})
    shop.visit()
    assert the_invoice(shop)["Subtotal"] == "10.00"
    shop.quiet()
    assert status_of(shop, "product", work) == status_of(shop, "opportunity", sale) == ("Success", None)


def test_a_rule_that_cuts_from_now_on_releases_what_was_too_long(world: World) -> None:
    account = world.account("Ann", promoted=True, Phone="5" * 40)
    world.quiet()
    assert world.status(account)[0] == "Error"
    cut = {"change": [{"crm": "Phone", "books": "Phone", "too_long": "truncate"}]}
    kinds = {one: {"mode": "off"} for one in off_in(world)}
    remap(world, {"kinds": kinds | {"account": cut}})
    world.quiet()
    assert world.status(account) == ("Success", None)


def off_in(world: World) -> list[str]:
    with world.database.read() as tx:
        connection = parties.connection(tx, "con")
    assert connection is not None
    return list((connection.override or {}).get("kinds", {}))


def test_what_quickbooks_refused_waits_for_its_record_and_not_for_the_mapping(world: World) -> None:
    world.sync()
    world.company.user_add({"Name": "Ann"}, "Vendor")
    account = world.account("Ann", promoted=True)
    world.quiet()
    [job] = world.jobs("refused")
    kinds = {one: {"mode": "off"} for one in off_in(world)}
    remap(world, {"kinds": kinds, "limits": {"creates": 7}})
    world.quiet()
    assert [(one.id, one.attempts) for one in world.jobs("refused")] == [(job.id, job.attempts)]
    assert world.status(account)[0] == "Error"


@pytest.mark.parametrize("promoted", [True, False])
def test_records_are_found_by_a_match_key_that_was_added_later(build: Build, promoted: bool) -> None:
    world = build(override={"kinds": {"account": {"match": ["id"], "mode": "export"}}})
    list_id = world.customer("Ann's Bakery")
    account = world.account("Ann's Bakery")
    world.quiet()
    assert world.links() == []
    kinds = {one: {"mode": "off"} for one in off_in(world)} | {
        "account": {"match": ["id", "name"], "mode": "export"}
    }
    if promoted:
        world.promote(account)
    remap(world, {"kinds": kinds})
    world.quiet()
    assert world.in_crm(account)["QB_ListID__c"] == list_id
    assert len(world.company.customers()) == 1


def test_a_field_of_the_crm_that_became_longer_releases_what_did_not_fit(build: Build) -> None:
    world = build(fields={"Phone": 5})
    world.customer("Ann", Phone="555-0100")
    world.quiet()
    [job] = world.jobs("refused")
    assert job.error_code == "too_long"
    world.crm._fields["account"]["Phone"] = world.account_field("Phone", length=40)
    world.clock.advance(days=2)
    world.quiet()
    assert world.in_crm(world.account_named("Ann"))["Phone"] == "555-0100"
