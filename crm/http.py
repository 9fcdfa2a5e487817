"""What all gateways share of HTTP: sessions that end, failures sorted, pauses between attempts, exact JSON.

The one distinction everything rests on: a call that never left is safe to repeat; a write that left and was
not answered is an unknown outcome, and only its gateway can find out what became of it.
"""

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime
from itertools import count
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from crm.errors import CrmError, LimitedUntil, LoginFailed, Misconfigured, Unavailable, UnknownOutcome

T = TypeVar("T")

# Seconds to connect and seconds of silence while reading. A dead peer must not hold a worker for ever.
TIMEOUT = (5.0, 60.0)

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


# Sessions


class BoundedAdapter(HTTPAdapter):
    """Gives every request a time limit, also those of libraries that set none."""

    def __init__(self, timeout: tuple[float, float] = TIMEOUT) -> None:
        self._timeout = timeout
        super().__init__(max_retries=0)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        return super().send(request, stream, timeout or self._timeout, verify, cert, proxies)


class LoopbackAdapter(BoundedAdapter):
    """Sends every request to one plain-http endpoint on this machine, whatever host its URL names.

    For emulators: vendor libraries insist on https and on the vendor's host names.
    """

    def __init__(self, base: str, timeout: tuple[float, float] = TIMEOUT) -> None:
        self._base = urlsplit(base)
        super().__init__(timeout)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        request.url = urlunsplit((self._base.scheme, self._base.netloc, parts.path, parts.query, ""))
        return super().send(request, *args, **kwargs)


def checked_url(url: str) -> str:
    """The address without a trailing slash; raises Misconfigured unless https, or http on loopback."""
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Misconfigured(f"{url!r} is not a web address ({error}); correct it.") from error
    if not host:
        raise Misconfigured(f"{url!r} is not a web address; it should begin with https://.")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise Misconfigured(f"{url} is not https; credentials would travel in the clear. Use https://.")
    return url.strip().rstrip("/")


def open_session(url: str, timeout: tuple[float, float] = TIMEOUT) -> requests.Session:
    """A session for one CRM: time limits on every call, no proxy or .netrc from the environment.

    An http loopback `url` sends everything there and nothing anywhere else. Raises Misconfigured as
    `checked_url`.
    """
    base = checked_url(url)
    session = requests.Session()
    session.trust_env = False
    session.headers["User-Agent"] = "qbwc-server"
    session.adapters.clear()
    session.mount("https://", BoundedAdapter(timeout))
    if base.startswith("http://"):
        for scheme in ("https://", "http://"):
            session.mount(scheme, LoopbackAdapter(base, timeout))
    return session


# Failures without an answer

# The request cannot have left this machine.
_NEVER_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
)
_WRONG_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
)


def failure(error: requests.RequestException, *, writes: bool, doing: str) -> CrmError:
    """The error of a call that brought no usable answer.

    `doing` completes "Could not ..." ("update Account 001..."). A write is an UnknownOutcome unless the
    request surely never left.
    """
    reason = _reason(error)
    if isinstance(error, _WRONG_ADDRESS):
        return Misconfigured(f"Could not {doing}: the address is wrong ({reason}). Correct it.")
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return Misconfigured(
            f"Could not {doing}: the server's certificate is not trusted ({reason}). "
            "Correct the address or the certificate authorities of this machine."
        )
    if never_sent(error):
        return Unavailable(f"Could not {doing}: the server cannot be reached ({reason}).")
    if writes:
        return UnknownOutcome(
            f"No answer came to the attempt to {doing} ({reason}). "
            "It may have happened; the record is looked up before it is repeated."
        )
    return Unavailable(f"Could not {doing}: no usable answer came ({reason}).")


def never_sent(error: BaseException) -> bool:
    """Whether the failure happened while connecting, so that the other side saw nothing."""
    return isinstance(error, requests.exceptions.ConnectTimeout) or any(
        isinstance(each, _NEVER_SENT) for each in _causes(error)
    )


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what it wraps: requests keeps urllib3's as its argument, urllib3 as `reason`."""
    found, queue = [], [error]
    while queue:
        each = queue.pop()
        found.append(each)
        inner = [*each.args, getattr(each, "reason", None)]
        queue.extend(one for one in inner if isinstance(one, BaseException) and one not in found)
    return found


def _reason(error: requests.RequestException) -> str:
    deepest = _causes(error)[-1]
    return f"{type(deepest).__name__}: {deepest}".rstrip(": .")


# Trying again


@dataclass(frozen=True)
class Pauses:
    """How often and how long to wait for one class of error. Seconds; each pause grows by `factor`."""

    attempts: int
    first: float
    longest: float
    factor: float = 2.0


# Errors that a call may be repeated for at once. Anything absent goes to the caller; a limit that ends later
# than `longest` does too, because waiting for hours is the engine's business.
PAUSES: Mapping[type[CrmError], Pauses] = {
    Unavailable: Pauses(attempts=6, first=0.5, longest=15.0),
    LimitedUntil: Pauses(attempts=4, first=1.0, longest=10.0),
}

# The same for calls that may be sent twice without harm: upserts by a unique key.
REPEATABLE_PAUSES: Mapping[type[CrmError], Pauses] = {**PAUSES, UnknownOutcome: PAUSES[Unavailable]}


# Errors that say nothing about what became of an earlier attempt.
_TELLS_NOTHING = (Unavailable, LimitedUntil, LoginFailed, Misconfigured)


def utc_now() -> datetime:
    """Aware UTC."""
    return datetime.now(UTC)


class Retries:
    """Repeats calls by a table of pauses; sleep, clock and randomness can be replaced.

    `patience` ends it in time as the table does in number: after so many seconds no further attempt begins. Give
    0 where a person waits for the answer.
    """

    def __init__(
        self,
        *,
        patience: float = 120.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = utc_now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._patience = timedelta(seconds=patience)
        self._sleep = sleep
        self._clock = clock
        self._chance = chance

    def run(self, call: Callable[[], T], pauses: Mapping[type[CrmError], Pauses] = PAUSES) -> T:
        """The call's result, or its last error; but a doubt outlives later attempts that got nowhere."""
        doubt: UnknownOutcome | None = None
        end = self._clock() + self._patience
        for attempt in count(1):
            try:
                return call()
            except CrmError as error:
                doubt = error if isinstance(error, UnknownOutcome) else doubt
                pause = self.pause(error, attempt, pauses) if self._clock() < end else None
                if pause is None and doubt and isinstance(error, _TELLS_NOTHING):
                    raise doubt from error
                if pause is None:
                    raise
            self._sleep(pause)
        raise AssertionError("counting does not end")

    def pause(
        self, error: CrmError, attempt: int, pauses: Mapping[type[CrmError], Pauses] = PAUSES
    ) -> float | None:
        """Seconds to wait after the given attempt (1 is the first), None when it was the last."""
        row = next((pauses[each] for each in type(error).__mro__ if each in pauses), None)
        if row is None or attempt >= row.attempts:
            return None
        if isinstance(error, LimitedUntil):
            return self._until(error, row)
        # Jitter, so that the workers of one organisation do not return in step.
        return min(row.first * row.factor ** (attempt - 1), row.longest) * (0.5 + self._chance() / 2)

    def _until(self, error: LimitedUntil, row: Pauses) -> float | None:
        wait = (error.until - self._clock()).total_seconds() if error.until else row.first
        return max(wait, 0.0) + self._chance() * row.first if wait <= row.longest else None


# Headers


def http_date(headers: Mapping[str, str], name: str = "Date") -> datetime | None:
    """A header holding an HTTP date, aware UTC; None when absent or unreadable."""
    try:
        return parsedate_to_datetime(headers[name]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return None


def as_http_date(moment: datetime) -> str:
    """For If-Unmodified-Since and its like; whole seconds."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When a Retry-After header (seconds or a date) allows the next call, aware UTC; None without one."""
    text = headers.get("Retry-After", "").strip()
    return now + timedelta(seconds=int(text)) if text.isdigit() else http_date(headers, "Retry-After")


# Bodies


def exact_json(value: Any) -> str:
    """JSON text in which Decimal stays exact; dict, list, tuple, str, int, bool, None. Refuses float."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(name)}:{exact_json(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(exact_json(each) for each in value) + "]"
    if value is None or isinstance(value, str | int):
        return json.dumps(value)
    raise TypeError(f"{type(value).__name__} has no exact JSON form")
