"""QuickBooks paths below an object: "Phone", "BillAddress/City", and runs of sibling fields."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

Nested = Mapping[str, Any]

_RUN = re.compile(r"^(?P<stem>(?:.*/)?(?P<name>\D+))(?P<first>\d+)\.\.(?P=name)(?P<last>\d+)$")


@cache
def paths_of(books: str) -> tuple[str, ...]:
    """The single paths behind a rule's `books`: itself, or "A/Line1..Line3" as A/Line1, A/Line2, A/Line3."""
    run = _RUN.match(books)
    if run is None:
        return (books,)
    return tuple(f"{run['stem']}{n}" for n in range(int(run["first"]), int(run["last"]) + 1))


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
