"""What one transaction has read of a connection, kept so that nothing is asked twice; and what it writes at its end.

Only for a transaction that has its connections to itself (`parties.lock_connections`): then nobody else changes what
is kept. Whoever writes a table tells the memory what became of the row, or lets it forget; a savepoint that is
rolled back empties it. Without `remembering`, every function asks the database, as if this were not here.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from operator import is_
from typing import Any, TypeVar

from sqlalchemy import bindparam, delete, insert

from qbwc_server.store.columns import dumps, loads
from qbwc_server.store.database import MEMORY, Tx
from qbwc_server.store.rows import Link, LinkJob, StoredRecord
from qbwc_server.store.tables import OPEN_STATES, decisions, undecided
from qbwc_server.store.writing import upsert

T = TypeVar("T")

# Scope, side, kind and id of a record.
Place = tuple[str, str, str, str]
# Connection, kind ("" for amounts of all kinds), action, and since when it is counted.
Made = tuple[str, str, str, datetime]
# Connection and an id below it.
Below = tuple[str, str]


@dataclass
class Memory:
    """Rows by their keys. A key that is absent was not asked for; None, or nothing in a list, means: there is none."""

    records: dict[Place, StoredRecord | None] = field(default_factory=dict)
    # (scope, side, kind, key type, key) -> ids of the records that hold it.
    holders: dict[tuple[str, str, str, str, str], list[str]] = field(default_factory=dict)
    # All names of a kind, in the form that their reader likes.
    names: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    # What was made of records, beside the very records that it was made of.
    views: dict[Hashable, tuple[tuple[Any, ...], Any]] = field(default_factory=dict)
    marks: dict[tuple[str, str], Any] = field(default_factory=dict)
    links: dict[Below, Link | None] = field(default_factory=dict)
    # (connection, side, record id) -> ids of the links that name it, also of those that were dropped.
    naming: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    contributors: dict[Below, dict[str, tuple[str, str]]] = field(default_factory=dict)
    # (connection, kind, record id) -> ids of the links that it contributes to.
    contributing: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    conflicts: dict[Below, dict[str, dict[str, Any]]] = field(default_factory=dict)
    # Connection -> whether it has any suggestion at all.
    suggestions: dict[str, bool] = field(default_factory=dict)
    jobs: dict[str, LinkJob] = field(default_factory=dict)
    # (connection, link) -> id of the open job by side.
    open_jobs: dict[Below, dict[str, str]] = field(default_factory=dict)
    # (connection, side, record id) -> (role, id of a job that waits until it has a partner in that role).
    waits: dict[tuple[str, str, str], list[tuple[str, str]]] = field(default_factory=dict)
    # Jobs of a kind, or what all of them come to in cents.
    made: dict[Made, int] = field(default_factory=dict)
    # (connection, link) -> the fields, (connection, record) -> the reason that was last kept.
    said_fields: dict[Below, list[dict[str, Any]]] = field(default_factory=dict)
    said_reasons: dict[Below, str] = field(default_factory=dict)
    # What is written at the end: decisions, and by (connection, side, kind, id) what became of who waits for one.
    kept_decisions: list[Mapping[str, Any]] = field(default_factory=list)
    turns: dict[Place, Mapping[str, Any] | None] = field(default_factory=dict)

    def view(self, key: Hashable, of: tuple[Any, ...], make: Callable[[], T]) -> T:
        """What `make` makes of these objects; made once, while they are the same."""
        kept = self.views.get(key)
        if kept is not None and len(kept[0]) == len(of) and all(map(is_, kept[0], of)):
            return kept[1]  # type: ignore[no-any-return]
        made = make()
        self.views[key] = (of, made)
        return made

    def forget(self) -> None:
        """All of it, also what was to be written: the savepoint in which it was true was rolled back."""
        for one in fields(self):
            getattr(self, one.name).clear()

    def forget_records(self, kind: tuple[str, str, str], ids: Sequence[str]) -> None:
        """Records of one scope, side and kind were written, and with them the keys of their kind moved."""
        for one in ids:
            self.records.pop((*kind, one), None)
        self.names.pop(kind, None)
        for place in [one for one in self.holders if one[:3] == kind]:
            del self.holders[place]

    # --- links ---

    def forget_links(self) -> None:
        """Many were changed at once. (What was seen of one before is read again.)"""
        self.links.clear()
        self.naming.clear()

    def see_links(self, found: Sequence[Link]) -> None:
        """Links as they are in the database now; what is known of them already is at least as new."""
        for one in found:
            self.links.setdefault((one.connection_id, one.id), one)

    def see_naming(self, connection_id: str, side: str, found: Mapping[str, Sequence[Link]]) -> None:
        """Of each of these records every link that names it."""
        for record_id, some in found.items():
            self.see_links(some)
            self.naming[connection_id, side, record_id] = [one.id for one in some]

    def named(self, connection_id: str, side: str, record_id: str) -> list[Link] | None:
        """The links that name a record; None where that was not asked for."""
        ids = self.naming.get((connection_id, side, record_id))
        if ids is None:
            return None
        found = [self.links[connection_id, one] for one in ids]
        return [one for one in found if one is not None and _id_on(one, side) == record_id]

    def add_link(self, link: Link) -> None:
        """A link that was made in this transaction: nothing can be known of it but itself."""
        self.put_link(link)
        key = (link.connection_id, link.id)
        self.contributors[key], self.conflicts[key], self.open_jobs[key] = {}, {}, {}
        self.said_fields[key] = []

    def change_link(self, connection_id: str, link_id: str, values: Mapping[str, Any]) -> None:
        known = self.links.get((connection_id, link_id))
        if known is not None:
            self.put_link(replace(known, **as_stored(values, "base_crm", "base_books")))
            return
        self.links.pop((connection_id, link_id), None)
        for side in ("crm", "books"):
            self.naming.pop((connection_id, side, values.get(f"{side}_id") or ""), None)

    def put_link(self, link: Link) -> None:
        self.links[link.connection_id, link.id] = link
        for side in ("crm", "books"):
            ids = self.naming.get((link.connection_id, side, _id_on(link, side) or ""))
            if ids is not None and link.id not in ids:
                ids.append(link.id)

    # --- jobs ---

    def see_open_jobs(self, connection_id: str, link_ids: Sequence[str], found: Sequence[LinkJob]) -> None:
        for link_id in link_ids:
            self.open_jobs[connection_id, link_id] = {}
        for job in found:
            self.jobs[job.id] = job
            self.open_jobs[connection_id, job.link_id][job.side] = job.id

    def add_job(self, job: LinkJob) -> None:
        job = replace(job, **as_stored({"sent": job.sent}, "sent"))
        self.jobs[job.id] = job
        self._file(job)
        if job.state in ("proposed", "cancelled"):
            return
        for connection_id, kind, action, since in self.made:
            if (connection_id, action) == (job.connection_id, job.action) and kind in ("", job.kind):
                self.made[connection_id, kind, action, since] += 1 if kind else (job.cents or 0)

    def change_job(self, job_id: str, values: Mapping[str, Any]) -> None:
        known = self.jobs.get(job_id)
        if known is not None:
            self.jobs[job_id] = job = replace(known, **as_stored(values, "sent"))
            self._file(job)
        elif "state" in values:
            self.open_jobs.clear()
        if "state" in values:
            self.made.clear()

    def _file(self, job: LinkJob) -> None:
        open_ones = self.open_jobs.get((job.connection_id, job.link_id))
        if open_ones is None:
            return
        if job.state in OPEN_STATES:
            open_ones[job.side] = job.id
        elif open_ones.get(job.side) == job.id:
            del open_ones[job.side]

    def forget_jobs(self) -> None:
        for one in (self.jobs, self.open_jobs, self.waits, self.made):
            one.clear()

    def hang(self, connection_id: str, job_id: str, needed: Sequence[tuple[str, str, str]]) -> None:
        """A job waits for partners of these (role, side, id) and of no others."""
        for key in [one for one in self.waits if one[0] == connection_id]:
            self.waits[key] = [one for one in self.waits[key] if one[1] != job_id]
        for role, side, record_id in dict.fromkeys(needed):
            if (connection_id, side, record_id) in self.waits:
                self.waits[connection_id, side, record_id].append((role, job_id))

    # --- contributors ---

    def contributes(self, connection_id: str, link_id: str, name: str, whom: tuple[str, str] | None) -> bool:
        """Note who contributes to a link under a name, nobody with None; False when that is known already."""
        known = self.contributors.get((connection_id, link_id))
        if known is None:
            self.contributing.clear()
            return True
        before = known.pop(name, None)
        if whom is not None:
            known[name] = whom
        if before == whom:
            return False
        for one in filter(None, (before, whom)):
            self.contributing.pop((connection_id, *one), None)
        return True

    # --- the end ---

    def flush(self, tx: Tx) -> None:
        """Write what was kept for the end, each table with one statement."""
        kept, self.kept_decisions = self.kept_decisions, []
        if kept:
            tx.execute(insert(decisions), kept)
        turns, self.turns = self.turns, {}
        parked = [row for row in turns.values() if row is not None]
        upsert(tx, undecided, parked, keep=("since",))
        decided = [dict(zip(DECIDED_KEY, key, strict=True)) for key, row in turns.items() if row is None]
        if decided:
            tx.execute(DECIDED, decided)


DECIDED_KEY = ("at_connection", "at_side", "at_kind", "at_record")
# Takes records off the waiting list, unless their turn ended in setting them aside.
DECIDED = delete(undecided).where(
    undecided.c.connection_id == bindparam("at_connection"),
    undecided.c.side == bindparam("at_side"),
    undecided.c.kind == bindparam("at_kind"),
    undecided.c.record_id == bindparam("at_record"),
    ~undecided.c.parked,
)


def _id_on(link: Link, side: str) -> str | None:
    return link.crm_id if side == "crm" else link.books_id


def as_stored(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Values as they will be read again: JSON knows lists and no tuples."""
    made = {name: loads(dumps(values[name])) for name in names if values.get(name) is not None}
    return {**values, **made}


@contextmanager
def remembering(tx: Tx) -> Iterator[Memory]:
    """Keep what is read until the end of the block, then write what was kept for it; within another, nothing new."""
    if (outer := memory_of(tx)) is not None:
        yield outer
        return
    memory = Memory()
    tx.info[MEMORY] = memory
    try:
        yield memory
        memory.flush(tx)
    finally:
        del tx.info[MEMORY]


def memory_of(tx: Tx) -> Memory | None:
    found: Memory | None = tx.info.get(MEMORY)
    return found
