"""Our own database, restored from a backup: what the CRM and QuickBooks know that it does not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, update

from qbwc_server.store.search import needing_a_person
from qbwc_server.store.tables import link_jobs, links, message_sets
from qbwc_server.worker import tasks
from tests.sync.test_books_trouble import pair
from tests.sync.test_documents import SETTINGS, opportunity, product
from tests.sync.world import World


@pytest.fixture
def shop(build: Callable[..., World]) -> World:
    return build(documents=True, override={"settings": SETTINGS})


def test_who_was_queued_when_a_database_of_before_was_restored_is_told_so(world: World) -> None:
    """It may as well be a copy of a queued record, which nobody wants in QuickBooks."""
    world.quiet()
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    world.deliver()  # the CRM says Queued, and nothing is in QuickBooks yet
    assert world.status(account)[0] == "Queued"
    with world.database.write() as tx:
        for table in (link_jobs, links):
            tx.execute(delete(table))
    for fax in ("555-0100", "555-0200"):
        world.edit_account(account, Fax=fax)
        world.quiet()
        status, error = world.status(account)
        assert status == "Error"
        assert "promote it again" in error
        assert world.names_in_books() == []
    world.promote(account)
    world.quiet()
    assert world.status(account) == ("Success", None)
    assert world.names_in_books() == ["Ann's Bakery"]


def test_a_copy_of_a_queued_record_is_not_made_whatever_was_said_of_it(world: World) -> None:
    """The sentence is one of this release; what was asked for is known by its code."""
    world.quiet()
    account = world.account("Zebra Tours", QB_Link_Status__c="Queued")
    world.quiet()
    assert world.status(account)[0] == "Error"
    with world.database.write() as tx:
        tx.execute(update(links).values(error="The sentence of an earlier release."))
    world.edit_account(account, Fax="555-0100")
    world.quiet()
    assert world.names_in_books() == []


def test_nor_is_one_that_a_filter_kept_out_for_a_while(build: Callable[..., World]) -> None:
    kept = {"field": "Fax", "any_of": ["555-0100"]}
    world = build(override={"kinds": {"account": {"crm_filter": kept}}})
    world.quiet()
    account = world.account("Zebra Tours", QB_Link_Status__c="Queued", Fax="555-0100")
    world.quiet()
    for fax in ("555-0200", "555-0100"):
        world.edit_account(account, Fax=fax)
        world.quiet()
    assert world.status(account)[0] == "Error"
    assert world.names_in_books() == []


def test_such_a_question_is_among_those_that_need_a_person(world: World) -> None:
    world.quiet()
    world.account("Zebra Tours", QB_Link_Status__c="Queued")
    world.quiet()
    with world.database.read() as tx:
        assert needing_a_person(tx, "co").records == 1


def test_a_worker_that_begins_reads_the_crm_before_it_writes_there(world: World) -> None:
    """A database of yesterday knows no account for a customer that was made from one meanwhile."""
    world.quiet()
    account = world.account("Ann's Bakery")
    world.customer("Ann's Bakery")
    world.visit()
    tasks.recover(world.background)
    tasks.work_once(world.background)
    world.quiet()
    assert world.names_in_crm() == ["Ann's Bakery"]
    assert world.in_crm(account)["QB_ListID__c"]


def test_what_insists_on_another_balance_in_the_crm_is_overwritten_once(world: World) -> None:
    """An automation there that sets its own value after each write of ours would be fought for ever."""
    account, _ = pair(world)
    world.quiet()
    normal = world.line.write_many

    def write_many(kind: str, writes: Any, fields: Any = ()) -> Any:
        got = normal(kind, writes, fields)
        if any("QB_Balance__c" in one.values for one in writes):
            world.crm.user_edit("account", account, {"QB_Balance__c": Decimal("99.9")})
        return got

    world.line.write_many = write_many  # type: ignore[method-assign]
    world.edit_account(account, QB_Balance__c=Decimal("99.9"))
    world.sync(3)
    before = world.crm.writes
    world.sync(3)
    assert world.crm.writes == before
    assert world.in_crm(account)["QB_Balance__c"] == Decimal("99.9")


def test_a_balance_that_the_crm_got_in_a_forgotten_future_is_put_back(world: World) -> None:
    """A restored database knows an older balance, QuickBooks has that one again, and the CRM shows another."""
    account, list_id = pair(world)
    world.quiet()
    world.edit_account(account, QB_Balance__c=Decimal("99.50"))
    world.quiet()
    assert world.in_crm(account)["QB_Balance__c"] == Decimal(str(world.in_books(list_id)["Balance"]))


def test_who_is_still_shown_as_queued_after_an_unlink_is_not_made(world: World) -> None:
    world.quiet()
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    world.deliver()
    link = world.link_of(account)
    assert link is not None
    world.unlink(link)
    world.edit_account(account, Fax="555-0100")
    world.poll()
    world.visit()
    assert world.names_in_books() == []


def forget_the_sale(world: World, sale: str) -> None:
    """What a backup from before the sale was made does not hold."""
    with world.database.write() as tx:
        [found] = [one for one in world.links() if one.crm_id == sale]
        tx.execute(delete(link_jobs).where(link_jobs.c.link_id == found.id))
        tx.execute(delete(links).where(links.c.id == found.id))
        tx.execute(delete(message_sets))


def test_an_invoice_that_a_restored_database_knows_nothing_of_is_not_made_twice(shop: World) -> None:
    account, work = shop.account("Ann's Bakery"), product(shop, "Work", "100")
    opportunity(shop, account, (work, "1", "100"))
    shop.quiet()
    sale = opportunity(shop, account, (work, "2", "50"), Name="Second")
    shop.poll()
    shop.deliver()
    shop.visit()  # the invoice is made, and the CRM does not know yet
    assert len(shop.company.txns("Invoice")) == 2
    assert not shop.crm.record("opportunity", sale).values.get("QB_TxnID__c")
    forget_the_sale(shop, sale)
    shop.crm.user_edit("opportunity", sale, {"Name": "Second sale"})
    shop.quiet()
    assert len(shop.company.txns("Invoice")) == 2
    values: Any = shop.crm.record("opportunity", sale).values
    assert values["QB_Link_Status__c"] == "Success"
    assert values["QB_TxnID__c"]
