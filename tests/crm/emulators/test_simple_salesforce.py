"""A client written by others, used as it would be against the real service."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce, exceptions

from crm.emulators.salesforce import Fault, SalesforceEmulator


class ToLoopback(HTTPAdapter):
    """Sends every https address to a plain http one: this client knows no other scheme."""

    def __init__(self, base: str) -> None:
        self._base = urlsplit(base)
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        asked = urlsplit(request.url or "")
        request.url = urlunsplit((self._base.scheme, self._base.netloc, asked.path, asked.query, ""))
        options["timeout"] = options.get("timeout") or 10
        return super().send(request, *args, **options)


@pytest.fixture
def session(emulator: SalesforceEmulator) -> Any:
    with requests.Session() as opened:
        opened.trust_env = False
        opened.mount("https://", ToLoopback(emulator.url))
        yield opened


@pytest.fixture
def sf(emulator: SalesforceEmulator, session: requests.Session) -> Salesforce:
    given = emulator.credentials()
    return Salesforce(
        consumer_key=given["consumer_key"],
        consumer_secret=given["consumer_secret"],
        domain="acme.my",
        version="64.0",
        session=session,
    )


def test_it_logs_in_with_a_signed_assertion(session: requests.Session) -> None:
    with SalesforceEmulator() as emulator:
        session.mount("https://", ToLoopback(emulator.url))
        given = emulator.credentials()
        sf = Salesforce(
            username=given["username"],
            consumer_key=given["consumer_key"],
            privatekey=given["private_key"],
            version="64.0",
            session=session,
        )
        assert sf.query("SELECT Id FROM User WHERE LastName = 'Integration'")["totalSize"] == 1


def test_it_understands_a_refused_login(emulator: SalesforceEmulator, session: requests.Session) -> None:
    given = emulator.credentials()
    with pytest.raises(exceptions.SalesforceAuthenticationFailed) as refused:
        Salesforce(
            consumer_key=given["consumer_key"],
            consumer_secret="wrong",
            domain="acme.my",
            session=session,
        )
    assert refused.value.code == "invalid_client"


def test_it_creates_reads_updates_and_deletes(sf: Salesforce) -> None:
    made = sf.Account.create({"Name": "Acme", "BillingStreet": "1 Main St\nSuite 2"})
    assert made["success"] is True
    assert sf.Account.update(made["id"], {"Phone": "1"}) == 204
    row = sf.Account.get(made["id"])
    assert (row["Phone"], row["BillingStreet"]) == ("1", "1 Main St\nSuite 2")
    assert sf.Account.delete(made["id"]) == 204
    with pytest.raises(exceptions.SalesforceResourceNotFound) as gone:
        sf.Account.get(made["id"])
    assert gone.value.content[0]["errorCode"] == "ENTITY_IS_DELETED"


def test_it_upserts_by_external_id(sf: Salesforce) -> None:
    assert sf.Account.upsert("QB_ListID__c/80000001-1", {"Name": "Acme"}) == 201
    assert sf.Account.upsert("QB_ListID__c/80000001-1", {"Name": "Acme"}) == 200
    assert sf.Account.get_by_custom_id("QB_ListID__c", "80000001-1")["Name"] == "Acme"


def test_it_reads_every_page(sf: Salesforce, emulator: SalesforceEmulator) -> None:
    emulator.settings.page_size = 7
    emulator.seed_accounts(30)
    read = sf.query_all("SELECT Id, Name, QB_Primary_Contact__r.Email FROM Account ORDER BY Name")
    assert (read["totalSize"], len(read["records"]), read["done"]) == (30, 30, True)
    assert len({row["Id"] for row in sf.query_all_iter("SELECT Id FROM Account")}) == 30


def test_it_sees_deleted_rows(sf: Salesforce) -> None:
    made = sf.Account.create({"Name": "Acme"})["id"]
    sf.Account.delete(made)
    assert sf.query("SELECT Id FROM Account")["totalSize"] == 0
    assert sf.query("SELECT Id FROM Account", include_deleted=True)["totalSize"] == 1


def test_it_asks_for_updated_and_deleted_rows(sf: Salesforce, clock: Any) -> None:
    kept, gone = (sf.Account.create({"Name": name})["id"] for name in "ab")
    sf.Account.delete(gone)
    clock.tick(3600)
    start, end = datetime(2026, 11, 22, 6, tzinfo=UTC), datetime(2026, 11, 22, 7, tzinfo=UTC)
    assert sf.Account.updated(start, end)["ids"] == [kept]
    assert [row["id"] for row in sf.Account.deleted(start, end)["deletedRecords"]] == [gone]


def test_it_describes_and_reads_limits(sf: Salesforce) -> None:
    assert {item["name"] for item in sf.describe()["sobjects"]} >= {"Account", "Contact", "User"}
    assert sf.Account.describe()["keyPrefix"] == "001"
    assert sf.Account.metadata()["objectDescribe"]["label"] == "Account"
    assert sf.limits()["DailyApiRequests"]["Max"] == 15_000
    assert sf.api_usage["api-usage"].total == 15_000


def test_it_logs_in_again_when_the_session_died(sf: Salesforce, emulator: SalesforceEmulator) -> None:
    emulator.expire_sessions()
    assert sf.query("SELECT Id FROM User WHERE LastName = 'Integration'")["totalSize"] == 1
    assert emulator.counters.calls["token"] == 2


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        ("limit", exceptions.SalesforceRefusedRequest),
        ("server_error", exceptions.SalesforceGeneralError),
        ("lock", exceptions.SalesforceMalformedRequest),
    ],
)
def test_it_sorts_the_errors_as_it_sorts_real_ones(
    sf: Salesforce, emulator: SalesforceEmulator, effect: str, error: type[Exception]
) -> None:
    emulator.arm(Fault(effect, "create"))
    with pytest.raises(error):
        sf.Account.create({"Name": "Acme"})


def test_it_sells_products_and_follows_what_a_subquery_left_out(
    sf: Salesforce, emulator: SalesforceEmulator
) -> None:
    book = sf.query("SELECT Id FROM Pricebook2 WHERE IsStandard = true")["records"][0]["Id"]
    product = sf.Product2.create({"Name": "Shingle"})["id"]
    price = {"Pricebook2Id": book, "Product2Id": product, "UnitPrice": 10.5, "IsActive": True}
    entry = sf.PricebookEntry.create(price)["id"]
    deal = sf.Opportunity.create({"Name": "Roof", "StageName": "Qualification", "CloseDate": "2026-12-01"})
    line = {"OpportunityId": deal["id"], "PricebookEntryId": entry, "Quantity": 1, "UnitPrice": 2}
    made = [sf.OpportunityLineItem.create(line)["id"] for _ in "abc"]
    emulator.settings.rows_below = 2
    text = "SELECT Amount, (SELECT Id, PricebookEntry.UnitPrice FROM OpportunityLineItems) FROM Opportunity"
    (found,) = sf.query(text)["records"]
    assert found["Amount"] == 6
    first = found["OpportunityLineItems"]
    rest = sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert [row["Id"] for row in first["records"] + rest["records"]] == made
    assert first["records"][0]["PricebookEntry"]["UnitPrice"] == 10.5


def test_it_mirrors_documents_by_their_key(sf: Salesforce) -> None:
    account = sf.Account.create({"Name": "Acme", "QB_ListID__c": "8-1"})["id"]
    body = {"QB_Account__r": {"QB_ListID__c": "8-1"}, "QB_Total__c": 25, "QB_Due_Date__c": "2026-12-22"}
    assert sf.QB_Invoice__c.upsert("QB_TxnID__c/1-1", body) == 201
    row = sf.QB_Invoice__c.get_by_custom_id("QB_TxnID__c", "1-1")
    assert (row["QB_Account__c"], row["Name"], row["QB_Due_Date__c"]) == (account, "INV-00001", "2026-12-22")


def test_it_makes_custom_fields(sf: Salesforce, emulator: SalesforceEmulator) -> None:
    metadata = {"label": "Colour", "type": "Text", "length": 20}
    body = {"FullName": "Account.QB_Colour__c", "Metadata": metadata}
    assert sf.toolingexecute("sobjects/CustomField/", method="POST", data=body)["success"] is True
    found = sf.toolingexecute("query/?q=SELECT+Id+FROM+CustomField+WHERE+DeveloperName='QB_Colour'")
    assert found["totalSize"] == 1
    made = sf.PermissionSet.create({"Name": "QuickBooks", "Label": "QuickBooks"})["id"]
    seen = {"SobjectType": "Account", "Field": "Account.QB_Colour__c", "PermissionsRead": True}
    sf.FieldPermissions.create({"ParentId": made, **seen, "PermissionsEdit": True})
    sf.PermissionSetAssignment.create({"PermissionSetId": made, "AssigneeId": emulator.org.user_id})
    assert sf.Account.create({"Name": "Acme", "QB_Colour__c": "red"})["success"] is True
