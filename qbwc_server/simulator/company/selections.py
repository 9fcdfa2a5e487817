"""Which records a query is about: a condition in the file, not a list in memory (semantics 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qbwc_server.simulator.company.books import Books

Condition = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Selection:
    """IDs of one table, in the order of the answer. Column, table, conditions and order are our own SQL."""

    column: str
    table: str
    conditions: Sequence[Condition]
    order: str

    @property
    def _where(self) -> str:
        return " AND ".join(text for text, _ in self.conditions)

    @property
    def _values(self) -> list[Any]:
        return [value for _, values in self.conditions for value in values]

    def count(self, books: Books) -> int:
        return int(books.one(f"SELECT count(*) FROM {self.table} WHERE {self._where}", *self._values))  # noqa: S608

    def ids(self, books: Books, most: int | None = None) -> list[str]:
        limit = "" if most is None else f" LIMIT {int(most)}"
        rows = books.db.execute(
            f"SELECT {self.column} FROM {self.table} WHERE {self._where} {self.order}{limit}",  # noqa: S608
            self._values,
        )
        return [row[0] for row in rows]

    def still(self, books: Books, ids: Sequence[str]) -> list[str]:
        """Those of the IDs that still match."""
        if not ids:
            return []
        among = (f"{self.column} IN ({', '.join('?' * len(ids))})", tuple(ids))
        matching = Selection(self.column, self.table, [*self.conditions, among], "").ids(books)
        return [one for one in ids if one in set(matching)]

    def written_down(self, books: Books, key: str) -> int:
        """Numbers the IDs in a temporary table, for an iterator; how many there are."""
        done = books.db.execute(
            "INSERT INTO temp.snapshot (iterator, place, id) "  # noqa: S608
            f"SELECT ?, row_number() OVER ({self.order}), {self.column} FROM {self.table} WHERE {self._where}",
            [key, *self._values],
        )
        return done.rowcount
