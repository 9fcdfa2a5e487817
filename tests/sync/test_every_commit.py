"""Each commit of visits and worker is killed once: the end is that of an undisturbed run.

The commits are found by running once and counting, so a new one is killed without anybody remembering to. QBWC_LONG=1
also kills just after each.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from qbwc_server.store.database import Tx
from qbwc_server.worker import tasks
from tests.databases import Databases
from tests.sync.test_documents import SETTINGS, opportunity, product
from tests.sync.world import Killed, World, world_in

# What differs from run to run: ids, stamps, marks.
PASSING = re.compile(
    r"(ListID|TxnID|TxnLineID|EditSequence|TxnNumber|ExternalGUID|SyncKey__c|Last_Sync__c|^Time)"
)
IDENTIFIER = re.compile(
    r"([0-9A-F]+-\d{10}|(account|contact|product|opportunity|invoice|payment|order)-\d+(-line-[\d-]+)?)"
)
# Just before a commit everything outside of the database has happened, which is the worst moment; just after one is
# nearly the moment before the next.
MOMENTS = (False, True) if os.environ.get("QBWC_LONG") else (False,)
CRM_KINDS = ("account", "contact", "product", "opportunity", "invoice")


@dataclass
class Commits:
    """Counts the commits of a world, tells who made them, and dies at one of them."""

    dies_at: int = 0
    after: bool = False
    made: list[str] = field(default_factory=list)

    def watch(self, world: World) -> None:
        write = world.database.write

        @contextmanager
        def watched() -> Iterator[Tx]:
            frame = sys._getframe(2)  # behind contextlib: who opened the transaction
            with write() as tx:
                yield tx
                self.made.append(f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}")
                mine = len(self.made) == self.dies_at
                if mine and not self.after:
                    raise Killed(self.made[-1])
            if mine:
                raise Killed(self.made[-1])

        world.database.write = watched  # type: ignore[method-assign]


def live(world: World, step: Callable[[Callable[[], Any]], None]) -> None:
    """A company's first days: an account and a customer, edits on both sides, a sale, its payment."""
    account = world.account("Ann's Bakery", promoted=True, contact="Ann Baker", Phone="555-0100")
    there = world.customer("Carla's Cafe", Phone="555-0150")
    for _ in range(2):
        once_around(world, step)
    world.edit_account(account, Phone="555-0200")
    world.edit_customer(there, Fax="555-0250")
    work = product(world, "Work", "100")
    opportunity(world, account, (work, "2", "50"))
    for _ in range(2):
        once_around(world, step)
    [invoice] = world.company.txns("Invoice") or [None]
    if invoice is None:
        once_around(world, step)
        [invoice] = world.company.txns("Invoice") or [None]
    if invoice is None:  # in doubt: ten minutes pass before it goes again
        world.clock.advance(minutes=15)
        once_around(world, step)
        [invoice] = world.company.txns("Invoice")
    world.company.take_payment(customer="Ann's Bakery", amount="40", invoice=invoice["TxnID"])
    once_around(world, step)


def once_around(world: World, step: Callable[[Callable[[], Any]], None]) -> None:
    for act in (world.poll, world.deliver, world.visit, world.deliver):
        step(act)


def surviving(world: World) -> Callable[[Callable[[], Any]], None]:
    """Carries out a step; when the process dies in it, the next one starts as a process does."""

    def step(act: Callable[[], Any]) -> None:
        try:
            act()
        except Killed:
            tasks.recover(world.background)

    return step


def lasting(value: Any) -> Any:
    """A value without what differs from run to run."""
    if isinstance(value, Mapping):
        return {
            name: lasting(one)
            for name, one in sorted(value.items())
            if not PASSING.search(name) and one not in (None, "")
        }
    if isinstance(value, list | tuple):
        return [lasting(one) for one in value]
    return IDENTIFIER.sub("id", str(value))


def ending(world: World) -> dict[str, list[str]]:
    found = {kind: [lasting(row.values) for row in world.crm.rows(kind)] for kind in CRM_KINDS}
    found |= {"Customer": [lasting(one) for one in world.company.customers()]}
    found |= {"ItemService": [lasting(one) for one in world.company.elements("ItemService")]}
    found |= {
        kind: [lasting(one) for one in world.company.txns(kind)] for kind in ("Invoice", "ReceivePayment")
    }
    return {kind: sorted(str(one) for one in some) for kind, some in found.items()}


@pytest.fixture
def run(databases: Databases, tmp_path: Path) -> Callable[[Commits], dict[str, list[str]]]:
    """Lives a company's first days with these commits watched; what both sides hold in the end."""
    homes = iter(range(10_000))

    def run(commits: Commits) -> dict[str, list[str]]:
        home = tmp_path / str(next(homes))
        home.mkdir()
        with (
            databases.migrated(home) as url,
            world_in(home, url, documents=True, override={"settings": SETTINGS}) as world,
        ):
            commits.watch(world)
            live(world, surviving(world))
            commits.dies_at = 0
            world.quiet()
            return ending(world)

    return run


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("after", MOMENTS, ids=lambda after: "after" if after else "before")
@pytest.mark.parametrize("part", range(4))
def test_a_death_at_any_commit_changes_nothing_in_the_end(
    run: Callable[[Commits], dict[str, list[str]]], after: bool, part: int
) -> None:
    undisturbed = Commits()
    expected = run(undisturbed)
    assert len(expected["Invoice"]) == len(expected["invoice"]) == len(expected["ReceivePayment"]) == 1
    points = range(part + 1, len(undisturbed.made) + 1, 4)
    assert len(points) > 10
    for point in points:
        commits = Commits(dies_at=point, after=after)
        found = run(commits)
        differing = {
            kind: (expected[kind], found[kind]) for kind in expected if found[kind] != expected[kind]
        }
        assert not differing, (
            f"killed {'after' if after else 'before'} commit {point} of {undisturbed.made[point - 1]}"
        )
