"""Reading QuickBooks: pages, watermarks, wrong clocks and offsets; no change is missed and none is read as new."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import qbxml
from qbwc_server.simulator import SimulatorError
from qbwc_server.sync.from_books import reading
from tests.sync.world import Killed, World

Build = Callable[..., World]


def pair(world: World, name: str = "Ann's Bakery", **values: Any) -> tuple[str, str]:
    account = world.account(name, promoted=True, contact="Ann Baker", **values)
    world.sync(2)
    return account, str(world.in_crm(account)["QB_ListID__c"])


@pytest.fixture
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of 20: what holds for three pages of 200 holds for these."""
    monkeypatch.setattr(reading, "PAGE_SIZE", 20)


def many(world: World, count: int) -> None:
    with world.company.transaction():
        for number in range(count):
            world.company.user_add({"Name": f"Number {number} Corp"})


def pages(seen: Any) -> int:
    return len(seen.requests("CustomerQuery"))


@pytest.mark.usefixtures("_small_pages")
def test_a_large_company_is_read_page_by_page_within_one_visit(build: Build) -> None:
    world = build(override={"limits": {"creates": None}})
    world.poll()
    many(world, 45)
    seen = world.visit()
    assert pages(seen) == 3
    assert seen.progress == sorted(seen.progress)
    assert world.watermark()[1]


@pytest.mark.usefixtures("_small_pages")
def test_the_watermark_stays_and_nothing_is_created_until_the_last_page_was_stored(world: World) -> None:
    world.poll()
    many(world, 45)

    def die(document: str) -> None:
        if 'iterator="Continue"' in document:
            raise Killed("the PC was switched off")

    world.on_document = die
    world.visit()
    world.deliver()
    assert world.watermark() == (None, False)
    assert world.jobs() == []
    world.on_document = lambda _: None
    world.visit()
    assert world.watermark()[1]


@pytest.mark.usefixtures("_small_pages")
def test_an_iterator_that_died_starts_again_within_the_visit(world: World) -> None:
    world.poll()
    many(world, 45)
    armed: list[str] = []

    def spoil(document: str) -> None:
        if 'iterator="Continue"' in document and not armed:
            armed.append(document)
            world.company.faults.arm("answer_status", request="CustomerQueryRq", code=3391, message="Dead.")

    world.on_document = spoil
    seen = world.visit()
    assert seen.ok
    assert [one.attributes["iterator"] for one in seen.requests("CustomerQuery")].count("Start") == 2
    assert world.watermark()[1]


def test_a_read_that_fails_leaves_the_watermark_and_the_writes_go_on(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    before = world.watermark()
    world.edit_customer(list_id, Fax="555-0300")
    world.edit_account(account, Phone="555-0200")
    world.poll()
    world.company.faults.arm("answer_status", request="CustomerQueryRq", code=1000, message="Internal error.")
    seen = world.visit()
    assert seen.ok
    assert world.watermark() == before
    assert world.in_books(list_id)["Phone"] == "555-0200"
    world.quiet()
    assert world.in_crm(account)["Fax"] == "555-0300"


def test_a_page_that_nobody_can_read_ends_the_visit_with_a_sentence_and_is_read_again(world: World) -> None:
    account, list_id = pair(world)
    world.edit_customer(list_id, Phone="555-0300")
    original = world.company.process
    world.company.process = (
        lambda session, text: (  # type: ignore[method-assign]
            original(session, text)[:-20] if "CustomerQueryRq" in text else original(session, text)
        )
    )
    seen = world.visit()
    assert not seen.ok
    assert "could not be read" in seen.status
    world.company.process = original  # type: ignore[method-assign]
    world.quiet()
    assert world.in_crm(account)["Phone"] == "555-0300"


def test_deletions_that_could_not_be_read_hold_the_watermark_back(world: World) -> None:
    _, list_id = pair(world)
    world.clock.advance(hours=5)
    world.delete_customer(list_id)
    late = world.customer("Late Corp")
    before = world.watermark()
    world.company.faults.arm(
        "answer_status", request="ListDeletedQueryRq", code=1000, message="Internal error."
    )
    world.visit()
    assert world.watermark() == before
    world.clock.advance(hours=5)
    world.edit_customer(late, Phone="555-0100")
    world.quiet()
    with pytest.raises(SimulatorError):
        world.in_books(list_id)
    assert world.is_deleted(list_id)


def test_a_deletion_long_before_the_next_visit_is_still_seen(world: World) -> None:
    _, list_id = pair(world)
    world.delete_customer(list_id)
    world.clock.advance(days=60)
    world.quiet()
    assert world.is_deleted(list_id)


WITHOUT_BALANCE = {"kinds": {"account": {"remove": [{"crm": "QB_Balance__c", "books": "Balance"}]}}}


def test_a_posting_brings_the_balance_and_nothing_else(world: World) -> None:
    account, list_id = pair(world)
    writes = world.books_writes()
    before = world.in_crm(account)
    world.clock.advance(hours=2)
    world.company.user_post(list_id, Decimal("99.50"))
    world.quiet()
    after = world.in_crm(account)
    assert after["QB_Balance__c"] == Decimal("99.50")
    assert {name for name in after if after[name] != before[name]} == {"QB_Balance__c", "QB_Last_Sync__c"}
    assert world.books_writes() == writes


def test_where_no_balance_is_mapped_a_posting_writes_nothing_anywhere(build: Build) -> None:
    world = build(override=WITHOUT_BALANCE)
    _, list_id = pair(world)
    writes = (world.books_writes(), world.crm.writes)
    world.clock.advance(hours=2)
    world.company.user_post(list_id, Decimal("99.50"))
    world.quiet()
    assert (world.books_writes(), world.crm.writes) == writes


# --- clocks and offsets ---


def test_in_summer_the_offset_printed_by_quickbooks_misleads_nobody(build: Build) -> None:
    world = build(start=datetime(2026, 7, 1, 15, 0, tzinfo=UTC))
    account, list_id = pair(world)
    assert world.in_books(list_id)["TimeModified"].endswith("-05:00")
    assert world.watermark()[0] == world.in_books(list_id)["TimeModified"][:19]
    for number in range(4):
        world.clock.advance(minutes=45)
        world.edit_customer(list_id, Phone=f"555-{number:04}")
        world.sync()
        assert world.in_crm(account)["Phone"] == f"555-{number:04}"


AUTUMN = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)  # New York turns its clocks back at 06:00 UTC
SPRING = datetime(2026, 3, 8, 5, 0, tzinfo=UTC)  # and forward at 07:00 UTC


@pytest.mark.parametrize("start", [AUTUMN, SPRING], ids=["autumn", "spring"])
def test_on_the_days_when_clocks_change_no_edit_and_no_deletion_is_missed(
    build: Build, start: datetime
) -> None:
    world = build(start=start)
    account, list_id = pair(world)
    doomed = [world.customer(f"Doomed {number} Corp") for number in range(13)]
    world.sync()
    for number in range(13):
        world.clock.advance(minutes=20)
        world.edit_customer(list_id, Phone=f"555-{number:04}")
        world.delete_customer(doomed[number])
        world.clock.advance(minutes=1)
        world.sync()
        assert world.in_crm(account)["Phone"] == f"555-{number:04}"
        assert world.is_deleted(doomed[number])


@pytest.mark.parametrize("minutes", [5, 31, 59])
@pytest.mark.parametrize("start", [AUTUMN, SPRING], ids=["autumn", "spring"])
def test_an_edit_soon_after_a_visit_on_such_a_day_is_seen_by_the_next(
    build: Build, start: datetime, minutes: int
) -> None:
    world = build(start=start + timedelta(hours=1, minutes=58))
    account, list_id = pair(world)
    world.customer("Newest Corp")
    world.sync()
    world.clock.advance(minutes=minutes)
    world.edit_customer(list_id, Phone="555-0300")
    world.clock.advance(hours=5)
    world.sync()
    assert world.in_crm(account)["Phone"] == "555-0300"


@pytest.mark.parametrize("hours", [-26, -3, 3, 26])
def test_a_pc_with_a_wrong_clock_hides_no_edit(build: Build, hours: int) -> None:
    world = build(pc_ahead=timedelta(hours=hours))
    account, list_id = pair(world)
    for number in range(3):
        world.clock.advance(minutes=30)
        world.edit_customer(list_id, Phone=f"555-{number:04}")
        world.sync()
        assert world.in_crm(account)["Phone"] == f"555-{number:04}"


@pytest.mark.parametrize("hours", [-26, -3, 0, 3])
def test_the_first_customer_of_an_empty_company_is_seen_whatever_the_pcs_clock_says(
    build: Build, hours: int
) -> None:
    world = build(pc_ahead=timedelta(hours=hours))
    world.quiet()
    world.customer("First Corp")
    world.quiet()
    assert world.names_in_crm() == ["First Corp"]


def test_a_pc_whose_clock_was_put_right_hides_no_edit(build: Build) -> None:
    world = build(pc_ahead=timedelta(days=2))
    account, list_id = pair(world)
    world.pc_ahead = timedelta(0)
    world.edit_customer(list_id, Phone="555-0300")
    world.sync()
    assert world.in_crm(account)["Phone"] == "555-0300"


@pytest.mark.parametrize("zone", ["Europe/London", "Australia/Lord_Howe", "Pacific/Kiritimati", "UTC"])
def test_companies_in_other_zones_are_read_alike(build: Build, zone: str) -> None:
    world = build(zone=zone, start=datetime(2026, 4, 4, 12, 0, tzinfo=UTC))
    account, list_id = pair(world)
    for number in range(8):
        world.clock.advance(minutes=50)
        world.edit_customer(list_id, Phone=f"555-{number:04}")
        world.sync()
        assert world.in_crm(account)["Phone"] == f"555-{number:04}"


def test_an_idle_visit_asks_for_every_kind_in_one_set(build: Build) -> None:
    world = build(documents=True)
    world.customer("Ann")
    world.company.user_add({"Name": "Advice"}, "ItemService")
    world.quiet()
    world.clock.advance(hours=2)
    world.poll()
    seen = world.visit()
    assert len(seen.sent) == 1
    asked = [one.request_id for one in qbxml.read_request(seen.sent[0]).requests]
    assert {"read-Customer-1", "read-Invoice-1", "read-ItemService-1", "read-ReceivePayment-1"} < {*asked}
    assert "gone-List-1" in asked


def test_a_payment_reaches_the_crm_within_one_visit(build: Build) -> None:
    world = build(documents=True)
    account, list_id = pair(world)
    accounts = {"Price": Decimal("10.00"), "AccountRef": {"FullName": "Sales"}}
    item = world.company.user_add({"Name": "Advice", "SalesOrPurchase": accounts}, "ItemService")
    line = {"ItemRef": {"ListID": item}, "Amount": Decimal("100.00")}
    sold = {"CustomerRef": {"ListID": list_id}, "RefNumber": "17", "InvoiceLineAdd": [line]}
    world.company.user_add(sold, "Invoice")
    world.quiet()
    [mirror] = [row.id for row in world.crm.rows("invoice")]
    world.clock.advance(hours=5)
    world.company.take_payment(customer="Ann's Bakery", amount="40.00", invoice="17")
    world.sync()
    assert world.crm.record("invoice", mirror).values["QB_Balance__c"] == Decimal("60.00")
    assert world.in_crm(account)["QB_Balance__c"] == Decimal("60.00")
