"""The door from the CRM: pages of records are stored, and what really changed waits for a decision."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from crm.port import Page, Record
from qbwc_server import mapping
from qbwc_server.store import jobs, parties, records
from qbwc_server.store.columns import content_hash, dumps, loads
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import StoredRecord
from qbwc_server.sync.decide import RunSize, beyond_limits
from qbwc_server.sync.deciding import SURVIVOR, Desk, Scope, follow_mapping, lent_keys, match_keys

NO_RUN = 0  # what a read brings along belongs to no run


def fields_to_read(scopes: Iterable[Scope]) -> dict[str, tuple[str, ...]]:
    """CRM field names by kind, contributors first: a promoted record then finds its contact stored already."""
    wanted: dict[str, list[str]] = {}
    mains: dict[str, list[str]] = {}
    for scope in scopes:
        for kind_map in scope.profile.kinds:
            for name, fields in mapping.crm_reads(kind_map).items():
                contributor = kind_map.contributor(name) if name else None
                target = wanted if contributor else mains
                target.setdefault(contributor.kind if contributor else kind_map.crm_kind, []).extend(fields)
    ordered = wanted | {kind: wanted.get(kind, []) + fields for kind, fields in mains.items()}
    return {kind: tuple(dict.fromkeys(fields)) for kind, fields in ordered.items()}


def where_to_resume(tx: Tx, organisation_id: str, kind: str, fields: Sequence[str]) -> str | None:
    """The watermark to read from; None reads everything, also when a field is asked for that was not before.

    A stored record knows only the fields that were mapped when it was read, so a new one needs them all again.
    """
    value, _ = records.watermark(tx, organisation_id, "crm", kind)
    if value is None:
        return None
    kept = loads(value)
    return str(kept["at"]) if set(fields) <= set(kept["fields"]) else None


def ingest(
    tx: Tx, scopes: Sequence[Scope], kind: str, page: Page, now: datetime, fields: Sequence[str] = ()
) -> int:
    """Store one page; returns how many records were new or held something new.

    `fields` are those that were asked for; they go with the watermark of the pass.

    What we know already by content is dropped: that is how our own writes, seen coming back, end here.
    """
    organisation_id = scopes[0].connection.organisation_id
    known = records.known(tx, organisation_id, "crm", kind, [one.id for one in page.records])
    rows = [_row(organisation_id, record, known.get(record.id), now) for record in page.records]
    changed = [row for row in rows if _differs(row, known.get(row.id))]
    moved = [row for row in rows if row.id in known and row.version != known[row.id].version]
    _store(tx, scopes, kind, {row.id: row for row in [*moved, *changed]}, now, {row.id for row in changed})
    for scope in scopes:
        jobs.release_for(tx, scope.id, "crm", [row.id for row in changed if row.id not in known], now)
    if page.watermark is not None:
        value = dumps({"at": page.watermark, "fields": sorted(fields)})
        records.move_watermark(tx, organisation_id, "crm", kind, value, now, complete=True)
        for scope in scopes:
            follow_mapping(Desk(tx, scope, NO_RUN, now))
            records.release_parked(tx, scope.id)
            jobs.release_waiting(tx, scope.company.id, scope.id, now)
    return len(changed)


def bury_missing(tx: Tx, scopes: Sequence[Scope], kind: str, seen: set[str], now: datetime) -> int:
    """After a complete pass: what was known and not delivered no longer exists."""
    organisation_id = scopes[0].connection.organisation_id
    living = records.living(tx, organisation_id, "crm", kind)
    gone = [replace(row, deleted=True, seen_at=now) for row in living if row.id not in seen]
    if gone and _stop_shrunken(tx, scopes, kind, len(gone), len(living)):
        return 0
    _store(tx, scopes, kind, {row.id: row for row in gone}, now, {row.id for row in gone})
    return len(gone)


def _stop_shrunken(tx: Tx, scopes: Sequence[Scope], kind: str, missing: int, known: int) -> bool:
    """Stop where far too much is gone at once: more likely a lost permission than that many deletions."""
    stopped = False
    for scope in scopes:
        why = beyond_limits(RunSize(missing=missing, known=known), scope.profile.limits)
        if why:
            reason = (
                f"The CRM shows far fewer records than before ({kind}): {why}. Check what its user may see."
            )
            parties.change_connection(tx, scope.id, stopped_reason=reason)
            stopped = True
    return stopped


def _store(
    tx: Tx,
    scopes: Sequence[Scope],
    kind: str,
    rows: dict[str, StoredRecord],
    now: datetime,
    changed: set[str],
) -> None:
    keys = {row.id: _keys(scopes, kind, row) for row in rows.values()}
    records.save(tx, list(rows.values()), keys)
    for scope in scopes:
        records.mark_undecided(tx, scope.id, "crm", kind, sorted(changed), now)


def _row(organisation_id: str, record: Record, before: StoredRecord | None, now: datetime) -> StoredRecord:
    """A tombstone keeps the values that were last seen: people ask what it was."""
    values = dict(before.values) if record.deleted and before else _storable(record.values)
    if record.merged_into:
        values[SURVIVOR] = record.merged_into
    return StoredRecord(
        scope_id=organisation_id,
        side="crm",
        kind=record.kind,
        id=record.id,
        version=record.version,
        content_hash=content_hash(values),
        values=values,
        modified=record.modified.isoformat(),
        deleted=record.deleted,
        seen_at=now,
    )


def _storable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what no text of a database can hold: PostgreSQL no NUL, and nobody half a character."""
    return {name: _UNSTORABLE.sub("", one) if isinstance(one, str) else one for name, one in values.items()}


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def _differs(row: StoredRecord, before: StoredRecord | None) -> bool:
    if before is None:
        return not row.deleted
    return (row.content_hash, row.deleted) != (before.content_hash, before.deleted)


def _keys(scopes: Sequence[Scope], kind: str, row: StoredRecord) -> list[tuple[str, str]]:
    """Every key that any connection matches by; a deleted record has none."""
    if row.deleted:
        return []
    maps = [one for scope in scopes for one in scope.maps_of("crm", kind)]
    every = [one for scope in scopes for one in scope.profile.kinds]
    own = {key for kind_map in maps for key in match_keys(kind_map, "crm", row.values)}
    return sorted(own | {*lent_keys(every, kind, row.values)})
