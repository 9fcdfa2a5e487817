"""The spyne service: reads a checked envelope, validates and dispatches it, and calls the port.

Nothing outside this module and `spyne_import` knows spyne. It must be reached through `front`, which has
refused by then what makes spyne raise, swallow values or write secrets to a log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import WSGIApplication

from lxml import etree

from qbwc_server.soap.envelope import fault, reply
from qbwc_server.soap.methods import METHODS, TARGET_NAMESPACE, Method, call
from qbwc_server.soap.port import Operations, without_values
from qbwc_server.soap.spyne_import import (
    Application,
    Array,
    Fault,
    Integer32,
    Service,
    Soap11,
    Unicode,
    WsgiApplication,
    rpc,
)

log = logging.getLogger(__name__)

# Four of them write whole requests, passwords included, at ERROR or DEBUG and are named in case somebody turns
# "spyne" up; the rest repeats, with its own text and traceback, what is answered and logged here already.
SILENT_LOGGERS = (
    "spyne",
    "spyne.protocol.soap.soap11",
    "spyne.protocol.soap.soap11.invalid",
    "spyne.protocol.xml",
    "spyne.protocol.xml.invalid",
)

# Fault codes of spyne -> what the caller reads: its own texts quote the request.
FAULT_TEXTS = {
    "Client.ResourceNotFound": "Unknown method.",
    "Client.ValidationError": "A value of the call is repeated or is not a whole number.",
}

XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"

# Empty elements are normal (<hresult />), and "nillable=False" would refuse them.
TEXT = Unicode(min_occurs=0, nillable=True)
NUMBER = Integer32(min_occurs=0, nillable=True)
TEXTS = Array(Unicode, member_name="string", type_name="ArrayOfString", namespace=TARGET_NAMESPACE)


def _operation(name: str, method: Method) -> Callable[..., Any]:
    def run(ctx: Any, *values: object) -> Any:
        address = ctx.transport.req_env.get("REMOTE_ADDR", "")
        return call(ctx.app.operations, name, values, address)

    run.__name__ = name
    types = [NUMBER if argument in method.integers else TEXT for argument in method.arguments]
    decorate = rpc(*types, _returns=_result_type(name), _args=method.arguments)
    decorated: Callable[..., Any] = decorate(run)
    return decorated


def _result_type(name: str) -> Any:
    return {"authenticate": TEXTS, "receiveResponseXML": NUMBER}.get(name, TEXT)


QBWebConnectorSvc = type(Service)(
    "QBWebConnectorSvc", (Service,), {name: _operation(name, method) for name, method in METHODS.items()}
)


class EnvelopeIn(Soap11):  # type: ignore[misc]
    """Reads the body that `front` has scanned. SOAP's href references, which nobody sends, stay unresolved."""

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:  # noqa: ARG002
        body = ctx.transport.req_env["wsgi.input"].getvalue()
        try:
            tree = etree.fromstring(body, etree.XMLParser(**self.parser_kwargs))
        except etree.XMLSyntaxError:
            raise OurFault("Client", "The request is not well-formed XML.") from None
        # spyne takes an attribute that is named like an argument for that argument, and fails.
        for element in tree.iter("*"):
            for name in {*element.attrib} - {XSI_NIL}:
                del element.attrib[name]
        ctx.in_document = tree, {}

    def from_element(self, ctx: Any, cls: Any, element: Any) -> Any:
        # spyne takes any value of xsi:nil, "false" included, for true.
        if element.get(XSI_NIL) in ("false", "0"):
            del element.attrib[XSI_NIL]
        return super().from_element(ctx, cls, element)


class EnvelopeOut(Soap11):  # type: ignore[misc]
    """Writes results and faults as text: spyne's way costs a third of a call and may lose the Body."""

    def serialize(self, ctx: Any, message: Any) -> None:
        """Nothing: there is no tree to build."""

    def create_out_string(self, ctx: Any, charset: str | None = None) -> None:  # noqa: ARG002
        ctx.out_string = [_written_fault(ctx.out_error) if ctx.out_error else _written(ctx)]


def _written(ctx: Any) -> bytes:
    return reply(ctx.descriptor.name, ctx.out_object[0])


def _written_fault(error: Any) -> bytes:
    # A code below Client or Server ("Client.ValidationError") says nothing that the text does not.
    side = "Server" if error.faultcode.startswith("Server") else "Client"
    ours = error.faultstring if isinstance(error, OurFault) else "The call could not be understood."
    return fault(side, FAULT_TEXTS.get(error.faultcode, ours))


class OurFault(Fault):  # type: ignore[misc]
    """A fault whose text is our own and may be shown."""


class SoapService(Application):  # type: ignore[misc]
    """One place for failures: whatever the port raises becomes a fault without a word of its text."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations
        super().__init__(
            [QBWebConnectorSvc],
            tns=TARGET_NAMESPACE,
            name="QBWebConnectorSvc",
            in_protocol=EnvelopeIn(
                validator="soft",
                encoding="UTF-8",
                huge_tree=True,
                resolve_entities=False,
                load_dtd=False,
                no_network=True,
                parse_xsi_type=False,
            ),
            out_protocol=EnvelopeOut(),
        )

    def call_wrapper(self, ctx: Any) -> Any:
        try:
            return super().call_wrapper(ctx)
        except Exception as failure:  # noqa: BLE001 - the edge between our code and SOAP
            log.error("%s failed:\n%s", ctx.descriptor.name, without_values(failure))
            raise OurFault("Server", "The server had a problem of its own.") from None


def silence(names: Iterable[str] = SILENT_LOGGERS) -> None:
    """Put spyne's loggers above CRITICAL."""
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def spyne_app(operations: Operations, *, max_bytes: int) -> WSGIApplication:
    """The WSGI application of the service; to be built once per process and reached through `front` only."""
    silence()
    application: WSGIApplication = WsgiApplication(
        SoapService(operations),
        chunked=True,  # the other way joins bytes with a str
        max_content_length=max_bytes,
    )
    return application
