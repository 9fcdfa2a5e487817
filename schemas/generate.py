"""Derive the qbXML field tables from a folder with the reference files.

    python -m schemas.generate REFERENCE_FOLDER

The folder holds the XSD of qbXML 13.0 (structure, types, enumerations), fields140.tsv (first version,
lengths and products of each field) and requests.tsv (first version of each request). Only facts are taken:
names, order, types, numbers. The result replaces qbxml_fields.tsv beside this module; its layout is
described in the README.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from lxml import etree

XSD = "{http://www.w3.org/2001/XMLSchema}"
XSD_FILES = ("qbxmltypes130.xsd", "qbxml130.xsd", "qbxmlops130.xsd")
TABLE = Path(__file__).with_name("qbxml_fields.tsv")
DESKTOP = "QBD"  # the United States edition in the product column of the reference

XsdNode: TypeAlias = "etree._Element"


@dataclass(frozen=True)
class Fact:
    """What the annotated message list says about one path: first version, length, sold in the US desktop product."""

    since: str = ""
    length: str = ""
    elsewhere: bool = False


@dataclass(frozen=True)
class Attribute:
    name: str
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Node:
    """A field (type given), an aggregate (shape given) or a group ("choice"/"sequence"), as the tables hold it."""

    name: str
    low: int
    high: str
    type: str = ""
    length: str = ""
    limits: str = ""
    choices: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    fact: Fact = field(default_factory=Fact)
    parts: tuple[Node, ...] = ()

    @property
    def is_group(self) -> bool:
        return self.name in GROUP_SIGNS

    @property
    def is_aggregate(self) -> bool:
        return not self.is_group and not self.type


GROUP_SIGNS = {"choice": "(|", "sequence": "(,"}


# -- the XSD ---------------------------------------------------------------------------------------


class Schema:
    """The global declarations of the XSD, and trees made from them."""

    def __init__(self, folder: Path) -> None:
        self._declared: dict[tuple[str, str], XsdNode] = {}
        for name in XSD_FILES:
            for node in etree.parse(str(folder / name)).getroot().iterchildren(f"{XSD}*"):
                self._declared[(_kind(node), node.get("name", ""))] = node

    def messages(self) -> tuple[str, ...]:
        """Every request and response name, in the order of the XSD."""
        sets = (self._declared[("element", name)] for name in ("QBXMLMsgsRq", "QBXMLMsgsRs"))
        return tuple(_name(node) for top in sets for node in top.iter(f"{XSD}element") if node is not top)

    def message(self, name: str) -> Node:
        return self._complex(name, 1, "1", self._declared[("complexType", f"{name}Type")])

    def _element(self, node: XsdNode) -> Node:
        low, high = _occurs(node)
        if node.get("ref"):
            declared = self._element(self._declared[("element", node.get("ref", ""))])
            return replace(declared, low=low, high=high)
        inner = node.find(f"{XSD}complexType")
        if inner is None:
            return self._simple(node, low, high)
        extension = inner.find(f"{XSD}simpleContent/{XSD}extension")
        if extension is not None:
            leaf = Node(_name(node), low, high, type=extension.get("base", ""))
            return replace(leaf, attributes=_attributes(extension))
        return self._complex(_name(node), low, high, inner)

    def _simple(self, node: XsdNode, low: int, high: str) -> Node:
        restriction = node.find(f"{XSD}simpleType/{XSD}restriction")
        if restriction is None:
            return Node(_name(node), low, high, type=node.get("type", ""))
        return Node(
            _name(node),
            low,
            high,
            type=restriction.get("base", ""),
            length=_facet(restriction, "maxLength"),
            limits=_limits(restriction),
            choices=_choices(restriction),
        )

    def _complex(self, name: str, low: int, high: str, node: XsdNode) -> Node:
        parts = tuple(part for child in node for part in self._parts(child))
        if len(parts) == 1 and parts[0].name == "sequence" and (parts[0].low, parts[0].high) == (1, "1"):
            parts = parts[0].parts
        return Node(name, low, high, attributes=_attributes(node), parts=parts)

    def _parts(self, node: XsdNode) -> Iterator[Node]:
        kind = _kind(node)
        if node.get("maxOccurs") == "0":
            return
        if kind == "element":
            yield self._element(node)
        elif kind == "group":
            yield from self._group(node)
        elif kind in GROUP_SIGNS:
            low, high = _occurs(node)
            yield Node(kind, low, high, parts=tuple(part for child in node for part in self._parts(child)))

    def _group(self, node: XsdNode) -> Iterator[Node]:
        """A reference to a named group: its own content, flattened where it is a plain sequence in a sequence."""
        low, high = _occurs(node)
        (content,) = self._declared[("group", node.get("ref", ""))].iterchildren(f"{XSD}*")
        (group,) = self._parts(content)
        parent = node.getparent()
        plain = group.name == "sequence" and (low, high) == (1, "1")
        if plain and parent is not None and _kind(parent) == "sequence":
            yield from group.parts
        else:
            yield replace(group, low=low, high=high)


def _kind(node: XsdNode) -> str:
    return str(node.tag).removeprefix(XSD)


def _name(node: XsdNode) -> str:
    return node.get("name", "")


def _occurs(node: XsdNode) -> tuple[int, str]:
    high = node.get("maxOccurs", "1")
    return int(node.get("minOccurs", "1")), "n" if high == "unbounded" else high


def _facet(restriction: XsdNode, name: str) -> str:
    found = restriction.find(f"{XSD}{name}")
    return "" if found is None else found.get("value", "")


def _choices(node: XsdNode) -> tuple[str, ...]:
    """The enumeration; an empty value in it is a slip of one list (JobReportType), not a choice."""
    return tuple(filter(None, (value.get("value", "") for value in node.iter(f"{XSD}enumeration"))))


def _limits(restriction: XsdNode) -> str:
    low, high = _facet(restriction, "minInclusive"), _facet(restriction, "maxInclusive")
    return f"{low}..{high}" if low or high else ""


def _attributes(node: XsdNode) -> tuple[Attribute, ...]:
    return tuple(
        Attribute(
            _name(found),
            found.get("use") == "required",
            _choices(found),
        )
        for found in node.iterchildren(f"{XSD}attribute")
    )


# -- the annotated message list --------------------------------------------------------------------


def read_facts(folder: Path) -> dict[tuple[str, str], Fact]:
    """(message, path) -> Fact; the path of the message itself is "."."""
    grouped = _group_versions(folder)
    with (folder / "fields140.tsv").open(encoding="utf-8", newline="") as lines:
        rows = {(row["message"], row["path"]): row for row in csv.DictReader(lines, delimiter="\t")}
    facts = {key: _fact({**row, "since": row["since"] or grouped.get(key, "")}) for key, row in rows.items()}
    with (folder / "requests.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            fact = Fact(
                row["since_note"] or row["first_seen_in_ops"], "", DESKTOP in row["not_in"].split("|")
            )
            facts[(row["request"], ".")] = fact
            facts[(row["request"].removesuffix("Rq") + "Rs", ".")] = fact
    return facts


def _group_versions(folder: Path) -> dict[tuple[str, str], str]:
    """First versions that the message list gives for a whole choice, which the table by field has lost."""
    found: dict[tuple[str, str], str] = {}
    root = etree.parse(str(folder / "qbxmlops140.xml")).getroot()
    for comment in root.iter(etree.Comment):
        started = _GROUP_VERSION.match(comment.text or "")
        if started:
            for node in _alternatives(comment):
                names = [str(node.tag), *(str(above.tag) for above in node.iterancestors())][::-1]
                found[(names[2], "/".join(names[3:]))] = started.group(1)
    return found


_GROUP_VERSION = re.compile(r"\s*v([0-9.]+), BEGIN OR")


def _alternatives(comment: XsdNode) -> Iterator[XsdNode]:
    """The elements between the comment that begins a choice and the one that ends it."""
    for node in comment.itersiblings():
        if not isinstance(node, etree._Comment):
            yield node
        elif (node.text or "").strip() == "END OR":
            return


def _fact(row: dict[str, str]) -> Fact:
    return Fact(
        _version(row["since"]), _desktop_length(row["max_length"]), DESKTOP in row["not_in"].split("|")
    )


def _version(text: str) -> str:
    return "" if text == "1.0" else text


def _desktop_length(text: str) -> str:
    for part in filter(None, text.split("; ")):
        number, _, products = part.partition(" (")
        if not products or DESKTOP in products.rstrip(")").split("|"):
            return number
    return ""


def annotate(node: Node, message: str, path: str, facts: dict[tuple[str, str], Fact]) -> Node:
    """The same tree with each field's facts; a number of the annotated list wins over the XSD's facet."""
    here = path if node.is_group else f"{path}/{node.name}".removeprefix("/")
    fact = Fact() if node.is_group else facts.get((message, here), Fact())
    parts = tuple(annotate(part, message, here, facts) for part in node.parts)
    return replace(node, fact=fact, length=fact.length or node.length, parts=parts)


# -- the table -------------------------------------------------------------------------------------


class Table:
    """Shapes met so far: equal ones are written once, different ones of one name get a number."""

    def __init__(self) -> None:
        self._names: dict[tuple[object, ...], str] = {}
        self._taken: dict[str, int] = {}
        self.blocks: list[str] = []

    def add(self, node: Node) -> str:
        """Write the shape of an aggregate or message, after those it uses; the name to refer to it."""
        lines = [line for part in node.parts for line in self._lines(part)]
        heading = " ".join(_attribute_text(attribute) for attribute in node.attributes)
        key = (node.name, heading, tuple(lines))
        if key not in self._names:
            count = self._taken[node.name] = self._taken.get(node.name, 0) + 1
            self._names[key] = node.name if count == 1 else f"{node.name}~{count}"
            since = node.fact.since if node.name.endswith(("Rq", "Rs")) else ""
            self.blocks.append("\n".join([_row("=", self._names[key], heading, since), *lines]))
        return self._names[key]

    def _lines(self, node: Node) -> Iterator[str]:
        occurs = f"{node.low}..{node.high}" if str(node.low) != node.high else node.high
        if node.is_group:
            yield _row(GROUP_SIGNS[node.name], "", occurs)
            for part in node.parts:
                yield from self._lines(part)
            yield ")"
            return
        what = f"@{self.add(node)}" if node.is_aggregate else node.type.removesuffix("TYPE")
        marks = ["elsewhere"] if node.fact.elsewhere else []
        marks += [f"{_attribute_text(a)}" for a in node.attributes if not node.is_aggregate]
        values = "|".join(node.choices) or node.limits
        yield _row(node.name, what, occurs, node.length, node.fact.since, values, " ".join(marks))


def _attribute_text(attribute: Attribute) -> str:
    choices = "=" + "|".join(attribute.choices) if attribute.choices else ""
    return f"{attribute.name}{'!' if attribute.required else ''}{choices}"


def _row(*cells: str) -> str:
    return "\t".join(cells).rstrip("\t")


def generate(folder: Path) -> str:
    """The whole table as text."""
    schema, facts, table = Schema(folder), read_facts(folder), Table()
    for message in own_messages_first(schema.messages()):
        tree = schema.message(message)
        tree = replace(annotate(replace(tree, name=""), message, "", facts), name=message)
        table.add(replace(tree, fact=facts.get((message, "."), Fact())))
    return "\n\n".join(table.blocks) + "\n"


def own_messages_first(messages: tuple[str, ...]) -> list[str]:
    """Messages that mix several kinds come last, so that a plain shape name means the one of its own query."""
    mixed = re.compile(r"(Entity|Item|Terms|Transaction)Query")
    return sorted(messages, key=lambda name: bool(mixed.fullmatch(name[:-2])))


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)  # noqa: T201 - a command line tool
        return 2
    TABLE.write_text(generate(Path(arguments[0])), encoding="ascii", newline="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
