"""Believable customers, items and sales for a company file, entered through the rules like a person would."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from qbwc_server.simulator.company import CompanyFile
from qbwc_server.simulator.errors import SimulatorError

FIRST_NAMES = (
    "Aaron",
    "Amelia",
    "Andre",
    "Beatriz",
    "Carla",
    "Chloë",
    "Daniel",
    "Denise",
    "Elena",
    "Frank",
    "Grace",
    "Hannah",
    "Ivan",
    "Jasmine",
    "José",
    "Karen",
    "Liam",
    "Marta",
    "Nadia",
    "Noah",
    "Olga",
    "Peter",
    "Quinn",
    "Rosa",
    "Samuel",
    "Tessa",
    "Umar",
    "Vera",
    "Walter",
    "Yvonne",
)
LAST_NAMES = (
    "Abbott",
    "Becker",
    "Castillo",
    "Dorsey",
    "Engström",
    "Fowler",
    "García",
    "Haines",
    "Iverson",
    "Jensen",
    "Keller",
    "Lindqvist",
    "Marsh",
    "Novak",
    "O'Brien",
    "Pruitt",
    "Quigley",
    "Ramírez",
    "Sato",
    "Tran",
    "Underhill",
    "Vance",
    "Whitaker",
    "Yates",
    "Zimmer",
)
TRADES = (
    "Plumbing",
    "Bakery",
    "Landscaping",
    "Dental Care",
    "Auto Repair",
    "Roofing",
    "Catering",
    "Interiors",
    "Electric",
    "Printing",
    "Cleaning",
    "Optics",
    "Carpentry",
    "Florists",
)
STREETS = ("Main St", "Oak Ave", "Cedar Ln", "2nd St", "Highland Dr", "Mill Rd", "Park Blvd", "River Way")
PLACES = (
    ("Springfield", "IL", "62701"),
    ("Portland", "OR", "97204"),
    ("Austin", "TX", "78701"),
    ("Burlington", "VT", "05401"),
    ("Savannah", "GA", "31401"),
    ("Boise", "ID", "83702"),
    ("Fresno", "CA", "93721"),
    ("Duluth", "MN", "55802"),
)
JOBS = ("Kitchen", "Office move", "Spring contract", "Remodel", "Warranty work", "Phase 2")
TERMS = ("Net 15", "Net 30", "Due on receipt")
MATERIALS = ("Oak", "Steel", "Brass", "Maple", "Copper", "Glass", "Linen", "Granite")
THINGS = ("Shelf", "Hinge", "Panel", "Lamp", "Table", "Frame", "Bracket", "Door", "Knob", "Tile")
TASKS = ("Installation", "Delivery", "Repair", "Design", "Inspection", "Cleaning")
CENT = Decimal("0.01")
# What a thing costs us of what we sell it for.
COST_SHARE = Decimal("0.55")
LINES, MOST_OF_ONE = 3, 5
# One invoice in so many stays unpaid, one in so many is paid in part.
UNPAID_SHARE, PART_SHARE = 3, 4
# One customer in so many is a company, one in so many has a job.
COMPANY_SHARE, JOB_SHARE = 2, 5


def seed(company: CompanyFile, n: int, seed: int = 1) -> list[str]:
    """Adds n customers, about a fifth of them with a job besides; the ListIDs of the customers.

    The same seed on the same file makes the same people. All in one transaction: all of them or none.
    """
    chance = random.Random(seed)
    taken = {customer["FullName"].lower() for customer in company.customers()}
    with company.transaction():
        return [_entered(company, chance, values) for values in _people(chance, n, taken)]


def _people(chance: random.Random, n: int, taken: set[str]) -> Iterator[Mapping[str, Any]]:
    for _ in range(n):
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        is_company = chance.randrange(COMPANY_SHARE) == 0
        name = _free(f"{last} {chance.choice(TRADES)}" if is_company else f"{last}, {first}", taken)
        yield {**_person(chance, first, last, name), **({"CompanyName": name} if is_company else {})}


def _free(name: str, taken: set[str]) -> str:
    """The name itself, or with the smallest number that makes it new."""
    candidate, number = name, 1
    while candidate.lower() in taken:
        number += 1
        candidate = f"{name} {number}"
    taken.add(candidate.lower())
    return candidate


def _person(chance: random.Random, first: str, last: str, name: str) -> dict[str, Any]:
    city, state, postal_code = chance.choice(PLACES)
    mailbox = "".join(
        letter for letter in f"{first}.{last}".lower() if letter.isascii() and letter not in "' "
    )
    phone = f"{chance.randrange(200, 990)}-555-{chance.randrange(10000):04d}"
    address = {
        "Addr1": name[:41],
        "Addr2": f"{chance.randrange(1, 9999)} {chance.choice(STREETS)}",
        "City": city,
        "State": state,
        "PostalCode": postal_code,
    }
    return {
        "Name": name,
        "FirstName": first,
        "LastName": last,
        "BillAddress": address,
        "ShipAddress": address,
        "Phone": phone,
        "Email": f"{mailbox}@example.com",
        "Contact": f"{first} {last}",
        "CustomerTypeRef": {"FullName": chance.choice(("Commercial", "Residential"))},
        "TermsRef": {"FullName": chance.choice(TERMS)},
        "SalesTaxCodeRef": {"FullName": "Tax"},
    }


def _entered(company: CompanyFile, chance: random.Random, values: Mapping[str, Any]) -> str:
    list_id = company.user_add(values)
    if chance.randrange(JOB_SHARE) == 0:
        company.user_add(
            {"Name": chance.choice(JOBS), "ParentRef": {"ListID": list_id}, "JobStatus": "Awarded"}
        )
    return list_id


def seed_items(company: CompanyFile, n: int, seed: int = 1) -> list[str]:
    """Adds n items (services, things kept in stock, things that are not) and a sales tax item; the ListIDs of the n.

    The same seed on the same file makes the same items. All in one transaction: all of them or none.
    """
    chance = random.Random(seed)
    taken = {item["Name"].lower() for kind in ITEMS for item in company.elements(kind)}
    with company.transaction():
        if not company.elements("ItemSalesTax"):
            company.user_add({"Name": "County Tax", "TaxRate": Decimal("8.25")}, "ItemSalesTax")
        return [_entered_item(company, chance, taken) for _ in range(n)]


def seed_sales(company: CompanyFile, n: int, seed: int = 1) -> list[str]:
    """Adds n invoices to the customers there are, most of them paid; their TxnIDs.

    Raises SimulatorError when there are no customers or no items yet: seed those first.
    """
    chance = random.Random(seed)
    customers = [one["ListID"] for one in company.customers()]
    items = [one["ListID"] for kind in ITEMS for one in company.elements(kind)]
    if not (customers and items):
        raise SimulatorError("Sales need customers and items. Seed those first.")
    with company.transaction():
        return [_sold(company, chance, customers, items) for _ in range(n)]


def _entered_item(company: CompanyFile, chance: random.Random, taken: set[str]) -> str:
    kind = chance.choice(tuple(ITEMS))
    price = Decimal(chance.randrange(100, 40_000)) * CENT
    words = TASKS if kind == "ItemService" else THINGS
    name = _free(f"{chance.choice(MATERIALS)} {chance.choice(words)}", taken)
    return company.user_add({"Name": name, **ITEMS[kind](name, price)}, kind)


def _traded(name: str, price: Decimal) -> dict[str, Any]:
    form = {"Desc": name, "Price": price, "AccountRef": {"FullName": "Sales"}}
    return {"SalesTaxCodeRef": {"FullName": "Tax"}, "SalesOrPurchase": form}


def _worked(name: str, price: Decimal) -> dict[str, Any]:
    form = {"Desc": name, "Price": price, "AccountRef": {"FullName": "Services"}}
    return {"SalesTaxCodeRef": {"FullName": "Non"}, "SalesOrPurchase": form}


def _stocked(name: str, price: Decimal) -> dict[str, Any]:
    return {
        "SalesTaxCodeRef": {"FullName": "Tax"},
        "SalesDesc": name,
        "SalesPrice": price,
        "IncomeAccountRef": {"FullName": "Sales"},
        "PurchaseCost": (price * COST_SHARE).quantize(CENT),
        "COGSAccountRef": {"FullName": "Cost of Goods Sold"},
        "AssetAccountRef": {"FullName": "Inventory Asset"},
        "QuantityOnHand": Decimal(100),
    }


ITEMS: Mapping[str, Callable[[str, Decimal], dict[str, Any]]] = {
    "ItemService": _worked,
    "ItemNonInventory": _traded,
    "ItemInventory": _stocked,
}


def _sold(company: CompanyFile, chance: random.Random, customers: Sequence[str], items: Sequence[str]) -> str:
    customer = chance.choice(customers)
    lines = [
        {"ItemRef": {"ListID": chance.choice(items)}, "Quantity": Decimal(chance.randint(1, MOST_OF_ONE))}
        for _ in range(chance.randint(1, LINES))
    ]
    txn_id = company.user_add({"CustomerRef": {"ListID": customer}, "InvoiceLineAdd": lines}, "Invoice")
    if chance.randrange(UNPAID_SHARE):
        due = Decimal(company.txn("Invoice", txn_id)["BalanceRemaining"])
        paid = due if chance.randrange(PART_SHARE) else (due / 2).quantize(CENT)
        company.take_payment(customer=customer, amount=paid, invoice=txn_id, method="Check")
    return txn_id
