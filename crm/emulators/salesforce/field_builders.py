"""Fields in a word each: what the tables of objects are written with."""

from collections.abc import Callable
from dataclasses import replace

from .schema import Field, Shown, Values


def text(name: str, label: str, length: int, type: str = "string") -> Field:  # noqa: A002 - Salesforce's word
    return Field(name, type, label, length=length)


def required(field: Field) -> Field:
    return replace(field, required=True)


def key(name: str, label: str, length: int) -> Field:
    """A custom text that is External ID and Unique, case-insensitive."""
    return Field(name, "string", label, length=length, external_id=True, unique=True)


def long_text(name: str, label: str, length: int) -> Field:
    return Field(name, "textarea", label, length=length, filterable=False)


def picklist(name: str, label: str, choices: tuple[str, ...], *, restricted: bool = False) -> Field:
    return Field(name, "picklist", label, length=255, choices=choices, restricted=restricted)


def lookup(
    name: str,
    label: str,
    to: str,
    relationship: str,
    *,
    children: str = "",
    cascade: bool = False,
    restrict: bool = False,
) -> Field:
    """`relationship` is the way up in SOQL, `children` the way down from the other object."""
    return Field(
        name,
        "reference",
        label,
        length=18,
        reference_to=to,
        relationship=relationship,
        children=children,
        cascade=cascade,
        restrict=restrict,
    )


def money(name: str, label: str) -> Field:
    return Field(name, "currency", label, precision=18, scale=2)


def number(name: str, label: str, scale: int) -> Field:
    return Field(name, "double", label, precision=18, scale=scale)


def checkbox(name: str, label: str, *, default: bool = False) -> Field:
    return Field(name, "boolean", label, default=default)


def auto_number(name: str, label: str, form: str) -> Field:
    """`form` is a Python format of the row's number: "INV-{:05}"."""
    return Field(name, "string", label, length=80, auto_number=form, required=True).read_only()


def once(field: Field) -> Field:
    """Given when the row is made, never changed afterwards."""
    return replace(field, updateable=False)


def address(prefix: str, label: str) -> tuple[Field, ...]:
    """The five parts, the coordinates, and the read-only compound field over them."""
    parts = (
        text(f"{prefix}Street", f"{label} Street", 255, "textarea"),
        text(f"{prefix}City", f"{label} City", 40),
        text(f"{prefix}State", f"{label} State/Province", 80),
        text(f"{prefix}PostalCode", f"{label} Zip/Postal Code", 20),
        text(f"{prefix}Country", f"{label} Country", 80),
        Field(f"{prefix}Latitude", "double", f"{label} Latitude", precision=18, scale=15),
        Field(f"{prefix}Longitude", "double", f"{label} Longitude", precision=18, scale=15),
    )
    compound = Field(
        f"{prefix}Address", "address", f"{label} Address", filterable=False, derive=_compound(prefix)
    )
    return (*parts, compound.read_only())


def _compound(prefix: str) -> Callable[[Values], Shown]:
    names = ("City", "Country", "Latitude", "Longitude", "PostalCode", "State", "Street")

    def derive(values: Values) -> Shown:
        parts: dict[str, Shown] = {name[0].lower() + name[1:]: values.get(prefix + name) for name in names}
        return {**parts, "geocodeAccuracy": None} if any(parts.values()) else None

    return derive


def system(name: str, label: str, type: str, length: int = 0) -> Field:  # noqa: A002
    return Field(name, type, label, length=length, required=True).read_only()


SYSTEM_FIELDS = (
    system("Id", "Record ID", "id", length=18),
    system("IsDeleted", "Deleted", "boolean"),
    system("CreatedDate", "Created Date", "datetime"),
    lookup("CreatedById", "Created By ID", "User", "CreatedBy").read_only(),
    system("LastModifiedDate", "Last Modified Date", "datetime"),
    lookup("LastModifiedById", "Last Modified By ID", "User", "LastModifiedBy").read_only(),
    system("SystemModstamp", "System Modstamp", "datetime"),
)
OWNER = required(lookup("OwnerId", "Owner ID", "User", "Owner"))


def full_name(values: Values) -> Shown:
    parts = (values.get("Salutation"), values.get("FirstName"), values.get("LastName"))
    return " ".join(str(part) for part in parts if part)


_LINK_STATUS = ("To be Linked", "Queued", "Success", "Error", "Unlinked")


def link_fields(identity: str, label: str, *, unique: bool = True) -> tuple[Field, ...]:
    """What an integration keeps on a record that has a counterpart elsewhere; `identity` names its id there."""
    return (
        picklist("QB_Link_Status__c", "QuickBooks Link Status", _LINK_STATUS, restricted=True),
        long_text("QB_Sync_Error__c", "QuickBooks Sync Error", 32768),
        key(identity, label, 41) if unique else text(identity, label, 41),
        text("QB_EditSequence__c", "QuickBooks Edit Sequence", 16),
        Field("QB_Last_Sync__c", "datetime", "QuickBooks Last Sync"),
        key("QB_SyncKey__c", "QuickBooks Sync Key", 80),
    )
