"""What no source settles: each point is a switch with the position we believe in; a server should bear both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

from qbwc_server.simulator.errors import SimulatorError

Above100 = Literal["error", "done", "continue"]
InteractiveDone = Literal["interactiveDone", "isInteractiveDone"]

# Every other switch is yes or no.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "above_100": get_args(Above100),
    "interactive_done": get_args(InteractiveDone),
}


def _point(default: Any, section: str, sentence: str) -> Any:
    return field(default=default, metadata={"section": section, "sentence": sentence})


_ABOVE_100 = _point("error", "2.7", "what receiveResponseXML above 100 does: error, done or continue")
_INTERACTIVE_DONE = _point(
    "interactiveDone", "2.1", "the name of the call that asks whether interactive mode is over"
)


@dataclass(frozen=True)
class Unconfirmed:
    """Sections are of the protocol reference. Change one with Options(unconfirmed=Unconfirmed(...))."""

    expects_continue: bool = _point(True, "1.1", "every POST carries `Expect: 100-continue`")
    keeps_cookies: bool = _point(True, "1.1", "cookies come back within a run")
    ascii_without_charset: bool = _point(
        True, "1.4", "a reply without a charset is read as US-ASCII, else as UTF-8"
    )
    server_version_failure_ends: bool = _point(False, "1.5", "a failing serverVersion ends the run")
    missing_client_version_is_skipped: bool = _point(
        False, "11 #3", "a failing clientVersion is passed over, instead of QBWC1036"
    )
    closes_after_exception: bool = _point(
        False, "1.5", "closeConnection follows an exception in a call that had a ticket"
    )
    closes_after_connection_error: bool = _point(
        False, "2.8", "closeConnection follows connectionError answered with done"
    )
    closes_after_none: bool = _point(True, "3.2 #1", "closeConnection follows authenticate = none")
    closes_after_busy: bool = _point(False, "2.5", "closeConnection follows authenticate = busy")
    closes_after_lock: bool = _point(
        False, "3.3", "closeConnection follows when another PC holds the company file lock"
    )
    closes_after_preflight: bool = _point(False, "3.2 #10", "closeConnection follows QBWC1014")
    takes_over_own_lock: bool = _point(True, "3.3", "a stale company file lock of the same PC is taken over")
    connects_twice: bool = _point(
        False, "3.3", "the connection to QuickBooks is tried twice before connectionError is called"
    )
    zero_postpones: bool = _point(True, "2.5", "authenticate [2] = 0 counts as a number")
    noop_in_any_case: bool = _point(True, "2.9", "getLastError = NOOP or noop counts as NoOp")
    noop_request_asks: bool = _point(
        True, "2.6", "sendRequestXML = NoOp leads to getLastError, else it goes to QuickBooks as a request"
    )
    above_100: Above100 = _ABOVE_100
    interactive_done: InteractiveDone = _INTERACTIVE_DONE
    interactive_empty_waits: bool = _point(
        True, "2.11", 'the reply "" to it waits another minute, else it ends interactive mode'
    )
    refuses_bom: bool = _point(True, "5", "a .qwc file with a byte order mark is refused")
    same_host_only: bool = _point(
        True, "5.1", "AppURL and AppSupport need the same host, else only the same last two labels"
    )


def positions(name: str) -> tuple[str, ...]:
    """What a switch can be set to, ours first. Raises SimulatorError for a name that is none."""
    if name not in (one.name for one in fields(Unconfirmed)):
        known = ", ".join(one.name for one in fields(Unconfirmed))
        raise SimulatorError(f"There is no rule {name!r} of the Web Connector, only {known}.")
    believed = getattr(Unconfirmed, name)
    choices = _CHOICES.get(name, ("yes", "no"))
    ours = shown(believed)
    return (ours, *(one for one in choices if one != ours))


def chosen(moved: Mapping[str, str], base: Unconfirmed) -> Unconfirmed:
    """base with some switches set to positions given as texts."""
    return replace(base, **{name: _value(name, text) for name, text in moved.items()})


def shown(value: Any) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _value(name: str, text: str) -> Any:
    if text not in positions(name):
        raise SimulatorError(f"{name} can be {' or '.join(positions(name))}, not {text!r}.")
    return text if name in _CHOICES else text == "yes"


def rows() -> Iterator[tuple[str, str, str, str]]:
    """(name, sentence, our position, section) of every switch."""
    for one in fields(Unconfirmed):
        ours = shown(getattr(Unconfirmed, one.name))
        yield one.name, one.metadata["sentence"], ours, f"P{one.metadata['section']}"


def as_markdown() -> str:
    """The table of the README."""
    head = "| switch | what it says | our position | source |\n| --- | --- | --- | --- |\n"
    return head + "".join(
        f"| `{name}` | {sentence} | {default} | {section} |\n" for name, sentence, default, section in rows()
    )
