"""Discounts, freight, tax and write-ins of a sale, and whether both sides come to the same total."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from tests.sync.shop import TAXED, opportunity, product, status_of, stock_books, the_invoice
from tests.sync.world import World

CENT = Decimal("0.01")


@pytest.fixture
def shop(build: Callable[..., World]) -> World:
    world = build(documents=True, override={"settings": TAXED})
    stock_books(world)
    world.sync()
    return world


def in_crm(world: World, sale: str) -> dict[str, Any]:
    return dict(world.crm.record("opportunity", sale).values)


def told(world: World, sale: str) -> str:
    """The words at the opportunity, which was made all the same."""
    status, words = status_of(world, "opportunity", sale)
    assert status == "Success"
    return str(words or "")


def forty(world: World) -> tuple[str, Decimal, list[tuple[str, str, str]]]:
    """A customer, and forty lines of odd quantities and prices with the sum of their amounts."""
    account = world.account("Ann")
    lines = [
        (product(world, f"Part {n}", "1"), f"{n}.{n * 7 % 100:02}", f"{n + 1}.{n * 13:05}")
        for n in range(1, 41)
    ]
    total = sum(
        ((Decimal(quantity) * Decimal(price)).quantize(CENT, ROUND_HALF_UP) for _, quantity, price in lines),
        Decimal(0),
    )
    return account, total, lines


def test_forty_lines_with_discount_tax_and_freight_come_to_the_crms_total(shop: World) -> None:
    account, sum_of_lines, lines = forty(shop)
    discount, freight, rate = Decimal("123.45"), Decimal("67.89"), Decimal("8.25")
    tax = ((sum_of_lines - discount) * rate / 100).quantize(CENT, ROUND_HALF_UP)
    sale = opportunity(
        shop,
        account,
        *lines,
        QB_Discount__c=discount,
        QB_Freight__c=freight,
        QB_Tax_Item__c="County",
        QB_Tax_Amount__c=tax,
    )
    shop.quiet()
    invoice = the_invoice(shop)
    assert len(invoice["InvoiceLineRet"]) == 42
    assert Decimal(invoice["Subtotal"]) == sum_of_lines - discount + freight
    assert Decimal(invoice["SalesTaxTotal"]) == tax
    assert Decimal(invoice["BalanceRemaining"]) == sum_of_lines - discount + freight + tax
    assert told(shop, sale) == ""
    assert in_crm(shop, sale)["QB_Total__c"] == sum_of_lines - discount + freight + tax
    assert in_crm(shop, sale)["QB_Sales_Tax__c"] == tax


def test_forty_lines_whose_tax_the_crm_knows_otherwise_say_by_how_much_and_why(shop: World) -> None:
    account, sum_of_lines, lines = forty(shop)
    sale = opportunity(
        shop,
        account,
        *lines,
        QB_Freight__c=Decimal("10.00"),
        QB_Tax_Item__c="County",
        QB_Tax_Amount__c=Decimal("1.00"),
    )
    shop.quiet()
    tax = (sum_of_lines * Decimal("8.25") / 100).quantize(CENT, ROUND_HALF_UP)
    words = told(shop, sale)
    assert f"{sum_of_lines + 11} in the CRM, {sum_of_lines + 10 + tax} in QuickBooks (+{tax - 1})" in words
    assert f"Sales tax is 1.00 in the CRM, {tax} in QuickBooks." in words
    assert "Line" not in words


def test_a_cent_of_tax_is_called_rounding(shop: World) -> None:
    account, work = shop.account("Ann"), product(shop, "Work", "1")
    sale = opportunity(
        shop, account, (work, "1", "10.06"), QB_Tax_Item__c="County", QB_Tax_Amount__c=Decimal("0.82")
    )
    shop.quiet()
    assert "Sales tax is 0.82 in the CRM, 0.83 in QuickBooks, which is rounding" in told(shop, sale)


def test_tax_that_quickbooks_adds_is_named_with_its_item(shop: World) -> None:
    account, work = shop.account("Ann"), product(shop, "Work", "1")
    sale = opportunity(shop, account, (work, "1", "100"), QB_Tax_Item__c="County")
    shop.quiet()
    words = told(shop, sale)
    assert "100.00 in the CRM, 108.25 in QuickBooks (+8.25)" in words
    assert "QuickBooks added 8.25 sales tax (County)." in words
    shop.crm.user_edit("opportunity", sale, {"QB_Tax_Amount__c": Decimal("8.25")})
    shop.quiet()
    assert told(shop, sale) == ""


def test_the_tax_item_of_the_account_goes_to_its_customer_and_holds_for_its_invoices(shop: World) -> None:
    account = shop.account("Ann", QB_Tax_Item__c="County", QB_Tax_Code__c="Tax")
    work = product(shop, "Work", "1")
    sale = opportunity(shop, account, (work, "1", "100"), QB_Tax_Amount__c=Decimal("8.25"))
    shop.quiet()
    assert shop.in_books("Ann")["ItemSalesTaxRef"]["FullName"] == "County"
    assert the_invoice(shop)["SalesTaxTotal"] == "8.25"
    assert told(shop, sale) == ""


def test_a_customer_that_pays_no_tax_is_charged_none(shop: World) -> None:
    account, work = shop.account("Ann", QB_Tax_Item__c="County"), product(shop, "Work", "1")
    sale = opportunity(shop, account, (work, "1", "100"), QB_Tax_Code__c="Non")
    shop.quiet()
    assert the_invoice(shop)["SalesTaxTotal"] == "0.00"
    assert told(shop, sale) == ""


def test_a_sales_order_has_its_discount_and_freight_as_well(shop: World) -> None:
    account, work = shop.account("Ann"), product(shop, "Work", "1")
    sale = opportunity(
        shop,
        account,
        (work, "2", "50"),
        QB_Generate__c="Sales Order",
        QB_Discount__c=Decimal(5),
        QB_Freight__c=Decimal("7.50"),
    )
    shop.quiet()
    [order] = shop.company.txns("SalesOrder")
    assert [one["Amount"] for one in order["SalesOrderLineRet"]] == ["100.00", "-5.00", "7.50"]
    assert told(shop, sale) == ""


def test_a_line_without_a_product_is_written_in(shop: World) -> None:
    account = shop.account("Ann")
    sale = opportunity(shop, account, (None, "1", "42.42"))
    shop.quiet()
    [line] = the_invoice(shop)["InvoiceLineRet"]
    assert (line["ItemRef"]["FullName"], line["Amount"]) == ("Write-in", "42.42")
    assert told(shop, sale) == ""


def test_a_discount_on_a_line_is_inside_its_amount(shop: World) -> None:
    account, work = shop.account("Ann"), product(shop, "Work", "1")
    line = {
        "Product2Id": work,
        "Quantity": Decimal(3),
        "UnitPrice": Decimal("9.99"),
        "Discount": Decimal("12.5"),
    }
    line["TotalPrice"] = (Decimal(3) * Decimal("9.99") * Decimal("0.875")).quantize(CENT, ROUND_HALF_UP)
    sale = opportunity(shop, account, lines=[line], Amount=line["TotalPrice"])
    shop.quiet()
    assert the_invoice(shop)["Subtotal"] == str(line["TotalPrice"])
    assert told(shop, sale) == ""


@pytest.mark.parametrize(
    ("field", "setting"), [("QB_Freight__c", "freight_item"), ("QB_Discount__c", "discount_item")]
)
def test_a_missing_item_is_refused_with_its_setting_and_the_command(
    build: Callable[..., World], field: str, setting: str
) -> None:
    shop = build(documents=True, override={"settings": TAXED | {setting: ""}})
    stock_books(shop)
    account, work = shop.account("Ann"), product(shop, "Work", "1")
    sale = opportunity(shop, account, (work, "1", "100"), **{field: Decimal(5)})
    shop.quiet()
    status, words = status_of(shop, "opportunity", sale)
    assert status == "Error"
    assert f"qbwc-server mapping set CONNECTION settings.{setting}" in words
    assert shop.company.txns("Invoice") == []


# --- changed afterwards ---


def test_a_line_that_the_bookkeeper_changed_is_named(shop: World) -> None:
    account, work, parts = shop.account("Ann"), product(shop, "Work", "1"), product(shop, "Parts", "1")
    sale = opportunity(shop, account, (work, "1", "100"), (parts, "2", "10"))
    shop.quiet()
    shop.company.edit_amount(the_invoice(shop)["TxnID"], "25", line=1)
    shop.quiet()
    words = told(shop, sale)
    assert "120.00 in the CRM, 125.00 in QuickBooks (+5.00)" in words
    assert "Line 2 (Parts) is 20.00 in the CRM, 25.00 in QuickBooks." in words
    assert "Line 1" not in words


def test_a_line_that_the_bookkeeper_added_is_named(shop: World) -> None:
    account, work = shop.account("Ann"), product(shop, "Work", "1")
    sale = opportunity(shop, account, (work, "1", "100"), QB_Discount__c=Decimal(10))
    shop.quiet()
    invoice = the_invoice(shop)
    kept = [{"TxnLineID": one["TxnLineID"]} for one in invoice["InvoiceLineRet"]]
    added = {"TxnLineID": "-1", "ItemRef": {"FullName": "Freight"}, "Amount": Decimal("7.00")}
    shop.company.user_edit(invoice["TxnID"], {"InvoiceLineMod": [added, *kept]}, "Invoice")
    shop.quiet()
    words = told(shop, sale)
    assert "90.00 in the CRM, 97.00 in QuickBooks (+7.00)" in words
    assert "Freight of 7.00 is in QuickBooks only." in words


def test_a_line_that_was_edited_in_the_crm_is_named(shop: World) -> None:
    account, work = shop.account("Ann"), product(shop, "Work", "1")
    sale = opportunity(shop, account, (work, "1", "100"))
    shop.quiet()
    [line] = in_crm(shop, sale)["lines"]
    changed = dict(line) | {"Quantity": Decimal(3), "TotalPrice": Decimal(300)}
    shop.crm.user_edit("opportunity", sale, {"lines": [changed], "Amount": Decimal(300)})
    shop.quiet()
    words = told(shop, sale)
    assert "300.00 in the CRM, 100.00 in QuickBooks (-200.00)" in words
    assert "Line 1 (Work) is 300.00 in the CRM, 100.00 in QuickBooks." in words


def test_an_amount_that_its_own_lines_do_not_make_is_named(shop: World) -> None:
    account, work = shop.account("Ann"), product(shop, "Work", "1")
    sale = opportunity(shop, account, (work, "1", "100"), Amount=Decimal("100.01"))
    shop.quiet()
    assert "Amount is 100.01 in the CRM, and its lines come to 100.00." in told(shop, sale)


# --- line ids ---


def without_an_answer(shop: World, *lines: tuple[str, str, str]) -> tuple[str, list[str]]:
    """A sale over items that are known, whose invoice was made and whose answer nobody has; and its line ids."""
    account = shop.account("Ann", promoted=True)
    products = {name: product(shop, name, "1", QB_Link_Status__c="To be Linked") for name, _, _ in lines}
    shop.quiet()
    sale = opportunity(shop, account, *[(products[name], quantity, price) for name, quantity, price in lines])
    shop.company.faults.arm("unstorable_answer")
    shop.company.faults.arm("lose_answer", holding="InvoiceAddRq")
    shop.poll()
    shop.visit()
    return sale, [one["TxnLineID"] for one in the_invoice(shop)["InvoiceLineRet"]]


def put_in_front(shop: World, item: str, amount: str) -> None:
    invoice = the_invoice(shop)
    kept = [{"TxnLineID": one["TxnLineID"]} for one in invoice["InvoiceLineRet"]]
    added = {"TxnLineID": "-1", "ItemRef": {"FullName": item}, "Amount": Decimal(amount)}
    shop.company.user_edit(invoice["TxnID"], {"InvoiceLineMod": [added, *kept]}, "Invoice")


def test_a_line_that_a_bookkeeper_put_in_front_shifts_no_ids(shop: World) -> None:
    sale, ids = without_an_answer(shop, ("Work", "1", "100"), ("Parts", "2", "10"))
    put_in_front(shop, "Freight", "7")
    shop.quiet()
    assert [one["QB_TxnLineID__c"] for one in in_crm(shop, sale)["lines"]] == ids
    assert "Freight of 7.00 is in QuickBooks only." in told(shop, sale)


def test_a_line_that_cannot_be_told_from_another_gets_no_id(shop: World) -> None:
    sale, [_, second] = without_an_answer(shop, ("Work", "1", "100"), ("Parts", "2", "10"))
    put_in_front(shop, "Work", "100")
    shop.quiet()
    assert [one.get("QB_TxnLineID__c") for one in in_crm(shop, sale)["lines"]] == [None, second]
    words = told(shop, sale)
    assert "120.00 in the CRM, 220.00 in QuickBooks (+100.00)" in words
    assert "Line" not in words


def test_a_line_that_was_changed_in_quickbooks_meanwhile_gets_no_id(shop: World) -> None:
    sale, [first, _] = without_an_answer(shop, ("Work", "1", "100"), ("Parts", "2", "10"))
    shop.company.edit_amount(the_invoice(shop)["TxnID"], "30", line=1)
    shop.quiet()
    assert [one.get("QB_TxnLineID__c") for one in in_crm(shop, sale)["lines"]] == [first, None]
    words = told(shop, sale)
    assert "Line 2 of 20.00 is not known to be in QuickBooks." in words
    assert "Parts of 30.00 is in QuickBooks only." in words


def test_lines_that_were_edited_in_the_crm_while_the_invoice_was_out_keep_their_ids(shop: World) -> None:
    account, work = (
        shop.account("Ann", promoted=True),
        product(shop, "Work", "1", QB_Link_Status__c="To be Linked"),
    )
    shop.quiet()
    sale = opportunity(shop, account, (work, "1", "10"))
    shop.poll()

    def edit(document: str) -> None:
        if "InvoiceAddRq" in document:
            [line] = in_crm(shop, sale)["lines"]
            more = dict(line) | {"Quantity": Decimal(3), "TotalPrice": Decimal(30)}
            shop.crm.user_edit("opportunity", sale, {"lines": [more], "Amount": Decimal(30)})

    shop.on_document = edit
    shop.visit()
    shop.quiet()
    [line] = the_invoice(shop)["InvoiceLineRet"]
    assert [one["QB_TxnLineID__c"] for one in in_crm(shop, sale)["lines"]] == [line["TxnLineID"]]
    assert "Line 1 (Work) is 30.00 in the CRM, 10.00 in QuickBooks." in told(shop, sale)
