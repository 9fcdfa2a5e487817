"""Lengths and the time zone of one connection written into the rules of its profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qbwc_server.mapping.fields import EndField, ends
from qbwc_server.mapping.profile import LINES, KindMap, Profile, Rule, Shape

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
    kinds = tuple(_Fitting(kind, crm, books, zone, version).fitted() for kind in profile.kinds)
    return profile.model_copy(update={"kinds": kinds})


def books_kinds(profile: Profile) -> tuple[str, ...]:
    """The QuickBooks kinds whose field lists `fit` and `check` want, those of lines ("InvoiceLine") among them."""
    kinds = (name for kind in profile.kinds for name in (kind.books_kind, kind.lines and kind.lines.books))
    return tuple(dict.fromkeys(name for name in kinds if name))


def rests(rule: Rule, books: Vocabulary, version: str | None) -> str | None:
    """The qbXML version that a rule waits for, None when the company speaks it."""
    if version is None:
        return None
    needed = [end.since for path in rule.books_paths if (end := books.get(path)) and end.since]
    newest = max(needed, key=_number, default="0")
    return newest if _number(newest) > _number(version) else None


def resting(kind: KindMap, books: Vocabulary, version: str | None) -> str:
    """Why a map whose object as a whole came later than the company's version is left alone; "" when it is not."""
    needed = kind.part_of and next((rests(one, books, version) for one in kind.rules if one.required), None)
    if not needed:
        return ""
    return (
        f"{kind.books_kind} of a {kind.part_of.role if kind.part_of else ''} need qbXML {needed}, and this company "
        f"speaks {version}: only the primary contact goes to QuickBooks."
    )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@dataclass(frozen=True)
class _Fitting:
    """One kind between its vocabularies."""

    kind: KindMap
    crm: Mapping[str, Vocabulary]
    books: Mapping[str, Vocabulary]
    zone: str | None
    version: str | None

    def fitted(self) -> KindMap:
        lines = self.kind.lines
        if why := resting(self.kind, self.books.get(self.kind.books_kind, {}), self.version):
            return self.kind.model_copy(update={"rules": (), "rests": why})
        changes: dict[str, object] = {"rules": self._rules(self.kind.rules, self.kind.books_kind)}
        if lines is not None:
            changes["lines"] = lines.model_copy(
                update={"rules": self._rules(lines.rules, lines.books, LINES)}
            )
        return self.kind.model_copy(update=changes)

    def _rules(self, rules: Sequence[Rule], books_kind: str, below: str = "") -> tuple[Rule, ...]:
        books = self.books.get(books_kind, {})
        return tuple(
            rule.model_copy(update={"shape": self._shape(rule, books, below)})
            for rule in rules
            if rests(rule, books, self.version) is None
        )

    def _shape(self, rule: Rule, books: Vocabulary, below: str) -> Shape:
        crm_end = self.crm.get(self.kind.kind_of(rule), {}).get(below + rule.crm_field)
        ends = {path: end for path in rule.books_paths if (end := books.get(path))}
        return Shape(
            crm_length=crm_end.length if crm_end else None,
            books_length=min((end.length for end in ends.values() if end.length), default=None),
            zone=self.zone,
            in_mod=tuple((path, end.in_mod) for path, end in ends.items() if end.in_mod),
        )
