"""What each armed fault does when its moment comes."""

from collections.abc import Callable, Mapping

from werkzeug.wrappers import Response

from crm.emulators.faults import Fault
from crm.emulators.server import DropConnection

from . import errors
from .answers import refused
from .errors import ApiError
from .org import Org

# An answer that is given instead of the real one, or None to go on.
Effect = Callable[[Org, Fault], Response | None]


def _drop(_: Org, fault: Fault) -> Response | None:
    raise DropConnection(f"armed fault {fault.effect}")


def _expire(org: Org, _: Fault) -> Response | None:
    org.sessions.expire_all()
    return None


def _lock(org: Org, _: Fault) -> Response | None:
    org.writes.lock_next = True
    return None


def _late(org: Org, fault: Fault) -> Response | None:
    org.hold(float(fault.options.get("seconds", 60)), counted=True)
    return None


def _refuse(error: Callable[[], ApiError]) -> Effect:
    return lambda *_: refused(error())


EFFECTS: Mapping[str, Effect] = {
    # The connection breaks. With `after_commit` the work is done: an unknown outcome for the caller.
    "drop": _drop,
    # Every token given out so far dies; the call itself gets its 401.
    "expire": _expire,
    # 403 REQUEST_LIMIT_EXCEEDED.
    "limit": _refuse(errors.limit_exceeded),
    # 500 UNKNOWN_EXCEPTION and 503 SERVER_UNAVAILABLE, before or after the work.
    "server_error": _refuse(errors.broken),
    "unavailable": _refuse(errors.unavailable),
    # The first row written by the call is locked by somebody else.
    "lock": _lock,
    # The call is answered, its rows become visible `seconds` later with the stamps of now.
    "late": _late,
}
# Effects that strike between the work and its commit.
BEFORE_COMMIT = frozenset({"late"})
