"""QuickBooks paths below an object: "Phone", "BillAddress/City", runs of sibling fields, and other ways.

An object may hold the same thing in one of several places: an item that is only sold has "SalesOrPurchase/Desc",
one that is bought as well has "SalesAndPurchase/SalesDesc". A rule names all of these ways, divided by "|".
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

Nested = Mapping[str, Any]

# Two digits each: an override may name any number, and every line of a run is a path in memory.
_RUN = re.compile(
    r"(?P<stem>(?:.*/)?(?P<name>[^0-9]+))(?P<first>[0-9]{1,2})\.\.(?P=name)(?P<last>[0-9]{1,2})"
)


@cache
def paths_of(books: str) -> tuple[str, ...]:
    """The single paths behind one way: itself, or "A/Line1..Line3" as A/Line1, A/Line2, A/Line3.

    What has no second line is no run but a name, which `check` will not find.
    """
    run = _RUN.fullmatch(books)
    lines = range(int(run["first"]), int(run["last"]) + 1) if run else ()
    return tuple(f"{run['stem']}{n}" for n in lines) if run and len(lines) > 1 else (books,)


@cache
def ways_of(books: str) -> tuple[str, ...]:
    """The ways that a rule's `books` names; one for nearly every rule."""
    return tuple(way.strip() for way in books.split("|"))


@cache
def every_path(books: str) -> tuple[str, ...]:
    """The single paths of all ways."""
    return tuple(path for way in ways_of(books) for path in paths_of(way))


def way_in(books: str, held: Nested) -> str:
    """The way that an object goes: the one whose outermost part it holds, else the first."""
    ways = ways_of(books)
    return next((way for way in ways if way.partition("/")[0] in held), ways[0])


def parts_of(flat: Nested) -> Nested:
    """The outermost parts of a new object that values without a choice need: what costs something is bought."""
    alone = (books for books, value in flat.items() if value not in (None, "") and len(ways_of(books)) == 1)
    return {books.partition("/")[0]: {} for books in alone}


def heads_address(books: str) -> bool:
    """Whether this is a run from the first line of an address, where names stand above the street."""
    paths = paths_of(books)
    return len(paths) > 1 and paths[0].endswith("Address/Addr1")


def leaf_at(values: Nested, path: str) -> object:
    """The leaf at a path; None when absent. A repeated element has no single value: `check` refuses such a rule."""
    found: object = values
    for name in path.split("/"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return None if isinstance(found, Mapping | list) else found


def put(tree: dict[str, Any], path: str, leaf: object) -> None:
    """Sets a leaf, making the aggregates above it."""
    *parents, name = path.split("/")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[name] = leaf


def take(tree: dict[str, Any], path: str) -> None:
    """Removes a leaf that is there, and the aggregates above it that it leaves empty."""
    name, _, rest = path.partition("/")
    if rest:
        take(tree[name], rest)
    if not rest or not tree[name]:
        del tree[name]
