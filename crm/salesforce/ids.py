"""Salesforce record ids: 15 case-sensitive characters, or 18 with a suffix that survives a loss of case.

We keep 18 everywhere. Each of the three suffix characters tells, for five characters of the id, which of them
are capital letters: the first character is the lowest bit, the digits are A-Z and 0-5.
"""

import re

from crm.errors import Rejected

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5a-z]{3})?")
_MENTIONED = re.compile(r"\b[A-Za-z0-9]{15}(?:[A-Za-z0-5]{3})?\b")


def id18(text: str) -> str:
    """The 18-character spelling of an id of 15 or 18 characters; raises Rejected for anything else."""
    if not _ID.fullmatch(text):
        raise Rejected(f"{text!r} is not a Salesforce record id; those have 15 or 18 letters and digits.")
    return text[:15] + (suffix(text) if len(text) == 15 else text[15:].upper())


def suffix(id15: str) -> str:
    return "".join(_DIGITS[_capitals(id15[start : start + 5])] for start in (0, 5, 10))


def _capitals(five: str) -> int:
    return sum(1 << place for place, letter in enumerate(five) if "A" <= letter <= "Z")


def mentioned_id(text: str) -> str | None:
    """The first id in a sentence of Salesforce, 18 characters; it likes to print 15."""
    candidates = (found.group() for found in _MENTIONED.finditer(text))
    return next((id18(each) for each in candidates if any(letter.isdigit() for letter in each)), None)
