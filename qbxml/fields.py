"""The fields of a message or object as a flat list, for mapping editors and descriptions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from qbxml import tables
from qbxml.tables import Element, Group, Part, version_of


@dataclass(frozen=True)
class Field:
    """One leaf.

    `required` holds when every aggregate above is required too; `since` is the version that the whole path
    needs ("" from the start); `repeatable` when the leaf or an aggregate above repeats, and `lists` names
    those paths.
    """

    path: str
    type: str
    max_length: int | None
    required: bool
    repeatable: bool
    since: str
    enum: tuple[str, ...]
    lists: tuple[str, ...] = ()


@cache
def fields(message: str) -> tuple[Field, ...]:
    """Every leaf of the US desktop product, in QuickBooks' order.

    Paths of an object ("CustomerRet", "CustomerAdd") start below it: "BillAddress/City". Paths of a message
    are whole: "CustomerAddRq/CustomerAdd/BillAddress/City". Raises KeyError for a name that the tables do
    not have.
    """
    shape = tables.shape(message)
    prefix = f"{message}/" if message.endswith(("Rq", "Rs")) else ""
    start = Field(prefix, "", None, True, False, shape.since if prefix and shape.since != "1.0" else "", ())
    return tuple(_below(shape.parts, start))


def _below(parts: tuple[Part, ...], above: Field) -> Iterator[Field]:
    for part in parts:
        if isinstance(part, Group):
            optional = part.low == 0 or part.kind == "choice"
            yield from _below(part.parts, replace(above, required=above.required and not optional))
        elif not part.elsewhere:
            yield from _of(part, above)


def _of(element: Element, above: Field) -> Iterator[Field]:
    path = f"{above.path}{element.name}"
    here = Field(
        path=path,
        type=element.type,
        max_length=element.length,
        required=above.required and element.low > 0,
        repeatable=above.repeatable or element.listed,
        since=max(above.since, element.since, key=version_of),
        enum=element.enum,
        lists=(*above.lists, path) if element.listed else above.lists,
    )
    if element.is_leaf:
        yield here
    else:
        yield from _below(element.of.parts, replace(here, path=f"{path}/"))
