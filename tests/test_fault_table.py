"""The table of faults in the README promises nothing that no test shows."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def rows() -> list[list[str]]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Nothing twice, nothing lost", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def functions_in(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }


def test_there_is_a_table() -> None:
    assert len(rows()) >= 20


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_each_row_is_complete_and_names_its_test(row: list[str]) -> None:
    assert len(row) == 5
    assert all(row)
    named = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", row[-1])
    assert named is not None
    path, name = named.groups()
    assert name in functions_in(ROOT / path)


def test_no_two_rows_lean_on_the_same_test() -> None:
    named = [row[-1] for row in rows()]
    assert len(set(named)) == len(named)


@pytest.mark.parametrize(
    "module", ["test_nothing_twice", "test_back_in_time", "test_own_restore", "test_probing"]
)
def test_what_these_modules_prove_is_in_the_table(module: str) -> None:
    assert any(f"/{module}.py::" in row[-1] for row in rows())
