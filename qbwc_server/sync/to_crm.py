"""The door to the CRM: due link jobs become writes there, each built from the state of its moment.

Every write may be repeated without harm: a creation carries an external key made from company, kind and id, a
change is made only while the record is as we saw it. So a job whose outcome is unknown simply goes back to the
queue, and the record is read again before the next attempt.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from crm.errors import (
    Ambiguous,
    CrmError,
    LimitedUntil,
    LoginFailed,
    Misconfigured,
    Missing,
    Rejected,
    Stale,
    Unavailable,
    UnknownOutcome,
)
from crm.port import Gateway, Page
from crm.port import Write as PortWrite
from qbwc_server import mapping
from qbwc_server.mapping import KindMap
from qbwc_server.store import jobs, links, parties, records
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.job_states import JobEvent, JobState, after
from qbwc_server.store.rows import Link, LinkJob
from qbwc_server.sync.crm_writes import (
    Write,
    bases_of_creation,
    build,
    external_key,
    needs_first,
    seen,
    status_write,
)
from qbwc_server.sync.deciding import (
    Desk,
    Scope,
    Turn,
    bases_with,
    hold,
    look,
    one_turn,
    scopes_of_organisation,
)
from qbwc_server.sync.from_crm import fields_to_read, ingest
from qbwc_server.sync.retrying import AWAY, OWN_FAULT, next_try

log = structlog.get_logger(__name__)

REPORT = "Report this with what the log says of the job; then: qbwc-server job retry"
STOPS_ORGANISATION = (Unavailable, LimitedUntil, LoginFailed, Misconfigured)


@dataclass(frozen=True)
class Held:
    """A job that waits, or is blocked, from now on."""


@dataclass(frozen=True)
class Delivered:
    """The outcome of one pass: how many writes reached the CRM, how many records it refused."""

    written: int = 0
    refused: int = 0
    stopped: CrmError | None = None

    def __add__(self, other: "Delivered") -> "Delivered":
        return Delivered(
            self.written + other.written, self.refused + other.refused, self.stopped or other.stopped
        )


class OneByOne:
    """Jobs of a connection carried out each by itself, with an open gateway."""

    def __init__(
        self,
        database: Database,
        scope: Scope,
        gateway: Gateway,
        run_number: int,
        clock: Callable[[], datetime],
    ) -> None:
        self.database, self.scope, self.gateway = database, scope, gateway
        self.run_number, self.clock = run_number, clock

    def _set_aside(self, job_id: str, failure: Exception) -> None:
        """A fault of ours: the job is tried again later and later, and says so meanwhile."""
        log.error("deliver.failed", job=job_id, failure=type(failure).__qualname__, exc_info=failure)
        with self._writing() as tx:
            job = jobs.job(tx, job_id)
            if job is None or job.state not in (JobState.OFFERED, JobState.QUEUED):
                return
            text = f"An internal error kept it from the CRM ({type(failure).__name__}); it is tried again. See the log."
            failures = job.failures + 1
            values: dict[str, Any] = {"error": text, "error_code": "internal", "attempts": job.attempts + 1}
            due_at = next_try(OWN_FAULT, failures, self.clock(), job.id)
            if due_at is None:
                ended = {"state": after(job.state, JobEvent.REFUSE), "failures": 0, "next_step": REPORT}
                jobs.change_job(tx, job_id, self.clock(), **values | ended)
                return
            if job.state == JobState.OFFERED:
                values["state"] = after(job.state, JobEvent.REQUEUE)
            jobs.change_job(tx, job_id, self.clock(), due_at=due_at, failures=failures, **values)

    @contextmanager
    def _writing(self) -> Iterator[Tx]:
        """A transaction that has the connection to itself: a visit works on the same links and jobs, and two that
        take them in different order would wait for each other (PostgreSQL)."""
        with self.database.write() as tx:
            parties.lock_connections(tx, [self.scope.id])
            yield tx

    def _prepare(self, job_id: str) -> Write | tuple[int, int]:
        """The write, marked as on its way; or (calls that wrote, 1 when refused) of a job that ends here."""
        if self._fresh(job_id) is None:
            return 0, 0
        with self._writing() as tx:
            self._decide_first(tx, job_id)
            write = self._offer(tx, job_id)
        if not isinstance(write, Write):
            return self._tell(job_id) if write else 0, int(write)
        return write

    def _deliver_one(self, job_id: str, write: Write) -> tuple[int, int]:
        """(calls that wrote, 1 when the record was refused)."""
        try:
            return self._carry_out(job_id, write), 0
        except CrmError as outcome:
            return self._went_wrong(job_id, write, outcome)

    def _went_wrong(self, job_id: str, write: Write, outcome: CrmError) -> tuple[int, int]:
        if isinstance(outcome, Stale | UnknownOutcome | Missing):
            self._look_again(job_id, write, outcome)
            return 0, 0
        if isinstance(outcome, Rejected | Ambiguous):
            self._refuse(job_id, outcome)
            return self._tell(job_id), 1
        raise outcome

    def _fields(self, kind: str) -> tuple[str, ...]:
        """All fields of a kind that any connection of the organisation uses: less would forget the others."""
        with self.database.read() as tx:
            scopes = scopes_of_organisation(tx, self.scope.connection.organisation_id)
        return fields_to_read(scopes)[kind]

    def _fresh(self, job_id: str) -> LinkJob | None:
        """The job, its CRM record read again first when an earlier attempt left the outcome open."""
        with self.database.read() as tx:
            job = jobs.job(tx, job_id)
            link = links.link(tx, self.scope.id, job.link_id) if job else None
        if job is None or job.state != JobState.QUEUED:
            return None
        if job.attempts and link is not None and link.crm_id:
            self._read_back(self.scope.map_for(link), link.crm_id)
        return job

    # --- building a write ---

    def _offer(self, tx: Tx, job_id: str) -> Write | bool:
        """Mark the job as on its way and say what to write; True when refused here, False when nothing is to do."""
        now, job = self.clock(), jobs.job(tx, job_id)
        if job is None or job.state != JobState.QUEUED:
            return False
        owner = links.link(tx, self.scope.id, job.link_id)
        if owner is not None and not self.scope.knows(owner):
            jobs.change_job(tx, job_id, now, state=after(job.state, JobEvent.CANCEL), ended_at=now)
            return False
        desk = Desk(tx, self.scope, self.run_number, now)
        link = links.link(tx, self.scope.id, job.link_id)
        sent = {"seen": seen(desk, link)} if link is not None else {}
        try:
            write = self._build(tx, link, job) if link is not None else None
        except mapping.CannotConvert as problem:
            values = {"error": str(problem), "error_code": problem.code, "sent": sent}
            values["next_step"] = "Correct the value in QuickBooks; it is tried again by itself."
            jobs.change_job(tx, job_id, now, state=after(job.state, JobEvent.REFUSE), **values)
            desk.refresh_status(job.link_id)
            return True
        if isinstance(write, Held):
            return False
        if write is None or write.empty:
            jobs.change_job(tx, job_id, now, state=after(job.state, JobEvent.SETTLE), ended_at=now)
            return False
        sent |= {"wrote": write.halves}
        offered = {"state": after(job.state, JobEvent.OFFER), "attempts": job.attempts + 1, "sent": sent}
        jobs.change_job(tx, job_id, now, **offered)
        return write

    def _build(self, tx: Tx, link: Link, job: LinkJob) -> Write | Held | None:
        """The write, unless its turn comes only when others are made that it refers to."""
        turn = Turn(tx, self.scope, self.run_number, self.clock())
        needs = needs_first(turn, link, job)
        if needs and hold(turn, link, job, needs):
            return Held()
        return build(turn, link, job)

    def _decide_first(self, tx: Tx, job_id: str) -> None:
        """A record that moved and waits for its decision gets it now: a status must not overwrite a person's wish."""
        job = jobs.job(tx, job_id)
        link = links.link(tx, self.scope.id, job.link_id) if job else None
        if link is None or link.crm_id is None:
            return
        if records.is_waiting(tx, self.scope.id, "crm", link.crm_kind, link.crm_id):
            one_turn(Turn(tx, self.scope, self.run_number, self.clock()), "crm", link.crm_kind, link.crm_id)

    # --- carrying it out ---

    def _carry_out(self, job_id: str, write: Write) -> int:
        """The calls, in an order in which each can be repeated; the identity is bound before anything else."""
        calls = 0
        crm_id = write.crm_id
        if crm_id is None:
            crm_id = self._create(write)
            calls += 1
            own: dict[str, Any] = {}
        else:
            own = dict(write.values)
        for name, values in write.contributors.items():
            via = self._write_contributor(write, crm_id, name, values)
            calls += 1
            own |= via
        if own:
            version = write.version if write.crm_id else None
            self.gateway.update(write.kind_map.crm_kind, crm_id, own, version)
            calls += 1
        kept = self._look(write.kind_map, crm_id)
        with self._writing() as tx:
            # Together: a visit that decides in between would take what we wrote for an edit.
            self._keep(tx, kept)
            self._settle(tx, job_id, write)
        return calls

    def _create(self, write: Write) -> str:
        link, kind_map = write.link, write.kind_map
        key = external_key(self.scope, link)
        field = kind_map.status.sync_key
        if field:
            self._check_holder(link, kind_map, field, key)
        created = self.gateway.create(kind_map.crm_kind, write.values, (field, key) if field else None)
        bases = bases_of_creation(write)
        with self._writing() as tx:
            self._bind(tx, link, created.id, bases)
        return created.id

    def _bind(self, tx: Tx, link: Link, crm_id: str, bases: Mapping[str, Any]) -> None:
        """From now on the CRM has it; its documents in the books hear of it in the same transaction."""
        links.change_link(tx, self.scope.id, link.id, self.clock(), crm_id=crm_id, **bases)
        desk = Desk(tx, self.scope, self.run_number, self.clock())
        desk.is_bound_now(replace(link, crm_id=crm_id))

    def _check_holder(self, link: Link, kind_map: KindMap, field: str, key: str) -> None:
        """A record that a person took apart from this very object still holds our key: never write over it."""
        with self.database.read() as tx:
            former = links.was_unlinked(tx, self.scope.id, link.role, None, link.books_id)
        if not former:
            return
        for holder in self.gateway.find(kind_map.crm_kind, field, key, [field]):
            if holder.id != link.crm_id:
                raise Rejected(
                    f"The CRM record {holder.id} was unlinked from {link.label} and still holds its key in {field}. "
                    "Link the two again, or clear that field in the CRM.",
                    code="key held",
                    record=holder.id,
                )

    def _write_contributor(
        self, write: Write, crm_id: str, name: str, values: dict[str, Any]
    ) -> dict[str, Any]:
        """Change the contributing record, or make it and answer the field of the main record that names it."""
        contributor = write.kind_map.contributor(name)
        assert contributor is not None
        with self.database.read() as tx:
            made = self._contributor_write(tx, write, crm_id, name, values)
        if made is None:
            return {}
        if made.id is not None:
            self.gateway.update(contributor.kind, made.id, made.values, made.if_version)
            return {}
        created = self.gateway.create(contributor.kind, made.values, made.key)
        return {contributor.via: created.id}

    def _contributor_write(
        self, tx: Tx, write: Write, crm_id: str, name: str, values: dict[str, Any]
    ) -> PortWrite | None:
        """The change of a contributor that is known, else its creation; None where too little of it is known."""
        contributor = write.kind_map.contributor(name)
        assert contributor is not None
        organisation = self.scope.connection.organisation_id
        main = records.record(tx, organisation, "crm", write.kind_map.crm_kind, crm_id)
        known_id = main.values.get(contributor.via) if main else None
        known = records.record(tx, organisation, "crm", contributor.kind, str(known_id)) if known_id else None
        if known is not None and not known.deleted:
            return PortWrite(values, id=known.id, if_version=known.version)
        if not all(values.get(field) for field in contributor.required_fields):
            return None
        key = (contributor.key, f"{external_key(self.scope, write.link)}:{name}") if contributor.key else None
        parent = {contributor.parent: crm_id} if contributor.parent else {}
        return PortWrite(values | parent, key=key)

    def _read_back(self, kind_map: KindMap, crm_id: str) -> None:
        """Store what the CRM holds now."""
        kept = self._look(kind_map, crm_id)
        with self._writing() as tx:
            self._keep(tx, kept)

    def _look(self, kind_map: KindMap, crm_id: str) -> dict[str, Page]:
        """What the CRM holds now, main record and contributors by kind: it may keep less than it was sent."""
        main = self.gateway.read(kind_map.crm_kind, [crm_id], self._fields(kind_map.crm_kind))
        kept = {kind_map.crm_kind: Page(tuple(main), None)}
        for contributor in kind_map.contributors:
            record_id = main[0].values.get(contributor.via) if main else None
            if record_id:
                found = self.gateway.read(contributor.kind, [str(record_id)], self._fields(contributor.kind))
                kept[contributor.kind] = Page(tuple(found), None)
        return kept

    def _keep(self, tx: Tx, kept: Mapping[str, Page]) -> None:
        for kind, page in kept.items():
            scopes = scopes_of_organisation(tx, self.scope.connection.organisation_id)
            ingest(tx, scopes, kind, page, self.clock())

    def _settle(self, tx: Tx, job_id: str, write: Write) -> None:
        """Both halves of the base move for what was written; what the CRM keeps differently is remembered."""
        now, job = self.clock(), jobs.job(tx, job_id)
        link = links.link(tx, self.scope.id, write.link.id)
        if job is None or link is None or job.state != JobState.OFFERED:
            return
        sides = look(tx, self.scope, write.kind_map, link.crm_id, link.books_id)
        links.drop_conflicts(tx, self.scope.id, link.id, list(write.halves))
        bases = bases_with(write.kind_map, link, write.halves, sides.crm_values)
        self._after_moving(tx, link, job)
        links.change_link(tx, self.scope.id, link.id, now, **bases)
        values = {"state": after(job.state, JobEvent.SETTLE), "ended_at": now, "error": "", "error_code": ""}
        jobs.change_job(tx, job_id, now, next_step="", **values)
        desk = Desk(tx, self.scope, self.run_number, now)
        desk.refresh_status(link.id)

    # --- when it does not go ---

    def _look_again(self, job_id: str, write: Write, moved: CrmError) -> None:
        """Somebody edited the record, or we cannot know whether our write arrived: read, and decide again."""
        crm_id = write.crm_id or write.link.crm_id
        if crm_id is not None and not isinstance(moved, UnknownOutcome):
            self._read_back(write.kind_map, crm_id)
        self._back(job_id, moved)

    def _back(self, job_id: str, trouble: CrmError | None) -> None:
        """Into the queue again; at once without trouble, or after an edit that came in between."""
        with self._writing() as tx:
            job = jobs.job(tx, job_id)
            if job is None or job.state != JobState.OFFERED:
                return
            at_once = trouble is None or (isinstance(trouble, Stale) and job.attempts < 3)
            failures = 0 if trouble is None else job.failures + 1
            due_at = None if at_once else next_try(AWAY, max(failures, 1), self.clock(), job_id)
            state = after(job.state, JobEvent.REQUEUE)
            why = {"error": trouble.text, "error_code": trouble.code} if trouble else {}
            jobs.change_job(
                tx, job_id, self.clock(), state=state, due_at=due_at or self.clock(), failures=failures, **why
            )

    def _refuse(self, job_id: str, refusal: CrmError) -> None:
        with self._writing() as tx:
            job = jobs.job(tx, job_id)
            if job is None or job.state != JobState.OFFERED:
                return
            now, link = self.clock(), links.link(tx, self.scope.id, job.link_id)
            values = {"error": f"The CRM refused {link.label if link else job_id}: {refusal.text}"}
            values |= {"error_code": refusal.code, "next_step": refusal.next_step}
            jobs.change_job(tx, job_id, now, state=after(job.state, JobEvent.REFUSE), **values)
            if link is not None:
                self._after_moving(tx, link, job)
                Desk(tx, self.scope, self.run_number, now).refresh_status(link.id)

    def _after_moving(self, tx: Tx, link: Link, job: LinkJob) -> None:
        """What changed in the books while this write was out found its job on the way: it is decided again."""
        desk = Desk(tx, self.scope, self.run_number, self.clock())
        if link.crm_id is not None and desk.changed_since(link, job):
            records.mark_undecided(tx, self.scope.id, "crm", link.crm_kind, [link.crm_id], desk.now)

    def _tell(self, job_id: str) -> int:
        """The CRM's users see a refusal as well, although nothing else of the write got there; calls that wrote."""
        for _ in range(2):
            with self.database.read() as tx:
                job = jobs.job(tx, job_id)
                link = links.link(tx, self.scope.id, job.link_id) if job else None
                desk = Desk(tx, self.scope, self.run_number, self.clock())
                write = status_write(desk, link) if link is not None else None
            if write is None or write.crm_id is None:
                return 0
            kind, crm_id = write.kind_map.crm_kind, write.crm_id
            with suppress(Stale, Missing, Rejected, Ambiguous, UnknownOutcome):
                self.gateway.update(kind, crm_id, write.values, write.version)
                self._read_back(write.kind_map, crm_id)
                return 1
            self._read_back(write.kind_map, crm_id)
        return 0
