"""The file in SQL agrees with what qbXML says of it, and cannot be changed by it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from qbwc_server.simulator import CompanyFile, SimulatorError, views
from tests.simulator.conftest import Office
from tests.simulator.sales import Shop, line, ref

README = Path(__file__).parents[2] / "qbwc_server/simulator/README.md"


@pytest.fixture
def shop(office: Office) -> Shop:
    return Shop(office)


def rows(company: CompanyFile, query: str) -> list[tuple[object, ...]]:
    return views.query(company.path, query).rows


@pytest.mark.parametrize("view", views.VIEWS)
def test_every_view_answers_and_stands_in_the_readme(company: CompanyFile, view: str) -> None:
    found = views.query(company.path, f"SELECT * FROM {view}")
    assert found.columns
    assert f"`{view}`" in README.read_text("utf-8")


def test_lists_are_as_their_queries_tell_them(shop: Shop, company: CompanyFile) -> None:
    shop.office.add("Bea", "<BillAddress><City>Austin</City></BillAddress><Phone>555</Phone>")
    shop.office.job(shop.customer, "Job")
    told = [(one["FullName"], one["ListID"], one["EditSequence"]) for one in company.customers()]
    assert sorted(rows(company, "SELECT full_name, list_id, edit_sequence FROM customers")) == sorted(told)
    assert rows(company, "SELECT phone, city FROM customers WHERE name = 'Bea'") == [("555", "Austin")]
    assert rows(company, "SELECT parent FROM customers WHERE name = 'Job'") == [("Ann",)]
    assert rows(company, "SELECT on_hand, price FROM items WHERE name = 'Hammer'") == [("10", "20.00")]


def test_an_invoice_and_its_lines_are_as_it_shows_them(shop: Shop, company: CompanyFile) -> None:
    ret = shop.add("Invoice", line("Nail", "<Quantity>3</Quantity>") + line("Work", "<Amount>10.00</Amount>"))
    shop.pay("4.00", (ret.findtext("TxnID") or "", "4.00"))
    head = "SELECT ref_number, customer, money(total_cents), money(open_cents), is_void FROM invoices"
    assert rows(company, head) == [("1", "Ann", "13.75", "9.75", 0)]
    asked = "SELECT item, quantity, rate, money(amount_cents) FROM invoice_lines"
    assert rows(company, asked) == [("Nail", "3", "1.25", "3.75"), ("Work", None, "10.00", "10.00")]
    assert rows(company, "SELECT customer, total_cents, open_cents FROM payments") == [("Ann", 400, 0)]
    assert rows(company, "SELECT amount_cents FROM applications") == [(400,)]


def test_lines_in_a_group_are_lines_too(shop: Shop, company: CompanyFile) -> None:
    inside = f"<ItemGroupLine>{ref('Item', 'Nail')}<Quantity>2</Quantity></ItemGroupLine>"
    shop.ask_ok(f"<ItemGroupAddRq><ItemGroupAdd><Name>Set</Name>{inside}</ItemGroupAdd></ItemGroupAddRq>")
    shop.add("Invoice", f"<InvoiceLineGroupAdd>{ref('ItemGroup', 'Set')}</InvoiceLineGroupAdd>{line('Work')}")
    found = rows(company, "SELECT item, group_line_id IS NOT NULL FROM invoice_lines ORDER BY item")
    assert found == [("Nail", 1), ("Work", 0)]


def test_the_ledger_balances_by_transaction_and_by_account(shop: Shop, company: CompanyFile) -> None:
    # 10.11 and general knowledge: double entry
    txn_id = shop.add("Invoice", line("Hammer", "<Quantity>2</Quantity>")).findtext("TxnID") or ""
    shop.pay("10.00", (txn_id, "10.00"))
    sums = rows(company, "SELECT txn_id, sum(amount_cents) FROM ledger GROUP BY txn_id")
    assert {total for _, total in sums} == {0}
    for account, cents in rows(company, "SELECT account, sum(amount_cents) FROM ledger GROUP BY account"):
        assert abs(shop.account(str(account))) == abs(Decimal(str(cents)) / 100)


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM txn",
        "INSERT INTO rule VALUES ('a', 'b')",
        "DROP VIEW customers",
        "ATTACH DATABASE 'other.sqlite' AS other",
        "PRAGMA query_only = 0",
        "CREATE TABLE x (y)",
    ],
)
def test_nothing_can_be_changed(company: CompanyFile, query: str) -> None:
    with pytest.raises(SimulatorError, match="looked at by SQL, not changed"):
        views.query(company.path, query)


@pytest.mark.parametrize("query", ["SELEC", "SELECT * FROM customer", "SELECT 1; SELECT 2", ""])
def test_a_wrong_query_says_so(company: CompanyFile, query: str) -> None:
    if not query:
        assert views.query(company.path, query).rows == []
        return
    with pytest.raises(SimulatorError, match="SQLite does not understand this"):
        views.query(company.path, query)


def test_what_is_no_company_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="There is no company file"):
        views.query(tmp_path / "none.sqlite", "SELECT 1")
