"""A command line to type at, and a whole shop behind it: a CRM, the server, a company file and its Web Connector."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from crm.emulators.salesforce import SalesforceEmulator
from qbwc_server import app as product
from qbwc_server.app import Installation
from qbwc_server.cli.root import root
from qbwc_server.settings import DATABASE_FILE, FILE
from qbwc_server.simulator import CompanyFile
from qbwc_server.store import jobs, links, parties
from qbwc_server.store.rows import Link, LinkJob
from qbwc_server.worker import tasks
from tests.databases import Databases
from tests.logs_kept import logs_kept
from tests.wired import served

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _no_other_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("QBWC_") and name != "QBWC_REQUIRE"]:
        monkeypatch.delenv(name)


@dataclass
class Line:
    """A command line whose commands all go to one home."""

    home: Path

    def __call__(self, *words: str, answer: str | bytes = "") -> Result:
        """Type a command; `answer` is its standard input."""
        with logs_kept():
            return CliRunner().invoke(root, ["--home", str(self.home), *words], input=answer)

    def says(self, *words: str, answer: str | bytes = "") -> str:
        """What a command prints when all is well."""
        result = self(*words, answer=answer)
        assert result.exit_code == 0, (words, result.output, result.exception)
        return result.output

    def refuses(self, *words: str, answer: str | bytes = "") -> str:
        """The sentence of a command that ends with 1; never a trace."""
        result = self(*words, answer=answer)
        assert result.exit_code == 1, (words, result.output, result.exception)
        assert "Traceback" not in result.output
        return result.stderr.strip()

    def json(self, *words: str) -> Any:
        result = self(*words, "--json")
        return json.loads(result.stdout)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """A command line without an installation."""
    return Line(tmp_path / "home")


@pytest.fixture(scope="session")
def _made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("made") / "home"
    product.create_installation(home)
    return home


@contextmanager
def installed(line: Line, made_home: Path, databases: Databases) -> Iterator[Line]:
    """A copy of the made installation; one on PostgreSQL says in its settings where that is."""
    line.home.mkdir()
    for part in made_home.iterdir():
        (line.home / part.name).write_bytes(part.read_bytes())
        (line.home / part.name).chmod(0o600)
    if databases.kind == "sqlite":
        yield line
        return
    (line.home / DATABASE_FILE).unlink()
    with databases.migrated(line.home) as url:
        (line.home / FILE).write_text(f"database_url = {json.dumps(url)}\n")
        yield line


@pytest.fixture
def ready(line: Line, _made_home: Path, databases: Databases) -> Iterator[Line]:
    """A command line with an installation that holds nothing yet."""
    with installed(line, _made_home, databases):
        yield line


@dataclass
class Shop:
    """Everything connected. Nothing runs by itself: a test says `update` and `work`."""

    line: Line
    installation: Installation
    salesforce: SalesforceEmulator
    books: CompanyFile
    address: str
    files: Path
    seen: list[str] = field(default_factory=list)

    def update(self) -> str:
        """Update Selected; the status shown."""
        [row] = self.line.json("simulate", "connector", "update")
        assert row["ok"], row
        return str(row["status"])

    def work(self) -> None:
        """One look of the worker, with the CRM due to be read."""
        with self.installation.database.write() as tx:
            for one in parties.all_organisations(tx):
                parties.change_organisation(tx, one.id, polled_at=None)
        tasks.work_once(self.installation.background())

    def sync(self) -> None:
        """Until both sides know everything."""
        self.work()
        self.update()
        self.work()
        self.update()
        self.work()

    def account(self, name: str, **values: str) -> str:
        """A promoted account; its id."""
        given = {"Name": name, "QB_Link_Status__c": "To be Linked", **values}
        return self.salesforce.create("Account", given)

    def in_crm(self, account: str) -> dict[str, Any]:
        return next(row for row in self.salesforce.records("Account") if row["Id"] == account)

    def names_in_books(self) -> list[str]:
        return sorted(row["FullName"] for row in self.books.customers())

    def link(self, name: str) -> Link:
        """The link that is now, of a record of this name."""
        with self.installation.database.read() as tx:
            ids = [one.id for one in parties.all_connections(tx)]
            found = [one for one in links.all_links(tx, ids) if one.label == name and not one.unlinked_at]
        assert len(found) == 1, (name, found)
        return found[0]

    def jobs(self, *states: str) -> list[LinkJob]:
        with self.installation.database.read() as tx:
            return jobs.all_jobs(tx, [one.id for one in parties.all_connections(tx)], states=states)


@contextmanager
def opened_shop(folder: Path, line: Line) -> Iterator[Shop]:
    with ExitStack() as stack:
        salesforce = stack.enter_context(SalesforceEmulator())
        login = {name: salesforce.credentials()[name] for name in ("consumer_key", "consumer_secret")}
        (folder / "credentials.json").write_text(json.dumps(login))
        (folder / "password").write_text(PASSWORD)
        password = ("--password-file", str(folder / "password"))
        line.says("company", "add", "Shop", "--user", "shop", "--timezone", "America/New_York", *password)
        crm = (
            "--crm",
            "salesforce",
            "--url",
            salesforce.url,
            "--credentials",
            str(folder / "credentials.json"),
        )
        line.says("connection", "add", "CRM", "--company", "Shop", *crm)
        line.says("simulate", "company", "new", str(folder / "books.sqlite"), "--name", "Right Tools")
        installation = product.open_installation(line.home)
        stack.callback(installation.close)
        address = stack.enter_context(served(installation.web()))
        (folder / "shop.qwc").write_text(line.says("qwc", "Shop", "--url", f"{address}/qbwc"))
        line.says("simulate", "connector", "add", str(folder / "shop.qwc"), *password)
        books = CompanyFile.open(folder / "books.sqlite")
        stack.callback(books.close)
        yield Shop(line, installation, salesforce, books, address, folder)


@pytest.fixture
def shop(tmp_path: Path, ready: Line) -> Iterator[Shop]:
    with opened_shop(tmp_path, ready) as made:
        yield made


@pytest.fixture(scope="module")
def busy_shop(
    tmp_path_factory: pytest.TempPathFactory, _made_home: Path, databases: Databases
) -> Iterator[Shop]:
    """A shop after its first days, for tests that only look: a pair, a refused record and one that looks alike."""
    folder = tmp_path_factory.mktemp("busy")
    line = Line(folder / "home")
    with installed(line, _made_home, databases), opened_shop(folder, line) as made:
        made.account("Ann's Bakery", Phone="555-0100")
        made.account("North: South")
        made.books.user_add({"Name": "Harbour Ferries"})
        made.account("Harbor Ferries")
        made.sync()
        yield made


def every_command(group: click.Group = root, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The words of each command and group."""
    ctx = click.Context(group)
    found: list[tuple[str, ...]] = []
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += every_command(command, (*path, name))
    return found
