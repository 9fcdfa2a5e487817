"""The everyday commands: what waits, why, and what a person does about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from qbwc_server.store import history
from qbwc_server.store.tables import link_jobs, runs
from tests.cli.conftest import Shop

# --- looking, in a shop after its first days ---


def test_open_jobs_name_their_record_and_what_to_do(busy_shop: Shop) -> None:
    text = busy_shop.line.says("job", "list", "--needs-person")
    assert "North: South" in text
    assert "colon" in text
    assert "Ann's Bakery" not in text
    assert "Ann's Bakery" in busy_shop.line.says("job", "list", "--all")
    assert "No job" in busy_shop.line.says("job", "list", "--proposed")


def test_a_job_is_shown_with_everything(busy_shop: Shop) -> None:
    [job] = [one for one in busy_shop.jobs("refused") if one.side == "books"]
    text = busy_shop.line.says("job", "show", job.id)
    assert "North: South" in text
    assert "refused" in text
    assert busy_shop.line.json("job", "show", job.id)["error_code"] == "colon"
    assert "job list" in busy_shop.line.refuses("job", "show", "job-none")


def test_links_are_listed_by_status_and_by_name(busy_shop: Shop) -> None:
    assert "Ann's Bakery" in busy_shop.line.says("link", "list", "--status", "Success")
    assert "North: South" not in busy_shop.line.says("link", "list", "--status", "Success")
    [row] = busy_shop.line.json("link", "list", "bakery")
    assert row["label"] == "Ann's Bakery"
    assert "No such pair" in busy_shop.line.says("link", "list", "100%_")


def test_a_link_is_shown_with_what_both_sides_agreed_on(busy_shop: Shop) -> None:
    link = busy_shop.link("Ann's Bakery")
    assert "Phone > Phone: 555-0100" in busy_shop.line.says("link", "show", link.id)
    shown = busy_shop.line.json("link", "show", link.id)
    assert shown["base_crm"]["Phone > Phone"] == "555-0100"
    assert shown["jobs"][0]["state"] == "settled"
    assert "link list" in busy_shop.line.refuses("link", "show", "link-none")


def test_what_looks_alike_is_suggested(busy_shop: Shop) -> None:
    [row] = busy_shop.line.json("link", "suggestions")
    assert "looks like" in row["reason"].lower() or row["score"] > 80
    assert row["crm_id"] in busy_shop.line.says("link", "suggestions")


def test_runs_are_listed_by_their_sync_ids(busy_shop: Shop) -> None:
    text = busy_shop.line.says("log", "runs")
    assert "S1" in text
    assert "visit" in text
    rows = busy_shop.line.json("log", "runs", "--company", "Shop")
    assert {row["kind"] for row in rows} == {"visit"}


def test_calls_are_found_by_visit_record_job_and_error(busy_shop: Shop) -> None:
    link = busy_shop.link("Ann's Bakery")
    [job] = [one for one in busy_shop.jobs("settled") if one.link_id == link.id and one.side == "books"]
    by_job = busy_shop.line.json("log", "list", "--job", job.id)
    assert {row["method"] for row in by_job} == {"sendRequestXML", "receiveResponseXML"}
    assert busy_shop.line.json("log", "list", "--record", str(link.books_id)) == by_job
    assert busy_shop.line.json("log", "list", "--record", str(link.crm_id)) == by_job
    visit = by_job[0]["visit"]
    inside = busy_shop.line.json("log", "list", "--visit", visit)
    assert "closeConnection" in {row["method"] for row in inside}
    assert busy_shop.line.json("log", "list", "--visit", visit, "--job", job.id) == by_job
    assert busy_shop.line.json("log", "list", "--error") == []


@pytest.mark.parametrize("which", ["link", "job", "crm", "books"])
def test_the_log_of_a_record_shows_decisions_request_and_answer(busy_shop: Shop, which: str) -> None:
    link = busy_shop.link("Ann's Bakery")
    [job] = [one for one in busy_shop.jobs("settled") if one.link_id == link.id and one.side == "books"]
    names = {"link": link.id, "job": job.id, "crm": str(link.crm_id), "books": str(link.books_id)}
    text = busy_shop.line.says("log", "show", names[which])
    assert "because: promoted, and no match in QuickBooks" in text
    assert "Name: Ann's Bakery" in text
    assert f"ListID: {link.books_id}" in text
    assert f"requestID={job.id}" in text


def test_the_log_of_a_visit_shows_each_call_of_it(busy_shop: Shop) -> None:
    first = next(
        row for row in busy_shop.line.json("log", "runs") if row["counts"].get("written to QuickBooks")
    )
    text = busy_shop.line.says("log", "show", first["sync_id"])
    assert "authenticate" in text
    assert "closeConnection" in text
    assert busy_shop.line.says("log", "show", first["sync_id"].lower()) == text
    shown = busy_shop.line.json("log", "show", first["sync_id"])
    assert shown["decisions"]
    assert shown["exchanges"]


def test_one_call_is_shown_by_its_number(busy_shop: Shop) -> None:
    text = busy_shop.line.says("log", "show", "1")
    assert "authenticate" in text


def test_the_log_of_a_record_that_went_nowhere_shows_why(busy_shop: Shop) -> None:
    link = busy_shop.link("Harbor Ferries")
    assert "because:" in busy_shop.line.says("log", "show", str(link.crm_id))


def test_an_id_that_nobody_knows_is_answered_with_what_ids_there_are(busy_shop: Shop) -> None:
    assert "Sync ID" in busy_shop.line.refuses("log", "show", "S99999")
    assert "ListID" in busy_shop.line.refuses("log", "list", "--record", "nonsense")


def test_secrets_are_masked_in_what_is_shown(busy_shop: Shop) -> None:
    ticket_and_password = json.dumps(
        {"strUserName": "shop", "strPassword": "open sesame", "password": "geheim"}
    )
    raw = f"{ticket_and_password}<strPassword>open sesame</strPassword> Authorization: Bearer abcdefghijkl"
    with busy_shop.installation.database.write() as tx:
        one = history.exchange(tx, 1)
        assert one is not None
        number = history.keep_exchange(tx, history.Exchange(**(one.__dict__ | {"request": raw})))
    text = busy_shop.line.says("log", "show", str(number))
    assert "abcdefghijkl" not in text
    assert "geheim" not in text
    assert "<strPassword>***" in text


def test_the_password_of_a_visit_is_nowhere_in_the_log(busy_shop: Shop) -> None:
    for run in busy_shop.line.json("log", "runs"):
        assert "correct horse" not in json.dumps(busy_shop.line.json("log", "show", run["sync_id"]))


def test_what_persons_did_is_listed_with_who_did_it(busy_shop: Shop) -> None:
    rows = busy_shop.line.json("log", "audit")
    assert {"company added", "connection added"} <= {row["action"] for row in rows}
    assert all(row["actor"] for row in rows)


def test_the_mapping_is_shown_explained_and_checked(busy_shop: Shop) -> None:
    assert "BillAddress/City" in busy_shop.line.says("mapping", "show")
    assert busy_shop.line.json("mapping", "show", "CRM")[0]["crm"] == "Name"
    assert "a person decides" in busy_shop.line.says("mapping", "explain", "Phone")
    assert "did you mean" in busy_shop.line.says("mapping", "explain", "BilingCity")
    assert "longer ones" in busy_shop.line.says("mapping", "check", "CRM")
    assert "as it is" in busy_shop.line.says("mapping", "diff", "CRM")
    assert "salesfrce" in busy_shop.line.refuses("mapping", "show", "--profile", "salesfrce")
    assert "there are: CRM" in busy_shop.line.refuses("mapping", "diff", "Other")


def test_the_doctor_says_what_is_wrong_and_what_to_do(busy_shop: Shop) -> None:
    result = busy_shop.line("doctor")
    assert result.exit_code == 1
    assert "No worker runs" in result.output
    assert "Jobs refused: 1." in result.output
    assert "-> qbwc-server" in result.output
    findings = busy_shop.line.json("doctor", "--offline")
    assert {one["level"] for one in findings} <= {"ok", "look", "wrong"}


# --- acting ---


def test_a_sync_without_a_worker_reads_and_writes_the_crm_itself(shop: Shop) -> None:
    shop.account("Ann's Bakery")
    text = shop.line.says("sync-now")
    assert "1 changed in the CRM" in text
    assert "next update (last: never yet)" in text
    shop.update()
    assert "written to the CRM" in shop.line.says("sync-now", "CRM")
    assert shop.in_crm(str(shop.link("Ann's Bakery").crm_id))["QB_Link_Status__c"] == "Success"
    assert "there are: CRM" in shop.line.refuses("sync-now", "Other")


def test_a_sync_with_a_worker_only_asks_it(shop: Shop) -> None:
    worker = shop.installation.worker()
    worker.hold_lease()
    text = shop.line.says("sync-now")
    assert "The worker reads and writes" in text
    assert shop.line.json("log", "audit")[0]["action"] == "sync wanted"


def test_a_dry_run_tells_everything_and_changes_nothing(shop: Shop) -> None:
    shop.sync()
    shop.account("Ann's Bakery", Phone="555-0100")
    shop.account("North: South")
    before = (shop.books.counts(), shop.salesforce.counters.as_dict()["writes"], shop.jobs())
    text = shop.line.says("sync-now", "--dry-run")
    assert "Create in QuickBooks: Customer Ann's Bakery" in text
    assert "Phone: 555-0100" in text
    assert "because: promoted, and no match in QuickBooks" in text
    assert "cannot go as it is" in text
    assert "In all: 1 writes to QuickBooks" in text
    assert (shop.books.counts(), shop.salesforce.counters.as_dict()["writes"], shop.jobs()) == before
    shop.sync()
    assert "Ann's Bakery" in shop.names_in_books()


def test_a_dry_run_of_a_change_shows_old_and_new(shop: Shop) -> None:
    account = shop.account("Ann's Bakery", Phone="555-0100")
    shop.sync()
    shop.salesforce.edit(account, {"Phone": "555-0200"})
    [found] = shop.line.json("sync-now", "--dry-run")
    [planned] = found["planned"]
    assert (planned["side"], planned["action"], planned["label"]) == ("books", "change", "Ann's Bakery")
    [change] = planned["changes"]
    assert (change["field"], change["old"], change["new"]) == ("Phone", "555-0100", "555-0200")
    assert "changed in the CRM only" in change["reason"]


def test_a_dry_run_before_the_first_update_says_that_quickbooks_comes_first(shop: Shop) -> None:
    shop.account("Ann's Bakery")
    text = shop.line.says("sync-now", "--dry-run")
    assert "QuickBooks has not been read yet" in text
    assert "1 records wait for the first read of both sides" in text


def test_a_dry_run_of_a_stopped_connection_says_why_nothing_would_be_written(shop: Shop) -> None:
    shop.sync()
    shop.account("Ann's Bakery")
    shop.line.says("connection", "stop", "CRM", "--reason", "year end")
    text = shop.line.says("sync-now", "--dry-run")
    assert "CRM is stopped: year end" in text
    assert "In all: 0 writes to QuickBooks, 0 to the CRM." in text


def test_a_refused_job_is_tried_again_when_a_person_says_so(shop: Shop) -> None:
    vendor = shop.books.user_add({"Name": "Acme Tools"}, kind="Vendor")
    shop.account("Acme Tools")
    shop.sync()
    [refused] = shop.jobs("refused")
    shop.books.user_delete(vendor, kind="Vendor")
    assert "1 job goes again" in shop.line.says("job", "retry", "--all-refused", "--yes")
    shop.update()
    assert shop.names_in_books() == ["Acme Tools"]
    assert "nothing to try again" in shop.line.refuses("job", "retry", refused.id)
    assert "No job was chosen" in shop.line.says("job", "retry")
    assert "No such job was refused" in shop.line.says("job", "retry", "--all")


def test_the_status_in_the_web_connector_tells_that_a_connection_is_stopped(shop: Shop) -> None:
    shop.sync()
    shop.line.says("connection", "stop", "CRM")
    status = shop.update()
    assert "CRM is stopped" in status
    assert "nothing to do" not in status
    shop.line.says("connection", "start", "CRM")
    assert "stopped" not in shop.update()


def test_a_run_without_an_end_is_not_told_as_one_that_had_nothing_to_do(shop: Shop) -> None:
    shop.sync()
    latest = shop.line.json("log", "runs", "--limit", "1")[0]["sync_id"]
    with shop.installation.database.write() as tx:
        tx.execute(update(runs).where(runs.c.number == int(latest[1:])).values(ended_at=None, counts={}))
    assert "not ended, or interrupted" in shop.line.says("log", "show", latest)


def test_a_cancelled_creation_makes_nothing_and_the_crm_shows_it(shop: Shop) -> None:
    account = shop.account("Ann's Bakery")
    shop.work()
    shop.line.says("connection", "stop", "CRM")
    shop.update()
    shop.line.says("connection", "start", "CRM")
    shop.salesforce.edit(account, {"Phone": "555-0100"})
    shop.work()
    [job] = [one for one in shop.jobs("queued") if one.side == "books"]
    assert "is cancelled" in shop.line.says("job", "cancel", job.id)
    shop.work()
    shop.update()
    assert shop.names_in_books() == []
    assert shop.in_crm(account)["QB_Link_Status__c"] == "Unlinked"
    assert "already" in shop.line.refuses("job", "cancel", job.id)


def test_an_unlinked_pair_keeps_both_records_and_the_crm_shows_it(shop: Shop) -> None:
    account = shop.account("Ann's Bakery")
    shop.sync()
    link = shop.link("Ann's Bakery")
    assert "is unlinked" in shop.line.says("link", "unlink", link.id)
    shop.work()
    assert shop.in_crm(account)["QB_Link_Status__c"] == "Unlinked"
    assert shop.names_in_books() == ["Ann's Bakery"]
    assert "unlinked already" in shop.line.refuses("link", "unlink", link.id)


def test_a_wish_to_unlink_is_kept_once_the_outcome_of_a_write_is_known(shop: Shop) -> None:
    account = shop.account("Ann's Bakery")
    shop.work()
    shop.books.faults.arm("lose_answer", holding="CustomerAddRq")
    shop.line("simulate", "connector", "update")
    [doubted] = shop.jobs("in_doubt")
    assert "asks QuickBooks" in shop.line.refuses("job", "retry", doubted.id)
    link = shop.link("Ann's Bakery")
    assert "once the outcome is known" in shop.line.says("link", "unlink", link.id)
    shop.update()
    shop.work()
    assert shop.in_crm(account)["QB_Link_Status__c"] == "Unlinked"
    assert shop.names_in_books() == ["Ann's Bakery"]


def test_a_cancelled_write_that_was_carried_out_all_the_same_is_linked(shop: Shop) -> None:
    account = shop.account("Ann's Bakery")
    shop.work()
    shop.books.faults.arm("lose_answer", holding="CustomerAddRq")
    shop.line("simulate", "connector", "update")
    [doubted] = shop.jobs("in_doubt")
    assert "unless it was written" in shop.line.says("job", "cancel", doubted.id)
    shop.update()
    shop.work()
    assert shop.in_crm(account)["QB_Link_Status__c"] == "Success"


def test_a_cancelled_change_that_quickbooks_did_not_take_is_not_sent_again(shop: Shop) -> None:
    account = shop.account("Ann's Bakery", Phone="555-0100")
    shop.sync()
    shop.salesforce.edit(account, {"Phone": "555-0200"})
    shop.work()
    shop.books.faults.arm("refuse_set", holding="CustomerModRq")
    shop.line("simulate", "connector", "update")
    [doubted] = shop.jobs("in_doubt")
    shop.line.says("job", "cancel", doubted.id)
    shop.update()
    shop.update()
    assert shop.books.customer(str(shop.link("Ann's Bakery").books_id))["Phone"] == "555-0100"
    assert [one.state for one in shop.jobs() if one.id == doubted.id] == ["cancelled"]


def test_two_records_are_linked_because_a_person_knows(shop: Shop) -> None:
    account = shop.account("Harbor Ferries")
    list_id = shop.books.user_add({"Name": "Harbour Ferries", "Phone": "555-0100"})
    shop.sync()
    assert shop.in_crm(account)["QB_Link_Status__c"] == "Error"
    text = shop.line.says("link", "make", account, list_id)
    assert "Harbor Ferries is linked" in text
    assert "Name" in text  # both sides have a name of their own: a person chooses
    link = shop.link("Harbor Ferries")
    assert (link.crm_id, link.books_id) == (account, list_id)
    assert "linked already" in shop.line.refuses("link", "make", account, list_id)
    assert "has not read" in shop.line.refuses("link", "make", "001Qy0000000000AAA", list_id)
    assert "has not read" in shop.line.refuses("link", "make", account, "80000099-1")


def test_what_only_looks_alike_is_created_when_a_person_says_so(shop: Shop) -> None:
    account = shop.account("Harbor Ferries")
    list_id = shop.books.user_add({"Name": "Harbour Ferries"})
    shop.sync()
    assert shop.names_in_books() == ["Harbour Ferries"]
    assert "will be created" in shop.line.says("link", "create", account)
    shop.sync()
    assert shop.names_in_books() == ["Harbor Ferries", "Harbour Ferries"]
    assert shop.in_crm(account)["QB_Link_Status__c"] == "Success"
    assert "linked already" in shop.line.refuses("link", "create", account)
    # Whoever looked like it has a partner now, so the other one is decided without a question.
    shop.work()
    assert "linked already" in shop.line.refuses("link", "create", list_id)
    assert sorted(row["Name"] for row in shop.salesforce.records("Account")) == [
        "Harbor Ferries",
        "Harbour Ferries",
    ]


@pytest.mark.parametrize(("take", "phone"), [("crm", "555-0200"), ("books", "555-0300")])
def test_a_conflict_ends_as_a_person_chooses(shop: Shop, take: str, phone: str) -> None:
    account = shop.account("Ann's Bakery", Phone="555-0100")
    shop.sync()
    link = shop.link("Ann's Bakery")
    shop.salesforce.edit(account, {"Phone": "555-0200"})
    shop.books.user_edit(str(link.books_id), {"Phone": "555-0300"})
    shop.sync()
    [row] = shop.line.json("conflict", "list")
    assert (row["crm_value"], row["books_value"]) == ("555-0200", "555-0300")
    assert "no conflict about Fax" in shop.line.refuses("conflict", "resolve", link.id, "Fax", "--take", take)
    assert shop.line("conflict", "resolve", link.id, "Phone", "--take", "both").exit_code == 2
    shop.line.says("conflict", "resolve", link.id, "Phone", "--take", take)
    shop.sync()
    assert shop.in_crm(account)["Phone"] == phone
    assert shop.books.customer(str(link.books_id))["Phone"] == phone
    assert "No conflict" in shop.line.says("conflict", "list")


def test_a_deleted_partner_is_found_by_the_doctor(shop: Shop) -> None:
    shop.account("Ann's Bakery")
    shop.sync()
    shop.books.user_delete(str(shop.link("Ann's Bakery").books_id))
    shop.update()
    text = shop.line("doctor", "--offline").output
    assert "deleted on one side: Ann's Bakery (QuickBooks)" in text


def test_every_act_leaves_its_actor(shop: Shop) -> None:
    shop.account("Ann's Bakery")
    shop.sync()
    shop.line.says("link", "unlink", shop.link("Ann's Bakery").id)
    shop.line.says("connection", "stop", "CRM")
    rows = shop.line.json("log", "audit")
    assert [row["action"] for row in rows[:2]] == ["connection stopped", "unlinked"]
    assert len({row["actor"] for row in rows}) == 1


def test_proposed_jobs_of_a_kind_are_counted_and_approved_together(shop: Shop) -> None:
    shop.line.says("mapping", "set", "CRM", "limits.creates", "1")
    for number in range(4):
        shop.account(f"Number {number} Corp")
    shop.sync()
    assert len(shop.names_in_books()) == 1
    assert "there are" in shop.line.refuses("job", "approve", "--all", "--kind", "harbour")
    assert "No such job waits" in shop.line.says("job", "approve", "--all", "--kind", "service_item")
    unanswered = shop.line("job", "approve", "--all", "--kind", "account")
    assert unanswered.exit_code == 1
    assert "3 of kind account, written to QuickBooks" in unanswered.stdout
    assert "nothing was done" in unanswered.stderr
    [first, *_] = shop.line.json("job", "list", "--proposed")
    assert "1 job goes" in shop.line.says("job", "approve", first["id"])
    assert "waits for no approval" in shop.line.refuses("job", "approve", first["id"])
    assert "2 jobs go with the next update" in shop.line.says("job", "approve", "--all", "--yes")
    shop.sync()
    assert len(shop.names_in_books()) == 4


def test_pairs_are_listed_with_their_kind(shop: Shop) -> None:
    shop.account("Ann's Bakery")
    shop.sync()
    assert [one["kind"] for one in shop.line.json("link", "list")] == ["account"]


def test_all_ids_are_compared_when_a_person_asks(shop: Shop) -> None:
    assert "not read yet" in shop.line.refuses("company", "reconcile", "Shop")
    shop.account("Ann's Bakery")
    shop.sync()
    assert "compares all ids" in shop.line.says("company", "reconcile", "Shop")
    before = shop.books.counts().get("CustomerQuery", 0)
    shop.update()
    assert shop.books.counts()["CustomerQuery"] == before + 2


def test_the_doctor_puts_right_what_is_safe(shop: Shop) -> None:
    shop.account("Ann's Bakery")
    shop.sync()
    shop.salesforce.edit(str(shop.link("Ann's Bakery").crm_id), {"Phone": "555-0200"})
    shop.work()
    with shop.installation.database.write() as tx:
        tx.execute(update(link_jobs).values(due_at=datetime(2099, 1, 1, tzinfo=UTC)))
    assert "more than a day from now" in shop.line("doctor", "--offline").output
    assert "Repaired" in shop.line("doctor", "--offline", "--repair").output
    assert "more than a day from now" not in shop.line("doctor", "--offline").output
    shop.update()
    assert shop.books.customer("Ann's Bakery")["Phone"] == "555-0200"
