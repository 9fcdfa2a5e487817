"""A round of an ordinary day looks things up: what a long history left behind costs it nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, insert

from qbwc_server.store import links, tables
from qbwc_server.store.database import Database, Tx
from tests.rows import JOB, LINK, NOW, RECORD, SET, TICKET, like
from tests.sync.world import World

# So many that PostgreSQL, too, prefers an index to reading all of them.
OLD = 3000
SIDES = (("org", "crm", "account"), ("co", "books", "Customer"))
HISTORY = frozenset(
    {
        *("records", "record_keys", "links", "link_jobs", "message_sets", "tickets"),
        *("exchanges", "exchange_subjects", "runs", "decisions"),
    }
)
# What alone tells no row from thousands of others.
OWNERS = frozenset({"connection_id", "company_id", "scope_id", "side", "kind", "key_type"})
# An index of open jobs: reading all of it reads nothing of the history.
OPEN_ONLY = "uq_link_jobs_open"
# To suggest what looks like a new name, all names are looked at on purpose; how many, has a limit of its own.
ALL_NAMES = (
    'SELECT record_keys."key", record_keys.record_id',
    "SELECT record_keys.key, record_keys.record_id",
)
Statements = dict[str, Any]


def add_old_rows(tx: Tx) -> None:
    """What years leave behind: all of it ours, for rows of others would only help."""
    old = range(OLD)
    ids = [f"old-{number}" for number in old]
    rows: dict[Any, Sequence[Mapping[str, Any]]] = {
        tables.records: [
            vars(like(RECORD, scope_id=scope, side=side, kind=kind, id=one))
            for scope, side, kind in SIDES
            for one in ids
        ],
        tables.record_keys: [
            {"scope_id": scope, "side": side, "kind": kind, "key_type": "name", "key": one, "record_id": one}
            for scope, side, kind in SIDES
            for one in ids
        ],
        tables.links: [vars(like(LINK, id=one, crm_id=one, books_id=one, status="Success")) for one in ids],
        tables.link_jobs: [
            vars(like(JOB, id=one, link_id=one, company_id="co", state="settled", set_id=one[:24]))
            for one in ids
        ],
        tables.message_sets: [vars(like(SET, company_id="co", set_id=one, state="cleared")) for one in ids],
        tables.tickets: [vars(like(TICKET, ticket_hash=one, company_id="co", state="closed")) for one in ids],
        tables.exchanges: [
            {"company_id": "co", "run_number": number, "method": "sendRequestXML", "started_at": NOW}
            | {"milliseconds": 1, "request": b"", "response": b"", "outcome": "", "failed": False}
            for number in old
        ],
        tables.exchange_subjects: [
            {"exchange_number": number + 10_000, "subject": str(number)} for number in old
        ],
        tables.runs: [
            {"kind": "visit", "company_id": "co", "started_at": NOW, "counts": {}, "errors": 0, "note": ""}
            for _ in old
        ],
        tables.decisions: [
            {"connection_id": "con", "link_id": one, "record_id": one, "run_number": 1, "made_at": NOW}
            | {"outcome": "same", "reason": "", "fields": []}
            for one in ids
        ],
    }
    assert {table.name for table in rows} == HISTORY
    for table, values in rows.items():
        tx.execute(insert(table), list(values))


@contextmanager
def noted(database: Database) -> Iterator[Statements]:
    """Every different statement that runs meanwhile, with the values of its first use."""
    seen: Statements = {}

    def note(_connection: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        if text.startswith(("SELECT", "UPDATE", "DELETE")):
            # One that carries many rows is run with a list of them.
            seen.setdefault(text, values[0] if isinstance(values, list) else values)

    event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine, "before_cursor_execute", note)


def scans(tx: Tx, text: str, values: Any) -> list[str]:
    """The tables of which a statement would read everything, or everything that belongs to one company."""
    if tx.dialect.name == "sqlite":
        steps = [str(row[3]) for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
        return [
            step.split()[1] for step in steps if step.startswith(("SCAN ", "SEARCH ")) and finds_all(step)
        ]
    plan = tx.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {text}", values).scalar_one()
    [whole] = plan if isinstance(plan, list) else json.loads(plan)
    return sorted({table for table, condition in looked_up(whole["Plan"]) if finds_all(condition)})


def looked_up(plan: Mapping[str, Any], table: str = "") -> Iterator[tuple[str, str]]:
    """(table, condition by which an index finds its rows) of each node that reads; "" where none does."""
    table = plan.get("Relation Name", table)
    looks = plan["Node Type"].endswith("Scan") and plan["Node Type"] not in (
        "Bitmap Heap Scan",
        "Subquery Scan",
    )
    if looks and plan.get("Index Name") != OPEN_ONLY:
        yield table, plan.get("Index Cond", "")
    for below in plan.get("Plans", ()):
        yield from looked_up(below, table)


def finds_all(condition: str) -> bool:
    """Whether it names nothing but whose a row is and of what kind."""
    compared = re.findall(r"(\w+)\)*(?:::\w+(?: \w+)?)? ?(?:=|<|>)", condition)
    return set(compared) <= OWNERS


@pytest.fixture
def old_world(world: World) -> World:
    """A pair at rest, and a long history."""
    world.account("Ann's Bakery", promoted=True, contact="Ann Baker")
    world.quiet()
    with world.database.write() as tx:
        add_old_rows(tx)
    with world.database.write() as tx:
        # PostgreSQL does this by itself, a minute later.
        tx.exec_driver_sql("ANALYZE" if tx.dialect.name == "postgresql" else "SELECT 1")
    return world


def scanned(world: World, statements: Statements) -> dict[str, list[str]]:
    with world.database.read() as tx:
        found = {text: HISTORY & set(scans(tx, text, values)) for text, values in statements.items()}
    return {text: sorted(read) for text, read in found.items() if read and not text.startswith(ALL_NAMES)}


def test_an_idle_round_reads_no_table_from_end_to_end(old_world: World) -> None:
    with noted(old_world.database) as statements:
        assert old_world.sync().status.endswith("nothing to do")
    assert len(statements) > 20
    assert scanned(old_world, statements) == {}


# What each call of a visit that finds nothing must ask and keep: one statement each, and none besides.
LOGIN = (
    *("failed logins", "the company by its user", "alone with it", "the company since then", "connections"),
    *("live tickets", "a run", "the wish for a poll", "a ticket", "the last visit", "the exchange"),
)
SENDING = ("ticket", "connections", "sets in doubt", "watermarks", "the ticket moves", "the exchange")
ANSWER = (
    *("ticket", "connections", "the newest change as stored", "watermarks", "sets in doubt", "undecided"),
    *("due jobs", "sets to ask about or clear", "the worker's lease"),
    *("the ticket moves", "the run ends", "the exchange"),
)
GOODBYE = (
    *("ticket", "the run's counts", "what needs a person", "troubles of the CRM", "what is stopped"),
    *("the ticket moves", "the run ends", "the exchange"),
)
IDLE_VISIT = {
    "authenticate": LOGIN,
    "send_request_xml": SENDING,
    "receive_response_xml": ANSWER,
    "close_connection": GOODBYE,
}


def test_an_idle_visit_asks_nothing_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.account("Ann's Bakery", promoted=True)
    world.quiet()
    asked: dict[str, list[str]] = {}
    call = [""]

    def note(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        if call[0] and not text.startswith("BEGIN"):
            asked.setdefault(call[0], []).append(text)

    def watched(name: str) -> Callable[..., Any]:
        original = getattr(world.sessions, name)

        def watching(*arguments: Any) -> Any:
            call[0] = name
            try:
                return original(*arguments)
            finally:
                call[0] = ""

        return watching

    for name in IDLE_VISIT:
        monkeypatch.setattr(world.sessions, name, watched(name))
    event.listen(world.database.engine, "before_cursor_execute", note)
    seen = world.visit()
    event.remove(world.database.engine, "before_cursor_execute", note)
    assert seen.status.endswith("nothing to do")
    assert [one for one in seen.calls if one in ("sendRequestXML", "receiveResponseXML")] == [
        "sendRequestXML",
        "receiveResponseXML",
    ]
    assert {name: texts for name, texts in asked.items() if len(texts) > len(IDLE_VISIT[name])} == {}


def test_a_round_with_edits_on_both_sides_and_a_new_account_reads_none_either(old_world: World) -> None:
    account = old_world.account_named("Ann's Bakery")
    with noted(old_world.database) as statements:
        old_world.account("Bob's Garage", promoted=True)
        old_world.edit_account(account, Phone="555-0100")
        old_world.edit_customer(str(old_world.in_crm(account)["QB_ListID__c"]), Fax="555-0101")
        old_world.sync(2)
    assert old_world.names_in_books() == ["Ann's Bakery", "Bob's Garage"]
    used = {name for name in HISTORY for text in statements if f"FROM {name} " in text.replace("\n", " ")}
    assert used >= {"records", "record_keys", "links", "link_jobs"}
    assert scanned(old_world, statements) == {}


def test_a_former_partner_is_found_by_either_id(old_world: World) -> None:
    with old_world.database.write() as tx:
        links.change_link(tx, "con", "old-7", NOW, unlinked_at=NOW)
    for crm_id, books_id in (("old-7", "other"), ("other", "old-7"), (None, "old-7"), ("old-7", None)):
        with noted(old_world.database) as statements, old_world.database.read() as tx:
            assert [one.id for one in links.was_unlinked(tx, "con", "customer", crm_id, books_id)] == [
                "old-7"
            ]
        assert scanned(old_world, statements) == {}


@pytest.mark.parametrize(
    ("where", "all_of_it"),
    [
        ("", True),
        ("WHERE connection_id = 'con'", True),
        ("WHERE connection_id = 'con' AND label = 'old'", True),
        ("WHERE connection_id = 'con' AND id = 'old-1'", False),
    ],
)
def test_reading_everything_is_seen_as_that(old_world: World, where: str, all_of_it: bool) -> None:
    with old_world.database.read() as tx:
        assert scans(tx, f"SELECT * FROM links {where}", ()) == (["links"] if all_of_it else [])
