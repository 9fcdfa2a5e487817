"""What goes wrong, drawn at random: in QuickBooks, its Web Connector, on the way to the CRM, in our own processes."""

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qbwc_server.simulator.faults import SWITCHES
from tests.fire.steps import Step, step

METHODS = ("authenticate", "sendRequestXML", "receiveResponseXML", "closeConnection", "getLastError")
WRITES = ("CustomerAddRq", "CustomerModRq", "InvoiceAddRq", "ItemServiceAddRq", "")
# 3175: in use by another. 3000 and up that are the record's own fault are the business of narrower tests.
STATUSES = (3175, 3176, 3200)

Arguments = Callable[[random.Random], dict[str, Any]]
# Arguments that make a switch of the simulator hit something; one that is not named here gets its defaults.
ARGUMENTS: Mapping[str, Arguments] = {
    "refuse_set": lambda chance: {"holding": chance.choice(WRITES)},
    "lose_answer": lambda chance: {"holding": chance.choice(WRITES)},
    "break_after": lambda chance: {"holding": chance.choice(WRITES), "requests": chance.randint(0, 3)},
    "answer_status": lambda chance: {
        "request": chance.choice(["CustomerAdd", "CustomerMod", "InvoiceAdd", "ItemServiceAdd"]),
        "code": chance.choice(STATUSES),
    },
    "kill_connector_before": lambda chance: {"method": chance.choice(METHODS)},
    "kill_connector_after": lambda chance: {"method": chance.choice(METHODS)},
}
# Switches that need a person's hand afterwards, or are no accident.
LEFT_OUT: frozenset[str] = frozenset()


def in_books(chance: random.Random) -> Iterator[Step]:
    name = chance.choice(sorted(SWITCHES.keys() - LEFT_OUT))
    arguments = ARGUMENTS[name](chance) if name in ARGUMENTS else {}
    yield step("books.fault", name=name, arguments=arguments)


CRM_ERRORS = ("Unavailable", "UnknownOutcome", "UnknownOutcome", "LimitedUntil", "LoginFailed", "Stale")


def in_crm(chance: random.Random) -> Iterator[Step]:
    kind = chance.choice(["write", "write", "write", "down", "pages", "again", "late", "purge"])
    if kind == "write":
        error = chance.choice(CRM_ERRORS)
        after = error == "UnknownOutcome" and chance.random() < 0.6
        yield step("crm.fail_write", error=error, after=after)
    elif kind == "down":
        yield step("crm.down", error=chance.choice(["Unavailable", "LimitedUntil", "LoginFailed"]))
    elif kind == "pages":
        yield step("crm.break_off", pages=chance.randint(0, 2))
    elif kind == "again":
        yield step("crm.deliver_again", changes=chance.randint(1, 30))
    else:
        yield step({"late": "crm.commit_late", "purge": "crm.forget_deletions"}[kind])


def in_process(chance: random.Random) -> Iterator[Step]:
    """A process dies with its next but nth transaction: half done, or done and not yet said."""
    if chance.random() < 0.3:
        call = chance.choice(
            ["create", "update", "read", "create account", "update account", "update opportunity"]
        )
        yield step("kill_after_crm_call", call=call)
    else:
        yield step("kill", transaction=chance.randint(1, 14), committed=chance.random() < 0.5)


ACCIDENTS: Mapping[str, tuple[Callable[[random.Random], Iterator[Step]], int]] = {
    "books": (in_books, 4),
    "crm": (in_crm, 3),
    "process": (in_process, 4),
}


def accident(chance: random.Random) -> Iterator[Step]:
    names = list(ACCIDENTS)
    chosen = chance.choices(names, [ACCIDENTS[name][1] for name in names])[0]
    yield from ACCIDENTS[chosen][0](chance)
