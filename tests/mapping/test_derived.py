from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qbxml
from qbwc_server.mapping import EndField, books_values, check, load_profile, to_crm
from qbwc_server.mapping.derived import DERIVED

MIRROR = load_profile("salesforce").kind("invoice")
CENTS = st.decimals(0, 99999, places=2)
STATUS, TOTAL = "payment_status()", "total()"


def seen(**ret):
    return books_values(MIRROR, ret)


def shown(ret, field):
    """What the CRM gets for a field of its invoice."""
    rule = next(one for one in MIRROR.rules if one.crm == field)
    return to_crm(rule, books_values(MIRROR, ret)[rule.books]).value


@given(CENTS, CENTS, st.sampled_from([1, -1]))
def test_an_invoice_shows_what_was_paid_whatever_the_sign(owed, paid, sign):
    paid = min(paid, owed)
    ret = {
        "Subtotal": owed,
        "AppliedAmount": sign * paid,
        "BalanceRemaining": owed - paid,
        "IsPaid": paid == owed,
    }
    assert shown(ret, "QB_Paid__c") == paid
    expected = "Paid" if paid == owed else "Partially Paid" if paid else "Open"
    assert shown(ret, "QB_Status__c") == expected
    assert shown(ret, "QB_Balance__c") + shown(ret, "QB_Paid__c") == shown(ret, "QB_Total__c")


@given(CENTS, CENTS)
def test_the_total_is_what_the_customer_owes_with_tax(subtotal, tax):
    assert seen(Subtotal=subtotal, SalesTaxTotal=tax)[TOTAL] == subtotal + tax
    assert seen(Subtotal=subtotal)[TOTAL] == subtotal


@pytest.mark.parametrize("memo", ["VOID:", "VOID: Kitchen"])
def test_a_void_invoice_is_void_and_not_paid(memo):
    nought = Decimal("0.00")
    ret = {"Subtotal": nought, "BalanceRemaining": nought, "IsPaid": True, "Memo": memo}
    assert seen(**ret)[STATUS] == "Voided"
    assert seen(**ret | {"Memo": "Kitchen"})[STATUS] == "Paid"
    assert seen(**ret | {"Subtotal": Decimal(1)})[STATUS] == "Paid"


def test_what_is_not_known_is_not_derived():
    assert seen(RefNumber="1")[TOTAL] is None
    assert seen(RefNumber="1")[STATUS] is None


def test_every_derived_value_is_made_of_fields_that_quickbooks_has():
    known = {one.path for kind in ("Invoice", "ReceivePayment") for one in qbxml.fields(f"{kind}Ret")}
    assert {path for one in DERIVED.values() for path in one.needs} <= known


def test_a_derived_value_cannot_be_written(crm_fields, books_fields):
    rule = {"crm": "QB_Total__c", "books": TOTAL, "converter": "amount"}
    profile = load_profile(
        "salesforce", {"kinds": {"invoice_mirror": {"change": [{**rule, "direction": "to_books"}]}}}
    )
    told = [one for one in check(profile, crm_fields, books_fields) if one.severity == "error"]
    assert [one.text for one in told] == [
        "total() is read-only in QuickBooks. Set the rule's direction to to_crm."
    ]


def test_a_value_is_derived_only_where_its_parts_are(crm_fields, books_fields):
    rule = {"crm": "Fax", "books": TOTAL, "direction": "to_crm"}
    override = {
        "kinds": {"account": {"remove": [{"crm": "Fax", "books": "Fax"}], "add": [rule]}},
    }
    told = check(load_profile("salesforce", override), crm_fields, books_fields)
    assert any(one.text.startswith("Customer has no field total()") for one in told)


def test_a_state_of_payment_that_the_crm_does_not_know_is_found(crm_fields, books_fields):
    fewer = tuple(
        EndField(one.name, "choice", choices=("Open", "Paid")) if one.name == "QB_Status__c" else one
        for one in crm_fields["invoice"]
    )
    told = check(load_profile("salesforce"), {**crm_fields, "invoice": fewer}, books_fields)
    assert any(one.text == "QB_Status__c: only one side knows Partially Paid, Voided." for one in told)
