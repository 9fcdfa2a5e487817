"""Lives with fixed seeds. Many more: `make fire SEED=1 SESSIONS=2000`."""

from __future__ import annotations

import pytest

from tests.databases import Databases
from tests.fire import results
from tests.fire.life import live
from tests.fire.plan import plan
from tests.fire.results import Result
from tests.fire.steps import read_script, script

SESSIONS = 20


def _live(databases: Databases, seed: int) -> None:
    end = live(seed, plan(seed, SESSIONS), databases)
    assert not end.violations, (
        f"make fire SEED={seed} SESSIONS={SESSIONS} ARGS=--life={SESSIONS} shows it in fewer steps"
    )
    assert end.visits >= SESSIONS - 2


@pytest.mark.parametrize("seed", range(1, 6))
def test_whatever_goes_wrong_nothing_is_twice_and_nothing_lost(databases: Databases, seed: int) -> None:
    _live(databases, seed)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("seed", range(6, 10))
def test_nor_in_more_lives_on_the_database_that_is_quicker(databases: Databases, seed: int) -> None:
    _live(databases, seed)


def test_a_life_can_be_written_down_and_lived_again() -> None:
    steps = plan(7, SESSIONS)
    assert read_script(script(steps)) == steps
    assert steps == plan(7, SESSIONS)


def test_the_readme_tells_what_the_kept_results_hold() -> None:
    text = results.README.read_text()
    assert results.with_table(text, results.as_markdown(results.kept())) == text


def test_runs_of_one_commit_are_one_row_and_another_commit_is_another() -> None:
    def run(commit: str, seed: int, *broken: str) -> Result:
        found = {str(seed): broken} if broken else {}
        return Result("inside", "sqlite", commit, "", (seed,), 10, 20, 5, {"process": 2}, 36, 3.5, found)

    rows = results.merged([], [run("b", 4), run("b", 1), run("a", 2, "balances_agree"), run("b", 3)])
    assert [(row["commit"], row["sessions"], row["seeds"], row["deaths"]) for row in rows] == [
        ("a", 10, [[2, 2]], {"process": 2}),
        ("b", 30, [[1, 1], [3, 4]], {"process": 6}),
    ]
    table = results.as_markdown(rows)
    assert "| a | 2 | 10 | 20 | 5 | 2 process | 1 | 0.3 | 2: balances_agree |" in table
    assert "| b | 1, 3 to 4 | 30 | 60 | 15 | 6 process | 2 | 0.3 | none |" in table
