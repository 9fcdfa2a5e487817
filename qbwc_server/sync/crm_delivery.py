"""Due jobs go to the CRM many at a time: built together, written with few calls, settled together.

What cannot go with others, an attempt that follows a failed one for example, goes by itself (`to_crm.OneByOne`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, TypeVar

import structlog

from crm.errors import CrmError
from crm.port import Page, Record
from crm.port import Write as PortWrite
from qbwc_server.store import jobs, links, records, visits
from qbwc_server.store.database import Tx
from qbwc_server.store.jobs import Gathered, Group
from qbwc_server.store.memory import remembering
from qbwc_server.store.rows import Link
from qbwc_server.sync.crm_writes import Write, bases_of_creation, external_key
from qbwc_server.sync.deciding import Scope, Turn, decide_waiting, foresee_binding, foresee_jobs, one_turn
from qbwc_server.sync.to_crm import STOPS_ORGANISATION, Delivered, OneByOne

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Jobs of one pass, jobs that are on their way at once, and jobs of one transaction: the next pass brings what is left,
# what a killed worker leaves is looked at again, and a visit waits no longer than a slice takes.
AT_A_PASS = 5000
AT_ONCE = 1000
SLICE = 50
# While a visit goes on, writes that can share calls go when there are so many of them, when the first waited for a
# while and no more came, or when it waited for long. What would only say that a record is queued in QuickBooks is not
# said before QuickBooks was silent about it for `SHOWN_AFTER`.
ENOUGH = 1000
COLLECT = timedelta(seconds=30)
NO_MORE = timedelta(seconds=10)
COLLECT_MOST = timedelta(seconds=60)
SHOWN_AFTER = timedelta(minutes=2)
# A visit that was not heard of for so long is not waited for.
SILENT = timedelta(seconds=60)


@dataclass
class Going:
    """A job on its way with others, and what is known of it by now."""

    job_id: str
    write: Write
    crm_id: str | None
    # Fields of the main record that name contributors made on the way.
    via: dict[str, Any] = field(default_factory=dict)
    # What the CRM holds afterwards, by kind.
    kept: dict[str, Record] = field(default_factory=dict)
    # Ids of what was written and is not known yet, by kind.
    unseen: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    failed: CrmError | None = None


@dataclass(frozen=True)
class Ripe:
    """Which due writes go now; while more of them is coming (`waits`), only what fills calls."""

    groups: frozenset[Group]
    waits: bool
    # When jobs that would only say Queued must have been made.
    made_before: datetime


def due(tx: Tx, scope: Scope, now: datetime) -> bool:
    """Whether a pass is worth its calls: while a visit goes on, more follows soon, and is waited for a little."""
    return bool(_ripe(tx, scope, now).groups)


def _ripe(tx: Tx, scope: Scope, now: datetime) -> Ripe:
    waits = visits.under_way(tx, scope.company.id, now - SILENT)
    made_before = now - SHOWN_AFTER if waits else now + SHOWN_AFTER
    found = jobs.gathered_in_crm(tx, scope.company.id, now, [scope.id], made_before)
    groups = frozenset(one.group for one in found if not waits or enough(one, now))
    return Ripe(groups, waits, made_before)


def enough(gathered: Gathered, now: datetime) -> bool:
    """Whether writes that share calls go although a visit may bring more of them."""
    shown = SHOWN_AFTER if gathered.queued else timedelta(0)
    first, last = (now - shown - moment for moment in (gathered.since, gathered.last))
    waited = first >= COLLECT_MOST or (first >= COLLECT and last >= NO_MORE)
    return waited or gathered.number >= ENOUGH


class Delivery(OneByOne):
    """One pass over the due jobs of a connection, with an open gateway."""

    def deliver(self, limit: int = AT_A_PASS) -> Delivered:
        """Write what is due; a refusal concerns its record only, trouble with the CRM ends the pass."""
        result = Delivered()
        for some in self._due(limit):
            result += self._deliver_some(some)
            if result.stopped is not None:
                break
        return result

    def _due(self, limit: int) -> Iterator[list[str]]:
        """Ids of the due jobs, as far as they share calls: kind by kind as the mapping has them, what is new first.

        Each kind is looked for when its turn comes, for accounts that were made release their invoices.
        """
        went_before = False
        for kind in dict.fromkeys(one.crm_kind for one in self.scope.profile.kinds):
            if went_before:
                decide_waiting(self.database, self.scope.company.id, self.run_number, self.clock)
            with self.database.read() as tx:
                groups = self._due_of(tx, kind, limit)
            for ids in groups:
                went_before = True
                yield from _parts(ids, AT_ONCE)

    def _due_of(self, tx: Tx, kind: str, limit: int) -> list[list[str]]:
        """The due jobs of a kind by what can go together; while more is coming, as many as fill calls."""
        now = self.clock()
        ripe = _ripe(tx, self.scope, now)
        if not any(one[0] == kind for one in ripe.groups):
            return []
        place = (self.scope.company.id, now, [self.scope.id])
        found = jobs.due_in_crm(tx, *place, kind, limit, ripe.made_before)
        groups: dict[tuple[bool, bool], list[str]] = {}
        for job_id, group in found:
            if group in ripe.groups:
                _, new, queued = group
                groups.setdefault((not new, queued and ripe.waits), []).append(job_id)
        full = ripe.waits or len(found) == limit
        return [self._full_calls(ids) if full else ids for _, ids in sorted(groups.items())]

    def _full_calls(self, job_ids: list[str]) -> list[str]:
        """What fills calls; less than one call goes as it is."""
        at_once = self.gateway.capabilities.writes_at_once
        return job_ids[: len(job_ids) // at_once * at_once] or job_ids

    def _deliver_some(self, job_ids: Sequence[str]) -> Delivered:
        result = Delivered()
        together: list[Going] = []
        try:
            for some in _parts(job_ids, SLICE):
                result += self._prepare_together(some, together)
        except STOPS_ORGANISATION as trouble:
            for one in together:
                self._back(one.job_id, trouble)
            return replace(result, stopped=trouble)
        return result + self._deliver_together(together)

    # --- building ---

    def _prepare_together(self, job_ids: Sequence[str], together: list[Going]) -> Delivered:
        """Builds the writes of first attempts in one transaction; what cannot go with others goes by itself now."""
        try:
            with self._writing() as tx, remembering(tx):
                made = self._offer_all(tx, job_ids)
        except Exception as failure:  # noqa: BLE001 - the edge of a slice: each job gets a turn of its own
            log.warning("deliver.one_by_one", jobs=len(job_ids), failure=type(failure).__qualname__)
            made = [(one, None) for one in job_ids]
        result = Delivered()
        for place, (job_id, going) in enumerate(made, 1):
            if isinstance(going, Going):
                together.append(going)
            elif going is not False:
                try:
                    result += self._alone(job_id, going)
                except STOPS_ORGANISATION as trouble:
                    # The rest of the slice was marked as on its way with this one, and nobody will carry it out.
                    for later, _ in made[place:]:
                        self._back(later, trouble)
                    raise
        return result

    def _offer_all(self, tx: Tx, job_ids: Sequence[str]) -> list[tuple[str, Going | Write | bool | None]]:
        """What became of each job: on its way, or only built, refused (True), nothing to do (False), not looked at."""
        linked = foresee_jobs(tx, self.scope, job_ids)
        self._decide_all_first(tx, linked)
        return [(one, self._offer_one(tx, one)) for one in job_ids]

    def _offer_one(self, tx: Tx, job_id: str) -> Going | Write | bool | None:
        job = jobs.job(tx, job_id)
        if job is None or job.attempts:
            return None
        write = self._offer(tx, job_id)
        if not isinstance(write, Write) or not self._goes_with_others(tx, write):
            return write
        return Going(job_id, write, write.crm_id)

    def _goes_with_others(self, tx: Tx, write: Write) -> bool:
        """Not where somebody else can hold the key of what is created."""
        if self.gateway.capabilities.writes_at_once < 2:
            return False
        link = write.link
        return write.crm_id is not None or not links.was_unlinked(
            tx, self.scope.id, link.role, None, link.books_id
        )

    def _decide_all_first(self, tx: Tx, linked: Sequence[Link]) -> None:
        """Records that moved and wait for their decision get it now, as in `to_crm`."""
        by_kind: dict[str, list[str]] = {}
        for link in linked:
            if link.crm_id is not None:
                by_kind.setdefault(link.crm_kind, []).append(link.crm_id)
        for kind, ids in by_kind.items():
            for one in records.those_waiting(tx, self.scope.id, "crm", kind, ids):
                one_turn(Turn(tx, self.scope, self.run_number, self.clock()), "crm", kind, one)

    def _alone(self, job_id: str, write: Write | bool | None) -> Delivered:
        try:
            made = self._prepare(job_id) if write is None else write
            if made is True:
                return Delivered(self._tell(job_id), 1)
            if isinstance(made, Write):
                return Delivered(*self._deliver_one(job_id, made))
            return Delivered(*made) if isinstance(made, tuple) else Delivered()
        except STOPS_ORGANISATION as trouble:
            self._back(job_id, trouble)
            raise
        except Exception as failure:  # noqa: BLE001 - the edge of one record: the others get their turn
            self._set_aside(job_id, failure)
            return Delivered()

    # --- writing ---

    def _deliver_together(self, together: list[Going]) -> Delivered:
        """All writes of a kind with one call for as many as the CRM takes; each record stands for itself."""
        result = Delivered()
        by_kind: dict[str, list[Going]] = {}
        for one in together:
            by_kind.setdefault(one.write.kind_map.crm_kind, []).append(one)
        for kind, some in by_kind.items():
            try:
                result += self._deliver_kind(kind, some)
            except Exception as failure:
                log.error("deliver.together.failed", kind=kind, jobs=len(some), exc_info=failure)
                for one in some:
                    self._back(one.job_id, None)
        return result

    def _deliver_kind(self, kind: str, some: Sequence[Going]) -> Delivered:
        """In an order in which each call can be repeated: what is new, who contributes, what is there already."""
        new = [one for one in some if one.crm_id is None]
        self._write(kind, [(one, self._creation(one.write)) for one in new])
        for bound in _parts([one for one in new if one.failed is None], SLICE):
            with self._writing() as tx, remembering(tx):
                self._bind_all(tx, bound)
        self._write_contributors([one for one in some if one.write.contributors and one.failed is None])
        self._write(kind, [(one, made) for one in some if (made := _change(one)) and one.failed is None])
        done = [one for one in some if one.failed is None]
        self._read_missing(done)
        for part in _parts([one for one in done if one.failed is None], SLICE):
            self._settle_all(part)
        result = Delivered(written=sum(one.calls for one in some))
        for one in some:
            if one.failed is not None:
                result += self._failed(one, one.failed)
        return result

    def _write(self, kind: str, writes: Sequence[tuple[Going, PortWrite]], name: str = "") -> None:
        """Raises nothing of the CRM's: each job keeps what became of it. `name`: whose write it is, "" the record's."""
        if not writes:
            return
        try:
            outcomes = self.gateway.write_many(kind, [one for _, one in writes], self._fields(kind))
        except CrmError as trouble:
            outcomes = tuple(trouble for _ in writes)
        for (one, made), outcome in zip(writes, outcomes, strict=True):
            if isinstance(outcome, CrmError):
                one.failed = outcome
                continue
            one.calls += 1
            contributor = one.write.kind_map.contributor(name) if name else None
            if contributor is None:
                one.crm_id = outcome.id
            elif made.id is None:
                one.via[contributor.via] = outcome.id
            one.unseen[kind] = outcome.id
            if outcome.record is not None:
                one.kept[kind] = outcome.record
                del one.unseen[kind]

    def _creation(self, write: Write) -> PortWrite:
        field_name = write.kind_map.status.sync_key
        key = (field_name, external_key(self.scope, write.link)) if field_name else None
        return PortWrite(write.values, key=key)

    def _bind_all(self, tx: Tx, some: Sequence[Going]) -> None:
        linked = [replace(one.write.link, crm_id=one.crm_id) for one in some]
        foresee_binding(tx, self.scope, linked)
        for one in some:
            self._bind(tx, one.write.link, str(one.crm_id), bases_of_creation(one.write))

    def _write_contributors(self, some: Sequence[Going]) -> None:
        """Contributors of one name with one call; a refused one is the refusal of its main record's job."""
        names = dict.fromkeys(name for one in some for name in one.write.contributors)
        for name in names:
            kind_maps = {
                one.write.kind_map.contributor(name) for one in some if name in one.write.contributors
            }
            for contributor in kind_maps:
                assert contributor is not None
                mine = [
                    one
                    for one in some
                    if one.failed is None and one.write.kind_map.contributor(name) == contributor
                ]
                writes = [
                    (one, self._of_contributor(one, name)) for one in mine if name in one.write.contributors
                ]
                self._write(contributor.kind, [(one, made) for one, made in writes if made], name)

    def _of_contributor(self, one: Going, name: str) -> PortWrite | None:
        """The change of a contributor that is known, else its creation; None for one of which too little is known."""
        with self.database.read() as tx:
            return self._contributor_write(tx, one.write, str(one.crm_id), name, one.write.contributors[name])

    def _read_missing(self, some: Sequence[Going]) -> None:
        """What was written and did not come back with the write, because somebody else was there meanwhile.

        Where the CRM does not tell now, the job goes again, and finds nothing left to write.
        """
        asked: dict[str, dict[str, list[Going]]] = {}
        for one in some:
            for its_kind, record_id in one.unseen.items():
                asked.setdefault(its_kind, {}).setdefault(record_id, []).append(one)
        for its_kind, by_id in asked.items():
            try:
                found = self.gateway.read(its_kind, list(by_id), self._fields(its_kind))
            except CrmError as trouble:
                for one in chain.from_iterable(by_id.values()):
                    one.failed = trouble
                continue
            for record, mine in zip(found, by_id.values(), strict=True):
                for one in mine:
                    one.kept[its_kind] = record

    # --- keeping ---

    def _settle_all(self, some: Sequence[Going]) -> None:
        """What the CRM holds now, then the bases, in one transaction; by themselves where that fails."""
        try:
            with self._writing() as tx:
                self._settle_slice(tx, some)
        except Exception as failure:
            if len(some) == 1:
                log.error("deliver.settle.failed", job=some[0].job_id, exc_info=failure)
                self._back(some[0].job_id, None)
                return
            for one in some:
                self._settle_all([one])

    def _settle_slice(self, tx: Tx, some: Sequence[Going]) -> None:
        pages: dict[str, list[Record]] = {}
        for one in some:
            for kind, record in one.kept.items():
                pages.setdefault(kind, []).append(record)
        with remembering(tx):
            self._keep(tx, {kind: Page(tuple(found), None) for kind, found in pages.items()})
            foresee_jobs(tx, self.scope, [one.job_id for one in some])
            for one in some:
                self._settle(tx, one.job_id, one.write)

    def _failed(self, one: Going, trouble: CrmError) -> Delivered:
        try:
            write = replace(one.write, crm_id=one.crm_id)
            return Delivered(*self._went_wrong(one.job_id, write, trouble))
        except CrmError as stops:
            self._back(one.job_id, stops)
            return Delivered(stopped=stops)


def _change(one: Going) -> PortWrite | None:
    """What is still to be written to the main record, once it is there."""
    write = one.write
    if write.crm_id is None:
        return PortWrite(one.via, id=one.crm_id) if one.via else None
    values = write.values | one.via
    return PortWrite(values, id=write.crm_id, if_version=write.version) if values else None


def _parts(some: Sequence[T], most: int) -> Iterator[list[T]]:
    for start in range(0, len(some), most):
        yield list(some[start : start + most])
