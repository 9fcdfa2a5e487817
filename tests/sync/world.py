"""Both sides of a connection and everything between them, in one process and on one clock.

The CRM is the gateway in memory with the fields of the Salesforce profile, QuickBooks the simulated company file,
and the Web Connector a driver that calls the sessions in the order of the protocol, without HTTP.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crm.errors import CrmError, Unavailable
from crm.memory import MemoryGateway
from crm.port import (
    Capabilities,
    Check,
    FieldInfo,
    Gateway,
    Outcome,
    Page,
    Pass,
    Record,
    Value,
    Values,
    Write,
    Written,
)
from qbwc_server import mapping, secrets
from qbwc_server.secrets import Keys
from qbwc_server.simulator import CompanyFile
from qbwc_server.soap.operations import Sessions
from qbwc_server.soap.qwc import OWNER_ID
from qbwc_server.store import history, jobs, links, parties, records, visits
from qbwc_server.store.database import Database
from qbwc_server.store.job_states import JobEvent, after
from qbwc_server.store.rows import Company, ConnectionRow, Link, LinkJob, Organisation
from qbwc_server.sync.deciding import Desk, load_scope
from qbwc_server.sync.from_books import unlink
from qbwc_server.sync.visit import WORKER_LEASE
from qbwc_server.worker import tasks
from qbwc_server.worker.tasks import Background
from tests.sync.crm_fields import ACCOUNT, CONTACT, DOCUMENTS
from tests.sync.web_connector import Connector, Killed, Visited

START = datetime(2026, 3, 2, 15, 0, 0, tzinfo=UTC)
ZONE = "America/New_York"
FILE_ID = "{90A44FB5-33D9-4815-AC85-BC87A7E7D1EB}"
PC = "192.0.2.10"


class Clock:
    """Stands still until somebody lets it go on."""

    def __init__(self, start: datetime = START) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


class Line:
    """The line to the CRM: it can be down, die after a call, or let somebody act just before one."""

    def __init__(self, memory: MemoryGateway) -> None:
        self.memory = memory
        self.trouble: CrmError | None = None
        self.calls: list[str] = []
        self.kill_after: list[str] = []
        # Pages of a read until the line breaks; None: it holds.
        self.pages: int | None = None
        self.before: dict[str, list[Callable[[], None]]] = {}

    @property
    def capabilities(self) -> Capabilities:
        return self.memory.capabilities

    def check(self) -> Check:
        return self._through("check")

    def describe(self, kind: str) -> tuple[FieldInfo, ...]:
        return self._through("describe", kind)

    def prepare(self, passes: Sequence[Pass]) -> None:
        self.memory.prepare(passes)

    def changed_since(self, kind: str, fields: Sequence[str], watermark: str | None) -> Iterator[Page]:
        return self._broken_off(self._through("changed_since", kind, fields, watermark))

    def _broken_off(self, pages: Iterator[Page]) -> Iterator[Page]:
        for page in pages:
            if self.pages is not None:
                self.pages -= 1
                if self.pages < 0:
                    self.pages = None
                    raise Unavailable("The CRM broke off in the middle of an answer.")
            yield page

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> tuple[Record, ...]:
        return self._through("read", kind, ids, fields)

    def find(self, kind: str, field: str, value: Value, fields: Sequence[str]) -> tuple[Record, ...]:
        return self._through("find", kind, field, value, fields)

    def create(self, kind: str, values: Values, key: tuple[str, str] | None) -> Written:
        return self._through("create", kind, values, key)

    def update(self, kind: str, id: str, values: Values, if_version: str | None) -> Written:  # noqa: A002
        return self._through("update", kind, id, values, if_version)

    def write_many(
        self, kind: str, writes: Sequence[Write], fields: Sequence[str] = ()
    ) -> tuple[Outcome, ...]:
        """What may happen to a single write may happen to many: "create", "update" and "read" mean these, too."""
        if self.trouble is not None:
            raise self.trouble
        parts = sorted({"create" if one.id is None else "update" for one in writes})
        for act in [act for part in parts for act in self.before.pop(part, [])]:
            act()
        answer = self.memory.write_many(kind, writes, fields)
        self.calls += parts
        for name in [*parts, *(f"{part} {kind}" for part in parts)]:
            if name in self.kill_after:
                self.kill_after.remove(name)
                raise Killed(name)
        for act in self.before.pop("read", []):
            act()
        return answer

    def close(self) -> None:
        self.memory.close()

    def _through(self, name: str, *arguments: Any) -> Any:
        if self.trouble is not None:
            raise self.trouble
        for act in self.before.pop(name, []):
            act()
        answer = getattr(self.memory, name)(*arguments)
        self.calls.append(name)
        for one in (name, f"{name} {arguments[0]}" if arguments else name):
            if one in self.kill_after:
                self.kill_after.remove(one)
                raise Killed(one)
        return answer


class World:
    """One company, one organisation and their connection."""

    def __init__(
        self,
        home: Path,
        database: Database,
        *,
        override: Mapping[str, Any] | None = None,
        start: datetime = START,
        zone: str = ZONE,
        page_size: int = 200,
        pc_ahead: timedelta = timedelta(0),
        fields: Mapping[str, int] | None = None,
        documents: bool = False,
        highest_version: str = "13.0",
    ) -> None:
        """`pc_ahead`: how much the clock of QuickBooks' PC is ahead. `fields`: other lengths of account fields.

        With `documents` products, opportunities and invoices are synchronised as well.
        """
        self.clock, self.pc_ahead = Clock(start), pc_ahead
        self.home, self.database = home, database
        self.keys = Keys((secrets.new_key().encode(),))
        self.password = secrets.generate_password()
        self.account_fields = tuple(
            replace(one, length=(fields or {}).get(one.name, one.length)) for one in ACCOUNT
        )
        known = {"account": self.account_fields, "contact": CONTACT} | (DOCUMENTS if documents else {})
        self.crm = MemoryGateway(known, clock=self.clock, page_size=page_size)
        self.line = Line(self.crm)
        self.company = CompanyFile.create(
            home / "acme.sqlite",
            company_name="Acme Supplies",
            timezone=zone,
            highest_version=highest_version,
            clock=lambda: self.clock() + self.pc_ahead,
        )
        self.company.set_data_ext(OWNER_ID, "FileID", FILE_ID)
        # Called with every document just before QuickBooks gets it; may act as a person, or raise Killed.
        self.on_document: Callable[[str], None] = lambda _: None
        self.sessions = Sessions(database, self.keys, self.clock)
        self.background = Background(database, self.keys, self._gateway, self.clock)
        self._set_up(override if documents else _accounts_only(override), zone)

    def _gateway(self, vendor: str, url: str, credentials: Mapping[str, str]) -> Gateway:
        assert (vendor, url, credentials) == ("salesforce", "https://acme.example", {"key": "1"})
        return self.line

    def _set_up(self, override: Mapping[str, Any] | None, zone: str) -> None:
        now, nobody = self.clock(), None
        hashed = secrets.hash_password(self.password, self.keys, generated=True)
        company = Company(
            id="co",
            name="Acme",
            user_name="acme",
            password_hash=hashed,
            timezone=zone,
            company_file="",
            file_id=FILE_ID,
            pinned_name=nobody,
            pinned_path=nobody,
            pinned_at=nobody,
            qbxml_version=nobody,
            product=nobody,
            country=nobody,
            minimum_seconds=0,
            visit_minutes=None,
            created_at=now,
            last_visit_at=nobody,
        )
        organisation = Organisation(
            id="org",
            vendor="salesforce",
            url="https://acme.example",
            credentials=self.keys.seal(json.dumps({"key": "1"})),
            fields=nobody,
            poll_wanted_at=nobody,
            polled_at=nobody,
            poll_error=nobody,
            retry_at=nobody,
            failures=0,
            created_at=now,
        )
        changes = dict(override) if override else None
        with self.database.write() as tx:
            parties.add_company(tx, company)
            parties.add_organisation(tx, organisation)
            parties.add_connection(
                tx, ConnectionRow("con", "Acme", "org", "co", "salesforce", changes, None, now)
            )

    def close(self) -> None:
        self.company.close()

    # --- what people do in the CRM ---

    def account(self, name: str, *, promoted: bool = False, contact: str = "", **values: Any) -> str:
        """A new account; `contact` is the full name of its primary contact."""
        self.clock.advance(seconds=1)
        if promoted:
            values["QB_Link_Status__c"] = "To be Linked"
        account = self.crm.user_create("account", {"Name": name, **values})
        if contact:
            first, _, last = contact.rpartition(" ")
            person = self.crm.user_create(
                "contact", {"FirstName": first or None, "LastName": last, "AccountId": account}
            )
            self.crm.user_edit("account", account, {"QB_Primary_Contact__c": person})
        return account

    def edit_account(self, account: str, **values: Any) -> None:
        self.clock.advance(seconds=1)
        self.crm.user_edit("account", account, values)

    def edit_contact_of(self, account: str, **values: Any) -> None:
        self.clock.advance(seconds=1)
        self.crm.user_edit("contact", str(self.in_crm(account)["QB_Primary_Contact__c"]), values)

    def promote(self, account: str) -> None:
        self.edit_account(account, QB_Link_Status__c="To be Linked")

    def delete_account(self, account: str) -> None:
        self.clock.advance(seconds=1)
        self.crm.user_delete("account", account)

    # --- what people do in QuickBooks ---

    def customer(self, name: str, **values: Any) -> str:
        self.clock.advance(seconds=1)
        return self.company.user_add({"Name": name, **values})

    def edit_customer(self, list_id: str, **values: Any) -> None:
        self.clock.advance(seconds=1)
        self.company.user_edit(list_id, values)

    def delete_customer(self, list_id: str) -> None:
        self.clock.advance(seconds=1)
        self.company.user_delete(list_id)

    # --- what our parts do ---

    def poll(self) -> int:
        self.clock.advance(seconds=1)
        return tasks.poll(self.background, "org")

    def deliver(self) -> int:
        """Decide what waits and write what is due in the CRM, as a tick of the worker does."""
        self.clock.advance(seconds=1)
        tasks.decide(self.background, "org")
        return tasks.deliver(self.background, "org")

    def killed_delivery(self, after: str) -> None:
        """A worker that dies after a call to the CRM, and the next one that finds its work."""
        self.line.kill_after.append(after)
        with suppress(Killed):
            self.deliver()
        self.line.kill_after.clear()
        tasks.recover(self.background)

    def visit(self, *, address: str = PC, worker: bool = False) -> Visited:
        """One "Update Selected". With a `worker`, somebody answers the visit's wish for fresh CRM data."""
        self.clock.advance(seconds=1)
        if worker:
            self._hold_lease()
        return Connector(self, address, worker=worker).run()

    def _hold_lease(self) -> None:
        with self.database.write() as tx:
            visits.take_lease(tx, WORKER_LEASE, "test", self.clock(), self.clock() + timedelta(minutes=5))

    def sync(self, rounds: int = 1) -> Visited:
        """Poll, deliver, visit, deliver: what an ordinary interval brings."""
        visited = Visited()
        for _ in range(rounds):
            self.poll()
            self.deliver()
            visited = self.visit()
            self.deliver()
        return visited

    def quiet(self, most: int = 12) -> None:
        """Go on, hour by hour, until a round writes nothing and nothing waits for its time."""
        before = self.movement()
        for _ in range(most):
            self.clock.advance(minutes=61)
            self.sync()
            now = self.movement()
            if now == before and not self.waiting():
                return
            before = now
        raise AssertionError(f"still moving after {most} rounds: {self.waiting()} {before}")

    def movement(self) -> tuple[Any, ...]:
        """What a round changed: writes on either side, and the states of the jobs."""
        states = sorted((job.id, job.state) for job in self.jobs())
        return self.crm.writes, self.books_writes(), states

    def waiting(self) -> list[str]:
        """What would still go on by itself."""
        with self.database.read() as tx:
            undecided = records.waiting_for_decision(tx, ["con"])
        queued = [f"{job.side} {job.action} {job.error}" for job in self.jobs("queued")]
        return queued + ([f"{undecided} undecided"] if undecided else [])

    # --- what is to be seen ---

    def books_writes(self) -> int:
        counts = self.company.counts()
        return sum(counts.get(name, 0) for name in ("CustomerAdd", "CustomerMod", "ListDel"))

    def account_field(self, name: str, **changes: Any) -> FieldInfo:
        """A field of an account as an administrator would change it."""
        return replace(next(one for one in ACCOUNT if one.name == name), **changes)

    def in_crm(self, account: str) -> Mapping[str, Any]:
        return _whole(ACCOUNT, self.crm.record("account", account))

    def contact_of(self, account: str) -> Mapping[str, Any]:
        return _whole(CONTACT, self.crm.record("contact", str(self.in_crm(account)["QB_Primary_Contact__c"])))

    def in_books(self, name: str) -> dict[str, Any]:
        """A customer by ListID or FullName."""
        return self.company.customer(name)

    def names_in_crm(self) -> list[str]:
        return sorted(str(row.values["Name"]) for row in self.crm.rows("account"))

    def names_in_books(self) -> list[str]:
        return sorted(str(one["FullName"]) for one in self.company.customers())

    def account_named(self, name: str) -> str:
        [found] = [row.id for row in self.crm.rows("account") if row.values["Name"] == name]
        return found

    def status(self, account: str) -> tuple[Any, Any]:
        """What a person sees at the account: link status and error text."""
        values = self.in_crm(account)
        return values.get("QB_Link_Status__c"), values.get("QB_Sync_Error__c")

    def links(self) -> list[Link]:
        with self.database.read() as tx:
            return links.all_links(tx, ["con"])

    def link_of(self, account: str) -> Link | None:
        with self.database.read() as tx:
            return links.link_of_crm(tx, "con", "customer", "account", account)

    def jobs(self, *states: str, side: str = "") -> list[LinkJob]:
        with self.database.read() as tx:
            found = jobs.all_jobs(tx, ["con"], states=states, limit=10_000)
        return [job for job in found if side in ("", job.side)]

    def take(self, field: str, side: str) -> None:
        """A person's choice in the one open conflict about a field; decided at the next opportunity."""
        with self.database.write() as tx:
            [row] = [one for one in links.all_conflicts(tx, ["con"]) if one["field"].startswith(field)]
            row.pop("label")
            links.put_conflict(tx, row | {"taken": side})
            link = links.link(tx, "con", row["link_id"])
            assert link is not None
            records.mark_undecided(tx, "con", "crm", "account", [str(link.crm_id)], self.clock())

    def move_job(self, job: LinkJob, event: JobEvent) -> None:
        """What a person does to a job: approve, retry, cancel."""
        with self.database.write() as tx:
            jobs.change_job(tx, job.id, self.clock(), state=after(job.state, event), due_at=self.clock())

    def unlink(self, link: Link) -> None:
        with self.database.write() as tx:
            connection = parties.connection(tx, "con")
            assert connection is not None
            unlink(Desk(tx, load_scope(tx, connection), 0, self.clock()), link.id)

    def stop_connection(self, reason: str | None) -> None:
        with self.database.write() as tx:
            parties.change_connection(tx, "con", stopped_reason=reason)

    def confirm_file(self) -> None:
        """A person says that the file which is open now is the right one."""
        with self.database.write() as tx:
            parties.change_company(tx, "co", pinned_name=None, pinned_path=None, pinned_at=None)

    def stamp(self, file_id: str) -> None:
        """Put another FileID into the open company file."""
        self.company.set_data_ext(OWNER_ID, "FileID", file_id)

    def conflicts(self) -> list[dict[str, Any]]:
        with self.database.read() as tx:
            return links.all_conflicts(tx, ["con"])

    def suggestions(self) -> list[dict[str, Any]]:
        with self.database.read() as tx:
            return links.all_suggestions(tx, ["con"])

    def decisions(self, record_id: str) -> list[dict[str, Any]]:
        with self.database.read() as tx:
            return history.decisions_about(tx, record_id=record_id)

    def sets(self, state: str) -> list[Any]:
        with self.database.read() as tx:
            return jobs.sets_in_state(tx, "co", state)

    def watermark(self, side: str = "books", kind: str = "Customer") -> tuple[str | None, bool]:
        with self.database.read() as tx:
            return records.watermark(tx, "co" if side == "books" else "org", side, kind)

    def is_deleted(self, list_id: str) -> bool:
        """Whether we know that a customer is gone from QuickBooks."""
        with self.database.read() as tx:
            record = records.record(tx, "co", "books", "Customer", list_id)
        assert record is not None
        return record.deleted

    def organisation(self) -> Organisation:
        with self.database.read() as tx:
            found = parties.organisation(tx, "org")
        assert found is not None
        return found


def _accounts_only(override: Mapping[str, Any] | None) -> dict[str, Any]:
    """An override that switches all kinds but accounts off."""
    kinds = {
        one.name: {"mode": "off"} for one in mapping.load_profile("salesforce").kinds if one.name != "account"
    }
    given = dict(override or {})
    return given | {"kinds": kinds | dict(given.get("kinds", {}))}


def _whole(fields: Sequence[FieldInfo], record: Record) -> Mapping[str, Any]:
    """Every field of a record; a CRM shows the empty ones too."""
    return {one.name: record.values.get(one.name) for one in fields}


@contextmanager
def world_in(home: Path, url: str, **options: Any) -> Iterator[World]:
    """A world on a database that has its tables already."""
    database = Database(url)
    world = World(home, database, **options)
    try:
        yield world
    finally:
        world.close()
        database.close()
