"""Mods of sales forms; sections are of qbxml-semantics.md."""

from datetime import date
from decimal import Decimal

import pytest

from tests.simulator.conftest import Office
from tests.simulator.sales import Shop, line, ref


@pytest.fixture
def shop(office: Office) -> Shop:
    return Shop(office)


def quantity(text: str) -> str:
    return f"<Quantity>{text}</Quantity>"


class TestMod:
    def added(self, shop: Shop, *items: str) -> tuple[str, list[str]]:
        ret = shop.add("Invoice", "".join(line(item) for item in items))
        ids = [one.findtext("TxnLineID") or "" for one in ret.findall("InvoiceLineRet")]
        return ret.findtext("TxnID") or "", ids

    def lines(self, shop: Shop, txn_id: str) -> list[tuple[str | None, ...]]:
        return [
            tuple(one.findtext(name) for name in ("ItemRef/FullName", "Quantity", "Rate", "Amount"))
            for one in shop.ret("Invoice", txn_id).findall("InvoiceLineRet")
        ]

    def test_without_lines_all_lines_stay(self, shop: Shop) -> None:
        # 5 Mod
        txn_id, _ = self.added(shop, "Nail", "Work")
        before = self.lines(shop, txn_id)
        shop.mod("Invoice", txn_id, "<Memo>New</Memo>")
        assert self.lines(shop, txn_id) == before
        assert shop.texts("Invoice", txn_id, "Memo") == ("New",)

    def test_lines_not_given_are_gone_and_a_new_one_has_minus_one(self, shop: Shop) -> None:
        txn_id, ids = self.added(shop, "Nail", "Work", "Hammer")
        new = f"<TxnLineID>-1</TxnLineID>{ref('Item', 'Nail')}{quantity('4')}"
        inside = (f"<TxnLineID>{ids[1]}</TxnLineID>", new)
        rows = "".join(f"<InvoiceLineMod>{one}</InvoiceLineMod>" for one in inside)
        rs = shop.mod("Invoice", txn_id, rows)
        assert rs.get("statusCode") == "0"
        assert self.lines(shop, txn_id) == [
            ("Work", None, "85.00", "85.00"),
            ("Nail", "4", "1.25", "5.00"),
        ]
        assert (shop.balance(), shop.stock("Hammer")) == (90, 10)

    def test_lines_out_of_order_are_3290(self, shop: Shop) -> None:
        txn_id, ids = self.added(shop, "Nail", "Work")
        rows = "".join(
            f"<InvoiceLineMod><TxnLineID>{one}</TxnLineID></InvoiceLineMod>" for one in reversed(ids)
        )
        rs = shop.mod("Invoice", txn_id, rows)
        text = f'The item "{ids[0]}" is placed in the request in incorrect order.'
        assert (rs.get("statusCode"), rs.get("statusMessage")) == ("3290", text)

    def test_an_unknown_line_is_3120(self, shop: Shop) -> None:
        txn_id, _ = self.added(shop, "Nail")
        rows = "<InvoiceLineMod><TxnLineID>99-1</TxnLineID></InvoiceLineMod>"
        assert shop.mod("Invoice", txn_id, rows).get("statusCode") == "3120"

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (quantity("3"), ("3", "1.25", "3.75")),
            ("<Rate>2.00</Rate>", (None, "2.00", "2.00")),
            ("<Amount>9.00</Amount>", (None, "9.00", "9.00")),
            (quantity("4") + "<Amount>9.00</Amount>", ("4", "2.25", "9.00")),
        ],
    )
    def test_a_changed_value_makes_the_others_anew(
        self, shop: Shop, change: str, expected: tuple[str | None, ...]
    ) -> None:
        txn_id, [line_id] = self.added(shop, "Nail")
        rows = f"<InvoiceLineMod><TxnLineID>{line_id}</TxnLineID>{change}</InvoiceLineMod>"
        shop.mod("Invoice", txn_id, rows)
        assert self.lines(shop, txn_id) == [("Nail", *expected)]
        assert shop.balance() == Decimal(expected[2] or "")

    def test_another_item_brings_its_own_rate_and_text(self, shop: Shop) -> None:
        txn_id, [line_id] = self.added(shop, "Nail")
        rows = f"<InvoiceLineMod><TxnLineID>{line_id}</TxnLineID>{ref('Item', 'Hammer')}</InvoiceLineMod>"
        shop.mod("Invoice", txn_id, rows)
        assert self.lines(shop, txn_id) == [("Hammer", None, "20.00", "20.00")]

    @pytest.mark.parametrize(
        "change",
        [
            "<CustomerRef/>",
            "<ARAccountRef/>",
            "<TemplateRef/>",
            "<InvoiceLineMod><TxnLineID>{}</TxnLineID><ItemRef/></InvoiceLineMod>",
            "<InvoiceLineMod><TxnLineID>{}</TxnLineID><Quantity/></InvoiceLineMod>",
        ],
    )
    def test_some_things_cannot_be_cleared(self, shop: Shop, change: str) -> None:
        # 5 Mod [OSR]
        txn_id, [line_id] = self.added(shop, "Nail")
        assert shop.mod("Invoice", txn_id, change.format(line_id)).get("statusCode") == "3152"

    def test_an_empty_element_clears_and_an_address_is_one_unit(self, shop: Shop) -> None:
        address = "<BillAddress><Addr1>Ann</Addr1><City>Salem</City></BillAddress>"
        head = address + "<PONumber>7</PONumber>" + ref("Terms", "Net 15") + "<Memo>M</Memo>"
        txn_id = shop.add("Invoice", line("Nail"), head).findtext("TxnID") or ""
        shop.mod(
            "Invoice", txn_id, "<BillAddress><Addr1>Bob</Addr1></BillAddress><PONumber/><TermsRef/><Memo/>"
        )
        ret = shop.ret("Invoice", txn_id)
        assert [ret.find(name) for name in ("PONumber", "TermsRef", "Memo", "BillAddress/City")] == [None] * 4

    def test_a_stale_sequence_brings_the_current_record(self, shop: Shop) -> None:
        # 2: 3200
        txn_id, _ = self.added(shop, "Nail")
        sequence = shop.texts("Invoice", txn_id, "EditSequence")[0] or ""
        shop.mod("Invoice", txn_id, "<Memo>First</Memo>")
        rs = shop.mod("Invoice", txn_id, "<Memo>Second</Memo>", sequence)
        assert (rs.get("statusCode"), rs.findtext("InvoiceRet/Memo")) == ("3200", "First")

    def test_another_customer_takes_the_balance_along(self, shop: Shop, office: Office) -> None:
        office.add("Bob")
        txn_id = shop.invoice("10.00")
        shop.mod("Invoice", txn_id, ref("Customer", "Bob"))
        assert (shop.balance(), shop.balance("Bob")) == (0, 10)

    def test_the_closed_books_stay_closed(self, shop: Shop, office: Office) -> None:
        # 2: 3171, 3161
        txn_id = shop.invoice("10.00", head="<TxnDate>2026-06-30</TxnDate>")
        office.company.close_books(date(2026, 6, 30))
        rs = shop.mod("Invoice", txn_id, "<Memo>x</Memo>")
        assert rs.get("statusCode") == "3171"
        assert (rs.get("statusMessage") or "").startswith(
            "An attempt was made to modify a(n) Invoice with a date"
        )
        assert shop.delete("Invoice", txn_id).get("statusCode") == "3161"
        assert shop.void("Invoice", txn_id).get("statusCode") == "3171"
        closing = office.ask("<PreferencesQueryRq/>").findtext(".//ClosingDate")
        assert closing == "2026-06-30"
        office.company.close_books(None)
        assert shop.mod("Invoice", txn_id, "<Memo>x</Memo>").get("statusCode") == "0"


class TestGroups:
    """5 Mod: group lines have their own ID and their inner lines theirs."""

    @pytest.fixture
    def kit(self, shop: Shop) -> tuple[str, str, list[str]]:
        """An invoice with a kit of four nails and an hour's work, twice; its group, the lines in it."""
        inner = "".join(
            f"<ItemGroupLine>{ref('Item', name)}{quantity(number)}</ItemGroupLine>"
            for name, number in (("Nail", "4"), ("Work", "1"))
        )
        shop.ask_ok(f"<ItemGroupAddRq><ItemGroupAdd><Name>Kit</Name>{inner}</ItemGroupAdd></ItemGroupAddRq>")
        group = f"<InvoiceLineGroupAdd>{ref('ItemGroup', 'Kit')}{quantity('2')}</InvoiceLineGroupAdd>"
        ret = shop.add("Invoice", group).find("InvoiceLineGroupRet/..")
        assert ret is not None
        ids = [one.findtext("TxnLineID") or "" for one in ret.iter("InvoiceLineRet")]
        return ret.findtext("TxnID") or "", ret.findtext("InvoiceLineGroupRet/TxnLineID") or "", ids

    def shown(self, shop: Shop, txn_id: str) -> tuple[str | None, list[str | None]]:
        group = shop.ret("Invoice", txn_id).find("InvoiceLineGroupRet")
        assert group is not None
        return group.findtext("TotalAmount"), [
            one.findtext("Quantity") for one in group.iter("InvoiceLineRet")
        ]

    def changed(self, group_id: str, inside: str) -> str:
        return f"<InvoiceLineGroupMod><TxnLineID>{group_id}</TxnLineID>{inside}</InvoiceLineGroupMod>"

    def test_a_groups_quantity_multiplies_its_lines(
        self, shop: Shop, kit: tuple[str, str, list[str]]
    ) -> None:
        txn_id, group_id, _ = kit
        assert self.shown(shop, txn_id) == ("180.00", ["8", "2"])
        shop.mod("Invoice", txn_id, self.changed(group_id, quantity("3")))
        assert self.shown(shop, txn_id) == ("270.00", ["12", "3"])

    def test_lines_in_a_group_follow_the_rule_of_lines(
        self, shop: Shop, kit: tuple[str, str, list[str]]
    ) -> None:
        txn_id, group_id, ids = kit
        inside = f"<InvoiceLineMod><TxnLineID>{ids[0]}</TxnLineID>{quantity('1')}</InvoiceLineMod>"
        shop.mod("Invoice", txn_id, self.changed(group_id, inside))
        assert (self.shown(shop, txn_id), shop.balance()) == (("1.25", ["1"]), Decimal("1.25"))

    def test_a_line_is_no_group_and_a_group_no_line(
        self, shop: Shop, kit: tuple[str, str, list[str]]
    ) -> None:
        txn_id, group_id, _ = kit
        as_line = f"<InvoiceLineMod><TxnLineID>{group_id}</TxnLineID></InvoiceLineMod>"
        assert shop.mod("Invoice", txn_id, as_line).get("statusCode") == "3120"


class TestAccountsOfAForm:
    def test_receivables_stand_in_a_receivables_account(self, shop: Shop) -> None:
        # (U)
        wrong = ref("ARAccount", "Checking")
        assert shop.try_add("Invoice", line("Nail"), wrong).get("statusCode") == "3140"

    def test_linked_transactions_agree_about_it(self, shop: Shop, office: Office) -> None:
        # 6: ARAccountRef must agree over all linked transactions
        office.company.user_add({"Name": "Other Receivables", "AccountType": "AccountsReceivable"}, "Account")
        invoice = shop.invoice("5.00", head=ref("ARAccount", "Other Receivables"))
        paid = (
            f"<AppliedToTxnAdd><TxnID>{invoice}</TxnID><PaymentAmount>5.00</PaymentAmount></AppliedToTxnAdd>"
        )
        assert shop.try_pay("5.00", how=paid).get("statusCode") == "3210"
        agreed = ref("ARAccount", "Other Receivables") + "<TotalAmount>5.00</TotalAmount>" + paid
        assert shop.try_pay("", how=agreed).get("statusCode") == "0"

    def test_a_cleared_account_is_the_usual_one(self, shop: Shop) -> None:
        payment = shop.pay("5.00").findtext("TxnID") or ""
        shop.mod("ReceivePayment", payment, "<DepositToAccountRef/>")
        assert shop.texts("ReceivePayment", payment, "DepositToAccountRef/FullName") == ("Undeposited Funds",)


def test_another_users_lock_is_a_switch(shop: Shop, office: Office) -> None:
    # 2: 3175; 10.10
    txn_id = shop.invoice("5.00")
    office.company.faults.arm("answer_status", request="InvoiceModRq", code=3175)
    rs = shop.mod("Invoice", txn_id, "<Memo>x</Memo>")
    assert (rs.get("statusCode"), rs.get("statusMessage")) == (
        "3175",
        "The transaction could not be locked. It is in use by another user.",
    )
    assert shop.mod("Invoice", txn_id, "<Memo>x</Memo>").get("statusCode") == "0"
