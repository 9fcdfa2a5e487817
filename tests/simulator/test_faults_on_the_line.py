"""What faults do to the calls of the Web Connector, seen from the server and the company file.

Sections are of qbwc-protocol.md.
"""

import pytest

from qbwc_server.simulator import CompanyFile, UpdateResult, WebConnector
from tests.simulator.conftest import document
from tests.simulator.recorder import Recorder, adding, count_in, names_in, private_data_in

GREETING = ["serverVersion", "clientVersion", "authenticate"]
EXCHANGE = ["sendRequestXML", "receiveResponseXML"]
QUERY = document('<CustomerQueryRq requestID="7"/>')


def update(recorded: WebConnector) -> UpdateResult:
    [result] = recorded.update()
    return result


class TestBrokenLine:
    @pytest.mark.parametrize(
        ("method", "arrived", "code"),
        [
            # 1.5: the code of each call's exception; a failing serverVersion is only logged
            ("clientVersion", GREETING[:1], "QBWC1036"),
            ("authenticate", GREETING[:2], "QBWC1012"),
            ("sendRequestXML", GREETING, "QBWC1041"),
            ("receiveResponseXML", [*GREETING, "sendRequestXML"], "QBWC1042"),
            ("closeConnection", [*GREETING, *EXCHANGE], "QBWC1044"),
        ],
    )
    def test_a_line_that_breaks_before_a_call_leaves_the_server_without_it(
        self,
        recorded: WebConnector,
        recorder: Recorder,
        company: CompanyFile,
        method: str,
        arrived: list[str],
        code: str,
    ) -> None:
        recorder.documents = [adding("Ann")]
        company.faults.arm("drop_before", method=method)
        result = update(recorded)
        assert (recorder.methods, result.code, result.ok) == (arrived, code, False)

    def test_a_line_that_breaks_before_the_answer_is_posted_leaves_what_quickbooks_committed(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # 3.4: unknown outcome
        recorder.documents = [adding("Ann")]
        company.faults.arm("drop_before", holding="CustomerAddRq")
        update(recorded)
        assert recorder.of("receiveResponseXML") == []
        assert names_in(company.path) == ["Ann"]

    def test_a_lost_reply_of_sendRequestXML_leaves_quickbooks_untouched(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # 3.2 #13
        recorder.documents = [adding("Ann")]
        company.faults.arm("drop_after", holding="CustomerAddRq")
        result = update(recorded)
        assert recorder.methods == [*GREETING, "sendRequestXML"]
        assert (names_in(company.path), result.code) == ([], "QBWC1041")

    def test_a_lost_reply_of_receiveResponseXML_leaves_the_answer_with_the_server(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        recorder.documents = [adding("Ann"), adding("Bob")]
        company.faults.arm("drop_after", method="receiveResponseXML")
        result = update(recorded)
        [posted] = recorder.of("receiveResponseXML")
        assert "<Name>Ann</Name>" in posted.value("response")
        assert recorder.methods[-1] == "receiveResponseXML"
        assert (names_in(company.path), result.code) == (["Ann"], "QBWC1042")

    def test_a_line_that_breaks_in_the_middle_of_a_call_delivers_half_of_it(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # 1.4: connection dropped
        recorder.documents = [adding("Ann")]
        company.faults.arm("cut_call", method="receiveResponseXML")
        result = update(recorded)
        last = recorder.cut_off()
        assert last.method == "receiveResponseXML"
        assert len(last.body) == last.promised // 2
        assert (names_in(company.path), result.code) == (["Ann"], "QBWC1042")


class TestAnswers:
    def test_the_same_answer_can_be_posted_twice_byte_by_byte(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # 3.4: a duplicate receiveResponseXML
        recorder.documents = [adding("Ann")]
        company.faults.arm("duplicate_call", holding="CustomerAddRq")
        assert update(recorded).ok
        first, second = recorder.of("receiveResponseXML")
        assert first.body == second.body
        assert count_in(company.path, "CustomerAdd") == 1
        assert recorder.methods[-1] == "closeConnection"

    def test_sendRequestXML_posted_twice_takes_two_documents_and_executes_the_second(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        recorder.documents = [adding("Ann"), adding("Bob")]
        company.faults.arm("duplicate_call", method="sendRequestXML")
        update(recorded)
        assert len(recorder.of("sendRequestXML")) == 2
        assert names_in(company.path) == ["Bob"]

    def test_an_answer_can_lose_its_second_half(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # 2.7: response is a qbXML document; this one is none any more
        recorder.documents = [adding("Ann"), QUERY]
        company.faults.arm("truncate_answer", holding="CustomerAddRq")
        assert update(recorded).ok
        cut, whole = (post.value("response") for post in recorder.of("receiveResponseXML"))
        assert cut.startswith('<?xml version="1.0" ?>')
        assert "</QBXML>" not in cut
        assert whole.rstrip().endswith("</QBXML>")
        assert names_in(company.path) == ["Ann"]

    def test_an_answer_can_come_an_hour_late(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # 2.6: QuickBooks can be slow
        recorder.documents = [QUERY]
        company.faults.arm("delay_call", seconds=3600)
        assert update(recorded).ok
        [asked], [answered] = recorder.of("sendRequestXML"), recorder.of("receiveResponseXML")
        assert (answered.at - asked.at).total_seconds() == 3600


class TestKilledConnector:
    @pytest.mark.parametrize("number", range(1, 7))
    def test_it_can_die_before_each_call(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile, number: int
    ) -> None:
        # 3.2 #12: calls stop at any point, no closeConnection
        recorder.documents = [adding("Ann")]
        company.faults.arm("kill_connector_before", method="", nth=number)
        assert not update(recorded).ok
        assert recorder.methods == [*GREETING, *EXCHANGE, "closeConnection"][: number - 1]
        assert names_in(company.path) == (["Ann"] if number > 4 else [])
        # The lock stays where it had been set and not yet been taken off (3.3).
        assert ("AppLock" in private_data_in(company.path)) == (number in (4, 5))

    @pytest.mark.parametrize("number", range(1, 7))
    def test_it_can_die_after_each_call(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile, number: int
    ) -> None:
        recorder.documents = [adding("Ann")]
        company.faults.arm("kill_connector_after", method="", nth=number)
        assert not update(recorded).ok
        assert recorder.methods == [*GREETING, *EXCHANGE, "closeConnection"][:number]
        assert names_in(company.path) == (["Ann"] if number > 4 else [])

    def test_the_next_run_starts_anew(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # 3.2 #12: the next run starts at serverVersion; 3.3: the stale lock is of the same PC
        recorder.documents = [adding("Ann")]
        company.faults.arm("kill_connector_before", method="receiveResponseXML")
        update(recorded)
        recorder.posts.clear()
        recorder.documents = [QUERY]
        assert update(recorded).ok
        assert recorder.methods == [*GREETING, *EXCHANGE, "closeConnection"]
        assert recorder.of("sendRequestXML")[0].value("ticket") == "ticket-one"


class TestSecondConnector:
    def test_one_on_another_pc_takes_the_work_before_this_one_has_the_lock(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # 3.4: two PCs using the same credentials
        recorder.documents = [adding("Ann")]
        company.faults.arm("second_connector", method="authenticate")
        update(recorded)
        assert recorder.methods[:8] == [*GREETING[:2], *GREETING, *EXCHANGE, "closeConnection"]
        assert recorder.methods[8] == "authenticate"
        lock = recorder.of("sendRequestXML")[0].value("strHCPResponse")
        assert "LOCKED:OTHER-PC:" in lock
        assert names_in(company.path) == ["Ann"]
        passwords = {post.value("strPassword") for post in recorder.of("authenticate")}
        assert passwords == {"secret"}

    def test_one_on_another_pc_is_kept_out_by_the_company_file_lock(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # 3.3: AppLock stops two Web Connectors with the same OwnerID
        recorder.documents = [adding("Ann"), adding("Bob")]
        company.faults.arm("second_connector", method="sendRequestXML", nth=2)
        assert update(recorded).ok
        assert recorder.methods == [*GREETING, *EXCHANGE, *GREETING, *EXCHANGE, "closeConnection"]
        tickets = {post.value("ticket") for post in recorder.of("sendRequestXML")}
        assert tickets == {"ticket-one"}
        assert names_in(company.path) == ["Ann", "Bob"]

    def test_one_on_the_same_pc_takes_the_lock_over_and_works_in_between(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # 3.3 (U): a lock of the same PC is taken for a stale one
        recorder.documents = [adding("Ann"), adding("Bob"), adding("Cid")]
        company.faults.arm("second_connector", method="receiveResponseXML", computer="SAME")
        update(recorded)
        tickets = [post.value("ticket") for post in recorder.of("receiveResponseXML")]
        assert tickets == ["ticket-two", "ticket-two", "ticket-one"]
        assert names_in(company.path) == ["Ann", "Bob", "Cid"]
