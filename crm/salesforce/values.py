"""Values between Salesforce's JSON and the port's types, led by the object's describe."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from crm.errors import Misconfigured, Rejected
from crm.port import LINES, FieldInfo, FieldType, Line, Scalar, Value, Values
from crm.salesforce.kinds import Below, Kind

TYPES: Mapping[str, FieldType] = {
    "id": "id",
    "string": "text",
    "textarea": "text",
    "phone": "text",
    "email": "text",
    "url": "text",
    "combobox": "text",
    "encryptedstring": "text",
    "time": "text",
    "int": "integer",
    "long": "integer",
    "double": "decimal",
    "currency": "decimal",
    "percent": "decimal",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "picklist": "choice",
    "multipicklist": "choices",
    "reference": "reference",
}

# What tells one state of a record from another. Stamps count seconds; who made the last change tells two edits
# of one second apart when they are ours and a user's.
STAMPS = ("Id", "SystemModstamp", "LastModifiedById")


SCALARS = (str, int, Decimal, date)


def field_info(row: Mapping[str, Any]) -> FieldInfo:
    """One entry of a describe's `fields`. Required is what create needs and Salesforce does not fill itself."""
    createable = bool(row.get("createable"))
    filled = row.get("nillable") or row.get("defaultedOnCreate")
    restricted = row.get("restrictedPicklist", True)
    return FieldInfo(
        name=str(row["name"]),
        type=TYPES.get(str(row.get("type")), "other"),
        length=int(row.get("length") or 0),
        required=createable and not filled,
        writable=createable or bool(row.get("updateable")),
        unique=bool(row.get("unique")),
        external_key=bool(row.get("externalId")),
        choices=_choices(row) if restricted else (),
    )


def _choices(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(each["value"]) for each in row.get("picklistValues") or () if each.get("active", True))


def parse_moment(text: str) -> datetime:
    """ "2026-11-22T06:04:32.000+0000", aware UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


_READERS: Mapping[str, Callable[[Any], Scalar]] = {
    "decimal": lambda raw: Decimal(raw),
    "integer": lambda raw: int(raw),
    "date": date.fromisoformat,
    "datetime": parse_moment,
}


def read_value(raw: Any, kind_of: FieldType) -> Scalar:
    """A value of a row; raises Misconfigured for what is not one value (compound addresses, locations)."""
    if isinstance(raw, dict | list):
        raise Misconfigured(
            "A compound field (an address or a location) cannot be mapped; map its parts, such as BillingCity."
        )
    reader = _READERS.get(kind_of)
    value: Scalar = reader(raw) if reader and raw is not None else raw
    return value


Row = Mapping[str, Any]


def below_of(row: Row, below: Below) -> list[Row]:
    """The rows below; Salesforce says null for none."""
    answer = row.get(below.relationship) or {}
    return list(answer.get("records") or ())


def rows_of(row: Row, of: Kind) -> list[Row]:
    return [each for below in of.below for each in below_of(row, below)]


def lent_value(row: Row, below: Below) -> Scalar:
    """The field of the only row below, None without one; raises Misconfigured when a choice would be a guess."""
    found = {read_value(each.get(below.lends), below.type) for each in below_of(row, below)}
    if len(found) > 1:
        raise Misconfigured(
            f"{row['Id']} has several values for {below.name} (one for each currency?), and only one can be used; "
            f"leave {below.name} out of the mapping.",
            fields=(below.name,),
        )
    return found.pop() if found else None


def named(row: Row, names: Sequence[str], types: Mapping[str, FieldInfo]) -> dict[str, Scalar]:
    return {name: read_value(_reach(row, name), _type(types, name)) for name in names}


def version_of(row: Row, of: Kind) -> str:
    """Stamp and author; for records with rows below, also a digest of theirs."""
    own = stamps_of(row)
    held = sorted(f"{each['Id']} {stamps_of(each)}" for each in rows_of(row, of))
    return f"{own} {sha256('|'.join(held).encode()).hexdigest()[:16]}" if held else own


def stamps_of(row: Row) -> str:
    return " ".join(str(row[name]) for name in STAMPS[1:] if row.get(name))


def stamp_in(version: str) -> datetime:
    return parse_moment(version.partition(" ")[0])


def _type(types: Mapping[str, FieldInfo], name: str) -> FieldType:
    # Fields of parent records ("Account.Name") are not in this object's describe; they stay as JSON gave them.
    return types[name].type if name in types else "other"


def _reach(row: Mapping[str, Any], name: str) -> Any:
    """A field by its path; a parent that is not there leaves its fields empty."""
    at: Any = row
    for step in name.split("."):
        at = at.get(step) if isinstance(at, Mapping) else None
    return at


def body_of(values: Values) -> dict[str, Any]:
    """A write's body: Decimal stays exact, moments and dates become text, None clears."""
    return {name: _written(name, value) for name, value in values.items()}


def _written(name: str, value: Value) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Rejected(
                f"{name} has a time without a time zone ({value}); correct the mapping.", fields=(name,)
            )
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else value


def same_values(wanted: Values, found: Values) -> bool:
    """Whether a record holds what a write wanted, as Salesforce would store it."""
    own = {name: value for name, value in wanted.items() if name != LINES}
    lines = {line.get("Id"): line for line in lines_in(found)}
    return all(_stored(value) == _stored(found.get(name)) for name, value in own.items()) and all(
        same_values(line, lines.get(line.get("Id"), {})) for line in lines_in(wanted)
    )


def lines_in(values: Values) -> Sequence[Line]:
    found = values.get(LINES)
    return () if found is None or isinstance(found, SCALARS) else found


def _stored(value: Value) -> Value:
    """Salesforce trims text, keeps no empty text and no parts of a second."""
    if isinstance(value, str):
        return value.strip().replace("\r\n", "\n") or None
    if isinstance(value, datetime):
        return value.replace(microsecond=0)
    return value
