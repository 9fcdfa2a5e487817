"""What one run may do with money before a person is asked."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from qbwc_server.store import parties
from qbwc_server.store.job_states import JobEvent
from qbwc_server.sync import batch
from tests.sync.shop import SETTINGS, mirrors, opportunity, product, status_of
from tests.sync.world import World


def shop(build: Callable[..., World], **limits: str | int) -> World:
    world = build(documents=True, override={"settings": SETTINGS, "limits": limits})
    world.sync()
    return world


def totals(world: World) -> list[Decimal]:
    return sorted(Decimal(one["Subtotal"]) for one in world.company.txns("Invoice"))


def test_documents_beyond_the_amount_of_a_run_wait_for_a_person(build: Callable[..., World]) -> None:
    world = shop(build, amount="250")
    account, work = world.account("Ann"), product(world, "Work", "1")
    for amount in ("100", "120", "31"):
        opportunity(world, account, (work, "1", amount))
    world.sync(2)
    assert totals(world) == [100, 120]
    [waiting] = world.jobs("proposed")
    assert waiting.kind == "Invoice"
    assert "This run would make 251.00 in amounts, the limit is 250" in waiting.error
    world.move_job(waiting, JobEvent.APPROVE)
    world.sync(2)
    assert totals(world) == [31, 100, 120]


def test_an_amount_counts_for_its_run_only(build: Callable[..., World]) -> None:
    world = shop(build, amount="250")
    account, work = world.account("Ann"), product(world, "Work", "1")
    for amount in ("100", "120", "31"):
        opportunity(world, account, (work, "1", amount))
        world.sync(2)
        world.clock.advance(minutes=61)
    assert totals(world) == [31, 100, 120]
    assert world.jobs("proposed") == []


def test_one_document_beyond_the_amount_says_so_at_its_record(build: Callable[..., World]) -> None:
    world = shop(build, amount="1000")
    account, work = world.account("Ann"), product(world, "Work", "1")
    sale = opportunity(world, account, (work, "1", "990"), QB_Freight__c=Decimal("10.01"))
    world.sync(2)
    assert totals(world) == []
    assert "1000.01 in amounts" in status_of(world, "opportunity", sale)[1]


def test_a_preview_of_a_batch_counts_amounts_over_its_slices(
    build: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "SLICE", 1)
    on = {"settings": SETTINGS, "limits": {"amount": "250"}}
    world = build(documents=True, override=on | {"kinds": {"invoice": {"mode": "off"}}})
    account, work = world.account("Ann"), product(world, "Work", "1")
    for amount in ("100", "120", "31", "20"):
        opportunity(world, account, (work, "1", amount))
    world.quiet()
    with world.database.write() as tx:
        parties.change_connection(tx, "con", override=on)
    with world.database.read() as tx:
        connection = parties.connection(tx, "con")
    assert connection is not None
    report = batch.rehearse(
        world.database, connection, batch.Wanted("invoice", "crm", batch.Span()), world.clock
    )
    assert sum(report.counts.values()) == 4
    assert report.counts["waiting for approval"] == 1
    assert world.jobs() == []


def test_voids_and_deletions_beyond_the_limit_are_left_to_a_person(build: Callable[..., World]) -> None:
    world = shop(build, voids=1)
    account, work = world.account("Ann"), product(world, "Work", "1")
    for amount in ("100", "120", "140"):
        opportunity(world, account, (work, "1", amount))
    world.quiet()
    first, second, _ = world.company.txns("Invoice")
    world.company.user_void(first["TxnID"])
    world.company.user_delete(second["TxnID"], "Invoice")
    world.sync(2)
    assert [one["QB_Balance__c"] for one in mirrors(world)].count(0) == 1
    [waiting] = world.jobs("proposed")
    assert (waiting.kind, waiting.side) == ("invoice", "crm")
    assert "2 voided transactions, the limit is 1" in waiting.error
    world.move_job(waiting, JobEvent.APPROVE)
    world.sync()
    assert [one["QB_Balance__c"] for one in mirrors(world)].count(0) == 2
    assert sorted(one["QB_Status__c"] for one in mirrors(world)) == ["Deleted", "Open", "Voided"]
