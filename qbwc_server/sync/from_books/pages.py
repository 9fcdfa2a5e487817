"""What the answer to one request says of the read it belongs to, and how far that read is after it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from operator import itemgetter
from typing import Any, Final

import qbxml
from qbwc_server.sync.from_books import asking, windows
from qbwc_server.sync.from_books.state import ReadState
from qbxml import Ret, Status, WallTime

# Kinds that not every edition has (qbXML semantics, section 6).
OPTIONAL = ("Estimate", "SalesOrder")

LEFT_OUT = "QuickBooks' answer left it out."


@dataclass
class Page:
    """What the answer to one request says of the read it belongs to; nothing while it was not seen."""

    request: qbxml.Request
    states: Mapping[tuple[str, str], ReadState]
    status: Status | None = None
    newest: tuple[str, str, str] = ("", "", "")  # stamp, id and version
    anchor_seen: bool = False
    seen: int = 0

    @property
    def what(self) -> str:
        return str(self.request.request_id).split("-")[0]

    @property
    def kind(self) -> str:
        return str(self.request.request_id).split("-")[1]

    @property
    def deleted_kinds(self) -> list[str]:
        """The kinds whose deletions were asked for."""
        return [*self.request.values[f"{self.kind}DelType"]] if self.what == "gone" else []

    def add(self, status: Status, rets: Sequence[Ret]) -> None:
        self.status = status
        self.seen += len(rets)
        if self.what in ("read", "list"):
            stamps = ((stamp_of(one.values), id_of(one.values), version_of(one.values)) for one in rets)
            self.newest = max([self.newest, *stamps])
            state = self.states[self.what, self.kind]
            anchors = (one.values for one in rets if id_of(one.values) == state.anchor)
            self.anchor_seen = self.anchor_seen or any(not is_old(state, one) for one in anchors)

    def states_in(self, states: Mapping[tuple[str, str], ReadState]) -> list[ReadState]:
        """The reads that this answer is about: deletions are asked for several kinds at once."""
        if self.what != "gone":
            return [states[self.what, self.kind]]
        kinds = {*self.deleted_kinds}
        reads = [one for one in states.values() if one.what in ("read", "list")]
        return [one for one in reads if kinds & {*asking.kinds_answered(one.kind)}]

    def after(self, state: ReadState) -> ReadState:
        return AFTER[self.what](state, self)


def id_of(values: Mapping[str, Any]) -> str:
    return str(values.get("ListID") or values.get("TxnID") or "")


def stamp_of(values: Mapping[str, Any]) -> str:
    """When an object was last changed; "" where QuickBooks says nothing that can be understood."""
    stamp = values.get("TimeModified")
    if type(stamp) is date:
        stamp = WallTime.parse(stamp.isoformat())
    return stamp.text() if isinstance(stamp, WallTime) else ""


def version_of(values: Mapping[str, Any]) -> str:
    return str(values.get("EditSequence") or "")


def is_old(state: ReadState, values: Mapping[str, Any]) -> bool:
    """Whether it is the anchor in what looks like a state of before: a file of minutes ago shows it so.

    It may still be an edit under a slow clock; the record is asked for by its id, and `reconciling.older` says.
    """
    if not state.anchor or id_of(values) != state.anchor:
        return False
    version = version_of(values)
    lower = is_lower(version, state.anchor_version) or version == state.anchor_replaced
    return (lower and version != state.anchor_version) or stamp_of(values) < state.anchor_stamp


def is_lower(version: str, other: str) -> bool:
    """EditSequence is the second of the last edit in most files (qbXML semantics, section 4); others do not compare."""
    return version.isdecimal() and other.isdecimal() and int(version) < int(other)


def _after_deletions(state: ReadState, page: Page) -> ReadState:
    """Without its deletions a read is not complete, so its watermark must stay."""
    if page.status is None:
        return _left_out(state)
    return replace(state, error=_said(page.status)) if page.status.code >= 1000 else state


def _left_out(state: ReadState) -> ReadState:
    """Asked again it would be left out again, and the visit would never end."""
    return replace(state, done=True, error=LEFT_OUT)


def _said(status: Status) -> str:
    return f"{status.message} ({status.code})"


def _after_page(state: ReadState, page: Page) -> ReadState:
    status = page.status
    if status is None:
        return _left_out(state)
    if status.code >= 1000 and _is_lacking(state, status):
        return replace(state, done=True, lacking=True)
    if status.code >= 1000:
        if state.iterator_id and not state.restarted:
            # An iterator dies with its session; any error on Continue means: start again.
            return replace(state, iterator_id="", restarted=True, seen=0, left=0, page=state.page + 1)
        return replace(state, done=True, error=_said(status))
    left = status.iterator_remaining or 0
    newest, newest_id, newest_version = max(
        (state.newest, state.newest_id, state.newest_version), page.newest, key=itemgetter(0)
    )
    read = replace(
        state,
        newest=newest,
        newest_id=newest_id,
        newest_version=newest_version,
        anchor_seen=state.anchor_seen or page.anchor_seen,
        seen=state.seen + page.seen,
        left=left,
        page=state.page + 1,
        iterator_id=(status.iterator_id or "") if left else "",
    )
    if not state.iterator_id and windows.too_much(read, left):
        # The windows after this one hold what it does not, so only one without an end tells how much there is.
        expected = left + page.seen if not read.until else state.expected
        return replace(windows.halved(read), iterator_id="", left=0, expected=expected)
    read = replace(read, expected=max(0, state.expected - page.seen))
    if not read.iterator_id:
        return windows.following(read) if read.until else replace(read, done=True)
    return read


def _is_lacking(state: ReadState, status: Status) -> bool:
    """Not part of this edition, or switched off: then there are none, and what would be made is refused by itself."""
    may_lack = state.what == "list" or state.kind in OPTIONAL
    return may_lack and not state.iterator_id and qbxml.status(status.code).action == "feature"


def _after_ids(state: ReadState, page: Page) -> ReadState:
    """What could not be read stays on the list for the next visit."""
    if page.status is None:
        return _left_out(state)
    if page.status.code >= 1000:
        return replace(state, done=True, error=_said(page.status))
    left = state.ids[asking.IDS :]
    return replace(state, ids=left, page=state.page + 1, done=not left)


AFTER: Final[Mapping[str, Callable[[ReadState, Page], ReadState]]] = {
    "read": _after_page,
    "list": _after_page,
    "keys": _after_page,
    "again": _after_ids,
    "gone": _after_deletions,
}
