"""SOAP envelopes built from the pieces of the grammar, each piece right, spoilt or in the wrong place."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st
from lxml import etree

from qbwc_server.soap.methods import METHODS
from tests.fuzz.answers import answers
from tests.fuzz.readers import MAX_BYTES, SECRET, check_log, check_reply, logged
from tests.soap.recording import ENVELOPE, INTUIT, Recording, app, ask, call

TICKET: Final = "0c4f-ticket-planted"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
PREFIXES: Final = {
    "soap": ENVELOPE,
    "SOAP-ENV": ENVELOPE,
    "old": "http://www.w3.org/2003/05/soap-envelope",
    "q": INTUIT,
    "xsi": XSI,
    "enc": "http://schemas.xmlsoap.org/soap/encoding/",
    "o": "urn:other",
}
# What may be wrong about an envelope, at most two of it at once: or nothing gets past its first element.
PLACES: Final[Mapping[str, Sequence[str]]] = {
    "coding": ("utf-16", "utf-16-le", "latin-1", "utf-8-sig", "utf-7", "utf-32"),
    "type": ("text/xml", 'text/xml; charset="utf-16"', "TEXT/XML", "text/plain", ""),
    "declaration": (
        "", "<?xml version='1.0'?>", "\ufeff", '<?xml version="1.1" encoding="utf-8"?>', " <?xml version='1.0'?>",
        '<?xml version="1.0" encoding="UTF-16"?>', '<?xml version="1.0" encoding="windows-1252" standalone="no"?>',
        "<?go?>", '<!DOCTYPE a [<!ENTITY e "x">]>', "<!--before-->",
    ),
    "root": ("SOAP-ENV:Envelope", "old:Envelope", "o:Envelope", "soap:Body", "Envelope"),
    "end": ("", "</a>", "</%s>\n<!--after-->", "</%s>x", "</%s></%s>"),
    "between": ("\n", "<!--x-->", "<?a?>", "text", "<o:a/>", "<![CDATA[ ]]>"),
    "order": ("{1}{0}", "{1}{1}", "{2}", "{0}{0}{1}", "{0}{1}<soap:Fault/>", "<soap:Body/>{1}"),
    "number": ("0", "2"),
    "method": ("Authenticate", "authenticate2", "Fault", "string", "q", "ArrayOfString"),
    "namespace": ("q:", "o:", "soap:", "undeclared:", "-"),
    "attribute": (
        ' xsi:nil="true"', ' xsi:nil="false"', ' xsi:nil="maybe"', ' xsi:type="xsd:string"', ' id="a"', ' href="#a"',
        ' enc:arrayType="q:string[2]"', ' soap:mustUnderstand="1"', ' soap:encodingStyle=""', ' xmlns=""',
        ' xmlns="urn:other"', ' o:a="1" o:a="2"', ' xml:space="preserve"', ' ticket="x"', ' qbXMLMajorVers="x"',
    ),
    "argument": ("ticket", "strPassword", "other", "response", "qbXMLMajorVers"),
    "prefix": ("q:", "o:", "soap:", "undeclared:"),
    "nested": (
        "<string>a</string><string>b</string>", "<q:ticket>t</q:ticket>", "<a><b><c/></b></a>", "<a/>" * 30, "<a>" * 70,
    ),
}  # fmt: skip
RIGHT: Final = {"coding": "utf-8", "type": "text/xml; charset=utf-8", "root": "soap:Envelope", "end": "</%s>",
                "declaration": '<?xml version="1.0" encoding="utf-8"?>', "order": "{0}{1}", "number": "1"}  # fmt: skip


@dataclass(frozen=True)
class Posted:
    body: bytes
    content_type: str
    action: str


def _styled(text: str, style: str) -> str:
    """The same text as XML may spell it."""
    if style == "cdata" and "]]>" not in text:
        return f"<![CDATA[{text}]]>"
    if style == "numbers":
        return "".join(f"&#{ord(one)};" for one in text)
    half = len(text) // 2
    parts = {"comment": "<!--,-->", "instruction": "<?a b?>", "cdata between": "<![CDATA[]]>"}
    return f"{escape(text[:half])}{parts.get(style, '')}{escape(text[half:])}"


STYLES: Final = ("plain", "plain", "plain", "cdata", "numbers", "comment", "instruction", "cdata between")
TEXTS: Final = st.one_of(
    st.sampled_from(
        ["", " ", "\n", "x", "13", " 0 ", "-1", "2147483648", "NaN", "true", "0x80040400", "]]>", "&amp;"]
    ),
    st.text(max_size=12),
    st.sampled_from(["<a/>", "&e;", "\ufffd", "é" * 3, "😀", "\u2028", "%s%n", "'; DROP TABLE tickets; --"]),
)


Wrong = Mapping[str, str]


@st.composite
def _inner(draw: st.DrawFn) -> str:
    """qbXML inside a value: escaped once as it must be, or once or twice too often."""
    text = draw(answers())
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
        text = escape(text)
    return text


KNOWN: Final = {"strPassword": st.just(SECRET), "ticket": st.just(TICKET), "wcTicket": st.just(TICKET),
                "response": _inner(), "strHCPResponse": _inner(),
                "qbXMLMajorVers": st.sampled_from(["13", " 0 ", "+1", "-1", "999999999"]),
                "qbXMLMinorVers": st.sampled_from(["0", "", "\n1\n"])}  # fmt: skip


@st.composite
def _arguments(draw: st.DrawFn, method: str, wrong: Wrong) -> str:
    """In order or not, some missing, one twice or one that there is not; one of them with what is wrong."""
    known = METHODS[method].arguments if method in METHODS else ("ticket",)
    names = [name for name in draw(st.permutations(known)) if draw(st.integers(0, 9))]
    names += [wrong["argument"]] if "argument" in wrong else []
    odd = draw(st.integers(0, max(0, len(names) - 1)))
    return "".join(draw(_argument(name, wrong if at == odd else {})) for at, name in enumerate(names))


@st.composite
def _argument(draw: st.DrawFn, name: str, wrong: Wrong) -> str:
    value = draw(st.one_of(KNOWN.get(name, TEXTS), KNOWN.get(name, TEXTS), KNOWN.get(name, TEXTS), TEXTS))
    inner = wrong.get("nested") or _styled(value, draw(st.sampled_from(STYLES)))
    prefix = wrong.get("prefix", "")
    return f"<{prefix}{name}{wrong.get('attribute', '')}>{inner}</{prefix}{name}>"


@st.composite
def _calls(draw: st.DrawFn, wrong: Wrong) -> str:
    method = wrong.get("method") or draw(st.sampled_from(sorted(METHODS)))
    prefix = wrong.get("namespace", "").removesuffix("-")
    attribute = "" if "namespace" in wrong else f" xmlns={quoteattr(INTUIT)}"
    return f"<{prefix}{method}{attribute}>{draw(_arguments(method, wrong))}</{prefix}{method}>"


@st.composite
def envelopes(draw: st.DrawFn) -> Posted:
    places = draw(st.lists(st.sampled_from(sorted(PLACES)), max_size=2))
    wrong = RIGHT | {place: draw(st.sampled_from(PLACES[place])) for place in places}
    calls = "".join(draw(_calls(wrong)) for _ in range(int(wrong["number"])))
    head = draw(
        st.sampled_from(["", "", "<soap:Header/>", "<soap:Header><o:a><o:b>1</o:b></o:a></soap:Header>"])
    )
    between, spaces = (
        wrong.get("between", ""),
        "".join(f' xmlns:{prefix}="{name}"' for prefix, name in PREFIXES.items()),
    )
    around = wrong["order"].format(head + between, f"<soap:Body>{between}{calls}</soap:Body>", calls)
    text = (
        f"{wrong['declaration']}<{wrong['root']}{spaces}>{around}{wrong['end'].replace('%s', wrong['root'])}"
    )
    action = st.sampled_from([f'"{INTUIT}authenticate"', "", '""', f'"{INTUIT}closeConnection', "x" * 400])
    return Posted(text.encode(wrong["coding"], "replace"), wrong["type"], draw(action))


# --- what must hold ---


def answered(posted: Posted) -> None:
    """A reply of the documented kinds, nothing secret in a log, what was taken is what lxml reads too."""
    operations = Recording()
    application = app(operations, max_bytes=MAX_BYTES)
    with logged(logging.DEBUG) as lines:
        reply = ask(application, "POST", posted.body, CONTENT_TYPE=posted.content_type,
                    CONTENT_LENGTH=str(len(posted.body)), HTTP_SOAPACTION=posted.action)  # fmt: skip
    check_reply("POST", reply.status, reply.headers, reply.body)
    assert TICKET.encode() not in reply.body
    check_log(lines.getvalue())
    assert TICKET not in lines.getvalue()
    assert len(operations.calls) == (reply.status == 200)
    if reply.status == 200:
        _check_taken(posted.body, *operations.calls[0])
    assert call(application, "serverVersion").result == ""


def _check_taken(body: bytes, port: str, given: tuple[Any, ...]) -> None:
    """Plain arguments reached the port as another reader sees them."""
    tree = etree.fromstring(body, etree.XMLParser(remove_comments=True, remove_pis=True, huge_tree=True))
    called = tree.find(f"{{{ENVELOPE}}}Body")[0]
    method = METHODS[etree.QName(called).localname]
    assert method.port == port
    for name, value in zip(method.arguments, given, strict=False):
        plain = _plain(called, name, lenient=name in method.integers)
        if plain is not None:
            assert value == (int(plain or 0) if name in method.integers else plain), name


def _plain(called: etree._Element, name: str, *, lenient: bool) -> str | None:
    """The text of the one element of this name, "" when there is none; None when spyne's rules decide."""
    tags = [f"{{{INTUIT}}}{one}" for one in METHODS[etree.QName(called).localname].arguments]
    simple = all(one.tag in tags and not len(one) and not one.attrib for one in called)
    if not simple or len({one.tag for one in called}) < len(called):
        return None
    text = called.findtext(f"{{{INTUIT}}}{name}") or ""
    return text.strip() if lenient else text
