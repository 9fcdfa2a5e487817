"""Trying the credentials and the set-up: an answer in one sentence, whatever is wrong."""

import pytest

from crm.errors import Misconfigured
from crm.memory import MemoryGateway
from crm.registry import VENDORS, open_gateway
from crm.salesforce import SalesforceGateway


@pytest.fixture
def ready(org, rows, says):
    org.on("GET", "query/", lambda _: rows({"Username": "sync@acme"}))
    org.on("GET", "limits/", lambda _: says(200, {"DailyApiRequests": {"Max": 15000, "Remaining": 14998}}))
    return org


def test_a_set_up_that_works_names_user_and_quota(ready, serve, gateway_to):
    check = gateway_to(serve(ready), expected={"account": ["Name", "QB_SyncKey__c", "Parent.Name"]}).check()
    assert (check.ok, check.user, check.missing) == (True, "sync@acme", ())
    assert check.quota == "2 of 15000 API calls in 24 hours"


def test_missing_fields_are_named_with_the_cure(ready, serve, gateway_to):
    expected = {"account": ["Name", "QB_ListID__c"], "contact": ["QB_Other__c"]}
    check = gateway_to(serve(ready), expected=expected).check()
    assert not check.ok
    assert check.missing == ("account.QB_ListID__c", "contact.QB_Other__c")
    for word in ("QB_ListID__c", "QB_Other__c", "permission set", "field-level security"):
        assert word in check.text


def test_account_and_contact_are_looked_at_when_nothing_is_expected(ready, serve, gateway_to):
    server = serve(ready)
    assert gateway_to(server).check().ok
    assert [path.split("/")[-2] for path in server.paths() if path.endswith("/describe")] == [
        "Account",
        "Contact",
    ]


def test_a_refused_login_is_an_answer_and_no_exception(ready, serve, gateway_to, says):
    ready.login = lambda _: says(400, {"error": "invalid_client"})
    check = gateway_to(serve(ready)).check()
    assert not check.ok
    assert "consumer_secret" in check.text


def test_an_object_that_is_not_enabled_is_an_answer_with_its_name(
    ready, serve, gateway_to, says, monkeypatch
):
    original = ready.__call__

    def without_quotes(asked):
        missing = asked.path.endswith("Quote/describe")
        return says(404, [{"errorCode": "NOT_FOUND", "message": "x"}]) if missing else original(asked)

    check = gateway_to(serve(without_quotes), expected={"quote": ["Name"]}).check()
    assert not check.ok
    assert "Quote" in check.text


def test_a_user_that_may_not_read_limits_still_has_the_quota_of_the_header(
    ready, serve, gateway_to, says, rows
):
    usage = {"Sforce-Limit-Info": "api-usage=25/5000; per-app-api-usage=17/250(appName=x)"}
    ready.on(
        "GET", "limits/", lambda _: says(403, [{"errorCode": "INSUFFICIENT_ACCESS", "message": "x"}], usage)
    )
    check = gateway_to(serve(ready)).check()
    assert check.ok
    assert check.quota == "25 of 5000 API calls in 24 hours"


def test_a_user_that_cannot_be_read_is_shown_by_its_id(ready, serve, gateway_to, says):
    ready.on("GET", "query/", lambda _: says(400, [{"errorCode": "INVALID_TYPE", "message": "User"}]))
    assert gateway_to(serve(ready)).check().user == "005A"


def test_a_vendor_is_opened_by_name():
    credentials = {"consumer_key": "k", "consumer_secret": "s"}
    gateway = open_gateway("salesforce", "https://acme.my.salesforce.com", credentials, page_size=200)
    assert isinstance(gateway, SalesforceGateway)
    gateway.close()


def test_an_unknown_vendor_names_the_known_ones():
    with pytest.raises(Misconfigured, match=", ".join(sorted(VENDORS))):
        open_gateway("abacus", "https://x", {})


def test_the_memory_gateway_is_always_ready():
    assert MemoryGateway().check().ok
