"""`python -m tests.fire --seed 1 --sessions 200`: many lives, each from its own seed; what broke a promise is told."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests import postgres
from tests.crash.nursery import Nursery
from tests.databases import PostgresDatabases, SqliteDatabases
from tests.fire.checker import Violation
from tests.fire.disasters import disaster
from tests.fire.faults import accident
from tests.fire.life import End, Migrated, live, live_outside, shrink
from tests.fire.nodes import Nodes
from tests.fire.plan import plan
from tests.fire.results import Result, commit
from tests.fire.steps import Step, read_script, script

# Sessions of one life: long enough for old faults to meet new ones, short enough to be read.
LIFE = 10
MEMORY = Path("/dev/shm")
# Seconds that a share may still take for its last life when its time is up.
GRACE = 600


@contextmanager
def databases(kind: str) -> Iterator[Migrated]:
    if kind == "postgresql":
        with postgres.running() as cluster:
            yield PostgresDatabases(cluster)
        return
    with tempfile.TemporaryDirectory(prefix="fire") as place:
        yield SqliteDatabases(Path(place))


@contextmanager
def processes(where: Migrated) -> Iterator[Nodes]:
    with tempfile.TemporaryDirectory(prefix="fire") as folder, Nursery() as nursery:
        home = Path(folder)
        with where.blank(home) as url:
            nodes = Nodes(home, url, nursery)
            try:
                nodes.begin()
                yield nodes
            finally:
                nodes.end()


def attempt(seed: int, steps: list[Step], where: Migrated, nodes: Nodes | None = None) -> End:
    """A life; a fault that nobody caught is a violation, too."""
    try:
        return live_outside(nodes, steps) if nodes else live(seed, steps, where)
    except Exception as fault:  # noqa: BLE001 - whatever it is, it is a find
        where_from = "".join(traceback.format_exception(fault)[-6:])
        return End([Violation("crashed", f"{type(fault).__name__}: {fault}\n{where_from}")])


def main() -> int:
    given = _arguments()
    # Asked to stop, it tidies up: processes, databases, folders.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if MEMORY.is_dir():
        tempfile.tempdir = str(MEMORY)
    if given.script:
        return _again(given)
    began = time.monotonic(), commit()
    seeds = list(range(given.seed, given.seed + max(1, given.sessions // given.life)))
    result = _shared_out(given, seeds) if given.jobs > 1 else _in_one_process(given, seeds)
    result = result.ended(began[1], time.monotonic() - began[0])
    print(result.text())
    result.append_to(given.results)
    return bool(result.broken)


def _again(given: argparse.Namespace) -> int:
    steps = list(read_script(given.script.read_text()))
    with _world(given) as (where, nodes):
        end = attempt(given.seed, steps, where, nodes)
    print(*(end.violations or ["nothing is wrong"]), sep="\n")
    return bool(end.violations)


@contextmanager
def _world(given: argparse.Namespace) -> Iterator[tuple[Migrated, Nodes | None]]:
    with databases(given.database) as where:
        if given.mode == "inside":
            yield where, None
            return
        with processes(where) as nodes:
            yield where, nodes


def _in_one_process(given: argparse.Namespace, seeds: Sequence[int]) -> Result:
    result = Result.of(given.mode, given.database)
    until = time.monotonic() + given.minutes * 60
    parent = os.getppid()
    own, total = given.share
    with _world(given) as (where, nodes):
        for seed in seeds[own - 1 :: total]:
            # Whoever shared this out and is gone does not want it any more.
            if time.monotonic() > until or len(result.broken) >= given.finds or os.getppid() != parent:
                break
            steps = plan(seed, given.life, disaster if nodes else accident)
            end = attempt(seed, steps, where, nodes)
            result = result.and_life(seed, end)
            if end.violations:
                _tell(given, seed, steps, end, where)
    return result.and_processor_time()


def _shared_out(given: argparse.Namespace, seeds: Sequence[int]) -> Result:
    """The same command in as many processes, each with its share of the seeds and databases of its own."""
    with tempfile.TemporaryDirectory(prefix="fire") as folder:
        own = [Path(folder) / f"{number}.jsonl" for number in range(1, given.jobs + 1)]
        shares = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.fire", *sys.argv[1:], "--jobs=1"),
                    *(f"--share={number}/{given.jobs}", f"--results={file}"),
                ]
            )
            for number, file in enumerate(own, 1)
        ]
        try:
            for share in shares:
                with suppress(subprocess.TimeoutExpired):
                    share.wait(given.minutes * 60 + GRACE)
        finally:
            for share in shares:
                share.terminate()
            for share in shares:
                share.wait()
        result = Result.of(given.mode, given.database)
        for number, file in enumerate(own, 1):
            if not file.exists():
                result = result.and_life(
                    seeds[0] + number - 1, End([Violation("ended", "a share has no result")])
                )
                continue
            result = result.and_share(Result.last_of(file))
    return result


def _tell(given: argparse.Namespace, seed: int, steps: list[Step], end: End, where: Migrated) -> None:
    print(f"--- seed {seed}", *end.violations, sep="\n")
    if given.shrink and given.mode == "inside":
        steps = shrink(seed, steps, {end.violations[0].rule}, where, given.shrink)
        print(f"shrunk to {len(steps)} steps; then:", *attempt(seed, steps, where).violations, sep="\n")
    given.keep.mkdir(parents=True, exist_ok=True)
    if end.story:
        (given.keep / f"seed-{seed}.log").write_text(end.story)
    kept = given.keep / f"seed-{seed}.script"
    kept.write_text(script(steps))
    print(script(steps), f"again: python -m tests.fire --seed {seed} --script {kept}", sep="\n", flush=True)


def _share(text: str) -> tuple[int, int]:
    own, total = text.split("/")
    return int(own), int(total)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fire")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=("inside", "processes"), default="inside")
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--life", type=int, default=LIFE, help="sessions of one life")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--jobs", type=int, default=1, help="processes that share the seeds")
    parser.add_argument("--share", type=_share, default=(1, 1), help=argparse.SUPPRESS)
    parser.add_argument("--minutes", type=float, default=10_000, help="begin no life after so many")
    parser.add_argument(
        "--results", type=Path, default=Path(".fire/results.jsonl"), help="gets a line of JSON about this run"
    )
    parser.add_argument(
        "--shrink", type=float, default=60, help="seconds for making a find smaller; 0: not at all"
    )
    parser.add_argument("--finds", type=int, default=3, help="stop after so many")
    parser.add_argument("--script", type=Path, help="play the steps of a file instead")
    parser.add_argument("--keep", type=Path, default=Path(".fire"), help="where finds are kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
