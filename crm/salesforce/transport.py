"""One authorised REST call: simple-salesforce in direct mode, everything that may go wrong around it ours.

simple-salesforce builds addresses and reads bodies. Its own login is not used, because it loses headers when it
repeats a call after 401, logs in once per thread, and can repeat without end; time limits come from the session.
"""

import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from crm.errors import LoginExpired, LoginFailed, Misconfigured
from crm.http import PAUSES, REPEATABLE_PAUSES, Retries, exact_json, failure, http_date
from crm.salesforce.auth import Token, Tokens
from crm.salesforce.errors import Answer, refusal

# Calls that one composite call may carry.
MOST_PARTS = 25

_USAGE = re.compile(r"\bapi-usage=(\d+)/(\d+)")


@dataclass(frozen=True)
class Call:
    """One request. `doing` completes "Could not ..." in error texts, `record` is the id it is about.

    `writes` makes a lost answer an UnknownOutcome; `repeatable` says that sending it twice does no harm.
    """

    method: str
    path: str
    doing: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    record: str = ""
    repeatable: bool = False

    @property
    def writes(self) -> bool:
        return self.method != "GET"


@dataclass(frozen=True)
class Part:
    """A call inside another; `path` begins behind the version and carries its own query."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """A successful answer; `at` is Salesforce's clock when it answered, aware UTC, None without a Date header."""

    body: Any
    at: datetime | None


class Transport:
    def __init__(
        self, session: requests.Session, tokens: Tokens, *, version: str, retries: Retries | None = None
    ) -> None:
        self.quota: str | None = None
        self.retries = retries or Retries()
        self._session = session
        self._tokens = tokens
        self._version = version
        self._seen = threading.local()
        # Salesforce's clock in the last answer to any thread, and our own then.
        self._clock: tuple[datetime | None, float] = (None, 0.0)
        session.hooks["response"].append(self._notice)

    @property
    def token(self) -> Token:
        """The current session, logging in for the first one."""
        return self._tokens.current()

    def send(self, call: Call) -> Reply:
        """The answer, after the pauses of crm.http where a repetition is safe; raises crm.errors."""
        return self.retries.run(
            lambda: self._authorised(call), REPEATABLE_PAUSES if call.repeatable else PAUSES
        )

    def clock_seen(self, age: float) -> datetime | None:
        """Salesforce's clock in the last answer when that is at most `age` seconds old."""
        seen, at = self._clock
        return seen if time.monotonic() - at < age else None

    def once(self, call: Call) -> Reply:
        """As `send`, without repetitions: for a caller that must look before it repeats."""
        return self._authorised(call)

    def composite(self, parts: Sequence[Part], doing: str, *, whole: bool = False) -> Call:
        """One call that carries up to 25 others, all of them or (`whole`) none; see `answers_of`."""
        requests = [
            {
                "method": part.method,
                "url": f"/services/data/v{self._version}/{part.path}",
                "referenceId": f"part{place}",
                **({"body": part.body} if part.body is not None else {}),
                **({"httpHeaders": part.headers} if part.headers else {}),
            }
            for place, part in enumerate(parts)
        ]
        return Call("POST", "composite", doing, body={"allOrNone": whole, "compositeRequest": requests})

    def read_together(self, queries: Sequence[str], doing: str) -> list[Mapping[str, Any]]:
        """Bodies of the answers to several queries over live and deleted rows, in one call."""
        parts = [Part("GET", f"queryAll/?q={quote(text, safe='')}") for text in queries]
        found = self.ask_together(parts, doing) if parts else []
        for each in found:
            if each.status >= 300:
                raise refusal(each, doing=doing)
        return [each.content for each in found]

    def ask_together(self, parts: Sequence[Part], doing: str) -> list[Answer]:
        """The answers to several questions in one call; each may be a refusal."""
        # It only reads, so it may be sent again however it ended.
        return answers_of(self.send(replace(self.composite(parts, doing), repeatable=True)))

    def close(self) -> None:
        self._session.close()

    def _authorised(self, call: Call) -> Reply:
        token = self._tokens.current()
        try:
            return self._once(call, token)
        except LoginExpired:
            token = self._tokens.renew(token)
        try:
            return self._once(call, token)
        except LoginExpired as error:
            raise LoginFailed(
                f"Salesforce refused to {call.doing} with a session it had just issued ({error.text}) "
                "Check the app's scopes, the session settings and the login IP ranges of the integration user.",
                code=error.code,
            ) from error

    def _once(self, call: Call, token: Token) -> Reply:
        try:
            body = self._salesforce(token).restful(
                call.path,
                params=dict(call.params),
                method=call.method,
                data=None if call.body is None else exact_json(call.body),
                headers=dict(call.headers),
                allow_redirects=False,
            )
        except SalesforceError as error:
            answer = Answer(error.status, error.content, self._headers())
            raise refusal(answer, doing=call.doing, record=call.record, writes=call.writes) from error
        except requests.RequestException as error:
            raise failure(error, writes=call.writes, doing=call.doing) from error
        return Reply(body, http_date(self._headers()))

    def _salesforce(self, token: Token) -> Salesforce:
        return Salesforce(
            session_id=token.value,
            instance_url=token.instance_url,
            version=self._version,
            session=self._session,
            parse_float=Decimal,
            object_pairs_hook=dict,
        )

    def _notice(self, response: requests.Response, *_: Any, **__: Any) -> None:
        """simple-salesforce gives bodies only; the headers of this thread's last answer are kept here."""
        self._seen.headers = response.headers
        self._clock = (http_date(response.headers), time.monotonic())
        usage = _USAGE.search(response.headers.get("Sforce-Limit-Info", ""))
        if usage:
            self.quota = f"{usage[1]} of {usage[2]} API calls in 24 hours"

    def _headers(self) -> Mapping[str, str]:
        headers: Mapping[str, str] = getattr(self._seen, "headers", {})
        return headers


def answers_of(reply: Reply) -> list[Answer]:
    """The answers to the parts of a composite call, in their order."""
    found = reply.body["compositeResponse"]
    return [
        Answer(int(each["httpStatusCode"]), each["body"], each.get("httpHeaders") or {}) for each in found
    ]


def clock_of(reply: Reply) -> datetime:
    """Salesforce's clock; raises Misconfigured when something on the way removed it."""
    if reply.at is None:
        raise Misconfigured(
            "Salesforce's answers carry no Date header; a proxy on the way removes it. Allow it."
        )
    return reply.at
