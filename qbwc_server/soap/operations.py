"""The sessions behind the Web Connector's methods: who calls, in which state, and what is said to them.

Each call is one or two short transactions; what the next call needs is in the database before the reply leaves,
so any process can answer it. What to read and write in QuickBooks is the visit's business (sync.visit).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any, TypeVar

import qbxml
from qbwc_server import secrets
from qbwc_server.secrets import Keys
from qbwc_server.soap.exchanges import Call, Exchanges, Outcome, short
from qbwc_server.soap.identity import IDENTITY_REQUESTS, FileSeen, FileTold, judge, read_file
from qbwc_server.soap.login import Logins
from qbwc_server.soap.port import TROUBLE
from qbwc_server.soap.states import LIVE, OVER, SessionEvent, SessionState, after
from qbwc_server.store import history, parties, search, visits
from qbwc_server.store.database import Database, Tx
from qbwc_server.store.rows import Company, Ticket
from qbwc_server.sync import visit as visiting
from qbwc_server.sync.notes import Notes
from qbwc_server.sync.posted import Posted

T = TypeVar("T")

VERSION = "qbwc-server 0.1.0"
# QuickBooks may take minutes for one request; a set of writes younger than this may still be running.
YOUNG = timedelta(minutes=30)
SILENT = timedelta(seconds=60)
IDLE_LIMIT = timedelta(minutes=60)
CONNECTION_TRIES = 2
PRIVATE_DATA_SINCE = "2.0"  # qbXML field tables: OwnerID of CompanyQueryRq, and so the FileID
MAX_ADDRESS = 64

UNKNOWN_TICKET = (
    "This session is not known any more, so the update was stopped. Nothing is lost; update again."
)
NO_ERROR = "No error is noted for this update."
MESSAGES_LOST = "Calls came out of order, so the update was stopped. Nothing is lost; update again."
DEAD_SESSION = "The session ended without an answer to these writes."
TOOK_OVER = "A newer login took over."
# A session that ended like this did not reach its end; its run says so.
BROKEN_OFF = (SessionEvent.SUPERSEDE, SessionEvent.EXPIRE)
FELL_SILENT = "The Web Connector fell silent."
NO_FILE = "QuickBooks did not say which company file is open. Update again."

# A dialog that is open stays open for a second attempt that follows at once (protocol 4.3).
DIALOG_OPEN = "0x80040414"
# The named file cannot be opened, but it may be the one that is open; which one it is gets verified anyway.
NOT_OPENED = "0x80040403"


class Sessions:
    """Implements `soap.port.Operations`; holds no state of its own between calls."""

    def __init__(self, database: Database, keys: Keys, clock: Callable[[], datetime]) -> None:
        self.database, self.clock = database, clock
        self.logins = Logins(database, keys, clock)
        self.exchanges = Exchanges(clock)

    # --- before the login ---

    def server_version(self) -> str:
        return VERSION

    def client_version(self, version: str) -> str:  # noqa: ARG002  (every version is welcome)
        return ""

    def authenticate(self, user: str, password: str, address: str) -> list[str]:
        """Same reply for an unknown user, a wrong password and too many failures; only our log tells them apart."""
        address = address[:MAX_ADDRESS]
        call = Call(
            "authenticate", self.clock(), {"strUserName": user, "strPassword": "***", "address": address}
        )
        login = self.logins.judge(user, password, address)
        with self.database.write() as tx:
            if login.company is not None and login.right:
                return self._let_in(tx, call, login.company.id, address)
            if not login.limited:
                self.logins.note_failure(tx, user, address)
            company_id = login.company.id if login.company else None
            text = "too many failed logins" if login.limited else "not a valid user"
            if company_id or not login.limited:
                call = replace(call.of_nobody(), company_id=company_id)
                self.exchanges.keep(tx, call, {"status": "nvu"}, Outcome(text, failed=True))
            return ["", "nvu"]

    def _let_in(self, tx: Tx, call: Call, company_id: str, address: str) -> list[str]:
        company = parties.alone_with(tx, company_id)
        if company is None:
            raise LookupError("the company vanished while its password was checked")
        answer, run_number = self._welcome(tx, company, address)
        call = replace(call, company_id=company.id, run_number=run_number)
        shown = {"ticket": short(answer[0]), "status": answer[1], "more": answer[2:]}
        self.exchanges.keep(tx, call, shown, Outcome(_LOGIN_OUTCOMES.get(answer[1], "welcome")))
        return answer

    def _welcome(self, tx: Tx, company: Company, address: str) -> tuple[list[str], int | None]:
        """The reply and the run that begins with it. Positional: ticket, status or company file, [postpone, minimum
        seconds] (protocol 2.5).

        A number in the third place postpones the update even with work to do, so only a visit that comes too
        early gets one.
        """
        now = self.clock()
        minimum = str(company.minimum_seconds) if company.minimum_seconds else ""
        if not visiting.something_to_do(tx, company.id):
            return ["", "none", *(["", minimum] if minimum else [])], None
        if early := self._seconds_early(company, now):
            return ["", "none", str(early), minimum], None
        live = self._locked(tx, visits.tickets_of_company(tx, company.id, LIVE))
        if any(self._in_use(old, address, now) for old in live):
            return ["", "busy"], None
        for old in live:
            self._end(tx, old, SessionEvent.SUPERSEDE, TOOK_OVER)
        ticket, run_number = self._begin(tx, company, address, now)
        return [ticket, company.company_file, *(["", minimum] if minimum else [])], run_number

    def _locked(self, tx: Tx, found: list[Ticket]) -> list[Ticket]:
        """Those of the tickets that are live still, each ours alone now: in the order in which an answer locks,
        ticket before connection, or the two could wait for each other (PostgreSQL)."""
        held = [visits.locked_ticket(tx, one.ticket_hash) for one in found]
        return [one for one in held if one is not None and one.state in LIVE]

    def _begin(self, tx: Tx, company: Company, address: str, now: datetime) -> tuple[str, int]:
        ticket = secrets.new_ticket()
        run_number = history.begin_run(tx, "visit", now, company_id=company.id)
        row = Ticket(
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
            visit=visiting.begin(tx, company.id, now),
        )
        visits.add_ticket(tx, row)
        parties.change_company(tx, company.id, last_visit_at=now)
        return ticket, run_number

    def _seconds_early(self, company: Company, now: datetime) -> int:
        """How long this company must still wait for its next visit, rounded up; 0 when it may come."""
        if company.last_visit_at is None:
            return 0
        remaining = company.last_visit_at + timedelta(seconds=company.minimum_seconds) - now
        return max(0, ceil(remaining.total_seconds()))

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
        with self.database.write() as tx:
            session = self._session(tx, ticket)
            if session is None or not self._decides_first(tx, session):
                return self._send(tx, call, session, FileTold(hcp_response, company_file, country))
        visiting.decide(self.database, session, self.clock)
        with self.database.write() as tx:
            session = self._session(tx, ticket)
            return self._send(tx, call, session, FileTold(hcp_response, company_file, country))

    def _decides_first(self, tx: Tx, session: Ticket) -> bool:
        """Whether records wait for a decision before the next request can be chosen; it is made in transactions of
        its own, and not before the company file is known to be the right one.
        """
        if session.state != SessionState.AUTHED or not visiting.identified(session):
            return False
        return visiting.undecided(visiting.open_visit(tx, session, self.clock())) > 0

    def _send(self, tx: Tx, call: Call, session: Ticket | None, told: FileTold) -> str:
        if session is None:
            return self._kept(tx, call.of_nobody(), "", "unknown ticket", failed=True)
        call = call.of(session)
        if session.state != SessionState.AUTHED:
            return self._stop_disorder(tx, call, session, "")
        visit = visiting.open_visit(tx, session, self.clock())
        if not visit.notes.identified:
            seen = read_file(told.hcp, told.path, told.country)
            if seen is None or not seen.file_id:
                return self._ask_which_file(call, visit, told.path)
            if problem := judge(visit.company, seen).problem:
                self._move(tx, session, SessionEvent.STOP, last_error=problem)
                return self._kept(tx, call, "", problem, failed=True)
            visit = self._identified(visit, seen)
        return self._hand_out(call, visit)

    def _stop_disorder(self, tx: Tx, call: Call, session: Ticket, answer: T) -> T:
        """A call that its session's state does not allow: messages were lost, and the session is over."""
        if session.state in (SessionState.SENT, SessionState.AUTHED, SessionState.WAITING):
            self._end(tx, session, SessionEvent.CLOSE, DEAD_SESSION, last_error=MESSAGES_LOST)
        return self._kept(tx, call, answer, "out of order", failed=True)

    def _ask_which_file(self, call: Call, visit: visiting.Visit, company_file: str) -> str:
        """strHCPResponse may be missing, broken or without the FileID: then QuickBooks is asked by ourselves."""
        text = qbxml.build(IDENTITY_REQUESTS, version=PRIVATE_DATA_SINCE)
        notes = replace(visit.notes, out="identity", path=company_file)
        self._move(visit.tx, visit.ticket, SessionEvent.REQUEST, visit=notes.plain())
        return self._kept(visit.tx, call, text, "asks which company file is open")

    def _identified(self, visit: visiting.Visit, seen: FileSeen) -> visiting.Visit:
        """The right file is open: remember what it says of itself. The visit's notes are the caller's to keep."""
        company = visit.company
        values = {"qbxml_version": seen.version, "product": seen.product, "country": seen.country}
        values |= {"pinned_name": seen.company_name, "pinned_path": seen.path}
        changed: dict[str, Any] = {
            name: value for name, value in values.items() if getattr(company, name) != value
        }
        if company.pinned_name is None:
            changed["pinned_at"] = self.clock()
        if changed:
            parties.change_company(visit.tx, company.id, **changed)
            visit = visiting.open_visit(visit.tx, visit.ticket, self.clock())
        return replace(visit, notes=replace(visit.notes, identified=True, out=""))

    def _hand_out(self, call: Call, visit: visiting.Visit) -> str:
        handout = visiting.hand_out(visit)
        event = SessionEvent.NOTHING_YET if handout.waits else SessionEvent.REQUEST
        self._move(visit.tx, visit.ticket, event, visit=handout.notes.plain())
        outcome = "waits for the CRM to be read" if handout.waits else handout.notes.out
        return self._kept(visit.tx, call, handout.text, outcome, subjects=handout.subjects)

    def receive_response_xml(self, ticket: str, response: Posted, hresult: str, message: str) -> int:
        request = {"hresult": hresult, "message": message}
        call = Call("receiveResponseXML", self.clock(), request, posted=response)
        with self.database.write() as tx:
            session = self._session(tx, ticket)
            if session is None:
                return self._kept(tx, call.of_nobody(), -1, "unknown ticket", failed=True)
            call = call.of(session)
            if session.state != SessionState.SENT:
                return self._unexpected(tx, call, session, response)
            visit = visiting.open_visit(tx, session, self.clock())
            if not hresult.strip() and not visiting.answers(visit, response):
                percent = min(99, visiting.percent_done(visit))
                return self._kept(tx, call.cut(), percent, "answers another request", failed=True)
            if visit.notes.out == "identity":
                return self._take_identity(call, visit, response, hresult)
            result = visiting.take(visit, response, hresult, message)
            subjects = (*result.subjects, visit.notes.set_id)
            if result.error:
                notes = result.notes.plain()
                self._move(tx, session, SessionEvent.STOP, visit=notes, last_error=result.error)
                return self._kept(tx, call, -1, result.error, failed=True, subjects=subjects)
            visit = replace(visit, notes=result.notes)
            undecided = visiting.undecided(visit)
            if not 0 < undecided <= visiting.FEW:
                return self._acknowledge(call, visit, subjects, undecided)
            visits.change_ticket(tx, session.ticket_hash, visit=result.notes.plain(), seen_at=self.clock())
        visiting.decide(self.database, session, self.clock)
        with self.database.write() as tx:
            return self._acknowledge_later(tx, call, ticket, result.notes, subjects)

    def _acknowledge(
        self, call: Call, visit: visiting.Visit, subjects: Iterable[str], undecided: int | None = None
    ) -> int:
        """What was posted is stored and settled by now; 100 is said exactly when nothing is left."""
        percent = visiting.percent_done(visit, undecided=undecided)
        event = SessionEvent.ALL if percent == 100 else SessionEvent.MORE
        self._move(visit.tx, visit.ticket, event, visit=visit.notes.plain())
        if percent == 100:
            history.end_run(visit.tx, visit.ticket.run_number, self.clock())
        return self._kept(visit.tx, call, percent, f"{percent} %", subjects=subjects)

    def _acknowledge_later(
        self, tx: Tx, call: Call, ticket: str, stored: Notes, subjects: Iterable[str]
    ) -> int:
        """The same in another transaction, before which anything may have happened.

        A copy of this call may have been quicker: then the session is no longer where this call left it, and the
        request that is out by now is not ours to acknowledge.
        """
        session = self._session(tx, ticket)
        if session is None:
            return self._kept(tx, call, -1, "the session ended meanwhile", failed=True, subjects=subjects)
        visit = visiting.open_visit(tx, session, self.clock())
        if session.state == SessionState.SENT and visit.notes == stored:
            return self._acknowledge(call, visit, subjects)
        if session.state == SessionState.SENT:
            percent = min(99, visiting.percent_done(visit))
            return self._kept(tx, call, percent, "answered before", subjects=subjects)
        return self._unexpected(tx, call, session, None)

    def _take_identity(self, call: Call, visit: visiting.Visit, response: Posted, hresult: str) -> int:
        seen = None if hresult.strip() else read_file(response.open(), visit.notes.path, "")
        problem = judge(visit.company, seen).problem if seen else NO_FILE
        if seen is None or problem:
            self._move(visit.tx, visit.ticket, SessionEvent.STOP, last_error=problem)
            return self._kept(visit.tx, call, -1, problem, failed=True)
        notes = self._identified(visit, seen).notes
        self._move(visit.tx, visit.ticket, SessionEvent.MORE, visit=notes.plain())
        return self._kept(visit.tx, call, 1, "1 %")

    def _unexpected(self, tx: Tx, call: Call, session: Ticket, response: Posted | None) -> int:
        """An answer that nobody waits for. Twice the same: nothing is done again. Late: settled all the same."""
        visit = visiting.open_visit(tx, session, self.clock())
        call = call.cut()
        if session.state in OVER:
            late = response is not None and visiting.take_late(visit, response)
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
            if session is None:
                return self._kept(tx, call.of_nobody(), "done", "unknown ticket", failed=True)
            call = call.of(session)
            if session.state != SessionState.AUTHED:
                return self._stop_disorder(tx, call, session, "done")
            info = qbxml.hresult(hresult)
            text = " ".join(f"{info.sentence} {message} ({hresult.strip() or 'no code'})".split())
            tries = session.connection_errors + 1
            path = self._worth_a_try(tx, session, info) if tries < CONNECTION_TRIES else None
            if path is not None:
                # Another file may be open afterwards, so which one it is gets proven again.
                notes = visiting.unproven(session)
                values: dict[str, Any] = {"connection_errors": tries, "last_error": text, "visit": notes}
                self._move(tx, session, SessionEvent.RETRY, **values)
                return self._kept(tx, call, path, text, failed=True)
            self._move(tx, session, SessionEvent.GIVE_UP, connection_errors=tries, last_error=text)
            history.count_in_run(tx, session.run_number, {}, 1)
            history.end_run(tx, session.run_number, self.clock(), text)
            return self._kept(tx, call, "done", text, failed=True)

    def _worth_a_try(self, tx: Tx, session: Ticket, info: qbxml.HresultInfo) -> str | None:
        """The company file to try once more, "" for the one that is open; None when trying cannot help."""
        company = parties.company(tx, session.company_id)
        path = company.company_file if company else ""
        if info.code == NOT_OPENED and path:
            return ""
        return path if info.transient and info.code != DIALOG_OPEN else None

    # --- the end ---

    def get_last_error(self, ticket: str) -> str:
        call = Call("getLastError", self.clock(), {})
        with self.database.write() as tx:
            session = self._session(tx, ticket)
            if session is None:
                return self._kept(tx, call, UNKNOWN_TICKET, "unknown ticket", failed=True)
            call = call.of(session)
            if session.state == SessionState.WAITING:
                self._move(tx, session, SessionEvent.NOOP)
                return self._kept(tx, call, "NoOp", "asked again in five seconds")
            text = session.last_error or (UNKNOWN_TICKET if session.state in OVER else NO_ERROR)
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
            call = call.of(session)
            if session.state in OVER:
                unsaid = "OK" if session.state == SessionState.CLOSED else UNKNOWN_TICKET
                return self._kept(tx, call, session.last_error or unsaid, "session was over")
            said = session.state == SessionState.CLOSING or session.last_error == TROUBLE
            text = session.last_error if said else self._summary(tx, session)
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
        waiting = search.needing_a_person(tx, session.company_id).all
        problems = [f"{waiting} need attention" if waiting > 1 else "1 needs attention"] if waiting else []
        silent = [f"the CRM is out of reach: {one}" for one in parties.crm_troubles(tx, session.company_id)]
        connected = parties.connections_of_company(tx, session.company_id)
        stopped = [f"{one.name} is stopped (see doctor)" for one in connected if one.stopped_reason]
        done = counted or ([] if stopped else ["nothing to do"])
        return f"{run.sync_id}: " + ", ".join([*stopped, *done, *problems, *silent])

    def get_interactive_url(self, ticket: str, session_id: str) -> str:  # noqa: ARG002  (never offered)
        return ""

    def interactive_rejected(self, ticket: str, reason: str) -> str:  # noqa: ARG002
        return ""

    def interactive_done(self, ticket: str) -> str:  # noqa: ARG002
        return ""

    def expire_idle(self) -> int:
        """End sessions whose Web Connector fell silent; what they had out waits in doubt. How many."""
        with self.database.write() as tx:
            idle = self._locked(tx, visits.idle_tickets(tx, LIVE, self.clock() - IDLE_LIMIT))
            for session in idle:
                self._end(tx, session, SessionEvent.EXPIRE, FELL_SILENT)
            return len(idle)

    def note_failure(self, method: str, ticket: str, failure: Exception) -> None:
        """A call failed inside and was undone: keep that it did, and a reason for the person who will ask."""
        call = Call(method, self.clock(), {})
        with self.database.write() as tx:
            session = self._session(tx, ticket)
            if session is not None and session.state in LIVE:
                visits.change_ticket(tx, session.ticket_hash, last_error=TROUBLE)
                history.count_in_run(tx, session.run_number, {}, 1)
            call = call.of(session) if session else call
            self._kept(tx, call, None, f"failed inside: {type(failure).__qualname__}", failed=True)

    # --- common to all calls ---

    def _session(self, tx: Tx, ticket: str) -> Ticket | None:
        """The session of a ticket, ours alone until the transaction ends; ended now if it lay idle for too long."""
        hashed = secrets.ticket_hash(ticket)
        session = visits.locked_ticket(tx, hashed) if ticket else None
        if session is None or session.state not in LIVE or session.seen_at >= self.clock() - IDLE_LIMIT:
            return session
        self._end(tx, session, SessionEvent.EXPIRE, FELL_SILENT)
        return visits.ticket(tx, hashed)

    def _move(self, tx: Tx, session: Ticket, event: SessionEvent, **values: Any) -> None:
        state = after(session.state, event)
        visits.change_ticket(tx, session.ticket_hash, state=state, seen_at=self.clock(), **values)

    def _end(self, tx: Tx, session: Ticket, event: SessionEvent, why: str, **values: Any) -> None:
        """A session is over: what it had out and never got answered waits in doubt from now on."""
        if session.state in LIVE:
            visiting.abandon(tx, session, self.clock(), why)
        self._move(tx, session, event, **values)
        broken_off = why if event in BROKEN_OFF else ""
        note = values.get("last_error", session.last_error) or broken_off
        history.end_run(tx, session.run_number, self.clock(), note)

    def _kept(
        self, tx: Tx, call: Call, answer: T, text: str, *, failed: bool = False, subjects: Iterable[str] = ()
    ) -> T:
        self.exchanges.keep(tx, call, {"result": answer}, Outcome(text, failed, tuple(subjects)))
        return answer


_LOGIN_OUTCOMES = {"none": "nothing to do", "busy": "another PC is at work"}
