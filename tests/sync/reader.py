"""The reading of QuickBooks alone: what it asks, stores and remembers, without a decision or a CRM."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import qbxml
from qbwc_server.mapping import KindMap, Lines, Profile, Rule
from qbwc_server.simulator import ProcessError
from qbwc_server.store import parties, records
from qbwc_server.store.rows import StoredRecord
from qbwc_server.sync.deciding import Scope, load_scope
from qbwc_server.sync.from_books import (
    ReadState,
    apart,
    note_asked,
    plan_reads,
    read_requests,
    requests_left,
    take_answer,
)
from qbwc_server.sync.posted import Posted
from tests.sync.world import World


def mapped(books_kind: str, *paths: str, lines: Sequence[str] = ()) -> KindMap:
    """A kind map that names only these paths of a QuickBooks object, and of its lines."""
    below = tuple(Rule(crm=f"L{number}", books=one) for number, one in enumerate(lines))
    return KindMap(
        name=f"a_{books_kind}",
        crm_kind=f"crm_{books_kind}",
        books_kind=books_kind,
        role=books_kind,
        rules=tuple(Rule(crm=f"F{number}", books=one) for number, one in enumerate(paths or ("Memo",))),
        lines=Lines(books=f"{books_kind}Line", rules=below, item="Product2Id") if below else None,
    )


class Died(Exception):
    """The visit ended here."""


class Reader:
    """Visits that only read. `die_at` ends a visit before the request set for which it is true."""

    def __init__(self, world: World, *maps: KindMap) -> None:
        self.world, self.company = world, world.company
        self.profile = Profile(name="test", vendor="test", title="Test", app_name_prefix="T", kinds=maps)
        self.sets: list[list[qbxml.Request]] = []
        self.states: list[ReadState] = []
        self.changed = 0
        # The share of requests made after each set, as the Web Connector would be told.
        self.progress: list[int] = []

    @property
    def scopes(self) -> list[Scope]:
        with self.world.database.read() as tx:
            connection = parties.connection(tx, "con")
            assert connection is not None
            return [replace(load_scope(tx, connection), profile=self.profile)]

    def visit(
        self, die_at: Callable[[list[qbxml.Request]], bool] = lambda _: False
    ) -> list[list[qbxml.Request]]:
        """One visit; the request sets that it made, in order."""
        self.world.clock.advance(seconds=1)
        scopes, self.sets, self.changed = self.scopes, [], 0
        self.progress = []
        session = self.company.begin_session("App", "")
        with self.world.database.write() as tx:
            self.states = plan_reads(tx, scopes[0].company, scopes, self.world.clock())
        try:
            while self._one_set(session, scopes, die_at):
                assert len(self.sets) < 200, "the visit does not end"
        except Died:
            pass
        finally:
            self.company.end_session(session)
        return self.sets

    def _one_set(
        self, session: str, scopes: list[Scope], die_at: Callable[[list[qbxml.Request]], bool]
    ) -> bool:
        company, now = scopes[0].company, self.world.clock()
        with self.world.database.write() as tx:
            self.states = note_asked(tx, company, self.states, now)
        requests = read_requests(self.states)
        if not requests:
            return False
        if die_at(requests):
            raise Died
        self.sets.append(requests)
        try:
            answer = self.company.process(session, qbxml.build(requests))
        except ProcessError as error:
            self.states = apart(self.states, error.message)
            return True
        with self.world.database.write() as tx:
            self.states, changed = take_answer(tx, company, scopes, self.states, Posted.of(answer), now)
        self.changed += changed
        left = requests_left(self.states)
        self.progress.append(100 if left == 0 else min(99, 100 * len(self.sets) // (len(self.sets) + left)))
        return True

    def asked(self, name: str) -> list[qbxml.Request]:
        return [one for each in self.sets for one in each if one.name == f"{name}Rq"]

    def error(self, kind: str, what: str = "read") -> str:
        return next(one.error for one in self.states if one.name == (what, kind))

    # --- what is kept ---

    def record(self, kind: str, record_id: str) -> StoredRecord:
        with self.world.database.read() as tx:
            found = records.record(tx, "co", "books", kind, record_id)
        assert found is not None
        return found

    def count(self, kind: str) -> int:
        with self.world.database.read() as tx:
            return records.count(tx, "co", "books", kind)

    def holders(self, kind: str, key_type: str, key: str) -> list[str]:
        with self.world.database.read() as tx:
            return records.holders(tx, "co", "books", kind, key_type, key)

    def waiting(self) -> list[tuple[str, str]]:
        """(kind, id) of the records that wait for a decision."""
        with self.world.database.read() as tx:
            return [(kind, one) for _, _, kind, one in records.next_undecided(tx, ["con"], 10_000)]

    def complete(self, kind: str) -> bool:
        return self.world.watermark("books", kind)[1]

    # --- what people do in QuickBooks ---

    def item(self, name: str = "Advice") -> str:
        values = {
            "Name": name,
            "SalesOrPurchase": {"Price": Decimal("10.00"), "AccountRef": {"FullName": "Sales"}},
        }
        return self.company.user_add(values, "ItemService")

    def sale(
        self, customer: str, item: str, amount: str = "100.00", kind: str = "Invoice", **more: Any
    ) -> str:
        self.world.clock.advance(seconds=1)
        line: Mapping[str, Any] = {"ItemRef": {"ListID": item}, "Amount": Decimal(amount)}
        values = {"CustomerRef": {"ListID": customer}, f"{kind}LineAdd": [line], **more}
        return self.company.user_add(values, kind)
