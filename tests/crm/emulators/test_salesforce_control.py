import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from crm.emulators.salesforce import SalesforceEmulator
from crm.emulators.salesforce.errors import ApiError


def control(emulator: SalesforceEmulator, method: str, action: str, **body: Any) -> requests.Response:
    return requests.request(method, f"{emulator.url}/_emulator/{action}", json=body, timeout=10)


def test_calls_are_counted_by_kind_and_writes_by_object(rest: Any, emulator: SalesforceEmulator) -> None:
    emulator.seed_accounts(3)
    rest.rows("SELECT Id FROM Account")
    rest.create(Name="Acme")
    rest.patch("sobjects/Contact/QB_SyncKey__c/1", {"LastName": "Ray"})
    rest.post("sobjects/Account", {})
    counted = control(emulator, "GET", "counters").json()
    assert counted["calls"] == {"token": 1, "query": 1, "create": 2, "upsert": 1}
    assert counted["writes"] == {"Account": 1, "Contact": 1}
    assert counted["verbs"] == {"create:Account": 1, "create:Contact": 1}
    control(emulator, "DELETE", "counters")
    assert not emulator.counters.calls


def test_the_same_seed_makes_the_same_accounts(emulator: SalesforceEmulator) -> None:
    def made() -> list[tuple[object, object]]:
        emulator.reset()
        emulator.seed_accounts(30, seed=7)
        return [(row["Name"], row["BillingStreet"]) for row in emulator.records("Account")]

    first = made()
    assert made() == first
    assert len({name for name, _ in first}) == 30


def test_seeded_accounts_are_believable(emulator: SalesforceEmulator, rest: Any) -> None:
    emulator.seed_accounts(60)
    rows = rest.rows(
        "SELECT Name, Phone, BillingStreet, QB_Link_Status__c, QB_Primary_Contact__r.Email FROM Account"
    )
    assert {row["QB_Link_Status__c"] for row in rows} == {"To be Linked"}
    assert any("\n" in row["BillingStreet"] for row in rows)
    assert any(not row["Name"].isascii() for row in rows)
    assert all(row["Name"].encode("latin-1") for row in rows)
    contacts = [row["QB_Primary_Contact__r"] for row in rows]
    assert any(contacts)
    assert not all(contacts)
    assert all(contact["Email"].isascii() for contact in contacts if contact)


def test_awkward_accounts_come_on_request(emulator: SalesforceEmulator) -> None:
    emulator.seed_accounts(0, awkward=True)
    rows = emulator.records("Account")
    assert any(len(str(row["Name"])) == 100 for row in rows)
    assert any(ord(letter) > 0xFFFF for row in rows for letter in str(row["Name"]))
    assert any(row["Phone"] is None for row in rows)


def test_the_control_port_does_what_the_object_does(emulator: SalesforceEmulator, rest: Any) -> None:
    assert len(control(emulator, "POST", "seed_accounts", count=2, seed=3).json()) == 2
    row_id = control(emulator, "POST", "create", object_name="Account", values={"Name": "Acme"}).json()
    control(emulator, "POST", "edit", row_id=row_id, values={"Phone": "1"})
    rows = requests.get(f"{emulator.url}/_emulator/records", params={"object": "Account"}, timeout=10).json()
    assert rows[-1]["Phone"] == "1"
    assert control(emulator, "GET", "credentials").json() == emulator.credentials()
    control(emulator, "POST", "advance", seconds=60)
    assert rest.get("limits").headers["Date"] == "Sun, 22 Nov 2026 06:31:00 GMT"
    control(emulator, "POST", "settings", page_size=1, replication_lag=120)
    assert rest.query("SELECT Id FROM Account").json()["done"] is False
    control(emulator, "POST", "faults", effect="limit", kind="limits", times=2)
    assert [rest.get("limits").status_code for _ in range(3)] == [403, 403, 200]
    control(emulator, "POST", "write_late", object_name="Account", values={"Name": "late"})
    control(emulator, "POST", "release")
    assert len(emulator.records("Account")) == 4
    control(emulator, "POST", "reset")
    assert emulator.records("Account") == []


def test_work_that_fails_half_way_leaves_nothing(emulator: SalesforceEmulator, rest: Any) -> None:
    winner, loser = (emulator.create("Account", {"Name": name}) for name in "ab")
    contact = emulator.create("Contact", {"LastName": "Ray", "AccountId": loser})
    emulator.lock(loser)
    with pytest.raises(ApiError, match="exclusive access"):
        emulator.merge(winner, loser)
    assert rest.read(contact, "Contact")["AccountId"] == loser


@pytest.mark.parametrize(
    ("method", "action", "body", "status"),
    [
        ("POST", "nothing", {}, 404),
        ("POST", "faults", {"effect": "earthquake"}, 400),
        ("POST", "faults", {"colour": "red"}, 400),
        ("POST", "settings", {"colour": "red"}, 400),
        ("POST", "create", {"object_name": "Account", "values": {}}, 400),
        ("POST", "edit", {"row_id": "nonsense", "values": {}}, 400),
    ],
)
def test_the_control_port_refuses_what_it_does_not_know(
    emulator: SalesforceEmulator, method: str, action: str, body: dict[str, Any], status: int
) -> None:
    answer = control(emulator, method, action, **body)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_rows_survive_in_the_state_file(tmp_path: Path, clock: Any) -> None:
    path = tmp_path / "org.sqlite"
    with SalesforceEmulator(path, clock=clock) as first:
        ids = first.seed_accounts(5, awkward=True)
        first.edit(ids[0], {"AnnualRevenue": 12, "QB_Last_Sync__c": "2026-11-22T06:00:00Z"})
        first.delete(ids[1])
        first.purge(ids[1])
        first.delete(ids[2])
        kept = first.records("Account"), first.records("Contact")
    with SalesforceEmulator(path, clock=clock) as second:
        assert (second.records("Account"), second.records("Contact")) == kept
        assert second.create("Account", {"Name": "new"}) not in ids
        second.restore(ids[2])
        second.reset()
    with SalesforceEmulator(path, clock=clock) as third:
        assert third.records("Account") == []


def test_the_command_prints_its_url_and_stops_on_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "crm.emulators.salesforce", "--accounts", "4", "--seed", "2"]
    command += ["--products", "3", "--opportunities", "2"]
    with subprocess.Popen(
        [*command, "--state", str(tmp_path / "org.sqlite")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            listed = requests.get(f"{url}/_emulator/records", params={"object": "Account"}, timeout=10)
            assert len(listed.json()) == 4
            sold = requests.get(f"{url}/_emulator/records", params={"object": "Opportunity"}, timeout=10)
            assert [row["HasOpportunityLineItem"] for row in sold.json()] == [True, True]
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
