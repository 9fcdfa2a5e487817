"""Record ids: 15 characters in which case counts, and the 18-character form that survives Excel."""

import re

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_FORM = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
# The pod and reserved characters that follow the key prefix in real ids.
_POD = "Qy0"


def to_18(text: str) -> str | None:
    """The 18-character form of an id given in either form; None when it is not an id at all.

    Each suffix character tells which of five characters are capitals.
    """
    if not _FORM.fullmatch(text):
        return None
    full = text[:15] + "".join(_suffix(text[start : start + 5]) for start in (0, 5, 10))
    return full if text in (full, full[:15]) else None


def _suffix(five: str) -> str:
    return _SUFFIX[sum(1 << place for place, letter in enumerate(five) if letter.isupper())]


def numbered(prefix: str, number: int) -> str:
    """The id of the n-th row of an object: its three-character key prefix, the pod, the number in base 62."""
    body = ""
    while number:
        number, digit = divmod(number, 62)
        body = _DIGITS[digit] + body
    full = to_18(f"{prefix}{_POD}{body.rjust(9, '0')}")
    if full is None:
        raise ValueError(f"{prefix!r} is not a key prefix")
    return full
