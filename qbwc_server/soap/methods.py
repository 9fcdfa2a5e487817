"""The SOAP operations as a table: what arrives for each, which method of the port it is, what leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from qbwc_server.soap.port import Operations
from qbwc_server.sync.posted import Posted

TARGET_NAMESPACE = "http://developer.intuit.com/"

Result: TypeAlias = "str | int | list[str]"


def text(result: object) -> str:
    return "" if result is None else str(result)


def whole_number(result: object) -> int:
    return int(str(result))


def texts(result: object) -> list[str]:
    """The positional answer of authenticate; one item too few kills the Web Connector's run (QBWC1012)."""
    if not isinstance(result, Sequence) or isinstance(result, str) or len(result) < 2:
        raise TypeError("authenticate must answer a list of at least two texts")
    return [text(item) for item in result]


@dataclass(frozen=True)
class Method:
    """One SOAP operation."""

    port: str
    """Name of the method of `Operations`."""

    arguments: tuple[str, ...] = ()
    """Element names on the wire, in the order in which the port's method takes them."""

    integers: frozenset[str] = frozenset()
    """Those of the arguments that are xs:int; all others are strings."""

    documents: frozenset[str] = frozenset()
    """Those of the strings that may be very long and reach the port as `Posted`."""

    peer: bool = False
    """Whether the port's method takes the caller's address as its last argument."""

    result: Callable[[object], Result] = text
    """Makes the result safe to write: a str, an int or a list of str, never None."""


QBXML_VERSION = ("qbXMLMajorVers", "qbXMLMinorVers")

METHODS: Mapping[str, Method] = {
    "serverVersion": Method("server_version"),
    "clientVersion": Method("client_version", ("strVersion",)),
    "authenticate": Method("authenticate", ("strUserName", "strPassword"), peer=True, result=texts),
    "sendRequestXML": Method(
        "send_request_xml",
        (
            "ticket",
            "strHCPResponse",
            "strCompanyFileName",
            "qbXMLCountry",
            "qbXMLMajorVers",
            "qbXMLMinorVers",
        ),
        integers=frozenset({"qbXMLMajorVers", "qbXMLMinorVers"}),
    ),
    "receiveResponseXML": Method(
        "receive_response_xml",
        ("ticket", "response", "hresult", "message"),
        documents=frozenset({"response"}),
        result=whole_number,
    ),
    "connectionError": Method("connection_error", ("ticket", "hresult", "message")),
    "getLastError": Method("get_last_error", ("ticket",)),
    "closeConnection": Method("close_connection", ("ticket",)),
    "getInteractiveURL": Method("get_interactive_url", ("wcTicket", "sessionID")),
    "interactiveRejected": Method("interactive_rejected", ("wcTicket", "reason")),
    # Intuit's guide and its sample disagree about the name of the last one: both are answered.
    "interactiveDone": Method("interactive_done", ("wcTicket",)),
    "isInteractiveDone": Method("interactive_done", ("wcTicket",)),
}


def call(operations: Operations, name: str, values: Sequence[object], address: str) -> Result:
    """Run one operation.

    `values` are in the order of `Method.arguments`; None (absent, empty or nil element) becomes "" or 0. A
    document may be given as a text or as `Posted`; who gave it closes it.
    Errors: whatever the port raises; TypeError or ValueError for a result that the protocol cannot carry.
    """
    method = METHODS[name]
    given = [_argument(method, *pair) for pair in zip(method.arguments, values, strict=True)]
    run = getattr(operations, method.port)
    return method.result(run(*given, address) if method.peer else run(*given))


def _argument(method: Method, name: str, value: object) -> str | int | Posted:
    if name in method.integers:
        return 0 if value is None else whole_number(value)
    if name in method.documents:
        return value if isinstance(value, Posted) else Posted.of(text(value))
    return text(value)
