"""Which map a record belongs to, and what it lacks before it may go to QuickBooks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from qbwc_server.mapping.paths import leaf_at
from qbwc_server.mapping.profile import Filter, KindMap, Profile, Requirement, Side
from qbwc_server.mapping.value import as_text, normal

Values = Mapping[str, Any]


def maps_for(profile: Profile, side: Side, kind: str, values: Values) -> list[KindMap]:
    """The maps that a record of this kind belongs to.

    In the CRM the map's `crm_filter` must let the values through; in QuickBooks every map of the kind counts.
    """
    return [one for one in _alive(profile) if (side, kind) in one.ends() and _belongs(one, side, values)]


def why_no_map(profile: Profile, kind: str, values: Values) -> str:
    """What keeps a CRM record out of every map of its kind, and what to choose; "" when a map takes it."""
    maps = [one for one in _alive(profile) if one.crm_kind == kind]
    if not maps:
        return f"{profile.name} maps no {kind}."
    if any(_belongs(one, "crm", values) for one in maps):
        return ""
    filters = [one.crm_filter for one in maps if one.crm_filter is not None]
    reasons = dict.fromkeys(one.reason for one in filters if one.reason)
    return " ".join((*_choices(filters, values), *reasons))


def left_out(chosen: Filter | None, values: Values) -> str | None:
    """Why a record is not looked at, or None when the filter lets it through."""
    if chosen is None:
        return None
    found = as_text(normal(held(values, chosen.field)))
    if (not chosen.any_of or found in chosen.any_of) and found not in chosen.none_of:
        return None
    wanted = " or ".join(one or "empty" for one in chosen.any_of)
    return chosen.reason or f"{chosen.field} is {found or 'empty'}{f', not {wanted}' if wanted else ''}."


def lacks_key(kind_map: KindMap, side: Side, values: Values) -> str:
    """Why a record without the match key that the map requires is left alone; "" for all others."""
    field = next((one for one in kind_map.match_fields if one.by == kind_map.required_key), None)
    if field is None:
        return ""
    name = field.crm if side == "crm" else field.books
    if as_text(normal(held(values, name))):
        return ""
    place = "the CRM" if side == "crm" else "QuickBooks"
    return f"{name} is empty in {place}, and records are matched by it. Fill it in."


def unmet(kind_map: KindMap, values: Values) -> str | None:
    """What the first requirement that the record does not fulfil says to a person; None when all are."""
    return next((one.reason for one in kind_map.requires if not _fulfils(one, values)), None)


def held(values: Values, field: str) -> Any:
    """A field by its name or path, one of a record above ("Pricebook2.IsStandard") also where it is nested."""
    return values[field] if field in values else leaf_at(values, field.replace(".", "/"))


def _alive(profile: Profile) -> Iterator[KindMap]:
    return (one for one in profile.kinds if one.mode != "off")


def _belongs(kind_map: KindMap, side: Side, values: Values) -> bool:
    return side == "books" or left_out(kind_map.crm_filter, values) is None


def _choices(filters: Sequence[Filter], values: Values) -> Iterable[str]:
    """One sentence for each field that the filters ask about: what it holds, and what it could."""
    for field in dict.fromkeys(one.field for one in filters):
        known = dict.fromkeys(label for one in filters if one.field == field for label in one.any_of)
        found = as_text(normal(held(values, field))) or "empty"
        yield f"{field} is {found}: choose {_either(tuple(known))}."


def _either(labels: Sequence[str]) -> str:
    return " or ".join(part for part in (", ".join(labels[:-1]), labels[-1]) if part)


def _fulfils(wanted: Requirement, values: Values) -> bool:
    found = held(values, wanted.field)
    if isinstance(found, list | tuple):
        return bool(found)
    text = as_text(normal(found))
    return text in wanted.any_of if wanted.any_of else bool(text)
