"""From records to flat values and back: what a rule sees on each side, and what a write sends.

Flat values are keyed by the rule's own name of the field: `rule.crm` ("Phone", "PrimaryContact.Email") or
`rule.books` ("BillAddress/City", "BillAddress/Addr1..Addr5"). In flat values that are *read*, None is empty.
In flat values that are *written*, None is left out and "" clears.
"""

from collections.abc import Mapping, Sequence

from qbwc_server.mapping.addressee import Names, names_of, split
from qbwc_server.mapping.conversion import Converted, Target
from qbwc_server.mapping.converters import CONVERTERS
from qbwc_server.mapping.derived import DERIVED
from qbwc_server.mapping.errors import CannotConvert
from qbwc_server.mapping.paths import Nested, heads_address, leaf_at, parts_of, paths_of, way_in
from qbwc_server.mapping.profile import LINES, Contributor, KindMap, Rule, Side
from qbwc_server.mapping.value import Value, as_text, normal


def crm_values(
    kind_map: KindMap, values: Mapping[str, object], contributors: Mapping[str, Mapping[str, object] | None]
) -> dict[str, Value]:
    """Every mapped CRM value in normal form, by `rule.crm`; None throughout for an absent contributor.

    A street that begins with the account's own name reads without it, as it does in `books_values`.
    """
    sources = {"": values, **contributors}
    flat = {
        rule.crm: normal((sources.get(rule.contributor) or {}).get(rule.crm_field)) for rule in kind_map.rules
    }
    names = names_of(kind_map.addressee, {rule.books: flat[rule.crm] for rule in kind_map.rules})
    for rule in kind_map.rules:
        street = flat[rule.crm]
        if heads_address(rule.books) and isinstance(street, str):
            flat[rule.crm] = "\n".join(split(street.split("\n"), names)[1]).strip() or None
    return flat


def books_values(kind_map: KindMap, ret: Nested) -> dict[str, Value]:
    """Every mapped QuickBooks value in normal form, keyed by `rule.books`, from a parsed ...Ret."""
    names = names_of(kind_map.addressee, ret)
    return {rule.books: _read(ret, rule, names) for rule in kind_map.rules}


def to_books(rule: Rule, value: object) -> Converted:
    """What the CRM value becomes in QuickBooks.

    An empty value becomes None (send nothing), or "" when the rule clears. Raises CannotConvert.
    """
    return _convert(rule, "books", value)


def to_crm(rule: Rule, value: object) -> Converted:
    """What the QuickBooks value becomes in the CRM; None and "" as in `to_books`. Raises CannotConvert."""
    return _convert(rule, "crm", value)


def same(rule: Rule, crm_value: object, books_value: object) -> bool:
    """Whether both sides mean the same: one is what the other would become."""
    crm, books = normal(crm_value), normal(books_value)
    if crm is None or books is None:
        return crm is books
    return _becomes(rule, "books", crm) == books or _becomes(rule, "crm", books) == crm


def rules_to(kind_map: KindMap, side: Side, *, creating: bool) -> tuple[Rule, ...]:
    """The rules that write to a side, with the only-on-create ones when the target is being created."""
    return tuple(r for r in kind_map.rules if r.goes_to(side) and (creating or not r.only_with_new(side)))


def with_defaults(
    kind_map: KindMap, flat: Mapping[str, Value], side: Side, settings: Mapping[str, str] | None = None
) -> dict[str, Value]:
    """The values for a create: where the source is empty, the rule's default stands in, toward books its setting.

    A record that is made in the CRM also gets the value by which it belongs to this map (`crm_filter`).
    `settings` are those of the profile. Raises CannotConvert when a required value has neither.
    """
    empty = [
        rule for rule in rules_to(kind_map, side, creating=True) if flat.get(_key(rule, side)) in (None, "")
    ]
    given = {
        _key(rule, side): _default(kind_map, rule, side, settings or {})
        for rule in empty
        if rule.setting is None or rule.required or side == "crm" or _has_place(rule, flat)
    }
    made = {**flat, **{key: default for key, default in given.items() if default}}
    return {**_belonging(kind_map), **made} if side == "crm" else made


def _has_place(rule: Rule, flat: Mapping[str, Value]) -> bool:
    """A setting does not begin a part of its own: an item is not bought because there is an account for it."""
    part, inside, _ = way_in(rule.books, {}).partition("/")
    return not inside or part.endswith("Ref") or part in parts_of(flat)


def _belonging(kind_map: KindMap) -> dict[str, Value]:
    chosen = kind_map.crm_filter
    return {chosen.field: chosen.any_of[0]} if chosen and chosen.any_of else {}


def setting_of(settings: Mapping[str, str], name: str, why: str, *, field: str) -> str:
    """The value of a setting that cannot be done without; raises CannotConvert when it is empty.

    `why` is the beginning of the sentence: what needs it.
    """
    if found := settings.get(name, "").strip():
        return found
    text = (
        f"{why}, and the setting {name} is empty. Name it as QuickBooks does: "
        f'qbwc-server mapping set CONNECTION settings.{name} "..."'
        + (f", or fill {field} in the CRM." if field else ".")
    )
    raise CannotConvert(text, field=field, value=None, code="setting")


def _default(kind_map: KindMap, rule: Rule, side: Side, settings: Mapping[str, str]) -> str | None:
    if rule.default or rule.setting is None or side == "crm":
        return rule.default
    if not rule.required:
        return settings.get(rule.setting) or None
    why = f"A new {kind_map.books_kind} in QuickBooks needs {way_in(rule.books, {})}"
    return setting_of(settings, rule.setting, why, field=rule.crm)


def crm_writes(kind_map: KindMap, flat: Mapping[str, Value]) -> dict[str, dict[str, Value]]:
    """CRM values by the record they go to: "" is the record itself, else the contributor's name."""
    writes: dict[str, dict[str, Value]] = {}
    for name in _belonging(kind_map):
        if name in flat:
            writes[""] = {name: flat[name]}
    for rule in kind_map.rules:
        value = flat.get(rule.crm)
        if value is not None:
            writes.setdefault(rule.contributor, {})[rule.crm_field] = None if value == "" else value
    return writes


def crm_reads(kind_map: KindMap) -> dict[str, tuple[str, ...]]:
    """The CRM fields to ask for, by record: "" is the record itself, else the contributor's name."""
    reads: dict[str, list[str]] = {"": _own_fields(kind_map)}
    for contributor in kind_map.contributors:
        reads[contributor.name] = [name for name in (contributor.parent, contributor.key) if name]
    for rule in kind_map.rules:
        reads.setdefault(rule.contributor, []).append(rule.crm_field)
    return {name: tuple(dict.fromkeys(fields)) for name, fields in reads.items()}


def gone_values(kind_map: KindMap) -> dict[str, Value]:
    """What a CRM record shows once its QuickBooks object was deleted, in CRM field names."""
    rules = {rule.crm: rule for rule in kind_map.rules if rule.goes_to("crm")}
    return {
        one.crm: to_crm(rules[one.crm], one.shows).value if one.crm in rules else one.shows
        for one in kind_map.gone
    }


def lacking(contributor: Contributor, values: Mapping[str, object]) -> tuple[str, ...]:
    """The fields without which the CRM would refuse to create this contributing record, and that are empty."""
    return tuple(name for name in contributor.required_fields if normal(values.get(name)) in (None, ""))


def line_reads(kind_map: KindMap) -> tuple[str, ...]:
    """The fields of CRM lines to ask for, as the CRM's field list names them: "lines.Quantity"."""
    lines = kind_map.lines
    if lines is None:
        return ()
    names = [rule.crm for rule in lines.rules] + [lines.item] + ([lines.line_id] if lines.line_id else [])
    return tuple(f"{LINES}{name}" for name in dict.fromkeys(names))


def _own_fields(kind_map: KindMap) -> list[str]:
    named = [one.field for one in (kind_map.crm_filter, kind_map.promoted, *kind_map.requires) if one]
    chosen = [name for name in named if name != LINES.rstrip(".")]
    status = [name for name in kind_map.status.model_dump().values() if name]
    keys = [field.crm for field in kind_map.match_fields if "." not in field.crm]
    extra = [one.crm for one in kind_map.lines.extra] if kind_map.lines else []
    total = [one for one in (kind_map.total.crm, kind_map.total.tax) if one] if kind_map.total else []
    vias = [contributor.via for contributor in kind_map.contributors] + [one.field for one in kind_map.brings]
    vias += [kind_map.part_of.crm] if kind_map.part_of else []
    return [*chosen, *status, *keys, *vias, *extra, *total, *line_reads(kind_map)]


def _key(rule: Rule, side: Side) -> str:
    return rule.books if side == "books" else rule.crm


def _convert(rule: Rule, side: Side, value: object) -> Converted:
    plain, target = normal(value), _target(rule, side)
    if plain is None:
        return _empty(rule, target)
    converter = CONVERTERS[rule.converter]
    converted = (converter.to_books if side == "books" else converter.to_crm)(plain, target)
    if converted.value is None and rule.required:
        raise _missing(target, value)
    return converted


def _empty(rule: Rule, target: Target) -> Converted:
    stands_in = rule.default or (rule.setting if target.side == "books" else None)
    if rule.required and stands_in is None:
        raise _missing(target, None)
    return Converted("" if rule.clear_when_empty else None)


def _missing(target: Target, value: object) -> CannotConvert:
    return target.refusal(f"{target.field} is empty. Fill it in {target.source}.", value, "required")


def _becomes(rule: Rule, side: Side, value: Value) -> Value:
    try:
        return normal(_convert(rule, side, value).value)
    except CannotConvert:
        return None


def _target(rule: Rule, side: Side) -> Target:
    to_books = side == "books"
    return Target(
        side=side,
        field=rule.crm if to_books else rule.books,
        length=rule.shape.books_length if to_books else rule.shape.crm_length,
        lines=len(paths_of(way_in(rule.books, {}))),
        too_long=rule.too_long,
        choices=tuple((choice.crm, choice.books) for choice in rule.choices),
        zone=rule.shape.zone,
    )


def _read(ret: Nested, rule: Rule, names: Names) -> Value:
    way = way_in(rule.books, ret)
    if way in DERIVED:
        return DERIVED[way].make(ret)
    found = [normal(leaf_at(ret, path)) for path in paths_of(way)]
    if len(found) == 1:
        return found[0]
    return "\n".join(_street([as_text(line) for line in found if line is not None], way, names)) or None


def _street(lines: Sequence[str], books: str, names: Names) -> Sequence[str]:
    return split(lines, names)[1] if heads_address(books) else lines
