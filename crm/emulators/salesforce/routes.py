"""Which path and method is which request kind. The kinds are also what counters and faults go by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from . import (
    collection_calls,
    composite_calls,
    entry_calls,
    query_calls,
    replication_calls,
    row_calls,
    tooling_calls,
)
from .answers import Call
from .errors import ApiError, not_emulated, not_found

Handler = Callable[[Call], Response]
_DATA = "/services/data/v<version>"
_ROW = f"{_DATA}/sobjects/<object>/<id>"
_MANY = f"{_DATA}/composite/sobjects"
_BY_KEY = f"{_DATA}/sobjects/<object>/<key>/<value>"


@dataclass(frozen=True)
class Route:
    path: str
    method: str
    kind: str
    handler: Handler
    # Whether a token is asked for and a call of the day is spent.
    guarded: bool = True


ROUTES = (
    Route("/services/oauth2/token", "POST", "token", entry_calls.token, guarded=False),
    Route("/services/oauth2/revoke", "POST", "revoke", entry_calls.revoke, guarded=False),
    Route("/services/oauth2/userinfo", "GET", "identity", entry_calls.identity),
    Route("/id/<org>/<user>", "GET", "identity", entry_calls.identity),
    Route("/services/data", "GET", "versions", entry_calls.versions, guarded=False),
    Route(_DATA, "GET", "resources", entry_calls.resources),
    Route(f"{_DATA}/limits", "GET", "limits", entry_calls.limits),
    Route(f"{_DATA}/query", "GET", "query", query_calls.query),
    Route(f"{_DATA}/queryAll", "GET", "query_all", query_calls.query_all),
    Route(f"{_DATA}/query/<locator>", "GET", "query_more", query_calls.more),
    Route(f"{_DATA}/queryAll/<locator>", "GET", "query_more", query_calls.more),
    Route(f"{_DATA}/sobjects", "GET", "describe_global", row_calls.listed),
    Route(f"{_DATA}/sobjects/<object>", "GET", "about", row_calls.about),
    Route(f"{_DATA}/sobjects/<object>/updated", "GET", "updated", replication_calls.updated),
    Route(f"{_DATA}/sobjects/<object>/deleted", "GET", "deleted", replication_calls.deleted),
    Route(f"{_DATA}/sobjects/<object>/describe", "GET", "describe", row_calls.described),
    Route(f"{_DATA}/sobjects/<object>", "POST", "create", row_calls.create),
    Route(_ROW, "GET", "read", row_calls.read),
    Route(_ROW, "PATCH", "update", row_calls.change),
    Route(_ROW, "DELETE", "delete", row_calls.delete),
    Route(_BY_KEY, "GET", "read_by_key", row_calls.read_by_key),
    Route(_BY_KEY, "PATCH", "upsert", row_calls.upsert),
    Route(_BY_KEY, "DELETE", "delete_by_key", row_calls.delete_by_key),
    Route(f"{_DATA}/tooling/sobjects/CustomField", "POST", "tooling_create", tooling_calls.create),
    Route(f"{_DATA}/tooling/query", "GET", "tooling_query", tooling_calls.query),
    Route(f"{_DATA}/composite", "POST", "composite", composite_calls.composite),
    Route(_MANY, "POST", "create_many", collection_calls.create),
    Route(_MANY, "PATCH", "update_many", collection_calls.change),
    Route(_MANY, "DELETE", "delete_many", collection_calls.delete),
    Route(f"{_MANY}/<object>/<key>", "PATCH", "upsert_many", collection_calls.upsert),
    Route(f"{_MANY}/<object>", "GET", "read_many", collection_calls.read),
    Route(f"{_MANY}/<object>", "POST", "read_many", collection_calls.read),
)

# Parts of the API that Salesforce has and this emulator has not: 501, never a made-up answer.
# fmt: off
_NOT_EMULATED = (
    "actions", "analytics", "async-queries", "chatter", "composite", "connect", "event", "jobs", "metadata",
    "parameterizedSearch", "quickActions", "recent", "search", "support", "tabs", "theme", "tooling",
    "ui-api",
)
# fmt: on


@dataclass(frozen=True)
class Found:
    route: Route
    args: Mapping[str, str]


_RULES = [Rule(route.path, methods=[route.method], endpoint=route) for route in ROUTES]
_MAP = Map(_RULES, merge_slashes=False)


def find(path: str, method: str) -> Found:
    """The route of a path as it was sent, percent-encoded; refusals as Salesforce gives them."""
    adapter = _MAP.bind("emulator")
    try:
        route, args = adapter.match(path.rstrip("/") or "/", method=method)
    except MethodNotAllowed as wrong:
        allowed = ",".join(sorted(wrong.valid_methods or ()))
        text = f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
        raise ApiError(405, "METHOD_NOT_ALLOWED", text) from wrong
    except NotFound as unknown:
        raise _absent(path) from unknown
    return Found(route, {name: unquote(value) for name, value in args.items()})


def _absent(path: str) -> ApiError:
    parts = path.strip("/").split("/")
    if parts[:2] == ["services", "data"] and len(parts) > 3 and parts[3] in _NOT_EMULATED:
        return not_emulated("/" + "/".join(parts[3:5]))
    if parts[:1] == ["services"] and parts[1:2] not in (["data"], ["oauth2"]):
        return not_emulated("/" + "/".join(parts[:3]))
    return not_found()
