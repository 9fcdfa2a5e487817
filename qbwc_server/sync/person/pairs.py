"""What a person does with pairs of records: link, create, take apart, and decide a conflict."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from qbwc_server.errors import NotFound, Problem
from qbwc_server.mapping import KindMap, left_out
from qbwc_server.store import history, jobs, links, records
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import ConnectionRow, Link, LinkJob, StoredRecord
from qbwc_server.sync.decide import NAMES, Decision, Outcome, Side
from qbwc_server.sync.deciding import ON_THE_WAY, SIDES, Scope, Turn, is_bound, link_of, load_scope
from qbwc_server.sync.from_books import unlink as take_apart
from qbwc_server.sync.person.by import By
from qbwc_server.sync.person.jobs import connection_of, desk_for, give_up

_CREATES: dict[Side, Outcome] = {"books": Outcome.CREATE_BOOKS, "crm": Outcome.CREATE_CRM}


def find_link(tx: Tx, link_id: str) -> Link:
    found = links.find_link(tx, link_id)
    if found is None:
        raise NotFound(f"There is no link {link_id}. See: qbwc-server link list")
    return found


def unlink(tx: Tx, by: By, link_id: str) -> bool:
    """Take a pair apart and leave both records; False when it has to wait for the outcome of a write.

    The CRM shows Unlinked; the pair is not matched again by itself, and its history stays.
    """
    link = find_link(tx, link_id)
    if link.unlinked_at is not None:
        raise Problem(f"{link.label} was unlinked already.")
    if _open(tx, link, "crm", "offered"):
        raise Problem(f"{link.label} is being written to the CRM at this moment. Try again in a moment.")
    by.note(tx, "unlinked", link.id, crm_id=link.crm_id, books_id=link.books_id)
    out = _open(tx, link, "books", "offered", "in_doubt")
    if out is not None:
        jobs.change_job(tx, out.id, by.now, wish="unlink")
        return False
    take_apart(desk_for(tx, by, link.connection_id), link.id)
    return True


def _open(tx: Tx, link: Link, side: str, *states: str) -> LinkJob | None:
    job = jobs.open_job(tx, link.connection_id, link.id, side)
    return job if job is not None and job.state in states else None


@dataclass(frozen=True)
class Place:
    """A record that a person named, with what its kind is mapped to."""

    side: Side
    kind_map: KindMap
    record: StoredRecord


def make(tx: Tx, by: By, connection: ConnectionRow, crm_id: str, books_id: str) -> Link:
    """Link two records that belong together, as a person knows. Raises Problem when one is missing or taken.

    What differs on the two sides is decided as at any first match: by the policy, or as a conflict.
    """
    scope = load_scope(tx, connection)
    ours, theirs = _find(tx, scope, "crm", crm_id), _find(tx, scope, "books", books_id)
    known = {id(one.kind_map) for one in theirs}
    both = [one for one in ours if id(one.kind_map) in known]
    if not both:
        kinds = theirs[0].kind_map.books_kind, ours[0].kind_map.crm_kind
        raise Problem(f"A {kinds[0]} is not the partner of a CRM {kinds[1]}.")
    place = next((one for one in both if _passes(one)), both[0])
    kind_map = place.kind_map
    for one in (place, *(one for one in theirs if one.kind_map is kind_map)):
        _check_free(tx, by, scope, one)
    if kind_map.once:
        _check_document(tx, scope, place)
    with _turn(tx, by, scope) as turn:
        link = turn.bind(kind_map, crm_id, books_id)
        turn.decide_link(link)
    by.note(tx, "linked", link.id, crm_id=crm_id, books_id=books_id)
    return find_link(tx, link.id)


def _find(tx: Tx, scope: Scope, side: Side, record_id: str) -> list[Place]:
    """A record under each map that may be meant: its own kinds, and a customer and an item may share a ListID."""
    deleted = False
    found: list[Place] = []
    for kind_map in scope.profile.kinds:
        kind = kind_map.crm_kind if side == "crm" else kind_map.books_kind
        record = records.record(tx, scope.scope_id(side), side, kind, record_id)
        deleted = deleted or (record is not None and record.deleted)
        if record is not None and not record.deleted:
            found.append(Place(side, kind_map, record))
    if not found and deleted:
        raise Problem(f"{record_id} was deleted in {NAMES[side]}, so it cannot be linked.")
    if not found:
        raise NotFound(
            f"{scope.connection.name} has not read a record {record_id} from {NAMES[side]}. "
            "Update once more, or check the id."
        )
    return found


def _passes(place: Place) -> bool:
    """Whether a record is of the very kind that its map is about: a service and no part, an invoice and no order."""
    crm, books = place.kind_map.crm_filter, place.kind_map.books_filter
    return left_out(crm if place.side == "crm" else books, place.record.values) is None


def _check_document(tx: Tx, scope: Scope, place: Place) -> None:
    """One sale becomes one document: two of them would write over each other in the CRM."""
    roles = {one.role for one in scope.maps_of("crm", place.kind_map.crm_kind) if one.once}
    for role in sorted(roles - {place.kind_map.role}):
        other = links.partner_of_crm(tx, scope.id, role, place.record.id)
        if other is not None and is_bound(other):
            raise Problem(
                f"{place.record.id} is linked already, with the {other.books_kind} {other.books_id} ({other.id}). "
                "A sale has one document: unlink that pair first."
            )


def _check_free(tx: Tx, by: By, scope: Scope, place: Place) -> None:
    link = link_of(tx, scope, place.kind_map, place.side, place.record.id)
    if link is None:
        return
    if is_bound(link) and desk_for(tx, by, scope.id).lost_half(link):
        # Its partner is gone, so the pair gives way.
        if not unlink(tx, by, link.id):
            raise Problem(f"{link.label} is being written to QuickBooks at this moment. Wait for the answer.")
        return
    if is_bound(link):
        raise Problem(
            f"{place.record.id} is linked already, as {link.label} ({link.id}). Unlink that pair first."
        )
    missing: Side = "books" if place.side == "crm" else "crm"
    if _open(tx, link, missing, "offered"):
        raise Problem(f"{link.label} is being written at this moment. Wait for the answer.")
    if doubted := _open(tx, link, missing, "in_doubt"):
        give_up(tx, by, doubted)


@contextmanager
def _turn(tx: Tx, by: By, scope: Scope) -> Iterator[Turn]:
    """A person's decision is a run of its own, so that its Sync ID leads to what followed from it."""
    number = history.begin_run(tx, "manual", by.now, company_id=scope.company.id)
    yield Turn(tx, scope, number, by.now)
    history.end_run(tx, number, by.now, f"by {by.actor}")


def create(tx: Tx, by: By, connection: ConnectionRow, record_id: str, map_name: str = "") -> Link:
    """Create the missing partner of a record, although something similar exists or it was unlinked before.

    `record_id` is a CRM id, or a ListID to create the record in the CRM. Where both a customer and an item have that
    ListID, `map_name` says which map is meant.
    """
    scope = load_scope(tx, connection)
    place = _creatable(scope, _anywhere(tx, scope, record_id, map_name), record_id)
    target = _other(place.side)
    link = link_of(tx, scope, place.kind_map, place.side, record_id)
    if link is not None and is_bound(link):
        raise Problem(f"{record_id} is linked already, as {link.label} ({link.id}).")
    if place.kind_map.once and place.side == "crm":
        _check_document(tx, scope, place)
    with _turn(tx, by, scope) as turn:
        link = turn.create_anyway(place.kind_map, place.side, place.record)
        why = Decision(_CREATES[target], f"{by.actor} said that it has no partner")
        turn.explain(link.id, record_id, why)
    by.note(tx, "created anyway", link.id, record_id=record_id)
    return link


def _other(side: Side) -> Side:
    return "books" if side == "crm" else "crm"


def _anywhere(tx: Tx, scope: Scope, record_id: str, map_name: str) -> list[Place]:
    try:
        found = _find(tx, scope, "crm", record_id)
    except NotFound:
        found = _find(tx, scope, "books", record_id)
    return [one for one in found if map_name in ("", one.kind_map.name)] or found


def _creatable(scope: Scope, places: list[Place], record_id: str) -> Place:
    """The one place in which a partner may be made. Raises Problem when there is none, or it is not clear which."""
    target = _other(places[0].side)
    allowed = [one for one in places if one.kind_map.may_create(target)]
    if not allowed:
        raise Problem(
            f"{scope.connection.name} does not create a partner of {record_id} in {NAMES[target]} (mode and rights)."
        )
    fitting = [one for one in allowed if _passes(one)]
    if not fitting:
        reasons = dict.fromkeys(_why_not(one) for one in allowed)
        raise Problem(f"Nothing is created for {record_id}: {' '.join(reasons)}")
    if len(fitting) > 1:
        names = ", ".join(one.kind_map.name for one in fitting)
        raise Problem(f"{record_id} is the id of several records: {names}. Say which with --kind.")
    return fitting[0]


def _why_not(place: Place) -> str:
    chosen = place.kind_map.crm_filter if place.side == "crm" else place.kind_map.books_filter
    return left_out(chosen, place.record.values) or ""


def _is_being_written(tx: Tx, link: Link) -> bool:
    found = (jobs.open_job(tx, link.connection_id, link.id, side) for side in SIDES)
    return any(one is not None and one.state in ON_THE_WAY for one in found)


def resolve(tx: Tx, by: By, link_id: str, field: str, take: Side) -> Decision:
    """Let one side win a conflict, for the values that both sides hold now. Carried out at once or with the visit.

    `field` is the rule ("Phone > Phone") or one end of it. Raises Problem when there is no such conflict.
    """
    link = find_link(tx, link_id)
    open_ones = links.open_conflicts(tx, link.connection_id, link.id)
    name = next((one for one in open_ones if field in (one, *one.split(" > "))), None)
    if name is None:
        listed = ", ".join(sorted(open_ones)) or "none"
        raise NotFound(f"{link.label} has no conflict about {field}. Open conflicts: {listed}.")
    if open_ones[name]["taken"] not in (None, take) and _is_being_written(tx, link):
        raise Problem(
            f"{link.label}: what was chosen before is being written at this moment. Look at the record in a minute: "
            "if that is not what you want, change it there."
        )
    links.put_conflict(tx, open_ones[name] | {"taken": take})
    scope = load_scope(tx, connection_of(tx, link.connection_id))
    with _turn(tx, by, scope) as turn:
        decision = turn.decide_link(link)
    values = {"crm": open_ones[name]["crm_value"], "books": open_ones[name]["books_value"]}
    by.note(tx, "conflict resolved", link.id, field=name, taken=take, **values)
    return decision
