"""Databases of either kind for tests: with all tables and no rows, or without any table."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from qbwc_server.settings import DATABASE_FILE
from qbwc_server.store import migrate
from qbwc_server.store.database import Database, sqlite_url
from qbwc_server.store.tables import metadata
from tests import engines
from tests.postgres import Cluster

KINDS = ("sqlite", "postgresql")


class Databases(Protocol):
    """Where databases of one kind come from. Each block has one for itself; it is gone or empty afterwards."""

    kind: str

    def migrated(self, folder: Path) -> AbstractContextManager[str]:
        """The URL of a database with all tables and no rows. `folder`: where it is, if it is a file."""

    def blank(self, folder: Path) -> AbstractContextManager[str]:
        """The URL of a database without any table. `folder`: as in `migrated`."""


@dataclass
class SqliteDatabases:
    """Files that have the name of an installation's own. The first one is migrated, the others are its copies."""

    place: Path
    kind: str = "sqlite"

    @contextmanager
    def migrated(self, folder: Path) -> Iterator[str]:
        first = self.place / "migrated.sqlite"
        if not first.exists():
            _migrate(sqlite_url(first))
        path = folder / DATABASE_FILE
        shutil.copy(first, path)
        yield sqlite_url(path)

    @contextmanager
    def blank(self, folder: Path) -> Iterator[str]:
        yield sqlite_url(folder / DATABASE_FILE)


@dataclass
class PostgresDatabases:
    """As many databases as are in use at once: taking the rows away costs a tenth of making another one."""

    cluster: Cluster
    kind: str = "postgresql"
    _free: list[str] = field(default_factory=list)
    _template: str = ""

    @contextmanager
    def migrated(self, folder: Path) -> Iterator[str]:
        url = self._free.pop() if self._free else self._another()
        yield url
        _empty(url)
        self._free.append(url)

    @contextmanager
    def blank(self, folder: Path) -> Iterator[str]:
        url = self.cluster.make()
        try:
            yield url
        finally:
            self.cluster.drop(url)

    def _another(self) -> str:
        if not self._template:
            self._template = self.cluster.make()
            _migrate(self._template)
        return self.cluster.make(like=self._template)


def _migrate(url: str) -> None:
    database = Database(url)
    migrate.upgrade(database)
    engines.remember(database.engine)
    database.close()


def _empty(url: str) -> None:
    """Rows away, numbers from the start. With so few rows TRUNCATE, which makes new files, takes four times as long."""
    statements = [
        # A test that left a transaction open fails here and not after hours.
        "SET LOCAL lock_timeout = '10s'",
        *(f"DELETE FROM {name}" for name in metadata.tables),
        "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'",
    ]
    database = Database(url)
    with database.write() as tx:
        tx.exec_driver_sql("; ".join(statements))
    database.close()
