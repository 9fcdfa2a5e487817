"""Companies that charge no sales tax, or that use several currencies."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qbwc_server.store.job_states import JobEvent
from tests.sync.shop import TAXED, opportunity, product, status_of, stock_books, the_invoice
from tests.sync.world import World


def shop(build: Callable[..., World], **settings: str) -> World:
    world = build(
        documents=True, override={"settings": TAXED | {"tax_code": "", "discount_tax_code": ""} | settings}
    )
    stock_books(world)
    world.sync()
    return world


def test_without_sales_tax_an_invoice_that_names_none_is_made(build: Callable[..., World]) -> None:
    world = shop(build)
    world.company.prefer("sales_tax", is_on=False)
    sale = opportunity(world, world.account("Ann"), (product(world, "Work", "1"), "1", "100"))
    world.quiet()
    assert the_invoice(world)["Subtotal"] == "100.00"
    assert status_of(world, "opportunity", sale) == ("Success", None)


def test_without_sales_tax_an_invoice_that_names_some_says_what_to_switch_on(
    build: Callable[..., World],
) -> None:
    world = shop(build)
    world.company.prefer("sales_tax", is_on=False)
    account, work = world.account("Ann"), product(world, "Work", "1")
    sale = opportunity(world, account, (work, "1", "100"), QB_Tax_Item__c="County")
    world.quiet()
    status, words = status_of(world, "opportunity", sale)
    assert status == "Error"
    assert "uses sales tax (ItemSalesTaxRef). Switch it on in QuickBooks" in words
    assert world.company.txns("Invoice") == []
    world.company.prefer("sales_tax", is_on=True)
    [refused] = world.jobs("refused")
    world.move_job(refused, JobEvent.RETRY)
    world.quiet()
    assert the_invoice(world)["ItemSalesTaxRef"]["FullName"] == "County"


def test_a_setting_that_names_a_tax_code_is_named_too(build: Callable[..., World]) -> None:
    world = shop(build, tax_code="Tax")
    world.company.prefer("sales_tax", is_on=False)
    sale = opportunity(world, world.account("Ann"), (product(world, "Work", "1"), "1", "100"))
    world.quiet()
    assert "sales tax (SalesTaxCodeRef)" in status_of(world, "opportunity", sale)[1]


@pytest.fixture
def abroad(build: Callable[..., World]) -> Callable[..., World]:
    """A company with several currencies, and Ann, who is invoiced in one of them."""

    def made(of_ann: str, **settings: str) -> World:
        world = shop(build, **settings)
        world.company.prefer("multi_currency", is_on=True)
        if of_ann != "US Dollar":
            world.company.user_add({"Name": of_ann}, "Currency")
        world.customer("Ann", CurrencyRef={"FullName": of_ann})
        world.account("Ann", promoted=True)
        world.quiet()
        return world

    return made


def sale_to_ann(world: World) -> str:
    sale = opportunity(world, world.account_named("Ann"), (product(world, "Work", "1"), "1", "100"))
    world.quiet()
    return sale


def test_a_customer_in_the_currency_of_the_crm_is_invoiced(abroad: Callable[..., World]) -> None:
    world = abroad("US Dollar", currency="us dollar")
    sale = sale_to_ann(world)
    assert status_of(world, "opportunity", sale) == ("Success", None)
    assert the_invoice(world)["Subtotal"] == "100.00"


def test_a_customer_in_another_currency_is_not_invoiced_in_the_wrong_one(
    abroad: Callable[..., World],
) -> None:
    world = abroad("Euro", currency="US Dollar")
    status, words = status_of(world, "opportunity", sale_to_ann(world))
    assert status == "Error"
    assert "Ann is kept in Euro in QuickBooks, and the amounts of the CRM are in US Dollar" in words
    assert world.company.txns("Invoice") == []


def test_with_several_currencies_the_one_of_the_crm_must_be_named(abroad: Callable[..., World]) -> None:
    world = abroad("US Dollar")
    status, words = status_of(world, "opportunity", sale_to_ann(world))
    assert status == "Error"
    assert "qbwc-server mapping set CONNECTION settings.currency" in words
    assert world.company.txns("Invoice") == []
