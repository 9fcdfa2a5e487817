"""Switches that make QuickBooks or the Web Connector fail on purpose, kept in the company file.

They are armed before the act ("the next set is refused") and used up by it; a switch armed in one process works in
another that has the same company file open. The Web Connector's own sets count as sets: name the request that the set
must hold ("CustomerAddRq") to let them pass.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qbwc_server.simulator.errors import SimulatorError

if TYPE_CHECKING:
    from qbwc_server.simulator.company.books import Books

FOR_EVER = -1


@dataclass(frozen=True)
class Switch:
    """What a switch does, and its arguments with their defaults."""

    sentence: str
    arguments: Mapping[str, Any]


SWITCHES: Mapping[str, Switch] = {
    "refuse_session": Switch(
        "BeginSession fails with this hresult: QuickBooks closed, a dialog open, no permission",
        {"hresult": "0x80040408", "message": "Could not start QuickBooks."},
    ),
    "refuse_set": Switch(
        "the next set is not executed and answered with this hresult only",
        {
            "hresult": "0x80040402",
            "message": "Unexpected error.  Look in the qbsdklog.txt file for details.",
            "holding": "",
        },
    ),
    "lose_answer": Switch(
        "the next set is executed and committed, its answer is stored for recovery, and only this hresult comes out",
        {"hresult": "0x80010105", "message": "The server threw an exception.", "holding": ""},
    ),
    "break_after": Switch(
        "QuickBooks dies after so many requests of the next set: they stay committed, no answer is stored",
        {"requests": 1, "hresult": "0x80010105", "message": "The server threw an exception.", "holding": ""},
    ),
    "answer_status": Switch(
        'the next request of this name ("" = any) is refused with this status code (message "" = its usual text)',
        {"request": "", "code": 3180, "message": ""},
    ),
    "unstorable_answer": Switch(
        "the answer of the next recoverable set cannot be stored: message set status 9005", {}
    ),
    "unknown_set": Switch(
        "asking for an unknown message set is answered with this message set status instead of 9002",
        {"code": 600},
    ),
    "dead_iterator": Switch(
        "a dead iteratorID fails with this status code instead of 3391, or with an hresult when one is given",
        {"code": 1000, "hresult": "", "message": ""},
    ),
    "kill_connector_before": Switch(
        "the Web Connector is killed before it calls this method", {"method": "receiveResponseXML"}
    ),
    "kill_connector_after": Switch(
        "the Web Connector is killed after this method was answered, before it uses the answer",
        {"method": "sendRequestXML"},
    ),
}


class Faults:
    """The armed switches of one company file."""

    def __init__(self, books: Books, lock: threading.RLock) -> None:
        self._books = books
        self._lock = lock

    def arm(self, name: str, *, times: int = 1, **arguments: Any) -> None:
        """Arms a switch for its next `times` uses (FOR_EVER = until cleared). Raises SimulatorError for wrong names."""
        switch = SWITCHES.get(name)
        if switch is None:
            raise SimulatorError(f"There is no switch {name!r}, only {', '.join(SWITCHES)}.")
        wrong = arguments.keys() - switch.arguments.keys()
        if wrong:
            raise SimulatorError(
                f"The switch {name} takes {', '.join(switch.arguments) or 'nothing'}, "
                f"not {', '.join(sorted(wrong))}."
            )
        with self._lock:
            self._books.db.execute(
                "INSERT INTO fault (name, arguments, remaining) VALUES (?, ?, ?)",
                (name, json.dumps({**switch.arguments, **arguments}), times),
            )

    def take(self, name: str, document: str = "", **given: str) -> dict[str, Any] | None:
        """The arguments of an armed switch and its name as "switch", used once by this; None when none is armed.

        Only one whose arguments agree with those given, and whose `holding` (a request's name) is in the document of
        the set; an argument that is "" agrees with everything.
        """
        with self._lock:
            for number, text, remaining in self._rows(name):
                arguments: dict[str, Any] = json.loads(text)
                agrees = all(arguments[key] in ("", value) for key, value in given.items())
                if agrees and arguments.get("holding", "") in document:
                    self._use(number, remaining)
                    return {"switch": name, **arguments}
        return None

    def clear(self) -> None:
        with self._lock:
            self._books.db.execute("DELETE FROM fault")

    def armed(self) -> list[str]:
        """Names of the armed switches, in the order they were armed."""
        with self._lock:
            return [name for (name,) in self._books.db.execute("SELECT name FROM fault ORDER BY number")]

    def _rows(self, name: str) -> list[tuple[int, str, int]]:
        return self._books.db.execute(
            "SELECT number, arguments, remaining FROM fault WHERE name = ? ORDER BY number", (name,)
        ).fetchall()

    def _use(self, number: int, remaining: int) -> None:
        if remaining == 1:
            self._books.db.execute("DELETE FROM fault WHERE number = ?", (number,))
        elif remaining != FOR_EVER:
            self._books.db.execute("UPDATE fault SET remaining = remaining - 1 WHERE number = ?", (number,))
