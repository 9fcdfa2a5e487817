"""What follows from a mapping that changed: keys that records are found by, and what only the old one refused.

A mapping changes by an override, a new release of the profile, a field of the CRM that became longer, or a company that
speaks another version. Each connection remembers the mapping that it was decided by last.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from qbwc_server.store import jobs, links, parties, records
from qbwc_server.store.job_states import JobEvent, JobState, after
from qbwc_server.store.rows import LinkJob, StoredRecord
from qbwc_server.sync.decide import Side
from qbwc_server.sync.deciding.desk import Desk
from qbwc_server.sync.deciding.lent import lent_keys
from qbwc_server.sync.deciding.matching import MATCHED, match_keys

# Codes of what our own checks refused before it was sent: values that do not fit, and settings that are empty.
OURS = frozenset(
    {
        *("required", "too_long", "too_many_lines", "colon", "character", "not_a_date", "not_a_moment"),
        *(
            "not_a_number",
            "decimals",
            "out_of_range",
            "not_a_boolean",
            "no_choice",
            "no_zone",
            "setting",
            "skip",
        ),
    }
)
SCHEMA = "qbxml-"  # and those of the field tables begin so
MANY = 100_000
AT_ONCE = 500


def follow_mapping(desk: Desk) -> None:
    """Bring what is stored in line with the connection's mapping, once after each change of it."""
    before, now = desk.scope.connection.mapping_seen, desk.scope.fingerprint
    if before == now:
        return
    # Nothing was decided yet by a connection that never saw a mapping.
    if before:
        if before.partition(":")[0] != now.partition(":")[0]:
            _find_anew(desk)
        _release(desk)
    parties.change_connection(desk.tx, desk.scope.id, mapping_seen=now)


def _release(desk: Desk) -> None:
    """Jobs that we refused, and records that were left alone, get their turn under the new mapping."""
    for job in jobs.all_jobs(desk.tx, [desk.scope.id], states=(JobState.REFUSED,), limit=MANY):
        if refused_by_us(job):
            fresh = {"error": "", "error_code": "", "next_step": "", "due_at": desk.now}
            jobs.change_job(desk.tx, job.id, desk.now, state=after(job.state, JobEvent.RETRY), **fresh)
            desk.refresh_status(job.link_id)
    for link in links.all_links(desk.tx, [desk.scope.id], status="Error", limit=MANY):
        if link.error_code == "skip" and link.crm_id is not None:
            desk.decide_again("crm", link.crm_kind, [link.crm_id])


def refused_by_us(job: LinkJob) -> bool:
    return job.error_code in OURS or job.error_code.startswith(SCHEMA)


def _find_anew(desk: Desk) -> None:
    """Every record gets the keys of the mapping that is now; who has no partner may have one by them."""
    ends: dict[tuple[Side, str], set[str]] = {}
    for kind_map in desk.scope.profile.kinds:
        for end in kind_map.ends():
            ends.setdefault(end, set()).add(kind_map.role)
        for contributor in kind_map.contributors:
            ends.setdefault(("crm", contributor.kind), set())
    for (side, kind), roles in ends.items():
        maps = desk.scope.maps_of(side, kind)
        for rows in _some(records.living(desk.tx, desk.scope.scope_id(side), side, kind)):
            keys = {
                row.id: {key for one in maps for key in match_keys(one, side, row.values)}
                | {*(lent_keys(desk.scope.profile.kinds, kind, row.values) if side == "crm" else ())}
                for row in rows
            }
            records.save_keys(desk.tx, rows, keys, MATCHED)
            paired = {
                one
                for role in roles
                for one in links.bound_among(desk.tx, desk.scope.id, role, side, [row.id for row in rows])
            }
            desk.decide_again(side, kind, keys.keys() - paired)


def _some(rows: Sequence[StoredRecord]) -> Iterator[list[StoredRecord]]:
    left = iter(rows)
    while some := list(islice(left, AT_ONCE)):
        yield some
