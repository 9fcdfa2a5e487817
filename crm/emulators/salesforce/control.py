"""The control port beside the API: /_emulator/... with JSON bodies, for tests and for other processes."""

from collections.abc import Callable, Mapping
from dataclasses import fields

from werkzeug.wrappers import Request, Response

from crm.emulators import exact_json
from crm.emulators.faults import Fault

from .answers import json
from .org import Org
from .seeding import seed_accounts
from .values import show

PREFIX = "/_emulator"
Body = Mapping[str, object]


def records(org: Org, object_name: str) -> list[dict[str, object]]:
    """Every row of an object as it is kept, those in the Recycle Bin too."""
    return [{name: show(value) for name, value in row.values.items()} for row in org.rows.every(object_name)]


def fault_of(body: Body) -> Fault:
    """A fault from its JSON form; raises TypeError for keys that a fault does not have."""
    known = {field.name for field in fields(Fault)}
    if not set(body) <= known:
        raise TypeError(f"a fault has {sorted(known)}, not {sorted(set(body) - known)}")
    return Fault(**body)  # type: ignore[arg-type]


def answer(request: Request, org: Org) -> Response:
    action = request.path.removeprefix(PREFIX).strip("/")
    handler = _ACTIONS.get((request.method, action))
    if handler is None:
        return json({"error": f"no such control: {request.method} {action}", "known": _known()}, 404)
    try:
        body = exact_json.loads(request.get_data() or b"{}")
        return json(handler(org, {**request.args.to_dict(), **body}))
    except (TypeError, ValueError, KeyError) as wrong:
        return json({"error": str(wrong)}, 400)


def _known() -> list[str]:
    return [f"{method} {PREFIX}/{action}" for method, action in _ACTIONS]


def _reset(org: Org, _: Body) -> object:
    org.reset()
    return {}


def _seed(org: Org, body: Body) -> object:
    made = seed_accounts(
        org,
        int(str(body.get("accounts", 30))),
        int(str(body.get("seed", 1))),
        awkward=bool(body.get("awkward", False)),
    )
    return {"accounts": made}


def _counters(org: Org, _: Body) -> object:
    return org.counters.as_dict()


def _clear_counters(org: Org, _: Body) -> object:
    org.counters.clear()
    return {}


def _arm(org: Org, body: Body) -> object:
    org.faults.arm(fault_of(body))
    return _armed(org, {})


def _armed(org: Org, _: Body) -> object:
    return [vars(fault) for fault in org.faults.armed()]


def _disarm(org: Org, _: Body) -> object:
    org.faults.clear()
    return []


def _records(org: Org, body: Body) -> object:
    return records(org, str(body["object"]))


def _advance(org: Org, body: Body) -> object:
    return {"now": org.clock.advance(float(str(body["seconds"]))).isoformat()}


_ACTIONS: Mapping[tuple[str, str], Callable[[Org, Body], object]] = {
    ("POST", "reset"): _reset,
    ("POST", "seed"): _seed,
    ("GET", "records"): _records,
    ("GET", "counters"): _counters,
    ("DELETE", "counters"): _clear_counters,
    ("POST", "faults"): _arm,
    ("GET", "faults"): _armed,
    ("DELETE", "faults"): _disarm,
    ("POST", "clock"): _advance,
}
