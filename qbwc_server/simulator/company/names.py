"""The rules of names: one name space, five levels, no colon (semantics 2 and 5)."""

from collections.abc import Mapping
from dataclasses import replace
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

# A customer and four levels of jobs below it.
DEEPEST_SUBLEVEL = 4
LIST_NAME = "Customers"


def check_name(name: str) -> str:
    if not name:
        raise Refusal(MISSING, "Name")
    if ":" in name:
        raise Refusal(CANNOT_STORE, name, "Name")
    return name


def parent(books: Books, ref: Any) -> ListObject | None:
    """The customer or job a ParentRef names, None for an absent or emptied one; Refusal 3130 when there is none."""
    if ref is None or is_empty(ref):
        return None
    found = lists.resolve(books, lists.NAMES, ref)
    if found is None or found.kind != "Customer":
        raise Refusal(BAD_PARENT, lists.named(ref), LIST_NAME)
    return found


def check_free(
    books: Books, above: ListObject | None, name: str, *, renamed: ListObject | None = None
) -> None:
    """Refusal 3100 for a new element, 3170 with the merge text for a Mod (renamed = the element itself)."""
    holder = objects.find_sibling(books, lists.NAMES, above.list_id if above else "", name)
    if holder is None or (renamed is not None and holder.list_id == renamed.list_id):
        return
    if renamed is None:
        raise Refusal(NAME_IN_USE, name)
    raise Refusal(NOT_MODIFIED, LIST_NAME, name)


def placed(element: ListObject, above: ListObject | None) -> ListObject:
    """The element below that parent, with the FullName and Sublevel it has there; Refusal 3180 below level five."""
    sublevel = above.sublevel + 1 if above else 0
    if sublevel > DEEPEST_SUBLEVEL:
        raise Refusal(NOT_SAVED, LIST_NAME, element.name, "The list can have five levels only.")
    full_name = f"{above.full_name}:{element.name}" if above else element.name
    return replace(element, parent_id=above.list_id if above else "", full_name=full_name, sublevel=sublevel)


def check_no_circle(
    books: Books, element: ListObject, above: ListObject | None, ref: Mapping[str, Any]
) -> None:
    """Nothing can stand below itself."""
    line = [] if above is None else [above, *objects.ancestors(books, above)]
    if any(member.list_id == element.list_id for member in line):
        raise Refusal(BAD_PARENT, lists.named(ref), LIST_NAME)


def rename_below(books: Books, element: ListObject) -> None:
    """Gives everything below its new FullName; neither time nor EditSequence of a job moves by that."""
    for child in objects.children(books, element):
        moved = placed(child, element)
        objects.save(books, moved)
        rename_below(books, moved)
