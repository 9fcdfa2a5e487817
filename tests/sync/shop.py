"""Selling: products and opportunities of the CRM, items and taxes of QuickBooks, and what became of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from tests.sync.world import World

SETTINGS = {"income_account": "Sales", "expense_account": "Cost of Goods Sold"}
# Lines are taxed, a discount is taken off before tax, freight is not taxed.
TAXED = SETTINGS | {
    "discount_item": "Discount",
    "freight_item": "Freight",
    "write_in_item": "Write-in",
    "tax_code": "Tax",
    "discount_tax_code": "Tax",
    "freight_tax_code": "Non",
}


def stock_books(world: World, rate: str = "8.25") -> None:
    """The items that a bookkeeper sets up for discounts, freight, write-ins and the sales tax."""
    sold_for = {"SalesOrPurchase": {"AccountRef": {"FullName": "Sales"}}}
    world.company.user_add({"Name": "Discount", "AccountRef": {"FullName": "Sales"}}, "ItemDiscount")
    world.company.user_add({"Name": "Freight"} | sold_for, "ItemOtherCharge")
    world.company.user_add({"Name": "Write-in"} | sold_for, "ItemService")
    world.company.user_add({"Name": "County", "TaxRate": Decimal(rate)}, "ItemSalesTax")


def product(world: World, name: str, price: str, **values: Any) -> str:
    given = {"Name": name, "IsActive": True, "StandardPrice": Decimal(price), "QB_Item_Type__c": "Service"}
    return world.crm.user_create("product", given | values)


def opportunity(world: World, account: str | None, *lines: tuple[str | None, str, str], **values: Any) -> str:
    """Lines are (product, quantity, unit price); what Salesforce computes is computed here."""
    parts = [
        {
            "Product2Id": one,
            "Quantity": Decimal(quantity),
            "UnitPrice": Decimal(price),
            "TotalPrice": (Decimal(quantity) * Decimal(price)).quantize(Decimal("0.01")),
        }
        for one, quantity, price in lines
    ]
    given = {
        "Name": "Kitchen",
        "AccountId": account,
        "CloseDate": date(2026, 3, 1),
        "Pricebook2.IsStandard": True,
        "QB_Generate__c": "Invoice",
        "Amount": sum((one["TotalPrice"] for one in parts), Decimal(0)),
        "lines": parts,
    }
    return world.crm.user_create("opportunity", given | values)


def the_invoice(world: World) -> dict[str, Any]:
    [found] = world.company.txns("Invoice")
    return found


def status_of(world: World, kind: str, record_id: str) -> tuple[Any, Any]:
    values = world.crm.record(kind, record_id).values
    return values.get("QB_Link_Status__c"), values.get("QB_Sync_Error__c")


def sold(world: World, **values: Any) -> tuple[str, str, str]:
    """An opportunity over one product that became an invoice; ids of account, product and opportunity."""
    account, work = world.account("Ann's Bakery"), product(world, "Work", "100")
    sale = opportunity(world, account, (work, "1", "100"), **values)
    world.sync()
    world.quiet()
    return account, work, sale


def mirrors(world: World) -> list[dict[str, Any]]:
    return [dict(row.values) for row in world.crm.rows("invoice")]


def states(world: World, *kinds: str) -> list[tuple[str, str]]:
    return sorted((job.kind, job.state) for job in world.jobs(side="books") if not kinds or job.kind in kinds)
