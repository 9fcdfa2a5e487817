"""The door to the CRM: due link jobs become writes there, each built from the state of its moment.

Every write may be repeated without harm: a creation carries an external key made from company, kind and id, a
change is made only while the record is as we saw it. So a job whose outcome is unknown simply goes back to the
queue, and the record is read again before the next attempt.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

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
from qbwc_server import mapping
from qbwc_server.mapping import KindMap, Rule
from qbwc_server.store import jobs, links, records
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.job_states import JobEvent, JobState, after
from qbwc_server.store.rows import Link, LinkJob
from qbwc_server.sync import decide as rule_book
from qbwc_server.sync.decide import FieldOutcome
from qbwc_server.sync.deciding import Desk, Scope, Sides, load_scope, rule_name, view_linked
from qbwc_server.sync.from_crm import ingest

BACKOFF = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1))
STOPS_ORGANISATION = (Unavailable, LimitedUntil, LoginFailed, Misconfigured)


@dataclass(frozen=True)
class Write:
    """What one job writes: the record's own values, its contributors' values, and the halves of the base."""

    link: Link
    kind_map: KindMap
    values: dict[str, Any]
    contributors: dict[str, dict[str, Any]]
    crm_id: str | None
    version: str | None
    # By rule: the value the CRM gets and the value of the books that it was made from.
    halves: dict[str, tuple[Any, Any]]

    @property
    def empty(self) -> bool:
        return not self.values and not self.contributors


@dataclass(frozen=True)
class Delivered:
    """The outcome of one pass: how many writes reached the CRM, how many records it refused."""

    written: int = 0
    refused: int = 0
    stopped: CrmError | None = None


class Delivery:
    """One pass over the due jobs of a connection, with an open gateway."""

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

    def deliver(self, limit: int = 200) -> Delivered:
        """Write what is due; a refusal concerns its record only, trouble with the CRM ends the pass."""
        result = Delivered()
        for job_id in self._due(limit):
            try:
                written, refused = self._deliver_one(job_id)
            except STOPS_ORGANISATION as trouble:
                self._back(job_id, trouble)
                return replace(result, stopped=trouble)
            result = Delivered(result.written + written, result.refused + refused)
        return result

    def _due(self, limit: int) -> list[str]:
        with self.database.read() as tx:
            due = jobs.due_jobs(tx, self.scope.company.id, "crm", self.clock(), limit, [self.scope.id])
            return [job.id for job in due]

    def _deliver_one(self, job_id: str) -> tuple[int, int]:
        """(calls that wrote, 1 when the record was refused)."""
        if self._fresh(job_id) is None:
            return 0, 0
        with self.database.write() as tx:
            write = self._offer(tx, job_id)
        if not isinstance(write, Write):
            return 0, int(write)
        try:
            return self._carry_out(job_id, write), 0
        except (Stale, UnknownOutcome, Missing) as moved:
            self._look_again(job_id, write, moved)
            return 0, 0
        except (Rejected, Ambiguous) as refusal:
            self._refuse(job_id, refusal)
            return 0, 1

    def _fresh(self, job_id: str) -> LinkJob | None:
        """The job, its CRM record read again first when an earlier attempt left the outcome open."""
        with self.database.read() as tx:
            job = jobs.job(tx, job_id)
            link = links.link(tx, self.scope.id, job.link_id) if job else None
        if job is None or job.state != JobState.QUEUED:
            return None
        if job.attempts and link is not None and link.crm_id:
            self._read_back(self.scope.profile.kind(link.crm_kind, link.role), link.crm_id)
        return job

    # --- building a write ---

    def _offer(self, tx: Tx, job_id: str) -> Write | bool:
        """Mark the job as on its way and say what to write; True when refused here, False when nothing is to do."""
        now, job = self.clock(), jobs.job(tx, job_id)
        if job is None or job.state != JobState.QUEUED:
            return False
        desk = Desk(tx, self.scope, self.run_number, now)
        link = links.link(tx, self.scope.id, job.link_id)
        try:
            write = self._build(desk, link, job) if link is not None else None
        except mapping.CannotConvert as problem:
            values = {"error": str(problem), "error_code": problem.code}
            values["next_step"] = "Correct the value in QuickBooks; it is tried again by itself."
            jobs.change_job(tx, job_id, now, state=after(job.state, JobEvent.REFUSE), **values)
            desk.refresh_status(job.link_id)
            return True
        if write is None or write.empty:
            jobs.change_job(tx, job_id, now, state=after(job.state, JobEvent.SETTLE), ended_at=now)
            return False
        jobs.change_job(tx, job_id, now, state=after(job.state, JobEvent.OFFER), attempts=job.attempts + 1)
        return write

    def _build(self, desk: Desk, link: Link, job: LinkJob) -> Write | None:
        kind_map = desk.map_of(link)
        sides, pair = view_linked(desk.tx, self.scope, kind_map, link)
        if link.unlinked_at is not None:
            return self._unlinked_status(link, kind_map, sides)
        if link.crm_id is None and (sides.books is None or sides.books.deleted):
            return None
        if link.crm_id is None or job.action == "recreate":
            return self._creation(link, kind_map, sides)
        if sides.crm is None or sides.crm.deleted:
            return None
        decision = rule_book.decide(pair, rule_book.Policy())
        wanted = {one.name for one in decision.of(FieldOutcome.TO_CRM)}
        rules = [rule for rule in kind_map.rules if rule_name(rule) in wanted]
        flat, halves = _converted(rules, sides)
        writes = mapping.crm_writes(kind_map, flat)
        values = writes.pop("", {}) | desk.status_writes(link)
        return Write(
            link,
            kind_map,
            self._stamped(kind_map, link, values),
            writes,
            link.crm_id,
            sides.crm.version,
            halves,
        )

    def _creation(self, link: Link, kind_map: KindMap, sides: Sides) -> Write:
        rules = mapping.rules_to(kind_map, "crm", creating=True)
        flat, halves = _converted(rules, sides)
        writes = mapping.crm_writes(kind_map, mapping.with_defaults(kind_map, flat, "crm"))
        status = kind_map.status
        own = {status.link_status: "Success", status.books_id: link.books_id}
        values = writes.pop("", {}) | {name: value for name, value in own.items() if name}
        complete = {
            contributor.name: writes[contributor.name]
            for contributor in kind_map.contributors
            if all(writes.get(contributor.name, {}).get(name) for name in contributor.required_fields)
        }
        for rule in kind_map.rules:
            # Both halves agree after a creation, also where this side has nothing to say or holds what another
            # rule wrote; what belongs to a contributor that cannot be made stays without a base, and so visible.
            if rule.contributor and rule.contributor not in complete:
                halves.pop(rule_name(rule), None)
            else:
                ours = mapping.normal(flat.get(rule.crm))
                halves.setdefault(rule_name(rule), (ours, sides.books_values[rule.books]))
        return Write(link, kind_map, self._stamped(kind_map, link, values), complete, None, None, halves)

    def _unlinked_status(self, link: Link, kind_map: KindMap, sides: Sides) -> Write | None:
        """The CRM's user sees that the pairing is gone; the record itself is left as it is."""
        name = kind_map.status.link_status
        if sides.crm is None or sides.crm.deleted or not name or sides.crm.values.get(name) == "Unlinked":
            return None
        return Write(link, kind_map, {name: "Unlinked"}, {}, link.crm_id, sides.crm.version, {})

    def _stamped(self, kind_map: KindMap, link: Link, values: dict[str, Any]) -> dict[str, Any]:
        """EditSequence and time of the last sync travel with other values; they are no reason to write."""
        if not values:
            return values
        stamps = {
            kind_map.status.edit_sequence: link.edit_sequence or None,
            kind_map.status.last_sync: self.clock(),
        }
        return values | {name: value for name, value in stamps.items() if name}

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
        with self.database.write() as tx:
            # Together: a visit that decides in between would take what we wrote for an edit.
            self._keep(tx, kept)
            self._settle(tx, job_id, write)
        return calls

    def _create(self, write: Write) -> str:
        link, kind_map = write.link, write.kind_map
        key = external_key(self.scope, link)
        field = kind_map.status.sync_key
        created = self.gateway.create(kind_map.crm_kind, write.values, (field, key) if field else None)
        bases = _bases_of_creation(write)
        with self.database.write() as tx:
            links.change_link(tx, self.scope.id, link.id, self.clock(), crm_id=created.id, **bases)
        return created.id

    def _write_contributor(
        self, write: Write, crm_id: str, name: str, values: dict[str, Any]
    ) -> dict[str, Any]:
        """Change the contributing record, or make it and answer the field of the main record that names it."""
        contributor = write.kind_map.contributor(name)
        assert contributor is not None
        with self.database.read() as tx:
            main = records.record(
                tx, self.scope.connection.organisation_id, "crm", write.kind_map.crm_kind, crm_id
            )
            known_id = main.values.get(contributor.via) if main else None
            known = (
                records.record(
                    tx, self.scope.connection.organisation_id, "crm", contributor.kind, str(known_id)
                )
                if known_id
                else None
            )
        if known is not None and not known.deleted:
            self.gateway.update(contributor.kind, known.id, values, known.version)
            return {}
        if not all(values.get(field) for field in contributor.required_fields):
            return {}
        key = (contributor.key, f"{external_key(self.scope, write.link)}:{name}") if contributor.key else None
        parent = {contributor.parent: crm_id} if contributor.parent else {}
        created = self.gateway.create(contributor.kind, values | parent, key)
        return {contributor.via: created.id}

    def _read_back(self, kind_map: KindMap, crm_id: str) -> None:
        """Store what the CRM holds now."""
        kept = self._look(kind_map, crm_id)
        with self.database.write() as tx:
            self._keep(tx, kept)

    def _look(self, kind_map: KindMap, crm_id: str) -> dict[str, Page]:
        """What the CRM holds now, main record and contributors by kind: it may keep less than it was sent."""
        reads = mapping.crm_reads(kind_map)
        main = self.gateway.read(kind_map.crm_kind, [crm_id], reads[""])
        kept = {kind_map.crm_kind: Page(tuple(main), None)}
        for contributor in kind_map.contributors:
            record_id = main[0].values.get(contributor.via) if main else None
            if record_id:
                found = self.gateway.read(contributor.kind, [str(record_id)], reads[contributor.name])
                kept[contributor.kind] = Page(tuple(found), None)
        return kept

    def _keep(self, tx: Tx, kept: Mapping[str, Page]) -> None:
        for kind, page in kept.items():
            ingest(tx, [load_scope(tx, self.scope.connection)], kind, page, self.clock())

    def _settle(self, tx: Tx, job_id: str, write: Write) -> None:
        """Both halves of the base move for what was written; what the CRM keeps differently is remembered."""
        now, job = self.clock(), jobs.job(tx, job_id)
        link = links.link(tx, self.scope.id, write.link.id)
        if job is None or link is None or job.state != JobState.OFFERED:
            return
        sides, _ = view_linked(tx, self.scope, write.kind_map, link)
        crm = dict(link.base_crm or {})
        books = dict(link.base_books or {})
        for rule in write.kind_map.rules:
            name = rule_name(rule)
            if name in write.halves:
                sent, source = write.halves[name]
                crm[name], books[name] = _as_kept(sent, sides.crm_values[rule.crm]), source
                links.drop_conflict(tx, self.scope.id, link.id, name)
        _follow_twins(write, crm, link)
        links.change_link(tx, self.scope.id, link.id, now, base_crm=crm, base_books=books)
        values = {"state": after(job.state, JobEvent.SETTLE), "ended_at": now, "error": "", "error_code": ""}
        jobs.change_job(tx, job_id, now, next_step="", **values)
        Desk(tx, self.scope, self.run_number, now).refresh_status(link.id)

    # --- when it does not go ---

    def _look_again(self, job_id: str, write: Write, moved: CrmError) -> None:
        """Somebody edited the record, or we cannot know whether our write arrived: read, and decide again."""
        crm_id = write.crm_id or write.link.crm_id
        if crm_id is not None and not isinstance(moved, UnknownOutcome):
            self._read_back(write.kind_map, crm_id)
        self._back(job_id, moved)

    def _back(self, job_id: str, trouble: CrmError) -> None:
        with self.database.write() as tx:
            job = jobs.job(tx, job_id)
            if job is None or job.state != JobState.OFFERED:
                return
            pause = timedelta(0) if isinstance(trouble, Stale) and job.attempts < 3 else _pause(job.attempts)
            state = after(job.state, JobEvent.REQUEUE)
            why = {"error": trouble.text, "error_code": trouble.code}
            jobs.change_job(tx, job_id, self.clock(), state=state, due_at=self.clock() + pause, **why)

    def _refuse(self, job_id: str, refusal: CrmError) -> None:
        with self.database.write() as tx:
            job = jobs.job(tx, job_id)
            if job is None or job.state != JobState.OFFERED:
                return
            link = links.link(tx, self.scope.id, job.link_id)
            seen: dict[str, Any] = {}
            if link is not None:
                sides, _ = view_linked(
                    tx, self.scope, self.scope.profile.kind(link.crm_kind, link.role), link
                )
                seen = {"crm": dict(sides.crm_values), "books": dict(sides.books_values)}
            values = {"error": f"The CRM refused {link.label if link else job_id}: {refusal.text}"}
            values |= {"error_code": refusal.code, "next_step": refusal.next_step}
            state = after(job.state, JobEvent.REFUSE)
            jobs.change_job(tx, job_id, self.clock(), state=state, sent={"seen": seen}, **values)
            if link is not None:
                Desk(tx, self.scope, self.run_number, self.clock()).refresh_status(link.id)


def external_key(scope: Scope, link: Link) -> str:
    """What makes a CRM record ours for ever: company, family and id of the object in the books."""
    return f"{scope.company.file_id.strip('{}').lower()}:{link.books_kind.lower()}:{link.books_id}"


def requeue_interrupted(tx: Tx, scopes: Mapping[str, Scope], company_id: str, now: datetime) -> int:
    """CRM writes that a killed worker left on their way: they can be repeated without harm."""
    found = list(_interrupted(tx, scopes, company_id))
    for job in found:
        jobs.change_job(tx, job.id, now, state=after(job.state, JobEvent.REQUEUE), due_at=now)
    return len(found)


def _interrupted(tx: Tx, scopes: Mapping[str, Scope], company_id: str) -> Iterator[LinkJob]:
    for job in jobs.all_jobs(tx, list(scopes), states=("offered",), limit=10_000):
        if job.side == "crm" and job.company_id == company_id:
            yield job


def _pause(attempts: int) -> timedelta:
    return BACKOFF[min(attempts, len(BACKOFF)) - 1] if attempts else timedelta(0)


def _converted(
    rules: list[Rule] | tuple[Rule, ...], sides: Sides
) -> tuple[dict[str, Any], dict[str, tuple[Any, Any]]]:
    """CRM values by field, and by rule the pair (value for the CRM, value of the books it came from)."""
    flat: dict[str, Any] = {}
    halves: dict[str, tuple[Any, Any]] = {}
    for rule in rules:
        source = sides.books_values[rule.books]
        value = mapping.to_crm(rule, source).value
        if value is not None:
            flat[rule.crm] = value
        halves[rule_name(rule)] = (mapping.normal(value), source)
    return flat, halves


def _bases_of_creation(write: Write) -> dict[str, dict[str, Any]]:
    """What both sides hold of the record's own fields once it is made; its contributors are yet to come.

    Kept with the new id, because a worker that dies before it settles the creation, or a visit that decides
    meanwhile, would find a pair without a base and answer our own values with a write to the books.
    """
    own = {rule_name(rule) for rule in write.kind_map.rules if not rule.contributor}
    halves = {name: half for name, half in write.halves.items() if name in own}
    return {
        "base_crm": (write.link.base_crm or {}) | {name: sent for name, (sent, _) in halves.items()},
        "base_books": (write.link.base_books or {}) | {name: source for name, (_, source) in halves.items()},
    }


def _as_kept(sent: Any, stored: Any) -> Any:
    """What the CRM made of a value: its own form when that is the same value stored differently, else ours.

    A really different value is a person's edit that came in between; it must stay visible as a change.
    """
    if sent == stored or stored is None or sent is None:
        return sent
    one, other = (" ".join(str(value).split()) for value in (sent, stored))
    return stored if one == other or (len(other) > 3 and one.startswith(other)) else sent


def _follow_twins(write: Write, crm: dict[str, Any], link: Link) -> None:
    """Other rules that read the CRM field we wrote: our own change is no edit for them."""
    before = link.base_crm or {}
    written = {
        rule.crm: crm[rule_name(rule)] for rule in write.kind_map.rules if rule_name(rule) in write.halves
    }
    old = {
        rule.crm: before.get(rule_name(rule))
        for rule in write.kind_map.rules
        if rule_name(rule) in write.halves
    }
    for rule in write.kind_map.rules:
        name = rule_name(rule)
        if rule.crm in written and name not in write.halves and before.get(name) == old[rule.crm]:
            crm[name] = written[rule.crm]
