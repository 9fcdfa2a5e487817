from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import qbxml
from qbwc_server.mapping import (
    CannotConvert,
    KindMap,
    Rule,
    crm_reads,
    document_lines,
    line_reads,
    load_profile,
    total_difference,
)

INVOICE = load_profile("salesforce").kind("opportunity", "invoice")
ORDER = load_profile("salesforce").kind("opportunity", "sales_order")
FREIGHT = {"crm": "Freight__c", "setting": "freight_item"}
REBATE = {"crm": "Rebate__c", "setting": "discount_item", "negative": True}
EXTRA = load_profile("salesforce", {"kinds": {"invoice": {"lines": {"extra": [FREIGHT, REBATE]}}}}).kind(
    "opportunity", "invoice"
)
SETTINGS = {"write_in_item": "Write-in", "freight_item": "Freight", "discount_item": "Rebate"}

money = st.decimals(Decimal("-99999"), Decimal("99999"), places=2)
quantities = st.decimals(Decimal("0.01"), Decimal("9999"), places=2)
rates = st.decimals(Decimal("0"), Decimal("9999"), places=5)


def known(role, crm_id):
    return f"80000001-{crm_id}" if role == "item" else None


def line(**values):
    return {"Id": "00kA", "Product2Id": "01tA"} | values


def made(kind_map: KindMap, *lines, settings=SETTINGS, refer=known, **values):
    return document_lines(kind_map, {"lines": list(lines), **values}, settings, refer)


def accepted(lines, element="InvoiceLineAdd", message="Invoice"):
    request = qbxml.Request(
        f"{message}AddRq", {f"{message}Add": {"CustomerRef": {"ListID": "1-1"}, element: lines}}
    )
    return qbxml.validate(request) == ()


def amounts(one):
    """What QuickBooks can make of a line: its amount, or quantity times rate rounded either way."""
    if "Amount" in one:
        return {one["Amount"]}
    product = one["Quantity"] * one["Rate"]
    return {product.quantize(Decimal("0.01"), rule) for rule in (ROUND_HALF_UP, ROUND_HALF_EVEN)}


@given(quantities, rates, money)
def test_the_amount_of_a_line_is_the_crms_to_the_cent(quantity, rate, total):
    (one,) = made(INVOICE, line(Quantity=quantity, UnitPrice=rate, TotalPrice=total)).lines
    assert amounts(one) == {total}
    assert ("Rate" in one) != ("Amount" in one)
    assert one["Quantity"] == quantity
    assert accepted([one])


@given(quantities, rates)
def test_quantity_and_rate_go_where_they_make_the_amount(quantity, rate):
    product = quantity * rate
    assume((product * 1000) % 10 != 5 or product * 1000 % 1)
    (one,) = made(
        INVOICE, line(Quantity=quantity, UnitPrice=rate, TotalPrice=product.quantize(Decimal("0.01")))
    ).lines
    assert (one["Quantity"], one["Rate"]) == (quantity, rate)
    assert "Amount" not in one


def test_half_a_cent_is_nobodys_to_round():
    half = line(Quantity=Decimal("0.5"), UnitPrice=Decimal("0.25"), TotalPrice=Decimal("0.13"))
    (one,) = made(INVOICE, half).lines
    assert one["Amount"] == Decimal("0.13")
    assert "Rate" not in one


@given(quantities, rates, st.integers(1, 100))
def test_a_discounted_line_has_the_amount_that_the_customer_was_told(quantity, rate, percent):
    # Salesforce: TotalPrice is UnitPrice x Quantity less the line's discount.
    total = (quantity * rate * (100 - percent) / 100).quantize(Decimal("0.01"), ROUND_DOWN)
    discounted = line(Quantity=quantity, UnitPrice=rate, Discount=Decimal(percent), TotalPrice=total)
    (one,) = made(INVOICE, discounted).lines
    assert amounts(one) == {total}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"TotalPrice": Decimal("5.00")}, {"Amount": Decimal("5.00")}),
        ({"Quantity": Decimal(0), "TotalPrice": Decimal("5.00")}, {"Amount": Decimal("5.00")}),
        ({"Quantity": Decimal(2), "UnitPrice": Decimal(3)}, {"Quantity": Decimal(2), "Rate": Decimal(3)}),
        (
            {"Quantity": Decimal(3), "UnitPrice": Decimal("0.3333333"), "TotalPrice": Decimal("1.00")},
            {"Quantity": Decimal(3), "Amount": Decimal("1.00")},
        ),
    ],
)
def test_a_price_is_made_of_what_there_is(values, expected):
    (one,) = made(INVOICE, line(**values)).lines
    assert {name: one[name] for name in ("Quantity", "Rate", "Amount") if name in one} == expected


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"Quantity": Decimal("1.123456")}, "decimals"),
        ({"TotalPrice": Decimal("1.005")}, "decimals"),
        ({"Quantity": Decimal(1), "UnitPrice": Decimal("0.3333333")}, "decimals"),
        ({"Quantity": "many"}, "not_a_number"),
    ],
)
def test_a_number_that_quickbooks_cannot_keep_is_refused_with_its_line(values, code):
    document = made(INVOICE, line(Quantity=Decimal(1)), line(**values))
    (problem,) = document.problems
    assert problem.code == code
    assert problem.text.startswith("Line 2: ")
    assert len(document.lines) == 1


@given(st.lists(st.tuples(quantities, money), max_size=6))
def test_lines_stand_in_the_crms_order_with_its_ids(given_lines):
    lines = [
        line(Id=f"00k{place}", Description=f"line {place}", Quantity=quantity, TotalPrice=total)
        for place, (quantity, total) in enumerate(given_lines)
    ]
    document = made(INVOICE, *lines)
    assert document.line_ids == [one["Id"] for one in lines]
    assert [one["Desc"] for one in document.lines] == [one["Description"] for one in lines]


def test_a_line_refers_to_the_item_of_its_product():
    document = made(INVOICE, line(Quantity=Decimal(1)))
    assert document.lines == [{"ItemRef": {"ListID": "80000001-01tA"}, "Quantity": Decimal(1)}]
    assert document.unresolved == []


def test_products_without_an_item_are_named_once_each():
    lines = [line(Product2Id=one) for one in ("01tA", "01tB", "01tA")]
    document = made(INVOICE, *lines, refer=lambda role, crm_id: None)
    assert document.unresolved == [("item", "01tA"), ("item", "01tB")]
    assert document.problems == []


def test_a_line_without_a_product_is_a_write_in():
    document = made(INVOICE, line(Product2Id=None, TotalPrice=Decimal("7.00"), Description="Odd job"))
    assert document.lines == [
        {"ItemRef": {"FullName": "Write-in"}, "Desc": "Odd job", "Amount": Decimal("7.00")}
    ]


def test_a_write_in_without_its_setting_is_refused_with_what_to_set():
    (problem,) = made(INVOICE, line(Product2Id=None), settings={"write_in_item": " "}).problems
    assert isinstance(problem, CannotConvert)
    assert problem.code == "setting"
    assert "write_in_item" in problem.text
    assert 'qbwc-server mapping set CONNECTION settings.write_in_item "..."' in problem.text


def test_freight_and_discount_of_the_record_are_lines_at_the_end():
    document = made(
        EXTRA,
        line(TotalPrice=Decimal("9.00")),
        Freight__c=Decimal("12.50"),
        Rebate__c=Decimal("3.00"),
    )
    assert document.lines[1:] == [
        {"ItemRef": {"FullName": "Freight"}, "Amount": Decimal("12.50")},
        {"ItemRef": {"FullName": "Rebate"}, "Amount": Decimal("-3.00")},
    ]
    assert document.line_ids == ["00kA", "Freight__c", "Rebate__c"]
    assert accepted(document.lines)


@pytest.mark.parametrize("nothing", [None, "", Decimal(0), Decimal("0.00")])
def test_no_freight_is_no_line_and_needs_no_setting(nothing):
    document = made(EXTRA, Freight__c=nothing, settings={})
    assert (document.lines, document.problems) == ([], [])


def test_freight_without_its_setting_is_refused():
    (problem,) = made(EXTRA, Freight__c=Decimal(5), settings={}).problems
    assert problem.text.startswith(
        "Freight__c needs a line of its own, and the setting freight_item is empty."
    )


def test_a_tax_code_that_was_set_is_on_every_line():
    document = made(
        EXTRA, line(TotalPrice=Decimal(1)), Freight__c=Decimal(2), settings=SETTINGS | {"tax_code": "Tax"}
    )
    assert [one["SalesTaxCodeRef"] for one in document.lines] == [{"FullName": "Tax"}] * 2
    assert accepted(document.lines)


def test_the_lines_of_a_sales_order_are_those_that_quickbooks_takes():
    document = made(
        ORDER, line(Quantity=Decimal(2), UnitPrice=Decimal(3), TotalPrice=Decimal(6), ServiceDate="")
    )
    assert accepted(document.lines, "SalesOrderLineAdd", "SalesOrder")


def test_a_kind_without_lines_has_none():
    account = load_profile("salesforce").kind("account")
    assert document_lines(account, {"lines": [line()]}, {}, known) == document_lines(account, {}, {}, known)
    assert line_reads(account) == ()


def test_everything_that_lines_need_is_asked_for():
    asked = crm_reads(EXTRA)[""]
    assert {
        f"lines.{name}" for name in ("Product2Id", "Quantity", "UnitPrice", "TotalPrice", "QB_TxnLineID__c")
    } <= {*asked}
    assert {"QB_Generate__c", "AccountId", "Pricebook2.IsStandard", "Amount", "Freight__c", "Rebate__c"} <= {
        *asked
    }
    assert len(set(asked)) == len(asked)


def test_a_rule_of_a_line_can_fall_back_on_a_setting():
    ruled = INVOICE.model_copy(
        update={
            "lines": INVOICE.lines.model_copy(
                update={"rules": (Rule(crm="Class__c", books="ClassRef/FullName", setting="class"),)}
            )
        }
    )
    document = made(ruled, line(), line(Class__c="North"), settings={"class": "South"})
    assert [one["ClassRef"]["FullName"] for one in document.lines] == ["South", "North"]


@given(money, money)
def test_totals_differ_or_agree_to_the_cent(ours, theirs):
    found = total_difference(INVOICE, {"Amount": ours}, {"Subtotal": theirs})
    assert (found is None) == (ours == theirs)
    assert found is None or (found.crm, found.books) == (ours, theirs)


@pytest.mark.parametrize(
    ("values", "ret"), [({}, {"Subtotal": Decimal(1)}), ({"Amount": Decimal(1)}, {}), ({"Amount": ""}, {})]
)
def test_an_unknown_total_differs_from_nothing(values, ret):
    assert total_difference(INVOICE, values, ret) is None


def test_totals_are_compared_in_cents_however_they_are_written():
    assert total_difference(INVOICE, {"Amount": "10"}, {"Subtotal": Decimal("10.000")}) is None
    account = load_profile("salesforce").kind("account")
    assert total_difference(account, {"Amount": "10"}, {"Subtotal": Decimal(11)}) is None
