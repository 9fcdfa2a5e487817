"""The plain values a mapping handles, and their one normal form."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

Value = str | int | bool | Decimal | date | datetime | None


def normal(value: object) -> Value:
    """The form in which two values are compared.

    Empty text and an absent value are the same: None. Text is trimmed and its line ends are LF, because both
    sides trim, and browsers write CRLF into text areas. A QuickBooks wall time becomes its text without
    offset (the printed offset is not to be trusted, the wall time is).
    """
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n").strip() or None
    if value is None or isinstance(value, bool | int | Decimal | date | datetime):
        return value
    text: Callable[[], str] | None = getattr(value, "text", None)
    if callable(text):
        return text()
    raise TypeError(f"a mapping cannot carry a {type(value).__name__}")


def as_text(value: Value) -> str:
    """A value as a person would type it; booleans in the words of XML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value)
