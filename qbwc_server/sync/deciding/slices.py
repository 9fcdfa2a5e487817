"""Every record that waits gets its turn, in slices; a failure of one concerns nobody else."""

from collections.abc import Callable
from datetime import datetime

from qbwc_server.store import records
from qbwc_server.store.database import Database, Tx
from qbwc_server.sync.decide import Side
from qbwc_server.sync.deciding.scope import scopes_of_company
from qbwc_server.sync.deciding.turn import Turn


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
    for connection_id, side, kind, record_id in waiting:
        turn = Turn(tx, scopes[connection_id], run_number, now)
        one_turn(turn, "crm" if side == "crm" else "books", kind, record_id)
    return len(waiting)


def one_turn(turn: Turn, side: Side, kind: str, record_id: str) -> None:
    """Decide one record that waits; a failure is kept with it and concerns nobody else."""
    try:
        with turn.tx.begin_nested():
            turn.decide_record(side, kind, record_id)
    except Exception as failure:  # noqa: BLE001 - the edge of one record: the others still get their turn
        turn.note_failure(record_id, failure)
        # Set aside, not dropped: it gets its turn again after the next read of the CRM.
        records.park(turn.tx, turn.scope.id, side, kind, record_id, turn.now)
    records.decided(turn.tx, turn.scope.id, side, kind, record_id)
