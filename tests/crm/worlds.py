"""CRMs to hold a gateway against: the gateway, and somebody who works in the CRM beside it.

One class per vendor and one line in WORLDS; test_gateway_contract runs over all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from crm.memory import MemoryGateway
from crm.port import FieldInfo, Gateway, Values


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


WORLDS: Mapping[str, Callable[[], World]] = {
    "memory": MemoryWorld,
}
