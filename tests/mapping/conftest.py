"""The shipped Salesforce profile between the two real field lists, and a company that named its accounts."""

from dataclasses import dataclass

import pytest

from qbwc_server.mapping import (
    EndField,
    KindMap,
    Profile,
    Rule,
    books_kinds,
    fit,
    load_profile,
)
from qbwc_server.sync.deciding import books_fields as known_to_books


@dataclass(frozen=True)
class CrmField:
    """Spelled as a CRM gateway spells it: length 0 where a type has none."""

    name: str
    type: str = "text"
    length: int = 0
    required: bool = False
    writable: bool = True
    choices: tuple[str, ...] = ()


# Salesforce's own lengths; the QB fields as an administrator is told to make them.
_ACCOUNT = {
    "AccountNumber": 40,
    "Phone": 40,
    "Fax": 40,
    "BillingStreet": 255,
    "BillingCity": 40,
    "BillingState": 80,
    "BillingPostalCode": 20,
    "BillingCountry": 80,
    "ShippingStreet": 255,
    "ShippingCity": 40,
    "ShippingState": 80,
    "ShippingPostalCode": 20,
    "ShippingCountry": 80,
    "Description": 32000,
    "QB_Sync_Error__c": 32768,
    "QB_ListID__c": 41,
    "QB_EditSequence__c": 16,
    "QB_SyncKey__c": 80,
    "QB_Tax_Item__c": 31,
    "QB_Tax_Code__c": 3,
}
_LINK = {"QB_Sync_Error__c": 32768, "QB_EditSequence__c": 16, "QB_SyncKey__c": 80}
_ACCOUNTS = ("Income", "Expense", "COGS", "Asset")
_CONTACT = {"FirstName": 40, "Email": 80, "Title": 128, "QB_SyncKey__c": 80}
_STATES = ("To be Linked", "Queued", "Success", "Error", "Unlinked")


def _link(books_id: str) -> tuple[CrmField, ...]:
    return (
        CrmField("QB_Link_Status__c", "choice", choices=_STATES),
        CrmField("QB_Last_Sync__c", "datetime"),
        CrmField(books_id, length=41),
        *(CrmField(name, length=length) for name, length in _LINK.items()),
    )


_OPPORTUNITY_LINE = (
    CrmField("Product2Id", "reference", 18),
    CrmField("Description", length=255),
    CrmField("Quantity", "decimal", required=True),
    CrmField("UnitPrice", "decimal"),
    CrmField("TotalPrice", "decimal"),
    CrmField("ServiceDate", "date"),
    CrmField("QB_TxnLineID__c", length=41),
)
_MAILING = {"Street": 255, "City": 40, "State": 80, "PostalCode": 20, "Country": 80}
CRM_FIELDS = {
    "product": (
        CrmField("Name", length=255, required=True),
        CrmField("Description", length=4000),
        CrmField("IsActive", "boolean"),
        CrmField("StandardPrice", "decimal"),
        CrmField("QB_Item_Type__c", "choice", choices=("Service", "Non-inventory Part", "Inventory Part")),
        CrmField("QB_Purchase_Cost__c", "decimal"),
        CrmField("QB_Quantity_On_Hand__c", "decimal"),
        *(CrmField(f"QB_{name}_Account__c", length=159) for name in _ACCOUNTS),
        *_link("QB_ListID__c"),
    ),
    "opportunity": (
        CrmField("Name", length=120, required=True),
        CrmField("AccountId", "reference", 18),
        CrmField("PrimaryContactId", "reference", 18, writable=False),
        CrmField("CloseDate", "date", required=True),
        CrmField("Amount", "decimal"),
        CrmField("QB_Generate__c", "choice", choices=("Invoice", "Sales Order")),
        CrmField("QB_RefNumber__c", length=21),
        CrmField("QB_Tax_Item__c", length=31),
        CrmField("QB_Tax_Code__c", length=3),
        *(
            CrmField(f"QB_{name}__c", "decimal")
            for name in ("Discount", "Freight", "Tax_Amount", "Sales_Tax", "Total")
        ),
        *_link("QB_TxnID__c"),
        *(CrmField(f"lines.{one.name}", one.type, one.length) for one in _OPPORTUNITY_LINE),
    ),
    "invoice": (
        CrmField("QB_Account__c", "reference", 18),
        CrmField("QB_Opportunity__c", "reference", 18),
        CrmField("QB_Doc_Number__c", length=21),
        CrmField("QB_Memo__c", length=4095),
        CrmField("QB_Payments__c", length=32768),
        CrmField("QB_Currency__c", length=64),
        CrmField("QB_Status__c", "choice", choices=("Open", "Partially Paid", "Paid", "Voided", "Deleted")),
        *(CrmField(f"QB_{name}_Date__c", "date") for name in ("Txn", "Due")),
        *(
            CrmField(f"QB_{name}__c", "decimal")
            for name in ("Subtotal", "Sales_Tax", "Total", "Paid", "Balance")
        ),
        *_link("QB_TxnID__c"),
    ),
    "payment": (
        CrmField("QB_Account__c", "reference", 18),
        CrmField("QB_Invoice__c", "reference", 18),
        CrmField("QB_Applications__c", length=32768),
        CrmField("QB_Amount__c", "decimal", required=True),
        CrmField("QB_Unapplied__c", "decimal"),
        CrmField("QB_Currency__c", length=64),
        CrmField("QB_Status__c", "choice", choices=("Applied", "Partially Applied", "Unapplied", "Deleted")),
        CrmField("QB_Date__c", "date"),
        CrmField("QB_Method__c", length=31),
        CrmField("QB_Ref_Number__c", length=21),
        *_link("QB_TxnID__c"),
    ),
    "account": (
        CrmField("Id", "id", 18, writable=False),
        CrmField("Name", length=255, required=True),
        *(CrmField(name, length=length) for name, length in _ACCOUNT.items()),
        CrmField("QB_Link_Status__c", "choice", choices=_STATES),
        CrmField("QB_Last_Sync__c", "datetime"),
        CrmField("QB_Primary_Contact__c", "reference", 18),
        CrmField("ParentId", "reference", 18),
        CrmField("QB_Balance__c", "decimal"),
    ),
    "contact": (
        CrmField("LastName", length=80, required=True),
        CrmField("Salutation", "choice", choices=("Mr.", "Ms.", "Dr.")),
        CrmField("AccountId", "reference", 18),
        *(CrmField(name, length=length) for name, length in _CONTACT.items()),
        CrmField("Name", length=121, writable=False),
        *(CrmField(name, length=40) for name in ("Phone", "MobilePhone", "Fax")),
        *(CrmField(f"Mailing{name}", length=length) for name, length in _MAILING.items()),
        *(one for one in _link("QB_ListID__c") if one.name not in _CONTACT),
    ),
}


@pytest.fixture(scope="session")
def crm_fields() -> dict[str, tuple[CrmField, ...]]:
    return CRM_FIELDS


@pytest.fixture(scope="session")
def books_fields() -> dict[str, tuple[EndField, ...]]:
    return {kind: known_to_books(kind) for kind in books_kinds(load_profile("salesforce"))}


@pytest.fixture(scope="session")
def settings() -> dict[str, str]:
    """Every setting of the shipped profile with an element of QuickBooks' lists behind it."""
    return {name: name.replace("_", " ").title() for name in load_profile("salesforce").settings}


@pytest.fixture(scope="session")
def profile(crm_fields, books_fields) -> Profile:
    return fit(load_profile("salesforce"), crm_fields, books_fields, zone="America/Chicago")


@pytest.fixture(scope="session")
def account(profile: Profile) -> KindMap:
    return profile.kind("account")


@pytest.fixture(scope="session")
def rules(account: KindMap) -> dict[str, Rule]:
    """The account's rules by QuickBooks path."""
    return {rule.books: rule for rule in account.rules}
