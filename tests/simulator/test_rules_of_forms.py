"""Both positions of what the references leave open: sales forms, orders, payments (qbxml-semantics.md, mark U)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from lxml import etree

from tests.simulator.conftest import Office
from tests.simulator.sales import INCOME, Shop, amount, found, line, ref
from tests.simulator.switched import both

pytestmark = pytest.mark.usefixtures("moved")
CODE = "statusCode"
ONE = f"<{'InvoiceLineAdd'}>{ref('Item', 'Work')}<Amount>100.00</Amount></InvoiceLineAdd>"


@pytest.fixture
def shop(office: Office) -> Shop:
    return Shop(office)


# -- 1, 5, 6: what a form says -----------------------------------------------------------------------------------


@both("macro_scope", "9100", "0")
def test_a_macro_in_a_later_set(shop: Shop, expected: str) -> None:
    head = ref("Customer", "Ann")
    added = f'<InvoiceAddRq><InvoiceAdd defMacro="TxnID:one">{head}{ONE}</InvoiceAdd></InvoiceAddRq>'
    shop.ask_ok(added)
    applied = f'<AppliedToTxnAdd><TxnID useMacro="TxnID:one"/>{amount("1.00")}</AppliedToTxnAdd>'
    paid = f"{head}<TotalAmount>1.00</TotalAmount>{applied}"
    rs = shop.office.ask(
        f"<ReceivePaymentAddRq><ReceivePaymentAdd>{paid}</ReceivePaymentAdd></ReceivePaymentAddRq>"
    )
    assert rs.get(CODE) == expected


@both("ship_date", "2026-08-01", None)
def test_a_ship_date_that_is_left_out(shop: Shop, expected: str | None) -> None:
    assert shop.add("Invoice", ONE).findtext("ShipDate") == expected


@both("form_defaults", "Net 30", None)
def test_the_terms_of_the_customer(shop: Shop, expected: str | None) -> None:
    assert shop.add("Invoice", ONE).findtext("TermsRef/FullName") == expected


@both("credit_limit", "0", "3180")
def test_an_invoice_beyond_the_credit_limit(shop: Shop, expected: str) -> None:
    shop.office.add("Bea", "<CreditLimit>100.00</CreditLimit>")
    first = shop.invoice("60.00", "Bea")
    work = line("Work", "<Amount>{}</Amount>")
    assert shop.try_add("Invoice", work.format("40.01"), customer="Bea").get(CODE) == expected
    shop.delete("Invoice", first)
    assert shop.try_add("Invoice", work.format("40.00"), customer="Bea").get(CODE) == "0"


def test_a_transaction_before_1901_is_no_date(shop: Shop) -> None:
    # 5: TxnDate 1901-01-01 to 9999-12-31
    for day, code in (("1900-12-31", "3020"), ("1901-01-01", "0")):
        assert shop.try_add("Invoice", ONE, f"<TxnDate>{day}</TxnDate>").get(CODE) == code


@both("ref_numbers", ("1", "1", "2"), ("1", "2", "3"))
def test_the_numbers_of_invoices_and_credit_memos(shop: Shop, expected: tuple[str, ...]) -> None:
    kinds = ("Invoice", "CreditMemo", "Invoice")
    forms = [shop.add(kind, line("Work", "<Amount>5.00</Amount>", kind)) for kind in kinds]
    assert tuple(form.findtext("RefNumber") for form in forms) == expected


def last_amount(ret: etree._Element) -> str:
    return ret.findall("InvoiceLineRet")[-1].findtext("Amount") or ""


@both("percent_line", "10.00", "20.00")
def test_a_percentage_of_an_other_charge(shop: Shop, expected: str) -> None:
    form = f"<SalesOrPurchase><PricePercent>10</PricePercent>{INCOME}</SalesOrPurchase>"
    shop.ask_ok(
        f"<ItemOtherChargeAddRq><ItemOtherChargeAdd><Name>Handling</Name>{form}</ItemOtherChargeAdd>"
        "</ItemOtherChargeAddRq>"
    )
    assert last_amount(shop.add("Invoice", ONE + ONE + line("Handling"))) == expected


@both("tax_rounding", "0.83", "0.82")
def test_half_a_cent_of_tax(shop: Shop, expected: str) -> None:
    # 8.25 percent of 10.00 is 0.825
    head = ref("ItemSalesTax", "County")
    ret = shop.add("Invoice", line("Nail", "<Amount>10.00</Amount>"), head)
    assert ret.findtext("SalesTaxTotal") == expected


@both("untaxed_item", "Non", "Tax")
def test_an_item_without_a_tax_code(shop: Shop, expected: str) -> None:
    form = f"<SalesOrPurchase><Price>1.00</Price>{INCOME}</SalesOrPurchase>"
    shop.ask_ok(
        f"<ItemServiceAddRq><ItemServiceAdd><Name>Odd</Name>{form}</ItemServiceAdd></ItemServiceAddRq>"
    )
    ret = shop.add("Invoice", line("Odd"))
    assert ret.findtext("InvoiceLineRet/SalesTaxCodeRef/FullName") == expected


@both("customer_price_level", "76.50", "85.00")
def test_the_price_level_of_a_customer(shop: Shop, expected: str) -> None:
    shop.ask_ok(
        "<PriceLevelAddRq><PriceLevelAdd><Name>Friends</Name><PriceLevelFixedPercentage>-10.00"
        "</PriceLevelFixedPercentage></PriceLevelAdd></PriceLevelAddRq>"
    )
    shop.office.add("Bea", ref("PriceLevel", "Friends"))
    assert last_amount(shop.add("Invoice", line("Work"), customer="Bea")) == expected


def group(shop: Shop) -> None:
    inside = f"<ItemGroupLine>{ref('Item', 'Nail')}<Quantity>2</Quantity></ItemGroupLine>"
    shop.ask_ok(f"<ItemGroupAddRq><ItemGroupAdd><Name>Set</Name>{inside}</ItemGroupAdd></ItemGroupAddRq>")


@both("group_quantity", "6", "2")
def test_the_quantity_of_a_line_group(shop: Shop, expected: str) -> None:
    group(shop)
    lines = f"<InvoiceLineGroupAdd>{ref('ItemGroup', 'Set')}<Quantity>3</Quantity></InvoiceLineGroupAdd>"
    ret = shop.add("Invoice", lines)
    assert ret.findtext("InvoiceLineGroupRet/InvoiceLineRet/Quantity") == expected


@both("group_as_item", "3280", "3140")
def test_a_group_as_the_item_of_a_line(shop: Shop, expected: str) -> None:
    group(shop)
    assert shop.try_add("Invoice", line("Set")).get(CODE) == expected


@both("negative_total", "3210", "3180")
def test_a_total_below_zero(shop: Shop, expected: str) -> None:
    assert shop.try_add("Invoice", line("Work", "<Amount>-1.00</Amount>")).get(CODE) == expected


@both("empty_form", "3180", "0")
def test_a_form_without_any_line(shop: Shop, expected: str) -> None:
    assert shop.try_add("Invoice", "").get(CODE) == expected


@both("not_clearable", "3152", "0")
def test_an_empty_element_for_what_cannot_be_cleared(shop: Shop, expected: str) -> None:
    txn_id = shop.invoice("10.00")
    assert shop.mod("Invoice", txn_id, "<CustomerRef/>").get(CODE) == expected
    assert shop.texts("Invoice", txn_id, "CustomerRef/FullName") == ("Ann",)


@both("not_clearable", "3152", "0")
def test_an_empty_amount_of_a_line(shop: Shop, expected: str) -> None:
    txn_id = shop.invoice("10.00")
    line_id = shop.ret("Invoice", txn_id).findtext("InvoiceLineRet/TxnLineID")
    changes = f"<InvoiceLineMod><TxnLineID>{line_id}</TxnLineID><Amount/></InvoiceLineMod>"
    assert shop.mod("Invoice", txn_id, changes).get(CODE) == expected
    assert shop.texts("Invoice", txn_id, "Subtotal") == ("10.00",)


@both("wrong_receivable", "3140", "3210")
def test_an_account_that_is_no_receivables_account(shop: Shop, expected: str) -> None:
    assert shop.try_add("Invoice", ONE, ref("ARAccount", "Sales")).get(CODE) == expected


# -- 6 Linking ---------------------------------------------------------------------------------------------------


def order(shop: Shop, quantity: str = "4") -> tuple[str, str]:
    """TxnID and TxnLineID."""
    lines = line("Nail", f"<Quantity>{quantity}</Quantity>", "SalesOrder")
    ret = shop.add("SalesOrder", lines)
    return ret.findtext("TxnID") or "", ret.findtext("SalesOrderLineRet/TxnLineID") or ""


def linked(order_id: str, line_id: str, quantity: str) -> str:
    link = f"<LinkToTxn><TxnID>{order_id}</TxnID><TxnLineID>{line_id}</TxnLineID></LinkToTxn>"
    return f"<InvoiceLineAdd><Quantity>{quantity}</Quantity>{link}</InvoiceLineAdd>"


@both("other_customers_order", "3210", "3140")
def test_an_order_of_another_customer(shop: Shop, expected: str) -> None:
    shop.office.add("Bea")
    rs = shop.try_add("Invoice", "", f"<LinkToTxnID>{order(shop)[0]}</LinkToTxnID>", "Bea")
    assert rs.get(CODE) == expected


@both("over_invoiced", "3210", "0")
def test_more_than_was_ordered(shop: Shop, expected: str) -> None:
    assert shop.try_add("Invoice", linked(*order(shop), "5")).get(CODE) == expected


@both("order_link_after_mod", "true", "false")
def test_an_invoice_of_an_order_whose_line_is_edited(shop: Shop, expected: str) -> None:
    order_id, line_id = order(shop)
    ret = shop.add("Invoice", linked(order_id, line_id, "4"))
    inside = f"<TxnLineID>{ret.findtext('InvoiceLineRet/TxnLineID')}</TxnLineID><Desc>Nails</Desc>"
    rs = shop.mod("Invoice", ret.findtext("TxnID") or "", f"<InvoiceLineMod>{inside}</InvoiceLineMod>")
    assert rs.get(CODE) == "0"
    assert shop.texts("SalesOrder", order_id, "IsFullyInvoiced") == (expected,)


@both("applied_amount", "-4.00", "4.00")
def test_what_is_applied_to_an_invoice(shop: Shop, expected: str) -> None:
    txn_id = shop.invoice("10.00")
    shop.pay("4.00", (txn_id, "4.00"))
    assert shop.texts("Invoice", txn_id, "AppliedAmount", "BalanceRemaining") == (expected, "6.00")


@both("order_link_amount", "-5.00", "5.00")
def test_the_amount_of_a_link_to_an_order(shop: Shop, expected: str) -> None:
    ret = shop.add("Invoice", linked(*order(shop), "1"))
    assert shop.texts("Invoice", ret.findtext("TxnID") or "", "LinkedTxn/Amount") == (expected,)


# -- 4 Voids, closed books, times --------------------------------------------------------------------------------


@both("void_memo", "VOID: Mine", "Mine")
def test_the_memo_of_a_void_form(shop: Shop, expected: str) -> None:
    txn_id = shop.invoice("10.00", head="<Memo>Mine</Memo>")
    shop.void("Invoice", txn_id)
    assert shop.texts("Invoice", txn_id, "Memo") == (expected,)


@both("void_quantities", "0", "3")
def test_the_quantities_of_a_void_form(shop: Shop, expected: str) -> None:
    txn_id = shop.add("Invoice", line("Nail", "<Quantity>3</Quantity>")).findtext("TxnID") or ""
    shop.void("Invoice", txn_id)
    assert shop.texts("Invoice", txn_id, "InvoiceLineRet/Quantity", "Subtotal") == (expected, "0.00")


@both("edited_void", Decimal("7.00"), Decimal("0.00"))
def test_an_edit_of_a_void_form(shop: Shop, expected: Decimal) -> None:
    txn_id = shop.invoice("10.00")
    shop.void("Invoice", txn_id)
    line_id = shop.ret("Invoice", txn_id).findtext("InvoiceLineRet/TxnLineID")
    inside = f"<TxnLineID>{line_id}</TxnLineID><Amount>7.00</Amount>"
    assert shop.mod("Invoice", txn_id, f"<InvoiceLineMod>{inside}</InvoiceLineMod>").get(CODE) == "0"
    assert shop.balance() == expected


@both("closed_add", "3171", "0")
def test_something_entered_into_closed_books(shop: Shop, expected: str) -> None:
    shop.office.company.close_books(date(2026, 7, 31))
    rs = shop.try_add("Invoice", ONE, "<TxnDate>2026-07-31</TxnDate>")
    assert rs.get(CODE) == expected


@both("closed_delete", "3161", "3171")
def test_a_deletion_in_closed_books(shop: Shop, expected: str) -> None:
    txn_id = shop.invoice("10.00")
    shop.office.company.close_books(date(2026, 8, 1))
    assert shop.delete("Invoice", txn_id).get(CODE) == expected


@both("posting_times", True, False)
def test_the_time_of_an_invoice_that_is_paid(shop: Shop, expected: bool) -> None:
    txn_id = shop.invoice("10.00")
    before = shop.texts("Invoice", txn_id, "TimeModified")
    shop.office.clock.advance(hours=1)
    shop.pay("4.00", (txn_id, "4.00"))
    assert (shop.texts("Invoice", txn_id, "TimeModified") != before) == expected
    assert shop.texts("Invoice", txn_id, "BalanceRemaining") == ("6.00",)


@both("merge_times", (False, False), (True, True))
def test_an_invoice_of_a_customer_that_was_merged_away(shop: Shop, expected: tuple[bool, bool]) -> None:
    shop.office.add("Bea")
    txn_id = shop.invoice("10.00", "Bea")
    before = shop.texts("Invoice", txn_id, "TimeModified", "EditSequence")
    shop.office.clock.advance(hours=1)
    shop.office.company.merge("Bea", "Ann")
    after = shop.texts("Invoice", txn_id, "TimeModified", "EditSequence")
    assert (before[0] != after[0], before[1] != after[1]) == expected
    assert shop.texts("Invoice", txn_id, "CustomerRef/FullName") == ("Ann",)


# -- 3 Queries ---------------------------------------------------------------------------------------------------


@both("txn_order", ["10.00", "20.00"], ["20.00", "10.00"])
def test_the_order_of_transactions(shop: Shop, expected: list[str]) -> None:
    shop.invoice("10.00")
    shop.invoice("20.00", head="<TxnDate>2026-07-01</TxnDate>")
    asked = shop.office.ask("<InvoiceQueryRq/>")
    assert [one.findtext("Subtotal") for one in asked] == expected


@both("account_filter", {"Invoice"}, set())
def test_a_transaction_query_by_an_income_account(shop: Shop, expected: set[str]) -> None:
    shop.invoice("10.00")
    wanted = "<TransactionAccountFilter><FullName>Sales</FullName></TransactionAccountFilter>"
    rs = shop.office.ask(f"<TransactionQueryRq>{wanted}</TransactionQueryRq>")
    assert {one.findtext("TxnType") for one in rs} == expected


@both("credit_amounts", "10.00", "-10.00")
def test_the_amount_of_a_credit_in_a_transaction_query(shop: Shop, expected: str) -> None:
    shop.credit("10.00")
    rs = shop.office.ask(
        "<TransactionQueryRq><TransactionTypeFilter><TxnTypeFilter>CreditMemo</TxnTypeFilter>"
        "</TransactionTypeFilter></TransactionQueryRq>"
    )
    assert found(rs, "TransactionRet").findtext("Amount") == expected


# -- 6 Payments --------------------------------------------------------------------------------------------------


@both("other_customers_invoice", "3120", "3210")
def test_a_payment_for_another_customers_invoice(shop: Shop, expected: str) -> None:
    shop.office.add("Bea")
    txn_id = shop.invoice("10.00")
    assert shop.try_pay("5.00", [(txn_id, amount("5.00"))], "Bea").get(CODE) == expected


@both("unlisted_applications", ("10.00", "8.00"), ("6.00", "8.00"))
def test_what_a_mod_of_a_payment_does_not_name(shop: Shop, expected: tuple[str, str]) -> None:
    first, second = shop.invoice("10.00"), shop.invoice("10.00")
    paid = shop.pay("8.00", (first, "4.00"), (second, "4.00")).findtext("TxnID") or ""
    named = f"<AppliedToTxnMod><TxnID>{second}</TxnID><PaymentAmount>2.00</PaymentAmount></AppliedToTxnMod>"
    assert shop.mod("ReceivePayment", paid, named).get(CODE) == "0"
    shown = [shop.texts("Invoice", one, "BalanceRemaining")[0] for one in (first, second)]
    assert tuple(shown) == expected


@both("lowered_invoice", ("0", "2.00"), ("3210", "0.00"))
def test_an_invoice_that_comes_to_less_than_was_paid(shop: Shop, expected: tuple[str, str]) -> None:
    txn_id = shop.invoice("10.00")
    paid = shop.pay("10.00", (txn_id, "10.00")).findtext("TxnID") or ""
    line_id = shop.ret("Invoice", txn_id).findtext("InvoiceLineRet/TxnLineID")
    inside = f"<TxnLineID>{line_id}</TxnLineID><Amount>8.00</Amount>"
    rs = shop.mod("Invoice", txn_id, f"<InvoiceLineMod>{inside}</InvoiceLineMod>")
    assert (rs.get(CODE), *shop.texts("ReceivePayment", paid, "UnusedPayment")) == expected
