"""An office as a state machine: customers, forms and money, in QuickBooks and in a ledger of our own beside it."""

from __future__ import annotations

import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from lxml import etree

from qbwc_server.simulator import CompanyFile
from tests.conformance.desk import (
    XSD,
    Clock,
    Desk,
    Element,
    amount,
    full_name,
    record_id,
    request,
    text,
)
from tests.conformance.ledger import Applied, Ledger, Line, Paper, trial_balance
from tests.conformance.records import LINES, furnish

VOIDABLE = ("Invoice", "SalesReceipt", "CreditMemo")
COUNTY = Decimal("8.25")
SCHEMA = etree.XMLSchema(etree.parse(str(XSD))) if XSD.is_file() else None
# How often each request was accepted in this process.
accepted: Counter[str] = Counter()

quantities = st.sampled_from([Decimal(one) for one in ("1", "2", "3", "0.5", "1.25", "7", "40")])
rates = st.sampled_from([Decimal(one) for one in ("1.00", "0.99", "12.345", "100.00", "3.33333", "0.015")])
lines = st.tuples(st.integers(0, 5), quantities, rates, st.booleans())
pick = st.integers(0, 10_000)
Drawn = list[tuple[int, Decimal, Decimal, bool]]
drawn_lines = st.lists(lines, min_size=1, max_size=4)


def family(ret: Element) -> str:
    if ret.find("TxnID") is not None:
        return "Txn"
    return "Item" if ret.tag.startswith("Item") else ret.tag


class Office(RuleBasedStateMachine):
    """What is accepted goes into the ledger; what is refused must leave no trace."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        path = Path(self.folder.name) / "office.sqlite"
        company = CompanyFile.create(
            path, company_name="Office", timezone="America/New_York", clock=self.clock
        )
        self.desk = Desk(company, self.clock, SCHEMA)
        self.ledger = Ledger()
        self.ids: set[tuple[str, str]] = set()
        self.sequences: dict[tuple[str, str], int] = {}
        self.numbered = 0

    def teardown(self) -> None:
        self.desk.company.close()
        self.folder.cleanup()

    # -- asking ---

    def send(self, *requests: str) -> list[Element]:
        found = self.desk.set(*requests)
        for rs in found:
            if int(rs.get("statusCode") or 0) < 1000:
                accepted[rs.tag.removesuffix("Rs")] += 1
        return found

    def do(self, kind: str, values: dict[str, Any] | None = None) -> Element:
        """The Ret of one request that must succeed."""
        [rs] = self.send(request(kind, values))
        assert rs.get("statusCode") == "0", (kind, values, rs.get("statusMessage"))
        return rs[0] if len(rs) and rs[0].tag.endswith("Ret") else rs

    def refuse(self, code: int, kind: str, values: dict[str, Any]) -> None:
        [rs] = self.send(request(kind, values))
        assert rs.get("statusCode") == str(code), (kind, values, rs.get("statusMessage"))

    def new(self, ret: Element) -> str:
        """Every ID of a new record is a new one in its family: all items, all transactions, each other list."""
        identity = record_id(ret)
        ids = [
            (family(ret), one) for one in (identity, *(found.text or "" for found in ret.iter("TxnLineID")))
        ]
        assert not self.ids.intersection(ids)
        assert len(set(ids)) == len(ids)
        self.ids.update(ids)
        self.edited(ret)
        return identity

    def edited(self, ret: Element) -> None:
        """An accepted edit has a greater sequence than the one before."""
        sequence = int(text(ret, "EditSequence"))
        key = (family(ret), record_id(ret))
        assert sequence > self.sequences.get(key, 0)
        self.sequences[key] = sequence

    def name(self, stem: str = "N") -> str:
        self.numbered += 1
        return f"{stem}{self.numbered}"

    def choose(self, among: list[str], number: int) -> str | None:
        return among[number % len(among)] if among else None

    def customers(self) -> list[str]:
        return list(self.ledger.parents)

    # -- customers ---

    def _furnished(self) -> None:
        furnish(self.desk)
        owner = self.desk.ok("CustomerQuery", {"FullName": "Owner"})
        self.ledger.parents[self.new(owner)] = None
        self.items = [self.new(self.desk.service(self.name("Work"))) for _ in range(3)]
        for on_hand in ("100", "10", "0"):
            item = self.new(self.desk.stock(self.name("Part"), on_hand=on_hand))
            self.items.append(item)
            self.ledger.opening[item] = Decimal(on_hand)

    @rule(parent=pick, job=st.booleans(), taxed=st.booleans())
    def new_customer(self, parent: int, job: bool, taxed: bool) -> None:
        above = self.choose([one for one, over in self.ledger.parents.items() if over is None], parent)
        values: dict[str, Any] = {"Name": self.name()}
        if job and above:
            values["ParentRef"] = {"ListID": above}
        if taxed:
            values |= {"SalesTaxCodeRef": full_name("Tax"), "ItemSalesTaxRef": full_name("County")}
        ret = self.do("CustomerAdd", values)
        self.ledger.parents[self.new(ret)] = above if job else None

    @rule(which=pick)
    def edit_customer(self, which: int) -> None:
        identity = self.choose(self.customers(), which)
        assert identity
        before = self.do("CustomerQuery", {"ListID": identity})
        key = {"ListID": identity, "EditSequence": text(before, "EditSequence")}
        self.edited(self.do("CustomerMod", {**key, "Phone": self.name("555-")}))

    # -- forms ---

    def _lines(self, kind: str, drawn: Drawn) -> tuple[list[Line], Any]:
        made = [Line(self.items[item], quantity, rate, taxed) for item, quantity, rate, taxed in drawn]
        sent = [
            {
                "ItemRef": {"ListID": one.item},
                "Quantity": str(one.quantity),
                "Rate": str(one.rate),
                "SalesTaxCodeRef": full_name("Tax" if one.taxed else "Non"),
            }
            for one in made
        ]
        return made, {f"{kind}LineAdd": sent}

    @rule(kind=st.sampled_from(LINES), who=pick, drawn=drawn_lines)
    def one_form(self, kind: str, who: int, drawn: Drawn) -> None:
        self._form(kind, who, drawn)

    @rule(who=pick, drawn=drawn_lines)
    def one_of_each_form(self, who: int, drawn: Drawn) -> None:
        for number, kind in enumerate(LINES):
            self._form(kind, who + number, drawn)

    def _form(self, kind: str, who: int, drawn: Drawn) -> None:
        customer = self.choose(self.customers(), who)
        assert customer
        made, sent = self._lines(kind, drawn)
        taxed = who % 2 == 0
        ret = self.do(f"{kind}Add", {**self._header(customer, taxed=taxed), **sent})
        paper = Paper(kind, customer, made, COUNTY if taxed else Decimal(0))
        self.ledger.papers[self.new(ret)] = paper
        shown = [amount(one, "Amount") for one in ret.iter(f"{kind}LineRet")]
        assert shown == [one.amount for one in made]

    def _header(self, customer: str, *, taxed: bool) -> dict[str, Any]:
        return {
            "CustomerRef": {"ListID": customer},
            "ItemSalesTaxRef": full_name("County"),
            "CustomerSalesTaxCodeRef": full_name("Tax" if taxed else "Non"),
        }

    @rule(which=pick, quantity=quantities)
    def edit_forms(self, which: int, quantity: Decimal) -> None:
        """One of each kind, if nothing is set against it yet: the first line changes, a new last one comes."""
        for kind in LINES:
            free = [txn for txn in self.ledger.txns(kind) if self._is_free(txn)]
            txn = self.choose(free, which)
            if txn:
                self._edit(kind, txn, quantity)

    def _is_free(self, txn: str) -> bool:
        paper = self.ledger.papers[txn]
        return bool(paper.lines) and not paper.linked and not self.ledger.is_applied(txn)

    def _edit(self, kind: str, txn: str, quantity: Decimal) -> None:
        paper = self.ledger.papers[txn]
        before = self.do(f"{kind}Query", {"TxnID": txn, "IncludeLineItems": True})
        ids = [text(one, "TxnLineID") for one in before.iter(f"{kind}LineRet")]
        new = Line(self.items[0], Decimal(1), Decimal("5.00"))
        added = {"TxnLineID": "-1", "ItemRef": {"ListID": new.item}, "Quantity": "1", "Rate": "5.00"}
        sent = [
            {"TxnLineID": ids[0], "Quantity": str(quantity)},
            *({"TxnLineID": one} for one in ids[1:]),
            {**added, "SalesTaxCodeRef": full_name("Non")},
        ]
        key = {"TxnID": txn, "EditSequence": text(before, "EditSequence")}
        ret = self.do(f"{kind}Mod", {**key, "Memo": self.name("Memo "), f"{kind}LineMod": sent})
        self.edited(ret)
        found = [text(one, "TxnLineID") for one in ret.iter(f"{kind}LineRet")]
        assert found[:-1] == ids
        assert ("Txn", found[-1]) not in self.ids
        self.ids.add(("Txn", found[-1]))
        paper.lines[0].quantity = quantity
        paper.lines.append(new)

    @rule(which=pick)
    def drop_a_line(self, which: int) -> None:
        free = [txn for txn in self.ledger.txns(*LINES) if self._is_free(txn)]
        txn = self.choose([txn for txn in free if len(self.ledger.papers[txn].lines) > 1], which)
        if not txn:
            return
        paper = self.ledger.papers[txn]
        before = self.do(f"{paper.kind}Query", {"TxnID": txn, "IncludeLineItems": True})
        ids = [text(one, "TxnLineID") for one in before.iter(f"{paper.kind}LineRet")]
        kept = [{"TxnLineID": one} for one in ids[1:]]
        key = {"TxnID": txn, "EditSequence": text(before, "EditSequence")}
        self.edited(self.do(f"{paper.kind}Mod", {**key, f"{paper.kind}LineMod": kept}))
        del paper.lines[0]

    @rule(which=pick)
    def void(self, which: int) -> None:
        for number in range(3):
            live = [txn for txn in self.ledger.txns(*VOIDABLE) if self.ledger.papers[txn].lines]
            txn = self.choose([txn for txn in live if not self.ledger.papers[txn].linked], which + number)
            if txn:
                kind = self.ledger.papers[txn].kind
                self.do("TxnVoid", {"TxnVoidType": kind, "TxnID": txn})
                self.ledger.void(txn)

    @rule(which=pick)
    def delete(self, which: int) -> None:
        for number in range(3):
            free = [txn for txn, paper in self.ledger.papers.items() if not paper.linked]
            txn = self.choose(free, which * 7 + number)
            if txn:
                self.do("TxnDel", {"TxnDelType": self.ledger.papers[txn].kind, "TxnID": txn})
                self.ledger.delete(txn)

    @rule(which=pick)
    def invoice_an_order(self, which: int) -> None:
        orders = [txn for txn in self.ledger.txns("SalesOrder") if not self.ledger.papers[txn].linked]
        txn = self.choose(orders, which)
        if not txn:
            return
        order = self.ledger.papers[txn]
        header = self._header(order.customer, taxed=order.tax > 0)
        ret = self.do("InvoiceAdd", {**header, "LinkToTxnID": txn})
        order.linked = True
        made = [Line(one.item, one.quantity, one.rate, one.taxed) for one in order.lines]
        self.ledger.papers[self.new(ret)] = Paper("Invoice", order.customer, made, order.tax, linked=True)

    # -- money ---

    @rule(which=pick, share=st.sampled_from([1, 2, 3]), over=st.sampled_from(["0.00", "5.00"]))
    def pay(self, which: int, share: int, over: str) -> None:
        """The open invoices of one customer, in full or in part, with something left over or not."""
        payers = [one for one in self.customers() if self.ledger.open_invoices(one)]
        customer = self.choose(payers, which)
        if not customer:
            return
        paid = {
            txn: max(Decimal("0.01"), round(self.ledger.left(txn) / share, 2))
            for txn in self.ledger.open_invoices(customer)[:3]
        }
        total = sum(paid.values(), Decimal(over))
        applied = [{"TxnID": txn, "PaymentAmount": f"{part:.2f}"} for txn, part in paid.items()]
        payment = self._receive(customer, total, {"AppliedToTxnAdd": applied})
        self.ledger.applied += [Applied(payment, txn, part) for txn, part in paid.items()]

    @rule(which=pick, total=st.sampled_from(["0.01", "17.00", "250.00"]))
    def pay_ahead(self, which: int, total: str) -> None:
        customer = self.choose(self.customers(), which)
        assert customer
        payment = self._receive(customer, Decimal(total), {"IsAutoApply": False})
        before = self.do("ReceivePaymentQuery", {"TxnID": payment})
        key = {"TxnID": payment, "EditSequence": text(before, "EditSequence")}
        self.edited(self.do("ReceivePaymentMod", {**key, "Memo": self.name("Memo ")}))

    def _receive(self, customer: str, total: Decimal, how: dict[str, Any]) -> str:
        values = {"CustomerRef": {"ListID": customer}, "TotalAmount": f"{total:.2f}", **how}
        identity = self.new(self.do("ReceivePaymentAdd", values))
        self.ledger.papers[identity] = Paper("ReceivePayment", customer, received=total)
        return identity

    @rule(which=pick)
    def set_a_credit_against_an_invoice(self, which: int) -> None:
        owing = [
            txn
            for txn in self.ledger.txns("CreditMemo")
            if self.ledger.left(txn) > 0 and self.ledger.open_invoices(self.ledger.papers[txn].customer)
        ]
        credit = self.choose(owing, which)
        if not credit:
            return
        customer = self.ledger.papers[credit].customer
        invoice = self.ledger.open_invoices(customer)[0]
        part = min(self.ledger.left(credit), self.ledger.left(invoice))
        applied = {
            "TxnID": invoice,
            "SetCredit": {"CreditTxnID": credit, "AppliedAmount": f"{part:.2f}"},
        }
        values = {"CustomerRef": {"ListID": customer}, "TotalAmount": "0.00", "AppliedToTxnAdd": applied}
        [rs] = self.send(request("ReceivePaymentAdd", values))
        assert rs.get("statusCode") == "0", rs.get("statusMessage")
        self.ledger.applied.append(Applied(credit, invoice, part))

    # -- the books ---

    @invariant()
    def the_books_agree(self) -> None:
        if not self.ledger.parents:
            return
        kinds = ("Customer", "Invoice", "CreditMemo", "ReceivePayment", "ItemInventory", "Account")
        everything = {"ActiveStatus": "All"}
        found = self.send(
            *(
                request(
                    f"{kind}Query", everything if kind in ("Customer", "ItemInventory", "Account") else None
                )
                for kind in kinds
            ),
            *(request(f"{kind}Query") for kind in ("Estimate", "SalesOrder", "SalesReceipt")),
            *(request(kind) for kind in ("HostQuery", "CompanyQuery", "PreferencesQuery", "TermsQuery")),
            request("ItemQuery", {"MaxReturned": 3}),
            request("TransactionQuery", {"MaxReturned": 3}),
            request("TxnDeletedQuery", {"TxnDelType": "Invoice"}),
        )
        read = {kind: list(rs) for kind, rs in zip(kinds, found, strict=False)}
        self._customers_agree(read["Customer"])
        self._papers_agree({kind: read[kind] for kind in ("Invoice", "CreditMemo", "ReceivePayment")})
        for ret in read["ItemInventory"]:
            assert amount(ret, "QuantityOnHand") == self.ledger.on_hand(record_id(ret))
        self._accounts_agree(read["Account"])

    def _customers_agree(self, rets: list[Element]) -> None:
        assert {record_id(ret) for ret in rets} == set(self.ledger.parents)
        for ret in rets:
            assert amount(ret, "Balance") == self.ledger.balance(record_id(ret))
            assert amount(ret, "TotalBalance") == self.ledger.total_balance(record_id(ret))

    def _papers_agree(self, rets: dict[str, list[Element]]) -> None:
        left = {
            "Invoice": "BalanceRemaining",
            "CreditMemo": "CreditRemaining",
            "ReceivePayment": "UnusedPayment",
        }
        for kind, found in rets.items():
            assert {record_id(ret) for ret in found} == set(self.ledger.txns(kind))
            for ret in found:
                assert amount(ret, left[kind]) == self.ledger.left(record_id(ret)), (kind, record_id(ret))

    def _accounts_agree(self, rets: list[Element]) -> None:
        posting = [ret for ret in rets if ret.find("Balance") is not None]
        balances = [(text(ret, "AccountType"), amount(ret, "Balance")) for ret in posting]
        assert trial_balance(balances) == 0
        [receivable] = [found for kind, found in balances if kind == "AccountsReceivable"]
        assert receivable == self.ledger.receivables()
        assert receivable == sum(map(self.ledger.balance, self.ledger.parents), Decimal(0))
