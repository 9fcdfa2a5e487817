"""A bounded part of the structured nonsense, the same at each run; `make fuzz ARGS="--target structures"` goes on."""

import pytest

from tests.fuzz.structures import CLAIMS, examine

EXAMPLES = 40


@pytest.mark.parametrize("name", CLAIMS)
def test_structured_nonsense_is_taken_or_refused_as_documented(name: str) -> None:
    examine(name, 1, EXAMPLES)
