"""The Web Connector's window and registry: passwords, Every_Min, clones, turns; sections of qbwc-protocol.md."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from qbwc_server.cli.root import root
from qbwc_server.simulator import CompanyFile, Options, SimulatorError, Unconfirmed, WebConnector
from tests.logs_kept import logs_kept
from tests.simulator.conftest import FILE, OWNER, Raw, Service, document, strings
from tests.simulator.recorder import Recorder

QUERY = document('<CustomerQueryRq requestID="7"/>')


class TestPassword:
    def test_a_changed_one_is_sent_from_the_next_run_on(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 5.3: after a change the user must retype it
        service.answers("authenticate", strings("", "nvu"), strings("", "none"))
        [first] = connector.update()
        connector.password("Example Sync", " new one ")
        [second] = connector.update()
        assert (first.code, second.ok) == ("QBWC1040", True)
        assert [call["strPassword"] for call in service.received("authenticate")] == ["secret", " new one "]

    def test_with_a_wrong_one_every_scheduled_run_tries_again(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 8: no lockout
        service.answers("authenticate", strings("", "nvu"))
        assert [one.code for one in connector.auto_run(every=60, times=3)] == ["QBWC1040"] * 3
        assert len(service.received("authenticate")) == 3

    def test_an_empty_one_is_none(self, connector: WebConnector, service: Service) -> None:
        connector.password("Example Sync", "")
        [told] = connector.update()
        assert (told.code, told.calls, service.calls) == ("QBWC1030", [], [])

    def test_a_store_that_cannot_be_decrypted_is_1029_until_it_is_typed_again(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 5.3: lost when the Windows user changes; 7
        (connector.home / "passwords.json").write_bytes(b"\x00other user")
        [told] = connector.update()
        assert (told.code, told.calls, service.calls) == ("QBWC1029", [], [])
        connector.password("Example Sync", "secret")
        assert connector.update()[0].calls[:1] == ["serverVersion"]

    def test_it_goes_with_its_application(self, connector: WebConnector, service: Service) -> None:
        connector.remove("Example Sync")
        connector.add(service.qwc())
        [told] = connector.update()
        assert told.code == "QBWC1030"


class TestEveryMin:
    def test_what_the_user_types_counts(
        self, connector: WebConnector, service: Service, waits: list[float]
    ) -> None:
        assert connector.every("Example Sync", 120) == 120
        service.answers("authenticate", strings("", "none"))
        connector.auto_run(times=3)
        assert waits == [120, 120]

    def test_below_the_limit_of_the_application_it_becomes_the_limit(
        self, connector: WebConnector, service: Service, waits: list[float]
    ) -> None:
        # 2.5, last sentence of the table
        service.answers("authenticate", strings("", "none", "", "600"), strings("", "none"))
        connector.auto_run(every=60)
        assert connector.every("Example Sync", 60) == 600
        assert connector.every("Example Sync", 900) == 900
        connector.auto_run(times=2)
        assert waits == [900]

    def test_two_applications_take_turns_as_they_are_due(
        self, connector: WebConnector, service: Service, waits: list[float]
    ) -> None:
        # 3.5: minutes are a minimum gap; 3.2 #14: one after another
        connector.add(service.qwc(AppName="Second", OwnerID=OWNER.replace("5", "6"), UserName="other"))
        connector.password("Second", "word")
        service.answers("authenticate", strings("", "none"))
        connector.every("Example Sync", 60)
        connector.every("Second", 100)
        connector.auto_run(times=3)
        users = [call["strUserName"] for call in service.received("authenticate")]
        assert users == ["tenant42", "other", "tenant42", "other", "tenant42", "other"]
        assert waits == [60, 40, 20, 80]

    def test_an_application_that_was_removed_meanwhile_is_1032(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 7
        def removed(_: dict[str, str]) -> str:
            connector.remove("Example Sync")
            return strings("", "none")

        service.answers("authenticate", removed)
        first, second = connector.auto_run(every=60, times=2)
        assert (first.ok, second.code, second.calls) == (True, "QBWC1032", [])
        assert "QBWC1032" in connector.log.read()


class TestRegistration:
    def test_no_to_replace_makes_a_clone_with_a_1(
        self, tmp_path: Path, company: CompanyFile, service: Service, options: Options
    ) -> None:
        # 5.2: used to attach one service to a second company file
        connector = WebConnector(tmp_path / "home", company, replace(options, replace_existing=False))
        connector.add(service.qwc())
        other = CompanyFile.create(tmp_path / "other.sqlite", company_name="Other", timezone="UTC")
        second = WebConnector(tmp_path / "home", other, connector.options)
        assert second.add(service.qwc(UserName="tenant43")).name == "Example Sync1"
        assert list(second.registry.applications()) == ["Example Sync", "Example Sync1"]
        assert (company.data_ext(OWNER)["FileID"], other.data_ext(OWNER)["FileID"]) == (FILE, FILE)
        other.close()

    def test_AppUniqueName_is_never_asked_about(
        self, tmp_path: Path, company: CompanyFile, service: Service, options: Options
    ) -> None:
        # 5.1
        connector = WebConnector(tmp_path / "home", company, replace(options, replace_existing=False))
        for _ in range(2):
            connector.add(service.qwc(AppUniqueName="The One"))
        assert list(connector.registry.applications()) == ["The One"]

    @pytest.mark.parametrize(
        ("hresult", "code"),
        [("0x80040418", "QBWC1039"), ("0x80040420", "QBWC1039"), ("0x80040408", "QBWC1022")],
    )
    def test_only_the_admin_can_let_it_in(
        self,
        tmp_path: Path,
        company: CompanyFile,
        service: Service,
        options: Options,
        hresult: str,
        code: str,
    ) -> None:
        # 5.2: 0x80040418 / QBWC1039 before any SOAP call
        company.faults.arm("refuse_session", hresult=hresult)
        with pytest.raises(SimulatorError, match=code):
            WebConnector(tmp_path / "home", company, options).add(service.qwc())
        assert (service.calls, company.data_ext(OWNER)) == ([], {})

    def test_elements_that_are_none_are_passed_over(
        self, tmp_path: Path, company: CompanyFile, service: Service, options: Options
    ) -> None:
        # 5.1: PersonalDataPrep is not an element; the others are
        text = service.qwc(
            PersonalDataPrep="pdpRequired",
            PersonalDataPref="pdpOptional",
            UnattendedModePref="umpOptional",
            Notify="true",
            AppDisplayName="Shown",
            Style="DocWrapped",
        )
        assert WebConnector(tmp_path / "home", company, options).add(text).name == "Example Sync"


class TestOneAtATime:
    def test_two_programs_of_one_user_wait_for_each_other(
        self, connector: WebConnector, service: Service, company: CompanyFile, options: Options
    ) -> None:
        # 3.2 #14: UpdateLock serialises runs per Windows user
        inside, go_on = threading.Event(), threading.Event()

        def slow(_: dict[str, str]) -> str:
            if not inside.is_set():
                inside.set()
                go_on.wait(30)
            return strings("t", "none")

        service.answers("authenticate", slow)
        other = WebConnector(connector.home, company, options)
        first = threading.Thread(target=connector.update)
        second = threading.Thread(target=other.update)
        first.start()
        assert inside.wait(30)
        second.start()
        go_on.set()
        first.join(30)
        second.join(30)
        order = [call.method for call in service.calls]
        once = ["serverVersion", "clientVersion", "authenticate", "closeConnection"]
        assert order == once * 2

    def test_a_log_that_cannot_be_written_is_1033(self, connector: WebConnector, service: Service) -> None:
        # 7
        connector.log.path.unlink(missing_ok=True)
        connector.log.path.mkdir()
        with pytest.raises(SimulatorError, match="QBWC1033"):
            connector.update()


class TestWire:
    def test_only_the_first_request_of_a_connection_says_keep_alive(
        self, recorded: WebConnector, recorder: Recorder
    ) -> None:
        # 1.3; this server keeps its connections
        recorded.update()
        said = [b"Connection: Keep-Alive" in post.head for post in recorder.posts]
        assert said == [True, *[False] * (len(said) - 1)]

    def test_a_server_that_closes_every_connection_is_asked_to_keep_each(
        self, connector: WebConnector, service: Service
    ) -> None:
        connector.update()
        assert {call.headers.get("Connection") for call in service.calls} == {"Keep-Alive"}

    def test_empty_elements_end_as_dot_net_writes_them(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 2.7: <hresult /> and <message />
        service.sends(QUERY)
        connector.update()
        [posted] = [call for call in service.calls if call.method == "receiveResponseXML"]
        assert b"<hresult /><message /></receiveResponseXML>" in posted.body

    def test_a_redirect_is_not_followed_and_the_password_stays_here(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 1.1 redirects
        service.answers("authenticate", Raw(b"", "302 Found", [("Location", f"{service.url}/qbwc")]))
        [told] = connector.update()
        assert (told.code, len(service.received("authenticate"))) == ("QBWC1012", 1)


class TestLog:
    def test_a_run_is_written_line_by_line_as_in_real_logs(
        self, connector: WebConnector, service: Service, shared: Path
    ) -> None:
        # 6.2, the typical run
        service.sends(QUERY)
        service.answers("authenticate", strings("the-ticket", "", "", ""))
        service.answers("closeConnection", "Complete!")
        connector.update()
        real = (shared / "reference/qbwc-protocol.md").read_text("utf-8")
        ours = connector.log.read()
        for theirs, mine in {
            "'Example'": "'Example Sync'",
            "'user'": "'tenant42'",
            '"user"': '"tenant42"',
            '"guid"': '"the-ticket"',
            "https://app.example.com": service.url,
            '"2.3.0.215"': f'"{connector.options.version}"',
            "= 312": f"= {len(QUERY)}",
            "{...}": OWNER,
        }.items():
            real = real.replace(theirs, mine)
        expected = re.findall(r"^\.\.\. : (QBWebConnector\..*)$", real, re.MULTILINE)
        told = re.findall(r"^\d{8}\.\d\d:\d\d:\d\d UTC\t: (.*)$", ours, re.MULTILINE)
        assert len(expected) > 20
        assert [line for line in told if line in expected] == expected


class TestNumbers:
    @pytest.mark.parametrize("text", ["4294967296", "9999999999", "-2147483649"])
    def test_a_percentage_that_is_no_int_of_net_is_an_exception(
        self, connector: WebConnector, service: Service, text: str
    ) -> None:
        # 2.1: receiveResponseXMLResult is an int; 1.5
        service.sends(QUERY)
        service.answers("receiveResponseXML", text)
        [told] = connector.update()
        assert told.code == "QBWC1042"

    def test_a_fifth_item_of_authenticate_is_not_read(
        self, connector: WebConnector, service: Service
    ) -> None:
        # 2.5: no evidence that QBWC reads it
        service.sends(QUERY)
        service.answers("authenticate", strings("t", "", "", "", "900"))
        connector.registry.set_every("Example Sync", 60)
        [told] = connector.auto_run()
        assert (told.ok, told.minimum, told.postponed) == (True, None, None)


class TestCommandLine:
    @pytest.fixture
    def line(self, tmp_path: Path, company: CompanyFile, service: Service) -> Callable[..., str]:
        def line(*words: str, code: int = 0) -> str:
            with logs_kept():
                done = CliRunner().invoke(root, ["--home", str(tmp_path), "simulate", "connector", *words])
            assert done.exit_code == code, done.output
            return done.output

        (tmp_path / "app.qwc").write_text(service.qwc(), "utf-8")
        (tmp_path / "secret").write_text("secret\n", "utf-8")
        line("add", str(tmp_path / "app.qwc"), "--company", str(company.path))
        return line

    def test_the_window_shows_every_row(
        self, line: Callable[..., str], service: Service, tmp_path: Path
    ) -> None:
        # 6.1
        [row] = json.loads(line("list", "--json"))
        assert (row["application"], row["password"], row["last_run"]) == ("Example Sync", "missing", "")
        assert "QBWC1030" in line("update", code=1)
        line("password", "Example Sync", str(tmp_path / "secret"))
        assert "every 90 seconds" in line("every", "Example Sync", "90")
        service.answers("authenticate", strings("", "none", "", "600"))
        assert "No data exchange required" in line("auto-run")
        assert "That is the application's own limit" in line("every", "Example Sync", "60")
        [row] = json.loads(line("list", "--json"))
        assert (row["every"], row["minimum"], row["password"]) == (600, 600, "set")
        assert row["last_result"] == "No data exchange required"
        assert "stamp taken out" in line("remove", "Example Sync")
        assert "No application is here" in line("list")

    def test_it_can_be_another_pc_and_log_everything(
        self, line: Callable[..., str], service: Service, tmp_path: Path
    ) -> None:
        # 3.3; 6.2
        line("password", "Example Sync", str(tmp_path / "secret"))
        service.sends(QUERY)
        line("update", "--computer", "BACK-OFFICE", "--level", "VERBOSE")
        assert "LOCKED:BACK-OFFICE:" in service.received("sendRequestXML")[0]["strHCPResponse"]
        assert QUERY in line("log")

    def test_open_questions_are_shown_and_moved_and_stay_moved(
        self, line: Callable[..., str], service: Service, tmp_path: Path
    ) -> None:
        shown = json.loads(line("rule", "--json"))
        assert [row["rule"] for row in shown] == [one.name for one in fields(Unconfirmed)]
        assert {row["position"] for row in shown} == {"yes", "no", "error", "interactiveDone"}
        assert "is no now" in line("rule", "closes_after_none", "no")
        [row] = json.loads(line("rule", "closes_after_none", "--json"))
        assert (row["position"], row["positions"]) == ("no", ["yes", "no"])
        assert "error or done or continue" in line("rule", "above_100", "maybe", code=1)
        assert "no rule 'other'" in line("rule", "other", code=1)
        line("password", "Example Sync", str(tmp_path / "secret"))
        service.answers("authenticate", strings("", "none"))
        line("update")
        assert [call.method for call in service.calls] == ["serverVersion", "clientVersion", "authenticate"]

    def test_a_control_port_is_open_while_it_runs(
        self, line: Callable[..., str], service: Service, tmp_path: Path, company: CompanyFile
    ) -> None:
        line("password", "Example Sync", str(tmp_path / "secret"))
        service.answers("authenticate", strings("", "none"))
        told = line("auto-run", "--every", "1", "--control", "0", "--company", str(company.path))
        assert re.search(r"Control port: http://127\.0\.0\.1:\d+/", told)
