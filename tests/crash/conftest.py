"""One installation for the tests of a file, one company for each test, and the processes' logs when a test fails."""

import itertools
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from qbwc_server.store import history
from tests.crash import nursery
from tests.crash.ending import Ending
from tests.crash.house import House
from tests.crash.nursery import Nursery
from tests.crash.shop import Shop
from tests.databases import Databases

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def forked() -> Iterator[Nursery | None]:
    if not nursery.possible():
        yield None
        return
    with Nursery() as forked:
        yield forked


@pytest.fixture(scope="module")
def house(
    databases: Databases, forked: Nursery | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    home = tmp_path_factory.mktemp("home")
    with databases.blank(home) as url:
        house = House(home, url, forked)
        try:
            house.begin()
            yield house
        finally:
            house.end()


@pytest.fixture
def shop(house: House, tmp_path: Path) -> Iterator[Shop]:
    """A company that was never synchronized; its CRM was read once."""
    with _new_shop(house, tmp_path) as shop:
        shop.open()
        shop.wait_for_first_poll()
        yield shop


@pytest.fixture
def unopened(house: House, tmp_path: Path) -> Iterator[Shop]:
    """A company that the product does not know yet, with a relay before its CRM."""
    with _new_shop(house, tmp_path, crm_relay=True) as shop:
        yield shop


@pytest.fixture(scope="module")
def undisturbed(house: House, tmp_path_factory: pytest.TempPathFactory) -> Ending:
    """The end of a run in which nothing fails."""
    with _new_shop(house, tmp_path_factory.mktemp("undisturbed")) as shop:
        shop.open()
        shop.wait_for_first_poll()
        shop.update_until_quiet()
        assert not shop.jobs()
        return Ending.of(shop)


@pytest.fixture(scope="module")
def edited(house: House, tmp_path_factory: pytest.TempPathFactory) -> Ending:
    """The same end after people changed both sides and nothing failed."""
    with _new_shop(house, tmp_path_factory.mktemp("edited")) as shop:
        shop.open()
        shop.wait_for_first_poll()
        shop.update_until_quiet()
        shop.edit_both_sides()
        shop.update_until_quiet()
        return Ending.of(shop)


@contextmanager
def _new_shop(house: House, folder: Path, *, crm_relay: bool = False) -> Iterator[Shop]:
    house.wait_until_ready()
    shop = Shop(house, folder, f"shop{next(_numbers)}", crm_relay=crm_relay)
    try:
        yield shop
    finally:
        shop.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    report = (yield).get_result()
    arguments = getattr(item, "funcargs", {})
    house, shop = arguments.get("house"), arguments.get("shop", arguments.get("unopened"))
    if not report.failed or not isinstance(house, House):
        return
    for process in house.processes:
        report.sections.append((f"log of {process.name}, killed {process.deaths} times", process.tail()))
    if isinstance(shop, Shop) and shop.company_id:
        report.sections.append(("SOAP calls of this company", _exchanges(house, shop)))


def _exchanges(house: House, shop: Shop) -> str:
    with house.database.read() as tx:
        found = history.find_exchanges(tx, company_id=shop.company_id, limit=60)
    return "\n".join(
        f"{one.number} run {one.run_number} {one.method}: {one.outcome}" for one in reversed(found)
    )
