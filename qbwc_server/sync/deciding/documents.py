"""What a document has beyond the fields of other records: lines that are paired, and a total that must agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qbwc_server import mapping
from qbwc_server.mapping import KindMap
from qbwc_server.store.rows import Link

# Where the pairs of lines stand in the books' half of a link's base: {CRM line id: TxnLineID}.
LINES = "lines"
# The code of a document that both sides have, with different totals.
DIFFERENT_TOTAL = "total"


def pair_lines(kind_map: KindMap, line_ids: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """The base's part about lines, from the CRM lines that were sent and what came back in the same order."""
    if kind_map.lines is None or not line_ids:
        return {}
    made = values.get(f"{kind_map.lines.books}Ret", [])
    pairs = zip(line_ids, made, strict=False)
    return {LINES: {crm_id: str(one["TxnLineID"]) for crm_id, one in pairs if crm_id and "TxnLineID" in one}}


def lines_to_mark(kind_map: KindMap, link: Link, crm_values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """CRM lines that do not show the TxnLineID of their partner yet, with it."""
    if kind_map.lines is None or kind_map.lines.line_id is None:
        return []
    name, known = kind_map.lines.line_id, (link.base_books or {}).get(LINES, {})
    lines = crm_values.get(LINES) or []
    return [
        {"Id": one["Id"], name: known[one["Id"]]}
        for one in lines
        if known.get(one["Id"]) not in (None, one.get(name))
    ]


def different_total(kind_map: KindMap, crm_values: Mapping[str, Any], ret: Mapping[str, Any]) -> str:
    """A sentence with both numbers when the two totals differ; "" when they agree."""
    found = mapping.total_difference(kind_map, crm_values, ret)
    if found is None:
        return ""
    ours, theirs = found
    return (
        f"The totals differ: {ours} in the CRM, {theirs} in QuickBooks ({theirs - ours:+}). "
        "Compare the lines; QuickBooks computes tax and rounding itself."
    )
