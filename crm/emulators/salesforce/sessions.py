"""Access tokens and who may have one: the client credentials and JWT bearer flows of the token endpoint."""

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .errors import LoginError, session_gone
from .ids import numbered

SESSION_LIFE = timedelta(hours=2)
# The longest a JWT may still be valid when it arrives.
ASSERTION_LIFE = timedelta(minutes=3)
# Clocks differ a little: simple-salesforce rounds its three minutes up and is let in by the real service.
_SKEW = timedelta(seconds=5)
AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

ORG_ID = numbered("00D", 62**5 * 5 + 4711)


@dataclass(frozen=True)
class Credentials:
    """What an administrator of the emulated organisation would hand out."""

    consumer_key: str = "3MVG9emulator.consumer.key"
    consumer_secret: str = "5A1E5F0RCE0E0ULAT0R0SECRET"  # noqa: S105 - opens nothing but this emulator
    username: str = "integration@acme.example"
    # PEM of the RSA key whose public half the connected app knows; made at the first need when empty.
    private_key: str = ""


@cache
def default_private_key() -> str:
    """One RSA key for all emulators of this process: making one costs a noticeable moment."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")


@dataclass
class _Session:
    opened: datetime
    calls: int = 0


@dataclass
class Sessions:
    """Tokens given out. They die of age, of use (`calls_allowed`), or all at once (`expire_all`)."""

    credentials: Credentials
    now: Callable[[], datetime]
    calls_allowed: int | None = None
    # Off: the Run As user of the client credentials flow is not set.
    run_as_user: bool = True
    # Off: nobody approved the app for the user of a JWT.
    user_approved: bool = True
    _open: dict[str, _Session] = field(default_factory=dict)

    def grant(self, form: Mapping[str, str], basic: str | None) -> str:
        """A token for a request of the token endpoint, given its form and Authorization header."""
        flow = _FLOWS.get(form.get("grant_type", ""))
        if flow is None:
            raise LoginError("unsupported_grant_type", "grant type not supported")
        flow(self, form, basic)
        return self.open()

    def open(self) -> str:
        token = f"{ORG_ID[:15]}!AQ{secrets.token_urlsafe(48)}"
        self._open[token] = _Session(self.now())
        return token

    def check(self, authorization: str | None) -> None:
        """Let a call with this Authorization header pass, or refuse it in the one way there is."""
        scheme, _, token = (authorization or "").partition(" ")
        session = self._open.get(token.strip())
        if scheme.lower() not in ("bearer", "oauth") or session is None:
            raise session_gone()
        session.calls += 1
        worn_out = self.calls_allowed is not None and session.calls > self.calls_allowed
        if worn_out or self.now() - session.opened > SESSION_LIFE:
            del self._open[token.strip()]
            raise session_gone()

    def expire_all(self) -> None:
        self._open.clear()

    def close(self, token: str) -> None:
        self._open.pop(token, None)

    def private_key(self) -> str:
        return self.credentials.private_key or default_private_key()

    def _client_credentials(self, form: Mapping[str, str], basic: str | None) -> None:
        key, secret = _basic(basic) or (form.get("client_id", ""), form.get("client_secret", ""))
        if key != self.credentials.consumer_key:
            raise LoginError("invalid_client_id", "client identifier invalid")
        if not secrets.compare_digest(secret.encode(), self.credentials.consumer_secret.encode()):
            raise LoginError("invalid_client", "invalid client credentials")
        if not self.run_as_user:
            raise LoginError("invalid_grant", "no client credentials user enabled")

    def _jwt_bearer(self, form: Mapping[str, str], _: str | None) -> None:
        claims = self._signed_claims(form.get("assertion", ""))
        if claims.get("iss") != self.credentials.consumer_key:
            raise LoginError("invalid_client_id", "client identifier invalid")
        if claims.get("aud") not in AUDIENCES:
            raise LoginError("invalid_grant", "audience is invalid")
        if claims.get("sub") != self.credentials.username or not self.user_approved:
            raise LoginError("invalid_grant", "user hasn't approved this consumer")
        self._fresh(claims.get("exp"))

    def _signed_claims(self, assertion: str) -> dict[str, object]:
        key = serialization.load_pem_private_key(self.private_key().encode(), password=None)
        try:
            claims: dict[str, object] = jwt.decode(
                assertion,
                key.public_key(),  # type: ignore[arg-type]
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_aud": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError as refused:
            raise LoginError("invalid_grant", "invalid assertion") from refused
        return claims

    def _fresh(self, expires: object) -> None:
        try:
            left = int(str(expires)) - self.now().timestamp()
        except ValueError as unreadable:
            raise LoginError("invalid_grant", "invalid assertion") from unreadable
        if left <= 0:
            raise LoginError("invalid_grant", "expired assertion")
        if left > (ASSERTION_LIFE + _SKEW).total_seconds():
            raise LoginError("invalid_grant", "assertion expiration is too far in the future")


_Flow = Callable[[Sessions, Mapping[str, str], str | None], None]
_FLOWS: dict[str, _Flow] = {
    "client_credentials": Sessions._client_credentials,
    JWT_BEARER: Sessions._jwt_bearer,
}


def _basic(header: str | None) -> tuple[str, str] | None:
    scheme, _, packed = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        key, _, secret = base64.b64decode(packed, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as unreadable:
        raise LoginError("invalid_client_id", "client identifier invalid") from unreadable
    return key, secret
