"""The WSGI application: one request at a time through faults, session, limit, rules and commit."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from crm.emulators.faults import Fault
from crm.emulators.server import DropConnection

from . import control, entry_calls, errors, routes
from .answers import Call, login_refused, refused, stamped
from .errors import ApiError, LoginError
from .org import Org

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# Longer addresses are refused.
MOST_URL = 16_384


class Application:
    def __init__(self, org: Org) -> None:
        self.org = org

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        # Read in any case: what is left of a body would be taken for the next request.
        request.get_data()
        with self.org.lock:
            response = self._answer(request)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path.startswith(control.PREFIX):
            return control.answer(request, self.org)
        try:
            return stamped(self._api(request), self.org)
        finally:
            self.org.rows.undo()

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
        fault = self.org.faults.take(*kinds)
        if fault is not None and not fault.after_commit:
            broken = _EFFECTS[fault.effect](self.org, fault)
            if broken is not None:
                return broken
        response = self._carried_out(request, found)
        if fault is None:
            self.org.commit()
            return response
        return self._spoiled(fault, response)

    def _spoiled(self, fault: Fault, response: Response) -> Response:
        """The end of a call that was hit: its work is kept (or held back), its answer may be lost."""
        self.org.writes.lock_next = False
        if fault.effect == "late":
            self.org.hold(float(fault.options.get("seconds", 60)))
        self.org.commit()
        lost = _EFFECTS[fault.effect](self.org, fault) if fault.after_commit else None
        return lost or response

    def _carried_out(self, request: Request, found: routes.Found) -> Response:
        mark = self.org.rows.mark()
        version = found.args.get("version", "")
        try:
            self._let_in(request, found.route, version)
            return found.route.handler(Call(request, self.org, version, found.args))
        except ApiError as refusal:
            self.org.rows.undo(mark)
            return refused(refusal)
        except LoginError as refusal:
            return login_refused(refusal)

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


def _drop(_: Org, fault: Fault) -> Response | None:
    raise DropConnection(f"armed fault {fault.effect}")


def _expire(org: Org, _: Fault) -> Response | None:
    org.sessions.expire_all()
    return None


def _lock(org: Org, _: Fault) -> Response | None:
    org.writes.lock_next = True
    return None


def _refuse(error: Callable[[], ApiError]) -> Callable[[Org, Fault], Response | None]:
    return lambda *_: refused(error())


# What each effect does when its moment comes; an answer replaces the real one.
_EFFECTS: Mapping[str, Callable[[Org, Fault], Response | None]] = {
    "drop": _drop,
    "expire": _expire,
    "limit": _refuse(errors.limit_exceeded),
    "server_error": _refuse(errors.broken),
    "unavailable": _refuse(errors.unavailable),
    "lock": _lock,
    "late": lambda *_: None,
}
EFFECTS = tuple(_EFFECTS)
