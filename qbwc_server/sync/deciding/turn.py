"""Brings every record that still waits before `decide`, and writes down what follows: links, jobs, conflicts.

The order per record: find its link or its match, view both sides through the mapping, decide, then keep the
consequence and its reason in the same transaction. Nothing is sent from here.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from qbwc_server import mapping
from qbwc_server.mapping import KindMap
from qbwc_server.store import history, jobs, links, records
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Link, StoredRecord
from qbwc_server.sync import decide as rule_book
from qbwc_server.sync.decide import (
    NAMES,
    Decision,
    FieldOutcome,
    Matches,
    Outcome,
    Pair,
    Policy,
    Presence,
    Side,
)
from qbwc_server.sync.deciding import merged, within
from qbwc_server.sync.deciding.desk import (
    ON_THE_WAY,
    QUEUED,
    RUN,
    SIDES,
    WAITS_FOR_PERSON,
    WAITS_TO_BE_CORRECTED,
    WITHDRAWN,
    explained,
)
from qbwc_server.sync.deciding.documents import cents, lacks_partner, other_document, too_old
from qbwc_server.sync.deciding.matching import (
    find_matches,
    is_bound,
    kind_on,
    link_of,
    name_of,
    parent_of,
)
from qbwc_server.sync.deciding.pair import presence, view_linked
from qbwc_server.sync.deciding.pairing import Pairing
from qbwc_server.sync.deciding.scope import Scope
from qbwc_server.sync.deciding.wording import asks, sentence


class Turn(Pairing):
    """One record's turn, in one open transaction."""

    def __init__(self, tx: Tx, scope: Scope, run_number: int, now: datetime) -> None:
        super().__init__(tx, scope, run_number, now)
        # (role, CRM id) of records that another one needs first.
        self.needed: set[tuple[str, str]] = set()
        # Ids of records whose turn came first because another stands below them.
        self.above: set[str] = set()

    def decide_record(self, side: Side, kind: str, record_id: str) -> None:
        for link in links.links_of_contributor(self.tx, self.scope.id, kind, record_id):
            self._decide_main(link)
        record = records.record(self.tx, self.scope.scope_id(side), side, kind, record_id)
        by_role: dict[str, list[KindMap]] = {}
        for kind_map in self.scope.maps_of(side, kind):
            by_role.setdefault(kind_map.role, []).append(kind_map)
        # What it no longer is comes first: only then may it become something else.
        for maps in sorted(by_role.values(), key=lambda maps: side == "crm" and _fits(maps, record)):
            self._decide_in_role(maps, side, record_id, record)

    def _decide_in_role(
        self, maps: list[KindMap], side: Side, record_id: str, record: StoredRecord | None
    ) -> None:
        """In a role a record has one partner at most, whichever of the role's maps it belongs to."""
        known = link_of(self.tx, self.scope, maps[0], side, record_id)
        if known is not None and (is_bound(known) or self._on_its_way(known)):
            self.decide_link(known)
            return
        if record is None:
            return
        kind_map = self.map_of_record(maps, side, record)
        if side == "crm" and known is None and self._meant_for_another(maps, record):
            return
        if self._parent_first(kind_map, side, record):
            known = link_of(self.tx, self.scope, kind_map, side, record_id)
        if side == "crm" and known is None and (why := other_document(self.tx, self.scope, kind_map, record)):
            if history.last_reason(self.tx, self.scope.id, record.id) != why:
                self.explain("", record.id, Decision(Outcome.SKIP, why))
            return
        if known is not None and known.books_kind != kind_map.books_kind and not known.books_id:
            # What it was to become changed before it was made; whoever waits for it waits for this link.
            self.cancel_open(known, "books")
            links.change_link(self.tx, self.scope.id, known.id, self.now, books_kind=kind_map.books_kind)
            known = replace(known, books_kind=kind_map.books_kind)
        self._decide_unlinked(kind_map, side, record, known)

    def _meant_for_another(self, maps: list[KindMap], record: StoredRecord) -> bool:
        """A contact without an account is no contact of a customer: promoted or not, it has no place there."""
        others = [one for one in self.scope.maps_of("crm", maps[0].crm_kind) if one.role != maps[0].role]
        return not _fits(maps, record) and _fits(others, record)

    def decide_needed(self, kind_map: KindMap, side: Side, record: StoredRecord) -> None:
        """Decide a record that has no partner because another one needs it."""
        self._parent_first(kind_map, side, record)
        known = link_of(self.tx, self.scope, kind_map, side, record.id)
        self._decide_unlinked(kind_map, side, record, known)

    def why_left_alone(self, kind_map: KindMap, side: Side, record: StoredRecord) -> str:
        """Why no partner is made for a record, as the decision about it says."""
        return rule_book.decide(self._view_unlinked(kind_map, side, record), self._policy(kind_map)).reason

    def map_of_record(self, maps: list[KindMap], side: Side, record: StoredRecord) -> KindMap:
        """The map whose filter lets the record through; the first where none does, which then says why."""
        if side == "books":
            return maps[0]
        fitting = (one for one in maps if mapping.left_out(one.crm_filter, record.values) is None)
        return next(fitting, maps[0])

    def _decide_main(self, link: Link) -> None:
        """A contributor moved: the record that it belongs to is decided as if it had moved itself."""
        if is_bound(link) or link.crm_id is None:
            self.decide_link(link)
        else:
            self.decide_record("crm", link.crm_kind, link.crm_id)

    def _on_its_way(self, link: Link) -> bool:
        """A half link whose missing side is being created, so nothing is to be matched any more."""
        side = "books" if link.books_id is None else "crm"
        job = jobs.open_job(self.tx, self.scope.id, link.id, side)
        return job is not None and job.state in ON_THE_WAY

    # --- a pair that is linked ---

    def decide_link(self, link: Link) -> Decision:
        if not self.scope.knows(link):
            return Decision(Outcome.NOTHING, "its kind is switched off")
        kind_map = self.map_of(link)
        self.follow_contributors(kind_map, link)
        link = self.hear_echo(kind_map, link)
        sides, pair = view_linked(self.tx, self.scope, kind_map, link)
        decision = rule_book.decide(pair, self._policy(kind_map))
        link = self.move_base(link, decision.of(FieldOutcome.AGREED))
        self._keep_conflicts(link, decision)
        link = self.keep_label(link, sides)
        self._carry_out_linked(link, decision, again=_pressed(kind_map, sides.crm))
        self._explain_fields(link, decision)
        self.refresh_status(link.id)
        return decision

    def _policy(self, kind_map: KindMap) -> Policy:
        return Policy(kind_map.may_create("books"), kind_map.may_create("crm"))

    def _keep_conflicts(self, link: Link, decision: Decision) -> None:
        clashing = decision.of(FieldOutcome.CONFLICT)
        open_ones = links.open_conflicts(self.tx, self.scope.id, link.id)
        for one in clashing:
            row: dict[str, Any] = {
                "connection_id": self.scope.id,
                "link_id": link.id,
                "field": one.name,
                "taken": None,
            }
            row |= {"crm_value": one.crm_value, "books_value": one.books_value}
            links.put_conflict(self.tx, row | {"reason": one.reason, "opened_at": self.now})
        acting = {one.name for one in decision.fields if one.acts}
        for name in set(open_ones) - {one.name for one in clashing} - acting:
            links.drop_conflict(self.tx, self.scope.id, link.id, name)

    def _carry_out_linked(self, link: Link, decision: Decision, *, again: bool) -> None:
        """`again`: a person promoted the record once more, so what was refused is tried once more."""
        wanted: dict[Side, str] = {}
        if decision.outcome is Outcome.CHANGE:
            wanted |= {"books": "change"} if decision.of(FieldOutcome.TO_BOOKS) else {}
            wanted |= {"crm": "change"} if decision.of(FieldOutcome.TO_CRM) else {}
        elif decision.outcome in (Outcome.RECREATE_BOOKS, Outcome.RECREATE_CRM):
            wanted["books" if decision.outcome is Outcome.RECREATE_BOOKS else "crm"] = "recreate"
        elif decision.outcome is Outcome.ASK:
            self._propose_survivor(link, decision)
        for side in SIDES:
            self._withdraw(link, side, wanted.get(side, ""))
            if wanted.get(side) == "change":
                self.ensure_change(link, side, again=again)
            elif wanted.get(side) == "recreate" and self.ensure_job(link, side, "recreate", asks(decision)):
                self.explain(link.id, link.crm_id or link.books_id or "", decision)

    def _propose_survivor(self, link: Link, decision: Decision) -> None:
        """After a merge nothing is made again: the half that is left may belong to the record that survived."""
        lost = self.lost_half(link)
        pair = merged.candidate(self.tx, self.scope, link, *lost) if lost and lost[1] else None
        self._tell_others(link, lost)
        if pair is None:
            return
        row: dict[str, Any] = {"connection_id": self.scope.id, "role": link.role, "score": 100}
        row |= {"crm_id": pair[0], "books_id": pair[1], "reason": decision.reason, "made_at": self.now}
        links.suggest(self.tx, row)
        if history.last_reason(self.tx, self.scope.id, pair[0]) != decision.reason:
            self.explain(link.id, pair[0], decision)

    def _tell_others(self, link: Link, lost: tuple[Side, str] | None) -> None:
        """What the survivor's own pair was told, if it lost its partner as well, may be another thing now."""
        find = links.partner_of_crm if lost and lost[0] == "crm" else links.partner_of_books
        other = find(self.tx, self.scope.id, link.role, lost[1]) if lost and lost[1] else None
        if other is not None and other.error_code == merged.MERGED:
            self.refresh_status(other.id)

    def _withdraw(self, link: Link, side: Side, wanted: str) -> None:
        """A proposal to create a record again ends when the record is back, a change when its record is gone."""
        job = jobs.open_job(self.tx, self.scope.id, link.id, side)
        if job is not None and job.action != wanted and "recreate" in (job.action, wanted):
            self.cancel_open(link, side)

    def _explain_fields(self, link: Link, decision: Decision) -> None:
        """Keep what was decided about fields, once: also what was held back or lost, where no job tells of it."""
        fields = explained(decision)
        if not fields:
            return
        said = history.last_fields(self.tx, self.scope.id, link.id)
        if all(one in said for one in fields):
            return
        outcome = "conflict" if decision.of(FieldOutcome.CONFLICT) else ""
        self.explain(link.id, link.crm_id or link.books_id or "", decision, outcome)

    # --- a record that has no partner yet ---

    def _decide_unlinked(
        self, kind_map: KindMap, side: Side, record: StoredRecord, link: Link | None
    ) -> None:
        decision = rule_book.decide(self._view_unlinked(kind_map, side, record), self._policy(kind_map))
        if decision.outcome is Outcome.WAIT:
            self._set_aside(kind_map, side, record)
            return
        handlers: dict[Outcome, Callable[[], bool]] = {
            Outcome.LINK: lambda: self._link(kind_map, side, record, decision.partner),
            Outcome.CREATE_BOOKS: lambda: self._create(kind_map, side, record, link),
            Outcome.CREATE_CRM: lambda: self._create(kind_map, side, record, link),
            Outcome.SUGGEST: lambda: self._ask(kind_map, side, record, link, decision),
            Outcome.ASK: lambda: self._ask(kind_map, side, record, link, decision),
            Outcome.FORGOTTEN: lambda: self._ask(kind_map, side, record, link, decision),
            Outcome.SKIP: lambda: self._skip(kind_map, side, record, link, decision),
            Outcome.NOTHING: lambda: self._give_up(kind_map, side, record, link),
        }
        if handlers[decision.outcome]():
            current = link_of(self.tx, self.scope, kind_map, side, record.id)
            self.explain(current.id if current else "", record.id, decision)

    def _view_unlinked(self, kind_map: KindMap, side: Side, record: StoredRecord) -> Pair:
        present = presence(record)
        promoted = self._promoted(kind_map, side, record)
        ready = self._first_reads_complete(kind_map)
        return Pair(
            crm=present if side == "crm" else Presence.UNSEEN,
            books=present if side == "books" else Presence.UNSEEN,
            linked=False,
            promoted=promoted,
            first_reads_complete=ready,
            matches=(
                find_matches(self.tx, self.scope, kind_map, side, record, alike=side == "books" or promoted)
                if ready and present is Presence.PRESENT
                else Matches()
            ),
            out_of_scope="" if record.deleted else self._out_of_scope(kind_map, side, record),
            parent_asked=self._parent_asked(kind_map, side, record),
            was_unlinked=bool(self._former_links(kind_map, side, record)),
            forgotten=side == "crm" and self._is_forgotten(kind_map, record),
        )

    def _out_of_scope(self, kind_map: KindMap, side: Side, record: StoredRecord) -> str:
        """Why a record is left alone; "" when it is not."""
        if side == "books":
            return (
                mapping.left_out(kind_map.books_filter, record.values)
                or within.why_apart(self.tx, self.scope, kind_map, side, record)
                or lacks_partner(self.tx, self.scope, kind_map, record)
                or too_old(kind_map, record, self.now.date())
            )
        why = mapping.left_out(kind_map.crm_filter, record.values)
        why = why or within.why_apart(self.tx, self.scope, kind_map, side, record) or None
        if why is None and kind_map.requires and self._promoted(kind_map, side, record):
            why = mapping.unmet(kind_map, record.values)
        return why or ""

    def _parent_first(self, kind_map: KindMap, side: Side, record: StoredRecord) -> bool:
        """Jobs are found below their customer, so a customer that still waits for its turn gets it before them."""
        parent, kind = parent_of(kind_map, side, record.values), kind_on(kind_map, side)
        waits = bool(parent) and records.is_waiting(self.tx, self.scope.id, side, kind, parent)
        if not waits or parent in self.above:
            return False
        self.above |= {parent, record.id}
        self.decide_record(side, kind, parent)
        records.decided(self.tx, self.scope.id, side, kind, parent)
        return True

    def _parent_asked(self, kind_map: KindMap, side: Side, record: StoredRecord) -> str:
        """The name of the record that it stands below, if a person must say whose that is; else ""."""
        parent = parent_of(kind_map, side, record.values)
        ends = (parent, None) if side == "crm" else (None, parent)
        if not parent or not links.is_asked_about(self.tx, self.scope.id, kind_map.role, *ends):
            return ""
        return name_of(self.tx, self.scope, kind_map, side, parent)

    def _promoted(self, kind_map: KindMap, side: Side, record: StoredRecord) -> bool:
        """Asked for now; or before, and stuck: its status is Error then, and correcting it is the retry.

        What another record needs first counts as asked for.
        """
        if side != "crm":
            return False
        if (kind_map.role, record.id) in self.needed:
            return True
        if within.goes_along(self.tx, self.scope, kind_map, record):
            return True
        return mapping.left_out(kind_map.promoted, record.values) is None or self._is_stuck(kind_map, record)

    def _is_forgotten(self, kind_map: KindMap, record: StoredRecord) -> bool:
        """We said in the CRM that it is queued, and know nothing of it in any of its roles."""
        field = kind_map.status.link_status
        if not field or record.values.get(field) != QUEUED:
            return False
        maps = self.scope.maps_of("crm", kind_map.crm_kind)
        known = (link_of(self.tx, self.scope, one, "crm", record.id) for one in maps)
        return not any(known) and not self._former_links(kind_map, "crm", record)

    def _is_stuck(self, kind_map: KindMap, record: StoredRecord) -> bool:
        half = link_of(self.tx, self.scope, kind_map, "crm", record.id)
        if half is None:
            return False
        job = jobs.open_job(self.tx, self.scope.id, half.id, "books")
        return half.error_code in WAITS_TO_BE_CORRECTED or (
            job is not None and job.state in ("refused", "blocked")
        )

    def _former_links(self, kind_map: KindMap, side: Side, record: StoredRecord) -> list[Link]:
        crm_id, books_id = (record.id, None) if side == "crm" else (None, record.id)
        former = links.was_unlinked(self.tx, self.scope.id, kind_map.role, crm_id, books_id)
        # A creation that was cancelled is wanted again when somebody promotes the record once more.
        again = side == "crm" and _pressed(kind_map, record)
        return [one for one in former if is_bound(one) or not (again or one.error_code == WITHDRAWN)]

    def _first_reads_complete(self, kind_map: KindMap) -> bool:
        rules = [*kind_map.rules, *(kind_map.lines.rules if kind_map.lines else ())]
        roles = {rule.refers_to for rule in rules if rule.refers_to}
        concerned = [kind_map, *(one for role in roles for one in self.scope.maps_in(role))]
        needed = {("crm", one.crm_kind) for one in concerned} | {
            ("books", one.books_kind) for one in concerned
        }
        needed |= {("crm", contributor.kind) for contributor in kind_map.contributors}
        return all(
            records.watermark(self.tx, self.scope.scope_id("crm" if side == "crm" else "books"), side, kind)[
                1
            ]
            for side, kind in needed
        )

    def _set_aside(self, kind_map: KindMap, side: Side, record: StoredRecord) -> None:
        """Park the record; `release_parked` brings it back with the next complete read of the CRM, or the first
        of QuickBooks."""
        records.park(self.tx, self.scope.id, side, kind_on(kind_map, side), record.id, self.now)

    def _link(self, kind_map: KindMap, side: Side, record: StoredRecord, partner: str) -> bool:
        there: Side = "books" if side == "crm" else "crm"
        other = link_of(self.tx, self.scope, kind_map, there, partner)
        if other is not None and self._is_out(other):
            # Its own missing side is being written at this moment; what comes of it decides about us as well.
            self._set_aside(kind_map, side, record)
            return False
        crm_id, books_id = (record.id, partner) if side == "crm" else (partner, record.id)
        link = self.bind(kind_map, crm_id, books_id)
        self.decide_link(link)
        return True

    def _is_out(self, link: Link) -> bool:
        job = jobs.open_job(self.tx, self.scope.id, link.id, "books" if link.books_id is None else "crm")
        return job is not None and job.state == "offered"

    def _create(self, kind_map: KindMap, side: Side, record: StoredRecord, link: Link | None) -> bool:
        """A half link and the job that makes the missing side."""
        crm_id, books_id = (record.id, None) if side == "crm" else (None, record.id)
        if link is None:
            link = self.new_link(kind_map, crm_id, books_id)
        if link.error_code in WAITS_FOR_PERSON:
            links.change_link(self.tx, self.scope.id, link.id, self.now, error="", error_code="")
        self.answered(kind_map.role, crm_id, books_id)
        self.follow_contributors(kind_map, link)
        target: Side = "books" if side == "crm" else "crm"
        again = side == "crm" and _pressed(kind_map, record)
        amount = cents(kind_map, record.values) if side == "crm" else 0
        ask = self._beyond_limits(kind_map, target, amount)
        made = self.ensure_job(link, target, "add", ask, again=again, cents=amount)
        self.refresh_status(link.id)
        if side == "crm":
            self._bring(kind_map, record)
        return made

    def _bring(self, kind_map: KindMap, record: StoredRecord) -> None:
        """What goes to books with this record, if it may. Nothing waits for it, so it can stop no document."""
        for its_map, one in within.brought(self.tx, self.scope, kind_map, record):
            self.needed.add((its_map.role, one.id))
            if not is_bound(link_of(self.tx, self.scope, its_map, "crm", one.id)):
                self.decide_needed(its_map, "crm", one)

    def create_anyway(self, kind_map: KindMap, side: Side, record: StoredRecord) -> Link:
        """A person says that it has no partner: no match, suggestion or earlier unlink stands in the way."""
        self._create(kind_map, side, record, link_of(self.tx, self.scope, kind_map, side, record.id))
        made = link_of(self.tx, self.scope, kind_map, side, record.id)
        assert made is not None
        return made

    def _beyond_limits(self, kind_map: KindMap, target: Side, cents: int) -> str:
        """Why a new record of this kind must wait for a person; "" when it need not.

        Copies of documents for records that the CRM has are not limited: they are no new partners, and there are
        thousands.
        """
        if kind_map.is_copy:
            return ""
        kind = kind_map.books_kind if target == "books" else kind_map.crm_kind
        made = jobs.count_made_since(self.tx, self.scope.id, kind, self.now - RUN)
        amount = cents + jobs.cents_made_since(self.tx, self.scope.id, self.now - RUN) if cents else 0
        return self.beyond(rule_book.RunSize(creates=made + 1, amount=Decimal(amount).scaleb(-2)))

    def _ask(
        self, kind_map: KindMap, side: Side, record: StoredRecord, link: Link | None, decision: Decision
    ) -> bool:
        """Every candidate becomes a suggestion; whoever promoted the record sees the question at the record."""
        pairs = [
            (record.id, one, score) if side == "crm" else (one, record.id, score)
            for one, score in decision.candidates
        ]
        for crm_id, books_id, score in pairs:
            row: dict[str, Any] = {"connection_id": self.scope.id, "role": kind_map.role}
            row |= {"crm_id": crm_id, "books_id": books_id, "score": score, "reason": decision.reason}
            links.suggest(self.tx, row | {"made_at": self.now})
        if self._promoted(kind_map, side, record) or decision.outcome is Outcome.FORGOTTEN:
            self._tell(kind_map, record, link, decision)
        return decision.reason != history.last_reason(self.tx, self.scope.id, record.id)

    def _skip(
        self, kind_map: KindMap, side: Side, record: StoredRecord, link: Link | None, decision: Decision
    ) -> bool:
        """Left alone. Whoever promoted it is told why; for the many that nobody promoted it goes without saying."""
        if (
            link is not None
            and side == "crm"
            and not record.deleted
            and self._out_of_scope(kind_map, side, record)
        ):
            # It was wanted, and is not any more, or not as it is: what waits is not sent.
            self.cancel_open(link, "books")
            if mapping.left_out(kind_map.crm_filter, record.values) is not None and kind_map.once:
                self.withdraw_half(link, record)
                return True
            if not is_bound(link) and link.error_code != str(Outcome.FORGOTTEN):
                return self._tell(kind_map, record, link, decision)
        if self._promoted(kind_map, side, record):
            return self._tell(kind_map, record, link, decision)
        if link is not None:
            self.refresh_status(link.id)
        return False

    def _tell(self, kind_map: KindMap, record: StoredRecord, link: Link | None, decision: Decision) -> bool:
        """Put the reason where the person who promoted the record looks; True when it was not there before."""
        link = link or self.new_link(kind_map, record.id, None)
        self.follow_contributors(kind_map, link)
        error, code = sentence(decision.reason), str(decision.outcome)
        if (link.error, link.error_code) != (error, code):
            links.change_link(self.tx, self.scope.id, link.id, self.now, error=error, error_code=code)
        self.refresh_status(link.id)
        return (link.error, link.error_code) != (error, code)

    def _give_up(self, kind_map: KindMap, side: Side, record: StoredRecord, link: Link | None) -> bool:
        """The record is gone before it had a partner: what was to be made from it is not made, nor asked about."""
        self.answered(kind_map.role, *((record.id, None) if side == "crm" else (None, record.id)))
        if link is None:
            return False
        self.drop_half(link, f"{link.label} was deleted in {NAMES[side]}.")
        return True


def _fits(maps: Sequence[KindMap], record: StoredRecord | None) -> bool:
    values = record.values if record else {}
    return any(mapping.left_out(one.crm_filter, values) is None for one in maps)


def _pressed(kind_map: KindMap, record: StoredRecord | None) -> bool:
    """A person set the record to be linked at this moment."""
    standing = kind_map.crm_filter is not None and kind_map.promoted == kind_map.crm_filter
    if kind_map.promoted is None or record is None or standing or kind_map.once:
        return False
    return mapping.left_out(kind_map.promoted, record.values) is None
