"""What was played: a line of JSON for each run, and the table of all that count for this README.

`python -m tests.fire.results FILE ...` adds the runs of such files to `results.json` and writes the table anew.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fire.life import End

HERE = Path(__file__).parent
KEPT = HERE / "results.json"
README = HERE / "README.md"
BEGIN, END = "<!-- results -->", "<!-- end -->"


def commit() -> str:
    """What is played; a + behind it when something was changed since."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=7", "--dirty=+", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
            cwd=HERE,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


@dataclass(frozen=True)
class Result:
    """One run. Seconds are of the clock and of all processors."""

    mode: str
    database: str
    commit: str = ""
    ended_at: str = ""
    seeds: tuple[int, ...] = ()
    sessions: int = 0
    acts: int = 0
    accidents: int = 0
    deaths: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0
    processor_seconds: float = 0
    # Seed -> the rules that its life broke.
    broken: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, mode: str, database: str) -> Result:
        return cls(mode, database)

    def and_life(self, seed: int, end: End) -> Result:
        died = end.died or ({"process": end.deaths} if end.deaths else {})
        return replace(
            self,
            seeds=(*self.seeds, seed),
            sessions=self.sessions + end.visits,
            acts=self.acts + end.acts,
            accidents=self.accidents + end.accidents,
            deaths=_sum(self.deaths, died),
            broken={**self.broken, **({str(seed): sorted(end.rules)} if end.rules else {})},
        )

    def and_processor_time(self) -> Result:
        """Of this process and of all that it began and buried."""
        used = [resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return replace(self, processor_seconds=sum(one.ru_utime + one.ru_stime for one in used))

    def and_share(self, other: Result) -> Result:
        return replace(
            self,
            seeds=tuple(sorted((*self.seeds, *other.seeds))),
            sessions=self.sessions + other.sessions,
            acts=self.acts + other.acts,
            accidents=self.accidents + other.accidents,
            deaths=_sum(self.deaths, other.deaths),
            processor_seconds=self.processor_seconds + other.processor_seconds,
            broken={**self.broken, **other.broken},
        )

    def ended(self, commit: str, seconds: float) -> Result:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        used = round(self.processor_seconds, 1)
        return replace(self, commit=commit, ended_at=now, seconds=round(seconds, 1), processor_seconds=used)

    def text(self) -> str:
        died = ", ".join(f"{number} {kind}" for kind, number in sorted(self.deaths.items()))
        return (
            f"{self.sessions} sessions of {len(self.seeds)} lives, {self.acts} acts, {self.accidents} accidents, "
            f"deaths: {died or 'none'}; {self.seconds:.0f} s, {self.processor_seconds:.0f} s of processors; "
            f"{len(self.broken)} lives broke a promise {dict(self.broken) or ''}"
        )

    def append_to(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as lines:
            lines.write(json.dumps(asdict(self)) + "\n")

    @classmethod
    def all_of(cls, file: Path) -> list[Result]:
        return [cls(**json.loads(line)) for line in file.read_text().splitlines()]

    @classmethod
    def last_of(cls, file: Path) -> Result:
        return cls.all_of(file)[-1]


def _sum(*counts: Mapping[str, int]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


# --- the table ---

NAMES = {"inside": "inside", "processes": "processes", "sqlite": "SQLite", "postgresql": "PostgreSQL"}
HEADS = (
    *("way", "database", "at", "seeds", "sessions", "acts", "accidents", "deaths", "minutes"),
    *("processor s a session", "broke a promise"),
)
HEAD = f"| {' | '.join(HEADS)} |\n|{' --- |' * len(HEADS)}\n"


def kept() -> list[dict[str, Any]]:
    """A row for each way, database and commit."""
    rows: list[dict[str, Any]] = json.loads(KEPT.read_text())
    return rows


def merged(rows: Iterable[Mapping[str, Any]], more: Iterable[Result]) -> list[dict[str, Any]]:
    """The rows with what these runs add, in a fixed order."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {_key(one): dict(one) for one in rows}
    for result in more:
        one = _row(result)
        old = found.get(_key(one))
        found[_key(one)] = _added(old, one) if old else one
    return [found[key] for key in sorted(found)]


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["mode"], row["database"], row["commit"]


def _row(result: Result) -> dict[str, Any]:
    told = asdict(result)
    same = (
        "mode",
        "database",
        "commit",
        "sessions",
        "acts",
        "accidents",
        "deaths",
        "seconds",
        "processor_seconds",
    )
    return {name: told[name] for name in same} | {"seeds": _runs(result.seeds), "broken": dict(result.broken)}


def _runs(seeds: Iterable[int]) -> list[list[int]]:
    """Seeds as the first and last of each unbroken run."""
    found: list[list[int]] = []
    for one in sorted(set(seeds)):
        if found and found[-1][1] == one - 1:
            found[-1][1] = one
        else:
            found.append([one, one])
    return found


def _single(runs: Iterable[Sequence[int]]) -> Iterator[int]:
    for first, last in runs:
        yield from range(first, last + 1)


def _added(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    sums = ("sessions", "acts", "accidents")
    return {
        **old,
        **{name: old[name] + new[name] for name in sums},
        **{name: round(old[name] + new[name], 1) for name in ("seconds", "processor_seconds")},
        "seeds": _runs([*_single(old["seeds"]), *_single(new["seeds"])]),
        "deaths": _sum(old["deaths"], new["deaths"]),
        "broken": {**old["broken"], **new["broken"]},
    }


def as_markdown(rows: Iterable[Mapping[str, Any]]) -> str:
    return HEAD + "".join(_line(row) for row in rows)


def _line(row: Mapping[str, Any]) -> str:
    died = ", ".join(f"{number} {kind}" for kind, number in sorted(row["deaths"].items()) if number)
    broke = ", ".join(f"{seed}: {' '.join(rules)}" for seed, rules in row["broken"].items()) or "none"
    each = row["processor_seconds"] / max(1, row["sessions"])
    seeds = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in row["seeds"])
    told = (
        *(NAMES[row["mode"]], NAMES[row["database"]], row["commit"], seeds, row["sessions"], row["acts"]),
        *(row["accidents"], died, round(row["seconds"] / 60), f"{each:.1f}", broke),
    )
    return f"| {' | '.join(map(str, told))} |\n"


def with_table(readme: str, table: str) -> str:
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table}\n{END}{after}"


def main(files: Sequence[str]) -> None:
    rows = merged(kept(), [one for file in files for one in Result.all_of(Path(file))])
    KEPT.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    README.write_text(with_table(README.read_text(), as_markdown(rows)))


if __name__ == "__main__":
    main(sys.argv[1:])
