"""Editions, preferences, areas, countries, and the lists that come with them; sections are of qbxml-semantics.md."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from qbwc_server.simulator import CompanyFile, SimulatorError
from qbwc_server.simulator.company.features import AREAS, PREFERENCES
from tests.simulator.conftest import Office, document
from tests.simulator.sales import Shop, line, ref

CODE = "statusCode"


def added(kind: str, name: str, more: str = "") -> str:
    return f"<{kind}AddRq><{kind}Add><Name>{name}</Name>{more}</{kind}Add></{kind}AddRq>"


# -- preferences: 2 (3250), 6 ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preference", "request_"),
    [
        ("multi_currency", "<CurrencyQueryRq/>"),
        ("sales_tax", added("ItemSalesTax", "X", "<TaxRate>5.00</TaxRate>")),
        ("sales_tax", added("SalesTaxCode", "X", "<IsTaxable>true</IsTaxable>")),
        ("class_tracking", added("Class", "X")),
        ("inventory", "<ItemInventoryQueryRq/>"),
        ("price_levels", "<PriceLevelQueryRq/>"),
        ("estimates", "<EstimateQueryRq/>"),
        ("sales_orders", "<SalesOrderQueryRq/>"),
    ],
)
def test_what_is_switched_off_is_3250_and_comes_back(office: Office, preference: str, request_: str) -> None:
    office.company.prefer(preference, is_on=False)
    assert office.ask(request_).get(CODE) == "3250"
    office.company.prefer(preference, is_on=True)
    assert office.ask(request_).get(CODE) in ("0", "1")


@pytest.mark.parametrize(
    ("preference", "path"),
    [
        ("class_tracking", "AccountingPreferences/IsUsingClassTracking"),
        ("multi_currency", "MultiCurrencyPreferences/IsMultiCurrencyOn"),
        ("inventory", "PurchasesAndVendorsPreferences/IsUsingInventory"),
        ("estimates", "JobsAndEstimatesPreferences/IsUsingEstimates"),
        ("price_levels", "SalesAndCustomersPreferences/PriceLevels/IsUsingPriceLevels"),
        ("personal_data", "CurrentAppAccessRights/IsPersonalDataAccessAllowed"),
    ],
)
def test_PreferencesQuery_tells_what_is_on(office: Office, preference: str, path: str) -> None:
    for is_on in (True, False):
        office.company.prefer(preference, is_on=is_on)
        found = office.ask("<PreferencesQueryRq/>").findtext(f"PreferencesRet/{path}")
        assert found == str(is_on).lower()


def test_without_sales_tax_forms_have_none(office: Office) -> None:
    shop = Shop(office)
    office.company.prefer("sales_tax", is_on=False)
    ret = shop.add("Invoice", line("Nail", "<Amount>10.00</Amount>"))
    assert (ret.findtext("SalesTaxTotal"), ret.find("InvoiceLineRet/SalesTaxCodeRef")) == ("0.00", None)


def test_a_class_may_be_cleared_where_there_are_none(office: Office) -> None:
    list_id = office.add("Ann")
    office.company.prefer("class_tracking", is_on=False)
    assert office.mod(list_id, "<ClassRef/>").get(CODE) == "0"


def test_people_meet_the_same_switches(office: Office) -> None:
    office.company.prefer("class_tracking", is_on=False)
    with pytest.raises(SimulatorError, match="3250"):
        office.company.user_add({"Name": "East", "IsActive": True}, "Class")


def test_preferences_are_given_to_a_new_file(tmp_path: Path) -> None:
    made = CompanyFile.create(
        tmp_path / "new.sqlite", company_name="New", timezone="UTC", preferences={"estimates": False}
    )
    assert 'statusCode="3250"' in made.process("s", document("<EstimateQueryRq/>"))
    with pytest.raises(SimulatorError, match="'colours' is no preference"):
        made.prefer("colours", is_on=True)
    made.close()


def test_a_preference_seen_by_one_is_seen_by_all(office: Office) -> None:
    with closing(CompanyFile.open(office.company.path)) as other:
        other.prefer("price_levels", is_on=False)
    assert office.ask("<PriceLevelQueryRq/>").get(CODE) == "3250"


def test_every_preference_says_what_it_is() -> None:
    assert all(one.sentence for one in PREFERENCES.values())


# -- areas: 2 (3260, 3261) ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("area", AREAS)
def test_an_area_without_access_is_3260(office: Office, area: str) -> None:
    office.company.bar(area)
    for kind in AREAS[area]:
        assert office.ask(f"<{kind}QueryRq/>").get(CODE) == "3260"
    assert office.ask("<TermsQueryRq/>").get(CODE) == "0"
    office.company.bar()
    assert office.ask(f"<{AREAS[area][0]}QueryRq/>").get(CODE) in ("0", "1")


def test_what_is_barred_cannot_be_deleted_either(office: Office) -> None:
    list_id = office.add("Ann")
    office.company.bar("customers")
    request = f"<ListDelRq><ListDelType>Customer</ListDelType><ListID>{list_id}</ListID></ListDelRq>"
    assert office.ask(request).get(CODE) == "3260"
    with pytest.raises(SimulatorError, match="'moon' is no area"):
        office.company.bar("moon")


EMPLOYEE = (
    "<EmployeeAddRq><EmployeeAdd><FirstName>Jo</FirstName><LastName>May</LastName>{}"
    "</EmployeeAdd></EmployeeAddRq>"
)


def test_personal_data_needs_a_permission(office: Office) -> None:
    # 2: 3261
    born = "<BirthDate>1980-02-03</BirthDate>"
    assert office.ask(EMPLOYEE.format(born)).get(CODE) == "3261"
    office.company.prefer("personal_data", is_on=True)
    assert office.ask(EMPLOYEE.format(born)).findtext("EmployeeRet/BirthDate") == "1980-02-03"
    office.company.prefer("personal_data", is_on=False)
    assert office.ask("<EmployeeQueryRq/>").find("EmployeeRet/BirthDate") is None


def test_lists_are_merged_in_single_user_mode_only(office: Office) -> None:
    # 4 Merges, 2: 3162
    sides = "".join(
        f"<Merge{side}><ListID>{office.add(side)}</ListID><EditSequence>1</EditSequence></Merge{side}>"
        for side in ("From", "To")
    )
    request = f"<ListMergeRq><ListMergeType>Customer</ListMergeType>{sides}</ListMergeRq>"
    office.company.switch_to("MultiUser")
    assert office.ask(request).get(CODE) == "3162"
    assert office.ask("<HostQueryRq/>").findtext("HostRet/QBFileMode") == "MultiUser"
    office.company.switch_to("SingleUser")
    assert office.ask(request).get(CODE) == "3200"


# -- names: 2 (3100), 6 ------------------------------------------------------------------------------------------


def test_an_employee_is_named_by_its_parts_and_renamed_with_them(office: Office) -> None:
    ret = office.ask(EMPLOYEE.format(""))[0]
    assert ret.findtext("Name") == "Jo May"
    ids = "".join(f"<{name}>{ret.findtext(name)}</{name}>" for name in ("ListID", "EditSequence"))
    rs = office.ask(
        f"<EmployeeModRq><EmployeeMod>{ids}<LastName>June</LastName></EmployeeMod></EmployeeModRq>"
    )
    assert rs.findtext("EmployeeRet/Name") == "Jo June"


def test_customers_vendors_employees_and_other_names_share_one_name_space(office: Office) -> None:
    # 2: 3100 over all name lists
    office.ask(EMPLOYEE.format(""))
    for kind in ("Customer", "Vendor", "OtherName"):
        assert office.ask(added(kind, "jo may")).get(CODE) == "3100"
    assert office.ask(added("Vendor", "Acme")).get(CODE) == "0"
    assert office.ask(added("Customer", "ACME")).get(CODE) == "3100"


def test_EntityQuery_mixes_the_name_lists_under_one_iterator(office: Office) -> None:
    # 3
    office.add("Ann")
    office.ask(EMPLOYEE.format(""))
    for kind in ("Vendor", "OtherName"):
        office.ask(added(kind, f"The {kind}"))
    first = office.ask('<EntityQueryRq iterator="Start"><MaxReturned>1</MaxReturned></EntityQueryRq>')
    assert first.get("iteratorRemainingCount") == "3"
    kinds = {one.tag for one in office.ask("<EntityQueryRq/>")}
    assert kinds == {"CustomerRet", "VendorRet", "EmployeeRet", "OtherNameRet"}


def test_a_vendor_shows_its_address_its_contacts_and_nothing_owed(office: Office) -> None:
    more = (
        "<VendorAddress><Addr1>1 Oak St</Addr1><City>Austin</City></VendorAddress><Phone>555</Phone>"
        "<Contacts><FirstName>Al</FirstName></Contacts>"
    )
    ret = office.ask(added("Vendor", "Acme", more))[0]
    shown = ("VendorAddressBlock/Addr2", "AdditionalContactRef/ContactValue", "ContactsRet/FirstName")
    assert [ret.findtext(path) for path in (*shown, "Balance")] == ["Austin", "555", "Al", "0.00"]


def test_a_vendor_with_an_opening_balance_is_not_simulated(office: Office) -> None:
    # It would be a bill: never a plausible lie
    assert office.ask(added("Vendor", "Acme", "<OpenBalance>5.00</OpenBalance>")).get(CODE) == "1030"


def test_payroll_of_an_employee_is_off(office: Office) -> None:
    payroll = "<EmployeePayrollInfo><PayPeriod>Weekly</PayPeriod></EmployeePayrollInfo>"
    assert office.ask(EMPLOYEE.format(payroll)).get(CODE) == "3250"


def test_a_template_can_be_asked_for_only(office: Office) -> None:
    assert len(office.ask("<TemplateQueryRq/>")) == 5
    assert office.refusal(document("<TemplateAddRq/>"))[0] == "0x80040400"


# -- items: 6 ----------------------------------------------------------------------------------------------------


def assembly(office: Office, lines: int) -> str:
    accounts = "".join(
        ref(f"{name}Account", account)
        for name, account in (
            ("Income", "Sales"),
            ("COGS", "Cost of Goods Sold"),
            ("Asset", "Inventory Asset"),
        )
    )
    inside = f"{ref('ItemInventory', 'Hammer')}<Quantity>2</Quantity>"
    one = f"<ItemInventoryAssemblyLine>{inside}</ItemInventoryAssemblyLine>"
    return added("ItemInventoryAssembly", "Box", accounts + one * lines)


def test_an_assembly_is_sold_from_stock_like_an_inventory_item(office: Office) -> None:
    shop = Shop(office)
    ret = office.ask(assembly(office, 1))[0]
    assert ret.findtext("ItemInventoryAssemblyLine/ItemInventoryRef/FullName") == "Hammer"
    shop.add("Invoice", line("Box", "<Quantity>1</Quantity>"))
    asked = office.ask("<ItemInventoryAssemblyQueryRq/>")
    assert asked.findtext("ItemInventoryAssemblyRet/QuantityOnHand") == "-1"


@pytest.mark.parametrize(("lines", "code"), [(100, "0"), (101, "3180")])
def test_an_assembly_has_a_hundred_components_at_most(office: Office, lines: int, code: str) -> None:
    Shop(office)
    assert office.ask(assembly(office, lines)).get(CODE) == code


def test_selling_a_fixed_asset_is_not_simulated(office: Office) -> None:
    shop = Shop(office)
    more = (
        "<AcquiredAs>New</AcquiredAs><PurchaseDesc>Van</PurchaseDesc><PurchaseDate>2026-01-05</PurchaseDate>"
    )
    assert office.ask(added("ItemFixedAsset", "Van", more)).get(CODE) == "0"
    assert shop.try_add("Invoice", line("Van")).get(CODE) == "1030"


# -- currencies and countries: 6, 7 ------------------------------------------------------------------------------


def test_a_customer_in_another_currency_cannot_be_invoiced_here(office: Office) -> None:
    # 6 Multi-currency: not simulated, so 1030 and no invented rates
    shop = Shop(office)
    office.company.prefer("multi_currency", is_on=True)
    assert office.ask(added("Currency", "Euro", "<CurrencyCode>EUR</CurrencyCode>")).get(CODE) == "0"
    list_id = office.add("Bea", ref("Currency", "Euro"))
    assert office.ret(list_id).findtext("CurrencyRef/FullName") == "Euro"
    assert shop.try_add("Invoice", line("Work"), customer="Bea").get(CODE) == "1030"
    assert shop.try_add("Invoice", line("Work"), "<ExchangeRate>1.5</ExchangeRate>").get(CODE) == "1030"
    assert shop.try_add("Invoice", line("Work")).get(CODE) == "0"


def test_everybody_has_the_home_currency_once_there_are_several(office: Office) -> None:
    list_id = office.add("Ann")
    assert office.ret(list_id).find("CurrencyRef") is None
    office.company.prefer("multi_currency", is_on=True)
    assert office.ret(list_id).findtext("CurrencyRef/FullName") == "US Dollar"


@pytest.mark.parametrize(
    ("country", "currency"), [("CA", "Canadian Dollar"), ("UK", "British Pound Sterling")]
)
def test_a_company_abroad(tmp_path: Path, country: str, currency: str) -> None:
    made = CompanyFile.create(
        tmp_path / "abroad.sqlite", company_name="Abroad", timezone="UTC", country=country
    )
    host = made.process("s", document("<HostQueryRq/><PreferencesQueryRq/>"))
    assert f"<Country>{country}</Country>" in host
    assert f"<FullName>{currency}</FullName>" in host
    account = {"SalesOrPurchase": {"Price": 5, "AccountRef": {"FullName": "Sales"}}}
    made.user_add({"Name": "Work", **account, "SalesTaxCodeRef": {"FullName": "Tax"}}, "ItemService")
    made.user_add({"Name": "Ann"})
    invoice = {"CustomerRef": {"FullName": "Ann"}, "InvoiceLineAdd": [{"ItemRef": {"FullName": "Work"}}]}
    with pytest.raises(SimulatorError, match="1030"):
        made.user_add(invoice, "Invoice")
    made.close()


def test_a_country_that_quickbooks_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="'FR' is no country"):
        CompanyFile.create(tmp_path / "x.sqlite", company_name="X", timezone="UTC", country="FR")


# -- files of other versions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kept", "said"), [("2", "an earlier version"), ("99", "a later version")])
def test_a_file_of_another_version_says_so(company: CompanyFile, kept: str, said: str) -> None:
    company.close()
    with closing(sqlite3.connect(company.path)) as db, db:
        db.execute("UPDATE setting SET value = ? WHERE name = 'format'", (kept,))
    with pytest.raises(SimulatorError, match=said) as caught:
        CompanyFile.open(company.path)
    assert "Make a new company file" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_file_that_is_no_company_file_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    with pytest.raises(SimulatorError, match="is not a company file of this simulator"):
        CompanyFile.open(path)


def test_a_database_of_somebody_else_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE setting (name TEXT, value TEXT)")
    with pytest.raises(SimulatorError, match="is not a company file of this simulator"):
        CompanyFile.open(path)
