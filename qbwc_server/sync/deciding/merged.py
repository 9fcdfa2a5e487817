"""Records that were merged into another, on either side: who survived, and what a person can do about the pair.

QuickBooks names a merged customer among the deleted ones and says no more; only its transactions tell, which belong to
the survivor from then on (qbXML semantics, section 4). A CRM names the survivor with the tombstone.
"""

from typing import Final

from qbwc_server.store import links, records
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Link, StoredRecord
from qbwc_server.sync.decide import NAMES, Side
from qbwc_server.sync.deciding.pair import survivor_of
from qbwc_server.sync.deciding.scope import Scope
from qbwc_server.sync.deciding.wording import called

# The codes of a pair that lost one half.
MERGED: Final = "merged"
GONE: Final = "gone"
# Of records into each other; a circle ends here.
MOST_MERGES: Final = 10


def candidate(tx: Tx, scope: Scope, link: Link, lost: Side, survivor: str) -> tuple[str, str] | None:
    """The pair that a person should look at: the half that is left with the survivor; None where that is taken.

    A survivor that lost its own partner is free: the two sides kept different ones of two.
    """
    found = _link_of(tx, scope, link, lost, survivor)
    if found is not None and found.crm_id and found.books_id and not _is_half(tx, scope, found):
        return None
    return (str(link.crm_id), survivor) if lost == "books" else (survivor, str(link.books_id))


def told(tx: Tx, scope: Scope, link: Link, lost: Side, survivor: str) -> tuple[str, str]:
    """What became of the half that is gone and what to do now, with its code."""
    what = called(link.books_kind if lost == "books" else link.crm_kind)
    where = NAMES[lost]
    if not survivor:
        return (
            f"Its {what} was deleted in {where}. Link it with another (qbwc-server link make), or run: "
            f"qbwc-server link unlink {link.id}",
            GONE,
        )
    name = _name(tx, scope, link, lost, survivor)
    if pair := candidate(tx, scope, link, lost, survivor):
        return (
            f"Its {what} was merged into {name} in {where}. Link it with that one: "
            f"qbwc-server link make {' '.join(pair)}",
            MERGED,
        )
    other = _link_of(tx, scope, link, lost, survivor)
    left: Side = "crm" if lost == "books" else "books"
    partner = (other.crm_id if lost == "books" else other.books_id) if other else ""
    kind = called(link.crm_kind if lost == "books" else link.books_kind)
    return (
        f"Its {what} was merged into {name} in {where}, the partner of {kind} {partner}. Merge the two in "
        f"{NAMES[left]} as well, or run: qbwc-server link unlink {link.id}",
        MERGED,
    )


def _link_of(tx: Tx, scope: Scope, link: Link, side: Side, record_id: str) -> Link | None:
    find = links.partner_of_crm if side == "crm" else links.partner_of_books
    return find(tx, scope.id, link.role, record_id)


def last_survivor(tx: Tx, scope: Scope, link: Link, lost: Side, gone: StoredRecord | None) -> str:
    """Into whom a record was merged at last: whoever survived may have been merged in turn."""
    kind = link.crm_kind if lost == "crm" else link.books_kind
    found = survivor_of(gone)
    for _ in range(MOST_MERGES):
        following = survivor_of(records.record(tx, scope.scope_id(lost), lost, kind, found)) if found else ""
        if not following:
            break
        found = following
    return found


def is_merged_away(tx: Tx, scope: Scope, link: Link) -> bool:
    """Whether the CRM record of a pair lives on in another, so that nothing may refer to it any more."""
    if link.error_code != MERGED or link.crm_id is None:
        return False
    organisation = scope.connection.organisation_id
    return bool(survivor_of(records.record(tx, organisation, "crm", link.crm_kind, link.crm_id)))


def _is_half(tx: Tx, scope: Scope, link: Link) -> bool:
    ends = (
        records.record(tx, scope.scope_id("crm"), "crm", link.crm_kind, str(link.crm_id)),
        records.record(tx, scope.scope_id("books"), "books", link.books_kind, str(link.books_id)),
    )
    return any(one is not None and one.deleted for one in ends)


def _name(tx: Tx, scope: Scope, link: Link, side: Side, record_id: str) -> str:
    kind = link.crm_kind if side == "crm" else link.books_kind
    found = records.record(tx, scope.scope_id(side), side, kind, record_id)
    values = found.values if found else {}
    return str(values.get("FullName") or values.get("Name") or record_id)
