"""The whole stream of a life: people's acts, sessions, and what goes wrong among them."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.fire.faults import accident
from tests.fire.rare import Rare
from tests.fire.steps import Step, step
from tests.fire.workload import Author

Draw = Callable[[random.Random], Iterator[Step]]


def plan(seed: int, sessions: int, accidents: Draw = accident) -> list[Step]:
    """Everything that happens, drawn from the seed. A session is a visit of the Web Connector.

    A life with accidents of its own has nothing rare in it, so that its seeds keep their meaning when rare things join.
    """
    chance = random.Random(seed)
    author = Author(chance)
    rare = Rare(chance, author, sessions) if accidents is accident else None
    steps = [*rare.beginning()] if rare else []
    # Some lives begin in the middle of things, some in an orderly way.
    steps += author.stock()
    steps += [step("sync"), step("sync")] if chance.random() < 0.7 else []
    for number in range(sessions):
        steps += _sometimes_later(chance, rare.before(number)) if rare else []
        steps += _session(chance, author, accidents)
    return steps


def _session(chance: random.Random, author: Author, accidents: Draw) -> Iterator[Step]:
    for _ in range(chance.choice([0, 1, 2, 3, 5, 8, 12])):
        yield from _sometimes_later(chance, author.write())
    for _ in range(chance.choice([0, 0, 1, 1, 2, 3])):
        yield from accidents(chance)
    if chance.random() < 0.15:
        yield step("advance", minutes=chance.choice([1, 10, 61, 1500]))
    yield from _beats(chance)


def _place(chance: random.Random) -> dict[str, Any]:
    """While some document, or some write, is on its way to QuickBooks."""
    if chance.random() < 0.5:
        return {"holding": chance.choice(["ModRq", "AddRq", "InvoiceAddRq", "iterator"])}
    return {"document": chance.randint(1, 9)}


# What happens between two sessions, or says itself when it does.
ALONE = frozenset(
    (
        *("during_visit", "advance", "books.fault", "books.move", "database.restore"),
        *("clock.pc", "clock.night", "clock.change"),
    )
)


def _sometimes_later(chance: random.Random, acts: Iterator[Step]) -> Iterator[Step]:
    """Most acts happen between two sessions, some in the middle of one."""
    for act in acts:
        place = chance.random() if act.verb not in ALONE else 1
        if place < 0.12:
            yield step("during_visit", **_place(chance), act=[act.verb, dict(act.given)])
        elif place < 0.2:
            call = chance.choice(["create", "update", "read", "changed_since", "find"])
            yield step("before_crm_call", call=call, act=[act.verb, dict(act.given)])
        else:
            yield act


def _beats(chance: random.Random) -> Iterator[Step]:
    """One session and the worker around it."""
    for name in ("poll", "deliver"):
        if chance.random() < 0.7:
            yield step(name)
    if chance.random() < 0.06:
        yield step("during_visit", document=chance.randint(1, 8), act=["visit", {"pc": 2}])
    if chance.random() < 0.3:
        # The worker does not wait for the visit to end, nor the visit for the worker.
        beside = chance.choice(["poll", "deliver"])
        yield step("during_visit", **_place(chance), act=[beside, {}])
    if chance.random() < 0.12:
        call = chance.choice(["create", "update", "read"])
        yield step("before_crm_call", call=call, act=["visit", {"pc": 1}])
    yield step("visit", pc=1 if chance.random() < 0.93 else 2, worker=chance.random() < 0.5)
    if chance.random() < 0.7:
        yield step("deliver")
