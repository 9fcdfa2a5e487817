"""Values of a QuickBooks object that stand in no field of it, and are made from several.

A rule names one in place of a path, with brackets behind: "total()". They can only be read.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from qbwc_server.mapping.fields import EndField
from qbwc_server.mapping.paths import Nested, leaf_at
from qbwc_server.mapping.value import Value


@dataclass(frozen=True)
class Derived:
    """`needs` are the paths it is made from; `doc` is one sentence for the operator."""

    name: str
    needs: tuple[str, ...]
    make: Callable[[Nested], Value]
    type: str
    doc: str
    choices: tuple[str, ...] = ()


def _number(ret: Nested, path: str) -> Decimal | None:
    found = leaf_at(ret, path)
    return found if isinstance(found, Decimal) else None


def _total(ret: Nested) -> Value:
    """InvoiceRet has no total: it is the subtotal and the tax (qbXML tables, InvoiceRet)."""
    subtotal = _number(ret, "Subtotal")
    return None if subtotal is None else subtotal + (_number(ret, "SalesTaxTotal") or 0)


def _payment_status(ret: Nested) -> Value:
    """A void leaves the transaction with nought for its amounts and VOID before its memo."""
    balance = _number(ret, "BalanceRemaining")
    if not _number(ret, "Subtotal") and str(leaf_at(ret, "Memo") or "").startswith("VOID"):
        return "Voided"
    if leaf_at(ret, "IsPaid") is True or balance == 0:
        return "Paid"
    if balance is None:
        return None
    return "Partially Paid" if _number(ret, "AppliedAmount") else "Open"


def _applied(ret: Nested) -> Iterator[Nested]:
    """Of a payment: what it was set against (ReceivePaymentRet, AppliedToTxnRet)."""
    found = ret.get("AppliedToTxnRet")
    return (one for one in found if one.get("TxnID")) if isinstance(found, list) else iter(())


def _only_invoice(ret: Nested) -> Value:
    ids = list(
        dict.fromkeys(
            str(one["TxnID"]) for one in _applied(ret) if one.get("TxnType", "Invoice") == "Invoice"
        )
    )
    return ids[0] if len(ids) == 1 else None


def _applications(ret: Nested) -> Value:
    return "\n".join(_application(one) for one in _applied(ret)) or None


def _application(one: Nested) -> str:
    amount, discount = _number(one, "Amount") or 0, _number(one, "DiscountAmount")
    told = f"{_document(one)}: {abs(amount):.2f}"
    return told + (f", discount {abs(discount):.2f}" if discount else "")


def _document(one: Nested) -> str:
    """ "2026-03-01 Invoice 1017": what a bookkeeper finds it by."""
    kind = str(one.get("TxnType") or "Invoice")
    parts = (one.get("TxnDate"), DOCUMENTS.get(kind, kind), one.get("RefNumber"))
    return " ".join(str(part) for part in parts if part)


def _payment_use(ret: Nested) -> Value:
    """A payment that is applied leaves less, or nothing, unused (ReceivePaymentRet, UnusedPayment)."""
    unused, total = _number(ret, "UnusedPayment"), _number(ret, "TotalAmount")
    if unused is None or total is None:
        return None
    if not unused:
        return "Applied"
    return "Partially Applied" if unused < total else "Unapplied"


def _payments(ret: Nested) -> Value:
    """Of an invoice: payments and credits, which are linked by their amounts (LinkedTxn, LinkType)."""
    found = ret.get("LinkedTxn")
    linked = [one for one in found if one.get("LinkType") == "AMTTYPE"] if isinstance(found, list) else []
    told = [f"{_document(one)}: {abs(_number(one, 'Amount') or 0):.2f}" for one in linked]
    return "\n".join(sorted(told)) or None


DOCUMENTS: Mapping[str, str] = {
    "ReceivePayment": "Payment",
    "CreditMemo": "Credit Memo",
    "JournalEntry": "Journal Entry",
}

_TABLE = (
    Derived(
        "total()",
        ("Subtotal", "SalesTaxTotal"),
        _total,
        "AMTTYPE",
        "What the customer owes for a document: the subtotal with the sales tax.",
    ),
    Derived(
        "payment_status()",
        ("IsPaid", "BalanceRemaining", "AppliedAmount", "Subtotal", "Memo"),
        _payment_status,
        "ENUMTYPE",
        "Paid, Partially Paid, Open or Voided.",
        ("Open", "Partially Paid", "Paid", "Voided"),
    ),
    Derived(
        "payments()",
        ("LinkedTxn/TxnType", "LinkedTxn/Amount"),
        _payments,
        "STRTYPE",
        "The payments and credits of an invoice, a line each with date, number and amount.",
    ),
    Derived(
        "only_invoice()",
        ("AppliedToTxnRet/TxnID",),
        _only_invoice,
        "IDTYPE",
        "The one invoice that a payment is applied to; empty for several, and for none.",
    ),
    Derived(
        "applications()",
        ("AppliedToTxnRet/TxnID", "AppliedToTxnRet/Amount"),
        _applications,
        "STRTYPE",
        "What a payment is applied to, a line each with date, number, amount and discount.",
    ),
    Derived(
        "payment_use()",
        ("UnusedPayment", "TotalAmount"),
        _payment_use,
        "ENUMTYPE",
        "Applied, Partially Applied or Unapplied.",
        ("Applied", "Partially Applied", "Unapplied"),
    ),
)

DERIVED: Mapping[str, Derived] = {one.name: one for one in _TABLE}


def value_at(ret: Nested, path: str) -> object:
    """What a QuickBooks object holds at a path, or what is derived from it."""
    return DERIVED[path].make(ret) if path in DERIVED else leaf_at(ret, path)


def derived_ends(known: Mapping[str, EndField]) -> Mapping[str, EndField]:
    """What can be derived from an object with these fields."""
    return {
        one.name: EndField(one.name, one.type, writable=False, choices=one.choices)
        for one in _TABLE
        if set(one.needs) <= set(known)
    }
