"""Playing a golden case: what is sent, what is kept for later, and what the little QuickBooks answers."""

import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from lxml import etree

from tests.soap.golden_format import GOLDEN, FormatError, load
from tests.soap.golden_replay import expanded, replay
from tests.soap.quickbooks_answers import answer, canned
from tests.soap.wire_paths import through_tcp, through_wsgi

VALUES = {
    "path": "/qbwc",
    "fileid": "{90A44FB5-33D9-4815-AC85-BC87A7E7D1EB}",
    "ownerid": "{57F3B9B1-86F1-4fcc-B1EE-566DE1813D20}",
}
ENVELOPE = (
    '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    '<{0}Response xmlns="http://developer.intuit.com/"><{0}Result>{1}</{0}Result></{0}Response>'
    "</e:Body></e:Envelope>"
)
TICKET = "15c9ce293bd3f41b761c21635b14fa06"
SET = (
    '<?xml version="1.0"?><?qbxml version="13.0"?><QBXML><QBXMLMsgsRq onError="continueOnError">'
    '<HostQueryRq requestID="a"/><CompanyQueryRq requestID="b"/><CustomerQueryRq requestID="c" iterator="Start"/>'
    '<TxnDeletedQueryRq requestID="d"/></QBXMLMsgsRq></QBXML>'
)
LOGIN = ["serverVersion 1", "clientVersion ", f"authenticate <string>{TICKET}</string><string/>"]
HAND_OUT = "sendRequestXML " + SET.replace("&", "&amp;").replace("<", "&lt;")


class Scripted:
    """A world that says its lines in order and keeps what it was sent."""

    values: Mapping[str, str] = VALUES

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)
        self.sent: list[tuple[str, str, dict[str, str], str]] = []

    def call(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        self.sent.append((method, path, dict(headers), body.decode("utf-8", "replace")))
        name, _, result = self.lines.pop(0).partition(" ")
        reply = ENVELOPE.format(name, result).encode()
        return 200, [("Content-Type", "text/xml; charset=utf-8"), ("Content-Length", str(len(reply)))], reply

    def close(self) -> None:
        """Nothing was started."""


def play(name: str, *lines: str) -> Scripted:
    world = Scripted(*lines)
    replay(load(GOLDEN / f"{name}.txt"), world)
    assert world.lines == []
    return world


def test_the_captured_ticket_and_set_come_back_in_later_calls() -> None:
    world = play("receive-progress", *LOGIN, HAND_OUT, "receiveResponseXML 40")
    assert f"<ticket>{TICKET}</ticket>" in world.sent[3][3]
    assert "&lt;DataExtValue&gt;{90A44FB5-33D9-4815-AC85-BC87A7E7D1EB}&lt;" in world.sent[3][3]
    assert 'HostQueryRs requestID="a"' in world.sent[4][3]
    assert world.sent[4][3].endswith(
        "<hresult /><message /></receiveResponseXML></soap:Body></soap:Envelope>"
    )


def test_a_difference_stops_the_case_and_says_where() -> None:
    with pytest.raises(
        AssertionError, match=r"receive-progress, world work, exchange 5\n[\s\S]*out of bounds"
    ):
        play("receive-progress", *LOGIN, HAND_OUT, "receiveResponseXML 100")


def test_a_visit_is_repeated_until_100() -> None:
    many = [line for percent in (50, 50, 99, 100) for line in (HAND_OUT, f"receiveResponseXML {percent}")]
    world = play("receive-100-at-the-end", *LOGIN, *many, "closeConnection OK")
    assert "closeConnection" in world.sent[-1][3]


def test_a_visit_without_an_end_is_an_error() -> None:
    endless = [HAND_OUT, "receiveResponseXML 50"] * 600
    with pytest.raises(AssertionError, match="no end after 500 rounds"):
        play("receive-100-at-the-end", *LOGIN, *endless)


def test_the_same_ticket_twice_is_an_error() -> None:
    again = LOGIN[2]
    with pytest.raises(AssertionError, match="given before"):
        play("authenticate-a-new-ticket-each-time", again, again)


def test_headers_are_the_clients_unless_the_file_says_otherwise() -> None:
    world = play("http-header-names-in-lower-case", "clientVersion ")
    method, path, headers, _ = world.sent[0]
    assert (method, path) == ("POST", "/qbwc")
    assert set(headers) == {"Host", "Content-Length", "content-type", "soapaction"}
    play("soap-action-missing-or-unquoted", "clientVersion ", "clientVersion ", "clientVersion ")


def test_the_length_is_that_of_the_bytes_sent() -> None:
    world = play("authenticate-nvu-odd-characters", *["authenticate <string/><string>nvu</string>"] * 3)
    for _, _, headers, body in world.sent:
        assert headers["Content-Length"] == str(len(body.encode()))


def test_what_is_filled_in_is_not_looked_at_again() -> None:
    assert expanded("{a}-{filler:3}", {"a": "{b} & <c>"}) == "{b} &amp; &lt;c&gt;-xxx"
    assert expanded("{bytes:ff}", {}).encode("utf-8", "surrogateescape") == b"\xff"
    assert expanded("{nested:2}", {}) == "<a><a></a></a>"
    with pytest.raises(FormatError):
        expanded("{tickte}", {"ticket": "x"})


# --- the little QuickBooks --------------------------------------------------------------------------------------


def test_each_request_gets_the_response_of_its_name_and_id() -> None:
    host, company, customer, deleted = ElementTree.fromstring(answer(SET, VALUES))[0]
    assert (host.tag, host.get("requestID"), host.get("statusCode")) == ("HostQueryRs", "a", "0")
    assert host.findtext("HostRet/SupportedQBXMLVersion") == "1.0"
    assert company.findall("CompanyRet/DataExtRet/DataExtValue")[-1].text == VALUES["fileid"]
    assert (customer.get("statusCode"), customer.get("iteratorRemainingCount"), len(customer)) == (
        "1",
        "0",
        0,
    )
    assert (deleted.tag, deleted.get("requestID")) == ("TxnDeletedQueryRs", "d")


def test_a_write_is_no_part_of_the_worlds() -> None:
    with pytest.raises(ValueError, match="CustomerAddRq"):
        answer(SET.replace("HostQueryRq", "CustomerAddRq"), VALUES)


def test_error_recovery_is_answered_with_its_status() -> None:
    def opened(attributes: str, body: str) -> dict[str, str]:
        asked = f'<QBXML><QBXMLMsgsRq onError="stopOnError" {attributes}>{body}</QBXMLMsgsRq></QBXML>'
        return ElementTree.fromstring(answer(asked, VALUES))[0].attrib

    assert opened("", "<HostQueryRq/>") == {}
    assert "requestID" not in answer("<QBXML><QBXMLMsgsRq><HostQueryRq/></QBXMLMsgsRq></QBXML>", VALUES)
    assert opened('newMessageSetID="N"', "<HostQueryRq/>") == {
        "newMessageSetID": "N",
        "messageSetStatusCode": "0",
    }
    assert opened('newMessageSetID="X" oldMessageSetID="X"', "")["messageSetStatusCode"] == "600"
    assert opened('oldMessageSetID="X"', "") == {"messageSetStatusCode": "600"}


@pytest.mark.parametrize("spelling", ["", "refs", "crlf"])
def test_spellings_of_an_answer_mean_the_same(spelling: str) -> None:
    text = expanded("{answer:" + spelling + "}" if spelling else "{answer}", VALUES | {"qbxml": SET})
    assert ("\r\n" in text) is (spelling == "crlf")
    assert ElementTree.fromstring(f"<x>{text}</x>").text == answer(SET, VALUES)


def test_variants_change_one_thing() -> None:
    refused = ElementTree.fromstring(answer(SET, VALUES, "refused"))[0][2]
    strangers = ElementTree.fromstring(answer(SET, VALUES, "other-ids"))[0][2]
    assert (refused.get("statusCode"), refused.get("statusSeverity")) == ("3250", "Error")
    assert strangers.get("requestID") == "not-asked-c"
    assert 100_000 < len(answer(SET, VALUES, "100000")) < 110_000


def test_canned_answers_are_what_quickbooks_could_say(shared: Path) -> None:
    schema = etree.XMLSchema(etree.parse(str(shared / "reference" / "qbxml" / "qbxmlops130.xsd")))
    whole = [
        name.name
        for name in (GOLDEN / "canned").glob("*.xml")
        if not name.stem.endswith(("cut-off", "doctype"))
    ]
    assert len(whole) >= 8
    for text in [*(canned(name, VALUES) for name in whole), answer(SET, VALUES)]:
        document = etree.fromstring(text.encode())
        assert schema.validate(document), schema.error_log


# --- the two paths ----------------------------------------------------------------------------------------------


def test_the_wsgi_path_passes_on_what_it_is_given() -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read())
        start_response("411 Length Required", [("X", "1")])
        return [b"a", b"b"]

    answered = through_wsgi(
        app, "POST", "/qb%20wc?wsdl", [("Content-Type", "text/xml"), ("SOAPAction", '""')], b"x"
    )
    assert answered == (411, (("X", "1"),), b"ab")
    assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["body"]) == ("/qb wc", "wsdl", b"x")
    assert (seen["CONTENT_TYPE"], seen["HTTP_SOAPACTION"]) == ("text/xml", '""')
    assert "CONTENT_LENGTH" not in seen


def test_the_tcp_path_sends_the_bytes_and_takes_an_early_reply() -> None:
    got: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        with listener.accept()[0] as connection:
            while b"\r\n\r\n" not in b"".join(got):
                got.append(connection.recv(200))
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
            connection.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                while connection.recv(65536):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        headers = [("Host", "x"), ("Content-Length", "-1")]
        answered = through_tcp(listener.getsockname(), "POST", "/qbwc", headers, b"y" * 3_000_000)
        thread.join()
    assert answered == (413, (("Content-Length", "2"),), b"no")
    assert b"".join(got).startswith(b"POST /qbwc HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n")
