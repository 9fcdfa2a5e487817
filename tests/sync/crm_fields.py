"""The CRM of the sync tests as its administrator set it up: Salesforce's own fields and those of the profile."""

from crm.port import FieldInfo

# Lengths of Salesforce's own fields: reference crm-apis, "Objects"; of the others: the set-up of the profile.
STATUSES = ("To be Linked", "Queued", "Success", "Error", "Unlinked")
ADDRESS = {"Street": 255, "City": 40, "State": 80, "PostalCode": 20, "Country": 80}
ACCOUNT = (
    FieldInfo("Name", "text", 255, required=True),
    FieldInfo("AccountNumber", "text", 40),
    FieldInfo("Phone", "text", 40),
    FieldInfo("Fax", "text", 40),
    FieldInfo("Description", "text", 32_000),
    FieldInfo("Website", "text", 255),
    *(FieldInfo(f"Billing{part}", "text", length) for part, length in ADDRESS.items()),
    *(FieldInfo(f"Shipping{part}", "text", length) for part, length in ADDRESS.items()),
    FieldInfo("QB_Link_Status__c", "choice", 255, choices=STATUSES),
    FieldInfo("QB_Sync_Error__c", "text", 32_768),
    FieldInfo("QB_ListID__c", "text", 41, unique=True, external_key=True),
    FieldInfo("QB_EditSequence__c", "text", 16),
    FieldInfo("QB_Last_Sync__c", "datetime"),
    FieldInfo("QB_SyncKey__c", "text", 80, unique=True, external_key=True),
    FieldInfo("QB_Primary_Contact__c", "reference", 18),
    FieldInfo("ParentId", "reference", 18),
    FieldInfo("QB_Balance__c", "decimal"),
    FieldInfo("QB_Tax_Item__c", "text", 31),
    FieldInfo("QB_Tax_Code__c", "text", 3),
)
LINK_FIELDS = (
    FieldInfo("QB_Link_Status__c", "choice", 255, choices=STATUSES),
    FieldInfo("QB_Sync_Error__c", "text", 32_768),
    FieldInfo("QB_EditSequence__c", "text", 16),
    FieldInfo("QB_Last_Sync__c", "datetime"),
    FieldInfo("QB_SyncKey__c", "text", 80, unique=True, external_key=True),
)
CONTACT = (
    FieldInfo("LastName", "text", 80, required=True),
    FieldInfo("FirstName", "text", 40),
    FieldInfo("Salutation", "text", 40),
    FieldInfo("Title", "text", 128),
    FieldInfo("Email", "text", 80),
    FieldInfo("AccountId", "reference", 18),
    # Salesforce makes it of the two names, which the CRM in memory does not.
    FieldInfo("Name", "text", 121, required=False),
    *(FieldInfo(name, "text", 40) for name in ("Phone", "MobilePhone", "Fax")),
    *(FieldInfo(f"Mailing{part}", "text", length) for part, length in ADDRESS.items()),
    # Ids of contacts in QuickBooks differ in case only, and unique fields of CRMs know no case.
    FieldInfo("QB_ListID__c", "text", 41),
    *LINK_FIELDS,
)
PRODUCT = (
    FieldInfo("Name", "text", 255, required=True),
    FieldInfo("Description", "text", 4000),
    FieldInfo("IsActive", "boolean"),
    FieldInfo("StandardPrice", "decimal"),
    FieldInfo("QB_Item_Type__c", "choice", 255, choices=("Service", "Non-inventory Part", "Inventory Part")),
    *(FieldInfo(f"QB_{one}_Account__c", "text", 159) for one in ("Income", "Expense", "COGS", "Asset")),
    FieldInfo("QB_Purchase_Cost__c", "decimal"),
    FieldInfo("QB_Quantity_On_Hand__c", "decimal"),
    FieldInfo("QB_ListID__c", "text", 41, unique=True, external_key=True),
    *LINK_FIELDS,
)
OPPORTUNITY = (
    FieldInfo("Name", "text", 120, required=True),
    FieldInfo("AccountId", "reference", 18),
    FieldInfo("Amount", "decimal"),
    FieldInfo("CloseDate", "date"),
    FieldInfo("Pricebook2.IsStandard", "boolean"),
    FieldInfo("PrimaryContactId", "reference", 18),
    FieldInfo("QB_Generate__c", "choice", 255, choices=("Invoice", "Sales Order")),
    FieldInfo("QB_TxnID__c", "text", 41, unique=True, external_key=True),
    FieldInfo("QB_RefNumber__c", "text", 21),
    *(
        FieldInfo(f"QB_{one}__c", "decimal")
        for one in ("Discount", "Freight", "Tax_Amount", "Sales_Tax", "Total")
    ),
    FieldInfo("QB_Tax_Item__c", "text", 31),
    FieldInfo("QB_Tax_Code__c", "text", 3),
    *LINK_FIELDS,
    FieldInfo("lines.Id", "id", 18),
    FieldInfo("lines.Product2Id", "reference", 18),
    FieldInfo("lines.Description", "text", 255),
    *(FieldInfo(f"lines.{one}", "decimal") for one in ("Quantity", "UnitPrice", "TotalPrice", "Discount")),
    FieldInfo("lines.ServiceDate", "date"),
    FieldInfo("lines.QB_TxnLineID__c", "text", 41),
)
INVOICE = (
    FieldInfo("QB_Account__c", "reference", 18),
    FieldInfo("QB_Opportunity__c", "reference", 18),
    FieldInfo("QB_Doc_Number__c", "text", 21),
    *(FieldInfo(f"QB_{one}_Date__c", "date") for one in ("Txn", "Due")),
    *(FieldInfo(f"QB_{one}__c", "decimal") for one in ("Subtotal", "Sales_Tax", "Total", "Paid", "Balance")),
    FieldInfo("QB_Status__c", "text", 40),
    FieldInfo("QB_Payments__c", "text", 32_768),
    FieldInfo("QB_Currency__c", "text", 64),
    FieldInfo("QB_Memo__c", "text", 4095),
    FieldInfo("QB_TxnID__c", "text", 41, unique=True, external_key=True),
    *(one for one in LINK_FIELDS if one.name != "QB_Link_Status__c"),
)
PAYMENT = (
    FieldInfo("QB_Account__c", "reference", 18),
    FieldInfo("QB_Invoice__c", "reference", 18),
    FieldInfo("QB_Amount__c", "decimal", required=True),
    FieldInfo("QB_Unapplied__c", "decimal"),
    FieldInfo("QB_Currency__c", "text", 64),
    FieldInfo("QB_Applications__c", "text", 32_768),
    FieldInfo("QB_Status__c", "text", 40),
    FieldInfo("QB_Date__c", "date"),
    FieldInfo("QB_Method__c", "text", 31),
    FieldInfo("QB_Ref_Number__c", "text", 21),
    FieldInfo("QB_TxnID__c", "text", 41, external_key=True),
    *(one for one in LINK_FIELDS if one.name not in ("QB_Link_Status__c", "QB_Sync_Error__c")),
)
DOCUMENTS = {"product": PRODUCT, "opportunity": OPPORTUNITY, "invoice": INVOICE, "payment": PAYMENT}
