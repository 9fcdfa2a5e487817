"""The objects of the emulated organisation, as tables: people and companies here, the others beside it.

One more object is one more `SObject` row in `OBJECTS`; one more field is one more line in its table.
"""

from .custom_objects import CUSTOM_OBJECTS
from .field_builders import (
    OWNER,
    SYSTEM_FIELDS,
    address,
    full_name,
    link_fields,
    long_text,
    lookup,
    money,
    picklist,
    required,
    text,
)
from .permission_objects import PERMISSION_OBJECTS
from .sales_objects import SALES_OBJECTS
from .schema import Field, SObject

_INDUSTRIES = ("Agriculture", "Construction", "Consulting", "Education", "Manufacturing", "Retail", "Other")
_ACCOUNT_TYPES = ("Prospect", "Customer - Direct", "Customer - Channel", "Reseller", "Other")
_SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.")

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
        lookup("ParentId", "Parent Account ID", "Account", "Parent", children="ChildAccounts"),
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
        OWNER,
        *link_fields("QB_ListID__c", "QuickBooks ListID"),
        money("QB_Balance__c", "QuickBooks Balance"),
        text("QB_Tax_Item__c", "QuickBooks Sales Tax Item", 31),
        text("QB_Tax_Code__c", "QuickBooks Sales Tax Code", 3),
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
        lookup("AccountId", "Account ID", "Account", "Account", children="Contacts", cascade=True),
        required(text("LastName", "Last Name", 80)),
        text("FirstName", "First Name", 40),
        picklist("Salutation", "Salutation", _SALUTATIONS),
        Field("Name", "string", "Full Name", length=121, derive=full_name).read_only(),
        *address("Other", "Other"),
        *address("Mailing", "Mailing"),
        text("Phone", "Business Phone", 40, "phone"),
        text("Fax", "Business Fax", 40, "phone"),
        text("MobilePhone", "Mobile Phone", 40, "phone"),
        text("Email", "Email", 80, "email"),
        text("Title", "Title", 128),
        long_text("Description", "Contact Description", 32000),
        OWNER,
        # Ids of contacts elsewhere differ in case only, and unique fields know no case.
        *link_fields("QB_ListID__c", "QuickBooks ListID", unique=False),
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
        Field("Name", "string", "Full Name", length=121, derive=full_name).read_only(),
        text("Email", "Email", 128, "email"),
        Field("IsActive", "boolean", "Active", default=True),
    ),
    writable=False,
)

OBJECTS = (ACCOUNT, CONTACT, USER, *SALES_OBJECTS, *CUSTOM_OBJECTS, *PERMISSION_OBJECTS)
