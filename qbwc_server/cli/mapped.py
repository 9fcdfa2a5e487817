"""A profile told to a person: its kinds, its rules, its settings, and what else a field is for."""

from collections.abc import Iterator
from typing import Any

from qbwc_server import mapping
from qbwc_server.cli.show import said
from qbwc_server.mapping import Filter, KindMap, Profile, Rule
from qbwc_server.mapping.profile import settings_of

ARROWS = {"both": "<->", "to_books": "->", "to_crm": "<-"}
WAYS = {"synchronize": "<->", "export": "->", "import": "<-", "off": "off"}
STATUS = {
    "link_status": "shows how the record fares, and is set to link it",
    "error": "tells what went wrong with the record",
    "books_id": "holds the id that the record has in QuickBooks",
    "edit_sequence": "holds the version that was seen last in QuickBooks",
    "last_sync": "holds the time of the last write",
    "sync_key": "marks records that were made from QuickBooks, so that none is made twice",
}


def kind_rows(profile: Profile) -> list[dict[str, Any]]:
    """One row for each kind map, also for those that are off."""
    return [
        {
            "kind": one.name,
            "crm": narrowed(one.crm_kind, one.crm_filter),
            "way": WAYS[one.mode],
            "books": narrowed(one.books_kind, one.books_filter),
            "mode": one.mode,
            "creates": [place for place, side in _PLACES if one.may_create(side)],
            "promoted": condition(one.promoted),
            "requires": [each.reason for each in one.requires],
            "role": one.role,
            "rules": len(mapping.all_rules(one)),
        }
        for one in profile.kinds
    ]


_PLACES: tuple[tuple[str, mapping.Side], ...] = (("QuickBooks", "books"), ("the CRM", "crm"))


def narrowed(kind: str, chosen: Filter | None) -> str:
    if chosen is None:
        return kind
    by_field = not chosen.any_of or "" in chosen.any_of
    return f"{kind} ({f'{chosen.field} ' if by_field else ''}{_values(chosen)})"


def _values(chosen: Filter) -> str:
    """The values that a filter lets through, as a person says it."""
    if chosen.any_of:
        return " or ".join(one or "empty" for one in chosen.any_of)
    return f"not {' nor '.join(one or 'empty' for one in chosen.none_of)}"


def condition(chosen: Filter | None) -> str:
    return f"{chosen.field} is {_values(chosen)}" if chosen else ""


def rule_rows(kinds: tuple[KindMap, ...]) -> list[dict[str, Any]]:
    """One row for each rule; those of a document's lines follow the document's."""
    return [_rule_row(kind, rule) for kind in kinds for rule in mapping.all_rules(kind)]


def _rule_row(kind: KindMap, rule: Rule) -> dict[str, Any]:
    of_line = kind.lines is not None and rule not in kind.rules
    row = rule.model_dump() | {"kind": kind.name, "part": "lines" if of_line else ""}
    notes = ["required"] if rule.required else []
    notes += [f"else {rule.setting}"] if rule.setting else []
    notes += [f"its {rule.refers_to}"] if rule.refers_to else []
    place = f"{kind.name}: lines" if of_line else kind.name
    shown = {"place": place, "way": ARROWS[rule.direction], "notes": notes}
    return row | shown | {"winner": kind.winner_of(rule)}


def setting_rows(profile: Profile, shipped: Profile) -> list[dict[str, Any]]:
    """One row for each setting: what it is set to, and which kinds fall back on it."""
    return [
        {
            "setting": name,
            "value": value,
            "kinds": [one.name for one in profile.kinds if name in settings_of(one)],
            "origin": "shipped" if shipped.settings.get(name) == value else "override",
        }
        for name, value in profile.settings.items()
    ]


def about_kind(profile: Profile, kind: KindMap) -> Iterator[str]:
    """What there is to say of one kind besides its rules."""
    [row] = [one for one in kind_rows(profile) if one["kind"] == kind.name]
    yield f"{kind.name}: {row['crm']} {row['way']} {row['books']}, mode {kind.mode}."
    if kind.mode == "off":
        yield "It is off: its records are neither read nor matched nor written."
    yield (
        f"New records are made in {' and '.join(row['creates'])}."
        if row["creates"]
        else "It makes no records."
    )
    if row["promoted"] and kind.may_create("books"):
        yield f"A record goes to QuickBooks when {row['promoted']}, or when another record needs it."
    yield from (f"It must have: {one.field}. Else: {one.reason}" for one in kind.requires)
    if kind.part_of and kind.goes_along:
        yield f"It goes along with its {kind.part_of.role}, as soon as that is linked."
    yield from (f"It brings its {one.role}, the record in {one.field}." for one in kind.brings)
    if kind.required_key:
        yield f"Records without {kind.required_key} are left alone."
    if kind.match:
        yield f"Partners are found by {', then '.join(kind.match)}."
    if kind.once:
        yield "It is made once; later changes in the CRM are told and not sent."
    if kind.total:
        yield f"Afterwards {_sum_of(kind, kind.total)} must agree with {kind.total.books} in QuickBooks."
    yield from (
        f"Setting {name}: {said(profile.settings.get(name)) or '(empty)'}" for name in _settings(kind)
    )


def _sum_of(kind: KindMap, total: mapping.Total) -> str:
    """The CRM fields that make the total: "Amount - QB_Discount__c + QB_Tax_Amount__c"."""
    extra = kind.lines.extra if kind.lines else ()
    parts = [("-" if one.negative else "+", one.crm) for one in extra] + [("+", total.tax)] * bool(total.tax)
    return " ".join((total.crm, *(f"{sign} {name}" for sign, name in parts)))


def _settings(kind: KindMap) -> list[str]:
    return list(dict.fromkeys(settings_of(kind)))


# --- what else a field is for ---


def explained(profile: Profile, name: str) -> str:
    """Every rule that touches a field, and everything else that the mapping uses it for."""
    other = list(dict.fromkeys(_uses(profile, name)))
    rules = mapping.explain(profile, name)
    return "\n\n".join([*([rules] if not other or _has_rule(profile, name) else []), *other])


def _has_rule(profile: Profile, name: str) -> bool:
    rules = (rule for kind in profile.kinds for rule in mapping.all_rules(kind))
    return any(name in (rule.crm, rule.crm_field, rule.books, *rule.books_paths) for rule in rules)


def _uses(profile: Profile, name: str) -> Iterator[str]:
    for kind in profile.kinds:
        uses = (*_status_uses(kind), *_choosing_uses(kind), *_document_uses(kind))
        yield from (f"{kind.crm_kind}: {field} {text}" for field, text in uses if field == name)
    if name in profile.settings:
        using = ", ".join(one.name for one in profile.kinds if name in settings_of(one)) or "no kind"
        value = said(profile.settings[name]) or "empty"
        yield f"The setting {name} is {value}; it is used by {using}. Set it: qbwc-server mapping set --help"


Use = tuple[str, str]  # a CRM field, and what it is for


def _status_uses(kind: KindMap) -> Iterator[Use]:
    for key, text in STATUS.items():
        yield getattr(kind.status, key) or "", f"{text}."


def _choosing_uses(kind: KindMap) -> Iterator[Use]:
    if chosen := kind.promoted:
        yield chosen.field, f"sends the record to QuickBooks when it is {_values(chosen)}."
    if chosen := kind.crm_filter:
        yield (
            chosen.field,
            f"says {_values(chosen)} for what becomes {kind.books_kind} ({kind.name}).",
        )
    for one in kind.requires:
        yield one.field, f"is required before the record goes to QuickBooks. Else: {one.reason}"
    for contributor in kind.contributors:
        yield contributor.via, f"names the {contributor.kind} that is its {contributor.name}."


def _document_uses(kind: KindMap) -> Iterator[Use]:
    if kind.lines and kind.lines.line_id:
        yield kind.lines.line_id, "of a line holds the TxnLineID that the line has in QuickBooks."
    for extra in kind.lines.extra if kind.lines else ():
        yield extra.crm, f"becomes a line of its own, over the item that the setting {extra.setting} names."
    if kind.total:
        parts, whole = _sum_of(kind, kind.total), f"{kind.total.books} of the {kind.books_kind} that was made"
        agree = f"{parts} must agree with {whole}."
        yield kind.total.crm, agree
        yield kind.total.tax or "", f"is the sales tax that the CRM expects; {agree}"
