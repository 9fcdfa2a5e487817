"""How .NET sends calls and reads replies: qbwc-protocol.md 1.1 to 1.5, 2.3, 2.5 and 9."""

import gzip
import re
import threading
from dataclasses import replace

import pytest
from lxml import etree

from qbwc_server.simulator import Options, UpdateResult, WebConnector
from qbwc_server.simulator.connector.qwc import read
from tests.simulator.conftest import INTUIT, Raw, Service, document, envelope, result, strings

QUERY = document('<CustomerQueryRq requestID="7"/>')


def update(connector: WebConnector) -> UpdateResult:
    [outcome] = connector.update()
    return outcome


def authenticated(inside: str) -> Raw:
    return Raw(result("authenticate", inside))


class TestRequests:
    def test_headers_are_those_of_the_dot_net_client(self, connector: WebConnector, service: Service) -> None:
        # 1.1, 1.3
        update(connector)
        headers = service.calls[2].headers
        assert headers["Soapaction"] == '"http://developer.intuit.com/authenticate"'
        assert headers["Content-Type"] == "text/xml; charset=utf-8"
        assert headers["User-Agent"].startswith(
            "Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol"
        )
        assert headers["Expect"] == "100-continue"
        assert "Accept-Encoding" not in headers

    def test_the_envelope_has_the_shape_of_the_capture(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 1.3: declaration, prefix soap, default namespace on the method, one line, no header
        update(connector)
        body = service.calls[2].body.decode()
        assert body == (
            '<?xml version="1.0" encoding="utf-8"?><soap:Envelope '
            'xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            'xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>'
            '<authenticate xmlns="http://developer.intuit.com/"><strUserName>tenant42</strUserName>'
            "<strPassword>secret</strPassword></authenticate></soap:Body></soap:Envelope>"
        )

    def test_serverVersion_is_an_empty_element(self, connector: WebConnector, service: Service) -> None:
        # 2.3
        update(connector)
        assert b'<serverVersion xmlns="http://developer.intuit.com/" />' in service.calls[0].body

    def test_children_come_in_the_order_of_the_contract(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 2.1
        service.sends(QUERY)
        update(connector)
        names = [
            list(call.parameters)
            for call in service.calls
            if call.method in ("sendRequestXML", "receiveResponseXML", "closeConnection")
        ]
        assert names == [
            [
                "ticket",
                "strHCPResponse",
                "strCompanyFileName",
                "qbXMLCountry",
                "qbXMLMajorVers",
                "qbXMLMinorVers",
            ],
            ["ticket", "response", "hresult", "message"],
            ["ticket"],
        ]

    def test_passwords_are_neither_trimmed_nor_harmed_by_markup(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 5.3
        connector.password("Example Sync", " <sé&cret> ")
        update(connector)
        assert service.received("authenticate")[0]["strPassword"] == " <sé&cret> "

    def test_the_body_has_a_content_length_and_is_utf_8(
        self, connector: WebConnector, service: Service
    ) -> None:
        connector.password("Example Sync", "é")
        update(connector)
        assert "é".encode() in service.calls[2].body


class TestRepliesOfAuthenticate:
    def expect_1012(self, connector: WebConnector, service: Service, reply: Raw, text: str) -> None:
        service.answers("authenticate", reply)
        outcome = update(connector)
        assert (outcome.ok, outcome.code) == (False, "QBWC1012")
        assert re.search(text, outcome.status)
        # 1.5: after an exception the run is over
        assert outcome.calls == ["serverVersion", "clientVersion", "authenticate"]

    @pytest.mark.parametrize(
        ("reply", "text"),
        [
            (Raw(result("authenticate", strings("t", "none")), status="404 Not Found"), "404"),
            (
                Raw(
                    result("authenticate", strings("t", "none")),
                    status="302 Found",
                    headers=[("Location", "http://localhost:1/"), ("Content-Type", "text/xml")],
                ),
                "302",
            ),
            (Raw(result("authenticate", strings("t", "none")), status="401 Unauthorized"), "401"),
            (
                Raw(
                    b"<html>Oops</html>",
                    status="500 Internal Server Error",
                    headers=[("Content-Type", "text/html")],
                ),
                "500",
            ),
        ],
    )
    def test_an_http_status_of_300_and_more_is_an_exception(
        self, connector: WebConnector, service: Service, reply: Raw, text: str
    ) -> None:
        # 1.4
        self.expect_1012(connector, service, reply, text)

    @pytest.mark.parametrize("content_type", ["text/html", "application/xml", "application/json", ""])
    def test_a_wrong_content_type_is_an_exception(
        self, connector: WebConnector, service: Service, content_type: str
    ) -> None:
        # 1.4; pitfall 6
        reply = Raw(
            result("authenticate", strings("t", "none")),
            headers=[("Content-Type", content_type)] if content_type else [],
        )
        self.expect_1012(
            connector,
            service,
            reply,
            f"Client found response content type of '{content_type}', but expected 'text/xml'",
        )

    def test_an_empty_body_is_an_exception_with_the_absurd_text(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 1.4; pitfall 7
        self.expect_1012(connector, service, Raw(b""), "text/xml.*but expected 'text/xml'.*empty response")

    @pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
    def test_a_fault_is_an_exception_whatever_its_status(
        self, connector: WebConnector, service: Service, status: str
    ) -> None:
        fault = envelope(
            "<soap:Fault><faultcode>soap:Server</faultcode><faultstring>Boom</faultstring></soap:Fault>"
        )
        self.expect_1012(connector, service, Raw(fault, status=status), "Boom")

    @pytest.mark.parametrize(
        "body",
        [
            b"\n" + result("authenticate", strings("t", "none")),
            b"Warning: debug output" + result("authenticate", strings("t", "none")),
            result("authenticate", strings("t", "none"))[:-9],
            b'<!DOCTYPE x SYSTEM "http://localhost/x.dtd">'
            + result("authenticate", strings("t", "none"))[38:],
            b"<!DOCTYPE x>" + result("authenticate", strings("t", "none"))[38:],
        ],
    )
    def test_what_is_not_plain_well_formed_xml_is_an_exception(
        self, connector: WebConnector, service: Service, body: bytes
    ) -> None:
        # 1.4 details; pitfall 8
        self.expect_1012(connector, service, Raw(body), "not well-formed|DTD is prohibited")

    def test_a_compressed_reply_is_not_unpacked(self, connector: WebConnector, service: Service) -> None:
        # 1.1 compression
        reply = Raw(
            gzip.compress(result("authenticate", strings("t", "none"))),
            headers=[("Content-Type", "text/xml"), ("Content-Encoding", "gzip")],
        )
        self.expect_1012(connector, service, reply, "not well-formed")

    def test_a_foreign_envelope_is_a_version_mismatch(
        self, connector: WebConnector, service: Service
    ) -> None:
        body = result("authenticate", strings("t", "none")).replace(
            b"http://schemas.xmlsoap.org/soap/envelope/", b"http://example.com/soap"
        )
        self.expect_1012(connector, service, Raw(body), "version mismatch")

    def test_a_double_envelope_is_an_exception(self, connector: WebConnector, service: Service) -> None:
        # pitfall 9
        inner = result("authenticate", strings("t", "none")).partition(b"?>")[2].decode()
        self.expect_1012(
            connector, service, Raw(envelope(inner)), "Index was outside the bounds of the array"
        )

    @pytest.mark.parametrize(
        "inside",
        [
            "",
            "<string>only the ticket</string>",
            '<string xmlns="http://schemas.microsoft.com/2003/10/Serialization/Arrays">t</string>'
            '<string xmlns="http://schemas.microsoft.com/2003/10/Serialization/Arrays">none</string>',
        ],
    )
    def test_an_array_that_net_reads_as_too_short_is_an_exception(
        self, connector: WebConnector, service: Service, inside: str
    ) -> None:
        # 2.5 failure shapes; pitfalls 1 and 2
        self.expect_1012(
            connector, service, authenticated(inside), "Index was outside the bounds of the array"
        )

    @pytest.mark.parametrize("namespace", ["http://localhost:8000//", "http://developer.intuit.com", ""])
    def test_another_namespace_reads_as_null(
        self, connector: WebConnector, service: Service, namespace: str
    ) -> None:
        # 2.3; pitfalls 3 and 5
        body = result("authenticate", strings("t", "none")).replace(INTUIT.encode(), namespace.encode())
        self.expect_1012(connector, service, Raw(body), "Index was outside the bounds of the array")

    def test_a_server_that_is_not_there_is_an_exception(
        self, connector: WebConnector, service: Service
    ) -> None:
        application = connector.registry.application("Example Sync")
        gone = service.qwc(AppURL="http://localhost:1/qbwc")
        connector.registry.keep(replace(application, qwc=read(gone.encode())))
        outcome = update(connector)
        assert (outcome.ok, outcome.code) == (False, "QBWC1036")


class TestTolerance:
    @pytest.mark.parametrize(
        "body",
        [
            b"\xef\xbb\xbf" + result("authenticate", strings("t", "none")),
            result("authenticate", strings("t", "none")).partition(b"?>")[2],
            b"\n" + result("authenticate", strings("t", "none")).partition(b"?>")[2],
            result("authenticate", strings("t", "none")).replace(
                b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope"
            ),
            result("authenticate", strings("t", "none")).replace(b"><", b">\n  <"),
            b'<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" '
            b'xmlns:ns1="http://developer.intuit.com/"><SOAP-ENV:Body><ns1:authenticateResponse>'
            b"<ns1:authenticateResult><ns1:string>t</ns1:string><ns1:string>none</ns1:string>"
            b"</ns1:authenticateResult></ns1:authenticateResponse></SOAP-ENV:Body></SOAP-ENV:Envelope>",
        ],
    )
    def test_prefixes_white_space_a_bom_and_soap_12_are_fine(
        self, connector: WebConnector, service: Service, body: bytes
    ) -> None:
        # 1.4 details
        service.answers("authenticate", Raw(body))
        assert update(connector).status == "No data exchange required"

    @pytest.mark.parametrize("empty", ["<string></string>", "<string/>"])
    def test_empty_items_keep_their_place(
        self, connector: WebConnector, service: Service, empty: str
    ) -> None:
        # 2.5
        service.answers("authenticate", f"<string>t</string>{empty}{empty}{empty}")
        assert "sendRequestXML" in update(connector).calls

    def test_without_a_charset_letters_beyond_ascii_are_lost(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 1.4 details
        service.answers(
            "closeConnection",
            Raw(result("closeConnection", "Fertig für heute"), headers=[("Content-Type", "text/xml")]),
        )
        service.sends(QUERY)
        assert update(connector).status == "Fertig f??r heute"

    def test_with_a_charset_they_arrive(self, connector: WebConnector, service: Service) -> None:
        service.answers("closeConnection", "Fertig für heute")
        service.sends(QUERY)
        assert update(connector).status == "Fertig für heute"


class TestCodesOfTheOtherMethods:
    @pytest.mark.parametrize(
        ("method", "code"),
        [
            ("clientVersion", "QBWC1036"),
            ("sendRequestXML", "QBWC1041"),
            ("receiveResponseXML", "QBWC1042"),
            ("getLastError", "QBWC1043"),
            ("closeConnection", "QBWC1044"),
        ],
    )
    def test_every_method_has_its_own_code(
        self, connector: WebConnector, service: Service, method: str, code: str
    ) -> None:
        # 1.5, 7
        service.sends(QUERY)
        service.answers("receiveResponseXML", "-1")
        service.answers(
            method,
            Raw(
                envelope("<soap:Fault><faultstring>Boom</faultstring></soap:Fault>"),
                status="500 Internal Server Error",
            ),
        )
        outcome = update(connector)
        assert (outcome.ok, outcome.code, outcome.calls[-1]) == (False, code, method)

    def test_connectionError_has_its_own_too(self, connector: WebConnector, service: Service) -> None:
        service.answers("authenticate", strings("t", r"C:\other.qbw"))
        service.answers("connectionError", Raw(b"<html/>", headers=[("Content-Type", "text/html")]))
        assert update(connector).code == "QBWC1045"

    @pytest.mark.parametrize("number", ["", "4.5", "forty", "<x>1</x>"])
    def test_receiveResponseXML_must_return_a_whole_number(
        self, connector: WebConnector, service: Service, number: str
    ) -> None:
        # 2.7
        service.sends(QUERY)
        service.answers("receiveResponseXML", number)
        assert update(connector).code == "QBWC1042"

    def test_an_extra_element_inside_a_text_loses_it(self, connector: WebConnector, service: Service) -> None:
        # 2.3; pitfall 4
        service.answers("sendRequestXML", "<string>" + QUERY.replace("<", "&lt;") + "</string>")
        assert update(connector).calls[-3:] == ["sendRequestXML", "getLastError", "closeConnection"]

    def test_a_reply_in_another_namespace_reads_as_nothing_to_send(
        self, connector: WebConnector, service: Service
    ) -> None:
        body = result("sendRequestXML", QUERY.replace("<", "&lt;")).replace(
            INTUIT.encode(), b"http://example.com/"
        )
        service.answers("sendRequestXML", Raw(body))
        assert "receiveResponseXML" not in update(connector).calls

    def test_a_slow_answer_is_a_timeout(
        self, connector: WebConnector, service: Service, options: Options
    ) -> None:
        # 1.1: 100 s in the real program
        assert options.timeout == 10
        assert Options().timeout == 100
        connector.options = Options(clock=options.clock, wait=options.wait, timeout=0.05)
        given_up = threading.Event()

        def slow(_: dict[str, str]) -> str:
            given_up.wait(10)
            return strings("t", "none")

        service.answers("authenticate", slow)
        assert update(connector).code == "QBWC1012"
        given_up.set()

    def test_a_large_document_comes_through_whole(self, connector: WebConnector, service: Service) -> None:
        # 9.1: one text node of more than ten megabytes
        padding = ("<!--" + "x" * 1_000_000 + "-->") * 11
        text = QUERY.replace("<QBXML>", "<QBXML>" + padding)
        service.sends(text)
        assert update(connector).ok
        answer = etree.fromstring(service.received("receiveResponseXML")[0]["response"].encode())
        assert answer[0][0].get("statusCode") == "1"
