"""A profile's raw data checked against the models, with each fault said in a plain sentence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qbwc_server.mapping.profile import (
    Choice,
    Contributor,
    ExtraLine,
    Filter,
    Gone,
    KindMap,
    Limits,
    Lines,
    MatchField,
    Profile,
    Requirement,
    Rule,
    StatusFields,
    Total,
    all_rules,
    settings_of,
)
from qbwc_server.mapping.spelling import did_you_mean

Loc = Sequence[int | str]

# The model behind each key that holds one, to suggest the setting that was meant.
_MODELS: dict[str, type[BaseModel]] = {
    "kinds": KindMap,
    "rules": Rule,
    "choices": Choice,
    "contributors": Contributor,
    "match_fields": MatchField,
    "crm_filter": Filter,
    "promoted": Filter,
    "requires": Requirement,
    "books_filter": Filter,
    "status": StatusFields,
    "lines": Lines,
    "extra": ExtraLine,
    "gone": Gone,
    "total": Total,
    "limits": Limits,
}


def profile_or_problems(raw: Mapping[str, Any]) -> tuple[Profile | None, tuple[str, ...]]:
    """The profile, or every fault of the data."""
    try:
        profile = Profile.model_validate(raw)
    except ValidationError as error:
        return None, tuple(_sentence(raw, fault) for fault in error.errors())
    return profile, (*_twice_named(profile), *_astray(profile))


def _twice_named(profile: Profile) -> Iterator[str]:
    names = [kind.name for kind in profile.kinds]
    for name in dict.fromkeys(one for one in names if names.count(one) > 1):
        yield f"{names.count(name)} maps are called {name}. Give each a name of its own."


def _astray(profile: Profile) -> Iterator[str]:
    """Roles and settings that a rule names and the profile has not."""
    roles = {kind.role for kind in profile.kinds}
    for kind in profile.kinds:
        for rule in all_rules(kind):
            where = f"{kind.name}: {rule.crm} <-> {rule.books}"
            if rule.refers_to is not None and rule.refers_to not in roles:
                near = did_you_mean(rule.refers_to, sorted(roles))
                yield f"{where}: no map has the role {rule.refers_to!r}{near}"
        for name in dict.fromkeys(settings_of(kind)):
            if name not in profile.settings:
                near = did_you_mean(name, profile.settings)
                yield f"{kind.name}: the profile has no setting {name!r}{near}"


def _sentence(raw: Mapping[str, Any], fault: ErrorDetails) -> str:
    say = _SENTENCES.get(fault["type"], _other)
    # A fault of a whole rule stands at the rule, any other at one of its settings.
    whole = fault["type"] == "value_error" and isinstance(fault["input"], Mapping)
    return f"{_where(raw, fault['loc'] if whole else fault['loc'][:-1])}{say(fault)}"


def _where(raw: Mapping[str, Any], loc: Loc) -> str:
    """Kinds and rules by their names, since nobody counts list positions."""
    found: Any = raw
    names: list[str] = []
    for step in loc:
        found = _inside(found, step)
        if isinstance(step, int) and isinstance(found, Mapping):
            names.append(_name(found))
        elif step not in ("kinds", "rules"):
            names.append(str(step))
    return "".join(f"{name}: " for name in names)


def _inside(found: Any, step: int | str) -> Any:
    """One step into raw data that may not have the shape it should."""
    try:
        return found[step]
    except (KeyError, IndexError, TypeError):
        return None


def _name(item: Mapping[str, Any]) -> str:
    if "crm" in item or "books" in item:
        return f"{item.get('crm', '?')} <-> {item.get('books', '?')}"
    return str(item.get("name") or item.get("crm_kind") or item.get("field") or "?")


def _extra(fault: ErrorDetails) -> str:
    loc = fault["loc"]
    holder = next((_MODELS[str(step)] for step in reversed(loc[:-1]) if step in _MODELS), Profile)
    return f"{loc[-1]!r} is not a setting{did_you_mean(str(loc[-1]), _settings(holder))}"


def _settings(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(name for name in model.model_fields if name != "shape")


def _literal(fault: ErrorDetails) -> str:
    return f"{_last(fault)} is {fault['input']!r}; it can be {fault.get('ctx', {}).get('expected')}."


def _missing(fault: ErrorDetails) -> str:
    return f"{_last(fault)} is missing."


def _value_error(fault: ErrorDetails) -> str:
    return str(fault.get("ctx", {}).get("error", fault["msg"]))


def _number(fault: ErrorDetails) -> str:
    return f"{_last(fault)} is {fault['input']!r}; it must be a whole number."


def _other(fault: ErrorDetails) -> str:
    return f"{_last(fault)} is {fault['input']!r}. {fault['msg']}."


def _last(fault: ErrorDetails) -> str:
    return str(fault["loc"][-1]) if fault["loc"] else "the profile"


_SENTENCES: dict[str, Callable[[ErrorDetails], str]] = {
    "extra_forbidden": _extra,
    "int_parsing": _number,
    "int_type": _number,
    "literal_error": _literal,
    "missing": _missing,
    "value_error": _value_error,
}
