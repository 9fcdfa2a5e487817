"""Judge files: requests as strictly as QuickBooks, answers as forgivingly as we read them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from qbxml.errors import RefusedByParser, UnreadableAnswer
from qbxml.messages import Ret, Status
from qbxml.parse import parse
from qbxml.requests import read_request
from qbxml.secure import Prolog, UnsafeXmlError
from qbxml.validate import validate

_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
_HEAD: Final = re.compile(rb"\s*(<\?.*?\?>\s*|<!--.*?-->\s*)*", re.DOTALL)
_SHOWN: Final = 5


@dataclass(frozen=True)
class Verdict:
    """What was found in one document, as one line of text."""

    good: bool
    text: str


def judge(document: bytes) -> Verdict:
    """Judge a document or a fragment of one: a message set, a single request, a single answer or a bare object."""
    try:
        first, *inner = _first_names(document)
    except UnsafeXmlError as error:
        return Verdict(False, f"unreadable: {error}")
    if first != "QBXML":
        return _judged(*_wrapped(document.lstrip(_BLANK), first))
    return _judged(document, "Rs" if inner and inner[0].endswith("Rs") else "Rq")


def _judged(document: bytes, side: str) -> Verdict:
    return _judge_request(document) if side == "Rq" else _judge_answer(document)


def _first_names(document: bytes) -> list[str]:
    """The names of the first two elements. Raises UnsafeXmlError when there is none."""
    prolog = Prolog(elements=2)
    prolog.feed(document.lstrip(_BLANK))
    if not prolog.names:
        raise UnsafeXmlError("it has no element")
    return prolog.names


def _wrapped(document: bytes, name: str) -> tuple[bytes, str]:
    """A fragment in the envelope that its name calls for, and its side; a bare CustomerRet is of an answer."""
    found = _HEAD.match(document)
    head = found.group() if found else b""
    body = document[len(head) :]
    if not name.endswith(("Rq", "Rs")):
        request = name.endswith(("Add", "Mod"))
        name = f"{name}Rq" if request else f"{name.removesuffix('Ret')}QueryRs"
        body = b"<%s%s>%s</%s>" % (name.encode(), b"" if request else _GOOD_STATUS, body, name.encode())
    side = name[-2:]
    if not name.startswith("QBXMLMsgs"):
        body = b"<QBXMLMsgs%s%s>%s</QBXMLMsgs%s>" % (side.encode(), _ON_ERROR[side], body, side.encode())
    instruction = b"" if b"<?qbxml" in head else b'<?qbxml version="13.0"?>'
    return head.rstrip() + instruction + b"<QBXML>" + body + b"</QBXML>", side


_GOOD_STATUS: Final = b' statusCode="0" statusSeverity="Info"'
_ON_ERROR: Final = {"Rq": b' onError="continueOnError"', "Rs": b""}


def _judge_request(document: bytes) -> Verdict:
    try:
        found = read_request(document)
    except RefusedByParser as error:
        return Verdict(False, f"QuickBooks would refuse the request ({error.hresult}): {error}")
    wrong = [
        f"{one.path}: {one.text}" for request in found.requests for one in validate(request, found.version)
    ]
    if wrong:
        return Verdict(False, f"wrong request: {_some(wrong)}")
    names = Counter(request.name for request in found.requests)
    return Verdict(True, f"good request, qbXML {found.version}: {_counted(names)}")


def _judge_answer(document: bytes) -> Verdict:
    rets: Counter[str] = Counter()
    statuses: list[str] = []
    notes: dict[str, None] = {}
    try:
        for part in parse(document):
            if isinstance(part, Status):
                statuses.append(f"{part.name} {part.code}")
                notes.update(dict.fromkeys(part.notes))
            elif isinstance(part, Ret):
                rets[part.name] += 1
                notes.update(dict.fromkeys(part.notes))
    except UnreadableAnswer as error:
        return Verdict(False, f"unreadable answer: {error}")
    noted = f"; notes: {_some(notes)}" if notes else ""
    return Verdict(True, f"answer: {_some(statuses) or 'no responses'}; {_counted(rets)}{noted}")


def _counted(names: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in names.items()) or "nothing in it"


def _some(texts: Iterable[str]) -> str:
    """The first few, and how many more there are."""
    known = list(texts)
    more = f" ... and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return "; ".join(known[:_SHOWN]) + more
