"""Iterators: pages of one query within one session."""

import re

import pytest

from qbwc_server.simulator import ProcessError
from tests.conformance.desk import (
    MEASURED,
    PARSE_FAILURE,
    UNCONFIRMED,
    Desk,
    Element,
    cites,
    document,
    line,
    request,
    text,
    words,
)

GUID = re.compile(r"\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}")
NO_ITERATOR = words(
    "Account Terms StandardTerms DateDrivenTerms Class SalesRep CustomerType JobType CustomerMsg PaymentMethod "
    "ShipMethod SalesTaxCode PriceLevel Currency ListDeleted TxnDeleted DataExtDef Host Company Preferences "
    "Employee OtherName VendorType Template"
)
ITERATORS = words(
    "Customer Invoice Estimate SalesOrder SalesReceipt CreditMemo ReceivePayment Item ItemService ItemInventory "
    "ItemNonInventory ItemOtherCharge ItemSubtotal ItemDiscount ItemPayment ItemSalesTax ItemSalesTaxGroup "
    "ItemGroup Transaction"
)
MANDATORY = {"ListDeleted": {"ListDelType": "Customer"}, "TxnDeleted": {"TxnDelType": "Invoice"}}


@pytest.fixture
def seven(desk: Desk) -> list[str]:
    names = [f"Customer {number}" for number in range(7)]
    assert set(desk.codes(*(request("CustomerAdd", {"Name": name}) for name in names))) == {"0"}
    return names


def start(desk: Desk, size: int = 3, **filters: object) -> Element:
    return desk.ask("CustomerQuery", {"MaxReturned": size, **filters}, iterator="Start")


def proceed(desk: Desk, rs: Element, size: int = 3, session: str | None = None, **filters: object) -> Element:
    iterator = rs.get("iteratorID") or ""
    values = {"MaxReturned": size, **filters}
    return desk.ask("CustomerQuery", values, session=session, iterator="Continue", iteratorID=iterator)


def names(rs: Element) -> list[str]:
    return [text(ret, "FullName") for ret in rs]


@cites("S3", MEASURED)
def test_pages_hold_everything_once_and_count_what_remains(desk: Desk, seven: list[str]) -> None:
    first = start(desk)
    second = proceed(desk, first)
    last = proceed(desk, second)
    pages = [first, second, last]
    assert [rs.get("iteratorRemainingCount") for rs in pages] == ["4", "1", "0"]
    assert [len(rs) for rs in pages] == [3, 3, 1]
    assert sorted(name for rs in pages for name in names(rs)) == seven


@cites("S3", MEASURED)
def test_the_id_is_a_braced_guid_and_stays_on_the_last_page(desk: Desk, seven: list[str]) -> None:
    first = start(desk, size=4)
    last = proceed(desk, first, size=4)
    assert GUID.fullmatch(first.get("iteratorID") or "")
    assert last.get("iteratorID") == first.get("iteratorID")


@cites("S3")
def test_everything_on_the_first_page_leaves_nothing(desk: Desk, seven: list[str]) -> None:
    rs = start(desk, size=10)
    assert (len(rs), rs.get("iteratorRemainingCount")) == (7, "0")


@cites("S3")
def test_an_iterator_keeps_its_filters(desk: Desk, seven: list[str]) -> None:
    chosen = {"NameRangeFilter": {"FromName": "Customer 2"}}
    first = start(desk, size=2, **chosen)
    rest = proceed(desk, first, size=5, **chosen)
    assert names(first) + names(rest) == seven[2:]


@cites("S3")
def test_an_iterator_dies_with_its_session(desk: Desk, seven: list[str]) -> None:
    first = start(desk)
    desk.company.end_session(desk.session)
    desk.session = desk.company.begin_session("Conformance")
    try:
        rs = proceed(desk, first)
    except ProcessError:
        return
    assert rs.get("statusSeverity") == "Error"
    assert len(rs) == 0


@cites("S3")
def test_an_iterator_is_not_known_in_another_session(desk: Desk, seven: list[str]) -> None:
    first = start(desk)
    other = desk.company.begin_session("Conformance")
    rs = proceed(desk, first, session=other)
    assert rs.get("statusSeverity") == "Error"
    assert len(proceed(desk, first)) == 3


@cites("S3", UNCONFIRMED)
@pytest.mark.parametrize(("armed", "expected"), [({}, "3391"), ({"code": 1000}, "1000")])
def test_how_a_dead_iterator_fails_can_be_chosen(
    desk: Desk, seven: list[str], armed: dict[str, int], expected: str
) -> None:
    if armed:
        desk.company.faults.arm("dead_iterator", **armed)
    first = start(desk)
    other = desk.company.begin_session("Conformance")
    assert proceed(desk, first, session=other).get("statusCode") == expected


@cites("S3", UNCONFIRMED)
def test_a_dead_iterator_can_fail_the_whole_set(desk: Desk, seven: list[str]) -> None:
    desk.company.faults.arm("dead_iterator", hresult="0x80040400")
    first = start(desk)
    other = desk.company.begin_session("Conformance")
    with pytest.raises(ProcessError) as caught:
        proceed(desk, first, session=other)
    assert caught.value.hresult == "0x80040400"


@cites("S3")
def test_stop_ends_an_iterator(desk: Desk, seven: list[str]) -> None:
    first = start(desk)
    values = {"MaxReturned": 3}
    stopped = desk.ask("CustomerQuery", values, iterator="Stop", iteratorID=first.get("iteratorID") or "")
    assert stopped.get("statusSeverity") == "Info"
    assert len(stopped) == 0
    assert proceed(desk, first).get("statusSeverity") == "Error"


@cites("S3")
def test_two_iterators_run_beside_each_other(desk: Desk, seven: list[str]) -> None:
    one, two = start(desk), start(desk, size=5)
    assert one.get("iteratorID") != two.get("iteratorID")
    assert names(proceed(desk, one)) == seven[3:6]
    assert names(proceed(desk, two, size=5)) == seven[5:]


@cites("S3", UNCONFIRMED)
def test_an_iterator_holds_the_ids_of_its_start(desk: Desk, seven: list[str]) -> None:
    first = start(desk)
    desk.customer("Customer 99")
    rest = proceed(desk, first, size=10)
    assert names(rest) == seven[3:]


@cites("S3", UNCONFIRMED)
def test_the_size_of_a_page_may_change(desk: Desk, seven: list[str]) -> None:
    assert len(proceed(desk, start(desk, size=2), size=4)) == 4


@cites("S3")
@pytest.mark.parametrize("kind", NO_ITERATOR)
def test_small_lists_and_others_have_no_iterator(desk: Desk, kind: str) -> None:
    values = MANDATORY.get(kind)
    assert desk.failure(document([request(f"{kind}Query", values, iterator="Start")])) == PARSE_FAILURE


@cites("S3")
@pytest.mark.parametrize("kind", ITERATORS)
def test_long_lists_have_an_iterator(desk: Desk, kind: str) -> None:
    rs = desk.ask(f"{kind}Query", {"MaxReturned": 5}, iterator="Start")
    assert rs.get("statusCode") in ("0", "1")
    assert rs.get("iteratorRemainingCount") in (None, "0")


@cites("S6")
def test_one_iterator_runs_over_all_kinds_of_items(desk: Desk) -> None:
    for number in range(3):
        desk.service(f"Labour {number}")
        desk.stock(f"Bolt {number}")
    first = desk.ask("ItemQuery", {"MaxReturned": 4}, iterator="Start")
    iterator = first.get("iteratorID") or ""
    last = desk.ask("ItemQuery", {"MaxReturned": 4}, iterator="Continue", iteratorID=iterator)
    assert (len(first), len(last), last.get("iteratorRemainingCount")) == (4, 2, "0")
    assert {ret.tag for ret in [*first, *last]} == {"ItemServiceRet", "ItemInventoryRet"}
    assert len({text(ret, "ListID") for ret in [*first, *last]}) == 6


@cites("S3")
def test_invoices_come_in_pages_with_their_lines(desk: Desk) -> None:
    customer, item = desk.customer("Ann"), desk.service()
    for _ in range(5):
        desk.invoice(customer, line(item, Quantity=1))
    wanted = {"MaxReturned": 2, "IncludeLineItems": True}
    rs = desk.ask("InvoiceQuery", wanted, iterator="Start")
    found = [text(ret, "TxnID") for ret in rs]
    while rs.get("iteratorRemainingCount") != "0":
        iterator = rs.get("iteratorID") or ""
        rs = desk.ask("InvoiceQuery", wanted, iterator="Continue", iteratorID=iterator)
        found += [text(ret, "TxnID") for ret in rs]
        assert all(ret.find("InvoiceLineRet") is not None for ret in rs)
    assert len(found) == len(set(found)) == 5
