"""The start API: one Salesforce organisation on a loopback port."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from crm.emulators.clock import Clock, system_time
from crm.emulators.faults import Counters, Fault
from crm.emulators.server import LoopbackServer

from . import control, seeding
from .app import EFFECTS, Application
from .org import Org, Settings
from .sessions import Credentials


class SalesforceEmulator:
    """Listens on 127.0.0.1 between `start` and `stop`; also a context manager.

    `state_path` keeps the rows in a SQLite file, so a later emulator goes on with them. `clock` gives aware
    datetimes. The methods below are the control object; the same is to be had over HTTP under `/_emulator`.
    """

    def __init__(
        self,
        state_path: Path | None = None,
        *,
        clock: Callable[[], datetime] = system_time,
        port: int = 0,
        credentials: Credentials | None = None,
    ) -> None:
        self.org = Org(Clock(clock), credentials or Credentials(), state_path)
        self._server = LoopbackServer(Application(self.org), port)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def settings(self) -> Settings:
        """Page size, daily limit and the like; change them at any time."""
        return self.org.settings

    @property
    def counters(self) -> Counters:
        return self.org.counters

    def start(self) -> Self:
        self._server.start()
        return self

    def stop(self) -> None:
        self._server.stop()
        self.org.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def credentials(self) -> dict[str, str]:
        """consumer_key, consumer_secret, username, private_key (PEM): all that both flows need."""
        known = self.org.sessions.credentials
        return {
            "consumer_key": known.consumer_key,
            "consumer_secret": known.consumer_secret,
            "username": known.username,
            "private_key": self.org.sessions.private_key(),
        }

    def reset(self) -> None:
        with self.org.lock:
            self.org.reset()

    def seed_accounts(self, count: int, seed: int = 1, *, awkward: bool = False) -> list[str]:
        """Ids of new accounts, some with primary contacts; see `seeding`."""
        with self.org.lock:
            return seeding.seed_accounts(self.org, count, seed, awkward=awkward)

    def records(self, object_name: str) -> list[dict[str, object]]:
        with self.org.lock:
            return control.records(self.org, object_name)

    def arm(self, fault: Fault) -> None:
        """Let something go wrong; raises ValueError for an effect that is not in `EFFECTS`."""
        if fault.effect not in EFFECTS:
            raise ValueError(f"{fault.effect!r} is none of {', '.join(EFFECTS)}")
        with self.org.lock:
            self.org.faults.arm(fault)
