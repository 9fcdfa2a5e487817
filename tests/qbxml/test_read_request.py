from datetime import date
from decimal import Decimal

import pytest

from qbxml import RefusedByParser, Request, WallTime, read_request, validate
from tests.conftest import SHARED

SAMPLES = [
    path
    for path in sorted((SHARED / "reference" / "qbxml-samples").glob("*.xml"))
    if b"<QBXMLMsgsRq" in path.read_bytes()
]
HEAD = '<?xml version="1.0"?><?qbxml version="13.0"?>'


def document(inside: str, attributes: str = 'onError="stopOnError"', head: str = HEAD) -> str:
    return f"{head}<QBXML><QBXMLMsgsRq {attributes}>{inside}</QBXMLMsgsRq></QBXML>"


def add(inside: str, attributes: str = "") -> str:
    return document(f"<CustomerAddRq {attributes}><CustomerAdd>{inside}</CustomerAdd></CustomerAddRq>")


def test_a_whole_document_is_read_with_its_attributes() -> None:
    inside = (
        '<CustomerQueryRq requestID="7" iterator="Start"><MaxReturned>100</MaxReturned><ActiveStatus>All</ActiveStatus>'
        "<FromModifiedDate>2026-08-01T10:00:00</FromModifiedDate><ToModifiedDate>2026-08-02</ToModifiedDate>"
        "<OwnerID>0</OwnerID></CustomerQueryRq>"
    )
    found = read_request(
        document(inside, 'onError="continueOnError" newMessageSetID="A" oldMessageSetID="B"')
    )
    assert (found.version, found.on_error) == ("13.0", "continueOnError")
    assert (found.new_message_set_id, found.old_message_set_id) == ("A", "B")
    assert found.requests == (
        Request(
            "CustomerQueryRq",
            {
                "MaxReturned": 100,
                "ActiveStatus": "All",
                "FromModifiedDate": WallTime.parse("2026-08-01T10:00:00"),
                "ToModifiedDate": date(2026, 8, 2),
                "OwnerID": ["0"],
            },
            "7",
            {"iterator": "Start"},
        ),
    )


@pytest.mark.skipif(not SAMPLES, reason="the shared samples are not beside this checkout")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_real_request_is_read_and_found_good_for_its_own_version(path) -> None:
    found = read_request(path.read_bytes())
    assert [validate(request, found.version) for request in found.requests] == [()] * len(found.requests)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " " + document(""),
        "\ufeff" + document(""),
        "\n" + document(""),
        "no xml",
        document("")[:-3],
        document("", head='<?xml version="1.0"?>'),
        document("", head='<?xml version="1.0"?><?qbxml version="13"?>'),
        document("", head='<?xml version="1.0"?><?qbxml?>'),
        document("", head=HEAD + "<!DOCTYPE QBXML>"),
        f"{HEAD}<QBXML/>",
        f"{HEAD}<QBXMLMsgsRq onError='stopOnError'/>",
        document("").replace("QBXMLMsgsRq", "QBXMLMsgsRs"),
        document("", attributes=""),
        document("", attributes='onError="rollbackOnError"'),
        document("", attributes='onError="stop"'),
        document("", attributes='onError="stopOnError" responseData="some"'),
        document("", attributes='onError="stopOnError" color="red"'),
        document("words"),
        document("<CustomerFindRq/>"),
        document("<CustomerAdd/>"),
        document("<CustomerQueryRs/>"),
        document('<CustomerQueryRq iterator="Begin"/>'),
        document('<ClassQueryRq iterator="Start"/>'),
        document('<CustomerQueryRq color="red"/>'),
        document("<CustomerAddRq/>"),
        add(""),
        add("<Name>Ann</Name><Color>red</Color>"),
        add("<Phone>1</Phone><Name>Ann</Name>"),
        add("<Name>Ann</Name><Name>Bob</Name>"),
        add("<Name>Ann</Name>words"),
        add("<Name><b>Ann</b></Name>"),
        add("<Name kind='full'>Ann</Name>"),
        add("<Name>Ann</Name><JobStatus>awarded</JobStatus>"),
        add("<Name>Ann</Name><JobStatus/>"),
        add("<Name>Ann</Name><Contacts><LastName>x</LastName></Contacts>"),
        add("<Name>Ан</Name>"),
        add("<Name>&nbsp;</Name>"),
        document("<CustomerQueryRq><ListID>1</ListID><FullName>x</FullName></CustomerQueryRq>"),
        document("<CustomerQueryRq><MaxReturned>1</MaxReturned><ListID>1</ListID></CustomerQueryRq>"),
        document("<CustomerQueryRq><OwnerID>0</OwnerID><MaxReturned>1</MaxReturned></CustomerQueryRq>"),
        document("<ListDelRq><ListID>1</ListID><ListDelType>Customer</ListDelType></ListDelRq>"),
        document("<ListDelRq><ListDelType>Customers</ListDelType><ListID>1</ListID></ListDelRq>"),
    ],
)
def test_what_quickbooks_cannot_parse_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(RefusedByParser) as refusal:
        read_request(text)
    assert refusal.value.text
    with pytest.raises(RefusedByParser):
        read_request(text.encode())


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (add("<Phone>1</Phone><Name>Ann</Name>"), "CustomerAddRq/CustomerAdd/Name"),
        (add("<Name>Ann</Name><Color/>"), "CustomerAddRq/CustomerAdd/Color"),
        (add("<Name>A</Name><JobStatus>x</JobStatus>"), "CustomerAddRq/CustomerAdd/JobStatus"),
        (
            add("<Name>A</Name><BillAddress><City/><Addr1/></BillAddress>"),
            "CustomerAddRq/CustomerAdd/BillAddress/Addr1",
        ),
    ],
)
def test_a_refusal_names_where_the_parser_stopped(text: str, path: str) -> None:
    with pytest.raises(RefusedByParser) as refusal:
        read_request(text)
    assert refusal.value.path == path
    assert refusal.value.hresult == "0x80040400"


@pytest.mark.parametrize("version", ["14.0", "1.5", "CA3.0", "thirteen"])
def test_a_version_that_is_not_spoken_has_an_hresult_of_its_own(version: str) -> None:
    with pytest.raises(RefusedByParser) as refusal:
        read_request(document("", head=f'<?xml version="1.0"?><?qbxml version="{version}"?>'))
    assert refusal.value.hresult == "0x80040423"


def test_a_field_or_request_newer_than_the_document_is_unknown_to_its_parser() -> None:
    old = HEAD.replace("13.0", "8.0")
    ref = "<CustomerAddRq><CustomerAdd><Name>A</Name><ClassRef/></CustomerAdd></CustomerAddRq>"
    assert read_request(document(ref)).requests
    for inside in (ref, "<LeadQueryRq/>"):
        with pytest.raises(RefusedByParser):
            read_request(document(inside, head=old))


@pytest.mark.parametrize(
    ("leaf", "value", "rule"),
    [
        ("<Name>" + "x" * 42 + "</Name>", "x" * 42, "length"),
        ("<Name>A</Name><CreditLimit>97,50</CreditLimit>", "97,50", "type"),
        ("<Name>A</Name><IsActive>yes</IsActive>", "yes", "type"),
        ("<Name>A</Name><JobStartDate>1.8.2026</JobStartDate>", "1.8.2026", "type"),
        ("<Name>&#1040;</Name>", "А", "character"),
        ("<Name>A</Name><PrintAs>B</PrintAs>", "B", "unknown"),
    ],
)
def test_what_only_one_request_gets_wrong_comes_through_for_validate(
    leaf: str, value: str, rule: str
) -> None:
    (request,) = read_request(add(leaf)).requests
    (found,) = validate(request)
    assert (found.value, found.rule) == (value, rule)


def test_raw_latin_letters_are_read_in_their_declared_encoding() -> None:
    text = add("<Name>Zoë</Name>").replace('version="1.0"', 'version="1.0" encoding="iso-8859-1"', 1)
    for source in (text, text.encode("iso-8859-1")):
        assert read_request(source).requests[0].values["CustomerAdd"]["Name"] == "Zoë"


@pytest.mark.parametrize("text", ["97.5", "97.505", "97.", ".5", "1e2"])
def test_an_amount_without_exactly_two_decimals_is_no_amount(text: str) -> None:
    """QuickBooks answers 3040 for its request and goes on with the set."""
    (request,) = read_request(add(f"<Name>A</Name><CreditLimit>{text}</CreditLimit>")).requests
    (found,) = validate(request)
    assert (found.path, found.value, found.rule) == ("CustomerAddRq/CustomerAdd/CreditLimit", text, "type")


@pytest.mark.parametrize("text", ["97", "97.50", "-97.50", "+97.50"])
def test_an_amount_has_two_decimals_or_none(text: str) -> None:
    (request,) = read_request(add(f"<Name>A</Name><CreditLimit>{text}</CreditLimit>")).requests
    assert request.values["CustomerAdd"]["CreditLimit"] == Decimal(text)
    assert validate(request) == ()


def test_empty_elements_are_empty_texts_so_that_a_mod_can_clear() -> None:
    fields = "<ListID>8-1</ListID><EditSequence>1</EditSequence><Phone/><TermsRef/>"
    inside = f"<CustomerModRq><CustomerMod>{fields}</CustomerMod></CustomerModRq>"
    (request,) = read_request(document(inside)).requests
    assert request.values["CustomerMod"]["Phone"] == ""
    assert request.values["CustomerMod"]["TermsRef"] == {}
