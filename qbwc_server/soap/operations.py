"""The sessions behind the Web Connector's methods: who calls, in which state, and what is said to them.

Each call is one or two short transactions; what the next call needs is in the database before the reply leaves,
so any process can answer it. What to read and write in QuickBooks is the visit's business (sync.visit).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import qbxml
from qbwc_server import secrets
from qbwc_server.secrets import Keys
from qbwc_server.soap.identity import IDENTITY_REQUESTS, judge, read_file
from qbwc_server.soap.states import LIVE, OutOfOrder, SessionEvent, SessionState, after
from qbwc_server.store import history, jobs, parties, visits
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.rows import Company, Ticket
from qbwc_server.sync import visit as visiting

T = TypeVar("T")

VERSION = "qbwc-server 0.1.0"
FAILURE_WINDOW = timedelta(minutes=15)
FAILURES_PER_USER = 10
FAILURES_PER_ADDRESS = 30
# QuickBooks may take minutes for one request; a set of writes younger than this may still be running.
YOUNG = timedelta(minutes=30)
SILENT = timedelta(seconds=60)
IDLE_LIMIT = timedelta(minutes=60)
CONNECTION_TRIES = 2

UNKNOWN_TICKET = (
    "This session is not known any more, so the update was stopped. Nothing is lost; update again."
)
NO_ERROR = "No error is noted for this update."
MESSAGES_LOST = "Calls came out of order, so the update was stopped. Nothing is lost; update again."
DEAD_SESSION = "The session ended without an answer to these writes."


@dataclass(frozen=True)
class Call:
    """One SOAP call while it is answered, for the log that people inspect."""

    method: str
    started_at: datetime
    request: Mapping[str, Any]
    company_id: str | None = None
    run_number: int | None = None


class Sessions:
    """Implements `soap.port.Operations`; holds no state of its own between calls."""

    def __init__(self, database: Database, keys: Keys, clock: Callable[[], datetime]) -> None:
        self.database, self.keys, self.clock = database, keys, clock

    # --- before the login ---

    def server_version(self) -> str:
        return VERSION

    def client_version(self, version: str) -> str:  # noqa: ARG002  (every version is welcome)
        return ""

    def authenticate(self, user: str, password: str, address: str) -> list[str]:
        call = Call(
            "authenticate", self.clock(), {"strUserName": user, "strPassword": "***", "address": address}
        )
        with self.database.write() as tx:
            company = self._log_in(tx, user, password, address)
            answer = self._welcome(tx, company, address) if company else ["", "nvu"]
            ticket = visits.ticket(tx, secrets.ticket_hash(answer[0])) if answer[0] else None
            call = replace(
                call,
                company_id=company.id if company else None,
                run_number=ticket.run_number if ticket else None,
            )
            shown = {"ticket": _short(answer[0]), "status": answer[1], "more": answer[2:]}
            self._keep(tx, call, shown, _LOGIN_OUTCOMES.get(answer[1], "welcome"), failed=answer[1] == "nvu")
        return answer

    def _log_in(self, tx: Tx, user: str, password: str, address: str) -> Company | None:
        """The company of a right login. Same answer and cost for an unknown user and a wrong password."""
        now = self.clock()
        by_user, by_address = visits.login_failure_count(tx, user, address, now - FAILURE_WINDOW)
        company = parties.company_of_user(tx, user)
        right = secrets.check_password(company.password_hash if company else None, password, self.keys)
        if right and by_user < FAILURES_PER_USER and by_address < FAILURES_PER_ADDRESS:
            return company
        if by_user < FAILURES_PER_USER and by_address < FAILURES_PER_ADDRESS:
            visits.note_login_failure(tx, user, address, now)
        return None

    def _welcome(self, tx: Tx, company: Company, address: str) -> list[str]:
        """Positional: ticket, status or company file, [postpone, minimum seconds]. A number in the third place
        would postpone the update even with work to do, so it is never sent (protocol 2.5)."""
        now = self.clock()
        minimum = [] if company.minimum_seconds == 0 else ["", str(company.minimum_seconds)]
        if not visiting.something_to_do(tx, company.id) or self._too_early(company, now):
            return ["", "none", *minimum]
        if any(self._in_use(old, address, now) for old in self._live(tx, company.id)):
            return ["", "busy"]
        for old in self._live(tx, company.id):
            self._end(tx, old, SessionEvent.SUPERSEDE, "A newer login took over.")
        ticket = secrets.new_ticket()
        run_number = history.begin_run(tx, "visit", now, company_id=company.id)
        notes = visiting.begin(tx, company.id, now)
        visits.add_ticket(
            tx,
            Ticket(
                ticket_hash=secrets.ticket_hash(ticket),
                company_id=company.id,
                run_number=run_number,
                state=SessionState.AUTHED,
                address=address,
                started_at=now,
                seen_at=now,
                connection_errors=0,
                last_error="",
                client_version="",
                visit=notes,
            ),
        )
        parties.change_company(tx, company.id, last_visit_at=now)
        return [ticket, company.company_file, *minimum]

    def _too_early(self, company: Company, now: datetime) -> bool:
        gap = timedelta(seconds=company.minimum_seconds)
        return company.last_visit_at is not None and now < company.last_visit_at + gap

    def _live(self, tx: Tx, company_id: str) -> list[Ticket]:
        return visits.tickets_of_company(tx, company_id, LIVE)

    def _in_use(self, old: Ticket, address: str, now: datetime) -> bool:
        """Another PC is at work. The same PC's earlier run is over: the Web Connector runs one at a time."""
        if old.address == address or old.state in (SessionState.DONE, SessionState.CLOSING):
            return False
        patience = YOUNG if old.state == SessionState.SENT and visiting.writing_out(old) else SILENT
        return now < old.seen_at + patience

    # --- the visit ---

    def send_request_xml(
        self, ticket: str, hcp_response: str, company_file: str, country: str, major: int, minor: int
    ) -> str:
        request = {
            "strHCPResponse": hcp_response,
            "strCompanyFileName": company_file,
            "qbXMLCountry": country,
        }
        call = Call("sendRequestXML", self.clock(), request | {"qbXMLVersion": f"{major}.{minor}"})
        found = self._decide_first(ticket)
        with self.database.write() as tx:
            if found is None or (session := self._session(tx, ticket)) is None:
                return self._kept(tx, call, "", "unknown ticket", failed=True)
            call = _of(call, session)
            if session.state != SessionState.AUTHED:
                if session.state in LIVE:
                    self._end(tx, session, SessionEvent.SUPERSEDE, DEAD_SESSION, last_error=MESSAGES_LOST)
                return self._kept(tx, call, "", "out of order", failed=True)
            visit = visiting.open_visit(tx, session, self.clock())
            if not visit.notes.identified and (
                text := self._identify(visit, hcp_response, company_file, country)
            ):
                return self._kept(
                    tx, call, text if text.startswith("<?xml") else "", text, failed=text[:1] != "<"
                )
            return self._hand_out(tx, call, visiting.open_visit(tx, self._must(tx, ticket), self.clock()))

    def _decide_first(self, ticket: str) -> Ticket | None:
        """Decide what waits before the next request is chosen, in transactions of its own."""
        with self.database.read() as tx:
            session = self._session(tx, ticket)
        if session is not None and session.state == SessionState.AUTHED:
            visiting.decide(self.database, session, self.clock)
        return session

    def _identify(self, visit: visiting.Visit, hcp: str, path: str, country: str) -> str:
        """ "" when the right company file is open; a request that asks for it; or the sentence that stops."""
        seen = read_file(hcp, path, country)
        if seen is None or not seen.file_id:
            text = qbxml.build(IDENTITY_REQUESTS, version="2.0" if seen is None else seen.version)
            notes = replace(visit.notes, out="identity", path=path)
            self._move(visit.tx, visit.ticket, SessionEvent.REQUEST, visit=notes.plain())
            return text
        verdict = judge(visit.company, seen)
        if verdict.problem:
            self._move(visit.tx, visit.ticket, SessionEvent.STOP, last_error=verdict.problem)
            return verdict.problem
        self._pin(visit, seen)
        return ""

    def _pin(self, visit: visiting.Visit, seen: Any) -> None:
        now = self.clock()
        pins = {} if visit.company.pinned_name is not None else {"pinned_at": now}
        pins |= {"pinned_name": seen.company_name, "pinned_path": seen.path}
        values = {"qbxml_version": seen.version, "product": seen.product, "country": seen.country}
        parties.change_company(visit.tx, visit.company.id, **pins, **values)
        notes = replace(visit.notes, identified=True, out="")
        visits.change_ticket(visit.tx, visit.ticket.ticket_hash, visit=notes.plain())

    def _hand_out(self, tx: Tx, call: Call, visit: visiting.Visit) -> str:
        handout = visiting.hand_out(visit)
        event = SessionEvent.NOTHING_YET if handout.waits else SessionEvent.REQUEST
        self._move(tx, visit.ticket, event, visit=handout.notes.plain())
        outcome = "waits for the CRM to be read" if handout.waits else handout.notes.out
        return self._kept(tx, call, handout.text, outcome, subjects=handout.subjects)

    def receive_response_xml(self, ticket: str, response: str, hresult: str, message: str) -> int:
        request = {"response": response, "hresult": hresult, "message": message}
        call = Call("receiveResponseXML", self.clock(), request)
        with self.database.write() as tx:
            session = self._session(tx, ticket)
            if session is None or session.state != SessionState.SENT:
                return self._unexpected(tx, call, session, response)
            visit = visiting.open_visit(tx, session, self.clock())
            if visit.notes.out == "identity":
                return self._take_identity(tx, call, visit, response, hresult)
            result = visiting.take(visit, response, hresult, message)
            subjects = (*result.subjects, visit.notes.set_id)
            if result.error:
                self._move(
                    tx, session, SessionEvent.STOP, visit=result.notes.plain(), last_error=result.error
                )
                return self._kept(tx, _of(call, session), -1, result.error, failed=True, subjects=subjects)
            visits.change_ticket(tx, session.ticket_hash, visit=result.notes.plain(), seen_at=self.clock())
        visiting.decide(self.database, session, self.clock)
        with self.database.write() as tx:
            return self._acknowledge(tx, call, ticket, subjects)

    def _acknowledge(self, tx: Tx, call: Call, ticket: str, subjects: Iterable[str]) -> int:
        """What was posted is stored and settled by now; 100 is said exactly when nothing is left."""
        session = self._session(tx, ticket)
        if session is None or session.state != SessionState.SENT:
            return self._kept(tx, call, -1, "the session ended meanwhile", failed=True, subjects=subjects)
        percent = visiting.percent_done(visiting.open_visit(tx, session, self.clock()))
        self._move(tx, session, SessionEvent.ALL if percent == 100 else SessionEvent.MORE)
        if percent == 100:
            history.end_run(tx, session.run_number, self.clock())
        return self._kept(tx, _of(call, session), percent, f"{percent} %", subjects=subjects)

    def _take_identity(self, tx: Tx, call: Call, visit: visiting.Visit, response: str, hresult: str) -> int:
        seen = None if hresult.strip() else read_file(response, visit.notes.path, "US")
        verdict = judge(visit.company, seen) if seen else None
        if seen is None or verdict is None or verdict.problem:
            text = (
                verdict.problem
                if verdict
                else "QuickBooks did not say which company file is open. Update again."
            )
            self._move(tx, visit.ticket, SessionEvent.STOP, last_error=text)
            return self._kept(tx, _of(call, visit.ticket), -1, text, failed=True)
        self._pin(visit, seen)
        self._move(tx, visit.ticket, SessionEvent.MORE)
        return self._kept(tx, _of(call, visit.ticket), 1, "1 %")

    def _unexpected(self, tx: Tx, call: Call, session: Ticket | None, response: str) -> int:
        """An answer that nobody waits for. Twice the same: nothing is done again. Late: settled all the same."""
        if session is None:
            return self._kept(tx, call, -1, "unknown ticket", failed=True)
        call = _of(call, session)
        visit = visiting.open_visit(tx, session, self.clock())
        if session.state in (SessionState.SUPERSEDED, SessionState.ABANDONED, SessionState.CLOSED):
            late = bool(response) and visiting.take_late(visit, response)
            outcome = "settled late" if late else "too late"
            return self._kept(tx, call, -1, outcome, failed=not late, subjects=(visit.notes.set_id,))
        if session.state == SessionState.DONE:
            return self._kept(tx, call, 100, "answered before")
        if session.state == SessionState.AUTHED:
            return self._kept(tx, call, min(99, visiting.percent_done(visit)), "answered before")
        return self._kept(tx, call, -1, "out of order", failed=True)

    # --- when QuickBooks cannot be reached ---

    def connection_error(self, ticket: str, hresult: str, message: str) -> str:
        """ "done", after one more attempt where that can help. A message would be taken for a path."""
        call = Call("connectionError", self.clock(), {"hresult": hresult, "message": message})
        with self.database.write() as tx:
            session = self._session(tx, ticket)
            if session is None or session.state != SessionState.AUTHED:
                return self._kept(tx, call, "done", "unknown ticket", failed=True)
            call = _of(call, session)
            info = qbxml.hresult(hresult)
            tries = session.connection_errors + 1
            text = f"{info.sentence} {message.strip()} ({hresult.strip()})".replace("  ", " ").strip()
            if info.transient and tries < CONNECTION_TRIES:
                company = parties.company(tx, session.company_id)
                self._move(tx, session, SessionEvent.RETRY, connection_errors=tries, last_error=text)
                return self._kept(tx, call, company.company_file if company else "", text, failed=True)
            values = {"connection_errors": tries, "last_error": text}
            self._move(tx, session, SessionEvent.GIVE_UP, **values)
            history.count_in_run(tx, session.run_number, {}, 1)
            history.end_run(tx, session.run_number, self.clock(), text)
            return self._kept(tx, call, "done", text, failed=True)

    # --- the end ---

    def get_last_error(self, ticket: str) -> str:
        call = Call("getLastError", self.clock(), {})
        with self.database.write() as tx:
            session = self._session(tx, ticket)
            if session is None:
                return self._kept(tx, call, UNKNOWN_TICKET, "unknown ticket", failed=True)
            call = _of(call, session)
            if session.state == SessionState.WAITING:
                self._move(tx, session, SessionEvent.NOOP)
                return self._kept(tx, call, "NoOp", "asked again in five seconds")
            text = session.last_error or NO_ERROR
            if session.state == SessionState.ASKED:
                self._move(tx, session, SessionEvent.TOLD)
                history.count_in_run(tx, session.run_number, {}, 1)
                history.end_run(tx, session.run_number, self.clock(), text)
            return self._kept(tx, call, text, text)

    def close_connection(self, ticket: str) -> str:
        call = Call("closeConnection", self.clock(), {})
        with self.database.write() as tx:
            session = self._session(tx, ticket)
            if session is None:
                return self._kept(tx, call, "OK", "unknown ticket")
            call = _of(call, session)
            if session.state in (SessionState.SUPERSEDED, SessionState.ABANDONED):
                return self._kept(tx, call, UNKNOWN_TICKET, "session was over")
            text = session.last_error if session.state == SessionState.CLOSING else self._summary(tx, session)
            self._end(
                tx, session, SessionEvent.CLOSE, "The Web Connector closed the session before it answered."
            )
            return self._kept(tx, call, text, text)

    def _summary(self, tx: Tx, session: Ticket) -> str:
        """What the status column shows: short, and never silent about what needs a person."""
        run = history.run(tx, session.run_number)
        if run is None:
            return "OK"
        counted = [f"{number} {name}" for name, number in sorted(run.counts.items()) if number]
        waiting = jobs.count_needing_a_person(tx, session.company_id)
        problems = [f"{waiting} need attention" if waiting > 1 else "1 needs attention"] if waiting else []
        return f"{run.sync_id}: " + ", ".join([*(counted or ["nothing to do"]), *problems])

    def get_interactive_url(self, ticket: str, session_id: str) -> str:  # noqa: ARG002  (never offered)
        return ""

    def interactive_rejected(self, ticket: str, reason: str) -> str:  # noqa: ARG002
        return ""

    def interactive_done(self, ticket: str) -> str:  # noqa: ARG002
        return "DONE"

    def expire_idle(self) -> int:
        """End sessions whose Web Connector fell silent; what they had out waits in doubt. How many."""
        with self.database.write() as tx:
            idle = visits.idle_tickets(tx, LIVE, self.clock() - IDLE_LIMIT)
            for session in idle:
                self._end(tx, session, SessionEvent.EXPIRE, "The Web Connector fell silent.")
            return len(idle)

    # --- common to all calls ---

    def _session(self, tx: Tx, ticket: str) -> Ticket | None:
        return visits.ticket(tx, secrets.ticket_hash(ticket)) if ticket else None

    def _must(self, tx: Tx, ticket: str) -> Ticket:
        session = self._session(tx, ticket)
        if session is None:
            raise OutOfOrder("the session vanished within a call")
        return session

    def _move(self, tx: Tx, session: Ticket, event: SessionEvent, **values: Any) -> None:
        state = after(session.state, event)
        visits.change_ticket(tx, session.ticket_hash, state=state, seen_at=self.clock(), **values)

    def _end(self, tx: Tx, session: Ticket, event: SessionEvent, why: str, **values: Any) -> None:
        """A session is over: what it had out and never got answered waits in doubt from now on."""
        visit = visiting.open_visit(tx, session, self.clock())
        if session.state in LIVE:
            visiting.abandon(visit, why)
        visits.change_ticket(
            tx, session.ticket_hash, state=after(session.state, event), seen_at=self.clock(), **values
        )
        history.end_run(tx, session.run_number, self.clock(), session.last_error or "")

    def _kept(
        self,
        tx: Tx,
        call: Call,
        answer: T,
        outcome: str,
        *,
        failed: bool = False,
        subjects: Iterable[str] = (),
    ) -> T:
        self._keep(tx, call, {"result": answer}, outcome, failed=failed, subjects=subjects)
        return answer

    def _keep(
        self,
        tx: Tx,
        call: Call,
        answer: Mapping[str, Any],
        outcome: str,
        *,
        failed: bool = False,
        subjects: Iterable[str] = (),
    ) -> None:
        milliseconds = int((self.clock() - call.started_at).total_seconds() * 1000)
        exchange = history.Exchange(
            number=0,
            company_id=call.company_id,
            run_number=call.run_number,
            method=call.method,
            started_at=call.started_at,
            milliseconds=milliseconds,
            request=secrets.mask(json.dumps(call.request, ensure_ascii=False)),
            response=secrets.mask(json.dumps(answer, ensure_ascii=False)),
            outcome=outcome[:500],
            failed=failed,
        )
        history.keep_exchange(tx, exchange, [one for one in subjects if one])


_LOGIN_OUTCOMES = {"nvu": "not a valid user", "none": "nothing to do", "busy": "another PC is at work"}


def _of(call: Call, session: Ticket) -> Call:
    return replace(call, company_id=session.company_id, run_number=session.run_number)


def _short(ticket: str) -> str:
    """Enough of a ticket to tell sessions apart, too little to use it."""
    return f"{ticket[:4]}…" if ticket else ""
