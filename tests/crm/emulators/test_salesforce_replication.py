from typing import Any

import pytest

from crm.emulators.salesforce import SalesforceEmulator


def span(start: str, end: str) -> dict[str, str]:
    return {"start": f"2026-11-{start}+00:00", "end": f"2026-11-{end}+00:00"}


HOUR = span("22T06:00:00", "22T07:00:00")


def test_updated_rows_are_listed_by_id(rest: Any, clock: Any) -> None:
    row_id = rest.create(Name="Acme")
    clock.tick(3600)
    answer = rest.get("sobjects/Account/updated/", params=HOUR)
    assert answer.json() == {"ids": [row_id], "latestDateCovered": "2026-11-22T07:00:00.000+0000"}


def test_coverage_never_reaches_into_the_present_minute(
    rest: Any, clock: Any, emulator: SalesforceEmulator
) -> None:
    clock.tick(59)
    covered = rest.get("sobjects/Account/updated", params=HOUR).json()["latestDateCovered"]
    assert covered == "2026-11-22T06:30:00.000+0000"
    emulator.settings.replication_lag = type(emulator.settings.replication_lag)(minutes=2)
    covered = rest.get("sobjects/Account/updated", params=HOUR).json()["latestDateCovered"]
    assert covered == "2026-11-22T06:28:00.000+0000"


def test_a_late_commit_is_not_lost_by_who_goes_on_from_latest_date_covered(
    rest: Any, clock: Any, emulator: SalesforceEmulator
) -> None:
    held = emulator.write_late("Account", {"Name": "slow batch"})
    late_id = held.changes[0].after.id
    clock.tick(180)
    assert rest.rows("SELECT Id FROM Account") == []
    early = rest.create(Name="quick")
    clock.tick(120)
    first = rest.get("sobjects/Account/updated", params=HOUR).json()
    assert first["latestDateCovered"] == "2026-11-22T06:30:00.000+0000"
    emulator.release(held)
    stamps = rest.rows("SELECT Id, SystemModstamp FROM Account ORDER BY SystemModstamp")
    assert [row["Id"] for row in stamps] == [late_id, early]
    assert stamps[0]["SystemModstamp"] == "2026-11-22T06:30:00.000+0000"
    again = {"start": first["latestDateCovered"], "end": HOUR["end"]}
    assert late_id in rest.get("sobjects/Account/updated", params=again).json()["ids"]


def test_a_row_of_an_open_transaction_is_locked(
    rest: Any, emulator: SalesforceEmulator, error_code: Any
) -> None:
    row_id = rest.create(Name="Acme")
    held = emulator.write_late("Account", {"Name": "theirs", "QB_ListID__c": "1"}, row_id=row_id)
    assert rest.read(row_id)["Name"] == "Acme"
    for answer in (
        rest.patch(f"sobjects/Account/{row_id}", {"Name": "ours"}),
        rest.patch("sobjects/Account/QB_ListID__c/1", {"Name": "ours"}),
    ):
        assert (answer.status_code, error_code(answer)) == (400, "UNABLE_TO_LOCK_ROW")
    emulator.release(held)
    assert rest.read(row_id)["Name"] == "theirs"


def test_a_late_commit_may_come_by_itself(rest: Any, clock: Any, emulator: SalesforceEmulator) -> None:
    emulator.write_late("Account", {"Name": "slow"}, seconds=90)
    clock.tick(89)
    assert rest.rows("SELECT Id FROM Account") == []
    clock.tick(1)
    assert len(rest.rows("SELECT Id FROM Account")) == 1


def test_deleted_rows_are_listed_with_their_time(rest: Any, clock: Any, emulator: SalesforceEmulator) -> None:
    row_id = rest.create(Name="Acme")
    clock.tick(600)
    rest.delete(f"sobjects/Account/{row_id}")
    clock.tick(3600)
    expected = {
        "deletedRecords": [{"id": row_id, "deletedDate": "2026-11-22T06:40:00.000+0000"}],
        "earliestDateAvailable": "2026-11-07T07:40:00.000+0000",
        "latestDateCovered": "2026-11-22T07:00:00.000+0000",
    }
    assert rest.get("sobjects/Account/deleted/", params=HOUR).json() == expected
    emulator.purge(row_id)
    assert rest.get("sobjects/Account/deleted/", params=HOUR).json() == expected
    assert rest.get("sobjects/Account/updated/", params=HOUR).json()["ids"] == []


def test_a_restored_row_is_updated_and_no_longer_deleted(
    rest: Any, clock: Any, emulator: SalesforceEmulator
) -> None:
    row_id = rest.create(Name="Acme")
    rest.delete(f"sobjects/Account/{row_id}")
    clock.tick(60)
    emulator.restore(row_id)
    clock.tick(3600)
    assert rest.get("sobjects/Account/deleted/", params=HOUR).json()["deletedRecords"] == []
    assert rest.get("sobjects/Account/updated/", params=HOUR).json()["ids"] == [row_id]


def test_forgotten_deletions_show_in_the_earliest_date(
    rest: Any, clock: Any, emulator: SalesforceEmulator
) -> None:
    row_id = rest.create(Name="Acme")
    rest.delete(f"sobjects/Account/{row_id}")
    clock.tick(7200)
    emulator.settings.deletes_known_since = clock()
    answer = rest.get("sobjects/Account/deleted/", params=HOUR).json()
    assert answer["deletedRecords"] == []
    assert answer["earliestDateAvailable"] == "2026-11-22T08:30:00.000+0000"


@pytest.mark.parametrize(
    ("what", "start", "end"),
    [
        ("updated", "22T06:00:00", "22T06:01:00"),
        ("updated", "22T06:00:00", "22T06:01:59"),
        ("updated", "22T07:00:00", "22T06:00:00"),
        ("deleted", "22T06:00:00", "22T06:00:00"),
        ("deleted", "07T06:00:00", "22T06:00:00"),
    ],
)
def test_spans_that_are_too_short_or_too_old_are_refused(
    rest: Any, error_code: Any, what: str, start: str, end: str
) -> None:
    answer = rest.get(f"sobjects/Account/{what}/", params=span(start, end))
    assert (answer.status_code, error_code(answer)) == (400, "INVALID_REPLICATION_DATE")


def test_updates_reach_back_thirty_days(rest: Any, error_code: Any) -> None:
    ages = {"2026-10-23T06:30:00Z": 200, "2026-10-22T06:30:00Z": 400}
    for start, status in ages.items():
        answer = rest.get("sobjects/Account/updated/", params={"start": start, "end": HOUR["end"]})
        assert answer.status_code == status


def test_too_many_ids_are_refused(
    rest: Any, clock: Any, emulator: SalesforceEmulator, error_code: Any
) -> None:
    emulator.settings.replication_ids = 2
    emulator.seed_accounts(3)
    answer = rest.get("sobjects/Account/updated/", params=HOUR)
    assert (answer.status_code, error_code(answer)) == (400, "EXCEEDED_ID_LIMIT")


def test_an_automated_process_moves_only_the_system_stamp(
    rest: Any, clock: Any, emulator: SalesforceEmulator
) -> None:
    row_id = rest.create(Name="Acme")
    clock.tick(10)
    emulator.touch(row_id)
    row = rest.read(row_id)
    assert row["LastModifiedDate"] == "2026-11-22T06:30:00.000+0000"
    assert row["SystemModstamp"] == "2026-11-22T06:30:10.000+0000"
