"""A PostgreSQL of our own: a new cluster in a temporary folder, on a free port of this machine, gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

OWNER = "qbwc"
STARTS = 3  # a port that was free a moment ago may be taken by the time the server wants it
PATIENCE = 60.0  # seconds until the server must answer
# Nothing here outlives the tests, so nothing needs to reach the disk. Tests that kill processes kill those of the
# product only: what a dead client had committed is in this server's memory, and this server lives on.
CARELESS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Unavailable(Exception):
    """PostgreSQL cannot be used here; the text says why."""


@dataclass(frozen=True)
class Cluster:
    """A running server."""

    port: int
    numbers: Iterator[int] = field(default_factory=count)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://{OWNER}@127.0.0.1:{self.port}/{name}"

    def make(self, like: str = "template1") -> str:
        """The URL of a new database: empty, or a copy of another one that nobody is connected to."""
        name = f"test{next(self.numbers)}"
        names = sql.Identifier(name), sql.Identifier(_name(like))
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        return self.url(name)

    def drop(self, url: str) -> None:
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(_name(url))))

    def answers(self) -> bool:
        try:
            self._run(sql.SQL("SELECT 1"))
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, statement: sql.Composable) -> None:
        address = {"host": "127.0.0.1", "port": self.port, "user": OWNER, "dbname": "postgres"}
        with psycopg.connect(**address, autocommit=True, connect_timeout=5) as connection:  # type: ignore[arg-type]
            connection.execute(statement)


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def program(name: str) -> str:
    """A program of PostgreSQL: from PATH, or from where Debian keeps it, the newest version first."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: -float(place.parent.name))
    found = shutil.which(name) or next((str(one / name) for one in places if (one / name).exists()), None)
    if found is None:
        raise Unavailable(f"PostgreSQL's {name} is not installed")
    return found


@contextmanager
def running() -> Iterator[Cluster]:
    """Raises Unavailable when there is no PostgreSQL here or it does not start."""
    if os.name != "posix":
        raise Unavailable("a PostgreSQL for tests is started on POSIX systems only")
    initdb, postgres = program("initdb"), program("postgres")
    with _folder() as (place, who):
        data = place / "data"
        _init(initdb, data, place, who)
        for _ in range(STARTS):
            cluster = Cluster(_free_port())
            server = _start(postgres, data, place, who, cluster.port)
            if _came_up(server, cluster):
                try:
                    yield cluster
                finally:
                    _stop(server)
                return
        raise Unavailable("PostgreSQL did not start: " + (place / "log.txt").read_text()[-2000:])


@contextmanager
def _folder() -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder, and as whom to run there: PostgreSQL refuses to run as root."""
    # In /tmp itself, for the path of a socket may have a hundred characters and its owner must reach it.
    place = Path(tempfile.mkdtemp(prefix="qbwc-postgres-", dir="/tmp"))
    who: dict[str, Any] = {}
    if os.getuid() == 0:
        person = _unprivileged()
        os.chown(place, person.pw_uid, person.pw_gid)
        who = {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}
    try:
        yield place, who
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _unprivileged() -> Any:
    import pwd  # not there on Windows, which has no root either

    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Unavailable("PostgreSQL does not run as root, and there is no other user here")


def _init(initdb: str, data: Path, place: Path, who: dict[str, Any]) -> None:
    options = ["--auth=trust", f"--username={OWNER}", "--no-sync", "--encoding=UTF8", "--no-locale"]
    command = [initdb, f"--pgdata={data}", *options]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, **who)
    if done.returncode:
        raise Unavailable(f"initdb failed: {done.stderr.strip()}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as trial:
        port: int = trial.getsockname()[1]
        return port


def _start(postgres: str, data: Path, place: Path, who: dict[str, Any], port: int) -> subprocess.Popen[bytes]:
    settings = [part for one in CARELESS for part in ("-c", one)]
    command = [postgres, "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(place), *settings]
    with (place / "log.txt").open("wb") as log:
        return subprocess.Popen(command, cwd=place, stdout=log, stderr=subprocess.STDOUT, **who)


def _came_up(server: subprocess.Popen[bytes], cluster: Cluster) -> bool:
    until = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < until:
        if cluster.answers():
            return True
        time.sleep(0.05)
    _stop(server)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGINT)  # "fast": open connections are cut
        server.wait(PATIENCE)
