"""One full record of every kind of section 6, in QuickBooks' order, and the company that it fits into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance.desk import Desk, full_name

GUID = "{3f2504e0-4f89-11d3-9a0c-0305e82c3301}"
SALES = {"AccountRef": full_name("Sales")}
LINES = ("Invoice", "Estimate", "SalesOrder", "SalesReceipt", "CreditMemo")


def furnish(desk: Desk) -> None:
    """What the full records below refer to."""
    desk.customer("Owner")
    desk.ok("ClassAdd", {"Name": "East"})
    desk.ok("JobTypeAdd", {"Name": "Roofs"})
    desk.ok("PriceLevelAdd", {"Name": "Tenth", "PriceLevelFixedPercentage": "10.0"})
    desk.ok("ItemSalesTaxAdd", {"Name": "County", "TaxRate": "8.25"})
    desk.account("Upper")
    desk.account("Purchases", "Expense")
    desk.service("Labour")
    entity = {"ListID": desk.company.user_add({"Name": "Rita Rep"}, kind="Employee")}
    desk.ok("SalesRepAdd", {"Initial": "RR", "SalesRepEntityRef": entity})
    desk.company.user_add({"Name": "Second Rep"}, kind="Employee")
    desk.company.user_add({"Name": "Steel Ltd"}, kind="Vendor")


def address(first: str) -> dict[str, str]:
    return {
        "Addr1": first,
        "Addr2": "Second floor",
        "City": "Bayshore",
        "State": "CA",
        "PostalCode": "94326",
        "Country": "USA",
        "Note": "Ring twice",
    }


def both_sides(price: str = "12.50", cost: str = "7.25") -> dict[str, Any]:
    return {
        "SalesDesc": "Sold as",
        "SalesPrice": price,
        "IncomeAccountRef": full_name("Sales"),
        "PurchaseDesc": "Bought as",
        "PurchaseCost": cost,
        "ExpenseAccountRef": full_name("Purchases"),
        "PrefVendorRef": full_name("Steel Ltd"),
    }


CUSTOMER: Mapping[str, Any] = {
    "Name": "Full",
    "IsActive": True,
    "ClassRef": full_name("East"),
    "ParentRef": full_name("Owner"),
    "CompanyName": "Full Ltd",
    "Salutation": "Dr",
    "FirstName": "Ann",
    "MiddleName": "B",
    "LastName": "Doe",
    "JobTitle": "Baker",
    "BillAddress": address("Elm 1"),
    "ShipAddress": address("Oak 2"),
    "ShipToAddress": [
        {"Name": "Ship To 1", "Addr1": "Oak 2", "City": "Bayshore", "DefaultShipTo": True},
        {"Name": "Ship To 2", "Addr1": "Ash 3", "City": "Hillside", "DefaultShipTo": False},
    ],
    "Phone": "555-1",
    "AltPhone": "555-2",
    "Fax": "555-3",
    "Email": "a@b.example",
    "Cc": "c@d.example",
    "Contact": "Ann Doe",
    "AltContact": "Ben Doe",
    "AdditionalContactRef": [{"ContactName": "Other 1", "ContactValue": "555-9"}],
    "Contacts": [{"Salutation": "Ms", "FirstName": "Cleo", "LastName": "Doe", "JobTitle": "Cook"}],
    "CustomerTypeRef": full_name("Residential"),
    "TermsRef": full_name("Net 30"),
    "SalesRepRef": full_name("RR"),
    "SalesTaxCodeRef": full_name("Tax"),
    "ItemSalesTaxRef": full_name("County"),
    "ResaleNumber": "R-1",
    "AccountNumber": "A-1",
    "CreditLimit": "1500.00",
    "PreferredPaymentMethodRef": full_name("Check"),
    "JobStatus": "Awarded",
    "JobStartDate": "2026-01-01",
    "JobProjectedEndDate": "2026-02-01",
    "JobEndDate": "2026-03-01",
    "JobDesc": "Roof",
    "JobTypeRef": full_name("Roofs"),
    "Notes": "Pays late",
    "AdditionalNotes": [{"Note": "Called"}],
    "PreferredDeliveryMethod": "Email",
    "PriceLevelRef": full_name("Tenth"),
    "ExternalGUID": GUID,
}

LISTS: Mapping[str, Mapping[str, Any]] = {
    "Customer": CUSTOMER,
    "Account": {
        "Name": "Full",
        "IsActive": True,
        "ParentRef": full_name("Upper"),
        "AccountType": "Income",
        "AccountNumber": "4711",
        "Desc": "All of it",
    },
    "StandardTerms": {
        "Name": "Full",
        "IsActive": True,
        "StdDueDays": 45,
        "StdDiscountDays": 10,
        "DiscountPct": "2.5",
    },
    "DateDrivenTerms": {
        "Name": "Full day",
        "IsActive": True,
        "DayOfMonthDue": 15,
        "DueNextMonthDays": 5,
        "DiscountDayOfMonth": 10,
        "DiscountPct": "1.5",
    },
    "Class": {"Name": "Full", "IsActive": True, "ParentRef": full_name("East")},
    "SalesRep": {"Initial": "FU", "IsActive": True, "SalesRepEntityRef": full_name("Second Rep")},
    "SalesTaxCode": {"Name": "FUL", "IsActive": True, "IsTaxable": True, "Desc": "Taxed"},
    "ShipMethod": {"Name": "Full", "IsActive": True},
    "PaymentMethod": {"Name": "Full", "IsActive": True, "PaymentMethodType": "OtherCreditCard"},
    "CustomerMsg": {"Name": "Full of thanks", "IsActive": True},
    "CustomerType": {"Name": "Full", "IsActive": True, "ParentRef": full_name("Residential")},
    "JobType": {"Name": "Full", "IsActive": True, "ParentRef": full_name("Roofs")},
    "PriceLevel": {"Name": "Full", "IsActive": True, "PriceLevelFixedPercentage": "-12.5"},
    "ItemService": {
        "Name": "Full",
        "IsActive": True,
        "ClassRef": full_name("East"),
        "ParentRef": full_name("Labour"),
        "SalesTaxCodeRef": full_name("Non"),
        "SalesAndPurchase": both_sides(),
        "ExternalGUID": GUID,
    },
    "ItemNonInventory": {
        "Name": "Full part",
        "IsActive": True,
        "ManufacturerPartNumber": "MPN-1",
        "SalesTaxCodeRef": full_name("Tax"),
        "SalesAndPurchase": both_sides(),
        "ExternalGUID": GUID,
    },
    "ItemOtherCharge": {
        "Name": "Full charge",
        "IsActive": True,
        "SalesTaxCodeRef": full_name("Non"),
        "SalesOrPurchase": {"Desc": "Freight", "Price": "9.90", **SALES},
        "ExternalGUID": GUID,
    },
    "ItemInventory": {
        "Name": "Full bolt",
        "IsActive": True,
        "ManufacturerPartNumber": "MPN-2",
        "SalesTaxCodeRef": full_name("Tax"),
        "SalesDesc": "Sold as",
        "SalesPrice": "2.50",
        "IncomeAccountRef": full_name("Sales"),
        "PurchaseDesc": "Bought as",
        "PurchaseCost": "1.25",
        "COGSAccountRef": full_name("Cost of Goods Sold"),
        "PrefVendorRef": full_name("Steel Ltd"),
        "AssetAccountRef": full_name("Inventory Asset"),
        "ReorderPoint": 5,
        "QuantityOnHand": 40,
        "TotalValue": "50.00",
        "InventoryDate": "2026-07-01",
        "ExternalGUID": GUID,
    },
    "ItemSubtotal": {"Name": "Full sub", "IsActive": True, "ItemDesc": "So far", "ExternalGUID": GUID},
    "ItemDiscount": {
        "Name": "Full off",
        "IsActive": True,
        "ItemDesc": "Less",
        "SalesTaxCodeRef": full_name("Non"),
        "DiscountRatePercent": "10.0",
        "AccountRef": full_name("Sales Discounts"),
        "ExternalGUID": GUID,
    },
    "ItemPayment": {
        "Name": "Full paid",
        "IsActive": True,
        "ItemDesc": "Paid",
        "DepositToAccountRef": full_name("Checking"),
        "PaymentMethodRef": full_name("Cash"),
        "ExternalGUID": GUID,
    },
    "ItemSalesTax": {
        "Name": "Full tax",
        "IsActive": True,
        "ItemDesc": "Tax",
        "TaxRate": "7.5",
        "TaxVendorRef": full_name("Steel Ltd"),
        "ExternalGUID": GUID,
    },
    "ItemSalesTaxGroup": {
        "Name": "Full taxes",
        "IsActive": True,
        "ItemDesc": "Taxes",
        "ExternalGUID": GUID,
        "ItemSalesTaxRef": [full_name("County")],
    },
    "ItemGroup": {
        "Name": "Full kit",
        "IsActive": True,
        "ItemDesc": "All in one",
        "IsPrintItemsInGroup": True,
        "ExternalGUID": GUID,
        "ItemGroupLine": [{"ItemRef": full_name("Labour"), "Quantity": 2}],
    },
}

# A change that each kind's Mod takes.
LIST_MODS: Mapping[str, Mapping[str, Any]] = {
    "Customer": {"Phone": "555-7"},
    "Account": {"Desc": "Changed"},
    "Class": {"IsActive": False},
    "SalesRep": {"IsActive": False},
    "SalesTaxCode": {"Desc": "Changed"},
    "PriceLevel": {"PriceLevelFixedPercentage": "5.0"},
    "ItemService": {"SalesAndPurchaseMod": {"SalesDesc": "Changed"}},
    "ItemNonInventory": {"SalesAndPurchaseMod": {"SalesDesc": "Changed"}},
    "ItemOtherCharge": {"SalesOrPurchaseMod": {"Desc": "Changed"}},
    "ItemInventory": {"SalesDesc": "Changed"},
    "ItemSubtotal": {"ItemDesc": "Changed"},
    "ItemDiscount": {"ItemDesc": "Changed"},
    "ItemPayment": {"ItemDesc": "Changed"},
    "ItemSalesTax": {"ItemDesc": "Changed"},
    "ItemSalesTaxGroup": {"ItemDesc": "Changed"},
    "ItemGroup": {"ItemDesc": "Changed"},
}
NO_MOD = tuple(kind for kind in LISTS if kind not in LIST_MODS)


def _lines(kind: str) -> dict[str, Any]:
    served = {} if kind in ("Estimate", "SalesOrder") else {"ServiceDate": "2026-06-15"}
    full = {
        "ItemRef": full_name("Labour"),
        "Desc": "Half a day",
        "Quantity": 4,
        "Rate": "25.00",
        "ClassRef": full_name("East"),
        **served,
        "SalesTaxCodeRef": full_name("Tax"),
        "Other1": "one",
        "Other2": "two",
    }
    return {f"{kind}LineAdd": [full, {"ItemRef": full_name("Labour"), "Amount": "10.00"}]}


HEADER: Mapping[str, Any] = {
    "CustomerRef": full_name("Owner"),
    "ClassRef": full_name("East"),
    "ARAccountRef": full_name("Accounts Receivable"),
    "TxnDate": "2026-06-30",
    "RefNumber": "F-1",
    "BillAddress": address("Elm 1"),
    "ShipAddress": address("Oak 2"),
    "IsPending": False,
    "IsActive": True,
    "PONumber": "PO-1",
    "CheckNumber": "777",
    "PaymentMethodRef": full_name("Check"),
    "TermsRef": full_name("Net 30"),
    "DueDate": "2026-07-30",
    "SalesRepRef": full_name("RR"),
    "FOB": "Factory",
    "ShipDate": "2026-07-01",
    "ShipMethodRef": full_name("UPS"),
    "ItemSalesTaxRef": full_name("County"),
    "IsManuallyClosed": False,
    "Memo": "All of it",
    "CustomerMsgRef": full_name("Thank you for your business."),
    "IsToBePrinted": False,
    "IsToBeEmailed": False,
    "CustomerSalesTaxCodeRef": full_name("Tax"),
    "DepositToAccountRef": full_name("Checking"),
    "Other": "Other",
    "ExternalGUID": GUID,
}
NOT_IN: Mapping[str, tuple[str, ...]] = {
    "Invoice": ("IsActive", "CheckNumber", "PaymentMethodRef", "IsManuallyClosed", "DepositToAccountRef"),
    "CreditMemo": ("IsActive", "CheckNumber", "PaymentMethodRef", "IsManuallyClosed", "DepositToAccountRef"),
    "Estimate": (
        *("ARAccountRef", "IsPending", "CheckNumber", "PaymentMethodRef", "ShipDate", "ShipMethodRef"),
        *("IsManuallyClosed", "IsToBePrinted", "DepositToAccountRef"),
    ),
    "SalesOrder": (
        *("ARAccountRef", "IsPending", "IsActive", "CheckNumber", "PaymentMethodRef"),
        "DepositToAccountRef",
    ),
    "SalesReceipt": ("ARAccountRef", "IsActive", "PONumber", "TermsRef", "IsManuallyClosed"),
}


def form(kind: str) -> dict[str, Any]:
    values = {name: value for name, value in HEADER.items() if name not in NOT_IN[kind]}
    if kind == "SalesReceipt":  # FOB stands elsewhere there
        fob = values.pop("FOB")
        values = {
            key: value
            for name, given in values.items()
            for key, value in ((name, given), *((("FOB", fob),) if name == "ShipMethodRef" else ()))
        }
    return {**values, **_lines(kind)}


PAYMENT: Mapping[str, Any] = {
    "CustomerRef": full_name("Owner"),
    "ARAccountRef": full_name("Accounts Receivable"),
    "TxnDate": "2026-07-15",
    "RefNumber": "CHK-1",
    "TotalAmount": "60.00",
    "PaymentMethodRef": full_name("Check"),
    "Memo": "Part",
    "DepositToAccountRef": full_name("Checking"),
    "ExternalGUID": GUID,
}
