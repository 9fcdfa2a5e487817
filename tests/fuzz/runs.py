"""Every target by its name, an input by its seed, and what was found told so that it can be seen again."""

from __future__ import annotations

import random
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.fuzz.commands import Desk
from tests.fuzz.mutations import corpus, mutated
from tests.fuzz.readers import READERS, check_cost
from tests.fuzz.sockets import Sockets
from tests.fuzz.structures import CLAIMS, examine
from tests.fuzz.visits import LIFE, Shop

# Each so manieth input of a reader is measured as well; measuring makes it several times slower.
MEASURED: Final = 20
# One seed of the structures is so many of one kind.
STRUCTURES: Final = 25


@dataclass
class Tally:
    """How often each target ran, and each kind of find with the first seed that shows it."""

    runs: Counter[str] = field(default_factory=Counter)
    found: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)

    def note(self, target: str, seed: int, fault: Exception) -> bool:
        """Whether it is the first of its kind, by the place where it came out."""
        place = traceback.extract_tb(fault.__traceback__)[-1]
        kind = (target, f"{type(fault).__name__} at {Path(place.filename).name}:{place.lineno}")
        if kind in self.found:
            return False
        self.found[kind] = (seed, "".join(traceback.format_exception(fault)[-5:])[:4000])
        return True


def read_one(target: str, seed: int) -> None:
    """One input of a reader; the same seed makes the same input."""
    run, kind = READERS[target]
    data = mutated(random.Random(f"{target} {seed}"), corpus(kind))
    if seed % MEASURED:
        run(data)
    else:
        check_cost(run, data)


class Visits:
    """Tampered visits in a shop that is new again after a find or a life."""

    def __init__(self, place: Path) -> None:
        self._place, self._shop, self._since = place, None, 0
        self._made = 0

    def __call__(self, seed: int) -> None:
        if self._shop is None or self._since >= LIFE:
            self.renew()
        self._since += 1
        shop = self._shop
        assert shop is not None
        try:
            shop.tampered_visit(random.Random(f"visit {seed}"))
        except Exception:
            self._since = LIFE
            raise

    def renew(self) -> None:
        self.close()
        self._made += 1
        place = self._place / f"shop-{self._made}"
        place.mkdir()
        self._shop, self._since = Shop(place), 0

    def close(self) -> None:
        if self._shop is not None:
            self._shop.close()
        self._shop = None

    _shop: Shop | None


Runner = Callable[[int], None]


@contextmanager
def runners(wanted: Sequence[str] = ()) -> Iterator[Mapping[str, Runner]]:
    """Target -> what runs one seed of it, with what it needs around it."""
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
        place = Path(folder)
        all_of_them: dict[str, Runner] = {name: _reader(name) for name in READERS}
        visits, sockets = Visits(place), Sockets(place)
        desk = Desk(place) if not wanted or "commands" in wanted else None
        all_of_them["structures"] = _structures
        all_of_them["sockets"] = sockets
        all_of_them["visits"] = visits
        if desk:
            all_of_them["commands"] = lambda seed: desk.type(random.Random(f"command {seed}"))
        try:
            yield {name: run for name, run in all_of_them.items() if not wanted or name in wanted}
        finally:
            visits.close()
            sockets.close()


def _reader(target: str) -> Runner:
    return lambda seed: read_one(target, seed)


def _structures(seed: int) -> None:
    examine(list(CLAIMS)[seed % len(CLAIMS)], seed, STRUCTURES)


TARGETS: Final = (*READERS, "structures", "sockets", "visits", "commands")


def fuzz(targets: Mapping[str, Runner], seconds: float, seed: int, tell: Callable[[str], None]) -> Tally:
    """Each target has an equal share of the time, in turns of a second."""
    tally = Tally()
    until = time.monotonic() + seconds
    next_seed = dict.fromkeys(targets, seed)
    while time.monotonic() < until:
        for name, run in targets.items():
            turn = min(time.monotonic() + 1, until)
            while time.monotonic() < turn:
                _one(tally, name, run, next_seed[name], tell)
                next_seed[name] += 1
    return tally


def _one(tally: Tally, name: str, run: Runner, seed: int, tell: Callable[[str], None]) -> None:
    tally.runs[name] += 1
    try:
        run(seed)
    except Exception as fault:  # noqa: BLE001 - whatever it is, it is a find
        if tally.note(name, seed, fault):
            tell(f"--- {name}, seed {seed}\n{tally.found[list(tally.found)[-1]][1]}")
