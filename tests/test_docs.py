"""Documents tell the truth: about the tree, the words, the commands, the dependencies."""

from __future__ import annotations

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.command_lines import commands_in, refusal

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("qbxml", "schemas", "crm", "qbwc_server")

# The words of the design, each with one meaning; a word that is added there is added here.
WORDS = """
company, organisation, connection, profile, gateway, kind, record, link, base, line link, link job, lane, sync run,
visit, exchange, watermark, echo, conflict, in doubt, derived value,
poll, ingest, decide, offer, settle, probe, deliver, reconcile
"""

# Spelled in pieces, or this file would find itself.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.-])/(?:"
    + "|".join(["work", "farm", "root", "home/[a-z]+", "tm" + "p"])
    + r")/\w",
    "a package index": r"(?:py"
    + r"pi\.org|python"
    + r"hosted\.org|registry\.npm"
    + r"js\.org|deb\.debian"
    + r"\.org)",
    "an index option": r"--(?:extra-)?index" + "-url",
    "unfinished work": r"\b(?:TO" + "DO|FIX" + r"ME)\b",
}
SHARED_ONLY_IN_TESTS = r"\.\./sha" + "red"


@cache
def tracked() -> tuple[Path, ...]:
    """The files of the repository; also those that are new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("this is no git checkout")
    return tuple(path for name in done.stdout.splitlines() if (path := ROOT / name).is_file())


def texts() -> list[tuple[str, str]]:
    found = []
    for path in tracked():
        try:
            found.append((path.relative_to(ROOT).as_posix(), path.read_text("utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def documents() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def section(document: str, title: str) -> str:
    text = (ROOT / document).read_text("utf-8")
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return str(found)


def first_cells(text: str) -> list[str]:
    """The first column of the tables in a text, without heads and rules."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    rules = [number for number, line in enumerate(rows) if re.fullmatch(r"[| :-]+", line)]
    skipped = {*rules, *(number - 1 for number in rules)}
    return [row.split("|")[1].strip() for number, row in enumerate(rows) if number not in skipped]


# --- README ---


def test_the_map_of_the_house_is_the_tree() -> None:
    tops = {path.relative_to(ROOT).parts[0] + "/" for path in tracked() if path.parent != ROOT}
    packages = {
        path.parent.relative_to(ROOT).as_posix() + "/"
        for path in tracked()
        if path.name == "__init__.py" and path.relative_to(ROOT).parts[0] in PACKAGES
    }
    told = [cell.strip("`") for cell in first_cells(section("README.md", "Map of the house"))]
    assert sorted(told) == sorted(tops | packages)


def test_the_glossary_has_every_word_of_the_design_once() -> None:
    words = [word.strip() for word in WORDS.split(",")]
    told = first_cells(section("README.md", "Glossary"))
    assert [word for word in words if told.count(word) != 1] == []
    assert len(told) == len(set(told))


def command_lines() -> list[tuple[str, str]]:
    blocks = [
        (path.relative_to(ROOT).as_posix(), block)
        for path in documents()
        for block in re.findall(r"^```console\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    ]
    in_blocks = [(name, " ".join(arguments)) for name, block in blocks for arguments in commands_in(block)]
    inline = [
        (path.relative_to(ROOT).as_posix(), " ".join(arguments))
        for path in documents()
        for line in re.findall(r"`(qbwc-server [^`\n]+)`", path.read_text("utf-8"))
        for arguments in commands_in(line)
    ]
    return sorted({*in_blocks, *inline})


@pytest.mark.parametrize(("document", "arguments"), command_lines())
def test_a_command_that_is_shown_is_one_that_there_is(document: str, arguments: str) -> None:
    assert refusal(arguments.split()) == ""


def test_make_targets_that_are_shown_are_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    shown = {
        target
        for path in documents()
        for target in re.findall(r"(?:^|`)make ([a-z]+)\b", path.read_text("utf-8"), re.MULTILINE)
    }
    assert shown <= targets


# --- CONTRIBUTING ---


def test_every_dependency_has_its_reason() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = document["project"]
    required = project["dependencies"] + project["optional-dependencies"]["dev"]
    required += [one for group in document["dependency-groups"].values() for one in group]
    names = sorted({re.split(r"[\[<>=;! ]", one)[0] for one in required})
    assert sorted(first_cells(section("CONTRIBUTING.md", "Dependencies"))) == names


def test_the_version_is_told_in_the_changelog() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


# --- every document ---


def links() -> list[tuple[str, str]]:
    found = []
    for path in documents():
        prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        targets = re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose)
        found += [(path.relative_to(ROOT).as_posix(), target) for target in targets if "://" not in target]
    return found


def anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize(("document", "target"), links())
def test_a_link_leads_somewhere(document: str, target: str) -> None:
    file, _, anchor = target.partition("#")
    path = (ROOT / document).parent / file if file else ROOT / document
    assert path.exists()
    if anchor:
        assert anchor in anchors(path)


def packages() -> list[str]:
    return sorted(
        {
            path.parent.relative_to(ROOT).as_posix()
            for path in tracked()
            if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES
        }
    )


@pytest.mark.parametrize("package", packages())
def test_a_readme_names_every_module(package: str) -> None:
    """The package's own README, or the nearest one above that speaks for it."""
    folder = ROOT / package
    readme = next(here / "README.md" for here in (folder, *folder.parents) if (here / "README.md").is_file())
    text = readme.read_text("utf-8")
    modules = {path.name for path in tracked() if path.parent == folder and path.suffix == ".py"}
    missing = [name for name in sorted(modules - {"__init__.py", "__main__.py"}) if name not in text]
    assert missing == [] or re.fullmatch(r".*/migrations/versions", package)


# --- every file ---


def test_no_file_is_too_long_to_read() -> None:
    lengths = {name: len(text.splitlines()) for name, text in texts() if name.endswith(".py")}
    assert {name: length for name, length in lengths.items() if length > 500} == {}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_tells_of_one_machine_or_of_its_making(what: str) -> None:
    found = [
        f"{name}: {match.group(0)}" for name, text in texts() for match in re.finditer(FORBIDDEN[what], text)
    ]
    assert found == []


def test_only_tests_look_beside_the_checkout() -> None:
    found = [
        name
        for name, text in texts()
        if re.search(SHARED_ONLY_IN_TESTS, text) and not name.startswith("tests/")
    ]
    assert found == []
