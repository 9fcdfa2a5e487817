"""Days of an office: requests of every kind, right and wrong ones, with a ledger of our own beside them.

CONFORMANCE_EXAMPLES makes it longer: how many companies are played through, each time with other numbers.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from lxml import etree

from qbwc_server.simulator import CompanyFile
from tests.conformance.desk import (
    PARSE_FAILURE,
    XSD,
    Clock,
    Desk,
    Element,
    amount,
    cites,
    document,
    full_name,
    record_id,
    request,
    text,
)
from tests.conformance.ledger import Applied, Ledger, Line, Paper, trial_balance
from tests.conformance.records import LINES, LIST_MODS, LISTS, furnish

LONGER = os.environ.get("CONFORMANCE_EXAMPLES")
COMPANIES, STEPS = int(LONGER or 8), 20
AT_LEAST = 100
VOIDABLE = ("Invoice", "SalesReceipt", "CreditMemo")
COUNTY = Decimal("8.25")
OTHERS = (
    "TermsQuery ItemQuery TransactionQuery HostQuery CompanyQuery PreferencesQuery ListDel TxnDel TxnVoid ListMerge "
    "ListDeletedQuery TxnDeletedQuery DataExtDefAdd DataExtDefMod DataExtDefDel DataExtDefQuery DataExtAdd "
    "DataExtMod DataExtDel"
)
SUPPORTED = {
    *(f"{kind}{act}" for kind in LISTS for act in ("Add", "Query")),
    *(f"{kind}Mod" for kind in LIST_MODS),
    *(f"{kind}{act}" for kind in (*LINES, "ReceivePayment") for act in ("Add", "Mod", "Query")),
    *OTHERS.split(),
}
accepted: Counter[str] = Counter()

quantities = st.sampled_from([Decimal(one) for one in ("1", "2", "3", "0.5", "1.25", "7", "40")])
rates = st.sampled_from([Decimal(one) for one in ("1.00", "0.99", "12.345", "100.00", "3.33333", "0.015")])
lines = st.tuples(st.integers(0, 5), quantities, rates, st.booleans())
pick = st.integers(0, 10_000)
Drawn = list[tuple[int, Decimal, Decimal, bool]]
drawn_lines = st.lists(lines, min_size=1, max_size=4)


SCHEMA = etree.XMLSchema(etree.parse(str(XSD))) if XSD.is_file() else None


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

    # -- the company ---

    @initialize(days=st.lists(st.tuples(pick, quantities, drawn_lines), min_size=5, max_size=5))
    def opened(self, days: list[tuple[int, Decimal, Drawn]]) -> None:
        """Whichever rules are played afterwards: here everything is done often enough."""
        self._furnished()
        for number in range(13):
            self.lists_come_change_and_go()
            self.custom_field_comes_and_goes()
            self.merge(with_invoice=number % 4 == 0)
        for day in days:
            self._busy_day(*day)

    def _furnished(self) -> None:
        furnish(self.desk)
        owner = self.desk.ok("CustomerQuery", {"FullName": "Owner"})
        self.ledger.parents[self.new(owner)] = None
        self.items = [self.new(self.desk.service(self.name("Work"))) for _ in range(3)]
        for on_hand in ("100", "10", "0"):
            item = self.new(self.desk.stock(self.name("Part"), on_hand=on_hand))
            self.items.append(item)
            self.ledger.opening[item] = Decimal(on_hand)

    def _busy_day(self, which: int, quantity: Decimal, drawn: Drawn) -> None:
        for number in range(which, which + 3):
            self.new_customer(parent=number, job=number % 3 == 1, taxed=number % 3 == 2)
            self.edit_customer(number)
            self.one_of_each_form(number, drawn)
            self.edit_forms(number, quantity)
            self.pay(number, 1 + number % 3, "0.00")
            self.pay_ahead(number, "17.00")
        self.the_books_agree()
        self.invoice_an_order(which)
        self.set_a_credit_against_an_invoice(which)
        self.void(which)
        self.delete(which)
        self.the_books_agree()

    @rule(minutes=st.sampled_from([0, 1, 90, 60 * 24 * 20]))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)

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

    # -- lists ---

    @rule()
    def lists_come_change_and_go(self) -> None:
        kinds = [kind for kind in LISTS if kind not in ("Account", "SalesRep")]
        made = {kind: self.new(ret[0]) for kind, ret in zip(kinds, self._add(kinds), strict=True)}
        made["Account"] = self.new(
            self.do("AccountAdd", {"Name": self.name("Acct"), "AccountType": "Expense"})
        )
        entity = self.desk.company.user_add({"Name": self.name("Rep ")}, kind="Employee")
        rep = {"Initial": self.name("R"), "SalesRepEntityRef": {"ListID": entity}}
        made["SalesRep"] = self.new(self.do("SalesRepAdd", rep))
        self.clock.advance(seconds=1)
        read = self.send(*(request(f"{kind}Query", {"ListID": one}) for kind, one in made.items()))
        current = {kind: rs[0] for kind, rs in zip(made, read, strict=True)}
        key = {
            kind: {"ListID": one, "EditSequence": text(current[kind], "EditSequence")}
            for kind, one in made.items()
        }
        changed = self.send(*(request(f"{kind}Mod", key[kind] | LIST_MODS[kind]) for kind in LIST_MODS))
        for rs in changed:
            assert rs.get("statusCode") == "0", rs.get("statusMessage")
            self.edited(rs[0])
        gone = self.send(
            *(request("ListDel", {"ListDelType": kind, "ListID": one}) for kind, one in made.items())
        )
        assert {rs.get("statusCode") for rs in gone} == {"0"}
        told = self.send(request("ListDeletedQuery", {"ListDelType": list(made)}))[0]
        assert set(made.values()) <= {found.text for found in told.iter("ListID")}

    def _add(self, kinds: list[str]) -> list[Element]:
        found = self.send(*(request(f"{kind}Add", self._renamed(kind)) for kind in kinds))
        for rs in found:
            assert rs.get("statusCode") == "0", (rs.tag, rs.get("statusMessage"))
        return found

    def _renamed(self, kind: str) -> dict[str, Any]:
        """Names that are free, in the length that the list allows; no account numbers and no stock."""
        self.numbered += 1
        short = (
            f"{self.numbered % 46656:x}".rjust(3, "z")[-3:] if kind == "SalesTaxCode" else f"x{self.numbered}"
        )
        left_out = ("QuantityOnHand", "TotalValue", "InventoryDate", "ExternalGUID")
        kept = {name: value for name, value in LISTS[kind].items() if name not in left_out}
        return {**kept, "Name": short}

    @rule()
    def custom_field_comes_and_goes(self) -> None:
        owner = {"OwnerID": "0"}
        name, other = self.name("Field "), self.name("Field ")
        customer = self.customers()[0]
        whose = {"ListDataExtType": "Customer", "ListObjRef": {"ListID": customer}}
        define = {"DataExtName": name, "DataExtType": "STR255TYPE", "AssignToObject": "Customer"}
        self.do("DataExtDefAdd", owner | define)
        self.do("DataExtAdd", owner | {"DataExtName": name} | whose | {"DataExtValue": "1"})
        self.do("DataExtMod", owner | {"DataExtName": name} | whose | {"DataExtValue": "2"})
        self.do("DataExtDefMod", owner | {"DataExtName": name, "DataExtNewName": other})
        read = self.do("CustomerQuery", {"ListID": customer, "OwnerID": "0"})
        assert [text(one, "DataExtValue") for one in read.iter("DataExtRet")] == ["2"]
        self.do("DataExtDefQuery", owner)
        self.do("DataExtDel", owner | {"DataExtName": other} | whose)
        self.do("DataExtDefDel", owner | {"DataExtName": other})

    @rule(with_invoice=st.booleans())
    def merge(self, with_invoice: bool) -> None:
        """A new customer becomes part of another new one, with its invoice if it has one."""
        source, target = (self.do("CustomerAdd", {"Name": self.name()}) for _ in range(2))
        for ret in (source, target):
            self.ledger.parents[self.new(ret)] = None
        if with_invoice:
            drawn = [(3, Decimal(2), Decimal("1.00"), False)]
            self._form("Invoice", self.customers().index(record_id(source)), drawn)
        self._merge(record_id(source), record_id(target))

    def _merge(self, source: str, target: str) -> None:
        read = [self.do("CustomerQuery", {"ListID": one}) for one in (source, target)]
        ends = [{"ListID": record_id(ret), "EditSequence": text(ret, "EditSequence")} for ret in read]
        self.do("ListMerge", {"ListMergeType": "Customer", "MergeFrom": ends[0], "MergeTo": ends[1]})
        self.ledger.merge(source, target)

    # -- what must be refused, and leave no trace ---

    @rule(which=pick)
    def wrong_requests(self, which: int) -> None:
        customer = self.choose(self.customers(), which)
        assert customer
        ret = self.do("CustomerQuery", {"ListID": customer})
        ref = {"CustomerRef": {"ListID": customer}}
        self.refuse(3100, "CustomerAdd", {"Name": "owner"})
        self.refuse(3070, "CustomerAdd", {"Name": "x" * 42})
        self.refuse(3040, "CustomerAdd", {"Name": self.name(), "CreditLimit": "97.5"})
        self.refuse(3130, "CustomerAdd", {"Name": self.name(), "ParentRef": full_name("Nobody")})
        stale = {"ListID": customer, "EditSequence": "1", "Phone": "x"}
        self.refuse(3200, "CustomerMod", stale)
        self.refuse(3120, "CustomerMod", {**stale, "ListID": "8FFFFFFF-1"})
        good = {"ItemRef": {"ListID": self.items[3]}, "Quantity": "1"}
        self.refuse(3140, "InvoiceAdd", {**ref, "InvoiceLineAdd": [good, {"ItemRef": full_name("None")}]})
        self.desk.company.set_permission("read")
        self.refuse(3260, "CustomerAdd", {"Name": self.name()})
        self.desk.company.set_permission("full")
        assert self.desk.failure(
            document([request("CustomerAdd", {"Name": self.name()}), "<Nonsense/>"])
        ) == (PARSE_FAILURE)
        assert text(self.do("CustomerQuery", {"ListID": customer}), "EditSequence") == text(
            ret, "EditSequence"
        )

    @rule(which=pick)
    def pay_too_much(self, which: int) -> None:
        invoices = [txn for txn in self.ledger.txns("Invoice") if self.ledger.left(txn) > 0]
        txn = self.choose(invoices, which)
        if txn:
            part = f"{self.ledger.left(txn) + 1:.2f}"
            ref = {"CustomerRef": {"ListID": self.ledger.papers[txn].customer}, "TotalAmount": part}
            applied = {"TxnID": txn, "PaymentAmount": part}
            self.refuse(3210, "ReceivePaymentAdd", {**ref, "AppliedToTxnAdd": applied})

    @rule(which=pick)
    def give_lines_out_of_order(self, which: int) -> None:
        many = [txn for txn in self.ledger.txns("Invoice") if len(self.ledger.papers[txn].lines) > 1]
        txn = self.choose(many, which)
        if txn:
            read = self.do("InvoiceQuery", {"TxnID": txn, "IncludeLineItems": True})
            ids = [text(one, "TxnLineID") for one in read.iter("InvoiceLineRet")]
            key = {"TxnID": txn, "EditSequence": text(read, "EditSequence")}
            sent = [{"TxnLineID": one, "Quantity": "9"} for one in reversed(ids)]
            self.refuse(3290, "InvoiceMod", {**key, "InvoiceLineMod": sent})

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


@cites("S10")
def test_the_books_agree_with_a_ledger_of_our_own_whatever_is_sent() -> None:
    chosen = settings(
        max_examples=COMPANIES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=LONGER is None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        phases=(Phase.explicit, Phase.generate),
    )
    run_state_machine_as_test(Office, settings=chosen)  # type: ignore[no-untyped-call]


@cites("S6")
def test_every_supported_request_was_accepted_a_hundred_times() -> None:
    if not accepted:
        pytest.skip("the office was not played through in this process")
    rare = {kind: accepted[kind] for kind in sorted(SUPPORTED) if accepted[kind] < AT_LEAST}
    assert not rare, " ".join(f"{kind}:{count}" for kind, count in rare.items())
