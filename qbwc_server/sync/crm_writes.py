"""What one link job writes in the CRM, built from the state of its moment; nothing is sent from here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qbwc_server import mapping
from qbwc_server.mapping import KindMap, Rule
from qbwc_server.store import links
from qbwc_server.store.rows import Link, LinkJob
from qbwc_server.sync import decide as rule_book
from qbwc_server.sync.decide import FieldOutcome
from qbwc_server.sync.deciding import (
    Desk,
    Need,
    Scope,
    Sides,
    is_bound,
    is_merged_away,
    look,
    rule_name,
    standing_there,
    view_linked,
    within,
)
from qbwc_server.sync.deciding.desk import WITHDRAWN


@dataclass(frozen=True)
class Write:
    """What one job writes: the record's own values, its contributors' values, and the halves of the base."""

    link: Link
    kind_map: KindMap
    values: dict[str, Any]
    contributors: dict[str, dict[str, Any]]
    crm_id: str | None
    version: str | None
    # By rule: the value the CRM gets and the value of the books that it was made from.
    halves: dict[str, tuple[Any, Any]]

    @property
    def empty(self) -> bool:
        return not self.values and not self.contributors


def build(desk: Desk, link: Link, job: LinkJob) -> Write | None:
    """What to write now; None when there is nothing, or nobody to write to. Raises mapping.CannotConvert."""
    kind_map = desk.map_of(link)
    sides, pair = view_linked(desk.tx, desk.scope, kind_map, link)
    if link.unlinked_at is not None:
        return None if _has_another(desk, link) else unlinked_status(link, kind_map, sides)
    if link.crm_id is None and (sides.books is None or sides.books.deleted):
        return None
    if link.crm_id is None or job.action == "recreate":
        return _creation(desk, link, kind_map, sides)
    if sides.crm is None or sides.crm.deleted:
        return None
    decision = rule_book.decide(pair, rule_book.Policy())
    wanted = {one.name for one in decision.of(FieldOutcome.TO_CRM)}
    rules = [rule for rule in kind_map.rules if rule_name(rule) in wanted]
    flat, halves = _converted(desk, rules, sides)
    flat |= {rule.crm: "" for rule in rules if rule.crm not in flat and _lost_its_partner(rule, sides)}
    writes = mapping.crm_writes(kind_map, flat)
    own = writes.pop("", {})
    named = _named_instead(desk, link, kind_map, sides, writes)
    for rule in kind_map.rules:
        if rule.contributor in named:
            halves.pop(rule_name(rule), None)
    own |= {one.via: named[one.name] for one in kind_map.contributors if one.name in named}
    writes = {name: some for name, some in writes.items() if name not in named}
    values = _stamped(desk, kind_map, sides, own | desk.status_writes(link))
    return Write(link, kind_map, values, writes, link.crm_id, sides.crm.version, halves)


def _named_instead(
    desk: Desk, link: Link, kind_map: KindMap, sides: Sides, writes: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Contributors that would be made although the CRM has them at this record: they only have to be named."""
    missing = [
        one.name for one in kind_map.contributors if one.name in writes and not sides.contributors[one.name]
    ]
    found = {name: standing_there(desk.tx, desk.scope, link, name, writes[name]) for name in missing}
    return {name: one for name, one in found.items() if one is not None}


def _lost_its_partner(rule: Rule, sides: Sides) -> bool:
    """A document that moved to somebody whom the CRM does not have must not stay with whom it had before."""
    held = sides.crm.values.get(rule.crm_field) if sides.crm else None
    return bool(rule.refers_to and rule.required and held and sides.books_values[rule.books])


def seen(desk: Desk, link: Link) -> dict[str, Any]:
    """What both sides hold while a write is built, to notice later edits."""
    sides = look(desk.tx, desk.scope, desk.map_of(link), link.crm_id, link.books_id)
    return {"crm": dict(sides.crm_values), "books": dict(sides.books_values)}


def status_write(desk: Desk, link: Link) -> Write | None:
    """Only what the CRM's users see of the link; None when they see it already."""
    kind_map = desk.map_of(link)
    sides = look(desk.tx, desk.scope, kind_map, link.crm_id, link.books_id)
    values = desk.status_writes(link)
    if not values or link.crm_id is None or sides.crm is None:
        return None
    return Write(link, kind_map, values, {}, link.crm_id, sides.crm.version, {})


def _creation(desk: Desk, link: Link, kind_map: KindMap, sides: Sides) -> Write:
    rules = mapping.rules_to(kind_map, "crm", creating=True)
    flat, halves = _converted(desk, rules, sides)
    writes = mapping.crm_writes(kind_map, mapping.with_defaults(kind_map, flat, "crm"))
    status = kind_map.status
    own = {status.link_status: "Success", status.books_id: link.books_id} | _what_it_is(kind_map)
    own |= {status.error: desk.fitting(link, status.error, within.without_place(kind_map, sides))}
    values = writes.pop("", {}) | {name: value for name, value in own.items() if name}
    complete = {
        contributor.name: writes[contributor.name]
        for contributor in kind_map.contributors
        if all(writes.get(contributor.name, {}).get(name) for name in contributor.required_fields)
    }
    for rule in kind_map.rules:
        # Both halves agree after a creation, also where this side has nothing to say or holds what another
        # rule wrote; what belongs to a contributor that cannot be made stays without a base, and so visible.
        left_out = rule.refers_to and rule.crm not in flat and sides.books_values[rule.books]
        if left_out or (rule.contributor and rule.contributor not in complete):
            halves.pop(rule_name(rule), None)
        else:
            ours = mapping.normal(flat.get(rule.crm))
            halves.setdefault(rule_name(rule), (ours, sides.books_values[rule.books]))
    return Write(link, kind_map, _stamped(desk, kind_map, sides, values), complete, None, None, halves)


def _what_it_is(kind_map: KindMap) -> dict[str | None, Any]:
    """The value by which the CRM tells this kind from its sisters, such as the type of an item."""
    chosen = kind_map.crm_filter
    return {chosen.field: chosen.any_of[0]} if chosen and len(chosen.any_of) == 1 else {}


def _has_another(desk: Desk, link: Link) -> bool:
    """Whether the record was linked anew meanwhile: then that pair says what people see."""
    found = links.partner_of_crm(desk.tx, desk.scope.id, link.role, link.crm_id) if link.crm_id else None
    return found is not None and is_bound(found)


def unlinked_status(link: Link, kind_map: KindMap, sides: Sides) -> Write | None:
    """The CRM's user sees that the pairing is gone; the record itself is left as it is."""
    name = kind_map.status.link_status
    shown = "Unlinked" if link.error_code != WITHDRAWN else None
    if sides.crm is None or sides.crm.deleted or not name or sides.crm.values.get(name) == shown:
        return None
    # The key and the id go too: whatever is made of the QuickBooks object later must not meet this record again.
    given_back = [kind_map.status.sync_key, kind_map.status.books_id, kind_map.status.error]
    values: dict[str, Any] = {name: shown} | {
        one: None for one in given_back if one and sides.crm.values.get(one)
    }
    return Write(link, kind_map, values, {}, link.crm_id, sides.crm.version, {})


def _stamped(desk: Desk, kind_map: KindMap, sides: Sides, values: dict[str, Any]) -> dict[str, Any]:
    """EditSequence and time of the last sync travel with other values; they are no reason to write."""
    if not values:
        return values
    stamps = {
        kind_map.status.edit_sequence: sides.books.version if sides.books else None,
        kind_map.status.last_sync: desk.now,
    }
    return values | {name: value for name, value in stamps.items() if name}


def external_key(scope: Scope, link: Link) -> str:
    """What makes a CRM record ours for ever: company, family and id of the object in the books.

    Ids of contacts differ in case only (0000000000000p4I, 0000000000000p4i, both seen in one file), and a CRM's keys
    know no case; so each small letter has a mark before it.
    """
    exact = re.sub(r"([a-z])", r"^\1", str(link.books_id))
    return f"{scope.company.file_id.strip('{}').lower()}:{link.books_kind.lower()}:{exact}"


def needs_first(desk: Desk, link: Link, job: LinkJob) -> list[Need]:
    """Records that a new CRM record refers to, and that are not in the CRM yet."""
    if link.unlinked_at is not None or (link.crm_id is not None and job.action != "recreate"):
        return []
    kind_map = desk.map_of(link)
    values = look(desk.tx, desk.scope, kind_map, None, link.books_id).books_values
    referring = [one for one in kind_map.rules if one.refers_to and one.goes_to("crm") and values[one.books]]
    return [
        Need(str(one.refers_to), str(values[one.books]), optional=not one.required)
        for one in referring
        if _crm_id(desk, one, values[one.books]) is None and one.books != "TxnID"
    ]


def _crm_id(desk: Desk, rule: Rule, books_id: Any) -> str | None:
    """The CRM record that a reference of the books means; None when it means none that is known here."""
    link = links.partner_of_books(desk.tx, desk.scope.id, str(rule.refers_to), str(books_id))
    return link.crm_id if link and not is_merged_away(desk.tx, desk.scope, link) else None


def _converted(
    desk: Desk, rules: list[Rule] | tuple[Rule, ...], sides: Sides
) -> tuple[dict[str, Any], dict[str, tuple[Any, Any]]]:
    """CRM values by field, and by rule the pair (value for the CRM, value of the books it came from)."""
    flat: dict[str, Any] = {}
    halves: dict[str, tuple[Any, Any]] = {}
    for rule in rules:
        source = sides.books_values[rule.books]
        value = mapping.to_crm(rule, source).value
        if value and rule.refers_to:
            crm_id = _crm_id(desk, rule, value)
            if crm_id is None:
                continue  # not written, and not taken for agreed
            flat[rule.crm] = crm_id
        elif value is not None:
            flat[rule.crm] = value
        halves[rule_name(rule)] = (mapping.normal(value), source)
    return flat, halves


def bases_of_creation(write: Write) -> dict[str, dict[str, Any]]:
    """What both sides hold of the record's own fields once it is made; its contributors are yet to come.

    Kept with the new id, because a worker that dies before it settles the creation, or a visit that decides
    meanwhile, would find a pair without a base and answer our own values with a write to the books.
    """
    own = {rule_name(rule) for rule in write.kind_map.rules if not rule.contributor}
    halves = {name: half for name, half in write.halves.items() if name in own}
    return {
        "base_crm": (write.link.base_crm or {}) | {name: sent for name, (sent, _) in halves.items()},
        "base_books": (write.link.base_books or {}) | {name: source for name, (_, source) in halves.items()},
    }
