"""What many records cost: statements and calls, counted and compared with arithmetic, for time proves nothing here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from crm.errors import Unavailable
from crm.port import Outcome, Write
from qbwc_server.store import visits
from qbwc_server.store.database import Database
from qbwc_server.store.jobs import Gathered
from qbwc_server.sync.crm_delivery import enough
from qbwc_server.sync.deciding import Turn
from tests.rows import TICKET, like
from tests.sync.world import World

Build = Callable[..., World]


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements that run meanwhile; one that carries many rows is one."""
    texts: list[str] = []

    def note(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        texts.append(text)

    event.listen(database.engine, "before_cursor_execute", note)
    yield texts
    event.remove(database.engine, "before_cursor_execute", note)


def words() -> Iterator[str]:
    """Names that nobody could take for one another."""
    for one in "abcdefghijklmnopqrstuvwxyz":
        for other in "abcdefghijklmnopqrstuvwxyz":
            yield f"{one * 5} {other * 5}".title()


def statements_for(world: World, names: Iterator[str], number: int) -> int:
    """For so many new accounts that become customers, and as many customers that become accounts."""
    for _ in range(number):
        world.account(next(names), promoted=True)
        world.customer(next(names))
    with counted(world.database) as texts:
        world.sync(2)
    assert not world.waiting()
    return len(texts)


def test_statements_grow_slower_than_the_number_of_records(world: World) -> None:
    names = words()
    world.account(next(names), promoted=True)
    world.quiet()
    few, many = (statements_for(world, names, number) for number in (20, 40))
    assert few < many < 2 * few
    # Two records for each of the twenty more: looked at on both sides, linked, written and settled.
    assert (many - few) / 40 < 24


def test_an_edit_that_is_decided_takes_a_few_statements(world: World) -> None:
    names = words()
    accounts = [world.account(next(names), promoted=True) for _ in range(30)]
    world.quiet()
    costs = []
    for number in (10, 20):
        for account in accounts[:number]:
            world.edit_account(account, BillingCity=f"City {number}")
        with counted(world.database) as texts:
            world.poll()
        costs.append(len(texts))
    # A link, a job and a decision to be kept for each of ten more.
    assert costs[1] - costs[0] < 10 * 5


def written(world: World) -> list[tuple[str, int]]:
    """(kind, writes) of each call that writes many from now on."""
    calls: list[tuple[str, int]] = []
    original = world.line.write_many

    def write_many(kind: str, writes: list[Write], fields: tuple[str, ...] = ()) -> tuple[Outcome, ...]:
        calls.append((kind, len(writes)))
        return original(kind, writes, fields)

    world.line.write_many = write_many  # type: ignore[method-assign, assignment]
    return calls


def test_a_first_sync_writes_each_account_once(world: World) -> None:
    names = words()
    both = [next(names) for _ in range(5)]
    for name in [*both, *(next(names) for _ in range(10))]:
        world.account(name, promoted=True)
    for name in [*both, *(next(names) for _ in range(10))]:
        world.customer(name)
    calls = written(world)
    world.poll()
    world.visit()
    world.deliver()
    # 15 learn their partner, 10 are new: no call says Queued of what had its answer in the same visit.
    assert calls == [("account", 10), ("account", 15)]
    assert {world.status(one.id) for one in world.crm.rows("account")} == {("Success", None)}


def test_invoices_of_accounts_that_are_made_in_a_pass_go_in_the_same_pass_and_together(build: Build) -> None:
    world = build(documents=True)
    form = {"Desc": "Work", "Price": Decimal("50.00"), "AccountRef": {"FullName": "Sales"}}
    item = world.company.user_add({"Name": "Work", "SalesOrPurchase": form}, "ItemService")
    names, line = words(), {"ItemRef": {"ListID": item}, "Quantity": Decimal(2)}
    known = next(names)
    world.account(known, promoted=True)
    for customer in [world.customer(known), *(world.customer(next(names)) for _ in range(4))]:
        world.company.user_add({"CustomerRef": {"ListID": customer}, "InvoiceLineAdd": [line]}, "Invoice")
    world.poll()
    world.visit()
    calls = written(world)
    world.deliver()
    # Four accounts are new, one learns its partner; all five invoices follow at once.
    assert calls == [("account", 4), ("account", 1), ("product", 1), ("invoice", 5)]


@pytest.mark.parametrize(
    ("number", "first", "last", "goes"),
    [
        (1, 29, 29, False),
        # Nothing followed for a while.
        (1, 30, 30, True),
        (2, 30, 10, True),
        # More of it comes every moment, so a fuller call is near; but nobody waits for longer than a minute.
        (999, 59, 9, False),
        (999, 60, 0, True),
        (1000, 1, 0, True),
    ],
)
@pytest.mark.parametrize("silence", [0, 120])
def test_what_gathers_during_a_visit_goes_when_it_is_enough_or_was_waited_for(
    number: int, first: int, last: int, goes: bool, silence: int
) -> None:
    now = datetime(2026, 3, 2, 15, tzinfo=UTC)
    since, until = (now - timedelta(seconds=one + silence) for one in (first, last))
    assert enough(Gathered("account", False, silence > 0, number, since, until), now) == goes


def test_contributors_go_together_too(world: World) -> None:
    names = words()
    for _ in range(12):
        name = next(names)
        world.customer(name, FirstName="Ann", LastName=name.split()[0], Email=f"{name[:5]}@example.com")
    world.poll()
    world.visit()
    calls = written(world)
    world.deliver()
    # The accounts, their contacts, and in the accounts who their primary contact is.
    assert calls == [("account", 12), ("contact", 12), ("account", 12)]
    assert len(world.crm.rows("contact")) == 12


def test_what_only_says_queued_waits_for_a_visit_that_goes_on_and_is_said_when_that_takes_long(
    world: World,
) -> None:
    world.quiet()
    with world.database.write() as tx:
        visits.add_ticket(tx, like(TICKET, company_id="co", started_at=world.clock(), seen_at=world.clock()))
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    world.deliver()
    assert world.status(account)[0] == "To be Linked"
    for _ in range(4):
        world.clock.advance(seconds=40)
        with world.database.write() as tx:
            visits.change_ticket(tx, TICKET.ticket_hash, seen_at=world.clock())
        world.deliver()
    assert world.status(account)[0] == "Queued"


def test_what_only_says_queued_is_said_at_once_when_the_visit_is_silent(world: World) -> None:
    world.quiet()
    with world.database.write() as tx:
        silent = world.clock() - timedelta(minutes=5)
        visits.add_ticket(tx, like(TICKET, company_id="co", started_at=silent, seen_at=silent))
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    world.deliver()
    assert world.status(account)[0] == "Queued"


def test_one_record_that_cannot_be_decided_takes_none_of_its_slice_along(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = words()
    accounts = [world.account(next(names), promoted=True) for _ in range(6)]
    decide = Turn.decide_record

    def failing(turn: Turn, side: Any, kind: str, record_id: str) -> None:
        if record_id == accounts[3]:
            raise ZeroDivisionError
        decide(turn, side, kind, record_id)

    monkeypatch.setattr(Turn, "decide_record", failing)
    world.sync(2)
    linked = {account for account in accounts if world.status(account)[0] == "Success"}
    assert linked == {*accounts} - {accounts[3]}


def test_a_crm_that_fails_in_the_middle_keeps_nothing_from_being_written_later(world: World) -> None:
    names = words()
    for _ in range(8):
        world.customer(next(names))
    world.poll()
    world.visit()
    world.line.trouble = Unavailable("The CRM is away.")
    world.deliver()
    assert world.crm.rows("account") == ()
    world.line.trouble = None
    world.clock.advance(hours=2)
    world.sync()
    assert len(world.crm.rows("account")) == 8
