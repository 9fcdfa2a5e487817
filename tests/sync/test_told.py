"""What people are told: at the record that changed its mind, in the status line, and by what needs attention."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from qbwc_server.store import parties, search
from qbwc_server.sync import person
from qbwc_server.sync.deciding import Turn
from tests.sync.shop import SETTINGS, mirrors, opportunity, product, sold, status_of, the_invoice
from tests.sync.world import World


@pytest.fixture
def shop(build: Callable[..., World]) -> World:
    return build(documents=True, override={"settings": SETTINGS})


def needing(world: World) -> search.Asked:
    with world.database.read() as tx:
        return search.needing_a_person(tx, "co")


def test_a_sale_that_is_withdrawn_shows_no_error_of_what_it_was_to_become(shop: World) -> None:
    account, work = shop.account("Ann", Phone="5" * 40), product(shop, "Work", "10")
    sale = opportunity(shop, account, (work, "1", "10"))
    shop.quiet()
    assert status_of(shop, "opportunity", sale)[0] == "Error"
    shop.crm.user_edit("opportunity", sale, {"QB_Generate__c": None})
    shop.quiet()
    assert status_of(shop, "opportunity", sale) == (None, None)
    shop.edit_account(account, Phone="555-0100")
    shop.crm.user_edit("opportunity", sale, {"QB_Generate__c": "Invoice"})
    shop.quiet()
    assert the_invoice(shop)["Subtotal"] == "10.00"
    assert status_of(shop, "opportunity", sale) == ("Success", None)


def test_a_sale_that_becomes_an_order_instead_shows_only_the_order(shop: World) -> None:
    account, work = shop.account("Ann", Phone="5" * 40), product(shop, "Work", "10")
    sale = opportunity(shop, account, (work, "1", "10"))
    shop.quiet()
    shop.crm.user_edit("opportunity", sale, {"QB_Generate__c": "Sales Order"})
    shop.edit_account(account, Phone="555-0100")
    shop.quiet()
    assert shop.company.txns("Invoice") == []
    assert len(shop.company.txns("SalesOrder")) == 1
    assert status_of(shop, "opportunity", sale) == ("Success", None)


def test_a_sale_that_was_invoiced_says_why_it_is_not_ordered_until_it_is_set_back(shop: World) -> None:
    _, _, sale = sold(shop)
    shop.crm.user_edit("opportunity", sale, {"QB_Generate__c": "Sales Order"})
    shop.quiet()
    status, text = status_of(shop, "opportunity", sale)
    assert status == "Success"
    assert "one document" in text
    assert "Invoice" in text
    shop.crm.user_edit("opportunity", sale, {"QB_Generate__c": "Invoice"})
    shop.quiet()
    assert status_of(shop, "opportunity", sale) == ("Success", None)


def test_a_sale_without_products_is_told_so_before_anything_about_its_price_book(shop: World) -> None:
    sale = opportunity(shop, shop.account("Ann"), **{"Pricebook2.IsStandard": False})
    shop.quiet()
    assert "no products" in status_of(shop, "opportunity", sale)[1]


def test_what_was_left_alone_for_something_it_lacks_counts_as_needing_attention(shop: World) -> None:
    sale = opportunity(shop, None, (product(shop, "Work", "10"), "1", "10"))
    shop.quiet()
    assert status_of(shop, "opportunity", sale)[0] == "Error"
    assert (needing(shop).jobs, needing(shop).records) == (0, 1)
    assert "1 needs attention" in shop.visit().status
    shop.crm.user_edit("opportunity", sale, {"AccountId": shop.account("Ann"), "Amount": Decimal(10)})
    shop.quiet()
    assert needing(shop).all == 0


def test_a_record_that_could_not_be_decided_is_seen_in_the_status_line(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Turn, "decide_record", fails)
    world.account("Ann", promoted=True)
    world.poll()
    world.deliver()
    assert needing(world).failed == 1
    assert "1 needs attention" in world.visit().status
    monkeypatch.undo()
    world.quiet()
    assert needing(world).all == 0
    assert world.names_in_books() == ["Ann"]


def test_an_invoice_that_moved_to_somebody_unknown_leaves_its_old_account_and_says_so(shop: World) -> None:
    account, _, _ = sold(shop)
    bob = shop.customer("Bob")
    shop.quiet()
    unknown = shop.account_named("Bob")
    link = shop.link_of(unknown)
    assert link is not None
    shop.unlink(link)
    shop.quiet()
    shop.clock.advance(seconds=5)
    shop.company.user_edit(the_invoice(shop)["TxnID"], {"CustomerRef": {"ListID": bob}}, "Invoice")
    shop.quiet()
    [mirror] = mirrors(shop)
    assert mirror["QB_Account__c"] is None
    [pair] = [one for one in shop.links() if one.crm_kind == "invoice"]
    assert pair.status == "Error"
    assert "has no record in the CRM" in pair.error
    with shop.database.write() as tx:
        connection = parties.connection(tx, "con")
        assert connection is not None
        person.make(tx, person.By("Ann", shop.clock()), connection, unknown, bob)
    shop.quiet()
    [mirror] = mirrors(shop)
    assert mirror["QB_Account__c"] == unknown != account
    [pair] = [one for one in shop.links() if one.crm_kind == "invoice"]
    assert (pair.status, pair.error) == ("Success", "")
