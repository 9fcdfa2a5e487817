"""What QuickBooks answers about the form of single values, once the parser has let a set pass (semantics 1, 2, 5)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import qbxml
from qbwc_server.simulator.company.statuses import (
    BAD_ID,
    BAD_REQUEST_ID,
    DEAD_ITERATOR,
    MISSING,
    TOO_LONG,
    Refusal,
)
from qbxml import Request, Violation

REQUEST_ID_LENGTH = 50
# qbXML type -> the status of a value that is not of it.
TYPE_STATUS: Mapping[str, int] = {
    "BOOL": 3010,
    "DATE": 3020,
    "DATETIME": 3020,
    "TIMEINTERVAL": 3035,
    "AMT": 3040,
    "PRICE": 3045,
    "PERCENT": 3050,
    "QUAN": 3060,
    "GUID": 3065,
    "INT": 3085,
    "FLOAT": 3085,
    "ID": BAD_ID,
}
# Hexadecimal counter, dash, second; contacts have sixteen characters without a dash, a new line is -1.
ID_FORM = re.compile(r"[0-9A-Fa-f]+-\d+|[0-9A-Za-z]{16}|-1")
ID_NAMES: Mapping[str, str] = {"ListID": "list ID", "TxnID": "txn ID"}
FIRST_DAY = date(1901, 1, 1)
# An amount has two decimals or none; 97.5 is refused (3040).
AMOUNT_EXPONENTS = (0, -2)


def checked(request: Request, version: str) -> tuple[Request, tuple[str, ...]]:
    """The request without the fields that this product does not keep, and the names of those (warning 530).

    Raises Refusal for the first value that is too long, no amount, no date and so on.
    """
    if len(request.request_id or "") > REQUEST_ID_LENGTH:
        raise Refusal(BAD_REQUEST_ID, request.request_id or "")
    unsupported = []
    for violation in qbxml.validate(request, version):
        if violation.rule == "unknown":
            unsupported.append(_parts(violation.path))
        elif violation.rule != "character":
            raise _refusal(request.name, violation)
    _check_decimals(request)
    _check_date(request)
    _check_ids(request)
    values = request.values
    for path in unsupported:
        values = _without(values, path)
    return replace(request, values=values), tuple(path[-1] for path in unsupported)


@cache
def types(message: str) -> dict[str, str]:
    """Path -> qbXML type of every leaf of a message or object."""
    return {field.path: field.type for field in qbxml.fields(message)}


def _parts(path: str) -> tuple[str, ...]:
    """Below the request element, without the numbers of list members."""
    return tuple(re.sub(r"\[\d+\]", "", part) for part in path.split("/")[1:])


def _refusal(message: str, violation: Violation) -> Refusal:
    parts = _parts(violation.path)
    value, name = str(violation.value), parts[-1] if parts else message
    if name == "@iteratorID":
        return Refusal(DEAD_ITERATOR, "")
    kind = types(message).get("/".join((message, *parts)), "STR")
    if violation.rule == "length":
        return Refusal(BAD_ID if kind == "ID" else TOO_LONG, value, name)
    if violation.rule == "enum":
        return Refusal(3110, value, name)
    if violation.rule in ("type", "empty") and kind in TYPE_STATUS and name not in ("ListID", "FullName"):
        return Refusal(TYPE_STATUS[kind], value, name)
    return Refusal(MISSING, name)


def _check_date(request: Request) -> None:
    """A transaction can be dated from 1901 on (semantics 5)."""
    body = request.values.get(request.name.removesuffix("Rq"))
    day = body.get("TxnDate") if isinstance(body, Mapping) else None
    if isinstance(day, date) and day < FIRST_DAY:
        raise Refusal(TYPE_STATUS["DATE"], day.isoformat(), "TxnDate")


def _check_decimals(request: Request) -> None:
    for path, kind in types(request.name).items():
        if kind == "AMT":
            for value in _at(request.values, _parts(path)):
                if isinstance(value, Decimal) and value.as_tuple().exponent not in AMOUNT_EXPONENTS:
                    raise Refusal(TYPE_STATUS[kind], str(value), path.rpartition("/")[2])


def _check_ids(request: Request) -> None:
    """3000 for what cannot be an ID; one that only nobody has is the business of whoever looks for it."""
    for parts in _id_paths(request.name):
        for value in _at(request.values, parts):
            if value and not ID_FORM.fullmatch(str(value)):
                raise Refusal(BAD_ID, value, ID_NAMES[parts[-1]])


@cache
def _id_paths(message: str) -> tuple[tuple[str, ...], ...]:
    return tuple(parts for parts in map(_parts, types(message)) if parts[-1] in ID_NAMES)


def _at(values: Any, parts: Sequence[str]) -> Iterator[Any]:
    """Every value at a path; lists on the way are walked through."""
    if isinstance(values, list | tuple):
        for item in values:
            yield from _at(item, parts)
    elif not parts:
        yield values
    elif isinstance(values, Mapping) and parts[0] in values:
        yield from _at(values[parts[0]], parts[1:])


def _without(values: Any, parts: Sequence[str]) -> Any:
    if isinstance(values, list | tuple):
        return [_without(item, parts) for item in values]
    if not isinstance(values, Mapping) or parts[0] not in values:
        return values
    rest = {name: value for name, value in values.items() if name != parts[0]}
    return rest if len(parts) == 1 else {**rest, parts[0]: _without(values[parts[0]], parts[1:])}
