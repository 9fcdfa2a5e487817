"""Plays a golden case against a world: sends what the file says, keeps what it learns, judges each reply."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from lxml import etree

from tests.soap.golden_format import Case, Exchange, FormatError, Repeat, Request, World
from tests.soap.golden_reply import ENVELOPE, Answer, judge
from tests.soap.quickbooks_answers import SPELLINGS, answer, canned

CLIENT_HEADERS = {
    "User-Agent": "Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol 4.0.30319.42000)",
    "Host": "qbwc.example.com",
}
POST_HEADERS = {"Content-Type": "text/xml; charset=utf-8"}
MOST_SETS = 500  # a visit that hands out more sets than this to an empty company file does not end
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9]*)(?::([^{}]*))?\}")


@dataclass
class Visit:
    """What one case has learned so far: the world's values, tickets and the set that was handed out last."""

    world: World
    values: dict[str, str] = field(default_factory=dict)
    last_reply: Answer | None = None

    def send(self, exchange: Exchange) -> tuple[str, ...]:
        """Sends the request; the differences between the reply and the file, none when all is well."""
        wanted = exchange.request
        target = expanded(wanted.target, self.values)
        body = expanded(ENVELOPE % wanted.body if wanted.enveloped else wanted.body, self.values)
        data = body.encode(wanted.encoding, "strict" if wanted.encoding != "utf-8" else "surrogateescape")
        status, headers, reply = self.world.call(wanted.method, target, sent_headers(wanted, len(data)), data)
        self.last_reply = Answer(status, tuple(headers), reply)
        verdict = judge(exchange.replies, self.last_reply, self.values, head=wanted.method == "HEAD")
        self.values |= verdict.captured
        return verdict.differences

    def is_over(self) -> bool:
        """Whether receiveResponseXML just answered 100."""
        if self.last_reply is None or b"receiveResponseXMLResult" not in self.last_reply.body:
            return False
        return etree.tostring(etree.fromstring(self.last_reply.body), method="text").strip() == b"100"


def replay(case: Case, world: World) -> None:
    """Raises AssertionError with the exchange and every difference."""
    visit = Visit(world, dict(world.values))
    done: list[Exchange] = []
    for step in case.steps:
        if isinstance(step, Repeat):
            _repeat(case, visit, done[-step.last :], step.times)
        else:
            _exchange(case, visit, step, len(done) + 1)
            done.append(step)


def _repeat(case: Case, visit: Visit, exchanges: list[Exchange], times: int | None) -> None:
    for _ in range(MOST_SETS if times is None else times):
        if times is None and visit.is_over():
            return
        for exchange in exchanges:
            _exchange(case, visit, exchange, 0)
    assert times is not None or visit.is_over(), f"{case.name}: no end after {MOST_SETS} rounds"


def _exchange(case: Case, visit: Visit, exchange: Exchange, number: int) -> None:
    differences = visit.send(exchange)
    if differences:
        reply = visit.last_reply
        shown = [
            f"{case.name}, world {case.world}, exchange {number or 'repeated'}",
            f"sent: {exchange.request.method} {exchange.request.target} {exchange.request.body[:400]}",
            f"got: {reply and reply.status} {reply and reply.body[:1200]!r}",
            *(f"- {difference}" for difference in differences),
        ]
        raise AssertionError("\n".join(shown))


def sent_headers(request: Request, length: int) -> list[tuple[str, str]]:
    """The client's usual headers, with what the file adds, replaces or takes away."""
    posted = POST_HEADERS | {"Content-Length": str(length)} if request.method == "POST" else {}
    usual = CLIENT_HEADERS | posted
    named = {name.lower() for name, _ in request.headers}
    kept = [(name, value) for name, value in usual.items() if name.lower() not in named]
    return kept + [(name, value) for name, value in request.headers if value is not None]


def expanded(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled in, once: what is filled in is never looked at again."""

    def fill(found: re.Match[str]) -> str:
        name, argument = found[1], found[2] or ""
        if name in GENERATED:
            return GENERATED[name](argument, values)
        if name not in values:
            raise FormatError(f"nothing is known as {{{name}}} here")
        return escape(values[name])

    return PLACEHOLDER.sub(fill, text)


def _answer(argument: str, values: Mapping[str, str]) -> str:
    if argument in SPELLINGS:
        return SPELLINGS[argument](answer(values["qbxml"], values))
    return escape(answer(values["qbxml"], values, argument))


GENERATED: Mapping[str, Callable[[str, Mapping[str, str]], str]] = {
    "answer": _answer,
    "canned": lambda name, values: escape(canned(name, values)),
    "bytes": lambda digits, _: bytes.fromhex(digits).decode("utf-8", "surrogateescape"),
    "filler": lambda count, _: "x" * int(count),
    "nested": lambda count, _: "<a>" * int(count) + "</a>" * int(count),
}
