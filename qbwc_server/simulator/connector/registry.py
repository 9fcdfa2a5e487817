"""What the Web Connector remembers between runs: its applications (JSON) and their passwords (a file of its own)."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from qbwc_server.simulator.connector.qwc import Qwc
from qbwc_server.simulator.errors import SimulatorError

REGISTRY_FILE = "connector.json"
PASSWORD_FILE = "passwords.json"  # noqa: S105 - the name of a file
LOCK_FILE = "UpdateLock"
RULES_FILE = "rules.json"
# Seconds for which a run waits for another one of the same user.
UPDATE_WAIT = 3600


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
    # Seconds: the limit that the application set for Every_Min (authenticate [3]).
    minimum: int | None = None

    @property
    def name(self) -> str:
        return self.qwc.registered_name


class Registry:
    """The folder that stands for the Windows user's registry keys; passwords.json is readable by its owner only."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._applications = home / REGISTRY_FILE
        self._passwords = home / PASSWORD_FILE
        self._lock = home / LOCK_FILE
        self._rules = home / RULES_FILE

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

    def remember_run(self, name: str, result: str, run: str, minimum: int | None) -> None:
        """minimum: what authenticate [3] said, None = nothing; it raises Every_Min when that was lower."""
        row = self.applications().get(name)
        if row is None:
            # Removed while it ran.
            return
        self.keep(
            replace(
                row,
                last_result=result,
                last_run=run,
                minimum=row.minimum if minimum is None else minimum,
                every=_highest(row.every, minimum),
            )
        )

    def set_every(self, name: str, seconds: int) -> int:
        """Every_Min as the user types it, never below the application's limit (2.5); what it became."""
        row = self.application(name)
        every = max(seconds, row.minimum or 0)
        self.keep(replace(row, every=every))
        return every

    def remove(self, name: str) -> None:
        for path, mode in ((self._applications, 0o644), (self._passwords, 0o600)):
            rows = _read(path)
            rows.pop(name, None)
            _write(path, rows, mode)

    def password(self, name: str) -> str | None:
        try:
            text = _read(self._passwords).get(name)
        except (OSError, ValueError) as error:
            raise SimulatorError(
                f"The stored password cannot be decrypted ({error}). Type it again.", "QBWC1029"
            ) from error
        return None if text is None else str(text)

    def set_password(self, name: str, password: str) -> None:
        self.application(name)
        _write(self._passwords, {**self._readable(), name: password}, 0o600)

    def _readable(self) -> dict[str, Any]:
        """The stored passwords; a file that cannot be read any more is begun anew."""
        try:
            return _read(self._passwords)
        except ValueError:
            return {}

    def rules(self) -> dict[str, str]:
        """Open questions that were moved from our position: name -> position (unconfirmed.py)."""
        return _read(self._rules)

    def set_rule(self, name: str, position: str) -> None:
        _write(self._rules, {**_read(self._rules), name: position}, 0o644)

    @contextmanager
    def update_lock(self) -> Iterator[None]:
        """UpdateLock: one run at a time for each Windows user, whichever program began it (3.2 #14).

        A database holds it, since the system takes that lock away from a program that was killed.
        """
        with closing(sqlite3.connect(self._lock, timeout=UPDATE_WAIT, isolation_level=None)) as db:
            db.execute("BEGIN EXCLUSIVE")
            yield
            db.execute("ROLLBACK")


def _highest(*values: int | None) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _write(path: Path, rows: dict[str, Any], mode: int) -> None:
    """Written beside and moved over: a killed program leaves the old file or the new one."""
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=2, ensure_ascii=False)
    new.replace(path)
