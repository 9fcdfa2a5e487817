import pytest
from hypothesis import given
from hypothesis import strategies as st

import qbxml
from qbwc_server.mapping import KindMap, Rule, books_tree, books_values, load_profile

STREET = "BillAddress/Addr1..Addr5"
SHIPMENT = "ShipAddress/Addr1..Addr5"
ACCOUNT = load_profile("salesforce").kind("account")
HELD = {
    "Name": "Acme",
    "CompanyName": "Acme",
    "FirstName": "Ann",
    "LastName": "Lee",
    "BillAddress": {
        "Addr1": "Acme",
        "Addr2": "Ann Lee",
        "Addr3": "1 Main St",
        "City": "Ely",
        "Note": "ring twice",
    },
    "ShipAddress": {"Addr1": "Dock 4", "Addr2": "Gate C", "City": "Ely"},
}

WORD = st.text("abcdefgh ", min_size=1, max_size=13).map(lambda text: " ".join(text.split())).filter(bool)
# The name of a sales tax code has three letters at most.
SHORT = {"SalesTaxCodeRef/FullName": st.text("abcdefgh", min_size=1, max_size=3)}
# No letter in common with a word, so that no street begins with a name.
LINES = st.lists(st.text("mnopq123", min_size=1, max_size=20), min_size=1, max_size=5).map("\n".join)


@st.composite
def flat_values(draw):
    written = [rule.books for rule in ACCOUNT.rules if rule.goes_to("books")]
    chosen = draw(st.sets(st.sampled_from(written)))
    return {books: draw(LINES if ".." in books else SHORT.get(books, WORD)) for books in chosen}


@given(flat_values())
def test_a_new_object_reads_back_as_what_was_written(flat):
    back = books_values(ACCOUNT, books_tree(ACCOUNT, flat, None))
    assert {books: value for books, value in back.items() if value is not None} == flat


@given(flat_values(), flat_values())
def test_a_changed_object_reads_back_as_what_was_written_over_what_was_there(before, change):
    held = books_tree(ACCOUNT, before, None)
    tree = books_tree(ACCOUNT, change, held)
    # QuickBooks keeps what a Mod does not name, and an address as a whole.
    after = {**held, **tree}
    expected = {**books_values(ACCOUNT, held), **change}
    assert books_values(ACCOUNT, after) == expected


@given(flat_values(), flat_values())
def test_every_tree_is_a_request_that_quickbooks_would_take(before, change):
    held = books_tree(ACCOUNT, before, None)
    add = {**books_tree(ACCOUNT, {"Name": "X", **change}, None)}
    mod = {"ListID": "80000001-1", "EditSequence": "1", **books_tree(ACCOUNT, change, held)}
    assert qbxml.validate(qbxml.Request("CustomerAddRq", {"CustomerAdd": add})) == ()
    assert qbxml.validate(qbxml.Request("CustomerModRq", {"CustomerMod": mod})) == ()


def test_a_line_of_an_address_takes_the_whole_address_along():
    tree = books_tree(ACCOUNT, {"BillAddress/City": "York"}, HELD)
    assert tree == {"BillAddress": {**HELD["BillAddress"], "City": "York"}}


def test_a_value_outside_an_address_goes_alone():
    assert books_tree(ACCOUNT, {"Phone": "555", "Fax": ""}, HELD) == {"Phone": "555", "Fax": ""}


def test_nothing_is_sent_for_none():
    assert books_tree(ACCOUNT, {"Phone": None, STREET: None, "BillAddress/City": None}, HELD) == {}


def test_a_shorter_street_clears_the_lines_it_no_longer_needs():
    tree = books_tree(ACCOUNT, {SHIPMENT: "Pier 9"}, HELD)
    assert tree["ShipAddress"] == {"Addr1": "Pier 9", "Addr2": "", "City": "Ely"}


def test_a_cleared_street_clears_every_line():
    assert books_tree(ACCOUNT, {SHIPMENT: ""}, HELD)["ShipAddress"] == {
        "Addr1": "",
        "Addr2": "",
        "City": "Ely",
    }
    unknown = books_tree(ACCOUNT, {SHIPMENT: ""}, None)["ShipAddress"]
    assert unknown == dict.fromkeys(("Addr1", "Addr2", "Addr3", "Addr4", "Addr5"), "")


def test_the_names_above_the_street_stay_when_the_street_changes():
    address = books_tree(ACCOUNT, {STREET: "2 Oak Ave\nFloor 3"}, HELD)["BillAddress"]
    assert [address[f"Addr{n}"] for n in range(1, 5)] == ["Acme", "Ann Lee", "2 Oak Ave", "Floor 3"]


def test_the_names_above_the_street_change_with_the_names():
    tree = books_tree(ACCOUNT, {"CompanyName": "Acme Global", "LastName": "Xu"}, HELD)
    address = tree["BillAddress"]
    assert [address[f"Addr{n}"] for n in range(1, 4)] == ["Acme Global", "Ann Xu", "1 Main St"]
    assert "ShipAddress" not in tree
    assert books_values(ACCOUNT, {**HELD, **tree})[STREET] == "1 Main St"


def test_a_new_address_begins_with_the_customers_name():
    tree = books_tree(ACCOUNT, {"Name": "Acme", "CompanyName": "Acme Inc", STREET: "1 Main St"}, None)
    assert tree["BillAddress"] == {"Addr1": "Acme Inc", "Addr2": "1 Main St"}


def test_a_street_that_already_begins_with_the_name_gets_no_second_one():
    tree = books_tree(ACCOUNT, {"Name": "Acme", STREET: "acme\n1 Main St"}, None)
    assert tree["BillAddress"] == {"Addr1": "acme", "Addr2": "1 Main St"}


def test_a_street_that_needs_every_line_goes_without_the_names():
    address = books_tree(ACCOUNT, {STREET: "a\nb\nc\nd\ne"}, HELD)["BillAddress"]
    assert [address[f"Addr{n}"] for n in range(1, 6)] == ["a", "b", "c", "d", "e"]
    address = books_tree(ACCOUNT, {STREET: "a\nb\nc\nd"}, HELD)["BillAddress"]
    assert [address[f"Addr{n}"] for n in range(1, 6)] == ["Acme", "a", "b", "c", "d"]


def test_a_name_too_long_for_a_line_is_not_put_above_the_street():
    long = {
        **HELD,
        "FirstName": "A" * 25,
        "LastName": "Lee",
        "BillAddress": {"Addr1": "A" * 25 + " Lee", "Addr2": "x"},
    }
    address = books_tree(ACCOUNT, {"LastName": "B" * 25}, long)["BillAddress"]
    assert (address["Addr1"], address["Addr2"]) == ("x", "")


def test_without_an_addressee_every_line_is_street():
    plain = ACCOUNT.model_copy(update={"addressee": ()})
    assert books_values(plain, HELD)[STREET] == "Acme\nAnn Lee\n1 Main St"
    address = books_tree(plain, {STREET: "2 Oak Ave"}, HELD)["BillAddress"]
    assert [address[f"Addr{n}"] for n in range(1, 4)] == ["2 Oak Ave", "", ""]


def test_an_address_whose_street_is_not_mapped_keeps_its_names():
    unmapped = ACCOUNT.model_copy(update={"rules": (Rule(crm="Name", books="CompanyName"),)})
    assert books_tree(unmapped, {"CompanyName": "New"}, HELD) == {"CompanyName": "New"}


def test_a_run_outside_an_address_has_no_names_above_it():
    notes = KindMap(
        name="notes",
        crm_kind="a",
        books_kind="B",
        role="b",
        addressee=("Name",),
        rules=(Rule(crm="X", books="Line1..Line3"),),
    )
    assert books_tree(notes, {"Line1..Line3": "a\nb"}, {"Name": "N"}) == {"Line1": "a", "Line2": "b"}
    assert books_values(notes, {"Name": "a", "Line1": "a", "Line2": "b"}) == {"Line1..Line3": "a\nb"}


def test_more_lines_than_a_run_has_are_a_fault_of_the_caller():
    with pytest.raises(ValueError, match="5 lines, not 6"):
        books_tree(ACCOUNT, {STREET: "1\n2\n3\n4\n5\n6"}, None)
