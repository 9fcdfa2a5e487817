"""A real company, 146 customers and jobs as QuickBooks itself answered them, arrives in an empty CRM."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import delete

from crm.port import Record
from qbwc_server.store import records
from qbwc_server.store.tables import watermarks
from tests.databases import Databases
from tests.sync.sample_company import SOURCE, Customer, customers
from tests.sync.world import World, world_in

WRITING = ("Add", "Mod", "Del", "Void")
# What every write of ours to an account may move besides what it is about.
STAMPS = {"QB_EditSequence__c", "QB_Last_Sync__c"}


@dataclass(frozen=True)
class Arrived:
    """The world after the company arrived, and what both sides held at that moment, by ListID."""

    world: World
    accounts: Mapping[str, Record]
    contacts: Mapping[str, Mapping[str, Any]]
    written: int
    counts: Mapping[str, int]

    def account_of(self, customer: Customer) -> Record:
        return self.accounts[customer.list_id]

    def parent_of(self, account: Record) -> Record | None:
        by_id = {one.id: one for one in self.accounts.values()}
        above = account.values.get("ParentId")
        return by_id[str(above)] if above else None

    def full_name(self, account: Record) -> str:
        """Names from the top, found by walking up in the CRM."""
        above = self.parent_of(account)
        own = str(account.values["Name"])
        return f"{self.full_name(above)}:{own}" if above else own


@pytest.fixture(scope="module")
def arrived(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arrived]:
    """Made once for each kind of database, because all of it is a good part of a minute's work.

    What the tests look at is what it was then; only numbers of later writes are taken from the world itself.
    """
    if not SOURCE.is_file():
        pytest.skip("the sample company is not beside this checkout")
    home = tmp_path_factory.mktemp("sample")
    with databases.migrated(home) as url, world_in(home, url, documents=True) as world:
        world.company.load(SOURCE.read_bytes())
        world.quiet()
        yield Arrived(
            world,
            accounts_now(world),
            {one.id: one.values for one in world.crm.rows("contact")},
            world.crm.writes,
            world.company.counts(),
        )


def writes_to_books(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if name.endswith(WRITING)}


def new_writes(world: World, before: Mapping[str, int]) -> Counter[str]:
    return Counter(writes_to_books(world.company.counts())) - Counter(writes_to_books(before))


def jobs_below(parent: Customer) -> list[Customer]:
    return [one for one in customers() if one.parent == parent.list_id]


@pytest.mark.usefixtures("arrived")
def test_the_recording_is_the_company_that_these_tests_speak_of() -> None:
    everybody = customers()
    assert len(everybody) == len({one.list_id for one in everybody}) == 146
    assert len([one for one in everybody if one.parent]) == 82
    assert len({one.text("Email") for one in everybody} - {None}) == 63
    assert Counter(one.name for one in everybody)["Remodel"] == 10


def test_each_customer_and_job_becomes_an_account_of_its_own(arrived: Arrived) -> None:
    rows = arrived.accounts
    assert len(arrived.world.crm.rows("account")) == len(rows) == 146
    assert rows.keys() == {one.list_id for one in customers()}
    keys = {one.values["QB_SyncKey__c"] for one in rows.values()}
    assert len(keys) == 146
    assert {one.values["QB_Link_Status__c"] for one in rows.values()} == {"Success"}
    assert {one.values.get("QB_Sync_Error__c") for one in rows.values()} == {None}
    linked = {link.crm_id for link in arrived.world.links() if link.crm_kind == "account"}
    assert len(linked) == 146


def test_names_phones_addresses_notes_and_balances_are_those_of_quickbooks(arrived: Arrived) -> None:
    for customer in customers():
        expected = customer.account()
        held = arrived.account_of(customer).values
        assert {name: held.get(name) for name in expected} == expected, customer.full_name


def test_every_job_stands_below_its_customer_and_keeps_its_full_name(arrived: Arrived) -> None:
    for customer in customers():
        account = arrived.account_of(customer)
        above = arrived.parent_of(account)
        assert (above.values["QB_ListID__c"] if above else None) == customer.parent, customer.full_name
        assert arrived.full_name(account) == customer.full_name


def test_every_person_becomes_a_contact_of_their_account(arrived: Arrived) -> None:
    for customer in customers():
        account = arrived.account_of(customer)
        contact_id, expected = account.values.get("QB_Primary_Contact__c"), customer.contact()
        if expected is None:
            assert contact_id is None, customer.full_name
            continue
        contact = arrived.contacts[str(contact_id)]
        assert {name: contact.get(name) for name in expected} == expected, customer.full_name
        assert contact["AccountId"] == account.id
    primary = len([one for one in customers() if one.contact()])
    assert len(arrived.contacts) == primary + sum(len(one.others()) for one in customers()) == 145 + 38
    assert len({one.get("Email") for one in arrived.contacts.values()} - {None}) == 63


def test_every_further_contact_stands_at_its_account_under_an_id_of_its_own(arrived: Arrived) -> None:
    """Their ids differ in case only, now and then, and keys of a CRM know no case."""
    ids = [str(one["QB_ListID__c"]) for one in arrived.contacts.values() if one.get("QB_ListID__c")]
    assert len(set(ids)) == len(ids) == 38 > len({one.casefold() for one in ids})
    for customer in customers():
        account = arrived.account_of(customer)
        found = [
            " ".join(str(one[name]) for name in ("FirstName", "LastName") if one.get(name))
            for contact_id, one in arrived.contacts.items()
            if one["AccountId"] == account.id and contact_id != account.values.get("QB_Primary_Contact__c")
        ]
        assert sorted(found) == sorted(customer.others()), customer.full_name


def test_nothing_is_written_more_often_than_it_must_be(arrived: Arrived) -> None:
    # An account; where there is a person also the contact, and the account's reference to it.
    people, others = len([one for one in customers() if one.contact()]), 38
    assert arrived.written == 146 + 2 * people + others
    assert writes_to_books(arrived.counts) == {}
    assert arrived.world.conflicts() == arrived.world.suggestions() == []
    assert {job.state for job in arrived.world.jobs()} == {"settled"}


def test_a_second_run_writes_nothing_on_either_side(arrived: Arrived) -> None:
    world = arrived.world
    written, counts = world.crm.writes, world.company.counts()
    world.quiet()
    assert world.company.counts()["CustomerQuery"] > counts["CustomerQuery"]
    assert world.crm.writes == written
    assert new_writes(world, counts) == {}


def test_reading_and_deciding_everything_anew_writes_nothing_either(arrived: Arrived) -> None:
    world = arrived.world
    written, counts = world.crm.writes, world.company.counts()
    with world.database.write() as tx:
        tx.execute(delete(watermarks))
        records.mark_undecided(tx, "con", "books", "Customer", list(arrived.accounts), world.clock())
        ids = [one.id for one in arrived.accounts.values()]
        records.mark_undecided(tx, "con", "crm", "account", ids, world.clock())
    assert world.waiting() == ["292 undecided"]
    world.quiet()
    assert world.watermark()[1]
    assert world.crm.writes == written
    assert new_writes(world, counts) == {}


def test_ten_new_names_in_quickbooks_and_five_in_the_crm_are_ten_and_five_writes(arrived: Arrived) -> None:
    # Customers that have jobs, jobs that share a name, and somebody who stands above the street with a company.
    world = arrived.world
    above = [one for one in customers() if not one.parent and jobs_below(one)]
    of_a_company = [one for one in above if one.text("CompanyName") not in (None, one.name)]
    [both_names] = [one for one in of_a_company if one.name in one.names_above_street("BillAddress")]
    remodels = [one for one in customers() if one.name == "Remodel"]
    in_books, in_crm = above[-5:] + remodels[:5], [above[0], both_names, *remodels[-3:]]
    written, counts = world.crm.writes, world.company.counts()
    accounts, held = accounts_now(world), customers_now(world)

    for customer in in_books:
        world.edit_customer(customer.list_id, Name=f"{customer.name} 2")
    for customer in in_crm:
        world.edit_account(arrived.account_of(customer).id, Name=f"{customer.name} 3")
    world.quiet()

    assert world.crm.writes == written + 10
    assert new_writes(world, counts) == {"CustomerMod": 5}
    assert world.conflicts() == []
    for customer in in_books:
        account = accounts_now(world)[customer.list_id]
        assert account.values["Name"] == f"{customer.name} 2"
        assert changed_fields(accounts[customer.list_id], account) == {"Name", *STAMPS}
    for customer in in_crm:
        assert renamed_in_books(customer, f"{customer.name} 3", customers_now(world)[customer.list_id])
    renamed = {one.list_id for one in in_books + in_crm}
    assert len(renamed) == 15
    assert {
        key for key, one in accounts_now(world).items() if one.version != accounts[key].version
    } == renamed
    assert {
        key for key, one in customers_now(world).items() if one["EditSequence"] != held[key]["EditSequence"]
    } == renamed


def renamed_in_books(customer: Customer, name: str, held: Mapping[str, Any]) -> bool:
    """Whether QuickBooks has the new name, above the street too where the old one stood, and all else as it was."""
    assert held["Name"] == name
    assert held.get("ParentRef", {}).get("ListID") == customer.parent
    assert held.get("CompanyName") == customer.text("CompanyName")
    for address in ("BillAddress", "ShipAddress"):
        lines = [name if line == customer.name else line for line in customer.lines(address)]
        assert [held.get(address, {}).get(f"Addr{n}") for n in range(1, 1 + len(lines))] == lines
        assert f"Addr{len(lines) + 1}" not in held.get(address, {})
    return True


def accounts_now(world: World) -> dict[str, Record]:
    return {str(one.values["QB_ListID__c"]): one for one in world.crm.rows("account")}


def customers_now(world: World) -> dict[str, Mapping[str, Any]]:
    return {one["ListID"]: one for one in world.company.customers()}


def changed_fields(before: Record, after: Record) -> set[str]:
    names = before.values.keys() | after.values.keys()
    return {name for name in names if before.values.get(name) != after.values.get(name)}
