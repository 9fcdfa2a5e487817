"""First contact, matching, unlinking and deletions: who belongs to whom, and who decides it."""

from collections.abc import Callable
from typing import Any

import pytest

from qbwc_server.store.job_states import JobEvent
from tests.sync.world import World

Build = Callable[..., World]


def pair(world: World, name: str = "Ann's Bakery", **values: Any) -> tuple[str, str]:
    account = world.account(name, promoted=True, contact="Ann Baker", **values)
    world.sync(2)
    return account, str(world.in_crm(account)["QB_ListID__c"])


def test_nothing_is_created_before_both_sides_were_read_once(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    world.deliver()
    assert (world.jobs(), world.links()) == ([], [])
    assert world.status(account) == ("To be Linked", None)
    world.visit()
    assert world.names_in_books() == ["Ann's Bakery"]


def test_customers_read_before_the_crm_wait_for_its_first_read(world: World) -> None:
    world.customer("Joe's Diner")
    world.visit()
    world.deliver()
    assert world.names_in_crm() == []
    assert world.jobs() == []
    world.poll()
    world.deliver()
    assert world.names_in_crm() == ["Joe's Diner"]


@pytest.mark.parametrize("promoted", [True, False])
def test_equal_names_that_are_unique_on_both_sides_link_without_a_double(
    world: World, promoted: bool
) -> None:
    account = world.account("ANN'S  bakery", promoted=promoted, Phone="555-0100")
    list_id = world.customer("Ann's Bakery", Phone="555-0100", Fax="555-0199")
    world.quiet()
    assert len(world.crm.rows("account")) == len(world.company.customers()) == 1
    assert world.in_crm(account)["QB_ListID__c"] == list_id
    assert world.in_crm(account)["Fax"] == "555-0199"


def test_what_differs_on_first_contact_is_a_conflict_and_what_is_missing_is_filled(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True, Phone="555-0100", Fax="555-0199")
    list_id = world.customer("Ann's Bakery", Phone="555-0200", Email="ann@bakery.example", LastName="Baker")
    world.quiet()
    assert [one["field"] for one in world.conflicts()] == ["Phone > Phone"]
    assert world.in_books(list_id)["Fax"] == "555-0199"
    assert world.contact_of(account)["Email"] == "ann@bakery.example"
    assert world.status(account)[0] == "Error"


def test_a_stored_list_id_links_whatever_the_names(world: World) -> None:
    list_id = world.customer("Bakery of Ann")
    account = world.account("Ann's Bakery", promoted=True, QB_ListID__c=list_id)
    world.quiet()
    link = world.link_of(account)
    assert link is not None
    assert link.books_id == list_id
    assert len(world.company.customers()) == 1


def test_two_accounts_of_one_name_wait_for_a_person_and_make_nothing(world: World) -> None:
    list_id = world.customer("Ann's Bakery")
    first = world.account("Ann's Bakery", promoted=True)
    second = world.account("Ann's Bakery")
    world.quiet()
    assert len(world.company.customers()) == 1
    assert len(world.crm.rows("account")) == 2
    status, text = world.status(first)
    assert status == "Error"
    assert "Several records share the name" in text
    assert {(one["crm_id"], one["books_id"]) for one in world.suggestions()} == {
        (first, list_id),
        (second, list_id),
    }
    assert world.status(second) == (None, None)
    assert any("several records" in one["reason"] for one in world.decisions(list_id))


def test_a_person_who_removes_the_double_lets_the_rest_link(world: World) -> None:
    list_id = world.customer("Ann's Bakery")
    first = world.account("Ann's Bakery", promoted=True)
    second = world.account("Ann's Bakery")
    world.quiet()
    world.edit_account(second, Name="Ann's Other Bakery 2")
    world.edit_account(first, Phone="555-0100")
    world.quiet()
    assert world.in_crm(first)["QB_ListID__c"] == list_id
    assert world.status(first) == ("Success", None)


def test_two_promoted_accounts_of_one_name_make_one_customer_and_one_error(world: World) -> None:
    accounts = [world.account("Ann's Bakery", promoted=True) for _ in range(2)]
    world.quiet()
    assert len(world.company.customers()) == 1
    assert sorted(str(world.status(one)[0]) for one in accounts) == ["Error", "Success"]


def test_a_similar_name_is_suggested_with_its_likeness_and_creates_nothing(world: World) -> None:
    list_id = world.customer("Ann's Bakery Inc")
    account = world.account("Anns Bakery Inc", promoted=True)
    world.quiet()
    [suggestion] = world.suggestions()
    assert (suggestion["crm_id"], suggestion["books_id"]) == (account, list_id)
    assert 88 <= suggestion["score"] < 100
    status, text = world.status(account)
    assert status == "Error"
    assert "Ann's Bakery Inc" in text
    assert len(world.company.customers()) == len(world.crm.rows("account")) == 1


def test_names_that_differ_in_a_digit_are_never_alike(world: World) -> None:
    world.customer("Branch Office 1")
    world.account("Branch Office 2", promoted=True)
    world.quiet()
    assert world.names_in_books() == ["Branch Office 1", "Branch Office 2"]


def test_a_job_is_not_matched_by_its_name_alone(world: World) -> None:
    parent = world.customer("Ann's Bakery")
    world.customer("Kitchen", ParentRef={"ListID": parent})
    account = world.account("Kitchen", promoted=True)
    world.quiet()
    assert world.in_crm(account)["QB_ListID__c"] is None
    assert "Ann's Bakery:Kitchen below another" in str(world.status(account)[1])


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("A" * 100, "100 characters"),
        ("Tasty Bites 🌭", "🌭"),
        ("Job: Kitchen", "colon"),
        ("東京商事", "東"),
        ("   ", "empty"),
    ],
)
def test_a_name_that_quickbooks_cannot_hold_is_refused_in_words_and_stops_nobody(
    world: World, name: str, cause: str
) -> None:
    guilty = world.account(name, promoted=True)
    innocent = world.account("Ann's Bakery", promoted=True)
    world.quiet()
    status, text = world.status(guilty)
    assert status == "Error"
    assert cause in text
    assert "CRM" in text
    assert world.status(innocent) == ("Success", None)
    world.edit_account(guilty, Name="Corrected Corp")
    world.quiet()
    assert world.status(guilty) == ("Success", None)
    assert world.names_in_books() == ["Ann's Bakery", "Corrected Corp"]


def test_unlinking_keeps_both_records_and_their_history_and_shows_it(world: World) -> None:
    account, list_id = pair(world)
    link = world.link_of(account)
    assert link is not None
    world.unlink(link)
    world.quiet()
    assert world.status(account) == ("Unlinked", None)
    assert world.in_books(list_id)["Name"] == "Ann's Bakery"
    [kept] = world.links()
    assert (kept.id, kept.books_id, kept.crm_id) == (link.id, list_id, account)
    assert kept.base_books == link.base_books


def test_an_unlinked_pair_is_not_matched_again_and_its_edits_stay_at_home(world: World) -> None:
    account, list_id = pair(world)
    link = world.link_of(account)
    assert link is not None
    world.unlink(link)
    world.quiet()
    world.edit_account(account, Phone="555-0100")
    world.edit_customer(list_id, Fax="555-0199")
    world.quiet()
    assert world.link_of(account) is None
    assert "Phone" not in world.in_books(list_id)
    assert world.in_crm(account)["Fax"] is None
    assert len(world.crm.rows("account")) == len(world.company.customers()) == 1


def test_promoting_an_unlinked_account_asks_a_person_and_makes_nothing(world: World) -> None:
    account, _ = pair(world)
    link = world.link_of(account)
    assert link is not None
    world.unlink(link)
    world.quiet()
    world.promote(account)
    world.quiet()
    status, text = world.status(account)
    assert status == "Error"
    assert "linked before" in text
    assert len(world.company.customers()) == 1


def test_other_records_are_matched_although_some_pair_was_taken_apart(world: World) -> None:
    account, _ = pair(world)
    link = world.link_of(account)
    assert link is not None
    world.unlink(link)
    # A half link that lost its meaning leaves an unlinked row without ids behind.
    list_id = world.customer("Joe's Diner")
    world.visit()
    other = world.account("Joe's Diner", promoted=True)
    world.quiet()
    third = world.account("Third Corp", promoted=True)
    world.customer("Fourth Corp")
    world.quiet()
    assert world.in_crm(other)["QB_ListID__c"] == list_id
    assert world.status(third) == ("Success", None)
    assert "Fourth Corp" in world.names_in_crm()


def test_a_customer_that_waits_for_its_account_meets_one_that_a_person_made_meanwhile(world: World) -> None:
    world.sync()
    list_id = world.customer("Joe's Diner", LastName="Doe")
    world.visit()
    made = world.account("Joe's Diner")
    world.poll()
    world.deliver()
    world.quiet()
    assert world.names_in_crm() == ["Joe's Diner"]
    assert world.in_crm(made)["QB_ListID__c"] == list_id


# --- deletions ---


def test_a_customer_deleted_in_quickbooks_is_remembered_and_the_account_stays(world: World) -> None:
    account, list_id = pair(world)
    world.delete_customer(list_id)
    world.quiet()
    assert world.names_in_crm() == ["Ann's Bakery"]
    assert world.names_in_books() == []
    assert world.status(account)[0] == "Error"  # its customer is gone, and that is told


def test_an_account_deleted_in_the_crm_leaves_the_customer_alone(world: World) -> None:
    account, _ = pair(world)
    world.delete_account(account)
    world.quiet()
    assert (world.names_in_crm(), world.names_in_books()) == ([], ["Ann's Bakery"])


def test_a_later_edit_of_the_survivor_proposes_to_create_the_other_again(world: World) -> None:
    account, list_id = pair(world)
    world.delete_customer(list_id)
    world.quiet()
    world.edit_account(account, Phone="555-0100")
    world.quiet()
    assert world.names_in_books() == []
    [proposed] = world.jobs("proposed")
    assert proposed.action == "recreate"
    assert "Deleted in QuickBooks" in proposed.error
    world.move_job(proposed, JobEvent.APPROVE)
    world.quiet()
    again = world.in_books("Ann's Bakery")
    assert (again["Phone"], again["ListID"]) == ("555-0100", world.in_crm(account)["QB_ListID__c"])
    assert again["ListID"] != list_id
    world.edit_account(account, Phone="555-0200")
    world.quiet()
    assert world.in_books("Ann's Bakery")["Phone"] == "555-0200"


def test_a_later_edit_in_quickbooks_proposes_the_account_again_with_the_same_key(world: World) -> None:
    list_id = world.customer("Joe's Diner", LastName="Doe", Phone="555-0100")
    world.quiet()
    account = world.account_named("Joe's Diner")
    key = world.in_crm(account)["QB_SyncKey__c"]
    world.delete_account(account)
    world.quiet()
    world.edit_customer(list_id, Phone="555-0200")
    world.quiet()
    assert world.names_in_crm() == []
    [proposed] = world.jobs("proposed")
    world.move_job(proposed, JobEvent.APPROVE)
    world.quiet()
    again = world.account_named("Joe's Diner")
    assert (world.in_crm(again)["Phone"], world.in_crm(again)["QB_SyncKey__c"]) == ("555-0200", key)
    assert world.status(again) == ("Success", None)


def test_an_edit_that_met_a_deletion_on_its_way_is_not_lost(world: World) -> None:
    account, list_id = pair(world)
    world.edit_account(account, Phone="555-0100")
    world.poll()
    world.delete_customer(list_id)
    world.quiet()
    assert [job.action for job in world.jobs("proposed")] == ["recreate"]


def test_a_mod_of_a_customer_deleted_during_the_visit_ends_in_the_same_question(world: World) -> None:
    account, list_id = pair(world)
    world.edit_account(account, Phone="555-0100")
    world.poll()

    def delete_just_before(document: str) -> None:
        if "CustomerModRq" in document:
            world.on_document = lambda _: None
            world.delete_customer(list_id)

    world.on_document = delete_just_before
    world.quiet()
    assert [job.action for job in world.jobs("proposed", "queued", "refused")] == ["recreate"]


def test_an_account_deleted_before_its_turn_makes_no_customer(world: World) -> None:
    world.sync()
    account = world.account("Ann's Bakery", promoted=True)
    world.poll()
    world.delete_account(account)
    world.quiet()
    assert world.names_in_books() == []
    assert world.jobs("queued", "offered", "refused") == []


def test_a_customer_deleted_before_its_turn_makes_no_account(world: World) -> None:
    world.sync()
    list_id = world.customer("Joe's Diner")
    world.visit()
    world.delete_customer(list_id)
    world.visit()
    world.quiet()
    assert world.names_in_crm() == []


# --- safety limits ---


def test_beyond_the_limit_new_records_wait_for_approval_and_say_why(build: Build) -> None:
    world = build(override={"limits": {"creates": 2}})
    accounts = [world.account(f"Number {number} Corp", promoted=True) for number in range(4)]
    world.quiet()
    assert len(world.company.customers()) == 2
    proposed = world.jobs("proposed")
    assert len(proposed) == 2
    assert all("limit is 2" in job.error for job in proposed)
    shown = [world.status(one) for one in accounts]
    assert sorted(status for status, _ in shown) == ["Queued", "Queued", "Success", "Success"]
    assert sum("limit is 2" in str(text) for _, text in shown) == 2
    for job in proposed:
        world.move_job(job, JobEvent.APPROVE)
    world.quiet()
    assert len(world.company.customers()) == 4
    assert {world.status(one) for one in accounts} == {("Success", None)}


def test_a_limit_counts_what_quickbooks_brings_to_the_crm_as_well(build: Build) -> None:
    world = build(override={"limits": {"creates": 2}})
    for number in range(4):
        world.customer(f"Number {number} Corp")
    world.quiet()
    assert len(world.crm.rows("account")) == 2
    assert len(world.jobs("proposed")) == 2
