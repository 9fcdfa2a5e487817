"""The fixtures for other people's tests, in a pytest of their own with an application that is none of ours."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from qbwc_server.simulator import pytest_plugin

pytest_plugins = ("pytester",)

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "qbwc_server/simulator/README.md").read_text(encoding="utf-8")
PLUGIN = "qbwc_server.simulator.pytest_plugin"

# An application of sixty lines of the standard library, which writes one customer and remembers nothing else.
APPLICATION = """
import re, threading
from html import escape
from types import SimpleNamespace
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

REQUEST = (
    '<?xml version="1.0"?><?qbxml version="13.0"?><QBXML><QBXMLMsgsRq onError="stopOnError">'
    '<CustomerAddRq requestID="1"><CustomerAdd><Name>Written by my application</Name></CustomerAdd></CustomerAddRq>'
    "</QBXMLMsgsRq></QBXML>"
)
QWC = (
    '<?xml version="1.0"?><QBWCXML><AppName>My Application</AppName><AppID/><AppURL>{url}</AppURL>'
    "<AppDescription>Mine</AppDescription><AppSupport>{url}</AppSupport><UserName>me</UserName>"
    "<OwnerID>{{11111111-2222-3333-4444-555555555555}}</OwnerID>"
    "<FileID>{{66666666-7777-8888-9999-000000000000}}</FileID><QBType>QBFS</QBType></QBWCXML>"
)
REPLIES = {
    "serverVersion": lambda _: "1",
    "clientVersion": lambda _: "",
    "authenticate": lambda body: "<string>t</string><string>%s</string>" % ("" if "secret" in body else "nvu"),
    "sendRequestXML": lambda _: escape(REQUEST),
    "receiveResponseXML": lambda _: "100",
    "connectionError": lambda _: "done",
    "getLastError": lambda _: "none",
    "closeConnection": lambda _: "Bye",
}


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def answer(environ, start_response):
    if environ["REQUEST_METHOD"] == "GET":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"here"]
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
    method = re.search("<soap:Body><([A-Za-z]+)", body)[1]
    start_response("200 OK", [("Content-Type", "text/xml; charset=utf-8")])
    return [(
        '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<{method}Response xmlns="http://developer.intuit.com/"><{method}Result>{REPLIES[method](body)}</{method}Result>'
        f"</{method}Response></e:Body></e:Envelope>"
    ).encode()]


@pytest.fixture
def my_application():
    with make_server("127.0.0.1", 0, answer, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield SimpleNamespace(qwc=QWC.format(url=f"http://localhost:{server.server_port}/app"))
        server.shutdown()
        thread.join()
"""


@pytest.fixture
def elsewhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of somebody else, where this plugin is the only one."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(APPLICATION)
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-p", PLUGIN, "--strict-markers", "-p", "no:cacheprovider", *options)


def test_the_example_of_the_readme_passes(elsewhere: pytest.Pytester) -> None:
    [example] = re.findall(r"```python\n(import pytest\n.*?)```", README, re.DOTALL)
    # The run that lost its answer had committed the customer: the second one is told 3100, and says 100 all the same.
    elsewhere.makepyfile(example)
    run(elsewhere).assert_outcomes(passed=1)


def test_a_session_goes_from_the_first_call_to_the_last(elsewhere: pytest.Pytester) -> None:
    elsewhere.makepyfile(
        """
        def test_it(quickbooks, web_connector, my_application):
            web_connector.add(my_application.qwc)
            web_connector.password("My Application", "secret")
            [result] = web_connector.update()
            assert (result.ok, result.status, result.progress) == (True, "Bye", [100])
            assert quickbooks.counts()["CustomerAdd"] == 1
            assert quickbooks.customer("Written by my application")["TimeCreated"].startswith("2026-08-01T11:00:00")
        """
    )
    run(elsewhere).assert_outcomes(passed=1)


def test_the_clock_is_theirs_alone_and_waits_take_no_time(elsewhere: pytest.Pytester) -> None:
    elsewhere.makepyfile(
        """
        def test_it(quickbooks, web_connector, quickbooks_clock, my_application):
            web_connector.add(my_application.qwc)
            web_connector.password("My Application", "secret")
            before = quickbooks_clock()
            quickbooks.faults.arm("delay_call", seconds=86400)
            quickbooks_clock.advance(hours=1)
            web_connector.update()
            assert (quickbooks_clock() - before).total_seconds() == 86400 + 3600
        """
    )
    result = run(elsewhere)
    result.assert_outcomes(passed=1)
    assert result.duration < 60


def test_a_mark_gives_the_company_other_settings(elsewhere: pytest.Pytester) -> None:
    elsewhere.makepyfile(
        """
        import pytest

        @pytest.mark.quickbooks(company_name="Uhren AG", timezone="Europe/Zurich", edition="Pro")
        def test_it(quickbooks):
            assert (quickbooks.name, quickbooks.timezone, quickbooks.edition) == ("Uhren AG", "Europe/Zurich", "Pro")

        def test_each_test_has_a_file_of_its_own(quickbooks):
            assert (quickbooks.name, quickbooks.customers()) == ("Sample Company", [])
        """
    )
    run(elsewhere).assert_outcomes(passed=2)


def test_a_failing_test_shows_the_log(elsewhere: pytest.Pytester) -> None:
    elsewhere.makepyfile(
        """
        def test_it(web_connector, my_application):
            web_connector.add(my_application.qwc)
            web_connector.password("My Application", "wrong")
            [result] = web_connector.update()
            assert result.ok
        """
    )
    result = run(elsewhere)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*QWCLog.txt*", "*Authenticating to application 'My Application'*", '*authRet?1?="nvu"*']
    )


def test_who_uses_no_fixture_loads_nothing_of_the_simulator(elsewhere: pytest.Pytester) -> None:
    elsewhere.makepyfile(
        """
        import sys

        def test_it():
            loaded = [name for name in sys.modules if name.startswith(("qbwc_server", "qbxml", "lxml", "zeep"))]
            assert sorted(loaded) == ["qbwc_server", "qbwc_server.simulator", "qbwc_server.simulator.pytest_plugin"]
        """
    )
    run(elsewhere, "-W", "error").assert_outcomes(passed=1)


def test_it_is_announced_to_pytest() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    announced = project["entry-points"]["pytest11"]
    point = importlib.metadata.EntryPoint("qbwc_simulator", announced["qbwc_simulator"], "pytest11")
    assert point.load() is pytest_plugin
    # Pytest is not needed to run the product, and the product does not bring it.
    assert not [one for one in project["dependencies"] if one.startswith("pytest")]


def test_the_product_runs_where_there_is_no_pytest() -> None:
    code = "import sys; sys.modules['pytest'] = None; import qbwc_server.simulator.connector, qbwc_server.cli.simulate"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=120)
