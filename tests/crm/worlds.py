"""CRMs to hold a gateway against: the gateway, and somebody who works in the CRM beside it.

One class per vendor and one line in WORLDS; test_gateway_contract runs over all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from crm.emulators.salesforce import SalesforceEmulator
from crm.http import Retries
from crm.memory import MemoryGateway
from crm.port import FieldInfo, Gateway, Values
from crm.salesforce import open_gateway


@dataclass(frozen=True)
class Names:
    """What the vendor calls a few fields of an account."""

    name: str = "Name"
    city: str = "BillingCity"
    money: str = "AnnualRevenue"
    key: str = "QB_SyncKey__c"
    unique: str = "QB_ListID__c"
    status: str = "QB_Link_Status__c"
    moment: str = "QB_Last_Sync__c"


class World(Protocol):
    gateway: Gateway
    names: Names
    # An id in the vendor's form that no record has.
    never_made: str

    def user_create(self, values: Values) -> str: ...

    def user_edit(self, record_id: str, values: Values) -> None: ...

    def user_delete(self, record_id: str) -> None: ...

    def user_create_late(self, values: Values) -> Callable[[], str]:
        """Stamped now, visible after `commit_late`; the result tells the id once it is visible."""
        ...

    def commit_late(self) -> None: ...

    def forget_deletions(self) -> None:
        """The vendor purges its memory of deletions."""
        ...

    def later(self) -> None:
        """Let the CRM's clock go on by more than it can resolve."""
        ...

    def close(self) -> None: ...


STATUSES = ("To be Linked", "Queued", "Success", "Error", "Unlinked")

ACCOUNT = (
    FieldInfo("Name", "text", 255, required=True),
    FieldInfo("BillingCity", "text", 40),
    FieldInfo("AnnualRevenue", "decimal"),
    FieldInfo("QB_SyncKey__c", "text", 80, unique=True, external_key=True),
    FieldInfo("QB_ListID__c", "text", 41, unique=True, external_key=True),
    FieldInfo("QB_Link_Status__c", "choice", 255, choices=STATUSES),
    FieldInfo("QB_Last_Sync__c", "datetime"),
)


class MemoryWorld:
    names = Names()
    never_made = "account-0"

    def __init__(self) -> None:
        self.gateway = MemoryGateway({"account": ACCOUNT}, page_size=2)

    def user_create(self, values: Values) -> str:
        return self.gateway.user_create("account", values)

    def user_edit(self, record_id: str, values: Values) -> None:
        self.gateway.user_edit("account", record_id, values)

    def user_delete(self, record_id: str) -> None:
        self.gateway.user_delete("account", record_id)

    def user_create_late(self, values: Values) -> Callable[[], str]:
        record_id = self.gateway.user_create("account", values, late=True)
        return lambda: record_id

    def commit_late(self) -> None:
        self.gateway.commit_late()

    def forget_deletions(self) -> None:
        self.gateway.purge_deletions()

    def later(self) -> None:
        """Each change has a second of its own."""

    def close(self) -> None:
        self.gateway.close()


class SalesforceWorld:
    """An organisation whose clock stands unless a test lets it go on, so that many stamps are equal."""

    names = Names()
    never_made = "001000000000zzzAAA"

    def __init__(self) -> None:
        self.org = SalesforceEmulator(clock=lambda: datetime(2026, 11, 22, 10, 0, 30, tzinfo=UTC)).start()
        given = self.org.credentials()
        secret = {name: given[name] for name in ("consumer_key", "consumer_secret")}
        self.gateway = open_gateway(self.org.url, secret, page_size=2, retries=Retries(sleep=lambda _: None))

    def user_create(self, values: Values) -> str:
        return self.org.create("Account", values)

    def user_edit(self, record_id: str, values: Values) -> None:
        self.org.edit(record_id, values)

    def user_delete(self, record_id: str) -> None:
        self.org.delete(record_id)

    def user_create_late(self, values: Values) -> Callable[[], str]:
        self.org.write_late("Account", values)
        return lambda: next(
            str(row["Id"]) for row in self.org.records("Account") if values.items() <= row.items()
        )

    def commit_late(self) -> None:
        self.org.release()

    def forget_deletions(self) -> None:
        self.later()
        self.org.settings.deletes_known_since = self.org.advance(0)

    def later(self) -> None:
        """More than the two minutes that a question about deletions must span."""
        self.org.advance(150)

    def close(self) -> None:
        self.gateway.close()
        self.org.stop()


WORLDS: Mapping[str, Callable[[], World]] = {
    "memory": MemoryWorld,
    "salesforce": SalesforceWorld,
}
