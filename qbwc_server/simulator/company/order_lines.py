"""The lines of a new sales form: its own, and those it takes over from sales orders (semantics 6, Linking)."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from qbwc_server.simulator.company import orders, sales_lines, stock, transactions
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.list_engine import Fields
from qbwc_server.simulator.company.orders import LINKED
from qbwc_server.simulator.company.sales_kinds import SalesKind
from qbwc_server.simulator.company.statuses import (
    BAD_ID,
    BAD_REFERENCE,
    BAD_VALUE,
    CONTRADICTION,
    LINKED_TWICE,
    UNKNOWN_ID,
    WRONG_ORDER,
    Refusal,
)
from qbwc_server.simulator.company.transactions import Line, Txn

ORDER = "SalesOrder"
LINK_ALL, LINK_LINE = "LinkToTxnID", "LinkToTxn"
OTHER_CUSTOMER = "The sales order belongs to another customer."
TOO_MUCH = "You cannot invoice more than was ordered."
# Of an order's line, what the invoice does not take over.
NOT_TAKEN = ("TxnLineID", "IsManuallyClosed", "DataExtRet")
# Of the order's header, what wins over the request (semantics 6).
ADDRESSES = ("BillAddress", "ShipAddress")
# And what stands in for a request that is silent, before the customer's own (unconfirmed).
TAXES = ("ItemSalesTaxRef", "CustomerSalesTaxCodeRef")


def drafted(
    books: Books, kind: SalesKind, txn: Txn, values: Mapping[str, Any], body: Mapping[str, Any]
) -> tuple[Txn, list[Fields], str]:
    """The form with what its orders' headers give it, its lines, and the TxnID of an order that is closed, or ""."""
    whole = values.get(LINK_ALL, [])
    drafts = list(sales_lines.given(books, kind, "Add", body))
    links = [line[LINK_LINE] for _, line in drafts if LINK_LINE in line]
    _check_links(whole, links)
    for order_id in dict.fromkeys(one["TxnID"] for one in links):
        _check_sequence(
            _order(books, order_id, txn), [one["TxnLineID"] for one in links if one["TxnID"] == order_id]
        )
    lines: list[Fields] = []
    closed = ""
    for order_id in whole:
        order = _order(books, order_id, txn)
        taken = list(_taken(books, txn, order))
        closed = closed or ("" if taken else order_id)
        lines += taken
        txn = _headed(txn, order, values)
    for is_group, line in drafts:
        lines.append(_drafted(books, txn, line, is_group=is_group))
    return txn, lines, closed


def _check_links(whole: list[str], lines: list[Mapping[str, str]]) -> None:
    """No order twice (3177), none both as a whole and by lines (3000)."""
    for order_id in whole:
        if whole.count(order_id) > 1:
            raise Refusal(LINKED_TWICE, order_id)
        if any(one["TxnID"] == order_id for one in lines):
            raise Refusal(BAD_ID, order_id, LINK_ALL)


def _drafted(books: Books, txn: Txn, line: Mapping[str, Any], *, is_group: bool) -> Fields:
    if is_group:
        return sales_lines.drafted_group(books, txn.txn_id, line)
    if LINK_LINE in line:
        return _taken_line(books, txn, line)
    return sales_lines.drafted(books, txn.txn_id, line)


def _taken(books: Books, txn: Txn, order: Txn) -> Iterator[Fields]:
    for line, rest in orders.open_lines(books, order):
        yield _copied(books, txn, order, line, rest)


def _taken_line(books: Books, txn: Txn, line: Mapping[str, Any]) -> Fields:
    """One line of an order; the quantity may be less, the item is the order's (semantics 6)."""
    if "ItemRef" in line:
        raise Refusal(CONTRADICTION, "ItemRef", LINK_LINE)
    link = line[LINK_LINE]
    order = _order(books, link["TxnID"], txn)
    for one, rest in orders.open_lines(books, order):
        if one["TxnLineID"] == link["TxnLineID"]:
            wanted = stock.units(line["Quantity"]) if line.get("Quantity") else rest
            if wanted > rest and books.rule("over_invoiced") == "3210":
                raise Refusal(BAD_VALUE, "Quantity", line["Quantity"], TOO_MUCH)
            own = {name: value for name, value in line.items() if name not in (LINK_LINE, "Quantity")}
            return {**_copied(books, txn, order, one, wanted), **own}
    raise Refusal(UNKNOWN_ID, link["TxnLineID"])


def _copied(books: Books, txn: Txn, order: Txn, line: Line, quantity: int) -> Fields:
    """Amounts that a quantity makes are made anew; a line without one keeps its amount."""
    kept = {name: value for name, value in line.items() if name not in NOT_TAKEN}
    if "Quantity" in kept:
        kept = {name: value for name, value in kept.items() if name != "Amount"}
        kept["Quantity"] = stock.text(quantity)
    source = {"TxnID": order.txn_id, "TxnLineID": line["TxnLineID"]}
    return {**kept, "TxnLineID": books.new_txn_line_id(txn.txn_id), LINKED: source}


def _order(books: Books, order_id: str, txn: Txn) -> Txn:
    """Only sales orders can be linked, and only those of the same customer."""
    found = transactions.find(books, order_id)
    if found is None or found.kind != ORDER:
        raise Refusal(UNKNOWN_ID, order_id)
    if found.entity_id != txn.entity_id:
        if books.rule("other_customers_order") == "3140":
            raise Refusal(BAD_REFERENCE, ORDER, order_id, txn.kind)
        raise Refusal(BAD_VALUE, LINK_ALL, order_id, OTHER_CUSTOMER)
    return found


def _headed(txn: Txn, order: Txn, values: Mapping[str, Any]) -> Txn:
    names = [*ADDRESSES, *(name for name in TAXES if name not in values)]
    taken = {name: order.fields[name] for name in names if name in order.fields}
    return replace(txn, fields={**txn.fields, **taken})


def _check_sequence(order: Txn, line_ids: list[str]) -> None:
    """Lines of an order are taken in its own sequence (semantics 6)."""
    places = [line["TxnLineID"] for line in order.flat_lines()]
    known = [places.index(one) for one in line_ids if one in places]
    for before, after in itertools.pairwise(known):
        if after < before:
            raise Refusal(WRONG_ORDER, places[after])
