"""What the program, the company and its preferences say about themselves: Host, Company and Preferences queries."""

from collections.abc import Mapping
from typing import Any

from qbwc_server.simulator.company import lists, objects
from qbwc_server.simulator.company.books import COMPANY, Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.statuses import FIELD_UNSUPPORTED, TEXTS

# Every version that answers can be given in, ascending (semantics 7). Every QuickBooks accepts all older ones.
VERSIONS = (
    "1.0",
    "1.1",
    "2.0",
    "2.1",
    "3.0",
    "4.0",
    "4.1",
    "5.0",
    "6.0",
    "7.0",
    "8.0",
    "9.0",
    "10.0",
    "11.0",
    "12.0",
    "13.0",
)
# qbXML version -> (major version = year - 1990, year) of a release that has it (semantics 7).
RELEASES: Mapping[str, tuple[int, int]] = {
    "5.0": (16, 2006),
    "6.0": (17, 2007),
    "7.0": (18, 2008),
    "8.0": (19, 2009),
    "9.0": (20, 2010),
    "10.0": (21, 2011),
    "11.0": (22, 2012),
    "12.0": (23, 2013),
    "13.0": (27, 2017),
}
# qbXML requests that an edition does not have, by the object's name (semantics 6 and 10.10).
EDITIONS: Mapping[str, tuple[str, ...]] = {
    "Simple Start": ("Estimate", "SalesOrder"),
    "Pro": ("SalesOrder",),
    "Premier": (),
    "Enterprise": (),
}
PRODUCTS: Mapping[str, str] = {
    "Simple Start": "QuickBooks Simple Start {}",
    "Pro": "QuickBooks Pro {}",
    "Premier": "QuickBooks Premier Edition {}",
    "Enterprise": "QuickBooks Enterprise Solutions {}",
}


def supported_versions(books: Books) -> tuple[str, ...]:
    return VERSIONS[: VERSIONS.index(books.settings["highest_version"]) + 1]


def host_query(call: Call) -> Reply:
    """Capacities of lists are not simulated: asking for them is answered with warning 530."""
    settings = call.books.settings
    major, year = RELEASES[settings["highest_version"]]
    host = {
        "ProductName": PRODUCTS[settings["edition"]].format(year),
        "MajorVersion": str(major),
        "MinorVersion": "0",
        "Country": settings["country"],
        "SupportedQBXMLVersion": list(supported_versions(call.books)),
        "IsAutomaticLogin": "false",
        "QBFileMode": settings["file_mode"],
    }
    if "IncludeListMetaData" in call.values:
        return Reply(
            (("HostRet", host),), FIELD_UNSUPPORTED, TEXTS[FIELD_UNSUPPORTED].format("IncludeListMetaData")
        )
    return Reply((("HostRet", host),))


def company_query(call: Call) -> Reply:
    settings = call.books.settings
    company = {
        "IsSampleCompany": "false",
        "CompanyName": settings["company_name"],
        "LegalCompanyName": settings["company_name"],
        "FirstMonthFiscalYear": "January",
        "FirstMonthIncomeTaxYear": "January",
        "TaxForm": "OtherOrNone",
        "AccountantCopy": {"AccountantCopyExists": "false"},
        "DataExtRet": [
            entry
            for owner in call.values.get("OwnerID", ())
            for entry in call.books.data_ext(COMPANY, str(owner))
        ],
    }
    return Reply((("CompanyRet", company),))


def preferences_query(call: Call) -> Reply:
    return Reply((("PreferencesRet", _preferences(call.books)),))


def _preferences(books: Books) -> dict[str, Any]:
    closing = books.closing_date()
    return {
        "AccountingPreferences": {
            "IsUsingAccountNumbers": "false",
            "IsRequiringAccounts": "true",
            "IsUsingClassTracking": _on(books, "class_tracking"),
            "IsUsingAuditTrail": "true",
            "IsAssigningJournalEntryNumbers": "true",
            **({"ClosingDate": closing} if closing else {}),
        },
        "FinanceChargePreferences": {
            "AnnualInterestRate": "0",
            "MinFinanceCharge": "0.00",
            "GracePeriod": "0",
            "IsAssessingForOverdueCharges": "false",
            "CalculateChargesFrom": "DueDate",
            "IsMarkedToBePrinted": "false",
        },
        "JobsAndEstimatesPreferences": {
            "IsUsingEstimates": _on(books, "estimates"),
            "IsUsingProgressInvoicing": "false",
            "IsPrintingItemsWithZeroAmounts": "false",
        },
        "MultiCurrencyPreferences": {
            "IsMultiCurrencyOn": _on(books, "multi_currency"),
            "HomeCurrencyRef": _ref(books, "Currency", books.settings["home_currency"]),
        },
        "PurchasesAndVendorsPreferences": {
            "IsUsingInventory": _on(books, "inventory"),
            "DaysBillsAreDue": "10",
            "IsAutomaticallyUsingDiscounts": "false",
        },
        "ReportsPreferences": {"AgingReportBasis": "AgeFromDueDate", "SummaryReportBasis": "Accrual"},
        "SalesAndCustomersPreferences": {
            "IsTrackingReimbursedExpensesAsIncome": "false",
            "IsAutoApplyingPayments": "true",
            "PriceLevels": {
                "IsUsingPriceLevels": _on(books, "price_levels"),
                "IsRoundingSalesPriceUp": "false",
            },
        },
        "CurrentAppAccessRights": {
            "IsAutomaticLoginAllowed": "false",
            "IsPersonalDataAccessAllowed": _on(books, "personal_data"),
        },
    }


def _ref(books: Books, kind: str, name: str) -> dict[str, str]:
    found = objects.find_full_name(books, lists.FAMILIES[kind], name)
    return {"ListID": found.list_id, "FullName": found.full_name} if found else {"FullName": name}


def _on(books: Books, preference: str) -> str:
    return "true" if books.is_on(preference) else "false"
