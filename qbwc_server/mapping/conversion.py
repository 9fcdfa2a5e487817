"""What every converter is made of: where a value goes, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from qbwc_server.mapping.errors import CannotConvert
from qbwc_server.mapping.value import Value


@dataclass(frozen=True)
class Target:
    """Where a value goes: the side, the name the person knows the source by, and what the end can hold."""

    side: Literal["books", "crm"]
    field: str
    length: int | None = None
    lines: int = 1
    too_long: Literal["refuse", "truncate"] = "refuse"
    choices: tuple[tuple[str, str], ...] = ()
    zone: str | None = None

    @property
    def place(self) -> str:
        return {"books": "QuickBooks", "crm": "the CRM"}[self.side]

    @property
    def source(self) -> str:
        return {"books": "the CRM", "crm": "QuickBooks"}[self.side]

    def refusal(self, text: str, value: object, code: str) -> CannotConvert:
        return CannotConvert(text, field=self.field, value=value, code=code)


@dataclass(frozen=True)
class Converted:
    """A value in its new form. `lost` says what did not survive, None when everything did."""

    value: Value
    lost: str | None = None


Convert = Callable[[Value, Target], Converted]


@dataclass(frozen=True)
class Converter:
    """Both directions of one conversion; `doc` is one sentence for the operator."""

    name: str
    to_books: Convert
    to_crm: Convert
    doc: str
