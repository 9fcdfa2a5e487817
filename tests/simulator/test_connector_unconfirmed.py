"""Points that no source settles, in each of their positions; sections are of qbwc-protocol.md."""

import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from qbwc_server.simulator import (
    CompanyFile,
    Options,
    SimulatorError,
    Unconfirmed,
    UpdateResult,
    WebConnector,
)
from qbwc_server.simulator.connector import qwc as qwc_file
from tests.simulator.conftest import OWNER, Raw, Service, document, envelope, result, strings

GREETING = ["serverVersion", "clientVersion", "authenticate"]
EXCHANGE = ["sendRequestXML", "receiveResponseXML"]
QUERY = document('<CustomerQueryRq requestID="7"/>')
FAILS = Raw(b"gone", "500 Internal Server Error", [("Content-Type", "text/html")])
Run = Callable[..., UpdateResult]


@pytest.fixture
def run(connector: WebConnector) -> Run:
    """One manual update with some switches in another position; scheduled=True makes it an automatic one."""

    def run(*, scheduled: bool = False, **positions: Any) -> UpdateResult:
        connector.options = replace(connector.options, unconfirmed=Unconfirmed(**positions))
        [result] = connector.auto_run(every=60) if scheduled else connector.update()
        return result

    return run


def methods(service: Service) -> list[str]:
    return [call.method for call in service.calls]


def test_every_point_is_tested_here_in_another_position_than_ours() -> None:
    text = Path(__file__).read_text("utf-8")
    assert [one.name for one in fields(Unconfirmed) if not re.search(rf"\b{one.name}=", text)] == []


class TestWire:
    @pytest.mark.parametrize("expects", [True, False])
    def test_expect_100_continue(self, run: Run, service: Service, expects: bool) -> None:
        # 1.1, 11 #1
        run(expects_continue=expects)
        assert {call.headers.get("Expect") for call in service.calls} == {"100-continue" if expects else None}

    @pytest.mark.parametrize("keeps", [True, False])
    def test_cookies(self, run: Run, service: Service, keeps: bool) -> None:
        # 1.1, 11 #12
        page = [("Content-Type", "text/xml; charset=utf-8"), ("Set-Cookie", "session=7")]
        service.answers("serverVersion", Raw(result("serverVersion", "1"), headers=page))
        run(keeps_cookies=keeps)
        assert {call.headers.get("Cookie") for call in service.calls[1:]} == {"session=7" if keeps else None}

    @pytest.mark.parametrize(("is_ascii", "shown"), [(True, "Z????rich"), (False, "Zürich")])
    def test_a_reply_without_a_charset(self, run: Run, service: Service, is_ascii: bool, shown: str) -> None:
        # 1.4 details
        page = [("Content-Type", "text/xml")]
        service.sends(QUERY)
        service.answers("closeConnection", Raw(result("closeConnection", "Zürich"), headers=page))
        status = run(ascii_without_charset=is_ascii).status
        assert re.fullmatch(r"Z\?{1,4}rich" if is_ascii else shown, status)


class TestFirstCalls:
    @pytest.mark.parametrize("ends", [False, True])
    def test_a_failing_serverVersion(self, run: Run, service: Service, ends: bool) -> None:
        # 1.5, 11 #3
        service.sends(QUERY)
        service.answers("serverVersion", FAILS)
        assert run(server_version_failure_ends=ends).ok is not ends
        assert methods(service)[1:2] == ([] if ends else ["clientVersion"])

    @pytest.mark.parametrize("skipped", [False, True])
    def test_a_failing_clientVersion(self, run: Run, service: Service, skipped: bool) -> None:
        # 11 #3: QBWC1036, or a missing method is passed over
        service.sends(QUERY)
        service.answers("clientVersion", FAILS)
        told = run(missing_client_version_is_skipped=skipped)
        assert (told.code, "authenticate" in told.calls) == (("", True) if skipped else ("QBWC1036", False))

    @pytest.mark.parametrize(("counts", "status"), [(True, "Update postponed by application"), (False, "OK")])
    def test_a_postponement_of_zero_seconds(
        self, run: Run, service: Service, counts: bool, status: str
    ) -> None:
        # 2.5, 11 #6
        service.sends(QUERY)
        service.answers("authenticate", strings("t", "", "0"))
        assert run(scheduled=True, zero_postpones=counts).status == status


class TestClosing:
    """Whether closeConnection follows."""

    @pytest.mark.parametrize("closes", [False, True])
    def test_an_exception(self, run: Run, service: Service, closes: bool) -> None:
        # 1.5, 11 #2
        service.answers("sendRequestXML", FAILS)
        told = run(closes_after_exception=closes)
        assert methods(service) == [*GREETING, "sendRequestXML", *(["closeConnection"] if closes else [])]
        assert (told.ok, told.code) == (False, "QBWC1041")

    @pytest.mark.parametrize("failing", ["clientVersion", "closeConnection"])
    def test_an_exception_without_a_ticket_or_in_itself_is_not_followed(
        self, run: Run, service: Service, failing: str
    ) -> None:
        service.sends(QUERY)
        service.answers(failing, FAILS)
        run(closes_after_exception=True)
        assert methods(service)[-1] == failing
        assert methods(service).count("closeConnection") <= 1

    def test_a_server_that_is_gone_is_asked_to_close_once(self, run: Run, service: Service) -> None:
        service.answers("sendRequestXML", FAILS)
        service.answers("closeConnection", FAILS)
        assert run(closes_after_exception=True).code == "QBWC1041"
        assert methods(service)[-1] == "closeConnection"

    @pytest.mark.parametrize("closes", [False, True])
    def test_a_connection_error(self, run: Run, service: Service, company: CompanyFile, closes: bool) -> None:
        # 2.8, 11 #2
        company.faults.arm("modal_dialog")
        told = run(closes_after_connection_error=closes)
        assert methods(service)[3:] == ["connectionError", *(["closeConnection"] if closes else [])]
        assert told.code == "QBWC1013"

    @pytest.mark.parametrize("closes", [True, False])
    @pytest.mark.parametrize("verdict", ["none", "busy"])
    def test_a_keyword_of_authenticate(self, run: Run, service: Service, verdict: str, closes: bool) -> None:
        # 3.2 #1 "be ready for no closeConnection"; 2.5
        service.answers("authenticate", strings("", verdict))
        told = run(closes_after_none=closes) if verdict == "none" else run(closes_after_busy=closes)
        assert methods(service)[3:] == (["closeConnection"] if closes else [])
        expected = "No data exchange required" if verdict == "none" else "Application Busy"
        assert told.status == expected

    @pytest.mark.parametrize("closes", [False, True])
    def test_the_lock_of_another_pc(
        self, run: Run, service: Service, company: CompanyFile, closes: bool
    ) -> None:
        # 3.3, 11 #7
        company.set_data_ext(OWNER, "AppLock", "LOCKED:OTHER-PC:1")
        assert not run(closes_after_lock=closes).ok
        assert methods(service)[3:] == (["closeConnection"] if closes else [])

    @pytest.mark.parametrize("closes", [False, True])
    def test_a_failing_preflight(
        self, run: Run, service: Service, company: CompanyFile, closes: bool
    ) -> None:
        # 3.2 #10
        company.faults.arm("refuse_set")
        assert run(closes_after_preflight=closes).code == "QBWC1014"
        assert methods(service)[3:] == (["closeConnection"] if closes else [])


class TestQuickBooks:
    @pytest.mark.parametrize("takes_over", [True, False])
    def test_a_lock_that_this_pc_left_behind(
        self, run: Run, service: Service, company: CompanyFile, takes_over: bool
    ) -> None:
        # 3.3, 11 #7
        service.sends(QUERY)
        company.set_data_ext(OWNER, "AppLock", "LOCKED:SIMULATED-PC:1")
        assert run(takes_over_own_lock=takes_over).ok is takes_over
        assert ("AppLock" in company.data_ext(OWNER)) is not takes_over

    @pytest.mark.parametrize(("twice", "errors"), [(False, 1), (True, 0)])
    def test_a_connection_that_fails_once(
        self, run: Run, service: Service, company: CompanyFile, twice: bool, errors: int
    ) -> None:
        # 3.3 #1
        service.sends(QUERY)
        company.faults.arm("modal_dialog")
        run(connects_twice=twice)
        assert methods(service).count("connectionError") == errors


class TestRequests:
    @pytest.mark.parametrize(("any_case", "waits_expected"), [(True, [5]), (False, [])])
    def test_noop_in_other_letters(
        self, run: Run, service: Service, waits: list[float], any_case: bool, waits_expected: list[float]
    ) -> None:
        # 2.9, 11 #5
        service.answers("sendRequestXML", "", QUERY.replace("<", "&lt;"))
        service.answers("getLastError", "NOOP")
        told = run(noop_in_any_case=any_case)
        assert (waits, told.status) == (waits_expected, "OK" if any_case else "NOOP")

    @pytest.mark.parametrize("asks", [True, False])
    def test_noop_as_a_request(self, run: Run, service: Service, asks: bool) -> None:
        # 2.6, 11 #5
        service.answers("sendRequestXML", "NoOp", "")
        run(noop_request_asks=asks)
        assert methods(service)[4] == ("getLastError" if asks else "receiveResponseXML")
        posted = [call["hresult"] for call in service.received("receiveResponseXML")]
        assert posted == ([] if asks else ["0x80040400"])

    @pytest.mark.parametrize(
        ("position", "calls"),
        [("error", []), ("done", ["closeConnection"]), ("continue", [*EXCHANGE, "closeConnection"])],
    )
    def test_more_than_a_hundred_percent(
        self, run: Run, service: Service, position: Any, calls: list[str]
    ) -> None:
        # 2.7, 11 #6
        service.sends(QUERY, QUERY)
        service.answers("receiveResponseXML", "101", "100")
        assert run(above_100=position).ok is (position != "error")
        assert methods(service)[5:] == calls


class TestInteractive:
    @pytest.fixture
    def interactive(self, connector: WebConnector, service: Service) -> None:
        connector.options = replace(connector.options, accept_interactive=True)
        service.answers("getLastError", "Interactive mode")
        service.answers("getInteractiveURL", "http://localhost/pick")

    @pytest.mark.usefixtures("interactive")
    @pytest.mark.parametrize("name", ["interactiveDone", "isInteractiveDone"])
    def test_the_name_of_the_question(self, run: Run, service: Service, name: Any) -> None:
        # 2.1, 11 #4
        service.answers(name, "DONE")
        assert run(interactive_done=name).ok
        assert methods(service)[-2:] == [name, "closeConnection"]

    @pytest.mark.usefixtures("interactive")
    @pytest.mark.parametrize(("position", "asked"), [(True, 2), (False, 1)])
    def test_an_empty_reply(self, run: Run, service: Service, position: bool, asked: int) -> None:
        # 2.11, 11 #4
        service.answers("interactiveDone", "", "DONE")
        assert run(interactive_empty_waits=position).ok
        assert methods(service).count("interactiveDone") == asked


class TestRegistration:
    @pytest.mark.parametrize("refuses", [True, False])
    def test_a_byte_order_mark(
        self, tmp_path: Path, company: CompanyFile, service: Service, options: Options, refuses: bool
    ) -> None:
        # 5
        options = replace(options, unconfirmed=Unconfirmed(refuses_bom=refuses))
        connector = WebConnector(tmp_path / "home", company, options)
        text = b"\xef\xbb\xbf" + service.qwc().encode()
        if refuses:
            with pytest.raises(SimulatorError, match="byte order mark"):
                connector.add(text)
        else:
            assert connector.add(text).name == "Example Sync"

    @pytest.mark.parametrize(
        ("support", "same_host", "allowed"),
        [
            ("https://help.example.com/", True, False),
            ("https://help.example.com/", False, True),
            ("https://help.example.org/", False, False),
        ],
    )
    def test_sub_domains(self, service: Service, support: str, same_host: bool, allowed: bool) -> None:
        # 5.1, 11 #11
        switches = Unconfirmed(same_host_only=same_host)
        text = service.qwc(AppURL="https://app.example.com/qbwc", AppSupport=support)
        read = qwc_file.read(text.encode())
        if allowed:
            qwc_file.check_addresses(read, same_host_only=switches.same_host_only)
        else:
            with pytest.raises(SimulatorError, match="QBWC1000"):
                qwc_file.check_addresses(read, same_host_only=switches.same_host_only)


def test_the_style_RPC_sends_prefixed_methods_and_bare_typed_children(
    tmp_path: Path, company: CompanyFile, service: Service, options: Options
) -> None:
    # 2.12: a capture of 2.3.0.215; the form of its replies is unconfirmed (11 #8)
    def bare(method: str, inside: str) -> Raw:
        return Raw(
            envelope(
                f'<q1:{method}Response xmlns:q1="http://developer.intuit.com/"><{method}Result>{inside}'
                f"</{method}Result></q1:{method}Response>"
            )
        )

    service.answers("authenticate", bare("authenticate", "<Item>t</Item><Item></Item>"))
    service.answers("sendRequestXML", bare("sendRequestXML", QUERY.replace("<", "&lt;")))
    service.answers("receiveResponseXML", bare("receiveResponseXML", "100"))
    connector = WebConnector(tmp_path / "home", company, options)
    connector.add(service.qwc(Style="RPC"))
    connector.password("Example Sync", "secret")
    [told] = connector.update()
    assert (told.ok, told.progress) == (True, [100])
    assert service.calls[1].body.decode().partition("<soap:Body")[2] == (
        ' soap:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><q1:clientVersion '
        'xmlns:q1="http://developer.intuit.com/"><strVersion xsi:type="xsd:string">34.0.10010.76</strVersion>'
        "</q1:clientVersion></soap:Body></soap:Envelope>"
    )
    assert b'<qbXMLMajorVers xsi:type="xsd:int">13</qbXMLMajorVers>' in service.calls[3].body
