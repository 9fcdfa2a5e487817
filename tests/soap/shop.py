"""One installation with one company, user `shop`, in a home of its own; and the calls of its Web Connector."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from qbwc_server import app
from qbwc_server.app import Installation
from qbwc_server.secrets import hash_password
from qbwc_server.soap.port import Operations, safe_operations
from qbwc_server.soap.qwc import OWNER_ID
from qbwc_server.store import jobs, links, parties
from qbwc_server.store.rows import Company
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


def make_home(home: Path) -> Path:
    """An installation without a company; made once and copied, for migrations take their time."""
    home.mkdir()
    (home / "settings.toml").write_text(f'public_url = "{PUBLIC_URL}"\nmax_body_mb = 20\n')
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
        percent = self.operations.receive_response_xml(self.ticket, response, hresult, message)
        self.percents.append(percent)
        return percent

    def last_error(self) -> str:
        return self.operations.get_last_error(self.ticket)

    def close(self) -> str:
        return self.operations.close_connection(self.ticket)


def company_of(installation: Installation) -> Company:
    with installation.database.read() as tx:
        found = parties.company(tx, "shop")
    assert found is not None
    return found
