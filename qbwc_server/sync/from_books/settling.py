"""Settling our own writes: binding what QuickBooks made, refusing what it refused, doubting what it left open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

import qbxml
from qbwc_server import mapping
from qbwc_server.mapping import KindMap
from qbwc_server.store import history, jobs, links, records
from qbwc_server.store.database import Tx
from qbwc_server.store.job_states import JobEvent, after
from qbwc_server.store.memory import remembering
from qbwc_server.store.rows import Link, LinkJob, MessageSet
from qbwc_server.sync import features, parts
from qbwc_server.sync.deciding import (
    IN_DOUBT,
    MARK,
    SIDES,
    Desk,
    Scope,
    foresee_binding,
    foresee_jobs,
    is_bound,
    pair_lines,
    rule_name,
    scopes_of_company,
)
from qbwc_server.sync.from_books import anchors, reconciling
from qbwc_server.sync.from_books.reading import plain, store_records
from qbwc_server.sync.posted import Posted
from qbwc_server.sync.retrying import OF_STATUS, next_try
from qbwc_server.sync.to_books import id_field, mark_of
from qbxml import Status

TRIES_PER_VISIT = 2
LEFT_OUT = "QuickBooks' answer left it out."
NOT_STORED = (
    "QuickBooks has no stored answer for it. It goes out again by itself as soon as reading QuickBooks proves that it "
    "is not there."
)
NO_PROOF = (
    "QuickBooks' stored answer for it cannot be used. Look in QuickBooks whether the record is there; "
    "then link it, or retry to send it again."
)
# Message set statuses after which no stored answer speaks for a creation: proof must come from elsewhere.
NOTHING_STORED = (0, 600, 9002, 9005)

ENDED = ("settled", "cancelled")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Settled:
    """What became of a set: how many jobs were settled or refused, and which stay in doubt."""

    settled: int = 0
    refused: int = 0
    again: int = 0
    in_doubt: int = 0


def settle_set(
    tx: Tx,
    scopes: Mapping[str, Scope],
    message_set: MessageSet,
    posted: Posted,
    run_number: int,
    now: datetime,
) -> Settled:
    """Bind every outcome of a set in one transaction; an answer that was settled before changes nothing.

    Raises qbxml.UnreadableAnswer; the caller then leaves the set in doubt.
    """
    answer = qbxml.read(posted.open(), encoding="utf-8")
    counts = {"settled": 0, "refused": 0, "again": 0, "in_doubt": 0}
    written = anchors.newest_written(tx, message_set.company_id, answer)
    with remembering(tx):
        for one in scopes.values():
            linked = foresee_jobs(tx, one, message_set.job_ids)
            foresee_binding(tx, one, _as_made(tx, linked, message_set.job_ids, answer))
        for job in jobs.jobs_in(tx, message_set.job_ids):
            if job.state not in ("offered", "in_doubt") or job.set_id != message_set.set_id:
                continue
            response = answer.by_request_id(job.id)
            desk = Desk(tx, scopes[job.connection_id], run_number, now)
            counts[_settle_one(desk, job, response)] += 1
    _note_clock(tx, scopes, message_set, answer, now)
    for scope in list(scopes.values())[:1]:
        anchors.note_written(tx, scope.company, written, now, asked=message_set.state != "offered")
    state = "in_doubt" if counts["in_doubt"] else "settled"
    jobs.change_set(tx, message_set.company_id, message_set.set_id, state=state, answered_at=now)
    return Settled(**counts)


def _note_clock(
    tx: Tx, scopes: Mapping[str, Scope], message_set: MessageSet, answer: qbxml.Answer, now: datetime
) -> None:
    """What this set changed was changed between its leaving and now, whatever QuickBooks' PC says of the time.

    That may be days ago, where the answer was asked for later.
    """
    scope = next(iter(scopes.values()), None)
    stamps = [ret.values.get("TimeModified") for one in answer.responses for ret in one.rets]
    newest = max((one for one in stamps if isinstance(one, qbxml.WallTime)), default=None)
    if scope is not None and newest is not None:
        reconciling.note_clock(tx, scope.company, newest, message_set.offered_at, now)


def _as_made(tx: Tx, linked: Sequence[Link], job_ids: Sequence[str], answer: qbxml.Answer) -> list[Link]:
    """The links with the ids that an answer gives them."""
    made: dict[str, str] = {}
    for job in jobs.jobs_in(tx, job_ids):
        response = answer.by_request_id(job.id)
        for ret in response.rets if response is not None else ():
            made[job.link_id] = str(ret.values.get(id_field(job.kind)) or "")
    return [replace(one, books_id=made.get(one.id) or one.books_id) for one in linked]


def _settle_one(desk: Desk, job: LinkJob, response: qbxml.Response | None) -> str:
    """One job of a set; what we cannot make sense of stays in doubt and does not take the others along."""
    if response is None:
        return _doubt_job(desk, job, LEFT_OUT)
    try:
        with desk.tx.begin_nested():
            return _settle_job(desk, job, response)
    except Exception as failure:  # the edge of one record: the log says why
        log.error("settle.failed", job=job.id, exc_info=failure)
        return _doubt_job(desk, job, f"Its answer could not be used: {type(failure).__name__}. See the log.")


def _settle_job(desk: Desk, job: LinkJob, response: qbxml.Response) -> str:
    status = response.status
    link = links.link(desk.tx, desk.scope.id, job.link_id)
    assert link is not None
    ret = next((one for one in response.rets), None)
    written = parts.whole_of(job.kind)
    if status.code < 1000:
        full = ret is not None and ret.name != "ErrorRecovery"
        values = plain(ret.values) if ret else {}
        if written != job.kind:
            return _bind_part(desk, job, link, values, status)
        return _bind(desk, job, link, values, status, full=full)
    if status.code == 3200 and ret is not None:
        store_records(desk.tx, desk.scope.company, all_scopes(desk), written, [ret.values], desk.now)
    return _refused(desk, job, link, status)


def _bind(
    desk: Desk, job: LinkJob, link: Link, values: dict[str, Any], status: Status | None, *, full: bool
) -> str:
    """The write is in the books: remember its identity and, from a full object, both halves of the base."""
    kind_map = desk.map_of(link)
    sent = job.sent or {}
    books_id = str(values.get(id_field(job.kind)) or link.books_id or "")
    if not books_id:
        return _doubt_job(desk, job, "QuickBooks reported success without the id of what it made.")
    changes: dict[str, Any] = {"books_id": books_id}
    if "EditSequence" in values:
        changes["edit_sequence"] = str(values["EditSequence"])
    if job.action == "recreate":
        changes["generation"] = link.generation + 1
    if full:
        changes |= _bases(kind_map, link, sent, values)
    links.change_link(desk.tx, desk.scope.id, link.id, desk.now, **changes)
    links.drop_conflicts(desk.tx, desk.scope.id, link.id, list(sent.get("crm", {})))
    _end(desk, job, JobEvent.SETTLE)
    if full:
        store_records(desk.tx, desk.scope.company, all_scopes(desk), job.kind, [values], desk.now)
    if books_id != link.books_id:
        desk.is_bound_now(_must(desk, link.id))
    _after_settling(desk, job, link, status)
    return "settled"


def _bind_part(desk: Desk, job: LinkJob, link: Link, whole: Mapping[str, Any], status: Status) -> str:
    """The answer is the whole; which of its parts was written is found in it."""
    sent = job.sent or {}
    found = parts.made(whole, link.books_id, sent.get("before", ()), str(sent.get("called") or ""))
    if found is None:
        return _doubt_job(desk, job, f"QuickBooks' {parts.WHOLE} does not show what was written.")
    store_records(desk.tx, desk.scope.company, all_scopes(desk), parts.WHOLE, [whole], desk.now)
    return _bind(desk, job, link, found, status, full=True)


def _bases(
    kind_map: KindMap, link: Link, sent: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """The halves move for the rules that were sent: CRM as the job used it, books as it came back."""
    stored = mapping.books_values(kind_map, values)
    names = {rule_name(rule): rule for rule in kind_map.rules}
    crm = dict(sent.get("crm", {}))
    books = {name: stored[names[name].books] for name in crm if name in names}
    lines = pair_lines(kind_map, sent.get("lines", ()), values)
    return {"base_crm": (link.base_crm or {}) | crm, "base_books": (link.base_books or {}) | books | lines}


def _after_settling(desk: Desk, job: LinkJob, link: Link, status: Status | None) -> None:
    """Wishes kept, the record looked at once more (it may have moved meanwhile), its status brought in line."""
    if status is not None and status.code >= 500:
        history.note_action(
            desk.tx, desk.now, "QuickBooks", "warning", job.id, code=status.code, text=status.message
        )
    if keep_wish(desk, job.id):
        return
    if link.crm_id:
        records.mark_undecided(desk.tx, desk.scope.id, "crm", link.crm_kind, [link.crm_id], desk.now)
    desk.refresh_status(link.id)


def all_scopes(desk: Desk) -> list[Scope]:
    """Every connection of the company: what one of them wrote is news for the others."""
    return scopes_of_company(desk.tx, desk.scope.company.id)


def _refused(desk: Desk, job: LinkJob, link: Link, status: Status) -> str:
    action = qbxml.next_step(status.code, status.message)
    if action == "reread" and status.code == 3200 and job.visit_attempts < TRIES_PER_VISIT:
        return _again(desk, job, desk.now, status)
    policy = OF_STATUS.get(action)
    due_at = next_try(policy, job.failures + 1, desk.now, job.id) if policy else None
    if due_at is not None:
        return _again(desk, job, due_at, status, visit_attempts=0, failures=job.failures + 1)
    info = qbxml.status(status.code)
    text = f"QuickBooks refused {link.label}: {status.message.strip()}"
    values = {
        "error": text,
        "error_code": str(status.code),
        "next_step": features.next_step((job.sent or {}).get("uses", []))
        if action == "feature"
        else NEXT_STEPS.get(action, info.sentence),
    }
    if policy is not None:
        values["error"] = f"{text} It was tried {job.failures + 1} times: {policy.trouble}."
    _end(desk, job, JobEvent.REFUSE, **values)
    if keep_wish(desk, job.id):
        return "refused"
    if link.crm_id and desk.changed_since(link, job):
        # Corrected while the refused version was out: that is a new attempt, not an old refusal.
        records.mark_undecided(desk.tx, desk.scope.id, "crm", link.crm_kind, [link.crm_id], desk.now)
    desk.refresh_status(link.id)
    return "refused"


NEXT_STEPS = {
    "retry": "Close the windows and programs that hold it in QuickBooks, then: qbwc-server job retry",
    "reread": "See who changes it in QuickBooks all the time, then: qbwc-server job retry",
    "rename": "Another customer, vendor, employee or other name has this name already. Rename one of the two, "
    "or link this record to the existing customer.",
    "fix": "QuickBooks did not take a value of this record. Correct it in the CRM; it is tried again by itself.",
}


def _again(desk: Desk, job: LinkJob, due_at: datetime, status: Status, **values: Any) -> str:
    why = {"error": status.message.strip(), "error_code": str(status.code)}
    state = after(job.state, JobEvent.REQUEUE)
    jobs.change_job(desk.tx, job.id, desk.now, state=state, due_at=due_at, set_id=None, **why, **values)
    keep_wish(desk, job.id)
    return "again"


def _doubt_job(desk: Desk, job: LinkJob, why: str) -> str:
    if job.state == "offered":
        jobs.change_job(
            desk.tx,
            job.id,
            desk.now,
            state=after(job.state, JobEvent.DOUBT),
            error=why,
            error_code=IN_DOUBT,
            next_step="The next visit asks QuickBooks what became of it; it is not sent again by itself.",
        )
    return "in_doubt"


def _end(desk: Desk, job: LinkJob, event: JobEvent, **values: Any) -> None:
    ended = desk.now if event is JobEvent.SETTLE else None
    fresh = {"visit_attempts": 0, "failures": 0, "error": "", "error_code": "", "next_step": ""} | values
    jobs.change_job(desk.tx, job.id, desk.now, state=after(job.state, event), ended_at=ended, **fresh)


def keep_wish(desk: Desk, job_id: str) -> bool:
    """What a person wished for while the outcome was unknown is done now that it is known; False without a wish."""
    job = jobs.job(desk.tx, job_id)
    if job is None or not job.wish:
        return False
    if job.wish == "unlink":
        unlink(desk, job.link_id)
    elif job.state not in ENDED:
        withdraw(desk, job)
    else:
        return False  # it was written before it could be cancelled
    return True


def withdraw(desk: Desk, job: LinkJob) -> None:
    """Cancel a job that is not on its way. A record whose partner is not made after all is nobody's half link."""
    state = after(job.state, JobEvent.CANCEL)
    jobs.change_job(desk.tx, job.id, desk.now, state=state, ended_at=desk.now)
    link = _must(desk, job.link_id)
    if link.unlinked_at is None and not is_bound(link):
        unlink(desk, link.id)
    elif job.side == "books":
        desk.refresh_status(link.id)
    elif link.status == "Error" and link.error_code == job.error_code:
        # No write-back, for a write to the CRM is what was cancelled; but its error is over.
        over = {"status": "Success", "error": "", "error_code": ""}
        links.change_link(desk.tx, desk.scope.id, link.id, desk.now, **over)


def unlink(desk: Desk, link_id: str) -> None:
    """Drop the pairing and leave both records; its history stays, and it is not matched again by itself.

    The CRM's users see it: a job writes the status Unlinked there.
    """
    for side in SIDES:
        desk.cancel_open(_must(desk, link_id), side)
    values = {"unlinked_at": desk.now, "status": "Unlinked", "error": "", "error_code": ""}
    links.change_link(desk.tx, desk.scope.id, link_id, desk.now, **values)
    link = _must(desk, link_id)
    if link.crm_id is not None and desk.status_writes(link):
        desk.ensure_job(link, "crm", "change")
    desk.tell_waiting(link, f"{link.label} was unlinked.")


def _must(desk: Desk, link_id: str) -> Link:
    found = links.link(desk.tx, desk.scope.id, link_id)
    assert found is not None
    return found


def leave_in_doubt(
    tx: Tx,
    scopes: Mapping[str, Scope],
    message_set: MessageSet,
    code: int | None,
    run_number: int,
    now: datetime,
) -> None:
    """QuickBooks has no answer to a set stored. A change is read and decided again, for its EditSequence keeps it
    from being made twice; a creation waits until it is found, proven absent, or looked at by a person."""
    for job in jobs.jobs_in(tx, message_set.job_ids):
        if job.state != "in_doubt" or job.set_id != message_set.set_id:
            continue
        if job.action == "change" or parts.whole_of(job.kind) != job.kind:
            # Made twice by nothing: a part is looked for before it is made, and its whole's EditSequence guards it.
            state = after(job.state, JobEvent.REQUEUE)
            jobs.change_job(tx, job.id, now, state=state, set_id=None, due_at=now, visit_attempts=0)
            keep_wish(Desk(tx, scopes[job.connection_id], run_number, now), job.id)
            continue
        asked = f"{IN_DOUBT} {'none' if code is None else code}"
        provable = code in NOTHING_STORED
        told = {} if job.error_code == asked else {"next_step": NOT_STORED if provable else NO_PROOF}
        jobs.change_job(tx, job.id, now, error_code=asked, **told)
        if not provable:
            Desk(tx, scopes[job.connection_id], run_number, now).refresh_status(job.link_id)
    note = f"asked on visit {run_number}: message set status {code}"
    jobs.change_set(tx, message_set.company_id, message_set.set_id, note=note)
    _close(tx, message_set)


def settle_found(tx: Tx, scopes: Mapping[str, Scope], company_id: str, run_number: int, now: datetime) -> int:
    """Creations in doubt whose mark was read in QuickBooks did happen, whatever became of the answer; how many."""
    found = 0
    for message_set in jobs.sets_in_state(tx, company_id, "in_doubt"):
        for job in jobs.jobs_in(tx, message_set.job_ids):
            if job.state == "in_doubt" and job.set_id == message_set.set_id and job.action != "change":
                found += settle_marked(Desk(tx, scopes[job.connection_id], run_number, now), job)
        _close(tx, message_set)
    return found


def settle_marked(desk: Desk, job: LinkJob) -> bool:
    """Whether a creation in doubt was made after all: an object with its mark was read, and is bound."""
    link = links.link(desk.tx, desk.scope.id, job.link_id)
    assert link is not None
    mark = mark_of(link, recreating=job.action == "recreate")
    holders = records.holders(desk.tx, job.company_id, "books", job.kind, MARK, mark.casefold())
    record = records.record(desk.tx, job.company_id, "books", job.kind, holders[0]) if holders else None
    if record is None:
        return False
    if _bind(desk, job, link, record.values, None, full=True) != "settled":
        return False
    _keep_what_was_sent(desk, job, record.values)
    return True


def _keep_what_was_sent(desk: Desk, job: LinkJob, values: Mapping[str, Any]) -> None:
    """What was read later may have been edited meanwhile: where it is not what was sent, that was an edit."""
    link = _must(desk, job.link_id)
    kind_map = desk.map_of(link)
    message_set = jobs.message_set(desk.tx, job.company_id, job.set_id) if job.set_id else None
    sent = creations_in(message_set).get(job.id) if message_set else None
    if sent is None or link.base_books is None:
        return
    made, now = mapping.books_values(kind_map, plain(sent)), mapping.books_values(kind_map, values)
    from_crm = (job.sent or {}).get("crm", {})
    books = {
        name: made.get(rule.books)
        for rule in kind_map.rules
        if (name := rule_name(rule)) in from_crm and not mapping.same(rule, from_crm[name], now[rule.books])
    }
    if books:
        base = link.base_books | books
        links.change_link(desk.tx, desk.scope.id, link.id, desk.now, base_books=base)


def creations_in(message_set: MessageSet) -> dict[str, Mapping[str, Any]]:
    """The objects of a set's creations by job, as they left; of a set that nobody can read nothing is known."""
    try:
        requests = qbxml.read_request(message_set.request).requests
    except qbxml.RefusedByParser:
        return {}
    return {
        str(one.request_id): one.values[one.name.removesuffix("Rq")]
        for one in requests
        if one.name.endswith("AddRq")
    }


def close_sets(tx: Tx, company_id: str) -> None:
    """Those in doubt of which nothing is in doubt any more."""
    for message_set in jobs.sets_in_state(tx, company_id, "in_doubt"):
        _close(tx, message_set)


def _close(tx: Tx, message_set: MessageSet) -> None:
    """A set of which nothing is in doubt any more is over; QuickBooks may forget what it kept of it."""
    members = jobs.jobs_in(tx, message_set.job_ids)
    if not any(job.state == "in_doubt" and job.set_id == message_set.set_id for job in members):
        jobs.change_set(tx, message_set.company_id, message_set.set_id, state="settled")


def doubt_set(
    tx: Tx,
    scopes: Mapping[str, Scope],
    message_set: MessageSet,
    why: str,
    now: datetime,
    *,
    answered: bool = False,
) -> int:
    """No usable answer came: every job of the set waits in doubt until it is proven what became of it.

    `answered`: something came back, so QuickBooks is done with the set; silence may mean that it still works on it.
    """
    doubted = 0
    for job in jobs.jobs_in(tx, message_set.job_ids):
        if job.state == "offered" and job.set_id == message_set.set_id:
            _doubt_job(Desk(tx, scopes[job.connection_id], job.run_number, now), job, why)
            doubted += 1
    came = {"answered_at": now} if answered else {}
    jobs.change_set(tx, message_set.company_id, message_set.set_id, state="in_doubt", note=why, **came)
    return doubted


def split_set(
    tx: Tx, scopes: Mapping[str, Scope], message_set: MessageSet, message: str, run_number: int, now: datetime
) -> int:
    """QuickBooks' parser refused the set (0x80040400), so nothing of it was executed.

    Its jobs go back in sets half as large, with new ids, until the guilty request stands alone and is refused.
    """
    members = [job for job in jobs.jobs_in(tx, message_set.job_ids) if job.state in ("offered", "in_doubt")]
    for job in members:
        desk = Desk(tx, scopes[job.connection_id], run_number, now)
        if len(members) > 1:
            half = max(1, len(members) // 2)
            state = after(job.state, JobEvent.REQUEUE)
            jobs.change_job(tx, job.id, now, state=state, set_id=None, set_limit=half, visit_attempts=0)
            keep_wish(desk, job.id)
            continue
        values = {"error": f"QuickBooks could not read the request: {message}", "error_code": "0x80040400"}
        _end(desk, job, JobEvent.REFUSE, **values, next_step="Report this with the request from the log.")
        desk.refresh_status(job.link_id)
    note = f"refused by QuickBooks' parser: {message}"
    jobs.change_set(
        tx, message_set.company_id, message_set.set_id, state="cleared", note=note, answered_at=now
    )
    return 0 if len(members) > 1 else len(members)
