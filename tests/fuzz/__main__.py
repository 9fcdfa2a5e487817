"""`python -m tests.fuzz --seconds 60 --seed 1 [--target visits]`: inputs from seeds until the time is over.

With `--guided TARGET` atheris, where it is installed, chooses the bytes by what they reach; a target with
`--input FILE` runs one input that it left.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.guided import MEMORY, guide
from tests.fuzz.readers import READERS
from tests.fuzz.runs import TARGETS, fuzz, runners

ALL = "all"


def main() -> int:
    given = _arguments()
    for name in [name for name in os.environ if name.startswith("QBWC_")]:
        del os.environ[name]
    if MEMORY.is_dir():
        tempfile.tempdir = str(MEMORY)
    if given.guided:
        targets = list(READERS) if ALL in given.guided else given.guided
        return guide(targets, given.seconds, given.seed, given.runs, _tell)
    if given.input:
        READERS[given.target[0]][0](given.input.read_bytes())
        return 0
    return _unguided(given)


def _unguided(given: argparse.Namespace) -> int:
    started = time.process_time()
    with runners(given.target) as targets:
        if given.once:
            for run in targets.values():
                run(given.seed)
            return 0
        tally = fuzz(targets, given.seconds, given.seed, _tell)
    for name, count in tally.runs.items():
        print(f"{name}: {count} inputs, seeds {given.seed} to {given.seed + count - 1}")
    print(
        f"{sum(tally.runs.values())} inputs, {time.process_time() - started:.0f} s of CPU, {len(tally.found)} finds"
    )
    return 1 if tally.found else 0


def _tell(text: str) -> None:
    print(text, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", action="append", default=[], choices=TARGETS)
    parser.add_argument("--once", action="store_true", help="run this one seed and show its trace")
    parser.add_argument("--input", type=Path, help="run the one target on this file and show its trace")
    parser.add_argument(
        "--guided", action="append", default=[], choices=[*READERS, ALL], help="let atheris choose"
    )
    parser.add_argument("--runs", type=int, default=-1, help="end a guided target after so many inputs")
    given = parser.parse_args()
    if given.input and (len(given.target) != 1 or given.target[0] not in READERS):
        parser.error("--input needs --target with one reader of bytes")
    return given


if __name__ == "__main__":
    sys.exit(main())
