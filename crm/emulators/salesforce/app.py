"""The WSGI application: one request at a time through faults, session, limit, rules and commit."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from crm.emulators.faults import Fault

from . import control_port, entry_calls, routes
from .answers import Call, login_refused, refused, stamped
from .control import Control
from .effects import BEFORE_COMMIT, EFFECTS
from .errors import ApiError, LoginError
from .org import Org

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# Longer addresses are refused.
MOST_URL = 16_384


class Application:
    def __init__(self, org: Org) -> None:
        self.org = org
        self._control = Control(org)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        # Read in any case: what is left of a body would be taken for the next request.
        request.get_data()
        with self.org.lock:
            response = self._answer(request)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path.startswith(control_port.PREFIX):
            return control_port.answer(request, self._control)
        try:
            return stamped(self._api(request), self.org)
        finally:
            self.org.rows.undo()
            self.org.writes.lock_next = False

    def _api(self, request: Request) -> Response:
        self.org.settle()
        raw = urlsplit(request.environ.get("REQUEST_URI", request.path))
        if len(raw.path) + len(raw.query) > MOST_URL:
            return Response("URI Too Long", 414)
        try:
            found = routes.find(raw.path, _method(request))
        except ApiError as refusal:
            return refused(refusal)
        return self._routed(request, found)

    def _routed(self, request: Request, found: routes.Found) -> Response:
        kinds = (found.route.kind, f"{found.route.kind}:{found.args.get('object', '')}")
        self.org.counters.calls[found.route.kind] += 1
        before, late, after = _moments(self.org.faults.take(*kinds))
        broken = self._effect(before)
        if broken is not None:
            return broken
        response = self._carried_out(request, found)
        self._effect(late)
        self.org.commit(counted=True)
        return self._effect(after) or response

    def _effect(self, fault: Fault | None) -> Response | None:
        return EFFECTS[fault.effect](self.org, fault) if fault is not None else None

    def _carried_out(self, request: Request, found: routes.Found) -> Response:
        mark = self.org.rows.mark()
        version = found.args.get("version", "")
        try:
            self._let_in(request, found.route, version)
            self.org.writes.allow_duplicates = _allows_duplicates(request)
            return found.route.handler(Call(request, self.org, version, found.args, self._part))
        except ApiError as refusal:
            self.org.rows.undo(mark)
            return refused(refusal)
        except LoginError as refusal:
            return login_refused(refusal)

    def _part(self, request: Request, whole: bool) -> Response:
        """One call of a composite: the same rules, but no further call of the day and no token of its own."""
        mark = self.org.rows.mark()
        try:
            found = routes.find(urlsplit(request.environ["REQUEST_URI"]).path, request.method)
            version = found.args.get("version", "")
            self.org.counters.calls[f"composite:{found.route.kind}"] += 1
            return found.route.handler(Call(request, self.org, version, found.args, self._part, whole))
        except ApiError as refusal:
            self.org.rows.undo(mark)
            return refused(refusal)

    def _let_in(self, request: Request, route: routes.Route, version: str) -> None:
        gone = entry_calls.retired(version) if version else None
        if gone is not None:
            raise gone
        if route.guarded:
            self.org.sessions.check(request.headers.get("Authorization"))
            self.org.limits.spend()


def _method(request: Request) -> str:
    """`?_HttpMethod=PATCH` stands in for a method that a client cannot send."""
    return request.args.get("_HttpMethod", request.method).upper()


def _moments(fault: Fault | None) -> tuple[Fault | None, Fault | None, Fault | None]:
    """When a fault strikes: before the work, between work and commit, after the commit."""
    if fault is None:
        return None, None, None
    if fault.effect in BEFORE_COMMIT:
        return None, fault, None
    return (None, None, fault) if fault.after_commit else (fault, None, None)


def _allows_duplicates(request: Request) -> bool:
    asked = request.headers.get("Sforce-Duplicate-Rule-Header", "").replace(" ", "").lower()
    return "allowsave=true" in asked
