import re
from pathlib import Path

import pytest

from qbxml import HRESULT, MESSAGE_SET_STATUS, STATUS, hresult, next_step, status

ACTIONS = {"ok", "ignore", "retry", "reread", "rename", "person", "fix", "feature"}


def test_every_status_code_of_the_reference_is_known_with_its_severity(shared: Path) -> None:
    text = (shared / "reference" / "qbxml-semantics.md").read_text(encoding="utf-8")
    section = text.partition("## 2 Status codes")[2].partition("## 3 ")[0]
    expected = {
        int(code): severity
        for codes, severity in re.findall(r"^\| ([\d, ]+) \| (Info|Warn|Error) \|", section, re.MULTILINE)
        for code in codes.split(",")
    }
    assert len(expected) > 60
    assert {code: STATUS[code].severity for code in expected} == expected


def test_the_actions_of_single_meaning_codes_are_those_of_the_reference(shared: Path) -> None:
    text = (shared / "reference" / "qbxml-semantics.md").read_text(encoding="utf-8")
    section = text.partition("## 2 Status codes")[2].partition("## 3 ")[0]
    letters = {"R": "retry", "E": "reread", "N": "rename", "P": "person", "F": "fix", "I": "ignore"}
    rows = re.findall(r"^\| ([\d, ]+) \| (?:Info|Warn|Error) \|.*\| ([RENPFI]) \|$", section, re.MULTILINE)
    expected = {int(code): letters[letter] for codes, letter in rows for code in codes.split(",")}
    assert len(expected) > 30
    assert {code: STATUS[code].action for code in expected} == expected


def test_every_hresult_of_the_reference_is_known(shared: Path) -> None:
    text = (shared / "reference" / "qbwc-protocol.md").read_text(encoding="utf-8")
    section = text.partition("### 4.3 HRESULT")[2].partition("\n---")[0]
    rows = re.findall(r"^\| (0x8[0-9A-F]{7}) \| (.*?) \|", section, re.MULTILINE)
    expected = {code for code, meaning in rows if not meaning.startswith("not found in the sources")}
    assert len(expected) > 25
    assert expected == set(HRESULT)


def test_what_the_reference_calls_transient_is_tried_again(shared: Path) -> None:
    text = (shared / "reference" / "qbwc-protocol.md").read_text(encoding="utf-8")
    section = text.partition("### 4.3 HRESULT")[2].partition("\n---")[0]
    transient = set(re.findall(r"^\| (0x8[0-9A-F]{7}) \|.*transient", section, re.MULTILINE))
    assert transient
    assert {
        code for code in transient if not (HRESULT[code].transient and HRESULT[code].action == "retry")
    } == set()


def test_no_status_code_that_the_reference_names_anywhere_is_judged_by_its_range_alone(shared: Path) -> None:
    text = (shared / "reference" / "qbxml-semantics.md").read_text(encoding="utf-8")
    named = {int(code) for code in re.findall(r"(?<![\d/.-])3[0-4]\d\d(?![\d/.-])", text)} - {
        3099
    }  # end of a range
    assert len(named) > 50
    assert named <= set(STATUS)


def test_a_dead_iterator_means_to_ask_again_from_the_start() -> None:
    found = status(3391)
    assert (found.severity, found.action) == ("Error", "reread")
    assert "first page" in found.sentence


@pytest.mark.parametrize(
    ("code", "message", "step"),
    [
        (0, "Status OK", "ok"),
        (1, "A query request did not find a matching object in QuickBooks", "ignore"),
        (500, 'There was a required element ("x") that could not be found in QuickBooks.', "ignore"),
        (3100, 'The name "Ann" of the list element is already in use.', "rename"),
        (3170, "The internals could not be locked. They are in use by another user.", "retry"),
        (3170, "Cannot merge list elements.", "rename"),
        (3170, "Something else.", "person"),
        (3175, "The transaction could not be locked. It is in use by another user.", "retry"),
        (3180, "QuickBooks error message: The list has been modified by another user.", "retry"),
        (3180, "QuickBooks error message: Failed to acquire the lock.", "retry"),
        (3180, "QuickBooks error message: The list element is in use.", "retry"),
        (3180, "QuickBooks error message: The account number is already in use.", "rename"),
        (3180, "QuickBooks error message: The credit limit would be exceeded.", "person"),
        (3200, 'The provided edit sequence "1272664823" is out-of-date. ', "reread"),
        (3210, "You cannot pay more than the amount due.", "person"),
        (3231, "The request has not been processed.", "retry"),
        (3250, "This feature is not enabled or not available in this version of QuickBooks.", "feature"),
        (3999, "The record is in use.", "retry"),
        (3999, "The block is empty.", "person"),
        (3999, "The number is already in use.", "person"),
        (9150, "Macro unknown.", "fix"),
        (42, "News.", "ignore"),
        (700, "It is locked.", "person"),
        (-1, "?", "person"),
    ],
)
def test_the_next_step_follows_code_and_text(code: int, message: str, step: str) -> None:
    assert next_step(code, message) == step


@pytest.mark.parametrize(
    ("code", "severity"),
    [(7, "Info"), (499, "Info"), (599, "Warn"), (999, "Warn"), (1001, "Error"), (9999, "Error")],
)
def test_an_unknown_code_is_judged_by_its_range(code: int, severity: str) -> None:
    found = status(code)
    assert (found.code, found.severity) == (code, severity)


def test_every_entry_has_an_action_of_the_list_and_a_sentence() -> None:
    for table in (STATUS, MESSAGE_SET_STATUS, HRESULT):
        for code, info in table.items():
            assert info.code == code
            assert info.action in ACTIONS
            assert info.sentence.endswith(".")


def test_the_codes_of_recovered_sets_are_those_of_the_reference() -> None:
    assert set(MESSAGE_SET_STATUS) == {0, 600, 9001, 9002, 9004, 9005}


@pytest.mark.parametrize("text", ["0x80040400", " 0X80040400 ", "0x80040400\n", "80040400"])
def test_an_hresult_is_found_however_it_is_written(text: str) -> None:
    assert hresult(text).code == "0x80040400"
    assert hresult(text).action == "fix"


def test_letters_in_an_hresult_are_compared_without_case() -> None:
    assert hresult("0x8004041d") is hresult("0x8004041D")


def test_an_unknown_hresult_needs_a_person_and_keeps_its_code() -> None:
    found = hresult("0x8004FFFF")
    assert (found.code, found.action, found.transient) == ("0x8004FFFF", "person", False)
