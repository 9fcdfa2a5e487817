"""One kept SOAP call as a person reads it: qbXML as an outline, secrets masked once more."""

import json
from collections.abc import Collection, Iterator
from typing import Any

from lxml import etree

from qbwc_server import secrets
from qbwc_server.store.history import Exchange
from qbxml.outline import outline
from qbxml.secure import UnsafeXmlError, read_tree


def exchange_row(one: Exchange) -> dict[str, Any]:
    return {
        "number": one.number,
        "visit": f"S{one.run_number}" if one.run_number else "",
        "at": one.started_at,
        "method": one.method,
        "milliseconds": one.milliseconds,
        "outcome": one.outcome,
        "failed": one.failed,
    }


def exchange_lines(one: Exchange, job_ids: Collection[str] = ()) -> Iterator[str]:
    """`job_ids`: only these requests of a message set, and their answers; of the others the number is told."""
    trouble = " (went wrong)" if one.failed else ""
    run = f" of S{one.run_number}" if one.run_number else ""
    yield f"Call {one.number}{run}, {one.started_at:%Y-%m-%d %H:%M:%S} UTC: {one.method}{trouble}, {one.outcome}"
    yield from _part("received", one.request, job_ids)
    yield from _part("replied", one.response, job_ids)


def _part(title: str, text: str, job_ids: Collection[str]) -> Iterator[str]:
    for name, value in _values(secrets.mask(text)).items():
        said = str(value)
        if said.lstrip().startswith("<?xml"):
            yield f"  {title}, {name}:"
            yield from (f"    {line}" for line in _qbxml(said, job_ids))
        elif said:
            yield f"  {title}, {name}: {said}"


def _values(text: str) -> dict[str, Any]:
    """Calls are kept as JSON objects; a text cut off by a mask is shown as it is."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return {"text": text}
    return found if isinstance(found, dict) else {"text": found}


def _qbxml(text: str, job_ids: Collection[str]) -> list[str]:
    try:
        root = read_tree(text.encode())
    except UnsafeXmlError:
        return text.splitlines()
    left_out = _keep_only(root, job_ids) if job_ids else 0
    return [*outline(root), *([f"({left_out} more in this message set)"] if left_out else [])]


def _keep_only(root: etree._Element, job_ids: Collection[str]) -> int:
    """Take the requests and answers of others out of a message set, when it holds any of ours; how many."""
    inside = [one for message_set in root for one in message_set]
    others = [one for one in inside if one.get("requestID") not in job_ids]
    if len(others) == len(inside):
        return 0
    for one in others:
        parent = one.getparent()
        assert parent is not None
        parent.remove(one)
    return len(others)
