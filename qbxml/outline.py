"""Show messages and field tables to a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml import etree

from qbxml.fields import fields
from qbxml.secure import attributes_of

_INDENT = "  "
_HEADINGS = ("field", "type", "length", "required", "repeats", "since", "values")


def outline(node: etree._Element, level: int = 0) -> Iterator[str]:
    """An element as indented lines of names and values. Line breaks and other controls are shown, not obeyed."""
    given = "".join(f" {name}={shown(text)}" for name, text in attributes_of(node).items())
    text = (node.text or "").strip()
    yield f"{_INDENT * level}{node.tag}{given}{': ' + shown(text) if text else ''}"
    for child in node:
        yield from outline(child, level + 1)


def shown(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def description(name: str) -> list[str]:
    """The fields of a message or object as the lines of a table. Raises KeyError."""
    rows = [
        (
            field.path,
            field.type,
            str(field.max_length or ""),
            "yes" if field.required else "",
            "yes" if field.repeatable else "",
            field.since,
            " ".join(field.enum),
        )
        for field in fields(name)
    ]
    return _aligned([_HEADINGS, *rows])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
