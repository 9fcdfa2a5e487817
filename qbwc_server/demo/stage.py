"""Building everything that a demonstration runs on: both sides with what is in them, the server, the Web Connector."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from crm.emulators.salesforce import SalesforceEmulator
from qbwc_server.demo.server import Server, command
from qbwc_server.demo.world import World
from qbwc_server.simulator import CompanyFile, Options, WebConnector

COMPANY = "Harbor Supply"
CONNECTION = "Salesforce"
TOO_LONG = (
    "Amalgamated Consolidated Holdings and Sons of Greater Springfield and the Surrounding Counties, Inc."
)
WITH_COLON = "North Shore: Boat Yard"
NO_LINES = "Dock repair, not priced yet"
PRODUCTS, OPPORTUNITIES = 6, 4
KNOWN_TO_BOTH = 0  # which of the seeded accounts has its customer in QuickBooks already
CUSTOMERS: tuple[dict[str, Any], ...] = (
    {"Name": "Blue Heron Kayaks", "Phone": "(207) 555-0111"},
    {"Name": "Tidewater Chandlery", "Phone": "(207) 555-0122"},
)
ITEM = "Mooring Inspection"
ITEM_PRICE = Decimal("185.50")
# What QuickBooks books the sale of an item on; names of the company's own chart of accounts.
SETTINGS = {
    "income_account": "Sales",
    "expense_account": "Other Expenses",
    "cogs_account": "Cost of Goods Sold",
    "asset_account": "Inventory Asset",
}
# New records besides the accounts: items, documents, and what comes from QuickBooks.
MORE_CREATES = 100

LEAST_ACCOUNTS = 6


@dataclass(frozen=True)
class Wishes:
    accounts: int = 30
    seed: int = 1
    serve: bool = False
    # For tests of the demonstration itself.
    break_soap: bool = False


@contextmanager
def made(home: Path, wishes: Wishes, say: Callable[[str], None]) -> Iterator[World]:
    """Build everything in an empty folder, and end all of it again."""
    with ExitStack() as stack:
        salesforce = stack.enter_context(SalesforceEmulator())
        fill_salesforce(salesforce, wishes.accounts, wishes.seed)
        say(
            f"Salesforce (emulated) has {wishes.accounts} accounts, {PRODUCTS} products and {OPPORTUNITIES + 1} won "
            f'opportunities, made from seed {wishes.seed}, all "To be Linked".'
        )
        company = fill_quickbooks(home, salesforce)
        stack.callback(company.close)
        say(
            f"QuickBooks (simulated) has the company file {COMPANY} with {len(CUSTOMERS) + 1} customers, an item and "
            "an invoice."
        )
        creates = wishes.accounts + MORE_CREATES
        # Beyond the limit that is shipped a person would be asked, and nobody is there.
        password = _set_up(home, salesforce, {"settings": SETTINGS, "limits": {"creates": creates}})
        names = f"names {len(SETTINGS)} accounts of QuickBooks' chart"
        say(f"The connection's override {names}, and allows {creates} new records an hour.")
        server = Server(home, break_soap=wishes.break_soap)
        stack.callback(server.stop)
        say(f"The server runs. The Web Connector reaches it at {server.url}/qbwc.")
        connector = WebConnector(home / "connector", company, Options(noop_seconds=0.5))
        qwc = command(home, "qwc", COMPANY, "--url", f"{server.url}/qbwc")
        application = connector.add(qwc).name
        connector.password(application, password)
        say(f"The Web Connector (simulated) took the .qwc file and the password of “{application}”.")
        yield World(home, salesforce, company, connector, server, application)


def fill_salesforce(salesforce: SalesforceEmulator, accounts: int, seed: int) -> None:
    """Two accounts and an opportunity cannot go to QuickBooks as they are."""
    good = salesforce.seed_accounts(accounts - 2, seed)
    salesforce.seed_products(PRODUCTS, seed)
    salesforce.seed_opportunities(OPPORTUNITIES, seed)
    for name in (TOO_LONG, WITH_COLON):
        values = {"Name": name, "QB_Link_Status__c": "To be Linked", "BillingCity": "Springfield"}
        salesforce.create("Account", values)
    won = {"StageName": "Closed Won", "CloseDate": "2026-03-02", "QB_Generate__c": "Invoice"}
    book = {"Pricebook2Id": standard_book(salesforce)}
    salesforce.create("Opportunity", {"Name": NO_LINES, "AccountId": good[0], **won, **book})


def standard_book(salesforce: SalesforceEmulator) -> str:
    return next(str(row["Id"]) for row in salesforce.records("Pricebook2") if row["IsStandard"])


def fill_quickbooks(home: Path, salesforce: SalesforceEmulator) -> CompanyFile:
    """Some of it is there before: what Salesforce does not know, and one customer that it does."""
    path = home / "harbor.sqlite"
    company = CompanyFile.create(path, company_name=COMPANY, timezone="America/New_York")
    known = salesforce.records("Account")[KNOWN_TO_BOTH]
    for values in (*CUSTOMERS, {"Name": known["Name"]}):
        company.user_add(values)
    price = {"Desc": "A diver looks at it", "Price": ITEM_PRICE, "AccountRef": {"FullName": "Services"}}
    company.user_add({"Name": ITEM, "SalesOrPurchase": price}, "ItemService")
    line = {"ItemRef": {"FullName": ITEM}, "Quantity": Decimal(2)}
    whose = {"FullName": CUSTOMERS[0]["Name"]}
    company.user_add({"CustomerRef": whose, "InvoiceLineAdd": [line]}, "Invoice")
    return company


def _set_up(home: Path, salesforce: SalesforceEmulator, change: dict[str, Any]) -> str:
    """What an administrator types, by the real commands; the Web Connector user's password."""
    login = salesforce.credentials()
    chosen = {name: login[name] for name in ("consumer_key", "consumer_secret")}
    credentials = _json_file(home / "credentials.json", chosen)
    override = _json_file(home / "override.json", change)
    command(home, "init")
    added = command(
        home, "company", "add", COMPANY, "--user", "harbor", "--timezone", "America/New_York", "--json"
    )
    crm = ["--crm", "salesforce", "--url", salesforce.url, "--credentials", credentials]
    command(home, "connection", "add", CONNECTION, "--company", COMPANY, *crm, "--override", override)
    command(home, "connection", "check", CONNECTION)
    return str(json.loads(added)["password"])


def _json_file(path: Path, values: dict[str, Any]) -> str:
    path.write_text(json.dumps(values), "utf-8")
    return str(path)
