"""Filters of TransactionQuery that look into a transaction: its accounts, items and classes (semantics 3)."""

from collections.abc import Iterator, Mapping
from typing import Any

from qbwc_server.simulator.company import lists
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.queries import picked
from qbwc_server.simulator.company.selections import Condition
from qbwc_server.simulator.company.statuses import NOT_SUPPORTED, Refusal

ASSETS = ("Bank", "AccountsReceivable", "OtherCurrentAsset", "FixedAsset", "OtherAsset")
LIABILITIES = ("AccountsPayable", "CreditCard", "OtherCurrentLiability", "LongTermLiability")
# AccountTypeFilter -> AccountTypes. Of the mixed names only those that say plainly what they mean: others are 1030.
ACCOUNT_TYPES: Mapping[str, tuple[str, ...]] = {
    **{one: (one,) for one in (*ASSETS, *LIABILITIES, "Equity", "OtherIncome", "OtherExpense", "NonPosting")},
    "CostOfSales": ("CostOfGoodsSold",),
    "ARAndAP": ("AccountsReceivable", "AccountsPayable"),
    "APOrCreditCard": ("AccountsPayable", "CreditCard"),
    "Asset": ASSETS,
    "Liability": LIABILITIES,
    "LiabilityAndEquity": (*LIABILITIES, "Equity"),
    "BalanceSheet": (*ASSETS, *LIABILITIES, "Equity"),
    "OrdinaryIncome": ("Income",),
    "IncomeAndOtherIncome": ("Income", "OtherIncome"),
    "OrdinaryExpense": ("Expense",),
    "ExpenseAndOtherExpense": ("Expense", "OtherExpense"),
    "OrdinaryIncomeAndCOGS": ("Income", "CostOfGoodsSold"),
    "OrdinaryIncomeAndExpense": ("Income", "Expense"),
    "OtherIncomeOrExpense": ("OtherIncome", "OtherExpense"),
}
# ItemTypeFilter -> kinds; "Sales" is not explained anywhere.
ITEM_TYPES: Mapping[str, tuple[str, ...]] = {
    "AllExceptFixedAsset": tuple(one for one in lists.ITEM_KINDS if one != "ItemFixedAsset"),
    "Assembly": ("ItemInventoryAssembly",),
    "Discount": ("ItemDiscount",),
    "FixedAsset": ("ItemFixedAsset",),
    "Inventory": ("ItemInventory",),
    "InventoryAndAssembly": ("ItemInventory", "ItemInventoryAssembly"),
    "NonInventory": ("ItemNonInventory",),
    "OtherCharge": ("ItemOtherCharge",),
    "Payment": ("ItemPayment",),
    "SalesTax": ("ItemSalesTax", "ItemSalesTaxGroup"),
    "Service": ("ItemService",),
}
_POSTED = "txn_id IN (SELECT txn_id FROM posting WHERE account_id IN ({}))"
_OWN = "account_id IN ({})"
_HOLDS = "EXISTS (SELECT 1 FROM json_tree({}) AS part WHERE part.key IN ({}) AND part.value ->> '$.ListID' IN ({}))"


def conditions(books: Books, values: Mapping[str, Any]) -> Iterator[Condition]:
    """Refusal 1030 for a type of accounts or items whose meaning is not known."""
    if "TransactionAccountFilter" in values:
        yield _accounts(books, values["TransactionAccountFilter"])
    if "TransactionItemFilter" in values:
        found, parameters = _those(books, lists.ITEMS, values["TransactionItemFilter"], "ItemTypeFilter")
        yield _HOLDS.format("lines", "'ItemRef', 'ItemGroupRef'", found), parameters
    if "TransactionClassFilter" in values:
        found, parameters = _those(books, "Class", values["TransactionClassFilter"], "")
        either = " OR ".join(_HOLDS.format(column, "'ClassRef'", found) for column in ("fields", "lines"))
        yield f"({either})", (*parameters, *parameters)
    yield from currency(books, values)


def currency(books: Books, values: Mapping[str, Any]) -> Iterator[Condition]:
    """Every transaction here is in the home currency."""
    if "CurrencyFilter" in values:
        home = lists.resolve(books, "Currency", {"FullName": books.settings["home_currency"]})
        found = picked(books, "Currency", values["CurrencyFilter"])
        yield ("1" if home and home.list_id in found else "0"), ()


def _accounts(books: Books, wanted: Mapping[str, Any]) -> Condition:
    """Whether every posting counts or the transaction's own account is a rule ("account_filter")."""
    found, parameters = _those(books, lists.ACCOUNTS, wanted, "AccountTypeFilter")
    form = _POSTED if books.rule("account_filter") == "postings" else _OWN
    return form.format(found), parameters


def _those(books: Books, family: str, wanted: Mapping[str, Any], by_type: str) -> Condition:
    """ListIDs as marks and values, or as a selection of a type."""
    if by_type not in wanted:
        ids = picked(books, family, wanted)
        return ", ".join("?" * len(ids)), tuple(ids)
    is_account = family == lists.ACCOUNTS
    kinds = (ACCOUNT_TYPES if is_account else ITEM_TYPES).get(str(wanted[by_type]))
    if kinds is None:
        raise Refusal(NOT_SUPPORTED)
    column = "fields ->> '$.AccountType'" if is_account else "kind"
    marks = ", ".join("?" * len(kinds))
    chosen = f"SELECT list_id FROM list_object WHERE family = ? AND {column} IN ({marks})"  # noqa: S608
    return chosen, (family, *kinds)
