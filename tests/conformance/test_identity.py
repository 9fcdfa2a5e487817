"""IDs, edit sequences and times."""

import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from qbwc_server.simulator import CompanyFile
from tests.conformance.desk import (
    MEASURED,
    START,
    UNCONFIRMED,
    Clock,
    Desk,
    Element,
    cites,
    line,
    list_id,
    record_id,
    text,
)

SHAPE = re.compile(r"([0-9A-F]+)-(\d+)")


def counter(identity: str) -> int:
    found = SHAPE.fullmatch(identity)
    assert found, identity
    return int(found[1], 16)


def second(identity: str) -> int:
    return int(identity.split("-")[1])


def wall(ret: Element, field: str = "TimeModified") -> str:
    return text(ret, field)[:19]


@cites("S4", MEASURED)
def test_list_ids_are_a_hex_counter_from_80000001_and_the_second_of_creation(desk: Desk) -> None:
    for ret in (desk.customer("Ann"), desk.service(), desk.account("Extra")):
        identity = text(ret, "ListID")
        assert counter(identity) > 0x80000000
        assert second(identity) == int(START.timestamp())
        assert len(identity) <= 36


@cites("S4", MEASURED)
def test_list_ids_count_up(desk: Desk) -> None:
    ids = []
    for name in "ABCDE":
        ids.append(counter(record_id(desk.customer(name))))
        desk.clock.advance(seconds=7)
    assert all(after > before for before, after in pairwise(ids))


@cites("S4", MEASURED)
@pytest.mark.parametrize("kind", ["Invoice", "Estimate", "SalesOrder", "SalesReceipt", "CreditMemo"])
def test_lines_of_sales_forms_count_on_by_two_with_the_forms_second(desk: Desk, kind: str) -> None:
    customer, item = desk.customer("Ann"), desk.service()
    form = desk.form(kind, customer, *(line(item, Quantity=1) for _ in range(3)))
    txn = record_id(form)
    ids = [text(ret, "TxnLineID") for ret in form.iter(f"{kind}LineRet")]
    assert [counter(one) - counter(txn) for one in ids] == [2, 4, 6]
    assert {second(one) for one in ids} == {second(txn)} == {int(START.timestamp())}


@cites("S4")
def test_ids_of_transactions_and_their_lines_are_never_used_twice(desk: Desk) -> None:
    customer, item = desk.customer("Ann"), desk.service()
    seen: list[str] = []
    for kind in ("Invoice", "CreditMemo", "Invoice", "SalesOrder"):
        form = desk.form(kind, customer, line(item, Quantity=1), line(item, Quantity=2))
        seen += [record_id(form), *(text(ret, "TxnLineID") for ret in form.iter(f"{kind}LineRet"))]
    assert len(set(seen)) == len(seen)
    assert len({counter(one) for one in seen}) == len(seen)


@cites("S4")
def test_an_id_never_changes_while_the_name_may(desk: Desk) -> None:
    ann = desk.customer("Ann")
    job = desk.customer("Job", ParentRef=list_id(ann))
    desk.clock.advance(minutes=1)
    renamed = desk.modified("Customer", ann, {"Name": "Anna"})
    assert record_id(renamed) == record_id(ann)
    assert text(desk.read("Customer", record_id(job)), "FullName") == "Anna:Job"


@cites("S4")
def test_a_name_used_again_after_deletion_gets_a_new_id(desk: Desk) -> None:
    ann = desk.customer("Ann")
    desk.ok("ListDel", {"ListDelType": "Customer", "ListID": record_id(ann)})
    again = desk.customer("Ann")
    assert record_id(again) != record_id(ann)
    assert counter(record_id(again)) > counter(record_id(ann))


@cites("S4", MEASURED)
def test_the_edit_sequence_is_the_second_of_the_last_edit(desk: Desk) -> None:
    ann = desk.customer("Ann")
    assert text(ann, "EditSequence") == str(int(START.timestamp()))
    desk.clock.advance(hours=2)
    edited = desk.modified("Customer", ann, {"Phone": "1"})
    assert text(edited, "EditSequence") == str(int(START.timestamp()) + 7200)
    assert len(text(edited, "EditSequence")) <= 16


@cites("S10")
def test_the_edit_sequence_rises_within_one_second(desk: Desk) -> None:
    ret = desk.customer("Ann")
    sequences = [int(text(ret, "EditSequence"))]
    for phone in range(5):
        ret = desk.modified("Customer", ret, {"Phone": phone})
        sequences.append(int(text(ret, "EditSequence")))
    assert sequences == sorted(set(sequences))


@cites("S10")
def test_the_edit_sequence_rises_even_when_the_clock_went_back(desk: Desk) -> None:
    ret = desk.customer("Ann")
    desk.clock.advance(hours=-1)
    edited = desk.modified("Customer", ret, {"Phone": "1"})
    assert int(text(edited, "EditSequence")) > int(text(ret, "EditSequence"))


@cites("S4")
def test_a_used_sequence_is_out_of_date(desk: Desk) -> None:
    ann = desk.customer("Ann")
    desk.modified("Customer", ann, {"Phone": "1"})
    assert desk.mod("Customer", ann, {"Phone": "2"}).get("statusCode") == "3200"


@cites("S4", MEASURED)
def test_a_posting_moves_time_modified_and_leaves_the_sequence(desk: Desk) -> None:
    ann, item = desk.customer("Ann"), desk.service()
    desk.clock.advance(hours=3)
    desk.invoice(ann, line(item, Quantity=1))
    posted = desk.read("Customer", record_id(ann))
    assert text(posted, "EditSequence") == text(ann, "EditSequence")
    assert wall(posted) == "2026-08-01T14:00:00"
    assert wall(posted, "TimeCreated") == "2026-08-01T11:00:00"
    assert desk.mod("Customer", ann, {"Phone": "1"}).get("statusCode") == "0"


@cites("S4", MEASURED)
def test_a_posting_moves_the_receivables_account_too(desk: Desk) -> None:
    ann, item = desk.customer("Ann"), desk.service()
    before = desk.ok("AccountQuery", {"FullName": "Accounts Receivable"})
    desk.clock.advance(hours=3)
    desk.invoice(ann, line(item, Quantity=1))
    after = desk.ok("AccountQuery", {"FullName": "Accounts Receivable"})
    assert text(after, "EditSequence") == text(before, "EditSequence")
    assert wall(after) == "2026-08-01T14:00:00"


@cites("S4")
def test_changes_by_modified_date_hold_customers_whose_balance_moved(desk: Desk) -> None:
    ann, item = desk.customer("Ann"), desk.service()
    desk.customer("Ben")
    desk.clock.advance(hours=3)
    desk.invoice(ann, line(item, Quantity=1))
    assert desk.names("Customer", {"FromModifiedDate": "2026-08-01T13:00:00"}) == {"Ann"}


@cites("S4", UNCONFIRMED)
def test_payments_move_the_times_of_invoice_and_customer(desk: Desk) -> None:
    ann = desk.customer("Ann")
    invoice = desk.invoice(ann, line(desk.service(price="10.00"), Quantity=1))
    desk.clock.advance(hours=1)
    desk.payment(ann, "10.00", invoice)
    for kind, ret in (("Invoice", invoice), ("Customer", ann)):
        after = desk.read(kind, record_id(ret))
        assert text(after, "EditSequence") == text(ret, "EditSequence")
        assert wall(after) == "2026-08-01T12:00:00"


@cites("S4")
def test_queries_move_nothing(desk: Desk) -> None:
    ann = desk.customer("Ann")
    desk.clock.advance(hours=1)
    desk.read("Customer", record_id(ann))
    again = desk.read("Customer", record_id(ann))
    assert (wall(again), text(again, "EditSequence")) == (wall(ann), text(ann, "EditSequence"))


ZONES = {
    "America/New_York": ("-05:00", "2026-07-01T08:00:00", "2026-01-15T07:00:00"),
    "America/Los_Angeles": ("-08:00", "2026-07-01T05:00:00", "2026-01-15T04:00:00"),
    "Europe/Berlin": ("+01:00", "2026-07-01T14:00:00", "2026-01-15T13:00:00"),
    "Australia/Sydney": ("+11:00", "2026-07-01T22:00:00", "2026-01-15T23:00:00"),
    "America/Phoenix": ("-07:00", "2026-07-01T05:00:00", "2026-01-15T05:00:00"),
    "Asia/Kolkata": ("+05:30", "2026-07-01T17:30:00", "2026-01-15T17:30:00"),
}


@cites("S4", MEASURED)
@pytest.mark.parametrize("zone", ZONES)
def test_wall_times_are_right_and_the_offset_is_januarys_all_year(tmp_path: Path, zone: str) -> None:
    offset, summer, winter = ZONES[zone]
    clock = Clock(datetime(2026, 7, 1, 12, 0, tzinfo=UTC))
    company = CompanyFile.create(tmp_path / "zone.sqlite", company_name="Z", timezone=zone, clock=clock)
    desk = Desk(company, clock, None)
    assert text(desk.customer("Summer"), "TimeCreated") == summer + offset
    clock.now = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
    assert text(desk.customer("Winter"), "TimeCreated") == winter + offset
    company.close()


@cites("S4")
def test_a_time_without_offset_is_the_hosts_local_time(desk: Desk) -> None:
    desk.customer("Ann")
    assert desk.names("Customer", {"FromModifiedDate": "2026-08-01T11:00:00"}) == {"Ann"}
    assert desk.names("Customer", {"FromModifiedDate": "2026-08-01T11:00:01"}) == set()


@cites("S4")
def test_the_printed_offset_sent_back_means_the_same_wall_time(desk: Desk) -> None:
    printed = text(desk.customer("Ann"), "TimeModified")
    assert printed == "2026-08-01T11:00:00-05:00"
    assert desk.names("Customer", {"FromModifiedDate": printed, "ToModifiedDate": printed}) == {"Ann"}


@cites("S4")
def test_times_have_no_fraction_and_no_z(tmp_path: Path) -> None:
    clock = Clock(datetime(2026, 7, 1, 12, 0, 0, 987654, tzinfo=UTC))
    company = CompanyFile.create(tmp_path / "utc.sqlite", company_name="Z", timezone="Etc/UTC", clock=clock)
    ret = Desk(company, clock, None).customer("Ann")
    company.close()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", text(ret, "TimeModified"))


@cites("S4")
def test_ids_keep_counting_after_the_file_was_closed(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "kept.sqlite"
    company = CompanyFile.create(path, company_name="Kept", timezone="America/New_York", clock=clock)
    first = Desk(company, clock, None).customer("Ann")
    company.close()
    company = CompanyFile.open(path, clock)
    desk = Desk(company, clock, None)
    second_one = desk.customer("Ben")
    assert text(desk.read("Customer", record_id(first)), "EditSequence") == text(first, "EditSequence")
    company.close()
    assert counter(record_id(second_one)) > counter(record_id(first))
