"""A profile from the shipped data and an override, which is a diff on the shipped rules.

An override is plain data:

    {"kinds": {"account": {"mode": "export", "winner": "crm",
                           "change": [{"crm": "Fax", "books": "Fax", "direction": "to_books"}],
                           "add":    [{"crm": "Website", "books": "Notes", "converter": "memo"}],
                           "remove": [{"crm": "Description", "books": "Notes"}]}},
     "limits": {"creates": 50},
     "settings": {"income_account": "Sales"}}

A kind is called by the name of its map. A rule is named by its pair (crm, books); a change keeps every setting
that it does not name. Rules are removed first, then changed, then added. The lines of a document have rules of
their own: {"kinds": {"invoice": {"lines": {"add": [...]}}}}.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from qbwc_server.mapping.errors import MappingError
from qbwc_server.mapping.paths import every_path
from qbwc_server.mapping.profile import Profile
from qbwc_server.mapping.spelling import did_you_mean
from qbwc_server.mapping.validation import profile_or_problems

Raw = dict[str, Any]

_OVERRIDE_KEYS = ("kinds", "limits", "settings", "title", "app_name_prefix")
# What makes a kind the kind it is; a profile of its own is the way to change these.
_FIXED = ("name", "crm_kind", "books_kind", "role", "rules")
# The same of a document's lines.
_FIXED_OF_LINES = ("books", "rules")


def shipped() -> tuple[str, ...]:
    """Names of the profiles that come with the product."""
    folder = files("schemas") / "profiles"
    found = (entry.name for entry in folder.iterdir() if entry.name.endswith(".json"))
    return tuple(sorted(name.removesuffix(".json") for name in found if not name.endswith(".schema.json")))


def load_profile(name: str, override: Mapping[str, Any] | None = None) -> Profile:
    """The shipped profile with the override merged in.

    Raises MappingError with every fault at once: unknown names, unknown keys, settings that do not exist,
    two rules that write the same field.
    """
    if name not in shipped():
        raise MappingError([f"There is no profile {name!r}{did_you_mean(name, shipped())}"])
    raw: Raw = json.loads((files("schemas") / "profiles" / f"{name}.json").read_text("utf-8"))
    problems = list(_merge(raw, override or {}))
    problems += _duplicate_targets(raw)
    profile, faults = profile_or_problems(raw)
    if profile is None or problems or faults:
        raise MappingError([*problems, *faults])
    return profile


def _merge(raw: Raw, override: Mapping[str, Any]) -> Iterator[str]:
    """Writes the override into the raw profile, and tells what in it names nothing."""
    for key, value in override.items():
        if key not in _OVERRIDE_KEYS:
            yield f"{key!r} is nothing that an override can set{did_you_mean(key, _OVERRIDE_KEYS)}"
        elif key in ("title", "app_name_prefix"):
            raw[key] = value
        elif not isinstance(value, Mapping):
            yield f"{key} is {value!r}, not a table of settings."
        elif key != "kinds":
            raw[key] = {**raw.get(key, {}), **value}
        else:
            for kind_name, change in value.items():
                yield from _merge_kind(raw, kind_name, change)


def _merge_kind(raw: Raw, kind_name: str, change: Any) -> Iterator[str]:
    names = {kind["name"]: kind for kind in raw["kinds"]}
    if kind_name not in names:
        yield f"The profile maps no {kind_name!r}{did_you_mean(kind_name, names)}"
    elif not isinstance(change, Mapping):
        yield f"{kind_name}: the override is {change!r}, not a table of settings."
    else:
        kind, lines = names[kind_name], change.get("lines")
        own = change
        if lines is not None and not isinstance(kind.get("lines"), dict):
            yield f"{kind_name}: lines: this map has none. Only documents have lines."
        elif isinstance(lines, Mapping):
            own = {key: value for key, value in change.items() if key != "lines"}
            yield from _merge_rules(kind["lines"], f"{kind_name}: lines", lines, _FIXED_OF_LINES)
        yield from _merge_rules(kind, kind_name, own, _FIXED)


def _merge_rules(holder: Raw, name: str, change: Mapping[str, Any], fixed: Sequence[str]) -> Iterator[str]:
    """The settings and the rules of whatever has both."""
    yield from (f"{name}: {key!r} cannot be changed by an override." for key in fixed if key in change)
    holder.update({key: value for key, value in change.items() if key not in (*_RULE_VERBS, *fixed)})
    for verb, apply in _RULE_VERBS.items():
        for rule in _listed(change.get(verb, ())):
            faults = apply(holder["rules"], rule) if isinstance(rule, Mapping) else _no_rule(rule)
            yield from (f"{name}: {verb}: {fault}" for fault in faults)


def _listed(rules: Any) -> Sequence[Any]:
    return rules if isinstance(rules, list | tuple) else (rules,)


def _no_rule(rule: object) -> Iterator[str]:
    yield f"{rule!r} is not a rule; it needs crm and books."


def _pair(rule: Mapping[str, Any]) -> tuple[Any, Any]:
    return rule.get("crm"), rule.get("books")


def _label(rule: Mapping[str, Any]) -> str:
    return f"{rule.get('crm', '?')} <-> {rule.get('books', '?')}"


def _position(rules: list[Raw], wanted: Mapping[str, Any]) -> int | None:
    return next((at for at, rule in enumerate(rules) if _pair(rule) == _pair(wanted)), None)


def _unknown(rules: list[Raw], wanted: Mapping[str, Any]) -> str:
    return (
        f"there is no rule {_label(wanted)}{did_you_mean(_label(wanted), [_label(rule) for rule in rules])}"
    )


def _change(rules: list[Raw], wanted: Mapping[str, Any]) -> Iterator[str]:
    at = _position(rules, wanted)
    yield from _reserved(wanted)
    if at is None:
        yield _unknown(rules, wanted)
    else:
        rules[at] = {**rules[at], **wanted, **_OURS}


def _add(rules: list[Raw], wanted: Mapping[str, Any]) -> Iterator[str]:
    yield from _reserved(wanted)
    if _position(rules, wanted) is None:
        rules.append({**wanted, **_OURS})
    else:
        yield f"the rule {_label(wanted)} exists already; use change to set it."


def _remove(rules: list[Raw], wanted: Mapping[str, Any]) -> Iterator[str]:
    at = _position(rules, wanted)
    if at is None:
        yield _unknown(rules, wanted)
    else:
        del rules[at]


def _reserved(wanted: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{_label(wanted)}: {key!r} is not a setting" for key in ("origin", "shape") if key in wanted)


_OURS = {"origin": "override", "shape": {}}
_RULE_VERBS: dict[str, Callable[[list[Raw], Mapping[str, Any]], Iterator[str]]] = {
    "remove": _remove,
    "change": _change,
    "add": _add,
}


def _duplicate_targets(raw: Raw) -> Iterator[str]:
    """Two rules that write one field would undo each other at every run."""
    for kind in raw["kinds"]:
        for name, rules in _ruled(kind):
            yield from _duplicates(name, rules, "to_books", "QuickBooks", "books")
            yield from _duplicates(name, rules, "to_crm", "the CRM", "crm")


def _ruled(kind: Raw) -> Iterator[tuple[str, list[Raw]]]:
    """The rules of a map and of its lines, which an override may have given any shape."""
    yield kind["name"], kind["rules"]
    lines = kind.get("lines")
    rules = lines.get("rules") if isinstance(lines, dict) else None
    yield f"{kind['name']}: lines", [one for one in _listed(rules) if isinstance(one, dict)]


def _duplicates(name: str, rules: Sequence[Raw], direction: str, place: str, end: str) -> Iterator[str]:
    writers: dict[str, str] = {}
    for rule in rules:
        if rule.get("direction", "both") not in ("both", direction):
            continue
        paths = every_path(str(rule.get(end, "?")))
        taken = next((path for path in paths if path in writers), None)
        if taken:
            yield (
                f"{name}: {writers[taken]} and {_label(rule)} both write {taken} in {place}. "
                f"Remove one of them, or set its direction."
            )
        writers = {**dict.fromkeys(paths, _label(rule)), **writers}
