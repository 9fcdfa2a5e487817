"""The lines of a request as drafts for the pricing: new ones, and those of a Mod laid over the old (semantics 5)."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import qbxml
from qbwc_server.simulator.company import lists, objects, references
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.characters import is_empty, plain, stored
from qbwc_server.simulator.company.checks import types
from qbwc_server.simulator.company.list_engine import Fields, with_value
from qbwc_server.simulator.company.sales_kinds import SalesKind
from qbwc_server.simulator.company.statuses import (
    MISSING,
    NOT_EMPTY,
    UNKNOWN_ID,
    WRONG_ORDER,
    Refusal,
)
from qbwc_server.simulator.company.transactions import Line

NEW = "-1"
# Cannot be cleared in a line (semantics 5, Mod).
FIXED = ("ItemRef", "Quantity", "Rate", "Amount", "SalesTaxCodeRef", "OverrideItemAccountRef")
# Giving the one makes the others be computed anew.
RECOMPUTED: Mapping[str, tuple[str, ...]] = {
    "ItemRef": ("Desc", "Rate", "RatePercent", "Amount", "SalesTaxCodeRef"),
    "Quantity": ("Amount",),
    "Rate": ("Amount", "RatePercent"),
    "RatePercent": ("Amount", "Rate"),
    "PriceLevelRef": ("Amount", "Rate", "RatePercent"),
    "MarkupRate": ("Amount",),
    "MarkupRatePercent": ("Amount",),
}
VALUES = ("Quantity", "Rate", "RatePercent", "Amount", "PriceLevelRef")


def given(
    books: Books, kind: SalesKind, request: str, body: Mapping[str, Any]
) -> Iterator[tuple[bool, Fields]]:
    """The lines of a request ("InvoiceAdd") in their order, checked; True for a line group."""
    name = f"{kind.name}{request}"
    for element, values in qbxml.in_order(name, body):
        kept = stored(values, types(name), element)
        yield element.startswith(kind.group), references.checked(books, kept, f"{kind.name} line")


def without_lines(kind: SalesKind, body: Mapping[str, Any]) -> dict[str, Any]:
    """The header of a request."""
    return {name: value for name, value in body.items() if not name.startswith(kind.line)}


# -- new lines ---------------------------------------------------------------------------------------------------


def drafted(books: Books, txn_id: str, line: Mapping[str, Any]) -> Fields:
    """A new line; a rate that stands beside an amount is ignored (semantics 5)."""
    kept = {name: value for name, value in line.items() if not is_empty(value)}
    if "ItemRef" not in kept and any(name in kept for name in VALUES):
        raise Refusal(MISSING, "ItemRef")
    if "Amount" in kept:
        kept = {name: value for name, value in kept.items() if name not in ("Rate", "RatePercent")}
    return _with_private(kept) | {"TxnLineID": books.new_txn_line_id(txn_id)}


def _with_private(line: Fields) -> Fields:
    """Custom fields of a line are kept as they are shown; their values are texts (semantics 6)."""
    entries = [{"DataExtType": "STR255TYPE", **one} for one in line.get("DataExt", ())]
    rest = {name: value for name, value in line.items() if name != "DataExt"}
    return {**rest, "DataExtRet": entries} if entries else rest


def drafted_group(books: Books, txn_id: str, group: Mapping[str, Any]) -> Fields:
    """A new line group with the lines of its item, so many times."""
    if not group.get("ItemGroupRef"):
        raise Refusal(MISSING, "ItemGroupRef")
    item = objects.find(books, lists.ITEMS, group["ItemGroupRef"]["ListID"])
    times = Decimal(group.get("Quantity") or "1") if _scales(books) else Decimal(1)
    kept = {name: value for name, value in group.items() if not is_empty(value)}
    fields = item.fields if item else {}
    line_id = books.new_txn_line_id(txn_id)
    inner = [
        drafted(books, txn_id, {"ItemRef": one["ItemRef"], "Quantity": plain(times * _quantity(one))})
        for one in fields.get("ItemGroupLine", ())
    ]
    description = {"Desc": fields["ItemDesc"]} if "ItemDesc" in fields else {}
    shown = {"IsPrintItemsInGroup": fields.get("IsPrintItemsInGroup", "false")}
    return {**description, **shown, **_with_private(kept), "TxnLineID": line_id, "Lines": inner}


def _scales(books: Books) -> bool:
    return books.rule("group_quantity") == "scales"


def _quantity(line: Mapping[str, Any]) -> Decimal:
    return Decimal(line.get("Quantity") or "1")


# -- lines of a Mod ----------------------------------------------------------------------------------------------


def changed(
    books: Books, kind: SalesKind, txn_id: str, old: Sequence[Line], new: Sequence[tuple[bool, Fields]]
) -> list[Fields]:
    """The lines of a Mod: those not given are gone, -1 makes a new one, the old ones keep their order (3290)."""
    if not new:
        return [dict(line) for line in old]
    known = {line["TxnLineID"]: line for line in old}
    for is_group, line in new:
        if line["TxnLineID"] in known and is_group != ("Lines" in known[line["TxnLineID"]]):
            raise Refusal(UNKNOWN_ID, line["TxnLineID"])
    _check_order(list(known), [line["TxnLineID"] for _, line in new if line["TxnLineID"] != NEW])
    return [(_group if is_group else _line)(books, kind, txn_id, known, line) for is_group, line in new]


def _check_order(old: Sequence[str], new: Sequence[str]) -> None:
    place = -1
    for line_id in new:
        if line_id not in old:
            raise Refusal(UNKNOWN_ID, line_id)
        if old.index(line_id) <= place:
            raise Refusal(WRONG_ORDER, line_id)
        place = old.index(line_id)


def _line(
    books: Books, _kind: SalesKind, txn_id: str, known: Mapping[str, Line], line: Mapping[str, Any]
) -> Fields:
    if line["TxnLineID"] == NEW:
        return drafted(books, txn_id, line)
    for name in FIXED:
        if name in line and is_empty(line[name]):
            if books.rule("not_clearable") == "3152":
                raise Refusal(NOT_EMPTY, name)
            line = {key: value for key, value in line.items() if key != name}
    return _laid_over(dict(known[line["TxnLineID"]]), line)


def _laid_over(fields: Fields, line: Mapping[str, Any]) -> Fields:
    new_values = {name: value for name, value in line.items() if _differs(fields, name, value)}
    stale = {gone for name in new_values for gone in RECOMPUTED.get(name, ())}
    if "Amount" in line:
        stale |= {"Rate", "RatePercent"}
    for name in stale:
        fields = with_value(fields, name, "")
    for name, value in line.items():
        if "Amount" not in line or name not in ("Rate", "RatePercent"):
            fields = with_value(fields, name, value)
    return fields


def _differs(fields: Mapping[str, Any], name: str, value: Any) -> bool:
    return bool(fields.get(name) != value)


def _group(
    books: Books, kind: SalesKind, txn_id: str, known: Mapping[str, Line], group: Mapping[str, Any]
) -> Fields:
    if group["TxnLineID"] == NEW:
        return drafted_group(books, txn_id, group)
    before = known[group["TxnLineID"]]
    inner = [(False, line) for line in group.get(f"{kind.line}Mod", ())]
    fields = {name: value for name, value in group.items() if name != f"{kind.line}Mod"}
    kept = {**before, **{name: value for name, value in fields.items() if not is_empty(value)}}
    if inner:
        return {**kept, "Lines": changed(books, kind, txn_id, before["Lines"], inner)}
    return {**kept, "Lines": _scaled(before, kept) if _scales(books) else list(before["Lines"])}


def _scaled(before: Line, after: Mapping[str, Any]) -> list[Fields]:
    """A group's quantity multiplies the quantities in it."""
    factor = _quantity(after) / (_quantity(before) or Decimal(1))
    if factor == 1:
        return list(before["Lines"])
    return [
        {**with_value(dict(line), "Amount", ""), "Quantity": plain(_quantity(line) * factor)}
        for line in before["Lines"]
    ]
