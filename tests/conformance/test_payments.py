"""Payments and credits, and invoices made from sales orders."""

from decimal import Decimal

import pytest

from tests.conformance.desk import (
    PARSE_FAILURE,
    UNCONFIRMED,
    Desk,
    Element,
    amount,
    cites,
    document,
    full_name,
    line,
    list_id,
    record_id,
    request,
    text,
)


@pytest.fixture
def ann(desk: Desk) -> Element:
    return desk.customer("Ann")


@pytest.fixture
def euro(desk: Desk) -> Element:
    """An item that costs one."""
    return desk.service(price="1.00")


def billed(desk: Desk, customer: Element, item: Element, total: int, **header: str) -> Element:
    return desk.invoice(customer, line(item, Quantity=total), **header)


def remaining(desk: Desk, invoice: Element) -> Decimal:
    return amount(desk.read("Invoice", record_id(invoice)), "BalanceRemaining")


def balance(desk: Desk, customer: Element) -> Decimal:
    return amount(desk.read("Customer", record_id(customer)), "Balance")


def paid(desk: Desk, customer: Element, total: str, *applied: dict[str, object]) -> Element:
    values = {"CustomerRef": list_id(customer), "TotalAmount": total, "AppliedToTxnAdd": list(applied)}
    return desk.ask("ReceivePaymentAdd", values)


@cites("S6")
def test_a_payment_in_full_pays_the_invoice(desk: Desk, ann: Element, euro: Element) -> None:
    invoice = billed(desk, ann, euro, 100)
    payment = desk.payment(ann, "100.00", invoice)
    assert amount(payment, "UnusedPayment") == 0
    again = desk.read("Invoice", record_id(invoice))
    assert text(again, "IsPaid") == "true"
    assert amount(again, "BalanceRemaining") == 0
    assert abs(amount(again, "AppliedAmount")) == 100
    assert balance(desk, ann) == 0


@cites("S6")
def test_a_partial_payment_leaves_the_rest(desk: Desk, ann: Element, euro: Element) -> None:
    invoice = billed(desk, ann, euro, 100)
    desk.payment(ann, "40.00", invoice)
    assert remaining(desk, invoice) == 60
    assert text(desk.read("Invoice", record_id(invoice)), "IsPaid") == "false"
    assert balance(desk, ann) == 60


@cites("S6")
def test_a_payment_tells_what_it_was_applied_to(desk: Desk, ann: Element, euro: Element) -> None:
    invoice = billed(desk, ann, euro, 100, RefNumber="A-1", TxnDate="2026-07-01")
    payment = desk.payment(ann, "40.00", invoice)
    [applied] = payment.findall("AppliedToTxnRet")
    assert text(applied, "TxnID") == record_id(invoice)
    assert text(applied, "TxnType") == "Invoice"
    assert text(applied, "TxnDate") == "2026-07-01"
    assert text(applied, "RefNumber") == "A-1"
    assert amount(applied, "BalanceRemaining") == 60
    assert amount(applied, "Amount") == 40


@cites("S6")
def test_what_is_not_applied_is_unused_and_lowers_the_balance(
    desk: Desk, ann: Element, euro: Element
) -> None:
    invoice = billed(desk, ann, euro, 30)
    rs = paid(desk, ann, "50.00", {"TxnID": record_id(invoice), "PaymentAmount": "30.00"})
    assert amount(rs[0], "UnusedPayment") == 20
    assert balance(desk, ann) == -20


@cites("S6")
def test_one_payment_pays_several_invoices(desk: Desk, ann: Element, euro: Element) -> None:
    first, second = billed(desk, ann, euro, 30), billed(desk, ann, euro, 50)
    rs = paid(
        desk,
        ann,
        "60.00",
        {"TxnID": record_id(first), "PaymentAmount": "30.00"},
        {"TxnID": record_id(second), "PaymentAmount": "30.00"},
    )
    assert rs.get("statusCode") == "0"
    assert (remaining(desk, first), remaining(desk, second)) == (0, 20)


@cites("S6")
def test_payment_amounts_may_not_exceed_the_total(desk: Desk, ann: Element, euro: Element) -> None:
    invoice = billed(desk, ann, euro, 100)
    rs = paid(desk, ann, "50.00", {"TxnID": record_id(invoice), "PaymentAmount": "60.00"})
    assert rs.get("statusSeverity") == "Error"
    assert remaining(desk, invoice) == 100


@cites("S6")
def test_a_discount_lowers_the_invoice_too(desk: Desk, ann: Element, euro: Element) -> None:
    invoice = billed(desk, ann, euro, 100)
    account = full_name("Sales Discounts")
    applied = {
        "TxnID": record_id(invoice),
        "PaymentAmount": "90.00",
        "DiscountAmount": "10.00",
        "DiscountAccountRef": account,
    }
    rs = paid(desk, ann, "90.00", applied)
    assert amount(rs[0], "AppliedToTxnRet/DiscountAmount") == 10
    assert remaining(desk, invoice) == 0
    assert balance(desk, ann) == 0


@cites("S6")
def test_automatic_application_takes_an_exact_match_first(desk: Desk, ann: Element, euro: Element) -> None:
    old = billed(desk, ann, euro, 30, TxnDate="2026-01-01")
    exact = billed(desk, ann, euro, 50, TxnDate="2026-02-01")
    values = {"CustomerRef": list_id(ann), "TotalAmount": "50.00", "IsAutoApply": True}
    desk.ok("ReceivePaymentAdd", values)
    assert (remaining(desk, old), remaining(desk, exact)) == (30, 0)


@cites("S6")
def test_automatic_application_else_takes_the_oldest(desk: Desk, ann: Element, euro: Element) -> None:
    new = billed(desk, ann, euro, 50, TxnDate="2026-02-01")
    old = billed(desk, ann, euro, 30, TxnDate="2026-01-01")
    values = {"CustomerRef": list_id(ann), "TotalAmount": "40.00", "IsAutoApply": True}
    desk.ok("ReceivePaymentAdd", values)
    assert (remaining(desk, old), remaining(desk, new)) == (0, 40)


@cites("S6")
def test_a_payment_left_alone_pays_nothing(desk: Desk, ann: Element, euro: Element) -> None:
    invoice = billed(desk, ann, euro, 50)
    payment = desk.payment(ann, "50.00")
    assert amount(payment, "UnusedPayment") == 50
    assert remaining(desk, invoice) == 50
    assert balance(desk, ann) == 0


@cites("S6")
def test_an_application_needs_an_amount_a_credit_or_a_discount(
    desk: Desk, ann: Element, euro: Element
) -> None:
    invoice = billed(desk, ann, euro, 50)
    assert paid(desk, ann, "50.00", {"TxnID": record_id(invoice)}).get("statusSeverity") == "Error"


@cites("S6")
def test_a_credit_memo_is_set_against_an_invoice_without_a_payment(
    desk: Desk, ann: Element, euro: Element
) -> None:
    invoice = billed(desk, ann, euro, 50)
    memo = desk.form("CreditMemo", ann, line(euro, Quantity=20))
    credit = {"CreditTxnID": record_id(memo), "AppliedAmount": "20.00"}
    rs = paid(desk, ann, "0.00", {"TxnID": record_id(invoice), "SetCredit": credit})
    assert rs.get("statusCode") == "0"
    assert rs.find(".//ReceivePaymentRet/TxnID") is None
    assert remaining(desk, invoice) == 30
    assert amount(desk.read("CreditMemo", record_id(memo)), "CreditRemaining") == 0
    assert balance(desk, ann) == 30
    assert desk.rets("ReceivePayment") == []


@cites("S6")
def test_a_payment_and_a_credit_together(desk: Desk, ann: Element, euro: Element) -> None:
    invoice = billed(desk, ann, euro, 50)
    memo = desk.form("CreditMemo", ann, line(euro, Quantity=30))
    credit = {"CreditTxnID": record_id(memo), "AppliedAmount": "20.00"}
    applied = {"TxnID": record_id(invoice), "PaymentAmount": "30.00", "SetCredit": credit}
    assert paid(desk, ann, "30.00", applied).get("statusCode") == "0"
    assert remaining(desk, invoice) == 0
    assert amount(desk.read("CreditMemo", record_id(memo)), "CreditRemaining") == 10


@cites("S6")
def test_an_invoice_can_take_a_credit_when_it_is_added(desk: Desk, ann: Element, euro: Element) -> None:
    memo = desk.form("CreditMemo", ann, line(euro, Quantity=30))
    credit = {"CreditTxnID": record_id(memo), "AppliedAmount": "30.00"}
    values = {"CustomerRef": list_id(ann), "SetCredit": credit, "InvoiceLineAdd": line(euro, Quantity=50)}
    invoice = desk.ok("InvoiceAdd", values)
    assert remaining(desk, invoice) == 20
    assert balance(desk, ann) == 20


@cites("S6")
def test_a_payment_goes_to_undeposited_funds_or_where_it_is_told(desk: Desk, ann: Element) -> None:
    plain = desk.payment(ann, "5.00")
    assert "Undeposited Funds" in text(plain, "DepositToAccountRef/FullName")
    values = {
        "CustomerRef": list_id(ann),
        "TotalAmount": "5.00",
        "DepositToAccountRef": full_name("Checking"),
        "IsAutoApply": False,
    }
    told = desk.ok("ReceivePaymentAdd", values)
    assert text(told, "DepositToAccountRef/FullName") == "Checking"


@cites("S6")
def test_a_payment_for_the_job_counts_for_the_job(desk: Desk, ann: Element, euro: Element) -> None:
    job = desk.customer("Job", ParentRef=list_id(ann))
    invoice = billed(desk, job, euro, 50)
    desk.payment(job, "50.00", invoice)
    assert balance(desk, job) == balance(desk, ann) == 0


@cites("S6")
def test_an_invoice_without_such_an_id_cannot_be_paid(desk: Desk, ann: Element) -> None:
    assert paid(desk, ann, "1.00", {"TxnID": "999-1785596400", "PaymentAmount": "1.00"}).get(
        "statusCode"
    ) in ("3120", "3000")


@cites("S6")
def test_a_payment_can_be_changed(desk: Desk, ann: Element, euro: Element) -> None:
    invoice = billed(desk, ann, euro, 50)
    payment = desk.payment(ann, "20.00", invoice)
    ret = desk.modified("ReceivePayment", payment, {"RefNumber": "77", "Memo": "Cheque"})
    assert [text(ret, name) for name in ("RefNumber", "Memo")] == ["77", "Cheque"]
    assert remaining(desk, invoice) == 30


@cites("S6", UNCONFIRMED)
def test_applications_that_a_mod_does_not_give_are_undone(desk: Desk, ann: Element, euro: Element) -> None:
    first, second = billed(desk, ann, euro, 30), billed(desk, ann, euro, 50)
    [payment] = paid(
        desk,
        ann,
        "60.00",
        {"TxnID": record_id(first), "PaymentAmount": "30.00"},
        {"TxnID": record_id(second), "PaymentAmount": "30.00"},
    )
    kept = {"TxnID": record_id(second), "PaymentAmount": "30.00"}
    ret = desk.modified("ReceivePayment", payment, {"AppliedToTxnMod": kept})
    assert (remaining(desk, first), remaining(desk, second)) == (30, 20)
    assert amount(ret, "UnusedPayment") == 30


# -- invoices from sales orders ---


@pytest.fixture
def order(desk: Desk, ann: Element, euro: Element) -> Element:
    return desk.form(
        "SalesOrder", ann, line(euro, Quantity=10, Desc="One"), line(euro, Quantity=5, Desc="Two")
    )


def from_order(desk: Desk, customer: Element, **values: object) -> Element:
    return desk.ask("InvoiceAdd", {"CustomerRef": list_id(customer), **values})


def order_lines(ret: Element) -> list[Element]:
    return ret.findall("SalesOrderLineRet")


@cites("S6")
def test_a_linked_order_gives_all_its_lines_and_is_closed(desk: Desk, ann: Element, order: Element) -> None:
    rs = from_order(desk, ann, LinkToTxnID=record_id(order))
    assert rs.get("statusCode") == "0"
    assert [text(ret, "Desc") for ret in rs[0].findall("InvoiceLineRet")] == ["One", "Two"]
    assert amount(rs[0], "Subtotal") == 15
    after = desk.read("SalesOrder", record_id(order))
    assert text(after, "IsFullyInvoiced") == "true"
    assert [amount(ret, "Invoiced") for ret in order_lines(after)] == [10, 5]


@cites("S6")
def test_linked_documents_name_each_other_where_asked(desk: Desk, ann: Element, order: Element) -> None:
    rs = from_order(desk, ann, LinkToTxnID=record_id(order))
    found = desk.ok("InvoiceQuery", {"TxnID": record_id(rs[0]), "IncludeLinkedTxns": True})
    back = desk.ok("SalesOrderQuery", {"TxnID": record_id(order), "IncludeLinkedTxns": True})
    assert text(found, "LinkedTxn/TxnID") == record_id(order)
    assert text(found, "LinkedTxn/TxnType") == "SalesOrder"
    assert text(back, "LinkedTxn/TxnID") == record_id(rs[0])


@cites("S6")
def test_one_line_of_an_order_with_a_lower_quantity(desk: Desk, ann: Element, order: Element) -> None:
    first = text(order_lines(order)[0], "TxnLineID")
    link = {"TxnID": record_id(order), "TxnLineID": first}
    rs = from_order(desk, ann, InvoiceLineAdd={"Quantity": 4, "LinkToTxn": link})
    assert rs.get("statusCode") == "0"
    assert amount(rs[0], "Subtotal") == 4
    after = desk.read("SalesOrder", record_id(order))
    assert text(after, "IsFullyInvoiced") == "false"
    assert [amount(ret, "Invoiced") for ret in order_lines(after)] == [4, 0]


@cites("S6")
def test_a_line_that_is_linked_names_no_item(desk: Desk, ann: Element, order: Element, euro: Element) -> None:
    first = text(order_lines(order)[0], "TxnLineID")
    link = {"TxnID": record_id(order), "TxnLineID": first}
    linked = line(euro, Quantity=4, LinkToTxn=link)
    assert from_order(desk, ann, InvoiceLineAdd=linked).get("statusSeverity") == "Error"


@cites("S2")
def test_both_ways_of_linking_one_order_are_3000(desk: Desk, ann: Element, order: Element) -> None:
    first = text(order_lines(order)[0], "TxnLineID")
    link = {"TxnID": record_id(order), "TxnLineID": first}
    rs = from_order(desk, ann, LinkToTxnID=record_id(order), InvoiceLineAdd={"LinkToTxn": link})
    assert rs.get("statusCode") == "3000"


@cites("S2")
def test_an_order_given_twice_is_3177(desk: Desk, ann: Element, order: Element) -> None:
    assert from_order(desk, ann, LinkToTxnID=[record_id(order)] * 2).get("statusCode") == "3177"


@cites("S2")
def test_a_closed_order_is_the_warning_570(desk: Desk, ann: Element, order: Element, euro: Element) -> None:
    from_order(desk, ann, LinkToTxnID=record_id(order))
    rs = from_order(desk, ann, LinkToTxnID=record_id(order), InvoiceLineAdd=line(euro, Quantity=1))
    assert (rs.get("statusCode"), rs.get("statusSeverity")) == ("570", "Warn")
    assert amount(rs[0], "Subtotal") == 1


@cites("S2")
def test_a_closed_order_and_nothing_else_is_an_empty_transaction(
    desk: Desk, ann: Element, order: Element
) -> None:
    from_order(desk, ann, LinkToTxnID=record_id(order))
    assert from_order(desk, ann, LinkToTxnID=record_id(order)).get("statusCode") == "3180"
    assert len(desk.rets("Invoice")) == 1


@cites("S6")
def test_only_sales_orders_of_the_same_customer_can_be_linked(
    desk: Desk, ann: Element, order: Element, euro: Element
) -> None:
    ben = desk.customer("Ben")
    estimate = desk.form("Estimate", ann, line(euro, Quantity=1))
    assert from_order(desk, ben, LinkToTxnID=record_id(order)).get("statusSeverity") == "Error"
    assert from_order(desk, ann, LinkToTxnID=record_id(estimate)).get("statusSeverity") == "Error"
    assert desk.rets("Invoice") == []


@cites("S6")
def test_links_are_made_by_adding_only(desk: Desk, ann: Element, order: Element) -> None:
    sent = request("InvoiceMod", {"TxnID": "1-1", "EditSequence": "1", "LinkToTxnID": record_id(order)})
    assert desk.failure(document([sent])) == PARSE_FAILURE


@cites("S6")
def test_the_orders_address_wins_over_the_one_sent(desk: Desk, ann: Element, euro: Element) -> None:
    address = {"Addr1": "Order street"}
    order = desk.form("SalesOrder", ann, line(euro, Quantity=1), BillAddress=address)
    rs = from_order(desk, ann, BillAddress={"Addr1": "Sent street"}, LinkToTxnID=record_id(order))
    assert text(rs[0], "BillAddress/Addr1") == "Order street"
    fixed = desk.modified("Invoice", rs[0], {"BillAddress": {"Addr1": "Mended street"}})
    assert text(fixed, "BillAddress/Addr1") == "Mended street"


@cites("S6", UNCONFIRMED)
def test_an_order_brings_its_tax_to_its_invoice(desk: Desk, ann: Element) -> None:
    desk.ok("ItemSalesTaxAdd", {"Name": "County", "TaxRate": "8.25"})
    taxed = {"ItemSalesTaxRef": full_name("County"), "CustomerSalesTaxCodeRef": full_name("Tax")}
    item = desk.service(price="100.00")
    order = desk.form("SalesOrder", ann, line(item, Quantity=1, SalesTaxCodeRef=full_name("Tax")), **taxed)
    assert text(order, "SalesTaxTotal") == "8.25"
    invoice = desk.ok("InvoiceAdd", {"CustomerRef": list_id(ann), "LinkToTxnID": record_id(order)})
    assert text(invoice, "SalesTaxTotal") == "8.25"
    assert text(invoice, "ItemSalesTaxRef/FullName") == "County"


@cites("S6")
def test_a_deleted_invoice_opens_its_order_again(desk: Desk, ann: Element, order: Element) -> None:
    rs = from_order(desk, ann, LinkToTxnID=record_id(order))
    desk.ok("TxnDel", {"TxnDelType": "Invoice", "TxnID": record_id(rs[0])})
    after = desk.read("SalesOrder", record_id(order))
    assert text(after, "IsFullyInvoiced") == "false"
    assert [amount(ret, "Invoiced") for ret in order_lines(after)] == [0, 0]


@cites("S6")
def test_an_order_can_be_closed_by_hand(desk: Desk, ann: Element, order: Element) -> None:
    ret = desk.modified("SalesOrder", order, {"IsManuallyClosed": True})
    assert text(ret, "IsManuallyClosed") == "true"
