"""What no source settles: each point is a switch with the position we believe in; a server should bear both."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Above100 = Literal["error", "done", "continue"]
InteractiveDone = Literal["interactiveDone", "isInteractiveDone"]


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


def rows() -> Iterator[tuple[str, str, str, str]]:
    """(name, sentence, our position, section) of every switch."""
    for one in fields(Unconfirmed):
        believed = getattr(Unconfirmed, one.name)
        shown = ("no", "yes")[believed] if isinstance(believed, bool) else str(believed)
        yield one.name, one.metadata["sentence"], shown, f"P{one.metadata['section']}"


def as_markdown() -> str:
    """The table of the README."""
    head = "| switch | what it says | our position | source |\n| --- | --- | --- | --- |\n"
    return head + "".join(
        f"| `{name}` | {sentence} | {default} | {section} |\n" for name, sentence, default, section in rows()
    )
