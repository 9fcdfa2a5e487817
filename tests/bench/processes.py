"""Starting and ending the servers that are measured, and what Linux tells of them: CPU time and memory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parent.parent.parent
PROC = Path("/proc")
LISTENING = re.compile(rb"Listening on http://127\.0\.0\.1:(\d+)")
START_SECONDS = 60
STOP_SECONDS = 30
SAMPLE_SECONDS = 0.02
PSS_EVERY = 10
CPUCLOCK_SCHED = 2


class DidNotStart(Exception):
    """A server ended or was silent before it answered; the text has its last words."""


@dataclass(frozen=True)
class Server:
    """A running server: its port, and its first process."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        return sum(_cpu_seconds(pid) for pid in tree(self.pid))

    def page(self) -> int:
        """The status of a plain GET, which also tells that it answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)
        try:
            connection.request("GET", "/qbwc")
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def serving(home: Path, *more: str) -> Iterator[Server]:
    """`tests.bench.server` on this home until the end of the block. Raises DidNotStart."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.server", "--home", str(home), *more],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            server = Server(_port(process, log.fileno()), process.pid)
            server.page()
            yield server
        finally:
            _end(process)


def _port(process: subprocess.Popen[bytes], log: int) -> int:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        said = os.pread(log, 100_000, 0)
        if found := LISTENING.search(said):
            return int(found[1])
        if process.poll() is not None:
            break
        time.sleep(0.01)
    raise DidNotStart(f"a server to measure did not start: {said.decode(errors='replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """At once, with all that it started: its database is thrown away anyway."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the group that began with it
    process.wait(STOP_SECONDS)


# --- what Linux tells ---


def tree(pid: int) -> list[int]:
    """A process and all that descend from it; empty where there is no /proc."""
    found = [pid] if (PROC / str(pid)).is_dir() else []
    for one in found:
        for children in (PROC / str(one) / "task").glob("*/children"):
            with suppress(OSError):
                found += [int(child) for child in children.read_text().split()]
    return found


def _cpu_seconds(pid: int) -> float:
    """Of all its threads, also of those that ended; in nanoseconds inside, where /proc counts hundredths of a second.

    The number of a process's CPU clock is made as clock_getcpuclockid(3) makes it, which Python does not offer.
    """
    try:
        return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)
    except OSError:
        return 0.0  # it is gone


def _resident(pid: int) -> int:
    try:
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """Resident memory with shared pages divided among those who share them; 0 when the kernel does not tell."""
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


@dataclass(frozen=True)
class Memory:
    """Megabytes of a process tree: RSS counts a shared page once for each process, PSS once in all."""

    rss: float
    pss: float = 0.0

    @classmethod
    def of(cls, pid: int, *, shared: bool = True) -> Memory:
        """Without `shared` only what is quickly found out: RSS."""
        pids = tree(pid)
        return cls(sum(map(_resident, pids)) / 1e6, sum(map(_proportional, pids)) / 1e6 if shared else 0.0)


@dataclass
class Watch:
    """Looks at the memory of a process tree every 20 ms while the block runs; at the slow PSS less often."""

    pid: int
    rest: Memory = field(init=False)
    peak: Memory = field(init=False)
    looks: int = 0

    def __enter__(self) -> Self:
        self.rest = self.peak = Memory.of(self.pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_again, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look_again(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            now = Memory.of(self.pid, shared=self.looks % PSS_EVERY == 0)
            self.peak = Memory(max(self.peak.rss, now.rss), max(self.peak.pss, now.pss))
            self.looks += 1

    @property
    def growth(self) -> Memory:
        """Peak over rest."""
        return Memory(self.peak.rss - self.rest.rss, self.peak.pss - self.rest.pss)
