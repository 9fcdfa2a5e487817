"""What a person does with companies and connections: add, confirm, stop and start them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from qbwc_server import mapping
from qbwc_server.errors import AlreadyThere, Problem
from qbwc_server.store import parties
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Company, ConnectionRow, Organisation, new_id
from qbwc_server.sync.from_books import may_start, start_anew, want_reconcile
from qbwc_server.sync.person.by import By

MAX_NAME = 120


@dataclass(frozen=True)
class NewCompany:
    """A company as a person names it. `company_file` is the Windows path that QuickBooks is to open, or ""."""

    name: str
    user: str
    password_hash: str
    timezone: str
    company_file: str = ""


@dataclass(frozen=True)
class NewConnection:
    """A connection as a person names it. `credentials` are sealed; "" keeps those that the organisation has."""

    name: str
    company_id: str
    vendor: str
    url: str
    credentials: str
    profile: str
    override: Mapping[str, Any] | None = None


def add_company(tx: Tx, by: By, new: NewCompany) -> Company:
    """Raises Problem for a name or time zone that cannot be, AlreadyThere for one that is taken."""
    for what, text in (("company name", new.name), ("user name", new.user)):
        _check_name(what, text)
    _check_zone(new.timezone)
    for one in parties.all_companies(tx):
        if one.name.casefold() == new.name.casefold():
            raise AlreadyThere(f"There is a company {one.name} already. Choose another name.")
    if taken := parties.company_of_user(tx, new.user):
        raise AlreadyThere(
            f"The user {new.user} belongs to {taken.name} already. Each company needs a user of its own."
        )
    company = _company(by, new)
    parties.add_company(tx, company)
    by.note(tx, "company added", new.name, user=new.user, timezone=new.timezone)
    return company


def _company(by: By, new: NewCompany) -> Company:
    return Company(
        id=new_id("company"),
        name=new.name,
        user_name=new.user,
        password_hash=new.password_hash,
        timezone=new.timezone,
        company_file=new.company_file,
        # Issued once: it is stamped into the company file and must be the same in every .qwc file of it.
        file_id="{" + str(uuid.uuid4()).upper() + "}",
        pinned_name=None,
        pinned_path=None,
        pinned_at=None,
        qbxml_version=None,
        product=None,
        country=None,
        minimum_seconds=0,
        visit_minutes=None,
        created_at=by.now,
        last_visit_at=None,
    )


def _check_name(what: str, text: str) -> None:
    if not text or text != text.strip() or len(text) > MAX_NAME or "\\" in text or not text.isprintable():
        raise Problem(
            f"{text!r} cannot be a {what}: it needs 1 to {MAX_NAME} characters, no backslash, "
            "and no blanks at its ends."
        )


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Problem(
            f"There is no time zone {name!r}. Name the zone of the PC that QuickBooks runs on, "
            "such as America/New_York."
        ) from None


def set_password(tx: Tx, by: By, company: Company, password_hash: str) -> None:
    parties.change_company(tx, company.id, password_hash=password_hash)
    by.note(tx, "password changed", company.name)


def expect_visits(tx: Tx, by: By, company: Company, minutes: int) -> None:
    """Remember how often the Web Connector is to call; who stays away for several times as long is missed."""
    if company.visit_minutes != minutes:
        parties.change_company(tx, company.id, visit_minutes=minutes)
        by.note(tx, "interval named", company.name, minutes=minutes)


def confirm_file(tx: Tx, by: By, company: Company) -> bool:
    """Accept that the company file was renamed or moved: the next visit pins what it finds.

    Its FileID still has to be the one that was stamped, so another company's file stays refused. True when it had gone
    back in time (a restored backup): then everything is read and compared anew, and its connections go on.
    """
    pins: dict[str, Any] = {"pinned_name": None, "pinned_path": None, "pinned_at": None}
    parties.change_company(tx, company.id, **pins)
    was = {"name": company.pinned_name, "path": company.pinned_path}
    anew = start_anew(tx, company.id, by.now)
    by.note(tx, "company file confirmed", company.name, was=was, read_anew=anew)
    return anew


def reconcile(tx: Tx, by: By, company: Company) -> int:
    """All ids of QuickBooks are compared at the next visit; of how many kinds."""
    kinds = want_reconcile(tx, company.id, by.now)
    by.note(tx, "reconcile wanted", company.name, kinds=kinds)
    return kinds


def add_connection(tx: Tx, by: By, new: NewConnection) -> ConnectionRow:
    """Pair a company with a CRM organisation, which is shared with other connections to the same address.

    Raises MappingError for a profile or override that does not hold together, Problem and AlreadyThere.
    """
    _check_name("connection name", new.name)
    profile = mapping.load_profile(new.profile, new.override)
    if profile.vendor != new.vendor:
        raise Problem(f"The profile {new.profile} is for {profile.vendor}, not for {new.vendor}.")
    for one in parties.all_connections(tx):
        if one.name.casefold() == new.name.casefold():
            raise AlreadyThere(f"There is a connection {one.name} already. Choose another name.")
    organisation_id = _organisation(tx, by, new)
    for other in parties.connections_of_organisation(tx, organisation_id):
        if other.company_id == new.company_id:
            raise AlreadyThere(f"{new.url} is connected with this company already, as {other.name}.")
        raise Problem(
            f"{new.url} is connected with another company already, as {other.name}. Which records belong to which "
            "company cannot be said yet, so one CRM organisation serves one company."
        )
    for other in parties.connections_of_company(tx, new.company_id):
        raise Problem(
            f"This company is connected already, as {other.name}. One company serves one CRM organisation."
        )
    override = dict(new.override) if new.override else None
    row = ConnectionRow(
        new_id("connection"), new.name, organisation_id, new.company_id, new.profile, override, None, by.now
    )
    parties.add_connection(tx, row)
    by.note(tx, "connection added", new.name, url=new.url, profile=new.profile)
    return row


def _organisation(tx: Tx, by: By, new: NewConnection) -> str:
    known = parties.organisation_at(tx, new.vendor, new.url)
    if known is not None:
        if new.credentials:
            set_credentials(tx, by, known, new.credentials)
        return known.id
    if not new.credentials:
        raise Problem(f"{new.url} is not known yet, so its credentials are needed.")
    made = Organisation(
        id=new_id("org"),
        vendor=new.vendor,
        url=new.url,
        credentials=new.credentials,
        fields=None,
        poll_wanted_at=None,
        polled_at=None,
        poll_error=None,
        retry_at=None,
        failures=0,
        created_at=by.now,
    )
    parties.add_organisation(tx, made)
    return made.id


def set_credentials(tx: Tx, by: By, organisation: Organisation, sealed: str) -> None:
    """New credentials are tried at once, whatever pause the old ones had earned."""
    fresh: dict[str, Any] = {"credentials": sealed, "retry_at": None, "failures": 0}
    parties.change_organisation(tx, organisation.id, **fresh)
    by.note(tx, "credentials changed", organisation.url)


def stop(tx: Tx, by: By, connection: ConnectionRow, reason: str) -> None:
    """Nothing is decided or written for this connection until it is started; reading goes on."""
    parties.change_connection(tx, connection.id, stopped_reason=reason)
    by.note(tx, "connection stopped", connection.name, reason=reason)


def start(tx: Tx, by: By, connection: ConnectionRow) -> None:
    """Let it decide and write again. Raises Problem while its company file, confirmed, is read anew."""
    if not may_start(tx, connection, by.now):
        raise Problem(
            "Its company file was confirmed after it had gone back in time, and is read anew. The next updates do "
            f"that, and {connection.name} goes on by itself then, unless you stopped it. Run an update "
            "in the Web Connector."
        )
    parties.change_connection(tx, connection.id, stopped_reason=None)
    by.note(tx, "connection started", connection.name, was=connection.stopped_reason)


def want_sync(tx: Tx, by: By, company: Company) -> None:
    """Ask for fresh CRM data; QuickBooks' own comes with the Web Connector's next update."""
    parties.want_poll(tx, company.id, by.now)
    by.note(tx, "sync wanted", company.name)
