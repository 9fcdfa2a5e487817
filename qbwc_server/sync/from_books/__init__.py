"""The door from QuickBooks: reading what changed there, and settling what we wrote."""

from qbwc_server.sync.from_books.reading import PAGE_SIZE, ReadState, plan_reads, read_requests, take_answer
from qbwc_server.sync.from_books.settling import Settled, doubt_set, settle_set, split_set, unlink

__all__ = [
    "PAGE_SIZE",
    "ReadState",
    "Settled",
    "doubt_set",
    "plan_reads",
    "read_requests",
    "settle_set",
    "split_set",
    "take_answer",
    "unlink",
]
