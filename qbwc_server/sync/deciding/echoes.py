"""Our own writes to the CRM, seen again: the base when one has arrived, whether or not anybody heard of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from qbwc_server.mapping import KindMap
from qbwc_server.store.job_states import JobState
from qbwc_server.store.rows import Link, LinkJob
from qbwc_server.sync.deciding.pair import rule_name

# By rule: the value that the CRM gets, and the value of the books that it was made from.
Halves = Mapping[str, tuple[Any, Any]]


def as_kept(sent: Any, stored: Any) -> Any:
    """What the CRM made of a value: its own form when that is the same value stored differently, else ours.

    A really different value is a person's edit that came in between; it must stay visible as a change.
    """
    if sent == stored or stored is None or sent is None:
        return sent
    if isinstance(sent, Decimal) and isinstance(stored, Decimal):
        return stored if abs(sent - stored) < Decimal(1).scaleb(int(stored.as_tuple().exponent)) else sent
    one, other = (" ".join(str(value).split()) for value in (sent, stored))
    return stored if one == other or (len(other) > 3 and one.startswith(other)) else sent


def bases_with(kind_map: KindMap, link: Link, halves: Halves, held: Mapping[str, Any]) -> dict[str, Any]:
    """Both halves of the base once these values are in the CRM, which holds `held` now; values of the link."""
    crm, books = dict(link.base_crm or {}), dict(link.base_books or {})
    for rule in kind_map.rules:
        name = rule_name(rule)
        if name in halves:
            sent, source = halves[name]
            crm[name], books[name] = as_kept(sent, held[rule.crm]), source
    _follow_twins(kind_map, link, halves, crm)
    return {"base_crm": crm, "base_books": books}


def _follow_twins(kind_map: KindMap, link: Link, halves: Halves, crm: dict[str, Any]) -> None:
    """Other rules that read the CRM field we wrote: our own change is no edit for them."""
    before = link.base_crm or {}
    written = {rule.crm: rule_name(rule) for rule in kind_map.rules if rule_name(rule) in halves}
    for rule in kind_map.rules:
        name, other = rule_name(rule), written.get(rule.crm)
        if other and name not in halves and before.get(name) == before.get(other):
            crm[name] = crm[other]


def unheard(kind_map: KindMap, link: Link, job: LinkJob | None, held: Mapping[str, Any]) -> Halves:
    """Values that a write brought to the CRM although it was never settled: its worker died, its answer is lost.

    The CRM holds what was sent and did not before. Taken for a person's edit, it would go back to the books, over what
    people there did meanwhile.
    """
    if job is None or job.state not in (JobState.QUEUED, JobState.OFFERED):
        return {}
    wrote: Halves = (job.sent or {}).get("wrote", {})
    base = link.base_crm or {}
    arrived = {
        rule_name(rule)
        for rule in kind_map.rules
        if rule_name(rule) in wrote
        and held[rule.crm] != base.get(rule_name(rule))
        and as_kept(wrote[rule_name(rule)][0], held[rule.crm]) == held[rule.crm]
    }
    return {name: half for name, half in wrote.items() if name in arrived}
