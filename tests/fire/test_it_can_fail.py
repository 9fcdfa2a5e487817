"""The fire finds what it is there to find: each safeguard of the product is switched off, and a promise breaks.

A table of safeguards; each is replaced by what a careless program would do, and a life that was found once (its seed)
must break one of the promises that the safeguard keeps.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest

from crm.memory import MemoryGateway
from qbwc_server.sync import crm_delivery, to_books, to_crm, visit
from qbwc_server.sync.from_books import probing, settling
from qbwc_server.worker import tasks
from qbxml import external_guid
from tests.databases import Databases
from tests.fire.life import live
from tests.fire.plan import Draw, plan
from tests.fire.steps import Step, step


def _lost_answers(chance: random.Random) -> Iterator[Step]:
    """QuickBooks did it, and nobody has an answer."""
    yield step("books.fault", name="break_after", arguments={"holding": "InvoiceAddRq", "requests": 1})


def _lost_calls(chance: random.Random) -> Iterator[Step]:
    """The answer is stored in QuickBooks, and never arrives here."""
    name = chance.choice(["drop_before", "kill_connector_before"])
    yield step("books.fault", name=name, arguments={"method": "receiveResponseXML", "holding": "AddRq"})


def _unknown(chance: random.Random) -> Iterator[Step]:
    yield step("crm.fail_write", error="UnknownOutcome", after=True)


def _dead(chance: random.Random) -> Iterator[Step]:
    yield step("kill_after_crm_call", call=chance.choice(["create", "update", "read"]))


def _races(chance: random.Random) -> Iterator[Step]:
    """A person in the CRM is a moment faster than the worker, who brings what QuickBooks' people said."""
    for field in ("Phone", "Fax"):
        phones = [f"(914) 555-{chance.randint(0, 9999):04}" for _ in range(2)]
        yield step("books.edit", token="C1.", field=field, value=phones[0])
        racing = ["crm.edit", {"token": "C1.", "field": field, "value": phones[1]}]
        yield step("before_crm_call", call="update", act=racing)


@dataclass(frozen=True)
class Safeguard:
    """What is switched off, the accidents that it is for, and a life that needs it."""

    off: Callable[[], list[AbstractContextManager[Any]]]
    accidents: Draw
    seed: int
    breaks: frozenset[str]
    sessions: int = 10


def _off(target: Any, name: str, instead: Any) -> AbstractContextManager[Any]:
    return patch.object(target, name, instead)


_numbers = count()


# Where keys are given.
KEYED = [one for one in (crm_delivery, to_crm) if hasattr(one, "external_key")]


def _another_key(*_: Any) -> str:
    return f"key {next(_numbers)}"


def _another_mark(*_: Any, **__: Any) -> str:
    return external_guid(str(next(_numbers)))


def _any_version(update: Callable[..., Any]) -> Callable[..., Any]:
    return lambda crm, kind, id, values, if_version: update(crm, kind, id, values, None)  # noqa: A006


SAFEGUARDS: dict[str, Safeguard] = {
    "what we made is known again by its mark": Safeguard(
        lambda: [_off(one, "mark_of", _another_mark) for one in (to_books, settling, probing)],
        _lost_answers,
        2,
        frozenset({"nothing_is_twice"}),
    ),
    "QuickBooks is asked for the stored answer": Safeguard(
        lambda: [_off(visit, "_ask", lambda visit: None)],
        _lost_calls,
        1,
        frozenset({"no_job_is_stuck", "nobody_is_forgotten", "comes_to_rest", "no_status_waits_for_ever"}),
    ),
    "a CRM record is made under an external key": Safeguard(
        lambda: [_off(one, "external_key", _another_key) for one in KEYED],
        _unknown,
        6,
        frozenset({"nothing_is_twice", "no_contact_is_twice", "no_mark_is_twice"}),
    ),
    "a CRM record is changed under the version that was read": Safeguard(
        lambda: [_off(MemoryGateway, "_update", _any_version(MemoryGateway._update))],
        _races,
        5,
        frozenset({"no_edit_is_lost", "pairs_agree", "no_status_waits_for_ever"}),
    ),
    "what a dead worker left on its way is taken up": Safeguard(
        lambda: [_off(tasks, "requeue_interrupted", lambda tx, scopes, company_id, now: 0)],
        _dead,
        1,
        frozenset({"no_job_is_stuck", "no_status_waits_for_ever"}),
    ),
}


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("name", SAFEGUARDS)
def test_without_a_safeguard_a_promise_breaks(databases: Databases, name: str) -> None:
    one = SAFEGUARDS[name]
    with ExitStack() as switched_off:
        for each in one.off():
            switched_off.enter_context(each)
        end = live(one.seed, plan(one.seed, one.sessions, one.accidents), databases)
    assert end.rules & one.breaks, end.violations
