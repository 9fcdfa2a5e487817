"""The start API: one Salesforce organisation on a loopback port."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from crm.emulators.clock import Clock, system_time
from crm.emulators.server import LoopbackServer

from .app import Application
from .control import Control
from .org import Org
from .sessions import Credentials


class SalesforceEmulator(Control):
    """Listens on 127.0.0.1 between `start` and `stop`; also a context manager.

    `state_path` keeps the rows in a SQLite file, so a later emulator goes on with them. `clock` gives aware
    datetimes. Everything of `Control` is here too, and over HTTP under `/_emulator`.
    """

    def __init__(
        self,
        state_path: Path | None = None,
        *,
        clock: Callable[[], datetime] = system_time,
        port: int = 0,
        credentials: Credentials | None = None,
    ) -> None:
        super().__init__(Org(Clock(clock), credentials or Credentials(), state_path))
        self._server = LoopbackServer(Application(self.org), port)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, to be used as a My Domain URL."""
        return self._server.url

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
