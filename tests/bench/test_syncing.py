from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import syncing
from tests.bench.figures import TARGETS
from tests.bench.installations import Installations
from tests.bench.sizes import QUICK, Sizes
from tests.bench.syncing import FREE, PROMISED, Least, Plan, _reduced


def test_a_sync_that_does_not_come_to_its_end_is_void_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncing, "MOST_VISITS", 0)
    first, change = syncing.sync(Installations(tmp_path, None), QUICK)
    assert (first.name, change.name) == ("first sync, CRM calls", "change sync, CRM calls")
    assert {first.verdict(TARGETS), change.verdict(TARGETS)} == {"VOID"}
    assert "something is left to do after 0 visits" in first.note


def test_a_third_of_the_partners_is_on_both_sides() -> None:
    plan = Plan(2_000, 1_000)
    both = set(plan.accounts) & set(plan.customers)
    assert (len(plan.accounts), len(plan.customers), len(both)) == (2_000, 2_000, 666)
    assert set(plan.accounts) | set(plan.customers) == set(range(plan.all)) == set(range(3_334))


def test_the_least_calls_are_pages_of_2000_and_writes_of_200() -> None:
    # A page for each of six objects. 3334 accounts in 17 calls, one product, 1000 invoices in 5.
    first = Plan(2_000, 1_000).first()
    assert (first.pages, first.writes, first.calls) == (6, 17 + 1 + 5, 29)
    # 20 names and 10 balances in one call, 10 invoices in another, 10 payments in a third.
    change = Plan(2_000, 1_000).change()
    assert (change.pages, change.writes, change.calls) == (6, 3, 9)


@pytest.mark.parametrize(("rows", "pages"), [(0, 6), (1, 6), (2_000, 6), (2_001, 7), (4_001, 8)])
def test_an_empty_object_costs_a_page_and_one_row_too_many_another(rows: int, pages: int) -> None:
    assert Least({"Account": rows}, {}).pages == pages


def test_parts_of_a_call_and_logins_are_not_counted_as_calls() -> None:
    free = {"token", "composite:query", "composite:update_many"}
    assert {one for one in (*free, "composite", "query", "describe") if FREE.fullmatch(one)} == free


def test_the_real_sizes_are_those_of_the_figures() -> None:
    assert (Sizes().partners, Sizes().invoices) == (2_000, 1_000)


def test_a_trial_that_promises_an_end_in_time_leaves_the_sizes_alone() -> None:
    wanted = Plan(2_000, 1_000)
    assert _reduced(wanted, 100, PROMISED / 20) == (wanted, "")


def test_sizes_that_cannot_be_over_in_time_are_reduced_and_that_is_said() -> None:
    plan, said = _reduced(Plan(2_000, 1_000), 100, PROMISED / 8)
    assert plan == Plan(800, 400)
    assert "REDUCED from 2,000 to 800" in said
    assert _reduced(Plan(2_000, 1_000), 100, 10 * PROMISED)[0] == Plan(100, 50)
