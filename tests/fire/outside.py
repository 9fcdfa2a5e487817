"""The product as processes: two nodes, relays, an emulated Salesforce, Web Connectors, and SIGKILL at any moment."""

import shutil
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import update

from crm.emulators.salesforce.errors import ApiError
from qbwc_server.simulator.connector.registry import Registry
from qbwc_server.store import jobs, parties, visits
from qbwc_server.store.tables import tickets
from tests.crash.nursery import Forked
from tests.crash.processes import eventually
from tests.crash.relay import Request
from tests.crash.shop import Shop
from tests.fire import inside
from tests.fire.acts import ACTS, REFUSED
from tests.fire.desk import EmulatorDesk
from tests.fire.disasters import DAILY, DISASTERS
from tests.fire.ledger import Ledger
from tests.fire.nodes import Nodes
from tests.fire.persons import PERSONS
from tests.fire.steps import Step
from tests.fire.watched import Watch, Watched, nth, reads, writes

CONNECTOR = Path(__file__).with_name("connector.py")
OTHER_PC = 2
COMPUTERS = {1: "SIMULATED-PC", OTHER_PC: "OTHER-PC"}
PATIENCE = 20.0
# For a run that nothing disturbs, on a machine that does other things as well.
LONGEST_VISIT = 120.0
QUIET_ROUNDS = 20
# The rows of one answer of Salesforce: small, so that every reading takes several.
PAGE = 5
_numbers = count(1)


class FireShop(Shop):
    """A shop that sells; the accounts that items are sold over are named from the beginning. It has two PCs."""

    def __init__(self, house: Nodes, folder: Path, name: str) -> None:
        super().__init__(house, folder, name)
        self.nodes, self.folder = house, folder
        self.crm.settings.page_size = PAGE
        self.crm.settings.daily_requests = DAILY
        self.crm_relay = self.crm_line = Watched([int(self.crm.url.rpartition(":")[2])])
        self.lines = {pc: Watched(house.ports, address) for pc, address in inside.PCS.items()}
        # The usual one is not used.
        self.relay.stop()
        self.relay = self.lines[1]

    def open(self) -> None:
        super().open()
        other = self.lines[OTHER_PC].start()
        shutil.copytree(self.home(1), self.home(OTHER_PC))
        registry = Registry(self.home(OTHER_PC))
        row = registry.application(self.name)
        qwc = replace(row.qwc, app_url=row.qwc.app_url.replace(str(self.relay.port), str(other.port)))
        registry.keep(replace(row, qwc=qwc))

    def home(self, pc: int) -> Path:
        return self.connector.home if pc == 1 else self.folder / f"{self.name}.pc-{pc}"

    def connect(self) -> None:
        super().connect()
        with self.house.database.write() as tx:
            parties.change_connection(tx, self.connection_id, override=inside.OVERRIDE)

    def begin_update(self, pc: int) -> Forked:
        """Update Selected, in a process."""
        assert self.nodes.nursery is not None
        arguments = [str(self.home(pc)), str(self.company.path), COMPUTERS[pc]]
        return self.nodes.nursery.start(CONNECTOR, arguments, self.folder / "connector.log", {})

    def close(self) -> None:
        super().close()
        self.lines[OTHER_PC].stop()


class Outside:
    """A shop in which steps are played."""

    def __init__(self, shop: FireShop) -> None:
        self.shop, self.crm, self.company = shop, shop.crm, shop.company
        self.nodes, self.crm_line, self.lines = shop.nodes, shop.crm_line, shop.lines
        self.desk = EmulatorDesk(shop.crm)
        self.ledger = Ledger()
        self.visits = self.acts = self.accidents = 0
        self.running: dict[int, Forked] = {}
        self.connectors_killed = 0
        self.timers: list[threading.Timer] = []
        self._before = Counter(shop.nodes.deaths)
        self._acting, self._beginning = threading.Lock(), threading.Lock()
        # Of what was done by other hands than the one that plays.
        self.failures: list[str] = []
        self._doing: list[list[Any]] = []

    @property
    def database(self) -> Any:
        return self.shop.house.database

    @property
    def connection_id(self) -> str:
        return self.shop.connection_id

    @property
    def died(self) -> Counter[str]:
        """By kind."""
        return self.nodes.deaths - self._before + Counter({"connector": self.connectors_killed})

    @property
    def deaths(self) -> int:
        return sum(number for kind, number in self.died.items() if kind != "node")

    def moment(self) -> None:
        """Real time goes on by itself."""

    # --- playing ---

    def play(self, step: Step) -> None:
        machine = MACHINES.get(step.verb)
        if machine is not None:
            machine(self, **step.given)
        elif step.verb not in inside.MACHINES:
            self._act(step)

    def _act(self, step: Step) -> None:
        act = {**ACTS, **PERSONS}[step.verb]
        with suppress(*REFUSED, ApiError), self._acting:
            act(self, self.ledger, **step.given)
            self.acts += 1

    def visit(self, pc: int = 1, worker: bool = False) -> None:
        """Update Selected. One PC does one at a time."""
        if self._update(pc):
            self.visits += 1
            self.lines[pc].visit_is_over()

    def _update(self, pc: int) -> bool:
        """Whether it was free for it."""
        with self._beginning:
            if pc in self.running:
                return False
            run = self.running[pc] = self.shop.begin_update(pc)
        try:
            run.wait(LONGEST_VISIT)
        finally:
            self.kill_connector(pc, counted=False)
            del self.running[pc]
        return True

    def kill_connector(self, pc: int, *, counted: bool = True) -> None:
        run = self.running.get(pc)
        if run is not None and run.poll() is None:
            self.nodes.kill(run)
            self.connectors_killed += counted

    def later(self, act: list[Any], document: int = 0, holding: str = "") -> None:
        """While the document with this number, or one that holds this text, is on its way to the Web Connector."""

        def holds(request: Request, body: bytes) -> bool:
            asked = request.soap_method == "sendRequestXML"
            return asked and holding.encode() in body

        aims = holds if holding else nth(document, holds)
        self.lines[1].watch(Watch(aims, lambda: self._meanwhile(act), answered=True, one_visit=True))

    def before_call(self, call: str, act: list[Any]) -> None:
        """In the middle of the worker's next call of this kind."""
        aims = writes if call in ("create", "update") else reads
        self.crm_line.watch(Watch(aims, lambda: self._meanwhile(act)))

    def _meanwhile(self, act: list[Any]) -> None:
        self._doing.append(act)
        try:
            # A whole round waits for the worker, whose call waits for this.
            self.play(Step("visit", {"pc": 1}) if act[0] == "sync" else Step(*act))
        except Exception:  # noqa: BLE001 - told in the end, for here nobody listens
            self.failures.append(f"{act}: {traceback.format_exc()}")
        finally:
            self._doing.remove(act)

    def want_poll(self) -> None:
        with self.database.write() as tx:
            parties.want_poll(tx, self.shop.company_id, datetime.now(UTC))

    def let_the_worker_work(self, seconds: float = 3) -> None:
        until = time.monotonic() + seconds
        while not self._worker_stands_still() and time.monotonic() < until:
            time.sleep(0.03)

    def _worker_stands_still(self) -> bool:
        """It did its part, or it waits for a time that only skipping brings."""
        now = datetime.now(UTC)
        with self.database.read() as tx:
            organisation = parties.organisation(tx, self.shop.organisation_id)
            gathers = visits.under_way(tx, self.shop.company_id, now - timedelta(minutes=1))
        assert organisation is not None
        pauses = organisation.retry_at is not None and organisation.retry_at > now + timedelta(seconds=2)
        return pauses or gathers or self.shop._worker_is_done()

    def skip_time(self) -> None:
        """What waits for its time is due, and whoever was silent was so long ago."""
        now = datetime.now(UTC)
        long_ago = now - timedelta(hours=1)
        with self.database.write() as tx:
            parties.lock_connections(tx, [self.connection_id])
            for job in jobs.all_jobs(tx, [self.connection_id], states=("queued",), limit=10_000):
                jobs.change_job(tx, job.id, now, due_at=now)
            for one in jobs.sets_in_state(tx, self.shop.company_id, "in_doubt", "offered"):
                offered = one.offered_at - timedelta(hours=1)
                jobs.change_set(tx, self.shop.company_id, one.set_id, offered_at=offered)
            if not self.running:
                silent = update(tickets).where(
                    tickets.c.company_id == self.shop.company_id, tickets.c.seen_at > long_ago
                )
                tx.execute(silent.values(seen_at=long_ago))
            parties.change_organisation(tx, self.shop.organisation_id, retry_at=None)

    def soon(self, seconds: float, act: Callable[[], object]) -> None:
        timer = threading.Timer(seconds, act)
        self.timers.append(timer)
        timer.start()

    # --- the end ---

    def calm(self) -> None:
        """Nothing goes wrong any more, and what hung in the air happens now."""
        for line in (*self.lines.values(), self.crm_line):
            line.forget()
        for timer in self.timers:
            timer.join()
        self.timers.clear()
        eventually(
            "what began in the middle of calls is over",
            lambda: not self.running and not self._doing,
            LONGEST_VISIT,
        )
        self.company.faults.clear()
        self.crm.disarm()
        self.crm.sessions_last(None)
        self.crm.release()
        self.nodes.calm()

    def settle_down(self) -> str:
        self.calm()
        # Somebody starts the Web Connector of the other PC again, and it takes its lock off the company file.
        self._update(OTHER_PC)
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
            self._update(1)
            self.skip_time()
            self.let_the_worker_work(PATIENCE)

    def story(self) -> str:
        """What the product and its processes say."""
        with self.database.read() as tx:
            one = parties.organisation(tx, self.shop.organisation_id)
            gathers = visits.under_way(tx, self.shop.company_id, datetime.now(UTC) - timedelta(minutes=1))
        assert one is not None
        crm = f"CRM: {one.poll_error}, again at {one.retry_at}, read {one.polled_at}, wanted {one.poll_wanted_at}"
        tails = [
            f"--- {one.name}, process {one.running and one.running.pid}\n{one.tail()}"
            for one in self.nodes.processes
        ]
        return "\n".join([crm, f"a visit is under way: {gathers}", *tails])

    def footprint(self) -> tuple[Any, ...]:
        with self.database.read() as tx:
            found = jobs.all_jobs(tx, [self.connection_id], limit=100_000)
        states = sorted((job.id, job.state) for job in found)
        writing = ("Add", "Mod", "Del", "Void", "Merge")
        books = sum(n for name, n in self.company.counts().items() if name.endswith(writing))
        return dict(self.crm.counters.verbs), books, states


MACHINES: Mapping[str, Callable[..., None]] = {
    **DISASTERS,
    "poll": Outside.want_poll,
    "deliver": Outside.let_the_worker_work,
    "visit": Outside.visit,
    "sync": lambda self: self.rest(1),
    "advance": lambda self, minutes: self.skip_time(),
    "during_visit": Outside.later,
    "before_crm_call": Outside.before_call,
}


@contextmanager
def opened(house: Nodes, folder: Path) -> Iterator[Outside]:
    """A new company in a house whose processes run."""
    house.wait_until_ready()
    shop = FireShop(house, folder, f"fire{next(_numbers)}")
    try:
        shop.open()
        shop.wait_for_first_poll()
        yield Outside(shop)
    finally:
        shop.close()
