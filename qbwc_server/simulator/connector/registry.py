"""What the Web Connector remembers between runs: its applications (JSON) and their passwords (a file of its own)."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from qbwc_server.simulator.connector.qwc import Qwc
from qbwc_server.simulator.errors import SimulatorError

REGISTRY_FILE = "connector.json"
PASSWORD_FILE = "passwords.json"  # noqa: S105 - the name of a file


@dataclass(frozen=True)
class Application:
    """One row of the Web Connector's window."""

    qwc: Qwc
    # The company file (a path) that was open in QuickBooks when the application was added.
    company: str
    # Seconds between automatic runs; the application may raise it (authenticate [3]).
    every: int | None
    last_result: str = ""
    # ISO 8601 UTC.
    last_run: str = ""

    @property
    def name(self) -> str:
        return self.qwc.registered_name


class Registry:
    """The folder that stands for the Windows user's registry keys; passwords.json is readable by its owner only."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._applications = home / REGISTRY_FILE
        self._passwords = home / PASSWORD_FILE

    def applications(self) -> dict[str, Application]:
        """By registered name, in the order they were added."""
        return {
            name: Application(**{**row, "qwc": Qwc.from_json(row["qwc"])})
            for name, row in _read(self._applications).items()
        }

    def application(self, name: str) -> Application:
        found = self.applications().get(name)
        if found is None:
            raise SimulatorError(
                f"No application {name!r} is registered here. Add its .qwc file first.", "QBWC1011"
            )
        return found

    def keep(self, application: Application) -> None:
        rows = _read(self._applications)
        rows[application.name] = asdict(application)
        _write(self._applications, rows, 0o644)

    def remember_run(self, name: str, result: str, run: str, every: int | None) -> None:
        self.keep(replace(self.application(name), last_result=result, last_run=run, every=every))

    def remove(self, name: str) -> None:
        for path, mode in ((self._applications, 0o644), (self._passwords, 0o600)):
            rows = _read(path)
            rows.pop(name, None)
            _write(path, rows, mode)

    def password(self, name: str) -> str | None:
        text = _read(self._passwords).get(name)
        return None if text is None else str(text)

    def set_password(self, name: str, password: str) -> None:
        self.application(name)
        _write(self._passwords, {**_read(self._passwords), name: password}, 0o600)


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _write(path: Path, rows: dict[str, Any], mode: int) -> None:
    """Written beside and moved over: a killed program leaves the old file or the new one."""
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=2, ensure_ascii=False)
    new.replace(path)
