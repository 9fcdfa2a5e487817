"""What the turns of many records will look up, read beforehand with a few statements for all of them.

It decides nothing, and need not be complete: what was not foreseen is asked for when it is needed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from qbwc_server.mapping import KindMap
from qbwc_server.store import prefetch
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import Link, StoredRecord
from qbwc_server.sync.decide import Side
from qbwc_server.sync.deciding.documents import APPLIED
from qbwc_server.sync.deciding.matching import (
    BELOW,
    MARK,
    PARENT,
    SILENT,
    as_there,
    is_bound,
    kind_on,
    match_keys,
)
from qbwc_server.sync.deciding.pair import books_view
from qbwc_server.sync.deciding.scope import Scope
from qbwc_server.sync.deciding.within import WHOLE


def foresee(tx: Tx, scope: Scope, side: Side, kind: str, ids: Sequence[str]) -> None:
    """The records themselves, their links and partners, whom they refer to, and who may match them."""
    found = prefetch.the_records(tx, scope.scope_id(side), side, kind, ids)
    prefetch.contributions(tx, scope.id, kind, ids)
    prefetch.waits(tx, scope.id, side, ids)
    linked = prefetch.links_naming(tx, scope.id, side, ids)
    foresee_links(tx, scope, linked)
    living = [one for one in linked if one.unlinked_at is None and is_bound(one)]
    bound = {one.crm_id if side == "crm" else one.books_id for one in living}
    for kind_map in scope.maps_of(side, kind):
        _references(tx, scope, kind_map, side, found)
        _matches(tx, scope, kind_map, side, [one for one in found if one.id not in bound])


def foresee_links(tx: Tx, scope: Scope, links: Sequence[Link]) -> None:
    """Both records of each link, and those that contribute to them."""
    wanted = defaultdict[tuple[Side, str], list[str]](list)
    for one in links:
        for side, kind, record_id in (
            ("crm", one.crm_kind, one.crm_id),
            ("books", one.books_kind, one.books_id),
        ):
            if record_id:
                wanted["crm" if side == "crm" else "books", kind].append(record_id)
    for (side, kind), ids in wanted.items():
        prefetch.waits(tx, scope.id, side, ids)
        found = prefetch.the_records(tx, scope.scope_id(side), side, kind, ids)
        for kind_map in scope.maps_of(side, kind):
            _references(tx, scope, kind_map, side, found)


def foresee_binding(tx: Tx, scope: Scope, links: Sequence[Link]) -> None:
    """Who hears of it when these links get their second half: what waits, documents, parts, and what stands below."""
    for role, crm_kind, books_kind in {(one.role, one.crm_kind, one.books_kind) for one in links}:
        mine = [
            one for one in links if (one.role, one.crm_kind, one.books_kind) == (role, crm_kind, books_kind)
        ]
        crm_ids = [one.crm_id for one in mine if one.crm_id]
        books_ids = [one.books_id for one in mine if one.books_id]
        prefetch.waits(tx, scope.id, "crm", crm_ids)
        prefetch.waits(tx, scope.id, "books", books_ids)
        prefetch.holders(tx, scope.scope_id("crm"), "crm", crm_kind, PARENT, crm_ids)
        prefetch.holders(tx, scope.company.id, "books", books_kind, PARENT, books_ids)
        _concerned(tx, scope, role, crm_ids, books_ids)


def _concerned(tx: Tx, scope: Scope, role: str, crm_ids: Sequence[str], books_ids: Sequence[str]) -> None:
    """Documents of these objects of the books, and parts of these records of the CRM."""
    for kind_map in scope.profile.kinds:
        referring = [one for one in kind_map.rules if one.refers_to == role]
        if any(one.required and one.goes_to("crm") for one in referring):
            prefetch.holders(tx, scope.company.id, "books", kind_map.books_kind, role, books_ids)
        if any(one.books.endswith("()") for one in referring):
            prefetch.holders(tx, scope.company.id, "books", kind_map.books_kind, APPLIED, books_ids)
        if kind_map.part_of is not None and kind_map.part_of.role == role:
            prefetch.holders(tx, scope.scope_id("crm"), "crm", kind_map.crm_kind, WHOLE, crm_ids)


def foresee_jobs(tx: Tx, scope: Scope, job_ids: Sequence[str]) -> list[Link]:
    """Jobs, their links, and all that is looked up to build or to settle them."""
    found = prefetch.the_jobs(tx, job_ids)
    listed = [one.link_id for one in found if one.connection_id == scope.id]
    linked = prefetch.the_links(tx, scope.id, listed)
    foresee_links(tx, scope, linked)
    return linked


def _references(tx: Tx, scope: Scope, kind_map: KindMap, side: Side, found: Sequence[StoredRecord]) -> None:
    """Contributors of the records, and the links of whom they refer to."""
    referring = [one for one in kind_map.rules if one.refers_to]
    if side == "crm":
        for contributor in kind_map.contributors:
            ids = [str(one.values[contributor.via]) for one in found if one.values.get(contributor.via)]
            prefetch.the_records(tx, scope.scope_id("crm"), "crm", contributor.kind, ids)
        _linked(tx, scope, side, (one.values.get(rule.crm_field) for one in found for rule in referring))
    elif referring:
        seen = [books_view(tx, kind_map, one) for one in found]
        _linked(tx, scope, side, (one[rule.books] for one in seen for rule in referring))


def _linked(tx: Tx, scope: Scope, side: Side, ids: Iterable[object]) -> None:
    prefetch.links_naming(tx, scope.id, side, [str(one) for one in ids if one])


def _matches(tx: Tx, scope: Scope, kind_map: KindMap, side: Side, found: Sequence[StoredRecord]) -> None:
    """Who on either side holds a key of these records, with the links of those on the other."""
    there: Side = "books" if side == "crm" else "crm"
    ours, theirs = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for one in found:
        for key_type, key in match_keys(kind_map, side, one.values):
            theirs[ELSEWHERE.get(key_type, key_type)].append(key)
            if key_type not in SILENT:
                ours[key_type].append(key)
                theirs[key_type].append(as_there(tx, scope, kind_map, side, key_type, key))
    kind, other = kind_on(kind_map, side), kind_on(kind_map, there)
    for key_type, some in ours.items():
        prefetch.holders(tx, scope.scope_id(side), side, kind, key_type, some)
    for key_type, some in theirs.items():
        if key_type in (MARK, PARENT):
            continue
        partners = prefetch.holders(tx, scope.scope_id(there), there, other, key_type, filter(None, some))
        prefetch.links_naming(tx, scope.id, there, partners)
        prefetch.the_records(tx, scope.scope_id(there), there, other, partners)
        prefetch.holders(tx, scope.scope_id(there), there, other, PARENT, partners)
        prefetch.waits(tx, scope.id, there, partners)
        crm_ids, books_ids = ([], partners) if there == "books" else (partners, [])
        _concerned(tx, scope, kind_map.role, crm_ids, books_ids)
    ids = [one.id for one in found]
    prefetch.holders(tx, scope.scope_id(side), side, kind, PARENT, ids)
    _concerned(tx, scope, kind_map.role, ids if side == "crm" else [], ids if side == "books" else [])


# Under which key those stand who would match if they stood elsewhere.
ELSEWHERE = {"name": BELOW, BELOW: "name"}
