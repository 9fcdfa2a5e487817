"""Converters of text: what fits QuickBooks' single-byte set, its lengths and its names."""

import textwrap
from collections.abc import Sequence
from itertools import chain

from qbwc_server.mapping.conversion import Converted, Target
from qbwc_server.mapping.latin1 import carry, foreign
from qbwc_server.mapping.value import Value, as_text

# Name of customers, vendors and jobs; used when the rule was not fitted to a field list.
NAME_LENGTH = 41


def text_to_books(value: Value, target: Target) -> Converted:
    return _carried(" ".join(as_text(value).splitlines()).replace("\t", " "), target)


def memo_to_books(value: Value, target: Target) -> Converted:
    return _carried(as_text(value), target)


def text_to_crm(value: Value, target: Target) -> Converted:
    return _result(*_fitted(as_text(value), target))


def name_to_books(value: Value, target: Target) -> Converted:
    """Customer names: unique without case, no colon (it joins the levels of a FullName), 41 characters."""
    text = " ".join(as_text(value).split())
    if unknown := foreign(text):
        raise target.refusal(
            f"{target.field} contains {_shown(unknown)}, which a QuickBooks name cannot hold. "
            f"Write the name in Western letters in {target.source}.",
            value,
            "character",
        )
    carried = carry(text)
    name = " ".join(carried.text.split())
    if ":" in name:
        raise target.refusal(
            f"{target.field} contains a colon, which QuickBooks keeps for telling customer and job apart. "
            f"Remove the colon in {target.source}.",
            value,
            "colon",
        )
    losses = _losses(carried.replaced, carried.removed, target)
    return _result(*_fitted(name, target, NAME_LENGTH), *losses)


def name_to_crm(value: Value, target: Target) -> Converted:
    return _result(*_fitted(" ".join(as_text(value).split()), target))


def lines_to_books(value: Value, target: Target) -> Converted:
    """A street as address lines. A line that is too long is folded at a space while lines are free."""
    carried = carry(as_text(value))
    lines = [" ".join(line.split()) for line in carried.text.splitlines()]
    folded = [_fitted_line(part, target) for line in lines if line for part in _folded(line, target)]
    kept, left_out = _kept_lines([line for line, _ in folded], target)
    losses = _losses(carried.replaced, carried.removed, target)
    return _result("\n".join(kept), *(cut for _, cut in folded), left_out, *losses)


def lines_to_crm(value: Value, target: Target) -> Converted:
    lines = [line.strip() for line in as_text(value).splitlines()]
    return _result(*_fitted("\n".join(line for line in lines if line), target))


def picklist_to_books(value: Value, target: Target) -> Converted:
    return _chosen(value, target, target.choices)


def picklist_to_crm(value: Value, target: Target) -> Converted:
    return _chosen(value, target, [(books, crm) for crm, books in target.choices])


def reference(value: Value, _: Target) -> Converted:
    return Converted(as_text(value))


def _chosen(value: Value, target: Target, pairs: Sequence[tuple[str, str]]) -> Converted:
    """Labels are compared exactly, then without case, and the first pair counts.

    Without a value list the label itself is carried.
    """
    label = as_text(value)
    exact = (found for key, found in pairs if key == label)
    loose = (found for key, found in pairs if key.casefold() == label.casefold())
    chosen = next(chain(exact, loose), None)
    if chosen is None and pairs:
        known = ", ".join(dict.fromkeys(key for key, _ in pairs))
        raise target.refusal(
            f"{target.field} is {label!r}, which has no counterpart in {target.place}. "
            f"Choose one of {known}, or add it to the value list of this rule.",
            value,
            "no_choice",
        )
    carry_over = text_to_books if target.side == "books" else text_to_crm
    return carry_over(label if chosen is None else chosen, target)


def _carried(text: str, target: Target) -> Converted:
    carried = carry(text)
    return _result(
        *_fitted(carried.text.strip(), target), *_losses(carried.replaced, carried.removed, target)
    )


def _result(text: str, *losses: str | None) -> Converted:
    return Converted(text or None, " ".join(loss for loss in losses if loss) or None)


def _fitted_line(line: str, target: Target) -> tuple[str, str | None]:
    return _fitted(line, target, called=f"A line of {target.field}")


def _fitted(
    text: str, target: Target, assumed: int | None = None, called: str | None = None
) -> tuple[str, str | None]:
    limit, name = target.length or assumed, called or target.field
    if limit is None or len(text) <= limit:
        return text, None
    if target.too_long == "refuse":
        raise target.refusal(
            f"{name} has {len(text)} characters, {target.place} allows {limit}. "
            f"Shorten it in {target.source}.",
            text,
            "too_long",
        )
    return text[:limit].strip(), f"{name} was cut from {len(text)} to {limit} characters."


def _folded(line: str, target: Target) -> list[str]:
    if target.length is None or len(line) <= target.length:
        return [line]
    return textwrap.wrap(line, target.length, break_long_words=False, break_on_hyphens=False)


def _kept_lines(lines: Sequence[str], target: Target) -> tuple[Sequence[str], str | None]:
    if len(lines) <= target.lines:
        return lines, None
    if target.too_long == "refuse":
        raise target.refusal(
            f"{target.field} needs {len(lines)} lines, {target.place} has {target.lines}. "
            f"Shorten it in {target.source}.",
            "\n".join(lines),
            "too_many_lines",
        )
    left_out = ", ".join(lines[target.lines :])
    return lines[: target.lines], f"{target.field} lost its last lines: {left_out}."


def _losses(replaced: Sequence[str], removed: Sequence[str], target: Target) -> tuple[str | None, str | None]:
    gone = f"{target.field}: {_shown(removed)} was removed, QuickBooks cannot store it." if removed else None
    return _replaced(replaced, target), gone


def _replaced(replaced: Sequence[str], target: Target) -> str | None:
    return f"{target.field}: {_shown(replaced)} was written in plain letters." if replaced else None


def _shown(characters: Sequence[str], most: int = 5) -> str:
    return " ".join(characters[:most]) + (" ..." if len(characters) > most else "")
