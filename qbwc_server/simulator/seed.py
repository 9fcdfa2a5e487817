"""Believable customers, items and sales for a company file, entered through the rules like a person would."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from qbwc_server.simulator.company import CompanyFile
from qbwc_server.simulator.errors import SimulatorError
from qbwc_server.simulator.seed_words import (
    FIRST_NAMES,
    JOBS,
    LAST_NAMES,
    MATERIALS,
    PLACES,
    STREETS,
    TASKS,
    TERMS,
    THINGS,
    TRADES,
)

CENT = Decimal("0.01")
# What a thing costs us of what we sell it for.
COST_SHARE = Decimal("0.55")
LINES, MOST_OF_ONE = 3, 5
# One invoice in so many stays unpaid, one in so many is paid in part.
UNPAID_SHARE, PART_SHARE = 3, 4
# One customer in so many is a company, one in so many has a job.
COMPANY_SHARE, JOB_SHARE = 2, 5


# Letters between first and last name, one customer in so many has one.
INITIALS, INITIAL_SHARE = "ABCDEFGHJKLMNPRSTW", 2
Taken = Callable[[str], bool]


@dataclass(frozen=True)
class Filled:
    """How many of each were entered."""

    customers: int = 0
    jobs: int = 0
    items: int = 0
    invoices: int = 0


def fill(
    company: CompanyFile, *, customers: int = 0, items: int = 0, invoices: int = 0, seed: int = 1
) -> Filled:
    """A company as it is after some years: customers with jobs, items, and invoices, most of them paid.

    The same seed on the same file makes the same company. Each kind is entered wholly or not at all.
    """
    before = company.count("Customer")
    added = len(seed_customers(company, customers, seed)) if customers else 0
    jobs = company.count("Customer") - before - added
    things = len(seed_items(company, items, seed)) if items else 0
    return Filled(added, jobs, things, len(seed_sales(company, invoices, seed)) if invoices else 0)


def seed_customers(company: CompanyFile, n: int, seed: int = 1) -> list[str]:
    """Adds n customers, about a fifth of them with a job besides; the ListIDs of the customers.

    The same seed on the same file makes the same people. All in one transaction: all of them or none.
    """
    chance = random.Random(seed)
    with company.transaction():
        people = _people(chance, n, lambda name: company.is_taken("Customer", name))
        return [_entered(company, chance, values) for values in people]


def _people(chance: random.Random, n: int, is_taken: Taken) -> Iterator[Mapping[str, Any]]:
    for _ in range(n):
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        middle = "" if chance.randrange(INITIAL_SHARE) else chance.choice(INITIALS)
        is_company = chance.randrange(COMPANY_SHARE) == 0
        partner = "" if chance.randrange(INITIAL_SHARE) else f" & {chance.choice(LAST_NAMES)}"
        person = f"{last}, {first} {middle}.".removesuffix(" .")
        name = _free(f"{last}{partner} {chance.choice(TRADES)}" if is_company else person, is_taken)
        values = {**_person(chance, first, last, name), **({"MiddleName": middle} if middle else {})}
        yield {**values, **({"CompanyName": name} if is_company else {})}


def _free(name: str, is_taken: Taken) -> str:
    """The name itself, or with the smallest number that makes it new."""
    candidate, number = name, 1
    while is_taken(candidate):
        number += 1
        candidate = f"{name} {number}"
    return candidate


def _person(chance: random.Random, first: str, last: str, name: str) -> dict[str, Any]:
    city, state, postal_code, area = chance.choice(PLACES)
    mailbox = "".join(
        letter for letter in f"{first}.{last}".lower() if letter.isascii() and letter not in "' "
    )
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
        "Phone": f"{area}-555-{chance.randrange(10000):04d}",
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
    with company.transaction():
        if not company.count("ItemSalesTax"):
            company.user_add({"Name": "County Tax", "TaxRate": Decimal("8.25")}, "ItemSalesTax")
        return [_entered_item(company, chance) for _ in range(n)]


def seed_sales(company: CompanyFile, n: int, seed: int = 1) -> list[str]:
    """Adds n invoices to the customers there are, most of them paid; their TxnIDs.

    Raises SimulatorError when there are no customers or no items yet: seed those first.
    """
    chance = random.Random(seed)
    customers = company.ids("Customer")
    items = [list_id for kind in ITEMS for list_id in company.ids(kind)]
    if not (customers and items):
        raise SimulatorError("Sales need customers and items. Seed those first.")
    with company.transaction():
        return [_sold(company, chance, customers, items) for _ in range(n)]


def _entered_item(company: CompanyFile, chance: random.Random) -> str:
    kind = chance.choice(tuple(ITEMS))
    price = Decimal(chance.randrange(100, 40_000)) * CENT
    words = TASKS if kind == "ItemService" else THINGS
    plain = f"{chance.choice(MATERIALS)} {chance.choice(words)}"
    name = _free(plain, lambda one: company.is_taken(kind, one))
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
