"""Keeping each SOAP call with its request and answer, so that everything can be looked at afterwards."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from qbwc_server import secrets
from qbwc_server.store import history
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Ticket
from qbwc_server.sync.posted import Posted

OUTCOME_LENGTH = 500
STRANGERS_TEXT = 200
PART = 512 * 1024


@dataclass(frozen=True)
class Call:
    """One SOAP call while it is answered."""

    method: str
    started_at: datetime
    request: Mapping[str, Any]
    company_id: str | None = None
    run_number: int | None = None
    posted: Posted | None = None
    """QuickBooks' answer, kept as the value `response` of the request."""
    beginning_only: bool = False

    def of(self, session: Ticket) -> "Call":
        """The same call, now that its session is known."""
        return replace(self, company_id=session.company_id, run_number=session.run_number)

    def cut(self) -> "Call":
        """The same call, of whose answer only the beginning is kept: nothing is made of it."""
        return replace(self, beginning_only=True)

    def of_nobody(self) -> "Call":
        """The same call without its answer and long texts: whoever has no session does not fill our tables."""
        size = self.posted.size if self.posted else None
        answer = {} if size is None else {"response": f"({size} bytes, not kept)"}
        told = {name: _beginning(value) for name, value in self.request.items()}
        return replace(self, posted=None, request={**told, **answer})


@dataclass(frozen=True)
class Outcome:
    """What became of a call, in words for the log; `subjects` are ids it can be found by (jobs, sets)."""

    text: str
    failed: bool = False
    subjects: tuple[str, ...] = ()


class Exchanges:
    """Writes calls down, in the transaction of the call itself: what was rolled back never happened."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock

    def keep(self, tx: Tx, call: Call, answer: Mapping[str, Any], outcome: Outcome) -> None:
        beginning, rest = _in_parts(call.posted)
        if call.beginning_only:
            rest = iter(())
        milliseconds = int((self.clock() - call.started_at).total_seconds() * 1000)
        exchange = history.Exchange(
            number=0,
            company_id=call.company_id,
            run_number=call.run_number,
            method=call.method,
            started_at=call.started_at,
            milliseconds=milliseconds,
            request=_text(call.request, beginning),
            response=_text(answer),
            outcome=secrets.mask(outcome.text)[:OUTCOME_LENGTH],
            failed=outcome.failed,
        )
        history.keep_exchange(tx, exchange, _known(outcome.subjects), rest)


def _in_parts(posted: Posted | None) -> tuple[dict[str, str], Iterator[str]]:
    """The first part of a document as a value, which is all of it but for the longest, and what follows."""
    if posted is None:
        return {}, iter(())
    texts = posted.texts(PART)
    return {"response": next(texts, "")}, texts


def _text(values: Mapping[str, Any], document: Mapping[str, str] | None = None) -> str:
    """What QuickBooks answered is kept as it came: it holds records, which are stored anyway, and no secret of ours."""
    return json.dumps({**(document or {}), **_masked(values)}, ensure_ascii=False)


def _masked(value: Any) -> Any:
    """Each text masked by itself: a mask that runs on to the end of a text must not take the JSON's own marks along."""
    if isinstance(value, Mapping):
        return {name: _masked(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_masked(one) for one in value]
    return secrets.mask(value) if isinstance(value, str) else value


def _beginning(value: Any) -> Any:
    """A value of a caller whom nobody knows: enough to see what was tried."""
    if not isinstance(value, str) or len(value) <= STRANGERS_TEXT:
        return value
    return f"{value[:STRANGERS_TEXT]}… ({len(value)} characters)"


def _known(subjects: Iterable[str]) -> list[str]:
    return [one for one in subjects if one]


def short(ticket: str) -> str:
    """Enough of a ticket to tell sessions apart, too little to use it."""
    return f"{ticket[:4]}…" if ticket else ""
