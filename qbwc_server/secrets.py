"""Passwords, tickets, the keys of the installation, and the masks that keep all of them out of kept text."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

KEY_VARIABLE: Final = "QBWC_SECRET_KEY"
KEY_FILE: Final = "secret.key"

# No i, l, o, 0, 1: people read these passwords from one screen and type them on another.
ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS: Final = 7
GROUP: Final = 4  # 28 characters of 31: 138 bits

TICKET_BYTES: Final = 16
MAX_PASSWORD: Final = 1024

_GENERATED: Final = "hmac-sha256:"
CHOSEN: Final = "$argon2"
"""How the stored form of a chosen password begins."""

_argon2 = PasswordHasher()


class SecretsUnusable(ValueError):
    """A key or a stored secret cannot be used; the text says what a person has to do."""


@dataclass(frozen=True)
class Keys:
    """The installation's keys: the first seals and hashes, all of them open and check.

    Rotation is putting a new key in front, re-sealing (`reseal`), and dropping the old one when no password
    hashed with it is left.
    """

    values: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.values:
            raise SecretsUnusable(f"There is no key. Set {KEY_VARIABLE} or create a key file.")
        for value in self.values:
            _check_key(value)

    def seal(self, text: str) -> str:
        """`text` encrypted for the database (Fernet, ASCII)."""
        return self._box().encrypt(text.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """What `seal` was given. Raises SecretsUnusable when no key fits or the text was changed."""
        try:
            return self._box().decrypt(sealed.encode()).decode()
        except (InvalidToken, UnicodeEncodeError):
            raise SecretsUnusable(
                f"A stored secret was sealed with a key that is not there. Add the old key to {KEY_VARIABLE}, "
                "after the new one, or enter the secret again."
            ) from None

    def reseal(self, sealed: str) -> str:
        """The same secret under the first key. Raises SecretsUnusable like `unseal`."""
        return self.seal(self.unseal(sealed))

    def _box(self) -> MultiFernet:
        return MultiFernet([Fernet(value) for value in self.values])

    def _digests(self, text: str) -> list[str]:
        return [_digest(value, text) for value in self.values]


def _check_key(value: bytes) -> None:
    try:
        Fernet(value)
    except (ValueError, binascii.Error):
        raise SecretsUnusable(
            f"A key in {KEY_VARIABLE} or the key file is not 32 bytes in URL-safe base64. "
            "`qbwc-server init` makes a good one."
        ) from None


def _digest(key: bytes, text: str) -> str:
    # A key of its own for this purpose, so that the one that encrypts does nothing else.
    derived = hmac.digest(base64.urlsafe_b64decode(key), b"web connector password", "sha256")
    return hmac.digest(derived, _bytes(text), "sha256").hex()


def _bytes(text: str) -> bytes:
    # Cut just beyond the limit: what is longer than any stored password cannot match, and costs no more.
    return text[: MAX_PASSWORD + 1].encode("utf-8", "surrogatepass")


def new_key() -> str:
    """A key for QBWC_SECRET_KEY or the key file."""
    return Fernet.generate_key().decode()


def create_key_file(home: Path) -> Path:
    """A new key in `home`, readable by its owner only. Raises FileExistsError rather than replace a key."""
    path = home / KEY_FILE
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(new_key() + "\n")
    return path


def load_keys(environ: Mapping[str, str], home: Path) -> Keys:
    """The keys of the environment (comma separated) or else of the key file (one a line).

    Raises SecretsUnusable when there is none, when one is malformed, or when others can read the file.
    """
    given = environ.get(KEY_VARIABLE, "").strip()
    return _keys(given.split(",") if given else _key_lines(home / KEY_FILE))


def _keys(texts: list[str]) -> Keys:
    return Keys(tuple(text.strip().encode() for text in texts if text.strip()))


def _key_lines(path: Path) -> list[str]:
    try:
        readable_by_others = os.name == "posix" and path.stat().st_mode & 0o077
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SecretsUnusable(
            f"There is no key: {KEY_VARIABLE} is not set and {path} does not exist. Run `qbwc-server init`."
        ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise SecretsUnusable(f"The key file {path} cannot be read ({type(problem).__name__}).") from None
    if readable_by_others:
        raise SecretsUnusable(f"Other users can read {path}. Run `chmod 600 {path}`, and think of a new key.")
    return text.splitlines()


def generate_password() -> str:
    """A password for one Web Connector user, such as "k7dm-...": seven groups of four, 138 bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))


def hash_password(password: str, key: Keys, *, generated: bool) -> str:
    """What to store. Only a generated password may have the fast hash: nobody can guess its 138 bits.

    Raises ValueError for an empty password or one of more than 1024 characters.
    """
    if not 0 < len(password) <= MAX_PASSWORD:
        raise ValueError(f"A password has 1 to {MAX_PASSWORD} characters.")
    return _GENERATED + _digest(key.values[0], password) if generated else _argon2.hash(_bytes(password))


def check_password(stored: str | None, password: str, key: Keys, *, generated: bool = True) -> bool:
    """Whether `password` is the stored one; compared as it is, blanks at the ends included.

    For an unknown user pass None: the answer is False, at the cost of a wrong password of the kind that
    `generated` names. Raises SecretsUnusable for a stored value that is not ours.
    """
    known = _dummy(key, generated=generated) if stored is None else stored
    if known.startswith(_GENERATED):
        right = _matches_generated(known.removeprefix(_GENERATED), password, key)
    elif is_chosen(known):
        right = _matches_chosen(known, password)
    else:
        raise SecretsUnusable("A stored password is damaged. Give the user a new one.")
    return right and stored is not None


def is_chosen(stored: str | None) -> bool:
    """Whether a stored password was chosen by a person, and so is slow to check."""
    return stored is not None and stored.startswith(CHOSEN)


def _matches_generated(digest: str, password: str, key: Keys) -> bool:
    # All keys, always: the time must not tell which one fitted.
    expected = digest.encode()
    matches = [hmac.compare_digest(candidate.encode(), expected) for candidate in key._digests(password)]
    return any(matches)


def _matches_chosen(known: str, password: str) -> bool:
    try:
        return _argon2.verify(known, _bytes(password))
    except VerifyMismatchError:
        return False
    except (VerificationError, InvalidHashError):
        raise SecretsUnusable("A stored password is damaged. Give the user a new one.") from None


@lru_cache(maxsize=8)
def _dummy(key: Keys, *, generated: bool) -> str:
    return hash_password(generate_password(), key, generated=generated)


def new_ticket() -> str:
    """A Web Connector ticket: 128 random bits, safe in a URL."""
    return secrets.token_urlsafe(TICKET_BYTES)


def ticket_hash(ticket: str) -> str:
    """What to store and look up instead of the ticket: SHA-256 in hex, the same on every node and for ever."""
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).hexdigest()


MASK: Final = "***"

# Names of elements whose text is kept from view, in SOAP or escaped inside another text.
_ELEMENTS: Final = "strPassword|ticket|wcTicket"
_START: Final = rf"(?:<|&lt;)(?:[\w.-]+:)?(?:{_ELEMENTS})(?:\s[^<>&]*)?(?:>|&gt;)"
_END: Final = rf"(?:<|&lt;)/(?:[\w.-]+:)?(?:{_ELEMENTS})\s*(?:>|&gt;)"
_HEADERS: Final = "(?:http_)?(?:(?:proxy[-_])?authorization|set-cookie2?|cookie|x-api-key)"
_FIELDS: Final = (
    "access_token|refresh_token|id_token|client_secret|consumer_secret|password|passwd|client_assertion"
    "|assertion|private_key|sessionid|b1session|api_key|sid"
)

# (words of which one must be there, pattern whose first group stays): most texts hold none of the words, and
# a search for a word in an answer of 50 MB costs a hundredth of a pattern.
_MASKS: Final = (
    # Without an end tag up to the end of the text: a cut or malformed request hides nothing else.
    (("password", "ticket"), rf"({_START}).*?(?={_END}|\Z)"),
    # The ticket in the answer of authenticate is the first text of a list. Without the "<" in front, a text that
    # repeats the word would be searched to its end at each repetition.
    (
        ("authenticateresult",),
        r"(<(?:[\w.-]+:)?authenticateResult[^<>]*>\s*<(?:[\w.-]+:)?string[^<>]*>)[^<]*",
    ),
    (
        ("authorization", "cookie", "x-api-key"),
        rf"((?<![\w-]){_HEADERS}(?:[\"']?\s*[:=]\s*b?[\"']?|[\"']\s*,\s*b?[\"']))[^\"'\r\n]+",
    ),
    (_FIELDS.split("|"), rf"([\"'](?:{_FIELDS})[\"']\s*:\s*[\"'])(?:\\.|[^\"'\\])*"),
    (_FIELDS.split("|"), rf"((?<![\w-])(?:{_FIELDS})=)[^&\s\"';,<]+"),
    (
        ("bearer", "basic", "zoho-oauthtoken"),
        r"((?<![\w-])(?:bearer|basic|zoho-oauthtoken)\s+)[\w.~+/=!-]{8,}",
    ),
    # Secrets that show what they are wherever they stand: a signed token, a Salesforce session, a key.
    (("eyj",), r"((?<![\w-]))eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"),
    (("00d",), r"((?<!\w))00D\w{9,15}![\w.]{8,}"),
    (("private key",), r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?=-----END|\Z)"),
)
_COMPILED: Final = tuple(
    (tuple(words), re.compile(pattern, re.DOTALL | re.IGNORECASE)) for words, pattern in _MASKS
)


def mask(text: str) -> str:
    """`text` as it may be kept for inspection: passwords, tickets, tokens and login headers become "***".

    Meant for SOAP exchanges, HTTP requests and answers of CRMs, and error texts; a malformed request is
    masked as well, up to its end if need be.
    """
    lower = text.lower()
    for words, secret in _COMPILED:
        if any(word in lower for word in words):
            text = secret.sub(rf"\g<1>{MASK}", text)
    return text
