"""A large first read of transactions is cut into windows of modified dates, each of them a checkpoint."""

import json
from datetime import UTC, datetime

import pytest

import qbxml
from qbwc_server.store import records
from qbwc_server.sync.from_books import asking, windows
from qbwc_server.sync.from_books.state import ReadState
from tests.sync.reader import Reader, mapped
from tests.sync.world import World

NOW = "2026-03-02T10:00:00"


def window(request: qbxml.Request) -> tuple[str, str]:
    ends = request.values.get("ModifiedDateRangeFilter", {})
    return tuple(ends[name].text() if name in ends else "" for name in ("FromModifiedDate", "ToModifiedDate"))  # type: ignore[return-value]


@pytest.fixture
def reader(world: World, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Four invoices a month for a year; a window may hold so many that three months are too much."""
    monkeypatch.setattr(asking, "LINES_PAGE_SIZE", 2)
    monkeypatch.setattr(windows, "WINDOW", 8)
    ann, item, end = world.customer("Ann"), "", world.clock.now
    reader = Reader(world, mapped("Invoice", "Memo"))
    item = reader.item()
    for month in range(12):
        world.clock.now = datetime(2025, 1 + month, 10, 12, tzinfo=UTC)
        for _ in range(4):
            reader.sale(ann, item)
    world.clock.now = end
    return reader


def windows_asked(reader: Reader) -> list[tuple[str, str]]:
    found = [window(one) for one in reader.asked("InvoiceQuery") if one.attributes["iterator"] == "Start"]
    return list(dict.fromkeys(found))


def test_every_record_is_read_whatever_the_windows_are(reader: Reader) -> None:
    reader.visit()
    assert reader.count("Invoice") == 48
    assert reader.complete("Invoice")
    asked = windows_asked(reader)
    assert asked[0] == ("", "")
    assert asked[-1][1] == ""
    assert len(asked) > 5


def test_each_window_begins_where_another_ended(reader: Reader) -> None:
    reader.visit()
    asked = windows_asked(reader)
    assert {since for since, _ in asked} <= {"", *(until for _, until in asked)}
    assert asked == sorted(asked, key=lambda one: one[0])


def test_progress_goes_one_way(reader: Reader) -> None:
    reader.visit()
    assert reader.progress == sorted(reader.progress)
    assert reader.progress[-1] == 100
    assert 100 not in reader.progress[:-1]


def test_a_first_read_that_was_killed_goes_on_at_its_last_checkpoint(reader: Reader) -> None:
    sets: list[int] = []

    def late(requests: list[qbxml.Request]) -> bool:
        sets.append(1)
        return len(sets) > 25

    reader.visit(die_at=late)
    checkpoint, complete = reader.world.watermark("books", "Invoice")
    assert checkpoint
    assert not complete
    assert 0 < reader.count("Invoice") < 48
    reader.visit()
    assert windows_asked(reader)[0][0] == checkpoint
    assert reader.complete("Invoice")
    assert reader.count("Invoice") == 48


def test_what_was_deleted_between_two_halves_of_a_first_read_is_a_tombstone(reader: Reader) -> None:
    sets: list[int] = []

    def late(requests: list[qbxml.Request]) -> bool:
        sets.append(1)
        return len(sets) > 25

    reader.visit(die_at=late)
    doomed = str(reader.company.txns("Invoice")[0]["TxnID"])
    assert not reader.record("Invoice", doomed).deleted
    reader.company.user_delete(doomed, "Invoice")
    reader.visit()
    assert reader.record("Invoice", doomed).deleted


def test_a_window_that_ended_two_visits_is_halved(world: World) -> None:
    reader = Reader(world, mapped("Invoice", "Memo"))
    reader.visit(die_at=lambda requests: True)
    reader.visit(die_at=lambda requests: True)
    reader.visit()
    assert windows_asked(reader)[0] == ("", "1998-01-31T00:00:00")
    assert reader.complete("Invoice")


def test_a_small_company_is_read_without_windows(world: World) -> None:
    reader = Reader(world, mapped("Invoice", "Memo"))
    reader.sale(world.customer("Ann"), reader.item())
    reader.visit()
    assert windows_asked(reader) == [("", "")]
    reader.visit()
    assert windows_asked(reader)[0][0]


def test_the_watermark_after_windows_is_the_newest_stamp(reader: Reader) -> None:
    reader.visit()
    newest = max(str(one["TimeModified"])[:19] for one in reader.company.txns("Invoice"))
    assert reader.world.watermark("books", "Invoice") == (newest, True)


def test_halving_ends_at_one_day_and_never_reaches_the_last_month() -> None:
    state = ReadState("Invoice", since="2026-01-28T00:00:00", started=NOW, first=True)
    assert windows.halved(state) == state
    day = ReadState(
        "Invoice", since="2020-01-01T00:00:00", until="2020-01-02T00:00:00", started=NOW, first=True
    )
    assert windows.halved(day) == day
    month = ReadState(
        "Invoice", since="2020-01-01T00:00:00", until="2020-01-31T00:00:00", started=NOW, first=True
    )
    assert windows.halved(month).until == "2020-01-16T00:00:00"


def test_the_next_window_is_twice_as_long_and_the_last_has_no_end() -> None:
    month = ReadState("Invoice", since="2020-01-01T00:00:00", until="2020-01-31T00:00:00", started=NOW)
    after = windows.following(month)
    assert (after.since, after.until) == ("2020-01-31T00:00:00", "2020-03-31T00:00:00")
    late = ReadState("Invoice", since="2025-06-01T00:00:00", until="2025-12-01T00:00:00", started=NOW)
    assert windows.following(late).until == ""


def test_how_often_a_window_was_tried_is_kept_when_it_goes_out(world: World) -> None:
    reader = Reader(world, mapped("Invoice", "Memo"))
    reader.visit(die_at=lambda requests: True)
    with world.database.read() as tx:
        kept = records.all_watermarks(tx, "co", "books")["window Invoice"]
    assert json.loads(str(kept.value)) == ["", "", 1]
