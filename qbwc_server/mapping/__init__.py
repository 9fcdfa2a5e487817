"""Declarative field mapping, straight from CRM field to QuickBooks path.

In order: `load_profile` (shipped data and override), `check` (against both field lists), `fit` (lengths and
time zone into the rules), then `maps_for` and `unmet` (which map, what a record lacks), `crm_values`,
`books_values`, `to_books`, `to_crm`, `same` and the trees, lines and writes made from them. Pure: no I/O but
reading the shipped profiles.
"""

from qbwc_server.mapping.check import Problem, check
from qbwc_server.mapping.choosing import lacks_key, left_out, maps_for, unmet, why_no_map
from qbwc_server.mapping.conversion import Converted, Converter
from qbwc_server.mapping.converters import CONVERTERS
from qbwc_server.mapping.derived import value_at
from qbwc_server.mapping.errors import CannotConvert, MappingError
from qbwc_server.mapping.explain import diff, explain
from qbwc_server.mapping.fields import EndField, books_vocabulary
from qbwc_server.mapping.fit import books_kinds, fit
from qbwc_server.mapping.lines import Document, Refer, document_lines, line_amount
from qbwc_server.mapping.load import load_profile, shipped
from qbwc_server.mapping.paths import leaf_at
from qbwc_server.mapping.profile import (
    Choice,
    Contributor,
    Direction,
    ExtraLine,
    Filter,
    KindMap,
    Limits,
    Lines,
    MatchField,
    Profile,
    Requirement,
    Rule,
    Side,
    StatusFields,
    Total,
    Whole,
    all_rules,
)
from qbwc_server.mapping.project import (
    books_values,
    crm_reads,
    crm_values,
    crm_writes,
    gone_values,
    lacking,
    line_reads,
    rules_to,
    same,
    setting_of,
    to_books,
    to_crm,
    with_defaults,
)
from qbwc_server.mapping.totals import Difference, crm_total, total_difference
from qbwc_server.mapping.tree import books_tree
from qbwc_server.mapping.value import Value, normal

__all__ = [
    "CONVERTERS",
    "CannotConvert",
    "Choice",
    "Contributor",
    "Converted",
    "Converter",
    "Difference",
    "Direction",
    "Document",
    "EndField",
    "ExtraLine",
    "Filter",
    "KindMap",
    "Limits",
    "Lines",
    "MappingError",
    "MatchField",
    "Problem",
    "Profile",
    "Refer",
    "Requirement",
    "Rule",
    "Side",
    "StatusFields",
    "Total",
    "Value",
    "Whole",
    "all_rules",
    "books_kinds",
    "books_tree",
    "books_values",
    "books_vocabulary",
    "check",
    "crm_reads",
    "crm_total",
    "crm_values",
    "crm_writes",
    "diff",
    "document_lines",
    "explain",
    "fit",
    "gone_values",
    "lacking",
    "lacks_key",
    "leaf_at",
    "left_out",
    "line_amount",
    "line_reads",
    "load_profile",
    "maps_for",
    "normal",
    "rules_to",
    "same",
    "setting_of",
    "shipped",
    "to_books",
    "to_crm",
    "total_difference",
    "unmet",
    "value_at",
    "why_no_map",
    "with_defaults",
]
