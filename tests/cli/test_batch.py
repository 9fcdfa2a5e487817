"""`batch run`: the records of a kind and a range of days, as if each had been promoted."""

from __future__ import annotations

import pytest

from qbwc_server.sync import batch as engine
from tests.cli.conftest import Line, Shop


def waiting_shop(shop: Shop) -> Shop:
    """Accounts that nobody promoted, and customers of which one has the same name and one nearly."""
    shop.books.user_add({"Name": "Blue Door"})
    shop.books.user_add({"Name": "Harbour Ferries"})
    for name in ("Ann's Bakery", "North: South", "Harbor Ferries"):
        shop.account(name, QB_Link_Status__c="")
    shop.sync()
    shop.account("Late Comer", QB_Link_Status__c="")
    return shop


def test_a_preview_counts_and_changes_nothing(shop: Shop) -> None:
    waiting_shop(shop)
    before = (shop.books.counts(), shop.salesforce.counters.as_dict()["writes"], shop.jobs())
    text = shop.line.says("batch", "run", "CRM", "--kind", "account", "--preview")
    assert "2 to be created in QuickBooks" in text
    assert "1 not fit for QuickBooks" in text
    assert "colon" in text
    assert "1 skipped" in text
    assert "looks like Harbour Ferries" in text
    assert "Nothing was changed" in text
    assert (shop.books.counts(), shop.salesforce.counters.as_dict()["writes"], shop.jobs()) == before
    assert [row for row in shop.line.json("log", "runs") if row["kind"] == "batch"] == []


def test_a_run_does_what_its_preview_said(shop: Shop) -> None:
    waiting_shop(shop)
    promised = shop.line.json("batch", "run", "CRM", "--kind", "account", "--preview")
    done = shop.line.json("batch", "run", "CRM", "--kind", "account", "--yes")
    assert done["counts"] == promised["counts"]
    assert done["records"] == promised["records"]
    assert (promised["done"], done["done"]) == (False, True)
    shop.sync()
    assert shop.names_in_books() == ["Ann's Bakery", "Blue Door", "Harbour Ferries", "Late Comer"]
    [run] = [row for row in shop.line.json("log", "runs") if row["kind"] == "batch"]
    assert run["sync_id"] == done["sync_id"]
    assert run["counts"]["to be created"] == 2
    [noted] = [row for row in shop.line.json("log", "audit") if row["action"] == "batch run"]
    assert noted["details"]["kind"] == "account"


def test_a_second_run_finds_all_of_it_done(shop: Shop) -> None:
    waiting_shop(shop)
    shop.line.says("batch", "run", "--kind", "account", "--yes")
    again = shop.line.json("batch", "run", "--kind", "account", "--yes")["counts"]
    assert again["under way already"] == 3
    shop.sync()
    last = shop.line.json("batch", "run", "--kind", "account", "--preview")["counts"]
    assert last["linked already"] == 3
    assert "to be created" not in last


def test_a_record_with_a_partner_of_its_name_is_matched(shop: Shop) -> None:
    shop.line.says("mapping", "set", "CRM", "kinds.account.mode", "export")
    shop.books.user_add({"Name": "Blue Door"})
    shop.sync()
    account = shop.account("Blue Door", QB_Link_Status__c="")
    promised = shop.line.json("batch", "run", "--kind", "account", "--preview")
    assert promised["counts"] == {"matched": 1}
    assert shop.line.json("batch", "run", "--kind", "account", "--yes")["counts"] == {"matched": 1}
    assert shop.link("Blue Door").crm_id == account


def test_only_what_was_modified_in_the_days_that_are_asked_for_is_taken(shop: Shop) -> None:
    waiting_shop(shop)
    text = shop.line.says(
        "batch", "run", "--kind", "account", "--from", "2001-01-01", "--to", "2001-12-31", "--yes"
    )
    assert text.startswith(
        "0 records of the kind account in the CRM, modified from 2001-01-01 to 2001-12-31."
    )
    text = shop.line.says("batch", "run", "--kind", "account", "--from", "2001-01-01", "--preview")
    assert "to be created" in text


def test_a_person_is_asked_after_the_numbers(shop: Shop) -> None:
    waiting_shop(shop)
    assert "Nothing was done" in shop.line.refuses("batch", "run", "--kind", "account", answer="n\n")
    assert "Say --yes" in shop.line.refuses("batch", "run", "--kind", "account")
    assert shop.jobs("queued") == []
    assert "log show S" in shop.line.says("batch", "run", "--kind", "account", answer="y\n")
    assert shop.jobs("queued") != []


def test_what_a_run_creates_beyond_the_limit_waits_for_approval(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SLICE", 1)
    shop.sync()
    for name in ("Ann's Bakery", "Blue Door", "Late Comer"):
        shop.account(name, QB_Link_Status__c="")
    shop.line.says("mapping", "set", "CRM", "limits.creates", "1")
    promised = shop.line.json("batch", "run", "--kind", "account", "--preview")
    assert promised["counts"] == {"to be created": 1, "waiting for approval": 2}
    text = shop.line.says("batch", "run", "--kind", "account", "--yes")
    assert "2 waiting for approval" in text
    assert "job approve --all" in text
    assert len(shop.jobs("proposed")) == 2


def test_customers_of_quickbooks_are_a_batch_too(shop: Shop) -> None:
    shop.line.says("mapping", "set", "CRM", "kinds.account.mode", "export")
    shop.books.user_add({"Name": "Blue Door"})
    shop.sync()
    assert "creates no records in the CRM" in shop.line.refuses(
        "batch", "run", "--kind", "account", "--side", "books", "--preview"
    )
    shop.line.says("mapping", "unset", "CRM", "kinds.account.mode")
    text = shop.line.says("batch", "run", "--kind", "account", "--side", "books", "--yes")
    assert "1 to be created in the CRM" in text
    shop.work()
    assert [row["Name"] for row in shop.salesforce.records("Account")] == ["Blue Door"]


def test_before_the_first_update_a_batch_says_that_quickbooks_comes_first(shop: Shop) -> None:
    shop.account("Ann's Bakery", QB_Link_Status__c="")
    text = shop.line.says("batch", "run", "--kind", "account", "--preview")
    assert "the first read of both sides is not complete yet" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--kind", "acount"), "did you mean 'account'"),
        (("--kind", "zzz"), "there are: account, contact"),
        (("--kind", "account", "--from", "yesterday"), "such as 2026-01-31"),
        (("--kind", "account", "--from", "2026-02-01", "--to", "2026-01-01"), "Swap them"),
        (("--kind", "invoice_mirror", "--side", "crm"), "creates no records in QuickBooks"),
        (("--kind", "account", "--json"), "--preview or --yes"),
        (("Other", "--kind", "account"), "there are: CRM"),
    ],
)
def test_a_wrong_word_is_answered_with_the_next_step(
    busy_shop: Shop, words: tuple[str, ...], told: str
) -> None:
    assert told in busy_shop.line.refuses("batch", "run", *words)


def test_a_stopped_connection_and_a_kind_that_is_off_say_how_to_go_on(shop: Shop) -> None:
    shop.line.says("mapping", "set", "CRM", "kinds.invoice.mode", "off")
    told = shop.line.refuses("batch", "run", "--kind", "invoice", "--yes")
    assert "mapping set CRM kinds.invoice.mode synchronize" in told
    shop.line.says("connection", "stop", "CRM")
    assert 'connection start "CRM"' in shop.line.refuses("batch", "run", "--kind", "account", "--yes")
    assert 'connection start "CRM"' in shop.line.refuses("batch", "run", "--kind", "account", "--preview")


def test_without_a_connection_there_is_nothing_to_run(ready: Line) -> None:
    assert "connection add" in ready.refuses("batch", "run", "--kind", "account")
