"""What a document has beyond the fields of other records: lines that are paired, and a total that must agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from qbwc_server import mapping
from qbwc_server.mapping import KindMap
from qbwc_server.store import links
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Link, StoredRecord
from qbwc_server.sync.deciding.merged import is_merged_away
from qbwc_server.sync.deciding.pair import books_view
from qbwc_server.sync.deciding.scope import Scope

# Where the pairs of lines stand in the books' half of a link's base: {CRM line id: TxnLineID}.
LINES = "lines"
# The key under which a payment is found by each transaction that it is applied to.
APPLIED = "applied"
# The code of a document that both sides have, with different totals.
DIFFERENT_TOTAL = "total"
# And of one of which somebody wants another kind.
ONE_DOCUMENT = "one document"


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


def asks_for_another(scope: Scope, kind_map: KindMap, crm: StoredRecord, books: StoredRecord) -> str:
    """What to say at a record whose document is there, while somebody chose another kind of it; "" for all others."""
    chosen = kind_map.crm_filter
    if not kind_map.once or chosen is None or mapping.left_out(chosen, crm.values) is None:
        return ""
    others = [
        one for one in scope.maps_of("crm", kind_map.crm_kind) if one.once and one.role != kind_map.role
    ]
    if all(mapping.left_out(one.crm_filter, crm.values) is not None for one in others):
        return ""
    number = f" {books.values['RefNumber']}" if books.values.get("RefNumber") else ""
    return (
        f"It is {books.kind}{number} already, and a sale has one document. Set {chosen.field} back to "
        f"{' or '.join(chosen.any_of)}, or unlink that document first (link unlink)."
    )


def lacks_partner(tx: Tx, scope: Scope, kind_map: KindMap, record: StoredRecord) -> str:
    """A document of somebody who is not in the CRM is none of the CRM's business; "" for all others."""
    values = books_view(tx, kind_map, record)
    for rule in kind_map.rules:
        if rule.refers_to and rule.required and rule.goes_to("crm"):
            link = links.partner_of_books(tx, scope.id, rule.refers_to, str(values[rule.books] or ""))
            if link is None or link.crm_id is None or is_merged_away(tx, scope, link):
                return f"its {rule.refers_to} has no record in the CRM"
    return ""


def cents(kind_map: KindMap, crm_values: Mapping[str, Any]) -> int:
    """What a document comes to in cents; 0 for what is none, and for one that will be refused for its amounts."""
    try:
        total = mapping.crm_total(kind_map, crm_values)
    except mapping.CannotConvert:
        return 0
    return int(total * 100) if total is not None else 0


def how_it_ended(books: StoredRecord) -> str:
    """What became of a document that is none any more: "deleted" or "voided"; "" for all others."""
    if books.deleted:
        return "deleted"
    return "voided" if mapping.value_at(books.values, "payment_status()") == "Voided" else ""


def sent_lines(document: mapping.Document) -> list[dict[str, Any]]:
    """What is remembered of the lines that go out: enough to know them again among those that come back."""
    return [
        {"id": line_id, **_known_by(line)}
        for line_id, line in zip(document.line_ids, document.lines, strict=True)
    ]


def _known_by(line: Mapping[str, Any]) -> dict[str, Any]:
    ref = line.get("ItemRef") or {}
    item = {"item": str(ref.get("ListID") or str(ref.get("FullName", "")).casefold())}
    amount = mapping.line_amount(line)
    return item if amount is None else item | {"amount": str(amount)}


def too_old(kind_map: KindMap, record: StoredRecord, today: date) -> str:
    """Why a document that is over is not copied to the CRM any more; "" for all others."""
    days, made = kind_map.closed_within_days, record.values.get("TxnDate")
    if days is None or made is None or record.values.get("IsPaid") is False:
        return ""
    day = made if isinstance(made, date) else date.fromisoformat(str(made)[:10])
    if day >= today - timedelta(days=days):
        return ""
    return f"nothing is open on it, and it is older than {days} days (closed_within_days)"


def pair_lines(
    kind_map: KindMap, sent: Sequence[Mapping[str, Any]], values: Mapping[str, Any]
) -> dict[str, Any]:
    """The base's part about lines: which line that came back is which that was sent.

    A line is known by its item and amount. Between sending and reading a bookkeeper may have put others in, or
    changed some, so lines are paired only where as many came back of an item and amount as were sent; place by
    place among those. What cannot be told stays without a partner.
    """
    if kind_map.lines is None or not sent:
        return {}
    made = [one for one in values.get(f"{kind_map.lines.books}Ret", []) if one.get("TxnLineID")]
    pairs: dict[str, str] = {}
    for item, amount in dict.fromkeys((one["item"], one.get("amount")) for one in sent):
        ours = [one["id"] for one in sent if (one["item"], one.get("amount")) == (item, amount)]
        theirs = [str(one["TxnLineID"]) for one in made if _is(one, item, amount)]
        if len(ours) == len(theirs):
            pairs |= {crm_id: line_id for crm_id, line_id in zip(ours, theirs, strict=True) if crm_id}
    return {LINES: pairs}


def _is(line: Mapping[str, Any], item: str, amount: str | None) -> bool:
    ref = line.get("ItemRef") or {}
    if item not in (ref.get("ListID"), str(ref.get("FullName", "")).casefold()):
        return False
    return amount is None or Decimal(str(line.get("Amount") or 0)) == Decimal(amount)


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


def different_total(
    kind_map: KindMap, link: Link, crm_values: Mapping[str, Any], ret: Mapping[str, Any]
) -> str:
    """A sentence with both numbers and the causes that are known when the two totals differ; "" when they agree."""
    pairs = (link.base_books or {}).get(LINES, {})
    found = mapping.total_difference(kind_map, crm_values, ret, pairs)
    return found.text if found else ""
