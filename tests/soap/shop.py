"""One installation with one company, user `shop`, in a home of its own; and the calls of its Web Connector."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import qbxml
from crm.port import Page, Record
from qbwc_server import app
from qbwc_server.app import Installation
from qbwc_server.secrets import hash_password, ticket_hash
from qbwc_server.simulator import CompanyFile
from qbwc_server.soap.port import Operations, safe_operations
from qbwc_server.soap.qwc import OWNER_ID
from qbwc_server.store import history, jobs, links, parties, records, visits
from qbwc_server.store.rows import Company, Ticket
from qbwc_server.store.tables import metadata
from qbwc_server.sync.deciding import scopes_of_organisation
from qbwc_server.sync.from_crm import ingest
from qbwc_server.sync.posted import Posted
from tests.rows import COMPANY, CONNECTION, FILE_ID, JOB, LINK, ORGANISATION, SET, like
from tests.soap.quickbooks_answers import canned

USER, PASSWORD = "shop", "right-password"
PUBLIC_URL = "https://books.example.com/qbwc"
PATH = "C:\\Books\\Right.qbw"
VALUES = {"fileid": FILE_ID, "ownerid": OWNER_ID}
HCP = canned("hcp.xml", VALUES)
"""What the Web Connector shows of the right file: host, company and preferences."""

HERE, ELSEWHERE = "192.0.2.10", "192.0.2.99"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime(2026, 3, 2, 15, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **amount: float) -> None:
        self.now += timedelta(**amount)


def make_home(home: Path, database_url: str = "") -> Path:
    """An installation without a company; made once and copied, for migrations take their time."""
    home.mkdir()
    settings = {"public_url": PUBLIC_URL, "max_body_mb": 20, "database_url": database_url}
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
    (home / "settings.toml").write_text("".join(lines))
    app.create_installation(home)
    return home


def copy_home(empty: Path, home: Path) -> Path:
    return Path(shutil.copytree(empty, home))


def open_home(home: Path, clock: Callable[[], datetime]) -> Installation:
    return replace(app.open_installation(home), clock=clock)


def add_shop(
    installation: Installation, *, generated: bool = True, connected: bool = True, **company: Any
) -> None:
    """The company, its organisation and, if `connected`, the connection of the two."""
    now = installation.clock()
    hashed = hash_password(PASSWORD, installation.keys, generated=generated)
    sealed = installation.keys.seal(json.dumps({"consumer_key": "key", "consumer_secret": "secret"}))
    with installation.database.write() as tx:
        parties.add_company(tx, like(COMPANY, password_hash=hashed, created_at=now, **company))
        parties.add_organisation(tx, like(ORGANISATION, credentials=sealed, created_at=now))
        if connected:
            parties.add_connection(tx, like(CONNECTION, created_at=now))


def add_doubted_set(installation: Installation, number: int) -> str:
    """A customer's creation that was sent in a set and got no usable answer; the id of the set."""
    now = installation.clock() - timedelta(hours=1)
    names = {
        "id": f"link-doubt-{number}",
        "crm_id": f"001DOUBT{number}",
        "created_at": now,
        "changed_at": now,
    }
    job = {"id": f"job-doubt-{number}", "link_id": f"link-doubt-{number}", "state": "in_doubt", "due_at": now}
    set_id = f"SETINDOUBT{number:06}"
    with installation.database.write() as tx:
        links.add_link(tx, like(LINK, **names))
        jobs.add_job(tx, like(JOB, set_id=set_id, **job, created_at=now, changed_at=now))
        text = f'<?xml version="1.0"?><QBXML><!-- {set_id} --></QBXML>'
        row = {"set_id": set_id, "job_ids": [f"job-doubt-{number}"], "request": text, "offered_at": now}
        jobs.add_set(tx, like(SET, **row, state="in_doubt"))
    return set_id


def promote(installation: Installation, *names: str) -> None:
    """Accounts of these names, marked in the CRM to become customers, as a poll would store them.

    With the poll the first read of the CRM is complete; that of QuickBooks is taken for complete, too.
    """
    now = installation.clock()
    with installation.database.write() as tx:
        scopes = scopes_of_organisation(tx, "org")
        accounts = tuple(_account(name, now) for name in names)
        for kind, found in (("contact", ()), ("account", accounts)):
            ingest(tx, scopes, kind, Page(found, watermark=now.isoformat()), now)
        if not records.watermark(tx, "shop", "books", "Customer")[1]:
            records.move_watermark(tx, "shop", "books", "Customer", "2026-01-01T00:00:00", now, complete=True)


def _account(name: str, now: datetime) -> Record:
    values = {"Name": name, "QB_Link_Status__c": "To be Linked"}
    return Record(kind="account", id=f"001{name}", version="1", modified=now, values=values)


class QuickBooks:
    """QuickBooks with a company file that carries our FileID, on the PC of the Web Connector."""

    def __init__(self, path: Path, clock: Callable[[], datetime], file_id: str = FILE_ID) -> None:
        self.company = CompanyFile.create(
            path, company_name="Right Tools", timezone="America/New_York", clock=clock
        )
        self.company.set_data_ext(OWNER_ID, "FileID", file_id)
        self.path = self.company.file_name
        self.session = self.company.begin_session()

    def restart(self) -> None:
        """A new run of the Web Connector begins a new session with QuickBooks."""
        self.company.end_session(self.session)
        self.session = self.company.begin_session()

    def answer(self, text: str) -> str:
        return self.company.process(self.session, text)

    def hcp(self) -> str:
        """strHCPResponse: what the Web Connector asks before the first sendRequestXML."""
        about = [("HostQueryRq", {}), ("CompanyQueryRq", {"OwnerID": [OWNER_ID]}), ("PreferencesQueryRq", {})]
        wanted = [qbxml.Request(name, values, str(number)) for number, (name, values) in enumerate(about)]
        return self.answer(qbxml.build(wanted))

    def customers(self) -> list[str]:
        return sorted(one["Name"] for one in self.company.customers())


def operations(installation: Installation) -> Operations:
    """The port as the application serves it: what fails inside becomes the protocol's error value."""
    sessions = installation.sessions()
    return safe_operations(sessions, sessions.note_failure)


@dataclass
class Caller:
    """A Web Connector at its port: remembers its ticket, so that tests read as a visit reads."""

    operations: Operations
    address: str = HERE
    ticket: str = ""
    percents: list[int] = field(default_factory=list)

    def log_in(self, password: str = PASSWORD, user: str = USER) -> list[str]:
        answer = self.operations.authenticate(user, password, self.address)
        self.ticket = answer[0]
        return answer

    def send(self, hcp: str = "", path: str = PATH, country: str = "US") -> str:
        return self.operations.send_request_xml(self.ticket, hcp, path, country, 13, 0)

    def receive(self, response: str = "", hresult: str = "", message: str = "") -> int:
        percent = self.operations.receive_response_xml(self.ticket, Posted.of(response), hresult, message)
        self.percents.append(percent)
        return percent

    def last_error(self) -> str:
        return self.operations.get_last_error(self.ticket)

    def close(self) -> str:
        return self.operations.close_connection(self.ticket)

    def begin(self, books: QuickBooks) -> str:
        """Log in and ask for the first set; the session with QuickBooks is a new one."""
        books.restart()
        assert self.log_in()[1] == ""
        return self.send(books.hcp(), books.path)

    def go_on(self, books: QuickBooks, text: str) -> str:
        """Let QuickBooks answer a set, post that, and ask for the next; "" when the server said 100."""
        percent = self.receive(books.answer(text))
        return self.send(path=books.path) if percent < 100 else ""

    def until(self, books: QuickBooks, wanted: str) -> str:
        """Go on with a new visit until a set holds `wanted`; that set is not answered yet."""
        text = self.begin(books)
        while wanted not in text:
            text = self.go_on(books, text)
            assert text, f"the visit ended before {wanted} was handed out"
        return text

    def finish(self, books: QuickBooks, text: str) -> str:
        """Go on to the end; what closeConnection said."""
        while text:
            text = self.go_on(books, text)
        return self.close()

    def visit(self, books: QuickBooks) -> str:
        """A whole visit; what closeConnection said."""
        return self.finish(books, self.begin(books))


def company_of(installation: Installation) -> Company:
    with installation.database.read() as tx:
        found = parties.company(tx, "shop")
    assert found is not None
    return found


def contents(installation: Installation, *, but: Sequence[str] = ()) -> dict[str, list[Any]]:
    """Every row of every table, to see what a call changed; exchanges only record that it came."""
    left_out = {"exchanges", "exchange_subjects", *but}
    with installation.database.read() as tx:
        return {
            name: sorted(tuple(map(repr, row)) for row in tx.execute(table.select()))
            for name, table in metadata.tables.items()
            if name not in left_out
        }


def job_states(installation: Installation, side: str = "books") -> list[str]:
    """The states of all jobs that write to this side, sorted."""
    with installation.database.read() as tx:
        return sorted(job.state for job in jobs.all_jobs(tx, ["con"]) if job.side == side)


def session_of(installation: Installation, ticket: str) -> Ticket:
    with installation.database.read() as tx:
        found = visits.ticket(tx, ticket_hash(ticket))
    assert found is not None
    return found


def exchanges_of(installation: Installation, **wanted: Any) -> list[history.Exchange]:
    """Kept exchanges, oldest first."""
    with installation.database.read() as tx:
        return history.find_exchanges(tx, limit=1000, **wanted)[::-1]
