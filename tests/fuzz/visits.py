"""Calls of the Web Connector in any order with any values, and QuickBooks answers that were tampered with."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import structlog
from structlog.testing import capture_logs

import qbxml
from qbwc_server.secrets import ticket_hash
from qbwc_server.soap.methods import METHODS
from qbwc_server.soap.states import MOVES, SessionState
from qbwc_server.store import history, visits
from tests.fuzz.answers import VALUES
from tests.fuzz.mutations import PIECES, corpus, mutated
from tests.fuzz.readers import SECRET, check_reply, logged
from tests.soap.recording import Reply, call
from tests.soap.shop import HERE, PASSWORD, USER, Clock, QuickBooks, add_shop, make_home, open_home, promote

MOST_CALLS: Final = 60
HRESULTS: Final = (
    "",
    "",
    "",
    "0x80040408",
    "0x80040414",
    "0x80040403",
    "0x8004040D",
    "-2147220472",
    "nonsense",
)
# Whole lives end after so many visits: a world that is spoiled for good would hide what comes next.
LIFE: Final = 60


class Shop:
    """An installation with one company, its QuickBooks, and somebody at the line who says anything."""

    def __init__(self, place: Path) -> None:
        self.clock = Clock()
        self.installation = open_home(make_home(place / "home"), self.clock)
        add_shop(self.installation)
        self.web = self.installation.web()
        self.books = QuickBooks(place / "right.qbw", self.clock)
        self.tickets = ["0c4f-unknown", ""]
        self.asked = ""  # the last request that went out
        self.seen_exchanges = 0
        self.calls = 0
        promote(self.installation, "First")
        self.honest_visit()

    def close(self) -> None:
        self.books.company.close()
        self.installation.close()

    # --- one call ---

    def call(self, method: str, values: Mapping[str, str], address: str = HERE) -> Reply:
        """One call over the application; the reply is one that may be given, and the session moved legally."""
        ticket = values.get("ticket", values.get("wcTicket", ""))
        before = self._state(ticket)
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
        where = {"SCRIPT_NAME": "", "PATH_INFO": "/qbwc", "REMOTE_ADDR": address}
        reply = call(self.web, method, inner, **where)
        self.calls += 1
        assert reply.status in (200, 500), reply.status
        check_reply("POST", reply.status, reply.headers, reply.body)
        self._check_move(before, self._state(ticket))
        return reply

    def _state(self, ticket: str) -> str:
        with self.installation.database.read() as tx:
            found = visits.ticket(tx, ticket_hash(ticket))
        return found.state if found else ""

    @staticmethod
    def _check_move(before: str, after: str) -> None:
        """One event or two (a session that lay idle ends, and is then used) lead from the one to the other."""
        if before == after:
            return
        assert before, f"a session came into being by a call that names it: {after}"
        next_ones = [state for (start, _), state in MOVES.items() if start == before]
        assert SessionState(after) in next_ones, (before, after)

    # --- an honest visit ---

    def honest_visit(self) -> None:
        """As the Web Connector does it, later and with nothing tampered with; it ends with 100."""
        self.clock.pass_(minutes=61)
        self.books.restart()
        ticket, status = self.call("authenticate", {"strUserName": USER, "strPassword": PASSWORD}).result[:2]
        assert status == "", status
        self.tickets.append(ticket)
        hcp, percent = self.books.hcp(), 0
        for _ in range(MOST_CALLS):
            text = self.call("sendRequestXML", self._asking(ticket, hcp)).result
            assert text, self.call("getLastError", {"ticket": ticket}).result
            hcp = ""
            percent = int(
                self.call("receiveResponseXML", self._answering(ticket, self.books.answer(text))).result
            )
            assert percent >= 0, self.call("getLastError", {"ticket": ticket}).result
            if percent == 100:
                break
        assert percent == 100, "an honest visit does not end"
        said = self.call("closeConnection", {"ticket": ticket}).result
        assert "problem of its own" not in said, said
        self.check_kept()

    def _asking(self, ticket: str, hcp: str) -> dict[str, str]:
        return {
            "ticket": ticket,
            "strHCPResponse": hcp,
            "strCompanyFileName": self.books.path,
            "qbXMLCountry": "US",
            "qbXMLMajorVers": "13",
            "qbXMLMinorVers": "0",
        }

    @staticmethod
    def _answering(ticket: str, response: str) -> dict[str, str]:
        return {"ticket": ticket, "response": response, "hresult": "", "message": ""}

    # --- what was kept ---

    def check_kept(self) -> None:
        """Nothing failed inside, and no secret is in what is kept of the calls."""
        with self.installation.database.read() as tx:
            kept = history.find_exchanges(tx, limit=1000)
        fresh = [one for one in kept if one.number > self.seen_exchanges]
        for one in fresh:
            assert not one.outcome.startswith("failed inside"), f"{one.method}: {one.outcome}"
            self.check_silent(f"{one.request}{one.response}{one.outcome}")
        self.seen_exchanges = max((one.number for one in kept), default=0)

    def check_silent(self, text: str) -> None:
        for hidden in (PASSWORD, SECRET, *[one for one in self.tickets if len(one) > 15]):
            assert hidden not in text, text

    # --- anything ---

    def tampered_visit(self, chance: random.Random) -> None:
        """A session in which calls are lost, repeated, out of order and full of nonsense; then an honest one."""
        with watched(self):
            if chance.random() < 0.3:
                promote(self.installation, f"New {chance.randrange(10**6)}")
            if chance.random() < 0.3:
                self._somebody_types(chance)
            self.books.restart()
            self._log_in(chance, USER, PASSWORD)
            for _ in range(chance.choice((2, 4, 8, 14))):
                chance.choice(STEPS)(self, chance)
                self.clock.pass_(seconds=chance.choice((0, 1, 30, 4000)))
            self.honest_visit()

    def _somebody_types(self, chance: random.Random) -> None:
        """A customer is added in QuickBooks itself."""
        name = f"Typed {chance.randrange(10**6)}"
        self.books.answer(qbxml.build([qbxml.Request("CustomerAddRq", {"CustomerAdd": {"Name": name}}, "1")]))

    def _log_in(self, chance: random.Random, user: str, password: str) -> None:
        reply = self.call(
            "authenticate", {"strUserName": user, "strPassword": password}, self._address(chance)
        )
        if reply.status == 200 and reply.result[0]:
            self.tickets = [*self.tickets[-6:], reply.result[0]]

    @staticmethod
    def _address(chance: random.Random) -> str:
        return chance.choice((HERE, HERE, HERE, "192.0.2.99", "x" * 300))

    def log_in_wrongly(self, chance: random.Random) -> None:
        self._log_in(chance, chance.choice((USER, "nobody", _text(chance))), SECRET)

    def log_in_again(self, chance: random.Random) -> None:
        self._log_in(chance, USER, PASSWORD)

    def ask_honestly(self, chance: random.Random) -> None:
        reply = self.call("sendRequestXML", self._asking(self.tickets[-1], self.books.hcp()))
        self.asked = (reply.result if reply.status == 200 else "") or self.asked

    def ask_with_tampered_host(self, chance: random.Random) -> None:
        """What QuickBooks says of itself, the open file's identity among it, is changed on the way."""
        hcp = _decoded(mutated(chance, [self.books.hcp().encode(), *corpus("answer")]))
        reply = self.call("sendRequestXML", self._asking(self._ticket(chance), hcp))
        self.asked = (reply.result if reply.status == 200 else "") or self.asked

    def answer_honestly(self, chance: random.Random) -> None:
        self.call("receiveResponseXML", self._answering(self.tickets[-1], self._true_answer()))

    def answer_tampered(self, chance: random.Random) -> None:
        true = self._true_answer().encode()
        text = _decoded(mutated(chance, [true, true, true, *corpus("answer")]))
        values = self._answering(self._ticket(chance), text)
        if chance.random() < 0.2:
            values |= {"hresult": chance.choice(HRESULTS), "message": _text(chance)}
        self.call("receiveResponseXML", values)

    def answer_spoilt(self, chance: random.Random) -> None:
        """The structure is right and some values are at the ends of their types, or of another type."""
        text = self._true_answer()
        for _ in range(chance.choice((1, 1, 2, 5))):
            text = _with_another_value(chance, text)
        self.call("receiveResponseXML", self._answering(self.tickets[-1], text))

    def _true_answer(self) -> str:
        return self.books.answer(self.asked) if self.asked else ""

    def say_anything(self, chance: random.Random) -> None:
        method = chance.choice(list(METHODS))
        names = [name for name in METHODS[method].arguments if chance.random() < 0.9]
        self.call(method, {name: self._anything(chance, name) for name in names})

    def _anything(self, chance: random.Random, name: str) -> str:
        if name in ("ticket", "wcTicket"):
            return self._ticket(chance)
        if name == "strPassword":
            return SECRET
        if name == "hresult":
            return chance.choice(HRESULTS)
        if name.startswith("qbXMLM") and chance.random() < 0.8:
            return chance.choice(("", "0", "-1", "999999999", " 13 "))
        return _text(chance)

    def _ticket(self, chance: random.Random) -> str:
        return self.tickets[-1] if chance.random() < 0.8 else chance.choice(self.tickets)


Step = Callable[[Shop, random.Random], None]
STEPS: Final[tuple[Step, ...]] = (
    *[Shop.ask_honestly] * 4, *[Shop.answer_honestly] * 2, *[Shop.answer_tampered] * 4,
    *[Shop.answer_spoilt] * 3, *[Shop.say_anything] * 3,
    Shop.ask_with_tampered_host, Shop.log_in_wrongly, Shop.log_in_again,
)  # fmt: skip


def _text(chance: random.Random) -> str:
    return _decoded(chance.choice([*PIECES, b"", b"Ann", b"C:\\Books\\Right.qbw"]))


ENDS: Final = tuple(value for values in VALUES.values() for value in values)
# The leaves and attributes that are read by name, and of the others any.
READ_BY_NAME: Final = (
    *(
        "TimeModified",
        "TimeCreated",
        "EditSequence",
        "ListID",
        "FullName",
        "SupportedQBXMLVersion",
        "requestID",
    ),
    *("statusCode", "iteratorRemainingCount", "retCount", "messageSetStatusCode"),
)


def _with_another_value(chance: random.Random, text: str) -> str:
    name = chance.choice((r"[A-Za-z]+", *READ_BY_NAME))
    found = list(re.finditer(rf"<{name}>([^<]*)</|\b{name}=\"([^\"]*)\"", text))
    if not found:
        return text
    one = chance.choice(found)
    begin, end = one.span(1 if one[1] is not None else 2)
    return text[:begin] + escape(chance.choice(ENDS)) + text[end:]


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")


@contextmanager
def watched(shop: Shop) -> Iterator[None]:
    """Whatever is logged meanwhile holds no secret and no failure of ours."""
    with logged() as lines, capture_logs() as events:
        yield
    shop.check_silent(lines.getvalue() + repr(events))
    failed: list[Any] = [one for one in events if one["event"] == "soap.failed"]
    assert not failed, failed[0]["failure"]
    structlog.reset_defaults()
