"""What the endpoint makes of a request's body: calls, things that are no calls, and attacks; and what it logs."""

import io
import logging

import pytest

from qbwc_server.soap import scan
from qbwc_server.soap.front import BLOCK
from tests.soap.recording import INTUIT, REQUEST, Recording, app, call, post

PASSWORD = "Tr0ub4dor-and-3"
TICKET = "0c4f-secret-ticket"
LOGIN = f"<strUserName>shop</strUserName><strPassword>{PASSWORD}</strPassword>"
AUTHENTICATE = f'<authenticate xmlns="{INTUIT}">{LOGIN}</authenticate>'
CALL = REQUEST % f'<serverVersion xmlns="{INTUIT}"/>'


# What the body must be


def with_doctype(subset: str, name: str = "&e;") -> str:
    login = f'<authenticate xmlns="{INTUIT}"><strUserName>{name}</strUserName></authenticate>'
    return (REQUEST % login).replace("?>", f"?><!DOCTYPE x {subset}>", 1)


DOCTYPES = {
    "external entity": with_doctype('[<!ENTITY e SYSTEM "file:///etc/passwd">]'),
    "internal entity": with_doctype('[<!ENTITY e "shop">]'),
    "parameter entity": with_doctype('[<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]'),
    "laughs": with_doctype(
        '[<!ENTITY a "' + "ha" * 100 + '"><!ENTITY b "' + "&a;" * 100 + '"><!ENTITY e "' + "&b;" * 100 + '">]'
    ),
    "remote dtd": with_doctype('SYSTEM "http://127.0.0.1:9/x.dtd"', "x"),
    "empty": with_doctype("", "x"),
    "inside utf-16": with_doctype("", "x").replace("utf-8", "utf-16").encode("utf-16"),
}

MALFORMED = {
    "empty": "",
    "blank": "   ",
    "text": "hello",
    "blank before the declaration": " " + CALL,
    "cut off": CALL[:-20],
    "two roots": CALL + CALL[CALL.index("<soap") :],
    "no body": REQUEST.replace("<soap:Body>%s</soap:Body>", ""),
    "header only": REQUEST.replace("<soap:Body>%s</soap:Body>", "<soap:Header/>"),
    "empty body": REQUEST % "",
    "text in the body": REQUEST % "serverVersion",
    "call beside the body": (REQUEST % "").replace(
        "</soap:Body>", f'</soap:Body><serverVersion xmlns="{INTUIT}"/>'
    ),
    "fault": REQUEST % "<soap:Fault><faultcode>x</faultcode><faultstring>y</faultstring></soap:Fault>",
    "no envelope": f'<serverVersion xmlns="{INTUIT}"/>',
    "envelope inside": f"<x>{CALL[CALL.index('<soap') :]}</x>",
    "unbound prefix": CALL.replace("xmlns:soap=", "xmlns:other="),
    "control character": REQUEST % AUTHENTICATE.replace("shop", "sh\x0bop"),
    "reference to a control character": REQUEST % AUTHENTICATE.replace("shop", "sh&#0;op"),
    "undefined entity": REQUEST % AUTHENTICATE.replace("shop", "&nbsp;"),
    "bad utf-8": (REQUEST % AUTHENTICATE).encode().replace(b"shop", b"sh\xffop"),
    "surrogates in utf-8": (REQUEST % AUTHENTICATE).encode().replace(b"shop", b"\xed\xa0\x80"),
    "latin-1": (REQUEST % AUTHENTICATE.replace("shop", "üser")).encode("latin-1"),
    "declared latin-1": CALL.replace('encoding="utf-8"', 'encoding="iso-8859-1"'),
    "declared utf-7": CALL.replace('encoding="utf-8"', 'encoding="utf-7"'),
    "declared nonsense": CALL.replace('encoding="utf-8"', 'encoding="nonsense"'),
    "utf-16": CALL.replace("utf-8", "utf-16").encode("utf-16"),
    "utf-16 without a mark": CALL[CALL.index("<soap") :].encode("utf-16-le"),
    "utf-32": CALL.replace("utf-8", "utf-32").encode("utf-32"),
    "mismatched password": REQUEST
    % f'<authenticate xmlns="{INTUIT}"><strPassword>{PASSWORD}</strUserName></authenticate>',
}

BOMBS = {
    "100 000 levels": REQUEST % ("<a>" * 100_000 + "</a>" * 100_000),
    "one level too many": REQUEST % ("<a>" * scan.MAX_DEPTH + "</a>" * scan.MAX_DEPTH),
    "many elements": REQUEST % f'<serverVersion xmlns="{INTUIT}">{"<a/>" * 100_000}</serverVersion>',
    "many attributes": REQUEST
    % (f'<serverVersion xmlns="{INTUIT}" ' + " ".join(f'a{n}=""' for n in range(200_000)) + "/>"),
    "a long attribute": REQUEST % f'<serverVersion xmlns="{INTUIT}" a="{"x" * 11_000_000}"/>',
    "a long comment": REQUEST % f'<serverVersion xmlns="{INTUIT}"/><!--{"x" * 11_000_000}-->',
    "a long name": REQUEST % f"<{'x' * 1_000_000}/>",
}


@pytest.mark.parametrize("name", DOCTYPES | MALFORMED | BOMBS)
def test_what_is_not_a_soap_call_is_a_client_fault(name: str) -> None:
    operations = Recording()
    reply = post(app(operations), (DOCTYPES | MALFORMED | BOMBS)[name])
    assert reply.fault_code == "Client"
    assert len(reply.body) < 600  # no parser text, nothing repeated
    assert not operations.calls


@pytest.mark.parametrize("namespace", ["http://www.w3.org/2003/05/soap-envelope", "urn:other", ""])
def test_an_envelope_of_another_version_is_a_version_mismatch(namespace: str) -> None:
    body = f'<Envelope xmlns="{namespace}"><Body><serverVersion xmlns="{INTUIT}"/></Body></Envelope>'
    assert post(app(), body).fault_code == "VersionMismatch"


def test_a_byte_order_mark_is_tolerated() -> None:
    assert post(app(), b"\xef\xbb\xbf" + CALL.encode()).status == 200


def test_a_call_without_a_declaration_is_tolerated() -> None:
    assert post(app(), CALL[CALL.index("<soap") :]).status == 200


def test_a_doctype_that_is_only_text_passes() -> None:
    operations = Recording()
    inner = "<response><![CDATA[<!DOCTYPE x><QBXML/>]]></response>"
    assert call(app(operations), "receiveResponseXML", inner).status == 200
    assert operations.calls[0][1][1] == "<!DOCTYPE x><QBXML/>"


class Counting(io.BytesIO):
    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(size)
        self.taken += len(block)
        return block


@pytest.mark.parametrize("name", ["empty", "laughs"])
def test_a_doctype_is_refused_before_the_rest_is_read(name: str) -> None:
    body = DOCTYPES[name].encode() + b" " * 5_000_000  # type: ignore[union-attr]
    source = Counting(body)
    assert post(app(), body, **{"wsgi.input": source}).fault_code == "Client"
    assert source.taken <= BLOCK


@pytest.mark.parametrize("name", ["100 000 levels", "many elements", "a long attribute"])
def test_a_bomb_is_refused_before_it_is_whole(name: str) -> None:
    source = Counting(BOMBS[name].encode())
    assert post(app(), BOMBS[name], **{"wsgi.input": source}).fault_code == "Client"
    assert source.taken <= 3 * BLOCK


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_that_comes_in_small_pieces_is_put_together(size: int) -> None:
    class Slow(io.BytesIO):
        def read(self, wanted: int | None = -1) -> bytes:
            return super().read(min(size, wanted or 0))

    operations = Recording()
    body = (REQUEST % AUTHENTICATE.replace("shop", "Grüße 😀")).encode()
    assert post(app(operations), body, **{"wsgi.input": Slow(body)}).status == 200
    assert operations.calls == [("authenticate", ("Grüße 😀", PASSWORD, "203.0.113.9"))]


# Logs


@pytest.mark.parametrize(
    "body",
    [
        REQUEST % AUTHENTICATE,
        REQUEST % AUTHENTICATE.replace("authenticate", "authenticate2"),
        REQUEST
        % AUTHENTICATE.replace("</strPassword>", f"</strPassword><strPassword>{PASSWORD}</strPassword>"),
        (REQUEST % AUTHENTICATE)[:-30],
        with_doctype("", "x").replace("<strUserName>x</strUserName>", LOGIN),
        MALFORMED["mismatched password"],
        REQUEST % f'<closeConnection xmlns="{INTUIT}"><ticket>{TICKET}</ticket></closeConnection>',
        REQUEST
        % f'<sendRequestXML xmlns="{INTUIT}"><qbXMLMajorVers>{PASSWORD}</qbXMLMajorVers></sendRequestXML>',
    ],
)
def test_no_log_at_any_level_holds_a_password_or_a_ticket(
    body: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    failing = Recording({"authenticate": RuntimeError(f"[parameters: {PASSWORD!r}]")})
    with caplog.at_level(logging.NOTSET), caplog.at_level(logging.NOTSET, "qbwc_server"):
        for operations in (Recording({"authenticate": [TICKET, ""]}), failing):
            post(app(operations), body, HTTP_AUTHORIZATION=f"Basic {PASSWORD}", HTTP_COOKIE=PASSWORD)
    printed = caplog.text + "".join(capfd.readouterr())
    assert PASSWORD not in printed
    assert TICKET not in printed


def test_a_refusal_is_logged_with_the_address_it_came_from(caplog: pytest.LogCaptureFixture) -> None:
    post(app(), "hello", REMOTE_ADDR="192.0.2.7")
    assert "192.0.2.7" in caplog.text
    assert "well-formed" in caplog.text
