"""SOQL text, safely: names are checked, values are quoted, pages go by key."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from simple_salesforce.format import quote_soql_value

from crm.errors import Misconfigured
from crm.port import Scalar

# API names, with dots for fields of a parent record ("Account.QB_ListID__c").
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*")

ORDER = "SystemModstamp, Id"


def name(text: str) -> str:
    """The name itself; raises Misconfigured when it could not be one, so that nothing else gets into a query."""
    if not _NAME.fullmatch(text):
        raise Misconfigured(f"{text!r} is not a Salesforce API name; correct the mapping.", fields=(text,))
    return text


def literal(value: Scalar) -> str:
    """A value as SOQL writes it: text quoted and escaped, moments and numbers bare."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(quote_soql_value(value))


def moment(value: datetime) -> str:
    """2026-11-22T06:04:32Z; milliseconds only where there are some, since a shortened stamp would find itself again."""
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    utc = value.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds") + "Z"


def select(
    fields: Iterable[str],
    source: str,
    where: str = "",
    order: str = "",
    limit: int = 0,
    below: Iterable[str] = (),
) -> str:
    """`below`: whole queries of rows below each row."""
    columns = ", ".join(dict.fromkeys([*map(name, fields), *(f"({each})" for each in below)]))
    parts = [
        f"SELECT {columns} FROM {name(source)}",  # noqa: S608  (names are checked, values are literals)
        f"WHERE {where}" if where else "",
        f"ORDER BY {order}" if order else "",
        f"LIMIT {limit}" if limit else "",
    ]
    return " ".join(part for part in parts if part)


def from_moment(stamp: datetime) -> str:
    """Inclusive: several rows share one second."""
    return f"SystemModstamp >= {moment(stamp)}"


def after(stamp: datetime, record_id: str) -> str:
    """Everything behind one row in the order of (SystemModstamp, Id)."""
    at = moment(stamp)
    return f"(SystemModstamp > {at}) OR (SystemModstamp = {at} AND Id > {literal(record_id)})"


def among(values: Sequence[str], field: str = "Id") -> str:
    return f"{name(field)} IN ({', '.join(literal(each) for each in values)})"
