"""Column types of our own: times that are always aware UTC, and plain values with decimals kept exact."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import DateTime, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

Plain = str | int | bool | Decimal | date | datetime | None | list["Plain"] | dict[str, "Plain"]


class Moment(TypeDecorator[datetime]):
    """An instant: aware in Python, stored in UTC. SQLite keeps it as sortable text; naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(32))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment needs a time zone: {value!r}")
        moment = value.astimezone(UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC)  # type: ignore[no-any-return]


class PlainJson(TypeDecorator[Any]):
    """Nested plain values as canonical JSON text. Decimal, date and datetime come back as what they were."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return value if value is None or isinstance(value, Canonical) else dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else loads(value)


class Canonical(str):
    """Values whose text was made already; a PlainJson column stores it as it is."""

    @property
    def content_hash(self) -> str:
        return _hash(self)


def dumps(value: Any) -> str:
    """Canonical text: equal values give equal text, whatever the order of their keys."""
    return orjson.dumps(value, _tagged, _OPTIONS).decode()


def canonical(value: Any, texts: Mapping[Any, Callable[[Any], str]]) -> Canonical:
    """The same, for values that hold types of other packages as well; `texts` says how these are written."""

    def tagged(one: Any) -> str | dict[str, str]:
        write = texts.get(type(one))
        return _tagged(one) if write is None else write(one)

    return Canonical(orjson.dumps(value, tagged, _OPTIONS).decode())


def loads(text: str) -> Any:
    return json.loads(text, object_hook=_untagged)


def content_hash(values: Mapping[str, Any]) -> str:
    """Names a content; two records with the same hash hold the same values."""
    return _hash(dumps(values))


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


_TAGS: dict[type, tuple[str, Any]] = {
    Decimal: ("$decimal", str),
    datetime: ("$moment", datetime.isoformat),
    date: ("$date", date.isoformat),
}
_UNTAG: dict[str, Any] = {
    "$decimal": Decimal,
    "$moment": datetime.fromisoformat,
    "$date": date.fromisoformat,
}


def _tagged(value: Any) -> dict[str, str]:
    tag = _TAGS.get(type(value))
    if tag is None:
        raise TypeError(f"cannot store a {type(value).__name__}: {value!r}")
    return {tag[0]: tag[1](value)}


_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def _untagged(pairs: dict[str, Any]) -> Any:
    if len(pairs) == 1:
        [(name, text)] = pairs.items()
        if name in _UNTAG:
            return _UNTAG[name](text)
    return pairs
