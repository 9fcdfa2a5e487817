"""A customer's opening balance: an invoice, or a credit memo, without an item and without a number (semantics 6)."""

from dataclasses import replace

from qbwc_server.simulator.company import accounts, balances, sales, sales_header, transactions
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.sales_kinds import SALES_KINDS
from qbwc_server.simulator.company.transactions import Txn

OPENING = "Opening balance"
# Rule "customer_opening" -> SpecialAccountType.
ACCOUNTS = {"equity": "OpeningBalanceEquity", "income": "UncategorizedIncome"}


def open_balance(books: Books, customer: ListObject, amount: int, txn_date: str, desc: str = OPENING) -> Txn:
    """amount in cents, a credit when it is negative; set against an account that a rule names."""
    kind = SALES_KINDS["Invoice" if amount > 0 else "CreditMemo"]
    txn = transactions.new(books, kind.name)
    other = {"ListID": accounts.special_id(books, ACCOUNTS[books.rule("customer_opening")])}
    line = {
        "TxnLineID": books.new_txn_line_id(txn.txn_id),
        "Desc": desc,
        "Amount": balances.text(abs(amount)),
        "OverrideItemAccountRef": other,
    }
    fields = sales_header.new(books, kind, {}, txn_date, customer)
    named = replace(txn, entity_id=customer.list_id, txn_date=txn_date, fields=fields)
    return sales.finish(books, named, [line])
