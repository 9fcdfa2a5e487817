"""What a write uses that a company may have switched off, and the currency that its amounts are in."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from qbwc_server import mapping
from qbwc_server.mapping import KindMap
from qbwc_server.store import records
from qbwc_server.store.database import Tx
from qbwc_server.sync.deciding import Scope

# References of a request -> the preference without which QuickBooks answers 3250 (qbXML semantics 2 and 6).
PREFERENCES: Final[Mapping[str, str]] = {
    "ItemSalesTaxRef": "sales tax",
    "SalesTaxCodeRef": "sales tax",
    "CustomerSalesTaxCodeRef": "sales tax",
    "CurrencyRef": "multiple currencies",
    "ClassRef": "class tracking",
    "PriceLevelRef": "price levels",
}
NO_FEATURE: Final = (
    "This QuickBooks edition or its preferences do not allow it. Change the preference, then retry."
)


def used(values: Mapping[str, Any]) -> list[str]:
    """The preferences that a request needs, each with the reference that needs it: "sales tax (ItemSalesTaxRef)"."""
    found = dict.fromkeys(name for name in _names(values) if name in PREFERENCES)
    by_preference: dict[str, list[str]] = {}
    for name in found:
        by_preference.setdefault(PREFERENCES[name], []).append(name)
    return [f"{preference} ({', '.join(names)})" for preference, names in by_preference.items()]


def next_step(used_features: list[str]) -> str:
    """What to do about QuickBooks' answer that a feature is off or missing."""
    if not used_features:
        return NO_FEATURE
    return (
        f"The record uses {' and '.join(used_features)}. Switch it on in QuickBooks (Edit, Preferences), or leave it "
        "out of the record and of the settings of the mapping; then retry (job retry)."
    )


def _names(values: Any) -> Iterator[str]:
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield name
            yield from _names(value)
    elif isinstance(values, list):
        for one in values:
            yield from _names(one)


def check_currency(tx: Tx, scope: Scope, kind_map: KindMap, tree: Mapping[str, Any]) -> None:
    """Raises CannotConvert for a document of a customer in another currency than that of the CRM's amounts.

    In QuickBooks a document is in the currency of its customer (qbXML semantics 6, "Multi-currency"), which a customer
    shows only where the company uses several. Nothing is converted: a rate is the bookkeeper's to choose.
    """
    name = kind_map.lines.currency if kind_map.lines else None
    customer_id = mapping.leaf_at(tree, "CustomerRef/ListID")
    if name is None or customer_id is None:
        return
    customer = records.record(tx, scope.company.id, "books", "Customer", str(customer_id))
    currency = mapping.leaf_at(customer.values, "CurrencyRef/FullName") if customer else None
    if customer is None or not currency:
        return
    called = customer.values.get("FullName") or customer.id
    why = f"{called} is kept in {currency}, so the currency of the CRM's amounts must be known"
    ours = mapping.setting_of(scope.profile.settings, name, why, field="")
    if ours.casefold() != str(currency).casefold():
        raise mapping.CannotConvert(
            f"{called} is kept in {currency} in QuickBooks, and the amounts of the CRM are in {ours} (setting {name}). "
            "Amounts are not converted. Enter it in QuickBooks by hand, or choose a customer that is kept in "
            f"{ours}.",
            field="",
            value=str(currency),
            code="currency",
        )
