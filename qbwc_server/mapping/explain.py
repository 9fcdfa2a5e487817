"""Where a value comes from, said to a person, and what an override changed."""

from collections.abc import Sequence

from qbwc_server.mapping.converters import CONVERTERS
from qbwc_server.mapping.load import load_profile
from qbwc_server.mapping.profile import KindMap, Lines, Profile, Rule, all_rules
from qbwc_server.mapping.spelling import did_you_mean

_ARROW = {"both": "<->", "to_books": "->", "to_crm": "<-"}
_WAYS = {"both": "in both directions", "to_books": "to QuickBooks only", "to_crm": "to the CRM only"}
_WINNERS = {
    "crm": "the CRM wins",
    "books": "QuickBooks wins",
    None: "a person decides",
}
_TOO_LONG = {
    "refuse": "A value that does not fit is refused.",
    "truncate": "A value that does not fit is cut.",
}


def explain(profile: Profile, name: str) -> str:
    """The rules that touch a CRM field or a QuickBooks path, one paragraph each."""
    found = [(kind, rule) for kind in profile.kinds for rule in all_rules(kind) if _names(rule, name)]
    if found:
        return "\n\n".join(_paragraph(kind, rule) for kind, rule in found)
    known = {n for kind in profile.kinds for rule in all_rules(kind) for n in (rule.crm, rule.books)}
    return f"No rule of {profile.title} touches {name}{did_you_mean(name, sorted(known))}"


def diff(profile: Profile) -> tuple[str, ...]:
    """How a profile differs from the shipped one of its name; empty when it does not."""
    base = load_profile(profile.name)
    lines = _settings("limits", base.limits.model_dump(), profile.limits.model_dump())
    lines += _settings("settings", dict(base.settings), dict(profile.settings))
    lines += _settings(profile.name, _own(base), _own(profile))
    for was, now in zip(base.kinds, profile.kinds, strict=True):
        lines += _settings(now.name, _kind_settings(was), _kind_settings(now))
        lines += _rule_changes(now.name, was.rules, now.rules)
        if was.lines and now.lines:
            name = f"{now.name}: lines"
            lines += _settings(name, _kind_settings(was.lines), _kind_settings(now.lines))
            lines += _rule_changes(name, was.lines.rules, now.lines.rules)
    return tuple(lines)


def _names(rule: Rule, name: str) -> bool:
    return name in (rule.crm, rule.crm_field, rule.books, *rule.books_paths)


def _paragraph(kind: KindMap, rule: Rule) -> str:
    sentences = [
        f"{_ends(kind, rule)}, {_WAYS[rule.direction]}.",
        f"Converter {rule.converter}: {CONVERTERS[rule.converter].doc}",
        _holder(kind, rule),
        _TOO_LONG[rule.too_long],
        _held(rule),
        f"When both sides changed, {_WINNERS[kind.winner_of(rule)]}." if rule.direction == "both" else "",
        "An empty value clears the other side."
        if rule.clear_when_empty
        else "An empty value changes nothing.",
        "It must have a value." if rule.required else "",
        _CREATED[rule.only_on_create],
        f"A change is written only while QuickBooks holds the same there as in {rule.follows}."
        if rule.follows
        else "",
        f"A new record without it gets {rule.default!r}." if rule.default else "",
        f"A new record in QuickBooks without it gets the setting {rule.setting}." if rule.setting else "",
        f"It is the id of a record in the role {rule.refers_to}." if rule.refers_to else "",
        f"The rule is {'shipped' if rule.origin == 'shipped' else 'from the override'}.",
    ]
    return " ".join(filter(None, sentences))


_CREATED: dict[bool | str, str] = {
    False: "",
    True: "Written only when the record is created.",
    "books": "Written to QuickBooks only when the record is created there.",
    "crm": "Written to the CRM only when the record is created there.",
}


def _ends(kind: KindMap, rule: Rule) -> str:
    of_line = kind.lines is not None and rule in kind.lines.rules
    crm, books = ("line of", kind.lines.books) if of_line and kind.lines else ("", kind.books_kind)
    return f"{crm} {kind.crm_kind} {rule.crm} {_ARROW[rule.direction]} {books} {rule.books}".strip()


def _holder(kind: KindMap, rule: Rule) -> str:
    contributor = kind.contributor(rule.contributor)
    if contributor is None:
        return ""
    return f"{rule.contributor} is the {contributor.kind} named by {contributor.via} of the {kind.crm_kind}."


def _held(rule: Rule) -> str:
    lengths = (("QuickBooks", rule.shape.books_length), ("The CRM", rule.shape.crm_length))
    return " ".join(f"{place} holds {length} characters." for place, length in lengths if length)


def _settings(what: str, was: dict[str, object], now: dict[str, object]) -> list[str]:
    changed = (key for key in now if now[key] != was.get(key))
    return [
        f"{what}: {key} is {_said(now[key]) or 'empty'}, shipped {_said(was.get(key)) or 'empty'}."
        for key in changed
    ]


def _own(profile: Profile) -> dict[str, object]:
    return profile.model_dump(include={"title", "app_name_prefix"})


def _kind_settings(kind: KindMap | Lines) -> dict[str, object]:
    return kind.model_dump(exclude={"rules", "lines"})


def _rule_changes(name: str, was: Sequence[Rule], now: Sequence[Rule]) -> list[str]:
    before, after = ({rule.identity: rule for rule in rules} for rules in (was, now))
    lines = [f"{name}: removed {_line(rule)}." for pair, rule in before.items() if pair not in after]
    for pair, rule in after.items():
        if pair not in before:
            lines.append(f"{name}: added {_line(rule)}.")
        else:
            lines += _settings(f"{name}: {_line(rule)}", _switches(before[pair]), _switches(rule))
    return lines


def _line(rule: Rule) -> str:
    return f"{rule.crm} {_ARROW[rule.direction]} {rule.books}"


def _switches(rule: Rule) -> dict[str, object]:
    return rule.model_dump(exclude={"origin"})


def _said(value: object) -> str:
    if isinstance(value, tuple | list):
        return " and ".join(map(str, value)) or "nothing"
    return "nothing" if value is None else str(value)
