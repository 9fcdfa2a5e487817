"""Elements of lists as rows: customers, jobs and everything they refer to."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qbwc_server.simulator.company.books import Books

COLUMNS = (
    "family",
    "list_id",
    "kind",
    "parent_id",
    "name",
    "name_key",
    "full_name",
    "full_name_key",
    "sublevel",
    "is_active",
    "time_created",
    "time_modified",
    "edit_sequence",
    "balance",
    "total_balance",
    "fields",
)
# Statements are put together from the names above only.
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM list_object"  # noqa: S608
_CHANGED = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS[2:])
_SAVE = (
    f"INSERT INTO list_object VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608
    f"ON CONFLICT (family, list_id) DO UPDATE SET {_CHANGED}"
)
# SQLite takes a limited number of parameters in one statement.
_BATCH = 500


@dataclass(frozen=True)
class ListObject:
    """One element of a list. Times are wall times without an offset; balances are cents."""

    # Which elements share names and ListIDs: all name lists are one family, all items another (semantics 4).
    family: str
    # "Customer", "StandardTerms": the word of ListDelType.
    kind: str
    list_id: str
    name: str
    parent_id: str = ""
    full_name: str = ""
    sublevel: int = 0
    is_active: bool = True
    time_created: str = ""
    time_modified: str = ""
    edit_sequence: str = ""
    # Its own open balance, and that of everything below it too.
    balance: int = 0
    total_balance: int = 0
    # What no column holds, in the shape of its Ret; a reference to another list is {"ListID": ...}.
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holder(self) -> str:
        """Its key in the private data table."""
        return f"{self.family}/{self.list_id}"


def key(name: str) -> str:
    """Names compare without case (semantics 5)."""
    return name.lower()


def save(books: Books, element: ListObject) -> None:
    books.forget(element.family, element.list_id)
    books.db.execute(
        _SAVE,
        (
            element.family,
            element.list_id,
            element.kind,
            element.parent_id,
            element.name,
            key(element.name),
            element.full_name,
            key(element.full_name),
            element.sublevel,
            int(element.is_active),
            element.time_created,
            element.time_modified,
            element.edit_sequence,
            element.balance,
            element.total_balance,
            json.dumps(element.fields, ensure_ascii=False),
        ),
    )


def find(books: Books, family: str, list_id: str) -> ListObject | None:
    if not books.db.in_transaction:
        return _first(books, "WHERE family = ? AND list_id = ?", family, list_id)
    if (family, list_id) in books.read:
        known: ListObject | None = books.read[family, list_id]
        return known
    found = _first(books, "WHERE family = ? AND list_id = ?", family, list_id)
    books.remember(family, list_id, found)
    return found


def find_full_name(books: Books, family: str, full_name: str) -> ListObject | None:
    known = books.full_names.get(family, {}).get(key(full_name))
    if known is not None:
        return find(books, family, known)
    found = _first(books, "WHERE family = ? AND full_name_key = ?", family, key(full_name))
    if found is not None and books.db.in_transaction:
        books.full_names.setdefault(family, {})[found.full_name.lower()] = found.list_id
    return found


def find_sibling(books: Books, family: str, parent_id: str, name: str) -> ListObject | None:
    """Who holds this name under this parent, if anybody."""
    return _first(books, "WHERE family = ? AND parent_id = ? AND name_key = ?", family, parent_id, key(name))


def children(books: Books, element: ListObject) -> list[ListObject]:
    return list(select(books, "WHERE family = ? AND parent_id = ?", element.family, element.list_id))


def ancestors(books: Books, element: ListObject) -> Iterator[ListObject]:
    """From the parent up."""
    parent = find(books, element.family, element.parent_id) if element.parent_id else None
    while parent is not None:
        yield parent
        parent = find(books, parent.family, parent.parent_id) if parent.parent_id else None


def below(books: Books, element: ListObject) -> Iterator[ListObject]:
    """Everything under it, down to the last level."""
    for child in children(books, element):
        yield child
        yield from below(books, child)


def by_ids(books: Books, family: str, list_ids: Iterable[str]) -> list[ListObject]:
    """In the order of the IDs; IDs that are gone are left out."""
    wanted = list(list_ids)
    found: dict[str, ListObject] = {}
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        marks = ", ".join("?" * len(batch))
        found.update(
            (row.list_id, row)
            for row in select(books, f"WHERE family = ? AND list_id IN ({marks})", family, *batch)
        )
    return [found[list_id] for list_id in wanted if list_id in found]


def delete(books: Books, element: ListObject) -> None:
    books.forget(element.family, element.list_id)
    books.db.execute(
        "DELETE FROM list_object WHERE family = ? AND list_id = ?", (element.family, element.list_id)
    )
    books.db.execute("DELETE FROM data_ext WHERE holder = ?", (element.holder,))


def select(books: Books, clause: str, *parameters: Any) -> Iterator[ListObject]:
    """clause is our own SQL after FROM list_object, never a client's text."""
    for row in books.db.execute(f"{_SELECT} {clause}", parameters):
        yield _read(row)


def _first(books: Books, clause: str, *parameters: Any) -> ListObject | None:
    return next(select(books, f"{clause} LIMIT 1", *parameters), None)


def _read(row: tuple[Any, ...]) -> ListObject:
    values = dict(zip(COLUMNS, row, strict=True))
    del values["name_key"], values["full_name_key"]
    return ListObject(
        **{**values, "is_active": bool(values["is_active"]), "fields": json.loads(values["fields"])}
    )
