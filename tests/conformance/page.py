"""The table of README.md: every behaviour that is tested, its section of the qbXML reference, how sure that is.

`python -m tests.conformance.page` writes it anew.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
README = HERE / "README.md"
BEGIN = "<!-- behaviours -->"
END = "<!-- /behaviours -->"


class Behaviour(NamedTuple):
    """One test: the number and name of its section, the test's name as words, the mark, the module."""

    section: str
    words: str
    mark: str
    module: str


def behaviours() -> list[Behaviour]:
    """In order of sections, within one as they stand in the modules."""
    found = [one for path in sorted(HERE.glob("test_*.py")) for one in _of_module(path)]
    return sorted(found, key=lambda one: int(one.section[1:]))


def uncited() -> list[str]:
    """Tests that name no section."""
    return [
        f"{path.stem}::{test.name}"
        for path in sorted(HERE.glob("test_*.py"))
        for test in _tests(path)
        if _citation(test) is None and path.stem != "test_page"
    ]


def table() -> str:
    rows = (f"| {one.words} | {one.section} | {one.mark} | {one.module} |" for one in behaviours())
    return "\n".join(["| behaviour | section | mark | tested in |", "| --- | --- | --- | --- |", *rows])


def written(text: str) -> str:
    """README.md with the table of today."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


def _of_module(path: Path) -> Iterator[Behaviour]:
    for test in _tests(path):
        cited = _citation(test)
        if cited is not None:
            section, *mark = (_word(argument) for argument in cited.args)
            words = test.name.removeprefix("test_").replace("_", " ")
            yield Behaviour(section, words, mark[0] if mark else "ok", path.stem)


def _tests(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node


def _citation(test: ast.FunctionDef) -> ast.Call | None:
    for decorator in test.decorator_list:
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "cites":
            return decorator
    return None


def _word(argument: ast.expr) -> str:
    """The text of "S4" or of MEASURED."""
    return argument.id.lower() if isinstance(argument, ast.Name) else str(ast.literal_eval(argument))


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
