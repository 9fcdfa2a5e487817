"""`python -m tests.fire --seed 1 --sessions 200`: many lives, each from its own seed; what broke a promise is told."""

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import postgres
from tests.crash.house import House
from tests.databases import PostgresDatabases, SqliteDatabases
from tests.fire.checker import Violation
from tests.fire.life import End, Migrated, live, live_outside, shrink
from tests.fire.plan import plan
from tests.fire.steps import Step, read_script, script

# Sessions of one life: long enough for old faults to meet new ones, short enough to be read.
LIFE = 10
MEMORY = Path("/dev/shm")


@contextmanager
def databases(kind: str) -> Iterator[Migrated]:
    if kind == "postgresql":
        with postgres.running() as cluster:
            yield PostgresDatabases(cluster)
        return
    with tempfile.TemporaryDirectory(prefix="fire") as place:
        yield SqliteDatabases(Path(place))


@contextmanager
def processes(where: Migrated) -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="fire") as home, where.blank(Path(home)) as url:
        house = House(Path(home), url)
        try:
            house.begin()
            yield house
        finally:
            house.end()


def attempt(seed: int, steps: list[Step], where: Migrated, house: House | None = None) -> End:
    """A life; a fault that nobody caught is a violation, too."""
    try:
        return live_outside(house, steps) if house else live(seed, steps, where)
    except Exception as fault:  # noqa: BLE001 - whatever it is, it is a find
        where_from = "".join(traceback.format_exception(fault)[-6:])
        return End([Violation("crashed", f"{type(fault).__name__}: {fault}\n{where_from}")])


def main() -> int:
    given = _arguments()
    if MEMORY.is_dir():
        tempfile.tempdir = str(MEMORY)
    with databases(given.database) as where:
        if given.script:
            end = attempt(given.seed, list(read_script(given.script.read_text())), where)
            print(*(end.violations or ["nothing is wrong"]), sep="\n")
            return bool(end.violations)
        if given.mode == "inside":
            return _many(given, where, None)
        with processes(where) as house:
            return _many(given, where, house)


def _many(given: argparse.Namespace, where: Migrated, house: House | None) -> int:
    began, found, total = time.monotonic(), 0, End([])
    for seed in range(given.seed, given.seed + max(1, given.sessions // given.life)):
        steps = plan(seed, given.life)
        end = attempt(seed, steps, where, house)
        total = End(
            [],
            *(getattr(total, one) + getattr(end, one) for one in ("visits", "acts", "deaths", "accidents")),
        )
        if end.violations:
            found += 1
            _tell(given, seed, steps, end, where)
            if found >= given.finds:
                break
    seconds = time.monotonic() - began
    print(
        f"{total.visits} sessions, {total.acts} acts, {total.accidents} accidents, {total.deaths} deaths "
        f"in {seconds:.0f} s; {found} lives broke a promise"
    )
    return bool(found)


def _tell(given: argparse.Namespace, seed: int, steps: list[Step], end: End, where: Migrated) -> None:
    print(f"--- seed {seed}", *end.violations, sep="\n")
    if given.shrink and given.mode == "inside":
        steps = shrink(seed, steps, {end.violations[0].rule}, where, given.shrink)
        print(f"shrunk to {len(steps)} steps; then:", *attempt(seed, steps, where).violations, sep="\n")
    given.keep.mkdir(parents=True, exist_ok=True)
    kept = given.keep / f"seed-{seed}.script"
    kept.write_text(script(steps))
    print(script(steps), f"again: python -m tests.fire --seed {seed} --script {kept}", sep="\n", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fire")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=("inside", "processes"), default="inside")
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--life", type=int, default=LIFE, help="sessions of one life")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument(
        "--shrink", type=float, default=60, help="seconds for making a find smaller; 0: not at all"
    )
    parser.add_argument("--finds", type=int, default=3, help="stop after so many")
    parser.add_argument("--script", type=Path, help="play the steps of a file instead")
    parser.add_argument("--keep", type=Path, default=Path(".fire"), help="where finds are kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
