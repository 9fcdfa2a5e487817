"""One company and its CRM, from the person's chair: everything of one scenario, so that scenarios share processes only.

The Salesforce organisation, the company file and the Web Connector live in the test; the product runs in the house.
"""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, update

from crm.emulators.salesforce import SalesforceEmulator
from qbwc_server import secrets
from qbwc_server.simulator import CompanyFile, Options, UpdateResult, WebConnector
from qbwc_server.soap.qwc import OWNER_ID, build_qwc
from qbwc_server.store import history, jobs, links, parties, records, tables
from qbwc_server.store.rows import LinkJob, MessageSet
from qbwc_server.store.tables import OPEN_STATES, connections
from qbwc_server.sync.crm_delivery import COLLECT_MOST
from qbwc_server.sync.person import By, NewCompany, NewConnection, add_company, add_connection
from tests.crash.house import House
from tests.crash.processes import eventually
from tests.crash.relay import Moment, Relay, Request, Strike
from tests.crash.traps import ENDING, SETTLING, trap

PASSWORD = "pass"
ACCOUNTS = 4
# In QuickBooks before anything is synchronized: two that the CRM does not know, and one that is an account already.
CUSTOMERS = (
    {"Name": "Harbor Bakery", "Phone": "(212) 555-0101", "FirstName": "Ruth", "LastName": "Patel"},
    {
        "Name": "Stonework Partners",
        "BillAddress": {"Addr1": "12 Oak Avenue", "City": "Tucson", "State": "AZ"},
    },
)
TWIN = "Abbott Security & Sons"
MOST_UPDATES = 8
SET_STATES = ("offered", "in_doubt", "settled", "cleared", "given_up")

TRIGGERS = {Moment.ENDING: ENDING, Moment.STORING: SETTLING.format(side="books")}


class Shop:
    """In business between `open` and `close`."""

    def __init__(self, house: House, folder: Path, name: str, *, crm_relay: bool = False) -> None:
        self.house, self.name = house, name
        self.crm = SalesforceEmulator()
        self.crm.seed_accounts(ACCOUNTS, seed=1)
        self.crm_relay = Relay([int(self.crm.url.rpartition(":")[2])]) if crm_relay else None
        self.company = CompanyFile.create(
            folder / f"{name}.company", company_name=name, timezone="America/New_York"
        )
        for values in (*CUSTOMERS, {"Name": TWIN}):
            self.company.user_add(values)
        self.relay = Relay(house.ports)
        self.connector = WebConnector(folder / f"{name}.qbwc", self.company, Options(noop_seconds=0.1))
        self.company_id = self.connection_id = self.organisation_id = ""

    # --- opening and closing ---

    def open(self) -> None:
        self.crm.start()
        self.relay.start()
        if self.crm_relay:
            self.crm_relay.start()
        self.connect()
        url = f"http://localhost:{self.relay.port}"
        with self.house.database.read() as tx:
            company = parties.company(tx, self.company_id)
        assert company is not None
        self.connector.add(
            build_qwc(
                app_name=self.name,
                app_url=f"{url}/qbwc",
                support_url=f"{url}/support",
                user=company.user_name,
                owner_id=OWNER_ID,
                file_id=company.file_id,
                description="Crash tests",
                minutes=None,
            )
        )
        self.connector.password(self.name, PASSWORD)

    def connect(self) -> None:
        """The company and its connection, as a person sets them up. The worker polls the new organisation at once."""
        keys = self.house.installation.keys
        known = self.crm.credentials()
        sealed = keys.seal(json.dumps({name: known[name] for name in ("consumer_key", "consumer_secret")}))
        by = By("the test", datetime.now(UTC))
        password = secrets.hash_password(PASSWORD, keys, generated=True)
        url = f"http://127.0.0.1:{self.crm_relay.port}" if self.crm_relay else self.crm.url
        with self.house.database.write() as tx:
            company = add_company(tx, by, NewCompany(self.name, self.name, password, "America/New_York"))
            connection = add_connection(
                tx, by, NewConnection(self.name, company.id, "salesforce", url, sealed, "salesforce")
            )
        self.company_id, self.connection_id = company.id, connection.id
        self.organisation_id = connection.organisation_id

    def close(self) -> None:
        if self.company_id:
            self._leave()
        for relay in (self.relay, self.crm_relay):
            if relay:
                relay.stop()
        self.crm.stop()
        self.company.close()

    def _leave(self) -> None:
        """The worker finishes with this CRM and forgets it: nothing of this test disturbs the next one."""
        with suppress(AssertionError):
            eventually("the worker has done its part", self._worker_is_done, seconds=5)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        with self.house.database.write() as tx:
            parties.change_organisation(tx, self.organisation_id, retry_at=tomorrow)
            tx.execute(delete(connections).where(connections.c.id == self.connection_id))

    # --- what a person does ---

    def update(self) -> UpdateResult:
        """Update Selected, and time for the worker to carry out what follows from it."""
        result = self.update_only()
        self.settle()
        return result

    def update_only(self) -> UpdateResult:
        (result,) = self.connector.update([self.name])
        return result

    def update_until_quiet(self) -> UpdateResult:
        """Update Selected again and again, until it changes nothing any more; the last result."""
        for _ in range(MOST_UPDATES):
            before = self._footprint()
            result = self.update()
            assert result.ok, result
            if self._footprint() == before:
                return result
        raise AssertionError(f"{MOST_UPDATES} updates were not enough: {before}")

    def edit_both_sides(self) -> None:
        """Somebody changes an account and somebody else a customer, and the CRM is read."""
        ids = {str(row["Name"]): str(row["Id"]) for row in self.crm.records("Account")}
        self.crm.edit(ids[TWIN], {"Phone": "(646) 555-0142", "BillingCity": "Albany"})
        customer = next(one for one in self.company.customers() if one["Name"] == CUSTOMERS[0]["Name"])
        self.company.user_edit(str(customer["ListID"]), {"Fax": "(212) 555-0102", "LastName": "Patel-Ruiz"})
        with self.house.database.write() as tx:
            parties.want_poll(tx, self.company_id, datetime.now(UTC))
        self.settle()

    def wait_no_longer(self) -> None:
        """Jobs that wait for their next attempt are due now: that time is skipped."""
        now = datetime.now(UTC)
        with self.house.database.write() as tx:
            for job in jobs.all_jobs(tx, [self.connection_id], states=("queued",)):
                jobs.change_job(tx, job.id, now, due_at=now)
        self.settle()

    def nothing_is_under_way(self) -> None:
        """Sets that nobody answered left so long ago that no PC can have them in hand: that time is skipped."""
        with self.house.database.write() as tx:
            for one in jobs.sets_in_state(tx, self.company_id, "in_doubt"):
                long_ago = one.offered_at - timedelta(hours=1)
                jobs.change_set(tx, self.company_id, one.set_id, offered_at=long_ago)

    def no_more_is_collected(self) -> None:
        """While a visit goes on, and a dead one seems to, writes to the CRM wait for more: that time is skipped."""
        long_ago = datetime.now(UTC) - COLLECT_MOST
        mine = tables.links.c.connection_id == self.connection_id
        with self.house.database.write() as tx:
            tx.execute(update(tables.links).where(mine).values(changed_at=long_ago))

    def settle(self) -> None:
        eventually("the worker has done its part", self._worker_is_done)

    def wait_for_first_poll(self) -> None:
        """The CRM is known before the first visit, so that each run makes the same calls."""
        eventually("the first poll is over", lambda: self._organisation_field("polled_at"))

    def _worker_is_done(self) -> bool:
        """Nothing waits for a decision or a delivery, and the CRM was read since the last visit asked for it."""
        now = datetime.now(UTC)
        with self.house.database.read() as tx:
            organisation = parties.organisation(tx, self.organisation_id)
            undecided = records.waiting_for_decision(tx, [self.connection_id])
        assert organisation is not None
        read, wanted = organisation.polled_at, organisation.poll_wanted_at
        delivering = [
            job for job in self.jobs("queued", "offered") if job.side == "crm" and job.due_at <= now
        ]
        return bool(read and (not wanted or read >= wanted) and not undecided and not delivering)

    # --- what happens to it ---

    def strike(self, method: str, moment: Moment, when: Callable[[Request], bool] = lambda _: True) -> Strike:
        """At its next call of this method the server that holds it dies, and is started again."""
        head = TRIGGERS.get(moment)
        return self.relay.arm(
            Strike(
                lambda request: request.soap_method == method and when(request),
                moment,
                self.house.kill_server,
                trap(self.house.database.url, head.format(method=method)) if head else None,
            )
        )

    def strike_worker(self, aims: Callable[[Request], bool], moment: Moment) -> Strike:
        """At the next call to the CRM that `aims` accepts the worker dies, and is started again."""
        assert self.crm_relay is not None
        return self.crm_relay.arm(Strike(aims, moment, lambda _: self.house.kill_worker()))

    # --- looking ---

    def jobs(self, *states: str) -> list[LinkJob]:
        with self.house.database.read() as tx:
            return jobs.all_jobs(tx, [self.connection_id], states=states or OPEN_STATES)

    def labels(self, found: Iterable[LinkJob]) -> set[str]:
        """The names of the records that these jobs are about."""
        with self.house.database.read() as tx:
            about = [links.link(tx, self.connection_id, job.link_id) for job in found]
        return {link.label for link in about if link}

    def sets(self, *states: str) -> list[MessageSet]:
        """The sets of writes that were handed out, oldest first."""
        with self.house.database.read() as tx:
            return [
                one
                for state in states or SET_STATES
                for one in jobs.sets_in_state(tx, self.company_id, state)
            ]

    def answered(self, method: str) -> int:
        """How many calls of this method were answered so far: the answer's transaction was committed."""
        with self.house.database.read() as tx:
            found = history.find_exchanges(tx, company_id=self.company_id, limit=1000)
        return sum(one.method == method for one in found)

    def records_known(self, side: str, kind: str) -> int:
        """How many living records of a kind are stored."""
        scope_id = self.company_id if side == "books" else self.organisation_id
        with self.house.database.read() as tx:
            return records.count(tx, scope_id, side, kind)

    def writes_are_due(self, _: Request | None = None) -> bool:
        """Whether the next request of the visit will be a set of writes."""
        now = datetime.now(UTC)
        return any(job.side == "books" and job.due_at <= now for job in self.jobs("queued"))

    def made(self) -> dict[str, int]:
        """How many records the product made on either side; what people made is not counted."""
        books = {name: number for name, number in self.company.counts().items() if name.endswith("Add")}
        verbs = self.crm.counters.verbs
        return books | {name: number for name, number in verbs.items() if name.startswith("create")}

    def _footprint(self) -> tuple[object, ...]:
        with self.house.database.read() as tx:
            states = sorted((job.id, job.state) for job in jobs.all_jobs(tx, [self.connection_id]))
        return self.company.counts().get("CustomerMod", 0), self.made(), dict(self.crm.counters.verbs), states

    def _organisation_field(self, name: str) -> Any:
        with self.house.database.read() as tx:
            return getattr(parties.organisation(tx, self.organisation_id), name)
