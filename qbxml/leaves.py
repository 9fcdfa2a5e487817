"""Leaf values: how each qbXML type is written, read and checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from qbxml.walltime import WallTime, read_moment

CENT: Final = Decimal("0.01")
_ZERO: Final = Decimal(0)
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{0,15})?")
_SHORT_DECIMAL: Final = r"[+-]?[0-9]{1,10}(?:\.[0-9]{1,5})?"
_GUID = re.compile(r"0|\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}")
_INTERVAL = re.compile(r"[+-]?PT(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+S)?")
_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}

# type -> (digits before the point, decimals), from the patterns of the XSD
DIGITS: Final = {"AMT": (13, 2), "PRICE": (10, 5), "QUAN": (10, 5), "PERCENT": (10, 5), "FLOAT": (15, 15)}

# type -> how QuickBooks writes its values, as the patterns of the XSD have it; answers do now and then otherwise
FORMS: Final[dict[str, str]] = {
    "AMT": r"[+-]?[0-9]{1,13}(?:\.[0-9]{2})?",
    **dict.fromkeys(("PRICE", "QUAN", "PERCENT"), _SHORT_DECIMAL),
    "FLOAT": r"[+-]?[0-9]{1,15}(?:\.[0-9]{0,15})?",
}
_FORMS: Final = {kind: re.compile(form) for kind, form in FORMS.items()}

_FIRST_MOMENT = WallTime.parse("1970-01-01T00:00:00")
_LAST_MOMENT = WallTime.parse("2038-01-19T03:14:07")
_FIRST_DAY = date(1901, 1, 1)

# Types whose lexical form may be empty, which clears the field in a Mod.
MAY_BE_EMPTY: Final = frozenset(
    {"STR", "ID", "BOOL", "DATE", "DATETIME", "TIMEINTERVAL", "AMT", "PRICE", "QUAN", "PERCENT", "FLOAT"}
)


# -- writing ---------------------------------------------------------------------------------------


def _plain(value: Decimal | int) -> str:
    """Digits without exponent or a negative zero."""
    number = Decimal(value)
    return format(number if number else abs(number), "f")


def _amount(value: Decimal | int) -> str:
    """Two decimals always: QuickBooks answers one decimal with status 3040."""
    return _plain(Decimal(value).quantize(CENT))


def _number(value: Decimal | int) -> str:
    text = _plain(value)
    return (
        text.rstrip("0").rstrip(".")
        if "." in text and len(text.partition(".")[2]) > DIGITS["PRICE"][1]
        else text
    )


def write(kind: str, value: Any) -> str:
    """The text of a checked value; a text is written as it is (simulators print offsets that way)."""
    if isinstance(value, str):
        return value
    return _WRITERS.get(kind, str)(value)


_WRITERS: Final[dict[str, Callable[[Any], str]]] = {
    "BOOL": lambda value: "true" if value else "false",
    "INT": str,
    "AMT": _amount,
    "PRICE": _number,
    "QUAN": _number,
    "PERCENT": _number,
    "FLOAT": _plain,
    "DATE": date.isoformat,
    "DATETIME": lambda value: value.text() if isinstance(value, WallTime) else value.isoformat(),
}


# -- reading ---------------------------------------------------------------------------------------


def _read_truth(text: str) -> bool:
    try:
        return _TRUTH[text.strip()]
    except KeyError:
        raise ValueError(f'"{text}" is neither true nor false') from None


def _read_integer(text: str) -> int:
    if _INTEGER.fullmatch(text.strip()) is None:
        raise ValueError(f'"{text}" is not a whole number')
    return int(text)


def _read_decimal(text: str) -> Decimal:
    if _DECIMAL.fullmatch(text.strip()) is None:
        raise ValueError(f'"{text}" is not a number')
    return Decimal(text.strip())


def _read_date(text: str) -> date:
    text = text.strip()
    if (
        len(text) != len("YYYY-MM-DD") or text[7] != "-"
    ):  # fromisoformat also reads weeks and dates without dashes
        raise ValueError(f'"{text}" is not a date (YYYY-MM-DD)')
    return date.fromisoformat(text)


def is_in_form(kind: str, text: str) -> bool:
    """Whether a text has the form that QuickBooks demands in requests: 97.5 is a number and no amount (3040)."""
    form = _FORMS.get(kind)
    return form is None or form.fullmatch(text) is not None


READERS: Final[dict[str, Callable[[str], Any]]] = {
    "BOOL": _read_truth,
    "INT": _read_integer,
    "AMT": _read_decimal,
    "PRICE": _read_decimal,
    "QUAN": _read_decimal,
    "PERCENT": _read_decimal,
    "FLOAT": _read_decimal,
    "DATE": _read_date,
    "DATETIME": read_moment,
}


# -- checking --------------------------------------------------------------------------------------


def fault(kind: str, value: object) -> str:
    """Why a value is not of a type, as the end of a sentence; empty when it is."""
    checker = _CHECKERS.get(kind)
    return checker(kind, value) if checker else _text_fault(kind, value)


def _text_fault(_kind: str, value: object) -> str:
    return "" if isinstance(value, str) else f"must be a text, not {_a(value)}"


def _truth_fault(_kind: str, value: object) -> str:
    return "" if isinstance(value, bool) else f"must be true or false, not {_a(value)}"


def _integer_fault(_kind: str, value: object) -> str:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return "" if whole else f"must be a whole number, not {_a(value)}"


def _decimal_fault(kind: str, value: object) -> str:
    if kind == "AMT" and isinstance(value, str) and _FORMS["PRICE"].fullmatch(value):
        return f"must have two decimals or none, not {_a(value)}"
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        return f"must be a decimal number, not {_a(value)}"
    number = Decimal(value)
    if not number.is_finite():
        return "must be a finite number"
    whole, decimals = DIGITS[kind]
    if abs(number) >= Decimal(10) ** whole:
        return f"has more than {whole} digits before the point"
    if _decimals(number) > decimals:
        return f"has {_decimals(number)} decimals, QuickBooks allows {decimals}"
    return ""


def _decimals(number: Decimal) -> int:
    try:
        exponent = number.normalize().as_tuple().exponent
    except InvalidOperation:
        exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _date_fault(_kind: str, value: object) -> str:
    if type(value) is not date:
        return f"must be a date, not {_a(value)}"
    return "" if value >= _FIRST_DAY else "is before 1901, the first year QuickBooks keeps"


def _moment_fault(_kind: str, value: object) -> str:
    if type(value) is date:
        value = WallTime.parse(value.isoformat())
    if not isinstance(value, WallTime):
        return f"must be a wall time or a date, not {_a(value)}"
    inside = _FIRST_MOMENT <= value <= _LAST_MOMENT
    return "" if inside else "is outside 1970-01-01 to 2038-01-19T03:14:07, the range QuickBooks keeps"


def _guid_fault(_kind: str, value: object) -> str:
    good = isinstance(value, str) and _GUID.fullmatch(value) is not None
    return "" if good else 'must be a GUID in braces or "0"'


def _interval_fault(_kind: str, value: object) -> str:
    good = isinstance(value, str) and _INTERVAL.fullmatch(value) is not None
    return "" if good else "must be a duration like PT1H30M"


_KINDS: Final = {str: "the text", int: "the number", float: "the float", bool: "the truth value"}


def _a(value: object) -> str:
    """A wrong value for the end of a sentence."""
    if value is None:
        return "nothing (leave the field out instead)"
    shown = f'"{value[:40]}"' if isinstance(value, str) else str(value)[:40]
    return f"{_KINDS.get(type(value), type(value).__name__)} {shown}"


_CHECKERS: Final[dict[str, Callable[[str, object], str]]] = {
    "BOOL": _truth_fault,
    "INT": _integer_fault,
    **dict.fromkeys(DIGITS, _decimal_fault),
    "DATE": _date_fault,
    "DATETIME": _moment_fault,
    "GUID": _guid_fault,
    "TIMEINTERVAL": _interval_fault,
}
