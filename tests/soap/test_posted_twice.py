"""Answers that come twice, too late or from nobody: nothing is acknowledged for another, and no table is filled."""

import json
from typing import Any

import pytest

from qbwc_server.app import Installation
from qbwc_server.store import history, records
from qbwc_server.sync import visit as visiting
from qbwc_server.sync.deciding import decide_slice
from qbwc_server.sync.posted import Posted
from tests.soap.quickbooks_answers import answer
from tests.soap.shop import VALUES, Caller, QuickBooks, promote
from tests.soap.test_sessions import WRITE


def test_a_copy_that_was_quicker_leaves_the_next_page_to_its_own_answer(
    installation: Installation,
    caller: Caller,
    books: QuickBooks,
    small_pages: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the first copy decides, a second one is acknowledged and the next request goes out."""
    known = 3 * small_pages
    for number in range(known):
        books.company.user_add({"Name": f"Customer {number}"})
    decide = visiting.decide
    nested: list[str] = []

    def meanwhile(*arguments: Any) -> int:
        if not nested:
            nested.append("")
            assert 0 <= caller.receive(page) < 100
            nested.append(caller.send(path=books.path))
        return decide(*arguments)

    monkeypatch.setattr(visiting, "decide", meanwhile)
    page = books.answer(caller.begin(books))
    assert 0 <= caller.receive(page) < 100
    assert 'iterator="Continue"' in nested[1]
    caller.finish(books, nested[1])
    with installation.database.read() as tx:
        assert records.count(tx, "shop", "books", "Customer") == known


def requests_kept(installation: Installation) -> list[dict[str, Any]]:
    with installation.database.read() as tx:
        found = history.find_exchanges(tx, limit=99)
        return [
            json.loads(history.whole(tx, one).request) for one in found if one.method == "receiveResponseXML"
        ]


LONG = "<?xml version='1.0'?><QBXML>" + "x" * 2_000_000


def test_an_answer_without_a_session_is_not_kept(installation: Installation, caller: Caller) -> None:
    caller.ticket = "nobody's"
    assert caller.receive(LONG) == -1
    [kept] = requests_kept(installation)
    assert kept["response"] == f"({len(LONG)} bytes, not kept)"


def test_of_an_answer_that_comes_too_late_only_the_beginning_is_kept(
    installation: Installation, caller: Caller, books: QuickBooks
) -> None:
    caller.begin(books)
    caller.close()
    assert caller.receive(LONG) == -1
    [kept] = requests_kept(installation)
    assert LONG.startswith(kept["response"])
    assert len(kept["response"]) < len(LONG) / 2


@pytest.mark.parametrize("encoding", ["windows-1252", "utf-16", "nonsense"])
def test_an_answer_is_read_as_the_text_that_came_whatever_its_declaration_says(
    installation: Installation, caller: Caller, books: QuickBooks, encoding: str
) -> None:
    books.company.user_add({"Name": "Zoë & Söhne"})
    text = books.answer(caller.begin(books))
    body = text[text.index("<QBXML>") :].replace("&#235;", "ë").replace("&#246;", "ö")
    caller.receive(f'<?xml version="1.0" encoding="{encoding}"?>{body}')
    with installation.database.read() as tx:
        names = [one.values["Name"] for one in records.living(tx, "shop", "books", "Customer")]
    assert names == ["Zoë & Söhne"]


def test_a_file_names_itself_in_its_own_letters_whatever_the_declaration_says(caller: Caller) -> None:
    caller.log_in()
    asked = caller.send()
    named = answer(asked, VALUES).replace('version="1.0"', 'version="1.0" encoding="utf-16"')
    assert caller.receive(named) == 1


def test_100_is_not_said_while_records_wait_for_their_decision(
    installation: Installation, caller: Caller, books: QuickBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow machine decides some at each call; the visit goes on asking until none is left."""
    promote(installation, "Ann", "Bob")
    turns: list[int] = []

    def slowly(database: Any, ticket: Any, clock: Any) -> int:
        turns.append(1)
        with database.write() as tx:
            return decide_slice(tx, ticket.company_id, ticket.run_number, clock(), 1)

    monkeypatch.setattr(visiting, "decide", slowly)
    text = caller.begin(books)
    seen = [text]
    while text:
        text = caller.go_on(books, text)
        seen.append(text)
    assert len(turns) > 2
    assert any(WRITE in one for one in seen)
    assert books.customers() == ["Ann", "Bob"]
    with installation.database.read() as tx:
        assert not records.waiting_for_decision(tx, ["con"])


def test_an_empty_document_is_empty() -> None:
    assert Posted.of("").open().read() == b""
