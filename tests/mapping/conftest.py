"""The shipped Salesforce profile between the two real field lists."""

from dataclasses import dataclass

import pytest

import qbxml
from qbwc_server.mapping import EndField, KindMap, Profile, Rule, books_vocabulary, fit, load_profile


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
}
_CONTACT = {"FirstName": 40, "Email": 80, "Title": 128, "QB_SyncKey__c": 80}
_STATES = ("To be Linked", "Queued", "Success", "Error", "Unlinked")

CRM_FIELDS = {
    "account": (
        CrmField("Id", "id", 18, writable=False),
        CrmField("Name", length=255, required=True),
        *(CrmField(name, length=length) for name, length in _ACCOUNT.items()),
        CrmField("QB_Link_Status__c", "choice", choices=_STATES),
        CrmField("QB_Last_Sync__c", "datetime"),
        CrmField("QB_Primary_Contact__c", "reference", 18),
    ),
    "contact": (
        CrmField("LastName", length=80, required=True),
        CrmField("Salutation", "choice", choices=("Mr.", "Ms.", "Dr.")),
        CrmField("AccountId", "reference", 18),
        *(CrmField(name, length=length) for name, length in _CONTACT.items()),
    ),
}


@pytest.fixture(scope="session")
def crm_fields() -> dict[str, tuple[CrmField, ...]]:
    return CRM_FIELDS


@pytest.fixture(scope="session")
def books_fields() -> dict[str, tuple[EndField, ...]]:
    lists = (qbxml.fields(name) for name in ("CustomerRet", "CustomerAdd", "CustomerMod"))
    return {"Customer": books_vocabulary(*lists)}


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
