"""Match keys that a contributor lends its record: an account is known by the e-mail of its primary contact."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from qbwc_server import mapping
from qbwc_server.mapping import KindMap, MatchField
from qbwc_server.store import records
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import StoredRecord
from qbwc_server.sync.deciding.scope import Scope

Keys = list[tuple[str, str]]
# Of the record: the id of what lends it keys. Of the lender: the key, by the match field that it is lent for.
VIA = "via"
LENT: Mapping[str, str] = {"id": "lent id", "email": "lent email", "name": "lent name"}
TYPES = (VIA, *LENT.values())


def _fields(kind_map: KindMap) -> Iterator[MatchField]:
    return (one for one in kind_map.matched_by() if "." in one.crm)


def via_keys(kind_map: KindMap, values: Mapping[str, Any]) -> Keys:
    """The keys under which a record of the CRM is found by those that lend it keys."""
    lenders = [kind_map.contributor(one.crm.partition(".")[0]) for one in _fields(kind_map)]
    ids = {str(values[one.via]) for one in lenders if one is not None and values.get(one.via)}
    return [(VIA, one) for one in sorted(ids)]


def lent_keys(maps: Iterable[KindMap], kind: str, values: Mapping[str, Any]) -> Keys:
    """The keys that a record of this kind lends to others."""
    return [
        (LENT[field.by], key)
        for kind_map in maps
        for field in _fields(kind_map)
        if _kind(kind_map, field) == kind and (key := _folded(values.get(field.crm.partition(".")[2])))
    ]


def lent_to(tx: Tx, scope: Scope, kind_map: KindMap, record: StoredRecord) -> dict[str, Any]:
    """What contributors lend a record of the CRM now, by the name of the match field: {"PrimaryContact.Email": ...}."""
    found: dict[str, Any] = {}
    for field in _fields(kind_map):
        name, _, own = field.crm.partition(".")
        lender = kind_map.contributor(name)
        held = record.values.get(lender.via) if lender else None
        one = (
            records.record(tx, scope.scope_id("crm"), "crm", lender.kind, str(held))
            if lender and held
            else None
        )
        found[field.crm] = one.values.get(own) if one is not None and not one.deleted else None
    return found


def keys_of(tx: Tx, scope: Scope, kind_map: KindMap, record: StoredRecord) -> Keys:
    values = lent_to(tx, scope, kind_map, record)
    return [(field.by, key) for field in _fields(kind_map) if (key := _folded(values[field.crm]))]


def holders(tx: Tx, scope: Scope, kind_map: KindMap, key_type: str, key: str) -> list[str]:
    """Records of the CRM to which somebody lends this key."""
    kinds = {_kind(kind_map, one) for one in _fields(kind_map) if one.by == key_type}
    place = (tx, scope.scope_id("crm"), "crm")
    lenders = [one for kind in sorted(kinds) for one in records.holders(*place, kind, LENT[key_type], key)]
    return sorted(
        {one for lender in lenders for one in records.holders(*place, kind_map.crm_kind, VIA, lender)}
    )


def _kind(kind_map: KindMap, field: MatchField) -> str:
    lender = kind_map.contributor(field.crm.partition(".")[0])
    return lender.kind if lender else ""


def _folded(value: Any) -> str:
    return " ".join(str(mapping.normal(value) or "").casefold().split())
