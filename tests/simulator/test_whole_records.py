"""Every record shows what was sent, and everything the field tables call always present (semantics 6)."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from lxml import etree

import qbxml
from qbwc_server.simulator import CompanyFile
from qbwc_server.simulator.seed import seed_customers, seed_items, seed_sales
from tests.conftest import SHARED
from tests.simulator.conftest import Office

TABLE = SHARED / "reference/qbxml/fields140.tsv"
FORMS = ("Invoice", "CreditMemo", "SalesReceipt", "SalesOrder", "Estimate")
PAYMENT = "ReceivePayment"
LISTS = (
    "Customer",
    "Account",
    "StandardTerms",
    "DateDrivenTerms",
    "Class",
    "SalesRep",
    "SalesTaxCode",
    "CustomerType",
    "JobType",
    "PaymentMethod",
    "ShipMethod",
    "CustomerMsg",
    "PriceLevel",
    "ItemService",
    "ItemNonInventory",
    "ItemOtherCharge",
    "ItemInventory",
    "ItemDiscount",
    "ItemSubtotal",
    "ItemSalesTax",
    "ItemSalesTaxGroup",
    "ItemGroup",
    "ItemPayment",
)
ACCOUNT = {"FullName": "Sales"}
TRADED = {"SalesOrPurchase": {"Price": Decimal("1.00"), "AccountRef": ACCOUNT}}
# What an Add needs besides its leaves.
NEEDED: dict[str, dict[str, Any]] = {
    "Account": {"AccountType": "Bank"},
    "SalesRep": {"SalesRepEntityRef": {"FullName": "Frank"}},
    **dict.fromkeys(("ItemService", "ItemNonInventory", "ItemOtherCharge"), TRADED),
    "ItemInventory": {f"{one}AccountRef": ACCOUNT for one in ("Income", "COGS", "Asset")},
    "ItemDiscount": {"AccountRef": ACCOUNT},
    "ItemSalesTaxGroup": {"ItemSalesTaxRef": [{"FullName": "County Tax"}]},
    PAYMENT: {"CustomerRef": {"FullName": "Ann"}, "IsAutoApply": False},
    **{
        kind: {"CustomerRef": {"FullName": "Ann"}, f"{kind}LineAdd": [{"ItemRef": {"FullName": "Nail"}}]}
        for kind in FORMS
    },
}
# And what the tables themselves demand of one that has nothing else.
FIRST: dict[str, dict[str, Any]] = {
    "SalesTaxCode": {"IsTaxable": False},
    PAYMENT: {"TotalAmount": Decimal("9.00")},
    "Class": {"IsActive": True},
}
WITHOUT_MOD = (
    "StandardTerms",
    "DateDrivenTerms",
    "CustomerType",
    "JobType",
    "PaymentMethod",
    "ShipMethod",
    "CustomerMsg",
)
IDENTITY = ("ListID", "TxnID", "EditSequence")
SAMPLES: dict[str, Any] = {
    "STR": "Text",
    "BOOL": True,
    "AMT": Decimal("12.50"),
    "PRICE": Decimal("3.25"),
    "PERCENT": Decimal("7.5"),
    "QUAN": Decimal("2.5"),
    "INT": 12,
    "DATE": date(2026, 5, 6),
    "GUID": "{11111111-2222-3333-4444-555555555555}",
}
PRINTED = {"BOOL": "true", "AMT": "12.50", "PRICE": "3.25", "PERCENT": "7.50", "QUAN": "2.5", "INT": "12"}
# Alternatives of another field, what one currency has no use for, and what is a posting or masked in the answer.
NOT_SENT = (
    "ExchangeRate",
    "DiscountRate",
    "OpenBalance",
    "QuantityOnHand",
    "TotalValue",
    "IsPending",
    "IsManuallyClosed",
    "CheckNumber",
)
# Aggregates that are given otherwise, or are masked in the answer.
APART = ("Ref", "Info", "Purchase")


@pytest.fixture
def stocked(company: CompanyFile) -> CompanyFile:
    company.user_add({"Name": "Ann"})
    company.user_add({"Name": "Frank"}, "Employee")
    company.user_add({"Name": "Nail", **TRADED}, "ItemNonInventory")
    company.user_add({"Name": "County Tax", "TaxRate": Decimal(8)}, "ItemSalesTax")
    return company


def leaves(kind: str, request: str = "Add") -> Iterator[qbxml.Field]:
    """Those of a request, outside lists and Refs, that its Ret has as well; one level of aggregates."""
    shown = {field.path for field in qbxml.fields(f"{kind}Ret")}
    for field in qbxml.fields(f"{kind}{request}"):
        parts = field.path.split("/")
        is_plain = not field.lists and len(parts) <= 2 and not parts[0].endswith(APART)
        if is_plain and field.path in shown and not field.enum and parts[-1] not in (*NOT_SENT, *IDENTITY):
            yield field


def sent(kind: str) -> dict[str, Any]:
    return {**filled(kind), **NEEDED.get(kind, {})}


def filled(kind: str, request: str = "Add") -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in leaves(kind, request):
        above, _, name = field.path.rpartition("/")
        sample = SAMPLES[field.type]
        holder = values.setdefault(above, {}) if above else values
        holder[name] = sample[: field.max_length] if isinstance(sample, str) and field.max_length else sample
    return values


@pytest.mark.parametrize("kind", [*LISTS, *FORMS, PAYMENT])
def test_what_was_sent_comes_back(stocked: CompanyFile, kind: str) -> None:
    values = sent(kind)
    compare(kind, values, shown(stocked, kind, stocked.user_add(values, kind)), "Add")


@pytest.mark.parametrize("kind", [kind for kind in (*LISTS, *FORMS, PAYMENT) if kind not in WITHOUT_MOD])
def test_what_a_mod_sends_comes_back_too(stocked: CompanyFile, kind: str) -> None:
    named = {} if kind in (*FORMS, PAYMENT) else {"Initial" if kind == "SalesRep" else "Name": "Old"}
    record_id = stocked.user_add({**NEEDED.get(kind, {}), **FIRST.get(kind, {}), **named}, kind)
    values = filled(kind, "Mod")
    stocked.user_edit(record_id, values, kind)
    compare(kind, values, shown(stocked, kind, record_id), "Mod")


def shown(company: CompanyFile, kind: str, record_id: str) -> dict[str, Any]:
    return company.txn(kind, record_id) if kind in (*FORMS, PAYMENT) else company.element(kind, record_id)


def compare(kind: str, values: dict[str, Any], told: dict[str, Any], request: str) -> None:
    for field in leaves(kind, request):
        above, _, name = field.path.rpartition("/")
        holder = values.get(above, {}) if above else values
        if name in holder:
            expected = PRINTED.get(field.type) or str(holder[name])
            assert (told[above] if above else told)[name] == expected, field.path


@cache
def always() -> dict[str, set[str]]:
    """What the annotated message list marks as there exactly once, or once at the least, by Ret."""
    found: dict[str, set[str]] = defaultdict(set)
    with TABLE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            name, _, path = row["path"].partition("/")
            is_ours = "QBD" not in row["not_in"].split("|") and row["in_choice"] != "y"
            if row["message"].endswith("AddRs") and path and is_ours and row["occurs"] in ("1", "1..n"):
                found[name].add(path)
    return found


@pytest.mark.skipif(not TABLE.is_file(), reason="the reference tables are not on this machine")
def test_no_record_lacks_what_is_always_present(stocked: CompanyFile, office: Office) -> None:
    seed_customers(stocked, 3)
    seed_items(stocked, 6)
    seed_sales(stocked, 4)
    for kind in (*LISTS, *FORMS):
        if kind not in ("Customer", "ItemSalesTax", "Invoice"):
            own = {"Name": kind} if kind.startswith("Item") or kind.endswith("Terms") else {}
            stocked.user_add({**sent(kind), **own}, kind)
    lacking = {
        (ret.tag, path)
        for kind in (*LISTS, *FORMS, PAYMENT)
        for ret in asked(office, kind)
        for path in always()[str(ret.tag)]
        for holder in (ret.findall(path.rpartition("/")[0]) if "/" in path else [ret])
        if holder.find(path.rpartition("/")[2]) is None
    }
    assert lacking == set()


def asked(office: Office, kind: str) -> etree._Element:
    lines = "<IncludeLineItems>true</IncludeLineItems>" if kind in (*FORMS, PAYMENT) else ""
    links = "<IncludeLinkedTxns>true</IncludeLinkedTxns>" if kind in FORMS and kind != "SalesReceipt" else ""
    rs = office.ask(f"<{kind}QueryRq>{lines}{links}</{kind}QueryRq>")
    assert len(rs) > 0, kind
    return rs
