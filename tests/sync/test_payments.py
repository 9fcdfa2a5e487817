"""Every way in which money meets an invoice, and what becomes of invoices: as the CRM shows it after one round."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.sync.shop import TAXED, mirrors, opportunity, product, status_of, stock_books
from tests.sync.world import World

ANN = "Ann's Bakery"


@pytest.fixture
def shop(build: Callable[..., World]) -> World:
    """Ann bought three times: 100, 200 and 300."""
    world = build(documents=True, override={"settings": TAXED | {"tax_code": "", "discount_tax_code": ""}})
    stock_books(world)
    account, work = world.account(ANN, promoted=True), product(world, "Work", "1")
    for amount in ("100", "200", "300"):
        opportunity(world, account, (work, "1", amount), Name=amount)
    world.sync()
    world.quiet()
    return world


def invoices(world: World) -> list[str]:
    """The TxnIDs of the three invoices, by amount."""
    found = {one["Memo"]: one["TxnID"] for one in world.company.txns("Invoice")}
    return [found[amount] for amount in ("100", "200", "300")]


def shown(world: World, txn_id: str) -> tuple[Decimal, Decimal, str]:
    """Paid amount, balance and status of an invoice in the CRM."""
    [one] = [one for one in mirrors(world) if one["QB_TxnID__c"] == txn_id]
    return one["QB_Paid__c"], one["QB_Balance__c"], one["QB_Status__c"]


def balance(world: World) -> Decimal:
    found: Decimal = world.in_crm(world.account_named(ANN))["QB_Balance__c"]
    return found


def payment(world: World) -> dict[str, Any]:
    [one] = world.crm.rows("payment")
    return dict(one.values)


def mirror_id(world: World, txn_id: str) -> str:
    [one] = [row.id for row in world.crm.rows("invoice") if row.values["QB_TxnID__c"] == txn_id]
    return one


def agree(world: World) -> None:
    """What the CRM shows is what QuickBooks' own double entry says, invoice by invoice and for the customer."""
    for one in world.company.txns("Invoice"):
        paid, rest, _ = shown(world, one["TxnID"])
        assert (paid, rest) == (-Decimal(one["AppliedAmount"]), Decimal(one["BalanceRemaining"]))
    assert balance(world) == Decimal(world.in_books(ANN)["Balance"])


def test_one_payment_over_three_invoices_arrives_at_each(shop: World) -> None:
    first, second, third = invoices(shop)
    shop.company.take_payment(customer=ANN, amount="450", invoice=[first, second, third], ref_number="77")
    shop.sync()
    assert shown(shop, first) == (100, 0, "Paid")
    assert shown(shop, second) == (200, 0, "Paid")
    assert shown(shop, third) == (150, 150, "Partially Paid")
    agree(shop)
    made = payment(shop)
    assert (made["QB_Amount__c"], made["QB_Unapplied__c"], made["QB_Status__c"]) == (450, 0, "Applied")
    assert made["QB_Account__c"] == shop.account_named(ANN)
    assert made["QB_Ref_Number__c"] == "77"
    assert made.get("QB_Invoice__c") is None
    assert [one.rpartition(": ")[2] for one in made["QB_Applications__c"].split("\n")] == [
        "100.00",
        "200.00",
        "150.00",
    ]
    [paid_by] = [one["QB_Payments__c"] for one in mirrors(shop) if one["QB_TxnID__c"] == third]
    assert paid_by.endswith("Payment 77: 150.00")


def test_a_payment_of_one_invoice_is_related_to_it(shop: World) -> None:
    _, second, _ = invoices(shop)
    shop.company.take_payment(customer=ANN, amount="50", invoice=second, method="Check")
    shop.sync()
    made = payment(shop)
    assert made["QB_Invoice__c"] == mirror_id(shop, second)
    assert made["QB_Method__c"] == "Check"
    agree(shop)


def test_money_that_is_applied_to_nothing_is_shown_as_such(shop: World) -> None:
    shop.company.take_payment(customer=ANN, amount="50")
    shop.sync()
    made = payment(shop)
    assert (made["QB_Amount__c"], made["QB_Unapplied__c"], made["QB_Status__c"]) == (50, 50, "Unapplied")
    assert balance(shop) == 550
    agree(shop)


def test_a_payment_with_a_discount_pays_the_invoice(shop: World) -> None:
    first, *_ = invoices(shop)
    applied = {"TxnID": first, "PaymentAmount": Decimal(98), "DiscountAmount": Decimal(2)}
    applied["DiscountAccountRef"] = {"FullName": "Sales"}
    shop.company.user_add(
        {"CustomerRef": {"FullName": ANN}, "TotalAmount": Decimal(98), "AppliedToTxnAdd": [applied]},
        "ReceivePayment",
    )
    shop.sync()
    assert shown(shop, first) == (100, 0, "Paid")
    assert payment(shop)["QB_Applications__c"].endswith(": 98.00, discount 2.00")
    agree(shop)


def test_a_credit_that_is_applied_lowers_the_balance_and_is_named(shop: World) -> None:
    first, *_ = invoices(shop)
    line = {"ItemRef": {"FullName": "Work"}, "Amount": Decimal(30)}
    credit = shop.company.user_add(
        {"CustomerRef": {"FullName": ANN}, "RefNumber": "C9", "CreditMemoLineAdd": [line]}, "CreditMemo"
    )
    used = {"CreditTxnID": credit, "AppliedAmount": Decimal(30)}
    shop.company.user_add(
        {"CustomerRef": {"FullName": ANN}, "AppliedToTxnAdd": [{"TxnID": first, "SetCredit": [used]}]},
        "ReceivePayment",
    )
    shop.sync()
    assert shown(shop, first) == (30, 70, "Partially Paid")
    [named] = [one["QB_Payments__c"] for one in mirrors(shop) if one["QB_TxnID__c"] == first]
    assert named.endswith("Credit Memo C9: 30.00")
    agree(shop)


def test_a_credit_that_is_deleted_opens_its_invoice_again(shop: World) -> None:
    first, *_ = invoices(shop)
    line = {"ItemRef": {"FullName": "Work"}, "Amount": Decimal(30)}
    credit = shop.company.user_add(
        {"CustomerRef": {"FullName": ANN}, "CreditMemoLineAdd": [line]}, "CreditMemo"
    )
    used = {"CreditTxnID": credit, "AppliedAmount": Decimal(30)}
    applied = [{"TxnID": first, "SetCredit": [used]}]
    shop.company.user_add({"CustomerRef": {"FullName": ANN}, "AppliedToTxnAdd": applied}, "ReceivePayment")
    shop.sync()
    shop.clock.advance(minutes=5)
    shop.company.user_delete(credit, "CreditMemo")
    shop.sync()
    assert shown(shop, first) == (0, 100, "Open")
    agree(shop)


def test_an_invoice_that_is_moved_to_another_customer_goes_to_its_account(shop: World) -> None:
    bob = shop.account("Bob", promoted=True)
    shop.quiet()
    first, *_ = invoices(shop)
    shop.clock.advance(minutes=5)
    shop.company.user_edit(first, {"CustomerRef": {"FullName": "Bob"}}, "Invoice")
    shop.sync()
    [moved] = [one for one in mirrors(shop) if one["QB_TxnID__c"] == first]
    assert moved["QB_Account__c"] == bob
    assert shop.in_crm(bob)["QB_Balance__c"] == 100
    assert balance(shop) == 500
    agree(shop)


def test_a_payment_that_is_moved_to_another_invoice_opens_the_first_again(shop: World) -> None:
    first, second, _ = invoices(shop)
    paid = shop.company.take_payment(customer=ANN, amount="100", invoice=first)
    shop.sync()
    assert shown(shop, first) == (100, 0, "Paid")
    shop.clock.advance(minutes=5)
    moved = {"AppliedToTxnMod": [{"TxnID": second, "PaymentAmount": Decimal(100)}]}
    shop.company.user_edit(paid, moved, "ReceivePayment")
    shop.sync()
    assert shown(shop, first) == (0, 100, "Open")
    assert shown(shop, second) == (100, 100, "Partially Paid")
    assert payment(shop)["QB_Invoice__c"] == mirror_id(shop, second)
    agree(shop)


def test_a_payment_that_came_to_less_after_all_leaves_the_rest_open(shop: World) -> None:
    _, second, _ = invoices(shop)
    paid = shop.company.take_payment(customer=ANN, amount="200", invoice=second)
    shop.sync()
    less = {
        "TotalAmount": Decimal(120),
        "AppliedToTxnMod": [{"TxnID": second, "PaymentAmount": Decimal(120)}],
    }
    shop.company.user_edit(paid, less, "ReceivePayment")
    shop.sync()
    assert shown(shop, second) == (120, 80, "Partially Paid")
    assert payment(shop)["QB_Amount__c"] == 120
    agree(shop)


def test_a_payment_that_is_deleted_opens_every_invoice_again(shop: World) -> None:
    first, second, _ = invoices(shop)
    paid = shop.company.take_payment(customer=ANN, amount="250", invoice=[first, second])
    shop.sync()
    shop.clock.advance(minutes=5)
    shop.company.user_delete(paid, "ReceivePayment")
    shop.sync()
    assert shown(shop, first) == (0, 100, "Open")
    assert shown(shop, second) == (0, 200, "Open")
    assert all(not one.get("QB_Payments__c") for one in mirrors(shop))
    gone = payment(shop)
    assert (gone["QB_Amount__c"], gone["QB_Unapplied__c"], gone["QB_Status__c"]) == (0, 0, "Deleted")
    agree(shop)
    shop.quiet()


# --- invoices that end ---


def sale_of(world: World, txn_id: str) -> str:
    [found] = [row.id for row in world.crm.rows("opportunity") if row.values["QB_TxnID__c"] == txn_id]
    return found


@pytest.mark.parametrize(("act", "word"), [("user_void", "Voided"), ("user_delete", "Deleted")])
def test_an_invoice_that_ended_in_quickbooks_owes_nothing_in_the_crm(
    shop: World, act: str, word: str
) -> None:
    first, *_ = invoices(shop)
    sale = sale_of(shop, first)
    shop.clock.advance(minutes=5)
    getattr(shop.company, act)(first, "Invoice")
    shop.sync()
    assert shown(shop, first) == (0, 0, word)
    status, words = status_of(shop, "opportunity", sale)
    assert status == "Error"
    assert f"Its invoice was {word.lower()} in QuickBooks." in words
    assert balance(shop) == 500
    shop.quiet()


def test_a_paid_invoice_that_is_deleted_leaves_its_payment_unapplied(shop: World) -> None:
    first, *_ = invoices(shop)
    shop.company.take_payment(customer=ANN, amount="100", invoice=first)
    shop.sync()
    shop.clock.advance(minutes=5)
    shop.company.user_delete(first, "Invoice")
    shop.sync()
    assert shown(shop, first) == (0, 0, "Deleted")
    shop.quiet()
    made = payment(shop)
    assert (made["QB_Unapplied__c"], made["QB_Status__c"], made["QB_Invoice__c"]) == (100, "Unapplied", None)


def test_a_sales_order_that_is_deleted_is_told_at_its_opportunity(shop: World) -> None:
    account = shop.account_named(ANN)
    [work] = [row.id for row in shop.crm.rows("product") if row.values["Name"] == "Work"]
    sale = opportunity(shop, account, (work, "1", "40"), QB_Generate__c="Sales Order")
    shop.quiet()
    [order] = shop.company.txns("SalesOrder")
    shop.clock.advance(minutes=5)
    shop.company.user_delete(order["TxnID"], "SalesOrder")
    shop.sync()
    status, words = status_of(shop, "opportunity", sale)
    assert status == "Error"
    assert "Its sales order was deleted in QuickBooks." in words


def test_the_balance_of_a_customer_is_right_after_the_very_visit_that_made_its_invoice(shop: World) -> None:
    account = shop.account_named(ANN)
    [work] = [row.id for row in shop.crm.rows("product") if row.values["Name"] == "Work"]
    opportunity(shop, account, (work, "1", "40"))
    shop.poll()
    shop.visit()
    shop.deliver()
    assert balance(shop) == 640
    agree(shop)
