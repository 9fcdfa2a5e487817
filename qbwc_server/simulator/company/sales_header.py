"""The header of a sales form: what it says, and what QuickBooks fills in from the customer and the company."""

from collections.abc import Mapping
from typing import Any

from qbwc_server.simulator.company import accounts, objects, references, terms, transactions
from qbwc_server.simulator.company import customer_parts as parts
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.characters import is_empty, stored
from qbwc_server.simulator.company.checks import types
from qbwc_server.simulator.company.list_engine import Fields, with_value
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.sales_kinds import DEPOSITED, RECEIVABLE, SalesKind
from qbwc_server.simulator.company.sales_lines import without_lines
from qbwc_server.simulator.company.statuses import (
    BAD_REFERENCE,
    BAD_VALUE,
    BOOKS_CLOSED,
    FEATURE_OFF,
    NOT_EMPTY,
    NOT_SUPPORTED,
    Refusal,
)

# Told by columns of the transaction, or acted on and kept nowhere.
APART = (
    "TxnID",
    "EditSequence",
    "CustomerRef",
    "TxnDate",
    "RefNumber",
    "LinkToTxnID",
    "SetCredit",
    "DataExt",
)
# Cannot be cleared (semantics 5, Mod).
FIXED = ("CustomerRef", "ARAccountRef", "TemplateRef")
# What a form takes over from its customer, where it has the field and the request is silent.
TAXES: Mapping[str, str] = {
    "ItemSalesTaxRef": "ItemSalesTaxRef",
    "CustomerSalesTaxCodeRef": "SalesTaxCodeRef",
}
ALWAYS_FROM_CUSTOMER: Mapping[str, str] = {
    "BillAddress": "BillAddress",
    "ShipAddress": "ShipAddress",
    **TAXES,
}
FROM_CUSTOMER: Mapping[str, str] = {
    **ALWAYS_FROM_CUSTOMER,
    "TermsRef": "TermsRef",
    "SalesRepRef": "SalesRepRef",
    "PaymentMethodRef": "PreferredPaymentMethodRef",
}
# What QuickBooks fills in itself (IsToBePrinted: measured).
DEFAULTS: Mapping[str, str] = {
    "IsPending": "false",
    "IsFinanceCharge": "false",
    "IsToBePrinted": "true",
    "IsToBeEmailed": "false",
    "IsManuallyClosed": "false",
    "IsActive": "true",
}
MULTI_CURRENCY = "ExchangeRate"
NO_RECEIVABLE = "The account is no accounts receivable account."


def given(books: Books, kind: SalesKind, request: str, body: Mapping[str, Any]) -> Fields:
    """The checked header of a request ("InvoiceMod"); Refusal 3250 for a rate of exchange: there is one currency."""
    name = f"{kind.name}{request}"
    values = stored(without_lines(kind, body), types(name))
    check_currency(books, values)
    return references.checked(books, values, kind.name)


def check_currency(books: Books, values: Mapping[str, Any]) -> None:
    """There is one currency; with more of them switched on, forms in another one are not simulated: 1030."""
    if MULTI_CURRENCY in values and not books.is_on("multi_currency"):
        raise Refusal(FEATURE_OFF)
    if values.get(MULTI_CURRENCY, "1") != "1":
        raise Refusal(NOT_SUPPORTED)


def check_payer(books: Books, customer: ListObject | None) -> None:
    """Refusal 1030 for a customer with another currency than the company's."""
    ref = customer.fields.get("CurrencyRef") if customer else None
    home = objects.find_full_name(books, "Currency", books.settings["home_currency"])
    if ref and home and ref["ListID"] != home.list_id:
        raise Refusal(NOT_SUPPORTED)


def check_open(books: Books, kind: str, *dates: str, code: int = BOOKS_CLOSED) -> None:
    """Refusal 3171 for a date that is on or before the closing date of the company."""
    closing = books.closing_date()
    if closing and any(one and one <= closing for one in dates):
        raise Refusal(code, kind)


def new(books: Books, kind: SalesKind, values: Fields, txn_date: str, customer: ListObject | None) -> Fields:
    """The kept fields of a new form."""
    fields: Fields = {name: text for name, text in DEFAULTS.items() if kind.has(name)}
    if customer:
        fields |= _from_customer(books, kind, customer)
    fields |= own_accounts(books, kind)
    fields = changed(books, fields, values)
    check_receivable(books, fields, kind.name)
    fields.setdefault("DueDate", terms.due_date(books, txn_date, fields.get("TermsRef")))
    if books.rule("ship_date") == "TxnDate":
        fields.setdefault("ShipDate", txn_date)
    return {name: value for name, value in fields.items() if kind.has(name)}


def changed(books: Books, fields: Fields, values: Mapping[str, Any]) -> Fields:
    """Omitted fields stay, empty ones are cleared; an address is one unit (semantics 5, Mod)."""
    for name, value in values.items():
        if name in FIXED and is_empty(value):
            if books.rule("not_clearable") == "3152":
                raise Refusal(NOT_EMPTY, name)
            continue
        if name in parts.ADDRESSES:
            fields = parts.with_address(books, fields, name, value)
        elif name not in APART:
            fields = with_value(fields, name, value)
    return fields


def check_receivable(books: Books, fields: Mapping[str, Any], owner: str) -> None:
    """What a customer owes stands in a receivables account only: Refusal 3140 (unconfirmed)."""
    ref = fields.get(RECEIVABLE)
    account = objects.find(books, accounts.KIND, ref["ListID"]) if ref else None
    if account is not None and account.fields["AccountType"] != "AccountsReceivable":
        if books.rule("wrong_receivable") == "3210":
            raise Refusal(BAD_VALUE, RECEIVABLE, account.full_name, NO_RECEIVABLE)
        raise Refusal(BAD_REFERENCE, "Account", account.full_name, owner)


def edited(books: Books, kind: SalesKind, fields: Fields, values: Mapping[str, Any], txn_date: str) -> Fields:
    """After a Mod: new terms or a new date make a new due date unless one is given."""
    fields = {**own_accounts(books, kind), **changed(books, fields, values)}
    check_receivable(books, fields, kind.name)
    if "DueDate" not in values and {"TermsRef", "TxnDate"} & values.keys() and "DueDate" in fields:
        fields["DueDate"] = terms.due_date(books, txn_date, fields.get("TermsRef"))
    return fields


def check_new(books: Books, kind: str, txn_date: str) -> None:
    """Whether something can be entered into closed books is a rule ("closed_add")."""
    if books.rule("closed_add") == "refused":
        check_open(books, kind, txn_date)


def check_deleted(books: Books, kind: str, txn_date: str) -> None:
    """Rule "closed_delete" names the code."""
    check_open(books, kind, txn_date, code=int(books.rule("closed_delete")))


def ref_number(books: Books, kind: str, values: Mapping[str, Any]) -> str:
    """Omitted: the next one; an empty one stays blank (semantics 5)."""
    if books.rule("ref_numbers") == "together" and kind == "CreditMemo":
        kind = "Invoice"
    if "RefNumber" not in values:
        values = {"RefNumber": transactions.next_ref_number(books, kind)}
    transactions.used_ref_number(books, kind, values["RefNumber"])
    return str(values["RefNumber"])


def _from_customer(books: Books, kind: SalesKind, customer: ListObject) -> Fields:
    sources = FROM_CUSTOMER if books.rule("form_defaults") == "customer" else ALWAYS_FROM_CUSTOMER
    found = {
        name: customer.fields[source]
        for name, source in sources.items()
        if kind.has(name) and source in customer.fields
    }
    if books.is_on("sales_tax"):
        return found
    return {name: value for name, value in found.items() if name not in TAXES}


def own_accounts(books: Books, kind: SalesKind) -> Fields:
    template = objects.find_full_name(books, "Template", kind.template)
    found = {
        RECEIVABLE: accounts.special_id(books, "AccountsReceivable"),
        DEPOSITED: accounts.special_id(books, "UndepositedFunds"),
        "TemplateRef": template.list_id if template else "",
    }
    return {name: {"ListID": list_id} for name, list_id in found.items() if list_id and kind.has(name)}
