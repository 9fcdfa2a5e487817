"""What goes wrong among processes: in Salesforce, on the way there, in PCs, nodes, servers and workers.

Verbs of the quick world's accidents are here as well, played with what processes have; the others are drawn by
`disaster`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crm.emulators.salesforce import Fault
from tests.crash.relay import Moment, Strike
from tests.fire.desk import OBJECTS
from tests.fire.faults import accident
from tests.fire.steps import Step, step
from tests.fire.watched import Watch, nth, reads, writes

if TYPE_CHECKING:
    from tests.fire.outside import Outside

EFFECTS = {
    "Unavailable": "unavailable",
    "UnknownOutcome": "drop",
    "LimitedUntil": "limit",
    "LoginFailed": "expire",
    "Stale": "lock",
}
# A call of the worker that something hits: one of the next few.
SOON = 6
# Request kinds of the emulator.
READING = ("query*", "query_more", "updated", "deleted", "read*", "describe")
WRITING = ("composite", "*create*", "*update*", "*upsert*")
DAILY = 100_000
# More than `impatient.SILENCE`, so that the worker does not wait for the end of it.
LONG_SILENCE = 4.0


# --- in Salesforce ---


def crm_fault(world: Outside, effect: str, kind: str, nth: int, times: int, after: bool) -> None:
    world.accidents += 1
    options = {"seconds": 2} if effect == "late" else {}
    world.crm.arm(Fault(effect, kind, nth=nth, times=times, after_commit=after, options=options))


def fail_write(world: Outside, error: str, after: bool) -> None:
    crm_fault(world, EFFECTS[error], "*", 1 + world.accidents % SOON, 1, after)


def down(world: Outside, error: str) -> None:
    crm_fault(world, EFFECTS[error], "*", 1, 2, after=False)


def break_off(world: Outside, pages: int) -> None:
    crm_fault(world, "server_error", "query*", pages + 1, 1, after=False)


def short_logins(world: Outside, calls: int) -> None:
    """Every login ends after a few calls: between two pages, between two writes."""
    world.accidents += 1
    world.crm.sessions_last(calls)
    world.soon(3, lambda: world.crm.sessions_last(None))


def used_up(world: Outside, seconds: float) -> None:
    """All calls of the day are used up; a little later there are some again."""
    world.accidents += 1
    world.crm.settings.daily_requests = 0
    world.soon(seconds, lambda: setattr(world.crm.settings, "daily_requests", DAILY))


def lock_rows(world: Outside, kind: str, seconds: float) -> None:
    """Somebody else has the newest rows of a kind in hand: UNABLE_TO_LOCK_ROW."""
    world.accidents += 1
    held = [key for key, _ in world.desk.rows(kind)[-4:]]
    for one in held:
        world.crm.lock(one)
    world.soon(seconds, lambda: [world.crm.unlock(one) for one in held])


def deliver_again(world: Outside, changes: int) -> None:
    """Stamps move, and nothing else does: what was read comes once more."""
    world.accidents += 1
    rows = [key for kind in OBJECTS for key, _ in world.desk.rows(kind)]
    for key in rows[-changes:]:
        world.crm.touch(key)


def forget_deletions(world: Outside) -> None:
    """The Recycle Bin is emptied, and what was deleted until now is told to nobody."""
    world.accidents += 1
    for kind in OBJECTS.values():
        for row in world.crm.records(kind):
            if row.get("IsDeleted"):
                world.crm.purge(str(row["Id"]))
    world.crm.settings.deletes_known_since = world.crm.org.clock.second() + timedelta(seconds=1)


def silence(world: Outside, call: str, number: int, after: bool) -> None:
    """An answer that never comes: the call was carried out already, or it will be, after nobody waits for it."""
    world.accidents += 1
    aims = nth(number, writes if call == "write" else reads)
    world.crm_line.watch(Watch(aims, lambda: time.sleep(LONG_SILENCE), answered=after))


# --- processes ---


def kill(world: Outside, transaction: int, committed: bool) -> None:
    """SIGKILL to a server: over a call that is told by its number, or simply some time from now."""
    world.accidents += 1
    if not committed and transaction % 2:
        world.soon(transaction * 0.05, lambda: world.nodes.kill_server(transaction // 2 % 2))
        return
    moment = Moment.AFTER if committed else (Moment.BEFORE, Moment.HALF)[transaction // 2 % 2]
    aims = nth(transaction)
    world.lines[1].arm(Strike(lambda request: aims(request, b""), moment, world.nodes.kill_server))


def kill_worker(world: Outside, call: str) -> None:
    """The worker dies over one of its next calls to the CRM, or some time from now."""
    world.accidents += 1
    number = 1 + len(call) % SOON
    if call == "read":
        world.soon(0.1 * number, world.nodes.kill_worker)
        return
    moment = Moment.AFTER if "update" in call else Moment.BEFORE
    aims = nth(number, writes)
    world.crm_line.arm(
        Strike(lambda request: aims(request, b""), moment, lambda _: world.nodes.kill_worker())
    )


def kill_standby(world: Outside) -> None:
    world.accidents += 1
    world.nodes.kill_worker(leading=False)


def kill_connector(world: Outside, pc: int, call: int, answered: bool, seconds: float) -> None:
    """SIGKILL to a Web Connector: over one of its calls, or some time after one of them, in the midst of QuickBooks."""
    world.accidents += 1

    def strike() -> None:
        if seconds:
            world.soon(seconds, lambda: world.kill_connector(pc))
        else:
            world.kill_connector(pc)

    world.lines[pc].watch(Watch(nth(call), strike, answered=answered))


def freeze_worker(world: Outside, seconds: float, call: int, answered: bool) -> None:
    """The leading worker stands still over a write until its lease is over; it goes on beside its successor."""
    world.accidents += 1

    def stop() -> None:
        world.nodes.freeze(world.nodes.leader(), seconds, lapse=True)

    world.crm_line.watch(Watch(nth(call, writes), stop, answered=answered))


def freeze_server(world: Outside, seconds: float, call: int, delay: float, patient: bool) -> None:
    """A server stands still amid a call. Without patience the run ends there, and the next one meets the old call."""
    world.accidents += 1
    line = world.lines[1]

    def stop() -> None:
        server = world.nodes.servers[line.next_place]
        world.soon(delay, lambda: world.nodes.freeze(server, seconds))
        if not patient:
            world.soon(delay + 0.1, lambda: world.kill_connector(1))

    line.watch(Watch(nth(call), stop))


def vanish(world: Outside, place: int, seconds: float) -> None:
    """A node is gone, with its lease and with the calls that it had in hand; the other one does its work."""
    world.accidents += 1
    world.soon(0.2, lambda: world.nodes.vanish(place, seconds))


def arm(world: Outside, name: str, arguments: Mapping[str, Any], nth: int = 1) -> None:
    """In the simulator; waiting is for the quick world."""
    if name != "delay_call":
        world.accidents += 1
        world.company.faults.arm(name, nth=nth, **arguments)


DISASTERS: Mapping[str, Callable[..., None]] = {
    "books.fault": arm,
    "crm.fail_write": fail_write,
    "crm.down": down,
    "crm.break_off": break_off,
    "crm.deliver_again": deliver_again,
    "crm.commit_late": lambda world: world.crm.release(),
    "crm.forget_deletions": forget_deletions,
    "kill": kill,
    "kill_after_crm_call": kill_worker,
    # Only here.
    "crm.fault": crm_fault,
    "crm.short_logins": short_logins,
    "crm.used_up": used_up,
    "crm.lock_rows": lock_rows,
    "crm.silence": silence,
    "kill_standby": kill_standby,
    "kill_connector": kill_connector,
    "freeze_server": freeze_server,
    "freeze_worker": freeze_worker,
    "vanish": vanish,
}


# --- drawn ---


def in_salesforce(chance: random.Random) -> Iterator[Step]:
    reading = chance.random() < 0.5
    effect = chance.choice(["drop", "server_error", "unavailable", "limit", "expire", "lock", "late"])
    yield step(
        "crm.fault",
        effect=effect,
        kind=chance.choice(READING if reading else WRITING),
        nth=chance.choice([1, 1, 2, 3, 5]),
        times=chance.choice([1, 1, 2, 4]),
        after=chance.random() < 0.5,
    )


def around_salesforce(chance: random.Random) -> Iterator[Step]:
    yield chance.choice(
        [
            step("crm.short_logins", calls=chance.randint(1, 6)),
            step("crm.used_up", seconds=chance.choice([0.5, 2])),
            step(
                "crm.lock_rows",
                kind=chance.choice(["account", "opportunity", "contact"]),
                seconds=chance.choice([0.3, 2]),
            ),
            step("crm.deliver_again", changes=chance.randint(1, 30)),
            step("crm.forget_deletions"),
            step(
                "crm.silence",
                call=chance.choice(["read", "write", "write"]),
                number=chance.randint(1, 4),
                after=chance.random() < 0.5,
            ),
        ]
    )


def in_nodes(chance: random.Random) -> Iterator[Step]:
    answered = chance.random() < 0.5
    connector = step(
        "kill_connector",
        pc=1,
        call=chance.randint(2, 14),
        answered=answered,
        seconds=chance.choice([0, 0, 0.005, 0.02, 0.05]),
    )
    server = step(
        "freeze_server",
        seconds=chance.choice([1.5, 3]),
        call=chance.randint(3, 12),
        delay=chance.choice([0, 0.01, 0.03]),
        patient=chance.random() < 0.3,
    )
    worker = step("freeze_worker", seconds=2.5, call=chance.randint(1, 4), answered=answered)
    gone = step("vanish", place=chance.randint(0, 1), seconds=chance.choice([1, 4]))
    yield chance.choice(
        [connector, connector, connector, server, server, worker, worker, gone, step("kill_standby")]
    )


def disaster(chance: random.Random) -> Iterator[Step]:
    """An accident of any kind, and often others that it meets."""
    for _ in range(chance.choice([1, 1, 2, 3])):
        drawn = chance.choices([accident, in_salesforce, around_salesforce, in_nodes], [5, 3, 2, 4])[0]
        yield from drawn(chance)
