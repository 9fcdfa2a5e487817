"""Faults that are armed: kept in the company file, used up by what they wait for.

A fault armed in one process works in another that has the same company file open. It waits for occasions of its own
kind (fault_table.py): the nth one from now, then as many more as `times` says; with a probability each occasion draws
by itself, and the same seed draws the same. The Web Connector's own sets count as sets: name the request that the set
must hold ("CustomerAddRq") to let them pass.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qbwc_server.simulator.errors import SimulatorError
from qbwc_server.simulator.fault_table import CHOICES, FAULTS, Fault, effect_of
from qbwc_server.simulator.hresults import message_of

if TYPE_CHECKING:
    from qbwc_server.simulator.company.books import Books

FOR_EVER = -1
HRESULT = re.compile("0x[0-9A-Fa-f]{8}")
CLOCK_OFFSET = "clock_offset"


@dataclass(frozen=True)
class ArmedFault:
    """One row: what was armed, and how far it has come."""

    number: int
    name: str
    arguments: Mapping[str, Any]
    # Uses that are left; FOR_EVER has no end.
    times: int
    nth: int = 1
    probability: float = 1.0
    seed: int = 0
    # Occasions that agreed with the arguments so far.
    seen: int = 0

    def agrees(self, document: str, given: Mapping[str, str]) -> bool:
        wanted = self.arguments
        if any(wanted.get(key, "") not in ("", value) for key, value in given.items()):
            return False
        return wanted.get("holding", "") in document

    def strikes(self) -> bool:
        """Whether the occasion that was counted last is one; the draw depends on seed and number alone."""
        if self.seen < self.nth:
            return False
        return self.probability >= 1 or random.Random(f"{self.seed}:{self.seen}").random() < self.probability

    def text(self) -> str:
        """A line for a person."""
        given = " ".join(f"{key}={value}" for key, value in self.arguments.items() if value != "")
        when = f"nth={self.nth} seen={self.seen} times={'for ever' if self.times == FOR_EVER else self.times}"
        chance = f" probability={self.probability} seed={self.seed}" if self.probability < 1 else ""
        return f"{self.number}  {self.name}  {given}  [{when}{chance}]".replace("    ", "  ")


class Faults:
    """The armed faults of one company file."""

    def __init__(self, books: Books, lock: threading.RLock) -> None:
        self._books = books
        self._lock = lock

    def arm(
        self,
        name: str,
        *,
        times: int = 1,
        nth: int = 1,
        probability: float = 1.0,
        seed: int = 0,
        **arguments: Any,
    ) -> None:
        """Arms a fault for `times` uses (FOR_EVER = until cleared), the first one on the nth occasion from now.

        Raises SimulatorError for a name, an argument or a number that cannot be.
        """
        fault = _known(name)
        given = {**fault.arguments, **_checked(name, fault, arguments)}
        _check_trigger(times, nth, probability)
        trigger = {"nth": nth, "probability": probability, "seed": seed, "seen": 0}
        with self._lock:
            self._books.db.execute(
                "INSERT INTO fault (name, arguments, remaining) VALUES (?, ?, ?)",
                (name, json.dumps({"arguments": given, **trigger}), times),
            )

    def take(self, effect: str, document: str = "", **given: str) -> dict[str, Any] | None:
        """The arguments of the fault that strikes now and its name as "switch"; None when none does.

        Every armed fault of this effect that agrees with the document and with what is given counts the occasion.
        """
        with self._lock:
            struck = [row for row in self._occasions(effect, document, given) if row.strikes()]
            if not struck:
                return None
            first = struck[0]
            self._use(first)
            return {"switch": first.name, **_worded(first.arguments)}

    def waits_for(self, *names: str) -> bool:
        """Whether a fault of one of these names is armed."""
        return any(row.name in names for row in self.rows())

    def clear(self) -> None:
        """Nothing is armed any more, and the PC's clock is right again."""
        with self._lock:
            self._books.db.execute("DELETE FROM fault")
            if self._books.settings.get(CLOCK_OFFSET, "0") != "0":
                self._books.set(CLOCK_OFFSET, "0")

    def armed(self) -> list[str]:
        """Names of the armed faults, in the order they were armed."""
        return [row.name for row in self.rows()]

    def rows(self) -> list[ArmedFault]:
        with self._lock:
            return [
                ArmedFault(number, name, times=times, **json.loads(text))
                for number, name, text, times in self._books.db.execute(
                    "SELECT number, name, arguments, remaining FROM fault ORDER BY number"
                ).fetchall()
            ]

    def _occasions(self, effect: str, document: str, given: Mapping[str, str]) -> Iterator[ArmedFault]:
        for row in self.rows():
            if effect_of(row.name) == effect and row.agrees(document, given):
                yield self._counted(row)

    def _counted(self, row: ArmedFault) -> ArmedFault:
        self._books.db.execute(
            "UPDATE fault SET arguments = json_set(arguments, '$.seen', ?) WHERE number = ?",
            (row.seen + 1, row.number),
        )
        return ArmedFault(
            row.number,
            row.name,
            row.arguments,
            row.times,
            row.nth,
            row.probability,
            row.seed,
            row.seen + 1,
        )

    def _use(self, row: ArmedFault) -> None:
        if row.times == 1:
            self._books.db.execute("DELETE FROM fault WHERE number = ?", (row.number,))
        elif row.times != FOR_EVER:
            self._books.db.execute(
                "UPDATE fault SET remaining = remaining - 1 WHERE number = ?", (row.number,)
            )


def arguments_of(pairs: list[str]) -> dict[str, str]:
    """KEY=VALUE texts of a command line. Raises SimulatorError for one without "="."""
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise SimulatorError(f"{wrong[0]!r} is no argument of a fault: write it as NAME=VALUE.")
    return dict(pair.split("=", 1) for pair in pairs)


def _known(name: str) -> Fault:
    fault = FAULTS.get(name)
    if fault is None:
        raise SimulatorError(f"There is no fault {name!r}, only {', '.join(FAULTS)}.")
    return fault


def _checked(name: str, fault: Fault, arguments: Mapping[str, Any]) -> dict[str, Any]:
    wrong = arguments.keys() - fault.arguments.keys()
    if wrong:
        raise SimulatorError(
            f"The fault {name} takes {', '.join(fault.arguments) or 'nothing'}, "
            f"not {', '.join(sorted(wrong))}."
        )
    return {key: _typed(name, key, fault.arguments[key], value) for key, value in arguments.items()}


def _typed(name: str, key: str, default: Any, value: Any) -> Any:
    """A number where the default is one; one of the choices where there are some."""
    try:
        typed = int(value) if isinstance(default, int) else str(value)
    except ValueError as error:
        raise SimulatorError(f"{key} of the fault {name} is a whole number, not {value!r}.") from error
    if key == "hresult" and typed and not HRESULT.fullmatch(str(typed)):
        raise SimulatorError(f"{value!r} is no hresult: write it as 0x80040414, with eight digits.")
    choices = CHOICES.get((name, key))
    if choices and typed not in choices:
        raise SimulatorError(
            f"{key} of the fault {name} is one of {', '.join(map(str, choices))}, not {value!r}."
        )
    return typed


def _check_trigger(times: int, nth: int, probability: float) -> None:
    if not (isinstance(nth, int) and isinstance(times, int) and isinstance(probability, int | float)):
        raise SimulatorError("nth and times are whole numbers, probability is a number.")
    if nth < 1 or not (times >= 1 or times == FOR_EVER):
        raise SimulatorError(f"nth and times count from 1 (times {FOR_EVER} = for ever).")
    if not 0 < probability <= 1:
        raise SimulatorError(f"A probability lies above 0 and up to 1, not at {probability}.")


def _worded(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """With the usual text of the hresult where none was given."""
    if arguments.get("hresult") and not arguments.get("message", "?"):
        return {**arguments, "message": message_of(arguments["hresult"])}
    return dict(arguments)
