"""What a person changes in a connection's mapping: single settings, or the override as a whole."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from qbwc_server import mapping
from qbwc_server.errors import Problem
from qbwc_server.mapping import MappingError, Profile
from qbwc_server.mapping.spelling import did_you_mean
from qbwc_server.store import jobs, links, parties, records
from qbwc_server.store.database import Tx
from qbwc_server.store.rows import ConnectionRow, LinkJob
from qbwc_server.store.tables import OPEN_STATES
from qbwc_server.sync.deciding import Desk, follow_mapping, load_scope
from qbwc_server.sync.deciding.desk import ON_THE_WAY
from qbwc_server.sync.person.by import By
from qbwc_server.sync.person.jobs import NO_RUN

Override = dict[str, Any]

# Rules are changed by their pair, not by a name with dots.
OF_RULES: Final = ("rules", "add", "change", "remove")
# What holds text whatever it looks like: an account may be called 4000.
TEXTS: Final = ("settings", "title", "app_name_prefix")
EMPTY: Final = ("none", "null")
# Settings by the ends of their names, and the list of QuickBooks that their values stand in.
LISTS: Final = {"_account": "Account", "tax_code": "SalesTaxCode"}
LIST_NAMES: Final = {"Account": "account", "SalesTaxCode": "sales tax code"}


def set_value(tx: Tx, by: By, connection: ConnectionRow, name: str, text: str) -> int:
    """Set one setting ("settings.income_account", "kinds.invoice.mode", "limits.creates") in the override.

    `text` is as a person types it: a word, a number, none, words with commas for a list, or JSON. Returns how many
    open jobs were cancelled because their kind is off now. Raises Problem, and stores nothing, for a name or a
    value that the mapping refuses.
    """
    profile = mapping.load_profile(connection.profile, connection.override)
    steps = _steps(profile, name)
    changed: Override = json.loads(json.dumps(connection.override or {}))
    holder = changed
    for step in steps[:-1]:
        inner = holder.setdefault(step, {})
        if not isinstance(inner, dict):
            raise Problem(f"{name}: {step} is a value, not a table of settings.")
        holder = inner
    before = holder.get(steps[-1])
    holder[steps[-1]] = _value(profile, steps, text)
    cancelled = _store(tx, by, connection, changed)
    by.note(tx, "mapping set", connection.name, name=name, value=holder[steps[-1]], was=before)
    return cancelled


def unset(tx: Tx, by: By, connection: ConnectionRow, name: str) -> int:
    """Take one setting out of the override, so that the shipped one holds again; as `set_value`."""
    changed: Override = json.loads(json.dumps(connection.override or {}))
    known = _names(changed)
    if name not in known:
        near = did_you_mean(name, known) or (f"; it sets {', '.join(known)}." if known else ".")
        raise Problem(f"The override of {connection.name} does not set {name}{near}")
    was = _take_out(changed, name.split("."))
    cancelled = _store(tx, by, connection, changed)
    by.note(tx, "mapping unset", connection.name, name=name, was=was)
    return cancelled


def replace_override(tx: Tx, by: By, connection: ConnectionRow, override: Mapping[str, Any]) -> int:
    """Put another override in the place of the one that is; as `set_value`."""
    cancelled = _store(tx, by, connection, dict(override))
    by.note(tx, "mapping replaced", connection.name, was=connection.override)
    return cancelled


def unknown_in_books(tx: Tx, connection: ConnectionRow, name: str) -> str:
    """Why the value of a setting cannot be what QuickBooks calls one of its own, in a sentence; "" where it may be.

    Asked of the accounts and tax codes that were read last; nothing is known before they were read.
    """
    setting = name.removeprefix("settings.")
    kind = next((kind for ending, kind in LISTS.items() if setting.endswith(ending)), None)
    value = mapping.load_profile(connection.profile, connection.override).settings.get(setting)
    if kind is None or not value:
        return ""
    known = records.living(tx, connection.company_id, "books", kind)
    names = [str(one.values.get("FullName") or one.values.get("Name")) for one in known]
    if not names or " ".join(value.casefold().split()) in {one.casefold() for one in names}:
        return ""
    what = LIST_NAMES[kind]
    near = did_you_mean(value, names) or f"; it has {len(names)}."
    return f"QuickBooks has no {what} called {value!r}{near}"


# --- names and values ---


def _steps(profile: Profile, name: str) -> list[str]:
    steps = name.split(".")
    if steps[0] == "settings" and len(steps) > 1 and name[len("settings.") :] not in profile.settings:
        wrong = name[len("settings.") :]
        near = did_you_mean(wrong, profile.settings) or f"; there are: {', '.join(profile.settings)}."
        raise Problem(f"There is no setting {wrong!r}{near}")
    if steps[0] == "kinds" and any(step in OF_RULES for step in steps[2:]):
        raise Problem(
            "Rules are changed in a file of changes, not one by one: qbwc-server mapping override --help"
        )
    if steps[0] == "kinds" and len(steps) > (4 if steps[2:3] == ["lines"] else 3):
        whole = ".".join(steps[: 4 if steps[2] == "lines" else 3])
        raise Problem(f"{name} lies too deep: set {whole} as a whole, in JSON.")
    return steps


def _value(profile: Profile, steps: Sequence[str], text: str) -> Any:
    if steps[0] in TEXTS:
        return text
    if text.casefold() in EMPTY:
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return re.split(r"[,\s]+", text.strip()) if _is_list(profile, steps) else text
    except (ValueError, RecursionError):
        raise Problem(f"{'.'.join(steps)}: a value as long or as nested as this is no setting.") from None


def _is_list(profile: Profile, steps: Sequence[str]) -> bool:
    """Whether the setting of a kind holds a list of words now."""
    found = [one for one in profile.kinds if len(steps) == 3 and one.name == steps[1]]
    return any(isinstance(getattr(one, steps[2], None), tuple) for one in found)


def _names(override: Mapping[str, Any], above: str = "") -> list[str]:
    """The dotted name of every single setting in an override; rules count as one for each verb."""
    found: list[str] = []
    for key, value in override.items():
        name = f"{above}{key}"
        tables = name in ("settings", "limits", "kinds") or re.fullmatch(r"kinds\.[^.]+(\.lines)?", name)
        found += _names(value, f"{name}.") if tables and isinstance(value, Mapping) else [name]
    return found


def _take_out(override: Override, steps: Sequence[str]) -> Any:
    """Take out a value, and the tables that are empty without it."""
    first, *rest = steps
    if not rest:
        return override.pop(first)
    was = _take_out(override[first], rest)
    if not override[first]:
        del override[first]
    return was


# --- storing ---


def _store(tx: Tx, by: By, connection: ConnectionRow, override: Override) -> int:
    try:
        after = mapping.load_profile(connection.profile, override)
    except MappingError as wrong:
        raise Problem(f"Nothing was changed. {' '.join(wrong.problems)}") from None
    cancelled = _cancel_jobs(tx, by, connection, after)
    parties.change_connection(tx, connection.id, override=override or None)
    follow_mapping(Desk(tx, load_scope(tx, connection), NO_RUN, by.now))
    return cancelled


def _cancel_jobs(tx: Tx, by: By, connection: ConnectionRow, after: Profile) -> int:
    """A kind that is off writes nothing, and nobody could say any more what its open jobs would write."""
    scope = load_scope(tx, connection)
    on = {(one.role, one.crm_kind, one.books_kind) for one in after.kinds if one.mode != "off"}
    off = {(one.role, one.crm_kind, one.books_kind): one.name for one in scope.profile.kinds}
    off |= dict.fromkeys(on, "")
    desk = Desk(tx, scope, NO_RUN, by.now)
    cancelled = 0
    for job in jobs.all_jobs(tx, [connection.id], states=OPEN_STATES, limit=100_000):
        link = links.link(tx, connection.id, job.link_id)
        name = off.get((link.role, link.crm_kind, link.books_kind), "") if link else ""
        if link is not None and name:
            _check_settled(job, name)
            desk.cancel_open(link, "books" if job.side == "books" else "crm")
            cancelled += 1
    return cancelled


def _check_settled(job: LinkJob, kind: str) -> None:
    if job.state in ON_THE_WAY:
        raise Problem(
            f"A write of the kind {kind} ({job.id}) is on its way, and its answer must be understood. Update in "
            "the Web Connector once more, then turn the kind off."
        )
