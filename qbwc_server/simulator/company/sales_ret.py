"""How a transaction is shown: the Ret of a sales form, and what is linked to it."""

from collections.abc import Iterator, Mapping
from typing import Any

from qbwc_server.simulator.company import applications, lists, orders, references, stock, transactions
from qbwc_server.simulator.company import customer_parts as parts
from qbwc_server.simulator.company.balances import text
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.list_engine import Fields, top_names
from qbwc_server.simulator.company.sales_kinds import SALES_KINDS, SalesKind
from qbwc_server.simulator.company.transactions import Line, Txn

AMOUNT, QUANTITY = "AMTTYPE", "QUANTYPE"


def identity(books: Books, txn: Txn) -> Fields:
    """What every transaction shows of itself."""
    values: Fields = {
        "TxnID": txn.txn_id,
        "TimeCreated": books.clock.printed(txn.time_created),
        "TimeModified": books.clock.printed(txn.time_modified),
        "EditSequence": txn.edit_sequence,
        "TxnNumber": str(txn.number),
        "TxnDate": txn.txn_date,
    }
    if txn.entity_id:
        name = lists.full_name(books, lists.NAMES, txn.entity_id)
        values["CustomerRef"] = {"ListID": txn.entity_id, "FullName": name}
    return {**values, "RefNumber": txn.ref_number} if txn.ref_number else values


def ret(books: Books, txn: Txn, *, lines: bool = False, links: bool = False) -> Fields:
    """Everything about one sales form; lines and links only for those who ask (semantics 3)."""
    kind = SALES_KINDS[txn.kind]
    known = top_names(kind.ret_name)
    values: Fields = {
        **references.shown(books, {name: kept for name, kept in txn.fields.items() if name in known}),
        **identity(books, txn),
        **{name: value for name, value in _sums(books, txn).items() if name in known},
    }
    for address, block in parts.ADDRESSES.items():
        if address in txn.fields:
            values[block] = parts.block(txn.fields[address])
    if lines:
        values |= _lines(books, kind, txn)
    if links:
        values["LinkedTxn"] = list(linked(books, txn))
    return values


def _sums(books: Books, txn: Txn) -> Fields:
    """An amount that was applied is shown as a negative one (measured)."""
    sign = 1 if books.rule("applied_amount") == "negative" else -1
    values = {
        "TotalAmount": text(txn.total),
        "AppliedAmount": text(sign * (txn.open - txn.total)),
        "BalanceRemaining": text(txn.open),
        "IsPaid": _flag(txn.fields.get("IsPending") != "true" and not txn.open),
        "CreditRemaining": text(txn.open),
    }
    if txn.kind == "SalesOrder":
        values["IsFullyInvoiced"] = _flag(orders.is_fully_invoiced(books, txn))
    return values


def _flag(value: bool) -> str:
    return "true" if value else "false"


# -- lines -----------------------------------------------------------------------------------------------------


def _lines(books: Books, kind: SalesKind, txn: Txn) -> Fields:
    done = orders.invoiced(books, txn.txn_id) if txn.kind == "SalesOrder" else {}
    name, group = f"{kind.line}Ret", f"{kind.group}Ret"
    plain = [_line(books, name, line, done) for line in txn.lines if "Lines" not in line]
    groups = [_group(books, name, group, line, done) for line in txn.lines if "Lines" in line]
    order = [group if "Lines" in line else name for line in txn.lines]
    return {name: plain, group: groups, "#order": order} if plain and groups else {name: plain, group: groups}


def _group(books: Books, name: str, group: str, line: Line, done: Mapping[str, int]) -> Fields:
    own = {key: value for key, value in line.items() if key in top_names(group)}
    return {**references.shown(books, own), name: [_line(books, name, one, done) for one in line["Lines"]]}


def _line(books: Books, name: str, line: Line, done: Mapping[str, int]) -> Fields:
    known = top_names(name)
    values = references.shown(books, {key: value for key, value in line.items() if key in known})
    if "Invoiced" in known and "Amount" in line:
        values |= {"Invoiced": stock.text(done[line["TxnLineID"]])}
        values.setdefault("IsManuallyClosed", "false")
    return values


def with_private_lines(values: Fields, owners: set[str]) -> Fields:
    """Custom fields of lines come only for the OwnerIDs that were asked for (upper case)."""
    return {name: _with_private(name, value, owners) for name, value in values.items()}


def _with_private(name: str, value: Any, owners: set[str]) -> Any:
    if isinstance(value, Mapping):
        return with_private_lines(dict(value), owners)
    if not isinstance(value, list) or name == "#order":
        return value
    if name == "DataExtRet":
        return [one for one in value if one.get("OwnerID", "0").upper() in owners]
    return [_with_private("", one, owners) for one in value]


# -- links -----------------------------------------------------------------------------------------------------


def linked(books: Books, txn: Txn) -> Iterator[Fields]:
    """Payments and credits of an invoice, invoices of a credit, orders and their invoices."""
    for one in applications.of_target(books, txn.txn_id):
        yield from _link(books, one.credit_id, AMOUNT, -one.amount)
        if one.discount:
            yield from _link(books, one.credit_id, AMOUNT, -one.discount)
    for one in applications.of_credit(books, txn.txn_id):
        yield from _link(books, one.target_id, AMOUNT, -one.amount)
    for order_id in dict.fromkeys(one.order_id for one in orders.of_invoice(books, txn.txn_id)):
        yield from _link(books, order_id, QUANTITY)
    for invoice_id in dict.fromkeys(one.invoice_id for one in orders.of_order(books, txn.txn_id)):
        yield from _link(books, invoice_id, QUANTITY)


def _link(books: Books, txn_id: str, link_type: str, amount: int | None = None) -> Iterator[Fields]:
    other = transactions.find(books, txn_id)
    if other is not None:
        values: dict[str, Any] = {
            "TxnID": other.txn_id,
            "TxnType": other.kind,
            "TxnDate": other.txn_date,
            "LinkType": link_type,
            "Amount": text(_order_amount(books, other) if amount is None else amount),
        }
        yield {**values, "RefNumber": other.ref_number} if other.ref_number else values


def _order_amount(books: Books, order: Txn) -> int:
    """Its sign is a rule ("order_link_amount")."""
    return order.total if books.rule("order_link_amount") == "positive" else -order.total
