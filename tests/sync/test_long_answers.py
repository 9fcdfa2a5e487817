"""Answers longer than the memory should hold: stored in batches, all of it or nothing."""

import json
from collections.abc import Iterator
from threading import enumerate as threads
from typing import Any

import pytest

from qbwc_server.soap import exchanges
from qbwc_server.store import history, records
from qbwc_server.sync.from_books import ahead as reading_ahead
from qbwc_server.sync.from_books.ahead import ahead
from qbwc_server.sync.from_books.reading import BATCH
from qbwc_server.sync.visit import FEW
from tests.sync.world import World

MANY = 2 * BATCH + 1


def page_of(document: str, number: int) -> str:
    """What QuickBooks would answer if it gave more than it was asked for."""
    at = document.index("requestID=") + len('requestID="')
    request_id = document[at : document.index('"', at)]
    customers = "".join(
        f"<CustomerRet><ListID>80{one:06X}-1700000000</ListID><TimeCreated>2026-01-01T08:00:00-05:00</TimeCreated>"
        f"<TimeModified>2026-01-02T08:00:00-05:00</TimeModified><EditSequence>{one}</EditSequence>"
        f"<Name>Customer {one}</Name><FullName>Customer {one}</FullName><IsActive>true</IsActive><Sublevel>0</Sublevel>"
        "</CustomerRet>"
        for one in range(number)
    )
    return (
        '<?xml version="1.0" ?><QBXML><QBXMLMsgsRs>'
        f'<CustomerQueryRs requestID="{request_id}" statusCode="0" statusSeverity="Info" statusMessage="Status OK">'
        f"{customers}</CustomerQueryRs></QBXMLMsgsRs></QBXML>"
    )


def answer_reads_with(world: World, make: Any) -> None:
    process = world.company.process

    def answer(session: str, document: str) -> str:
        return str(make(document)) if "<CustomerQueryRq" in document else process(session, document)

    world.company.process = answer


def test_an_answer_of_several_batches_is_stored_and_decided_within_one_visit(world: World) -> None:
    world.poll()
    answer_reads_with(world, lambda document: page_of(document, MANY))
    seen = world.visit()
    with world.database.read() as tx:
        assert records.count(tx, "co", "books", "Customer") == MANY
    assert MANY > FEW
    assert seen.progress[-1] == 100
    assert seen.ok


def test_of_an_answer_that_breaks_off_nothing_is_kept(world: World) -> None:
    world.poll()
    answer_reads_with(world, lambda document: page_of(document, MANY)[:-60])
    seen = world.visit()
    assert not seen.ok
    assert "could not be read" in seen.status
    with world.database.read() as tx:
        assert records.count(tx, "co", "books", "Customer") == 0
        assert records.watermark(tx, "co", "books", "Customer") == (None, False)
        assert not records.waiting_for_decision(tx, ["con"])


def test_a_long_answer_can_be_looked_at_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "PART", 4096)
    world.poll()
    answers: list[str] = []

    def answer(document: str) -> str:
        answers.append(page_of(document, 30))
        return answers[-1]

    answer_reads_with(world, answer)
    world.visit()
    with world.database.read() as tx:
        calls = [one for one in history.find_exchanges(tx, limit=99) if one.method == "receiveResponseXML"]
        kept = [json.loads(history.whole(tx, one).request)["response"] for one in calls]
        assert answers[0] in kept
        [long] = [one for one in calls if len(list(history.rest_of(tx, one.number))) > 1]
        assert len(long.request) < len(answers[0])


@pytest.mark.parametrize(
    "odd",
    [
        "<CustomerRet><Name>Nobody</Name></CustomerRet>",
        "<CustomerRet><ListID>80FFFFF1-1</ListID><TimeModified></TimeModified><Name>When</Name></CustomerRet>",
        "<CustomerRet><ListID>80FFFFF1-1</ListID><TimeModified>2026-01-03</TimeModified><Name>Day</Name></CustomerRet>",
        "<CustomerRet><ListID>80FFFFF1-1</ListID><TimeModified>soon</TimeModified><Name>Soon</Name></CustomerRet>",
        "<ErrorRecovery><ListID>80FFFFF1-1</ListID></ErrorRecovery>",
        "<SomethingNew>x</SomethingNew>",
    ],
)
def test_one_odd_record_keeps_no_other_from_being_read(world: World, odd: str) -> None:
    world.poll()
    answer_reads_with(
        world, lambda document: page_of(document, 3).replace("</CustomerQueryRs>", f"{odd}</CustomerQueryRs>")
    )
    seen = world.visit()
    assert seen.ok
    assert seen.progress[-1] == 100
    with world.database.read() as tx:
        known = records.living(tx, "co", "books", "Customer")
        told = [one for one in history.audit_trail(tx) if one["action"] == "not understood"]
    assert {"Customer 0", "Customer 1", "Customer 2"} <= {one.values["Name"] for one in known}
    assert len(known) + len(told) == 4
    assert world.watermark()[1]


# Reading ahead


def test_items_come_in_their_order() -> None:
    assert list(ahead(iter(range(1, 500)))) == list(range(1, 500))
    assert list(ahead(iter(()))) == []


def test_what_the_source_raises_comes_after_the_items_before_it() -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("third")

    items = ahead(source())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(KeyError, match="third"):
        next(items)


def test_a_reader_that_nobody_listens_to_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_ahead, "PATIENCE", 0.001)
    before = len(threads())
    items = ahead(iter(range(1, 1000)))
    assert next(items) == 1
    items.close()  # type: ignore[attr-defined]
    assert len(threads()) == before
