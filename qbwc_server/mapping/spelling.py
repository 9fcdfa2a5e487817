"""Suggestions for a mistyped name."""

from collections.abc import Iterable

from rapidfuzz import process
from rapidfuzz.utils import default_process

ABOUT = 5  # of 100


def closest(name: str, known: Iterable[str]) -> str | None:
    """The one known name that was most likely meant, or None when nothing is near.

    Of those that are about as near the one of the most similar length: a short name is part of many long ones.
    """
    found = process.extract(name, list(known), processor=default_process, score_cutoff=70)
    near = [one for one in found if one[1] >= found[0][1] - ABOUT]
    return min(near, key=lambda one: (abs(len(one[0]) - len(name)), -one[1]))[0] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    near = closest(name, known)
    return f"; did you mean {near!r}?" if near else ""
