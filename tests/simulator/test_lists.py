"""References to other lists, deletions, host and company; sections are of qbxml-semantics.md."""

import pytest
from lxml import etree

from qbwc_server.simulator import CompanyFile, SimulatorError
from tests.simulator.conftest import OWNER, Office

NO_RECORD = "QuickBooks error message: Invalid argument.  The specified record does not exist in the list."


def delete(office: Office, list_id: str, kind: str = "Customer") -> etree._Element:
    return office.ask(f"<ListDelRq><ListDelType>{kind}</ListDelType><ListID>{list_id}</ListID></ListDelRq>")


def deleted(
    office: Office, inside: str = "<ListDelType>Customer</ListDelType>", attributes: str = ""
) -> etree._Element:
    return office.ask(f"<ListDeletedQueryRq {attributes}>{inside}</ListDeletedQueryRq>")


class TestReferences:
    REFS = (
        ("TermsRef", "Net 30"),
        ("CustomerTypeRef", "Residential"),
        ("SalesTaxCodeRef", "Tax"),
        ("PreferredPaymentMethodRef", "Check"),
        ("CurrencyRef", "US Dollar"),
    )

    @pytest.mark.parametrize(("ref", "name"), REFS)
    def test_a_new_company_has_the_usual_lists(self, office: Office, ref: str, name: str) -> None:
        ret = office.ret(office.add("Ann", f"<{ref}><FullName>{name.lower()}</FullName></{ref}>"))
        assert ret.findtext(f"{ref}/FullName") == name
        assert ret.findtext(f"{ref}/ListID")

    @pytest.mark.parametrize(
        ("ref", "kind"),
        [
            ("ClassRef", "Class"),
            ("SalesRepRef", "SalesRep"),
            ("ItemSalesTaxRef", "ItemSalesTax"),
            ("JobTypeRef", "JobType"),
            ("PriceLevelRef", "PriceLevel"),
            ("TermsRef", "DateDrivenTerms"),
        ],
    )
    def test_a_user_can_add_to_every_list(self, office: Office, ref: str, kind: str) -> None:
        list_id = office.company.user_add({"Name": "New"}, kind)
        ret = office.ret(office.add("Ann", f"<{ref}><ListID>{list_id}</ListID></{ref}>"))
        assert ret.findtext(f"{ref}/FullName") == "New"

    @pytest.mark.parametrize(
        "ref",
        [
            "TermsRef",
            "CustomerTypeRef",
            "SalesRepRef",
            "SalesTaxCodeRef",
            "ClassRef",
            "ItemSalesTaxRef",
            "PreferredPaymentMethodRef",
            "JobTypeRef",
            "PriceLevelRef",
        ],
    )
    def test_a_reference_to_nothing_is_3140(self, office: Office, ref: str) -> None:
        # 2
        wanted = f"<{ref}><FullName>No</FullName></{ref}>"
        rs = office.ask(f"<CustomerAddRq><CustomerAdd><Name>Ann</Name>{wanted}</CustomerAdd></CustomerAddRq>")
        assert rs.get("statusCode") == "3140"
        message = rs.get("statusMessage") or ""
        assert message.startswith("There is an invalid reference to QuickBooks ")
        assert message.endswith(f'"No" in the Customer.  {NO_RECORD}')

    def test_an_ID_of_another_list_is_no_reference(self, office: Office) -> None:
        # 4 IDs: the key is family and ID
        customer = [office.add(f"Ann {number}") for number in range(9)][-1]
        rs = office.mod(customer, f"<TermsRef><ListID>{customer}</ListID></TermsRef>")
        assert rs.get("statusCode") == "3140"

    def test_an_empty_reference_clears_it(self, office: Office) -> None:
        # 5 Mod
        list_id = office.add("Ann", "<TermsRef><FullName>Net 30</FullName></TermsRef>")
        assert office.mod(list_id, "<TermsRef/>").find("CustomerRet/TermsRef") is None


class TestDeletions:
    def test_the_answer_has_no_wrapper(self, office: Office) -> None:
        # 1
        list_id = office.add("Ann")
        rs = delete(office, list_id)
        assert [(child.tag, child.text) for child in rs] == [
            ("ListDelType", "Customer"),
            ("ListID", list_id),
            ("TimeDeleted", "2026-08-01T11:00:00-05:00"),
            ("FullName", "Ann"),
        ]
        assert office.names("<CustomerQueryRq/>") == []

    def test_it_needs_no_EditSequence_and_the_name_is_free_again(self, office: Office) -> None:
        # 4: deletes are last-writer-wins; re-adding gives a new ListID
        first = office.add("Ann")
        delete(office, first)
        assert office.add("Ann") != first

    def test_what_is_not_there_is_3120(self, office: Office) -> None:
        assert delete(office, "80000099-1").get("statusCode") == "3120"
        assert delete(office, office.add("Ann"), "Vendor").get("statusCode") == "3120"
        assert delete(office, "80000001-1", "Account").get("statusCode") == "3120"

    def test_a_customer_with_jobs_or_a_balance_stays(self, office: Office) -> None:
        # 2: 3160
        top = office.add("Ann")
        job = office.add(
            "Job", f"<ParentRef><ListID>{top}</ListID></ParentRef><OpenBalance>1.00</OpenBalance>"
        )
        assert [delete(office, at).get("statusCode") for at in (top, job)] == ["3160", "3160"]

    def test_a_list_element_in_use_stays(self, office: Office) -> None:
        terms = office.company.user_add({"Name": "Net 99"}, "StandardTerms")
        list_id = office.add("Ann", f"<TermsRef><ListID>{terms}</ListID></TermsRef>")
        assert delete(office, terms, "StandardTerms").get("statusCode") == "3160"
        office.mod(list_id, "<TermsRef/>")
        assert delete(office, terms, "StandardTerms").get("statusCode") == "0"

    def test_what_was_deleted_can_be_asked_for(self, office: Office) -> None:
        # 4 Deletes
        first, second = office.add("Ann"), office.add("Bob")
        delete(office, second)
        office.clock.advance(days=1)
        delete(office, first)
        rs = deleted(office)
        assert [
            (ret.findtext("ListID"), ret.findtext("FullName"), ret.findtext("TimeDeleted")) for ret in rs
        ] == [(second, "Bob", "2026-08-01T11:00:00-05:00"), (first, "Ann", "2026-08-02T11:00:00-05:00")]

    @pytest.mark.parametrize(
        ("window", "names"),
        [
            (
                "<FromDeletedDate>2026-08-01T11:00:00</FromDeletedDate><ToDeletedDate>2026-08-01T11:00:00</ToDeletedDate>",
                ["Ann"],
            ),
            ("<FromDeletedDate>2026-08-02</FromDeletedDate>", ["Bob"]),
            ("<ToDeletedDate>2026-08-01</ToDeletedDate>", ["Ann"]),
        ],
    )
    def test_the_range_has_both_its_ends(self, office: Office, window: str, names: list[str]) -> None:
        for name in ("Ann", "Bob"):
            delete(office, office.add(name))
            office.clock.advance(days=1)
        rs = deleted(
            office,
            f"<ListDelType>Customer</ListDelType><DeletedDateRangeFilter>{window}</DeletedDateRangeFilter>",
        )
        assert [ret.findtext("FullName") for ret in rs] == names

    def test_after_ninety_days_it_is_forgotten(self, office: Office) -> None:
        # 4: kept 90 days only, whatever date is asked
        delete(office, office.add("Ann"))
        office.clock.advance(days=90)
        assert len(deleted(office)) == 1
        office.clock.advance(seconds=1)
        rs = deleted(
            office,
            "<ListDelType>Customer</ListDelType><DeletedDateRangeFilter><FromDeletedDate>2026-01-01"
            "</FromDeletedDate></DeletedDateRangeFilter>",
        )
        assert (rs.get("statusCode"), len(rs)) == ("1", 0)

    def test_only_the_kinds_asked_for_are_told_and_can_be_counted(self, office: Office) -> None:
        delete(office, office.add("Ann"))
        assert len(deleted(office, "<ListDelType>Vendor</ListDelType>")) == 0
        both = deleted(
            office,
            "<ListDelType>Vendor</ListDelType><ListDelType>Customer</ListDelType>",
            'metaData="MetaDataAndResponseData"',
        )
        assert (both.get("retCount"), len(both)) == ("1", 1)
        assert len(deleted(office, attributes='metaData="MetaDataOnly"')) == 0


class TestHostAndCompany:
    def test_the_host_tells_its_versions_in_ascending_order(self, office: Office) -> None:
        # 7
        ret = office.ask("<HostQueryRq/>")[0]
        versions = [element.text or "" for element in ret.findall("SupportedQBXMLVersion")]
        assert (versions[0], versions[-1]) == ("1.0", "13.0")
        assert versions == sorted(versions, key=lambda text: tuple(map(int, text.split("."))))
        assert (ret.findtext("Country"), ret.findtext("QBFileMode"), ret.findtext("MajorVersion")) == (
            "US",
            "SingleUser",
            "27",
        )

    def test_list_capacities_are_not_made_up(self, office: Office) -> None:
        rs = office.ask(
            "<HostQueryRq><IncludeListMetaData><IncludeMaxCapacity>true</IncludeMaxCapacity>"
            "</IncludeListMetaData></HostQueryRq>"
        )
        assert (rs.get("statusCode"), rs.find(".//ListMetaData")) == ("530", None)

    def test_the_company_tells_its_name_and_private_data_on_request(
        self, office: Office, company: CompanyFile
    ) -> None:
        # 6; protocol reference 4.1
        company.set_data_ext(OWNER, "FileID", "x")
        assert office.ask("<CompanyQueryRq/>").findtext("CompanyRet/CompanyName") == "Acme Supplies"
        assert office.ask("<CompanyQueryRq/>").find("CompanyRet/DataExtRet") is None
        ext = office.ask(f"<CompanyQueryRq><OwnerID>{OWNER}</OwnerID></CompanyQueryRq>").find(
            "CompanyRet/DataExtRet"
        )
        assert ext is not None
        assert [(child.tag, child.text) for child in ext] == [
            ("OwnerID", OWNER),
            ("DataExtName", "FileID"),
            ("DataExtType", "STR255TYPE"),
            ("DataExtValue", "x"),
        ]

    def test_preferences_can_be_asked_for_one_by_one(self, office: Office) -> None:
        ret = office.ask("<PreferencesQueryRq/>")[0]
        assert ret.findtext("MultiCurrencyPreferences/IsMultiCurrencyOn") == "false"
        assert ret.find("CurrentAppAccessRights") is not None
        one = office.ask(
            "<PreferencesQueryRq><IncludeRetElement>AccountingPreferences</IncludeRetElement>"
            "</PreferencesQueryRq>"
        )[0]
        assert [child.tag for child in one] == ["AccountingPreferences"]


class TestByHand:
    def test_a_user_goes_through_the_same_rules(self, company: CompanyFile) -> None:
        list_id = company.user_add({"Name": "Ann", "TermsRef": {"FullName": "Net 30"}})
        with pytest.raises(SimulatorError, match="3100"):
            company.user_add({"Name": "ANN"})
        with pytest.raises(SimulatorError, match="3070"):
            company.user_edit(list_id, {"Phone": "1" * 22})
        with pytest.raises(SimulatorError, match="already in use"):
            company.user_add({"Name": "ann"}, "Vendor")
        with pytest.raises(SimulatorError, match="no field Nick"):
            company.user_edit(list_id, {"Nick": "A"})
        with pytest.raises(SimulatorError, match="3150"):
            company.user_add({"Phone": "1"})

    def test_an_edit_by_hand_makes_an_applications_EditSequence_stale(self, office: Office) -> None:
        list_id = office.add("Ann")
        sequence = office.ret(list_id).findtext("EditSequence")
        office.clock.advance(minutes=1)
        office.company.user_edit(list_id, {"Phone": "555-1234", "CompanyName": ""})
        assert office.mod(list_id, "<Fax>1</Fax>", sequence).get("statusCode") == "3200"
        assert office.company.customer("ann")["Phone"] == "555-1234"

    def test_a_deletion_by_hand_is_in_the_list_of_deleted(self, office: Office) -> None:
        office.company.user_delete(office.add("Ann"))
        assert len(deleted(office)) == 1

    def test_asking_for_nobody_is_an_error_of_the_tester(self, company: CompanyFile) -> None:
        with pytest.raises(SimulatorError, match="no customer 'Nobody'"):
            company.customer("Nobody")
