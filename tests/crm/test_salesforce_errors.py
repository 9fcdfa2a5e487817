"""Salesforce's refusals become the port's errors with the code kept."""

from datetime import UTC, datetime, timedelta

import pytest

from crm import errors
from crm.salesforce.errors import CODES, Answer, refusal

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
DATE = {"Date": "Sun, 22 Nov 2026 10:00:00 GMT"}


def refused(status, content, headers=DATE, **more):
    return refusal(Answer(status, content, headers), doing="update Account 001", **more)


def one(code, message="said", **more):
    return [{"errorCode": code, "message": message, **more}]


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "INVALID_FIELD", errors.Misconfigured),
        (400, "MALFORMED_QUERY", errors.Misconfigured),
        (400, "INVALID_TYPE", errors.Misconfigured),
        (400, "JSON_PARSER_ERROR", errors.Rejected),
        (400, "MALFORMED_ID", errors.Rejected),
        (400, "REQUIRED_FIELD_MISSING", errors.Rejected),
        (400, "STRING_TOO_LONG", errors.Rejected),
        (400, "FIELD_INTEGRITY_EXCEPTION", errors.Rejected),
        (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", errors.Rejected),
        (400, "INVALID_CROSS_REFERENCE_KEY", errors.Rejected),
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", errors.Rejected),
        (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", errors.Rejected),
        (400, "INVALID_FIELD_FOR_INSERT_UPDATE", errors.Rejected),
        (400, "A_CODE_OF_TOMORROW", errors.Rejected),
        (400, "DUPLICATE_VALUE", errors.Duplicate),
        (400, "DUPLICATES_DETECTED", errors.Duplicate),
        (400, "UNABLE_TO_LOCK_ROW", errors.Unavailable),
        (400, "QUERY_TIMEOUT", errors.Unavailable),
        (401, "INVALID_SESSION_ID", errors.LoginExpired),
        (403, "REQUEST_LIMIT_EXCEEDED", errors.LimitedUntil),
        (403, "INSUFFICIENT_ACCESS_OR_READONLY", errors.Misconfigured),
        (400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", errors.Misconfigured),
        (403, "API_DISABLED_FOR_ORG", errors.Misconfigured),
        (403, "API_CURRENTLY_DISABLED", errors.Misconfigured),
        (404, "NOT_FOUND", errors.Missing),
        (404, "ENTITY_IS_DELETED", errors.Missing),
        (400, "ENTITY_IS_DELETED", errors.Missing),
        (500, "UNKNOWN_EXCEPTION", errors.Unavailable),
        (503, "SERVER_UNAVAILABLE", errors.Unavailable),
    ],
)
@pytest.mark.parametrize("key", ["errorCode", "statusCode"])
def test_a_code_has_one_meaning_in_either_shape(status, code, expected, key):
    error = refused(status, [{key: code, "message": "said", "fields": ["Name"]}], record="001")
    assert type(error) is expected
    assert (error.code, error.record, error.fields) == (code, "001", ("Name",))
    assert "said" in error.text


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (300, errors.Ambiguous),
        (302, errors.Misconfigured),
        (400, errors.Rejected),
        (401, errors.LoginExpired),
        (403, errors.Misconfigured),
        (404, errors.Missing),
        (410, errors.Misconfigured),
        (412, errors.Stale),
        (414, errors.Misconfigured),
        (431, errors.Misconfigured),
        (429, errors.LimitedUntil),
        (500, errors.Unavailable),
        (502, errors.Unavailable),
        (503, errors.Unavailable),
    ],
)
@pytest.mark.parametrize("content", ["", "<html>", [], {}, None, ["x"]])
def test_a_status_alone_has_a_meaning_whatever_the_body(status, expected, content):
    error = refused(status, content)
    assert type(error) is expected
    assert error.code == f"HTTP {status}"


def test_every_row_of_the_table_makes_a_sentence_that_names_what_was_tried():
    for code in CODES:
        assert refused(400, one(code)).text.startswith("Salesforce refused to update Account 001: said.")


def test_a_duplicate_value_names_the_field_and_the_holder_in_18_characters():
    text = "duplicate value found: QB_ListID__c duplicates value on record with id: 001D000000IRFma"
    error = refused(400, one("DUPLICATE_VALUE", text))
    assert isinstance(error, errors.Duplicate)
    assert (error.existing_id, error.fields) == ("001D000000IRFmaIAH", ("QB_ListID__c",))


def test_a_duplicate_without_an_id_has_none():
    error = refused(400, one("DUPLICATES_DETECTED", "Use one of these records?"))
    assert isinstance(error, errors.Duplicate)
    assert error.existing_id is None


def test_several_records_for_one_key_are_named():
    error = refused(
        300, ["/services/data/v64.0/sobjects/Account/001A", "/services/data/v64.0/sobjects/Account/001B"]
    )
    assert "001A, 001B" in error.text


def test_all_messages_and_fields_of_an_answer_are_kept():
    content = one("REQUIRED_FIELD_MISSING", "first", fields=["A"]) + one(
        "STRING_TOO_LONG", "second", fields=["B"]
    )
    error = refused(400, content)
    assert "first; second" in error.text
    assert error.fields == ("A", "B")


@pytest.mark.parametrize(
    ("status", "content", "headers", "rest"),
    [
        (403, one("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), DATE, timedelta(hours=1)),
        (
            403,
            one("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."),
            DATE,
            timedelta(minutes=1),
        ),
        (429, "", {**DATE, "Retry-After": "30"}, timedelta(seconds=30)),
    ],
)
def test_a_limit_ends_by_salesforces_clock(status, content, headers, rest):
    error = refused(status, content, headers)
    assert isinstance(error, errors.LimitedUntil)
    assert error.until == NOW + rest


def test_a_long_answer_is_told_in_a_few_words_on_one_line():
    error = refused(400, one("STRING_TOO_LONG", "data value too large:\n" + "word " * 500))
    assert len(error.text) < 600
    assert "\n" not in error.text


def test_a_write_that_a_gateway_in_front_failed_is_in_doubt_but_salesforces_own_failure_is_not():
    assert type(refused(504, "<html>", writes=True)) is errors.UnknownOutcome
    assert type(refused(500, one("UNKNOWN_EXCEPTION"), writes=True)) is errors.Unavailable
    assert type(refused(503, "", writes=False)) is errors.Unavailable
