"""What the rows of the requirements are tried on: a house with real servers, and a quicker world in one process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from qbwc_server import app as product
from qbwc_server.settings import FILE
from tests.cli.conftest import Line
from tests.databases import Databases
from tests.flows.house import House, opened
from tests.sync.shop import SETTINGS
from tests.sync.world import World, world_in


@pytest.fixture
def house(tmp_path: Path, databases: Databases) -> Iterator[House]:
    """An emulated Salesforce, this server and a simulated QuickBooks PC, connected by the commands that people type."""
    home = tmp_path / "home"
    home.mkdir()
    with databases.migrated(tmp_path) as url:
        (home / FILE).write_text(f"database_url = {json.dumps(url)}\n")
        product.create_installation(home)
        with opened(tmp_path, Line(home)) as made:
            yield made


@pytest.fixture
def build(tmp_path: Path, database_url: str) -> Iterator[Callable[..., World]]:
    """Makes a world: see `World` for its options."""
    with ExitStack() as open_worlds:
        yield lambda **options: open_worlds.enter_context(world_in(tmp_path, database_url, **options))


@pytest.fixture
def shop(build: Callable[..., World]) -> World:
    """A world in which products are sold."""
    return build(documents=True, override={"settings": SETTINGS})
