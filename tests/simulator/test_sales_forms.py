"""What sales forms hold and come to; sections are of qbxml-semantics.md."""

from decimal import Decimal

import pytest

from tests.simulator.conftest import Office
from tests.simulator.sales import Shop, found, line, ref

FORMS = ("Invoice", "CreditMemo", "SalesReceipt", "SalesOrder", "Estimate")
GUID = "{11111111-2222-3333-4444-555555555555}"


@pytest.fixture
def shop(office: Office) -> Shop:
    return Shop(office)


def quantity(text: str) -> str:
    return f"<Quantity>{text}</Quantity>"


def amounts(ret, name: str = "InvoiceLineRet") -> list[str]:
    return [one.findtext("Amount") or "" for one in ret.findall(name)]


class TestHeader:
    @pytest.mark.parametrize("kind", FORMS)
    def test_what_was_sent_comes_back(self, shop: Shop, kind: str) -> None:
        address = "<BillAddress><Addr1>Ann</Addr1><City>Salem</City><State>OR</State></BillAddress>"
        guid = f"<ExternalGUID>{GUID}</ExternalGUID>"
        head = f"<TxnDate>2026-07-01</TxnDate><RefNumber>A-7</RefNumber>{address}<Memo>For you</Memo>{guid}"
        ret = shop.add(kind, line("Nail", quantity("2"), kind), head)
        shown = {name: ret.findtext(name) for name in ("TxnDate", "RefNumber", "Memo", "ExternalGUID")}
        assert shown == {
            "TxnDate": "2026-07-01",
            "RefNumber": "A-7",
            "Memo": "For you",
            "ExternalGUID": GUID,
        }
        assert ret.findtext("BillAddressBlock/Addr2") == "Salem, OR"
        assert ret.findtext("Subtotal") == "2.50"

    @pytest.mark.parametrize("kind", FORMS)
    def test_the_number_goes_on_where_it_was_left(self, shop: Shop, kind: str) -> None:
        # 5: RefNumber omitted gets the next number, an empty one stays blank; numbers are not unique
        one = line("Nail", "", kind)
        numbers = [
            shop.add(kind, one, head).findtext("RefNumber")
            for head in (
                "",
                "",
                "<RefNumber>X-099</RefNumber>",
                "",
                "<RefNumber/>",
                "",
                "<RefNumber>1</RefNumber>",
            )
        ]
        assert numbers == ["1", "2", "X-099", "X-100", None, "X-101", "1"]

    def test_the_customer_fills_in_what_is_not_said(self, shop: Shop, office: Office) -> None:
        address = "<{0}Address><Addr1>{0} to</Addr1></{0}Address>"
        office.company.user_add({"Name": "FB"}, "SalesRep")
        office.add(
            "Bob",
            address.format("Bill") + address.format("Ship") + ref("Terms", "Net 15") + ref("SalesRep", "FB")
            + ref("SalesTaxCode", "Non") + ref("ItemSalesTax", "County"),
        )  # fmt: skip
        ret = shop.add("Invoice", line("Nail"), "<TxnDate>2026-08-01</TxnDate>", "Bob")
        assert [ret.findtext(f"{kind}Address/Addr1") for kind in ("Bill", "Ship")] == ["Bill to", "Ship to"]
        assert (ret.findtext("TermsRef/FullName"), ret.findtext("DueDate")) == ("Net 15", "2026-08-16")
        assert ret.findtext("SalesRepRef/FullName") == "FB"
        assert ret.findtext("CustomerSalesTaxCodeRef/FullName") == "Non"
        assert ret.findtext("ItemSalesTaxRef/FullName") == "County"

    @pytest.mark.parametrize(
        ("day", "terms", "due"),
        [
            ("2026-08-01", "Net 30", "2026-08-31"),
            ("2026-12-15", "Due on receipt", "2026-12-15"),
            ("2026-08-01", "On the 10th", "2026-08-10"),
            ("2026-08-06", "On the 10th", "2026-09-10"),
            ("2026-12-20", "On the 10th", "2027-01-10"),
            ("2026-01-31", "On the 31st", "2026-01-31"),
            ("2026-02-03", "On the 31st", "2026-02-28"),
        ],
    )
    def test_the_due_date_follows_from_the_terms(self, shop: Shop, day: str, terms: str, due: str) -> None:
        for name, of_month, near in (("On the 10th", 10, 5), ("On the 31st", 31, 0)):
            shop.ask_ok(
                f"<DateDrivenTermsAddRq><DateDrivenTermsAdd><Name>{name}</Name><DayOfMonthDue>{of_month}"
                f"</DayOfMonthDue><DueNextMonthDays>{near}</DueNextMonthDays></DateDrivenTermsAdd>"
                "</DateDrivenTermsAddRq>"
            )
        ret = shop.add("Invoice", line("Nail"), f"<TxnDate>{day}</TxnDate>{ref('Terms', terms)}")
        assert ret.findtext("DueDate") == due

    @pytest.mark.parametrize(
        ("kind", "label"), [("Customer", "Customer"), ("Terms", "Terms"), ("ShipMethod", "Ship Method")]
    )
    def test_a_reference_to_nothing_is_named_in_the_refusal(self, shop: Shop, kind: str, label: str) -> None:
        # 2: 3140 'There is an invalid reference to QuickBooks Customer "Joe" in the SalesOrder.'
        head = "" if kind == "Customer" else ref(kind, "Joe")
        customer = "Joe" if kind == "Customer" else "Ann"
        rs = shop.try_add("SalesOrder", line("Nail", "", "SalesOrder"), head, customer)
        assert rs.get("statusCode") == "3140"
        start = f'There is an invalid reference to QuickBooks {label} "Joe" in the SalesOrder.  '
        assert (rs.get("statusMessage") or "").startswith(start)

    def test_a_line_names_itself_in_the_refusal(self, shop: Shop) -> None:
        rs = shop.try_add("SalesOrder", line("Bolt", "", "SalesOrder"))
        assert rs.get("statusCode") == "3140"
        assert 'QuickBooks Item "Bolt" in the SalesOrder line.' in (rs.get("statusMessage") or "")

    def test_the_same_external_guid_twice_makes_two(self, shop: Shop) -> None:
        # 1: whether it is refused is unconfirmed; nobody may rely on it
        guid = f"<ExternalGUID>{GUID}</ExternalGUID>"
        first, second = (shop.add("Invoice", line("Nail"), guid).findtext("TxnID") for _ in range(2))
        assert first != second

    def test_ids_of_a_form_and_its_lines_count_in_steps_of_two(self, shop: Shop) -> None:
        # 4 IDs
        ret = shop.add("Invoice", line("Nail") + line("Work"))
        ids = [ret.findtext("TxnID"), *(one.findtext("TxnLineID") for one in ret.iter("InvoiceLineRet"))]
        numbers = [int((one or "").partition("-")[0], 16) for one in ids]
        assert numbers == [numbers[0], numbers[0] + 2, numbers[0] + 4]
        assert len({(one or "").partition("-")[2] for one in ids}) == 1

    def test_a_rate_of_exchange_needs_multi_currency(self, shop: Shop) -> None:
        # 2: 3250
        rs = shop.try_add("Invoice", line("Nail"), "<ExchangeRate>1.1</ExchangeRate>")
        assert rs.get("statusCode") == "3250"

    def test_an_empty_form_is_refused(self, shop: Shop) -> None:
        assert shop.try_add("Invoice", "").get("statusCode") == "3180"


class TestAmounts:
    @pytest.mark.parametrize(
        ("said", "rate", "amount"),
        [
            ("", "1.25", "1.25"),
            (quantity("3"), "1.25", "3.75"),
            (quantity("3") + "<Rate>2</Rate>", "2.00", "6.00"),
            (quantity("0.5") + "<Rate>0.333</Rate>", "0.333", "0.17"),
            (quantity("3") + "<Amount>10.00</Amount>", "3.33333", "10.00"),
            (quantity("3") + "<Rate>9</Rate><Amount>10.00</Amount>", "3.33333", "10.00"),
            ("<Amount>10.00</Amount>", "10.00", "10.00"),
            (quantity("-2"), "1.25", "-2.50"),
        ],
    )
    def test_a_line_is_quantity_times_rate_unless_an_amount_is_given(
        self, shop: Shop, said: str, rate: str, amount: str
    ) -> None:
        # 5: rate together with amount is ignored, quantity with amount calculates the rate
        ret = shop.add("Estimate", line("Nail", said, "Estimate") + line("Work", "", "Estimate"))
        one = found(ret, "EstimateLineRet")
        assert (one.findtext("Rate"), one.findtext("Amount")) == (rate, amount)

    def test_halves_of_a_cent_go_up(self, shop: Shop) -> None:
        ret = shop.add("Invoice", line("Nail", quantity("1") + "<Rate>0.125</Rate>"))
        assert amounts(ret) == ["0.13"]

    def test_discounts_subtotals_and_percentages_look_at_what_stands_above(self, shop: Shop) -> None:
        # 5: a percentage applies to the line above, a flat discount to all above
        shop.ask_ok(
            "<ItemSubtotalAddRq><ItemSubtotalAdd><Name>Sub</Name></ItemSubtotalAdd></ItemSubtotalAddRq>"
        )
        rates = {
            "Tenth": "<DiscountRatePercent>10</DiscountRatePercent>",
            "Five": "<DiscountRate>5.00</DiscountRate>",
        }
        for name, rate in rates.items():
            shop.ask_ok(
                f"<ItemDiscountAddRq><ItemDiscountAdd><Name>{name}</Name>{rate}"
                f"{ref('Account', 'Sales Discounts')}</ItemDiscountAdd></ItemDiscountAddRq>"
            )
        shop.item("ItemOtherCharge", "Freight", price="20", code="Non", field="PricePercent")
        rows = (
            line("Nail", quantity("8"))  # 10.00
            + line("Work")  # 85.00
            + line("Tenth")  # a tenth of the line above
            + line("Sub")  # since the beginning
            + line("Tenth")  # a tenth of the subtotal
            + line("Nail", quantity("4"))
            + line("Sub")  # since the last subtotal
            + line("Freight")
            + line("Five")
        )
        ret = shop.add("Invoice", rows)
        expected = ["10.00", "85.00", "-8.50", "86.50", "-8.65", "5.00", "-3.65", "-0.73", "-5.00"]
        assert amounts(ret) == expected
        sold = [
            Decimal(text) for text, number in zip(expected, range(9), strict=True) if number not in (3, 6)
        ]
        assert ret.findtext("Subtotal") == str(sum(sold))

    def test_a_group_becomes_a_line_group(self, shop: Shop) -> None:
        # 6, 5: group lines have their own ID and their inner lines theirs
        inner = "".join(
            f"<ItemGroupLine>{ref('Item', name)}{quantity(number)}</ItemGroupLine>"
            for name, number in (("Nail", "4"), ("Work", "1"))
        )
        shop.ask_ok(
            f"<ItemGroupAddRq><ItemGroupAdd><Name>Kit</Name><ItemDesc>All in one</ItemDesc>{inner}"
            "</ItemGroupAdd></ItemGroupAddRq>"
        )
        kit = f"<InvoiceLineGroupAdd>{ref('ItemGroup', 'Kit')}{quantity('2')}</InvoiceLineGroupAdd>"
        ret = shop.add("Invoice", line("Nail") + kit + line("Work"))
        assert [one.tag for one in ret if "Line" in one.tag] == [
            "InvoiceLineRet",
            "InvoiceLineGroupRet",
            "InvoiceLineRet",
        ]
        group = found(ret, "InvoiceLineGroupRet")
        assert (group.findtext("Desc"), group.findtext("TotalAmount")) == ("All in one", "180.00")
        assert [one.findtext("Quantity") for one in group.findall("InvoiceLineRet")] == ["8", "2"]
        assert ret.findtext("Subtotal") == "266.25"

    def test_price_levels_change_the_rate(self, shop: Shop, office: Office) -> None:
        shop.ask_ok(
            "<PriceLevelAddRq><PriceLevelAdd><Name>Friends</Name><PriceLevelFixedPercentage>-20"
            "</PriceLevelFixedPercentage></PriceLevelAdd></PriceLevelAddRq>"
        )
        office.add("Bob", ref("PriceLevel", "Friends"))
        assert amounts(shop.add("Invoice", line("Nail"), customer="Bob")) == ["1.00"]
        own = line("Nail", quantity("1") + ref("PriceLevel", "Friends"))
        assert amounts(shop.add("Invoice", own + line("Nail"))) == ["1.00", "1.25"]

    def test_a_total_below_zero_is_refused(self, shop: Shop) -> None:
        rs = shop.try_add("Invoice", line("Nail", quantity("-1")))
        assert rs.get("statusCode") == "3210"


class TestTax:
    @pytest.mark.parametrize(
        ("rows", "percent", "tax"),
        [
            (line("Nail", quantity("3")) + line("Work"), "8.25", "0.31"),  # of 3.75
            (line("Nail", quantity("2")) + line("Nail", quantity("2")), "8.25", "0.41"),  # once, of 5.00
            (line("Work"), "8.25", "0.00"),
            (line("Nail", ref("SalesTaxCode", "Non")), "8.25", "0.00"),
        ],
    )
    def test_it_is_computed_once_on_the_taxable_lines(
        self, shop: Shop, rows: str, percent: str, tax: str
    ) -> None:
        # 6: rounding per document
        ret = shop.add("Invoice", rows, ref("ItemSalesTax", "County"))
        assert (ret.findtext("SalesTaxPercentage"), ret.findtext("SalesTaxTotal")) == (percent, tax)
        total = Decimal(ret.findtext("Subtotal") or "") + Decimal(tax)
        assert ret.findtext("BalanceRemaining") == str(total)

    def test_without_a_tax_item_there_is_none(self, shop: Shop) -> None:
        ret = shop.add("Invoice", line("Nail"))
        assert (ret.findtext("SalesTaxPercentage"), ret.findtext("SalesTaxTotal")) == ("0.00", "0.00")
        assert ret.find("ItemSalesTaxRef") is None

    def test_a_customer_that_is_not_taxable_pays_none(self, shop: Shop) -> None:
        head = ref("ItemSalesTax", "County") + ref("CustomerSalesTaxCode", "Non")
        assert shop.add("Invoice", line("Nail"), head).findtext("SalesTaxTotal") == "0.00"

    def test_the_rates_of_a_group_are_added(self, shop: Shop) -> None:
        shop.ask_ok(
            "<ItemSalesTaxAddRq><ItemSalesTaxAdd><Name>City</Name><TaxRate>1.75</TaxRate></ItemSalesTaxAdd></ItemSalesTaxAddRq>"
        )
        both = "".join(
            f"<ItemSalesTaxRef><FullName>{name}</FullName></ItemSalesTaxRef>" for name in ("County", "City")
        )
        shop.ask_ok(
            f"<ItemSalesTaxGroupAddRq><ItemSalesTaxGroupAdd><Name>Both</Name>{both}</ItemSalesTaxGroupAdd></ItemSalesTaxGroupAddRq>"
        )
        ret = shop.add("Invoice", line("Nail", quantity("8")), ref("ItemSalesTax", "Both"))
        assert (ret.findtext("SalesTaxPercentage"), ret.findtext("SalesTaxTotal")) == ("10.00", "1.00")
        assert shop.account("Sales Tax Payable") == Decimal("1.00")

    def test_several_rates_are_lines_under_a_zero_rate(self, shop: Shop) -> None:
        # 6: zero-rate header item and tax items as lines
        rows = line("Nail", quantity("80")) + line("County") + line("Work")
        ret = shop.add("Invoice", rows)
        assert amounts(ret) == ["100.00", "8.25", "85.00"]
        assert shop.account("Sales Tax Payable") == Decimal("8.25")


class TestPostings:
    def test_a_pending_invoice_posts_nothing(self, shop: Shop) -> None:
        ret = shop.add("Invoice", line("Hammer"), "<IsPending>true</IsPending>")
        assert (shop.balance(), shop.stock("Hammer")) == (0, 10)
        assert (ret.findtext("IsPaid"), ret.findtext("BalanceRemaining")) == ("false", "0.00")
        shop.mod("Invoice", ret.findtext("TxnID") or "", "<IsPending>false</IsPending>")
        assert (shop.balance(), shop.stock("Hammer")) == (20, 9)

    @pytest.mark.parametrize(
        ("kind", "receivable", "undeposited"),
        [
            ("Invoice", 20, 0),
            ("CreditMemo", -20, 0),
            ("SalesReceipt", 0, 20),
            ("SalesOrder", 0, 0),
            ("Estimate", 0, 0),
        ],
    )
    def test_each_kind_posts_where_it_belongs(
        self, shop: Shop, kind: str, receivable: int, undeposited: int
    ) -> None:
        shop.add(kind, line("Hammer", "", kind))
        assert shop.account("Accounts Receivable") == shop.balance() == receivable
        assert shop.account("Undeposited Funds") == undeposited
        sign = {"Invoice": 1, "SalesReceipt": 1, "CreditMemo": -1}.get(kind, 0)
        assert shop.stock("Hammer") == 10 - sign
        assert shop.account("Cost of Goods Sold") == 8 * sign
        assert shop.account("Inventory Asset") == 80 - 8 * sign
        assert shop.account("Sales") == 20 * sign

    def test_a_sales_receipt_needs_no_customer(self, shop: Shop, office: Office) -> None:
        rows = line("Nail", "", "SalesReceipt")
        rs = office.ask(f"<SalesReceiptAddRq><SalesReceiptAdd>{rows}</SalesReceiptAdd></SalesReceiptAddRq>")
        assert found(rs, "SalesReceiptRet").find("CustomerRef") is None

    def test_a_posting_moves_the_customers_time_and_not_its_sequence(
        self, shop: Shop, office: Office
    ) -> None:
        # 4: TimeModified can move without EditSequence moving
        before = office.ret(shop.customer)
        office.clock.advance(minutes=5)
        shop.invoice("10.00")
        after = office.ret(shop.customer)
        assert after.findtext("TimeModified") == "2026-08-01T11:05:00-05:00"
        assert after.findtext("EditSequence") == before.findtext("EditSequence")

    def test_a_job_adds_to_the_total_of_its_customer(self, shop: Shop, office: Office) -> None:
        office.job(shop.customer, "Kitchen")
        shop.invoice("10.00", "Ann:Kitchen")
        ann = office.ret(shop.customer)
        assert (ann.findtext("Balance"), ann.findtext("TotalBalance")) == ("0.00", "10.00")

    def test_a_line_can_go_to_another_account(self, shop: Shop) -> None:
        shop.add("Invoice", line("Work", ref("OverrideItemAccount", "Services")))
        assert (shop.account("Services"), shop.account("Sales")) == (85, 0)

    def test_what_a_transaction_names_cannot_be_deleted(self, shop: Shop, office: Office) -> None:
        # 2: 3160
        shop.add("Estimate", line("Nail", "", "Estimate"))
        nail = office.company.element("ItemNonInventory", "Nail")["ListID"]
        for kind, list_id in (("Customer", shop.customer), ("ItemNonInventory", nail)):
            rs = office.ask(
                f"<ListDelRq><ListDelType>{kind}</ListDelType><ListID>{list_id}</ListID></ListDelRq>"
            )
            assert rs.get("statusCode") == "3160"
