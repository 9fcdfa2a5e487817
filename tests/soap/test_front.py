import http.client
import io
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from wsgiref.validate import validator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from qbwc_server.soap import front
from qbwc_server.soap.front import Front
from tests.soap.conftest import Gunicorn, Prepared
from tests.soap.recording import INTUIT, MAX, REQUEST, URL, Recording, app, ask, post, serve

PASSWORD = "Tr0ub4dor-and-3"
AUTHENTICATE = f'<authenticate xmlns="{INTUIT}"><strPassword>{PASSWORD}</strPassword></authenticate>'
CALL = REQUEST % f'<serverVersion xmlns="{INTUIT}"/>'


# A browser, a person, the Web Connector's check when the application is added


@pytest.mark.parametrize("path", ["", "/"])
@pytest.mark.parametrize("query", ["", "company=7", "x=wsdl"])
def test_a_plain_get_is_answered_with_a_short_page(path: str, query: str) -> None:
    reply = ask(app(), "GET", PATH_INFO=path, QUERY_STRING=query)
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain")
    assert b"working" in reply.body


def test_head_has_the_headers_of_get_and_no_body() -> None:
    got, headed = ask(app(), "GET"), ask(app(), "HEAD")
    assert headed.headers == got.headers
    assert headed.body == b""


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "wsdl=1", "wsdl&x=y"])
def test_the_wsdl_has_the_configured_address_whatever_host_is_asked_for(query: str) -> None:
    application = app()
    hostile = {"HTTP_HOST": "evil.example", "HTTP_X_FORWARDED_HOST": "evil.example"}
    for _ in range(2):
        reply = ask(application, "GET", QUERY_STRING=query, **hostile)
        assert reply.status == 200
        assert reply.headers["content-type"] == "text/xml; charset=utf-8"
        (address,) = reply.root.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address")
        assert address.get("location") == URL
        assert b"evil" not in reply.body


def test_an_address_with_markup_does_not_break_the_wsdl() -> None:
    front = Front(lambda e, s: [], public_url='https://x.example/q?a=1&b="<--$public_url>', max_bytes=1)
    root = etree.fromstring(front.answer({"REQUEST_METHOD": "GET", "QUERY_STRING": "wsdl"})[2])
    (address,) = root.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address")
    assert address.get("location") == 'https://x.example/q?a=1&b="<--$public_url>'


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "post", "", "BREW"])
def test_other_methods_are_not_allowed(method: str) -> None:
    reply = ask(app(), method)
    assert reply.status == 405
    assert reply.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("path", ["/support", "/qbwc/x", "/index.php"])
def test_other_paths_do_not_exist(path: str) -> None:
    assert ask(app(), "GET", PATH_INFO=path).status == 404
    assert post(app(), CALL, PATH_INFO=path).status == 404


@pytest.mark.parametrize("path", ["", "/", "/qbwc", "/qbwc/"])
def test_the_endpoint_answers_with_and_without_a_slash_and_never_redirects(path: str) -> None:
    assert post(app(), CALL, PATH_INFO=path).status == 200


def test_a_query_string_on_a_post_is_accepted() -> None:
    assert post(app(), CALL, QUERY_STRING="wsdl&company=7").status == 200


# What is refused before the body is read


@pytest.mark.parametrize(
    "content_type",
    ["text/xml", "TEXT/XML; charset=utf-8", 'text/xml; charset="UTF-8"', "text/xml;charset=utf-8; action=x"],
)
def test_text_xml_in_utf8_is_accepted(content_type: str) -> None:
    assert post(app(), CALL, CONTENT_TYPE=content_type).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "application/xml",
        "application/soap+xml; charset=utf-8",
        "text/html",
        "text/xml, text/html",
        "multipart/related; boundary=x",
        "text/xml; charset=utf-16",
        "text/xml; charset=iso-8859-1",
        "text/xml; charset=nonsense",
        "text/xml; charset=''",
    ],
)
def test_other_content_types_and_charsets_are_unsupported(content_type: str | None) -> None:
    assert post(app(), CALL, CONTENT_TYPE=content_type).status == 415


class Untouchable(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (None, 411),
        ("", 411),
        ("abc", 400),
        ("-1", 400),
        ("+5", 400),
        ("1e3", 400),
        (" 5", 400),
        ("٣", 400),
        ("9" * 5000, 400),
        ("9" * 19, 413),
    ],
)
def test_a_length_that_is_missing_wrong_or_too_large_is_refused_unread(
    length: str | None, status: int
) -> None:
    application = app(max_bytes=1000)
    untouched = {"wsgi.input": Untouchable()}
    assert post(application, CALL, CONTENT_LENGTH=length, **untouched).status == status


class Endless(io.RawIOBase):
    """A body of any length, which notes how much of it was read."""

    taken = 0

    def __init__(self, beginning: str = "") -> None:
        self._beginning = beginning.encode()

    def read(self, size: int = -1) -> bytes:
        self.taken += size
        piece, self._beginning = self._beginning[:size], self._beginning[size:]
        return piece.ljust(size, b"x")


ANSWER = REQUEST.split("%s")[0] + f'<receiveResponseXML xmlns="{INTUIT}"><ticket>secret</ticket><response>'


@pytest.mark.parametrize(("beginning", "named"), [(ANSWER, "receiveResponseXML"), ("", "request")])
def test_a_body_above_the_cap_is_read_and_refused_with_its_length_and_the_name_of_the_setting(
    beginning: str, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    source, operations = Endless(beginning), Recording()
    reply = post(app(operations, max_bytes=1000), "", CONTENT_LENGTH="5000000", **{"wsgi.input": source})
    assert reply.status == 413
    assert reply.headers["content-type"].startswith("text/plain")
    for text in (reply.body.decode(), caplog.text):
        assert f"This {named} has 5000000 bytes" in text
        assert "max_body_mb allows 1000" in text
        assert "secret" not in text
    assert "203.0.113.9" in caplog.text
    assert source.taken == 5_000_000
    assert not operations.calls


def test_a_body_above_the_cap_that_ends_early_is_refused_for_its_length() -> None:
    assert post(app(max_bytes=10), CALL, CONTENT_LENGTH="5000").status == 413


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_body_above_the_cap_has_only_so_much_time(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "THROWN_AWAY_SECONDS", seconds)
    source = Endless()
    assert post(app(max_bytes=10), "", CONTENT_LENGTH="9000000", **{"wsgi.input": source}).status == 413
    assert source.taken <= 2 * front.BLOCK


def test_many_times_the_cap_is_not_read_at_all() -> None:
    cap = front.THROWN_AWAY_BYTES
    most = front.THROWN_AWAY_TIMES * cap
    untouched = {"wsgi.input": Untouchable(), "CONTENT_LENGTH": str(most + 1)}
    assert post(app(max_bytes=cap), "", **untouched).status == 413


def test_a_body_that_ends_early_is_refused() -> None:
    operations = Recording()
    assert post(app(operations), CALL, CONTENT_LENGTH=str(len(CALL) + 1)).status == 400
    assert not operations.calls


def test_a_connection_that_breaks_while_the_body_is_read_is_refused() -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ConnectionResetError

    assert post(app(), CALL, **{"wsgi.input": Broken()}).status == 400


def test_nothing_beyond_the_content_length_is_read() -> None:
    assert post(app(), CALL + "rubbish", CONTENT_LENGTH=str(len(CALL))).status == 200


# When the SOAP library fails


def broken_app(soap: Any) -> Front:
    return Front(soap, public_url=URL, max_bytes=MAX)


def raising(environ: Any, start_response: Any) -> Any:
    raise RecursionError(PASSWORD)


def raising_late(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield b"<half"
    raise StopAsyncIteration(PASSWORD)


def without_body(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return [b"<soap:Envelope/>"]


def without_start(environ: Any, start_response: Any) -> Any:
    return [b"<soap:Body></soap:Body>"]


def with_nothing(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return []


@pytest.mark.parametrize("soap", [raising, raising_late, without_body, without_start, with_nothing])
def test_whatever_the_soap_library_does_the_reply_is_a_fault(
    soap: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        reply = post(broken_app(soap), REQUEST % AUTHENTICATE)
    assert reply.fault_code == "Server"
    assert caplog.records
    assert PASSWORD not in caplog.text
    assert PASSWORD.encode() not in reply.body


def test_the_soap_library_is_told_nothing_a_caller_could_choose() -> None:
    seen: list[dict[str, Any]] = []

    def spy(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ)
        start_response("200 OK", [])
        return [b"<soap:Body></soap:Body>"]

    post(broken_app(spy), CALL, HTTP_COOKIE="x", HTTP_HOST="evil", QUERY_STRING="wsdl", PATH_INFO="/")
    assert "evil" not in str(seen)
    assert not [key for key in seen[0] if key.startswith("HTTP_")]


# Whatever comes

REPLIES = {200, 400, 404, 405, 411, 413, 415, 500}
CHUNKS = [
    *(piece.encode() for piece in (CALL, REQUEST % AUTHENTICATE, "<soap:Body>", "<![CDATA[", "]]>", "&#0;")),
    *(f"<{name} xmlns='{INTUIT}'>".encode() for name in ("receiveResponseXML", "sendRequestXML", "x")),
    b"<!DOCTYPE x [<!ENTITY e 'x'>]>",
    b'<?xml version="1.0" encoding="utf-16"?>',
    b"\xff\xfe",
    b"\x00",
]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    body = b"".join(draw(st.lists(st.sampled_from(CHUNKS) | st.binary(max_size=20), max_size=5)))
    if body and draw(st.booleans()):
        at = draw(st.integers(0, len(body) - 1))
        return body[:at] + draw(st.binary(max_size=3)) + body[at + draw(st.integers(0, 20)) :]
    return body


headers = st.text(st.characters(max_codepoint=255), max_size=30)
APPLICATION = app()


def assert_sound(reply: Any, method: str) -> None:
    assert reply.status in REPLIES
    if reply.status == 500:
        assert reply.fault_code in ("Client", "VersionMismatch")  # nothing got past the checks and blew up
    assert "content-encoding" not in reply.headers
    if method != "HEAD":
        assert reply.body
        assert reply.headers["content-length"] == str(len(reply.body))


@settings(max_examples=400, deadline=None)
@given(body=bodies())
def test_no_body_makes_the_endpoint_raise_or_fall_silent(body: bytes) -> None:
    assert_sound(post(APPLICATION, body), "POST")


@settings(max_examples=300, deadline=None)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT"]) | headers,
    path=headers,
    query=headers,
    content_type=headers | st.sampled_from(["text/xml", "text/xml; charset=utf-8"]),
    length=headers | st.integers(-5, 2000).map(str),
    host=headers,
    body=bodies(),
)
def test_no_header_makes_the_endpoint_raise_or_fall_silent(body: bytes, method: str, **fields: str) -> None:
    names = {"path": "PATH_INFO", "query": "QUERY_STRING", "content_type": "CONTENT_TYPE"}
    names |= {"length": "CONTENT_LENGTH", "host": "HTTP_HOST"}
    reply = ask(APPLICATION, method, body, **{names[key]: value for key, value in fields.items()})
    assert_sound(reply, method)


def test_an_almost_empty_environment_is_survived() -> None:
    assert Front.answer(APPLICATION, {})[0].startswith("405")  # type: ignore[arg-type]
    assert Front.answer(APPLICATION, {"REQUEST_METHOD": "POST"})[0].startswith("415")  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_the_application_keeps_to_the_wsgi_protocol(method: str) -> None:
    checked = {
        "wsgi.version": (1, 0),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "CONTENT_TYPE": "text/xml",
        "CONTENT_LENGTH": str(len(CALL)),
    }
    told: list[str] = []
    environ = checked | {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "/qbwc",
        "PATH_INFO": "",
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "QUERY_STRING": "",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(CALL.encode()),
    }
    output = validator(app())(environ, lambda status, headers, exc_info=None: told.append(status) or print)
    list(output)
    output.close()  # type: ignore[attr-defined]
    assert told == ["200 OK"]


# Over real HTTP


@pytest.fixture
def server() -> Iterator[str]:
    operations = Recording({"send_request_xml": "x" * 3_000_000})
    yield from serve(app(operations))


def raw_post(body: bytes, *more: str) -> bytes:
    lines = [
        "POST /qbwc HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: text/xml; charset=utf-8",
        f"Content-Length: {len(body)}",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_expect_100_continue_is_no_obstacle(server: str) -> None:
    body = CALL.encode()
    with socket.create_connection((urlsplit(server).hostname, urlsplit(server).port), timeout=20) as line:
        line.sendall(raw_post(body, "Expect: 100-continue"))
        line.sendall(body)  # the client does not wait for long either
        reply = b""
        while b"</soap:Envelope>" not in reply:
            block = line.recv(65536)
            assert block
            reply += block
    assert b" 417 " not in reply
    assert b" 200 " in reply


@pytest.mark.parametrize("size", [1_100_000, 5_000_000, 50_000_000])
def test_a_client_that_sends_all_before_it_reads_is_told_that_it_was_too_much(
    gunicorn: Gunicorn, prepared: Prepared, tmp_path: Path, size: int
) -> None:
    prepared.copy("small-cap", tmp_path / "home")
    gunicorn.serve(tmp_path / "home", "")
    connection = http.client.HTTPConnection(*gunicorn.address, timeout=60)
    connection.request("POST", "/qbwc", ANSWER.encode().ljust(size), {"Content-Type": "text/xml"})
    reply = connection.getresponse()
    assert reply.status == 413
    assert f"{size} bytes; the setting max_body_mb allows 1000000" in reply.read().decode()
    connection.request("POST", "/qbwc", CALL, {"Content-Type": "text/xml"})
    assert connection.getresponse().status == 200
    connection.close()


def test_after_a_connection_reset_in_the_middle_of_an_answer_a_new_session_works(server: str) -> None:
    address = (urlsplit(server).hostname, urlsplit(server).port)
    body = (REQUEST % f'<sendRequestXML xmlns="{INTUIT}"/>').encode()
    with socket.create_connection(address, timeout=20) as line:
        line.sendall(raw_post(body) + body)
        assert line.recv(10)
    connection = http.client.HTTPConnection(*address, timeout=20)
    connection.request("POST", "/qbwc", CALL, {"Content-Type": "text/xml"})
    assert connection.getresponse().status == 200
    connection.close()
