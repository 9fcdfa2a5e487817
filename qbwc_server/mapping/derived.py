"""Values of a QuickBooks object that stand in no field of it, and are made from several.

A rule names one in place of a path, with brackets behind: "total()". They can only be read.
"""

from collections.abc import Callable, Mapping
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
