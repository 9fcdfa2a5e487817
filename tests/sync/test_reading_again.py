"""Records that are read again by id, because a change of another one may have changed them without a stamp."""

import re
from decimal import Decimal

import pytest
from sqlalchemy import update

import qbxml
from qbwc_server.store.tables import watermarks
from tests.sync.reader import Reader, mapped
from tests.sync.world import World

INVOICE = mapped("Invoice", "BalanceRemaining")
BALANCE = mapped("Customer", "Name", "Balance")


class Silent(Reader):
    """QuickBooks as it may be: a posting moves no stamp of what it changes, so queries by date do not tell of it."""

    def silence(self, *kinds: str) -> None:
        """From now on queries of these kinds by date find nothing, queries by id do.

        That the newest change does not come again either is not what these tests are about.
        """
        with self.world.database.write() as tx:
            tx.execute(update(watermarks).where(watermarks.c.kind.in_(kinds)).values(anchor=""))
        process = self.company.process

        def quiet(session: str, document: str) -> str:
            for kind in kinds:
                if "<TxnID>" not in document and "<ListID>" not in document:
                    filtered = rf"(<{kind}QueryRq [^>]*>.*?<FromModifiedDate>)[^<]*(</FromModifiedDate>)"
                    document = re.sub(filtered, r"\g<1>2037-01-01T00:00:00\g<2>", document)
            return process(session, document)

        self.company.process = quiet  # type: ignore[method-assign]

    def again(self) -> list[tuple[str, list[str]]]:
        """(name, ids) of the requests by id."""
        found = [one for each in self.sets for one in each if str(one.request_id).startswith("again-")]
        return [(one.name, sorted(one.values.get("TxnID") or one.values["ListID"])) for one in found]


@pytest.fixture
def reader(world: World) -> Silent:
    return Silent(world, INVOICE, BALANCE)


def sold(reader: Silent, *numbers: str, customer: str = "Ann") -> tuple[str, list[str]]:
    ann = reader.world.customer(customer)
    item = reader.item(f"For {customer}")
    return ann, [reader.sale(ann, item, RefNumber=one) for one in numbers]


def balance(reader: Reader, invoice: str) -> str:
    return str(reader.record("Invoice", invoice).values["BalanceRemaining"])


def test_a_payment_brings_its_invoices_and_their_customer_in_the_same_visit(reader: Silent) -> None:
    ann, [first, second] = sold(reader, "17", "18")
    reader.visit()
    reader.silence("Invoice", "Customer")
    reader.world.clock.advance(hours=5)
    reader.company.take_payment(customer="Ann", amount="130.00", invoice=["17", "18"])
    marks = [reader.world.watermark("books", kind) for kind in ("Invoice", "Customer")]
    reader.visit()
    assert reader.again() == [("InvoiceQueryRq", sorted([first, second])), ("CustomerQueryRq", [ann])]
    assert (balance(reader, first), balance(reader, second)) == ("0.00", "70.00")
    assert str(reader.record("Customer", ann).values["Balance"]) == "70.00"
    assert [reader.world.watermark("books", kind) for kind in ("Invoice", "Customer")] == marks
    assert ("Invoice", first) in reader.waiting()
    reader.visit()
    assert reader.again() == []


def test_a_payment_that_was_deleted_opens_its_invoices_again(reader: Silent) -> None:
    ann, [invoice] = sold(reader, "17")
    payment = reader.company.take_payment(customer="Ann", amount="100.00", invoice="17")
    reader.visit()
    assert balance(reader, invoice) == "0.00"
    reader.silence("Invoice", "Customer")
    reader.world.clock.advance(hours=5)
    reader.company.user_delete(payment, "ReceivePayment")
    reader.visit()
    assert balance(reader, invoice) == "100.00"
    assert str(reader.record("Customer", ann).values["Balance"]) == "100.00"


def test_a_payment_that_was_moved_brings_the_invoice_that_it_left(reader: Silent) -> None:
    _, [first, second] = sold(reader, "17", "18")
    payment = reader.company.take_payment(customer="Ann", amount="100.00", invoice="17")
    reader.visit()
    reader.silence("Invoice", "Customer")
    reader.world.clock.advance(hours=5)
    moved = {"AppliedToTxnMod": [{"TxnID": second, "PaymentAmount": Decimal("100.00")}]}
    reader.company.user_edit(payment, moved, "ReceivePayment")
    reader.visit()
    assert (balance(reader, first), balance(reader, second)) == ("100.00", "0.00")


def test_an_invoice_brings_its_customer(reader: Silent) -> None:
    ann, _ = sold(reader, "17")
    reader.visit()
    reader.silence("Customer")
    reader.world.clock.advance(hours=5)
    reader.sale(ann, reader.item("More"), "25.00")
    reader.visit()
    assert reader.again() == [("CustomerQueryRq", [ann])]
    assert str(reader.record("Customer", ann).values["Balance"]) == "125.00"


def test_where_no_balance_is_mapped_no_customer_is_read_again(world: World) -> None:
    reader = Silent(world, INVOICE, mapped("Customer", "Name"))
    ann, _ = sold(reader, "17")
    reader.visit()
    world.clock.advance(hours=5)
    reader.sale(ann, reader.item("More"))
    reader.visit()
    assert reader.again() == []


def test_a_total_balance_follows_the_jobs_below(world: World) -> None:
    reader = Silent(world, INVOICE, mapped("Customer", "Name", "TotalBalance"))
    ann = world.customer("Ann")
    job = world.customer("Kitchen", ParentRef={"ListID": ann})
    reader.visit()
    reader.silence("Customer")
    world.clock.advance(hours=5)
    reader.sale(job, reader.item())
    reader.visit()
    assert reader.again() == [("CustomerQueryRq", [job]), ("CustomerQueryRq", [ann])]
    assert str(reader.record("Customer", ann).values["TotalBalance"]) == "100.00"


def test_an_invoice_made_from_a_sales_order_brings_the_order(world: World) -> None:
    reader = Silent(world, INVOICE, mapped("SalesOrder", "IsFullyInvoiced"))
    ann = world.customer("Ann")
    order = reader.sale(ann, reader.item(), kind="SalesOrder", ItemSalesTaxRef={"FullName": tax(reader)})
    reader.visit()
    reader.silence("SalesOrder")
    world.clock.advance(hours=5)
    world.company.user_add({"CustomerRef": {"ListID": ann}, "LinkToTxnID": [order]}, "Invoice")
    reader.visit()
    assert reader.again() == [("SalesOrderQueryRq", [order])]
    assert reader.record("SalesOrder", order).values["IsFullyInvoiced"] is True


def tax(reader: Reader) -> str:
    reader.company.user_add({"Name": "County Tax", "TaxRate": Decimal("8.25")}, "ItemSalesTax")
    return "County Tax"


def test_a_first_read_reads_nothing_twice(reader: Silent) -> None:
    sold(reader, "17", "18")
    reader.company.take_payment(customer="Ann", amount="100.00", invoice="17")
    reader.world.clock.advance(days=40)
    reader.visit()
    assert reader.again() == []


def test_at_most_fifty_are_asked_for_at_once(world: World) -> None:
    reader = Silent(world, INVOICE)
    numbers = [f"N{one}" for one in range(60)]
    _, invoices = sold(reader, *numbers)
    reader.visit()
    world.clock.advance(hours=5)
    reader.company.take_payment(customer="Ann", amount="6000.00", invoice=numbers)
    reader.visit()
    assert [len(ids) for _, ids in reader.again()] == [50, 10]
    assert {one for _, ids in reader.again() for one in ids} == set(invoices)


def by_id(requests: list[qbxml.Request]) -> bool:
    return any(str(one.request_id).startswith("again-") for one in requests)


def test_a_visit_that_ends_before_it_read_again_leaves_it_to_the_next(reader: Silent) -> None:
    ann, [invoice] = sold(reader, "17")
    reader.visit()
    reader.silence("Invoice", "Customer")
    reader.world.clock.advance(hours=5)
    reader.company.take_payment(customer="Ann", amount="100.00", invoice="17")
    reader.visit(die_at=by_id)
    assert balance(reader, invoice) == "100.00"
    reader.visit()
    assert reader.again() == [("InvoiceQueryRq", [invoice]), ("CustomerQueryRq", [ann])]
    assert balance(reader, invoice) == "0.00"


def test_what_could_not_be_read_again_is_asked_for_at_the_next_visit(reader: Silent) -> None:
    _, [invoice] = sold(reader, "17")
    reader.visit()
    reader.silence("Invoice")
    reader.world.clock.advance(hours=5)
    reader.company.take_payment(customer="Ann", amount="100.00", invoice="17")
    normal = reader.visit

    def spoil(requests: list[qbxml.Request]) -> bool:
        if by_id(requests):
            reader.company.faults.arm(
                "answer_status", request="InvoiceQueryRq", code=1000, message="Internal."
            )
        return False

    normal(die_at=spoil)
    assert reader.error("Invoice", "again")
    assert not reader.error("Invoice")
    reader.visit()
    assert balance(reader, invoice) == "0.00"


def test_what_is_gone_meanwhile_is_asked_for_once(reader: Silent) -> None:
    _, [invoice] = sold(reader, "17")
    reader.visit()
    reader.world.clock.advance(hours=5)
    payment = reader.company.take_payment(customer="Ann", amount="100.00", invoice="17")
    reader.visit(die_at=by_id)
    reader.company.user_delete(payment, "ReceivePayment")
    reader.company.user_delete(invoice, "Invoice")
    reader.visit()
    reader.visit()
    assert reader.again() == []
    assert reader.record("Invoice", invoice).deleted
