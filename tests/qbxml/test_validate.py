from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from qbxml import InvalidRequest, Request, Violation, WallTime, build, validate


def add(**fields: Any) -> Request:
    return Request("CustomerAddRq", {"CustomerAdd": {"Name": "Ann", **fields}})


def mod(**fields: Any) -> Request:
    return Request("CustomerModRq", {"CustomerMod": {"ListID": "80000001-1", "EditSequence": "1", **fields}})


def query(**fields: Any) -> Request:
    return Request("CustomerQueryRq", fields)


ADD = "CustomerAddRq/CustomerAdd"
MOD = "CustomerModRq/CustomerMod"


# path, rule, and what makes it so; lengths are those of the desktop in Intuit's message list
@pytest.mark.parametrize(
    ("request_", "path", "rule"),
    [
        (add(Nme="x"), f"{ADD}/Nme", "unknown"),
        (add(PrintAs="x"), f"{ADD}/PrintAs", "unknown"),
        (add(BillAddress={"Street": "x"}), f"{ADD}/BillAddress/Street", "unknown"),
        (Request("CustomerAddRq", {}), "CustomerAddRq/CustomerAdd", "missing"),
        (Request("CustomerAddRq", {"CustomerAdd": {}}), f"{ADD}/Name", "missing"),
        (Request("CustomerModRq", {"CustomerMod": {"ListID": "1"}}), f"{MOD}/EditSequence", "missing"),
        (add(Contacts=[{"LastName": "x"}]), f"{ADD}/Contacts[1]/FirstName", "missing"),
        (Request("ListDeletedQueryRq", {}), "ListDeletedQueryRq/ListDelType", "missing"),
        (Request("ListDeletedQueryRq", {"ListDelType": []}), "ListDeletedQueryRq/ListDelType", "missing"),
        (
            Request("EstimateAddRq", {"EstimateAdd": {"CustomerRef": {"ListID": "1"}}}),
            "EstimateAddRq/EstimateAdd",
            "missing",
        ),
        (add(Phone=5), f"{ADD}/Phone", "type"),
        (add(Phone=None), f"{ADD}/Phone", "type"),
        (add(IsActive="yes"), f"{ADD}/IsActive", "type"),
        (add(IsActive=1), f"{ADD}/IsActive", "type"),
        (add(CreditLimit=1.5), f"{ADD}/CreditLimit", "type"),
        (add(CreditLimit=True), f"{ADD}/CreditLimit", "type"),
        (add(CreditLimit="1.50"), f"{ADD}/CreditLimit", "type"),
        (add(CreditLimit=Decimal("1.234")), f"{ADD}/CreditLimit", "type"),
        (add(CreditLimit=Decimal("NaN")), f"{ADD}/CreditLimit", "type"),
        (add(CreditLimit=Decimal("Infinity")), f"{ADD}/CreditLimit", "type"),
        (add(CreditLimit=Decimal(10) ** 13), f"{ADD}/CreditLimit", "type"),
        (add(JobStartDate="2026-08-01"), f"{ADD}/JobStartDate", "type"),
        (add(JobStartDate=datetime(2026, 8, 1, tzinfo=UTC)), f"{ADD}/JobStartDate", "type"),
        (add(JobStartDate=date(1900, 12, 31)), f"{ADD}/JobStartDate", "type"),
        (add(ExternalGUID="57F3B9B1-86F1-4fcc-B1EE-566DE1813D20"), f"{ADD}/ExternalGUID", "type"),
        (add(BillAddress="Main Street"), f"{ADD}/BillAddress", "type"),
        (add(Contacts={"FirstName": "x"}), f"{ADD}/Contacts", "type"),
        (add(CreditCardInfo={"ExpirationMonth": 13}), f"{ADD}/CreditCardInfo/ExpirationMonth", "type"),
        (query(MaxReturned=0), "CustomerQueryRq/MaxReturned", "type"),
        (
            query(FromModifiedDate=datetime(2026, 8, 1, tzinfo=UTC)),
            "CustomerQueryRq/FromModifiedDate",
            "type",
        ),
        (query(FromModifiedDate=date(1969, 12, 31)), "CustomerQueryRq/FromModifiedDate", "type"),
        (
            query(ToModifiedDate=WallTime.parse("2038-01-19T03:14:08")),
            "CustomerQueryRq/ToModifiedDate",
            "type",
        ),
        (add(Name="x" * 42), f"{ADD}/Name", "length"),
        (add(BillAddress={"City": "x" * 32}), f"{ADD}/BillAddress/City", "length"),
        (add(TermsRef={"ListID": "x" * 37}), f"{ADD}/TermsRef/ListID", "length"),
        (
            add(Contacts=[{"FirstName": "x"}, {"FirstName": "x" * 26}]),
            f"{ADD}/Contacts[2]/FirstName",
            "length",
        ),
        (Request("HostQueryRq", {}, "x" * 51), "HostQueryRq/@requestID", "length"),
        (add(JobStatus="awarded"), f"{ADD}/JobStatus", "enum"),
        (
            Request("CustomerQueryRq", {}, attributes={"iterator": "Begin"}),
            "CustomerQueryRq/@iterator",
            "enum",
        ),
        (query(ListID=["1"], FullName=["x"]), "CustomerQueryRq", "choice"),
        (query(FullName=["x"], MaxReturned=5), "CustomerQueryRq", "choice"),
        (
            query(NameFilter={"MatchCriterion": "Contains", "Name": "x"}, NameRangeFilter={}),
            "CustomerQueryRq",
            "choice",
        ),
        (add(Phone=["1", "2"]), f"{ADD}/Phone", "repeat"),
        (
            add(AdditionalContactRef=[{"ContactName": "x", "ContactValue": "y"}] * 9),
            f"{ADD}/AdditionalContactRef",
            "repeat",
        ),
        (add(Notes="Привет"), f"{ADD}/Notes", "character"),
        (add(Notes="\u2019"), f"{ADD}/Notes", "character"),
        (add(Notes="\x07"), f"{ADD}/Notes", "character"),
        (add(Notes="\x85"), f"{ADD}/Notes", "character"),
        (add(Notes="\ud800"), f"{ADD}/Notes", "character"),
        (add(Name="Acme:Kitchen"), f"{ADD}/Name", "character"),
        (mod(JobStatus=""), f"{MOD}/JobStatus", "empty"),
        (query(MaxReturned=""), "CustomerQueryRq/MaxReturned", "empty"),
        (add(Name=""), f"{ADD}/Name", "empty"),
        (
            Request("CustomerModRq", {"CustomerMod": {"ListID": "", "EditSequence": "1"}}),
            f"{MOD}/ListID",
            "empty",
        ),
        (add(**{"#order": ["Phone"]}), f"{ADD}/#order", "order"),
        (
            Request("CustomerQueryRq", {}, attributes={"iteratr": "Start"}),
            "CustomerQueryRq/@iteratr",
            "unknown",
        ),
        (Request("ClassQueryRq", {}, attributes={"iterator": "Start"}), "ClassQueryRq/@iterator", "unknown"),
        (
            Request("CustomerQueryRq", {}, attributes={"iterator": "Continue"}),
            "CustomerQueryRq/@iteratorID",
            "missing",
        ),
        (Request("HostQueryRq", {}, attributes={"requestID": "1"}), "HostQueryRq/@requestID", "unknown"),
        (Request("CustomerFindRq", {}), "CustomerFindRq", "unknown"),
        (Request("CustomerAdd", {}), "CustomerAdd", "unknown"),
    ],
)
def test_each_fault_is_refused_with_its_path_and_rule(request_: Request, path: str, rule: str) -> None:
    assert [(found.path, found.rule) for found in validate(request_)] == [(path, rule)]
    with pytest.raises(InvalidRequest) as refusal:
        build([request_])
    assert [found.path for found in refusal.value.violations] == [path]


def test_all_faults_are_told_at_once_and_belong_to_their_request() -> None:
    bad = {"Name": "x" * 42, "Phone": 7, "Foo": 1}
    with pytest.raises(InvalidRequest) as refusal:
        build(
            [
                add(),
                Request("CustomerAddRq", {"CustomerAdd": bad}, "b"),
                Request("HostQueryRq", {"X": 1}, "c"),
            ]
        )
    told = {(found.request_id, found.path, found.rule) for found in refusal.value.violations}
    assert told == {
        ("b", f"{ADD}/Name", "length"),
        ("b", f"{ADD}/Phone", "type"),
        ("b", f"{ADD}/Foo", "unknown"),
        ("c", "HostQueryRq/X", "unknown"),
    }


def test_a_field_newer_than_the_company_names_the_version_it_needs() -> None:
    (found,) = validate(add(ClassRef={"ListID": "80000001-1"}), "8.0")
    assert found == Violation(
        f"{ADD}/ClassRef",
        {"ListID": "80000001-1"},
        "version",
        "ClassRef needs qbXML 12.0, this company speaks 8.0",
        "12.0",
    )


def test_a_request_newer_than_the_company_names_the_version_it_needs() -> None:
    found = validate(Request("LeadQueryRq", {}), "12.0")
    assert [(one.path, one.rule, one.since) for one in found] == [("LeadQueryRq", "version", "13.0")]


def test_a_field_of_an_inner_aggregate_has_a_version_of_its_own() -> None:
    assert validate(add(BillAddress={"Addr5": "x"}), "6.0") == ()
    (found,) = validate(add(BillAddress={"Addr5": "x"}), "5.0")
    assert (found.path, found.since) == (f"{ADD}/BillAddress/Addr5", "6.0")


def test_serial_numbers_need_the_version_of_their_choice() -> None:
    line = {"CustomerRef": {"ListID": "1-1"}, "InvoiceLineAdd": [{"SerialNumber": "5"}]}
    (found,) = validate(Request("InvoiceAddRq", {"InvoiceAdd": line}), "10.0")
    assert (found.path, found.since) == ("InvoiceAddRq/InvoiceAdd/InvoiceLineAdd[1]/SerialNumber", "11.0")


@pytest.mark.parametrize(
    "fields",
    [
        {"Phone": ""},
        {"CreditLimit": ""},
        {"JobStartDate": ""},
        {"IsActive": ""},
        {"TermsRef": ""},
        {"TermsRef": {"FullName": ""}},
        {"BillAddress": ""},
        {"Name": ""},
    ],
)
def test_a_mod_may_clear_what_the_schema_lets_be_empty(fields: dict[str, Any]) -> None:
    assert validate(mod(**fields)) == ()


def test_the_longest_allowed_text_counts_characters_not_bytes() -> None:
    assert validate(add(Name="é" * 41)) == ()


@pytest.mark.parametrize(
    "amount", [Decimal("9999999999999.99"), Decimal("-0.01"), 0, 12, Decimal("1E+3"), Decimal("1.500")]
)
def test_every_exact_amount_within_thirteen_digits_is_good(amount: Decimal | int) -> None:
    assert validate(add(OpenBalance=amount)) == ()


def test_an_empty_list_is_as_if_it_were_absent() -> None:
    assert validate(query(ListID=[], MaxReturned=5)) == ()


def test_a_sentence_tells_a_near_name() -> None:
    (found,) = validate(add(CompanyNam="x"))
    assert "CompanyName" in found.text


def test_a_sentence_tells_length_and_limit() -> None:
    (found,) = validate(add(Name="x" * 100))
    assert found.text == "Name has 100 characters, QuickBooks allows 41"


def test_a_version_that_is_none_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="eight"):
        validate(add(), "eight")
