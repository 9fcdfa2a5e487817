"""A seeded company: believable, the same by the same seed, and entered through the rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qbwc_server.simulator import CompanyFile, SimulatorError, views
from qbwc_server.simulator.seed import fill, seed_customers
from tests.simulator.conftest import Clock


@pytest.fixture
def made(tmp_path: Path, clock: Clock) -> Iterator[Any]:
    """Makes a company and fills it."""
    with ExitStack() as stack:

        def make(name: str, **wanted: int) -> CompanyFile:
            path = tmp_path / f"{name}.sqlite"
            company = CompanyFile.create(path, company_name=name, timezone="UTC", clock=clock)
            stack.callback(company.close)
            fill(company, **wanted)
            return company

        yield make


def told(company: CompanyFile) -> list[Any]:
    return [company.customers(), *(company.elements(kind) for kind in ("ItemService", "ItemInventory"))] + [
        company.txns(kind) for kind in ("Invoice", "ReceivePayment")
    ]


def test_the_same_seed_makes_the_same_company(made: Any) -> None:
    wanted = {"customers": 12, "items": 6, "invoices": 8}
    first, second = (made(name, **wanted, seed=5) for name in ("first", "second"))
    assert told(first) == told(second)
    assert told(first) != told(made("third", **wanted, seed=6))


def test_customers_are_believable(made: Any) -> None:
    people = made("people", customers=60).customers()
    names = [one["FullName"] for one in people]
    assert len(set(names)) == len(names)
    customers = [one for one in people if one["Sublevel"] == "0"]
    assert 5 <= len(people) - len(customers) <= 25
    for one in customers:
        assert {"City", "State", "PostalCode"} <= one["BillAddress"].keys()
        assert one["Phone"][3:8] == "-555-"
        assert one["Email"].endswith("@example.com")
        assert one["TermsRef"]["FullName"]
    assert {"CompanyName" in one for one in customers} == {True, False}


def test_sales_balance_and_most_are_paid(made: Any) -> None:
    company = made("sales", customers=5, items=5, invoices=20)
    assert views.query(company.path, "SELECT sum(amount_cents) FROM ledger").rows == [(0,)]
    open_invoices = [one for one in company.txns("Invoice") if Decimal(one["BalanceRemaining"])]
    assert 2 <= len(open_invoices) <= 15
    owed = sum(Decimal(one["BalanceRemaining"]) for one in open_invoices)
    assert owed == sum(Decimal(one["Balance"]) for one in company.customers())


def test_seeding_again_adds_others(made: Any) -> None:
    company = made("twice", customers=30)
    before = company.count("Customer")
    assert len(set(seed_customers(company, 30))) == 30
    assert company.count("Customer") >= before + 30


def test_sales_without_customers_say_what_to_do(made: Any) -> None:
    with pytest.raises(SimulatorError, match="Seed those first"):
        made("empty", invoices=1)


def test_nothing_is_entered_when_something_fails(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    company = made("atomic")
    monkeypatch.setattr("qbwc_server.simulator.seed.TERMS", ("Net 30", "No such terms"))
    with pytest.raises(SimulatorError, match="3140"):
        seed_customers(company, 20)
    assert company.count("Customer") == 0
