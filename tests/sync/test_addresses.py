"""Names above the street, and the company name that is a copy of the name: who changes what when a name changes."""

from __future__ import annotations

from typing import Any

from tests.sync.world import World

STREET = {"BillingStreet": "12 Main Street", "BillingCity": "Dover"}


def lines_of(customer: dict[str, Any]) -> list[str]:
    address = customer.get("BillAddress", {})
    return [address[f"Addr{n}"] for n in range(1, 6) if address.get(f"Addr{n}")]


def test_a_customer_made_from_the_crm_is_renamed_there_with_its_company_name_and_address(
    world: World,
) -> None:
    account = world.account("Ann's Bakery", promoted=True, **STREET)
    world.quiet()
    world.edit_account(account, Name="Ann's Patisserie")
    world.quiet()
    customer = world.in_books("Ann's Patisserie")
    assert customer["CompanyName"] == "Ann's Patisserie"
    assert lines_of(customer) == ["Ann's Patisserie", "12 Main Street"]
    assert world.in_crm(account)["BillingStreet"] == "12 Main Street"


def test_a_company_name_that_quickbooks_holds_on_its_own_stays_when_the_account_is_renamed(
    world: World,
) -> None:
    list_id = world.customer("Remodel", CompanyName="Babcock's Music Shop", Phone="555-0100")
    world.quiet()
    world.edit_account(world.account_named("Remodel"), Name="Remodel 2")
    world.quiet()
    customer = world.in_books(list_id)
    assert (customer["Name"], customer["CompanyName"]) == ("Remodel 2", "Babcock's Music Shop")


def test_a_customer_without_a_company_name_gets_none_from_a_link(world: World) -> None:
    list_id = world.customer("Ann Lee")
    world.account("Ann Lee", promoted=True)
    world.quiet()
    assert "CompanyName" not in world.in_books(list_id)
    assert world.books_writes() == 0
