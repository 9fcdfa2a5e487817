"""The contracts about imports hold, and each of them notices the import that it is there to refuse."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINT = Path(sys.executable).with_name("lint-imports")
PACKAGES = ("qbxml", "crm", "qbwc_server", "schemas")

# contract, the file that must not import, what it must not import
PLANTED = [
    ("layers", "qbwc_server/store/jobs.py", "qbwc_server.sync.decide"),
    ("layers", "qbwc_server/soap/front.py", "qbwc_server.console.status"),
    ("layers", "qbwc_server/worker/tasks.py", "qbwc_server.app"),
    ("qbxml", "qbxml/build.py", "crm.port"),
    ("crm", "crm/salesforce/gateway.py", "qbxml.walltime"),
    ("vendors", "crm/salesforce/gateway.py", "crm.memory"),
    ("port", "crm/memory.py", "crm.salesforce.values"),
    ("emulators", "crm/emulators/salesforce/app.py", "crm.salesforce.soql"),
    ("emulators-are-apart", "qbwc_server/app.py", "crm.emulators.salesforce"),
    ("simulator", "qbwc_server/simulator/seed.py", "qbwc_server.mapping.latin1"),
    ("simulator-is-apart", "qbwc_server/worker/tasks.py", "qbwc_server.simulator"),
    ("mapping-and-store", "qbwc_server/mapping/fit.py", "qbxml.fields"),
    ("sync", "qbwc_server/sync/to_crm.py", "crm.salesforce.errors"),
    ("doors", "qbwc_server/worker/tasks.py", "qbwc_server.mapping.project"),
    ("books-side", "qbwc_server/soap/operations.py", "crm.port"),
    ("crm-side", "qbwc_server/worker/tasks.py", "qbxml.build"),
    ("pure", "qbwc_server/sync/decide.py", "sqlalchemy"),
]


def contracts() -> list[dict[str, Any]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return list(project["tool"]["importlinter"]["contracts"])


def lint(where: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """lint-imports over the tree in `where`, whatever else is installed."""
    return subprocess.run(
        [str(LINT), "--no-cache", *options],
        cwd=where,
        env={**os.environ, "PYTHONPATH": str(where), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources to plant imports in."""
    copy = tmp_path_factory.mktemp("tree")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.tsv"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def test_the_tree_keeps_every_contract(tree: Path) -> None:
    done = lint(tree)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(("contract", "file", "imported"), PLANTED)
def test_a_planted_import_breaks_its_contract(tree: Path, contract: str, file: str, imported: str) -> None:
    planted = tree / file
    before = planted.read_text("utf-8")
    planted.write_text(f"{before}\nimport {imported}  # planted\n", "utf-8")
    try:
        done = lint(tree, "--contract", contract)
    finally:
        planted.write_text(before, "utf-8")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 broken" in done.stdout


def test_every_contract_has_an_import_planted_against_it() -> None:
    assert {one["id"] for one in contracts()} == {contract for contract, _, _ in PLANTED}


def test_every_gateway_is_under_the_contracts_of_gateways() -> None:
    vendors = {f"crm.{path.parent.name}" for path in (ROOT / "crm").glob("*/__init__.py")} - {"crm.emulators"}
    named = {one["id"]: one for one in contracts()}
    assert set(named["vendors"]["source_modules"]) == vendors
    for contract in ("port", "sync", "doors"):
        assert vendors <= set(named[contract]["forbidden_modules"]), contract


def imported(path: Path) -> Iterator[str]:
    """The top-level names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]


def test_qbxml_needs_lxml_and_nothing_else() -> None:
    names = {name for path in (ROOT / "qbxml").rglob("*.py") for name in imported(path)}
    assert names - set(sys.stdlib_module_names) == {"qbxml", "lxml"}


def test_spyne_is_imported_in_one_file_only() -> None:
    importing = [path for path in (ROOT / "qbwc_server").rglob("*.py") if "spyne" in imported(path)]
    assert importing == [ROOT / "qbwc_server" / "soap" / "spyne_import.py"]
