"""Records that are read again because another one changed: their own stamps do not always tell.

Whether every posting moves the TimeModified of what it changes is not known (qbXML semantics, section 4). So the
invoices that a payment is applied to are read again by id, and the customers whose balance follows. What is to be
read again is kept until it was, also when the visit ends before.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from qbwc_server.store import records
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Company
from qbwc_server.sync.deciding import Scope

Touched = Mapping[str, frozenset[str]]  # ids by kind

# A changed record of a kind -> (what it may have changed, the field that refers to it).
TOUCHES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "ReceivePayment": (("Invoice", "AppliedToTxnRet"), ("Customer", "CustomerRef")),
    "CreditMemo": (("Invoice", "LinkedTxn"), ("Customer", "CustomerRef")),
    "SalesReceipt": (("Customer", "CustomerRef"),),
    "Invoice": (("SalesOrder", "LinkedTxn"), ("Customer", "CustomerRef")),
    # A job's balance is part of the total balance of its parents.
    "Customer": (("Customer", "ParentRef"),),
}
# Kinds that are read for what they change, even if no mapping names them, as soon as this one is mapped.
AUXILIARY: Final[Mapping[str, str]] = {"ReceivePayment": "Invoice"}
# Kinds of which only these fields follow from others; the others are mapped as a whole.
FOLLOWING: Final[Mapping[str, tuple[str, ...]]] = {"Customer": ("Balance", "TotalBalance")}


def posts(kind: str) -> bool:
    return kind in TOUCHES


def mapped_kinds(scopes: Iterable[Scope]) -> frozenset[str]:
    return frozenset(one.books_kind for scope in scopes for one in scope.profile.kinds)


def auxiliary(mapped: frozenset[str]) -> frozenset[str]:
    return frozenset(kind for kind, of in AUXILIARY.items() if of in mapped) - mapped


def followed(scopes: Iterable[Scope]) -> frozenset[str]:
    """The kinds that are worth reading again: mapped, and with a field that others change."""
    maps = [one for scope in scopes for one in scope.profile.kinds]
    touched = {kind for targets in TOUCHES.values() for kind, _ in targets}
    return frozenset(
        one.books_kind
        for one in maps
        if one.books_kind in touched
        and (
            one.books_kind not in FOLLOWING
            or any(rule.books in FOLLOWING[one.books_kind] for rule in one.rules)
        )
    )


def touched(kind: str, values: Iterable[Mapping[str, Any]], followed: frozenset[str]) -> Touched:
    """What records of a kind refer to, as far as it is followed."""
    targets = [(target, name) for target, name in TOUCHES.get(kind, ()) if target in followed]
    all_values = list(values) if targets else []
    found: dict[str, set[str]] = {}
    for target, name in targets:
        ids = {one for each in all_values for one in _referred(each.get(name), target)}
        found.setdefault(target, set()).update(ids)
    return {target: frozenset(ids) for target, ids in found.items() if ids}


def _referred(field: Any, target: str) -> Iterator[str]:
    """The ids in a reference, or in the linked transactions of a kind."""
    for one in field if isinstance(field, list) else [field] if field else []:
        if one.get("TxnType", target) == target and (found := one.get("TxnID") or one.get("ListID")):
            yield str(found)


def joined(many: Iterable[Touched]) -> Touched:
    found: dict[str, frozenset[str]] = {}
    for each in many:
        for kind, ids in each.items():
            found[kind] = found.get(kind, frozenset()) | ids
    return found


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
    tx: Tx, company: Company, kind: str, more: Iterable[str], fewer: Iterable[str], now: datetime
) -> None:
    value, _ = records.watermark(tx, company.id, "books", _row_name(kind))
    before = set(json.loads(value)) if value else set()
    after = (before | {*more}) - {*fewer}
    if after != before:
        text = json.dumps(sorted(after))
        records.move_watermark(tx, company.id, "books", _row_name(kind), text, now, complete=not after)
