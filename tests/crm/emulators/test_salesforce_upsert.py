from typing import Any

import pytest

from crm.emulators.salesforce import SalesforceEmulator

KEY = "sobjects/Account/QB_ListID__c"


def test_an_upsert_creates_once_and_updates_afterwards(rest: Any, emulator: SalesforceEmulator) -> None:
    first = rest.patch(f"{KEY}/80000001-1234567890", {"Name": "Acme"})
    assert first.status_code == 201
    row_id = first.json()["id"]
    assert first.json() == {"id": row_id, "success": True, "errors": [], "created": True}
    again = rest.patch(f"{KEY}/80000001-1234567890", {"Name": "Acme Inc."})
    assert again.status_code == 200
    assert again.json() == {"id": row_id, "success": True, "errors": [], "created": False}
    assert emulator.counters.verbs == {"create:Account": 1, "update:Account": 1}


def test_before_version_46_an_update_by_key_answered_204(rest: Any) -> None:
    rest.patch(f"{KEY}/1", {"Name": "Acme"})
    rest.version = "45.0"
    assert rest.patch(f"{KEY}/1", {"Name": "Acme"}).status_code == 204


def test_keys_are_found_in_any_case_and_with_slashes(rest: Any) -> None:
    first = rest.patch(f"{KEY}/a%2Fb%20C+d", {"Name": "Acme"}).json()["id"]
    assert rest.patch(f"{KEY}/A%2FB%20c+D", {"Name": "Acme"}).json()["id"] == first
    assert rest.get(f"{KEY}/a%2Fb%20c+d").json()["QB_ListID__c"] == "a/b C+d"


@pytest.mark.parametrize(
    "extra", [{"Id": "001000000000001AAA"}, {"QB_ListID__c": "1"}, {"qb_listid__c": "1"}]
)
def test_neither_id_nor_key_may_stand_in_the_body(rest: Any, error_code: Any, extra: dict[str, str]) -> None:
    answer = rest.patch(f"{KEY}/1", {"Name": "Acme", **extra})
    assert (answer.status_code, error_code(answer)) == (400, "INVALID_FIELD")
    assert "should not be specified in the sobject data" in answer.json()[0]["message"]


def test_update_only_never_creates(rest: Any) -> None:
    assert rest.patch(f"{KEY}/1", {"Name": "Acme"}, params={"updateOnly": "true"}).status_code == 404
    assert rest.rows("SELECT Id FROM Account") == []
    rest.create(Name="Acme", QB_ListID__c="1")
    assert rest.patch(f"{KEY}/1", {"Phone": "2"}, params={"updateOnly": "true"}).status_code == 200


def test_a_value_that_several_rows_hold_writes_nothing_and_lists_them(
    rest: Any, emulator: SalesforceEmulator
) -> None:
    from dataclasses import replace

    account = emulator.org.schema.find("Account")
    assert account is not None
    key = account.field("QB_ListID__c")
    assert key is not None
    shared = tuple(replace(field, unique=False) if field is key else field for field in account.fields)
    emulator.org.schema.put(replace(account, fields=shared))
    ids = sorted(rest.create(Name=name, QB_ListID__c="1") for name in "ab")
    answer = rest.patch(f"{KEY}/1", {"Name": "c"})
    assert answer.status_code == 300
    assert answer.json() == [f"/services/data/v64.0/sobjects/Account/{row_id}" for row_id in ids]
    assert {row["Name"] for row in rest.rows("SELECT Name FROM Account")} == {"a", "b"}


def test_a_field_that_is_no_external_id_is_no_key(rest: Any, error_code: Any) -> None:
    answer = rest.patch("sobjects/Account/Phone/1", {"Name": "Acme"})
    assert (answer.status_code, error_code(answer)) == (404, "NOT_FOUND")


def test_a_second_row_with_the_key_is_a_duplicate_that_names_the_first(rest: Any, error_code: Any) -> None:
    first = rest.create(Name="Acme", QB_ListID__c="abc")
    answer = rest.post("sobjects/Account", {"Name": "Other", "QB_ListID__c": "ABC"})
    assert (answer.status_code, error_code(answer)) == (400, "DUPLICATE_VALUE")
    text = f"duplicate value found: QB_ListID__c duplicates value on record with id: {first[:15]}"
    assert answer.json()[0]["message"] == text


def test_the_name_of_the_first_row_may_be_its_long_id(rest: Any, emulator: SalesforceEmulator) -> None:
    emulator.org.writes.short_ids = False
    first = rest.create(Name="Acme", QB_ListID__c="abc")
    answer = rest.post("sobjects/Account", {"Name": "Other", "QB_ListID__c": "abc"})
    assert answer.json()[0]["message"].endswith(first)


def test_a_deleted_row_frees_its_key(rest: Any) -> None:
    first = rest.create(Name="Acme", QB_ListID__c="1")
    rest.delete(f"sobjects/Account/{first}")
    assert rest.patch(f"{KEY}/1", {"Name": "Acme"}).json()["created"] is True


def test_a_parent_may_be_named_by_its_external_id(rest: Any, error_code: Any) -> None:
    account = rest.create(Name="Acme", QB_ListID__c="1")
    contact = rest.create("Contact", LastName="Ray", Account={"QB_ListID__c": "1"})
    assert rest.read(contact, "Contact")["AccountId"] == account
    answer = rest.post("sobjects/Contact", {"LastName": "Ray", "Account": {"QB_ListID__c": "2"}})
    assert (answer.status_code, error_code(answer)) == (400, "INVALID_FIELD")


def test_a_validation_rule_speaks_in_its_own_words(
    rest: Any, emulator: SalesforceEmulator, error_code: Any
) -> None:
    emulator.refuse("Account", "Phone", "000", "A phone of zeros is no phone.")
    answer = rest.patch(f"{KEY}/1", {"Name": "Acme", "Phone": "000"})
    assert (answer.status_code, error_code(answer)) == (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    assert answer.json()[0]["message"] == "A phone of zeros is no phone."


def test_a_duplicate_rule_alerts_unless_told_to_save(
    rest: Any, emulator: SalesforceEmulator, error_code: Any
) -> None:
    rest.create(Name="Acme")
    emulator.alert_duplicates("Account")
    answer = rest.post("sobjects/Account", {"Name": "ACME"})
    assert (answer.status_code, error_code(answer)) == (400, "DUPLICATES_DETECTED")
    headers = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert rest.post("sobjects/Account", {"Name": "ACME"}, headers=headers).status_code == 201
