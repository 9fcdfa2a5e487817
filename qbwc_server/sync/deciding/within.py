"""Records that are part of another, as a contact is of its account's customer: what goes along, what is left alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from qbwc_server import mapping
from qbwc_server.mapping import KindMap
from qbwc_server.mapping.profile import Whole
from qbwc_server.store import links, records
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Link, StoredRecord
from qbwc_server.sync import parts
from qbwc_server.sync.decide import Side
from qbwc_server.sync.deciding import lent
from qbwc_server.sync.deciding.pair import Sides
from qbwc_server.sync.deciding.scope import Scope
from qbwc_server.sync.deciding.wording import called

# The key under which the parts of a CRM record are found: its id.
WHOLE = "whole"
APART = "|"

Values = Mapping[str, Any]


def whole_id(whole: Whole, side: Side, values: Values) -> str:
    """The id, on the same side, of what a record is part of; "" where it names nothing."""
    found = values.get(whole.crm) if side == "crm" else mapping.leaf_at(values, whole.books)
    return str(found or "")


def scoped(kind_map: KindMap, side: Side, values: Values, key: str) -> str:
    """A match key as it counts: two contacts are the same only within one customer; "" for a part of nothing."""
    if kind_map.part_of is None or not key:
        return key
    owner = whole_id(kind_map.part_of, side, values)
    return f"{owner}{APART}{key}" if owner else ""


def over_there(tx: Tx, scope: Scope, kind_map: KindMap, here: Side, key_type: str, key: str) -> str:
    """The key by which the other side knows the same; "" while the whole has no partner there."""
    if kind_map.part_of is None or key_type == "id":
        return key
    owner, _, own = key.partition(APART)
    find = links.partner_of_crm if here == "crm" else links.partner_of_books
    link = find(tx, scope.id, kind_map.part_of.role, owner)
    other = (link.books_id if here == "crm" else link.crm_id) if link else None
    return f"{other}{APART}{own}" if other else ""


def why_apart(tx: Tx, scope: Scope, kind_map: KindMap, side: Side, record: StoredRecord) -> str:
    """Why a record is left alone although its map's filters let it through; "" when it is not."""
    if kind_map.rests:
        return kind_map.rests
    if kind_map.required_key:
        more = lent.lent_to(tx, scope, kind_map, record) if side == "crm" else {}
        if missing := mapping.lacks_key(kind_map, side, {**record.values, **more}):
            return missing
    if kind_map.part_of is None:
        return ""
    if _stands_for_whole(tx, scope, kind_map.part_of, side, record):
        whole = scope.maps_in(kind_map.part_of.role)[0].crm_kind
        return f"it is the primary {kind_map.crm_kind} and goes with its {whole}: promote that one"
    if side == "crm" and (other := _in_other_role(tx, scope, kind_map, record)):
        return f"it is {other.books_kind} {other.label} in QuickBooks already"
    return ""


def stands_on(tx: Tx, scope: Scope, kind_map: KindMap, record: StoredRecord) -> Link | None:
    """The link of the whole on which a part of the CRM stands itself, as the primary one of its kind."""
    whole = kind_map.part_of
    if whole is None or not _stands_for_whole(tx, scope, whole, "crm", record):
        return None
    return links.partner_of_crm(tx, scope.id, whole.role, whole_id(whole, "crm", record.values))


def goes_along(tx: Tx, scope: Scope, kind_map: KindMap, record: StoredRecord) -> bool:
    """Whether a part goes to books because its whole has a partner there; not once a person took it apart."""
    if kind_map.part_of is None or not kind_map.goes_along:
        return False
    if mapping.left_out(kind_map.crm_filter, record.values) is not None:
        return False
    link = links.partner_of_crm(
        tx, scope.id, kind_map.part_of.role, whole_id(kind_map.part_of, "crm", record.values)
    )
    return (
        link is not None
        and link.books_id is not None
        and not links.was_unlinked(tx, scope.id, kind_map.role, record.id, None)
        and not why_apart(tx, scope, kind_map, "crm", record)
    )


def parts_in_crm(tx: Tx, scope: Scope, kind_map: KindMap, whole: Link) -> list[str]:
    """The CRM records that are part of a link's CRM record."""
    if kind_map.part_of is None or kind_map.part_of.role != whole.role or not whole.crm_id:
        return []
    return records.holders(tx, scope.scope_id("crm"), "crm", kind_map.crm_kind, WHOLE, whole.crm_id)


def brought(
    tx: Tx, scope: Scope, kind_map: KindMap, record: StoredRecord
) -> Iterator[tuple[KindMap, StoredRecord]]:
    """The records that go to books with this one: parts of the same whole only, lest a stranger become a customer."""
    for bringing in kind_map.brings:
        named = str(record.values.get(bringing.field) or "")
        for one in scope.maps_in(bringing.role):
            found = records.record(tx, scope.scope_id("crm"), "crm", one.crm_kind, named) if named else None
            if found is None or found.deleted or one.part_of is None:
                continue
            own = _within_same(one.part_of, found.values, kind_map, record.values)
            if own and mapping.left_out(one.crm_filter, found.values) is None:
                yield one, found


def _within_same(whole: Whole, values: Values, kind_map: KindMap, others: Values) -> bool:
    """Whether a part belongs to the very record that another one refers to as its own."""
    referring = [one.crm_field for one in kind_map.rules if one.refers_to == whole.role]
    return bool(values.get(whole.crm)) and values.get(whole.crm) in [others.get(name) for name in referring]


def standing_there(tx: Tx, scope: Scope, whole: Link, name: str, values: Values) -> str | None:
    """The part of a whole in the CRM that these values of its contributor `name` are about; None unless it is one."""
    for kind_map in scope.profile.kinds:
        if kind_map.part_of is None or kind_map.part_of.stands_for != name:
            continue
        ids = parts_in_crm(tx, scope, kind_map, whole)
        rows = records.known(tx, scope.scope_id("crm"), "crm", kind_map.crm_kind, ids).values()
        found = [row.id for row in rows if not row.deleted and _same_person(kind_map, row.values, values)]
        if len(found) == 1:
            return found[0]
    return None


def _same_person(kind_map: KindMap, one: Values, other: Values) -> bool:
    """The same e-mail, or the same name."""
    mail = [field.crm for field in kind_map.match_fields if field.by == "email"]
    called = [rule.crm for rule in kind_map.rules if rule.books in parts.NAMES]
    return any(
        names
        and any(other.get(name) for name in names)
        and all(parts.folded(one.get(name)) == parts.folded(other.get(name)) for name in names)
        for names in (mail, called)
    )


def without_place(kind_map: KindMap, sides: Sides) -> str:
    """What QuickBooks says of a record that the CRM cannot make of it, as a sentence; "" when it lacks nothing.

    A contact in a CRM needs a last name; a customer in QuickBooks may have an e-mail and nobody's name.
    """
    shared = {rule.books for rule in kind_map.rules if not rule.contributor}
    for one in kind_map.contributors:
        if one.name in sides.unread or sides.contributors.get(one.name) is not None:
            continue
        rules = [rule for rule in kind_map.rules if rule.contributor == one.name and rule.goes_to("crm")]
        held = [rule for rule in rules if sides.books_values[rule.books] is not None]
        given = {rule.crm_field for rule in held}
        needed = [rule.books for rule in rules if rule.crm_field in set(one.required_fields) - given]
        kept = [f"{rule.books} {sides.books_values[rule.books]}" for rule in held if rule.books not in shared]
        if kept and needed:
            return (
                f"Only in QuickBooks: {', '.join(kept)}. A {one.kind} in the CRM needs {' and '.join(needed)}: "
                f"enter it at the {called(kind_map.books_kind)} in QuickBooks."
            )
    return ""


def _stands_for_whole(tx: Tx, scope: Scope, whole: Whole, side: Side, record: StoredRecord) -> bool:
    if side == "books":
        return bool(record.values.get("IsPrimary"))
    owner = whole_id(whole, "crm", record.values)
    for one in scope.maps_in(whole.role):
        named = one.contributor(whole.stands_for or "")
        holder = records.record(tx, scope.scope_id("crm"), "crm", one.crm_kind, owner) if named else None
        if named and holder and holder.values.get(named.via):
            return bool(holder.values[named.via] == record.id)
    link = links.partner_of_crm(tx, scope.id, whole.role, owner)
    theirs = (
        records.record(tx, scope.company.id, "books", link.books_kind, link.books_id)
        if link and link.books_id
        else None
    )
    return theirs is not None and _called(scope, record) in parts.own_names(theirs.values)


def _called(scope: Scope, record: StoredRecord) -> str:
    """The name of a part by the fields that hold it in books."""
    maps = [one for one in scope.maps_of("crm", record.kind) if one.part_of]
    at = {rule.books: rule.crm for one in maps for rule in one.rules}
    return parts.folded(" ".join(str(record.values.get(at.get(name, ""), "") or "") for name in parts.NAMES))


def _in_other_role(tx: Tx, scope: Scope, kind_map: KindMap, record: StoredRecord) -> Link | None:
    roles = {one.role for one in scope.maps_of("crm", kind_map.crm_kind)} - {kind_map.role}
    found = (links.partner_of_crm(tx, scope.id, role, record.id) for role in sorted(roles))
    return next((one for one in found if one is not None), None)
