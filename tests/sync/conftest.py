"""Both sides of a connection for every test: `world`, or `build` for one with other settings."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.sync.world import World, world_in


@pytest.fixture
def build(tmp_path: Path, database_url: str) -> Iterator[Callable[..., World]]:
    """Makes a world: `override` of the profile, `start` of the clock, `zone`, `page_size` of the CRM and more."""
    with ExitStack() as open_worlds:
        yield lambda **options: open_worlds.enter_context(world_in(tmp_path, database_url, **options))


@pytest.fixture
def world(build: Callable[..., World]) -> World:
    return build()
