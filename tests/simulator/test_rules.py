"""Both positions of what the references leave open: sets, texts, times, lists, queries (qbxml-semantics.md, mark U)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qbwc_server.simulator import CompanyFile, SimulatorError
from qbwc_server.simulator.company.rules import RULES
from tests.simulator.conftest import Clock, Office, document
from tests.simulator.switched import both, switched

pytestmark = pytest.mark.usefixtures("moved")
CODE = "statusCode"
README = Path(__file__).parents[2] / "qbwc_server/simulator/README.md"


def item(kind: str, name: str, more: str) -> str:
    return f"<{kind}AddRq><{kind}Add><Name>{name}</Name>{more}</{kind}Add></{kind}AddRq>"


def service(name: str, more: str = "") -> str:
    account = "<AccountRef><FullName>Sales</FullName></AccountRef>"
    return item("ItemService", name, f"{more}<SalesOrPurchase><Price>1.00</Price>{account}</SalesOrPurchase>")


# -- the table ---------------------------------------------------------------------------------------------------


def test_every_rule_is_tested_both_ways() -> None:
    assert switched() == RULES.keys()


def test_every_rule_stands_in_the_readme() -> None:
    text = README.read_text("utf-8")
    assert [name for name in RULES if f"`{name}`" not in text] == []


def test_a_rule_that_is_not_there_is_told(company: CompanyFile, tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="no rule 'colour'"):
        company.rule("colour")
    with pytest.raises(SimulatorError, match="can be half_up or half_even, not 'up'"):
        company.rule("tax_rounding", "up")


def test_a_rule_is_kept_in_the_file_and_seen_by_others(company: CompanyFile, clock: Clock) -> None:
    other = CompanyFile.open(company.path, clock)
    company.rule("txn_order", "TxnDate")
    assert (other.rule("txn_order"), other.rule("list_order")) == ("TxnDate", "FullName")
    other.rule("txn_order", "created")
    assert company.rule("txn_order") == "created"
    other.close()


def test_rules_are_given_to_a_new_file(tmp_path: Path) -> None:
    made = CompanyFile.create(
        tmp_path / "new.sqlite", company_name="New", timezone="UTC", rules={"unknown_set": "600"}
    )
    assert made.rule("unknown_set") == "600"
    made.close()


# -- 1 Envelope, 7 Versions --------------------------------------------------------------------------------------


@both("unknown_version", "0x80040423", "0x80040400")
def test_a_version_that_nobody_has(office: Office, expected: str) -> None:
    assert office.refusal(document("<HostQueryRq/>", version="99.0"))[0] == expected


@both("unknown_set", "9002", "600")
def test_asking_for_a_set_that_was_never_stored(office: Office, expected: str) -> None:
    asked = office.set("", newMessageSetID="never", oldMessageSetID="never")
    assert asked.get("messageSetStatusCode") == expected


@both("broken_set", ("9002", "9002", 1), ("9002", "0", 2))
def test_a_set_that_broke_off_is_sent_again(office: Office, expected: tuple[str, str, int]) -> None:
    # 1 Error recovery: 9002 not stored whole
    office.company.faults.arm("break_after", requests=1)
    two = "".join(
        f"<CustomerAddRq><CustomerAdd><Name>{name}</Name></CustomerAdd></CustomerAddRq>"
        for name in ("A", "B")
    )
    office.refusal(document(two, newMessageSetID="broken"))
    asked = office.set("", newMessageSetID="broken", oldMessageSetID="broken")
    again = office.set(two, newMessageSetID="broken")
    codes = (asked.get("messageSetStatusCode"), again.get("messageSetStatusCode"))
    assert (*codes, len(office.company.customers())) == expected


@both("blank_before_declaration", "0x80040400", "")
def test_a_blank_before_the_declaration(office: Office, expected: str) -> None:
    text = f"\n{document('<HostQueryRq/>')}"
    if expected:
        assert office.refusal(text)[0] == expected
    else:
        assert office.raw(text)[0].get(CODE) == "0"


@both("stored_sets", ("0", "0"), ("9002", "0"))
def test_the_answer_of_the_set_before_the_last(office: Office, expected: tuple[str, str]) -> None:
    # 1: how many are kept
    for name in ("one", "two"):
        office.set("<HostQueryRq/>", newMessageSetID=name)
    asked = [office.set("", newMessageSetID=name, oldMessageSetID=name) for name in ("one", "two")]
    assert tuple(one.get("messageSetStatusCode") for one in asked) == expected


@both("set_id_length", "9004", "0")
def test_a_message_set_id_of_24_characters(office: Office, expected: str) -> None:
    assert office.set("<HostQueryRq/>", newMessageSetID="x" * 24).get("messageSetStatusCode") == expected


@both("error_recovery", (0, 0, 0), (1, 1, 0))
def test_the_identity_of_what_was_stored(office: Office, expected: tuple[int, ...]) -> None:
    # 1: ErrorRecovery, from 11.0
    added = "<CustomerAddRq><CustomerAdd><Name>{}</Name></CustomerAdd></CustomerAddRq>"
    told = office.set(added.format("A"), newMessageSetID="a")
    bare = office.set(added.format("B"), newMessageSetID="b", responseData="includeNone")
    older = office.set(added.format("C"), newMessageSetID="c", version="10.0")
    assert tuple(len(one.findall("*/ErrorRecovery")) for one in (told, bare, older)) == expected
    assert {one.findtext("ListID") for one in told.iter("ErrorRecovery")} <= {
        one.findtext("ListID") for one in told.iter("CustomerRet")
    }


@both("edition_lacks", "3250", "1030")
def test_what_the_edition_lacks(office: Office, tmp_path: Path, expected: str) -> None:
    position = "3250" if expected == "3250" else "1030"
    pro = CompanyFile.create(
        tmp_path / "pro.sqlite",
        company_name="Pro",
        timezone="UTC",
        edition="Pro",
        rules={"edition_lacks": position},
    )
    assert f'statusCode="{expected}"' in pro.process("s", document("<SalesOrderQueryRq/>"))
    pro.close()


@both("feature_off", ("3250", 0), ("530", 1))
def test_a_reference_of_a_feature_that_is_off(office: Office, expected: tuple[str, int]) -> None:
    office.company.prefer("class_tracking", is_on=False)
    more = "<ClassRef><FullName>East</FullName></ClassRef>"
    rs = office.ask(f"<CustomerAddRq><CustomerAdd><Name>Ann</Name>{more}</CustomerAdd></CustomerAddRq>")
    assert (rs.get(CODE), len(office.company.customers())) == expected


@both("reader_writes", "3260", "3261")
def test_a_reader_that_writes(office: Office, expected: str) -> None:
    office.company.set_permission("read")
    rs = office.ask("<CustomerAddRq><CustomerAdd><Name>Ann</Name></CustomerAdd></CustomerAddRq>")
    assert rs.get(CODE) == expected


# -- 5 Field rules: texts ----------------------------------------------------------------------------------------


@both("windows_characters", "5? ?a?", "5€ “a”")
def test_characters_that_windows_has_beside_latin_1(office: Office, expected: str) -> None:
    list_id = office.add("Ann")
    office.mod(list_id, "<Notes>5&#8364; &#8220;a&#8221;</Notes>")
    assert office.ret(list_id).findtext("Notes") == expected


@both("windows_characters", "?", "?")
def test_other_letters_are_question_marks_either_way(office: Office, expected: str) -> None:
    list_id = office.add("Ann", "<CompanyName>&#1040;</CompanyName>")
    assert office.ret(list_id).findtext("CompanyName") == expected


@both("line_breaks", "one\ntwo", "one two")
def test_a_line_break_in_a_text(office: Office, expected: str) -> None:
    list_id = office.add("Ann")
    office.mod(list_id, "<Notes>one\ntwo</Notes>")
    assert office.ret(list_id).findtext("Notes") == expected


@both("name_spaces", " Ann ", "Ann")
def test_spaces_around_a_name(office: Office, expected: str) -> None:
    assert office.ret(office.add(" Ann ")).findtext("Name") == expected


# -- 4 Identity, concurrency, time -------------------------------------------------------------------------------


@both("edit_sequence", False, True)
def test_two_edits_within_one_second(office: Office, expected: bool) -> None:
    list_id = office.add("Ann")
    before = office.ret(list_id).findtext("EditSequence")
    office.mod(list_id, "<Phone>1</Phone>")
    assert (office.ret(list_id).findtext("EditSequence") == before) == expected


@both("printed_offset", "2026-08-01T11:00:00-05:00", "2026-08-01T11:00:00-04:00")
def test_a_time_in_summer(office: Office, expected: str) -> None:
    assert office.ret(office.add("Ann")).findtext("TimeModified") == expected


@both("filter_offset", ["Ann"], [])
def test_an_offset_in_a_filter(office: Office, expected: list[str]) -> None:
    # Written at 11:00 on the wall: 12:00-04:00 is the same instant by January's clock only.
    office.add("Ann")
    window = "<FromModifiedDate>2026-08-01T12:00:00-04:00</FromModifiedDate>"
    assert office.names(f"<CustomerQueryRq>{window}</CustomerQueryRq>") == expected


@both("parent_times", False, True)
def test_a_posting_to_a_job(office: Office, expected: bool) -> None:
    parent = office.add("Ann")
    job = office.job(parent, "Job")
    before = office.ret(parent).findtext("TimeModified")
    office.clock.advance(hours=1)
    office.company.user_post(job, 10)  # type: ignore[arg-type]
    assert (office.ret(parent).findtext("TimeModified") != before) == expected


@both("data_ext_times", False, True)
def test_a_custom_field_of_a_customer(office: Office, expected: bool) -> None:
    list_id = office.add("Ann")
    defined = "<DataExtName>Size</DataExtName><DataExtType>STR255TYPE</DataExtType>"
    office.ask(
        f"<DataExtDefAddRq><DataExtDefAdd><OwnerID>0</OwnerID>{defined}<AssignToObject>Customer"
        "</AssignToObject></DataExtDefAdd></DataExtDefAddRq>"
    )
    before = office.ret(list_id).findtext("TimeModified")
    office.clock.advance(hours=1)
    rs = office.ask(
        "<DataExtAddRq><DataExtAdd><OwnerID>0</OwnerID><DataExtName>Size</DataExtName><ListDataExtType>Customer"
        f"</ListDataExtType><ListObjRef><ListID>{list_id}</ListID></ListObjRef><DataExtValue>9</DataExtValue>"
        "</DataExtAdd></DataExtAddRq>"
    )
    assert rs.get(CODE) == "0", rs.get("statusMessage")
    assert (office.ret(list_id).findtext("TimeModified") != before) == expected


@both("rename_below", False, True)
def test_a_renamed_parent(office: Office, expected: bool) -> None:
    parent = office.add("Ann")
    job = office.job(parent, "Job")
    before = [office.ret(job).findtext(name) for name in ("TimeModified", "EditSequence")]
    office.clock.advance(hours=1)
    office.mod(parent, "<Name>Bea</Name>")
    after = office.ret(job)
    assert after.findtext("FullName") == "Bea:Job"
    moved = [after.findtext(name) for name in ("TimeModified", "EditSequence")]
    assert (before[0] != moved[0], before[1] != moved[1]) == (expected, expected)


# -- 2, 5, 6: lists ----------------------------------------------------------------------------------------------


@both("unknown_list_id", "3120", "3240")
def test_a_list_id_that_nobody_has(office: Office, expected: str) -> None:
    assert office.mod("80000009-1", "<Phone>1</Phone>", "1").get(CODE) == expected
    request = "<ListDelRq><ListDelType>Customer</ListDelType><ListID>80000009-1</ListID></ListDelRq>"
    assert office.ask(request).get(CODE) == expected


@both("long_address", "0", "3205")
def test_an_address_of_seven_lines(office: Office, expected: str) -> None:
    lines = "".join(f"<Addr{number}>{number}</Addr{number}>" for number in range(1, 6))
    address = f"<BillAddress>{lines}<City>Austin</City><Country>USA</Country></BillAddress>"
    rs = office.ask(f"<CustomerAddRq><CustomerAdd><Name>Ann</Name>{address}</CustomerAdd></CustomerAddRq>")
    assert rs.get(CODE) == expected


@both("too_deep", "3180", "3130")
def test_a_sixth_level(office: Office, expected: str) -> None:
    parent = office.add("L0")
    for level in range(1, 5):
        parent = office.job(parent, f"L{level}")
    below = f"<ParentRef><ListID>{parent}</ListID></ParentRef>"
    rs = office.ask(f"<CustomerAddRq><CustomerAdd><Name>L5</Name>{below}</CustomerAdd></CustomerAddRq>")
    assert rs.get(CODE) == expected


@both("name_quotes", "0", "3090")
def test_a_double_quote_in_a_name(office: Office, expected: str) -> None:
    rs = office.ask('<CustomerAddRq><CustomerAdd><Name>Ann "A"</Name></CustomerAdd></CustomerAddRq>')
    assert rs.get(CODE) == expected


@both("unknown_owner", "3120", "3121")
def test_private_data_of_an_owner_that_nobody_is(office: Office, expected: str) -> None:
    owner = "{12345678-1234-1234-1234-123456789012}"
    list_id = office.add("Ann")
    rs = office.ask(
        f"<DataExtAddRq><DataExtAdd><OwnerID>{owner}</OwnerID><DataExtName>Size</DataExtName>"
        f"<ListDataExtType>Customer</ListDataExtType><ListObjRef><ListID>{list_id}</ListID></ListObjRef>"
        "<DataExtValue>9</DataExtValue></DataExtAdd></DataExtAddRq>"
    )
    assert rs.get(CODE) == expected


@both("merge_text", "There was an error when modifying", "Cannot merge list elements.")
def test_the_text_of_a_merge(office: Office, expected: str) -> None:
    office.add("Ann")
    rs = office.mod(office.add("Bea"), "<Name>Ann</Name>")
    assert (rs.get(CODE), (rs.get("statusMessage") or "").startswith(expected)) == ("3170", True)


@both("address_lines", None, "1 Oak St")
def test_lines_of_an_address_that_a_mod_leaves_out(office: Office, expected: str | None) -> None:
    address = "<BillAddress><Addr1>1 Oak St</Addr1><City>Austin</City></BillAddress>"
    list_id = office.add("Ann", address)
    office.mod(list_id, "<BillAddress><City>Dallas</City></BillAddress>")
    ret = office.ret(list_id)
    assert (ret.findtext("BillAddress/City"), ret.findtext("BillAddress/Addr1")) == ("Dallas", expected)


def entry(name: str, value: str) -> str:
    inside = f"<ContactName>{name}</ContactName><ContactValue>{value}</ContactValue>"
    return f"<AdditionalContactRef>{inside}</AdditionalContactRef>"


@both("part_lists", ["Skype"], ["Pager", "Skype"])
def test_contact_entries_of_a_mod(office: Office, expected: list[str]) -> None:
    list_id = office.add("Ann", entry("Pager", "1"))
    office.mod(list_id, entry("Skype", "ann"))
    shown = office.ret(list_id).findall("AdditionalContactRef/ContactName")
    assert [one.text for one in shown] == expected


@both("part_lists", ["Bo"], ["Al", "Bo"])
def test_contacts_of_a_mod(office: Office, expected: list[str]) -> None:
    list_id = office.add("Ann", "<Contacts><FirstName>Al</FirstName></Contacts>")
    office.mod(list_id, "<ContactsMod><FirstName>Bo</FirstName></ContactsMod>")
    assert [one.text for one in office.ret(list_id).findall("ContactsRet/FirstName")] == expected


@both("contact_mirror", "555", None)
def test_a_contact_entry_named_like_a_field(office: Office, expected: str | None) -> None:
    list_id = office.add("Ann", entry("Main Phone", "555"))
    assert office.ret(list_id).findtext("Phone") == expected


@both("sub_items", "3130", "0")
def test_a_sub_item_below_another_kind(office: Office, expected: str) -> None:
    office.ask(item("ItemSubtotal", "Top", ""))
    below = "<ParentRef><FullName>Top</FullName></ParentRef>"
    assert office.ask(service("One", below)).get(CODE) == expected


@both("missing_account", "3270", "3150")
def test_an_item_without_its_account(office: Office, expected: str) -> None:
    form = "<SalesOrPurchase><Price>1.00</Price></SalesOrPurchase>"
    assert office.ask(item("ItemService", "One", form)).get(CODE) == expected


@both("external_guid_twice", "0", "3100")
def test_an_external_guid_given_twice(office: Office, expected: str) -> None:
    guid = "<ExternalGUID>{12345678-1234-1234-1234-123456789012}</ExternalGUID>"
    office.add("Ann", guid)
    again = f"<CustomerAddRq><CustomerAdd><Name>Bea</Name>{guid}</CustomerAdd></CustomerAddRq>"
    assert office.ask(again).get(CODE) == expected


@both("customer_opening", "Opening Balance Equity", "Uncategorized Income")
def test_the_other_side_of_a_customers_opening_balance(office: Office, expected: str) -> None:
    office.add("Ann", "<OpenBalance>10.00</OpenBalance>")
    moved = {
        one.findtext("Name")
        for one in office.ask("<AccountQueryRq/>")
        if one.findtext("Balance") not in ("0.00", None)
    }
    assert moved == {"Accounts Receivable", expected}


@both("account_opening_mod", "5.00", "8.00")
def test_an_opening_balance_in_a_mod_of_an_account(office: Office, expected: str) -> None:
    more = "<AccountType>Bank</AccountType><OpenBalance>5.00</OpenBalance>"
    ret = office.ask(item("Account", "Safe", more))[0]
    ids = "".join(f"<{name}>{ret.findtext(name)}</{name}>" for name in ("ListID", "EditSequence"))
    rs = office.ask(
        f"<AccountModRq><AccountMod>{ids}<OpenBalance>8.00</OpenBalance></AccountMod></AccountModRq>"
    )
    assert rs.findtext("AccountRet/Balance") == expected


@both("currency_change", "3210", "0")
def test_another_currency_for_a_customer_with_transactions(office: Office, expected: str) -> None:
    office.company.prefer("multi_currency", is_on=True)
    office.ask(item("Currency", "Euro", "<CurrencyCode>EUR</CurrencyCode>"))
    list_id = office.add("Ann", "<OpenBalance>10.00</OpenBalance>")
    rs = office.mod(list_id, "<CurrencyRef><FullName>Euro</FullName></CurrencyRef>")
    assert rs.get(CODE) == expected


# -- 3 Iterators and queries -------------------------------------------------------------------------------------


@pytest.fixture
def three(office: Office) -> list[str]:
    return [office.add(name) for name in ("Cy", "Al", "Bo")]


def page(office: Office, key: str = "", size: int = 1, more: str = "") -> Any:
    """A page of one customer; the first without a key."""
    how = f'iterator="Continue" iteratorID="{key}"' if key else 'iterator="Start"'
    request = f"<CustomerQueryRq {how} {more}><MaxReturned>{size}</MaxReturned></CustomerQueryRq>"
    return office.ask(request)


@both("name_filter", [], ["Ann:Job"])
def test_a_name_filter_on_a_full_name(office: Office, expected: list[str]) -> None:
    office.job(office.add("Ann"), "Job")
    wanted = "<NameFilter><MatchCriterion>StartsWith</MatchCriterion><Name>Ann:</Name></NameFilter>"
    assert office.names(f"<CustomerQueryRq>{wanted}</CustomerQueryRq>") == expected


@both("list_order", ["Al", "Bo", "Cy"], ["Cy", "Al", "Bo"])
@pytest.mark.usefixtures("three")
def test_the_order_of_a_list(office: Office, expected: list[str]) -> None:
    assert office.names("<CustomerQueryRq/>") == expected


@both("found_beside_missing", ["Al"], [])
@pytest.mark.usefixtures("three")
def test_what_was_found_beside_what_was_not(office: Office, expected: list[str]) -> None:
    asked = "<CustomerQueryRq><FullName>Al</FullName><FullName>No</FullName></CustomerQueryRq>"
    assert office.ask(asked).get(CODE) == "500"
    assert office.names(asked) == expected


@both("iterator_rows", 1, 0)
def test_a_row_that_does_not_match_any_more(office: Office, three: list[str], expected: int) -> None:
    key = page(office).get("iteratorID")
    office.company.make_inactive("Bo")
    assert len(page(office, key)) == expected
    assert page(office, key).get("iteratorRemainingCount") == "0"


@both("iterator_ret_count", "1", "3")
@pytest.mark.usefixtures("three")
def test_the_count_of_a_page(office: Office, expected: str) -> None:
    assert page(office, more='metaData="MetaDataAndResponseData"').get("retCount") == expected


@both("max_returned", "0", "3391")
@pytest.mark.usefixtures("three")
def test_another_size_for_the_next_page(office: Office, expected: str) -> None:
    assert page(office, page(office).get("iteratorID"), size=2).get(CODE) == expected


@both("dead_iterator", "3391", "1000")
@pytest.mark.usefixtures("three")
def test_a_dead_iterator(office: Office, expected: str) -> None:
    assert page(office, "{11111111-1111-1111-1111-111111111111}").get(CODE) == expected


@both("single_page", False, True)
@pytest.mark.usefixtures("three")
def test_a_first_page_that_is_the_last(office: Office, expected: bool) -> None:
    first = page(office, size=3)
    assert first.get("iteratorRemainingCount") == "0"
    assert (first.get("iteratorID") is None) == expected
