"""Both sides of a connection for every test: `world`, or `build` for one with other settings.

A module that says DATABASES = KINDS runs on SQLite and on PostgreSQL; the others need SQLite only.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import MIGRATED
from tests.sync.world import World, world_in


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    databases = getattr(metafunc.module, "DATABASES", ())
    if "database_kind" in metafunc.fixturenames and databases:
        metafunc.parametrize("database_kind", databases, indirect=True)


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def build(
    request: pytest.FixtureRequest, tmp_path: Path, database_kind: str
) -> Iterator[Callable[..., World]]:
    """Makes a world: `override` of the profile, `start` of the clock, `zone`, `page_size` of the CRM and more."""
    url, drop = MIGRATED[database_kind](request)
    with ExitStack() as open_worlds:
        yield lambda **options: open_worlds.enter_context(world_in(tmp_path, url, **options))
    drop()


@pytest.fixture
def world(build: Callable[..., World]) -> World:
    return build()
