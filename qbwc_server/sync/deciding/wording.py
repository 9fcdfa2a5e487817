"""What a person reads about a decision: names, sentences, and money."""

import re
from decimal import Decimal
from typing import Any, Final

from qbwc_server.store.rows import StoredRecord
from qbwc_server.sync.decide import Decision
from qbwc_server.sync.deciding.pair import Sides


def asks(decision: Decision) -> str:
    return f"{sentence(decision.reason)} Approve it to create the record again (job approve), or cancel it."


def label(sides: Sides) -> str:
    """The name by which a person knows the record; a document without one goes by its number and its customer."""
    name = sides.crm_values.get("Name") or sides.books_values.get("Name")
    record = sides.crm or sides.books
    return str(name or _document(sides.books) or (record.values.get("Name") or record.id if record else ""))


def _document(books: StoredRecord | None) -> str:
    if books is None or not books.values.get("RefNumber"):
        return ""
    customer = (books.values.get("CustomerRef") or {}).get("FullName")
    return f"{books.kind} {books.values['RefNumber']}" + (f" of {customer}" if customer else "")


def called(books_kind: str) -> str:
    """A kind of QuickBooks object in a sentence: "sales order" for SalesOrder."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", books_kind).lower()


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


# How the names of QuickBooks' fields end that hold money (AMTTYPE of the qbXML tables).
MONEY: Final = (
    "Amount",
    "Balance",
    "BalanceRemaining",
    "Subtotal",
    "SalesTaxTotal",
    "UnusedPayment",
    "total()",
)
# QuickBooks prints what was applied as a negative amount; nobody who keeps books reads a payment like that.
WITHOUT_SIGN: Final = ("AppliedAmount",)


def worded(field: str, value: Any) -> Any:
    """A value of a mapped field ("QB_Paid__c > AppliedAmount") as a bookkeeper reads it: money with its cents."""
    path = field.rpartition(" > ")[2].rpartition("/")[2]
    if not isinstance(value, Decimal | int) or isinstance(value, bool) or not path.endswith(MONEY):
        return value
    return f"{abs(value) if path in WITHOUT_SIGN else value:,.2f}"
