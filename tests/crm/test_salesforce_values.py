"""Ids, SOQL and values."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simple_salesforce.format import format_soql

from crm.errors import Misconfigured, Rejected
from crm.port import FieldInfo
from crm.salesforce import soql
from crm.salesforce.ids import id18, mentioned_id
from crm.salesforce.kinds import Kind
from crm.salesforce.shapes import Shape
from crm.salesforce.values import body_of, field_info, parse_moment, same_values

IDS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", min_size=15, max_size=15)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        # Pairs as Salesforce prints them in its examples.
        ("001D000000IRFma", "001D000000IRFmaIAH"),
        ("001D000000IqhSL", "001D000000IqhSLIAZ"),
        ("00D000000000062", "00D000000000062EAA"),
    ],
)
def test_an_id_of_15_characters_gets_the_suffix_that_tells_its_capitals(short, long):
    assert id18(short) == long


def record(kind, row, fields, types):
    return Shape(kind, Kind("Account"), types, {}).record(row, fields)


def _suffix_by_bit_string(short):
    """Another way: each group of five, reversed, is a binary number read from the left."""
    groups = [short[start : start + 5][::-1] for start in (0, 5, 10)]
    numbers = [int("".join("1" if letter.isupper() else "0" for letter in group), 2) for group in groups]
    return "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[number] for number in numbers)


@given(IDS)
def test_converting_an_id_twice_changes_nothing(short):
    assert id18(short) == short + _suffix_by_bit_string(short)
    assert id18(id18(short)) == id18(short)


@given(IDS, IDS)
def test_ids_that_differ_only_in_case_stay_different_when_case_is_lost(one, other):
    if one != other:
        assert id18(one).lower() != id18(other).lower()


@pytest.mark.parametrize(
    "text", ["", "001", "001D000000IRFm!", "001D000000IRFmaI", "001D000000IRFmaIAH0", "' OR 1=1 --    "]
)
def test_what_is_no_id_is_refused(text):
    with pytest.raises(Rejected):
        id18(text)


def test_an_id_is_found_in_a_sentence_and_a_long_word_is_not_taken_for_one():
    assert mentioned_id("responsibilities of 001D000000IRFma.") == "001D000000IRFmaIAH"
    assert mentioned_id("representatives") is None


@given(st.text())
def test_text_is_quoted_so_that_it_ends_where_it_should(text):
    quoted = soql.literal(text)
    assert quoted[0] == quoted[-1] == "'"
    inner = quoted[1:-1].replace("\\\\", "").replace("\\'", "")
    assert "'" not in inner
    assert "\\" not in inner.rstrip("\\") or set(inner[inner.index("\\") + 1]) <= set('"nrtbf')
    assert quoted == format_soql("{}", text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.10"),
        (date(2026, 8, 1), "2026-08-01"),
        (datetime(2026, 8, 1, 12, 0, tzinfo=timezone(timedelta(hours=2))), "2026-08-01T10:00:00Z"),
        (datetime(2026, 8, 1, 12, 0, 0, 120_000, tzinfo=UTC), "2026-08-01T12:00:00.120Z"),
        ("O'Neil \\ Söhne", "'O\\'Neil \\\\ Söhne'"),
    ],
)
def test_values_are_written_as_soql_literals(value, text):
    assert soql.literal(value) == text


def test_a_moment_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        soql.literal(datetime(2026, 8, 1))  # noqa: DTZ001


@pytest.mark.parametrize("name", ["", "Name FROM Account", "Name,Id", "1st", "a..b", "Name'", "COUNT()"])
def test_what_is_no_field_name_never_gets_into_a_query(name):
    with pytest.raises(Misconfigured):
        soql.select([name], "Account")


def test_a_field_is_asked_for_once():
    text = soql.select(["Id", "Name", "Id", "Parent.Name"], "Account", "Id = 'x'", "Id", 5)
    assert text == "SELECT Id, Name, Parent.Name FROM Account WHERE Id = 'x' ORDER BY Id LIMIT 5"


ROW = {"Id": "001D000000IRFmaIAH", "SystemModstamp": "2026-11-22T06:04:32.000+0000"}
TYPES = {
    "Amount__c": FieldInfo("Amount__c", "decimal"),
    "On__c": FieldInfo("On__c", "date"),
    "At__c": FieldInfo("At__c", "datetime"),
    "Count__c": FieldInfo("Count__c", "integer"),
    "BillingAddress": FieldInfo("BillingAddress", "other"),
}


def test_a_row_becomes_typed_values():
    row = {
        **ROW,
        "Amount__c": 100,
        "On__c": "2026-08-01",
        "At__c": "2026-08-01T10:00:00.000+0000",
        "Count__c": Decimal("3.0"),
        "Parent": {"Name": "Acme"},
        "Owner": None,
    }
    fields = [*TYPES.keys() - {"BillingAddress"}, "Parent.Name", "Owner.Name"]
    found = record("account", row, fields, TYPES)
    assert found.values == {
        "Amount__c": Decimal(100),
        "On__c": date(2026, 8, 1),
        "At__c": datetime(2026, 8, 1, 10, tzinfo=UTC),
        "Count__c": 3,
        "Parent.Name": "Acme",
        "Owner.Name": None,
    }
    assert isinstance(found.values["Amount__c"], Decimal)
    assert isinstance(found.values["Count__c"], int)
    assert found.modified == datetime(2026, 11, 22, 6, 4, 32, tzinfo=UTC)


def test_a_compound_address_cannot_be_mapped():
    with pytest.raises(Misconfigured, match="BillingCity"):
        record("account", {**ROW, "BillingAddress": {"city": "Bonn"}}, ["BillingAddress"], TYPES)


def test_a_deleted_row_is_a_tombstone_that_names_the_survivor_of_a_merge():
    row = {**ROW, "IsDeleted": True, "MasterRecordId": "001000000000001AAA", "Name": "x"}
    found = record("account", row, ["Name"], {})
    assert (found.deleted, found.values, found.merged_into) == (True, {}, "001000000000001AAA")


def test_written_values_are_exact_and_in_utc():
    body = body_of(
        {
            "A": Decimal("0.10"),
            "B": datetime(2026, 8, 1, 12, 0, tzinfo=timezone(timedelta(hours=2))),
            "C": date(2026, 8, 1),
            "D": None,
            "E": "",
        }
    )
    assert body == {"A": Decimal("0.10"), "B": "2026-08-01T10:00:00Z", "C": "2026-08-01", "D": None, "E": ""}


def test_a_time_without_a_time_zone_is_never_written():
    with pytest.raises(Rejected) as caught:
        body_of({"QB_Last_Sync__c": datetime(2026, 8, 1)})  # noqa: DTZ001
    assert caught.value.fields == ("QB_Last_Sync__c",)


def test_a_write_is_recognised_as_salesforce_stores_it():
    wanted = {"A": " Ann ", "B": "", "C": Decimal("5.00"), "D": "a\r\nb"}
    assert same_values(wanted, {"A": "Ann", "B": None, "C": Decimal(5), "D": "a\nb"})
    assert not same_values(wanted, {"A": "Bob", "B": None, "C": Decimal(5), "D": "a\nb"})


def test_a_describe_entry_becomes_a_field():
    row = {
        "name": "QB_Link_Status__c",
        "type": "picklist",
        "length": 255,
        "nillable": True,
        "createable": True,
        "updateable": True,
        "restrictedPicklist": True,
        "picklistValues": [{"value": "Queued", "active": True}, {"value": "Old", "active": False}],
    }
    assert field_info(row) == FieldInfo("QB_Link_Status__c", "choice", 255, choices=("Queued",))


@pytest.mark.parametrize(
    ("facts", "required"),
    [
        ({"createable": True, "nillable": False, "defaultedOnCreate": False}, True),
        ({"createable": True, "nillable": False, "defaultedOnCreate": True}, False),
        ({"createable": True, "nillable": True, "defaultedOnCreate": False}, False),
        ({"createable": False, "nillable": False, "defaultedOnCreate": False}, False),
    ],
)
def test_required_is_what_create_needs_and_nobody_else_fills(facts, required):
    assert field_info({"name": "X", "type": "string", **facts}).required is required


def test_salesforces_stamps_are_aware():
    assert parse_moment("2026-11-22T06:04:32.000+0000") == datetime(2026, 11, 22, 6, 4, 32, tzinfo=UTC)
