from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

import qbxml
from qbwc_server.mapping import (
    CannotConvert,
    Filter,
    Rule,
    books_values,
    crm_reads,
    crm_values,
    crm_writes,
    lacking,
    left_out,
    load_profile,
    normal,
    rules_to,
    same,
    to_books,
    to_crm,
    with_defaults,
)

ACCOUNT = {
    "Name": " Acme Inc ",
    "Phone": "",
    "Fax": None,
    "BillingStreet": "1 Main St\r\nFloor 2\r\n",
    "Id": "001",
}
CONTACT = {"FirstName": "Ann", "LastName": "Lee", "Email": " ann@acme.example "}


@pytest.mark.parametrize("empty", ["", None, "  ", "\r\n", "\t"])
def test_an_empty_value_is_none_however_it_is_written(empty):
    assert normal(empty) is None


@pytest.mark.parametrize("value", [False, 0, Decimal(0), date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)])
def test_no_and_nought_are_values(value):
    assert normal(value) == value


def test_a_wall_time_of_quickbooks_becomes_its_text():
    assert normal(qbxml.WallTime.parse("2026-08-01T10:00:00-06:00")) == "2026-08-01T10:00:00"


def test_a_float_is_no_value_that_a_mapping_carries():
    with pytest.raises(TypeError, match="float"):
        normal(1.5)


def test_crm_values_are_trimmed_and_keyed_by_the_rules_names(account):
    values = crm_values(account, ACCOUNT, {"PrimaryContact": CONTACT})
    assert values["Name"] == "Acme Inc"
    assert values["Phone"] is None
    assert values["BillingStreet"] == "1 Main St\nFloor 2"
    assert values["PrimaryContact.Email"] == "ann@acme.example"
    assert set(values) == {rule.crm for rule in account.rules}


@pytest.mark.parametrize("contributors", [{}, {"PrimaryContact": None}])
def test_an_account_without_primary_contact_has_empty_contact_values(account, contributors):
    values = crm_values(account, ACCOUNT, contributors)
    assert values["PrimaryContact.LastName"] is None


def test_books_values_are_read_from_the_nested_answer(account):
    ret = {
        "Name": "Acme",
        "Phone": "555",
        "BillAddress": {"Addr1": "1 Main St", "Addr2": "Floor 2", "City": "Ely"},
    }
    values = books_values(account, ret)
    assert values["BillAddress/Addr1..Addr5"] == "1 Main St\nFloor 2"
    assert values["BillAddress/City"] == "Ely"
    assert values["ShipAddress/City"] is None
    assert set(values) == {rule.books for rule in account.rules}


def test_an_empty_aggregate_is_an_empty_address(account):
    assert books_values(account, {"Name": "Acme", "BillAddress": ""})["BillAddress/City"] is None


def test_the_name_above_the_street_is_not_street(account):
    ret = {
        "Name": "Abercrombie, Kristy",
        "FirstName": "Kristy",
        "LastName": "Abercrombie",
        "BillAddress": {"Addr1": "Kristy  Abercrombie", "Addr2": "5647 Cypress Hill Rd"},
        "ShipAddress": {"Addr1": "KRISTY ABERCROMBIE"},
    }
    values = books_values(account, ret)
    assert values["BillAddress/Addr1..Addr5"] == "5647 Cypress Hill Rd"
    assert values["ShipAddress/Addr1..Addr5"] is None


def test_the_name_above_the_street_is_not_street_in_the_crm_either(account):
    typed = {
        "Name": "Acme Inc",
        "BillingStreet": "ACME INC\nAnn Lee\n1 Main St",
        "ShippingStreet": "Acme Inc",
    }
    values = crm_values(account, typed, {"PrimaryContact": CONTACT})
    assert values["BillingStreet"] == "1 Main St"
    assert values["ShippingStreet"] is None


def test_customers_of_intuits_sample_company_have_no_name_in_their_street(account, shared):
    answer = qbxml.read((shared / "samples/intuit-sample-company/customers.xml").read_bytes())
    customers = [ret.values for ret in answer.responses[0].rets if ret.values["Sublevel"] == 0]
    streets = [books_values(account, ret)["BillAddress/Addr1..Addr5"] for ret in customers]
    one_line = [street for street in streets if street and "\n" not in street]
    assert len(customers) > 60
    # By the raw data all but two of these begin with a name; a street with a number is what remains.
    assert sum(street[0].isdigit() or street.startswith("P.O.") for street in one_line) >= len(customers) - 8


def test_an_empty_value_never_becomes_something_to_write(rules):
    # The worked example of data priority: an empty phone on the side that wins changes nothing.
    assert to_books(rules["Phone"], "").value is None
    assert to_crm(rules["Phone"], None).value is None


def test_an_empty_value_clears_where_the_rule_says_so():
    rule = Rule(crm="Fax", books="Fax", clear_when_empty=True)
    assert to_books(rule, None).value == ""
    assert to_crm(rule, "  ").value == ""


def test_an_empty_name_is_refused_with_what_to_do(rules):
    with pytest.raises(CannotConvert) as caught:
        to_books(rules["Name"], " ")
    assert caught.value.code == "required"
    assert caught.value.text == "Name is empty. Fill it in the CRM."


def test_a_name_of_nothing_that_can_be_stored_is_as_empty_as_no_name(rules):
    with pytest.raises(CannotConvert) as caught:
        to_books(rules["Name"], "\u200b")
    assert caught.value.code == "required"


def test_one_long_name_is_refused_as_name_and_cut_as_company_name(rules):
    long = "Worshipful Company of Makers of Playing Cards and Board Games"
    with pytest.raises(CannotConvert) as caught:
        to_books(rules["Name"], long)
    assert caught.value.field == "Name"
    sent = to_books(rules["CompanyName"], long)
    assert sent.value == long[:41].strip()
    assert sent.lost


@pytest.mark.parametrize("books", ["Phone", "Email", "AccountNumber", "BillAddress/PostalCode"])
def test_what_would_be_wrong_when_cut_is_refused(rules, books):
    with pytest.raises(CannotConvert):
        to_books(rules[books], "9" * 2000)


@pytest.mark.parametrize("books", ["JobTitle", "Salutation", "LastName", "Notes"])
def test_what_is_still_a_fair_label_is_cut_and_reported(rules, books):
    sent = to_books(rules[books], "w" * 5000)
    assert len(sent.value) == rules[books].shape.books_length
    assert sent.lost


def test_a_refusal_names_the_field_of_the_side_where_it_is_to_be_corrected(rules):
    with pytest.raises(CannotConvert) as caught:
        to_books(rules["BillAddress/City"], "x" * 40)
    assert caught.value.field == "BillingCity"
    with pytest.raises(CannotConvert) as caught:
        to_crm(rules["Email"], "x" * 90)
    assert caught.value.field == "Email"


def test_both_empty_mean_the_same_and_empty_against_a_value_does_not(rules):
    assert same(rules["Phone"], "", None)
    assert not same(rules["Phone"], None, "555")
    assert not same(rules["Phone"], "555", "")


@pytest.mark.parametrize(
    ("books", "crm_value", "books_value"),
    [
        ("Name", "O’Hara  Ltd", "O'Hara Ltd"),
        ("Name", "A B", "A  B"),
        ("Notes", "x" * 5000, "x" * 4095),
        ("Notes", "x" * 32000, "x" * 4095),
        ("BillAddress/Addr1..Addr5", "1 Main St\n\nFloor 2", "1 Main St\nFloor 2"),
        ("BillAddress/City", "Cafe\u0301ville", "Caféville"),
    ],
)
def test_a_value_and_what_it_becomes_mean_the_same(rules, books, crm_value, books_value):
    assert same(rules[books], crm_value, books_value)


@pytest.mark.parametrize(("crm_value", "books_value"), [("Acme", "acme"), ("a" * 100, "a" * 41), ("1", "2")])
def test_a_different_value_or_one_that_was_refused_does_not_mean_the_same(rules, crm_value, books_value):
    assert not same(rules["Name"], crm_value, books_value)


def test_a_default_stands_in_only_on_create_and_only_for_empty(account):
    named = account.model_copy(
        update={"rules": (Rule(crm="Fax", books="Fax", default="none"), Rule(crm="Phone", books="Phone"))}
    )
    assert with_defaults(named, {"Fax": None, "Phone": "5"}, "books") == {"Fax": "none", "Phone": "5"}
    assert with_defaults(named, {"Fax": "7"}, "crm") == {"Fax": "7"}
    assert to_books(named.rules[0], None).value is None


def test_only_on_create_rules_are_left_out_of_updates():
    account = load_profile(
        "salesforce",
        {"kinds": {"account": {"change": [{"crm": "Phone", "books": "Phone", "only_on_create": True}]}}},
    ).kind("account")
    assert "Phone" in {rule.books for rule in rules_to(account, "books", creating=True)}
    assert "Phone" not in {rule.books for rule in rules_to(account, "books", creating=False)}


def test_rules_of_one_direction_write_one_side(account):
    assert "CompanyName" in {rule.books for rule in rules_to(account, "books", creating=True)}
    assert "CompanyName" not in {rule.books for rule in rules_to(account, "crm", creating=True)}


def test_a_customer_keeps_the_company_it_has_in_quickbooks(account):
    """Jobs carry the company of their customer, and 21 of 29 companies of a real file are not the record's name."""
    [company] = [rule for rule in account.rules if rule.books == "CompanyName"]
    assert company.follows == "Name"


def test_a_rule_may_be_left_out_of_the_updates_of_one_side_only():
    account = load_profile(
        "salesforce",
        {"kinds": {"account": {"change": [{"crm": "Phone", "books": "Phone", "only_on_create": "books"}]}}},
    ).kind("account")
    assert "Phone" not in {rule.books for rule in rules_to(account, "books", creating=False)}
    assert "Phone" in {rule.books for rule in rules_to(account, "crm", creating=False)}


def test_crm_writes_are_grouped_by_the_record_that_takes_them(account):
    flat = {"Phone": "555", "Fax": "", "AccountNumber": None, "PrimaryContact.LastName": "Lee"}
    assert crm_writes(account, flat) == {
        "": {"Phone": "555", "Fax": None},
        "PrimaryContact": {"LastName": "Lee"},
    }


def test_a_contact_without_its_demanded_fields_is_not_created(account):
    contact = account.contributor("PrimaryContact")
    assert lacking(contact, {"FirstName": "Ann"}) == ("LastName",)
    assert lacking(contact, {"LastName": "Lee"}) == ()


def test_everything_a_kind_needs_from_the_crm_is_asked_for(account):
    reads = crm_reads(account)
    assert {"Name", "QB_Link_Status__c", "QB_ListID__c", "QB_Primary_Contact__c", "BillingStreet"} <= set(
        reads[""]
    )
    assert {"LastName", "AccountId", "QB_SyncKey__c"} <= set(reads["PrimaryContact"])
    assert all(len(fields) == len(set(fields)) for fields in reads.values())


def test_what_a_filter_does_not_let_through_is_left_out_with_its_reason():
    top = Filter(field="Sublevel", any_of=("0",), reason="Jobs stay away.")
    assert left_out(top, {"Sublevel": 0}) is None
    assert left_out(top, {"Sublevel": 1}) == "Jobs stay away."
    assert left_out(None, {}) is None


def test_a_filter_without_a_reason_says_what_it_saw():
    chosen = Filter(field="Status", any_of=("Open", "Won"))
    assert left_out(chosen, {"Status": "Lost"}) == "Status is Lost, not Open or Won."
    assert left_out(chosen, {}) == "Status is empty, not Open or Won."


def test_only_promoted_accounts_go_to_quickbooks(account):
    assert left_out(account.promoted, {"QB_Link_Status__c": "To be Linked"}) is None
    assert "To be Linked" in left_out(account.promoted, {"QB_Link_Status__c": "Success"})
