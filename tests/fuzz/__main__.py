"""`python -m tests.fuzz --seconds 60 --seed 1 [--target visits]`: inputs from seeds until the time is over.

With `--guided TARGET` atheris, where it is installed, chooses the bytes by what they reach.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.mutations import CORPUS
from tests.fuzz.readers import READERS
from tests.fuzz.runs import TARGETS, fuzz, runners

MEMORY = Path("/dev/shm")


def main() -> int:
    given = _arguments()
    for name in [name for name in os.environ if name.startswith("QBWC_")]:
        del os.environ[name]
    if MEMORY.is_dir():
        tempfile.tempdir = str(MEMORY)
    if given.guided:
        return _guided(given.guided, given.seconds, given.seed)
    started = time.process_time()
    with runners(given.target) as targets:
        if given.once:
            for run in targets.values():
                run(given.seed)
            return 0
        tally = fuzz(targets, given.seconds, given.seed, lambda text: print(text, flush=True))
    for name, count in tally.runs.items():
        print(f"{name}: {count} inputs, seeds {given.seed} to {given.seed + count - 1}")
    print(
        f"{sum(tally.runs.values())} inputs, {time.process_time() - started:.0f} s of CPU, {len(tally.found)} finds"
    )
    return 1 if tally.found else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", action="append", default=[], choices=TARGETS)
    parser.add_argument("--once", action="store_true", help="run this one seed and show its trace")
    parser.add_argument("--guided", choices=list(READERS), help="let atheris choose the bytes")
    return parser.parse_args()


def _guided(target: str, seconds: float, seed: int) -> int:
    try:
        import atheris
    except ImportError:
        print("atheris is not installed here: pip install atheris (Linux on x86-64, Python 3.11 to 3.13).")
        return 2
    run, kind = READERS[target]
    with tempfile.TemporaryDirectory(prefix="fuzz") as found:
        atheris.instrument_all()
        words = [sys.argv[0], f"-max_total_time={int(seconds)}", f"-seed={seed}", "-max_len=20000",
                 f"-artifact_prefix={Path.cwd()}/", found, str(CORPUS / kind)]  # fmt: skip
        atheris.Setup(words, run)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
