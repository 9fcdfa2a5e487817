"""Open balances: cents in the file, Decimal outside; a customer's total includes its jobs (semantics 6)."""

from dataclasses import replace
from decimal import Decimal

from qbwc_server.simulator.company import objects
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.objects import ListObject


def cents(amount: Decimal | str) -> int:
    return int(Decimal(amount).scaleb(2).to_integral_value())


def text(amount: int) -> str:
    return format(Decimal(amount).scaleb(-2), ".2f")


def post(books: Books, element: ListObject, amount: int) -> ListObject:
    """Changes a balance as a posting does: TimeModified moves, EditSequence stays (semantics 4).

    The parents' totals change with it; whether their TimeModified moves too is unconfirmed, here it stays.
    """
    posted = replace(
        element,
        balance=element.balance + amount,
        total_balance=element.total_balance + amount,
        time_modified=books.clock.now(),
    )
    objects.save(books, posted)
    carry_up(books, posted, amount)
    return posted


def carry_up(books: Books, element: ListObject, amount: int) -> None:
    for above in objects.ancestors(books, element):
        objects.save(books, replace(above, total_balance=above.total_balance + amount))
