"""Records as each side holds them: what a person there would read on the screen, and nothing of the server's."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]

# Type of a product in Salesforce -> kind of item in QuickBooks.
ITEM_KINDS = {
    "Service": "ItemService",
    "Non-inventory Part": "ItemNonInventory",
    "Inventory Part": "ItemInventory",
}
# What an opportunity asks for -> kind of transaction in QuickBooks.
DOCUMENT_KINDS = {"Invoice": "Invoice", "Sales Order": "SalesOrder"}


def text(row: Row, name: str) -> str:
    return str(row.get(name) or "")


def money(row: Row, name: str) -> Decimal:
    """QuickBooks prints amounts as text; a currency field of Salesforce is a number, or empty."""
    return Decimal(row.get(name) or 0)


@dataclass(frozen=True)
class Account:
    """An account in Salesforce."""

    id: str
    name: str
    phone: str
    city: str
    status: str
    error: str
    list_id: str
    balance: Decimal

    @classmethod
    def of(cls, row: Row) -> "Account":
        return cls(
            row["Id"],
            row["Name"],
            text(row, "Phone"),
            text(row, "BillingCity"),
            text(row, "QB_Link_Status__c"),
            text(row, "QB_Sync_Error__c"),
            text(row, "QB_ListID__c"),
            money(row, "QB_Balance__c"),
        )


@dataclass(frozen=True)
class Customer:
    """A customer in QuickBooks."""

    list_id: str
    name: str
    phone: str
    city: str
    balance: Decimal

    @classmethod
    def of(cls, row: Row) -> "Customer":
        city = text(row.get("BillAddress") or {}, "City")
        return cls(row["ListID"], row["Name"], text(row, "Phone"), city, money(row, "Balance"))


@dataclass(frozen=True)
class Product:
    """A product in Salesforce, with its price in the standard price book."""

    id: str
    name: str
    kind: str
    price: Decimal
    status: str
    list_id: str

    @classmethod
    def of(cls, row: Row, price: Decimal) -> "Product":
        kind = ITEM_KINDS.get(text(row, "QB_Item_Type__c"), "")
        status = text(row, "QB_Link_Status__c")
        return cls(row["Id"], row["Name"], kind, price, status, text(row, "QB_ListID__c"))

    def seen(self) -> tuple[str, str, Decimal]:
        return self.kind, self.name, self.price


@dataclass(frozen=True)
class Item:
    """An item in QuickBooks; where its price stands depends on what kind it is, and on whether it is bought too."""

    list_id: str
    kind: str
    name: str
    price: Decimal

    @classmethod
    def of(cls, row: Row, kind: str) -> "Item":
        sold, both = row.get("SalesOrPurchase") or {}, row.get("SalesAndPurchase") or {}
        price = sold.get("Price") or both.get("SalesPrice") or row.get("SalesPrice") or 0
        return cls(row["ListID"], kind, row["Name"], Decimal(price))

    def seen(self) -> tuple[str, str, Decimal]:
        return self.kind, self.name, self.price


@dataclass(frozen=True)
class Line:
    """A line of an opportunity or of a document."""

    item: str
    quantity: Decimal
    amount: Decimal
    line_id: str


@dataclass(frozen=True)
class Opportunity:
    id: str
    name: str
    kind: str
    amount: Decimal
    status: str
    error: str
    txn_id: str
    number: str
    lines: tuple[Line, ...]

    @classmethod
    def of(cls, row: Row, lines: tuple[Line, ...]) -> "Opportunity":
        return cls(
            row["Id"],
            row["Name"],
            DOCUMENT_KINDS.get(text(row, "QB_Generate__c"), ""),
            money(row, "Amount"),
            text(row, "QB_Link_Status__c"),
            text(row, "QB_Sync_Error__c"),
            text(row, "QB_TxnID__c"),
            text(row, "QB_RefNumber__c"),
            lines,
        )


@dataclass(frozen=True)
class Document:
    """An invoice or a sales order in QuickBooks; a sales order is not paid, so its balance is nought."""

    kind: str
    txn_id: str
    number: str
    customer: str
    customer_id: str
    subtotal: Decimal
    tax: Decimal
    paid: Decimal
    balance: Decimal
    lines: tuple[Line, ...]

    @classmethod
    def of(cls, row: Row, kind: str) -> "Document":
        whose = row["CustomerRef"]
        return cls(
            kind,
            row["TxnID"],
            text(row, "RefNumber"),
            whose["FullName"],
            whose["ListID"],
            money(row, "Subtotal"),
            money(row, "SalesTaxTotal"),
            # QuickBooks shows what was applied to an invoice below zero.
            -money(row, "AppliedAmount"),
            money(row, "BalanceRemaining"),
            tuple(map(document_line, row.get(f"{kind}LineRet") or ())),
        )

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax


def document_line(row: Row) -> Line:
    item = text(row.get("ItemRef") or {}, "FullName")
    return Line(item, money(row, "Quantity"), money(row, "Amount"), row["TxnLineID"])


@dataclass(frozen=True)
class Invoice:
    """What Salesforce shows of an invoice in QuickBooks."""

    number: str
    txn_id: str
    account_id: str
    opportunity_id: str
    total: Decimal
    paid: Decimal
    balance: Decimal
    status: str

    @classmethod
    def of(cls, row: Row) -> "Invoice":
        return cls(
            text(row, "QB_Doc_Number__c"),
            text(row, "QB_TxnID__c"),
            text(row, "QB_Account__c"),
            text(row, "QB_Opportunity__c"),
            money(row, "QB_Total__c"),
            money(row, "QB_Paid__c"),
            money(row, "QB_Balance__c"),
            text(row, "QB_Status__c"),
        )
