"""What the gateway in memory offers to tests beyond the port; the port itself is in test_gateway_contract."""

from datetime import UTC, datetime

import pytest

from crm.errors import Missing, Rejected, UnknownOutcome
from crm.memory import MemoryGateway
from crm.port import Capabilities, FieldInfo


def everything(crm, watermark=None):
    return [record for page in crm.changed_since("account", ["Name"], watermark) for record in page.records]


def last(crm, watermark=None):
    return list(crm.changed_since("account", ["Name"], watermark))[-1].watermark


def test_kinds_without_fields_accept_anything():
    crm = MemoryGateway()
    crm.create("thing", {"Colour": "red"}, ("Key", "1"))
    assert not crm.create("thing", {"Colour": "blue"}, ("Key", "1")).created
    assert [record.values for record in crm.rows("thing")] == [{"Colour": "blue", "Key": "1"}]


def test_writes_of_users_are_not_counted():
    crm = MemoryGateway()
    record_id = crm.user_create("account", {"Name": "Ann"})
    crm.user_edit("account", record_id, {"Name": "Bob"})
    assert crm.writes == 0
    crm.update("account", record_id, {"Name": "Eve"}, None)
    assert crm.writes == 1


def test_a_failure_before_a_write_changes_nothing_and_one_after_it_has_happened():
    crm = MemoryGateway()
    record_id = crm.user_create("account", {"Name": "Ann"})
    crm.fail_next_write(Rejected("no"))
    crm.fail_next_write(UnknownOutcome("lost"), after=True)
    with pytest.raises(Rejected):
        crm.update("account", record_id, {"Name": "Bob"}, None)
    assert crm.record("account", record_id).values["Name"] == "Ann"
    with pytest.raises(UnknownOutcome):
        crm.update("account", record_id, {"Name": "Eve"}, None)
    assert crm.record("account", record_id).values["Name"] == "Eve"


def test_without_upserts_a_key_does_not_protect_and_without_deletions_none_are_told():
    crm = MemoryGateway(capabilities=Capabilities(upsert_by_key=False, deletions=False))
    first = crm.create("account", {}, ("Key", "1"))
    assert crm.create("account", {}, ("Key", "1")).id != first.id
    mark = last(crm)
    crm.user_delete("account", first.id)
    assert everything(crm, mark) == []


def test_a_late_change_is_invisible_until_it_is_committed_and_delivered_then():
    crm = MemoryGateway()
    crm.user_create("account", {"Name": "early"})
    late = crm.user_create("account", {"Name": "late"}, late=True)
    crm.user_create("account", {"Name": "after"})
    mark = last(crm)
    assert [record.values["Name"] for record in everything(crm)] == ["early", "after"]
    with pytest.raises(Missing):
        crm.record("account", late)
    crm.commit_late()
    assert late in [record.id for record in everything(crm, mark)]


def test_stamps_come_from_the_given_clock():
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    crm = MemoryGateway(clock=lambda: moment)
    crm.user_create("account", {"Name": "Ann"})
    assert everything(crm)[0].modified == moment


def test_a_field_that_cannot_be_written_is_refused():
    crm = MemoryGateway({"account": [FieldInfo("Total", "decimal", writable=False)]})
    with pytest.raises(Rejected) as caught:
        crm.create("account", {"Total": 1}, None)
    assert caught.value.fields == ("Total",)
