"""What fuzzing found, each as the smallest input that shows it."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from gunicorn.config import Config

import qbxml
from qbwc_server import mapping
from qbwc_server.cli.connection import json_object
from qbwc_server.cli.server import Serving, gunicorn_settings
from qbwc_server.errors import Problem
from qbwc_server.logs import WITHOUT_REQUESTS
from qbwc_server.mapping.conversion import Target
from qbwc_server.secrets import mask
from qbwc_server.settings import FILE, load_settings
from qbwc_server.soap.exchanges import STRANGERS_TEXT
from qbwc_server.store import history
from qbwc_server.sync.deciding import books_fields
from tests.fuzz.commands import Desk
from tests.fuzz.visits import Shop
from tests.mapping.conftest import CRM_FIELDS
from tests.soap.recording import INTUIT, REQUEST, Recording, app, call, post
from tests.soap.shop import promote


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    opened = Shop(tmp_path_factory.mktemp("shop"))
    yield opened
    opened.close()


def kept(shop: Shop) -> history.Exchange:
    with shop.installation.database.read() as tx:
        return history.find_exchanges(tx, limit=1)[0]


CUT_SHORT = ["<strPassword>", '&lt;ticket a="', 'password=a"b', 'cookie: a"b', "password=\\", '"password":"']


@pytest.mark.parametrize("user", CUT_SHORT)
def test_a_user_name_that_looks_like_a_secret_is_refused_like_any_other(shop: Shop, user: str) -> None:
    reply = shop.call("authenticate", {"strUserName": user, "strPassword": "x"})
    assert reply.result == ["", "nvu"]
    assert json.loads(kept(shop).request)["strPassword"] == "***"


@pytest.mark.parametrize("message", CUT_SHORT)
def test_a_connection_error_that_looks_like_a_secret_is_kept(shop: Shop, message: str) -> None:
    values = {"ticket": shop.tickets[-1], "hresult": "0x80040408", "message": message}
    assert shop.call("connectionError", values).result == "done"
    assert kept(shop).method == "connectionError"
    assert not kept(shop).outcome.startswith("failed inside")


def test_a_secret_in_a_message_is_in_no_part_of_what_is_kept(shop: Shop) -> None:
    shop.clock.pass_(minutes=61)
    ticket = shop.call("authenticate", {"strUserName": "shop", "strPassword": "right-password"}).result[0]
    message = "Basic c2hvcDpwbGFudGVk refused"
    shop.call("connectionError", {"ticket": ticket, "hresult": "0x80040408", "message": message})
    assert "c2hvcDpwbGFudGVk" not in repr(kept(shop))


def test_a_text_that_repeats_a_word_of_the_masks_is_read_once() -> None:
    text = "authenticateResult" * 200_000  # searched to its end at each repetition, it takes hours
    assert mask(text) == text


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("authenticate", "strUserName"),
        ("sendRequestXML", "strHCPResponse"),
        ("receiveResponseXML", "message"),
        ("connectionError", "message"),
    ],
)
def test_a_stranger_does_not_fill_the_table_of_calls(shop: Shop, method: str, name: str) -> None:
    shop.call(
        method, {name: "x" * 100_000, "ticket": "unknown"} if name != "strUserName" else {name: "x" * 100_000}
    )
    assert kept(shop).method == method
    assert len(kept(shop).request) < STRANGERS_TEXT + 300


@pytest.mark.parametrize("value", ["[" * 100_000, '{"a":' * 100_000, "1" * 5000])
def test_a_file_of_json_that_nobody_can_read_is_told_in_a_sentence(tmp_path: Path, value: str) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(value)
    with pytest.raises(Problem, match=r"credentials\.json"):
        json_object(path)


def test_settings_nested_too_deeply_are_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("proxies = " + "[" * 5000)
    with pytest.raises(Problem, match="too deeply"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        ["job", "approve", "\udcff\udcfe", "--yes"],
        ["log", "audit", "--limit", "99999999999999999999"],
        ["mapping", "set", "Connection", "limits.creates", "1" * 5000],
        ["mapping", "set", "Connection", "limits.creates", "[" * 5000],
    ],
)
def test_words_that_no_command_can_take_are_told_in_a_sentence(tmp_path: Path, words: list[str]) -> None:
    desk = Desk(tmp_path)
    desk.run([desk.words[1] if word == "Connection" else word for word in words])


def test_an_answer_whose_name_has_two_colons_is_unreadable() -> None:
    with pytest.raises(qbxml.UnreadableAnswer):
        qbxml.read('<QBXML><QBXMLMsgsRs><A1:5:9Rs statusCode="0"/></QBXMLMsgsRs></QBXML>')


@pytest.mark.parametrize("name", ["poll_seconds", "keep_log_days"])
def test_a_span_beyond_a_lifetime_is_told_in_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / FILE).write_text(f"{name} = 99999999999999999999")
    with pytest.raises(Problem, match=name):
        load_settings(tmp_path)


LOGIN = "<strUserName>shop</strUserName><strPassword>x</strPassword>"
AUTHENTICATE = f'<authenticate xmlns="{INTUIT}">{LOGIN}</authenticate>'


def test_an_attribute_that_is_named_like_an_argument_is_no_argument() -> None:
    operations = Recording()
    inner = '<ticket xsi:nil="true">x</ticket><message ticket="x"></message>'
    assert call(app(operations), "receiveResponseXML", inner).result == "100"
    assert operations.calls == [("receive_response_xml", ("", "", "", ""))]


@pytest.mark.parametrize("first", ["", AUTHENTICATE])
def test_an_envelope_with_two_bodies_is_a_client_fault(first: str) -> None:
    operations = Recording()
    body = REQUEST % f"{first}</soap:Body><soap:Body>{AUTHENTICATE}"
    assert post(app(operations), body).fault_code == "Client"
    assert operations.calls == []


@pytest.mark.parametrize(
    "run", ["Addr1..Addr99999999", f"Addr1..Addr{'9' * 5000}", "Addr5..Addr1", "Addr1..Addr\u0663"]
)
def test_a_run_of_lines_that_nothing_has_is_a_name_that_is_not_found(run: str) -> None:
    rule = {
        "crm": "BillingStreet",
        "books": f"BillAddress/{run}",
        "converter": "lines",
        "direction": "to_books",
    }
    gone = {"crm": "BillingStreet", "books": "BillAddress/Addr1..Addr5"}
    profile = mapping.load_profile("salesforce", {"kinds": {"account": {"remove": [gone], "add": [rule]}}})
    books = {kind: books_fields(kind) for kind in mapping.books_kinds(profile)}
    problems = mapping.check(profile, CRM_FIELDS, books)
    assert [one.severity for one in problems if one.rule == (rule["crm"], rule["books"])] == ["error"]


def test_a_map_that_has_no_lines_is_given_none() -> None:
    lines = {"books": "Nothing", "item": "Product2Id", "rules": []}
    with pytest.raises(mapping.MappingError, match="Only documents have lines"):
        mapping.load_profile("salesforce", {"kinds": {"account": {"lines": lines}}})


@pytest.mark.parametrize("moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)])
@pytest.mark.parametrize("zone", ["America/Chicago", "Asia/Tokyo"])
def test_a_moment_at_the_calendars_ends_is_a_day_or_refused(moment: datetime, zone: str) -> None:
    for converter in ("date", "datetime"):
        target = Target("books", "TxnDate", zone=zone)
        with suppress(mapping.CannotConvert):
            mapping.CONVERTERS[converter].to_books(moment, target)


@pytest.mark.parametrize("stamp", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+14:00"])
def test_a_clock_at_the_calendars_ends_lets_visits_go_on(tmp_path: Path, stamp: str) -> None:
    shop = Shop(tmp_path)
    true = shop.books.answer
    shop.books.answer = lambda text: re.sub("<TimeModified>[^<]*<", f"<TimeModified>{stamp}<", true(text))  # type: ignore[method-assign]
    promote(shop.installation, "Second")
    for _ in range(3):
        shop.honest_visit()
    shop.close()


@pytest.mark.parametrize(
    ("said", "given", "kept"),
    [
        (
            "Invalid request from ip=192.0.2.1: Invalid HTTP Header: 'Cookie Tr0ub'",
            (),
            "Invalid HTTP Header.",
        ),
        (
            "Invalid request from ip=::1: Invalid HTTP request line: '<strPassword>Tr0ub'",
            (),
            "Invalid HTTP request line.",
        ),
        ("Error handling request %s %s", ("POST", "/qbwc?Tr0ub"), "Error handling request POST /qbwc."),
        ("Worker (pid:%s) was sent SIGKILL!", (7,), "Worker (pid:7) was sent SIGKILL!"),
    ],
)
def test_gunicorn_says_what_is_wrong_with_a_request_and_quotes_none(
    said: str, given: tuple[object, ...], kept: str
) -> None:
    record = logging.LogRecord("gunicorn.error", logging.WARNING, "", 1, said, given, None)
    assert WITHOUT_REQUESTS.filter(record)
    assert record.getMessage().endswith(kept)
    assert "Tr0ub" not in record.getMessage()


def test_no_header_of_a_caller_moves_the_application_to_another_path() -> None:
    config = Config()
    config.set("forwarder_headers", gunicorn_settings(Serving(None, "127.0.0.1", 0))["forwarder_headers"])
    assert config.forwarder_headers == []
