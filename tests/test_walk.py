"""The walk that CONTRIBUTING.md tells, compared with the rooms that one account really enters.

A room is a package of the product, and in `sync` each module, for those are its doors. It is entered when one of
its functions begins while the product works; the emulated CRM and the simulated QuickBooks are the other parties.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from tests.databases import Databases
from tests.wired import Wired, wired

ROOT = Path(__file__).resolve().parent.parent
OURS = ("qbxml", "schemas", "crm", "qbwc_server")
OTHER_PARTIES = (("crm", "emulators"), ("qbwc_server", "simulator"))
AT_MOST = 12
# One door in three files.
SAME_ROOM = {"sync.crm_delivery": "sync.to_crm", "sync.crm_writes": "sync.to_crm"}

T = TypeVar("T")


def room_of(filename: str) -> str:
    """The room that a source file belongs to; "" outside the product."""
    path = Path(filename)
    if not path.is_relative_to(ROOT):
        return ""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] not in OURS or parts[:2] in OTHER_PARTIES:
        return ""
    if parts[:2] == ("qbwc_server", "sync"):
        return SAME_ROOM.get(f"sync.{parts[2]}", f"sync.{parts[2]}")
    return {"qbwc_server": parts[1], "crm": f"crm.{parts[1]}"}.get(parts[0], parts[0])


@dataclass
class Tracer:
    """Notes each room when it is first entered, in whatever thread, but only while the product works."""

    rooms: list[str] = field(default_factory=list)
    watching: bool = False
    _known: dict[str, str] = field(default_factory=dict)

    def _profile(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call":
            return
        name = frame.f_code.co_filename
        if name not in self._known:
            self._known[name] = room_of(name)
        room = self._known[name]
        if room and room not in self.rooms:
            self.rooms.append(room)

    def during(self, work: Callable[[], T]) -> T:
        if not self.watching:
            return work()
        before = sys.getprofile()
        sys.setprofile(self._profile)
        try:
            return work()
        finally:
            sys.setprofile(before)

    def around(self, application: WSGIApplication) -> WSGIApplication:
        """Watches the server's side of a call; the Web Connector that makes it is another party."""

        def watched(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            return self.during(lambda: list(application(environ, start_response)))

        return watched


def section(title: str) -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return str(found)


def told(title: str = "The walk of one account change") -> list[str]:
    """The rooms of a walk, in its order."""
    return re.findall(r"^\d+\. `([a-z_.]+)`", section(title), re.MULTILINE)


def not_counted() -> set[str]:
    (line,) = re.findall(
        r"^Not counted: (.*?)\n\n", section("The walk of one account change"), re.DOTALL | re.MULTILINE
    )
    return set(re.findall(r"`([a-z_.]+)`", line))


@pytest.fixture(scope="module")
def tracer() -> Tracer:
    return Tracer()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, tracer: Tracer, databases: Databases) -> Iterator[Wired]:
    """A connection whose first reads are over, so that what follows is an ordinary day."""
    home = tmp_path_factory.mktemp("walk")
    with databases.migrated(home) as url, wired(home, tracer.around, url) as made:
        made.salesforce.seed_accounts(2)
        made.poll()
        made.update()
        made.poll_again()
        yield made


def walk(house: Wired, tracer: Tracer) -> None:
    """Poll, visit, deliver: what a change needs to get to QuickBooks and its outcome back."""
    tracer.watching = True
    try:
        tracer.during(house.poll_again)
        house.update()
        tracer.during(house.poll)
    finally:
        tracer.watching = False


@pytest.fixture(scope="module")
def promoted(house: Wired, tracer: Tracer) -> dict[str, Any]:
    """An account that somebody set to "To be Linked", as the CRM holds it after its walk."""
    values = {"Name": "Walker and Daughters", "Phone": "555-0100", "QB_Link_Status__c": "To be Linked"}
    account = house.salesforce.create("Account", values)
    walk(house, tracer)
    return account_of(house, account)


def account_of(house: Wired, row_id: str) -> dict[str, Any]:
    return next(dict(row) for row in house.salesforce.records("Account") if row["Id"] == row_id)


def test_the_account_arrived_and_its_outcome_came_back(house: Wired, promoted: dict[str, Any]) -> None:
    customer = house.books.customer("Walker and Daughters")
    assert customer["Phone"] == "555-0100"
    assert (promoted["QB_Link_Status__c"], promoted["QB_ListID__c"]) == ("Success", customer["ListID"])


def test_the_walk_is_told_as_it_is_walked(tracer: Tracer, promoted: dict[str, Any]) -> None:
    assert [room for room in tracer.rooms if room not in not_counted()] == told()


def test_the_walk_is_short_enough_to_be_told() -> None:
    assert 0 < len(told()) <= AT_MOST


def test_nothing_is_left_out_of_the_count_that_was_not_entered(
    tracer: Tracer, promoted: dict[str, Any]
) -> None:
    assert not_counted() <= set(tracer.rooms)


def test_a_later_edit_of_the_account_enters_no_other_room(
    house: Wired, tracer: Tracer, promoted: dict[str, Any]
) -> None:
    house.salesforce.edit(promoted["Id"], {"Phone": "555-0199"})
    before = list(tracer.rooms)
    walk(house, tracer)
    assert house.books.customer("Walker and Daughters")["Phone"] == "555-0199"
    assert tracer.rooms == before


@pytest.mark.parametrize(
    ("path", "room"),
    [
        ("crm/salesforce/gateway.py", "crm.salesforce"),
        ("qbwc_server/sync/from_books/reading.py", "sync.from_books"),
        ("qbwc_server/sync/decide.py", "sync.decide"),
        ("qbwc_server/secrets.py", "secrets"),
        ("qbxml/parse.py", "qbxml"),
        ("crm/emulators/salesforce/app.py", ""),
        ("tests/wired.py", ""),
    ],
)
def test_a_room_is_a_package_or_a_door_of_sync(path: str, room: str) -> None:
    assert room_of(str(ROOT / path)) == room
