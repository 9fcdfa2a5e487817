"""Many writes to an organisation that misbehaves, and how many calls they cost."""

import time
from decimal import Decimal
from types import SimpleNamespace

import pytest

from crm.emulators.salesforce import Fault
from crm.errors import LimitedUntil, LoginFailed, Misconfigured, Rejected, Stale, Unavailable, UnknownOutcome
from crm.port import Write, Written
from crm.salesforce import batches
from crm.salesforce.batches import Batches
from crm.salesforce.kinds import STANDARD_PRICE
from crm.salesforce.values import lent_value
from tests.crm.shops import KEY, PRICE, SalesforceShop, changes, mark, read_one, write_all


@pytest.fixture
def shop():
    made = SalesforceShop(page_size=2000)
    yield made
    made.close()


@pytest.fixture
def org(shop):
    return shop.org


def keyed(number, **values):
    return Write({"Name": f"n{number}", **values}, key=(KEY, f"acme:account:{number}"))


def calls(org, act):
    """Calls of the day that an action costs, logging in and describing aside."""
    org.counters.clear()
    act()
    free = ("token", "describe")
    return sum(
        count
        for kind, count in org.counters.calls.items()
        if kind not in free and not kind.startswith("composite:")
    )


def accounts(shop, count):
    ids = [shop.account({"Name": f"n{number}"}) for number in range(count)]
    return shop.gateway.read("account", ids, [])


def updates(found, **values):
    return [Write(values or {"Name": "ours"}, id=each.id, if_version=each.version) for each in found]


def live(org, object_name="Account"):
    return [row["Name"] for row in org.records(object_name) if not row["IsDeleted"]]


# What it costs


def test_two_hundred_creations_and_their_versions_are_one_call(shop, org):
    assert calls(org, lambda: write_all(shop, "account", *map(keyed, range(200)))) == 1
    assert calls(org, lambda: write_all(shop, "account", *map(keyed, range(400)))) == 2


def test_two_hundred_conditional_changes_are_a_look_and_a_call(shop, org):
    found = accounts(shop, 200)
    assert calls(org, lambda: write_all(shop, "account", *updates(found))) == 2


def test_changes_without_a_condition_are_one_call(shop, org):
    found = accounts(shop, 30)
    writes = [Write({"Name": "ours"}, id=each.id) for each in found]
    assert calls(org, lambda: write_all(shop, "account", *writes)) == 1


def test_products_and_prices_are_a_look_and_a_call(shop, org):
    def wave(price):
        return lambda: write_all(
            shop,
            "product",
            *(Write({"Name": f"p{n}", PRICE: Decimal(price)}, key=(KEY, f"p{n}")) for n in range(200)),
        )

    # Once, and for ever: which price book is the standard one.
    assert calls(org, wave(1)) == 3
    assert calls(org, wave(2)) == 2
    assert org.counters.verbs == {"update:Product2": 200, "update:PricebookEntry": 200}


def test_an_opportunity_and_its_lines_are_a_look_and_a_call(shop, org):
    deal = shop.deal((shop.product("Shingle"), 2, "10.50"), (shop.product("Slate"), 1, "99"))
    found = read_one(shop, "opportunity", deal, "lines")
    lines = [{**line, "QB_TxnLineID__c": "1"} for line in found.values["lines"]]
    write = {"QB_RefNumber__c": "1001", "lines": lines}
    assert calls(org, lambda: shop.gateway.update("opportunity", deal, write, found.version)) == 2


def test_opportunities_share_a_call_until_their_lines_fill_it(shop, org):
    products = [shop.product(f"p{n}", "1") for n in range(30)]
    deals = [shop.deal(*((each, 1, "1") for each in products)) for _ in range(8)]
    found = shop.gateway.read("opportunity", deals, ["lines"])
    writes = [
        Write(
            {
                "QB_RefNumber__c": "1",
                "lines": [{**line, "QB_TxnLineID__c": "1"} for line in each.values["lines"]],
            },
            id=each.id,
        )
        for each in found
    ]
    # 240 lines, of which a call holds 200.
    assert calls(org, lambda: write_all(shop, "opportunity", *writes)) == 2
    assert org.counters.verbs == {"update:Opportunity": 8, "update:OpportunityLineItem": 240}


def test_an_opportunity_of_more_lines_than_a_collection_holds_is_written_whole(shop, org):
    deal = shop.deal(*((shop.product(f"p{n}", "1"), 1, "1") for n in range(230)))
    found = read_one(shop, "opportunity", deal, "lines")
    lines = [{**line, "QB_TxnLineID__c": "1"} for line in found.values["lines"]]
    assert calls(org, lambda: shop.gateway.update("opportunity", deal, {"lines": lines}, found.version)) == 2
    assert org.counters.verbs == {"update:OpportunityLineItem": 230}


def test_a_quiet_pass_costs_as_much_with_parts_as_the_rows_below_need(shop, org):
    fields = {"account": ["Name"], "product": ["Name", PRICE], "opportunity": ["Name", "lines.Quantity"]}
    cost = {}
    for kind, names in fields.items():
        watermark = mark(shop, kind, names)
        cost[kind] = calls(org, lambda kind=kind, names=names, at=watermark: changes(shop, kind, names, at))
    # The time, deletions, rows; and everything below in one more, whatever there is of it.
    assert cost == {"account": 3, "product": 4, "opportunity": 4}


def test_hundreds_of_products_are_read_with_their_prices_in_one_page(shop, org):
    write_all(
        shop,
        "product",
        *(Write({"Name": f"p{n}", PRICE: Decimal(n)}, key=(KEY, f"p{n}")) for n in range(400)),
    )
    org.counters.clear()
    found = changes(shop, "product", ["Name", PRICE], None)
    assert {record.values[PRICE] for record in found.values()} == {Decimal(n) for n in range(400)}
    assert org.counters.calls["query"] == 1


# Conditions


def test_a_few_rows_carry_their_condition_into_the_call(shop, org, monkeypatch):
    found = accounts(shop, 3)
    look = Batches._look

    def intrude(self, batch):
        look(self, batch)
        org.advance(5)
        org.edit(found[1].id, {"Name": "by hand"})

    monkeypatch.setattr(Batches, "_look", intrude)
    outcomes = write_all(shop, "account", *updates(found))
    assert [type(each) for each in outcomes] == [Written, Stale, Written]
    assert live(org) == ["ours", "by hand", "ours"]


def test_a_price_carries_its_own_condition_into_the_call(shop, org, monkeypatch):
    shingle = shop.product("Shingle", "10.50")
    found = read_one(shop, "product", shingle, PRICE)
    look = Batches._look

    def intrude(self, batch):
        look(self, batch)
        org.advance(5)
        shop.reprice(shingle, "12.00")

    monkeypatch.setattr(Batches, "_look", intrude)
    with pytest.raises(Stale):
        shop.gateway.update("product", shingle, {"Name": "Tile", PRICE: Decimal("11.00")}, found.version)
    now = read_one(shop, "product", shingle, "Name", PRICE)
    assert (now.values["Name"], now.values[PRICE]) == ("Shingle", Decimal("12.00"))


def test_who_slept_between_look_and_write_looks_again(shop, org, monkeypatch):
    """More rows than can carry a condition, on a computer that was asleep for a minute."""
    found = accounts(shop, 30)
    slept, clock, once = [], time.monotonic, shop.gateway._batches._transport.composite

    def sleep(parts, doing, *, whole=False):
        if not slept:
            slept.append(60)
            org.advance(60)
            org.edit(found[1].id, {"Name": "by hand"})
        return once(parts, doing, whole=whole)

    monkeypatch.setattr(shop.gateway._batches._transport, "composite", sleep)
    monkeypatch.setattr(batches, "time", SimpleNamespace(monotonic=lambda: clock() + sum(slept)))
    outcomes = write_all(shop, "account", *updates(found))
    assert [type(each) for each in outcomes] == [Written, Stale, *[Written] * 28]
    assert live(org).count("by hand") == 1


def test_an_edit_right_after_our_write_is_not_taken_for_our_version(shop, org, monkeypatch):
    deal = shop.deal((shop.product("Shingle"), 2, "10.50"))
    found = read_one(shop, "opportunity", deal, "lines")
    look = Batches._look

    def intrude(self, batch):
        look(self, batch)
        org.advance(5)
        shop.change_line(deal, 0, {"Description": "by hand"})

    monkeypatch.setattr(Batches, "_look", intrude)
    written = shop.gateway.update("opportunity", deal, {"QB_RefNumber__c": "1001"}, found.version)
    monkeypatch.setattr(Batches, "_look", look)
    assert written.version != read_one(shop, "opportunity", deal).version
    with pytest.raises(Stale):
        shop.gateway.update("opportunity", deal, {"QB_RefNumber__c": "1002"}, written.version)


# Answers that are lost


@pytest.mark.parametrize("after_commit", [True, False])
def test_a_lost_answer_to_upserts_never_makes_two(shop, org, after_commit):
    org.arm(Fault("drop", "composite", after_commit=after_commit))
    outcomes = write_all(shop, "account", *map(keyed, range(3)))
    assert live(org) == ["n0", "n1", "n2"]
    found = shop.gateway.read("account", [each.id for each in outcomes], [])
    assert [each.version for each in outcomes] == [each.version for each in found]


@pytest.mark.parametrize("after_commit", [True, False])
def test_a_lost_answer_to_products_never_makes_two_prices(shop, org, after_commit):
    org.arm(Fault("drop", "composite", after_commit=after_commit))
    writes = [Write({"Name": f"p{n}", PRICE: Decimal(n)}, key=(KEY, f"p{n}")) for n in range(3)]
    outcomes = write_all(shop, "product", *writes)
    assert [type(each) for each in outcomes] == [Written] * 3
    assert [row["UnitPrice"] for row in org.records("PricebookEntry")] == [0, 1, 2]


@pytest.mark.parametrize("after_commit", [True, False])
@pytest.mark.parametrize("count", [3, 30])
def test_a_lost_answer_to_changes_ends_in_one_change_each(shop, org, after_commit, count):
    found = accounts(shop, count)
    org.advance(60)
    org.counters.clear()
    org.arm(Fault("drop", "composite", after_commit=after_commit))
    outcomes = write_all(shop, "account", *updates(found))
    assert [type(each) for each in outcomes] == [Written] * count
    assert live(org) == ["ours"] * count
    assert org.counters.verbs == {"update:Account": count}


def test_a_lost_answer_never_overwrites_what_a_user_did_meanwhile(shop, org, monkeypatch):
    found = accounts(shop, 2)
    org.advance(60)
    org.arm(Fault("drop", "composite"))
    look = Batches._look_after_doubt

    def intrude(self, batch):
        org.advance(5)
        org.edit(found[0].id, {"Name": "by hand"})
        look(self, batch)

    monkeypatch.setattr(Batches, "_look_after_doubt", intrude)
    outcomes = write_all(shop, "account", *updates(found))
    assert [type(each) for each in outcomes] == [Stale, Written]
    assert live(org) == ["by hand", "ours"]


@pytest.mark.parametrize("after_commit", [True, False])
def test_a_lost_answer_to_lines_is_looked_up_in_them(shop, org, after_commit):
    deal = shop.deal((shop.product("Shingle"), 2, "10.50"))
    found = read_one(shop, "opportunity", deal, "lines")
    org.advance(60)
    org.counters.clear()
    org.arm(Fault("drop", "composite", after_commit=after_commit))
    lines = [{**line, "QB_TxnLineID__c": "1"} for line in found.values["lines"]]
    shop.gateway.update("opportunity", deal, {"lines": lines}, found.version)
    assert (
        read_one(shop, "opportunity", deal, "lines.QB_TxnLineID__c").values["lines"][0]["QB_TxnLineID__c"]
        == "1"
    )
    assert org.counters.verbs == {"update:OpportunityLineItem": 1}


@pytest.mark.parametrize("after_commit", [True, False])
def test_creations_without_a_key_are_never_sent_twice(shop, org, after_commit):
    org.arm(Fault("drop", "composite", after_commit=after_commit))
    outcomes = write_all(shop, "account", Write({"Name": "Ann"}), Write({"Name": "Bob"}), keyed(3))
    assert [type(each) for each in outcomes] == [UnknownOutcome, UnknownOutcome, Written]
    assert live(org) == ["Ann", "Bob"] * after_commit + ["n3"]


def test_answers_that_are_always_lost_stay_unknown(shop, org):
    found = accounts(shop, 2)
    org.arm(Fault("drop", "composite", times=0))
    assert {type(each) for each in write_all(shop, "account", *updates(found))} == {UnknownOutcome}


# Trouble on the way


@pytest.mark.parametrize("effect", ["server_error", "unavailable", "expire"])
def test_passing_trouble_is_sat_out(shop, org, effect):
    org.arm(Fault(effect, "composite", times=2 if effect != "expire" else 1))
    assert all(each.created for each in write_all(shop, "account", *map(keyed, range(3))))
    assert live(org) == ["n0", "n1", "n2"]


def test_a_row_that_stays_locked_keeps_no_other_waiting(shop, org):
    found = accounts(shop, 30)
    org.lock(found[7].id)
    outcomes = write_all(shop, "account", *updates(found), keyed(1))
    assert [type(each) for each in outcomes] == [Written] * 7 + [Unavailable] + [Written] * 23
    assert org.counters.verbs["update:Account"] == 29
    org.unlock(found[7].id)
    assert isinstance(write_all(shop, "account", *updates(found[7:8]))[0], Written)


def test_a_row_that_was_locked_for_a_moment_is_written(shop, org):
    org.arm(Fault("lock", "composite"))
    assert all(each.created for each in write_all(shop, "account", *map(keyed, range(3))))


def test_a_quota_that_ends_half_way_keeps_what_was_written(shop, org):
    org.arm(Fault("limit", "composite", nth=2, times=0))
    outcomes = write_all(shop, "account", *map(keyed, range(500)))
    assert [type(each) for each in outcomes] == [Written] * 200 + [LimitedUntil] * 300
    assert len(live(org)) == 200


def test_a_login_that_fails_half_way_keeps_what_was_written(shop, org):
    org.arm(Fault("expire", "composite", nth=2, times=0))
    outcomes = write_all(shop, "account", *map(keyed, range(300)))
    assert [type(each) for each in outcomes] == [Written] * 200 + [LoginFailed] * 100


def test_long_keys_fit_into_addresses(shop, org):
    keys = [("ü" * 70) + str(number) for number in range(100, 300)]
    outcomes = write_all(shop, "account", *(Write({"Name": "Ann"}, key=(KEY, each)) for each in keys))
    found = shop.gateway.read("account", [each.id for each in outcomes], [])
    assert [each.version for each in outcomes] == [each.version for each in found]


def test_small_pages_lose_nothing_of_what_is_looked_at(shop, org):
    deals = [shop.deal((shop.product(f"p{n}"), 2, "1"), (shop.product(f"q{n}"), 2, "1")) for n in range(5)]
    org.settings.page_size, org.settings.rows_below = 3, 1
    found = shop.gateway.read("opportunity", deals, ["lines.Quantity"])
    assert [len(each.values["lines"]) for each in found] == [2] * 5
    writes = [Write({"QB_RefNumber__c": "1"}, id=each.id, if_version=each.version) for each in found]
    assert {type(each) for each in write_all(shop, "opportunity", *writes)} == {Written}


def test_many_rows_that_moved_below_are_all_met(shop, org):
    products = [shop.product(f"p{n}", "1") for n in range(7)]
    org.settings.page_size = 2
    watermark = mark(shop, "product")
    for each in products:
        shop.reprice(each, "2")
    found = changes(shop, "product", [PRICE], watermark)
    assert {found[each].values[PRICE] for each in products} == {Decimal(2)}


# What no call can carry


def test_a_price_is_not_emptied(shop, org):
    priced, free = shop.product("Shingle", "10"), shop.product("Advice")
    outcomes = write_all(shop, "product", Write({PRICE: None}, id=priced), Write({PRICE: None}, id=free))
    assert [type(each) for each in outcomes] == [Rejected, Written]
    assert outcomes[0].fields == (PRICE,)


def test_several_prices_are_no_price_to_guess_from():
    entries = {"records": [{"UnitPrice": Decimal(1)}, {"UnitPrice": Decimal(2)}]}
    with pytest.raises(Misconfigured, match="currency"):
        lent_value({"Id": "01t", "PricebookEntries": entries}, STANDARD_PRICE)


def test_records_cannot_be_found_by_what_stands_in_other_rows(shop):
    for kind, name in (("product", PRICE), ("opportunity", "lines.Quantity")):
        with pytest.raises(Misconfigured, match="other rows"):
            shop.gateway.find(kind, name, Decimal(1), [])


def test_documents_are_mirrored_in_one_call(shop, org):
    account = shop.account({"Name": "Acme"})
    deal = shop.deal((shop.product("Shingle"), 2, "10.50"))
    values = {
        "QB_Account__c": account,
        "QB_Opportunity__c": deal,
        "QB_Total__c": Decimal(21),
        "QB_Status__c": "Open",
    }

    def act():
        (invoice,) = write_all(
            shop, "invoice", Write({**values, "QB_Doc_Number__c": "1001"}, key=(KEY, "i1"))
        )
        (order,) = write_all(shop, "order", Write(values, key=(KEY, "o1")))
        paid = {"QB_Invoice__c": invoice.id, "QB_Amount__c": Decimal(10), "QB_Method__c": "Check"}
        (payment,) = write_all(shop, "payment", Write(paid, key=(KEY, "r1")))
        assert {type(each) for each in (invoice, order, payment)} == {Written}

    assert calls(org, act) == 3
    (found,) = shop.gateway.find(
        "payment", KEY, "r1", ["QB_Invoice__r.QB_Opportunity__r.Name", "QB_Amount__c"]
    )
    assert found.values == {"QB_Invoice__r.QB_Opportunity__r.Name": "Roof", "QB_Amount__c": Decimal(10)}


def test_expected_fields_of_lines_and_parts_are_checked(shop, org):
    expected = {"opportunity": ["Name", "lines.QB_TxnLineID__c", "lines.Product2.Name"], "product": [PRICE]}
    other = SalesforceShop(expected=expected)
    assert other.gateway.check().ok
    other.org.hide_field("OpportunityLineItem", "QB_TxnLineID__c")
    assert other.gateway.check().missing == ("opportunity.lines.QB_TxnLineID__c",)
    other.close()


def test_what_somebody_else_changed_since_is_not_told_as_ours(shop, org, monkeypatch):
    found = accounts(shop, 2)
    settle = Batches._settle

    def intrude(self, told, writes, after):
        changed = {**after[found[0].id], "LastModifiedById": org.org.sales_user_id}
        settle(self, told, writes, {**after, found[0].id: changed})

    monkeypatch.setattr(Batches, "_settle", intrude)
    outcomes = shop.gateway.write_many("account", updates(found), ["Name"])
    assert [each.record and each.record.values["Name"] for each in outcomes] == [None, "ours"]


def test_the_time_of_a_fresh_answer_saves_asking_for_it(org):
    other = SalesforceShop(clock_age=60.0)
    *_, last = other.gateway.changed_since("account", ["Name"], None)
    assert calls(other.org, lambda: changes(other, "account", ["Name"], last.watermark)) == 2
    other.close()


def test_a_header_that_moved_after_our_look_keeps_its_lines_from_being_written(shop, org, monkeypatch):
    deal = shop.deal((shop.product("Shingle"), 2, "10.50"))
    found = read_one(shop, "opportunity", deal, "lines")
    look = Batches._look

    def intrude(self, batch):
        look(self, batch)
        org.advance(5)
        org.edit(deal, {"Name": "by hand"})

    monkeypatch.setattr(Batches, "_look", intrude)
    lines = [{**line, "QB_TxnLineID__c": "1"} for line in found.values["lines"]]
    with pytest.raises(Stale):
        shop.gateway.update("opportunity", deal, {"QB_RefNumber__c": "1001", "lines": lines}, found.version)
    assert [row["QB_TxnLineID__c"] for row in org.records("OpportunityLineItem")] == [None]


def test_a_look_that_fails_is_not_repeated_again_by_what_needs_it(shop, org):
    found = accounts(shop, 2)
    org.arm(Fault("unavailable", "query_all", times=0))
    org.counters.clear()
    assert {type(each) for each in write_all(shop, "account", *updates(found))} == {Unavailable}
    assert org.counters.calls["query_all"] == 6


def test_a_doubt_that_cannot_be_looked_into_stays_one(shop, org):
    found = accounts(shop, 2)
    for each in (Fault("drop", "composite"), Fault("unavailable", "query_all", nth=2, times=0)):
        org.arm(each)
    assert {type(each) for each in write_all(shop, "account", *updates(found))} == {UnknownOutcome}


def test_a_doubt_about_upserts_outlives_a_crm_that_is_gone(shop, org):
    for each in (
        Fault("drop", "composite", after_commit=True),
        Fault("unavailable", "composite", nth=2, times=0),
    ):
        org.arm(each)
    (outcome,) = write_all(shop, "account", keyed(1))
    assert isinstance(outcome, UnknownOutcome)


def test_more_lines_than_one_call_can_keep_together_are_refused(shop):
    deal = shop.deal()
    lines = [{"Id": shop.no_line, "QB_TxnLineID__c": "1"}] * 601
    with pytest.raises(Rejected, match="601 lines"):
        shop.gateway.update("opportunity", deal, {"lines": lines}, None)
