"""Records that were merged into another, on either side: who survived, and what a person can do about the pair.

QuickBooks names a merged customer among the deleted ones and says no more; only its transactions tell, which belong to
the survivor from then on (qbXML semantics, section 4). A CRM names the survivor with the tombstone.
"""

from typing import Final

from qbwc_server.store import links, records
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Link
from qbwc_server.sync.decide import NAMES, Side
from qbwc_server.sync.deciding.scope import Scope
from qbwc_server.sync.deciding.wording import called

# The codes of a pair that lost one half.
MERGED: Final = "merged"
GONE: Final = "gone"


def candidate(tx: Tx, scope: Scope, link: Link, lost: Side, survivor: str) -> tuple[str, str] | None:
    """The pair that a person should look at: the half that is left with the survivor; None where that is taken."""
    found = _link_of(tx, scope, link, lost, survivor)
    if found is not None and found.crm_id and found.books_id:
        return None
    return (str(link.crm_id), survivor) if lost == "books" else (survivor, str(link.books_id))


def told(tx: Tx, scope: Scope, link: Link, lost: Side, survivor: str) -> tuple[str, str]:
    """What became of the half that is gone and what to do now, with its code."""
    what = called(link.books_kind if lost == "books" else link.crm_kind)
    where = NAMES[lost]
    if not survivor:
        return (
            f"Its {what} was deleted in {where}. Link it with another (link make), or link unlink {link.id}.",
            GONE,
        )
    name = _name(tx, scope, link, lost, survivor)
    if pair := candidate(tx, scope, link, lost, survivor):
        return (
            f"Its {what} was merged into {name} in {where}. Link it with that one: link make {' '.join(pair)}",
            MERGED,
        )
    other = _link_of(tx, scope, link, lost, survivor)
    left: Side = "crm" if lost == "books" else "books"
    partner = (other.crm_id if lost == "books" else other.books_id) if other else ""
    kind = called(link.crm_kind if lost == "books" else link.books_kind)
    return (
        f"Its {what} was merged into {name} in {where}, the partner of {kind} {partner}. Merge the two in "
        f"{NAMES[left]} as well, or link unlink {link.id}.",
        MERGED,
    )


def _link_of(tx: Tx, scope: Scope, link: Link, side: Side, record_id: str) -> Link | None:
    find = links.partner_of_crm if side == "crm" else links.partner_of_books
    return find(tx, scope.id, link.role, record_id)


def _name(tx: Tx, scope: Scope, link: Link, side: Side, record_id: str) -> str:
    kind = link.crm_kind if side == "crm" else link.books_kind
    found = records.record(tx, scope.scope_id(side), side, kind, record_id)
    values = found.values if found else {}
    return str(values.get("FullName") or values.get("Name") or record_id)
