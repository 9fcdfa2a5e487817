"""Tests of both positions of a rule: `@both(name, what the first gives, what the second gives)`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qbwc_server.simulator.company.rules import RULES

HERE = Path(__file__).parent


def both(name: str, first: Any, second: Any) -> pytest.MarkDecorator:
    positions = tuple(RULES[name].positions)
    assert len(positions) == 2
    rows = [
        ((name, position), expected) for position, expected in zip(positions, (first, second), strict=True)
    ]
    return pytest.mark.parametrize(("moved", "expected"), rows, indirect=["moved"], ids=positions)


def switched() -> set[str]:
    """The rules that a test of this folder switches both ways."""
    sources = "".join(file.read_text("utf-8") for file in HERE.glob("test_rules*.py"))
    return {name for name in RULES if f'@both("{name}", ' in sources or f'@both(\n    "{name}",' in sources}
