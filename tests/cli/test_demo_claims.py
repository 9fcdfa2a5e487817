"""What the demonstration reads from the two sides, and that its claims notice a cent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

import pytest

from crm.emulators.salesforce import SalesforceEmulator
from qbwc_server.demo import first, sale, stage, telling
from qbwc_server.demo.checks import Checks
from qbwc_server.demo.sides import Document, Line, Opportunity
from qbwc_server.demo.world import Tally, World

LINES = (
    Line("Paint", Decimal("2.5"), Decimal("224.88"), "3-1"),
    Line("Pump", Decimal(1), Decimal("10.00"), "5-1"),
)
SUM = Decimal("234.88")
INVOICE = Document("Invoice", "1-1", "7", "Ann", "80000001-1", SUM, Decimal(0), Decimal(0), SUM, LINES)
OPPORTUNITY = Opportunity("006", "Kitchen", "Invoice", SUM, "Success", "", "1-1", "7", LINES)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Both sides as they are before the first update; no server and no Web Connector between them."""
    home = tmp_path_factory.mktemp("demo")
    salesforce = SalesforceEmulator()
    stage.fill_salesforce(salesforce, stage.LEAST_ACCOUNTS, seed=1)
    company = stage.fill_quickbooks(home, salesforce)
    nobody = cast(Any, None)
    yield World(home, salesforce, company, nobody, nobody, "")
    company.close()
    salesforce.stop()


def test_an_opportunity_and_its_invoice_agree() -> None:
    assert first.agree(OPPORTUNITY, INVOICE)


@pytest.mark.parametrize(
    "other",
    [
        None,
        replace(INVOICE, subtotal=SUM + Decimal("0.01")),
        replace(INVOICE, number="8"),
        replace(INVOICE, lines=LINES[:1]),
        replace(INVOICE, lines=(LINES[0], replace(LINES[1], amount=Decimal("10.01")))),
        replace(INVOICE, lines=(LINES[0], replace(LINES[1], line_id="9-1"))),
        replace(INVOICE, lines=(LINES[1], LINES[0])),
    ],
)
def test_a_cent_a_number_or_a_line_that_differs_is_noticed(other: Document | None) -> None:
    assert not first.agree(OPPORTUNITY, other)


def test_the_sale_is_what_was_sold_less_its_discount(world: World) -> None:
    sold = world.opportunity(sale.enter_sale(world))
    # 2.5 x 145.00; 7 x 89.95 less a tenth is 566.685, half a cent up; 3 x 219.49.
    amounts = [Decimal("362.50"), Decimal("566.69"), Decimal("658.47")]
    assert [one.amount for one in sold.lines] == amounts
    assert sold.amount == sum(amounts)
    assert (sold.kind, sold.status, sold.txn_id) == ("Invoice", "", "")


def test_before_the_first_update_salesforce_does_not_have_what_quickbooks_has(world: World) -> None:
    [invoice] = world.documents()
    # Two inspections at 185.50 each.
    assert (invoice.number, invoice.total, invoice.balance) == ("1", Decimal(371), Decimal(371))
    assert first.not_mirrored(world) == ["1"]
    assert [(one.name, one.price) for one in world.items()] == [(stage.ITEM, stage.ITEM_PRICE)]
    assert stage.ITEM not in {one.name for one in world.products()}


def test_an_invoice_with_other_figures_in_salesforce_is_noticed(world: World) -> None:
    [invoice] = world.documents("Invoice")
    row = {
        "QB_Doc_Number__c": invoice.number,
        "QB_TxnID__c": invoice.txn_id,
        "QB_Total__c": invoice.total,
        "QB_Paid__c": Decimal(0),
        "QB_Balance__c": invoice.balance,
        "QB_Status__c": "Open",
    }
    made = world.salesforce.create("QB_Invoice__c", row)
    assert first.not_mirrored(world) == []
    world.salesforce.edit(made, {"QB_Balance__c": invoice.balance - Decimal("0.01")})
    said: list[str] = []
    first.claim_mirrored(world, checks := Checks(said.append))
    assert checks.failed
    assert said[0].endswith("What is seen: other is 1")
    world.salesforce.delete(made)
    assert world.invoices() == []


def test_every_setting_names_an_account_that_the_company_has(world: World) -> None:
    chart = {one["Name"] for one in world.company.elements("Account")}
    assert set(stage.SETTINGS.values()) <= chart


@pytest.mark.parametrize(
    ("value", "text"), [("1587.66", "1,587.66"), ("0", "0.00"), ("0.12345", "0.12345"), ("5", "5.00")]
)
def test_amounts_are_shown_with_their_cents(value: str, text: str) -> None:
    assert telling.amount(Decimal(value)) == text


def test_queries_count_alone_and_within_a_composite_call() -> None:
    calls = {
        "query": 1,
        "composite": 1,
        "composite:query": 2,
        "composite:query_all": 3,
        "composite:upsert": 5,
    }
    assert Tally({}, calls, {}).crm_reads() == 6
