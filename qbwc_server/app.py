"""The composition root: the one place that builds things out of settings."""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from crm.http import Retries
from crm.port import Gateway
from crm.registry import open_gateway
from qbwc_server import secrets
from qbwc_server.errors import Problem
from qbwc_server.secrets import Keys
from qbwc_server.settings import Settings, load_settings
from qbwc_server.soap.operations import Sessions
from qbwc_server.store import migrate
from qbwc_server.store.database import Database
from qbwc_server.worker.tasks import Background

if TYPE_CHECKING:
    from flask import Flask

    from qbwc_server.worker.embedded import Embedded

log = structlog.get_logger(__name__)

# Seconds for which the CRM's time in an earlier answer serves as the present: what it costs is read again.
CLOCK_AGE = 60.0
SOAP_PATH = "/qbwc"  # where the public URL names no path: / is the status page


def system_clock() -> datetime:
    return datetime.now(UTC)


class Gateways:
    """Gateways kept open and shared by all tasks: each one costs a login and a description of the CRM.

    `patience`: seconds for which a call that fails is repeated.
    """

    def __init__(self, patience: float = 120) -> None:
        self._patience = patience
        self._open: dict[tuple[str, str, str], Gateway] = {}
        self._lock = threading.Lock()

    def __call__(self, vendor: str, url: str, credentials: Mapping[str, str]) -> Gateway:
        key = (vendor, url, sha256(repr(sorted(credentials.items())).encode()).hexdigest())
        with self._lock:
            if key not in self._open:
                retries = Retries(patience=self._patience)
                self._open[key] = open_gateway(vendor, url, credentials, retries=retries, clock_age=CLOCK_AGE)
            return self._open[key]

    def close(self) -> None:
        with self._lock:
            for gateway in self._open.values():
                gateway.close()
            self._open.clear()


@dataclass(frozen=True)
class Installation:
    """One installation, opened: settings, keys, database and clock. Everything else is built from these."""

    settings: Settings
    keys: Keys
    database: Database
    clock: Callable[[], datetime] = system_clock
    gateways: Gateways = field(default_factory=Gateways)

    def sessions(self) -> Sessions:
        return Sessions(self.database, self.keys, self.clock)

    def background(self) -> Background:
        return Background(
            self.database,
            self.keys,
            self.gateways,
            self.clock,
            self.settings.poll_every,
            self.settings.keep_exchanges,
        )

    def worker(self) -> "Embedded":
        from qbwc_server.worker.embedded import Embedded

        return Embedded(self.background(), self.sessions().expire_idle)

    def web(self) -> "Flask":
        """The WSGI application: SOAP at the path of the public URL, status pages around it."""
        # Here, because a command that does not serve should not wait half a second for spyne and Flask.
        from flask import Flask
        from werkzeug.middleware.dispatcher import DispatcherMiddleware
        from werkzeug.middleware.proxy_fix import ProxyFix

        from qbwc_server.console.status import status_pages
        from qbwc_server.soap.front import soap_app
        from qbwc_server.soap.port import safe_operations

        sessions = self.sessions()

        def report(method: str, ticket: str, failure: Exception) -> None:
            _report(method, ticket, failure)
            sessions.note_failure(method, ticket, failure)

        operations = safe_operations(sessions, report)
        settings = self.settings
        soap = soap_app(
            operations,
            public_url=settings.public_url,
            max_bytes=settings.max_bytes,
            # Not the system's folder, which may be in memory.
            folder=settings.home,
        )
        flask = Flask("qbwc_server")
        flask.register_blueprint(status_pages(self.database, self.clock))
        path = urlsplit(self.settings.public_url).path.rstrip("/") or SOAP_PATH
        mounted = DispatcherMiddleware(flask.wsgi_app, {path: soap})
        hops = self.settings.proxies
        flask.wsgi_app = ProxyFix(mounted, hops, hops, hops) if hops else mounted  # type: ignore[method-assign]
        return flask

    def open_crm(self, vendor: str, url: str, credentials: Mapping[str, str], **options: Any) -> Gateway:
        """A gateway of its own, for a person who waits; the caller closes it."""
        return open_gateway(vendor, url, credentials, retries=Retries(patience=0), **options)

    def close(self) -> None:
        self.gateways.close()
        self.database.close()


def _report(method: str, ticket: str, failure: Exception) -> None:
    from qbwc_server.soap.port import without_values

    log.error("soap.failed", method=method, ticket=ticket[:4], failure=without_values(failure))


def create_installation(home: Path | None) -> Settings:
    """Make the home, its key file and its database; harmless when they exist."""
    settings = load_settings(home)
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (settings.home / secrets.KEY_FILE).exists() and not os.environ.get(secrets.KEY_VARIABLE):
        secrets.create_key_file(settings.home)
    database = Database(settings.database)
    try:
        migrate.upgrade(database)
    finally:
        database.close()
    return settings


def open_installation(home: Path | None) -> Installation:
    """The installation in `home`. Raises Problem when there is none or its keys cannot be used."""
    settings = load_settings(home)
    try:
        keys = secrets.load_keys(os.environ, settings.home)
    except secrets.SecretsUnusable as unusable:
        raise Problem(str(unusable)) from unusable
    database = Database(settings.database)
    if migrate.current(database) != migrate.head():
        database.close()
        raise Problem(
            f"The database of {settings.home} is not set up or not up to date. Run: qbwc-server init"
        )
    return Installation(settings, keys, database)


def web_app() -> "Flask":
    """What a WSGI server loads; the home comes from QBWC_HOME."""
    return open_installation(None).web()
