"""Single fields: lengths, characters, names, what a Mod does to them."""

from collections.abc import Callable, Mapping
from typing import Any

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

Build = Callable[[str], tuple[str, Mapping[str, Any]]]


def customer(field: str) -> Build:
    return lambda value: (
        "CustomerAdd",
        {"Name": "Ann", field: value} if field != "Name" else {"Name": value},
    )


def inside(outer: str, field: str) -> Build:
    return lambda value: ("CustomerAdd", {"Name": "Ann", outer: {field: value}})


def invoice(field: str, kind: str = "Invoice") -> Build:
    def build(value: str) -> tuple[str, Mapping[str, Any]]:
        key = {"CustomerRef": full_name("Buyer")}
        return f"{kind}Add", {**key, field: value, f"{kind}LineAdd": line("Labour", Quantity=1)}

    return build


def invoice_line(field: str) -> Build:
    def build(value: str) -> tuple[str, Mapping[str, Any]]:
        key = {"CustomerRef": full_name("Buyer")}
        return "InvoiceAdd", {**key, "InvoiceLineAdd": line("Labour", **{field: value})}

    return build


def payment(value: str) -> tuple[str, Mapping[str, Any]]:
    key = {"CustomerRef": full_name("Buyer"), "RefNumber": value}
    return "ReceivePaymentAdd", {**key, "TotalAmount": "1.00", "IsAutoApply": False}


def named(kind: str, **more: Any) -> Build:
    return lambda value: (f"{kind}Add", {"Name": value, **more})


def mirrored(label: str) -> Build:
    return lambda value: (
        "CustomerAdd",
        {"Name": "Ann", "AdditionalContactRef": {"ContactName": label, "ContactValue": value}},
    )


def contact(name: bool) -> Build:
    def build(value: str) -> tuple[str, Mapping[str, Any]]:
        pair = {"ContactName": value if name else "Other 1", "ContactValue": "1" if name else value}
        return "CustomerAdd", {"Name": "Ann", "AdditionalContactRef": pair}

    return build


LENGTHS: dict[str, tuple[Build, int]] = {
    **{
        f"customer {field}": (customer(field), most)
        for field, most in {
            "Name": 41,
            "CompanyName": 41,
            "Contact": 41,
            "AltContact": 41,
            "JobTitle": 41,
            "Salutation": 15,
            "FirstName": 25,
            "LastName": 25,
            "MiddleName": 5,
            "Phone": 21,
            "AltPhone": 21,
            "Fax": 21,
            "Email": 1023,
            "Cc": 1023,
            "AccountNumber": 99,
            "JobDesc": 99,
            "ResaleNumber": 15,
            "Notes": 4095,
        }.items()
    },
    **{
        f"address {field}": (inside("BillAddress", field), most)
        for field, most in {
            "Addr1": 41,
            "Addr2": 41,
            "Addr3": 41,
            "Addr4": 41,
            "Addr5": 41,
            "City": 31,
            "State": 21,
            "PostalCode": 13,
            "Country": 31,
            "Note": 41,
        }.items()
    },
    **{f"ship address {field}": (inside("ShipAddress", field), 31) for field in ("City", "Country")},
    # An entry that is the customer's own field under another name has that field's length.
    **{f"entry {label}": (mirrored(label), 21) for label in ("Main Phone", "Alt. Phone", "Fax")},
    **{
        f"{kind} RefNumber": (invoice("RefNumber", kind), 11)
        for kind in ("Invoice", "Estimate", "SalesOrder", "CreditMemo", "SalesReceipt")
    },
    "ReceivePayment RefNumber": (payment, 20),
    "PONumber": (invoice("PONumber"), 25),
    "CheckNumber": (invoice("CheckNumber", "SalesReceipt"), 25),
    "Memo": (invoice("Memo"), 4095),
    "FOB": (invoice("FOB"), 13),
    "Other": (invoice("Other"), 29),
    "line Desc": (invoice_line("Desc"), 4095),
    "line Other1": (invoice_line("Other1"), 29),
    "line Other2": (invoice_line("Other2"), 29),
    "item Name": (named("ItemService", SalesOrPurchase={"AccountRef": full_name("Sales")}), 31),
    "account Name": (named("Account", AccountType="Income"), 31),
    "class Name": (named("Class"), 31),
    "terms Name": (named("StandardTerms"), 31),
    "price level Name": (named("PriceLevel", PriceLevelFixedPercentage="10.0"), 31),
    "payment method Name": (named("PaymentMethod"), 31),
    "customer type Name": (named("CustomerType"), 31),
    "ship method Name": (named("ShipMethod"), 15),
    "tax code Name": (named("SalesTaxCode", IsTaxable=True), 3),
    "customer message": (named("CustomerMsg"), 101),
    "contact name": (contact(name=True), 40),
    "contact value": (contact(name=False), 255),
}
ANY_CONTACT_NAME = {"contact name"}  # only names that QuickBooks knows are taken, whatever their length


@pytest.fixture
def furnished(desk: Desk) -> Desk:
    desk.customer("Buyer")
    desk.service("Labour")
    return desk


@cites("S5")
@pytest.mark.parametrize("field", LENGTHS)
def test_one_character_too_many_is_3070_for_that_request_only(furnished: Desk, field: str) -> None:
    build, most = LENGTHS[field]
    kind, values = build("x" * (most + 1))
    good = request("CustomerAdd", {"Name": "Good"})
    before = furnished.company.counts().get(kind, 0)
    assert furnished.codes(request(kind, values), good) == ["3070", "0"]
    assert furnished.company.counts().get(kind, 0) - before == (1 if kind == "CustomerAdd" else 0)


@cites("S5")
@pytest.mark.parametrize("field", [field for field in LENGTHS if field not in ANY_CONTACT_NAME])
def test_the_full_length_is_kept(furnished: Desk, field: str) -> None:
    build, most = LENGTHS[field]
    value = "y" * most
    kind, values = build(value)
    ret = furnished.ok(kind, values)
    assert value in {found.text for found in ret.iter()}


@cites("S5")
def test_a_message_id_and_an_edit_sequence_have_their_lengths(desk: Desk) -> None:
    ann = desk.customer("Ann")
    desk.fails(3070, "CustomerMod", {"ListID": record_id(ann), "EditSequence": "1" * 17, "Phone": "1"})


@cites("S5")
def test_sales_rep_initials_have_five_characters(desk: Desk) -> None:
    employee = desk.company.user_add({"Name": "Rita"}, kind="Employee")
    entity = {"SalesRepEntityRef": {"ListID": employee}}
    desk.fails(3070, "SalesRepAdd", {"Initial": "RITAXX", **entity})
    rep = desk.ok("SalesRepAdd", {"Initial": "RITAX", **entity})
    ann = desk.customer("Ann", SalesRepRef=full_name("RITAX"))
    assert text(ann, "SalesRepRef/ListID") == record_id(rep)


@cites("S5")
def test_names_go_five_levels_deep(desk: Desk) -> None:
    parent = None
    for level in range(5):
        values = {"ParentRef": list_id(parent)} if parent is not None else {}
        parent = desk.customer(f"L{level}", **values)
        assert text(parent, "Sublevel") == str(level)
    assert parent is not None
    assert text(parent, "FullName") == "L0:L1:L2:L3:L4"
    rs = desk.ask("CustomerAdd", {"Name": "L5", "ParentRef": list_id(parent)})
    assert rs.get("statusSeverity") == "Error"


@cites("S5")
@pytest.mark.parametrize("kind", ["Account", "Class", "ItemService", "CustomerType", "JobType"])
def test_other_lists_have_levels_too(desk: Desk, kind: str) -> None:
    more = {
        "Account": {"AccountType": "Income"},
        "ItemService": {"SalesOrPurchase": {"AccountRef": full_name("Sales")}},
    }.get(kind, {})
    desk.ok(f"{kind}Add", {"Name": "Upper", **more})
    lower = desk.ok(f"{kind}Add", {"Name": "Lower", "ParentRef": full_name("Upper"), **more})
    assert text(lower, "FullName") == "Upper:Lower"
    assert text(lower, "Sublevel") == "1"


@cites("S5")
def test_names_compare_without_case(desk: Desk) -> None:
    ann = desk.customer("Änn Müller")
    assert record_id(desk.ok("CustomerQuery", {"FullName": "änn MÜLLER"})) == record_id(ann)
    desk.fails(3100, "CustomerAdd", {"Name": "ÄNN müller"})
    job = desk.customer("Job", ParentRef=full_name("ÄNN MÜLLER"))
    assert text(job, "FullName") == "Änn Müller:Job"


@cites("S4")
@pytest.mark.parametrize("kind", ["Vendor", "Employee", "OtherName"])
def test_all_name_lists_share_their_names(desk: Desk, kind: str) -> None:
    desk.company.user_add({"Name": "Pat Doe"}, kind=kind)
    desk.fails(3100, "CustomerAdd", {"Name": "Pat Doe"})
    desk.fails(3100, "CustomerAdd", {"Name": "PAT DOE"})
    ann = desk.customer("Ann")
    assert desk.mod("Customer", ann, {"Name": "Pat Doe"}).get("statusCode") in ("3100", "3170")


@cites("S4")
def test_customers_and_items_may_have_one_name(desk: Desk) -> None:
    desk.customer("Bolt")
    desk.stock("Bolt")
    desk.account("Bolt")


@cites("S4")
def test_all_kinds_of_items_share_their_names(desk: Desk) -> None:
    desk.service("Bolt")
    desk.fails(3100, "ItemSubtotalAdd", {"Name": "bolt"})
    desk.fails(
        3100, "ItemNonInventoryAdd", {"Name": "BOLT", "SalesOrPurchase": {"AccountRef": full_name("Sales")}}
    )


@cites("S4")
def test_jobs_of_two_customers_may_have_one_name(desk: Desk) -> None:
    for name in ("Ann", "Ben"):
        desk.customer(name)
        desk.customer("Roof", ParentRef=full_name(name))
    desk.fails(3100, "CustomerAdd", {"Name": "roof", "ParentRef": full_name("Ann")})


# -- characters ---


@cites("S5")
def test_western_letters_survive_as_references(desk: Desk) -> None:
    letters = "ÀÉÎõüßñ £§©½"
    source = document([request("CustomerAdd", {"Name": letters})])
    desk.answer("".join(one if ord(one) < 128 else f"&#{ord(one)};" for one in source))
    assert desk.names("Customer") == {letters}


@cites("S5")
def test_western_letters_survive_raw(desk: Desk) -> None:
    assert text(desk.customer("Jean-Sébastien"), "Name") == "Jean-Sébastien"
    assert "&#233;" in desk.text(document([request("CustomerQuery")]))


@cites("S5")
@pytest.mark.parametrize("letters", ["中文", "Ελλάδα", "Россия", "日本"])
def test_other_letters_raw_fail_the_parse(desk: Desk, letters: str) -> None:
    good = request("CustomerAdd", {"Name": "Good"})
    assert desk.failure(document([good, request("CustomerAdd", {"Name": letters})])) == PARSE_FAILURE
    assert desk.names("Customer") == set()


@cites("S5")
@pytest.mark.parametrize("letters", ["中文", "Ελλάδα", "Россия"])
def test_other_letters_as_references_become_question_marks(desk: Desk, letters: str) -> None:
    given = "".join(f"&#{ord(one)};" for one in letters)
    desk.answer(document([f"<CustomerAddRq><CustomerAdd><Name>{given}</Name></CustomerAdd></CustomerAddRq>"]))
    assert desk.names("Customer") == {"?" * len(letters)}


@cites("S5")
@pytest.mark.parametrize("reference", ["&#1;", "&#8;", "&#31;", "&#0;", "\x01"])
def test_control_characters_are_no_xml(desk: Desk, reference: str) -> None:
    source = document(
        [f"<CustomerAddRq><CustomerAdd><Name>A{reference}</Name></CustomerAdd></CustomerAddRq>"]
    )
    assert desk.failure(source) == PARSE_FAILURE


@cites("S5")
def test_markup_in_texts_comes_back_as_it_was(desk: Desk) -> None:
    name = "A & B <\"C\"> 'D' 100%"
    assert text(desk.customer(name), "Name") == name


@cites("S5", UNCONFIRMED)
def test_line_breaks_in_notes_stay(desk: Desk) -> None:
    ann = desk.customer("Ann", Notes="one\ntwo")
    assert text(desk.read("Customer", record_id(ann)), "Notes").split() == ["one", "two"]


# -- printed forms ---


@cites("S5", MEASURED)
def test_prices_and_quantities_are_printed_without_lost_or_needless_zeros(desk: Desk) -> None:
    item = desk.service(price="111.111")
    assert text(item, "SalesOrPurchase/Price") == "111.111"
    invoice = desk.invoice(
        desk.customer("Ann"),
        line(item, Quantity="2.00000"),
        line(item, Quantity="1.5"),
        line(item, Quantity=1),
    )
    lines = list(invoice.iter("InvoiceLineRet"))
    assert [text(ret, "Quantity") for ret in lines] == ["2", "1.5", "1"]
    assert [text(ret, "Amount") for ret in lines] == ["222.22", "166.67", "111.11"]
    assert text(desk.service("Even", price="7"), "SalesOrPurchase/Price") == "7.00"


@cites("S5")
def test_booleans_are_printed_as_words(desk: Desk) -> None:
    for given, printed in (("1", "true"), ("0", "false"), ("true", "true"), ("false", "false")):
        ret = desk.customer(f"Given {given}", IsActive=given)
        assert text(ret, "IsActive") == printed


@cites("S5")
@pytest.mark.parametrize("given", ["1.123456", "12345678901", "1.5.5"])
def test_prices_have_at_most_ten_digits_and_five_decimals(desk: Desk, given: str) -> None:
    values = {"Name": "A", "SalesOrPurchase": {"Price": given, "AccountRef": full_name("Sales")}}
    assert desk.ask("ItemServiceAdd", values).get("statusSeverity") == "Error"


@cites("S5")
def test_block_addresses_are_the_printed_form_and_cannot_be_sent(desk: Desk) -> None:
    values = {"Addr1": "Elm 1", "City": "Bayshore", "State": "CA", "PostalCode": "94326"}
    ann = desk.customer("Ann", BillAddress=values)
    assert text(ann, "BillAddressBlock/Addr1") == "Elm 1"
    assert "Bayshore" in text(ann, "BillAddressBlock/Addr2")
    sent = request("CustomerAdd", {"Name": "B", "BillAddressBlock": {"Addr1": "Elm 1"}})
    assert desk.failure(document([sent])) == PARSE_FAILURE


@cites("S6")
@pytest.mark.parametrize("method", ["None", "Email", "Fax"])
def test_delivery_methods(desk: Desk, method: str) -> None:
    ann = desk.customer("Ann", PreferredDeliveryMethod=method)
    assert text(ann, "PreferredDeliveryMethod") == method


@cites("S9")
def test_a_delivery_method_outside_the_schema_is_no_request(desk: Desk) -> None:
    sent = request("CustomerAdd", {"Name": "A", "PreferredDeliveryMethod": "Mail"})
    assert desk.failure(document([sent])) == PARSE_FAILURE


@cites("S3")
def test_custom_fields_are_texts_of_a_definition_that_is_created_once(desk: Desk) -> None:
    ann = desk.customer("Ann")
    definition = {
        "OwnerID": "0",
        "DataExtName": "Shoe",
        "DataExtType": "STR255TYPE",
        "AssignToObject": "Customer",
    }
    desk.ok("DataExtDefAdd", definition)
    assert desk.ask("DataExtDefAdd", definition).get("statusSeverity") == "Error"
    key = {"OwnerID": "0", "DataExtName": "Shoe", "ListDataExtType": "Customer", "ListObjRef": list_id(ann)}
    desk.ok("DataExtAdd", {**key, "DataExtValue": "42"})
    desk.ok("DataExtMod", {**key, "DataExtValue": "43"})
    found = desk.ok("CustomerQuery", {"ListID": record_id(ann), "OwnerID": "0"})
    assert text(found, "DataExtRet/DataExtValue") == "43"
    assert text(found, "DataExtRet/DataExtType") == "STR255TYPE"
    desk.ok("DataExtDel", key)
    assert desk.ok("CustomerQuery", {"ListID": record_id(ann), "OwnerID": "0"}).find("DataExtRet") is None


@cites("S6")
def test_a_custom_field_that_nobody_defined_is_refused(desk: Desk) -> None:
    ann = desk.customer("Ann")
    key = {"OwnerID": "0", "DataExtName": "Hat", "ListDataExtType": "Customer", "ListObjRef": list_id(ann)}
    rs = desk.ask("DataExtMod", {**key, "DataExtValue": "7"})
    assert rs.get("statusSeverity") == "Error"


@cites("S5")
def test_an_unknown_reference_in_an_empty_form_is_a_missing_element(desk: Desk) -> None:
    sent = xml("InvoiceAddRq", {"InvoiceAdd": {"CustomerRef": None, "InvoiceLineAdd": {"Desc": "x"}}})
    [rs] = desk.set(sent)
    assert rs.get("statusSeverity") == "Error"
    assert desk.rets("Invoice") == []
