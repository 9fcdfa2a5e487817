import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.mapping import (
    books_tree,
    crm_writes,
    left_out,
    load_profile,
    maps_for,
    unmet,
    why_no_map,
    with_defaults,
)

PROFILE = load_profile("salesforce")
KINDS = {
    "Service": "ItemService",
    "Non-inventory Part": "ItemNonInventory",
    "Inventory Part": "ItemInventory",
}
SALE = {"AccountId": "001A", "Pricebook2.IsStandard": True, "lines": [{"Id": "00kA"}]}


@pytest.mark.parametrize(("chosen", "books_kind"), KINDS.items())
def test_a_product_is_the_item_that_its_type_says(chosen, books_kind):
    (found,) = maps_for(PROFILE, "crm", "product", {"QB_Item_Type__c": chosen})
    assert found is PROFILE.kind("product", "item", books_kind)
    assert found is PROFILE.books(books_kind)
    assert why_no_map(PROFILE, "product", {"QB_Item_Type__c": chosen}) == ""


@pytest.mark.parametrize(("values", "seen"), [({}, "empty"), ({"QB_Item_Type__c": "Kit"}, "Kit")])
def test_a_product_of_no_known_type_is_told_what_to_choose(values, seen):
    assert maps_for(PROFILE, "crm", "product", values) == []
    assert why_no_map(PROFILE, "product", values) == (
        f"QB_Item_Type__c is {seen}: choose Service, Non-inventory Part or Inventory Part."
    )


@given(st.text(max_size=8) | st.sampled_from([*KINDS, "Invoice", "Sales Order"]) | st.none())
def test_a_record_has_a_map_or_a_reason_and_never_two_maps_of_a_role(chosen):
    values = {"QB_Item_Type__c": chosen, "QB_Generate__c": chosen}
    for kind in {one.crm_kind for one in PROFILE.kinds}:
        found = maps_for(PROFILE, "crm", kind, values)
        assert bool(found) != bool(why_no_map(PROFILE, kind, values))
        assert len({one.role for one in found}) == len(found)


def test_an_invoice_of_quickbooks_is_a_document_and_its_mirror():
    assert [one.name for one in maps_for(PROFILE, "books", "Invoice", {})] == ["invoice", "invoice_mirror"]
    assert PROFILE.books("Invoice", "invoice").crm_kind == "opportunity"
    with pytest.raises(KeyError, match="more than once: invoice, invoice_mirror"):
        PROFILE.books("Invoice")


def test_a_lookup_that_leaves_several_maps_names_them():
    with pytest.raises(
        KeyError, match="product as item more than once: service_item, non_inventory_item, inventory_item"
    ):
        PROFILE.kind("product", "item")


def test_a_kind_that_is_switched_off_takes_nothing():
    off = load_profile("salesforce", {"kinds": {"invoice": {"mode": "off"}}})
    assert [one.name for one in maps_for(off, "books", "Invoice", {})] == ["invoice_mirror"]
    assert "choose Sales Order" in why_no_map(off, "opportunity", {"QB_Generate__c": "Invoice"})


def test_a_kind_that_nobody_maps_says_so():
    assert why_no_map(PROFILE, "quote", {}) == "salesforce maps no quote."


@pytest.mark.parametrize("name", ["invoice", "sales_order"])
@pytest.mark.parametrize(
    ("lacks", "says"),
    [
        ({"AccountId": None}, "no account"),
        ({"AccountId": "  "}, "no account"),
        ({"Pricebook2.IsStandard": False}, "standard price book"),
        ({"Pricebook2.IsStandard": None}, "standard price book"),
        ({"lines": []}, "no products"),
        ({"lines": None}, "no products"),
    ],
)
def test_an_opportunity_that_lacks_something_is_told_what(name, lacks, says):
    # Reference features, S2.8 to S2.10: account, standard price book, products.
    sale = next(one for one in PROFILE.kinds if one.name == name)
    assert unmet(sale, SALE) is None
    assert says in unmet(sale, SALE | lacks)


def test_a_requirement_of_a_record_above_is_found_where_it_is_nested():
    sale = PROFILE.kind("opportunity", "invoice")
    nested = {"AccountId": "001A", "Pricebook2": {"IsStandard": True}, "lines": [{}]}
    assert unmet(sale, nested) is None


def test_only_what_people_chose_becomes_a_document():
    for role, chosen in (("invoice", "Invoice"), ("sales_order", "Sales Order")):
        sale = PROFILE.kind("opportunity", role)
        assert left_out(sale.promoted, {"QB_Generate__c": chosen}) is None
        assert chosen in left_out(sale.promoted, {})
        assert sale.once
        assert not sale.may_create("crm")


@pytest.mark.parametrize(("chosen", "books_kind"), KINDS.items())
def test_a_product_made_from_an_item_belongs_to_the_map_that_made_it(chosen, books_kind):
    item = PROFILE.books(books_kind)
    writes = crm_writes(item, with_defaults(item, {"Name": "Labour"}, "crm"))
    assert writes == {"": {"Name": "Labour", "QB_Item_Type__c": chosen}}
    assert maps_for(PROFILE, "crm", "product", writes[""]) == [item]
    assert books_tree(item, {"Name": "Labour"}, {}) == {"Name": "Labour"}
