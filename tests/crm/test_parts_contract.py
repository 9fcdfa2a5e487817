"""What every gateway promises of records that are more than one row: prices of products, lines of opportunities."""

from decimal import Decimal

import pytest

from crm.errors import Rejected, Stale
from tests.crm.shops import CONTACT, KEY, PRICE, SHOPS, changes, mark, read_one

LINES = ("lines.Product2Id", "lines.Quantity", "lines.UnitPrice")


@pytest.fixture(params=SHOPS)
def shop(request):
    made = SHOPS[request.param]()
    yield made
    made.close()


@pytest.fixture
def crm(shop):
    return shop.gateway


@pytest.fixture
def deal(shop):
    """An opportunity of two lines."""
    return shop.deal((shop.product("Shingle"), 2, "10.50"), (shop.product("Slate"), 1, "99"))


def lines_of(shop, deal, *fields):
    return read_one(shop, "opportunity", deal, "lines", *(f"lines.{name}" for name in fields)).values["lines"]


# Prices


def test_a_price_is_read_as_a_field_of_its_product(shop):
    priced, free = shop.product("Shingle", "10.50"), shop.product("Advice")
    assert read_one(shop, "product", priced, "Name", PRICE).values == {
        "Name": "Shingle",
        PRICE: Decimal("10.50"),
    }
    assert read_one(shop, "product", free, PRICE).values == {PRICE: None}


def test_a_price_is_described_as_a_number_that_can_be_written(crm):
    info = {each.name: each for each in crm.describe("product")}[PRICE]
    assert (info.type, info.writable) == ("decimal", True)


def test_a_new_price_alone_is_a_change_of_the_product(shop):
    product, other = shop.product("Shingle", "10.50"), shop.product("Slate", "99")
    before = read_one(shop, "product", product)
    watermark = mark(shop, "product")
    shop.reprice(product, "11")
    found = changes(shop, "product", ["Name", PRICE], watermark)
    assert found[product].values[PRICE] == Decimal(11)
    assert found[product].version != before.version
    assert found[product].modified > before.modified
    assert other not in found


@pytest.mark.parametrize("names", [["Name"], ["Name", PRICE]])
def test_a_version_is_the_same_whatever_fields_were_read(shop, names):
    product = shop.product("Shingle", "10.50")
    assert read_one(shop, "product", product, *names).version == read_one(shop, "product", product).version


def test_a_product_is_made_and_changed_with_its_price(shop, crm):
    first = crm.create("product", {"Name": "Shingle", PRICE: Decimal("10.50")}, (KEY, "p1"))
    shop.later()
    second = crm.create("product", {"Name": "Shingle", PRICE: Decimal(12)}, (KEY, "p1"))
    assert (first.created, second.created, first.id == second.id) == (True, False, True)
    now = read_one(shop, "product", first.id, PRICE)
    assert (now.values, now.version) == ({PRICE: Decimal(12)}, second.version)
    shop.later()
    third = crm.update("product", first.id, {"Name": "Tile", PRICE: Decimal(13)}, second.version)
    assert read_one(shop, "product", first.id, "Name", PRICE).values == {"Name": "Tile", PRICE: Decimal(13)}
    assert read_one(shop, "product", first.id).version == third.version


def test_a_product_without_a_key_gets_its_price_too(shop, crm):
    made = crm.create("product", {"Name": "Shingle", PRICE: Decimal(3)}, None)
    assert made.created
    now = read_one(shop, "product", made.id, "Name", PRICE)
    assert (now.values, now.version) == ({"Name": "Shingle", PRICE: Decimal(3)}, made.version)


def test_the_first_price_of_an_old_product_is_made(shop, crm):
    product = shop.product("Advice")
    crm.update("product", product, {PRICE: Decimal(3)}, read_one(shop, "product", product).version)
    assert read_one(shop, "product", product, PRICE).values == {PRICE: Decimal(3)}


def test_an_update_of_a_product_whose_price_moved_is_stale(shop, crm):
    product = shop.product("Shingle", "10.50")
    before = read_one(shop, "product", product).version
    shop.later()
    shop.reprice(product, "11")
    with pytest.raises(Stale):
        crm.update("product", product, {"Name": "Tile"}, before)
    assert read_one(shop, "product", product, "Name").values == {"Name": "Shingle"}


# Lines


def test_lines_come_in_the_order_of_the_crm_with_the_fields_asked_for(shop):
    shingle, slate = shop.product("Shingle"), shop.product("Slate")
    deal = shop.deal((slate, 1, "99"), (shingle, 2, "10.50"))
    found = lines_of(shop, deal, "Product2Id", "Quantity", "UnitPrice")
    assert [list(line) for line in found] == [["Id", "Product2Id", "Quantity", "UnitPrice"]] * 2
    assert [tuple(line.values())[1:] for line in found] == [
        (slate, Decimal(1), Decimal(99)),
        (shingle, Decimal(2), Decimal("10.50")),
    ]
    assert len({line["Id"] for line in found}) == 2


def test_lines_may_be_asked_for_without_any_field(shop, deal):
    lines = read_one(shop, "opportunity", deal, "lines").values["lines"]
    assert [list(line) for line in lines] == [["Id"], ["Id"]]


def test_an_opportunity_without_lines_has_an_empty_list_and_one_not_asked_for_them_has_none(shop):
    deal = shop.deal()
    assert read_one(shop, "opportunity", deal, "lines.Quantity").values == {"lines": []}
    assert read_one(shop, "opportunity", deal, "Name").values == {"Name": "Roof"}


def test_lines_come_with_every_way_of_reading(shop, crm, deal):
    direct = read_one(shop, "opportunity", deal, "Name", *LINES)
    assert changes(shop, "opportunity", ["Name", *LINES], None)[deal] == direct
    assert crm.find("opportunity", "Name", "Roof", ["Name", *LINES]) == (direct,)


def test_lines_and_their_fields_are_described(crm):
    known = {info.name: info for info in crm.describe("opportunity")}
    assert known["lines.Quantity"].type == "decimal"
    assert known["lines.QB_TxnLineID__c"].length == 41
    assert not known[CONTACT].writable


@pytest.mark.parametrize(
    "act",
    [
        lambda shop, deal: shop.change_line(deal, 1, {"Description": "by hand"}),
        lambda shop, deal: shop.change_line(deal, 1, {"Quantity": Decimal(7)}),
        lambda shop, deal: shop.drop_line(deal, 0),
        lambda shop, deal: shop.person(deal, "Ann"),
    ],
    ids=["a word", "a number", "a line less", "a contact"],
)
def test_what_happens_below_is_a_change_of_the_opportunity(shop, deal, act):
    other = shop.deal()
    before = read_one(shop, "opportunity", deal)
    watermark = mark(shop, "opportunity")
    act(shop, deal)
    fields = ["Name", CONTACT, *LINES, "lines.Description"]
    found = changes(shop, "opportunity", fields, watermark)
    assert found[deal] == read_one(shop, "opportunity", deal, *fields)
    assert found[deal].version != before.version
    assert other not in found


def test_the_primary_contact_follows_who_it_is(shop, deal):
    assert read_one(shop, "opportunity", deal, CONTACT).values == {CONTACT: None}
    first = shop.person(deal, "Ann")
    assert read_one(shop, "opportunity", deal, CONTACT).values == {CONTACT: first}
    second = shop.person(deal, "Bob")
    assert read_one(shop, "opportunity", deal, CONTACT).values == {CONTACT: second}
    watermark = mark(shop, "opportunity")
    shop.nobody(deal)
    assert changes(shop, "opportunity", [CONTACT], watermark)[deal].values == {CONTACT: None}


def test_an_opportunity_and_its_lines_are_written_back_at_once(shop, crm, deal):
    before = read_one(shop, "opportunity", deal, "lines")
    first, second = (line["Id"] for line in before.values["lines"])
    shop.later()
    values = {
        "QB_RefNumber__c": "1001",
        "lines": [{"Id": second, "QB_TxnLineID__c": "A-2"}, {"Id": first, "QB_TxnLineID__c": "A-1"}],
    }
    written = crm.update("opportunity", deal, values, before.version)
    now = read_one(shop, "opportunity", deal, "QB_RefNumber__c", "lines.QB_TxnLineID__c", "lines.UnitPrice")
    assert (now.version, now.values["QB_RefNumber__c"]) == (written.version, "1001")
    assert now.values["lines"] == [
        {"Id": first, "QB_TxnLineID__c": "A-1", "UnitPrice": Decimal("10.50")},
        {"Id": second, "QB_TxnLineID__c": "A-2", "UnitPrice": Decimal(99)},
    ]


def test_one_line_may_be_written_alone(shop, crm, deal):
    _, second = lines_of(shop, deal)
    crm.update("opportunity", deal, {"lines": [{**second, "QB_TxnLineID__c": "A-2"}]}, None)
    assert [line["QB_TxnLineID__c"] for line in lines_of(shop, deal, "QB_TxnLineID__c")] == [None, "A-2"]


def test_a_line_that_moved_makes_the_opportunity_stale_and_nothing_is_written(shop, crm, deal):
    before = read_one(shop, "opportunity", deal, "lines")
    shop.later()
    shop.change_line(deal, 0, {"Description": "by hand"})
    line = {**before.values["lines"][1], "QB_TxnLineID__c": "A-2"}
    with pytest.raises(Stale):
        crm.update("opportunity", deal, {"QB_RefNumber__c": "1001", "lines": [line]}, before.version)
    now = read_one(shop, "opportunity", deal, "QB_RefNumber__c", "lines.QB_TxnLineID__c").values
    assert now["QB_RefNumber__c"] is None
    assert [each["QB_TxnLineID__c"] for each in now["lines"]] == [None, None]


@pytest.mark.parametrize("bad", ["nameless", "unknown", "too long"])
def test_a_line_that_cannot_be_written_is_refused_with_its_opportunity(shop, crm, deal, bad):
    first, second = lines_of(shop, deal)
    wrong = {
        "nameless": {"QB_TxnLineID__c": "A-2"},
        "unknown": {"Id": shop.no_line, "QB_TxnLineID__c": "A-2"},
        "too long": {"Id": second["Id"], "QB_TxnLineID__c": "x" * 42},
    }[bad]
    values = {"QB_RefNumber__c": "1001", "lines": [{**first, "QB_TxnLineID__c": "A-1"}, wrong]}
    with pytest.raises(Rejected):
        crm.update("opportunity", deal, values, None)
    now = read_one(shop, "opportunity", deal, "QB_RefNumber__c", "lines.QB_TxnLineID__c").values
    assert now["QB_RefNumber__c"] is None
    assert [each["QB_TxnLineID__c"] for each in now["lines"]] == [None, None]


def test_a_primary_contact_is_not_written(shop, crm, deal):
    with pytest.raises(Rejected) as caught:
        crm.update("opportunity", deal, {CONTACT: "x"}, None)
    assert caught.value.fields == (CONTACT,)


def test_a_deleted_opportunity_is_a_tombstone_lines_or_not(shop, deal):
    watermark = mark(shop, "opportunity")
    shop.remove(deal)
    shop.later()
    found = changes(shop, "opportunity", ["Name", *LINES], watermark)
    assert found[deal].deleted
    assert not found[deal].values
    assert read_one(shop, "opportunity", deal, *LINES).deleted


def test_nothing_is_created_with_lines(shop, crm):
    values = {"Name": "Roof", "StageName": "Qualification", "lines": [{"Id": shop.no_line}]}
    for key in (None, (KEY, "o1")):
        with pytest.raises(Rejected) as caught:
            crm.create("opportunity", values, key)
        assert caught.value.fields == ("lines",)
