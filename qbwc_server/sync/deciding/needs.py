"""What must be made first: a document needs its customer and its items, a job its parent.

A missing partner gets a link job by itself, and the job that needs it waits. When that cannot go on (it was refused,
waits for a person, is out of scope, or the chain is a circle or too long) everything that waits is blocked with
the cause, and released as soon as the cause is solved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qbwc_server.mapping import KindMap
from qbwc_server.store import jobs, links, records
from qbwc_server.store.job_states import JobEvent, JobState, after
from qbwc_server.store.rows import Link, LinkJob, StoredRecord
from qbwc_server.sync.decide import Side
from qbwc_server.sync.deciding.desk import BLOCKED, GOES_ON, SIDES, Desk
from qbwc_server.sync.deciding.pair import look
from qbwc_server.sync.deciding.turn import Turn

MOST_LEVELS = 5  # of customers in QuickBooks, and of jobs that wait for each other
STUCK = ("refused", "needs_person", "blocked", "proposed")


@dataclass(frozen=True)
class Need:
    """A record that must have a partner before a job can be carried out; `id` is that of the side it comes from."""

    role: str
    id: str
    # It is made first if it is made at all; if not, the job goes on without it.
    optional: bool = False


@dataclass(frozen=True)
class Cause:
    """Why a needed partner will not come by itself, in a sentence."""

    text: str


def hold(turn: Turn, link: Link, job: LinkJob, needs: Sequence[Need]) -> bool:
    """Let a queued job wait for what it needs; False when all of it is there after all, and the job can go on."""
    source: Side = "crm" if job.side == "books" else "books"
    asked = [(need, _require(turn, link, source, need)) for need in dict.fromkeys(needs)]
    missing = [
        (need, one)
        for need, one in asked
        if (not need.optional and isinstance(one, Cause))
        or (isinstance(one, Link) and not _has_partner(one, job.side))
    ]
    causes = [one for _, one in missing if isinstance(one, Cause)]
    if not missing:
        return False
    needed = [(need.role, source, need.id) for need, _ in missing]
    jobs.wait_for(turn.tx, turn.scope.id, job.id, needed)
    state = after(job.state, JobEvent.WAIT)
    sides = look(turn.tx, turn.scope, turn.map_of(link), link.crm_id, link.books_id)
    seen = {"crm": dict(sides.crm_values), "books": dict(sides.books_values)}
    values = {"state": state, "error": "", "error_code": "", "next_step": "", "sent": {"seen": seen}}
    jobs.change_job(turn.tx, job.id, turn.now, **values)
    if causes:
        _block(turn, job.id, state, causes[0].text)
    turn.refresh_status(link.id)
    return True


def _require(turn: Turn, asking: Link, source: Side, need: Need) -> Link | Cause:
    """The link of a needed record, made and given a job if there was none."""
    link = _link_of(turn, source, need)
    target = "books" if source == "crm" else "crm"
    if link is not None and (_has_partner(link, target) or _depends_on(turn, link, asking)):
        return link if _has_partner(link, target) else _circle(link)
    if link is None or jobs.open_job(turn.tx, turn.scope.id, link.id, target) is None:
        link = _make(turn, source, need) or link
    if link is None:
        return Cause(_unknown(turn, source, need))
    if _has_partner(link, target):
        return link
    return _stuck(turn, link, target) or link


def _link_of(turn: Turn, source: Side, need: Need) -> Link | None:
    find = links.partner_of_crm if source == "crm" else links.partner_of_books
    return find(turn.tx, turn.scope.id, need.role, need.id)


def _has_partner(link: Link, target: str) -> bool:
    return (link.books_id if target == "books" else link.crm_id) is not None


def _make(turn: Turn, source: Side, need: Need) -> Link | None:
    """Decide the needed record as if it had been asked for: it is matched, created, or a person is asked."""
    found = _record_of(turn, source, need)
    if found is None:
        return None
    kind_map, record = found
    turn.needed.add((need.role, need.id))
    turn.decide_needed(kind_map, source, record)
    return _link_of(turn, source, need)


def _record_of(turn: Turn, source: Side, need: Need) -> tuple[KindMap, StoredRecord] | None:
    maps = turn.scope.maps_in(need.role)
    kinds = {one.crm_kind if source == "crm" else one.books_kind for one in maps}
    for kind in sorted(kinds):
        record = records.record(turn.tx, turn.scope.scope_id(source), source, kind, need.id)
        if record is not None and not record.deleted:
            own = [one for one in maps if (one.crm_kind if source == "crm" else one.books_kind) == kind]
            return turn.map_of_record(own, source, record), record
    return None


def _unknown(turn: Turn, source: Side, need: Need) -> str:
    found = _record_of(turn, source, need)
    side = "the CRM" if source == "crm" else "QuickBooks"
    if found is None:
        return f"Its {need.role} ({need.id}) was not found in {side}: it was deleted, or may not be seen."
    why = turn.why_left_alone(found[0], source, found[1])
    return f"Its {need.role} ({need.id}) is not carried over: {why}"


def _stuck(turn: Turn, link: Link, target: str) -> Cause | None:
    job = jobs.open_job(turn.tx, turn.scope.id, link.id, target)
    if job is None:
        return Cause(f"Its {link.role} {link.label} waits for a person: {link.error or 'no job is open'}")
    if job.state in STUCK:
        return Cause(f"Its {link.role} {link.label} cannot go on: {job.error or job.state}")
    return None


def _depends_on(turn: Turn, link: Link, asking: Link) -> bool:
    """Whether a link waits, over whatever others, for the one that asks; or the chain is too long to be right."""
    level = {link.id}
    for _ in range(MOST_LEVELS):
        if asking.id in level:
            return True
        level = {one for link_id in level for one in _needed_by_jobs_of(turn, link_id)}
        if not level:
            return False
    return True


def _needed_by_jobs_of(turn: Turn, link_id: str) -> Iterator[str]:
    """Ids of the links of the records that the jobs of a link wait for."""
    for target in SIDES:
        job = jobs.open_job(turn.tx, turn.scope.id, link_id, target)
        if job is None or job.state not in (JobState.WAITING, JobState.BLOCKED):
            continue
        for role, side, record_id in jobs.waits_of(turn.tx, turn.scope.id, job.id):
            found = _link_of(turn, "crm" if side == "crm" else "books", Need(role, record_id))
            if found is not None:
                yield found.id


def _circle(link: Link) -> Cause:
    text = f"Its {link.role} {link.label} needs this record in turn, or more than {MOST_LEVELS} others before it."
    return Cause(text)


def _block(desk: Desk, job_id: str, state: str, cause: str) -> None:
    values = {"error": cause, "error_code": BLOCKED, "next_step": GOES_ON}
    jobs.change_job(desk.tx, job_id, desk.now, state=after(state, JobEvent.BLOCK), **values)
