"""The story, scene by scene, as a bookkeeper would follow it."""

import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from qbwc_server.demo.changes import changed, unchanged, where_to_look
from qbwc_server.demo.checks import Checks
from qbwc_server.demo.first import first_update, rejected
from qbwc_server.demo.sale import sale
from qbwc_server.demo.server import CommandFailed
from qbwc_server.demo.stage import Wishes, made
from qbwc_server.demo.world import World
from qbwc_server.simulator import SimulatorError

SCENES = (first_update, rejected, sale, changed, unchanged, where_to_look)


def play(wishes: Wishes, say: Callable[[str], None]) -> int:
    """Tell the story; 0 when every claim held, else 1. The server and the emulators end with it."""
    checks = Checks(say)
    home = Path(tempfile.mkdtemp(prefix="qbwc-demo-"))
    try:
        _perform(wishes, home, checks, say)
    finally:
        if not checks.failed:
            shutil.rmtree(home, ignore_errors=True)
    if checks.failed:
        say(f"\nThe demonstration failed: {checks.failed[0]}")
        say(f"All of it is kept in {home}; what the server wrote is in server.log.")
        return 1
    return 0


def _perform(wishes: Wishes, home: Path, checks: Checks, say: Callable[[str], None]) -> None:
    say("The two sides, and the server between them\n")
    try:
        with made(home, wishes, lambda text: say(f"  {text}")) as world:
            _tell(world, checks, say)
            if checks.failed:
                return
            say(f"\nAll {checks.held} claims held. Each was read from Salesforce or from the company file.")
            if wishes.serve:
                _keep_running(world, say)
    except (CommandFailed, SimulatorError) as trouble:
        checks.claim(
            "Everything that people type and do here is accepted", holds=False, otherwise=str(trouble)
        )


def _tell(world: World, checks: Checks, say: Callable[[str], None]) -> None:
    """Scene after scene; what failed makes the rest meaningless."""
    for scene in SCENES:
        scene(world, checks, say)
        if checks.failed:
            return


COMMANDS = """\
  qbwc-server --home {home} doctor
  qbwc-server --home {home} link list
  qbwc-server --home {home} job list
  qbwc-server --home {home} log runs
  qbwc-server --home {home} log list
  qbwc-server --home {home} simulate company show {company}
  qbwc-server --home {home} simulate connector update
"""


def _keep_running(world: World, say: Callable[[str], None]) -> None:
    ended = threading.Event()
    with suppress(KeyboardInterrupt):
        say(f"\nEverything keeps running until Ctrl-C. The server's page: {world.server.url}/\n")
        say(COMMANDS.format(home=world.home, company=world.company.path))
        while not ended.wait(timeout=1):  # a wait without end cannot be interrupted on Windows
            pass
    say("\nEnding the server.")
