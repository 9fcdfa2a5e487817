"""Breakpoints in the database: a trigger holds one transaction open while it happens, until its process is dead.

The product is not touched for this. A process that is killed there leaves what a power cut would leave: everything
that it committed before, and nothing of the transaction that it was in.
"""

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Protocol

import psycopg
from sqlalchemy.engine import make_url

from tests.crash.processes import DEADLINE, eventually

# The last act of every SOAP call is to keep itself for inspection, in the transaction of its answer.
ENDING = "AFTER INSERT ON exchanges FOR EACH ROW WHEN (NEW.method = '{method}')"
# The moment a job of a side is settled: in the middle of storing what became of a write.
SETTLING = "AFTER UPDATE ON link_jobs FOR EACH ROW WHEN (NEW.state = 'settled' AND NEW.side = '{side}')"


class Trap(Protocol):
    def __enter__(self) -> "Trap": ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def wait(self) -> None:
        """Until a transaction is held."""


def trap(url: str, when: str) -> Trap:
    """A trap in the database at a SQLAlchemy URL; `when` is the head of a trigger."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return SqliteTrap(parsed.database or "", when)
    return PostgresTrap(parsed.set(drivername="postgresql").render_as_string(hide_password=False), when)


class SqliteTrap:
    """The trigger writes more than a transaction's cache holds, so that the WAL grows, and then counts for ever."""

    BYTES = 16_000_000

    def __init__(self, path: str, when: str) -> None:
        self._path, self._when = path, when
        self._db: sqlite3.Connection | None = None

    def __enter__(self) -> "SqliteTrap":
        self._db = sqlite3.connect(
            self._path, isolation_level=None, timeout=DEADLINE, check_same_thread=False
        )
        self._db.execute("CREATE TABLE trap (content)")
        self._db.executemany("INSERT INTO trap VALUES (?)", [(number,) for number in range(100)])
        self._db.execute(
            f"CREATE TRIGGER held {self._when} BEGIN "
            f"INSERT INTO trap VALUES (zeroblob({self.BYTES})); "
            "SELECT count(*) FROM trap a, trap b, trap c, trap d, trap e, trap f; END"
        )
        eventually("the WAL is empty", self._empties_the_wal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._db is not None
        self._db.execute("DROP TRIGGER held")
        self._db.execute("DROP TABLE trap")
        self._db.close()

    def wait(self) -> None:
        eventually("a transaction is held", lambda: self._wal_size() > self.BYTES // 2)

    def _empties_the_wal(self) -> bool:
        assert self._db is not None
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return self._wal_size() < self.BYTES // 4

    def _wal_size(self) -> int:
        return Path(f"{self._path}-wal").stat().st_size


class PostgresTrap:
    """The trigger sleeps. A killed client's statement sleeps on, so its session is ended like the client."""

    SLEEPING = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    )

    def __init__(self, address: str, when: str) -> None:
        self._address, self._when = address, when
        self._db: psycopg.Connection | None = None

    def __enter__(self) -> "PostgresTrap":
        self._db = psycopg.connect(self._address, autocommit=True)
        self._db.execute(
            "CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$"
        )
        self._db.execute(f"CREATE TRIGGER held {self._when} EXECUTE FUNCTION held()".encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._db is not None
        for pid in self._sleeping():
            self._db.execute("SELECT pg_terminate_backend(%s)", (pid,))
        self._db.execute("DROP FUNCTION held CASCADE")
        self._db.close()

    def wait(self) -> None:
        eventually("a transaction is held", self._sleeping)

    def _sleeping(self) -> list[int]:
        assert self._db is not None
        return [pid for (pid,) in self._db.execute(self.SLEEPING).fetchall()]
