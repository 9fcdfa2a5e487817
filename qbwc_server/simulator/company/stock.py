"""What is held of inventory items: quantity, value and average cost."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from qbwc_server.simulator.company import balances
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.characters import plain, price

# Quantities have five decimals at most (semantics 5).
DECIMALS = 5


@dataclass(frozen=True)
class Stock:
    """Quantities in hundred-thousandths, value in cents; the average is remembered when nothing is left."""

    on_hand: int = 0
    on_order: int = 0
    value: int = 0
    average: Decimal = Decimal(0)

    @property
    def on_hand_text(self) -> str:
        return text(self.on_hand)

    @property
    def on_order_text(self) -> str:
        return text(self.on_order)

    @property
    def average_text(self) -> str:
        return price(self.average)


def units(quantity: Decimal | str) -> int:
    return int(Decimal(quantity).scaleb(DECIMALS).to_integral_value(ROUND_HALF_UP))


def text(quantity: int) -> str:
    return plain(Decimal(quantity).scaleb(-DECIMALS))


def of(books: Books, item_id: str) -> Stock:
    row = books.db.execute(
        "SELECT on_hand, on_order, value, average FROM stock WHERE item_id = ?", (item_id,)
    ).fetchone()
    return Stock(row[0], row[1], row[2], Decimal(row[3])) if row else Stock()


def cost(books: Books, item_id: str, quantity: int) -> int:
    """What so many units cost on average today, in cents."""
    amount = of(books, item_id).average * Decimal(quantity).scaleb(-DECIMALS)
    return balances.cents(amount)


def move(books: Books, item_id: str, *, on_hand: int = 0, on_order: int = 0, value: int = 0) -> None:
    """The average follows value and quantity while something is there (average costing)."""
    held = of(books, item_id)
    quantity, worth = held.on_hand + on_hand, held.value + value
    average = (
        Decimal(worth).scaleb(-2) / Decimal(quantity).scaleb(-DECIMALS)
        if quantity > 0 and worth > 0
        else held.average
    )
    books.db.execute(
        "INSERT OR REPLACE INTO stock VALUES (?, ?, ?, ?, ?)",
        (item_id, quantity, held.on_order + on_order, worth, str(average)),
    )
