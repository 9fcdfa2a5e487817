"""Totals of both sides: equal, or different by a named amount whose causes add up."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.mapping import load_profile, total_difference

INVOICE = load_profile("salesforce").kind("opportunity", "invoice")
money = st.decimals(Decimal("0.01"), Decimal("99999"), places=2)
signed = st.decimals(Decimal("-99999"), Decimal("99999"), places=2)
few = st.lists(money, min_size=1, max_size=6)


def sale(amounts, **values):
    lines = [{"Id": f"L{n}", "Product2Id": f"P{n}", "TotalPrice": one} for n, one in enumerate(amounts)]
    return {"Amount": sum(amounts, Decimal(0)), "lines": lines} | values


def invoice(amounts, tax=Decimal(0)):
    lines = [
        {"TxnLineID": f"T{n}", "ItemRef": {"FullName": f"Item {n}"}, "Amount": one}
        for n, one in enumerate(amounts)
    ]
    return {"Subtotal": sum(amounts, Decimal(0)), "SalesTaxTotal": tax, "InvoiceLineRet": lines}


def pairs(count):
    return {f"L{n}": f"T{n}" for n in range(count)}


@given(few, money, money, money)
def test_what_was_made_as_it_was_sent_does_not_differ(amounts, discount, freight, tax):
    values = sale(amounts, QB_Discount__c=discount, QB_Freight__c=freight, QB_Tax_Amount__c=tax)
    assert total_difference(INVOICE, values, invoice([*amounts, -discount, freight], tax), {}) is None


@given(few, few, st.none() | money, money)
def test_the_causes_come_to_the_difference(ours, theirs, expected_tax, tax):
    values = sale(ours, QB_Tax_Amount__c=expected_tax)
    count = min(len(ours), len(theirs))
    found = total_difference(INVOICE, values, invoice(theirs, tax), pairs(count))
    difference = sum(theirs) + tax - sum(ours) - (expected_tax or 0)
    assert (found is None) == (difference == 0)
    if found is not None:
        assert found.books - found.crm == difference
        assert sum(one.amount for one in found.causes) == difference
        assert "explained by neither" not in found.text
        assert f"({difference:+})" in found.text


@given(few, few)
def test_without_known_pairs_the_sums_of_the_lines_are_told(ours, theirs):
    found = total_difference(INVOICE, sale(ours), invoice(theirs))
    assert (found is None) == (sum(ours) == sum(theirs))
    assert found is None or f"The lines come to {sum(ours)} in the CRM, to {sum(theirs)}" in found.text


@given(st.lists(money, min_size=2, max_size=6, unique=True), st.randoms())
def test_lines_in_another_order_are_the_same_lines(amounts, random):
    mixed = list(amounts)
    random.shuffle(mixed)
    ids = {f"L{n}": f"T{mixed.index(one)}" for n, one in enumerate(amounts)}
    found = total_difference(INVOICE, sale(amounts), invoice([*mixed, Decimal("1.00")]), ids)
    assert [one.text for one in found.causes] == [f"Item {len(amounts)} of 1.00 is in QuickBooks only."]


def test_a_subtotal_line_in_quickbooks_adds_nothing():
    """A subtotal repeats what is above it, so the lines of an invoice add up to more than the invoice."""
    ret = invoice([Decimal(10), Decimal(10), Decimal(5)]) | {"Subtotal": Decimal(15)}
    found = total_difference(INVOICE, sale([Decimal(10)]), ret, pairs(1))
    assert found.text == (
        "The totals differ: 10.00 in the CRM, 15.00 in QuickBooks (+5.00). Other lines in QuickBooks come to 5.00."
    )


def test_many_differences_are_counted_and_not_listed():
    ours, theirs = [Decimal(n) for n in range(1, 8)], [Decimal(n + 1) for n in range(1, 8)]
    found = total_difference(INVOICE, sale(ours), invoice(theirs), pairs(7))
    assert "Line 3 (Item 2) is 3.00 in the CRM, 4.00 in QuickBooks." in found.text
    assert found.text.endswith("4 more differences come to +4.00.")


def test_a_line_that_the_crm_has_no_more_is_named():
    found = total_difference(INVOICE, sale([Decimal(1)]), invoice([Decimal(1), Decimal(2)]), pairs(2))
    assert found.text.endswith("Item 1 of 2.00 is gone in the CRM.")


@pytest.mark.parametrize("tax", [None, ""])
def test_tax_that_the_crm_does_not_expect_is_told_with_its_item(tax):
    ret = invoice([Decimal(100)], Decimal("8.25")) | {"ItemSalesTaxRef": {"FullName": "County"}}
    found = total_difference(INVOICE, sale([Decimal(100)], QB_Tax_Amount__c=tax), ret, pairs(1))
    assert found.text == (
        "The totals differ: 100.00 in the CRM, 108.25 in QuickBooks (+8.25). "
        "QuickBooks added 8.25 sales tax (County)."
    )


@given(signed, signed)
def test_amounts_that_only_the_record_has_are_compared_too(ours, theirs):
    found = total_difference(INVOICE, {"Amount": ours}, {"Subtotal": theirs})
    assert (found is None) == (ours == theirs)
