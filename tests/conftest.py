"""What every test may use: the shared reference material if it is here, and databases of both kinds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from qbwc_server.store.database import Database
from tests import engines, memory_disk, postgres
from tests.databases import KINDS, Databases, PostgresDatabases, SqliteDatabases

# Generated tests judge what the code does, not how busy the machine is.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared"


# What takes longest begins first: what is left for the end is short, and no core stands idle while another works.
# (xdist hands out whole files; without `--no-loadscope-reorder` those with the fewest tests come last.)
LONGEST = (
    "sync/test_every_commit.py",
    "crash",
    "fire",
    "cli/test_demo.py",
    "soap/test_python_versions.py",
    "bench",
    "browser",
    "conformance/test_machine.py",
    "sync",
    "cli",
    "flows",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    here = item.path.relative_to(HERE).as_posix()
    return next((place for place, one in enumerate(LONGEST) if here.startswith(one)), len(LONGEST))


@pytest.fixture
def shared() -> Path:
    """The reference material beside a checkout; a test that needs it skips where it is absent."""
    if not (SHARED / "reference").is_dir():
        pytest.skip("the shared reference folder is not beside this checkout")
    return SHARED


def required(part: str) -> bool:
    """Whether QBWC_REQUIRE wants this system part, so that its absence is a failure."""
    return part in os.environ.get("QBWC_REQUIRE", "").replace(",", " ").split()


# --- databases ---


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "databases(*kinds): where to run instead of on every kind of database")
    memory_disk.use(config)
    engines.share()
    # Deaths are meant to happen by the hundred here, and to draw each trace in colours takes longer than the life.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, plain]
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whatever touches a database runs once on each kind; a mark may say which kinds instead."""
    if "database_kind" in metafunc.fixturenames:
        chosen = metafunc.definition.get_closest_marker("databases")
        kinds = chosen.args if chosen else KINDS
        metafunc.parametrize("database_kind", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def database_kind(request: pytest.FixtureRequest) -> str:
    """sqlite or postgresql: the one parameter from which every database of a test follows."""
    return str(request.param)


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest, database_kind: str) -> Databases:
    """Where databases of this test's kind come from."""
    found: Databases = request.getfixturevalue(f"_{database_kind}")
    return found


@pytest.fixture(scope="session")
def _sqlite(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def _postgresql() -> Iterator[Databases]:
    """A server of this test process's own: it starts within a second, and nobody else can disturb it."""
    try:
        with postgres.running() as cluster:
            yield PostgresDatabases(cluster)
    except postgres.Unavailable as missing:
        if required("postgres"):
            pytest.fail(f"{missing}, and QBWC_REQUIRE asks for it")
        pytest.skip(str(missing))


@pytest.fixture
def database_url(databases: Databases, tmp_path: Path) -> Iterator[str]:
    """A database with all tables and no rows."""
    with databases.migrated(tmp_path) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same, open."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def empty_database(databases: Databases, tmp_path: Path) -> Iterator[Database]:
    """An open database without any table."""
    with databases.blank(tmp_path) as url:
        opened = Database(url)
        yield opened
        opened.close()
