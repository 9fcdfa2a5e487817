"""The command line knows every message."""

import subprocess
import sys
from pathlib import Path

import pytest

import qbxml
from qbxml import Request, Ret, Status, build, build_answer, fields, tables
from qbxml.__main__ import main
from qbxml.check import judge
from qbxml.reference import page
from tests.qbxml.trees import fullest

PAGE = Path(qbxml.__file__).with_name("MESSAGES.md")
REQUESTS = tables.requests()
ANSWERS = [f"{name[:-2]}Rs" for name in REQUESTS]
MOST_BYTES = 600_000


def test_there_are_as_many_messages_as_the_specification_has() -> None:
    assert len(REQUESTS) == len(ANSWERS) == 232


@pytest.mark.parametrize("name", [*REQUESTS, *ANSWERS])
def test_each_message_is_described_with_all_its_fields(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", name]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split()[:2] == ["field", "type"]
    assert [line.split()[:2] for line in lines] == [[field.path, field.type] for field in fields(name)]


@pytest.mark.parametrize("name", REQUESTS)
def test_each_request_is_checked(name: str) -> None:
    made = Request(name, fullest(tables.shape(name), 0))
    good = judge(build([made]).encode())
    assert (good.good, good.text) == (True, f"good request, qbXML 13.0: 1 {name}")
    wrong = judge(
        build([made])
        .replace(f"</{name}>", f"<Bogus/></{name}>")
        .replace(f"<{name}/>", f"<{name} a='1'/>")
        .encode()
    )
    assert not wrong.good
    assert name in wrong.text


@pytest.mark.parametrize("name", ANSWERS)
def test_each_answer_is_checked(name: str) -> None:
    shape, status = tables.shape(name), Status(name)
    flat = any(element.is_leaf for element in shape.order)
    values = fullest(shape, 0)
    if flat:
        values.pop("ErrorRecovery", None)
        rets = [Ret(name, values, status)]
    else:
        lists = {
            kind: value if isinstance(value, list) else [value]
            for kind, value in values.items()
            if kind[0] != "@"
        }
        rets = [Ret(kind, item, status) for kind, items in lists.items() for item in items]
    found = judge(build_answer([(status, rets)]).encode())
    assert found.good
    assert found.text.startswith(f"answer: {name} 0;")
    assert "notes" not in found.text


def test_the_page_of_all_messages_is_what_the_command_writes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "qbxml", "reference"], capture_output=True, check=True, cwd=PAGE.parents[1]
    )
    assert done.stdout.replace(b"\r\n", b"\n") == PAGE.read_bytes()
    assert len(done.stdout) < MOST_BYTES


def test_the_page_has_every_message_and_tells_every_name_that_it_refers_to() -> None:
    text = page().partition("## Objects")[2]
    headings = {line.split()[1] for line in text.splitlines() if line.startswith("### ")}
    assert {*REQUESTS, *ANSWERS} <= headings
    referred = {
        word[1:] for line in text.splitlines() for word in line.split() if word[0] == "@" and len(word) > 1
    }
    assert referred <= headings


@pytest.mark.parametrize("message", ["CustomerAddRq", "InvoiceModRq", "TxnDeletedQueryRq"])
def test_a_message_on_the_page_has_the_leaves_of_its_description(message: str) -> None:
    text = page()
    names = {field.path.rpartition("/")[2] for field in fields(message)} - {"ListID", "FullName"}
    told, waiting = set(), [message]
    seen = set(waiting)
    while waiting:
        (section,) = [part for part in text.split("\n### ") if part.split()[0] == waiting[-1]]
        waiting.pop()
        words = section.partition("```text\n")[2].partition("```")[0].split()
        told |= set(words)
        for name in (word[1:] for word in words if word[0] == "@" and len(word) > 1):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    assert names <= told
