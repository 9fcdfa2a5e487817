"""One row of the protocol reference's tables after another; sections are of qbwc-protocol.md."""

import re
from dataclasses import replace

import pytest
from lxml import etree

from qbwc_server.simulator import CompanyFile, SimulatorError, UpdateResult, WebConnector
from tests.simulator.conftest import FILE, OWNER, Raw, Service, document, strings

GREETING = ["serverVersion", "clientVersion", "authenticate"]
EXCHANGE = ["sendRequestXML", "receiveResponseXML"]
QUERY = document('<CustomerQueryRq requestID="7"/>')
ADD = document('<CustomerAddRq requestID="8"><CustomerAdd><Name>Ann</Name></CustomerAdd></CustomerAddRq>')


def update(connector: WebConnector) -> UpdateResult:
    [result] = connector.update()
    return result


class TestCallOrder:
    def test_one_request_and_then_the_end(self, connector: WebConnector, service: Service) -> None:
        # 3.2 #3
        service.sends(QUERY)
        result = update(connector)
        assert result.calls == [*GREETING, *EXCHANGE, "closeConnection"]
        assert [call.method for call in service.calls] == result.calls
        assert (result.ok, result.status, result.code, result.progress) == (True, "OK", "", [100])

    def test_several_requests_until_the_server_says_100(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 3.2 #3; 0 to 99 go on (2.7)
        service.sends(QUERY, QUERY, QUERY)
        service.answers("receiveResponseXML", "0", "99", "100")
        result = update(connector)
        assert result.calls == [*GREETING, *EXCHANGE * 3, "closeConnection"]
        assert result.progress == [0, 99, 100]

    def test_no_more_work_after_less_than_100_ends_with_getLastError(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 3.2 #4
        service.sends(QUERY)
        service.answers("receiveResponseXML", "50")
        result = update(connector)
        assert result.calls == [*GREETING, *EXCHANGE, "sendRequestXML", "getLastError", "closeConnection"]
        assert (result.ok, result.status) == (False, "Nothing more to say")

    def test_the_ticket_of_authenticate_comes_with_every_later_call(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 2.5 [0]
        service.sends(QUERY)
        update(connector)
        tickets = [call.parameters.get("ticket") for call in service.calls]
        assert tickets == [None, None, None, "the-ticket", "the-ticket", "the-ticket"]

    def test_the_first_call_of_sendRequestXML_alone_carries_host_company_and_preferences(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        # 2.6, 4.1, 4.2
        service.sends(QUERY, QUERY)
        service.answers("receiveResponseXML", "50", "100")
        update(connector)
        first, second = service.received("sendRequestXML")
        tree = etree.fromstring(first["strHCPResponse"].encode())
        assert [rs.tag for rs in tree[0]] == ["HostQueryRs", "CompanyQueryRs", "PreferencesQueryRs"]
        assert [rs.get("requestID") for rs in tree[0]] == ["0", "1", "2"]
        private = {
            ext.findtext("DataExtName"): ext.findtext("DataExtValue") for ext in tree.iter("DataExtRet")
        }
        assert private["FileID"] == FILE
        assert re.fullmatch(r"LOCKED:SIMULATED-PC:\d{18}", private["AppLock"] or "")
        assert second["strHCPResponse"] == ""
        assert first["strCompanyFileName"] == company.file_name
        assert (first["qbXMLCountry"], first["qbXMLMajorVers"], first["qbXMLMinorVers"]) == ("US", "13", "0")

    def test_the_answer_of_quickbooks_is_posted_with_empty_hresult_and_message(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 2.7
        service.sends(ADD)
        update(connector)
        [posted] = service.received("receiveResponseXML")
        assert etree.fromstring(posted["response"].encode()).findtext(".//FullName") == "Ann"
        assert (posted["hresult"], posted["message"]) == ("", "")

    def test_a_set_that_quickbooks_cannot_parse_is_posted_as_an_hresult(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 3.2 #9, 2.7
        service.sends("\n" + QUERY)
        update(connector)
        [posted] = service.received("receiveResponseXML")
        assert posted == {
            "ticket": "the-ticket",
            "response": "",
            "hresult": "0x80040400",
            "message": "QuickBooks found an error when parsing the provided XML text stream.",
        }

    def test_several_applications_run_strictly_one_after_another_and_a_failure_stops_none(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 3.2 #14
        connector.add(
            service.qwc(
                AppName="Second",
                UserName="other",
                FileID=FILE.replace("9", "8"),
                OwnerID=OWNER.replace("5", "6"),
            )
        )
        connector.password("Second", "word")
        service.answers("authenticate", strings("", "nvu"), strings("t2", "none"))
        results = connector.update()
        assert [(result.app_name, result.ok) for result in results] == [
            ("Example Sync", False),
            ("Second", True),
        ]
        users = [call["strUserName"] for call in service.received("authenticate")]
        assert users == ["tenant42", "other"]
        assert [call.method for call in service.calls] == [*GREETING, "closeConnection"] * 2
        assert "QBWC1017" in connector.log.read()


class TestClientVersion:
    def test_the_version_has_four_numbers(self, connector: WebConnector, service: Service) -> None:
        # 2.4
        update(connector)
        assert re.fullmatch(r"(\d+\.){3}\d+", service.received("clientVersion")[0]["strVersion"])

    def test_a_null_reply_agrees_like_an_empty_one(self, connector: WebConnector, service: Service) -> None:
        service.answers(
            "clientVersion",
            Raw(
                b'<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><clientVersionResponse '
                b'xmlns="http://developer.intuit.com/"/></Body></Envelope>'
            ),
        )
        assert update(connector).calls[:3] == GREETING

    def test_after_a_warning_the_user_goes_on(self, connector: WebConnector, service: Service) -> None:
        service.answers("clientVersion", "W:Please update soon")
        result = update(connector)
        assert "authenticate" in result.calls
        assert result.messages == ["Please update soon"]

    def test_after_a_warning_the_user_may_cancel(self, connector: WebConnector, service: Service) -> None:
        # 3.2 #11
        connector.options = replace(connector.options, continue_on_warning=False)
        service.answers("clientVersion", "W:Please update soon")
        result = update(connector)
        assert (result.calls, result.code) == (["serverVersion", "clientVersion"], "QBWC1037")

    @pytest.mark.parametrize(
        ("reply", "code"),
        [("E:Too old", "QBWC1037"), ("O:2.0", "QBWC1037"), ("hello", "QBWC1046"), ("X:hello", "QBWC1046")],
    )
    def test_an_error_an_old_version_or_nonsense_ends_the_run(
        self, connector: WebConnector, service: Service, reply: str, code: str
    ) -> None:
        service.answers("clientVersion", reply)
        result = update(connector)
        assert (result.calls, result.code, result.ok) == (["serverVersion", "clientVersion"], code, False)


class TestAuthenticate:
    @pytest.mark.parametrize("keyword", ["none", "NONE", "None"])
    def test_none_means_nothing_to_do(self, connector: WebConnector, service: Service, keyword: str) -> None:
        # 2.5, 3.2 #1
        service.answers("authenticate", strings("t", keyword))
        result = update(connector)
        assert (result.calls, result.ok, result.status) == (
            [*GREETING, "closeConnection"],
            True,
            "No data exchange required",
        )

    def test_nvu_means_a_wrong_password(self, connector: WebConnector, service: Service) -> None:
        # 2.5, 3.2 #2
        service.answers("authenticate", strings("", "nvu"))
        result = update(connector)
        assert (result.calls, result.ok, result.code) == ([*GREETING, "closeConnection"], False, "QBWC1040")

    def test_busy_stops_the_update(self, connector: WebConnector, service: Service) -> None:
        service.answers("authenticate", strings("t", "busy"))
        result = update(connector)
        assert (result.calls, result.ok, result.status) == (GREETING, False, "Application Busy")

    def test_any_other_text_is_the_company_file_to_open(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        service.answers("authenticate", strings("t", company.file_name.upper()))
        assert "sendRequestXML" in update(connector).calls

    def test_another_company_file_than_the_open_one_fails_to_connect(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 2.5, 2.8
        service.answers("authenticate", strings("t", r"C:\dir\other.qbw"))
        result = update(connector)
        assert result.calls == [*GREETING, "connectionError"]
        assert service.received("connectionError")[0]["hresult"] == "0x8004040A"

    def test_the_numbers_of_a_manual_update_are_not_obeyed(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 2.5: they work only while Auto-Run is enabled
        service.answers("authenticate", strings("t", "", "60", "120"))
        assert "sendRequestXML" in update(connector).calls

    def test_a_failing_serverVersion_is_only_logged(self, connector: WebConnector, service: Service) -> None:
        # 1.5
        service.answers("serverVersion", Raw(status="500 Internal Server Error"))
        service.answers("authenticate", strings("t", "none"))
        assert update(connector).ok
        assert "Actual error received from web service for serverVersion call" in connector.log.read()

    def test_without_a_password_nothing_is_called(self, connector: WebConnector, service: Service) -> None:
        # 5.3
        connector.add(service.qwc(AppName="New", OwnerID=OWNER.replace("5", "6")))
        [result] = connector.update(["New"])
        assert (result.code, result.calls, service.calls) == ("QBWC1030", [], [])


class TestConnectionError:
    def test_done_ends_the_run_without_closeConnection(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        # 2.8, 3.2 #8
        company.faults.arm("refuse_session", hresult="0x80040408", message="Could not start QuickBooks.")
        service.answers("connectionError", "DONE")
        result = update(connector)
        assert result.calls == [*GREETING, "connectionError"]
        assert (result.code, result.ok) == ("QBWC1013", False)
        assert service.received("connectionError") == [
            {"ticket": "the-ticket", "hresult": "0x80040408", "message": "Could not start QuickBooks."}
        ]

    def test_anything_else_is_a_path_to_try_until_done(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        company.faults.arm("refuse_session", hresult="0x80040414", message="A dialog box is open.", times=2)
        service.answers("connectionError", "", company.file_name)
        result = update(connector)
        assert result.calls[3:6] == ["connectionError", "connectionError", "sendRequestXML"]

    def test_an_error_text_is_taken_for_a_path(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        # pitfall 25
        company.faults.arm("refuse_session")
        service.answers("connectionError", "Sorry, QuickBooks is closed", "done")
        update(connector)
        assert [call["hresult"] for call in service.received("connectionError")] == [
            "0x80040408",
            "0x8004040A",
        ]

    def test_a_server_that_never_says_done_is_reported_to_the_tester(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        company.faults.arm("refuse_session", times=-1)
        service.answers("connectionError", "")
        with pytest.raises(SimulatorError, match="never answered done"):
            connector.update()


class TestSendRequest:
    @pytest.mark.parametrize("reply", ["", "NoOp"])
    def test_nothing_to_send_asks_for_the_last_error(
        self, connector: WebConnector, service: Service, reply: str
    ) -> None:
        # 2.6; 3.2 #6
        service.answers("sendRequestXML", reply)
        result = update(connector)
        assert result.calls == [*GREETING, "sendRequestXML", "getLastError", "closeConnection"]

    def test_a_document_that_was_escaped_twice_is_handed_on_as_it_is(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        # pitfall 17: escaped twice
        service.answers("sendRequestXML", QUERY.replace("<", "&amp;lt;"), "")
        update(connector)
        assert service.received("receiveResponseXML")[0]["hresult"] == "0x80040400"


class TestReceiveResponse:
    def test_a_negative_number_shows_the_last_error(self, connector: WebConnector, service: Service) -> None:
        # 2.7, 3.2 #5
        service.sends(QUERY)
        service.answers("receiveResponseXML", "-101")
        service.answers("getLastError", "Wrong company file")
        result = update(connector)
        assert result.calls == [*GREETING, *EXCHANGE, "getLastError", "closeConnection"]
        assert (result.ok, result.status, result.progress) == (False, "Wrong company file", [-101])

    def test_noop_after_a_negative_number_is_only_a_text(
        self, connector: WebConnector, service: Service, waits: list[float]
    ) -> None:
        # 2.9: only sensible after sendRequestXML
        service.sends(QUERY)
        service.answers("receiveResponseXML", "-1")
        service.answers("getLastError", "NoOp")
        assert (update(connector).status, waits) == ("NoOp", [])

    def test_more_than_100_is_undefined_and_reported(self, connector: WebConnector, service: Service) -> None:
        service.sends(QUERY)
        service.answers("receiveResponseXML", "101")
        assert not update(connector).ok


class TestLastError:
    def test_noop_waits_five_seconds_and_asks_again(
        self, connector: WebConnector, service: Service, waits: list[float]
    ) -> None:
        # 2.9, 3.2 #7
        service.answers("sendRequestXML", "", "", QUERY.replace("<", "&lt;"))
        service.answers("getLastError", "NoOp")
        result = update(connector)
        assert result.calls == [
            *GREETING,
            *["sendRequestXML", "getLastError"] * 2,
            *EXCHANGE,
            "closeConnection",
        ]
        assert waits == [5, 5]
        assert result.ok

    def test_a_wait_does_not_repeat_the_host_company_and_preferences(
        self, connector: WebConnector, service: Service
    ) -> None:
        service.answers("sendRequestXML", "", QUERY.replace("<", "&lt;"))
        service.answers("getLastError", "NoOp")
        update(connector)
        assert [bool(call["strHCPResponse"]) for call in service.received("sendRequestXML")] == [True, False]

    def test_a_declined_interactive_session_is_told_to_the_application(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 2.11
        service.answers("getLastError", "Interactive mode")
        service.answers("interactiveRejected", "Come back later")
        result = update(connector)
        assert result.calls[-2:] == ["interactiveRejected", "closeConnection"]
        assert (result.ok, result.status) == (False, "Come back later")

    def test_an_interactive_session_is_polled_every_minute_until_it_goes_on(
        self, connector: WebConnector, service: Service, waits: list[float]
    ) -> None:
        # 2.11, the keywords of the sample
        connector.options = replace(connector.options, accept_interactive=True)
        service.answers("sendRequestXML", "", QUERY.replace("<", "&lt;"))
        service.answers("getLastError", "Interactive mode")
        service.answers("getInteractiveURL", "http://localhost/pick")
        service.answers("interactiveDone", "", "CONTINUE")
        result = update(connector)
        assert result.calls[4:] == [
            "getLastError",
            "getInteractiveURL",
            "interactiveDone",
            "interactiveDone",
            *EXCHANGE,
            "closeConnection",
        ]
        assert waits == [60, 60]
