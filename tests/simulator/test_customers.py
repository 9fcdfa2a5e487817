"""CustomerAdd and CustomerMod; sections are of qbxml-semantics.md."""

from decimal import Decimal

import pytest
from lxml import etree

from qbwc_server.simulator import CompanyFile
from tests.simulator.conftest import Clock, Office, document

NO_RECORD = "QuickBooks error message: Invalid argument.  The specified record does not exist in the list."
GUID = "{8c1f2f0e-1111-4222-8333-0123456789ab}"


def add(office: Office, inside: str) -> etree._Element:
    return office.ask(f"<CustomerAddRq><CustomerAdd>{inside}</CustomerAdd></CustomerAddRq>")


def status(rs: etree._Element) -> tuple[str | None, ...]:
    return rs.get("statusCode"), rs.get("statusSeverity"), rs.get("statusMessage")


def texts(ret: etree._Element, path: str) -> list[str]:
    return [element.text or "" for element in ret.findall(path)]


class TestIdentity:
    def test_a_ListID_is_a_hexadecimal_counter_and_the_second_of_creation(self, office: Office) -> None:
        # 4 IDs
        epoch = int(office.clock.now.timestamp())
        assert [office.add(name) for name in ("A", "B")] == [f"80000001-{epoch}", f"80000002-{epoch}"]
        numbers = [office.add(f"C{number}").partition("-")[0] for number in range(8)]
        assert numbers[-1] == "8000000A"

    def test_an_EditSequence_is_the_second_of_the_edit_and_equals_TimeModified(self, office: Office) -> None:
        # 4 EditSequence
        list_id = office.add("Ann")
        office.clock.advance(minutes=5)
        ret = office.mod(list_id, "<Phone>1</Phone>").find("CustomerRet")
        assert ret is not None
        assert ret.findtext("EditSequence") == str(int(office.clock.now.timestamp()))
        assert ret.findtext("TimeModified") == "2026-08-01T11:05:00-05:00"
        assert ret.findtext("TimeCreated") == "2026-08-01T11:00:00-05:00"

    def test_two_edits_within_one_second_still_differ(self, office: Office) -> None:
        # 4: a simulator should make it strictly increase
        list_id = office.add("Ann")
        sequences = [
            int(office.mod(list_id, f"<Phone>{n}</Phone>").findtext("CustomerRet/EditSequence") or 0)
            for n in range(3)
        ]
        assert sequences == sorted(set(sequences))

    def test_an_EditSequence_grows_even_when_the_clock_goes_back(self, office: Office) -> None:
        list_id = office.add("Ann")
        before = int(office.ret(list_id).findtext("EditSequence") or 0)
        office.clock.advance(hours=-1)
        after = int(office.mod(list_id, "<Phone>1</Phone>").findtext("CustomerRet/EditSequence") or 0)
        assert after > before

    def test_every_kind_of_list_counts_by_itself(self, company: CompanyFile) -> None:
        # 4 IDs: unique only within one kind of list; names are one kind, items another
        vendor = company.user_add({"Name": "Vendor"}, "Vendor")
        customer = company.user_add({"Name": "Customer"})
        tax = company.user_add({"Name": "State tax"}, "ItemSalesTax")
        assert [list_id.partition("-")[0] for list_id in (vendor, customer, tax)] == [
            "80000001",
            "80000002",
            "80000001",
        ]


class TestAdd:
    def test_the_answer_is_the_whole_customer(self, office: Office) -> None:
        # 6 Customer
        ret = add(
            office,
            "<Name>Ann</Name><CompanyName>Ann Ltd</CompanyName><CreditLimit>97</CreditLimit>"
            "<JobStartDate>2026-08-01</JobStartDate>",
        ).find("CustomerRet")
        assert ret is not None
        told = {child.tag: child.text for child in ret}
        assert {**told, "ListID": "", "TimeCreated": "", "TimeModified": "", "EditSequence": ""} == {
            "ListID": "",
            "TimeCreated": "",
            "TimeModified": "",
            "EditSequence": "",
            "Name": "Ann",
            "FullName": "Ann",
            "IsActive": "true",
            "Sublevel": "0",
            "CompanyName": "Ann Ltd",
            "Balance": "0.00",
            "TotalBalance": "0.00",
            "CreditLimit": "97.00",
            "JobStatus": "None",
            "JobStartDate": "2026-08-01",
            "PreferredDeliveryMethod": "None",
        }

    def test_a_name_in_use_is_3100(self, office: Office) -> None:
        office.add("Ann")
        assert status(add(office, "<Name>aNN</Name>")) == (
            "3100",
            "Error",
            'The name "aNN" of the list element is already in use.',
        )

    @pytest.mark.parametrize("kind", ["Vendor", "Employee", "OtherName"])
    def test_all_name_lists_share_one_name_space(self, office: Office, kind: str) -> None:
        # 2: 3100; 10.7
        office.company.user_add({"Name": "Pat"}, kind)
        assert add(office, "<Name>Pat</Name>").get("statusCode") == "3100"

    def test_an_item_may_have_a_customers_name(self, office: Office) -> None:
        # 4 IDs
        office.company.user_add({"Name": "Pat"}, "ItemSalesTax")
        assert add(office, "<Name>Pat</Name>").get("statusCode") == "0"

    def test_an_inactive_customer_still_holds_its_name(self, office: Office) -> None:
        office.add("Ann", "<IsActive>false</IsActive>")
        assert add(office, "<Name>Ann</Name>").get("statusCode") == "3100"

    def test_a_colon_in_a_name_is_3090(self, office: Office) -> None:
        # 2, 5: the colon joins levels
        assert add(office, "<Name>A:B</Name>").get("statusCode") == "3090"

    @pytest.mark.parametrize(
        ("field", "length"),
        [
            ("Name", 41),
            ("CompanyName", 41),
            ("Salutation", 15),
            ("MiddleName", 5),
            ("Phone", 21),
            ("Email", 1023),
            ("AccountNumber", 99),
            ("Notes", 4095),
        ],
    )
    def test_a_text_that_is_too_long_is_3070_for_that_request(
        self, office: Office, field: str, length: int
    ) -> None:
        # 5 lengths; 10.1: not a parse failure
        name = "" if field == "Name" else "<Name>Ann</Name>"
        fitting, long = "x" * length, "x" * (length + 1)
        assert status(add(office, f"{name}<{field}>{long}</{field}>")) == (
            "3070",
            "Error",
            f'The string "{long}" in the field "{field}" is too long.',
        )
        assert add(office, f"{name}<{field}>{fitting}</{field}>").get("statusCode") == "0"

    @pytest.mark.parametrize(
        ("field", "value", "code"),
        [
            ("CreditLimit", "97.5", "3040"),
            ("CreditLimit", "ten", "3040"),
            ("CreditLimit", "1.234", "3040"),
            ("IsActive", "perhaps", "3010"),
            ("JobStartDate", "01/02/2026", "3020"),
            ("ExternalGUID", "not-a-guid", "3065"),
        ],
    )
    def test_a_value_of_the_wrong_form_has_the_status_of_its_type(
        self, office: Office, field: str, value: str, code: str
    ) -> None:
        # 2: 3010, 3020, 3040, 3065
        assert add(office, f"<Name>Ann</Name><{field}>{value}</{field}>").get("statusCode") == code
        assert office.names("<CustomerQueryRq/>") == []

    def test_a_field_of_another_product_is_warned_about_and_the_rest_is_saved(self, office: Office) -> None:
        # 2: 530; 9.16
        rs = add(office, "<Name>Ann</Name><PrintAs>Ann the Great</PrintAs><Phone>1</Phone>")
        assert status(rs) == ("530", "Warn", 'The field "PrintAs" is not supported by this implementation.')
        assert rs.findtext("CustomerRet/Phone") == "1"

    def test_an_ExternalGUID_is_kept_and_comes_back(self, office: Office) -> None:
        # 1
        list_id = office.add("Ann", f"<ExternalGUID>{GUID}</ExternalGUID>")
        office.mod(list_id, "<Phone>1</Phone>")
        assert office.ret(list_id).findtext("ExternalGUID") == GUID

    def test_an_ExternalGUID_cannot_be_changed(self, office: Office) -> None:
        # 1: stored once; CustomerMod has no such field
        list_id = office.add("Ann", f"<ExternalGUID>{GUID}</ExternalGUID>")
        sequence = office.ret(list_id).findtext("EditSequence")
        hresult, _ = office.refusal(
            document(
                f"<CustomerModRq><CustomerMod><ListID>{list_id}</ListID><EditSequence>{sequence}</EditSequence>"
                "<ExternalGUID>0</ExternalGUID></CustomerMod></CustomerModRq>"
            )
        )
        assert hresult == "0x80040400"

    def test_an_opening_balance_becomes_the_balance(self, office: Office) -> None:
        # 6: OpenBalance only on Add
        ret = office.ret(office.add("Ann", "<OpenBalance>12.50</OpenBalance>"))
        assert (ret.findtext("Balance"), ret.findtext("TotalBalance")) == ("12.50", "12.50")

    def test_IncludeRetElement_works_on_adds_too(self, office: Office) -> None:
        # 3
        rs = office.ask(
            "<CustomerAddRq><CustomerAdd><Name>Ann</Name></CustomerAdd>"
            "<IncludeRetElement>ListID</IncludeRetElement></CustomerAddRq>"
        )
        assert [child.tag for child in rs[0]] == ["ListID"]


class TestJobs:
    def test_a_job_stands_below_its_customer(self, office: Office) -> None:
        # 6 Customer: job = customer with ParentRef
        parent = office.add("Ann")
        ret = office.ret(office.job(parent, "Kitchen"))
        assert (ret.findtext("FullName"), ret.findtext("Sublevel")) == ("Ann:Kitchen", "1")
        assert (ret.findtext("ParentRef/ListID"), ret.findtext("ParentRef/FullName")) == (parent, "Ann")

    def test_there_are_five_levels(self, office: Office) -> None:
        # 5 FullName
        at = office.add("1")
        for level in range(2, 6):
            at = office.job(at, str(level))
        assert office.ret(at).findtext("FullName") == "1:2:3:4:5"
        assert (
            add(office, f"<Name>6</Name><ParentRef><ListID>{at}</ListID></ParentRef>").get("statusSeverity")
            == "Error"
        )

    def test_the_same_name_is_free_under_another_customer(self, office: Office) -> None:
        first, second = office.add("Ann"), office.add("Bob")
        office.job(first, "Kitchen")
        office.job(second, "Kitchen")
        assert (
            add(office, f"<Name>KITCHEN</Name><ParentRef><ListID>{first}</ListID></ParentRef>").get(
                "statusCode"
            )
            == "3100"
        )

    def test_a_parent_is_found_by_its_full_name_without_case(self, office: Office) -> None:
        office.job(office.add("Ann"), "House")
        ret = office.ret(office.add("Kitchen", "<ParentRef><FullName>ann:house</FullName></ParentRef>"))
        assert ret.findtext("FullName") == "Ann:House:Kitchen"

    @pytest.mark.parametrize(
        ("ref", "quoted"),
        [("<FullName>Nobody</FullName>", "Nobody"), ("<ListID>80000099-1</ListID>", "80000099-1")],
    )
    def test_an_unknown_parent_is_3130(self, office: Office, ref: str, quoted: str) -> None:
        assert status(add(office, f"<Name>Job</Name><ParentRef>{ref}</ParentRef>")) == (
            "3130",
            "Error",
            f'There is an invalid reference to a parent "{quoted}" in the Customers list.  {NO_RECORD}',
        )

    def test_a_vendor_is_no_parent(self, office: Office) -> None:
        office.company.user_add({"Name": "Pat"}, "Vendor")
        assert (
            add(office, "<Name>Job</Name><ParentRef><FullName>Pat</FullName></ParentRef>").get("statusCode")
            == "3130"
        )

    def test_a_ListID_wins_over_a_FullName_given_with_it(self, office: Office) -> None:
        # 5 Refs
        parent = office.add("Ann")
        ret = office.ret(
            office.add("Job", f"<ParentRef><ListID>{parent}</ListID><FullName>Nobody</FullName></ParentRef>")
        )
        assert ret.findtext("FullName") == "Ann:Job"

    def test_the_total_of_a_customer_includes_its_jobs(self, office: Office) -> None:
        # 6 Customer
        top = office.add("Ann", "<OpenBalance>1.00</OpenBalance>")
        job = office.add(
            "Job", f"<ParentRef><ListID>{top}</ListID></ParentRef><OpenBalance>2.25</OpenBalance>"
        )
        office.add("Deep", f"<ParentRef><ListID>{job}</ListID></ParentRef><OpenBalance>3.00</OpenBalance>")
        assert [
            (office.ret(at).findtext("Balance"), office.ret(at).findtext("TotalBalance")) for at in (top, job)
        ] == [("1.00", "6.25"), ("2.25", "5.25")]


class TestMod:
    def test_what_is_left_out_stays_and_what_is_empty_is_cleared(self, office: Office) -> None:
        # 5 Mod semantics
        list_id = office.add(
            "Ann", "<CompanyName>Ann Ltd</CompanyName><Phone>1</Phone><CreditLimit>5.00</CreditLimit>"
        )
        ret = office.mod(list_id, "<Phone/><Fax>2</Fax><CreditLimit/>").find("CustomerRet")
        assert ret is not None
        assert (ret.findtext("CompanyName"), ret.findtext("Fax")) == ("Ann Ltd", "2")
        assert (ret.find("Phone"), ret.find("CreditLimit")) == (None, None)

    def test_an_unknown_ListID_is_3120(self, office: Office) -> None:
        rs = office.mod("80000099-1", "<Phone>1</Phone>", "1")
        assert status(rs) == (
            "3120",
            "Error",
            f'Object "80000099-1" specified in the request cannot be found.  {NO_RECORD}',
        )

    def test_a_stale_EditSequence_is_3200_with_the_current_record(self, office: Office) -> None:
        # 2, 4: 3200; the text ends with a space
        list_id = office.add("Ann")
        old = office.ret(list_id).findtext("EditSequence")
        office.mod(list_id, "<Phone>1</Phone>")
        rs = office.mod(list_id, "<Phone>2</Phone>", old)
        assert status(rs) == ("3200", "Error", f'The provided edit sequence "{old}" is out-of-date. ')
        assert rs.findtext("CustomerRet/Phone") == "1"
        again = office.mod(list_id, "<Phone>2</Phone>", rs.findtext("CustomerRet/EditSequence"))
        assert again.findtext("CustomerRet/Phone") == "2"

    def test_renaming_onto_a_used_name_is_3170_with_the_merge_text(self, office: Office) -> None:
        # 2: 3170; 10.7
        office.add("Ann")
        rs = office.mod(office.add("Bob"), "<Name>ANN</Name>")
        assert rs.get("statusCode") == "3170"
        assert "Cannot merge list elements" in (rs.get("statusMessage") or "")

    def test_a_name_may_change_its_own_case(self, office: Office) -> None:
        list_id = office.add("ann")
        assert office.mod(list_id, "<Name>Ann</Name>").findtext("CustomerRet/FullName") == "Ann"

    def test_a_new_name_carries_down_without_touching_the_jobs(self, office: Office) -> None:
        top = office.add("Ann")
        job = office.job(office.job(top, "House"), "Kitchen")
        before = office.ret(job).findtext("EditSequence")
        office.clock.advance(hours=1)
        office.mod(top, "<Name>Anna</Name>")
        assert office.ret(job).findtext("FullName") == "Anna:House:Kitchen"
        assert office.ret(job).findtext("EditSequence") == before

    def test_a_job_can_move_to_another_customer_and_to_the_top(self, office: Office) -> None:
        # 6: Mod of ParentRef since 3.0
        first, second = office.add("Ann"), office.add("Bob")
        job = office.add(
            "Job", f"<ParentRef><ListID>{first}</ListID></ParentRef><OpenBalance>5.00</OpenBalance>"
        )
        office.mod(job, f"<ParentRef><ListID>{second}</ListID></ParentRef>")
        assert office.ret(job).findtext("FullName") == "Bob:Job"
        assert [office.ret(at).findtext("TotalBalance") for at in (first, second)] == ["0.00", "5.00"]
        office.mod(job, "<ParentRef/>")
        assert (office.ret(job).findtext("FullName"), office.ret(job).findtext("Sublevel")) == ("Job", "0")
        assert office.ret(second).findtext("TotalBalance") == "0.00"

    def test_nothing_can_stand_below_itself(self, office: Office) -> None:
        top = office.add("Ann")
        job = office.job(top, "Job")
        assert office.mod(top, f"<ParentRef><ListID>{job}</ListID></ParentRef>").get("statusCode") == "3130"

    def test_IsActive_can_be_switched(self, office: Office) -> None:
        list_id = office.add("Ann")
        assert office.mod(list_id, "<IsActive>0</IsActive>").findtext("CustomerRet/IsActive") == "false"
        assert office.mod(list_id, "<IsActive>true</IsActive>").findtext("CustomerRet/IsActive") == "true"

    def test_a_refused_mod_changes_nothing(self, office: Office) -> None:
        list_id = office.add("Ann", "<Phone>1</Phone>")
        before = etree.tostring(office.ret(list_id))
        office.clock.advance(hours=1)
        office.mod(list_id, "<Phone>2</Phone><TermsRef><FullName>Never</FullName></TermsRef>")
        assert etree.tostring(office.ret(list_id)) == before

    def test_a_posting_moves_TimeModified_but_not_EditSequence(self, office: Office, clock: Clock) -> None:
        # 4: TimeModified can move without EditSequence moving
        list_id = office.add("Ann")
        sequence = office.ret(list_id).findtext("EditSequence")
        clock.advance(days=1)
        office.company.user_post(list_id, Decimal("10.00"))
        ret = office.ret(list_id)
        assert (ret.findtext("EditSequence"), ret.findtext("Balance")) == (sequence, "10.00")
        assert ret.findtext("TimeModified") == "2026-08-02T11:00:00-05:00"
        assert office.mod(list_id, "<Phone>1</Phone>", sequence).get("statusCode") == "0"
