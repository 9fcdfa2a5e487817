"""Calls that are answered without the SOAP library, and long answers that never are in memory."""

import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.soap import front
from qbwc_server.soap.front import Front
from qbwc_server.soap.scan import MAX_VALUES, NotSoap, Scan
from qbwc_server.sync.posted import IN_MEMORY, Posted
from tests.soap.recording import INTUIT, MAX, REQUEST, URL, Recording, post

TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z")) | st.sampled_from("<>&\"'"))
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def call_of(method: str, *arguments: tuple[str, str]) -> bytes:
    inner = "".join(f"<{name}>{escaped(text)}</{name}>" for name, text in arguments)
    return (REQUEST % f'<{method} xmlns="{INTUIT}">{inner}</{method}>').encode()


def never(environ: Any, start_response: Any) -> Iterator[bytes]:
    raise AssertionError("the SOAP library was asked")


def without_library(operations: Recording) -> Front:
    return Front(never, public_url=URL, max_bytes=MAX, operations=operations)


@given(TEXT, TEXT, TEXT)
def test_a_plain_call_reaches_the_port_as_it_was_written(ticket: str, response: str, message: str) -> None:
    operations = Recording()
    body = call_of("receiveResponseXML", ("ticket", ticket), ("response", response), ("message", message))
    assert post(without_library(operations), body).status == 200
    assert operations.calls == [("receive_response_xml", (ticket, response, "", message))]


def test_values_in_another_order_with_attributes_and_in_pieces_are_plain() -> None:
    operations = Recording()
    inner = (
        f'<strPassword xsi:type="xsd:string" xmlns:xsi="{XSI}">a<![CDATA[<b>]]>&amp;&#99;<!-- no --></strPassword>'
        "<strUserName/>"
    )
    assert post(
        without_library(operations), REQUEST % f'<authenticate xmlns="{INTUIT}">{inner}</authenticate>'
    )
    assert operations.calls == [("authenticate", ("", "a<b>&c", "203.0.113.9"))]


@pytest.mark.parametrize(
    "inner",
    [
        "<ticket>a</ticket><ticket>b</ticket>",
        "<ticket><b/></ticket>",
        f'<ticket xsi:nil="true" xmlns:xsi="{XSI}"/>',
        '<ticket xmlns="urn:other">a</ticket>',
        "<unknown/>",
    ],
)
def test_the_library_judges_what_is_odd(inner: str) -> None:
    asked: list[bytes] = []

    def library(environ: Any, start_response: Any) -> list[bytes]:
        asked.append(environ["wsgi.input"].read())
        start_response("200 OK", [])
        return [b"<soap:Body></soap:Body>"]

    operations = Recording()
    body = (REQUEST % f'<getLastError xmlns="{INTUIT}">{inner}</getLastError>').encode()
    post(Front(library, public_url=URL, max_bytes=MAX, operations=operations), body)
    assert asked == [body]
    assert not operations.calls


def test_a_long_call_that_is_odd_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "FOR_SPYNE", 1000)
    body = call_of("receiveResponseXML", ("response", "x" * 1000), ("response", "y"))
    assert post(without_library(Recording()), body).fault_code == "Client"


def test_a_long_call_that_is_odd_is_read_to_its_end_but_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client that sends all before it reads would find a broken connection instead of the fault."""
    looked_at: list[int] = []
    feed = Scan.feed
    monkeypatch.setattr(Scan, "feed", lambda self, block: (looked_at.append(len(block)), feed(self, block)))
    beginning, _, _ = call_of("receiveResponseXML").partition(b"</")
    body = beginning + b"<unknown/>" + b"x" * 5_000_000
    source = io.BytesIO(body)
    assert post(without_library(Recording()), body, **{"wsgi.input": source}).fault_code == "Client"
    assert source.tell() == len(body)
    assert sum(looked_at) == front.BLOCK


@pytest.mark.parametrize("number", ["", "13", " 13 ", "+13", "-1"])
def test_whole_numbers_are_plain(number: str) -> None:
    operations = Recording()
    post(without_library(operations), call_of("sendRequestXML", ("qbXMLMajorVers", number)))
    assert operations.calls == [("send_request_xml", ("", "", "", "", int(number or 0), 0))]


@pytest.mark.parametrize("number", ["x", "1.5", "1e3", "٣", "99999999999"])
def test_what_is_no_whole_number_is_for_the_library(number: str) -> None:
    scan = Scan()
    scan.feed(call_of("sendRequestXML", ("qbXMLMajorVers", number)))
    scan.close()
    assert scan.odd


def test_values_other_than_the_answer_have_an_end() -> None:
    scan = Scan()
    with pytest.raises(NotSoap, match="too long"):
        scan.feed(call_of("authenticate", ("strUserName", "x" * (MAX_VALUES + 1))))


ODD = {
    "an element inside a value": "<getLastError{}><ticket>a<b>%s</b></ticket></getLastError>",
    "an element inside the answer": "<receiveResponseXML{}><response>a<b>%s</b></response></receiveResponseXML>",
    "text behind an element": "<getLastError{}><ticket>a<b/>%s</ticket></getLastError>",
    "a value that comes again": "<getLastError{}><ticket>a</ticket><ticket>%s</ticket></getLastError>",
    "a value that is nil": f'<getLastError{{}}><ticket xsi:nil="1" xmlns:xsi="{XSI}">%s</ticket></getLastError>',
    "a call that is nil": f'<getLastError{{}} xsi:nil="1" xmlns:xsi="{XSI}"><ticket>%s</ticket></getLastError>',
    "a value of no name": "<getLastError{}><unknown>%s</unknown></getLastError>",
    "a second call": "<getLastError{}><ticket>a</ticket></getLastError><x>%s</x>",
}
SHORT, LONG = 100_000, 30_000_000


@pytest.mark.parametrize("name", ODD)
def test_nothing_of_an_odd_call_is_kept(name: str, tmp_path: Path) -> None:
    before, after = (REQUEST % ODD[name].format(f' xmlns="{INTUIT}"')).encode().split(b"%s")
    scan = Scan(tmp_path)
    tracemalloc.start()
    try:
        scan.feed(before + b"x" * SHORT)
        for _ in range(LONG // SHORT):
            scan.feed(b"x" * SHORT)
        scan.feed(after)
        scan.close()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert scan.odd
    assert peak < 1_000_000
    assert not list(tmp_path.iterdir())


def test_a_failure_of_the_port_is_a_fault_without_its_text() -> None:
    reply = post(
        without_library(Recording({"get_last_error": RuntimeError("secret")})), call_of("getLastError")
    )
    assert reply.fault_code == "Server"
    assert b"secret" not in reply.body


def test_a_long_answer_goes_to_a_file_of_the_given_folder_and_is_never_in_memory(tmp_path: Path) -> None:
    seen: list[tuple[int, bool]] = []

    class Reading(Recording):
        def receive_response_xml(self, ticket: str, response: Posted, hresult: str, message: str) -> int:
            size = sum(len(text) for text in response.texts())
            seen.append((size, response._file.name is not None and not isinstance(response._file.name, str)))
            return 50

    size = 20_000_000
    body = call_of("receiveResponseXML", ("response", "x<" * (size // 2)))
    application = Front(never, public_url=URL, max_bytes=MAX, operations=Reading(), folder=tmp_path)
    tracemalloc.start()
    try:
        reply = post(application, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reply.result == "50"
    assert [one for one, _ in seen] == [size]
    assert peak < len(body) + 8_000_000  # the test's own copy of the body is read from; ours would double it
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [0, 1, IN_MEMORY, IN_MEMORY + 1, 3 * IN_MEMORY])
def test_a_document_reads_the_same_however_long_it_is(size: int, tmp_path: Path) -> None:
    text = "ü" * (size // 2) + "x" * (size % 2)
    posted = Posted(tmp_path)
    for start in range(0, len(text), 1000):
        posted.write(text[start : start + 1000])
    assert posted.size == size
    for _ in range(2):
        assert posted.open().read().decode() == text
    assert "".join(posted.texts(1001)) == text
    posted.close()
