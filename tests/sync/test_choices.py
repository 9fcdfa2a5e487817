"""A choice in a conflict, and another one while the first is on its way."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.errors import Problem
from qbwc_server.sync.decide import Side
from qbwc_server.sync.person.by import By
from qbwc_server.sync.person.pairs import resolve
from tests.sync.test_books_trouble import pair
from tests.sync.world import World


def in_conflict(world: World) -> tuple[str, str]:
    """A pair whose Phone is 555-0200 in the CRM and 555-0300 in QuickBooks."""
    account, list_id = pair(world, Phone="555-0100")
    world.quiet()
    world.edit_account(account, Phone="555-0200")
    world.edit_customer(list_id, Phone="555-0300")
    world.sync()
    return account, list_id


def choose(world: World, account: str, side: Side) -> None:
    link = world.link_of(account)
    assert link is not None
    with world.database.write() as tx:
        resolve(tx, By("ann", world.clock()), link.id, "Phone", side)


def test_a_choice_that_is_being_written_is_not_taken_back_without_a_word(world: World) -> None:
    account, _ = in_conflict(world)
    choose(world, account, "books")
    normal, told = world.line.write_many, []

    def write_many(kind: str, writes: Any, fields: Any = ()) -> Any:
        with pytest.raises(Problem, match="is being written at this moment") as refused:
            choose(world, account, "crm")
        told.append(refused.value)
        return normal(kind, writes, fields)

    world.line.write_many = write_many  # type: ignore[method-assign]
    world.deliver()
    assert told
    assert world.in_crm(account)["Phone"] == "555-0300"
    assert world.conflicts() == []


def test_a_choice_may_be_changed_until_it_is_written(world: World) -> None:
    account, list_id = in_conflict(world)
    choose(world, account, "books")
    choose(world, account, "crm")
    world.quiet()
    assert world.in_crm(account)["Phone"] == world.in_books(list_id)["Phone"] == "555-0200"
