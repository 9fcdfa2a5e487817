"""What an object and a field are. The objects themselves are tables: see `objects.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

Value = str | int | bool | Decimal | date | datetime | None
Values = Mapping[str, Value]
# What a field shows: a stored value, or an object made of several (an address).
Shown = Value | dict[str, "Shown"]


@dataclass(frozen=True)
class Field:
    name: str
    # A word of the describe call: string, textarea, picklist, reference, currency, datetime ...
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    # Must have a value: `createable && !nillable && !defaultedOnCreate` in a describe.
    required: bool = False
    createable: bool = True
    updateable: bool = True
    default: Value = None
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    # Reference fields: the object they point to, the name of the way there in SOQL, and whether the
    # row that holds the reference dies with the one it points to.
    reference_to: str = ""
    relationship: str = ""
    cascade: bool = False
    # The name of the way back in SOQL, from the row pointed to down to those that point ("Contacts").
    children: str = ""
    # Rows that are pointed to cannot be deleted.
    restrict: bool = False
    # The form of a number that the organisation gives to each new row.
    auto_number: str = ""
    choices: tuple[str, ...] = ()
    restricted: bool = False
    # False for long text areas and addresses: "can not be filtered in a query call".
    filterable: bool = True
    # Computed from the stored values whenever it is read, never stored.
    derive: Callable[[Values], Shown] | None = None

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @property
    def writable(self) -> bool:
        return self.createable or self.updateable

    def read_only(self) -> "Field":
        return replace(self, createable=False, updateable=False)


@dataclass(frozen=True)
class SObject:
    name: str
    label: str
    plural: str
    key_prefix: str
    fields: tuple[Field, ...]
    writable: bool = True
    # Conditional requests by ETag work for this object (Salesforce: Account only).
    etag: bool = False

    def field(self, name: str) -> Field | None:
        """By API name, in any case, as Salesforce reads names."""
        return self._by_name.get(name.lower())

    def way(self, relationship: str) -> Field | None:
        """The reference field whose relationship has this name."""
        return self._by_way.get(relationship.lower())

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {field.name.lower(): field for field in self.fields}

    @cached_property
    def _by_way(self) -> dict[str, Field]:
        return {field.relationship.lower(): field for field in self.fields if field.relationship}

    def with_fields(self, *fields: Field) -> "SObject":
        return replace(self, fields=(*self.fields, *fields))


class Schema:
    """The objects of one organisation, found by name in any case or by key prefix."""

    def __init__(self, objects: tuple[SObject, ...]) -> None:
        self._objects: dict[str, SObject] = {}
        # Fields that exist and that no permission set grants yet.
        self._hidden: dict[tuple[str, str], Field] = {}
        # Custom fields in the order in which somebody asked for their ids.
        self.numbers: dict[str, int] = {}
        self.replace(objects)

    def replace(self, objects: tuple[SObject, ...]) -> None:
        """These objects and no others."""
        self._objects.clear()
        self._hidden.clear()
        self._objects.update((item.name.lower(), item) for item in objects)

    def find(self, name: str) -> SObject | None:
        return self._objects.get(name.lower())

    def of_id(self, row_id: str) -> SObject | None:
        return next((item for item in self._objects.values() if item.key_prefix == row_id[:3]), None)

    def below(self, item: SObject, relationship: str) -> tuple[SObject, Field] | None:
        """The object and reference field behind the name of a child relationship."""
        for other in self._objects.values():
            for field in other.fields:
                if field.reference_to == item.name and field.children.lower() == relationship.lower() != "":
                    return other, field
        return None

    def put(self, item: SObject) -> None:
        """Add an object, or replace it by a wider one."""
        self._objects[item.name.lower()] = item

    def all(self) -> tuple[SObject, ...]:
        return tuple(self._objects.values())

    # fields that were made and not granted

    def hide(self, object_name: str, field: Field) -> None:
        self._hidden[object_name, field.name] = field

    def hidden_field(self, object_name: str, name: str) -> Field | None:
        return self._hidden.get((object_name, name))

    def hidden_names(self) -> list[str]:
        return [f"{object_name}.{name}" for object_name, name in self._hidden]

    def grant(self, full_name: str, *, edit: bool) -> None:
        """From now on the field is seen, and written where `edit` says so."""
        object_name, _, name = full_name.partition(".")
        item, field = self.find(object_name), self._hidden.pop((object_name, name), None)
        if item is not None and field is not None:
            self.put(item.with_fields(field if edit else field.read_only()))
