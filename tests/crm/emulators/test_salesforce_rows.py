from decimal import Decimal
from typing import Any

import pytest
import requests

from crm.emulators import exact_json
from crm.emulators.salesforce import SalesforceEmulator, objects
from crm.emulators.salesforce.schema import Field, SObject

NOW = "2026-11-22T06:30:00.000+0000"


def test_create_answers_201_with_an_18_character_id(rest: Any) -> None:
    answer = rest.post("sobjects/Account/", {"Name": "Acme"})
    assert answer.status_code == 201
    assert answer.json() == {"id": answer.json()["id"], "success": True, "errors": []}
    assert answer.json()["id"].startswith("001")
    assert len(answer.json()["id"]) == 18


def test_a_row_shows_every_field_and_its_stamps(rest: Any) -> None:
    row_id = rest.create(Name="Acme", BillingStreet="1 Main St\nSuite 2", BillingCity="Tucson")
    row = rest.read(row_id)
    assert row["attributes"] == {
        "type": "Account",
        "url": f"/services/data/v64.0/sobjects/Account/{row_id}",
    }
    assert (row["Id"], row["IsDeleted"], row["Phone"]) == (row_id, False, None)
    assert row["CreatedDate"] == row["LastModifiedDate"] == row["SystemModstamp"] == NOW
    assert row["BillingAddress"]["street"] == "1 Main St\nSuite 2"
    assert row["ShippingAddress"] is None


def test_a_15_character_id_names_the_same_row_and_its_case_counts(rest: Any, error_code: Any) -> None:
    row_id = rest.create(Name="Acme")
    assert rest.read(row_id[:15])["Id"] == row_id
    answer = rest.get(f"sobjects/Account/{row_id[:15].swapcase()}")
    assert (answer.status_code, error_code(answer)) == (404, "NOT_FOUND")


def test_update_answers_204_without_a_body_and_moves_the_stamps(rest: Any, clock: Any) -> None:
    row_id = rest.create(Name="Acme", Phone="1")
    clock.tick(5)
    answer = rest.patch(f"sobjects/Account/{row_id}", {"Phone": None})
    assert (answer.status_code, answer.content) == (204, b"")
    row = rest.read(row_id)
    assert (row["Name"], row["Phone"], row["CreatedDate"]) == ("Acme", None, NOW)
    assert row["LastModifiedDate"] == row["SystemModstamp"] == "2026-11-22T06:30:05.000+0000"


def test_texts_are_trimmed_and_an_empty_text_is_null(rest: Any) -> None:
    row = rest.read(rest.create(Name="  Acme ", Phone="", Website="  "))
    assert (row["Name"], row["Phone"], row["Website"]) == ("Acme", None, None)


def test_delete_answers_204_and_the_next_one_says_the_row_is_deleted(rest: Any, error_code: Any) -> None:
    row_id = rest.create(Name="Acme")
    assert rest.delete(f"sobjects/Account/{row_id}").status_code == 204
    for answer in (
        rest.delete(f"sobjects/Account/{row_id}"),
        rest.get(f"sobjects/Account/{row_id}"),
        rest.patch(f"sobjects/Account/{row_id}", {"Name": "x"}),
    ):
        assert (answer.status_code, error_code(answer)) == (404, "ENTITY_IS_DELETED")


def test_the_contacts_of_a_deleted_account_go_with_it(rest: Any) -> None:
    account = rest.create(Name="Acme")
    contact = rest.create("Contact", LastName="Ray", AccountId=account)
    rest.patch(f"sobjects/Account/{account}", {"QB_Primary_Contact__c": contact})
    rest.delete(f"sobjects/Account/{account}")
    assert rest.rows("SELECT Id FROM Contact") == []


REFUSED: list[tuple[dict[str, Any], str, list[str] | None]] = [
    ({}, "REQUIRED_FIELD_MISSING", ["Name"]),
    ({"Name": None}, "REQUIRED_FIELD_MISSING", ["Name"]),
    ({"Name": "   "}, "REQUIRED_FIELD_MISSING", ["Name"]),
    ({"Name": "x" * 256}, "STRING_TOO_LONG", ["Name"]),
    ({"Name": "x", "BillingCity": "y" * 41}, "STRING_TOO_LONG", ["BillingCity"]),
    ({"Name": "x", "Colour": "red"}, "INVALID_FIELD", None),
    ({"Name": "x", "CreatedDate": NOW}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["CreatedDate"]),
    ({"Name": "x", "BillingAddress": {}}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["BillingAddress"]),
    ({"Name": "x", "Id": "001000000000001"}, "INVALID_FIELD", None),
    ({"Name": "x", "QB_Link_Status__c": "Done"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", None),
    ({"Name": "x", "ParentId": "nonsense"}, "MALFORMED_ID", ["ParentId"]),
    ({"Name": "x", "ParentId": "003000000000001AAA"}, "FIELD_INTEGRITY_EXCEPTION", ["ParentId"]),
    ({"Name": "x", "ParentId": "001000000000001AAA"}, "INVALID_CROSS_REFERENCE_KEY", ["ParentId"]),
    ({"Name": 5}, "JSON_PARSER_ERROR", None),
    ({"Name": "x", "NumberOfEmployees": "5"}, "JSON_PARSER_ERROR", None),
    ({"Name": "x", "QB_Last_Sync__c": "yesterday"}, "JSON_PARSER_ERROR", None),
    ({"Name": "x", "QB_Last_Sync__c": "2026-11-22T06:30:00"}, "JSON_PARSER_ERROR", None),
]


@pytest.mark.parametrize(("body", "expected", "fields"), REFUSED)
def test_what_the_rules_forbid_is_refused_with_400_and_writes_nothing(
    rest: Any,
    emulator: SalesforceEmulator,
    error_code: Any,
    body: dict[str, Any],
    expected: str,
    fields: list[str] | None,
) -> None:
    answer = rest.post("sobjects/Account", body)
    assert (answer.status_code, error_code(answer)) == (400, expected)
    if fields is not None:
        assert answer.json()[0]["fields"] == fields
    assert emulator.counters.writes["Account"] == 0


def test_the_texts_of_refusals_name_field_and_limit(rest: Any) -> None:
    missing = rest.post("sobjects/Account", {}).json()[0]
    assert missing["message"] == "Required fields are missing: [Name]"
    long = rest.post("sobjects/Account", {"Name": "x", "BillingCity": "y" * 41}).json()[0]
    assert long["message"].startswith("Billing City: data value too large: yyy")
    assert long["message"].endswith("(max length=40)")


def test_a_field_without_field_level_security_is_not_there(
    rest: Any, emulator: SalesforceEmulator, error_code: Any
) -> None:
    emulator.hide_field("Account", "QB_ListID__c")
    assert error_code(rest.post("sobjects/Account", {"Name": "x", "QB_ListID__c": "1"})) == "INVALID_FIELD"
    assert error_code(rest.query("SELECT QB_ListID__c FROM Account")) == "INVALID_FIELD"


def test_an_unknown_object_or_path_is_not_found(rest: Any, error_code: Any) -> None:
    for answer in (
        rest.post("sobjects/Opportunity9", {}),
        rest.get("sobjects/Nothing/describe"),
        rest.get("nowhere"),
        rest.get("/services/data/v64.0//sobjects"),
    ):
        assert (answer.status_code, error_code(answer)) == (404, "NOT_FOUND")


def test_what_is_not_emulated_says_so(rest: Any, error_code: Any) -> None:
    for answer in (rest.post("jobs/query", {}), rest.get("search/?q=x"), rest.post("composite/graph", {})):
        assert (answer.status_code, error_code(answer)) == (501, "NOT_EMULATED")


def test_a_wrong_method_and_a_body_that_is_not_json_are_refused(rest: Any, error_code: Any) -> None:
    assert rest.call("PUT", "sobjects/Account").status_code == 405
    form = rest.call("POST", "sobjects/Account", data={"Name": "x"})
    assert (form.status_code, error_code(form)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    broken = rest.call(
        "POST", "sobjects/Account", data='{"Name":', headers={"Content-Type": "application/json"}
    )
    assert (broken.status_code, error_code(broken)) == (400, "JSON_PARSER_ERROR")


def test_an_address_of_more_than_16384_bytes_is_refused(rest: Any) -> None:
    ids = ",".join(["'001000000000001AAA'"] * 900)
    assert rest.query(f"SELECT Id FROM Account WHERE Id IN ({ids})").status_code == 414


def test_a_fraction_keeps_every_digit(rest: Any, emulator: SalesforceEmulator) -> None:
    row_id = rest.create(Name="x", BillingLatitude=1)
    exact = Decimal("32.123456789012345")
    answer = requests.patch(
        f"{rest.data}/sobjects/Account/{row_id}",
        data='{"BillingLatitude": 32.123456789012345, "AnnualRevenue": 1e6}',
        headers={"Authorization": f"Bearer {rest.token}", "Content-Type": "application/json"},
        timeout=10,
    )
    assert answer.status_code == 204
    text = rest.get(f"sobjects/Account/{row_id}?fields=BillingLatitude,AnnualRevenue").text
    assert exact_json.loads(text)["BillingLatitude"] == exact
    assert exact_json.loads(text)["AnnualRevenue"] == Decimal(1_000_000)


def test_chosen_fields_alone_are_shown(rest: Any) -> None:
    row = rest.get(f"sobjects/Account/{rest.create(Name='x')}", params={"fields": "Name,phone"}).json()
    assert set(row) == {"attributes", "Name", "Phone"}


def test_a_custom_datetime_is_shown_in_utc(rest: Any) -> None:
    row = rest.read(rest.create(Name="x", QB_Last_Sync__c="2026-11-22T01:00:00.5-05:00"))
    assert row["QB_Last_Sync__c"] == "2026-11-22T06:00:00.000+0000"


def test_one_more_object_is_one_more_table(rest: Any, emulator: SalesforceEmulator, error_code: Any) -> None:
    product = SObject(
        "Product2",
        "Product",
        "Products",
        "01t",
        (
            *objects.SYSTEM_FIELDS,
            objects.required(objects.text("Name", "Product Name", 255)),
            Field("IsActive", "boolean", "Active"),
            Field("List__c", "currency", "List", precision=16, scale=2),
            Field("Since__c", "date", "Since"),
        ),
    )
    emulator.add_object(product)
    row_id = rest.create("Product2", Name="Bolt", List__c=1.5, Since__c="2026-11-22")
    assert row_id.startswith("01t")
    row = rest.read(row_id, "Product2")
    assert (row["IsActive"], row["List__c"], row["Since__c"]) == (False, 1.5, "2026-11-22")
    found = rest.rows("SELECT Id FROM Product2 WHERE Since__c >= 2026-11-22 AND List__c = 1.50")
    assert [row["Id"] for row in found] == [row_id]
    wide = rest.post("sobjects/Product2", {"Name": "x", "List__c": 10**14})
    assert error_code(wide) == "NUMBER_OUTSIDE_VALID_RANGE"


def test_a_row_cannot_lose_its_owner(rest: Any, error_code: Any) -> None:
    row_id = rest.create(Name="Acme")
    answer = rest.patch(f"sobjects/Account/{row_id}", {"OwnerId": None})
    assert (answer.status_code, error_code(answer)) == (400, "REQUIRED_FIELD_MISSING")


# conditional requests


def test_if_unmodified_since_stops_a_write_over_a_newer_row(
    rest: Any, clock: Any, emulator: SalesforceEmulator
) -> None:
    row_id = rest.create(Name="x")
    seen = "Sun, 22 Nov 2026 06:30:00 GMT"
    clock.tick(1)
    emulator.edit(row_id, {"Name": "theirs"})
    answer = rest.patch(f"sobjects/Account/{row_id}", {"Name": "ours"}, headers={"If-Unmodified-Since": seen})
    assert answer.status_code == 412
    assert rest.read(row_id)["Name"] == "theirs"
    now = "Sun, 22 Nov 2026 06:30:01 GMT"
    answer = rest.patch(f"sobjects/Account/{row_id}", {"Name": "ours"}, headers={"If-Unmodified-Since": now})
    assert answer.status_code == 204


def test_a_date_header_that_is_no_date_is_a_bad_request(rest: Any) -> None:
    row_id = rest.create(Name="x")
    headers = {"If-Unmodified-Since": "2026-11-22"}
    assert rest.patch(f"sobjects/Account/{row_id}", {"Name": "y"}, headers=headers).status_code == 400


def test_an_etag_guards_accounts_and_no_other_object(rest: Any) -> None:
    account, contact = rest.create(Name="x"), rest.create("Contact", LastName="y")
    tag = rest.get(f"sobjects/Account/{account}").headers["ETag"]
    assert rest.get(f"sobjects/Account/{account}", headers={"If-None-Match": tag}).status_code == 304
    path = f"sobjects/Account/{account}"
    assert rest.patch(path, {"Name": "z"}, headers={"If-Match": tag}).status_code == 204
    assert rest.patch(path, {"Name": "w"}, headers={"If-Match": tag}).status_code == 412
    assert "ETag" not in rest.get(f"sobjects/Contact/{contact}").headers
    path = f"sobjects/Contact/{contact}"
    assert rest.patch(path, {"LastName": "w"}, headers={"If-Match": '"none"'}).status_code == 204


# describe and limits


def test_a_describe_tells_what_may_be_written(rest: Any) -> None:
    fields = {field["name"]: field for field in rest.get("sobjects/Account/describe").json()["fields"]}
    name = fields["Name"]
    assert (name["type"], name["length"], name["nillable"], name["createable"]) == (
        "string",
        255,
        False,
        True,
    )
    key = fields["QB_ListID__c"]
    assert (key["externalId"], key["unique"], key["caseSensitive"], key["length"]) == (True, True, False, 41)
    assert fields["SystemModstamp"]["updateable"] is False
    assert fields["BillingAddress"]["createable"] is False
    assert fields["OwnerId"]["defaultedOnCreate"] is True
    assert fields["OwnerId"]["referenceTo"] == ["User"]
    assert fields["QB_Primary_Contact__c"]["relationshipName"] == "QB_Primary_Contact__r"
    status = [choice["value"] for choice in fields["QB_Link_Status__c"]["picklistValues"]]
    assert status == ["To be Linked", "Queued", "Success", "Error", "Unlinked"]


@pytest.mark.parametrize(("name", "needed"), [("Account", {"Name"}), ("Contact", {"LastName"})])
def test_the_required_fields_are_those_of_the_object_reference(
    rest: Any, name: str, needed: set[str]
) -> None:
    fields = rest.get(f"sobjects/{name}/describe").json()["fields"]
    required = {
        field["name"]
        for field in fields
        if field["createable"] and not field["nillable"] and not field["defaultedOnCreate"]
    }
    assert required == needed


def test_every_answer_tells_the_usage_and_the_limit_ends_in_403(
    rest: Any, emulator: SalesforceEmulator, clock: Any, error_code: Any
) -> None:
    emulator.settings.daily_requests = 3
    used = [rest.get("limits").headers["Sforce-Limit-Info"] for _ in range(3)]
    assert used == ["api-usage=1/3", "api-usage=2/3", "api-usage=3/3"]
    answer = rest.get("limits")
    assert (answer.status_code, error_code(answer)) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert answer.json()[0]["message"] == "TotalRequests Limit exceeded."
    clock.tick(24 * 3600 + 1)
    rest.login(**emulator.credentials())
    assert rest.get("limits").json()["DailyApiRequests"] == {"Max": 3, "Remaining": 2}


def test_the_date_header_is_the_servers_time(rest: Any) -> None:
    assert rest.get("limits").headers["Date"] == "Sun, 22 Nov 2026 06:30:00 GMT"
