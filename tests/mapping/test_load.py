from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qbwc_server.mapping import MappingError, Rule, load_profile, shipped
from qbwc_server.mapping.validation import profile_or_problems

PHONE = {"crm": "Phone", "books": "Phone"}


def load(**account):
    return load_profile("salesforce", {"kinds": {"account": account}}).kind("account")


def problems(override):
    with pytest.raises(MappingError) as caught:
        load_profile("salesforce", override)
    return caught.value.problems


def attempt(account):
    """The faults of an override of the account, None when it loads."""
    try:
        load(**account)
    except MappingError as error:
        return error.problems
    return None


def rule_of(kind, crm, books):
    return next((rule for rule in kind.rules if rule.identity == (crm, books)), None)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_profile_loads_and_calls_itself_by_its_name(name):
    profile = load_profile(name)
    assert profile.name == name
    assert all(rule.origin == "shipped" for kind in profile.kinds for rule in kind.rules)


def test_a_profile_that_is_not_shipped_is_refused_with_a_suggestion():
    with pytest.raises(MappingError) as caught:
        load_profile("salesfroce")
    assert caught.value.problems == ("There is no profile 'salesfroce'; did you mean 'salesforce'?",)


def test_a_profile_and_its_rules_cannot_be_changed():
    rule = load_profile("salesforce").kind("account").rules[0]
    with pytest.raises(ValidationError):
        rule.winner = "crm"


def test_a_changed_rule_keeps_what_the_change_does_not_name():
    kind = load(change=[{"crm": "Description", "books": "Notes", "winner": "crm"}])
    rule = rule_of(kind, "Description", "Notes")
    assert (rule.winner, rule.converter, rule.too_long, rule.origin) == (
        "crm",
        "memo",
        "truncate",
        "override",
    )
    assert rule_of(kind, "Phone", "Phone").origin == "shipped"


def test_an_added_rule_comes_last_and_a_removed_one_is_gone():
    kind = load(add=[{"crm": "Industry", "books": "JobDesc"}], remove=[PHONE])
    assert kind.rules[-1] == Rule(crm="Industry", books="JobDesc", origin="override")
    assert rule_of(kind, "Phone", "Phone") is None


def test_a_removed_rule_makes_room_for_another_to_the_same_field():
    kind = load(remove=[PHONE], add=[{"crm": "Mobile__c", "books": "Phone"}])
    assert rule_of(kind, "Mobile__c", "Phone")
    afresh = load(remove=[PHONE], add=[{**PHONE, "converter": "memo"}])
    assert rule_of(afresh, "Phone", "Phone").converter == "memo"


def test_the_switches_of_a_kind_and_the_limits_are_set():
    profile = load_profile(
        "salesforce",
        {
            "kinds": {"account": {"mode": "import", "winner": "books", "match": ["email", "name"]}},
            "limits": {"creates": 7, "voids": None},
        },
    )
    kind = profile.kind("account")
    assert (kind.mode, kind.winner) == ("import", "books")
    assert [field.by for field in kind.matched_by()] == ["email", "name"]
    assert (profile.limits.creates, profile.limits.voids) == (7, None)
    assert profile.limits.amount == Decimal(100000)


def test_an_empty_override_changes_nothing():
    assert load_profile("salesforce", {"kinds": {"account": {}}, "limits": {}}) == load_profile("salesforce")


def test_loading_an_override_leaves_the_shipped_profile_as_it_is():
    before = load_profile("salesforce")
    load(remove=[PHONE], mode="export")
    assert load_profile("salesforce") == before


def test_every_fault_is_told_at_once_in_a_plain_sentence():
    told = problems(
        {
            "kind": {},
            "limits": {"create": 5},
            "kinds": {
                "acount": {},
                "account": {
                    "mod": "export",
                    "mode": "sideways",
                    "role": "vendor",
                    "change": [
                        {"crm": "Phon", "books": "Phone"},
                        {"crm": "Fax", "books": "Fax", "converter": "txt"},
                    ],
                    "add": [
                        {"crm": "Mobile__c", "books": "Phone", "dirction": "both"},
                        PHONE,
                        {"crm": "X"},
                        "Y",
                    ],
                    "remove": [{"crm": "Fax", "books": "Phone"}],
                },
            },
        }
    )
    expected = [
        "'kind' is nothing that an override can set; did you mean 'kinds'?",
        "The profile maps no 'acount'; did you mean 'account'?",
        "account: 'role' cannot be changed by an override.",
        "account: change: there is no rule Phon <-> Phone; did you mean 'Phone <-> Phone'?",
        "account: add: the rule Phone <-> Phone exists already; use change to set it.",
        "account: add: 'Y' is not a rule; it needs crm and books.",
        "account: mode is 'sideways'; it can be 'import', 'export', 'synchronize' or 'off'.",
        "account: 'mod' is not a setting; did you mean 'mode'?",
        "account: Fax <-> Fax: there is no converter 'txt'; did you mean 'text'?",
        "account: Mobile__c <-> Phone: 'dirction' is not a setting; did you mean 'direction'?",
        "account: X <-> ?: books is missing.",
        "limits: 'create' is not a setting; did you mean 'creates'?",
    ]
    assert [sentence for sentence in expected if sentence not in told] == []
    assert any(t.startswith("account: remove: there is no rule Fax <-> Phone") for t in told)
    assert any("both write Phone in QuickBooks" in t for t in told)


@pytest.mark.parametrize(
    ("rule", "target"),
    [
        ({"crm": "Mobile__c", "books": "Phone"}, "write Phone in QuickBooks"),
        ({"crm": "Phone", "books": "AltPhone"}, "write Phone in the CRM"),
        ({"crm": "X__c", "books": "BillAddress/Addr2"}, "write BillAddress/Addr2 in QuickBooks"),
        ({"crm": "X__c", "books": "ShipAddress/Addr1..Addr2"}, "write ShipAddress/Addr1 in QuickBooks"),
    ],
)
def test_two_rules_that_write_one_field_are_refused(rule, target):
    (*_, told) = problems({"kinds": {"account": {"add": [rule]}}})
    assert target in told
    assert "Remove one of them, or set its direction." in told


def test_two_rules_may_read_one_field():
    kind = load(add=[{"crm": "Phone", "books": "AltPhone", "direction": "to_books"}])
    assert rule_of(kind, "Phone", "AltPhone")


@pytest.mark.parametrize("key", ["origin", "shape"])
def test_what_loading_keeps_for_itself_is_not_a_setting(key):
    told = problems({"kinds": {"account": {"change": [{**PHONE, key: "shipped"}]}}})
    assert told == (f"account: change: Phone <-> Phone: {key!r} is not a setting",)


@pytest.mark.parametrize(
    "override", [{"kinds": []}, {"kinds": {"account": "x"}}, {"limits": 5}, {"title": 5}]
)
def test_an_override_of_the_wrong_shape_is_a_sentence_not_a_crash(override):
    (told,) = problems(override)
    assert told.endswith(".")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SETTINGS = st.sampled_from(
    [
        "mode",
        "match",
        "promoted",
        "rules",
        "add",
        "change",
        "remove",
        "status",
        "contributors",
        "requires",
        "lines",
        "total",
        "crm_filter",
    ]
)
RULE = st.dictionaries(st.sampled_from(["crm", "books", "converter", "choices", "too_long"]), JSON)


@given(st.dictionaries(SETTINGS, JSON | st.lists(RULE, max_size=2), max_size=4))
def test_whatever_an_override_holds_it_loads_or_is_explained(account):
    told = attempt(account)
    assert told is None or (told and all(isinstance(sentence, str) and sentence for sentence in told))


def test_a_mode_narrows_the_rights():
    kind = load(mode="export", create_in=["books", "crm"], update_in=["crm"])
    assert kind.may_create("books")
    assert not kind.may_create("crm")
    assert not kind.may_update("books")
    assert not kind.may_update("crm")


def test_the_winner_of_a_rule_counts_before_the_winner_of_its_kind():
    kind = load(winner="books", change=[{**PHONE, "winner": "crm"}])
    assert kind.winner_of(rule_of(kind, "Phone", "Phone")) == "crm"
    assert kind.winner_of(rule_of(kind, "Fax", "Fax")) == "books"


def test_a_kind_is_found_from_either_side():
    profile = load_profile("salesforce")
    assert profile.kind("account", "customer") is profile.books("Customer", crm_kind="account")
    with pytest.raises(KeyError, match="QuickBooks Customer more than once: account, contact_customer"):
        profile.books("Customer")
    with pytest.raises(KeyError, match="maps no account as job"):
        profile.kind("account", "job")
    with pytest.raises(KeyError, match="maps no QuickBooks Vendor"):
        profile.books("Vendor")


def test_rules_and_maps_can_be_kept_in_sets():
    profile = load_profile("salesforce")
    assert len({rule for kind in profile.kinds for rule in kind.rules}) > len(profile.kinds)
    assert len(set(profile.kinds)) == len(profile.kinds)


def test_settings_are_overridden_one_by_one_and_must_exist():
    profile = load_profile("salesforce", {"settings": {"income_account": "Sales"}})
    assert profile.settings["income_account"] == "Sales"
    assert set(profile.settings) == set(load_profile("salesforce").settings)
    rule = {"crm": "Class__c", "books": "ClassRef/FullName", "setting": "clas"}
    told = problems({"kinds": {"account": {"add": [rule]}}, "settings": {"class": "South"}})
    assert told == ("account: the profile has no setting 'clas'; did you mean 'class'?",)
    assert problems({"settings": {"income_account": 5}}) != ()


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            {"crm": "X", "books": "XRef/ListID", "converter": "reference"},
            "account: X <-> XRef/ListID: converter reference and refers_to, the role it leads to, go together.",
        ),
        (
            {"crm": "X", "books": "XRef/ListID", "refers_to": "customer"},
            "account: X <-> XRef/ListID: converter reference and refers_to, the role it leads to, go together.",
        ),
        (
            {"crm": "X", "books": "XRef/ListID", "converter": "reference", "refers_to": "custmer"},
            "account: X <-> XRef/ListID: no map has the role 'custmer'; did you mean 'customer'?",
        ),
    ],
)
def test_a_reference_leads_to_a_role_that_there_is(rule, told):
    assert problems({"kinds": {"account": {"add": [rule]}}}) == (told,)


def test_the_lines_of_a_document_are_overridden_like_a_kind():
    override = {
        "remove": [{"crm": "ServiceDate", "books": "ServiceDate"}],
        "change": [{"crm": "Description", "books": "Desc", "too_long": "refuse"}],
        "add": [{"crm": "Class__c", "books": "ClassRef/FullName", "direction": "to_books"}],
        "extra": [{"crm": "Freight__c", "setting": "freight_item"}],
    }
    sale = load_profile("salesforce", {"kinds": {"invoice": {"lines": override}}}).kind(
        "opportunity", "invoice"
    )
    assert rule_of(sale.lines, "ServiceDate", "ServiceDate") is None
    assert rule_of(sale.lines, "Description", "Desc").too_long == "refuse"
    assert rule_of(sale.lines, "Class__c", "ClassRef/FullName").origin == "override"
    assert sale.lines.extra[0].crm == "Freight__c"
    assert sale.lines.item == "Product2Id"


def test_faults_in_lines_are_told_with_their_place():
    faults = {
        "books": "EstimateLine",
        "itm": "Product2Id",
        "add": [{"crm": "TotalPrice", "books": "Rate", "direction": "to_books"}, {"crm": "X"}],
    }
    told = problems({"kinds": {"invoice": {"lines": faults, "requires": [{"field": "AccountId"}]}}})
    expected = [
        "invoice: lines: 'books' cannot be changed by an override.",
        "invoice: lines: 'itm' is not a setting; did you mean 'item'?",
        "invoice: lines: X <-> ?: books is missing.",
        "invoice: requires: AccountId: reason is missing.",
    ]
    assert [sentence for sentence in expected if sentence not in told] == []
    assert any(
        "invoice: lines: UnitPrice <-> Rate and TotalPrice <-> Rate both write Rate" in t for t in told
    )


def test_two_rules_that_write_one_of_several_ways_are_refused():
    rule = {"crm": "Other__c", "books": "SalesAndPurchase/SalesDesc", "direction": "to_books"}
    (told,) = problems({"kinds": {"service_item": {"add": [rule]}}})
    assert "both write SalesAndPurchase/SalesDesc in QuickBooks" in told


def test_a_name_is_that_of_one_map():
    told = problems({"kinds": {"invoice": {"name": "sales_order"}}})
    assert told == ("invoice: 'name' cannot be changed by an override.",)
    shipped_profile = load_profile("salesforce")
    twice = shipped_profile.model_dump()
    twice["kinds"][1]["name"] = "account"
    _, faults = profile_or_problems(twice)
    assert faults == ("2 maps are called account. Give each a name of its own.",)
