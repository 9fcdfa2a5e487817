"""The simulated company file and Web Connector, from the command line."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Line, Shop

NEWER = '<?xml version="1.0"?><?qbxml version="13.0"?><QBXML><QBXMLMsgsRq onError="stopOnError">'
HOST = f'{NEWER}<HostQueryRq requestID="1"/></QBXMLMsgsRq></QBXML>'
CUSTOMER = """<?xml version="1.0" ?><QBXML><QBXMLMsgsRs><CustomerQueryRs statusCode="0" statusSeverity="Info"
statusMessage="Status OK"><CustomerRet><ListID>80000001-1</ListID><TimeCreated>2026-01-05T10:00:00-05:00</TimeCreated>
<TimeModified>2026-01-05T10:00:00-05:00</TimeModified><EditSequence>1</EditSequence><Name>Ann</Name>
<FullName>Ann</FullName><IsActive>true</IsActive><Sublevel>0</Sublevel></CustomerRet></CustomerQueryRs>
</QBXMLMsgsRs></QBXML>"""


def test_a_company_file_is_made_filled_and_shown(line: Line, tmp_path: Path) -> None:
    file = str(tmp_path / "books.sqlite")
    assert "made for Acme" in line.says("simulate", "company", "new", file, "--name", "Acme")
    assert "3 customers" in line.says("simulate", "company", "seed", file, "3", "--seed", "7")
    (tmp_path / "recorded.xml").write_text(CUSTOMER)
    assert "1 customers" in line.says("simulate", "company", "load", file, str(tmp_path / "recorded.xml"))
    assert "Ann" in line.says("simulate", "company", "show", file)
    assert "ListID: 80000001-1" in line.says("simulate", "company", "show", file, "Ann")
    assert line.json("simulate", "company", "show", file, "Ann")["Name"] == "Ann"
    assert len(line.json("simulate", "company", "show", file)) >= 4


def test_a_request_is_answered_as_quickbooks_would(line: Line, tmp_path: Path) -> None:
    file = str(tmp_path / "books.sqlite")
    line.says("simulate", "company", "new", file)
    result = line("simulate", "company", "answer", file, answer=HOST)
    assert result.exit_code == 0
    assert 'statusCode="0"' in result.stdout
    assert result.stderr == ""


def test_a_refusal_by_the_parser_is_its_code_and_text(line: Line, tmp_path: Path) -> None:
    file = str(tmp_path / "books.sqlite")
    line.says("simulate", "company", "new", file)
    for request in (b"<x", b"", b"\xff\xfe\x00", f"{NEWER}<NoRq/></QBXMLMsgsRq></QBXML>".encode()):
        result = line("simulate", "company", "answer", file, answer=request)
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.startswith("0x80040400 QuickBooks found an error when parsing")
        assert len(result.stderr.splitlines()) == 1


def test_what_cannot_be_simulated_says_why(line: Line, tmp_path: Path) -> None:
    file = str(tmp_path / "books.sqlite")
    assert "There is no company file" in line.refuses("simulate", "company", "show", file)
    line.says("simulate", "company", "new", file)
    assert "exists already" in line.refuses("simulate", "company", "new", file)
    assert "time zone" in line.refuses("simulate", "company", "new", f"{file}2", "--timezone", "Mars/Olympus")
    assert "does not exist" in line.refuses("simulate", "connector", "add", str(tmp_path / "no.qwc"))
    assert "No application" in line.refuses("simulate", "connector", "update")
    assert "There is no log" in line.refuses("simulate", "connector", "log")
    (tmp_path / "bad.qwc").write_text("<QBWCXML/>")
    assert "QBWC1039" in line.refuses("simulate", "connector", "add", str(tmp_path / "bad.qwc"))


def test_without_an_open_company_file_the_connector_asks_for_it(line: Line, tmp_path: Path) -> None:
    (tmp_path / "shop.qwc").write_text("<QBWCXML/>")
    assert "--company FILE" in line.refuses("simulate", "connector", "add", str(tmp_path / "shop.qwc"))


def test_an_update_shows_its_status_and_leaves_a_log(shop: Shop) -> None:
    text = shop.line.says("simulate", "connector", "update")
    assert "nothing to do" in text
    [row] = shop.line.json("simulate", "connector", "auto-run", "--every", "1", "--times", "1")
    assert row["calls"][0] == "serverVersion"
    log = shop.line.says("simulate", "connector", "log")
    assert "updateWS() for application" in log
    assert "correct horse" not in log
    assert "No application 'Other'" in shop.line.refuses("simulate", "connector", "update", "Other")


def test_a_failed_update_ends_with_1(shop: Shop) -> None:
    (shop.files / "wrong").write_text("wrong")
    [row] = shop.line.json("simulate", "connector", "update")
    shop.line.says("simulate", "connector", "password", row["application"], str(shop.files / "wrong"))
    result = shop.line("simulate", "connector", "update")
    assert result.exit_code == 1
    assert "no" in result.output
