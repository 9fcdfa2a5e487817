from pathlib import Path

import pytest

from qbxml.__main__ import main
from tests.conftest import SHARED

SAMPLES = [str(path) for path in sorted((SHARED / "reference" / "qbxml-samples").glob("*.xml"))]
GOOD_ADD = "<CustomerAddRq><CustomerAdd><Name>Ann</Name></CustomerAdd></CustomerAddRq>"
QUERY = '<CustomerQueryRs statusCode="0"><CustomerRet><Name>Ann</Name></CustomerRet></CustomerQueryRs>'


@pytest.fixture
def checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def check(*documents: str) -> tuple[int, list[str]]:
        files = []
        for number, document in enumerate(documents):
            file = tmp_path / f"{number}.xml"
            file.write_text(document, encoding="utf-8")
            files.append(str(file))
        status = main(["check", *files])
        return status, capsys.readouterr().out.splitlines()

    return check


@pytest.mark.skipif(not SAMPLES, reason="the shared samples are not beside this checkout")
def test_every_real_sample_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *SAMPLES]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(SAMPLES)


@pytest.mark.parametrize(
    "fragment",
    [
        GOOD_ADD,
        f'<?xml version="1.0"?>\n<!-- note -->\n{GOOD_ADD}\n',
        f"<QBXMLMsgsRq onError='stopOnError'>{GOOD_ADD}</QBXMLMsgsRq>",
        "<CustomerAdd><Name>Ann</Name></CustomerAdd>",
        QUERY,
        f"\ufeff\n{QUERY}",
        f'<?xml version="1.0" encoding="utf-8"?><?qbxml version="8.0"?>{GOOD_ADD}',
        f"<QBXMLMsgsRs>{QUERY}</QBXMLMsgsRs>",
        "<CustomerRet><Name>Ann</Name></CustomerRet>",
        "<CustomerRet><Name>Ann</Name><Color>red</Color></CustomerRet>",
    ],
)
def test_fragments_without_their_envelope_are_judged(checked, fragment: str) -> None:
    status, lines = checked(fragment)
    assert (status, len(lines)) == (0, 1)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("<CustomerAddRq><CustomerAdd><Phone>1</Phone></CustomerAdd></CustomerAddRq>", "Name is missing"),
        ("<CustomerAdd><Name>" + "x" * 42 + "</Name></CustomerAdd>", "allows 41"),
        ("<CustomerFindRq/>", "CustomerFindRq"),
        ("<QBXML><QBXMLMsgsRq onError='stopOnError'/></QBXML>", "qbxml version"),
        ("<CustomerQueryRs>", "unreadable"),
        ("<CustomerQueryRs/>", "statusCode"),
        ("<!DOCTYPE x><CustomerRet/>", "DOCTYPE"),
        ("", "unreadable"),
        ("words", "unreadable"),
        (f'<?qbxml version="99.0"?>{GOOD_ADD}', "99.0"),
        (f"{GOOD_ADD}{GOOD_ADD[:-4]}", "cannot be read"),
        ("<QBXML/>", "qbxml version"),
    ],
)
def test_a_wrong_document_is_told_in_one_line_and_the_exit_status(checked, document: str, told: str) -> None:
    status, (line,) = checked(document)
    assert status == 1
    assert told in line


def test_one_wrong_file_does_not_hide_the_good_ones(checked) -> None:
    status, lines = checked(GOOD_ADD, "", QUERY)
    assert status == 1
    assert ["unreadable" in line for line in lines] == [False, True, False]


def test_what_an_answer_does_outside_the_specification_is_a_note(checked) -> None:
    status, (line,) = checked("<CustomerRet><Color>red</Color></CustomerRet>")
    assert status == 0
    assert "notes: CustomerRet/Color" in line


def test_a_missing_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none.xml")]) == 1
    assert "cannot be read" in capsys.readouterr().out
    assert main(["show", str(tmp_path / "none.xml")]) == 1


def test_show_prints_names_and_values_but_obeys_no_control(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "answer.xml"
    file.write_text(QUERY.replace("Ann", "Ann\nBob\u009b31m"), encoding="utf-8")
    assert main(["show", str(file)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "CustomerQueryRs statusCode=0",
        "  CustomerRet",
        r"    Name: Ann\nBob\x9b31m",
    ]


def test_show_refuses_what_is_no_xml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "answer.xml"
    file.write_text("words")
    assert main(["show", str(file)]) == 1
    assert "cannot be shown" in capsys.readouterr().err


def test_describe_prints_a_table_of_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "CustomerAdd"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["field", "type", "length", "required", "repeats", "since", "values"]
    assert lines[1].split() == ["Name", "STR", "41", "yes"]
    assert any(line.split() == ["Cc", "STR", "1023", "12.0"] for line in lines)


@pytest.mark.parametrize(
    ("name", "near"), [("CustumerAdd", "CustomerAdd"), ("CustomerQuery", "CustomerQueryRq")]
)
def test_describe_tells_near_names(name: str, near: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", name]) == 1
    assert near in capsys.readouterr().err


def test_describe_tells_what_to_try_when_nothing_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "zzzzzz"]) == 1
    assert "CustomerAddRq" in capsys.readouterr().err
