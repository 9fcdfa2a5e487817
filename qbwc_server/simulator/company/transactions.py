"""Transactions as rows: orders, invoices, credits, receipts, payments."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.objects import key
from qbwc_server.simulator.company.statuses import NAME_IN_USE, Refusal

COLUMNS = (
    "txn_id",
    "kind",
    "number",
    "entity_id",
    "account_id",
    "txn_date",
    "ref_number",
    "ref_key",
    "time_created",
    "time_modified",
    "edit_sequence",
    "total",
    "open",
    "fields",
    "lines",
)
# Statements are put together from the names above only.
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM txn"  # noqa: S608
_SAVE = f"INSERT OR REPLACE INTO txn VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
# SQLite takes a limited number of parameters in one statement.
_BATCH = 500
_NUMBERS = "TxnNumber"

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Txn:
    """One transaction. Times are wall times without an offset, dates texts; total and open are cents."""

    txn_id: str
    # "Invoice": the word of TxnDelType.
    kind: str
    # TxnNumber, in the order of creation.
    number: int = 0
    # The customer or job, "" for nobody.
    entity_id: str = ""
    # The receivables account, or where the money went.
    account_id: str = ""
    txn_date: str = ""
    ref_number: str = ""
    time_created: str = ""
    time_modified: str = ""
    edit_sequence: str = ""
    total: int = 0
    # What is still to pay of an invoice, still to use of a credit or payment.
    open: int = 0
    # What no column holds, in the shape of its Ret; a reference to a list is {"ListID": ...}.
    fields: Mapping[str, Any] = field(default_factory=dict)
    # In the shape of its line Rets; a line group holds its own under "Lines".
    lines: Sequence[Line] = ()

    @property
    def holder(self) -> str:
        """Its key in the private data table."""
        return f"Txn/{self.txn_id}"

    @property
    def is_void(self) -> bool:
        return self.fields.get("IsVoid") == "true"

    @property
    def is_posting(self) -> bool:
        return not self.is_void and self.fields.get("IsPending") != "true"

    def flat_lines(self) -> Iterator[Line]:
        """Those in groups in their places, the groups themselves left out."""
        for line in self.lines:
            yield from line.get("Lines", [line])


def new(books: Books, kind: str) -> Txn:
    """With an identity and times, not saved yet."""
    now = books.clock.now()
    return Txn(
        txn_id=books.new_txn_id(),
        kind=kind,
        number=books.take_number(_NUMBERS),
        time_created=now,
        time_modified=now,
        edit_sequence=books.edit_sequence(),
    )


def edited(books: Books, txn: Txn) -> Txn:
    """After an edit: both the time and the EditSequence move."""
    return replace(txn, time_modified=books.clock.now(), edit_sequence=books.edit_sequence(txn.edit_sequence))


def save(books: Books, txn: Txn) -> None:
    books.db.execute(
        _SAVE,
        (
            txn.txn_id,
            txn.kind,
            txn.number,
            txn.entity_id,
            txn.account_id,
            txn.txn_date,
            txn.ref_number,
            key(txn.ref_number),
            txn.time_created,
            txn.time_modified,
            txn.edit_sequence,
            txn.total,
            txn.open,
            json.dumps(txn.fields, ensure_ascii=False),
            json.dumps(txn.lines, ensure_ascii=False),
        ),
    )


def find(books: Books, txn_id: str) -> Txn | None:
    return next(select(books, "WHERE txn_id = ?", txn_id), None)


def by_ids(books: Books, txn_ids: Iterable[str]) -> list[Txn]:
    """In the order of the IDs; IDs that are gone are left out."""
    wanted = list(txn_ids)
    found: dict[str, Txn] = {}
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        rows = select(books, f"WHERE txn_id IN ({', '.join('?' * len(batch))})", *batch)
        found.update((row.txn_id, row) for row in rows)
    return [found[txn_id] for txn_id in wanted if txn_id in found]


def delete(books: Books, txn: Txn) -> None:
    books.db.execute("DELETE FROM txn WHERE txn_id = ?", (txn.txn_id,))
    books.db.execute("DELETE FROM data_ext WHERE holder = ?", (txn.holder,))


def select(books: Books, clause: str, *parameters: Any) -> Iterator[Txn]:
    """clause is our own SQL after FROM txn, never a client's text."""
    for row in books.db.execute(f"{_SELECT} {clause}", parameters).fetchall():
        yield _read(row)


def check_guid(books: Books, kind: str, values: Mapping[str, Any]) -> None:
    """Whether a second Add with the same ExternalGUID is carried out is a rule (semantics 1). Refusal 3100."""
    guid = str(values.get("ExternalGUID", ""))
    if guid.strip("0{}-") and books.rule("external_guid_twice") != "taken":
        query = "SELECT 1 FROM txn WHERE kind = ? AND json_extract(fields, '$.ExternalGUID') = ?"
        if books.one(query, kind, guid):
            raise Refusal(NAME_IN_USE, guid)


def next_ref_number(books: Books, kind: str) -> str:
    """One more than the last one used; the first is 1. A number may hold letters before its digits."""
    last = str(books.one("SELECT last FROM ref_number WHERE kind = ?", kind) or "0")
    digits = last[len(last.rstrip("0123456789")) :]
    return last.removesuffix(digits) + str(int(digits or "0") + 1).zfill(len(digits))


def used_ref_number(books: Books, kind: str, ref_number: str) -> None:
    if ref_number[-1:].isdigit():
        books.db.execute("INSERT OR REPLACE INTO ref_number VALUES (?, ?)", (kind, ref_number))


def _read(row: tuple[Any, ...]) -> Txn:
    values = dict(zip(COLUMNS, row, strict=True))
    del values["ref_key"]
    return Txn(**{**values, "fields": json.loads(values["fields"]), "lines": json.loads(values["lines"])})
