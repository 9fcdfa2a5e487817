"""One visit of a Web Connector, step by step: what to hand out next, and what to make of an answer.

In order: sets in doubt are asked about, QuickBooks is read, what waits is decided, writes go out, settled sets
are cleared. Every step is found anew from the database at each call, so any process can answer any call.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import qbxml
from qbwc_server.store import history, jobs, parties, records, visits
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.rows import Company, MessageSet, Ticket
from qbwc_server.sync.deciding import Scope, decide_waiting, scopes_of_company
from qbwc_server.sync.from_books import (
    PAGE_SIZE,
    SHORT,
    Doubt,
    ReadState,
    apart,
    doubt_set,
    doubts,
    is_answer_to,
    leave_in_doubt,
    note_asked,
    plan_again,
    plan_reads,
    probe_ids,
    probe_requests,
    read_requests,
    requests_left,
    settle_found,
    settle_set,
    split_set,
    take_answer,
    take_probe,
)
from qbwc_server.sync.notes import Handout, Notes, Result
from qbwc_server.sync.posted import Posted
from qbwc_server.sync.to_books import DEFAULT_VERSION, SET_SIZE, offer_writes, running

DECIDE_BUDGET = timedelta(seconds=20)  # of one SOAP call; the Web Connector is believed to wait 100 s
# Records that are decided before their answer is acknowledged, so that a small visit ends with the answer that brought
# the last change. After a long answer the acknowledgement comes first; what it brought is decided at the next call.
FEW = 2 * PAGE_SIZE
VISIT_BUDGET = timedelta(minutes=20)  # then what is left waits for the next visit
POLL_WAIT = timedelta(seconds=60)
WORKER_LEASE = "worker"
PARSE_ERROR = "0x80040400"
GOODBYE = qbxml.Request("HostQueryRq", {}, "goodbye")


NOT_READ = "kinds of records could not be read from QuickBooks"


@dataclass(frozen=True)
class Visit:
    """The visit of one ticket as its steps see it, in one open transaction."""

    tx: Tx
    company: Company
    ticket: Ticket
    now: datetime
    notes: Notes
    scopes: Mapping[str, Scope] = field(default_factory=dict)

    def sets(self, *states: str) -> list[MessageSet]:
        """The company's message sets in these states, the oldest first."""
        return jobs.sets_in_state(self.tx, self.company.id, *states)


def open_visit(tx: Tx, ticket: Ticket, now: datetime) -> Visit:
    scopes = {scope.id: scope for scope in scopes_of_company(tx, ticket.company_id, lock=True)}
    any_scope = next(iter(scopes.values()), None)
    company = any_scope.company if any_scope else parties.company(tx, ticket.company_id)
    assert company is not None
    return Visit(tx, company, ticket, now, Notes.of(ticket.visit), scopes)


# --- the beginning ---


def something_to_do(tx: Tx, company_id: str) -> bool:
    """QuickBooks cannot tell us that something changed, so every visit of a connected company reads."""
    return bool(parties.connections_of_company(tx, company_id))


def begin(tx: Tx, company_id: str, now: datetime) -> dict[str, Any]:
    """The first notes of a visit; fresh CRM data is asked for, so that one update moves both ways."""
    parties.want_poll(tx, company_id, now)
    return Notes(wanted_poll_at=now.isoformat()).plain()


def decide(database: Database, ticket: Ticket, clock: Callable[[], datetime]) -> int:
    """Decide what waits, for as long as one call may take."""
    until = clock() + DECIDE_BUDGET
    return decide_waiting(database, ticket.company_id, ticket.run_number, clock, until=until)


def undecided(visit: Visit) -> int:
    """How many records wait for a decision; counted no further than to one more than `FEW`."""
    return len(records.next_undecided(visit.tx, [one.id for one in running(visit.scopes)], FEW + 1))


# --- handing out ---


def hand_out(visit: Visit) -> Handout:
    """The next document of this visit. Writes, reads and questions are recorded as out in this transaction."""
    for step in (_ask, _read, _probe, _write, _read_again, _wait, _clear):
        handout = step(visit)
        if handout is not None:
            return handout
    return _more(visit) or _goodbye(visit)


def _ask(visit: Visit) -> Handout | None:
    """What became of a set that got no usable answer? An empty set under the same id executes nothing."""
    for one in visit.sets("in_doubt"):
        if one.set_id not in visit.notes.asked:
            text = _build(visit, [], new=one.set_id, old=one.set_id)
            notes = replace(visit.notes, out="ask", set_id=one.set_id, asked=(*visit.notes.asked, one.set_id))
            return Handout(text, notes, (one.set_id, *one.job_ids))
    return None


def _read(visit: Visit) -> Handout | None:
    notes = visit.notes
    if not notes.planned:
        reads = plan_reads(visit.tx, visit.company, visit.scopes.values(), visit.now)
        notes = replace(notes, reads=tuple(reads), planned=True)
    noted = tuple(note_asked(visit.tx, visit.company, notes.reads, visit.now))
    requests = read_requests(noted)
    if not requests:
        return None
    return Handout(_build(visit, requests), replace(notes, reads=noted, out="read", set_id=""))


def _probe(visit: Visit) -> Handout | None:
    """Creations that QuickBooks has no answer stored for: only proof lets them be sent again."""
    waiting = doubts_of(visit)
    if not waiting:
        return None
    ids = tuple(one.job.id for one in waiting)
    notes = replace(visit.notes, out="probe", probed=(*visit.notes.probed, *ids), proving=ids)
    requests = probe_requests(visit.company, waiting)
    return Handout(_build(visit, requests), notes, ids)


def doubts_of(visit: Visit) -> list[Doubt]:
    notes, started = visit.notes, visit.ticket.started_at
    sets = [one for one in visit.sets("in_doubt") if one.set_id in notes.asked]
    return doubts(visit.tx, sets, notes.reads, notes.probed, started, visit.now) if sets else []


def _write(visit: Visit) -> Handout | None:
    if not visit.scopes or visit.now > visit.ticket.started_at + VISIT_BUDGET:
        return None
    settled = visit.sets("settled")
    clear = settled[0].set_id if settled else None
    offer = offer_writes(
        visit.tx, visit.scopes, visit.ticket.run_number, visit.ticket.ticket_hash, visit.now, clear
    )
    if offer is None:
        return None
    if clear:
        jobs.change_set(visit.tx, visit.company.id, clear, state="cleared")
    notes = replace(visit.notes, out="write", set_id=offer.set_id)
    return Handout(offer.text, notes, (offer.set_id, *offer.job_ids))


def _read_again(visit: Visit) -> Handout | None:
    """What our own writes changed elsewhere, such as the balance of the customer of a new invoice."""
    if visit.now > visit.ticket.started_at + VISIT_BUDGET:
        return None
    return _read(replace(visit, notes=replace(visit.notes, reads=_reads_by_now(visit))))


def _reads_by_now(visit: Visit) -> tuple[ReadState, ...]:
    """The reads of this visit, with those that its own writes made necessary."""
    if not visit.notes.wrote:
        return visit.notes.reads
    return tuple(plan_again(visit.tx, visit.company, visit.scopes.values(), visit.notes.reads))


def _wait(visit: Visit) -> Handout | None:
    """Until the CRM was asked as well, within bounds; never while an iterator is open, for reads come first."""
    if not waiting_for_poll(visit):
        return None
    return Handout("", replace(visit.notes, out="", waits=visit.notes.waits + 1))


def _clear(visit: Visit) -> Handout | None:
    """QuickBooks may forget the stored answer only after we committed what it said."""
    for one in visit.sets("settled"):
        notes = replace(visit.notes, out="clear", set_id=one.set_id)
        return Handout(_build(visit, [], old=one.set_id), notes, (one.set_id,))
    return None


def _more(visit: Visit) -> Handout | None:
    """What waits for its decision gets it before the next call: the same question, but no goodbye."""
    if visit.now > visit.ticket.started_at + VISIT_BUDGET or not undecided(visit):
        return None
    return Handout(_build(visit, [GOODBYE]), replace(visit.notes, out="more"))


def _goodbye(visit: Visit) -> Handout:
    """Nothing is left after all: a harmless question, on whose answer the visit can end cleanly with 100."""
    return Handout(_build(visit, [GOODBYE]), replace(visit.notes, out="goodbye"))


def _build(
    visit: Visit, requests: list[qbxml.Request], *, new: str | None = None, old: str | None = None
) -> str:
    version = visit.company.qbxml_version or DEFAULT_VERSION
    return qbxml.build(requests, version=version, new_message_set_id=new, old_message_set_id=old)


def waiting_for_poll(visit: Visit) -> bool:
    """The CRM poll that this visit asked for is under way: a worker lives, and the wait is within its bound."""
    if not visit.notes.wanted_poll_at:
        return False
    wanted = datetime.fromisoformat(visit.notes.wanted_poll_at)
    if visit.now > wanted + POLL_WAIT:
        return False
    alive_until = visits.lease_until(visit.tx, WORKER_LEASE)
    if alive_until is None or alive_until < visit.now:
        return False
    organisations = {one.connection.organisation_id for one in visit.scopes.values()}
    return any(_poll_due(visit, one, wanted) for one in organisations)


def _poll_due(visit: Visit, organisation_id: str, wanted: datetime) -> bool:
    one = parties.organisation(visit.tx, organisation_id)
    if one is None or (one.retry_at is not None and one.retry_at > visit.now):
        return False
    return one.polled_at is None or one.polled_at < wanted


# --- taking an answer ---


def answers(visit: Visit, response: Posted) -> bool:
    """Whether a response belongs to the request that is out, and not to an earlier one."""
    return is_answer_to(response, visit.notes.set_id, _ids_out(visit))


def _ids_out(visit: Visit) -> list[str | None]:
    ids: dict[str, Callable[[], list[str | None]]] = {
        "read": lambda: [one.request_id for one in read_requests(visit.notes.reads)],
        "write": lambda: [*_the_set(visit).job_ids],
        "ask": lambda: [*_the_set(visit).job_ids],
        "probe": lambda: [*probe_ids(visit.notes.proving)],
        "more": lambda: [GOODBYE.request_id],
        "goodbye": lambda: [GOODBYE.request_id],
    }
    return ids[visit.notes.out]() if visit.notes.out in ids else []


def take(visit: Visit, response: Posted, hresult: str, message: str) -> Result:
    """Store and settle one answer in the open transaction; deciding what it means comes after the commit."""
    if hresult.strip():
        return _no_answer(visit, hresult.strip(), message)
    handlers: dict[str, Callable[[Visit, Posted], Result]] = {
        "read": _take_read,
        "write": _take_write,
        "ask": _take_asked,
        "probe": _take_proof,
        "clear": lambda visit, _: _cleared(visit),
        "more": lambda visit, _: _went_on(visit),
        "goodbye": lambda visit, _: _went_on(visit, parted=True),
        # Stored by an earlier copy of this very call, which did not live to acknowledge it.
        "": lambda visit, _: Result(0, visit.notes),
    }
    try:
        return handlers[visit.notes.out](visit, response)
    except qbxml.UnreadableAnswer as unreadable:
        return _unreadable(visit, str(unreadable))


def _take_read(visit: Visit, response: Posted) -> Result:
    scopes = list(visit.scopes.values())
    # Of an answer that breaks off nothing is kept.
    with visit.tx.begin_nested() if response.size > SHORT else nullcontext():
        states, changed = take_answer(visit.tx, visit.company, scopes, visit.notes.reads, response, visit.now)
    _note_failed_reads(visit, states)
    found = settle_found(visit.tx, visit.scopes, visit.company.id, visit.ticket.run_number, visit.now)
    counts = {"changed in QuickBooks": changed, "settled after doubt": found}
    history.count_in_run(visit.tx, visit.ticket.run_number, counts)
    return _went_on(visit, reads=tuple(states))


def _note_failed_reads(visit: Visit, reads: Sequence[ReadState]) -> None:
    known = {one.name for one in visit.notes.reads if one.error}
    failed = [one for one in reads if one.error and one.name not in known]
    history.count_in_run(visit.tx, visit.ticket.run_number, {NOT_READ: len(failed)}, len(failed))
    for one in failed:
        history.note_action(visit.tx, visit.now, "QuickBooks", "read failed", one.kind, text=one.error)


def _take_write(visit: Visit, response: Posted) -> Result:
    message_set = _the_set(visit)
    outcome = settle_set(visit.tx, visit.scopes, message_set, response, visit.ticket.run_number, visit.now)
    counts = {"written to QuickBooks": outcome.settled, "refused by QuickBooks": outcome.refused}
    history.count_in_run(visit.tx, visit.ticket.run_number, counts, outcome.refused + outcome.in_doubt)
    return _went_on(visit, wrote=True)


def _take_asked(visit: Visit, response: Posted) -> Result:
    """Only a stored answer with every expected requestID settles; anything less waits for proof."""
    message_set = _the_set(visit)
    answer = qbxml.read(response.open(), encoding="utf-8")
    expected = {job.id for job in jobs.jobs_in(visit.tx, message_set.job_ids) if job.state == "in_doubt"}
    complete = answer.set_status.code == 0 and all(answer.by_request_id(one) for one in expected)
    if complete:
        settle_set(visit.tx, visit.scopes, message_set, response, visit.ticket.run_number, visit.now)
        history.count_in_run(visit.tx, visit.ticket.run_number, {"settled after doubt": len(expected)})
    else:
        _leave_in_doubt(visit, message_set, answer.set_status.code)
    return _went_on(visit, wrote=True)


def _take_proof(visit: Visit, response: Posted) -> Result:
    number = visit.ticket.run_number
    outcome = take_probe(
        visit.tx, visit.scopes, visit.company, visit.notes.proving, response, number, visit.now
    )
    counts = {"settled after doubt": outcome.found, "sent again, not in QuickBooks": outcome.absent}
    history.count_in_run(visit.tx, number, counts, outcome.unsure)
    return _went_on(visit, wrote=True)


def _leave_in_doubt(visit: Visit, message_set: MessageSet, code: int | None) -> None:
    leave_in_doubt(visit.tx, visit.scopes, message_set, code, visit.ticket.run_number, visit.now)


def _cleared(visit: Visit) -> Result:
    jobs.change_set(visit.tx, visit.company.id, visit.notes.set_id, state="cleared")
    return _went_on(visit)


def _no_answer(visit: Visit, hresult: str, message: str) -> Result:
    """QuickBooks gave no qbXML at all. Only the parser's refusal proves that nothing was executed."""
    if not visit.notes.out:
        return Result(0, visit.notes)
    text = f"QuickBooks did not answer: {message.strip() or qbxml.hresult(hresult).sentence} ({hresult})"
    if hresult.lower() == PARSE_ERROR:
        return _parser_refused(visit, message)
    if visit.notes.out == "write":
        doubt_set(visit.tx, visit.scopes, _the_set(visit), text, visit.now, answered=True)
    return Result(-1, replace(visit.notes, out=""), text)


def _parser_refused(visit: Visit, message: str) -> Result:
    """The request is at fault and is not sent again unchanged; the visit goes on with the next (protocol 4.3)."""
    handlers: dict[str, Callable[[Visit, str], Result]] = {
        "write": _split,
        "read": _reads_refused,
        "ask": _question_refused,
        "probe": lambda visit, _: _went_on(visit),
        "clear": lambda visit, _: _cleared(visit),
        "more": lambda visit, _: _went_on(visit),
        "goodbye": lambda visit, _: _went_on(visit, parted=True),
    }
    return handlers[visit.notes.out](visit, message)


def _split(visit: Visit, message: str) -> Result:
    number, now = visit.ticket.run_number, visit.now
    refused = split_set(visit.tx, visit.scopes, _the_set(visit), message, number, now)
    history.count_in_run(visit.tx, number, {}, refused)
    return _went_on(visit)


def _reads_refused(visit: Visit, message: str) -> Result:
    text = f"QuickBooks could not read our request: {message}"
    reads = apart(visit.notes.reads, text)
    _note_failed_reads(visit, reads)
    return _went_on(visit, reads=tuple(reads))


def _question_refused(visit: Visit, _message: str) -> Result:
    """Not even the question was understood, so the set stays in doubt; it is asked again at the next visit."""
    _leave_in_doubt(visit, _the_set(visit), None)
    return _went_on(visit)


def _unreadable(visit: Visit, why: str) -> Result:
    text = f"QuickBooks' answer could not be read: {why}"
    if visit.notes.out == "ask":
        # What it kept is what could not be read before; asking again and again would stop every visit.
        _leave_in_doubt(visit, _the_set(visit), None)
        return _went_on(visit)
    if visit.notes.out == "write":
        doubt_set(visit.tx, visit.scopes, _the_set(visit), text, visit.now, answered=True)
    return Result(-1, replace(visit.notes, out=""), text)


def _the_set(visit: Visit) -> MessageSet:
    found = jobs.message_set(visit.tx, visit.company.id, visit.notes.set_id)
    assert found is not None
    return found


def _went_on(visit: Visit, **changes: Any) -> Result:
    notes = replace(visit.notes, out="", set_id="", proving=(), done=visit.notes.done + 1, **changes)
    return Result(0, notes, "", ())


def take_late(visit: Visit, response: Posted) -> bool:
    """An answer for a ticket that was superseded: settled all the same, for it is the truth about our writes."""
    if visit.notes.out not in ("write", "ask"):
        return False
    message_set = _the_set(visit)
    if message_set.state not in ("offered", "in_doubt"):
        return False
    try:
        if visit.notes.out == "write":
            _take_write(visit, response)
        else:
            _take_asked(visit, response)
    except qbxml.UnreadableAnswer:
        return False
    return True


def percent_done(visit: Visit, *, undecided: int | None = None) -> int:
    """100 exactly when nothing is left; before that the true share of requests answered, at most 99.

    `undecided`: how many records wait for a decision, where that was just looked at.
    """
    left = 0 if visit.notes.parted else _left(visit, undecided)
    if left == 0:
        return 100
    return min(99, visit.notes.done * 100 // (visit.notes.done + left))


def _left(visit: Visit, undecided: int | None) -> int:
    """How many more requests this visit will make, as far as it can know."""
    notes = visit.notes
    reads = requests_left(_reads_by_now(visit))
    unplanned = 0 if notes.planned or not visit.scopes else 1
    active = [one.id for one in running(visit.scopes)]
    due = jobs.count_due(visit.tx, visit.company.id, "books", visit.now, active)
    in_time = visit.now <= visit.ticket.started_at + VISIT_BUDGET
    writes = -(-due // SET_SIZE) if in_time else 0
    if undecided is None and in_time:
        undecided = len(records.next_undecided(visit.tx, active, 1))
    waiting = 1 if in_time and undecided else 0
    # Those in doubt are asked about once, the settled ones cleared.
    sets = sum(
        1
        for one in visit.sets("in_doubt", "settled")
        if one.state == "settled" or one.set_id not in notes.asked
    )
    waits = 1 if waiting_for_poll(visit) else 0
    proofs = 1 if notes.asked and doubts_of(visit) else 0
    return unplanned + reads + writes + waiting + sets + waits + proofs


# --- the end ---


def abandon(tx: Tx, ticket: Ticket, now: datetime, why: str) -> None:
    """The session is over without an answer to what is out: a write waits in doubt from now on."""
    if not writing_out(ticket):
        return
    visit = open_visit(tx, ticket, now)
    message_set = _the_set(visit)
    if message_set.state == "offered":
        doubt_set(visit.tx, visit.scopes, message_set, why, visit.now)


def identified(ticket: Ticket) -> bool:
    """Whether the right company file is known to be open in this visit."""
    return Notes.of(ticket.visit).identified


def unproven(ticket: Ticket) -> dict[str, Any]:
    """The visit's notes for a session whose connection to QuickBooks is made anew."""
    return replace(Notes.of(ticket.visit), identified=False).plain()


def writing_out(ticket: Ticket) -> bool:
    """Whether this ticket holds a set of writes that was not answered."""
    return Notes.of(ticket.visit).out == "write"
