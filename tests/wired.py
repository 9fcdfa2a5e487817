"""Everything wired in one process: an emulated CRM, this server, a simulated QuickBooks and its Web Connector.

Nothing runs by itself: a test says `poll` and `update`, and they are over when they return.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import WSGIApplication

from crm.emulators.salesforce import SalesforceEmulator
from qbwc_server import app as product
from qbwc_server.app import Installation
from qbwc_server.secrets import hash_password
from qbwc_server.settings import FILE
from qbwc_server.simulator import CompanyFile, Options, WebConnector
from qbwc_server.soap.qwc import OWNER_ID, build_qwc
from qbwc_server.store import parties
from qbwc_server.worker import tasks
from tests.rows import COMPANY, CONNECTION, FILE_ID, ORGANISATION, like

PASSWORD = "right-password"
APPLICATION = "Right Tools Sync"

Wrapper = Callable[[WSGIApplication], WSGIApplication]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name it overrides)
        pass


@dataclass
class Wired:
    """One company, one organisation, connected; with the parties on either side at hand."""

    installation: Installation
    salesforce: SalesforceEmulator
    books: CompanyFile
    connector: WebConnector

    def poll(self) -> int:
        """One look of the worker: the CRM is read if it is due, and due writes are delivered."""
        return tasks.work_once(self.installation.background())

    def poll_again(self) -> int:
        """As `poll`, with the CRM due to be read whatever the clock says."""
        with self.installation.database.write() as tx:
            parties.change_organisation(tx, "org", polled_at=None)
        return self.poll()

    def update(self) -> None:
        """Update Selected; AssertionError unless the Web Connector is content."""
        (result,) = self.connector.update()
        assert result.ok, result


@contextmanager
def wired(
    home: Path, wrap: Wrapper = lambda application: application, database_url: str = ""
) -> Iterator[Wired]:
    """The whole house below `home`. `wrap` goes around the product's WSGI application.

    `database_url`: where the product keeps its data, if not in a SQLite file of its own.
    """
    if database_url:
        (home / "product").mkdir()
        (home / "product" / FILE).write_text(f"database_url = {json.dumps(database_url)}\n")
    product.create_installation(home / "product")
    installation = product.open_installation(home / "product")
    with SalesforceEmulator() as salesforce, served(wrap(installation.web())) as address:
        login = {name: salesforce.credentials()[name] for name in ("consumer_key", "consumer_secret")}
        introduce(installation, salesforce.url, login)
        CompanyFile.create(
            home / "books.sqlite", company_name="Right Tools", timezone="America/New_York"
        ).close()
        books = CompanyFile.open(home / "books.sqlite")
        connector = WebConnector(home / "connector", books, Options(noop_seconds=0.01))
        connector.add(_qwc(address))
        connector.password(APPLICATION, PASSWORD)
        try:
            yield Wired(installation, salesforce, books, connector)
        finally:
            connector.close()
            books.close()
            installation.close()


@contextmanager
def served(application: WSGIApplication) -> Iterator[str]:
    """The application on a free loopback port; its address."""
    server = make_server("127.0.0.1", 0, application, server_class=_Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def introduce(installation: Installation, crm_url: str, login: dict[str, str]) -> None:
    """The company, the organisation and the connection of the two."""
    keys, now = installation.keys, installation.clock()
    with installation.database.write() as tx:
        hashed = hash_password(PASSWORD, keys, generated=True)
        parties.add_company(tx, like(COMPANY, password_hash=hashed, created_at=now))
        sealed = keys.seal(json.dumps(login))
        parties.add_organisation(tx, like(ORGANISATION, url=crm_url, credentials=sealed, created_at=now))
        parties.add_connection(tx, like(CONNECTION, created_at=now))


def _qwc(address: str) -> str:
    return build_qwc(
        app_name=APPLICATION,
        app_url=f"{address}/qbwc",
        support_url=f"{address}/support",
        user=COMPANY.user_name,
        owner_id=OWNER_ID,
        file_id=FILE_ID,
        description="Keeps Right Tools in step with its CRM.",
        minutes=None,
    )
