"""Believable accounts and contacts, the same ones for the same seed."""

import random

from crm.emulators.people import Company, companies

from .org import Org
from .schema import SObject

_TITLES = ("Owner", "Accounts Payable", "Office Manager", "Controller", "Purchasing")


def seed_accounts(org: Org, count: int, seed: int = 1, *, awkward: bool = False) -> list[str]:
    """Make accounts, three in five with a primary contact, all "To be Linked"; the ids in order.

    `awkward` appends the ones that are hard for QuickBooks: see `AWKWARD`.
    """
    chance = random.Random(seed)
    made = [_account(org, company, chance) for company in companies(count, chance)]
    if awkward:
        made += [_awkward(org, dict(values)) for values in AWKWARD]
    return made


AWKWARD: tuple[dict[str, object], ...] = (
    {"Name": "Amalgamated " + "Consolidated Holdings and Sons " * 2 + "of Greater Springfield LLC"},
    {"Name": "Tasty Bites \N{HOT DOG}\N{SPARKLES} Catering"},
    {"Name": "Empty Phone Plumbing", "Phone": "", "BillingStreet": "1 Main St\r\nRear Entrance"},
    {"Name": "Colon: Hyphen - Co.", "BillingStreet": "A\nB\nC\nD\nE\nF"},
    {"Name": "\N{CJK UNIFIED IDEOGRAPH-6771}\N{CJK UNIFIED IDEOGRAPH-4EAC} Trading", "Phone": "+81 3 123"},
    {"Name": 'Ampersand & <Brackets> "Quoted" O\'Neil'},
)


def _awkward(org: Org, values: dict[str, object]) -> str:
    values["Name"] = str(values["Name"])[:100]
    return org.create("Account", {**values, "QB_Link_Status__c": "To be Linked"})


def _account(org: Org, company: Company, chance: random.Random) -> str:
    row_id = org.create("Account", _account_values(company))
    if chance.random() < 0.6:
        contact = org.create("Contact", _contact_values(company, row_id, chance))
        org.writes.change(_object(org, "Account"), row_id, {"QB_Primary_Contact__c": contact})
    return row_id


def _account_values(company: Company) -> dict[str, object]:
    site = company.address
    billing = {
        "BillingStreet": site.street,
        "BillingCity": site.city,
        "BillingState": site.state,
        "BillingPostalCode": site.postal_code,
        "BillingCountry": "USA",
    }
    shipping = {name.replace("Billing", "Shipping"): value for name, value in billing.items()}
    return {
        "Name": company.name,
        "Phone": company.phone,
        "Website": f"https://www.{company.domain}",
        "AccountNumber": company.number,
        "Type": "Customer - Direct",
        "QB_Link_Status__c": "To be Linked",
        **billing,
        **(shipping if company.ships_there else {}),
    }


def _contact_values(company: Company, account_id: str, chance: random.Random) -> dict[str, object]:
    return {
        "AccountId": account_id,
        "FirstName": company.person.first,
        "LastName": company.person.last,
        "Email": company.person.email(company.domain),
        "Phone": company.phone,
        "Title": chance.choice(_TITLES),
    }


def _object(org: Org, name: str) -> SObject:
    item = org.schema.find(name)
    if item is None:
        raise LookupError(f"this organisation has no {name}")
    return item
