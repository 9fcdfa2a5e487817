"""QuickBooks answers made from our own field tables, with values, structure, depth and counts spoilt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

import qbxml
from qbwc_server import mapping
from qbwc_server.mapping import CannotConvert
from qbwc_server.soap.identity import read_file
from tests.fuzz.profiles import FITTED

OBJECTS: Final = ("Customer", "Invoice", "SalesOrder", "ReceivePayment", "ItemService", "ItemInventory", "Company",
                  "Host", "Preferences", "Vendor", "Bill", "JournalEntry")  # fmt: skip
# What each type of leaf may hold, and at the ends of what it may.
VALUES: Final[Mapping[str, Sequence[str]]] = {
    "STR": ("Ann", "", "Ann:Bob", "x" * 300, "Müller", "☃", " a ", "a\nb\nc\nd\ne\nf\ng", "]]>", "18.0%"),
    "ID": ("80000001-1326159291", "", "-1", "80000001-1326159291-1", "x" * 60),
    "GUID": ("{22E8C9DC-320B-450d-962B-7F7A65F5A0B6}", "", "{}", "0", "22E8C9DC"),
    "AMT": ("10.00", "-0.00", "1e5", "NaN", "Infinity", "9" * 40, "1,000.00", ".5", "1.005", "1E+999999", "٣"),
    "PRICE": ("10.00000", "-1", "sNaN", "9" * 400, "0x10", ""),
    "QUAN": ("1", "1 1/2", "-0", "1e-400", "many"),
    "PERCENT": ("18.0%", "18.0", "%", "-100", "1e400"),
    "FLOAT": ("1.5", "nan", "-inf", "1" * 400, ""),
    "INT": ("1", "-1", "2147483648", "1.0", "+1", "9" * 5000, "٣"),
    "BOOL": ("true", "false", "1", "0", "TRUE", "maybe", ""),
    "DATE": ("2026-08-01", "0000-00-00", "9999-12-31", "2026-02-30", "01/08/2026", "2026-08-01T00:00:00"),
    "DATETIME": ("2026-08-01T10:00:00-05:00", "0001-01-01T00:00:00+14:00", "2026-08-01", "9999-12-31T23:59:59",
                 "2026-08-01T25:00:00", "2026-08-01T10:00:00.123456789", "now"),
    "ENUM": ("Good", "NotBillable", "", "good"),
}  # fmt: skip
Tree = list[tuple[str, "Tree | str"]]

_ANY = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), max_size=10)


def _value(field: qbxml.Field) -> st.SearchStrategy[str]:
    usual = st.sampled_from([*VALUES.get(field.type, VALUES["STR"]), *field.enum[:3]])
    return st.one_of(
        usual, usual, usual, st.sampled_from([one for each in VALUES.values() for one in each]), _ANY
    )


@st.composite
def _object(draw: st.DrawFn, name: str) -> Tree:
    """Some fields of an object in QuickBooks' order, with its id more often than not."""
    known = qbxml.fields(f"{name}Ret")
    first = [one for one in known[:4] if draw(st.integers(0, 5))]
    some = draw(st.lists(st.integers(0, len(known) - 1), max_size=7, unique=True))
    tree: Tree = []
    for field in [*first, *(known[at] for at in sorted(some) if known[at] not in first)]:
        _put(tree, field.path.split("/"), draw(_value(field)))
    return tree


def _put(tree: Tree, path: Sequence[str], value: str) -> None:
    for name in path[:-1]:
        if not tree or tree[-1][0] != name or isinstance(tree[-1][1], str):
            tree.append((name, []))
        inner = tree[-1][1]
        assert isinstance(inner, list)
        tree = inner
    tree.append((path[-1], value))


# --- spoiling ---


@st.composite
def _spoilt(draw: st.DrawFn, tree: Tree) -> Tree:
    """One change somewhere in the tree: a leaf that has children, an aggregate that is text, order, number, name."""
    if not tree:
        return [("Name", "x")]
    at = draw(st.integers(0, len(tree) - 1))
    name, inner = tree[at]
    if isinstance(inner, list) and inner and draw(st.booleans()):
        return [*tree[:at], (name, draw(_spoilt(inner))), *tree[at + 1 :]]
    other = draw(
        st.sampled_from(["Name", "ListID", "UnknownField", "Ret", "CustomerRet", "DataExtRet", "a.b", "A1"])
    )
    deep: Tree = [("a", "x")]
    for _ in range(draw(st.sampled_from((1, 5, 70)))):
        deep = [(other, deep)]
    made: Sequence[Tree] = (
        [],
        [(name, inner)] * 2,
        [(name, inner)] * draw(st.sampled_from((3, 40))),
        [(other, inner)],
        [(name, "text")],
        [(name, [(name, inner)])],
        [(name, [(other, "x"), (name, "y")])],
        [(name, "")],
        deep,
    )
    changed = [*tree[:at], *draw(st.sampled_from(made)), *tree[at + 1 :]]
    return changed[::-1] if draw(st.integers(0, 5)) == 0 else changed


def _written(tree: Tree) -> str:
    return "".join(
        f"<{name}>{escape(inner) if isinstance(inner, str) else _written(inner)}</{name}>"
        for name, inner in tree
    )


NUMBERS: Final = ("0", "1", "-1", "", "x", "99999999999999999999", "1.5", " 1 ", "٣")
CODES: Final = (
    "0",
    "0",
    "0",
    "0",
    "1",
    "500",
    "530",
    "3100",
    "3120",
    "3200",
    "3260",
    "9999",
    "-1",
    "",
    "x",
    "9" * 30,
)
SPOILT_XML: Final = (
    "<!--c-->",
    "<?p?>",
    "<![CDATA[x]]>",
    "&e;",
    "<a",
    "]]>",
    "text",
    "\0",
    "<QBXML>",
    '<x a="1"/>',
)


@st.composite
def _response(draw: st.DrawFn, number: int, known_ids: Sequence[str] = ()) -> str:
    name = draw(st.sampled_from(OBJECTS))
    verb = draw(st.sampled_from(["Query", "Query", "Query", "Add", "Mod", "Nonsense", ""]))
    rets = []
    odd = draw(st.sampled_from(["OtherRet", name, "ErrorRecovery", "Ret"]))
    called = f"{name}Ret" if draw(st.integers(0, 9)) else odd
    for _ in range(draw(st.integers(0, 3))):
        tree = draw(_object(name))
        for _ in range(draw(st.sampled_from((0, 0, 1, 2)))):
            tree = draw(_spoilt(tree))
        rets.append(f"<{called}>{_written(tree)}</{called}>")
    attributes = {
        "requestID": draw(st.sampled_from([str(number), *known_ids, *known_ids, "", "x"])),
        "statusCode": draw(st.sampled_from(CODES)),
        "statusSeverity": draw(st.sampled_from(["Info", "Info", "Warn", "Error", "", "Odd"])),
        "statusMessage": draw(st.one_of(st.just("Status OK"), _ANY)),
        "retCount": draw(st.sampled_from(NUMBERS)),
        "iteratorRemainingCount": draw(st.sampled_from(NUMBERS)),
        "iteratorID": draw(st.sampled_from(["{ABC}", "", "x"])),
    }
    given = "".join(
        f" {key}={quoteattr(value)}" for key, value in attributes.items() if draw(st.integers(0, 7))
    )
    return f"<{name}{verb}Rs{given}>{''.join(rets)}</{name}{verb}Rs>"


HEAD: Final = '<?xml version="1.0" ?>\n'
# What stands before the root, the root, attributes of the set, how many sets.
FRAMES: Final = (
    (HEAD, "QBXML", "", 1),
    ("", "QBXML", ' messageSetStatusCode="600"', 1),
    ('<?xml version="1.0"?><?qbxml version="99.0"?>', "QBXML", ' newMessageSetID="x"', 1),
    ("<!DOCTYPE QBXML>", "QBXML", "", 1),
    (HEAD, "qbxml", "", 1),
    (HEAD, "QBXML", ' a="1" a="2"', 1),
    (HEAD, "QBXML", "", 2),
    (HEAD, "QBXML", "", 0),
)


@st.composite
def answers(draw: st.DrawFn, known_ids: Sequence[str] = ()) -> str:
    """A document like an answer of QuickBooks; requests of `known_ids` are more often answered than others."""
    inner = "".join(
        draw(_response(number, known_ids)) for number in range(draw(st.sampled_from((1, 1, 2, 0, 4))))
    )
    if draw(st.integers(0, 9)) == 9:
        at = draw(st.integers(0, len(inner)))
        inner = inner[:at] + draw(st.sampled_from(SPOILT_XML)) + inner[at:]
    head, root, attributes, sets = (
        draw(st.sampled_from(FRAMES)) if draw(st.integers(0, 4)) == 0 else FRAMES[0]
    )
    return f"{head}<{root}>{f'<QBXMLMsgsRs{attributes}>{inner}</QBXMLMsgsRs>' * sets}</{root}>"


# --- what must hold ---


def read(text: str) -> None:
    """Parts or UnreadableAnswer; what was read can be told, mapped and turned into CRM values, or is refused."""
    read_file(text, "", "")
    with suppress(qbxml.UnreadableAnswer):
        for part in qbxml.parse(text):
            if isinstance(part, qbxml.Ret):
                _map(part.name.removesuffix("Ret"), part.values)
            elif isinstance(part, qbxml.Status):
                assert qbxml.status(part.code).sentence
                assert qbxml.next_step(part.code, part.message)


def _map(books_kind: str, values: Mapping[str, Any]) -> None:
    for kind_map in FITTED.kinds:
        if kind_map.books_kind == books_kind:
            flat = mapping.books_values(kind_map, values)
            mapping.maps_for(FITTED, "books", books_kind, values)
            for rule in kind_map.rules:
                with suppress(CannotConvert):
                    mapping.to_crm(rule, flat[rule.books])
                mapping.same(rule, "Ann", flat[rule.books])
            mapping.total_difference(kind_map, {"Amount": 10, "lines": []}, values)
