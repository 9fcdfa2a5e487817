from typing import Any

import pytest

from crm.emulators.salesforce import SalesforceEmulator

MANY = "composite/sobjects"


def account(**values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Account"}, **values}


def test_each_row_has_its_own_outcome(rest: Any, emulator: SalesforceEmulator) -> None:
    answer = rest.post(MANY, {"allOrNone": False, "records": [account(Name="a"), account(Phone="1")]})
    assert answer.status_code == 200
    good, bad = answer.json()
    assert good == {"id": good["id"], "success": True, "errors": []}
    assert bad == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Name]",
                "fields": ["Name"],
            }
        ],
    }
    assert emulator.counters.writes["Account"] == 1


def test_all_or_none_takes_the_innocent_back(rest: Any, emulator: SalesforceEmulator) -> None:
    answer = rest.post(MANY, {"allOrNone": True, "records": [account(Name="a"), account(Phone="1")]})
    codes = [row["errors"][0]["statusCode"] for row in answer.json()]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert rest.rows("SELECT Id FROM Account") == []
    assert emulator.counters.writes["Account"] == 0


def test_rows_are_upserted_by_key_in_the_order_sent(rest: Any) -> None:
    first = rest.create(Name="a", QB_ListID__c="1")
    records = [account(Name="b", QB_ListID__c="2"), account(Name="a2", QB_ListID__c="1"), account(Name="c")]
    body = {"allOrNone": False, "records": records}
    made, updated, nameless = rest.patch(f"{MANY}/Account/QB_ListID__c", body).json()
    assert made["created"] is True
    assert (updated["created"], updated["id"]) == (False, first)
    assert nameless["errors"][0]["statusCode"] == "MISSING_ARGUMENT"


def test_the_same_key_twice_in_one_call_is_a_duplicate(rest: Any) -> None:
    records = [account(Name=name, QB_ListID__c="1") for name in "ab"]
    answer = rest.patch(f"{MANY}/Account/QB_ListID__c", {"records": records}).json()
    assert [row["errors"][0]["statusCode"] for row in answer] == ["DUPLICATE_VALUE"] * 2


def test_rows_are_updated_by_id_and_a_missing_one_is_told(rest: Any) -> None:
    row_id, gone = rest.create(Name="a"), rest.create(Name="b")
    rest.delete(f"sobjects/Account/{gone}")
    ids = [row_id, gone, "001000000000001AAA"]
    answer = rest.patch(MANY, {"records": [account(id=one, Phone="1") for one in ids]}).json()
    assert answer[0] == {"id": row_id, "success": True, "errors": []}
    assert answer[1]["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"
    assert answer[2]["errors"][0]["statusCode"] == "INVALID_CROSS_REFERENCE_KEY"


def test_rows_are_deleted_by_a_list_of_ids(rest: Any) -> None:
    ids = [rest.create(Name=name) for name in "abc"]
    answer = rest.delete(MANY, params={"ids": ",".join(ids[:2])}).json()
    assert [row["success"] for row in answer] == [True, True]
    assert [row["Id"] for row in rest.rows("SELECT Id FROM Account")] == ids[2:]


def test_rows_are_read_by_a_list_of_ids_with_null_for_the_missing(rest: Any) -> None:
    row_id = rest.create(Name="a")
    body = {"ids": [row_id, "001000000000001AAA"], "fields": ["Name"]}
    found, missing = rest.post(f"{MANY}/Account", body).json()
    assert (found["Name"], missing) == ("a", None)
    by_get = rest.get(f"{MANY}/Account", params={"ids": row_id, "fields": "Name"}).json()
    assert by_get == [found]


def test_two_hundred_rows_are_enough(rest: Any, error_code: Any) -> None:
    assert rest.post(MANY, {"records": [account(Name="a")] * 200}).status_code == 200
    answer = rest.post(MANY, {"records": [account(Name="a")] * 201})
    assert (answer.status_code, error_code(answer)) == (400, "EXCEEDED_ID_LIMIT")


def test_ten_runs_of_a_type_are_enough(rest: Any) -> None:
    contact = {"attributes": {"type": "Contact"}, "LastName": "b"}
    assert rest.post(MANY, {"records": [account(Name="a"), contact] * 5}).status_code == 200
    assert rest.post(MANY, {"records": [account(Name="a"), contact] * 5 + [contact]}).status_code == 200
    assert rest.post(MANY, {"records": [account(Name="a"), contact] * 6}).status_code == 400


def part(method: str, url: str, name: str, body: Any = None) -> dict[str, Any]:
    given = {"method": method, "url": f"/services/data/v64.0/{url}", "referenceId": name}
    return given | ({"body": body} if body is not None else {})


@pytest.fixture
def two_parts() -> list[dict[str, Any]]:
    return [
        part("POST", "sobjects/Account", "acme", {"Name": "Acme"}),
        part("POST", "sobjects/Contact", "ray", {"LastName": "Ray", "AccountId": "@{acme.id}"}),
    ]


def test_a_later_part_uses_what_an_earlier_one_gave(
    rest: Any, emulator: SalesforceEmulator, two_parts: list[dict[str, Any]]
) -> None:
    query = "query?q=SELECT+Name+FROM+Account+WHERE+Id='@{acme.id}'"
    parts = [*two_parts, part("GET", query, "again")]
    answer = rest.post("composite", {"allOrNone": True, "compositeRequest": parts}).json()
    made, contact, found = answer["compositeResponse"]
    assert [made["httpStatusCode"], contact["httpStatusCode"], found["httpStatusCode"]] == [201, 201, 200]
    assert made["httpHeaders"]["Location"].endswith(made["body"]["id"])
    assert rest.read(contact["body"]["id"], "Contact")["AccountId"] == made["body"]["id"]
    assert found["body"]["records"][0]["Name"] == "Acme"
    assert emulator.org.limits.used == 2


def test_a_failed_part_halts_the_whole_when_all_or_none(
    rest: Any, two_parts: list[dict[str, Any]], emulator: SalesforceEmulator
) -> None:
    parts = [*two_parts[:1], part("POST", "sobjects/Contact", "bad", {}), part("GET", "limits", "after")]
    answer = rest.post("composite", {"allOrNone": True, "compositeRequest": parts}).json()
    codes = [one["body"][0]["errorCode"] for one in answer["compositeResponse"]]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert rest.rows("SELECT Id FROM Account") == []
    assert emulator.counters.writes["Account"] == 0


def test_without_all_or_none_only_what_depends_on_the_failure_halts(
    rest: Any, two_parts: list[dict[str, Any]]
) -> None:
    parts = [part("POST", "sobjects/Account", "acme", {}), two_parts[1], part("GET", "limits", "after")]
    answer = rest.post("composite", {"compositeRequest": parts}).json()["compositeResponse"]
    assert [one["httpStatusCode"] for one in answer] == [400, 400, 200]
    assert answer[1]["body"][0]["errorCode"] == "PROCESSING_HALTED"


def test_an_outer_all_or_none_overrides_an_inner_one(rest: Any) -> None:
    inner = {"allOrNone": False, "records": [account(Name="a"), account(Phone="1")]}
    parts = [part("POST", "composite/sobjects", "rows", inner)]
    rest.post("composite", {"allOrNone": True, "compositeRequest": parts})
    assert rest.rows("SELECT Id FROM Account") == []


def test_twenty_five_parts_are_enough(rest: Any) -> None:
    parts = [part("GET", "limits", f"n{number}") for number in range(26)]
    assert rest.post("composite", {"compositeRequest": parts[:25]}).status_code == 200
    assert rest.post("composite", {"compositeRequest": parts}).status_code == 400


def test_a_composite_holds_five_collections_and_queries(rest: Any, error_code: Any) -> None:
    def ask(count: int) -> Any:
        url = "/services/data/v64.0/query/?q=SELECT%20Id%20FROM%20Account"
        parts = [{"method": "GET", "url": url, "referenceId": f"r{number}"} for number in range(count)]
        return rest.post("composite", {"compositeRequest": parts})

    assert [part["httpStatusCode"] for part in ask(5).json()["compositeResponse"]] == [200] * 5
    assert (ask(6).status_code, error_code(ask(6))) == (400, "LIMIT_EXCEEDED")
