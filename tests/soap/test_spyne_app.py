import logging
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

import pytest
import zeep
from lxml import etree

from qbwc_server.soap.port import safe_operations
from qbwc_server.soap.spyne_app import SILENT_LOGGERS
from tests.soap.recording import INTUIT, REQUEST, Recording, app, call, post, serve

# Name on the wire -> (method of the port, element names in the port's order): QBWC protocol reference 2.1.
OPERATIONS = {
    "serverVersion": ("server_version", ()),
    "clientVersion": ("client_version", ("strVersion",)),
    "authenticate": ("authenticate", ("strUserName", "strPassword")),
    "receiveResponseXML": ("receive_response_xml", ("ticket", "response", "hresult", "message")),
    "connectionError": ("connection_error", ("ticket", "hresult", "message")),
    "getLastError": ("get_last_error", ("ticket",)),
    "closeConnection": ("close_connection", ("ticket",)),
    "getInteractiveURL": ("get_interactive_url", ("wcTicket", "sessionID")),
    "interactiveRejected": ("interactive_rejected", ("wcTicket", "reason")),
    "interactiveDone": ("interactive_done", ("wcTicket",)),
    "isInteractiveDone": ("interactive_done", ("wcTicket",)),
}
NIL = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil='


def arguments(operations: Recording) -> tuple[Any, ...]:
    (recorded,) = operations.calls
    return recorded[1]


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_hands_its_elements_to_the_port_in_order(name: str) -> None:
    operations = Recording()
    method, elements = OPERATIONS[name]
    reply = call(app(operations), name, "".join(f"<{e}>{e} &amp; é</{e}>" for e in elements))
    assert reply.status == 200
    assert etree.QName(reply.root[0][0]).localname == f"{name}Response"
    peer = ("203.0.113.9",) if name == "authenticate" else ()
    assert operations.calls == [(method, (*(f"{e} & é" for e in elements), *peer))]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("form", ["", "<{0}/>", "<{0}></{0}>", f"<{{0}} {NIL}'true'/>", f"<{{0}} {NIL}'1'/>"])
def test_absent_empty_and_nil_arguments_are_empty_strings(name: str, form: str) -> None:
    operations = Recording()
    elements = OPERATIONS[name][1]
    assert call(app(operations), name, "".join(form.format(e) for e in elements)).status == 200
    assert arguments(operations)[: len(elements)] == ("",) * len(elements)


def test_an_argument_that_says_it_is_not_nil_keeps_its_text() -> None:
    operations = Recording()
    call(app(operations), "closeConnection", f"<ticket {NIL}'false'>T</ticket>")
    assert arguments(operations) == ("T",)


@pytest.mark.parametrize(
    ("text", "number"),
    [("<{0}>13</{0}>", 13), ("<{0}> 13\t</{0}>", 13), ("<{0}/>", 0), ("", 0), (f"<{{0}} {NIL}'true'/>", 0)],
)
def test_the_two_numbers_are_stripped_and_default_to_zero(text: str, number: int) -> None:
    operations = Recording()
    versions = text.format("qbXMLMajorVers") + text.format("qbXMLMinorVers")
    call(app(operations), "sendRequestXML", f"<ticket>T</ticket>{versions}")
    assert operations.calls == [("send_request_xml", ("T", "", "", "", number, number))]


@pytest.mark.parametrize("text", ["abc", "13.0", "99999999999", "0x0d"])
def test_a_number_that_is_none_is_a_fault_that_does_not_repeat_it(text: str) -> None:
    operations = Recording()
    reply = call(app(operations), "sendRequestXML", f"<qbXMLMajorVers>{text}</qbXMLMajorVers>")
    assert reply.fault_code == "Client"
    assert text.encode() not in reply.body
    assert not operations.calls


@pytest.mark.parametrize(
    "inner",
    [
        "<message>m</message><hresult>h</hresult><ticket>T</ticket>",
        "<ticket>T</ticket><surplus>x</surplus><hresult>h</hresult><message>m</message>",
        "<ticket><![CDATA[T]]></ticket><hresult>h<!-- half --></hresult><message>m<?x y?></message>",
        '<ticket xmlns="">T</ticket><hresult xmlns="">h</hresult><message xmlns="">m</message>',
        "\n  <ticket>T</ticket>\n  <hresult>h</hresult>\n  <message>m</message>\n",
    ],
)
def test_order_extras_comments_and_missing_namespaces_of_arguments_do_not_matter(inner: str) -> None:
    operations = Recording()
    assert call(app(operations), "connectionError", inner).status == 200
    assert arguments(operations) == ("T", "h", "m")


def test_an_rpc_style_call_is_understood() -> None:
    operations = Recording()
    body = REQUEST % (
        f'<q1:clientVersion xmlns:q1="{INTUIT}"><strVersion xsi:type="xsd:string">2.3.0.215</strVersion>'
        "</q1:clientVersion>"
    )
    assert post(app(operations), body).status == 200
    assert arguments(operations) == ("2.3.0.215",)


def test_a_type_written_in_the_request_does_not_change_how_it_is_read() -> None:
    operations = Recording()
    confusing = f'<ticket xmlns:q="{INTUIT}" xsi:type="q:ArrayOfString">T</ticket>'
    assert (
        post(app(operations), REQUEST % f'<getLastError xmlns="{INTUIT}">{confusing}</getLastError>').result
        == ""
    )
    assert arguments(operations) == ("T",)


@pytest.mark.parametrize("prefixed", ["S", "SOAP-ENV", "x"])
def test_the_prefix_of_the_envelope_is_free(prefixed: str) -> None:
    operations = Recording()
    body = (REQUEST % f'<serverVersion xmlns="{INTUIT}"/>').replace("soap:", f"{prefixed}:")
    assert post(app(operations), body.replace("xmlns:soap", f"xmlns:{prefixed}")).status == 200


def test_a_header_and_a_second_call_in_the_body_are_ignored() -> None:
    operations = Recording()
    body = REQUEST % f'<serverVersion xmlns="{INTUIT}"/><getLastError xmlns="{INTUIT}"/>'
    header = '<soap:Header><a xmlns="urn:x"><b>c</b></a></soap:Header><soap:Body>'
    assert post(app(operations), body.replace("<soap:Body>", header)).status == 200
    assert [name for name, _ in operations.calls] == ["server_version"]


@pytest.mark.parametrize("action", [None, "authenticate", '"urn:other"', '""'])
def test_the_body_decides_and_not_the_soap_action(action: str | None) -> None:
    operations = Recording()
    assert call(app(operations), "serverVersion", HTTP_SOAPACTION=action).status == 200
    assert operations.calls == [("server_version", ())]


def test_an_argument_that_comes_twice_is_a_fault() -> None:
    reply = call(app(), "getLastError", "<ticket>1</ticket><ticket>2</ticket>")
    assert reply.fault_code == "Client"


def test_elements_inside_a_text_never_spell_a_password() -> None:
    operations = Recording()
    call(app(operations), "authenticate", "<strUserName>u</strUserName><strPassword><b>pw</b></strPassword>")
    assert arguments(operations)[:2] == ("u", "")


def test_a_soap_reference_is_not_followed() -> None:
    operations = Recording()
    body = REQUEST % (
        f'<authenticate xmlns="{INTUIT}"><strUserName href="#a"/><strPassword id="a" href="#a">x</strPassword>'
        "</authenticate>"
    )
    assert post(app(operations), body).status == 200
    assert arguments(operations)[:2] == ("", "x")


def test_only_the_address_the_server_saw_is_believed() -> None:
    operations = Recording()
    forged = {"HTTP_X_FORWARDED_FOR": "198.51.100.1", "HTTP_FORWARDED": "for=198.51.100.1"}
    call(app(operations), "authenticate", REMOTE_ADDR="192.0.2.7", **forged)
    assert arguments(operations) == ("", "", "192.0.2.7")


# What leaves


def test_the_answer_of_authenticate_has_exactly_the_form_of_the_reference() -> None:
    reply = call(app(Recording({"authenticate": ["15c9", ""]})), "authenticate")
    assert reply.body == (
        b'<?xml version="1.0" encoding="utf-8"?>'
        b'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        b'<authenticateResponse xmlns="http://developer.intuit.com/"><authenticateResult>'
        b"<string>15c9</string><string></string>"
        b"</authenticateResult></authenticateResponse></soap:Body></soap:Envelope>"
    )


@pytest.mark.parametrize(
    "items", [["T", ""], ["", "nvu"], ["T", "C:\\a & b.qbw", "", "1800"], ["T", None, "60"]]
)
def test_every_item_of_authenticate_keeps_its_place(items: list[str]) -> None:
    reply = call(app(Recording({"authenticate": items})), "authenticate")
    assert reply.result == [item or "" for item in items]


@pytest.mark.parametrize("answer", [[], ["T"], "T", None])
def test_an_answer_of_authenticate_that_would_break_the_client_is_a_fault(answer: object) -> None:
    assert call(app(Recording({"authenticate": answer})), "authenticate").fault_code == "Server"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("", ""),
        (None, ""),
        ("a\x00b\x0bc\ufffed\uffffe\ud800f", "abcdef"),
        ("one\rtwo\r\nthree\tfour", "one\rtwo\r\nthree\tfour"),
        ("]]> <&> \"quoted\" 'text'", "]]> <&> \"quoted\" 'text'"),
        ("Grüße, 株式会社 😀", "Grüße, 株式会社 😀"),
        ('<?xml version="1.0"?><?qbxml version="13.0"?><QBXML>&#233;</QBXML>',) * 2,
    ],
)
def test_a_text_arrives_as_it_left_but_for_what_xml_cannot_carry(given: str | None, read: str) -> None:
    assert call(app(Recording({"send_request_xml": given})), "sendRequestXML").result == read


@pytest.mark.parametrize(("given", "read"), [(42, "42"), ("42", "42"), (-1, "-1"), (100, "100")])
def test_progress_leaves_as_a_bare_whole_number(given: object, read: str) -> None:
    reply = call(app(Recording({"receive_response_xml": given})), "receiveResponseXML")
    assert f"<receiveResponseXMLResult>{read}</receiveResponseXMLResult>".encode() in reply.body


@pytest.mark.parametrize("answer", ["half", 41.5, None, ""])
def test_progress_that_is_no_whole_number_is_a_fault(answer: object) -> None:
    assert call(app(Recording({"receive_response_xml": answer})), "receiveResponseXML").fault_code == "Server"


def test_a_failure_of_the_sessions_is_a_fault_without_its_text() -> None:
    reply = call(app(Recording({"get_last_error": RuntimeError("select * from secrets")})), "getLastError")
    assert reply.fault_code == "Server"
    assert b"select" not in reply.body
    assert b"Traceback" not in reply.body


def test_behind_safe_operations_a_failure_is_the_error_value_and_no_fault() -> None:
    safe = safe_operations(Recording({"receive_response_xml": RuntimeError("x")}), lambda *_: None)
    assert call(app(safe), "receiveResponseXML").result == "-1"  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["authenticate2", "getServerVersion", "ServerVersion", "Fault"])
def test_an_unknown_method_is_a_client_fault_that_does_not_repeat_it(name: str) -> None:
    reply = call(app(), name)
    assert reply.fault_code == "Client"
    assert name.encode() not in reply.body.replace(b"soap:Fault", b"")


@pytest.mark.parametrize("namespace", ["http://developer.intuit.com", "https://developer.intuit.com/", ""])
def test_a_method_outside_intuits_namespace_is_unknown(namespace: str) -> None:
    assert post(app(), REQUEST % f'<serverVersion xmlns="{namespace}"/>').fault_code == "Client"


def test_two_services_in_one_process_keep_apart() -> None:
    one, two = app(Recording({"server_version": "1"})), app(Recording({"server_version": "2"}))
    assert [call(each, "serverVersion").result for each in (one, two, one)] == ["1", "2", "1"]


@pytest.mark.parametrize("megabytes", [3, 12, 50])
def test_a_large_answer_of_quickbooks_arrives_whole(megabytes: int) -> None:
    operations = Recording()
    record = "<CustomerRet><Name>Ann &amp; Co</Name></CustomerRet>\r\n"
    escaped = escape(record)
    times = megabytes * 1_000_000 // len(escaped)
    reply = call(app(operations), "receiveResponseXML", f"<response>{escaped * times}</response><hresult />")
    assert reply.result == "100"
    received = arguments(operations)[1]
    assert len(received) == (len(record) - 1) * times  # CR LF is LF to every XML reader
    assert received == record.replace("\r\n", "\n") * times


def test_a_large_request_set_leaves_whole() -> None:
    text = "<CustomerAdd><Name>Ann &amp; Co é</Name></CustomerAdd>" * 200_000
    assert call(app(Recording({"send_request_xml": text})), "sendRequestXML").result == text


def test_spynes_own_loggers_are_silent() -> None:
    app()
    for name in (
        *SILENT_LOGGERS,
        "spyne.application",
        "spyne.server.wsgi",
        "spyne.protocol.soap.soap11.invalid",
    ):
        assert not logging.getLogger(name).isEnabledFor(logging.CRITICAL)


# Over real HTTP


@pytest.fixture
def operations() -> Recording:
    return Recording(
        {
            "server_version": "qbwc-server",
            "authenticate": ["T1", "C:\\Books\\Right.qbw"],
            "send_request_xml": '<?xml version="1.0"?><QBXML>ü &amp; 1</QBXML>',
            "receive_response_xml": 100,
            "close_connection": "OK",
        }
    )


@pytest.fixture
def url(operations: Recording) -> Iterator[str]:
    yield from serve(app(operations))


@pytest.fixture
def service(url: str) -> Iterator[Any]:
    client = zeep.Client(f"{url}?wsdl")
    binding = "{http://developer.intuit.com/}QBWebConnectorSvcSoap"
    yield client.create_service(binding, url)
    client.transport.session.close()


def test_a_whole_session_from_the_published_wsdl(service: Any, operations: Recording) -> None:
    assert service.serverVersion() == "qbwc-server"
    assert service.clientVersion("34.0.10010.76") is None  # an empty string, to zeep
    assert service.authenticate("shop", "pass word") == ["T1", "C:\\Books\\Right.qbw"]
    sent = service.sendRequestXML("T1", "<hcp>&</hcp>", "C:\\Books\\Right.qbw", "US", 13, 0)
    assert sent == '<?xml version="1.0"?><QBXML>ü &amp; 1</QBXML>'
    assert service.receiveResponseXML("T1", "<QBXML/>", "", "") == 100
    assert service.closeConnection("T1") == "OK"
    assert operations.calls[2:] == [
        ("authenticate", ("shop", "pass word", "127.0.0.1")),
        ("send_request_xml", ("T1", "<hcp>&</hcp>", "C:\\Books\\Right.qbw", "US", 13, 0)),
        ("receive_response_xml", ("T1", "<QBXML/>", "", "")),
        ("close_connection", ("T1",)),
    ]


def test_every_published_operation_can_be_called(service: Any, operations: Recording) -> None:
    operations.answers = {**operations.answers, "get_interactive_url": "https://x.example"}
    assert service.connectionError("T", "0x80040408", "Could not start QuickBooks.") is None
    assert service.getLastError("T") is None
    assert service.getInteractiveURL("T", "1") == "https://x.example"
    assert service.interactiveRejected("T", "no") is None
    assert service.interactiveDone("T") is None
