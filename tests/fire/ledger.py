"""What people did, and what must be true because of it in the end. Nothing here looks at either side."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

SIDES = ("crm", "books")
BOTH = "both"
# Item, quantity (None where QuickBooks needs none), amount.
Wanted = tuple[str, Decimal | None, Decimal]


@dataclass(frozen=True)
class Edit:
    """A person's word about one field. "" is a field that was emptied; `side` may be both: a choice in a conflict."""

    order: float
    side: str
    value: str


@dataclass
class Entity:
    """One thing in the world, whatever records stand for it. Its token is in its records on both sides."""

    token: str
    family: str
    # Sides on which a person made a record of it.
    made: set[str] = field(default_factory=set)
    # A person wants it in QuickBooks, or a sale that needs it: these are the tokens of such sales.
    promoted: bool = False
    needed_by: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    merged_into: str = ""
    unlinked: bool = False
    linked_by_hand: bool = False
    # A proposal about it was approved, or a partner was asked for: a second life is wanted.
    made_again: bool = False
    # The token of the customer whose job it is.
    below: str = ""


@dataclass
class Sale:
    """A document that was wanted: `amounts` that may stand in QuickBooks, the last one first."""

    token: str
    customer: str
    form: str
    amounts: list[Decimal]
    lines: list[Wanted]
    side: str
    # Deleted in QuickBooks, emptied by a void, changed there by hand.
    gone: bool = False
    void: bool = False
    edited_in_books: bool = False
    # Taken apart by a person, or asked for once more.
    unlinked: bool = False
    made_again: bool = False
    # What the CRM's people reckoned; None: nothing was said of tax.
    tax: Decimal | None = None

    @property
    def total(self) -> Decimal:
        """What its lines come to, whatever was done to it in QuickBooks."""
        return sum((amount for _, _, amount in self.lines), Decimal(0))


@dataclass(frozen=True)
class Memory:
    """What QuickBooks' people had done until a backup was made."""

    order: int
    undone: frozenset[float]
    sales: Mapping[str, Sale]
    payments: tuple[tuple[str, Decimal], ...]


class Ledger:
    def __init__(self) -> None:
        self.entities: dict[str, Entity] = {}
        self.sales: dict[str, Sale] = {}
        # Token of the sale -> amounts that people received for it in QuickBooks.
        self.payments: list[tuple[str, Decimal]] = []
        self._edits: defaultdict[tuple[str, str], list[Edit]] = defaultdict(list)
        # Choices about a record that was not there when they were made.
        self._choices: defaultdict[tuple[str, str], list[Edit]] = defaultdict(list)
        self._order = 0
        # Company files of somebody else that were read or written.
        self.trespasses: list[str] = []
        # Edits of QuickBooks' people that a restored file does not hold.
        self.undone: frozenset[float] = frozenset()

    def made(self, token: str, family: str, side: str, values: Mapping[str, Any]) -> Entity:
        entity = self.entities.setdefault(token, Entity(token, family))
        entity.made.add(side)
        for name, value in values.items():
            self.edited(token, side, name, value)
        return entity

    def edited(self, token: str, side: str, name: str, value: Any) -> None:
        self._order += 1
        self._edits[token, name].append(Edit(self._order, side, str(value)))

    def taken_apart(self, token: str, *, made: bool) -> None:
        """A sale and its document; before there is one, the sale needs nothing any more."""
        self.sales[token].unlinked = True
        for one in () if made else self.entities.values():
            one.needed_by.discard(token)

    def fields(self, token: str) -> Iterator[str]:
        return (name for (of, name) in list(self._edits) if of == token)

    def cleared(self, token: str, name: str, side: str) -> bool:
        """Whether the last word of this side's people about the field was to empty it."""
        own = [one for one in self._edits[token, name] if one.side in (side, BOTH)]
        return bool(own) and own[-1].value == ""

    def last(self, token: str, name: str, *, with_undone: bool = False) -> Edit | None:
        """The last word about a field that still holds: what a side said before it emptied its field does not."""
        kept: list[Edit] = []
        for one in self._edits[token, name]:
            if one.order in self.undone and not with_undone:
                continue
            if one.value:
                kept.append(one)
            else:
                kept = [old for old in kept if old.side != one.side]
        return kept[-1] if kept else None

    def chosen(self, token: str, name: str, value: str, is_seen: Callable[[Edit], bool]) -> None:
        """A choice of somebody who had not seen what was said last: it stands before that."""
        edits = self._edits[token, name]
        seen = next((place for place, one in reversed([*enumerate(edits)]) if is_seen(one)), None)
        if seen is not None:
            edits.insert(seen + 1, Edit(edits[seen].order + 0.5, BOTH, value))

    def may_choose(self, token: str, name: str, value: str) -> None:
        self._order += 1
        self._choices[token, name].append(Edit(self._order, BOTH, value))

    def may_be_chosen(self, token: str, name: str, value: str, after: Edit) -> bool:
        return any(one.value == value and one.order > after.order for one in self._choices[token, name])

    def edits(self, token: str, name: str) -> list[Edit]:
        return self._edits[token, name]

    # --- a company file that goes back in time ---

    def remember(self) -> Memory:
        sales = {token: replace(one, amounts=list(one.amounts)) for token, one in self.sales.items()}
        return Memory(self._order, self.undone, sales, tuple(self.payments))

    def go_back(self, memory: Memory) -> None:
        """QuickBooks is as it was then. What the CRM's people did since is still true."""
        since = {
            one.order
            for edits in self._edits.values()
            for one in edits
            if one.side == "books" and one.order > memory.order
        }
        self.undone = memory.undone | since
        self.payments = list(memory.payments)
        for token, sale in list(self.sales.items()):
            before = memory.sales.get(token)
            if before is None and sale.side == "books":
                del self.sales[token]
            else:
                self.sales[token] = _as_before(sale, before)
        # The right file is back: what a restored one did not hold was wanted all the same.
        for token in memory.sales.keys() - self.sales.keys():
            self.sales[token] = replace(memory.sales[token], amounts=list(memory.sales[token].amounts))


def _as_before(sale: Sale, before: Sale | None) -> Sale:
    if before is None:
        return replace(sale, amounts=[sale.total], gone=False, void=False, edited_in_books=False)
    return replace(before, amounts=list(before.amounts), unlinked=sale.unlinked, made_again=sale.made_again)
