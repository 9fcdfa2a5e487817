"""The walk of one payment that CONTRIBUTING.md tells, compared with the rooms that it really enters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from qbwc_server.store import parties
from tests.databases import Databases
from tests.test_walk import Tracer, not_counted, told
from tests.wired import Wired, wired

TITLE = "The walk of one payment"
SETTINGS = {"settings": {"income_account": "Sales"}}


@pytest.fixture(scope="module")
def tracer() -> Tracer:
    return Tracer()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, tracer: Tracer, databases: Databases) -> Iterator[Wired]:
    """An opportunity of the CRM has become an invoice, and the CRM has its own record of it."""
    home = tmp_path_factory.mktemp("walk")
    with databases.migrated(home) as url, wired(home, tracer.around, url) as made:
        with made.installation.database.write() as tx:
            parties.change_connection(tx, "con", override=SETTINGS)
        made.poll()
        made.update()
        sell(made)
        for _ in range(2):
            made.poll_again()
            made.update()
        made.poll_again()
        yield made


def sell(house: Wired) -> None:
    crm = house.salesforce
    account = crm.create("Account", {"Name": "Walker and Daughters"})
    product = crm.create("Product2", {"Name": "Walk", "IsActive": True, "QB_Item_Type__c": "Service"})
    book = next(str(row["Id"]) for row in crm.records("Pricebook2") if row["IsStandard"])
    price = {"Pricebook2Id": book, "Product2Id": product, "UnitPrice": 100, "IsActive": True}
    entry = crm.create("PricebookEntry", price)
    sale = {"Name": "A walk", "AccountId": account, "StageName": "Closed Won", "CloseDate": "2026-03-01"}
    opportunity = crm.create("Opportunity", {**sale, "Pricebook2Id": book})
    line = {"OpportunityId": opportunity, "PricebookEntryId": entry, "Quantity": 1, "UnitPrice": 100}
    crm.create("OpportunityLineItem", line)
    crm.edit(opportunity, {"QB_Generate__c": "Invoice"})


def mirror(house: Wired) -> dict[str, Any]:
    (row,) = house.salesforce.records("QB_Invoice__c")
    return dict(row)


@pytest.fixture(scope="module")
def paid(house: Wired, tracer: Tracer) -> dict[str, Any]:
    """The CRM's invoice after somebody took a payment in QuickBooks."""
    (invoice,) = house.books.txns("Invoice")
    assert mirror(house)["QB_Balance__c"] == 100
    house.books.take_payment(customer="Walker and Daughters", amount="40", invoice=invoice["TxnID"])
    tracer.watching = True
    try:
        house.update()
        tracer.during(house.poll)
    finally:
        tracer.watching = False
    return mirror(house)


def test_the_payment_arrived_at_the_opportunitys_invoice(house: Wired, paid: dict[str, Any]) -> None:
    (opportunity,) = house.salesforce.records("Opportunity")
    assert (paid["QB_Paid__c"], paid["QB_Balance__c"]) == (40, 60)
    assert paid["QB_Opportunity__c"] == opportunity["Id"]


def test_the_walk_is_told_as_it_is_walked(tracer: Tracer, paid: dict[str, Any]) -> None:
    assert [room for room in tracer.rooms if room not in not_counted()] == told(TITLE)
