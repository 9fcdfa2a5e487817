"""When armed faults strike, seen by what the server received; by code, by command line and by control port."""

import json
import re
import signal
import subprocess
import sys
import threading
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.cli.root import root
from qbwc_server.simulator import CompanyFile, SimulatorError, WebConnector
from qbwc_server.simulator.connector import unconfirmed
from qbwc_server.simulator.control import Control, serving
from qbwc_server.simulator.fault_table import FAULTS, OCCASIONS, as_markdown
from qbwc_server.simulator.faults import FOR_EVER, ArmedFault
from tests.logs_kept import logs_kept
from tests.simulator.conftest import document
from tests.simulator.recorder import Recorder, adding, names_in

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
README = ROOT / "qbwc_server/simulator/README.md"
QUERY = document('<CustomerQueryRq requestID="8"/>')


def statuses(recorder: Recorder) -> list[str]:
    answers = "".join(post.value("response") for post in recorder.of("receiveResponseXML"))
    return re.findall(r'requestID="8" statusCode="(\d+)"', answers)


class TestTrigger:
    @pytest.mark.parametrize(
        ("trigger", "expected"),
        [
            ({}, "x...."),
            ({"nth": 3}, "..x.."),
            ({"nth": 2, "times": 2}, ".xx.."),
            ({"nth": 4, "times": FOR_EVER}, "...xx"),
            ({"times": 9}, "xxxxx"),
        ],
    )
    def test_by_number(
        self,
        recorded: WebConnector,
        recorder: Recorder,
        company: CompanyFile,
        trigger: dict[str, int],
        expected: str,
    ) -> None:
        recorder.documents = [adding(name) for name in "ABCDE"]
        company.faults.arm("locked_element", request="CustomerAddRq", **trigger)
        recorded.update()
        assert "".join("x" if code == "3175" else "." for code in statuses(recorder)) == expected
        written = [name for name, mark in zip("ABCDE", expected, strict=True) if mark == "."]
        assert names_in(company.path) == written

    def test_by_the_kind_of_request_only_its_own_occasions_count(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        recorder.documents = [QUERY, adding("A"), QUERY, adding("B")]
        company.faults.arm("answer_status", request="CustomerAddRq", code=1000, nth=2)
        recorded.update()
        assert statuses(recorder) == ["1", "0", "0", "1000"]

    def test_by_chance_the_same_seed_strikes_the_same_calls(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        runs = []
        for seed in (7, 7, 8):
            recorder.posts.clear()
            recorder.documents = [QUERY] * 30
            company.faults.clear()
            company.faults.arm("answer_status", code=1000, probability=0.3, seed=seed, times=FOR_EVER)
            # Host, company and preferences are requests too.
            company.faults.arm("delay_call", seconds=1, nth=99)
            recorded.update()
            runs.append("".join("x" if code == "1000" else "." for code in statuses(recorder)))
        assert runs[0] == runs[1] != runs[2]
        assert 2 <= runs[0].count("x") <= 18

    @given(probability=st.sampled_from([0.1, 0.5, 0.9]), seed=st.integers(0, 10_000))
    def test_a_probability_is_met_in_the_long_run(self, probability: float, seed: int) -> None:
        row = [
            ArmedFault(1, "drop_before", {}, FOR_EVER, probability=probability, seed=seed, seen=seen)
            for seen in range(1, 1001)
        ]
        struck = sum(one.strikes() for one in row)
        # Five standard deviations of a thousand independent draws.
        assert abs(struck / 1000 - probability) < 5 * (probability * (1 - probability) / 1000) ** 0.5

    def test_two_of_a_kind_count_the_same_occasions(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        recorder.documents = [adding(name) for name in "ABCD"]
        company.faults.arm("answer_status", request="CustomerAddRq", code=1000)
        company.faults.arm("locked_element", request="CustomerAddRq", nth=3)
        recorded.update()
        assert statuses(recorder) == ["1000", "0", "3175", "0"]

    @pytest.mark.parametrize(
        ("name", "arguments", "sentence"),
        [
            ("explode", {}, "There is no fault 'explode'"),
            ("modal_dialog", {"when": "now"}, "takes hresult, message, not when"),
            ("modal_dialog", {"hresult": "zzz"}, "'zzz' is no hresult"),
            ("unstorable_answer", {"x": "1"}, "takes nothing, not x"),
            ("delay_call", {"seconds": "soon"}, "whole number"),
            ("clock_change_night", {"season": "winter"}, "autumn, spring"),
            ("locked_element", {"code": "1000"}, "3170, 3175, 3176, 3180"),
            ("drop_after", {"nth": 0}, "count from 1"),
            ("drop_after", {"times": 0}, "count from 1"),
            ("drop_after", {"probability": 1.5}, "probability"),
        ],
    )
    def test_what_cannot_be_armed_says_why(
        self, company: CompanyFile, name: str, arguments: dict[str, Any], sentence: str
    ) -> None:
        with pytest.raises(SimulatorError, match=sentence):
            company.faults.arm(name, **arguments)
        assert company.faults.armed() == []


class TestTables:
    def test_the_readme_has_the_faults_as_they_are(self) -> None:
        assert f"<!-- faults -->\n\n{as_markdown()}\n<!-- end -->" in README.read_text(encoding="utf-8")

    def test_the_readme_has_the_unconfirmed_points_as_they_are(self) -> None:
        table = unconfirmed.as_markdown()
        assert f"<!-- unconfirmed -->\n\n{table}\n<!-- end -->" in README.read_text(encoding="utf-8")

    def test_every_fault_is_seen_from_outside_somewhere_in_these_tests(self) -> None:
        texts = [
            (HERE / f"test_faults_{name}.py").read_text("utf-8") for name in ("on_the_line", "in_quickbooks")
        ]
        assert [name for name in FAULTS if not any(f'"{name}"' in text for text in texts)] == []

    def test_every_fault_says_what_it_is_counted_by(self) -> None:
        assert {fault.occasion for fault in FAULTS.values()} == set(OCCASIONS)
        assert [name for name, fault in FAULTS.items() if not (fault.sentence and fault.source)] == []


class TestCommandLine:
    def test_a_fault_is_listed_armed_shown_and_cleared(self, company: CompanyFile, tmp_path: Path) -> None:
        def line(*words: str, code: int = 0) -> str:
            with logs_kept():
                done = CliRunner().invoke(
                    root, ["--home", str(tmp_path / "home"), "simulate", "fault", *words]
                )
            assert done.exit_code == code, done.output
            return done.output

        file = ("--company", str(company.path))
        assert [row["name"] for row in json.loads(line("list", "--json"))] == list(FAULTS)
        assert "modal_dialog" in line("list")
        line("arm", "drop_after", "method=receiveResponseXML", "--nth", "3", "--times", "2", *file)
        line("arm", "delay_call", "seconds=60", "--probability", "0.5", "--seed", "7", "--times", "-1", *file)
        told = line("armed", *file)
        assert re.search(r"drop_after +method=receiveResponseXML +\[nth=3 seen=0 times=2\]", told)
        assert "seconds=60" in told
        assert "times=for ever probability=0.5 seed=7" in told
        assert json.loads(line("armed", "--json", *file))[1]["seconds"] == 60
        assert "Nothing is armed" in line("clear", *file)
        assert "Nothing is armed" in line("armed", *file)
        assert "no fault 'explode'" in line("arm", "explode", *file, code=1)
        assert "NAME=VALUE" in line("arm", "drop_after", "method", *file, code=1)
        assert "--company FILE" in line("armed", code=1)

    def test_what_the_command_line_arms_strikes_the_process_that_has_the_file_open(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile, tmp_path: Path
    ) -> None:
        words = [
            "--home",
            str(tmp_path),
            "simulate",
            "fault",
            "arm",
            "modal_dialog",
            "--company",
            str(company.path),
        ]
        with logs_kept():
            assert CliRunner().invoke(root, words).exit_code == 0
        recorded.update()
        assert [post.value("hresult") for post in recorder.of("connectionError")] == ["0x80040414"]


class TestControlPort:
    @staticmethod
    def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as http:
            given = {"Content-Type": "application/json"} if method == "POST" else {}
            http.request(method, path, None if body is None else json.dumps(body), {**given, **headers})
            answer = http.getresponse()
            return answer.status, json.loads(answer.read())

    def test_it_arms_updates_and_tells(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        recorder.documents = [adding("Ann")]
        with serving(Control(company, recorded)) as port:
            status, armed = self.ask(port, "POST", "/arm", {"fault": "modal_dialog", "nth": 2})
            assert (status, [row["name"] for row in armed]) == (200, ["modal_dialog"])
            assert [row["seen"] for row in self.ask(port, "GET", "/armed")[1]] == [0]
            _, [result] = self.ask(port, "POST", "/update", {})
            assert result["ok"]
            _, [result] = self.ask(port, "POST", "/update", {"names": ["Example Sync"]})
            assert (result["code"], result["calls"][-1]) == ("QBWC1013", "connectionError")
            assert self.ask(port, "GET", "/counts")[1]["CustomerAdd"] == 1
            assert self.ask(port, "GET", "/applications")[1][0]["last_result"].startswith("QBWC1013")
            assert "do_authenticate" in self.ask(port, "GET", "/log")[1]
            assert [row["name"] for row in self.ask(port, "GET", "/faults")[1]] == list(FAULTS)
            self.ask(port, "POST", "/arm", {"fault": "delay_call", "arguments": {"seconds": 5}})
            assert self.ask(port, "POST", "/clear") == (200, [])
        assert names_in(company.path) == ["Ann"]

    @pytest.mark.parametrize(
        ("method", "path", "body", "headers", "status", "sentence"),
        [
            ("GET", "/nowhere", None, {}, 404, "GET /nowhere"),
            ("POST", "/arm", {"fault": "explode"}, {}, 400, "no fault"),
            ("POST", "/arm", {"colour": "red"}, {}, 400, "colour"),
            ("POST", "/arm", {"fault": "drop_after", "nth": "x"}, {}, 400, "whole numbers"),
            ("POST", "/arm", [], {}, 400, "JSON object"),
            ("POST", "/update", {"names": ["Nobody"]}, {}, 400, "QBWC1011"),
            # A page of the Web asks under its own name, or with a form.
            ("POST", "/clear", {}, {"Host": "evil.example"}, 403, "127.0.0.1"),
            ("POST", "/clear", {}, {"Content-Type": "text/plain"}, 403, "application/json"),
        ],
    )
    def test_it_refuses_with_a_sentence(
        self,
        recorded: WebConnector,
        company: CompanyFile,
        method: str,
        path: str,
        body: Any,
        headers: dict[str, str],
        status: int,
        sentence: str,
    ) -> None:
        with serving(Control(company, recorded)) as port:
            told, answer = self.ask(port, method, path, body, **headers)
            assert told == status
            assert sentence in answer["error"]

    def test_a_taken_port_is_told(self, company: CompanyFile) -> None:
        with serving(Control(company)) as port:
            with pytest.raises(SimulatorError, match="cannot be used"), serving(Control(company), port):
                pass
            assert "no Web Connector" in self.ask(port, "GET", "/log")[1]["error"]

    def test_the_command_line_serves_it_until_it_is_interrupted(
        self, recorded: WebConnector, company: CompanyFile, tmp_path: Path
    ) -> None:
        words = ["--home", str(tmp_path), "simulate", "connector", "serve", "--control", "0", "--company"]
        command = [sys.executable, "-m", "qbwc_server.cli", *words, str(company.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
            assert server.stdout is not None
            port = int(re.findall(r"127.0.0.1:(\d+)/", server.stdout.readline())[0])
            assert self.ask(port, "POST", "/arm", {"fault": "modal_dialog"})[0] == 200
            assert self.ask(port, "GET", "/applications") == (200, [])
            server.send_signal(signal.SIGINT)
            assert server.wait(60) == 0
        recorded.update()
        assert company.faults.armed() == []

    def test_faults_can_be_armed_while_the_connector_runs_by_itself(
        self, recorded: WebConnector, recorder: Recorder, company: CompanyFile
    ) -> None:
        recorder.documents = [adding("Ann"), adding("Bob")]
        told = threading.Event()
        reply = recorder.reply

        def between(post: Any) -> str:
            if post.method == "receiveResponseXML" and not told.is_set():
                told.set()
                self.ask(
                    port, "POST", "/arm", {"fault": "drop_before", "arguments": {"method": "sendRequestXML"}}
                )
            return reply(post)

        recorder.reply = between  # type: ignore[method-assign]
        with serving(Control(company, recorded)) as port:
            [result] = recorded.auto_run(every=60)
        assert result.code == "QBWC1041"
        assert names_in(company.path) == ["Ann"]
