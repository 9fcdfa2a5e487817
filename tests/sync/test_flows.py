"""What an ordinary day brings: one promise a test, seen from both sides."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sync.world import World

Build = Callable[..., World]


def pair(world: World, name: str = "Ann's Bakery", **values: Any) -> tuple[str, str]:
    """An account and the customer that was made from it, both at rest: (account id, ListID)."""
    account = world.account(name, promoted=True, contact="Ann Baker", **values)
    world.sync()
    world.sync()
    return account, str(world.in_crm(account)["QB_ListID__c"])


def only(rule: dict[str, Any]) -> dict[str, Any]:
    """An override that changes one rule of the account."""
    return {"kinds": {"account": {"change": [rule]}}}


def test_a_promoted_account_becomes_a_customer_and_hears_of_it(world: World) -> None:
    account = world.account(
        "Ann's Bakery",
        promoted=True,
        contact="Ann Baker",
        Phone="555-0100",
        BillingStreet="1 Mill Lane\nBack door",
        BillingCity="Springfield",
        Description="Pays late.",
    )
    world.sync()
    customer = world.in_books("Ann's Bakery")
    assert (customer["CompanyName"], customer["Phone"]) == ("Ann's Bakery", "555-0100")
    assert (customer["FirstName"], customer["LastName"]) == ("Ann", "Baker")
    address = customer["BillAddress"]
    assert [address[f"Addr{line}"] for line in (1, 2, 3)] == ["Ann's Bakery", "1 Mill Lane", "Back door"]
    assert (address["City"], customer["Notes"]) == ("Springfield", "Pays late.")
    held = world.in_crm(account)
    assert (held["QB_Link_Status__c"], held["QB_Sync_Error__c"]) == ("Success", None)
    assert held["QB_ListID__c"] == customer["ListID"]
    assert held["QB_Last_Sync__c"] is not None


def test_between_promotion_and_visit_the_account_is_shown_as_queued(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    world.sync()
    later = world.account("Bob's Garage", promoted=True)
    world.poll()
    world.deliver()
    assert world.status(later) == ("Queued", None)
    assert world.status(account) == ("Success", None)


def test_an_account_that_nobody_promoted_stays_where_it_is(world: World) -> None:
    account = world.account("Quiet Corp")
    before = dict(world.in_crm(account))
    world.quiet()
    assert world.names_in_books() == []
    assert dict(world.in_crm(account)) == before


def test_a_customer_new_in_quickbooks_becomes_an_account_with_its_contact_once(world: World) -> None:
    list_id = world.customer(
        "Joe's Diner", FirstName="Joe", LastName="Doe", Email="joe@diner.example", Phone="555-0101"
    )
    world.sync(3)
    account = world.account_named("Joe's Diner")
    held, contact = world.in_crm(account), world.contact_of(account)
    assert (held["Phone"], held["QB_Link_Status__c"], held["QB_ListID__c"]) == (
        "555-0101",
        "Success",
        list_id,
    )
    assert (contact["FirstName"], contact["LastName"]) == ("Joe", "Doe")
    assert (contact["Email"], contact["AccountId"]) == ("joe@diner.example", account)
    assert held["QB_SyncKey__c"].endswith(f":customer:{list_id}")
    assert contact["QB_SyncKey__c"] == f"{held['QB_SyncKey__c']}:PrimaryContact"
    assert len(world.crm.rows("account")) == len(world.crm.rows("contact")) == 1


def test_a_customer_without_a_persons_name_becomes_an_account_without_a_contact(world: World) -> None:
    world.customer("Cash Sales", Email="till@shop.example")
    world.quiet()
    assert world.in_crm(world.account_named("Cash Sales"))["QB_Primary_Contact__c"] is None
    assert world.crm.rows("contact") == ()


def test_a_contact_is_made_later_when_quickbooks_learns_the_name(world: World) -> None:
    list_id = world.customer("Cash Sales")
    world.quiet()
    world.edit_customer(list_id, FirstName="Carl", LastName="Cash")
    world.quiet()
    contact = world.contact_of(world.account_named("Cash Sales"))
    assert (contact["FirstName"], contact["LastName"]) == ("Carl", "Cash")


def test_an_edit_in_the_crm_becomes_one_mod_that_names_only_what_changed(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100", Fax="555-0199")
    world.edit_account(account, Phone="555-0200")
    world.poll()
    [mod] = world.visit().requests("CustomerMod")
    assert set(mod.values["CustomerMod"]) == {"ListID", "EditSequence", "Phone"}
    assert world.in_books(list_id)["Phone"] == "555-0200"
    world.deliver()
    assert world.status(account) == ("Success", None)


def test_an_edit_of_the_contact_alone_reaches_the_customer(world: World) -> None:
    account, list_id = pair(world)
    world.edit_contact_of(account, FirstName="Anna", Email="anna@bakery.example")
    world.sync()
    held = world.in_books(list_id)
    assert (held["FirstName"], held["Email"]) == ("Anna", "anna@bakery.example")


def test_another_primary_contact_gives_the_customer_another_name(world: World) -> None:
    account, list_id = pair(world)
    other = world.crm.user_create("contact", {"FirstName": "Ben", "LastName": "Butcher"})
    world.edit_account(account, QB_Primary_Contact__c=other)
    world.sync()
    assert world.in_books(list_id)["LastName"] == "Butcher"


def test_an_edit_in_quickbooks_reaches_account_and_contact(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_customer(list_id, Phone="555-0300", LastName="Brewer")
    world.sync()
    assert world.in_crm(account)["Phone"] == "555-0300"
    assert world.contact_of(account)["LastName"] == "Brewer"
    assert world.status(account) == ("Success", None)


def test_edits_of_different_fields_on_both_sides_meet(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100", Fax="555-0199")
    world.edit_account(account, Phone="555-0200")
    world.edit_customer(list_id, Fax="555-0299")
    world.sync()
    for held in (world.in_crm(account), world.in_books(list_id)):
        assert (held["Phone"], held["Fax"]) == ("555-0200", "555-0299")


def test_the_same_edit_on_both_sides_is_agreement(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_account(account, Phone="555-0200")
    world.edit_customer(list_id, Phone="555-0200")
    before = world.books_writes()
    world.quiet()
    assert (world.books_writes(), world.conflicts()) == (before, [])
    world.edit_account(account, Phone="555-0300")
    world.sync()
    assert world.in_books(list_id)["Phone"] == "555-0300"


def clash(world: World) -> tuple[str, str]:
    """A pair whose phone was changed on both sides, and whose fax only in the CRM."""
    account, list_id = pair(world, Phone="555-0100", Fax="555-0199")
    world.edit_account(account, Phone="555-0200", Fax="555-0299")
    world.edit_customer(list_id, Phone="555-0300")
    world.sync()
    return account, list_id


def test_different_edits_of_one_field_are_a_visible_conflict_that_stops_nothing_else(world: World) -> None:
    account, list_id = clash(world)
    [conflict] = world.conflicts()
    assert conflict["field"].startswith("Phone")
    assert (conflict["crm_value"], conflict["books_value"]) == ("555-0200", "555-0300")
    assert (world.in_crm(account)["Phone"], world.in_books(list_id)["Phone"]) == ("555-0200", "555-0300")
    status, text = world.status(account)
    assert status == "Error"
    assert "Phone" in text
    assert world.in_books(list_id)["Fax"] == "555-0299"


@pytest.mark.parametrize(("side", "kept"), [("crm", "555-0200"), ("books", "555-0300")])
def test_a_person_ends_a_conflict_by_choosing_a_side(world: World, side: str, kept: str) -> None:
    account, list_id = clash(world)
    world.take("Phone", side)
    world.quiet()
    assert (world.in_crm(account)["Phone"], world.in_books(list_id)["Phone"]) == (kept, kept)
    assert world.conflicts() == []
    assert world.status(account) == ("Success", None)


def test_a_choice_holds_for_the_values_that_the_person_saw(world: World) -> None:
    account, list_id = clash(world)
    world.edit_customer(list_id, Phone="555-0400")
    world.take("Phone", "crm")
    world.quiet()
    assert world.in_books(list_id)["Phone"] == "555-0400"
    assert [one["books_value"] for one in world.conflicts()] == ["555-0400"]
    assert world.status(account)[0] == "Error"


def test_a_conflict_ends_by_itself_when_the_values_meet(world: World) -> None:
    account, _ = clash(world)
    world.edit_account(account, Phone="555-0300")
    world.quiet()
    assert world.conflicts() == []
    assert world.status(account) == ("Success", None)


@pytest.mark.parametrize(("winner", "kept"), [("crm", "555-0200"), ("books", "555-0300")])
def test_where_a_side_has_priority_it_wins_and_the_loser_is_on_record(
    build: Build, winner: str, kept: str
) -> None:
    world = build(override={"kinds": {"account": {"winner": winner}}})
    account, list_id = clash(world)
    world.quiet()
    assert (world.in_crm(account)["Phone"], world.in_books(list_id)["Phone"]) == (kept, kept)
    [lost] = [
        field
        for decision in world.decisions(account)
        for field in decision["fields"]
        if field["field"].startswith("Phone") and "wins" in field["reason"]
    ]
    assert {lost["crm"], lost["books"]} == {"555-0200", "555-0300"}


def test_the_worked_example_a_phone_emptied_in_the_crm_with_priority_stays_in_quickbooks(
    build: Build,
) -> None:
    # S3.18, verbatim: CRM phone empty, QuickBooks phone set, the CRM has priority; after merge they differ.
    world = build(override={"kinds": {"account": {"winner": "crm"}}})
    list_id = world.customer("Ann's Bakery", Phone="555-0100")
    account = world.account("Ann's Bakery", promoted=True)
    world.quiet()
    assert world.status(account) == ("Success", None)
    assert (world.in_crm(account)["Phone"], world.in_books(list_id)["Phone"]) == (None, "555-0100")


@pytest.mark.parametrize("winner", [None, "crm", "books"])
def test_an_emptied_field_overwrites_nothing_on_the_other_side(build: Build, winner: str | None) -> None:
    world = build(override={"kinds": {"account": {"winner": winner}}} if winner else None)
    account, list_id = pair(world, Phone="555-0100", Fax="555-0199")
    world.edit_account(account, Phone=None)
    world.edit_customer(list_id, Fax="")
    world.quiet()
    assert world.in_books(list_id)["Phone"] == "555-0100"
    assert world.in_crm(account)["Fax"] == "555-0199"
    assert world.conflicts() == []


def test_a_field_with_clear_when_empty_is_cleared_on_the_other_side(build: Build) -> None:
    world = build(override=only({"crm": "Phone", "books": "Phone", "clear_when_empty": True}))
    account, list_id = pair(world, Phone="555-0100")
    world.edit_account(account, Phone=None)
    world.quiet()
    assert "Phone" not in world.in_books(list_id)
    world.edit_account(account, Phone="555-0200")
    world.quiet()
    world.edit_customer(list_id, Phone="")
    world.quiet()
    assert world.in_crm(account)["Phone"] is None


def test_one_round_trip_writes_each_side_once_and_then_rests(world: World) -> None:
    account, list_id = pair(world, Phone="555-0100")
    world.edit_account(account, Phone="555-0200")
    world.edit_customer(list_id, Fax="555-0299")
    books, crm = world.books_writes(), world.crm.writes
    world.quiet()
    assert (world.books_writes() - books, world.crm.writes - crm) == (1, 1)


def test_what_quickbooks_stores_shorter_is_no_change_of_quickbooks(world: World) -> None:
    name, notes = "The Long Established Bakery Company", "x" * 5000
    account, list_id = pair(world, name, Description=notes)
    assert len(world.in_books(list_id)["Notes"]) < len(notes)
    writes = (world.books_writes(), world.crm.writes)
    world.edit_customer(list_id, Phone="555-0300")
    world.quiet()
    assert world.in_crm(account)["Description"] == notes
    assert world.in_crm(account)["Phone"] == "555-0300"
    assert world.books_writes() == writes[0]


def test_an_edit_of_a_shortened_value_is_a_conflict_and_not_an_overwrite(world: World) -> None:
    notes = "x" * 5000
    account, list_id = pair(world, Description=notes)
    world.edit_customer(list_id, Notes="rewritten in QuickBooks")
    world.quiet()
    assert world.in_crm(account)["Description"] == notes
    assert [one["field"] for one in world.conflicts()] == ["Description > Notes"]
    world.take("Description", "books")
    world.quiet()
    assert world.in_crm(account)["Description"] == "rewritten in QuickBooks"


def test_what_quickbooks_can_only_hold_in_plain_letters_comes_back_as_no_change(world: World) -> None:
    account, list_id = pair(world, "Łukasz Żółw", BillingCity="Łódź", Description="日本 ☂ notes")
    assert world.in_books(list_id)["Name"] == "Lukasz Zólw"
    writes = (world.books_writes(), world.crm.writes)
    world.edit_customer(list_id, Phone="555-0300")
    world.quiet()
    held = world.in_crm(account)
    assert (held["Name"], held["BillingCity"]) == ("Łukasz Żółw", "Łódź")
    assert held["Description"] == "日本 ☂ notes"
    assert (world.books_writes(), world.crm.writes) == (writes[0], writes[1] + 1)
    assert world.conflicts() == []


def test_a_customer_renamed_in_quickbooks_renames_the_account_and_nothing_comes_back(world: World) -> None:
    account, list_id = pair(world)
    writes = world.books_writes()
    world.edit_customer(list_id, Name="Ann's Patisserie")
    world.quiet()
    assert world.in_crm(account)["Name"] == "Ann's Patisserie"
    assert world.books_writes() == writes


def test_an_edit_that_a_one_way_field_may_not_carry_is_kept_on_record(world: World) -> None:
    account, list_id = pair(world)
    world.edit_customer(list_id, CompanyName="Ann & Daughters")
    world.quiet()
    assert world.in_crm(account)["Name"] == "Ann's Bakery"
    held = [
        (field["outcome"], field["books"])
        for decision in world.decisions(account)
        for field in decision["fields"]
        if field["field"] == "Name > CompanyName"
    ]
    assert held == [("held", "Ann & Daughters")]


def test_a_record_promoted_again_is_brought_in_line_and_not_made_again(world: World) -> None:
    account, list_id = pair(world)
    writes = world.books_writes()
    world.promote(account)
    world.quiet()
    assert world.status(account) == ("Success", None)
    assert world.books_writes() == writes
    assert world.in_crm(account)["QB_ListID__c"] == list_id


def test_a_record_that_moved_between_offer_and_settle_is_decided_again(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True, Phone="555-0100")
    world.poll()

    def edit_while_it_is_out(document: str) -> None:
        if "CustomerAddRq" in document:
            world.edit_account(account, Phone="555-0200")
            world.poll()

    world.on_document = edit_while_it_is_out
    world.visit()
    assert world.in_books("Ann's Bakery")["Phone"] == "555-0200"


def test_inactive_customers_are_read_like_others(world: World) -> None:
    account, list_id = pair(world)
    world.edit_customer(list_id, IsActive=False, Phone="555-0300")
    world.sync()
    assert world.in_crm(account)["Phone"] == "555-0300"


def test_import_only_brings_quickbooks_to_the_crm_and_nothing_back(build: Build) -> None:
    world = build(override={"kinds": {"account": {"mode": "import"}}})
    list_id = world.customer("Joe's Diner", Phone="555-0100")
    stays = world.account("Ann's Bakery", promoted=True)
    world.quiet()
    account = world.account_named("Joe's Diner")
    world.edit_account(account, Phone="555-0200")
    world.edit_customer(list_id, Fax="555-0300")
    world.quiet()
    assert world.names_in_books() == ["Joe's Diner"]
    assert world.in_books(list_id)["Phone"] == "555-0100"
    assert world.in_crm(account)["Fax"] == "555-0300"
    assert world.decisions(stays) != []


def test_export_only_takes_promoted_accounts_and_creates_nothing_in_the_crm(build: Build) -> None:
    world = build(override={"kinds": {"account": {"mode": "export"}}})
    world.customer("Joe's Diner")
    account, list_id = pair(world, Phone="555-0100")
    world.edit_customer(list_id, Phone="555-0300")
    world.quiet()
    assert world.names_in_crm() == ["Ann's Bakery"]
    assert world.status(account) == ("Success", None)
    assert world.in_crm(account)["Phone"] == "555-0100"
