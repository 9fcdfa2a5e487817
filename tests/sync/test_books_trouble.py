"""When QuickBooks or the Web Connector fails: nothing twice, nothing lost, and the rest goes on."""

from collections.abc import Callable
from typing import Any

import pytest

from qbwc_server.simulator.faults import FOR_EVER
from qbwc_server.store.job_states import JobEvent
from tests.sync.world import Killed, World

Build = Callable[..., World]
PARSE_ERROR = {"hresult": "0x80040400", "message": "QuickBooks found an error when parsing the XML."}


def pair(world: World, name: str = "Ann's Bakery", **values: Any) -> tuple[str, str]:
    account = world.account(name, promoted=True, contact="Ann Baker", **values)
    world.sync(2)
    return account, str(world.in_crm(account)["QB_ListID__c"])


def adds(world: World) -> int:
    return world.company.counts().get("CustomerAdd", 0)


def once(world: World, holding: str, act: Callable[[], None]) -> None:
    """Do something just before QuickBooks gets the first document that holds a text."""

    def watch(document: str) -> None:
        if holding in document:
            world.on_document = lambda _: None
            act()

    world.on_document = watch


def kill() -> None:
    raise Killed("the PC was switched off")


# --- a record that moved in QuickBooks while we wrote ---


def test_a_stale_edit_sequence_is_rebased_within_the_visit(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100", Fax="555-0199")
    world.edit_account(account, Phone="555-0200")
    world.poll()
    once(world, "CustomerModRq", lambda: world.edit_customer(list_id, Fax="555-0299"))
    seen = world.visit()
    assert len(seen.requests("CustomerMod")) == 2
    assert world.in_books(list_id)["Phone"] == "555-0200"
    world.quiet()
    assert world.in_crm(account)["Fax"] == "555-0299"


def test_a_stale_write_that_meets_another_edit_of_the_field_becomes_a_conflict(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_account(account, Phone="555-0200")
    world.poll()
    once(world, "CustomerModRq", lambda: world.edit_customer(list_id, Phone="555-0300"))
    world.visit()
    assert world.in_books(list_id)["Phone"] == "555-0300"
    assert [one["books_value"] for one in world.conflicts()] == ["555-0300"]


def test_a_customer_that_moves_at_every_attempt_waits_for_a_later_visit(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_account(account, Phone="555-0200")
    world.poll()
    faxes = iter(f"555-{number:04}" for number in range(100))

    def always(document: str) -> None:
        if "CustomerModRq" in document:
            world.edit_customer(list_id, Fax=next(faxes))

    world.on_document = always
    seen = world.visit()
    assert seen.ok
    assert len(seen.requests("CustomerMod")) == 2
    world.on_document = lambda _: None
    world.quiet()
    assert world.in_books(list_id)["Phone"] == "555-0200"


# --- refusals ---


def test_a_name_in_use_is_refused_with_the_next_step_and_the_others_go(world: World) -> None:
    world.company.user_add({"Name": "Acme Tools"}, kind="Vendor")
    guilty = world.account("Acme Tools", promoted=True)
    innocent = world.account("Ann's Bakery", promoted=True)
    world.quiet()
    status, text = world.status(guilty)
    assert status == "Error"
    assert "already in use" in text
    assert "Rename" in text
    assert world.status(innocent) == ("Success", None)
    assert [job.error_code for job in world.jobs("refused")] == ["3100"]


def test_a_refused_account_goes_by_itself_once_it_is_renamed(world: World) -> None:
    world.company.user_add({"Name": "Acme Tools"}, kind="Vendor")
    account = world.account("Acme Tools", promoted=True)
    world.quiet()
    world.edit_account(account, Name="Acme Tools (customer)")
    world.quiet()
    assert world.names_in_books() == ["Acme Tools (customer)"]
    assert world.status(account) == ("Success", None)


def test_a_refused_account_goes_when_a_person_promotes_it_again(world: World) -> None:
    vendor = world.company.user_add({"Name": "Acme Tools"}, kind="Vendor")
    account = world.account("Acme Tools", promoted=True)
    world.quiet()
    world.company.user_delete(vendor, kind="Vendor")
    world.promote(account)
    world.quiet()
    assert world.names_in_books() == ["Acme Tools"]
    assert world.status(account) == ("Success", None)


def test_a_refused_account_is_not_tried_again_and_again(world: World) -> None:
    world.company.user_add({"Name": "Acme Tools"}, kind="Vendor")
    account = world.account("Acme Tools", promoted=True)
    world.quiet()
    attempts = [job.attempts for job in world.jobs("refused")]
    world.quiet()
    assert [job.attempts for job in world.jobs("refused")] == attempts == [1]
    assert world.status(account)[0] == "Error"


def test_a_contact_that_made_the_record_unfit_is_corrected_and_it_goes(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True, contact="Ann Baker")
    world.edit_contact_of(account, FirstName="Ann", Email="東京@bakery.example")
    world.company.faults.arm(
        "answer_status", request="CustomerAddRq", code=3070, message="Email is too long."
    )
    world.quiet()
    assert world.status(account)[0] == "Error"
    world.edit_contact_of(account, Email="ann@bakery.example")
    world.quiet()
    assert world.status(account) == ("Success", None)


def test_an_edit_made_while_the_refused_version_was_out_is_tried_by_itself(world: World) -> None:
    world.company.user_add({"Name": "Acme Tools"}, kind="Vendor")
    account = world.account("Acme Tools", promoted=True)
    world.sync()
    world.promote(account)
    other = world.account("Acme Tools", promoted=True)
    world.poll()

    def rename() -> None:
        world.edit_account(other, Name="Acme Tools Two")
        world.poll()

    once(world, "CustomerAddRq", rename)
    world.quiet()
    assert world.status(other) == ("Success", None)


def test_a_busy_list_is_tried_later_without_a_person(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    world.company.faults.arm("answer_status", request="CustomerAddRq", code=3175)
    world.sync()
    assert world.names_in_books() == []
    world.quiet()
    assert world.status(account) == ("Success", None)


# --- lost answers ---


def test_a_lost_answer_is_asked_for_at_the_next_visit_and_settled_from_the_stored_one(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    world.company.faults.arm("lose_answer", holding="CustomerAddRq")
    seen = world.visit()
    assert not seen.ok
    assert seen.progress[-1] == -1
    assert [job.state for job in world.jobs(side="books")] == ["in_doubt"]
    assert adds(world) == 1
    again = world.visit()
    assert "CustomerAddRq" not in "".join(again.sent)
    [asked] = [text for text in again.sent if "newMessageSetID" in text]
    assert "oldMessageSetID" in asked
    assert [job.state for job in world.jobs(side="books")] == ["settled"]
    world.quiet()
    assert (adds(world), world.status(account)) == (1, ("Success", None))
    assert (world.sets("in_doubt"), world.sets("settled")) == ([], [])


@pytest.mark.parametrize("method", ["receiveResponseXML"])
def test_a_web_connector_that_dies_with_the_answer_costs_nothing(world: World, method: str) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    once(world, "CustomerAddRq", lambda: world.company.faults.arm("kill_connector_before", method=method))
    world.visit()
    assert adds(world) == 1
    world.quiet()
    assert (adds(world), world.status(account)) == (1, ("Success", None))
    assert world.names_in_crm() == world.names_in_books() == ["Ann's Bakery"]


def test_an_answer_that_never_reached_its_sender_is_not_settled_twice(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    once(
        world,
        "CustomerAddRq",
        lambda: world.company.faults.arm("kill_connector_after", method="receiveResponseXML"),
    )
    world.visit()
    world.quiet()
    assert (adds(world), world.status(account)) == (1, ("Success", None))


def test_a_stored_answer_is_cleared_only_after_it_was_settled(world: World) -> None:
    world.account("Ann's Bakery", promoted=True)
    world.poll()
    cleared: list[bool] = []

    def watch(document: str) -> None:
        if 'oldMessageSetID="' in document and "newMessageSetID" not in document:
            cleared.append([job.state for job in world.jobs(side="books")] == ["settled"])

    world.on_document = watch
    seen = world.visit()
    assert cleared == [True]
    [name] = [
        text.split('newMessageSetID="')[1].split('"')[0] for text in seen.sent if "CustomerAddRq" in text
    ]
    assert f'oldMessageSetID="{name}"' in seen.sent[-1]
    assert world.sets("settled") == []


def test_a_lost_answer_to_a_mod_is_read_and_decided_again(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_account(account, Phone="555-0200")
    world.poll()
    once(world, "CustomerModRq", kill)
    world.visit()
    assert world.in_books(list_id)["Phone"] == "555-0100"
    world.quiet()
    assert world.in_books(list_id)["Phone"] == "555-0200"
    assert world.status(account) == ("Success", None)
    assert world.jobs("in_doubt") == []


def test_a_half_executed_set_settles_what_is_proven_and_makes_nothing_twice(world: World) -> None:
    accounts = [world.account(f"Number {number} Corp", promoted=True) for number in range(3)]
    world.poll()
    world.company.faults.arm("break_after", requests=2, holding="CustomerAddRq")
    world.visit()
    assert adds(world) == 2
    world.quiet()
    made = world.names_in_books()
    assert len(made) == len(set(made)) == adds(world)
    assert len(world.crm.rows("account")) == 3
    assert adds(world) == 3
    proven = accounts
    assert {world.status(one) for one in proven} == {("Success", None)}
    # A proven pair is alive: later edits pass in both directions.
    world.edit_account(proven[0], Phone="555-0100")
    world.edit_customer(str(world.in_crm(proven[0])["QB_ListID__c"]), Fax="555-0199")
    world.quiet()
    assert world.in_books(str(world.in_crm(proven[0])["QB_ListID__c"]))["Phone"] == "555-0100"
    assert world.in_crm(proven[0])["Fax"] == "555-0199"


def test_an_answer_that_could_not_be_stored_is_found_by_reading(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    world.company.faults.arm("break_after", requests=1, holding="CustomerAddRq")
    world.visit()
    world.quiet()
    assert (adds(world), world.names_in_crm()) == (1, ["Ann's Bakery"])
    assert world.status(account) == ("Success", None)
    assert world.jobs("in_doubt") == []


def test_a_customer_found_by_its_mark_is_ours_even_under_another_name(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True, Phone="555-0100")
    world.poll()
    world.company.faults.arm("break_after", requests=1, holding="CustomerAddRq")
    world.visit()
    world.edit_customer(world.in_books("Ann's Bakery")["ListID"], Name="Bakery, Ann")
    world.quiet()
    assert len(world.company.customers()) == len(world.crm.rows("account")) == 1
    assert world.in_crm(account)["QB_ListID__c"] == world.company.customers()[0]["ListID"]


def test_a_stored_answer_that_nobody_can_read_does_not_stop_the_visits(world: World) -> None:
    world.account("Ann's Bakery", promoted=True)
    world.poll()
    original = world.company.process
    spoilt = {"on": True}

    def process(session: str, text: str) -> str:
        answer = original(session, text)
        hit = spoilt["on"] and (
            "CustomerAddRq" in text or ('newMessageSetID="' in text and "oldMess" in text)
        )
        return answer.replace("</QBXML>", "\x00") if hit else answer

    world.company.process = process  # type: ignore[method-assign]
    assert not world.visit().ok
    later = world.account("Bob's Garage", promoted=True)
    world.poll()
    spoilt["on"] = False
    world.company.process = lambda session, text: (  # type: ignore[method-assign]
        original(session, text) if "oldMessageSetID" not in text or "CustomerAddRq" in text else "<broken"
    )
    world.visit()
    world.visit()
    assert "Bob's Garage" in world.names_in_books()
    assert later


def test_a_late_answer_of_a_session_that_was_taken_over_still_counts(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    taken: list[str] = []

    def take_over(document: str) -> None:
        if "CustomerAddRq" in document and not taken:
            taken.append(document)
            reply = world.sessions.authenticate("acme", world.password, "192.0.2.10")
            assert reply[1] == ""

    world.on_document = take_over
    world.visit()
    assert [job.state for job in world.jobs(side="books")] == ["settled"]
    world.quiet()
    assert (adds(world), world.status(account)) == (1, ("Success", None))


# --- what the parser refuses ---


def test_a_set_that_the_parser_refuses_is_split_until_the_guilty_stands_alone(world: World) -> None:
    guilty = world.account("Poison Ltd", promoted=True)
    others = [world.account(f"Number {number} Corp", promoted=True) for number in range(6)]
    world.company.faults.arm("refuse_set", times=FOR_EVER, holding="Poison Ltd", **PARSE_ERROR)
    world.quiet()
    assert {world.status(one) for one in others} == {("Success", None)}
    status, text = world.status(guilty)
    assert status == "Error"
    assert "could not read" in text
    assert adds(world) == 6


def test_another_failure_splits_nothing_and_blames_nobody(world: World) -> None:
    accounts = [world.account(f"Number {number} Corp", promoted=True) for number in range(3)]
    world.poll()
    world.company.faults.arm("refuse_set", holding="CustomerAddRq", hresult="0x80040402", message="?")
    seen = world.visit()
    assert not seen.ok
    assert world.jobs("refused") == []
    assert {job.state for job in world.jobs(side="books")} == {"in_doubt"}
    assert accounts


def test_a_split_set_never_goes_out_under_an_old_id(world: World) -> None:
    for number in range(4):
        world.account(f"Number {number} Corp", promoted=True)
    world.company.faults.arm("refuse_set", times=2, holding="CustomerAddRq", **PARSE_ERROR)
    world.poll()
    seen = world.visit()
    ids = [text.split('newMessageSetID="')[1].split('"')[0] for text in seen.sent if "CustomerAddRq" in text]
    assert len(ids) == len(set(ids)) >= 3
    assert adds(world) == 4


# --- sessions ---


def test_while_quickbooks_is_closed_the_run_ends_with_a_sentence_and_changes_nothing(world: World) -> None:
    world.account("Ann's Bakery", promoted=True)
    world.poll()
    world.company.faults.arm("refuse_session", times=FOR_EVER)
    seen = world.visit()
    assert "connectionError" in seen.calls
    assert not seen.ok
    world.company.faults.clear()
    world.quiet()
    assert world.names_in_books() == ["Ann's Bakery"]


def test_a_renamed_company_file_is_not_touched_until_a_person_confirms_it(world: World) -> None:
    pair(world)
    late = world.account("Bob's Garage", promoted=True)
    world.poll()
    world.company._books.set("company_name", "Acme Supplies (copy)")
    seen = world.visit()
    assert not seen.ok
    assert "confirm" in seen.status
    assert seen.sent == []
    assert "Bob's Garage" not in world.names_in_books()
    world.confirm_file()
    world.quiet()
    assert world.status(late) == ("Success", None)


def test_another_company_file_is_neither_read_nor_written(world: World) -> None:
    world.customer("Secret Corp")
    world.account("Ann's Bakery", promoted=True)
    world.poll()
    world.stamp("{00000000-0000-4000-8000-000000000000}")
    seen = world.visit()
    assert not seen.ok
    assert "Another company file" in seen.status
    assert seen.sent == []
    assert world.watermark() == (None, False)


def test_a_visit_that_had_nothing_to_say_still_ends_with_100(world: World) -> None:
    world.quiet()
    seen = world.visit()
    assert (seen.ok, seen.progress[-1]) == (True, 100)


def test_a_stopped_connection_neither_writes_nor_keeps_the_visit_from_ending(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_account(account, Phone="555-0200")
    world.poll()
    world.stop_connection("a person looks at it")
    seen = world.visit()
    assert seen.ok
    assert world.in_books(list_id)["Phone"] == "555-0100"
    world.stop_connection(None)
    world.quiet()
    assert world.in_books(list_id)["Phone"] == "555-0200"


def test_a_person_may_retry_what_was_refused(world: World) -> None:
    vendor = world.company.user_add({"Name": "Acme Tools"}, kind="Vendor")
    account = world.account("Acme Tools", promoted=True)
    world.quiet()
    world.company.user_delete(vendor, kind="Vendor")
    [job] = world.jobs("refused")
    world.move_job(job, JobEvent.RETRY)
    world.quiet()
    assert world.status(account) == ("Success", None)
