"""A few lives with fixed seeds. Many more: `make fire SEED=1 SESSIONS=2000`."""

from __future__ import annotations

import pytest

from tests.databases import Databases
from tests.fire.life import live
from tests.fire.plan import plan
from tests.fire.steps import read_script, script

SESSIONS = 10


@pytest.mark.parametrize("seed", range(1, 6))
def test_whatever_goes_wrong_nothing_is_twice_and_nothing_lost(databases: Databases, seed: int) -> None:
    end = live(seed, plan(seed, SESSIONS), databases)
    assert not end.violations, f"make fire SEED={seed} SESSIONS={SESSIONS} shows it in fewer steps"
    assert end.visits >= SESSIONS - 1


def test_a_life_can_be_written_down_and_lived_again() -> None:
    steps = plan(7, SESSIONS)
    assert read_script(script(steps)) == steps
    assert steps == plan(7, SESSIONS)
