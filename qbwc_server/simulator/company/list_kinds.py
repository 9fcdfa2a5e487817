"""Every kind of list element that answers requests, by name."""

from collections.abc import Mapping

from qbwc_server.simulator.company import lists
from qbwc_server.simulator.company.accounts import ACCOUNT
from qbwc_server.simulator.company.customers import CUSTOMER
from qbwc_server.simulator.company.items import ITEM_KINDS
from qbwc_server.simulator.company.list_engine import ListKind
from qbwc_server.simulator.company.plain_lists import PLAIN_KINDS
from qbwc_server.simulator.company.vendors import NAME_KINDS

KINDS: Mapping[str, ListKind] = {
    kind.name: kind for kind in (CUSTOMER, *NAME_KINDS, ACCOUNT, *PLAIN_KINDS, *ITEM_KINDS)
}
# Queries over several kinds of one family, by the name that stands before QueryRq (semantics 6).
TOGETHER: Mapping[str, tuple[str, ...]] = {
    "Terms": ("StandardTerms", "DateDrivenTerms"),
    "Item": lists.ITEM_KINDS,
    "Entity": ("Customer", "Vendor", "Employee", "OtherName"),
}
