"""How each kind of QuickBooks object is asked for; the qbXML field tables know most of it.

Queries without an iterator have no page size either: QuickBooks would leave out what is beyond it and say nothing.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import qbxml
from qbwc_server.sync.from_books.state import ReadState
from qbxml import WallTime

LINES_PAGE_SIZE = (
    100  # transactions come with their lines (qbXML semantics, section 8: 100 to 200 with lines)
)
IDS = 50  # records of one request by id
KEYS = 500  # records of which only the id and stamps are asked
FIRST_MOMENT = "1970-01-01T00:00:00"

# Given wherever the field tables have them. Without these, what is inactive, lines, links and custom fields stay away.
WHOLE: Final[Mapping[str, Any]] = {
    "ActiveStatus": "All",
    "IncludeLineItems": True,
    "IncludeLinkedTxns": True,
    "OwnerID": ["0"],
}
FILTERS = ("ActiveStatus",)  # may not stand beside ids: a query is either ids or filters

# Lists that are answered as records of other names than the query's.
ANSWERED_AS: Final[Mapping[str, tuple[str, ...]]] = {"Terms": ("StandardTerms", "DateDrivenTerms")}


def kinds_answered(kind: str) -> tuple[str, ...]:
    """The kinds of records that the query of a kind is answered with."""
    return ANSWERED_AS.get(kind, (kind,))


@lru_cache
def _paths(name: str) -> frozenset[str]:
    return frozenset(one.path.removeprefix(f"{name}/") for one in qbxml.fields(name))


def is_transaction(kind: str) -> bool:
    return "TxnID" in _paths(f"{kind}QueryRq")


@lru_cache
def has_iterator(kind: str) -> bool:
    asked = qbxml.Request(f"{kind}QueryRq", {}, attributes={"iterator": "Start"})
    return not any(one.path.endswith("/@iterator") for one in qbxml.validate(asked))


def page_size(state: ReadState, most: int) -> int:
    """Records of one answer; `most` where they are lists and come whole."""
    if state.what == "keys":
        return KEYS
    return min(most, LINES_PAGE_SIZE) if is_transaction(state.kind) else most


def query(state: ReadState, most: int) -> qbxml.Request:
    """The next request of a read: by ids, or the next page of what was modified in its window."""
    by_filter = state.what != "again"
    asked = _by_filter(state, most) if by_filter else _by_ids(state)
    attributes = _iterator(state) if by_filter and has_iterator(state.kind) else {}
    asked |= _keys_only(state) if state.what == "keys" else whole(state.kind, by_filter=by_filter)
    return qbxml.Request(f"{state.kind}QueryRq", asked, state.request_id, attributes)


def _keys_only(state: ReadState) -> dict[str, Any]:
    paths = _paths(f"{state.kind}QueryRq")
    stamps = ["TxnID" if is_transaction(state.kind) else "ListID", "EditSequence", "TimeModified"]
    all_of_them = {name: WHOLE[name] for name in FILTERS if name in paths}
    return all_of_them | {"IncludeRetElement": stamps}


def whole(kind: str, *, by_filter: bool = True) -> dict[str, Any]:
    """What a query of a kind must say so that nothing of its records, nor inactive ones, stays away."""
    paths = _paths(f"{kind}QueryRq")
    return {
        name: value for name, value in WHOLE.items() if name in paths and (by_filter or name not in FILTERS)
    }


def _by_ids(state: ReadState) -> dict[str, Any]:
    return {"TxnID" if is_transaction(state.kind) else "ListID": list(state.ids[:IDS])}


def _by_filter(state: ReadState, most: int) -> dict[str, Any]:
    size = {"MaxReturned": page_size(state, most)} if has_iterator(state.kind) else {}
    return size | _modified(state)


def _modified(state: ReadState) -> dict[str, Any]:
    """Lists have the two dates themselves, transactions a filter around them, a few lists neither."""
    paths = _paths(f"{state.kind}QueryRq")
    ends = {"FromModifiedDate": state.since, "ToModifiedDate": state.until}
    given = {name: WallTime.parse(text) for name, text in ends.items() if text}
    if not given:
        return {}
    if "ModifiedDateRangeFilter/FromModifiedDate" in paths:
        return {"ModifiedDateRangeFilter": given}
    return given if "FromModifiedDate" in paths else {}


def _iterator(state: ReadState) -> dict[str, str]:
    if state.iterator_id:
        return {"iterator": "Continue", "iteratorID": state.iterator_id}
    return {"iterator": "Start"}


# --- deletions ---


@lru_cache
def _deletable(family: str) -> frozenset[str]:
    [kinds] = [one.enum for one in qbxml.fields(f"{family}DeletedQueryRq") if one.path.endswith("DelType")]
    return frozenset(kinds)


def family(kind: str) -> str:
    """The word before "DeletedQueryRq" and "DelType"."""
    return "Txn" if is_transaction(kind) else "List"


def deletions(states: Sequence[ReadState]) -> list[qbxml.Request]:
    """What was deleted since these kinds were read, lists in one request and transactions in another.

    A first read needs none, because it sees what exists; unless an earlier visit had begun it. Where a record is
    missed, it may have been deleted since its kind was asked for.
    """
    asked = [one for one in states if _may_be_gone(one)]
    found = (_deleted(name, [one for one in asked if family(one.kind) == name]) for name in ("List", "Txn"))
    return [one for one in found if one is not None]


def _may_be_gone(state: ReadState) -> bool:
    if state.what == "again":
        return bool(state.suspects)
    return (
        state.what in ("read", "list")
        and state.page == 1
        and bool(state.since or state.gone_since or state.resumed)
    )


def _deleted(name: str, states: Sequence[ReadState]) -> qbxml.Request | None:
    kinds = sorted({kind for one in states for kind in kinds_answered(one.kind)} & _deletable(name))
    if not kinds:
        return None
    since = min(FIRST_MOMENT if one.first else one.since or one.gone_since or FIRST_MOMENT for one in states)
    values = {
        f"{name}DelType": kinds,
        "DeletedDateRangeFilter": {"FromDeletedDate": WallTime.parse(since)},
    }
    return qbxml.Request(f"{name}DeletedQueryRq", values, f"gone-{name}-1")
