"""One life of a world: its steps are played, it comes to rest, and what must be true is asked."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from qbwc_server.store import history
from tests.fire.acts import Scene
from tests.fire.checker import Violation, check
from tests.fire.inside import Inside, MortalDatabase, repeatable
from tests.fire.ledger import Ledger
from tests.fire.nodes import Nodes
from tests.fire.outside import opened
from tests.fire.steps import Step, script
from tests.fire.trouble_log import overheard
from tests.fire.upheavals import UPHEAVALS


class Migrated(Protocol):
    def migrated(self, folder: Path) -> AbstractContextManager[str]: ...

    def blank(self, folder: Path) -> AbstractContextManager[str]: ...


@dataclass(frozen=True)
class End:
    violations: list[Violation]
    visits: int = 0
    acts: int = 0
    deaths: int = 0
    accidents: int = 0
    # Deaths by kind, where there are several.
    died: Mapping[str, int] = field(default_factory=dict)
    # For whoever looks for the cause of a violation.
    story: str = ""

    @property
    def rules(self) -> set[str]:
        return {one.rule for one in self.violations}


def live(seed: int, steps: Sequence[Step], databases: Migrated) -> End:
    with tempfile.TemporaryDirectory(prefix="fire") as folder, databases.migrated(Path(folder)) as url:
        database = MortalDatabase(url)
        with repeatable(seed), overheard() as errors:
            world = Inside(Path(folder), database)
            # Whether it always grows is not known (qbXML semantics, section 4), so half of the files do not promise it.
            world.company.rule("edit_sequence", "second" if seed % 2 else "increases")
            try:
                end = _live(world, steps)
                end.violations.extend(Violation("no_internal_error", one) for one in errors)
                return end
            finally:
                world.close()
                database.close()


class Stage(Scene, Protocol):
    """Where steps are played: the quick world, or processes."""

    ledger: Ledger
    visits: int
    acts: int
    accidents: int

    @property
    def deaths(self) -> int: ...

    def play(self, step: Step) -> None: ...

    def settle_down(self) -> str: ...

    def rest(self, rounds: int) -> None: ...

    def footprint(self) -> tuple[Any, ...]: ...


def live_outside(nodes: Nodes, steps: Sequence[Step]) -> End:
    """The same with processes; a seed gives the same steps, but not the same moments, and no upheavals."""
    steps = [one for one in steps if not _only_inside(one.verb, one.given)]
    with tempfile.TemporaryDirectory(prefix="fire") as folder:
        with opened(nodes, Path(folder)) as world:
            end = _live(world, steps)
            end.violations.extend(Violation("crashed", one) for one in world.failures)
            story = world.story() if end.violations else ""
        end.violations.extend(Violation("no_internal_error", one) for one in nodes.complaints())
        return replace(end, died=world.died, story=story)


def _only_inside(verb: str, given: Mapping[str, Any]) -> bool:
    """What only the quick world plays: upheavals, and jobs below customers."""
    return verb in UPHEAVALS or "below" in given or ("act" in given and _only_inside(*given["act"]))


def _live(world: Stage, steps: Sequence[Step]) -> End:
    for one in steps:
        world.play(one)
    moving = world.settle_down()
    violations = [Violation("comes_to_rest", moving)] if moving else []
    violations += check(world, world.ledger)
    violations += _false_alarms(world, steps)
    before = world.footprint()
    world.rest(2)
    if world.footprint()[:2] != before[:2]:
        violations.append(
            Violation("rests", f"quiet visits write: {before[:2]}, then {world.footprint()[:2]}")
        )
    return End(violations, world.visits, world.acts, world.deaths, world.accidents)


# What may make a company file look older than it was.
UPSETTING = ("restore", "clock", "jump", "copy", "other", "move")


def _false_alarms(world: Stage, steps: Sequence[Step]) -> list[Violation]:
    """Nobody is told of a restored file where none was, not even until the same visit takes it back."""
    if any(word in line for line in script(steps).splitlines() for word in UPSETTING):
        return []
    with world.database.read() as tx:
        said = [one for one in history.audit_trail(tx, 10_000) if one["action"] == "went back in time"]
    return [Violation("no_false_alarm", one["details"]["text"]) for one in said]


def shrink(
    seed: int, steps: Sequence[Step], rules: set[str], databases: Migrated, seconds: float
) -> list[Step]:
    """Leave out what is not needed for one of these rules to break: halves first, then single steps."""
    until = time.monotonic() + seconds
    kept = list(steps)
    size = len(kept) // 2
    while size:
        place = 0
        while place < len(kept) and time.monotonic() < until:
            without = kept[:place] + kept[place + size :]
            if _breaks(seed, without, rules, databases):
                kept = without
            else:
                place += size
        size = size // 2
    return kept


def _breaks(seed: int, steps: Sequence[Step], rules: set[str], databases: Migrated) -> bool:
    try:
        return bool(live(seed, steps, databases).rules & rules)
    except Exception:  # noqa: BLE001 - a crash of the product is something else than the fault that is looked for
        return "crashed" in rules
