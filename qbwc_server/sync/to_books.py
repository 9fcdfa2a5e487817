"""The door to QuickBooks: due link jobs become qbXML, and the set is kept before it leaves.

A request is built when its turn comes, from the state of that moment. What our own checks would not let
through is refused here, record by record, so that one bad record never poisons the set of the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import qbxml
from qbwc_server import mapping
from qbwc_server.mapping import KindMap, Rule
from qbwc_server.store import history, jobs, links, prefetch, records
from qbwc_server.store.database import Tx
from qbwc_server.store.job_states import JobEvent, after
from qbwc_server.store.memory import remembering
from qbwc_server.store.rows import Link, LinkJob, MessageSet
from qbwc_server.sync import decide as rule_book
from qbwc_server.sync import features, parts
from qbwc_server.sync.decide import FieldOutcome
from qbwc_server.sync.deciding import (
    MARK,
    Need,
    Scope,
    Sides,
    Turn,
    find_matches,
    foresee_jobs,
    hold,
    look,
    partner_id,
    rule_name,
    sent_lines,
    unresolved,
    view_linked,
)

DEFAULT_VERSION = "13.0"
SET_SIZE = 25  # writes to a set: few enough that one lost answer costs little
# Sets in which nothing was fit to be sent, before the visit goes on to its next step.
ROUNDS = 40
# What helps against a refusal of ours, where that is not to correct the record.
STEPS = {"setting": "It is tried again by itself as soon as the setting has a value."}


@dataclass(frozen=True)
class Offer:
    """A set of writes as it goes out: the exact characters, its id and the jobs in it."""

    text: str
    set_id: str
    job_ids: tuple[str, ...]


@dataclass(frozen=True)
class Draft:
    """One write, ready to be sent, with what it was made from: both become the base when it is settled."""

    request: qbxml.Request
    sent: dict[str, Any]

    @property
    def changes(self) -> str:
        """The id of the object that this is a change of; "" for what is new."""
        [(_, values)] = self.request.values.items()
        return str(values.get("ListID") or values.get("TxnID") or "")


@dataclass(frozen=True)
class Refusal:
    """Why a write cannot be sent, in words for the person who can correct the record."""

    text: str
    code: str
    sent: dict[str, Any]


@dataclass(frozen=True)
class Needs:
    """What must be in the books before this write can be made."""

    records: tuple[Need, ...]


@dataclass(frozen=True)
class Nothing:
    """Both sides agree already; `lost` names fields whose value leaves nothing that QuickBooks could hold."""

    lost: tuple[rule_book.FieldDecision, ...] = ()


def offer_writes(
    tx: Tx, scopes: Mapping[str, Scope], run_number: int, ticket_hash: str, now: datetime, clear: str | None
) -> Offer | None:
    """The next set of due writes, recorded as offered together with its exact text; None when there is none.

    `clear` is the id of a settled set that QuickBooks may forget with this one.
    """
    company = next(iter(scopes.values())).company
    drafts: list[tuple[LinkJob, Draft]] = []
    active = [one.id for one in running(scopes)]
    for _ in range(ROUNDS):
        due = jobs.due_jobs(tx, company.id, "books", now, SET_SIZE, active)
        if due:
            with remembering(tx):
                for one in scopes.values():
                    _foresee(tx, one, due)
                drafts = _drafts(tx, scopes, due, run_number, now)
        if drafts or not due:
            break
    if not drafts:
        return None
    return _keep_offer(tx, company.id, company.qbxml_version, drafts, ticket_hash, now, clear)


def _foresee(tx: Tx, scope: Scope, due: list[LinkJob]) -> None:
    """What the drafts will look up, and whether what is to be made bears our mark in the books already."""
    linked = {one.id: one for one in foresee_jobs(tx, scope, [job.id for job in due])}
    marks: dict[str, list[str]] = {}
    for job in due:
        link = linked.get(job.link_id)
        if link is not None and job.action != "change":
            mark = mark_of(link, recreating=job.action == "recreate").casefold()
            marks.setdefault(link.books_kind, []).append(mark)
    for kind, some in marks.items():
        prefetch.holders(tx, scope.company.id, "books", kind, MARK, some)


def running(scopes: Mapping[str, Scope]) -> list[Scope]:
    return [one for one in scopes.values() if not one.connection.stopped_reason]


def _drafts(
    tx: Tx, scopes: Mapping[str, Scope], due: list[LinkJob], run_number: int, now: datetime
) -> list[tuple[LinkJob, Draft]]:
    """As many as the smallest set limit among them allows: a set that the parser refused comes back halved."""
    drafts: list[tuple[LinkJob, Draft]] = []
    # A second change of one object would carry the EditSequence from before the first; it goes with the next set.
    changed: set[str] = set()
    limit = SET_SIZE
    for job in due:
        limit = min(limit, job.set_limit)
        if len(drafts) >= limit:
            break
        scope = scopes[job.connection_id]
        if _switched_off(tx, scope, job, now) or _made_before(Turn(tx, scope, run_number, now), job):
            continue
        made = _take(tx, scope, job, run_number, now)
        if made is not None and made.changes not in changed:
            drafts.append((job, made))
            changed |= {made.changes} - {""}
    return drafts


def _switched_off(tx: Tx, scope: Scope, job: LinkJob, now: datetime) -> bool:
    """A job of a kind that the mapping no longer has ends here."""
    link = links.link(tx, scope.id, job.link_id)
    if link is None or scope.knows(link):
        return False
    jobs.change_job(tx, job.id, now, state=after(job.state, JobEvent.CANCEL), ended_at=now)
    return True


def _take(tx: Tx, scope: Scope, job: LinkJob, run_number: int, now: datetime) -> Draft | None:
    """The draft of a job whose turn it is; a job that cannot or need not be sent ends here instead."""
    desk = Turn(tx, scope, run_number, now)
    link = links.link(tx, scope.id, job.link_id)
    if _is_there_already(desk, link):
        return None
    made = draft(tx, scope, link, job) if link is not None and link.unlinked_at is None else Nothing()
    if isinstance(made, Needs) and link is not None:
        if hold(desk, link, job, made.records):
            return None
        made = draft(tx, scope, link, job)
    if isinstance(made, Draft):
        return made
    _end_here(desk, job, link, made)
    return None


def _end_here(desk: Turn, job: LinkJob, link: Link | None, made: Refusal | Nothing | Needs) -> None:
    tx, scope, now = desk.tx, desk.scope, desk.now
    if isinstance(made, Refusal):
        refused = {"state": after(job.state, JobEvent.REFUSE), "error": made.text, "error_code": made.code}
        step = STEPS.get(made.code, "Correct the record in the CRM; it is tried again by itself.")
        jobs.change_job(tx, job.id, now, **refused, next_step=step, sent=made.sent)
        history.count_in_run(tx, desk.run_number, {"not fit for QuickBooks": 1}, 1)
    elif isinstance(made, Nothing) and link is not None and not (link.unlinked_at or link.books_id):
        # Its turn to be decided came when this job was on its way, so nobody has noticed yet.
        desk.drop_half(link, f"{link.label} was deleted in {rule_book.NAMES['crm']}.")
        return
    else:
        jobs.change_job(tx, job.id, now, state=after(job.state, JobEvent.SETTLE), ended_at=now)
    if link is not None and link.unlinked_at is None:
        if isinstance(made, Nothing):
            for one in made.lost:
                # The chosen value leaves nothing to write: the choice is carried out with that.
                links.drop_conflict(tx, scope.id, link.id, one.name)
            # What is true now may ask for another step, such as a re-creation after a deletion.
            desk.decide_link(desk.move_base(link, made.lost))
        else:
            desk.refresh_status(link.id)


def _made_before(desk: Turn, job: LinkJob) -> bool:
    """What bears our mark in QuickBooks was made for this record, whatever our own database remembers of it."""
    link = links.link(desk.tx, desk.scope.id, job.link_id) if job.action != "change" else None
    if link is None or link.unlinked_at is not None or not link.crm_id:
        return False
    mark = mark_of(link, recreating=job.action == "recreate")
    company_id = desk.scope.company.id
    found = records.holders(desk.tx, company_id, "books", link.books_kind, MARK, mark.casefold())
    if not found:
        return False
    history.note_action(desk.tx, desk.now, "QuickBooks", "made before", job.id, record=found[0], mark=mark)
    desk.bind(desk.scope.map_for(link), link.crm_id, found[0])
    records.mark_undecided(desk.tx, desk.scope.id, "crm", link.crm_kind, [link.crm_id], desk.now)
    return True


def _keep_offer(
    tx: Tx,
    company_id: str,
    version: str | None,
    drafts: list[tuple[LinkJob, Draft]],
    ticket_hash: str,
    now: datetime,
    clear: str | None,
) -> Offer:
    set_id = qbxml.new_set_id()
    requests = [one.request for _, one in drafts]
    text = qbxml.build(
        requests, version=version or DEFAULT_VERSION, new_message_set_id=set_id, old_message_set_id=clear
    )
    job_ids = tuple(job.id for job, _ in drafts)
    for job, one in drafts:
        counts = {"attempts": job.attempts + 1, "visit_attempts": job.visit_attempts + 1}
        sent = one.sent | {"uses": features.used(one.request.values)}
        offered = {"state": after(job.state, JobEvent.OFFER), "set_id": set_id, "sent": sent}
        jobs.change_job(tx, job.id, now, **offered, **counts, error="", error_code="", next_step="")
    jobs.add_set(
        tx,
        MessageSet(company_id, set_id, ticket_hash, text, list(job_ids), "offered", "", now, None),
    )
    return Offer(text, set_id, job_ids)


def draft(tx: Tx, scope: Scope, link: Link, job: LinkJob) -> Draft | Refusal | Nothing | Needs:
    """What to send for a link now."""
    kind_map = scope.map_for(link)
    sides, pair = view_linked(tx, scope, kind_map, link)
    recreating = job.action == "recreate"
    if sides.crm is None or sides.crm.deleted:
        return Nothing()
    if link.books_id is None or recreating:
        if why := mapping.left_out(kind_map.crm_filter, sides.crm.values) or mapping.unmet(
            kind_map, sides.crm.values
        ):
            return Refusal(why, "skip", {"seen": _seen(sides)})
        return _checked(scope, _add(tx, scope, kind_map, link, sides, job))
    decision = rule_book.decide(pair, rule_book.Policy())
    wanted = {one.name for one in decision.of(FieldOutcome.TO_BOOKS)}
    rules = [rule for rule in kind_map.rules if rule_name(rule) in wanted]
    if needs := unresolved(rules, sides.crm_values):
        return Needs(tuple(Need(*one) for one in needs))
    made: Draft | Refusal | Needs | None = None
    if rules and link.books_kind == parts.KIND:
        made = _part(tx, scope, sides, link.books_id, tuple(rules), job)
    elif rules:
        made = _mod(kind_map, link, sides, job, rules)
    return Nothing(decision.of(FieldOutcome.TO_BOOKS)) if made is None else _checked(scope, made)


def _add(
    tx: Tx, scope: Scope, kind_map: KindMap, link: Link, sides: Sides, job: LinkJob
) -> Draft | Refusal | Needs:
    if link.books_kind == parts.KIND:
        return _part(tx, scope, sides, None, mapping.rules_to(kind_map, "books", creating=True), job)
    rules = mapping.rules_to(kind_map, "books", creating=True)
    document = _document(tx, scope, kind_map, sides) if kind_map.lines else None
    needs = [*unresolved(rules, sides.crm_values), *(document.unresolved if document else ())]
    if needs:
        return Needs(tuple(Need(*one) for one in needs))
    flat, problems = _converted(rules, sides)
    problems += document.problems if document else []
    if problems:
        return _refuse(problems, sides)
    try:
        complete = mapping.with_defaults(kind_map, flat, "books", scope.profile.settings)
        tree = mapping.books_tree(kind_map, complete, None)
        features.check_currency(tx, scope, kind_map, tree)
    except mapping.CannotConvert as problem:
        return _refuse([problem], sides)
    if kind_map.lines is not None and document is not None:
        tree[f"{kind_map.lines.books}Add"] = document.lines
    if _has_mark(scope, link.books_kind):
        tree["ExternalGUID"] = mark_of(link, recreating=job.action == "recreate")
    name = f"{link.books_kind}Add"
    sent = _sent(rules, sides) | ({"lines": sent_lines(document)} if document else {})
    return Draft(qbxml.Request(f"{name}Rq", {name: tree}, job.id), sent)


def _is_there_already(turn: Turn, link: Link | None) -> bool:
    """Looked at once more before a part is made: its whole may have been read since, and have it by now."""
    if link is None or link.books_kind != parts.KIND or link.books_id is not None:
        return False
    kind_map = turn.map_of(link)
    record = look(turn.tx, turn.scope, kind_map, link.crm_id, None).crm
    if record is None or links.was_unlinked(turn.tx, turn.scope.id, link.role, record.id, None):
        return False
    found = find_matches(turn.tx, turn.scope, kind_map, "crm", record, alike=False)
    if len(found.exact) != 1 or not found.unique_both_ways:
        return False
    turn.decide_link(turn.bind(kind_map, record.id, found.exact[0]))
    return True


def _part(
    tx: Tx, scope: Scope, sides: Sides, books_id: str | None, rules: tuple[Rule, ...], job: LinkJob
) -> Draft | Refusal | Needs:
    """A write of a contact is one of its customer, as that was seen last."""
    if needs := unresolved(rules, sides.crm_values):
        return Needs(tuple(Need(*one) for one in needs))
    flat, problems = _converted(rules, sides)
    if problems:
        return _refuse(problems, sides)
    reference = f"{parts.REFERENCE}/ListID"
    whole = str(flat.pop(reference, None) or sides.books_values.get(reference) or "")
    record = records.record(tx, scope.company.id, "books", parts.WHOLE, whole)
    if record is None or record.deleted:
        text = f"Its {parts.WHOLE} {whole} is not there in QuickBooks any more."
        return Refusal(text, "whole", {"seen": _seen(sides)})
    before = [str(one["ListID"]) for one in parts.parts_of(record.values)]
    sent = _sent(rules, sides) | {
        "before": before,
        "called": sides.crm.values.get("Name") if sides.crm else "",
    }
    return Draft(parts.request(record.values, books_id, flat, job.id), sent)


def _document(tx: Tx, scope: Scope, kind_map: KindMap, sides: Sides) -> "mapping.Document":
    """The lines of a document; none for what is no document."""

    def refer(role: str, crm_id: str) -> str | None:
        return partner_id(tx, scope, role, crm_id)

    values = sides.crm.values if sides.crm else {}
    return mapping.document_lines(kind_map, values, scope.profile.settings, refer)


def _has_mark(scope: Scope, books_kind: str) -> bool:
    """ExternalGUID came later to transactions than to lists (qbXML field tables)."""
    found = (one for one in qbxml.fields(f"{books_kind}Add") if one.path == "ExternalGUID")
    return any(_version(scope) >= _number(one.since or "0") for one in found)


def mark_of(link: Link, *, recreating: bool = False) -> str:
    """The ExternalGUID of what is made for a CRM record: by it we know our own creation when its answer was lost.

    Made of the record and not of the link, so that a database of ours that was restored from a backup, and makes the
    link once more, still knows what was made for it.
    """
    generation = link.generation + (1 if recreating else 0)
    of = (link.role, link.crm_kind, link.crm_id) if link.crm_id else (link.id,)
    return qbxml.external_guid(link.connection_id, *of, str(generation))


def _mod(
    kind_map: KindMap, link: Link, sides: Sides, job: LinkJob, rules: list[Rule]
) -> Draft | Refusal | None:
    flat, problems = _converted(tuple(rules), sides)
    if problems:
        return _refuse(problems, sides)
    books = sides.books.values if sides.books else {}
    tree = mapping.books_tree(kind_map, flat, books)
    if not tree:
        return None
    own = {id_field(link.books_kind): link.books_id}
    own["EditSequence"] = books.get("EditSequence") or link.edit_sequence
    name = f"{link.books_kind}Mod"
    return Draft(qbxml.Request(f"{name}Rq", {name: own | tree}, job.id), _sent(tuple(rules), sides))


def id_field(books_kind: str) -> str:
    """Lists are named by ListID, transactions by TxnID."""
    return "ListID" if any(one.path == "ListID" for one in qbxml.fields(f"{books_kind}Ret")) else "TxnID"


def _converted(rules: tuple[Rule, ...], sides: Sides) -> tuple[dict[str, Any], list[mapping.CannotConvert]]:
    flat: dict[str, Any] = {}
    problems = []
    for rule in rules:
        try:
            value = mapping.to_books(rule, sides.crm_values[rule.crm]).value
        except mapping.CannotConvert as problem:
            problems.append(problem)
            continue
        if value is not None:
            flat[rule.books] = value
    return flat, problems


def _sent(rules: tuple[Rule, ...], sides: Sides) -> dict[str, Any]:
    """What the write was made from: the CRM's half by rule, and everything seen, to notice later edits."""
    halves = {rule_name(rule): sides.crm_values[rule.crm] for rule in rules}
    return {"crm": halves, "seen": _seen(sides), "crm_version": sides.crm.version if sides.crm else ""}


def _seen(sides: Sides) -> dict[str, Any]:
    return {"crm": dict(sides.crm_values), "books": dict(sides.books_values)}


def _refuse(problems: list[mapping.CannotConvert], sides: Sides) -> Refusal:
    return Refusal(" ".join(str(one) for one in problems), problems[0].code, {"seen": _seen(sides)})


def _checked(scope: Scope, made: Draft | Refusal | Needs) -> Draft | Refusal | Needs:
    """Judge a draft by the schema of the company's own version, before QuickBooks' parser would."""
    if not isinstance(made, Draft):
        return made
    faults = qbxml.validate(made.request, scope.company.qbxml_version or DEFAULT_VERSION)
    if not faults:
        return made
    return Refusal(
        " ".join(fault.text for fault in faults), f"qbxml-{faults[0].rule}", {"seen": made.sent["seen"]}
    )


def _version(scope: Scope) -> tuple[int, ...]:
    return _number(scope.company.qbxml_version or DEFAULT_VERSION)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


__all__ = ["DEFAULT_VERSION", "Draft", "Offer", "Refusal", "draft", "id_field", "mark_of", "offer_writes"]
