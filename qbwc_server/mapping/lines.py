"""The lines of a document: what each CRM line becomes in QuickBooks, and what each of them should come to.

A line's amount is the CRM's, to the cent. QuickBooks makes the amount of a line from Quantity and Rate, so the two
are sent only where they make that amount; otherwise Quantity and Amount go, and QuickBooks makes the rate (field
rules of qbXML, "Lines"). A discount on a line is inside its amount already.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from typing import Any

from qbwc_server.mapping.choosing import held
from qbwc_server.mapping.conversion import Target
from qbwc_server.mapping.errors import CannotConvert
from qbwc_server.mapping.measures import amount_to_books, amount_to_crm
from qbwc_server.mapping.paths import put
from qbwc_server.mapping.profile import LINES, ExtraLine, KindMap, Lines, Rule
from qbwc_server.mapping.project import setting_of, to_books
from qbwc_server.mapping.value import Value, normal

# From a role and the id of a CRM record to the id of its partner in QuickBooks; None while it has none.
Refer = Callable[[str, str], str | None]

_CENT = Decimal("0.01")
# Quantities and rates have up to 15 digits each; nothing of their product is lost.
_EXACT = Context(prec=60)
# What the price of a line is made of; of these three QuickBooks takes two.
_QUANTITY, _RATE, _AMOUNT = "Quantity", "Rate", "Amount"


@dataclass(frozen=True)
class Document:
    """The lines of one document, in the CRM's order.

    `lines` are the values of the ...LineAdd elements, `line_ids` the CRM's ids of the same lines; of a line that is
    none in the CRM, the field whose amount it is. `unresolved` are the (role, CRM id) that have no partner yet; while
    there are any, or `problems`, the lines are not complete.
    """

    lines: list[dict[str, Any]] = field(default_factory=list)
    line_ids: list[str] = field(default_factory=list)
    problems: list[CannotConvert] = field(default_factory=list)
    unresolved: list[tuple[str, str]] = field(default_factory=list)


def document_lines(
    kind_map: KindMap, record_values: Mapping[str, Any], settings: Mapping[str, str], refer: Refer
) -> Document:
    """The lines of a CRM record as QuickBooks lines; none for a kind without lines."""
    document = Document()
    if kind_map.lines is None:
        return document
    making = _Making(kind_map.lines, settings, refer, document)
    for number, line in enumerate(record_values.get(LINES.rstrip(".")) or (), 1):
        making.line(number, line)
    for extra in kind_map.lines.extra:
        making.amount(extra, record_values)
    return document


def amount_of(lines: Lines, values: Mapping[str, Any]) -> Decimal | None:
    """What a CRM line comes to in cents: its amount, else quantity times price; None where neither is known."""
    fields = {rule.books: rule.crm for rule in lines.rules if rule.books in (_QUANTITY, _RATE, _AMOUNT)}
    quantity, rate, amount = (
        _number(values.get(fields[name]) if name in fields else None, name)
        for name in (_QUANTITY, _RATE, _AMOUNT)
    )
    if amount is None and rate is not None:
        amount = _EXACT.multiply(Decimal(1) if quantity is None else quantity, rate)
    return None if amount is None else in_cents(amount)


def line_amount(line: Mapping[str, Any]) -> Decimal | None:
    """What QuickBooks makes of a line that is sent; None where it takes the item's own price."""
    if isinstance(given := line.get(_AMOUNT), Decimal):
        return in_cents(given)
    rate, quantity = line.get(_RATE), line.get(_QUANTITY, Decimal(1))
    return in_cents(_EXACT.multiply(quantity, rate)) if isinstance(rate, Decimal) else None


def extra_amount(extra: ExtraLine, record_values: Mapping[str, Any]) -> Decimal | None:
    """The amount of an extra line with its sign; None for none. Raises CannotConvert for a part of a cent."""
    amount = _amount(held(record_values, extra.crm), extra.crm)
    return (-abs(amount) if extra.negative else amount) if amount else None


def in_cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP, _EXACT)


@dataclass(frozen=True)
class _Making:
    """A document while its lines are made."""

    lines: Lines
    settings: Mapping[str, str]
    refer: Refer
    document: Document

    def line(self, number: int, values: Mapping[str, Any]) -> None:
        try:
            made = self._item(values) | self._fields(values)
        except CannotConvert as problem:
            told = CannotConvert(
                f"Line {number}: {problem.text}", field=problem.field, value=problem.value, code=problem.code
            )
            self.document.problems.append(told)
        else:
            self._add(made, str(values.get("Id") or ""), self.lines.tax_code)

    def amount(self, extra: ExtraLine, record_values: Mapping[str, Any]) -> None:
        try:
            amount = extra_amount(extra, record_values)
            if amount is None:
                return
            item = setting_of(self.settings, extra.setting, f"{extra.crm} needs a line of its own", field="")
        except CannotConvert as problem:
            self.document.problems.append(problem)
        else:
            tax_code = self.lines.tax_code if extra.tax_code is None else extra.tax_code
            self._add({"ItemRef": {"FullName": item}, _AMOUNT: amount}, extra.crm, tax_code)

    def _add(self, line: dict[str, Any], line_id: str, tax_code: str | None) -> None:
        code = self.settings.get(tax_code or "")
        self.document.lines.append(({"SalesTaxCodeRef": {"FullName": code}} if code else {}) | line)
        self.document.line_ids.append(line_id)

    def _item(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A line that names no item of the CRM is a write-in."""
        if normal(values.get(self.lines.item)) is not None:
            return {}
        why = f"{self.lines.item} is empty, so the line needs the item for write-ins"
        item = setting_of(self.settings, self.lines.write_in, why, field=self.lines.item)
        return {"ItemRef": {"FullName": item}}

    def _fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        flat: dict[str, Value] = {}
        for rule in self.lines.rules:
            if rule.goes_to("books"):
                flat[rule.books] = self._value(rule, values)
        tree: dict[str, Any] = {}
        for path, value in _priced(flat).items():
            if value not in (None, ""):
                put(tree, path, value)
        return tree

    def _value(self, rule: Rule, values: Mapping[str, Any]) -> Value:
        value = normal(values.get(rule.crm))
        if rule.refers_to is not None and value is not None:
            return self._partner(rule.refers_to, str(value))
        if value is None and rule.setting is not None:
            return self.settings.get(rule.setting) or None
        return self._rate(rule, values) if rule.books == _RATE else to_books(rule, value).value

    def _partner(self, role: str, crm_id: str) -> str | None:
        found = self.refer(role, crm_id)
        if found is None and (role, crm_id) not in self.document.unresolved:
            self.document.unresolved.append((role, crm_id))
        return found

    def _rate(self, rule: Rule, values: Mapping[str, Any]) -> Value:
        """A price of more decimals than QuickBooks keeps is no fault where the line has an amount."""
        try:
            return to_books(rule, values.get(rule.crm)).value
        except CannotConvert:
            if self._has_amount(values):
                return None
            raise

    def _has_amount(self, values: Mapping[str, Any]) -> bool:
        return any(
            one.books == _AMOUNT and normal(values.get(one.crm)) is not None for one in self.lines.rules
        )


def _priced(flat: Mapping[str, Value]) -> dict[str, Value]:
    """Two of quantity, rate and amount, such that the amount of the line is the CRM's."""
    quantity, rate, amount = (flat.get(name) for name in (_QUANTITY, _RATE, _AMOUNT))
    if not isinstance(amount, Decimal):
        dropped: tuple[str, ...] = (_AMOUNT,)
    elif (
        isinstance(quantity, Decimal)
        and isinstance(rate, Decimal)
        and _makes(_EXACT.multiply(quantity, rate), amount)
    ):
        dropped = (_AMOUNT,)
    else:
        # Nothing of it for some money has no rate.
        dropped = (_RATE,) if quantity else (_RATE, _QUANTITY)
    return {name: value for name, value in flat.items() if name not in dropped}


def _makes(product: Decimal, amount: Decimal) -> bool:
    """Whether it is this amount in cents, by whichever rule half a cent is rounded."""
    return all(product.quantize(_CENT, rule, _EXACT) == amount for rule in (ROUND_HALF_UP, ROUND_HALF_EVEN))


def _amount(value: object, name: str) -> Decimal | None:
    """Raises CannotConvert for more decimals than money has."""
    plain = normal(value)
    converted = amount_to_books(plain, Target("books", name)).value if plain is not None else None
    return converted if isinstance(converted, Decimal) else None


def _number(value: object, name: str) -> Decimal | None:
    plain = normal(value)
    number = amount_to_crm(plain, Target("crm", name)).value if plain is not None else None
    return number if isinstance(number, Decimal) else None


def cents_of(value: object, name: str) -> Decimal | None:
    """A number in cents; None for an empty value. Raises CannotConvert for what is no number."""
    number = _number(value, name)
    return None if number is None else in_cents(number)
