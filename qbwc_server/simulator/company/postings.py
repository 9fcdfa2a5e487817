"""What each kind of transaction posts to accounts, customers and stock."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from qbwc_server.simulator.company import accounts, applications, items, ledger, orders, stock, transactions
from qbwc_server.simulator.company.balances import cents
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.ledger import Entry, Movement, Postings
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.pricing import item_of
from qbwc_server.simulator.company.sales_kinds import DEPOSITED, PAYMENT, RECEIVABLE, SALES_KINDS, SalesKind
from qbwc_server.simulator.company.transactions import Txn


def book(books: Books, txn: Txn) -> Txn:
    """Saves a transaction with what is open of it, and puts its postings in the place of the old ones."""
    booked = orders.with_open(books, txn)
    transactions.save(books, booked)
    ledger.replace(books, txn.txn_id, of(books, booked))
    return booked


def unbook(books: Books, txn: Txn) -> None:
    ledger.replace(books, txn.txn_id, ledger.NOTHING)
    transactions.delete(books, txn)


def of(books: Books, txn: Txn) -> Postings:
    if txn.kind == PAYMENT:
        return Postings(tuple(_payment(books, txn)))
    kind = SALES_KINDS[txn.kind]
    if txn.kind == "SalesOrder":
        return Postings((), tuple(_ordered(books, txn)))
    if not kind.sign or not txn.is_posting:
        return ledger.NOTHING
    movements = tuple(_sold(books, txn, kind))
    return Postings((*_form(books, txn, kind), *_costs(books, movements)), movements)


# -- sales forms -------------------------------------------------------------------------------------------------


def _form(books: Books, txn: Txn, kind: SalesKind) -> Iterator[Entry]:
    """The total on one side; on the other what every line and the tax come to."""
    entity = txn.entity_id if kind.account == RECEIVABLE else ""
    yield Entry(txn.account_id, kind.sign * txn.total, entity)
    for line in txn.flat_lines():
        item = item_of(books, line)
        if "Amount" in line and not (item and item.kind == "ItemSubtotal"):
            yield Entry(_account(books, line, item), -kind.sign * cents(line["Amount"]))
    tax = cents(txn.fields.get("SalesTaxTotal", "0"))
    if tax:
        yield Entry(accounts.special_id(books, "SalesTaxPayable"), -kind.sign * tax)


def _account(books: Books, line: Mapping[str, Any], item: ListObject | None) -> str:
    if "OverrideItemAccountRef" in line:
        return str(line["OverrideItemAccountRef"]["ListID"])
    own = items.part(item, items.INCOME) if item else ""
    return own or accounts.special_id(
        books, DEFAULT_ACCOUNTS.get(item.kind if item else "", "UncategorizedIncome")
    )


# Where a line goes whose item has no account of its own.
DEFAULT_ACCOUNTS: Mapping[str, str] = {"ItemSalesTax": "SalesTaxPayable", "ItemPayment": "UndepositedFunds"}


def _sold(books: Books, txn: Txn, kind: SalesKind) -> Iterator[Movement]:
    """Stock that left; what it cost is settled when it is sold, and stays while the quantity stays."""
    before = {one.item_id: one for one in ledger.movements(books, txn.txn_id)}
    for item_id, quantity in _stocked(books, txn).items():
        on_hand = -kind.sign * quantity
        kept = before.get(item_id)
        if kept is not None and kept.on_hand == on_hand:
            yield kept
        else:
            yield Movement(item_id, on_hand, value=-kind.sign * stock.cost(books, item_id, quantity))


def _stocked(books: Books, txn: Txn) -> Counter[str]:
    """Quantities of inventory items, in hundred-thousandths."""
    found: Counter[str] = Counter()
    for line in txn.flat_lines():
        item = item_of(books, line)
        if item is not None and item.kind in items.STOCKED:
            found[item.list_id] += stock.units(line.get("Quantity", "1"))
    return found


def _costs(books: Books, movements: tuple[Movement, ...]) -> Iterator[Entry]:
    for one in movements:
        item = items.existing(books, one.item_id)
        if one.value:
            yield Entry(items.part(item, items.COGS), -one.value)
            yield Entry(items.part(item, items.ASSET), one.value)


def _ordered(books: Books, txn: Txn) -> Iterator[Movement]:
    for line, quantity in orders.open_lines(books, txn):
        item = item_of(books, line)
        if item is not None and item.kind in items.STOCKED and quantity > 0:
            yield Movement(item.list_id, on_order=quantity)


# -- payments ----------------------------------------------------------------------------------------------------


def _payment(books: Books, txn: Txn) -> Iterator[Entry]:
    """The money on one side; on the other the receivables of whose invoices were paid, the rest of the payer's."""
    receivable = txn.fields[RECEIVABLE]["ListID"]
    yield Entry(txn.fields[DEPOSITED]["ListID"], txn.total)
    if txn.open:
        yield Entry(receivable, -txn.open, txn.entity_id)
    for one in applications.of_credit(books, txn.txn_id):
        target = transactions.find(books, one.target_id)
        entity = target.entity_id if target else txn.entity_id
        yield Entry(receivable, -one.amount - one.discount, entity)
        if one.discount:
            yield Entry(one.discount_account, one.discount)
