"""Reading lists and transactions of every kind that a mapping names, their deletions, and the lists they refer to."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import qbxml
from qbwc_server.sync.from_books import asking, lists, requests_left
from qbwc_server.sync.from_books.state import ReadState
from tests.sync.reader import Reader, mapped
from tests.sync.world import World

SALES = (mapped("Customer", "Name"), mapped("ItemService", "Name"), mapped("Invoice", "Memo"))
# qbXML semantics, section 3.
ITERATED = (
    "Customer",
    "ItemService",
    "ItemNonInventory",
    "ItemInventory",
    "Invoice",
    "SalesOrder",
    "ReceivePayment",
)
NOT_ITERATED = (
    "Account",
    "Terms",
    "Class",
    "SalesRep",
    "CustomerType",
    "PaymentMethod",
    "SalesTaxCode",
    "ShipMethod",
)

Build = Callable[..., World]


@pytest.fixture
def reader(world: World) -> Reader:
    return Reader(world, *SALES)


@pytest.mark.parametrize("kind", [*ITERATED, *NOT_ITERATED])
@pytest.mark.parametrize("what", ["read", "again"])
@pytest.mark.parametrize("since", ["", "2026-01-01T00:00:00"])
def test_every_query_is_one_that_quickbooks_accepts(kind: str, what: str, since: str) -> None:
    state = ReadState(
        kind, since=since, until=since and "2026-02-01T00:00:00", what=what, ids=("80000001-1",)
    )
    request = asking.query(state, 200)
    assert qbxml.validate(request) == ()
    assert qbxml.read_request(qbxml.build([request])).requests[0].values == request.values


@pytest.mark.parametrize(
    "kind", sorted({one for some in lists.REFERRED.values() for one in some} | {*lists.IN_LINES})
)
def test_every_list_and_its_deletions_can_be_asked_for(kind: str) -> None:
    state = ReadState(kind, since="2026-01-01T00:00:00", what="list")
    [gone] = asking.deletions([state])
    assert qbxml.validate(asking.query(state, 200)) == ()
    assert qbxml.validate(gone) == ()
    assert gone.values["ListDelType"] == sorted(asking.kinds_answered(kind))


@pytest.mark.parametrize("kind", ITERATED)
def test_what_has_an_iterator_is_read_in_pages(kind: str) -> None:
    request = asking.query(ReadState(kind), 200)
    assert request.attributes == {"iterator": "Start"}
    assert request.values["MaxReturned"] == (100 if asking.is_transaction(kind) else 200)


@pytest.mark.parametrize("kind", NOT_ITERATED)
def test_what_has_none_is_read_in_one_answer(kind: str) -> None:
    request = asking.query(ReadState(kind), 200)
    assert not request.attributes
    assert "MaxReturned" not in request.values


def test_transactions_come_with_lines_links_and_custom_fields() -> None:
    asked = asking.query(ReadState("SalesOrder", since="2026-01-01T00:00:00"), 200).values
    assert asked == {
        "MaxReturned": 100,
        "ModifiedDateRangeFilter": {"FromModifiedDate": qbxml.WallTime.parse("2026-01-01")},
        "IncludeLineItems": True,
        "IncludeLinkedTxns": True,
        "OwnerID": ["0"],
    }


def test_all_first_requests_of_a_visit_go_out_in_one_set(reader: Reader) -> None:
    ann = reader.world.customer("Ann")
    invoice = reader.sale(ann, reader.item())
    [first] = reader.visit()
    kinds = ["CreditMemo", "Customer", "Invoice", "ItemService", "ReceivePayment"]
    assert [one.request_id for one in first] == [f"read-{kind}-1" for kind in kinds]
    assert reader.record("Invoice", invoice).values["InvoiceLineRet"][0]["Amount"] == Decimal("100.00")
    assert all(reader.complete(kind) for kind in ("Customer", "Invoice", "ItemService"))
    [second] = reader.visit()
    assert [one.request_id for one in second[len(kinds) :]] == ["gone-List-1", "gone-Txn-1"]
    assert reader.changed == 0


def test_an_empty_company_is_read_to_its_end_at_once(reader: Reader) -> None:
    reader.visit()
    assert len(reader.sets) == 1
    assert all(reader.complete(kind) for kind in ("Customer", "Invoice", "ItemService"))


def test_what_was_deleted_becomes_a_tombstone_in_each_kind(reader: Reader) -> None:
    world = reader.world
    ann, item, idle = world.customer("Ann"), reader.item(), reader.item("Idle")
    invoice = reader.sale(ann, item)
    reader.visit()
    world.clock.advance(hours=5)
    world.company.user_delete(idle, "ItemService")
    world.company.user_delete(invoice, "Invoice")
    reader.visit()
    assert reader.record("ItemService", idle).deleted
    assert reader.record("Invoice", invoice).deleted
    assert not reader.record("ItemService", item).deleted
    reader.visit()
    assert reader.changed == 0


def test_without_its_deletions_a_read_is_not_complete_and_others_are(reader: Reader) -> None:
    world = reader.world
    ann, item = world.customer("Ann"), reader.item()
    invoice = reader.sale(ann, item)
    reader.visit()
    before = world.watermark("books", "Invoice"), world.watermark("books", "ItemService")
    world.clock.advance(hours=5)
    world.company.user_delete(invoice, "Invoice")
    reader.sale(ann, item)
    reader.item("Newer")
    world.company.faults.arm(
        "answer_status", request="TxnDeletedQueryRq", code=1000, message="Internal error."
    )
    reader.visit()
    assert "Internal error." in reader.error("Invoice")
    assert world.watermark("books", "Invoice") == before[0]
    assert world.watermark("books", "ItemService") > before[1]
    reader.visit()
    assert reader.record("Invoice", invoice).deleted


def test_a_kind_that_cannot_be_read_stops_no_other(reader: Reader) -> None:
    reader.world.customer("Ann")
    reader.world.company.faults.arm(
        "answer_status", request="InvoiceQueryRq", code=3250, message="Not enabled."
    )
    reader.visit()
    assert "Not enabled." in reader.error("Invoice")
    assert (reader.complete("Invoice"), reader.complete("Customer")) == (False, True)


def test_an_edition_without_sales_orders_has_none(world: World) -> None:
    reader = Reader(world, mapped("SalesOrder", "Memo"), mapped("Customer", "Name"))
    world.company.faults.arm("answer_status", request="SalesOrderQueryRq", code=3250, message="Not enabled.")
    reader.visit()
    assert (reader.error("SalesOrder"), reader.complete("SalesOrder")) == ("", True)
    reader.visit()
    assert reader.asked("SalesOrderQuery")[0].values.get("ModifiedDateRangeFilter") is None


def test_one_request_that_the_parser_refuses_stops_no_other(reader: Reader) -> None:
    world = reader.world
    world.customer("Ann")
    refusal: dict[str, Any] = {"hresult": "0x80040400", "message": "QuickBooks found an error when parsing."}
    world.company.faults.arm("refuse_set", times=20, holding="ItemServiceQueryRq", **refusal)
    reader.visit()
    assert "parsing" in reader.error("ItemService")
    assert not reader.error("Customer")
    assert (reader.complete("Customer"), reader.complete("Invoice")) == (True, True)
    assert not reader.complete("ItemService")


def test_only_mapped_kinds_wait_for_a_decision(reader: Reader) -> None:
    ann = reader.world.customer("Ann")
    invoice = reader.sale(ann, reader.item(), RefNumber="17")
    payment = reader.company.take_payment(customer="Ann", amount="40.00", invoice="17")
    reader.visit()
    assert {kind for kind, _ in reader.waiting()} == {"Customer", "Invoice", "ItemService"}
    assert reader.record("ReceivePayment", payment).values["AppliedToTxnRet"][0]["TxnID"] == invoice


def test_transactions_are_found_by_customer_and_number_and_jobs_by_parent(reader: Reader) -> None:
    world = reader.world
    ann = world.customer("Ann")
    job = world.customer("Kitchen", ParentRef={"ListID": ann})
    first, second = (
        reader.sale(one, reader.item(f"Item of {one}"), RefNumber=f"A-{one[-4:]}") for one in (ann, job)
    )
    reader.visit()
    assert reader.holders("Invoice", "customer", ann) == [first]
    assert reader.holders("Invoice", "customer", job) == [second]
    assert reader.holders("Invoice", "refnumber", f"a-{ann[-4:]}") == [first]
    assert reader.holders("Customer", "parent", ann) == [job]


# --- lists that fields refer to ---


def lists_asked(reader: Reader) -> list[str]:
    return [one.name for each in reader.sets for one in each if str(one.request_id).startswith("list-")]


def test_lists_that_mapped_fields_refer_to_are_read_once_a_day(world: World) -> None:
    reader = Reader(world, mapped("Customer", "Name", "TermsRef/FullName", "SalesTaxCodeRef/FullName"))
    world.company.user_add({"Name": "Net 45", "StdDueDays": 45}, "StandardTerms")
    reader.visit()
    assert lists_asked(reader) == ["SalesTaxCodeQueryRq", "TermsQueryRq"]
    assert reader.holders("StandardTerms", "name", "net 45")
    assert reader.holders("SalesTaxCode", "name", "non")
    assert reader.waiting() == []
    for hours in (1, 20):
        world.clock.advance(hours=hours)
        reader.visit()
        assert lists_asked(reader) == []
    world.clock.advance(hours=4)
    [net_45] = reader.holders("StandardTerms", "name", "net 45")
    world.company.user_delete(net_45, "StandardTerms")
    reader.visit()
    assert lists_asked(reader) == ["SalesTaxCodeQueryRq", "TermsQueryRq"]
    assert reader.record("StandardTerms", net_45).deleted


def test_lines_bring_the_lists_of_their_fields_and_the_items_of_settings(world: World) -> None:
    reader = Reader(world, mapped("Invoice", "Memo", lines=("ClassRef/FullName",)))
    reader.visit()
    assert lists_asked(reader) == ["ClassQueryRq", "ItemDiscountQueryRq", "ItemOtherChargeQueryRq"]


def test_a_list_that_the_edition_lacks_is_empty_and_one_that_failed_is_asked_again(world: World) -> None:
    reader = Reader(world, mapped("Customer", "TermsRef/FullName", "PriceLevelRef/FullName"))
    world.company.faults.arm("answer_status", request="PriceLevelQueryRq", code=3250, message="Not enabled.")
    world.company.faults.arm("answer_status", request="TermsQueryRq", code=1000, message="Internal error.")
    reader.visit()
    assert (reader.error("PriceLevel", "list"), reader.error("Terms", "list")[:8]) == ("", "Internal")
    reader.visit()
    assert lists_asked(reader) == ["TermsQueryRq"]


def test_there_is_something_left_while_any_read_is_due() -> None:
    done = ReadState("Customer", done=True)
    again = ReadState("Invoice", what="again", ids=tuple(str(one) for one in range(120)))
    assert requests_left([done]) == 0
    assert requests_left([done, again]) == 3
    assert requests_left([ReadState("Invoice", left=250), done]) == 3
    assert requests_left([ReadState("Invoice", until="2020-01-01T00:00:00")]) == 2
