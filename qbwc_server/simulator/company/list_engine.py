"""Add, Mod and Ret of every kind of list element; what is special to a kind stands in its ListKind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import qbxml
from qbwc_server.simulator.company import balances, objects, references
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.calls import Call, Reply
from qbwc_server.simulator.company.characters import is_empty, stored
from qbwc_server.simulator.company.checks import types
from qbwc_server.simulator.company.names import NameSpace
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.statuses import NAME_IN_USE, STALE, Refusal

Fields = dict[str, Any]
Setter = Callable[[Books, Fields, Any], Fields]
# Handled by name, place and times; never among the kept fields.
COLUMNS = ("ListID", "EditSequence", "IsActive", "ParentRef")


def _no_rule(_books: Books, _element: ListObject) -> None:
    return None


def _nothing_more(_books: Books, _element: ListObject) -> Fields:
    return {}


def _nothing_posted(_books: Books, element: ListObject, _given: Fields) -> ListObject:
    return element


@dataclass(frozen=True)
class ListKind:
    """One kind of list element. Its fields come from the field tables; only what they do not say stands here."""

    name: str
    family: str
    # The list as QuickBooks' messages name it: "Customers".
    list_name: str
    name_field: str = "Name"
    # What QuickBooks fills in itself.
    defaults: Mapping[str, Any] = field(default_factory=dict)
    # Fields that are not simply kept as they were given.
    setters: Mapping[str, Setter] = field(default_factory=dict)
    # Fields of an Add that make a posting and are kept nowhere.
    posted: tuple[str, ...] = ()
    # The kind's own rules, asked before it is saved; raises Refusal.
    check: Callable[[Books, ListObject], None] = _no_rule
    # What an Add posts besides.
    added: Callable[[Books, ListObject, Fields], ListObject] = _nothing_posted
    # What an accepted Mod posts besides.
    edited: Callable[[Books, ListObject, Fields], ListObject] = _nothing_posted
    # How the name is made of other fields, where a request has none.
    named: Callable[[Mapping[str, Any]], str] | None = None
    # Fields of its Ret that are not kept but computed.
    more: Callable[[Books, ListObject], Fields] = _nothing_more

    @property
    def ret_name(self) -> str:
        return f"{self.name}Ret"

    @property
    def space(self) -> NameSpace:
        return NameSpace(self.family, self.name, self.list_name)

    @property
    def is_tree(self) -> bool:
        return "Sublevel" in top_names(self.ret_name)

    @property
    def has_add(self) -> bool:
        return bool(_fields(f"{self.name}Add"))

    @property
    def has_mod(self) -> bool:
        return bool(_fields(f"{self.name}Mod"))

    def existing(self, books: Books, list_id: str) -> ListObject:
        """Refusal 3120 (rule "unknown_list_id") when no element of this kind has that ListID."""
        found = objects.find(books, self.family, list_id)
        if found is None or found.kind != self.name:
            raise Refusal(int(books.rule("unknown_list_id")), list_id)
        return found

    # -- requests --------------------------------------------------------------------------------------------

    def add(self, call: Call) -> Reply:
        books = call.books
        given = stored(call.body, types(f"{self.name}Add"))
        name = self.space.check_name(
            books, self.named(given) if self.named else given[self.name_field], self.name_field
        )
        self._check_guid(books, given)
        above = self.space.parent(books, given.get("ParentRef"))
        self.space.check_free(books, above, name)
        kept = references.checked(books, given, self.name)
        now = books.clock.now()
        element = self.space.placed(
            books,
            ListObject(
                family=self.family,
                kind=self.name,
                list_id=books.new_list_id(self.family),
                name=name,
                is_active=given.get("IsActive") != "false",
                time_created=now,
                time_modified=now,
                edit_sequence=books.edit_sequence(),
                fields=self._changed(books, dict(self.defaults), kept),
            ),
            above,
        )
        self.check(books, element)
        objects.save(books, element)
        return self._reply(books, self.added(books, element, kept))

    def mod(self, call: Call) -> Reply:
        """Omitted fields stay, empty ones are cleared; a stale EditSequence gets the current record back (3200)."""
        books = call.books
        given = stored(call.body, types(f"{self.name}Mod"))
        element = self.existing(books, given["ListID"])
        if given["EditSequence"] != element.edit_sequence:
            raise Refusal(STALE, given["EditSequence"], records=self._reply(books, element).records)
        kept = references.checked(books, given, self.name)
        edited = replace(
            self._moved(books, element, given),
            is_active=_flag(given.get("IsActive"), element.is_active),
            time_modified=books.clock.now(),
            edit_sequence=books.edit_sequence(element.edit_sequence),
            fields=self._changed(books, dict(element.fields), kept),
        )
        self.check(books, edited)
        objects.save(books, edited)
        self._carry(books, element, edited)
        return self._reply(books, self.edited(books, edited, kept))

    def ret(self, books: Books, element: ListObject) -> Fields:
        """Everything about one element, as a Ret of the newest version; private data is added by queries."""
        known = top_names(self.ret_name)
        values: Fields = {
            **references.shown(books, {name: kept for name, kept in element.fields.items() if name in known}),
            "ListID": element.list_id,
            "TimeCreated": books.clock.printed(element.time_created),
            "TimeModified": books.clock.printed(element.time_modified),
            "EditSequence": element.edit_sequence,
            self.name_field: element.name,
            "IsActive": "true" if element.is_active else "false",
        }
        if self.is_tree:
            values |= {"FullName": element.full_name, "Sublevel": str(element.sublevel)}
        if element.parent_id:
            above = element.full_name.rpartition(":")[0]
            values["ParentRef"] = {"ListID": element.parent_id, "FullName": above}
        return values | self.more(books, element)

    # -- how ---------------------------------------------------------------------------------------------------

    def _reply(self, books: Books, element: ListObject) -> Reply:
        return Reply(((self.ret_name, self.ret(books, element)),))

    def _changed(self, books: Books, fields: Fields, given: Mapping[str, Any]) -> Fields:
        for name, value in given.items():
            if name in self.setters:
                fields = self.setters[name](books, fields, value)
            elif name not in COLUMNS and name not in self.posted and name != self.name_field:
                fields = self._with(fields, name, value)
        return fields

    def _with(self, fields: Fields, name: str, value: Any) -> Fields:
        """A field under the name its Ret has for it; one that no Ret shows is an instruction, and not kept."""
        known = top_names(self.ret_name)
        if name in known:
            return with_value(fields, name, value)
        kept = name.removesuffix("Mod")
        return with_part(fields, kept, value) if kept in known else fields

    def _moved(self, books: Books, element: ListObject, given: Mapping[str, Any]) -> ListObject:
        """The element under its new name and parent; the name must be free there (3170)."""
        space = self.space
        name = given.get(self.name_field, element.name)
        if self.named:
            name = self.named({**element.fields, **given})
        name = space.check_name(books, name, self.name_field)
        if "ParentRef" in given:
            above = space.parent(books, given["ParentRef"])
            space.check_no_circle(books, element, above, given["ParentRef"])
        else:
            above = next(objects.ancestors(books, element), None)
        if (name, above.list_id if above else "") == (element.name, element.parent_id):
            return element
        space.check_free(books, above, name, renamed=element)
        return space.placed(books, replace(element, name=name), above)

    def _check_guid(self, books: Books, given: Mapping[str, Any]) -> None:
        """Whether a second Add with the same ExternalGUID is carried out is a rule (semantics 1)."""
        guid = given.get("ExternalGUID", "")
        if guid.strip("0{}-") and books.rule("external_guid_twice") != "taken":
            clause = "WHERE kind = ? AND json_extract(fields, '$.ExternalGUID') = ? LIMIT 1"
            if any(objects.select(books, clause, self.name, guid)):
                raise Refusal(NAME_IN_USE, guid)

    def _carry(self, books: Books, before: ListObject, after: ListObject) -> None:
        if before.parent_id != after.parent_id:
            balances.carry_up(books, before, -before.total_balance)
            balances.carry_up(books, after, after.total_balance)
        if before.full_name != after.full_name:
            self.space.rename_below(books, after)


# -- fields ----------------------------------------------------------------------------------------------------


def with_value(fields: Fields, name: str, value: Any) -> Fields:
    """The field set, or gone when the value is empty: an empty element clears (semantics 5, Mod)."""
    rest = {key: kept for key, kept in fields.items() if key != name}
    return rest if is_empty(value) else {**rest, name: value}


def with_part(fields: Fields, name: str, value: Any) -> Fields:
    """An aggregate of a Mod: what it omits stays, what is empty in it goes."""
    if is_empty(value):
        return with_value(fields, name, "")
    merged: Fields = dict(fields.get(name, {}))
    for part, given in value.items():
        merged = with_value(merged, part, given)
    return with_value(fields, name, merged)


@cache
def _fields(message: str) -> tuple[qbxml.Field, ...]:
    """None for a message that qbXML does not have."""
    try:
        return qbxml.fields(message)
    except KeyError:
        return ()


@cache
def top_names(message: str) -> frozenset[str]:
    """The children of an object, by name."""
    return frozenset(one.path.partition("/")[0] for one in _fields(message))


def _flag(text: str | None, kept: bool) -> bool:
    return kept if not text else text == "true"
