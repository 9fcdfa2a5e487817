"""When the CRM or the worker fails: visits go on, nothing is made twice, and no user's edit is overwritten."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crm.errors import (
    Ambiguous,
    CrmError,
    LimitedUntil,
    LoginFailed,
    Misconfigured,
    Rejected,
    Unavailable,
    UnknownOutcome,
)
from crm.memory import MemoryGateway
from crm.port import Written
from tests.fire.trouble_log import overheard
from tests.sync.world import START, World

Build = Callable[..., World]


def pair(world: World, name: str = "Ann's Bakery", **values: Any) -> tuple[str, str]:
    account = world.account(name, promoted=True, contact="Ann Baker", **values)
    world.sync(2)
    return account, str(world.in_crm(account)["QB_ListID__c"])


def agree(world: World, account: str, list_id: str) -> bool:
    held, customer, contact = world.in_crm(account), world.in_books(list_id), world.contact_of(account)
    return (held["Name"], held["Phone"], contact["FirstName"], contact["LastName"]) == tuple(
        customer.get(name) for name in ("Name", "Phone", "FirstName", "LastName")
    )


DOWN = [
    (Unavailable("The CRM is down."), timedelta(seconds=30)),
    (LoginFailed("The CRM does not accept the credentials."), timedelta(minutes=15)),
    (Misconfigured("account has no field Phone."), timedelta(minutes=15)),
    (LimitedUntil("The daily quota is used up.", until=START + timedelta(hours=5)), None),
]


@pytest.mark.parametrize(("trouble", "pause"), DOWN, ids=lambda one: type(one).__name__)
def test_while_the_crm_is_out_of_reach_visits_work_and_say_so(
    world: World, trouble: CrmError, pause: timedelta | None
) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_account(account, Phone="555-0200")
    world.poll()
    world.line.trouble = trouble
    world.poll()
    failed_at = world.clock()
    assert world.organisation().poll_error == trouble.text
    world.edit_customer(list_id, Fax="555-0300")
    seen = world.visit(worker=True)
    assert seen.ok
    assert "NoOp" not in seen.calls
    assert trouble.text[:20] in seen.status
    assert world.in_books(list_id)["Phone"] == "555-0200"
    retry_at = world.organisation().retry_at
    assert retry_at is not None
    if pause is None:
        assert retry_at == START + timedelta(hours=5)
    else:
        assert pause * 0.8 <= retry_at - failed_at <= pause * 1.2
    world.deliver()
    assert world.in_crm(account)["Fax"] is None
    world.line.trouble = None
    world.clock.advance(hours=6)
    world.quiet()
    assert world.in_crm(account)["Fax"] == "555-0300"
    assert world.organisation().poll_error is None


def test_trouble_in_the_middle_of_delivering_brings_the_job_back(world: World) -> None:
    world.sync()
    world.customer("Joe's Diner", LastName="Doe")
    world.visit()
    world.crm.fail_next_write(Unavailable("The CRM is down."))
    world.deliver()
    assert [job.state for job in world.jobs(side="crm")] == ["queued"]
    assert world.jobs(side="crm")[0].due_at > world.clock()
    world.quiet()
    assert world.names_in_crm() == ["Joe's Diner"]


def test_trouble_over_a_second_attempt_brings_back_what_was_to_go_with_it(world: World) -> None:
    world.sync()
    world.customer("Ann's Bakery")
    world.visit()
    world.crm.fail_next_write(UnknownOutcome("There was no answer."))
    world.deliver()
    world.clock.advance(minutes=61)
    world.customer("Joe's Diner")
    world.visit()
    world.crm.fail_next_write(LimitedUntil("The quota is used up.", until=world.clock()))
    world.deliver()
    assert [job.state for job in world.jobs(side="crm")] == ["queued", "queued"]
    world.quiet()
    assert world.names_in_crm() == ["Ann's Bakery", "Joe's Diner"]


def test_a_poll_that_breaks_off_reads_again_and_creates_nothing_early(build: Build) -> None:
    world = build(page_size=1)
    for number in range(4):
        world.account(f"Number {number} Corp", promoted=True)
    world.line.pages = 2
    world.poll()
    assert world.watermark("crm", "account") == (None, False)
    world.visit()
    assert world.names_in_books() == []
    world.quiet()
    assert len(world.company.customers()) == 4


# --- users who work at the same moment ---


def test_a_users_edit_between_our_read_and_our_write_survives(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100", Fax="555-0199")
    world.edit_customer(list_id, Phone="555-0300")
    world.visit()
    world.line.before["update"] = [lambda: world.edit_account(account, Fax="555-0299")]
    world.deliver()
    world.quiet()
    assert (world.in_crm(account)["Phone"], world.in_crm(account)["Fax"]) == ("555-0300", "555-0299")
    assert world.in_books(list_id)["Fax"] == "555-0299"


def test_a_users_edit_of_the_same_field_at_that_moment_is_a_conflict(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_customer(list_id, Phone="555-0300")
    world.visit()
    world.line.before["update"] = [lambda: world.edit_account(account, Phone="555-0200")]
    world.quiet()
    assert world.in_crm(account)["Phone"] == "555-0200"
    assert world.in_books(list_id)["Phone"] == "555-0300"
    assert [one["field"] for one in world.conflicts()] == ["Phone > Phone"]


def test_a_users_edit_right_after_our_write_is_no_echo_and_goes_on_to_quickbooks(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_customer(list_id, Phone="555-0300")
    world.visit()
    world.line.before["read"] = [lambda: world.edit_account(account, Phone="555-0400")]
    world.quiet()
    assert world.in_crm(account)["Phone"] == "555-0400"
    assert world.in_books(list_id)["Phone"] == "555-0400"


def test_an_edit_in_quickbooks_during_a_delivery_is_not_lost(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100", Fax="555-0199")
    world.edit_customer(list_id, Phone="555-0300")
    world.visit()

    def again() -> None:
        world.edit_customer(list_id, Fax="555-0399", LastName="Brewer")
        world.visit()

    world.line.before["update"] = [again]
    world.deliver()
    world.quiet()
    assert (world.in_crm(account)["Phone"], world.in_crm(account)["Fax"]) == ("555-0300", "555-0399")
    assert world.contact_of(account)["LastName"] == "Brewer"


def test_promoting_again_is_never_overwritten_by_an_old_error(world: World) -> None:
    vendor = world.company.user_add({"Name": "Acme Tools"}, kind="Vendor")
    account = world.account("Acme Tools", promoted=True)
    world.sync()
    world.quiet()
    world.edit_account(account, Phone="555-0100")
    world.poll()
    world.visit()

    def free_and_promote() -> None:
        world.company.user_delete(vendor, kind="Vendor")
        world.promote(account)

    world.edit_account(account, QB_Link_Status__c=None)
    world.poll()
    world.line.before["update"] = [free_and_promote]
    world.deliver()
    world.quiet()
    assert world.names_in_books() == ["Acme Tools"]
    assert world.status(account) == ("Success", None)


def test_an_account_that_vanishes_before_our_write_is_remembered_as_deleted(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_customer(list_id, Phone="555-0300")
    world.visit()
    world.line.before["update"] = [lambda: world.delete_account(account)]
    world.quiet()
    assert world.names_in_crm() == []
    assert [job.action for job in world.jobs("proposed")] == ["recreate"]


def test_an_account_whose_contact_was_not_read_yet_does_not_get_a_second_one(world: World) -> None:
    world.sync()
    list_id = world.customer("Joe's Diner", FirstName="Joe", LastName="Doe")
    account = world.account("Joe's Diner")

    def choose() -> None:
        person = world.crm.user_create(
            "contact", {"FirstName": "Jo", "LastName": "Doe", "AccountId": account}
        )
        world.crm.user_edit("account", account, {"QB_Primary_Contact__c": person})

    # Contacts are read before accounts; this one comes into being between the two.
    reads = iter([lambda: None, choose])
    original = world.line.changed_since
    world.line.changed_since = lambda *given: (next(reads, lambda: None)(), original(*given))[1]  # type: ignore[method-assign, func-returns-value]
    world.sync()
    world.quiet()
    assert len(world.crm.rows("contact")) == 1
    assert world.contact_of(account)["FirstName"] == "Jo"
    assert world.in_books(list_id)["FirstName"] == "Joe"
    assert [one["field"] for one in world.conflicts()] == ["PrimaryContact.FirstName > FirstName"]


# --- the worker dies, answers get lost ---


@pytest.mark.parametrize(
    "after", ["create account", "create contact", "update account", "read account", "read contact"]
)
def test_a_worker_killed_while_it_makes_an_account_makes_no_second_one(world: World, after: str) -> None:
    world.sync()
    list_id = world.customer("Joe's Diner", FirstName="Joe", LastName="Doe", Phone="555-0100")
    world.visit()
    world.killed_delivery(after)
    world.quiet()
    assert len(world.crm.rows("account")) == len(world.crm.rows("contact")) == 1
    account = world.account_named("Joe's Diner")
    assert agree(world, account, list_id)
    assert world.status(account) == ("Success", None)
    assert world.conflicts() == []
    assert len(world.company.customers()) == 1


@pytest.mark.parametrize("after", ["create account", "create contact", "update account"])
def test_a_poll_that_meets_a_half_made_account_links_it_and_makes_no_second_one(
    world: World, after: str
) -> None:
    world.sync()
    list_id = world.customer("Joe's Diner", FirstName="Joe", LastName="Doe", Phone="555-0100")
    world.visit()
    world.killed_delivery(after)
    world.poll()
    world.visit()
    world.quiet()
    assert len(world.crm.rows("account")) == len(world.crm.rows("contact")) == 1
    assert agree(world, world.account_named("Joe's Diner"), list_id)


def test_a_visit_that_decides_while_an_account_is_being_made_makes_no_second_pair(world: World) -> None:
    world.sync()
    list_id = world.customer("Joe's Diner", FirstName="Joe", LastName="Doe")
    world.visit()

    def look() -> None:
        world.poll()
        world.visit()

    # The account exists in the CRM, and we have not written down yet that it is ours.
    original = world.line.create

    def create(*given: Any) -> Any:
        made = original(*given)
        if given[0] == "account":
            look()
        return made

    world.line.create = create  # type: ignore[method-assign]
    world.deliver()
    world.quiet()
    assert len(world.crm.rows("account")) == len(world.company.customers()) == 1
    assert world.in_crm(world.account_named("Joe's Diner"))["QB_ListID__c"] == list_id


@pytest.mark.parametrize("after", ["update account", "update contact", "read account", "read contact"])
def test_a_worker_killed_while_it_changes_an_account_repeats_it_without_harm(
    world: World, after: str
) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_customer(list_id, Phone="555-0300", FirstName="Anna")
    world.visit()
    writes = world.books_writes()
    world.killed_delivery(after)
    world.quiet()
    assert agree(world, account, list_id)
    assert world.books_writes() == writes
    assert (world.conflicts(), world.status(account)) == ([], ("Success", None))


@pytest.mark.parametrize("first", ["poll", "deliver"])
@pytest.mark.parametrize("then", ["555-0100", "555-0400"])
def test_what_a_killed_worker_wrote_is_no_edit_of_the_crms_people(
    world: World, first: str, then: str
) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_customer(list_id, Phone="555-0300")
    world.visit()
    world.killed_delivery("update account")
    world.edit_customer(list_id, Phone=then)
    world.visit()
    getattr(world, first)()
    world.quiet()
    assert (world.in_crm(account)["Phone"], world.in_books(list_id)["Phone"]) == (then, then)
    assert world.conflicts() == []


@pytest.mark.parametrize("written", [True, False])
def test_a_creation_without_an_answer_is_repeated_under_its_key(world: World, written: bool) -> None:
    world.sync()
    world.customer("Joe's Diner", LastName="Doe")
    world.visit()
    world.crm.fail_next_write(UnknownOutcome("No answer came."), after=written)
    world.deliver()
    world.quiet()
    assert len(world.crm.rows("account")) == len(world.crm.rows("contact")) == 1


@pytest.mark.parametrize("written", [True, False])
def test_a_change_without_an_answer_is_looked_at_before_it_is_repeated(world: World, written: bool) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_customer(list_id, Phone="555-0300")
    world.visit()
    world.crm.fail_next_write(UnknownOutcome("No answer came."), after=written)
    world.deliver()
    world.quiet()
    assert agree(world, account, list_id)
    assert world.conflicts() == []


# --- what the CRM refuses ---


@pytest.mark.parametrize(
    "refusal",
    [Rejected("Phone must begin with +.", fields=("Phone",)), Ambiguous("Two records hold the key.")],
)
def test_what_the_crm_refuses_is_shown_at_the_record_and_stops_no_other(
    world: World, refusal: CrmError
) -> None:
    account, list_id = pair(world, Phone="555-0100")
    other, other_id = pair(world, "Bob's Garage", Phone="555-0101")
    world.edit_customer(list_id, Phone="555-0300")
    world.visit()
    world.crm.fail_next_write(refusal)
    world.edit_customer(other_id, Phone="555-0301")
    world.visit()
    world.deliver()
    world.quiet()
    assert world.in_crm(other)["Phone"] == "555-0301"
    assert world.in_crm(account)["Phone"] == "555-0100"
    status, text = world.status(account)
    assert status == "Error"
    assert refusal.text in text
    world.edit_customer(list_id, Phone="+1 555-0300")
    world.quiet()
    assert world.in_crm(account)["Phone"] == "+1 555-0300"
    assert world.status(account) == ("Success", None)


def test_a_value_too_long_for_the_crm_is_refused_in_words_and_told(build: Build) -> None:
    world = build(fields={"Phone": 10})
    account, list_id = pair(world)
    world.edit_customer(list_id, Phone="555-0300 ext. 12")
    world.quiet()
    status, text = world.status(account)
    assert status == "Error"
    assert "16 characters" in text
    world.edit_customer(list_id, Phone="555-0300")
    world.quiet()
    assert (world.in_crm(account)["Phone"], world.status(account)) == ("555-0300", ("Success", None))


def test_a_long_error_fits_the_crms_field_and_is_written_once(build: Build) -> None:
    world = build(fields={"QB_Sync_Error__c": 40})
    account = world.account("A" * 100, promoted=True)
    world.quiet()
    status, text = world.status(account)
    assert status == "Error"
    assert 0 < len(text) <= 40
    writes = world.crm.writes
    world.quiet()
    assert world.crm.writes == writes


# --- what the CRM forgets or shows late ---


def test_what_vanished_while_the_crm_forgot_its_deletions_is_remembered_as_deleted(world: World) -> None:
    account, list_id = pair(world)
    world.delete_account(account)
    world.crm.purge_deletions()
    world.quiet()
    assert world.names_in_books() == ["Ann's Bakery"]
    world.edit_customer(list_id, Phone="555-0100")
    world.quiet()
    assert [job.action for job in world.jobs("proposed")] == ["recreate"]


def test_an_edit_that_becomes_visible_late_is_not_missed(world: World) -> None:
    account, list_id = pair(world)
    world.crm.user_edit("account", account, {"Phone": "555-0200"}, late=True)
    world.account("Early Corp")
    world.poll()
    world.crm.commit_late()
    world.quiet()
    assert world.in_books(list_id)["Phone"] == "555-0200"


@pytest.mark.parametrize("trouble", [LoginFailed, Unavailable, LimitedUntil])
def test_what_cannot_be_read_after_it_was_written_goes_again_and_is_no_fault_of_ours(
    world: World, monkeypatch: pytest.MonkeyPatch, trouble: type[CrmError]
) -> None:
    """Somebody else was at the record as well, so the write does not tell what it holds now."""
    account = world.account("Ann's Bakery", promoted=True)
    write_many, read = MemoryGateway.write_many, MemoryGateway.read

    def untold(self: MemoryGateway, *given: Any) -> tuple[Any, ...]:
        outcomes = write_many(self, *given)
        return tuple(replace(one, record=None) if isinstance(one, Written) else one for one in outcomes)

    def away(self: MemoryGateway, *given: Any) -> Any:
        monkeypatch.setattr(MemoryGateway, "read", read)
        raise trouble("Nothing can be read now.")

    monkeypatch.setattr(MemoryGateway, "write_many", untold)
    monkeypatch.setattr(MemoryGateway, "read", away)
    with overheard() as errors:
        world.quiet()
    assert errors == []
    assert world.status(account) == ("Success", None)
    assert world.names_in_books() == ["Ann's Bakery"]
