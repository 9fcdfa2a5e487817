"""Records that are read again because another one changed: their own stamps do not always tell.

Whether every posting moves the TimeModified of what it changes is not known (qbXML semantics, section 4). So the
invoices that a payment is applied to are read again by id, and the customers whose balance follows. What is to be
read again is kept until it was, also when the visit ends before.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any, Final

from qbwc_server.store import records
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Company
from qbwc_server.sync import parts
from qbwc_server.sync.deciding import Scope

Touched = Mapping[str, frozenset[str]]  # ids by kind


@dataclass(frozen=True)
class Touch:
    """What a changed record may have changed: records of `kind`, which its field `by` refers to.

    Where only `fields` follow from others, nothing is read again unless a mapping names one of them.
    """

    kind: str
    by: str
    fields: tuple[str, ...] = ()


INVOICES = Touch("Invoice", "AppliedToTxnRet")
BALANCE = Touch("Customer", "CustomerRef", ("Balance", "TotalBalance"))
TOUCHES: Final[Mapping[str, tuple[Touch, ...]]] = {
    "ReceivePayment": (INVOICES, BALANCE),
    "CreditMemo": (Touch("Invoice", "LinkedTxn"), BALANCE),
    "SalesReceipt": (BALANCE,),
    "Invoice": (Touch("SalesOrder", "LinkedTxn"), BALANCE),
    # A job's balance is part of the total balance of its parents.
    "Customer": (Touch("Customer", "ParentRef", ("TotalBalance",)),),
}


def _touching(target: str) -> set[str]:
    found = {kind for kind, ways in TOUCHES.items() if target in {one.kind for one in ways}}
    return found - {target}


# What touches others comes before these, so that each is read once and last.
EVERY = sorted({*TOUCHES, *(one.kind for ways in TOUCHES.values() for one in ways)})
IN_ORDER: Final = tuple(TopologicalSorter({kind: _touching(kind) for kind in EVERY}).static_order())
# Kinds that are read for what they change, even if no mapping names them, as soon as this one is mapped.
AUXILIARY: Final[Mapping[str, str]] = {"ReceivePayment": "Invoice", "CreditMemo": "Invoice"}


def order(kinds: Iterable[str]) -> list[str]:
    """These kinds, what touches others before them."""
    wanted = {*kinds}
    return [*(one for one in IN_ORDER if one in wanted), *sorted(wanted - {*IN_ORDER})]


def mapped_kinds(scopes: Iterable[Scope]) -> frozenset[str]:
    return frozenset(parts.whole_of(one.books_kind) for scope in scopes for one in scope.profile.kinds)


def auxiliary(mapped: frozenset[str]) -> frozenset[str]:
    return frozenset(kind for kind, of in AUXILIARY.items() if of in mapped) - mapped


def followed(scopes: Iterable[Scope]) -> frozenset[Touch]:
    """The ways from one record to another that are worth going, for what the mappings name."""
    named: dict[str, set[str]] = {}
    for scope in scopes:
        for one in scope.profile.kinds:
            named.setdefault(one.books_kind, set()).update(rule.books for rule in one.rules)
    every = {touch for touches in TOUCHES.values() for touch in touches if touch.kind in named}
    return frozenset(one for one in every if not one.fields or named[one.kind] & {*one.fields})


def ways_from(kind: str, followed: frozenset[Touch]) -> list[Touch]:
    return [one for one in TOUCHES.get(kind, ()) if one in followed]


def touched(way: Touch, values: Sequence[Mapping[str, Any]]) -> Touched:
    """What records refer to."""
    ids = frozenset(one for each in values for one in _referred(each.get(way.by), way.kind))
    return {way.kind: ids} if ids else {}


def _referred(field: Any, target: str) -> Iterator[str]:
    """The ids in a reference, or in the linked transactions of a kind."""
    for one in field if isinstance(field, list) else [field] if field else []:
        if one.get("TxnType", target) == target and (found := one.get("TxnID") or one.get("ListID")):
            yield str(found)


def without(ids: Touched, kind: str, some: Iterable[str]) -> Touched:
    return dict(ids) | {kind: ids.get(kind, frozenset()) - {*some}}


def joined(one: Touched, other: Touched) -> Touched:
    kinds = one.keys() | other.keys()
    return {kind: one.get(kind, frozenset()) | other.get(kind, frozenset()) for kind in kinds}


# --- what is still to be read again ---


def _row_name(kind: str) -> str:
    return f"again {kind}"


def remembered(marks: Mapping[str, records.Mark], kind: str) -> tuple[str, ...]:
    """The ids that an earlier visit left behind."""
    mark = marks.get(_row_name(kind))
    return tuple(json.loads(mark.value)) if mark and mark.value else ()


def remember(tx: Tx, company: Company, ids: Touched, now: datetime) -> None:
    for kind, some in ids.items():
        _change(tx, company, kind, some, (), now)


def forget(tx: Tx, company: Company, kind: str, ids: Sequence[str], now: datetime) -> None:
    _change(tx, company, kind, (), ids, now)


def _change(
    tx: Tx, company: Company, kind: str, more: Collection[str], fewer: Collection[str], now: datetime
) -> None:
    if not (more or fewer):
        return
    value, _ = records.watermark(tx, company.id, "books", _row_name(kind))
    before = set(json.loads(value)) if value else set()
    after = (before | {*more}) - {*fewer}
    if after != before:
        text = json.dumps(sorted(after))
        records.move_watermark(tx, company.id, "books", _row_name(kind), text, now, complete=not after)
