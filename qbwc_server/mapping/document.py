"""Tables of the README and the JSON schema of a profile, generated from what the code does."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from qbwc_server.mapping.converters import CONVERTERS
from qbwc_server.mapping.derived import DERIVED
from qbwc_server.mapping.load import load_profile, shipped
from qbwc_server.mapping.paths import ways_of
from qbwc_server.mapping.profile import KindMap, Profile, Rule

_ARROW = {"both": "<->", "to_books": "->", "to_crm": "<-"}
_END = "<!-- end of the generated part -->"


def schema_text() -> str:
    """The JSON schema that an editor checks a profile against."""
    return json.dumps(Profile.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def tables() -> dict[str, str]:
    """The generated parts of the README by their marks."""
    rules = {f"rules of {name}": _profile_tables(load_profile(name)) for name in shipped()}
    return {"converters": _converter_table(), "derived values": _derived_table(), **rules}


def filled(text: str) -> str:
    """The README with each generated part made anew; raises ValueError when a mark is missing."""
    for mark, table in tables().items():
        begin = f"<!-- generated: {mark} -->"
        head, _, rest = text.partition(begin)
        _, found, tail = rest.partition(_END)
        if not found:
            raise ValueError(f"the text has no part {begin} ... {_END}")
        text = f"{head}{begin}\n{table}{_END}{tail}"
    return text


def write(readme: Path, schema: Path) -> None:
    """Renews both files in a source checkout."""
    readme.write_text(filled(readme.read_text("utf-8")), "utf-8")
    schema.write_text(schema_text(), "utf-8")


def _converter_table() -> str:
    return _table(("converter", "what it does"), ((c.name, c.doc) for c in CONVERTERS.values()))


def _derived_table() -> str:
    rows = ((one.name, ", ".join(one.needs), one.doc) for one in DERIVED.values())
    return _table(("value", "made from", "what it is"), rows)


def _profile_tables(profile: Profile) -> str:
    return "\n".join(_kind_table(kind) for kind in profile.kinds)


def _kind_table(kind: KindMap) -> str:
    """The rules of a map, its own first, then those of its lines."""
    crm = kind.name if kind.name == kind.crm_kind else f"{kind.name}: {kind.crm_kind}"
    table = _rules_table(crm, kind.books_kind, kind.rules)
    if kind.lines is None:
        return table
    return f"{table}\n{_rules_table(f'{crm}, lines', kind.lines.books, kind.lines.rules)}"


def _rules_table(crm: str, books: str, rules: Iterable[Rule]) -> str:
    head = (crm, "", f"{books} in QuickBooks", "converter", "too long", "notes")
    return _table(head, (_row(rule) for rule in rules))


_CREATED: dict[bool | str, str] = {
    True: "only_on_create",
    "books": "only_on_create in QuickBooks",
    "crm": "only_on_create in the CRM",
}


def _row(rule: Rule) -> Sequence[str]:
    notes = [name for name in ("required", "clear_when_empty") if getattr(rule, name)]
    notes += [_CREATED[rule.only_on_create]] if rule.only_on_create else []
    notes += [f"follows {rule.follows}"] if rule.follows else []
    notes += [f"else {rule.setting}"] if rule.setting else []
    notes += [f"role {rule.refers_to}"] if rule.refers_to else []
    # A bar would end the cell.
    books = " or ".join(ways_of(rule.books))
    return rule.crm, _ARROW[rule.direction], books, rule.converter, rule.too_long, ", ".join(notes)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
