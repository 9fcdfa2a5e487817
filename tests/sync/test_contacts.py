"""Contacts of an account are contacts of its customer (S1.12, S2.1), each once, and none is ever lost."""

from collections.abc import Callable
from typing import Any

import pytest

from qbwc_server.store import records
from tests.sync.test_back_in_time import compare_keys, without_a_word
from tests.sync.world import Killed, World

Build = Callable[..., World]

ON = {"mode": "synchronize"}
KINDS = {"contact": ON, "contact_customer": ON}


@pytest.fixture
def world(build: Build) -> World:
    return build(override={"kinds": KINDS})


def person(world: World, account: str | None, name: str, **values: Any) -> str:
    world.clock.advance(seconds=1)
    first, _, last = name.rpartition(" ")
    own = {"FirstName": first or None, "LastName": last, "Name": name, "AccountId": account}
    return world.crm.user_create("contact", own | values)


def edit(world: World, contact: str, **values: Any) -> None:
    world.clock.advance(seconds=1)
    world.crm.user_edit("contact", contact, values)


def shown(world: World, contact: str) -> tuple[Any, Any]:
    values = world.crm.record("contact", contact).values
    return values.get("QB_Link_Status__c"), values.get("QB_Sync_Error__c")


def names(world: World, customer: str) -> list[str]:
    found = world.in_books(customer).get("ContactsRet", [])
    return sorted(" ".join(one[part] for part in ("FirstName", "LastName") if part in one) for one in found)


def entries(world: World, customer: str, name: str) -> dict[str, str]:
    [found] = [one for one in world.in_books(customer)["ContactsRet"] if one["FirstName"] == name.split()[0]]
    return {one["ContactName"]: one["ContactValue"] for one in found.get("AdditionalContactRef", ())}


def contacts_of(world: World, account: str) -> list[str]:
    rows = [row.values for row in world.crm.rows("contact") if row.values.get("AccountId") == account]
    return sorted(" ".join(filter(None, (row.get("FirstName"), row["LastName"]))) for row in rows)


def bakery(world: World, *people: str) -> tuple[str, list[str]]:
    """A linked account whose people are contacts of its customer."""
    account = world.account("Ann's Bakery", promoted=True, contact="Ann Baker")
    made = [person(world, account, name) for name in people]
    world.sync(2)
    return account, made


# --- to QuickBooks ---


def test_the_contacts_of_an_account_go_with_it_and_its_primary_contact_stands_on_the_customer(
    world: World,
) -> None:
    account, [bob, carl] = bakery(world, "Bob Bread", "Carl Cake")
    assert names(world, "Ann's Bakery") == ["Bob Bread", "Carl Cake"]
    assert world.in_books("Ann's Bakery")["LastName"] == "Baker"
    assert shown(world, bob) == shown(world, carl) == ("Success", None)
    assert world.status(account) == ("Success", None)
    writes = world.books_writes()
    world.quiet()
    assert world.books_writes() == writes
    assert contacts_of(world, account) == ["Ann Baker", "Bob Bread", "Carl Cake"]


def test_who_promotes_the_primary_contact_is_told_where_it_stands(world: World) -> None:
    account = world.account("Ann's Bakery", contact="Ann Baker")
    [ann] = [row.id for row in world.crm.rows("contact")]
    edit(world, ann, QB_Link_Status__c="To be Linked")
    world.sync(2)
    said = "It is the primary contact and goes with its account: promote that one."
    assert shown(world, ann) == ("Error", said)
    world.promote(account)
    world.sync(2)
    assert shown(world, ann) == ("Success", "It stands on the customer Ann's Bakery itself.")
    world.quiet()


def test_addresses_of_a_contact_become_entries_of_its_list(world: World) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    addresses = {"Email": "bob@bread.example", "Phone": "555-0101", "MobilePhone": "555-0102"}
    person(world, account, "Bob Bread", Title="Baker", **addresses)
    world.sync(2)
    assert entries(world, "Ann's Bakery", "Bob Bread") == {
        "Main Email": "bob@bread.example",
        "Main Phone": "555-0101",
        "Mobile": "555-0102",
    }


def test_a_contact_of_an_account_that_nobody_promoted_stays_where_it_is(world: World) -> None:
    account = world.account("Ann's Bakery")
    contact = person(world, account, "Bob Bread")
    world.sync(2)
    assert (world.names_in_books(), shown(world, contact)) == ([], (None, None))
    assert world.links() == []


def test_a_promoted_contact_brings_its_account_first(world: World) -> None:
    account = world.account("Ann's Bakery")
    contact = person(world, account, "Bob Bread", QB_Link_Status__c="To be Linked")
    world.sync(2)
    assert names(world, "Ann's Bakery") == ["Bob Bread"]
    assert shown(world, contact) == world.status(account) == ("Success", None)


def test_only_promoted_contacts_go_where_the_mapping_says_so(build: Build) -> None:
    world = build(override={"kinds": {"contact": ON | {"goes_along": False}}})
    account = world.account("Ann's Bakery", promoted=True)
    person(world, account, "Bob Bread")
    person(world, account, "Carl Cake", QB_Link_Status__c="To be Linked")
    world.sync(2)
    assert names(world, "Ann's Bakery") == ["Carl Cake"]


def test_an_edit_changes_that_contact_and_leaves_the_others_as_they_are(world: World) -> None:
    account, [bob, _] = bakery(world, "Bob Bread", "Carl Cake")
    before = {one["FirstName"]: one for one in world.in_books("Ann's Bakery")["ContactsRet"]}
    edit(world, bob, LastName="Butter", Email="bob@butter.example")
    world.sync()
    assert names(world, "Ann's Bakery") == ["Bob Butter", "Carl Cake"]
    after = {one["FirstName"]: one for one in world.in_books("Ann's Bakery")["ContactsRet"]}
    assert [after[name]["ListID"] for name in after] == [before[name]["ListID"] for name in before]
    assert world.status(account) == ("Success", None)
    writes = world.books_writes()
    world.quiet()
    assert world.books_writes() == writes


# --- what exists in QuickBooks only ---


def test_a_contact_that_exists_only_in_quickbooks_is_never_lost_and_comes_to_the_crm(world: World) -> None:
    account, _ = bakery(world)
    own = {"FirstName": "Dora", "LastName": "Dough", "JobTitle": "Owner"}
    label = {"AdditionalContactRef": [{"ContactName": "Skype", "ContactValue": "dora"}]}
    list_id = world.in_books("Ann's Bakery")["ListID"]
    world.edit_customer(list_id, ContactsMod=[own | label])
    person(world, account, "Bob Bread")
    world.sync(2)
    assert names(world, "Ann's Bakery") == ["Bob Bread", "Dora Dough"]
    assert entries(world, "Ann's Bakery", "Dora") == {"Skype": "dora"}
    assert contacts_of(world, account) == ["Ann Baker", "Bob Bread", "Dora Dough"]
    world.quiet()
    assert names(world, "Ann's Bakery") == ["Bob Bread", "Dora Dough"]
    assert contacts_of(world, account) == ["Ann Baker", "Bob Bread", "Dora Dough"]


def test_a_contact_added_in_quickbooks_at_the_last_moment_is_not_overwritten(world: World) -> None:
    account, _ = bakery(world)
    list_id = world.in_books("Ann's Bakery")["ListID"]

    def somebody_adds_one(document: str) -> None:
        if "ContactsMod" in document and not names(world, list_id):
            world.company.user_edit(list_id, {"ContactsMod": [{"FirstName": "Dora", "LastName": "Dough"}]})

    world.on_document = somebody_adds_one
    person(world, account, "Bob Bread")
    world.sync(2)
    assert names(world, "Ann's Bakery") == ["Bob Bread", "Dora Dough"]


def test_the_whole_name_in_quickbooks_first_name_becomes_both_names(world: World) -> None:
    account, _ = bakery(world)
    list_id = world.in_books("Ann's Bakery")["ListID"]
    world.edit_customer(list_id, ContactsMod=[{"FirstName": "Steve Darcangelo"}])
    world.sync(2)
    assert "Steve Darcangelo" in contacts_of(world, account)
    [steve] = [row.id for row in world.crm.rows("contact") if row.values["LastName"] == "Darcangelo"]
    edit(world, steve, FirstName="Stephen")
    world.sync()
    assert names(world, "Ann's Bakery") == ["Stephen Darcangelo"]


def test_the_customers_own_contact_among_the_others_is_not_made_a_second_time(world: World) -> None:
    account, _ = bakery(world)
    list_id = world.in_books("Ann's Bakery")["ListID"]
    world.edit_customer(list_id, ContactsMod=[{"FirstName": "Ann Baker"}])
    world.sync(2)
    assert contacts_of(world, account) == ["Ann Baker"]


def test_an_edit_in_quickbooks_comes_to_the_contact(world: World) -> None:
    _, [bob] = bakery(world, "Bob Bread")
    customer = world.in_books("Ann's Bakery")
    [one] = customer["ContactsRet"]
    ids = {name: one[name] for name in ("ListID", "EditSequence", "FirstName", "LastName")}
    world.edit_customer(customer["ListID"], ContactsMod=[ids | {"JobTitle": "Chef"}])
    world.sync()
    assert world.crm.record("contact", bob).values["Title"] == "Chef"
    writes = world.books_writes()
    world.quiet()
    assert world.books_writes() == writes


def test_an_e_mail_of_nobody_by_name_stays_in_quickbooks_and_the_account_says_so(world: World) -> None:
    list_id = world.customer(
        "Ann's Bakery", FirstName="Ann", Email="ann@bakery.example", Phone="212 555 0100"
    )
    world.sync(2)
    account = world.account_named("Ann's Bakery")
    assert contacts_of(world, account) == []
    assert world.crm.writes == 1
    assert world.status(account) == (
        "Success",
        "Only in QuickBooks: FirstName Ann, Email ann@bakery.example. A contact in the CRM needs LastName: "
        "enter it at the customer in QuickBooks.",
    )
    world.edit_customer(list_id, LastName="Baker")
    world.sync(2)
    assert contacts_of(world, account) == ["Ann Baker"]
    assert world.status(account) == ("Success", None)
    world.quiet()


def test_who_was_the_primary_contact_becomes_a_contact_like_the_others(world: World) -> None:
    account, [bob] = bakery(world, "Bob Bread")
    ann = str(world.in_crm(account)["QB_Primary_Contact__c"])
    world.crm.user_edit("contact", ann, {"Name": "Ann Baker"})
    world.edit_account(account, QB_Primary_Contact__c=bob)
    world.sync(3)
    assert world.in_books("Ann's Bakery")["LastName"] == "Bread"
    assert "Ann Baker" in names(world, "Ann's Bakery")
    assert contacts_of(world, account) == ["Ann Baker", "Bob Bread"]


# --- who is whom ---


def test_a_contact_that_the_account_has_already_is_named_as_its_primary_one_and_not_made(
    world: World,
) -> None:
    account = world.account("Ann's Bakery")
    ann = person(world, account, "Ann Baker")
    world.customer("Ann's Bakery", FirstName="Ann", LastName="Baker", Email="ann@bakery.example")
    world.sync(3)
    assert contacts_of(world, account) == ["Ann Baker"]
    assert world.in_crm(account)["QB_Primary_Contact__c"] == ann
    assert world.contact_of(account)["Email"] == "ann@bakery.example"
    assert world.in_books("Ann's Bakery").get("ContactsRet", []) == []


@pytest.mark.parametrize(
    "theirs",
    [
        {"FirstName": "Bob", "LastName": "Bread"},
        {"FirstName": "Bob Bread"},
        {
            "FirstName": "Robert",
            "LastName": "Bread",
            "AdditionalContactRef": [{"ContactName": "Main Email", "ContactValue": "Bob@Bread.example"}],
        },
    ],
    ids=["name", "name in one field", "e-mail"],
)
def test_the_same_person_on_both_sides_is_linked_and_not_made(world: World, theirs: dict[str, Any]) -> None:
    account = world.account("Ann's Bakery", promoted=True)
    bob = person(world, account, "Bob Bread", Email="bob@bread.example")
    world.customer("Ann's Bakery", Contacts=[theirs])
    world.sync(2)
    assert len(world.in_books("Ann's Bakery")["ContactsRet"]) == 1
    assert contacts_of(world, account) == ["Bob Bread"]
    assert world.crm.record("contact", bob).values["QB_ListID__c"]


def test_people_of_one_name_at_two_customers_are_two(world: World) -> None:
    for name in ("Ann's Bakery", "Zoe's Zoo"):
        account = world.account(name, promoted=True)
        person(world, account, "Bob Bread", Email="bob@bread.example")
    world.sync(2)
    assert names(world, "Ann's Bakery") == names(world, "Zoe's Zoo") == ["Bob Bread"]


# --- nothing twice ---


@pytest.mark.parametrize("fault", ["lose_answer", "kill_connector_before", "never arrives"])
def test_a_contact_is_made_once_whatever_becomes_of_the_answer(world: World, fault: str) -> None:
    account, _ = bakery(world)
    person(world, account, "Bob Bread")
    armed: list[str] = []

    def arm(document: str) -> None:
        if "ContactsMod" in document and not armed:
            armed.append(document)
            if fault == "never arrives":
                raise Killed("the PC was switched off")
            if fault == "lose_answer":
                return
            world.company.faults.arm(fault, method="receiveResponseXML")

    world.on_document = arm
    if fault == "lose_answer":
        world.company.faults.arm("lose_answer", holding="ContactsMod")
    world.sync()
    world.quiet()
    assert names(world, "Ann's Bakery") == ["Bob Bread"]
    assert contacts_of(world, account) == ["Ann Baker", "Bob Bread"]


def test_an_unlinked_contact_stays_apart(world: World) -> None:
    _, [bob] = bakery(world, "Bob Bread")
    [link] = [one for one in world.links() if one.crm_id == bob]
    world.unlink(link)
    world.sync()
    edit(world, bob, LastName="Butter")
    world.sync(2)
    assert names(world, "Ann's Bakery") == ["Bob Bread"]
    assert shown(world, bob)[0] == "Unlinked"
    assert len(world.crm.rows("contact")) == 2


def test_a_contact_removed_in_quickbooks_is_remembered_and_stays_in_the_crm(world: World) -> None:
    _, [bob, _] = bakery(world, "Bob Bread", "Carl Cake")
    customer = world.in_books("Ann's Bakery")
    kept = [one for one in customer["ContactsRet"] if one["FirstName"] == "Carl"]
    ids = [{name: one[name] for name in ("ListID", "EditSequence", "FirstName")} for one in kept]
    world.edit_customer(customer["ListID"], ContactsMod=ids)
    world.sync(2)
    assert names(world, "Ann's Bakery") == ["Carl Cake"]
    assert not world.crm.record("contact", bob).deleted


# --- what cannot be ---


def test_the_contacts_of_a_customer_that_went_without_a_word_are_gone_with_it(world: World) -> None:
    account, _ = bakery(world, "Bob Bread")
    list_id = str(world.in_crm(account)["QB_ListID__c"])
    world.clock.advance(hours=3)
    world.customer("Newest")
    world.sync()
    without_a_word(world, list_id)
    compare_keys(world)
    world.sync(2)
    with world.database.read() as tx:
        assert records.holders(tx, "co", "books", "Contacts", "customer", list_id) == []


def test_below_qbxml_12_only_the_primary_contact_goes_and_a_promoted_one_is_told_why(build: Build) -> None:
    world = build(override={"kinds": KINDS}, highest_version="8.0")
    account = world.account("Ann's Bakery", promoted=True, contact="Ann Baker")
    bob = person(world, account, "Bob Bread", QB_Link_Status__c="To be Linked")
    carl = person(world, account, "Carl Cake")
    world.sync(3)
    assert world.in_books("Ann's Bakery")["LastName"] == "Baker"
    assert shown(world, carl) == (None, None)
    status, error = shown(world, bob)
    assert status == "Error"
    assert "12.0" in error


# --- a customer of its own ---


def test_a_contact_without_an_account_becomes_a_customer(world: World) -> None:
    alone = person(world, None, "Cher Sarkisian", QB_Link_Status__c="To be Linked", Email="cher@pop.example")
    other = person(world, None, "Dave Nobody")
    world.sync(2)
    customer = world.in_books("Cher Sarkisian")
    assert (customer["FirstName"], customer["LastName"]) == ("Cher", "Sarkisian")
    assert shown(world, alone) == ("Success", None)
    assert shown(world, other) == (None, None)
    assert (world.names_in_books(), world.names_in_crm()) == (["Cher Sarkisian"], [])
    world.edit_customer(customer["ListID"], Phone="555-0107")
    edit(world, alone, LastName="Bono", Name="Cher Bono")
    world.sync(2)
    assert world.in_books("Cher Bono")["LastName"] == "Bono"
    assert world.crm.record("contact", alone).values["Phone"] == "555-0107"
    assert world.names_in_crm() == []


@pytest.mark.parametrize(
    ("override", "customers"),
    [
        ({"crm_filter": None}, ["Ann's Bakery", "Ann's Bakery:Bob Bread"]),
        (
            {"crm_filter": None, "remove": [{"crm": "AccountId", "books": "ParentRef/ListID"}]},
            ["Bob Bread"],
        ),
    ],
    ids=["as jobs of the account's customer", "as customers of their own"],
)
def test_contacts_become_what_the_override_says(
    build: Build, override: dict[str, Any], customers: list[str]
) -> None:
    world = build(override={"kinds": {"contact_customer": ON | override}})
    account = world.account("Ann's Bakery")
    bob = person(world, account, "Bob Bread", QB_Link_Status__c="To be Linked")
    world.sync(3)
    assert world.names_in_books() == customers
    assert shown(world, bob) == ("Success", None)
    world.quiet()
    assert world.names_in_books() == customers


# --- the required key (S3.13) ---


def test_a_record_without_the_required_key_is_left_alone_and_says_so(build: Build) -> None:
    need = ON | {"match": ["id", "email"], "required_key": "email"}
    world = build(override={"kinds": {"contact_customer": need}})
    without = person(world, None, "Cher Sarkisian", QB_Link_Status__c="To be Linked")
    world.sync(2)
    status, error = shown(world, without)
    assert (status, world.names_in_books()) == ("Error", [])
    assert "Email is empty" in error
    edit(world, without, Email="cher@pop.example")
    world.sync(2)
    assert shown(world, without) == ("Success", None)
    assert world.names_in_books() == ["Cher Sarkisian"]


def test_records_are_matched_by_e_mail_where_the_override_says_so(build: Build) -> None:
    need = ON | {"match": ["id", "email"], "required_key": "email"}
    world = build(override={"kinds": {"contact_customer": need}})
    list_id = world.customer("Sarkisian, Cher", Email="cher@pop.example")
    contact = person(
        world, None, "Cher Sarkisian", QB_Link_Status__c="To be Linked", Email="Cher@Pop.example"
    )
    world.sync(2)
    assert world.crm.record("contact", contact).values["QB_ListID__c"] == list_id
    assert len(world.names_in_books()) == 1


BY_E_MAIL = {"kinds": {"account": {"match": ["id", "email"], "required_key": "email"}}}


def mail(world: World, account: str, address: str) -> None:
    world.edit_contact_of(account, Email=address)


def test_an_account_is_matched_by_the_e_mail_of_its_primary_contact(build: Build) -> None:
    world = build(override=BY_E_MAIL)
    account = world.account("Ann's Bakery", promoted=True, contact="Ann Baker")
    mail(world, account, "Ann@Bakery.example")
    list_id = world.customer("Bakery of Ann", Email="ann@bakery.example")
    other = world.customer("Zoe's Zoo", Email="zoe@zoo.example", LastName="Zook")
    world.sync(2)
    assert world.in_crm(account)["QB_ListID__c"] == list_id
    zoo = world.account_named("Zoe's Zoo")
    assert (world.in_crm(zoo)["QB_ListID__c"], world.contact_of(zoo)["Email"]) == (other, "zoe@zoo.example")


def test_a_customer_meets_the_account_whose_contact_has_its_e_mail(build: Build) -> None:
    world = build(override=BY_E_MAIL)
    account = world.account("Ann's Bakery", contact="Ann Baker")
    mail(world, account, "ann@bakery.example")
    world.sync(2)
    list_id = world.customer("Bakery of Ann", Email="ann@bakery.example")
    world.sync(2)
    assert (world.in_crm(account)["QB_ListID__c"], world.names_in_crm()) == (list_id, ["Ann's Bakery"])


def test_without_an_e_mail_neither_side_takes_the_other(build: Build) -> None:
    world = build(override=BY_E_MAIL)
    account = world.account("Ann's Bakery", promoted=True, contact="Ann Baker")
    world.customer("Zoe's Zoo")
    world.sync(2)
    status, error = world.status(account)
    assert (status, world.names_in_books(), world.names_in_crm()) == (
        "Error",
        ["Zoe's Zoo"],
        ["Ann's Bakery"],
    )
    assert "PrimaryContact.Email is empty" in error
    mail(world, account, "ann@bakery.example")
    world.sync(2)
    assert world.status(account) == ("Success", None)
    assert "Ann's Bakery" in world.names_in_books()


def test_two_accounts_with_one_e_mail_wait_for_a_person(build: Build) -> None:
    world = build(override=BY_E_MAIL)
    for name in ("Ann's Bakery", "Ann's Cafe"):
        account = world.account(name, promoted=True, contact="Ann Baker")
        mail(world, account, "ann@bakery.example")
    world.customer("Bakery of Ann", Email="ann@bakery.example")
    world.sync(2)
    assert world.names_in_books() == ["Bakery of Ann"]
    assert [world.status(world.account_named(name))[0] for name in ("Ann's Bakery", "Ann's Cafe")] == [
        "Error",
        "Error",
    ]
