"""A few sessions with real processes on each database. Many more: `make fire SESSIONS=200 ARGS="--mode processes"`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crash import nursery
from tests.crash.nursery import Nursery
from tests.databases import Databases
from tests.fire.disasters import disaster
from tests.fire.life import live_outside
from tests.fire.nodes import Nodes
from tests.fire.plan import plan

SEED, SESSIONS = 60003, 3

pytestmark = pytest.mark.skipif(not nursery.possible(), reason="processes are forked with what Linux has")


@pytest.fixture(scope="module")
def nodes(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    home = tmp_path_factory.mktemp("nodes")
    with Nursery() as forked, databases.blank(home) as url:
        nodes = Nodes(home, url, forked)
        try:
            nodes.begin()
            yield nodes
        finally:
            nodes.end()


def test_processes_may_die_freeze_and_disappear(nodes: Nodes) -> None:
    end = live_outside(nodes, plan(SEED, SESSIONS, disaster))
    assert not end.violations, [process.tail() for process in nodes.processes]
    assert end.visits
