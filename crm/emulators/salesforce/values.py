"""How a field's value comes in from JSON and goes out again, by type. Pure; refusals are `ApiError`s."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from . import errors
from .ids import to_18
from .schema import Field, Shown, Value
from .times import parse_date, parse_stamp, wire

_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]{2,}")

# Jackson's words for what it met, which Salesforce passes on.
_TOKENS: dict[type, str] = {
    bool: "VALUE_TRUE",
    int: "VALUE_NUMBER_INT",
    Decimal: "VALUE_NUMBER_FLOAT",
    str: "VALUE_STRING",
    list: "START_ARRAY",
    dict: "START_OBJECT",
}

Accept = Callable[[Field, object], Value]


def _refused(kind: str, value: object) -> errors.ApiError:
    return errors.bad_value(kind, _TOKENS.get(type(value), "VALUE_NULL"), value)


def _text(field: Field, value: object) -> Value:
    """Salesforce trims texts and keeps an empty one as null."""
    if not isinstance(value, str):
        raise _refused("string", value)
    kept = value.strip()
    if len(kept) > field.length:
        raise errors.too_long(field.name, field.label, kept, field.length)
    return kept or None


def _choice(field: Field, value: object) -> Value:
    kept = _text(field, value)
    if field.restricted and isinstance(kept, str) and kept not in field.choices:
        raise errors.bad_choice(field.name, field.label, kept)
    return kept


def _email(field: Field, value: object) -> Value:
    kept = _text(field, value)
    if isinstance(kept, str) and not _EMAIL.fullmatch(kept):
        raise errors.bad_email(field.name, field.label, kept)
    return kept


def _reference(field: Field, value: object) -> Value:
    if not isinstance(value, str):
        raise _refused("reference", value)
    if not value:
        return None
    full = to_18(value)
    if full is None:
        raise errors.bad_id(field.name, field.label, value)
    return full


def _number(field: Field, value: object) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _refused(field.type, value)
    number = Decimal(value)
    if abs(number) >= Decimal(10) ** (field.precision - field.scale):
        raise errors.too_large(field.name, field.label, value)
    return number


def _integer(field: Field, value: object) -> Value:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refused("int", value)
    if abs(value) >= 10**field.precision:
        raise errors.too_large(field.name, field.label, value)
    return value


def _boolean(_: Field, value: object) -> Value:
    if not isinstance(value, bool):
        raise _refused("boolean", value)
    return value


def _stamp(_: Field, value: object) -> Value:
    stamp = parse_stamp(value) if isinstance(value, str) else None
    if stamp is None:
        raise _refused("datetime", value)
    return stamp


def _day(_: Field, value: object) -> Value:
    day = parse_date(value) if isinstance(value, str) else None
    if day is None:
        raise _refused("date", value)
    return day


@dataclass(frozen=True)
class FieldType:
    accept: Accept
    # What a SOQL literal must be for this type: string, number, boolean, date or dateTime.
    literal: str
    soap: str


_STRING = FieldType(_text, "string", "xsd:string")
TYPES: Mapping[str, FieldType] = {
    "string": _STRING,
    "textarea": _STRING,
    "phone": _STRING,
    "url": _STRING,
    "email": FieldType(_email, "string", "xsd:string"),
    "picklist": FieldType(_choice, "string", "xsd:string"),
    "id": FieldType(_reference, "string", "tns:ID"),
    "reference": FieldType(_reference, "string", "tns:ID"),
    "currency": FieldType(_number, "double", "xsd:double"),
    "double": FieldType(_number, "double", "xsd:double"),
    "percent": FieldType(_number, "double", "xsd:double"),
    "int": FieldType(_integer, "int", "xsd:int"),
    "boolean": FieldType(_boolean, "boolean", "xsd:boolean"),
    "datetime": FieldType(_stamp, "dateTime", "xsd:dateTime"),
    "date": FieldType(_day, "date", "xsd:date"),
    "address": FieldType(_text, "string", "urn:address"),
}


def accept(field: Field, value: object) -> Value:
    """A JSON value as the field keeps it; null clears, except that a checkbox becomes false."""
    if value is None:
        return False if field.type == "boolean" else None
    return TYPES[field.type].accept(field, value)


def initial(field: Field) -> Value:
    """What a new row holds when nothing is given: the field's default, false for a checkbox, else null."""
    return False if field.type == "boolean" and field.default is None else field.default


def show(value: Shown) -> object:
    """A kept value as it is printed in JSON."""
    if isinstance(value, datetime):
        return wire(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: show(part) for name, part in value.items()}
    return value
