"""Date and time as Salesforce reads and writes them."""

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def wire(stamp: datetime) -> str:
    """`2026-11-22T06:04:32.000+0000`: always UTC, always three zeros, offset without a colon."""
    return stamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def parse_stamp(text: str) -> datetime | None:
    """An ISO 8601 time with an offset or Z, cut to seconds, in UTC; None when it is anything else."""
    if not _STAMP.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(_six_digits(text)).astimezone(UTC).replace(microsecond=0)
    except ValueError:
        return None


def parse_date(text: str) -> date | None:
    """`YYYY-MM-DD`, or None."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parse_http_date(text: str) -> datetime | None:
    """The time of an HTTP header (second resolution), or None when it is not one."""
    try:
        stamp = parsedate_to_datetime(text)
    except ValueError:
        return None
    return stamp.astimezone(UTC) if stamp.tzinfo else stamp.replace(tzinfo=UTC)


def _six_digits(text: str) -> str:
    return re.sub(r"\.(\d+)", lambda match: "." + match[1][:6], text)
