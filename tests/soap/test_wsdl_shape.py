"""The WSDL that `GET ?wsdl` returns, held against the operations of the Web Connector's own, listed here anew."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree
from zeep import Client

from tests.soap.golden_format import World, WorldMaker

QBWC = "http://developer.intuit.com/"
XSD = "http://www.w3.org/2001/XMLSchema"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
BOUND = "http://schemas.xmlsoap.org/wsdl/soap/"
PORT_TYPE = "QBWebConnectorSvcSoap"

STRING, INT, STRINGS = f"{{{XSD}}}string", f"{{{XSD}}}int", f"{{{QBWC}}}ArrayOfString"

# Children of each request in their order, and the type of the result (protocol reference 2.1).
OPERATIONS: dict[str, tuple[list[tuple[str, str]], str]] = {
    "serverVersion": ([], STRING),
    "clientVersion": ([("strVersion", STRING)], STRING),
    "authenticate": ([("strUserName", STRING), ("strPassword", STRING)], STRINGS),
    "sendRequestXML": (
        [
            ("ticket", STRING),
            ("strHCPResponse", STRING),
            ("strCompanyFileName", STRING),
            ("qbXMLCountry", STRING),
            ("qbXMLMajorVers", INT),
            ("qbXMLMinorVers", INT),
        ],
        STRING,
    ),
    "receiveResponseXML": (
        [("ticket", STRING), ("response", STRING), ("hresult", STRING), ("message", STRING)],
        INT,
    ),
    "connectionError": ([("ticket", STRING), ("hresult", STRING), ("message", STRING)], STRING),
    "getLastError": ([("ticket", STRING)], STRING),
    "closeConnection": ([("ticket", STRING)], STRING),
}
# No public WSDL has these: they may be left out, but if they are there they have this shape.
INTERACTIVE: dict[str, tuple[list[tuple[str, str]], str]] = {
    "getInteractiveURL": ([("wcTicket", STRING), ("sessionID", STRING)], STRING),
    "interactiveDone": ([("wcTicket", STRING)], STRING),
    "isInteractiveDone": ([("wcTicket", STRING)], STRING),
    "interactiveRejected": ([("wcTicket", STRING), ("reason", STRING)], STRING),
}
KNOWN = OPERATIONS | INTERACTIVE
Leaf = tuple[str, str, str, str, str]  # name, type, minOccurs, maxOccurs, nillable


def get(world: World, *headers: tuple[str, str]) -> bytes:
    asked = headers or (("Host", "qbwc.example.com"),)
    status, reply, body = world.call("GET", world.values["path"] + "?wsdl", asked, b"")
    named = {name.lower(): value for name, value in reply}
    assert status == 200
    assert named["content-type"].lower().replace(" ", "") == "text/xml;charset=utf-8"
    assert named["content-length"] == str(len(body))
    assert body.startswith(b"<?xml")
    return body


@pytest.fixture
def world(soap_world: WorldMaker) -> Iterator[World]:
    made = soap_world("work")
    yield made
    made.close()


@pytest.fixture
def wsdl(world: World) -> etree._Element:
    return etree.fromstring(get(world), etree.XMLParser(resolve_entities=False, no_network=True))


def resolved(node: etree._Element, name: str) -> str:
    """An attribute that holds a prefixed name, as {namespace}local."""
    prefix, _, local = node.get(name, "").rpartition(":")
    return f"{{{node.nsmap.get(prefix or None)}}}{local}"


def only(node: etree._Element, path: str) -> etree._Element:
    found = node.findall(path, {"w": WSDL, "s": XSD, "soap": BOUND})
    assert len(found) == 1, f"{len(found)} of {path}"
    return found[0]


def named(node: etree._Element, tag: str) -> dict[str, etree._Element]:
    found = node.findall(tag, {"w": WSDL, "s": XSD})
    names = [child.get("name", "") for child in found]
    assert len(set(names)) == len(names)
    return dict(zip(names, found, strict=True))


def leaf(name: str, kind: str) -> Leaf:
    return (name, kind, "1" if kind == INT else "0", "1", "false")


def leaves(parent: etree._Element) -> list[Leaf]:
    """What a complexType holds: nothing, or one sequence of elements."""
    sequences = list(parent)
    assert [child.tag for child in sequences] in ([], [f"{{{XSD}}}sequence"])
    inside = list(sequences[0]) if sequences else []
    assert {child.tag for child in inside} <= {f"{{{XSD}}}element"}
    return [
        (
            child.get("name", ""),
            resolved(child, "type"),
            child.get("minOccurs", "1"),
            child.get("maxOccurs", "1"),
            child.get("nillable", "false"),
        )
        for child in inside
    ]


def test_every_operation_of_the_web_connector_is_there_and_no_other(wsdl: etree._Element) -> None:
    names = set(named(only(wsdl, "w:portType"), "w:operation"))
    assert names >= OPERATIONS.keys()
    assert names <= KNOWN.keys()


def test_the_schema_is_qualified_and_in_the_intuit_namespace(wsdl: etree._Element) -> None:
    schema = only(wsdl, "w:types/s:schema")
    assert wsdl.tag == f"{{{WSDL}}}definitions"
    assert wsdl.get("targetNamespace") == schema.get("targetNamespace") == QBWC
    assert schema.get("elementFormDefault") == "qualified"


def test_each_request_and_response_element_has_its_children_in_order(wsdl: etree._Element) -> None:
    elements = named(only(wsdl, "w:types/s:schema"), "s:element")
    operations = set(named(only(wsdl, "w:portType"), "w:operation"))
    assert elements.keys() == operations | {f"{name}Response" for name in operations}
    for name in operations:
        children, result = KNOWN[name]
        wanted = [[leaf(*child) for child in children]]
        # Intuit's own copies differ in this one: some give serverVersion an optional strVersion.
        also = [[leaf("strVersion", STRING)]] if name == "serverVersion" else []
        assert leaves(only(elements[name], "s:complexType")) in wanted + also, name
        answer = leaves(only(elements[f"{name}Response"], "s:complexType"))
        assert answer == [leaf(f"{name}Result", result)], name


def test_the_array_of_authenticate_has_items_named_string(wsdl: etree._Element) -> None:
    types = named(only(wsdl, "w:types/s:schema"), "s:complexType")
    assert list(types) == ["ArrayOfString"]
    assert leaves(types["ArrayOfString"]) == [("string", STRING, "0", "unbounded", "true")]


def test_each_message_has_one_part_named_parameters(wsdl: etree._Element) -> None:
    messages = named(wsdl, "w:message")
    operations = named(only(wsdl, "w:portType"), "w:operation")
    assert len(messages) == 2 * len(operations)
    for name, operation in operations.items():
        for way, element in (("input", name), ("output", f"{name}Response")):
            wanted = resolved(only(operation, f"w:{way}"), "message")
            assert wanted == f"{{{QBWC}}}{name}Soap{'In' if way == 'input' else 'Out'}"
            part = only(messages[wanted.removeprefix(f"{{{QBWC}}}")], "w:part")
            assert part.get("name") == "parameters", name
            assert resolved(part, "element") == f"{{{QBWC}}}{element}"


def test_the_binding_is_document_literal_with_the_full_soap_actions(wsdl: etree._Element) -> None:
    binding = only(wsdl, "w:binding")
    assert (binding.get("name"), resolved(binding, "type")) == (PORT_TYPE, f"{{{QBWC}}}{PORT_TYPE}")
    assert only(wsdl, "w:portType").get("name") == PORT_TYPE
    transport = only(binding, "soap:binding")
    assert transport.get("transport") == "http://schemas.xmlsoap.org/soap/http"
    assert transport.get("style", "document") == "document"
    bound = named(binding, "w:operation")
    assert bound.keys() == named(only(wsdl, "w:portType"), "w:operation").keys()
    for name, operation in bound.items():
        assert only(operation, "soap:operation").get("soapAction") == QBWC + name
        assert only(operation, "soap:operation").get("style", "document") == "document"
        for way in ("input", "output"):
            assert only(operation, f"w:{way}/soap:body").get("use") == "literal"


def test_the_service_says_the_configured_address(wsdl: etree._Element, world: World) -> None:
    service = only(wsdl, "w:service")
    port = only(service, "w:port")
    assert (service.get("name"), port.get("name")) == ("QBWebConnectorSvc", PORT_TYPE)
    assert resolved(port, "binding") == f"{{{QBWC}}}{PORT_TYPE}"
    assert only(port, "soap:address").get("location") == world.values["url"]


def test_a_hostile_host_header_changes_nothing_for_anyone(world: World) -> None:
    hostile = get(
        world,
        ("Host", "evil.example"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "gopher"),
        ("Forwarded", "host=evil.example"),
    )
    assert b"evil.example" not in hostile
    assert b"gopher" not in hostile
    assert get(world) == hostile


def test_a_soap_library_reads_it(world: World, tmp_path: Path) -> None:
    file = tmp_path / "service.wsdl"
    file.write_bytes(get(world))
    client = Client(str(file))
    operations = client.service._binding._operations
    signature = operations["sendRequestXML"].input.signature()
    assert operations.keys() >= OPERATIONS.keys()
    assert signature == (
        "ticket: xsd:string, strHCPResponse: xsd:string, strCompanyFileName: xsd:string, "
        "qbXMLCountry: xsd:string, qbXMLMajorVers: xsd:int, qbXMLMinorVers: xsd:int"
    )
