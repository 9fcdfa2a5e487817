"""Lists whose members are of several kinds: invoice lines and line groups, rows of a report.

Values hold one list per kind. Where the kinds alternate, the key "#order" names the kind of each member in
turn; without it all of one kind come before those of the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qbxml import tables
from qbxml.messages import ORDER
from qbxml.tables import Shape


def in_order(name: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The members of an object's mixed list as (kind, member), in the order of the document.

    `name` is the object ("InvoiceRet", "InvoiceAdd", "ReportData"). Raises KeyError for an unknown object, ValueError
    when the told order does not fit the lists.
    """
    return members(tables.shape(name), values)


def members(shape: Shape, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    fault = order_fault(shape, values)
    if fault:
        raise ValueError(f"{shape.name}: {fault}")
    waiting = {name: iter(values[name]) for name in _held(shape, values)}
    for name in _told(shape, values):
        yield name, next(waiting[name])


def order_fault(shape: Shape, values: Mapping[str, Any]) -> str:
    """Why the told order does not fit the lists; empty when it does or none is told."""
    if ORDER not in values:
        return ""
    told, held = Counter(values[ORDER]), Counter(_held(shape, values))
    if told == held:
        return ""
    return f"the order tells {_counted(told)}, the lists hold {_counted(held)}"


def _held(shape: Shape, values: Mapping[str, Any]) -> dict[str, int]:
    names = [name for name in shape.by_name if name in shape.mixed]
    lists = {name: values[name] for name in names if isinstance(values.get(name), list | tuple)}
    return {name: len(items) for name, items in lists.items() if items}


def _told(shape: Shape, values: Mapping[str, Any]) -> Sequence[str]:
    if ORDER in values:
        return list(values[ORDER])
    return [name for name, count in _held(shape, values).items() for _ in range(count)]


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counter.items())) or "nothing"
