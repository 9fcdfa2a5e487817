"""The product as processes: servers and a worker behind relays, an emulated Salesforce, and SIGKILL at any moment."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from crm.emulators.salesforce import Fault, SalesforceEmulator
from crm.emulators.salesforce.errors import ApiError
from qbwc_server.store import jobs, parties
from tests.crash.house import House
from tests.crash.relay import Moment, Strike
from tests.crash.shop import Shop
from tests.fire.acts import ACTS, REFUSED, Row, Values
from tests.fire.inside import OVERRIDE
from tests.fire.ledger import Ledger
from tests.fire.persons import PERSONS
from tests.fire.steps import Step

OBJECTS = {
    "account": "Account",
    "contact": "Contact",
    "product": "Product2",
    "opportunity": "Opportunity",
    "invoice": "QB_Invoice__c",
}
EFFECTS = {
    "Unavailable": "unavailable",
    "UnknownOutcome": "drop",
    "LimitedUntil": "limit",
    "LoginFailed": "expire",
    "Stale": "lock",
}
PATIENCE = 20.0
QUIET_ROUNDS = 20
# A call of the worker that a fault hits: one of the next few.
SOON = 6
_numbers = count(1)


class EmulatorDesk:
    """Salesforce as its users see it. A price stands in a price book, lines below their opportunity."""

    def __init__(self, crm: SalesforceEmulator) -> None:
        self._crm = crm

    def rows(self, kind: str) -> list[Row]:
        living = [row for row in self._crm.records(OBJECTS[kind]) if not row.get("IsDeleted")]
        if kind != "product":
            return [(str(row["Id"]), dict(row)) for row in living]
        prices = {row["Product2Id"]: row["UnitPrice"] for row in self._crm.records("PricebookEntry")}
        return [(str(row["Id"]), {**row, "StandardPrice": prices.get(row["Id"])}) for row in living]

    def create(self, kind: str, values: Values, *, late: bool = False) -> str:
        if kind == "opportunity":
            return self._opportunity(values)
        made = self._crm.create(OBJECTS[kind], _without(values, "StandardPrice"))
        if kind == "product":
            entry = {"Pricebook2Id": self._book(), "Product2Id": made, "IsActive": True}
            self._crm.create("PricebookEntry", {**entry, "UnitPrice": Decimal(values["StandardPrice"])})
        return made

    def edit(self, kind: str, record_id: str, values: Values) -> None:
        if "StandardPrice" in values:
            entries = self._crm.records("PricebookEntry")
            entry = next(row for row in entries if row["Product2Id"] == record_id)
            self._crm.edit(str(entry["Id"]), {"UnitPrice": values["StandardPrice"]})
        else:
            self._crm.edit(record_id, values)

    def delete(self, kind: str, record_id: str) -> None:
        self._crm.delete(record_id)

    def _book(self) -> str:
        return next(str(row["Id"]) for row in self._crm.records("Pricebook2") if row["IsStandard"])

    def _opportunity(self, values: Values) -> str:
        """The lines first, the wish for a document last: half an opportunity is nobody's."""
        own = _without(values, "lines", "Amount", "Pricebook2.IsStandard", "QB_Generate__c")
        made = self._crm.create(
            "Opportunity", {**own, "CloseDate": str(own["CloseDate"]), "StageName": "Closed Won"}
        )
        entries = {row["Product2Id"]: row["Id"] for row in self._crm.records("PricebookEntry")}
        for number, line in enumerate(values["lines"], 1):
            entry = {
                "OpportunityId": made,
                "PricebookEntryId": entries[line["Product2Id"]],
                "SortOrder": number,
            }
            amounts = {"Quantity": line["Quantity"], "UnitPrice": line["UnitPrice"]}
            self._crm.create("OpportunityLineItem", {**entry, **amounts})
        self._crm.edit(made, {"QB_Generate__c": values["QB_Generate__c"]})
        return made


def _without(values: Values, *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


class FireShop(Shop):
    """A shop that sells: the accounts that items are sold over are named from the beginning."""

    def connect(self) -> None:
        super().connect()
        with self.house.database.write() as tx:
            parties.change_connection(tx, self.connection_id, override=OVERRIDE)


class Outside:
    """A shop in which steps are played."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.crm, self.company = shop, shop.crm, shop.company
        self.desk = EmulatorDesk(shop.crm)
        self.ledger = Ledger()
        self.visits = self.acts = self.accidents = 0
        self._deaths = sum(one.deaths for one in shop.house.processes)
        self._meanwhile: list[Step] = []
        self._threads: list[threading.Thread] = []
        self._acting = threading.Lock()

    @property
    def database(self) -> Any:
        return self.shop.house.database

    @property
    def connection_id(self) -> str:
        return self.shop.connection_id

    @property
    def deaths(self) -> int:
        return sum(one.deaths for one in self.shop.house.processes) - self._deaths

    def moment(self) -> None:
        """Real time goes on by itself."""

    # --- playing ---

    def play(self, step: Step) -> None:
        machine = MACHINES.get(step.verb)
        if machine is not None:
            machine(self, **step.given)
            return
        act = {**ACTS, **PERSONS}[step.verb]
        with suppress(*REFUSED, ApiError), self._acting:
            act(self, self.ledger, **step.given)
            self.acts += 1

    def visit(self, pc: int = 1, worker: bool = False) -> None:
        """Update Selected; meanwhile people act."""
        self.visits += 1
        acting = threading.Thread(target=self._act_meanwhile, args=(self._meanwhile,))
        self._meanwhile = []
        acting.start()
        self.shop.update_only()
        acting.join()

    def _act_meanwhile(self, steps: list[Step]) -> None:
        for one in steps:
            time.sleep(0.03)
            if one.verb != "visit":
                self.play(one)

    def later(self, act: list[Any], **_: Any) -> None:
        self._meanwhile.append(Step(*act))

    def want_poll(self) -> None:
        with self.database.write() as tx:
            parties.want_poll(tx, self.shop.company_id, datetime.now(UTC))

    def let_the_worker_work(self, seconds: float = 3) -> None:
        with suppress(AssertionError):
            until = time.monotonic() + seconds
            while not self.shop._worker_is_done() and time.monotonic() < until:
                time.sleep(0.02)

    def skip_time(self) -> None:
        """What waits for its time is due, and whoever was silent was so long ago."""
        now = datetime.now(UTC)
        with self.database.write() as tx:
            for job in jobs.all_jobs(tx, [self.connection_id], states=("queued",), limit=10_000):
                jobs.change_job(tx, job.id, now, due_at=now)
            for one in jobs.sets_in_state(tx, self.shop.company_id, "in_doubt", "offered"):
                long_ago = one.offered_at - timedelta(hours=1)
                jobs.change_set(tx, self.shop.company_id, one.set_id, offered_at=long_ago)
            parties.change_organisation(tx, self.shop.organisation_id, retry_at=None)

    # --- what goes wrong ---

    def arm(self, name: str, arguments: Mapping[str, Any], nth: int = 1) -> None:
        self.accidents += 1
        if name != "delay_call":
            self.company.faults.arm(name, nth=nth, **arguments)

    def fail_write(self, error: str, after: bool) -> None:
        self.accidents += 1
        self.crm.arm(Fault(EFFECTS[error], nth=1 + self.accidents % SOON, after_commit=after))

    def down(self, error: str) -> None:
        self.accidents += 1
        self.crm.arm(Fault(EFFECTS[error], times=2))

    def break_off(self, pages: int) -> None:
        self.accidents += 1
        self.crm.arm(Fault("server_error", "query*", nth=pages + 1))

    def kill(self, transaction: int, committed: bool) -> None:
        """SIGKILL to a server: over a call that is told by its number, or simply some time from now."""
        self.accidents += 1
        if not committed and transaction % 2:
            self._kill_in(transaction * 0.05, lambda: self.shop.house.kill_server(transaction % 2))
            return
        calls = count(1)
        moment = Moment.AFTER if committed else (Moment.BEFORE, Moment.HALF)[transaction // 2 % 2]
        strike = Strike(lambda _: next(calls) == transaction, moment, self.shop.house.kill_server)
        self.shop.relay.arm(strike)

    def kill_worker(self, call: str) -> None:
        """The worker dies over one of its next calls to the CRM, or some time from now."""
        self.accidents += 1
        calls, nth = count(1), 1 + len(call) % SOON
        moment = Moment.AFTER if "update" in call else Moment.BEFORE
        if call == "read":
            self._kill_in(0.1 * nth, self.shop.house.kill_worker)
            return
        assert self.shop.crm_relay is not None
        strike = Strike(lambda _: next(calls) == nth, moment, lambda _: self.shop.house.kill_worker())
        self.shop.crm_relay.arm(strike)

    def _kill_in(self, seconds: float, kill: Callable[[], None]) -> None:
        thread = threading.Timer(seconds, kill)
        self._threads.append(thread)
        thread.start()

    # --- the end ---

    def calm(self) -> None:
        for thread in self._threads:
            thread.join()
        for relay in (self.shop.relay, self.shop.crm_relay):
            if relay is not None:
                relay._strikes.clear()
        self.company.faults.clear()
        self.crm.disarm()
        self.crm.release()
        self.shop.house.wait_until_ready()

    def settle_down(self) -> str:
        self.calm()
        before: tuple[Any, ...] = ()
        for _ in range(QUIET_ROUNDS):
            self.rest(1)
            now = self.footprint()
            if now == before:
                return ""
            before = now
        return f"after {QUIET_ROUNDS} quiet rounds it still moves"

    def rest(self, rounds: int) -> None:
        """Quiet visits, and time for all that follows from them."""
        for _ in range(rounds):
            self.skip_time()
            self.want_poll()
            self.let_the_worker_work(PATIENCE)
            self.shop.update_only()
            self.let_the_worker_work(PATIENCE)

    def footprint(self) -> tuple[Any, ...]:
        with self.database.read() as tx:
            found = jobs.all_jobs(tx, [self.connection_id], limit=100_000)
        states = sorted((job.id, job.state) for job in found)
        writing = ("Add", "Mod", "Del", "Void", "Merge")
        books = sum(n for name, n in self.company.counts().items() if name.endswith(writing))
        return dict(self.crm.counters.verbs), books, states


def _nothing(self: Outside, **_: Any) -> None:
    """What only the quick world can play."""


MACHINES: Mapping[str, Callable[..., None]] = {
    "poll": Outside.want_poll,
    "deliver": Outside.let_the_worker_work,
    "visit": Outside.visit,
    "sync": lambda self: self.rest(1),
    "advance": lambda self, minutes: self.skip_time(),
    "during_visit": Outside.later,
    "before_crm_call": Outside.later,
    "books.fault": Outside.arm,
    "crm.fail_write": Outside.fail_write,
    "crm.down": Outside.down,
    "crm.break_off": Outside.break_off,
    "crm.deliver_again": _nothing,
    "crm.commit_late": lambda self: self.crm.release(),
    "crm.forget_deletions": _nothing,
    "kill": Outside.kill,
    "kill_after_crm_call": Outside.kill_worker,
}


@contextmanager
def opened(house: House, folder: Path) -> Iterator[Outside]:
    """A new company in a house whose processes run."""
    house.wait_until_ready()
    shop = FireShop(house, folder, f"fire{next(_numbers)}", crm_relay=True)
    try:
        shop.open()
        shop.wait_for_first_poll()
        yield Outside(shop)
    finally:
        shop.close()
