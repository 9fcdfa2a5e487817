"""Double entry: what every transaction posts, and the balances and stock that follow from it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from qbwc_server.simulator.company import balances, lists, stock
from qbwc_server.simulator.company.books import Books


@dataclass(frozen=True)
class Entry:
    """One posting: cents, debits positive. entity_id only where it counts to a customer's balance (receivables)."""

    account_id: str
    amount: int
    entity_id: str = ""


@dataclass(frozen=True)
class Movement:
    """What happens to one item's stock: hundred-thousandths, and cents of value."""

    item_id: str
    on_hand: int = 0
    on_order: int = 0
    value: int = 0


@dataclass(frozen=True)
class Postings:
    """Everything one transaction posts."""

    entries: tuple[Entry, ...] = ()
    movements: tuple[Movement, ...] = ()


NOTHING = Postings()


def replace(books: Books, txn_id: str, postings: Postings) -> None:
    """Puts these in the place of what the transaction posted before; only what differs touches balances and times."""
    _entries(books, txn_id, postings.entries)
    _movements(books, txn_id, postings.movements)


def entries(books: Books, txn_id: str) -> list[Entry]:
    query = "SELECT account_id, amount, entity_id FROM posting WHERE txn_id = ? ORDER BY number"
    return [Entry(*row) for row in books.db.execute(query, (txn_id,))]


def movements(books: Books, txn_id: str) -> list[Movement]:
    query = "SELECT item_id, on_hand, on_order, value FROM movement WHERE txn_id = ? ORDER BY number"
    return [Movement(*row) for row in books.db.execute(query, (txn_id,))]


def _entries(books: Books, txn_id: str, after: tuple[Entry, ...]) -> None:
    before = entries(books, txn_id)
    if tuple(before) == after:
        return
    for account_id, amount in _difference(
        ((one.account_id, one.amount) for one in before), ((one.account_id, one.amount) for one in after)
    ):
        balances.move(books, lists.ACCOUNTS, account_id, amount)
    for entity_id, amount in _difference(
        ((one.entity_id, one.amount) for one in before), ((one.entity_id, one.amount) for one in after)
    ):
        balances.move(books, lists.NAMES, entity_id, amount)
    books.db.execute("DELETE FROM posting WHERE txn_id = ?", (txn_id,))
    books.db.executemany(
        "INSERT INTO posting (txn_id, account_id, entity_id, amount) VALUES (?, ?, ?, ?)",
        [(txn_id, one.account_id, one.entity_id, one.amount) for one in after],
    )


def _movements(books: Books, txn_id: str, after: tuple[Movement, ...]) -> None:
    before = movements(books, txn_id)
    if tuple(before) == after:
        return
    for sign, many in ((-1, before), (1, after)):
        for one in many:
            stock.move(
                books,
                one.item_id,
                on_hand=sign * one.on_hand,
                on_order=sign * one.on_order,
                value=sign * one.value,
            )
    books.db.execute("DELETE FROM movement WHERE txn_id = ?", (txn_id,))
    books.db.executemany(
        "INSERT INTO movement (txn_id, item_id, on_hand, on_order, value) VALUES (?, ?, ?, ?, ?)",
        [(txn_id, one.item_id, one.on_hand, one.on_order, one.value) for one in after],
    )


def _difference(before: Iterable[tuple[str, int]], after: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """What each named one changes by; those that stay as they were, and the unnamed, are left out."""
    change: Counter[str] = Counter()
    for name, amount in after:
        change[name] += amount
    for name, amount in before:
        change[name] -= amount
    return [(name, amount) for name, amount in change.items() if name and amount]
