"""Creations whose stored answer is lost as well: sent again only when QuickBooks proves that they were not made."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

import qbxml
from qbwc_server.simulator.faults import FOR_EVER
from qbwc_server.store import parties
from qbwc_server.sync.from_books.probing import Doubt, probe_requests
from qbwc_server.sync.person.by import By
from qbwc_server.sync.person.jobs import cancel, retry
from tests.sync.test_books_trouble import adds, kill, once
from tests.sync.test_documents import SETTINGS, opportunity, product
from tests.sync.world import World

NO_ANSWER = {"hresult": "0x80040402", "message": "Unexpected error."}


@pytest.fixture
def shop(build: Callable[..., World]) -> World:
    return build(documents=True, override={"settings": SETTINGS})


def set_ids(world: World, *visits: Any) -> list[str]:
    texts = [text for one in visits for text in one.sent if "AddRq" in text]
    return [re.findall(r'newMessageSetID="(\w+)"', text)[0] for text in texts]


def ready(world: World) -> str:
    """An opportunity whose customer and item are in QuickBooks, so that only the invoice is missing."""
    account, work = world.account("Ann's Bakery"), product(world, "Work", "100")
    first = opportunity(world, account, (work, "1", "100"))
    world.sync()
    world.quiet()
    assert world.crm.record("opportunity", first).values["QB_TxnID__c"]
    sale = opportunity(world, account, (work, "2", "50"), Name="Second")
    world.poll()
    world.deliver()
    return sale


def open_jobs(world: World, kind: str = "Invoice") -> list[Any]:
    return [one for one in world.jobs("in_doubt", "queued", "offered", side="books") if one.kind == kind]


def act(world: World, what: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    with world.database.write() as tx:
        what(tx, By("ann", world.clock()), *arguments, **options)


def sale_of(world: World, sale: str) -> tuple[Any, Any]:
    values = world.crm.record("opportunity", sale).values
    return values.get("QB_Link_Status__c"), values.get("QB_Sync_Error__c")


# --- what surely was not made goes again, under a new id ---


def test_who_waits_for_a_record_that_was_deleted_while_its_creation_was_in_doubt_is_told(
    world: World,
) -> None:
    above = world.account("Ann's Bakery", promoted=True)
    below = world.account("Ann's Kitchen", promoted=True, ParentId=above)
    world.poll()
    once(world, "CustomerAddRq", kill)
    world.visit()
    assert [one.state for one in open_jobs(world, "Customer")] == ["offered"]
    world.delete_account(above)
    world.clock.advance(hours=1)
    world.quiet()
    status, error = world.status(below)
    assert status == "Error"
    assert "was deleted" in error
    assert world.names_in_books() == []
    assert [one.label for one in world.links() if not one.unlinked_at] == ["Ann's Kitchen"]


def test_a_set_that_quickbooks_never_got_goes_again_once_its_absence_is_proven(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    once(world, "CustomerAddRq", kill)
    first = world.visit()
    world.clock.advance(hours=1)
    second = world.visit()
    world.deliver()
    assert (adds(world), world.names_in_books()) == (1, ["Ann's Bakery"])
    assert world.status(account) == ("Success", None)
    old, new = set_ids(world, first, second)
    assert old != new
    asked = next(number for number, text in enumerate(second.sent) if old in text and "AddRq" not in text)
    sent = next(number for number, text in enumerate(second.sent) if "CustomerAddRq" in text)
    assert asked < sent
    assert (world.sets("in_doubt"), world.sets("settled")) == ([], [])


def test_what_may_still_be_under_way_is_not_sent_again(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    once(world, "CustomerAddRq", kill)
    world.visit()
    world.clock.advance(minutes=5)
    early = world.visit()
    assert early.requests("CustomerAdd") == []
    assert [job.state for job in world.jobs(side="books")] == ["in_doubt"]
    world.quiet()
    assert (adds(world), world.status(account)) == (1, ("Success", None))


def test_after_an_answer_nothing_is_under_way_and_the_next_visit_settles_it(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    world.company.faults.arm("refuse_set", holding="CustomerAddRq", **NO_ANSWER)
    world.visit()
    world.visit()
    world.deliver()
    assert (adds(world), world.status(account)) == (1, ("Success", None))


def test_of_a_set_that_broke_in_the_middle_only_what_is_missing_goes_again(world: World) -> None:
    accounts = [world.account(f"Number {number} Corp", promoted=True) for number in range(3)]
    world.poll()
    world.company.faults.arm("break_after", requests=2, holding="CustomerAddRq")
    world.visit()
    assert adds(world) == 2
    world.quiet()
    assert world.names_in_books() == ["Number 0 Corp", "Number 1 Corp", "Number 2 Corp"]
    assert adds(world) == 3
    assert {world.status(one) for one in accounts} == {("Success", None)}


def test_an_invoice_that_was_not_made_is_made_once(shop: World) -> None:
    sale = ready(shop)
    once(shop, "InvoiceAddRq", kill)
    shop.visit()
    assert len(shop.company.txns("Invoice")) == 1
    shop.quiet()
    assert len(shop.company.txns("Invoice")) == 2
    assert sale_of(shop, sale) == ("Success", None)


def test_an_invoice_that_was_made_is_found_though_nothing_is_stored_about_it(shop: World) -> None:
    sale = ready(shop)
    shop.company.faults.arm("break_after", requests=1, holding="InvoiceAddRq")
    shop.visit()
    assert len(shop.company.txns("Invoice")) == 2
    shop.quiet()
    assert len(shop.company.txns("Invoice")) == 2
    assert sale_of(shop, sale) == ("Success", None)


def test_an_invoice_is_found_although_the_clock_of_the_pc_fell_back_by_a_day(shop: World) -> None:
    sale = ready(shop)
    shop.pc_ahead = -1 * (shop.clock() - shop.clock().replace(day=1))
    shop.company.faults.arm("break_after", requests=1, holding="InvoiceAddRq")
    shop.visit()
    shop.quiet()
    assert len(shop.company.txns("Invoice")) == 2
    assert sale_of(shop, sale) == ("Success", None)


def test_a_question_for_more_than_one_creation_holds_them_all(world: World) -> None:
    accounts = [world.account(f"Number {number} Corp", promoted=True) for number in range(12)]
    world.poll()
    once(world, "CustomerAddRq", kill)
    world.visit()
    world.quiet()
    assert adds(world) == 12
    assert {world.status(one) for one in accounts} == {("Success", None)}


def test_a_sale_that_names_no_customer_by_its_id_is_asked_about_by_its_day(shop: World) -> None:
    ready(shop)
    [job] = open_jobs(shop)
    cash = Doubt(replace(job, kind="SalesReceipt"), shop.clock(), {"CustomerRef": {"FullName": "Cash"}})
    with shop.database.read() as tx:
        company = parties.company(tx, "co")
    assert company is not None
    asked = probe_requests(company, [cash])
    assert [qbxml.validate(one) for one in asked] == [(), ()]
    assert "EntityFilter" not in asked[0].values


# --- where there is no certainty a person decides ---


def test_a_twin_without_our_mark_is_shown_and_nothing_is_sent(shop: World) -> None:
    sale = ready(shop)
    [first] = shop.company.txns("Invoice")
    once(shop, "InvoiceAddRq", kill)
    shop.visit()
    line = {"ItemRef": {"FullName": "Work"}, "Quantity": Decimal(2), "Rate": Decimal(50)}
    by_hand = {
        "CustomerRef": {"FullName": "Ann's Bakery"},
        "TxnDate": date.fromisoformat(first["TxnDate"]),
        "RefNumber": "BY-HAND",
        "InvoiceLineAdd": [line],
    }
    shop.clock.advance(minutes=20)
    shop.company.user_add(by_hand, kind="Invoice")
    shop.quiet()
    assert len(shop.company.txns("Invoice")) == 2
    status, text = sale_of(shop, sale)
    assert status == "Error"
    assert "BY-HAND" in text
    [job] = open_jobs(shop)
    act(shop, retry, job.id, not_in_books=True)
    shop.quiet()
    assert len(shop.company.txns("Invoice")) == 3
    assert sale_of(shop, sale) == ("Success", None)


@pytest.mark.parametrize("what", ["TxnDate", "InvoiceLineMod"])
def test_a_sale_that_could_not_bear_our_mark_and_was_corrected_is_shown(
    build: Callable[..., World], what: str
) -> None:
    shop = build(documents=True, override={"settings": SETTINGS}, highest_version="8.0")
    sale = ready(shop)
    shop.company.faults.arm("break_after", requests=1, holding="InvoiceAddRq")
    shop.visit()
    made = shop.company.txns("Invoice")[1]
    line = {"TxnLineID": made["InvoiceLineRet"][0]["TxnLineID"], "Quantity": Decimal(7)}
    shop.clock.advance(minutes=2)
    shop.company.user_edit(
        made["TxnID"], {what: {"TxnDate": date(2026, 1, 27), "InvoiceLineMod": [line]}[what]}, kind="Invoice"
    )
    shop.quiet()
    assert len(shop.company.txns("Invoice")) == 2
    status, text = sale_of(shop, sale)
    assert status == "Error"
    assert made["TxnID"] in text


def test_one_that_was_made_and_deleted_again_is_not_made_anew_by_itself(shop: World) -> None:
    sale = ready(shop)
    shop.company.faults.arm("break_after", requests=1, holding="InvoiceAddRq")
    shop.visit()
    [made] = [one for one in shop.company.txns("Invoice") if one["Subtotal"] == "100.00"][1:]
    shop.clock.advance(minutes=2)
    shop.company.user_delete(made["TxnID"], kind="Invoice")
    shop.quiet()
    assert len(shop.company.txns("Invoice")) == 1
    status, text = sale_of(shop, sale)
    assert status == "Error"
    assert "deleted" in text


def test_a_customer_deleted_meanwhile_is_asked_about(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    world.company.faults.arm("break_after", requests=1, holding="CustomerAddRq")
    world.visit()
    world.delete_customer(world.in_books("Ann's Bakery")["ListID"])
    world.quiet()
    assert (adds(world), world.names_in_books()) == (1, [])
    assert world.status(account)[0] == "Error"
    assert "deleted" in world.status(account)[1]


def test_while_its_kind_cannot_be_read_nothing_is_proven(shop: World) -> None:
    ready(shop)
    once(shop, "InvoiceAddRq", kill)
    shop.visit()
    shop.clock.advance(hours=1)
    shop.company.faults.arm(
        "answer_status", times=FOR_EVER, request="InvoiceQueryRq", code=3180, message="There was an error."
    )
    seen = shop.visit()
    assert seen.requests("InvoiceAdd") == []
    assert [job.state for job in open_jobs(shop)] == ["in_doubt"]
    shop.company.faults.clear()
    shop.quiet()
    assert len(shop.company.txns("Invoice")) == 2


def test_what_never_arrives_is_looked_at_by_a_person_after_some_attempts(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    world.company.faults.arm("refuse_set", times=FOR_EVER, holding="CustomerAddRq", **NO_ANSWER)
    for _ in range(12):
        world.clock.advance(hours=1)
        world.sync()
    [job] = world.jobs("in_doubt")
    assert job.attempts == 5
    assert world.status(account)[0] == "Error"
    world.company.faults.clear()
    act(world, retry, job.id, not_in_books=True)
    world.quiet()
    assert (adds(world), world.status(account)) == (1, ("Success", None))


def test_a_stored_answer_that_cannot_be_read_proves_nothing(world: World) -> None:
    world.account("Ann's Bakery", promoted=True)
    world.poll()
    original = world.company.process

    def process(session: str, text: str) -> str:
        if "CustomerAddRq" in text or 'oldMessageSetID="' in text:
            return "<broken"
        return original(session, text)

    world.company.process = process  # type: ignore[method-assign]
    world.visit()
    for _ in range(3):
        world.clock.advance(hours=1)
        seen = world.sync()
        assert seen.requests("CustomerAdd") == []
    [job] = world.jobs("in_doubt")
    assert "Look in QuickBooks" in job.next_step


# --- wishes and late truths ---


def test_a_job_that_was_cancelled_while_in_doubt_is_not_sent_again(world: World) -> None:
    world.account("Ann's Bakery", promoted=True)
    world.poll()
    once(world, "CustomerAddRq", kill)
    world.visit()
    [job] = world.jobs("offered")
    act(world, cancel, job.id)
    world.clock.advance(hours=1)
    world.visit()
    assert adds(world) == 0
    assert [one.state for one in world.jobs(side="books")] == ["cancelled"]


def test_an_answer_that_comes_after_its_absence_was_proven_still_counts(world: World) -> None:
    """The PC slept with the request in hand, and went on after another had looked."""
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    held: list[str] = []

    def sleep(document: str) -> None:
        if "CustomerAddRq" in document and not held:
            held.append(document)
            world.clock.advance(hours=1)
            world.on_document = stop_before_writing
            world.visit(address="192.0.2.11")
            world.on_document = lambda _: None

    def stop_before_writing(document: str) -> None:
        if "CustomerAddRq" in document:
            raise AssertionError("sent while somebody else had it in hand")
        if qbxml.read_request(document).requests and "probe" in document:
            world.stop_connection("a person looks at it")

    world.on_document = sleep
    world.visit()
    world.stop_connection(None)
    world.quiet()
    assert (adds(world), world.status(account)) == (1, ("Success", None))


def test_an_edit_made_in_quickbooks_before_the_creation_was_found_is_no_agreement(world: World) -> None:
    """The answer was lost, and so was the stored one; a person edits the customer before we read it."""
    account = world.account("Ann's Bakery", promoted=True, Phone="555-0100", Fax="555-0111")
    world.poll()
    world.company.faults.arm("break_after", requests=1, holding="CustomerAddRq")
    world.visit()
    world.edit_customer(world.in_books("Ann's Bakery")["ListID"], Phone="555-0200", Fax="555-0222")
    world.edit_account(account, Phone="555-0300")
    world.quiet()
    assert adds(world) == 1
    assert [(one["crm_value"], one["books_value"]) for one in world.conflicts()] == [("555-0300", "555-0200")]
    assert world.in_crm(account)["Fax"] == "555-0222"


def test_what_quickbooks_made_as_it_was_sent_is_an_agreement(world: World) -> None:
    values = {"Phone": "555-0100", "BillingStreet": "1 Elm\nSuite 5", "BillingCity": "Troy"}
    account = world.account("Ann's Bakery", promoted=True, contact="Ann Baker", **values)
    world.poll()
    world.company.faults.arm("break_after", requests=1, holding="CustomerAddRq")
    world.visit()
    world.quiet()
    writes = (world.crm.writes, world.books_writes())
    world.quiet()
    assert (world.crm.writes, world.books_writes()) == writes
    assert world.books_writes() == 1
    assert world.conflicts() == []
    assert {name: world.in_crm(account)[name] for name in values} == values
