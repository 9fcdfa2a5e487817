"""The objects that an administrator adds for documents of the books: sales orders, invoices, payments."""

from .field_builders import (
    OWNER,
    SYSTEM_FIELDS,
    auto_number,
    key,
    long_text,
    lookup,
    money,
    number,
    once,
    picklist,
    required,
    text,
)
from .schema import Field, SObject

_INVOICE_STATUS = ("Open", "Partially Paid", "Paid", "Voided", "Deleted")
_PAYMENT_STATUS = ("Applied", "Partially Applied", "Unapplied", "Deleted")
_ORDER_STATUS = ("Open", "Partially Invoiced", "Invoiced", "Closed")


def _document(plural: str) -> tuple[Field, ...]:
    """What every document has; `plural` names the lists of them on accounts and opportunities."""
    return (
        lookup("QB_Account__c", "Account", "Account", "QB_Account__r", children=f"{plural}__r"),
        lookup(
            "QB_Opportunity__c", "Opportunity", "Opportunity", "QB_Opportunity__r", children=f"{plural}__r"
        ),
        text("QB_Doc_Number__c", "Document Number", 21),
        Field("QB_Txn_Date__c", "date", "Date"),
        Field("QB_Due_Date__c", "date", "Due Date"),
        money("QB_Subtotal__c", "Subtotal"),
        money("QB_Sales_Tax__c", "Sales Tax"),
        money("QB_Total__c", "Total"),
        long_text("QB_Memo__c", "Memo", 4095),
        key("QB_TxnID__c", "QuickBooks TxnID", 41),
        text("QB_EditSequence__c", "QuickBooks Edit Sequence", 16),
        Field("QB_Last_Sync__c", "datetime", "QuickBooks Last Sync"),
        key("QB_SyncKey__c", "QuickBooks Sync Key", 80),
        OWNER,
    )


INVOICE = SObject(
    "QB_Invoice__c",
    "QuickBooks Invoice",
    "QuickBooks Invoices",
    "a00",
    (
        *SYSTEM_FIELDS,
        auto_number("Name", "Invoice", "INV-{:05}"),
        *_document("QB_Invoices"),
        money("QB_Paid__c", "Paid Amount"),
        money("QB_Balance__c", "Balance"),
        picklist("QB_Status__c", "Status", _INVOICE_STATUS, restricted=True),
        long_text("QB_Payments__c", "Payments", 32768),
        text("QB_Currency__c", "Currency", 64),
    ),
)

INVOICE_LINE = SObject(
    "QB_Invoice_Line__c",
    "QuickBooks Invoice Line",
    "QuickBooks Invoice Lines",
    "a01",
    (
        *SYSTEM_FIELDS,
        auto_number("Name", "Line", "LINE-{:06}"),
        once(
            required(
                lookup(
                    "QB_Invoice__c",
                    "Invoice",
                    "QB_Invoice__c",
                    "QB_Invoice__r",
                    children="QB_Invoice_Lines__r",
                    cascade=True,
                )
            )
        ),
        lookup("QB_Product__c", "Product", "Product2", "QB_Product__r", children="QB_Invoice_Lines__r"),
        Field("QB_Line_Number__c", "double", "Line Number", precision=4),
        long_text("QB_Description__c", "Description", 4095),
        number("QB_Quantity__c", "Quantity", 5),
        number("QB_Rate__c", "Rate", 5),
        money("QB_Amount__c", "Amount"),
        key("QB_TxnLineID__c", "QuickBooks TxnLineID", 41),
    ),
)

ORDER = SObject(
    "QB_Sales_Order__c",
    "QuickBooks Sales Order",
    "QuickBooks Sales Orders",
    "a02",
    (
        *SYSTEM_FIELDS,
        auto_number("Name", "Sales Order", "SO-{:05}"),
        *_document("QB_Sales_Orders"),
        picklist("QB_Status__c", "Status", _ORDER_STATUS, restricted=True),
    ),
)

# A payment can cover several invoices: the lookup is for the only one, the list of applications names them all.
PAYMENT = SObject(
    "QB_Payment__c",
    "QuickBooks Payment",
    "QuickBooks Payments",
    "a03",
    (
        *SYSTEM_FIELDS,
        auto_number("Name", "Payment", "PAY-{:05}"),
        lookup("QB_Account__c", "Account", "Account", "QB_Account__r", children="QB_Payments__r"),
        lookup("QB_Invoice__c", "Invoice", "QB_Invoice__c", "QB_Invoice__r", children="QB_Payments__r"),
        Field("QB_TxnID__c", "string", "QuickBooks TxnID", length=41, external_id=True),
        required(money("QB_Amount__c", "Amount")),
        money("QB_Unapplied__c", "Unapplied Amount"),
        text("QB_Currency__c", "Currency", 64),
        long_text("QB_Applications__c", "Applied To", 32768),
        picklist("QB_Status__c", "Status", _PAYMENT_STATUS, restricted=True),
        Field("QB_Date__c", "date", "Date"),
        text("QB_Method__c", "Method", 31),
        text("QB_Ref_Number__c", "Check or Reference Number", 21),
        text("QB_EditSequence__c", "QuickBooks Edit Sequence", 16),
        Field("QB_Last_Sync__c", "datetime", "QuickBooks Last Sync"),
        key("QB_SyncKey__c", "QuickBooks Sync Key", 80),
        OWNER,
    ),
)

CUSTOM_OBJECTS = (INVOICE, INVOICE_LINE, ORDER, PAYMENT)
