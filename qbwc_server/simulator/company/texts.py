"""Texts of a request as the company file takes them in (semantics 5, Characters)."""

from dataclasses import dataclass, replace
from typing import Any

from qbwc_server.simulator.company.books import Books
from qbxml import Request

NAMES = ("Name", "FullName", "Initial")
# What Windows' own Western set has at 80 to 9F, where Latin-1 has control characters.
WINDOWS = bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
LATIN = 0x100


def taken_in(books: Books, request: Request) -> Request:
    """What a single-byte Western set cannot hold becomes a question mark; three rules say what else happens."""
    taking = Taking(
        WINDOWS if books.rule("windows_characters") == "cp1252" else "",
        joins=books.rule("line_breaks") == "spaces",
        trims=books.rule("name_spaces") == "trimmed",
    )
    return replace(request, values={name: taking.tree(name, one) for name, one in request.values.items()})


@dataclass(frozen=True)
class Taking:
    """How one company file takes in texts."""

    # Characters that are kept beside those of Latin-1.
    keeps: str
    # Line breaks become spaces.
    joins: bool
    # Names lose the spaces around them.
    trims: bool

    def tree(self, name: str, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value).strip() if self.trims and name in NAMES else self.text(value)
        if isinstance(value, dict):
            return {key: self.tree(key, one) for key, one in value.items()}
        return [self.tree(name, one) for one in value] if isinstance(value, list) else value

    def text(self, text: str) -> str:
        if self.joins:
            text = " ".join(text.splitlines())
        if text.isascii():
            return text
        return "".join(one if ord(one) < LATIN or one in self.keeps else "?" for one in text)
