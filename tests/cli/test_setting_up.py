"""Setting up from the command line, and what is said when something wrong is typed."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from crm.emulators.salesforce import SalesforceEmulator
from qbwc_server.cli.root import COMMANDS
from tests.cli.conftest import Line, Shop, every_command

# --- init ---


def test_init_makes_a_private_home_and_may_be_repeated(line: Line) -> None:
    assert "company add" in line.says("init")
    assert "Ready" in line.says("init")
    assert (line.home / "secret.key").stat().st_mode & 0o077 == 0
    assert line.home.stat().st_mode & 0o077 == 0


def test_a_command_without_an_installation_says_to_run_init(line: Line) -> None:
    assert "qbwc-server init" in line.refuses("company", "list")


def test_the_home_may_be_named_anywhere_on_the_line_or_in_the_environment(
    line: Line, ready: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready.says("company", "add", "Shop", "--user", "shop")
    elsewhere = Line(tmp_path / "nowhere")
    assert "Shop" in elsewhere.says("company", "list", "--home", str(ready.home))
    monkeypatch.setenv("QBWC_HOME", str(ready.home))
    assert "Shop" in ready.says("company", "list")


def test_broken_settings_are_named_with_their_file(ready: Line) -> None:
    (ready.home / "settings.toml").write_text("poll_seconds = 'often'\n")
    text = ready.refuses("company", "list")
    assert "poll_seconds" in text
    assert "settings.toml" in text
    (ready.home / "settings.toml").write_text("poll_seconds = \n")
    assert "settings.toml cannot be read" in ready.refuses("company", "list")


def test_an_unreachable_database_is_one_sentence(ready: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QBWC_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=1")
    assert "The database does not answer" in ready.refuses("company", "list")


def test_a_key_that_others_can_read_is_refused(ready: Line) -> None:
    (ready.home / "secret.key").chmod(0o644)
    assert "chmod 600" in ready.refuses("company", "list")


# --- what every command has ---


def test_a_mistyped_command_is_answered_with_the_nearest(line: Line) -> None:
    result = line("compny", "list")
    assert result.exit_code == 2
    assert "did you mean 'company'?" in result.stderr
    assert "did you mean 'list'?" in line("job", "lsit").stderr


def test_a_word_like_no_command_is_answered_with_all(line: Line) -> None:
    assert "init, company" in line("xyzzy").stderr


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_command_has_help(line: Line, path: tuple[str, ...]) -> None:
    text = line.says(*path, "--help")
    assert "--home" in text
    assert "Usage" in text


def test_the_table_of_commands_names_what_exists(line: Line) -> None:
    listed = line.says("--help")
    assert all(name in listed for name in COMMANDS)
    assert "doctor" in listed


@pytest.mark.parametrize("path", [(), ("company",), ("simulate", "fault")], ids=" ".join)
def test_the_list_of_commands_cuts_no_sentence(line: Line, path: tuple[str, ...]) -> None:
    assert "..." not in line.says(*path, "--help").partition("Commands:")[2].partition("A first set-up")[0]


def test_what_is_to_be_typed_next_can_be_typed_whatever_the_company_is_called(ready: Line) -> None:
    told = ready.says("company", "add", 'Müller "Nord" & Söhne', "--user", "mueller")
    after = shlex.split(told.partition("then: ")[2])
    assert after == ["qbwc-server", "qwc", 'Müller "Nord" & Söhne', ">", "company.qwc"]


def test_a_kind_without_any_connection_is_answered_with_that(ready: Line) -> None:
    assert "there is no connection yet" in ready.refuses("job", "approve", "--all", "--kind", "account")


def test_an_unforeseen_error_says_how_to_report_it(ready: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a cable is loose")

    monkeypatch.setattr("qbwc_server.store.parties.all_companies", fails)
    result = ready("company", "list")
    assert result.exit_code == 70
    assert "a cable is loose" in result.stderr
    assert "--debug" in result.stderr
    assert isinstance(ready("company", "list", "--debug").exception, RuntimeError)


# --- company ---


def test_a_generated_password_is_shown_once(ready: Line) -> None:
    shown = ready.says("company", "add", "Shop", "--user", "shop")
    [password] = [word for word in shown.split() if word.count("-") == 6]
    assert password not in ready.says("company", "list", "--json")


def test_a_password_of_ones_own_is_never_shown(ready: Line) -> None:
    shown = ready.says(
        "company", "add", "Shop", "--user", "shop", "--password-file", "-", answer="open sesame\n"
    )
    assert "sesame" not in shown
    assert "password, shown" not in shown


@pytest.mark.parametrize("content", ["", "\n", "x" * 2000])
def test_a_password_that_cannot_be_is_refused(ready: Line, content: str) -> None:
    text = ready.refuses("company", "add", "Shop", "--user", "shop", "--password-file", "-", answer=content)
    assert "1 to 1024 characters" in text
    assert ready.json("company", "list") == []


def test_a_missing_password_file_is_named(ready: Line, tmp_path: Path) -> None:
    result = ready("company", "add", "Shop", "--user", "shop", "--password-file", str(tmp_path / "none"))
    assert result.exit_code == 2
    assert "none" in result.stderr


def test_names_and_users_of_companies_are_unique(ready: Line) -> None:
    ready.says("company", "add", "Shop", "--user", "shop")
    for name in ("Shop", "SHOP"):
        assert "company Shop already" in ready.refuses("company", "add", name, "--user", "other")
    assert "belongs to Shop" in ready.refuses("company", "add", "Other", "--user", "shop")


@pytest.mark.parametrize("name", ["", " Shop", "Shop\\1", "Shop\n", "x" * 121])
def test_a_name_that_the_web_connector_could_not_use_is_refused(ready: Line, name: str) -> None:
    assert "cannot be a company name" in ready.refuses("company", "add", name, "--user", "shop")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "EST5", "../etc/passwd", ""])
def test_a_wrong_time_zone_is_refused_with_an_example(ready: Line, zone: str) -> None:
    text = ready.refuses("company", "add", "Shop", "--user", "shop", "--timezone", zone)
    assert "America/New_York" in text


def test_an_unknown_company_is_answered_with_the_nearest(ready: Line) -> None:
    assert "company add" in ready.refuses("qwc", "Shop")
    ready.says("company", "add", "Shop", "--user", "shop")
    assert "did you mean 'Shop'?" in ready.refuses("company", "confirm", "Shpo")


def test_a_new_password_replaces_the_old_one(shop: Shop) -> None:
    shop.update()
    shop.line.says("company", "password", "Shop", "--password-file", "-", answer="another one")
    [row] = shop.line.json("simulate", "connector", "update")
    assert not row["ok"]
    [name] = [row["application"]]
    (shop.files / "new").write_text("another one\n")
    shop.line.says("simulate", "connector", "password", name, str(shop.files / "new"))
    shop.update()


def test_a_copied_company_file_is_refused_until_a_person_confirms_it(shop: Shop) -> None:
    shop.account("Ann's Bakery")
    shop.sync()
    moved = shop.files / "moved.sqlite"
    moved.write_bytes((shop.files / "books.sqlite").read_bytes())
    qwc = str(shop.files / "shop.qwc")
    shop.line.says(
        "simulate",
        "connector",
        "add",
        qwc,
        "--company",
        str(moved),
        "--password-file",
        str(shop.files / "password"),
    )
    [row] = shop.line.json("simulate", "connector", "update")
    assert "company confirm Shop" in row["status"]
    assert "WRONG" in shop.line("doctor", "--offline").output
    shop.line.says("company", "confirm", "Shop")
    shop.update()
    assert shop.line.json("company", "list")[0]["file"].endswith("moved.qbw")


# --- qwc ---


def test_the_qwc_file_of_a_company_is_always_the_same(shop: Shop) -> None:
    first = shop.line("qwc", "Shop", "--url", "https://sync.example.com/qbwc").stdout
    assert shop.line("qwc", "Shop", "--url", "https://sync.example.com/qbwc").stdout == first
    assert "<AppName>QuickBooks Sync for Salesforce - Shop</AppName>" in first
    assert "<AppSupport>https://sync.example.com/support</AppSupport>" in first
    assert first.startswith("<?xml")
    assert "<RunEveryNMinutes>30<" in shop.line("qwc", "Shop", "--every", "30").stdout


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://sync.example.com/qbwc", "https://"),
        ("https://10.0.0.7/qbwc", "IP address"),
        ("https://127.1/qbwc", "IP address"),
        ("sync.example.com", "not a web address"),
        ("https://[::1/qbwc", "not a web address"),
    ],
)
def test_an_address_that_the_web_connector_refuses_is_refused_here(shop: Shop, url: str, said: str) -> None:
    assert said in shop.line.refuses("qwc", "Shop", "--url", url)


def test_a_company_without_a_connection_gets_its_file_and_a_note(ready: Line) -> None:
    ready.says("company", "add", "Shop", "--user", "shop")
    result = ready("qwc", "Shop")
    assert result.stdout.startswith("<?xml")
    assert "no connection yet" in result.stderr


# --- connection ---


def test_a_connection_is_checked_against_the_crm(shop: Shop) -> None:
    assert "CRM is ready" in shop.line.says("connection", "check", "CRM")
    assert "longer ones are refused" in shop.line.says("connection", "check", "CRM", "--warnings")
    found = shop.line.json("connection", "check", "CRM")
    assert found["ok"]
    assert found["user"]


def test_a_field_that_the_crm_does_not_show_is_named(shop: Shop) -> None:
    shop.salesforce.hide_field("Account", "QB_Sync_Error__c")
    result = shop.line("connection", "check", "CRM")
    assert result.exit_code == 1
    assert "QB_Sync_Error__c" in result.output
    assert "not ready" in result.output


def test_a_crm_that_is_down_is_one_sentence(shop: Shop) -> None:
    shop.salesforce.stop()
    result = shop.line("connection", "check", "CRM")
    assert result.exit_code == 1
    assert "CRM is not ready" in result.output
    assert shop.line.refuses("sync-now", "CRM", "--dry-run")
    assert "could not be read" in shop.line.refuses("sync-now", "CRM")
    assert shop.line("doctor").exit_code == 1


def test_a_wrong_login_is_one_sentence(shop: Shop) -> None:
    wrong = shop.files / "wrong.json"
    wrong.write_text(json.dumps({"consumer_key": "x", "consumer_secret": "y"}))
    shop.line.says("company", "add", "Other", "--user", "other")
    crm = ("--crm", "salesforce", "--url", elsewhere(shop), "--credentials", str(wrong))
    shop.line.says("connection", "add", "Second", "--company", "Other", *crm)
    result = shop.line("connection", "check", "Second")
    assert result.exit_code == 1
    assert "Second is not ready" in result.output


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not JSON"),
        (b"[]", "one JSON object"),
        (b'{"consumer_key": 1}', "consumer_key is not a text"),
        (b'{"consumer_key": "x"}', "consumer_secret"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"consumer_key": "x", "username": "u", "private_key_file": "none.pem"}', "none.pem"),
    ],
)
def test_a_bad_credentials_file_is_refused_before_anything_is_kept(
    ready: Line, tmp_path: Path, content: bytes, said: str
) -> None:
    ready.says("company", "add", "Shop", "--user", "shop")
    (tmp_path / "bad.json").write_bytes(content)
    crm = (
        "--crm",
        "salesforce",
        "--url",
        "https://x.my.salesforce.com",
        "--credentials",
        str(tmp_path / "bad.json"),
    )
    assert said in ready.refuses("connection", "add", "CRM", "--company", "Shop", *crm)
    assert ready.json("connection", "list") == []


def test_a_private_key_is_kept_so_that_its_file_may_go(ready: Line, tmp_path: Path) -> None:
    with SalesforceEmulator() as salesforce:
        known = salesforce.credentials()
        (tmp_path / "key.pem").write_text(known["private_key"])
        login = {name: known[name] for name in ("consumer_key", "username")} | {"private_key_file": "key.pem"}
        (tmp_path / "jwt.json").write_text(json.dumps(login))
        ready.says("company", "add", "Shop", "--user", "shop")
        crm = ("--crm", "salesforce", "--url", salesforce.url, "--credentials", str(tmp_path / "jwt.json"))
        ready.says("connection", "add", "CRM", "--company", "Shop", *crm)
        (tmp_path / "key.pem").unlink()
        assert "CRM is ready" in ready.says("connection", "check", "CRM")


def test_what_cannot_be_connected_says_why(shop: Shop) -> None:
    login = ("--credentials", str(shop.files / "credentials.json"))
    base = ("connection", "add", "Second", "--company", "Shop", "--crm")
    assert "connected with this company already" in shop.line.refuses(
        *base, "salesforce", "--url", shop.salesforce.url
    )
    shop.line.says("company", "add", "Other", "--user", "other")
    other = ("connection", "add", "CRM", "--company", "Other", "--crm")
    assert "already" in shop.line.refuses(*other, "salesforce", "--url", shop.salesforce.url)
    assert "credentials are needed" in shop.line.refuses(
        *base, "salesforce", "--url", "https://new.my.salesforce.com"
    )
    assert "no gateway for 'sap'" in shop.line.refuses(*base, "sap", "--url", shop.salesforce.url, *login)
    assert "https" in shop.line.refuses(*base, "salesforce", "--url", "http://x.example.com", *login)
    unknown = (
        "connection",
        "add",
        "Second",
        "--company",
        "Nobody",
        "--crm",
        "salesforce",
        "--url",
        "https://x.y",
    )
    assert "There is no company 'Nobody'" in shop.line.refuses(*unknown, *login)


def elsewhere(shop: Shop) -> str:
    """Another address of the same emulated CRM: another organisation, as far as the server knows."""
    return shop.salesforce.url.replace("127.0.0.1", "localhost")


def test_an_override_that_names_nothing_is_refused(shop: Shop) -> None:
    override = shop.files / "override.json"
    override.write_text(json.dumps({"kinds": {"acount": {}}}))
    shop.line.says("company", "add", "Other", "--user", "other")
    login = ("--credentials", str(shop.files / "credentials.json"))
    crm = ("--crm", "salesforce", "--url", elsewhere(shop), *login)
    base = ("connection", "add", "Second", "--company", "Other", *crm)
    assert "did you mean 'account'?" in shop.line.refuses(*base, "--override", str(override))
    override.write_text(json.dumps({"limits": {"creates": 5}}))
    shop.line.says(*base, "--override", str(override))
    assert "creates is 5, shipped 200" in shop.line.says("mapping", "diff", "Second")


def test_one_organisation_serves_one_company(shop: Shop) -> None:
    shop.line.says("company", "add", "Other", "--user", "other")
    crm = ("--crm", "salesforce", "--url", shop.salesforce.url)
    assert "another company" in shop.line.refuses("connection", "add", "Second", "--company", "Other", *crm)


def test_a_stopped_connection_writes_nothing_until_it_is_started(shop: Shop) -> None:
    shop.line.says("connection", "stop", "CRM", "--reason", "year end")
    shop.account("Ann's Bakery")
    shop.sync()
    assert shop.names_in_books() == []
    assert "year end" in shop.line.says("connection", "list")
    assert "stopped: year end" in shop.line("doctor", "--offline").output
    shop.line.says("connection", "start", "CRM")
    shop.sync()
    assert shop.names_in_books() == ["Ann's Bakery"]


def test_lists_are_json_for_programs(shop: Shop) -> None:
    [company] = shop.line.json("company", "list")
    [connection] = shop.line.json("connection", "list")
    assert company["user"] == "shop"
    assert connection["company"] == "Shop"
    assert os.fspath(shop.files) not in json.dumps(connection)
