"""The safeguards of the product: how each is taken out, the accidents that it is for, and the promises it keeps."""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

from crm.memory import MemoryGateway
from qbwc_server import mapping
from qbwc_server.soap import operations
from qbwc_server.soap.identity import Verdict
from qbwc_server.soap.operations import Sessions
from qbwc_server.store import jobs, visits
from qbwc_server.store.job_states import JobEvent, after
from qbwc_server.sync import crm_delivery, from_crm, to_books, to_crm, visit
from qbwc_server.sync.deciding import Desk, pair
from qbwc_server.sync.from_books import probing, settling
from qbwc_server.sync.posted import Posted
from qbwc_server.worker import tasks
from qbxml import external_guid
from tests.fire import mishaps
from tests.fire.plan import Draw

Off = AbstractContextManager[Any]
Switch = Callable[[], Sequence[Off]]


def _nothing() -> Sequence[Off]:
    return ()


@dataclass(frozen=True)
class Safeguard:
    """`off` takes it out: the product is then what a careless program would be.

    `bare` takes out what would cover for it, and stays out where the safeguard is in: so it is seen to be enough by
    itself. Lives of `life` sessions with these accidents break one of the promises `breaks` within so many sessions.
    """

    off: Switch
    accidents: Draw
    breaks: frozenset[str]
    bare: Switch = _nothing
    within: int = 20
    life: int = 2


def _off(target: Any, name: str, instead: Any) -> Off:
    return patch.object(target, name, instead)


# --- writes to QuickBooks ---

_numbers = count()


def _another_mark(*_: Any, **__: Any) -> str:
    return external_guid(str(next(_numbers)))


def no_marks() -> Sequence[Off]:
    """Nothing that was made is known again."""
    return [_off(one, "mark_of", _another_mark) for one in (to_books, settling, probing)]


def no_set_ids() -> Sequence[Off]:
    """Sets go out under no id, so QuickBooks keeps no answer."""
    offer = visit.offer_writes

    def offered(*given: Any) -> Any:
        made = offer(*given)
        return made and replace(made, text=re.sub(r' (new|old)MessageSetID="\w+"', "", made.text))

    return [_off(visit, "offer_writes", offered)]


def _send_again(tx: Any, _scopes: Any, message_set: Any, _code: Any, _run: Any, now: Any) -> None:
    """What is in doubt goes into the next set, as if it had never left."""
    for job in jobs.jobs_in(tx, message_set.job_ids):
        if job.state == "in_doubt" and job.set_id == message_set.set_id:
            state = after(job.state, JobEvent.REQUEUE)
            jobs.change_job(tx, job.id, now, state=state, set_id=None, due_at=now, visit_attempts=0)
    jobs.change_set(tx, message_set.company_id, message_set.set_id, state="settled")


def no_question() -> Sequence[Off]:
    def sent_again(seen: visit.Visit) -> None:
        for one in seen.sets("in_doubt"):
            _send_again(seen.tx, seen.scopes, one, None, 0, seen.now)

    return [_off(visit, "_ask", sent_again)]


def no_probe() -> Sequence[Off]:
    return [_off(visit, "leave_in_doubt", _send_again)]


def no_last_look() -> Sequence[Off]:
    """Before a creation leaves, nobody looks whether its mark was read by now."""
    return [_off(to_books, "_made_before", lambda desk, job: False)]


# --- answers ---


def settled_as_they_come() -> Sequence[Off]:
    """Whatever became of a job meanwhile, an answer settles it once more."""
    settle = visit.settle_set

    def settled(tx: Any, scopes: Any, message_set: Any, *rest: Any) -> Any:
        for job in jobs.jobs_in(tx, message_set.job_ids):
            jobs.change_job(tx, job.id, rest[-1], state="offered", set_id=message_set.set_id)
        return settle(tx, scopes, message_set, *rest)

    def taken_late(seen: visit.Visit, response: Posted) -> bool:
        return visit._take_write(seen, response) is not None

    return [_off(visit, "settle_set", settled), _off(visit, "take_late", taken_late)]


def any_answer() -> Sequence[Off]:
    """What arrives is the answer to what is out."""
    return [_off(visit, "is_answer_to", lambda *_: True)]


def answers_in_order() -> Sequence[Off]:
    """The first response is that to the first request, whatever requestID it bears."""
    settle = visit.settle_set

    def settled(tx: Any, scopes: Any, message_set: Any, posted: Posted, *rest: Any) -> Any:
        ids = iter(message_set.job_ids)
        text = re.sub(r'(?<=requestID=")[^"]*', lambda one: next(ids, one[0]), "".join(posted.texts()))
        return settle(tx, scopes, message_set, Posted.of(text), *rest)

    return [_off(visit, "settle_set", settled)]


# --- writes to the CRM ---


def no_keys() -> Sequence[Off]:
    """A CRM record is made under a key that nobody can know again."""

    def another(*_: Any) -> str:
        return f"key {next(_numbers)}"

    return [_off(one, "external_key", another) for one in (crm_delivery, to_crm)]


def no_first_look() -> Sequence[Off]:
    """A worker that begins does not read the CRM before it writes."""
    return [_off(tasks, "poll_due", lambda *_: False)]


def any_version() -> Sequence[Off]:
    """The change of a CRM record overwrites whatever is there by now."""
    update = MemoryGateway._update
    return [
        _off(MemoryGateway, "_update", lambda crm, kind, key, values, _: update(crm, kind, key, values, None))
    ]


def no_recovery() -> Sequence[Off]:
    return [_off(tasks, "requeue_interrupted", lambda *_: 0)]


# --- one at a time, and the right file ---


def no_lease() -> Sequence[Off]:
    return [_off(visits, "take_lease", lambda *_: True)]


def many_visits() -> Sequence[Off]:
    """Another PC's visit takes over, although writes are out."""
    return [_off(Sessions, "_in_use", lambda *_: False)]


def no_patience() -> Sequence[Off]:
    """A set without an answer is taken for one that QuickBooks is done with."""
    return [_off(probing, "STILL_UNDER_WAY", timedelta(0))]


def any_file() -> Sequence[Off]:
    return [_off(operations, "judge", lambda company, seen: Verdict("", seen))]


# --- what is a change ---


def one_base() -> Sequence[Off]:
    """Both sides are compared with the value that was sent."""
    views = pair.field_views
    return [
        _off(pair, "field_views", lambda kind_map, link, *rest: views(kind_map, _one_half(link), *rest)),
    ]


def _one_half(link: Any) -> Any:
    return replace(link, base_books=link.base_crm)


def exact_values() -> Sequence[Off]:
    """A value that was shortened means something else."""
    return [_off(mapping, "same", lambda rule, crm, books: crm == books)]


def all_is_new() -> Sequence[Off]:
    """What was read is a change, whether or not it holds anything new."""
    return [
        _off(from_crm, "_differs", lambda row, before: True),
        _off(Desk, "changed_since", lambda *_: True),
    ]


def echoes_by_flag() -> Sequence[Off]:
    """After a write of ours the next change that a poll brings is taken for its echo."""
    store, differs, read_kind = MemoryGateway._store, from_crm._differs, tasks._read_kind
    ours: set[str] = set()
    polling: list[bool] = []

    def stored(crm: Any, kind: str, id: str, *rest: Any, **how: Any) -> Any:  # noqa: A002
        if not how.get("by_user"):
            ours.add(id)
        return store(crm, kind, id, *rest, **how)

    def noticed(row: Any, before: Any) -> bool:
        echo = bool(polling) and row.id in ours
        if polling:
            ours.discard(row.id)
        return not echo and differs(row, before)

    def read(*given: Any) -> int:
        polling.append(True)
        try:
            return read_kind(*given)
        finally:
            polling.pop()

    return [
        _off(MemoryGateway, "_store", stored),
        _off(from_crm, "_differs", noticed),
        _off(tasks, "_read_kind", read),
    ]


TWICE = frozenset({"nothing_is_twice", "no_mark_is_twice"})
LOST = frozenset({"no_edit_is_lost", "pairs_agree"})

SAFEGUARDS: dict[str, Safeguard] = {
    "set ids": Safeguard(no_set_ids, mishaps.lost_calls, TWICE, no_marks),
    "ask-before-resend": Safeguard(no_question, mishaps.lost_calls, TWICE, no_marks),
    "probe": Safeguard(no_probe, mishaps.lost_answers, TWICE, no_last_look),
    "mark": Safeguard(no_marks, mishaps.lost_answers, TWICE),
    "settle idempotency, late answers": Safeguard(settled_as_they_come, mishaps.late_answers, LOST),
    "settle idempotency, the same answer twice": Safeguard(
        any_answer, mishaps.duplicates, frozenset({"no_internal_error"}), answers_in_order
    ),
    "external keys": Safeguard(
        no_keys, mishaps.dead_over_contacts, frozenset({"no_contact_is_twice"}), no_first_look
    ),
    "lease, one worker": Safeguard(
        no_lease, mishaps.two_workers, frozenset({"no_contact_is_twice"}), no_keys
    ),
    "lease, one visit of a company": Safeguard(many_visits, mishaps.two_pcs, TWICE, no_patience),
    "identity check, another file": Safeguard(
        any_file, mishaps.another_file, frozenset({"no_other_file_is_touched"})
    ),
    "identity check, a copied file": Safeguard(
        any_file, mishaps.a_copy, frozenset({"no_other_file_is_touched"})
    ),
    "two-half base": Safeguard(one_base, mishaps.beyond_quickbooks, LOST, exact_values),
    "echo by content, all is new": Safeguard(
        all_is_new, mishaps.old_news, frozenset({"rests", "comes_to_rest"})
    ),
    "echo by content, a flag": Safeguard(echoes_by_flag, mishaps.edits_after_writes, LOST),
    "version of a CRM record": Safeguard(any_version, mishaps.races, LOST),
    "dead worker": Safeguard(
        no_recovery, mishaps.dead, frozenset({"no_job_is_stuck", "no_status_waits_for_ever"})
    ),
}
