"""TransactionQuery by accounts, items, classes and currencies; sections are of qbxml-semantics.md."""

from __future__ import annotations

import pytest

from qbwc_server.simulator.company.txn_filters import ACCOUNT_TYPES, ITEM_TYPES
from tests.simulator.conftest import Office
from tests.simulator.sales import Shop, line, ref

FILTER = "<Transaction{0}Filter>{1}</Transaction{0}Filter>"
EURO = "<CurrencyAddRq><CurrencyAdd><Name>Euro</Name><CurrencyCode>EUR</CurrencyCode></CurrencyAdd></CurrencyAddRq>"


@pytest.fixture
def shop(office: Office) -> Shop:
    """An invoice of hammers in class East, an estimate of work, a payment, a credit memo with East on its line."""
    shop = Shop(office)
    office.company.user_add({"Name": "East"}, "Class")
    invoice = shop.add("Invoice", line("Hammer", "<Quantity>1</Quantity>"), ref("Class", "East"))
    shop.add("Estimate", line("Work", "", "Estimate"))
    shop.pay("5.00", (invoice.findtext("TxnID") or "", "5.00"))
    shop.add("CreditMemo", line("Nail", ref("Class", "East"), "CreditMemo"))
    return shop


def kinds(shop: Shop, filters: str, code: str = "") -> list[str]:
    rs = shop.office.ask(f"<TransactionQueryRq>{filters}</TransactionQueryRq>")
    assert rs.get("statusCode") in ((code,) if code else ("0", "1")), rs.get("statusMessage")
    return [one.findtext("TxnType") or "" for one in rs]


@pytest.mark.parametrize(
    ("what", "inside", "found"),
    [
        ("Account", "<FullName>Sales</FullName>", ["Invoice", "CreditMemo"]),
        ("Account", "<FullName>Undeposited Funds</FullName>", ["ReceivePayment"]),
        ("Account", "<FullName>Checking</FullName>", []),
        ("Account", "<FullNameWithChildren>Sales</FullNameWithChildren>", ["Invoice", "CreditMemo"]),
        ("Account", "<AccountTypeFilter>CostOfSales</AccountTypeFilter>", ["Invoice"]),
        (
            "Account",
            "<AccountTypeFilter>AccountsReceivable</AccountTypeFilter>",
            ["Invoice", "ReceivePayment", "CreditMemo"],
        ),
        ("Account", "<AccountTypeFilter>Equity</AccountTypeFilter>", []),
        ("Item", "<FullName>Hammer</FullName>", ["Invoice"]),
        ("Item", "<ItemTypeFilter>Service</ItemTypeFilter>", ["Estimate"]),
        ("Item", "<ItemTypeFilter>NonInventory</ItemTypeFilter>", ["CreditMemo"]),
        ("Item", "<FullName>Nobody</FullName>", []),
        ("Class", "<FullName>East</FullName>", ["Invoice", "CreditMemo"]),
        ("Class", "<FullName>West</FullName>", []),
    ],
)
def test_what_a_transaction_holds_finds_it(shop: Shop, what: str, inside: str, found: list[str]) -> None:
    # 3: the filter block of TransactionQuery
    assert kinds(shop, FILTER.format(what, inside)) == found


@pytest.mark.parametrize(
    ("what", "inside"),
    [
        ("Account", "<AccountTypeFilter>AllowedFor1099</AccountTypeFilter>"),
        ("Item", "<ItemTypeFilter>Sales</ItemTypeFilter>"),
    ],
)
def test_a_type_that_nobody_explains_is_refused(shop: Shop, what: str, inside: str) -> None:
    assert kinds(shop, FILTER.format(what, inside), "1030") == []


@pytest.mark.parametrize("kind", ACCOUNT_TYPES)
def test_every_type_of_accounts_can_be_asked_for(office: Office, kind: str) -> None:
    inside = f"<AccountTypeFilter>{kind}</AccountTypeFilter>"
    assert office.ask(f"<TransactionQueryRq>{FILTER.format('Account', inside)}</TransactionQueryRq>").get(
        "statusCode"
    ) in ("0", "1")


@pytest.mark.parametrize("kind", ITEM_TYPES)
def test_every_type_of_items_can_be_asked_for(office: Office, kind: str) -> None:
    inside = f"<ItemTypeFilter>{kind}</ItemTypeFilter>"
    assert office.ask(f"<TransactionQueryRq>{FILTER.format('Item', inside)}</TransactionQueryRq>").get(
        "statusCode"
    ) in ("0", "1")


@pytest.mark.parametrize("kind", ["Invoice", "Transaction"])
def test_a_currency_that_no_transaction_is_in_finds_none(shop: Shop, kind: str) -> None:
    # 6 Multi-currency: refs by full name
    shop.office.company.prefer("multi_currency", is_on=True)
    shop.ask_ok(EURO)
    asked = f"<{kind}QueryRq><CurrencyFilter><FullName>{{}}</FullName></CurrencyFilter></{kind}QueryRq>"
    assert len(shop.office.ask(asked.format("US Dollar"))) > 0
    assert shop.office.ask(asked.format("Euro")).get("statusCode") == "1"


def test_customers_without_a_currency_have_that_of_the_company(shop: Shop) -> None:
    shop.office.company.prefer("multi_currency", is_on=True)
    shop.ask_ok(EURO)
    shop.office.add("Bea", ref("Currency", "Euro"))
    asked = "<CustomerQueryRq><CurrencyFilter><FullName>{}</FullName></CurrencyFilter></CustomerQueryRq>"
    assert shop.office.names(asked.format("US Dollar")) == ["Ann"]
    assert shop.office.names(asked.format("Euro")) == ["Bea"]


# -- snapshots: 3, 10.6 ------------------------------------------------------------------------------------------


def test_an_iterator_keeps_its_snapshot_in_the_file_and_not_in_memory(office: Office) -> None:
    for name in "ABCDE":
        office.add(name)
    request = "<CustomerQueryRq {}><MaxReturned>2</MaxReturned></CustomerQueryRq>"

    def kept() -> int:
        return int(office.company._books.one("SELECT count(*) FROM temp.snapshot"))

    first = office.ask(request.format('iterator="Start"'))
    assert kept() == 5
    more = request.format(f'iterator="Continue" iteratorID="{first.get("iteratorID")}"')
    office.add("AA")
    pages = [office.ask(more), office.ask(more)]
    assert [one.findtext("Name") for page in (first, *pages) for one in page] == list("ABCDE")
    assert kept() == 0
    office.ask(request.format('iterator="Start"'))
    office.company.end_session(office.session)
    assert kept() == 0
