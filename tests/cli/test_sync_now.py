"""`sync-now` for one kind and for one record."""

from __future__ import annotations

from decimal import Decimal

import pytest

from qbwc_server.store import jobs
from tests.cli.conftest import Shop


def test_one_kind_is_read_decided_and_written_now(shop: Shop) -> None:
    shop.sync()
    account = shop.account("Ann's Bakery")
    text = shop.line.says("sync-now", "--kind", "account")
    assert "account: 1 changed in the CRM, 1 decided" in text
    assert "1 write to QuickBooks, and what changed there, goes with the next update" in text
    assert shop.in_crm(account)["QB_Link_Status__c"] == "Queued"
    shop.update()
    assert shop.names_in_books() == ["Ann's Bakery"]


def test_another_kind_is_left_alone(shop: Shop) -> None:
    shop.sync()
    shop.account("Ann's Bakery")
    text = shop.line.says("sync-now", "CRM", "--kind", "service_item")
    assert "service_item: 0 changed in the CRM, 0 decided" in text
    assert "What changed in QuickBooks goes with the next update" in text
    assert shop.jobs("queued") == []


def test_one_record_is_read_decided_and_told(shop: Shop) -> None:
    shop.sync()
    account = shop.account("Ann's Bakery")
    shop.account("Blue Door")
    text = shop.line.says("sync-now", "--record", account)
    assert f"account {account} in the CRM, read just now" in text
    assert "Ann's Bakery: Queued" in text
    assert "add in QuickBooks: queued" in text
    assert "goes with the next update of the Web Connector" in text
    assert shop.in_crm(account)["QB_Link_Status__c"] == "Queued"
    shop.update()
    assert shop.names_in_books() == ["Ann's Bakery"]
    assert account in shop.line.says("sync-now", "--record", account[:15])


def test_a_record_that_nobody_promoted_says_so(shop: Shop) -> None:
    shop.sync()
    account = shop.account("Ann's Bakery", QB_Link_Status__c="")
    assert "It has no partner: not promoted" in shop.line.says("sync-now", "--record", account)


def test_a_record_of_quickbooks_is_read_with_the_next_update(shop: Shop) -> None:
    shop.account("Ann's Bakery", Phone="555-0100")
    shop.sync()
    link = shop.link("Ann's Bakery")
    shop.books.user_edit(str(link.books_id), {"Phone": "555-0200"})
    text = shop.line.says("sync-now", "--record", str(link.books_id))
    assert "in QuickBooks, as it was last read" in text
    assert "goes with the next update of the Web Connector" in text
    shop.update()
    shop.line.says("sync-now", "--record", str(link.books_id))
    assert shop.in_crm(str(link.crm_id))["Phone"] == "555-0200"


def test_an_id_that_two_lists_of_quickbooks_share_stands_for_both_records(shop: Shop) -> None:
    customer = shop.books.user_add({"Name": "Blue Door"})
    sale = {"SalesOrPurchase": {"Price": Decimal("10.00"), "AccountRef": {"FullName": "Sales"}}}
    item = shop.books.user_add({"Name": "Hours", **sale}, kind="ItemService")
    shop.sync()
    text = shop.line.says("sync-now", "--record", customer)
    assert "Blue Door: Success" in text
    assert ("Hours: Success" in text) == (customer == item)
    assert text.count("in QuickBooks, as it was last read") == (2 if customer == item else 1)


def test_a_write_that_was_put_off_goes_now(shop: Shop) -> None:
    shop.sync()
    account = shop.account("Ann's Bakery")
    shop.work()
    [job] = shop.jobs("queued")
    later = shop.installation.clock().replace(year=2100)
    with shop.installation.database.write() as tx:
        jobs.change_job(tx, job.id, shop.installation.clock(), due_at=later)
    shop.update()
    assert shop.names_in_books() == []
    shop.line.says("sync-now", "--record", account)
    shop.update()
    assert shop.names_in_books() == ["Ann's Bakery"]


def test_with_a_worker_the_writes_are_left_to_it(shop: Shop) -> None:
    shop.sync()
    account = shop.account("Ann's Bakery")
    shop.installation.worker().hold_lease()
    assert "The worker writes to the CRM now." in shop.line.says("sync-now", "--record", account)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--kind", "acount"), "did you mean 'account'"),
        (("--record", "nonsense"), "knows no record nonsense"),
        (("--record", "001Qy0000000000AAA"), "qbwc-server link list"),
        (("--record", "80000099-1"), "ListID or TxnID"),
        (("--kind", "account", "--record", "001"), "not both"),
        (("--kind", "account", "--dry-run"), "batch run"),
        (("--json",), "--dry-run"),
        (("Other", "--kind", "account"), "there are: CRM"),
    ],
)
def test_a_wrong_wish_is_answered_with_the_next_step(
    busy_shop: Shop, words: tuple[str, ...], told: str
) -> None:
    assert told in busy_shop.line.refuses("sync-now", *words)


def test_a_crm_that_cannot_be_reached_is_told_in_a_sentence(shop: Shop) -> None:
    shop.sync()
    shop.salesforce.stop()
    told = shop.line.refuses("sync-now", "--kind", "account")
    assert "Salesforce" in told
    shop.line.says("connection", "stop", "CRM")
    assert 'connection start "CRM"' in shop.line.refuses("sync-now", "--kind", "account")
