"""What a message set is made of: requests on the way out, statuses and records on the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from qbxml.walltime import WallTime

# "" as a value builds an empty element. Keys that start with "@" are attributes ("@defMacro"), "#text" is
# the text of a leaf that has attributes, ORDER tells how the members of a mixed list follow each other.
Leaf: TypeAlias = str | int | bool | Decimal | date | WallTime
Value: TypeAlias = "Leaf | Mapping[str, Value] | Sequence[Value]"
Values: TypeAlias = Mapping[
    str, Any
]  # Any: trees are read by path, a closed union would need a cast at every step

ORDER = "#order"
TEXT = "#text"

Severity: TypeAlias = Literal["Info", "Warn", "Error"]
OnError: TypeAlias = Literal["continueOnError", "stopOnError"]


@dataclass(frozen=True)
class Request:
    """One request element: its name with Rq, its children, its requestID and its other attributes."""

    name: str
    values: Values = field(default_factory=dict)
    request_id: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RequestSet:
    """A whole request document, as QuickBooks' parser read it."""

    version: str
    on_error: OnError
    new_message_set_id: str | None
    old_message_set_id: str | None
    requests: tuple[Request, ...]
    response_data: str = "includeAll"


@dataclass(frozen=True)
class SetStatus:
    """The attributes of QBXMLMsgsRs; both are None unless the request used error recovery."""

    code: int | None = None
    new_message_set_id: str | None = None


@dataclass(frozen=True)
class Status:
    """The attributes of one answer element. `ret_count` comes only with metaData, the iterator's only with one.

    `notes` tells where QuickBooks left its own specification.
    """

    name: str
    request_id: str | None = None
    code: int = 0
    severity: Severity = "Info"
    message: str = "Status OK"
    ret_count: int | None = None
    iterator_id: str | None = None
    iterator_remaining: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ret:
    """One record of an answer. `notes` tells where QuickBooks left its own specification."""

    name: str
    values: dict[str, Any]
    status: Status
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Response:
    status: Status
    rets: tuple[Ret, ...] = ()


@dataclass(frozen=True)
class Answer:
    """A whole answer document."""

    set_status: SetStatus
    responses: tuple[Response, ...]

    def by_request_id(self, request_id: str) -> Response | None:
        """The response to one request; answers are matched by id, never by position."""
        return next((found for found in self.responses if found.status.request_id == request_id), None)
