"""Tables for people, columns for a pipe, JSON for programs."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from rich.console import Console

from qbwc_server.cli import show

COLUMNS = {"id": "Job", "text": "Error"}
ROWS = [
    {
        "id": "job-5adtn5vjubqhbwo6",
        "text": "Name has 100 characters, QuickBooks allows 41. Shorten it.",
        "more": 1,
    },
    {"id": "job-coocyhqtf43fadr2", "text": "", "more": 2},
]


class Terminal(Console):
    def __init__(self, width: int) -> None:
        super().__init__(force_terminal=True, width=width, color_system=None)


@pytest.mark.parametrize("width", [30, 60, 200])
def test_an_id_stays_in_one_piece_on_any_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(show, "Console", lambda: Terminal(width))
    show.listing(ROWS, COLUMNS, as_json=False, empty="none")
    shown = capsys.readouterr().out
    assert all(str(row["id"]) in shown for row in ROWS)
    assert "Shorten" in shown


def test_a_pipe_gets_one_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    show.listing(ROWS, COLUMNS, as_json=False, empty="none")
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["Job", "Error"]
    assert [row.split("  ")[0] for row in rows] == [row["id"] for row in ROWS]


def test_json_has_more_than_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    show.listing(ROWS, COLUMNS, as_json=True, empty="none")
    assert json.loads(capsys.readouterr().out) == ROWS
    show.listing([], COLUMNS, as_json=True, empty="none")
    assert json.loads(capsys.readouterr().out) == []


def test_values_keep_their_digits_and_their_zone() -> None:
    moment = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    plain = json.loads(show.to_json({"a": Decimal("1.10"), "b": moment, "c": date(2026, 3, 2)}))
    assert plain == {"a": "1.10", "b": "2026-03-02T15:00:00+00:00", "c": "2026-03-02"}
    assert show.said(moment) == "2026-03-02 15:00:00 UTC"
    assert show.said(True) == "yes"
    assert show.said({"a": None, "b": ["x", 1]}) == "a: , b: x, 1"
    with pytest.raises(TypeError):
        show.to_json({"a": object()})


def test_markup_in_a_name_is_shown_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(show, "Console", lambda: Terminal(100))
    show.listing([{"id": "1", "text": "[bold]Ann[/bold] & [red]"}], COLUMNS, as_json=False, empty="none")
    assert "[bold]Ann[/bold] & [red]" in capsys.readouterr().out


def test_a_name_cannot_steer_the_terminal() -> None:
    assert show.said("Ann\x1b[31m\nBaker\x07") == "Ann\ufffd[31m Baker\ufffd"
