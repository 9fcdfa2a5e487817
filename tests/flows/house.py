"""The whole way over HTTP: an emulated Salesforce, worker and server, a simulated Web Connector, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crm.emulators.salesforce import SalesforceEmulator
from qbwc_server import app as product
from qbwc_server.app import Installation
from qbwc_server.simulator import CompanyFile, Options, WebConnector
from qbwc_server.store import parties
from qbwc_server.worker import tasks
from tests.cli.conftest import Line
from tests.sync.shop import SETTINGS
from tests.wired import served

COMPANY = "Harbor Supply"
# What a sales person types beyond what a test is about.
SALE = {"StageName": "Closed Won", "CloseDate": "2026-03-01"}


@dataclass
class Hours:
    """The clock of the QuickBooks PC: it goes on when the Web Connector waits."""

    now: datetime = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
    waited: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += timedelta(seconds=seconds)


@dataclass
class House:
    """One company and one organisation. Nothing runs by itself: a test says `work` and `update`."""

    line: Line
    installation: Installation
    salesforce: SalesforceEmulator
    books: CompanyFile
    connector: WebConnector
    address: str
    password: str
    application: str = ""

    def qwc(self, *words: str) -> str:
        return self.line.says("qwc", COMPANY, "--url", f"{self.address}/qbwc", *words)

    def work(self) -> None:
        """A look of the worker, with the CRM due to be read."""
        with self.installation.database.write() as tx:
            for one in parties.all_organisations(tx):
                parties.change_organisation(tx, one.id, polled_at=None)
        tasks.work_once(self.installation.background())

    def update(self) -> None:
        """Update Selected, as the person at the PC presses it."""
        [result] = self.connector.update()
        assert result.ok, result

    def settle(self, rounds: int = 2) -> None:
        """Until each side knows what the other holds."""
        for _ in range(rounds):
            self.work()
            self.update()
        self.work()

    def rows(self, kind: str, **wanted: Any) -> list[dict[str, Any]]:
        """Salesforce's rows of an object that hold these values."""
        found = (dict(row) for row in self.salesforce.records(kind))
        return [row for row in found if all(row.get(name) == value for name, value in wanted.items())]

    def row(self, kind: str, record_id: str) -> dict[str, Any]:
        [found] = self.rows(kind, Id=record_id)
        return found

    # --- what people do in Salesforce ---

    def account(self, name: str, **values: Any) -> str:
        return self.salesforce.create("Account", {"Name": name, **values})

    def product(self, name: str, price: int, **values: Any) -> str:
        """A product with its price in the standard price book; the id of that entry."""
        given = {"Name": name, "IsActive": True, "QB_Item_Type__c": "Service", **values}
        made = self.salesforce.create("Product2", given)
        [book] = self.rows("Pricebook2", IsStandard=True)
        entry = {"Pricebook2Id": book["Id"], "Product2Id": made, "UnitPrice": price, "IsActive": True}
        return self.salesforce.create("PricebookEntry", entry)

    def sale(self, name: str, account: str, entry: str, price: int, generate: str) -> str:
        """An opportunity over one product, entered whole and then sent off by its Generate field."""
        [book] = self.rows("Pricebook2", IsStandard=True)
        given = {"Name": name, "AccountId": account, "Pricebook2Id": book["Id"], **SALE}
        made = self.salesforce.create("Opportunity", given)
        line = {"OpportunityId": made, "PricebookEntryId": entry, "Quantity": 1, "UnitPrice": price}
        self.salesforce.create("OpportunityLineItem", line)
        self.salesforce.edit(made, {"QB_Generate__c": generate})
        return made


@contextmanager
def opened(folder: Path, line: Line) -> Iterator[House]:
    with ExitStack() as stack:
        salesforce = stack.enter_context(SalesforceEmulator())
        login = {name: salesforce.credentials()[name] for name in ("consumer_key", "consumer_secret")}
        files = {"credentials": login, "override": {"settings": SETTINGS}}
        for name, values in files.items():
            (folder / f"{name}.json").write_text(json.dumps(values))
        zone = ("--timezone", "America/New_York")
        added = json.loads(line.says("company", "add", COMPANY, "--user", "harbor", *zone, "--json"))
        options = (
            "--credentials",
            str(folder / "credentials.json"),
            "--override",
            str(folder / "override.json"),
        )
        crm = ("--crm", "salesforce", "--url", salesforce.url, *options)
        line.says("connection", "add", "Salesforce", "--company", COMPANY, *crm)
        installation = product.open_installation(line.home)
        stack.callback(installation.close)
        address = stack.enter_context(served(installation.web()))
        path = folder / "harbor.sqlite"
        CompanyFile.create(path, company_name=COMPANY, timezone="America/New_York").close()
        books = CompanyFile.open(path)
        stack.callback(books.close)
        connector = WebConnector(folder / "connector", books, Options(noop_seconds=0.01))
        stack.callback(connector.close)
        made = House(line, installation, salesforce, books, connector, address, added["password"])
        made.application = connector.add(made.qwc()).name
        connector.password(made.application, made.password)
        yield made
