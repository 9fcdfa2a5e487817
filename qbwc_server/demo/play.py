"""The story, scene by scene, as a bookkeeper would follow it."""

import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from qbwc_server.demo.checks import Checks
from qbwc_server.demo.scenes import first_update, rejected, second_update, third_update
from qbwc_server.demo.server import CommandFailed
from qbwc_server.demo.world import World, made
from qbwc_server.simulator import SimulatorError

LEAST_ACCOUNTS = 6
SCENES = (first_update, rejected, second_update, third_update)


@dataclass(frozen=True)
class Wishes:
    accounts: int = 30
    seed: int = 1
    serve: bool = False
    # For tests of the demonstration itself.
    break_soap: bool = False


def play(wishes: Wishes, say: Callable[[str], None]) -> int:
    """Tell the story; 0 when every claim held, else 1. The server and the emulators end with it."""
    checks = Checks(say)
    home = None
    try:
        say("The two sides, and the server between them\n")
        with made(
            wishes.accounts, wishes.seed, break_soap=wishes.break_soap, say=lambda text: say(f"  {text}")
        ) as world:
            home = world.home
            _tell(world, checks, say)
            if wishes.serve and not checks.failed:
                _keep_running(world, say)
    except (CommandFailed, SimulatorError) as trouble:
        checks.claim("Everything could be set up", holds=False, otherwise=str(trouble))
    if checks.failed:
        say(f"\nThe demonstration failed: {checks.failed[0]}." + (f" See {home}/server.log." if home else ""))
        return 1
    say(f"\nAll {checks.held} claims held. Each was read from Salesforce or from the company file.")
    if home is not None:
        shutil.rmtree(home, ignore_errors=True)
    return 0


def _tell(world: World, checks: Checks, say: Callable[[str], None]) -> None:
    """Scene after scene; what failed makes the rest meaningless."""
    for scene in SCENES:
        scene(world, checks, say)
        if checks.failed:
            return


COMMANDS = """\
  qbwc-server --home {home} doctor
  qbwc-server --home {home} job list
  qbwc-server --home {home} log list
  qbwc-server --home {home} simulate company show {company}
  qbwc-server --home {home} simulate connector update
"""


def _keep_running(world: World, say: Callable[[str], None]) -> None:
    say(f"\nEverything keeps running until Ctrl-C. The server's page: {world.server.url}/\n")
    say(COMMANDS.format(home=world.home, company=world.company.path))
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
