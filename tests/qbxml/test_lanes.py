"""The quick lane and lxml's lane read every answer to the same parts."""

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qbxml import Ret, Status, UnreadableAnswer, build_answer, growing, parse, tables
from qbxml.secure import BLOCK
from tests.conftest import SHARED
from tests.qbxml.trees import fullest, responses

ALL_ANSWERS = tuple(name for name in tables.names() if name.endswith("Rs"))
several = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

SAMPLES = [
    path
    for folder in (SHARED / "reference" / "qbxml-samples", SHARED / "samples" / "intuit-sample-company")
    for path in sorted(folder.glob("*.xml"))
    if b"MsgsRs" in path.read_bytes()
]
CUSTOMER = (
    "<CustomerRet>\n<ListID>8-1</ListID>\n<TimeModified>2026-08-01T10:00:00-05:00</TimeModified>\n<Name>A&amp;B</Name>"
    "\n<IsActive>true</IsActive>\n<Balance>1.00</Balance>\n<DataExtRet>\n<OwnerID>0</OwnerID>\n<DataExtName>x"
    "</DataExtName>\n<DataExtType>STR255TYPE</DataExtType>\n<DataExtValue>&#233;</DataExtValue>\n</DataExtRet>\n"
    "</CustomerRet>\n"
)
HEAD = '<?xml version="1.0" ?>\n<QBXML>\n<QBXMLMsgsRs>\n'
QUERY = '<CustomerQueryRs requestID="1" statusCode="0" statusSeverity="Info">\n'
TAIL = "</QBXMLMsgsRs>\n</QBXML>\n"


class Pieces(io.RawIOBase):
    """A stream that gives a document in pieces of its own lengths."""

    def __init__(self, document: bytes, lengths: Iterable[int]) -> None:
        self._rest, self._lengths = document, iter(lengths)

    def read(self, size: int = -1) -> bytes:
        length = min(next(self._lengths, size), size)
        piece, self._rest = self._rest[:length], self._rest[length:]
        return piece


def outcome(source: Any) -> tuple[list[object], bool]:
    """The parts, and whether the document could be read to its end."""
    parts: list[object] = []
    try:
        parts.extend(parse(source))
    except UnreadableAnswer:
        return parts, False
    return parts, True


def by_lxml(document: str) -> tuple[list[object], bool]:
    """The parts as lxml's lane reads them: a comment at the start sends the whole document there."""
    return outcome(document.replace("<QBXML>", "<QBXML><!-- -->", 1).encode("utf-8", "surrogatepass"))


def assert_same(document: str, lengths: Iterable[int] = ()) -> None:
    quick, slow = outcome(Pieces(document.encode("utf-8", "surrogatepass"), lengths)), by_lxml(document)
    if slow[1]:
        assert quick == slow
    else:  # a broken document: how much of it is read before the break depends on the blocks
        shorter = min(len(quick[0]), len(slow[0]))
        assert not quick[1]
        assert quick[0][:shorter] == slow[0][:shorter]


@pytest.fixture
def seen_by_lxml(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    fed: list[bytes] = []
    feed = growing.Tree.feed

    def recording(self: growing.Tree, block: bytes) -> Any:
        fed.append(block)
        return feed(self, block)

    monkeypatch.setattr(growing.Tree, "feed", recording)
    return fed


def test_usual_records_never_reach_lxml(seen_by_lxml: list[bytes]) -> None:
    document = f"{HEAD}{QUERY}{CUSTOMER * 300}</CustomerQueryRs>{TAIL}"
    assert len(list(parse(document))) == 2 + 300
    assert b"CustomerRet" not in b"".join(seen_by_lxml)


def test_an_unusual_record_among_usual_ones_goes_alone_to_lxml(seen_by_lxml: list[bytes]) -> None:
    odd = CUSTOMER.replace("<Balance>", "<Colour>red</Colour><Balance>")
    document = f"{HEAD}{QUERY}{CUSTOMER * 3}{odd}{CUSTOMER * 3}</CustomerQueryRs>{TAIL}"
    notes = [len(part.notes) for part in parse(document) if isinstance(part, Ret)]
    assert notes == [0, 0, 0, 1, 0, 0, 0]
    assert b"".join(seen_by_lxml).count(b"<CustomerRet>") == 1


@pytest.mark.parametrize("choice", [0, 1])
def test_the_fullest_record_of_every_answer_but_reports_is_usual(
    seen_by_lxml: list[bytes], choice: int
) -> None:
    unusual = set()
    for name in ALL_ANSWERS:
        shape = tables.shape(name)
        if not shape.order or any(element.is_leaf for element in shape.order):
            continue
        status = Status(name)
        (element, *_) = shape.order
        ret = Ret(element.name, fullest(element.of, choice), status)
        seen_by_lxml.clear()
        (_, _, found) = parse(build_answer([(status, [ret])]))
        assert found == ret
        if f"<{element.name}".encode() in b"".join(seen_by_lxml):
            unusual.add(name)
    assert unusual == {name for name in unusual if "Report" in name}


@several
@given(
    made=st.lists(responses(ALL_ANSWERS), max_size=4),
    lengths=st.lists(st.integers(1, 400)),
    lines=st.booleans(),
)
def test_every_answer_reads_the_same_in_both_lanes(made: Any, lengths: list[int], lines: bool) -> None:
    document = build_answer(made)
    assert_same(document.replace("><", ">\r\n<") if lines else document, lengths)


UNENDED = ("AT&amp", "AT&T", "&", "&#65", "&lt &gt;", "&#x41 B", "a &amp; b &quot")
PIECES = st.sampled_from(
    [
        CUSTOMER,
        "<CustomerRet>",
        "</CustomerRet>",
        "<CustomerRet/>",
        "<CustomerRet x='1'>",
        "<CustomerRet></CustomerRet>",
        "<Name>Ann</Name>",
        "<Name>A\rn\r\nn</Name>",
        "<Name/>",
        "<IsActive>1</IsActive>",
        "<Balance>x</Balance>",
        "<Balance>18.0%</Balance>",
        "<Name>&#xE9;&lt;&quot;</Name>",
        "<Name>&eacute;</Name>",
        "<Name>&#0;</Name>",
        *(f"<Name>{text}</Name>" for text in UNENDED),
        "<Name>]]></Name>",
        "<Name>\x01</Name>",
        "<Name>\ufffe</Name>",
        "<Name>\ud800</Name>",
        "<Name>łódź €</Name>",
        "<ErrorRecovery><ListID>1</ListID></ErrorRecovery>",
        "<VendorRet><Name>V</Name></VendorRet>",
        "<Wrong><CustomerRet></CustomerRet></Wrong>",
        "<WrongRs>",
        "<CustomerQueryRs>",
        "</CustomerQueryRs>",
        '</CustomerQueryRs><VendorQueryRs statusCode="1" statusMessage="a > b"><VendorRet></VendorRet></VendorQueryRs>',
        QUERY,
        '<CustomerQueryRs statusCode="1"/>',
        "<!-- ",
        " -->",
        f"<!-- {QUERY}{CUSTOMER} -->",
        "<![CDATA[<CustomerRet></CustomerRet>]]>",
        "<?pi x?>",
        "text",
        "\n ",
        "\xa0",
        "<",
        ">",
        "<Cust",
    ]
)


@pytest.mark.parametrize("text", UNENDED)
@pytest.mark.parametrize("field", ["Name", "DataExtValue"])
def test_a_reference_without_its_end_is_refused_in_both_lanes(text: str, field: str) -> None:
    spoilt = re.sub(f"(<{field}>)[^<]*", rf"\g<1>{text}", CUSTOMER)
    document = f"{HEAD}{QUERY}{spoilt}</CustomerQueryRs>{TAIL}"
    assert not outcome(document)[1]
    assert_same(document)


@settings(several, max_examples=400)
@given(pieces=st.lists(PIECES, max_size=8), lengths=st.lists(st.integers(1, 200)))
def test_any_mixture_of_usual_and_wrong_pieces_reads_the_same_in_both_lanes(
    pieces: list[str], lengths: list[int]
) -> None:
    assert_same(f"{HEAD}{QUERY}{''.join(pieces)}{CUSTOMER}</CustomerQueryRs>{TAIL}", lengths)


@several
@given(
    at=st.integers(0, len(HEAD + QUERY + CUSTOMER * 2)),
    length=st.integers(0, 12),
    instead=st.text("<>/&;#!?-[]CRets1 \n\r\"'=", max_size=4),
)
def test_a_document_with_any_place_spoilt_reads_the_same_in_both_lanes(
    at: int, length: int, instead: str
) -> None:
    document = f"{HEAD}{QUERY}{CUSTOMER * 2}</CustomerQueryRs>{TAIL}"
    spoilt = document[:at] + instead + document[at + length :]
    if "<QBXML>" in spoilt:
        assert_same(spoilt)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_real_answer_reads_the_same_in_both_lanes(path: Path) -> None:
    document = path.read_text("utf-8")
    assert "<QBXML>" in document
    assert_same(document, [5000] * 1000)


def test_a_record_of_many_blocks_is_read_once(seen_by_lxml: list[bytes]) -> None:
    """Its start is not looked at again with each of its blocks, or a long record would take the square of its time."""
    long = CUSTOMER.replace("A&amp;B", "x" * (3 << 20))
    (_, _, first, second) = parse(f"{HEAD}{QUERY}{long}{CUSTOMER}</CustomerQueryRs>{TAIL}")
    assert isinstance(first, Ret)
    assert isinstance(second, Ret)
    assert len(first.values["Name"]) == 3 << 20
    assert sum(len(block) for block in seen_by_lxml) > 3 << 20


@pytest.mark.parametrize(
    "between", [" ", "\n", "a", "<aa"], ids=["blanks", "lines", "text", "an endless name"]
)
def test_what_stands_between_records_is_not_gathered(seen_by_lxml: list[bytes], between: str) -> None:
    """Looked at again with each block, a megabyte of blanks would take the square of its time, and stay in memory."""
    document = f"{HEAD}{QUERY}{CUSTOMER}{between[:1]}{between[-1:] * (1 << 20)}".encode()
    held: list[int] = []

    class Watched(Pieces):
        def read(self, size: int = -1) -> bytes:
            held.append(len(document) - len(self._rest) - sum(map(len, seen_by_lxml)))
            return super().read(size)

    outcome(Watched(document, ()))
    assert len(held) > 16
    assert max(held) < 2 * BLOCK


@pytest.mark.parametrize("text", ["Rs>", "Rs >", "aRs &gt;", "Rs x='"])
def test_a_text_like_the_end_of_an_answer_is_no_reason_to_stop(seen_by_lxml: list[bytes], text: str) -> None:
    odd = CUSTOMER.replace("<Name>", f"<Colour>{text * 20_000}</Colour><Name>")
    document = f"{HEAD}{QUERY}<Wrong/>{odd}</CustomerQueryRs>{TAIL}"
    assert_same(document)
    assert len(seen_by_lxml) < 20


@pytest.mark.parametrize("name", ["CustomerQueryRs", "CustomerQueryRs\n", "CustomerQueryRs\txmlns:a='b'"])
def test_the_next_answer_is_found_however_its_tag_is_written(seen_by_lxml: list[bytes], name: str) -> None:
    query = QUERY.replace("CustomerQueryRs", name)
    document = f"{HEAD}{(query + CUSTOMER + '</CustomerQueryRs>') * 3}{TAIL}"
    assert_same(document)
    seen_by_lxml.clear()
    assert len(list(parse(document))) == 1 + 3 * 2
    assert b"CustomerRet" not in b"".join(seen_by_lxml)
