"""Which object a kind is, and what of a record stands in rows below it: a table, like everything vendor-specific.

A *row below* belongs to another object and points to the record: the lines of an opportunity, or the entry of the
standard price book that holds a product's price. To us it is part of the record: it is read with it, its changes
are changes of the record, and it counts for the record's version.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crm.port import LINES, FieldInfo, FieldType, Scalar


@dataclass(frozen=True)
class Below:
    """Rows below a record: a list of lines, or, with `lends`, one field that stands in the only such row."""

    # The name among the record's values: "lines", or that of the field that it lends.
    name: str
    source: str
    # The way down in SOQL, and the field that points up.
    relationship: str
    parent: str
    where: str = ""
    # A row that matches `where` matches it for ever.
    lasting: bool = False
    order: str = "CreatedDate, Id"
    lends: str = ""
    type: FieldType = "other"
    writable: bool = False
    # For making the row that lends a field: the way up in a body, values it begins with, and a reference that is
    # looked up once: (field, object, condition).
    up: str = ""
    begins: Mapping[str, Scalar] = field(default_factory=dict, hash=False)
    beside: tuple[str, str, str] | None = None

    @property
    def info(self) -> FieldInfo:
        return FieldInfo(self.name, self.type, writable=self.writable)


@dataclass(frozen=True)
class Kind:
    source: str
    below: tuple[Below, ...] = ()

    @property
    def lines(self) -> Below | None:
        return next((each for each in self.below if not each.lends), None)

    def lent(self, name: str) -> Below | None:
        return next((each for each in self.below if each.lends and each.name == name), None)

    def split(self, names: Sequence[str]) -> tuple[list[str], list[str]]:
        """Field names of the record itself, and those of its lines ("lines.Quantity" without the "lines.")."""
        if self.lines is None:
            return [name for name in names if not self.lent(name)], []
        own = [name for name in names if not self.lent(name) and not _of_lines(name)]
        return own, [name[len(LINES) + 1 :] for name in names if _of_lines(name) and name != LINES]


def _of_lines(name: str) -> bool:
    return name == LINES or name.startswith(LINES + ".")


# One price per product, so an organisation with several currencies has several: see `values.lent_value`.
STANDARD_PRICE = Below(
    "StandardPrice",
    "PricebookEntry",
    "PricebookEntries",
    "Product2Id",
    where="Pricebook2.IsStandard = true",
    lasting=True,
    lends="UnitPrice",
    type="decimal",
    writable=True,
    up="Product2",
    begins={"IsActive": True},
    beside=("Pricebook2Id", "Pricebook2", "IsStandard = true"),
)
PRIMARY_CONTACT = Below(
    "PrimaryContactId",
    "OpportunityContactRole",
    "OpportunityContactRoles",
    "OpportunityId",
    where="IsPrimary = true",
    lends="ContactId",
    type="reference",
)
# As the page of the opportunity shows them: sorted by hand, then as they were entered.
OPPORTUNITY_LINES = Below(
    LINES,
    "OpportunityLineItem",
    "OpportunityLineItems",
    "OpportunityId",
    order="SortOrder NULLS LAST, CreatedDate, Id",
    writable=True,
)

# Invoices have no standard object, and the standard Order asks for contracts and activation: documents of the
# books are custom objects.
KINDS: Mapping[str, Kind] = {
    "account": Kind("Account"),
    "contact": Kind("Contact"),
    "lead": Kind("Lead"),
    "product": Kind("Product2", (STANDARD_PRICE,)),
    "opportunity": Kind("Opportunity", (OPPORTUNITY_LINES, PRIMARY_CONTACT)),
    "quote": Kind("Quote"),
    "order": Kind("QB_Sales_Order__c"),
    "invoice": Kind("QB_Invoice__c"),
    "invoice_line": Kind("QB_Invoice_Line__c"),
    "payment": Kind("QB_Payment__c"),
}
