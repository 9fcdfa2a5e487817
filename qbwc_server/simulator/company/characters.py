"""Values as QuickBooks keeps and prints them: numbers, dates, empty elements (semantics 5)."""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from qbxml import WallTime

CENT = Decimal("0.01")
# Prices and percentages have at most five decimals, and are printed with two at least (semantics 5; measured).
FINEST = Decimal("0.00001")
SHOWN_DECIMALS = 2


def printed(value: Any, kind: str = "") -> str:
    """A leaf as QuickBooks prints it: kind is the qbXML type; amounts have two decimals always (semantics 5)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return _number(value, kind)
    if isinstance(value, WallTime):
        return value.text()
    return value.isoformat() if isinstance(value, date) else str(value)


def _number(value: Decimal, kind: str) -> str:
    if kind == "AMT":
        return format(value.quantize(CENT, ROUND_HALF_UP), "f")
    return price(value) if kind in ("PRICE", "PERCENT") else plain(value)


def price(value: Decimal) -> str:
    text = plain(value.quantize(FINEST, ROUND_HALF_UP))
    decimals = len(text.partition(".")[2])
    return text if decimals >= SHOWN_DECIMALS else format(value.quantize(CENT), "f")


def plain(value: Decimal) -> str:
    """Without the zeros at its end, as QuickBooks prints quantities."""
    return format(value.normalize() + 0, "f")


def stored(value: Any, types: Mapping[str, str], path: str = "") -> Any:
    """A tree of a request as it is kept: leaves as printed text, attributes and bookkeeping keys gone."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {
            key: stored(inner, types, f"{path}/{key}" if path else key)
            for key, inner in value.items()
            if key[:1] not in "@#"
        }
    if isinstance(value, list | tuple):
        return [stored(inner, types, path) for inner in value]
    return printed(value, types.get(path, ""))


def is_empty(value: Any) -> bool:
    """True for an empty element, and for an aggregate of nothing but empty ones: both clear the field."""
    if isinstance(value, str):
        return not value
    if isinstance(value, Mapping):
        return all(is_empty(inner) for inner in value.values())
    return isinstance(value, list) and not value
