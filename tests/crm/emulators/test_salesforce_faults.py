from typing import Any

import pytest
import requests

from crm.emulators.faults import Fault, FaultPlan
from crm.emulators.salesforce import SalesforceEmulator

NAMES = "SELECT Name FROM Account"


def test_a_connection_dropped_before_the_commit_leaves_nothing(
    rest: Any, emulator: SalesforceEmulator
) -> None:
    emulator.arm(Fault("drop", "create"))
    with pytest.raises(requests.ConnectionError):
        rest.post("sobjects/Account", {"Name": "Acme"})
    assert rest.rows(NAMES) == []
    assert emulator.counters.writes["Account"] == 0


def test_a_connection_dropped_after_the_commit_leaves_the_row(
    rest: Any, emulator: SalesforceEmulator
) -> None:
    emulator.arm(Fault("drop", "create", after_commit=True))
    with pytest.raises(requests.ConnectionError):
        rest.post("sobjects/Account", {"Name": "Acme"})
    assert [row["Name"] for row in rest.rows(NAMES)] == ["Acme"]
    assert emulator.counters.writes["Account"] == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("effect", "status", "expected"),
    [
        ("server_error", 500, "UNKNOWN_EXCEPTION"),
        ("unavailable", 503, "SERVER_UNAVAILABLE"),
        ("limit", 403, "REQUEST_LIMIT_EXCEEDED"),
    ],
)
def test_an_error_may_come_before_or_after_the_work(
    rest: Any,
    emulator: SalesforceEmulator,
    error_code: Any,
    effect: str,
    status: int,
    expected: str,
    after: bool,
) -> None:
    emulator.arm(Fault(effect, "create", after_commit=after))
    answer = rest.post("sobjects/Account", {"Name": "Acme"})
    assert (answer.status_code, error_code(answer)) == (status, expected)
    assert len(rest.rows(NAMES)) == int(after)


def test_a_lock_refuses_a_row_and_the_next_try_succeeds(
    rest: Any, emulator: SalesforceEmulator, error_code: Any
) -> None:
    row_id = rest.create(Name="Acme")
    emulator.arm(Fault("lock", "update:Account"))
    answer = rest.patch(f"sobjects/Account/{row_id}", {"Phone": "1"})
    assert (answer.status_code, error_code(answer)) == (400, "UNABLE_TO_LOCK_ROW")
    assert row_id in answer.json()[0]["message"]
    assert rest.patch(f"sobjects/Account/{row_id}", {"Phone": "1"}).status_code == 204


def test_a_row_that_is_yet_to_be_made_has_no_id_to_name(rest: Any, emulator: SalesforceEmulator) -> None:
    emulator.arm(Fault("lock", "create"))
    (error,) = rest.post("sobjects/Account", {"Name": "Acme"}).json()
    assert error["message"] == "unable to obtain exclusive access to this record"


def test_one_locked_row_fails_alone_in_a_collection(rest: Any, emulator: SalesforceEmulator) -> None:
    ids = [rest.create(Name=name) for name in "ab"]
    emulator.lock(ids[1])
    records = [{"attributes": {"type": "Account"}, "id": row_id, "Phone": "1"} for row_id in ids]
    outcome = rest.patch("composite/sobjects", {"records": records}).json()
    assert outcome[0]["success"] is True
    assert outcome[1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    emulator.unlock(ids[1])
    assert rest.patch("composite/sobjects", {"records": records}).json()[1]["success"] is True


def test_a_session_may_expire_between_two_pages(rest: Any, emulator: SalesforceEmulator) -> None:
    emulator.settings.page_size = 1
    emulator.seed_accounts(2)
    emulator.arm(Fault("expire", "query_more"))
    url = rest.query(NAMES).json()["nextRecordsUrl"]
    assert rest.get(url).status_code == 401
    rest.login(**emulator.credentials())
    assert len(rest.get(url).json()["records"]) == 1


def test_a_row_may_show_late_with_an_early_stamp(rest: Any, emulator: SalesforceEmulator, clock: Any) -> None:
    emulator.arm(Fault("late", "create", options={"seconds": 120}))
    row_id = rest.create(Name="Acme")
    clock.tick(119)
    assert rest.get(f"sobjects/Account/{row_id}").status_code == 404
    clock.tick(1)
    assert rest.read(row_id)["SystemModstamp"] == "2026-11-22T06:30:00.000+0000"
    assert emulator.counters.writes["Account"] == 1


def test_an_unknown_effect_is_refused_when_armed(emulator: SalesforceEmulator) -> None:
    with pytest.raises(ValueError, match="none of drop"):
        emulator.arm(Fault("earthquake"))


def test_a_fault_hits_the_calls_it_was_armed_for() -> None:
    plan = FaultPlan()
    plan.arm(Fault("drop", "create*", nth=2, times=2))
    calls = [plan.take(kind) for kind in ("create", "query", "create_many", "create", "create")]
    assert [fault is not None for fault in calls] == [False, False, True, True, False]
    assert plan.armed() == ()


def test_a_fault_without_an_end_hits_until_it_is_disarmed() -> None:
    plan = FaultPlan()
    plan.arm(Fault("limit", times=0))
    assert all(plan.take("query") for _ in range(5))
    plan.clear()
    assert plan.take("query") is None


def test_of_two_faults_for_one_call_the_older_one_strikes() -> None:
    plan = FaultPlan()
    plan.arm(Fault("drop"))
    plan.arm(Fault("limit", times=2))
    taken = [plan.take("query") for _ in range(3)]
    assert [fault.effect if fault else None for fault in taken] == ["drop", "limit", None]
