"""One kept SOAP call as a person reads it: qbXML as an outline, secrets masked once more."""

import json
from collections.abc import Iterator
from typing import Any

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


def exchange_lines(one: Exchange) -> Iterator[str]:
    trouble = " (went wrong)" if one.failed else ""
    run = f" of S{one.run_number}" if one.run_number else ""
    yield f"Call {one.number}{run}, {one.started_at:%Y-%m-%d %H:%M:%S} UTC: {one.method}{trouble}, {one.outcome}"
    yield from _part("asked", one.request)
    yield from _part("answered", one.response)


def _part(title: str, text: str) -> Iterator[str]:
    for name, value in _values(secrets.mask(text)).items():
        said = str(value)
        if said.lstrip().startswith("<?xml"):
            yield f"  {title}, {name}:"
            yield from (f"    {line}" for line in qbxml_lines(said))
        elif said:
            yield f"  {title}, {name}: {said}"


def _values(text: str) -> dict[str, Any]:
    """Calls are kept as JSON objects; a text cut off by a mask is shown as it is."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return {"text": text}
    return found if isinstance(found, dict) else {"text": found}


def qbxml_lines(text: str) -> list[str]:
    try:
        return list(outline(read_tree(text.encode())))
    except UnsafeXmlError:
        return text.splitlines()
