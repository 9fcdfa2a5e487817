"""SOAP 1.1 envelopes as the real client writes and reads them; zeep knows the types, .NET the shape."""

import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

import zeep
from lxml import etree
from zeep.exceptions import XMLParseError

NAMESPACE = "http://developer.intuit.com/"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>'
Style = Literal["Document", "RPC"]
_NUMBERS = ("qbXMLMajorVers", "qbXMLMinorVers")
_PREFIXES = {
    "soap": SOAP,
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xsd": "http://www.w3.org/2001/XMLSchema",
}


class ReplyError(Exception):
    """The reply cannot be read the way .NET reads it; the text is what the real client would log."""


@cache
def _contract() -> Any:
    """The service description, held here like the real program's compiled proxy: it is never fetched."""
    return zeep.Client(str(Path(__file__).with_name("QBWebConnectorSvc.wsdl")))


def request(method: str, style: Style = "Document", **values: str | int) -> bytes:
    """One call on one line: prefix soap, Intuit's namespace as the default of the method element (1.3).

    In style RPC the method has a prefix, and its children have types in place of a namespace (2.12).
    """
    typed = _contract().create_message(_contract().service, method, **values)
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap=_PREFIXES)
    body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    (_rpc if style == "RPC" else _document)(body, method, typed[0][0])
    # .NET writes a space before the end of an empty element (2.3, 2.7); in text every > is a reference.
    return DECLARATION + etree.tostring(envelope, encoding="utf-8").replace(b"/>", b" />")


def _document(body: etree._Element, method: str, typed: etree._Element) -> None:
    default: dict[Any, str] = {None: NAMESPACE}
    call = etree.SubElement(body, f"{{{NAMESPACE}}}{method}", nsmap=default)
    for child in typed:
        etree.SubElement(call, child.tag).text = child.text or None


def _rpc(body: etree._Element, method: str, typed: etree._Element) -> None:
    body.set(f"{{{SOAP}}}encodingStyle", "http://schemas.xmlsoap.org/soap/encoding/")
    call = etree.SubElement(body, f"{{{NAMESPACE}}}{method}", nsmap={"q1": NAMESPACE})
    for child in typed:
        name = etree.QName(child).localname
        kind = "xsd:int" if name in _NUMBERS else "xsd:string"
        etree.SubElement(call, name, {f"{{{_PREFIXES['xsi']}}}type": kind}).text = child.text or None


def result(method: str, text: str, style: Style = "Document") -> Any:
    """The value of a reply: a string, an int, a list of strings, or None where .NET would see null.

    Whatever stands in another namespace or under another name is not seen at all (pitfalls 1, 3, 4, 5).
    Raises ReplyError for a fault and for anything that is not a SOAP envelope.
    """
    wrapper = _first_of_body(_parse(text))
    if wrapper is not None and style == "RPC":
        _qualify(wrapper)
    if wrapper is None or wrapper.tag != f"{{{NAMESPACE}}}{method}Response":
        return None
    if method == "receiveResponseXML" and not _is_whole_number(wrapper):
        return None
    clean = etree.Element(f"{{{SOAP}}}Envelope")
    etree.SubElement(clean, f"{{{SOAP}}}Body").append(wrapper)
    try:
        return _contract().service._binding.get(method).process_reply(clean)
    except XMLParseError:
        return None


def _qualify(wrapper: etree._Element) -> None:
    """An RPC reply has no namespace below the method; how its arrays look is not known, so any item is one (11 #8)."""
    for element in wrapper.iterdescendants("*"):
        is_item = element.getparent() is not wrapper
        if not str(element.tag).startswith("{"):
            element.tag = f"{{{NAMESPACE}}}{'string' if is_item else element.tag}"


def _is_whole_number(wrapper: etree._Element) -> bool:
    """An xs:int as .NET converts it: blanks around it, a sign, 32 bits."""
    text = wrapper.findtext(f"{{{NAMESPACE}}}receiveResponseXMLResult") or ""
    return re.fullmatch(r"\s*[+-]?\d{1,10}\s*", text) is not None and -(2**31) <= int(text) < 2**31


def _parse(text: str) -> etree._Element:
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(text.encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        raise ReplyError(f"Response is not well-formed XML. {error.msg}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise ReplyError("For security reasons DTD is prohibited in this XML document.")
    return root


def _first_of_body(root: etree._Element) -> etree._Element | None:
    name = etree.QName(root)
    if name.localname != "Envelope" or name.namespace not in (None, SOAP, SOAP_12):
        raise ReplyError(
            f"Possible SOAP version mismatch: Envelope namespace {name.namespace or ''} was unexpected."
        )
    inside = f"{{{name.namespace}}}" if name.namespace else ""
    body = root.find(f"{inside}Body")
    first = None if body is None else next(iter(body.iterchildren("*")), None)
    if first is not None and first.tag == f"{inside}Fault":
        raise ReplyError(_fault_text(first))
    return first


def _fault_text(fault: etree._Element) -> str:
    return fault.findtext("faultstring") or "Server was unable to process request."
