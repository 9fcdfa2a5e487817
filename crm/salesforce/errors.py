"""Salesforce's answers that are not a success, as tables from its codes to crm.errors.

Bodies are a JSON array of {message, errorCode, fields}; collection calls say statusCode instead of errorCode.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import shorten
from typing import Any

from crm.errors import (
    Ambiguous,
    CrmError,
    Duplicate,
    LimitedUntil,
    LoginExpired,
    Misconfigured,
    Missing,
    Rejected,
    Stale,
    Unavailable,
    UnknownOutcome,
)
from crm.http import http_date, retry_after, utc_now
from crm.salesforce.ids import mentioned_id


@dataclass(frozen=True)
class Meaning:
    error: type[CrmError]
    # What the person should do; empty where Salesforce's own sentence says it all.
    cure: str = ""


_CORRECT = Meaning(Rejected, "Correct the record.")
_PERMISSION = Meaning(
    Misconfigured, "Give the integration user the missing permission (object, field or record access)."
)
_AGAIN = Meaning(Unavailable, "It will be tried again.")
_GONE = Meaning(Missing, "The record was deleted or is not visible to the integration user.")

CODES: Mapping[str, Meaning] = {
    "INVALID_FIELD": Meaning(
        Misconfigured,
        "Create the field if it does not exist; if it does, grant the integration user access to it "
        "(field-level security, in a permission set).",
    ),
    "INVALID_TYPE": Meaning(
        Misconfigured, "The object does not exist here or the integration user may not see it."
    ),
    "MALFORMED_QUERY": Meaning(Misconfigured, "Check the field names of the mapping."),
    "INVALID_FIELD_FOR_INSERT_UPDATE": Meaning(
        Rejected, "Leave the field out of the mapping or grant edit access to it (field-level security)."
    ),
    "JSON_PARSER_ERROR": Meaning(Rejected, "A value does not fit its field's type; correct the mapping."),
    "MALFORMED_ID": _CORRECT,
    "REQUIRED_FIELD_MISSING": Meaning(Rejected, "Fill in the missing fields."),
    "STRING_TOO_LONG": Meaning(Rejected, "Shorten the text."),
    "FIELD_INTEGRITY_EXCEPTION": _CORRECT,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Meaning(
        Rejected, "Choose a value of the picklist or add the value to it."
    ),
    "INVALID_CROSS_REFERENCE_KEY": Meaning(
        Rejected, "The record it refers to does not exist or is not visible."
    ),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": _CORRECT,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Meaning(
        Rejected, "A trigger or flow in Salesforce refused it; its administrator can tell why."
    ),
    "CIRCULAR_DEPENDENCY": Meaning(Rejected, "Choose a parent that is not below the record itself."),
    "STANDARD_PRICE_NOT_DEFINED": Meaning(Rejected, "Give the product a standard price first."),
    "DUPLICATE_VALUE": Meaning(Duplicate, "Link to the other record or change the value."),
    "DUPLICATES_DETECTED": Meaning(Duplicate, "A duplicate rule found a similar record; link to that one."),
    "DUPLICATE_EXTERNAL_ID": Meaning(Ambiguous, "Remove the double or clear its key."),
    "UNABLE_TO_LOCK_ROW": _AGAIN,
    "SERVER_UNAVAILABLE": _AGAIN,
    "QUERY_TIMEOUT": _AGAIN,
    "UNKNOWN_EXCEPTION": _AGAIN,
    "INVALID_SESSION_ID": Meaning(LoginExpired),
    "REQUEST_LIMIT_EXCEEDED": Meaning(
        LimitedUntil, "Calls go on when the rolling 24-hour window allows them; buy more or poll less often."
    ),
    "API_DISABLED_FOR_ORG": Meaning(Misconfigured, "Enable the API for this organisation and user."),
    "API_CURRENTLY_DISABLED": Meaning(Misconfigured, "Enable the API for this organisation and user."),
    "NOT_FOUND": _GONE,
    "ENTITY_IS_DELETED": _GONE,
    # These two of /deleted lead to a full read, see changes.py; they show only if that fails too.
    "INVALID_REPLICATION_DATE": Meaning(
        Misconfigured, "The period asked for is outside what Salesforce keeps."
    ),
    "EXCEEDED_ID_LIMIT": Meaning(Misconfigured, "More than 600,000 records changed in the period asked for."),
}

# Codes that come in families, by their beginning.
FAMILIES: Mapping[str, Meaning] = {
    "INSUFFICIENT_ACCESS": _PERMISSION,
}

# For answers without a code of ours. 5xx is added in `meaning`.
STATUSES: Mapping[int, Meaning] = {
    300: Meaning(Ambiguous, "Several records hold this key; remove the double or clear its key."),
    401: Meaning(LoginExpired),
    403: _PERMISSION,
    404: _GONE,
    408: _AGAIN,
    410: Meaning(Misconfigured, "This API version is retired; set a newer one."),
    412: Meaning(Stale, "The record changed since it was read."),
    414: Meaning(Misconfigured, "The request is too long for an address; map fewer fields."),
    429: Meaning(LimitedUntil, "Calls go on after a pause."),
    431: Meaning(Misconfigured, "The request is too long for an address; map fewer fields."),
}

# How long a used-up quota rests when Salesforce gives no time. The daily count is a rolling window, so it frees
# itself bit by bit; a limit of concurrent calls is over as soon as one ends.
DAILY_REST = timedelta(hours=1)
SHORT_REST = timedelta(minutes=1)

LONGEST_MESSAGE = 400

_DUPLICATE_FIELD = re.compile(r"duplicate value found: (\w+) duplicates")


@dataclass(frozen=True)
class Answer:
    """What is needed of an HTTP answer to name its error; `content` is the parsed body, or text."""

    status: int
    content: Any
    headers: Mapping[str, str]


def refusal(answer: Answer, *, doing: str, record: str = "", writes: bool = False) -> CrmError:
    """The error for an answer. `doing` completes "Salesforce refused to ..." ("update Account 001...")."""
    details = _details(answer.content)
    code = details[0].code if details else ""
    known = meaning(answer.status, code)
    if writes and answer.status >= 500 and not code:
        # A gateway in front of Salesforce answered, not Salesforce; the call behind it may have gone through.
        known = Meaning(UnknownOutcome, "The record is looked up before anything is repeated.")
    return _error(known, answer, details, doing, record)


def meaning(status: int, code: str) -> Meaning:
    """By code, then by family of codes, then by status; what is left is the record's data, or the address."""
    family = next((each for beginning, each in FAMILIES.items() if code.startswith(beginning)), None)
    known = CODES.get(code) or family or STATUSES.get(status)
    if known:
        return known
    if status >= 500:
        return _AGAIN
    return _CORRECT if status >= 400 else Meaning(Misconfigured, "Correct the address; use My Domain.")


@dataclass(frozen=True)
class _Detail:
    code: str
    message: str
    fields: tuple[str, ...]


def _details(content: Any) -> list[_Detail]:
    rows = content if isinstance(content, list) else [content]
    return [
        _Detail(
            str(row.get("errorCode") or row.get("statusCode") or ""),
            str(row.get("message") or ""),
            tuple(row.get("fields") or ()),
        )
        for row in rows
        if isinstance(row, dict)
    ]


def _error(known: Meaning, answer: Answer, details: list[_Detail], doing: str, record: str) -> CrmError:
    said = "; ".join(_sentence(each.message) for each in details if each.message) or _plain(answer)
    text = " ".join(part for part in (f"Salesforce refused to {doing}: {said}.", known.cure) if part)
    code = next((each.code for each in details if each.code), "") or f"HTTP {answer.status}"
    fields = tuple(dict.fromkeys(name for each in details for name in each.fields))
    if known.error is Duplicate:
        told = " ".join(each.message for each in details)
        held = _DUPLICATE_FIELD.findall(told)
        return Duplicate(
            text, existing_id=_existing(told), code=code, record=record, fields=fields or tuple(held)
        )
    if known.error is LimitedUntil:
        return LimitedUntil(text, until=_until(answer, said), code=code, record=record, fields=fields)
    return known.error(text, code=code, record=record, fields=fields)


def _sentence(message: str) -> str:
    """On one line, and short: Salesforce repeats whole values and queries."""
    return shorten(message.rstrip(". "), LONGEST_MESSAGE, placeholder=" ...")


def _plain(answer: Answer) -> str:
    if answer.status == 300 and isinstance(answer.content, list):
        return "it found " + ", ".join(str(each).rsplit("/", 1)[-1] for each in answer.content)
    return f"it answered with HTTP status {answer.status}"


def _existing(told: str) -> str | None:
    _, mark, rest = told.partition("record with id:")
    return mentioned_id(rest) if mark else None


def _until(answer: Answer, said: str) -> datetime:
    now = http_date(answer.headers) or utc_now()
    rest = SHORT_REST if answer.status == 429 or "Concurrent" in said else DAILY_REST
    return retry_after(answer.headers, now) or now + rest
