"""What people do in QuickBooks' windows, and merges; sections are of qbxml-semantics.md."""

from datetime import date
from decimal import Decimal

import pytest

from qbwc_server.simulator import CompanyFile, SimulatorError
from tests.simulator.conftest import Office
from tests.simulator.sales import Shop, found, line, ref


@pytest.fixture
def shop(office: Office) -> Shop:
    return Shop(office)


@pytest.fixture
def two(office: Office, shop: Shop) -> tuple[str, str]:
    """Ann, and Anna who is the same."""
    return shop.customer, office.add("Anna")


class TestByHand:
    def test_a_payment_is_taken_for_an_invoice_by_its_number(self, shop: Shop, company: CompanyFile) -> None:
        shop.invoice("50.00", head="<RefNumber>17</RefNumber>")
        txn_id = company.take_payment(
            customer="Ann", amount="60.00", invoice="17", method="Check", ref_number="1001"
        )
        told = company.txn("ReceivePayment", txn_id)
        assert (told["UnusedPayment"], told["RefNumber"]) == ("10.00", "1001")
        assert told["PaymentMethodRef"]["FullName"] == "Check"
        assert company.txn("Invoice", "17")["IsPaid"] == "true"

    def test_a_payment_goes_down_the_invoices_named(self, shop: Shop, company: CompanyFile) -> None:
        first, second = shop.invoice("50.00"), shop.invoice("50.00")
        company.take_payment(customer="Ann", amount=70, invoice=[first, second])
        assert [company.txn("Invoice", one)["BalanceRemaining"] for one in (first, second)] == [
            "0.00",
            "30.00",
        ]
        with pytest.raises(SimulatorError, match="3120"):
            company.take_payment(customer="Ann", amount=5, invoice=first)

    def test_a_payment_for_nothing_stays_unused(self, shop: Shop, company: CompanyFile) -> None:
        txn_id = company.take_payment(customer="Ann", amount=Decimal("5.00"))
        assert company.txn("ReceivePayment", txn_id)["UnusedPayment"] == "5.00"

    def test_any_transaction_can_be_entered_edited_void_and_deleted(
        self, shop: Shop, company: CompanyFile
    ) -> None:
        values = {
            "CustomerRef": {"FullName": "Ann"},
            "InvoiceLineAdd": [{"ItemRef": {"FullName": "Nail"}, "Quantity": Decimal(4)}],
        }
        txn_id = company.user_add(values, "Invoice")
        company.user_edit(txn_id, {"Memo": "By hand"}, "Invoice")
        company.edit_amount(txn_id, "9.00")
        told = company.txn("Invoice", txn_id)
        assert (told["Memo"], told["Subtotal"], told["InvoiceLineRet"][0]["Rate"]) == (
            "By hand",
            "9.00",
            "2.25",
        )
        company.user_void(txn_id)
        assert company.customer("Ann")["Balance"] == "0.00"
        company.user_delete(txn_id, "Invoice")
        assert company.txns("Invoice") == []
        with pytest.raises(SimulatorError, match="no invoice"):
            company.txn("Invoice", txn_id)

    def test_names_change_and_elements_are_hidden(self, shop: Shop, company: CompanyFile) -> None:
        company.rename("Ann", "Ann Marie")
        company.make_inactive("ann marie")
        company.rename("Nail", "Nail 2in", "ItemNonInventory")
        assert company.customer("Ann Marie")["IsActive"] == "false"
        assert company.element("ItemNonInventory", "nail 2in")["Name"] == "Nail 2in"
        with pytest.raises(SimulatorError, match="3170"):
            company.rename("Work", "Nail 2in", "ItemService")

    def test_stock_is_counted(self, shop: Shop, company: CompanyFile) -> None:
        company.adjust_stock("Hammer", -4)
        told = company.element("ItemInventory", "Hammer")
        assert (told["QuantityOnHand"], told["AverageCost"]) == ("6", "8.00")
        assert company.element("Account", "Inventory Asset")["Balance"] == "48.00"

    def test_the_books_are_closed_for_people_too(self, shop: Shop, company: CompanyFile) -> None:
        company.close_books(date(2026, 8, 1))
        with pytest.raises(SimulatorError, match="3171"):
            company.take_payment(customer="Ann", amount=5)

    def test_acts_by_hand_count_nowhere(self, company: CompanyFile) -> None:
        company.user_add({"Name": "Ann"})
        company.take_payment(customer="Ann", amount=5)
        assert company.counts() == {}

    def test_what_is_entered_in_one_go_is_undone_together(self, shop: Shop, company: CompanyFile) -> None:
        def enter_all() -> None:
            with company.transaction():
                for _ in range(3):
                    company.take_payment(customer="Ann", amount=5)
                company.take_payment(customer="Nobody", amount=5)

        with pytest.raises(SimulatorError, match="no customer 'Nobody'"):
            enter_all()
        assert company.txns("ReceivePayment") == []


class TestMerges:
    """4 Merges."""

    def test_everything_of_the_one_belongs_to_the_other(
        self, shop: Shop, company: CompanyFile, two: tuple[str, str]
    ) -> None:
        ann, anna = two
        invoice, other = shop.invoice("50.00", "Anna"), shop.invoice("5.00")
        company.take_payment(customer="Anna", amount="20.00", invoice=invoice)
        shop.office.job(anna, "Kitchen")
        company.merge("Anna", "Ann")
        told = company.customer(ann)
        assert (told["Balance"], company.txn("Invoice", invoice)["CustomerRef"]["ListID"]) == ("35.00", ann)
        assert [one["FullName"] for one in company.customers()] == ["Ann", "Ann:Kitchen"]
        company.take_payment(customer="Ann", amount="35.00", invoice=[invoice, other])
        assert company.customer(ann)["Balance"] == "0.00"

    def test_the_source_is_told_as_deleted_and_its_name_is_free(
        self, shop: Shop, company: CompanyFile, two: tuple[str, str]
    ) -> None:
        company.merge("Anna", "Ann")
        asked = "<ListDeletedQueryRq><ListDelType>Customer</ListDelType></ListDeletedQueryRq>"
        assert found(shop.office.ask(asked), "ListDeletedRet").findtext("ListID") == two[1]
        assert shop.office.add("Anna") != two[1]

    def test_transactions_keep_their_times_and_sequences(
        self, shop: Shop, company: CompanyFile, two: tuple[str, str]
    ) -> None:
        # (U)
        invoice = shop.invoice("50.00", "Anna")
        before = shop.texts("Invoice", invoice, "TimeModified", "EditSequence")
        shop.office.clock.advance(minutes=1)
        company.merge("Anna", "Ann")
        assert shop.texts("Invoice", invoice, "TimeModified", "EditSequence") == before

    def test_an_application_merges_with_both_sequences(self, shop: Shop, two: tuple[str, str]) -> None:
        # 4: ListMerge (7.0) needs both EditSequences
        sequences = [shop.office.ret(one).findtext("EditSequence") for one in two]
        request = (
            "<ListMergeRq><ListMergeType>Customer</ListMergeType><MergeFrom><ListID>{0}</ListID><EditSequence>{1}"
            "</EditSequence></MergeFrom><MergeTo><ListID>{2}</ListID><EditSequence>{3}</EditSequence></MergeTo>"
            "</ListMergeRq>"
        )
        stale = shop.office.ask(request.format(two[1], "1", two[0], sequences[0]))
        assert stale.get("statusCode") == "3200"
        rs = shop.office.ask(request.format(two[1], sequences[1], two[0], sequences[0]))
        assert (rs.get("statusCode"), rs.findtext("MergedFrom/FullName"), rs.findtext("MergedTo/ListID")) == (
            "0",
            "Anna",
            two[0],
        )
        assert rs.findtext("MergedTo/EditSequence") != sequences[0]

    def test_items_merge_with_their_stock_and_lines(self, shop: Shop, company: CompanyFile) -> None:
        shop.stocked("Mallet", "22.00", cost="9.00", on_hand="10")
        txn_id = shop.add("Invoice", line("Mallet", "<Quantity>2</Quantity>")).findtext("TxnID") or ""
        company.merge("Mallet", "Hammer", "ItemInventory")
        told = company.element("ItemInventory", "Hammer")
        assert (told["QuantityOnHand"], told["AverageCost"]) == ("18", "8.44444")
        assert company.txn("Invoice", txn_id)["InvoiceLineRet"][0]["ItemRef"]["FullName"] == "Hammer"

    def test_accounts_merge_but_not_those_quickbooks_needs(self, shop: Shop, company: CompanyFile) -> None:
        shop.invoice("50.00")
        company.merge("Sales", "Services", "Account")
        assert company.element("Account", "Services")["Balance"] == "50.00"
        assert (
            company.element("ItemService", "Work")["SalesOrPurchase"]["AccountRef"]["FullName"] == "Services"
        )
        with pytest.raises(SimulatorError, match="3160"):
            company.merge("Accounts Receivable", "Checking", "Account")

    def test_nothing_merges_into_itself_or_its_own_job(
        self, shop: Shop, company: CompanyFile, office: Office
    ) -> None:
        office.job(shop.customer, "Kitchen")
        for target in ("Ann", "Ann:Kitchen"):
            with pytest.raises(SimulatorError, match="QuickBooks refuses this"):
                company.merge("Ann", target)


class TestOpening:
    def test_a_customers_opening_balance_is_an_invoice_or_a_credit(
        self, shop: Shop, company: CompanyFile
    ) -> None:
        for name, amount in (("Bob", "40.00"), ("Cat", "-15.00")):
            shop.office.add(
                name, f"<OpenBalance>{amount}</OpenBalance><OpenBalanceDate>2026-07-01</OpenBalanceDate>"
            )
        [invoice], [credit] = company.txns("Invoice"), company.txns("CreditMemo")
        assert (invoice["BalanceRemaining"], invoice["TxnDate"]) == ("40.00", "2026-07-01")
        assert (credit["CreditRemaining"], "RefNumber" in credit) == ("15.00", False)
        assert company.element("Account", "Opening Balance Equity")["Balance"] == "105.00"

    def test_a_posting_by_hand_can_be_paid(self, shop: Shop, company: CompanyFile) -> None:
        txn_id = company.user_post(shop.customer, Decimal("12.00"))
        company.take_payment(customer="Ann", amount="12.00", invoice=txn_id)
        assert company.customer("Ann")["Balance"] == "0.00"


def test_an_application_that_may_only_read_cannot_write_transactions(
    shop: Shop, company: CompanyFile
) -> None:
    # 2: 3260
    company.set_permission("read")
    rs = shop.try_add("Invoice", line("Nail"), ref("Terms", "Net 30"))
    assert rs.get("statusCode") == "3260"
