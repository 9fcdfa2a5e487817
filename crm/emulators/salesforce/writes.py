"""Create, change and delete rows under Salesforce's rules. Refusals are `ApiError`s and change nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from . import errors, ids, values
from .rows import Change, Row, Rows
from .sales_rules import AFTER, Draft, judged
from .schema import Field, SObject, Value, Values

Body = Mapping[str, object]
# A validation rule: given the row as it would be kept, raises what a person wrote into the rule.
Rule = Callable[[Values], None]


@dataclass
class Writes:
    """The write verbs of one organisation; every stamp comes from `now`, every author is `user_id`."""

    rows: Rows
    now: Callable[[], datetime]
    user_id: str
    rules: dict[str, list[Rule]] = field(default_factory=dict)
    # Ids that somebody else holds a lock on.
    held: set[str] = field(default_factory=set)
    # The next row write fails as if its row were locked.
    lock_next: bool = False
    # Objects with a duplicate rule over their names, which alerts when a row is created.
    duplicate_rules: set[str] = field(default_factory=set)
    # The request said that duplicates may be saved in spite of the rule.
    allow_duplicates: bool = False
    # DUPLICATE_VALUE names the other row by 15 characters; both forms were seen in real answers.
    short_ids: bool = True
    # A header moves its own stamps when the sum of its lines changes (README, "Marks").
    roll_ups_stamp: bool = True

    def create(self, item: SObject, body: Body) -> Row:
        self._writable_object(item)
        given = self._accepted(item, body, lambda known: known.createable)
        place = self.rows.next_number(item.name)
        kept = {known.name: _at_birth(known, place) for known in item.fields} | given
        row_id = ids.numbered(item.key_prefix, _FIRST + place)
        kept |= self._birth(row_id) | {"OwnerId": kept.get("OwnerId") or self.user_id}
        own = {name: kept[name] for name in kept if item.field(name)}
        row = judged(item.name, Draft(self.rows, None, own, given))
        self._not_alike(item, row)
        return self._keep(item, "create", None, row)

    def change(self, item: SObject, row_id: str, body: Body) -> Row:
        self._writable_object(item)
        before = self.live(item, row_id)
        given = self._accepted(item, body, lambda known: known.updateable)
        wanted = {**before.values, **given, **self._touched()}
        after = judged(item.name, Draft(self.rows, before, wanted, given))
        return self._keep(item, "update", before, after)

    def delete(self, item: SObject, row_id: str, master: str | None = None) -> None:
        """Into the Recycle Bin, with the rows that live only under it; other references are cleared."""
        before = self.live(item, row_id)
        self._unlocked(item, before.id, {})
        self._nothing_rests_on(before.id)
        gone = {**self._touched(), "IsDeleted": True}
        if master is not None:
            gone["MasterRecordId"] = master
        after = replace(before, values={**before.values, **gone}, deleted_at=self.now())
        self.rows.put(Change("delete", before, after))
        self._after_delete(before.id)
        self._consequences(item, Change("delete", before, after))

    def restore(self, item: SObject, row_id: str) -> Row:
        """Out of the Recycle Bin again, with the rows that went there because of it."""
        before = self.rows.find(row_id)
        if before is None or before.live or before.purged:
            raise errors.no_such_row("Id")
        back = {**before.values, **self._touched(), "IsDeleted": False}
        after = replace(before, values=back, deleted_at=None)
        self._unique(item, after)
        self.rows.put(Change("restore", before, after))
        for other, known in self._referring():
            for row in [row for row in self.rows.graves(other.name) if _went_with(row, known, before)]:
                self.restore(other, row.id)
        self._consequences(item, Change("restore", before, after))
        return after

    def purge(self, row_id: str) -> None:
        """Out of the Recycle Bin for good: no query finds the row any more."""
        before = self.rows.find(row_id)
        if before is None or before.live:
            raise errors.no_such_row("Id")
        self.rows.put(Change("clear", before, replace(before, purged=True)))

    def merge(self, item: SObject, winner_id: str, loser_id: str) -> None:
        """The loser goes to the bin and names its winner; what referred to it refers to the winner."""
        winner = self.live(item, winner_id)
        for other, known in self._referring():
            for row in self.rows.pointing(other.name, known.name, loser_id):
                if row.id != winner.id:
                    moved = {**row.values, **self._touched(), known.name: winner.id}
                    self.rows.put(Change("update", row, replace(row, values=moved)))
        self.delete(item, loser_id, master=winner.id)

    def touch(self, item: SObject, row_id: str) -> Row:
        """An automated process passes: `SystemModstamp` moves and nothing else."""
        before = self.live(item, row_id)
        after = replace(before, values={**before.values, "SystemModstamp": self.now()})
        self.rows.put(Change("update", before, after))
        return after

    def follow(self, object_name: str, row: Row, result: Values, *, stamped: bool = True) -> None:
        """What the service itself changes in another row because of a change; nothing when it is so already."""
        item = self.rows.schema.find(object_name)
        if item is None or all(row.values.get(name) == value for name, value in result.items()):
            return
        self._unlocked(item, row.id, {})
        stamps = self._touched() if stamped else {}
        after = replace(row, values={**row.values, **result, **stamps})
        self.rows.put(Change("follow", row, after))

    def live(self, item: SObject, row_id: str) -> Row:
        """The visible row of a well-formed id; 404 as a single read answers it."""
        full = ids.to_18(row_id)
        if full is None:
            raise errors.no_such_key(row_id)
        row = self.rows.find(full)
        if row is None or row.object != item.name:
            raise errors.not_found()
        if not row.live:
            raise errors.deleted()
        return row

    def _writable_object(self, item: SObject) -> None:
        if not item.writable:
            text = f"entity type {item.name} does not support create or update in this emulator"
            raise errors.ApiError(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text, [])

    def _accepted(self, item: SObject, body: Body, allowed: Callable[[Field], bool]) -> dict[str, Value]:
        given = dict(_named(item, body))
        ways = dict(self._by_foreign_key(item, body))
        refused = [known.name for known, _ in given.values() if known.derive or not allowed(known)]
        if "Id" in refused:
            raise errors.not_in_body("Id")
        if refused:
            raise errors.read_only(refused)
        return {name: values.accept(known, value) for name, (known, value) in given.items()} | ways

    def _by_foreign_key(self, item: SObject, body: Body) -> Iterator[tuple[str, Value]]:
        """`"Parent": {"QB_ListID__c": "..."}` stands for `ParentId`."""
        for name, value in body.items():
            way = item.way(name)
            if way is not None and isinstance(value, Mapping):
                yield way.name, self._row_by_key(way, value)

    def _row_by_key(self, way: Field, value: Mapping[str, object]) -> str:
        target = self.rows.schema.find(way.reference_to)
        names = [name for name in value if name != "attributes"]
        name, wanted = (names[0], value[names[0]]) if names else ("", None)
        key = target.field(name) if target else None
        if target is None or key is None or not (key.external_id or key.name == "Id"):
            raise errors.no_such_column(name, way.reference_to)
        found = self.rows.holding(target, key, values.accept(key, wanted))
        if len(found) != 1:
            raise errors.no_foreign_key(wanted, key.name, target.name)
        return found[0].id

    def _keep(self, item: SObject, verb: str, before: Row | None, after: Row) -> Row:
        _complete(item, after.values)
        self._references(item, after, before.values if before else {})
        for rule in self.rules.get(item.name, ()):
            rule(after.values)
        self._unlocked(item, after.id, after.values)
        self._unique(item, after)
        change = Change(verb, before, after)
        self.rows.put(change)
        self._consequences(item, change)
        return after

    def _consequences(self, item: SObject, change: Change) -> None:
        rule = AFTER.get(item.name)
        if rule is not None:
            rule(self, change)

    def _nothing_rests_on(self, row_id: str) -> None:
        for item, known in self._referring():
            if known.restrict and self.rows.pointing(item.name, known.name, row_id):
                raise errors.in_use(item.plural)

    def _references(self, item: SObject, after: Row, before: Values) -> None:
        for known in item.fields:
            value = after.values.get(known.name)
            if isinstance(value, str) and known.reference_to and value != before.get(known.name):
                self._reference(known, value)

    def _reference(self, known: Field, value: str) -> None:
        target = self.rows.schema.of_id(value)
        if target is None or target.name != known.reference_to:
            raise errors.wrong_object(known.name, known.label, value)
        row = self.rows.find(value)
        if row is None or not row.live:
            raise errors.no_such_row(known.name)

    def _unlocked(self, item: SObject, row_id: str, kept: Values) -> None:
        holder = row_id if row_id in self.held else self.rows.locked(item, row_id, kept)
        unlucky, self.lock_next = self.lock_next, False
        if holder is not None or unlucky:
            known = self.rows.find(row_id)
            raise errors.locked(holder or (known.id if known else None))

    def _unique(self, item: SObject, after: Row) -> None:
        for key in item.fields:
            value = after.values.get(key.name)
            if not key.unique or value is None:
                continue
            others = [row.id for row in self.rows.holding(item, key, value) if row.id != after.id]
            if others:
                raise errors.duplicate(key.name, others[0][:15] if self.short_ids else others[0])

    def _not_alike(self, item: SObject, row: Row) -> None:
        if item.name not in self.duplicate_rules or self.allow_duplicates:
            return
        name = str(row.values.get("Name")).casefold()
        for other in self.rows.every(item.name):
            if other.live and str(other.values.get("Name")).casefold() == name:
                raise errors.duplicates_detected()

    def _birth(self, row_id: str) -> dict[str, Value]:
        now = self.now()
        return {
            "Id": row_id,
            "IsDeleted": False,
            "CreatedDate": now,
            "CreatedById": self.user_id,
            **self._touched(),
        }

    def _touched(self) -> dict[str, Value]:
        now = self.now()
        return {"LastModifiedDate": now, "LastModifiedById": self.user_id, "SystemModstamp": now}

    def _after_delete(self, row_id: str) -> None:
        for item, known in self._referring():
            self._let_go(item, known, row_id)

    def _referring(self) -> Iterator[tuple[SObject, Field]]:
        """Every lookup that a person may set, owners aside."""
        for item in self.rows.schema.all():
            for known in item.fields:
                if known.reference_to and known.writable and known.name != "OwnerId":
                    yield item, known

    def _let_go(self, item: SObject, known: Field, row_id: str) -> None:
        for row in self.rows.pointing(item.name, known.name, row_id):
            if known.cascade:
                self.delete(item, row.id)
            else:
                cleared = replace(row, values={**row.values, known.name: None})
                self.rows.put(Change("clear", row, cleared))


# Ids start far from zero so that they hold letters of both cases, as real ones do.
_FIRST = 62**5 * 7 + 62**3 * 11


def _at_birth(known: Field, place: int) -> Value:
    return known.auto_number.format(place) if known.auto_number else values.initial(known)


def _went_with(row: Row, known: Field, parent: Row) -> bool:
    """In the bin because its parent went there at that moment."""
    with_it = known.cascade and row.values.get(known.name) == parent.id
    return with_it and not row.purged and row.deleted_at == parent.deleted_at


def _named(item: SObject, body: Body) -> Iterator[tuple[str, tuple[Field, object]]]:
    """The fields of a body by their proper names; `attributes` and relationships are not fields."""
    for name, value in body.items():
        known = item.field(name)
        if known is not None:
            yield known.name, (known, value)
        elif name != "attributes" and item.way(name) is None:
            raise errors.no_such_column(name, item.name)


def _complete(item: SObject, kept: Values) -> None:
    empty: Sequence[str] = [
        known.name for known in item.fields if known.required and kept.get(known.name) is None
    ]
    if empty:
        raise errors.missing(empty)
