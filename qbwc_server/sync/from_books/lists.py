"""Lists that mapped fields only refer to: accounts, terms, tax codes and the like.

They are kept as records without links, so that names in a mapping can be checked and chosen. They change rarely and
have no iterator, so each is asked for once a day.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from qbwc_server.mapping import KindMap
from qbwc_server.store.records import Mark
from qbwc_server.sync.deciding import Scope
from qbwc_server.sync.from_books.rereading import mapped_kinds

EVERY = timedelta(hours=24)

# How the name of a reference ends (PreferredPaymentMethodRef, IncomeAccountRef) -> the queries of what it may name.
REFERRED: Final[Mapping[str, tuple[str, ...]]] = {
    "AccountRef": ("Account",),
    "ClassRef": ("Class",),
    "CustomerMsgRef": ("CustomerMsg",),
    "CustomerTypeRef": ("CustomerType",),
    "ItemSalesTaxRef": ("ItemSalesTax", "ItemSalesTaxGroup"),
    "JobTypeRef": ("JobType",),
    "PaymentMethodRef": ("PaymentMethod",),
    "PriceLevelRef": ("PriceLevel",),
    "SalesRepRef": ("SalesRep",),
    "SalesTaxCodeRef": ("SalesTaxCode",),
    "ShipMethodRef": ("ShipMethod",),
    "TermsRef": ("Terms",),
    "UnitOfMeasureSetRef": ("UnitOfMeasureSet",),
}
# Items that the lines of a document may name in settings, such as freight and discounts.
IN_LINES = ("ItemOtherCharge", "ItemDiscount")


def due(scopes: Iterable[Scope], marks: Mapping[str, Mark], now: datetime) -> list[str]:
    """The lists to ask for at this visit: never read to their end, or a day ago."""
    scopes = list(scopes)
    named = {one for scope in scopes for kind_map in scope.profile.kinds for one in _named(kind_map)}
    return sorted(one for one in named - mapped_kinds(scopes) if _is_due(marks.get(one), now))


def _is_due(mark: Mark | None, now: datetime) -> bool:
    return mark is None or not mark.complete or mark.moved_at <= now - EVERY


def _named(kind_map: KindMap) -> Iterable[str]:
    paths = [rule.books for rule in kind_map.rules]
    if kind_map.lines is not None:
        paths += [rule.books for rule in kind_map.lines.rules]
        yield from IN_LINES
    for path in paths:
        for part in path.split("/"):
            yield from (one for end, lists in REFERRED.items() if part.endswith(end) for one in lists)
