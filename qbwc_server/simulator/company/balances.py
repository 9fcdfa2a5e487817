"""Balances of list elements: cents in the file, Decimal outside; a total includes what is below (semantics 6)."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from qbwc_server.simulator.company import objects
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.objects import ListObject

_MOVE = (
    "UPDATE list_object SET balance = balance + ?, total_balance = total_balance + ?, time_modified = ? "
    "WHERE family = ? AND list_id = ? RETURNING parent_id"
)
_CARRY = (
    "UPDATE list_object SET total_balance = total_balance + ?, time_modified = coalesce(?, time_modified) "
    "WHERE family = ? AND list_id = ? RETURNING parent_id"
)


def cents(amount: Decimal | str) -> int:
    return int(Decimal(amount).scaleb(2).to_integral_value(ROUND_HALF_UP))


def text(amount: int) -> str:
    return format(Decimal(amount).scaleb(-2), ".2f")


def move(books: Books, family: str, list_id: str, amount: int) -> None:
    """Changes a balance as a posting does: TimeModified moves, EditSequence stays (semantics 4).

    The parents' totals change with it; whether their TimeModified moves too is a rule ("parent_times").
    """
    now = books.clock.now() if books.rule("parent_times") == "move" else None
    books.forget(family, list_id)
    [(above,)] = books.db.execute(_MOVE, (amount, amount, books.clock.now(), family, list_id)).fetchall()
    while above:
        books.forget(family, above)
        [(above,)] = books.db.execute(_CARRY, (amount, now, family, above)).fetchall()


def carry_up(books: Books, element: ListObject, amount: int) -> None:
    for above in objects.ancestors(books, element):
        objects.save(books, replace(above, total_balance=above.total_balance + amount))
