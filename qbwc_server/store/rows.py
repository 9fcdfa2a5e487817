"""Rows as frozen dataclasses whose fields are the columns of their table, and the ids we give."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Row

T = TypeVar("T")


def new_id(prefix: str) -> str:
    """A short random id such as `job-k3v9...`: 80 random bits, fits qbXML's 50 characters for a requestID."""
    return f"{prefix}-{base64.b32encode(secrets.token_bytes(10)).decode().lower()}"


def one(shape: type[T], row: Row[Any] | None) -> T | None:
    return None if row is None else shape(**row._mapping)


def many(shape: type[T], rows: Sequence[Row[Any]]) -> list[T]:
    return [shape(**row._mapping) for row in rows]


@dataclass(frozen=True)
class Company:
    id: str
    name: str
    user_name: str
    password_hash: str
    timezone: str
    company_file: str
    file_id: str
    pinned_name: str | None
    pinned_path: str | None
    pinned_at: datetime | None
    qbxml_version: str | None
    product: str | None
    country: str | None
    minimum_seconds: int
    visit_minutes: int | None
    created_at: datetime
    last_visit_at: datetime | None


@dataclass(frozen=True)
class Organisation:
    id: str
    vendor: str
    url: str
    credentials: str
    fields: dict[str, Any] | None
    poll_wanted_at: datetime | None
    polled_at: datetime | None
    poll_error: str | None
    retry_at: datetime | None
    failures: int
    created_at: datetime


@dataclass(frozen=True)
class ConnectionRow:
    id: str
    name: str
    organisation_id: str
    company_id: str
    profile: str
    override: dict[str, Any] | None
    stopped_reason: str | None
    created_at: datetime
    mapping_seen: str = ""


@dataclass(frozen=True)
class StoredRecord:
    """The last state of one object that we saw on one side; `modified` is the side's own stamp as text."""

    scope_id: str
    side: str
    kind: str
    id: str
    version: str
    content_hash: str
    values: dict[str, Any]
    modified: str
    deleted: bool
    seen_at: datetime


@dataclass(frozen=True)
class Link:
    connection_id: str
    id: str
    role: str
    crm_kind: str
    crm_id: str | None
    books_kind: str
    books_id: str | None
    label: str
    generation: int
    edit_sequence: str
    base_crm: dict[str, Any] | None
    base_books: dict[str, Any] | None
    status: str
    error: str
    error_code: str
    created_at: datetime
    changed_at: datetime
    unlinked_at: datetime | None


@dataclass(frozen=True)
class LinkJob:
    connection_id: str
    id: str
    company_id: str
    link_id: str
    side: str
    kind: str
    action: str
    state: str
    priority: int
    attempts: int
    visit_attempts: int
    failures: int
    due_at: datetime
    set_id: str | None
    set_limit: int
    sent: dict[str, Any] | None
    wish: str
    error: str
    error_code: str
    next_step: str
    run_number: int
    created_at: datetime
    changed_at: datetime
    ended_at: datetime | None
    cents: int = 0


@dataclass(frozen=True)
class MessageSet:
    company_id: str
    set_id: str
    ticket_hash: str
    request: str
    job_ids: list[str]
    state: str
    note: str
    offered_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True)
class Ticket:
    ticket_hash: str
    company_id: str
    run_number: int
    state: str
    address: str
    started_at: datetime
    seen_at: datetime
    connection_errors: int
    last_error: str
    client_version: str
    visit: dict[str, Any]


@dataclass(frozen=True)
class Run:
    number: int
    kind: str
    company_id: str | None
    organisation_id: str | None
    started_at: datetime
    ended_at: datetime | None
    counts: dict[str, int]
    errors: int
    note: str

    @property
    def sync_id(self) -> str:
        """What people see and search for."""
        return f"S{self.number}"
