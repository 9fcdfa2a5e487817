"""Rows of the store as tests want them: complete, legal and dull, with the one thing named that matters."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from qbwc_server.store.rows import (
    Company,
    ConnectionRow,
    Link,
    LinkJob,
    MessageSet,
    Organisation,
    StoredRecord,
    Ticket,
)

NOW = datetime(2026, 3, 2, 15, 0, 0, tzinfo=UTC)
FILE_ID = "{90A44FB5-33D9-4815-AC85-BC87A7E7D1EB}"

COMPANY = Company(
    id="shop",
    name="Right Tools",
    user_name="shop",
    password_hash="",
    timezone="America/New_York",
    company_file="",
    file_id=FILE_ID,
    pinned_name=None,
    pinned_path=None,
    pinned_at=None,
    qbxml_version=None,
    product=None,
    country=None,
    minimum_seconds=0,
    visit_minutes=None,
    created_at=NOW,
    last_visit_at=None,
)
ORGANISATION = Organisation(
    id="org",
    vendor="salesforce",
    url="https://shop.example.my.salesforce.com",
    credentials="",
    fields=None,
    poll_wanted_at=None,
    polled_at=None,
    poll_error=None,
    retry_at=None,
    failures=0,
    created_at=NOW,
)
CONNECTION = ConnectionRow("con", "Right Tools", "org", "shop", "salesforce", None, None, NOW)
LINK = Link(
    connection_id="con",
    id="link-1",
    role="customer",
    crm_kind="account",
    crm_id="001A",
    books_kind="Customer",
    books_id=None,
    label="Ann's Bakery",
    generation=1,
    edit_sequence="",
    base_crm=None,
    base_books=None,
    status="Queued",
    error="",
    error_code="",
    created_at=NOW,
    changed_at=NOW,
    unlinked_at=None,
)
JOB = LinkJob(
    connection_id="con",
    id="job-1",
    company_id="shop",
    link_id="link-1",
    side="books",
    kind="Customer",
    action="add",
    state="queued",
    priority=50,
    attempts=0,
    visit_attempts=0,
    failures=0,
    due_at=NOW,
    set_id=None,
    set_limit=25,
    sent=None,
    wish="",
    error="",
    error_code="",
    next_step="",
    run_number=1,
    created_at=NOW,
    changed_at=NOW,
    ended_at=None,
)
SET = MessageSet("shop", "SETOFWRITES00001", "", "<?xml", ["job-1"], "offered", "", NOW, None)
RECORD = StoredRecord(
    scope_id="org",
    side="crm",
    kind="account",
    id="001A",
    version="1",
    content_hash="0",
    values={"Name": "Ann's Bakery"},
    modified="2026-03-02T15:00:00+00:00",
    deleted=False,
    seen_at=NOW,
)
TICKET = Ticket("0" * 64, "shop", 1, "authed", "192.0.2.1", NOW, NOW, 0, "", "", {})


def like(row: Any, **changes: Any) -> Any:
    """The same row with these differences."""
    return replace(row, **changes)
