"""CRMs that sell: products with prices, opportunities with lines, and somebody who works there beside the gateway.

One class per vendor and one line in SHOPS; test_parts_contract and test_write_many_contract run over all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from crm.emulators.salesforce import SalesforceEmulator
from crm.http import Retries
from crm.memory import MemoryGateway
from crm.port import FieldInfo, Gateway, Record, Values, Write
from crm.salesforce import open_gateway
from tests.crm.worlds import ACCOUNT

KEY = "QB_SyncKey__c"
PRICE = "StandardPrice"
CONTACT = "PrimaryContactId"

DEAL = {"Name": "Roof", "StageName": "Qualification", "CloseDate": "2026-12-01"}
KEY_FIELD = FieldInfo(KEY, "text", 80, unique=True, external_key=True)
FIELDS = {
    "account": ACCOUNT,
    "product": (FieldInfo("Name", "text", 255, required=True), KEY_FIELD, FieldInfo(PRICE, "decimal")),
    "opportunity": (
        FieldInfo("Name", "text", 120, required=True),
        FieldInfo("QB_RefNumber__c", "text", 21),
        FieldInfo("StageName", "choice", 255),
        FieldInfo("CloseDate", "date"),
        KEY_FIELD,
        FieldInfo(CONTACT, "reference", writable=False),
        *(FieldInfo(f"lines.{name}", "decimal") for name in ("Quantity", "UnitPrice")),
        FieldInfo("lines.Product2Id", "reference", 18),
        FieldInfo("lines.QB_TxnLineID__c", "text", 41),
        FieldInfo("lines.Description", "text", 255),
    ),
}


class Shop(Protocol):
    gateway: Gateway
    # An id in the vendor's form that no line has.
    no_line: str

    def product(self, name: str, price: str | None = None) -> str: ...

    def reprice(self, product_id: str, price: str) -> None: ...

    def deal(self, *lines: tuple[str, int, str]) -> str:
        """An opportunity with lines of (product, quantity, unit price), in that order."""
        ...

    def change_line(self, deal_id: str, place: int, values: Values) -> None: ...

    def drop_line(self, deal_id: str, place: int) -> None: ...

    def person(self, deal_id: str, name: str) -> str:
        """A new primary contact of the opportunity; its id."""
        ...

    def nobody(self, deal_id: str) -> None:
        """The opportunity has no primary contact any more."""
        ...

    def account(self, values: Values) -> str: ...

    def rename(self, record_id: str, name: str) -> None: ...

    def remove(self, record_id: str) -> None: ...

    def later(self) -> None: ...

    def close(self) -> None: ...


class MemoryShop:
    no_line = "opportunity-0-line-0"

    def __init__(self) -> None:
        self.gateway = MemoryGateway(FIELDS, page_size=2)

    def product(self, name: str, price: str | None = None) -> str:
        return self.gateway.user_create("product", {"Name": name, PRICE: price and Decimal(price)})

    def reprice(self, product_id: str, price: str) -> None:
        self.gateway.user_edit("product", product_id, {PRICE: Decimal(price)})

    def deal(self, *lines: tuple[str, int, str]) -> str:
        rows = [_line(product, quantity, price) for product, quantity, price in lines]
        return self.gateway.user_create("opportunity", {**DEAL, "lines": rows})

    def change_line(self, deal_id: str, place: int, values: Values) -> None:
        lines = self._lines(deal_id)
        lines[place] |= values
        self.gateway.user_edit("opportunity", deal_id, {"lines": lines})

    def drop_line(self, deal_id: str, place: int) -> None:
        lines = self._lines(deal_id)
        del lines[place]
        self.gateway.user_edit("opportunity", deal_id, {"lines": lines})

    def _lines(self, deal_id: str) -> list[dict[str, Any]]:
        return [dict(line) for line in self.gateway.record("opportunity", deal_id).values["lines"]]  # type: ignore[union-attr,arg-type]

    def person(self, deal_id: str, name: str) -> str:
        person = self.gateway.user_create("contact", {"LastName": name})
        self.gateway.user_edit("opportunity", deal_id, {CONTACT: person})
        return person

    def nobody(self, deal_id: str) -> None:
        self.gateway.user_edit("opportunity", deal_id, {CONTACT: None})

    def account(self, values: Values) -> str:
        return self.gateway.user_create("account", values)

    def rename(self, record_id: str, name: str) -> None:
        self.gateway.user_edit(record_id.partition("-")[0], record_id, {"Name": name})

    def remove(self, record_id: str) -> None:
        self.gateway.user_delete(record_id.partition("-")[0], record_id)

    def later(self) -> None:
        """Each change has a second of its own."""

    def close(self) -> None:
        self.gateway.close()


class SalesforceShop:
    """An organisation whose clock stands unless a test lets it go on."""

    no_line = "00kQy00000000zzIAC"

    def __init__(self, *, roll_ups_stamp: bool = True, **options: Any) -> None:
        self.org = SalesforceEmulator(clock=lambda: datetime(2026, 11, 22, 10, 0, 30, tzinfo=UTC)).start()
        self._entries: dict[str, str] = {}
        self.org.org.writes.roll_ups_stamp = roll_ups_stamp
        given = self.org.credentials()
        secret = {name: given[name] for name in ("consumer_key", "consumer_secret")}
        options = {"page_size": 2, "retries": Retries(sleep=lambda _: None), **options}
        self.gateway = open_gateway(self.org.url, secret, **options)

    def product(self, name: str, price: str | None = None) -> str:
        made = self.org.create("Product2", {"Name": name, "IsActive": True})
        if price is not None:
            self.priced(made, price)
        return made

    def priced(self, product_id: str, price: str) -> str:
        (book,) = [row["Id"] for row in self.org.records("Pricebook2") if row["IsStandard"]]
        entry = {
            "Pricebook2Id": book,
            "Product2Id": product_id,
            "UnitPrice": Decimal(price),
            "IsActive": True,
        }
        self._entries[product_id] = self.org.create("PricebookEntry", entry)
        return self._entries[product_id]

    def entry(self, product_id: str, price: str = "1") -> str:
        return self._entries.get(product_id) or self.priced(product_id, price)

    def reprice(self, product_id: str, price: str) -> None:
        self.org.edit(self.entry(product_id), {"UnitPrice": Decimal(price)})

    def deal(self, *lines: tuple[str, int, str]) -> str:
        made = self.org.create("Opportunity", DEAL)
        for place, (product, quantity, price) in enumerate(lines):
            line = {"OpportunityId": made, "SortOrder": place + 1}
            line["PricebookEntryId"] = self.entry(product, price)
            self.org.create(
                "OpportunityLineItem", {**line, "Quantity": quantity, "UnitPrice": Decimal(price)}
            )
        return made

    def line_id(self, deal_id: str, place: int) -> str:
        rows = [row for row in self.org.records("OpportunityLineItem") if not row["IsDeleted"]]
        mine = [row for row in rows if row["OpportunityId"] == deal_id]
        return str(sorted(mine, key=lambda row: int(str(row["SortOrder"])))[place]["Id"])

    def change_line(self, deal_id: str, place: int, values: Values) -> None:
        self.org.edit(self.line_id(deal_id, place), values)

    def drop_line(self, deal_id: str, place: int) -> None:
        self.org.delete(self.line_id(deal_id, place))

    def person(self, deal_id: str, name: str) -> str:
        person = self.org.create("Contact", {"LastName": name})
        role = {"OpportunityId": deal_id, "ContactId": person, "IsPrimary": True}
        self.org.create("OpportunityContactRole", role)
        return person

    def nobody(self, deal_id: str) -> None:
        for role in self.org.records("OpportunityContactRole"):
            if role["OpportunityId"] == deal_id and role["IsPrimary"]:
                self.org.edit(str(role["Id"]), {"IsPrimary": False})

    def account(self, values: Values) -> str:
        return self.org.create("Account", values)

    def rename(self, record_id: str, name: str) -> None:
        self.org.edit(record_id, {"Name": name})

    def remove(self, record_id: str) -> None:
        self.org.delete(record_id)

    def later(self) -> None:
        """More than the two minutes that a question about deletions must span."""
        self.org.advance(150)

    def close(self) -> None:
        self.gateway.close()
        self.org.stop()


def _line(product: str, quantity: int, price: str) -> dict[str, Any]:
    return {"Product2Id": product, "Quantity": Decimal(quantity), "UnitPrice": Decimal(price)}


SHOPS: Mapping[str, Callable[[], Shop]] = {
    "memory": MemoryShop,
    "salesforce": SalesforceShop,
    # Where sums are kept without touching their record.
    "salesforce, silent sums": lambda: SalesforceShop(roll_ups_stamp=False),
}


def read_one(shop: Shop, kind: str, record_id: str, *fields: str) -> Record:
    (record,) = shop.gateway.read(kind, [record_id], fields)
    return record


def changes(shop: Shop, kind: str, fields: Sequence[str], watermark: str | None) -> dict[str, Record]:
    pages = shop.gateway.changed_since(kind, fields, watermark)
    return {record.id: record for page in pages for record in page.records}


def mark(shop: Shop, kind: str, fields: Sequence[str] = ("Name",)) -> str:
    """The watermark of a pass made in the middle of a quiet time, long enough that nothing is told again."""
    for _ in range(3):
        shop.later()
    *_, last = shop.gateway.changed_since(kind, fields, None)
    assert last.watermark is not None
    shop.later()
    return last.watermark


def write_all(shop: Shop, kind: str, *writes: Write) -> list[Any]:
    return list(shop.gateway.write_many(kind, writes))
