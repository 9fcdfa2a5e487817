"""Real messages: Intuit's and other projects' requests, and answers of real company files."""

import csv
import re
from collections.abc import Iterator, Set
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from qbxml import RefusedByParser, Response, build, build_answer, read, read_request, tables, validate
from qbxml.tables import Element, Shape, version_of
from tests.conftest import SHARED

FOLDERS = (SHARED / "reference" / "qbxml-samples", SHARED / "samples" / "intuit-sample-company")
ALL = [path for folder in FOLDERS for path in sorted(folder.glob("*.xml"))]
REQUESTS = [path for path in ALL if b"<QBXMLMsgsRq" in path.read_bytes()]
ANSWERS = [path for path in ALL if b"<QBXMLMsgsRs" in path.read_bytes()]

# What these answers do outside the XSD of 13.0, as the official schema tells it; every other sample keeps to it.
DEVIATIONS = {
    # a field that no version of the tax code has
    "intuit-comment-03-SalesTaxCodeQuery.xml": ["SalesTaxCodeRet/FullName: not in qbXML 13.0"],
    # QuickBooks leaves out what its merchant service did not tell
    "steintr-rs-receive_payment_query_rs.xml": [
        "ReceivePaymentRet/CreditCardTxnInfo/CreditCardTxnInputInfo/NameOnCard: missing, qbXML 13.0 has it always",
        "ReceivePaymentRet/CreditCardTxnInfo/CreditCardTxnResultInfo: missing, qbXML 13.0 has it always",
    ],
}

# Why a sample's request is refused at the version that it declares. All samples were checked in real companies or come
# from Intuit, and none has a reason.
REFUSED: dict[str, list[tuple[str, str]]] = {}

pytestmark = pytest.mark.skipif(not ALL, reason="the shared samples are not beside this checkout")
each_request = pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.name)
each_answer = pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def official() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(SHARED / "reference" / "qbxml" / "qbxmlops130.xsd")))


def test_every_sample_is_a_request_or_an_answer() -> None:
    assert sorted([*REQUESTS, *ANSWERS]) == sorted(ALL)
    assert len(REQUESTS) > 15
    assert len(ANSWERS) > 10
    assert {*DEVIATIONS, *REFUSED} <= {path.name for path in ALL}


# -- answers ------------------------------------------------------------------------------------------


@each_answer
def test_an_answer_is_read_and_its_deviations_are_notes(path: Path, official: etree.XMLSchema) -> None:
    notes = [
        note for response in read(path.read_bytes()).responses for ret in response.rets for note in ret.notes
    ]
    assert notes == DEVIATIONS.get(path.name, [])
    assert bool(notes) != official.validate(etree.parse(str(path)))


@each_answer
def test_what_is_read_from_an_answer_is_written_to_the_same_meaning(path: Path) -> None:
    found = [_known(response) for response in read(path.read_bytes()).responses]
    text = build_answer([(response.status, response.rets) for response in found])
    assert [_without_notes(response) for response in read(text).responses] == found
    assert _meaning(text.encode()) == _meaning(path.read_bytes(), _unknown(path))


def _unknown(path: Path) -> set[str]:
    """Fields that the tables do not have; a writer of answers refuses them."""
    return {note.partition(":")[0] for note in DEVIATIONS.get(path.name, []) if "not in qbXML" in note}


def _known(response: Response) -> Response:
    """Without notes, and without fields that the tables do not have."""
    rets = []
    for ret in response.rets:
        shape = tables.shape(ret.name)
        values = {
            name: value for name, value in ret.values.items() if name[0] in "@#" or name in shape.by_name
        }
        rets.append(type(ret)(ret.name, values, ret.status))
    return Response(response.status, tuple(rets))


def _without_notes(response: Response) -> Response:
    return Response(
        response.status, tuple(type(ret)(ret.name, ret.values, ret.status) for ret in response.rets)
    )


def _meaning(document: bytes, unknown: Set[str] = frozenset()) -> list[tuple[str, dict[str, str], object]]:
    """The answers and leaves in document order, numbers as numbers, times without their offset."""
    parser = etree.XMLParser(remove_comments=True)
    (message_set,) = etree.fromstring(document, parser)
    for node in [node for node in message_set.iter() if path_of(node).partition("/")[2] in unknown]:
        node.getparent().remove(node)
    nodes = [node for request in message_set for node in request.iter() if not len(node) or node is request]
    return sorted(
        [(path_of(node), dict(node.attrib), _value(node)) for node in nodes], key=lambda one: one[0]
    )


def _value(node: etree._Element) -> object:
    """A number as a number, a truth value as one, a time without its offset."""
    text = (node.text or "").strip()
    kind = type_of(node)
    if kind == "BOOL":
        return text in ("1", "true")
    if kind in ("INT", "AMT", "PRICE", "QUAN", "PERCENT", "FLOAT") and text:
        return Decimal(text)
    return text[: len("2026-08-01T10:00:00")] if kind == "DATETIME" else text


def type_of(node: etree._Element) -> str:
    names = _names(node)
    shape: Shape | None = tables.shape(names[0])
    for name in names[1:]:
        element = shape.by_name.get(name) if shape else None
        shape = element.of if element and not element.is_leaf else None
    return element.type if len(names) > 1 and element else ""


def _names(node: etree._Element) -> list[str]:
    return [str(one.tag) for one in (*reversed([*node.iterancestors()]), node)][2:]


def path_of(node: etree._Element) -> str:
    return "/".join(_names(node))


# -- requests -----------------------------------------------------------------------------------------


@each_request
def test_a_request_passes_or_is_refused_for_its_known_reason(path: Path) -> None:
    found = read_request(path.read_bytes())
    told = [(one.path, one.rule) for request in found.requests for one in validate(request, found.version)]
    assert told == REFUSED.get(path.name, [])


@each_request
def test_what_is_read_from_a_request_is_built_to_the_same_meaning(path: Path) -> None:
    found = read_request(path.read_bytes())
    text = build(
        found.requests,
        version=found.version,
        on_error=found.on_error,
        new_message_set_id=found.new_message_set_id,
        old_message_set_id=found.old_message_set_id,
    )
    assert read_request(text) == found
    assert _meaning(text.encode()) == _meaning(path.read_bytes())


@pytest.fixture(scope="module")
def since() -> dict[str, str]:
    """(message/path) -> first version, from Intuit's annotated list."""
    with (SHARED / "reference" / "qbxml" / "fields140.tsv").open(encoding="utf-8", newline="") as lines:
        return {
            f"{row['message']}/{row['path']}": row["since"] or "1.0"
            for row in csv.DictReader(lines, delimiter="\t")
        }


@each_request
@pytest.mark.parametrize("version", ["1.0", "2.0", "4.0"])
def test_an_older_company_refuses_just_the_fields_that_the_list_tells_to_be_newer(
    path: Path, version: str, since: dict[str, str]
) -> None:
    found = read_request(path.read_bytes())
    for request in found.requests:
        newer = {
            below
            for below in _paths(request.values, request.name)
            if version_of(since.get(below, "1.0")) > version_of(version)
        }
        expected = {below for below in newer if below.rpartition("/")[0] not in newer}
        told = [
            one for one in validate(request, version) if one.rule == "version" and one.path != request.name
        ]
        assert {re.sub(r"\[\d+\]", "", one.path) for one in told} == expected


def _paths(values: Any, path: str) -> Iterator[str]:
    for item in values if isinstance(values, list) else [values]:
        for name, value in item.items() if isinstance(item, dict) else ():
            if name[0] not in "@#":
                yield f"{path}/{name}"
                yield from _paths(value, f"{path}/{name}")


# -- requests, spoilt ---------------------------------------------------------------------------------


def document_of(root: etree._Element) -> str:
    return '<?xml version="1.0"?><?qbxml version="13.0"?>' + etree.tostring(root, encoding="unicode")


def root_of(path: Path) -> etree._Element:
    return etree.fromstring(path.read_bytes(), etree.XMLParser(remove_comments=True, remove_pis=True))


def inside(root: etree._Element) -> list[etree._Element]:
    """The elements below the request elements."""
    return [node for request in root[0] for node in request.iter() if node is not request]


def element_of(node: etree._Element) -> Element:
    names = _names(node)
    shape = tables.shape(names[0])
    for name in names[1:-1]:
        shape = shape.by_name[name].of
    return shape.by_name[names[-1]]


def refusal(root: etree._Element) -> RefusedByParser:
    with pytest.raises(RefusedByParser) as caught:
        read_request(document_of(root))
    return caught.value


@each_request
def test_two_fields_in_the_wrong_order_are_refused_by_their_path(
    path: Path, official: etree.XMLSchema
) -> None:
    for number in range(len(inside(root_of(path)))):
        root = root_of(path)
        first = inside(root)[number]
        second = first.getnext()
        if second is None or second.tag == first.tag:
            continue
        second.addnext(first)
        if not official.validate(root):
            assert refusal(root).path in {path_of(first), path_of(second)}


@each_request
def test_an_unknown_field_is_refused_by_its_path(path: Path) -> None:
    for number in range(len(inside(root_of(path)))):
        root = root_of(path)
        node = inside(root)[number]
        node.addnext(etree.Element("Bogus"))
        assert refusal(root).path == f"{path_of(node).rpartition('/')[0]}/Bogus"


@each_request
def test_a_value_outside_its_enumeration_is_refused_by_its_path(path: Path) -> None:
    for number in range(len(inside(root_of(path)))):
        root = root_of(path)
        node = inside(root)[number]
        if not len(node) and element_of(node).enum:
            node.text = "Bogus"
            assert refusal(root).path == path_of(node)


@each_request
def test_a_wrong_attribute_is_refused_by_the_path_of_its_element(path: Path) -> None:
    for number, request in enumerate(root_of(path)[0]):
        for name, value in (("Bogus", "x"), ("iterator", "Bogus"), ("metaData", "Bogus")):
            root = root_of(path)
            root[0][number].set(name, value)
            assert refusal(root).path == request.tag


@each_request
def test_a_text_too_long_is_told_by_its_path_and_leaves_the_set_to_be_read(path: Path) -> None:
    for number in range(len(inside(root_of(path)))):
        root = root_of(path)
        node = inside(root)[number]
        element = element_of(node)
        if element.is_leaf and element.length and not element.enum:
            node.text = "x" * (element.length + 1)
            requests = read_request(document_of(root)).requests
            told = [one for request in requests for one in validate(request) if one.rule == "length"]
            assert [re.sub(r"\[\d+\]", "", one.path) for one in told] == [path_of(node)]


def test_the_samples_hold_enough_to_be_spoilt() -> None:
    nodes = [node for path in REQUESTS for node in inside(root_of(path))]
    leaves = [element_of(node) for node in nodes if not len(node)]
    assert len(nodes) > 150
    assert sum(1 for one in leaves if one.enum) > 3
    assert sum(1 for one in leaves if one.length) > 60
    assert sum(1 for one, other in pairwise(nodes) if one.getnext() is other) > 60
