"""Fresh installations to measure: each with a home and a database of its own, copied from one that was set up once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
from sqlalchemy import select

from qbwc_server import app as product
from qbwc_server.app import Installation
from qbwc_server.secrets import generate_password, hash_password
from qbwc_server.settings import FILE
from qbwc_server.store import parties
from qbwc_server.store.database import Database, sqlite_url
from qbwc_server.store.tables import records
from tests.postgres import Cluster
from tests.rows import COMPANY, CONNECTION, ORGANISATION, like

# Above the largest body that is measured; the shipped guard may be lower.
BODY_MB = 250
DATABASES = ("postgresql", "sqlite")
PASSWORD = generate_password()


# Alembic's context is one for the whole process.
_MIGRATING = Lock()

_CUSTOMERS = select(records.c.id, records.c["values"]).where(
    records.c.scope_id == COMPANY.id,
    records.c.side == "books",
    records.c.kind == "Customer",
    ~records.c.deleted,
)


@dataclass(frozen=True)
class Fresh:
    """An installation with one company and one organisation; no process runs on it yet."""

    home: Path
    url: str

    @contextmanager
    def database(self) -> Iterator[Database]:
        opened = Database(self.url)
        try:
            yield opened
        finally:
            opened.close()

    def customers(self) -> dict[str, Any]:
        """The stored QuickBooks customers: values by ListID."""
        with self.database() as database, database.read() as tx:
            return {row[0]: row[1] for row in tx.execute(_CUSTOMERS)}


class Installations:
    """Makes fresh installations below `place`, and takes them away again. Without a cluster only on SQLite."""

    def __init__(self, place: Path, cluster: Cluster | None) -> None:
        self._place, self._cluster = place, cluster
        self._numbers = count()
        self._templates: dict[str, Fresh] = {}

    @property
    def databases(self) -> tuple[str, ...]:
        return DATABASES if self._cluster else ("sqlite",)

    @contextmanager
    def fresh(self, kind: str) -> Iterator[Fresh]:
        """An installation on a database of this kind until the end of the block."""
        made = self._copy(kind, self._template(kind))
        try:
            yield made
        finally:
            shutil.rmtree(made.home, ignore_errors=True)
            self._drop(kind, made)

    def close(self) -> None:
        for kind, template in self._templates.items():
            self._drop(kind, template)
        self._templates.clear()

    def _drop(self, kind: str, one: Fresh) -> None:
        if kind == "postgresql" and self._cluster:
            with suppress(
                psycopg.OperationalError
            ):  # a Ctrl-C reaches the cluster, too: it is gone with all of it
                self._cluster.drop(one.url)

    def _template(self, kind: str) -> Fresh:
        if kind not in self._templates:
            with _MIGRATING:
                self._templates[kind] = self._set_up(kind)
        return self._templates[kind]

    def _set_up(self, kind: str) -> Fresh:
        home = self._home()
        url = self._cluster.make() if kind == "postgresql" and self._cluster else ""
        made = _settled(home, url)
        product.create_installation(home)
        opened = product.open_installation(home)
        try:
            _introduce(opened)
        finally:
            opened.close()
        return made

    def _copy(self, kind: str, template: Fresh) -> Fresh:
        home = self._home()
        shutil.copytree(template.home, home, dirs_exist_ok=True)
        if kind != "postgresql" or self._cluster is None:
            return _settled(home, "")
        return _settled(home, self._cluster.make(like=template.url))

    def _home(self) -> Path:
        home = self._place / f"home{next(self._numbers)}"
        home.mkdir(mode=0o700)
        return home


def _introduce(opened: Installation) -> None:
    """One company, one organisation that nobody calls, and their connection."""
    now = opened.clock()
    hashed = hash_password(PASSWORD, opened.keys, generated=True)
    sealed = opened.keys.seal(json.dumps({"consumer_key": "key", "consumer_secret": "secret"}))
    with opened.database.write() as tx:
        parties.add_company(tx, like(COMPANY, password_hash=hashed, created_at=now))
        parties.add_organisation(tx, like(ORGANISATION, credentials=sealed, created_at=now))
        parties.add_connection(tx, like(CONNECTION, created_at=now))


def _settled(home: Path, url: str) -> Fresh:
    """Write the settings of a home; "" is a SQLite file in it."""
    settings = {"max_body_mb": BODY_MB} | ({"database_url": url} if url else {})
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
    (home / FILE).write_text("".join(lines), "utf-8")
    return Fresh(home, url or sqlite_url(home / "qbwc.sqlite"))
