"""tooling/: making custom fields and listing them, as far as an installer needs it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from werkzeug.wrappers import Response

from . import errors
from .answers import Call, json
from .errors import ApiError, not_emulated
from .field_builders import SYSTEM_FIELDS, long_text, lookup, text
from .ids import numbered
from .query_calls import in_one_page
from .rows import Row, Rows
from .schema import Field, Schema, SObject
from .soql_plan import Planner

CUSTOM_FIELD = SObject(
    "CustomField",
    "Custom Field",
    "Custom Fields",
    "00N",
    (
        *SYSTEM_FIELDS,
        text("DeveloperName", "Name", 80),
        text("TableEnumOrId", "Entity Name", 80),
        text("NamespacePrefix", "Namespace", 15),
    ),
)

Metadata = Mapping[str, Any]


def create(call: Call) -> Response:
    """The new field exists, and nobody sees it until a permission set grants it."""
    body = call.body()
    full_name, metadata = body.get("FullName"), body.get("Metadata")
    if not isinstance(full_name, str) or not isinstance(metadata, dict):
        raise errors.missing(["FullName", "Metadata"])
    object_name, _, name = full_name.partition(".")
    item = call.org.schema.find(object_name)
    if item is None:
        raise _faulty(f"Entity Enumeration Or ID: bad value for restricted picklist field: {object_name}")
    if not name.endswith("__c"):
        raise _faulty(f"The name of a custom field ends with __c: {name}")
    if item.field(name) or call.org.schema.hidden_field(item.name, name):
        text = f"There is already a field named {name.removesuffix('__c')} on {item.label}."
        raise ApiError(400, "DUPLICATE_DEVELOPER_NAME", text, [])
    made_field = _field(name, metadata)
    call.org.schema.hide(item.name, made_field)
    if made_field.required:
        # Required fields have no field-level security.
        call.org.schema.grant(f"{item.name}.{name}", edit=True)
    made = _ids(call.org.schema)[f"{item.name}.{name}"]
    return json({"id": made, "success": True, "errors": [], "warnings": [], "infos": []}, 201)


def query(call: Call) -> Response:
    """Over CustomField alone."""
    schema = Schema((CUSTOM_FIELD,))
    rows = Rows(schema)
    rows.load(_rows(call), {})
    planner = Planner(schema, rows, f"{call.data_url}/tooling")
    return in_one_page(call, planner, rows.find)


def _rows(call: Call) -> Iterator[Row]:
    stamp = call.org.clock.second()
    for full_name, row_id in _ids(call.org.schema).items():
        object_name, _, name = full_name.partition(".")
        stamps = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), stamp)
        own = {"DeveloperName": name.removesuffix("__c"), "TableEnumOrId": object_name}
        yield Row("CustomField", row_id, {"Id": row_id, "IsDeleted": False, **stamps, **own})


def _ids(schema: Schema) -> dict[str, str]:
    """Every custom field with an id that stays, for fields are never taken away here."""
    known = [f"{item.name}.{field.name}" for item in schema.all() for field in item.fields if field.custom]
    for name in [*known, *schema.hidden_names()]:
        schema.numbers.setdefault(name, len(schema.numbers) + 1)
    return {name: numbered("00N", 62**5 + number) for name, number in schema.numbers.items()}


def _field(name: str, metadata: Metadata) -> Field:
    kind = metadata.get("type")
    if not isinstance(metadata.get("label"), str):
        raise errors.missing(["label"])
    make = _TYPES.get(str(kind))
    if make is None:
        raise not_emulated(f"A custom field of type {kind}")
    return make(name, str(metadata["label"]), metadata)


def _number(metadata: Metadata, what: str) -> int:
    value = metadata.get(what)
    if not isinstance(value, int):
        raise _faulty(f"Must specify '{what}' for a CustomField of type {metadata['type']}")
    return value


def _faulty(sentence: str) -> ApiError:
    return ApiError(400, "FIELD_INTEGRITY_EXCEPTION", sentence, [])


def _text(name: str, label: str, metadata: Metadata) -> Field:
    return Field(
        name,
        "string",
        label,
        length=_number(metadata, "length"),
        external_id=metadata.get("externalId") is True,
        unique=metadata.get("unique") is True,
        case_sensitive=metadata.get("caseSensitive") is True,
        required=metadata.get("required") is True,
    )


def _long_text(name: str, label: str, metadata: Metadata) -> Field:
    _number(metadata, "visibleLines")
    return long_text(name, label, _number(metadata, "length"))


def _picklist(name: str, label: str, metadata: Metadata) -> Field:
    given = metadata.get("valueSet")
    if not isinstance(given, dict) or "valueSetDefinition" not in given:
        raise _faulty("Must specify 'valueSet' with a valueSetDefinition for a CustomField of type Picklist")
    choices = tuple(str(each["fullName"]) for each in given["valueSetDefinition"].get("value", []))
    restricted = given.get("restricted") is True
    return Field(name, "picklist", label, length=255, choices=choices, restricted=restricted)


def _lookup(name: str, label: str, metadata: Metadata) -> Field:
    to, below = metadata.get("referenceTo"), metadata.get("relationshipName")
    if not (isinstance(to, str) and isinstance(below, str)):
        raise _faulty("Must specify 'referenceTo' and 'relationshipName' for a CustomField of type Lookup")
    return lookup(name, label, to, name.removesuffix("__c") + "__r", children=f"{below}__r")


def _plain(kind: str) -> Callable[[str, str, Metadata], Field]:
    return lambda name, label, _: Field(name, kind, label)


def _numeric(kind: str) -> Callable[[str, str, Metadata], Field]:
    def make(name: str, label: str, metadata: Metadata) -> Field:
        precision, scale = _number(metadata, "precision"), _number(metadata, "scale")
        return Field(name, kind, label, precision=precision, scale=scale)

    return make


def _checkbox(name: str, label: str, metadata: Metadata) -> Field:
    if "defaultValue" not in metadata:
        raise _faulty("Must specify 'defaultValue' for a CustomField of type Checkbox")
    return Field(name, "boolean", label, default=metadata["defaultValue"] in (True, "true"))


_TYPES: Mapping[str, Callable[[str, str, Metadata], Field]] = {
    "Text": _text,
    "LongTextArea": _long_text,
    "Picklist": _picklist,
    "Lookup": _lookup,
    "DateTime": _plain("datetime"),
    "Date": _plain("date"),
    "Currency": _numeric("currency"),
    "Number": _numeric("double"),
    "Percent": _numeric("percent"),
    "Checkbox": _checkbox,
}
