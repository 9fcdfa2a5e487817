"""Salesforce and QuickBooks Desktop, row by row of the requirements S2, as their users would see each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.request import urlopen

import pytest

from qbwc_server.simulator import Options
from qbwc_server.store import parties
from tests.flows.house import COMPANY, Hours, House
from tests.sync.shop import SETTINGS, mirrors, opportunity, product, status_of, the_invoice
from tests.sync.world import World

Build = Callable[..., World]


def orders(world: World) -> list[dict[str, Any]]:
    return world.company.txns("SalesOrder")


def invoices(world: World) -> list[dict[str, Any]]:
    return world.company.txns("Invoice")


def person(world: World, account: str | None, name: str, **values: Any) -> str:
    world.clock.advance(seconds=1)
    first, _, last = name.rpartition(" ")
    own = {"FirstName": first, "LastName": last, "Name": name, "AccountId": account}
    return world.crm.user_create("contact", own | values)


def contacts_in_books(world: World, customer: str) -> list[str]:
    found = world.in_books(customer).get("ContactsRet", [])
    return sorted(f"{one['FirstName']} {one['LastName']}" for one in found)


# --- S2.1 ---


def test_s2_01_accounts_contacts_products_and_opportunities_become_customers_items_orders_and_invoices(
    house: House,
) -> None:
    account = house.account("Blue Heron", Phone="555-0100", QB_Link_Status__c="To be Linked")
    contact = house.salesforce.create(
        "Contact",
        {"FirstName": "Bob", "LastName": "Bread", "Email": "bob@heron.example", "AccountId": account},
    )
    entry = house.product("Inspection", 80)
    billed = house.sale("Spring", account, entry, 80, "Invoice")
    ordered = house.sale("Autumn", account, entry, 90, "Sales Order")
    house.settle()
    customer = house.books.customer("Blue Heron")
    assert customer["Phone"] == "555-0100"
    [added] = customer["ContactsRet"]
    assert (added["FirstName"], added["LastName"]) == ("Bob", "Bread")
    [item] = house.books.elements("ItemService")
    assert item["Name"] == "Inspection"
    [invoice] = house.books.txns("Invoice")
    [order] = house.books.txns("SalesOrder")
    for document, line, total in (
        (invoice, "InvoiceLineRet", "80.00"),
        (order, "SalesOrderLineRet", "90.00"),
    ):
        assert document["CustomerRef"]["ListID"] == customer["ListID"]
        assert [one["ItemRef"]["ListID"] for one in document[line]] == [item["ListID"]]
        assert document["Subtotal"] == total
    for kind, record in (
        ("Account", account),
        ("Contact", contact),
        ("Opportunity", billed),
        ("Opportunity", ordered),
    ):
        assert house.row(kind, record)["QB_Link_Status__c"] == "Success"
    assert house.row("Opportunity", billed)["QB_RefNumber__c"] == invoice["RefNumber"]


def test_s2_01_customers_and_items_of_quickbooks_become_accounts_contacts_and_products(house: House) -> None:
    people = [{"FirstName": "Dora", "LastName": "Dough"}]
    house.books.user_add({"Name": "Tidewater", "Phone": "555-0111", "Contacts": people})
    price = {"Price": Decimal("185.50"), "AccountRef": {"FullName": "Sales"}}
    house.books.user_add({"Name": "Mooring", "SalesOrPurchase": price}, "ItemService")
    house.settle()
    [account] = house.rows("Account", Name="Tidewater")
    assert account["Phone"] == "555-0111"
    [contact] = house.rows("Contact", AccountId=account["Id"])
    assert (contact["FirstName"], contact["LastName"]) == ("Dora", "Dough")
    [made] = house.rows("Product2", Name="Mooring")
    assert made["QB_Item_Type__c"] == "Service"
    house.settle()
    assert len(house.rows("Contact")) == len(house.rows("Account")) == 1
    assert [one["FullName"] for one in house.books.customers()] == ["Tidewater"]


# --- S2.2 ---


def test_s2_02_each_field_of_the_shipped_map_arrives_in_its_field(shop: World) -> None:
    values = {
        "Phone": "555-0100",
        "Fax": "555-0101",
        "AccountNumber": "A-7",
        "BillingStreet": "1 Quay\nBehind the mill",
        "BillingCity": "Bath",
        "BillingState": "ME",
        "BillingPostalCode": "04530",
        "ShippingCity": "Wells",
        "Description": "Pays late",
    }
    shop.account("Ann's Bakery", promoted=True, contact="Ann Baker", **values)
    shop.sync(2)
    customer = shop.in_books("Ann's Bakery")
    held = {name: customer[name] for name in ("Phone", "Fax", "AccountNumber", "Notes", "CompanyName")}
    assert held == {
        "Phone": "555-0100",
        "Fax": "555-0101",
        "AccountNumber": "A-7",
        "Notes": "Pays late",
        "CompanyName": "Ann's Bakery",
    }
    assert {"1 Quay", "Behind the mill"} <= set(customer["BillAddress"].values())
    assert (customer["BillAddress"]["City"], customer["BillAddress"]["PostalCode"]) == ("Bath", "04530")
    assert customer["ShipAddress"]["City"] == "Wells"
    assert (customer["FirstName"], customer["LastName"]) == ("Ann", "Baker")


def test_s2_02_a_connection_may_map_more_and_otherwise(build: Build) -> None:
    rules = {
        "add": [{"crm": "Website", "books": "JobDesc", "default": "no website", "direction": "to_books"}],
        "change": [{"crm": "Phone", "books": "Phone", "winner": "crm"}],
        "remove": [{"crm": "Fax", "books": "Fax"}],
    }
    world = build(override={"kinds": {"account": rules}})
    world.account("Ann's Bakery", promoted=True, Website="ann.example", Fax="555-0101")
    world.account("Zoe's Zoo", promoted=True)
    world.sync(2)
    customer = world.in_books("Ann's Bakery")
    assert (customer["JobDesc"], "Fax" in customer) == ("ann.example", False)
    assert world.in_books("Zoe's Zoo")["JobDesc"] == "no website"


# --- S2.4, S2.19 ---


def test_s2_04_the_data_flow_is_a_table_of_what_is_really_configured(house: House) -> None:
    def flows() -> set[tuple[str, str]]:
        return {(row["from"], row["to"]) for row in house.line.json("mapping", "flow")}

    order = ("Salesforce opportunity (Sales Order)", "QuickBooks SalesOrder")
    assert order in flows()
    assert ("QuickBooks Invoice", "Salesforce invoice") in flows()
    assert ("Salesforce invoice", "QuickBooks Invoice") not in flows()
    house.line.says("mapping", "set", "Salesforce", "kinds.sales_order.mode", "off")
    house.line.says("mapping", "set", "Salesforce", "kinds.account.mode", "export")
    assert order not in flows()
    assert ("QuickBooks Customer", "Salesforce account") not in flows()
    told = house.line.says("mapping", "flow", "--picture")
    assert "books_SalesOrder" not in told
    assert re.search(r"crm_account -->\|.*\| books_Customer", told)


def test_s2_19_a_page_tells_overview_data_flow_process_map_pre_requisites_and_run(house: House) -> None:
    page = house.line.says("mapping", "flow", "--page")
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == [
        "Overview",
        "Data flow",
        "Process map",
        "Pre-requisites",
        "Run",
    ]
    assert "| sales_order | Salesforce opportunity (Sales Order) | QuickBooks SalesOrder |" in page
    assert "The opportunity has no account." in page


# --- S2.5 to S2.7 ---


@pytest.mark.parametrize(
    ("generate", "made"),
    [("Sales Order", (1, 0)), ("Invoice", (0, 1)), (None, (0, 0))],
    ids=["sales order", "invoice", "empty"],
)
def test_s2_05_a_sales_order_only_if_generate_says_so(
    shop: World, generate: str | None, made: tuple[int, int]
) -> None:
    account, work = shop.account("Ann's Bakery"), product(shop, "Work", "100")
    opportunity(shop, account, (work, "1", "100"), QB_Generate__c=generate)
    shop.sync()
    shop.quiet()
    assert (len(orders(shop)), len(invoices(shop))) == made


def test_s2_06_an_invoice_only_if_generate_says_so_and_once(shop: World) -> None:
    account, work = shop.account("Ann's Bakery"), product(shop, "Work", "100")
    sale = opportunity(shop, account, (work, "2", "100"), QB_Generate__c=None)
    shop.sync()
    shop.quiet()
    assert invoices(shop) == []
    shop.crm.user_edit("opportunity", sale, {"QB_Generate__c": "Invoice"})
    shop.quiet()
    shop.crm.user_edit("opportunity", sale, {"Name": "Another name"})
    shop.quiet()
    assert (the_invoice(shop)["Subtotal"], orders(shop)) == ("200.00", [])


def test_s2_07_without_a_chosen_transaction_nothing_of_the_sale_reaches_quickbooks(shop: World) -> None:
    account, work = shop.account("Ann's Bakery"), product(shop, "Work", "100")
    sale = opportunity(shop, account, (work, "1", "100"), QB_Generate__c=None)
    shop.sync()
    shop.quiet()
    assert (shop.names_in_books(), shop.company.elements("ItemService")) == ([], [])
    assert status_of(shop, "opportunity", sale) == (None, None)


# --- S2.8 to S2.10 ---


def tries(world: World) -> int:
    counts = world.company.counts()
    return sum(counts.get(name, 0) for name in ("InvoiceAdd", "SalesOrderAdd"))


@pytest.mark.parametrize("generate", ["Invoice", "Sales Order"])
def test_s2_08_a_sale_without_its_account_is_skipped_with_the_reason_and_goes_when_it_has_one(
    shop: World, generate: str
) -> None:
    account, work = shop.account("Ann's Bakery"), product(shop, "Work", "100")
    sale = opportunity(shop, None, (work, "1", "100"), QB_Generate__c=generate)
    shop.sync()
    shop.quiet()
    status, error = status_of(shop, "opportunity", sale)
    assert (status, tries(shop)) == ("Error", 0)
    assert "no account" in error
    shop.crm.user_edit("opportunity", sale, {"AccountId": account})
    shop.quiet()
    assert (status_of(shop, "opportunity", sale), tries(shop)) == (("Success", None), 1)


@pytest.mark.parametrize(
    ("fault", "cure", "said"),
    [
        ({"Pricebook2.IsStandard": False}, {"Pricebook2.IsStandard": True}, "standard price book"),
        ({"lines": []}, None, "no products"),
    ],
    ids=["another price book", "no products"],
)
def test_s2_09_a_sale_needs_products_of_the_standard_price_book(
    shop: World, fault: dict[str, Any], cure: dict[str, Any] | None, said: str
) -> None:
    account, work = shop.account("Ann's Bakery"), product(shop, "Work", "100")
    sale = opportunity(shop, account, (work, "1", "100"), **fault)
    shop.sync()
    shop.quiet()
    status, error = status_of(shop, "opportunity", sale)
    assert (status, tries(shop)) == ("Error", 0)
    assert said in error
    if cure:
        shop.crm.user_edit("opportunity", sale, cure)
        shop.quiet()
        assert (status_of(shop, "opportunity", sale), tries(shop)) == (("Success", None), 1)


def test_s2_10_a_product_without_its_item_type_is_told_and_its_sale_waits_for_it(shop: World) -> None:
    account = shop.account("Ann's Bakery")
    work = product(shop, "Work", "100", QB_Item_Type__c=None)
    sale = opportunity(shop, account, (work, "1", "100"))
    shop.sync()
    shop.quiet()
    status, error = status_of(shop, "opportunity", sale)
    assert (status, invoices(shop)) == ("Error", [])
    assert "QB_Item_Type__c" in error
    shop.crm.user_edit("product", work, {"QB_Item_Type__c": "Non-inventory Part"})
    shop.quiet()
    assert [one["Name"] for one in shop.company.elements("ItemNonInventory")] == ["Work"]
    assert (len(invoices(shop)), status_of(shop, "opportunity", sale)) == (1, ("Success", None))


# --- S2.11 ---


def test_s2_11_the_primary_contact_of_a_sale_becomes_a_contact_of_its_customer(build: Build) -> None:
    only_asked = {"contact": {"goes_along": False}}
    shop = build(documents=True, override={"settings": SETTINGS, "kinds": only_asked})
    account, work = shop.account("Ann's Bakery"), product(shop, "Work", "100")
    bob, _ = person(shop, account, "Bob Bread"), person(shop, account, "Carl Cake")
    opportunity(shop, account, (work, "1", "100"), PrimaryContactId=bob)
    shop.sync()
    shop.quiet()
    assert contacts_in_books(shop, "Ann's Bakery") == ["Bob Bread"]
    assert status_of(shop, "contact", bob) == ("Success", None)
    assert len(invoices(shop)) == 1


def test_s2_11_a_primary_contact_that_quickbooks_cannot_hold_stops_no_invoice(shop: World) -> None:
    account, work = shop.account("Ann's Bakery"), product(shop, "Work", "100")
    bob = person(shop, account, "Bob \N{BREAD}")
    sale = opportunity(shop, account, (work, "1", "100"), PrimaryContactId=bob)
    shop.sync()
    shop.quiet()
    assert (len(invoices(shop)), status_of(shop, "opportunity", sale)) == (1, ("Success", None))
    assert status_of(shop, "contact", bob)[0] == "Error"


def test_s2_11_the_primary_contact_of_salesforce_is_its_primary_contact_role(house: House) -> None:
    house.line.says("mapping", "set", "Salesforce", "kinds.contact.goes_along", "false")
    account, entry = house.account("Blue Heron"), house.product("Inspection", 80)
    names = ("Bread", "Cake")
    people = [house.salesforce.create("Contact", {"LastName": name, "AccountId": account}) for name in names]
    sale = house.sale("Spring", account, entry, 80, "Invoice")
    for one, first in zip(people, (True, False), strict=True):
        role = {"OpportunityId": sale, "ContactId": one, "IsPrimary": first}
        house.salesforce.create("OpportunityContactRole", role)
    house.settle()
    assert [one["FirstName"] for one in house.books.customer("Blue Heron")["ContactsRet"]] == ["Bread"]


# --- S2.12 ---


def test_s2_12_what_quickbooks_stamped_since_the_last_update_comes_and_nothing_else_is_asked_for(
    shop: World,
) -> None:
    old = shop.customer("Ann's Bakery")
    shop.clock.advance(hours=5)
    new = shop.customer("Zoe's Zoo")
    shop.sync(2)
    shop.clock.advance(hours=5)
    shop.edit_customer(new, Phone="555-0100")
    writes = shop.crm.writes
    [asked] = shop.visit().requests("CustomerQuery")
    untouched, edited = (shop.in_books(one)["TimeModified"][:19] for one in (old, new))
    assert untouched < asked.values["FromModifiedDate"].text() < edited
    shop.deliver()
    assert shop.in_crm(shop.account_named("Zoe's Zoo"))["Phone"] == "555-0100"
    assert shop.crm.writes == writes + 1


# --- S2.13 ---


def test_s2_13_a_payment_on_an_invoice_shows_at_the_invoice_object_of_its_opportunity(house: House) -> None:
    account, entry = house.account("Blue Heron"), house.product("Inspection", 80)
    sale = house.sale("Spring", account, entry, 80, "Invoice")
    house.settle()
    [invoice] = house.books.txns("Invoice")
    [mirror] = house.rows("QB_Invoice__c")
    assert (mirror["QB_Opportunity__c"], mirror["QB_Account__c"]) == (sale, account)
    assert (mirror["QB_Status__c"], mirror["QB_Paid__c"]) == ("Open", 0)
    for amount, paid, state in ((30, 30, "Partially Paid"), (50, 80, "Paid")):
        house.books.take_payment(customer="Blue Heron", amount=amount, invoice=invoice["TxnID"])
        house.update()
        house.work()
        [mirror] = house.rows("QB_Invoice__c")
        assert (mirror["QB_Paid__c"], mirror["QB_Balance__c"]) == (paid, 80 - paid)
        assert (mirror["QB_Status__c"], mirror["QB_Opportunity__c"]) == (state, sale)
    assert len(house.books.txns("Invoice")) == 1


# --- S2.14 to S2.17: the Web Connector ---


def test_s2_14_the_web_connector_shows_one_name_that_says_what_it_is_and_never_changes(house: House) -> None:
    [(name, _, _)] = house.connector.results_text()
    assert "Salesforce" in name
    assert COMPANY in name
    assert house.qwc() == house.qwc()
    house.connector.add(house.qwc())
    assert [row[0] for row in house.connector.results_text()] == [name]


def test_s2_15_the_password_is_typed_once_kept_and_can_be_changed(house: House) -> None:
    house.update()
    house.update()
    told = house.line.says("company", "password", COMPANY)
    [changed] = re.findall(r"^  (\S+)$", told, re.MULTILINE)
    [refused] = house.connector.update()
    assert not refused.ok
    house.connector.password(house.application, changed)
    house.update()


def test_s2_16_update_selected_does_everything_and_ends_by_itself(house: House) -> None:
    house.settle()
    account = house.account("Blue Heron", QB_Link_Status__c="To be Linked")
    house.sale("Spring", account, house.product("Inspection", 80), 80, "Invoice")
    house.books.user_add({"Name": "Tidewater"})
    house.work()
    [result] = house.connector.update([house.application])
    assert (result.ok, result.calls[-1]) == (True, "closeConnection")
    assert len(house.books.txns("Invoice")) == 1
    house.work()
    assert [row["Name"] for row in house.rows("Account", Name="Tidewater")] == ["Tidewater"]
    assert house.row("Account", account)["QB_Link_Status__c"] == "Success"


def test_s2_17_auto_run_comes_by_the_interval_of_the_file_and_brings_what_happened_meanwhile(
    house: House,
) -> None:
    hours, names = Hours(), iter(("Ann", "Bea", "Cher", "Dot"))

    def an_hour_passes(seconds: float) -> None:
        hours.wait(seconds)
        house.account(next(names), QB_Link_Status__c="To be Linked")
        house.work()

    options = Options(noop_seconds=0.0, clock=hours, wait=an_hour_passes)
    house.connector.options = options
    house.connector.add(house.qwc("--every", "60"))
    results = house.connector.auto_run(times=4)
    assert [one.ok for one in results] == [True] * 4
    assert hours.waited == [3600.0] * 3
    assert sorted(one["FullName"] for one in house.books.customers()) == ["Ann", "Bea", "Cher"]


# --- S2.18 ---


def aged(house: House, **span: float) -> None:
    """The last visit was so long ago."""
    with house.installation.database.write() as tx:
        [company] = parties.all_companies(tx)
        parties.change_company(tx, company.id, last_visit_at=house.installation.clock() - timedelta(**span))


def doctor(house: House) -> tuple[str, str]:
    """(level, text) of what doctor says of the visits."""
    result = house.line("doctor", "--offline", "--json")
    found = json.loads(result.stdout)
    return next(
        (row["level"], row["text"]) for row in found if row["text"].startswith(f"{COMPANY}: last update")
    )


def status_page(house: House) -> str:
    with urlopen(f"{house.address}/") as answer:
        return str(answer.read().decode())


def test_s2_18_an_update_that_does_not_come_for_several_intervals_is_missed_for_all_to_see(
    house: House,
) -> None:
    house.qwc("--every", "60")
    house.update()
    aged(house, minutes=170)
    assert doctor(house)[0] == "ok"
    assert "no update for" not in status_page(house)
    aged(house, minutes=190)
    level, text = doctor(house)
    assert level == "wrong"
    assert "no update for 3 hours" in text
    assert "no update for 3 hours" in status_page(house)
    house.update()
    assert doctor(house)[0] == "ok"
    assert "no update for" not in status_page(house)


def test_s2_18_without_a_known_interval_a_day_of_silence_is_worth_a_look(house: House) -> None:
    house.update()
    aged(house, hours=23)
    assert doctor(house)[0] == "ok"
    aged(house, hours=25)
    level, text = doctor(house)
    assert (level, "no update for 1 day" in text) == ("look", True)


def test_s2_18_days_without_an_update_lose_nothing(shop: World) -> None:
    account, work = shop.account("Ann's Bakery"), product(shop, "Work", "100")
    opportunity(shop, account, (work, "1", "100"))
    shop.sync()
    shop.quiet()
    shop.clock.advance(days=3)
    shop.company.take_payment(customer="Ann's Bakery", amount="100", invoice=the_invoice(shop)["TxnID"])
    shop.clock.advance(days=3)
    shop.sync()
    assert [one["QB_Paid__c"] for one in mirrors(shop)] == [100]
