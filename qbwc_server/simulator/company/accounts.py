"""The chart of accounts: types, the sides their balances stand on, and the accounts QuickBooks itself needs."""

from collections.abc import Mapping
from typing import Any

from qbwc_server.simulator.company import balances, ledger, lists, objects
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.list_engine import Fields, ListKind
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.statuses import CANNOT_STORE, NOT_SAVED, Refusal

KIND = lists.ACCOUNTS
NON_POSTING = "NonPosting"
# AccountType -> what it is to the cash flow statement (measured on 117 accounts of the sample company).
CASH_FLOW: Mapping[str, str] = {
    "Bank": "NotApplicable",
    "AccountsReceivable": "Operating",
    "OtherCurrentAsset": "Operating",
    "FixedAsset": "Investing",
    "OtherAsset": "Investing",
    "AccountsPayable": "Operating",
    "CreditCard": "Operating",
    "OtherCurrentLiability": "Operating",
    "LongTermLiability": "Financing",
    "Equity": "Financing",
    "Income": "None",
    "CostOfGoodsSold": "None",
    "Expense": "None",
    "OtherIncome": "None",
    "OtherExpense": "None",
    NON_POSTING: "NotApplicable",
}
# Balances of these grow with a credit.
CREDIT_SIDE = (
    "AccountsPayable",
    "CreditCard",
    "OtherCurrentLiability",
    "LongTermLiability",
    "Equity",
    "Income",
    "OtherIncome",
)
# Accounts of a new company: name -> (type, SpecialAccountType or "").
CHART: Mapping[str, tuple[str, str]] = {
    "Checking": ("Bank", ""),
    "Accounts Receivable": ("AccountsReceivable", "AccountsReceivable"),
    "Inventory Asset": ("OtherCurrentAsset", "InventoryAssets"),
    "Undeposited Funds": ("OtherCurrentAsset", "UndepositedFunds"),
    "Furniture and Equipment": ("FixedAsset", ""),
    "Accounts Payable": ("AccountsPayable", "AccountsPayable"),
    "Sales Tax Payable": ("OtherCurrentLiability", "SalesTaxPayable"),
    "Opening Balance Equity": ("Equity", "OpeningBalanceEquity"),
    "Retained Earnings": ("Equity", "RetainedEarnings"),
    "Sales": ("Income", ""),
    "Services": ("Income", ""),
    "Shipping and Delivery Income": ("Income", ""),
    "Sales Discounts": ("Income", ""),
    "Uncategorized Income": ("Income", "UncategorizedIncome"),
    "Cost of Goods Sold": ("CostOfGoodsSold", "CostOfGoodsSold"),
    "Office Supplies": ("Expense", ""),
    "Other Expenses": ("Expense", ""),
    "Other Income": ("OtherIncome", ""),
    "Sales Orders": (NON_POSTING, "SalesOrders"),
    "Estimates": (NON_POSTING, "Estimates"),
}


def create_chart(books: Books) -> None:
    for name, (kind, special) in CHART.items():
        fields = {"AccountType": kind, **({"SpecialAccountType": special} if special else {})}
        element = lists.insert(books, KIND, name, fields=fields)
        if special:
            books.set(f"account {special}", element.list_id)


def special_id(books: Books, kind: str) -> str:
    """The ListID of the account QuickBooks uses for a purpose of its own ("SalesTaxPayable"); it cannot be deleted."""
    return books.settings[f"account {kind}"]


def side(element: ListObject) -> int:
    """1 for an account whose balance grows with a debit, -1 for one that grows with a credit."""
    return -1 if element.fields["AccountType"] in CREDIT_SIDE else 1


def _more(_: Books, element: ListObject) -> Fields:
    sign = side(element)
    return {
        "Balance": balances.text(sign * element.balance),
        "TotalBalance": balances.text(sign * element.total_balance),
        "CashFlowClassification": CASH_FLOW[element.fields["AccountType"]],
    }


def _check(books: Books, element: ListObject) -> None:
    """A non-posting account cannot be added (semantics 6); a number belongs to one account (semantics 2, 3180)."""
    if element.fields["AccountType"] == NON_POSTING and "SpecialAccountType" not in element.fields:
        raise Refusal(CANNOT_STORE, NON_POSTING, "AccountType")
    number = element.fields.get("AccountNumber")
    clause = "WHERE family = ? AND list_id <> ? AND json_extract(fields, '$.AccountNumber') = ? LIMIT 1"
    if number and any(objects.select(books, clause, KIND, element.list_id, number)):
        raise Refusal(NOT_SAVED, "Accounts", element.name, "The account number is already in use.")


def _opened(books: Books, element: ListObject, given: Mapping[str, Any]) -> ListObject:
    amount = side(element) * balances.cents(given.get("OpenBalance") or "0")
    other = ledger.Entry(special_id(books, "OpeningBalanceEquity"), -amount)
    postings = ledger.Postings((ledger.Entry(element.list_id, amount), other) if amount else ())
    ledger.replace(books, f"opening {element.holder}", postings)
    return objects.find(books, KIND, element.list_id) or element


def _opened_again(books: Books, element: ListObject, given: Mapping[str, Any]) -> ListObject:
    """What an OpenBalance in a Mod does is a rule ("account_opening_mod")."""
    if given.get("OpenBalance") and books.rule("account_opening_mod") == "posted":
        return _opened(books, element, given)
    return element


ACCOUNT = ListKind(
    KIND,
    KIND,
    "Accounts",
    posted=("OpenBalance", "OpenBalanceDate"),
    check=_check,
    added=_opened,
    edited=_opened_again,
    more=_more,
)
