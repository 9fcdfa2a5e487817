"""How an answer is written: in the form the protocol reference shows, default namespace, no blank, no BOM."""

from __future__ import annotations

import re
from typing import Final
from xml.sax.saxutils import escape

from qbwc_server.soap.methods import TARGET_NAMESPACE, Result

SOAP_NAMESPACE: Final = "http://schemas.xmlsoap.org/soap/envelope/"

# Everything XML 1.0 cannot carry, lone surrogates included (QBWC protocol 10, rule 13).
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def reply(method: str, result: Result) -> bytes:
    """The envelope that answers `method`; characters that XML cannot carry are left out of the result."""
    name = f"{method}Result"
    inner = "".join(map(_string, result)) if isinstance(result, list) else _text(result)
    return _envelope(
        f'<{method}Response xmlns="{TARGET_NAMESPACE}"><{name}>{inner}</{name}></{method}Response>'
    )


def fault(code: str, message: str) -> bytes:
    """A SOAP fault, to be sent with HTTP 500; `code` is Client, Server or VersionMismatch."""
    return _envelope(
        f"<soap:Fault>{_element('faultcode', f'soap:{code}')}{_element('faultstring', message)}</soap:Fault>"
    )


def _envelope(body: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<soap:Envelope xmlns:soap="{SOAP_NAMESPACE}"><soap:Body>{body}</soap:Body></soap:Envelope>'
    ).encode()


def _string(item: str) -> str:
    return _element("string", item)


def _element(name: str, content: str) -> str:
    return f"<{name}>{_text(content)}</{name}>"


def _text(value: str | int) -> str:
    # A carriage return would be turned into a line feed by the reader unless it is written as a reference.
    return escape(_FORBIDDEN.sub("", str(value)), {"\r": "&#13;"})
