"""What every gateway promises of many writes in one: an outcome for each, and none stands in another's way."""

from decimal import Decimal

import pytest

from crm.errors import Duplicate, Misconfigured, Missing, Rejected, Stale
from crm.port import Write, Written
from tests.crm.shops import KEY, PRICE, SHOPS, read_one, write_all
from tests.crm.worlds import STATUSES

UNIQUE, CITY, STATUS = "QB_ListID__c", "BillingCity", "QB_Link_Status__c"


@pytest.fixture(params=[name for name in SHOPS if "silent" not in name])
def shop(request):
    made = SHOPS[request.param]()
    yield made
    made.close()


@pytest.fixture
def crm(shop):
    return shop.gateway


def keyed(number, **values):
    return Write({"Name": f"n{number}", **values}, key=(KEY, f"acme:account:{number}"))


def names(crm, outcomes):
    return [record.values["Name"] for record in crm.read("account", [each.id for each in outcomes], ["Name"])]


def test_nothing_to_write_is_nothing(crm):
    assert crm.write_many("account", []) == ()


def test_outcomes_come_in_the_order_of_the_writes_with_the_versions_that_are_read(shop, crm):
    outcomes = write_all(shop, "account", *(keyed(number) for number in range(7)))
    assert all(each.created for each in outcomes)
    assert names(crm, outcomes) == [f"n{number}" for number in range(7)]
    found = crm.read("account", [each.id for each in outcomes], [])
    assert [record.version for record in found] == [each.version for each in outcomes]


def test_the_same_keys_again_make_no_further_record(shop, crm):
    first = write_all(shop, "account", keyed(1), keyed(2))
    again = write_all(shop, "account", keyed(2, Name="two"), keyed(1), keyed(3))
    assert [each.created for each in again] == [False, False, True]
    assert [each.id for each in again[:2]] == [first[1].id, first[0].id]
    assert names(crm, again) == ["two", "n1", "n3"]


def test_creations_without_a_key_are_all_made(shop, crm):
    outcomes = write_all(shop, "account", *(Write({"Name": "same"}) for _ in range(3)))
    assert [each.created for each in outcomes] == [True] * 3
    assert len({each.id for each in outcomes}) == 3
    found = crm.read("account", [each.id for each in outcomes], ["Name"])
    assert [(each.version, each.values) for each in found] == [
        (each.version, {"Name": "same"}) for each in outcomes
    ]


def test_a_bad_record_stops_no_other(shop, crm):
    ann, bob = (shop.account({"Name": name}) for name in ("Ann", "Bob"))
    gone = shop.account({"Name": "gone"})
    shop.remove(gone)
    shop.account({"Name": "holder", UNIQUE: "8-1"})
    outcomes = write_all(
        shop,
        "account",
        Write({CITY: "Bonn"}, id=ann),
        Write({CITY: "x" * 41}, id=ann),
        Write({CITY: "Bonn"}, id=gone),
        Write({UNIQUE: "8-1"}, id=bob),
        Write({"Nowhere__c": "x"}, id=bob),
        Write({STATUS: "by magic"}, id=bob),
        Write({CITY: "Köln"}, id=bob),
    )
    expected = [Written, Rejected, Missing, Duplicate, Misconfigured, Rejected, Written]
    assert [type(each) for each in outcomes] == expected
    assert CITY in outcomes[1].fields
    assert [read_one(shop, "account", each, CITY).values[CITY] for each in (ann, bob)] == ["Bonn", "Köln"]


def test_bad_creations_stop_no_other(shop, crm):
    outcomes = write_all(shop, "account", keyed(1), Write({CITY: "Bonn"}, key=(KEY, "k2")), keyed(3))
    assert [type(each) for each in outcomes] == [Written, Rejected, Written]
    assert outcomes[1].fields == ("Name",)
    assert crm.find("account", KEY, "k2", []) == ()


def test_only_what_stands_at_its_version_is_changed(shop, crm):
    ids = [shop.account({"Name": f"n{number}"}) for number in range(4)]
    versions = [record.version for record in crm.read("account", ids, [])]
    shop.later()
    shop.rename(ids[1], "by hand")
    shop.remove(ids[2])
    writes = [
        Write({"Name": "ours"}, id=each, if_version=version)
        for each, version in zip(ids, versions, strict=True)
    ]
    outcomes = write_all(shop, "account", *writes)
    assert [type(each) for each in outcomes] == [Written, Stale, Missing, Written]
    assert [outcomes[1].record, outcomes[2].record] == ids[1:3]
    left = [ids[0], ids[1], ids[3]]
    assert [record.values["Name"] for record in crm.read("account", left, ["Name"])] == [
        "ours",
        "by hand",
        "ours",
    ]


def test_the_reported_versions_are_good_for_the_next_writes(shop, crm):
    ids = [shop.account({"Name": f"n{number}"}) for number in range(3)]
    versions = {record.id: record.version for record in crm.read("account", ids, [])}
    for turn in range(3):
        shop.later()
        writes = [Write({"Name": f"{turn}"}, id=each, if_version=versions[each]) for each in ids]
        outcomes = write_all(shop, "account", *writes)
        versions = {each.id: each.version for each in outcomes}
    assert names(crm, outcomes) == ["2", "2", "2"]


def test_writes_to_one_record_happen_in_their_order(shop, crm):
    record_id = shop.account({"Name": "Ann"})
    version = read_one(shop, "account", record_id).version
    shop.later()
    outcomes = write_all(
        shop,
        "account",
        Write({"Name": "Bob"}, id=record_id, if_version=version),
        Write({CITY: "Bonn"}, id=record_id),
        Write({"Name": "Eve"}, id=record_id),
        keyed(1, Name="first"),
        keyed(1, Name="second"),
    )
    assert [type(each) for each in outcomes] == [Written] * 5
    assert read_one(shop, "account", record_id, "Name", CITY).values == {"Name": "Eve", CITY: "Bonn"}
    assert (outcomes[3].id, names(crm, outcomes[4:])) == (outcomes[4].id, ["second"])


def test_all_verbs_may_come_together(shop, crm):
    record_id = shop.account({"Name": "Ann"})
    outcomes = write_all(
        shop, "account", Write({"Name": "new"}), Write({"Name": "Bob"}, id=record_id), keyed(1)
    )
    assert names(crm, outcomes) == ["new", "Bob", "n1"]


def test_more_than_a_call_holds_are_all_written(shop, crm):
    outcomes = write_all(shop, "account", *(keyed(number, **{STATUS: STATUSES[0]}) for number in range(450)))
    assert len({each.id for each in outcomes if each.created}) == 450
    assert names(crm, [outcomes[0], outcomes[449]]) == ["n0", "n449"]
    changed = write_all(
        shop, "account", *(Write({"Name": "x"}, id=each.id, if_version=each.version) for each in outcomes)
    )
    assert {type(each) for each in changed} == {Written}


def test_none_clears(shop, crm):
    record_id = shop.account({"Name": "Ann", CITY: "Bonn"})
    write_all(shop, "account", Write({CITY: None}, id=record_id))
    assert read_one(shop, "account", record_id, CITY).values == {CITY: None}


def test_a_field_that_is_no_unique_key_makes_nothing(shop, crm):
    (outcome,) = write_all(shop, "account", Write({"Name": "Ann"}, key=(CITY, "Bonn")))
    assert isinstance(outcome, Misconfigured)
    assert crm.find("account", "Name", "Ann", []) == ()


@pytest.mark.parametrize("value", ["a/b", "a b", "a+b", "a%2Fb", "a'b", "a\\b", "ü", "x@y.inc", "a&b=c"])
def test_a_key_may_hold_any_characters(shop, crm, value):
    first, second = (
        write_all(shop, "account", Write({"Name": "Ann"}, key=(KEY, value)), keyed(2))[0] for _ in range(2)
    )
    assert (first.id, first.created, second.created) == (second.id, True, False)
    assert read_one(shop, "account", first.id, KEY).version == second.version


# Parts


def test_many_products_are_made_and_changed_with_their_prices(shop, crm):
    def wave(factor):
        return write_all(
            shop,
            "product",
            *(
                Write({"Name": f"p{number}", PRICE: Decimal(number * factor)}, key=(KEY, f"p{number}"))
                for number in range(5)
            ),
        )

    def prices(outcomes):
        return [each.values[PRICE] for each in crm.read("product", [each.id for each in outcomes], [PRICE])]

    first = wave(1)
    assert prices(first) == [Decimal(number) for number in range(5)]
    shop.later()
    second = wave(10)
    assert prices(second) == [Decimal(number * 10) for number in range(5)]
    shop.later()
    writes = [Write({PRICE: Decimal(7)}, id=each.id, if_version=each.version) for each in second]
    assert prices(write_all(shop, "product", *writes)) == [Decimal(7)] * 5


def test_a_product_that_is_refused_keeps_no_other_price_back(shop, crm):
    outcomes = write_all(
        shop,
        "product",
        Write({"Name": "x" * 256, PRICE: Decimal(1)}, key=(KEY, "p1")),
        Write({"Name": "fine", PRICE: Decimal(2)}, key=(KEY, "p2")),
    )
    assert [type(each) for each in outcomes] == [Rejected, Written]
    assert outcomes[0].fields == ("Name",)
    assert read_one(shop, "product", outcomes[1].id, PRICE).values == {PRICE: Decimal(2)}


def test_many_opportunities_get_their_numbers_and_those_of_their_lines(shop, crm):
    product = shop.product("Shingle", "10")
    deals = [shop.deal((product, 1, "10"), (product, 2, "10")) for _ in range(3)]
    found = crm.read("opportunity", deals, ["lines"])
    shop.later()
    shop.change_line(deals[1], 0, {"Description": "by hand"})
    writes = [
        Write(
            {
                "QB_RefNumber__c": "1001",
                "lines": [
                    {**line, "QB_TxnLineID__c": f"L{place}"}
                    for place, line in enumerate(each.values["lines"])
                ],
            },
            id=each.id,
            if_version=each.version,
        )
        for each in found
    ]
    outcomes = write_all(shop, "opportunity", *writes)
    assert [type(each) for each in outcomes] == [Written, Stale, Written]
    now = crm.read("opportunity", deals, ["QB_RefNumber__c", "lines.QB_TxnLineID__c"])
    numbers = [[line["QB_TxnLineID__c"] for line in each.values["lines"]] for each in now]
    assert numbers == [["L0", "L1"], [None, None], ["L0", "L1"]]
    assert [each.values["QB_RefNumber__c"] for each in now] == ["1001", None, "1001"]
    assert [now[0].version, now[2].version] == [outcomes[0].version, outcomes[2].version]


def test_what_was_written_is_told_as_the_crm_keeps_it(shop, crm):
    record_id = shop.account({"Name": "Ann", CITY: "Bonn"})
    writes = [Write({"Name": "Bob"}, id=record_id), keyed(1), Write({"Name": "new"})]
    outcomes = crm.write_many("account", writes, ["Name", CITY])
    assert [each.record for each in outcomes] == list(
        crm.read("account", [each.id for each in outcomes], ["Name", CITY])
    )
    assert [each.record.values for each in outcomes] == [
        {"Name": "Bob", CITY: "Bonn"},
        {"Name": "n1", CITY: None},
        {"Name": "new", CITY: None},
    ]
    assert [each.record for each in crm.write_many("account", writes[:1])] == [None]


def test_parts_are_told_too(shop, crm):
    product = shop.product("Shingle", "10")
    deal = shop.deal((product, 1, "10"))
    (outcome,) = crm.write_many("product", [Write({"Name": "Tile"}, id=product)], ["Name", PRICE])
    assert outcome.record.values == {"Name": "Tile", PRICE: Decimal(10)}
    (outcome,) = crm.write_many("opportunity", [Write({"Name": "Wall"}, id=deal)], ["lines.Quantity"])
    assert [line["Quantity"] for line in outcome.record.values["lines"]] == [Decimal(1)]


def test_a_field_to_tell_that_does_not_exist_writes_nothing(shop, crm):
    with pytest.raises(Misconfigured):
        crm.write_many("account", [keyed(1)], ["Nowhere__c"])
    assert crm.find("account", KEY, "acme:account:1", []) == ()
