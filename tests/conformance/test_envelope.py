"""Message sets: what QuickBooks refuses whole, what it answers, and in which form."""

import pytest

from tests.conformance.desk import (
    MEASURED,
    PARSE_FAILURE,
    UNCONFIRMED,
    Desk,
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

GOOD = request("CustomerAdd", {"Name": "First"})

UNREADABLE = {
    "not well-formed": "<CustomerQueryRq>",
    "an entity nobody declared": "<CustomerQueryRq><FullName>&nbsp;</FullName></CustomerQueryRq>",
    "unknown request": "<CustomerFindRq/>",
    "unknown element": "<CustomerQueryRq><Colour>red</Colour></CustomerQueryRq>",
    "unknown element in an aggregate": request(
        "CustomerAdd", {"Name": "A", "BillAddress": {"Street": "Elm"}}
    ),
    "name in another case": request("CustomerAdd", {"name": "A"}),
    "wrong order": request("CustomerAdd", {"Phone": "1", "Name": "A"}),
    "wrong order in an aggregate": request(
        "CustomerAdd", {"Name": "A", "BillAddress": {"City": "X", "Addr1": "Y"}}
    ),
    "an element twice": request("CustomerAdd", {"Name": ["A", "B"]}),
    "a required element left out": request("CustomerAdd", {"CompanyName": "A"}),
    "ListID left out of a Mod": request("CustomerMod", {"EditSequence": "1", "Name": "A"}),
    "EditSequence left out of a Mod": request("CustomerMod", {"ListID": "80000001-1", "Name": "A"}),
    "unknown enumeration value": request("CustomerAdd", {"Name": "A", "JobStatus": "Dreaming"}),
    "enumeration value in another case": request("CustomerQuery", {"ActiveStatus": "all"}),
    "unknown attribute": "<CustomerQueryRq colour='red'/>",
    "unknown value of an attribute": "<CustomerQueryRq metaData='Everything'/>",
    "iterator where there is none": "<AccountQueryRq iterator='Start'><MaxReturned>5</MaxReturned></AccountQueryRq>",
    "two parts of a choice": request("CustomerQuery", {"ListID": "80000001-1", "FullName": "A"}),
    "an ID and a filter": request("CustomerQuery", {"FullName": "A", "ActiveStatus": "All"}),
    "both date filters of transactions": request(
        "InvoiceQuery",
        {
            "ModifiedDateRangeFilter": {"FromModifiedDate": "2026-01-01"},
            "TxnDateRangeFilter": {"FromTxnDate": "2026-01-01"},
        },
    ),
    "text between elements": "<CustomerQueryRq>all of them</CustomerQueryRq>",
    "TxnVoid of a payment": request("TxnVoid", {"TxnVoidType": "ReceivePayment", "TxnID": "1-1"}),
    "a payment neither applied nor left to QuickBooks": request(
        "ReceivePaymentAdd", {"CustomerRef": full_name("A"), "TotalAmount": "1.00"}
    ),
}


@cites("S1")
@pytest.mark.parametrize("spoiled", UNREADABLE.values(), ids=UNREADABLE)
def test_one_unreadable_request_poisons_the_whole_set(desk: Desk, spoiled: str) -> None:
    assert desk.failure(document([GOOD, spoiled])) == PARSE_FAILURE
    assert desk.names("Customer") == set()


@cites("S1")
def test_a_set_needs_on_error_and_the_version_instruction(desk: Desk) -> None:
    assert desk.failure(document([GOOD], on_error=None)) == PARSE_FAILURE
    assert desk.failure(document([GOOD], on_error="ignoreErrors")) == PARSE_FAILURE
    assert desk.failure(document([GOOD], version=None))[0] == "0x80040400"
    assert desk.names("Customer") == set()


@cites("S1", UNCONFIRMED)
@pytest.mark.parametrize("before", [" ", "\n", "x"])
def test_nothing_may_stand_before_the_declaration(desk: Desk, before: str) -> None:
    assert desk.failure(before + document([GOOD])) == PARSE_FAILURE


@cites("S1")
def test_white_space_and_comments_between_elements_are_fine(desk: Desk) -> None:
    spread = document([GOOD]).replace("><", ">\n  <!-- a remark -->\n  <")
    assert desk.answer(spread)[0].get("statusCode") == "0"


@cites("S1")
def test_rollback_is_not_usable_and_commits_nothing(desk: Desk) -> None:
    desk.failure(document([GOOD], on_error="rollbackOnError"))
    assert desk.names("Customer") == set()


@cites("S1")
def test_the_stated_version_decides_which_elements_there_are(desk: Desk) -> None:
    newer = request("CustomerAdd", {"Name": "A", "JobTitle": "Baker"})
    assert desk.failure(document([newer], version="11.0")) == PARSE_FAILURE
    assert desk.codes(newer, version="12.0") == ["0"]


@cites("S7")
@pytest.mark.parametrize(
    ("kind", "since", "before"),
    [("CurrencyQuery", "8.0", "7.0"), ("PriceLevelQuery", "4.0", "3.0"), ("TransactionQuery", "4.0", "3.0")],
)
def test_a_request_is_unknown_before_its_version(desk: Desk, kind: str, since: str, before: str) -> None:
    assert desk.failure(document([request(kind)], version=before)) == PARSE_FAILURE
    assert len(desk.set(request(kind), version=since)) == 1


@cites("S1")
def test_the_answer_is_of_the_stated_version(desk: Desk) -> None:
    ret = desk.customer("A", BillAddress={"Addr1": "Elm 1", "City": "Town"})
    old = desk.ok("CustomerQuery", {"ListID": record_id(ret)}, version="5.0")
    new = desk.ok("CustomerQuery", {"ListID": record_id(ret)}, version="6.0")
    assert old.find("BillAddressBlock") is None
    assert new.find("BillAddressBlock") is not None


@cites("S7", UNCONFIRMED)
@pytest.mark.parametrize("version", ["17.0", "99.0"])
def test_a_version_nobody_knows_is_refused_whole(desk: Desk, version: str) -> None:
    hresult, _ = desk.failure(document([GOOD], version=version))
    assert hresult.startswith("0x80040")
    assert desk.names("Customer") == set()


@cites("S7")
@pytest.mark.parametrize("version", ["2.0", "3.0", "4.0", "5.0", "6.0", "7.0", "8.0", "10.0", "12.0", "13.0"])
def test_every_older_version_is_accepted(desk: Desk, version: str) -> None:
    assert desk.codes(GOOD, version=version) == ["0"]


@cites("S1", MEASURED)
def test_an_answer_starts_without_encoding_and_carries_no_version(desk: Desk) -> None:
    answer = desk.text(document([GOOD]))
    assert answer.startswith('<?xml version="1.0" ?>')
    assert "<?qbxml" not in answer


@cites("S1", MEASURED)
def test_severities_are_written_info_warn_and_error(desk: Desk) -> None:
    wanted = request("CustomerQuery", {"FullName": "Nobody"})
    found = desk.set(GOOD, GOOD, wanted, request("CustomerQuery", {"MaxReturned": 1}))
    assert [rs.get("statusSeverity") for rs in found] == ["Info", "Error", "Warn", "Info"]
    assert found[0].get("statusMessage") == "Status OK"


@cites("S1", MEASURED)
def test_request_ids_are_echoed_and_missing_ones_stay_missing(desk: Desk) -> None:
    ids = ["42", None, "abc_123", "a b&c", ""]
    requests = [
        request("HostQuery", None, **({} if given is None else {"requestID": given})) for given in ids
    ]
    assert [rs.get("requestID") for rs in desk.set(*requests)] == ids


@cites("S1")
def test_a_request_id_has_at_most_fifty_characters(desk: Desk) -> None:
    assert desk.codes(request("HostQuery", None, requestID="x" * 50)) == ["0"]
    assert desk.codes(request("CustomerAdd", {"Name": "A"}, requestID="x" * 51), GOOD) == ["1060", "0"]
    assert desk.names("Customer") == {"First"}


@cites("S1", UNCONFIRMED)
def test_answers_come_in_the_order_of_the_requests(desk: Desk) -> None:
    kinds = ["HostQuery", "CustomerQuery", "CompanyQuery", "TermsQuery", "PreferencesQuery"]
    assert [rs.tag for rs in desk.set(*map(request, kinds))] == [f"{kind}Rs" for kind in kinds]


@cites("S1")
def test_continue_on_error_lets_each_request_stand_alone(desk: Desk) -> None:
    requests = [
        request("CustomerAdd", {"Name": "Ann"}),
        request("CustomerAdd", {"Name": "Ann"}),
        request("CurrencyAdd", {"Name": "Moon Dollar", "CurrencyCode": "MND"}),
        request("CustomerAdd", {"Name": "Cid", "ParentRef": full_name("Nobody")}),
        request("CustomerAdd", {"Name": "Dot"}),
    ]
    assert desk.codes(*requests) == ["0", "3100", "3250", "3130", "0"]
    assert desk.names("Customer") == {"Ann", "Dot"}


@cites("S1")
def test_stop_on_error_answers_the_rest_with_3231_and_keeps_what_was_done(desk: Desk) -> None:
    requests = [
        request("CustomerAdd", {"Name": name}, requestID=str(number))
        for number, name in enumerate(["Ann", "Ann", "Ben", "Cid"])
    ]
    found = desk.set(*requests, on_error="stopOnError")
    assert [rs.get("statusCode") for rs in found] == ["0", "3100", "3231", "3231"]
    assert [rs.get("requestID") for rs in found] == ["0", "1", "2", "3"]
    assert {rs.get("statusMessage") for rs in found[2:]} == {"The request has not been processed."}
    assert {rs.get("statusSeverity") for rs in found[2:]} == {"Error"}
    assert desk.names("Customer") == {"Ann"}


@cites("S2")
def test_neither_status_1_nor_a_warning_stops_a_set(desk: Desk) -> None:
    requests = [
        request("CustomerQuery", {"MaxReturned": 5}),
        request("CustomerQuery", {"FullName": "Nobody"}),
        request("CustomerAdd", {"Name": "Ann", "PrintAs": "Ann"}),
        GOOD,
    ]
    assert desk.codes(*requests, on_error="stopOnError") == ["1", "500", "530", "0"]


@cites("S1")
def test_include_none_gives_the_status_and_no_data(desk: Desk) -> None:
    [rs] = desk.set(GOOD, responseData="includeNone")
    assert (rs.get("statusCode"), len(rs)) == ("0", 0)
    assert desk.names("Customer") == {"First"}
    [rs] = desk.set(request("CustomerQuery"), responseData="includeAll")
    assert len(rs) == 1


@cites("S1")
def test_deletions_and_voids_answer_without_a_ret(desk: Desk) -> None:
    customer = desk.customer("A")
    item = desk.service()
    lost = desk.customer("B")
    invoice = desk.invoice(customer, line(item, Quantity=1))
    voided = desk.ok("TxnVoid", {"TxnVoidType": "Invoice", "TxnID": record_id(invoice)})
    gone = desk.ok("TxnDel", {"TxnDelType": "Invoice", "TxnID": record_id(invoice)})
    deleted = desk.ok("ListDel", {"ListDelType": "Customer", "ListID": record_id(lost)})
    assert text(voided, "TxnVoidType") == text(gone, "TxnDelType") == "Invoice"
    assert text(voided, "TxnID") == text(gone, "TxnID") == record_id(invoice)
    assert text(deleted, "ListID") == record_id(lost)
    assert text(deleted, "FullName") == "B"
    assert text(deleted, "TimeDeleted")
    assert text(gone, "TimeDeleted")


def billed_by_macro(desk: Desk) -> tuple[str, str]:
    """An invoice that names itself, and a payment that refers to it by that name."""
    customer, item = list_id(desk.customer("Ann")), desk.service(price="50.00")
    sale = {"CustomerRef": customer, "InvoiceLineAdd": line(item, Quantity=1)}
    paid = {
        "": '<AppliedToTxnAdd><TxnID useMacro="TxnID:sale"/><PaymentAmount>50.00</PaymentAmount></AppliedToTxnAdd>'
    }
    return (
        xml("InvoiceAddRq", {"": xml("InvoiceAdd", sale, defMacro="TxnID:sale")}),
        request("ReceivePaymentAdd", {"CustomerRef": customer, "TotalAmount": "50.00", **paid}),
    )


@cites("S1")
def test_a_macro_names_a_record_for_later_requests_of_the_set(desk: Desk) -> None:
    assert desk.codes(*billed_by_macro(desk)) == ["0", "0"]
    [invoice] = desk.rets("Invoice")
    assert text(invoice, "IsPaid") == "true"


@cites("S1", UNCONFIRMED)
def test_a_macro_is_forgotten_after_its_set(desk: Desk) -> None:
    sale, payment = billed_by_macro(desk)
    assert desk.codes(sale) == ["0"]
    [code] = desk.codes(payment)
    assert 9100 <= int(code) <= 9199


@cites("S1")
def test_a_macro_that_nobody_defined_is_a_macro_error(desk: Desk) -> None:
    _, payment = billed_by_macro(desk)
    [code] = desk.codes(payment)
    assert 9100 <= int(code) <= 9199


@cites("S1")
def test_an_external_guid_is_braced_kept_and_comes_back(desk: Desk) -> None:
    guid = "{3f2504e0-4f89-11d3-9a0c-0305e82c3301}"
    ret = desk.customer("Ann", ExternalGUID=guid)
    assert text(ret, "ExternalGUID").lower() == guid
    read = desk.read("Customer", record_id(ret))
    assert text(read, "ExternalGUID").lower() == guid
    invoice = desk.invoice(ret, line(desk.service(), Quantity=1), ExternalGUID=guid)
    assert text(desk.read("Invoice", record_id(invoice)), "ExternalGUID").lower() == guid


@cites("S1")
def test_no_query_filters_by_the_external_guid(desk: Desk) -> None:
    guid = "{3f2504e0-4f89-11d3-9a0c-0305e82c3301}"
    for kind in ("CustomerQuery", "InvoiceQuery"):
        assert desk.failure(document([request(kind, {"ExternalGUID": guid})])) == PARSE_FAILURE


@cites("S2", UNCONFIRMED)
def test_a_guid_of_another_form_is_3065(desk: Desk) -> None:
    desk.fails(3065, "CustomerAdd", {"Name": "A", "ExternalGUID": "3f2504e0-4f89-11d3-9a0c-0305e82c3301"})
