"""Keeping what QuickBooks answered: the last state of each object, and the keys by which it is found."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, Final

from qbwc_server.store import jobs, records
from qbwc_server.store.columns import canonical
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Company, StoredRecord
from qbwc_server.sync import parts
from qbwc_server.sync.deciding import APPLIED, Scope, match_keys, with_survivor
from qbwc_server.sync.from_books import rereading
from qbwc_server.sync.from_books.rereading import Touch, Touched
from qbwc_server.sync.to_books import id_field
from qbxml import Ret, WallTime

TEXTS = {WallTime: WallTime.text}

# Key types under which a record is found by what it refers to: an invoice by the ListID of its customer.
REFERENCES: Final[Mapping[str, str]] = {"customer": "CustomerRef", "parent": "ParentRef"}


@dataclass
class Changes:
    """Records that are not as they were stored, with their former selves where they were known."""

    rows: list[StoredRecord] = field(default_factory=list)
    before: Mapping[str, StoredRecord] = field(default_factory=dict)


def store_records(
    tx: Tx,
    company: Company,
    scopes: Sequence[Scope],
    kind: str,
    rets: Sequence[Mapping[str, Any]],
    now: datetime,
) -> int:
    """Keep the last state of QuickBooks objects; what is known by content is dropped. How many changed.

    What our own write changed elsewhere, such as the balance of the customer of a new invoice, is read again at
    the next visit.
    """
    ways = rereading.ways_from(kind, rereading.followed(scopes))
    changes = keep(tx, company, scopes, kind, rets, now, former=bool(ways))
    for way in ways:
        rereading.remember(tx, company, touched_by(way, changes), now)
    return len(changes.rows)


def keep(
    tx: Tx,
    company: Company,
    scopes: Sequence[Scope],
    kind: str,
    rets: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    former: bool = False,
) -> Changes:
    """Store those of the objects that are not known by content; with `former`, their former selves are looked up."""
    rows, texts = {}, {}
    for values in rets:
        text = canonical(values, TEXTS)
        row = _row(company.id, kind, values, text.content_hash, now)
        rows[row.id], texts[row.id] = row, text
    before = records.hashes(tx, company.id, "books", kind, list(rows))
    changed = [row for row in rows.values() if before.get(row.id) != (row.content_hash, False)]
    looked_up = [row.id for row in changed if row.id in before and (former or _customer(row))]
    known = records.known(tx, company.id, "books", kind, looked_up)
    _save(tx, scopes, kind, changed, now, new=rows.keys() - before.keys(), texts=texts)
    if kind == parts.WHOLE and _mapped(scopes, parts.KIND):
        _keep_parts(tx, company, scopes, rets, {row.id for row in changed if row.id in before}, now)
    found = Changes(changed, known)
    _note_moves(tx, company, scopes, found, now)
    return found


def _note_moves(tx: Tx, company: Company, scopes: Sequence[Scope], changes: Changes, now: datetime) -> None:
    """Whose customer is another now: the former one keeps who that is, and if it is gone, it was merged into it."""
    moved: dict[str, str] = {}
    for row in changes.rows:
        before, after = _customer(changes.before.get(row.id)), _customer(row)
        if before and after and before != after:
            moved[before] = after
    known = records.known(tx, company.id, "books", parts.WHOLE, sorted(moved)) if moved else {}
    rows = [with_survivor(one, moved[one.id]) for one in known.values()]
    if rows:
        _save(tx, scopes, parts.WHOLE, rows, now)


def _customer(row: StoredRecord | None) -> str:
    refers = row.values.get(REFERENCES["customer"]) if row is not None else None
    return str(refers.get("ListID") or "") if isinstance(refers, Mapping) else ""


def _keep_parts(
    tx: Tx,
    company: Company,
    scopes: Sequence[Scope],
    rets: Sequence[Mapping[str, Any]],
    moved: set[str],
    now: datetime,
) -> None:
    """Contacts as records of their own; one that its customer no longer has was deleted."""
    found = [one for ret in rets for one in parts.parts_of(ret)]
    if found:
        keep(tx, company, scopes, parts.KIND, found, now)
    there = {str(one["ListID"]) for one in found}
    _bury_parts(tx, company, scopes, moved, now, spared=there)


def _bury_parts(
    tx: Tx,
    company: Company,
    scopes: Sequence[Scope],
    wholes: Iterable[str],
    now: datetime,
    *,
    spared: Collection[str] = (),
) -> None:
    held = {
        one
        for whole in wholes
        for one in records.holders(tx, company.id, "books", parts.KIND, "customer", whole)
        if one not in spared
    }
    known = records.known(tx, company.id, "books", parts.KIND, sorted(held))
    gone = [replace(row, deleted=True, seen_at=now) for row in known.values() if not row.deleted]
    _save(tx, scopes, parts.KIND, gone, now)


def _mapped(scopes: Sequence[Scope], kind: str) -> bool:
    return any(one.books_kind == kind and not one.rests for scope in scopes for one in scope.profile.kinds)


def bury(
    tx: Tx, company: Company, scopes: Sequence[Scope], kind: str, rets: Sequence[Ret], now: datetime
) -> Changes:
    """Deleted in QuickBooks: the record stays as a tombstone with its last values."""
    ids = [str(one.values.get("ListID") or one.values.get("TxnID")) for one in rets]
    known = records.known(tx, company.id, "books", kind, ids)
    gone = [replace(row, deleted=True, seen_at=now) for row in known.values() if not row.deleted]
    entomb(tx, company, scopes, kind, gone, now)
    return Changes(gone)


def touched_by(way: Touch, changes: Changes, floor: str = "") -> Touched:
    """What else may have changed with these records; `floor` leaves out what was modified before it."""
    rows = [one for one in changes.rows if one.modified >= floor]
    former = [changes.before[one.id] for one in rows if one.id in changes.before]
    return rereading.touched(way, [one.values for one in [*rows, *former]])


def by_kind(rets: Sequence[Ret]) -> Iterator[tuple[str, list[Ret]]]:
    """Runs of records of one kind: the terms of a company come as two."""
    for name, some in groupby(rets, lambda one: one.name):
        yield name.removesuffix("Ret"), list(some)


def entomb(
    tx: Tx, company: Company, scopes: Sequence[Scope], kind: str, rows: list[StoredRecord], now: datetime
) -> None:
    """Keep tombstones, which have no keys, of wholes and their parts; what they mean waits for its decision.

    A customer with transactions cannot be deleted in QuickBooks. Those that are known of it are read again, for they
    tell into whom it was merged (qbXML semantics, section 4).
    """
    _save(tx, scopes, kind, rows, now)
    if kind == parts.WHOLE:
        gone = [row.id for row in rows]
        _bury_parts(tx, company, scopes, gone, now)
        rereading.remember(tx, company, _transactions_of(tx, company, scopes, gone), now)


def _transactions_of(
    tx: Tx, company: Company, scopes: Sequence[Scope], customers: Sequence[str]
) -> rereading.Touched:
    mapped = rereading.mapped_kinds(scopes)
    kinds = (mapped | rereading.auxiliary(mapped)) - {parts.WHOLE}
    found = {
        kind: records.holders_of_any(tx, company.id, "books", kind, "customer", customers) for kind in kinds
    }
    return {kind: ids for kind, ids in found.items() if ids}


def _save(
    tx: Tx, scopes: Sequence[Scope], kind: str, rows: list[StoredRecord], now: datetime, **known: Any
) -> None:
    mapped = {scope.id: [one for one in scope.profile.kinds if one.books_kind == kind] for scope in scopes}
    maps = [one for each in mapped.values() for one in each]
    keys = {
        row.id: sorted(
            {key for one in maps for key in match_keys(one, "books", row.values)} | {*_own_keys(row, maps)}
        )
        if not row.deleted
        else []
        for row in rows
    }
    records.save(tx, rows, keys, **known)
    for scope_id, some in mapped.items():
        if some:
            records.mark_undecided(tx, scope_id, "books", kind, [row.id for row in rows], now)
            jobs.release_for(tx, scope_id, "books", sorted(known.get("new", ())), now)


def _own_keys(row: StoredRecord, maps: Sequence[object]) -> Iterator[tuple[str, str]]:
    """Keys that need no mapping. What no mapping names is found by its full name, as fields refer to it."""
    for key_type, name in REFERENCES.items():
        refers = row.values.get(name)
        if isinstance(refers, Mapping) and refers.get("ListID"):
            yield key_type, str(refers["ListID"])
    for one in row.values.get("AppliedToTxnRet") or ():
        if one.get("TxnID"):
            yield APPLIED, str(one["TxnID"])
    if row.values.get("RefNumber"):
        yield "refnumber", folded(row.values["RefNumber"])
    if not maps and (called := row.values.get("FullName") or row.values.get("Name")):
        yield "name", folded(called)


def folded(text: object) -> str:
    """A text as keys hold it: QuickBooks compares names without case (qbXML semantics, section 5)."""
    return " ".join(str(text).casefold().split())


@lru_cache
def id_name(kind: str) -> str:
    return id_field(kind)


def _row(
    company_id: str, kind: str, values: Mapping[str, Any], content_hash: str, now: datetime
) -> StoredRecord:
    modified = values.get("TimeModified", "")
    return StoredRecord(
        scope_id=company_id,
        side="books",
        kind=kind,
        id=str(values[id_name(kind)]),
        version=str(values.get("EditSequence", "")),
        content_hash=content_hash,
        values=dict(values),
        modified=modified.text() if isinstance(modified, WallTime) else str(modified),
        deleted=False,
        seen_at=now,
    )


def plain(value: Any) -> Any:
    """Parsed values without types of the qbXML package: wall times become their text."""
    if isinstance(value, WallTime):
        return value.text()
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
