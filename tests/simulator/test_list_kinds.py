"""Every list through the same engine: Add, Mod, Query, names, refs, deletion; sections are of qbxml-semantics.md."""

import pytest
from lxml import etree

from qbwc_server.simulator import CompanyFile, SimulatorError
from tests.simulator.conftest import Office, document

SALES = "<AccountRef><FullName>Sales</FullName></AccountRef>"
SERVICE = f"<SalesOrPurchase><Desc>Work</Desc><Price>85.00</Price>{SALES}</SalesOrPurchase>"
STOCKED = "".join(
    f"<{name}AccountRef><FullName>{account}</FullName></{name}AccountRef>"
    for name, account in (
        ("Income", "Sales"),
        ("COGS", "Cost of Goods Sold"),
        ("Asset", "Inventory Asset"),
    )
)
# kind -> what an Add needs besides its name (semantics 6).
NEEDED = {
    "Account": "<AccountType>Expense</AccountType>",
    "StandardTerms": "<StdDueDays>45</StdDueDays>",
    "DateDrivenTerms": "<DayOfMonthDue>10</DayOfMonthDue>",
    "Class": "",
    "SalesTaxCode": "<IsTaxable>true</IsTaxable>",
    "CustomerType": "",
    "JobType": "",
    "PaymentMethod": "",
    "ShipMethod": "",
    "CustomerMsg": "",
    "PriceLevel": "<PriceLevelFixedPercentage>-10.00</PriceLevelFixedPercentage>",
    "ItemService": SERVICE,
    "ItemNonInventory": SERVICE,
    "ItemOtherCharge": SERVICE,
    "ItemInventory": STOCKED,
    "ItemDiscount": f"<DiscountRatePercent>10.00</DiscountRatePercent>{SALES}",
    "ItemSubtotal": "",
    "ItemSalesTax": "<TaxRate>8.25</TaxRate>",
    "ItemGroup": "",
    "ItemPayment": "",
    "ItemInventoryAssembly": STOCKED,
    "ItemFixedAsset": (
        "<AcquiredAs>New</AcquiredAs><PurchaseDesc>Van</PurchaseDesc><PurchaseDate>2026-01-05</PurchaseDate>"
    ),
    "Vendor": "",
    "OtherName": "",
    "VendorType": "",
}
TREES = (
    "VendorType",
    "Account",
    "Class",
    "CustomerType",
    "JobType",
    "ItemService",
    "ItemInventory",
    "ItemDiscount",
)
WITHOUT_MOD = (
    "StandardTerms",
    "DateDrivenTerms",
    "CustomerType",
    "JobType",
    "PaymentMethod",
    "ShipMethod",
    "CustomerMsg",
    "VendorType",
)
ITEMS = tuple(kind for kind in NEEDED if kind.startswith("Item"))


def added(office: Office, kind: str, name: str = "One", more: str | None = None) -> etree._Element:
    rest = NEEDED[kind] if more is None else more
    return office.ask(f"<{kind}AddRq><{kind}Add><Name>{name}</Name>{rest}</{kind}Add></{kind}AddRq>")


def new(office: Office, kind: str, name: str = "One", more: str | None = None) -> str:
    rs = added(office, kind, name, more)
    assert rs.get("statusCode") == "0", rs.get("statusMessage")
    return rs.findtext(f"{kind}Ret/ListID") or ""


def ret(office: Office, kind: str, list_id: str) -> etree._Element:
    found = office.ask(f"<{kind}QueryRq><ListID>{list_id}</ListID></{kind}QueryRq>").find(f"{kind}Ret")
    assert found is not None
    return found


def mod(office: Office, kind: str, list_id: str, changes: str, sequence: str = "") -> etree._Element:
    sequence = sequence or ret(office, kind, list_id).findtext("EditSequence") or ""
    return office.ask(
        f"<{kind}ModRq><{kind}Mod><ListID>{list_id}</ListID><EditSequence>{sequence}</EditSequence>"
        f"{changes}</{kind}Mod></{kind}ModRq>"
    )


def names(office: Office, query: str) -> list[str]:
    return [one.findtext("FullName") or one.findtext("Name") or "" for one in office.ask(query)]


class TestEveryKind:
    @pytest.mark.parametrize("kind", NEEDED)
    def test_what_was_added_is_found_by_id_and_by_name(self, office: Office, kind: str) -> None:
        # 4 IDs, 6
        list_id = new(office, kind)
        by_name = office.ask(f"<{kind}QueryRq><FullName>one</FullName></{kind}QueryRq>").find(f"{kind}Ret")
        assert by_name is not None
        assert by_name.findtext("ListID") == list_id
        found = ret(office, kind, list_id)
        assert (found.findtext("Name"), found.findtext("IsActive")) == ("One", "true")
        assert found.findtext("EditSequence") == str(int(office.clock.now.timestamp()))
        assert found.findtext("TimeCreated") == found.findtext("TimeModified") == "2026-08-01T11:00:00-05:00"

    @pytest.mark.parametrize("kind", NEEDED)
    def test_a_name_is_given_once_without_regard_to_case(self, office: Office, kind: str) -> None:
        # 2: 3100, 5
        new(office, kind)
        rs = added(office, kind, "ONE")
        assert (rs.get("statusCode"), rs.get("statusMessage")) == (
            "3100",
            'The name "ONE" of the list element is already in use.',
        )

    @pytest.mark.parametrize("kind", NEEDED)
    def test_a_name_holds_no_colon(self, office: Office, kind: str) -> None:
        assert added(office, kind, "A:b").get("statusCode") == "3090"

    @pytest.mark.parametrize("kind", NEEDED)
    def test_what_is_deleted_is_gone_and_told_as_deleted(self, office: Office, kind: str) -> None:
        # 4 Deletes
        list_id = new(office, kind)
        rs = office.ask(f"<ListDelRq><ListDelType>{kind}</ListDelType><ListID>{list_id}</ListID></ListDelRq>")
        assert (rs.get("statusCode"), rs.findtext("FullName")) == ("0", "One")
        query = f"<{kind}QueryRq><ListID>{list_id}</ListID></{kind}QueryRq>"
        assert office.ask(query).get("statusCode") == "500"
        deleted = office.ask(
            f"<ListDeletedQueryRq><ListDelType>{kind}</ListDelType></ListDeletedQueryRq>"
        ).find("ListDeletedRet")
        assert deleted is not None
        assert (deleted.findtext("ListID"), deleted.findtext("FullName")) == (list_id, "One")

    @pytest.mark.parametrize("kind", WITHOUT_MOD)
    def test_some_lists_have_no_mod_at_all(self, office: Office, kind: str) -> None:
        # 6; an unknown request is a parse failure (1)
        request = f"<{kind}ModRq><{kind}Mod><ListID>1</ListID></{kind}Mod></{kind}ModRq>"
        assert office.refusal(document(request))[0] == "0x80040400"

    @pytest.mark.parametrize("kind", [kind for kind in NEEDED if kind not in WITHOUT_MOD])
    def test_a_mod_renames_and_hides_and_needs_the_last_sequence(self, office: Office, kind: str) -> None:
        # 2: 3200 with the current Ret; 4 ActiveStatus
        list_id = new(office, kind)
        before = ret(office, kind, list_id).findtext("EditSequence") or ""
        rs = mod(office, kind, list_id, "<Name>Two</Name><IsActive>false</IsActive>")
        assert rs.get("statusCode") == "0", rs.get("statusMessage")
        assert "Two" not in names(office, f"<{kind}QueryRq/>")
        everybody = f"<{kind}QueryRq><ActiveStatus>All</ActiveStatus></{kind}QueryRq>"
        assert "Two" in names(office, everybody)
        stale = mod(office, kind, list_id, "<Name>Tre</Name>", before)
        assert (stale.get("statusCode"), stale.findtext(f"{kind}Ret/Name")) == ("3200", "Two")

    @pytest.mark.parametrize("kind", [kind for kind in NEEDED if kind not in WITHOUT_MOD])
    def test_a_mod_onto_a_taken_name_is_a_merge(self, office: Office, kind: str) -> None:
        # 2: 3170
        new(office, kind, "Oth")
        rs = mod(office, kind, new(office, kind), "<Name>oTH</Name>")
        assert rs.get("statusCode") == "3170"
        assert "Cannot merge list elements" in (rs.get("statusMessage") or "")

    @pytest.mark.parametrize("kind", TREES)
    def test_a_full_name_joins_the_levels_down_to_the_fifth(self, office: Office, kind: str) -> None:
        # 5: at most five levels
        parent = new(office, kind, "L0")
        for level in range(1, 5):
            above = f"<ParentRef><ListID>{parent}</ListID></ParentRef>"
            parent = new(office, kind, f"L{level}", above + NEEDED[kind])
        found = ret(office, kind, parent)
        assert (found.findtext("FullName"), found.findtext("Sublevel")) == ("L0:L1:L2:L3:L4", "4")
        assert found.findtext("ParentRef/FullName") == "L0:L1:L2:L3"
        below = f"<ParentRef><ListID>{parent}</ListID></ParentRef>"
        assert added(office, kind, "L5", below + NEEDED[kind]).get("statusCode") == "3180"

    @pytest.mark.parametrize("kind", TREES)
    def test_a_parent_must_be_there(self, office: Office, kind: str) -> None:
        # 2: 3130
        nobody = "<ParentRef><FullName>Nobody</FullName></ParentRef>"
        rs = added(office, kind, "One", nobody + NEEDED[kind])
        assert rs.get("statusCode") == "3130"
        assert (rs.get("statusMessage") or "").startswith(
            'There is an invalid reference to a parent "Nobody"'
        )

    def test_the_window_of_modification_has_both_its_ends(self, office: Office) -> None:
        # 4 Filters
        for name in ("A", "B", "C"):
            new(office, "Class", name)
            office.clock.advance(seconds=1)
        window = (
            "<FromModifiedDate>2026-08-01T11:00:01</FromModifiedDate>"
            "<ToModifiedDate>2026-08-01T11:00:02</ToModifiedDate>"
        )
        assert names(office, f"<ClassQueryRq>{window}</ClassQueryRq>") == ["B", "C"]

    @pytest.mark.parametrize(
        ("criterion", "found"), [("StartsWith", ["Abc"]), ("Contains", ["Abc", "xAb"]), ("EndsWith", ["xAb"])]
    )
    def test_names_are_matched_without_case(self, office: Office, criterion: str, found: list[str]) -> None:
        for name in ("Abc", "xAb", "zz"):
            new(office, "ItemSubtotal", name)
        wanted = f"<NameFilter><MatchCriterion>{criterion}</MatchCriterion><Name>aB</Name></NameFilter>"
        assert names(office, f"<ItemSubtotalQueryRq>{wanted}</ItemSubtotalQueryRq>") == found

    def test_lists_without_iterators_refuse_the_attribute_while_parsing(self, office: Office) -> None:
        # 3
        request = '<AccountQueryRq iterator="Start"><MaxReturned>1</MaxReturned></AccountQueryRq>'
        assert office.refusal(document(request))[0] == "0x80040400"


class TestItems:
    @pytest.mark.parametrize("kind", ITEMS)
    def test_all_item_kinds_share_one_name_space(self, office: Office, kind: str) -> None:
        other = "ItemSubtotal" if kind != "ItemSubtotal" else "ItemPayment"
        new(office, kind)
        assert added(office, other, "one").get("statusCode") == "3100"

    def test_ItemQuery_mixes_the_kinds_under_one_iterator(self, office: Office) -> None:
        # 6, 3
        for kind in ITEMS:
            new(office, kind, f"The {kind}")
        first = office.ask('<ItemQueryRq iterator="Start"><MaxReturned>4</MaxReturned></ItemQueryRq>')
        assert first.get("iteratorRemainingCount") == str(len(ITEMS) - 4)
        rest = office.ask(
            f'<ItemQueryRq iterator="Continue" iteratorID="{first.get("iteratorID")}">'
            "<MaxReturned>100</MaxReturned></ItemQueryRq>"
        )
        assert {one.tag for one in (*first, *rest)} == {f"{kind}Ret" for kind in ITEMS}

    def test_the_two_forms_exclude_each_other_in_parsing(self, office: Office) -> None:
        # 6: an item cannot have both
        both = (
            f"{SERVICE}<SalesAndPurchase><IncomeAccountRef><FullName>Sales</FullName></IncomeAccountRef>"
            "</SalesAndPurchase>"
        )
        request = (
            f"<ItemServiceAddRq><ItemServiceAdd><Name>x</Name>{both}</ItemServiceAdd></ItemServiceAddRq>"
        )
        assert office.refusal(document(request))[0] == "0x80040400"

    @pytest.mark.parametrize("kind", ["ItemService", "ItemNonInventory", "ItemOtherCharge", "ItemInventory"])
    def test_quickbooks_demands_the_accounts(self, office: Office, kind: str) -> None:
        # 6: although the tables call them optional; the code is unconfirmed
        form = "" if kind == "ItemInventory" else "<SalesOrPurchase><Price>1.00</Price></SalesOrPurchase>"
        assert added(office, kind, "One", form).get("statusCode") == "3270"

    def test_prices_have_two_decimals_at_least_and_five_at_most(self, office: Office) -> None:
        # 5
        for given, printed in (("85", "85.00"), ("1.5", "1.50"), ("0.33333", "0.33333"), ("2.130", "2.13")):
            form = f"<SalesOrPurchase><Price>{given}</Price>{SALES}</SalesOrPurchase>"
            found = ret(office, "ItemService", new(office, "ItemService", f"at {given}", form))
            assert found.findtext("SalesOrPurchase/Price") == printed

    def test_a_mod_of_one_part_of_the_form_keeps_the_rest(self, office: Office) -> None:
        # 5 Mod
        list_id = new(office, "ItemService")
        mod(office, "ItemService", list_id, "<SalesOrPurchaseMod><Price>9.00</Price></SalesOrPurchaseMod>")
        found = ret(office, "ItemService", list_id)
        assert [found.findtext(f"SalesOrPurchase/{part}") for part in ("Desc", "Price")] == ["Work", "9.00"]
        assert found.findtext("SalesOrPurchase/AccountRef/FullName") == "Sales"
        mod(office, "ItemService", list_id, "<SalesOrPurchaseMod><Desc/></SalesOrPurchaseMod>")
        assert ret(office, "ItemService", list_id).find("SalesOrPurchase/Desc") is None

    def test_a_new_inventory_item_shows_what_real_ones_show(self, office: Office) -> None:
        # qbxml-samples: ItemInventoryAddRs
        found = ret(office, "ItemInventory", new(office, "ItemInventory"))
        shown = {name: found.findtext(name) for name in ("SalesPrice", "PurchaseCost", "AverageCost")}
        assert shown == dict.fromkeys(shown, "0.00")
        for name in ("QuantityOnHand", "QuantityOnOrder", "QuantityOnSalesOrder"):
            assert found.findtext(name) == "0"

    def test_a_sub_item_stands_below_one_of_its_own_kind(self, office: Office) -> None:
        new(office, "ItemSubtotal", "Top")
        below = "<ParentRef><FullName>Top</FullName></ParentRef>"
        assert added(office, "ItemService", "One", below + SERVICE).get("statusCode") == "3130"

    def test_lines_of_a_group_are_replaced_as_a_set_or_cleared(self, office: Office) -> None:
        for name in ("A", "B"):
            new(office, "ItemService", name)
        line = (
            "<ItemGroupLine><ItemRef><FullName>{}</FullName></ItemRef><Quantity>2</Quantity></ItemGroupLine>"
        )
        group = new(office, "ItemGroup", "Set", line.format("A") + line.format("B"))
        found = ret(office, "ItemGroup", group)
        assert [one.findtext("ItemRef/FullName") for one in found.findall("ItemGroupLine")] == ["A", "B"]
        mod(office, "ItemGroup", group, line.format("B"))
        found = ret(office, "ItemGroup", group)
        assert [one.findtext("ItemRef/FullName") for one in found.findall("ItemGroupLine")] == ["B"]
        mod(office, "ItemGroup", group, "<ClearItemsInGroup>true</ClearItemsInGroup>")
        assert ret(office, "ItemGroup", group).find("ItemGroupLine") is None

    def test_a_tax_group_names_tax_items_only(self, office: Office) -> None:
        new(office, "ItemSalesTax", "State")
        new(office, "ItemSalesTax", "County")
        both = "".join(
            f"<ItemSalesTaxRef><FullName>{name}</FullName></ItemSalesTaxRef>" for name in ("State", "County")
        )
        found = ret(office, "ItemSalesTaxGroup", new(office, "ItemSalesTaxGroup", "Both", both))
        assert [one.findtext("FullName") for one in found.findall("ItemSalesTaxRef")] == ["State", "County"]
        wrong = "<ItemSalesTaxRef><FullName>Work</FullName></ItemSalesTaxRef>"
        new(office, "ItemService", "Work")
        assert added(office, "ItemSalesTaxGroup", "Wrong", wrong).get("statusCode") == "3140"

    def test_no_tax_group_stands_in_a_tax_group(self, office: Office) -> None:
        new(office, "ItemSalesTax", "State")
        state = "<ItemSalesTaxRef><FullName>{}</FullName></ItemSalesTaxRef>"
        new(office, "ItemSalesTaxGroup", "Both", state.format("State"))
        assert added(office, "ItemSalesTaxGroup", "All", state.format("Both")).get("statusCode") == "3140"

    def test_an_item_in_a_group_cannot_be_deleted(self, office: Office) -> None:
        # 2: 3160
        item = new(office, "ItemService", "A")
        new(
            office,
            "ItemGroup",
            "Set",
            "<ItemGroupLine><ItemRef><FullName>A</FullName></ItemRef></ItemGroupLine>",
        )
        rs = office.ask(
            f"<ListDelRq><ListDelType>ItemService</ListDelType><ListID>{item}</ListID></ListDelRq>"
        )
        assert rs.get("statusCode") == "3160"

    def test_a_feature_that_is_off_is_3250(self, office: Office) -> None:
        # 2: units of measure are a preference
        unit = "<UnitOfMeasureSetRef><FullName>Box</FullName></UnitOfMeasureSetRef>"
        assert added(office, "ItemService", "One", unit + SERVICE).get("statusCode") == "3250"


class TestAccounts:
    def test_a_new_company_has_the_accounts_that_quickbooks_needs(self, office: Office) -> None:
        found = office.ask("<AccountQueryRq/>")
        special = {one.findtext("SpecialAccountType"): one for one in found}
        for kind in ("AccountsReceivable", "UndepositedFunds", "SalesTaxPayable", "InventoryAssets"):
            assert special[kind].findtext("Balance") == "0.00"
        rs = office.ask(
            "<ListDelRq><ListDelType>Account</ListDelType>"
            f"<ListID>{special['AccountsReceivable'].findtext('ListID')}</ListID></ListDelRq>"
        )
        assert rs.get("statusCode") == "3160"

    def test_accounts_can_be_asked_for_by_type(self, office: Office) -> None:
        kinds = "<AccountType>Bank</AccountType><AccountType>Equity</AccountType>"
        found = office.ask(f"<AccountQueryRq>{kinds}</AccountQueryRq>")
        assert {one.findtext("AccountType") for one in found} == {"Bank", "Equity"}

    def test_an_account_number_belongs_to_one_account(self, office: Office) -> None:
        # 2: 3180
        more = "<AccountType>Bank</AccountType><AccountNumber>100</AccountNumber>"
        new(office, "Account", "A", more)
        rs = added(office, "Account", "B", more)
        assert rs.get("statusCode") == "3180"
        assert "The account number is already in use" in (rs.get("statusMessage") or "")

    @pytest.mark.parametrize(("kind", "other"), [("Bank", "50.00"), ("LongTermLiability", "-50.00")])
    def test_an_opening_balance_has_its_other_side(self, office: Office, kind: str, other: str) -> None:
        new(office, "Account", "A", f"<AccountType>{kind}</AccountType><OpenBalance>50.00</OpenBalance>")
        shown = {one.findtext("Name"): one.findtext("Balance") for one in office.ask("<AccountQueryRq/>")}
        assert (shown["A"], shown["Opening Balance Equity"]) == ("50.00", other)

    def test_a_non_posting_account_cannot_be_added(self, office: Office) -> None:
        # 6
        assert (
            added(office, "Account", "A", "<AccountType>NonPosting</AccountType>").get("statusCode") == "3090"
        )


class TestOthers:
    def test_terms_of_both_kinds_are_asked_for_together_and_share_names(self, office: Office) -> None:
        # 6
        new(office, "DateDrivenTerms", "On the 10th")
        assert {one.tag for one in office.ask("<TermsQueryRq/>")} == {
            "StandardTermsRet",
            "DateDrivenTermsRet",
        }
        assert added(office, "StandardTerms", "on the 10th").get("statusCode") == "3100"

    def test_a_sales_rep_is_named_by_initials(self, office: Office, company: CompanyFile) -> None:
        # 6
        company.user_add({"Name": "Frank Best"}, "Employee")
        entity = "<SalesRepEntityRef><FullName>Frank Best</FullName></SalesRepEntityRef>"
        rs = office.ask(
            f"<SalesRepAddRq><SalesRepAdd><Initial>FB</Initial>{entity}</SalesRepAdd></SalesRepAddRq>"
        )
        assert rs.findtext("SalesRepRet/Initial") == "FB"
        found = office.ret(office.add("Ann", "<SalesRepRef><FullName>fb</FullName></SalesRepRef>"))
        assert found.findtext("SalesRepRef/FullName") == "FB"

    def test_a_price_level_adjusts_item_by_item(self, office: Office) -> None:
        new(office, "ItemService", "Work")
        one = (
            "<PriceLevelPerItem><ItemRef><FullName>Work</FullName></ItemRef>"
            "<AdjustPercentage>-10</AdjustPercentage><AdjustRelativeTo>StandardPrice</AdjustRelativeTo>"
            "</PriceLevelPerItem>"
        )
        found = ret(office, "PriceLevel", new(office, "PriceLevel", "Friends", one))
        assert found.findtext("PriceLevelType") == "PerItem"
        assert found.findtext("PriceLevelPerItemRet/CustomPrice") == "76.50"
        for name, number in (("Work", 1), ("Other", 0)):
            if name != "Work":
                new(office, "ItemService", name)
            asked = f"<PriceLevelQueryRq><ItemRef><FullName>{name}</FullName></ItemRef></PriceLevelQueryRq>"
            assert len(office.ask(asked)) == number

    def test_people_edit_any_list_by_hand(self, office: Office, company: CompanyFile) -> None:
        list_id = company.user_add(
            {"Name": "Work", "SalesOrPurchase": {"AccountRef": {"FullName": "Sales"}}}, "ItemService"
        )
        company.user_edit(list_id, {"Name": "Labour", "IsActive": False}, "ItemService")
        assert company.element("ItemService", "labour")["IsActive"] == "false"
        assert [one["Name"] for one in company.elements("ItemService")] == ["Labour"]
        with pytest.raises(SimulatorError, match="no item service 'Work'"):
            company.element("ItemService", "Work")
