"""Iterators live in the session that started them and die with it (semantics 3)."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.macros import Macros
from qbwc_server.simulator.company.selections import Selection
from qbwc_server.simulator.company.statuses import DEAD_ITERATOR, Refusal

PAGE = "MaxReturned"


@dataclass
class Iterator:
    """The IDs found at Start: a snapshot, numbered in a temporary table of the file, not in memory."""

    key: str
    fingerprint: str
    found: int
    # How many were handed out.
    place: int = 0

    @property
    def remaining(self) -> int:
        return self.found - self.place

    def page(self, books: Books, size: int | None) -> list[str]:
        until = self.found if size is None else min(self.found, self.place + size)
        query = "SELECT id FROM temp.snapshot WHERE iterator = ? AND place > ? AND place <= ? ORDER BY place"
        rows = books.db.execute(query, (self.key, self.place, until)).fetchall()
        self.place = until
        return [row[0] for row in rows]


@dataclass
class Session:
    """One session with the company file, between BeginSession and EndSession."""

    application: str = ""
    macros: Macros = field(default_factory=Macros)
    iterators: dict[str, Iterator] = field(default_factory=dict)

    def start(self, books: Books, name: str, filters: Mapping[str, Any], selection: Selection) -> Iterator:
        key = new_key()
        found = selection.written_down(books, key)
        iterator = Iterator(key, _fingerprint(books, name, filters), found)
        self.iterators[key] = iterator
        return iterator

    def running(self, books: Books, key: str, name: str, filters: Mapping[str, Any]) -> Iterator:
        """Refusal 3391 (rule "dead_iterator") for one not of this session, used up, or begun with other filters."""
        iterator = self.iterators.get(key)
        if iterator is None or iterator.fingerprint != _fingerprint(books, name, filters):
            raise Refusal(DEAD_ITERATOR, key)
        return iterator

    def stop(self, books: Books, key: str) -> None:
        if self.iterators.pop(key, None):
            books.db.execute("DELETE FROM temp.snapshot WHERE iterator = ?", (key,))

    def end(self, books: Books) -> None:
        for key in list(self.iterators):
            self.stop(books, key)


def new_key() -> str:
    """An iteratorID."""
    return f"{{{uuid.uuid4()}}}"


def _fingerprint(books: Books, name: str, filters: Mapping[str, Any]) -> str:
    """Continue repeats the same filters and elements; the size of a page may change (rule "max_returned")."""
    free = (PAGE,) if books.rule("max_returned") == "free" else ()
    same = {key: value for key, value in filters.items() if key not in free}
    return json.dumps([name, same], default=str, sort_keys=True)
