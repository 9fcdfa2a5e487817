"""Salesforce as its users see it, in the words of the port."""

from decimal import Decimal
from typing import Any

from crm.emulators.salesforce import SalesforceEmulator
from tests.fire.acts import Row, Values

OBJECTS = {
    "account": "Account",
    "contact": "Contact",
    "product": "Product2",
    "opportunity": "Opportunity",
    "invoice": "QB_Invoice__c",
}


class EmulatorDesk:
    """A price stands in a price book, lines below their opportunity."""

    def __init__(self, crm: SalesforceEmulator) -> None:
        self._crm = crm

    def rows(self, kind: str) -> list[Row]:
        living = [row for row in self._crm.records(OBJECTS[kind]) if not row.get("IsDeleted")]
        if kind != "product":
            return [(str(row["Id"]), dict(row)) for row in living]
        prices = {row["Product2Id"]: row["UnitPrice"] for row in self._crm.records("PricebookEntry")}
        return [(str(row["Id"]), {**row, "StandardPrice": prices.get(row["Id"])}) for row in living]

    def create(self, kind: str, values: Values, *, late: bool = False) -> str:
        if kind == "opportunity":
            return self._opportunity(values)
        made = self._crm.create(OBJECTS[kind], _without(values, "StandardPrice"))
        if kind == "product":
            entry = {"Pricebook2Id": self._book(), "Product2Id": made, "IsActive": True}
            self._crm.create("PricebookEntry", {**entry, "UnitPrice": Decimal(values["StandardPrice"])})
        return made

    def edit(self, kind: str, record_id: str, values: Values) -> None:
        if "StandardPrice" in values:
            entries = self._crm.records("PricebookEntry")
            entry = next(row for row in entries if row["Product2Id"] == record_id)
            self._crm.edit(str(entry["Id"]), {"UnitPrice": values["StandardPrice"]})
        else:
            self._crm.edit(record_id, values)

    def delete(self, kind: str, record_id: str) -> None:
        self._crm.delete(record_id)

    def _book(self) -> str:
        return next(str(row["Id"]) for row in self._crm.records("Pricebook2") if row["IsStandard"])

    def _opportunity(self, values: Values) -> str:
        """The lines first, the wish for a document last: half an opportunity is nobody's."""
        own = _without(values, "lines", "Amount", "Pricebook2.IsStandard", "QB_Generate__c")
        made = self._crm.create(
            "Opportunity", {**own, "CloseDate": str(own["CloseDate"]), "StageName": "Closed Won"}
        )
        entries = {row["Product2Id"]: row["Id"] for row in self._crm.records("PricebookEntry")}
        for number, line in enumerate(values["lines"], 1):
            entry = {
                "OpportunityId": made,
                "PricebookEntryId": entries[line["Product2Id"]],
                "SortOrder": number,
            }
            amounts = {"Quantity": line["Quantity"], "UnitPrice": line["UnitPrice"]}
            self._crm.create("OpportunityLineItem", {**entry, **amounts})
        self._crm.edit(made, {"QB_Generate__c": values["QB_Generate__c"]})
        return made


def _without(values: Values, *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
