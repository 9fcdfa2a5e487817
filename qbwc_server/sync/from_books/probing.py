"""Creations whose stored answer is lost as well: QuickBooks is asked for what they would have made.

A creation goes out again, in a new set, only when it is proven that it was not made: what was modified since was read,
what bears its name, or its customer and day, was asked for by itself, nothing of it bears our mark, nothing looks like
it, and nothing like it was deleted meanwhile. Where that is not so a person decides. A question about the stored answer
comes first, in the same visit (`settling.leave_in_doubt`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import qbxml
from qbwc_server.store import history, jobs, links, records
from qbwc_server.store.database import Tx
from qbwc_server.store.job_states import JobEvent, after
from qbwc_server.store.rows import Company, LinkJob, MessageSet
from qbwc_server.sync.deciding import IN_DOUBT, MARK, Desk, Scope
from qbwc_server.sync.from_books import asking, settling
from qbwc_server.sync.from_books.reading import store_records
from qbwc_server.sync.from_books.state import ReadState
from qbwc_server.sync.from_books.storing import folded, id_name
from qbwc_server.sync.posted import Posted
from qbwc_server.sync.retrying import ABSENT, next_try
from qbwc_server.sync.to_books import mark_of
from qbxml import WallTime

# A set that nobody answered may still be on its way to QuickBooks, from a PC whose session we took for dead.
STILL_UNDER_WAY = timedelta(minutes=10)
# Of the PC's clock against ours: what was made that much before it was sent may still be it.
CLOCKS_DIFFER = timedelta(days=1)
AT_ONCE = 10  # creations that are asked about with one request

UNSURE: Final[Mapping[str, str]] = {
    "twin": "QuickBooks holds one that looks like it and has no mark of ours: {found}. If it is this one, link the "
    "two (qbwc-server link make); if it is another, qbwc-server job retry {job} --not-in-quickbooks",
    "deleted": "One that may be it was deleted in QuickBooks since it was sent: {found}. If it is to be made again: "
    "qbwc-server job retry {job} --not-in-quickbooks",
    "often": "It was sent {found} times and is not in QuickBooks. Look into QuickBooks why; then "
    "qbwc-server job retry {job} --not-in-quickbooks",
}


@dataclass(frozen=True)
class Doubt:
    """A creation to be proven: its job, when it left, and the object as it was sent (qbXML values of the Add)."""

    job: LinkJob
    offered_at: datetime
    sent: Mapping[str, Any]

    @property
    def query_id(self) -> str:
        return probe_ids([self.job.id])[0]

    @property
    def gone_id(self) -> str:
        return probe_ids([self.job.id])[1]


@dataclass(frozen=True)
class Proof:
    """What QuickBooks said: objects, with their own kinds' ids, and deletions; None where it did not say."""

    objects: tuple[Mapping[str, Any], ...] | None
    gone: tuple[Mapping[str, Any], ...] | None


@dataclass(frozen=True)
class Probed:
    """How many creations were found, sent back to the queue, and left to a person."""

    found: int = 0
    absent: int = 0
    unsure: int = 0


# --- which ---


def doubts(
    tx: Tx,
    sets: Sequence[MessageSet],
    reads: Sequence[ReadState],
    probed: Sequence[str],
    visit_started: datetime,
    now: datetime,
) -> list[Doubt]:
    """Creations that can be proven now, at most `AT_ONCE`, without those `probed` already.

    `sets` are in doubt, and this visit asked about them.

    What was read before the set left proves nothing, nor does a kind whose reading failed.
    """
    complete = {one.kind for one in reads if one.what == "read" and one.done and not one.error}
    found: list[Doubt] = []
    for one in sets:
        if one.offered_at >= visit_started or _under_way(one, now):
            continue
        waiting = [
            job
            for job in jobs.jobs_in(tx, one.job_ids)
            if job.id not in probed and _lacks_proof(job, one, complete)
        ]
        found += _of_set(one, waiting)
    return found[:AT_ONCE]


def _of_set(message_set: MessageSet, waiting: Sequence[LinkJob]) -> list[Doubt]:
    sent = settling.creations_in(message_set) if waiting else {}
    return [Doubt(job, message_set.offered_at, sent[job.id]) for job in waiting if job.id in sent]


def _proving(tx: Tx, job_ids: Sequence[str]) -> list[Doubt]:
    """Those that were asked about just now; what was settled meanwhile needs no proof any more."""
    open_ones = [one for one in jobs.jobs_in(tx, job_ids) if one.state == "in_doubt" and one.set_id]
    found: list[Doubt] = []
    for set_id in sorted({str(one.set_id) for one in open_ones}):
        mine = [one for one in open_ones if one.set_id == set_id]
        message_set = jobs.message_set(tx, mine[0].company_id, set_id)
        found += _of_set(message_set, mine) if message_set else []
    return found


def _under_way(message_set: MessageSet, now: datetime) -> bool:
    return message_set.answered_at is None and now < message_set.offered_at + STILL_UNDER_WAY


def _lacks_proof(job: LinkJob, message_set: MessageSet, complete: set[str]) -> bool:
    mine = job.state == "in_doubt" and job.set_id == message_set.set_id and job.action != "change"
    said = [f"{IN_DOUBT} {code}" for code in settling.NOTHING_STORED]
    return mine and job.error_code in said and job.kind in complete


# --- asking ---


def probe_ids(job_ids: Sequence[str]) -> list[str]:
    """The requestIDs of the two questions about each creation."""
    return [f"{name}-{one}" for one in job_ids for name in ("probe", "gone")]


def probe_requests(company: Company, waiting: Sequence[Doubt]) -> list[qbxml.Request]:
    """For each creation what may be it, and what of its kind was deleted since it left."""
    zone = ZoneInfo(company.timezone)
    return [request for one in waiting for request in (_query(one, zone), _gone(one, zone))]


def _query(doubt: Doubt, zone: ZoneInfo) -> qbxml.Request:
    kind = doubt.job.kind
    narrowed = _same_sale(doubt, zone) if asking.is_transaction(kind) else _same_name(doubt)
    return qbxml.Request(f"{kind}QueryRq", narrowed | asking.whole(kind), doubt.query_id)


def _same_name(doubt: Doubt) -> dict[str, Any]:
    return {"NameFilter": {"MatchCriterion": "StartsWith", "Name": doubt.sent["Name"]}}


def _same_sale(doubt: Doubt, zone: ZoneInfo) -> dict[str, Any]:
    """Of its day; of its customer, where it names one by id (a sales receipt need not)."""
    first, last = _days(doubt, zone)
    of_day = {"TxnDateRangeFilter": {"FromTxnDate": first, "ToTxnDate": last}}
    customer = _id_of(doubt.sent, "CustomerRef")
    return of_day | ({"EntityFilter": {"ListID": [customer]}} if customer else {})


def _days(doubt: Doubt, zone: ZoneInfo) -> tuple[date, date]:
    """The day that was sent; without one QuickBooks took that of its own clock."""
    day = doubt.sent.get("TxnDate")
    if isinstance(day, date):
        return day, day
    left = doubt.offered_at.astimezone(zone).date()
    return left - CLOCKS_DIFFER, left + CLOCKS_DIFFER


def _gone(doubt: Doubt, zone: ZoneInfo) -> qbxml.Request:
    family = asking.family(doubt.job.kind)
    values = {
        f"{family}DelType": [doubt.job.kind],
        "DeletedDateRangeFilter": {"FromDeletedDate": WallTime.parse(_since(doubt, zone))},
    }
    return qbxml.Request(f"{family}DeletedQueryRq", values, doubt.gone_id)


def _since(doubt: Doubt, zone: ZoneInfo) -> str:
    return WallTime.from_utc(doubt.offered_at - CLOCKS_DIFFER, zone).text()


# --- judging ---


def take_probe(
    tx: Tx,
    scopes: Mapping[str, Scope],
    company: Company,
    proving: Sequence[str],
    posted: Posted,
    run_number: int,
    now: datetime,
) -> Probed:
    """Settle what was made, send back what surely was not, leave the rest to a person, each with its reason kept.

    `proving` are the jobs that were asked about. Raises qbxml.UnreadableAnswer; then nothing is proven.
    """
    answer = qbxml.read(posted.open(), encoding="utf-8")
    counts = {"found": 0, "absent": 0, "unsure": 0}
    for doubt in _proving(tx, proving):
        desk = Desk(tx, scopes[doubt.job.connection_id], run_number, now)
        proof = Proof(_rets(answer, doubt.query_id), _rets(answer, doubt.gone_id))
        verdict = _settle(desk, doubt, proof)
        if verdict:
            counts[verdict] += 1
    settling.close_sets(tx, company.id)
    return Probed(**counts)


def _rets(answer: qbxml.Answer, request_id: str) -> tuple[Mapping[str, Any], ...] | None:
    """An empty answer is an answer; an error, or none, is not."""
    response = answer.by_request_id(request_id)
    if response is None or response.status.code > 1:
        return None
    return tuple(one.values for one in response.rets)


def _settle(desk: Desk, doubt: Doubt, proof: Proof) -> str:
    if proof.objects is None or proof.gone is None:
        return ""  # the next visit asks again
    kind, company = doubt.job.kind, desk.scope.company
    store_records(desk.tx, company, list(settling.all_scopes(desk)), kind, proof.objects, desk.now)
    if settling.settle_marked(desk, doubt.job):
        return "found"
    zone = ZoneInfo(company.timezone)
    reason, found = _why_unsure(desk, doubt, proof, zone)
    if reason:
        return _leave(desk, doubt, reason, found)
    return _send_again(desk, doubt)


def _why_unsure(desk: Desk, doubt: Doubt, proof: Proof, zone: ZoneInfo) -> tuple[str, str]:
    since = _since(doubt, zone)
    twins = [one for one in proof.objects or () if _stamp(one) >= since and _is_twin(doubt, one)]
    if twins := twins or _unmarked(desk, doubt, since):
        return "twin", _named(doubt, twins)
    gone = [one for one in _unknown(desk, doubt, proof.gone or ()) if _may_be(doubt, one, since)]
    if gone:
        return "deleted", _named(doubt, gone)
    often = next_try(ABSENT, doubt.job.failures + 1, desk.now, doubt.job.id) is None
    return ("often", str(doubt.job.failures + 1)) if often else ("", "")


def _unmarked(desk: Desk, doubt: Doubt, since: str) -> list[Mapping[str, Any]]:
    """Where a sale could not bear our mark (ExternalGUID: qbXML field tables), each one that nobody knows may be it.

    Somebody may have corrected its day or its lines by now; it was read, for its kind was read since it was sent.
    """
    kind, company_id = doubt.job.kind, desk.scope.company.id
    if "ExternalGUID" in doubt.sent or not asking.is_transaction(kind):
        return []
    ids = records.holders(desk.tx, company_id, "books", kind, "customer", _id_of(doubt.sent, "CustomerRef"))
    link = links.link(desk.tx, desk.scope.id, doubt.job.link_id)
    role = link.role if link else ""
    return [
        row.values
        for row in records.known(desk.tx, company_id, "books", kind, ids).values()
        if not row.deleted
        and _stamp(row.values) >= since
        and links.partner_of_books(desk.tx, desk.scope.id, role, row.id) is None
    ]


def _unknown(desk: Desk, doubt: Doubt, gone: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What was read before it was deleted bore no mark of ours, or we would have found it."""
    field, company_id = id_name(doubt.job.kind), desk.scope.company.id
    known = records.known(desk.tx, company_id, "books", doubt.job.kind, [str(one[field]) for one in gone])
    return [one for one in gone if str(one[field]) not in known]


def _stamp(values: Mapping[str, Any]) -> str:
    made = values.get("TimeCreated")
    return made.text() if isinstance(made, WallTime) else str(made or "")


def _is_twin(doubt: Doubt, values: Mapping[str, Any]) -> bool:
    """The same to a bookkeeper's eye, and no mark tells whose it is. Another's mark tells that it is not ours."""
    if values.get("ExternalGUID"):
        return False
    if not asking.is_transaction(doubt.job.kind):
        return folded(values.get("Name", "")) == folded(doubt.sent["Name"]) and _id_of(
            values, "ParentRef"
        ) == _id_of(doubt.sent, "ParentRef")
    return sorted(_lines(values, "LineRet")) == sorted(_lines(doubt.sent, "LineAdd"))


def _id_of(values: Mapping[str, Any], name: str) -> str:
    return str((values.get(name) or {}).get("ListID", ""))


def _lines(values: Mapping[str, Any], ending: str) -> Iterator[tuple[str, Decimal]]:
    """(item, quantity) of each line: what QuickBooks does not compute."""
    for name, lines in values.items():
        if name.endswith(ending) and isinstance(lines, list):
            for line in lines:
                yield _id_of(line, "ItemRef"), Decimal(str(line.get("Quantity", 0)))


def _may_be(doubt: Doubt, gone: Mapping[str, Any], since: str) -> bool:
    """A deletion tells the name of a list element, of a transaction hardly more than when it was made."""
    if asking.is_transaction(doubt.job.kind):
        return _stamp(gone) >= since
    last = str(gone.get("FullName", "")).rsplit(":", 1)[-1]
    return _stamp(gone) >= since and folded(last) == folded(doubt.sent["Name"])


def _named(doubt: Doubt, found: Sequence[Mapping[str, Any]]) -> str:
    field = id_name(doubt.job.kind)
    return ", ".join(
        f"{one.get('RefNumber') or one.get('FullName') or one.get('Name') or ''} ({one.get(field)})".strip()
        for one in found
    )


def _leave(desk: Desk, doubt: Doubt, reason: str, found: str) -> str:
    step = UNSURE[reason].format(found=found, job=doubt.job.id)
    if doubt.job.next_step != step:
        jobs.change_job(desk.tx, doubt.job.id, desk.now, next_step=step)
        _explain(desk, doubt, "cannot be proven", step)
        desk.refresh_status(doubt.job.link_id)
    return "unsure"


def _send_again(desk: Desk, doubt: Doubt) -> str:
    job = doubt.job
    state = after(job.state, JobEvent.REQUEUE)
    clean = {"error": "", "error_code": "", "next_step": "", "set_id": None, "failures": job.failures + 1}
    jobs.change_job(desk.tx, job.id, desk.now, state=state, due_at=desk.now, visit_attempts=0, **clean)
    _explain(desk, doubt, "was not made", "QuickBooks has no answer stored, and holds nothing of it.")
    if not settling.keep_wish(desk, job.id):
        desk.refresh_status(job.link_id)
    return "absent"


def _explain(desk: Desk, doubt: Doubt, verdict: str, why: str) -> None:
    link = links.link(desk.tx, desk.scope.id, doubt.job.link_id)
    told = {"record": link.label if link else "", "mark": mark_of(link) if link else "", "key": MARK}
    history.note_action(desk.tx, desk.now, "QuickBooks", verdict, doubt.job.id, text=why, **told)
