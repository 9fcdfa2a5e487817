"""What can be wrong with a message, told to a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Rule: TypeAlias = Literal[
    "unknown",
    "missing",
    "type",
    "length",
    "enum",
    "choice",
    "repeat",
    "version",
    "character",
    "empty",
    "order",
]


@dataclass(frozen=True)
class Violation:
    """One thing QuickBooks would refuse in a request.

    `path` starts at the request ("CustomerAddRq/CustomerAdd/Contacts[2]/FirstName", items counted from 1),
    `since` is the qbXML version a field needs (rule "version"), `request_id` tells the request in a set of
    several.
    """

    path: str
    value: object
    rule: Rule
    text: str
    since: str | None = None
    request_id: str | None = None


class QbxmlError(ValueError):
    """Anything this package refuses."""


class InvalidRequest(QbxmlError):
    """Requests that QuickBooks would refuse; nothing was built. `violations` holds all of them."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{found.path}: {found.text}" for found in self.violations))


class UnreadableAnswer(QbxmlError):
    """An answer that is not qbXML: nothing in it may be used, what was sent before it is in doubt."""


class RefusedByParser(QbxmlError):
    """A request document that QuickBooks answers with an HRESULT and no qbXML at all; `path` is where it stopped."""

    def __init__(self, path: str, text: str, hresult: str = "0x80040400") -> None:
        self.path = path
        self.text = text
        self.hresult = hresult
        super().__init__(f"{path}: {text}" if path else text)
