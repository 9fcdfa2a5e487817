"""The rules of names: one name space per family of lists, five levels, no colon (semantics 2 and 5)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from qbwc_server.simulator.company import lists, objects
from qbwc_server.simulator.company.books import Books
from qbwc_server.simulator.company.characters import is_empty
from qbwc_server.simulator.company.objects import ListObject
from qbwc_server.simulator.company.statuses import (
    BAD_PARENT,
    CANNOT_STORE,
    MISSING,
    NAME_IN_USE,
    NOT_MODIFIED,
    NOT_SAVED,
    Refusal,
)

# A customer and four levels of jobs below it; accounts, classes and items have five levels too.
DEEPEST_SUBLEVEL = 4
TOO_DEEP = "The list can have five levels only."
MERGE = "Cannot merge list elements."


@dataclass(frozen=True)
class NameSpace:
    """Where the names of one kind of list element live."""

    family: str
    # Only elements of this kind can be parents.
    kind: str
    # The list as QuickBooks' messages name it.
    list_name: str

    def check_name(self, books: Books, name: str, field: str = "Name") -> str:
        """Refusal 3090 for a colon, which joins levels; of double quotes a rule decides ("name_quotes")."""
        if not name:
            raise Refusal(MISSING, field)
        if ":" in name or ('"' in name and books.rule("name_quotes") == "3090"):
            raise Refusal(CANNOT_STORE, name, field)
        return name

    def parent(self, books: Books, ref: Any) -> ListObject | None:
        """The element a ParentRef names, None for an absent or emptied one; Refusal 3130 when there is none."""
        if ref is None or is_empty(ref):
            return None
        found = lists.resolve(books, self.family, ref)
        if found is None or not self._may_be_above(books, found):
            raise Refusal(BAD_PARENT, lists.named(ref), self.list_name)
        return found

    def _may_be_above(self, books: Books, found: ListObject) -> bool:
        """Only an element of the same kind; of items a rule ("sub_items") takes any."""
        any_item = self.family == lists.ITEMS and books.rule("sub_items") == "any_item"
        return any_item or found.kind == self.kind

    def check_free(
        self, books: Books, above: ListObject | None, name: str, *, renamed: ListObject | None = None
    ) -> None:
        """Refusal 3100 for a new element, 3170 with the merge text for a Mod (renamed = the element itself)."""
        holder = objects.find_sibling(books, self.family, above.list_id if above else "", name)
        if holder is None or (renamed is not None and holder.list_id == renamed.list_id):
            return
        if renamed is None:
            raise Refusal(NAME_IN_USE, name)
        bare = MERGE if books.rule("merge_text") == "bare" else None
        raise Refusal(NOT_MODIFIED, self.list_name, name, message=bare)

    def placed(self, books: Books, element: ListObject, above: ListObject | None) -> ListObject:
        """The element below that parent, with the FullName and Sublevel it has there; Refusal 3180 below level five."""
        sublevel = above.sublevel + 1 if above else 0
        if sublevel > DEEPEST_SUBLEVEL:
            raise (
                Refusal(NOT_SAVED, self.list_name, element.name, TOO_DEEP)
                if books.rule("too_deep") == "3180"
                else Refusal(BAD_PARENT, above.full_name if above else "", self.list_name)
            )
        full_name = f"{above.full_name}:{element.name}" if above else element.name
        parent_id = above.list_id if above else ""
        return replace(element, parent_id=parent_id, full_name=full_name, sublevel=sublevel)

    def check_no_circle(
        self, books: Books, element: ListObject, above: ListObject | None, ref: Mapping[str, Any]
    ) -> None:
        """Nothing can stand below itself."""
        line = [] if above is None else [above, *objects.ancestors(books, above)]
        if any(member.list_id == element.list_id for member in line):
            raise Refusal(BAD_PARENT, lists.named(ref), self.list_name)

    def rename_below(self, books: Books, element: ListObject) -> None:
        """Gives everything below its new FullName; time and EditSequence of it stay (rule "rename_below")."""
        for child in objects.children(books, element):
            moved = self.placed(books, child, element)
            if books.rule("rename_below") == "stamped":
                sequence = books.edit_sequence(child.edit_sequence)
                moved = replace(moved, time_modified=books.clock.now(), edit_sequence=sequence)
            objects.save(books, moved)
            self.rename_below(books, moved)
