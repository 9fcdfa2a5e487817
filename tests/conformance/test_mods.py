"""What a Mod does to single fields: left out, empty, given."""

import pytest

from tests.conformance.desk import (
    UNCONFIRMED,
    Desk,
    Element,
    cites,
    full_name,
    list_id,
    record_id,
    text,
    words,
)

CLEARABLE = {
    "CompanyName": "Acme",
    "Salutation": "Dr",
    "FirstName": "Ann",
    "MiddleName": "B",
    "LastName": "Doe",
    "JobTitle": "Baker",
    "Phone": "1",
    "AltPhone": "2",
    "Fax": "3",
    "Email": "a@b.example",
    "Cc": "c@d.example",
    "Contact": "Ann Doe",
    "AltContact": "Ben Doe",
    "ResaleNumber": "R1",
    "AccountNumber": "A1",
    "CreditLimit": "100.00",
    "JobStartDate": "2026-01-01",
    "JobProjectedEndDate": "2026-02-01",
    "JobEndDate": "2026-03-01",
    "JobDesc": "Roof",
    "Notes": "Pays late",
}
REFERENCES = {
    "TermsRef": "Net 30",
    "CustomerTypeRef": "Residential",
    "PreferredPaymentMethodRef": "Check",
}


@pytest.fixture
def full(desk: Desk) -> Element:
    referring = {name: full_name(value) for name, value in REFERENCES.items()}
    given = {**CLEARABLE, **referring}
    return desk.customer("Ann", **{field: given[field] for field in ORDER if field in given})


ORDER = words(
    "CompanyName Salutation FirstName MiddleName LastName JobTitle Phone AltPhone Fax Email Cc Contact AltContact "
    "CustomerTypeRef TermsRef ResaleNumber AccountNumber CreditLimit PreferredPaymentMethodRef JobStartDate "
    "JobProjectedEndDate JobEndDate JobDesc Notes"
)


@cites("S5")
@pytest.mark.parametrize("field", CLEARABLE)
def test_an_empty_element_clears_and_the_others_stay(desk: Desk, full: Element, field: str) -> None:
    ret = desk.modified("Customer", full, {field: ""})
    assert not ret.findtext(field)
    for other in CLEARABLE:
        if other != field:
            assert text(ret, other) == text(full, other)
    assert not desk.read("Customer", record_id(ret)).findtext(field)


@cites("S5", UNCONFIRMED)
@pytest.mark.parametrize("field", REFERENCES)
def test_an_empty_reference_clears(desk: Desk, full: Element, field: str) -> None:
    ret = desk.modified("Customer", full, {field: ""})
    assert ret.find(field) is None
    assert text(ret, "Phone") == "1"


@cites("S5")
def test_an_omitted_element_stays(desk: Desk, full: Element) -> None:
    ret = desk.modified("Customer", full, {"Phone": "9"})
    changed = {"Phone", "TimeModified", "EditSequence", "AdditionalContactRef"}
    assert {child.tag: child.text for child in ret if child.tag not in changed} == {
        child.tag: child.text for child in full if child.tag not in changed
    }


@cites("S5", UNCONFIRMED)
def test_an_address_is_one_unit(desk: Desk) -> None:
    ann = desk.customer("Ann", BillAddress={"Addr1": "Elm 1", "City": "Town", "PostalCode": "1"})
    ret = desk.modified("Customer", ann, {"BillAddress": {"Addr1": "Oak 2"}})
    assert text(ret, "BillAddress/Addr1") == "Oak 2"
    assert ret.find("BillAddress/City") is None


@cites("S5")
def test_an_empty_address_clears_it(desk: Desk) -> None:
    ann = desk.customer("Ann", BillAddress={"Addr1": "Elm 1", "City": "Town"})
    assert desk.modified("Customer", ann, {"BillAddress": ""}).find("BillAddress") is None


@cites("S5")
def test_a_mod_can_deactivate_rename_and_move(desk: Desk) -> None:
    ann, ben = desk.customer("Ann"), desk.customer("Ben")
    job = desk.customer("Job", ParentRef=list_id(ann))
    moved = desk.modified("Customer", job, {"Name": "Roof", "IsActive": False, "ParentRef": list_id(ben)})
    assert text(moved, "FullName") == "Ben:Roof"
    assert text(moved, "IsActive") == "false"
