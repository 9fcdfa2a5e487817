"""A first sync of two full sides, then of one percent that changed: time, calls on both lines, memory.

The CRM is the Salesforce emulator in a process of its own, QuickBooks the simulated company file, whose Web
Connector visits as often as something is left to do. Their time is part of the wall time and not of the server's CPU.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from sqlalchemy import func, select

from qbwc_server import app as product
from qbwc_server.simulator import CompanyFile, Options, WebConnector
from qbwc_server.soap.qwc import OWNER_ID, build_qwc
from qbwc_server.store import parties, records
from qbwc_server.store.database import Database
from qbwc_server.store.tables import link_jobs
from tests.bench.customers import phone
from tests.bench.figures import Figure
from tests.bench.installations import PASSWORD, Fresh, Installations
from tests.bench.large import NAMES, Void
from tests.bench.processes import ROOT, DidNotStart, Server, Watch, serving
from tests.bench.sizes import Sizes
from tests.rows import COMPANY, CONNECTION, FILE_ID, ORGANISATION

APPLICATION = "Bench"
PAGE = 2_000
WRITES_AT_ONCE = 200
# One sync may take so long; a visit may find so often that something is left.
PATIENCE = 600.0
TOO_LONG = f"something was left to do after {PATIENCE:.0f} s"
# What a trial may promise: hours are busy, and the time grows faster than the sizes.
PROMISED = 0.4 * PATIENCE
MOST_VISITS = 10
LOOK_SECONDS = 0.1
# What the Web Connector waits before it asks again; the real one takes five.
NOOP_SECONDS = 0.2
# What the product lets nobody do unasked: to make two thousand records.
OVERRIDE = {
    "limits": {"creates": None, "voids": None, "amount": None, "changed_share": None, "missing_share": None},
    "settings": {"income_account": "Sales", "expense_account": "Cost of Goods Sold"},
}
# What the Salesforce profile reads; each object costs at least one page at each pass.
READ = ("Account", "Contact", "Product2", "Opportunity", "QB_Invoice__c", "QB_Payment__c")
# No calls of Salesforce's day: logging in, and the parts of a composite call.
FREE = re.compile("token|revoke|versions|composite:.*")


@dataclass(frozen=True)
class Least:
    """The fewest calls to the CRM, by arithmetic: rows that are there to read and rows that must be written, by object.

    A page has 2,000 rows and an empty object needs one to say so; a call writes 200 rows of one object. What else
    Salesforce may be asked, its fields, its time, its deletions, the versions before a change, is not in it.
    """

    there: Mapping[str, int]
    written: Mapping[str, int]

    @property
    def pages(self) -> int:
        return sum(max(1, _parts(self.there.get(one, 0), PAGE)) for one in READ)

    @property
    def writes(self) -> int:
        return sum(_parts(rows, WRITES_AT_ONCE) for rows in self.written.values())

    @property
    def calls(self) -> int:
        return self.pages + self.writes


def _parts(rows: int, most: int) -> int:
    return -(-rows // most)


@dataclass(frozen=True)
class Plan:
    """Who is where: accounts are numbered from 0, customers from where the last third of the accounts begins."""

    partners: int
    invoices: int

    @property
    def both(self) -> int:
        return self.partners // 3

    @property
    def all(self) -> int:
        return 2 * self.partners - self.both

    @property
    def accounts(self) -> range:
        return range(self.partners)

    @property
    def customers(self) -> range:
        return range(self.partners - self.both, self.all)

    @property
    def changed(self) -> int:
        """One percent of a side."""
        return max(1, self.partners // 100)

    @property
    def paid(self) -> int:
        return max(1, self.invoices // 100)

    def first(self) -> Least:
        """Each account that was there learns its partner, each other customer becomes one; item and invoices too."""
        written = {"Account": self.all, "Product2": 1, "QB_Invoice__c": self.invoices}
        return Least({"Account": self.partners}, written)

    def change(self) -> Least:
        """Accounts get names and balances from QuickBooks, invoices what was paid, and by which payment.

        Of each object the pages hold what the CRM's people changed.
        """
        written = {
            "Account": self.changed + self.paid,
            "QB_Invoice__c": self.paid,
            "QB_Payment__c": self.paid,
        }
        return Least({"Account": self.changed}, written)


# --- the CRM ---


@dataclass(frozen=True)
class Crm:
    """An emulated Salesforce in a process of its own."""

    url: str

    def ask(self, action: str, given: object = None, method: str = "") -> Any:
        data = None if given is None else json.dumps(given).encode()
        request = Request(f"{self.url}/_emulator/{action}", data, method=method or None)
        with urlopen(request, timeout=60) as reply:
            return json.loads(reply.read())

    def create(self, **values: object) -> str:
        return str(self.ask("create", {"object_name": "Account", "values": values}))

    def rows(self, source: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(f"records?object={source}")
        return found

    def calls(self) -> dict[str, int]:
        """Calls of Salesforce's day so far, by kind."""
        counted = self.ask("counters")["calls"]
        return {kind: number for kind, number in counted.items() if not FREE.fullmatch(kind)}


@contextmanager
def _crm() -> Iterator[Crm]:
    command = [sys.executable, "-m", "crm.emulators.salesforce", "--port", "0", "--accounts", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().decode().strip()
            if not url:
                raise DidNotStart("the emulated CRM did not start")
            yield Crm(url)
        finally:
            process.kill()


# --- both sides and the product between them ---


@dataclass(frozen=True)
class Sides:
    """Everything of one measurement, running."""

    plan: Plan
    crm: Crm
    books: CompanyFile
    connector: WebConnector
    server: Server
    database: Database
    account_ids: list[str]
    list_ids: list[str]
    invoice_ids: list[str]


@contextmanager
def _sides(fresh: Fresh, plan: Plan) -> Iterator[Sides]:
    with ExitStack() as stack:
        crm = stack.enter_context(_crm())
        _connect(fresh, crm)
        books = _books(fresh.home / "books.sqlite")
        stack.callback(books.close)
        account_ids = [_account(crm, number) for number in plan.accounts]
        list_ids, invoice_ids = _entered(books, plan)
        connector = WebConnector(fresh.home / "connector", books, Options(noop_seconds=NOOP_SECONDS))
        stack.callback(connector.close)
        server = stack.enter_context(serving(fresh.home, "--worker"))
        connector.add(_qwc(server.port))
        connector.password(APPLICATION, PASSWORD)
        database = stack.enter_context(fresh.database())
        yield Sides(plan, crm, books, connector, server, database, account_ids, list_ids, invoice_ids)


def _connect(fresh: Fresh, crm: Crm) -> None:
    """The installation's organisation is this CRM from now on, and nothing is held back for its number."""
    opened = product.open_installation(fresh.home)
    try:
        known = crm.ask("credentials")
        login = {name: known[name] for name in ("consumer_key", "consumer_secret")}
        with opened.database.write() as tx:
            sealed = opened.keys.seal(json.dumps(login))
            parties.change_organisation(tx, ORGANISATION.id, url=crm.url, credentials=sealed)
            parties.change_connection(tx, CONNECTION.id, override=OVERRIDE)
    finally:
        opened.close()


def _books(path: Path) -> CompanyFile:
    CompanyFile.create(path, company_name="Right Tools", timezone=COMPANY.timezone).close()
    return CompanyFile.open(path)


def _account(crm: Crm, number: int) -> str:
    given = {"Name": _name(number), "Phone": phone(number), "BillingCity": "Bayshore"}
    return crm.create(**given, QB_Link_Status__c="To be Linked")


def _entered(books: CompanyFile, plan: Plan) -> tuple[list[str], list[str]]:
    """ListIDs of the customers, TxnIDs of the invoices; each invoice has another customer while there are enough."""
    with books.transaction():
        form = {"Desc": "Work", "Price": Decimal("50.00"), "AccountRef": {"FullName": "Sales"}}
        item = books.user_add({"Name": "Work", "SalesOrPurchase": form}, "ItemService")
        list_ids = [books.user_add(_customer(number)) for number in plan.customers]
        line = {"ItemRef": {"ListID": item}, "Quantity": Decimal(2)}
        invoice_ids = [
            books.user_add(
                {"CustomerRef": {"ListID": list_ids[one % len(list_ids)]}, "InvoiceLineAdd": [line]},
                "Invoice",
            )
            for one in range(plan.invoices)
        ]
    return list_ids, invoice_ids


def _customer(number: int) -> dict[str, Any]:
    return {"Name": _name(number), "Phone": phone(number), "BillAddress": {"City": "Bayshore"}}


def _qwc(port: int) -> str:
    address = f"http://localhost:{port}"
    return build_qwc(
        app_name=APPLICATION,
        app_url=f"{address}/qbwc",
        support_url=f"{address}/support",
        user=COMPANY.user_name,
        owner_id=OWNER_ID,
        file_id=FILE_ID,
        description="Measures a sync.",
        minutes=None,
    )


# --- a sync ---


@dataclass(frozen=True)
class Synced:
    """What one sync took, until nothing was left to do."""

    seconds: float
    visits: int
    soap_calls: int
    crm_calls: Mapping[str, int]
    cpu_seconds: float
    watch: Watch


def _synced(sides: Sides) -> Synced:
    """Visits, one after another, until both sides rest. Raises Void for a visit that fails, and out of patience."""
    calls, cpu = sides.crm.calls(), sides.server.cpu_seconds()
    visits = soap_calls = 0
    started = time.monotonic()
    with Watch(sides.server.pid) as watch, _patience(sides.server):
        while not visits or _open_jobs(sides.database, "books"):
            visits += 1
            if visits > MOST_VISITS:
                raise Void(f"something is left to do after {MOST_VISITS} visits")
            (result,) = sides.connector.update()
            if time.monotonic() > started + PATIENCE:
                raise Void(TOO_LONG)
            if not result.ok:
                raise Void(f"a visit failed: {result.status}")
            soap_calls += len(result.calls)
            _rest(sides.database, started + PATIENCE)
        seconds = time.monotonic() - started
    made = {kind: number - calls.get(kind, 0) for kind, number in sides.crm.calls().items()}
    used = sides.server.cpu_seconds() - cpu
    return Synced(seconds, visits, soap_calls, {kind: one for kind, one in made.items() if one}, used, watch)


@contextmanager
def _patience(server: Server) -> Iterator[None]:
    """A visit that goes on beyond our patience ends because its server does."""
    timer = threading.Timer(PATIENCE, os.killpg, (server.pid, signal.SIGKILL))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _rest(database: Database, until: float) -> None:
    """Until the worker has read what the visit wished, decided what came and written what was due in the CRM."""
    while not _rests(database):
        if time.monotonic() > until:
            raise Void(TOO_LONG)
        time.sleep(LOOK_SECONDS)


def _rests(database: Database) -> bool:
    with database.read() as tx:
        one = parties.organisation(tx, ORGANISATION.id)
        if one is None or one.polled_at is None or one.polled_at < (one.poll_wanted_at or one.polled_at):
            return False
        undecided = records.waiting_for_decision(tx, [CONNECTION.id])
    return not undecided and not _open_jobs(database, "crm")


def _open_jobs(database: Database, side: str) -> int:
    """Jobs that go on by themselves."""
    query = select(func.count()).where(link_jobs.c.side == side, link_jobs.c.state.in_(("queued", "offered")))
    with database.read() as tx:
        return int(tx.execute(query).scalar_one())


def _change(sides: Sides) -> None:
    """People rename one percent on each side, none of them both, and customers pay one percent of the invoices."""
    changed, paid = sides.plan.changed, sides.plan.paid
    for number, row_id in enumerate(sides.account_ids[:changed]):
        sides.crm.ask("edit", {"row_id": row_id, "values": {"Name": _renamed(number)}})
    with sides.books.transaction():
        for list_id, number in list(zip(sides.list_ids, sides.plan.customers, strict=True))[-changed:]:
            sides.books.user_edit(list_id, {"Name": _renamed(number)})
        for txn_id in sides.invoice_ids[:paid]:
            invoice = sides.books.txn("Invoice", txn_id)
            customer = invoice["CustomerRef"]["ListID"]
            sides.books.take_payment(customer=customer, amount=invoice["BalanceRemaining"], invoice=txn_id)


def _name(number: int) -> str:
    """A name like no other: names that are alike would be suggested to a person as the same partner."""
    letters = hashlib.sha256(str(number).encode()).hexdigest().translate(_LETTERS)
    return f"{letters[:10]} {letters[10:20]}".title()


# Hexadecimal figures as letters, for numbers in names have a meaning of their own.
_LETTERS = str.maketrans("0123456789abcdef", "bcdfghjklmnprstv")


def _renamed(number: int) -> str:
    return f"{_name(number)} & Sons"


# --- is it right ---


def _check(sides: Sides, renamed: int, paid: int) -> None:
    """Raises Void unless both sides hold the same partners, all linked, and the CRM each invoice with its balance."""
    numbers = range(sides.plan.all)
    changed = {*numbers[:renamed], *numbers[len(numbers) - renamed :]}
    names = sorted(_renamed(one) if one in changed else _name(one) for one in numbers)
    _same("customers", names, sorted(one["FullName"] for one in sides.books.customers()))
    accounts = sides.crm.rows("Account")
    _same("accounts", names, sorted(one["Name"] for one in accounts))
    list_ids = sorted(one["ListID"] for one in sides.books.customers())
    _same("links", list_ids, sorted(str(one["QB_ListID__c"]) for one in accounts))
    _same("states", {"Success"}, {one["QB_Link_Status__c"] for one in accounts})
    held = {one["QB_TxnID__c"]: Decimal(str(one["QB_Balance__c"])) for one in sides.crm.rows("QB_Invoice__c")}
    owed = {one: Decimal(0 if place < paid else 100) for place, one in enumerate(sides.invoice_ids)}
    _same("invoices", owed, held)


def _same(what: str, expected: Any, found: Any) -> None:
    if expected != found:
        raise Void(f"the {what} are not as they must be: {len(found)} found, {len(expected)} expected")


# --- the figures ---


def sync(installations: Installations, sizes: Sizes) -> Iterator[Figure]:
    """A first sync, and one of what changed, in one round: more would take too long."""
    kind, left = installations.databases[0], ["first sync", "change sync"]
    try:
        plan, reduced = _feasible(installations, kind, sizes)
        with installations.fresh(kind) as fresh, _sides(fresh, plan) as sides:
            first = _synced(sides)
            _check(sides, 0, 0)
            size = f"{plan.partners:,} accounts and customers each, {plan.both:,} on both sides"
            about = f"{size}, {plan.invoices:,} invoices; {NAMES[kind]}"
            yield from _figures(left.pop(0), first, plan.first(), about, reduced)
            _change(sides)
            change = _synced(sides)
            _check(sides, plan.changed, plan.paid)
            about = f"{plan.changed} renamed on each side, {plan.paid} invoices paid"
            yield from _figures(left.pop(0), change, plan.change(), about, reduced)
    except (Void, DidNotStart) as void:
        for name in left:
            yield Figure(f"{name}, CRM calls", "x", (), str(void))


def _feasible(installations: Installations, kind: str, sizes: Sizes) -> tuple[Plan, str]:
    """The wanted sizes, or after a trial that promises no end in time smaller ones, with a sentence that says so."""
    wanted, trial = Plan(sizes.partners, sizes.invoices), sizes.trial_partners
    if trial >= wanted.partners:
        return wanted, ""
    plan = _shrunk(wanted, trial)
    with installations.fresh(kind) as fresh, _sides(fresh, plan) as sides:
        seconds = _synced(sides).seconds
        _check(sides, 0, 0)
    return _reduced(wanted, trial, seconds)


def _reduced(wanted: Plan, trial: int, seconds: float) -> tuple[Plan, str]:
    """What a trial of so many partners in so many seconds promises to be over in time."""
    possible = max(trial, int(trial * PROMISED / seconds))
    if possible >= wanted.partners:
        return wanted, ""
    said = f"REDUCED from {wanted.partners:,} to {possible:,} of each side: a trial with {trial} took {seconds:.0f} s"
    return _shrunk(wanted, possible), said


def _shrunk(plan: Plan, partners: int) -> Plan:
    return Plan(partners, plan.invoices * partners // plan.partners)


def _figures(name: str, synced: Synced, least: Least, size: str, reduced: str) -> Iterator[Figure]:
    calls = sum(synced.crm_calls.values())
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(synced.crm_calls.items()))
    note = f"{calls} calls ({kinds}); 1 is {least.calls}: {least.pages} pages, {least.writes} writes"
    yield Figure(f"{name}, CRM calls", "x", (calls / least.calls,), "; ".join(filter(None, (note, reduced))))
    about = f"{size}; with the time of both emulated sides"
    yield Figure(name, "s", (synced.seconds,), "; ".join(filter(None, (about, reduced))))
    yield Figure(f"{name}, server CPU", "s", (synced.cpu_seconds,))
    yield Figure(f"{name}, SOAP calls", "calls", (float(synced.soap_calls),), f"{synced.visits} visits")
    rest, peak = synced.watch.rest, synced.watch.peak
    memory = f"RSS of all processes, worker included; {rest.rss:.0f} MB before; PSS {peak.pss:.0f} MB"
    yield Figure(f"{name}, peak memory", "MB", (peak.rss,), memory)
