"""Whether the total of a document is the same on both sides; if not, by how much and why.

The CRM's total is its amount with the extra lines and the sales tax that it says; QuickBooks computes the tax itself,
once for the whole document (qbXML semantics 6, "Sales tax").
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from qbwc_server.mapping.choosing import held
from qbwc_server.mapping.derived import value_at
from qbwc_server.mapping.lines import amount_of, cents_of, extra_amount
from qbwc_server.mapping.paths import Nested, leaf_at
from qbwc_server.mapping.profile import LINES, KindMap, Total

NOTHING: Final = Decimal("0.00")
HALF_A_CENT: Final = Decimal("0.005")
# Lines that are named one by one; of a document that was written anew, more would say nothing.
MOST_LINES = 3


@dataclass(frozen=True)
class Cause:
    """One reason why the totals differ: how much more QuickBooks has because of it, and a sentence."""

    amount: Decimal
    text: str


@dataclass(frozen=True)
class Difference:
    """Two totals in cents that are not the same."""

    crm: Decimal
    books: Decimal
    causes: tuple[Cause, ...] = ()

    @property
    def text(self) -> str:
        """Both numbers and what is known of the causes, for a bookkeeper."""
        head = f"The totals differ: {self.crm} in the CRM, {self.books} in QuickBooks ({_more(self)})."
        named = [one.text for one in self.causes[:MOST_LINES]]
        others = self.causes[MOST_LINES:]
        if others:
            named.append(f"{len(others)} more differences come to {sum(one.amount for one in others):+}.")
        unexplained = self.books - self.crm - sum((one.amount for one in self.causes), NOTHING)
        if unexplained:
            named.append(f"{unexplained:+} is explained by neither lines nor tax; compare both documents.")
        return " ".join((head, *named))


def _more(difference: Difference) -> str:
    return f"{difference.books - difference.crm:+}"


def total_difference(
    kind_map: KindMap, record_values: Mapping[str, Any], ret: Nested, pairs: Mapping[str, str] | None = None
) -> Difference | None:
    """How the totals of both sides differ, by a cent or more; None where they agree or either is unknown.

    `pairs` are the TxnLineIDs by CRM line, and by field for the extra lines, as far as they are known.
    """
    if kind_map.total is None:
        return None
    found = _Compared(kind_map, kind_map.total, record_values, ret, pairs or {})
    crm, books = found.crm(), cents_of(value_at(ret, kind_map.total.books), kind_map.total.books)
    if crm is None or books is None or crm == books:
        return None
    return Difference(crm, books, tuple(one for one in found.causes() if one.amount))


def crm_total(kind_map: KindMap, record_values: Mapping[str, Any]) -> Decimal | None:
    """What a document comes to in the CRM, with its extra lines and the tax it expects; None where nobody knows.

    Raises CannotConvert for an amount that is none.
    """
    if kind_map.total is None:
        return None
    return _Compared(kind_map, kind_map.total, record_values, {}, {}).crm()


@dataclass(frozen=True)
class _Compared:
    """Both sides of a document."""

    kind_map: KindMap
    total: Total
    record: Mapping[str, Any]
    ret: Nested
    pairs: Mapping[str, str]

    def crm(self) -> Decimal | None:
        amount = cents_of(held(self.record, self.total.crm), self.total.crm)
        return None if amount is None else amount + sum(self._extras().values(), self._tax() or NOTHING)

    def causes(self) -> Iterator[Cause]:
        lines = self._lines_here()
        yield from self._of_amount(lines)
        yield from self._of_lines({**lines, **self._extras()})
        yield from self._of_tax(len(lines))

    def _extras(self) -> dict[str, Decimal]:
        extra = self.kind_map.lines.extra if self.kind_map.lines else ()
        return {one.crm: found for one in extra if (found := extra_amount(one, self.record)) is not None}

    def _tax(self) -> Decimal | None:
        return cents_of(held(self.record, self.total.tax), self.total.tax) if self.total.tax else None

    def _lines_here(self) -> dict[str, Decimal]:
        """The amounts of the CRM's lines by their ids, in its order."""
        lines = self.kind_map.lines
        given = self.record.get(LINES.rstrip(".")) or () if lines else ()
        found = (
            {str(one.get("Id") or n): amount_of(lines, one) for n, one in enumerate(given)} if lines else {}
        )
        return {line_id: amount for line_id, amount in found.items() if amount is not None}

    def _of_amount(self, lines: Mapping[str, Decimal]) -> Iterator[Cause]:
        """The CRM may show another amount than its lines make."""
        amount, total = cents_of(held(self.record, self.total.crm), ""), sum(lines.values(), NOTHING)
        if lines and amount is not None and amount != total:
            text = f"{self.total.crm} is {amount} in the CRM, and its lines come to {total}."
            yield Cause(total - amount, text)

    def _of_lines(self, here: Mapping[str, Decimal]) -> Iterator[Cause]:
        subtotal = cents_of(leaf_at(self.ret, "Subtotal"), "Subtotal")
        there = {str(one.get("TxnLineID")): one for one in self._lines_there()}
        paired = {key: there[line_id] for key, line_id in self.pairs.items() if line_id in there}
        if subtotal is None or not here:
            return
        if not paired:
            yield self._sums(sum(here.values(), NOTHING), subtotal)
            return
        taken = {str(one.get("TxnLineID")) for one in paired.values()}
        missing, added = _alone(
            {key: amount for key, amount in here.items() if key not in paired},
            [one for line_id, one in there.items() if line_id not in taken],
        )
        met = sum((_amount_there(one) for line_id, one in there.items() if one not in added), NOTHING)
        for place, (key, amount) in enumerate(here.items(), 1):
            if key in paired or key in missing:
                yield self._line(place, key, amount, paired.get(key))
        yield from _added(added, subtotal - met)
        yield from (
            Cause(_amount_there(one), f"{_called(one)} of {_amount_there(one)} is gone in the CRM.")
            for key, one in paired.items()
            if key not in here
        )

    def _sums(self, here: Decimal, there: Decimal) -> Cause:
        return Cause(there - here, f"The lines come to {here} in the CRM, to {there} in QuickBooks.")

    def _line(self, place: int, key: str, amount: Decimal, partner: Nested | None) -> Cause:
        name = key if key in self._extras() else f"Line {place}"
        if partner is None:
            return Cause(-amount, f"{name} of {amount} is not known to be in QuickBooks.")
        there = _amount_there(partner)
        text = f"{name} ({_called(partner)}) is {amount} in the CRM, {there} in QuickBooks."
        return Cause(there - amount, text)

    def _lines_there(self) -> Sequence[Nested]:
        name = self.kind_map.lines.books if self.kind_map.lines else ""
        return [*(self.ret.get(f"{name}Ret") or ()), *(self.ret.get(f"{name}GroupRet") or ())]

    def _of_tax(self, lines: int) -> Iterator[Cause]:
        there = cents_of(leaf_at(self.ret, "SalesTaxTotal"), "SalesTaxTotal") or NOTHING
        here = self._tax()
        if here is None and there:
            rate = f" ({name})" if (name := leaf_at(self.ret, "ItemSalesTaxRef/FullName")) else ""
            yield Cause(there, f"QuickBooks added {there} sales tax{rate}.")
        elif here is not None and here != there:
            small = abs(there - here) <= HALF_A_CENT * max(lines, 2)
            why = ", which is rounding: QuickBooks rounds once for the whole document" if small else ""
            yield Cause(there - here, f"Sales tax is {here} in the CRM, {there} in QuickBooks{why}.")


def _alone(here: Mapping[str, Decimal], there: Sequence[Nested]) -> tuple[dict[str, Decimal], list[Nested]]:
    """Lines without a partner; which of several equal ones is whose partner is all the same to the total."""
    missing, added = dict(here), list(there)
    for key, amount in here.items():
        found = next((one for one in added if _amount_there(one) == amount), None)
        if found is not None:
            added.remove(found)
            del missing[key]
    return missing, added


def _added(lines: Sequence[Nested], amount: Decimal) -> Iterator[Cause]:
    """What a bookkeeper put in. Lines that only repeat others, such as subtotals, do not add up to it."""
    if sum((_amount_there(one) for one in lines), NOTHING) == amount:
        yield from (
            Cause(_amount_there(one), f"{_called(one)} of {_amount_there(one)} is in QuickBooks only.")
            for one in lines
        )
    else:
        yield Cause(amount, f"Other lines in QuickBooks come to {amount}.")


def _amount_there(line: Nested) -> Decimal:
    return cents_of(leaf_at(line, "Amount") or leaf_at(line, "TotalAmount"), "Amount") or NOTHING


def _called(line: Nested) -> str:
    return str(leaf_at(line, "ItemRef/FullName") or leaf_at(line, "ItemGroupRef/FullName") or "A line")
