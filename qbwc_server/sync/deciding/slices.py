"""Every record that waits gets its turn, in slices; a failure of one concerns nobody else.

What the records of a slice will ask for is read together beforehand, and kept for the time of their transaction.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby

import structlog

from qbwc_server.store import records
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.memory import remembering
from qbwc_server.sync.decide import Side
from qbwc_server.sync.deciding.foresight import foresee
from qbwc_server.sync.deciding.scope import scopes_of_company
from qbwc_server.sync.deciding.turn import Turn

log = structlog.get_logger(__name__)

Waiting = tuple[Turn, Side, str, str]


def decide_waiting(
    database: Database,
    company_id: str,
    run_number: int,
    clock: Callable[[], datetime],
    *,
    until: datetime | None = None,
    slice_size: int = 50,
) -> int:
    """Decide in slices, each its own transaction, until nothing waits or the time is up; how many were done."""
    done = 0
    while until is None or clock() < until:
        with database.write() as tx:
            decided = decide_slice(tx, company_id, run_number, clock(), slice_size)
        done += decided
        if decided == 0:
            break
    return done


def decide_slice(tx: Tx, company_id: str, run_number: int, now: datetime, limit: int) -> int:
    scopes = {scope.id: scope for scope in scopes_of_company(tx, company_id, lock=True)}
    running = [one.id for one in scopes.values() if not one.connection.stopped_reason]
    waiting = records.next_undecided(tx, running, limit)
    turns: list[Waiting] = [
        (
            Turn(tx, scopes[connection_id], run_number, now),
            "crm" if side == "crm" else "books",
            kind,
            record_id,
        )
        for connection_id, side, kind, record_id in waiting
    ]
    with remembering(tx):
        if not _all_turns(tx, turns):
            # Whose fault it was is found out one by one, and the others get their turn all the same.
            for one in turns:
                one_turn(*one)
    return len(waiting)


def _foresee(turns: Sequence[Waiting]) -> None:
    for (scope, side, kind), some in groupby(turns, lambda one: (one[0].scope, one[1], one[2])):
        listed = list(some)
        foresee(listed[0][0].tx, scope, side, kind, [record_id for *_, record_id in listed])


def _all_turns(tx: Tx, turns: Sequence[Waiting]) -> bool:
    """Decide all of a slice within one savepoint; False, with nothing done, when one of them fails."""
    if len(turns) < 2:
        return not turns
    try:
        with tx.begin_nested():
            _foresee(turns)
            for turn, side, kind, record_id in turns:
                turn.decide_record(side, kind, record_id)
                records.decided(tx, turn.scope.id, side, kind, record_id)
    except Exception as failure:  # noqa: BLE001 - the edge of a slice: each record gets a turn of its own
        log.warning("decide.one_by_one", records=len(turns), failure=type(failure).__qualname__)
        return False
    return True


def one_turn(turn: Turn, side: Side, kind: str, record_id: str) -> None:
    """Decide one record that waits; a failure is kept with it and concerns nobody else."""
    try:
        with turn.tx.begin_nested():
            turn.decide_record(side, kind, record_id)
    except Exception as failure:  # noqa: BLE001 - the edge of one record: the others still get their turn
        turn.note_failure(record_id, failure)
        # Set aside, not dropped: it gets its turn again after the next read of the CRM.
        records.park(turn.tx, turn.scope.id, side, kind, record_id, turn.now, failed=True)
    records.decided(turn.tx, turn.scope.id, side, kind, record_id)
