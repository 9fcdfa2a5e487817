"""The door from QuickBooks: reading what changed there, and settling what we wrote."""

from qbwc_server.sync.from_books.probing import Doubt, doubts, probe_ids, probe_requests, take_probe
from qbwc_server.sync.from_books.reading import (
    PAGE_SIZE,
    SHORT,
    ReadState,
    apart,
    note_asked,
    plan_again,
    plan_reads,
    read_requests,
    requests_left,
    take_answer,
)
from qbwc_server.sync.from_books.recognising import is_answer_to
from qbwc_server.sync.from_books.reconciling import (
    clock_ahead,
    may_start,
    start_anew,
    start_with,
)
from qbwc_server.sync.from_books.reconciling import want as want_reconcile
from qbwc_server.sync.from_books.rereading import remember as read_again
from qbwc_server.sync.from_books.settling import (
    Settled,
    doubt_set,
    keep_wish,
    leave_in_doubt,
    settle_found,
    settle_set,
    split_set,
    unlink,
    withdraw,
)

__all__ = [
    "PAGE_SIZE",
    "SHORT",
    "Doubt",
    "ReadState",
    "Settled",
    "apart",
    "clock_ahead",
    "doubt_set",
    "doubts",
    "is_answer_to",
    "keep_wish",
    "leave_in_doubt",
    "may_start",
    "note_asked",
    "plan_again",
    "plan_reads",
    "probe_ids",
    "probe_requests",
    "read_again",
    "read_requests",
    "requests_left",
    "settle_found",
    "settle_set",
    "split_set",
    "start_anew",
    "start_with",
    "take_answer",
    "take_probe",
    "unlink",
    "want_reconcile",
    "withdraw",
]
