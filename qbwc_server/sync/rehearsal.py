"""What a sync would do, without doing it: everything is decided in a transaction that the caller rolls back."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.port import Page
from qbwc_server import mapping
from qbwc_server.mapping import KindMap, Rule
from qbwc_server.store import history, jobs, links, search
from qbwc_server.store.database import Tx
from qbwc_server.store.job_states import JobState
from qbwc_server.store.rows import Link, LinkJob
from qbwc_server.sync import decide as rule_book
from qbwc_server.sync.decide import FieldOutcome, Side
from qbwc_server.sync.deciding import (
    Desk,
    Scope,
    Sides,
    decide_slice,
    rule_name,
    scopes_of_company,
    scopes_of_organisation,
    view_linked,
)
from qbwc_server.sync.from_crm import bury_missing, ingest
from qbwc_server.sync.to_books import Refusal, draft

SLICE = 200
WOULD_GO = (JobState.QUEUED, JobState.PROPOSED)


@dataclass(frozen=True)
class Change:
    """One field that would be written, in the target side's own name and form."""

    field: str
    old: Any
    new: Any
    reason: str = ""


@dataclass(frozen=True)
class Planned:
    """One write that would be made. `refusal` says why our own checks would not let it through."""

    side: Side
    action: str
    kind: str
    label: str
    record_id: str
    # False: it is proposed only and waits for a person.
    approved: bool
    reason: str
    changes: tuple[Change, ...]
    refusal: str = ""


@dataclass(frozen=True)
class Rehearsal:
    """`waiting` records cannot be decided yet, because the first read of a side is not complete.

    `stopped` says of each connection that would write nothing at all, why.
    """

    planned: tuple[Planned, ...]
    decided: int
    waiting: int
    stopped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fresh:
    """One pass over a kind of CRM record, read for a rehearsal only."""

    organisation_id: str
    kind: str
    fields: tuple[str, ...]
    pages: tuple[Page, ...]


def rehearse(tx: Tx, company_id: str, read: Iterable[Fresh], now: datetime) -> Rehearsal:
    """Decide what waits, and what was read from the CRM just now, as the worker and a visit would.

    QuickBooks is taken as it was last read. The caller rolls the transaction back.
    """
    run_number = history.begin_run(tx, "dry run", now, company_id=company_id)
    for one in read:
        _take_in(tx, one, now)
    decided = 0
    while done := decide_slice(tx, company_id, run_number, now, SLICE):
        decided += done
    scopes = {one.id: one for one in scopes_of_company(tx, company_id)}
    running = [one.id for one in scopes.values() if not one.connection.stopped_reason]
    waiting = jobs.all_jobs(tx, running, states=WOULD_GO, limit=100_000)
    planned = tuple(
        plan for job in waiting if (plan := _planned(tx, scopes[job.connection_id], job, run_number, now))
    )
    stopped = tuple(
        f"{one.connection.name} is stopped: {one.connection.stopped_reason}"
        for one in scopes.values()
        if one.id not in running
    )
    return Rehearsal(planned, decided, search.parked(tx, list(scopes)), stopped)


def _take_in(tx: Tx, read: Fresh, now: datetime) -> None:
    seen = {one.id for page in read.pages for one in page.records if not one.deleted}
    for page in read.pages:
        scopes = scopes_of_organisation(tx, read.organisation_id)
        if page.complete:
            bury_missing(tx, scopes, read.kind, seen, now)
        ingest(tx, scopes, read.kind, page, now, read.fields)


def _planned(tx: Tx, scope: Scope, job: LinkJob, run_number: int, now: datetime) -> Planned | None:
    link = links.link(tx, scope.id, job.link_id)
    if link is None:
        return None
    side: Side = "books" if job.side == "books" else "crm"
    kind_map = scope.map_for(link)
    sides, pair = view_linked(tx, scope, kind_map, link)
    fields = {one.name: one for one in rule_book.decide(pair, rule_book.Policy()).fields}
    changes = tuple(_changes(kind_map, link, side, sides, fields))
    if side == "crm":
        changes += tuple(_status_changes(Desk(tx, scope, run_number, now), link, sides))
    refusal = _refusal(tx, scope, link, job) if side == "books" else ""
    if not changes and not refusal:
        return None
    return Planned(
        side=side,
        action=job.action,
        kind=job.kind,
        label=link.label,
        record_id=str((link.books_id if side == "books" else link.crm_id) or ""),
        approved=job.state == JobState.QUEUED,
        reason=job.error or _reason(tx, link),
        changes=changes,
        refusal=refusal,
    )


def _reason(tx: Tx, link: Link) -> str:
    """Why, in the words of the newest decision about the pair."""
    found = history.decisions_about(tx, link_id=link.id)
    return str(found[0]["reason"]) if found else ""


def _refusal(tx: Tx, scope: Scope, link: Link, job: LinkJob) -> str:
    made = draft(tx, scope, link, job)
    return made.text if isinstance(made, Refusal) else ""


def _changes(
    kind_map: KindMap,
    link: Link,
    side: Side,
    sides: Sides,
    decided: Mapping[str, rule_book.FieldDecision],
) -> Iterator[Change]:
    if (link.books_id if side == "books" else link.crm_id) is None:
        for rule in mapping.rules_to(kind_map, side, creating=True):
            new = _converted(rule, side, sides)
            if new is not None:
                yield Change(rule.books if side == "books" else rule.crm, None, new)
        return
    wanted = FieldOutcome.TO_BOOKS if side == "books" else FieldOutcome.TO_CRM
    for rule in kind_map.rules:
        one = decided.get(rule_name(rule))
        if one is not None and one.outcome is wanted:
            old = one.books_value if side == "books" else one.crm_value
            name = rule.books if side == "books" else rule.crm
            yield Change(name, old, _converted(rule, side, sides), one.reason)


def _converted(rule: Rule, side: Side, sides: Sides) -> Any:
    """The value as the target side would get it; None when it has no acceptable form there."""
    convert, source = (
        (mapping.to_books, sides.crm_values[rule.crm])
        if side == "books"
        else (mapping.to_crm, sides.books_values[rule.books])
    )
    try:
        return convert(rule, source).value
    except mapping.CannotConvert:
        return None


def _status_changes(desk: Desk, link: Link, sides: Sides) -> Iterator[Change]:
    seen = sides.crm.values if sides.crm else {}
    for name, value in desk.status_writes(link).items():
        yield Change(name, seen.get(name), value, "what people see of the link")
