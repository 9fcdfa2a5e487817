"""Payments and credits applied to invoices; sections are of qbxml-semantics.md."""

from decimal import Decimal

import pytest

from tests.simulator.conftest import Office
from tests.simulator.sales import Shop, amount, found, line, ref

PAYMENT = "ReceivePayment"
AUTO = "<IsAutoApply>true</IsAutoApply>"


@pytest.fixture
def shop(office: Office) -> Shop:
    return Shop(office)


def rest(shop: Shop, *invoices: str) -> list[str | None]:
    return [shop.texts("Invoice", one, "BalanceRemaining")[0] for one in invoices]


class TestApplying:
    def test_one_payment_pays_several_invoices_and_keeps_the_rest(self, shop: Shop) -> None:
        # 6 Payments
        first, second = shop.invoice("100.00"), shop.invoice("50.00")
        payment = shop.pay("170.00", (first, "100.00"), (second, "20.00"))
        assert payment.findtext("UnusedPayment") == "50.00"
        told = [
            tuple(one.findtext(name) for name in ("TxnID", "TxnType", "Amount", "BalanceRemaining"))
            for one in payment.findall("AppliedToTxnRet")
        ]
        assert told == [(first, "Invoice", "100.00", "0.00"), (second, "Invoice", "20.00", "30.00")]
        assert shop.texts("Invoice", first, "IsPaid", "AppliedAmount", "BalanceRemaining") == (
            "true",
            "-100.00",
            "0.00",
        )
        assert shop.texts("Invoice", second, "IsPaid", "BalanceRemaining") == ("false", "30.00")
        assert (shop.balance(), shop.account("Undeposited Funds")) == (Decimal("-20.00"), 170)

    def test_both_sides_are_linked(self, shop: Shop) -> None:
        invoice = shop.invoice("10.00")
        payment = shop.pay("10.00", (invoice, "10.00")).findtext("TxnID")
        link = found(shop.ret("Invoice", invoice), "LinkedTxn")
        told = {name: link.findtext(name) for name in ("TxnID", "TxnType", "LinkType", "Amount")}
        assert told == {"TxnID": payment, "TxnType": PAYMENT, "LinkType": "AMTTYPE", "Amount": "-10.00"}

    def test_a_payment_without_a_total_is_the_sum_of_its_lines(self, shop: Shop) -> None:
        invoice = shop.invoice("10.00")
        assert shop.pay("", (invoice, "4.00")).findtext("TotalAmount") == "4.00"

    def test_applied_lines_come_only_with_line_items(self, shop: Shop, office: Office) -> None:
        # 3: IncludeLineItems default false
        shop.pay("10.00", (shop.invoice("10.00"), "10.00"))
        rs = office.ask("<ReceivePaymentQueryRq/>")
        assert found(rs, "ReceivePaymentRet").find("AppliedToTxnRet") is None

    def test_more_than_is_due_is_3210_with_its_text(self, shop: Shop) -> None:
        # 2: 3210
        invoice = shop.invoice("100.00")
        rs = shop.try_pay("129.43", [(invoice, amount("129.43"))])
        assert (rs.get("statusCode"), rs.get("statusMessage")) == (
            "3210",
            'The "AppliedToTxnAdd payment amount" field has an invalid value "129.43".  '
            "QuickBooks error message: You cannot pay more than the amount due.",
        )
        assert rest(shop, invoice) == ["100.00"]

    def test_more_than_the_payment_is_3210(self, shop: Shop) -> None:
        # 6: the sum of PaymentAmount is at most TotalAmount
        invoice = shop.invoice("100.00")
        assert shop.try_pay("10.00", [(invoice, amount("20.00"))]).get("statusCode") == "3210"

    def test_an_invoice_that_is_paid_already_is_3120(self, shop: Shop) -> None:
        # 2: 3120, 6
        invoice = shop.invoice("10.00")
        shop.pay("10.00", (invoice, "10.00"))
        assert shop.try_pay("10.00", [(invoice, amount("10.00"))]).get("statusCode") == "3120"

    def test_what_is_no_invoice_or_anothers_is_3120(self, shop: Shop, office: Office) -> None:
        office.add("Bob")
        for txn_id in ("99-1", shop.credit("5.00"), shop.invoice("5.00", "Bob")):
            assert shop.try_pay("5.00", [(txn_id, amount("5.00"))]).get("statusCode") == "3120"

    def test_an_empty_line_is_an_empty_transaction(self, shop: Shop) -> None:
        # 6: at least one of PaymentAmount, SetCredit, DiscountAmount
        assert shop.try_pay("5.00", [(shop.invoice("5.00"), "")]).get("statusCode") == "3180"

    def test_a_parent_pays_for_its_job(self, shop: Shop, office: Office) -> None:
        office.job(shop.customer, "Kitchen")
        invoice = shop.invoice("30.00", "Ann:Kitchen")
        shop.pay("40.00", (invoice, "30.00"))
        assert (shop.balance("Ann:Kitchen"), shop.balance()) == (0, -10)

    def test_a_discount_is_given_on_top(self, shop: Shop) -> None:
        invoice = shop.invoice("100.00")
        inside = (
            amount("98.00")
            + "<DiscountAmount>2.00</DiscountAmount>"
            + ref("DiscountAccount", "Sales Discounts")
        )
        payment = found(shop.try_pay("98.00", [(invoice, inside)]), "ReceivePaymentRet")
        assert payment.findtext("AppliedToTxnRet/DiscountAmount") == "2.00"
        assert payment.findtext("AppliedToTxnRet/DiscountAccountRef/FullName") == "Sales Discounts"
        assert (rest(shop, invoice), shop.balance()) == (["0.00"], 0)
        assert shop.account("Sales Discounts") == -2

    def test_payments_get_no_number_of_their_own(self, shop: Shop) -> None:
        assert shop.pay("10.00").find("RefNumber") is None

    def test_a_payment_moves_the_invoices_time_and_not_its_sequence(self, shop: Shop, office: Office) -> None:
        # 10.4
        invoice = shop.invoice("10.00")
        before = shop.texts("Invoice", invoice, "EditSequence")
        office.clock.advance(minutes=1)
        shop.pay("5.00", (invoice, "5.00"))
        assert shop.texts("Invoice", invoice, "EditSequence") == before
        assert shop.texts("Invoice", invoice, "TimeModified") == ("2026-08-01T11:01:00-05:00",)


class TestAutoApply:
    def test_an_exact_match_goes_first(self, shop: Shop) -> None:
        # 6: exact match first, then oldest
        invoices = [shop.invoice(one) for one in ("10.00", "25.00", "40.00")]
        shop.pay("25.00", how=AUTO)
        assert rest(shop, *invoices) == ["10.00", "0.00", "40.00"]

    def test_else_the_oldest_go_first(self, shop: Shop) -> None:
        young = shop.invoice("10.00", head="<TxnDate>2026-07-02</TxnDate>")
        old = shop.invoice("20.00", head="<TxnDate>2026-07-01</TxnDate>")
        payment = shop.pay("25.00", how=AUTO)
        assert rest(shop, old, young) == ["0.00", "5.00"]
        assert payment.findtext("UnusedPayment") == "0.00"

    def test_switched_off_it_stays_unused(self, shop: Shop) -> None:
        invoice = shop.invoice("10.00")
        assert shop.pay("10.00").findtext("UnusedPayment") == "10.00"
        assert (rest(shop, invoice), shop.balance()) == (["10.00"], 0)


class TestCredits:
    def set_credit(self, credit: str, text: str) -> str:
        return (
            f"<SetCredit><CreditTxnID>{credit}</CreditTxnID><AppliedAmount>{text}</AppliedAmount></SetCredit>"
        )

    def test_a_credit_and_money_pay_together(self, shop: Shop) -> None:
        invoice, credit = shop.invoice("100.00"), shop.credit("30.00")
        inside = amount("50.00") + self.set_credit(credit, "20.00")
        payment = found(shop.try_pay("50.00", [(invoice, inside)]), "ReceivePaymentRet")
        assert rest(shop, invoice) == ["30.00"]
        assert shop.texts("CreditMemo", credit, "CreditRemaining", "TotalAmount") == ("10.00", "30.00")
        assert payment.findtext("UnusedCredits") == "10.00"
        assert payment.findtext("AppliedToTxnRet/LinkedTxn/TxnType") == "CreditMemo"
        assert shop.balance() == 20

    def test_credits_alone_make_no_payment(self, shop: Shop, office: Office) -> None:
        # 6: no payment and no TxnID
        invoice, credit = shop.invoice("100.00"), shop.credit("30.00")
        rs = shop.try_pay("", [(invoice, self.set_credit(credit, "30.00"))])
        assert (rs.get("statusCode"), found(rs, "ReceivePaymentRet").find("TxnID")) == ("0", None)
        assert office.ask("<ReceivePaymentQueryRq/>").get("statusCode") == "1"
        assert (rest(shop, invoice), shop.balance()) == (["70.00"], 70)

    def test_an_unused_payment_is_a_credit_too(self, shop: Shop) -> None:
        payment = shop.pay("30.00").findtext("TxnID") or ""
        invoice = shop.invoice("100.00")
        shop.try_pay("", [(invoice, self.set_credit(payment, "30.00"))])
        assert shop.texts(PAYMENT, payment, "UnusedPayment") == ("0.00",)
        assert rest(shop, invoice) == ["70.00"]

    def test_an_invoice_can_take_its_credit_along(self, shop: Shop) -> None:
        # 6: SetCredit on invoices (10.0)
        credit = shop.credit("30.00")
        ret = shop.add("Invoice", line("Work"), self.set_credit(credit, "30.00"))
        assert (ret.findtext("BalanceRemaining"), ret.findtext("AppliedAmount")) == ("55.00", "-30.00")

    def test_more_than_is_left_of_a_credit_is_refused(self, shop: Shop) -> None:
        invoice, credit = shop.invoice("100.00"), shop.credit("30.00")
        rs = shop.try_pay("", [(invoice, self.set_credit(credit, "31.00"))])
        assert rs.get("statusCode") == "3210"

    def test_a_credit_of_another_customer_is_refused(self, shop: Shop, office: Office) -> None:
        office.add("Bob")
        rs = shop.try_pay("", [(shop.invoice("9.00"), self.set_credit(shop.credit("9.00", "Bob"), "9.00"))])
        assert rs.get("statusCode") == "3120"


class TestChanges:
    def test_a_mod_replaces_what_was_applied(self, shop: Shop) -> None:
        # 6: AppliedToTxnMod not listed are un-applied
        first, second = shop.invoice("10.00"), shop.invoice("10.00")
        payment = shop.pay("10.00", (first, "10.00")).findtext("TxnID") or ""
        change = f"<AppliedToTxnMod><TxnID>{second}</TxnID>{amount('7.00')}</AppliedToTxnMod>"
        ret = found(shop.mod(PAYMENT, payment, change), "ReceivePaymentRet")
        assert rest(shop, first, second) == ["10.00", "3.00"]
        assert ret.findtext("UnusedPayment") == "3.00"

    def test_a_mod_without_lines_keeps_them(self, shop: Shop) -> None:
        invoice = shop.invoice("10.00")
        payment = shop.pay("10.00", (invoice, "10.00")).findtext("TxnID") or ""
        shop.mod(PAYMENT, payment, "<TotalAmount>15.00</TotalAmount><Memo>More</Memo>")
        assert shop.texts(PAYMENT, payment, "TotalAmount", "UnusedPayment", "Memo") == (
            "15.00",
            "5.00",
            "More",
        )
        assert (rest(shop, invoice), shop.balance()) == (["0.00"], -5)
        assert shop.mod(PAYMENT, payment, "<TotalAmount>9.00</TotalAmount>").get("statusCode") == "3210"

    def test_a_stale_sequence_brings_the_current_record(self, shop: Shop) -> None:
        payment = shop.pay("10.00").findtext("TxnID") or ""
        rs = shop.mod(PAYMENT, payment, "<Memo>x</Memo>", "1")
        assert (rs.get("statusCode"), rs.findtext("ReceivePaymentRet/TxnID")) == ("3200", payment)

    def test_a_deleted_payment_opens_its_invoices(self, shop: Shop) -> None:
        invoice = shop.invoice("10.00")
        payment = shop.pay("10.00", (invoice, "10.00")).findtext("TxnID") or ""
        assert shop.delete(PAYMENT, payment).get("statusCode") == "0"
        assert (rest(shop, invoice), shop.balance(), shop.account("Undeposited Funds")) == (["10.00"], 10, 0)

    @pytest.mark.parametrize("act", ["delete", "void"])
    def test_an_invoice_that_goes_leaves_its_payment_unused(self, shop: Shop, act: str) -> None:
        invoice = shop.invoice("10.00")
        payment = shop.pay("10.00", (invoice, "10.00")).findtext("TxnID") or ""
        getattr(shop, act)("Invoice", invoice)
        assert shop.texts(PAYMENT, payment, "UnusedPayment") == ("10.00",)
        assert shop.balance() == -10

    def test_an_invoice_that_shrinks_gives_back_what_was_too_much(self, shop: Shop, office: Office) -> None:
        # our choice
        invoice = shop.invoice("10.00")
        payment = shop.pay("10.00", (invoice, "10.00")).findtext("TxnID") or ""
        office.company.edit_amount(invoice, "6.00")
        assert shop.texts("Invoice", invoice, "BalanceRemaining", "IsPaid") == ("0.00", "true")
        assert shop.texts(PAYMENT, payment, "UnusedPayment") == ("4.00",)

    def test_a_payment_cannot_be_void(self, shop: Shop, office: Office) -> None:
        # 4: TxnVoid does not exist for ReceivePayment: no such enum, a parse failure
        from tests.simulator.conftest import document

        request = "<TxnVoidRq><TxnVoidType>ReceivePayment</TxnVoidType><TxnID>1-1</TxnID></TxnVoidRq>"
        assert office.refusal(document(request))[0] == "0x80040400"
