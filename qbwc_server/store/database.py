"""The database of an installation: one engine, and transactions as visible `with` blocks.

Every function of this package takes an open transaction (`Tx`) first and never commits; a commit happens
only where a SOAP call, a worker task or a command begins and ends.
"""

import select
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError

Tx = Connection
BUSY_TIMEOUT_MS = 30_000


class Database:
    """An engine plus two kinds of transaction; safe to share between threads, not between processes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """A transaction that may write; commits at the end of the block, rolls back on an exception.

        SQLite takes its write lock at the start (BEGIN IMMEDIATE), so two writers queue up instead of
        failing in the middle.
        """
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A transaction for looking only; never waits for a writer on SQLite (WAL)."""
        with self.engine.connect().execution_options(qbwc_read=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        self.engine.dispose()


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
