"""How a reply is held against a golden file: from bytes and headers alone, as the Web Connector sees them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, zip_longest

from lxml import etree

from tests.soap.golden_format import Reply

QBWC = "http://developer.intuit.com/"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"

# The envelope as captured from QBWC 2.2.0.71, on one line.
ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?>'
    f'<soap:Envelope xmlns:soap="{SOAP}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>%s</soap:Body></soap:Envelope>'
)

# No reply may show these: the password and the marker that broken worlds put into every exception text.
LEAKS = (b"right-password", b"leak-marker", b"Traceback (most recent", b'File "', b"site-packages")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Verdict:
    differences: tuple[str, ...]
    captured: Mapping[str, str]


TOKEN = re.compile(r"\{(fault|page|ignored|nothing)(?::([^{}]*))?\}")


def judge(
    replies: Sequence[Reply], answer: Answer, values: Mapping[str, str], *, head: bool = False
) -> Verdict:
    """What the first reply that fits has captured; if none fits, what is wrong with the answer for each."""
    verdicts = [_against(reply, answer, values, head) for reply in replies]
    good = next((verdict for verdict in verdicts if not verdict.differences), None)
    return good or Verdict(tuple(chain.from_iterable(v.differences for v in verdicts)), {})


def _against(reply: Reply, answer: Answer, values: Mapping[str, str], head: bool) -> Verdict:
    if answer.status not in reply.statuses:
        return Verdict((f"status {answer.status}, wanted {reply.statuses}",), {})
    wrong = [*_http_faults(answer, head), *_header_faults(reply, answer)]
    token = TOKEN.fullmatch(reply.body)
    if token and token[1] != "fault":
        return Verdict((*wrong, *_page_faults(token[1], answer)), {})
    wrong += _envelope_faults(answer)
    if wrong:
        return Verdict(tuple(wrong), {})
    if token:
        return Verdict(tuple(_fault_faults(_root(answer.body), token[2])), {})
    captured: dict[str, str] = {}
    wanted = _root((ENVELOPE % reply.body if reply.enveloped else reply.body).encode())
    return Verdict(tuple(_differences(wanted, _root(answer.body), values, captured, "")), captured)


def _http_faults(answer: Answer, head: bool) -> Iterator[str]:
    """What no reply may do: redirect, challenge, compress, lie about its length, or show what is secret."""
    if 300 <= answer.status < 400 or answer.status == 401:
        yield f"status {answer.status}: the Web Connector neither follows redirects nor answers challenges"
    for name in ("Content-Encoding", "Location", "WWW-Authenticate"):
        if answer.header(name):
            yield f"header {name} is not for the Web Connector"
    length = answer.header("Content-Length")
    if length is not None and not head and length != str(len(answer.body)):
        yield f"Content-Length {length}, but {len(answer.body)} bytes"
    yield from (f"shows {leak!r}" for leak in LEAKS if leak in answer.body)


def _header_faults(reply: Reply, answer: Answer) -> Iterator[str]:
    for name, value in reply.headers:
        if answer.header(name) != value:
            yield f"{name}: {answer.header(name)}, wanted {value}"


def _page_faults(kind: str, answer: Answer) -> Iterator[str]:
    if kind == "page" and not answer.body.strip():
        yield "an empty page"
    if kind == "nothing" and answer.body:
        yield f"a body of {len(answer.body)} bytes, wanted none"


def _envelope_faults(answer: Answer) -> Iterator[str]:
    """The byte-level rules of every SOAP reply (protocol reference 1.4, 9, 10.4)."""
    kind = (answer.header("Content-Type") or "").lower().replace(" ", "")
    if kind != "text/xml;charset=utf-8":
        yield f"Content-Type {answer.header('Content-Type')}, wanted text/xml; charset=utf-8"
    if answer.header("Content-Length") is None:
        yield "no Content-Length"
    if not answer.body.startswith(b"<?xml"):
        yield f"starts with {answer.body[:20]!r}, wanted <?xml and nothing before it"
        return
    try:
        root = _root(answer.body)
    except (etree.XMLSyntaxError, UnicodeDecodeError) as error:
        yield f"not well-formed UTF-8 XML: {error}"
        return
    if b"<!DOCTYPE" in answer.body:
        yield "a DOCTYPE"
    if root.tag != f"{{{SOAP}}}Envelope":
        yield f"root {root.tag}, wanted the SOAP 1.1 Envelope"
    if len(root.findall(".//{*}Envelope")):
        yield "more than one Envelope"


def _root(data: bytes) -> etree._Element:
    data.decode("utf-8")
    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))


def _fault_faults(root: etree._Element, codes: str) -> Iterator[str]:
    """A SOAP 1.1 fault: code, text, and at most an empty faultactor and a detail. Text fit for a person."""
    found = root.findall(f"{{{SOAP}}}Body/*")
    names = [str(child.tag) for child in found[0]] if found else []
    if [child.tag for child in found] != [f"{{{SOAP}}}Fault"] or names[:2] != ["faultcode", "faultstring"]:
        yield f"wanted one Fault with faultcode and faultstring, got {[child.tag for child in found]} {names}"
        return
    if not set(names[2:]) <= {"faultactor", "detail"} or found[0].findtext("faultactor"):
        yield f"more in the Fault than belongs there: {names}"
    prefix, _, local = (found[0].findtext("faultcode") or "").rpartition(":")
    if found[0][0].nsmap.get(prefix or None) != SOAP or local.split(".")[0] not in codes.split("|"):
        yield f"faultcode {prefix}:{local}, wanted {codes} of the SOAP namespace"
    text = found[0].findtext("faultstring") or ""
    if not text.strip() or len(text) > 300:
        yield f"faultstring {text[:60]!r}: wanted a short text"


def _differences(
    wanted: etree._Element,
    got: etree._Element,
    values: Mapping[str, str],
    captured: dict[str, str],
    where: str,
) -> Iterator[str]:
    """Names with namespaces, attributes, order, number, exact text; not prefixes, not indentation."""
    where = f"{where}/{etree.QName(wanted).localname}"
    if wanted.tag != got.tag:
        yield f"{where}: got {got.tag}"
        return
    if sorted(wanted.items()) != sorted(got.items()):
        yield f"{where}: attributes {sorted(got.items())}, wanted {sorted(wanted.items())}"
    text = "".join([got.text or "", *(child.tail or "" for child in got)])
    if not len(wanted):
        complaint = _text_complaint(wanted.text or "", text, values, captured)
        yield from [f"{where}: {complaint}"] if complaint else []
    elif text.strip():
        yield f"{where}: text between elements: {text.strip()[:60]!r}"
    for child, found in zip_longest(wanted, got):
        if found is None:
            yield f"{where}: {child.tag} is missing"
        elif child is None:
            yield f"{where}: {found.tag} does not belong there"
        else:
            yield from _differences(child, found, values, captured, where)


PLACEHOLDER = re.compile(r"\{([a-z-]+)(\d?)(\??)(?::([^{}]*))?\}")


def _text_complaint(
    template: str, text: str, values: Mapping[str, str], captured: dict[str, str]
) -> str | None:
    found = PLACEHOLDER.fullmatch(template)
    if not found or found[1] not in MATCHERS:
        return None if text == template else f"{text[:80]!r}, wanted {template!r}"
    kind, number, optional, argument = found.groups()
    complaint = None if optional and not text else MATCHERS[kind](text, argument or "")
    if kind == "ticket" and text and text in values.values():
        complaint = "a ticket that was given before"
    if kind in ("ticket", "qbxml"):
        captured[kind + number] = text
    return f"{template}: {complaint}" if complaint else None


# --- placeholders: each answers what is wrong with a text, or None ---

# What getLastError must not say by accident: each makes the Web Connector do something else.
COMMANDS = ("noop", "interactive mode")
WHOLE_NUMBER = re.compile(r"-?(0|[1-9]\d{0,8})")
QBXML_START = re.compile(
    r'<\?xml version="1\.0"( encoding="[^"]*")?\s?\?>\s*<\?qbxml version="([A-Z]*)(\d+\.\d)"\?>'
)
NEWEST = 13.0  # the newest qbXML that the canned HostRet knows


def _ticket(text: str, _: str) -> str | None:
    if not re.fullmatch(r"[\w.{}=+/~-]{22,}", text, re.ASCII):
        return f"{text[:40]!r} is not 22 or more letters and digits"
    return "too regular to be random" if len(set(text.lower())) < 8 else None


def _any(text: str, _: str) -> str | None:
    return None if text.strip() else "empty"


def _text(text: str, word: str) -> str | None:
    return None if word in text else f"{text[:80]!r} does not say {word!r}"


def _sentence(text: str, _: str) -> str | None:
    plain = text.strip().lower()
    readable = 10 <= len(text) <= 1000 and " " in plain and "<html" not in plain and plain not in COMMANDS
    return None if readable else f"{text[:80]!r} is no sentence for a person"


def _one_of(text: str, choices: str) -> str | None:
    return None if text in choices.split("|") else f"{text[:80]!r}"


def _number(text: str, limits: str, allowed: Callable[[int], bool] | None = None) -> str | None:
    if not WHOLE_NUMBER.fullmatch(text):
        return f"{text[:40]!r} is not an xs:int as QBWC wants it"
    low, _, high = limits.partition("-")
    right = allowed(int(text)) if allowed else int(low) <= int(text) <= int(high)
    return None if right else f"{text} is out of bounds"


def _qbxml(text: str, names: str, newest: float = NEWEST) -> str | None:
    start = QBXML_START.match(text)
    if not start:
        return f"{text[:60]!r} does not start with the xml declaration and the qbxml instruction"
    if not text.isascii() or "<!DOCTYPE" in text or "Envelope" in text:
        return "not ASCII, or a DOCTYPE or SOAP in it"
    try:
        root = etree.fromstring(text.encode("ascii"))
    except etree.XMLSyntaxError as error:
        return f"the inner document is not well-formed: {error}"
    wrong = _message_set_faults(root, names.split(",") if names else [])
    if not start[2] and float(start[3]) > newest:
        wrong.append(f"qbXML {start[3]} was not offered, {newest} was the newest")
    return "; ".join(wrong) or None


def _message_set_faults(root: etree._Element, allowed: list[str]) -> list[str]:
    sets = root.findall("QBXMLMsgsRq")
    if root.tag != "QBXML" or len(root) != 1 or len(sets) != 1:
        return ["wanted QBXML with one QBXMLMsgsRq"]
    ids = [request.get("requestID") for request in sets[0]]
    names = {str(request.tag) for request in sets[0]}
    rules = {
        "onError is missing or unusable": sets[0].get("onError") in ("stopOnError", "continueOnError"),
        "message set ids are at most 24 characters": len(sets[0].get("newMessageSetID", "")) <= 24,
        "requestIDs are missing, repeated or over 50": None not in ids
        and len(set(ids)) == len(ids)
        and all(len(value or "") <= 50 for value in ids),
        f"{sorted(names)} where only {allowed} may be asked": not allowed or names <= set(allowed),
    }
    return [rule for rule, kept in rules.items() if not kept]


def _qbxml_upto(text: str, newest: str) -> str | None:
    return _qbxml(text, "", float(newest))


MATCHERS: Mapping[str, Callable[[str, str], str | None]] = {
    "ticket": _ticket,
    "any": _any,
    "text": _text,
    "sentence": _sentence,
    "one-of": _one_of,
    "percent": _number,
    "seconds": partial(_number, allowed=lambda number: number > 0),
    "negative": partial(_number, allowed=lambda number: number < 0),
    "stop": partial(_number, allowed=lambda number: number < 0 or number == 100),
    "progress": partial(_number, allowed=lambda number: number <= 100),
    "qbxml": _qbxml,
    "qbxml-upto": _qbxml_upto,
}
