"""A server dies while a set of writes is handed out, executed, answered or forgotten."""

from collections.abc import Callable

import pytest

from tests.crash.ending import Ending
from tests.crash.relay import Moment, Request, Strike
from tests.crash.shop import ACCOUNTS, Shop

BEFORE, HALF, STORING, ENDING, AFTER = Moment
ADDED = b"CustomerAddRs"
# What the Web Connector shows when the call fails.
FAILURES = {"sendRequestXML": "QBWC1041", "receiveResponseXML": "QBWC1042"}


def named(moment: Moment) -> str:
    return moment.name.lower()


def holds(text: bytes) -> Callable[[Request], bool]:
    return lambda request: text in request.body


@pytest.mark.parametrize("moment", [BEFORE, ENDING], ids=named)
def test_a_set_that_was_not_handed_out_is_handed_out_by_the_next_visit(
    shop: Shop, undisturbed: Ending, moment: Moment
) -> None:
    strike = shop.strike("sendRequestXML", moment, shop.writes_are_due)
    _cut_short(shop, strike, FAILURES["sendRequestXML"])
    assert not shop.sets()
    _ends_like(shop, undisturbed)


@pytest.mark.parametrize("moment", [BEFORE, HALF, STORING, ENDING, AFTER], ids=named)
def test_a_set_that_quickbooks_executed_is_settled_from_its_answer_whatever_becomes_of_the_first_one(
    shop: Shop, undisturbed: Ending, moment: Moment
) -> None:
    strike = shop.strike("receiveResponseXML", moment, holds(ADDED))
    _cut_short(shop, strike, FAILURES["receiveResponseXML"])
    assert [one.state for one in shop.sets()] == ["settled" if moment in (ENDING, AFTER) else "offered"]
    assert shop.made()["CustomerAdd"] == ACCOUNTS - 1
    _ends_like(shop, undisturbed)


def test_a_set_that_never_reached_quickbooks_goes_again_only_when_its_absence_is_proven(
    shop: Shop, undisturbed: Ending
) -> None:
    """What QuickBooks never got cannot be told from what is still under way: that takes time, and then proof."""
    strike = shop.strike("sendRequestXML", AFTER, shop.writes_are_due)
    _cut_short(shop, strike, FAILURES["sendRequestXML"])
    assert strike.reply is not None
    assert b"CustomerAddRq" in strike.reply.body

    status = shop.update_until_quiet().status
    doubted = shop.jobs("in_doubt")
    assert f"{len(doubted)} need attention" in status
    assert [job.action for job in doubted] == ["add"] * (ACCOUNTS - 1)
    assert all(job.next_step for job in doubted)
    assert shop.company.counts().get("CustomerAdd", 0) == 0
    assert Ending.of(shop).differences(undisturbed, but=shop.labels(doubted), counted=False) == []

    first = {one.set_id for one in shop.sets()}
    shop.nothing_is_under_way()
    _ends_like(shop, undisturbed)
    assert {one.set_id for one in shop.sets()} > first


def test_a_creation_whose_answer_nobody_has_any_more_is_found_in_quickbooks_by_its_mark(
    shop: Shop, undisturbed: Ending
) -> None:
    shop.company.faults.arm("unstorable_answer")
    strike = shop.strike("receiveResponseXML", BEFORE, holds(ADDED))
    _cut_short(shop, strike, FAILURES["receiveResponseXML"])
    _ends_like(shop, undisturbed)


@pytest.mark.parametrize(
    ("method", "moment"),
    [("sendRequestXML", AFTER), *(("receiveResponseXML", one) for one in (BEFORE, STORING))],
    ids=lambda one: named(one) if isinstance(one, Moment) else one,
)
def test_a_change_is_made_once_whether_its_request_or_its_answer_is_lost(
    shop: Shop, edited: Ending, method: str, moment: Moment
) -> None:
    shop.update_until_quiet()
    before = shop.company.counts()["CustomerMod"]
    shop.edit_both_sides()
    assert shop.writes_are_due()
    aims = shop.writes_are_due if method == "sendRequestXML" else holds(b"CustomerModRs")
    _cut_short(shop, shop.strike(method, moment, aims), FAILURES[method])

    _ends_like(shop, edited)
    assert shop.company.counts()["CustomerMod"] == before + 1


def test_a_second_death_at_the_question_after_a_set_changes_nothing(shop: Shop, undisturbed: Ending) -> None:
    _cut_short(shop, shop.strike("receiveResponseXML", BEFORE, holds(ADDED)), FAILURES["receiveResponseXML"])
    shop.house.wait_until_ready()
    asking = shop.strike("sendRequestXML", AFTER, lambda _: bool(shop.sets("in_doubt")))
    _cut_short(shop, asking, FAILURES["sendRequestXML"])
    _ends_like(shop, undisturbed)


@pytest.mark.parametrize("moment", [STORING, AFTER], ids=named)
def test_a_second_death_at_the_answer_to_that_question_changes_nothing(
    shop: Shop, undisturbed: Ending, moment: Moment
) -> None:
    _cut_short(shop, shop.strike("receiveResponseXML", BEFORE, holds(ADDED)), FAILURES["receiveResponseXML"])
    shop.house.wait_until_ready()
    _cut_short(shop, shop.strike("receiveResponseXML", moment, holds(ADDED)), FAILURES["receiveResponseXML"])
    _ends_like(shop, undisturbed)


@pytest.mark.parametrize("method", ["sendRequestXML", "receiveResponseXML"])
def test_a_set_is_cleared_in_quickbooks_even_if_a_server_dies_over_it(
    shop: Shop, undisturbed: Ending, method: str
) -> None:
    moment = AFTER if method == "sendRequestXML" else BEFORE

    def clearing(_: Request) -> bool:
        return bool(shop.sets("settled")) and not shop.writes_are_due()

    strike = shop.strike(method, moment, clearing)
    shop.update_only()
    assert strike.dead
    shop.no_more_is_collected()
    shop.settle()
    _ends_like(shop, undisturbed)


def _cut_short(shop: Shop, strike: Strike, code: str) -> None:
    result = shop.update_only()
    assert strike.dead
    assert (result.ok, result.code) == (False, code)


def _ends_like(shop: Shop, undisturbed: Ending) -> None:
    shop.update_until_quiet()
    assert Ending.of(shop).differences(undisturbed) == []
    assert not shop.jobs()
    assert {one.state for one in shop.sets()} == {"cleared"}
