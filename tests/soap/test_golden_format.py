"""The golden format itself: files are read as written, and a reply that is wrong in one way is never let through."""

import re
from pathlib import Path

import pytest

from tests.soap.golden_format import GOLDEN, PATHS, Exchange, FormatError, Repeat, load, load_all
from tests.soap.golden_reply import MATCHERS, Answer, judge

CASES = load_all()
EXCHANGES = [(case, step) for case in CASES for step in case.steps if isinstance(step, Exchange)]
HEADER = "# source: a test\n# world: work\n\n"
CALL = "=== request\nPOST {path}\n\n<a/>\n\n=== reply\n200\n\n<b/>\n"

QBXML = (
    '<?xml version="1.0"?><?qbxml version="13.0"?><QBXML><QBXMLMsgsRq onError="stopOnError">'
    '<HostQueryRq requestID="1"/></QBXMLMsgsRq></QBXML>'
)
TICKET = "15c9ce293bd3f41b761c21635b14fa06"
GOOD = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    '<soap:Body><authenticateResponse xmlns="http://developer.intuit.com/"><authenticateResult>'
    f"<string>{TICKET}</string><string></string>"
    "</authenticateResult></authenticateResponse></soap:Body></soap:Envelope>"
)
FAULT = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    "<soap:Body><soap:Fault><faultcode>soap:Client</faultcode><faultstring>Unknown method</faultstring></soap:Fault>"
    "</soap:Body></soap:Envelope>"
)


def written(folder: Path, text: str) -> Path:
    file = folder / "case.txt"
    file.write_text(text, "utf-8")
    return file


def replied(text: str, status: int = 200, drop: str = "", **headers: str) -> Answer:
    body = text.encode("utf-8", "surrogateescape")
    sent = {"Content-Type": "text/xml; charset=utf-8", "Content-Length": str(len(body))}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, tuple((name, value) for name, value in sent.items() if name != drop), body)


def faults_of(answer: Answer, name: str = "authenticate-array-items") -> tuple[str, ...]:
    step = load(GOLDEN / f"{name}.txt").steps[-1]
    assert isinstance(step, Exchange)
    return judge(step.replies, answer, {}).differences


# --- the files -------------------------------------------------------------------------------------------------


def test_each_world_that_a_file_names_is_described_and_each_described_one_is_used() -> None:
    table = (GOLDEN.parent / "worlds.md").read_text("utf-8").split("## The worlds")[1].split("\n## ")[0]
    described = set(re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE))
    methods = re.findall(r"\w+", table.split("METHOD is one of")[1].split("|")[0])
    broken = {f"broken-at-{method}" for method in methods if method != "and"}
    assert {case.world for case in CASES} == described - {"broken-at-METHOD"} | broken


def test_each_canned_text_is_used() -> None:
    used = set(re.findall(r"\{canned:([\w.-]+)\}", " ".join(e.request.body for _, e in EXCHANGES)))
    assert used == {file.name for file in (GOLDEN / "canned").iterdir()}


def test_each_file_says_which_row_it_stands_for() -> None:
    assert len(CASES) >= 90
    for case in CASES:
        assert re.search(r"qbwc-protocol\.md|spyne\.md|design|http-body-over", case.notes["source"]), (
            case.name
        )
        assert set(case.paths) <= set(PATHS)


def test_each_placeholder_of_a_reply_is_known() -> None:
    for case, exchange in EXCHANGES:
        for reply in exchange.replies:
            names = set(re.findall(r">\{([a-z-]+)", reply.body))
            assert names <= MATCHERS.keys(), case.name


# --- reading ---------------------------------------------------------------------------------------------------


def test_a_call_in_the_envelope_goes_out_on_one_line(tmp_path: Path) -> None:
    case = load(written(tmp_path, HEADER + CALL.replace("<a/>", "<a>\n  <b> x </b>\n  <c/>\n</a>")))
    assert isinstance(case.steps[0], Exchange)
    assert case.steps[0].request.body == "<a><b> x </b><c/></a>"


def test_a_raw_body_goes_out_as_it_stands(tmp_path: Path) -> None:
    raw = CALL.replace("request", "raw request in utf-16").replace("<a/>", "<a>\n  <b/>\n\n</a>")
    step = load(written(tmp_path, HEADER + raw)).steps[0]
    assert isinstance(step, Exchange)
    assert (step.request.body, step.request.enveloped) == ("<a>\n  <b/>\n\n</a>", False)
    assert step.request.encoding == "utf-16"


def test_headers_alternatives_and_repeats_are_read(tmp_path: Path) -> None:
    text = CALL.replace("{path}\n", "{path}\n-Content-Type\nSOAPAction: x\n").replace("200", "400|411")
    text += "\n=== or\n413\nRetry-After: 5\n\n{ignored}\n\n=== repeat last 2 until 100\n=== repeat last 1 times 7\n"
    exchange, until, times = load(written(tmp_path, HEADER + text)).steps
    assert isinstance(exchange, Exchange)
    assert exchange.request.headers == (("Content-Type", None), ("SOAPAction", "x"))
    assert [reply.statuses for reply in exchange.replies] == [(400, 411), (413,)]
    assert exchange.replies[1].headers == (("Retry-After", "5"),)
    assert (until, times) == (Repeat(2, None), Repeat(1, 7))


def test_a_file_may_come_after_another(tmp_path: Path) -> None:
    (tmp_path / "before.txt").write_text(HEADER + CALL * 2, "utf-8")
    after = load(written(tmp_path, "# source: x\n# world: nothing\n# first: before.txt\n\n" + CALL))
    assert (after.world, len(after.steps)) == ("nothing", 3)


@pytest.mark.parametrize(
    "text",
    [
        "# world: work\n\n" + CALL,
        "# source: x\n\n" + CALL,
        "# source: x\n# world: work\n# wrold: typo: is no key but text\nloose text\n" + CALL,
        HEADER,
        HEADER + "=== request\nPOST {path}\n\n<a/>\n",
        HEADER + "=== reply\n200\n\n<a/>\n",
        HEADER + CALL + "=== respnse\n200\n\n<a/>\n",
        HEADER + CALL + "=== repeat last one until 100\n",
    ],
)
def test_a_file_that_is_not_one_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FormatError):
        load(written(tmp_path, text))


# --- comparing -------------------------------------------------------------------------------------------------


def test_the_good_reply_is_let_through_and_the_ticket_kept() -> None:
    step = load(GOLDEN / "authenticate-array-items.txt").steps[0]
    assert isinstance(step, Exchange)
    verdict = judge(step.replies, replied(GOOD), {})
    assert (verdict.differences, verdict.captured) == ((), {"ticket": TICKET})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"1.0" encoding="utf-8"', "'1.0' encoding='UTF-8'"),
        ("soap:", "SOAP-ENV:"),
        ("<string></string>", "<string/>"),
        ("<string></string>", "<string><![CDATA[]]></string>"),
        ("><", ">\n  <"),
        (f"<string>{TICKET}", f"<string><![CDATA[{TICKET}]]>"),
    ],
)
def test_what_means_the_same_is_let_through(old: str, new: str) -> None:
    text = GOOD.replace(old, new).replace(
        "xmlns:soap=", "xmlns:SOAP-ENV=" if "SOAP-ENV" in new else "xmlns:soap="
    )
    text = text.replace("<string>\n  </string>", "<string></string>")
    assert faults_of(replied(text)) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('xmlns="http://developer.intuit.com/"', 'xmlns="http://developer.intuit.com"'),
        ('xmlns="http://developer.intuit.com/"', ""),
        ("<string></string>", ""),
        ("<string></string>", "<string> </string>"),
        ("<string></string>", "<string>none</string>"),
        ("<string></string>", "<string></string><string></string>"),
        ("<string></string>", '<string xmlns="http://schemas.microsoft.com/2003/10/Serialization/Arrays"/>'),
        ("<string></string>", '<string nil="true"/>'),
        ("<string></string>", "<string><!-- none --></string>"),
        (f"<string>{TICKET}</string>", ""),
        (f"<string>{TICKET}</string><string></string>", f"<string></string><string>{TICKET}</string>"),
        (f"<string>{TICKET}</string>", f"<String>{TICKET}</String>"),
        (TICKET, TICKET[:21]),
        (TICKET, "a" * 32),
        (TICKET, f"{TICKET}\n"),
        (TICKET, "ticket of the user shop"),
        ("<authenticateResult>", "<authenticateResult>x"),
        ("</authenticateResponse>", "</authenticateResponse><extra/>"),
        ("authenticateResult>", "AuthenticateResult>"),
        ("<soap:Body>", "<soap:Header/><soap:Body>"),
        ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"),
        ("<?xml", "\n<?xml"),
        ("<?xml", "\ufeff<?xml"),
        ('<?xml version="1.0" encoding="utf-8"?>', ""),
        ('encoding="utf-8"?>', 'encoding="utf-8"?><!DOCTYPE x>'),
        ("</soap:Envelope>", ""),
        ("</soap:Envelope>", "</soap:Envelope>\n<!-- 3 ms --><p>"),
        (TICKET, TICKET + "\udcff"),
        (TICKET, "{15c9ce29-right-password}"),
    ],
)
def test_what_is_wrong_in_one_way_is_refused(old: str, new: str) -> None:
    spoiled = GOOD.replace(old, new)
    assert spoiled != GOOD
    assert faults_of(replied(spoiled))


def test_an_envelope_within_the_envelope_is_refused() -> None:
    inner = GOOD.partition("?>")[2]
    assert faults_of(replied(GOOD.replace("<string></string>", f"<string>{inner}</string>")))


@pytest.mark.parametrize(
    "answer",
    [
        replied(GOOD, 500),
        replied(GOOD, 302, Location="/qbwc/"),
        replied(GOOD, Location="/elsewhere"),
        replied(GOOD, Content_Type="application/xml; charset=utf-8"),
        replied(GOOD, Content_Type="text/xml"),
        replied(GOOD, Content_Type="text/html; charset=utf-8"),
        replied(GOOD, Content_Length=str(len(GOOD) + 1)),
        replied(GOOD, drop="Content-Length"),
        replied(GOOD, drop="Content-Type"),
        replied(GOOD, Content_Encoding="gzip"),
        replied(GOOD, WWW_Authenticate="Basic"),
        replied(""),
        replied(FAULT, 500),
        replied(FAULT),
    ],
)
def test_a_reply_that_breaks_a_rule_of_the_wire_is_refused(answer: Answer) -> None:
    assert faults_of(answer)


def test_a_ticket_given_before_is_refused() -> None:
    step = load(GOLDEN / "authenticate-array-items.txt").steps[0]
    assert isinstance(step, Exchange)
    assert judge(step.replies, replied(GOOD), {"ticket": TICKET}).differences


def test_the_fault_of_the_reference_is_let_through() -> None:
    assert faults_of(replied(FAULT, 500), "soap-doctype-refused") == ()
    with_actor = FAULT.replace("</faultstring>", "</faultstring><faultactor></faultactor>")
    assert (
        faults_of(replied(with_actor.replace("soap:Client", "soap:Client.X"), 500), "soap-doctype-refused")
        == ()
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("soap:Client", "soap:Server"),
        ("soap:Client", "Client"),
        ("soap:Client", "soap:Clients"),
        ("<faultstring>Unknown method</faultstring>", ""),
        ("Unknown method", ""),
        ("Unknown method", 'Traceback (most recent call last): File "x.py"'),
        ("Unknown method", "x" * 400),
        ("<faultcode>", '<faultcode xmlns="urn:x">'),
        ("</faultstring>", "</faultstring><faultactor>http://10.0.0.7/</faultactor>"),
        ("</soap:Fault>", "</soap:Fault><more/>"),
        ("soap:Fault>", "Fault>"),
    ],
)
def test_another_fault_is_refused(old: str, new: str) -> None:
    text = FAULT.replace(old, new)
    assert text != FAULT
    assert faults_of(replied(text, 500), "soap-doctype-refused")


def test_a_fault_with_status_200_is_refused() -> None:
    assert faults_of(replied(FAULT, 200), "soap-doctype-refused")


@pytest.mark.parametrize(
    ("template", "good", "bad"),
    [
        ("any", ["OK", " x"], ["", "  "]),
        ("text:file", ["Another file is open"], ["Another fil"]),
        ("one-of:done|", ["done", ""], ["DONE", "done ", "C:\\x.qbw"]),
        ("percent:0-99", ["0", "7", "99"], ["100", "-1", "07", "1.0", " 7", "7 ", "", "12%", "+7", "١"]),
        ("percent:0-100", ["100"], ["101"]),
        ("stop", ["100", "-1", "-101"], ["0", "99", "101", "", "-0"]),
        ("progress", ["100", "0", "-1"], ["101", "1e1", ""]),
        ("negative", ["-1"], ["0", "1", "--1", "-1.0"]),
        ("seconds", ["1", "86400"], ["0", "-1", "", "60s"]),
        (
            "sentence",
            ["Another company file is open."],
            ["", "NoOp", "noop", "Interactive mode", "OK", "x" * 2000],
        ),
        ("ticket", [TICKET, "{15C9CE29-3BD3-41B7-A1C2-1635B14FA067}"], ["", "shop", "0" * 40, "a b" * 12]),
        ("qbxml", [QBXML, QBXML.replace("?><", "?>\n<")], []),
        ("qbxml-upto:13.0", [QBXML], []),
        ("qbxml-upto:8.0", [QBXML.replace("13.0", "8.0")], [QBXML, QBXML.replace("13.0", "10.0")]),
        ("qbxml:HostQueryRq,CompanyQueryRq", [QBXML], [QBXML.replace("HostQ", "CustomerQ")]),
    ],
)
def test_each_placeholder_takes_what_it_says_and_nothing_else(
    template: str, good: list[str], bad: list[str]
) -> None:
    name, _, argument = template.partition(":")
    assert [text for text in good if MATCHERS[name](text, argument)] == []
    assert [text for text in bad if not MATCHERS[name](text, argument)] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<?xml", "\n<?xml"),
        ("<?xml", "\ufeff<?xml"),
        ('<?xml version="1.0"?>', ""),
        ('<?qbxml version="13.0"?>', ""),
        ('version="13.0"', 'version="16.0"'),
        ("<", "&lt;"),
        ('onError="stopOnError"', ""),
        ("stopOnError", "rollbackOnError"),
        ('requestID="1"', ""),
        ('requestID="1"/>', 'requestID="1"/><CompanyQueryRq requestID="1"/>'),
        ('requestID="1"', f'requestID="{"1" * 51}"'),
        ('onError="stopOnError"', f'onError="stopOnError" newMessageSetID="{"A" * 25}"'),
        ("</QBXML>", ""),
        ("</QBXML>", "</QBXML></Envelope>"),
        ("QBXMLMsgsRq", "QBXMLMsgsRs"),
        ('requestID="1"', 'requestID="é"'),
        ("?><QBXML>", "?><!DOCTYPE QBXML><QBXML>"),
    ],
)
def test_a_request_document_that_quickbooks_would_refuse_is_refused(old: str, new: str) -> None:
    spoiled = QBXML.replace(old, new)
    assert spoiled != QBXML
    assert MATCHERS["qbxml"](spoiled, "")


def test_an_optional_placeholder_may_be_empty_and_nothing_else_may() -> None:
    empty = GOOD.replace(TICKET, "").replace("<string></string></a", "<string>nvu</string></a")
    assert faults_of(replied(empty), "authenticate-nvu-unknown-user") == ()
    assert faults_of(replied(empty.replace("nvu", "NVU")), "authenticate-nvu-unknown-user")
    assert faults_of(replied(empty.replace("nvu", "none")), "authenticate-nvu-unknown-user")


@pytest.mark.parametrize(
    ("name", "answer", "passes"),
    [
        ("http-wrong-content-type", replied("no", 415), True),
        ("http-wrong-content-type", replied("no", 400), False),
        ("http-wrong-content-type", replied("right-password", 415), False),
        ("http-get-is-a-page", replied(""), True),
        ("http-get-is-a-page", replied("a page after HEAD"), False),
        ("http-get-support-page", replied("How to get help"), True),
        ("http-get-support-page", replied(" "), False),
        ("http-get-support-page", replied("Log in", 401, WWW_Authenticate="Basic"), False),
    ],
)
def test_a_reply_that_is_no_soap_is_held_against_less(name: str, answer: Answer, passes: bool) -> None:
    assert (faults_of(answer, name) == ()) is passes


def test_a_required_header_counts() -> None:
    step = load(GOLDEN / "http-get-wsdl.txt").steps[0]
    assert isinstance(step, Exchange)
    assert judge(step.replies, replied("<x/>"), {}).differences == ()
    assert judge(step.replies, replied("<x/>", Content_Type="text/plain"), {}).differences
