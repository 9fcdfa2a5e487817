"""Passes over an object: watermarks, keyed pages, deletions and what happens when they were purged."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus, unquote

import pytest

from crm.errors import Misconfigured, Unavailable
from crm.salesforce.changes import Watermark, deletions_of, period

NOW = datetime(2026, 11, 22, 10, 0, 40, tzinfo=UTC)
KNOWN = "2026-11-22T09:00:00.000+0000"
COVERED = "2026-11-22T09:58:00.000+0000"
FIRST_DAY = "2026-11-01T00:00:00.000+0000"


def row(number, stamp="2026-11-22T09:30:00.000+0000", **values):
    return {"Id": f"00100000000000{number}AAA", "SystemModstamp": stamp, "Name": f"n{number}", **values}


def gone(*deleted, covered=COVERED, earliest=FIRST_DAY):
    return {
        "deletedRecords": [{"id": each, "deletedDate": "2026-11-22T09:40:00.000+0000"} for each in deleted],
        "latestDateCovered": covered,
        "earliestDateAvailable": earliest,
    }


def mark(rows=KNOWN, deletions=KNOWN, source="Account"):
    return Watermark(source, datetime.fromisoformat(rows), datetime.fromisoformat(deletions)).text()


@pytest.fixture
def account(org, rows, says):
    """An org whose clock stands, with nothing deleted and no rows until a test adds some."""
    org.on("GET", "", lambda _: says(200, {}, at=NOW))
    org.on("GET", "sobjects/Account/deleted/", lambda _: says(200, gone()))
    org.on("GET", "query/", lambda _: rows())
    return org


def queries(server, path="query/"):
    return [each.query["q"] for each in server.asked if each.path.endswith("/" + path)]


def test_the_first_read_asks_for_everything_and_is_complete(account, serve, gateway_to, rows):
    account.on("GET", "query/", lambda _: rows(row(1)))
    server = serve(account)
    (page,) = gateway_to(server).changed_since("account", ["Name"], None)
    assert [record.values for record in page.records] == [{"Name": "n1"}]
    assert page.complete
    assert page.note == ""
    (query,) = queries(server)
    assert query == "SELECT Id, SystemModstamp, Name FROM Account ORDER BY SystemModstamp, Id LIMIT 2000"


def test_the_watermark_is_what_salesforce_covers_by_its_own_clock_taken_before_the_first_page(
    account, serve, gateway_to
):
    server = serve(account)
    (page,) = gateway_to(server).changed_since("account", ["Name"], None)
    reached = Watermark.parse(page.watermark, "Account")
    assert reached.rows == datetime(2026, 11, 22, 9, 58, tzinfo=UTC)
    root = server.paths().index("/services/data/v64.0/")
    assert root < server.paths().index("/services/data/v64.0/query/")


def test_later_reads_begin_an_overlap_earlier_and_are_not_complete(account, serve, gateway_to):
    server = serve(account)
    gateway = gateway_to(server, overlap=timedelta(minutes=7))
    (page,) = gateway.changed_since("account", ["Name"], mark())
    assert not page.complete
    assert "WHERE SystemModstamp >= 2026-11-22T08:53:00Z ORDER BY" in queries(server)[0]


def test_pages_go_on_behind_the_last_row_even_when_stamps_are_equal(account, serve, gateway_to, rows):
    answers = iter([rows(row(1), row(2)), rows(row(3), row(4)), rows(row(5))])
    account.on("GET", "query/", lambda _: next(answers))
    server = serve(account)
    pages = list(gateway_to(server, page_size=2).changed_since("account", ["Name"], mark()))
    assert [len(page.records) for page in pages] == [2, 2, 1]
    assert [page.watermark is None for page in pages] == [True, True, False]
    assert (
        "(SystemModstamp > 2026-11-22T09:30:00Z) OR "
        "(SystemModstamp = 2026-11-22T09:30:00Z AND Id > '001000000000002AAA')"
    ) in queries(server)[1]


def test_a_page_that_salesforce_cut_short_is_not_the_last(account, serve, gateway_to, rows):
    answers = iter([rows(row(1), done=False), rows(row(2))])
    account.on("GET", "query/", lambda _: next(answers))
    pages = list(gateway_to(serve(account)).changed_since("account", ["Name"], mark()))
    assert [record.id[-4] for page in pages for record in page.records] == ["1", "2"]


def test_rows_that_come_again_and_again_are_an_error_and_no_endless_pass(account, serve, gateway_to, rows):
    account.on("GET", "query/", lambda _: rows(row(1)))
    with pytest.raises(Unavailable, match="again"):
        list(gateway_to(serve(account), page_size=1).changed_since("account", ["Name"], mark()))


def test_deletions_come_first_as_tombstones_with_their_moment(account, serve, gateway_to, rows, says):
    account.fields.append({"name": "MasterRecordId", "type": "reference"})
    account.on("GET", "sobjects/Account/deleted/", lambda _: says(200, gone("001000000000001AAA")))
    merged = row(1, IsDeleted=True, MasterRecordId="001000000000009AAA")
    account.on("GET", "queryAll/", lambda _: rows(merged))
    account.on("GET", "query/", lambda _: rows(row(2)))
    server = serve(account)
    pages = list(gateway_to(server).changed_since("account", ["Name"], mark()))
    (tombstone,), (alive,) = (page.records for page in pages)
    assert tombstone.deleted
    assert tombstone.modified == datetime(2026, 11, 22, 9, 40, tzinfo=UTC)
    assert tombstone.merged_into == "001000000000009AAA"
    assert not alive.deleted
    assert (
        "SELECT Id, SystemModstamp, IsDeleted, MasterRecordId, Name FROM" in queries(server, "queryAll/")[0]
    )


def test_a_deleted_record_that_was_restored_is_delivered_alive(account, serve, gateway_to, rows, says):
    account.on("GET", "sobjects/Account/deleted/", lambda _: says(200, gone("001000000000001AAA")))
    account.on("GET", "queryAll/", lambda _: rows(row(1, IsDeleted=False)))
    first, _ = gateway_to(serve(account)).changed_since("account", ["Name"], mark())
    assert [record.deleted for record in first.records] == [False]


def test_purged_deletions_lead_to_a_complete_pass_that_says_so(account, serve, gateway_to, says):
    purged = gone(earliest="2026-11-22T09:30:00.000+0000")
    account.on("GET", "sobjects/Account/deleted/", lambda _: says(200, purged))
    server = serve(account)
    (page,) = gateway_to(server).changed_since("account", ["Name"], mark())
    assert page.complete
    assert "no longer tells" in page.note
    assert "WHERE" not in queries(server)[0]


@pytest.mark.parametrize("code", ["INVALID_REPLICATION_DATE", "EXCEEDED_ID_LIMIT"])
def test_deletions_that_cannot_be_told_lead_to_a_complete_pass_too(account, serve, gateway_to, says, code):
    account.on("GET", "sobjects/Account/deleted/", lambda _: says(400, [{"errorCode": code, "message": "x"}]))
    (page,) = gateway_to(serve(account)).changed_since("account", ["Name"], mark())
    assert page.complete
    assert Watermark.parse(page.watermark, "Account").rows < NOW


def test_a_watermark_older_than_salesforce_remembers_leads_to_a_complete_pass(account, serve, gateway_to):
    old = mark(deletions="2026-11-01T00:00:00.000+0000")
    (page,) = gateway_to(serve(account)).changed_since("account", ["Name"], old)
    assert page.complete


def test_the_period_asked_for_is_longer_than_a_minute_and_starts_on_one():
    start, end = period(NOW - timedelta(seconds=5), NOW)
    assert end - start > timedelta(minutes=1)
    assert (start.second, start.microsecond) == (0, 0)


def test_the_period_never_reaches_behind_what_salesforce_keeps():
    start, _ = period(NOW - timedelta(days=100), NOW)
    assert NOW - start < timedelta(days=15)


def test_what_is_covered_never_passes_the_minute_that_was_asked_for():
    body = gone(covered="2026-11-22T10:00:39.000+0000")
    assert deletions_of(body, None, NOW).covered == datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def test_the_period_travels_with_its_time_zone(account, serve, gateway_to):
    server = serve(account)
    list(gateway_to(server).changed_since("account", ["Name"], mark()))
    (asked,) = (each for each in server.asked if each.path.endswith("/deleted/"))
    assert unquote(asked.query["start"]) == "2026-11-22T09:00:00+00:00"


@pytest.mark.parametrize(
    "text", ["", "7", "{}", '{"object": "Account"}', '{"object":"Account","rows":1,"deletions":2}']
)
def test_a_watermark_of_somebody_else_is_never_guessed_at(account, serve, gateway_to, text):
    with pytest.raises(Misconfigured, match="clear it"):
        list(gateway_to(serve(account)).changed_since("account", ["Name"], text))


def test_a_watermark_of_another_object_is_refused(account, serve, gateway_to):
    with pytest.raises(Misconfigured, match="Contact"):
        list(gateway_to(serve(account)).changed_since("account", ["Name"], mark(source="Contact")))


def test_a_field_that_is_absent_or_hidden_is_named_with_the_cure(account, serve, gateway_to):
    with pytest.raises(Misconfigured, match="field-level security") as caught:
        list(gateway_to(serve(account)).changed_since("account", ["Name", "QB_ListID__c"], None))
    assert caught.value.fields == ("QB_ListID__c",)


def test_a_field_that_was_hidden_since_it_was_described_is_named_too(account, serve, gateway_to, says):
    message = "No such column 'Worth__c' on entity 'Account'."
    account.on("GET", "query/", lambda _: says(400, [{"errorCode": "INVALID_FIELD", "message": message}]))
    gateway = gateway_to(serve(account))
    with pytest.raises(Misconfigured, match="Worth__c"):
        list(gateway.changed_since("account", ["Worth__c"], None))
    account.fields = [each for each in account.fields if each["name"] != "Worth__c"]
    with pytest.raises(Misconfigured) as caught:
        list(gateway.changed_since("account", ["Worth__c"], None))
    assert caught.value.fields == ("Worth__c",)


def test_answers_without_a_clock_are_not_replaced_by_our_own(account, serve, gateway_to, says):
    account.on("GET", "", lambda _: says(200, {}, at=None))
    with pytest.raises(Misconfigured, match="Date"):
        list(gateway_to(serve(account)).changed_since("account", ["Name"], None))


def test_reading_many_ids_goes_in_chunks_and_keeps_their_order(account, serve, gateway_to, rows):
    account.on("GET", "queryAll/", lambda _: rows(row(3, IsDeleted=False)))
    server = serve(account)
    ids = [f"{number:015d}" for number in range(450)] + ["001000000000003"]
    records = gateway_to(server).read("account", ids, ["Name"])
    asked = queries(server, "queryAll/")
    assert len(asked) == 2
    assert all(len(quote_plus(text)) < 16_000 for text in asked)
    assert [record.id[:15] for record in records] == ids
    assert [record.id for record in records if not record.deleted] == ["001000000000003AAA"]


def test_find_escapes_its_value_and_reads_all_pages(account, serve, gateway_to, rows):
    answers = iter([rows(row(1), row(2)), rows(row(3))])
    account.on("GET", "query/", lambda _: next(answers))
    server = serve(account)
    found = gateway_to(server, page_size=2).find("account", "Name", "O'Neil", ["Name"])
    assert len(found) == 3
    assert "WHERE Name = 'O\\'Neil' ORDER BY Id" in queries(server)[0]
    assert "Name = 'O\\'Neil' AND Id > '001000000000002AAA'" in queries(server)[1]


def test_a_kind_without_an_object_is_a_matter_of_the_profile(account, serve, gateway_to, rows):
    with pytest.raises(Misconfigured, match="estimate"):
        gateway_to(serve(account)).find("estimate", "Name", "x", [])
    server = serve(account)
    gateway_to(server, objects={"estimate": "QB_Invoice__c"}).find("estimate", "Name", "x", [])
    assert "FROM QB_Invoice__c " in queries(server)[0]
