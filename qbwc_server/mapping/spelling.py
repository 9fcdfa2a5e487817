"""Suggestions for a mistyped name."""

from collections.abc import Iterable

from rapidfuzz import process
from rapidfuzz.utils import default_process


def closest(name: str, known: Iterable[str]) -> str | None:
    """The one known name that was most likely meant, or None when nothing is near."""
    found = process.extract(name, list(known), processor=default_process, score_cutoff=70)
    return min(found, key=lambda one: (-one[1], abs(len(one[0]) - len(name))))[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    near = closest(name, known)
    return f"; did you mean {near!r}?" if near else ""
