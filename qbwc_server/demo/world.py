"""Everything that a demonstration runs on, and how each side is looked at.

What is told about a side is read from that side, never from the server's database.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from crm.emulators.salesforce import SalesforceEmulator
from qbwc_server.demo.server import Server
from qbwc_server.demo.sides import (
    DOCUMENT_KINDS,
    ITEM_KINDS,
    Account,
    Customer,
    Document,
    Invoice,
    Item,
    Line,
    Opportunity,
    Product,
    money,
    text,
)
from qbwc_server.simulator import CompanyFile, UpdateResult, WebConnector

POLL_SECONDS = 0.1
QUIET_SECONDS = 2.5  # the worker looks for work once a second
# Only a demonstration that fails waits so long; a busy machine must not be the reason.
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Tally:
    """What both sides themselves counted: reads and writes made by others than their own users."""

    books: dict[str, int]
    crm_calls: dict[str, int]
    crm_writes: dict[str, int]

    def books_writes(self) -> int:
        return sum(number for name, number in self.books.items() if not name.endswith("Query"))

    def books_reads(self) -> int:
        return sum(number for name, number in self.books.items() if name.endswith("Query"))

    def crm_reads(self) -> int:
        """Queries, the parts of a composite call each by itself."""
        parts = ((name.removeprefix("composite:"), number) for name, number in self.crm_calls.items())
        return sum(number for name, number in parts if name.startswith("query"))

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

    # -- Salesforce ------------------------------------------------------------------------------------------

    def accounts(self) -> list[Account]:
        return [Account.of(row) for row in self._rows("Account")]

    def account(self, account_id: str) -> Account:
        return next(one for one in self.accounts() if one.id == account_id)

    def products(self) -> list[Product]:
        prices = {row["Product2Id"]: money(row, "UnitPrice") for row in self._rows("PricebookEntry")}
        return [Product.of(row, prices.get(row["Id"], Decimal(0))) for row in self._rows("Product2")]

    def opportunities(self) -> list[Opportunity]:
        names = {row["Id"]: text(row, "Name") for row in self._rows("Product2")}
        lines: dict[str, list[Line]] = {}
        for row in sorted(self._rows("OpportunityLineItem"), key=lambda row: row["SortOrder"] or 0):
            amounts = money(row, "Quantity"), money(row, "TotalPrice")
            line = Line(names[row["Product2Id"]], *amounts, text(row, "QB_TxnLineID__c"))
            lines.setdefault(row["OpportunityId"], []).append(line)
        return [Opportunity.of(row, tuple(lines.get(row["Id"], ()))) for row in self._rows("Opportunity")]

    def opportunity(self, opportunity_id: str) -> Opportunity:
        return next(one for one in self.opportunities() if one.id == opportunity_id)

    def invoices(self) -> list[Invoice]:
        return [Invoice.of(row) for row in self._rows("QB_Invoice__c")]

    def _rows(self, name: str) -> list[dict[str, Any]]:
        """What is not in the Recycle Bin."""
        return [row for row in self.salesforce.records(name) if not row["IsDeleted"]]

    # -- QuickBooks ------------------------------------------------------------------------------------------

    def customers(self) -> list[Customer]:
        return [Customer.of(row) for row in self.company.customers()]

    def customer(self, list_id: str) -> Customer | None:
        return next((one for one in self.customers() if one.list_id == list_id), None)

    def items(self) -> list[Item]:
        return [Item.of(row, kind) for kind in ITEM_KINDS.values() for row in self.company.elements(kind)]

    def documents(self, *kinds: str) -> list[Document]:
        """Of these kinds of transaction, or invoices and sales orders."""
        wanted = kinds or tuple(DOCUMENT_KINDS.values())
        return [Document.of(row, kind) for kind in wanted for row in self.company.txns(kind)]

    # -- both ------------------------------------------------------------------------------------------------

    def tally(self) -> Tally:
        counted = self.salesforce.counters.as_dict()
        return Tally(self.company.counts(), counted["calls"], counted["writes"])

    def update(self) -> UpdateResult:
        """Press Update Selected."""
        [result] = self.connector.update([self.application])
        return result

    def until_quiet(self, seconds: float = PATIENCE_SECONDS) -> None:
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


def until(come_true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not come_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
