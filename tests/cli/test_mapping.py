"""`mapping`: what becomes of what, said and changed."""

from __future__ import annotations

import json

import pytest

from qbwc_server.store import parties, records
from tests.cli.conftest import Line, Shop

SHIPPED = ("--profile", "salesforce")


def test_every_kind_is_listed_with_what_sends_it(ready: Line) -> None:
    rows = {row["kind"]: row for row in ready.json("mapping", "kinds")}
    assert rows["service_item"]["crm"] == "product (Service)"
    assert rows["invoice"]["books"] == "Invoice"
    assert rows["invoice"]["promoted"] == "QB_Generate__c is Invoice"
    assert len(rows["invoice"]["requires"]) == 3
    assert rows["invoice_mirror"]["creates"] == ["the CRM"]
    assert "opportunity (Sales Order)" in ready.says("mapping", "kinds", *SHIPPED)


def test_one_kind_is_shown_with_its_lines_requirements_and_settings(ready: Line) -> None:
    text = ready.says("mapping", "show", "--kind", "invoice")
    assert "invoice: lines" in text
    assert "TotalPrice" in text
    assert "The opportunity has no account" in text
    assert "Setting write_in_item: (empty)" in text
    assert "Amount - QB_Discount__c + QB_Freight__c + QB_Tax_Amount__c must agree with total()" in text
    assert "BillingCity" not in text
    rows = ready.json("mapping", "show", "--kind", "invoice")
    assert {row["part"] for row in rows} == {"", "lines"}
    assert "did you mean 'invoice'" in ready.refuses("mapping", "show", "--kind", "invoise")


def test_a_field_is_explained_by_all_that_it_is_for(ready: Line) -> None:
    assert "shows how the record fares" in ready.says("mapping", "explain", "QB_Link_Status__c")
    assert "makes" not in ready.says("mapping", "explain", "QB_TxnLineID__c")
    assert "TxnLineID" in ready.says("mapping", "explain", "QB_TxnLineID__c")
    account = ready.says("mapping", "explain", "AccountId")
    assert "has no account" in account
    assert "CustomerRef/ListID" in account
    assert "used by service_item, non_inventory_item" in ready.says("mapping", "explain", "income_account")
    assert "did you mean" in ready.says("mapping", "explain", "QB_Lnk_Stats")


def test_a_setting_is_set_shown_compared_and_taken_back(shop: Shop) -> None:
    line = shop.line
    text = line.says("mapping", "set", "CRM", "settings.income_account", "4000")
    assert "mapping check CRM" in text
    [row] = [row for row in line.json("mapping", "settings") if row["setting"] == "income_account"]
    assert (row["value"], row["origin"]) == ("4000", "override")
    assert "4000" in line.says("mapping", "diff", "CRM")
    assert json.loads(line.says("mapping", "override", "CRM")) == {"settings": {"income_account": "4000"}}
    line.says("mapping", "unset", "CRM", "settings.income_account")
    assert "as it is" in line.says("mapping", "diff")
    assert json.loads(line.says("mapping", "override", "CRM")) == {}
    actions = [row["action"] for row in line.json("log", "audit")]
    assert actions[:2] == ["mapping unset", "mapping set"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("kinds.account.winner", "crm", "winner is crm"),
        ("kinds.account.winner", "none", "as it is"),
        ("kinds.account.create_in", "books", "create_in is books, shipped books and crm"),
        ("kinds.invoice.lines.line_id", "QB_Line__c", "line_id is QB_Line__c"),
        ("limits.creates", "50", "creates is 50"),
        ("limits.creates", "none", "creates is nothing"),
        ("kinds.account.match", "id", "match is id"),
    ],
)
def test_words_numbers_lists_and_nothing_are_values(shop: Shop, name: str, value: str, told: str) -> None:
    shop.line.says("mapping", "set", "CRM", name, value)
    assert told in shop.line.says("mapping", "diff", "CRM")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("settings.incom_account", "Sales", "did you mean 'income_account'"),
        ("settings.zzz", "Sales", "there are: currency, income_account"),
        ("setings.income_account", "Sales", "did you mean 'settings'"),
        ("settings", "Sales", "not a table of settings"),
        ("kinds.invoce.mode", "off", "did you mean 'invoice'"),
        ("kinds.invoice.mod", "off", "did you mean 'mode'"),
        ("kinds.invoice.mode", "of", "it can be 'import', 'export', 'synchronize' or 'off'"),
        ("kinds.invoice.books_kind", "Estimate", "cannot be changed by an override"),
        ("kinds.account.rules", "[]", "mapping override --help"),
        ("kinds.account.status.error", "X__c", "set kinds.account.status as a whole"),
        ("limits.creates", "many", "creates is 'many'; it must be a whole number"),
        ("limits.crates", "5", "did you mean 'creates'"),
        ("kinds.invoice", "off", "not a table of settings"),
    ],
)
def test_a_wrong_setting_changes_nothing_and_says_what_is_right(
    busy_shop: Shop, name: str, value: str, told: str
) -> None:
    assert told in busy_shop.line.refuses("mapping", "set", "CRM", name, value)
    assert "as it is" in busy_shop.line.says("mapping", "diff", "CRM")


def test_an_account_that_quickbooks_does_not_have_is_told(shop: Shop) -> None:
    assert "has no account" not in shop.line.says("mapping", "set", "CRM", "settings.income_account", "X")
    shop.sync()
    with shop.installation.database.read() as tx:
        [company] = parties.all_companies(tx)
        names = sorted(one.values["FullName"] for one in records.living(tx, company.id, "books", "Account"))
    told = shop.line.says("mapping", "set", "CRM", "settings.income_account", f"{names[0]}s")
    assert f"QuickBooks has no account called '{names[0]}s'; did you mean" in told
    assert "has no" not in shop.line.says(
        "mapping", "set", "CRM", "settings.income_account", names[0].upper()
    )
    assert "has no" not in shop.line.says("mapping", "set", "CRM", "settings.income_account", "")


def test_only_what_was_set_can_be_taken_back(shop: Shop) -> None:
    assert "does not set limits.creates" in shop.line.refuses("mapping", "unset", "CRM", "limits.creates")
    shop.line.says("mapping", "set", "CRM", "limits.creates", "5")
    assert "did you mean 'limits.creates'" in shop.line.refuses("mapping", "unset", "CRM", "limit.creates")
    assert "there are: CRM" in shop.line.refuses("mapping", "unset", "Other", "limits.creates")


def test_a_file_of_changes_takes_the_place_of_the_override(shop: Shop) -> None:
    file = shop.files / "changes.json"
    file.write_text(json.dumps({"kinds": {"account": {"remove": [{"crm": "Fax", "books": "Fax"}]}}}))
    shop.line.says("mapping", "override", "CRM", str(file))
    assert "removed Fax <-> Fax" in shop.line.says("mapping", "diff", "CRM")
    shop.line.says("mapping", "unset", "CRM", "kinds.account.remove")
    file.write_text('{"kinds": {"account": {"remove": [{"crm": "Fx", "books": "Fax"}]}}}')
    assert "did you mean" in shop.line.refuses("mapping", "override", "CRM", str(file))
    file.write_text("{")
    assert "is not JSON" in shop.line.refuses("mapping", "override", "CRM", str(file))


def test_a_kind_that_is_turned_off_writes_nothing_more(shop: Shop) -> None:
    shop.sync()
    shop.account("Ann's Bakery")
    shop.work()
    text = shop.line.says("mapping", "set", "CRM", "kinds.account.mode", "off")
    assert "1 open job of a kind that is off now is cancelled" in text
    shop.sync()
    assert shop.names_in_books() == []
    assert "It is off" in shop.line.says("mapping", "show", "--kind", "account")
    assert "In all: 0 writes" in shop.line.says("sync-now", "--dry-run")
    shop.line.says("mapping", "set", "CRM", "kinds.account.mode", "synchronize")
    shop.line.says("batch", "run", "--kind", "account", "--yes")
    shop.sync()
    assert shop.names_in_books() == ["Ann's Bakery"]


def test_a_kind_whose_write_is_on_its_way_stays_on(shop: Shop) -> None:
    shop.account("Ann's Bakery")
    shop.work()
    shop.books.faults.arm("lose_answer", holding="CustomerAddRq")
    shop.line("simulate", "connector", "update")
    told = shop.line.refuses("mapping", "set", "CRM", "kinds.account.mode", "off")
    assert "on its way" in told
    assert "then turn the kind off" in told


def test_what_records_are_matched_by_can_be_widened_after_they_were_read(shop: Shop) -> None:
    shop.line.says("mapping", "set", "CRM", "kinds.account.match", "id")
    shop.account("Ann's Bakery")
    shop.sync()
    assert "kinds.account.match" in shop.line.says("mapping", "set", "CRM", "kinds.account.match", "id,name")
