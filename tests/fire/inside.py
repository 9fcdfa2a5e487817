"""The product in one process and on one clock, dying at the borders of its transactions: many sessions a second."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from crm import errors
from crm.errors import CrmError, LimitedUntil
from crm.memory import MemoryGateway
from crm.port import Page
from qbwc_server.simulator import ProcessError
from qbwc_server.soap.operations import Sessions
from qbwc_server.store import parties, rows
from qbwc_server.store.database import Database, Tx
from qbwc_server.sync.from_books import reading
from qbwc_server.sync.posted import Posted
from qbwc_server.worker import tasks
from qbwc_server.worker.embedded import Embedded
from qbwc_server.worker.tasks import Background
from tests.fire.acts import ACTS, REFUSED, Row, Values
from tests.fire.ledger import Ledger
from tests.fire.persons import PERSONS
from tests.fire.steps import Step
from tests.fire.upheavals import UPHEAVALS, Backup, Copied, obey
from tests.fire.wire import BadLine
from tests.sync.web_connector import Killed, KilledAfterCommit, Visited
from tests.sync.world import Line, World

# The accounts that items are sold and bought over, and no limit but the one of patience.
OVERRIDE = {
    "settings": {"income_account": "Sales", "expense_account": "Cost of Goods Sold"},
    "limits": {"creates": 100_000},
}
PCS = {1: "192.0.2.10", 2: "192.0.2.20"}
QUIET_ROUNDS = 30
# Days until all ids were compared.
SLOW_PASS = 8
# Records of one answer, on either side: small, so that every reading takes several and can break in the middle.
PAGE = 5


class MortalDatabase(Database):
    """Its process may die in a transaction that writes: before it is committed, or right after."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        # Transactions until death, and whether the last one is committed; None: nobody dies.
        self.dies: tuple[int, bool] | None = None

    @contextmanager
    def write(self) -> Iterator[Tx]:
        dying, committed = self._count()
        with super().write() as tx:
            yield tx
            if dying and not committed:
                raise Killed("in a transaction")
        if dying:
            raise KilledAfterCommit("a transaction was kept")

    def _count(self) -> tuple[bool, bool]:
        if self.dies is None:
            return False, False
        left, committed = self.dies
        self.dies = (left - 1, committed) if left > 1 else None
        return left <= 1, committed


class MortalLine(Line):
    """Also delivers changes a second time."""

    again = 0

    def changed_since(self, kind: str, fields: Sequence[str], watermark: str | None) -> Iterator[Page]:
        if watermark is not None and self.again:
            watermark, self.again = str(max(0, int(watermark) - self.again)), 0
        return super().changed_since(kind, fields, watermark)


class MemoryDesk:
    def __init__(self, crm: MemoryGateway) -> None:
        self._crm = crm

    def rows(self, kind: str) -> list[Row]:
        return [(one.id, dict(one.values)) for one in self._crm.rows(kind)]

    def create(self, kind: str, values: Values, *, late: bool = False) -> str:
        return self._crm.user_create(kind, values, late=late)

    def edit(self, kind: str, record_id: str, values: Values) -> None:
        self._crm.user_edit(kind, record_id, values)

    def delete(self, kind: str, record_id: str) -> None:
        self._crm.user_delete(kind, record_id)


class Inside(World):
    """A world in which steps are played."""

    connection_id = "con"
    # A worker has begun, and done nothing yet.
    begun = False

    def __init__(self, home: Path, database: MortalDatabase) -> None:
        super().__init__(home, database, documents=True, override=OVERRIDE, page_size=PAGE)
        self.line: MortalLine = MortalLine(self.crm)
        self.desk = MemoryDesk(self.crm)
        self.ledger = Ledger()
        self.mortal = database
        self.deaths = self.visits = self.acts = 0
        self.accidents = 0
        # A backup of the company file and the file that another one took the place of; our database of yesterday.
        self.backup: Backup | None = None
        self.right: Backup | None = None
        self.yesterday: Copied | None = None
        # What the last visit showed; whether the file is elsewhere; whether only the slow pass finds all there is.
        self.told = ""
        self.moved = self.upset = False
        self._planned: list[tuple[int, str, Step]] = []
        self._document = 0
        # A text of the document whose answer is held up on its way, and what was held up.
        self.hold = ""
        self.held: list[tuple[str, str, str, str]] = []
        self.on_document = self._meanwhile_in_visit

    def moment(self) -> None:
        self.clock.advance(seconds=1)

    # --- playing ---

    def play(self, step: Step) -> None:
        """One step. A person's act that is refused did not happen; a death ends the step and the process."""
        self.moment()
        try:
            self._do(step)
        except Killed:
            self._restart()

    def _do(self, step: Step) -> None:
        machine = MACHINES.get(step.verb)
        if machine is not None:
            machine(self, **step.given)
            return
        if step.verb in UPHEAVALS:
            with suppress(*REFUSED):
                UPHEAVALS[step.verb](self, **step.given)
            return
        act = ACTS.get(step.verb) or PERSONS[step.verb]
        try:
            act(self, self.ledger, **step.given)
            self.acts += 1
        except REFUSED:
            return

    def _restart(self) -> None:
        """The next processes know only what the database knows."""
        self.deaths += 1
        self.begin_processes()

    def begin_processes(self) -> None:
        self.mortal.dies = None
        self.line.kill_after.clear()
        self.sessions = Sessions(self.database, self.keys, self.clock)
        self.background = Background(self.database, self.keys, self._gateway, self.clock)
        tasks.recover(self.background)
        self.begun = True

    def deliver_as_a_worker(self) -> int:
        """One that has just begun reads the CRM before it writes."""
        if self.begun and tasks.poll_due(self.background, "org"):
            self.poll()
        self.begun = False
        return self.deliver()

    def _meanwhile_in_visit(self, text: str) -> None:
        """Called with every document just before QuickBooks gets it."""
        self._document += 1
        due = [one for one in self._planned if (one[1] in text if one[1] else one[0] == self._document)]
        self._planned = [one for one in self._planned if one not in due]
        for _, _, step in due:
            self._do(step)

    def visit(self, *, address: str = PCS[1], worker: bool = False) -> Visited:
        self.clock.advance(seconds=1)
        if worker:
            self._hold_lease()
        try:
            visited = BadLine(self, address, worker=worker).run()
        except ProcessError as trouble:
            # QuickBooks fails at the Web Connector's own questions: the run is over.
            visited = Visited(status=trouble.message)
        self.told = visited.status
        return visited

    def pc_clock(self) -> datetime:
        return self.clock() + self.pc_ahead

    def play_visit(self, pc: int, worker: bool = False) -> None:
        """A run of the Web Connector. What dies in it is one of us, or the Web Connector itself."""
        self.visits += 1
        self._document = 0
        status = self.visit(address=PCS[pc], worker=worker).status
        if status.startswith("killed") and not status.startswith(("killed: before ", "killed: after ")):
            self._restart()
        self._planned.clear()

    def later(self, act: list[Any], document: int = 0, holding: str = "") -> None:
        """Before the document with this number, or before the first one that holds this text."""
        self._planned.append((document, holding, Step(*act)))

    def hold_answer(self, holding: str) -> None:
        """The next answer to a document with this text does not arrive; the Web Connector's run is over."""
        self.accidents += 1
        self.hold = holding

    def arrive(self) -> None:
        """What was held up arrives after all, whatever happened since."""
        held, self.held = self.held, []
        for ticket, text, hresult, message in held:
            self.sessions.receive_response_xml(ticket, Posted.of(text), hresult, message)

    def second_worker(self) -> None:
        """Another process starts while the first is in the middle of its work, and alive: it holds its lease."""
        self._hold_lease()
        worker = Embedded(self.background, self.sessions.expire_idle)
        worker.holder = "second"
        worker.hold_lease()
        worker.tick()

    def before_call(self, call: str, act: list[Any]) -> None:
        self.line.before.setdefault(call, []).append(lambda: self._do(Step(*act)))

    # --- what goes wrong ---

    def trouble(self, name: str) -> CrmError:
        if name == "LimitedUntil":
            return LimitedUntil("Enough for today.", until=self.clock() + timedelta(minutes=20))
        error: CrmError = getattr(errors, name)("Something is wrong with the CRM.")
        return error

    def kill(self, transaction: int, committed: bool) -> None:
        self.accidents += 1
        self.mortal.dies = transaction, committed

    def calm(self) -> None:
        """Nothing goes wrong any more, and what hung in the air happens now."""
        self.mortal.dies = None
        self.company.faults.clear()
        self.pc_ahead = timedelta(0)
        self.line.trouble = self.line.pages = None
        self.line.kill_after.clear()
        self.line.before.clear()
        self.line.again = 0
        self._planned.clear()
        self.hold = ""
        self.arrive()
        self.crm._failures.clear()
        self.crm.commit_late()
        self.company.end_all_sessions()

    def fail_write(self, error: str, after: bool) -> None:
        self.accidents += 1
        self.crm.fail_next_write(self.trouble(error), after=after)

    def down(self, error: str) -> None:
        """Until the next beat of the worker has met it."""
        self.accidents += 1
        self.line.trouble = self.trouble(error)

    def beat(self, work: Callable[[], object]) -> None:
        work()
        self.line.trouble = None

    def arm(self, name: str, arguments: Mapping[str, Any], nth: int = 1, times: int = 1) -> None:
        if name == "copied_file" and not self._knows_its_file():
            return  # a copy at the very first visit is taken for the right file; nobody could know better
        self.accidents += 1
        self.company.faults.arm(name, nth=nth, times=times, **arguments)

    def _knows_its_file(self) -> bool:
        with self.database.read() as tx:
            company = parties.company(tx, "co")
        return company is not None and company.pinned_at is not None

    def sets(self, **values: Any) -> None:
        self.accidents += 1
        vars(self.line).update(values)

    # --- the end ---

    def settle_down(self) -> str:
        """Quiet visits until nothing changes; what still moved if it never ends."""
        self.calm()
        moving = self._come_to_rest()
        if self.upset and not moving:
            self.clock.advance(days=SLOW_PASS)
            moving = self._come_to_rest()
        return moving

    def _come_to_rest(self) -> str:
        before: tuple[Any, ...] = ()
        for _ in range(QUIET_ROUNDS):
            self.clock.advance(minutes=61)
            self.sync()
            now = self.footprint()
            if obey(self, "confirm"):
                now = ()
            elif now == before and not self.waiting():
                return ""
            before = now
        return f"after {QUIET_ROUNDS} quiet rounds it still moves: {self.waiting()}"

    def rest(self, rounds: int) -> None:
        self.sync(rounds)

    def footprint(self) -> tuple[Any, ...]:
        """What a round of visits could change: every write on either side, and every job."""
        states = sorted((job.id, job.state) for job in self.jobs())
        return self.crm.writes, self.writes_in_books(), states

    def writes_in_books(self) -> int:
        writing = ("Add", "Mod", "Del", "Void", "Merge")
        return sum(number for name, number in self.company.counts().items() if name.endswith(writing))


Machine = Callable[..., None]
MACHINES: Mapping[str, Machine] = {
    "poll": lambda self: self.beat(self.poll),
    "deliver": lambda self: self.beat(self.deliver_as_a_worker),
    "visit": Inside.play_visit,
    "sync": lambda self: self.beat(self.sync),
    "advance": lambda self, minutes: self.clock.advance(minutes=minutes),
    "during_visit": Inside.later,
    "before_crm_call": Inside.before_call,
    "hold_answer": Inside.hold_answer,
    "answer_arrives": Inside.arrive,
    "second_worker": Inside.second_worker,
    "books.fault": Inside.arm,
    "crm.fail_write": Inside.fail_write,
    "crm.down": Inside.down,
    "crm.break_off": lambda self, pages: self.sets(pages=pages),
    "crm.deliver_again": lambda self, changes: self.sets(again=changes),
    "crm.commit_late": lambda self: self.crm.commit_late(),
    "crm.forget_deletions": lambda self: self.crm.purge_deletions(),
    "kill": Inside.kill,
    "kill_after_crm_call": lambda self, call: self.line.kill_after.append(call),
}


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Ids of the product come from the seed, and answers are short: a life can be lived again, step by step."""
    source = random.Random(seed)
    seeded = patch.object(rows, "secrets", SimpleNamespace(token_bytes=source.randbytes))
    with seeded, patch.object(reading, "PAGE_SIZE", PAGE):
        yield
