"""What a company owes and owns, kept apart from the simulator: a few sums over what was accepted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
# What each form does to its customer's balance, and to the stock of what stands in its lines.
OWED = {"Invoice": 1, "CreditMemo": -1, "ReceivePayment": -1}
MOVED = {"Invoice": -1, "SalesReceipt": -1, "CreditMemo": 1}


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


@dataclass
class Line:
    """One line of a form; item is a ListID, rate is for one."""

    item: str
    quantity: Decimal
    rate: Decimal
    taxed: bool = False

    @property
    def amount(self) -> Decimal:
        return cents(self.quantity * self.rate)


@dataclass
class Paper:
    """A form or a payment; a payment has its total and no lines. tax is in percent."""

    kind: str
    customer: str
    lines: list[Line] = field(default_factory=list)
    tax: Decimal = Decimal(0)
    received: Decimal = Decimal(0)
    linked: bool = False

    @property
    def total(self) -> Decimal:
        taxed = sum((line.amount for line in self.lines if line.taxed), Decimal(0))
        net = sum((line.amount for line in self.lines), Decimal(0))
        return net + cents(taxed * self.tax / 100) + self.received


@dataclass(frozen=True)
class Applied:
    """So much of a payment or credit (source) is set against an invoice."""

    source: str
    invoice: str
    amount: Decimal


class Ledger:
    """Papers by TxnID, customers with their parents by ListID, stock that was there from the start."""

    def __init__(self) -> None:
        self.parents: dict[str, str | None] = {}
        self.papers: dict[str, Paper] = {}
        self.applied: list[Applied] = []
        self.opening: dict[str, Decimal] = {}

    def balance(self, customer: str) -> Decimal:
        return sum(
            (OWED.get(paper.kind, 0) * paper.total for paper in self.of(customer)),
            Decimal(0),
        )

    def total_balance(self, customer: str) -> Decimal:
        below = (child for child, parent in self.parents.items() if parent == customer)
        return self.balance(customer) + sum(map(self.total_balance, below), Decimal(0))

    def receivables(self) -> Decimal:
        """Open invoices less what is left of credits and payments."""
        return sum(
            (OWED[paper.kind] * self.left(txn) for txn, paper in self.papers.items() if paper.kind in OWED),
            Decimal(0),
        )

    def left(self, txn: str) -> Decimal:
        """Of an invoice what is still open, of a credit or payment what is not used."""
        used = (one.amount for one in self.applied if txn in (one.source, one.invoice))
        return self.papers[txn].total - sum(used, Decimal(0))

    def on_hand(self, item: str) -> Decimal:
        moved = (
            MOVED.get(paper.kind, 0) * line.quantity
            for paper in self.papers.values()
            for line in paper.lines
            if line.item == item
        )
        return self.opening[item] + sum(moved, Decimal(0))

    def of(self, customer: str) -> list[Paper]:
        return [paper for paper in self.papers.values() if paper.customer == customer]

    def txns(self, *kinds: str) -> list[str]:
        return [txn for txn, paper in self.papers.items() if paper.kind in kinds]

    def open_invoices(self, customer: str) -> list[str]:
        return [
            txn
            for txn in self.txns("Invoice")
            if self.papers[txn].customer == customer and self.left(txn) > 0
        ]

    def is_applied(self, txn: str) -> bool:
        return any(txn in (one.source, one.invoice) for one in self.applied)

    def release(self, txn: str) -> None:
        """A paper that is gone or void is set against nothing any more."""
        self.applied = [one for one in self.applied if txn not in (one.source, one.invoice)]

    def void(self, txn: str) -> None:
        self.release(txn)
        self.papers[txn].lines = []

    def delete(self, txn: str) -> None:
        self.release(txn)
        del self.papers[txn]

    def merge(self, source: str, target: str) -> None:
        for paper in self.of(source):
            paper.customer = target
        del self.parents[source]


def trial_balance(accounts: Iterable[tuple[str, Decimal]]) -> Decimal:
    """Debits less credits over (AccountType, Balance) as QuickBooks shows them."""
    return sum((DEBIT_OR_CREDIT[kind] * balance for kind, balance in accounts), Decimal(0))


DEBIT_OR_CREDIT = {
    **dict.fromkeys(("Bank", "AccountsReceivable", "OtherCurrentAsset", "FixedAsset", "OtherAsset"), 1),
    **dict.fromkeys(("CostOfGoodsSold", "Expense", "OtherExpense"), 1),
    **dict.fromkeys(("AccountsPayable", "CreditCard", "OtherCurrentLiability", "LongTermLiability"), -1),
    **dict.fromkeys(("Equity", "Income", "OtherIncome"), -1),
    "NonPosting": 0,
}
