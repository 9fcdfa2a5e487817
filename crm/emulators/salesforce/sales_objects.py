"""Products, price books and opportunities with their lines, as tables; their rules are in `sales_rules.py`."""

from .field_builders import (
    OWNER,
    SYSTEM_FIELDS,
    checkbox,
    link_fields,
    long_text,
    lookup,
    money,
    number,
    once,
    picklist,
    required,
    text,
)
from .schema import Field, Shown, SObject, Values

# Stage -> probability in percent; the last two are closed, and won or lost.
STAGES = {
    "Prospecting": 10,
    "Qualification": 10,
    "Needs Analysis": 20,
    "Proposal/Price Quote": 75,
    "Negotiation/Review": 90,
    "Closed Won": 100,
    "Closed Lost": 0,
}
_ITEM_TYPES = ("Service", "Non-inventory Part", "Inventory Part")
_GENERATE = ("Invoice", "Sales Order")
_OPPORTUNITY_TYPES = ("Existing Business", "New Business")


def _is_closed(values: Values) -> Shown:
    return str(values.get("StageName")).startswith("Closed")


def _is_won(values: Values) -> Shown:
    return values.get("StageName") == "Closed Won"


PRODUCT = SObject(
    "Product2",
    "Product",
    "Products",
    "01t",
    (
        *SYSTEM_FIELDS,
        required(text("Name", "Product Name", 255)),
        text("ProductCode", "Product Code", 255),
        text("Description", "Product Description", 4000, "textarea"),
        checkbox("IsActive", "Active"),
        picklist("Family", "Product Family", ("None",)),
        picklist("QuantityUnitOfMeasure", "Quantity Unit Of Measure", ("Each",)),
        text("StockKeepingUnit", "Product SKU", 180),
        picklist("QB_Item_Type__c", "QuickBooks Item Type", _ITEM_TYPES, restricted=True),
        text("QB_Income_Account__c", "QuickBooks Income Account", 159),
        text("QB_Expense_Account__c", "QuickBooks Expense Account", 159),
        text("QB_COGS_Account__c", "QuickBooks COGS Account", 159),
        text("QB_Asset_Account__c", "QuickBooks Asset Account", 159),
        money("QB_Purchase_Cost__c", "QuickBooks Purchase Cost"),
        number("QB_Quantity_On_Hand__c", "QuickBooks Quantity On Hand", 5),
        *link_fields("QB_ListID__c", "QuickBooks ListID"),
    ),
)

PRICE_BOOK = SObject(
    "Pricebook2",
    "Price Book",
    "Price Books",
    "01s",
    (
        *SYSTEM_FIELDS,
        required(text("Name", "Price Book Name", 255)),
        text("Description", "Description", 255),
        checkbox("IsActive", "Active"),
        checkbox("IsStandard", "Is Standard Price Book").read_only(),
    ),
)

PRICE_BOOK_ENTRY = SObject(
    "PricebookEntry",
    "Price Book Entry",
    "Price Book Entries",
    "01u",
    (
        *SYSTEM_FIELDS,
        text("Name", "Product Name", 255).read_only(),
        once(
            required(
                lookup(
                    "Pricebook2Id",
                    "Price Book ID",
                    "Pricebook2",
                    "Pricebook2",
                    children="PricebookEntries",
                    cascade=True,
                )
            )
        ),
        once(
            required(
                lookup(
                    "Product2Id",
                    "Product ID",
                    "Product2",
                    "Product2",
                    children="PricebookEntries",
                    cascade=True,
                )
            )
        ),
        required(money("UnitPrice", "List Price")),
        checkbox("IsActive", "Active"),
        checkbox("UseStandardPrice", "Use Standard Price"),
    ),
)

OPPORTUNITY = SObject(
    "Opportunity",
    "Opportunity",
    "Opportunities",
    "006",
    (
        *SYSTEM_FIELDS,
        lookup("AccountId", "Account ID", "Account", "Account", children="Opportunities", cascade=True),
        required(text("Name", "Name", 120)),
        long_text("Description", "Description", 32000),
        required(picklist("StageName", "Stage", tuple(STAGES))),
        money("Amount", "Amount"),
        Field("Probability", "percent", "Probability (%)", precision=3, scale=0),
        required(Field("CloseDate", "date", "Close Date")),
        picklist("Type", "Opportunity Type", _OPPORTUNITY_TYPES),
        Field("IsClosed", "boolean", "Closed", derive=_is_closed).read_only(),
        Field("IsWon", "boolean", "Won", derive=_is_won).read_only(),
        lookup("Pricebook2Id", "Price Book ID", "Pricebook2", "Pricebook2", children="Opportunities"),
        checkbox("HasOpportunityLineItem", "Has Line Item").read_only(),
        OWNER,
        picklist("QB_Generate__c", "QuickBooks Generate", _GENERATE, restricted=True),
        text("QB_RefNumber__c", "QuickBooks Number", 21),
        money("QB_Discount__c", "Discount"),
        money("QB_Freight__c", "Freight"),
        text("QB_Tax_Item__c", "Sales Tax Item", 31),
        text("QB_Tax_Code__c", "Sales Tax Code", 3),
        money("QB_Tax_Amount__c", "Expected Sales Tax"),
        money("QB_Sales_Tax__c", "QuickBooks Sales Tax"),
        money("QB_Total__c", "QuickBooks Total"),
        *link_fields("QB_TxnID__c", "QuickBooks TxnID"),
    ),
)

OPPORTUNITY_LINE = SObject(
    "OpportunityLineItem",
    "Opportunity Product",
    "Opportunity Products",
    "00k",
    (
        *SYSTEM_FIELDS,
        once(
            required(
                lookup(
                    "OpportunityId",
                    "Opportunity ID",
                    "Opportunity",
                    "Opportunity",
                    children="OpportunityLineItems",
                    cascade=True,
                )
            )
        ),
        Field("SortOrder", "int", "Sort Order", precision=9),
        once(
            lookup(
                "PricebookEntryId",
                "Price Book Entry ID",
                "PricebookEntry",
                "PricebookEntry",
                children="OpportunityLineItems",
                restrict=True,
            )
        ),
        once(
            lookup(
                "Product2Id",
                "Product ID",
                "Product2",
                "Product2",
                children="OpportunityLineItems",
                restrict=True,
            )
        ),
        text("Name", "Opportunity Product Name", 376).read_only(),
        required(Field("Quantity", "double", "Quantity", precision=12, scale=2)),
        Field("Discount", "percent", "Discount", precision=5, scale=2),
        money("UnitPrice", "Sales Price"),
        money("TotalPrice", "Total Price"),
        money("ListPrice", "List Price").read_only(),
        Field("ServiceDate", "date", "Date"),
        text("Description", "Line Description", 255),
        text("QB_TxnLineID__c", "QuickBooks TxnLineID", 41),
    ),
)

CONTACT_ROLE = SObject(
    "OpportunityContactRole",
    "Opportunity Contact Role",
    "Opportunity Contact Roles",
    "00K",
    (
        *SYSTEM_FIELDS,
        once(
            required(
                lookup(
                    "OpportunityId",
                    "Opportunity ID",
                    "Opportunity",
                    "Opportunity",
                    children="OpportunityContactRoles",
                    cascade=True,
                )
            )
        ),
        required(
            lookup(
                "ContactId",
                "Contact ID",
                "Contact",
                "Contact",
                children="OpportunityContactRoles",
                cascade=True,
            )
        ),
        picklist("Role", "Role", ("Business User", "Decision Maker", "Other")),
        checkbox("IsPrimary", "Primary"),
    ),
)

SALES_OBJECTS = (PRODUCT, PRICE_BOOK, PRICE_BOOK_ENTRY, OPPORTUNITY, OPPORTUNITY_LINE, CONTACT_ROLE)
