import io
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from qbxml import Ret, SetStatus, Status, UnreadableAnswer, WallTime, parse, read
from tests.conftest import SHARED

SAMPLES = [
    path
    for folder in (SHARED / "reference" / "qbxml-samples", SHARED / "samples" / "intuit-sample-company")
    for path in sorted(folder.glob("*.xml"))
    if b"MsgsRs" in path.read_bytes()
]


def answer(
    inside: str, name: str = "CustomerQueryRs", attributes: str = 'statusCode="0" statusSeverity="Info"'
) -> str:
    return (
        f'<?xml version="1.0" ?>\n<QBXML>\n<QBXMLMsgsRs>\n<{name} {attributes}>{inside}</{name}>\n'
        "</QBXMLMsgsRs>\n</QBXML>\n"
    )


def ret(inside: str, kind: str = "CustomerRet") -> Ret:
    text = answer(f"<{kind}>{inside}</{kind}>", kind.removesuffix("Ret") + "QueryRs")
    (found,) = read(text).responses[0].rets
    return found


# -- real answers -------------------------------------------------------------------------------------


@pytest.mark.skipif(not SAMPLES, reason="the shared samples are not beside this checkout")
def test_there_are_samples_of_customers_accounts_and_other_kinds() -> None:
    assert {"customers.xml", "accounts.xml", "steintr-rs-customer_query_rs.xml"} <= {
        path.name for path in SAMPLES
    }


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_real_answer_gives_as_many_records_and_leaves_as_the_standard_parser_sees(path: Path) -> None:
    root = ElementTree.parse(path).getroot()
    answers = list(root[0])
    found = read(path.read_bytes()).responses
    assert [one.status.name for one in found] == [node.tag for node in answers]
    assert [one.status.request_id for one in found] == [node.get("requestID") for node in answers]
    assert [Counter(ret.name for ret in one.rets) for one in found] == [
        Counter(child.tag for child in node) for node in answers
    ]
    leaves = sum(1 for node in answers for below in node.iter() if not len(below)) - sum(
        not len(n) for n in answers
    )
    assert sum(_leaves(ret.values) for one in found for ret in one.rets) == leaves


def _leaves(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_leaves(inner) for key, inner in value.items() if key[0] not in "@#")
    return sum(map(_leaves, value)) if isinstance(value, list) else 1


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_real_answer_keeps_every_text_of_its_records(path: Path) -> None:
    for one, node in zip(
        read(path.read_bytes()).responses, ElementTree.parse(path).getroot()[0], strict=True
    ):
        for found, child in zip(one.rets, node, strict=True):
            assert sorted(_texts(found.values)) == sorted(_printed(child))


def _texts(values: Any) -> Iterator[str]:
    if isinstance(values, dict):
        for inner in values.values():
            yield from _texts(inner)
    elif isinstance(values, list):
        for inner in values:
            yield from _texts(inner)
    elif isinstance(values, bool):
        yield str(values).lower()
    else:
        yield values.text() if isinstance(values, WallTime) else str(values).lstrip("0")


def _printed(node: ElementTree.Element) -> Iterator[str]:
    """The texts of the leaves, without the offset of times and the leading zeros of numbers."""
    for below in node.iter():
        if not len(below):
            text = below.text or ""
            yield text[:19] if below.tag.startswith("Time") and "T" in text else text.lstrip("0")


# -- values -------------------------------------------------------------------------------------------


def test_each_type_becomes_its_python_value() -> None:
    found = ret(
        "<TimeModified>2026-08-01T10:00:00-05:00</TimeModified><Name>Jean-S&#233;bastien</Name>"
        "<IsActive>true</IsActive><Sublevel>0</Sublevel><Balance>1250.50</Balance>"
        "<JobStartDate>2026-08-01</JobStartDate>"
    )
    assert found.values == {
        "Name": "Jean-Sébastien",
        "IsActive": True,
        "Sublevel": 0,
        "TimeModified": WallTime.parse("2026-08-01T10:00:00"),
        "Balance": Decimal("1250.50"),
        "JobStartDate": date(2026, 8, 1),
    }
    assert found.notes == ()


def test_a_repeatable_field_is_a_list_even_when_given_once() -> None:
    assert ret("<ContactsRet><FirstName>Ann</FirstName></ContactsRet>").values == {
        "ContactsRet": [{"FirstName": "Ann"}]
    }


def test_an_empty_leaf_is_an_empty_text_and_an_empty_aggregate_holds_nothing() -> None:
    assert ret("<Phone/><Balance></Balance><BillAddress/>").values == {
        "Phone": "",
        "Balance": "",
        "BillAddress": {},
    }


def test_lines_that_alternate_with_groups_keep_their_order() -> None:
    line, group = "<InvoiceLineRet><Desc>{}</Desc></InvoiceLineRet>", "<InvoiceLineGroupRet/>"
    values = ret(line.format(1) + group + line.format(2), "InvoiceRet").values
    assert values["InvoiceLineRet"] == [{"Desc": "1"}, {"Desc": "2"}]
    assert values["#order"] == ["InvoiceLineRet", "InvoiceLineGroupRet", "InvoiceLineRet"]


def test_rows_of_a_report_keep_their_attributes() -> None:
    row = '<DataRow rowNumber="1"><ColData colID="1" value="Ann"/><ColData colID="2" value="5.00"/></DataRow>'
    text = answer(f"<ReportRet><ReportData>{row}</ReportData></ReportRet>", "AgingReportQueryRs")
    (found,) = read(text).responses[0].rets
    (parsed,) = found.values["ReportData"]["DataRow"]
    assert parsed["@rowNumber"] == "1"
    assert [column["@value"] for column in parsed["ColData"]] == ["Ann", "5.00"]


# -- statuses -----------------------------------------------------------------------------------------


def test_the_parts_come_in_document_order_each_status_before_its_records() -> None:
    two = answer("<CustomerRet/><CustomerRet/>").replace(
        "</QBXMLMsgsRs>", '<HostQueryRs requestID="2" statusCode="0"><HostRet/></HostQueryRs></QBXMLMsgsRs>'
    )
    kinds = [part.name if isinstance(part, Ret | Status) else type(part) for part in parse(two)]
    assert kinds == [SetStatus, "CustomerQueryRs", "CustomerRet", "CustomerRet", "HostQueryRs", "HostRet"]


def test_a_status_without_children_and_with_every_attribute_is_read() -> None:
    attributes = (
        'requestID="7" statusCode="1" statusSeverity="Info" statusMessage="nothing &quot;found&quot;" retCount="0" '
        'iteratorRemainingCount="18" iteratorID="{eb05f701-e727-472f-8ade-6753c4f67a46}"'
    )
    status = read(answer("", attributes=attributes)).responses[0].status
    assert status == Status(
        "CustomerQueryRs", "7", 1, "Info", 'nothing "found"', 0, "{eb05f701-e727-472f-8ade-6753c4f67a46}", 18
    )


@pytest.mark.parametrize(
    ("written", "severity"),
    [
        ("Info", "Info"),
        ("WARN", "Warn"),
        ("Warning", "Warn"),
        ("error", "Error"),
        ("", "Warn"),
        ("odd", "Warn"),
    ],
)
def test_severities_are_read_without_case_and_else_by_the_range_of_the_code(
    written: str, severity: str
) -> None:
    status = read(answer("", attributes=f'statusCode="530" statusSeverity="{written}"')).responses[0].status
    assert status.severity == severity


@pytest.mark.parametrize(
    ("attributes", "notes"),
    [
        ('statusCode="0" statusSeverity="Info"', ()),
        ('statusCode="530" statusSeverity="Warn"', ()),
        (
            'statusCode="530" statusSeverity="Warning"',
            ('CustomerQueryRs/@statusSeverity: "Warning" is not one of Info, Warn, Error',),
        ),
        ('statusCode="0"', ('CustomerQueryRs/@statusSeverity: "" is not one of Info, Warn, Error',)),
        (
            'statusCode="0" statusSeverity="Info" iteratorRemainingCount="0"',
            ("CustomerQueryRs/@iteratorID: missing beside iteratorRemainingCount",),
        ),
        (
            'statusCode="0" statusSeverity="Info" retCount="many"',
            ('CustomerQueryRs/@retCount: "many" is not a whole number',),
        ),
    ],
)
def test_what_a_status_does_outside_the_specification_is_noted(
    attributes: str, notes: tuple[str, ...]
) -> None:
    assert read(answer("", attributes=attributes)).responses[0].status.notes == notes


def test_an_out_of_date_edit_sequence_comes_with_the_current_record() -> None:
    attributes = (
        'statusCode="3200" statusSeverity="Error" statusMessage="The provided edit sequence is out-of-date. "'
    )
    (response,) = read(
        answer("<CustomerRet><EditSequence>7</EditSequence></CustomerRet>", "CustomerModRs", attributes)
    ).responses
    assert response.status.code == 3200
    assert response.rets[0].values == {"EditSequence": "7"}


def test_an_error_recovery_comes_as_a_record_of_its_own() -> None:
    inside = "<ErrorRecovery><ListID>8-1</ListID><EditSequence>7</EditSequence></ErrorRecovery>"
    (response,) = read(answer(inside, "CustomerAddRs")).responses
    assert [(ret.name, ret.values) for ret in response.rets] == [
        ("ErrorRecovery", {"ListID": "8-1", "EditSequence": "7"})
    ]


def test_the_fields_of_a_deletion_come_as_one_record_named_after_the_answer() -> None:
    deleted = "<TimeDeleted>2026-08-01T10:00:00-05:00</TimeDeleted>"
    inside = f"<ListDelType>Customer</ListDelType><ListID>8-1</ListID>{deleted}"
    (response,) = read(answer(inside, "ListDelRs")).responses
    (found,) = response.rets
    assert (found.name, found.values["TimeDeleted"]) == ("ListDelRs", WallTime.parse("2026-08-01T10:00:00"))


def test_a_void_keeps_its_error_recovery_apart() -> None:
    inside = "<TxnVoidType>Invoice</TxnVoidType><TxnID>2-1</TxnID><ErrorRecovery><TxnID>2-1</TxnID></ErrorRecovery>"
    (response,) = read(answer(inside, "TxnVoidRs")).responses
    assert {ret.name: ret.values["TxnID"] for ret in response.rets} == {
        "TxnVoidRs": "2-1",
        "ErrorRecovery": "2-1",
    }


def test_the_status_of_a_recovered_set_is_read() -> None:
    text = '<QBXML><QBXMLMsgsRs newMessageSetID="ABC" messageSetStatusCode="9002"/></QBXML>'
    assert read(text).set_status == SetStatus(9002, "ABC")
    assert read("<QBXML><QBXMLMsgsRs/></QBXML>").set_status == SetStatus(None, None)


def test_a_response_is_found_by_its_request_id() -> None:
    found = read(answer("", attributes='requestID="job-7" statusCode="0"'))
    assert found.by_request_id("job-7") is found.responses[0]
    assert found.by_request_id("job-8") is None


# -- outside the specification -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "values", "note"),
    [
        (
            "<PreferredDeliveryMethod>Mail</PreferredDeliveryMethod>",
            {"PreferredDeliveryMethod": "Mail"},
            "PreferredDeliveryMethod",
        ),
        ("<NewField>x</NewField>", {"NewField": "x"}, "CustomerRet/NewField"),
        ("<New><A>1</A><A>2</A></New>", {"New": {"A": ["1", "2"]}}, "CustomerRet/New"),
        ("<Balance>twelve</Balance>", {"Balance": "twelve"}, "CustomerRet/Balance"),
        ("<JobStartDate>20260801</JobStartDate>", {"JobStartDate": "20260801"}, "JobStartDate"),
        ("<Sublevel>1.5</Sublevel>", {"Sublevel": "1.5"}, "Sublevel"),
        ("<IsActive>yes</IsActive>", {"IsActive": "yes"}, "IsActive"),
        ("<TimeModified>yesterday</TimeModified>", {"TimeModified": "yesterday"}, "TimeModified"),
        ("<Name>a</Name><Name>b</Name>", {"Name": "a"}, "more than once"),
        ("<Name>a<b/></Name>", {"Name": {"b": ""}}, "holds other fields"),
        (
            "<BillAddress><Planet>x</Planet></BillAddress>",
            {"BillAddress": {"Planet": "x"}},
            "CustomerRet/BillAddress/Planet",
        ),
    ],
)
def test_what_quickbooks_writes_outside_its_specification_is_kept_and_noted(
    inside: str, values: dict[str, Any], note: str
) -> None:
    found = ret(inside)
    assert found.values == values
    assert len(found.notes) == 1
    assert note in found.notes[0]


def test_a_percent_sign_is_taken_off_and_noted() -> None:
    found = ret("<SalesOrPurchase><PricePercent>18.0%</PricePercent></SalesOrPurchase>", "ItemServiceRet")
    assert found.values == {"SalesOrPurchase": {"PricePercent": Decimal("18.0")}}
    assert len(found.notes) == 1


def test_fields_out_of_their_order_are_read_and_noted() -> None:
    found = ret("<Name>Ann</Name><ListID>8-1</ListID><Phone>1</Phone>")
    assert found.values == {"Name": "Ann", "ListID": "8-1", "Phone": "1"}
    assert found.notes == ("CustomerRet/ListID: not in the order of qbXML 13.0",)


@pytest.mark.parametrize("text", ["97.5", "97.123", "12345678901234.00"])
def test_an_amount_in_another_form_is_read_and_noted(text: str) -> None:
    found = ret(f"<Balance>{text}</Balance>")
    assert found.values == {"Balance": Decimal(text)}
    assert found.notes == (f'CustomerRet/Balance: "{text}" is not written as qbXML 13.0 has it',)


def test_a_record_of_another_answer_is_read_by_its_own_table_and_noted() -> None:
    (found,) = read(answer("<VendorRet><IsActive>true</IsActive></VendorRet>")).responses[0].rets
    assert found.values == {"IsActive": True}
    assert len(found.notes) == 1


def test_an_unknown_answer_is_read_all_the_same() -> None:
    (response,) = read(answer("<MoonRet><Phase>full</Phase></MoonRet>", "MoonQueryRs")).responses
    assert (response.rets[0].name, response.rets[0].values) == ("MoonRet", {"Phase": "full"})


def test_comments_and_cdata_are_read_through() -> None:
    assert ret("<!-- a --><Name>A<!-- b -->nn<![CDATA[ & Co]]></Name>").values == {"Name": "Ann & Co"}


@pytest.mark.parametrize("before", ["", "\ufeff", " \r\n\t", "\n" * 200_000])
def test_blanks_and_a_byte_order_mark_before_an_answer_are_forgiven(before: str) -> None:
    assert len(read(before + answer("<CustomerRet/>")).responses) == 1
    assert len(read((before + answer("<CustomerRet/>")).encode()).responses) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "windows-1252", "utf-16"])
def test_a_declared_encoding_is_honoured_in_bytes_and_ignored_in_text(encoding: str) -> None:
    text = answer("<CustomerRet><Name>Zoë</Name></CustomerRet>").replace("?>", f'encoding="{encoding}"?>', 1)
    for source in (text, text.encode(encoding)):
        assert read(source).responses[0].rets[0].values == {"Name": "Zoë"}


@pytest.mark.parametrize("declared", ["windows-1252", "utf-16", "us-ascii", "x-unknown"])
@pytest.mark.parametrize("comment", ["", "<!-- for lxml -->"])
def test_the_encoding_that_the_caller_knows_overrides_the_declared_one(declared: str, comment: str) -> None:
    text = answer("<CustomerRet><Name>Zoë</Name></CustomerRet>").replace("?>", f'encoding="{declared}"?>', 1)
    document = text.replace("<CustomerRet>", f"{comment}<CustomerRet>").encode()
    assert read(document, encoding="utf-8").responses[0].rets[0].values == {"Name": "Zoë"}


def test_an_encoding_that_does_not_exist_is_no_answer() -> None:
    with pytest.raises(UnreadableAnswer):
        read(answer("").encode(), encoding="x-unknown")


# -- refusals -----------------------------------------------------------------------------------------

BOMB = '<!DOCTYPE QBXML [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
FILE = '<!DOCTYPE QBXML [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "QuickBooks is busy",
        "<QBXML>",
        "<QBXML/>",
        "<html><body/></html>",
        '<x><QBXML><QBXMLMsgsRs><CustomerQueryRs statusCode="0"/></QBXMLMsgsRs></QBXML></x>',
        answer("<CustomerRet>"),
        answer("<CustomerRet>&nbsp;</CustomerRet>"),
        answer("<CustomerRet><Name>\x07</Name></CustomerRet>"),
        answer("")[:-12],
        answer("") + "<QBXML/>",
        answer("", attributes=""),
        answer("", attributes='statusCode="many"'),
        "<QBXML><QBXMLMsgsRs/><QBXMLMsgsRs/></QBXML>",
        '<QBXML><QBXMLMsgsRq onError="stopOnError"/></QBXML>',
        BOMB + "<QBXML><QBXMLMsgsRs newMessageSetID='&b;'/></QBXML>",
        FILE + answer("<CustomerRet><Name>&a;</Name></CustomerRet>").partition("?>")[2],
        "<!DOCTYPE QBXML><QBXML><QBXMLMsgsRs/></QBXML>",
        "<!--" + "x" * (2 << 20) + "--><QBXML><QBXMLMsgsRs/></QBXML>",
        answer("<CustomerRet>" + "<a>" * 100 + "</a>" * 100 + "</CustomerRet>"),
        answer("<CustomerRet>" + "<a>" * 5000 + "</a>" * 5000 + "</CustomerRet>"),
    ],
    ids=range(22),
)
def test_what_is_no_answer_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnreadableAnswer):
        read(text)
    with pytest.raises(UnreadableAnswer):
        list(parse(io.BytesIO(text.encode())))


def test_a_doctype_is_found_in_any_encoding() -> None:
    text = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE QBXML><QBXML><QBXMLMsgsRs/></QBXML>'
    with pytest.raises(UnreadableAnswer, match="DOCTYPE"):
        read(text.encode("utf-16"))


def test_records_before_a_break_in_the_stream_are_given_and_then_the_break_is_told() -> None:
    whole = answer("<CustomerRet><Name>Ann</Name></CustomerRet>" * 5000)
    given: list[object] = []
    with pytest.raises(UnreadableAnswer):
        given.extend(parse(io.BytesIO(whole[: len(whole) // 2].encode())))
    assert 2000 < len(given) < 2502


# -- streaming ----------------------------------------------------------------------------------------

MEMORY = """
import resource, sys
from qbxml import Ret, parse, read

RECORD = b"<CustomerRet><ListID>80000001-1</ListID><Name>Ann</Name><Notes>" + b"n" * 2000 + b"</Notes></CustomerRet>"
HEAD = b'<?xml version="1.0" ?><QBXML><QBXMLMsgsRs><CustomerQueryRs statusCode="0">'
TAIL = b"</CustomerQueryRs></QBXMLMsgsRs></QBXML>"

class Endless:
    def __init__(self, records):
        self.left, self.held = records, HEAD
    def read(self, size=-1):
        while self.left and len(self.held) < size:
            self.left -= 1
            self.held += RECORD if self.left else RECORD + TAIL
        block, self.held = self.held[:size], self.held[size:]
        return block

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

assert sum(isinstance(part, Ret) for part in parse(Endless(500))) == 500
before = peak()
assert sum(isinstance(part, Ret) for part in parse(Endless(20000))) == 20000
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read the Linux way")
def test_forty_megabytes_are_read_within_a_few(tmp_path: Path) -> None:
    script = tmp_path / "memory.py"
    script.write_text(MEMORY)
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, env={"PYTHONPATH": root}
    )
    assert int(done.stdout) <= 4


def test_records_come_while_the_document_is_still_arriving() -> None:
    text = answer("<CustomerRet><Name>Ann</Name></CustomerRet>" * 20_000).encode()
    source = io.BytesIO(text)
    first = next(part for part in parse(source) if isinstance(part, Ret))
    assert first.values == {"Name": "Ann"}
    assert source.tell() < len(text) / 4
