"""QuickBooks keeps single-byte Western text: what Latin-1 cannot hold is stored as a question mark (semantics 5)."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from qbxml import WallTime

CENT = Decimal("0.01")


def kept(text: str) -> str:
    return text.encode("latin-1", "replace").decode("latin-1")


def printed(value: Any, kind: str = "") -> str:
    """A leaf as QuickBooks prints it: kind is the qbXML type; amounts have two decimals always (semantics 5)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value.quantize(CENT) if kind == "AMT" else value.normalize(), "f")
    if isinstance(value, WallTime):
        return value.text()
    return value.isoformat() if isinstance(value, date) else kept(str(value))


def stored(value: Any, types: Mapping[str, str], path: str = "") -> Any:
    """A tree of a request as it is kept: leaves as printed text, attributes and bookkeeping keys gone."""
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
    if isinstance(value, Mapping):
        return all(is_empty(inner) for inner in value.values())
    return value in ("", [])
