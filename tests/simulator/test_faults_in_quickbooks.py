"""What faults do in QuickBooks and to the company file, seen from the server and the file on the disk.

Sections are P of qbwc-protocol.md, S of qbxml-semantics.md.
"""

import re
from datetime import datetime
from pathlib import Path

import pytest

from qbwc_server.simulator import CompanyFile, SimulatorError, UpdateResult, WebConnector
from qbwc_server.simulator.hresults import HRESULTS
from tests.simulator.conftest import Clock, document
from tests.simulator.recorder import Recorder, adding, count_in, names_in, stored_sets_in

GREETING = ["serverVersion", "clientVersion", "authenticate"]
EXCHANGE = ["sendRequestXML", "receiveResponseXML"]
QUERY = document('<CustomerQueryRq requestID="7"/>')


def update(recorded: WebConnector) -> UpdateResult:
    [result] = recorded.update()
    return result


def answers(recorder: Recorder) -> list[str]:
    return [post.value("response") for post in recorder.of("receiveResponseXML")]


def statuses(recorder: Recorder) -> list[str]:
    return re.findall(r'requestID="8" statusCode="(\d+)"', "".join(answers(recorder)))


class TestHresults:
    @pytest.mark.parametrize("hresult", [one for one, about in HRESULTS.items() if "session" in about.places])
    def test_each_that_a_connection_can_end_with_reaches_connectionError(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile, hresult: str
    ) -> None:
        # P4.3, column C; P2.8
        recorder.documents = [adding("Ann")]
        company.faults.arm("refuse_session", hresult=hresult)
        result = update(recorded)
        assert recorder.methods == [*GREETING, "connectionError"]
        [told] = recorder.of("connectionError")
        assert (told.value("hresult"), told.value("message")) == (hresult, HRESULTS[hresult].message)
        assert (result.code, names_in(company.path)) == ("QBWC1013", [])

    @pytest.mark.parametrize("hresult", [one for one, about in HRESULTS.items() if "set" in about.places])
    def test_each_that_a_set_can_end_with_reaches_receiveResponseXML(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile, hresult: str
    ) -> None:
        # P4.3, column R; P2.7: response is empty
        recorder.documents = [adding("Ann")]
        company.faults.arm("refuse_set", hresult=hresult, holding="CustomerAddRq")
        update(recorded)
        [told] = recorder.of("receiveResponseXML")
        assert told.value("hresult") == hresult
        assert (told.value("message"), told.value("response")) == (HRESULTS[hresult].message, "")
        assert names_in(company.path) == []

    def test_the_table_is_that_of_the_reference(self, shared: Path) -> None:
        text = (shared / "reference/qbwc-protocol.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| (0x8[0-9A-F]{7}) \| .* \| ([RC, ]*) \| .* \|$", text, re.MULTILINE)
        sides = {"C": "session", "R": "set"}
        told = {code: {sides[side] for side in re.findall("[RC]", where)} for code, where in rows}
        ours = {code: set(about.places) for code, about in HRESULTS.items()}
        # Its place is not told there.
        assert told.pop("0x80040419", set()) == set()
        assert ours.pop("0x80040419") == {"session"}
        assert ours == told

    @pytest.mark.parametrize(
        ("fault", "hresult"),
        [
            ("quickbooks_closed", "0x80040408"),
            ("modal_dialog", "0x80040414"),
            ("single_user_mode", "0x80040410"),
            ("file_in_use", "0x80040422"),
            ("access_revoked", "0x8004041A"),
        ],
    )
    def test_everyday_ones_have_names_and_pass_with_the_next_run(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile, fault: str, hresult: str
    ) -> None:
        recorder.documents = [adding("Ann")]
        company.faults.arm(fault)
        update(recorded)
        assert [post.value("hresult") for post in recorder.of("connectionError")] == [hresult]
        assert update(recorded).ok
        assert names_in(company.path) == ["Ann"]

    def test_a_server_that_asks_again_gets_the_connection_when_the_dialog_is_gone(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # P2.8: any other reply = another attempt
        recorder.documents = [adding("Ann")]
        recorder.connection_error = ["", "", "done"]
        company.faults.arm("modal_dialog", times=2)
        assert update(recorded).ok
        assert recorder.methods == [*GREETING, *["connectionError"] * 2, *EXCHANGE, "closeConnection"]

    def test_a_restart_of_quickbooks_between_two_sets_loses_the_session_and_nothing_else(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # P4.3: 0x8004040D
        recorder.documents = [adding("Ann"), adding("Bob"), adding("Cid")]
        company.faults.arm("session_lost", holding="Bob")
        update(recorded)
        told = [post.value("hresult") for post in recorder.of("receiveResponseXML")]
        assert told == ["", "0x8004040D", "0x8004040D"]
        assert names_in(company.path) == ["Ann"]


class TestCommit:
    def test_a_set_can_be_refused_before_it_is_executed(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        recorder.documents = [adding("Ann", newMessageSetID="one")]
        company.faults.arm("refuse_set", holding="CustomerAddRq")
        update(recorded)
        assert (names_in(company.path), stored_sets_in(company.path)) == ([], [])
        assert recorder.of("receiveResponseXML")[0].value("hresult") == "0x80040402"

    def test_an_answer_can_be_lost_after_the_commit_and_asked_for_again(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # S1 error recovery, S10.10
        again = adding("Ann", newMessageSetID="one")
        recorder.documents = [again, again]
        company.faults.arm("lose_answer", holding="CustomerAddRq")
        update(recorded)
        lost, stored = recorder.of("receiveResponseXML")
        assert (lost.value("hresult"), lost.value("response")) == ("0x80010105", "")
        assert 'messageSetStatusCode="0"' in stored.value("response")
        assert (names_in(company.path), count_in(company.path, "CustomerAdd")) == (["Ann"], 1)

    def test_quickbooks_can_die_in_the_middle_of_a_set(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # S1: earlier requests stay committed; 9002 for the question
        both = "".join(re.findall("<CustomerAddRq.*?</CustomerAddRq>", adding("Ann") + adding("Bob")))
        ask = document(oldMessageSetID="one", newMessageSetID="one")
        recorder.documents = [document(both, newMessageSetID="one"), ask]
        company.faults.arm("break_after", requests=1, holding="CustomerAddRq")
        update(recorded)
        assert names_in(company.path) == ["Ann"]
        assert stored_sets_in(company.path) == []
        assert 'messageSetStatusCode="9002"' in answers(recorder)[1]

    @pytest.mark.parametrize(("fault", "code"), [("unstorable_answer", "9005"), ("unknown_set", "600")])
    def test_recovery_itself_can_fail(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile, fault: str, code: str
    ) -> None:
        # S1: 9005, 600
        ask = document(oldMessageSetID="one", newMessageSetID="one")
        recorder.documents = [adding("Ann", newMessageSetID="one") if fault == "unstorable_answer" else ask]
        company.faults.arm(fault)
        update(recorded)
        assert f'messageSetStatusCode="{code}"' in answers(recorder)[0]
        assert stored_sets_in(company.path) == []


class TestLocks:
    @pytest.mark.parametrize(
        ("code", "text"),
        [
            (3175, "The transaction could not be locked. It is in use by another user."),
            (3176, "in use"),
            (3170, "could not be locked. They are in use by another user."),
            (3180, "has been modified by another user."),
        ],
    )
    def test_another_user_holds_what_is_to_be_written(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile, code: int, text: str
    ) -> None:
        # S2: 3170 lock text, 3175, 3176, 3180 lock text
        recorder.documents = [adding("Ann"), adding("Ann")]
        company.faults.arm("locked_element", request="CustomerAddRq", code=code)
        update(recorded)
        assert statuses(recorder) == [str(code), "0"]
        assert text in answers(recorder)[0]
        assert names_in(company.path) == ["Ann"]

    def test_any_status_can_be_the_answer(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        recorder.documents = [adding("Ann")]
        company.faults.arm("answer_status", request="CustomerAddRq", code=1010)
        update(recorded)
        assert statuses(recorder) == ["1010"]
        assert (names_in(company.path), count_in(company.path, "CustomerAdd")) == ([], 0)

    def test_an_iterator_can_die_in_another_way(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # S3: the code for a dead iteratorID is unconfirmed
        recorder.documents = [
            document(
                '<CustomerQueryRq requestID="8" iterator="Continue" iteratorID="{0}"><MaxReturned>1</MaxReturned>'
                "</CustomerQueryRq>"
            )
        ]
        company.faults.arm("dead_iterator")
        update(recorded)
        assert statuses(recorder) == ["1000"]


class TestOtherFiles:
    def test_a_stranger_can_be_open_without_the_stamp_of_the_application(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # P4.1: FileID proves the right file; P8: confused company file
        recorder.documents = [adding("Ann")]
        company.faults.arm("wrong_company")
        update(recorded)
        [asked] = recorder.of("sendRequestXML")
        assert "{90A44FB5" not in asked.value("strHCPResponse")
        assert "<CompanyName>Another Company</CompanyName>" in asked.value("strHCPResponse")
        assert asked.value("strCompanyFileName") != company.file_name
        assert names_in(company.path) == []
        assert names_in(company.path.with_name(f"Other than {company.path.name}")) == ["Ann"]

    def test_a_stranger_is_refused_when_the_server_names_the_file(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # P4.3: 0x8004040A; the run after it finds the right file
        recorder.documents, recorder.verdict = [adding("Ann")], company.file_name
        company.faults.arm("wrong_company")
        update(recorded)
        assert [post.value("hresult") for post in recorder.of("connectionError")] == ["0x8004040A"]
        assert update(recorded).ok
        assert names_in(company.path) == ["Ann"]

    def test_a_copy_has_the_stamp_and_another_path_and_goes_its_own_way(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # P4.1: the same FileID; P4.2: another strCompanyFileName
        recorder.documents = [adding("Ann")]
        update(recorded)
        recorder.documents = [adding("Bob")]
        company.faults.arm("copied_file", times=2)
        update(recorded)
        recorder.documents = [QUERY]
        update(recorded)
        first, second, third = recorder.of("sendRequestXML")
        assert "{90A44FB5-33D9-4815-AC85-BC87A7E7D1EB}" in second.value("strHCPResponse")
        assert second.value("strCompanyFileName") == third.value("strCompanyFileName")
        assert second.value("strCompanyFileName") != first.value("strCompanyFileName")
        assert re.findall("<FullName>(.*?)</FullName>", answers(recorder)[2]) == ["Ann", "Bob"]
        assert names_in(company.path) == ["Ann"]
        assert names_in(company.path.with_name(f"Copy of {company.path.name}")) == ["Ann", "Bob"]

    def test_a_restored_backup_takes_records_numbers_and_stored_sets_back(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile, clock: Clock
    ) -> None:
        # S4: a restored backup moves everything back in time; S10.8
        company.faults.arm("restored_backup", sets=2, nth=2)
        recorder.documents = [adding(name, newMessageSetID=name) for name in ("Ann", "Bob", "Cid")]
        update(recorded)
        [ann, bob, _] = re.findall("<ListID>(.*?)</ListID>", "".join(answers(recorder)))
        assert names_in(company.path) == ["Ann", "Bob", "Cid"]
        clock.advance(hours=1)
        ask = document(oldMessageSetID="Bob", newMessageSetID="Bob")
        recorder.documents = [ask, adding("Dot")]
        update(recorded)
        question, added = answers(recorder)[-2:]
        assert 'messageSetStatusCode="9002"' in question
        # The number is given out again, with another second behind it.
        [dot] = re.findall("<ListID>(.*?)</ListID>", added)
        assert dot.partition("-")[0] == bob.partition("-")[0]
        assert dot != bob
        assert names_in(company.path) == ["Ann", "Dot"]
        assert (stored_sets_in(company.path), count_in(company.path, "CustomerAdd")) == (["Ann"], 2)
        assert ann.partition("-")[0] != dot.partition("-")[0]

    def test_a_person_can_copy_and_restore_by_hand_and_whoever_is_connected_loses_the_session(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile, tmp_path: Path
    ) -> None:
        company.copy_to(tmp_path / "friday.sqlite")
        recorder.documents = [adding("Ann"), adding("Bob")]
        company.faults.arm("delay_call", method="receiveResponseXML", seconds=1)
        wait = recorded.options.wait

        def restored(seconds: float) -> None:
            wait(seconds)
            company.restore(tmp_path / "friday.sqlite")

        object.__setattr__(recorded.options, "wait", restored)
        update(recorded)
        assert [post.value("hresult") for post in recorder.of("receiveResponseXML")] == ["", "0x8004040D"]
        assert names_in(company.path) == []


class TestClock:
    def test_it_can_jump_back_so_that_a_later_record_looks_older(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        # S4: EditSequence is the second of the edit; 15:00 UTC is 11:00 in New York
        recorder.documents = [adding("Ann"), adding("Bob")]
        company.faults.arm("clock_jump", seconds=-7200, holding="Bob")
        update(recorded)
        times = re.findall("<TimeCreated>(.{19})-05:00", "".join(answers(recorder)))
        assert times == ["2026-08-01T11:00:00", "2026-08-01T09:00:00"]
        seconds = [int(one) for one in re.findall("<ListID>.*?-(.*?)</ListID>", "".join(answers(recorder)))]
        assert seconds[0] - seconds[1] == 7200

    def test_it_stays_wrong_in_the_file_until_everything_is_cleared(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        company.faults.arm("clock_jump", seconds=86400)
        recorder.documents = [adding("Ann")]
        update(recorded)
        recorder.documents = [adding("Bob")]
        update(recorded)
        company.faults.clear()
        recorder.documents = [adding("Cid")]
        update(recorded)
        days = re.findall("<TimeCreated>(.{10})", "".join(answers(recorder)))
        assert days == ["2026-08-02", "2026-08-02", "2026-08-01"]

    @pytest.mark.parametrize(
        ("season", "walls"),
        [
            # The second Sunday of March and the first of November in New York.
            ("autumn", ["2026-11-01T01:30:00", "2026-11-01T01:30:00"]),
            ("spring", ["2027-03-14T01:30:00", "2027-03-14T03:30:00"]),
        ],
    )
    def test_the_night_of_a_clock_change_repeats_an_hour_or_leaves_it_out(
        self,
        recorded: WebConnector,
        recorder: Recorder,
        company: CompanyFile,
        clock: Clock,
        season: str,
        walls: list[str],
    ) -> None:
        # S4: in the repeated hour wall times are ambiguous; the printed offset stays January's
        recorder.documents = [adding("Ann")]
        company.faults.arm("clock_change_night", season=season)
        update(recorded)
        clock.advance(hours=1)
        recorder.documents = [adding("Bob")]
        update(recorded)
        answered = "".join(answers(recorder))
        assert re.findall("<TimeModified>(.*?)-05:00<", answered) == walls
        first, second = re.findall("<EditSequence>(.*?)<", answered)
        assert int(second) - int(first) == 3600
        assert datetime.fromisoformat(walls[0])

    def test_a_zone_without_a_clock_change_has_no_such_night(self, tmp_path: Path, clock: Clock) -> None:
        company = CompanyFile.create(
            tmp_path / "phoenix.sqlite", company_name="Phoenix", timezone="America/Phoenix", clock=clock
        )
        company.faults.arm("clock_change_night")
        with pytest.raises(SimulatorError, match="never changed"):
            company.process("session", QUERY)
        company.close()
