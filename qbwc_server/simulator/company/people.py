"""What people do in QuickBooks' windows, and what they see there."""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from qbwc_server.simulator.company import (
    balances,
    checks,
    deletions,
    features,
    items,
    lists,
    merging,
    objects,
    opening,
    payments,
    queries,
    sales_ret,
    stock,
    texts,
    transactions,
    txn_deletions,
)
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.customers import CUSTOMER
from qbwc_server.simulator.company.iterators import Session
from qbwc_server.simulator.company.list_engine import Fields, ListKind
from qbwc_server.simulator.company.list_kinds import KINDS
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.sales import SALES_FORMS
from qbwc_server.simulator.company.sales_kinds import PAYMENT
from qbwc_server.simulator.company.statuses import Refusal
from qbwc_server.simulator.company.transactions import Txn
from qbwc_server.simulator.errors import SimulatorError
from qbxml import Request

Amount = Decimal | int | str
Done = TypeVar("Done")
# A customer, item or other element by ListID or FullName; a transaction by TxnID or RefNumber.
Name = str
POSTED = "Posted by hand"
# Whether it is a transaction -> how its ID is called.
ID: Mapping[bool, str] = {False: "ListID", True: "TxnID"}


class People:
    """One person at the keyboard. Everything goes through the rules of the requests.

    Raises SimulatorError with the text QuickBooks would show.
    """

    def __init__(self, books: Books, lock: threading.RLock) -> None:
        self._books = books
        self._lock = lock

    # -- any record ------------------------------------------------------------------------------------------

    def user_add(self, values: Mapping[str, Any], kind: str = "Customer") -> str:
        """A new element of a list or a new transaction, values as in its Add; its ListID or TxnID.

        Of a list that answers no requests, and of any other when nothing but a Name is given, a plain element.
        """
        if kind in TRANSACTIONS:
            reply = self._by_hand(TRANSACTIONS[kind].add, Request(f"{kind}AddRq", {f"{kind}Add": values}))
            return str(reply.records[0][1].get("TxnID", ""))
        known = KINDS.get(kind)
        if known and (known is CUSTOMER or set(values) != {"Name"}):
            reply = self._by_hand(known.add, Request(f"{kind}AddRq", {f"{kind}Add": values}))
            return str(reply.records[0][1]["ListID"])
        check_known("list", kind, is_known=kind in lists.FAMILIES)
        return self._add_plain(kind, str(values["Name"]), known)

    def user_edit(self, record_id: str, values: Mapping[str, Any], kind: str = "Customer") -> None:
        """Changes a record; values as in its Mod, without its ID and EditSequence."""
        with self._lock:
            if kind in TRANSACTIONS:
                ids = {"TxnID": record_id, "EditSequence": self.txn(kind, record_id)["EditSequence"]}
                handler = TRANSACTIONS[kind].mod
            else:
                known = self._kind(kind)
                ids = {"ListID": record_id, "EditSequence": self.element(kind, record_id)["EditSequence"]}
                handler = known.mod
            self._by_hand(handler, Request(f"{kind}ModRq", {f"{kind}Mod": {**ids, **values}}))

    def user_delete(self, record_id: str, kind: str = "Customer") -> None:
        if kind in TRANSACTIONS:
            values = {"TxnDelType": kind, "TxnID": record_id}
            self._by_hand(txn_deletions.txn_del, Request("TxnDelRq", values))
        else:
            values = {"ListDelType": kind, "ListID": record_id}
            self._by_hand(deletions.list_del, Request("ListDelRq", values))

    def user_void(self, txn_id: str, kind: str = "Invoice") -> None:
        request = Request("TxnVoidRq", {"TxnVoidType": kind, "TxnID": txn_id})
        self._by_hand(txn_deletions.txn_void, request)

    def user_post(self, list_id: str, amount: Decimal) -> str:
        """A posting to a customer's balance, an invoice or a credit memo without an item; its TxnID.

        The customer's TimeModified moves, its EditSequence does not.
        """
        with self._lock, self._books.transaction():
            customer = self._existing(list_id)
            today = self._books.clock.today()
            return opening.open_balance(self._books, customer, balances.cents(amount), today, POSTED).txn_id

    # -- lists -----------------------------------------------------------------------------------------------

    def rename(self, name: Name, new_name: str, kind: str = "Customer") -> None:
        known = self._kind(kind)
        self.user_edit(self.element(kind, name)["ListID"], {known.name_field: new_name}, kind)

    def make_inactive(self, name: Name, kind: str = "Customer") -> None:
        self.user_edit(self.element(kind, name)["ListID"], {"IsActive": False}, kind)

    def merge(self, source: Name, target: Name, kind: str = "Customer") -> None:
        """The source is gone; everything that named it names the target."""
        with self._lock:
            known = self._kind(kind)
            pair = [self._existing(name, kind) for name in (source, target)]
            self._refusing(lambda: merging.merge(self._books, known, pair[0], pair[1]))

    def adjust_stock(self, item: Name, quantity: Amount) -> None:
        """An inventory item is counted: so many more (or fewer) are there, at their average cost."""
        with self._lock, self._books.transaction():
            found = objects.find_full_name(self._books, lists.ITEMS, item)
            is_stocked = found is not None and found.kind in items.STOCKED
            element = found if found and is_stocked else self._existing(item, items.STOCKED[0])
            units = stock.units(str(quantity))
            value = stock.cost(self._books, element.list_id, units)
            txn_id = self._books.new_txn_id()
            items.adjust(self._books, element, txn_id, units, value, "CostOfGoodsSold")

    def close_books(self, day: date | None) -> None:
        """Up to that day nothing can be entered, changed or deleted any more; None opens them again."""
        with self._lock, self._books.transaction():
            self._books.set("closing_date", day.isoformat() if day else "")

    # -- transactions ----------------------------------------------------------------------------------------

    def take_payment(
        self,
        *,
        customer: Name,
        amount: Amount,
        invoice: Name | Sequence[Name] = (),
        method: str = "",
        ref_number: str = "",
    ) -> str:
        """Receives money: for the invoices named, one after another, or left unused without any; its TxnID."""
        with self._lock:
            rest = Decimal(amount)
            applied = []
            for name in [invoice] if isinstance(invoice, str) else invoice:
                one = self._named("Invoice", name)
                # What is paid already is offered the whole rest: QuickBooks says what it thinks of that.
                part = min(rest, Decimal(balances.text(one.open))) or rest
                applied += [{"TxnID": one.txn_id, "PaymentAmount": part}] if part else []
                rest -= part
            values: dict[str, Any] = {
                "CustomerRef": {"ListID": self._existing(customer).list_id},
                "TotalAmount": Decimal(amount),
                **({"RefNumber": ref_number} if ref_number else {}),
                **({"PaymentMethodRef": {"FullName": method}} if method else {}),
                **({"AppliedToTxnAdd": applied} if applied else {"IsAutoApply": False}),
            }
            return self.user_add(values, PAYMENT)

    def edit_amount(self, name: Name, amount: Amount, line: int = 0, kind: str = "Invoice") -> None:
        """Types another amount into one line of a sales form; lines count from 0."""
        with self._lock:
            txn = self._named(kind, name)
            lines = [{"TxnLineID": one["TxnLineID"]} for one in txn.lines]
            if line >= len(lines):
                raise SimulatorError(f"{kind} {name} has {len(lines)} lines, no line {line + 1}.")
            lines[line]["Amount"] = Decimal(amount)
            self.user_edit(txn.txn_id, {f"{kind}LineMod": lines}, kind)

    # -- what they see ---------------------------------------------------------------------------------------

    def customer(self, name: Name) -> Fields:
        """One customer, as the values of its CustomerRet."""
        return self.element(CUSTOMER.name, name)

    def customers(self) -> list[Fields]:
        """All customers and jobs, inactive ones too, in the order QuickBooks lists them."""
        return self.elements(CUSTOMER.name)

    def element(self, kind: str, name: Name) -> Fields:
        """One element of any list ("ItemService"), as the values of its Ret."""
        with self._lock:
            return self._kind(kind).ret(self._books, self._existing(name, kind))

    def elements(self, kind: str) -> list[Fields]:
        """A whole list, inactive ones too, in the order QuickBooks lists them."""
        with self._lock:
            known = self._kind(kind)
            rows = objects.select(self._books, f"WHERE kind = ? {queries.ORDER}", kind)
            return [known.ret(self._books, row) for row in list(rows)]

    def shown(self, kind: str, name: Name | None = None) -> Fields | list[Fields]:
        """Every record of a kind, of a list or a transaction, or the one of that name."""
        check_known("kind of record", kind, is_known=kind in TRANSACTIONS or kind in KINDS)
        if kind in TRANSACTIONS:
            return self.txns(kind) if name is None else self.txn(kind, name)
        return self.elements(kind) if name is None else self.element(kind, name)

    def id_of(self, kind: str, name: Name) -> str:
        """ListID or TxnID of one record."""
        return str((self.txn if kind in TRANSACTIONS else self.element)(kind, name)[ID[kind in TRANSACTIONS]])

    def count(self, kind: str) -> int:
        """How many there are of a kind ("Customer", "Invoice"), inactive ones too."""
        table = "txn" if kind in TRANSACTIONS else "list_object"
        with self._lock:
            return int(self._books.one(f"SELECT count(*) FROM {table} WHERE kind = ?", kind))  # noqa: S608

    def ids(self, kind: str) -> list[str]:
        """ListIDs of a whole list, in the order QuickBooks lists them; much smaller than its elements."""
        with self._lock:
            query = f"SELECT list_id FROM list_object WHERE kind = ? {queries.ORDER}"  # noqa: S608
            return [row[0] for row in self._books.db.execute(query, (self._kind(kind).name,))]

    def is_taken(self, kind: str, name: Name) -> bool:
        """Whether somebody at the top of that family of lists has the name."""
        with self._lock:
            return objects.find_sibling(self._books, self._kind(kind).family, "", name) is not None

    def txn(self, kind: str, name: Name) -> Fields:
        """One transaction ("Invoice"), as the values of its Ret with lines and links."""
        with self._lock:
            return self._shown(self._named(kind, name))

    def txns(self, kind: str) -> list[Fields]:
        """All transactions of a kind in the order of their creation, with lines and links."""
        with self._lock:
            rows = transactions.select(self._books, "WHERE kind = ? ORDER BY number", kind)
            return [self._shown(row) for row in rows]

    # -- how -------------------------------------------------------------------------------------------------

    def _by_hand(self, handler: Callable[[Call], Reply], request: Request) -> Reply:
        version = self._books.settings["highest_version"]

        def carried_out() -> Reply:
            features.check(self._books, request)
            checked, unsupported = checks.checked(texts.taken_in(self._books, request), version)
            checked, left_out = features.without_what_is_off(self._books, checked)
            unsupported = (*unsupported, *left_out)
            if unsupported:
                raise SimulatorError(f"QuickBooks has no field {', '.join(unsupported)} here.")
            return handler(Call(self._books, Session(), checked, version))

        return self._refusing(carried_out)

    def _refusing(self, act: Callable[[], Done]) -> Done:
        try:
            with self._lock, self._books.transaction():
                return act()
        except Refusal as refusal:
            raise SimulatorError(f"QuickBooks refuses this ({refusal.code}): {refusal.message}") from refusal

    def _add_plain(self, kind: str, name: str, known: ListKind | None) -> str:
        with self._lock, self._books.transaction():
            if objects.find_sibling(self._books, lists.FAMILIES[kind], "", name):
                raise SimulatorError(f"The name {name!r} is already in use in QuickBooks.")
            return lists.insert(self._books, kind, name, fields=known.defaults if known else {}).list_id

    def _shown(self, txn: Txn) -> Fields:
        show = payments.ret if txn.kind == PAYMENT else sales_ret.ret
        return show(self._books, txn, lines=True, links=True)

    def _existing(self, name: Name, kind: str = CUSTOMER.name) -> ListObject:
        family = self._kind(kind).family
        found = objects.find(self._books, family, name) or objects.find_full_name(self._books, family, name)
        if found is None or found.kind != kind:
            raise SimulatorError(f"There is no {_words(kind)} {name!r} in {self._books.path}.")
        return found

    def _named(self, kind: str, name: Name) -> Txn:
        """The newest one where several have that RefNumber."""
        clause = "WHERE kind = ? AND (txn_id = ? OR ref_number = ?) ORDER BY number DESC LIMIT 1"
        found = next(transactions.select(self._books, clause, kind, name, name), None)
        if found is None:
            raise SimulatorError(f"There is no {_words(kind)} {name!r} in {self._books.path}.")
        return found

    def _kind(self, name: str) -> ListKind:
        check_known("list", name, is_known=name in KINDS)
        return KINDS[name]


class _PaymentForm:
    """The requests of payments, in the shape of those of sales forms."""

    add = staticmethod(payments.add)
    mod = staticmethod(payments.mod)


TRANSACTIONS: Mapping[str, Any] = {**SALES_FORMS, PAYMENT: _PaymentForm}


def check_known(what: str, value: str, *, is_known: bool) -> None:
    if not is_known:
        raise SimulatorError(f"{value!r} is no {what} that this simulator knows.")


def _words(kind: str) -> str:
    """ItemService -> "item service", as a sentence says it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()
