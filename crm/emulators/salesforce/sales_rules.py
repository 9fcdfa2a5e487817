"""What no table of fields can say: hierarchies, price books, and what lines do to their opportunity.

A rule `before` turns a row into what is kept or refuses it; a rule `after` writes what follows from a change.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from . import errors
from .rows import Change, Row, Rows
from .sales_objects import STAGES
from .schema import Value, Values

if TYPE_CHECKING:
    from .writes import Writes

_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Draft:
    """A row about to be kept: as it was, as it would be, and the fields that the caller named."""

    rows: Rows
    before: Row | None
    values: Values
    given: Values

    @property
    def id(self) -> str:
        return str(self.values["Id"])

    def parent(self, name: str) -> Row | None:
        """The live row that a reference field names; whether it must exist is the table's business."""
        value = self.values.get(name)
        row = self.rows.find(value) if isinstance(value, str) else None
        return row if row is not None and row.live else None

    def changes(self, name: str) -> bool:
        return self.before is not None and self.before.values.get(name) != self.values.get(name)


Before = Callable[[Draft], Values]
After = Callable[["Writes", Change], None]


# Accounts


def _no_circle(draft: Draft) -> Values:
    above = draft.parent("ParentId")
    while above is not None:
        if above.id == draft.id:
            raise errors.circle()
        parent_id = above.values.get("ParentId")
        above = draft.rows.find(parent_id) if isinstance(parent_id, str) else None
    return draft.values


# Price books


def standard_book(rows: Rows) -> Row | None:
    return next((row for row in rows.every("Pricebook2") if row.values.get("IsStandard")), None)


def _entries(rows: Rows, product_id: Value) -> list[Row]:
    return rows.pointing("PricebookEntry", "Product2Id", product_id)


def _standard_entry(rows: Rows, product_id: Value) -> Row | None:
    book = standard_book(rows)
    found = _entries(rows, product_id)
    return next((row for row in found if book and row.values["Pricebook2Id"] == book.id), None)


def _entry(draft: Draft) -> Values:
    """The standard price comes first, each product is once in each book, its name is the product's."""
    book, product = draft.parent("Pricebook2Id"), draft.parent("Product2Id")
    if book is None or product is None:
        return draft.values
    standard = _standard_entry(draft.rows, product.id)
    if draft.before is None:
        _first_of_its_kind(draft, book, product, standard)
    name: Values = {"Name": product.values["Name"]}
    if not draft.values.get("UseStandardPrice"):
        return {**draft.values, **name}
    if book.values["IsStandard"] or standard is None:
        raise errors.integrity("UseStandardPrice", "the standard price cannot use the standard price")
    return {**draft.values, **name, "UnitPrice": standard.values["UnitPrice"]}


def _first_of_its_kind(draft: Draft, book: Row, product: Row, standard: Row | None) -> None:
    if not book.values["IsStandard"] and standard is None:
        raise errors.no_standard_price()
    if any(row.values["Pricebook2Id"] == book.id for row in _entries(draft.rows, product.id)):
        raise errors.price_exists()


def _prices_follow(writes: "Writes", change: Change) -> None:
    """Entries that use the standard price move with it."""
    standard = _standard_entry(writes.rows, change.after.values["Product2Id"])
    if standard is None or standard.id != change.after.id:
        return
    for row in _entries(writes.rows, standard.values["Product2Id"]):
        if row.values["UseStandardPrice"]:
            writes.follow("PricebookEntry", row, {"UnitPrice": standard.values["UnitPrice"]})


def _names_follow(writes: "Writes", change: Change) -> None:
    for row in _entries(writes.rows, change.after.id):
        writes.follow("PricebookEntry", row, {"Name": change.after.values["Name"]}, stamped=False)


# Opportunities


def _lines(rows: Rows, opportunity_id: Value) -> list[Row]:
    return rows.pointing("OpportunityLineItem", "OpportunityId", opportunity_id)


def _opportunity(draft: Draft) -> Values:
    """With lines, the price book stays and a given Amount is passed over."""
    kept = dict(draft.values)
    if "Probability" not in draft.given and (draft.before is None or draft.changes("StageName")):
        kept["Probability"] = Decimal(STAGES.get(str(kept.get("StageName")), 0))
    if draft.before is None or not _lines(draft.rows, draft.id):
        return kept
    if draft.changes("Pricebook2Id"):
        raise errors.integrity("Pricebook2Id", "opportunity has line items")
    return kept | {"Amount": draft.before.values["Amount"]}


def _line(draft: Draft) -> Values:
    entry = _entry_of_line(draft)
    kept = {**draft.values, **_prices(draft)}
    if draft.before is not None:
        return kept
    book = _book_of(draft)
    if book not in (None, entry.values["Pricebook2Id"]):
        raise errors.integrity(
            "PricebookEntryId",
            "pricebook entry is in a different pricebook than the one assigned to the opportunity",
        )
    if not entry.values["IsActive"]:
        raise errors.integrity("PricebookEntryId", "pricebook entry is inactive")
    return kept | {
        "PricebookEntryId": entry.id,
        "Product2Id": entry.values["Product2Id"],
        "ListPrice": entry.values["UnitPrice"],
        "Name": f"{_name_of(draft.parent('OpportunityId'))} {entry.values['Name']}",
    }


def _name_of(opportunity: Row | None) -> Value:
    return opportunity.values["Name"] if opportunity else None


def _book_of(draft: Draft) -> Value:
    opportunity = draft.parent("OpportunityId")
    return opportunity.values["Pricebook2Id"] if opportunity else None


def _entry_of_line(draft: Draft) -> Row:
    """Named, or found by the product in the opportunity's price book."""
    named = draft.parent("PricebookEntryId")
    if named is not None:
        return named
    if draft.values.get("PricebookEntryId") is not None:
        raise errors.no_such_row("PricebookEntryId")
    book, product = _book_of(draft), draft.values.get("Product2Id")
    found = [row for row in _entries(draft.rows, product) if product and row.values["Pricebook2Id"] == book]
    if not found:
        raise errors.missing(["PricebookEntryId"])
    return found[0]


def _prices(draft: Draft) -> Values:
    """One of the two prices is given, the other follows by quantity and discount."""
    unit, total = (draft.given.get(name) for name in ("UnitPrice", "TotalPrice"))
    if unit is not None and total is not None:
        raise errors.integrity("TotalPrice", "specify either UnitPrice or TotalPrice, not both")
    if draft.before is None and unit is None and total is None:
        raise errors.missing(["UnitPrice"])
    share = Decimal(1) - _decimal(draft.values.get("Discount")) / _HUNDRED
    factor = _decimal(draft.values.get("Quantity")) * share
    if total is not None:
        return {"UnitPrice": _cents(_decimal(total) / factor) if factor else Decimal(0)}
    return {"TotalPrice": _cents(_decimal(draft.values.get("UnitPrice")) * factor)}


def _decimal(value: Value) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(0)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _rolled_up(writes: "Writes", change: Change) -> None:
    """The opportunity's Amount is the sum of its lines; it takes the first line's price book."""
    opportunity = writes.rows.find(str(change.after.values["OpportunityId"]))
    if opportunity is None or not opportunity.live:
        return
    lines = _lines(writes.rows, opportunity.id)
    totals = [_decimal(row.values["TotalPrice"]) for row in lines]
    result: dict[str, Value] = {"Amount": sum(totals, Decimal(0)), "HasOpportunityLineItem": bool(lines)}
    if lines and opportunity.values["Pricebook2Id"] is None:
        entry = writes.rows.find(str(lines[0].values["PricebookEntryId"]))
        result["Pricebook2Id"] = entry.values["Pricebook2Id"] if entry else None
    writes.follow("Opportunity", opportunity, result, stamped=writes.roll_ups_stamp)


def _one_primary(writes: "Writes", change: Change) -> None:
    """A new primary contact takes the mark from the one before."""
    if not (change.after.live and change.after.values["IsPrimary"]):
        return
    for row in _others(writes.rows, change.after):
        writes.follow("OpportunityContactRole", row, {"IsPrimary": False})


def _others(rows: Rows, role: Row) -> Iterator[Row]:
    of_same = rows.pointing("OpportunityContactRole", "OpportunityId", role.values["OpportunityId"])
    return (row for row in of_same if row.id != role.id and row.values["IsPrimary"])


# Permission sets


def _known_field(draft: Draft) -> Values:
    """Only a custom or standard field of the named object can be granted."""
    full_name = str(draft.values.get("Field"))
    object_name, _, name = full_name.partition(".")
    item = draft.rows.schema.find(object_name)
    known = item and (item.field(name) or draft.rows.schema.hidden_field(item.name, name))
    if not known or draft.values.get("SobjectType") != object_name:
        raise errors.bad_choice("Field", "Field Name", full_name)
    return draft.values


BEFORE: Mapping[str, Before] = {
    "FieldPermissions": _known_field,
    "Account": _no_circle,
    "PricebookEntry": _entry,
    "Opportunity": _opportunity,
    "OpportunityLineItem": _line,
}
AFTER: Mapping[str, After] = {
    "Product2": _names_follow,
    "PricebookEntry": _prices_follow,
    "OpportunityLineItem": _rolled_up,
    "OpportunityContactRole": _one_primary,
}


def judged(item_name: str, draft: Draft) -> Row:
    """The row as it is kept, for an object with or without a rule of its own."""
    rule = BEFORE.get(item_name)
    values = rule(draft) if rule else draft.values
    base = draft.before or Row(item_name, draft.id, values)
    return replace(base, values=values)
