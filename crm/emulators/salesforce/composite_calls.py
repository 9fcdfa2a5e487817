"""composite: up to 25 calls in one, later ones using what earlier ones gave."""

import re
from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from crm.emulators import exact_json

from . import errors
from .answers import Call, json
from .errors import ApiError

MOST_PARTS = 25
# Parts that may be collections or queries (README, "Marks").
MOST_HEAVY = 5
_HEAVY = re.compile(r"/services/data/v[0-9.]+/(?:composite/sobjects|query|queryAll)(?:[/?]|$)")
_REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
Part = dict[str, Any]


def composite(call: Call) -> Response:
    body = call.body()
    parts = _parts(body)
    whole = body.get("allOrNone") is True
    mark = call.org.rows.mark()
    answers = _run(call, parts, whole)
    failed = [place for place, answer in enumerate(answers) if _failed(answer)]
    if whole and failed:
        call.org.rows.undo(mark)
        answers = [
            answer if place in failed[:1] else _halted(parts[place]) for place, answer in enumerate(answers)
        ]
    return json({"compositeResponse": answers})


def _parts(body: Mapping[str, object]) -> list[Part]:
    parts = body.get("compositeRequest")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise errors.unreadable("compositeRequest must be a list of objects")
    if len(parts) > MOST_PARTS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"A composite request holds at most {MOST_PARTS} subrequests")
    if sum(1 for part in parts if _HEAVY.match(str(part.get("url")))) > MOST_HEAVY:
        text = f"A composite request holds at most {MOST_HEAVY} collections and queries"
        raise ApiError(400, "LIMIT_EXCEEDED", text)
    names = [part.get("referenceId") for part in parts]
    if len(set(map(str, names))) < len(names):
        raise ApiError(400, "INVALID_INPUT", "Each referenceId must be there and be used once")
    return parts


def _run(call: Call, parts: list[Part], whole: bool) -> list[dict[str, object]]:
    answers: list[dict[str, object]] = []
    known: dict[str, object] = {}
    for part in parts:
        stopped = whole and any(_failed(answer) for answer in answers)
        answer = _halted(part) if stopped else _answered(call, part, known, whole)
        answers.append(answer)
        if not _failed(answer):
            known[str(part["referenceId"])] = answer["body"]
    return answers


def _answered(call: Call, part: Part, known: Mapping[str, object], whole: bool) -> dict[str, object]:
    try:
        request = _request(call, _filled(part, known))
    except LookupError as unknown:
        return _halted(part, f"Invalid reference specified. No value for {unknown.args[0]} found")
    response = call.part(request, whole)
    text = response.get_data(as_text=True)
    return {
        "body": exact_json.loads(text) if text else None,
        "httpHeaders": {
            name: response.headers[name] for name in ("Location", "ETag") if name in response.headers
        },
        "httpStatusCode": response.status_code,
        "referenceId": part["referenceId"],
    }


def _request(call: Call, part: Part) -> Request:
    body = exact_json.dumps(part["body"]) if part.get("body") is not None else None
    headers = Headers(part.get("httpHeaders", {}))
    headers["Authorization"] = call.request.headers["Authorization"]
    builder = EnvironBuilder(
        path=str(part.get("url", "")),
        method=str(part.get("method", "GET")).upper(),
        headers=headers,
        content_type="application/json",
        data=body,
    )
    return Request(builder.get_environ() | {"REQUEST_URI": str(part.get("url", ""))})


def _filled(value: Any, known: Mapping[str, object]) -> Any:
    """The part with `@{name.path}` replaced by values of earlier answers; LookupError names what is not there."""
    if isinstance(value, dict):
        return {name: _filled(item, known) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, known) for item in value]
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: str(_at(known, match[1], match[2])), value)
    return value


def _at(known: Mapping[str, object], name: str, path: str) -> object:
    value: Any = known
    try:
        value = known[name]
        for key, place in _STEP.findall(path):
            value = value[key] if key else value[int(place)]
    except (LookupError, TypeError) as missing:
        raise LookupError(name + path) from missing
    return value


def _halted(part: Part, text: str | None = None) -> dict[str, object]:
    refusal = errors.halted(text) if text else errors.halted()
    return {
        "body": refusal.body(),
        "httpHeaders": {},
        "httpStatusCode": refusal.status,
        "referenceId": part["referenceId"],
    }


def _failed(answer: Mapping[str, object]) -> bool:
    """Refused, or a collection with a row that was."""
    status, body = answer["httpStatusCode"], answer["body"]
    rows = body if isinstance(body, list) else []
    refused_rows = any(isinstance(row, dict) and row.get("success") is False for row in rows)
    return not isinstance(status, int) or status >= 300 or refused_rows
