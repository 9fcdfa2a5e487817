"""Fixtures for tests of any Web Connector application: a QuickBooks, and a Web Connector bound to it.

    def test_my_application(quickbooks, web_connector, my_url):
        quickbooks.user_add({"Name": "Ann"})
        web_connector.add(my_qwc_text(my_url))
        web_connector.password("My Application", "secret")
        [result] = web_connector.update()
        assert result.ok, web_connector.log.read()

Nothing of the simulator is imported before a fixture is asked for. `-p no:qbwc_simulator` leaves the plugin out.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from qbwc_server.simulator.company import CompanyFile
    from qbwc_server.simulator.connector import WebConnector

START = datetime(2026, 8, 1, 15, 0, tzinfo=UTC)
MARK = "quickbooks"
ZONE = "America/New_York"


class StandingClock:
    """The time of the company's PC (aware, UTC): it stands still until the Web Connector waits or advance is called."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        """The arguments of timedelta: advance(hours=1)."""
        self.now += timedelta(**span)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARK}(**settings): what CompanyFile.create takes, as edition='Pro', timezone='Europe/Zurich'",
    )


@pytest.fixture
def quickbooks_clock() -> StandingClock:
    """Override it to start at another time."""
    return StandingClock()


@pytest.fixture
def quickbooks(
    request: pytest.FixtureRequest, tmp_path: Path, quickbooks_clock: StandingClock
) -> Iterator[CompanyFile]:
    """A new company file, open; the mark `quickbooks` gives it other settings."""
    from qbwc_server.simulator.company import CompanyFile

    mark = request.node.get_closest_marker(MARK)
    settings: dict[str, Any] = {
        "company_name": "Sample Company",
        "timezone": ZONE,
        **(mark.kwargs if mark else {}),
    }
    company = CompanyFile.create(
        tmp_path / "quickbooks" / "sample.sqlite", clock=quickbooks_clock, **settings
    )
    yield company
    company.close()


@pytest.fixture
def web_connector(
    tmp_path: Path, quickbooks: CompanyFile, quickbooks_clock: StandingClock
) -> Iterator[WebConnector]:
    """A Web Connector without applications on the PC of that company file; its waits take no time."""
    from qbwc_server.simulator.connector import Options, WebConnector

    options = Options(
        clock=quickbooks_clock,
        wait=lambda seconds: quickbooks_clock.advance(seconds=seconds),
        level="VERBOSE",
        timeout=10,
    )
    connector = WebConnector(tmp_path / "web_connector", quickbooks, options)
    yield connector
    connector.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails with a Web Connector shows its log."""
    report = yield
    connector = getattr(item, "funcargs", {}).get("web_connector")
    if call.when == "call" and report.failed and connector is not None and hasattr(connector, "log"):
        report.sections.append(("QWCLog.txt", connector.log.read()))
    return report
