"""The database of an installation: one engine, and transactions as visible `with` blocks.

Every function of this package takes an open transaction (`Tx`) first and never commits; a commit happens
only where a SOAP call, a worker task or a command begins and ends.
"""

import select
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError

Tx = Connection
BUSY_TIMEOUT_MS = 30_000
# Under this name a transaction carries what it remembers (memory.py).
MEMORY = "memory"


class Database:
    """An engine plus two kinds of transaction; safe to share between threads, not between processes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        event.listen(self.engine, "savepoint", _before_savepoint)
        event.listen(self.engine, "rollback_savepoint", _after_savepoint)
        one_writer = self.engine.dialect.name == "sqlite"
        self._turns: Callable[[], AbstractContextManager[None]] = Queue().turn if one_writer else nullcontext

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """A transaction that may write; commits at the end of the block, rolls back on an exception.

        SQLite takes its write lock at the start (BEGIN IMMEDIATE), so two writers queue up instead of
        failing in the middle. Those of this process take turns in the order in which they came, for SQLite's own
        waiting sleeps longer and longer while others pass by.
        """
        with self._turns(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A transaction for looking only; never waits for a writer on SQLite (WAL)."""
        with self.engine.connect().execution_options(qbwc_read=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        self.engine.dispose()


class Queue:
    """Lets one thread go on at a time, in the order in which they came."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._last = Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        mine = Lock()
        mine.acquire()
        with self._guard:
            before, self._last = self._last, mine
        # However long it takes: then SQLite decides who goes first.
        before.acquire(timeout=BUSY_TIMEOUT_MS / 1000)
        try:
            yield
        finally:
            mine.release()


def _before_savepoint(tx: Tx, _name: str) -> None:
    """What was to be written later belongs before the savepoint, or its end would take it along."""
    if (memory := tx.info.get(MEMORY)) is not None:
        memory.flush(tx)


def _after_savepoint(tx: Tx, _name: str, _context: Any) -> None:
    if (memory := tx.info.get(MEMORY)) is not None:
        memory.forget()


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=8,
        hide_parameters=True,
        # What a firewall forgot in silence looks idle: connections are young, and asked for a sign of life.
        pool_recycle=300,
        connect_args={"keepalives_idle": 60},
    )

    @event.listens_for(engine, "checkout")
    def _look(raw: Any, _record: Any, _proxy: Any) -> None:
        """A connection that the server ended while nobody used it is replaced; seen without asking the server.

        (An idle connection is silent. What can be read from it is a goodbye, or its end.)
        """
        if raw.closed or _says_something(raw.fileno()):
            raise DisconnectionError

    return engine


def _says_something(descriptor: int) -> bool:
    """Whether something can be read from a socket at this moment."""
    if not hasattr(select, "poll"):
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
    )

    @event.listens_for(engine, "connect")
    def _prepare(raw: sqlite3.Connection, _record: Any) -> None:
        raw.isolation_level = None  # the driver would begin on its own, and too late
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("qbwc_read", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
