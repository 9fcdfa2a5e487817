"""The status codes that real clients meet, each with the text that the reference gives."""

from datetime import date

import pytest

from tests.conformance.desk import (
    UNCONFIRMED,
    Desk,
    cites,
    full_name,
    line,
    list_id,
    record_id,
    request,
    text,
    words,
)

MISSING = "80000999-1785596400"
GONE = "QuickBooks error message: Invalid argument.  The specified record does not exist in the list."


@cites("S2")
def test_1_a_filter_that_finds_nothing_is_no_error_and_has_no_children(desk: Desk) -> None:
    rs = desk.fails(
        1, "CustomerQuery", {"ActiveStatus": "All"}, "did not find a matching object in QuickBooks"
    )
    assert len(rs) == 0


@cites("S2")
@pytest.mark.parametrize("key", ["ListID", "FullName"])
def test_500_a_listed_record_that_is_not_there_is_a_warning(desk: Desk, key: str) -> None:
    wanted = MISSING if key == "ListID" else "Nobody"
    rs = desk.fails(500, "CustomerQuery", {key: wanted})
    assert rs.get("statusMessage") == (
        "The query request has not been fully completed. There was a required element "
        f'("{wanted}") that could not be found in QuickBooks.'
    )
    assert len(rs) == 0


@cites("S2", UNCONFIRMED)
def test_500_comes_with_the_records_that_were_found(desk: Desk) -> None:
    ann = desk.customer("Ann")
    rs = desk.fails(500, "CustomerQuery", {"ListID": [MISSING, record_id(ann)]})
    assert [text(ret, "Name") for ret in rs] == ["Ann"]


@cites("S2")
@pytest.mark.parametrize("key", ["TxnID", "RefNumber", "RefNumberCaseSensitive"])
def test_500_for_transactions_too(desk: Desk, key: str) -> None:
    desk.fails(500, "InvoiceQuery", {key: "4-1785596400"}, '"4-1785596400"')


@cites("S2")
@pytest.mark.parametrize("field", ["PrintAs", "Mobile", "Pager"])
def test_530_a_field_of_another_product_is_a_warning_and_the_rest_is_saved(desk: Desk, field: str) -> None:
    rs = desk.fails(530, "CustomerAdd", {"Name": "Ann", field: "x"})
    assert rs.get("statusMessage") == f'The field "{field}" is not supported by this implementation.'
    assert desk.names("Customer") == {"Ann"}


@cites("S2")
def test_1030_for_a_request_that_is_not_of_this_edition(desk: Desk) -> None:
    desk.company.faults.arm("answer_status", request="EstimateAddRq", code=1030)
    desk.service()
    customer = desk.customer("Ann")
    desk.fails(
        1030,
        "EstimateAdd",
        {"CustomerRef": list_id(customer), "EstimateLineAdd": [line("Labour", Quantity=1)]},
    )


@cites("S2")
def test_3000_a_malformed_id(desk: Desk) -> None:
    rs = desk.fails(3000, "CustomerQuery", {"ListID": "not an id"})
    assert rs.get("statusMessage") == 'The given object ID "not an id" in the field "list ID" is invalid.'


@cites("S2")
def test_3010_a_bad_boolean(desk: Desk) -> None:
    desk.fails(3010, "CustomerAdd", {"Name": "A", "IsActive": "yes"}, "yes")


@cites("S2")
@pytest.mark.parametrize("given", ["2026-02-30", "1/2/2026", "2026-1-2"])
def test_3020_a_bad_date(desk: Desk, given: str) -> None:
    desk.fails(3020, "CustomerAdd", {"Name": "A", "JobStartDate": given}, given)


@cites("S2")
def test_3030_from_after_to(desk: Desk) -> None:
    desk.fails(3030, "CustomerQuery", {"FromModifiedDate": "2026-02-01", "ToModifiedDate": "2026-01-01"})
    range_of = {"FromTxnDate": "2026-02-01", "ToTxnDate": "2026-01-01"}
    desk.fails(3030, "InvoiceQuery", {"TxnDateRangeFilter": range_of})


@cites("S2")
def test_3031_a_range_of_names_that_is_upside_down(desk: Desk) -> None:
    desk.fails(3031, "CustomerQuery", {"NameRangeFilter": {"FromName": "M", "ToName": "A"}})


@cites("S2")
@pytest.mark.parametrize("given", ["97.5", "97.555", "abc", "1,000.00", "$5.00"])
def test_3040_an_amount_of_another_form(desk: Desk, given: str) -> None:
    rs = desk.fails(3040, "CustomerAdd", {"Name": "A", "CreditLimit": given})
    assert (rs.get("statusMessage") or "").startswith(
        f'There was an error when converting the amount "{given}"'
    )
    assert desk.names("Customer") == set()


@cites("S5")
@pytest.mark.parametrize("given", ["97", "97.50", "-97.50", "+97.50", "0.00"])
def test_an_amount_has_two_decimals_or_none(desk: Desk, given: str) -> None:
    customer, item = desk.customer("A"), desk.service()
    invoice = desk.invoice(customer, line(item, Quantity=1, Amount="200.00"), line(item, Amount=given))
    assert text(invoice, "InvoiceLineRet[2]/Amount") == f"{float(given):.2f}"


@cites("S2", UNCONFIRMED)
@pytest.mark.parametrize(
    ("code", "values"),
    [
        (3045, {"SalesOrPurchase": {"Price": "cheap", "AccountRef": full_name("Sales")}}),
        (3050, {"SalesOrPurchase": {"PricePercent": "half", "AccountRef": full_name("Sales")}}),
    ],
)
def test_bad_prices_and_percentages_have_codes_of_their_own(
    desk: Desk, code: int, values: dict[str, object]
) -> None:
    desk.fails(code, "ItemServiceAdd", {"Name": "A", **values})


@cites("S2", UNCONFIRMED)
def test_3060_a_bad_quantity(desk: Desk) -> None:
    customer, item = desk.customer("A"), desk.service()
    values = {"CustomerRef": list_id(customer), "InvoiceLineAdd": line(item, Quantity="many")}
    desk.fails(3060, "InvoiceAdd", values)


@cites("S2", UNCONFIRMED)
def test_3085_a_bad_number(desk: Desk) -> None:
    desk.fails(3085, "StandardTermsAdd", {"Name": "Soon", "StdDueDays": "ten"})


@cites("S2", UNCONFIRMED)
def test_3090_a_colon_in_a_name(desk: Desk) -> None:
    desk.fails(3090, "CustomerAdd", {"Name": "A:B"})


@cites("S2")
def test_3100_names_the_name_that_is_taken(desk: Desk) -> None:
    desk.customer("Ann")
    rs = desk.fails(3100, "CustomerAdd", {"Name": "ann"})
    assert rs.get("statusMessage") == 'The name "ann" of the list element is already in use.'
    assert len(rs) == 0


@cites("S2")
def test_3120_a_mod_of_a_record_that_is_not_there(desk: Desk) -> None:
    rs = desk.fails(3120, "CustomerMod", {"ListID": MISSING, "EditSequence": "1", "Phone": "1"})
    assert rs.get("statusMessage") == (
        f'Object "{MISSING}" specified in the request cannot be found.  {GONE}'
    )


@cites("S2")
def test_3120_a_deletion_of_a_record_that_is_not_there(desk: Desk) -> None:
    desk.fails(
        3120, "ListDel", {"ListDelType": "Customer", "ListID": MISSING}, f'Object "{MISSING}" specified'
    )
    desk.fails(3120, "TxnDel", {"TxnDelType": "Invoice", "TxnID": "9-1785596400"}, "9-1785596400")
    desk.fails(3120, "TxnVoid", {"TxnVoidType": "Invoice", "TxnID": "9-1785596400"}, "9-1785596400")


@cites("S2")
def test_3120_a_payment_for_an_invoice_that_is_paid(desk: Desk) -> None:
    customer = desk.customer("Ann")
    invoice = desk.invoice(customer, line(desk.service(price="10.00"), Quantity=1))
    desk.payment(customer, "10.00", invoice)
    applied = {"TxnID": record_id(invoice), "PaymentAmount": "1.00"}
    values = {"CustomerRef": list_id(customer), "TotalAmount": "1.00", "AppliedToTxnAdd": applied}
    desk.fails(3120, "ReceivePaymentAdd", values)


@cites("S2")
def test_3130_a_parent_that_is_not_there(desk: Desk) -> None:
    rs = desk.fails(3130, "CustomerAdd", {"Name": "Job", "ParentRef": full_name("X")})
    assert rs.get("statusMessage") == (
        f'There is an invalid reference to a parent "X" in the Customers list.  {GONE}'
    )


@cites("S2")
@pytest.mark.parametrize("kind", ["SalesOrder", "Invoice", "Estimate", "CreditMemo", "SalesReceipt"])
def test_3140_a_header_reference_that_is_not_there(desk: Desk, kind: str) -> None:
    item = desk.service()
    rs = desk.fails(3140, f"{kind}Add", {"CustomerRef": full_name("Joe"), f"{kind}LineAdd": line(item)})
    assert (rs.get("statusMessage") or "").startswith(
        f'There is an invalid reference to QuickBooks Customer "Joe" in the {kind}.'
        "  QuickBooks error message: "
    )


@cites("S2")
@pytest.mark.parametrize("kind", ["SalesOrder", "Invoice", "Estimate", "CreditMemo", "SalesReceipt"])
def test_3140_a_line_reference_that_is_not_there(desk: Desk, kind: str) -> None:
    customer = desk.customer("Ann")
    rs = desk.fails(3140, f"{kind}Add", {"CustomerRef": list_id(customer), f"{kind}LineAdd": line("x")})
    assert f'reference to QuickBooks Item "x" in the {kind} line.' in (rs.get("statusMessage") or "")


@cites("S2")
@pytest.mark.parametrize(
    "field",
    words(
        "TermsRef SalesTaxCodeRef ItemSalesTaxRef CustomerTypeRef SalesRepRef ClassRef "
        "PreferredPaymentMethodRef JobTypeRef PriceLevelRef"
    ),
)
def test_3140_for_every_reference_of_a_customer(desk: Desk, field: str) -> None:
    desk.fails(3140, "CustomerAdd", {"Name": "Ann", field: full_name("Nix")}, '"Nix" in the Customer')


@cites("S2")
def test_3170_a_mod_onto_a_used_name_speaks_of_merging(desk: Desk) -> None:
    desk.customer("Ann")
    ben = desk.customer("Ben")
    rs = desk.mod("Customer", ben, {"Name": "Ann"})
    assert rs.get("statusCode") == "3170"
    assert "Cannot merge list elements" in (rs.get("statusMessage") or "")


@cites("S2")
def test_3170_and_3175_and_3180_with_the_texts_of_locks(desk: Desk) -> None:
    for code, usual in (
        (3175, "The transaction could not be locked. It is in use by another user."),
        (3180, "There was an error when saving a"),
    ):
        desk.company.faults.arm("answer_status", request="CustomerAddRq", code=code)
        desk.fails(code, "CustomerAdd", {"Name": "Ann"}, usual)
    desk.customer("Ann")


@cites("S2")
def test_3171_a_closed_period(desk: Desk) -> None:
    customer, item = desk.customer("Ann"), desk.service()
    invoice = desk.invoice(customer, line(item, Quantity=1), TxnDate="2026-06-30")
    desk.company.close_books(date(2026, 6, 30))
    rs = desk.mod("Invoice", invoice, {"Memo": "late"})
    assert rs.get("statusCode") == "3171"
    assert (rs.get("statusMessage") or "").startswith(
        "An attempt was made to modify a(n) Invoice with a date that is on or before the closing date of "
        "the company."
    )
    desk.company.close_books(None)
    assert desk.mod("Invoice", invoice, {"Memo": "late"}).get("statusCode") == "0"


@cites("S2", UNCONFIRMED)
def test_3161_a_deletion_in_a_closed_period(desk: Desk) -> None:
    customer, item = desk.customer("Ann"), desk.service()
    invoice = desk.invoice(customer, line(item, Quantity=1), TxnDate="2026-06-30")
    desk.company.close_books(date(2026, 6, 30))
    desk.fails(3161, "TxnDel", {"TxnDelType": "Invoice", "TxnID": record_id(invoice)})


@cites("S2", UNCONFIRMED)
def test_3160_what_is_in_use_cannot_be_deleted(desk: Desk) -> None:
    customer, item = desk.customer("Ann"), desk.service()
    desk.invoice(customer, line(item, Quantity=1))
    desk.fails(3160, "ListDel", {"ListDelType": "Customer", "ListID": record_id(customer)})
    desk.fails(3160, "ListDel", {"ListDelType": "ItemService", "ListID": record_id(item)})


@cites("S2")
def test_3180_an_account_number_used_twice(desk: Desk) -> None:
    desk.account("One", AccountNumber="4711")
    rs = desk.fails(3180, "AccountAdd", {"Name": "Two", "AccountType": "Income", "AccountNumber": "4711"})
    message = rs.get("statusMessage") or ""
    assert message.startswith("There was an error when saving a")
    assert '"Two"' in message
    assert "The account number is already in use" in message


@cites("S2")
def test_3200_holds_the_current_record_with_its_new_sequence(desk: Desk) -> None:
    first = desk.customer("Ann")
    desk.clock.advance(minutes=5)
    current = desk.modified("Customer", first, {"Phone": "555"})
    rs = desk.mod("Customer", first, {"Phone": "666", "Fax": "777"})
    sequence = text(first, "EditSequence")
    assert rs.get("statusCode") == "3200"
    assert rs.get("statusSeverity") == "Error"
    assert rs.get("statusMessage") == f'The provided edit sequence "{sequence}" is out-of-date. '
    [ret] = rs
    assert text(ret, "EditSequence") == text(current, "EditSequence")
    assert text(ret, "Phone") == "555"
    assert ret.find("Fax") is None


@cites("S2")
@pytest.mark.parametrize("sequence", ["1", "9999999999", "x"])
def test_3200_for_any_sequence_that_is_not_the_current_one(desk: Desk, sequence: str) -> None:
    ann = desk.customer("Ann")
    values = {"ListID": record_id(ann), "EditSequence": sequence, "Phone": "1"}
    rs = desk.fails(3200, "CustomerMod", values)
    assert text(rs[0], "EditSequence") == text(ann, "EditSequence")


@cites("S2")
def test_3200_for_transactions_too(desk: Desk) -> None:
    invoice = desk.invoice(desk.customer("Ann"), line(desk.service(), Quantity=1))
    values = {"TxnID": record_id(invoice), "EditSequence": "1", "Memo": "x"}
    rs = desk.fails(3200, "InvoiceMod", values)
    assert (rs[0].tag, text(rs[0], "TxnID")) == ("InvoiceRet", record_id(invoice))


@cites("S2")
def test_no_error_but_3200_returns_data(desk: Desk) -> None:
    desk.customer("Ann")
    rs = desk.fails(3100, "CustomerAdd", {"Name": "Ann"})
    assert len(rs) == 0


@cites("S2")
def test_3210_more_than_is_due(desk: Desk) -> None:
    customer = desk.customer("Ann")
    invoice = desk.invoice(customer, line(desk.service(price="100.00"), Quantity=1))
    applied = {"TxnID": record_id(invoice), "PaymentAmount": "129.43"}
    values = {"CustomerRef": list_id(customer), "TotalAmount": "129.43", "AppliedToTxnAdd": applied}
    rs = desk.fails(3210, "ReceivePaymentAdd", values)
    assert rs.get("statusMessage") == (
        'The "AppliedToTxnAdd payment amount" field has an invalid value "129.43".  '
        "QuickBooks error message: You cannot pay more than the amount due."
    )


@cites("S2")
def test_3250_with_its_text(desk: Desk) -> None:
    rs = desk.fails(3250, "CurrencyAdd", {"Name": "Moon Dollar", "CurrencyCode": "MND"})
    assert rs.get("statusMessage") == (
        "This feature is not enabled or not available in this version of QuickBooks."
    )


@cites("S2")
def test_3260_a_reader_may_not_write(desk: Desk) -> None:
    ann = desk.customer("Ann")
    desk.company.set_permission("read")
    rs = desk.fails(3260, "CustomerAdd", {"Name": "Ben"})
    assert rs.get("statusMessage") == "Insufficient permission level to perform this action."
    assert desk.mod("Customer", ann, {"Phone": "1"}).get("statusCode") == "3260"
    desk.fails(3260, "ListDel", {"ListDelType": "Customer", "ListID": record_id(ann)})
    assert desk.names("Customer") == {"Ann"}
    desk.company.set_permission("full")
    desk.customer("Ben")


@cites("S2")
def test_3290_lines_out_of_order(desk: Desk) -> None:
    customer, item = desk.customer("Ann"), desk.service()
    invoice = desk.invoice(customer, *(line(item, Quantity=number) for number in (1, 2, 3)))
    first, second, third = (text(ret, "TxnLineID") for ret in invoice.iter("InvoiceLineRet"))
    lines = [{"TxnLineID": one} for one in (first, third, second)]
    rs = desk.mod("Invoice", invoice, {"InvoiceLineMod": lines})
    assert rs.get("statusCode") == "3290"
    assert rs.get("statusMessage") == (f'The item "{second}" is placed in the request in incorrect order.')
    kept = desk.read("Invoice", record_id(invoice))
    assert [text(ret, "TxnLineID") for ret in kept.iter("InvoiceLineRet")] == [first, second, third]


@cites("S10")
@pytest.mark.parametrize("code", [1000, 1010, 3100, 3170, 3175, 3176, 3180, 3220, 3261])
def test_any_status_can_be_asked_for_once(desk: Desk, code: int) -> None:
    desk.company.faults.arm("answer_status", request="CustomerAddRq", code=code)
    desk.fails(code, "CustomerAdd", {"Name": "Ann"})
    assert desk.names("Customer") == set()
    desk.customer("Ann")


@cites("S10")
@pytest.mark.parametrize(
    ("code", "usual"),
    [
        (3175, "The transaction could not be locked. It is in use by another user."),
        (3180, "QuickBooks error message:"),
        (3231, "The request has not been processed."),
        (3250, "This feature is not enabled or not available in this version of QuickBooks."),
        (3260, "Insufficient permission level to perform this action."),
    ],
)
def test_an_asked_for_status_has_its_usual_text(desk: Desk, code: int, usual: str) -> None:
    desk.company.faults.arm("answer_status", request="CustomerAddRq", code=code)
    desk.fails(code, "CustomerAdd", {"Name": "Ann"}, usual)


@cites("S2")
def test_a_refused_request_leaves_nothing_behind(desk: Desk) -> None:
    customer, item = desk.customer("Ann"), desk.service()
    before = desk.company.customers(), desk.company.elements("ItemService")
    broken = {"CustomerRef": list_id(customer), "InvoiceLineAdd": [line(item, Quantity=1), line("x")]}
    desk.fails(3140, "InvoiceAdd", broken)
    assert desk.names("Invoice") == set()
    assert (desk.company.customers(), desk.company.elements("ItemService")) == before
    assert desk.codes(request("InvoiceQuery")) == ["1"]
