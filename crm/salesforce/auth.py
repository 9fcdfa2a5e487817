"""Logging in to Salesforce, and one login for everybody when a session ends.

Both flows are meant for programs: client credentials (consumer key and secret, the app's "Run As" user) and
JWT bearer (a certificate instead of a secret). Neither gives a refresh token or says how long the session
lasts; the end shows as 401.
"""

import base64
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from crm.errors import LimitedUntil, LoginFailed, Misconfigured, Unavailable
from crm.http import Retries, failure, http_date, utc_now
from crm.salesforce.errors import Answer, refusal

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# Salesforce accepts assertions up to three minutes ahead; two leave room for a clock that is a little off.
JWT_LIFE = timedelta(minutes=2)
# A difference between the clocks that makes an assertion fail, so that one is made by Salesforce's clock.
CLOCK_GRACE = timedelta(seconds=30)
# Seconds that a refused login is remembered, so that waiting threads do not lock the user out together.
REFUSAL_HOLDS = 30.0


@dataclass(frozen=True)
class Token:
    """A session. `instance_url` is where its calls go, `user_id` the integration user's record id or ""."""

    value: str = field(repr=False)
    instance_url: str
    user_id: str = ""


@dataclass(frozen=True)
class TokenRequest:
    form: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)


class SignIn(Protocol):
    """One way of asking for a token; `now` is only used where the flow signs a time."""

    def request(self, now: datetime) -> TokenRequest: ...


@dataclass(frozen=True)
class ClientCredentials:
    consumer_key: str
    consumer_secret: str = field(repr=False)

    def request(self, now: datetime) -> TokenRequest:  # noqa: ARG002  (this flow signs no time)
        pair = f"{self.consumer_key}:{self.consumer_secret}".encode()
        return TokenRequest(
            {"grant_type": "client_credentials"},
            {"Authorization": "Basic " + base64.b64encode(pair).decode("ascii")},
        )


@dataclass(frozen=True)
class JwtBearer:
    consumer_key: str
    username: str
    audience: str
    private_key: RSAPrivateKey = field(repr=False)

    def claims(self, now: datetime) -> dict[str, Any]:
        return {
            "iss": self.consumer_key,
            "sub": self.username,
            "aud": self.audience,
            "exp": int((now + JWT_LIFE).timestamp()),
        }

    def request(self, now: datetime) -> TokenRequest:
        assertion = jwt.encode(self.claims(now), self.private_key, algorithm="RS256")
        return TokenRequest({"grant_type": JWT_GRANT, "assertion": assertion})


def sign_in_from(credentials: Mapping[str, str], url: str) -> SignIn:
    """The flow that the credentials are for; raises Misconfigured when they fit none.

    {"consumer_key", "consumer_secret"}, or {"consumer_key", "username"} with "private_key" (PEM text) or
    "private_key_file"; optionally "audience", where the address does not tell a sandbox.
    """
    given = {name for name, value in credentials.items() if value}
    if {"consumer_key", "consumer_secret"} <= given:
        _refuse_login_host(url)
        return ClientCredentials(credentials["consumer_key"], credentials["consumer_secret"])
    if {"consumer_key", "username"} <= given and given & {"private_key", "private_key_file"}:
        audience = credentials.get("audience") or audience_of(url)
        return JwtBearer(credentials["consumer_key"], credentials["username"], audience, _key(credentials))
    raise Misconfigured(
        "The Salesforce credentials need consumer_key with consumer_secret, or consumer_key with username and "
        "private_key or private_key_file."
    )


def audience_of(url: str) -> str:
    """Who a JWT is for: production's login, or the sandboxes', which show in the My Domain name."""
    host = urlsplit(url).hostname or ""
    sandbox = ".sandbox." in host or host == "test.salesforce.com"
    return "https://test.salesforce.com" if sandbox else "https://login.salesforce.com"


def _refuse_login_host(url: str) -> None:
    host = urlsplit(url).hostname
    if host in ("login.salesforce.com", "test.salesforce.com"):
        raise Misconfigured(
            f"Client credentials do not work at {host}; use the organisation's My Domain address, "
            "https://....my.salesforce.com."
        )


def _key(credentials: Mapping[str, str]) -> RSAPrivateKey:
    try:
        pem = credentials.get("private_key") or Path(credentials["private_key_file"]).read_text("ascii")
        key = load_pem_private_key(pem.encode("ascii"), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise Misconfigured(
            f"The private key cannot be read: {error}. It should be an unencrypted PEM."
        ) from error
    if not isinstance(key, RSAPrivateKey):
        raise Misconfigured("The private key is not an RSA key; Salesforce checks RS256 signatures only.")
    return key


# The token endpoint's refusals: what its error, or a part of its description, asks a person to do.
CURES: Mapping[str, str] = {
    "user hasn't approved this consumer": (
        "Pre-authorise the integration user in the connected app (a permission set or profile), or approve it once."
    ),
    "no client credentials user enabled": "Set the app's Run As user for the client credentials flow.",
    "no valid scopes defined": "Give the app the scope api.",
    "audience is invalid": "Set audience to https://test.salesforce.com for a sandbox, login for production.",
    "invalid_client_id": "Correct consumer_key.",
    "invalid_client": "Correct consumer_key and consumer_secret.",
    "invalid_assertion": "Check that the app holds the certificate of this private key.",
    "inactive_user": "Activate the integration user.",
    "inactive_org": "The organisation is closed or locked; its administrator can tell.",
    "unsupported_grant_type": "Enable this flow in the app.",
    "invalid_grant": "Check the app's policies (IP ranges, permitted users), the username and this machine's clock.",
}


class Tokens:
    """The current token of one organisation, shared by all threads.

    A thread that met 401 hands in the token it used. Whoever gets the lock first logs in; the others find a newer
    token and use it. A refused login answers everybody for half a minute.
    """

    def __init__(
        self,
        url: str,
        sign_in: SignIn,
        session: requests.Session,
        *,
        retries: Retries | None = None,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._sign_in = sign_in
        self._session = session
        self._retries = retries or Retries()
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._refused: tuple[float, LoginFailed] | None = None

    def current(self) -> Token:
        """The token to use; logs in for the first one. Raises LoginFailed, Unavailable, LimitedUntil."""
        with self._lock:
            return self._token or self._log_in()

    def renew(self, seen: Token) -> Token:
        """A newer token than the one that met 401; logs in only if nobody else has since."""
        with self._lock:
            newer = self._token if self._token is not seen else None
            return newer or self._log_in()

    def _log_in(self) -> Token:
        self._repeat_refusal()
        try:
            self._token = self._retries.run(self._ask_by_either_clock)
        except LoginFailed as error:
            self._refused = (self._monotonic(), error)
            raise
        self._refused = None
        return self._token

    def _repeat_refusal(self) -> None:
        if self._refused and self._monotonic() - self._refused[0] < REFUSAL_HOLDS:
            error = self._refused[1]
            raise LoginFailed(error.text, code=error.code)

    def _ask_by_either_clock(self) -> Token:
        """A signed time can be wrong on our side; then the refusal's own Date is used, once."""
        now = self._clock()
        answer = self._post(now)
        theirs = http_date(answer.headers)
        if answer.status_code == 400 and theirs and abs(theirs - now) > CLOCK_GRACE and self._signs_time:
            answer = self._post(theirs)
        return read_token(answer, self._url)

    @property
    def _signs_time(self) -> bool:
        return isinstance(self._sign_in, JwtBearer)

    def _post(self, now: datetime) -> requests.Response:
        asked = self._sign_in.request(now)
        try:
            return self._session.post(
                f"{self._url}/services/oauth2/token",
                data=dict(asked.form),
                headers={"Accept": "application/json", **asked.headers},
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # Asking for a token twice does no harm, so it is never in doubt.
            raise failure(error, writes=False, doing="log in to Salesforce") from error


def read_token(answer: requests.Response, url: str) -> Token:
    """The token of an answer; raises LoginFailed, or Unavailable and LimitedUntil when trying again helps."""
    content = _content(answer)
    body = content if isinstance(content, dict) else {}
    if answer.status_code == 200 and body.get("access_token"):
        instance = str(body.get("instance_url") or url).rstrip("/")
        return Token(str(body["access_token"]), instance, str(body.get("id") or "").rpartition("/")[2])
    # Limits and outages answer in the shape of every other call, refusals in that of OAuth.
    told = refusal(Answer(answer.status_code, content, answer.headers), doing="log in")
    raise told if isinstance(told, Unavailable | LimitedUntil) else _refused(answer.status_code, body)


def _content(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except requests.exceptions.JSONDecodeError:
        return None


def _refused(status: int, body: Mapping[str, Any]) -> LoginFailed:
    code, said = str(body.get("error") or ""), str(body.get("error_description") or "")
    told = f"{code} {said}".lower()
    cure = next(
        (cure for part, cure in CURES.items() if part in told), "Check the address and the credentials."
    )
    reason = said or code or f"HTTP status {status} without a reason"
    return LoginFailed(f"Salesforce refused the login: {reason}. {cure}", code=code or f"HTTP {status}")
