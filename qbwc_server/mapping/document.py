"""Tables of the README and the JSON schema of a profile, generated from what the code does."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from qbwc_server.mapping.converters import CONVERTERS
from qbwc_server.mapping.load import load_profile, shipped
from qbwc_server.mapping.profile import KindMap, Profile, Rule

_ARROW = {"both": "<->", "to_books": "->", "to_crm": "<-"}
_END = "<!-- end of the generated part -->"


def schema_text() -> str:
    """The JSON schema that an editor checks a profile against."""
    return json.dumps(Profile.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def tables() -> dict[str, str]:
    """The generated parts of the README by their marks."""
    rules = {f"rules of {name}": _profile_tables(load_profile(name)) for name in shipped()}
    return {"converters": _converter_table(), **rules}


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


def _profile_tables(profile: Profile) -> str:
    return "\n".join(_kind_table(kind) for kind in profile.kinds)


def _kind_table(kind: KindMap) -> str:
    rows = (_row(rule) for rule in kind.rules)
    return _table(
        (kind.crm_kind, "", f"{kind.books_kind} in QuickBooks", "converter", "too long", "notes"), rows
    )


def _row(rule: Rule) -> Sequence[str]:
    notes = [name for name in ("required", "clear_when_empty", "only_on_create") if getattr(rule, name)]
    return rule.crm, _ARROW[rule.direction], rule.books, rule.converter, rule.too_long, ", ".join(notes)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
