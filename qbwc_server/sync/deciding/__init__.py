"""From a stored record to a decision and its consequence; `decide` itself is pure and stands beside this room."""

from qbwc_server.sync.deciding.desk import IN_DOUBT, ON_THE_WAY, SIDES, Desk
from qbwc_server.sync.deciding.documents import (
    APPLIED,
    DIFFERENT_TOTAL,
    different_total,
    pair_lines,
    sent_lines,
)
from qbwc_server.sync.deciding.echoes import as_kept, bases_with
from qbwc_server.sync.deciding.foresight import foresee_binding, foresee_jobs, foresee_links
from qbwc_server.sync.deciding.lent import lent_keys
from qbwc_server.sync.deciding.matching import MARK, find_matches, is_bound, link_of, match_keys
from qbwc_server.sync.deciding.merged import is_merged_away
from qbwc_server.sync.deciding.needs import Need, hold
from qbwc_server.sync.deciding.pair import (
    SURVIVOR,
    Sides,
    look,
    partner_id,
    rule_name,
    unresolved,
    view_linked,
    with_survivor,
)
from qbwc_server.sync.deciding.remapped import follow_mapping
from qbwc_server.sync.deciding.scope import (
    Scope,
    books_fields,
    load_scope,
    scopes_of_company,
    scopes_of_organisation,
)
from qbwc_server.sync.deciding.slices import decide_slice, decide_waiting, one_turn
from qbwc_server.sync.deciding.turn import Turn
from qbwc_server.sync.deciding.within import standing_there
from qbwc_server.sync.deciding.wording import worded

__all__ = [
    "APPLIED",
    "DIFFERENT_TOTAL",
    "IN_DOUBT",
    "MARK",
    "ON_THE_WAY",
    "SIDES",
    "SURVIVOR",
    "Desk",
    "Need",
    "Scope",
    "Sides",
    "Turn",
    "as_kept",
    "bases_with",
    "books_fields",
    "decide_slice",
    "decide_waiting",
    "different_total",
    "find_matches",
    "follow_mapping",
    "foresee_binding",
    "foresee_jobs",
    "foresee_links",
    "hold",
    "is_bound",
    "is_merged_away",
    "lent_keys",
    "link_of",
    "load_scope",
    "look",
    "match_keys",
    "one_turn",
    "pair_lines",
    "partner_id",
    "rule_name",
    "scopes_of_company",
    "scopes_of_organisation",
    "sent_lines",
    "standing_there",
    "unresolved",
    "view_linked",
    "with_survivor",
    "worded",
]
