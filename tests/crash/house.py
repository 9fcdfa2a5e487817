"""One installation with its three processes: two web servers and a worker on one database."""

import errno
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import ClassVar

from qbwc_server.app import create_installation, open_installation
from qbwc_server.store import visits
from qbwc_server.sync.visit import WORKER_LEASE
from tests.crash.nursery import Nursery
from tests.crash.processes import LAUNCHER, Process, eventually, free_port

# No poll of its own accord disturbs a test: the CRM is read at the beginning and when a visit asks for it.
SETTINGS = {"QBWC_POLL_SECONDS": "86400"}


class House:
    """The processes, and the same installation opened by the test itself to set up and to look."""

    launcher = LAUNCHER
    settings: ClassVar[Mapping[str, str]] = SETTINGS

    def __init__(self, home: Path, database_url: str, nursery: Nursery | None = None) -> None:
        environ = {**self.settings, "QBWC_DATABASE_URL": database_url}
        with _environment(environ):
            create_installation(home)
            self.installation = open_installation(home)
        self.database = self.installation.database
        self.ports = [free_port(), free_port()]

        def process(name: str, ready: Callable[[], bool], *arguments: str) -> Process:
            command = ["--home", str(home), *arguments]
            return Process(name, command, home / f"{name}.log", environ, ready, nursery, self.launcher)

        self.servers = [
            process(f"server-{number}", _answers(port), "serve", "--workers=1", f"--bind=127.0.0.1:{port}")
            for number, port in enumerate(self.ports, 1)
        ]
        self.worker = process("worker", self._worker_leads, "worker")

    @property
    def processes(self) -> list[Process]:
        return [*self.servers, self.worker]

    def begin(self) -> None:
        for process in self.processes:
            process.begin()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        for process in self.processes:
            process.wait_until_ready()

    def end(self) -> None:
        for process in self.processes:
            process.ask_to_stop()
        for process in self.processes:
            process.wait_until_stopped()
        self.installation.close()

    def kill_server(self, place: int) -> None:
        """Kill one of the servers and start it again; the other one goes on meanwhile."""
        self.servers[place].kill()
        # The last process of the group may hold the port for a moment longer than the first.
        eventually("the killed server's port is free", lambda: _refuses(self.ports[place]))
        self.servers[place].begin()

    def kill_worker(self) -> None:
        """Kill the worker and start the next one as if the dead one's lease had run out: that time is skipped."""
        self.worker.kill()
        now = datetime.now(UTC)
        with self.database.write() as tx:
            visits.take_lease(tx, WORKER_LEASE, "nobody", now + timedelta(days=1), now - timedelta(seconds=1))
        self.worker.begin()

    def _worker_leads(self) -> bool:
        with self.database.read() as tx:
            until = visits.lease_until(tx, WORKER_LEASE)
        return until is not None and until > datetime.now(UTC)


def _answers(port: int) -> Callable[[], bool]:
    def ready() -> bool:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/qbwc")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    return ready


def _refuses(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
