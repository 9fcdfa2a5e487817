"""What of which payment or credit memo is applied to which invoice."""

from collections.abc import Iterator
from dataclasses import dataclass

from qbwc_server.simulator.company.books import Books

_SELECT = (
    "SELECT number, credit_id, target_id, amount, discount, discount_account, discount_class FROM application"
)


@dataclass(frozen=True)
class Application:
    """Amounts are cents; the discount was given by the payment, to an account of its own."""

    number: int
    credit_id: str
    target_id: str
    amount: int
    discount: int = 0
    discount_account: str = ""
    discount_class: str = ""


def of_credit(books: Books, credit_id: str) -> list[Application]:
    return list(_rows(books, "WHERE credit_id = ?", credit_id))


def of_target(books: Books, target_id: str) -> list[Application]:
    return list(_rows(books, "WHERE target_id = ?", target_id))


def insert(books: Books, one: Application) -> None:
    """Its number is given by the file."""
    books.db.execute(
        "INSERT INTO application (credit_id, target_id, amount, discount, discount_account, discount_class) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            one.credit_id,
            one.target_id,
            one.amount,
            one.discount,
            one.discount_account,
            one.discount_class,
        ),
    )


def delete(books: Books, one: Application) -> None:
    books.db.execute("DELETE FROM application WHERE number = ?", (one.number,))


def _rows(books: Books, clause: str, txn_id: str) -> Iterator[Application]:
    for row in books.db.execute(f"{_SELECT} {clause} ORDER BY number", (txn_id,)).fetchall():
        yield Application(*row)
