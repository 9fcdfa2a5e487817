"""A profile against the vocabularies of both sides, before anything runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from qbwc_server.mapping.fields import ends
from qbwc_server.mapping.fit import Vocabulary, rests
from qbwc_server.mapping.profile import KindMap, Profile, Rule
from qbwc_server.mapping.spelling import did_you_mean


@dataclass(frozen=True)
class Problem:
    """Something wrong with a profile; an error keeps the lane from starting, a warning does not.

    `rule` is the rule's (crm, books), None when the fault is in the kind's own settings.
    """

    severity: Literal["error", "warning"]
    kind: str
    rule: tuple[str, str] | None
    text: str


@dataclass(frozen=True)
class _Ends:
    """The vocabularies that one kind's rules are checked against."""

    kind: KindMap
    crm: Mapping[str, Vocabulary]
    books: Vocabulary
    version: str | None

    def error(self, rule: Rule | None, text: str) -> Problem:
        return Problem("error", self.kind.crm_kind, rule.identity if rule else None, text)

    def warning(self, rule: Rule | None, text: str) -> Problem:
        return Problem("warning", self.kind.crm_kind, rule.identity if rule else None, text)


def check(
    profile: Profile,
    crm_fields: Mapping[str, Sequence[object]],
    books_fields: Mapping[str, Sequence[object]],
    version: str | None = None,
) -> tuple[Problem, ...]:
    """Every name that one side does not know, every target it cannot write, every length that differs.

    Field lists are keyed by CRM kind ("account") and QuickBooks kind ("Customer"); `version` is the qbXML
    version the company speaks.
    """
    crm = {kind: ends(fields) for kind, fields in crm_fields.items()}
    books = {kind: ends(fields) for kind, fields in books_fields.items()}
    return tuple(
        problem
        for kind in profile.kinds
        for problem in _kind_problems(_Ends(kind, crm, books.get(kind.books_kind, {}), version))
    )


def _kind_problems(at: _Ends) -> Iterator[Problem]:
    yield from _settings(at)
    for rule in at.kind.rules:
        yield from _crm_end(at, rule)
        yield from _books_end(at, rule)
        yield from _lengths(at, rule)


def _settings(at: _Ends) -> Iterator[Problem]:
    """Status fields, triggers, match keys and contributors name fields as well."""
    own = at.crm.get(at.kind.crm_kind, {})
    for setting, name in _named(at.kind):
        if name not in own:
            yield at.error(
                None, f"{setting}: {at.kind.crm_kind} has no field {name}{did_you_mean(name, own)}"
            )
    for contributor in at.kind.contributors:
        fields = at.crm.get(contributor.kind, {})
        for name in filter(None, (contributor.parent, contributor.key, *contributor.required_fields)):
            if name not in fields:
                text = (
                    f"{contributor.name}: {contributor.kind} has no field {name}{did_you_mean(name, fields)}"
                )
                yield at.error(None, text)
    if at.kind.books_filter and at.kind.books_filter.field not in at.books:
        name = at.kind.books_filter.field
        yield at.error(
            None, f"books_filter: {at.kind.books_kind} has no field {name}{did_you_mean(name, at.books)}"
        )


def _named(kind: KindMap) -> Iterator[tuple[str, str]]:
    for setting, name in kind.status.model_dump().items():
        if name:
            yield setting, name
    if kind.promoted:
        yield "promoted", kind.promoted.field
    for field in kind.match_fields:
        if "." not in field.crm:
            yield f"match by {field.by}", field.crm
    for contributor in kind.contributors:
        yield contributor.name, contributor.via


def _crm_end(at: _Ends, rule: Rule) -> Iterator[Problem]:
    holder = at.kind.kind_of(rule)
    if not holder:
        names = [contributor.name for contributor in at.kind.contributors]
        text = f"{rule.contributor} is no contributor{did_you_mean(rule.contributor, names)}"
        yield at.error(rule, f"{rule.crm}: {text}")
        return
    fields = at.crm.get(holder, {})
    end = fields.get(rule.crm_field)
    if end is None:
        yield at.error(rule, f"{holder} has no field {rule.crm_field}{did_you_mean(rule.crm_field, fields)}")
    elif rule.goes_to("crm") and not end.writable:
        yield at.error(
            rule, f"{rule.crm} is read-only in the CRM. Set the direction of the rule to to_books."
        )


def _books_end(at: _Ends, rule: Rule) -> Iterator[Problem]:
    for path in rule.books_paths:
        end = at.books.get(path)
        if end is None:
            yield at.error(rule, f"{at.kind.books_kind} has no {path}{did_you_mean(path, at.books)}")
        elif end.repeatable:
            yield at.error(rule, f"{path} can occur several times; a rule needs a field with one value.")
        elif rule.goes_to("books") and not end.writable:
            yield at.error(
                rule, f"{path} is read-only in QuickBooks. Set the direction of the rule to to_crm."
            )
    if needed := rests(rule, at.books, at.version):
        yield at.warning(
            rule, f"{rule.books} needs qbXML {needed}, this company speaks {at.version}: the rule rests."
        )


def _lengths(at: _Ends, rule: Rule) -> Iterator[Problem]:
    """Only a target that is shorter than its source matters, in the directions the rule goes."""
    crm_end = at.crm.get(at.kind.kind_of(rule), {}).get(rule.crm_field)
    books_ends = [end for path in rule.books_paths if (end := at.books.get(path))]
    crm_length = crm_end.length if crm_end else None
    lengths = [end.length for end in books_ends if end.length]
    if crm_length is None or not lengths or len(books_ends) > 1:
        return
    books_length, what = min(lengths), {"refuse": "refused", "truncate": "cut"}[rule.too_long]
    if rule.goes_to("books") and crm_length > books_length:
        yield at.warning(
            rule,
            f"{rule.crm} holds {crm_length} characters, {rule.books} {books_length}: longer ones are {what}.",
        )
    if rule.goes_to("crm") and books_length > crm_length:
        yield at.warning(
            rule,
            f"{rule.books} holds {books_length} characters, {rule.crm} {crm_length}: longer ones are {what}.",
        )
