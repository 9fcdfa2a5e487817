"""How objects and fields describe themselves. Pure."""

from collections.abc import Iterator

from .schema import Field, Schema, SObject
from .values import TYPES, show


def brief(item: SObject, data_url: str) -> dict[str, object]:
    """An object as the list of objects shows it."""
    url = f"{data_url}/sobjects/{item.name}"
    allowed = ("createable", "updateable", "deletable", "undeletable")
    always = ("queryable", "retrieveable", "replicateable", "searchable", "layoutable", "triggerable")
    return {
        "name": item.name,
        "label": item.label,
        "labelPlural": item.plural,
        "keyPrefix": item.key_prefix,
        "custom": item.name.endswith("__c"),
        "customSetting": False,
        "deprecatedAndHidden": False,
        "feedEnabled": False,
        "mergeable": item.name in ("Account", "Contact", "Lead"),
        **dict.fromkeys(allowed, item.writable),
        **dict.fromkeys(always, True),
        "urls": {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"},
    }


def full(item: SObject, schema: Schema, data_url: str) -> dict[str, object]:
    return {
        **brief(item, data_url),
        "childRelationships": list(_children(item, schema)),
        "recordTypeInfos": [],
        "fields": [describe_field(field) for field in item.fields],
    }


def _children(item: SObject, schema: Schema) -> Iterator[dict[str, object]]:
    for other in schema.all():
        for field in other.fields:
            if field.reference_to == item.name:
                yield {
                    "childSObject": other.name,
                    "field": field.name,
                    "relationshipName": field.children or None,
                    "cascadeDelete": field.cascade,
                    "restrictedDelete": field.restrict,
                    "deprecatedAndHidden": False,
                }


def describe_field(field: Field) -> dict[str, object]:
    is_text = TYPES[field.type].soap == "xsd:string"
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "soapType": TYPES[field.type].soap,
        "length": field.length,
        "byteLength": field.length * 3,
        "precision": field.precision,
        "scale": field.scale,
        "digits": field.precision if field.type == "int" else 0,
        "nillable": not field.required and field.type != "boolean",
        "createable": field.createable,
        "updateable": field.updateable,
        "defaultedOnCreate": _defaulted(field),
        "defaultValue": show(field.default),
        "calculated": False,
        "autoNumber": bool(field.auto_number),
        "custom": field.custom,
        "externalId": field.external_id,
        "idLookup": field.external_id or field.name == "Id",
        "unique": field.unique,
        "caseSensitive": field.case_sensitive,
        "filterable": field.filterable,
        "sortable": field.filterable,
        "groupable": field.filterable and is_text,
        "nameField": field.name == "Name",
        "permissionable": not field.required,
        "cascadeDelete": field.cascade,
        "restrictedDelete": field.restrict,
        "referenceTo": [field.reference_to] if field.reference_to else [],
        "relationshipName": field.relationship or None,
        "restrictedPicklist": field.restricted,
        "picklistValues": [
            {"value": choice, "label": choice, "active": True, "defaultValue": False, "validFor": None}
            for choice in field.choices
        ],
    }


def _defaulted(field: Field) -> bool:
    given = field.default is not None or field.type == "boolean" or field.name == "OwnerId"
    return given or not field.createable
