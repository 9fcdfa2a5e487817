"""The small lists that customers, items and transactions refer to, and what a new company has in them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from qbwc_server.simulator.company import accounts, items, lists, objects
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.characters import is_empty, price
from qbwc_server.simulator.company.list_engine import Fields, ListKind, Setter, with_value
from qbwc_server.simulator.company.statuses import FEATURE_OFF, MISSING, Refusal

PER_ITEM, FIXED = "PriceLevelPerItemRet", "PriceLevelFixedPercentage"
HUNDRED = Decimal(100)
# Prices item by item (semantics 6).
PER_ITEM_EDITIONS = ("Premier", "Enterprise")


def _with_fixed(_: Books, fields: Fields, value: Any) -> Fields:
    changed = with_value(with_value(fields, PER_ITEM, ""), FIXED, value)
    return {**changed, "PriceLevelType": "FixedPercentage"}


def _with_prices(books: Books, fields: Fields, value: Any) -> Fields:
    """The given items replace the old set; an adjustment is kept as the price it makes."""
    if books.settings["edition"] not in PER_ITEM_EDITIONS:
        raise Refusal(FEATURE_OFF)
    changed = with_value(with_value(fields, FIXED, ""), PER_ITEM, [_priced(books, one) for one in value])
    return {**changed, "PriceLevelType": "PerItem"}


def _priced(books: Books, given: Mapping[str, Any]) -> Fields:
    if is_empty(given.get("ItemRef", "")):
        raise Refusal(MISSING, "ItemRef")
    if is_empty(given.get("AdjustPercentage", "")):
        return {name: value for name, value in given.items() if not is_empty(value)}
    item = objects.find(books, lists.ITEMS, given["ItemRef"]["ListID"])
    places = items.COST if given.get("AdjustRelativeTo") == "Cost" else items.PRICE
    base = items.number(item, places) if item else Decimal(0)
    factor = 1 + Decimal(given["AdjustPercentage"]) / HUNDRED
    return {"ItemRef": given["ItemRef"], "CustomPrice": price(base * factor)}


_PRICES: Mapping[str, Setter] = {FIXED: _with_fixed, "PriceLevelPerItem": _with_prices}

_FORMAT: Fields = {
    "ThousandSeparator": "Comma",
    "ThousandSeparatorGrouping": "XX_XXX_XXX",
    "DecimalPlaces": "2",
    "DecimalSeparator": "Period",
}


def _with_format(_: Books, fields: Fields, value: Any) -> Fields:
    """What is not given of a format is as Intuit's table says (defaults of CurrencyAdd)."""
    return {**fields, "CurrencyFormat": {**fields.get("CurrencyFormat", _FORMAT), **(value or {})}}


PLAIN_KINDS = (
    ListKind("StandardTerms", lists.TERMS, "Terms"),
    ListKind("DateDrivenTerms", lists.TERMS, "Terms", defaults={"DayOfMonthDue": "1"}),
    ListKind("Class", "Class", "Classes"),
    ListKind("SalesRep", "SalesRep", "Sales Reps", name_field="Initial"),
    ListKind("SalesTaxCode", "SalesTaxCode", "Sales Tax Codes", defaults={"IsTaxable": "true"}),
    ListKind("CustomerType", "CustomerType", "Customer Types"),
    ListKind("JobType", "JobType", "Job Types"),
    ListKind("PaymentMethod", "PaymentMethod", "Payment Methods", defaults={"PaymentMethodType": "Other"}),
    ListKind("ShipMethod", "ShipMethod", "Ship Methods"),
    ListKind("CustomerMsg", "CustomerMsg", "Customer Messages"),
    ListKind("VendorType", "VendorType", "Vendor Types"),
    ListKind("Template", "Template", "Templates"),
    ListKind(
        "Currency",
        "Currency",
        "Currencies",
        defaults={"CurrencyFormat": _FORMAT, "IsUserDefinedCurrency": "true"},
        setters={"CurrencyFormat": _with_format},
    ),
    ListKind("PriceLevel", "PriceLevel", "Price Levels", setters=_PRICES),
)

# A new company of the United States: kind -> name -> what it holds besides.
BUILT_IN: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "StandardTerms": {
        "1% 10 Net 30": {"StdDueDays": "30", "StdDiscountDays": "10", "DiscountPct": "1.00"},
        "2% 10 Net 30": {"StdDueDays": "30", "StdDiscountDays": "10", "DiscountPct": "2.00"},
        "Due on receipt": {"StdDueDays": "0"},
        "Net 15": {"StdDueDays": "15"},
        "Net 30": {"StdDueDays": "30"},
        "Net 60": {"StdDueDays": "60"},
    },
    "SalesTaxCode": {
        "Tax": {"IsTaxable": "true", "Desc": "Taxable Sales"},
        "Non": {"IsTaxable": "false", "Desc": "Non-Taxable Sales"},
    },
    "PaymentMethod": {
        "American Express": {"PaymentMethodType": "AmericanExpress"},
        "Cash": {"PaymentMethodType": "Cash"},
        "Check": {"PaymentMethodType": "Check"},
        "Discover": {"PaymentMethodType": "Discover"},
        "MasterCard": {"PaymentMethodType": "MasterCard"},
        "VISA": {"PaymentMethodType": "Visa"},
    },
    "CustomerType": {"Commercial": {}, "Residential": {}},
    "ShipMethod": {"DHL": {}, "Federal Express": {}, "UPS": {}, "US Mail": {}},
    "CustomerMsg": {"Thank you for your business.": {}, "Please remit to above address.": {}},
    "Template": {
        f"{one} Template": {"TemplateType": one.replace(" ", "")}
        for one in ("Invoice", "Credit Memo", "Sales Receipt", "Estimate", "Sales Order")
    },
}
# Country -> the name and code of its currency.
HOME_CURRENCIES: Mapping[str, tuple[str, str]] = {
    "US": ("US Dollar", "USD"),
    "CA": ("Canadian Dollar", "CAD"),
    "UK": ("British Pound Sterling", "GBP"),
    "AU": ("Australian Dollar", "AUD"),
}


def create_built_in(books: Books) -> None:
    """The lists and accounts that every new company has."""
    for kind, elements in BUILT_IN.items():
        for name, fields in elements.items():
            lists.insert(books, kind, name, fields=fields)
    home, code = HOME_CURRENCIES[books.settings["country"]]
    known = {"CurrencyCode": code, "CurrencyFormat": _FORMAT, "IsUserDefinedCurrency": "false"}
    lists.insert(books, "Currency", home, fields=known)
    books.set("home_currency", home)
    accounts.create_chart(books)
