"""Answers inside answers: what each part of a call for many writes may say."""

import pytest

from crm.errors import Duplicate, Missing, Rejected, Stale, Unavailable, UnknownOutcome
from crm.port import Write, Written

ID, OTHER = "001000000000001AAA", "001000000000002AAA"
STAMP, LATER = "2026-11-22T09:00:00.000+0000", "2026-11-22T09:00:07.000+0000"
KEY = "QB_SyncKey__c"


def done(record_id=ID, **more):
    return {"id": record_id, "success": True, "errors": [], **more}


def failed(code, message="said", fields=()):
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": list(fields)}]}


def state(record_id=ID, stamp=LATER):
    return {"Id": record_id, "SystemModstamp": stamp, "Name": "Ann", "IsDeleted": False}


def found(*rows):
    return 200, {"totalSize": len(rows), "done": True, "records": list(rows)}


@pytest.fixture
def composite(org, says, serve, gateway_to, naps):
    """Gives the answers to the parts of one call after the other; the last is repeated."""

    def start(*calls):
        left = list(calls)

        def answer(asked):
            parts = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(parts, int):
                return says(parts)
            names = [part["referenceId"] for part in asked.json["compositeRequest"]]
            answers = zip(names, parts, strict=True)
            listed = [
                {"referenceId": name, "httpStatusCode": status, "httpHeaders": {}, "body": body}
                for name, (status, body) in answers
            ]
            return says(200, {"compositeResponse": listed})

        org.on("POST", "composite", answer)
        server = serve(org)
        return gateway_to(server), server

    return start


def sent(server):
    return [each.json for each in server.asked if each.path.endswith("/composite")]


def test_a_key_that_another_worker_took_in_between_is_updated_the_next_time(composite, naps):
    taken = failed(
        "DUPLICATE_VALUE", f"duplicate value found: {KEY} duplicates value on record with id: {ID[:15]}"
    )
    crm, server = composite(((200, [taken]), found()), ((200, [done(created=False)]), found(state())))
    (outcome,) = crm.write_many("account", [Write({"Name": "Ann"}, key=(KEY, "k1"))])
    assert outcome == Written(ID, LATER, created=False)
    assert (len(sent(server)), len(naps)) == (2, 1)


def test_another_unique_value_that_is_taken_is_a_duplicate_at_once(composite):
    text = f"duplicate value found: Other__c duplicates value on record with id: {OTHER[:15]}"
    crm, server = composite(((200, [failed("DUPLICATE_VALUE", text)]), found()))
    (outcome,) = crm.write_many("account", [Write({"Name": "Ann"}, key=(KEY, "k1"))])
    assert isinstance(outcome, Duplicate)
    assert (outcome.existing_id, len(sent(server))) == (OTHER, 1)


def test_only_the_rows_that_were_locked_are_sent_again(composite):
    locked = failed("UNABLE_TO_LOCK_ROW")
    crm, server = composite(
        ((200, [done(), locked]), found(state())), ((200, [done(OTHER)]), found(state(OTHER)))
    )
    writes = [Write({"Name": "Ann"}, id=each) for each in (ID, OTHER)]
    assert [each.id for each in crm.write_many("account", writes)] == [ID, OTHER]
    records = [each["compositeRequest"][0]["body"]["records"] for each in sent(server)]
    assert [[row["Id"] for row in rows] for rows in records] == [[ID, OTHER], [OTHER]]


def test_a_part_that_failed_whole_is_told_for_each_of_its_rows(composite):
    error = [{"errorCode": "EXCEEDED_ID_LIMIT", "message": "too many"}]
    crm, _ = composite(((400, error), found()))
    writes = [Write({"Name": "Ann"}, id=each) for each in (ID, OTHER)]
    assert {each.code for each in crm.write_many("account", writes)} == {"EXCEEDED_ID_LIMIT"}


def test_a_part_that_was_busy_is_sat_out(composite, naps):
    busy = [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}]
    crm, _ = composite(((503, busy), found()), ((200, [done()]), found(state())))
    assert isinstance(crm.write_many("account", [Write({"Name": "Ann"}, id=ID)])[0], Written)
    assert len(naps) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((412, None), Stale),
        ((404, [{"errorCode": "ENTITY_IS_DELETED", "message": "entity is deleted"}]), Missing),
        ((400, [{"errorCode": "STRING_TOO_LONG", "message": "x", "fields": ["Name"]}]), Rejected),
    ],
)
def test_a_single_row_speaks_for_itself(composite, org, rows, answer, expected):
    org.on("GET", "queryAll", lambda _: rows(state(stamp=STAMP)))
    crm, server = composite((answer, found(state(stamp=STAMP))))
    (outcome,) = crm.write_many("account", [Write({"Name": "Ann"}, id=ID, if_version=STAMP)])
    assert isinstance(outcome, expected)
    assert outcome.record == ID
    (part, _) = sent(server)[0]["compositeRequest"]
    assert part["httpHeaders"] == {"If-Unmodified-Since": "Sun, 22 Nov 2026 09:00:00 GMT"}
    assert sent(server)[0]["allOrNone"] is True


def test_the_innocent_in_a_call_that_was_rolled_back_do_not_hide_the_reason(composite, org, says):
    org.fields.append({"name": "LastModifiedById", "type": "reference"})
    halted = [{"errorCode": "PROCESSING_HALTED", "message": "rolled back"}]
    wrong = [failed("STRING_TOO_LONG", fields=["QB_TxnLineID__c"])]
    crm, _ = composite(((200, [failed("ALL_OR_NONE_OPERATION_ROLLED_BACK")]), (200, wrong), (400, halted)))
    org.fields += [{"name": "QB_TxnLineID__c", "type": "string", "length": 41}]
    line = {"Id": "00k000000000001AAA", "QB_TxnLineID__c": "x" * 42}
    (outcome,) = crm.write_many(
        "opportunity", [Write({"Name": "Ann", "lines": [line]}, id="006000000000001AAA")]
    )
    assert (type(outcome), outcome.fields) == (Rejected, ("QB_TxnLineID__c",))


def test_a_row_that_does_not_exist_is_missing_and_a_wrong_reference_is_not(composite):
    nowhere = failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    wrong = failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ["Name"])
    crm, _ = composite(((200, [nowhere, wrong]), found()))
    writes = [Write({"Name": "Ann"}, id=each) for each in (ID, OTHER)]
    assert [type(each) for each in crm.write_many("account", writes)] == [Missing, Rejected]


def test_versions_that_cannot_be_read_leave_the_writes_written(composite):
    busy = [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}]
    crm, server = composite(((200, [done()]), (503, busy)))
    (outcome,) = crm.write_many("account", [Write({"Name": "Ann"}, id=ID)], ["Name"])
    assert (outcome.id, outcome.record) == (ID, None)
    assert outcome.version not in (STAMP, LATER)
    assert len(sent(server)) == 1


def test_a_proxy_that_fails_without_salesforces_words_is_a_doubt(composite, org, rows):
    org.on("GET", "queryAll", lambda _: rows({**state(), "Name": "somebody's"}))
    crm, server = composite(502)
    (outcome,) = crm.write_many("account", [Write({"Name": "Ann"}, id=ID)])
    assert isinstance(outcome, UnknownOutcome)
    assert len(sent(server)) > 1


def test_a_lock_that_stays_is_told_as_such(composite):
    crm, _ = composite(((200, [failed("UNABLE_TO_LOCK_ROW")]), found()))
    (outcome,) = crm.write_many("account", [Write({"Name": "Ann"}, id=ID)])
    assert (type(outcome), outcome.code) == (Unavailable, "UNABLE_TO_LOCK_ROW")
