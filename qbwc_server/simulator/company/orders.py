"""What is open of orders, invoices and credits, and what links them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from qbwc_server.simulator.company import applications, stock
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.sales_kinds import CREDITS, PAYABLE
from qbwc_server.simulator.company.transactions import Line, Txn

# The key of an invoice line under which it remembers the order's line that it came from.
LINKED = "LinkedTo"


@dataclass(frozen=True)
class OrderLink:
    """So many hundred-thousandths of an order's line on an invoice."""

    invoice_id: str
    order_id: str
    order_line_id: str
    quantity: int


def with_open(books: Books, txn: Txn) -> Txn:
    """What is still to pay or still to use of it (semantics 6, Payments)."""
    if txn.kind in PAYABLE:
        applied = sum(one.amount + one.discount for one in applications.of_target(books, txn.txn_id))
        return replace(txn, open=txn.total - applied if txn.is_posting else 0)
    if txn.kind in CREDITS:
        used = sum(one.amount for one in applications.of_credit(books, txn.txn_id))
        return replace(txn, open=txn.total - used if txn.is_posting else 0)
    return txn


# -- orders ------------------------------------------------------------------------------------------------------


def of_invoice(books: Books, invoice_id: str) -> list[OrderLink]:
    return list(_links(books, "WHERE invoice_id = ?", invoice_id))


def of_order(books: Books, order_id: str) -> list[OrderLink]:
    return list(_links(books, "WHERE order_id = ?", order_id))


def invoiced(books: Books, order_id: str) -> Counter[str]:
    """How much of each line, in hundred-thousandths."""
    found: Counter[str] = Counter()
    for one in of_order(books, order_id):
        found[one.order_line_id] += one.quantity
    return found


def is_fully_invoiced(books: Books, order: Txn) -> bool:
    done = invoiced(books, order.txn_id)
    lines = [line for line in order.flat_lines() if "Amount" in line]
    return bool(lines) and all(done[line["TxnLineID"]] >= _units(line) for line in lines if _units(line))


def open_lines(books: Books, order: Txn) -> Iterator[tuple[Line, int]]:
    """Lines that can still be invoiced, with how much of them (hundred-thousandths)."""
    if order.fields.get("IsManuallyClosed") == "true":
        return
    done = invoiced(books, order.txn_id)
    for line in order.flat_lines():
        rest = _units(line) - done[line["TxnLineID"]]
        if line.get("IsManuallyClosed") != "true" and (rest > 0 or "Amount" not in line):
            yield line, rest


def relink(books: Books, invoice: Txn) -> set[str]:
    """Writes down what the invoice took from orders; the orders that changed by that."""
    before = of_invoice(books, invoice.txn_id)
    after = (
        [] if invoice.is_void else [_link(invoice, line) for line in invoice.flat_lines() if LINKED in line]
    )
    if before == after:
        return set()
    books.db.execute("DELETE FROM order_link WHERE invoice_id = ?", (invoice.txn_id,))
    books.db.executemany(
        "INSERT INTO order_link (invoice_id, order_id, order_line_id, quantity) VALUES (?, ?, ?, ?)",
        [(one.invoice_id, one.order_id, one.order_line_id, one.quantity) for one in after],
    )
    return {one.order_id for one in (*before, *after)}


def unlink(books: Books, order: Txn) -> None:
    books.db.execute("DELETE FROM order_link WHERE order_id = ?", (order.txn_id,))


def _link(invoice: Txn, line: Line) -> OrderLink:
    source: Mapping[str, Any] = line[LINKED]
    return OrderLink(invoice.txn_id, source["TxnID"], source["TxnLineID"], _units(line))


def _units(line: Line) -> int:
    """A line without a quantity counts as one."""
    return stock.units(line.get("Quantity") or "1") if "Amount" in line else 0


def _links(books: Books, clause: str, txn_id: str) -> Iterator[OrderLink]:
    query = f"SELECT invoice_id, order_id, order_line_id, quantity FROM order_link {clause} ORDER BY number"  # noqa: S608
    for row in books.db.execute(query, (txn_id,)).fetchall():
        yield OrderLink(*row)
