from datetime import date
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest

from qbxml import Request, Ret, SetStatus, Status, WallTime, build, build_answer, in_order, read, read_request


def leaf(kind_value: Any, path: str = "CustomerAdd", name: str = "OpenBalance") -> str | None:
    text = build([Request("CustomerAddRq", {path: {"Name": "Ann", name: kind_value}})])
    return ElementTree.fromstring(text).findtext(f".//{name}")


def test_an_empty_set_that_asks_for_a_stored_answer_is_written_exactly() -> None:
    assert build([], version="8.0", new_message_set_id="A" * 16, old_message_set_id="A" * 16) == (
        '<?xml version="1.0"?><?qbxml version="8.0"?><QBXML><QBXMLMsgsRq onError="continueOnError" '
        'newMessageSetID="AAAAAAAAAAAAAAAA" oldMessageSetID="AAAAAAAAAAAAAAAA"/></QBXML>'
    )


def test_elements_stand_in_the_order_of_quickbooks_whatever_the_order_of_the_dict() -> None:
    values = {
        "Phone": "1",
        "Name": "Ann",
        "Notes": "n",
        "BillAddress": {"City": "c", "Addr1": "a"},
        "IsActive": True,
    }
    root = ElementTree.fromstring(build([Request("CustomerAddRq", {"CustomerAdd": values})]))
    (customer,) = root.iter("CustomerAdd")
    assert [child.tag for child in customer] == ["Name", "IsActive", "BillAddress", "Phone", "Notes"]
    assert [child.tag for child in customer.iterfind("BillAddress/*")] == ["Addr1", "City"]


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (5, "5.00"),
        (Decimal("97.5"), "97.50"),
        (Decimal("-0.00"), "0.00"),
        (Decimal("1E+3"), "1000.00"),
        (Decimal("9999999999999.99"), "9999999999999.99"),
        (Decimal("1.500"), "1.50"),
        ("", None),
    ],
)
def test_amounts_have_two_decimals_always(amount: Any, text: str | None) -> None:
    assert leaf(amount) == (text or "")


@pytest.mark.parametrize(
    ("quantity", "text"),
    [(1, "1"), (Decimal("1.50"), "1.50"), (Decimal("0.333330"), "0.33333"), (Decimal("1E-5"), "0.00001")],
)
def test_quantities_keep_their_digits_up_to_five_decimals(quantity: Any, text: str) -> None:
    line = {"CustomerRef": {"ListID": "1-1"}, "InvoiceLineAdd": [{"Quantity": quantity}]}
    root = ElementTree.fromstring(build([Request("InvoiceAddRq", {"InvoiceAdd": line})]))
    assert root.findtext(".//Quantity") == text


def test_a_moment_is_sent_without_an_offset_and_a_day_as_a_day() -> None:
    values = {
        "FromModifiedDate": WallTime.parse("2026-08-01T10:00:00-05:00"),
        "ToModifiedDate": date(2026, 8, 2),
    }
    root = ElementTree.fromstring(build([Request("CustomerQueryRq", values)]))
    assert root.findtext(".//FromModifiedDate") == "2026-08-01T10:00:00"
    assert root.findtext(".//ToModifiedDate") == "2026-08-02"


def test_letters_outside_ascii_are_decimal_references() -> None:
    text = build([Request("CustomerAddRq", {"CustomerAdd": {"Name": 'Jean-Sébastien & <Söhne>"'}})])
    assert "Jean-S&#233;bastien &amp; &lt;S&#246;hne&gt;" in text


def test_macros_are_attributes() -> None:
    invoice = {"@defMacro": "TxnID:a", "CustomerRef": {"ListID": "1-1"}}
    payment = {
        "CustomerRef": {"ListID": "1-1"},
        "TotalAmount": 5,
        "AppliedToTxnAdd": [{"TxnID": {"@useMacro": "TxnID:a"}, "PaymentAmount": Decimal(5)}],
    }
    made = (
        Request("InvoiceAddRq", {"InvoiceAdd": invoice}),
        Request("ReceivePaymentAddRq", {"ReceivePaymentAdd": payment}),
    )
    text = build(made)
    assert '<InvoiceAdd defMacro="TxnID:a">' in text
    assert '<TxnID useMacro="TxnID:a"/>' in text
    assert read_request(text).requests == made


LINES = {
    "CustomerRef": {"ListID": "1-1"},
    "InvoiceLineAdd": [{"Desc": "first"}, {"Desc": "third"}],
    "InvoiceLineGroupAdd": [{"ItemGroupRef": {"ListID": "2-2"}}],
}
TOLD = ["InvoiceLineAdd", "InvoiceLineGroupAdd", "InvoiceLineAdd"]


def test_lines_and_groups_alternate_when_their_order_is_told() -> None:
    made = Request("InvoiceAddRq", {"InvoiceAdd": {**LINES, "#order": TOLD}})
    (invoice,) = ElementTree.fromstring(build([made])).iter("InvoiceAdd")
    assert [child.tag for child in invoice][1:] == TOLD
    assert read_request(build([made])).requests == (made,)


def test_without_an_order_one_kind_follows_the_other() -> None:
    made = Request("InvoiceAddRq", {"InvoiceAdd": LINES})
    (invoice,) = ElementTree.fromstring(build([made])).iter("InvoiceAdd")
    assert [child.tag for child in invoice][1:] == sorted(TOLD)
    assert read_request(build([made])).requests == (made,)


def test_a_mixed_list_can_be_walked_in_document_order() -> None:
    walked = [(name, item.get("Desc")) for name, item in in_order("InvoiceAdd", {**LINES, "#order": TOLD})]
    assert walked == [("InvoiceLineAdd", "first"), ("InvoiceLineGroupAdd", None), ("InvoiceLineAdd", "third")]


def test_an_order_that_does_not_fit_its_lists_is_refused() -> None:
    with pytest.raises(ValueError, match="2 InvoiceLineAdd"):
        list(in_order("InvoiceAdd", {**LINES, "#order": TOLD[:2]}))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"version": "14.0"}, "14.0"),
        ({"version": ""}, "version"),
        ({"on_error": "rollbackOnError"}, "rollbackOnError"),
        ({"new_message_set_id": "x" * 24}, "9004"),
        ({"old_message_set_id": ""}, "9004"),
    ],
)
def test_wrong_attributes_of_the_set_are_refused(wrong: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        build([], **wrong)  # type: ignore[arg-type]


def test_an_answer_looks_like_one_of_quickbooks() -> None:
    status = Status("CustomerQueryRs", "1", iterator_id="{x}", iterator_remaining=0, ret_count=2)
    ret = Ret(
        "CustomerRet",
        {"Name": "É", "TimeModified": "2026-08-01T10:00:00-05:00", "Balance": Decimal(1)},
        status,
    )
    assert build_answer([(status, [ret])], set_status=SetStatus(0, "ABC")) == (
        '<?xml version="1.0" ?>\n<QBXML><QBXMLMsgsRs newMessageSetID="ABC" messageSetStatusCode="0">'
        '<CustomerQueryRs requestID="1" statusCode="0" statusSeverity="Info" statusMessage="Status OK" retCount="2" '
        'iteratorRemainingCount="0" iteratorID="{x}"><CustomerRet>'
        "<TimeModified>2026-08-01T10:00:00-05:00</TimeModified><Name>&#201;</Name><Balance>1.00</Balance>"
        "</CustomerRet></CustomerQueryRs></QBXMLMsgsRs></QBXML>"
    )


def test_the_answer_of_a_deletion_has_no_wrapper() -> None:
    status = Status("ListDelRs", "1")
    ret = Ret("ListDelRs", {"ListID": "8-1", "ListDelType": "Customer", "FullName": "Ann"}, status)
    text = build_answer([(status, [ret])])
    assert (
        "<ListDelType>Customer</ListDelType><ListID>8-1</ListID><FullName>Ann</FullName></ListDelRs>" in text
    )
    assert read(text).responses[0].rets == (ret,)


@pytest.mark.parametrize("name", ["CustomerRet", "ErrorRecovery"])
def test_an_answer_with_a_field_that_does_not_exist_is_a_mistake_of_the_simulator(name: str) -> None:
    status = Status("CustomerAddRs")
    with pytest.raises(ValueError, match="Nme"):
        build_answer([(status, [Ret(name, {"Nme": "x"}, status)])])


def test_an_answer_to_an_unknown_request_is_a_mistake_of_the_simulator() -> None:
    status = Status("CustomerFindRs")
    with pytest.raises(ValueError, match="CustomerFindRs"):
        build_answer([(status, [Ret("CustomerRet", {}, status)])])
