"""ReceivePayment: money of a customer, and the invoices and credits it is set against (semantics 6, Payments)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from qbwc_server.simulator.company import (
    accounts,
    applications,
    applying,
    balances,
    lists,
    objects,
    postings,
    references,
    sales_header,
    transactions,
)
from qbwc_server.simulator.company.applications import Application
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.characters import stored
from qbwc_server.simulator.company.checks import types
from qbwc_server.simulator.company.customer_parts import with_card
from qbwc_server.simulator.company.list_engine import Fields, top_names
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.sales import EMPTY, customer_of, existing
from qbwc_server.simulator.company.sales_kinds import DEPOSITED, PAYMENT, RECEIVABLE
from qbwc_server.simulator.company.sales_ret import identity, linked
from qbwc_server.simulator.company.statuses import (
    BAD_VALUE,
    MISSING,
    NO_ACCOUNT,
    NOT_SAVED,
    STALE,
    UNKNOWN_ID,
    Refusal,
)
from qbwc_server.simulator.company.transactions import Txn

RET = f"{PAYMENT}Ret"
LIST_NAME = "Receive Payments"
NOT_KEPT = (*sales_header.APART, "TotalAmount", "IsAutoApply", "AppliedToTxnAdd", "AppliedToTxnMod")
TOTAL = "TotalAmount"
LESS_THAN_APPLIED = "The total is less than what is applied of it."


def add(call: Call) -> Reply:
    books = call.books
    values = _given(books, "Add", call.body)
    transactions.check_guid(books, PAYMENT, values)
    customer = customer_of(books, values["CustomerRef"])
    if customer is None:
        raise Refusal(MISSING, "CustomerRef")
    sales_header.check_payer(books, customer)
    txn_date = values.get("TxnDate") or books.clock.today()
    sales_header.check_new(books, PAYMENT, txn_date)
    wanted = values.get("AppliedToTxnAdd", [])
    total = _total(values, wanted)
    if not total:
        return _credits_only(books, customer, wanted)
    txn = postings.book(
        books,
        replace(
            transactions.new(books, PAYMENT),
            entity_id=customer.list_id,
            txn_date=txn_date,
            ref_number=values.get("RefNumber", ""),
            total=total,
            **_kept(books, {}, values),
        ),
    )
    _apply_all(books, txn, customer, wanted, automatic=values.get("IsAutoApply") == "true")
    return _reply(books, txn)


def mod(call: Call) -> Reply:
    """AppliedToTxnMod replaces what was applied; without any it stays (semantics 6, by the rule of lines)."""
    books = call.books
    values = _given(books, "Mod", call.body)
    txn = existing(books, PAYMENT, values["TxnID"])
    if values["EditSequence"] != txn.edit_sequence:
        raise Refusal(STALE, values["EditSequence"], records=_reply(books, txn).records)
    txn_date = values.get("TxnDate") or txn.txn_date
    sales_header.check_open(books, PAYMENT, txn.txn_date, txn_date)
    payer = values.get("CustomerRef", {}).get("ListID") or txn.entity_id
    named = [one["TxnID"] for one in values.get("AppliedToTxnMod", ())]
    if payer != txn.entity_id or (named and books.rule("unlisted_applications") == "released"):
        applying.release(books, txn)
    elif named:
        applying.release(books, txn, only=named)
    changed = replace(
        transactions.edited(books, txn),
        txn_date=txn_date,
        entity_id=payer,
        ref_number=values.get("RefNumber", txn.ref_number),
        total=balances.cents(values[TOTAL]) if values.get(TOTAL) else txn.total,
        **_kept(books, dict(txn.fields), values),
    )
    booked = postings.book(books, changed)
    if booked.open < 0:
        raise Refusal(BAD_VALUE, TOTAL, balances.text(booked.total), LESS_THAN_APPLIED)
    customer = objects.find(books, lists.NAMES, payer)
    if customer and "AppliedToTxnMod" in values:
        _apply_all(books, booked, customer, values["AppliedToTxnMod"], automatic=False)
    return _reply(books, booked)


def ret(books: Books, txn: Txn, *, lines: bool = False, links: bool = False) -> Fields:
    """links is there for the sake of the other forms: a payment tells its links by its lines."""
    del links
    values: Fields = {
        **references.shown(
            books, {name: kept for name, kept in txn.fields.items() if name in top_names(RET)}
        ),
        **identity(books, txn),
        TOTAL: balances.text(txn.total),
        "UnusedPayment": balances.text(txn.open),
        "UnusedCredits": balances.text(_unused_credits(books, txn.entity_id)),
    }
    if lines:
        values["AppliedToTxnRet"] = list(_applied(books, applications.of_credit(books, txn.txn_id)))
    return values


# -- what a request says -----------------------------------------------------------------------------------------


def _given(books: Books, request: str, body: Mapping[str, Any]) -> Fields:
    values = stored(body, types(f"{PAYMENT}{request}"))
    sales_header.check_currency(books, values)
    return references.checked(books, values, PAYMENT)


def _defaults(books: Books) -> Fields:
    return {
        RECEIVABLE: {"ListID": accounts.special_id(books, "AccountsReceivable")},
        DEPOSITED: {"ListID": accounts.special_id(books, "UndepositedFunds")},
    }


def _kept(books: Books, fields: Fields, values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the transaction, and the account where the money goes; a cleared account is the usual one."""
    plain = {name: value for name, value in values.items() if name not in NOT_KEPT}
    if "CreditCardTxnInfo" in plain:
        plain["CreditCardTxnInfo"] = _masked(plain["CreditCardTxnInfo"])
    fields = {**_defaults(books), **sales_header.changed(books, fields, plain)}
    sales_header.check_receivable(books, fields, PAYMENT)
    return {"fields": fields, "account_id": fields[DEPOSITED]["ListID"]}


def _masked(card: Mapping[str, Any]) -> Fields:
    shown = with_card({}, card["CreditCardTxnInputInfo"])
    return {**card, "CreditCardTxnInputInfo": shown["CreditCardInfo"]}


def _total(values: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]]) -> int:
    """Omitted, it is what the lines pay."""
    if values.get(TOTAL):
        return balances.cents(values[TOTAL])
    return sum(balances.cents(one.get("PaymentAmount") or "0") for one in wanted)


# -- applying ----------------------------------------------------------------------------------------------------


def _apply_all(
    books: Books, txn: Txn, customer: ListObject, wanted: Sequence[Mapping[str, Any]], *, automatic: bool
) -> None:
    for one in wanted:
        _apply_one(books, txn.txn_id, customer, one)
    if automatic:
        _apply_by_itself(books, txn, customer)


def _apply_one(books: Books, txn_id: str, customer: ListObject, wanted: Mapping[str, Any]) -> None:
    """A line needs an amount, a discount or a credit, else it is empty (semantics 6)."""
    amount = balances.cents(wanted.get("PaymentAmount") or "0")
    discount = balances.cents(wanted.get("DiscountAmount") or "0")
    if not (amount or discount or wanted.get("SetCredit")):
        raise Refusal(NOT_SAVED, LIST_NAME, wanted["TxnID"], EMPTY)
    target = applying.payable(books, wanted["TxnID"], customer)
    if not target.open:
        raise Refusal(UNKNOWN_ID, target.txn_id)
    for one in wanted.get("SetCredit", ()):
        target = _set_credit(books, target, one)
    if amount or discount:
        line = Application(0, "", "", amount, discount, *_discount(wanted))
        applying.apply(books, existing(books, PAYMENT, txn_id), target, line)


def _set_credit(books: Books, target: Txn, wanted: Mapping[str, Any]) -> Txn:
    """The target as it is afterwards."""
    credit = applying.credit(books, wanted["CreditTxnID"], target)
    one = Application(0, "", "", balances.cents(wanted["AppliedAmount"]))
    applying.apply(books, credit, target, one, applying.CREDIT_FIELD)
    return existing(books, target.kind, target.txn_id)


def _discount(wanted: Mapping[str, Any]) -> tuple[str, str]:
    """The account a discount goes to, and its class; Refusal 3270 when it goes nowhere."""
    account = wanted.get("DiscountAccountRef", {}).get("ListID", "")
    if wanted.get("DiscountAmount") and not account:
        raise Refusal(NO_ACCOUNT, "DiscountAccountRef")
    return account, wanted.get("DiscountClassRef", {}).get("ListID", "")


def _apply_by_itself(books: Books, txn: Txn, customer: ListObject) -> None:
    """An invoice of exactly that amount first, else the oldest ones (semantics 6, IsAutoApply)."""
    waiting = list(_open_invoices(books, customer))
    exact = [one for one in waiting if one.open == txn.total]
    rest = txn.total
    for target in exact[:1] or waiting:
        amount = min(rest, target.open)
        if amount:
            payment = existing(books, PAYMENT, txn.txn_id)
            applying.apply(books, payment, target, Application(0, "", "", amount))
            rest -= amount


def _open_invoices(books: Books, customer: ListObject) -> Iterator[Txn]:
    """Of the customer and its jobs, the oldest first."""
    family = [customer, *objects.below(books, customer)]
    marks = ", ".join("?" * len(family))
    clause = f"WHERE kind = 'Invoice' AND open > 0 AND entity_id IN ({marks}) ORDER BY txn_date, number"
    yield from transactions.select(books, clause, *(one.list_id for one in family))


def _credits_only(books: Books, customer: ListObject, wanted: Sequence[Mapping[str, Any]]) -> Reply:
    """Credits are applied, and no payment comes into being: the answer has no TxnID (semantics 6)."""
    if not wanted or any(one.get("DiscountAmount") for one in wanted):
        raise Refusal(NOT_SAVED, LIST_NAME, customer.full_name, EMPTY)
    for one in wanted:
        _apply_one(books, "", customer, one)
    targets = [existing(books, "Invoice", one["TxnID"]) for one in wanted]
    values: Fields = {
        "CustomerRef": {"ListID": customer.list_id, "FullName": customer.full_name},
        "AppliedToTxnRet": [_target(target) | {"Amount": "0.00"} for target in targets],
    }
    return Reply(((RET, values),))


# -- what an answer tells ----------------------------------------------------------------------------------------


def _reply(books: Books, txn: Txn) -> Reply:
    return Reply(((RET, ret(books, existing(books, PAYMENT, txn.txn_id), lines=True)),))


def _applied(books: Books, applied: Sequence[Application]) -> Iterator[Fields]:
    for one in applied:
        target = existing(books, "Invoice", one.target_id)
        values = _target(target) | {"Amount": balances.text(one.amount)}
        if one.discount:
            values["DiscountAmount"] = balances.text(one.discount)
            values |= references.shown(books, _discounted(one))
        others = [link for link in linked(books, target) if link["TxnID"] != one.credit_id]
        yield {**values, "LinkedTxn": [link for link in others if link["LinkType"] == "AMTTYPE"]}


def _discounted(one: Application) -> Fields:
    refs = {"DiscountAccountRef": one.discount_account, "DiscountClassRef": one.discount_class}
    return {name: {"ListID": list_id} for name, list_id in refs.items() if list_id}


def _target(target: Txn) -> Fields:
    values = {
        "TxnID": target.txn_id,
        "TxnType": target.kind,
        "TxnDate": target.txn_date,
        "BalanceRemaining": balances.text(target.open),
    }
    return {**values, "RefNumber": target.ref_number} if target.ref_number else values


def _unused_credits(books: Books, entity_id: str) -> int:
    query = "SELECT sum(open) FROM txn WHERE kind = 'CreditMemo' AND entity_id = ?"
    return int(books.one(query, entity_id) or 0)
