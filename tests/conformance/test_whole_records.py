"""Every record shows what was sent, and what the field tables call always present."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

import pytest

from tests.conformance.desk import (
    PARSE_FAILURE,
    TRANSACTIONS,
    XSD,
    Desk,
    Element,
    cites,
    document,
    record_id,
    request,
    text,
)
from tests.conformance.records import (
    LINES,
    LIST_MODS,
    LISTS,
    NO_MOD,
    PAYMENT,
    SALES,
    both_sides,
    form,
    furnish,
)

TABLE = XSD.with_name("fields140.tsv")
KINDS = (*LISTS, *LINES, "ReceivePayment")
# Sent once and not told again, or told in another place.
NOT_TOLD = {"OpenBalance", "OpenBalanceDate", "TotalValue", "InventoryDate", "IsAutoApply", "PaymentAmount"}

needs_table = pytest.mark.skipif(
    not TABLE.is_file(), reason="the shared reference folder is not beside this checkout"
)


@pytest.fixture
def furnished(desk: Desk) -> Desk:
    furnish(desk)
    return desk


def sent_for(desk: Desk, kind: str) -> Mapping[str, Any]:
    if kind in LISTS:
        return LISTS[kind]
    if kind in LINES:
        return form(kind)
    invoice = desk.ok("InvoiceAdd", form("Invoice"))
    return {**PAYMENT, "AppliedToTxnAdd": [{"TxnID": record_id(invoice), "PaymentAmount": "60.00"}]}


def made(desk: Desk, kind: str) -> tuple[Mapping[str, Any], Element]:
    values = sent_for(desk, kind)
    return values, desk.ok(f"{kind}Add", values)


def differences(sent: Mapping[str, Any], ret: Element, path: str = "") -> Iterator[str]:
    for name, value in sent.items():
        if name in NOT_TOLD:
            continue
        wanted = value if isinstance(value, list) else [value]
        found = told_of(name, ret)
        if len(found) != len(wanted):
            yield f"{path}{name}: {len(wanted)} sent, {len(found)} told"
            continue
        for one, child in zip(wanted, found, strict=True):
            yield from of_one(one, child, f"{path}{name}")


def told_of(name: str, ret: Element) -> list[Element]:
    found = ret.findall(name) or ret.findall(f"{name.removesuffix('Add')}Ret")
    if name == "AdditionalContactRef":  # those of Phone, Email and so on stand beside them
        return [child for child in found if child.findtext("ContactName") == "Other 1"]
    return found[1:] if name == "AdditionalNotes" else found  # Notes is the first of them


def of_one(sent: Any, told: Element, path: str) -> Iterator[str]:
    if isinstance(sent, Mapping):
        yield from differences(sent, told, f"{path}/")
    elif not same(sent, told.text or ""):
        yield f"{path}: {sent!r} sent, {told.text!r} told"


def same(sent: Any, told: str) -> bool:
    if isinstance(sent, bool):
        return told == str(sent).lower()
    try:
        return Decimal(str(sent)) == Decimal(told.rstrip("%"))
    except InvalidOperation:
        return str(sent).casefold() == told.casefold()


@cites("S6")
@pytest.mark.parametrize("kind", KINDS)
def test_a_record_tells_everything_that_was_sent(furnished: Desk, kind: str) -> None:
    sent, ret = made(furnished, kind)
    assert list(differences(sent, ret)) == []


@cites("S6")
@pytest.mark.parametrize("kind", KINDS)
def test_a_query_tells_the_same_record_as_its_add(furnished: Desk, kind: str) -> None:
    sent, added = made(furnished, kind)
    read = furnished.read(kind, record_id(added))
    assert list(differences(sent, read)) == []
    assert [child.tag for child in read] == [child.tag for child in added]


@cache
def always_present(kind: str) -> tuple[str, ...]:
    """Paths below the Ret that desktop QuickBooks in the United States always gives, by the table.

    It calls even the IDs of payments and price levels optional: who they are and since when is added here.
    """
    identity = ("TxnID" if kind in TRANSACTIONS else "ListID", "TimeCreated", "TimeModified", "EditSequence")
    with TABLE.open(encoding="utf-8", newline="") as rows:
        return identity + tuple(
            row["path"].partition("/")[2]
            for row in csv.DictReader(rows, delimiter="\t")
            if row["message"] == f"{kind}QueryRs"
            and row["path"].startswith(f"{kind}Ret/")
            and row["occurs"] in ("1", "1..n")
            and row["in_choice"] != "y"
            and "QBD" not in row["not_in"].split("|")
        )


def absent(ret: Element, paths: tuple[str, ...]) -> list[str]:
    return [
        path
        for path in paths
        for holder in ([ret] if "/" not in path else ret.findall(path.rpartition("/")[0]))
        if holder.find(path.rpartition("/")[2]) is None
    ]


@needs_table
@cites("S6")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_always_present_is_there(furnished: Desk, kind: str) -> None:
    paths = always_present(kind)
    _, added = made(furnished, kind)
    assert absent(added, paths) == []
    assert absent(furnished.read(kind, record_id(added)), paths) == []


@needs_table
@cites("S6")
@pytest.mark.parametrize("kind", [kind for kind in LISTS if kind not in ("Customer", "SalesRep")])
def test_what_is_always_present_is_there_in_the_smallest_record_too(furnished: Desk, kind: str) -> None:
    needed = (
        "Name",
        "AccountType",
        "DayOfMonthDue",
        "IsTaxable",
        "PriceLevelFixedPercentage",
        "COGSAccountRef",
    )
    accounts = ("IncomeAccountRef", "AssetAccountRef", "SalesOrPurchase", "SalesAndPurchase", "AccountRef")
    lines = ("ItemSalesTaxRef", "DiscountRatePercent", "TaxRate")
    keep = (*needed, *accounts, *lines)
    smallest = {name: value for name, value in LISTS[kind].items() if name in keep}
    ret = furnished.ok(f"{kind}Add", smallest)
    assert absent(ret, always_present(kind)) == []


@cites("S6")
@pytest.mark.parametrize("kind", LIST_MODS)
def test_a_mod_changes_what_it_names_and_nothing_else(furnished: Desk, kind: str) -> None:
    sent, added = made(furnished, kind)
    furnished.clock.advance(seconds=5)
    changed = furnished.modified(kind, added, LIST_MODS[kind])
    moved = {"TimeModified", "EditSequence"} | {name.removesuffix("Mod") for name in LIST_MODS[kind]}
    kept = {name: value for name, value in sent.items() if name not in moved}
    assert list(differences(kept, changed)) == []
    plain = {name: value for name, value in LIST_MODS[kind].items() if not isinstance(value, Mapping)}
    assert list(differences(plain, changed)) == []
    assert int(text(changed, "EditSequence")) > int(text(added, "EditSequence"))


@cites("S6")
@pytest.mark.parametrize("kind", NO_MOD)
def test_lists_without_a_mod_have_none(furnished: Desk, kind: str) -> None:
    sent = request(f"{kind}Mod", {"ListID": "80000001-1", "EditSequence": "1", "Name": "x"})
    assert furnished.failure(document([sent])) == PARSE_FAILURE


@cites("S6")
@pytest.mark.parametrize("kind", [kind for kind in LISTS if kind != "Customer"])
def test_an_element_that_nothing_uses_can_be_deleted_and_is_then_told_as_deleted(
    furnished: Desk, kind: str
) -> None:
    _, added = made(furnished, kind)
    furnished.ok("ListDel", {"ListDelType": kind, "ListID": record_id(added)})
    [gone] = furnished.ask("ListDeletedQuery", {"ListDelType": kind})
    assert text(gone, "ListID") == record_id(added)
    furnished.fails(500, f"{kind}Query", {"ListID": record_id(added)})


@cites("S4")
@pytest.mark.parametrize("kind", [kind for kind in LISTS if kind not in ("SalesRep", "CustomerMsg")])
def test_names_are_unique_within_each_list(furnished: Desk, kind: str) -> None:
    values, _ = made(furnished, kind)
    [code] = furnished.codes(request(f"{kind}Add", values))
    assert code in ("3100", "3180")  # 3180 where the account number comes first


@cites("S3")
@pytest.mark.parametrize("kind", LISTS)
def test_every_list_can_be_asked_by_id_by_name_and_by_date(furnished: Desk, kind: str) -> None:
    _, added = made(furnished, kind)
    furnished.clock.advance(hours=1)
    name = added.findtext("FullName") or added.findtext("Name") or text(added, "Initial")
    since = {"FromModifiedDate": "2026-08-01T10:59:59"}
    for question in ({"ListID": record_id(added)}, {"FullName": name}, since):
        found = furnished.rets(kind, question)
        assert record_id(added) in {record_id(ret) for ret in found}
    assert furnished.rets(kind, {"FromModifiedDate": "2026-08-01T11:30:00"}) == []


@cites("S6")
def test_a_currency_needs_multi_currency(furnished: Desk) -> None:
    furnished.fails(3250, "CurrencyAdd", {"Name": "Moon Dollar", "CurrencyCode": "MND"})


@cites("S6")
def test_a_nonposting_account_cannot_be_added(furnished: Desk) -> None:
    rs = furnished.ask("AccountAdd", {"Name": "Nowhere", "AccountType": "NonPosting"})
    assert rs.get("statusSeverity") == "Error"


@cites("S6")
def test_card_numbers_are_masked(furnished: Desk) -> None:
    card = {"CreditCardNumber": "4111111111111111", "ExpirationMonth": 1, "ExpirationYear": 2030}
    ret = furnished.customer("Card", CreditCardInfo=card)
    told = text(ret, "CreditCardInfo/CreditCardNumber")
    assert told.endswith("1111")
    assert set(told[:-4]) == {"x"}


@cites("S6")
def test_an_item_has_one_side_or_both_never_each(furnished: Desk) -> None:
    sides = {"SalesOrPurchase": {"Price": "1.00", **SALES}, "SalesAndPurchase": both_sides()}
    sent = request("ItemServiceAdd", {"Name": "Both", **sides})
    assert furnished.failure(document([sent])) == PARSE_FAILURE


@cites("S6")
@pytest.mark.parametrize("kind", ["ItemService", "ItemNonInventory", "ItemOtherCharge", "ItemInventory"])
def test_items_need_their_accounts(furnished: Desk, kind: str) -> None:
    values = {"Name": "Bare"} | ({} if kind == "ItemInventory" else {"SalesOrPurchase": {"Price": "1.00"}})
    assert furnished.ask(f"{kind}Add", values).get("statusSeverity") == "Error"


@cites("S6")
def test_an_inventory_item_starts_with_what_was_sent(furnished: Desk) -> None:
    ret = furnished.ok("ItemInventoryAdd", LISTS["ItemInventory"])
    assert Decimal(text(ret, "QuantityOnHand")) == 40
    assert Decimal(text(ret, "AverageCost")) == Decimal("1.25")
