"""Who waits for what: a job hears of the record that it needs, whatever link that record has, lost or gets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from crm.errors import Rejected
from crm.port import Outcome, Page, Write
from qbwc_server.store import jobs, parties
from qbwc_server.store.tables import job_waits
from qbwc_server.sync import person
from qbwc_server.sync.deciding import scopes_of_organisation
from qbwc_server.sync.from_crm import fields_to_read, ingest
from tests.sync.shop import SETTINGS, opportunity, product, status_of, the_invoice
from tests.sync.world import World


@pytest.fixture
def shop(build: Callable[..., World]) -> World:
    return build(documents=True, override={"settings": SETTINGS})


def waiting_sale(world: World, **values: Any) -> tuple[str, str]:
    """An account whose customer is not due yet, and an opportunity whose invoice waits for it."""
    world.sync()
    account, work = world.account("Ann", promoted=True, **values), product(world, "Work", "10")
    world.poll()
    world.deliver()
    with world.database.write() as tx:
        [job] = jobs.all_jobs(tx, ["con"], states=("queued",))
        jobs.change_job(tx, job.id, world.clock(), due_at=world.clock() + timedelta(days=2))
    sale = opportunity(world, account, (work, "1", "10"))
    world.sync()
    assert [one.state for one in world.jobs() if one.kind == "Invoice"] == ["waiting"]
    return account, sale


def invoice_state(world: World) -> str:
    return [one.state for one in world.jobs() if one.kind == "Invoice"][-1]


def refuse(world: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The CRM takes no account of this name."""
    real = world.line.write_many

    def write_many(kind: str, writes: Sequence[Write], fields: Sequence[str] = ()) -> tuple[Outcome, ...]:
        return tuple(
            Rejected("no") if one.values.get("Name") == name else real(kind, [one], fields)[0]
            for one in writes
        )

    monkeypatch.setattr(world.line, "write_many", write_many)


def test_a_job_waits_on_when_its_customer_gets_another_link(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sync()
    refuse(shop, monkeypatch, "Pa")
    shop.customer("Kid", ParentRef={"ListID": shop.customer("Pa")})
    shop.quiet()
    assert shop.names_in_crm() == []
    monkeypatch.undo()
    made = shop.account("Pa", promoted=True)
    shop.sync(2)
    assert shop.names_in_crm() == ["Kid", "Pa"]
    assert shop.in_crm(shop.account_named("Kid"))["ParentId"] == made


def test_a_cancelled_customer_blocks_its_invoice_at_once_and_in_words(shop: World) -> None:
    account, sale = waiting_sale(shop)
    [job] = [one for one in shop.jobs() if one.kind == "Customer"]
    with shop.database.write() as tx:
        person.cancel(tx, person.By("Ann", shop.clock()), job.id)
    assert invoice_state(shop) == "blocked"
    shop.deliver()
    shop.deliver()
    status, text = status_of(shop, "opportunity", sale)
    assert (status, "Ann was unlinked" in text) == ("Error", True)
    shop.promote(account)
    shop.quiet()
    assert the_invoice(shop)["CustomerRef"]["FullName"] == "Ann"
    assert status_of(shop, "opportunity", sale) == ("Success", None)


def test_a_customer_that_is_deleted_before_it_was_made_blocks_its_invoice_at_once(shop: World) -> None:
    account, sale = waiting_sale(shop)
    shop.delete_account(account)
    shop.poll()
    shop.deliver()
    assert invoice_state(shop) == "blocked"
    shop.deliver()
    status, text = status_of(shop, "opportunity", sale)
    assert (status, "deleted in the CRM" in text) == ("Error", True)


def test_a_customer_that_a_person_links_releases_its_invoice_at_once(shop: World) -> None:
    account, sale = waiting_sale(shop)
    customer = shop.customer("Bakery of Ann")
    shop.visit()
    with shop.database.write() as tx:
        connection = parties.connection(tx, "con")
        assert connection is not None
        person.make(tx, person.By("Ann", shop.clock()), connection, account, customer)
    assert invoice_state(shop) == "queued"
    shop.visit()
    assert the_invoice(shop)["CustomerRef"]["FullName"] == "Bakery of Ann"
    shop.quiet()
    assert status_of(shop, "opportunity", sale) == ("Success", None)


def test_an_account_that_is_stored_later_releases_the_invoice_that_could_not_find_it(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = product(shop, "Work", "10")
    shop.sync()
    real, late = shop.line.changed_since, list[str]()

    def changed_since(kind: str, fields: Sequence[str], watermark: str | None) -> Any:
        # Accounts are read before opportunities, so this account is missed by the poll that brings its opportunity.
        if kind == "opportunity" and not late:
            late.append(shop.account("Late"))
            opportunity(shop, late[0], (work, "1", "10"))
        return real(kind, fields, watermark)

    monkeypatch.setattr(shop.line, "changed_since", changed_since)
    shop.sync()
    assert invoice_state(shop) == "blocked"
    take_page(shop, "account", late[0])
    assert invoice_state(shop) == "queued"
    shop.quiet()
    assert the_invoice(shop)["CustomerRef"]["FullName"] == "Late"


def take_page(world: World, kind: str, record_id: str) -> None:
    """A page that is not the last of its pass: no watermark moves, and nothing but the record itself is news."""
    with world.database.write() as tx:
        scopes = scopes_of_organisation(tx, "org")
        fields = fields_to_read(scopes)[kind]
        page = Page(tuple(world.crm.read(kind, [record_id], fields)), None)
        ingest(tx, scopes, kind, page, world.clock(), fields)


def test_a_customer_moved_below_an_unlinked_one_follows_as_soon_as_that_is_linked(world: World) -> None:
    ann, bob = world.customer("Ann"), world.customer("Bob")
    world.quiet()
    account, above = world.account_named("Ann"), world.account_named("Bob")
    link = world.link_of(above)
    assert link is not None
    world.unlink(link)
    world.quiet()
    world.edit_customer(ann, ParentRef={"ListID": bob})
    world.quiet()
    assert world.in_crm(account)["ParentId"] is None
    with world.database.write() as tx:
        connection = parties.connection(tx, "con")
        assert connection is not None
        person.make(tx, person.By("Ann", world.clock()), connection, above, bob)
    world.quiet()
    assert world.in_crm(account)["ParentId"] == above
    assert world.books_writes() == 0


def test_what_waits_for_nothing_that_can_be_told_is_looked_at_again_with_each_read(shop: World) -> None:
    _, sale = waiting_sale(shop)
    with shop.database.write() as tx:
        tx.execute(job_waits.delete())
        [job] = jobs.all_jobs(tx, ["con"], states=("queued",))
        jobs.change_job(tx, job.id, shop.clock(), due_at=shop.clock())
    shop.quiet()
    assert status_of(shop, "opportunity", sale) == ("Success", None)
