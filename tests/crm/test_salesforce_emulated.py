"""The Salesforce gateway against an organisation that misbehaves."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from crm.emulators.salesforce import Fault, SalesforceEmulator
from crm.errors import (
    Duplicate,
    LimitedUntil,
    LoginFailed,
    Misconfigured,
    Missing,
    Rejected,
    Stale,
    Unavailable,
    UnknownOutcome,
)
from crm.http import Retries
from crm.salesforce import open_gateway
from crm.salesforce.writing import Writer

START = datetime(2026, 11, 22, 10, 0, 30, tzinfo=UTC)
KEY = "QB_SyncKey__c"


@pytest.fixture
def org():
    """An organisation whose clock only moves when a test advances it."""
    with SalesforceEmulator(clock=lambda: START) as emulator:
        yield emulator


@pytest.fixture
def connect(org):
    opened = []

    def make(*names, **options):
        given = org.credentials()
        credentials = {name: given[name] for name in names or ("consumer_key", "consumer_secret")}
        options = {"retries": Retries(sleep=lambda _: None), **options}
        opened.append(open_gateway(org.url, credentials, **options))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def crm(connect):
    return connect()


def names_of(org):
    return [row["Name"] for row in org.records("Account") if not row["IsDeleted"]]


def a_pass(crm, watermark=None, fields=("Name",)):
    pages = list(crm.changed_since("account", fields, watermark))
    return {record.id: record for page in pages for record in page.records}, pages[-1]


# Logging in


def test_a_jwt_opens_the_organisation_as_its_user(connect, org):
    check = connect("consumer_key", "username", "private_key").check()
    assert (check.ok, check.user) == (True, org.credentials()["username"])


@pytest.mark.parametrize("name", ["consumer_key", "consumer_secret"])
def test_wrong_credentials_are_told_by_the_check(org, name):
    given = {key: org.credentials()[key] for key in ("consumer_key", "consumer_secret")}
    gateway = open_gateway(org.url, {**given, name: "wrong"}, retries=Retries(sleep=lambda _: None))
    check = gateway.check()
    gateway.close()
    assert not check.ok
    assert "refused the login" in check.text


def test_a_jwt_signed_by_another_key_is_refused(org, private_pem):
    credentials = {**org.credentials(), "private_key": private_pem}
    del credentials["consumer_secret"]
    gateway = open_gateway(org.url, credentials, retries=Retries(sleep=lambda _: None))
    with pytest.raises(LoginFailed):
        gateway.describe("account")
    gateway.close()


def test_sessions_that_end_between_pages_are_renewed_without_a_gap(org, connect):
    made = {org.create("Account", {"Name": f"n{number}"}) for number in range(12)}
    org.sessions_last(3)
    found, page = a_pass(connect(page_size=2))
    assert set(found) == made
    assert page.complete


def test_a_session_that_grew_old_between_two_calls_is_renewed(org, crm):
    record_id = org.create("Account", {"Name": "Ann"})
    crm.read("account", [record_id], [])
    org.advance(timedelta(hours=3).total_seconds())
    assert not crm.read("account", [record_id], [])[0].deleted
    assert org.counters.calls["token"] == 2


def test_eight_threads_whose_session_ended_log_in_once(org, crm):
    record_id = org.create("Account", {"Name": "Ann"})
    crm.read("account", [record_id], ["Name"])
    before = org.counters.calls["token"]
    org.expire_sessions()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: crm.read("account", [record_id], ["Name"]), range(8)))
    assert all(record.values == {"Name": "Ann"} for (record,) in found)
    assert org.counters.calls["token"] == before + 1


def test_sessions_that_die_at_once_end_in_a_failed_login(org, crm):
    org.arm(Fault("expire", "query_all", times=0))
    with pytest.raises(LoginFailed):
        crm.read("account", ["001000000000001AAA"], [])
    assert org.counters.calls["token"] == 2


# Writes whose answers are lost


@pytest.mark.parametrize("after_commit", [True, False])
def test_a_lost_answer_to_an_upsert_never_makes_two(org, crm, after_commit):
    org.arm(Fault("drop", "upsert", after_commit=after_commit))
    written = crm.create("account", {"Name": "Ann"}, (KEY, "1"))
    assert [(row["Id"], row["Name"]) for row in org.records("Account")] == [(written.id, "Ann")]


@pytest.mark.parametrize("after_commit", [True, False])
def test_a_lost_answer_to_a_create_without_a_key_stays_unknown_and_is_not_repeated(org, crm, after_commit):
    org.arm(Fault("drop", "create", after_commit=after_commit))
    with pytest.raises(UnknownOutcome):
        crm.create("account", {"Name": "Ann"}, None)
    assert names_of(org) == ["Ann"] * after_commit


@pytest.mark.parametrize("after_commit", [True, False])
def test_a_lost_answer_to_an_update_ends_in_one_update(org, crm, after_commit):
    record_id = org.create("Account", {"Name": "Ann"})
    org.advance(60)
    (record,) = crm.read("account", [record_id], [])
    org.arm(Fault("drop", "update", after_commit=after_commit))
    written = crm.update(
        "account", record_id, {"Name": "Bob", "AnnualRevenue": Decimal("10.50")}, record.version
    )
    assert names_of(org) == ["Bob"]
    assert org.counters.verbs["update:Account"] == 1
    assert crm.read("account", [record_id], [])[0].version == written.version


def test_an_older_version_that_answers_an_upsert_with_nothing_still_tells_the_record(org, connect):
    crm = connect(version="45.0")
    first = crm.create("account", {"Name": "Ann"}, (KEY, "1"))
    second = crm.create("account", {"Name": "Bob"}, (KEY, "1"))
    assert (second.id, second.created) == (first.id, False)
    assert names_of(org) == ["Bob"]


# Trouble on the way


@pytest.mark.parametrize("effect", ["server_error", "unavailable", "lock"])
def test_passing_trouble_is_sat_out(org, crm, effect):
    org.arm(Fault(effect, "upsert", times=3))
    assert crm.create("account", {"Name": "Ann"}, (KEY, "1")).created
    assert names_of(org) == ["Ann"]


def test_a_lock_that_stays_is_unavailable_and_nothing_was_written(org, crm):
    record_id = org.create("Account", {"Name": "Ann"})
    org.lock(record_id)
    with pytest.raises(Unavailable) as caught:
        crm.update("account", record_id, {"Name": "Bob"}, None)
    assert caught.value.code == "UNABLE_TO_LOCK_ROW"
    org.unlock(record_id)
    crm.update("account", record_id, {"Name": "Bob"}, None)
    assert names_of(org) == ["Bob"]


def test_a_used_up_quota_says_until_when(org, crm):
    org.arm(Fault("limit", "*", times=0))
    with pytest.raises(LimitedUntil) as caught:
        crm.create("account", {"Name": "Ann"}, (KEY, "1"))
    assert caught.value.code == "REQUEST_LIMIT_EXCEEDED"
    assert caught.value.until == START + timedelta(hours=1)


def test_the_quota_is_counted_down(org, crm):
    org.settings.daily_requests = 50
    used, _, total, *_ = crm.check().quota.split()
    assert total == "50"
    assert 0 < int(used) < 50


# The set-up


def test_a_hidden_field_is_named_wherever_it_is_met(org, connect):
    crm = connect(expected={"account": ["Name", "QB_ListID__c"], "contact": ["QB_SyncKey__c"]})
    assert crm.check().ok
    crm.describe("account")
    record_id = org.create("Account", {"Name": "Ann"})
    org.hide_field("Account", "QB_ListID__c")
    with pytest.raises(Misconfigured, match="QB_ListID__c"):
        crm.read("account", [record_id], ["QB_ListID__c"])
    with pytest.raises(Misconfigured, match="QB_ListID__c"):
        crm.update("account", record_id, {"QB_ListID__c": "1"}, None)
    check = crm.check()
    assert not check.ok
    assert check.missing == ("account.QB_ListID__c",)


def test_a_version_of_the_api_that_is_retired_is_a_matter_for_a_person(connect):
    check = connect(version="20.0").check()
    assert not check.ok


def test_a_long_text_cannot_be_a_match_key(crm):
    with pytest.raises(Misconfigured, match="long text"):
        crm.find("account", "QB_Sync_Error__c", "x", [])


# What users and automations do


def test_an_edit_between_our_look_and_our_write_is_caught_by_the_condition(org, crm, monkeypatch):
    record_id = org.create("Account", {"Name": "Ann"})
    (before,) = crm.read("account", [record_id], [])

    def intrude(self, *_):
        org.advance(5)
        org.edit(record_id, {"Name": "Eve"})

    monkeypatch.setattr(Writer, "_compare", intrude)
    with pytest.raises(Stale):
        crm.update("account", record_id, {"Name": "Bob"}, before.version)
    assert names_of(org) == ["Eve"]


def test_an_automation_that_touches_a_record_makes_it_stale(org, crm):
    record_id = org.create("Account", {"Name": "Ann"})
    (before,) = crm.read("account", [record_id], [])
    org.advance(5)
    org.touch(record_id)
    with pytest.raises(Stale):
        crm.update("account", record_id, {"Name": "Bob"}, before.version)


def test_a_merged_record_names_the_survivor(org, crm):
    winner, loser = org.create("Account", {"Name": "Ann"}), org.create("Account", {"Name": "Anne"})
    _, page = a_pass(crm)
    org.advance(300)
    org.merge(winner, loser)
    org.advance(300)
    found, _ = a_pass(crm, page.watermark)
    assert (found[loser].deleted, found[loser].merged_into) == (True, winner)
    assert not found[winner].deleted


def test_a_record_that_left_the_recycle_bin_is_a_tombstone_too(org, crm):
    record_id = org.create("Account", {"Name": "Ann"})
    _, page = a_pass(crm)
    org.advance(300)
    org.delete(record_id)
    org.purge(record_id)
    org.advance(300)
    found, _ = a_pass(crm, page.watermark)
    assert found[record_id].deleted
    with pytest.raises(Missing):
        crm.update("account", record_id, {"Name": "Bob"}, None)


def test_a_record_that_was_deleted_and_restored_ends_alive(org, crm):
    record_id = org.create("Account", {"Name": "Ann"})
    _, page = a_pass(crm)
    org.advance(300)
    org.delete(record_id)
    org.advance(60)
    org.restore(record_id)
    org.advance(300)
    found, _ = a_pass(crm, page.watermark)
    assert record_id not in found or not found[record_id].deleted


def test_a_transaction_longer_than_the_overlap_is_not_skipped(org, crm):
    org.write_late("Account", {"Name": "late"})
    org.advance(3600)
    org.create("Account", {"Name": "soon"})
    found, page = a_pass(crm)
    assert [record.values["Name"] for record in found.values()] == ["soon"]
    org.release()
    found, _ = a_pass(crm, page.watermark)
    assert "late" in [record.values["Name"] for record in found.values()]


def test_a_replication_log_that_lags_tells_deletions_later_but_tells_them(org, crm):
    record_id = org.create("Account", {"Name": "Ann"})
    _, page = a_pass(crm)
    org.settings.replication_lag = timedelta(minutes=20)
    org.advance(300)
    org.delete(record_id)
    told = []
    for _ in range(3):
        org.advance(900)
        found, page = a_pass(crm, page.watermark)
        told += [record.id for record in found.values() if record.deleted]
    assert record_id in told


def test_pages_smaller_than_asked_for_lose_nothing(org, connect):
    made = [org.create("Account", {"Name": "same"}) for _ in range(10)]
    org.settings.page_size = 3
    crm = connect()
    found, _ = a_pass(crm)
    assert set(found) == set(made)
    assert [record.id for record in crm.read("account", made, ["Name"])] == made
    assert not any(record.deleted for record in crm.read("account", made, ["Name"]))
    assert {record.id for record in crm.find("account", "Name", "same", [])} == set(made)


def test_a_thousand_accounts_are_read_whole(org, connect):
    org.seed_accounts(1000)
    found, _ = a_pass(connect(page_size=300), fields=("Name", "BillingCity", "AnnualRevenue"))
    assert {record.id: record.values["Name"] for record in found.values()} == {
        row["Id"]: row["Name"] for row in org.records("Account")
    }


def test_too_many_deletions_to_tell_lead_to_a_complete_pass(org, crm):
    doomed = [org.create("Account", {"Name": "Ann"}) for _ in range(4)]
    kept = org.create("Account", {"Name": "Bob"})
    _, page = a_pass(crm)
    org.advance(300)
    for each in doomed:
        org.delete(each)
    org.advance(300)
    org.settings.replication_ids = 3
    found, last = a_pass(crm, page.watermark)
    assert (last.complete, set(found)) == (True, {kept})
    assert last.note


def test_a_watermark_of_last_month_leads_to_a_complete_pass(org, crm):
    record_id = org.create("Account", {"Name": "Ann"})
    _, page = a_pass(crm)
    org.advance(timedelta(days=31).total_seconds())
    found, last = a_pass(crm, page.watermark)
    assert (last.complete, set(found)) == (True, {record_id})


# Data that Salesforce refuses


def test_a_duplicate_rule_is_a_duplicate_without_a_holder(org, crm):
    org.create("Account", {"Name": "Ann"})
    org.alert_duplicates("Account")
    with pytest.raises(Duplicate) as caught:
        crm.create("account", {"Name": "Ann"}, (KEY, "1"))
    assert caught.value.code == "DUPLICATES_DETECTED"


def test_a_validation_rules_own_words_reach_the_operator(org, crm):
    org.refuse("Account", "BillingCity", "Atlantis", "There is no such city.")
    with pytest.raises(Rejected, match="There is no such city") as caught:
        crm.create("account", {"Name": "Ann", "BillingCity": "Atlantis"}, (KEY, "1"))
    assert caught.value.code == "FIELD_CUSTOM_VALIDATION_EXCEPTION"


def test_a_contact_is_linked_to_its_account(org, crm):
    account = crm.create("account", {"Name": "Acme"}, (KEY, "a1"))
    contact = crm.create("contact", {"LastName": "Ann", "AccountId": account.id}, (KEY, "c1"))
    (found,) = crm.read("contact", [contact.id], ["AccountId", "Account.Name"])
    assert found.values == {"AccountId": account.id, "Account.Name": "Acme"}


def test_ids_of_fifteen_characters_mean_the_same_record(org, crm):
    record_id = org.create("Account", {"Name": "Ann"})
    (found,) = crm.read("account", [record_id[:15]], ["Name"])
    assert (found.id, found.values) == (record_id, {"Name": "Ann"})
    assert crm.update("account", record_id[:15], {"Name": "Bob"}, found.version).id == record_id
