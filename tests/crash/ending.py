"""What a company and its CRM hold in the end, field by field, and how two ends differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from tests.crash.shop import Shop

# Identity and time differ from run to run; what they point to is compared instead.
CUSTOMER_STAMPS = ("ListID", "TimeCreated", "TimeModified", "EditSequence", "ExternalGUID")
ROW_STAMPS = (
    *(
        "Id",
        "CreatedDate",
        "LastModifiedDate",
        "SystemModstamp",
        "CreatedById",
        "LastModifiedById",
        "OwnerId",
    ),
    *("QB_EditSequence__c", "QB_Last_Sync__c", "QB_SyncKey__c"),
)

Place = tuple[str, str, str]


@dataclass(frozen=True)
class Ending:
    """(customers, accounts or contacts; name; field) -> value, and how many records the product made."""

    values: Mapping[Place, Any]
    made: Mapping[str, int]

    @classmethod
    def of(cls, shop: Shop) -> Self:
        rows = [*_customers(shop), *_accounts(shop), *_contacts(shop)]
        places = [(what, name, field) for what, name, row in rows for field in row]
        assert len(places) == len(set(places)), "two records have one name"
        return cls(
            {(what, name, field): row[field] for what, name, row in rows for field in row}, shop.made()
        )

    def differences(self, other: Self, *, but: Iterable[str] = (), counted: bool = True) -> list[str]:
        """What is different here, a line for each field; records named in `but` are left out.

        `counted`: the numbers of records made are compared too.
        """
        places = sorted({*self.values, *other.values})
        missing = object()
        fields = [
            f"{' / '.join(place)}: {self.values.get(place, 'missing')!r}, not {other.values.get(place, 'missing')!r}"
            for place in places
            if place[1] not in set(but)
            and self.values.get(place, missing) != other.values.get(place, missing)
        ]
        return fields + (
            [f"made {self.made}, not {other.made}"] if counted and self.made != other.made else []
        )


Row = tuple[str, str, Mapping[str, Any]]


def _customers(shop: Shop) -> list[Row]:
    return [
        ("customers", str(one["FullName"]), _without(one, CUSTOMER_STAMPS))
        for one in shop.company.customers()
    ]


def _accounts(shop: Shop) -> list[Row]:
    customers = {one["ListID"]: one["FullName"] for one in shop.company.customers()}
    contacts = {row["Id"]: row["LastName"] for row in shop.crm.records("Contact")}
    pointing = {"QB_ListID__c": customers, "QB_Primary_Contact__c": contacts}
    return [
        ("accounts", str(row["Name"]), _pointing(_without(row, ROW_STAMPS), pointing))
        for row in shop.crm.records("Account")
    ]


def _contacts(shop: Shop) -> list[Row]:
    accounts = {row["Id"]: row["Name"] for row in shop.crm.records("Account")}
    return [
        ("contacts", str(row["LastName"]), _pointing(_without(row, ROW_STAMPS), {"AccountId": accounts}))
        for row in shop.crm.records("Contact")
    ]


def _without(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _pointing(row: Mapping[str, Any], names: Mapping[str, Mapping[Any, Any]]) -> dict[str, Any]:
    """Ids turned into the names of what they are the ids of; an id of nothing stays."""
    return {field: names.get(field, {}).get(value, value) for field, value in row.items()}
