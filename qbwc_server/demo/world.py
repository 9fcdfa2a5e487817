"""Everything that a demonstration runs on: both sides, the server between them, and how each is looked at.

What is told about a side is read from that side, never from the server's database.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm.emulators.salesforce import SalesforceEmulator
from qbwc_server.demo.server import Server, command
from qbwc_server.simulator import CompanyFile, Options, UpdateResult, WebConnector

COMPANY = "Harbor Supply"
TOO_LONG = (
    "Amalgamated Consolidated Holdings and Sons of Greater Springfield and the Surrounding Counties, Inc."
)
WITH_COLON = "North Shore: Boat Yard"
KNOWN_TO_BOTH = 0  # which of the seeded accounts has its customer in QuickBooks already
CUSTOMERS = (
    {"Name": "Blue Heron Kayaks", "Phone": "(207) 555-0111"},
    {"Name": "Tidewater Chandlery", "Phone": "(207) 555-0122"},
)
POLL_SECONDS = 0.1
QUIET_SECONDS = 2.5  # the worker looks for work once a second

LEAST_ACCOUNTS = 6

Row = dict[str, Any]


@dataclass(frozen=True)
class Wishes:
    accounts: int = 30
    seed: int = 1
    serve: bool = False
    # For tests of the demonstration itself.
    break_soap: bool = False


@dataclass(frozen=True)
class Account:
    """An account as Salesforce holds it."""

    id: str
    name: str
    phone: str
    city: str
    status: str
    error: str
    list_id: str

    @classmethod
    def of(cls, row: Row) -> "Account":
        names = (
            "Id",
            "Name",
            "Phone",
            "BillingCity",
            "QB_Link_Status__c",
            "QB_Sync_Error__c",
            "QB_ListID__c",
        )
        return cls(*(str(row.get(name) or "") for name in names))


@dataclass(frozen=True)
class Customer:
    """A customer as the company file holds it."""

    list_id: str
    name: str
    phone: str
    city: str

    @classmethod
    def of(cls, row: Row) -> "Customer":
        city = (row.get("BillAddress") or {}).get("City") or ""
        return cls(str(row["ListID"]), str(row["Name"]), str(row.get("Phone") or ""), str(city))


@dataclass(frozen=True)
class Tally:
    """What both sides themselves counted: reads and writes made by others than their own users."""

    books: dict[str, int]
    crm_calls: dict[str, int]
    crm_writes: dict[str, int]

    def books_writes(self) -> int:
        return sum(number for name, number in self.books.items() if not name.endswith("Query"))

    def books_reads(self) -> int:
        return self.books.get("CustomerQuery", 0)

    def crm_reads(self) -> int:
        return sum(number for name, number in self.crm_calls.items() if name.startswith("query"))

    def crm_written(self) -> int:
        return sum(self.crm_writes.values())


@dataclass(frozen=True)
class World:
    home: Path
    salesforce: SalesforceEmulator
    company: CompanyFile
    connector: WebConnector
    server: Server
    application: str

    def accounts(self) -> list[Account]:
        return [Account.of(row) for row in self.salesforce.records("Account")]

    def account(self, account_id: str) -> Account:
        return next(one for one in self.accounts() if one.id == account_id)

    def customers(self) -> list[Customer]:
        return [Customer.of(row) for row in self.company.customers()]

    def customer(self, list_id: str) -> Customer | None:
        return next((one for one in self.customers() if one.list_id == list_id), None)

    def tally(self) -> Tally:
        counted = self.salesforce.counters.as_dict()
        return Tally(self.company.counts(), counted["calls"], counted["writes"])

    def update(self) -> UpdateResult:
        """Press Update Selected."""
        [result] = self.connector.update([self.application])
        return result

    def until_quiet(self, seconds: float = 20) -> None:
        """Let the server finish what an update started: neither side counts a write for a while."""
        deadline = time.monotonic() + seconds
        since, last = time.monotonic(), self._written()
        while time.monotonic() < min(since + QUIET_SECONDS, deadline):
            time.sleep(POLL_SECONDS)
            if self._written() != last:
                since, last = time.monotonic(), self._written()

    def _written(self) -> tuple[int, int]:
        tally = self.tally()
        return tally.books_writes(), tally.crm_written()


def until(come_true: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not come_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


@contextmanager
def made(home: Path, wishes: Wishes, say: Callable[[str], None]) -> Iterator[World]:
    """Build everything in an empty folder, and end all of it again."""
    with ExitStack() as stack:
        salesforce = stack.enter_context(SalesforceEmulator())
        _fill(salesforce, wishes.accounts, wishes.seed)
        made_from = f"{wishes.accounts} accounts, made from seed {wishes.seed}"
        say(f'Salesforce (emulated) has {made_from}, all "To be Linked".')
        company = _company_file(home, salesforce)
        stack.callback(company.close)
        say(f"QuickBooks (simulated) has the company file {COMPANY} with {len(CUSTOMERS) + 1} customers.")
        password = _set_up(home, salesforce)
        server = Server(home, break_soap=wishes.break_soap)
        stack.callback(server.stop)
        say(f"The server runs. The Web Connector reaches it at {server.url}/qbwc.")
        connector = WebConnector(home / "connector", company, Options(noop_seconds=0.5))
        qwc = command(home, "qwc", COMPANY, "--url", f"{server.url}/qbwc")
        application = connector.add(qwc).name
        connector.password(application, password)
        say(f"The Web Connector (simulated) took the .qwc file and the password of “{application}”.")
        yield World(home, salesforce, company, connector, server, application)


def _fill(salesforce: SalesforceEmulator, accounts: int, seed: int) -> None:
    """The last two cannot go to QuickBooks as they are: one name is too long, one has a colon."""
    salesforce.seed_accounts(accounts - 2, seed)
    for name in (TOO_LONG, WITH_COLON):
        values = {"Name": name, "QB_Link_Status__c": "To be Linked", "BillingCity": "Springfield"}
        salesforce.create("Account", values)


def _company_file(home: Path, salesforce: SalesforceEmulator) -> CompanyFile:
    """Some customers are there before: two that Salesforce does not know, and one that it does."""
    path = home / "harbor.qbw.sqlite"
    company = CompanyFile.create(path, company_name=COMPANY, timezone="America/New_York")
    known = salesforce.records("Account")[KNOWN_TO_BOTH]
    for values in (*CUSTOMERS, {"Name": known["Name"]}):
        company.user_add(values)
    return company


def _set_up(home: Path, salesforce: SalesforceEmulator) -> str:
    """What an administrator types, by the real commands; the Web Connector user's password."""
    login = salesforce.credentials()
    credentials = home / "credentials.json"
    chosen = {name: login[name] for name in ("consumer_key", "consumer_secret")}
    credentials.write_text(json.dumps(chosen), "utf-8")
    command(home, "init")
    added = command(
        home, "company", "add", COMPANY, "--user", "harbor", "--timezone", "America/New_York", "--json"
    )
    crm = ["--crm", "salesforce", "--url", salesforce.url, "--credentials", str(credentials)]
    command(home, "connection", "add", "Salesforce", "--company", COMPANY, *crm)
    return str(json.loads(added)["password"])
