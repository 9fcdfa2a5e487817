"""How far one kind of record has been read in a visit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

TUPLES: Final = ("ids", "suspects", "news")


@dataclass(frozen=True)
class ReadState:
    """How far one kind has been read in this visit; kept with the ticket, never longer than the visit."""

    kind: str
    since: str = ""  # wall time the query starts from; "" reads everything
    # Where everything is read although it was read before: deletions are asked for from here on.
    gone_since: str = ""
    iterator_id: str = ""
    newest: str = ""  # the largest TimeModified seen so far
    newest_id: str = ""
    newest_version: str = ""
    # The newest of those that are not as they were stored: stamp, id and version.
    news: tuple[str, str, str] = ("", "", "")
    # The record of the newest change that was known, and whether this read has brought it again.
    anchor: str = ""
    # Its stamp and version then, and the version of before: an older state of it comes from an older file.
    anchor_stamp: str = ""
    anchor_version: str = ""
    anchor_replaced: str = ""
    anchor_seen: bool = False
    seen: int = 0
    left: int = 0
    page: int = 1
    restarted: bool = False
    done: bool = False
    error: str = ""
    # read: what was modified since; again: the records of `ids`; list: a list that only fields refer to; keys: the
    # ids and stamps of all records.
    what: str = "read"
    # Until this read is complete nothing of its kind is created anywhere.
    first: bool = False
    # A first read that is cut into windows ends here, and another window follows; "" reads to the end.
    until: str = ""
    # About how many records are still to come in this window and those after it; 0 when nobody knows.
    expected: int = 0
    # How often this window was asked for already, also in earlier visits.
    tries: int = 0
    # An earlier visit had begun this first read and did not reach its end.
    resumed: bool = False
    # Wall time of the visit's beginning, by our clock.
    started: str = ""
    ids: tuple[str, ...] = ()
    # Of these ids, records that should have come by themselves: did the file go back in time?
    suspects: tuple[str, ...] = ()
    # The request that held all kinds was refused: each is asked alone, so that only the faulty one fails.
    alone: bool = False
    # QuickBooks has no such records, for its edition or a preference.
    lacking: bool = False

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "ReadState":
        return cls(**dict(stored) | {name: tuple(stored[name]) for name in TUPLES if name in stored})

    def plain(self) -> dict[str, Any]:
        return vars(self) | {name: list(getattr(self, name)) for name in TUPLES}

    @property
    def name(self) -> tuple[str, str]:
        return self.what, self.kind

    @property
    def request_id(self) -> str:
        """Another one for each page, so that a page that is posted twice is not taken for the next."""
        return f"{self.what}-{self.kind}-{self.page}"
