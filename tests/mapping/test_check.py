from dataclasses import replace

import pytest

import qbxml
from qbwc_server.mapping import EndField, books_kinds, books_vocabulary, check, fit, load_profile


@pytest.fixture
def found(crm_fields, books_fields):
    def run(*, crm=crm_fields, books=books_fields, version="13.0", **account):
        profile = load_profile("salesforce", {"kinds": {"account": account}})
        return check(profile, crm, books, version)

    return run


def errors(problems):
    return [problem.text for problem in problems if problem.severity == "error"]


def warnings(problems):
    return [problem.text for problem in problems if problem.severity == "warning"]


def changed(fields, name, **change):
    return {
        kind: tuple(replace(field, **change) if field.name == name else field for field in listed)
        for kind, listed in fields.items()
    }


def without(fields, name):
    return {kind: tuple(field for field in listed if field.name != name) for kind, listed in fields.items()}


def test_the_shipped_rules_fit_salesforce_and_quickbooks(found):
    assert errors(found()) == []


def test_a_mistyped_crm_field_is_found_with_the_one_that_was_meant(found):
    (told,) = [one for one in found(add=[{"crm": "Phones", "books": "AltPhone"}]) if one.severity == "error"]
    assert told.text == "account has no field Phones; did you mean 'Phone'?"
    assert told.rule == ("Phones", "AltPhone")
    assert told.kind == "account"


def test_a_mistyped_field_of_a_contributor_is_looked_up_there(found):
    assert "contact has no field Titel; did you mean 'Title'?" in errors(
        found(add=[{"crm": "PrimaryContact.Titel", "books": "AltContact"}])
    )


def test_an_unknown_contributor_is_found(found):
    (told,) = errors(found(add=[{"crm": "PrimryContact.Title", "books": "AltContact"}]))
    assert "PrimryContact is no contributor; did you mean 'PrimaryContact'?" in told


def test_a_mistyped_quickbooks_path_is_found_once_for_a_run(found):
    run = {"crm": "BillingStreet", "books": "BilAddress/Addr1..Addr5", "direction": "to_books"}
    assert errors(found(add=[run])) == [
        "Customer has no field BilAddress/Addr1; did you mean 'BillAddress/Addr1'?"
    ]


@pytest.mark.parametrize(
    "name", ["QB_Link_Status__c", "QB_ListID__c", "QB_Primary_Contact__c", "QB_SyncKey__c"]
)
def test_a_custom_field_that_is_not_there_is_an_error(found, crm_fields, name):
    assert any(name in text for text in errors(found(crm=without(crm_fields, name))))


def test_a_field_hidden_from_the_integration_user_is_an_error_of_its_rule(found, crm_fields):
    told = found(crm=without(crm_fields, "AccountNumber"))
    assert [problem.rule for problem in told if problem.severity == "error"] == [
        ("AccountNumber", "AccountNumber")
    ]


def test_a_read_only_target_is_an_error_in_the_direction_that_writes_it(found, crm_fields):
    locked = changed(crm_fields, "AccountNumber", writable=False)
    assert errors(found(crm=locked)) == [
        "AccountNumber is read-only in the CRM. Set the rule's direction to to_books."
    ]
    one_way = [{"crm": "AccountNumber", "books": "AccountNumber", "direction": "to_books"}]
    assert errors(found(crm=locked, change=one_way)) == []


@pytest.mark.parametrize(
    "path", ["FullName", "Sublevel", "TimeModified", "Balance", "ListID", "EditSequence"]
)
def test_what_quickbooks_keeps_for_itself_cannot_be_written(found, path):
    told = errors(found(add=[{"crm": "Website", "books": path}]))
    assert f"{path} is read-only in QuickBooks. Set the rule's direction to to_crm." in told


def test_a_field_that_repeats_has_no_single_value(found):
    told = errors(found(add=[{"crm": "Fax", "books": "ShipToAddress/City", "direction": "to_books"}]))
    assert told == ["ShipToAddress/City can occur several times; a rule needs a field with one value."]


def test_a_converter_that_does_not_make_the_targets_type_is_an_error(found):
    told = errors(found(add=[{"crm": "Phone", "books": "CreditLimit", "direction": "to_books"}]))
    assert told == [
        "CreditLimit is of type AMT in QuickBooks, which converter text does not make. Use amount."
    ]


def test_a_shorter_target_is_a_warning_that_tells_what_happens(found):
    told = warnings(found())
    assert "Phone in the CRM holds 40 characters, Phone in QuickBooks 21: longer ones are refused." in told
    assert (
        "Description in the CRM holds 32000 characters, Notes in QuickBooks 4095: longer ones are cut."
        in told
    )
    assert not any(text.startswith("CompanyName in QuickBooks") for text in told)


def test_a_field_newer_than_the_company_rests_and_is_a_warning(found, crm_fields, books_fields):
    told = warnings(found(version="8.0"))
    assert "JobTitle needs qbXML 12.0, this company speaks 8.0: the rule rests." in told
    assert not any("rests" in text for text in warnings(found(version="13.0")))
    old = fit(load_profile("salesforce"), crm_fields, books_fields, version="8.0").kind("account")
    new = fit(load_profile("salesforce"), crm_fields, books_fields, version="12.0").kind("account")
    assert {rule.books for rule in new.rules} - {rule.books for rule in old.rules} == {"JobTitle"}


def test_a_demanded_field_that_no_rule_fills_is_an_error(found, crm_fields):
    demanding = changed(crm_fields, "Fax", required=True)
    one_way = [{"crm": "Fax", "books": "Fax", "direction": "to_books"}]
    assert errors(found(crm=demanding, change=one_way)) == [
        "A new account in the CRM needs Fax, and no rule fills it."
    ]
    assert errors(found(crm=demanding, change=one_way, create_in=["books"])) == []


def test_a_customer_cannot_be_created_without_a_rule_for_its_name(found):
    told = errors(found(remove=[{"crm": "Name", "books": "Name"}]))
    assert "A new Customer in QuickBooks needs Name, and no rule fills it." in told


@pytest.fixture
def priced(crm_fields, books_fields):
    """A picklist on either side of one rule."""
    crm = {
        **crm_fields,
        "account": (*crm_fields["account"], EndField("Rating", "choice", choices=("Hot", "Cold"))),
    }
    return {"crm": crm, "books": changed(books_fields, "JobStatus", choices=("Awarded", "Closed", "None"))}


def test_labels_without_a_counterpart_are_found_before_the_first_run(found, priced):
    rule = {"crm": "Rating", "books": "JobStatus", "converter": "picklist"}
    choices = [{"crm": "Hott", "books": "Awarded"}, {"crm": "Cold", "books": "Closed"}]
    told = found(**priced, add=[{**rule, "choices": choices}])
    assert errors(told) == ["'Hott' is no value in the CRM; did you mean 'Hot'?"]
    assert "Hot of the CRM has no counterpart in the rule's value list." in warnings(told)
    assert "None of QuickBooks has no counterpart in the rule's value list." in warnings(told)


def test_without_a_value_list_the_labels_are_compared_as_they_are(found, priced):
    told = found(**priced, add=[{"crm": "Rating", "books": "JobStatus", "converter": "picklist"}])
    assert "Rating: only one side knows Awarded, Closed, Cold, Hot, None." in warnings(told)


def test_a_vocabulary_tells_what_can_be_written_and_what_must_be():
    known = {
        end.name: end
        for end in books_vocabulary(*map(qbxml.fields, ("CustomerRet", "CustomerAdd", "CustomerMod")))
    }
    assert known["Name"].writable
    assert known["Name"].required
    assert known["Name"].length == 41
    assert known["JobTitle"].since == "12.0"
    assert not known["ListID"].writable
    assert not known["ListID"].required
    assert not known["FullName"].writable


def test_lengths_come_from_the_field_lists(rules):
    assert (rules["Phone"].shape.crm_length, rules["Phone"].shape.books_length) == (40, 21)
    assert rules["BillAddress/Addr1..Addr5"].shape.books_length == 41
    assert rules["LastName"].shape.crm_length == 80


@pytest.fixture
def sold(crm_fields, books_fields):
    """Checks an override of the invoice's map."""

    def run(*, crm=crm_fields, books=books_fields, settings=None, **invoice):
        profile = load_profile("salesforce", {"kinds": {"invoice": invoice}, "settings": settings or {}})
        return [one for one in check(profile, crm, books, "13.0") if one.kind == "invoice"]

    return run


def test_the_field_list_of_lines_is_one_more_kind():
    assert {"Invoice", "InvoiceLine", "SalesOrderLine", "ItemInventory"} <= set(
        books_kinds(load_profile("salesforce"))
    )


def test_a_mistyped_field_of_a_line_is_found_on_both_sides(sold):
    crm = {"crm": "Descripton", "books": "Other1", "direction": "to_books"}
    books = {"crm": "Description", "books": "Ratte", "direction": "to_books"}
    assert errors(sold(lines={"add": [crm, books]})) == [
        "opportunity has no field lines.Descripton; did you mean 'lines.Description'?",
        "InvoiceLine has no field Ratte; did you mean 'Rate'?",
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"lines": {"item": "ProductId"}}, "lines: opportunity has no field lines.ProductId"),
        ({"lines": {"line_id": "TxnLine"}}, "lines: opportunity has no field lines.TxnLine"),
        (
            {"lines": {"extra": [{"crm": "Freight", "setting": "freight_item"}]}},
            "extra line: opportunity has no field Freight",
        ),
        ({"total": {"crm": "Amont", "books": "Subtotal"}}, "total: opportunity has no field Amont"),
        ({"total": {"crm": "Amount", "books": "Total"}}, "total: Invoice has no field Total"),
        ({"requires": [{"field": "Acount", "reason": "x"}]}, "requires: opportunity has no field Acount"),
        (
            {"crm_filter": {"field": "Generate", "any_of": ["x"]}},
            "crm_filter: opportunity has no field Generate",
        ),
    ],
)
def test_every_field_that_a_document_names_is_looked_up(sold, change, told):
    (found,) = errors(sold(**change))
    assert found.startswith(told)


def test_an_empty_setting_is_told_before_a_record_is_refused_for_it(sold):
    write_in = "The setting write_in_item is empty: a line without an item will be refused."
    assert write_in in warnings(sold())
    assert write_in not in warnings(sold(settings={"write_in_item": "Misc"}))
    freight = {"extra": [{"crm": "Amount", "setting": "freight_item"}]}
    assert "The setting freight_item is empty: invoice with Amount will be refused." in warnings(
        sold(lines=freight)
    )


def test_an_empty_account_is_told_for_each_kind_of_item(crm_fields, books_fields):
    def waiting(**settings):
        told = check(load_profile("salesforce", {"settings": settings}), crm_fields, books_fields)
        return {one.kind for one in told if one.text.startswith("The setting income_account is empty")}

    assert waiting() == {"service_item", "non_inventory_item", "inventory_item"}
    assert waiting(income_account="Sales") == set()


def test_a_reference_needs_an_id_on_both_sides(sold):
    def rule(crm, books):
        shared = {"converter": "reference", "refers_to": "customer", "direction": "to_books"}
        return {"crm": crm, "books": books} | shared

    told = errors(sold(add=[rule("Name", "ClassRef/ListID"), rule("AccountId", "ClassRef/FullName")]))
    assert "Name is of type text in the CRM and refers to no other record." in told
    assert "ClassRef/FullName is no reference of QuickBooks; use ...Ref/ListID or TxnID." in told


def test_a_lookup_of_the_crm_takes_references_only(sold):
    plain = {"crm": "AccountId", "books": "Other", "direction": "to_crm"}
    (told,) = errors(sold(add=[plain]))
    assert told == (
        "AccountId is of type reference in the CRM, which converter text does not make. Use reference."
    )


def test_a_kind_that_is_switched_off_is_not_checked(crm_fields, books_fields):
    without_products = {kind: fields for kind, fields in crm_fields.items() if kind != "product"}
    names = ("service_item", "non_inventory_item", "inventory_item")
    off = load_profile("salesforce", {"kinds": {name: {"mode": "off"} for name in names}})
    assert errors(check(off, without_products, books_fields)) == []
    assert errors(check(load_profile("salesforce"), without_products, books_fields)) != []
