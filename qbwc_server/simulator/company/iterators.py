"""Iterators live in the session that started them and die with it (semantics 3)."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qbwc_server.simulator.company.statuses import DEAD_ITERATOR, Refusal

# May differ between Start and Continue.
FREE_TO_CHANGE = ("MaxReturned",)


@dataclass
class Iterator:
    """The IDs found at Start that were not handed out yet: a snapshot."""

    waiting: list[str]
    fingerprint: str

    def page(self, size: int | None) -> list[str]:
        handed_out = self.waiting[:size]
        self.waiting = self.waiting[len(handed_out) :]
        return handed_out


@dataclass
class Session:
    """One session with the company file, between BeginSession and EndSession."""

    application: str = ""
    iterators: dict[str, Iterator] = field(default_factory=dict)

    def start(self, name: str, filters: Mapping[str, Any], found: Sequence[str]) -> str:
        iterator_id = f"{{{uuid.uuid4()}}}"
        self.iterators[iterator_id] = Iterator(list(found), fingerprint(name, filters))
        return iterator_id

    def running(self, iterator_id: str, name: str, filters: Mapping[str, Any]) -> Iterator:
        """Refusal 3391 for an iterator that is not of this session, is used up, or was started with other filters."""
        iterator = self.iterators.get(iterator_id)
        if iterator is None or iterator.fingerprint != fingerprint(name, filters):
            raise Refusal(DEAD_ITERATOR, iterator_id)
        return iterator

    def stop(self, iterator_id: str) -> None:
        self.iterators.pop(iterator_id, None)


def fingerprint(name: str, filters: Mapping[str, Any]) -> str:
    """Continue repeats the same filters and elements (semantics 3)."""
    same = {key: value for key, value in filters.items() if key not in FREE_TO_CHANGE}
    return json.dumps([name, same], default=str, sort_keys=True)
