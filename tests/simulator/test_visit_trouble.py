"""Locks, crashes, lost answers and the log of a visit; sections are of qbwc-protocol.md."""

import re

from lxml import etree

from qbwc_server.simulator import CompanyFile, UpdateResult, WebConnector
from tests.simulator.conftest import FILE, OWNER, Service, document

GREETING = ["serverVersion", "clientVersion", "authenticate"]
QUERY = document('<CustomerQueryRq requestID="7"/>')
ADD = document('<CustomerAddRq requestID="8"><CustomerAdd><Name>Ann</Name></CustomerAdd></CustomerAddRq>')


def update(connector: WebConnector) -> UpdateResult:
    [result] = connector.update()
    return result


class TestCompanyFileLock:
    def test_it_is_cleared_after_the_run(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        # 3.3
        update(connector)
        assert company.data_ext(OWNER) == {"FileID": FILE}

    def test_it_keeps_the_web_connector_of_another_pc_out(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        company.set_data_ext(OWNER, "AppLock", "LOCKED:OTHER-PC:636190683248801537")
        result = update(connector)
        assert (result.ok, result.calls) == (False, GREETING)
        assert company.data_ext(OWNER)["AppLock"] == "LOCKED:OTHER-PC:636190683248801537"

    def test_a_stale_one_of_the_same_pc_is_taken_over(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        service.sends(QUERY)
        company.set_data_ext(OWNER, "AppLock", "LOCKED:SIMULATED-PC:636190683248801537")
        assert update(connector).ok


class TestTrouble:
    def test_a_failing_preflight_is_1014_and_nothing_is_called_after_it(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        # 3.2 #10
        company.faults.arm("refuse_set")
        result = update(connector)
        assert (result.calls, result.code) == (GREETING, "QBWC1014")
        assert company.data_ext(OWNER) == {"FileID": FILE}

    def test_a_killed_web_connector_calls_nothing_more_and_leaves_its_lock(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        # 3.2 #12
        company.faults.arm("kill_connector_before", method="receiveResponseXML")
        service.sends(ADD)
        result = update(connector)
        assert (result.ok, result.calls[-1]) == (False, "sendRequestXML")
        assert [call.method for call in service.calls][-1] == "sendRequestXML"
        assert company.counts()["CustomerAdd"] == 1
        assert "AppLock" in company.data_ext(OWNER)

    def test_the_answer_of_a_call_can_get_lost(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        company.faults.arm("kill_connector_after", method="sendRequestXML")
        service.sends(ADD)
        update(connector)
        assert [call.method for call in service.calls][-1] == "sendRequestXML"
        assert "CustomerAdd" not in company.counts()

    def test_a_lost_answer_of_quickbooks_reaches_the_server_as_an_hresult(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        company.faults.arm("lose_answer", holding="CustomerAddRq")
        service.sends(ADD)
        update(connector)
        assert service.received("receiveResponseXML")[0]["hresult"] == "0x80010105"
        assert company.counts()["CustomerAdd"] == 1

    def test_a_restart_of_quickbooks_during_a_run_loses_the_session(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        # 4.3: 0x8004040D
        def restart(_: dict[str, str]) -> str:
            company.end_all_sessions()
            return QUERY.replace("<", "&lt;")

        service.answers("sendRequestXML", restart)
        update(connector)
        assert service.received("receiveResponseXML")[0]["hresult"] == "0x8004040D"

    def test_iterators_die_with_the_run(
        self, connector: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        # 3.4, last point
        for name in ("A", "B", "C"):
            company.user_add({"Name": name})
        service.sends(
            document('<CustomerQueryRq iterator="Start"><MaxReturned>1</MaxReturned></CustomerQueryRq>')
        )
        update(connector)
        answer = service.received("receiveResponseXML")[0]["response"]
        iterator = etree.fromstring(answer.encode())[0][0].get("iteratorID")
        service.sends(
            document(
                f'<CustomerQueryRq iterator="Continue" iteratorID="{iterator}"><MaxReturned>1'
                "</MaxReturned></CustomerQueryRq>"
            )
        )
        update(connector)
        answer = service.received("receiveResponseXML")[1]["response"]
        assert etree.fromstring(answer.encode())[0][0].get("statusCode") == "3391"


class TestLog:
    def test_a_run_is_written_in_the_real_format(self, connector: WebConnector, service: Service) -> None:
        # 6.2
        service.sends(QUERY)
        update(connector)
        text = connector.log.read()
        lines = [line for line in text.splitlines() if re.match(r"\d{8}\.\d\d:\d\d:\d\d UTC\t: ", line)]
        assert lines[0].startswith("20260801.15:00:00 UTC\t: Log file initialized at")
        expected = [
            "Timestamp format used: YYYYMMDD.HH:MM:SS UTC",
            "QBWebConnector 34.0 has been initialized with its logging status to level = VERBOSE.",
            "QBWebConnector.WebServiceManager.DoUpdateSelected() : updateWS() for application = 'Example Sync' "
            "has STARTED",
            "QBWebConnector.RegistryManager.setUpdateLock() : ********************* Update session locked "
            "*********************",
            "QBWebConnector.SOAPWebService.do_clientVersion() : *** Calling clientVersion() with following "
            'parameter:<productVersion="34.0.10010.76">',
            "QBWebConnector.SOAPWebService.do_authenticate() : Received from authenticate() following parameters:"
            '<authRet[0]="the-ticket"><authRet[1]="">',
            "QBWebConnector.SOAPWebService.ProcessRequestXML() : Processing request #1",
            f"QBWebConnector.CompanyFileLock.unsetLock() : Company file has been unlocked for ownerID = <{OWNER}>",
            "QBWebConnector.SOAPWebService.DisconnectFromQB() : Session ended and connection closed",
        ]
        told = [line.partition("\t: ")[2] for line in lines]
        assert [line for line in expected if line not in told] == []

    def test_the_password_is_masked(self, connector: WebConnector, service: Service) -> None:
        update(connector)
        text = connector.log.read()
        assert "secret" not in text
        assert '<userName="tenant42"><password=<MaskedForSecurity>' in text

    def test_debug_shows_fifty_characters_of_each_document_and_verbose_all(
        self, connector: WebConnector, service: Service
    ) -> None:
        service.sends(ADD)
        update(connector)
        assert ADD in connector.log.read()
        connector.log.level = "DEBUG"
        connector.log.path.unlink()
        service.sends(ADD)
        update(connector)
        assert ADD[:50] + "\n" in connector.log.read()
        assert ADD not in connector.log.read()

    def test_an_hresult_is_written_as_the_real_program_writes_it(
        self, connector: WebConnector, service: Service
    ) -> None:
        service.sends("nonsense")
        update(connector)
        text = connector.log.read()
        assert "ProcessRequestXML() : Sending error message back to application:" in text
        assert "HRESULT = 0x80040400\nMessage: QuickBooks found an error" in text
