"""The data flow of a mapping: what moves where, when, and what must be there first; as rows, a picture and a page."""

from collections.abc import Iterator, Sequence
from typing import Any

from qbwc_server import mapping
from qbwc_server.cli.mapped import condition, narrowed
from qbwc_server.mapping import KindMap, Profile

Row = dict[str, Any]
QUICKBOOKS = "QuickBooks"


def flow_rows(profile: Profile) -> list[Row]:
    """One row for each kind and way that records go, in the order of the mapping; nothing of kinds that are off."""
    return [
        row
        for kind in profile.kinds
        for side in ("books", "crm")
        if (row := _row(profile, kind, "books" if side == "books" else "crm"))
    ]


def _row(profile: Profile, kind: KindMap, side: mapping.Side) -> Row | None:
    """The way to one side; None where nothing goes there."""
    creates, updates = (
        kind.may_create(side),
        kind.may_update(side) and bool(mapping.rules_to(kind, side, creating=False)),
    )
    if not creates and not updates:
        return None
    ours = f"{profile.title} {narrowed(kind.crm_kind, kind.crm_filter)}"
    theirs = f"{QUICKBOOKS} {narrowed(kind.books_kind, kind.books_filter)}"
    does = [
        word
        for word, done in (("creates", creates), ("updates", updates and not _is_once(kind, side)))
        if done
    ]
    return {
        "kind": kind.name,
        "from": ours if side == "books" else theirs,
        "to": theirs if side == "books" else ours,
        "does": does,
        "when": _when(profile, kind, side, creates=creates),
        "first": _first(kind, side),
        "fields": len(mapping.rules_to(kind, side, creating=True)) + len(_line_rules(kind, side)),
    }


def _is_once(kind: KindMap, side: mapping.Side) -> bool:
    return kind.once and side == "books"


def _line_rules(kind: KindMap, side: mapping.Side) -> list[mapping.Rule]:
    return [rule for rule in kind.lines.rules if rule.goes_to(side)] if kind.lines else []


def _when(profile: Profile, kind: KindMap, side: mapping.Side, *, creates: bool) -> str:
    if side == "crm":
        return "it was modified in QuickBooks since the last update (time stamp)"
    if not creates:
        return "it is linked, and was edited in the CRM"
    along = [f"its {kind.part_of.role} is linked"] if kind.part_of and kind.goes_along else []
    asked = [condition(kind.promoted)] if kind.promoted else []
    needed = ["another record needs it"] if _is_needed(profile, kind) else []
    return ", or ".join([*asked, *along, *needed])


def _is_needed(profile: Profile, kind: KindMap) -> bool:
    """Whether records of another kind bring those of this one to QuickBooks."""
    alive = [one for one in profile.kinds if one.mode != "off"]
    brought = {bringing.role for one in alive for bringing in one.brings}
    return kind.role in brought.union(*(_roles(one) for one in alive))


def _first(kind: KindMap, side: mapping.Side) -> list[str]:
    """The kinds whose records are made first, because these refer to them; and what a person must have filled in."""
    referring = [rule for rule in mapping.all_rules(kind) if rule.refers_to and rule.goes_to(side)]
    roles = dict.fromkeys(str(rule.refers_to) for rule in referring)
    needed = [one.field for one in kind.requires] if side == "books" else []
    if kind.required_key:
        needed.append(kind.required_key)
    return [*roles, *needed]


# --- a picture ---


def picture(profile: Profile) -> str:
    """The process map as a Mermaid flowchart: what goes where, and dotted what must be there first."""
    rows = flow_rows(profile)
    return "\n".join(["flowchart LR", *_boxes(profile, rows), *_arrows(rows), *_waits(profile, rows)]) + "\n"


def _boxes(profile: Profile, rows: Sequence[Row]) -> Iterator[str]:
    kinds = {row["kind"] for row in rows}
    shown = [one for one in profile.kinds if one.name in kinds]
    for place, title, names in (
        ("crm", profile.title, dict.fromkeys(one.crm_kind for one in shown)),
        ("books", QUICKBOOKS, dict.fromkeys(one.books_kind for one in shown)),
    ):
        yield f'  subgraph {place}["{title}"]'
        yield from (f'    {place}_{name}["{name}"]' for name in names)
        yield "  end"


def _arrows(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        yield f"  {_box(row['from'])} -->|{row['kind']}: {' and '.join(row['does'])}| {_box(row['to'])}"


def _box(end: str) -> str:
    name = end.partition(" (")[0].rpartition(" ")[2]
    return f"{'books' if end.startswith(QUICKBOOKS) else 'crm'}_{name}"


def _waits(profile: Profile, rows: Sequence[Row]) -> Iterator[str]:
    going = {row["kind"] for row in rows if row["to"].startswith(QUICKBOOKS)}
    alive = [one for one in profile.kinds if one.name in going]
    made = {
        (one.books_kind, first.books_kind) for one in alive for first in alive if first.role in _roles(one)
    }
    yield from (f"  books_{one} -. needs .-> books_{first}" for one, first in sorted(made) if one != first)


def _roles(kind: KindMap) -> set[str]:
    return {
        str(rule.refers_to) for rule in mapping.all_rules(kind) if rule.refers_to and rule.goes_to("books")
    }


# --- a page ---


def page(profile: Profile) -> str:
    """A page about a mapping for those who use it: overview, data flow, process map, pre-requisites, run."""
    rows = flow_rows(profile)
    parts = {
        "Overview": _overview(profile, rows),
        "Data flow": _table(rows),
        "Process map": f"```mermaid\n{picture(profile)}```",
        "Pre-requisites": "\n".join(f"- {one}" for one in _prerequisites(profile)),
        "Run": _run(profile),
    }
    sections = "\n\n".join(f"## {title}\n\n{text}" for title, text in parts.items())
    return f"# {profile.title} and {QUICKBOOKS}\n\n{sections}\n"


def _overview(profile: Profile, rows: Sequence[Row]) -> str:
    out = dict.fromkeys(row["kind"] for row in rows if row["to"].startswith(QUICKBOOKS))
    back = dict.fromkeys(row["kind"] for row in rows if not row["to"].startswith(QUICKBOOKS))
    return (
        f"To {QUICKBOOKS}: {', '.join(out) or 'nothing'}. To {profile.title}: {', '.join(back) or 'nothing'}."
    )


def _table(rows: Sequence[Row]) -> str:
    head = "| Kind | From | To | Does | When | First |\n| --- | --- | --- | --- | --- | --- |"
    lines = [
        f"| {row['kind']} | {row['from']} | {row['to']} | {', '.join(row['does'])} | {row['when']} "
        f"| {', '.join(row['first'])} |"
        for row in rows
    ]
    return "\n".join([head, *lines])


def _prerequisites(profile: Profile) -> Iterator[str]:
    for kind in profile.kinds:
        if kind.mode != "off":
            yield from (f"{kind.name}: {one.field} is filled in. Else: {one.reason}" for one in kind.requires)
    for name, value in profile.settings.items():
        yield f"Setting {name}: {value or 'not set yet'}"


def _run(profile: Profile) -> str:
    return (
        f"In the Web Connector tick the application “{profile.app_name_prefix} - ...” and press Update Selected, or "
        "tick Auto-Run. Its password is asked once; let the Web Connector save it. Auto-Run works while the Web "
        "Connector is open."
    )
