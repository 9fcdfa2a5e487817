"""Editions, preferences and permissions, and both positions of what the reference leaves open."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from qbwc_server.simulator import CompanyFile, ProcessError
from tests.conformance.desk import (
    UNCONFIRMED,
    Clock,
    Desk,
    Element,
    amount,
    cites,
    document,
    full_name,
    line,
    list_id,
    record_id,
    request,
    text,
)

FEATURE_OFF = "This feature is not enabled or not available in this version of QuickBooks."
NO_PERMISSION = "Insufficient permission level to perform this action."


@pytest.fixture
def ann(desk: Desk) -> Element:
    return desk.customer("Ann")


@pytest.fixture
def item(desk: Desk) -> Element:
    return desk.service(price="10.00")


# -- editions, preferences, permissions ---


@cites("S10")
@pytest.mark.parametrize(
    ("preference", "kind"),
    [("sales_orders", "SalesOrder"), ("estimates", "Estimate")],
)
def test_forms_need_their_preference(
    desk: Desk, ann: Element, item: Element, preference: str, kind: str
) -> None:
    values = {"CustomerRef": list_id(ann), f"{kind}LineAdd": line(item, Quantity=1)}
    desk.company.prefer(preference, is_on=False)
    desk.fails(3250, f"{kind}Add", values, FEATURE_OFF)
    desk.fails(3250, f"{kind}Query", None, FEATURE_OFF)
    desk.company.prefer(preference, is_on=True)
    desk.ok(f"{kind}Add", values)


@cites("S6")
@pytest.mark.parametrize(
    ("preference", "kind", "values"),
    [
        ("class_tracking", "Class", {"Name": "East"}),
        ("price_levels", "PriceLevel", {"Name": "Tenth", "PriceLevelFixedPercentage": "10.0"}),
        ("sales_tax", "ItemSalesTax", {"Name": "County", "TaxRate": "8.25"}),
    ],
)
def test_lists_need_their_preference(desk: Desk, preference: str, kind: str, values: dict[str, str]) -> None:
    desk.company.prefer(preference, is_on=False)
    desk.fails(3250, f"{kind}Add", values, FEATURE_OFF)
    desk.company.prefer(preference, is_on=True)
    desk.ok(f"{kind}Add", values)


@cites("S6")
def test_currencies_need_multi_currency(desk: Desk) -> None:
    euro = {"Name": "Moon Dollar", "CurrencyCode": "MND"}
    desk.fails(3250, "CurrencyAdd", euro, FEATURE_OFF)
    desk.company.prefer("multi_currency", is_on=True)
    desk.ok("CurrencyAdd", euro)
    preferences = desk.ok("PreferencesQuery")
    assert text(preferences, "MultiCurrencyPreferences/IsMultiCurrencyOn") == "true"
    ann = desk.customer("Ann", CurrencyRef=full_name("Moon Dollar"))
    assert text(ann, "CurrencyRef/FullName") == "Moon Dollar"


@cites("S6")
def test_a_customer_of_another_currency_needs_multi_currency(desk: Desk) -> None:
    desk.fails(3250, "CustomerAdd", {"Name": "Ann", "CurrencyRef": full_name("Euro")}, FEATURE_OFF)
    assert desk.names("Customer") == set()


@cites("S6")
@pytest.mark.parametrize(("edition", "code"), [("Pro", "3250"), ("Premier", "0")])
def test_sales_orders_are_of_premier_and_above(tmp_path: Path, edition: str, code: str) -> None:
    clock = Clock()
    company = CompanyFile.create(
        tmp_path / "e.sqlite", company_name="E", timezone="America/New_York", clock=clock, edition=edition
    )
    desk = Desk(company, clock, None)
    values = {
        "CustomerRef": list_id(desk.customer("Ann")),
        "SalesOrderLineAdd": line(desk.service(), Quantity=1),
    }
    assert desk.codes(request("SalesOrderAdd", values)) == [code]
    company.close()


@cites("S2")
@pytest.mark.parametrize(
    ("area", "kind"),
    [("customers", "Customer"), ("items", "ItemService"), ("accounts", "Account"), ("sales", "Invoice")],
)
def test_an_area_that_is_barred_is_3260_for_reading_too(desk: Desk, area: str, kind: str) -> None:
    desk.company.bar(area)
    desk.fails(3260, f"{kind}Query", None, NO_PERMISSION)
    desk.company.bar()
    assert desk.ask(f"{kind}Query").get("statusCode") in ("0", "1")


# -- what the reference leaves open ---


@cites("S1", UNCONFIRMED)
@pytest.mark.parametrize(
    ("position", "length", "code"), [("23", 24, "9004"), ("24", 24, "0"), ("24", 25, "9004")]
)
def test_message_set_ids_of_24_characters(desk: Desk, position: str, length: int, code: str) -> None:
    desk.company.rule("set_id_length", position)
    answer = desk.answer(document([request("CustomerAdd", {"Name": "Ann"})], newMessageSetID="x" * length))
    assert (answer.get("messageSetStatusCode") or "0") == code


@cites("S1", UNCONFIRMED)
@pytest.mark.parametrize("position", ["9002", "600"])
def test_a_message_set_that_was_never_stored(desk: Desk, position: str) -> None:
    desk.company.rule("unknown_set", position)
    answer = desk.answer(document(oldMessageSetID="X", newMessageSetID="X"))
    assert answer.get("messageSetStatusCode") == position


@cites("S6", UNCONFIRMED)
@pytest.mark.parametrize("position", ["3250", "1030"])
def test_what_an_edition_lacks(tmp_path: Path, position: str) -> None:
    clock = Clock()
    company = CompanyFile.create(
        tmp_path / "e.sqlite", company_name="E", timezone="America/New_York", clock=clock, edition="Pro"
    )
    company.rule("edition_lacks", position)
    assert Desk(company, clock, None).codes(request("SalesOrderQuery")) == [position]
    company.close()


@cites("S2", UNCONFIRMED)
@pytest.mark.parametrize(("position", "code"), [("refused", "3250"), ("warned", "530")])
def test_a_reference_of_a_feature_that_is_off(desk: Desk, position: str, code: str) -> None:
    desk.ok("ClassAdd", {"Name": "East"})
    desk.company.prefer("class_tracking", is_on=False)
    desk.company.rule("feature_off", position)
    assert desk.codes(request("CustomerAdd", {"Name": "Ann", "ClassRef": full_name("East")})) == [code]


@cites("S2", UNCONFIRMED)
@pytest.mark.parametrize("position", ["3260", "3261"])
def test_a_reader_that_writes(desk: Desk, position: str) -> None:
    desk.company.rule("reader_writes", position)
    desk.company.set_permission("read")
    assert desk.codes(request("CustomerAdd", {"Name": "Ann"})) == [position]


@cites("S4", UNCONFIRMED)
@pytest.mark.parametrize("position", ["increases", "second"])
def test_two_edits_within_one_second(desk: Desk, ann: Element, position: str) -> None:
    desk.company.rule("edit_sequence", position)
    again = desk.modified("Customer", ann, {"Phone": "1"})
    is_same = text(again, "EditSequence") == text(ann, "EditSequence")
    assert is_same is (position == "second")


@cites("S4", UNCONFIRMED)
@pytest.mark.parametrize(("position", "offset"), [("january", "-05:00"), ("season", "-04:00")])
def test_the_printed_offset_in_summer(desk: Desk, position: str, offset: str) -> None:
    desk.company.rule("printed_offset", position)
    assert text(desk.customer("Ann"), "TimeModified") == f"2026-08-01T11:00:00{offset}"


@cites("S4", UNCONFIRMED)
@pytest.mark.parametrize(("position", "names"), [("january", {"Ann"}), ("season", set())])
def test_a_true_offset_in_a_filter(desk: Desk, ann: Element, position: str, names: set[str]) -> None:
    """Ann was made at 11:00. 11:30 at -04:00 is 10:30 by January's offset of -05:00, and 11:30 by August's."""
    desk.company.rule("filter_offset", position)
    assert desk.names("Customer", {"FromModifiedDate": "2026-08-01T11:30:00-04:00"}) == names


@cites("S4", UNCONFIRMED)
@pytest.mark.parametrize("position", ["stay", "move"])
def test_postings_to_a_job_and_the_times_of_its_parent(
    desk: Desk, ann: Element, item: Element, position: str
) -> None:
    desk.company.rule("parent_times", position)
    job = desk.customer("Job", ParentRef=list_id(ann))
    desk.clock.advance(hours=1)
    desk.invoice(job, line(item, Quantity=1))
    moved = text(desk.read("Customer", record_id(ann)), "TimeModified") != text(ann, "TimeModified")
    assert moved is (position == "move")


@cites("S4", UNCONFIRMED)
@pytest.mark.parametrize("position", ["all", "lists"])
def test_payments_and_the_times_of_their_invoice(
    desk: Desk, ann: Element, item: Element, position: str
) -> None:
    desk.company.rule("posting_times", position)
    invoice = desk.invoice(ann, line(item, Quantity=1))
    desk.clock.advance(hours=1)
    desk.payment(ann, "10.00", invoice)
    moved = text(desk.read("Invoice", record_id(invoice)), "TimeModified") != text(invoice, "TimeModified")
    assert moved is (position == "all")


@cites("S5", UNCONFIRMED)
@pytest.mark.parametrize(("position", "stored"), [("latin1", "????"), ("cp1252", "€“”–")])
def test_characters_of_windows(desk: Desk, position: str, stored: str) -> None:
    desk.company.rule("windows_characters", position)
    given = "".join(f"&#{ord(one)};" for one in "€“”–")
    desk.answer(document([f"<CustomerAddRq><CustomerAdd><Name>{given}</Name></CustomerAdd></CustomerAddRq>"]))
    assert desk.names("Customer") == {stored}


@cites("S5", UNCONFIRMED)
@pytest.mark.parametrize(("position", "city"), [("unit", None), ("kept", "Town")])
def test_lines_of_an_address_that_a_mod_leaves_out(desk: Desk, position: str, city: str | None) -> None:
    desk.company.rule("address_lines", position)
    ann = desk.customer("Ann", BillAddress={"Addr1": "Elm 1", "City": "Town"})
    ret = desk.modified("Customer", ann, {"BillAddress": {"Addr1": "Oak 2"}})
    assert ret.findtext("BillAddress/City") == city


@cites("S1", UNCONFIRMED)
@pytest.mark.parametrize(("position", "codes"), [("taken", ["0", "0"]), ("3100", ["0", "3100"])])
def test_one_external_guid_given_twice(desk: Desk, position: str, codes: list[str]) -> None:
    desk.company.rule("external_guid_twice", position)
    guid = {"ExternalGUID": "{3f2504e0-4f89-11d3-9a0c-0305e82c3301}"}
    adds = (request("CustomerAdd", {"Name": name, **guid}) for name in ("Ann", "Ben"))
    assert desk.codes(*adds) == codes


@cites("S2", UNCONFIRMED)
@pytest.mark.parametrize(("position", "names"), [("returned", ["Ann"]), ("withheld", [])])
def test_what_was_found_beside_what_was_not(
    desk: Desk, ann: Element, position: str, names: list[str]
) -> None:
    desk.company.rule("found_beside_missing", position)
    rs = desk.fails(500, "CustomerQuery", {"FullName": ["Ann", "Nobody"]})
    assert [text(ret, "Name") for ret in rs] == names


@cites("S3", UNCONFIRMED)
@pytest.mark.parametrize("position", ["with_id", "without_id"])
def test_a_first_page_that_is_the_last(desk: Desk, ann: Element, position: str) -> None:
    desk.company.rule("single_page", position)
    rs = desk.ask("CustomerQuery", {"MaxReturned": 5}, iterator="Start")
    assert (rs.get("iteratorID") is not None) is (position == "with_id")


@cites("S4", UNCONFIRMED)
@pytest.mark.parametrize(("position", "starts"), [("marked", True), ("unchanged", False)])
def test_the_memo_of_a_void_form(
    desk: Desk, ann: Element, item: Element, position: str, starts: bool
) -> None:
    desk.company.rule("void_memo", position)
    invoice = desk.invoice(ann, line(item, Quantity=1), Memo="Roof")
    desk.ok("TxnVoid", {"TxnVoidType": "Invoice", "TxnID": record_id(invoice)})
    memo = text(desk.read("Invoice", record_id(invoice)), "Memo")
    assert memo.startswith("VOID:") is starts


@cites("S2", UNCONFIRMED)
@pytest.mark.parametrize("position", ["3161", "3171"])
def test_a_deletion_before_the_closing_date(desk: Desk, ann: Element, item: Element, position: str) -> None:
    desk.company.rule("closed_delete", position)
    invoice = desk.invoice(ann, line(item, Quantity=1), TxnDate="2026-06-30")
    desk.company.close_books(date(2026, 6, 30))
    gone = desk.ask("TxnDel", {"TxnDelType": "Invoice", "TxnID": record_id(invoice)})
    assert gone.get("statusCode") == position


@cites("S2", UNCONFIRMED)
@pytest.mark.parametrize(("position", "code"), [("refused", "3171"), ("accepted", "0")])
def test_entering_something_before_the_closing_date(
    desk: Desk, ann: Element, item: Element, position: str, code: str
) -> None:
    desk.company.rule("closed_add", position)
    desk.company.close_books(date(2026, 6, 30))
    values: dict[str, Any] = {"CustomerRef": list_id(ann), "TxnDate": "2026-06-30"}
    assert desk.codes(request("InvoiceAdd", {**values, "InvoiceLineAdd": line(item, Quantity=1)})) == [code]


@cites("S6", UNCONFIRMED)
@pytest.mark.parametrize(("position", "left"), [("released", 10), ("kept", 0)])
def test_applications_that_a_mod_leaves_out(
    desk: Desk, ann: Element, item: Element, position: str, left: int
) -> None:
    desk.company.rule("unlisted_applications", position)
    first, second = (desk.invoice(ann, line(item, Quantity=1)) for _ in range(2))
    payment = desk.payment(ann, "20.00", first, second, each="10.00")
    kept = {"TxnID": record_id(second), "PaymentAmount": "10.00"}
    desk.modified("ReceivePayment", payment, {"AppliedToTxnMod": kept})
    assert amount(desk.read("Invoice", record_id(first)), "BalanceRemaining") == left


@cites("S7", UNCONFIRMED)
@pytest.mark.parametrize("position", ["0x80040423", "0x80040400"])
def test_a_version_that_is_too_high(desk: Desk, position: str) -> None:
    desk.company.rule("unknown_version", position)
    with pytest.raises(ProcessError) as caught:
        desk.text(document([request("HostQuery")], version="14.0"))
    assert caught.value.hresult == position


@cites("S2", UNCONFIRMED)
@pytest.mark.parametrize("position", ["3120", "3240"])
def test_a_list_id_that_nobody_has(desk: Desk, position: str) -> None:
    desk.company.rule("unknown_list_id", position)
    values = {"ListID": "80000999-1785596400", "EditSequence": "1", "Phone": "1"}
    assert desk.codes(request("CustomerMod", values)) == [position]
