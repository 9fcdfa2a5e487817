"""The wrong company file is never read from or written to (design promise 4, protocol 4.1)."""

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

import qbxml
from qbwc_server.app import Installation
from qbwc_server.soap.identity import judge, read_file
from qbwc_server.soap.qwc import OWNER_ID
from qbwc_server.store import parties, records
from tests.rows import COMPANY, FILE_ID, NOW, like
from tests.soap.quickbooks_answers import answer, canned
from tests.soap.shop import HCP, PATH, VALUES, Caller, add_doubted_set, company_of

NAME = "Right & Söhne <Tools>"
PINNED = like(COMPANY, pinned_name=NAME, pinned_path=PATH, pinned_at=NOW)
ABOUT_THE_FILE = {"HostQueryRq", "CompanyQueryRq", "PreferencesQueryRq"}


def requests_in(text: str) -> set[str]:
    message_set = ElementTree.fromstring(text).find("QBXMLMsgsRq")
    assert message_set is not None
    return {request.tag for request in message_set}


def problem(company: object = COMPANY, hcp: str = HCP, path: str = PATH) -> str:
    seen = read_file(hcp, path, "US")
    assert seen is not None
    return judge(company, seen).problem  # type: ignore[arg-type]


def test_the_file_says_who_it_is() -> None:
    seen = read_file(HCP, f" {PATH} ", "US")
    assert seen is not None
    assert (seen.file_id, seen.company_name, seen.path) == (FILE_ID, NAME, PATH)
    assert (seen.version, seen.country) == ("13.0", "US")
    assert seen.product.startswith("QuickBooks Enterprise")


@pytest.mark.parametrize("spelled", [str.lower, str.upper, str.swapcase, lambda text: f"  {text}\n"])
def test_a_fileid_is_the_same_however_it_is_spelled(spelled: Callable[[str], str]) -> None:
    assert problem(hcp=HCP.replace(FILE_ID, spelled(FILE_ID))) == ""


@pytest.mark.parametrize("spelled", [str.lower, str.upper])
def test_an_ownerid_is_the_same_however_it_is_spelled(spelled: Callable[[str], str]) -> None:
    assert problem(hcp=HCP.replace(OWNER_ID, spelled(OWNER_ID))) == ""


@pytest.mark.parametrize("name", ["hcp-other-fileid.xml", "hcp-no-fileid.xml", "hcp-other-owner.xml"])
def test_a_file_without_our_fileid_is_refused_by_name(name: str) -> None:
    said = problem(hcp=canned(name, VALUES))
    assert "Right Tools" in said
    assert said.endswith(".")


@pytest.mark.parametrize("path", [PATH.lower(), PATH.upper(), f" {PATH} "])
def test_windows_does_not_tell_letter_cases_apart(path: str) -> None:
    assert problem(PINNED, path=path) == ""


@pytest.mark.parametrize(
    ("pinned", "path", "told"),
    [
        ({"pinned_name": "Left Tools"}, PATH, ["Left Tools", NAME]),
        ({}, "D:\\Copies\\Right.qbw", [PATH, "D:\\Copies\\Right.qbw"]),
        ({}, "", [PATH, "unknown"]),
        ({"pinned_path": ""}, PATH, ["unknown", PATH]),
    ],
)
def test_a_copied_file_is_refused_and_the_change_is_told(
    pinned: dict[str, str], path: str, told: list[str]
) -> None:
    said = problem(like(PINNED, **pinned), path=path)
    assert all(one in said for one in told)
    assert 'qbwc-server company confirm "Right Tools"' in said


@pytest.mark.parametrize(
    "hcp",
    [
        "",
        "HOSTQUERY/COMPANYQUERY/PREFQUERY is currently not supported in QBPOS.",
        "<html>",
        HCP[:900],
        "<QBXML/>",
    ],
)
def test_what_cannot_be_read_says_nothing_of_a_file(hcp: str) -> None:
    assert read_file(hcp, PATH, "US") is None


def test_a_quickbooks_without_a_version_that_we_know_is_refused_and_nothing_breaks() -> None:
    said = problem(hcp=re.sub(r"<SupportedQBXMLVersion>.*\n", "", HCP))
    assert "version" in said


# --- in a visit ---


def test_the_first_visit_pins_name_and_path(installation: Installation, caller: Caller) -> None:
    caller.log_in()
    caller.send(HCP)
    company = company_of(installation)
    assert (company.pinned_name, company.pinned_path, company.pinned_at) == (NAME, PATH, installation.clock())
    assert (company.qbxml_version, company.country) == ("13.0", "US")


def test_a_country_of_any_length_is_kept_as_it_was_told(installation: Installation, caller: Caller) -> None:
    caller.log_in()
    caller.send(HCP.replace("<Country>US</Country>", "<Country>United Kingdom</Country>"))
    assert company_of(installation).country == "United Kingdom"


def test_a_later_visit_pins_nothing_anew(installation: Installation, caller: Caller) -> None:
    with installation.database.write() as tx:
        parties.change_company(tx, "shop", pinned_name=NAME, pinned_path=PATH, pinned_at=NOW)
    caller.log_in()
    assert "CustomerQueryRq" in requests_in(caller.send(HCP))
    assert company_of(installation).pinned_at == NOW


@pytest.mark.parametrize("hcp", ["hcp-other-fileid.xml", "hcp-copied-file.xml"])
def test_a_wrong_file_ends_the_visit_before_anything_is_asked(
    installation: Installation, caller: Caller, hcp: str
) -> None:
    with installation.database.write() as tx:
        parties.change_company(tx, "shop", pinned_name=NAME, pinned_path=PATH, pinned_at=NOW)
    add_doubted_set(installation, 1)
    before = company_of(installation)
    caller.log_in()
    assert caller.send(canned(hcp, VALUES), "D:\\Copies\\Copy of Right.qbw") == ""
    told = caller.last_error()
    assert "Right Tools" in told
    assert caller.send(HCP) == ""
    assert caller.close() == told
    assert company_of(installation) == like(before, last_visit_at=installation.clock())


UNREADABLE = {
    "missing": "",
    "cut off": canned("hcp-cut-off.xml", VALUES),
    "with a DOCTYPE": canned("hcp-doctype.xml", VALUES),
    "of Point of Sale": canned("hcp-pos.txt", VALUES),
    "without a FileID": canned("hcp-no-fileid.xml", VALUES),
    "under a stranger's OwnerID": canned("hcp-other-owner.xml", VALUES),
}


@pytest.mark.parametrize("hcp", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_the_server_asks_itself_when_it_was_not_told_and_then_goes_on(
    installation: Installation, caller: Caller, hcp: str
) -> None:
    caller.log_in()
    asked = caller.send(hcp)
    assert requests_in(asked) <= ABOUT_THE_FILE
    # Any QuickBooks that knows private data understands the question, and OwnerID must be given to be told it.
    assert '<?qbxml version="2.0"?>' in asked
    assert OWNER_ID in asked
    assert company_of(installation).pinned_name is None
    assert 0 <= caller.receive(answer(asked, VALUES)) < 100
    assert company_of(installation).pinned_name == NAME
    assert "CustomerQueryRq" in requests_in(caller.send())


@pytest.mark.parametrize("file", ["hcp-other-fileid.xml", "hcp-no-fileid.xml", "hcp-other-owner.xml"])
def test_a_wrong_file_is_refused_when_the_server_asked_itself(caller: Caller, file: str) -> None:
    caller.log_in()
    caller.send()
    assert caller.receive(canned(file, VALUES)) < 0
    assert "Right Tools" in caller.last_error()
    assert caller.send(HCP) == ""


@pytest.mark.parametrize(
    ("response", "hresult"),
    [
        ("", "0x80040400"),
        ("", "0x8004040D"),
        ("", ""),
        ("<html>", ""),
        (canned("answer-cut-off.xml", VALUES), ""),
    ],
)
def test_without_an_answer_to_who_the_file_is_the_visit_ends(
    caller: Caller, response: str, hresult: str
) -> None:
    caller.log_in()
    caller.send()
    assert caller.receive(response, hresult) < 0
    assert "which company file" in caller.last_error()


def test_the_path_of_the_first_call_is_what_counts_when_the_server_asks_itself(
    installation: Installation, caller: Caller
) -> None:
    with installation.database.write() as tx:
        parties.change_company(tx, "shop", pinned_name=NAME, pinned_path=PATH, pinned_at=NOW)
    caller.log_in()
    asked = caller.send("", "D:\\Copies\\Right.qbw")
    assert caller.receive(answer(asked, VALUES)) < 0
    assert "D:\\Copies" in caller.last_error()


def test_nothing_is_decided_before_the_file_is_known(
    installation: Installation, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided: list[str] = []
    monkeypatch.setattr("qbwc_server.sync.visit.decide", lambda *_: decided.append("now"))
    with installation.database.write() as tx:
        records.mark_undecided(tx, "con", "crm", "account", ["001A"], installation.clock())
    caller.log_in()
    asked = caller.send()
    caller.receive(answer(asked, VALUES))
    assert decided == []
    caller.send()
    assert decided == ["now"]


def test_the_answer_that_names_the_file_is_read_like_any_other() -> None:
    """The question the server asks itself has the shape of strHCPResponse's, so one reader does for both."""
    asked = qbxml.build([qbxml.Request("HostQueryRq", {}, "a"), qbxml.Request("CompanyQueryRq", {}, "b")])
    assert read_file(answer(asked, VALUES), PATH, "") == read_file(HCP, PATH, "US")
