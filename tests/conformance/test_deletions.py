"""What is gone: deletions and their records, voids, merges."""

import pytest

from tests.conformance.desk import (
    UNCONFIRMED,
    Desk,
    Element,
    amount,
    cites,
    line,
    list_id,
    record_id,
    request,
    text,
)


def deleted(desk: Desk, kind: str, **more: object) -> Element:
    """The answer about deleted list elements or transactions of this kind."""
    family = "Txn" if kind in ("Invoice", "ReceivePayment", "CreditMemo", "Estimate") else "List"
    return desk.ask(f"{family}DeletedQuery", {f"{family}DelType": kind, **more})


@cites("S4")
def test_a_deleted_customer_is_told_with_its_times_and_name(desk: Desk) -> None:
    ann = desk.customer("Ann")
    desk.clock.advance(hours=1)
    desk.ok("ListDel", {"ListDelType": "Customer", "ListID": record_id(ann)})
    [ret] = deleted(desk, "Customer")
    assert [text(ret, name) for name in ("ListDelType", "ListID", "FullName")] == [
        "Customer",
        record_id(ann),
        "Ann",
    ]
    assert text(ret, "TimeCreated") == text(ann, "TimeCreated")
    assert text(ret, "TimeDeleted")[:19] == "2026-08-01T12:00:00"
    assert desk.names("Customer", {"ActiveStatus": "All"}) == set()


@cites("S4")
def test_a_deleted_invoice_is_told_with_its_number(desk: Desk) -> None:
    invoice = desk.invoice(desk.customer("Ann"), line(desk.service(), Quantity=1), RefNumber="A-7")
    desk.ok("TxnDel", {"TxnDelType": "Invoice", "TxnID": record_id(invoice)})
    [ret] = deleted(desk, "Invoice")
    assert [text(ret, name) for name in ("TxnDelType", "TxnID", "RefNumber")] == [
        "Invoice",
        record_id(invoice),
        "A-7",
    ]
    assert desk.rets("Invoice") == []


@cites("S4")
def test_nothing_deleted_is_status_1(desk: Desk) -> None:
    assert deleted(desk, "Customer").get("statusCode") == "1"
    assert deleted(desk, "Invoice").get("statusCode") == "1"


@cites("S4")
def test_deletions_are_kept_ninety_days_whatever_is_asked(desk: Desk) -> None:
    ann = desk.customer("Ann")
    desk.ok("ListDel", {"ListDelType": "Customer", "ListID": record_id(ann)})
    long_ago = {"DeletedDateRangeFilter": {"FromDeletedDate": "2000-01-01"}}
    desk.clock.advance(days=89)
    assert len(deleted(desk, "Customer", **long_ago)) == 1
    desk.clock.advance(days=2)
    assert len(deleted(desk, "Customer", **long_ago)) == 0


@cites("S4")
def test_both_ends_of_deleted_dates_are_inclusive(desk: Desk) -> None:
    for name in ("Ann", "Ben", "Cid"):
        customer = desk.customer(name)
        desk.ok("ListDel", {"ListDelType": "Customer", "ListID": record_id(customer)})
        desk.clock.advance(hours=1)
    for ends, names in (
        ({"FromDeletedDate": "2026-08-01T12:00:00"}, {"Ben", "Cid"}),
        ({"ToDeletedDate": "2026-08-01T12:00:00"}, {"Ann", "Ben"}),
        ({"FromDeletedDate": "2026-08-01T12:00:00", "ToDeletedDate": "2026-08-01T12:00:00"}, {"Ben"}),
        ({"FromDeletedDate": "2026-08-01"}, {"Ann", "Ben", "Cid"}),
    ):
        found = deleted(desk, "Customer", DeletedDateRangeFilter=ends)
        assert {text(ret, "FullName") for ret in found} == names


@cites("S4")
def test_a_deletion_needs_no_sequence(desk: Desk) -> None:
    ann = desk.customer("Ann")
    desk.modified("Customer", ann, {"Phone": "1"})
    desk.ok("ListDel", {"ListDelType": "Customer", "ListID": record_id(ann)})


@cites("S4")
def test_several_kinds_of_deletions_in_one_question(desk: Desk) -> None:
    ann, item = desk.customer("Ann"), desk.service()
    desk.ok("ListDel", {"ListDelType": "Customer", "ListID": record_id(ann)})
    desk.ok("ListDel", {"ListDelType": "ItemService", "ListID": record_id(item)})
    rs = desk.ask("ListDeletedQuery", {"ListDelType": ["Customer", "ItemService"]})
    assert {text(ret, "ListDelType") for ret in rs} == {"Customer", "ItemService"}


@cites("S4")
def test_a_voided_invoice_stays_with_zero_amounts_and_another_sequence(desk: Desk) -> None:
    ann = desk.customer("Ann")
    invoice = desk.invoice(ann, line(desk.service(price="25.00"), Quantity=4))
    assert amount(desk.read("Customer", record_id(ann)), "Balance") == 100
    desk.clock.advance(hours=1)
    desk.ok("TxnVoid", {"TxnVoidType": "Invoice", "TxnID": record_id(invoice)})
    void = desk.read("Invoice", record_id(invoice))
    assert amount(void, "Subtotal") == amount(void, "BalanceRemaining") == 0
    assert [amount(ret, "Amount") for ret in void.iter("InvoiceLineRet")] == [0]
    assert text(void, "EditSequence") != text(invoice, "EditSequence")
    assert amount(desk.read("Customer", record_id(ann)), "Balance") == 0
    assert deleted(desk, "Invoice").get("statusCode") == "1"


@cites("S4", UNCONFIRMED)
def test_a_voided_invoice_says_so_in_its_memo(desk: Desk) -> None:
    invoice = desk.invoice(desk.customer("Ann"), line(desk.service(), Quantity=1), Memo="Roof")
    desk.ok("TxnVoid", {"TxnVoidType": "Invoice", "TxnID": record_id(invoice)})
    assert text(desk.read("Invoice", record_id(invoice)), "Memo").startswith("VOID:")


@cites("S4")
@pytest.mark.parametrize("kind", ["CreditMemo", "SalesReceipt"])
def test_credit_memos_and_sales_receipts_can_be_voided(desk: Desk, kind: str) -> None:
    form = desk.form(kind, desk.customer("Ann"), line(desk.service(), Quantity=1))
    desk.ok("TxnVoid", {"TxnVoidType": kind, "TxnID": record_id(form)})
    assert amount(desk.read(kind, record_id(form)), "Subtotal") == 0


@cites("S4")
def test_a_deleted_payment_opens_its_invoice_again(desk: Desk) -> None:
    ann = desk.customer("Ann")
    invoice = desk.invoice(ann, line(desk.service(price="10.00"), Quantity=1))
    payment = desk.payment(ann, "10.00", invoice)
    desk.ok("TxnDel", {"TxnDelType": "ReceivePayment", "TxnID": record_id(payment)})
    again = desk.read("Invoice", record_id(invoice))
    assert text(again, "IsPaid") == "false"
    assert amount(again, "BalanceRemaining") == 10
    assert amount(desk.read("Customer", record_id(ann)), "Balance") == 10


def merge(desk: Desk, kind: str, source: Element, target: Element) -> Element:
    return desk.ask(
        "ListMerge",
        {
            "ListMergeType": kind,
            "MergeFrom": {
                "ListID": record_id(source),
                "EditSequence": text(source, "EditSequence"),
            },
            "MergeTo": {
                "ListID": record_id(target),
                "EditSequence": text(target, "EditSequence"),
            },
        },
    )


@cites("S4")
def test_after_a_merge_the_source_is_gone_and_its_documents_name_the_target(desk: Desk) -> None:
    ann, ben, item = desk.customer("Ann"), desk.customer("Ben"), desk.service(price="10.00")
    mine = desk.invoice(ann, line(item, Quantity=1))
    desk.invoice(ben, line(item, Quantity=2))
    rs = merge(desk, "Customer", desk.read("Customer", record_id(ann)), desk.read("Customer", record_id(ben)))
    assert rs.get("statusCode") == "0"
    assert rs.find(".//TimeDeleted") is not None
    assert desk.names("Customer", {"ActiveStatus": "All"}) == {"Ben"}
    moved = desk.read("Invoice", record_id(mine))
    assert text(moved, "CustomerRef/ListID") == record_id(ben)
    assert amount(desk.read("Customer", record_id(ben)), "Balance") == 30
    [gone] = deleted(desk, "Customer")
    assert text(gone, "ListID") == record_id(ann)


@cites("S4")
def test_a_merge_needs_both_current_sequences(desk: Desk) -> None:
    ann, ben = desk.customer("Ann"), desk.customer("Ben")
    desk.clock.advance(minutes=1)
    desk.modified("Customer", ann, {"Phone": "1"})
    assert merge(desk, "Customer", ann, ben).get("statusCode") == "3200"
    assert merge(desk, "Customer", ben, ann).get("statusCode") == "3200"
    assert desk.names("Customer") == {"Ann", "Ben"}


@cites("S4")
def test_accounts_can_be_merged_and_their_balances_add_up(desk: Desk) -> None:
    one, two = desk.account("One", "Income"), desk.account("Two", "Income")
    sold = {"Price": "10.00"}
    for account in (one, two):
        item = {"Name": text(account, "Name"), "SalesOrPurchase": {**sold, "AccountRef": list_id(account)}}
        service = desk.ok("ItemServiceAdd", item)
        buyer = desk.customer(f"Buyer of {text(account, 'Name')}")
        desk.invoice(buyer, line(service, Quantity=1))
    rs = merge(desk, "Account", desk.read("Account", record_id(one)), desk.read("Account", record_id(two)))
    assert rs.get("statusCode") == "0"
    assert abs(amount(desk.read("Account", record_id(two)), "Balance")) == 20
    item = desk.ok("ItemServiceQuery", {"FullName": "One"})
    assert text(item, "SalesOrPurchase/AccountRef/FullName") == "Two"


@cites("S4")
def test_what_people_delete_is_told_like_what_requests_delete(desk: Desk) -> None:
    ann = desk.customer("Ann")
    desk.company.user_delete(record_id(ann))
    [ret] = deleted(desk, "Customer")
    assert text(ret, "ListID") == record_id(ann)


@cites("S1")
def test_a_deleted_record_is_gone_for_the_next_request_of_the_set(desk: Desk) -> None:
    ann = desk.customer("Ann")
    key = {"ListID": record_id(ann)}
    codes = desk.codes(
        request("ListDel", {"ListDelType": "Customer", **key}),
        request("CustomerQuery", key),
        request("CustomerMod", {**key, "EditSequence": text(ann, "EditSequence"), "Phone": "1"}),
    )
    assert codes == ["0", "500", "3120"]
