"""A server dies at a call of a visit before anything was written to QuickBooks, or after everything was."""

import pytest

from tests.crash.ending import Ending
from tests.crash.relay import Moment
from tests.crash.shop import CUSTOMERS, Shop

BEFORE, HALF, ENDING, AFTER = Moment.BEFORE, Moment.HALF, Moment.ENDING, Moment.AFTER
# Method, what the Web Connector shows when it fails, the moments.
CALLS = {
    "authenticate": ("QBWC1012", (BEFORE, ENDING, AFTER)),
    "sendRequestXML": ("QBWC1041", (BEFORE, ENDING, AFTER)),
    "receiveResponseXML": ("QBWC1042", (BEFORE, HALF, ENDING, AFTER)),
    "closeConnection": ("QBWC1044", (BEFORE, ENDING, AFTER)),
}
MOMENTS = [
    pytest.param(method, code, moment, id=f"{method}-{moment.name.lower()}")
    for method, (code, moments) in CALLS.items()
    for moment in moments
]
# More jobs than one page of customers holds.
JOBS = 205


@pytest.mark.parametrize(("method", "code", "moment"), MOMENTS)
def test_a_server_that_dies_at_the_first_call_of_a_method_costs_nothing_but_an_update(
    shop: Shop, undisturbed: Ending, method: str, code: str, moment: Moment
) -> None:
    strike = shop.strike(method, moment)

    cut_short = shop.update_only()
    assert strike.dead
    assert (cut_short.ok, cut_short.code) == (False, code)
    assert shop.answered(method) == (1 if moment is AFTER else 0)

    shop.update_until_quiet()
    assert Ending.of(shop).differences(undisturbed) == []
    assert not shop.jobs()


@pytest.mark.parametrize("moment", [BEFORE, AFTER], ids=lambda moment: moment.name.lower())
def test_a_server_that_dies_between_two_pages_of_customers_loses_none_of_them(
    shop: Shop, undisturbed: Ending, moment: Moment
) -> None:
    with shop.company.transaction():
        for number in range(JOBS):
            shop.company.user_add({"Name": f"Job {number}", "ParentRef": {"FullName": CUSTOMERS[0]["Name"]}})
    pages = iter((1, 2))
    strike = shop.strike("receiveResponseXML", moment, lambda _: next(pages) == (1 if moment is AFTER else 2))

    assert not shop.update_only().ok
    assert strike.dead
    assert strike.request is not None
    assert b"iteratorRemainingCount" in strike.request.body

    shop.update_until_quiet()
    assert shop.records_known("books", "Customer") == len(shop.company.customers())
    jobs = [one["FullName"] for one in shop.company.customers() if one["Sublevel"] != "0"]
    assert len(jobs) == JOBS
    # They come to the CRM below their customer's account, as many as one run may make.
    accounts = [name.rpartition(":")[2] for name in jobs]
    assert Ending.of(shop).differences(undisturbed, but=[*jobs, *accounts], counted=False) == []
