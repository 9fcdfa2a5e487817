"""What every test may use: the shared reference material if it is here, and databases of both kinds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qbwc_server.store import migrate
from qbwc_server.store.database import Database, sqlite_url
from qbwc_server.store.tables import metadata
from tests import postgres

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
KINDS = ("sqlite", "postgres")


@pytest.fixture
def shared() -> Path:
    """The reference material beside a checkout; a test that needs it skips where it is absent."""
    if not (SHARED / "reference").is_dir():
        pytest.skip("the shared reference folder is not beside this checkout")
    return SHARED


def required(part: str) -> bool:
    """Whether QBWC_REQUIRE wants this system part, so that its absence is a failure."""
    return part in os.environ.get("QBWC_REQUIRE", "").replace(",", " ").split()


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server for this run of the tests."""
    try:
        with postgres.running() as found:
            yield found
    except postgres.Unavailable as missing:
        if required("postgres"):
            pytest.fail(f"{missing}, and QBWC_REQUIRE asks for it")
        pytest.skip(str(missing))


def _migrated(url: str) -> str:
    database = Database(url)
    migrate.upgrade(database)
    database.close()
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    _migrated(sqlite_url(path))
    return path


@pytest.fixture(scope="session")
def migrated_postgres(cluster: postgres.Cluster) -> str:
    """A PostgreSQL database with all tables; each test leaves it without rows."""
    return _migrated(cluster.make())


def _copied_sqlite(request: pytest.FixtureRequest) -> tuple[str, Callable[[], None]]:
    path: Path = request.getfixturevalue("tmp_path") / "qbwc.sqlite"
    shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
    return sqlite_url(path), lambda: None


def _emptied_postgres(request: pytest.FixtureRequest) -> tuple[str, Callable[[], None]]:
    """One database for all tests: a new one for each takes ten times as long as taking its rows away."""
    url: str = request.getfixturevalue("migrated_postgres")
    return url, lambda: _empty_tables(url)


def _empty_tables(url: str) -> None:
    database = Database(url)
    with database.write() as tx:
        # A test that left a transaction open fails here and not after hours.
        tx.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
        tx.exec_driver_sql(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
    database.close()


def _empty_sqlite(request: pytest.FixtureRequest) -> tuple[str, Callable[[], None]]:
    return sqlite_url(request.getfixturevalue("tmp_path") / "empty.sqlite"), lambda: None


def _empty_postgres(request: pytest.FixtureRequest) -> tuple[str, Callable[[], None]]:
    cluster: postgres.Cluster = request.getfixturevalue("cluster")
    url = cluster.make()
    return url, lambda: cluster.drop(url)


MIGRATED = {"sqlite": _copied_sqlite, "postgres": _emptied_postgres}
EMPTY = {"sqlite": _empty_sqlite, "postgres": _empty_postgres}


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A new database with all tables and no rows: once in SQLite, once in PostgreSQL."""
    url, drop = MIGRATED[request.param](request)
    yield url
    drop()


@pytest.fixture(params=KINDS)
def empty_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """An open database without any table: once in SQLite, once in PostgreSQL."""
    url, drop = EMPTY[request.param](request)
    opened = Database(url)
    yield opened
    opened.close()
    drop()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open database with all tables and no rows: once in SQLite, once in PostgreSQL."""
    opened = Database(database_url)
    yield opened
    opened.close()
