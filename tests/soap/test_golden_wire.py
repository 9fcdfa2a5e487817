"""Every golden file, played over every path: the endpoint must answer as the Web Connector needs it."""

import pytest

from tests.soap.golden_format import Case, WorldMaker, load_all
from tests.soap.golden_replay import replay

PLAYS = [pytest.param(path, case, id=f"{case.name}-{path}") for case in load_all() for path in case.paths]


@pytest.mark.parametrize(("path", "case"), PLAYS)
def test_the_endpoint_answers_as_the_golden_file_says(path: str, case: Case, soap_world: WorldMaker) -> None:
    world = soap_world(case.world, path)
    try:
        replay(case, world)
    finally:
        world.close()
