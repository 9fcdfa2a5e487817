"""What fuzzing found, each as the smallest input that shows it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import qbxml
from qbwc_server.cli.connection import json_object
from qbwc_server.errors import Problem
from qbwc_server.secrets import mask
from qbwc_server.settings import FILE, load_settings
from qbwc_server.soap.exchanges import STRANGERS_TEXT
from qbwc_server.store import history
from tests.fuzz.commands import Desk
from tests.fuzz.visits import Shop


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
