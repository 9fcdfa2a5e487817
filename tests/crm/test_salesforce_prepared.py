"""Passes that are announced together: fewer calls, and nothing else that differs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from crm.emulators.salesforce import SalesforceEmulator
from crm.errors import Misconfigured, Stale
from crm.http import Retries
from crm.port import Pass, Write, Written
from crm.salesforce import open_gateway
from crm.salesforce.gateway import SalesforceGateway

START = datetime(2026, 11, 22, 10, 0, 30, tzinfo=UTC)
FIELDS = {
    "account": ("Name", "Phone"),
    "contact": ("LastName",),
    "product": ("Name", "StandardPrice"),
    "opportunity": ("Name", "lines.Quantity"),
    "invoice": ("Name",),
}
# No calls of Salesforce's day: logging in, and the parts of a composite call.
FREE = re.compile("token|revoke|versions|composite:.*")


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def org(clock: Clock) -> Iterator[SalesforceEmulator]:
    with SalesforceEmulator(clock=clock) as emulator:
        yield emulator


@pytest.fixture
def crm(org: SalesforceEmulator) -> Iterator[SalesforceGateway]:
    given = org.credentials()
    login = {name: given[name] for name in ("consumer_key", "consumer_secret")}
    gateway = open_gateway(org.url, login, retries=Retries(sleep=lambda _: None), clock_age=60.0)
    yield gateway
    gateway.close()


def calls(org: SalesforceEmulator) -> Counter[str]:
    return Counter({kind: number for kind, number in org.counters.calls.items() if not FREE.fullmatch(kind)})


def read(crm: SalesforceGateway, marks: dict[str, str | None]) -> tuple[dict[str, str | None], list[str]]:
    """Watermarks after all passes, and the ids of what came, deleted ones with a minus."""
    seen: list[str] = []
    reached: dict[str, str | None] = {}
    for kind, fields in FIELDS.items():
        for page in crm.changed_since(kind, fields, marks[kind]):
            seen += [f"-{one.id}" if one.deleted else one.id for one in page.records]
            reached[kind] = page.watermark
    return reached, seen


def passes(marks: dict[str, str | None]) -> list[Pass]:
    return [Pass(kind, fields, marks[kind]) for kind, fields in FIELDS.items()]


def first(crm: SalesforceGateway) -> dict[str, str | None]:
    nothing: dict[str, str | None] = dict.fromkeys(FIELDS)
    crm.prepare(passes(nothing))
    return read(crm, nothing)[0]


def test_first_passes_take_a_page_each_and_two_calls_for_all(
    org: SalesforceEmulator, crm: SalesforceGateway
) -> None:
    before = calls(org)
    first(crm)
    # The descriptions together, the deletions together.
    assert calls(org) - before == {"composite": 2, "query": len(FIELDS)}


def test_later_passes_take_two_calls_for_all_kinds(
    org: SalesforceEmulator, crm: SalesforceGateway, clock: Clock
) -> None:
    marks = first(crm)
    clock.now += timedelta(minutes=20)
    before = calls(org)
    crm.prepare(passes(marks))
    read(crm, marks)
    # Five first pages, three looks at what is below, five deletions: five queries are the most for a call.
    assert calls(org) - before == {"composite": 2}


def test_what_was_asked_for_together_is_what_would_have_come_one_by_one(
    org: SalesforceEmulator, crm: SalesforceGateway, clock: Clock
) -> None:
    gone = org.create("Account", {"Name": "Gone"})
    marks = first(crm)
    clock.now += timedelta(minutes=20)
    made = org.create("Account", {"Name": "New"})
    org.delete(gone)
    clock.now += timedelta(minutes=1)
    crm.find("account", "Name", "nobody", ["Name"])  # any answer tells the time
    _, alone = read(crm, marks)
    crm.prepare(passes(marks))
    _, together = read(crm, marks)
    assert together == alone
    assert {made, f"-{gone}"} <= {*together}


def test_what_was_prepared_serves_one_pass(
    org: SalesforceEmulator, crm: SalesforceGateway, clock: Clock
) -> None:
    marks = first(crm)
    clock.now += timedelta(minutes=20)
    crm.prepare(passes(marks))
    read(crm, marks)
    made = org.create("Account", {"Name": "Later"})
    assert made in read(crm, marks)[1]


def test_a_kind_that_is_not_shown_keeps_no_other_from_being_prepared(crm: SalesforceGateway) -> None:
    wrong = Pass("account", ("Nowhere__c",), None)
    crm.prepare([wrong, Pass("contact", ("LastName",), None), Pass("invoice", ("Name",), None)])
    with pytest.raises(Misconfigured, match="Nowhere__c"):
        list(crm.changed_since("account", ["Nowhere__c"], None))
    assert [page.complete for page in crm.changed_since("contact", ["LastName"], None)] == [True]


def test_five_hundred_conditional_changes_take_one_look_and_a_call_for_each_two_hundred(
    org: SalesforceEmulator, crm: SalesforceGateway
) -> None:
    rows = [org.create("Account", {"Name": f"N{number}"}) for number in range(500)]
    versions = {
        one.id: one.version for page in crm.changed_since("account", ["Name"], None) for one in page.records
    }
    before = calls(org)
    writes = [Write({"Phone": "1"}, id=one, if_version=versions[one]) for one in rows]
    outcomes = crm.write_many("account", writes, ["Name"])
    assert all(isinstance(one, Written) for one in outcomes)
    assert sum((calls(org) - before).values()) == 1 + 3


def test_a_look_that_came_along_still_sees_what_moved_since(
    org: SalesforceEmulator, crm: SalesforceGateway, clock: Clock
) -> None:
    rows = [org.create("Account", {"Name": f"N{number}"}) for number in range(250)]
    versions = {
        one.id: one.version for page in crm.changed_since("account", ["Name"], None) for one in page.records
    }
    clock.now += timedelta(minutes=1)
    org.edit(rows[240], {"Name": "A person was here"})
    writes = [Write({"Phone": "1"}, id=one, if_version=versions[one]) for one in rows]
    outcomes = crm.write_many("account", writes)
    assert [place for place, one in enumerate(outcomes) if isinstance(one, Stale)] == [240]
