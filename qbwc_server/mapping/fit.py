"""Lengths and the time zone of one connection written into the rules of its profile."""

from collections.abc import Mapping, Sequence

from qbwc_server.mapping.fields import EndField, ends
from qbwc_server.mapping.profile import KindMap, Profile, Rule, Shape

Vocabulary = Mapping[str, EndField]


def fit(
    profile: Profile,
    crm_fields: Mapping[str, Sequence[object]],
    books_fields: Mapping[str, Sequence[object]],
    *,
    zone: str | None = None,
    version: str | None = None,
) -> Profile:
    """The profile whose rules know what both ends can hold, which truncating and refusing depend on.

    Field lists are keyed by CRM kind and by QuickBooks kind, as for `check`; `zone` is the company's IANA
    zone. Rules on a field that came after the company's qbXML `version` rest: they are left out, and `check`
    says so. Without field lists a rule knows no length (a name takes 41) and nothing is cut.
    """
    crm = {kind: ends(fields) for kind, fields in crm_fields.items()}
    books = {kind: ends(fields) for kind, fields in books_fields.items()}
    kinds = tuple(_fitted(kind, crm, books.get(kind.books_kind, {}), zone, version) for kind in profile.kinds)
    return profile.model_copy(update={"kinds": kinds})


def rests(rule: Rule, books: Vocabulary, version: str | None) -> str | None:
    """The qbXML version that a rule waits for, None when the company speaks it."""
    if version is None:
        return None
    needed = [end.since for path in rule.books_paths if (end := books.get(path)) and end.since]
    newest = max(needed, key=_number, default="0")
    return newest if _number(newest) > _number(version) else None


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _fitted(
    kind: KindMap, crm: Mapping[str, Vocabulary], books: Vocabulary, zone: str | None, version: str | None
) -> KindMap:
    rules = tuple(
        rule.model_copy(update={"shape": _shape(kind, rule, crm, books, zone)})
        for rule in kind.rules
        if rests(rule, books, version) is None
    )
    return kind.model_copy(update={"rules": rules})


def _shape(
    kind: KindMap, rule: Rule, crm: Mapping[str, Vocabulary], books: Vocabulary, zone: str | None
) -> Shape:
    crm_end = crm.get(kind.kind_of(rule), {}).get(rule.crm_field)
    lengths = [end.length for path in rule.books_paths if (end := books.get(path)) and end.length]
    return Shape(
        crm_length=crm_end.length if crm_end else None,
        books_length=min(lengths, default=None),
        zone=zone,
    )
