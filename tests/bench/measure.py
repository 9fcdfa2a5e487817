"""Measures what matters of the server on this machine: `make bench`. See tests/bench/README.md.

ARGS="--rounds 20" for steadier figures, ARGS="--only small" for one group, ARGS="--quick" to see that it works.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import pstats
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from unittest.mock import patch

from tests import postgres
from tests.bench import company, large, syncing, visits
from tests.bench.figures import TARGETS, VOID, Figure, Target, plain, table
from tests.bench.installations import Installations
from tests.bench.sizes import QUICK, Sizes

Measurement = Callable[[Installations, Sizes], Iterator[Figure]]
GROUPS: Mapping[str, Measurement] = {
    "large": large.speed,
    "memory": large.memory,
    "small": visits.small_calls,
    "records": visits.many_records,
    "sync": syncing.sync,
    "company": company.scale,
}
PROFILES: Mapping[str, Callable[[Installations, Sizes, Path], None]] = {
    "a large answer": large.profile,
    "idle visits": visits.profile,
}
PROFILE_LINES = 30


def measured(cluster: postgres.Cluster | None, sizes: Sizes, groups: Sequence[str]) -> Iterator[Figure]:
    """The figures of these groups, one after the other, each as soon as it is there."""
    with _installations(cluster) as installations:
        for group in groups:
            started = time.monotonic()
            yield from GROUPS[group](installations, sizes)
            print(f"{group}: {time.monotonic() - started:.0f} s", file=sys.stderr)


@contextmanager
def _installations(cluster: postgres.Cluster | None) -> Iterator[Installations]:
    with tempfile.TemporaryDirectory(prefix="qbwc-bench-") as place:
        installations = Installations(Path(place), cluster)
        try:
            yield installations
        finally:
            installations.close()


@contextmanager
def _cluster() -> Iterator[postgres.Cluster | None]:
    """PostgreSQL, or None where there is none: then everything is measured on SQLite.

    With its own settings, not with those of the tests: a commit must reach the disk here.
    """
    try:
        with patch.object(postgres, "CARELESS", ()), postgres.running() as cluster:
            yield cluster
    except postgres.Unavailable as missing:
        print(f"{missing}: everything is measured on SQLite.", file=sys.stderr)
        yield None


def report(figures: Sequence[Figure], targets: Mapping[str, Target] = TARGETS) -> str:
    """The table, and a sentence about what misses its target."""
    missed = [one.name for one in figures if one.name in targets and one.verdict(targets) in ("MISSES", VOID)]
    if not missed:
        return table(figures, targets)
    said = f"{len(missed)} of {len(targets)} targets missed: {'; '.join(missed)}."
    return f"{table(figures, targets)}\n\n{said} ARGS=--profile shows where the time goes."


def as_json(figures: Sequence[Figure], seconds: float, targets: Mapping[str, Target] = TARGETS) -> str:
    machine = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }
    return json.dumps({"machine": machine, "seconds": round(seconds, 1), "figures": plain(figures, targets)})


def profiles(cluster: postgres.Cluster | None, sizes: Sizes) -> None:
    """Print where the time of the two paths goes, function by function."""
    with _installations(cluster) as installations, tempfile.TemporaryDirectory(prefix="qbwc-bench-") as place:
        for number, (what, profile) in enumerate(PROFILES.items()):
            file = Path(place) / f"{number}.pstats"
            profile(installations, sizes, file)
            print(f"\nWhere the time of {what} goes, by own time:")
            pstats.Stats(str(file)).strip_dirs().sort_stats("tottime").print_stats(PROFILE_LINES)


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, help="rounds of each figure; five unless told")
    options.add_argument(
        "--quick", action="store_true", help="tiny sizes: shows that it works, measures nothing"
    )
    options.add_argument("--only", choices=GROUPS, action="append", help="this group; may be repeated")
    options.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures there, not after the table"
    )
    options.add_argument("--profile", action="store_true", help="show where the time goes, after the table")
    chosen = options.parse_args(arguments)
    sizes = QUICK if chosen.quick else Sizes()
    if chosen.rounds:
        sizes = replace(sizes, rounds=max(1, chosen.rounds))
    signal.signal(signal.SIGTERM, _stop)
    started = time.monotonic()
    with _cluster() as cluster:
        figures: list[Figure] = []
        try:
            for one in measured(cluster, sizes, chosen.only or list(GROUPS)):
                figures.append(one)  # one by one: a stop keeps those before it
        finally:  # also when it is stopped: what was measured till then
            _tell(figures, time.monotonic() - started, chosen.json)
        if chosen.profile:
            profiles(cluster, sizes)


def _tell(figures: Sequence[Figure], seconds: float, file: Path | None) -> None:
    print(report(figures))
    text = as_json(figures, seconds)
    if file:
        file.write_text(text + "\n", "utf-8")
    else:
        print(text)


def _stop(number: int, _frame: FrameType | None) -> None:
    """Asked to end: through the blocks that end servers and take folders away."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
