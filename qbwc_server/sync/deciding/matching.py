"""Finding the partner of a record that has none: by the profile's keys exactly, by likeness as a suggestion."""

from collections.abc import Mapping, Sequence
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from qbwc_server import mapping
from qbwc_server.mapping import KindMap
from qbwc_server.store import links, records
from qbwc_server.store.database import Tx
from qbwc_server.store.memory import memory_of
from qbwc_server.store.rows import Link, StoredRecord
from qbwc_server.sync.decide import NAMES, Matches, Side
from qbwc_server.sync.deciding import lent, within
from qbwc_server.sync.deciding.pair import survivor_of
from qbwc_server.sync.deciding.scope import Scope

# A key that we gave ourselves (ExternalGUID): it proves a creation and is no business of matching.
MARK = "mark"
# Of a job, or an item below another one: its name, its name together with its parent's id, and that id alone.
BELOW, INSIDE, PARENT = "below", "inside", "parent"
# What no record is matched by.
SILENT = (MARK, BELOW, PARENT, within.WHOLE, *lent.TYPES)
CALLED = {INSIDE: "name below the same record"}
MOST_CANDIDATES = 20
# Every type of key that `match_keys` makes.
MATCHED = ("id", "email", "name", MARK, BELOW, INSIDE, PARENT, within.WHOLE, *lent.TYPES)
SIMILAR_FROM = 0.88
SIMILAR_AMONG = 5000


def match_keys(kind_map: KindMap, side: Side, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The (key type, normalised key) pairs by which a record of this side can be found.

    What the profile leaves out has none: a job is never the partner of an account, however it is called.
    """
    if side == "books" and mapping.left_out(kind_map.books_filter, values) is not None:
        return []
    mark = str(values.get("ExternalGUID") or "") if side == "books" else ""
    keys = [(MARK, mark.casefold())] if mark else []
    parent = parent_of(kind_map, side, values)
    keys += [(PARENT, parent)] if parent else []
    keys += lent.via_keys(kind_map, values) if side == "crm" else []
    if side == "crm" and kind_map.part_of and (owner := within.whole_id(kind_map.part_of, side, values)):
        keys.append((within.WHOLE, owner))
    for field in kind_map.matched_by():
        value = _key_value(kind_map, side, field.by, values, field.crm if side == "crm" else field.books)
        folded = " ".join(value.casefold().split())
        key = value if field.by == "id" else within.scoped(kind_map, side, values, folded)
        if key and parent and field.by == "name":
            keys += [(INSIDE, f"{parent}/{key}"), (BELOW, key)]
        elif key:
            keys.append((field.by, key))
    return keys


def parent_of(kind_map: KindMap, side: Side, values: Mapping[str, Any]) -> str:
    """The id of the record that a job or sub-item stands below, of its own side; "" for what stands at the top.

    Its name need be unique only below its parent, so the name alone proves nothing.
    """
    if side == "books":
        return str((values.get("ParentRef") or {}).get("ListID") or "")
    rule = next((one for one in kind_map.rules if one.books.startswith("ParentRef/")), None)
    return str(values.get(rule.crm_field) or "") if rule else ""


def _key_value(kind_map: KindMap, side: Side, by: str, values: Mapping[str, Any], name: str) -> str:
    value = mapping.normal(values.get(name))
    if value is None:
        return ""
    if side == "crm" and by == "name":
        # Compared as QuickBooks would hold it, so that a transliterated name still meets its twin.
        rule = next((one for one in kind_map.rules if one.crm == name and one.books == "Name"), None)
        try:
            return str(mapping.to_books(rule, value).value) if rule else str(value)
        except mapping.CannotConvert:
            return str(value)
    return str(value)


def find_matches(
    tx: Tx, scope: Scope, kind_map: KindMap, here: Side, record: StoredRecord, *, alike: bool = True
) -> Matches:
    """Unlinked partners on the other side by the profile's match keys, then (if `alike`) by likeness of the name.

    Likeness reads every name of the other side, so it is asked for only where something would be created.
    """
    there: Side = "books" if here == "crm" else "crm"
    keys = match_keys(kind_map, here, record.values)
    if here == "crm" and (more := lent.keys_of(tx, scope, kind_map, record)):
        keys = sorted([*keys, *more], key=lambda one: _turn_of(kind_map, one[0]))
    for key_type, key in keys:
        theirs = "" if key_type in SILENT else as_there(tx, scope, kind_map, here, key_type, key)
        held = _holders(tx, scope, kind_map, there, key_type, theirs) if theirs else []
        if found := _free(tx, scope, kind_map, there, held):
            twins = _free(tx, scope, kind_map, here, _holders(tx, scope, kind_map, here, key_type, key))
            called = CALLED.get(key_type, key_type)
            return Matches(tuple(found), called, unique_both_ways=set(twins) <= {record.id})
    if not alike or kind_map.part_of is not None:
        return Matches()
    return (
        _left_by_merge(tx, scope, kind_map, here, record)
        or _in_another_place(tx, scope, kind_map, there, dict(keys))
        or _like_it(tx, scope, kind_map, there, dict(keys).get("name", ""))
    )


def _left_by_merge(
    tx: Tx, scope: Scope, kind_map: KindMap, here: Side, record: StoredRecord
) -> Matches | None:
    """The partner of a record that was merged into this one: a second is not made before a person was asked."""
    there: Side = "books" if here == "crm" else "crm"
    for one in links.asked_with(tx, scope.id, kind_map.role, here, record.id):
        link = link_of(tx, scope, kind_map, there, one)
        former = (link.crm_id if here == "crm" else link.books_id) if link else None
        lost = (
            records.record(tx, scope.scope_id(here), here, kind_on(kind_map, here), former)
            if former
            else None
        )
        if lost is not None and survivor_of(lost):
            names = [name_of(tx, scope, kind_map, *named) for named in ((here, lost.id), (there, one))]
            where = f"{names[0]} was merged into it, the partner of {names[1]} in {NAMES[there]}"
            return Matches(similar=((one, 100),), called=names[1], elsewhere=where)
    return None


def _turn_of(kind_map: KindMap, key_type: str) -> int:
    """Keys are tried in the order of the mapping; a name below a parent is a name."""
    by = "name" if key_type == INSIDE else key_type
    return next((at for at, one in enumerate(kind_map.match) if one == by), len(kind_map.match))


def as_there(tx: Tx, scope: Scope, kind_map: KindMap, here: Side, key_type: str, key: str) -> str:
    """A key as the other side holds it; "" while nobody there is known to be the parent."""
    if key_type != INSIDE:
        return within.over_there(tx, scope, kind_map, here, key_type, key)
    parent, _, name = key.partition("/")
    find = links.partner_of_crm if here == "crm" else links.partner_of_books
    link = find(tx, scope.id, kind_map.role, parent)
    partner = (link.books_id if here == "crm" else link.crm_id) if link else None
    return f"{partner}/{name}" if partner else ""


def _in_another_place(
    tx: Tx, scope: Scope, kind_map: KindMap, there: Side, keys: Mapping[str, str]
) -> Matches | None:
    """Records of this very name that stand at the top where ours stands below another, or the reverse."""
    below = BELOW in keys
    name = keys.get(BELOW) or keys.get("name", "")
    held = _holders(tx, scope, kind_map, there, "name" if below else BELOW, name) if name else []
    # Of items also those that have a partner: two products for one item are for a person to sort out.
    also_taken = kind_map.books_kind.startswith("Item") and not below
    found = held if also_taken else _free(tx, scope, kind_map, there, held[:MOST_CANDIDATES])
    if not found:
        return None
    called = name_of(tx, scope, kind_map, there, found[0])
    places = ("below another", "at the top") if below else ("at the top", "below another")
    where = f"it stands {places[0]}, and {NAMES[there]} has {called} {places[1]}"
    return Matches(
        similar=tuple((one, 100) for one in found[:MOST_CANDIDATES]), called=called, elsewhere=where
    )


def _like_it(tx: Tx, scope: Scope, kind_map: KindMap, there: Side, name: str) -> Matches:
    similar = _similar(tx, scope, kind_map, there, name) if name else ()
    called = name_of(tx, scope, kind_map, there, similar[0][0]) if similar else ""
    return Matches(similar=similar, called=called)


def name_of(tx: Tx, scope: Scope, kind_map: KindMap, side: Side, record_id: str) -> str:
    """What a person calls a record, for a sentence about it."""
    record = records.record(tx, scope.scope_id(side), side, kind_on(kind_map, side), record_id)
    field = next((one for one in kind_map.match_fields if one.by == "name"), None)
    if record is None or field is None:
        return record_id
    full = record.values.get("FullName") if side == "books" else None
    return str(full or record.values.get(field.crm if side == "crm" else field.books) or record_id)


def _holders(tx: Tx, scope: Scope, kind_map: KindMap, side: Side, key_type: str, key: str) -> list[str]:
    found = records.holders(tx, scope.scope_id(side), side, kind_on(kind_map, side), key_type, key)
    return found + (lent.holders(tx, scope, kind_map, key_type, key) if side == "crm" else [])


def kind_on(kind_map: KindMap, side: Side) -> str:
    return kind_map.crm_kind if side == "crm" else kind_map.books_kind


def _free(tx: Tx, scope: Scope, kind_map: KindMap, side: Side, ids: Sequence[str]) -> list[str]:
    """Those of the ids that are not bound to a partner yet; a CRM record that waits for one counts as free."""
    return [one for one in ids if not is_bound(link_of(tx, scope, kind_map, side, one))]


def link_of(tx: Tx, scope: Scope, kind_map: KindMap, side: Side, record_id: str) -> Link | None:
    find = links.link_of_crm if side == "crm" else links.link_of_books
    return find(tx, scope.id, kind_map.role, kind_on(kind_map, side), record_id)


def is_bound(link: Link | None) -> bool:
    return link is not None and link.crm_id is not None and link.books_id is not None


def _similar(tx: Tx, scope: Scope, kind_map: KindMap, there: Side, name: str) -> tuple[tuple[str, int], ...]:
    names, ids = _names(tx, scope.scope_id(there), there, kind_on(kind_map, there)).get(
        _digits(name), ((), ())
    )
    alike = process.extract(
        name, names, scorer=DamerauLevenshtein.normalized_similarity, score_cutoff=SIMILAR_FROM, limit=None
    )
    best = sorted(((ids[place], int(score * 100)) for _, score, place in alike), key=lambda pair: -pair[1])
    return tuple((one, score) for one, score in best[:3] if _free(tx, scope, kind_map, there, [one]))


# Names, and whose they are, by the digits in them.
Names = dict[str, tuple[list[str], list[str]]]


def _names(tx: Tx, scope_id: str, side: Side, kind: str) -> Names:
    """All names of a kind; none of so many that a look at each would slow a visit down: suggestions are a courtesy."""
    memory = memory_of(tx)
    if memory is not None and (scope_id, side, kind) in memory.names:
        kept: Names = memory.names[scope_id, side, kind]
        return kept
    known = records.keys_of_type(tx, scope_id, side, kind, "name", SIMILAR_AMONG + 1)
    found: Names = {}
    for name, record_id in known if len(known) <= SIMILAR_AMONG else ():
        names, ids = found.setdefault(_digits(name), ([], []))
        names.append(name)
        ids.append(record_id)
    if memory is not None:
        memory.names[scope_id, side, kind] = found
    return found


def _digits(name: str) -> str:
    """ "Branch 12" and "Branch 21" are never alike, however few letters differ."""
    return "".join(char for char in name if char.isdigit())
