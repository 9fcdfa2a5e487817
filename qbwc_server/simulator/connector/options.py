"""How this copy of the Web Connector is set up, and what its user answers to dialogs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from qbwc_server.simulator.connector.log import Level
from qbwc_server.simulator.connector.unconfirmed import Unconfirmed


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Options:
    """All waits are in seconds and go through wait, so that a test need not spend them."""

    # Reported by clientVersion: four numbers; the first one is the QuickBooks release year since version 34.
    version: str = "34.0.10010.76"
    # Written into AppLock; two Web Connectors are two PCs when this differs.
    computer: str = "SIMULATED-PC"
    level: Level = "DEBUG"
    # Aware, UTC.
    clock: Callable[[], datetime] = _now
    wait: Callable[[float], None] = time.sleep
    noop_seconds: float = 5
    interactive_seconds: float = 60
    # One HTTP exchange; the default of the .NET client class.
    timeout: float = 100
    # The user's answer to a "W:" of clientVersion.
    continue_on_warning: bool = True
    accept_interactive: bool = False
    # The real program retries for ever; here a server that never says done is an error of the test.
    connection_attempts: int = 20
    # The user's answer when an application of the same name is there already: replace it, or make a clone.
    replace_existing: bool = True
    unconfirmed: Unconfirmed = field(default_factory=Unconfirmed)
