"""Invoices made from sales orders; sections are of qbxml-semantics.md."""

import pytest
from lxml import etree

from tests.simulator.conftest import Office
from tests.simulator.sales import Shop, found, line, ref


@pytest.fixture
def shop(office: Office) -> Shop:
    return Shop(office)


@pytest.fixture
def order(shop: Shop) -> etree._Element:
    """Three hammers, forty nails."""
    rows = line("Hammer", "<Quantity>3</Quantity>", "SalesOrder") + line(
        "Nail", "<Quantity>40</Quantity>", "SalesOrder"
    )
    return shop.add("SalesOrder", rows)


def whole(order: etree._Element) -> str:
    return f"<LinkToTxnID>{order.findtext('TxnID')}</LinkToTxnID>"


def part(order: etree._Element, number: int, more: str = "") -> str:
    line_id = order.findall("SalesOrderLineRet")[number].findtext("TxnLineID")
    link = f"<LinkToTxn><TxnID>{order.findtext('TxnID')}</TxnID><TxnLineID>{line_id}</TxnLineID></LinkToTxn>"
    return f"<InvoiceLineAdd>{more}{link}</InvoiceLineAdd>"


def state(shop: Shop, order: etree._Element) -> tuple[list[str | None], str | None]:
    ret = shop.ret("SalesOrder", order.findtext("TxnID") or "")
    done = [one.findtext("Invoiced") for one in ret.findall("SalesOrderLineRet")]
    return done, ret.findtext("IsFullyInvoiced")


def test_a_new_order_posts_nothing_but_what_is_ordered(shop: Shop, order: etree._Element) -> None:
    # 6: non-posting
    assert state(shop, order) == (["0", "0"], "false")
    assert (shop.balance(), shop.stock("Hammer"), shop.stock("Hammer", "QuantityOnSalesOrder")) == (0, 10, 3)


def test_the_whole_order_is_taken_over_and_closed(shop: Shop, order: etree._Element) -> None:
    # 6 Linking: LinkToTxnID takes over every line and closes the order
    invoice = shop.add("Invoice", "", whole(order))
    items = [one.findtext("ItemRef/FullName") for one in invoice.findall("InvoiceLineRet")]
    assert (items, invoice.findtext("Subtotal")) == (["Hammer", "Nail"], "110.00")
    assert state(shop, order) == (["3", "40"], "true")
    assert (shop.stock("Hammer"), shop.stock("Hammer", "QuantityOnSalesOrder")) == (7, 0)


def test_both_sides_tell_the_link_to_those_who_ask(shop: Shop, order: etree._Element) -> None:
    # 3: IncludeLinkedTxns
    invoice = shop.add("Invoice", "", whole(order))
    assert invoice.find("LinkedTxn") is None
    for kind, one, other in (("Invoice", invoice, order), ("SalesOrder", order, invoice)):
        link = found(shop.ret(kind, one.findtext("TxnID") or ""), "LinkedTxn")
        assert (link.findtext("TxnID"), link.findtext("LinkType")) == (other.findtext("TxnID"), "QUANTYPE")


def test_one_line_in_a_lower_quantity_leaves_the_rest_open(shop: Shop, order: etree._Element) -> None:
    invoice = shop.add("Invoice", part(order, 1, "<Quantity>15</Quantity>"))
    assert invoice.findtext("Subtotal") == "18.75"
    assert state(shop, order) == (["0", "15"], "false")
    rest = shop.add("Invoice", "", whole(order))
    assert [one.findtext("Quantity") for one in rest.findall("InvoiceLineRet")] == ["3", "25"]
    assert state(shop, order) == (["3", "40"], "true")


def test_own_lines_may_follow(shop: Shop, order: etree._Element) -> None:
    invoice = shop.add("Invoice", line("Work"), whole(order))
    assert invoice.findtext("Subtotal") == "195.00"


@pytest.mark.parametrize(
    ("head", "lines", "code"),
    [
        ("{whole}{whole}", "", "3177"),
        ("{whole}", "{part}", "3000"),
        ("<LinkToTxnID>99-1</LinkToTxnID>", "", "3120"),
        ("", "{too_much}", "3210"),
        ("", "{with_item}", "3153"),
        ("", "{second}{part}", "3290"),
    ],
)
def test_links_that_make_no_sense_are_refused(
    shop: Shop, order: etree._Element, head: str, lines: str, code: str
) -> None:
    # 6 Linking, 2: 3177, 3000; the others are unconfirmed
    words = {
        "whole": whole(order),
        "part": part(order, 0),
        "second": part(order, 1),
        "too_much": part(order, 0, "<Quantity>4</Quantity>"),
        "with_item": part(order, 0, ref("Item", "Hammer")),
    }
    assert shop.try_add("Invoice", lines.format(**words), head.format(**words)).get("statusCode") == code


def test_only_sales_orders_of_the_same_customer_can_be_linked(
    shop: Shop, office: Office, order: etree._Element
) -> None:
    estimate = shop.add("Estimate", line("Nail", "", "Estimate"))
    assert shop.try_add("Invoice", "", whole(estimate)).get("statusCode") == "3120"
    office.add("Bob")
    assert shop.try_add("Invoice", "", whole(order), "Bob").get("statusCode") == "3210"


def test_a_closed_order_is_a_warning_and_alone_an_empty_invoice(shop: Shop, order: etree._Element) -> None:
    # 2: 570, 3180
    shop.add("Invoice", "", whole(order))
    rs = shop.try_add("Invoice", line("Work"), whole(order))
    assert (rs.get("statusCode"), rs.get("statusSeverity")) == ("570", "Warn")
    assert rs.findtext("InvoiceRet/Subtotal") == "85.00"
    assert shop.try_add("Invoice", "", whole(order)).get("statusCode") == "3180"


def test_the_address_of_the_order_wins(shop: Shop) -> None:
    address = "<BillAddress><Addr1>{}</Addr1></BillAddress>"
    order = shop.add("SalesOrder", line("Nail", "", "SalesOrder"), address.format("Order"))
    invoice = shop.add("Invoice", "", address.format("Invoice") + whole(order))
    assert invoice.findtext("BillAddress/Addr1") == "Order"


@pytest.mark.parametrize("act", ["delete", "void"])
def test_what_is_taken_back_can_be_invoiced_again(shop: Shop, order: etree._Element, act: str) -> None:
    invoice = shop.add("Invoice", "", whole(order)).findtext("TxnID") or ""
    assert getattr(shop, act)("Invoice", invoice).get("statusCode") == "0"
    assert state(shop, order) == (["0", "0"], "false")
    assert (shop.stock("Hammer"), shop.stock("Hammer", "QuantityOnSalesOrder")) == (10, 3)


def test_a_link_moves_the_orders_time_and_not_its_sequence(
    shop: Shop, office: Office, order: etree._Element
) -> None:
    # 10.4
    office.clock.advance(minutes=1)
    shop.add("Invoice", "", whole(order))
    after = shop.ret("SalesOrder", order.findtext("TxnID") or "")
    assert after.findtext("TimeModified") == "2026-08-01T11:01:00-05:00"
    assert after.findtext("EditSequence") == order.findtext("EditSequence")


def test_an_order_or_a_line_can_be_closed_by_hand(shop: Shop, order: etree._Element) -> None:
    # 6: IsManuallyClosed
    order_id = order.findtext("TxnID") or ""
    ids = [one.findtext("TxnLineID") for one in order.findall("SalesOrderLineRet")]
    rows = "".join(
        f"<SalesOrderLineMod><TxnLineID>{one}</TxnLineID>{closed}</SalesOrderLineMod>"
        for one, closed in zip(ids, ("<IsManuallyClosed>true</IsManuallyClosed>", ""), strict=True)
    )
    shop.mod("SalesOrder", order_id, rows)
    assert shop.stock("Hammer", "QuantityOnSalesOrder") == 0
    shop.mod("SalesOrder", order_id, "<IsManuallyClosed>true</IsManuallyClosed>")
    assert shop.try_add("Invoice", "", whole(order)).get("statusCode") == "3180"


def test_a_smaller_quantity_on_the_invoice_opens_the_order_again(shop: Shop, order: etree._Element) -> None:
    invoice = shop.add("Invoice", "", whole(order))
    ids = [one.findtext("TxnLineID") for one in invoice.findall("InvoiceLineRet")]
    rows = (
        f"<InvoiceLineMod><TxnLineID>{ids[0]}</TxnLineID><Quantity>1</Quantity></InvoiceLineMod>"
        f"<InvoiceLineMod><TxnLineID>{ids[1]}</TxnLineID></InvoiceLineMod>"
    )
    shop.mod("Invoice", invoice.findtext("TxnID") or "", rows)
    assert state(shop, order) == (["1", "40"], "false")
    assert (shop.stock("Hammer"), shop.stock("Hammer", "QuantityOnSalesOrder")) == (9, 2)
