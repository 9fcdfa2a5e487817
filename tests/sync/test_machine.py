"""Anything in any order: users of both sides, visits, polls, deliveries, lost answers and dying processes.

Whatever happened, once everything has come to rest both sides agree or say why they do not, nothing exists
twice, nothing vanished that nobody deleted, and a further round writes nothing.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from qbwc_server.simulator import SimulatorError
from qbwc_server.store import history, links
from qbwc_server.store.rows import Link
from tests.databases import Databases
from tests.sync.world import Killed, World, world_in

# Set to look for new trouble: more runs, in another order each time, and the smallest failing one is sought.
SEARCH = int(os.environ.get("QBWC_SEARCH", "0"))

NAMES = st.sampled_from(
    ["Ann's Bakery", "Anns Bakery", "Bob's Garage", "Carl", "Dora & Co", "Emil 1", "Emil 2"]
)
TEXTS = st.sampled_from(["555-0001", "555-0002", "555-0003", None])
# Account field, path of the customer.
OWN = {"Phone": "Phone", "Fax": "Fax", "BillingCity": "BillAddress/City", "Description": "Notes"}
PERSON = {"FirstName": "FirstName", "LastName": "LastName", "Email": "Email"}
WHICH = st.integers(0, 5)
WRITES = st.sampled_from(["CustomerAddRq", "CustomerModRq"])
CALLS = st.sampled_from(["update", "create", "read"])
STUCK = ("refused", "needs_person", "in_doubt", "proposed", "blocked")


class Connection(RuleBasedStateMachine):
    """One connection under everything that can happen to it."""

    def __init__(self, databases: Databases) -> None:
        super().__init__()
        self.stack = ExitStack()
        home = Path(self.stack.enter_context(TemporaryDirectory(prefix="qbwc-machine-")))
        url = self.stack.enter_context(databases.migrated(home))
        self.world: World = self.stack.enter_context(world_in(home, url))
        self.promoted: set[str] = set()
        self.made_by_users: set[str] = set()
        self.deleted_accounts: set[str] = set()
        self.entered: set[str] = set()
        self.deleted_customers: set[str] = set()

    @initialize(
        accounts=st.lists(st.tuples(NAMES, TEXTS, st.booleans()), min_size=1, max_size=3),
        customers=st.lists(st.tuples(NAMES, TEXTS, st.booleans()), min_size=1, max_size=3),
        rounds=st.integers(0, 2),
    )
    def begin(self, accounts: list[Any], customers: list[Any], rounds: int) -> None:
        """From first contact to pairs at rest."""
        for name, phone, contact in accounts:
            self.user_makes_account(name=name, phone=phone, promoted=True, contact=contact)
        for name, phone, person in customers:
            self.user_enters_customer(name=name, phone=phone, person=person)
        self.world.sync(rounds)

    # --- users of the CRM ---

    @rule(name=NAMES, phone=TEXTS, promoted=st.booleans(), contact=st.booleans())
    def user_makes_account(self, name: str, phone: str | None, promoted: bool, contact: bool) -> None:
        account = self.world.account(
            name, promoted=promoted, Phone=phone, contact="Ann Baker" if contact else ""
        )
        self.made_by_users.add(account)
        if promoted:
            self.promoted.add(account)

    @rule(which=WHICH, field=st.sampled_from(["Name", *OWN, "FirstName", "Email"]), text=TEXTS, name=NAMES)
    def user_edits_account(self, which: int, field: str, text: str | None, name: str) -> None:
        if account := self._account(which):
            self._edit(account, field, name if field == "Name" else text)

    def _edit(self, account: str, field: str, text: str | None) -> None:
        if field not in PERSON:
            self.world.edit_account(account, **{field: text})
        elif self.world.in_crm(account)["QB_Primary_Contact__c"]:
            self.world.edit_contact_of(account, **{field: text})

    @rule(which=WHICH)
    def user_promotes(self, which: int) -> None:
        if account := self._account(which):
            self.world.promote(account)
            self.promoted.add(account)

    @rule(which=WHICH)
    def user_deletes_account(self, which: int) -> None:
        if account := self._account(which):
            self.world.delete_account(account)
            self.deleted_accounts.add(account)

    # --- users of QuickBooks ---

    @rule(name=NAMES, phone=TEXTS, person=st.booleans())
    def user_enters_customer(self, name: str, phone: str | None, person: bool) -> None:
        values = {"FirstName": "Joe", "LastName": "Doe"} if person else {}
        if phone:
            values["Phone"] = phone
        with suppress(SimulatorError):  # the name is in use
            self.entered.add(self.world.customer(name, **values))

    @rule(
        which=WHICH,
        field=st.sampled_from(["Name", "Phone", "Fax", "City", "Notes", "FirstName", "Email"]),
        text=TEXTS,
        name=NAMES,
    )
    def user_edits_customer(self, which: int, field: str, text: str | None, name: str) -> None:
        if customer := self._customer(which):
            value: Any = name if field == "Name" else text or ""
            values = {"BillAddress": {"City": value}} if field == "City" else {field: value}
            with suppress(SimulatorError):  # the name is in use
                self.world.edit_customer(customer, **values)

    @rule(which=WHICH)
    def user_deletes_customer(self, which: int) -> None:
        if customer := self._customer(which):
            self.world.delete_customer(customer)
            self.deleted_customers.add(customer)

    # --- our parts ---

    @rule()
    def poll(self) -> None:
        self.world.poll()

    @rule()
    def deliver(self) -> None:
        self.world.deliver()

    @rule()
    def visit(self) -> None:
        self.world.visit()

    @rule(minutes=st.integers(1, 90))
    def sync(self, minutes: int) -> None:
        self.world.clock.advance(minutes=minutes)
        self.world.sync()

    # --- trouble ---

    @rule(request=WRITES)
    def an_answer_is_lost(self, request: str) -> None:
        self.world.poll()
        self.world.company.faults.arm("lose_answer", holding=request)
        self.world.visit()
        self.world.company.faults.clear()

    @rule(request=WRITES, carried_out=st.booleans())
    def the_pc_dies(self, request: str, carried_out: bool) -> None:
        def die() -> None:
            if not carried_out:
                raise Killed("the PC died")
            self.world.company.faults.arm("kill_connector_before", method="receiveResponseXML")

        self.world.poll()
        self._visit_with(request, die)
        self.world.company.faults.clear()

    def _visit_with(self, request: str, act: Callable[[], None]) -> None:
        """A visit in which something happens just before QuickBooks gets a request of this kind."""

        def watch(document: str) -> None:
            if request in document:
                self.world.on_document = lambda _: None
                act()

        self.world.on_document = watch
        self.world.visit()
        self.world.on_document = lambda _: None

    @rule(requests=st.integers(1, 2))
    def quickbooks_dies_in_a_set(self, requests: int) -> None:
        self.world.poll()
        self.world.company.faults.arm("break_after", requests=requests, holding="CustomerAddRq")
        self.world.visit()
        self.world.company.faults.clear()

    @rule(
        after=st.sampled_from(
            ["create account", "create contact", "update account", "update contact", "read account"]
        )
    )
    def the_worker_dies(self, after: str) -> None:
        self.world.visit()
        self.world.killed_delivery(after)

    @rule(which=WHICH, field=st.sampled_from(["Name", "Phone"]), text=TEXTS, name=NAMES, call=CALLS)
    def user_edits_while_we_write(
        self, which: int, field: str, text: str | None, name: str, call: str
    ) -> None:
        def edit() -> None:
            if account := self._account(which):
                self._edit(account, field, name if field == "Name" else text)

        self.world.line.before[call] = [edit]
        self.world.deliver()
        self.world.line.before.clear()

    @rule(which=WHICH, text=TEXTS)
    def user_edits_while_quickbooks_is_written(self, which: int, text: str | None) -> None:
        def edit() -> None:
            if customer := self._customer(which):
                self.world.edit_customer(customer, Phone=text or "")

        self.world.poll()
        self._visit_with("CustomerModRq", edit)

    def _account(self, which: int) -> str:
        """One of the living accounts, whoever made it; "" when there is none."""
        found = sorted(row.id for row in self.world.crm.rows("account"))
        return found[which % len(found)] if found else ""

    def _customer(self, which: int) -> str:
        found = [str(one["ListID"]) for one in self.world.company.customers()]
        return found[which % len(found)] if found else ""

    # --- what must hold ---

    @rule()
    def all_is_well(self) -> None:
        world = self.world
        world.quiet()
        before = (world.crm.writes, world.books_writes())
        world.clock.advance(minutes=61)
        world.sync()
        assert (world.crm.writes, world.books_writes()) == before, "a round at rest wrote something"
        self.nothing_vanished()
        self.nothing_is_double()
        self.pairs_agree_or_say_why_not()
        self.nobody_is_forgotten()

    def nothing_vanished(self) -> None:
        counts = self.world.company.counts()
        assert counts.get("ListDel", 0) == 0
        living = {one["ListID"] for one in self.world.company.customers()}
        assert self.entered - self.deleted_customers <= living
        accounts = {row.id for row in self.world.crm.rows("account")}
        assert self.made_by_users - self.deleted_accounts <= accounts

    def nothing_is_double(self) -> None:
        world = self.world
        assert world.company.counts().get("CustomerAdd", 0) <= len(self.promoted)
        ours = [row for row in world.crm.rows("account") if row.id not in self.made_by_users]
        keys = [row.values["QB_SyncKey__c"] for row in ours]
        assert len(keys) == len(set(keys))
        sources = {str(key).rsplit(":", 1)[-1] for key in keys}
        assert sources <= self.entered, "an account was made from a customer that nobody entered"
        lists = [row.values.get("QB_ListID__c") for row in world.crm.rows("account")]
        held = [one for one in lists if one]
        assert len(held) == len(set(held))

    def pairs_agree_or_say_why_not(self) -> None:
        world = self.world
        living = {one["ListID"]: one for one in world.company.customers()}
        accounts = {row.id for row in world.crm.rows("account")}
        for link in world.links():
            if link.unlinked_at is None and link.crm_id in accounts and link.books_id in living:
                self.agrees(link, world.in_crm(str(link.crm_id)), living[link.books_id])

    def agrees(self, link: Link, account: Mapping[str, Any], customer: Mapping[str, Any]) -> None:
        person = self.world.contact_of(str(link.crm_id)) if account["QB_Primary_Contact__c"] else {}
        values = {"Name > Name": (account["Name"], customer.get("Name"))}
        values |= {f"{crm} > {path}": (account[crm], at(customer, path)) for crm, path in OWN.items()}
        values |= {
            f"PrimaryContact.{crm} > {path}": (person.get(crm), at(customer, path))
            for crm, path in PERSON.items()
        }
        excused = self.said(link)
        for name, (crm, books) in values.items():
            differ = crm and books and " ".join(crm.split()) != " ".join(books.split())
            missing = bool(crm) != bool(books) and not self.emptied(link, name)
            assert not (differ or missing) or name in excused or "*" in excused, (name, crm, books, link)
        stuck = self.stuck(link)
        if not stuck and not self.conflicts(link):
            status, text = self.world.status(str(link.crm_id))
            nameless = not (person or customer.get("LastName")) and any(
                at(customer, path) for path in PERSON.values()
            )
            assert (status, (text or "").startswith("Only in QuickBooks: ")) == ("Success", nameless)
            assert nameless or not text
        elif self.conflicts(link):
            assert self.world.status(str(link.crm_id))[0] == "Error"

    def emptied(self, link: Link, name: str) -> bool:
        """One side was emptied later: both had a value when they last agreed, and an empty one overwrites nothing."""
        return bool((link.base_crm or {}).get(name)) and bool((link.base_books or {}).get(name))

    def said(self, link: Link) -> set[str]:
        """Fields about which a conflict or a held decision is on record; "*" when the whole pair waits for somebody."""
        with self.world.database.read() as tx:
            decisions = history.decisions_about(tx, link_id=link.id)
        held = {one["field"] for each in decisions for one in each["fields"] if one["outcome"] == "held"}
        return self.conflicts(link) | held | ({"*"} if self.stuck(link) else set())

    def conflicts(self, link: Link) -> set[str]:
        with self.world.database.read() as tx:
            return set(links.open_conflicts(tx, "con", link.id))

    def stuck(self, link: Link) -> bool:
        return any(job.link_id == link.id for job in self.world.jobs(*STUCK))

    def nobody_is_forgotten(self) -> None:
        world = self.world
        assert world.jobs("offered") == []
        for account in self.promoted - self.deleted_accounts:
            status, text = world.status(account)
            assert status in ("Success", "Error") or text, (account, status, text)
            assert status != "Error" or text
        bound = {link.books_id for link in world.links() if link.crm_id}
        for customer in world.company.customers():
            list_id = customer["ListID"]
            assert list_id in bound or world.decisions(list_id), f"nothing is said about {customer['Name']}"

    def teardown(self) -> None:
        try:
            self.all_is_well()
        finally:
            self.stack.close()


def at(customer: Mapping[str, Any], path: str) -> str | None:
    value: Any = customer
    for name in path.split("/"):
        value = (value or {}).get(name)
    return value


SETTINGS = settings(
    max_examples=SEARCH or 20,
    stateful_step_count=25,
    deadline=None,
    derandomize=not SEARCH,
    database=None,
    phases=(Phase.generate, Phase.shrink) if SEARCH else (Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


def test_whatever_happens_in_whatever_order_all_is_well_when_all_is_quiet(databases: Databases) -> None:
    run_state_machine_as_test(lambda: Connection(databases), settings=SETTINGS)
