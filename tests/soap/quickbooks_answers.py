"""A QuickBooks that finds nothing: answers any set of queries, so that a visit can go on. Standard library.

Host, company and preferences come from golden/canned/hcp.xml; every other query gets status 1, as from a
company file without such records. Writes are no part of the worlds and are an error here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

CANNED = Path(__file__).resolve().parent / "golden" / "canned"
ABOUT_THE_FILE = {
    "HostQueryRq": "HostRet",
    "CompanyQueryRq": "CompanyRet",
    "PreferencesQueryRq": "PreferencesRet",
}
PLACEHOLDER = re.compile(r"\{(lower:)?([a-z]+)\}")


class Status(NamedTuple):
    code: int
    severity: str
    message: str


STATUS_OF = {
    "": Status(1, "Info", "A query request did not find a matching object in QuickBooks"),
    "refused": Status(3250, "Error", "This feature is not enabled or not available in this version."),
}


def canned(name: str, values: Mapping[str, str]) -> str:
    """A canned text with {fileid}, {ownerid} and {lower:fileid} filled in."""

    def fill(found: re.Match[str]) -> str:
        value = values[found[2]]
        return value.lower() if found[1] else value

    return PLACEHOLDER.sub(fill, (CANNED / name).read_text("utf-8").rstrip("\n"))


def answer(qbxml: str, values: Mapping[str, str], variant: str = "") -> str:
    """What QuickBooks returns for this set. Variants change one thing: see golden/README.md."""
    message_set = ElementTree.fromstring(qbxml).find("QBXMLMsgsRq")
    if message_set is None:
        raise ValueError("no QBXMLMsgsRq to answer")
    status = STATUS_OF.get(variant, STATUS_OF[""])
    ids = {"other-ids": "not-asked-"}.get(variant, "")
    responses = "\n".join(_response(request, status, ids, values) for request in message_set)
    opened = f'<?xml version="1.0" ?>\n<QBXML>\n<QBXMLMsgsRs{_recovery(message_set)}>\n'
    text = f"{opened}{responses}\n</QBXMLMsgsRs>\n</QBXML>\n"
    return _padded(text, int(variant)) if variant.isdigit() else text


def _response(request: ElementTree.Element, status: Status, ids: str, values: Mapping[str, str]) -> str:
    if not request.tag.endswith("QueryRq"):
        raise ValueError(f"the worlds hand out queries only, not {request.tag}")
    name = request.tag[:-2] + "Rs"
    found = _about_the_file(request.tag, values)
    code, severity, message = (0, "Info", "Status OK") if found else status
    attributes = {"statusCode": str(code), "statusSeverity": severity, "statusMessage": message}
    if "requestID" in request.attrib:
        attributes = {"requestID": ids + request.attrib["requestID"]} | attributes
    if "iterator" in request.attrib:
        attributes |= {"iteratorRemainingCount": "0", "iteratorID": "{eb05f701-e727-472f-8ade-6753c4f67a46}"}
    written = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{written}>{found}</{name}>" if found else f"<{name}{written} />"


def _about_the_file(request: str, values: Mapping[str, str]) -> str:
    if request not in ABOUT_THE_FILE:
        return ""
    found = ElementTree.fromstring(canned("hcp.xml", values)).find(f".//{ABOUT_THE_FILE[request]}")
    return "" if found is None else ElementTree.tostring(found, encoding="unicode").strip()


def _recovery(message_set: ElementTree.Element) -> str:
    """Error recovery attributes. Nothing is stored here: an empty set that asks for an old one gets 600."""
    new, old = message_set.get("newMessageSetID"), message_set.get("oldMessageSetID")
    if new is None:
        return ' messageSetStatusCode="600"' if old else ""
    code = "600" if old and not len(message_set) else "0"
    return f' newMessageSetID={quoteattr(new)} messageSetStatusCode="{code}"'


def _padded(text: str, size: int) -> str:
    """At least this many characters, in small nodes as a long answer has them."""
    line = f"<!-- {'padding ' * 12}-->\n"
    return text.replace("<QBXMLMsgsRs", line * (size // len(line) + 1) + "<QBXMLMsgsRs", 1)


def as_references(text: str) -> str:
    """Escaped the unusual way, with numeric references."""
    plain = (letter.isascii() and letter not in "<>&\"'\n" for letter in text)
    return "".join(letter if kept else f"&#{ord(letter)};" for letter, kept in zip(text, plain, strict=True))


SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "": escape,
    "raw": str,
    "refs": as_references,
    "crlf": lambda text: escape(text).replace("\n", "\r\n"),
}
