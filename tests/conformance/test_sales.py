"""Sales forms: what QuickBooks works out, defaults, tax, and Mods of lines."""

from decimal import Decimal

import pytest

from tests.conformance.desk import (
    MEASURED,
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

FORMS = ("Invoice", "Estimate", "SalesOrder", "SalesReceipt", "CreditMemo")


@pytest.fixture
def ann(desk: Desk) -> Element:
    return desk.customer("Ann")


def lines_of(ret: Element) -> list[Element]:
    return [child for child in ret if child.tag.endswith("LineRet")]


def amounts(ret: Element) -> list[Decimal]:
    return [amount(child, "Amount") for child in lines_of(ret)]


@cites("S10")
@pytest.mark.parametrize("kind", FORMS)
def test_amounts_are_worked_out_with_two_decimals(desk: Desk, ann: Element, kind: str) -> None:
    item = desk.service(price="0.333")
    form = desk.form(kind, ann, line(item, Quantity=3), line(item, Quantity=2, Rate="1.255"))
    assert [text(child, "Amount") for child in lines_of(form)] == ["1.00", "2.51"]
    total = "Subtotal" if form.find("Subtotal") is not None else "TotalAmount"
    assert text(form, total) == "3.51"


@cites("S5")
def test_an_amount_with_a_quantity_makes_the_rate(desk: Desk, ann: Element) -> None:
    invoice = desk.invoice(ann, line(desk.service(), Quantity=4, Amount="10.00"))
    assert amount(lines_of(invoice)[0], "Rate") == Decimal("2.50")
    assert amounts(invoice) == [Decimal("10.00")]


@cites("S5")
def test_a_rate_beside_an_amount_is_ignored(desk: Desk, ann: Element) -> None:
    values = {
        "CustomerRef": list_id(ann),
        "InvoiceLineAdd": line(desk.service(), Quantity=2, Rate="99.00", Amount="10.00"),
    }
    rs = desk.ask("InvoiceAdd", values)
    assert rs.get("statusSeverity") in ("Info", "Warn")
    assert amounts(rs[0]) == [Decimal("10.00")]
    assert amount(lines_of(rs[0])[0], "Rate") == Decimal("5.00")


@cites("S5")
def test_the_item_gives_price_and_description_that_were_not_sent(desk: Desk, ann: Element) -> None:
    sold = {"Desc": "An hour", "Price": "40.00", "AccountRef": full_name("Sales")}
    item = desk.ok("ItemServiceAdd", {"Name": "Hour", "SalesOrPurchase": sold})
    [found] = lines_of(desk.invoice(ann, line(item, Quantity=2)))
    assert [text(found, name) for name in ("Desc", "Rate", "Amount")] == ["An hour", "40.00", "80.00"]


@cites("S6")
def test_an_invoice_shows_its_balance_and_is_unpaid(desk: Desk, ann: Element) -> None:
    invoice = desk.invoice(ann, line(desk.service(price="10.00"), Quantity=5))
    assert amount(invoice, "AppliedAmount") == 0
    assert amount(invoice, "BalanceRemaining") == amount(invoice, "Subtotal") == 50
    assert text(invoice, "IsPaid") == "false"
    assert text(invoice, "ARAccountRef/FullName") == "Accounts Receivable"


@cites("S5")
def test_an_omitted_ref_number_gets_the_next_and_an_empty_one_stays_blank(desk: Desk, ann: Element) -> None:
    item = desk.service()
    desk.invoice(ann, line(item, Quantity=1), RefNumber="1000")
    assert text(desk.invoice(ann, line(item, Quantity=1)), "RefNumber") == "1001"
    assert not desk.invoice(ann, line(item, Quantity=1), RefNumber="").findtext("RefNumber")
    assert text(desk.invoice(ann, line(item, Quantity=1)), "RefNumber") == "1002"


@cites("S5")
def test_ref_numbers_are_not_unique(desk: Desk, ann: Element) -> None:
    item = desk.service()
    first, second = (desk.invoice(ann, line(item, Quantity=1), RefNumber="7") for _ in range(2))
    assert record_id(first) != record_id(second)
    assert len(desk.rets("Invoice", {"RefNumber": "7"})) == 2


@cites("S6")
def test_the_customers_terms_give_the_due_date(desk: Desk) -> None:
    ann = desk.customer("Ann", TermsRef=full_name("Net 30"))
    item = desk.service()
    invoice = desk.invoice(ann, line(item, Quantity=1), TxnDate="2026-03-01")
    assert text(invoice, "TermsRef/FullName") == "Net 30"
    assert text(invoice, "DueDate") == "2026-03-31"
    own = desk.invoice(ann, line(item, Quantity=1), TxnDate="2026-03-01", DueDate="2026-03-05")
    assert text(own, "DueDate") == "2026-03-05"


@cites("S6")
def test_an_estimate_a_sales_order_and_nothing_else_post_nothing(desk: Desk, ann: Element) -> None:
    item = desk.service(price="10.00")
    for kind in ("Estimate", "SalesOrder", "SalesReceipt"):
        desk.form(kind, ann, line(item, Quantity=1))
    assert amount(desk.read("Customer", record_id(ann)), "Balance") == 0
    desk.form("Invoice", ann, line(item, Quantity=3))
    desk.form("CreditMemo", ann, line(item, Quantity=1))
    assert amount(desk.read("Customer", record_id(ann)), "Balance") == 20


@cites("S6")
def test_balance_is_ones_own_and_total_balance_is_with_jobs(desk: Desk, ann: Element) -> None:
    job = desk.customer("Job", ParentRef=list_id(ann))
    below = desk.customer("Below", ParentRef=list_id(job))
    item = desk.service(price="1.00")
    for customer, quantity in ((ann, 100), (job, 10), (below, 1)):
        desk.invoice(customer, line(item, Quantity=quantity))
    found = {
        name: desk.read("Customer", record_id(ret)) for name, ret in (("a", ann), ("j", job), ("b", below))
    }
    assert [amount(found[name], "Balance") for name in "ajb"] == [100, 10, 1]
    assert [amount(found[name], "TotalBalance") for name in "ajb"] == [111, 11, 1]


@cites("S6")
def test_an_opening_balance_is_taken_once_and_shown_as_balance(desk: Desk) -> None:
    ann = desk.customer("Ann", OpenBalance="250.00", OpenBalanceDate="2026-01-31")
    assert amount(desk.read("Customer", record_id(ann)), "Balance") == 250
    sent = request("CustomerMod", {"ListID": "1-1", "EditSequence": "1", "OpenBalance": "1.00"})
    assert desk.failure(document([sent])) == PARSE_FAILURE


@cites("S6")
def test_a_sales_receipt_goes_to_undeposited_funds_and_needs_no_customer(desk: Desk) -> None:
    receipt = desk.ok("SalesReceiptAdd", {"SalesReceiptLineAdd": line(desk.service(), Quantity=1)})
    assert "Undeposited Funds" in text(receipt, "DepositToAccountRef/FullName")
    assert receipt.find("CustomerRef") is None
    assert amount(receipt, "TotalAmount") == 10


@cites("S6")
def test_a_credit_memo_keeps_what_is_left_of_it(desk: Desk, ann: Element) -> None:
    memo = desk.form("CreditMemo", ann, line(desk.service(price="10.00"), Quantity=3))
    assert amount(memo, "CreditRemaining") == amount(memo, "TotalAmount") == 30


@cites("S6")
@pytest.mark.parametrize("kind", FORMS)
def test_descriptions_make_lines_without_an_item(desk: Desk, ann: Element, kind: str) -> None:
    form = desk.form(kind, ann, line(desk.service(), Quantity=1), {"Desc": "Thank you"})
    assert [child.findtext("Desc") for child in lines_of(form)][1] == "Thank you"
    assert lines_of(form)[1].find("ItemRef") is None


# -- tax ---


@pytest.fixture
def taxed(desk: Desk) -> Element:
    """A customer in a county with 8.25 percent."""
    desk.ok("ItemSalesTaxAdd", {"Name": "County", "ItemDesc": "Tax", "TaxRate": "8.25"})
    return desk.customer("Taxed", SalesTaxCodeRef=full_name("Tax"), ItemSalesTaxRef=full_name("County"))


@cites("S6")
def test_tax_is_worked_out_once_for_the_document_over_its_taxable_lines(desk: Desk, taxed: Element) -> None:
    item = desk.service(price="0.10")
    tax, non = ({"SalesTaxCodeRef": full_name(name)} for name in ("Tax", "Non"))
    invoice = desk.invoice(
        taxed, line(item, Quantity=1, **tax), line(item, Quantity=1, **tax), line(item, Quantity=50, **non)
    )
    assert amount(invoice, "Subtotal") == Decimal("5.20")
    assert amount(invoice, "SalesTaxPercentage") == Decimal("8.25")
    assert amount(invoice, "SalesTaxTotal") == Decimal("0.02")
    assert amount(invoice, "BalanceRemaining") == Decimal("5.22")


@cites("S6")
def test_the_tax_code_of_the_header_comes_from_the_customer(desk: Desk, taxed: Element) -> None:
    item = desk.service(price="100.00")
    code = {"SalesTaxCodeRef": full_name("Tax")}
    invoice = desk.invoice(taxed, line(item, Quantity=1, **code))
    assert text(invoice, "CustomerSalesTaxCodeRef/FullName") == "Tax"
    assert text(invoice, "ItemSalesTaxRef/FullName") == "County"
    assert amount(invoice, "SalesTaxTotal") == Decimal("8.25")


@cites("S6")
def test_a_group_of_tax_items_adds_their_rates(desk: Desk, taxed: Element) -> None:
    desk.ok("ItemSalesTaxAdd", {"Name": "City", "TaxRate": "1.75"})
    both = {"ItemSalesTaxRef": [full_name("County"), full_name("City")]}
    desk.ok("ItemSalesTaxGroupAdd", {"Name": "Both", **both})
    code = {"SalesTaxCodeRef": full_name("Tax")}
    invoice = desk.invoice(
        taxed, line(desk.service(price="100.00"), Quantity=1, **code), ItemSalesTaxRef=full_name("Both")
    )
    assert amount(invoice, "SalesTaxTotal") == 10


@cites("S6")
def test_a_client_cannot_send_a_tax_total(desk: Desk) -> None:
    for field in ("SalesTaxTotal", "Subtotal", "BalanceRemaining"):
        sent = request("InvoiceAdd", {"CustomerRef": full_name("Ann"), field: "1.00"})
        assert desk.failure(document([sent])) == PARSE_FAILURE


@cites("S6")
def test_no_tax_for_customers_who_pay_none(desk: Desk, taxed: Element) -> None:
    item = desk.service(price="100.00")
    code = {"SalesTaxCodeRef": full_name("Tax")}
    invoice = desk.invoice(taxed, line(item, Quantity=1, **code), CustomerSalesTaxCodeRef=full_name("Non"))
    assert amount(invoice, "SalesTaxTotal") == 0


# -- lines that refer to others ---


@cites("S5")
def test_discounts_by_percentage_take_the_line_above_and_flat_ones_all_above(
    desk: Desk, ann: Element
) -> None:
    account = {"AccountRef": full_name("Sales Discounts")}
    desk.ok("ItemDiscountAdd", {"Name": "Tenth", "DiscountRatePercent": "10.0", **account})
    desk.ok("ItemDiscountAdd", {"Name": "Five", "DiscountRate": "5.00", **account})
    item = desk.service(price="100.00")
    invoice = desk.invoice(ann, line(item, Quantity=1), line(item, Quantity=2), line("Tenth"), line("Five"))
    assert amounts(invoice) == [100, 200, -20, -5]
    assert amount(invoice, "Subtotal") == 275


@cites("S6")
def test_a_subtotal_line_adds_the_lines_above(desk: Desk, ann: Element) -> None:
    desk.ok("ItemSubtotalAdd", {"Name": "Sub"})
    item = desk.service(price="10.00")
    invoice = desk.invoice(ann, line(item, Quantity=1), line(item, Quantity=2), line("Sub"))
    assert amounts(invoice) == [10, 20, 30]
    assert amount(invoice, "Subtotal") == 30


@cites("S6")
def test_a_group_item_becomes_a_line_group(desk: Desk, ann: Element) -> None:
    one, two = desk.service("One", "10.00"), desk.service("Two", "5.00")
    parts = [{"ItemRef": list_id(one), "Quantity": 1}, {"ItemRef": list_id(two), "Quantity": 2}]
    desk.ok("ItemGroupAdd", {"Name": "Kit", "ItemGroupLine": parts})
    group = {"ItemGroupRef": full_name("Kit"), "Quantity": 1}
    values = {"CustomerRef": list_id(ann), "InvoiceLineGroupAdd": group}
    invoice = desk.ok("InvoiceAdd", values)
    [found] = invoice.findall("InvoiceLineGroupRet")
    assert text(found, "ItemGroupRef/FullName") == "Kit"
    inner = found.findall("InvoiceLineRet")
    assert [text(child, "ItemRef/FullName") for child in inner] == ["One", "Two"]
    assert amount(found, "TotalAmount") == amount(invoice, "Subtotal") == 20
    ids = [text(found, "TxnLineID"), *(text(child, "TxnLineID") for child in inner)]
    assert len(set(ids)) == 3


@cites("S6")
def test_group_lines_follow_the_plain_lines_by_the_schemas_order(desk: Desk, ann: Element) -> None:
    one = desk.service("One", "10.00")
    desk.ok("ItemGroupAdd", {"Name": "Kit", "ItemGroupLine": {"ItemRef": list_id(one), "Quantity": 1}})
    values = {
        "CustomerRef": list_id(ann),
        "InvoiceLineAdd": line(one, Quantity=1),
        "InvoiceLineGroupAdd": {"ItemGroupRef": full_name("Kit")},
    }
    invoice = desk.ok("InvoiceAdd", values)
    assert invoice.find("InvoiceLineRet") is not None
    assert invoice.find("InvoiceLineGroupRet") is not None


# -- Mods of lines ---


@pytest.fixture
def three(desk: Desk, ann: Element) -> Element:
    item = desk.service(price="1.00")
    return desk.invoice(ann, *(line(item, Quantity=number, Desc=f"Line {number}") for number in (1, 2, 3)))


def line_ids(ret: Element) -> list[str]:
    return [text(child, "TxnLineID") for child in lines_of(ret)]


@cites("S5")
def test_no_line_in_a_mod_leaves_all_lines(desk: Desk, three: Element) -> None:
    ret = desk.modified("Invoice", three, {"Memo": "checked"})
    assert line_ids(ret) == line_ids(three)
    assert amounts(ret) == [1, 2, 3]


@cites("S5")
def test_lines_that_a_mod_does_not_give_are_deleted(desk: Desk, three: Element) -> None:
    kept = line_ids(three)[1]
    ret = desk.modified("Invoice", three, {"InvoiceLineMod": {"TxnLineID": kept}})
    assert line_ids(ret) == [kept]
    assert amount(ret, "Subtotal") == 2


@cites("S5")
def test_a_line_given_by_its_id_alone_stays_as_it_is(desk: Desk, three: Element) -> None:
    lines = [{"TxnLineID": one} for one in line_ids(three)]
    lines[2]["Desc"] = "Changed"
    ret = desk.modified("Invoice", three, {"InvoiceLineMod": lines})
    assert [text(child, "Desc") for child in lines_of(ret)] == ["Line 1", "Line 2", "Changed"]
    assert amounts(ret) == [1, 2, 3]


@cites("S5")
def test_minus_one_is_a_new_line_where_it_stands(desk: Desk, three: Element) -> None:
    first, second, third = line_ids(three)
    new = {"TxnLineID": "-1", "ItemRef": full_name("Labour"), "Desc": "New", "Quantity": 10}
    lines = [{"TxnLineID": first}, new, {"TxnLineID": second}, {"TxnLineID": third}]
    ret = desk.modified("Invoice", three, {"InvoiceLineMod": lines})
    assert [text(child, "Desc") for child in lines_of(ret)] == ["Line 1", "New", "Line 2", "Line 3"]
    found = line_ids(ret)
    assert [found[0], *found[2:]] == [first, second, third]
    assert found[1] not in (first, second, third, "-1")
    assert amount(ret, "Subtotal") == 16


@cites("S5")
def test_a_line_of_another_document_is_refused(desk: Desk, ann: Element, three: Element) -> None:
    other = desk.invoice(ann, line("Labour", Quantity=1))
    rs = desk.mod("Invoice", three, {"InvoiceLineMod": {"TxnLineID": line_ids(other)[0]}})
    assert rs.get("statusSeverity") == "Error"
    assert line_ids(desk.read("Invoice", record_id(three))) == line_ids(three)


@cites("S5")
def test_a_changed_quantity_changes_amounts_and_balances(desk: Desk, ann: Element, three: Element) -> None:
    lines = [{"TxnLineID": one} for one in line_ids(three)]
    lines[0]["Quantity"] = "10"
    ret = desk.modified("Invoice", three, {"InvoiceLineMod": lines})
    assert amounts(ret) == [10, 2, 3]
    assert amount(ret, "BalanceRemaining") == 15
    assert amount(desk.read("Customer", record_id(ann)), "Balance") == 15


@cites("S5")
@pytest.mark.parametrize("field", ["CustomerRef", "ARAccountRef"])
def test_some_header_references_cannot_be_cleared(desk: Desk, three: Element, field: str) -> None:
    rs = desk.mod("Invoice", three, {field: ""})
    kept = desk.read("Invoice", record_id(three))
    assert text(kept, f"{field}/FullName") == text(three, f"{field}/FullName")
    assert rs.get("statusCode") != "0"


@cites("S5")
@pytest.mark.parametrize("field", ["ItemRef", "Quantity", "Rate", "Amount"])
def test_some_parts_of_a_line_cannot_be_cleared(desk: Desk, three: Element, field: str) -> None:
    lines = [{"TxnLineID": one} for one in line_ids(three)]
    lines[0][field] = ""
    rs = desk.mod("Invoice", three, {"InvoiceLineMod": lines})
    assert rs.get("statusCode") != "0"
    assert amounts(desk.read("Invoice", record_id(three))) == [1, 2, 3]


@cites("S5")
@pytest.mark.parametrize("field", ["Memo", "PONumber", "FOB", "Other"])
def test_texts_of_a_header_can_be_cleared(desk: Desk, ann: Element, field: str) -> None:
    invoice = desk.invoice(ann, line(desk.service(), Quantity=1), **{field: "something"})
    assert text(invoice, field) == "something"
    assert not desk.modified("Invoice", invoice, {field: ""}).findtext(field)


@cites("S5")
def test_lines_in_another_order_leave_everything_as_it_was(desk: Desk, three: Element) -> None:
    lines = [{"TxnLineID": one, "Desc": "x"} for one in reversed(line_ids(three))]
    rs = desk.mod("Invoice", three, {"Memo": "x", "InvoiceLineMod": lines})
    assert rs.get("statusCode") == "3290"
    kept = desk.read("Invoice", record_id(three))
    assert kept.findtext("Memo") is None
    assert [text(child, "Desc") for child in lines_of(kept)] == ["Line 1", "Line 2", "Line 3"]


@cites("S6")
@pytest.mark.parametrize("kind", FORMS)
def test_every_form_can_be_changed_and_deleted(desk: Desk, ann: Element, kind: str) -> None:
    form = desk.form(kind, ann, line(desk.service(), Quantity=1))
    ret = desk.modified(kind, form, {"Memo": "checked"})
    assert text(ret, "Memo") == "checked"
    desk.ok("TxnDel", {"TxnDelType": kind, "TxnID": record_id(form)})
    desk.fails(500, f"{kind}Query", {"TxnID": record_id(form)})


@cites("S4")
@pytest.mark.parametrize("kind", ["Estimate", "SalesOrder", "ReceivePayment"])
def test_estimates_orders_and_payments_have_no_void(desk: Desk, kind: str) -> None:
    sent = request("TxnVoid", {"TxnVoidType": kind, "TxnID": "1-1"})
    assert desk.failure(document([sent])) == PARSE_FAILURE


@cites("S6", MEASURED)
def test_dates_default_to_today_and_shipping_to_the_same_day(desk: Desk, ann: Element) -> None:
    invoice = desk.invoice(ann, line(desk.service(), Quantity=1))
    assert text(invoice, "TxnDate") == text(invoice, "ShipDate") == "2026-08-01"


@cites("S6")
def test_forms_take_the_customers_addresses(desk: Desk) -> None:
    address = {"Addr1": "Elm 1", "City": "Town", "State": "CA", "PostalCode": "1"}
    ann = desk.customer("Ann", BillAddress=address, ShipAddress={**address, "Addr1": "Oak 2"})
    invoice = desk.invoice(ann, line(desk.service(), Quantity=1))
    assert text(invoice, "BillAddress/Addr1") == "Elm 1"
    assert text(invoice, "ShipAddress/Addr1") == "Oak 2"


@cites("S5", UNCONFIRMED)
def test_a_form_without_lines_is_refused(desk: Desk, ann: Element) -> None:
    rs = desk.ask("InvoiceAdd", {"CustomerRef": list_id(ann)})
    assert rs.get("statusSeverity") == "Error"


@cites("S6")
def test_stock_follows_what_is_sold_credited_and_voided(desk: Desk, ann: Element) -> None:
    bolt = desk.stock(on_hand="100")

    def on_hand() -> Decimal:
        return amount(desk.ok("ItemInventoryQuery", {"ListID": record_id(bolt)}), "QuantityOnHand")

    assert on_hand() == 100
    invoice = desk.invoice(ann, line(bolt, Quantity=30))
    assert on_hand() == 70
    desk.form("CreditMemo", ann, line(bolt, Quantity=5))
    assert on_hand() == 75
    desk.form("Estimate", ann, line(bolt, Quantity=9))
    assert on_hand() == 75
    desk.ok("TxnVoid", {"TxnVoidType": "Invoice", "TxnID": record_id(invoice)})
    assert on_hand() == 105


@cites("S6")
def test_quantity_on_sales_orders_is_told(desk: Desk, ann: Element) -> None:
    bolt = desk.stock(on_hand="100")
    desk.form("SalesOrder", ann, line(bolt, Quantity=12))
    found = desk.ok("ItemInventoryQuery", {"ListID": record_id(bolt)})
    assert amount(found, "QuantityOnSalesOrder") == 12
    assert amount(found, "QuantityOnHand") == 100


@cites("S6")
def test_stock_cannot_be_set_by_a_mod(desk: Desk) -> None:
    desk.stock()
    for field in ("QuantityOnHand", "TotalValue", "InventoryDate"):
        sent = request("ItemInventoryMod", {"ListID": "1-1", "EditSequence": "1", field: "1"})
        assert desk.failure(document([sent])) == PARSE_FAILURE
