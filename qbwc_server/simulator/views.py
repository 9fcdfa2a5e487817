# ruff: noqa: S608 - every statement here is put together from our own words.
"""A company file in SQL, to look at: one view for each kind of record, and nothing that can be changed.

Amounts are whole cents, in columns that end with _cents; money(cents) prints them. Quantities are texts as QuickBooks
prints them. Times are wall times of the company's PC, dates texts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qbwc_server.simulator.company import balances, stock
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.clock import system_clock
from qbwc_server.simulator.errors import SimulatorError

# Of every record of a list, and of every transaction.
_LIST = (
    "list_id, name, full_name, is_active, time_created, time_modified, edit_sequence, "
    "(SELECT full_name FROM list_object AS above WHERE above.family = one.family AND above.list_id = one.parent_id) "
    "AS parent"
)
_NAME_OF = "(SELECT full_name FROM list_object WHERE family = '{}' AND list_id = {})"
_TXN = (
    "txn_id, number, txn_date, ref_number, time_created, time_modified, edit_sequence, "
    f"{_NAME_OF.format('Names', 'entity_id')} AS customer, total AS total_cents, "
    "fields ->> '$.Memo' AS memo, coalesce(fields ->> '$.IsVoid', 'false') = 'true' AS is_void"
)
_FORM = (
    f"{_TXN}, cents(fields ->> '$.Subtotal') AS subtotal_cents, cents(fields ->> '$.SalesTaxTotal') AS tax_cents, "
    "fields ->> '$.DueDate' AS due_date"
)


def _list(kinds: Sequence[str], more: str = "") -> str:
    names = ", ".join(f"'{kind}'" for kind in kinds)
    return f"SELECT {_LIST}{more} FROM list_object AS one WHERE kind IN ({names})"


def _named(fields: Mapping[str, str]) -> str:
    return "".join(f", fields ->> '$.{path}' AS {column}" for column, path in fields.items())


def _form(kind: str, more: str = "") -> str:
    return f"SELECT {_FORM}{more} FROM txn WHERE kind = '{kind}'"


def _lines(kind: str) -> str:
    """Those in line groups too, each with the TxnLineID of its group."""
    columns = ", ".join(
        f"line.value ->> '$.{path}' AS {column}"
        for column, path in {
            "line_id": "TxnLineID",
            "description": "Desc",
            "quantity": "Quantity",
            "rate": "Rate",
        }.items()
    )
    item = _NAME_OF.format("Items", "line.value ->> '$.ItemRef.ListID'")
    head = f"SELECT txn.txn_id, txn.ref_number, {columns}, {item} AS item"
    amount = "cents(line.value ->> '$.Amount') AS amount_cents"
    return (
        f"{head}, {amount}, NULL AS group_line_id FROM txn, json_each(txn.lines) AS line "
        f"WHERE txn.kind = '{kind}' AND json_type(line.value, '$.Lines') IS NULL "
        f"UNION ALL {head}, {amount}, one.value ->> '$.TxnLineID' "
        "FROM txn, json_each(txn.lines) AS one, json_each(one.value, '$.Lines') AS line "
        f"WHERE txn.kind = '{kind}'"
    )


@dataclass(frozen=True)
class View:
    """What a view shows, and how."""

    sentence: str
    query: str


_BALANCES = ", balance AS balance_cents, total_balance AS total_balance_cents"
_PERSON = {"company": "CompanyName", "phone": "Phone", "email": "Email"}
_OPEN = ", open AS open_cents"
VIEWS: Mapping[str, View] = {
    "customers": View(
        "customers and jobs",
        _list(
            ["Customer"],
            _BALANCES
            + _named(
                {**_PERSON, "city": "BillAddress.City", "state": "BillAddress.State", "job": "JobStatus"}
            ),
        ),
    ),
    "vendors": View("vendors", _list(["Vendor"], _named({**_PERSON, "city": "VendorAddress.City"}))),
    "employees": View("employees", _list(["Employee"], _named({"phone": "Phone", "hired": "HiredDate"}))),
    "other_names": View("other names", _list(["OtherName"], _named(_PERSON))),
    "accounts": View(
        "the chart of accounts; balances count debits",
        _list(["Account"], _BALANCES + _named({"type": "AccountType", "account_number": "AccountNumber"})),
    ),
    "items": View(
        "items of every kind, with their stock",
        f"SELECT kind, {_LIST}, "
        "coalesce(fields ->> '$.SalesPrice', fields ->> '$.SalesOrPurchase.Price', "
        "fields ->> '$.SalesAndPurchase.SalesPrice') AS price, "
        "quantity(stock.on_hand) AS on_hand, quantity(stock.on_order) AS on_sales_order, "
        "stock.value AS value_cents "
        "FROM list_object AS one LEFT JOIN stock ON stock.item_id = one.list_id WHERE family = 'Items'",
    ),
    "lists": View("every element of every list", f"SELECT kind, {_LIST}, fields FROM list_object AS one"),
    "invoices": View("invoices, with what is still to pay", _form("Invoice", _OPEN)),
    "credit_memos": View("credit memos, with what is still to use", _form("CreditMemo", _OPEN)),
    "sales_receipts": View("sales receipts", _form("SalesReceipt")),
    "sales_orders": View("sales orders", _form("SalesOrder")),
    "estimates": View("estimates", _form("Estimate")),
    "payments": View(
        "payments, with what is not applied yet",
        f"SELECT {_TXN}{_OPEN} FROM txn WHERE kind = 'ReceivePayment'",
    ),
    "transactions": View("transactions of every kind", f"SELECT kind, {_TXN}{_OPEN} FROM txn"),
    "invoice_lines": View("lines of invoices", _lines("Invoice")),
    "credit_memo_lines": View("lines of credit memos", _lines("CreditMemo")),
    "sales_receipt_lines": View("lines of sales receipts", _lines("SalesReceipt")),
    "sales_order_lines": View("lines of sales orders", _lines("SalesOrder")),
    "estimate_lines": View("lines of estimates", _lines("Estimate")),
    "applications": View(
        "which payment or credit is applied to which invoice",
        "SELECT credit_id, target_id, amount AS amount_cents, discount AS discount_cents FROM application",
    ),
    "ledger": View(
        "double entry: every posting, debits positive; those of one transaction add up to nothing",
        "SELECT posting.txn_id, txn.kind, txn.txn_date, "
        f"{_NAME_OF.format('Account', 'posting.account_id')} AS account, "
        f"{_NAME_OF.format('Names', 'posting.entity_id')} AS customer, posting.amount AS amount_cents "
        "FROM posting LEFT JOIN txn ON txn.txn_id = posting.txn_id",
    ),
    "deleted": View(
        "what was deleted or merged away",
        "SELECT kind, id, name, time_created, time_deleted FROM deleted_object",
    ),
    "custom_fields": View(
        "custom fields (owner_id 0) and private data",
        "SELECT holder, owner_id, name, type, value FROM data_ext",
    ),
    "counts": View("how often each request was carried out", "SELECT name, number FROM request_count"),
    "rules": View("rules that do not stand as usual", "SELECT name, position FROM rule"),
}


@dataclass(frozen=True)
class Rows:
    """What a query gives: names of columns, and rows of plain values."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def query(path: Path, text: str) -> Rows:
    """One query over the views. Raises SimulatorError for one that is wrong or would change something."""
    with closing(_opened(path)) as db:
        try:
            cursor = db.execute(text)
            columns = tuple(str(one[0]) for one in cursor.description or ())
            return Rows(columns, cursor.fetchall())
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise SimulatorError(_said(error)) from error


def _said(error: Exception) -> str:
    denied = "not authorized" in str(error) or "prohibited" in str(error) or "readonly" in str(error)
    if denied:
        return "A company file can be looked at by SQL, not changed: people and applications change it."
    return f"SQLite does not understand this: {error}. There are the views {', '.join(VIEWS)}."


def _opened(path: Path) -> sqlite3.Connection:
    Books.open(path, system_clock).close()  # the sentence for what is no company file
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    db.create_function("money", 1, _money, deterministic=True)
    db.create_function("cents", 1, _cents, deterministic=True)
    db.create_function("quantity", 1, _quantity, deterministic=True)
    for name, view in VIEWS.items():
        db.execute(f"CREATE TEMP VIEW {name} AS {view.query}")
    db.set_authorizer(_looks)
    return db


_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


def _looks(action: int, *_: Any) -> int:
    """Nothing but reading: no change, no other file, no pragma."""
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY


def _money(cents: int | None) -> str | None:
    return None if cents is None else balances.text(int(cents))


def _cents(amount: str | None) -> int | None:
    return None if amount is None else balances.cents(amount)


def _quantity(units: int | None) -> str | None:
    return None if units is None else stock.text(int(units))


def described() -> Iterator[tuple[str, str]]:
    """Every view and what it shows."""
    for name, view in VIEWS.items():
        yield name, view.sentence
