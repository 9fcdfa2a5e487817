"""JSON in which a number keeps every digit: Decimal in, Decimal out, never a binary float."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any


def loads(text: str | bytes) -> Any:
    """Parse; fractions and exponents become Decimal. Raises ValueError for anything that is not JSON."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def dumps(value: object) -> str:
    """Compact JSON. A Decimal prints as a number with at least one decimal place, as these services do."""
    return "".join(_pieces(value))


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _pieces(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _object(value)
    elif isinstance(value, list | tuple):
        yield from _array(value)
    elif isinstance(value, Decimal):
        yield _number(value)
    else:
        yield json.dumps(value, ensure_ascii=False)


def _object(value: Mapping[str, object]) -> Iterator[str]:
    yield "{"
    for place, (key, item) in enumerate(value.items()):
        yield ("," if place else "") + json.dumps(key, ensure_ascii=False) + ":"
        yield from _pieces(item)
    yield "}"


def _array(value: list[object] | tuple[object, ...]) -> Iterator[str]:
    yield "["
    for place, item in enumerate(value):
        yield "," if place else ""
        yield from _pieces(item)
    yield "]"


def _number(value: Decimal) -> str:
    text = format(value, "f")
    return text if "." in text else text + ".0"
