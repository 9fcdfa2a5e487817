"""Products, price books, opportunities and documents: what the service itself makes of them."""

from typing import Any

import pytest

from crm.emulators.salesforce import SalesforceEmulator

DEAL = {"Name": "Roof", "StageName": "Qualification", "CloseDate": "2026-12-01"}


class Shop:
    """A product with its standard price, an opportunity, and lines."""

    def __init__(self, rest: Any) -> None:
        self.rest = rest
        (book,) = rest.rows("SELECT Id, Name FROM Pricebook2 WHERE IsStandard = true")
        self.book = book["Id"]
        self.product = rest.create("Product2", Name="Shingle", IsActive=True)
        self.entry = self.price(self.product, 10.5)
        self.deal = rest.create("Opportunity", **DEAL)

    def price(self, product: str, amount: float, book: str | None = None, **more: Any) -> str:
        values = {"Pricebook2Id": book or self.book, "Product2Id": product, "UnitPrice": amount}
        return str(self.rest.create("PricebookEntry", **{"IsActive": True, **values, **more}))

    def line(self, **values: Any) -> str:
        given = {"OpportunityId": self.deal, "PricebookEntryId": self.entry, "Quantity": 2, **values}
        return str(self.rest.create("OpportunityLineItem", **given))

    def header(self) -> dict[str, Any]:
        return dict(self.rest.read(self.deal, "Opportunity"))


@pytest.fixture
def shop(rest: Any) -> Shop:
    return Shop(rest)


def refused(rest: Any, object_name: str, **values: Any) -> tuple[str, str]:
    answer = rest.post(f"sobjects/{object_name}", values)
    assert answer.status_code == 400, answer.text
    (error,) = answer.json()
    return error["errorCode"], error["message"]


# Price books


def test_the_standard_price_comes_before_every_other(rest: Any, shop: Shop) -> None:
    book = rest.create("Pricebook2", Name="Partners", IsActive=True)
    slate = rest.create("Product2", Name="Slate")
    values = {"Pricebook2Id": book, "Product2Id": slate, "UnitPrice": 1}
    assert refused(rest, "PricebookEntry", **values)[0] == "STANDARD_PRICE_NOT_DEFINED"
    shop.price(slate, 2)
    assert shop.price(slate, 1, book)


def test_a_product_is_once_in_a_book_and_stays_there(rest: Any, shop: Shop) -> None:
    values = {"Pricebook2Id": shop.book, "Product2Id": shop.product, "UnitPrice": 1}
    assert "already exists" in refused(rest, "PricebookEntry", **values)[1]
    other = rest.create("Product2", Name="Slate")
    answer = rest.patch(f"sobjects/PricebookEntry/{shop.entry}", {"Product2Id": other})
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_an_entry_that_uses_the_standard_price_moves_with_it(rest: Any, shop: Shop) -> None:
    book = rest.create("Pricebook2", Name="Partners")
    entry = shop.price(shop.product, 1, book, UseStandardPrice=True)
    assert rest.read(entry, "PricebookEntry")["UnitPrice"] == 10.5
    rest.patch(f"sobjects/PricebookEntry/{shop.entry}", {"UnitPrice": 11})
    assert rest.read(entry, "PricebookEntry")["UnitPrice"] == 11
    assert rest.patch(f"sobjects/PricebookEntry/{shop.entry}", {"UseStandardPrice": True}).status_code == 400


def test_a_new_price_leaves_the_products_own_stamp_alone(rest: Any, shop: Shop, clock: Any) -> None:
    before = rest.read(shop.product, "Product2")["SystemModstamp"]
    clock.tick(60)
    rest.patch(f"sobjects/PricebookEntry/{shop.entry}", {"UnitPrice": 11})
    assert rest.read(shop.product, "Product2")["SystemModstamp"] == before


def test_an_entry_bears_the_name_of_its_product(rest: Any, shop: Shop) -> None:
    rest.patch(f"sobjects/Product2/{shop.product}", {"Name": "Tile"})
    assert rest.read(shop.entry, "PricebookEntry")["Name"] == "Tile"


# Lines


def test_lines_add_up_in_their_opportunity_and_choose_its_price_book(shop: Shop) -> None:
    assert (shop.header()["Amount"], shop.header()["HasOpportunityLineItem"]) == (None, False)
    line = shop.line(UnitPrice=10.5)
    shop.line(UnitPrice=100, Quantity=1, Discount=25)
    header = shop.header()
    assert (header["Amount"], header["HasOpportunityLineItem"]) == (96.0, True)
    assert header["Pricebook2Id"] == shop.book
    shop.rest.delete(f"sobjects/OpportunityLineItem/{line}")
    assert shop.header()["Amount"] == 75.0


@pytest.mark.parametrize(
    ("given", "unit", "total"),
    [({"UnitPrice": 3}, 3, 6), ({"TotalPrice": 9}, 4.5, 9), ({"TotalPrice": 9, "Discount": 50}, 9, 9)],
)
def test_one_price_of_a_line_follows_from_the_other(
    shop: Shop, given: dict[str, Any], unit: float, total: float
) -> None:
    line = shop.rest.read(shop.line(**given), "OpportunityLineItem")
    assert (line["UnitPrice"], line["TotalPrice"]) == (unit, total)
    assert (line["Product2Id"], line["ListPrice"]) == (shop.product, 10.5)


def test_a_changed_quantity_moves_the_total(shop: Shop) -> None:
    line = shop.line(UnitPrice=3)
    shop.rest.patch(f"sobjects/OpportunityLineItem/{line}", {"Quantity": 5})
    assert shop.rest.read(line, "OpportunityLineItem")["TotalPrice"] == 15
    assert shop.header()["Amount"] == 15


def test_a_line_may_name_its_product_instead_of_the_entry(shop: Shop) -> None:
    shop.rest.patch(f"sobjects/Opportunity/{shop.deal}", {"Pricebook2Id": shop.book})
    line = shop.line(PricebookEntryId=None, Product2Id=shop.product, UnitPrice=1)
    assert shop.rest.read(line, "OpportunityLineItem")["PricebookEntryId"] == shop.entry


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"UnitPrice": 1, "TotalPrice": 2}, "FIELD_INTEGRITY_EXCEPTION"),
        ({}, "REQUIRED_FIELD_MISSING"),
        ({"UnitPrice": 1, "PricebookEntryId": None}, "REQUIRED_FIELD_MISSING"),
        ({"UnitPrice": 1, "Quantity": None}, "REQUIRED_FIELD_MISSING"),
    ],
)
def test_a_line_without_what_it_needs_is_refused(shop: Shop, change: dict[str, Any], code: str) -> None:
    values = {"OpportunityId": shop.deal, "PricebookEntryId": shop.entry, "Quantity": 1, **change}
    assert refused(shop.rest, "OpportunityLineItem", **values)[0] == code


def test_a_line_of_another_price_book_is_refused(rest: Any, shop: Shop) -> None:
    book = rest.create("Pricebook2", Name="Partners", IsActive=True)
    entry = shop.price(shop.product, 1, book)
    shop.line(UnitPrice=1)
    values = {"OpportunityId": shop.deal, "PricebookEntryId": entry, "Quantity": 1, "UnitPrice": 1}
    code, text = refused(rest, "OpportunityLineItem", **values)
    assert (code, "different pricebook" in text) == ("FIELD_INTEGRITY_EXCEPTION", True)
    assert rest.patch(f"sobjects/Opportunity/{shop.deal}", {"Pricebook2Id": book}).status_code == 400


def test_with_lines_the_amount_is_theirs(shop: Shop) -> None:
    shop.line(UnitPrice=4)
    assert shop.rest.patch(f"sobjects/Opportunity/{shop.deal}", {"Amount": 1}).status_code == 204
    assert shop.header()["Amount"] == 8


def test_a_line_moves_the_stamp_of_its_opportunity_only_with_the_amount(
    shop: Shop, clock: Any, emulator: SalesforceEmulator
) -> None:
    line = shop.line(UnitPrice=4)
    stamps = [shop.header()["SystemModstamp"]]
    for change in ({"Description": "x"}, {"UnitPrice": 5}, {"UnitPrice": 6}):
        clock.tick(60)
        emulator.org.writes.roll_ups_stamp = change != {"UnitPrice": 6}
        shop.rest.patch(f"sobjects/OpportunityLineItem/{line}", change)
        stamps.append(shop.header()["SystemModstamp"])
    assert stamps[0] == stamps[1] != stamps[2] == stamps[3]
    assert shop.header()["Amount"] == 12
    assert emulator.counters.verbs["update:Opportunity"] == 0


def test_a_line_of_a_locked_opportunity_waits(shop: Shop, emulator: SalesforceEmulator) -> None:
    emulator.lock(shop.deal)
    values = {"OpportunityId": shop.deal, "PricebookEntryId": shop.entry, "Quantity": 1, "UnitPrice": 1}
    assert refused(shop.rest, "OpportunityLineItem", **values)[0] == "UNABLE_TO_LOCK_ROW"
    assert emulator.records("OpportunityLineItem") == []


def test_lines_go_and_come_back_with_their_opportunity(shop: Shop, emulator: SalesforceEmulator) -> None:
    shop.line(UnitPrice=4)
    shop.rest.delete(f"sobjects/Opportunity/{shop.deal}")
    assert shop.rest.rows("SELECT Id FROM OpportunityLineItem") == []
    emulator.restore(shop.deal)
    assert len(shop.rest.rows("SELECT Id FROM OpportunityLineItem")) == 1
    assert shop.header()["Amount"] == 8


def test_a_product_that_is_sold_cannot_be_deleted(shop: Shop) -> None:
    shop.line(UnitPrice=4)
    answer = shop.rest.delete(f"sobjects/Product2/{shop.product}")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "DELETE_FAILED")
    assert shop.rest.read(shop.entry, "PricebookEntry")["IsDeleted"] is False


def test_the_stage_tells_probability_and_end(rest: Any, shop: Shop) -> None:
    rest.patch(f"sobjects/Opportunity/{shop.deal}", {"StageName": "Closed Won"})
    header = shop.header()
    assert (header["Probability"], header["IsClosed"], header["IsWon"]) == (100, True, True)


def test_an_opportunity_has_one_primary_contact(rest: Any, shop: Shop) -> None:
    people = [rest.create("Contact", LastName=name) for name in ("Ann", "Bob")]
    for person in people:
        rest.create("OpportunityContactRole", OpportunityId=shop.deal, ContactId=person, IsPrimary=True)
    found = rest.rows("SELECT ContactId FROM OpportunityContactRole WHERE IsPrimary = true")
    assert [row["ContactId"] for row in found] == [people[1]]


# Hierarchies and authors


def test_accounts_cannot_be_their_own_ancestors(rest: Any) -> None:
    top = rest.create(Name="Top")
    middle = rest.create(Name="Middle", ParentId=top)
    low = rest.create(Name="Low", ParentId=middle)
    for parent in (top, low):
        answer = rest.patch(f"sobjects/Account/{top}", {"ParentId": parent})
        assert answer.json()[0]["errorCode"] == "CIRCULAR_DEPENDENCY"
    assert rest.patch(f"sobjects/Account/{low}", {"ParentId": top}).status_code == 204


def test_a_person_at_the_control_port_is_not_the_integration_user(
    rest: Any, emulator: SalesforceEmulator
) -> None:
    row_id = rest.create(Name="Acme")
    emulator.edit(row_id, {"Phone": "1"})
    (row,) = rest.rows("SELECT CreatedBy.LastName, LastModifiedBy.LastName FROM Account")
    assert (row["CreatedBy"]["LastName"], row["LastModifiedBy"]["LastName"]) == ("Integration", "Sales")
    rest.patch(f"sobjects/Account/{row_id}", {"Phone": "2"})
    assert rest.rows("SELECT LastModifiedBy.LastName FROM Account")[0]["LastModifiedBy"]["LastName"] == (
        "Integration"
    )


# Documents


def test_documents_number_themselves_and_find_their_parents_by_key(rest: Any) -> None:
    rest.create(Name="Acme", QB_ListID__c="8-1")
    body = {"QB_Total__c": 10, "QB_Account__r": {"QB_ListID__c": "8-1"}, "QB_Status__c": "Open"}
    assert rest.patch("sobjects/QB_Invoice__c/QB_TxnID__c/1-1", body).status_code == 201
    assert rest.patch("sobjects/QB_Invoice__c/QB_TxnID__c/1-1", {"QB_Balance__c": 4}).status_code == 200
    (row,) = rest.rows("SELECT Name, QB_Account__r.Name, QB_Balance__c FROM QB_Invoice__c")
    assert (row["Name"], row["QB_Account__r"]["Name"]) == ("INV-00001", "Acme")
    assert rest.patch("sobjects/QB_Invoice__c/QB_TxnID__c/1-1", {"Name": "X"}).status_code == 400


def test_one_payment_may_have_a_row_for_each_invoice(rest: Any) -> None:
    for number in (1, 2):
        invoice = rest.create("QB_Invoice__c", QB_TxnID__c=str(number))
        rest.create("QB_Payment__c", QB_TxnID__c="7-1", QB_Amount__c=5, QB_Invoice__c=invoice)
    assert rest.patch("sobjects/QB_Payment__c/QB_TxnID__c/7-1", {"QB_Amount__c": 6}).status_code == 300


# Subqueries


def test_a_subquery_gives_the_rows_below_each_row(shop: Shop) -> None:
    shop.line(UnitPrice=1, SortOrder=2)
    shop.line(UnitPrice=2, SortOrder=1)
    empty = shop.rest.create("Opportunity", **DEAL)
    deals = shop.rest.rows(
        "SELECT Id, (SELECT UnitPrice, PricebookEntry.Pricebook2.IsStandard FROM OpportunityLineItems "
        "WHERE Quantity = 2 ORDER BY SortOrder) FROM Opportunity ORDER BY Id"
    )
    assert [deal["Id"] for deal in deals] == [shop.deal, empty]
    below = deals[0]["OpportunityLineItems"]
    assert (below["totalSize"], below["done"]) == (2, True)
    assert [line["UnitPrice"] for line in below["records"]] == [2, 1]
    assert below["records"][0]["PricebookEntry"]["Pricebook2"]["IsStandard"] is True
    assert below["records"][0]["attributes"]["type"] == "OpportunityLineItem"
    assert deals[1]["OpportunityLineItems"] is None


def test_deleted_rows_below_show_where_deleted_rows_are_asked_for(shop: Shop) -> None:
    shop.rest.delete(f"sobjects/OpportunityLineItem/{shop.line(UnitPrice=1)}")
    text = "SELECT (SELECT Id FROM OpportunityLineItems) FROM Opportunity"
    assert shop.rest.rows(text)[0]["OpportunityLineItems"] is None
    (deal,) = shop.rest.get("queryAll/", params={"q": text}).json()["records"]
    assert deal["OpportunityLineItems"]["totalSize"] == 1


def test_many_rows_below_come_in_pages_of_their_own(shop: Shop, emulator: SalesforceEmulator) -> None:
    made = [shop.line(UnitPrice=1) for _ in range(5)]
    emulator.settings.rows_below = 2
    (deal,) = shop.rest.rows("SELECT (SELECT Id FROM OpportunityLineItems) FROM Opportunity")
    page = deal["OpportunityLineItems"]
    found = page["records"]
    while not page["done"]:
        page = shop.rest.get(page["nextRecordsUrl"]).json()
        found += page["records"]
    assert [row["Id"] for row in found] == made


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("SELECT Id FROM Lines", "INVALID_TYPE"),
        ("SELECT Nothing FROM OpportunityLineItems", "INVALID_FIELD"),
        ("SELECT Id FROM OpportunityLineItems ORDER BY Nothing", "INVALID_FIELD"),
        ("SELECT Id FROM OpportunityLineItems WHERE", "MALFORMED_QUERY"),
    ],
)
def test_a_wrong_subquery_is_refused_with_its_place(
    rest: Any, error_code: Any, inner: str, code: str
) -> None:
    answer = rest.query(f"SELECT Id, ({inner}) FROM Opportunity")
    assert (answer.status_code, error_code(answer)) == (400, code)
    assert "ERROR at Row:1:Column:" in answer.json()[0]["message"]


def test_children_are_described(rest: Any) -> None:
    below = rest.get("sobjects/Opportunity/describe").json()["childRelationships"]
    assert ("OpportunityLineItem", "OpportunityId", "OpportunityLineItems", True) in [
        (row["childSObject"], row["field"], row["relationshipName"], row["cascadeDelete"]) for row in below
    ]
    fields = {row["name"]: row for row in rest.get("sobjects/QB_Invoice__c/describe").json()["fields"]}
    assert (fields["Name"]["autoNumber"], fields["Name"]["createable"]) == (True, False)


# Seeds


def test_seeded_opportunities_can_become_documents(rest: Any, emulator: SalesforceEmulator) -> None:
    emulator.seed_accounts(10)
    emulator.seed_products(8)
    deals = emulator.seed_opportunities(20)
    rows = rest.rows(
        "SELECT Id, Amount, AccountId, QB_Generate__c, Pricebook2.IsStandard, (SELECT TotalPrice, "
        "Product2.QB_Item_Type__c FROM OpportunityLineItems), (SELECT Id FROM OpportunityContactRoles) "
        "FROM Opportunity"
    )
    assert [row["Id"] for row in rows] == deals
    assert {row["QB_Generate__c"] for row in rows} == {"Invoice", "Sales Order"}
    assert all(row["AccountId"] and row["Pricebook2"]["IsStandard"] for row in rows)
    sums = [sum(line["TotalPrice"] for line in row["OpportunityLineItems"]["records"]) for row in rows]
    assert sums == pytest.approx([row["Amount"] for row in rows])
    assert {bool(row["OpportunityContactRoles"]) for row in rows} == {True, False}
    types = {row["QB_Item_Type__c"] for row in rest.rows("SELECT QB_Item_Type__c FROM Product2")}
    assert types == {"Service", "Inventory Part", "Non-inventory Part"}


def test_the_same_seed_sells_the_same(emulator: SalesforceEmulator) -> None:
    def sold() -> list[object]:
        emulator.reset()
        emulator.seed_accounts(5)
        emulator.seed_products(5, seed=3)
        emulator.seed_opportunities(5, seed=3)
        return [row["Name"] for row in emulator.records("OpportunityLineItem")]

    assert sold() == sold()


def test_opportunities_need_somebody_to_sell_something_to(emulator: SalesforceEmulator) -> None:
    with pytest.raises(LookupError, match="seed those first"):
        emulator.seed_opportunities(1)


def test_what_was_sold_survives_in_the_state_file(tmp_path: Any, clock: Any) -> None:
    names = ("Opportunity", "OpportunityLineItem", "PricebookEntry", "Product2", "Pricebook2", "User")
    with SalesforceEmulator(tmp_path / "org.sqlite", clock=clock) as first:
        first.seed_accounts(3)
        first.seed_products(3)
        first.seed_opportunities(3)
        kept = {name: first.records(name) for name in names}
    clock.tick(60)
    with SalesforceEmulator(tmp_path / "org.sqlite", clock=clock) as second:
        found = {name: second.records(name) for name in names}
        own = ("Opportunity", "OpportunityLineItem", "PricebookEntry", "Product2")
        assert {name: found[name] for name in own} == {name: kept[name] for name in own}
        for name in ("Pricebook2", "User"):
            assert [row["Id"] for row in found[name]] == [row["Id"] for row in kept[name]]
        assert len(second.seed_opportunities(2)) == 2
