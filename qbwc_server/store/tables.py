"""Every table of an installation, in one place so that a migration can be compared with it.

Each row belongs to a company (the books) or an organisation (the CRM tenant) or the connection of the two, and
carries that id as the leading part of its key, so PostgreSQL can be partitioned by it without touching a query.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from qbwc_server.store.columns import Moment, PlainJson

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = String(40)
NAME = String(120)

# --- who ---

companies = Table(
    "companies",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", NAME, nullable=False, unique=True),
    Column("user_name", NAME, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("timezone", String(64), nullable=False),
    # What authenticate answers: a Windows path, or "" for the file now open in QuickBooks.
    Column("company_file", Text, nullable=False),
    Column("file_id", ID, nullable=False, unique=True),
    # Identity pinned at the first visit; a change asks a person.
    Column("pinned_name", Text),
    Column("pinned_path", Text),
    Column("pinned_at", Moment),
    Column("qbxml_version", String(8)),
    Column("product", Text),
    Column("country", Text),
    Column("minimum_seconds", Integer, nullable=False),
    # The interval of Auto-Run as its .qwc file names it; null where none was named.
    Column("visit_minutes", Integer),
    Column("created_at", Moment, nullable=False),
    Column("last_visit_at", Moment),
)

organisations = Table(
    "organisations",
    metadata,
    Column("id", ID, primary_key=True),
    Column("vendor", String(32), nullable=False),
    Column("url", Text, nullable=False),
    Column("credentials", Text, nullable=False),  # sealed
    # What the CRM said of its fields: {"asked_at": ..., "kinds": {kind: [{name, type, length, required, ...}]}}.
    Column("fields", PlainJson),
    # A visit or a person wants fresh CRM data: the worker polls as soon as it sees this.
    Column("poll_wanted_at", Moment),
    Column("polled_at", Moment),
    Column("poll_error", Text),
    Column("retry_at", Moment),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("created_at", Moment, nullable=False),
)

connections = Table(
    "connections",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", NAME, nullable=False, unique=True),
    Column("organisation_id", ID, nullable=False, index=True),
    Column("company_id", ID, nullable=False, index=True),
    Column("profile", String(64), nullable=False),
    Column("override", PlainJson),
    # Why nothing is written for now (a safety limit, a person); empty when it runs.
    Column("stopped_reason", Text),
    Column("created_at", Moment, nullable=False),
    # A fingerprint of the mapping that its records were decided by last: of its match keys, and of all of it.
    Column("mapping_seen", String(80), nullable=False),
)

# --- what we saw ---

records = Table(
    "records",
    metadata,
    Column("scope_id", ID, primary_key=True),  # the organisation's id (crm) or the company's (books)
    Column("side", String(5), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("id", String(80), primary_key=True),
    Column("version", String(80), nullable=False),
    Column("content_hash", String(32), nullable=False),
    Column("values", PlainJson, nullable=False),
    Column("modified", String(40), nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

record_keys = Table(
    "record_keys",
    metadata,
    Column("scope_id", ID, primary_key=True),
    Column("side", String(5), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("key_type", String(12), primary_key=True),  # name, email
    Column("key", String(255), primary_key=True),
    Column("record_id", String(80), primary_key=True),
    Index("ix_record_keys_record", "scope_id", "side", "kind", "record_id"),
)

undecided = Table(
    "undecided",
    metadata,
    Column("connection_id", ID, primary_key=True),
    Column("side", String(5), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("record_id", String(80), primary_key=True),
    Column("since", Moment, nullable=False),
    # Set aside until the first read of both sides is complete, or until the next read of the CRM.
    Column("parked", Boolean, nullable=False),
    # It was set aside because deciding it failed: somebody should look.
    Column("failed", Boolean, nullable=False),
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("scope_id", ID, primary_key=True),
    Column("side", String(5), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("value", Text),
    # The first read of this kind reached its end: until then nothing of it is created anywhere.
    Column("complete", Boolean, nullable=False),
    Column("moved_at", Moment, nullable=False),
    # The newest change that was read or written: unless it is gone, a read from before must bring it again.
    Column("anchor", String(80), nullable=False, default=""),
    Column("anchor_stamp", String(40), nullable=False, default=""),
    Column("anchor_version", String(40), nullable=False, default=""),
    Column("anchor_replaced", String(40), nullable=False, default=""),
)

# Ids that a reconcile pass saw in QuickBooks; empty between passes.
key_checks = Table(
    "key_checks",
    metadata,
    Column("company_id", ID, primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("record_id", String(80), primary_key=True),
)

# --- what belongs together ---

links = Table(
    "links",
    metadata,
    Column("connection_id", ID, primary_key=True),
    Column("id", ID, primary_key=True),
    Column("role", String(32), nullable=False),
    Column("crm_kind", String(32), nullable=False),
    Column("crm_id", String(80)),
    Column("books_kind", String(32), nullable=False),
    Column("books_id", String(80)),
    Column("label", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("edit_sequence", String(40), nullable=False),
    # Both halves of the base by rule ("Phone > Phone"); null until both sides agreed once.
    Column("base_crm", PlainJson),
    Column("base_books", PlainJson),
    Column("status", String(20), nullable=False),  # To be Linked, Queued, Success, Error, Unlinked
    Column("error", Text, nullable=False),
    Column("error_code", String(40), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("unlinked_at", Moment),
    Index(
        "uq_links_crm",
        "connection_id",
        "role",
        "crm_kind",
        "crm_id",
        unique=True,
        sqlite_where=text("unlinked_at IS NULL AND crm_id IS NOT NULL"),
        postgresql_where=text("unlinked_at IS NULL AND crm_id IS NOT NULL"),
    ),
    Index(
        "uq_links_books",
        "connection_id",
        "role",
        "books_kind",
        "books_id",
        unique=True,
        sqlite_where=text("unlinked_at IS NULL AND books_id IS NOT NULL"),
        postgresql_where=text("unlinked_at IS NULL AND books_id IS NOT NULL"),
    ),
    # Dropped links are looked for by either id, whatever kind it was: a kind before the id would spoil the search.
    Index("ix_links_crm_any", "connection_id", "crm_id"),
    Index("ix_links_books_any", "connection_id", "books_id"),
    # Those about which a person must say something are few among many.
    Index("ix_links_error", "connection_id", "error_code"),
)

contributors = Table(
    "contributors",
    metadata,
    Column("connection_id", ID, primary_key=True),
    Column("link_id", ID, primary_key=True),
    Column("name", String(40), primary_key=True),  # PrimaryContact
    Column("kind", String(32), nullable=False),
    Column("record_id", String(80), nullable=False),
    Index("ix_contributors_record", "connection_id", "kind", "record_id"),
)

conflicts = Table(
    "conflicts",
    metadata,
    Column("connection_id", ID, primary_key=True),
    Column("link_id", ID, primary_key=True),
    Column("field", String(120), primary_key=True),  # the rule's name: CRM field > QuickBooks path
    Column("crm_value", PlainJson),
    Column("books_value", PlainJson),
    Column("reason", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    # crm or books: what a person chose; carried out by the next decision.
    Column("taken", String(5)),
)

suggestions = Table(
    "suggestions",
    metadata,
    Column("connection_id", ID, primary_key=True),
    Column("role", String(32), primary_key=True),
    Column("crm_id", String(80), primary_key=True),
    Column("books_id", String(80), primary_key=True),
    Column("score", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
)

# --- what is to be written ---

OPEN_STATES = ("proposed", "queued", "waiting", "blocked", "offered", "in_doubt", "needs_person", "refused")
_OPEN_SQL = "state IN ({})".format(", ".join(f"'{state}'" for state in OPEN_STATES))

link_jobs = Table(
    "link_jobs",
    metadata,
    Column("connection_id", ID, primary_key=True),
    Column("id", ID, primary_key=True),  # is the qbXML requestID
    Column("company_id", ID, nullable=False),
    Column("link_id", ID, nullable=False),
    Column("side", String(5), nullable=False),  # the side that is written to
    Column("kind", String(32), nullable=False),
    Column(
        "action", String(12), nullable=False
    ),  # add, change, recreate, end (of a document that was voided)
    Column("state", String(12), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("visit_attempts", Integer, nullable=False),
    # In a row, of the kind that passes by itself; how long the next pause is follows from it.
    Column("failures", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("set_id", String(24)),
    # A set refused by QuickBooks' parser is halved until the guilty request stands alone.
    Column("set_limit", Integer, nullable=False),
    # What the sent request was made from and holds: {"crm": ..., "books": ..., "crm_version": ...}.
    Column("sent", PlainJson),
    # cancel or unlink, wished for while the outcome was unknown.
    Column("wish", String(12), nullable=False),
    Column("error", Text, nullable=False),
    Column("error_code", String(40), nullable=False),
    Column("next_step", Text, nullable=False),
    Column("run_number", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("ended_at", Moment),
    # What a document that is to be made comes to, in cents; 0 for what is no money.
    Column("cents", BigInteger, nullable=False),
    Index(
        "uq_link_jobs_open",
        "connection_id",
        "link_id",
        "side",
        unique=True,
        sqlite_where=text(_OPEN_SQL),
        postgresql_where=text(_OPEN_SQL),
    ),
    # SQLite cannot tell that states which are parameters are all open ones, and so never uses the index above.
    Index("ix_link_jobs_link", "connection_id", "link_id"),
    Index("ix_link_jobs_due", "company_id", "side", "state", "due_at"),
    Index("ix_link_jobs_set", "company_id", "set_id"),
    Index("ix_link_jobs_id", "id"),
    Index("ix_link_jobs_made", "connection_id", "action", "created_at"),
)

# A job that is waiting or blocked, and the records that must have a partner first: whatever link they have, or get.
job_waits = Table(
    "job_waits",
    metadata,
    Column("connection_id", ID, primary_key=True),
    Column("job_id", ID, primary_key=True),
    Column("role", String(32), primary_key=True),
    Column("side", String(5), primary_key=True),
    Column("record_id", String(80), primary_key=True),
    Index("ix_job_waits_record", "connection_id", "side", "record_id"),
)

message_sets = Table(
    "message_sets",
    metadata,
    Column("company_id", ID, primary_key=True),
    Column("set_id", String(24), primary_key=True),
    Column("ticket_hash", String(64), nullable=False),
    Column("request", Text, nullable=False),  # the exact characters that were sent
    Column("job_ids", PlainJson, nullable=False),
    # offered -> settled -> cleared; offered -> in_doubt -> settled | given_up
    Column("state", String(12), nullable=False),
    Column("note", Text, nullable=False),
    Column("offered_at", Moment, nullable=False),
    Column("answered_at", Moment),
    Index("ix_message_sets_state", "company_id", "state"),
)

# --- visits ---

tickets = Table(
    "tickets",
    metadata,
    Column("ticket_hash", String(64), primary_key=True),
    Column("company_id", ID, nullable=False),
    Column("run_number", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("address", String(64), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("connection_errors", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("client_version", String(40), nullable=False),
    # The visit's own notes: identity verified, reads under way, what is out, counts done.
    Column("visit", PlainJson, nullable=False),
    Index("ix_tickets_company", "company_id", "state"),
    Index("ix_tickets_idle", "state", "seen_at"),
)

exchanges = Table(
    "exchanges",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("company_id", ID),
    Column("run_number", Integer),
    Column("method", String(32), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("request", LargeBinary, nullable=False),  # zlib; secrets masked before
    Column("response", LargeBinary, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("failed", Boolean, nullable=False),
    Index("ix_exchanges_company", "company_id", "number"),
    Index("ix_exchanges_run", "run_number"),
    Index("ix_exchanges_age", "started_at"),
)

# What followed the first part of a very long answer, so that none of it is ever in memory as a whole.
exchange_parts = Table(
    "exchange_parts",
    metadata,
    Column("exchange_number", Integer, primary_key=True),
    Column("part", Integer, primary_key=True),  # 1, 2, ...
    Column("text", LargeBinary, nullable=False),  # zlib; secrets masked before
)

exchange_subjects = Table(
    "exchange_subjects",
    metadata,
    Column("exchange_number", Integer, primary_key=True),
    Column("subject", String(100), primary_key=True),  # job, link, set or record id
    Index("ix_exchange_subjects_subject", "subject"),
)

runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),  # the Sync ID people see
    Column("kind", String(16), nullable=False),  # visit, poll, deliver, manual
    Column("company_id", ID),
    Column("organisation_id", ID),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("counts", PlainJson, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Index("ix_runs_company", "company_id", "number"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("connection_id", ID, nullable=False),
    Column("link_id", ID, nullable=False),  # "" when there is no link yet
    Column("record_id", String(80), nullable=False),
    Column("run_number", Integer, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("outcome", String(24), nullable=False),
    Column("reason", Text, nullable=False),
    Column("fields", PlainJson, nullable=False),
    Index("ix_decisions_link", "connection_id", "link_id"),
    Index("ix_decisions_record", "connection_id", "record_id"),
    Index("ix_decisions_run", "run_number"),
)

# --- keeping watch ---

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("actor", NAME, nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", PlainJson, nullable=False),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("user_name", NAME, nullable=False),
    Column("address", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_login_failures_user", "user_name", "at"),
    Index("ix_login_failures_address", "address", "at"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("holder", NAME, nullable=False),
    Column("until", Moment, nullable=False),
)
