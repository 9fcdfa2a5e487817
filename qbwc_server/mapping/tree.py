"""The nested values of an Add or Mod of QuickBooks, made from flat ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from qbwc_server.mapping.addressee import Names, headed, names_of, split
from qbwc_server.mapping.paths import Nested, heads_address, leaf_at, parts_of, paths_of, put, take, way_in
from qbwc_server.mapping.profile import KindMap
from qbwc_server.mapping.value import Value, as_text, normal


def books_tree(kind_map: KindMap, flat: Mapping[str, Value], current: Nested | None) -> dict[str, Any]:
    """Nested values for an Add (`current` is None) or a Mod of what `current`, a parsed ...Ret, holds.

    None is left out, "" clears. An address is one unit in practice (field rules of qbXML, "Mod semantics"): as
    soon as one part of it is given, all parts known from `current` go along. A run sends "" for lines that
    `current` has and the new value has not. A name that stands above a street is renamed with its field.
    Of several ways a value goes the one that `current` goes, and by the name that a Mod has for it; in an Add the
    one that other values have to go. Raises ValueError when a run gets more lines than it has.
    """
    known = current or {}
    tree: dict[str, Any] = {}
    parts = parts_of(flat) if current is None else known
    given = {way_in(books, parts): value for books, value in flat.items() if value is not None}
    for books, value in given.items():
        if len(paths_of(books)) == 1:
            put(tree, books, value)
    runs = _Runs(known, names_of(kind_map.addressee, known), names_of(kind_map.addressee, {**known, **tree}))
    for books, lines in {**_renamed(kind_map, runs), **given}.items():
        if len(paths_of(books)) > 1:
            for path, line in runs.lines(books, as_text(lines)):
                put(tree, path, line)
    whole = {name: _with_known(name, part, known) for name, part in tree.items()}
    return whole if current is None else _as_in_mod(kind_map, whole)


class _Runs:
    """Runs of lines against what QuickBooks holds, and the names an address had and will have."""

    def __init__(self, known: Nested, before: Names, after: Names) -> None:
        self.known = known
        self.before = before
        self.after = after

    def lines(self, books: str, value: str) -> Sequence[tuple[str, str]]:
        paths = paths_of(books)
        street = tuple(value.split("\n")) if value else ()
        if len(street) > len(paths):
            raise ValueError(f"{books} has {len(paths)} lines, not {len(street)}")
        lines = self._under_names(books, street) if heads_address(books) else street
        cleared = [path for path in paths[len(lines) :] if (self._held(path) if self.known else not value)]
        return (*zip(paths, lines, strict=False), *((path, "") for path in cleared))

    def street(self, books: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names above the street that QuickBooks holds, and the street."""
        held = [as_text(normal(leaf_at(self.known, path))) for path in paths_of(books) if self._held(path)]
        return split(held, self.before)

    def _under_names(self, books: str, street: tuple[str, ...]) -> tuple[str, ...]:
        heading, old = self.street(books)
        if street and not heading and not old:
            heading = tuple(self.after)[:1]
        return headed(street, heading, self.after, len(paths_of(books)))

    def _held(self, path: str) -> bool:
        return normal(leaf_at(self.known, path)) is not None


def _renamed(kind_map: KindMap, runs: _Runs) -> dict[str, Value]:
    """Streets that stay as they are under a name that changes."""
    renamed: dict[str, Value] = {}
    for rule in kind_map.rules:
        if rule.goes_to("books") and heads_address(rule.books):
            heading, street = runs.street(rule.books)
            if any(runs.before[key] != runs.after.get(key) for key in heading):
                renamed[rule.books] = "\n".join(street)
    return renamed


def _as_in_mod(kind_map: KindMap, tree: dict[str, Any]) -> dict[str, Any]:
    """Some aggregates have a name of their own in a Mod: SalesOrPurchase is sent as SalesOrPurchaseMod."""
    for rule in kind_map.rules:
        for path, in_mod in rule.shape.in_mod:
            if (leaf := leaf_at(tree, path)) is not None:
                take(tree, path)
                put(tree, in_mod, leaf)
    return tree


def _with_known(name: str, part: Any, known: Nested) -> Any:
    held = known.get(name)
    if not name.endswith("Address") or not isinstance(held, Mapping) or not isinstance(part, dict):
        return part
    return {**{key: leaf for key, leaf in held.items() if isinstance(leaf, str)}, **part}
