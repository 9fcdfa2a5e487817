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
