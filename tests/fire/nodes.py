"""Two nodes on one database: each serves and has a worker, one of which leads. They die, freeze and disappear."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from sqlalchemy import select, update

from qbwc_server.store.tables import leases
from qbwc_server.sync.visit import WORKER_LEASE
from tests.crash.house import SETTINGS, House
from tests.crash.nursery import Forked, Nursery
from tests.crash.processes import Process

_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


class Nodes(House):
    """A house whose processes are ended and begun again by several hands at once."""

    launcher = Path(__file__).with_name("impatient.py")
    # Two PCs are told apart by their addresses, and both are here.
    settings: ClassVar[Mapping[str, str]] = {**SETTINGS, "QBWC_PROXIES": "1"}

    def __init__(self, home: Path, database_url: str, nursery: Nursery | None) -> None:
        super().__init__(home, database_url, nursery)
        other = replace(self.worker, name="worker-2", log=home / "worker-2.log")
        self.workers = [self.worker, other]
        self.nursery = nursery
        self.deaths: Counter[str] = Counter()
        self._hands = threading.RLock()
        self._later: list[threading.Timer] = []
        self._read: dict[Path, int] = {}
        self._deadlocks = 0

    @property
    def processes(self) -> list[Process]:
        return [*self.servers, *self.workers]

    # --- dying ---

    def kill_server(self, place: int) -> None:
        with self._hands:
            if self._is_up(self.servers[place]):
                super().kill_server(place)
                self.deaths["server"] += 1

    def kill_worker(self, *, leading: bool = True) -> None:
        """Of two workers the one that leads, or the one that stands by; it comes back."""
        with self._hands:
            chosen = self._worker(leading=leading)
            if self._is_up(chosen):
                self._kill(chosen, "worker")
                chosen.begin()

    def vanish(self, place: int, seconds: float) -> None:
        """A whole node is gone with what it holds, and comes back after a while."""
        with self._hands:
            for process, role in ((self.servers[place], "server"), (self.workers[place], "worker")):
                if self._is_up(process):
                    self._kill(process, role)
                    self.deaths["node"] += role == "worker"
                    self._soon(seconds, lambda process=process: self._again(process))

    def freeze(self, process: Process, seconds: float, *, lapse: bool = False) -> None:
        """It stands still and does not know it. `lapse`: for so long that its lease is over."""
        with self._hands:
            if not self._is_up(process):
                return
            self._signal(process, signal.SIGSTOP)
            # Without asking for the lock: who holds it may be waiting for what the frozen one has locked.
            self._soon(seconds, lambda: self._signal(process, signal.SIGCONT))
        if lapse:
            self._let_lease_lapse(process)

    def leader(self) -> Process:
        return self._worker(leading=True)

    def _worker(self, *, leading: bool) -> Process:
        with self.database.read() as tx:
            holder = tx.execute(select(leases.c.holder).where(leases.c.name == WORKER_LEASE)).scalar() or ""
        first, second = self.workers
        leads_first = second.running is None or f":{second.running.pid}:" not in holder
        return first if leads_first == leading else second

    def kill(self, running: Forked) -> None:
        """Another process, with all that it began."""
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()

    def _kill(self, process: Process, role: str) -> None:
        process.kill()
        self.deaths[role] += 1
        self._let_lease_lapse(process)

    def _let_lease_lapse(self, process: Process) -> None:
        """Time is skipped, not waited for."""
        assert process.running is not None
        past = datetime.now(UTC) - timedelta(seconds=1)
        held = leases.c.holder.contains(f":{process.running.pid}:")
        with self.database.write() as tx:
            tx.execute(update(leases).where(held).values(until=past))

    def _is_up(self, process: Process) -> bool:
        return process.running is not None and process.running.poll() is None

    def _again(self, process: Process) -> None:
        with self._hands:
            if not self._is_up(process):
                process.begin()

    def _signal(self, process: Process, number: int) -> None:
        if self._is_up(process) and process.running is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.running.pid, number)

    def _soon(self, seconds: float, act: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, act)
        self._later.append(timer)
        timer.start()

    # --- coming back ---

    def calm(self) -> None:
        """Whoever is frozen or gone is back."""
        for timer in self._later:
            timer.join()
        self._later.clear()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Of two workers one leads. Who is just being killed, for a caller that has gone, is begun again first."""
        for process in self.processes:
            with self._hands:
                process.wait_until_ready()

    def complaints(self) -> list[str]:
        """What the processes and PostgreSQL call an error, each told once."""
        found = [text for process in self.processes for text in self._news(process.log)]
        broken, self._deadlocks = self._deadlocks, self._broken_deadlocks()
        if self._deadlocks > broken:
            found.append(f"PostgreSQL broke {self._deadlocks - broken} deadlocks")
        return found

    def _broken_deadlocks(self) -> int:
        """PostgreSQL counts them, whoever repeats what it gave up; SQLite has one writer."""
        if self.database.engine.dialect.name != "postgresql":
            return 0
        with self.database.read() as tx:
            return int(tx.exec_driver_sql(_DEADLOCKS).scalar_one())

    def _news(self, log: Path) -> list[str]:
        if not log.exists():
            return []
        with log.open(errors="replace") as lines:
            lines.seek(self._read.get(log, 0))
            found = [f"{log.name}: {line.rstrip()[:3000]}" for line in lines if _is_error(line)]
            self._read[log] = lines.tell()
        return found


def _is_error(line: str) -> bool:
    return "level='error'" in line or "[ERROR]" in line or "[CRITICAL]" in line
