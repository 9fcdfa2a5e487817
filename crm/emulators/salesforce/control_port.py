"""The control object over HTTP: /_emulator/ACTION with a JSON body of its arguments, for other processes."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any

from werkzeug.wrappers import Request, Response

from crm.emulators import exact_json
from crm.emulators.faults import Fault

from .answers import json
from .control import Control
from .errors import ApiError
from .times import parse_stamp, wire

PREFIX = "/_emulator"


def answer(request: Request, control: Control) -> Response:
    action = request.path.removeprefix(PREFIX).strip("/")
    handler = _ACTIONS.get((request.method, action))
    if handler is None:
        known = [f"{method} {PREFIX}/{name}" for method, name in _ACTIONS]
        return json({"error": f"no such control: {request.method} {request.path}", "known": known}, 404)
    try:
        given = exact_json.loads(request.get_data() or b"{}")
        return json(handler(control, **request.args.to_dict(), **given))
    except (TypeError, ValueError, LookupError, ApiError) as wrong:
        return json({"error": str(wrong)}, 400)


def _arm(control: Control, **fault: Any) -> object:
    known = {field.name for field in fields(Fault)}
    if not set(fault) <= known:
        raise TypeError(f"a fault has {sorted(known)}, not {sorted(set(fault) - known)}")
    control.arm(Fault(**fault))
    return _armed(control)


def _armed(control: Control) -> object:
    return [asdict(fault) for fault in control.org.faults.armed()]


def _counters(control: Control) -> object:
    return control.counters.as_dict()


def _clear_counters(control: Control) -> object:
    control.counters.clear()
    return _counters(control)


def _advance(control: Control, seconds: Any) -> object:
    return {"now": wire(control.advance(float(seconds)))}


def _records(control: Control, object: str) -> object:  # noqa: A002 - the vendor's word
    return control.records(object)


def _settings(control: Control, **changes: Any) -> object:
    """Change settings: numbers as they are, `replication_lag` in seconds, moments as ISO texts."""
    for name, value in changes.items():
        if not hasattr(control.settings, name):
            raise TypeError(f"there is no setting {name}")
        setattr(control.settings, name, _SETTING[name](value) if name in _SETTING else value)
    return {name: str(value) for name, value in vars(control.settings).items()}


_SETTING: Mapping[str, Callable[[Any], object]] = {
    "replication_lag": lambda value: timedelta(seconds=float(value)),
    "deletes_known_since": lambda value: None if value is None else parse_stamp(value),
}


def _write_late(control: Control, **arguments: Any) -> object:
    held = control.write_late(**arguments)
    return {"ids": [change.after.id for change in held.changes]}


def _method(name: str) -> Callable[..., object]:
    return lambda control, **arguments: getattr(control, name)(**arguments)


# Methods of the control object that take and give plain JSON.
_PLAIN = (
    "create",
    "edit",
    "touch",
    "delete",
    "restore",
    "purge",
    "merge",
    "release",
    "lock",
    "unlock",
    "refuse",
    "alert_duplicates",
    "hide_field",
    "strip_custom_fields",
    "expire_sessions",
    "sessions_last",
    "reset",
    "seed_accounts",
    "seed_products",
    "seed_opportunities",
)
_ACTIONS: Mapping[tuple[str, str], Callable[..., object]] = {
    **{("POST", name): _method(name) for name in _PLAIN},
    ("POST", "write_late"): _write_late,
    ("POST", "advance"): _advance,
    ("POST", "settings"): _settings,
    ("GET", "settings"): _settings,
    ("GET", "credentials"): _method("credentials"),
    ("GET", "records"): _records,
    ("GET", "counters"): _counters,
    ("DELETE", "counters"): _clear_counters,
    ("POST", "faults"): _arm,
    ("GET", "faults"): _armed,
    ("DELETE", "faults"): _method("disarm"),
}
