"""QuickBooks is lost within a visit and found again: perhaps with another company file open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import qbxml
from tests.sync.web_connector import Connector, Visited
from tests.sync.world import PC, World

LOST = "0x80040424"  # QuickBooks is not ready: worth one more attempt (reference qbwc-protocol, errors)
IDENTITY = {"HostQueryRq", "CompanyQueryRq"}
ANOTHER = "{11111111-2222-4333-8444-555555555555}"


class Reconnecting(Connector):
    """Loses QuickBooks after its first document. `tells`: it sends what it saw of the file that is open then."""

    def __init__(self, world: World, meanwhile: Callable[[], object], *, tells: bool) -> None:
        super().__init__(world, PC, worker=False)
        self.meanwhile, self.tells = meanwhile, tells
        self.seen_of_file: str | None = None

    def _carry(self, text: str) -> int:
        percent = super()._carry(text)
        if len(self.seen.sent) == 1:
            self.company.end_session(self.session)
            self.meanwhile()
            path = self._call("connection_error", self.ticket, LOST, "QuickBooks is not ready.")
            self.seen_of_file = self._connect(path)
        return percent

    def _call(self, name: str, *arguments: Any) -> Any:
        if name == "send_request_xml" and self.tells and self.seen_of_file:
            ticket, _, *others = arguments
            arguments, self.seen_of_file = (ticket, self.seen_of_file, *others), None
        return super()._call(name, *arguments)


def names(documents: list[str]) -> list[str]:
    return [request.name for text in documents for request in qbxml.read_request(text).requests]


def reconnected(world: World, meanwhile: Callable[[], object], *, tells: bool) -> Visited:
    """A visit with a write to make, which reads before it writes and loses QuickBooks in between."""
    world.account("Ann's Bakery", promoted=True)
    world.poll()
    seen = Reconnecting(world, meanwhile, tells=tells).run()
    assert "connectionError" in seen.calls
    assert not {"CustomerAddRq", *IDENTITY} & set(names(seen.sent[:1]))
    return seen


@pytest.fixture
def known(world: World) -> World:
    """A pair at rest: the file was proven in many visits."""
    world.account("Zoe's Garage", promoted=True)
    world.quiet()
    return world


@pytest.mark.parametrize("tells", [True, False], ids=["told", "asked"])
@pytest.mark.parametrize("change", ["another file", "a copy"])
def test_another_file_after_a_lost_connection_is_neither_read_nor_written(
    known: World, tells: bool, change: str
) -> None:
    def opens_another() -> None:
        if change == "another file":
            known.stamp(ANOTHER)
        else:
            known.company._books.set("company_name", "Acme Supplies (copy)")
        known.customer("Secret Corp")

    seen = reconnected(known, opens_another, tells=tells)
    assert not seen.ok
    assert set(names(seen.sent[1:])) == (set() if tells else IDENTITY)
    assert known.names_in_books() == ["Secret Corp", "Zoe's Garage"]
    assert "Secret Corp" not in known.names_in_crm()
    assert [job.state for job in known.jobs("queued", "offered", "in_doubt") if job.side == "books"] in (
        [],
        ["queued"],
    )


@pytest.mark.parametrize("tells", [True, False], ids=["told", "asked"])
def test_the_same_file_after_a_lost_connection_is_proven_first_and_then_served(
    known: World, tells: bool
) -> None:
    seen = reconnected(known, lambda: None, tells=tells)
    assert seen.ok, seen.status
    after = names(seen.sent[1:])
    assert (set(after[:2]) == IDENTITY) is not tells
    assert "CustomerAddRq" in after
    assert known.names_in_books() == ["Ann's Bakery", "Zoe's Garage"]
