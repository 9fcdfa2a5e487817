"""Items keep the same thing in different places, and under different names in a Mod."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qbxml
from qbwc_server.mapping import (
    CannotConvert,
    books_kinds,
    books_tree,
    books_values,
    check,
    fit,
    load_profile,
    to_books,
    with_defaults,
)
from qbwc_server.sync.deciding import books_fields

SHIPPED = load_profile("salesforce")
BOOKS = {kind: books_fields(kind) for kind in books_kinds(SHIPPED)}
PROFILE = fit(SHIPPED, {}, BOOKS, version="13.0")
KINDS = ("ItemService", "ItemNonInventory", "ItemInventory")
SETTINGS = {name: name.replace("_", " ").title() for name in SHIPPED.settings}

DESC = "SalesOrPurchase/Desc | SalesAndPurchase/SalesDesc"
INCOME = "SalesOrPurchase/AccountRef/FullName | SalesAndPurchase/IncomeAccountRef/FullName"
COST = "SalesAndPurchase/PurchaseCost"
PRICES = st.decimals(0, 9999, places=5)
SAMPLES = {"name": st.just("Labour"), "boolean": st.booleans(), "number": PRICES}


@st.composite
def items(draw, kind):
    """Flat values of a new item of this kind, with its name and its account."""
    rules = [rule for rule in PROFILE.books(kind).rules if rule.goes_to("books")]
    chosen = draw(st.lists(st.sampled_from(rules), unique_by=lambda one: one.books))
    word = st.text("abc", min_size=1, max_size=9)
    begun = with_defaults(PROFILE.books(kind), {"Name": "Labour"}, "books", SETTINGS)
    return begun | {one.books: draw(SAMPLES.get(one.converter, word)) for one in chosen}


def faults(kind, form, values):
    return qbxml.validate(qbxml.Request(f"{kind}{form}Rq", {f"{kind}{form}": values}))


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_every_new_item_is_one_that_quickbooks_takes_and_reads_back_as_it_was_written(kind, data):
    flat, of = data.draw(items(kind)), PROFILE.books(kind)
    tree = books_tree(of, flat, None)
    assert faults(kind, "Add", tree) == ()
    back = books_values(of, tree)
    assert {books: value for books, value in back.items() if value is not None} == flat


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_every_change_of_an_item_is_one_that_quickbooks_takes(kind, data):
    before, of = data.draw(items(kind)), PROFILE.books(kind)
    held = books_tree(of, before, None)
    change = {books: value for books, value in data.draw(items(kind)).items() if books in before}
    mod = {"ListID": "80000001-1", "EditSequence": "1", **books_tree(of, change, held)}
    assert faults(kind, "Mod", mod) == ()


def test_a_change_goes_where_quickbooks_keeps_the_text():
    of = PROFILE.books("ItemService")
    sold, bought = {"SalesOrPurchase": {"Desc": "x"}}, {"SalesAndPurchase": {"SalesDesc": "x"}}
    assert books_tree(of, {DESC: "y"}, sold) == {"SalesOrPurchaseMod": {"Desc": "y"}}
    assert books_tree(of, {DESC: "y"}, bought) == {"SalesAndPurchaseMod": {"SalesDesc": "y"}}
    assert books_tree(of, {DESC: ""}, sold) == {"SalesOrPurchaseMod": {"Desc": ""}}
    assert books_values(of, sold)[DESC] == books_values(of, bought)[DESC] == "x"


def test_stock_has_its_texts_at_the_top_in_every_form():
    of = PROFILE.books("ItemInventory")
    assert books_tree(of, {"SalesDesc": "y"}, {"SalesDesc": "x"}) == {"SalesDesc": "y"}


def test_an_item_that_costs_something_is_bought_as_well():
    of = PROFILE.books("ItemService")
    assert books_tree(of, {DESC: "y"}, None) == {"SalesOrPurchase": {"Desc": "y"}}
    assert books_tree(of, {DESC: "y", COST: Decimal(3)}, None) == {
        "SalesAndPurchase": {"SalesDesc": "y", "PurchaseCost": Decimal(3)}
    }


def test_an_account_for_expenses_alone_makes_no_item_a_bought_one():
    of = PROFILE.books("ItemService")
    expense = "SalesAndPurchase/ExpenseAccountRef/FullName"
    assert expense not in with_defaults(of, {"Name": "Labour"}, "books", SETTINGS)
    bought = with_defaults(of, {"Name": "Labour", COST: Decimal(3)}, "books", SETTINGS)
    assert bought[expense] == SETTINGS["expense_account"]
    assert bought[INCOME] == SETTINGS["income_account"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_item_has_the_accounts_of_the_settings(kind):
    of = PROFILE.books(kind)
    tree = books_tree(of, with_defaults(of, {"Name": "Labour"}, "books", SETTINGS), None)
    assert faults(kind, "Add", tree) == ()
    assert SETTINGS["income_account"] in str(tree)
    assert with_defaults(of, {"Name": "Labour"}, "crm").get("QB_Income_Account__c") is None


def test_the_account_of_the_product_counts_before_the_setting():
    of = PROFILE.books("ItemService")
    assert with_defaults(of, {INCOME: "Fees"}, "books", SETTINGS)[INCOME] == "Fees"
    assert with_defaults(of, {INCOME: "Fees"}, "books", {})[INCOME] == "Fees"


@pytest.mark.parametrize("settings", [None, {}, {"income_account": ""}, {"income_account": " "}])
def test_a_new_item_without_an_account_is_refused_with_what_to_do(settings):
    with pytest.raises(CannotConvert) as caught:
        with_defaults(PROFILE.books("ItemService"), {"Name": "Labour"}, "books", settings)
    assert caught.value.code == "setting"
    assert caught.value.field == "QB_Income_Account__c"
    assert caught.value.text == (
        "A new ItemService in QuickBooks needs SalesOrPurchase/AccountRef/FullName, and the setting income_account "
        "is empty. Name it as QuickBooks does: qbwc-server mapping set CONNECTION settings.income_account "
        '"...", or fill QB_Income_Account__c in the CRM.'
    )


def test_an_emptied_account_changes_nothing_in_an_item_that_has_one():
    rule = next(one for one in PROFILE.books("ItemService").rules if one.books == INCOME)
    assert to_books(rule, None).value is None


def test_lengths_of_both_ways_and_of_lines_are_known():
    service, invoice = PROFILE.books("ItemService"), PROFILE.kind("opportunity", "invoice")
    assert {one.books: one.shape.books_length for one in service.rules}[DESC] == 4095
    assert {one.books: one.shape.books_length for one in service.rules}["Name"] == 31
    assert {one.books: one.shape.books_length for one in invoice.lines.rules}["Desc"] == 4095


def test_a_rule_of_lines_newer_than_the_company_rests(crm_fields, books_fields):
    site = {"crm": "ServiceDate", "books": "InventorySiteRef/FullName", "direction": "to_books"}
    override = {"kinds": {"invoice": {"lines": {"add": [site]}}}}
    profile = load_profile("salesforce", override)
    old = fit(profile, crm_fields, books_fields, version="8.0").kind("opportunity", "invoice")
    assert "InventorySiteRef/FullName" not in {one.books for one in old.lines.rules}
    told = check(profile, crm_fields, books_fields, "8.0")
    assert any("InventorySiteRef/FullName needs qbXML 10.0" in one.text for one in told)
