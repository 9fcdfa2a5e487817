"""What a visit remembers between its calls, and what a step of it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qbwc_server.sync.from_books import ReadState

LISTS = ("asked", "probed", "proving")


@dataclass(frozen=True)
class Notes:
    """What a visit remembers between its calls; kept as plain values with its ticket."""

    # The company file was proven to be the right one.
    identified: bool = False
    reads: tuple[ReadState, ...] = ()
    planned: bool = False
    # What is out: identity, read, write, ask, probe, clear, more or goodbye; "" when nothing is.
    out: str = ""
    set_id: str = ""
    asked: tuple[str, ...] = ()
    # Creations in doubt that this visit tried to prove, by job; and those of them that are asked about just now.
    probed: tuple[str, ...] = ()
    proving: tuple[str, ...] = ()
    # The company file's path, kept while QuickBooks is asked which file is open.
    path: str = ""
    done: int = 0
    wanted_poll_at: str = ""
    waits: int = 0
    # Something was written, so what follows from it is read again before the visit ends.
    wrote: bool = False
    # The goodbye was answered: what came up meanwhile waits for the next visit, so that this one ends.
    parted: bool = False

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Notes":
        known = dict(stored)
        known["reads"] = tuple(ReadState.of(one) for one in known.get("reads", ()))
        known |= {name: tuple(known.get(name, ())) for name in LISTS}
        return cls(**known)

    def plain(self) -> dict[str, Any]:
        lists = {name: list(getattr(self, name)) for name in LISTS}
        return vars(self) | {"reads": [one.plain() for one in self.reads]} | lists


@dataclass(frozen=True)
class Handout:
    """A qbXML document to hand out; or none, because the visit waits for the CRM's poll."""

    text: str
    notes: Notes
    subjects: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        return not self.text


@dataclass(frozen=True)
class Result:
    """What an answer led to. `error` is a sentence when the visit must end with it; else percent is true."""

    percent: int
    notes: Notes
    error: str = ""
    subjects: tuple[str, ...] = ()
