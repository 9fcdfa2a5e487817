"""The objects of the emulated organisation, as tables.

One more object is one more `SObject` row in `OBJECTS`; one more field is one more line in its table.
"""

from collections.abc import Callable
from dataclasses import replace

from .schema import Field, Shown, SObject, Values

_INDUSTRIES = ("Agriculture", "Construction", "Consulting", "Education", "Manufacturing", "Retail", "Other")
_ACCOUNT_TYPES = ("Prospect", "Customer - Direct", "Customer - Channel", "Reseller", "Other")
_SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.")
_LINK_STATUS = ("To be Linked", "Queued", "Success", "Error", "Unlinked")


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


def lookup(name: str, label: str, to: str, relationship: str, *, cascade: bool = False) -> Field:
    return Field(
        name, "reference", label, length=18, reference_to=to, relationship=relationship, cascade=cascade
    )


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
_OWNER = required(lookup("OwnerId", "Owner ID", "User", "Owner"))


def _full_name(values: Values) -> Shown:
    parts = (values.get("Salutation"), values.get("FirstName"), values.get("LastName"))
    return " ".join(str(part) for part in parts if part)


ACCOUNT = SObject(
    "Account",
    "Account",
    "Accounts",
    "001",
    (
        *SYSTEM_FIELDS,
        lookup("MasterRecordId", "Master Record ID", "Account", "MasterRecord").read_only(),
        required(text("Name", "Account Name", 255)),
        picklist("Type", "Account Type", _ACCOUNT_TYPES),
        lookup("ParentId", "Parent Account ID", "Account", "Parent"),
        *address("Billing", "Billing"),
        *address("Shipping", "Shipping"),
        text("Phone", "Account Phone", 40, "phone"),
        text("Fax", "Account Fax", 40, "phone"),
        text("AccountNumber", "Account Number", 40),
        text("Website", "Website", 255, "url"),
        picklist("Industry", "Industry", _INDUSTRIES),
        Field("AnnualRevenue", "currency", "Annual Revenue", precision=18, scale=0),
        Field("NumberOfEmployees", "int", "Employees", precision=8),
        long_text("Description", "Account Description", 32000),
        _OWNER,
        picklist("QB_Link_Status__c", "QuickBooks Link Status", _LINK_STATUS, restricted=True),
        long_text("QB_Sync_Error__c", "QuickBooks Sync Error", 32768),
        key("QB_ListID__c", "QuickBooks ListID", 41),
        text("QB_EditSequence__c", "QuickBooks Edit Sequence", 16),
        Field("QB_Last_Sync__c", "datetime", "QuickBooks Last Sync"),
        key("QB_SyncKey__c", "QuickBooks Sync Key", 80),
        lookup("QB_Primary_Contact__c", "QuickBooks Primary Contact", "Contact", "QB_Primary_Contact__r"),
    ),
    etag=True,
)

CONTACT = SObject(
    "Contact",
    "Contact",
    "Contacts",
    "003",
    (
        *SYSTEM_FIELDS,
        lookup("MasterRecordId", "Master Record ID", "Contact", "MasterRecord").read_only(),
        lookup("AccountId", "Account ID", "Account", "Account", cascade=True),
        required(text("LastName", "Last Name", 80)),
        text("FirstName", "First Name", 40),
        picklist("Salutation", "Salutation", _SALUTATIONS),
        Field("Name", "string", "Full Name", length=121, derive=_full_name).read_only(),
        *address("Other", "Other"),
        *address("Mailing", "Mailing"),
        text("Phone", "Business Phone", 40, "phone"),
        text("Fax", "Business Fax", 40, "phone"),
        text("MobilePhone", "Mobile Phone", 40, "phone"),
        text("Email", "Email", 80, "email"),
        text("Title", "Title", 128),
        long_text("Description", "Contact Description", 32000),
        _OWNER,
        key("QB_SyncKey__c", "QuickBooks Sync Key", 80),
    ),
)

USER = SObject(
    "User",
    "User",
    "Users",
    "005",
    (
        *SYSTEM_FIELDS,
        text("Username", "Username", 80),
        text("FirstName", "First Name", 40),
        required(text("LastName", "Last Name", 80)),
        Field("Name", "string", "Full Name", length=121, derive=_full_name).read_only(),
        text("Email", "Email", 128, "email"),
        Field("IsActive", "boolean", "Active", default=True),
    ),
    writable=False,
)

OBJECTS = (ACCOUNT, CONTACT, USER)
