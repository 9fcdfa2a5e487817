import pytest

from qbwc_server.mapping import diff, explain, load_profile

CHANGED = {
    "kinds": {
        "account": {
            "winner": "crm",
            "change": [{"crm": "Fax", "books": "Fax", "direction": "to_books", "clear_when_empty": True}],
            "add": [{"crm": "Industry", "books": "JobDesc", "default": "Trade", "only_on_create": True}],
            "remove": [{"crm": "Phone", "books": "Phone"}],
        }
    },
    "limits": {"creates": 9},
    "title": "Our Salesforce",
}


def test_a_value_is_explained_from_its_crm_name_and_from_its_quickbooks_name(profile):
    told = explain(profile, "JobTitle")
    assert explain(profile, "PrimaryContact.Title") in told
    assert "account PrimaryContact.Title <-> Customer JobTitle, in both directions." in told
    assert "PrimaryContact is the contact named by QB_Primary_Contact__c of the account." in told
    assert "QuickBooks holds 41 characters. The CRM holds 128 characters." in told
    assert "A value that does not fit is cut." in told
    assert "When both sides changed, a person decides." in told
    assert "An empty value changes nothing." in told
    assert "The rule is shipped." in told


def test_one_line_of_an_address_is_explained_by_its_run(profile):
    assert "BillingStreet <-> Customer BillAddress/Addr1..Addr5" in explain(profile, "BillAddress/Addr3")


def test_a_field_of_two_rules_has_two_paragraphs(profile):
    told = explain(profile, "Name")
    assert "It must have a value." in told
    assert "Name -> Customer CompanyName, to QuickBooks only." in told
    assert len([one for one in told.split("\n\n") if one.startswith("account ")]) == 2


def test_an_overridden_rule_says_so():
    profile = load_profile("salesforce", CHANGED)
    told = explain(profile, "Fax")
    assert "The rule is from the override." in told
    assert "An empty value clears the other side." in told
    told = explain(profile, "Industry")
    assert "Written only when the record is created." in told
    assert "A new record without it gets 'Trade'." in told
    assert "When both sides changed, the CRM wins." in told


@pytest.mark.parametrize(("name", "meant"), [("Phon", "Phone"), ("BillAddress/Ctiy", "BillAddress/City")])
def test_an_unknown_name_is_answered_with_the_one_that_was_meant(profile, name, meant):
    assert explain(profile, name) == f"No rule of Salesforce touches {name}; did you mean {meant!r}?"


def test_a_shipped_profile_differs_in_nothing():
    assert diff(load_profile("salesforce")) == ()


def test_lengths_are_no_difference(profile):
    assert diff(profile) == ()


def test_every_difference_is_told_with_what_was_shipped():
    assert set(diff(load_profile("salesforce", CHANGED))) == {
        "limits: creates is 9, shipped 200.",
        "salesforce: title is Our Salesforce, shipped Salesforce.",
        "account: winner is crm, shipped nothing.",
        "account: removed Phone <-> Phone.",
        "account: added Industry <-> JobDesc.",
        "account: Fax -> Fax: direction is to_books, shipped both.",
        "account: Fax -> Fax: clear_when_empty is True, shipped False.",
    }
