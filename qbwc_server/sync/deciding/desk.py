"""Link jobs and the status that people see: made, woken up, cancelled and explained in one place."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from qbwc_server import mapping
from qbwc_server.mapping import KindMap
from qbwc_server.store import history, jobs, links, records
from qbwc_server.store.database import Tx
from qbwc_server.store.job_states import JobEvent, JobState, after
from qbwc_server.store.rows import Link, LinkJob, new_id
from qbwc_server.sync.decide import Decision, FieldOutcome, Outcome, RunSize, Side, beyond_limits
from qbwc_server.sync.deciding import merged, within
from qbwc_server.sync.deciding.documents import (
    APPLIED,
    DIFFERENT_TOTAL,
    LINES,
    ONE_DOCUMENT,
    asks_for_another,
    different_total,
    how_it_ended,
    lacks_partner,
    lines_to_mark,
)
from qbwc_server.sync.deciding.matching import PARENT, is_bound
from qbwc_server.sync.deciding.pair import look
from qbwc_server.sync.deciding.scope import Scope
from qbwc_server.sync.deciding.wording import called, sentence

log = structlog.get_logger(__name__)

RUN = timedelta(hours=1)
PRIORITY = {"books": 50, "crm": 50}
SET_LIMIT = 25
SIDES: tuple[Side, Side] = ("books", "crm")
ON_THE_WAY = ("offered", "in_doubt")
# The code of a job without a usable answer; what QuickBooks said when it was asked follows it.
IN_DOUBT = "in-doubt"
# Why a record without a partner goes nowhere: the outcome of its decision, kept as the link's error code.
WAITS_TO_BE_CORRECTED = ("ask", "suggest", "skip")
WAITS_FOR_PERSON = (*WAITS_TO_BE_CORRECTED, "forgotten")
# The status in the CRM of what waits to be made.
QUEUED = "Queued"
# The code of a link whose partner nobody wanted any more before it was made.
WITHDRAWN = "withdrawn"
# The next step of a job that is blocked.
BLOCKED = "blocked"  # the error code of a job that is, also while it looks once more for what it needs
MADE_ONCE = "It is made again only after the two are taken apart (link unlink)."
# The code of a pair of which QuickBooks says more than the CRM can hold.
WITHOUT_PLACE = "without-place"
STUCK = ("refused", "needs_person", "blocked")
GOES_ON = "It goes on by itself as soon as that is solved."


class Desk:
    """The jobs and statuses of one connection's links, within one open transaction."""

    def __init__(self, tx: Tx, scope: Scope, run_number: int, now: datetime) -> None:
        self.tx, self.scope, self.run_number, self.now = tx, scope, run_number, now

    def map_of(self, link: Link) -> KindMap:
        return self.scope.map_for(link)

    def cancel_open(self, link: Link, side: Side) -> None:
        job = jobs.open_job(self.tx, self.scope.id, link.id, side)
        if job is not None and job.state not in ON_THE_WAY:
            state = after(job.state, JobEvent.CANCEL)
            jobs.change_job(self.tx, job.id, self.now, state=state, ended_at=self.now)

    def ensure_job(
        self, link: Link, side: Side, action: str, ask: str = "", *, again: bool = False, cents: int = 0
    ) -> bool:
        """Make sure one open job exists for this side; True when something new is to be done.

        With `ask`, a sentence, a new job is only proposed until a person approves it.

        A refused job goes back to the queue when its record changed since: correcting the record is the
        usual answer to a refusal. So it does when a person promoted the record `again`: the cause may be gone
        elsewhere. A job that is on its way is left alone; it is decided again afterwards.
        """
        job = jobs.open_job(self.tx, self.scope.id, link.id, side)
        if job is None:
            jobs.add_job(self.tx, self._new_job(link, side, action, ask, cents))
            return True
        if job.state == JobState.REFUSED and (again or self.changed_since(link, job)):
            values = {
                "state": after(job.state, JobEvent.RETRY),
                "due_at": self.now,
                "error": "",
                "error_code": "",
            }
            jobs.change_job(self.tx, job.id, self.now, next_step="", **values)
            return True
        if job.state in (JobState.WAITING, JobState.BLOCKED) and self.changed_since(link, job):
            # It may need something else by now; when its turn comes, it looks.
            released = {"state": after(job.state, JobEvent.RELEASE), "due_at": self.now}
            jobs.change_job(self.tx, job.id, self.now, **released)
        return False

    def changed_since(self, link: Link, job: LinkJob) -> bool:
        """Whether the side that a job writes from holds other values than those it was made from."""
        sides = look(self.tx, self.scope, self.map_of(link), link.crm_id, link.books_id)
        seen = job.sent or {}
        now_seen = {"crm": dict(sides.crm_values), "books": dict(sides.books_values)}
        source: Side = "crm" if job.side == "books" else "books"
        return bool(seen.get("seen", {}).get(source) != now_seen[source])

    def ensure_change(self, link: Link, side: Side, *, again: bool = False) -> bool:
        """One open job for a change; one that ends a document in the CRM is only proposed when there are too many."""
        if side == "books" or not self._has_ended(link):
            return self.ensure_job(link, side, "change", again=again)
        ended = jobs.count_made_since(self.tx, self.scope.id, link.crm_kind, self.now - RUN, action="end")
        return self.ensure_job(link, side, "end", self.beyond(RunSize(voids=ended + 1)), again=again)

    def beyond(self, size: RunSize) -> str:
        """Why what would make a run that large must wait for a person; "" when it need not.

        A run is counted as the last hour: the pages of a visit and the worker's turns between them are one run.
        """
        why = beyond_limits(size, self.scope.profile.limits)
        return f"{sentence(why)} Approve it (job approve), or cancel it." if why else ""

    def _has_ended(self, link: Link) -> bool:
        """Whether the CRM's record mirrors a document that was voided or deleted in QuickBooks."""
        kind_map = self.map_of(link)
        if not kind_map.gone or link.books_id is None:
            return False
        books = look(self.tx, self.scope, kind_map, None, link.books_id).books
        return books is not None and bool(how_it_ended(books))

    def _new_job(self, link: Link, side: Side, action: str, ask: str, cents: int) -> LinkJob:
        return LinkJob(
            connection_id=self.scope.id,
            id=new_id("job"),
            company_id=self.scope.company.id,
            link_id=link.id,
            side=side,
            kind=link.books_kind if side == "books" else link.crm_kind,
            action=action,
            state=JobState.PROPOSED if ask else JobState.QUEUED,
            priority=PRIORITY[side],
            attempts=0,
            visit_attempts=0,
            failures=0,
            due_at=self.now,
            set_id=None,
            set_limit=SET_LIMIT,
            sent=None,
            wish="",
            error=ask,
            error_code="approval" if ask else "",
            next_step="",
            run_number=self.run_number,
            created_at=self.now,
            changed_at=self.now,
            ended_at=None,
            cents=cents,
        )

    def refresh_status(self, link_id: str) -> None:
        """Bring the link's status in line with its jobs and conflicts, and queue its write-back if that differs."""
        link = links.link(self.tx, self.scope.id, link_id)
        if link is None or not self.scope.knows(link):
            return
        if link.unlinked_at is not None:
            self.tell_waiting(link, f"{link.label} was unlinked.")
            return
        status, error, code = self._status(link)
        if (status, error, code) != (link.status, link.error, link.error_code):
            values = {"status": status, "error": error, "error_code": code}
            links.change_link(self.tx, self.scope.id, link_id, self.now, **values)
            link = replace(link, status=status, error=error, error_code=code)
        if link.crm_id is not None and self.status_writes(link):
            self.ensure_change(link, "crm")
        self.tell_waiting(link, error if status == "Error" and not is_bound(link) else "")

    def is_bound_now(self, link: Link, *, found: bool = False) -> None:
        """What follows for other records when a link got its second half, which was `found` or made."""
        self.answered(link.role, link.crm_id, link.books_id)
        self._wake_documents(link)
        self._wake_children(link, made=not found)

    def answered(self, role: str, crm_id: str | None, books_id: str | None) -> None:
        """It is known whose partner they are. Others that might have been are decided without them."""
        asked = links.drop_suggestions(self.tx, self.scope.id, role, crm_id, books_id)
        for one in self.scope.maps_in(role) if asked else ():
            self.decide_again("crm", one.crm_kind, {ours for ours, _ in asked} - {crm_id})
            self.decide_again("books", one.books_kind, {theirs for _, theirs in asked} - {books_id})

    def _wake_children(self, link: Link, *, made: bool) -> None:
        """What stands below the two is found below the two, or refers to them: it is decided again.

        Below a record that was just made stands nothing that could be found; what waits for it hears of it anyway.
        """
        for side, kind, parent in (
            ("crm", link.crm_kind, link.crm_id),
            ("books", link.books_kind, link.books_id),
        ):
            below = (
                records.holders(self.tx, self.scope.scope_id(side), side, kind, PARENT, parent)
                if parent
                else []
            )
            if below and made:
                below = links.bound_among(self.tx, self.scope.id, link.role, side, below)
            self.decide_again(side, kind, below)

    def decide_again(self, side: str, kind: str, ids: Collection[str]) -> None:
        if ids:
            records.mark_undecided(self.tx, self.scope.id, side, kind, sorted(ids), self.now)

    def _wake_documents(self, link: Link) -> None:
        """Documents of the books that were left alone because nobody here knew whom they concern: now we do."""
        for kind_map in self.scope.profile.kinds:
            needing = [one for one in kind_map.rules if one.required and one.goes_to("crm")]
            if link.books_id and any(one.refers_to == link.role for one in needing):
                company, kind = self.scope.company.id, kind_map.books_kind
                ids = records.holders(self.tx, company, "books", kind, link.role, link.books_id)
                records.mark_undecided(self.tx, self.scope.id, "books", kind, ids, self.now)
            mirrors = [one for one in kind_map.rules if one.refers_to == link.role and one.books == "TxnID"]
            if link.books_id and mirrors:
                records.mark_undecided(
                    self.tx, self.scope.id, "books", link.books_kind, [link.books_id], self.now
                )
            if link.books_id and (parts := within.parts_in_crm(self.tx, self.scope, kind_map, link)):
                records.mark_undecided(self.tx, self.scope.id, "crm", kind_map.crm_kind, parts, self.now)
            applied = [
                one for one in kind_map.rules if one.refers_to == link.role and one.books.endswith("()")
            ]
            if link.books_id and applied:
                company, kind = self.scope.company.id, kind_map.books_kind
                self.decide_again(
                    "books", kind, records.holders(self.tx, company, "books", kind, APPLIED, link.books_id)
                )

    def tell_waiting(self, link: Link, cause: str) -> None:
        """Jobs that need a partner of either record hear why it will not come by itself.

        Else they get their turn again, and look for themselves whether all is there.
        """
        for job in jobs.waiting_for(self.tx, self.scope.id, link.role, link.crm_id, link.books_id):
            solved = not cause and (is_bound(link) or job.state == JobState.BLOCKED)
            if not solved and (not cause or job.state == JobState.BLOCKED):
                continue
            text = f"Its {link.role} {link.label} cannot go on: {cause}"
            values: dict[str, Any] = {"error": text, "error_code": BLOCKED, "next_step": GOES_ON}
            if solved:
                values = {"error": "", "error_code": "", "next_step": "", "due_at": self.now}
            state = after(job.state, JobEvent.RELEASE if solved else JobEvent.BLOCK)
            jobs.change_job(self.tx, job.id, self.now, state=state, **values)
            self.refresh_status(job.link_id)

    def _status(self, link: Link) -> tuple[str, str, str]:
        if link.error_code in WAITS_FOR_PERSON and not is_bound(link):
            return self._of_whole(link) or ("Error", link.error, link.error_code)
        for side in ("books", "crm"):
            job = jobs.open_job(self.tx, self.scope.id, link.id, side)
            if job is not None and (job.state in STUCK or job.error_code == BLOCKED or _in_vain(job)):
                return "Error", " ".join(part for part in (job.error, job.next_step) if part), job.error_code
            if job is not None and job.state == "proposed":
                whole = "Error" if job.action == "recreate" else "Success"
                return (whole if is_bound(link) else QUEUED), job.error, job.error_code
        clashes = links.open_conflicts(self.tx, self.scope.id, link.id)
        if waiting := [name for name, row in clashes.items() if row["taken"] is None]:
            return "Error", _conflict_text(waiting), "conflict"
        if is_bound(link) and (
            said := self._of_document(link) or self._of_lost(link) or self._of_parts(link)
        ):
            return said
        return ("Success" if is_bound(link) else QUEUED), "", ""

    def _of_document(self, link: Link) -> tuple[str, str, str] | None:
        """What the two records of a document say of each other now, whoever changed last; None for what agrees."""
        kind_map = self.map_of(link)
        if kind_map.is_copy and link.books_id:
            return self._of_copy(kind_map, link.books_id)
        if kind_map.total is None:
            return None
        sides = look(self.tx, self.scope, kind_map, link.crm_id, link.books_id)
        if sides.crm is None or sides.books is None:
            return None
        if ended := how_it_ended(sides.books):
            return "Error", f"Its {called(link.books_kind)} was {ended} in QuickBooks. {MADE_ONCE}", ended
        if text := asks_for_another(self.scope, kind_map, sides.crm, sides.books):
            return "Success", text, ONE_DOCUMENT
        text = different_total(kind_map, link, sides.crm.values, sides.books.values)
        return ("Success", text, DIFFERENT_TOTAL) if text else None

    def _of_lost(self, link: Link) -> tuple[str, str, str] | None:
        """A pair that lost its half in QuickBooks, or to a merge, tells it; a document does so by itself."""
        kind_map = self.map_of(link)
        if kind_map.total is not None or kind_map.is_copy or kind_map.part_of is not None:
            return None
        lost = self.lost_half(link)
        if lost is None or lost == ("crm", ""):
            return None
        return "Error", *merged.told(self.tx, self.scope, link, *lost)

    def lost_half(self, link: Link) -> tuple[Side, str] | None:
        """The side on which one of a pair is gone, and the id of the record that it was merged into, if it was."""
        sides = look(self.tx, self.scope, self.map_of(link), link.crm_id, link.books_id)
        gone = [one for one in SIDES if (half := getattr(sides, one)) is not None and half.deleted]
        if len(gone) != 1:
            return None
        side = gone[0]
        return side, merged.last_survivor(self.tx, self.scope, link, side, getattr(sides, side))

    def _of_whole(self, link: Link) -> tuple[str, str, str] | None:
        """Who promotes the primary contact of a linked account has what was asked for."""
        kind_map = self.map_of(link)
        record = look(self.tx, self.scope, kind_map, link.crm_id, None).crm if kind_map.part_of else None
        whole = within.stands_on(self.tx, self.scope, kind_map, record) if record else None
        if whole is None or not is_bound(whole):
            return None
        text = f"It stands on the {called(whole.books_kind)} {whole.label} itself."
        return "Success", text, link.error_code

    def _of_parts(self, link: Link) -> tuple[str, str, str] | None:
        """A customer with somebody's e-mail and nobody's name has no contact in the CRM: said, never silent."""
        kind_map = self.map_of(link)
        if not kind_map.contributors:
            return None
        sides = look(self.tx, self.scope, kind_map, link.crm_id, link.books_id)
        there = sides.crm and not sides.crm.deleted and sides.books and not sides.books.deleted
        text = within.without_place(kind_map, sides) if there else ""
        return ("Success", text, WITHOUT_PLACE) if text else None

    def _of_copy(self, kind_map: KindMap, books_id: str) -> tuple[str, str, str] | None:
        """A copy whose document belongs to somebody whom the CRM does not have, stands at nobody's record."""
        record = records.record(self.tx, self.scope.company.id, "books", kind_map.books_kind, books_id)
        why = lacks_partner(self.tx, self.scope, kind_map, record) if record and not record.deleted else ""
        return (
            ("Error", f"{sentence(why)} Link that record, or create it (link create).", "partner")
            if why
            else None
        )

    def status_writes(self, link: Link) -> dict[str, Any]:
        """The CRM's status fields that differ from what the link says, in CRM field names."""
        kind_map = self.map_of(link)
        crm = look(self.tx, self.scope, kind_map, link.crm_id, None).crm
        if crm is None or crm.deleted:
            return {}
        names = kind_map.status
        wanted = {
            names.link_status: link.status,
            names.error: self.fitting(link, names.error, link.error),
            names.books_id: link.books_id,
        }
        if not is_bound(link):
            wanted.pop(names.books_id)
        differing: dict[str, Any] = {
            name: value
            for name, value in wanted.items()
            if name and mapping.normal(crm.values.get(name)) != mapping.normal(value)
        }
        differing |= self._of_gone(link, kind_map, crm.values)
        marks = lines_to_mark(kind_map, link, crm.values)
        return differing | ({LINES: marks} if marks else {})

    def _of_gone(self, link: Link, kind_map: KindMap, values: Mapping[str, Any]) -> dict[str, Any]:
        """What the CRM's record of something that was deleted in QuickBooks does not show yet."""
        if not kind_map.gone or link.books_id is None:
            return {}
        books = look(self.tx, self.scope, kind_map, None, link.books_id).books
        if books is None or not books.deleted:
            return {}
        wanted = mapping.gone_values(kind_map)
        return {name: value for name, value in wanted.items() if mapping.normal(values.get(name)) != value}

    def fitting(self, link: Link, name: str | None, text: str) -> str | None:
        """A text as the CRM's field can hold it: refused for its length, it would tell nobody anything."""
        most = self.scope.crm_length(link.crm_kind, name) if name else 0
        return (text[: most - 1].rstrip() + "…" if 0 < most < len(text) else text) or None

    def note_failure(self, record_id: str, failure: Exception) -> None:
        """A record that could not be decided at all: kept as a decision, so that it is seen and not silent."""
        log.error("decide.failed", record=record_id, exc_info=failure)
        reason = (
            f"An internal error kept this record from being decided: {type(failure).__name__}. See the log."
        )
        history.count_in_run(self.tx, self.run_number, {"not decided": 1}, 1)
        self.explain("", record_id, Decision(Outcome.SKIP, reason), "failed")

    def explain(self, link_id: str, record_id: str, decision: Decision, outcome: str = "") -> None:
        """Keep the reason of a decision that changed something."""
        row: dict[str, Any] = {"connection_id": self.scope.id, "link_id": link_id, "record_id": record_id}
        row |= {
            "run_number": self.run_number,
            "made_at": self.now,
            "outcome": outcome or str(decision.outcome),
        }
        history.keep_decision(self.tx, row | {"reason": decision.reason, "fields": explained(decision)})


def _in_vain(job: LinkJob) -> bool:
    """In doubt, and asking QuickBooks did not help: now somebody has to look."""
    return job.state == "in_doubt" and job.error_code != IN_DOUBT


def explained(decision: Decision) -> list[dict[str, Any]]:
    """The fields of a decision about which there is something to say, as they are kept."""
    return [
        {"field": one.name, "outcome": str(one.outcome), "reason": one.reason}
        | {"crm": one.crm_value, "books": one.books_value}
        for one in decision.fields
        if one.outcome not in (FieldOutcome.NOTHING, FieldOutcome.AGREED)
    ]


def _conflict_text(names: Sequence[str]) -> str:
    fields = ", ".join(name.split(" > ")[0] for name in sorted(names))
    return f"CRM and QuickBooks were both changed: {fields}. Choose a side for each (conflict resolve)."
