"""Whatever people and applications do, the books agree with themselves.

Every sum is made another way: from the answers, or from the rows of postings and movements in the file.
"""

import sqlite3
import tempfile
from collections import defaultdict
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qbwc_server.simulator import CompanyFile, SimulatorError
from tests.simulator.conftest import Clock

ITEMS = ("Nail", "Hammer", "Saw", "Work")
QUANTITIES = st.decimals("0.5", "9", places=1)
PRICES = st.decimals("0.01", "99.99", places=2)
PICK = st.integers(0, 10_000)
FORMS = ("Invoice", "CreditMemo", "SalesReceipt", "SalesOrder", "Estimate")


def account(name: str) -> dict[str, str]:
    return {"FullName": name}


class Books(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "books.sqlite"
        self.company = CompanyFile.create(self.path, company_name="Books", timezone="UTC", clock=Clock())

    def teardown(self) -> None:
        self.company.close()
        self.folder.cleanup()

    # -- acts ------------------------------------------------------------------------------------------------

    @initialize()
    def open_shop(self) -> None:
        company = self.company
        self.customers = [company.user_add({"Name": name}) for name in ("Ann", "Bob")]
        parent = {"ParentRef": {"ListID": self.customers[0]}}
        self.customers += [company.user_add({"Name": name, **parent}) for name in ("Den", "Roof")]
        for name in ("Hammer", "Saw"):
            self.stocked(name, on_hand="7")
        sold = {"Price": Decimal("1.25"), "AccountRef": account("Sales")}
        tax = {"SalesTaxCodeRef": {"FullName": "Tax"}}
        company.user_add({"Name": "Nail", "SalesOrPurchase": sold, **tax}, "ItemNonInventory")
        company.user_add({"Name": "Work", "SalesOrPurchase": sold}, "ItemService")
        company.user_add({"Name": "County", "TaxRate": Decimal("8.25")}, "ItemSalesTax")

    def stocked(self, name: str, on_hand: str) -> None:
        accounts = {
            "IncomeAccountRef": account("Sales"),
            "COGSAccountRef": account("Cost of Goods Sold"),
            "AssetAccountRef": account("Inventory Asset"),
        }
        values = {
            "PurchaseCost": Decimal("3.33"),
            "QuantityOnHand": Decimal(on_hand),
            "SalesPrice": Decimal(20),
        }
        self.company.user_add({"Name": name, **accounts, **values}, "ItemInventory")

    @rule(
        kind=st.sampled_from(FORMS),
        who=PICK,
        what=PICK,
        quantity=QUANTITIES,
        price=PRICES,
        pending=st.booleans(),
    )
    def sell(self, kind: str, who: int, what: int, quantity: Decimal, price: Decimal, pending: bool) -> None:
        lines = [
            {"ItemRef": {"FullName": ITEMS[(what + step) % len(ITEMS)]}, "Quantity": quantity, "Rate": price}
            for step in range(1 + what % 3)
        ]
        values: dict[str, Any] = {
            "CustomerRef": {"ListID": self.one(self.customers, who)},
            "ItemSalesTaxRef": {"FullName": "County"},
            f"{kind}LineAdd": lines,
        }
        if kind == "Invoice" and pending:
            values["IsPending"] = True
        self.company.user_add(values, kind)

    @rule(which=PICK)
    def invoice_an_order(self, which: int) -> None:
        orders = self.company.txns("SalesOrder")
        if orders:
            order = self.one(orders, which)
            values = {
                "CustomerRef": {"ListID": order["CustomerRef"]["ListID"]},
                "LinkToTxnID": [order["TxnID"]],
            }
            with suppress(SimulatorError):
                self.company.user_add(values, "Invoice")

    @rule(who=PICK, amount=PRICES, how_many=st.integers(0, 3))
    def pay(self, who: int, amount: Decimal, how_many: int) -> None:
        """For its own invoices and those of its jobs."""
        customer = self.one(self.customers, who)
        name = self.company.customer(customer)["FullName"]
        waiting = [
            one["TxnID"]
            for one in reversed(self.company.txns("Invoice"))
            if one["CustomerRef"]["FullName"].startswith(name) and Decimal(one["BalanceRemaining"])
        ]
        self.company.take_payment(
            customer=customer, amount=amount, invoice=waiting[:how_many][: int(amount * 100)]
        )

    @rule(who=PICK, amount=PRICES)
    def pay_automatically(self, who: int, amount: Decimal) -> None:
        values = {"CustomerRef": {"ListID": self.one(self.customers, who)}, "TotalAmount": amount}
        self.company.user_add({**values, "IsAutoApply": True}, "ReceivePayment")

    @rule(which=PICK, share=st.decimals("0.1", "1", places=1))
    def use_a_credit(self, which: int, share: Decimal) -> None:
        waiting = [one for one in self.company.txns("CreditMemo") if Decimal(one["CreditRemaining"])]
        for credit in waiting[which % (len(waiting) or 1) :][:1]:
            amount = (Decimal(credit["CreditRemaining"]) * share).quantize(Decimal("0.01"))
            for invoice in self.company.txns("Invoice"):
                with suppress(SimulatorError):
                    self.company.user_add(self.with_credit(credit, invoice, amount), "ReceivePayment")
                    return

    def with_credit(self, credit: dict[str, Any], invoice: dict[str, Any], amount: Decimal) -> dict[str, Any]:
        used = {"CreditTxnID": credit["TxnID"], "AppliedAmount": amount}
        return {
            "CustomerRef": {"ListID": credit["CustomerRef"]["ListID"]},
            "AppliedToTxnAdd": [{"TxnID": invoice["TxnID"], "SetCredit": [used]}],
        }

    @rule(kind=st.sampled_from(FORMS), which=PICK, price=PRICES)
    def edit(self, kind: str, which: int, price: Decimal) -> None:
        found = [one for one in self.company.txns(kind) if one.get(f"{kind}LineRet", [{}])[0].get("ItemRef")]
        for one in found[which % (len(found) or 1) :][:1]:
            self.company.edit_amount(one["TxnID"], price, kind=kind)

    @rule(which=PICK, who=PICK)
    def give_an_invoice_to_another(self, which: int, who: int) -> None:
        for one in self.any("Invoice", which):
            values = {"CustomerRef": {"ListID": self.one(self.customers, who)}}
            self.company.user_edit(one["TxnID"], values, "Invoice")

    @rule(kind=st.sampled_from((*FORMS, "ReceivePayment")), which=PICK)
    def delete(self, kind: str, which: int) -> None:
        for one in self.any(kind, which):
            self.company.user_delete(one["TxnID"], kind)

    @rule(kind=st.sampled_from(("Invoice", "CreditMemo", "SalesReceipt")), which=PICK)
    def void(self, kind: str, which: int) -> None:
        for one in self.any(kind, which):
            self.company.user_void(one["TxnID"], kind)

    @rule(item=st.sampled_from(("Hammer", "Saw")), quantity=st.integers(-3, 3))
    def count_stock(self, item: str, quantity: int) -> None:
        with suppress(SimulatorError):
            self.company.adjust_stock(item, quantity)

    @rule(who=PICK, amount=st.decimals("-50", "50", places=2))
    def post(self, who: int, amount: Decimal) -> None:
        if amount:
            self.company.user_post(self.one(self.customers, who), amount)

    @precondition(lambda self: len(self.customers) > 2)
    @rule(first=PICK, second=PICK)
    def merge_customers(self, first: int, second: int) -> None:
        pair = [self.one(self.customers, one) for one in (first, second)]
        with suppress(SimulatorError):
            self.company.merge(*pair)
            self.customers.remove(pair[0])

    @rule()
    def merge_stock(self) -> None:
        with suppress(SimulatorError):
            self.company.merge("Saw", "Hammer", "ItemInventory")
            self.stocked("Saw", on_hand="1")

    def one(self, among: list[Any], number: int) -> Any:
        return among[number % len(among)]

    def any(self, kind: str, number: int) -> list[dict[str, Any]]:
        found = self.company.txns(kind)
        return [self.one(found, number)] if found else []

    # -- what must hold --------------------------------------------------------------------------------------

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        db = sqlite3.connect(self.path)
        try:
            return db.execute(query).fetchall()
        finally:
            db.close()

    @invariant()
    def every_transaction_balances_by_itself(self) -> None:
        assert self.rows("SELECT txn_id FROM posting GROUP BY txn_id HAVING sum(amount) <> 0") == []

    @invariant()
    def the_trial_balance_is_zero(self) -> None:
        assert self.rows("SELECT sum(balance) FROM list_object WHERE family = 'Account'") == [(0,)]

    @invariant()
    def each_account_is_the_sum_of_its_postings(self) -> None:
        kept = dict(
            self.rows("SELECT list_id, balance FROM list_object WHERE kind = 'Account' AND balance <> 0")
        )
        posted = dict(
            self.rows(
                "SELECT account_id, sum(amount) FROM posting GROUP BY account_id HAVING sum(amount) <> 0"
            )
        )
        assert kept == posted

    @invariant()
    def receivables_are_open_invoices_less_unused_credits(self) -> None:
        open_by_customer: dict[str, Decimal] = defaultdict(Decimal)
        for kind, field, sign in (
            ("Invoice", "BalanceRemaining", 1),
            ("CreditMemo", "CreditRemaining", -1),
            ("ReceivePayment", "UnusedPayment", -1),
        ):
            for one in self.company.txns(kind):
                open_by_customer[one["CustomerRef"]["ListID"]] += sign * Decimal(one[field])
        for customer in self.company.customers():
            assert Decimal(customer["Balance"]) == open_by_customer[customer["ListID"]], customer["FullName"]
        receivable = self.company.element("Account", "Accounts Receivable")
        assert Decimal(receivable["Balance"]) == sum(open_by_customer.values())

    @invariant()
    def a_total_includes_the_jobs(self) -> None:
        shown = {one["ListID"]: one for one in self.company.customers()}
        totals = {list_id: Decimal(one["Balance"]) for list_id, one in shown.items()}
        for list_id, one in shown.items():
            above = one.get("ParentRef", {}).get("ListID")
            if above:
                totals[above] += Decimal(shown[list_id]["Balance"])
        assert {list_id: Decimal(one["TotalBalance"]) for list_id, one in shown.items()} == totals

    @invariant()
    def an_invoice_is_what_it_says(self) -> None:
        for one in self.company.txns("Invoice"):
            total = Decimal(one["Subtotal"]) + Decimal(one["SalesTaxTotal"])
            paid = -sum(Decimal(link["Amount"]) for link in one["LinkedTxn"] if link["LinkType"] == "AMTTYPE")
            assert paid >= 0
            if one["IsPending"] == "false":
                assert Decimal(one["BalanceRemaining"]) == total - paid >= 0
                assert one["IsPaid"] == str(total == paid).lower()

    @invariant()
    def a_payment_is_used_or_unused(self) -> None:
        for one in self.company.txns("ReceivePayment"):
            used = sum(Decimal(line["Amount"]) for line in one["AppliedToTxnRet"])
            assert Decimal(one["TotalAmount"]) == used + Decimal(one["UnusedPayment"])

    @invariant()
    def stock_is_the_sum_of_its_movements(self) -> None:
        moved = {
            item: (on_hand, on_order, value)
            for item, on_hand, on_order, value in self.rows(
                "SELECT item_id, sum(on_hand), sum(on_order), sum(value) FROM movement GROUP BY item_id"
            )
        }
        kept = {
            item: rest for item, *rest in self.rows("SELECT item_id, on_hand, on_order, value FROM stock")
        }
        nothing = (0, 0, 0)
        for item in moved.keys() | kept.keys():
            assert tuple(kept.get(item, nothing)) == moved.get(item, nothing)
        value = self.company.element("Account", "Inventory Asset")["Balance"]
        assert Decimal(value) == sum(Decimal(each[2]) for each in moved.values()) / 100

    @invariant()
    def orders_know_what_was_invoiced(self) -> None:
        done: dict[str, Decimal] = defaultdict(Decimal)
        for line_id, quantity in self.rows("SELECT order_line_id, quantity FROM order_link"):
            done[line_id] += Decimal(quantity) / 100_000
        for order in self.company.txns("SalesOrder"):
            for line in order["SalesOrderLineRet"]:
                assert Decimal(line["Invoiced"]) == done[line["TxnLineID"]]


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
