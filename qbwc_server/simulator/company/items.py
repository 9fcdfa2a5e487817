"""Items: what each kind must have, and where its price, text and accounts stand."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from qbwc_server.simulator.company import accounts, balances, ledger, lists, objects, stock
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.characters import is_empty
from qbwc_server.simulator.company.list_engine import Fields, ListKind, Setter, with_value
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.statuses import (
    BAD_REFERENCE,
    CONTRADICTION,
    MISSING,
    NOT_SAVED,
    UNKNOWN_ID,
    Refusal,
)

LIST_NAME = "Items"
STOCKED = ("ItemInventory", "ItemInventoryAssembly")
ASSEMBLY_LINES = "ItemInventoryAssemblyLine"
# Most components of an assembly, by edition (semantics 6).
COMPONENTS: Mapping[str, int] = {"Enterprise": 500}
FEWER_COMPONENTS = 100
ONE_SIDE, BOTH_SIDES = "SalesOrPurchase", "SalesAndPurchase"
# Where the parts of an item stand, whatever its kind; the first that it has counts.
DESCRIPTION = ((ONE_SIDE, "Desc"), (BOTH_SIDES, "SalesDesc"), ("SalesDesc",), ("ItemDesc",))
PRICE = ((ONE_SIDE, "Price"), (BOTH_SIDES, "SalesPrice"), ("SalesPrice",), ("DiscountRate",))
COST = ((BOTH_SIDES, "PurchaseCost"), ("PurchaseCost",))
PERCENT = ((ONE_SIDE, "PricePercent"), ("DiscountRatePercent",), ("TaxRate",))
INCOME = (
    (ONE_SIDE, "AccountRef", "ListID"),
    (BOTH_SIDES, "IncomeAccountRef", "ListID"),
    ("IncomeAccountRef", "ListID"),
    ("AccountRef", "ListID"),
    ("DepositToAccountRef", "ListID"),
)
COGS = (("COGSAccountRef", "ListID"),)
ASSET = (("AssetAccountRef", "ListID"),)
# Fields that take each other's place.
ALTERNATIVES: Mapping[str, str] = {
    "Price": "PricePercent",
    "PricePercent": "Price",
    "DiscountRate": "DiscountRatePercent",
    "DiscountRatePercent": "DiscountRate",
}


def part(item: ListObject, places: tuple[tuple[str, ...], ...]) -> str:
    """The first of the places that the item has, "" when it has none of them."""
    return next((text for path in places if (text := _at(item.fields, path))), "")


def number(item: ListObject, places: tuple[tuple[str, ...], ...]) -> Decimal:
    return Decimal(part(item, places) or "0")


def existing(books: Books, list_id: str) -> ListObject:
    """An item that a line names: it cannot be deleted while one does."""
    found = objects.find(books, lists.ITEMS, list_id)
    if found is None:
        raise Refusal(UNKNOWN_ID, list_id)
    return found


def _at(fields: Mapping[str, Any], path: tuple[str, ...]) -> str:
    value: Any = fields
    for name in path:
        value = value.get(name, {}) if isinstance(value, Mapping) else {}
    return value if isinstance(value, str) else ""


# -- rules -----------------------------------------------------------------------------------------------------


def _traded(books: Books, item: ListObject) -> None:
    """One form or the other, never both (semantics 6), and its accounts: QuickBooks demands them."""
    one, both = item.fields.get(ONE_SIDE), item.fields.get(BOTH_SIDES)
    if one and both:
        raise Refusal(CONTRADICTION, BOTH_SIDES, ONE_SIDE)
    _demand(books, one or both or {}, ("IncomeAccountRef", "ExpenseAccountRef") if both else ("AccountRef",))


def _demand(books: Books, fields: Mapping[str, Any], accounts: tuple[str, ...]) -> None:
    for name in accounts:
        if name not in fields:
            raise Refusal(int(books.rule("missing_account")), name)


def _stocked(books: Books, item: ListObject) -> None:
    _demand(books, item.fields, ("IncomeAccountRef", "COGSAccountRef", "AssetAccountRef"))


def _assembled(books: Books, item: ListObject) -> None:
    """What it is built of: 100 components, in Enterprise 500; the code for more is unconfirmed."""
    _stocked(books, item)
    most = COMPONENTS.get(books.settings["edition"], FEWER_COMPONENTS)
    if len(item.fields.get(ASSEMBLY_LINES, ())) > most:
        raise Refusal(NOT_SAVED, LIST_NAME, item.name, f"An assembly can have {most} components only.")


def _discounting(books: Books, item: ListObject) -> None:
    _demand(books, item.fields, ("AccountRef",))


def _tax_group(books: Books, item: ListObject) -> None:
    """At least one tax item, and no groups in a group."""
    refs = item.fields.get("ItemSalesTaxRef") or [{}]
    for ref in refs:
        if not ref:
            raise Refusal(MISSING, "ItemSalesTaxRef")
        part_of = existing(books, ref["ListID"])
        if part_of.kind != "ItemSalesTax":
            raise Refusal(BAD_REFERENCE, "Item", part_of.full_name, item.kind)


# -- fields ----------------------------------------------------------------------------------------------------


def _with_bar_code(_: Books, fields: Fields, value: Any) -> Fields:
    return with_value(fields, "BarCodeValue", value.get("BarCodeValue", "") if value else "")


def _with_form(name: str) -> Setter:
    """A Mod may send parts of a form; a price drives the percentage out and the other way round."""

    def set_form(_: Books, fields: Fields, value: Any) -> Fields:
        return with_value(fields, name, _merged(fields.get(name, {}), value or {}))

    return set_form


def _merged(kept: Mapping[str, Any], given: Mapping[str, Any]) -> Fields:
    merged: Fields = dict(kept)
    for name, value in given.items():
        if not name.startswith("Apply"):
            merged = with_value(with_value(merged, ALTERNATIVES.get(name, ""), ""), name, value)
    return merged


def _with_rate(name: str) -> Setter:
    def set_rate(_: Books, fields: Fields, value: Any) -> Fields:
        return with_value(with_value(fields, ALTERNATIVES[name], ""), name, value)

    return set_rate


def _with_lines(name: str, ref: str) -> Setter:
    """The lines of a group or an assembly are replaced as a set."""

    def set_lines(_: Books, fields: Fields, value: Any) -> Fields:
        if any(is_empty(line.get(ref, "")) for line in value):
            raise Refusal(MISSING, ref)
        return with_value(fields, name, value)

    return set_lines


def _without_lines(name: str) -> Setter:
    return lambda _, fields, value: with_value(fields, name, "") if value == "true" else fields


_BAR_CODE: Mapping[str, Setter] = {"BarCode": _with_bar_code}
_FORMS: Mapping[str, Setter] = {
    **_BAR_CODE,
    **{f"{name}{mod}": _with_form(name) for name in (ONE_SIDE, BOTH_SIDES) for mod in ("", "Mod")},
}
_RATES: Mapping[str, Setter] = {
    **_BAR_CODE,
    **{name: _with_rate(name) for name in ("DiscountRate", "DiscountRatePercent")},
}
_GROUP: Mapping[str, Setter] = {
    **_BAR_CODE,
    "ItemGroupLine": _with_lines("ItemGroupLine", "ItemRef"),
    "ClearItemsInGroup": _without_lines("ItemGroupLine"),
}
_ASSEMBLY: Mapping[str, Setter] = {
    **_BAR_CODE,
    ASSEMBLY_LINES: _with_lines(ASSEMBLY_LINES, "ItemInventoryRef"),
    "ClearItemsInGroup": _without_lines(ASSEMBLY_LINES),
}


def _stock(books: Books, item: ListObject) -> Fields:
    held = stock.of(books, item.list_id)
    return {
        "PurchaseCost": item.fields.get("PurchaseCost", "0.00"),
        "SalesPrice": item.fields.get("SalesPrice", "0.00"),
        "QuantityOnHand": held.on_hand_text,
        "AverageCost": held.average_text,
        "QuantityOnOrder": "0",
        "QuantityOnSalesOrder": held.on_order_text,
    }


def _opened(books: Books, item: ListObject, given: Mapping[str, Any]) -> ListObject:
    """What is there at the beginning, at the value given or else at its cost (semantics 6)."""
    on_hand = stock.units(given.get("QuantityOnHand") or "0")
    cost = Decimal(given.get("QuantityOnHand") or "0") * number(item, COST)
    value = balances.cents(given.get("TotalValue") or cost)
    adjust(books, item, f"opening {item.holder}", on_hand, value, "OpeningBalanceEquity")
    return item


def adjust(books: Books, item: ListObject, txn_id: str, on_hand: int, value: int, other: str) -> None:
    """Stock that comes or goes without a sale: hundred-thousandths and cents; other is the account set against it."""
    entries = (
        ledger.Entry(part(item, ASSET), value),
        ledger.Entry(accounts.special_id(books, other), -value),
    )
    movement = ledger.Movement(item.list_id, on_hand=on_hand, value=value)
    ledger.replace(
        books, txn_id, ledger.Postings(entries if value else (), (movement,) if on_hand or value else ())
    )


def _kind(name: str, **special: Any) -> ListKind:
    return ListKind(name, lists.ITEMS, LIST_NAME, **{"setters": _BAR_CODE, **special})


_OPENING = ("QuantityOnHand", "TotalValue", "InventoryDate")
ITEM_KINDS = (
    _kind("ItemService", setters=_FORMS, check=_traded),
    _kind("ItemNonInventory", setters=_FORMS, check=_traded),
    _kind("ItemOtherCharge", setters=_FORMS, check=_traded),
    _kind("ItemInventory", posted=_OPENING, check=_stocked, added=_opened, more=_stock),
    _kind(
        "ItemInventoryAssembly",
        setters=_ASSEMBLY,
        posted=_OPENING,
        check=_assembled,
        added=_opened,
        more=_stock,
    ),
    _kind("ItemFixedAsset"),
    _kind("ItemDiscount", setters=_RATES, check=_discounting),
    _kind("ItemSubtotal"),
    _kind("ItemSalesTax", defaults={"TaxRate": "0.00"}),
    _kind("ItemSalesTaxGroup", check=_tax_group),
    _kind("ItemGroup", setters=_GROUP, defaults={"IsPrintItemsInGroup": "false"}),
    _kind("ItemPayment"),
)
