"""Custom fields as an installer makes them: created, then granted through a permission set."""

from typing import Any

import pytest

from crm.emulators.salesforce import SalesforceEmulator

LIST_ID = {
    "label": "QuickBooks ListID",
    "type": "Text",
    "length": 41,
    "externalId": True,
    "unique": True,
    "caseSensitive": False,
    "required": False,
}
CHOICES = {
    "sorted": False,
    "value": [{"fullName": each, "label": each} for each in ("Invoice", "Sales Order")],
}


@pytest.fixture
def bare(emulator: SalesforceEmulator) -> SalesforceEmulator:
    emulator.strip_custom_fields()
    return emulator


def make(rest: Any, full_name: str, **metadata: Any) -> Any:
    return rest.post("tooling/sobjects/CustomField/", {"FullName": full_name, "Metadata": metadata})


def grant(rest: Any, emulator: SalesforceEmulator, full_name: str, *, edit: bool = True) -> None:
    made = rest.create("PermissionSet", Name="QuickBooks", Label="QuickBooks")
    rest.create(
        "FieldPermissions",
        ParentId=made,
        SobjectType=full_name.partition(".")[0],
        Field=full_name,
        PermissionsRead=True,
        PermissionsEdit=edit,
    )
    rest.create("PermissionSetAssignment", AssigneeId=emulator.org.user_id, PermissionSetId=made)


def test_a_new_field_is_seen_by_nobody_until_it_is_granted(rest: Any, bare: SalesforceEmulator) -> None:
    answer = make(rest, "Account.QB_ListID__c", **LIST_ID)
    assert answer.status_code == 201
    assert answer.json()["id"].startswith("00N")
    assert (answer.json()["success"], answer.json()["warnings"], answer.json()["infos"]) == (True, [], [])
    assert rest.query("SELECT QB_ListID__c FROM Account").json()[0]["errorCode"] == "INVALID_FIELD"
    grant(rest, bare, "Account.QB_ListID__c")
    made = rest.create(Name="Acme", QB_ListID__c="8-1")
    assert rest.patch("sobjects/Account/QB_ListID__c/8-1", {"Name": "Acme Inc"}).json()["id"] == made
    fields = {row["name"]: row for row in rest.get("sobjects/Account/describe").json()["fields"]}
    field = fields["QB_ListID__c"]
    assert (field["length"], field["externalId"], field["unique"]) == (41, True, True)


def test_a_field_that_may_only_be_read_is_not_written(rest: Any, bare: SalesforceEmulator) -> None:
    make(rest, "Account.QB_Balance__c", label="Balance", type="Currency", precision=18, scale=2)
    grant(rest, bare, "Account.QB_Balance__c", edit=False)
    assert rest.query("SELECT QB_Balance__c FROM Account").status_code == 200
    answer = rest.post("sobjects/Account", {"Name": "Acme", "QB_Balance__c": 1})
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_picklist_and_a_lookup_are_made(rest: Any, bare: SalesforceEmulator) -> None:
    value_set = {"restricted": True, "valueSetDefinition": CHOICES}
    make(rest, "Opportunity.QB_Generate__c", label="Generate", type="Picklist", valueSet=value_set)
    make(
        rest,
        "Account.QB_Primary_Contact__c",
        label="Primary Contact",
        type="Lookup",
        referenceTo="Contact",
        relationshipName="QB_Primary_Of",
    )
    grant(rest, bare, "Opportunity.QB_Generate__c")
    grant(rest, bare, "Account.QB_Primary_Contact__c")
    deal = {"Name": "Roof", "StageName": "Qualification", "CloseDate": "2026-12-01"}
    wrong = rest.post("sobjects/Opportunity", {**deal, "QB_Generate__c": "Estimate"})
    assert wrong.json()[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert rest.create("Opportunity", **deal, QB_Generate__c="Invoice")
    person = rest.create("Contact", LastName="Ray")
    rest.create(Name="Acme", QB_Primary_Contact__c=person)
    (row,) = rest.rows("SELECT QB_Primary_Contact__r.LastName FROM Account")
    assert row["QB_Primary_Contact__r"]["LastName"] == "Ray"
    (row,) = rest.rows("SELECT (SELECT Name FROM QB_Primary_Of__r) FROM Contact")
    assert row["QB_Primary_Of__r"]["records"][0]["Name"] == "Acme"


@pytest.mark.parametrize(
    "metadata",
    [
        {"type": "LongTextArea", "length": 32768, "visibleLines": 3},
        {"type": "DateTime"},
        {"type": "Date"},
        {"type": "Number", "precision": 18, "scale": 5},
        {"type": "Checkbox", "defaultValue": False},
    ],
)
def test_further_types_are_made(rest: Any, bare: SalesforceEmulator, metadata: dict[str, Any]) -> None:
    assert make(rest, "Product2.QB_Thing__c", label="Thing", **metadata).status_code == 201
    grant(rest, bare, "Product2.QB_Thing__c")
    assert rest.query("SELECT QB_Thing__c FROM Product2").status_code == 200


def test_fields_are_listed_whether_seen_or_not(rest: Any, bare: SalesforceEmulator) -> None:
    made = make(rest, "Account.QB_ListID__c", **LIST_ID).json()["id"]
    text = "SELECT Id, DeveloperName, TableEnumOrId FROM CustomField WHERE TableEnumOrId = 'Account'"
    answer = rest.get("tooling/query/", params={"q": text}).json()
    (row,) = answer["records"]
    assert (row["Id"], row["DeveloperName"], row["TableEnumOrId"]) == (made, "QB_ListID", "Account")


def test_a_field_that_exists_is_not_made_again(rest: Any, error_code: Any) -> None:
    make(rest, "Account.QB_New__c", label="New", type="Date")
    for full_name in ("Account.QB_New__c", "Account.QB_ListID__c"):
        answer = make(rest, full_name, label="x", type="Date")
        assert (answer.status_code, error_code(answer)) == (400, "DUPLICATE_DEVELOPER_NAME")


@pytest.mark.parametrize(
    ("full_name", "metadata", "status"),
    [
        ("Nothing.QB_X__c", {"label": "x", "type": "Date"}, 400),
        ("Account.QB_X", {"label": "x", "type": "Date"}, 400),
        ("Account.QB_X__c", {"type": "Date"}, 400),
        ("Account.QB_X__c", {"label": "x", "type": "Text"}, 400),
        ("Account.QB_X__c", {"label": "x", "type": "Summary"}, 501),
    ],
)
def test_a_description_that_lacks_something_is_refused(
    rest: Any, full_name: str, metadata: dict[str, Any], status: int
) -> None:
    assert make(rest, full_name, **metadata).status_code == status


def test_a_permission_for_a_field_that_is_not_there_is_refused(rest: Any) -> None:
    made = rest.create("PermissionSet", Name="QuickBooks", Label="QuickBooks")
    body = {
        "ParentId": made,
        "SobjectType": "Account",
        "Field": "Account.Nowhere__c",
        "PermissionsRead": True,
    }
    assert rest.post("sobjects/FieldPermissions", body).status_code == 400


def test_the_rest_of_the_tooling_api_is_not_guessed(rest: Any, error_code: Any) -> None:
    answer = rest.get("tooling/describe")
    assert (answer.status_code, error_code(answer)) == (501, "NOT_EMULATED")
