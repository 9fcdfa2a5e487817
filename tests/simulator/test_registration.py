"""Adding applications, passwords and Auto-Run: qbwc-protocol.md 1.2, 2.5, 3.5, 5 and 7."""

import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from qbwc_server.simulator import CompanyFile, Options, SimulatorError, UpdateResult, WebConnector
from tests.simulator.conftest import FILE, OWNER, Clock, Service, document, strings

OTHER_OWNER = OWNER.replace("5", "6")
OTHER_FILE = FILE.replace("9", "8")


@pytest.fixture
def empty(tmp_path: Path, company: CompanyFile, options: Options) -> WebConnector:
    """Without any application."""
    return WebConnector(tmp_path / "home", company, options)


def code_of(connector: WebConnector, text: str | bytes) -> str:
    with pytest.raises(SimulatorError) as caught:
        connector.add(text)
    return caught.value.code


class TestAdding:
    def test_a_good_file_is_added_without_any_soap_call(
        self, empty: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        # 5.2: no server call but the GETs of 1.2; 4.1: the stamp
        application = empty.add(service.qwc())
        assert (application.name, service.calls) == ("Example Sync", [])
        assert company.data_ext(OWNER) == {"FileID": FILE}

    def test_a_file_from_disk_is_added_too(
        self, empty: WebConnector, service: Service, tmp_path: Path
    ) -> None:
        path = tmp_path / "example.qwc"
        path.write_text(service.qwc(), encoding="utf-8")
        assert empty.add(path).qwc.user_name == "tenant42"

    @pytest.mark.parametrize(
        "name",
        [
            "AppName",
            "AppID",
            "AppURL",
            "AppDescription",
            "AppSupport",
            "UserName",
            "OwnerID",
            "FileID",
            "QBType",
        ],
    )
    def test_a_missing_element_is_1039(self, empty: WebConnector, service: Service, name: str) -> None:
        # 5.1 required, 7
        with pytest.raises(SimulatorError, match=f"{name} is missing") as caught:
            empty.add(service.qwc(**{name: None}))
        assert caught.value.code == "QBWC1039"

    def test_an_empty_AppID_is_fine_and_an_empty_name_is_not(
        self, empty: WebConnector, service: Service
    ) -> None:
        assert code_of(empty, service.qwc(AppName="")) == "QBWC1039"
        assert empty.add(service.qwc(AppID="")).qwc.app_id == ""

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("OwnerID", OWNER.strip("{}")),
            ("FileID", FILE.replace("9", "G")),
            ("QBType", "QBPOS"),
            ("Style", "Fancy"),
            ("UnattendedModePref", "maybe"),
            ("PersonalDataPref", "pdpAlways"),
            ("AuthFlags", "15"),
            ("IsReadOnly", "yes"),
        ],
    )
    def test_a_malformed_element_is_1039(
        self, empty: WebConnector, service: Service, name: str, value: str
    ) -> None:
        # 5.1, 5.2: GUIDs with braces, real hex
        assert code_of(empty, service.qwc(**{name: value})) == "QBWC1039"

    @pytest.mark.parametrize("text", [b"\xef\xbb\xbf<QBWCXML/>", b"<QBWCXML>", b"<Other/>"])
    def test_what_is_no_qwc_file_is_1039(self, empty: WebConnector, text: bytes) -> None:
        # 5
        assert code_of(empty, text) == "QBWC1039"

    @pytest.mark.parametrize(
        ("url", "support", "code"),
        [
            ("http://app.example.com/qbwc", "http://app.example.com/support", "QBWC1010"),
            ("ftp://localhost/qbwc", "http://localhost/support", "QBWC1010"),
            ("https://10.0.0.1/qbwc", "https://10.0.0.1/support", "QBWC1001"),
            ("http://127.0.0.1/qbwc", "http://127.0.0.1/support", "QBWC1001"),
            ("https://[::1]/qbwc", "https://[::1]/support", "QBWC1001"),
            ("https://app.example.com/qbwc", "https://10.0.0.1/support", "QBWC1002"),
            ("https://app.example.com/qbwc", "https://www.example.com/support", "QBWC1000"),
        ],
    )
    def test_addresses_are_checked_before_anything_is_fetched(
        self, empty: WebConnector, service: Service, url: str, support: str, code: str
    ) -> None:
        # 1.1, 5.1, 7
        assert code_of(empty, service.qwc(AppURL=url, AppSupport=support)) == code

    @pytest.mark.parametrize(
        ("page", "status", "code"),
        [
            ("/qbwc", "405 Method Not Allowed", "QBWC1048"),
            ("/qbwc", "401 Unauthorized", "QBWC1048"),
            ("/qbwc", "302 Found", "QBWC1048"),
            ("/support", "404 Not Found", "QBWC1003"),
            ("/support", "302 Found", "QBWC1003"),
        ],
    )
    def test_pages_must_answer_a_plain_GET(
        self, empty: WebConnector, service: Service, page: str, status: str, code: str
    ) -> None:
        # 1.2; pitfalls 11 and 12
        service.pages[page] = status
        assert code_of(empty, service.qwc()) == code

    def test_the_support_page_may_answer_202(self, empty: WebConnector, service: Service) -> None:
        service.pages["/support"] = "202 Accepted"
        assert empty.add(service.qwc())

    def test_a_support_page_that_is_not_there_is_1004(self, empty: WebConnector, service: Service) -> None:
        assert code_of(empty, service.qwc(AppSupport="http://localhost:1/support")) == "QBWC1004"

    def test_CertURL_is_asked_instead_of_AppURL(self, empty: WebConnector, service: Service) -> None:
        # 5.1
        service.pages.update({"/qbwc": "405 Method Not Allowed", "/cert": "200 OK"})
        assert empty.add(service.qwc(CertURL=f"{service.url}/cert"))

    def test_a_read_only_application_is_refused_by_quickbooks(
        self, empty: WebConnector, service: Service
    ) -> None:
        # 5.1; pitfall 30
        with pytest.raises(SimulatorError, match="3263") as caught:
            empty.add(service.qwc(IsReadOnly="true"))
        assert caught.value.code == "QBWC1039"

    def test_an_edition_that_AuthFlags_excludes_cannot_be_connected_to(
        self, empty: WebConnector, service: Service
    ) -> None:
        # 5.1: 0x8 is Enterprise alone, the company file is Premier
        assert code_of(empty, service.qwc(AuthFlags="0x8")) == "QBWC1022"
        assert empty.add(service.qwc(AuthFlags="0xF"))

    def test_quickbooks_must_be_there(
        self, empty: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        company.faults.arm("refuse_session")
        assert code_of(empty, service.qwc()) == "QBWC1022"


class TestStamp:
    def test_the_same_application_again_replaces_itself(self, empty: WebConnector, service: Service) -> None:
        # 5.2: the user answers Yes
        empty.add(service.qwc())
        empty.add(service.qwc(AppDescription="Newer"))
        [application] = empty.registry.applications().values()
        assert application.qwc.app_description == "Newer"

    def test_the_same_application_may_change_its_FileID(
        self, empty: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        # 5.2: changed FileID, a new stamp
        empty.add(service.qwc())
        empty.add(service.qwc(FileID=OTHER_FILE))
        assert company.data_ext(OWNER) == {"FileID": OTHER_FILE}

    def test_AppUniqueName_replaces_across_names(self, empty: WebConnector, service: Service) -> None:
        # 5.1
        empty.add(service.qwc(AppUniqueName="one"))
        empty.add(service.qwc(AppUniqueName="one", AppName="Renamed"))
        assert list(empty.registry.applications()) == ["one"]

    def test_a_pair_that_is_stamped_already_is_1039(
        self, empty: WebConnector, service: Service, tmp_path: Path, company: CompanyFile, options: Options
    ) -> None:
        # 5.2: changed AppName, other PC
        empty.add(service.qwc())
        assert code_of(empty, service.qwc(AppName="Other name")) == "QBWC1039"
        other_pc = WebConnector(tmp_path / "other", company, replace(options, computer="OTHER-PC"))
        assert code_of(other_pc, service.qwc()) == "QBWC1039"

    def test_another_FileID_under_the_same_OwnerID_is_1026(
        self, empty: WebConnector, service: Service
    ) -> None:
        # 5.2, 7
        empty.add(service.qwc())
        assert code_of(empty, service.qwc(AppName="Second", FileID=OTHER_FILE)) == "QBWC1026"

    def test_removing_takes_the_stamp_out_of_the_company_file(
        self, empty: WebConnector, service: Service, company: CompanyFile
    ) -> None:
        # 5.2
        empty.add(service.qwc())
        empty.remove("Example Sync")
        assert company.data_ext(OWNER) == {}
        assert empty.add(service.qwc(AppName="Other name"))

    def test_a_copied_company_file_carries_the_same_stamp_under_another_path(
        self, empty: WebConnector, service: Service, company: CompanyFile, tmp_path: Path
    ) -> None:
        empty.add(service.qwc())
        copy = tmp_path / "copy.sqlite"
        copy.write_bytes(company.path.read_bytes())
        opened = CompanyFile.open(copy)
        assert opened.data_ext(OWNER) == {"FileID": FILE}
        assert opened.file_name != company.file_name
        opened.close()


class TestPasswords:
    def test_they_are_kept_apart_and_readable_by_the_owner_only(
        self, connector: WebConnector, tmp_path: Path
    ) -> None:
        # 5.3
        path = tmp_path / "home" / "passwords.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "secret" not in (tmp_path / "home" / "connector.json").read_text(encoding="utf-8")

    def test_everything_survives_a_restart(
        self,
        connector: WebConnector,
        service: Service,
        company: CompanyFile,
        tmp_path: Path,
        options: Options,
    ) -> None:
        service.answers("authenticate", strings("t", "none"))
        [result] = WebConnector(tmp_path / "home", company, options).update()
        assert result.status == "No data exchange required"

    def test_without_a_company_the_one_it_was_added_with_is_opened(
        self,
        connector: WebConnector,
        service: Service,
        company: CompanyFile,
        tmp_path: Path,
        options: Options,
    ) -> None:
        service.sends(document("<CustomerQueryRq/>"))
        again = WebConnector(tmp_path / "home", options=options)
        [result] = again.update()
        assert result.ok
        assert service.received("sendRequestXML")[0]["strCompanyFileName"] == company.file_name
        again.close()

    def test_an_unknown_application_is_1011_and_none_at_all_1016(
        self, empty: WebConnector, service: Service
    ) -> None:
        # 7
        with pytest.raises(SimulatorError) as unknown:
            empty.update(["Nobody"])
        with pytest.raises(SimulatorError) as nothing:
            empty.update()
        assert (unknown.value.code, nothing.value.code) == ("QBWC1011", "QBWC1016")


class TestAutoRun:
    @staticmethod
    def starts(connector: WebConnector) -> Sequence[str]:
        """Times of day at which runs started, from the log."""
        return [
            line[9:17] for line in connector.log.read().splitlines() if "Performing SCHEDULED UPDATE" in line
        ]

    def run(self, connector: WebConnector, every: int | None, times: int) -> list[UpdateResult]:
        return connector.auto_run(every, times)

    def test_it_runs_every_n_seconds(self, connector: WebConnector, service: Service) -> None:
        # 3.2 #15
        service.answers("authenticate", strings("t", "none"))
        assert len(self.run(connector, 60, 3)) == 3
        assert self.starts(connector) == ["15:00:00", "15:01:00", "15:02:00"]

    @pytest.mark.parametrize(
        ("schedule", "second"),
        [
            ("<RunEveryNMinutes>30</RunEveryNMinutes>", "15:30:00"),
            ("<RunEveryNSeconds>45</RunEveryNSeconds>", "15:00:45"),
            ("<RunEveryNSeconds>45</RunEveryNSeconds><RunEveryNMinutes>30</RunEveryNMinutes>", "15:00:45"),
        ],
    )
    def test_the_interval_of_the_qwc_file_is_the_default(
        self, connector: WebConnector, service: Service, schedule: str, second: str
    ) -> None:
        # 5.1: the first of the two counts
        connector.add(service.qwc().replace("</QBWCXML>", f"<Scheduler>{schedule}</Scheduler></QBWCXML>"))
        service.answers("authenticate", strings("t", "none"))
        self.run(connector, None, 2)
        assert self.starts(connector) == ["15:00:00", second]

    def test_without_any_interval_somebody_must_say_one(self, connector: WebConnector) -> None:
        with pytest.raises(SimulatorError, match="no schedule"):
            connector.auto_run()

    def test_a_postponed_update_does_not_run(self, connector: WebConnector, service: Service) -> None:
        # 2.5 table, row ("" , x, empty): a number in [2] wins over work to do
        service.answers("authenticate", strings("t", "", "600"), strings("t", "none"))
        first, second = self.run(connector, 60, 2)
        assert (first.status, first.calls[-1], first.postponed) == (
            "Update postponed by application",
            "authenticate",
            600,
        )
        assert second.status == "No data exchange required"
        assert self.starts(connector) == ["15:00:00", "15:10:00"]

    def test_a_raised_minimum_runs_and_slows_down_what_follows(
        self, connector: WebConnector, service: Service
    ) -> None:
        # row ("", empty, y)
        service.sends(document("<CustomerQueryRq/>"))
        service.answers("authenticate", strings("t", "", "", "300"), strings("t", "none"))
        first, _, _ = self.run(connector, 60, 3)
        assert first.ok
        assert "sendRequestXML" in first.calls
        assert self.starts(connector) == ["15:00:00", "15:05:00", "15:10:00"]

    def test_a_lower_minimum_changes_nothing(self, connector: WebConnector, service: Service) -> None:
        service.answers("authenticate", strings("t", "none", "", "10"))
        self.run(connector, 60, 2)
        assert self.starts(connector) == ["15:00:00", "15:01:00"]

    def test_both_numbers_postpone_once_and_keep_the_minimum(
        self, connector: WebConnector, service: Service
    ) -> None:
        # row ("", x, y)
        service.answers("authenticate", strings("t", "", "120", "300"), strings("t", "none"))
        self.run(connector, 60, 3)
        assert self.starts(connector) == ["15:00:00", "15:02:00", "15:07:00"]

    @pytest.mark.parametrize("keyword", ["none", "nvu", "busy"])
    def test_a_keyword_with_a_number_is_postponed_too(
        self, connector: WebConnector, service: Service, keyword: str
    ) -> None:
        # row (none/nvu/busy, x, empty)
        service.answers("authenticate", strings("t", keyword, "90"))
        first, _ = self.run(connector, 60, 2)
        assert first.status == "Update postponed by application"
        assert self.starts(connector) == ["15:00:00", "15:01:30"]

    def test_a_keyword_with_a_minimum_keeps_its_own_text(
        self, connector: WebConnector, service: Service
    ) -> None:
        # row (none/nvu/busy, empty, y)
        service.answers("authenticate", strings("t", "busy", "", "90"))
        first, _ = self.run(connector, 60, 2)
        assert first.status == "Application Busy"
        assert self.starts(connector) == ["15:00:00", "15:01:30"]

    def test_a_failed_run_is_1031_in_the_log(self, connector: WebConnector, service: Service) -> None:
        # 7
        self.run(connector, 60, 1)
        assert "QBWC1031" in connector.log.read()

    def test_the_window_keeps_the_last_result(
        self, connector: WebConnector, service: Service, clock: Clock
    ) -> None:
        service.answers("authenticate", strings("t", "none"))
        clock.advance(hours=1)
        connector.update()
        assert connector.results_text() == [
            ("Example Sync", "No data exchange required", "2026-08-01T16:00:00+00:00")
        ]
