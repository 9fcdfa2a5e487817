"""The way in: tokens, who is logged in, versions, resources, limits."""

import re

from werkzeug.wrappers import Response

from .answers import Call, json
from .errors import ApiError, not_found
from .sessions import ORG_ID

OLDEST, NEWEST = 31, 68
_VERSION = re.compile(r"[1-9]\d\.0")
_SEASONS = ("Summer", "Winter", "Spring")
_RESOURCES = (
    "tooling",
    "sobjects",
    "query",
    "queryAll",
    "composite",
    "limits",
    "jobs",
    "search",
    "recent",
    "identity",
)


def token(call: Call) -> Response:
    granted = call.org.sessions.grant(call.request.form, call.request.headers.get("Authorization"))
    host = call.request.host_url.rstrip("/")
    return json(
        {
            "access_token": granted,
            "signature": "c2lnbmF0dXJlIG9mIHRoZSBlbXVsYXRvcg==",
            "scope": "api",
            "instance_url": host,
            "id": f"{host}/id/{ORG_ID}/{call.org.user_id}",
            "token_type": "Bearer",
            "issued_at": str(int(call.org.clock.now().timestamp() * 1000)),
        }
    )


def revoke(call: Call) -> Response:
    call.org.sessions.close(call.request.values.get("token", ""))
    return Response(status=200)


def identity(call: Call) -> Response:
    credentials, host = call.org.sessions.credentials, call.request.host_url.rstrip("/")
    return json(
        {
            "id": f"{host}/id/{ORG_ID}/{call.org.user_id}",
            "user_id": call.org.user_id,
            "organization_id": ORG_ID,
            "username": credentials.username,
            "display_name": "Integration",
            "email": credentials.username,
            "active": True,
            "user_type": "STANDARD",
        }
    )


def versions(_: Call) -> Response:
    numbers = range(OLDEST, NEWEST + 1)
    return json(
        [
            {"label": release(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
            for number in numbers
        ]
    )


def release(version: int) -> str:
    """v67.0 is Summer '26 and v68.0 is Winter '27; three releases a year."""
    season = _SEASONS[(version - 67) % 3]
    year = 26 + (version - 67 + 2) // 3
    return f"{season} '{year:02d}"


def resources(call: Call) -> Response:
    urls = {name: f"{call.data_url}/{name}" for name in _RESOURCES}
    host = call.request.host_url.rstrip("/")
    return json({**urls, "identity": f"{host}/id/{ORG_ID}/{call.org.user_id}"})


def limits(call: Call) -> Response:
    most = call.org.settings.daily_requests
    return json(
        {
            "DailyApiRequests": {"Max": most, "Remaining": max(most - call.org.limits.used, 0)},
            "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
        }
    )


def retired(version: str) -> ApiError | None:
    """The refusal of a version that is gone (410) or was never there (404)."""
    number = int(version[:-2]) if _VERSION.fullmatch(version) else NEWEST + 1
    if number < OLDEST:
        return ApiError(410, "GONE", f"API version {version} is retired")
    return not_found() if number > NEWEST else None
