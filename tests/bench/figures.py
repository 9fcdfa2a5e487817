"""What was measured, held against what it should be, as a table and as plain values for JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Target:
    """What a figure should reach: at least or at most; `goal` is what we would like it to be."""

    at_least: float | None = None
    at_most: float | None = None
    goal: float | None = None

    def met_by(self, value: float) -> bool:
        return value >= (self.at_least or 0) and (self.at_most is None or value <= self.at_most)

    def goal_met_by(self, value: float) -> bool:
        if self.goal is None:
            return False
        return value <= self.goal if self.at_least is None else value >= self.goal

    def __str__(self) -> str:
        bound = f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"
        return bound + (f", goal {self.goal:g}" if self.goal is not None else "")


# Ratios are to the yardstick of their figure; megabytes are 10^6 bytes.
TARGETS: Mapping[str, Target] = {
    "large answer, PostgreSQL": Target(at_least=0.5, goal=0.6),
    "memory over rest, 34 MB": Target(at_most=25),
    "memory over rest, 100 MB": Target(at_most=25),
    "small calls of an idle visit": Target(at_least=0.12, goal=0.20),
    "idle visit, many records, PostgreSQL, time": Target(at_most=1.15),
    "idle visit, many records, PostgreSQL, CPU": Target(at_most=1.15),
    "idle visit, many records, SQLite, time": Target(at_most=1.15),
    "idle visit, many records, SQLite, CPU": Target(at_most=1.15),
    "first sync, CRM calls": Target(at_most=1.2),
    "change sync, CRM calls": Target(at_most=1.2),
    "company file, memory of ten times as many": Target(at_most=50),
}

MEETS_GOAL, MEETS, MISSES, VOID = "meets the goal", "meets the target", "MISSES", "VOID"


@dataclass(frozen=True)
class Figure:
    """The median over the rounds, and its extremes. Without values it is void, and `note` says why."""

    name: str
    unit: str
    values: tuple[float, ...]
    note: str = ""

    @property
    def median(self) -> float | None:
        return statistics.median(self.values) if self.values else None

    def verdict(self, targets: Mapping[str, Target]) -> str:
        """How it stands against its target; "" for a figure that has none."""
        if self.median is None:
            return VOID
        target = targets.get(self.name)
        if target is None:
            return ""
        if not target.met_by(self.median):
            return MISSES
        return MEETS_GOAL if target.goal_met_by(self.median) else MEETS


HEADS = ("figure", "median", "unit", "least .. most of rounds", "target", "verdict", "note")


def table(figures: Sequence[Figure], targets: Mapping[str, Target] = TARGETS) -> str:
    rows = [HEADS, *(_row(one, targets) for one in figures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADS) - 1)]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _row(figure: Figure, targets: Mapping[str, Target]) -> tuple[str, ...]:
    target = targets.get(figure.name)
    spread = ""
    if len(figure.values) > 1:
        spread = f"{_short(min(figure.values))} .. {_short(max(figure.values))} of {len(figure.values)}"
    median = "" if figure.median is None else _short(figure.median)
    verdict = figure.verdict(targets)
    return (figure.name, median, figure.unit, spread, str(target or ""), verdict, figure.note)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if place == 1 else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=False))
    ]
    return "  ".join([*cells, row[-1]]).rstrip()


def _short(value: float) -> str:
    """Three digits that matter."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def plain(figures: Sequence[Figure], targets: Mapping[str, Target] = TARGETS) -> list[dict[str, object]]:
    """For JSON."""
    return [
        asdict(one)
        | {"median": one.median, "verdict": one.verdict(targets)}
        | {"target": asdict(targets[one.name]) if one.name in targets else None}
        for one in figures
    ]
