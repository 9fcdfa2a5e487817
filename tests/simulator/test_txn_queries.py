"""Queries over transactions, deletions and voids; sections are of qbxml-semantics.md."""

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from qbwc_server.simulator.company import date_macros
from tests.simulator.conftest import Office, document
from tests.simulator.sales import Shop, found, line, ref

FORMS = ("Invoice", "CreditMemo", "SalesReceipt", "SalesOrder", "Estimate")
GUID = "{11111111-2222-3333-4444-555555555555}"


@pytest.fixture
def shop(office: Office) -> Shop:
    return Shop(office)


def numbers(rs: etree._Element) -> list[str]:
    return [one.findtext("RefNumber") or "" for one in rs]


def query(office: Office, inside: str = "", kind: str = "Invoice", attributes: str = "") -> etree._Element:
    return office.ask(f"<{kind}QueryRq {attributes}>{inside}</{kind}QueryRq>")


class TestFinding:
    @pytest.mark.parametrize("kind", FORMS)
    def test_lines_and_links_come_for_those_who_ask(self, shop: Shop, office: Office, kind: str) -> None:
        # 3: IncludeLineItems default false
        shop.add(kind, line("Nail", "", kind))
        assert query(office, "", kind).find(f"{kind}Ret/{kind}LineRet") is None
        with_lines = query(office, "<IncludeLineItems>true</IncludeLineItems>", kind)
        assert with_lines.find(f"{kind}Ret/{kind}LineRet") is not None

    def test_by_number_all_that_have_it_are_found(self, shop: Shop, office: Office) -> None:
        # 3, 5: RefNumbers are not unique
        for number in ("A-1", "a-1", "B-2"):
            shop.invoice("1.00", head=f"<RefNumber>{number}</RefNumber>")
        assert numbers(query(office, "<RefNumber>a-1</RefNumber>")) == ["A-1", "a-1"]
        exact = "<RefNumberCaseSensitive>a-1</RefNumberCaseSensitive>"
        assert numbers(query(office, exact)) == ["a-1"]

    def test_what_is_named_and_missing_is_500_with_the_rest(self, shop: Shop, office: Office) -> None:
        # 2: 500
        invoice = shop.invoice("1.00")
        rs = query(office, f"<TxnID>{invoice}</TxnID><TxnID>99-1</TxnID>")
        assert (rs.get("statusCode"), len(rs)) == ("500", 1)
        assert '("99-1")' in (rs.get("statusMessage") or "")
        assert query(office, "<RefNumber>none</RefNumber>").get("statusCode") == "500"

    def test_nothing_at_all_is_1(self, shop: Shop, office: Office) -> None:
        assert query(office).get("statusCode") == "1"
        shop.add("Estimate", line("Nail", "", "Estimate"))
        assert query(office, f"<TxnID>{shop.credit('1.00')}</TxnID>").get("statusCode") == "500"

    @pytest.mark.parametrize(
        ("status", "expected"), [("All", ["1", "2", "3"]), ("PaidOnly", ["1"]), ("NotPaidOnly", ["2"])]
    )
    def test_paid_and_open_invoices(
        self, shop: Shop, office: Office, status: str, expected: list[str]
    ) -> None:
        # 6: open invoices are NotPaidOnly
        shop.pay("10.00", (shop.invoice("10.00"), "10.00"))
        shop.invoice("20.00")
        shop.invoice("30.00", head="<IsPending>true</IsPending>")
        assert numbers(query(office, f"<PaidStatus>{status}</PaidStatus>")) == expected

    def test_a_payment_brings_its_invoice_into_the_window(self, shop: Shop, office: Office) -> None:
        # 4 Filters: both ends inclusive
        first = shop.invoice("10.00")
        office.clock.advance(seconds=1)
        shop.invoice("20.00")
        office.clock.advance(seconds=1)
        window = (
            "<ModifiedDateRangeFilter><FromModifiedDate>{}</FromModifiedDate>"
            "<ToModifiedDate>{}</ToModifiedDate></ModifiedDateRangeFilter>"
        )
        assert numbers(query(office, window.format("2026-08-01T11:00:01", "2026-08-01T11:00:01"))) == ["2"]
        assert numbers(query(office, window.format("2026-08-01T11:00:00", "2026-08-01T11:00:01"))) == [
            "1",
            "2",
        ]
        shop.pay("1.00", (first, "1.00"))
        assert numbers(query(office, window.format("2026-08-01T11:00:02", "2026-08-02"))) == ["1"]

    @pytest.mark.parametrize(
        ("window", "expected"),
        [
            ("<FromTxnDate>2026-07-02</FromTxnDate>", ["2", "3"]),
            ("<ToTxnDate>2026-07-02</ToTxnDate>", ["1", "2"]),
            ("<FromTxnDate>2026-07-02</FromTxnDate><ToTxnDate>2026-07-02</ToTxnDate>", ["2"]),
            ("<DateMacro>LastMonth</DateMacro>", ["1", "2"]),
            ("<DateMacro>Today</DateMacro>", ["3"]),
        ],
    )
    def test_dates_of_transactions_have_both_their_ends(
        self, shop: Shop, office: Office, window: str, expected: list[str]
    ) -> None:
        for day in ("2026-07-01", "2026-07-02", "2026-08-01"):
            shop.invoice("1.00", head=f"<TxnDate>{day}</TxnDate>")
        rs = query(office, f"<TxnDateRangeFilter>{window}</TxnDateRangeFilter>")
        assert numbers(rs) == expected

    def test_a_range_that_ends_before_it_begins_is_3030(self, office: Office) -> None:
        window = "<FromTxnDate>2026-07-02</FromTxnDate><ToTxnDate>2026-07-01</ToTxnDate>"
        rs = query(office, f"<TxnDateRangeFilter>{window}</TxnDateRangeFilter>")
        assert rs.get("statusCode") == "3030"

    def test_a_customer_alone_or_with_its_jobs(self, shop: Shop, office: Office) -> None:
        office.job(shop.customer, "Kitchen")
        office.add("Bob")
        for customer in ("Ann", "Ann:Kitchen", "Bob"):
            shop.invoice("1.00", customer)
        wanted = "<EntityFilter><{0}>{1}</{0}></EntityFilter>"
        assert numbers(query(office, wanted.format("FullName", "Ann"))) == ["1"]
        assert numbers(query(office, wanted.format("ListIDWithChildren", shop.customer))) == ["1", "2"]

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            (
                "<RefNumberFilter><MatchCriterion>StartsWith</MatchCriterion><RefNumber>1</RefNumber></RefNumberFilter>",
                ["1", "10"],
            ),
            (
                "<RefNumberFilter><MatchCriterion>EndsWith</MatchCriterion><RefNumber>0</RefNumber></RefNumberFilter>",
                ["10"],
            ),
            (
                "<RefNumberRangeFilter><FromRefNumber>2</FromRefNumber><ToRefNumber>9</ToRefNumber></RefNumberRangeFilter>",
                ["2", "9"],
            ),
        ],
    )
    def test_numbers_by_part_and_by_range(
        self, shop: Shop, office: Office, wanted: str, expected: list[str]
    ) -> None:
        for number in ("1", "2", "9", "10"):
            shop.invoice("1.00", head=f"<RefNumber>{number}</RefNumber>")
        assert numbers(query(office, wanted)) == expected

    def test_pages_of_an_iterator(self, shop: Shop, office: Office) -> None:
        # 3
        for _ in range(5):
            shop.invoice("1.00")
        size = "<MaxReturned>2</MaxReturned>"
        page = query(office, size, attributes='iterator="Start"')
        seen, left = numbers(page), [page.get("iteratorRemainingCount")]
        while left[-1] != "0":
            again = f'iterator="Continue" iteratorID="{page.get("iteratorID")}"'
            page = query(office, size, attributes=again)
            seen += numbers(page)
            left.append(page.get("iteratorRemainingCount"))
        assert (seen, left) == (["1", "2", "3", "4", "5"], ["3", "1", "0"])

    def test_counted_only_when_asked(self, shop: Shop, office: Office) -> None:
        shop.invoice("1.00")
        assert query(office).get("retCount") is None
        rs = query(office, attributes='metaData="MetaDataOnly"')
        assert (rs.get("retCount"), len(rs)) == ("1", 0)

    def test_named_elements_only(self, shop: Shop, office: Office) -> None:
        shop.invoice("1.00")
        rs = query(
            office,
            "<IncludeRetElement>TxnID</IncludeRetElement><IncludeRetElement>IsPaid</IncludeRetElement>",
        )
        assert [one.tag for one in rs[0]] == ["TxnID", "IsPaid"]

    def test_an_old_version_is_answered_in_its_own_words(self, shop: Shop, office: Office) -> None:
        # 1: answered in the version of the request
        shop.add("Invoice", line("Nail"), f"<ExternalGUID>{GUID}</ExternalGUID>")
        old = office.ask("<InvoiceQueryRq/>", version="8.0")
        assert (old.find("InvoiceRet/ExternalGUID"), found(old, "InvoiceRet").findtext("IsPaid")) == (
            None,
            "false",
        )


class TestDeletedAndVoid:
    @pytest.mark.parametrize("kind", [*FORMS, "ReceivePayment"])
    def test_what_is_deleted_is_told_for_ninety_days(self, shop: Shop, office: Office, kind: str) -> None:
        # 4 Deletes, 1: no Ret around it
        if kind == "ReceivePayment":
            txn_id, number = shop.pay("5.00").findtext("TxnID") or "", None
        else:
            ret = shop.add(kind, line("Nail", "", kind))
            txn_id, number = ret.findtext("TxnID") or "", ret.findtext("RefNumber")
        rs = shop.delete(kind, txn_id)
        told = {child.tag: child.text for child in rs}
        assert (told["TxnDelType"], told["TxnID"], told.get("RefNumber")) == (kind, txn_id, number)
        asked = f"<TxnDeletedQueryRq><TxnDelType>{kind}</TxnDelType></TxnDeletedQueryRq>"
        assert found(office.ask(asked), "TxnDeletedRet").findtext("TxnID") == txn_id
        assert shop.balance() == 0
        office.clock.advance(days=91)
        assert office.ask(asked).get("statusCode") == "1"

    def test_what_is_not_there_is_3120(self, shop: Shop) -> None:
        assert shop.delete("Invoice", "99-1").get("statusCode") == "3120"
        assert shop.delete("Estimate", shop.invoice("1.00")).get("statusCode") == "3120"
        assert shop.void("CreditMemo", "99-1").get("statusCode") == "3120"

    @pytest.mark.parametrize("kind", ["Invoice", "CreditMemo", "SalesReceipt"])
    def test_a_void_transaction_stays_with_zeros(self, shop: Shop, office: Office, kind: str) -> None:
        # 4: zero amounts and a changed EditSequence
        ret = shop.add(kind, line("Hammer", "", kind), "<Memo>Hi</Memo>")
        txn_id = ret.findtext("TxnID") or ""
        office.clock.advance(minutes=1)
        rs = shop.void(kind, txn_id)
        assert [child.tag for child in rs] == [
            "TxnVoidType",
            "TxnID",
            "TimeCreated",
            "TimeModified",
            "RefNumber",
        ]
        after = shop.ret(kind, txn_id)
        assert after.findtext("EditSequence") != ret.findtext("EditSequence")
        assert (after.findtext("Subtotal"), after.findtext("Memo")) == ("0.00", "VOID: Hi")
        assert after.findtext(f"{kind}LineRet/Amount") == "0.00"
        assert (shop.balance(), shop.stock("Hammer"), shop.account("Sales")) == (0, 10, 0)

    @pytest.mark.parametrize("kind", ["SalesOrder", "Estimate"])
    def test_what_posts_nothing_cannot_be_void(self, office: Office, kind: str) -> None:
        request = f"<TxnVoidRq><TxnVoidType>{kind}</TxnVoidType><TxnID>1-1</TxnID></TxnVoidRq>"
        assert office.refusal(document(request))[0] == "0x80040400"


class TestNamedPeriods:
    SATURDAY = "2026-08-01"

    @pytest.mark.parametrize(
        ("macro", "start", "end"),
        [
            ("Yesterday", "2026-07-31", "2026-07-31"),
            ("ThisWeek", "2026-07-26", "2026-08-01"),
            ("LastWeek", "2026-07-19", "2026-07-25"),
            ("ThisMonthToDate", "2026-08-01", "2026-08-01"),
            ("ThisCalendarQuarter", "2026-07-01", "2026-09-30"),
            ("LastFiscalYear", "2025-01-01", "2025-12-31"),
            ("NextMonth", "2026-09-01", "2026-09-30"),
            ("NextFourWeeks", "2026-08-02", "2026-08-29"),
            ("LastCalendarYearToDate", "2025-01-01", "2025-08-01"),
            ("All", "0001-01-01", "9999-12-31"),
        ],
    )
    def test_they_are_stretches_of_the_calendar(self, macro: str, start: str, end: str) -> None:
        assert date_macros.period(macro, self.SATURDAY) == (start, end)

    @given(
        st.dates(date(1990, 1, 1), date(2100, 1, 1)),
        st.sampled_from(["Week", "Month", "CalendarQuarter", "FiscalYear"]),
    )
    def test_last_this_and_next_follow_each_other_without_a_gap(self, day: date, unit: str) -> None:
        stretches = [
            date_macros.period(f"{which}{unit}", day.isoformat()) for which in ("Last", "This", "Next")
        ]
        assert stretches[1][0] <= day.isoformat() <= stretches[1][1]
        for before, after in itertools.pairwise(stretches):
            assert date.fromisoformat(before[1]) + timedelta(days=1) == date.fromisoformat(after[0])


class TestCustomFields:
    DEFINE = (
        "<DataExtDefAddRq><DataExtDefAdd><OwnerID>{0}</OwnerID><DataExtName>{1}</DataExtName>"
        "<DataExtType>STR255TYPE</DataExtType><AssignToObject>{2}</AssignToObject></DataExtDefAdd></DataExtDefAddRq>"
    )

    def set(
        self, office: Office, where: str, value: str = "Red", owner: str = "0", request: str = "Add"
    ) -> etree._Element:
        return office.ask(
            f"<DataExt{request}Rq><DataExt{request}><OwnerID>{owner}</OwnerID><DataExtName>Color</DataExtName>"
            f"{where}<DataExtValue>{value}</DataExtValue></DataExt{request}></DataExt{request}Rq>"
        )

    def item(self, name: str = "Nail") -> str:
        return f"<ListDataExtType>Item</ListDataExtType><ListObjRef><FullName>{name}</FullName></ListObjRef>"

    def test_a_field_is_defined_once_and_holds_texts(self, shop: Shop, office: Office) -> None:
        # 6: DataExt
        define = self.DEFINE.format("0", "Color", "Item")
        shop.ask_ok(define)
        assert office.ask(define).get("statusCode") == "3100"
        assert self.set(office, self.item()).findtext("DataExtRet/DataExtValue") == "Red"
        asked = "<ItemNonInventoryQueryRq><FullName>Nail</FullName>{}</ItemNonInventoryQueryRq>"
        assert office.ask(asked.format("")).find(".//DataExtRet") is None
        shown = office.ask(asked.format("<OwnerID>0</OwnerID>"))
        assert shown.findtext(".//DataExtRet/DataExtName") == "Color"
        self.set(office, self.item(), "Blue", request="Mod")
        assert office.ask(asked.format("<OwnerID>0</OwnerID>")).findtext(".//DataExtValue") == "Blue"

    def test_it_belongs_to_the_objects_it_is_assigned_to(self, shop: Shop, office: Office) -> None:
        shop.ask_ok(self.DEFINE.format("0", "Color", "Customer"))
        assert self.set(office, self.item()).get("statusCode") == "3120"
        nobody = "<ListDataExtType>Customer</ListDataExtType><ListObjRef><FullName>No</FullName></ListObjRef>"
        assert self.set(office, nobody).get("statusCode") == "3140"
        assert self.set(office, nobody.replace("No<", "Ann<"), "x" * 256).get("statusCode") == "3070"

    def test_transactions_and_their_lines_have_values_too(self, shop: Shop, office: Office) -> None:
        shop.ask_ok(self.DEFINE.format("0", "Color", "Invoice"))
        ret = shop.add("Invoice", line("Nail"))
        where = f"<TxnDataExtType>Invoice</TxnDataExtType><TxnID>{ret.findtext('TxnID')}</TxnID>"
        assert self.set(office, where).get("statusCode") == "0"
        on_line = f"{where}<TxnLineID>{ret.findtext('InvoiceLineRet/TxnLineID')}</TxnLineID>"
        assert self.set(office, on_line, "Green").get("statusCode") == "0"
        with_lines = "<IncludeLineItems>true</IncludeLineItems>"
        assert query(office, with_lines).find(".//DataExtRet") is None
        shown = found(query(office, with_lines + "<OwnerID>0</OwnerID>"), "InvoiceRet")
        assert shown.findtext("DataExtRet/DataExtValue") == "Red"
        assert shown.findtext("InvoiceLineRet/DataExtRet/DataExtValue") == "Green"

    def test_a_definition_can_be_renamed_listed_and_removed_with_its_values(
        self, shop: Shop, office: Office
    ) -> None:
        shop.ask_ok(self.DEFINE.format(GUID, "Color", "Item"))
        self.set(office, self.item(), owner=GUID)
        shop.ask_ok(
            f"<DataExtDefModRq><DataExtDefMod><OwnerID>{GUID}</OwnerID><DataExtName>Color</DataExtName>"
            "<DataExtNewName>Colour</DataExtNewName></DataExtDefMod></DataExtDefModRq>"
        )
        asked = f"<ItemNonInventoryQueryRq><FullName>Nail</FullName><OwnerID>{GUID}</OwnerID></ItemNonInventoryQueryRq>"
        assert office.ask(asked).findtext(".//DataExtRet/DataExtName") == "Colour"
        listed = office.ask(f"<DataExtDefQueryRq><OwnerID>{GUID}</OwnerID></DataExtDefQueryRq>")
        assert [one.findtext("DataExtName") for one in listed] == ["Colour"]
        shop.ask_ok(
            f"<DataExtDefDelRq><OwnerID>{GUID}</OwnerID><DataExtName>Colour</DataExtName></DataExtDefDelRq>"
        )
        assert office.ask(asked).find(".//DataExtRet") is None

    def test_a_value_can_be_removed(self, shop: Shop, office: Office) -> None:
        shop.ask_ok(self.DEFINE.format("0", "Color", "Item"))
        self.set(office, self.item())
        rs = office.ask(
            f"<DataExtDelRq><DataExtDel><OwnerID>0</OwnerID><DataExtName>Color</DataExtName>{self.item()}"
            "</DataExtDel></DataExtDelRq>"
        )
        assert (rs.get("statusCode"), rs.findtext("DataExtDelRet/DataExtName")) == ("0", "Color")


def test_a_line_can_bring_its_custom_fields_along(shop: Shop, office: Office) -> None:
    ext = (
        "<DataExt><OwnerID>0</OwnerID><DataExtName>Size</DataExtName><DataExtValue>L</DataExtValue></DataExt>"
    )
    shop.add("Invoice", line("Nail", ext), ref("Terms", "Net 30"))
    shown = query(office, "<IncludeLineItems>true</IncludeLineItems><OwnerID>0</OwnerID>")
    assert shown.findtext(".//InvoiceLineRet/DataExtRet/DataExtValue") == "L"


class TestTransactionQuery:
    def rows(self, office: Office, inside: str = "") -> list[tuple[str | None, str | None]]:
        rs = office.ask(f"<TransactionQueryRq>{inside}</TransactionQueryRq>")
        return [(one.findtext("TxnType"), one.findtext("Amount")) for one in rs]

    def test_it_tells_all_kinds_in_one_list(self, shop: Shop, office: Office) -> None:
        invoice = shop.invoice("10.00")
        shop.add("Estimate", line("Nail", "", "Estimate"))
        shop.pay("4.00", (invoice, "4.00"))
        everything = [("Invoice", "10.00"), ("Estimate", "1.25"), ("ReceivePayment", "4.00")]
        assert self.rows(office) == everything
        types = "<TransactionTypeFilter><TxnTypeFilter>Estimate</TxnTypeFilter></TransactionTypeFilter>"
        assert self.rows(office, types) == everything[1:2]
        status = "<TransactionPostingStatusFilter>Posting</TransactionPostingStatusFilter>"
        assert self.rows(office, status) == [everything[0], everything[2]]
        paid = "<TransactionPaidStatusFilter>Open</TransactionPaidStatusFilter>"
        assert self.rows(office, paid) == everything[:1]
        entity = "<TransactionEntityFilter><FullName>Ann</FullName></TransactionEntityFilter>"
        assert self.rows(office, entity) == everything
        macro = "<TransactionDateRangeFilter><DateMacro>Yesterday</DateMacro></TransactionDateRangeFilter>"
        assert self.rows(office, macro) == []
        assert self.rows(office, f"<TxnID>{invoice}</TxnID>") == everything[:1]

    def test_rows_of_single_postings_are_refused(self, office: Office) -> None:
        wanted = "<TransactionDetailLevelFilter>All</TransactionDetailLevelFilter>"
        rs = office.ask(f"<TransactionQueryRq>{wanted}</TransactionQueryRq>")
        assert rs.get("statusCode") == "1030"


class TestMacros:
    """1: same set only."""

    def test_a_payment_can_name_the_invoice_of_its_own_set(self, shop: Shop, office: Office) -> None:
        invoice = (
            f'<InvoiceAddRq><InvoiceAdd defMacro="TxnID:one">{ref("Customer", "Ann")}{line("Work")}'
            "</InvoiceAdd></InvoiceAddRq>"
        )
        payment = (
            f"<ReceivePaymentAddRq><ReceivePaymentAdd>{ref('Customer', 'Ann')}<TotalAmount>85.00</TotalAmount>"
            '<AppliedToTxnAdd><TxnID useMacro="TxnID:one"/><PaymentAmount>85.00</PaymentAmount></AppliedToTxnAdd>'
            "</ReceivePaymentAdd></ReceivePaymentAddRq>"
        )
        answer = office.set(invoice + payment)
        assert [one.get("statusCode") for one in answer] == ["0", "0"]
        assert shop.balance() == 0
        assert office.ask(payment).get("statusCode") == "9100"


def test_a_group_is_no_item_of_a_line(shop: Shop) -> None:
    # 2: 3280 (U)
    shop.ask_ok("<ItemGroupAddRq><ItemGroupAdd><Name>Kit</Name></ItemGroupAdd></ItemGroupAddRq>")
    assert shop.try_add("Invoice", line("Kit")).get("statusCode") == "3280"
