"""Applies payments and credits to invoices, and takes that back (semantics 6, Payments)."""

from collections.abc import Sequence
from dataclasses import replace

from qbwc_server.simulator.company import applications, balances, lists, objects, postings, transactions
from qbwc_server.simulator.company.applications import Application
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.sales_kinds import CREDITS, PAYABLE, RECEIVABLE
from qbwc_server.simulator.company.statuses import BAD_VALUE, UNKNOWN_ID, Refusal
from qbwc_server.simulator.company.transactions import Txn

PAYMENT_FIELD = "AppliedToTxnAdd payment amount"
CREDIT_FIELD = "AppliedAmount"
TOO_MUCH = "You cannot pay more than the amount due."
OTHER_ACCOUNT = "All linked transactions must have the same accounts receivable account."
OTHER_CUSTOMER = "The invoice belongs to another customer."
PAID_MORE = "The invoice comes to less than was paid of it."
NOT_ENOUGH = "You cannot use more than what is left of it."


def apply(books: Books, credit: Txn, target: Txn, one: Application, field: str = PAYMENT_FIELD) -> None:
    """Refusal 3120 for a target that is paid already, 3210 for more than is due or more than is left."""
    if not target.open:
        raise Refusal(UNKNOWN_ID, target.txn_id)
    if credit.fields[RECEIVABLE] != target.fields[RECEIVABLE]:
        raise Refusal(BAD_VALUE, RECEIVABLE, target.fields[RECEIVABLE]["ListID"], OTHER_ACCOUNT)
    _check_amount(one.amount + one.discount, target.open, field, one, TOO_MUCH)
    _check_amount(one.amount, credit.open, field, one, NOT_ENOUGH)
    applications.insert(books, replace(one, credit_id=credit.txn_id, target_id=target.txn_id))
    touch(books, target.txn_id)
    touch(books, credit.txn_id)


def _check_amount(amount: int, most: int, field: str, one: Application, reason: str) -> None:
    if amount < 0 or amount > most:
        raise Refusal(BAD_VALUE, field, balances.text(one.amount), reason)


def touch(books: Books, txn_id: str) -> None:
    """A posting reached it: its time moves, its EditSequence stays (semantics 10.4)."""
    found = transactions.find(books, txn_id)
    if found is not None:
        moves = books.rule("posting_times") == "all"
        postings.book(books, replace(found, time_modified=books.clock.now()) if moves else found)


def payable(books: Books, txn_id: str, customer: ListObject) -> Txn:
    """The invoice that a payment of that customer may pay: its own or one of its jobs; Refusal 3120 for another."""
    found = transactions.find(books, txn_id)
    if found is None or found.kind not in PAYABLE:
        raise Refusal(UNKNOWN_ID, txn_id)
    if not belongs(books, found, customer):
        if books.rule("other_customers_invoice") == "3120":
            raise Refusal(UNKNOWN_ID, txn_id)
        raise Refusal(BAD_VALUE, "AppliedToTxnAdd TxnID", txn_id, OTHER_CUSTOMER)
    return found


def credit(books: Books, txn_id: str, target: Txn) -> Txn:
    """A credit memo or unused payment of the customer whose invoice it shall reduce; Refusal 3120 for another."""
    found = transactions.find(books, txn_id)
    if found is None or found.kind not in CREDITS or found.entity_id != target.entity_id:
        raise Refusal(UNKNOWN_ID, txn_id)
    return found


def belongs(books: Books, invoice: Txn, customer: ListObject) -> bool:
    holder = objects.find(books, lists.NAMES, invoice.entity_id)
    line = [holder, *objects.ancestors(books, holder)] if holder else []
    return any(one.list_id == customer.list_id for one in line)


def release(books: Books, txn: Txn, only: Sequence[str] = ()) -> None:
    """Everything that was applied to it or by it is open again; only: of these invoices."""
    for one in (*applications.of_target(books, txn.txn_id), *applications.of_credit(books, txn.txn_id)):
        if only and one.target_id not in only:
            continue
        applications.delete(books, one)
        touch(books, one.credit_id if one.target_id == txn.txn_id else one.target_id)


def fit(books: Books, txn: Txn) -> None:
    """An invoice that came to less gives back what was paid too much, the last first (rule "lowered_invoice")."""
    excess = -_open_with(books, txn)
    if excess > 0 and txn.total and books.rule("lowered_invoice") == "refused":
        raise Refusal(BAD_VALUE, "TotalAmount", balances.text(txn.total), PAID_MORE)
    for one in reversed(applications.of_target(books, txn.txn_id)):
        if excess <= 0:
            return
        applications.delete(books, one)
        freed = one.amount + one.discount
        if freed > excess and one.amount >= excess:
            applications.insert(books, replace(one, amount=one.amount - excess))
        excess -= min(freed, excess)
        touch(books, one.credit_id)


def _open_with(books: Books, txn: Txn) -> int:
    applied = sum(one.amount + one.discount for one in applications.of_target(books, txn.txn_id))
    return txn.total - applied
