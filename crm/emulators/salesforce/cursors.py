"""Query locators: the ids that a query found, handed out page by page for two days."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .errors import ApiError
from .ids import numbered
from .soql_plan import Plan

_LIFE = timedelta(days=2)


@dataclass(frozen=True)
class Cursor:
    locator: str
    plan: Plan
    opened: datetime
    with_deleted: bool
    page_size: int


@dataclass
class Cursors:
    now: Callable[[], datetime]
    _open: dict[str, Cursor] = field(default_factory=dict)
    _made: int = 62**4

    def open(self, plan: Plan, *, with_deleted: bool, page_size: int) -> Cursor:
        self._made += 1
        locator = numbered("01g", self._made)
        cursor = Cursor(locator, plan, self.now(), with_deleted, page_size)
        self._open[locator] = cursor
        return cursor

    def find(self, text: str) -> tuple[Cursor, int]:
        """The cursor and first row of `01g...-2000`; 400 INVALID_QUERY_LOCATOR when dead or unknown."""
        locator, _, first = text.partition("-")
        cursor = self._open.get(locator)
        alive = cursor is not None and self.now() - cursor.opened <= _LIFE
        if cursor is None or not alive or not first.isdigit() or int(first) > len(cursor.plan.ids):
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return cursor, int(first)

    def expire_all(self) -> None:
        self._open.clear()
