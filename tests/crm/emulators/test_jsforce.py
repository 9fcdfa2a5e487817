"""A second client written by others, in another language, in one run of a small node script."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crm.emulators.salesforce import SalesforceEmulator

SCRIPT = Path(__file__).with_name("jsforce_calls.js")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
MODULES = CACHE / "qbwc-server-tests" / "node" / "node_modules"
ENVIRON = {**os.environ, "NODE_PATH": str(MODULES)}


def absent() -> str | None:
    if shutil.which("node") is None:
        return "node is not installed"
    if not (MODULES / "jsforce").is_dir():
        return f"jsforce is not installed in {MODULES}: npm install --prefix {MODULES.parent} jsforce@3.10"
    if subprocess.run(
        ["node", "-e", "require('jsforce')"], env=ENVIRON, capture_output=True, check=False
    ).returncode:
        return "this Node.js is too old for jsforce"
    return None


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, Any]]:
    """What the script saw, run once against an emulator with pages of two rows."""
    reason = absent()
    if reason and "node" in os.environ.get("QBWC_REQUIRE", ""):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    with SalesforceEmulator() as emulator:
        emulator.settings.page_size = 2
        token = emulator.org.sessions.open()
        done = subprocess.run(
            ["node", str(SCRIPT), emulator.url, token],
            env=ENVIRON,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout) | {"records": emulator.records("Account")}


def test_jsforce_knows_who_it_is(seen: dict[str, Any]) -> None:
    assert seen["identity"]["username"] == "integration@acme.example"
    assert seen["identity"]["user_id"].startswith("005")


def test_jsforce_creates_and_reads(seen: dict[str, Any]) -> None:
    assert seen["created"]["success"] is True
    assert seen["row"]["Name"] == "Ray's Café"
    assert seen["row"]["BillingStreet"] == "One\nTwo"
    assert [row["Id"] for row in seen["rows"]] == [seen["created"]["id"], seen["many"][0]["id"]]
    assert [outcome["success"] for outcome in seen["many"]] == [True, False, True]
    assert seen["many"][1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"


def test_jsforce_updates_and_upserts(seen: dict[str, Any]) -> None:
    assert seen["updated"]["success"] is True
    created, updated = seen["upserts"]
    assert (created["created"], updated["created"]) == (True, False)
    assert created["id"] == updated["id"]
    assert [outcome["success"] for outcome in seen["upsertedMany"]] == [True, True]
    assert seen["upsertedMany"][0]["id"] == created["id"]


def test_jsforce_finds_counts_and_follows_pages(seen: dict[str, Any]) -> None:
    (found,) = seen["found"]
    assert (found["Name"], found["Owner"]["Name"]) == ("Ray's Café", "Integration")
    assert seen["one"]["Name"] == "Second"
    assert seen["count"] == 2
    assert seen["streamed"] == ["a", "c", "Listed again", "Ray's Café", "Second"]


def test_jsforce_describes(seen: dict[str, Any]) -> None:
    assert seen["required"] == ["Name"]
    assert {"Account", "Contact", "User"} <= set(seen["objects"])
    assert seen["limits"]["DailyApiRequests"]["Max"] == 15_000
    assert seen["limitInfo"]["apiUsage"]["limit"] == 15_000


def test_jsforce_deletes(seen: dict[str, Any]) -> None:
    assert seen["destroyed"]["success"] is True
    assert [outcome["success"] for outcome in seen["destroyedMany"]] == [True]
    assert {row["Name"] for row in seen["records"] if row["IsDeleted"]} == {"a", "c"}


def test_jsforce_reads_the_errors(seen: dict[str, Any]) -> None:
    assert seen["malformed"]["code"] == "MALFORMED_QUERY"
    assert seen["gone"]["code"] == "ENTITY_IS_DELETED"
    assert seen["duplicate"]["code"] == "DUPLICATE_VALUE"


def test_jsforce_sells_products(seen: dict[str, Any]) -> None:
    (deal,) = seen["deal"]
    assert (deal["Amount"], deal["Pricebook2"]["IsStandard"]) == (25, True)
    lines = deal["OpportunityLineItems"]["records"]
    assert [(line["Quantity"], line["TotalPrice"]) for line in lines] == [(2, 21), (1, 4)]
    assert lines[0]["PricebookEntry"]["Product2"]["Name"] == "Shingle"
    assert seen["invoice"]["created"] is True
    assert seen["ahead"]["code"] == "STANDARD_PRICE_NOT_DEFINED"
    assert {"OpportunityLineItems", "OpportunityContactRoles", "QB_Invoices__r"} <= set(seen["below"])


def test_jsforce_makes_custom_fields(seen: dict[str, Any]) -> None:
    assert seen["made"]["success"] is True
    assert [row["Id"] for row in seen["listed"]] == [seen["made"]["id"]]
