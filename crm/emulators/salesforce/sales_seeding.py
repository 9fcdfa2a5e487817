"""Believable products with prices and opportunities with lines, the same ones for the same seed."""

import random
from datetime import timedelta
from decimal import Decimal

from .org import Org
from .rows import Row
from .sales_rules import standard_book

_THINGS = (
    "Copper Pipe",
    "Ball Valve",
    "Cedar Shingle",
    "Oak Panel",
    "Door Hinge",
    "Paint, White",
    "LED Fixture",
)
_SIZES = ('1/2"', '3/4"', "Small", "Medium", "Large", "No. 8", "10 ft")
_SERVICES = ("Installation", "Inspection", "Delivery", "Consulting", "Repair")
_TYPES = ("Inventory Part", "Non-inventory Part")
_DOCUMENTS = ("Invoice", "Sales Order")
_TO_DO = "To be Linked"


def seed_products(org: Org, count: int, seed: int = 1) -> list[str]:
    """Ids of products with standard prices, one in four a service, all "To be Linked"."""
    chance = random.Random(seed)
    book = standard_book(org.rows)
    if book is None:
        raise LookupError("this organisation has no standard price book")
    return [_product(org, place, book, chance) for place in range(count)]


def _product(org: Org, place: int, book: Row, chance: random.Random) -> str:
    service = place % 4 == 3
    base = chance.choice(_SERVICES) if service else f"{chance.choice(_THINGS)} {chance.choice(_SIZES)}"
    values = {
        "Name": f"{base} {place + 1}",
        "ProductCode": f"P-{place + 1:04d}",
        "Description": f"{base}, as quoted",
        "IsActive": True,
        "QB_Item_Type__c": "Service" if service else chance.choice(_TYPES),
        "QB_Link_Status__c": _TO_DO,
    }
    made = org.create("Product2", values)
    price = Decimal(chance.randrange(100, 50_000)) / 100
    entry = {"Pricebook2Id": book.id, "Product2Id": made, "UnitPrice": price, "IsActive": True}
    org.create("PricebookEntry", entry)
    return made


def seed_opportunities(org: Org, count: int, seed: int = 1) -> list[str]:
    """Ids of won opportunities of the accounts that are there, with one to four lines of the products that are there,
    a primary contact where the account has one, to become invoices and sales orders in turn."""
    chance = random.Random(seed)
    accounts = [row for row in org.rows.every("Account") if row.live]
    entries = [row for row in org.rows.every("PricebookEntry") if row.live and row.values["IsActive"]]
    if not (accounts and entries):
        raise LookupError("opportunities need accounts and products; seed those first")
    return [_opportunity(org, place, chance.choice(accounts), entries, chance) for place in range(count)]


def _opportunity(org: Org, place: int, account: Row, entries: list[Row], chance: random.Random) -> str:
    closed = org.clock.now().date() - timedelta(days=chance.randrange(30))
    values = {
        "Name": f"{str(account.values['Name'])[:100]} #{place + 1}",
        "AccountId": account.id,
        "StageName": "Closed Won",
        "CloseDate": closed.isoformat(),
        "QB_Generate__c": _DOCUMENTS[place % 2],
        "QB_Link_Status__c": _TO_DO,
    }
    made = org.create("Opportunity", values)
    for number, entry in enumerate(chance.sample(entries, min(len(entries), chance.randrange(1, 5))), 1):
        line = {"OpportunityId": made, "PricebookEntryId": entry.id, "SortOrder": number}
        amount = {"Quantity": chance.randrange(1, 20), "UnitPrice": entry.values["UnitPrice"]}
        org.create("OpportunityLineItem", {**line, **amount, "Description": f"Line {number}"})
    contacts = org.rows.pointing("Contact", "AccountId", account.id)
    if contacts:
        role = {"OpportunityId": made, "ContactId": contacts[0].id, "IsPrimary": True}
        org.create("OpportunityContactRole", role)
    return made
