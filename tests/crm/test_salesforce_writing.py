"""Writes: never two records, never over an unseen change, whatever happens to the answer."""

import pytest

from crm.errors import (
    Ambiguous,
    Duplicate,
    Misconfigured,
    Missing,
    Rejected,
    Stale,
    Unavailable,
    UnknownOutcome,
)
from crm.salesforce.writing import UPDATE_ATTEMPTS

ID = "001000000000001AAA"
OLD, NEW = "2026-11-22T09:00:00.000+0000", "2026-11-22T09:00:07.000+0000"
KEY = ("QB_SyncKey__c", "acme:account:1/2 ?")
UPSERT = "sobjects/Account/QB_SyncKey__c/"


def error(code, message="said", **more):
    return [{"errorCode": code, "message": message, **more}]


@pytest.fixture
def account(org, rows, says):
    """One account that stands still at OLD and accepts everything."""
    org.state = {"Id": ID, "SystemModstamp": OLD, "Name": "Old", "IsDeleted": False}
    org.on("GET", "query", lambda _: rows(org.state))
    org.on("PATCH", "sobjects/Account/", lambda _: says(204))
    return org


def patches(server):
    return [each for each in server.asked if each.method == "PATCH"]


def test_a_create_with_a_key_is_an_upsert_whose_body_holds_neither_key_nor_id(
    account, serve, gateway_to, says
):
    account.on(
        "PATCH", UPSERT, lambda _: says(201, {"id": ID, "success": True, "errors": [], "created": True})
    )
    server = serve(account)
    values = {"Name": "Ann", "Id": "x", "QB_SyncKey__c": "x"}
    written = gateway_to(server).create("account", values, KEY)
    assert (written.id, written.version, written.created) == (ID, OLD, True)
    (patch,) = patches(server)
    assert patch.json == {"Name": "Ann"}
    assert patch.path == "/services/data/v64.0/sobjects/Account/QB_SyncKey__c/acme%3Aaccount%3A1%2F2%20%3F"


def test_an_upsert_that_meets_a_holder_says_so(account, serve, gateway_to, says):
    account.on(
        "PATCH", UPSERT, lambda _: says(200, {"id": ID, "success": True, "errors": [], "created": False})
    )
    assert not gateway_to(serve(account)).create("account", {"Name": "Ann"}, KEY).created


def test_an_older_version_answers_204_and_the_holder_is_looked_up(account, serve, gateway_to, says):
    account.on("PATCH", UPSERT, lambda _: says(204))
    server = serve(account)
    written = gateway_to(server).create("account", {"Name": "Ann"}, KEY)
    assert (written.id, written.created) == (ID, False)
    assert any(
        "WHERE QB_SyncKey__c = 'acme:account:1/2 ?'" in each.query.get("q", "") for each in server.asked
    )


def test_an_upsert_whose_answer_is_lost_is_sent_again_by_the_same_key(account, serve, gateway_to, says):
    done = says(200, {"id": ID, "success": True, "created": False})
    answers = iter([says(0), done])
    account.on("PATCH", UPSERT, lambda _: next(answers))
    server = serve(account)
    assert gateway_to(server).create("account", {"Name": "Ann"}, KEY).id == ID
    assert len({each.path for each in patches(server)}) == 1


def test_an_upsert_whose_answers_never_come_stays_in_doubt(account, serve, gateway_to, says):
    account.on("PATCH", UPSERT, lambda _: says(0))
    with pytest.raises(UnknownOutcome):
        gateway_to(serve(account)).create("account", {"Name": "Ann"}, KEY)


def test_a_create_without_a_key_is_never_sent_twice(account, serve, gateway_to, says):
    account.on("POST", "sobjects/Account/", lambda _: says(0))
    server = serve(account)
    with pytest.raises(UnknownOutcome):
        gateway_to(server).create("account", {"Name": "Ann"}, None)
    assert server.paths("POST").count("/services/data/v64.0/sobjects/Account/") == 1


def test_a_key_that_salesforce_does_not_keep_unique_is_no_key(account, serve, gateway_to):
    server = serve(account)
    with pytest.raises(Misconfigured, match="Unique"):
        gateway_to(server).create("account", {"Name": "Ann"}, ("Loose__c", "1"))
    assert patches(server) == []


@pytest.mark.parametrize("value", ["", " ", ".", ".."])
def test_a_key_that_would_change_the_address_is_refused(account, serve, gateway_to, value):
    with pytest.raises(Rejected):
        gateway_to(serve(account)).create("account", {"Name": "Ann"}, ("QB_SyncKey__c", value))


def test_a_key_that_the_address_cannot_carry_goes_in_a_body(account, serve, gateway_to, says):
    account.on("PATCH", UPSERT, lambda _: says(404, error("NOT_FOUND")))
    account.on(
        "PATCH",
        "composite/sobjects/Account/QB_SyncKey__c",
        lambda _: says(200, [{"id": ID, "success": True, "errors": [], "created": True}]),
    )
    server = serve(account)
    written = gateway_to(server).create("account", {"Name": "Ann"}, ("QB_SyncKey__c", "x@y.inc"))
    assert (written.id, written.created) == (ID, True)
    record = {"attributes": {"type": "Account"}, "QB_SyncKey__c": "x@y.inc", "Name": "Ann"}
    assert patches(server)[-1].json == {"allOrNone": False, "records": [record]}


def test_an_error_inside_a_collection_is_an_error(account, serve, gateway_to, says):
    account.on("PATCH", UPSERT, lambda _: says(404, error("NOT_FOUND")))
    refused = [{"statusCode": "REQUIRED_FIELD_MISSING", "message": "Required: [Name]", "fields": ["Name"]}]
    account.on("PATCH", "composite/", lambda _: says(200, [{"success": False, "errors": refused}]))
    with pytest.raises(Rejected) as caught:
        gateway_to(serve(account)).create("account", {}, KEY)
    assert (caught.value.code, caught.value.fields) == ("REQUIRED_FIELD_MISSING", ("Name",))


def test_an_upsert_that_lost_a_race_for_its_key_is_repeated_once(account, serve, gateway_to, says):
    text = f"duplicate value found: QB_SyncKey__c duplicates value on record with id: {ID}"
    answers = iter([says(400, error("DUPLICATE_VALUE", text)), says(200, {"id": ID, "created": False})])
    account.on("PATCH", UPSERT, lambda _: next(answers))
    assert gateway_to(serve(account)).create("account", {"Name": "Ann"}, KEY).id == ID


def test_another_value_that_is_taken_names_its_holder(account, serve, gateway_to, says):
    text = "duplicate value found: QB_ListID__c duplicates value on record with id: 001000000000002"
    account.on("PATCH", UPSERT, lambda _: says(400, error("DUPLICATE_VALUE", text)))
    with pytest.raises(Duplicate) as caught:
        gateway_to(serve(account)).create("account", {"Name": "Ann"}, KEY)
    assert caught.value.existing_id == "001000000000002AAA"


def test_a_key_held_twice_waits_for_a_person(account, serve, gateway_to, says):
    account.on("PATCH", UPSERT, lambda _: says(300, ["/services/data/v64.0/sobjects/Account/" + ID]))
    with pytest.raises(Ambiguous, match=ID):
        gateway_to(serve(account)).create("account", {"Name": "Ann"}, KEY)


def test_an_update_of_a_record_that_moved_is_not_sent(account, serve, gateway_to):
    server = serve(account)
    with pytest.raises(Stale):
        gateway_to(server).update("account", ID, {"Name": "Ann"}, NEW)
    assert patches(server) == []


def test_an_update_carries_the_condition_and_reports_the_new_version(account, serve, gateway_to, says):
    def move(_):
        account.state = {**account.state, "SystemModstamp": NEW}
        return says(204)

    account.on("PATCH", "sobjects/Account/", move)
    server = serve(account)
    written = gateway_to(server).update("account", ID[:15], {"Name": "Ann", "Worth__c": None}, OLD)
    assert (written.id, written.version, written.created) == (ID, NEW, False)
    (patch,) = patches(server)
    assert patch.headers["If-Unmodified-Since"] == "Sun, 22 Nov 2026 09:00:00 GMT"
    assert patch.json == {"Name": "Ann", "Worth__c": None}


def test_an_update_without_a_version_has_no_condition(account, serve, gateway_to):
    server = serve(account)
    gateway_to(server).update("account", ID, {"Name": "Ann"}, None)
    assert "If-Unmodified-Since" not in patches(server)[0].headers


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (412, None, Stale),
        (404, error("ENTITY_IS_DELETED"), Missing),
        (400, error("STRING_TOO_LONG", fields=["Name"]), Rejected),
    ],
)
def test_a_refused_update_names_the_record(account, serve, gateway_to, says, status, body, expected):
    account.on("PATCH", "sobjects/Account/", lambda _: says(status, body))
    with pytest.raises(expected) as caught:
        gateway_to(serve(account)).update("account", ID, {"Name": "Ann"}, OLD)
    assert caught.value.record == ID


def test_a_deleted_record_is_missing_before_anything_is_sent(account, serve, gateway_to, rows):
    account.on("GET", "queryAll", lambda _: rows({**account.state, "IsDeleted": True}))
    server = serve(account)
    with pytest.raises(Missing):
        gateway_to(server).update("account", ID, {"Name": "Ann"}, OLD)
    assert patches(server) == []


def test_a_locked_row_is_tried_again(account, serve, gateway_to, says, naps):
    answers = iter([says(400, error("UNABLE_TO_LOCK_ROW"))] * 2 + [says(204)])
    account.on("PATCH", "sobjects/Account/", lambda _: next(answers))
    gateway_to(serve(account)).update("account", ID, {"Name": "Ann"}, OLD)
    assert len(naps) == 2


def test_an_update_that_arrived_without_an_answer_is_recognised(account, serve, gateway_to, says):
    def land(_):
        account.state = {**account.state, "Name": "Ann", "SystemModstamp": NEW}
        return says(0)

    account.on("PATCH", "sobjects/Account/", land)
    server = serve(account)
    assert gateway_to(server).update("account", ID, {"Name": "Ann"}, OLD).version == NEW
    assert len(patches(server)) == 1


def test_an_update_that_did_not_arrive_is_sent_again_a_few_times(account, serve, gateway_to, says):
    account.on("PATCH", "sobjects/Account/", lambda _: says(0))
    server = serve(account)
    with pytest.raises(UnknownOutcome):
        gateway_to(server).update("account", ID, {"Name": "Ann"}, OLD)
    assert len(patches(server)) == UPDATE_ATTEMPTS


def test_an_update_without_an_answer_never_overwrites_what_a_user_did_meanwhile(
    account, serve, gateway_to, says
):
    def intrude(_):
        account.state = {**account.state, "Name": "User's", "SystemModstamp": NEW}
        return says(0)

    account.on("PATCH", "sobjects/Account/", intrude)
    server = serve(account)
    with pytest.raises(Stale):
        gateway_to(server).update("account", ID, {"Name": "Ann"}, OLD)
    assert len(patches(server)) == 1


def test_a_doubt_that_cannot_be_looked_into_stays_one(account, serve, gateway_to, says):
    def land(_):
        account.on("GET", "query", lambda _: says(503, error("SERVER_UNAVAILABLE")))
        return says(0)

    account.on("PATCH", "sobjects/Account/", land)
    with pytest.raises(UnknownOutcome):
        gateway_to(serve(account)).update("account", ID, {"Name": "Ann"}, OLD)


def test_a_write_that_succeeded_is_reported_even_when_its_version_cannot_be_read(
    account, serve, gateway_to, says
):
    def land(_):
        account.on("GET", "query", lambda _: says(503, error("SERVER_UNAVAILABLE")))
        return says(204)

    account.on("PATCH", "sobjects/Account/", land)
    gateway = gateway_to(serve(account))
    written = gateway.update("account", ID, {"Name": "Ann"}, OLD)
    assert written.id == ID
    account.on("GET", "query", lambda _: says(200, {"done": True, "records": [account.state]}))
    with pytest.raises(Stale):
        gateway.update("account", ID, {"Name": "Ann"}, written.version)


def test_an_edit_by_a_user_right_after_our_write_is_not_taken_for_our_version(
    account, serve, gateway_to, says
):
    def then_a_user(_):
        account.state = {**account.state, "SystemModstamp": NEW, "LastModifiedById": "005B"}
        return says(204)

    account.fields.append({"name": "LastModifiedById", "type": "reference"})
    account.on("PATCH", "sobjects/Account/", then_a_user)
    gateway = gateway_to(serve(account))
    written = gateway.update("account", ID, {"Name": "Ann"}, OLD)
    with pytest.raises(Stale):
        gateway.update("account", ID, {"Name": "Ann"}, written.version)


def test_an_edit_by_a_user_in_the_second_of_our_own_write_is_not_overwritten(
    account, serve, gateway_to, says
):
    def in_our_name(_):
        account.state = {**account.state, "SystemModstamp": NEW, "LastModifiedById": "005A"}
        return says(204)

    account.fields.append({"name": "LastModifiedById", "type": "reference"})
    account.on("PATCH", "sobjects/Account/", in_our_name)
    gateway = gateway_to(serve(account))
    written = gateway.update("account", ID, {"Name": "Ann"}, OLD)
    account.state = {**account.state, "Name": "User's", "LastModifiedById": "005B"}
    with pytest.raises(Stale):
        gateway.update("account", ID, {"Name": "Ann"}, written.version)


def test_a_used_up_quota_is_not_hammered(account, serve, gateway_to, says, naps):
    from crm.errors import LimitedUntil

    account.on(
        "PATCH",
        "sobjects/",
        lambda _: says(403, error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")),
    )
    server = serve(account)
    with pytest.raises(LimitedUntil):
        gateway_to(server).update("account", ID, {"Name": "Ann"}, None)
    assert (len(patches(server)), naps) == (1, [])


def test_a_server_that_is_gone_is_unavailable(account, serve, gateway_to, naps):
    server = serve(account)
    server.stop()
    with pytest.raises(Unavailable):
        gateway_to(server).update("account", ID, {"Name": "Ann"}, None)
    assert naps
