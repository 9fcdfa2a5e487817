"""Texts of a request as the company file takes them in (semantics 5, Characters)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from qbwc_server.simulator.company.books import Books
from qbxml import Request

Taken = Callable[[str], str]
NAMES = ("Name", "FullName", "Initial")
# What Windows' own Western set has at 80 to 9F, where Latin-1 has control characters.
WINDOWS = bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")


def taken_in(books: Books, request: Request) -> Request:
    """What a single-byte Western set cannot hold becomes a question mark; three rules say what else happens."""

    def taken(text: str) -> str:
        if books.rule("line_breaks") == "spaces":
            text = " ".join(text.splitlines())
        if text.isascii():
            return text
        keeps = WINDOWS if books.rule("windows_characters") == "cp1252" else ""
        return "".join(one if ord(one) < LATIN or one in keeps else "?" for one in text)

    trims = books.rule("name_spaces") == "trimmed"
    return replace(
        request, values={name: _tree(name, one, taken, trims) for name, one in request.values.items()}
    )


LATIN = 0x100


def _tree(name: str, value: Any, taken: Taken, trims: bool) -> Any:
    if isinstance(value, Mapping):
        return {key: _tree(key, one, taken, trims) for key, one in value.items()}
    if isinstance(value, list):
        return [_tree(name, one, taken, trims) for one in value]
    if not isinstance(value, str):
        return value
    return taken(value).strip() if trims and name in NAMES else taken(value)
