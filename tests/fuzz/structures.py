"""Structured nonsense by hypothesis: what is built, and what must hold of it, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz import answers, envelopes, profiles

CLAIMS: Final[Mapping[str, tuple[st.SearchStrategy[Any], Callable[[Any], None]]]] = {
    "envelope": (envelopes.envelopes(), envelopes.answered),
    "answer": (answers.answers(), answers.read),
    "override": (profiles.overrides(), profiles.override_is_told),
    "profile": (profiles.profiles(), profiles.profile_is_told),
    "record": (profiles.records(), profiles.record_is_mapped),
    "settings": (profiles.settings(), profiles.settings_are_told),
}
"""Name -> what is built, and what is done with one of it: an exception is a find."""


def examine(name: str, number: int, examples: int) -> None:
    """So many structures of a kind, chosen by a number; a find is raised as the smallest structure that shows it."""
    structures, claim = CLAIMS[name]
    bounded = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    seed(number)(bounded(given(structures)(claim)))()
