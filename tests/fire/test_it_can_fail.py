"""The fire finds what it is there to find: each safeguard of the product is taken out, and a promise breaks."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest.mock import patch

import pytest

from tests.databases import Databases
from tests.fire import inside
from tests.fire.__main__ import attempt
from tests.fire.life import End
from tests.fire.plan import plan
from tests.fire.safeguards import SAFEGUARDS, Safeguard

# A life that does not come to rest is not worth many rounds here.
ROUNDS = 15


def _lived(
    databases: Databases, one: Safeguard, seed: int, out: Iterable[AbstractContextManager[Any]]
) -> End:
    with ExitStack() as switched, patch.object(inside, "QUIET_ROUNDS", ROUNDS):
        for each in out:
            switched.enter_context(each)
        return attempt(seed, plan(seed, one.life, one.accidents), databases)


def _first_broken(databases: Databases, one: Safeguard) -> int | None:
    """The seed of the first life that breaks the promise."""
    for seed in range(1, one.within // one.life + 1):
        if _lived(databases, one, seed, [*one.bare(), *one.off()]).rules & one.breaks:
            return seed
    return None


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("name", SAFEGUARDS)
def test_a_promise_breaks_without_a_safeguard_and_none_with_it(databases: Databases, name: str) -> None:
    one = SAFEGUARDS[name]
    seed = _first_broken(databases, one)
    assert seed is not None, f"{one.within} sessions without it broke none of {sorted(one.breaks)}"
    assert not _lived(databases, one, seed, one.bare()).violations
