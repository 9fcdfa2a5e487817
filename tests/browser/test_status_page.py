"""What people see: the pages of a real server process, in Debian's Chromium."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Browser, Page, sync_playwright

from qbwc_server import app as product
from tests.wired import Wired, wired

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LISTENING = "Listening on "


@dataclass
class Seen:
    """A page, and everything that went wrong behind it."""

    page: Page
    troubles: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.page.inner_text("body")

    def row(self, words: str) -> str:
        return self.page.locator("tr", has_text=words).first.inner_text()


@contextmanager
def server(home: Path, *arguments: str) -> Iterator[str]:
    """A process of the product on a free loopback port; its address."""
    command = [
        sys.executable,
        "-m",
        "qbwc_server.cli",
        "--home",
        str(home),
        *arguments,
        "--bind",
        "127.0.0.1:0",
    ]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("QBWC_")}
    with (
        (home / "log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environ) as running,
    ):
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            assert line.startswith(LISTENING), (home / "log").read_text("utf-8")
            yield line.removeprefix(LISTENING).strip()
        finally:
            running.terminate()


def missing() -> str:
    """What keeps a browser from starting here; "" when nothing does."""
    if not CHROMIUM.exists():
        return f"there is no {CHROMIUM}"
    driver = subprocess.run(
        [*compute_driver_executable(), "--version"], capture_output=True, text=True, check=False
    )
    return f"Playwright's driver does not start: {driver.stderr.strip()}" if driver.returncode else ""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if reason := missing():
        if "chromium" in os.environ.get("QBWC_REQUIRE", "").split(","):
            pytest.fail(f"{reason}, and QBWC_REQUIRE asks for Chromium")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@contextmanager
def opened(browser: Browser, url: str, **context: object) -> Iterator[Seen]:
    with browser.new_context(viewport={"width": 1100, "height": 900}, **context) as one:  # type: ignore[arg-type]
        seen = Seen(one.new_page())
        seen.page.on(
            "console", lambda said: seen.troubles.append(said.text) if said.type == "error" else None
        )
        seen.page.on("pageerror", lambda error: seen.troubles.append(str(error)))
        seen.page.on("requestfailed", lambda request: seen.troubles.append(request.url))
        seen.page.goto(url)
        yield seen


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    """A day's work: customers and accounts that agree, and one that QuickBooks refuses."""
    with wired(tmp_path_factory.mktemp("house")) as made:
        made.books.user_add({"Name": "Taken"}, kind="Vendor")
        made.salesforce.seed_accounts(5)
        made.salesforce.create("Account", {"Name": "Taken", "QB_Link_Status__c": "To be Linked"})
        made.poll()
        made.update()
        made.poll()
        yield made


@pytest.fixture(scope="module")
def address(house: Wired) -> Iterator[str]:
    with server(house.installation.settings.home, "run") as url:
        yield url


def picture(seen: Seen, name: str) -> None:
    """Kept where QBWC_PICTURES says, for somebody who wants to look."""
    if folder := os.environ.get("QBWC_PICTURES"):
        seen.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_the_status_page_shows_connections_jobs_and_runs(browser: Browser, address: str) -> None:
    with opened(browser, address) as seen:
        picture(seen, "status")
        assert "running" in seen.page.locator("p", has_text="Background worker").inner_text()
        assert "Salesforce" in seen.row("Right Tools")
        assert "in order" in seen.row("Right Tools")
        assert "1" in seen.row("refused")
        assert "One record waits for a person." in seen.text
        assert "5 written to QuickBooks" in seen.text
        assert seen.troubles == []


def test_the_status_page_names_no_customer(browser: Browser, house: Wired, address: str) -> None:
    names = [str(row["Name"]) for row in house.salesforce.records("Account")]
    with opened(browser, address) as seen:
        assert [name for name in names if name in seen.page.content()] == []


def test_a_new_installation_is_told_how_to_begin(browser: Browser, tmp_path: Path) -> None:
    product.create_installation(tmp_path)
    with server(tmp_path, "serve", "--workers", "1") as url, opened(browser, url) as seen:
        picture(seen, "empty")
        assert "company add" in seen.text
        assert "not running" in seen.page.locator("p", has_text="Background worker").inner_text()
        assert seen.troubles == []


def test_from_elsewhere_the_front_page_tells_nothing(browser: Browser, address: str) -> None:
    through_a_proxy = {"X-Forwarded-For": "192.0.2.7"}
    with opened(browser, address, extra_http_headers=through_a_proxy) as seen:
        picture(seen, "running")
        assert "running" in seen.text
        assert "Right Tools" not in seen.page.content()
        seen.page.get_by_role("link", name="support page").click()
        assert "If an update does not work" in seen.text
        assert seen.troubles == []


def test_the_support_page_helps_at_the_quickbooks_pc(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/support") as seen:
        picture(seen, "support")
        assert "QBWC1048" in seen.text
        assert seen.page.title().startswith("Support")
        assert seen.troubles == []


@pytest.mark.parametrize("path", ["/", "/support"])
def test_a_page_fits_a_telephone(browser: Browser, address: str, path: str) -> None:
    with opened(browser, f"{address}{path}") as seen:
        seen.page.set_viewport_size({"width": 390, "height": 800})
        picture(seen, f"telephone{path.replace('/', '-')}")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
