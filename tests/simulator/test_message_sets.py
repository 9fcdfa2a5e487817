"""Envelopes, onError, refused documents, error recovery and switches; sections are of qbxml-semantics.md."""

import pytest
from lxml import etree

from qbwc_server.simulator import CompanyFile, ProcessError, SimulatorError
from tests.simulator.conftest import Office, document

PARSE_FAILURE = ("0x80040400", "QuickBooks found an error when parsing the provided XML text stream.")
VERSION = "0x80040423"


def adding(*names: str) -> str:
    return "".join(
        f'<CustomerAddRq requestID="{name}"><CustomerAdd><Name>{name}</Name></CustomerAdd></CustomerAddRq>'
        for name in names
    )


def codes(answer: etree._Element) -> list[str | None]:
    return [rs.get("statusCode") for rs in answer]


class TestEnvelope:
    def test_answers_come_in_order_and_echo_the_requestID(self, office: Office) -> None:
        # 1
        answer = office.set(adding("b", "a") + "<CustomerQueryRq/>" + '<HostQueryRq requestID=""/>')
        assert [(rs.tag, rs.get("requestID")) for rs in answer] == [
            ("CustomerAddRs", "b"),
            ("CustomerAddRs", "a"),
            ("CustomerQueryRs", None),
            ("HostQueryRs", ""),
        ]

    def test_a_requestID_over_50_characters_is_1060(self, office: Office) -> None:
        assert codes(office.set(adding("x" * 41))) == ["0"]
        rs = office.ask(f'<HostQueryRq requestID="{"x" * 51}"/>')
        assert rs.get("statusCode") == "1060"

    def test_only_recovery_puts_attributes_on_the_answer_set(self, office: Office) -> None:
        assert dict(office.set(adding("Ann")).attrib) == {}

    def test_continueOnError_lets_each_request_stand_alone(self, office: Office) -> None:
        # 1: five adds answered one by one
        office.add("Taken")
        answer = office.set(adding("A", "Taken", "B:C", "D"))
        assert codes(answer) == ["0", "3100", "3090", "0"]

    def test_stopOnError_answers_the_rest_with_3231(self, office: Office) -> None:
        office.add("Taken")
        answer = office.set(
            adding("A", "Taken", "B") + '<HostQueryRq requestID="h"/>', on_error="stopOnError"
        )
        assert codes(answer) == ["0", "3100", "3231", "3231"]
        assert answer[3].get("statusMessage") == "The request has not been processed."
        # earlier requests stay committed
        assert office.names("<CustomerQueryRq/>") == ["A", "Taken"]

    def test_a_warning_does_not_stop_a_set(self, office: Office) -> None:
        answer = office.set(
            "<CustomerQueryRq><FullName>Nobody</FullName></CustomerQueryRq>" + adding("A"),
            on_error="stopOnError",
        )
        assert codes(answer) == ["500", "0"]

    @pytest.mark.parametrize(
        "request_",
        [
            "<BillingRateQueryRq/>",
            "<CompanyActivityQueryRq/>",
            "<BillQueryRq/>",
            "<JournalEntryQueryRq/>",
            "<InventorySiteQueryRq/>",
            "<UnitOfMeasureSetQueryRq/>",
        ],
    )
    def test_what_is_not_simulated_says_so(self, office: Office, request_: str) -> None:
        # 2: 1030
        rs = office.ask(request_)
        assert (rs.get("statusCode"), rs.get("statusSeverity"), rs.get("statusMessage")) == (
            "1030",
            "Error",
            "This request is not supported by this implementation.",
        )


class TestRefusedDocuments:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "nonsense",
            " " + document(),
            "\n" + document(),
            "﻿" + document(),
            document().replace("</QBXML>", ""),
            document().replace('<?qbxml version="13.0"?>', ""),
            document("<NonsenseRq/>"),
            document(
                "<CustomerAddRq><CustomerAdd><Phone>1</Phone><Name>Ann</Name></CustomerAdd></CustomerAddRq>"
            ),
            document(
                "<CustomerAddRq><CustomerAdd><Name>Ann</Name><Nick>A</Nick></CustomerAdd></CustomerAddRq>"
            ),
            document(
                "<CustomerAddRq><CustomerAdd><Name>Ann</Name><JobStatus>Won</JobStatus></CustomerAdd></CustomerAddRq>"
            ),
            document("<CustomerAddRq><CustomerAdd><Phone>1</Phone></CustomerAdd></CustomerAddRq>"),
            document("<CustomerQueryRq><ActiveStatus>Some</ActiveStatus></CustomerQueryRq>"),
            document(on_error="rollbackOnError"),
            document(on_error="sometimes"),
            document().replace(' onError="continueOnError"', ""),
            document().replace("<QBXML>", '<!DOCTYPE QBXML [<!ENTITY a "b">]><QBXML>'),
            document("<CustomerAddRq><CustomerAdd><Name>Ω</Name></CustomerAdd></CustomerAddRq>"),
            document('<CustomerQueryRq unknown="1"/>'),
        ],
    )
    def test_get_no_answer_at_all(self, office: Office, text: str) -> None:
        # 1: never reaches the per-request stage; 10.1
        assert office.refusal(text) == PARSE_FAILURE

    def test_one_bad_request_poisons_the_whole_set(self, office: Office, company: CompanyFile) -> None:
        # 1
        office.refusal(document(adding("A") + "<NonsenseRq/>"))
        assert "CustomerAdd" not in company.counts()

    @pytest.mark.parametrize("version", ["14.0", "99.0", "", "CA3.0"])
    def test_an_unknown_version_is_an_error_of_its_own(self, office: Office, version: str) -> None:
        # 7; protocol reference 4.3
        assert office.refusal(document(version=version))[0] in (VERSION, PARSE_FAILURE[0])

    def test_a_field_newer_than_the_version_is_refused(self, office: Office) -> None:
        # 1: validated against the version of the instruction
        text = document(
            "<CustomerAddRq><CustomerAdd><Name>Ann</Name><JobTitle>Boss</JobTitle></CustomerAdd>"
            "</CustomerAddRq>",
            version="8.0",
        )
        assert office.refusal(text) == PARSE_FAILURE

    def test_an_old_quickbooks_does_not_know_newer_versions(self, tmp_path, schema) -> None:  # type: ignore[no-untyped-def]
        company = CompanyFile.create(
            tmp_path / "old.sqlite", company_name="Old", timezone="UTC", highest_version="8.0"
        )
        with pytest.raises(ProcessError, match=VERSION):
            company.process("s", document(version="12.0"))
        assert 'statusCode="1"' in company.process("s", document("<CustomerQueryRq/>", version="8.0"))
        company.close()


class TestErrorRecovery:
    def test_the_answer_carries_the_id_and_status_0(self, office: Office) -> None:
        # 1 Error recovery
        answer = office.set(adding("Ann"), newMessageSetID="X1")
        assert dict(answer.attrib) == {"newMessageSetID": "X1", "messageSetStatusCode": "0"}

    def test_asking_with_both_ids_gives_the_stored_answer_as_often_as_asked(self, office: Office) -> None:
        # 1, step 2; asking does not clear
        first = office.set(adding("Ann", "Bob"), newMessageSetID="X1")
        for _ in range(2):
            again = office.set(newMessageSetID="X1", oldMessageSetID="X1")
            assert etree.tostring(again) == etree.tostring(first)

    def test_the_same_set_again_is_not_executed_a_second_time(
        self, office: Office, company: CompanyFile
    ) -> None:
        # 1, step 2
        first = office.set(adding("Ann"), newMessageSetID="X1")
        again = office.set(adding("Ann"), newMessageSetID="X1")
        assert etree.tostring(again) == etree.tostring(first)
        assert company.counts()["CustomerAdd"] == 1

    def test_the_stored_answer_survives_the_session_and_the_program(
        self, office: Office, company: CompanyFile
    ) -> None:
        first = office.set(adding("Ann"), newMessageSetID="X1")
        company.close()
        office.company = CompanyFile.open(company.path, office.clock)
        office.session = office.company.begin_session("Tests")
        assert etree.tostring(office.set(newMessageSetID="X1", oldMessageSetID="X1")) == etree.tostring(first)
        office.company.close()

    def test_refused_requests_are_stored_like_any_other(self, office: Office) -> None:
        office.add("Taken")
        office.set(adding("A", "Taken"), newMessageSetID="X1")
        assert codes(office.set(newMessageSetID="X1", oldMessageSetID="X1")) == ["0", "3100"]

    def test_other_content_under_a_used_id_is_9001(self, office: Office, company: CompanyFile) -> None:
        office.set(adding("Ann"), newMessageSetID="X1")
        answer = office.set(adding("Bob"), newMessageSetID="X1")
        assert (answer.get("messageSetStatusCode"), len(answer)) == ("9001", 0)
        assert company.counts()["CustomerAdd"] == 1

    def test_asking_for_a_set_that_was_never_sent_is_9002(self, office: Office) -> None:
        answer = office.set(newMessageSetID="X1", oldMessageSetID="X1")
        assert (answer.get("messageSetStatusCode"), len(answer)) == ("9002", 0)

    def test_clearing_a_set_that_was_never_sent_is_600(self, office: Office) -> None:
        answer = office.set(oldMessageSetID="X1")
        assert (answer.get("messageSetStatusCode"), len(answer)) == ("600", 0)

    def test_a_switch_lets_an_unknown_set_answer_600_instead(
        self, office: Office, company: CompanyFile
    ) -> None:
        company.faults.arm("unknown_set")
        assert office.set(newMessageSetID="X1", oldMessageSetID="X1").get("messageSetStatusCode") == "600"
        assert office.set(newMessageSetID="X1", oldMessageSetID="X1").get("messageSetStatusCode") == "9002"

    def test_oldMessageSetID_alone_clears(self, office: Office) -> None:
        # 1, step 3
        office.set(adding("Ann"), newMessageSetID="X1")
        assert office.set(oldMessageSetID="X1").get("messageSetStatusCode") == "0"
        assert office.set(newMessageSetID="X1", oldMessageSetID="X1").get("messageSetStatusCode") == "9002"

    def test_the_next_set_clears_the_one_before(self, office: Office) -> None:
        office.set(adding("Ann"), newMessageSetID="X1")
        answer = office.set(adding("Bob"), newMessageSetID="X2", oldMessageSetID="X1")
        assert (answer.get("newMessageSetID"), codes(answer)) == ("X2", ["0"])
        assert office.set(newMessageSetID="X1", oldMessageSetID="X1").get("messageSetStatusCode") == "9002"
        assert codes(office.set(newMessageSetID="X2", oldMessageSetID="X2")) == ["0"]

    def test_a_resend_is_recognised_although_what_it_clears_is_gone(self, office: Office) -> None:
        office.set(adding("Ann"), newMessageSetID="X1")
        first = office.set(adding("Bob"), newMessageSetID="X2", oldMessageSetID="X1")
        again = office.set(adding("Bob"), newMessageSetID="X2", oldMessageSetID="X1")
        assert etree.tostring(again) == etree.tostring(first)

    def test_ClearAllMessageSets_clears_those_of_this_application_only(self, office: Office) -> None:
        office.set(adding("Ann"), newMessageSetID="X1")
        office.set(adding("Bob"), newMessageSetID="X2")
        other = office.company.begin_session("Another application")
        office.set(adding("Cid"), newMessageSetID="X1", session=other)
        office.set(oldMessageSetID="ClearAllMessageSets")
        assert [
            office.set(newMessageSetID=name, oldMessageSetID=name).get("messageSetStatusCode")
            for name in ("X1", "X2")
        ] == ["9002", "9002"]
        assert codes(office.set(newMessageSetID="X1", oldMessageSetID="X1", session=other)) == ["0"]

    def test_an_id_that_is_too_long_is_9004(self, office: Office, company: CompanyFile) -> None:
        # 23 is the most by the stricter text; a GUID without braces has 32
        answer = office.set(adding("Ann"), newMessageSetID="x" * 24)
        assert (answer.get("messageSetStatusCode"), len(answer)) == ("9004", 0)
        assert "CustomerAdd" not in company.counts()
        assert codes(office.set(adding("Ann"), newMessageSetID="x" * 23)) == ["0"]


class TestSwitches:
    def test_a_set_can_be_refused_without_being_executed(self, office: Office, company: CompanyFile) -> None:
        company.faults.arm("refuse_set", hresult="0x8004041C", message="Internal error.")
        assert office.refusal(document(adding("Ann"))) == ("0x8004041C", "Internal error.")
        assert codes(office.set(adding("Ann"))) == ["0"]

    def test_an_answer_can_be_lost_after_the_commit(self, office: Office, company: CompanyFile) -> None:
        # 10.10 lost answer
        company.faults.arm("lose_answer")
        office.refusal(document(adding("Ann"), newMessageSetID="X1"))
        assert company.counts()["CustomerAdd"] == 1
        assert codes(office.set(newMessageSetID="X1", oldMessageSetID="X1")) == ["0"]
        assert company.counts()["CustomerAdd"] == 1

    def test_quickbooks_can_die_in_the_middle_of_a_set(self, office: Office, company: CompanyFile) -> None:
        # 1: nothing is rolled back; 9002: not stored whole
        company.faults.arm("break_after", requests=2)
        office.refusal(document(adding("A", "B", "C"), newMessageSetID="X1"))
        assert office.names("<CustomerQueryRq/>") == ["A", "B"]
        assert office.set(newMessageSetID="X1", oldMessageSetID="X1").get("messageSetStatusCode") == "9002"
        assert office.set(adding("A", "B", "C"), newMessageSetID="X1").get("messageSetStatusCode") == "9002"
        assert company.counts()["CustomerAdd"] == 2

    def test_quickbooks_can_die_after_the_last_request_too(
        self, office: Office, company: CompanyFile
    ) -> None:
        company.faults.arm("break_after", requests=1, holding="CustomerAddRq")
        office.set("<HostQueryRq/>")
        office.refusal(document(adding("A"), newMessageSetID="X1"))
        assert company.counts()["CustomerAdd"] == 1
        assert office.set(newMessageSetID="X1", oldMessageSetID="X1").get("messageSetStatusCode") == "9002"

    def test_an_answer_may_not_be_storable(self, office: Office, company: CompanyFile) -> None:
        # 1: 9005, as 9002
        company.faults.arm("unstorable_answer")
        answer = office.set(adding("Ann"), newMessageSetID="X1")
        assert (answer.get("messageSetStatusCode"), codes(answer)) == ("9005", ["0"])
        assert office.set(newMessageSetID="X1", oldMessageSetID="X1").get("messageSetStatusCode") == "9002"

    @pytest.mark.parametrize(
        ("code", "text"),
        [
            (3170, "They are in use by another user."),
            (3175, "It is in use by another user."),
            (3180, "This list has been modified by another user."),
            (1010, "System not available"),
            (3261, "sensitive data"),
        ],
    )
    def test_a_request_can_be_refused_as_if_somebody_were_in_the_way(
        self, office: Office, company: CompanyFile, code: int, text: str
    ) -> None:
        # 2: lock texts; 10.10
        company.faults.arm("answer_status", request="CustomerAddRq", code=code)
        answer = office.set("<HostQueryRq/>" + adding("A", "B"))
        assert codes(answer) == ["0", str(code), "0"]
        assert text in (answer[1].get("statusMessage") or "")

    def test_a_switch_works_for_several_uses_or_until_it_is_cleared(
        self, office: Office, company: CompanyFile
    ) -> None:
        company.faults.arm("answer_status", times=2)
        assert codes(office.set(adding("A", "B", "C"))) == ["3180", "3180", "0"]
        company.faults.arm("answer_status", times=-1)
        assert codes(office.set(adding("D", "E"))) == ["3180", "3180"]
        company.faults.clear()
        assert (codes(office.set(adding("D", "E"))), company.faults.armed()) == (["0", "0"], [])

    def test_a_switch_armed_elsewhere_works_here(self, office: Office, company: CompanyFile) -> None:
        elsewhere = CompanyFile.open(company.path)
        elsewhere.faults.arm("refuse_set")
        elsewhere.close()
        office.refusal(document())

    @pytest.mark.parametrize(("hresult", "code"), [("", "1000"), ("0x80040402", None)])
    def test_a_dead_iterator_can_fail_in_other_ways(
        self, office: Office, company: CompanyFile, hresult: str, code: str | None
    ) -> None:
        # 3: code for a dead iteratorID unconfirmed; 10.6: a switch
        company.faults.arm("dead_iterator", hresult=hresult, message="Gone")
        request = '<CustomerQueryRq iterator="Continue" iteratorID="{0}"><MaxReturned>1</MaxReturned></CustomerQueryRq>'
        if code:
            assert office.ask(request).get("statusCode") == code
        else:
            assert office.refusal(document(request)) == (hresult, "Gone")

    def test_an_unknown_switch_or_argument_is_an_error_of_the_tester(self, company: CompanyFile) -> None:
        with pytest.raises(SimulatorError, match="no fault"):
            company.faults.arm("explode")
        with pytest.raises(SimulatorError, match="takes hresult, message, holding, not when"):
            company.faults.arm("refuse_set", when="now")

    def test_an_edition_lacks_what_it_lacks(self, tmp_path) -> None:  # type: ignore[no-untyped-def]
        # 6, 10.10: 3250
        company = CompanyFile.create(
            tmp_path / "pro.sqlite", company_name="Pro", timezone="UTC", edition="Pro"
        )
        answer = etree.fromstring(
            company.process("s", document("<SalesOrderQueryRq/><BillQueryRq/><CurrencyQueryRq/>")).encode()
        )[0]
        assert codes(answer) == ["3250", "1030", "3250"]
        assert "not enabled or not available" in (answer[0].get("statusMessage") or "")
        company.close()

    def test_an_application_that_may_only_read_cannot_write(
        self, office: Office, company: CompanyFile
    ) -> None:
        # 2: 3260
        list_id = office.add("Ann")
        elsewhere = CompanyFile.open(company.path)
        elsewhere.set_permission("read")
        elsewhere.close()
        answer = office.set(adding("Bob") + f"<CustomerQueryRq><ListID>{list_id}</ListID></CustomerQueryRq>")
        assert codes(answer) == ["3260", "0"]


class TestSessions:
    def test_an_ended_session_is_refused(self, office: Office, company: CompanyFile) -> None:
        # protocol reference 4.3
        company.end_session(office.session)
        assert office.refusal(document())[0] == "0x8004040D"

    def test_another_company_file_than_the_open_one_cannot_be_opened(self, company: CompanyFile) -> None:
        with pytest.raises(ProcessError, match="0x8004040A"):
            company.begin_session("Tests", r"C:\elsewhere\other.qbw")
        assert company.begin_session("Tests", company.file_name.upper())

    def test_counts_tell_committed_writes_and_answered_queries(
        self, office: Office, company: CompanyFile
    ) -> None:
        office.set(adding("A", "B", "A") + "<CustomerQueryRq/><HostQueryRq/><BillQueryRq/>")
        company.user_add({"Name": "By hand"})
        assert company.counts() == {"CustomerAdd": 2, "CustomerQuery": 1, "HostQuery": 1}
