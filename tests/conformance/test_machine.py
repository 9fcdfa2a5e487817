"""Days of an office: requests of every kind, right and wrong ones, with a ledger of our own beside them.

CONFORMANCE_EXAMPLES makes it longer: how many companies are played through, each time with other numbers.
"""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from tests.conformance.desk import (
    PARSE_FAILURE,
    Element,
    cites,
    document,
    full_name,
    record_id,
    request,
    text,
)
from tests.conformance.office import Drawn, Office, accepted, drawn_lines, pick, quantities
from tests.conformance.records import LINES, LIST_MODS, LISTS

LONGER = os.environ.get("CONFORMANCE_EXAMPLES")
COMPANIES, STEPS = int(LONGER or 8), 20
AT_LEAST = 100
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


class Days(Office):
    """What is accepted goes into the ledger; what is refused must leave no trace."""

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


@cites("S10")
@pytest.mark.timeout(3600 if LONGER else 300)
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
    run_state_machine_as_test(Days, settings=chosen)  # type: ignore[no-untyped-call]


@cites("S6")
def test_every_supported_request_was_accepted_a_hundred_times() -> None:
    if not accepted:
        pytest.skip("the office was not played through in this process")
    rare = {kind: accepted[kind] for kind in sorted(SUPPORTED) if accepted[kind] < AT_LEAST}
    assert not rare, " ".join(f"{kind}:{count}" for kind, count in rare.items())
