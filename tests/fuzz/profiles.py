"""What an operator writes, as structured nonsense: overrides, profiles, settings; and records for a profile to map."""

from __future__ import annotations

import copy
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from unittest import mock

from hypothesis import strategies as st

import qbxml
from qbwc_server import mapping
from qbwc_server.errors import Problem
from qbwc_server.mapping import CannotConvert, KindMap, MappingError, Profile
from qbwc_server.mapping.validation import profile_or_problems
from qbwc_server.settings import FILE, Settings, load_settings
from qbwc_server.sync.deciding import books_fields
from tests.fuzz.readers import SECRET
from tests.mapping.conftest import CRM_FIELDS

RAW: Final = (files("schemas") / "profiles" / "salesforce.json").read_text("utf-8")
SHIPPED: Final = mapping.load_profile("salesforce")


def fitted(profile: Profile) -> Profile:
    """A profile between both field lists, as a connection uses it."""
    books = {kind: books_fields(kind) for kind in mapping.books_kinds(profile)}
    return mapping.fit(profile, CRM_FIELDS, books, zone="America/Chicago")


FITTED: Final = fitted(SHIPPED)


def _words(found: Any) -> set[str]:
    """Every key and short text of a document: the words that mean something in it."""
    if isinstance(found, dict):
        return {*found}.union(*map(_words, found.values()))
    if isinstance(found, list):
        return set().union(*map(_words, found))
    return {found} if isinstance(found, str) and len(found) < 60 else set()


VERBS: Final = ("add", "remove", "change", "lines", "extra", "mode", "off", "title")
WORDS: Final = [*sorted(_words(json.loads(RAW))), *VERBS]
ODD_TEXTS: Final = ("", " ", "/", "a/b", "..", "Addr1..Addr5", "BillAddress/Addr1..Addr99999999", "a..b..c", "|",
                    "a | b", "BillAddress/Addr5..Addr1", "x" * 500, "\0", "\ud800", "😀", "%s", "{0}", "__class__",
                    "BillAddress/AddrX..Addr2", "SalesOrPurchase/Desc | ", "total()", "only_invoice()")  # fmt: skip
LEAVES: Final[st.SearchStrategy[Any]] = st.one_of(
    st.sampled_from(WORDS), st.sampled_from(ODD_TEXTS), st.none(), st.booleans(), st.integers(-2, 200), st.integers(),
    st.floats(), st.text(max_size=8), st.just(10**400),
)  # fmt: skip
JSON: Final[st.SearchStrategy[Any]] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(WORDS), st.text(max_size=5)), inner, max_size=3),
    ),
    max_leaves=8,
)


# --- overrides ---


def _elsewhere(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[Any]]:
    """What the shipped maps and rules say under a name: right there, and wrong where it is put."""
    return {name: [row[name] for row in rows if name in row] or [None] for name in names}


_KINDS: Final = json.loads(RAW)["kinds"]
_RULES: Final = [
    rule for kind in _KINDS for rule in [*kind["rules"], *kind.get("lines", {}).get("rules", [])]
]
ELSEWHERE: Final = _elsewhere(_KINDS, sorted(KindMap.model_fields)) | _elsewhere(
    _RULES, sorted(mapping.Rule.model_fields)
)


@st.composite
def _rule(draw: st.DrawFn, kind: KindMap) -> Any:
    """A rule that there is, with some settings that there are and any values; or anything."""
    if draw(st.integers(0, 9)) == 0:
        return draw(JSON)
    known = draw(st.sampled_from(kind.rules))
    pair = (
        {"crm": known.crm, "books": known.books}
        if draw(st.integers(0, 3))
        else {"crm": draw(LEAVES), "books": draw(LEAVES)}
    )
    names = draw(st.lists(st.sampled_from(sorted(mapping.Rule.model_fields)), max_size=3))
    return pair | {
        name: draw(st.one_of(st.sampled_from(ELSEWHERE[name]), JSON)) for name in names if name not in pair
    }


@st.composite
def _kind(draw: st.DrawFn) -> tuple[str, Any]:
    kind = draw(st.sampled_from(SHIPPED.kinds))
    change: dict[str, Any] = {}
    for verb in draw(st.lists(st.sampled_from(("add", "change", "remove")), max_size=2, unique=True)):
        change[verb] = draw(st.one_of(st.lists(_rule(kind), max_size=2), JSON))
    for name in draw(st.lists(st.sampled_from(sorted(KindMap.model_fields)), max_size=2)):
        change[name] = draw(st.one_of(st.sampled_from(ELSEWHERE[name]).map(copy.deepcopy), JSON))
        if isinstance(change[name], dict) and change[name] and draw(st.booleans()):
            change[name][draw(st.sampled_from(sorted(change[name])))] = draw(JSON)
    return kind.name, change


@st.composite
def overrides(draw: st.DrawFn) -> Any:
    given: dict[str, Any] = {}
    if draw(st.integers(0, 9)):
        given["kinds"] = dict(draw(st.lists(_kind(), max_size=2)))
    for name in draw(
        st.lists(
            st.sampled_from(["limits", "settings", "title", "app_name_prefix", "kinds", "x"]), max_size=2
        )
    ):
        given[name] = draw(JSON)
    return given


def override_is_told(given: Any) -> None:
    """A profile that works, or MappingError with sentences."""
    try:
        profile = mapping.load_profile("salesforce", given)
    except MappingError as refused:
        problems = refused.problems
    else:
        mapping.diff(profile)
        used(profile)
        return
    assert problems
    assert all(text and "Traceback" not in text for text in problems)


def used(profile: Profile) -> None:
    """What is done with every profile: checked against the fields, told, fitted and mapped with."""
    books = {kind: books_fields(kind) for kind in mapping.books_kinds(profile)}
    for version in (None, "13.0", "8.0"):
        for problem in mapping.check(profile, CRM_FIELDS, books, version):
            assert problem.text
    mapping.explain(profile, "Phone")
    profile.model_dump_json()
    for kind_map in fitted(profile).kinds:
        mapped(kind_map, profile.settings, {"Name": "Ann", "Amount": Decimal("1.10")}, {"Name": "Ann"})


# --- whole profiles ---


EDITS: Final = ("put", "put", "take", "repeat", "swap")
Edit = tuple[Sequence[int], str, Any]


def profiles() -> st.SearchStrategy[list[Edit]]:
    """What is changed in the shipped document: the way to a place, what happens there, anything to put there."""
    way = st.lists(st.integers(0, 30), min_size=1, max_size=5)
    return st.lists(st.tuples(way, st.sampled_from(EDITS), JSON), min_size=1, max_size=3)


def _edit(document: Any, way: Sequence[int], act: str, value: Any) -> None:
    holder, key = document, next(iter(document))
    for number in way:
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        key = keys[number % len(keys)]
        if not (isinstance(holder[key], dict | list) and holder[key]):
            break
        inner = holder[key]
        holder, key = (inner, next(iter(inner))) if isinstance(inner, dict) else (inner, 0)
    if act == "take":
        del holder[key]
    elif act == "repeat" and isinstance(holder, list):
        holder.append(holder[key])
    elif act == "swap":
        holder[key] = holder[list(holder)[-1] if isinstance(holder, dict) else -1]
    else:
        holder[key] = value


def profile_is_told(edits: list[Edit]) -> None:
    """A profile or sentences; one that names objects of QuickBooks that there are can be used."""
    document = json.loads(RAW)
    for edit in edits:
        if document:
            _edit(document, *edit)
    profile, problems = profile_or_problems(document)
    assert profile or problems
    if profile and not problems and {*mapping.books_kinds(profile)} <= {*mapping.books_kinds(SHIPPED)}:
        used(profile)


# --- records ---

MOMENT: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
CRM_VALUES: Final[Mapping[str, Sequence[Any]]] = {
    "text": ("Ann", "", "Ann:Bob", "x" * 5000, "a\nb\nc\nd\ne\nf\ng", "☃", "\ud800", "\0", "Müller", "]]>", " \n ",
             "😀" * 90),
    "decimal": (Decimal(1), Decimal("-0.00"), Decimal("1.005"), Decimal("1E+30"), Decimal("1E-30"), Decimal("9" * 40),
                Decimal("NaN"), Decimal("Infinity"), Decimal("1E+999999")),
    "date": (date(2026, 3, 1), date(1, 1, 1), date(9999, 12, 31), "2026-02-30", ""),
    "datetime": (MOMENT, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), "now"),
    "boolean": (True, False, "true", 1),
    "choice": ("Invoice", "Sales Order", "Service", "Mr.", "", "anything"),
    "reference": ("001Ann", "", "x" * 40),
}  # fmt: skip
LINES: Final = "lines."


def _crm_value(field: Any) -> st.SearchStrategy[Any]:
    usual = st.sampled_from([*CRM_VALUES.get(field.type, CRM_VALUES["text"]), None])
    return st.one_of(
        usual, usual, usual, st.sampled_from([one for each in CRM_VALUES.values() for one in each])
    )


@st.composite
def records(draw: st.DrawFn) -> tuple[KindMap, dict[str, Any], dict[str, Any]]:
    """A map, a CRM record with any values in the fields it reads, and what QuickBooks holds already."""
    kind_map = draw(st.sampled_from(FITTED.kinds))
    fields = CRM_FIELDS.get(kind_map.crm_kind, ())
    own = {
        one.name: draw(_crm_value(one))
        for one in fields
        if not one.name.startswith(LINES) and draw(st.integers(0, 2))
    }
    below = [one for one in fields if one.name.startswith(LINES)]
    if below:
        own["lines"] = [
            {"Id": f"line-{number}"} | {one.name.removeprefix(LINES): draw(_crm_value(one)) for one in below}
            for number in range(draw(st.integers(0, 3)))
        ]
    held: dict[str, Any] = {}
    for field in draw(st.lists(st.sampled_from(qbxml.fields(f"{kind_map.books_kind}Ret")), max_size=6)):
        held[field.path.split("/")[0]] = draw(
            st.sampled_from(["x", {}, {"Addr1": "Ann", "FullName": "A"}, [], [{}], Decimal(1), ""])
        )
    return kind_map, own, held


def record_is_mapped(given: tuple[KindMap, dict[str, Any], dict[str, Any]]) -> None:
    kind_map, own, held = given
    settings = dict.fromkeys(SHIPPED.settings, "Sales")
    mapped(kind_map, settings, own, held)


def mapped(
    kind_map: KindMap, settings: Mapping[str, str], own: Mapping[str, Any], held: Mapping[str, Any]
) -> None:
    """From the CRM to a checked request, as a visit does it; CannotConvert says what does not fit."""
    contributors = {one.name: own for one in kind_map.contributors}
    mapping.unmet(kind_map, own)
    mapping.left_out(kind_map.crm_filter, own)
    crm, books = mapping.crm_values(kind_map, own, contributors), mapping.books_values(kind_map, held)
    flat: dict[str, Any] = {}
    for rule in mapping.rules_to(kind_map, "books", creating=True):
        mapping.same(rule, crm[rule.crm], books[rule.books])
        with suppress(CannotConvert):
            value = mapping.to_books(rule, crm[rule.crm]).value
            flat |= {} if value is None else {rule.books: value}
    document = mapping.document_lines(kind_map, own, settings, lambda role, crm_id: "80000001-1")
    with suppress(CannotConvert):
        complete = mapping.with_defaults(kind_map, flat, "books", settings)
        tree = mapping.books_tree(kind_map, complete, None)
        if kind_map.lines:
            tree[f"{kind_map.lines.books}Add"] = document.lines
        _judged(f"{kind_map.books_kind}Add", tree)
    _judged(f"{kind_map.books_kind}Mod", mapping.books_tree(kind_map, flat, held))


def _judged(name: str, tree: Mapping[str, Any]) -> None:
    """What the check lets through can be built; nothing else reaches QuickBooks' parser."""
    request = qbxml.Request(f"{name}Rq", {name: tree}, "1")
    if not qbxml.validate(request):
        qbxml.build([request])


# --- settings ---


def _toml(value: Any) -> str:
    """A value in TOML's spelling, which is JSON's but for tables and for what TOML does not have."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return "nan" if value is None else json.dumps(value)


@st.composite
def settings(draw: st.DrawFn) -> tuple[bytes, dict[str, str]]:
    """A settings file, and variables of the environment beside it."""
    names = sorted(Settings.model_fields)
    usual = st.sampled_from(
        [1, 30, 300, "INFO", "debug", "https://books.example.com/qbwc", "", 2**63, -1, 0.5, True]
    )
    keys = draw(
        st.lists(st.one_of(st.sampled_from(names), st.sampled_from(names), st.text(max_size=4)), max_size=4)
    )
    lines = [
        f"{name if name in names else json.dumps(name)} = {_toml(draw(st.one_of(usual, JSON)))}"
        for name in keys
    ]
    text = "\n".join(lines).encode("utf-8", "surrogatepass")
    plain = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
    values = st.one_of(plain, st.sampled_from(["1", "{}", "[]", "null", "1e9", "٣", SECRET]))
    environ = draw(
        st.dictionaries(
            st.sampled_from([f"QBWC_{one.upper()}" for one in names if one != "home"]), values, max_size=2
        )
    )
    return text, environ


def settings_are_told(given: tuple[bytes, dict[str, str]]) -> None:
    """Settings within their limits, or a sentence that names the file."""
    text, environ = given
    with tempfile.TemporaryDirectory() as home, mock.patch.dict(os.environ, environ):
        (Path(home) / FILE).write_bytes(text)
        try:
            found, told = load_settings(Path(home)), ""
        except Problem as refused:
            found, told = None, refused.text
    if found is None:
        assert FILE in told
        return
    assert found.max_bytes > 0
    assert found.database
    assert found.keep_exchanges.days > 0
