"""What was merged or deleted on one side is told on the other; nothing is made twice, and one command ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.sync.shop import SETTINGS, mirrors, opportunity, sold, status_of, the_invoice
from tests.sync.test_pairs import link_them
from tests.sync.world import World


@pytest.fixture(params=["stay", "move"], ids=["times stay", "times move"])
def shop(build: Callable[..., World], request: pytest.FixtureRequest) -> World:
    """Whether a merge moves the stamps of the transactions that it concerns is not known."""
    world = build(documents=True, override={"settings": SETTINGS})
    world.company.rule("merge_times", request.param)
    return world


def owner(world: World) -> str:
    [mirror] = mirrors(world)
    return str(mirror["QB_Account__c"])


def test_a_customer_that_was_merged_into_another_ones_partner_asks_for_the_same_in_the_crm(
    shop: World,
) -> None:
    ann, _, sale = sold(shop)
    zoe = shop.account("Zoe's Zoo", promoted=True)
    shop.sync()
    shop.company.merge("Ann's Bakery", "Zoe's Zoo")
    shop.edit_account(ann, Phone="555-0100")
    shop.quiet()
    link = shop.link_of(ann)
    assert link is not None
    said = (
        "Its customer was merged into Zoe's Zoo in QuickBooks, the partner of account "
        f"{zoe}. Merge the two in the CRM as well, or run: qbwc-server link unlink {link.id}"
    )
    assert shop.status(ann) == ("Error", said)
    assert shop.names_in_books() == ["Zoe's Zoo"]
    assert owner(shop) == zoe
    shop.crm.user_merge("account", ann, zoe)
    shop.quiet()
    assert shop.status(zoe) == ("Success", None)
    assert (the_invoice(shop)["CustomerRef"]["FullName"], owner(shop)) == ("Zoe's Zoo", zoe)
    assert status_of(shop, "opportunity", sale) == ("Success", None)
    assert len(shop.company.txns("Invoice")) == 1


def test_a_customer_that_was_merged_into_a_free_one_is_linked_with_it_by_one_command(
    build: Callable[..., World],
) -> None:
    shop = build(documents=True, override={"settings": SETTINGS, "kinds": {"account": {"mode": "export"}}})
    ann, _, _ = sold(shop)
    survivor = shop.customer("Bakery of Ann")
    shop.sync()
    shop.company.merge("Ann's Bakery", "Bakery of Ann")
    shop.edit_account(ann, Phone="555-0100")
    shop.quiet()
    assert shop.status(ann) == (
        "Error",
        "Its customer was merged into Bakery of Ann in QuickBooks. Link it with that one: "
        f"qbwc-server link make {ann} {survivor}",
    )
    assert [(one["crm_id"], one["books_id"]) for one in shop.suggestions()] == [(ann, survivor)]
    assert shop.names_in_books() == ["Bakery of Ann"]
    link_them(shop, ann, survivor)
    shop.quiet()
    assert shop.suggestions() == []
    assert shop.in_crm(ann)["QB_ListID__c"] == survivor
    assert shop.in_books(survivor)["Phone"] == "555-0100"
    assert owner(shop) == ann


def test_an_account_that_was_merged_into_a_free_one_leaves_it_its_customer(shop: World) -> None:
    ann, _, _ = sold(shop)
    zoe = shop.account("Zoe's Zoo")
    shop.sync()
    customer = shop.in_books("Ann's Bakery")["ListID"]
    shop.crm.user_merge("account", ann, zoe)
    shop.edit_customer(customer, Phone="555-0100")
    shop.quiet()
    assert [(one["crm_id"], one["books_id"]) for one in shop.suggestions()] == [(zoe, customer)]
    assert shop.names_in_crm() == ["Zoe's Zoo"]
    [link] = [one for one in shop.links() if one.crm_id == ann]
    assert link.error == (
        f"Its account was merged into Zoe's Zoo in the CRM. Link it with that one: "
        f"qbwc-server link make {zoe} {customer}"
    )
    link_them(shop, zoe, customer)
    shop.quiet()
    assert shop.in_crm(zoe)["QB_ListID__c"] == customer
    assert shop.in_crm(zoe)["Phone"] == "555-0100"
    assert owner(shop) == zoe
    assert len(shop.company.txns("Invoice")) == 1


def test_two_accounts_that_were_merged_ask_for_the_same_in_quickbooks(shop: World) -> None:
    ann, _, _ = sold(shop)
    zoe = shop.account("Zoe's Zoo", promoted=True)
    shop.sync()
    theirs = shop.in_books("Zoe's Zoo")["ListID"]
    shop.crm.user_merge("account", ann, zoe)
    shop.quiet()
    [link] = [one for one in shop.links() if one.crm_id == ann]
    assert link.error == (
        f"Its account was merged into Zoe's Zoo in the CRM, the partner of customer {theirs}. "
        f"Merge the two in QuickBooks as well, or run: qbwc-server link unlink {link.id}"
    )
    shop.company.merge("Ann's Bakery", "Zoe's Zoo")
    shop.quiet()
    assert [one.error for one in shop.links() if one.crm_id == ann] == [""]
    assert owner(shop) == zoe


def test_a_customer_that_was_deleted_is_told_and_not_made_again_by_itself(shop: World) -> None:
    account = shop.account("Ann's Bakery", promoted=True)
    shop.sync()
    shop.delete_customer(shop.in_books("Ann's Bakery")["ListID"])
    shop.quiet()
    link = shop.link_of(account)
    assert link is not None
    assert shop.status(account) == (
        "Error",
        f"Its customer was deleted in QuickBooks. Link it with another (qbwc-server link make), or run: "
        f"qbwc-server link unlink {link.id}",
    )
    shop.edit_account(account, Phone="555-0100")
    shop.quiet()
    assert shop.status(account)[0] == "Error"
    assert "Approve it" in shop.status(account)[1]
    assert shop.names_in_books() == []


def error_of(world: World, account: str) -> str:
    [link] = [one for one in world.links() if one.crm_id == account and one.unlinked_at is None]
    return link.error


def test_when_each_side_kept_another_one_of_two_the_two_that_are_left_are_linked(shop: World) -> None:
    ann, _, _ = sold(shop)
    zoe = shop.account("Zoe's Zoo", promoted=True)
    shop.sync()
    theirs = shop.in_books("Zoe's Zoo")["ListID"]
    shop.company.merge("Ann's Bakery", "Zoe's Zoo")
    shop.crm.user_merge("account", zoe, ann)
    shop.quiet()
    command = f"qbwc-server link make {ann} {theirs}"
    assert [command in error_of(shop, one) for one in (ann, zoe)] == [True, True]
    assert [(one["crm_id"], one["books_id"]) for one in shop.suggestions()] == [(ann, theirs)]
    link_them(shop, ann, theirs)
    shop.quiet()
    assert owner(shop) == ann
    assert shop.names_in_books() == ["Zoe's Zoo"]


@pytest.mark.parametrize("promoted", ["the account", "a sale of its"])
def test_the_survivor_of_a_merge_gets_no_second_customer_without_a_question(
    shop: World, promoted: str
) -> None:
    ann, work, _ = sold(shop)
    zoe = shop.account("Zoe's Zoo")
    shop.sync()
    customer = shop.in_books("Ann's Bakery")["ListID"]
    shop.crm.user_merge("account", ann, zoe)
    shop.quiet()
    if promoted == "the account":
        shop.promote(zoe)
    else:
        opportunity(shop, zoe, (work, "2", "100"))
    shop.quiet()
    assert shop.names_in_books() == ["Ann's Bakery"]
    assert shop.status(zoe) == (
        "Error",
        "Ann's Bakery was merged into it, the partner of Ann's Bakery in QuickBooks; a person must say whether they "
        "are the same (link make) or not (link create).",
    )
    link_them(shop, zoe, customer)
    shop.quiet()
    assert {one["CustomerRef"]["ListID"] for one in shop.company.txns("Invoice")} == {customer}
    assert len(shop.company.txns("Invoice")) == (1 if promoted == "the account" else 2)


def test_an_invoice_of_meanwhile_comes_with_the_survivor_once_that_is_linked(shop: World) -> None:
    ann, _, _ = sold(shop)
    zoe = shop.account("Zoe's Zoo")
    shop.sync()
    customer = shop.in_books("Ann's Bakery")["ListID"]
    shop.crm.user_merge("account", ann, zoe)
    shop.quiet()
    [line] = the_invoice(shop)["InvoiceLineRet"]
    sold_once_more = [{"ItemRef": line["ItemRef"], "Quantity": 1, "Rate": 5}]
    shop.company.user_add({"CustomerRef": {"ListID": customer}, "InvoiceLineAdd": sold_once_more}, "Invoice")
    shop.quiet()
    assert len(mirrors(shop)) == 1
    link_them(shop, zoe, customer)
    shop.quiet()
    assert [one["QB_Account__c"] for one in mirrors(shop)] == [zoe, zoe]


def test_a_survivor_that_is_merged_in_turn_is_not_proposed_any_more(shop: World) -> None:
    ann, _, _ = sold(shop)
    bob, carl = shop.account("Bob's Garage"), shop.account("Carla's Cafe")
    shop.sync()
    customer = shop.in_books("Ann's Bakery")["ListID"]
    shop.crm.user_merge("account", ann, bob)
    shop.quiet()
    shop.crm.user_merge("account", bob, carl)
    shop.quiet()
    assert error_of(shop, ann) == (
        "Its account was merged into Carla's Cafe in the CRM. Link it with that one: "
        f"qbwc-server link make {carl} {customer}"
    )
    assert [(one["crm_id"], one["books_id"]) for one in shop.suggestions()] == [(carl, customer)]


def test_a_merge_that_is_first_met_as_a_missing_record_is_told_as_a_merge(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CRM asked by id says only that there is none; who survived comes with the deletions."""
    ann, _, _ = sold(shop)
    zoe = shop.account("Zoe's Zoo")
    shop.sync()
    read = shop.line.read
    monkeypatch.setattr(
        shop.line, "read", lambda *asked: tuple(replace(one, merged_into=None) for one in read(*asked))
    )
    shop.edit_customer(shop.in_books("Ann's Bakery")["ListID"], Phone="555-0100")
    shop.visit()
    shop.crm.user_merge("account", ann, zoe)
    shop.deliver()
    shop.quiet()
    assert "was merged into Zoe's Zoo" in error_of(shop, ann)
