"""Both records of a pair, seen through the mapping: what `decide` is asked about."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from qbwc_server import mapping
from qbwc_server.mapping import KindMap, Rule
from qbwc_server.store import history, jobs, links, records
from qbwc_server.store.database import Tx
from qbwc_server.store.memory import memory_of
from qbwc_server.store.rows import Link, StoredRecord
from qbwc_server.sync.decide import FieldView, Pair, Presence, Side
from qbwc_server.sync.deciding.scope import Scope

# Outcomes of a field that was put back, and of one that was left after that.
QUARREL = ("to_crm", "held")

# Under this name a record keeps the id of the one that its own went to; no field of either side is called so.
SURVIVOR: Final = "merged into"


def with_survivor(record: StoredRecord, survivor: str) -> StoredRecord:
    return replace(record, values={**record.values, SURVIVOR: survivor})


def survivor_of(record: StoredRecord | None) -> str:
    """The id of the record into which a deleted one was merged; "" for what is alive, or was only deleted."""
    return str(record.values.get(SURVIVOR) or "") if record is not None and record.deleted else ""


def rule_name(rule: Rule) -> str:
    """The name of a mapped field in bases, conflicts and reasons."""
    return f"{rule.crm} > {rule.books}"


@dataclass(frozen=True)
class Sides:
    """Both records of a pair as they were last seen, with the mapped values in each side's own form."""

    crm: StoredRecord | None
    books: StoredRecord | None
    contributors: Mapping[str, StoredRecord | None]
    crm_values: Mapping[str, Any]
    books_values: Mapping[str, Any]
    # Contributors that the CRM record names and that were not read yet: whoever they are, they exist.
    unread: frozenset[str] = frozenset()


def look(tx: Tx, scope: Scope, kind_map: KindMap, crm_id: str | None, books_id: str | None) -> Sides:
    organisation, company = scope.connection.organisation_id, scope.company.id
    crm = records.record(tx, organisation, "crm", kind_map.crm_kind, crm_id) if crm_id else None
    books = records.record(tx, company, "books", kind_map.books_kind, books_id) if books_id else None
    helpers = _contributors(tx, scope, kind_map, crm)
    from_crm = _crm_view(tx, kind_map, crm, helpers)
    resolved = _resolved(tx, scope, kind_map, from_crm) | _lines(kind_map, crm.values if crm else {})
    from_books = books_view(tx, kind_map, books)
    return Sides(crm, books, helpers, resolved, from_books, _unread(tx, scope, kind_map, crm))


def books_view(tx: Tx, kind_map: KindMap, record: StoredRecord | None) -> Mapping[str, Any]:
    """The mapped values of an object of the books, by path."""

    def made() -> Mapping[str, Any]:
        return mapping.books_values(kind_map, record.values if record else {})

    memory = memory_of(tx)
    key = (id(kind_map), "books", record.id if record else "")
    return made() if memory is None else memory.view(key, (kind_map, record), made)


def _crm_view(
    tx: Tx, kind_map: KindMap, record: StoredRecord | None, helpers: Mapping[str, StoredRecord | None]
) -> Mapping[str, Any]:
    def made() -> Mapping[str, Any]:
        given = {name: one.values if one else None for name, one in helpers.items()}
        return mapping.crm_values(kind_map, record.values if record else {}, given)

    memory = memory_of(tx)
    key = (id(kind_map), "crm", record.id if record else "")
    return made() if memory is None else memory.view(key, (kind_map, record, *helpers.values()), made)


def _lines(kind_map: KindMap, own: Mapping[str, Any]) -> dict[str, Any]:
    """The mapped fields of a document's lines, so that an edit of one is seen as an edit of the document."""
    if kind_map.lines is None:
        return {}
    fields = ["Id", kind_map.lines.item, *(rule.crm for rule in kind_map.lines.rules)]
    return {"lines": [{name: one.get(name) for name in fields} for one in own.get("lines") or []]}


# A CRM record that is referred to and has no partner in the books yet.
UNRESOLVED = "crm:"


def _resolved(tx: Tx, scope: Scope, kind_map: KindMap, values: Mapping[str, Any]) -> dict[str, Any]:
    """References in the form of the books: by the id of the partner, so that both sides can be compared."""
    return dict(values) | {
        rule.crm: partner_id(tx, scope, rule.refers_to, str(values[rule.crm]))
        or f"{UNRESOLVED}{values[rule.crm]}"
        for rule in kind_map.rules
        if rule.refers_to and values[rule.crm]
    }


def partner_id(tx: Tx, scope: Scope, role: str, crm_id: str) -> str | None:
    """The books id of a CRM record's partner; None while it has none."""
    link = links.partner_of_crm(tx, scope.id, role, crm_id)
    return link.books_id if link else None


def unresolved(rules: Iterable[Rule], values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(role, CRM id) of the references among these rules that have no partner in the books yet."""
    return [
        (rule.refers_to, str(values[rule.crm]).removeprefix(UNRESOLVED))
        for rule in rules
        if rule.refers_to and str(values[rule.crm] or "").startswith(UNRESOLVED)
    ]


def _contributors(
    tx: Tx, scope: Scope, kind_map: KindMap, crm: StoredRecord | None
) -> dict[str, StoredRecord | None]:
    found: dict[str, StoredRecord | None] = {}
    for contributor in kind_map.contributors:
        record_id = crm.values.get(contributor.via) if crm else None
        one = (
            records.record(tx, scope.connection.organisation_id, "crm", contributor.kind, str(record_id))
            if record_id
            else None
        )
        found[contributor.name] = one if one and not one.deleted else None
    return found


def _unread(tx: Tx, scope: Scope, kind_map: KindMap, crm: StoredRecord | None) -> frozenset[str]:
    named = {one: crm.values.get(one.via) for one in kind_map.contributors} if crm else {}
    organisation = scope.connection.organisation_id
    return frozenset(
        one.name
        for one, record_id in named.items()
        if record_id and records.record(tx, organisation, "crm", one.kind, str(record_id)) is None
    )


def field_views(
    kind_map: KindMap, link: Link, sides: Sides, clashes: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[Rule, FieldView]]:
    base_crm, base_books = link.base_crm or {}, link.base_books or {}
    for rule in kind_map.rules:
        if not _was_read(rule, sides):
            continue
        name = rule_name(rule)
        crm, books = sides.crm_values[rule.crm], sides.books_values[rule.books]
        yield (
            rule,
            FieldView(
                name=name,
                crm_now=crm,
                books_now=books,
                crm_base=base_crm.get(name),
                books_base=base_books.get(name),
                base_known=name in base_crm and name in base_books,
                alike=mapping.same(rule, crm, books),
                to_books=_may_write(kind_map, rule, "books") and _follows(rule, sides),
                to_crm=_may_write(kind_map, rule, "crm") and _has_place(kind_map, rule, sides),
                winner=kind_map.winner_of(rule),
                clear_when_empty=rule.clear_when_empty,
                lost_in=_lost_in(rule, base_crm.get(name), base_books.get(name)),
                taken=_taken(clashes.get(name), crm, books),
                # Where a reference leads, a merge in the CRM may have changed.
                derived=rule.direction == "to_crm" and not rule.refers_to,
            ),
        )


def _was_read(rule: Rule, sides: Sides) -> bool:
    """False for a field that was mapped after its record was read: what it holds is unknown, which is not empty."""
    record = sides.contributors.get(rule.contributor) if rule.contributor else sides.crm
    return record is None or rule.crm_field in record.values


def _taken(clash: Mapping[str, Any] | None, crm: Any, books: Any) -> Side | None:
    """The side that a person chose, as long as both values are those that the person saw."""
    if clash is None or (clash["crm_value"], clash["books_value"]) != (crm, books):
        return None
    side: Side | None = clash["taken"]
    return side


def _may_write(kind_map: KindMap, rule: Rule, side: Side) -> bool:
    once = kind_map.once and side == "books"
    return rule.goes_to(side) and kind_map.may_update(side) and not rule.only_with_new(side) and not once


def _follows(rule: Rule, sides: Sides) -> bool:
    """False for a copy of another field to which somebody in QuickBooks gave a value of its own, or none."""
    if rule.follows is None:
        return True
    own, other = sides.books_values[rule.books], sides.books_values.get(rule.follows)
    return own is not None and str(own).casefold() == str(other).casefold()


def _has_place(kind_map: KindMap, rule: Rule, sides: Sides) -> bool:
    """A contributor's field can be written when the contributor exists, or when all that it needs is known."""
    contributor = kind_map.contributor(rule.contributor) if rule.contributor else None
    if contributor is None or sides.contributors.get(contributor.name) is not None:
        return True
    if contributor.name in sides.unread:
        return False
    needed = {f"{contributor.name}.{name}" for name in contributor.required_fields}
    given = {one.crm for one in kind_map.rules if sides.books_values[one.books] is not None}
    return needed <= given


def _lost_in(rule: Rule, base_crm: Any, base_books: Any) -> Side | None:
    """The side whose half of the base is a shortened form of the other."""
    if base_crm is None or base_books is None or base_crm == base_books:
        return None
    for side, convert, value in (("books", mapping.to_books, base_crm), ("crm", mapping.to_crm, base_books)):
        try:
            if convert(rule, value).lost:
                return "books" if side == "books" else "crm"
        except mapping.CannotConvert:
            continue
    return None


def view_linked(tx: Tx, scope: Scope, kind_map: KindMap, link: Link) -> tuple[Sides, Pair]:
    """The pair of a link as `decide` wants it, from the last stored state of both sides."""
    sides = look(tx, scope, kind_map, link.crm_id, link.books_id)
    clashes = links.open_conflicts(tx, scope.id, link.id)
    views = _without_quarrels(
        tx, scope, link, [view for _, view in field_views(kind_map, link, sides, clashes)]
    )
    pair = Pair(
        crm=presence(sides.crm),
        books=presence(sides.books),
        linked=True,
        base_known=link.base_crm is not None,
        fields=views,
        merged=bool(survivor_of(sides.crm) or survivor_of(sides.books)),
    )
    return sides, pair


def _without_quarrels(tx: Tx, scope: Scope, link: Link, views: Sequence[FieldView]) -> tuple[FieldView, ...]:
    """What was put back and came again, between the same two values, is left to whatever in the CRM insists on it."""
    if not any(one.derived and one.base_known and one.crm_now != one.crm_base for one in views):
        return tuple(views)
    if jobs.open_job(tx, scope.id, link.id, "crm") is not None:
        return tuple(views)  # it is being put back
    said = history.last_fields(tx, scope.id, link.id)
    seen = [(one["field"], one["crm"], one["books"]) for one in said if one["outcome"] in QUARREL]
    return tuple(
        replace(one, derived=one.derived and (one.name, one.crm_now, one.books_now) not in seen)
        for one in views
    )


def presence(record: StoredRecord | None) -> Presence:
    if record is None:
        return Presence.UNSEEN
    return Presence.DELETED if record.deleted else Presence.PRESENT
