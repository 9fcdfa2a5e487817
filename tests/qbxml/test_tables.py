import csv
import subprocess
import sys
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pytest

import schemas
from qbxml import Field, fields, tables
from schemas.generate import TABLE, generate

MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def facts() -> list[dict[str, str]]:
    path = Path(__file__).resolve().parents[3] / "shared" / "reference" / "qbxml" / "fields140.tsv"
    if not path.is_file():
        pytest.skip("the list of all fields is not beside this checkout")
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def test_the_shipped_table_is_what_the_generator_makes_of_the_reference(shared: Path) -> None:
    assert TABLE.read_text(encoding="ascii") == generate(shared / "reference" / "qbxml")


def test_the_table_is_compact_and_lies_with_the_package() -> None:
    assert TABLE.stat().st_size < MOST_BYTES
    assert TABLE.parent == Path(schemas.__file__).parent


def test_every_request_has_its_answer() -> None:
    names = set(tables.names())
    assert {name[:-2] + "Rs" for name in tables.requests()} <= names
    assert len(tables.requests()) > 200


def leaves_of(facts: list[dict[str, str]]) -> Iterator[tuple[str, dict[str, str]]]:
    """The fields of the desktop product, with their path."""
    elsewhere = {f"{row['message']}/{row['path']}" for row in facts if "QBD" in row["not_in"].split("|")}
    for row in facts:
        path = f"{row['message']}/{row['path']}"
        if row["type"] and not elsewhere & set(accumulate(path.split("/"), "{}/{}".format)):
            yield path, row


# The list is of 14.0: it has a field of Form 1099 more, and a choice that the XSD of 13.0 allows zero times.
NOT_IN_13 = ("FormType", "ValueAdjustment/NewValue", "ValueAdjustment/ValueDifference")


def test_types_of_all_fields_are_those_of_the_annotated_list(facts: list[dict[str, str]]) -> None:
    ours = {field.path: field for message in _messages(facts) for field in fields(message)}
    theirs = {path: row["type"] for path, row in leaves_of(facts) if not path.endswith(NOT_IN_13)}
    assert len(theirs) > 15_000
    assert {path: f"{field.type}TYPE" for path, field in ours.items()} == theirs


def test_lengths_of_all_fields_are_those_of_the_desktop(facts: list[dict[str, str]]) -> None:
    ours = {field.path: field for message in _messages(facts) for field in fields(message)}
    for path, row in leaves_of(facts):
        lengths = [part.partition(" (") for part in row["max_length"].split("; ") if part]
        desktop = [
            int(number) for number, _, who in lengths if not who or "QBD" in who.rstrip(")").split("|")
        ]
        if path in ours and desktop:
            assert [ours[path].max_length] == desktop, path


def test_versions_of_all_fields_are_the_highest_on_their_path(facts: list[dict[str, str]]) -> None:
    given = {f"{row['message']}/{row['path']}": row["since"] for row in facts}
    for message in _messages(facts):
        for field in fields(message):
            names = field.path.split("/")
            on_path = [given.get("/".join(names[: end + 1]), "") for end in range(1, len(names))]
            least = max((tables.version_of(since) for since in on_path), default=(1, 0))
            assert tables.version_of(field.since) >= least, field.path


def _messages(facts: list[dict[str, str]]) -> list[str]:
    return list(dict.fromkeys(row["message"] for row in facts))


# Table of lengths on the desktop, qbXML semantics section 5
@pytest.mark.parametrize(
    ("message", "path", "length"),
    [
        ("CustomerAdd", "Name", 41),
        ("CustomerAdd", "CompanyName", 41),
        ("CustomerAdd", "Salutation", 15),
        ("CustomerAdd", "FirstName", 25),
        ("CustomerAdd", "MiddleName", 5),
        ("CustomerAdd", "BillAddress/Addr1", 41),
        ("CustomerAdd", "BillAddress/City", 31),
        ("CustomerAdd", "BillAddress/State", 21),
        ("CustomerAdd", "BillAddress/PostalCode", 13),
        ("CustomerAdd", "Phone", 21),
        ("CustomerAdd", "Email", 1023),
        ("CustomerAdd", "AccountNumber", 99),
        ("CustomerAdd", "ResaleNumber", 15),
        ("CustomerAdd", "AdditionalContactRef/ContactName", 40),
        ("CustomerAdd", "Notes", 4095),
        ("CustomerAdd", "SalesRepRef/FullName", 5),
        ("CustomerAdd", "SalesTaxCodeRef/FullName", 3),
        ("CustomerMod", "EditSequence", 16),
        ("CustomerRet", "FullName", 209),
        ("InvoiceAdd", "RefNumber", 11),
        ("InvoiceAdd", "CustomerRef/FullName", 209),
        ("InvoiceAdd", "PONumber", 25),
        ("InvoiceAdd", "FOB", 13),
        ("InvoiceAdd", "Other", 29),
        ("InvoiceAdd", "InvoiceLineAdd/Desc", 4095),
        ("InvoiceAdd", "ShipMethodRef/FullName", 15),
        ("InvoiceAdd", "CustomerMsgRef/FullName", 101),
        ("ReceivePaymentAdd", "RefNumber", 20),
        ("ItemServiceAdd", "Name", 31),
        ("CurrencyAdd", "CurrencyCode", 3),
    ],
)
def test_known_lengths_of_the_desktop_are_in_the_table(message: str, path: str, length: int) -> None:
    assert {field.path: field.max_length for field in fields(message)}[path] == length


def field(message: str, path: str) -> Field:
    (found,) = [field for field in fields(message) if field.path == path]
    return found


def test_paths_of_objects_start_below_them_and_paths_of_messages_are_whole() -> None:
    assert field("CustomerAdd", "BillAddress/City").type == "STR"
    assert field("CustomerAddRq", "CustomerAddRq/CustomerAdd/BillAddress/City").type == "STR"


def test_a_field_is_required_only_when_everything_above_it_is() -> None:
    assert field("CustomerAdd", "Name").required
    assert not field("CustomerAdd", "Contacts/FirstName").required
    assert field("CustomerModRq", "CustomerModRq/CustomerMod/EditSequence").required


def test_a_repeating_field_tells_which_path_repeats() -> None:
    found = field("InvoiceRet", "InvoiceLineRet/DataExtRet/DataExtName")
    assert found.repeatable
    assert found.lists == ("InvoiceLineRet", "InvoiceLineRet/DataExtRet")


def test_a_field_inherits_the_version_of_what_it_stands_in() -> None:
    assert field("CustomerAdd", "ClassRef/ListID").since == "12.0"
    assert field("CustomerAdd", "BillAddress/Addr5").since == "6.0"
    assert field("CustomerAdd", "Name").since == ""


def test_fields_of_other_editions_are_not_listed() -> None:
    assert not {"PrintAs", "Mobile", "Suffix"} & {field.path for field in fields("CustomerAdd")}


def test_the_fields_of_nothing_are_no_list() -> None:
    with pytest.raises(KeyError):
        fields("CustomerFindRq")


def test_importing_the_package_reads_no_table() -> None:
    code = "import qbxml.tables as t; import qbxml; assert not t._blocks.cache_info().currsize"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[2])
