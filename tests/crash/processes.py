"""The product's processes as an installation runs them, and their sudden end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.crash.nursery import Nursery

LAUNCHER = Path(__file__).with_name("launch.py")
# Of seconds: three processes that start on a busy machine take their time, and one that hangs takes longer.
DEADLINE = 60.0
TAIL = 5000


def eventually(what: str, holds: Callable[[], object], seconds: float = DEADLINE) -> None:
    """Look again and again until it holds; an AssertionError that names it when the time is up."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {seconds:g} seconds"
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Running(Protocol):
    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def terminate(self) -> None: ...


@dataclass
class Process:
    """One `qbwc-server` command with everything it starts: a group of its own, so that all of it ends at once."""

    name: str
    arguments: list[str]
    log: Path
    environ: Mapping[str, str]
    # Whether it does its work; asked until it says so.
    ready: Callable[[], bool]
    nursery: Nursery | None = None
    launcher: Path = LAUNCHER
    deaths: int = 0
    running: Running | None = field(default=None)

    def begin(self) -> None:
        """Start it and return at once."""
        if self.nursery:
            self.running = self.nursery.start(self.launcher, self.arguments, self.log, self.environ)
            return
        with self.log.open("ab") as out:
            self.running = subprocess.Popen(
                [sys.executable, str(self.launcher), *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environ},
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        eventually(f"{self.name} is ready", lambda: self._lives() and self.ready())

    def _lives(self) -> bool:
        assert self.running is not None
        assert self.running.poll() is None, f"{self.name} ended by itself: {self.tail()}"
        return True

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-TAIL:] if self.log.exists() else ""

    def kill(self) -> None:
        """SIGKILL to all of it at once: no handler runs, nothing is tidied up."""
        assert self.running is not None
        os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait()
        self.deaths += 1

    def ask_to_stop(self) -> None:
        """As a person stops it; harmless when it is dead."""
        if self.running is not None and self.running.poll() is None:
            self.running.terminate()

    def wait_until_stopped(self) -> None:
        """Raises AssertionError when it had to be killed after all."""
        if self.running is None:
            return
        try:
            self.running.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop: {self.tail()}") from None
