"""What happened: runs, SOAP exchanges, decisions and the audit trail."""

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, insert, select, update

from qbwc_server.store.database import Tx
from qbwc_server.store.memory import as_stored, memory_of
from qbwc_server.store.rows import Run, many, one
from qbwc_server.store.tables import audit, decisions, exchange_parts, exchange_subjects, exchanges, runs

FAST = 1  # zlib's level for what is long: half the size saved at a fifth of the time


def begin_run(
    tx: Tx, kind: str, now: datetime, *, company_id: str | None = None, organisation_id: str | None = None
) -> int:
    row = {"kind": kind, "company_id": company_id, "organisation_id": organisation_id, "started_at": now}
    return int(tx.execute(_BEGIN_RUN, row | {"counts": {}, "errors": 0, "note": ""}).scalar_one())


_BEGIN_RUN = insert(runs).returning(runs.c.number)


def run(tx: Tx, number: int) -> Run | None:
    return one(Run, tx.execute(_RUN, {"wanted": number}).first())


_RUN = select(runs).where(runs.c.number == bindparam("wanted"))


def count_in_run(tx: Tx, number: int, counts: dict[str, int], errors: int = 0) -> None:
    """Add to a run's counters; two nodes that count at once take turns."""
    counts = {name: amount for name, amount in counts.items() if amount}
    if not (counts or errors):
        return
    current = one(Run, tx.execute(select(runs).where(runs.c.number == number).with_for_update()).first())
    if current is None:
        return
    merged = dict(current.counts)
    for name, amount in counts.items():
        merged[name] = merged.get(name, 0) + amount
    values = {"counts": merged, "errors": current.errors + errors}
    tx.execute(update(runs).where(runs.c.number == number).values(**values))


def end_run(tx: Tx, number: int, now: datetime, note: str = "") -> None:
    tx.execute(_END_RUN, {"run_number": number, "ended": now, "said": note})


_END_RUN = (
    update(runs)
    .where(runs.c.number == bindparam("run_number"), runs.c.ended_at.is_(None))
    .values(ended_at=bindparam("ended"), note=bindparam("said"))
)


def recent_runs(tx: Tx, limit: int = 50, company_id: str | None = None) -> list[Run]:
    query = select(runs).order_by(runs.c.number.desc()).limit(limit)
    if company_id:
        query = query.where(runs.c.company_id == company_id)
    return many(Run, tx.execute(query).all())


@dataclass(frozen=True)
class Exchange:
    """One SOAP call with its request and answer as JSON texts, secrets masked before it was kept.

    Of a very long answer of QuickBooks, `request` holds the beginning; `rest_of` gives what follows.
    """

    number: int
    company_id: str | None
    run_number: int | None
    method: str
    started_at: datetime
    milliseconds: int
    request: str
    response: str
    outcome: str
    failed: bool


def keep_exchange(tx: Tx, exchange: Exchange, subjects: Iterable[str] = (), rest: Iterable[str] = ()) -> int:
    """Store an exchange compressed; `number` of the given one is ignored, the new number is returned.

    `rest` are the texts that follow the value `response` of the request, taken and stored one by one.
    """
    row = dict(exchange.__dict__)
    row.pop("number")
    row["request"] = zlib.compress(exchange.request.encode())
    row["response"] = zlib.compress(exchange.response.encode())
    number = int(tx.execute(_KEEP_EXCHANGE, row).scalar_one())
    about = [{"exchange_number": number, "subject": subject} for subject in sorted(set(subjects)) if subject]
    if about:
        tx.execute(insert(exchange_subjects), about)
    for part, text in enumerate(rest, start=1):
        packed = zlib.compress(text.encode(), FAST)
        tx.execute(insert(exchange_parts).values(exchange_number=number, part=part, text=packed))
    return number


_KEEP_EXCHANGE = insert(exchanges).returning(exchanges.c.number)


def rest_of(tx: Tx, number: int) -> Iterator[str]:
    """What follows the beginning of a very long answer, text by text; nothing for all others."""
    mine = exchange_parts.c.exchange_number == number
    for part in (
        tx.execute(select(exchange_parts.c.part).where(mine).order_by(exchange_parts.c.part)).scalars().all()
    ):
        packed = tx.execute(
            select(exchange_parts.c.text).where(mine, exchange_parts.c.part == part)
        ).scalar_one()
        yield zlib.decompress(packed).decode()


def whole(tx: Tx, one: Exchange) -> Exchange:
    """An exchange with all of a very long answer in its request."""
    rest = "".join(rest_of(tx, one.number))
    if not rest:
        return one
    request = json.loads(one.request)
    return replace(
        one, request=json.dumps(request | {"response": request["response"] + rest}, ensure_ascii=False)
    )


def note_subjects(tx: Tx, exchange_number: int, subjects: Iterable[str]) -> None:
    known = set(
        tx.execute(
            select(exchange_subjects.c.subject).where(exchange_subjects.c.exchange_number == exchange_number)
        ).scalars()
    )
    about = [
        {"exchange_number": exchange_number, "subject": subject} for subject in sorted(set(subjects) - known)
    ]
    if about:
        tx.execute(insert(exchange_subjects), about)


def exchange(tx: Tx, number: int) -> Exchange | None:
    row = tx.execute(select(exchanges).where(exchanges.c.number == number)).first()
    return None if row is None else _exchange(dict(row._mapping))


def find_exchanges(
    tx: Tx,
    *,
    company_id: str | None = None,
    run_number: int | None = None,
    subjects: Sequence[str] = (),
    failed: bool = False,
    limit: int = 50,
) -> list[Exchange]:
    """The newest exchanges that meet every given condition."""
    wanted: list[ColumnElement[bool]] = []
    if company_id:
        wanted.append(exchanges.c.company_id == company_id)
    if run_number is not None:
        wanted.append(exchanges.c.run_number == run_number)
    if failed:
        wanted.append(exchanges.c.failed)
    if subjects:
        about = select(exchange_subjects.c.exchange_number).where(exchange_subjects.c.subject.in_(subjects))
        wanted.append(exchanges.c.number.in_(about))
    query = select(exchanges).where(*wanted).order_by(exchanges.c.number.desc()).limit(limit)
    return [_exchange(dict(row._mapping)) for row in tx.execute(query)]


def forget_exchanges(tx: Tx, before: datetime) -> int:
    old = select(exchanges.c.number).where(exchanges.c.started_at < before)
    for table in (exchange_subjects, exchange_parts):
        tx.execute(delete(table).where(table.c.exchange_number.in_(old)))
    return tx.execute(delete(exchanges).where(exchanges.c.started_at < before)).rowcount


def keep_decision(tx: Tx, row: dict[str, Any]) -> None:
    memory = memory_of(tx)
    if memory is None:
        tx.execute(insert(decisions), row)
        return
    memory.kept_decisions.append(row)
    memory.said_fields[row["connection_id"], row["link_id"]] = as_stored(row, "fields")["fields"] or []
    memory.said_reasons[row["connection_id"], row["record_id"]] = row["reason"]


def decisions_about(
    tx: Tx, *, link_id: str | None = None, record_id: str | None = None, run_number: int | None = None
) -> list[dict[str, Any]]:
    if (memory := memory_of(tx)) is not None:
        memory.flush(tx)
    query = select(decisions)
    if link_id:
        query = query.where(decisions.c.link_id == link_id)
    if record_id:
        query = query.where(decisions.c.record_id == record_id)
    if run_number is not None:
        query = query.where(decisions.c.run_number == run_number)
    return [dict(row._mapping) for row in tx.execute(query.order_by(decisions.c.number.desc()).limit(200))]


def last_fields(tx: Tx, connection_id: str, link_id: str) -> list[dict[str, Any]]:
    """What was decided about the fields of a link when something was last kept about it."""
    memory = memory_of(tx)
    if memory is not None and (connection_id, link_id) in memory.said_fields:
        return memory.said_fields[connection_id, link_id]
    query = (
        select(decisions.c.fields)
        .where(decisions.c.connection_id == connection_id, decisions.c.link_id == link_id)
        .order_by(decisions.c.number.desc())
        .limit(1)
    )
    found = list(tx.execute(query).scalar_one_or_none() or [])
    if memory is not None:
        memory.said_fields[connection_id, link_id] = found
    return found


def last_reason(tx: Tx, connection_id: str, record_id: str) -> str:
    """Why, when something was last decided about a record; "" when nothing was."""
    memory = memory_of(tx)
    if memory is not None and (connection_id, record_id) in memory.said_reasons:
        return memory.said_reasons[connection_id, record_id]
    query = (
        select(decisions.c.reason)
        .where(decisions.c.connection_id == connection_id, decisions.c.record_id == record_id)
        .order_by(decisions.c.number.desc())
        .limit(1)
    )
    found = str(tx.execute(query).scalar_one_or_none() or "")
    if memory is not None:
        memory.said_reasons[connection_id, record_id] = found
    return found


def note_action(tx: Tx, at: datetime, actor: str, action: str, subject: str, **details: Any) -> None:
    row = {"at": at, "actor": actor, "action": action, "subject": subject, "details": details}
    tx.execute(insert(audit), row)


def audit_trail(tx: Tx, limit: int = 100) -> list[dict[str, Any]]:
    return [
        dict(row._mapping) for row in tx.execute(select(audit).order_by(audit.c.number.desc()).limit(limit))
    ]


def _exchange(row: dict[str, Any]) -> Exchange:
    row["request"] = zlib.decompress(row["request"]).decode()
    row["response"] = zlib.decompress(row["response"]).decode()
    return Exchange(**row)
