"""Sales forms: Add and Mod of invoices, credit memos, sales receipts, sales orders and estimates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qbwc_server.simulator.company import (
    applying,
    balances,
    lists,
    objects,
    order_lines,
    orders,
    postings,
    sales_header,
    sales_lines,
    transactions,
)
from qbwc_server.simulator.company.applications import Application
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.list_engine import Fields
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.pricing import Form, money
from qbwc_server.simulator.company.sales_kinds import SALES_KINDS, SalesKind
from qbwc_server.simulator.company.sales_ret import ret
from qbwc_server.simulator.company.statuses import (
    BAD_VALUE,
    NOT_SAVED,
    ORDER_CLOSED,
    STALE,
    TEXTS,
    UNKNOWN_ID,
    Refusal,
)
from qbwc_server.simulator.company.transactions import Txn

EMPTY = "The transaction is empty."
LIMIT = "The credit limit of this customer is exceeded."
NEGATIVE = "The total of a transaction cannot be negative."


@dataclass(frozen=True)
class SalesForm:
    """The requests of one kind of sales form."""

    kind: SalesKind

    def add(self, call: Call) -> Reply:
        books, kind = call.books, self.kind
        values = sales_header.given(books, kind, "Add", call.body)
        transactions.check_guid(books, kind.name, values)
        txn_date = values.get("TxnDate") or books.clock.today()
        sales_header.check_new(books, kind.name, txn_date)
        customer = customer_of(books, values.get("CustomerRef"))
        sales_header.check_payer(books, customer)
        txn = replace(
            transactions.new(books, kind.name),
            entity_id=customer.list_id if customer else "",
            txn_date=txn_date,
            ref_number=sales_header.ref_number(books, kind.name, values),
            fields=sales_header.new(books, kind, values, txn_date, customer),
        )
        txn, lines, closed = order_lines.drafted(books, kind, txn, values, call.body)
        saved = finish(books, txn, lines)
        _set_credits(books, saved, values)
        reply = self._reply(books, saved)
        return (
            replace(reply, code=ORDER_CLOSED, message=TEXTS[ORDER_CLOSED].format(closed)) if closed else reply
        )

    def mod(self, call: Call) -> Reply:
        """A stale EditSequence gets the current record back (3200); lines as sales_lines.changed says."""
        books, kind = call.books, self.kind
        values = sales_header.given(books, kind, "Mod", call.body)
        txn = existing(books, kind.name, values["TxnID"])
        if values["EditSequence"] != txn.edit_sequence:
            raise Refusal(STALE, values["EditSequence"], records=self._reply(books, txn).records)
        txn_date = values.get("TxnDate") or txn.txn_date
        sales_header.check_open(books, kind.name, txn.txn_date, txn_date)
        drafts = list(sales_lines.given(books, kind, "Mod", call.body))
        lines = sales_lines.changed(books, kind, txn.txn_id, txn.lines, drafts)
        if drafts and books.rule("order_link_after_mod") == "lost":
            lines = [{name: value for name, value in line.items() if name != orders.LINKED} for line in lines]
        changed = replace(
            transactions.edited(books, txn),
            txn_date=txn_date,
            entity_id=values.get("CustomerRef", {}).get("ListID") or txn.entity_id,
            ref_number=values.get("RefNumber", txn.ref_number),
            fields=_alive(books, sales_header.edited(books, kind, dict(txn.fields), values, txn_date)),
        )
        if changed.entity_id != txn.entity_id:
            applying.release(books, txn)
        saved = finish(books, changed, lines)
        _set_credits(books, saved, values)
        return self._reply(books, saved)

    def _reply(self, books: Books, txn: Txn) -> Reply:
        """As it is now: what was applied to it in the same request is told too."""
        now = transactions.find(books, txn.txn_id) or txn
        return Reply(((self.kind.ret_name, ret(books, now, lines=True)),))


SALES_FORMS: Mapping[str, SalesForm] = {name: SalesForm(kind) for name, kind in SALES_KINDS.items()}


def existing(books: Books, kind: str, txn_id: str) -> Txn:
    """Refusal 3120 when no transaction of this kind has that TxnID."""
    found = transactions.find(books, txn_id)
    if found is None or found.kind != kind:
        raise Refusal(UNKNOWN_ID, txn_id)
    return found


def customer_of(books: Books, ref: Mapping[str, str] | None) -> ListObject | None:
    return objects.find(books, lists.NAMES, ref["ListID"]) if ref else None


def finish(books: Books, txn: Txn, lines: Sequence[Mapping[str, Any]]) -> Txn:
    """Prices the lines, saves and posts the transaction, and brings its orders and payments up to date."""
    kind = SALES_KINDS[txn.kind]
    if not lines and books.rule("empty_form") == "3180":
        raise Refusal(NOT_SAVED, kind.name, txn.ref_number, EMPTY)
    customer = objects.find(books, lists.NAMES, txn.entity_id) if txn.entity_id else None
    priced = Form(books, txn.fields, customer).priced(lines)
    if priced.total < 0 and books.rule("negative_total") == "3180":
        raise Refusal(NOT_SAVED, kind.name, txn.ref_number, NEGATIVE)
    if priced.total < 0:
        raise Refusal(BAD_VALUE, "TotalAmount", money(priced.total), NEGATIVE)
    _check_limit(books, txn, customer, balances.cents(priced.total))
    sums: Fields = {
        "Subtotal": money(priced.subtotal),
        "SalesTaxPercentage": _percent(priced.tax_percent),
        "SalesTaxTotal": money(priced.tax),
    }
    complete = replace(
        txn,
        account_id=txn.fields.get(kind.account, {}).get("ListID", ""),
        total=balances.cents(priced.total),
        fields={**txn.fields, **sums},
        lines=priced.lines,
    )
    return settle(books, complete)


def _check_limit(books: Books, txn: Txn, customer: ListObject | None, total: int) -> None:
    """What a credit limit does to a new invoice is a rule ("credit_limit")."""
    limit = customer.fields.get("CreditLimit") if customer else None
    if not limit or txn.kind != "Invoice" or books.rule("credit_limit") == "ignored":
        return
    before = transactions.find(books, txn.txn_id)
    owed = customer.total_balance if customer else 0
    if owed - (before.open if before else 0) + total > balances.cents(limit):
        raise Refusal(NOT_SAVED, txn.kind, txn.ref_number, LIMIT)


def settle(books: Books, txn: Txn) -> Txn:
    touched = orders.relink(books, txn)
    applying.fit(books, txn)
    booked = postings.book(books, txn)
    for order_id in touched:
        applying.touch(books, order_id)
    return booked


def _alive(books: Books, fields: Fields) -> Fields:
    """A void transaction that is edited is one like any other again (rule "edited_void")."""
    if books.rule("edited_void") == "stays":
        return fields
    return {name: value for name, value in fields.items() if name != "IsVoid"}


def _set_credits(books: Books, invoice: Txn, values: Mapping[str, Any]) -> None:
    """Credits that the request itself applies to the invoice (semantics 6, SetCredit: 10.0)."""
    for one in values.get("SetCredit", ()):
        target = existing(books, invoice.kind, invoice.txn_id)
        credit = applying.credit(books, one["CreditTxnID"], target)
        amount = balances.cents(one["AppliedAmount"])
        applying.apply(books, credit, target, Application(0, "", "", amount), applying.CREDIT_FIELD)


def _percent(value: Any) -> str:
    return format(value, "f") if value.as_tuple().exponent < -2 else format(value, ".2f")
