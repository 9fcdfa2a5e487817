"""Queries: shape, filters, defaults, what is left out."""

from datetime import date

import pytest

from tests.conformance.desk import (
    PARSE_FAILURE,
    UNCONFIRMED,
    Desk,
    Element,
    cites,
    document,
    full_name,
    line,
    list_id,
    record_id,
    request,
    text,
    xml,
)


@pytest.fixture
def people(desk: Desk) -> dict[str, Element]:
    """Four customers an hour apart, from 11:00 on 1 August in New York; Dot is not active."""
    made = {}
    for name in ("Ann", "Ben", "Cid", "Dot"):
        made[name] = desk.customer(name, IsActive=name != "Dot")
        desk.clock.advance(hours=1)
    return made


@cites("S4")
def test_only_active_ones_come_unless_all_are_asked_for(desk: Desk, people: dict[str, Element]) -> None:
    assert desk.names("Customer") == {"Ann", "Ben", "Cid"}
    for status, names in (
        ("ActiveOnly", {"Ann", "Ben", "Cid"}),
        ("InactiveOnly", {"Dot"}),
        ("All", {"Ann", "Ben", "Cid", "Dot"}),
    ):
        assert desk.names("Customer", {"ActiveStatus": status}) == names


@cites("S4")
def test_what_was_made_inactive_vanishes_from_the_default_changes(
    desk: Desk, people: dict[str, Element]
) -> None:
    desk.modified("Customer", people["Ann"], {"IsActive": False})
    since = {"FromModifiedDate": "2026-08-01T14:30:00"}
    assert desk.names("Customer", since) == set()
    assert desk.names("Customer", {"ActiveStatus": "All", **since}) == {"Ann"}


@cites("S3")
def test_an_id_finds_inactive_ones_too(desk: Desk, people: dict[str, Element]) -> None:
    assert text(desk.ok("CustomerQuery", {"ListID": record_id(people["Dot"])}), "Name") == "Dot"


@cites("S4")
@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"FromModifiedDate": "2026-08-01T12:00:00"}, {"Ben", "Cid"}),
        ({"FromModifiedDate": "2026-08-01T12:00:01"}, {"Cid"}),
        ({"ToModifiedDate": "2026-08-01T12:00:00"}, {"Ann", "Ben"}),
        ({"ToModifiedDate": "2026-08-01T11:59:59"}, {"Ann"}),
        ({"FromModifiedDate": "2026-08-01T12:00:00", "ToModifiedDate": "2026-08-01T12:00:00"}, {"Ben"}),
        ({"FromModifiedDate": "2026-08-01"}, {"Ann", "Ben", "Cid"}),
        ({"ToModifiedDate": "2026-08-01"}, {"Ann", "Ben", "Cid"}),
        ({"FromModifiedDate": "2026-08-02"}, set()),
        ({"ToModifiedDate": "2026-07-31"}, set()),
        ({"FromModifiedDate": "1970-01-01"}, {"Ann", "Ben", "Cid"}),
        ({"ToModifiedDate": "2038-01-19T03:14:07"}, {"Ann", "Ben", "Cid"}),
    ],
)
def test_both_ends_of_modified_dates_are_inclusive(
    desk: Desk, people: dict[str, Element], given: dict[str, str], names: set[str]
) -> None:
    assert desk.names("Customer", given) == names


@cites("S4")
def test_modified_dates_of_transactions_are_inclusive(desk: Desk, people: dict[str, Element]) -> None:
    item = desk.service()
    made = []
    for _ in range(3):
        made.append(record_id(desk.invoice(people["Ann"], line(item, Quantity=1))))
        desk.clock.advance(hours=1)
    for ends, expected in (
        ({"FromModifiedDate": "2026-08-01T16:00:00"}, made[1:]),
        ({"FromModifiedDate": "2026-08-01T16:00:01"}, made[2:]),
        ({"ToModifiedDate": "2026-08-01T16:00:00"}, made[:2]),
        ({"FromModifiedDate": "2026-08-01"}, made),
        ({"ToModifiedDate": "2026-07-31"}, []),
    ):
        rets = desk.rets("Invoice", {"ModifiedDateRangeFilter": ends})
        assert [record_id(ret) for ret in rets] == expected


@cites("S4")
def test_transaction_dates_are_inclusive(desk: Desk) -> None:
    customer, item = desk.customer("Ann"), desk.service()
    for day in ("2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01"):
        desk.invoice(customer, line(item, Quantity=1), TxnDate=day)
    ends = {"FromTxnDate": "2026-02-01", "ToTxnDate": "2026-02-28"}
    rets = desk.rets("Invoice", {"TxnDateRangeFilter": ends})
    assert {text(ret, "TxnDate") for ret in rets} == {"2026-02-01", "2026-02-28"}


@cites("S3")
@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"NameFilter": {"MatchCriterion": "StartsWith", "Name": "b"}}, {"Ben"}),
        ({"NameFilter": {"MatchCriterion": "Contains", "Name": "N"}}, {"Ann", "Ben"}),
        ({"NameFilter": {"MatchCriterion": "EndsWith", "Name": "d"}}, {"Cid"}),
        ({"NameRangeFilter": {"FromName": "B"}}, {"Ben", "Cid"}),
        ({"NameRangeFilter": {"FromName": "Ann", "ToName": "Ben"}}, {"Ann", "Ben"}),
    ],
)
def test_names_are_matched_without_case_and_ranges_hold_their_ends(
    desk: Desk, people: dict[str, Element], given: dict[str, object], names: set[str]
) -> None:
    assert desk.names("Customer", given) == names


@cites("S3")
def test_several_ids_and_several_names(desk: Desk, people: dict[str, Element]) -> None:
    ids = [record_id(people[name]) for name in ("Cid", "Ann")]
    assert desk.names("Customer", {"ListID": ids}) == {"Ann", "Cid"}
    assert desk.names("Customer", {"FullName": ["ben", "CID"]}) == {"Ben", "Cid"}


@cites("S3")
def test_max_returned_without_an_iterator_cuts_the_answer(desk: Desk, people: dict[str, Element]) -> None:
    rs = desk.ask("CustomerQuery", {"MaxReturned": 2})
    assert (len(rs), rs.get("iteratorID")) == (2, None)


@cites("S6")
def test_total_balance_filter(desk: Desk, people: dict[str, Element]) -> None:
    desk.invoice(people["Ann"], line(desk.service(price="30.00"), Quantity=1))
    for operator, given, names in (
        ("GreaterThan", "0.00", {"Ann"}),
        ("GreaterThanEqual", "30.00", {"Ann"}),
        ("Equal", "0.00", {"Ben", "Cid"}),
        ("LessThan", "30.00", {"Ben", "Cid"}),
        ("LessThanEqual", "30.00", {"Ann", "Ben", "Cid"}),
    ):
        wanted = {"TotalBalanceFilter": {"Operator": operator, "Amount": given}}
        assert desk.names("Customer", wanted) == names


@cites("S3")
def test_lines_come_only_where_asked_for(desk: Desk, people: dict[str, Element]) -> None:
    invoice = desk.invoice(people["Ann"], line(desk.service(), Quantity=1))
    assert invoice.find("InvoiceLineRet") is not None
    plain = desk.ok("InvoiceQuery", {"TxnID": record_id(invoice)})
    full = desk.ok("InvoiceQuery", {"TxnID": record_id(invoice), "IncludeLineItems": True})
    assert plain.find("InvoiceLineRet") is None
    assert full.find("InvoiceLineRet") is not None


@cites("S3")
def test_links_come_only_where_asked_for(desk: Desk, people: dict[str, Element]) -> None:
    invoice = desk.invoice(people["Ann"], line(desk.service(), Quantity=1))
    payment = desk.payment(people["Ann"], "10.00", invoice)
    plain = desk.ok("InvoiceQuery", {"TxnID": record_id(invoice)})
    full = desk.ok("InvoiceQuery", {"TxnID": record_id(invoice), "IncludeLinkedTxns": True})
    assert plain.find("LinkedTxn") is None
    assert text(full, "LinkedTxn/TxnID") == record_id(payment)
    assert text(full, "LinkedTxn/TxnType") == "ReceivePayment"


@cites("S3")
def test_custom_fields_come_only_with_their_owner(desk: Desk, people: dict[str, Element]) -> None:
    definition = {
        "OwnerID": "0",
        "DataExtName": "Shoe",
        "DataExtType": "STR255TYPE",
        "AssignToObject": "Customer",
    }
    desk.ok("DataExtDefAdd", definition)
    value = {
        "OwnerID": "0",
        "DataExtName": "Shoe",
        "ListDataExtType": "Customer",
        "ListObjRef": list_id(people["Ann"]),
        "DataExtValue": "42",
    }
    desk.ok("DataExtAdd", value)
    key = {"ListID": record_id(people["Ann"])}
    assert desk.ok("CustomerQuery", key).find("DataExtRet") is None
    found = desk.ok("CustomerQuery", {**key, "OwnerID": "0"})
    assert [text(found, f"DataExtRet/{part}") for part in ("OwnerID", "DataExtName", "DataExtValue")] == [
        "0",
        "Shoe",
        "42",
    ]
    stranger = "{3f2504e0-4f89-11d3-9a0c-0305e82c3301}"
    assert desk.ok("CustomerQuery", {**key, "OwnerID": stranger}).find("DataExtRet") is None


@cites("S3")
def test_include_ret_element_is_exact_and_ignores_wrong_names(desk: Desk, people: dict[str, Element]) -> None:
    key = {"ListID": record_id(people["Ann"])}
    found = desk.ok("CustomerQuery", {**key, "IncludeRetElement": ["Name", "fullname", "Colour", "Balance"]})
    assert {child.tag for child in found} == {"Name", "Balance"}


@cites("S3")
def test_include_ret_element_leaves_out_custom_fields_too(desk: Desk, people: dict[str, Element]) -> None:
    desk.ok(
        "DataExtDefAdd",
        {"OwnerID": "0", "DataExtName": "Shoe", "DataExtType": "STR255TYPE", "AssignToObject": "Customer"},
    )
    value = {"ListDataExtType": "Customer", "ListObjRef": list_id(people["Ann"]), "DataExtValue": "42"}
    desk.ok("DataExtAdd", {"OwnerID": "0", "DataExtName": "Shoe", **value})
    key = {"ListID": record_id(people["Ann"])}
    only_name = desk.ok("CustomerQuery", {**key, "IncludeRetElement": "Name", "OwnerID": "0"})
    both = desk.ok("CustomerQuery", {**key, "IncludeRetElement": ["Name", "DataExtRet"], "OwnerID": "0"})
    assert [child.tag for child in only_name] == ["Name"]
    assert [child.tag for child in both] == ["Name", "DataExtRet"]


@cites("S3")
def test_add_and_mod_take_include_ret_element_too(desk: Desk) -> None:
    values = {"CustomerAdd": {"Name": "Ann"}, "IncludeRetElement": ["ListID", "EditSequence"]}
    [[ret]] = desk.set(xml("CustomerAddRq", values))
    assert {child.tag for child in ret} == {"ListID", "EditSequence"}


@cites("S3")
def test_ret_count_comes_only_with_metadata(desk: Desk, people: dict[str, Element]) -> None:
    assert desk.ask("CustomerQuery").get("retCount") is None
    assert desk.ask("CustomerQuery", metaData="NoMetaData").get("retCount") is None
    only = desk.ask("CustomerQuery", metaData="MetaDataOnly")
    both = desk.ask("CustomerQuery", metaData="MetaDataAndResponseData")
    assert (only.get("retCount"), len(only)) == ("3", 0)
    assert (both.get("retCount"), len(both)) == ("3", 3)


@cites("S3")
@pytest.mark.parametrize("kind", ["HostQuery", "CompanyQuery", "PreferencesQuery"])
def test_host_company_and_preferences_have_no_metadata(desk: Desk, kind: str) -> None:
    assert desk.failure(document([request(kind, None, metaData="MetaDataOnly")])) == PARSE_FAILURE


@cites("S3")
def test_ref_numbers_without_and_with_case(desk: Desk, people: dict[str, Element]) -> None:
    item = desk.service()
    for number in ("A-1", "a-1", "B-1", "A-1"):
        desk.invoice(people["Ann"], line(item, Quantity=1), RefNumber=number)
    assert len(desk.rets("Invoice", {"RefNumber": "a-1"})) == 3
    exact = desk.rets("Invoice", {"RefNumberCaseSensitive": "A-1"})
    assert [text(ret, "RefNumber") for ret in exact] == ["A-1", "A-1"]


@cites("S6")
def test_open_invoices_by_paid_status(desk: Desk, people: dict[str, Element]) -> None:
    item = desk.service(price="10.00")
    first, second = (desk.invoice(people["Ann"], line(item, Quantity=1)) for _ in range(2))
    desk.payment(people["Ann"], "10.00", first)
    for status, wanted in (
        ("NotPaidOnly", {record_id(second)}),
        ("PaidOnly", {record_id(first)}),
        ("All", {record_id(first), record_id(second)}),
    ):
        assert {record_id(ret) for ret in desk.rets("Invoice", {"PaidStatus": status})} == wanted


@cites("S3")
def test_entity_filter_finds_one_customers_documents(desk: Desk, people: dict[str, Element]) -> None:
    item = desk.service()
    job = desk.customer("Job", ParentRef=list_id(people["Ann"]))
    for customer in (people["Ann"], people["Ben"], job):
        desk.invoice(customer, line(item, Quantity=1))
    alone = desk.rets("Invoice", {"EntityFilter": list_id(people["Ann"])})
    family = desk.rets("Invoice", {"EntityFilter": {"ListIDWithChildren": record_id(people["Ann"])}})
    assert [text(ret, "CustomerRef/FullName") for ret in alone] == ["Ann"]
    assert {text(ret, "CustomerRef/FullName") for ret in family} == {"Ann", "Ann:Job"}


@cites("S5")
def test_of_two_keys_in_a_reference_the_name_is_ignored(desk: Desk, people: dict[str, Element]) -> None:
    values = {"Name": "Job", "ParentRef": {"ListID": record_id(people["Ann"]), "FullName": "Ben"}}
    assert text(desk.ok("CustomerAdd", values), "FullName") == "Ann:Job"


@cites("S6")
def test_item_query_mixes_its_kinds(desk: Desk) -> None:
    desk.service("Labour")
    desk.stock("Bolt")
    desk.ok("ItemSubtotalAdd", {"Name": "Sub"})
    kinds = {ret.tag for ret in desk.rets("Item")}
    assert kinds == {"ItemServiceRet", "ItemInventoryRet", "ItemSubtotalRet"}
    assert desk.names("ItemService") == {"Labour"}


@cites("S6")
def test_terms_query_mixes_both_kinds(desk: Desk) -> None:
    desk.ok("DateDrivenTermsAdd", {"Name": "On the tenth", "DayOfMonthDue": 10})
    assert {ret.tag for ret in desk.rets("Terms")} == {"StandardTermsRet", "DateDrivenTermsRet"}


@cites("S3", UNCONFIRMED)
def test_names_are_filtered_by_name_not_full_name(desk: Desk, people: dict[str, Element]) -> None:
    desk.customer("Roof", ParentRef=full_name("Ann"))
    wanted = {"NameFilter": {"MatchCriterion": "StartsWith", "Name": "Ann"}}
    assert desk.names("Customer", wanted) == {"Ann"}


@cites("S3")
def test_data_under_two_names_of_one_customer_level(desk: Desk, people: dict[str, Element]) -> None:
    desk.customer("Roof", ParentRef=full_name("Ann"))
    desk.customer("Roof", ParentRef=full_name("Ben"))
    assert desk.names("Customer", {"FullName": "Ann:Roof"}) == {"Ann:Roof"}


@cites("S6")
def test_host_query_tells_the_versions_and_the_country(desk: Desk) -> None:
    host = desk.ok("HostQuery")
    versions = [found.text for found in host.iter("SupportedQBXMLVersion")]
    assert versions[-1] == "13.0"
    assert {"1.0", "2.0", "8.0"} <= set(versions)
    assert text(host, "Country") == "US"
    assert text(host, "QBFileMode") in ("SingleUser", "MultiUser")
    assert text(host, "ProductName")


@cites("S6")
def test_company_query_tells_the_name(desk: Desk) -> None:
    assert text(desk.ok("CompanyQuery"), "CompanyName") == "Conformance Ltd"


@cites("S6")
def test_preferences_tell_the_currency_and_the_access(desk: Desk) -> None:
    found = desk.ok("PreferencesQuery")
    assert text(found, "MultiCurrencyPreferences/IsMultiCurrencyOn") == "false"
    assert found.find("CurrentAppAccessRights") is not None


@cites("S6")
def test_preferences_tell_the_closing_date(desk: Desk) -> None:
    assert desk.ok("PreferencesQuery").find("AccountingPreferences/ClosingDate") is None
    desk.company.close_books(date(2026, 6, 30))
    assert text(desk.ok("PreferencesQuery"), "AccountingPreferences/ClosingDate") == "2026-06-30"
