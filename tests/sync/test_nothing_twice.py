"""The nine ways in which others make things twice or lose them; one readable test for each."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from qbwc_server.store import history
from qbwc_server.sync.posted import Posted
from qbwc_server.worker import tasks
from tests.sync.test_books_trouble import adds, kill, once, pair
from tests.sync.web_connector import Connector
from tests.sync.world import Killed, World

OTHER_PC = "192.0.2.77"


def promoted(world: World, name: str = "Ann's Bakery") -> str:
    account = world.account(name, promoted=True)
    world.poll()
    return account


def made_once(world: World, account: str) -> None:
    world.quiet()
    assert adds(world) == 1
    assert world.names_in_books() == world.names_in_crm() == ["Ann's Bakery"]
    assert world.status(account) == ("Success", None)
    assert world.sets("in_doubt") == world.sets("offered") == []


def test_duplicate_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy between the PC and us posts each answer twice."""
    account = promoted(world)
    original = world.sessions.receive_response_xml

    def twice(ticket: str, response: Posted, hresult: str, message: str) -> int:
        text = response.open().read()
        first = original(ticket, Posted.of(text.decode()), hresult, message)
        second = original(ticket, Posted.of(text.decode()), hresult, message)
        assert second == first or first == 100
        return first

    monkeypatch.setattr(world.sessions, "receive_response_xml", twice)
    world.visit()
    monkeypatch.undo()
    made_once(world, account)


def test_late_answer(world: World) -> None:
    """Another PC took over while QuickBooks still worked for the first; its answer comes afterwards."""
    account = promoted(world)

    def take_over() -> None:
        world.clock.advance(hours=1)
        world.visit(address=OTHER_PC)

    once(world, "CustomerAddRq", take_over)
    world.visit()
    made_once(world, account)


def test_lost_clear(world: World) -> None:
    """The message that lets QuickBooks forget a stored answer never arrives."""
    account = promoted(world)
    first = world.visit()
    clearing = [text for text in first.sent if "oldMessageSetID" in text and "newMessageSetID" not in text]
    assert len(clearing) == 1
    again = promoted(world, "Bob's Garage")

    def drop(document: str) -> None:
        if "oldMessageSetID" in document and "newMessageSetID" not in document:
            kill()

    world.on_document = drop
    world.visit()
    world.on_document = lambda _: None
    world.quiet()
    assert adds(world) == 2
    assert (world.status(account), world.status(again)) == (("Success", None), ("Success", None))
    assert world.sets("settled") == []


def test_lost_recovery_question(world: World) -> None:
    """The answer was lost, and so is the question that asks for the stored one."""
    account = promoted(world)
    world.company.faults.arm("lose_answer", holding="CustomerAddRq")
    world.visit()
    for _ in range(2):
        once(world, "oldMessageSetID", kill)
        world.visit()
        assert adds(world) == 1
    made_once(world, account)


def test_takeover_from_another_pc(world: World) -> None:
    """A second PC logs in while the first has writes in hand: it is told to wait; later it takes over."""
    account = promoted(world)
    seen: list[Any] = []
    once(world, "CustomerAddRq", lambda: seen.append(world.visit(address=OTHER_PC)))
    world.visit()
    assert [(one.status, one.sent) for one in seen] == [("busy", [])]
    made_once(world, account)


def test_same_pc_restarted(world: World) -> None:
    """The PC went down with our writes in hand and comes back at once: they are in doubt, and asked about."""
    account = promoted(world)
    world.company.faults.arm("kill_connector_before", method="receiveResponseXML")
    with suppress(Killed):
        Connector(world, "192.0.2.10", worker=False).run()
    seen = world.visit()
    assert seen.ok
    with world.database.read() as tx:
        earlier = [one.note for one in history.recent_runs(tx) if one.kind == "visit"][1]
    assert "newer login" in earlier
    made_once(world, account)


def test_unlink_while_offered(world: World) -> None:
    """A person takes a pair apart while its change is on its way: the change is settled, then the pair is gone."""
    account, list_id = pair(world, Phone="555-0100")
    world.edit_account(account, Phone="555-0200")
    world.poll()
    link = world.link_of(account)
    assert link is not None
    once(world, "CustomerModRq", lambda: world.unlink(link))
    world.visit()
    world.quiet()
    assert world.status(account)[0] == "Unlinked"
    world.edit_account(account, Phone="555-0300")
    world.quiet()
    assert world.in_books(list_id)["Phone"] == "555-0200"
    assert world.names_in_books() == ["Ann's Bakery"]


def test_edit_between_offer_and_settle(world: World) -> None:
    """A user edits the account while QuickBooks makes its customer: both values arrive, the newer one last."""
    account = world.account("Ann's Bakery", promoted=True, Phone="555-0100")
    world.poll()

    def edit() -> None:
        world.edit_account(account, Phone="555-0200")
        world.poll()

    once(world, "CustomerAddRq", edit)
    world.visit()
    world.quiet()
    assert world.in_books("Ann's Bakery")["Phone"] == "555-0200"
    assert world.in_crm(account)["Phone"] == "555-0200"
    assert adds(world) == 1


def test_two_workers_one_organisation(world: World) -> None:
    """Two workers deliver to one CRM at the same moment: what QuickBooks has is made there once."""
    world.sync()
    world.customer("Ann's Bakery", Phone="555-0100")
    world.visit()

    def the_other() -> None:
        tasks.decide(world.background, "org")
        tasks.deliver(world.background, "org")

    world.line.before["create"] = [the_other]
    world.deliver()
    world.quiet()
    assert world.names_in_crm() == ["Ann's Bakery"]
    assert len(world.links()) == 1
