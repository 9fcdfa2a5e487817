"""JSON in which a number keeps every digit: Decimal in, Decimal out, never a binary float."""

import json
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any


def loads(text: str | bytes) -> Any:
    """Parse; fractions and exponents become Decimal. Raises ValueError for anything that is not JSON."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def dumps(value: object) -> str:
    """Compact JSON. A Decimal prints as a number with at least one decimal place, as these services do."""
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, Mapping):
        return (
            "{" + ",".join([f"{encode_basestring(key)}:{dumps(item)}" for key, item in value.items()]) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ",".join([dumps(item) for item in value]) + "]"
    return _number(value) if isinstance(value, Decimal) else json.dumps(value)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _number(value: Decimal) -> str:
    text = format(value, "f")
    return text if "." in text else text + ".0"
