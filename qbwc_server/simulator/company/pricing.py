"""What the lines of a sales form come to: rates, amounts, subtotals, discounts and the tax (semantics 5 and 6)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

from qbwc_server.simulator.company import items, lists, objects
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.characters import CENT, price, printed
from qbwc_server.simulator.company.list_engine import Fields
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.statuses import BAD_REFERENCE, NOT_SUPPORTED, WRONG_ITEM, Refusal

HUNDRED = Decimal(100)
ROUNDINGS: Mapping[str, str] = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}
ONE = Decimal(1)
# Items that take something off: their amounts are negative, whatever sign was typed.
TAKING_OFF = ("ItemDiscount", "ItemPayment")
# Groups have lines of their own, tax groups stand in the header.
NO_LINES = ("ItemGroup", "ItemSalesTaxGroup")
# What selling a fixed asset posts is not known.
NOT_SIMULATED = ("ItemFixedAsset",)
NOT_SOLD = ("ItemSubtotal", "ItemPayment", "ItemSalesTax")


@dataclass(frozen=True)
class Priced:
    """Lines as they are kept, and the sums of the form."""

    lines: tuple[Fields, ...]
    subtotal: Decimal
    tax_percent: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax


@dataclass
class Sums:
    """What was added up on the way down the form."""

    # What a percentage on the next line is of.
    above: Decimal = Decimal(0)
    since_subtotal: Decimal = Decimal(0)
    subtotal: Decimal = Decimal(0)
    taxable: Decimal = Decimal(0)


@dataclass(frozen=True)
class Form:
    """The header of a sales form, as far as it prices the lines."""

    books: Books
    fields: Mapping[str, Any]
    customer: ListObject | None
    sums: Sums = field(default_factory=Sums)

    def priced(self, lines: Sequence[Mapping[str, Any]]) -> Priced:
        kept = tuple(self._group(line) if "Lines" in line else self._line(line) for line in lines)
        percent = tax_percent(self.books, self.fields.get("ItemSalesTaxRef"))
        tax = self._rounded_tax(self.sums.taxable * percent / HUNDRED) if self._is_taxed() else Decimal(0)
        return Priced(kept, rounded(self.sums.subtotal), percent, tax)

    def _rounded_tax(self, tax: Decimal) -> Decimal:
        """Once for the whole form (semantics 6); where half a cent goes is a rule ("tax_rounding")."""
        return tax.quantize(CENT, ROUNDINGS[self.books.rule("tax_rounding")])

    def _group(self, group: Mapping[str, Any]) -> Fields:
        inner = [self._line(line) for line in group["Lines"]]
        total = sum((Decimal(line["Amount"]) for line in inner if _counts(self.books, line)), Decimal(0))
        self.sums.above = total
        return {**group, "Lines": inner, "TotalAmount": money(total)}

    def _line(self, line: Mapping[str, Any]) -> Fields:
        item = item_of(self.books, line)
        if item is None:
            # Only an opening balance has an amount without an item.
            self.sums.subtotal += Decimal(line.get("Amount", "0"))
            return dict(line)
        if item.kind in NO_LINES:
            if self.books.rule("group_as_item") == "3140":
                raise Refusal(BAD_REFERENCE, "Item", item.full_name, "line")
            raise Refusal(WRONG_ITEM, item.full_name)
        if item.kind in NOT_SIMULATED:
            raise Refusal(NOT_SUPPORTED)
        kept = with_item(self.books, dict(line), item)
        amount, line_of = AMOUNTS.get(item.kind, _sold)(self, kept, item)
        kept = {**line_of, "Amount": money(amount)}
        self._add_up(kept, item, amount)
        return {name: value for name, value in kept.items() if name != "PriceLevelRef"}

    def _add_up(self, line: Mapping[str, Any], item: ListObject, amount: Decimal) -> None:
        self.sums.above = amount
        if item.kind == "ItemSubtotal":
            self.sums.since_subtotal = Decimal(0)
            return
        self.sums.subtotal += amount
        self.sums.since_subtotal += amount
        if is_taxable(self.books, line.get("SalesTaxCodeRef")):
            self.sums.taxable += amount

    def _is_taxed(self) -> bool:
        """A customer that is not taxable pays no tax on anything.

        Outside the United States taxes are made line by line, by the codes (semantics 6): not simulated, 1030.
        """
        if not self.books.is_on("sales_tax"):
            return False
        if self.sums.taxable and self.books.settings["country"] != "US":
            raise Refusal(NOT_SUPPORTED)
        code = self.fields.get("CustomerSalesTaxCodeRef")
        return code is None or is_taxable(self.books, code)


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def money(amount: Decimal) -> str:
    return printed(amount, "AMT")


# -- amounts by kind of item -------------------------------------------------------------------------------------

Amount = tuple[Decimal, Fields]


def _sold(form: Form, line: Fields, item: ListObject) -> Amount:
    """Quantity times rate; an amount that was given makes the rate (semantics 5). A percentage is of the line above."""
    percent = line.get("RatePercent") or _own_percent(line, item)
    if percent:
        return _percentage(form, line, item, Decimal(percent))
    quantity = Decimal(line.get("Quantity", "1"))
    if "Amount" in line:
        amount = Decimal(line["Amount"])
        rate = line.get("Rate") or (price(amount / quantity) if quantity else "0.00")
        return amount, {**line, "Rate": rate}
    rate = line.get("Rate") or price(standard_rate(form.books, line, item, form.customer))
    amount = rounded(quantity * Decimal(rate))
    return amount + _markup(line, amount), {**line, "Rate": rate}


def _percentage(form: Form, line: Fields, item: ListObject, percent: Decimal) -> Amount:
    signed = -abs(percent) if item.kind in TAKING_OFF else percent
    of_all = item.kind not in TAKING_OFF and form.books.rule("percent_line") == "subtotal"
    base = form.sums.subtotal if of_all else form.sums.above
    amount = rounded(base * signed / HUNDRED)
    return amount, {**line, "RatePercent": price(signed)}


def _own_percent(line: Mapping[str, Any], item: ListObject) -> str:
    return "" if {"Rate", "Amount"} & line.keys() else items.part(item, items.PERCENT)


def _markup(line: Mapping[str, Any], amount: Decimal) -> Decimal:
    percent = Decimal(line.get("MarkupRatePercent", "0"))
    return rounded(Decimal(line.get("MarkupRate", "0")) + amount * percent / HUNDRED)


def _taken_off(form: Form, line: Fields, item: ListObject) -> Amount:
    """A percentage of the line above, or a flat sum off all above (semantics 5)."""
    percent = line.get("RatePercent") or _own_percent(line, item)
    if percent:
        return _percentage(form, line, item, Decimal(percent))
    given = line.get("Amount") or line.get("Rate") or items.part(item, items.PRICE) or "0"
    amount = -abs(rounded(Decimal(given)))
    return amount, {**line, "Rate": price(amount)}


def _summed(form: Form, line: Fields, _item: ListObject) -> Amount:
    return form.sums.since_subtotal, line


AMOUNTS: Mapping[str, Callable[[Form, Fields, ListObject], Amount]] = {
    "ItemSubtotal": _summed,
    "ItemDiscount": _taken_off,
    "ItemPayment": _taken_off,
}


# -- items and taxes ---------------------------------------------------------------------------------------------


def item_of(books: Books, line: Mapping[str, Any]) -> ListObject | None:
    ref = line.get("ItemRef")
    return objects.find(books, lists.ITEMS, ref["ListID"]) if ref else None


def with_item(books: Books, line: Fields, item: ListObject) -> Fields:
    """What an item puts on a line that says nothing of its own."""
    description = items.part(item, items.DESCRIPTION)
    if description:
        line.setdefault("Desc", description)
    code = item.fields.get("SalesTaxCodeRef") or (None if item.kind in NOT_SOLD else _untaxed(books))
    if code and books.is_on("sales_tax"):
        line.setdefault("SalesTaxCodeRef", code)
    return line


def standard_rate(
    books: Books, line: Mapping[str, Any], item: ListObject, customer: ListObject | None
) -> Decimal:
    """The sales price, as the price level of the line or else of the customer changes it."""
    base = items.number(item, items.PRICE)
    own = customer.fields.get("PriceLevelRef") if customer else None
    ref = line.get("PriceLevelRef") or (own if books.rule("customer_price_level") == "used" else None)
    level = objects.find(books, "PriceLevel", ref["ListID"]) if ref and books.is_on("price_levels") else None
    return _levelled(level.fields, item, base) if level else base


def _levelled(level: Mapping[str, Any], item: ListObject, base: Decimal) -> Decimal:
    percent = level.get("PriceLevelFixedPercentage", "0")
    for one in level.get("PriceLevelPerItemRet", ()):
        if one["ItemRef"]["ListID"] == item.list_id:
            percent = one.get("CustomPricePercent", "0")
            base = Decimal(one.get("CustomPrice", base))
    return base * (ONE + Decimal(percent) / HUNDRED)


def tax_percent(books: Books, ref: Mapping[str, str] | None) -> Decimal:
    """The rate of a tax item, or of all the items of a group together."""
    item = objects.find(books, lists.ITEMS, ref["ListID"]) if ref else None
    if item is None:
        return Decimal(0)
    parts = item.fields.get("ItemSalesTaxRef", ())
    return sum((tax_percent(books, part) for part in parts), Decimal(item.fields.get("TaxRate", "0")))


def is_taxable(books: Books, ref: Mapping[str, str] | None) -> bool:
    code = objects.find(books, "SalesTaxCode", ref["ListID"]) if ref else None
    return code is not None and code.fields.get("IsTaxable") == "true"


def _untaxed(books: Books) -> dict[str, str] | None:
    """An item without a code of its own is not taxable (measured on one answer; rule "untaxed_item")."""
    code = objects.find_full_name(books, "SalesTaxCode", books.rule("untaxed_item"))
    return {"ListID": code.list_id} if code else None


def _counts(books: Books, line: Mapping[str, Any]) -> bool:
    item = item_of(books, line)
    return item is not None and item.kind != "ItemSubtotal"
