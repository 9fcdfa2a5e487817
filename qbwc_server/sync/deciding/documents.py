"""What a document has beyond the fields of other records: lines that are paired, and a total that must agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qbwc_server import mapping
from qbwc_server.mapping import KindMap
from qbwc_server.store import links
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Link, StoredRecord
from qbwc_server.sync.deciding.scope import Scope

# Where the pairs of lines stand in the books' half of a link's base: {CRM line id: TxnLineID}.
LINES = "lines"
# The code of a document that both sides have, with different totals.
DIFFERENT_TOTAL = "total"


def other_document(tx: Tx, scope: Scope, kind_map: KindMap, record: StoredRecord) -> str:
    """Why a record that becomes a document once does not become this one, too; "" when it may."""
    if not kind_map.once or mapping.left_out(kind_map.crm_filter, record.values) is not None:
        return ""
    others = {one.role for one in scope.maps_of("crm", kind_map.crm_kind) if one.once} - {kind_map.role}
    found = [links.partner_of_crm(tx, scope.id, role, record.id) for role in sorted(others)]
    made = next((one for one in found if one is not None), None)
    if made is None:
        return ""
    return f"it has become {made.books_kind} {made.label} already, and a document is made once; unlink that first"


def lacks_partner(tx: Tx, scope: Scope, kind_map: KindMap, record: StoredRecord) -> str:
    """A document of somebody who is not in the CRM is none of the CRM's business; "" for all others."""
    values = mapping.books_values(kind_map, record.values)
    for rule in kind_map.rules:
        if rule.refers_to and rule.required and rule.goes_to("crm"):
            link = links.partner_of_books(tx, scope.id, rule.refers_to, str(values[rule.books] or ""))
            if link is None or link.crm_id is None:
                return f"its {rule.refers_to} has no record in the CRM"
    return ""


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
