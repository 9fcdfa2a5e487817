"""Products, opportunities, invoices and payments: from the CRM to QuickBooks and back, to the cent."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from qbwc_server.store import parties
from qbwc_server.store.job_states import JobEvent
from tests.sync.shop import (
    SETTINGS,
    mirrors,
    opportunity,
    product,
    sold,
    states,
    status_of,
    the_invoice,
)
from tests.sync.world import World


@pytest.fixture
def shop(build: Callable[..., World]) -> World:
    return build(documents=True, override={"settings": SETTINGS})


def test_an_opportunity_becomes_an_invoice_and_what_it_needs_comes_first(shop: World) -> None:
    account = shop.account("Bath & Kitchen Ltd")
    plan, fit = product(shop, "Planning", "80.00"), product(shop, "Fitting", "45.50")
    sale = opportunity(shop, account, (plan, "2", "80.00"), (fit, "3.5", "45.50"))
    shop.sync()
    shop.quiet()
    invoice = the_invoice(shop)
    assert invoice["CustomerRef"]["FullName"] == "Bath & Kitchen Ltd"
    lines = invoice["InvoiceLineRet"]
    assert [(one["ItemRef"]["FullName"], one["Amount"]) for one in lines] == [
        ("Planning", "160.00"),
        ("Fitting", "159.25"),
    ]
    assert invoice["Subtotal"] == "319.25"
    values = shop.crm.record("opportunity", sale).values
    assert values["QB_TxnID__c"] == invoice["TxnID"]
    assert values["QB_RefNumber__c"] == invoice["RefNumber"]
    assert [one["QB_TxnLineID__c"] for one in values["lines"]] == [one["TxnLineID"] for one in lines]
    assert status_of(shop, "opportunity", sale) == ("Success", None)
    assert status_of(shop, "product", plan) == ("Success", None)
    assert shop.status(account) == ("Success", None)


def test_all_of_it_goes_with_one_update(shop: World) -> None:
    shop.sync()
    account, work = shop.account("Ann"), product(shop, "Work", "10")
    opportunity(shop, account, (work, "1", "10"))
    shop.poll()
    shop.visit()
    assert the_invoice(shop)["Subtotal"] == "10.00"


def test_the_crm_gets_an_invoice_of_its_own_that_follows_the_payments(shop: World) -> None:
    account, _, sale = sold(shop)
    invoice = the_invoice(shop)
    [mirror] = mirrors(shop)
    assert (mirror["QB_Account__c"], mirror["QB_Opportunity__c"]) == (account, sale)
    assert mirror["QB_Doc_Number__c"] == invoice["RefNumber"]
    assert (mirror["QB_Total__c"], mirror["QB_Paid__c"], mirror["QB_Balance__c"]) == (100, 0, 100)
    assert shop.in_crm(account)["QB_Balance__c"] == 100
    before = mirror["QB_Status__c"]

    shop.company.take_payment(customer="Ann's Bakery", amount="40", invoice=invoice["TxnID"])
    shop.quiet()
    [mirror] = mirrors(shop)
    assert (mirror["QB_Total__c"], mirror["QB_Paid__c"], mirror["QB_Balance__c"]) == (100, 40, 60)
    partly = mirror["QB_Status__c"]

    shop.company.take_payment(customer="Ann's Bakery", amount="60", invoice=invoice["TxnID"])
    shop.quiet()
    [mirror] = mirrors(shop)
    assert (mirror["QB_Paid__c"], mirror["QB_Balance__c"]) == (100, 0)
    assert len({before, partly, mirror["QB_Status__c"]}) == 3
    assert shop.in_crm(account)["QB_Balance__c"] == 0
    assert len(shop.company.txns("Invoice")) == 1


def test_a_second_look_writes_nothing(shop: World) -> None:
    sold(shop)
    before = shop.movement(), shop.company.counts()["InvoiceAdd"]
    shop.sync(2)
    assert (shop.movement(), shop.company.counts()["InvoiceAdd"]) == before


def test_a_later_edit_in_the_crm_is_told_and_not_sent(shop: World) -> None:
    _, _, sale = sold(shop)
    shop.crm.user_edit("opportunity", sale, {"Name": "Bathroom"})
    shop.quiet()
    assert the_invoice(shop)["Memo"] == "Kitchen"
    assert [one["outcome"] for one in shop.decisions(sale)[0]["fields"]] == ["held"]
    assert status_of(shop, "opportunity", sale) == ("Success", None)
    assert "InvoiceMod" not in shop.company.counts()


def test_a_sale_that_was_invoiced_is_not_ordered_as_well(shop: World) -> None:
    _, _, sale = sold(shop)
    shop.crm.user_edit("opportunity", sale, {"QB_Generate__c": "Sales Order"})
    shop.quiet()
    assert shop.company.txns("SalesOrder") == []
    assert "made once" in shop.decisions(sale)[0]["reason"]
    status, told = status_of(shop, "opportunity", sale)
    assert (status, "one document" in told) == ("Success", True)
    assert shop.crm.record("opportunity", sale).values["QB_TxnID__c"] == the_invoice(shop)["TxnID"]


def test_an_invoice_that_was_unlinked_is_not_made_again_by_itself(shop: World) -> None:
    _, _, sale = sold(shop)
    [link] = [one for one in shop.links() if one.role == "invoice"]
    shop.unlink(link)
    shop.crm.user_edit("opportunity", sale, {"Name": "Bathroom"})
    shop.quiet()
    assert len(shop.company.txns("Invoice")) == 1


def test_an_invoice_that_was_deleted_is_made_again_only_by_a_person(shop: World) -> None:
    _, _, sale = sold(shop)
    shop.company.user_delete(the_invoice(shop)["TxnID"], "Invoice")
    shop.quiet()
    status, error = status_of(shop, "opportunity", sale)
    assert status == "Error"
    assert "deleted in QuickBooks" in error
    shop.crm.user_edit("opportunity", sale, {"Name": "Bathroom"})
    shop.quiet()
    assert shop.company.txns("Invoice") == []
    assert len(mirrors(shop)) == 1


# --- what must be there first ---


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"AccountId": None}, "no account"),
        ({"Pricebook2.IsStandard": False}, "standard price book"),
        ({"lines": []}, "no products"),
    ],
)
def test_what_an_opportunity_lacks_is_said_and_corrected(
    shop: World, values: dict[str, Any], words: str
) -> None:
    account, work = shop.account("Ann"), product(shop, "Work", "10")
    sale = opportunity(shop, account, (work, "1", "10"), **values)
    shop.quiet()
    status, error = status_of(shop, "opportunity", sale)
    assert status == "Error"
    assert words in error
    assert shop.company.txns("Invoice") == []
    right = {"AccountId": account, "Pricebook2.IsStandard": True}
    line = {"Product2Id": work, "Quantity": Decimal(1), "UnitPrice": Decimal(10), "TotalPrice": Decimal(10)}
    shop.crm.user_edit("opportunity", sale, right | {"lines": [line]})
    shop.quiet()
    assert the_invoice(shop)["Subtotal"] == "10.00"
    assert status_of(shop, "opportunity", sale) == ("Success", None)


def test_nothing_is_made_of_an_opportunity_that_nobody_chose(shop: World) -> None:
    account, work = shop.account("Ann"), product(shop, "Work", "10")
    opportunity(shop, account, (work, "1", "10"), QB_Generate__c=None)
    shop.quiet()
    assert shop.books_writes() == 0
    assert shop.jobs() == []


def test_a_product_without_a_type_blocks_its_invoice_until_it_has_one(shop: World) -> None:
    account, odd = shop.account("Ann"), product(shop, "Odd", "10", QB_Item_Type__c=None)
    sale = opportunity(shop, account, (odd, "1", "10"))
    shop.quiet()
    assert ("Invoice", "blocked") in states(shop)
    assert "Item_Type" in status_of(shop, "opportunity", sale)[1]
    shop.crm.user_edit("product", odd, {"QB_Item_Type__c": "Non-inventory Part"})
    shop.quiet()
    assert [one["Name"] for one in shop.company.elements("ItemNonInventory")] == ["Odd"]
    assert the_invoice(shop)["Subtotal"] == "10.00"
    assert status_of(shop, "opportunity", sale) == ("Success", None)


def test_a_refused_customer_blocks_its_invoice_and_releases_it_when_corrected(shop: World) -> None:
    account, work = shop.account("Ann", Phone="5" * 40), product(shop, "Work", "10")
    sale = opportunity(shop, account, (work, "1", "10"))
    shop.quiet()
    assert states(shop, "Customer", "Invoice") == [("Customer", "refused"), ("Invoice", "blocked")]
    status, error = status_of(shop, "opportunity", sale)
    assert status == "Error"
    assert "customer Ann" in error
    assert "Phone" in error
    shop.edit_account(account, Phone="555-0100")
    shop.quiet()
    assert the_invoice(shop)["CustomerRef"]["FullName"] == "Ann"
    assert status_of(shop, "opportunity", sale) == ("Success", None)


def test_an_item_that_is_in_quickbooks_already_is_used_and_not_made_again(shop: World) -> None:
    account, work = shop.account("Ann"), product(shop, "Work", "10")
    shop.sync()
    shop.company.user_add(
        {"Name": "Work", "SalesOrPurchase": {"Price": Decimal(10), "AccountRef": {"FullName": "Sales"}}},
        "ItemService",
    )
    opportunity(shop, account, (work, "1", "10"))
    shop.quiet()
    assert "ItemServiceAdd" not in shop.company.counts()
    assert the_invoice(shop)["InvoiceLineRet"][0]["ItemRef"]["FullName"] == "Work"


def test_a_missing_setting_is_named_and_the_rest_goes_on(build: Callable[..., World]) -> None:
    world = build(documents=True)
    account, work = world.account("Ann", promoted=True), product(world, "Work", "10")
    sale = opportunity(world, account, (work, "1", "10"))
    world.quiet()
    assert world.status(account) == ("Success", None)
    assert "income_account" in status_of(world, "product", work)[1]
    assert "income_account" in status_of(world, "opportunity", sale)[1]


# --- totals ---


def test_a_total_that_comes_out_differently_is_told_with_both_numbers(shop: World) -> None:
    _, _, sale = sold(shop, Amount=Decimal("100.01"))
    status, error = status_of(shop, "opportunity", sale)
    assert status == "Success"
    assert "100.01" in error
    assert "100.00" in error


def test_the_words_about_a_total_follow_both_sides(shop: World) -> None:
    _, _, sale = sold(shop)
    assert status_of(shop, "opportunity", sale) == ("Success", None)
    shop.crm.user_edit("opportunity", sale, {"Amount": Decimal("500.00")})
    shop.quiet()
    assert "500.00" in status_of(shop, "opportunity", sale)[1]
    shop.crm.user_edit("opportunity", sale, {"Amount": Decimal("100.00")})
    shop.quiet()
    assert status_of(shop, "opportunity", sale) == ("Success", None)
    shop.company.edit_amount(the_invoice(shop)["TxnID"], "105")
    shop.quiet()
    assert "105.00" in status_of(shop, "opportunity", sale)[1]


def test_forty_lines_with_odd_quantities_make_the_same_total_to_the_cent(shop: World) -> None:
    account = shop.account("Ann")
    lines = [(product(shop, f"Part {n}", "1"), f"{n}.{n:05}", f"{n + 1}.{n:02}") for n in range(1, 41)]
    sale = opportunity(shop, account, *lines)
    shop.quiet()
    total = shop.crm.record("opportunity", sale).values["Amount"]
    assert Decimal(the_invoice(shop)["Subtotal"]) == total
    assert status_of(shop, "opportunity", sale) == ("Success", None)


# --- jobs and items from QuickBooks ---


def test_the_parent_of_an_account_comes_first_and_becomes_the_customer_of_its_job(shop: World) -> None:
    whole = shop.account("Whole")
    shop.account("Part", promoted=True, ParentId=whole)
    shop.quiet()
    assert shop.names_in_books() == ["Whole", "Whole:Part"]


def test_jobs_of_quickbooks_become_accounts_below_their_customers(shop: World) -> None:
    for name in ("Ann", "Bob"):
        customer = shop.customer(name)
        shop.customer("Kitchen", ParentRef={"ListID": customer})
    shop.quiet()
    by_id = {row.id: row.values for row in shop.crm.rows("account")}
    jobs = sorted(
        (one["Name"], by_id[one["ParentId"]]["Name"]) for one in by_id.values() if one.get("ParentId")
    )
    assert jobs == [("Kitchen", "Ann"), ("Kitchen", "Bob")]
    assert len(by_id) == 4
    assert shop.books_writes() == 0


def test_a_circle_of_parents_is_told_and_not_waited_for_for_ever(shop: World) -> None:
    one, two = shop.account("One"), shop.account("Two")
    shop.edit_account(one, ParentId=two)
    shop.edit_account(two, ParentId=one)
    shop.promote(one)
    shop.quiet()
    assert shop.names_in_books() == []
    assert shop.status(one)[0] == "Error"


def test_an_item_of_quickbooks_becomes_a_product_of_its_type(shop: World) -> None:
    shop.sync()
    shop.company.user_add(
        {
            "Name": "Bolt",
            "SalesOrPurchase": {
                "Desc": "A bolt",
                "Price": Decimal("0.12345"),
                "AccountRef": {"FullName": "Sales"},
            },
        },
        "ItemNonInventory",
    )
    shop.quiet()
    [row] = shop.crm.rows("product")
    assert (row.values["Name"], row.values["QB_Item_Type__c"]) == ("Bolt", "Non-inventory Part")
    assert row.values["StandardPrice"] == Decimal("0.12345")
    shop.crm.user_edit("product", row.id, {"StandardPrice": Decimal("0.2")})
    shop.quiet()
    assert Decimal(shop.company.element("ItemNonInventory", "Bolt")["SalesOrPurchase"]["Price"]) == Decimal(
        "0.2"
    )


def test_an_opportunity_may_become_a_sales_order(shop: World) -> None:
    account, work = shop.account("Ann"), product(shop, "Work", "10")
    sale = opportunity(shop, account, (work, "2", "10"), QB_Generate__c="Sales Order")
    shop.quiet()
    [order] = shop.company.txns("SalesOrder")
    assert order["Subtotal"] == "20.00"
    assert shop.company.txns("Invoice") == []
    assert shop.crm.record("opportunity", sale).values["QB_TxnID__c"] == order["TxnID"]


# --- what people do to the mapping, and what QuickBooks numbers alike ---


def test_an_item_with_the_list_id_of_an_unlinked_customer_is_no_former_partner(shop: World) -> None:
    """A ListID is unique within one kind of list only: the first customer and the first item may share it."""
    account = shop.account("Ann", promoted=True)
    shop.quiet()
    link = shop.link_of(account)
    assert link is not None
    shop.unlink(link)
    work = product(shop, "Work", "10", QB_Link_Status__c="To be Linked")
    shop.quiet()
    assert status_of(shop, "product", work) == ("Success", None)


def test_a_kind_that_is_switched_off_leaves_the_others_their_way(shop: World) -> None:
    account, work = shop.account("Ann", Phone="5" * 40), product(shop, "Work", "10")
    opportunity(shop, account, (work, "1", "10"))
    shop.quiet()
    off = {"kinds": {"invoice": {"mode": "off"}, "sales_order": {"mode": "off"}}, "settings": SETTINGS}
    with shop.database.write() as tx:
        parties.change_connection(tx, "con", override=off)
    shop.edit_account(account, Phone="555-0100")
    shop.quiet()
    assert shop.status(account) == ("Success", None)
    assert shop.company.txns("Invoice") == []


def test_a_new_parent_in_the_crm_does_not_move_a_customer_of_quickbooks(shop: World) -> None:
    account = shop.account("Branch", promoted=True)
    shop.quiet()
    shop.edit_account(account, ParentId=shop.account("Holding"))
    shop.quiet()
    assert shop.names_in_books() == ["Branch"]


def test_what_waits_for_a_record_that_is_deleted_is_told(shop: World) -> None:
    account, work = shop.account("Ann", Phone="5" * 40), product(shop, "Work", "10")
    sale = opportunity(shop, account, (work, "1", "10"))
    shop.quiet()
    shop.delete_account(account)
    shop.quiet()
    assert status_of(shop, "opportunity", sale)[0] == "Error"
    assert [state for kind, state in states(shop) if kind == "Invoice"] == ["blocked"]


def test_a_customer_made_by_another_way_releases_the_invoice_that_waited(shop: World) -> None:
    account, work = shop.account("Ann", Phone="5" * 40), product(shop, "Work", "10")
    opportunity(shop, account, (work, "1", "10"))
    shop.quiet()
    [job] = [one for one in shop.jobs("refused") if one.kind == "Customer"]
    shop.move_job(job, JobEvent.CANCEL)
    shop.edit_account(account, Phone="555-0100", QB_Link_Status__c="To be Linked")
    shop.quiet()
    assert the_invoice(shop)["CustomerRef"]["FullName"] == "Ann"


def test_an_item_below_another_is_offered_to_a_person_and_not_made_twice(shop: World) -> None:
    shop.sync()
    account_ref = {"AccountRef": {"FullName": "Sales"}}
    parts = shop.company.user_add({"Name": "Parts", "SalesOrPurchase": account_ref}, "ItemService")
    shop.company.user_add(
        {"Name": "Bolt", "ParentRef": {"ListID": parts}, "SalesOrPurchase": account_ref}, "ItemService"
    )
    shop.visit()
    account, bolt = shop.account("Ann"), product(shop, "Bolt", "10")
    sale = opportunity(shop, account, (bolt, "1", "10"))
    shop.quiet()
    assert "ItemServiceAdd" not in shop.company.counts()
    assert "Bolt" in status_of(shop, "opportunity", sale)[1]
    assert shop.company.txns("Invoice") == []
