"""Links as they come and go: made with one half or both, joined, dropped; and the base that both sides agreed on."""

from collections.abc import Sequence
from dataclasses import replace

from qbwc_server import mapping
from qbwc_server.mapping import KindMap
from qbwc_server.store import jobs, links
from qbwc_server.store.job_states import JobEvent, after
from qbwc_server.store.rows import Link, StoredRecord, new_id
from qbwc_server.sync.decide import FieldDecision
from qbwc_server.sync.deciding.desk import QUEUED, WITHDRAWN, Desk
from qbwc_server.sync.deciding.echoes import bases_with, unheard
from qbwc_server.sync.deciding.matching import link_of
from qbwc_server.sync.deciding.pair import Sides, look
from qbwc_server.sync.deciding.wording import label


class Pairing(Desk):
    """The links of one connection, within one open transaction."""

    def bind(self, kind_map: KindMap, crm_id: str, books_id: str) -> Link:
        """Make the pair, joining half links of either side; the base is unknown until both sides agree."""
        half = link_of(self.tx, self.scope, kind_map, "crm", crm_id)
        other = link_of(self.tx, self.scope, kind_map, "books", books_id)
        if other is not None and (half is None or other.id != half.id):
            self.drop_half(other)
        if half is None:
            half = self.new_link(kind_map, crm_id, books_id)
        else:
            self._end_creation(half)
            links.change_link(
                self.tx, self.scope.id, half.id, self.now, books_id=books_id, books_kind=kind_map.books_kind
            )
        found = links.link(self.tx, self.scope.id, half.id)
        assert found is not None
        self.is_bound_now(found, found=True)
        return found

    def _end_creation(self, half: Link) -> None:
        """A partner was found, so none is made: one that was in doubt is this very one."""
        self.cancel_open(half, "books")
        job = jobs.open_job(self.tx, self.scope.id, half.id, "books")
        if job is not None and job.state == "in_doubt":
            settled = {"state": after(job.state, JobEvent.SETTLE), "ended_at": self.now}
            jobs.change_job(self.tx, job.id, self.now, **settled, error="", error_code="", next_step="")

    def new_link(self, kind_map: KindMap, crm_id: str | None, books_id: str | None) -> Link:
        sides = look(self.tx, self.scope, kind_map, crm_id, books_id)
        link = Link(
            connection_id=self.scope.id,
            id=new_id("link"),
            role=kind_map.role,
            crm_kind=kind_map.crm_kind,
            crm_id=crm_id,
            books_kind=kind_map.books_kind,
            books_id=books_id,
            label=label(sides),
            generation=links.generations(self.tx, self.scope.id, kind_map.role, crm_id) + 1 if crm_id else 1,
            edit_sequence="",
            base_crm=None,
            base_books=None,
            status=QUEUED,
            error="",
            error_code="",
            created_at=self.now,
            changed_at=self.now,
            unlinked_at=None,
        )
        links.add_link(self.tx, link)
        return link

    def drop_half(self, link: Link, why: str = "") -> None:
        """`why`, for whoever waits for its partner, unless its record has another link from now on."""
        if why:
            self.tell_waiting(link, why)
        self.cancel_open(link, "crm")
        self.cancel_open(link, "books")
        values = {"unlinked_at": self.now, "status": "Unlinked", "books_id": None, "crm_id": None}
        links.change_link(self.tx, self.scope.id, link.id, self.now, **values)

    def withdraw_half(self, link: Link, record: StoredRecord) -> None:
        """Nobody wants its partner any more: what the CRM shows of it is wiped off, unless it becomes another."""
        self.drop_half(link, f"nobody wants {link.label} any more.")
        others = [one for one in self.scope.maps_of("crm", link.crm_kind) if one.role != link.role]
        if any(one.once and mapping.left_out(one.crm_filter, record.values) is None for one in others):
            return
        gone = {"crm_id": link.crm_id, "error": "", "error_code": WITHDRAWN}
        links.change_link(self.tx, self.scope.id, link.id, self.now, **gone)
        if self.status_writes(replace(link, status="", error="")):
            self.ensure_job(link, "crm", "change")

    def follow_contributors(self, kind_map: KindMap, link: Link) -> None:
        """Remember who contributes; who did before is a record like any other again, and gets its turn."""
        if not kind_map.contributors:
            return
        crm = look(self.tx, self.scope, kind_map, link.crm_id, None).crm
        before = links.contributors_of(self.tx, self.scope.id, link.id)
        for one in kind_map.contributors:
            record_id = str((crm.values.get(one.via) if crm else None) or "") or None
            if before.get(one.name) != record_id:
                links.set_contributor(self.tx, self.scope.id, link.id, one.name, one.kind, record_id)
                self.decide_again("crm", one.kind, [before[one.name]] if one.name in before else [])

    def keep_label(self, link: Link, sides: Sides) -> Link:
        """A record that was renamed goes by its new name from now on."""
        called = label(sides)
        if called == link.label:
            return link
        links.change_link(self.tx, self.scope.id, link.id, self.now, label=called)
        return replace(link, label=called)

    def hear_echo(self, kind_map: KindMap, link: Link) -> Link:
        """Move the base for what a write brought to the CRM without anybody hearing of it."""
        job = jobs.open_job(self.tx, self.scope.id, link.id, "crm")
        if job is None or link.crm_id is None or not job.attempts:
            return link
        held = look(self.tx, self.scope, kind_map, link.crm_id, link.books_id).crm_values
        halves = unheard(kind_map, link, job, held)
        if not halves:
            return link
        bases = bases_with(kind_map, link, halves, held)
        links.change_link(self.tx, self.scope.id, link.id, self.now, **bases)
        return replace(link, **bases)

    def move_base(self, link: Link, agreed: Sequence[FieldDecision]) -> Link:
        if not agreed:
            return link
        crm = (link.base_crm or {}) | {one.name: one.crm_value for one in agreed}
        books = (link.base_books or {}) | {one.name: one.books_value for one in agreed}
        if (crm, books) != (link.base_crm, link.base_books):
            links.change_link(self.tx, self.scope.id, link.id, self.now, base_crm=crm, base_books=books)
        return replace(link, base_crm=crm, base_books=books)
