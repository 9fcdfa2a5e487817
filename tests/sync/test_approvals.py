"""New records beyond the limit: what is counted, what is left alone, and how many approvals it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from qbwc_server.sync import person
from tests.sync.shop import SETTINGS, mirrors
from tests.sync.world import World

Build = Callable[..., World]


def limited(build: Build, **override: Any) -> World:
    return build(documents=True, override={"settings": SETTINGS, "limits": {"creates": 5}} | override)


def invoice(world: World, customer: str, **values: Any) -> str:
    world.clock.advance(seconds=1)
    line = {"ItemRef": {"FullName": "Work"}, "Quantity": Decimal(1), "Rate": Decimal(10)}
    return world.company.user_add(
        {"CustomerRef": {"ListID": customer}, "InvoiceLineAdd": [line]} | values, "Invoice"
    )


def stock(world: World) -> str:
    customer = world.customer("Ann")
    given = {"SalesOrPurchase": {"Price": Decimal(10), "AccountRef": {"FullName": "Sales"}}}
    world.company.user_add({"Name": "Work"} | given, "ItemService")
    return customer


def test_the_invoices_of_the_first_read_ask_nobody_and_stop_nobody(build: Build) -> None:
    shop = limited(build)
    customer = stock(shop)
    for _ in range(12):
        invoice(shop, customer)
    shop.sync(2)
    account = shop.account("Promoted today", promoted=True)
    shop.quiet()
    assert len(mirrors(shop)) == 12
    assert shop.jobs("proposed") == []
    assert shop.status(account) == ("Success", None)


def test_what_is_proposed_or_cancelled_is_counted_by_nobody(build: Build) -> None:
    shop = limited(build)
    accounts = [shop.account(f"Number {number} Corp", promoted=True) for number in range(9)]
    shop.sync(2)
    shown = Counter(job.state for job in shop.jobs() if job.kind == "Customer")
    assert shown == {"settled": 5, "proposed": 4}
    with shop.database.write() as tx:
        for job in shop.jobs("proposed"):
            person.approve(tx, person.By("Ann", shop.clock()), job.id)
    shop.quiet()
    assert {shop.status(one) for one in accounts} == {("Success", None)}


def test_new_records_of_one_kind_and_side_do_not_use_up_the_limit_of_another(build: Build) -> None:
    shop = limited(build)
    for number in range(5):
        shop.customer(f"Number {number} Corp")
    account = shop.account("Ann's Bakery", promoted=True)
    shop.quiet()
    assert shop.jobs("proposed") == []
    assert shop.status(account) == ("Success", None)


def test_old_invoices_on_which_nothing_is_open_stay_out_of_the_crm_where_somebody_wants_that(
    build: Build,
) -> None:
    shop = limited(build, kinds={"invoice_mirror": {"closed_within_days": 30}})
    customer = stock(shop)
    today = shop.clock().date()
    long_ago = today - timedelta(days=90)
    paid = [invoice(shop, customer, TxnDate=day) for day in (long_ago, today)]
    for one in paid:
        shop.company.take_payment(customer="Ann", amount="10", invoice=one)
    invoice(shop, customer, TxnDate=long_ago)
    shop.quiet()
    assert sorted((one["QB_Txn_Date__c"], one["QB_Balance__c"]) for one in mirrors(shop)) == [
        (long_ago, 10),
        (today, 0),
    ]
