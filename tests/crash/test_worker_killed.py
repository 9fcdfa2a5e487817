"""The worker dies in the middle of reading or writing the CRM, and the next one goes on."""

import itertools
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from crm.emulators.salesforce import Fault
from tests.crash.ending import Ending
from tests.crash.relay import Moment, Request
from tests.crash.shop import ACCOUNTS, Shop
from tests.crash.traps import SETTLING, trap

BEFORE, AFTER = Moment.BEFORE, Moment.AFTER
# Salesforce gives two accounts at a time, so that reading them takes several pages.
PAGE = 2
# From the first write to the end of the first visit's deliveries the worker makes at least so many calls.
CALLS_OF_DELIVERIES = 5


def named(moment: Moment) -> str:
    return moment.name.lower()


@pytest.fixture
def shop(unopened: Shop) -> Shop:
    unopened.open()
    unopened.wait_for_first_poll()
    return unopened


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_worker_that_dies_anywhere_in_its_deliveries_leaves_nothing_undone_and_nothing_done_twice(
    shop: Shop, undisturbed: Ending, seed: int
) -> None:
    chance = random.Random(seed)
    number, moment = chance.randint(1, CALLS_OF_DELIVERIES), chance.choice((BEFORE, AFTER))
    strike = shop.strike_worker(the(number, since_the_first(writes(""))), moment)

    shop.update_until_quiet()
    assert strike.dead
    assert Ending.of(shop).differences(undisturbed) == []
    assert not shop.jobs()


@pytest.mark.parametrize("moment", [BEFORE, AFTER], ids=named)
@pytest.mark.parametrize("kind", ["Account", "Contact"])
def test_a_worker_that_dies_while_it_creates_a_record_does_not_create_it_again(
    shop: Shop, undisturbed: Ending, kind: str, moment: Moment
) -> None:
    strike = shop.strike_worker(writes(f"{kind}/QB_SyncKey__c"), moment)

    shop.update_until_quiet()
    assert strike.dead
    assert Ending.of(shop).differences(undisturbed) == []


@pytest.mark.parametrize("kind", ["Account", "Contact"])
def test_a_worker_that_dies_over_a_lost_answer_creates_no_second_record(
    shop: Shop, undisturbed: Ending, kind: str
) -> None:
    """Salesforce keeps the record and its answer is lost; the worker dies when it tries again."""
    creates = writes(f"{kind}/QB_SyncKey__c")
    begun: list[bool] = []

    def again(request: Request) -> bool:
        if not creates(request):
            return False
        if not begun:
            shop.crm.arm(Fault("drop", "*", after_commit=True))  # this very call
        begun.append(True)
        return len(begun) > 1

    strike = shop.strike_worker(again, BEFORE)

    shop.update_until_quiet()
    assert strike.dead
    assert Ending.of(shop).differences(undisturbed) == []


@pytest.mark.parametrize(("page", "moment"), [(1, AFTER), (2, BEFORE)], ids=("first", "second"))
def test_a_worker_that_dies_between_two_pages_of_accounts_reads_all_of_them(
    unopened: Shop, undisturbed: Ending, page: int, moment: Moment
) -> None:
    unopened.crm.settings.page_size = PAGE
    strike = unopened.strike_worker(the(page, pages_of_accounts), moment)
    unopened.open()
    unopened.wait_for_first_poll()
    assert strike.dead
    assert unopened.records_known("crm", "account") == ACCOUNTS

    unopened.update_until_quiet()
    assert Ending.of(unopened).differences(undisturbed) == []


@pytest.mark.databases("postgresql")
def test_a_delivery_whose_database_connection_breaks_is_made_again(shop: Shop, undisturbed: Ending) -> None:
    """Nobody dies here, but the worker finds itself in the middle of a delivery without a database."""
    with ThreadPoolExecutor(1) as web_connector:
        with trap(shop.house.database.url, SETTLING.format(side="crm")) as settling:
            update = web_connector.submit(shop.update_only)
            settling.wait()
        assert update.result().ok

    shop.update_until_quiet()
    shop.wait_no_longer()
    assert Ending.of(shop).differences(undisturbed) == []
    assert not shop.jobs()


def writes(part: str) -> Callable[[Request], bool]:
    """A write of its own, or one among those of a composite call."""

    def is_one(request: Request) -> bool:
        alone = request.verb == "PATCH" and f"/sobjects/{part}" in request.path
        together = b'"method":"PATCH"' in request.body and f"/sobjects/{part}".encode() in request.body
        return alone or together

    return is_one


def pages_of_accounts(request: Request) -> bool:
    return "FROM+Account" in request.path and "ORDER+BY" in request.path


def since_the_first(aims: Callable[[Request], bool]) -> Callable[[Request], bool]:
    begun: list[bool] = []

    def since(request: Request) -> bool:
        begun.extend([True] if aims(request) else [])
        return bool(begun)

    return since


def the(number: int, aims: Callable[[Request], bool]) -> Callable[[Request], bool]:
    """Only the nth call that is aimed at."""
    counted = itertools.count(1)
    return lambda request: aims(request) and next(counted) == number
