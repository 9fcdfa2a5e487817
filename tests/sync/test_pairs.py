"""What a person does with pairs of every kind: link, create anyway; and what the pairs are called."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from qbwc_server.errors import Problem
from qbwc_server.store import parties
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import ConnectionRow, Link
from qbwc_server.sync import person
from tests.sync.shop import SETTINGS, opportunity, product, sold, status_of, the_invoice
from tests.sync.world import World


@pytest.fixture
def shop(build: Callable[..., World]) -> World:
    return build(documents=True, override={"settings": SETTINGS})


def item(world: World, name: str, kind: str) -> str:
    given = {"SalesOrPurchase": {"Price": Decimal(10), "AccountRef": {"FullName": "Sales"}}}
    return world.company.user_add({"Name": name} | given, kind)


def connection_in(tx: Tx) -> ConnectionRow:
    found = parties.connection(tx, "con")
    assert found is not None
    return found


def link_them(world: World, crm_id: str, books_id: str) -> Link:
    with world.database.write() as tx:
        return person.make(tx, person.By("Ann", world.clock()), connection_in(tx), crm_id, books_id)


def create(world: World, record_id: str, kind: str = "") -> Link:
    with world.database.write() as tx:
        return person.create(tx, person.By("Ann", world.clock()), connection_in(tx), record_id, kind)


@pytest.mark.parametrize(
    ("type_name", "kind"), [("Service", "ItemService"), ("Non-inventory Part", "ItemNonInventory")]
)
def test_a_product_is_linked_with_the_item_of_its_type(shop: World, type_name: str, kind: str) -> None:
    bolt = product(shop, "Bolzen", "10", QB_Item_Type__c=type_name)
    shop.sync()
    books_id = item(shop, "Bolt", kind)
    # Linked before the item has an account of its own in the CRM.
    shop.visit()
    made = link_them(shop, bolt, books_id)
    assert (made.role, made.books_kind) == ("item", kind)
    shop.quiet()
    assert status_of(shop, "product", bolt)[0] in ("Success", "Error")
    assert len(shop.crm.rows("product")) == 1


def test_an_opportunity_is_linked_with_the_order_or_the_invoice_that_a_person_names(shop: World) -> None:
    account, work, first = sold(shop)
    other = opportunity(shop, account, (work, "1", "100"), QB_Generate__c=None)
    shop.quiet()
    line = {"ItemRef": {"FullName": "Work"}, "Quantity": Decimal(1), "Rate": Decimal(100)}
    customer = {"CustomerRef": {"FullName": "Ann's Bakery"}}
    order = shop.company.user_add(customer | {"SalesOrderLineAdd": [line]}, "SalesOrder")
    shop.visit()
    with pytest.raises(Problem, match="A sale has one document"):
        link_them(shop, first, order)
    made = link_them(shop, other, order)
    assert (made.role, made.books_kind, made.books_id) == ("sales_order", "SalesOrder", order)
    shop.quiet()
    assert shop.crm.record("opportunity", other).values["QB_TxnID__c"] == order


def test_records_of_kinds_that_do_not_belong_together_are_not_linked(shop: World) -> None:
    bolt, account = product(shop, "Bolt", "10"), shop.account("Ann")
    shop.sync()
    customer = shop.customer("Bob")
    shop.visit()
    with pytest.raises(Problem, match="not the partner of a CRM product"):
        link_them(shop, bolt, customer)
    assert link_them(shop, account, customer).role == "customer"


def test_create_anyway_makes_a_product_of_its_own_type(shop: World) -> None:
    bolt = product(shop, "Bolt", "10", QB_Item_Type__c="Non-inventory Part")
    shop.sync()
    create(shop, bolt)
    shop.quiet()
    assert [one["Name"] for one in shop.company.elements("ItemNonInventory")] == ["Bolt"]


def test_create_anyway_makes_nothing_of_a_sale_for_which_nobody_chose_a_document(shop: World) -> None:
    sale = opportunity(
        shop, shop.account("Ann"), (product(shop, "Work", "10"), "1", "10"), QB_Generate__c=None
    )
    shop.sync()
    with pytest.raises(Problem, match="QB_Generate__c"):
        create(shop, sale)


def test_an_id_that_a_customer_and_an_item_share_is_asked_about(shop: World) -> None:
    shop.sync()
    customer = shop.customer("Ann")
    work = item(shop, "Work", "ItemService")
    assert customer == work
    shop.visit()
    with pytest.raises(Problem, match="several records: account, service_item"):
        create(shop, work)
    assert create(shop, work, "service_item").role == "item"


# --- names ---


def test_a_pair_is_called_by_the_name_that_its_record_has_now(world: World) -> None:
    account = world.account("Ann", promoted=True)
    world.quiet()
    world.edit_account(account, Name="Bob")
    world.quiet()
    assert [one.label for one in world.links()] == ["Bob"]


def test_a_mirrored_invoice_is_called_by_its_number_and_its_customer(shop: World) -> None:
    sold(shop)
    [mirror] = [one for one in shop.links() if one.crm_kind == "invoice"]
    assert mirror.label == f"Invoice {the_invoice(shop)['RefNumber']} of Ann's Bakery"
