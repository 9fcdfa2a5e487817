"""A profile against the vocabularies of both sides, before anything runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from qbwc_server.mapping.derived import derived_ends
from qbwc_server.mapping.fields import EndField, ends
from qbwc_server.mapping.fit import Vocabulary, resting, rests
from qbwc_server.mapping.profile import LINES, KindMap, Profile, Rule, Side, all_rules
from qbwc_server.mapping.spelling import did_you_mean

_TEXTS = frozenset({"text", "memo", "name", "lines", "picklist"})

# The converters that make what a field of this type takes; a type that is absent takes anything.
_MAKERS: dict[str, frozenset[str]] = {
    # qbXML types
    "STR": _TEXTS,
    "ENUM": frozenset({"picklist", "text"}),
    "AMT": frozenset({"amount"}),
    "ID": frozenset({"reference", "text"}),
    **dict.fromkeys(("QUAN", "PRICE", "PERCENT", "FLOAT", "INT"), frozenset({"number"})),
    "BOOL": frozenset({"boolean"}),
    "DATE": frozenset({"date"}),
    "DATETIME": frozenset({"datetime"}),
    # CRM types
    "text": _TEXTS,
    "choice": _TEXTS,
    "decimal": frozenset({"amount", "applied", "number"}),
    "integer": frozenset({"number"}),
    "boolean": frozenset({"boolean"}),
    "reference": frozenset({"reference"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"datetime"}),
}

# What names another transaction, beside references to lists.
REFERENCES = ("TxnID", "only_invoice()")

_NAMES: dict[Side, str] = {"crm": "the CRM", "books": "QuickBooks"}


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
    # Of a document's lines: what the CRM's field list puts before their names, and what QuickBooks calls a line.
    below: str = ""
    books_kind: str = ""

    def error(self, rule: Rule | None, text: str) -> Problem:
        return Problem("error", self.kind.name, rule.identity if rule else None, text)

    def warning(self, rule: Rule | None, text: str) -> Problem:
        return Problem("warning", self.kind.name, rule.identity if rule else None, text)

    def crm_end(self, rule: Rule) -> EndField | None:
        return self.crm.get(self.kind.kind_of(rule), {}).get(self.below + rule.crm_field)

    def books_ends(self, rule: Rule) -> list[EndField]:
        return [end for path in rule.books_paths if (end := self.books.get(path))]


def check(
    profile: Profile,
    crm_fields: Mapping[str, Sequence[object]],
    books_fields: Mapping[str, Sequence[object]],
    version: str | None = None,
) -> tuple[Problem, ...]:
    """Every name a side does not know, every target it cannot write, every length and label that differs.

    Field lists are keyed by CRM kind ("account") and QuickBooks kind ("Customer", see `books_vocabulary`);
    `version` is the qbXML version the company speaks.
    """
    crm = {kind: ends(fields) for kind, fields in crm_fields.items()}
    books = {kind: _readable(ends(fields)) for kind, fields in books_fields.items()}
    return tuple(
        problem
        for kind in profile.kinds
        if kind.mode != "off"
        for problem in _kind_problems(profile, kind, crm, books, version)
    )


def _readable(known: Vocabulary) -> Vocabulary:
    return {**known, **derived_ends(known)}


def _kind_problems(
    profile: Profile,
    kind: KindMap,
    crm: Mapping[str, Vocabulary],
    books: Mapping[str, Vocabulary],
    version: str | None,
) -> Iterator[Problem]:
    at = _Ends(kind, crm, books.get(kind.books_kind, {}), version, books_kind=kind.books_kind)
    if why := resting(kind, at.books, version):
        yield at.warning(None, why)
        return
    yield from _settings(at)
    yield from _unset(at, profile.settings)
    yield from _contributors(at)
    yield from _needed(at)
    yield from _rules(at, kind.rules)
    if lines := kind.lines:
        below = _Ends(kind, crm, books.get(lines.books, {}), version, LINES, lines.books)
        yield from _rules(below, lines.rules)


def _rules(at: _Ends, rules: Sequence[Rule]) -> Iterator[Problem]:
    for rule in rules:
        yield from _crm_end(at, rule)
        yield from _books_end(at, rule)
        yield from _reference(at, rule)
        yield from _lengths(at, rule)
        yield from _labels(at, rule)


def _unset(at: _Ends, settings: Mapping[str, str]) -> Iterator[Problem]:
    """Settings without which some records will be refused; known before the first of them is."""
    for rule in all_rules(at.kind):
        if rule.setting and rule.required and not settings.get(rule.setting):
            yield at.warning(
                rule,
                f"The setting {rule.setting} is empty: {at.kind.name} without {rule.crm} will be refused.",
            )
    for extra in at.kind.lines.extra if at.kind.lines else ():
        if not settings.get(extra.setting):
            yield at.warning(
                None,
                f"The setting {extra.setting} is empty: {at.kind.name} with {extra.crm} will be refused.",
            )
    write_in = at.kind.lines.write_in if at.kind.lines else None
    if write_in and not settings.get(write_in):
        yield at.warning(None, f"The setting {write_in} is empty: a line without an item will be refused.")


def _reference(at: _Ends, rule: Rule) -> Iterator[Problem]:
    """An id stands for another record only where both sides keep ids."""
    if rule.refers_to is None:
        return
    crm_end = at.crm_end(rule)
    if crm_end is not None and crm_end.type and crm_end.type != "reference":
        yield at.error(
            rule, f"{rule.crm} is of type {crm_end.type} in the CRM and refers to no other record."
        )
    if not all(path.endswith("Ref/ListID") or path in REFERENCES for path in rule.books_paths):
        yield at.error(rule, f"{rule.books} is no reference of QuickBooks; use ...Ref/ListID or TxnID.")


def _settings(at: _Ends) -> Iterator[Problem]:
    """Status fields, triggers and match keys name fields as well."""
    kind = at.kind
    own = at.crm.get(kind.crm_kind, {})
    for setting, name in _crm_names(kind):
        if name not in own:
            yield at.error(None, f"{setting}: {kind.crm_kind} has no field {name}{did_you_mean(name, own)}")
    for setting, name in _books_names(kind):
        if name not in at.books:
            near = did_you_mean(name, at.books)
            yield at.error(None, f"{setting}: {kind.books_kind} has no field {name}{near}")


def _crm_names(kind: KindMap) -> Iterator[tuple[str, str]]:
    yield from ((setting, name) for setting, name in kind.status.model_dump().items() if name)
    if kind.promoted:
        yield "promoted", kind.promoted.field
    if kind.crm_filter:
        yield "crm_filter", kind.crm_filter.field
    # Fields of a record above it ("Pricebook2.IsStandard") are in no field list of the record.
    required = (one.field for one in kind.requires if "." not in one.field and one.field != LINES.rstrip("."))
    yield from (("requires", name) for name in required)
    if kind.total:
        yield from (("total", name) for name in (kind.total.crm, kind.total.tax) if name)
    if kind.part_of:
        yield "part_of", kind.part_of.crm
    yield from (("brings", one.field) for one in kind.brings)
    yield from (("gone", one.crm) for one in kind.gone)
    if kind.lines:
        yield from (("lines", f"{LINES}{name}") for name in (kind.lines.item, kind.lines.line_id) if name)
        yield from (("extra line", extra.crm) for extra in kind.lines.extra)
    yield from ((f"match by {field.by}", field.crm) for field in kind.match_fields if "." not in field.crm)
    yield from ((contributor.name, contributor.via) for contributor in kind.contributors)


def _books_names(kind: KindMap) -> Iterator[tuple[str, str]]:
    if kind.books_filter:
        yield "books_filter", kind.books_filter.field
    if kind.total:
        yield "total", kind.total.books
    if kind.part_of:
        yield "part_of", kind.part_of.books
    yield from ((f"match by {field.by}", field.books) for field in kind.match_fields)
    yield from (("addressee", name) for names in kind.addressee for name in names.split())


def _contributors(at: _Ends) -> Iterator[Problem]:
    for contributor in at.kind.contributors:
        fields = at.crm.get(contributor.kind, {})
        for name in filter(None, (contributor.parent, contributor.key, *contributor.required_fields)):
            if name not in fields:
                near = did_you_mean(name, fields)
                yield at.error(None, f"{contributor.name}: {contributor.kind} has no field {name}{near}")


def _needed(at: _Ends) -> Iterator[Problem]:
    """A side in which records are created needs a rule for each field that it demands."""
    own = at.crm.get(at.kind.crm_kind, {})
    filled = {rule.crm for rule in at.kind.rules if rule.goes_to("crm")}
    written = {path for rule in at.kind.rules if rule.goes_to("books") for path in rule.books_paths}
    # Below an optional aggregate a field is demanded only once the aggregate is sent.
    top = {name: end for name, end in at.books.items() if "/" not in name}
    yield from _unfilled(at, "crm", at.kind.crm_kind, own, filled)
    yield from _unfilled(at, "books", at.kind.books_kind, top, written)


def _unfilled(at: _Ends, side: Side, what: str, fields: Vocabulary, filled: set[str]) -> Iterator[Problem]:
    if not at.kind.may_create(side):
        return
    for name, end in fields.items():
        if end.required and end.writable and name not in filled:
            yield at.error(None, f"A new {what} in {_NAMES[side]} needs {name}, and no rule fills it.")


def _crm_end(at: _Ends, rule: Rule) -> Iterator[Problem]:
    holder, end = at.kind.kind_of(rule), at.crm_end(rule)
    if not holder:
        near = did_you_mean(rule.contributor, [contributor.name for contributor in at.kind.contributors])
        yield at.error(rule, f"{rule.crm}: {rule.contributor} is no contributor{near}")
    elif end is None:
        name = at.below + rule.crm_field
        near = did_you_mean(name, at.crm.get(holder, {}))
        yield at.error(rule, f"{holder} has no field {name}{near}")
    elif rule.goes_to("crm"):
        yield from _target(at, rule, rule.crm, end, "crm")


def _books_end(at: _Ends, rule: Rule) -> Iterator[Problem]:
    missing = [path for path in rule.books_paths if path not in at.books]
    if missing:
        yield at.error(rule, f"{at.books_kind} has no field {missing[0]}{did_you_mean(missing[0], at.books)}")
        return
    for path, end in zip(rule.books_paths, at.books_ends(rule), strict=True):
        if end.repeatable:
            yield at.error(rule, f"{path} can occur several times; a rule needs a field with one value.")
        elif rule.goes_to("books"):
            yield from _target(at, rule, path, end, "books")
    if needed := rests(rule, at.books, at.version):
        yield at.warning(
            rule, f"{rule.books} needs qbXML {needed}, this company speaks {at.version}: the rule rests."
        )


def _target(at: _Ends, rule: Rule, name: str, end: EndField, side: Side) -> Iterator[Problem]:
    other = {"crm": "to_books", "books": "to_crm"}[side]
    makers = _MAKERS.get(end.type.removesuffix("TYPE"))
    if not end.writable:
        yield at.error(rule, f"{name} is read-only in {_NAMES[side]}. Set the rule's direction to {other}.")
    elif makers and rule.converter not in makers:
        yield at.error(
            rule,
            f"{name} is of type {end.type} in {_NAMES[side]}, which converter {rule.converter} does not make. "
            f"Use {' or '.join(sorted(makers))}.",
        )


def _lengths(at: _Ends, rule: Rule) -> Iterator[Problem]:
    """Only a target that is shorter than its source matters, in the directions the rule goes."""
    crm_end, books_ends = at.crm_end(rule), at.books_ends(rule)
    if crm_end is None or len(books_ends) != 1 or rule.refers_to is not None:
        return
    what = {"refuse": "refused", "truncate": "cut"}[rule.too_long]
    pairs: Iterable[tuple[Side, str, int | None, str, int | None]] = (
        (
            "books",
            f"{rule.crm} in the CRM",
            crm_end.length,
            f"{rule.books} in QuickBooks",
            books_ends[0].length,
        ),
        (
            "crm",
            f"{rule.books} in QuickBooks",
            books_ends[0].length,
            f"{rule.crm} in the CRM",
            crm_end.length,
        ),
    )
    for side, source, holds, target, takes in pairs:
        if rule.goes_to(side) and holds and takes and holds > takes:
            yield at.warning(
                rule, f"{source} holds {holds} characters, {target} {takes}: longer ones are {what}."
            )


def _labels(at: _Ends, rule: Rule) -> Iterator[Problem]:
    """Labels without a counterpart, found before the first run rather than record by record."""
    crm_end, books_ends = at.crm_end(rule), at.books_ends(rule)
    if rule.converter != "picklist" or crm_end is None or not books_ends:
        return
    yield from _unmatched(at, rule, "crm", crm_end.choices, [choice.crm for choice in rule.choices])
    yield from _unmatched(at, rule, "books", books_ends[0].choices, [choice.books for choice in rule.choices])
    if not rule.choices and crm_end.choices and books_ends[0].choices:
        alone = (set(crm_end.choices) ^ set(books_ends[0].choices)) - {one.shows for one in at.kind.gone}
        if alone:
            yield at.warning(rule, f"{rule.crm}: only one side knows {', '.join(sorted(alone))}.")


def _unmatched(
    at: _Ends, rule: Rule, side: Side, known: Sequence[str], listed: Sequence[str]
) -> Iterator[Problem]:
    if not known or not listed:
        return
    for label in dict.fromkeys(listed):
        if label not in known:
            yield at.error(rule, f"{label!r} is no value in {_NAMES[side]}{did_you_mean(label, known)}")
    without = [label for label in known if label not in listed]
    if without:
        yield at.warning(
            rule, f"{', '.join(without)} of {_NAMES[side]} has no counterpart in the rule's value list."
        )
