"""What people did, and what must be true because of it in the end. Nothing here looks at either side."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

SIDES = ("crm", "books")
BOTH = "both"


@dataclass(frozen=True)
class Edit:
    """A person's word about one field. "" is a field that was emptied; `side` may be both: a choice in a conflict."""

    order: int
    side: str
    value: str


@dataclass
class Entity:
    """One thing in the world, whatever records stand for it. Its token is in its records on both sides."""

    token: str
    family: str
    # Sides on which a person made a record of it.
    made: set[str] = field(default_factory=set)
    # A person wants it in QuickBooks.
    promoted: bool = False
    deleted: set[str] = field(default_factory=set)
    merged_into: str = ""
    unlinked: bool = False
    linked_by_hand: bool = False
    # A proposal about it was approved, or a partner was asked for: a second life is wanted.
    made_again: bool = False


@dataclass
class Sale:
    """A document that was wanted: `amounts` that may stand in QuickBooks, the last one first."""

    token: str
    customer: str
    form: str
    amounts: list[Decimal]
    lines: list[tuple[str, Decimal, Decimal]]
    side: str
    # Deleted in QuickBooks, emptied by a void, changed there by hand.
    gone: bool = False
    void: bool = False
    edited_in_books: bool = False


class Ledger:
    def __init__(self) -> None:
        self.entities: dict[str, Entity] = {}
        self.sales: dict[str, Sale] = {}
        # Token of the sale -> amounts that people received for it in QuickBooks.
        self.payments: list[tuple[str, Decimal]] = []
        self._edits: defaultdict[tuple[str, str], list[Edit]] = defaultdict(list)
        self._order = 0

    def made(self, token: str, family: str, side: str, values: Mapping[str, Any]) -> Entity:
        entity = self.entities.setdefault(token, Entity(token, family))
        entity.made.add(side)
        for name, value in values.items():
            self.edited(token, side, name, value)
        return entity

    def edited(self, token: str, side: str, name: str, value: Any) -> None:
        self._order += 1
        self._edits[token, name].append(Edit(self._order, side, str(value)))

    def fields(self, token: str) -> Iterator[str]:
        return (name for (of, name) in list(self._edits) if of == token)

    def cleared(self, token: str, name: str, side: str) -> bool:
        """Whether the last word of this side's people about the field was to empty it."""
        own = [one for one in self._edits[token, name] if one.side in (side, BOTH)]
        return bool(own) and own[-1].value == ""

    def last(self, token: str, name: str) -> Edit | None:
        """The last word about a field that still holds: what a side said before it emptied its field does not."""
        kept: list[Edit] = []
        for one in self._edits[token, name]:
            if one.value:
                kept.append(one)
            else:
                kept = [old for old in kept if old.side != one.side]
        return kept[-1] if kept else None

    def edits(self, token: str, name: str) -> list[Edit]:
        return self._edits[token, name]
