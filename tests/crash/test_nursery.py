from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import nursery
from tests.crash.nursery import Nursery
from tests.crash.processes import eventually

pytestmark = pytest.mark.skipif(not nursery.possible(), reason="processes are forked with what Linux has")

# Tells who it is and who its child is, and then waits for ever.
PARENT = """\
import os, sys, time
child = os.fork()
if child:
    print(os.getpid(), os.getsid(0), child, sys.argv[1], os.environ["WORD"], flush=True)
time.sleep(1000)
"""


@pytest.fixture
def forked() -> Iterator[Nursery]:
    with Nursery(read=()) as forked:
        yield forked


def _begin(forked: Nursery, folder: Path) -> list[str]:
    script, log = folder / "parent.py", folder / "log.txt"
    script.write_text(PARENT)
    forked.start(script, ["given"], log, {"WORD": "said"})
    eventually("it told who it is", lambda: log.exists() and log.read_text().endswith("\n"))
    return log.read_text().split()


def _lives(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_process_has_a_session_arguments_and_an_environment_of_its_own(
    forked: Nursery, tmp_path: Path
) -> None:
    own, session, _, argument, word = _begin(forked, tmp_path)
    assert (own, argument, word) == (session, "given", "said")


def test_what_is_killed_is_gone_with_all_that_it_began(forked: Nursery, tmp_path: Path) -> None:
    own, _, child, *_ = _begin(forked, tmp_path)
    os.killpg(int(own), signal.SIGKILL)
    eventually("both are buried", lambda: not _lives(own) and not _lives(child))


def test_nothing_outlives_its_owner(tmp_path: Path) -> None:
    with Nursery(read=()) as forked:
        own, _, child, *_ = _begin(forked, tmp_path)
    assert not _lives(own)
    assert not _lives(child)


def test_nothing_outlives_its_owner_when_the_whole_group_is_asked_to_stop(tmp_path: Path) -> None:
    with Nursery(read=()) as forked:
        own, _, child, *_ = _begin(forked, tmp_path)
        os.kill(forked.pid, signal.SIGTERM)
    assert not _lives(own)
    assert not _lives(child)


def test_the_end_of_a_process_can_be_waited_for_by_several(forked: Nursery, tmp_path: Path) -> None:
    script = tmp_path / "short.py"
    script.write_text("")
    running = forked.start(script, [], tmp_path / "log.txt", {})
    assert (running.wait(10), running.wait(10), running.poll()) == (0, 0, 0)
