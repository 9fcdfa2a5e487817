"""What goes wrong, drawn at random: in QuickBooks, its Web Connector, on the way to the CRM, in our own processes."""

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qbwc_server.simulator.fault_table import FAULTS, LOCK_CODES
from tests.fire.steps import Step, step

METHODS = ("authenticate", "sendRequestXML", "receiveResponseXML", "closeConnection", "getLastError")
WRITES = ("CustomerAddRq", "CustomerModRq", "InvoiceAddRq", "ItemServiceAddRq", "")
REQUESTS = ("CustomerAddRq", "CustomerModRq", "InvoiceAddRq", "ItemServiceAddRq")

Arguments = Callable[[random.Random], dict[str, Any]]
# Arguments that make a switch of the simulator hit something; one that is not named here gets its defaults.
ARGUMENTS: Mapping[str, Arguments] = {
    "refuse_set": lambda chance: {"holding": chance.choice(WRITES)},
    "lose_answer": lambda chance: {"holding": chance.choice(WRITES)},
    "break_after": lambda chance: {"holding": chance.choice(WRITES), "requests": chance.randint(0, 3)},
    "answer_status": lambda chance: {"request": chance.choice(REQUESTS), "code": chance.choice([3200, 3175])},
    "locked_element": lambda chance: {"request": chance.choice(REQUESTS), "code": chance.choice(LOCK_CODES)},
    "clock_jump": lambda chance: {"seconds": chance.choice([-1800, -60, 60, 1800])},
    "delay_call": lambda chance: {"method": "receiveResponseXML", "seconds": chance.choice([30, 600])},
    **dict.fromkeys(
        (
            *("kill_connector_before", "kill_connector_after", "drop_before", "drop_after", "cut_call"),
            "second_connector",
        ),
        lambda chance: {"method": chance.choice(METHODS)},
    ),
}
# What asks a person by design (another file, a restored one), or moves the calendar by months.
LEFT_OUT = frozenset({"wrong_company", "copied_file", "restored_backup", "clock_change_night"})


def in_books(chance: random.Random) -> Iterator[Step]:
    name = chance.choice(sorted(FAULTS.keys() - LEFT_OUT))
    arguments = ARGUMENTS[name](chance) if name in ARGUMENTS else {}
    yield step("books.fault", name=name, nth=chance.choice([1, 1, 1, 2, 3]), arguments=arguments)


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
