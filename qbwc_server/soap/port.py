"""The Web Connector's methods as plain Python, so that no SOAP library reaches the sessions behind them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Protocol, TypeVar

from qbwc_server.sync.posted import Posted

log = logging.getLogger(__name__)

T = TypeVar("T")

# Shown in the Web Connector's status column when our own code failed.
TROUBLE = "The server had a problem of its own. Nothing is lost; the next update tries again."

OnError = Callable[[str, str, Exception], None]
"""Told (method, ticket or "", exception) when a method failed inside; runs before the error value leaves."""


class Operations(Protocol):
    """What the Web Connector may ask, one method for each SOAP operation.

    Strings are never None: a missing, empty or nil element arrives as "", a missing response as an empty
    document, which is the caller's to close. A hresult is the text the
    Web Connector sent ("0x80040400") or "". The ticket is the secret that `authenticate` gave out;
    every method must accept one that is unknown or expired. Any call may come twice.
    """

    def server_version(self) -> str:
        """Any short text; asked before the login, so it must not create a session."""

    def client_version(self, version: str) -> str:
        """ "" to go on, "W:text", "E:text" or "O:version"; anything else stops the update (QBWC1046)."""

    def authenticate(self, user: str, password: str, address: str) -> list[str]:
        """[ticket, status] or [ticket, status, postpone seconds, minimum seconds], never fewer than two.

        The status is "" (the open company file), a company file path, "none", "nvu" or "busy".
        `address` is the peer's IP address as the WSGI server saw it.
        """

    def send_request_xml(
        self, ticket: str, hcp_response: str, company_file: str, country: str, major: int, minor: int
    ) -> str:
        """The next qbXML document, starting with "<?xml", or "" to be asked for `get_last_error`."""

    def receive_response_xml(self, ticket: str, response: Posted, hresult: str, message: str) -> int:
        """0..99 to be asked for more, 100 when all is done, negative to be asked for `get_last_error`."""

    def connection_error(self, ticket: str, hresult: str, message: str) -> str:
        """ "done", or the company file path to try next ("" is the open one). Never a message."""

    def get_last_error(self, ticket: str) -> str:
        """A sentence for the status column, or "NoOp" to be asked again in five seconds."""

    def close_connection(self, ticket: str) -> str:
        """A short sentence for the status column."""

    def get_interactive_url(self, ticket: str, session_id: str) -> str:
        """The page to open, or ""."""

    def interactive_rejected(self, ticket: str, reason: str) -> str:
        """The message to show, or ""."""

    def interactive_done(self, ticket: str) -> str:
        """Any text; "" as long as no interactive session is ever offered."""


def safe_operations(inner: Operations, on_error: OnError) -> Operations:
    """`inner`, but an exception becomes the error value of its method and goes to `on_error`.

    A SOAP fault ends the Web Connector's run without a word to the person in front of it, so a fault is never
    the answer to a failure of ours (QBWC protocol 1.5). A failing `on_error` changes nothing for the caller.
    """
    return _SafeOperations(inner, on_error)


class _SafeOperations:
    def __init__(self, inner: Operations, on_error: OnError) -> None:
        self._inner = inner
        self._on_error = on_error

    def server_version(self) -> str:
        return self._attempt("serverVersion", "", self._inner.server_version, "qbwc-server")

    def client_version(self, version: str) -> str:
        return self._attempt("clientVersion", "", lambda: self._inner.client_version(version), "")

    def authenticate(self, user: str, password: str, address: str) -> list[str]:
        # Not "nvu": that would tell the person that a right password is wrong.
        return self._attempt(
            "authenticate", "", lambda: self._inner.authenticate(user, password, address), ["", "busy"]
        )

    def send_request_xml(
        self, ticket: str, hcp_response: str, company_file: str, country: str, major: int, minor: int
    ) -> str:
        return self._attempt(
            "sendRequestXML",
            ticket,
            lambda: self._inner.send_request_xml(ticket, hcp_response, company_file, country, major, minor),
            "",
        )

    def receive_response_xml(self, ticket: str, response: Posted, hresult: str, message: str) -> int:
        return self._attempt(
            "receiveResponseXML",
            ticket,
            lambda: self._inner.receive_response_xml(ticket, response, hresult, message),
            -1,
        )

    def connection_error(self, ticket: str, hresult: str, message: str) -> str:
        # Any other text would be taken for a path and tried for ever.
        return self._attempt(
            "connectionError", ticket, lambda: self._inner.connection_error(ticket, hresult, message), "done"
        )

    def get_last_error(self, ticket: str) -> str:
        return self._attempt("getLastError", ticket, lambda: self._inner.get_last_error(ticket), TROUBLE)

    def close_connection(self, ticket: str) -> str:
        return self._attempt("closeConnection", ticket, lambda: self._inner.close_connection(ticket), TROUBLE)

    def get_interactive_url(self, ticket: str, session_id: str) -> str:
        return self._attempt(
            "getInteractiveURL", ticket, lambda: self._inner.get_interactive_url(ticket, session_id), ""
        )

    def interactive_rejected(self, ticket: str, reason: str) -> str:
        return self._attempt(
            "interactiveRejected", ticket, lambda: self._inner.interactive_rejected(ticket, reason), ""
        )

    def interactive_done(self, ticket: str) -> str:
        # "" would mean "ask again in a minute" to Intuit's own sample.
        return self._attempt("interactiveDone", ticket, lambda: self._inner.interactive_done(ticket), "DONE")

    def _attempt(self, method: str, ticket: str, call: Callable[[], T], error_value: T) -> T:
        try:
            return call()
        except Exception as failure:  # noqa: BLE001 - the edge where our failures become protocol values
            self._report(method, ticket, failure)
            return error_value

    def _report(self, method: str, ticket: str, failure: Exception) -> None:
        try:
            self._on_error(method, ticket, failure)
        except Exception as second:  # noqa: BLE001 - the report may need the very database that is down
            log.error("%s failed:\n%s", method, without_values(failure))
            log.error("Reporting that failed as well:\n%s", without_values(second))


def without_values(failure: BaseException) -> str:
    """Type and place of a failure for the log, without its text, which may quote a password or a ticket.

    (A database error shows the values of its statement, a parser error the document.)
    """
    frames = "".join(traceback.format_tb(failure.__traceback__))
    return f"{frames}{type(failure).__module__}.{type(failure).__qualname__}"
