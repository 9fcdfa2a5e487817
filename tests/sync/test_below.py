"""Jobs, sub-accounts and sub-items: found below their partner's partner, and never made twice in silence."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from qbwc_server.store import parties
from qbwc_server.sync import person
from tests.sync.shop import SETTINGS, product, status_of
from tests.sync.world import World


@pytest.fixture
def shop(build: Callable[..., World]) -> World:
    return build(documents=True, override={"settings": SETTINGS})


def item(world: World, name: str, **values: Any) -> str:
    world.clock.advance(seconds=1)
    given = {"SalesOrPurchase": {"Price": Decimal(10), "AccountRef": {"FullName": "Sales"}}}
    return world.company.user_add({"Name": name} | given | values, "ItemService")


def job(world: World, name: str, customer: str, **values: Any) -> str:
    return world.customer(name, ParentRef={"ListID": customer}, **values)


def make_link(world: World, crm_id: str, books_id: str) -> None:
    with world.database.write() as tx:
        connection = parties.connection(tx, "con")
        assert connection is not None
        person.make(tx, person.By("Ann", world.clock()), connection, crm_id, books_id)


def create_anyway(world: World, record_id: str) -> None:
    with world.database.write() as tx:
        connection = parties.connection(tx, "con")
        assert connection is not None
        person.create(tx, person.By("Ann", world.clock()), connection, record_id)


def pairs(world: World) -> set[tuple[str | None, str | None]]:
    return {(one.crm_id, one.books_id) for one in world.links() if one.unlinked_at is None}


# --- the same below the same ---


@pytest.mark.parametrize("promoted", [True, False])
def test_an_account_below_another_is_the_job_of_that_name_below_its_partner(
    world: World, promoted: bool
) -> None:
    ann, bob = world.account("Ann"), world.account("Bob")
    kitchens = [world.account("Kitchen", ParentId=one, promoted=promoted) for one in (ann, bob)]
    customers = [world.customer(name) for name in ("Ann", "Bob")]
    jobs = [job(world, "Kitchen", one) for one in reversed(customers)]
    world.quiet()
    assert pairs(world) == set(zip([ann, bob, *kitchens], [*customers, *reversed(jobs)], strict=True))
    assert (len(world.crm.rows("account")), world.books_writes()) == (4, 0)


def test_levels_of_jobs_are_found_whatever_the_order_in_which_they_are_decided(world: World) -> None:
    top = world.customer("Ann")
    middle = job(world, "House", top)
    bottom = job(world, "Kitchen", middle)
    account = world.account("Ann")
    house = world.account("House", ParentId=account)
    kitchen = world.account("Kitchen", ParentId=house)
    world.quiet()
    assert pairs(world) == {(account, top), (house, middle), (kitchen, bottom)}
    assert world.books_writes() == 0


def test_what_is_below_waits_until_a_person_says_whose_it_is(world: World) -> None:
    customer = world.customer("Ann's Bakery Inc")
    kitchen = job(world, "Kitchen", customer)
    account = world.account("Anns Bakery Inc")
    below = world.account("Kitchen", ParentId=account)
    world.quiet()
    assert pairs(world) == set()
    assert len(world.crm.rows("account")) == 2
    assert "Ann's Bakery Inc" in world.decisions(kitchen)[0]["reason"]
    make_link(world, account, customer)
    world.quiet()
    assert pairs(world) == {(account, customer), (below, kitchen)}
    assert len(world.crm.rows("account")) == 2


def test_a_promoted_account_below_one_that_a_person_links_later_finds_its_job(world: World) -> None:
    customer = world.customer("Ann's Bakery Inc")
    kitchen = job(world, "Kitchen", customer)
    account = world.account("Anns Bakery Inc")
    below = world.account("Kitchen", ParentId=account, promoted=True)
    world.quiet()
    assert world.status(below)[0] == "Error"
    make_link(world, account, customer)
    world.quiet()
    assert pairs(world) == {(account, customer), (below, kitchen)}
    assert world.status(below) == ("Success", None)
    assert world.books_writes() == 0


def test_jobs_of_one_name_below_one_customer_are_for_a_person(world: World) -> None:
    account = world.account("Ann")
    twins = [world.account("Kitchen", ParentId=account) for _ in range(2)]
    customer = world.customer("Ann")
    kitchen = job(world, "Kitchen", customer)
    world.quiet()
    assert pairs(world) == {(account, customer)}
    assert {one["crm_id"] for one in world.suggestions()} == set(twins)
    assert {one["books_id"] for one in world.suggestions()} == {kitchen}


# --- the same name elsewhere ---


def test_an_account_below_another_and_a_customer_at_the_top_are_a_question(world: World) -> None:
    holding = world.account("Holding")
    branch = world.account("Branch", ParentId=holding)
    customers = [world.customer("Holding"), world.customer("Branch")]
    world.quiet()
    assert pairs(world) == {(holding, customers[0])}
    assert world.names_in_crm() == ["Branch", "Holding"]
    assert [(one["crm_id"], one["books_id"]) for one in world.suggestions()] == [(branch, customers[1])]
    world.promote(branch)
    world.quiet()
    status, text = world.status(branch)
    assert status == "Error"
    assert "Branch" in text
    assert "a person must say" in text
    assert world.names_in_books() == ["Branch", "Holding"]
    make_link(world, branch, customers[1])
    world.quiet()
    assert world.status(branch) == ("Success", None)
    assert world.in_books(customers[1])["FullName"] == "Branch"
    assert world.names_in_crm() == ["Branch", "Holding"]


def test_a_job_and_an_account_at_the_top_are_a_question_until_a_person_says_no(world: World) -> None:
    kitchen = job(world, "Kitchen", world.customer("Ann's Bakery"))
    account = world.account("Kitchen", promoted=True)
    world.quiet()
    assert world.names_in_crm() == ["Ann's Bakery", "Kitchen"]
    assert world.names_in_books() == ["Ann's Bakery", "Ann's Bakery:Kitchen"]
    assert world.status(account)[0] == "Error"
    assert [(one["crm_id"], one["books_id"]) for one in world.suggestions()] == [(account, kitchen)]
    create_anyway(world, account)
    world.quiet()
    assert world.names_in_crm() == ["Ann's Bakery", "Kitchen", "Kitchen"]
    assert world.names_in_books() == ["Ann's Bakery", "Ann's Bakery:Kitchen", "Kitchen"]
    assert world.suggestions() == []


def test_who_is_no_partner_any_more_is_asked_about_no_more(world: World) -> None:
    kitchen = job(world, "Kitchen", world.customer("Ann's Bakery"))
    account = world.account("Kitchen")
    world.customer("Kitchen")
    world.quiet()
    assert account in {one.crm_id for one in world.links() if one.books_id != kitchen}
    assert world.names_in_crm() == ["Ann's Bakery", "Kitchen", "Kitchen"]


def test_an_item_below_another_is_a_question_where_the_crm_has_its_name(shop: World) -> None:
    bolt = product(shop, "Bolt", "10")
    below = item(shop, "Bolt", ParentRef={"ListID": item(shop, "Parts")})
    shop.quiet()
    assert sorted(row.values["Name"] for row in shop.crm.rows("product")) == ["Bolt", "Parts"]
    assert [(one["crm_id"], one["books_id"]) for one in shop.suggestions()] == [(bolt, below)]
    make_link(shop, bolt, below)
    shop.quiet()
    assert status_of(shop, "product", bolt) == ("Success", None)
    assert "ItemServiceAdd" not in shop.company.counts()


def test_items_below_others_that_the_crm_does_not_know_arrive_without_a_question(shop: World) -> None:
    for name in ("Parts", "Tools"):
        item(shop, "Bolt", ParentRef={"ListID": item(shop, name)})
    shop.quiet()
    assert sorted(row.values["Name"] for row in shop.crm.rows("product")) == [
        "Bolt",
        "Bolt",
        "Parts",
        "Tools",
    ]
    assert shop.suggestions() == []
