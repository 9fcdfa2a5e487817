"""What is done in the background, as plain functions: poll, decide, deliver, sweep.

Each takes ids, opens what it needs and may run twice without harm; when and by which engine they run is the
engine's business. The truth is in the tables: a lost wake-up costs delay, never data.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from crm.errors import CrmError, LimitedUntil, LoginFailed, Misconfigured
from crm.port import Gateway, Pass
from qbwc_server.secrets import Keys
from qbwc_server.store import history, parties, records, visits
from qbwc_server.store.database import Database, Tx
from qbwc_server.sync import crm_delivery
from qbwc_server.sync.crm_delivery import Delivery
from qbwc_server.sync.deciding import Scope, decide_waiting, scopes_of_organisation
from qbwc_server.sync.from_crm import (
    bury_missing,
    fields_to_read,
    ingest,
    where_to_resume,
)
from qbwc_server.sync.interrupted import requeue_interrupted
from qbwc_server.sync.retrying import AWAY, LOGIN, next_try

log = structlog.get_logger(__name__)

FIELDS_AGE = timedelta(days=1)


class OpenGateway(Protocol):
    """Gives the gateway of an organisation, kept open between tasks; only the composition root knows vendors."""

    def __call__(self, vendor: str, url: str, credentials: Mapping[str, str]) -> Gateway: ...


@dataclass(frozen=True)
class Background:
    """Everything that the tasks need."""

    database: Database
    keys: Keys
    open_gateway: OpenGateway
    clock: Callable[[], datetime]
    poll_every: timedelta = timedelta(minutes=5)
    keep_exchanges: timedelta = timedelta(days=30)


@dataclass
class _Run:
    """A run row that is made only once something happened: an idle minute leaves no trace."""

    background: Background
    kind: str
    organisation_id: str
    number_made: int = 0

    def number(self) -> int:
        if not self.number_made:
            with self.background.database.write() as tx:
                self.number_made = self.begin(tx)
        return self.number_made

    def begin(self, tx: Tx) -> int:
        return history.begin_run(tx, self.kind, self.background.clock(), organisation_id=self.organisation_id)

    def end(self, counts: dict[str, int], errors: int, note: str = "") -> None:
        """Close the run; without one, only trouble is worth making it."""
        if not self.number_made and not errors and not any(counts.values()):
            return
        number = self.number()
        with self.background.database.write() as tx:
            history.count_in_run(tx, number, counts, errors)
            history.end_run(tx, number, self.background.clock(), note)


def work_once(background: Background) -> int:
    """Everything that is due now, once; how many records or writes it concerned."""
    with background.database.read() as tx:
        organisations = [one.id for one in parties.all_organisations(tx)]
    done = 0
    failures = []
    for organisation_id in organisations:
        try:
            done += _work_for(background, organisation_id)
        except Exception as failure:  # noqa: BLE001 - the edge of one organisation: the others get their turn
            failures.append(failure)
    if failures:
        raise ExceptionGroup("background work failed", failures)
    return done


def _work_for(background: Background, organisation_id: str) -> int:
    done = poll(background, organisation_id) if poll_due(background, organisation_id) else 0
    done += decide(background, organisation_id)
    return done + deliver(background, organisation_id)


def poll_due(background: Background, organisation_id: str) -> bool:
    with background.database.read() as tx:
        one = parties.organisation(tx, organisation_id)
        if one is None or not parties.connections_of_organisation(tx, organisation_id):
            return False
    now = background.clock()
    if one.retry_at is not None and one.retry_at > now:
        return False
    wanted = one.poll_wanted_at is not None and (one.polled_at is None or one.polled_at < one.poll_wanted_at)
    return wanted or one.polled_at is None or one.polled_at + background.poll_every <= now


def poll(background: Background, organisation_id: str) -> int:
    """Read what changed in the CRM, decide it, and say when the CRM cannot be reached; records changed."""
    started = background.clock()
    run = _Run(background, "poll", organisation_id)
    try:
        gateway = _gateway(background, organisation_id)
        gateway.prepare(_passes(background, organisation_id))
        _learn_fields(background, organisation_id, gateway)
        changed = _read_changes(background, organisation_id, gateway)
    except CrmError as trouble:
        _note_trouble(background, organisation_id, trouble)
        run.end({}, 1, trouble.text)
        return 0
    if changed:
        decide(background, organisation_id, run)
    with background.database.write() as tx:
        well: dict[str, Any] = {"poll_error": None, "retry_at": None, "failures": 0}
        parties.change_organisation(tx, organisation_id, polled_at=started, **well)
    run.end({"changed in the CRM": changed}, 0)
    return changed


def _passes(background: Background, organisation_id: str) -> list[Pass]:
    """What a poll is going to read."""
    with background.database.read() as tx:
        wanted = fields_to_read(scopes_of_organisation(tx, organisation_id))
        return [
            Pass(kind, fields, where_to_resume(tx, organisation_id, kind, fields))
            for kind, fields in wanted.items()
        ]


def _read_changes(background: Background, organisation_id: str, gateway: Gateway) -> int:
    with background.database.read() as tx:
        scopes = scopes_of_organisation(tx, organisation_id)
    changed = 0
    missing: list[Misconfigured] = []
    for kind, fields in fields_to_read(scopes).items():
        try:
            changed += _read_kind(background, organisation_id, gateway, kind, fields)
        except Misconfigured as lacking:
            # A kind that this CRM does not have, or does not show, is no reason to read nothing of the others.
            missing.append(lacking)
    if missing:
        decide(background, organisation_id)
        raise missing[0]
    return changed


def _read_kind(
    background: Background, organisation_id: str, gateway: Gateway, kind: str, fields: tuple[str, ...]
) -> int:
    with background.database.read() as tx:
        watermark = where_to_resume(tx, organisation_id, kind, fields)
    changed = 0
    seen: set[str] = set()
    for page in gateway.changed_since(kind, fields, watermark):
        seen |= {one.id for one in page.records if not one.deleted}
        with background.database.write() as tx:
            scopes = scopes_of_organisation(tx, organisation_id)
            parties.lock_connections(tx, [scope.id for scope in scopes])
            if page.complete:
                changed += bury_missing(tx, scopes, kind, seen, background.clock())
            changed += ingest(tx, scopes, kind, page, background.clock(), fields)
        if page.note:
            log.warning("crm.read", organisation=organisation_id, kind=kind, note=page.note)
    return changed


def _learn_fields(background: Background, organisation_id: str, gateway: Gateway) -> None:
    """Ask the CRM for its fields once a day: lengths decide what is truncated and what is refused."""
    with background.database.read() as tx:
        one = parties.organisation(tx, organisation_id)
        scopes = scopes_of_organisation(tx, organisation_id)
    fresh = (
        one is not None
        and one.fields
        and one.fields.get("asked_at", "") > str(background.clock() - FIELDS_AGE)
        and one.fields["kinds"].keys() >= fields_to_read(scopes).keys()
    )
    if fresh:
        return
    known = {kind: _described(gateway, kind, names) for kind, names in fields_to_read(scopes).items()}
    with background.database.write() as tx:
        parties.change_organisation(
            tx, organisation_id, fields={"kinds": known, "asked_at": str(background.clock())}
        )


def _described(gateway: Gateway, kind: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Only what the profiles use: this is read at every call of a visit. Nothing of a kind that is not there."""
    try:
        described = gateway.describe(kind)
    except Misconfigured:
        return []
    return [
        {"name": one.name, "type": one.type, "length": one.length}
        | {"required": one.required, "writable": one.writable}
        for one in described
        if one.name in names
    ]


def decide(background: Background, organisation_id: str, run: "_Run | None" = None) -> int:
    """Decide what waits for this organisation's connections; how many records had their turn.

    Visits decide as well; here it is so that QuickBooks' changes reach the CRM soon after the visit that read them.
    """
    with background.database.read() as tx:
        connections = parties.connections_of_organisation(tx, organisation_id)
        running = [one for one in connections if not one.stopped_reason]
        if not running or not records.waiting_for_decision(tx, [one.id for one in running]):
            return 0
    own = run or _Run(background, "decide", organisation_id)
    companies = sorted({one.company_id for one in running})
    decided = sum(
        decide_waiting(background.database, company_id, own.number(), background.clock)
        for company_id in companies
    )
    if run is None:
        own.end({"decided": decided}, 0)
    return decided


def deliver(background: Background, organisation_id: str) -> int:
    """Write what is due in the CRM; how many writes reached it."""
    written = 0
    for scope in _scopes_with_due(background, organisation_id):
        run = _Run(background, "deliver", organisation_id)
        try:
            gateway = _gateway(background, organisation_id)
            result = Delivery(background.database, scope, gateway, run.number(), background.clock).deliver()
        except CrmError as trouble:
            _note_trouble(background, organisation_id, trouble)
            run.end({}, 1, trouble.text)
            break
        written += result.written
        note = result.stopped.text if result.stopped else ""
        run.end(
            {"written to the CRM": result.written, "refused by the CRM": result.refused}, result.refused, note
        )
        if result.stopped is not None:
            _note_trouble(background, organisation_id, result.stopped)
            break
    return written


def _scopes_with_due(background: Background, organisation_id: str) -> Iterator[Scope]:
    now = background.clock()
    with background.database.read() as tx:
        one = parties.organisation(tx, organisation_id)
        scopes = scopes_of_organisation(tx, organisation_id)
        due = [
            scope
            for scope in scopes
            if not scope.connection.stopped_reason and crm_delivery.due(tx, scope, now)
        ]
    if one is None or (one.retry_at is not None and one.retry_at > now):
        return
    yield from due


def sweep(background: Background) -> None:
    """Forget what is past its time: kept exchanges and old login failures."""
    now = background.clock()
    with background.database.write() as tx:
        history.forget_exchanges(tx, now - background.keep_exchanges)
        visits.forget_login_failures(tx, now - timedelta(days=1))


def recover(background: Background) -> int:
    """At the start: CRM writes that a killed worker left on their way go back to the queue.

    The CRM is read before anything is written there: our database may be one of yesterday, and lack records that
    QuickBooks' records belong to.
    """
    requeued = 0
    with background.database.write() as tx:
        parties.lock_connections(tx, [one.id for one in parties.all_connections(tx)])
        for one in parties.all_organisations(tx):
            parties.change_organisation(tx, one.id, poll_wanted_at=background.clock())
            for scope in scopes_of_organisation(tx, one.id):
                requeued += requeue_interrupted(tx, {scope.id: scope}, scope.company.id, background.clock())
    return requeued


def _gateway(background: Background, organisation_id: str) -> Gateway:
    with background.database.read() as tx:
        one = parties.organisation(tx, organisation_id)
    assert one is not None
    return background.open_gateway(one.vendor, one.url, json.loads(background.keys.unseal(one.credentials)))


def _note_trouble(background: Background, organisation_id: str, trouble: CrmError) -> None:
    """Remember why the CRM cannot be used and when it is tried again; the visit then does not wait for it."""
    now = background.clock()
    log.warning("crm.trouble", organisation=organisation_id, code=trouble.code, text=trouble.text)
    with background.database.write() as tx:
        one = parties.organisation(tx, organisation_id)
        failures = (one.failures if one else 0) + 1
        retry_at = _retry_at(trouble, failures, now, organisation_id)
        values: dict[str, Any] = {"poll_error": trouble.text, "failures": failures, "retry_at": retry_at}
        parties.change_organisation(tx, organisation_id, **values)


def _retry_at(trouble: CrmError, failures: int, now: datetime, organisation_id: str) -> datetime | None:
    """Neither policy ever ends: nothing that waits for the CRM is at fault."""
    if isinstance(trouble, LimitedUntil) and trouble.until is not None:
        return trouble.until
    policy = LOGIN if isinstance(trouble, LoginFailed | Misconfigured) else AWAY
    return next_try(policy, failures, now, organisation_id)
